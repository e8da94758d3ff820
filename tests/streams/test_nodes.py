"""The nodes that streamz has not, on feeds and on plain streams: take, symbol, conflate, resample, to_klines, batch."""

from __future__ import annotations

import ast
import gc
import inspect
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from streamz import Stream

import kucoin_stream as ks
from kucoin_stream.frames.batches import batch
from kucoin_stream.frames.collected import sink_to_frame
from kucoin_stream.frames.partitions import partition_by
from kucoin_stream.protocol.events import Gap
from kucoin_stream.protocol.messages import futures, spot
from kucoin_stream.streams import typed
from kucoin_stream.streams.bars import to_klines
from kucoin_stream.streams.moments import seconds, time_ns_of
from kucoin_stream.streams.nodes import Ohlc, conflate, resample, symbol, take
from kucoin_stream.streams.source import Inlet
from tests.conftest import until

T0 = 1_795_307_160 * 10**9  # ns, the begin of a minute


def trade(symbol: str, second: float, price: float = 1.0, size: float = 1.0, number: int = 0) -> spot.Trade:
    return spot.Trade(symbol, "buy", price, size, T0 + round(second * 1e9), str(number), number)


def silent(client: ks.Client, symbol: str = "BTC-USDT", **options: Any) -> Any:
    """Return a feed on which nothing comes but what a test puts there."""
    return client.feed("spot.call_auction", symbol, **options)


def put(client: ks.Client, feed: Any, *messages: Any) -> None:
    client.engine.call(_receive, feed._inlet, messages)


def _receive(inlet: Inlet, messages: tuple[Any, ...]) -> None:
    inlet.pending.extend(messages)
    inlet.flush()


def fed(messages: list[Any], graph: Callable[[Any], Any]) -> list[Any]:
    """Return what a graph makes of messages on a plain stream."""
    source = Stream()
    seen: list[Any] = graph(source).sink_to_list()
    for message in messages:
        source.emit(message)
    return seen


