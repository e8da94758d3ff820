"""streamz's nodes behind feeds of 5,000 messages a second: nothing grows, siblings get everything, errors cost one."""

from __future__ import annotations

import gc
import os
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

import pytest

import kucoin_stream as ks
from kucoin_stream.streams.failure import Failure
from kucoin_stream.streams.feed import Feed
from tests.conftest import until

pytestmark = pytest.mark.slow

RATE = 5000  # messages a second
READS = 50  # a second
LIMIT = 500
HELD = 400  # messages: 200 in the feed itself, for tables that come later, and a window or queue of the graph


@pytest.fixture
def client(connect: Callable[..., ks.Client]) -> ks.Client:
    return connect(inbox_size=LIMIT)


def silent(client: ks.Client, symbol: str = "BTC-USDT") -> Feed[Any]:
    """Return a feed on which nothing comes but what a test puts there."""
    return client.feed("spot.call_auction", symbol)


def put(client: ks.Client, feed: Feed[Any], *messages: Any) -> None:
    def received() -> None:
        feed._inlet.pending.extend(messages)
        feed._inlet.flush()

    client.engine.call(received)


class Message:
    """Something that can be counted while it lives."""


def pour(client: ks.Client, feed: Feed[Any], alive: weakref.WeakSet[Message], seconds: float = 0.6) -> int:
    """Have 5,000 messages a second come; return how many came."""
    size, reads = RATE // READS, int(seconds * READS)
    for _ in range(reads):
        begin = time.monotonic()
        messages = [Message() for _ in range(size)]
        alive.update(messages)
        put(client, feed, *messages)
        del messages
        time.sleep(max(0.0, 1 / READS - (time.monotonic() - begin)))  # it is the rate that is tested
    return size * reads


async def _later(message: Any) -> Any:
    return message


SLOW = 60.0  # seconds: within a test the node lets one message through
GRAPHS: dict[str, Callable[[Any, Any], Any]] = {
    "rate_limit": lambda feed, _: feed.rate_limit(SLOW),
    "delay": lambda feed, _: feed.delay(SLOW),
    "buffer before rate_limit": lambda feed, _: feed.buffer(20).rate_limit(SLOW),
    "delay behind a map": lambda feed, _: feed.map(lambda each: each).delay(SLOW),
    "rate_limit behind a slice": lambda feed, _: feed.slice(step=2).rate_limit(SLOW),
    "zip with a feed that is silent": lambda feed, other: feed.zip(other),
    "zip_latest with a feed that is silent": lambda feed, other: feed.zip_latest(other),
    "combine_latest with a feed that is silent": lambda feed, other: feed.combine_latest(other),
    "timed_window before rate_limit": lambda feed, _: feed.timed_window(0.01).rate_limit(SLOW),
    "partition before delay": lambda feed, _: feed.partition(10).delay(SLOW),
    "latest before rate_limit": lambda feed, _: feed.latest().rate_limit(SLOW),
    "sliding_window": lambda feed, _: feed.sliding_window(10),
    "accumulate": lambda feed, _: feed.accumulate(lambda total, _: total + 1, start=0),
    "union": lambda feed, other: feed.union(other),
    "slice that ends": lambda feed, _: feed.slice(end=3),
    "map_async before rate_limit": lambda feed, _: feed.map_async(_later).rate_limit(SLOW),
    "take": lambda feed, _: feed.take(3),
    "conflate before rate_limit": lambda feed, _: feed.conflate(1000).rate_limit(SLOW),
    "resample before rate_limit": lambda feed, _: feed.resample(0.01).rate_limit(SLOW),
    "resample by the clock before rate_limit": lambda feed, _: feed.resample(0.01, by="clock").rate_limit(SLOW),
    "batch before rate_limit": lambda feed, _: feed.batch(0.01, to="list", limit=100).rate_limit(SLOW),
}


