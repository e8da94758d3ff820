"""A book's sequence numbers: when a change may be applied, and when a snapshot is needed (protocol.md 5.2).

Theory of operation. Changes go into :meth:`BookSync.receive_delta`, snapshots into :meth:`receive_snapshot`; both
return what to do, in order:

* a :class:`BookDelta`: apply it, it is the next in line;
* :class:`Restart`: replace the book by this snapshot;
* :class:`RequestSnapshot`: fetch one, and hand it back with the ticket;
* :class:`BookGap`: the book is no longer right from here on.

A snapshot is requested once the first change is buffered, so that it cannot be older than the buffer, or after
``quiet`` seconds without any, because a quiet symbol may send none for long. A snapshot that is too old all the same
is requested again, ever more slowly. :meth:`refresh` asks for a new snapshot while the book goes on being right.
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


class Restart(Struct, frozen=True):
    """Replace the book by ``snapshot``."""

    snapshot: BookSnapshot


class RequestSnapshot(Struct, frozen=True):
    """Fetch a snapshot; its answer carries ``ticket``, so that an answer to an older question is told apart."""

    ticket: int


class BookGap(Struct, frozen=True):
    """The book is wrong from here: ``missed`` changes are missing, or ``None`` where that cannot be known."""

    reason: str
    missed: int | None = None


Action = BookDelta | Restart | RequestSnapshot | BookGap


class BookSync:
    """The sequence of one book, idle until :meth:`connected`. Times are seconds on the caller's monotonic clock."""

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

    def follow(self, deltas: Sequence[BookDelta]) -> int:
        """Take the first ones that are simply next in line of a live book, which are to be applied; return how many.

        The short way for almost every message; :meth:`receive_delta` is for all others.
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

    def receive_delta(self, delta: BookDelta, now: float) -> list[Action]:
        """Return what follows from one received change message."""
        last = self.sequence
        if last is None:
            self._keep(delta)
            first = self._waiting is None and self._failures == 0
            return self._request() if first else []
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
        self.sequence = snapshot.sequence
        self._buffer = None
        self._request_at = None
        self._live_since = now
        actions: list[Action] = [Restart(snapshot)]
        for delta in kept:
            actions += self.receive_delta(delta, now)
        return actions

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
        return self._request()

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

    def next_tick(self) -> float | None:
        """Return when to call :meth:`tick`, if ever."""
        return self._request_at

    def tick(self, now: float) -> list[Action]:
        """Return the request that is due, if any."""
        if self._request_at is None or now < self._request_at:
            return []
        return self._request()

    def _old(self, last: int, now: float) -> list[Action]:
        """Pass over a change that is known; but where nothing else comes for long, the sequence began anew."""
        if self._old_after != last:
            self._old_after, self._old_since = last, now
        return self.lost("the sequence went back", now) if now - self._old_since > STEADY else []

    def _keep(self, delta: BookDelta) -> None:
        buffer = self._buffer = [] if self._buffer is None else self._buffer
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
        return self._request()

    def _request(self) -> list[Action]:
        self._request_at = None
        self._tickets += 1
        self._waiting = self._tickets
        return [RequestSnapshot(self._tickets)]

    def _later(self, now: float) -> None:
        doubled = RETRY_FIRST * 2 ** min(self._failures, 16)  # hours of failures must not overflow it
        self._request_at = now + min(doubled, RETRY_LONGEST)
        self._failures += 1


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