def test_streamz_knows_the_nodes_without_importing_us() -> None:
    program = (
        "import sys; from streamz import Stream; assert 'kucoin_stream' not in sys.modules; s = Stream();"
        "seen = s.map(int).take(2).sink_to_list(); [s.emit(n) for n in '123']; print(seen)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout.strip(), done.returncode) == ("[1, 2]", 0), done.stderr


OURS = {"take": take, "symbol": symbol, "conflate": conflate, "resample": resample, "to_klines": to_klines,
        "batch": batch, "partition_by": partition_by, "sink_to_frame": sink_to_frame}  # fmt: skip


def test_type_checkers_see_the_nodes_that_are_there() -> None:
    module = ast.parse(inspect.getsource(typed))
    (node,) = (each for each in module.body if isinstance(each, ast.ClassDef) and each.name == "Node")
    seen = {each.name: each.args for each in ast.walk(node) if isinstance(each, ast.FunctionDef)}
    assert [name for name in seen if not hasattr(Stream, name) and name != "__aiter__"] == []
    for name, kind in OURS.items():
        start = kind.__new__ if name == "sink_to_frame" else kind.__init__
        there = list(inspect.signature(start).parameters)[2:]  # but self and upstream
        args = seen[name]
        declared = [each.arg for each in (*args.args[1:], args.vararg, *args.kwonlyargs, args.kwarg) if each]
        assert declared == (there if name != "batch" else ["every", "to", "kwargs"]), name


@pytest.mark.parametrize(
    "node",
    [
        lambda feed: feed.take(0),
        lambda feed: feed.take(2.5),
        lambda feed: feed.take("3"),
        lambda feed: feed.conflate("x"),
        lambda feed: feed.symbol(),
        lambda feed: feed.conflate(0),
        lambda feed: feed.conflate(float("nan")),
        lambda feed: feed.resample(0),
        lambda feed: feed.resample("soon"),
        lambda feed: feed.resample(1, "mean"),
        lambda feed: feed.resample(1, by="tide"),
        lambda feed: feed.to_klines("2min"),
        lambda feed: feed.batch(-1),
        lambda feed: feed.batch(1, to="array"),
        lambda feed: feed.batch(1, limit=0),
        lambda feed: feed.batch(to="list").to_dataframe(),
        lambda feed: feed.map(str).batch().to_dataframe(),
        lambda feed: Stream().sink_to_frame(),
    ],
)
def test_what_cannot_be_raises_in_the_cell(client: ks.Client, node: Callable[[Any], Any]) -> None:
    with pytest.raises(ks.errors.UsageError):
        node(silent(client))


@pytest.mark.parametrize(
    ("every", "expected"), [(0.5, 0.5), (2, 2.0), ("100ms", 0.1), ("1min", 60.0), (timedelta(seconds=3), 3.0)]
)
def test_lengths_of_time(every: Any, expected: float) -> None:
    assert seconds(every) == expected


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (trade("A", 1.5), T0 + 1_500_000_000),
        (futures.Trade("XBTUSDTM", "buy", 1.0, 1.0, T0 + 7, "1"), T0 + 7),
        (futures.MarkPrice(1.0, granularity_ms=1000, timestamp_ms=T0 // 10**6), T0),
        (spot.KlineUpdate("A", spot.Candle(0, 1, 1, 1, 1, 1, 1), T0), T0),
    ],
)
def test_the_time_of_a_message_is_the_exchanges(message: Any, expected: int) -> None:
    assert time_ns_of(message) == expected


def test_the_time_of_what_says_none_is_now() -> None:
    assert abs(time_ns_of({"price": 1}) - time.time_ns()) < 10**9


# -- take --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("behind", [lambda feed: feed, lambda feed: feed.map(int), lambda feed: feed.threaded()])
def test_take_ends_its_branch_and_leaves_the_source_to_others(client: ks.Client, behind: Callable[[Any], Any]) -> None:
    feed = silent(client)
    others: list[int] = []
    feed.sink(others.append)
    taken: list[int] = []
    sink = behind(feed).take(3).sink(taken.append)
    put(client, feed, 1, 2)
    put(client, feed, 3, 4, 5)
    until(lambda: others == [1, 2, 3, 4, 5])
    until(lambda: taken == [1, 2, 3])
    until(lambda: gc.collect() >= 0 and len(list(feed.branches)) == 1, "its branch is gone")
    assert (feed.status, feed.error_count, sink.upstreams[0].upstreams) == ("live", 0, [])


def test_a_feed_that_only_a_take_held_leaves_the_wire(client: ks.Client, sim: Any) -> None:
    taken: list[Any] = []
    client.level2("BTC-USDT", news=False).take(2).sink(taken.append)
    until(lambda: gc.collect() >= 0 and not sim.subscriptions, "unsubscribed")
    assert len(taken) == 2


def test_take_counts_a_message_that_raised(client: ks.Client) -> None:
    feed = silent(client)
    seen: list[float] = []
    feed.take(3).map(lambda n: 1 / n).sink(seen.append)
    put(client, feed, 1, 0, 2, 4)
    until(lambda: feed.received == 4 and not list(feed.branches))
    until(lambda: seen == [1.0, 0.5])


def test_news_is_not_counted() -> None:
    gap = Gap("t", "why")
    assert fed([gap, 1, gap, 2, gap], lambda s: s.take(2)) == [gap, 1, gap, 2]


# -- symbol ------------------------------------------------------------------------------------------------------


def test_symbol_lets_its_own_and_news_through() -> None:
    gap, dictionary = Gap("t", "why"), {"symbol": "B", "x": 1}
    a, b, c = (trade(symbol, 0) for symbol in "ABC")
    assert fed([a, b, gap, c, dictionary, 5], lambda s: s.symbol("A", "B")) == [a, b, gap, dictionary]


# -- conflate ----------------------------------------------------------------------------------------------------


def test_conflate_gives_the_latest_of_each_symbol_and_the_trailing_one_always(client: ks.Client) -> None:
    feed = silent(client)
    seen: list[tuple[float, Any]] = []
    feed.conflate(per_second=20).sink(lambda each: seen.append((time.monotonic(), each)))
    messages = [trade(symbol, n / 1000, number=n) for n in range(500) for symbol in "AB"]
    for at in range(0, len(messages), 50):
        put(client, feed, *messages[at : at + 50])
    until(lambda: {each.symbol: each.sequence for _, each in seen} == {"A": 499, "B": 499}, "the last of each")
    for name in "AB":
        times = [moment for moment, each in seen if each.symbol == name]
        assert len(times) <= 20 * (times[-1] - times[0]) + 2
    count = len(seen)
    put(client, feed, messages[0])
    until(lambda: len(seen) == count + 1)  # and it goes on


def test_conflate_keeps_news_in_its_place() -> None:
    gap = Gap("t", "why")
    assert fed([1, 2, 3, gap], lambda s: s.conflate(0.01)) == [1, 3, gap]


def test_conflate_by_another_key() -> None:
    seen = fed([{"side": "buy", "n": 1}, {"side": "sell", "n": 2}], lambda s: s.conflate(20, key="side"))
    until(lambda: [each["n"] for each in seen] == [1, 2])


def test_conflate_before_a_slow_node_gives_fewer_never_old_ones(client: ks.Client) -> None:
    feed = silent(client)
    seen: list[int] = []
    feed.conflate(per_second=1000).rate_limit(0.2).sink(seen.append)
    for n in range(300):
        put(client, feed, n)
    until(lambda: seen and seen[-1] == 299)
    assert len(seen) < 20
    assert seen == sorted(seen)


# -- resample ----------------------------------------------------------------------------------------------------

STEPS = [trade("A", 0.1, 5, number=1), trade("A", 0.9, 9, number=2), trade("A", 0.95, 7, number=3),
         trade("B", 0.5, 2, number=4), trade("A", 1.0, 8, number=5), trade("A", 3.5, 1, number=6),
         trade("A", 2.9, 1, number=7)]  # fmt: skip


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("last", [3, 5, 4]),  # B's period ended a second after its end, with A's message of 3.5
        ("first", [1, 5, 4]),
    ],
)
def test_resample_by_the_time_of_messages(how: Any, expected: list[int]) -> None:
    assert sorted(each.sequence for each in fed(STEPS, lambda s: s.resample(1, how))) == sorted(expected)


