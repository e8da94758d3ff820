"""Live klines: history by REST joined to the bars of the stream."""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from typing import Any, cast

import pandas as pd
from msgspec import Struct

from kucoin_stream.errors import KucoinStreamError, NotReadyError, RefusedError
from kucoin_stream.frames.base import LiveFrame, numbers, utc
from kucoin_stream.frames.book import decimals
from kucoin_stream.market.klines import KlineSeries
from kucoin_stream.protocol import topics
from kucoin_stream.protocol.events import Disconnected, Gap, News, Refused, Restarted
from kucoin_stream.protocol.messages.rest import SymbolInfo
from kucoin_stream.protocol.messages.spot import KlineUpdate
from kucoin_stream.streams.feed import ACK_WAIT
from kucoin_stream.streams.source import Inlet, LiveSource
from kucoin_stream.transport.engine import Engine, Shared

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


class KlineKeeper(Shared):
    """Keeps the bars of one symbol and interval. Lives on the loop thread."""

    def __init__(self, engine: Engine, symbol: str, interval: str, history: int, maxlen: int) -> None:
        self.symbol = symbol
        self.interval = interval
        self.topic = _TOPIC.wire(f"{symbol}_{interval}")
        self.status = "syncing"
        self.version = 0
        self.ready = False
        self.inlet = Inlet()
        self._engine = engine
        self._history = history
        self._series = KlineSeries(interval, maxlen)
        self._task: asyncio.Task[None] | None = None
        engine.pool.attach([self.topic], self)
        if engine.pool.active(self.topic):
            self._join()

    def close(self) -> None:
        """Leave the pool."""
        self._engine.pool.detach([self.topic], self)
        if self._task is not None:
            self._task.cancel()

    def copy(self, count: int | None = None) -> dict[str, Any]:
        """Return copies of the newest ``count`` bars' columns."""
        return self._series.ring.arrays(count)

    def receive(self, update: KlineUpdate) -> None:
        """Take the live bar."""
        if self._series.update(update.candle):
            self.inlet.receive(update)
            self.version += 1

    def flush(self) -> None:
        """Hand the bars of one socket read on."""
        self.inlet.flush()

    def news(self, news: News) -> None:
        """Take what happened to the topic; bars missed meanwhile come from the history."""
        match news:
            case Disconnected(reason=reason):
                self._set_status(f"stale: {reason}")
                self.inlet.news(news)
            case Restarted():
                self._join()
                self.inlet.news(news)
            case Refused(code=code, reason=reason):
                self._set_status(f"refused: {code} {reason}")
            case Gap():
                pass

    def _set_status(self, status: str) -> None:
        self.status = status
        self.version += 1

    def _join(self) -> None:
        if self._task is not None:
            self._task.cancel()
        self._task = asyncio.get_running_loop().create_task(self._fetch())

    async def _fetch(self) -> None:
        """Fetch the history, or what was missed since, until it succeeds."""
        rest = self._engine.rest
        delay = _RETRY_FIRST
        with contextlib.suppress(KucoinStreamError):  # without it, our own clock has to do
            if not rest.clock_offset:
                await rest.server_time()
        while True:
            try:
                bars = await rest.klines(self.symbol, self.interval, self._since(rest.now()))
            except KucoinStreamError as exc:
                self._set_status(f"syncing: {exc}")
                await asyncio.sleep(delay)
                delay = min(2 * delay, _RETRY_LONGEST)
            else:
                self._series.merge(bars)
                self.ready = True
                self._set_status("live")
                return

    def _since(self, now: float) -> int:
        """Begin of the first bar wanted, in Unix seconds of the exchange's clock."""
        step = topics.INTERVALS[self.interval]
        first = int(now // step - self._history + 1) * step
        last = self._series.last_start
        if self.ready and last is not None:
            return max(min(last, first + self._history * step), 0)
        return max(first, 0)


class LiveKlines(LiveFrame):
    """Bars of one symbol and interval, kept current. Made by :meth:`Client.klines`. Safe from any thread.

    ``.df``: UTC index ``time`` (begin of the bar), columns ``open high low close volume turnover``; volume in the
    base currency, turnover in the quote currency. The last row is the live bar.

    Sources: KuCoin API docs, "Klines" (websocket and REST); protocol.md 4.8, 8.2.6.
    """

    def __init__(self, engine: Engine, info: SymbolInfo, interval: str, history: int, maxlen: int) -> None:
        super().__init__(engine)
        self.symbol = info.symbol
        self.interval = interval
        self.interval_seconds = topics.INTERVALS[interval]
        self.title = f"{info.symbol} {interval}"
        self.price_decimals = decimals(info.price_increment)
        self._key = ("klines", info.symbol, interval, history, maxlen)
        self._keeper: KlineKeeper = engine.call(
            engine.join, self._key, lambda: KlineKeeper(engine, info.symbol, interval, history, maxlen)
        )
        self._finalizer = weakref.finalize(self, engine.post, engine.leave, self._key)
        self._stream: LiveSource[KlineUpdate] | None = None

    def settle(self) -> None:
        """Wait at most 2 s for the ack. Raises :class:`RefusedError`."""
        try:
            self._engine.call(self._engine.pool.settled, [self._keeper.topic], ACK_WAIT, timeout=ACK_WAIT + 1)
        except NotReadyError:
            return  # the status says so
        except RefusedError:
            self.stop()
            raise

    @property
    def version(self) -> object:
        """A number that grows with every change."""
        return self._keeper.version, self.status

    def __len__(self) -> int:
        return self._engine.call(len, self._keeper._series)

    def bars(self, count: int | None = None) -> Bars:
        """Return the newest ``count`` bars as numpy arrays."""
        return Bars(**self._engine.call(self._keeper.copy, count))

    def _build(self) -> pd.DataFrame:
        columns = self._engine.call(self._keeper.copy, None)
        index = utc(columns.pop("start_s"), "s").rename("time")
        return numbers({name: columns[name] for name in COLUMNS}, index)

    @property
    def stream(self) -> LiveSource[KlineUpdate]:
        """A streamz source of :class:`KlineUpdate`, with news in order."""
        if self._stream is None:
            source: LiveSource[KlineUpdate] = LiveSource(
                self._engine, title=f"klines {self.title}", limit=self._engine.settings.inbox_size, overflow="mark",
                news=True, inlet=self._keeper.inlet,
            )  # fmt: skip
            source.owner = self
            self._stream = source
        return self._stream

    def _status(self) -> str:
        return self._keeper.status

    def _ready(self) -> bool:
        return self._keeper.ready

    def _release(self) -> None:
        self._finalizer()

    def _make_view(self, **options: Any) -> Any:
        from kucoin_stream.widgets import view

        return view.KlinesView(cast(Any, self), **options)
