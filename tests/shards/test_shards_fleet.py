"""The fleet: orders, reports, losses and moves, without Dask, threads or a clock."""

from __future__ import annotations

from typing import Any

import pytest

from kucoin_stream.market.book import Top
from kucoin_stream.shards.fleet import LEVELLING, Fleet
from kucoin_stream.shards.words import Order, Report, Row
from kucoin_stream.transport.gaps import Hole

SECOND = 1_000_000_000


def row(sequence: int, updates: int = 1, status: str = "live", source: str = "spot.level2") -> Row:
    return Row(status, Top(sequence, 1.0, 1.0, 2.0, 1.0), updates, None, source)


class Stage:
    """A fleet, its clock, and workers that do what they are told."""

    def __init__(self, symbols: str, *workers: str) -> None:
        self.fleet = Fleet(symbols)
        self.now = 100.0
        self.workers = list(workers)
        self.meet()

    @property
    def now_ns(self) -> int:
        return int(self.now * SECOND)

    def meet(self, *workers: str) -> set[str]:
        self.workers = list(workers) or self.workers
        changed = self.fleet.meet(self.workers, self.now_ns)
        self.fleet.place(self.now)
        return changed

    def order(self, worker: str, **watched: Any) -> Order:
        return self.fleet.order(worker, self.now, watched, {})

    def report(self, worker: str, *, after: float = 1.0, **rows: Row) -> set[str]:
        self.now += after
        return self.take(worker, Report(rows))

    def take(self, worker: str, report: Report) -> set[str]:
        changed = self.fleet.take(worker, report, self.now, self.now_ns)
        self.fleet.place(self.now)
        return changed

    def owners(self) -> dict[str, str]:
        return {symbol: known.owner for symbol, known in self.fleet.known.items()}

    def statuses(self) -> dict[str, str]:
        return {symbol: known.shown.status for symbol, known in self.fleet.known.items()}


@pytest.fixture
def stage() -> Stage:
    """Four books on two workers, all right."""
    stage = Stage("abcd", "one", "two")
    stage.report("one", a=row(10), c=row(10))
    stage.report("two", b=row(10), d=row(10))
    return stage


def test_the_first_order_says_all_that_is_to_be_kept(stage):
    assert Stage("abcd", "one", "two").order("one") == Order(("a", "c"), {}, {}, 0, afresh=True, statistics=True)
    assert stage.order("one", a=5, b=5) == Order(("a", "c"), {"a": 5}, {}, 0, afresh=False, statistics=True)
    assert stage.order("one").statistics is False  # not so soon again


def test_nobody_keeps_anything_without_workers():
    stage = Stage("ab")
    assert stage.owners() == {"a": "", "b": ""}
    assert set(stage.statuses().values()) == {"syncing: no worker keeps it yet"}


def test_the_books_of_a_lost_worker_are_not_right_until_another_has_them(stage):
    stage.now += 3
    assert stage.meet("two") == {"a", "c"}
    lost = "resyncing: worker lost"
    assert stage.statuses() == {"a": lost, "b": "live", "c": lost, "d": "live"}
    assert stage.owners() == dict.fromkeys("abcd", "two")
    assert stage.report("two", a=row(0, status="syncing"), b=row(11, 2)) == {"a", "b"}
    assert stage.statuses()["a"] == lost
    stage.report("two", a=row(17))
    assert stage.statuses() == {"a": "live", "b": "live", "c": lost, "d": "live"}
    a, c = (hole for _, hole in stage.fleet.holes())
    cause = "worker one lost: it left the cluster"
    assert a == Hole("book", "/market/level2:a", 101 * SECOND, cause, 7, 107 * SECOND, "worker two")
    assert c == Hole("book", "/market/level2:c", 101 * SECOND, cause)
    assert [hole for _, hole in stage.fleet.holes("b")] == []


def test_a_book_that_was_never_right_leaves_no_gap():
    stage = Stage("a", "one")
    stage.report("one", a=row(0, status="syncing"))
    stage.meet("two")
    assert stage.fleet.holes() == []


def test_missing_changes_are_not_counted_where_the_book_is_of_another_kind(stage):
    stage.meet("two")
    stage.report("two", a=row(17, source="pro_spot.level2"))
    assert next(hole for _, hole in stage.fleet.holes("a")).missed is None


def test_a_book_moves_without_being_missed(stage):
    stage.meet("one", "two", "three")
    (moving,) = (symbol for symbol, known in stage.fleet.known.items() if known.target == "three")
    owner = stage.owners()[moving]
    assert moving in stage.order(owner).wanted
    assert stage.order("three").wanted == (moving,)
    stage.report("three", **{moving: row(0, status="syncing")})
    assert (stage.owners()[moving], stage.statuses()[moving]) == (owner, "live")
    stage.report("three", **{moving: row(9)})  # right, but older than what is shown
    assert stage.owners()[moving] == owner
    assert stage.report("three", **{moving: row(10)}) == {moving}
    assert (stage.owners()[moving], stage.statuses()[moving]) == ("three", "live")
    assert moving not in stage.order(owner).wanted
    assert stage.fleet.holes() == []


