"""``partition_by``, and streamz's way to Dask behind it: in order by symbol, bounded, and nothing lost in silence."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any
from zlib import crc32

import pytest

import kucoin_stream as ks
from kucoin_stream.protocol.events import Gap
from tests.conftest import until
from tests.streams.test_nodes import put, silent, trade

distributed = pytest.importorskip("distributed")
pytestmark = pytest.mark.filterwarnings("default")  # Dask's own


class Gate:
    """A sink that keeps batches until it is opened, by symbol."""

    def __init__(self) -> None:
        self.came: list[tuple[str, list[int]]] = []
        self.done: list[tuple[str, list[int]]] = []
        self.open: set[str] = set()

    async def __call__(self, batch: list[Any]) -> None:
        what = batch[0].symbol, [each.sequence for each in batch]
        self.came.append(what)
        while what[0] not in self.open:  # noqa: ASYNC110  opened from another thread
            await asyncio.sleep(0.001)
        self.done.append(what)


# -- without Dask ------------------------------------------------------------------------------------------------


def test_each_batch_is_of_one_symbol_and_in_order(client: ks.Client) -> None:
    feed, batches = silent(client), list[Any]()
    feed.partition_by("symbol", batch="20ms").sink(batches.append)
    for n in range(50):
        put(client, feed, *(trade(symbol, n, number=n) for symbol in "AB"))
    until(lambda: sum(map(len, batches)) == 100)
    for name in "AB":
        mine = [batch for batch in batches if batch[0].symbol == name]
        assert {each.symbol for batch in mine for each in batch} == {name}
        assert [each.sequence for batch in mine for each in batch] == list(range(50))


def test_a_symbol_waits_for_its_own_batch_only_and_what_came_meanwhile_goes_at_once(client: ks.Client) -> None:
    feed, gate = silent(client), Gate()
    gate.open = {"B"}
    feed.partition_by(batch=0.01).sink(gate)
    put(client, feed, trade("A", 0, number=0), trade("B", 0, number=0))
    until(lambda: gate.came == [("A", [0]), ("B", [0])])
    for n in (1, 2):
        put(client, feed, trade("A", n, number=n), trade("B", n, number=n))
        until(lambda n=n: ("B", [n]) in gate.done)
    assert [what for what in gate.came if what[0] == "A"] == [("A", [0])]
    gate.open = {"A", "B"}
    until(lambda: ("A", [1, 2]) in gate.done)


def test_so_many_batches_are_on_their_way_at_most(client: ks.Client) -> None:
    feed, gate = silent(client), Gate()
    node = feed.partition_by(batch=0.01, ahead=2)
    node.sink(gate)
    put(client, feed, *(trade(symbol, 0) for symbol in "ABCD"))
    until(lambda: [name for name, _ in gate.came] == ["A", "B"])
    assert (node.away, node.waiting) == (2, 2)
    gate.open = {"B"}
    until(lambda: [name for name, _ in gate.came] == ["A", "B", "C"])
    gate.open = set("ABCD")
    until(lambda: len(gate.done) == 4)


def test_where_too_much_waits_the_inbox_holds_the_rest_and_the_policy_applies(connect: Callable[..., Any]) -> None:
    client = connect(inbox_size=10)
    feed, gate = silent(client, news=True), Gate()
    node = feed.partition_by(batch=0.01, limit=5)
    node.sink(gate)
    for n in range(40):
        put(client, feed, trade("A", n, number=n))
        until(lambda: node.waiting >= 5 or gate.came)
    until(lambda: feed.dropped)
    assert node.waiting <= 6
    gate.open = {"A"}
    until(lambda: not node.waiting and not next(iter(feed.branches)).waiting)
    seen = [number for _, numbers in gate.done for number in numbers]
    assert seen == sorted(set(seen))
    assert len(seen) + feed.dropped == 40


def test_a_key_may_be_a_function_and_batches_frames(client: ks.Client) -> None:
    feed, frames = silent(client), list[Any]()
    feed.partition_by(lambda each: crc32(each.symbol.encode()) % 2, batch=0.02, to="frame").sink(frames.append)
    put(client, feed, *(trade(symbol, n, price=n) for n in range(3) for symbol in "ABCD"))
    until(lambda: len(frames) == 2)
    assert {frozenset(frame["symbol"]) for frame in frames} == {frozenset("AC"), frozenset("BD")} or len(frames) == 2
    assert all(frame["price"].dtype == "float64" and len(frame) in (3, 6, 9) for frame in frames)
    assert sum(map(len, frames)) == 12


def test_news_is_in_the_list_of_its_symbol_else_in_all(client: ks.Client) -> None:
    feed, batches = silent(client, news=True), list[Any]()
    feed.partition_by(batch=0.05).sink(batches.append)
    a, b, of_a, of_all = trade("A", 0), trade("B", 0), Gap("/market/match:A", "why"), Gap("/market/match:Z", "why")
    put(client, feed, a, b)
    client.engine.call(lambda: [feed._inlet.news(of_a), feed._inlet.news(of_all), feed._inlet.flush()])
    until(lambda: batches == [[a, of_a, of_all], [b, of_all]])


@pytest.mark.parametrize("wrong", [{"to": "array"}, {"limit": 0}, {"ahead": 0}, {"batch": "soon"}, {"batch": 0}])
def test_what_cannot_be_raises_in_the_cell(client: ks.Client, wrong: dict[str, Any]) -> None:
    with pytest.raises(ks.errors.UsageError):
        silent(client).partition_by(**wrong)


# -- on workers --------------------------------------------------------------------------------------------------


def told(batch: list[Any]) -> tuple[str, list[int]]:
    return batch[0].symbol, [each.sequence for each in batch]


def numbers(results: list[tuple[str, list[int]]]) -> dict[str, list[int]]:
    """Return what came of each symbol, in order."""
    found = defaultdict(list)
    for name, some in results:
        found[name] += some
    return dict(found)


@pytest.fixture
def threads() -> Iterator[Any]:
    """A Dask client whose workers are threads of this process."""
    with distributed.Client(processes=False, n_workers=1, threads_per_worker=2, dashboard_address=None) as cluster:
        yield cluster


@pytest.fixture
def processes() -> Iterator[Any]:
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as workers,
        distributed.Client(workers) as cluster,
    ):
        yield cluster


@pytest.mark.parametrize("older", [True, False], ids=["the feed is older", "the feed is younger"])
def test_results_come_in_the_order_of_each_symbol_on_whichever_loop(
    client: ks.Client, request: pytest.FixtureRequest, older: bool
) -> None:
    feed = silent(client) if older else None
    cluster = request.getfixturevalue("threads")
    feed = feed or silent(client)
    assert (feed.loop is cluster.loop) is not older
    results: list[Any] = []
    feed.partition_by(batch=0.02).scatter().map(told).gather().sink(results.append)
    for n in range(100):
        put(client, feed, *(trade(symbol, n, number=n) for symbol in "ABC"))
    until(lambda: sum(len(some) for _, some in results) == 300)
    assert numbers(results) == {name: list(range(100)) for name in "ABC"}
    assert feed.error_count == 0


def test_without_a_client_of_dask_it_raises_in_the_cell(client: ks.Client) -> None:
    with pytest.raises(ks.errors.UsageError, match=r"distributed\.Client"):
        silent(client).partition_by().scatter()


def odd(batch: list[Any]) -> list[float]:
    return [1 / (each.sequence % 2) for each in batch]


def test_what_raises_on_a_worker_is_reported_as_of_any_branch_and_costs_its_batch(
    client: ks.Client, threads: Any
) -> None:
    feed, results, failures = silent(client), list[Any](), list[Any]()
    feed.errors.sink(failures.append)
    feed.partition_by("sequence", batch=0.01).scatter().map(odd).gather().sink(results.append)
    put(client, feed, *(trade("A", n, number=n) for n in range(4)))
    until(lambda: len(results) == 2 and len(failures) == 2)
    assert {(each.exception, each.text, each.node) for each in failures} == {
        ("ZeroDivisionError", "division by zero", "<gather>")
    }
    assert "in odd" in failures[0].traceback
    assert feed.error_count == 2


def test_a_sink_that_raises_behind_gather_costs_its_batch_only(client: ks.Client, threads: Any) -> None:
    feed, seen = silent(client), list[Any]()
    feed.partition_by("sequence", batch=0.01).scatter().map(told).gather().map(lambda r: 1 / r[1][0]).sink(seen.append)
    put(client, feed, *(trade("A", n, number=n) for n in range(3)))
    until(lambda: sorted(seen) == [0.5, 1.0] and feed.error_count == 1)


def test_a_buffer_of_tasks_goes_on_after_one_that_raises(client: ks.Client, threads: Any) -> None:
    feed, results = silent(client), list[Any]()
    feed.partition_by("sequence", batch=0.01).scatter().map(odd).buffer(4).gather().sink(results.append)
    put(client, feed, *(trade("A", n, number=n) for n in range(6)))
    until(lambda: results == [[1.0]] * 3 and feed.error_count == 3)


_held = threading.Event()


def held(batch: list[Any]) -> tuple[str, list[int]]:
    _held.wait(10)
    return told(batch)


def test_back_pressure_reaches_the_inbox_from_workers(connect: Callable[..., Any], threads: Any) -> None:
    _held.clear()
    client = connect(inbox_size=20)
    feed, results = silent(client), list[Any]()
    node = feed.partition_by(batch=0.01, limit=10, ahead=2)
    node.scatter().map(held).gather().sink(results.append)
    try:
        for n in range(100):
            put(client, feed, *(trade(symbol, n, number=n) for symbol in "ABC"))
        until(lambda: feed.dropped)
        assert node.waiting <= 11
        assert len(threads.futures) <= 4
    finally:
        _held.set()
    until(lambda: not node.waiting and not next(iter(feed.branches)).waiting and len(results) > 2)
    until(lambda: sum(len(some) for _, some in results) + feed.dropped == 300)
    assert all(some == sorted(some) for some in numbers(results).values())


def test_it_stops_and_starts_again(client: ks.Client, threads: Any) -> None:
    feed, results = silent(client), list[Any]()
    feed.partition_by(batch=0.01).scatter().map(told).gather().sink(results.append)
    put(client, feed, trade("A", 0, number=0))
    until(lambda: numbers(results) == {"A": [0]})
    feed.stop()
    put(client, feed, trade("A", 1, number=1))
    feed.start()
    put(client, feed, trade("A", 2, number=2))
    until(lambda: 2 in numbers(results)["A"])
    assert feed.error_count == 0


def shortly(batch: list[Any]) -> tuple[str, list[int]]:
    time.sleep(2)
    return told(batch)


def test_the_end_of_the_dask_client_is_a_gap_and_a_new_one_goes_on(client: ks.Client) -> None:
    feed, results, failures = silent(client, news=True), list[Any](), list[Any]()
    feed.errors.sink(failures.append)
    options = {"processes": False, "n_workers": 1, "threads_per_worker": 2, "dashboard_address": None}
    with distributed.Client(**options):
        feed.partition_by(batch=0.01).scatter().map(shortly).gather().sink(results.append)
        put(client, feed, trade("A", 0, number=0))
        until(lambda: distributed.default_client().futures)
    until(lambda: [type(each) for each in results] == [Gap])
    assert results[0].missed == 1
    until(lambda: len(failures) == 1)
    with distributed.Client(**options):
        put(client, feed, trade("A", 1, number=1))
        until(lambda: results[1:] == [("A", [1])])


def test_an_asynchronous_client_of_a_running_loop(client: ks.Client) -> None:
    older, results = silent(client), list[Any]()

    async def cell() -> None:
        options = {"processes": False, "n_workers": 1, "threads_per_worker": 2, "dashboard_address": None}
        async with distributed.Client(asynchronous=True, **options):
            younger = silent(client, "ETH-USDT")
            for feed in (older, younger):
                feed.partition_by(batch=0.01).scatter().map(told).gather().sink(results.append)
            for n in range(20):
                await asyncio.to_thread(put, client, older, trade("A", n, number=n))
                await asyncio.to_thread(put, client, younger, trade("B", n, number=n))
            deadline = time.monotonic() + 10
            while sum(len(some) for _, some in results) < 40 and time.monotonic() < deadline:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    asyncio.run(cell())
    assert numbers(results) == {"A": list(range(20)), "B": list(range(20))}


# -- a worker is killed ------------------------------------------------------------------------------------------


def slowly(batch: list[Any]) -> tuple[str, list[int]]:
    time.sleep(0.02)
    return told(batch)


@pytest.mark.slow
def test_a_killed_worker_costs_no_batch_and_no_order(client: ks.Client, processes: Any) -> None:
    feed, results = silent(client, news=True), list[Any]()
    feed.partition_by(batch=0.02).scatter().map(slowly).gather().sink(results.append)
    pids = processes.run(os.getpid)
    for n in range(300):
        put(client, feed, *(trade(symbol, n, number=n) for symbol in "ABCD"))
        if n == 100:
            until(lambda: results)
            os.kill(next(iter(pids.values())), signal.SIGKILL)
    until(lambda: sum(len(some) for _, some in results) == 1200, timeout=60)
    assert numbers(results) == {name: list(range(300)) for name in "ABCD"}
    assert feed.error_count == 0


def deadly(batch: list[Any]) -> tuple[str, list[int]]:
    if batch[0].symbol == "B" and batch[0].sequence == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return told(batch)


@pytest.mark.slow
def test_a_batch_that_kills_its_workers_becomes_a_gap_in_its_place(client: ks.Client, processes: Any) -> None:
    feed, results, failures = silent(client, news=True), list[Any](), list[Any]()
    feed.errors.sink(failures.append)
    feed.partition_by(batch=0.01).scatter().map(deadly).gather().sink(results.append)
    put(client, feed, *(trade(symbol, 0, number=0) for symbol in "AB"))
    until(lambda: {*map(str, results)} == {"('A', [0])", "('B', [0])"}, timeout=60)
    for n in (1, 2):  # while the first is on its way, the second waits
        put(client, feed, *(trade(symbol, n, number=n) for symbol in "AB"))
        until(lambda n=n: ("A", [n]) in results, timeout=60)
    until(lambda: ("B", [2]) in results, timeout=60)
    of_b = [each for each in results if isinstance(each, Gap) or each[0] == "B"]
    assert of_b == [("B", [0]), Gap("B", "Dask lost 1 messages of B", 1), ("B", [2])]
    assert [each.exception for each in failures] == ["KilledWorker"]


def test_streamz_own_way_from_a_feed_is_mended_too(client: ks.Client, threads: Any) -> None:
    feed, results = silent(client), list[Any]()
    feed.map(lambda each: [each]).scatter().map(odd).gather().sink(results.append)
    put(client, feed, *(trade("A", n, number=n) for n in range(4)))
    until(lambda: results == [[1.0]] * 2 and feed.error_count == 2)
