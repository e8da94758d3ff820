"""The controls of a tape that is played: where it is, pause, step, seek; and the past, without moving it."""

from __future__ import annotations

from typing import Any

import pandas as pd

from kucoin_stream.errors import UsageError
from kucoin_stream.frames.base import numbers
from kucoin_stream.frames.book import LiveBook, padded, side
from kucoin_stream.frames.bookkeeper import BookKeeper
from kucoin_stream.frames.klines import KlineKeeper
from kucoin_stream.frames.table import LatestTable, RowTable
from kucoin_stream.instruments import Instruments
from kucoin_stream.market.book import Levels
from kucoin_stream.market.klines import KlineSeries
from kucoin_stream.market.ring import Ring
from kucoin_stream.opening import Opening
from kucoin_stream.protocol.bookfeeds import FEEDS
from kucoin_stream.streams.source import Inlet
from kucoin_stream.transport.engine import Engine
from kucoin_stream.transport.replay import Deck, Speed

Time = pd.Timestamp | str | float
"""A pandas timestamp, a text that pandas reads as one (UTC unless it says otherwise), or Unix seconds."""


class Replay:
    """Plays a tape: :attr:`Client.replay`. Times are UTC. Safe from any thread.

    It begins by itself half a second after the last subscription, unless :meth:`pause` or :meth:`play` was called.
    """

    def __init__(self, engine: Engine, deck: Deck) -> None:
        self._engine = engine
        self._deck = deck
        deck.lag = self._lag
        deck.lag_limit = engine.settings.inbox_size // 2
        deck.forget = self._forget
        deck.past = self.book

    def __repr__(self) -> str:
        state = "ended" if self.ended else "playing" if self.playing else "paused"
        return f"<Replay {self._deck.tape.path.name} | {state} | {self.position} of {self.start} to {self.end}>"

    @property
    def start(self) -> pd.Timestamp:
        """The first time on the tape."""
        return _timestamp(self._deck.tape.start_ns)

    @property
    def end(self) -> pd.Timestamp:
        """The last time on the tape."""
        return _timestamp(self._deck.tape.end_ns)

    @property
    def position(self) -> pd.Timestamp:
        """The time of the last line that was played."""
        return _timestamp(self._deck.position_ns)

    @property
    def playing(self) -> bool:
        """Whether the tape moves."""
        return self._deck.playing

    @property
    def ended(self) -> bool:
        """Whether all of it was played; ``play()`` goes on where it has grown meanwhile."""
        return self._deck.ended

    def play(self, speed: Speed | None = None) -> None:
        """Go on; at ``speed`` where one is given: 1.0 is as recorded, ``"max"`` as fast as consumers follow."""
        self._engine.call(self._deck.play, speed)

    def pause(self) -> None:
        """Stand still; before the begin, do not begin by itself."""
        self._engine.call(self._deck.pause)

    def step(self, n: int = 1) -> None:
        """Go on by the messages of ``n`` socket reads, as they were recorded, then stand still."""
        if not isinstance(n, int) or n < 1:
            raise UsageError(f"n={n!r}: one step at least")
        self._engine.call(self._deck.step, n, timeout=None)

    def seek(self, time: Time) -> None:
        """Go to a time, then stand still; returns when all up to it, and nothing after it, has happened.

        Costs the messages since the books that the tape has each minute. On the way back frames begin anew: feeds'
        rows are those since these books. Raises :class:`UsageError` for a time that is not on the tape.
        """
        self._engine.call(self._deck.seek, self._on_tape(time), timeout=None)

    def wait(self, timeout: float | None = None) -> None:
        """Wait for the end of the tape, or until it stands still; :class:`NotReadyError` after ``timeout`` seconds."""
        self._engine.call(self._deck.finished, timeout=timeout)

    def book(self, book: LiveBook, time: Time) -> PastBook:
        """Return a book as it was at a time, without moving the tape. Raises as :meth:`seek`."""
        time_ns = self._on_tape(time)
        engine = Opening(str(self._deck.tape.path), self._engine.settings, speed="max").open().engine
        try:
            past = LiveBook(engine, Instruments(engine).find(book.symbol), FEEDS[book.source])
            deck = control(engine)._deck
            engine.call(deck.seek, time_ns, timeout=None)
            return PastBook(past.symbol, _timestamp(time_ns), past.status, past._right_levels())
        finally:
            engine.stop("it was read")

    def widget(self) -> Any:
        """Return a slider that shows where the tape is, and winds it; an ipywidget."""
        from kucoin_stream.widgets.replay import ReplaySlider

        return ReplaySlider(self)

    def _on_tape(self, time: Time) -> int:
        tape = self._deck.tape
        wanted = nanoseconds(time)
        if not tape.start_ns <= wanted <= tape.end_ns:
            raise UsageError(f"{_timestamp(wanted)} is not on the tape: {self.start} to {self.end}")
        return wanted

    # -- on the loop thread --------------------------------------------------------------------------------------

    def _inlets(self) -> list[Inlet]:
        readers = [reader for each in self._engine.pool._routes._readers.values() for reader in each]
        found = [reader if isinstance(reader, Inlet) else getattr(reader, "inlet", None) for reader in readers]
        return [inlet for inlet in found if inlet is not None]

    def _lag(self) -> int:
        """Return how many messages the slowest branch is behind."""
        branches = [branch for inlet in self._inlets() for branch in inlet.branches if not branch.gone]
        return max((len(branch._inbox) for branch in branches), default=0)

    def _forget(self) -> None:
        """Empty what is kept of a time that has not come yet."""
        for keeper in self._engine.shared.values():
            if isinstance(keeper, BookKeeper):
                keeper._instead = None  # what it is kept from is on the tape
            elif isinstance(keeper, KlineKeeper):
                keeper._series = KlineSeries(keeper._history.interval, keeper._series.ring.maxlen)
                keeper.ready, keeper._seen_until = False, None
        for inlet in self._inlets():
            if (recent := getattr(inlet, "recent", None)) is not None:
                recent.messages.clear()
            for table in inlet.tables:
                if isinstance(table, RowTable):
                    table._ring = Ring(table._rows.codes, table._ring.maxlen)
                    table.recent.clear()
                elif isinstance(table, LatestTable):
                    table._latest.clear()
                    table._shown.clear()
                    table._ring = Ring(table._rows.codes, table._ring.maxlen)