def test_where_the_owner_is_lost_the_worker_it_was_moving_to_takes_over(stage):
    stage.meet("one", "two", "three")
    (moving,) = (symbol for symbol, known in stage.fleet.known.items() if known.target == "three")
    owner = stage.owners()[moving]
    stage.meet(*({"one", "two", "three"} - {owner}))
    assert stage.owners()[moving] == "three"
    stage.report("three", **{moving: row(12)})
    assert stage.statuses()[moving] == "live"


def test_where_the_target_is_lost_the_owner_goes_on(stage):
    stage.meet("one", "two", "three")
    stage.meet("one", "two")
    assert {known.target for known in stage.fleet.known.values()} == {""}
    assert set(stage.statuses().values()) == {"live"}


def test_a_worker_that_answers_again_begins_anew(stage):
    stage.fleet.lose("one", stage.now_ns, "no answer for 5 s")
    stage.fleet.place(stage.now)
    assert stage.owners() == dict.fromkeys("abcd", "two")
    assert stage.order("one") == Order((), {}, {}, 0, afresh=False, statistics=True)
    assert stage.report("one", a=row(99)) == set()  # of long ago
    assert stage.order("one").afresh
    assert set(stage.order("one").wanted) == {
        symbol for symbol, known in stage.fleet.known.items() if "one" in (known.owner, known.target)
    }
    assert stage.order("one").wanted != ()


def test_a_worker_that_cannot_collect_gets_nothing_and_its_reason_is_told():
    stage = Stage("ab", "one", "two")
    stage.take("one", Report(failed="KuCoin cannot be reached"))
    assert stage.owners() == {"a": "two", "b": "two"}
    assert stage.statuses()["a"] == "syncing: worker one: KuCoin cannot be reached"
    assert (stage.fleet.members["one"].state, stage.fleet.usable) == ("failed", ["two"])


def test_books_whose_worker_is_late_are_stale_and_current_again_with_its_report(stage):
    stage.report("two", after=2, b=row(11))
    assert stage.fleet.doubt(stage.now) == set()
    stage.report("two", after=1.5, b=row(12))
    assert stage.fleet.doubt(stage.now) == {"a", "c"}
    assert stage.fleet.doubt(stage.now) == set()  # said once
    stale = "stale: its worker does not answer"
    assert stage.statuses() == {"a": stale, "b": "live", "c": stale, "d": "live"}
    assert stage.report("one", a=row(13)) == {"a", "c"}
    assert set(stage.statuses().values()) == {"live"}
    assert stage.fleet.holes() == []


def test_the_gap_of_a_late_worker_that_is_lost_begins_when_it_was_last_heard(stage):
    stage.now += 5
    stage.fleet.doubt(stage.now)
    stage.meet("two")
    assert [hole.began_ns for _, hole in stage.fleet.holes()] == [101 * SECOND] * 2
    assert stage.statuses()["a"] == "resyncing: worker lost"


def test_a_refused_symbol_is_said_to_be_even_after_a_loss(stage):
    stage.meet("two")
    stage.report("two", a=row(0, status="refused: 404 no such topic", source=""))
    assert stage.statuses()["a"] == "refused: 404 no such topic"


def test_load_is_levelled_by_the_messages_that_were_measured(stage):
    stage.report("one", after=0, a=row(20, 1), c=row(20, 1))
    for second in range(1, 8):
        stage.report("one", after=5, a=row(100 * second, 500 * second), c=row(100 * second, 400 * second))
        stage.report("two", after=0, b=row(10 + second, second), d=row(10 + second, second))
    assert stage.now >= 100 + LEVELLING
    assert stage.fleet.known["a"].rate == pytest.approx(100, rel=0.1)
    assert {symbol: known.target for symbol, known in stage.fleet.known.items() if known.target} == {"c": "two"}


def test_gaps_of_workers_are_told_once_each_and_outlive_them(stage):
    early = Hole("topic", "/t:a", 1, "gap", None, 2, "healed")
    open_, later = Hole("topic", "/t:b", 3, "drop"), Hole("topic", "/t:c", 4, "gap", 1, 4)
    stage.take("one", Report(gaps=(early, open_, later), gaps_to=1))
    assert stage.order("one").gaps_from == 1
    healed = Hole("topic", "/t:b", 3, "drop", None, 5, "again")
    stage.take("one", Report(gaps=(healed, later), gaps_to=3))
    stage.take("one", Report(gaps=(), gaps_to=3))
    told = [("one", early), ("one", healed), ("one", later)]
    assert stage.fleet.holes() == told
    stage.meet("two")
    assert stage.fleet.holes()[:3] == told


def test_a_gap_that_was_open_when_its_worker_was_lost_does_not_last_for_ever(stage):
    stage.take("one", Report(gaps=(Hole("topic", "/t:b", 3, "drop"),), gaps_to=0))
    stage.meet("two")
    (_, hole), *_ = stage.fleet.holes()
    assert (hole.ended_ns, hole.healed_by) == (102 * SECOND, "nobody: the worker was lost")


def test_counters_of_lost_workers_stay_in_the_sums(stage):
    stage.take("one", Report(statistics={"messages": 7, "errors": 1, "cpu_s": 1.0}))
    stage.meet("two")
    assert (stage.fleet.retired["messages"], stage.fleet.retired["errors"]) == (7, 1)
