"""The fleet: which workers there are, which symbol is kept where, and what is known of each book. Pure.

Theory of operation. The shell tells it which workers there are, what they report and which are lost, each with the
time; it answers with an order for every worker: all that it is to keep and tell. Orders are whole, so a report that
was missed, or a worker that comes back with the books of long ago, does no harm.

A symbol has an *owner*, whose rows are shown. Where it moves without need (a worker joined, the load is uneven) it
also has a *target*, which keeps the book too, until it has it right and as new: then the target becomes the owner,
and nobody missed a change. Where the owner is lost, the symbol is not right any more from when it was last heard of,
until its next owner has it: that is a row of the audit.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from msgspec import Struct, structs

from kucoin_stream.frames.bookkeeper import RIGHT
from kucoin_stream.protocol import topics
from kucoin_stream.shards.placement import moves
from kucoin_stream.shards.words import Order, Report, Row
from kucoin_stream.transport.gaps import MOST, Hole

COUNTING = 5.0
"""Seconds of messages that a rate needs; until then all symbols count alike."""

LEVELLING = 30.0
"""Seconds between two looks at whether the load is even, where no worker came or went."""

STATISTICS_EVERY = 1.0
"""Seconds between two reports with counters."""

LATE = 3.0
"""Seconds without a report of a worker after which its books are not shown as current."""

SUMMED = ("messages", "errors", "stalls", "reconnects", "rest_calls", "rest_failures", "dropped")
"""Counters that only grow, and are summed over all workers there ever were."""

LATE_STATUS = "stale: its worker does not answer"
WAITING = "syncing: no worker keeps it yet"


class Known(Struct):
    """What is known of one symbol. ``updates`` are those of all its owners; ``rate`` is in messages a second."""

    owner: str = ""
    target: str = ""
    row: Row = Row(WAITING)
    trouble: str = ""  # the status as long as the owner has it not right
    updates: int = 0
    rate: float | None = None
    counted: int = 0  # updates when the rate was last taken,
    counted_at: float | None = None  # monotonic; None while the book is not right

    @property
    def shown(self) -> Row:
        """The row to show."""
        return structs.replace(self.row, status=self.trouble) if self.trouble else self.row


class Member(Struct):
    """What is known of one worker. ``since`` is Unix seconds, ``heard_ns`` Unix nanoseconds."""

    since: float
    state: str = "starting"
    reason: str = ""  # why it is lost, or failed
    heard_ns: int = 0
    heard: float = 0.0  # monotonic
    late: bool = False
    rows: dict[str, Row] = {}  # as it last told them
    gaps: list[Hole] = []  # that change no more
    open_gaps: list[Hole] = []  # those behind the first that may still
    gaps_to: int = 0
    afresh: bool = True
    statistics: dict[str, Any] = {}
    load: float | None = None  # share of a core
    told_at: float = float("-inf")  # when it last had to tell its counters, monotonic


class Fleet:
    """All symbols and workers. Times without unit are seconds of a monotonic clock. Lives on the loop thread."""

    def __init__(self, symbols: Iterable[str]) -> None:
        self.known = {symbol: Known() for symbol in symbols}
        self.members: dict[str, Member] = {}
        self.past: deque[tuple[str, Hole]] = deque(maxlen=MOST)  # of workers that are gone
        self.retired = dict.fromkeys(SUMMED, 0.0)  # counters of workers that are gone
        self.moved = 0
        self._lost: dict[str, Hole] = {}  # open, by symbol
        self._uneven = True  # whether somebody came or went
        self._levelled = float("-inf")

    def __repr__(self) -> str:
        return f"<Fleet {len(self.known)} symbols, {len(self.usable)} workers>"

    @property
    def usable(self) -> list[str]:
        """The workers that can be given symbols."""
        return [worker for worker, member in self.members.items() if member.state in ("starting", "up")]

    # -- what happens --------------------------------------------------------------------------------------------

    def meet(self, workers: Collection[str], now_ns: int) -> set[str]:
        """Take the addresses of the workers that there are; return the symbols whose row changed."""
        changed = set[str]()
        for worker in self.members.keys() - set(workers):
            changed |= self.lose(worker, now_ns, "it left the cluster")
            member = self.members.pop(worker)
            self.past.extend((worker, hole) for hole in member.gaps)
            for name in SUMMED:
                self.retired[name] += member.statistics.get(name) or 0
        for worker in workers:
            if worker not in self.members:
                self.members[worker] = Member(now_ns / 1e9)
                self._uneven = True
        return changed

    def lose(self, worker: str, now_ns: int, why: str) -> set[str]:
        """Count no more on a worker, until it reports again; return the symbols whose row changed."""
        member = self.members[worker]
        if member.state != "lost":
            self._uneven = True
            member.state, member.reason, member.load, member.late = "lost", why, None, False
            self._end_gaps(member, now_ns)
        changed = set[str]()
        for symbol, known in self.known.items():
            if known.target == worker:
                known.target = ""
            if known.owner == worker:
                self._orphan(symbol, known, worker, why, now_ns)
                changed.add(symbol)
        member.rows = {}
        return changed

    def doubt(self, now: float) -> set[str]:
        """See whose reports are late; return the symbols whose row changed."""
        late = {worker for worker, member in self.members.items() if member.state == "up" and now - member.heard > LATE}
        changed = set[str]()
        for symbol, known in self.known.items():
            if known.owner in late and not self.members[known.owner].late and not known.trouble:
                known.trouble = LATE_STATUS
                changed.add(symbol)
        for worker in late:
            self.members[worker].late = True
        return changed

    def take(self, worker: str, report: Report, now: float, now_ns: int) -> set[str]:
        """Take a report; return the symbols whose row changed."""
        member = self.members.get(worker)
        if member is None:
            return set()
        if report.failed:
            changed = set() if member.state == "failed" else self.lose(worker, now_ns, report.failed)
            member.state, member.reason = "failed", report.failed
            return changed
        if member.state in ("lost", "failed"):  # what it tells is of long ago
            member.state, member.reason, member.afresh, self._uneven = "starting", "", True, True
            return set()
        member.state, member.afresh, member.heard, member.heard_ns = "up", False, now, now_ns
        changed = self._trust(worker, member) if member.late else set()
        self._count_gaps(member, report)
        if report.statistics:
            self._count_load(member, report.statistics, now)
        before = {symbol: member.rows[symbol].updates for symbol in report.rows.keys() & member.rows.keys()}
        member.rows |= report.rows
        for symbol, row in report.rows.items():
            known = self.known.get(symbol)
            if known is not None and known.owner == worker:
                known.updates += max(0, row.updates - before.get(symbol, 0))
                self._show(symbol, known, row, now_ns)
                changed.add(symbol)
        return changed | self._arrived(worker, now_ns)

    def place(self, now: float) -> int:
        """Move symbols where that is needed; return how many. Without need it looks every :data:`LEVELLING` seconds."""
        self._measure(now)
        if not self._uneven and now - self._levelled < LEVELLING:
            return 0
        self._uneven, self._levelled = False, now
        placed = {symbol: known.target or known.owner for symbol, known in self.known.items()}
        found = moves(self._rates(), placed, self.usable)
        for move in found:
            known = self.known[move.symbol]
            self.moved += bool(known.row.source)
            if not known.owner:
                known.owner = move.target
            elif known.owner == move.target:
                known.target = ""
            else:
                known.target = move.target
        return len(found)

    def order(self, worker: str, now: float, watched: Mapping[str, int | None], audits: Mapping[str, float]) -> Order:
        """Return what a worker is to keep and to tell."""
        member = self.members[worker]
        usable = member.state in ("starting", "up")
        mine = [symbol for symbol, known in self.known.items() if worker in (known.owner, known.target) and usable]
        owned = {symbol for symbol in mine if self.known[symbol].owner == worker}
        for symbol in member.rows.keys() - set(mine):
            del member.rows[symbol]
        statistics = now - member.told_at >= STATISTICS_EVERY
        if statistics:
            member.told_at = now
        return Order(
            tuple(mine),
            {symbol: depth for symbol, depth in watched.items() if symbol in owned},
            {symbol: seconds for symbol, seconds in audits.items() if symbol in owned},
            member.gaps_to,
            member.afresh,
            statistics,
        )

    # -- what is known -------------------------------------------------------------------------------------------

    def holes(self, symbol: str | None = None) -> list[tuple[str, Hole]]:
        """Return what was missed, of all or of one book, oldest first, each with the worker that told of it, if any."""
        kept = [(worker, hole) for worker, member in self.members.items() for hole in (*member.gaps, *member.open_gaps)]
        rows = sorted([*self.past, *kept], key=lambda each: each[1].began_ns)
        if symbol is None:
            return rows
        return [(worker, hole) for worker, hole in rows if hole.part == "book" and _of(hole.topic, symbol)]

    def rate(self, worker: str) -> float:
        """Return the messages a second of the symbols that a worker keeps."""
        return sum(known.rate or 0.0 for known in self.known.values() if known.owner == worker)

    # -- details -------------------------------------------------------------------------------------------------

    def _trust(self, worker: str, member: Member) -> set[str]:
        """Show the books of a worker as current again: it followed them all the time."""
        member.late = False
        known = self.known.items()
        changed = {symbol for symbol, each in known if each.owner == worker and each.trouble == LATE_STATUS}
        for symbol in changed:
            self.known[symbol].trouble = ""
        return changed

    def _orphan(self, symbol: str, known: Known, worker: str, why: str, now_ns: int) -> None:
        member = self.members[worker]
        if known.row.status in RIGHT and symbol not in self._lost and known.row.source:
            topic = topics.find(known.row.source).wire(symbol)
            hole = Hole("book", topic, member.heard_ns or now_ns, f"worker {worker} lost: {why}")
            self._lost[symbol] = hole
            self.past.append(("", hole))
        known.trouble = "resyncing: worker lost" if known.row.source else f"syncing: worker {worker}: {why}"
        known.owner, known.target = known.target, ""

    def _show(self, symbol: str, known: Known, row: Row, now_ns: int) -> None:
        """Take the row of the owner; it ends what was wrong as soon as it is right."""
        hole = self._lost.get(symbol)
        if row.status in RIGHT and hole is not None:
            hole.ended_ns = now_ns
            hole.healed_by = f"worker {known.owner}"
            if row.source == known.row.source and None not in (row.top.sequence, known.row.top.sequence):
                hole.missed = max(0, (row.top.sequence or 0) - (known.row.top.sequence or 0))
            del self._lost[symbol]
        if row.status in RIGHT or not known.trouble or row.status.startswith("refused"):
            known.trouble = ""
            known.row = row

    def _arrived(self, worker: str, now_ns: int) -> set[str]:
        """Let a worker own what was to move to it, where it has that right, and not older than what is shown."""
        rows, changed = self.members[worker].rows, set()
        for symbol, known in self.known.items():
            row = rows.get(symbol)
            if known.target == worker and row is not None and _as_good(row, known.row):
                known.owner, known.target = worker, ""
                self._show(symbol, known, row, now_ns)
                changed.add(symbol)
        return changed

    def _count_gaps(self, member: Member, report: Report) -> None:
        settled = report.gaps_to - member.gaps_to
        if settled < 0:  # it opened its client again
            settled = report.gaps_to
        member.gaps = [*member.gaps, *report.gaps[:settled]][-MOST:]
        member.open_gaps = list(report.gaps[settled:])
        member.gaps_to = report.gaps_to

    def _end_gaps(self, member: Member, now_ns: int) -> None:
        for hole in member.open_gaps:
            if hole.ended_ns is None:
                hole.ended_ns, hole.healed_by = member.heard_ns or now_ns, "nobody: the worker was lost"
        member.gaps += member.open_gaps
        member.open_gaps = []

    def _count_load(self, member: Member, statistics: dict[str, Any], now: float) -> None:
        before, at = member.statistics.get("cpu_s"), member.statistics.get("at")
        if before is not None and at is not None and now > at:
            member.load = max(0.0, statistics["cpu_s"] - before) / (now - at)
        member.statistics = statistics | {"at": now}

    def _measure(self, now: float) -> None:
        """Take the rates of books that were right for long enough: the mean of the last seconds and those before."""
        for known in self.known.values():
            if known.trouble or known.row.status not in RIGHT:
                known.counted_at = None
            elif known.counted_at is None:
                known.counted_at, known.counted = now, known.updates
            elif (seconds := now - known.counted_at) >= COUNTING:
                rate = (known.updates - known.counted) / seconds
                known.rate = rate if known.rate is None else (known.rate + rate) / 2
                known.counted_at, known.counted = now, known.updates

    def _rates(self) -> dict[str, float]:
        measured = [known.rate for known in self.known.values() if known.rate is not None]
        usual = sum(measured) / len(measured) if measured else 1.0
        return {symbol: usual if known.rate is None else known.rate for symbol, known in self.known.items()}


def _as_good(row: Row, shown: Row) -> bool:
    if row.status not in RIGHT:
        return False
    if row.source != shown.source or shown.status not in RIGHT:
        return True
    return (row.top.sequence or 0) >= (shown.top.sequence or 0)


def _of(topic: str, symbol: str) -> bool:
    return symbol in topic.partition(":")[2].split(",")