@pytest.mark.parametrize("graph", GRAPHS.values(), ids=GRAPHS)
def test_nothing_grows_and_siblings_get_everything(client: ks.Client, graph: Callable[[Any, Any], Any]) -> None:
    feed, other = silent(client), silent(client, "ETH-USDT")
    count = 0

    def sibling(message: Any) -> None:
        nonlocal count
        count += 1

    fast = feed.sink(sibling)
    end = graph(feed, other).sink(id)
    alive: weakref.WeakSet[Message] = weakref.WeakSet()
    came = pour(client, feed, alive)
    until(lambda: count == came, "the sibling has everything")
    until(lambda: gc.collect() >= 0 and len(alive) <= LIMIT + HELD, "no more is held than an inbox and a window")
    assert all(branch.peak <= LIMIT for branch in feed.branches)
    assert feed.error_count == 0
    assert next(iter(feed.branches)).dropped == 0  # the sibling's
    assert (fast.upstreams, bool(end.upstreams)) == ([feed], True)


BEHIND: dict[str, Callable[[Any], Any]] = {
    "feed": lambda feed: feed,
    "map": lambda feed: feed.map(lambda n: n),
    "buffer": lambda feed: feed.buffer(3),
    "delay": lambda feed: feed.delay(0.001),
    "rate_limit": lambda feed: feed.rate_limit(0.001),
    "timed_window": lambda feed: feed.timed_window(0.001).flatten(),
    "timed_window_unique": lambda feed: feed.timed_window_unique(0.001).flatten(),
    "partition": lambda feed: feed.partition(1).flatten(),
    "partition with a timeout": lambda feed: feed.partition(100, timeout=0.01).flatten(),
    "map_async": lambda feed: feed.map_async(_later),
    "threaded": lambda feed: feed.threaded(),
    "take": lambda feed: feed.take(1000),
    "conflate": lambda feed: feed.conflate(1000),
    "resample by the clock": lambda feed: feed.resample(0.001, by="clock"),
    "batch": lambda feed: feed.batch(0.001, to="list").flatten(),
}


