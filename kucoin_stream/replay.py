"""The controls of a tape that is played: where it is, pause, step, seek; and the past, without moving it."""

from __future__ import annotations

from typing import Any

import pandas as pd
from msgspec.structs import replace

from kucoin_stream.errors import UsageError
from kucoin_stream.frames.base import numbers
from kucoin_stream.frames.book import LiveBook, padded, side
from kucoin_stream.frames.memory import Memory, Moment
from kucoin_stream.instruments import Instruments
from kucoin_stream.market.book import Levels
from kucoin_stream.opening import Opening
from kucoin_stream.protocol.bookfeeds import FEEDS
from kucoin_stream.transport.engine import Engine
from kucoin_stream.transport.replay import Deck, Speed
from kucoin_stream.transport.tapemarks import Mark, Marks

Time = pd.Timestamp | str | float
"""A pandas timestamp, a text that pandas reads as one (UTC unless it says otherwise), or Unix seconds."""


class Replay:
    """Plays a tape: :attr:`Client.replay`. Times are UTC. Safe from any thread.

    It begins by itself half a second after the last subscription, unless :meth:`pause` or :meth:`play` was called.
    Calls of several threads take turns: each waits until a seek or a step of another one is over, but :meth:`pause`.
    """

    def __init__(self, engine: Engine, deck: Deck) -> None:
        self._engine = engine
        self._deck = deck
        deck.audience = Memory(engine)
        deck.lag_limit = engine.settings.inbox_size // 2
        deck.past = self.book

    def __repr__(self) -> str:
        deck = self._deck
        return f"<Replay {deck.tape.path.name} | {deck.state} | {self.position} of {self.start} to {self.end}>"

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
        """Go on; at ``speed`` where one is given: 1.0 is as recorded, ``"max"`` as fast as consumers follow.

        Books, bars and tables are exact at any speed. At a finite one streams do not wait for slow nodes: as live,
        the feed's overflow policy then leaves messages out, and ``dropped`` counts them. At ``"max"`` nothing is.
        """
        self._engine.call(self._deck.play, speed, timeout=None)

    def pause(self) -> None:
        """Stand still; before the begin, do not begin by itself. A seek or a step under way ends where the tape is."""
        self._engine.call(self._deck.pause)

    def step(self, n: int = 1) -> None:
        """Go on by the messages of ``n`` socket reads, as they were recorded, then stand still."""
        if not isinstance(n, int) or isinstance(n, bool) or n < 1:
            raise UsageError(f"n={n!r}: one step at least")
        self._engine.call(self._deck.step, n, timeout=None)

    def seek(self, time: Time) -> None:
        """Go to a time, then stand still; returns when all up to it, and nothing after it, has happened.

        Frames then hold what a first replay to that time would have given them. Where all before it was played once,
        that costs a small part of the tape; else all on the way is played, but where that is more than 100,000
        messages and the tape has books on it, it begins with these: rows of feeds are then those since, and the
        frame's ``note`` says so. A frame made meanwhile, or one of the account, is played from the begin of the tape.
        Raises :class:`UsageError` for a time that is not on the tape.
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
            deck.marks = Marks(self._deck.tape, self._marks_of(book, past))
            engine.call(deck.seek, time_ns, timeout=None)
            return PastBook(past.symbol, _timestamp(time_ns), past.status, past._right_levels())
        finally:
            engine.stop("it was read")

    def _marks_of(self, book: LiveBook, past: LiveBook) -> list[Mark]:
        """Return the marks made here, as far as they tell of a book, for one that is kept of the same topic."""
        moments = [(mark, mark.moment.kept.get(book.key)) for mark in self._engine.call(self._deck.marks.all)]
        return [replace(mark, moment=Moment({past.key: state}, {})) for mark, state in moments if state]

    def widget(self) -> Any:
        """Return a slider that shows where the tape is, and winds it; an ipywidget."""
        from kucoin_stream.widgets.replay import ReplaySlider

        slider = ReplaySlider(self)
        self._engine.on_end(slider.end)
        return slider

    def _on_tape(self, time: Time) -> int:
        tape = self._deck.tape
        wanted = nanoseconds(time)
        if not tape.start_ns <= wanted <= tape.end_ns:
            raise UsageError(f"{_timestamp(wanted)} is not on the tape: {self.start} to {self.end}")
        return wanted


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


class NoTapeError(UsageError, AttributeError):
    """This client plays no tape: an attribute that is not there, so that ``hasattr()`` answers."""


def control(engine: Engine) -> Replay:
    """Return the controls of the tape that an engine plays; raises :class:`UsageError` where it plays none."""
    if engine.deck is None:
        raise NoTapeError(f"only a tape can be wound, not {engine.target.describe()}; ks.connect('day.kcs') plays one")
    return Replay(engine, engine.deck)


def nanoseconds(time: Time) -> int:
    """Return a time as Unix ns; raises :class:`UsageError` where it is none."""
    try:
        if isinstance(time, int | float) and not isinstance(time, bool):
            return int(pd.Timestamp(int(time * 1e9), unit="ns").value)
        stamp = pd.Timestamp(time)
        if pd.notna(stamp):
            return int((stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp).as_unit("ns").value)
    except (ValueError, TypeError, OverflowError):  # of those that no timestamp can tell too
        pass
    raise UsageError(f"not a time: {time!r}; write it as '2026-11-22 07:15:00', in UTC, or in Unix seconds")


def _timestamp(time_ns: int) -> pd.Timestamp:
    return pd.Timestamp(time_ns, unit="ns", tz="UTC")