def test_resample_ohlc() -> None:
    seen = fed(STEPS, lambda s: s.resample("1s", "ohlc"))
    assert seen == [
        Ohlc("A", T0, 5, 9, 5, 7, 3),
        Ohlc("B", T0, 2, 2, 2, 2, 1),
        Ohlc("A", T0 + 10**9, 8, 8, 8, 8, 1),
    ]


def test_what_comes_too_late_for_its_period_is_counted() -> None:
    source = Stream()
    node = source.resample(1)
    seen = node.sink_to_list()
    for message in STEPS:
        source.emit(message)
    assert (node.late, [each.sequence for each in seen if each.symbol == "A"]) == (1, [3, 5])


def test_a_tape_that_is_wound_back_begins_anew() -> None:
    trades = [trade("A", second, number=second) for second in (200, 201, 50, 51, 52)]
    source = Stream()
    node = source.resample(1)
    seen = node.sink_to_list()
    for each in trades:
        source.emit(each)
    assert ([each.sequence for each in seen], node.late) == ([200, 50, 51], 0)


def test_resample_by_the_clock_does_not_keep_the_trailing_value(client: ks.Client) -> None:
    feed = silent(client)
    seen: list[Any] = []
    feed.resample("50ms", by="clock").sink(seen.append)
    for n in (1, 2):
        put(client, feed, trade("A", 0, number=n), trade("B", 0, number=n))
    until(lambda: {each.symbol: each.sequence for each in seen} == {"A": 2, "B": 2})
    put(client, feed, trade("A", 0, number=3))
    until(lambda: seen[-1].sequence == 3)


def test_resample_of_plain_numbers() -> None:
    source = Stream()
    seen = source.resample("50ms", "ohlc", by="clock", value=lambda n: n).sink_to_list()
    source.emit(3)
    until(lambda: seen)
    assert (seen[0].symbol, seen[0].close, seen[0].count) == ("", 3, 1)


