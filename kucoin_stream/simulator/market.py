"""What the exchange needs of a market, generated or recorded, and what both say in the same words. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from kucoin_stream.protocol.messages import encode
from kucoin_stream.protocol.topics import INTERVALS

if TYPE_CHECKING:
    from kucoin_stream.simulator.auction import Auction
    from kucoin_stream.simulator.futures.market import FuturesMarket
    from kucoin_stream.simulator.instrument import Instrument

Json = Any
"""What msgspec can write as JSON."""

INTERVAL_NAMES = tuple(INTERVALS)


class Push(NamedTuple):
    """A message and the single-symbol topic that it goes to."""

    topic: str
    text: str


def message(topic: str, subject: str, data: Any) -> str:
    """Return a push as text."""
    return encode({"topic": topic, "type": "message", "subject": subject, "data": data}).decode()


class Refusal(NamedTuple):
    """Why a topic is not served: the ``code`` and ``data`` of an error frame (protocol.md 3.4)."""

    code: int
    text: str


class RestError(Exception):
    """A REST answer that is an error: HTTP ``status``, KuCoin's ``code`` and ``reason`` (protocol.md 9.3)."""

    def __init__(self, status: int, code: str, reason: str) -> None:
        super().__init__(f"{status} {code} {reason}")
        self.status = status
        self.code = code
        self.reason = reason


class Market(Protocol):
    """A source of pushes and answers. Times are ns since 1970; nothing here reads a clock."""

    live: bool
    """Whether :meth:`advance` follows the clock, so that a REST answer must advance it first."""

    futures: FuturesMarket
    """The contracts; none, where the market has spot only."""

    @property
    def unpaced(self) -> bool:
        """Whether :meth:`advance` should be called again as soon as its pushes have been sent."""

    def start(self, now_ns: int) -> None:
        """Get ready; called once, when the exchange opens."""

    def begin(self, now_ns: int) -> None:
        """Let a capture's stream begin; nothing where it runs from the start."""

    def advance(self, now_ns: int, wanted: Collection[str]) -> Sequence[Push]:
        """Return what was pushed since the last call, in order; only topics in ``wanted`` need be there."""

    def opening(self, topic: str, now_ns: int) -> Push | None:
        """Return what a new reader of a topic is sent first; what :meth:`advance` returns later follows on it."""

    @property
    def finished(self) -> bool:
        """Whether there is nothing left to push."""

    def time_ns(self, now_ns: int) -> int:
        """Return the market's time at the wall clock's ``now_ns``."""

    def has_symbol(self, symbol: str) -> bool:
        """Whether the symbol is listed."""

    def lists(self, symbol: str) -> bool:
        """Whether there is this symbol or contract, or will be once the exchange opens."""

    def traded(self, symbol: str) -> Instrument | None:
        """Return the instrument on which orders for a listed symbol are placed; ``None`` where nobody trades."""

    def markets(self) -> list[str]:
        """Return the names of the markets (protocol.md 4.11)."""

    def symbols(self) -> list[Json]:
        """Return the symbols as the current REST call shows them."""

    def symbols_v1(self) -> list[Json]:
        """Return the symbols as the old REST call shows them."""

    def currencies(self) -> list[Json]:
        """Return the currencies."""

    def book(self, symbol: str, depth: int | None) -> Json:
        """Return a book snapshot: all levels, or the best ``depth`` a side."""

    def auction(self, symbol: str, now_ns: int) -> Auction | None:
        """Return the call auction that a symbol is in, if any."""

    def level1(self, symbol: str) -> Json:
        """Return the top of the book and the last trade."""

    def trades(self, symbol: str) -> list[Json]:
        """Return the last 100 trades, oldest first."""

    def candles(self, symbol: str, interval: str, start_s: int, end_s: int) -> list[list[str]]:
        """Return bars that begin at ``start_s`` or later and before ``end_s``: newest first, at most 1500."""

    def stats(self, symbol: str) -> Json:
        """Return the 24 h statistics of a symbol."""

    def all_tickers(self) -> list[Json]:
        """Return the 24 h statistics of all symbols, under the names of that call."""
