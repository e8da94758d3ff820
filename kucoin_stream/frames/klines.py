"""Live klines: history by REST joined to the bars of the stream."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any, TypeAlias

import pandas as pd
from msgspec import Struct

from kucoin_stream import given
from kucoin_stream.analytics.studies import KlineStudies
from kucoin_stream.checks import check_interval
from kucoin_stream.errors import KucoinStreamError, NotReadyError, UsageError
from kucoin_stream.frames.base import numbers, utc
from kucoin_stream.frames.book import decimals
from kucoin_stream.frames.fetching import Fetching, Wait
from kucoin_stream.frames.history import History, history_of
from kucoin_stream.frames.kept import Keeper, KeptFrame
from kucoin_stream.market.klines import KlineSeries
from kucoin_stream.protocol import topics
from kucoin_stream.protocol.events import Gap
from kucoin_stream.protocol.messages import futures, spot
from kucoin_stream.protocol.messages.contracts import ContractInfo
from kucoin_stream.protocol.messages.rest import SymbolInfo
from kucoin_stream.streams import reading
from kucoin_stream.streams.feed import ACK_WAIT
from kucoin_stream.transport.engine import Engine

KlineUpdate: TypeAlias = spot.KlineUpdate | futures.KlineUpdate

COLUMNS = ["open", "high", "low", "close", "volume", "turnover"]

MAX_HISTORY = 10_000  # bars begun with: 7 calls of spot, 20 of futures
_MAX_BARS = 100_000

_LONGEST = {"1week": 604_800, "1month": 31 * 86_400}  # seconds; where such a bar begins is not documented


class Extent(Struct, frozen=True):
    """How many bars are begun with, or since when (Unix s), and how many are kept."""

    history: int
    maxlen: int
    begin_s: int | None = None


def extent(
    info: SymbolInfo | ContractInfo, interval: str, history: int, maxlen: int | None, begin_s: int | None, now: float
) -> Extent:
    """Return what is to be kept, ``now`` in Unix s; raises :class:`UsageError` for what is out of range."""
    known = topics.FUTURES_INTERVALS if isinstance(info, ContractInfo) else topics.INTERVALS
    step = known[check_interval(interval, known)]
    if begin_s is not None:
        history = max(1, int(now // step - begin_s // step) + 1)
        if history > MAX_HISTORY:
            raise UsageError(f"since start= there are {history} bars of {interval}; at most {MAX_HISTORY} can be live")
    history = given.whole("history", history, most=MAX_HISTORY)
    kept = history + 10_000 if maxlen is None else given.whole("maxlen", maxlen, history, _MAX_BARS)
    return Extent(history, kept, begin_s)


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
    """Keeps the bars of one symbol and interval: ``count`` from the past at first, or those since ``begin_s``."""

    def __init__(self, engine: Engine, history: History, count: int, maxlen: int, begin_s: int | None = None) -> None:
        super().__init__(engine, history.topic)
        self.status = "syncing"
        self.version = 0
        self.ready = False
        self.history = history
        self._count = count
        self._begin_s = begin_s
        self._seen_until: int | None = None  # begin of the last bar before what went unseen
        self._series = KlineSeries(history.interval, maxlen)
        self._fetching = Fetching(self._fetch, self._not_fetched)
        engine.pool.attach([self.topic], self)
        if engine.pool.active(self.topic):
            self._connected()

    def __len__(self) -> int:
        return len(self._series)

    @property
    def memory(self) -> int:
        """Bytes that the bars take."""
        return self._series.ring.memory

    def close(self) -> None:
        """Leave the pool, and fetch nothing more."""
        super().close()
        self._fetching.stop()

    def remember(self) -> Any:
        """Return what brings it back to this moment of a tape; ``None`` while the past is being fetched."""
        wait = self._fetching.remember()
        return wait and (wait, self.copy(), self.status, self.ready, self._seen_until)

    def recall(self, state: Any) -> None:
        """Be as at the moment of ``state``."""
        wait, columns, status, self.ready, self._seen_until = state
        self._fetching.recall(wait)
        self._series = KlineSeries(self.history.interval, self._series.ring.maxlen)
        for row in zip(*(column.tolist() for column in columns.values()), strict=True):
            self._series.ring.append(row)
        self.pending = []
        self._set_status(status)

    def forget(self) -> None:
        """Know nothing any more."""
        self.recall((Wait(), self.copy(0), "syncing", False, None))

    def copy(self, count: int | None = None) -> dict[str, Any]:
        """Return copies of the newest ``count`` bars' columns."""
        return self._series.ring.arrays(count)

    def flush(self) -> None:
        """Take the live bars; where no ack came, the first one says that there is a stream to join."""
        updates, self.pending = self.pending, []
        if updates and not self._fetching.begun:
            self._connected()
        for update in updates:
            if self._leaps(update.candle.start_s):
                self._missing()
                self._fetching.begin()
            if self._series.update(update.candle):
                self.inlet.pending.append(update)
                self.version += 1
        self.inlet.flush()

    def _leaps(self, start_s: int) -> bool:
        """Whether a live bar leaves others out: nothing was traded then, or nothing was told. A tape has no more."""
        last = self._series.last_start
        if not self.ready or last is None or self._seen_until is not None:
            return False  # the past is on its way
        return start_s > last + self.history.step and self._engine.deck is None

    def _disconnected(self, reason: str) -> None:
        self._fetching.stop()
        self._missing()
        self._set_status(f"stale: {reason}" if self.ready else f"syncing: {reason}")

    def _connected(self) -> None:
        """Bars missed meanwhile come from the history."""
        self._set_status("resyncing" if self.ready else "syncing")
        self._fetching.begin()

    def _spoiled(self, reason: str) -> None:
        self.inlet.news(Gap(self.topic, reason, 1))
        self._missing()
        self._connected()

    def _refuse(self, status: str) -> None:
        self._fetching.stop()
        self._set_status(status)

    def _missing(self) -> None:
        if self.ready and self._seen_until is None:
            self._seen_until = self._series.last_start

    def _set_status(self, status: str) -> None:
        self.status = status
        self.version += 1

    async def _fetch(self) -> None:
        """Fetch the history, or what was missed since."""
        now = await self.history.now()
        bars = await self.history.since(self._since(now), now)
        if self.history.interval in _LONGEST and self._begin_s is None and self._seen_until is None:
            bars = sorted(bars, key=lambda bar: bar.start_s)[-self._count :]
        self._series.merge(bars)
        self.ready, self._seen_until = True, None
        self._set_status("live")

    def _not_fetched(self, error: KucoinStreamError) -> None:
        self._set_status(f"{'resyncing' if self.ready else 'syncing'}: {error}")

    def _since(self, now: float) -> int:
        """Begin of the first bar wanted, in Unix seconds of the exchange's clock."""
        if self._seen_until is None and self._begin_s is not None:
            return self._begin_s
        step, longest = self.history.step, _LONGEST.get(self.history.interval)
        bars = self._count if self._seen_until is None else self._series.ring.maxlen
        first = int(now) - (bars + 1) * longest if longest else int(now // step - bars + 1) * step
        return max(first, self._seen_until or 0, 0)


class LiveKlines(KlineStudies, KeptFrame[KlineKeeper, KlineUpdate]):
    """Bars of one symbol and interval, kept current. Made by :meth:`Client.klines`. Safe from any thread.

    ``.df``: UTC index ``time`` (begin of the bar), columns ``open high low close volume turnover``; volume in the
    base currency, of contracts in lots; turnover in the quote currency. The last row is the live bar. Where nothing
    was traded the exchange has no bar: it is shown flat, at the close before it. ``.stream`` carries each
    :class:`KlineUpdate` of spot or futures. ``memory``: bytes. Weeks and months begin where the exchange begins them.
    The past bars are there from the begin where they came within 2 s; of very many, or of a tape, ``.wait()`` waits
    for them: until then ``.df`` has the bars of the stream only, and ``status`` is ``syncing``.

    Sources: KuCoin API docs, "Klines" (websocket and REST); protocol.md 4.8, 4.24, 8.2.6, 8.3.2.
    """

    kinds = ("candles",)

    def __init__(self, engine: Engine, info: SymbolInfo | ContractInfo, interval: str, extent: Extent) -> None:
        past = history_of(engine, info, interval)
        history, maxlen, begin_s = extent.history, extent.maxlen, extent.begin_s
        super().__init__(
            engine,
            f"{info.symbol} {interval}",
            ("klines", info.symbol, interval, begin_s or history, maxlen),
            lambda: KlineKeeper(engine, past, history, maxlen, begin_s),
        )
        self.maxlen = maxlen
        self.symbol = info.symbol
        self.interval = interval
        self.interval_seconds = past.step
        self.price_decimals = decimals(info.price_increment)
        self.volume_unit = "lots" if isinstance(info, ContractInfo) else info.base_currency
        multiplier = info.multiplier if isinstance(info, ContractInfo) else None
        self.multiplier = None if multiplier is None else float(multiplier)  # base coins a lot; below 0: inverse

    @property
    def version(self) -> object:
        """A number that grows with every change."""
        return self._keeper.version, self.status

    def __len__(self) -> int:
        return len(self._keeper)

    @property
    def memory(self) -> int:
        """Bytes that its bars take."""
        return self._read(lambda: self._keeper.memory)

    def bars(self, count: int | None = None) -> Bars:
        """Return the newest ``count`` bars as numpy arrays."""
        return Bars(**self._read(self._keeper.copy, count))

    def settle(self) -> None:
        """Wait at most 2 s for the ack and for the past bars; what comes later becomes the status, as of all frames.

        Of a tape, whose answers come at its own time, it waits for the ack only.
        """
        deadline = time.monotonic() + ACK_WAIT
        super().settle()
        if self._engine.may_wait and self._engine.deck is None:
            with suppress(NotReadyError):
                while not self._keeper.ready:
                    time.sleep(reading.pause(self, deadline, ACK_WAIT))

    def _build(self) -> pd.DataFrame:
        columns = self._read(self._keeper.copy, None)
        index = utc(columns.pop("start_s"), "s").rename("time")
        return numbers({name: columns[name] for name in COLUMNS}, index)

    @property
    def _fed_by(self) -> str:
        return f"{topics.parse(self._keeper.topic)[0].name} {self.title}"

    def _status(self) -> str:
        return self._keeper.status

    def _ready(self) -> bool:
        return self._keeper.ready and len(self) > 0
