"""Past bars by REST: the call of each market, and the pages that a long history takes."""

from __future__ import annotations

from abc import ABC, abstractmethod

from kucoin_stream.frames.fetching import learn_clock
from kucoin_stream.protocol import topics
from kucoin_stream.protocol.messages.contracts import ContractInfo
from kucoin_stream.protocol.messages.rest import SymbolInfo
from kucoin_stream.protocol.messages.rest_klines import FuturesBar
from kucoin_stream.protocol.messages.spot import Candle
from kucoin_stream.protocol.topic import Topic
from kucoin_stream.transport.engine import Engine
from kucoin_stream.transport.rest import Rest

_FUTURES_ROWS = 500  # of one answer; protocol.md 8.3.2


class History(ABC):
    """The past bars of one symbol and interval, which ``topic`` continues. Lives on the loop thread.

    ``rows``: how many bars one call returns at most.
    """

    def __init__(self, row: Topic, rest: Rest, rows: int, symbol: str, interval: str) -> None:
        self.topic = row.wire(f"{symbol}_{interval}")
        self.symbol = symbol
        self.interval = interval
        self.step = topics.intervals(row)[interval]  # seconds
        self._rest = rest
        self._rows = rows

    async def now(self) -> float:
        """Return the exchange's clock in Unix seconds; our own where it does not tell."""
        await learn_clock(self._rest)
        return self._rest.now()

    async def since(self, start_s: int, now: float) -> list[Candle]:
        """Return the bars that begin at ``start_s`` or later, newest page first; raises as :class:`Rest`."""
        bars: list[Candle] = []
        for begin, end in pages(start_s, now, self.step, self._rows):
            bars += await self._page(begin, end)
        return bars

    @abstractmethod
    async def _page(self, start_s: int, end_s: int | None) -> list[Candle]:
        """Return the bars from ``start_s`` to ``end_s`` (Unix seconds), in any order."""


class SpotHistory(History):
    """Of a spot symbol (protocol.md 8.2.6)."""

    async def _page(self, start_s: int, end_s: int | None) -> list[Candle]:
        query = {"symbol": self.symbol, "type": self.interval, "startAt": str(start_s)}
        if end_s is not None:
            query["endAt"] = str(end_s)
        return await self._rest.rows(Candle, "/api/v1/market/candles", query)


class FuturesHistory(History):
    """Of a contract (protocol.md 8.3.2)."""

    async def _page(self, start_s: int, end_s: int | None) -> list[Candle]:
        query = {"symbol": self.symbol, "granularity": str(self.step // 60), "from": str(start_s * 1000)}
        if end_s is not None:
            query["to"] = str(end_s * 1000)
        bars = await self._rest.rows(FuturesBar, "/api/v1/kline/query", query)
        return [bar.candle() for bar in bars]


def history_of(engine: Engine, info: SymbolInfo | ContractInfo, interval: str) -> History:
    """Return what fetches the past of ``info``; raises :class:`KeyError` where its market lacks the interval."""
    if isinstance(info, ContractInfo):
        row = topics.find("futures.klines")
        return FuturesHistory(row, engine.futures_rest, _FUTURES_ROWS, info.symbol, interval)
    row = topics.find("spot.klines")
    return SpotHistory(row, engine.rest, engine.settings.limits.kline_rows, info.symbol, interval)


def pages(start_s: int, now: float, step: int, rows: int) -> list[tuple[int, int | None]]:
    """Cut the time since ``start_s`` into windows, newest first, of at most ``rows`` bars of ``step`` seconds each.

    So no answer is ever cut short: which end of it would be missing is documented for neither market. Both ends of a
    window count as inside. The newest has no end: our clock may be behind.
    """
    width = max(rows - 1, 1) * step
    windows: list[tuple[int, int | None]] = []
    end, begin = None, int(now // step + 1) * step
    while begin > start_s or not windows:
        begin = max(start_s, begin - width)
        windows.append((begin, end))
        end = begin
    return windows
