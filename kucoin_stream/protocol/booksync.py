"""A book's sequence numbers: when a change may be applied, and when a snapshot is needed (protocol.md 5).

Theory of operation. What was pushed goes into :meth:`BookSync.receive`, a fetched snapshot into
:meth:`receive_snapshot`; both return what to do, in order:

* a :class:`BookDelta`: apply it, it is the next in line;
* :class:`Restart`: replace the book by this snapshot;
* :class:`RequestSnapshot`: fetch one, and hand it back with the ticket;
* :class:`Resubscribe`: leave the topic and subscribe again, which brings a snapshot;
* :class:`BookGap`: the book is no longer right from here on.

There is one class by where snapshots come from; ``bookfeeds`` says which kind of book has which.

:class:`BookSync`: from REST (5.2, 5.5). A snapshot is requested once the first change is buffered, so that it cannot
be older than the buffer, or after ``quiet`` seconds without any, because a quiet symbol may send none for long. A
snapshot that is too old all the same is requested again, ever more slowly. :meth:`refresh` asks for a new snapshot
while the book goes on being right.

:class:`PushedBookSync`: from the stream, where one precedes the changes (5.6). Changes that overtake it are buffered
and replayed behind it. A snapshot newer than a live book restarts it without a gap; one older than what is known is a
gap: it is late, or the sequence began anew, and another snapshot tells which. Whatever is wrong, subscribing anew
mends it: at once the first time, then ever more slowly; and again where no snapshot comes of it for long. The buffer
begins anew with the subscription, so that what was before it cannot make every later snapshot look too old.

:class:`ReplacedBookSync`: every push is a snapshot and replaces the one before. Nothing is ever asked for.

A change that overlaps what is known passes with those of its entries that are newer. Classic entries carry their own
sequence; those of Pro carry none, ``bookfeeds`` gives them the last one of their message, so that all of them pass:
sizes are absolute, and at the message's end all of its entries are true.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from kucoin_stream.protocol.messages.rest import BookSnapshot
from kucoin_stream.protocol.messages.spot import BookDelta, Changes

BUFFER_LIMIT = 100_000  # changes kept while waiting for a snapshot; beyond it the older half goes
RETRY_FIRST = 0.25  # seconds before a snapshot is asked for again; doubles with each failure in a row
RETRY_LONGEST = 8.0
STEADY = 10.0  # seconds live after which the next failure counts as the first
PUSH_WAIT = 10.0  # seconds given to a pushed snapshot; 0.5 to 6.2 were seen (5.6); doubles while none comes
PUSH_WAIT_LONGEST = 80.0


class Restart(Struct, frozen=True):
    """Replace the book by ``snapshot``."""

    snapshot: BookSnapshot


class RequestSnapshot(Struct, frozen=True):
    """Fetch a snapshot; its answer carries ``ticket``, so that an answer to an older question is told apart."""

    ticket: int


class Resubscribe(Struct, frozen=True):
    """Unsubscribe from the topic and subscribe again: a new subscription begins with a snapshot."""


class BookGap(Struct, frozen=True):
    """The book is wrong from here: ``missed`` changes are missing, or ``None`` where that cannot be known."""

    reason: str
    missed: int | None = None


Action = BookDelta | Restart | RequestSnapshot | Resubscribe | BookGap

Pushed = BookDelta | BookSnapshot
"""What a book's topic pushes, once read."""