class PastBook:
    """A book as it was at ``time``. ``status`` as of a live book: where it is not right, there are no levels."""

    def __init__(self, symbol: str, time: pd.Timestamp, status: str, levels: Levels) -> None:
        self.symbol = symbol
        self.time = time
        self.status = status
        self.levels = levels

    def __repr__(self) -> str:
        return f"<PastBook {self.symbol} REPLAYED | {self.time} | {self.status} | sequence {self.levels.sequence}>"

    @property
    def sequence(self) -> int | None:
        """Sequence of the last change applied."""
        return self.levels.sequence

    @property
    def bids(self) -> pd.DataFrame:
        """Bids, best first: ``price``, ``size``, ``total`` (running sum of size)."""
        return side(self.levels.bid_prices, self.levels.bid_sizes)

    @property
    def asks(self) -> pd.DataFrame:
        """Asks, best first: ``price``, ``size``, ``total`` (running sum of size)."""
        return side(self.levels.ask_prices, self.levels.ask_sizes)

    @property
    def df(self) -> pd.DataFrame:
        """One ladder: ``bid_size``, ``bid``, ``ask``, ``ask_size``, best first."""
        known = self.levels
        rows = max(len(known.bid_prices), len(known.ask_prices))
        columns = {
            "bid_size": known.bid_sizes,
            "bid": known.bid_prices,
            "ask": known.ask_prices,
            "ask_size": known.ask_sizes,
        }
        return numbers({name: padded(column, rows) for name, column in columns.items()})


def control(engine: Engine) -> Replay:
    """Return the controls of the tape that an engine plays; raises :class:`UsageError` where it plays none."""
    if engine.deck is None:
        raise UsageError(f"only a tape can be wound, not {engine.target.describe()}; ks.connect('day.kcs') plays one")
    return Replay(engine, engine.deck)


def nanoseconds(time: Time) -> int:
    """Return a time as Unix ns; raises :class:`UsageError` where it is none."""
    if isinstance(time, int | float):
        return int(time * 1e9)
    try:
        stamp = pd.Timestamp(time)
    except ValueError:
        raise UsageError(f"not a time: {time!r}; write it as '2026-11-22 07:15:00', in UTC") from None
    return int((stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp).as_unit("ns").value)


def _timestamp(time_ns: int) -> pd.Timestamp:
    return pd.Timestamp(time_ns, unit="ns", tz="UTC")
