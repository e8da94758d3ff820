"""The trade tape: newest first, price in the colour of the taker's side, a bar for the size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any, Protocol

from msgspec import Struct

from kucoin_stream import given
from kucoin_stream.analytics.columns import floats, times
from kucoin_stream.analytics.intervals import length_ns
from kucoin_stream.errors import UsageError
from kucoin_stream.widgets.drawing import html, text
from kucoin_stream.widgets.drawing.picture import Caption, Painter, Subject, digits
from kucoin_stream.widgets.trades import rows as tape
from kucoin_stream.widgets.trades.sweeps import Deal, Sweep, Sweeps

LATEST = 200  # trades that a subject has at hand
PAST = 10_000  # trades that are searched for those that pass a filter
LONGEST_S = 60.0  # within which trades are joined


class TapeSubject(Subject, Protocol):
    """The latest trades: of spot, of futures, of Pro."""

    @property
    def size_unit(self) -> str:
        """``lots`` where sizes are lots of contracts, else nothing."""

    def recent(self, count: int) -> Sequence[Any]:
        """Return at most ``count`` trades, newest last: the same objects each time."""

    def rows(self, count: int) -> Any:
        """Return at most ``count`` trades as a DataFrame, newest last. Only asked for where trades are left out."""

    def decimals(self, symbol: str) -> tuple[int, int]:
        """Return the digits after the point in a price and in a size of ``symbol``."""

    def multiplier(self, symbol: str) -> float | None:
        """Return the base coins of a lot; below 0 of an inverse contract, ``None`` of spot."""


class TapeRow(Struct, frozen=True):
    """One trade, or several of one side; ``bar`` is the size in per cent of the largest shown of its symbol."""

    time_s: float  # of the first
    symbol: str
    side: str  # "buy", "sell" or ""
    price: float  # of the last
    size: float
    bar: float
    price_decimals: int
    size_decimals: int
    trades: int = 1
    mean: float = 0.0  # price weighted by size


class TapePicture(Struct, frozen=True):
    """All that one drawing of the tape shows; rows newest first.

    ``bought`` and ``sold`` are the sizes of the rows, ``None`` where they are of several symbols; ``unit`` is theirs.
    """

    caption: Caption
    count: int
    rows: tuple[TapeRow, ...]
    several: bool  # symbols
    joined: bool = False  # whether rows may be several trades
    bought: float | None = None
    sold: float | None = None
    unit: str = ""
    passed: str = ""  # what rows are shown, where not all are


def picture(
    rows: Sequence[Sweep],
    caption: Caption,
    count: int,
    decimals: dict[str, tuple[int, int]],
    *,
    joined: bool = False,
    unit: str = "",
    passed: str = "",
) -> TapePicture:
    """Take a picture of rows, oldest first; ``decimals`` are those of price and size, by symbol."""
    newest = [*reversed(rows)]
    sizes: dict[str, list[float]] = {}
    for row in newest:
        sizes.setdefault(row.symbol, []).append(row.size)
    largest = {symbol: max(values) for symbol, values in sizes.items()}
    shown = {s: (decimals[s][0], _size_decimals(sizes[s], decimals[s][1])) for s in sizes}
    made = tuple(
        [
            TapeRow(
                time_s=row.first_ns / 1e9,
                symbol=row.symbol,
                side=row.side if row.side in tape.ARROWS else "",
                price=row.price,
                size=row.size,
                bar=min(100.0, max(0.0, row.size / largest[row.symbol] * 100)) if largest[row.symbol] > 0 else 0.0,
                price_decimals=shown[row.symbol][0],
                size_decimals=shown[row.symbol][1],
                trades=row.trades,
                mean=row.mean,
            )
            for row in newest
        ]
    )
    one = len(sizes) == 1
    bought, sold = (sum(row.size for row in made if row.side == side) if one else None for side in tape.ARROWS)
    return TapePicture(caption, count, made, len(sizes) > 1, joined, bought, sold, unit, passed)


class TapePainter(Painter[TapeSubject, TapePicture]):
    """Draws the newest ``count`` trades (1 to 200).

    ``aggregate``: ``"250ms"``, a minute at most: trades of one symbol and side within that time since the first one
    are one row, with their sizes summed, the last price, the mean price, and how many they are.
    ``min_size`` (base currency, of futures lots) and ``min_value`` (quote currency): rows below are left out. With any
    of these the last 10,000 trades that the subject keeps are looked through at first, and after a long time unseen.
    Raises :class:`UsageError` for what is out of range.
    """

    def __init__(
        self,
        subject: TapeSubject,
        count: int = 15,
        aggregate: str | timedelta | None = None,
        min_size: float = 0.0,
        min_value: float = 0.0,
    ) -> None:
        super().__init__(subject)
        self.count = given.whole("count", count, 1, LATEST)
        within_ns = _within_ns(aggregate)
        least = _least("min_size", min_size), _least("min_value", min_value)
        self._joined = within_ns > 0
        self._past = PAST if self._joined or any(least) else 0
        self._passed = _passed(within_ns, *least)
        multiplier = subject.multiplier if least[1] else None
        self._sweeps = Sweeps(self.count, within_ns, *least, multiplier)
        self._seen: Any = None  # the last trade

    def picture(self, at: float) -> TapePicture:
        """Take the trades that are new, and a picture of the last rows."""
        subject, rows = self.subject, self._sweeps.rows
        self._sweeps.take(map(_deal, self._fresh()))
        decimals = {symbol: subject.decimals(symbol) for symbol in {row.symbol for row in rows}}
        return picture(
            rows, self.caption(at), self.count, decimals,
            joined=self._joined, unit=self._unit(decimals), passed=self._passed,
        )  # fmt: skip

    def _fresh(self) -> Sequence[Any]:
        """Return the trades that are new; where nobody knows which are, begin anew.

        That is so at first, after a long time unseen, and on a tape that was wound.
        """
        recent = self.subject.recent(LATEST)
        known = next((at for at in range(len(recent), 0, -1) if recent[at - 1] is self._seen), 0)
        fresh = recent[known:]
        if not known:
            self._sweeps.clear()
            if self._past:
                taken = self._take_past()
                recent = self.subject.recent(LATEST)  # those that came meanwhile are not in the past
                fresh = [trade for trade in recent if (trade.symbol, trade.trade_id) not in taken]
        self._seen = recent[-1] if recent else None
        return fresh

    def _take_past(self) -> set[tuple[str, str]]:
        """Take the trades that the subject keeps; return symbol and number of the newest of them."""
        past = self.subject.rows(self._past)
        if not len(past):
            return set()
        symbols, sides = past["symbol"].astype(object).tolist(), past["side"].astype(object).tolist()
        columns = (times(past).tolist(), symbols, sides, floats(past, "price").tolist(), floats(past, "size").tolist())
        self._sweeps.take(map(Deal, *columns))
        newest = 2 * LATEST
        return set(zip(symbols[-newest:], past["trade_id"].tolist()[-newest:], strict=True))

    def _unit(self, symbols: dict[str, Any]) -> str:
        if unit := getattr(self.subject, "size_unit", ""):
            return str(unit)
        base, dash, _ = next(iter(symbols)).partition("-") if len(symbols) == 1 else ("", "", "")
        return base if dash else ""

    def html(self, picture: TapePicture) -> str:
        """Render as text columns over one path of bars a side."""
        p = picture
        return html.frame(
            p.caption,
            label=tape.label(p),
            facts=tape.facts(p, up=html.UP_TEXT, down=html.DOWN_TEXT),
            body=tape.columns(p),
            height=self._height,
            foot=tape.foot(p),
            notice=tape.waiting(p),
            max_width=620,
        )

    def static_html(self, picture: TapePicture) -> str:
        """Render as a table."""
        p = picture
        facts = tape.facts(p, up=f"color:{html.UP}", down=f"color:{html.DOWN}")
        foot, notice = tape.foot(p), tape.waiting(p)
        return html.static_frame(p.caption, facts=facts, body=tape.table(p), foot=foot, notice=notice, max_width=620)

    def text(self, picture: TapePicture, width: int = 80) -> str:
        """Render one row a line."""
        p = picture
        lines = [text.head(p.caption, width), text.fit(tape.totals_text(p), width)]
        lines += [text.fit(line, width) for line in tape.lines(p, width)]
        lines += [" " * width] * (p.count - len(p.rows))
        if waiting := tape.waiting(p):
            lines[2 + p.count // 2] = text.fit(f"  {waiting}", width)
        lines.append(text.foot(p.caption, tape.foot(p), width))
        return "\n".join(lines)

    def problem(self, caption: Caption, message: str) -> str:
        """Render an empty frame with the message."""
        return html.frame(caption, label=message, facts="", body="", height=self._height, notice=message, max_width=620)

    @property
    def _height(self) -> int:
        return (self.count + 1) * tape.ROW_PX


def _deal(trade: Any) -> Deal:
    """Return a trade of any feed; those of futures call their time otherwise."""
    time_ns = trade.ts_ns if hasattr(trade, "ts_ns") else trade.time_ns
    return Deal(time_ns, trade.symbol, trade.side, trade.price, trade.size)


def _within_ns(aggregate: str | timedelta | None) -> int:
    if aggregate is None:
        return 0
    with suppress(UsageError):  # it lists intervals that are too long here
        if isinstance(aggregate, str | timedelta) and (length := length_ns(aggregate)) <= LONGEST_S * 1e9:
            return length
    hint = f"write a time such as '250ms' or '1s', {LONGEST_S:g} s at most"
    raise UsageError(f"aggregate={given.shown(aggregate)}: {hint}")


def _least(name: str, value: float) -> float:
    hint = "a number, 0 or more"
    if (least := given.number(name, value, hint)) >= 0:
        return least
    raise UsageError(f"{name}={given.shown(value)}: {hint}")


def _passed(within_ns: int, min_size: float, min_value: float) -> str:
    """Say which rows are shown."""
    within = f"{within_ns / 1e9:g} s" if within_ns >= 1e9 else f"{within_ns / 1e6:g} ms"
    said = [
        f"within {within} joined" if within_ns else "",
        f"size {min_size:,.10g} or more" if min_size else "",
        f"value {min_value:,.10g} or more" if min_value else "",
    ]
    return " · ".join(filter(None, said))


def _size_decimals(sizes: list[float], most: int) -> int:
    """Show the smallest size with at least one digit, and the largest with four."""
    smallest = min((size for size in sizes if size > 0), default=1.0)
    needed = -math.floor(math.log10(smallest)) if smallest < 1 else 0
    return max(0, min(most, max(needed, 4 - digits(max(sizes)))))