class BookSync:
    """The sequence of one book, idle until :meth:`connected`. Times are seconds on the caller's monotonic clock.

    Snapshots are fetched; see the module for the other kinds.
    """

    def __init__(self, quiet: float = 1.5) -> None:
        self.sequence: int | None = None  # of the last change applied; None: there is no book
        self._quiet = quiet
        self._buffer: list[BookDelta] | None = []  # None: live, nothing needs to be kept
        self._tickets = 0
        self._waiting: int | None = None  # the ticket of the snapshot on its way
        self._request_at: float | None = None
        self._failures = 0
        self._live_since = 0.0
        self._old_after: int | None = None  # the sequence after which only known changes came,
        self._old_since = 0.0  # and since when

    @property
    def live(self) -> bool:
        """Whether there is a book and it is right."""
        return self.sequence is not None

    @property
    def refreshing(self) -> bool:
        """Whether a snapshot is on its way, or due."""
        return self._waiting is not None or self._request_at is not None

    def follow(self, deltas: Sequence[Pushed]) -> int:
        """Take the first ones that are simply next in line of a live book, which are to be applied; return how many.

        The short way for almost every message; :meth:`receive` is for all others. It ends at a snapshot.
        """
        last = self.sequence
        if last is None or self._buffer is not None:
            return 0
        count = 0
        for delta in deltas:
            if not delta.sequence_start == last + 1 <= delta.sequence_end:
                break
            last = delta.sequence_end
            count += 1
        self.sequence = last
        return count

    def receive(self, message: Pushed, now: float) -> list[Action]:
        """Return what follows from one pushed message, change or snapshot."""
        if isinstance(message, BookSnapshot):
            return self.receive_pushed(message, now)
        return self.receive_delta(message, now)

    def receive_delta(self, delta: BookDelta, now: float) -> list[Action]:
        """Return what follows from one received change message."""
        last = self.sequence
        if last is None:
            self._keep(delta)
            return self._early(now)
        if delta.sequence_end <= last:
            return self._old(last, now)
        if delta.sequence_start > last + 1:
            gap = f"sequence {last + 1} to {delta.sequence_start - 1} missing"
            actions = self._lose(gap, delta.sequence_start - last - 1, now)
            self._keep(delta)
            return [*actions, *self._ask(now)]
        if self._buffer is not None:
            self._keep(delta)
        self.sequence = delta.sequence_end
        return [delta if delta.sequence_start == last + 1 else _after(delta, last)]

    def receive_snapshot(self, snapshot: BookSnapshot, ticket: int, now: float) -> list[Action]:
        """Return what follows from a snapshot fetched for ``ticket``."""
        if ticket != self._waiting:
            return []
        self._waiting = None
        kept = self._buffer or []
        known_from = kept[0].sequence_start if kept else (self.sequence or 0) + 1
        if snapshot.sequence + 1 < known_from and (kept or self.live):
            self._later(now)  # too old: what lies between is not known
            return []
        return self._restart(snapshot, kept, now)

    def receive_pushed(self, snapshot: BookSnapshot, now: float) -> list[Action]:  # noqa: ARG002
        """Return what follows from a snapshot in the stream: nothing, where snapshots are fetched."""
        return []

    def snapshot_failed(self, ticket: int, now: float) -> None:
        """Note that the snapshot for ``ticket`` could not be fetched; :meth:`tick` asks again later."""
        if ticket == self._waiting:
            self._waiting = None
            self._later(now)

    def refresh(self) -> list[Action]:
        """Ask for a new snapshot of a live book, unless one is due already; the book stays right meanwhile."""
        if self.refreshing or not self.live:
            return []
        self._buffer = []
        return self._fetch()

    def lost(self, reason: str, now: float) -> list[Action]:
        """Give a live book up for ``reason``: it is crossed, or a change could not be read."""
        return [*self._lose(reason, None, now), *self._ask(now)] if self.live else []

    def disconnected(self) -> None:
        """Forget the book: changes are being missed. Follow by :meth:`connected`."""
        self.sequence = None
        self._buffer = []
        self._waiting = None
        self._request_at = None
        self._failures = 0

    def connected(self, now: float) -> None:
        """Begin (again): changes arrive from here on."""
        if not (self.live or self._buffer or self._waiting):
            self._request_at = now + self._quiet

    def joined(self, now: float) -> list[Action]:
        """Begin where the topic was received by others before, in place of :meth:`connected`."""
        self.connected(now)
        return []

    def next_tick(self) -> float | None:
        """Return when to call :meth:`tick`, if ever."""
        return self._request_at

    def tick(self, now: float) -> list[Action]:
        """Return the request that is due, if any."""
        if self._request_at is None or now < self._request_at:
            return []
        return self._request(now)

    def _restart(self, snapshot: BookSnapshot, kept: list[BookDelta], now: float) -> list[Action]:
        self.sequence = snapshot.sequence
        self._buffer = None
        self._request_at = None
        self._live_since = now
        actions: list[Action] = [Restart(snapshot)]
        for delta in kept:
            actions += self.receive_delta(delta, now)
        return actions

    def _early(self, now: float) -> list[Action]:
        """A change was kept while there is no book."""
        first = self._waiting is None and self._failures == 0
        return self._request(now) if first else []

    def _old(self, last: int, now: float) -> list[Action]:
        """Pass over a change that is known; but where nothing else comes for long, the sequence began anew."""
        if self._old_after != last:
            self._old_after, self._old_since = last, now
        return self.lost("the sequence went back", now) if now - self._old_since > STEADY else []

    def _keep(self, delta: BookDelta) -> None:
        buffer = self._buffer = [] if self._buffer is None else self._buffer
        if buffer and delta.sequence_start < buffer[0].sequence_start:  # no snapshot would ever reach that
            buffer.clear()
        buffer.append(delta)
        if len(buffer) > BUFFER_LIMIT:
            del buffer[: BUFFER_LIMIT // 2]

    def _lose(self, reason: str, missed: int | None, now: float) -> list[Action]:
        if now - self._live_since > STEADY:
            self._failures = 0
        self.sequence = None
        self._buffer = []
        self._waiting = None
        self._request_at = None
        return [BookGap(reason, missed)]

    def _ask(self, now: float) -> list[Action]:
        """Request a snapshot now the first time, later when the last ones did not help for long."""
        if self._failures:
            self._later(now)
            return []
        self._failures = 1
        return self._request(now)

    def _request(self, now: float) -> list[Action]:  # noqa: ARG002
        return self._fetch()

    def _fetch(self) -> list[Action]:
        self._request_at = None
        self._tickets += 1
        self._waiting = self._tickets
        return [RequestSnapshot(self._tickets)]

    def _later(self, now: float) -> None:
        doubled = RETRY_FIRST * 2 ** min(self._failures, 16)  # hours of failures must not overflow it
        self._request_at = now + min(doubled, RETRY_LONGEST)
        self._failures += 1


class PushedBookSync(BookSync):
    """The sequence of a book whose snapshots come in the stream."""

    def __init__(self) -> None:
        super().__init__()
        self._wait = PUSH_WAIT  # given to the next subscription

    def receive_pushed(self, snapshot: BookSnapshot, now: float) -> list[Action]:
        """Return what follows from a snapshot in the stream."""
        last, kept = self.sequence, self._buffer or []
        if last is not None and snapshot.sequence < last:
            return self.lost("the sequence went back", now)
        if last is None and kept and snapshot.sequence + 1 < kept[0].sequence_start:
            self._later(now)  # too old: what lies between is not known
            return []
        self._wait = PUSH_WAIT
        return self._restart(snapshot, kept, now)

    def refresh(self) -> list[Action]:
        """Ask for nothing: the stream speaks of all that the book holds."""
        return []

    def disconnected(self) -> None:
        """Forget the book: changes are being missed. Follow by :meth:`connected`."""
        super().disconnected()
        self._wait = PUSH_WAIT

    def connected(self, now: float) -> None:
        """Begin (again), after a new connection or :class:`Resubscribe`: the snapshot is on its way."""
        if not self.live:
            self._request_at = max(self._request_at or now, now + PUSH_WAIT)

    def joined(self, now: float) -> list[Action]:
        """Begin where the topic was received by others before: its snapshot went by (6.2), so ask for another."""
        return [] if self.live else self._request(now)

    def _early(self, now: float) -> list[Action]:
        if self._request_at is None:
            self._request_at = now + PUSH_WAIT
        return []

    def _request(self, now: float) -> list[Action]:
        self._buffer = []
        self._request_at = now + self._wait
        self._wait = min(2 * self._wait, PUSH_WAIT_LONGEST)
        return [Resubscribe()]


class ReplacedBookSync(BookSync):
    """The sequence of a book of which every push is a snapshot."""

    def receive_delta(self, delta: BookDelta, now: float) -> list[Action]:  # noqa: ARG002
        """Return nothing: such a stream has no changes."""
        return []

    def receive_pushed(self, snapshot: BookSnapshot, now: float) -> list[Action]:
        """Return the restart from this snapshot."""
        return self._restart(snapshot, [], now)

    def refresh(self) -> list[Action]:
        """Ask for nothing: the next push is new."""
        return []

    def connected(self, now: float) -> None:
        """Wait for the first push, however long it takes."""

    def _ask(self, now: float) -> list[Action]:  # noqa: ARG002
        return []


def _after(delta: BookDelta, last: int) -> BookDelta:
    """Return the part of ``delta`` that is newer than ``last``."""
    return replace(
        delta,
        sequence_start=last + 1,
        changes=Changes(
            asks=[change for change in delta.changes.asks or () if change[2] > last],
            bids=[change for change in delta.changes.bids or () if change[2] > last],
        ),
    )
