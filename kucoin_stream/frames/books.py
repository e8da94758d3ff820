"""Many order books as one frame: the best bid and ask of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any

import pandas as pd
from msgspec import Struct
from streamz import Stream

from kucoin_stream.errors import UnknownSymbolError
from kucoin_stream.frames.base import LiveFrame
from kucoin_stream.frames.book import LiveBook, place
from kucoin_stream.frames.bookchoice import Choice
from kucoin_stream.frames.bookkeeper import RIGHT
from kucoin_stream.frames.kept import end, settle, together
from kucoin_stream.frames.newest import Values
from kucoin_stream.frames.quotes import QuoteColumns, quote_columns
from kucoin_stream.given import shown
from kucoin_stream.market.book import Top
from kucoin_stream.protocol.messages.contracts import ContractInfo
from kucoin_stream.protocol.messages.rest import SymbolInfo
from kucoin_stream.streams.feed import brief
from kucoin_stream.streams.typed import Node
from kucoin_stream.transport.engine import Engine

_BEST = ("bid", "bid_size", "ask", "ask_size")


class BookTop(Struct, frozen=True, gc=False):
    """Best bid and ask of a book after a change; units as in :class:`LiveBook`."""

    symbol: str
    sequence: int | None = None
    bid: float | None = None
    bid_size: float | None = None
    ask: float | None = None
    ask_size: float | None = None


class LiveBooks(LiveFrame):
    """The best bid and ask of several books, a row each. Made by :meth:`Client.books`. Safe from any thread.

    ``.df``: index ``symbol``, columns ``bid``, ``bid_size``, ``ask``, ``ask_size``, ``mid``, ``spread`` (float64, of a
    book that is not right NaN), ``status`` (as of :class:`LiveBook`) and ``sequence`` (Int64). ``frame["BTC-USDT"]``
    is the book; :class:`UnknownSymbolError` where there is none of it. ``.stream`` carries a :class:`BookTop` after
    every change of any of them. Stopping it stops its books; a book that somebody else has opened stays.
    """

    kinds = ("table", "wall")

    def __init__(self, engine: Engine, books: Sequence[LiveBook]) -> None:
        super().__init__(engine)
        self.books = {book.symbol: book for book in books}
        self.title = f"{brief(list(self.books))} books"

    def __getitem__(self, symbol: str) -> LiveBook:
        if symbol in self:
            return self.books[symbol]
        raise UnknownSymbolError(f"no book of {shown(symbol)} here; there are: {brief(list(self.books))}")

    def __contains__(self, symbol: object) -> bool:
        return isinstance(symbol, str) and symbol in self.books

    def __iter__(self) -> Iterator[str]:
        return iter(self.books)

    def __len__(self) -> int:
        return len(self.books)

    @property
    def version(self) -> object:
        """Something that changes with every change of a book."""
        return tuple(book.version for book in self.books.values())

    @property
    def received(self) -> int:
        """Changes that were applied, of all books."""
        return sum(book.updates for book in self.books.values())

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics on the wire that the books are kept from."""
        return tuple(dict.fromkeys(topic for book in self.books.values() for topic in book.topics))

    @cached_property
    def stream(self) -> Node[BookTop]:
        """A streamz node with a :class:`BookTop` after each change of any book; what happens to topics is left out."""
        tops: Node[BookTop] = Stream.union(*(_tops(book) for book in self.books.values()))
        return tops

    def rows(self, count: int | None = None) -> pd.DataFrame:
        """Return the last ``count`` books of now, without waiting."""
        books = list(self.books.values())[-count:] if count else list(self.books.values())
        now = [_now(book) for book in books]
        tops = [top for top, _ in now]
        columns: dict[str, Any] = {name: [getattr(top, name) for top in tops] for name in _BEST}
        frame = pd.DataFrame(columns, index=pd.Index([book.symbol for book in books], name="symbol"), dtype="float64")
        frame["mid"] = (frame["bid"] + frame["ask"]) / 2
        frame["spread"] = frame["ask"] - frame["bid"]
        frame["status"] = pd.Categorical([status.partition(":")[0] for _, status in now])
        frame["sequence"] = pd.array([top.sequence for top in tops], dtype="Int64")
        return frame

    def newest(self, count: int) -> list[Values]:
        """Return the columns of the last ``count`` books of now as plain values: for pictures."""
        books = list(self.books.values())[-count:]
        now = [_now(book) for book in books]
        tops = [top for top, _ in now]
        sides = [(top.bid, top.ask) for top in tops]
        return [
            Values("symbol", "text", [book.symbol for book in books]),
            *(Values(name, "number", [getattr(top, name) for top in tops]) for name in _BEST),
            Values("mid", "number", [None if b is None or a is None else (b + a) / 2 for b, a in sides]),
            Values("spread", "number", [None if b is None or a is None else a - b for b, a in sides]),
            Values("status", "text", [status.partition(":")[0] for _, status in now]),
            Values("sequence", "number", [top.sequence for top in tops]),
        ]

    @property
    def quotes(self) -> QuoteColumns | None:
        """Which fields of :meth:`recent` say what a symbol is worth."""
        return quote_columns(BookTop)

    @property
    def expected(self) -> int:
        """How many symbols there are."""
        return len(self.books)

    def recent(self, count: int) -> list[BookTop]:
        """Return best bid and ask of the last ``count`` books of now, without waiting."""
        books = list(self.books.values())[-count:]
        return [
            BookTop(book.symbol, top.sequence, top.bid, top.bid_size, top.ask, top.ask_size)
            for book in books
            for top in (_now(book)[0],)
        ]

    def decimals(self, symbol: str) -> tuple[int, int]:
        """Return the decimals of price and size of the book of ``symbol``."""
        book = self.books[symbol]
        return book.price_decimals, book.size_decimals

    def _build(self) -> pd.DataFrame:
        return self.rows()

    @property
    def _fed_by(self) -> str:
        sources = ", ".join(dict.fromkeys(book.source for book in self.books.values()))
        return f"{sources} {brief(list(self.books))}"

    def _status(self) -> str:
        """Return the state that all share; where they differ, that of the first which is not right."""
        states = [(symbol, book.status) for symbol, book in self.books.items()]
        wrong = [f"{status.partition(':')[0]}: {symbol}" for symbol, status in states if status not in RIGHT]
        return wrong[0] if wrong else "partial" if any(status != "live" for _, status in states) else "live"

    @property
    def _over(self) -> bool:
        return super()._over or all(book._over for book in self.books.values())

    def _ready(self) -> bool:
        return all(book._ready() for book in self.books.values())

    def _release(self) -> None:
        end(self._engine, self.books.values(), self._stopped)


def opened(engine: Engine, wanted: Iterable[tuple[SymbolInfo | ContractInfo, Choice]]) -> list[LiveBook]:
    """Return a book of each, all asked for at once; :class:`RefusedError` where one is refused: then there is none."""
    chosen = list(wanted)
    with together(engine, dict(place(engine, info.symbol, *choice) for info, choice in chosen)):
        books = [LiveBook(engine, info, *choice) for info, choice in chosen]
    settle(engine, books)
    return books


def _now(book: LiveBook) -> tuple[Top, str]:
    """Return best prices and status of one moment."""
    state = book._keeper.state
    status = book.status if book._over else state.status
    return (state.top if status in RIGHT else Top()), status


def _tops(book: LiveBook) -> Any:
    symbol = book.symbol

    def named(top: Top) -> BookTop:
        return BookTop(symbol, top.sequence, top.bid, top.bid_size, top.ask, top.ask_size)

    return book.stream.filter(lambda each: isinstance(each, Top)).map(named)
