"""What each kind of picture is made from: which verb of a client gives its subject. A row each.

Several pictures of a symbol share their subject: the ladder and the depth of a book are of one book.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

from msgspec import Struct

from kucoin_stream.checks import is_futures
from kucoin_stream.errors import UsageError, hint

ROWS = 1000  # trades kept under a tape

Span = Literal["symbol", "symbols", "client"]
"""What there is one picture of: each symbol, all symbols of spot or of futures together, or the client."""


class Source(Struct, frozen=True):
    """How a picture's subject is made, by ``make(client, symbols, interval)``; ``name`` tells equal ones."""

    name: str
    span: Span
    make: Callable[[Any, Sequence[str], str], Any]


_BOOK = Source("book", "symbol", lambda client, symbols, _: client.book(*symbols))
_STATUS = Source("status", "client", lambda client, *_: client.status())

SOURCES = {
    "ladder": _BOOK,
    "candles": Source("klines", "symbol", lambda client, symbols, interval: client.klines(*symbols, interval)),
    "tape": Source("trades", "symbol", lambda client, symbols, _: client.trades(*symbols).frame(maxlen=ROWS)),
    "depth": _BOOK,
    "lines": _BOOK,
    "wall": Source("ticker", "symbols", lambda client, symbols, _: client.ticker(*symbols).frame(latest="symbol")),
    "account": Source("account", "client", lambda client, *_: client.account.live()),
    "latency": _STATUS,
    "status": _STATUS,
}
"""By kind of picture."""


class Part(Struct, frozen=True):
    """One picture to be made: its kind, and the live object that it shows."""

    kind: str
    subject: Any


class Parts:
    """The live objects under the pictures of some symbols, made here and stopped together.

    Raises :class:`UsageError` for a kind that there is not, and what the client's verbs raise; then nothing is left.
    """

    def __init__(self, client: Any, symbols: Sequence[str], kinds: Sequence[str], interval: str) -> None:
        self._made: dict[tuple[str, tuple[str, ...]], Any] = {}
        self._client, self._interval = client, interval
        check(kinds)
        self.parts: list[Part] = []
        try:
            self.parts.extend(self._of_symbols(symbols, kinds))
        except BaseException:
            self.stop()
            raise

    def __iter__(self) -> Iterator[Part]:
        return iter(self.parts)

    def stop(self) -> None:
        """Stop all of them; a frame of a feed with its feed."""
        for subject in self._made.values():
            subject.stop()
            if (feed := getattr(subject, "feed", None)) is not None:
                feed.stop()

    def _of_symbols(self, symbols: Sequence[str], kinds: Sequence[str]) -> Iterator[Part]:
        for symbol in symbols:
            yield from (self._part(kind, (symbol,)) for kind in kinds if SOURCES[kind].span == "symbol")
        futures, spot = (tuple(each for each in symbols if is_futures(each) is those) for those in (True, False))
        for kind in kinds:
            match SOURCES[kind].span:
                case "symbols":
                    yield from (self._part(kind, together) for together in (spot, futures) if together)
                case "client":
                    yield self._part(kind, ())

    def _part(self, kind: str, symbols: tuple[str, ...]) -> Part:
        source = SOURCES[kind]
        key = source.name, symbols
        if key not in self._made:
            self._made[key] = source.make(self._client, symbols, self._interval)
        return Part(kind, self._made[key])


def check(kinds: Sequence[str]) -> None:
    """Raise :class:`UsageError` where one is not a kind that can be put together with others."""
    if not kinds:
        raise UsageError(f"kinds= is empty; there are: {', '.join(SOURCES)}")
    for kind in kinds:
        if kind not in SOURCES:
            raise UsageError(f"no picture {kind!r}; {hint(kind, SOURCES)}")
