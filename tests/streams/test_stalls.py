"""A user's function that does not return: named with its node, its line, its feed and its cell; it stops no other."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

import kucoin_stream as ks
from kucoin_stream.streams import origin, stalls
from tests.conftest import until


@pytest.fixture
def gate() -> Any:
    gate = threading.Event()
    yield gate
    gate.set()


@pytest.fixture
def in_cell() -> Any:
    token = origin.cell.set("In [5]")
    yield
    origin.cell.reset(token)


def _told(capfd: pytest.CaptureFixture[str], what: str) -> str:
    seen: list[str] = []

    def line() -> str:
        seen.append(capfd.readouterr().err)
        return next((each for each in "".join(seen).splitlines() if what in each), "")

    return until(line, what)


def put(client: ks.Client, feed: Any, *messages: Any) -> None:
    def received() -> None:
        feed._inlet.pending.extend(messages)
        feed._inlet.flush()

    client.engine.call(received)


GRAPHS: dict[str, Callable[[Any, Any], Any]] = {
    "a sink": lambda feed, hold: feed.sink(hold),
    "behind a buffer, which has a coroutine of its own": lambda feed, hold: feed.buffer(3).sink(hold),
    "behind a window": lambda feed, hold: feed.timed_window(0.02).filter(len).sink(hold),
    "in a thread of its own": lambda feed, hold: feed.sink(hold, thread=True),
    "in a thread of its own, behind a node": lambda feed, hold: feed.rate_limit(0.01).sink(hold, thread=True),
}


@pytest.mark.parametrize("graph", GRAPHS.values(), ids=GRAPHS)
@pytest.mark.usefixtures("in_cell")
def test_a_function_that_does_not_return_is_named_with_its_cell(
    client: ks.Client, gate: threading.Event, graph: Callable[[Any, Any], Any], capfd: pytest.CaptureFixture[str]
) -> None:
    def hold(message: Any) -> None:
        gate.wait(20)

    feed = client.level2("BTC-USDT")
    begin = time.monotonic()
    graph(feed, hold)
    told = _told(capfd, "has not returned")
    assert time.monotonic() - begin >= stalls.PATIENCE
    assert "<sink: hold> of spot.level2 BTC-USDT, made by In [5] has not returned to its loop for " in told
    assert f"(in hold, {__file__}:" in told
    table = client.ps()
    assert (table.loc[table["name"] == "<sink: hold>", "stalled"] >= stalls.PATIENCE).all()
    assert client.status().note.startswith("<sink: hold> of spot.level2 BTC-USDT, made by In [5]")
    assert len(client.statistics()["stalled"]) == 1
    gate.set()
    assert "<sink: hold> went on after" in _told(capfd, "went on after")
    assert client.statistics()["stalled"] == []
    assert "has not returned" not in capfd.readouterr().err


def test_a_thread_of_its_own_keeps_what_blocks_away_from_the_others(client: ks.Client, gate: threading.Event) -> None:
    feed = client.level2("BTC-USDT")
    threads: set[str] = set()
    seen: list[Any] = []

    def hold(message: Any) -> None:
        threads.add(threading.current_thread().name)
        gate.wait(20)

    sink = feed.sink(hold, thread=True)
    feed.sink(seen.append)
    until(lambda: threads and len(seen) > 20)
    (name,) = threads
    assert name.startswith("kucoin-stream-branch-")
    gate.set()
    sink.destroy()
    del sink
    until(lambda: name not in {thread.name for thread in threading.enumerate()}, "the thread ended")


def test_a_longer_way_in_a_thread_of_its_own(client: ks.Client) -> None:
    feed = client.level2("BTC-USDT", news=False)
    seen: list[tuple[str, int]] = []

    def note(end: int) -> None:
        seen.append((threading.current_thread().name, end))

    sink = feed.threaded().map(lambda delta: delta.sequence_end).buffer(5).rate_limit(0.001).sink(note)
    until(lambda: len(seen) > 10)
    assert {name.rpartition("-")[0] for name, _ in seen} == {"kucoin-stream-branch"}
    assert [end for _, end in seen] == sorted(end for _, end in seen)
    client.close()
    until(lambda: seen[0][0] not in {thread.name for thread in threading.enumerate()}, "the thread ended")
    until(lambda: sink.upstreams == [], "the sink went with its client")


BEHIND: dict[str, Callable[[Any], Any]] = {
    "map": lambda feed: feed.map(lambda n: n),
    "rate_limit": lambda feed: feed.rate_limit(0.001),
    "buffer": lambda feed: feed.buffer(3),
    "a window": lambda feed: feed.timed_window(0.001).flatten(),
    "batch": lambda feed: feed.batch(0.001, to="list").flatten(),
    "map_async": lambda feed: feed.map_async(_same),
    "conflate": lambda feed: feed.conflate(1000, key=id),
    "a thread": lambda feed: feed.threaded().map(lambda n: n),
}


async def _same(message: Any) -> Any:
    return message


@pytest.mark.parametrize("behind", BEHIND.values(), ids=BEHIND)
def test_behind_any_node_a_sink_may_have_a_thread_of_its_own(client: ks.Client, behind: Callable[[Any], Any]) -> None:
    feed = client.feed("spot.call_auction", "BTC-USDT")
    errors = feed.errors.sink_to_list()
    seen: list[tuple[int, str]] = []

    def odd(n: int, thanks: str) -> None:
        if n == 7:
            raise ValueError(thanks)
        seen.append((n, threading.current_thread().name))

    sink = behind(feed).sink(odd, thanks="no", thread=True)
    for n in range(20):
        put(client, feed, n)
    until(lambda: len(seen) + len(errors) == 20)
    assert [n for n, _ in seen] == [n for n in range(20) if n != 7]
    (name,) = {name for _, name in seen}
    assert name.startswith("kucoin-stream-branch-")
    assert [(each.node, each.text, feed.error_count) for each in errors] == [("<sink: odd>", "no", 1)]
    sink.destroy()
    del sink
    until(lambda: name not in {thread.name for thread in threading.enumerate()}, "the thread ended")


def test_a_function_may_block_in_its_thread_behind_a_node(client: ks.Client, gate: threading.Event) -> None:
    feed = client.feed("spot.call_auction", "BTC-USDT")
    seen: list[int] = []
    held: list[int] = []
    node = feed.map(lambda n: n)
    node.sink(lambda n: (held.append(n), gate.wait(20)), thread=True)
    feed.sink(seen.append)
    put(client, feed, *range(50))
    until(lambda: len(seen) == 50 and held)
    until(lambda: next(feed.branches).waiting == 49)
    assert held == [0]  # what it has not taken waits in the inbox, where the topic's policy applies
    gate.set()
    until(lambda: held == list(range(50)))


def test_a_function_that_blocks_for_good_behind_a_node_keeps_no_client(
    client: ks.Client, gate: threading.Event
) -> None:
    feed = client.feed("spot.call_auction", "BTC-USDT")
    threads: list[str] = []

    def hold(_: int) -> None:
        threads.append(threading.current_thread().name)
        gate.wait(20)

    sink = feed.map(lambda n: n).sink(hold, thread=True)
    put(client, feed, 1, 2)
    until(lambda: threads)
    client.close()
    until(lambda: sink.upstreams == [], "the sink went with its client")
    gate.set()
    until(lambda: threads[0] not in {thread.name for thread in threading.enumerate()}, "the thread ended")
    assert len(threads) == 1


def test_two_loops_do_not_meet_in_one_node(client: ks.Client) -> None:
    feed = client.level2("BTC-USDT")
    with pytest.raises(ValueError, match="Two different event loops"):
        feed.threaded().zip(feed.map(str), ensure_io_loop=True, loop=feed.loop)


def test_the_watch_ends_with_the_last_client(connect: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    watchdog = stalls.Watchdog()
    monkeypatch.setattr("kucoin_stream.streams.source.watchdog", watchdog)  # that of the process has other clients
    one, two = connect(), connect()
    one.level2("BTC-USDT"), two.level2("BTC-USDT")
    watching = watchdog._thread
    assert watching is not None
    one.close()
    assert watching.is_alive()
    two.close()
    until(lambda: not watching.is_alive())


class _Ending:
    """An engine that ends, and says so, right after it was asked."""

    def __init__(self, watchdog: stalls.Watchdog) -> None:
        self._wake = watchdog._wake
        self._asked = 0

    @property
    def ended(self) -> bool:
        self._asked += 1
        if self._asked == 2:  # by the thread; the first time it is asked before that is started
            self._wake.set()
        return self._asked > 2

    def on_end(self, method: Callable[[str], None]) -> None:
        """Nothing: it is said above."""


def test_an_end_that_is_told_between_a_look_and_the_rest_is_not_slept_over(monkeypatch: pytest.MonkeyPatch) -> None:
    watchdog, rests = stalls.Watchdog(), []
    genuine = watchdog._wake.wait
    monkeypatch.setattr(watchdog._wake, "wait", lambda seconds: rests.append(genuine(seconds)))
    engine: Any = _Ending(watchdog)
    watchdog.begin(engine)
    until(lambda: watchdog._thread is None)
    assert rests == [True]  # woken, and not by the time


class _Loop:
    """A loop that answers when it is told to."""

    def __init__(self) -> None:
        self.posted: list[Callable[[], None]] = []
        self.running = True

    def is_running(self) -> bool:
        return self.running

    def call_soon_threadsafe(self, callback: Callable[[], None]) -> None:
        self.posted.append(callback)


class _Branch:
    gone, since, thread, node = False, 0.0, 0, None

    def __init__(self, loop: _Loop) -> None:
        self.loop, self.loops = loop, dict[Any, int]()


@pytest.mark.parametrize(
    ("ticks", "named"),
    [
        ([0.0, 0.5], 0),  # not yet a second
        ([0.0, 0.5, 1.0], 1),
        ([0.0, 0.5, 1.0, 1.5, 60.0], 1),  # once an episode
        ([0.0, 0.5, (30.0, "late"), 30.5], 0),  # the process was asleep: its loops are not to blame
        ([0.0, 0.5, (30.0, "late"), 30.5, 31.0], 1),
    ],
)
def test_when_a_loop_is_said_to_stall(ticks: list[Any], named: int, capfd: pytest.CaptureFixture[str]) -> None:
    watchdog, loop = stalls.Watchdog(), _Loop()
    branches: Any = [_Branch(loop)]
    for each in ticks:
        now, late = each if isinstance(each, tuple) else (each, "")
        watchdog.tick(100.0 + now, branches, late=bool(late))
    assert watchdog.episodes == named
    assert capfd.readouterr().err.count("a loop of users' graphs has not answered for ") == named


@pytest.mark.parametrize("seconds", [0.5, 60.0], ids=["before it is said to stall", "while it is said to stall"])
def test_a_loop_that_ends_without_an_answer_stalls_no_more(seconds: float, capfd: pytest.CaptureFixture[str]) -> None:
    watchdog, loop = stalls.Watchdog(), _Loop()
    branches: Any = [_Branch(loop)]
    watchdog.tick(100.0, branches)
    watchdog.tick(100.0 + seconds, branches)
    loop.running = False
    watchdog.tick(200.0, branches)
    assert (watchdog.stalls, list(watchdog._pulses)) == ((), [])
    assert capfd.readouterr().err.count("a loop of users' graphs: its loop has ended") == watchdog.episodes


def test_many_short_calls_do_not_keep_the_loop_from_others(client: ks.Client) -> None:
    slow, other = client.feed("spot.level2", "BTC-USDT", "ETH-USDT", "SOL-USDT"), client.ticker("BTC-USDT")
    gate, calls, seen = threading.Event(), list[Any](), list[int]()

    def hold(message: Any) -> None:
        calls.append(message)
        gate.wait(20) if len(calls) == 1 else time.sleep(0.005)

    slow.sink(hold)
    other.sink(lambda _: seen.append(len(calls)))
    until(lambda: slow.statistics()["inbox"] > 300 and other.statistics()["inbox"] > 0, "something waits for both")
    before = len(seen)
    gate.set()
    until(lambda: len(calls) > 60)
    assert seen[before] <= 20


def test_what_waits_for_a_sink_when_its_client_ends_is_handed_on(client: ks.Client, gate: threading.Event) -> None:
    feed, seen = client.level2("BTC-USDT", news=False), list[int]()

    def hold(delta: Any) -> None:
        gate.wait(20)
        seen.append(delta.sequence_end)

    sink = feed.sink(hold)
    until(lambda: feed.statistics()["inbox"] > 20)
    client.close()
    waiting = feed.statistics()["inbox"]
    gate.set()
    until(lambda: sink.upstreams == [], "the sink went with its client")
    assert len(seen) == waiting + 1
    sink.destroy()  # does no harm


def test_what_would_take_too_long_keeps_no_client_alive(client: ks.Client) -> None:
    feed = client.level2("BTC-USDT")
    sink = feed.rate_limit(3600).sink(id)
    until(lambda: feed.statistics()["inbox"] > 3)
    client.close()
    until(lambda: sink.upstreams == [], "the sink went with its client")


def test_nothing_is_written_where_there_is_no_standard_error(
    client: ks.Client, gate: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    feed = client.level2("BTC-USDT")
    seen: list[Any] = []

    def bad(message: Any) -> None:
        seen.append(message)
        raise ValueError

    feed.sink(bad)
    until(lambda: feed.error_count > 3)
    assert len(seen) >= feed.error_count