# -- to_klines ---------------------------------------------------------------------------------------------------


def candle(minute: int, *values: float) -> spot.Candle:
    return spot.Candle(T0 // 10**9 + 60 * minute, *values)


MINUTES = [trade("A", 50, 9), trade("A", 60, 5, 1), trade("A", 70, 8, 2), trade("A", 119.9, 6, 3),
           trade("A", 240, 7, 1), trade("A", 310, 7, 1)]  # fmt: skip


def test_klines_of_trades_are_those_of_the_exchange() -> None:
    seen = fed(MINUTES, lambda s: s.to_klines("1min"))
    assert [each.candle for each in seen] == [
        candle(1, 5, 6, 8, 5, 6, 39),
        candle(2, 6, 6, 6, 6, 0, 0),
        candle(3, 6, 6, 6, 6, 0, 0),
        candle(4, 7, 7, 7, 7, 1, 7),
    ]
    assert (seen[0].symbol, seen[0].interval, seen[0].time_ns) == ("A", "1min", T0 + 119_900_000_000)


def test_klines_without_flat_ones_with_the_partial_first_one_and_a_multiplier() -> None:
    seen = fed(MINUTES, lambda s: s.to_klines("1min", fill=False, partial=True, multiplier=10))
    assert [(each.candle.start_s, each.candle.turnover) for each in seen] == [
        (T0 // 10**9, 90), (T0 // 10**9 + 60, 390), (T0 // 10**9 + 240, 70),
    ]  # fmt: skip


def test_klines_with_every_trade() -> None:
    seen = fed(MINUTES[:4], lambda s: s.to_klines("1min", closed=False))
    assert [each.candle.volume for each in seen] == [1, 3, 6]


def test_a_bar_with_a_hole_is_left_out() -> None:
    gap = Gap("/market/match:A", "why")
    seen = fed([*MINUTES[:3], gap, *MINUTES[3:]], lambda s: s.to_klines("1min"))
    assert seen[0] == gap
    assert [each.candle.start_s for each in seen[1:]] == [T0 // 10**9 + 60 * minute for minute in (2, 3, 4)]


def test_another_symbols_trade_closes_a_bar_a_second_after_its_end() -> None:
    trades = [trade("A", 50), trade("A", 60, 5), trade("B", 120.9), trade("B", 121)]
    source = Stream()
    seen = source.to_klines("1min").sink_to_list()
    for each in trades[:3]:
        source.emit(each)
    assert seen == []
    source.emit(trades[3])
    assert [(each.symbol, each.candle.close) for each in seen] == [("A", 5)]


# -- batch -------------------------------------------------------------------------------------------------------


def test_a_batch_is_a_list_of_what_came_in_a_period(client: ks.Client) -> None:
    feed = silent(client)
    seen: list[list[int]] = []
    feed.batch("50ms", to="list").sink(seen.append)
    put(client, feed, 1, 2)
    put(client, feed, 3)
    until(lambda: seen == [[1, 2, 3]])
    put(client, feed, 4)
    until(lambda: seen == [[1, 2, 3], [4]])


def test_a_batch_is_handed_on_early_when_it_is_full(client: ks.Client) -> None:
    feed = silent(client)
    seen: list[list[int]] = []
    feed.batch(60, to="list", limit=2).sink(seen.append)
    put(client, feed, 1, 2, 3, 4, 5)
    until(lambda: seen == [[1, 2], [3, 4]])


def test_empty_batches_where_they_are_wanted(client: ks.Client) -> None:
    feed = silent(client)
    seen: list[list[int]] = []
    feed.batch("20ms", to="list", empty=True).sink(seen.append)
    until(lambda: seen[:2] == [[], []])
    put(client, feed, 1)
    until(lambda: [1] in seen and seen[-1] == [])


# -- the same rules for all --------------------------------------------------------------------------------------

TIMED: dict[str, Callable[[Any], Any]] = {
    "conflate": lambda feed: feed.conflate(1000),
    "resample": lambda feed: feed.resample("1ms", by="clock"),
    "batch": lambda feed: feed.batch("1ms", to="list").flatten(),
}


@pytest.mark.parametrize("node", TIMED.values(), ids=TIMED)
def test_no_timer_outlives_its_node_and_none_piles_up(client: ks.Client, node: Callable[[Any], Any]) -> None:
    feed = silent(client)
    seen: list[int] = []
    sink = node(feed).sink(seen.append)
    child = weakref.ref(next(iter(feed.branches)).node)
    for n in range(200):
        put(client, feed, n)
    until(lambda: seen[-1:] == [199])
    assert len(timers(feed, child)) <= 1
    sink.destroy()
    del sink
    until(lambda: gc.collect() >= 0 and child() is None and not list(feed.branches), "the graph is gone")


def test_a_long_timer_goes_with_its_node(client: ks.Client) -> None:
    feed = silent(client)
    sink = feed.batch(1000).sink(id)
    child = weakref.ref(sink.upstreams[0])
    put(client, feed, 1)
    (timer,) = until(lambda: timers(feed, child))
    sink.destroy()
    del sink
    until(lambda: gc.collect() >= 0 and timer.cancelled())


HELD: dict[str, Callable[[Any], Any]] = {
    "conflate": lambda feed: feed.conflate(20),
    "resample": lambda feed: feed.resample("50ms", by="clock"),
    "batch": lambda feed: feed.batch("50ms", to="list"),
    "empty batches": lambda feed: feed.batch("50ms", to="list", empty=True),
}


@pytest.mark.parametrize("node", HELD.values(), ids=HELD)
def test_a_destroyed_node_that_a_variable_holds_gives_nothing_more(
    client: ks.Client, node: Callable[[Any], Any]
) -> None:
    feed = silent(client)
    held = node(feed)
    child = weakref.ref(held)
    seen = held.sink_to_list()
    put(client, feed, 1, 2)
    until(lambda: timers(feed, child))
    held.destroy()
    count = len(seen)
    until(lambda: not timers(feed, child), "no timer is left")
    assert len(seen) == count


def timers(feed: Any, node: weakref.ref[Any]) -> list[Any]:
    """Return the timers of a node."""
    scheduled = list(feed.loop.asyncio_loop._scheduled)
    return [each for each in scheduled if not each.cancelled() and each._args and each._args[0] == node]


@pytest.mark.parametrize("node", TIMED.values(), ids=TIMED)
def test_a_node_in_a_thread_of_its_own(client: ks.Client, node: Callable[[Any], Any]) -> None:
    feed = silent(client)
    threads: list[threading.Thread] = []
    node(feed.threaded()).sink(lambda _: threads.append(threading.current_thread()))
    put(client, feed, 1)
    until(lambda: threads)
    assert threads[0].name.startswith("kucoin-stream-branch")


@pytest.mark.parametrize("node", TIMED.values(), ids=TIMED)
def test_on_a_plain_stream_an_error_costs_its_own_message(
    node: Callable[[Any], Any], caplog: pytest.LogCaptureFixture
) -> None:
    source = Stream()
    seen: list[float] = []
    node(source).map(lambda n: 1 / n).sink(seen.append)
    source.emit(0)
    until(lambda: "ZeroDivisionError" in caplog.text)
    source.emit(2)
    until(lambda: seen == [0.5])


@pytest.mark.parametrize("node", TIMED.values(), ids=TIMED)
def test_stop_of_a_node_pauses_it_and_not_the_source(client: ks.Client, node: Callable[[Any], Any]) -> None:
    feed = silent(client)
    seen: list[int] = []
    others: list[int] = []
    paused = node(feed).map(int)
    paused.sink(seen.append)
    feed.sink(others.append)
    put(client, feed, 1)
    until(lambda: seen == [1])
    paused.stop()
    put(client, feed, 2)
    until(lambda: others == [1, 2] and not any(branch.waiting for branch in feed.branches))
    assert feed.status == "live"
    put(client, feed, 3)
    until(lambda: others == [1, 2, 3])
    time.sleep(0.02)  # what a timer kept is handed on to the paused node, which swallows it
    paused.start()
    put(client, feed, 4)
    until(lambda: seen[-1:] == [4])
    assert seen == [1, 4]
