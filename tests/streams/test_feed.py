"""Feeds as streamz sources: typed messages, branches that cannot hurt each other, life and death."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Iterable
from typing import Any

import pytest
from streamz import Stream

import kucoin_stream as ks
from kucoin_stream.protocol.events import Gap
from kucoin_stream.protocol.messages import spot
from kucoin_stream.protocol.topics import CATALOGUE, Connection
from kucoin_stream.simulator import Simulator
from kucoin_stream.streams.source import Inlet
from tests.conftest import until


def test_feeds_carry_typed_messages(client: ks.Client) -> None:
    feeds = [
        (client.ticker("BTC-USDT", "ETH-USDT"), spot.Ticker),
        (client.trades("BTC-USDT"), spot.Trade),
        (client.level2("BTC-USDT"), spot.BookDelta),
        (client.kline_updates("BTC-USDT", "1min"), spot.KlineUpdate),
        (client.feed("spot.all_tickers"), spot.Ticker),
        (client.feed("spot.depth5", "BTC-USDT"), spot.BookDepth),
        (client.feed("spot.klines", "BTC-USDT", interval="1min"), spot.KlineUpdate),
    ]
    received: list[list[Any]] = [[] for _ in feeds]
    for (feed, _), seen in zip(feeds, received, strict=True):
        feed.sink(seen.append)
    for (feed, kind), seen in zip(feeds, received, strict=True):
        message = until(lambda seen=seen: seen, f"a message of {feed}")[0]
        assert type(message) is kind
        assert message.symbol in {"BTC-USDT", "ETH-USDT", "SOL-USDT"}
        if kind is spot.KlineUpdate:
            assert message.interval == "1min"


@pytest.mark.parametrize(
    "row", [row for row in CATALOGUE if row.connection is Connection.SPOT_PUBLIC], ids=lambda row: row.name
)
def test_every_row_of_the_catalogue_can_be_fed(client: ks.Client, row: Any) -> None:
    arguments = ["BTC-USDT"] if row.by_symbol else ["USDS"] if row.list_limit else []
    interval = "1min" if "{interval}" in row.path else None
    feed = client.feed(row.name, *arguments, interval=interval)
    assert until(lambda: feed.status) == "live"
    assert row.name in repr(feed)


@pytest.mark.usefixtures("_default")
def test_streamz_knows_the_feeds_by_entry_point(sim: Simulator) -> None:
    ks.connect(sim.url)
    feed = Stream.from_kucoin("spot.trades", "BTC-USDT")
    seen: list[float] = []
    feed.map(lambda trade: trade.price * trade.size).sink(seen.append)
    assert until(lambda: seen)[0] > 0
    with pytest.raises(ks.errors.UsageError, match="no such topic"):
        Stream.from_kucoin("spot.nosuch", "BTC-USDT")


def test_a_callback_that_raises_costs_its_own_message_and_is_shown_once(
    client: ks.Client, capfd: pytest.CaptureFixture[str]
) -> None:
    feed = client.level2("BTC-USDT")
    good: list[Any] = []
    after: list[Any] = []

    def bad(delta: spot.BookDelta) -> int:
        if delta.sequence_end % 2:
            raise ValueError("an odd sequence")
        return delta.sequence_end

    feed.map(bad).sink(after.append)
    feed.sink(good.append)
    until(lambda: feed.error_count >= 5 and len(after) >= 5)
    assert all(sequence % 2 == 0 for sequence in after)
    assert len(good) >= len(after) + feed.error_count - 1
    assert capfd.readouterr().err.count("ValueError: an odd sequence") == 1
    assert client.book("BTC-USDT").wait().gap_count == 0


def test_a_slow_branch_holds_up_neither_siblings_nor_memory(sim: Simulator) -> None:
    with ks.Client(sim.url, inbox_size=20) as client:
        feed = client.level2("BTC-USDT")
        slow: list[Any] = []
        fast: list[Any] = []
        feed.rate_limit(5.0).sink(slow.append)
        feed.sink(fast.append)
        until(lambda: len(fast) > 60)
        assert len(slow) <= 2
        branches = list(feed.branches)
        assert max(branch.peak for branch in branches) <= 40
        assert feed.dropped > 0


def test_a_branch_that_overflows_an_incremental_stream_is_told_of_the_hole(sim: Simulator) -> None:
    with ks.Client(sim.url, inbox_size=5) as client:
        feed = client.level2("BTC-USDT")
        gate = threading.Event()
        seen: list[Any] = []

        def hold(message: Any) -> None:
            gate.wait(10)
            seen.append(message)

        feed.sink(hold)
        until(lambda: feed.dropped > 5)
        gate.set()
        until(lambda: any(isinstance(each, Gap) for each in seen))
        gap = next(each for each in seen if isinstance(each, Gap))
        assert gap.reason == "the reader was too slow"
        assert gap.missed is not None
        assert gap.missed > 0


def test_a_callback_that_blocks_harms_no_book_and_no_connection(client: ks.Client) -> None:
    book = client.book("BTC-USDT").wait()
    frame = client.ticker("BTC-USDT").frame()
    gate = threading.Event()
    client.trades("BTC-USDT").sink(lambda trade: gate.wait(20))
    until(lambda: len(frame) > 3)
    updates, rows = book.updates, len(frame)
    until(lambda: book.updates > updates + 20 and len(frame) > rows)
    assert book.status == "live"
    gate.set()


def test_the_slice_node_of_streamz_does_not_deadlock_behind_a_feed(client: ks.Client) -> None:
    taken: list[Any] = []
    feed = client.level2("BTC-USDT")
    feed.slice(end=3).sink(taken.append)
    others: list[Any] = []
    feed.sink(others.append)
    until(lambda: len(others) > 10)
    assert len(taken) == 3


def test_a_node_that_left_gets_nothing_of_what_waited_for_it(client: ks.Client) -> None:
    feed = client.feed("spot.call_auction", "BTC-USDT")  # silent: what comes is what is put here
    taken: list[Any] = []
    others: list[Any] = []
    feed.slice(end=3).sink(taken.append)
    feed.sink(others.append)
    for read in (range(5), range(5, 10)):
        client.engine.call(_receive, feed._inlet, read)
    until(lambda: len(others) == 10)
    assert (taken, feed.error_count) == ([0, 1, 2], 0)


def _receive(inlet: Inlet, messages: Iterable[Any]) -> None:
    inlet.pending.extend(messages)
    inlet.flush()


def test_emit_inside_a_graph_does_not_wait_for_its_own_loop(client: ks.Client) -> None:
    relay = Stream(asynchronous=False)
    seen: list[Any] = []
    relay.sink(seen.append)
    client.level2("BTC-USDT").sink(relay.emit)
    until(lambda: len(seen) > 5)


def test_windows_and_zips_run_behind_feeds(client: ks.Client) -> None:
    one, two = client.level2("BTC-USDT", news=False), client.level2("ETH-USDT", news=False)
    pairs: list[Any] = []
    one.zip(two).sink(pairs.append)
    latest: list[Any] = []
    one.combine_latest(two).sink(latest.append)
    batches: list[Any] = []
    one.timed_window(0.05).sink(batches.append)
    until(lambda: len(pairs) > 3 and len(latest) > 3 and sum(map(len, batches)) > 3)
    assert {pair[0].symbol for pair in pairs} == {"BTC-USDT"}
    assert {pair[1].symbol for pair in pairs} == {"ETH-USDT"}


def test_stop_pauses_and_start_resumes_with_a_gap(client: ks.Client, sim: Simulator) -> None:
    feed = client.level2("BTC-USDT")
    seen: list[Any] = []
    feed.sink(seen.append)
    until(lambda: len(seen) > 3)
    feed.stop()
    assert feed.status == "stopped"
    until(lambda: not sim.subscriptions)
    count = len(seen)
    feed.start()
    until(lambda: len(seen) > count + 3)
    assert feed.status == "live"
    gaps = [each for each in seen if isinstance(each, Gap)]
    assert [gap.reason for gap in gaps] == ["the feed was stopped"]
    assert isinstance(seen[seen.index(gaps[0]) + 1], spot.BookDelta)


def test_a_feed_nobody_holds_leaves_the_wire(client: ks.Client, sim: Simulator) -> None:
    feed = client.trades("BTC-USDT")
    keeper = client.ticker("BTC-USDT")
    assert sim.subscriptions == {*feed.topics, *keeper.topics}
    del feed
    gc.collect()
    until(lambda: sim.subscriptions == set(keeper.topics))


def test_a_destroyed_sink_receives_nothing_more(client: ks.Client) -> None:
    feed = client.level2("BTC-USDT")
    seen: list[Any] = []
    sink = feed.sink(seen.append)
    until(lambda: seen)
    sink.destroy()
    other: list[Any] = []
    feed.sink(other.append)
    until(lambda: other)
    count = len(seen)
    until(lambda: len(other) > 10)
    assert len(seen) <= count + 1


def test_a_busy_kernel_does_not_stop_what_is_received(client: ks.Client) -> None:
    frame = client.level2("BTC-USDT").frame()
    until(lambda: len(frame) > 0)
    before, end = len(frame), time.monotonic() + 0.5
    while time.monotonic() < end:  # plain Python that never lets go by itself
        sum(range(1000))
    assert len(frame) > before


def test_increments_say_where_some_are_missing(client: ks.Client, sim: Simulator) -> None:
    feed = client.level2("BTC-USDT")
    seen: list[Any] = []
    feed.sink(seen.append)
    until(lambda: len(seen) > 3)
    sim.faults.gap("BTC-USDT", 3)
    gap = until(lambda: next((each for each in seen if isinstance(each, Gap)), None))
    assert gap.missed == 3
    at = seen.index(gap)
    until(lambda: len(seen) > at + 1)
    assert seen[at + 1].sequence_start == seen[at - 1].sequence_end + 4


def test_a_message_that_cannot_be_read_is_a_gap_for_its_own_topic(client: ks.Client, sim: Simulator) -> None:
    feed, other = client.trades("BTC-USDT", news=True), client.trades("ETH-USDT", news=True)
    seen: list[Any] = []
    others: list[Any] = []
    feed.sink(seen.append)
    other.sink(others.append)
    sim.faults.inject('{"type":"message","topic":"/market/match:BTC-USDT","data":{"price":[]}}')
    gap = until(lambda: next((each for each in seen if isinstance(each, Gap)), None))
    assert gap.reason == "a message that cannot be read"
    until(lambda: others)
    assert not any(isinstance(each, Gap) for each in others)
