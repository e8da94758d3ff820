"""Live klines: history by REST joined to the bars of the stream."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, cast

import pandas as pd
from msgspec import Struct

from kucoin_stream.errors import KucoinStreamError
from kucoin_stream.frames.base import numbers, utc
from kucoin_stream.frames.book import decimals
from kucoin_stream.frames.kept import Keeper, KeptFrame
from kucoin_stream.market.klines import KlineSeries
from kucoin_stream.protocol import topics
from kucoin_stream.protocol.events import Gap
from kucoin_stream.protocol.messages.rest import SymbolInfo
from kucoin_stream.protocol.messages.spot import Candle, KlineUpdate
from kucoin_stream.transport.engine import Engine

_TOPIC = topics.find("spot.klines")
_RETRY_FIRST = 0.5  # seconds until the history is asked for again after an error; doubles
_RETRY_LONGEST = 30.0
COLUMNS = ["open", "high", "low", "close", "volume", "turnover"]


class Bars(Struct, frozen=True):
    """Columns of bars, oldest first; ``start_s`` in Unix seconds."""

    start_s: Any
    open: Any
    high: Any
    low: Any
    close: Any
    volume: Any
    turnover: Any


class KlineKeeper(Keeper):
    """Keeps the bars of one symbol and interval."""

    def __init__(self, engine: Engine, symbol: str, interval: str, history: int, maxlen: int) -> None:
        super().__init__(engine, _TOPIC.wire(f"{symbol}_{interval}"))
        self.symbol = symbol
        self.interval = interval
        self.status = "syncing"
        self.version = 0
        self.ready = False
        self._history_bars = history
        self._seen_until: int | None = None  # begin of the last bar before the connection was lost
        self._series = KlineSeries(interval, maxlen)
        self._task: asyncio.Task[None] | None = None
        engine.pool.attach([self.topic], self)
        if engine.pool.active(self.topic):
            self._connected()

    def __len__(self) -> int:
        return len(self._series)

    def close(self) -> None:
        """Leave the pool, and fetch nothing more."""
        super().close()
        self._forget_fetch()

    def copy(self, count: int | None = None) -> dict[str, Any]:
        """Return copies of the newest ``count`` bars' columns."""
        return self._series.ring.arrays(count)

    def flush(self) -> None:
        """Take the live bars; where no ack came, the first one says that there is a stream to join."""
        updates, self.pending = self.pending, []
        if updates and self._task is None:
            self._connected()
        for update in updates:
            if self._series.update(update.candle):
                self.inlet.pending.append(update)
                self.version += 1
        self.inlet.flush()

    def _disconnected(self, reason: str) -> None:
        self._forget_fetch()
        if self.ready:
            self._seen_until = self._series.last_start
        self._set_status(f"stale: {reason}" if self.ready else f"syncing: {reason}")

    def _connected(self) -> None:
        """Bars missed meanwhile come from the history."""
        self._forget_fetch()
        self._set_status("resyncing" if self.ready else "syncing")
        self._task = asyncio.get_running_loop().create_task(self._fetch())

    def _spoiled(self, reason: str) -> None:
        self.inlet.news(Gap(self.topic, reason, 1))
        self._connected()

    def _refuse(self, status: str) -> None:
        self._forget_fetch()
        self._set_status(status)

    def _forget_fetch(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _set_status(self, status: str) -> None:
        self.status = status
        self.version += 1

    async def _fetch(self) -> None:
        """Fetch the history, or what was missed since, until it succeeds."""
        rest = self._engine.rest
        delay = _RETRY_FIRST
        with contextlib.suppress(KucoinStreamError):  # without it, our own clock has to do
            if not rest.clock_offset:
                await rest.server_time()
        while True:
            try:
                bars = await self._history(self._since(rest.now()))
            except KucoinStreamError as exc:
                self._set_status(f"{'resyncing' if self.ready else 'syncing'}: {exc}")
                await asyncio.sleep(delay)
                delay = min(2 * delay, _RETRY_LONGEST)
            else:
                self._series.merge(bars)
                self.ready = True
                self._set_status("live")
                return

    async def _history(self, since: int) -> list[Candle]:
        """Return all bars since ``since`` (Unix seconds), a page of the newest after the other."""
        bars: list[Candle] = []
        end: int | None = None
        while True:
            page = await self._engine.rest.klines(self.symbol, self.interval, since, end)
            bars += page
            oldest = min((bar.start_s for bar in page), default=since)
            whole = len(page) < self._engine.settings.limits.kline_rows or oldest <= since
            if whole or (end is not None and oldest >= end):
                return bars
            end = oldest

    def _since(self, now: float) -> int:
        """Begin of the first bar wanted, in Unix seconds of the exchange's clock."""
        step = topics.INTERVALS[self.interval]
        bars = self._history_bars if self._seen_until is None else self._series.ring.maxlen
        first = int(now // step - bars + 1) * step
        return max(first, self._seen_until or 0, 0)


class LiveKlines(KeptFrame[KlineKeeper, KlineUpdate]):
    """Bars of one symbol and interval, kept current. Made by :meth:`Client.klines`. Safe from any thread.

    ``.df``: UTC index ``time`` (begin of the bar), columns ``open high low close volume turnover``; volume in the
    base currency, turnover in the quote currency. The last row is the live bar. ``.stream`` carries each
    :class:`KlineUpdate`.

    Sources: KuCoin API docs, "Klines" (websocket and REST); protocol.md 4.8, 8.2.6.
    """

    def __init__(self, engine: Engine, info: SymbolInfo, interval: str, history: int, maxlen: int) -> None:
        super().__init__(
            engine,
            f"{info.symbol} {interval}",
            ("klines", info.symbol, interval, history, maxlen),
            lambda: KlineKeeper(engine, info.symbol, interval, history, maxlen),
        )
        self.symbol = info.symbol
        self.interval = interval
        self.interval_seconds = topics.INTERVALS[interval]
        self.price_decimals = decimals(info.price_increment)

    @property
    def version(self) -> object:
        """A number that grows with every change."""
        return self._keeper.version, self.status

    def __len__(self) -> int:
        return len(self._keeper)

    def bars(self, count: int | None = None) -> Bars:
        """Return the newest ``count`` bars as numpy arrays."""
        return Bars(**self._read(self._keeper.copy, count))

    def _build(self) -> pd.DataFrame:
        columns = self._read(self._keeper.copy, None)
        index = utc(columns.pop("start_s"), "s").rename("time")
        return numbers({name: columns[name] for name in COLUMNS}, index)

    def _status(self) -> str:
        return self._keeper.status

    def _ready(self) -> bool:
        return self._keeper.ready

    def _make_view(self, **options: Any) -> Any:
        from kucoin_stream.widgets import view

        return view.KlinesView(cast(Any, self), **options)
