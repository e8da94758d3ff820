"""Recordings: what a client receives, written to a tape until told to stop."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlencode

from msgspec import Raw

from kucoin_stream.errors import KucoinStreamError, UsageError
from kucoin_stream.frames.account.keeper import RIGHT, AccountKeeper
from kucoin_stream.frames.account.keepers import BalanceKeeper, FillKeeper, OrderKeeper, PositionKeeper
from kucoin_stream.frames.bookkeeper import BookKeeper
from kucoin_stream.frames.history import History, SpotHistory
from kucoin_stream.frames.kept import KeptFrame
from kucoin_stream.frames.klines import COLUMNS, KlineKeeper
from kucoin_stream.frames.table import FeedFrame
from kucoin_stream.instruments import Instruments
from kucoin_stream.market.book import levels
from kucoin_stream.protocol import topics
from kucoin_stream.protocol.messages import encode
from kucoin_stream.protocol.topic import FUTURES
from kucoin_stream.recording.lines import Answer, Book, Market
from kucoin_stream.recording.scrub import Scrubber
from kucoin_stream.recording.writer import Later, Writer
from kucoin_stream.streams.feed import Feed
from kucoin_stream.transport.engine import Engine
from kucoin_stream.transport.recorder import CHECKPOINT, Chooser, Recorder, Wanted
from kucoin_stream.transport.tapeaccount import Known

Source = Feed[Any] | KeptFrame[Any, Any] | FeedFrame | str
"""Something whose topics can be recorded; as text, a topic on the wire."""


class Recording:
    """A tape that is being written. Made by :meth:`Client.record`; ends with ``stop()``, ``with`` or its client.

    It goes on while nobody holds it. Safe from any thread.
    """

    def __init__(self, engine: Engine, path: Path, sources: tuple[Source, ...], *, private: bool) -> None:
        self.path = path
        self._engine = engine
        self._private = private
        wanted = wanted_of(sources) if sources else None
        signer = engine.rest.signer
        scrubber = Scrubber(signer.parts if signer else ())
        self._writer = Writer(path, scrubber, keep=None if wanted is None else Chooser(wanted))
        self._recorder = Recorder(
            engine, self._writer, wanted=wanted, private=private, state=partial(state_of, engine, wanted, private)
        )
        self._stopped = True

    def __repr__(self) -> str:
        state = "stopped" if self._stopped else "recording"
        missed = f", {self.missed} missed" if self.missed else ""
        return f"<Recording {self.path.name} | {state} | {self.messages} messages, {self.size} bytes{missed}>"

    @property
    def messages(self) -> int:
        """How many messages are on the disk."""
        return self._writer.messages

    @property
    def size(self) -> int:
        """How many bytes this recording has on the disk."""
        return self._writer.size

    @property
    def missed(self) -> int:
        """How many messages the writer could not keep up with, or could not write."""
        return self._writer.missed

    def start(self) -> Self:
        """Begin, behind what is on the tape already. Raises :class:`OSError`, :class:`UsageError`.

        The file is opened last: what is refused leaves none. What it begins with waits in the writer.
        """
        if self._private and self._engine.may_wait:
            _load_contracts(self._engine)
        try:
            self._engine.call(self._recorder.join)
            self._writer.start()
        except BaseException:
            if self._engine.running:
                self._engine.call(self._recorder.leave)
            raise
        self._recorder.owner = self
        self._stopped = False
        self._engine.on_end(self._end)
        return self

    def stop(self) -> None:
        """End the tape in order. Raises the :class:`OSError` that kept something from being written."""
        if self._stopped:
            return
        self._stopped = True
        if self._engine.running:
            self._engine.call(self._recorder.leave)
        self._writer.close()

    def _end(self, _: str) -> None:
        self.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def wanted_of(sources: tuple[Source, ...]) -> Wanted:
    """Return what tells the topics of ``sources``, which may change: a book may go over to another topic."""
    for source in sources:
        if not isinstance(source, Feed | KeptFrame | FeedFrame | str):
            raise UsageError(f"feeds, live frames and topics can be recorded, not {type(source).__name__}")
        if isinstance(source, str):
            _check(source)
    return lambda: frozenset(topic for source in sources for topic in _topics(source))


def _check(topic: str) -> None:
    try:
        topics.parse(topic)
    except KeyError:
        raise UsageError(f"no such topic {topic!r}; write it as on the wire: '/market/match:BTC-USDT'") from None


def _topics(source: Source) -> tuple[str, ...]:
    match source:
        case Feed():
            return source.topics
        case FeedFrame():
            return source.feed.topics
        case KeptFrame():
            return source.topics
    return (source,)


def state_of(engine: Engine, wanted: Wanted | None, private: bool, everything: bool) -> Iterator[Later]:
    """Yield what a replay can begin with: books that are whole and right, and bars, the last ones or all of them.

    With ``private`` the tables of the account too, at the begin: a replay plays these from there.
    """
    chosen = None if wanted is None else wanted()
    now = time.time_ns()
    if private and everything:
        yield from _account(engine, chosen, now)
    for keeper in engine.shared.values():
        if not isinstance(keeper, BookKeeper | KlineKeeper) or not (chosen is None or keeper.topic in chosen):
            continue
        if isinstance(keeper, KlineKeeper) and keeper.ready:
            count = None if everything else int(CHECKPOINT // keeper.history.step) + 3
            yield partial(_bars, now, keeper.history, keeper.copy(count))
        elif isinstance(keeper, BookKeeper) and keeper.state.status == "live":
            yield partial(_book, now, keeper.topic, keeper.symbol, keeper.copy())


_TABLES = {OrderKeeper: "orders", FillKeeper: "fills", BalanceKeeper: "balances", PositionKeeper: "positions"}


def _load_contracts(engine: Engine) -> None:
    """Let the contracts be known, by whose currencies a replay asks for the balances of futures."""
    if any(isinstance(keeper, BalanceKeeper) for keeper in list(engine.shared.values())):
        with suppress(KucoinStreamError):  # a region without futures; else the tape is without these balances
            _ = Instruments(engine).contracts


def _account(engine: Engine, chosen: frozenset[str] | None, now: int) -> Iterator[Later]:
    settling = {info.settle_currency for info in engine.contracts.values()} - {""}
    spot, futures = Known("spot"), Known("futures", settling)
    for keeper in engine.shared.values():
        if not isinstance(keeper, AccountKeeper) or keeper.status.partition(":")[0] not in RIGHT:
            continue
        if chosen is None or chosen.issuperset(keeper.topics):
            for known in {futures if topics.parse(topic)[0].connection in FUTURES else spot for topic in keeper.topics}:
                known.learn(_TABLES[type(keeper)], keeper.rows())
    for known in (spot, futures):
        yield from known.answers(now)


def _book(t: int, topic: str, symbol: str, copied: Any) -> Book:
    known = levels(copied)
    bids = list(zip(known.bid_prices.tolist(), known.bid_sizes.tolist(), strict=True))
    asks = list(zip(known.ask_prices.tolist(), known.ask_sizes.tolist(), strict=True))
    return Book(t, topic, symbol, known.sequence or 0, bids, asks)


def _bars(t: int, history: History, columns: dict[str, Any]) -> Answer:
    """Return bars as REST would tell them: those of futures in ms, and with the close behind high and low (8.3.2)."""
    rows = zip(*(columns[name].tolist() for name in ("start_s", *COLUMNS)), strict=True)
    query = {"symbol": history.symbol}
    data: list[tuple[Any, ...]]
    if isinstance(history, SpotHistory):
        call, query["type"] = "/api/v1/market/candles", history.interval
        data = [(start, o, c, h, low, volume, turnover) for start, o, h, low, c, volume, turnover in rows]
    else:
        call, query["granularity"] = "/api/v1/kline/query", str(history.step // 60)
        data = [(start * 1000, o, h, low, c, *rest) for start, o, h, low, c, *rest in rows]
    body = Raw(encode({"code": "200000", "data": data}))
    market: Market = "spot" if isinstance(history, SpotHistory) else "futures"
    return Answer(t, market, f"GET {call}?{urlencode(query)}", 200, body, made=True)