@pytest.mark.parametrize("error", [ValueError, SystemExit, KeyboardInterrupt])
@pytest.mark.parametrize("behind", BEHIND.values(), ids=BEHIND)
def test_an_error_costs_its_own_message_wherever_it_happens(
    client: ks.Client, behind: Callable[[Any], Any], error: type[BaseException]
) -> None:
    feed = silent(client)
    seen: list[int] = []

    def odd(n: int) -> int:
        if n % 2:
            raise error
        return n

    behind(feed).map(odd).sink(seen.append)
    for n in range(6):
        put(client, feed, n)
        until(lambda n=n: (seen[-1:] == [n]) if n % 2 == 0 else feed.error_count == n // 2 + 1, f"{n} was handled")
    assert (seen, feed.error_count) == ([0, 2, 4], 3)


@pytest.mark.parametrize("error", [ValueError, SystemExit, KeyboardInterrupt])
def test_an_error_of_a_coroutine_costs_its_own_message(client: ks.Client, error: type[BaseException]) -> None:
    feed = silent(client)
    seen: list[int] = []

    async def odd(n: int) -> None:
        if n % 2:
            raise error
        seen.append(n)

    feed.sink(odd)
    feed.map_async(odd).sink(id)
    put(client, feed, *range(4))
    until(lambda: sorted(seen) == [0, 0, 2, 2])
    until(lambda: feed.error_count == 4)


@pytest.mark.parametrize("behind", list(BEHIND.values())[1:], ids=list(BEHIND)[1:])
def test_a_destroyed_sink_takes_its_branch_along(client: ks.Client, behind: Callable[[Any], Any]) -> None:
    feed = silent(client)
    seen: list[int] = []
    for _ in range(3):
        sink = behind(feed).map(int).sink(seen.append)
        put(client, feed, *range(3))
        until(lambda: 2 in seen)
        seen.clear()
        sink.destroy()
        del sink
    until(lambda: not list(feed.branches), "no branch is left")


def test_a_node_in_a_variable_outlives_its_sinks(client: ks.Client) -> None:
    feed = silent(client)
    windows = feed.buffer(3)
    windows.sink(id).destroy()
    seen: list[int] = []
    windows.sink(seen.append)
    gc.collect()
    put(client, feed, 1, 2)
    until(lambda: seen == [1, 2])


def test_zip_latest_gives_all_once_its_other_stream_has_begun(client: ks.Client) -> None:
    feed, other = silent(client), silent(client, "ETH-USDT")
    pairs: list[Any] = []
    feed.zip_latest(other).sink(pairs.append)
    put(client, feed, *range(100))
    put(client, other, "x")
    put(client, feed, 100)
    until(lambda: len(pairs) == 101)
    assert pairs == [(n, "x") for n in range(101)]


def test_emit_behind_a_buffer_does_not_wait_for_its_own_loop(client: ks.Client) -> None:
    from streamz import Stream

    feed, relay = silent(client), Stream(asynchronous=False)
    seen: list[int] = []
    relay.sink(seen.append)
    feed.buffer(3).sink(relay.emit)
    put(client, feed, 1, 2)
    until(lambda: seen == [1, 2])


# -- errors as a stream ------------------------------------------------------------------------------------------


def test_errors_are_a_stream_and_the_first_is_shown(client: ks.Client, capfd: pytest.CaptureFixture[str]) -> None:
    feed = silent(client)
    failures: list[Failure] = []
    feed.errors.sink(failures.append)

    def bad(n: int) -> None:
        raise ValueError(f"no {n}")

    feed.map(str).map(int).map(bad).sink(id)
    put(client, feed, 1, 2, 3)
    until(lambda: len(failures) == 3)
    assert [each.text for each in failures] == ["no 1", "no 2", "no 3"]
    assert [each.count for each in failures] == [1, 2, 3]
    first = failures[0]
    assert (first.feed, first.node, first.exception) == (feed.title, "<map: bad>", "ValueError")
    assert first.traceback.count("File ") == 1  # the user's part
    assert "raise ValueError" in first.traceback
    assert first.time_ns > 0
    assert feed.error_count == 3
    assert capfd.readouterr().err.count("ValueError: no 1") == 1
    assert "no 2" not in capfd.readouterr().err


def test_errors_of_the_errors_own_graph_do_not_come_back(client: ks.Client) -> None:
    feed = silent(client)
    seen: list[Failure] = []
    again: list[Failure] = []

    def bad(message: Any) -> None:
        seen.append(message)
        raise ValueError

    feed.errors.sink(bad)
    feed.errors.errors.sink(again.append)
    feed.sink(lambda n: 1 / 0)
    put(client, feed, 1, 2)
    until(lambda: feed.errors.error_count == 2)
    assert ([each.exception for each in seen], again) == (["ZeroDivisionError"] * 2, [])


class Mute(Exception):
    def __str__(self) -> str:
        raise ValueError("not even this")


def test_an_error_that_cannot_be_described_is_an_error_like_others(client: ks.Client) -> None:
    feed = silent(client)
    failures: list[Failure] = []
    feed.errors.sink(failures.append)

    def bad(n: int) -> None:
        raise Mute

    feed.sink(bad)
    put(client, feed, 1, 2)
    until(lambda: len(failures) == 2)
    assert failures[0].exception == "Mute"


# -- forks -------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:This process")
@pytest.mark.parametrize(
    "ending", [lambda: None, lambda: os._exit(3), lambda: [][0], lambda: (_ for _ in ()).throw(SystemExit(5))]
)
@pytest.mark.parametrize("behind", [BEHIND["feed"], BEHIND["buffer"]], ids=["feed", "buffer"])
def test_a_callback_that_forks_harms_nothing(
    client: ks.Client, behind: Callable[[Any], Any], ending: Callable[[], Any]
) -> None:
    feed = silent(client)
    book = client.book("BTC-USDT").wait()
    children: list[int] = []
    others: list[int] = []

    def forking(n: int) -> None:
        child = os.fork()
        if child == 0:
            ending()
        else:
            children.append(child)

    behind(feed).sink(forking)
    feed.sink(others.append)
    put(client, feed, 1, 2, 3)
    until(lambda: len(children) == 3 and others == [1, 2, 3])
    for child in children:
        until(lambda child=child: os.waitpid(child, os.WNOHANG)[0] == child, "the child ended")
    put(client, feed, 4)
    until(lambda: others == [1, 2, 3, 4] and len(children) == 4)
    os.waitpid(children[3], 0)
    updates = book.updates
    until(lambda: book.updates > updates)
    assert book.status == "live"
    assert threading.active_count() > 2
