"""The wall: many symbols at once, each a tile with price, change, spread, age and the way of the last minutes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from msgspec import Struct

from kucoin_stream import given
from kucoin_stream.errors import UsageError
from kucoin_stream.frames.quotes import QuoteColumns
from kucoin_stream.widgets.drawing import html, text
from kucoin_stream.widgets.drawing.options import amount, choice
from kucoin_stream.widgets.drawing.picture import Caption, Painter, Subject
from kucoin_stream.widgets.wall import tiles
from kucoin_stream.widgets.wall.board import SORTS, Board

RANK_S = 2.0  # seconds between two rankings: tiles do not jump about
_MOST = 100_000  # symbols


class WallSubject(Subject, Protocol):
    """The latest message of each symbol."""

    @property
    def quotes(self) -> QuoteColumns | None:
        """Which fields of a message say what its symbol is worth."""

    @property
    def expected(self) -> int:
        """How many symbols there will be; 0 where that is not known."""

    def recent(self, count: int) -> Sequence[Any]:
        """Return the latest message of at most ``count`` symbols, in an order that stays."""

    def decimals(self, symbol: str) -> tuple[int, int]:
        """Return the digits after the point in a price and in a size of ``symbol``."""


class Tile(Struct, frozen=True):
    """One symbol; what is not known is ``None``. ``path``: prices at equal steps, oldest first, the last is now."""

    symbol: str
    price: float | None
    price_decimals: int
    change: float | None  # against the oldest price of the path, as a fraction
    spread_bps: float | None
    age_s: int | None  # whole seconds since the exchange's time of the last message
    path: tuple[float | None, ...]


class WallPicture(Struct, frozen=True):
    """All that one drawing shows. ``rising`` and ``falling`` count all ``symbols``, not only those shown."""

    caption: Caption
    count: int  # places
    tiles: tuple[Tile, ...]
    symbols: int
    rising: int
    falling: int
    sort: str
    seconds: float


class WallPainter(Painter[WallSubject, WallPicture]):
    """Draws at most ``count`` symbols (1 to 200), ranked anew every 2 s.

    ``sort``: ``"change"`` (largest rise first), ``"move"`` (largest change either way), ``"symbol"``, ``"volume"``
    (largest turnover, where messages tell it), ``"spread"`` (narrowest), ``"price"``, ``"age"`` (newest); with ``-``
    before it the other way. Changes and sparklines are those of the last ``seconds`` (10 to 86,400) as far as the
    picture was drawn in them. Raises :class:`UsageError` for what is out of range or unknown.
    """

    def __init__(self, subject: WallSubject, count: int = 40, sort: str = "change", seconds: float = 300.0) -> None:
        super().__init__(subject)
        columns = subject.quotes
        if columns is None:
            raise UsageError(f"{subject.title} has no prices by symbol: draw it as 'table'")
        self.count = given.whole("count", count, 1, 200)
        self.sort = choice("sort", sort, [*SORTS, *(f"-{name}" for name in SORTS)])
        for name, path in (("volume", columns.volume), ("spread", columns.bid)):
            if self.sort.endswith(name) and not path:
                raise UsageError(f"sort={sort!r}: {subject.title} tells no {name}; sort by another, as 'change'")
        self.seconds = amount("seconds", seconds, 10, 86_400, "seconds")
        self._board = Board(columns, self.seconds)
        self._ranked: tuple[float, int] = (0.0, -1)  # when, and of how many symbols
        self._order: list[int] = []
        self._paths: dict[str, tuple[float | None, ...]] = {}  # the steps that are over
        self._moved = -1
        self._digits: dict[str, int] = {}
        self._tiles: dict[str, Tile] = {}
        self._grid = tiles.Grid()

    def picture(self, at: float) -> WallPicture:
        """Take the latest messages, and a picture of those symbols that rank first."""
        board = self._board
        board.take(self.subject.recent(_MOST), at)
        self._rank(at)
        change, order = board.change, self._order
        columns = (board.price, change, board.spread_bps, at - board.time)
        values = zip(*(_known(column[order].tolist()) for column in columns), strict=True)
        shown = tuple(
            self._tile(place, price, moved, spread, age)
            for place, (price, moved, spread, age) in zip(order, values, strict=True)
        )
        symbols = len(board.symbols)
        rising, falling = int((change >= tiles.LEVEL).sum()), int((change <= -tiles.LEVEL).sum())
        return WallPicture(self.caption(at), self._places, shown, symbols, rising, falling, self.sort, self.seconds)

    def html(self, picture: WallPicture) -> str:
        """Render as a grid of as many columns as there is room for; its height depends on the width alone."""
        p = picture
        return html.frame(
            p.caption,
            label=tiles.label(p),
            facts=tiles.facts(p, html.fact, html.UP_TEXT, html.DOWN_TEXT),
            body=self._grid.html(p),
            height=None,
            foot=tiles.foot(p),
            notice=tiles.waiting(p),
            max_width=1920,
        )

    def static_html(self, picture: WallPicture) -> str:
        """Render as a table, a row for each symbol."""
        p = picture
        facts = tiles.facts(p, html.static_fact, f"color:{html.UP}", f"color:{html.DOWN}")
        foot, notice = tiles.foot(p), tiles.waiting(p)
        return html.static_frame(p.caption, facts=facts, body=tiles.table(p), foot=foot, notice=notice)

    def text(self, picture: WallPicture, width: int = 80) -> str:
        """Render two symbols a line, one where it is narrow."""
        p = picture
        lines = [text.head(p.caption, width), text.fit(tiles.summary(p), width), *tiles.lines(p, width)]
        if waiting := tiles.waiting(p):
            lines[2] = text.fit(f"  {waiting}", width)
        lines.append(text.foot(p.caption, tiles.foot(p), width))
        return "\n".join(lines)

    def problem(self, caption: Caption, message: str) -> str:
        """Render an empty frame with the message."""
        empty = WallPicture(caption, self._places, (), 0, 0, 0, self.sort, self.seconds)
        body = tiles.Grid().html(empty)
        return html.frame(caption, label=message, facts="", body=body, height=None, notice=message, max_width=1920)

    @property
    def _places(self) -> int:
        return min(self.count, self.subject.expected or self.count)

    def _rank(self, at: float) -> None:
        board = self._board
        when, symbols = self._ranked
        if symbols != len(board.symbols) or not 0 <= at - when < RANK_S:
            self._order = board.ranking(self.sort)[: self.count]
            self._ranked = at, len(board.symbols)
        if board.moved != self._moved:
            self._tiles, self._paths, self._moved = {}, {}, board.moved

    def _tile(self, place: int, price: float | None, change: float | None, spread: float | None, age: Any) -> Tile:
        """Return the tile of a symbol: the same object where nothing has changed."""
        symbol = self._board.symbols[place]
        age_s = None if age is None else max(0, int(age))
        tile = self._tiles.get(symbol)
        if tile is None or (tile.price, tile.change, tile.spread_bps, tile.age_s) != (price, change, spread, age_s):
            path = (*self._past(place, symbol), price)
            tile = self._tiles[symbol] = Tile(symbol, price, self._decimals(symbol), change, spread, age_s, path)
        return tile

    def _past(self, place: int, symbol: str) -> tuple[float | None, ...]:
        if symbol not in self._paths:
            self._paths[symbol] = _known(self._board.paths[place, :-1].tolist())
        return self._paths[symbol]

    def _decimals(self, symbol: str) -> int:
        if symbol not in self._digits:
            self._digits[symbol] = self.subject.decimals(symbol)[0]
        return self._digits[symbol]


def _known(values: Sequence[float]) -> tuple[float | None, ...]:
    return tuple([value if abs(value) < float("inf") else None for value in values])
