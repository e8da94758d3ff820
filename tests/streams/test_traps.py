"""The traps of streamz that our sources close, one test each; those not here are named where they are tested.

An exception ends a stock source, starves siblings: test_graphs, "an error costs its own message wherever it happens".
``slice`` deadlocks the loop: test_feed, "the slice node of streamz does not deadlock behind a feed".
``gather`` raises on ``timed_window`` before its first tick: test_feed, "windows and zips run behind feeds".
A slow node piles up timers, or starves its siblings: test_graphs, "nothing grows and siblings get everything".
A frame per tick is costly: test_dataframes, "operations on one dataframe share a branch and end together".
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import streamz.core
from tornado.ioloop import IOLoop

import kucoin_stream as ks
from kucoin_stream.streams.source import Inlet
from tests.conftest import until


def silent(client: ks.Client, symbol: str = "BTC-USDT") -> Any:
    """Return a feed on which nothing comes but what a test puts there."""
    return client.feed("spot.call_auction", symbol)


def put(client: ks.Client, feed: Any, *messages: Any) -> None:
    client.engine.call(_receive, feed._inlet, messages)


def _receive(inlet: Inlet, messages: tuple[Any, ...]) -> None:
    inlet.pending.extend(messages)
    inlet.flush()


def test_every_source_can_be_stopped_and_started(client: ks.Client) -> None:
    book = client.book("BTC-USDT").wait()
    source = book.stream
    assert source.name == source.title
    tops: list[Any] = []
    source.sink(tops.append)
    until(lambda: len(tops) > 3)
    source.stop()
    assert (source.status, book.status) == ("stopped", "live")
    until(lambda: not any(branch.waiting for branch in source.branches))
    updates, count = book.updates, len(tops)
    later: list[Any] = []
    source.sink(later.append)
    until(lambda: book.updates > updates + 5)
    assert len(tops) <= count + 1
    assert later == []
    source.start()
    until(lambda: len(tops) > count + 3 and later)
    assert source.status == "live"


def test_a_feed_that_is_stopped_and_started_many_times_goes_on_and_leaves_nothing(client: ks.Client) -> None:
    other = client.ticker("BTC-USDT")  # holds the connection, of which only so many can be opened in a minute
    feed = client.trades("BTC-USDT", stream_name="mine", news=True)
    seen: list[Any] = []
    feed.map(str).sink(seen.append)
    threads, (branch,) = threading.active_count(), feed.branches
    for _ in range(20):
        feed.stop()
        feed.stop()
        feed.start()
        feed.start()
    count = len(seen)
    until(lambda: len(seen) > count + 20 and feed.status == other.status == "live")
    assert [each.name for each in (feed, other)] == ["mine", other.title]
    assert list(feed.branches) == [branch]
    assert threading.active_count() <= threads
    assert len(client.engine.pool.routes.subscribers) == 2


def test_a_stream_name_is_shown_wherever_the_feed_is(client: ks.Client) -> None:
    feed = client.trades("BTC-USDT", stream_name="mine")
    sink = feed.sink(id, stream_name="count")
    assert repr(feed).startswith("<Feed mine: spot.trades BTC-USDT")
    assert list(client.ps()["name"]) == ["mine", str(sink)]
    assert str(sink).startswith("<count")
    assert client.ps()["status"].iloc[1] == "fed by mine"
    client.stop("mine")
    assert feed.status == "stopped"


def _count(total: int, _: Any) -> int:
    return total + 1


def test_updates_from_several_threads_are_not_lost(connect: Callable[..., ks.Client]) -> None:
    clients = [connect(), connect()]  # each has an I/O thread
    feeds = [silent(client) for client in clients]
    totals: list[int] = []
    feeds[0].union(feeds[1]).accumulate(_count, start=0).sink(totals.append)

    def pour(client: ks.Client, feed: Any) -> None:
        for n in range(100):
            put(client, feed, *range(10 * n, 10 * n + 10))

    threads = [threading.Thread(target=pour, args=pair) for pair in zip(clients, feeds, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    until(lambda: totals[-1:] == [2000])
    assert totals == list(range(1, 2001))


def test_emit_of_a_user_from_several_threads_is_not_lost(client: ks.Client) -> None:
    feed = silent(client)
    totals: list[int] = []
    feed.accumulate(_count, start=0).sink(totals.append)
    threads = [threading.Thread(target=lambda: [feed.emit(n) for n in range(100)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert totals == list(range(1, 401))


def test_a_node_that_nobody_holds_says_that_it_is_gone(client: ks.Client, capfd: pytest.CaptureFixture[str]) -> None:
    feed = silent(client)
    feed.map(print)
    gc.collect()
    assert "nobody held its .map(...)" in capfd.readouterr().err
    assert not [branch for branch in feed.branches if not branch.gone]


def test_a_node_that_did_its_work_goes_without_a_word(client: ks.Client, capfd: pytest.CaptureFixture[str]) -> None:
    feed = silent(client)
    feed.map(int).sink(id).destroy()
    seen: list[int] = []
    node = feed.map(seen.append)
    put(client, feed, 1)
    until(lambda: seen == [1])
    del node
    gc.collect()
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    "node",
    [
        lambda feed: feed.map(int),
        lambda feed: feed.map(int).filter(lambda _: True),
        lambda feed: feed.buffer(3),
        lambda feed: feed.timed_window(0.01).flatten(),
        lambda feed: feed.threaded(),
    ],
)
def test_stopping_a_node_does_not_stop_the_source(client: ks.Client, node: Callable[[Any], Any]) -> None:
    feed = silent(client)
    seen: list[int] = []
    others: list[int] = []
    sink = node(feed).sink(seen.append)
    feed.sink(others.append)
    sink.stop()
    put(client, feed, 1)
    until(lambda: others == [1])
    assert feed.status == "live"
    feed.stop()
    feed.start()
    put(client, feed, 2)
    until(lambda: others[-1] == 2)
    until(lambda: not any(branch.waiting for branch in feed.branches))
    sink.start()
    put(client, feed, 3)
    until(lambda: seen[-1:] == [3])


@pytest.fixture
def dask_loop() -> Iterator[IOLoop]:
    """The loop of a dask client, in its thread."""
    loop = IOLoop(make_current=False)
    thread = threading.Thread(target=loop.start)
    thread.start()
    yield loop
    loop.add_callback(loop.stop)
    thread.join()
    loop.close(all_fds=True)


def test_a_dask_client_that_comes_later_changes_no_feed(
    client: ks.Client, dask_loop: IOLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = silent(client)
    monkeypatch.setattr(streamz.core, "_dask_default_client", lambda: SimpleNamespace(loop=dask_loop))
    after = silent(client, "ETH-USDT")
    seen: dict[str, threading.Thread] = {}
    before.rate_limit(0.001).sink(lambda _: seen.update(before=threading.current_thread()))
    after.rate_limit(0.001).sink(lambda _: seen.update(after=threading.current_thread()))
    put(client, before, 1)
    put(client, after, 1)
    until(lambda: len(seen) == 2)
    loops = [before.loop, after.loop]
    assert loops[0] is not loops[1]
    assert loops[1] is dask_loop
    assert seen["before"] is not seen["after"]
    pairs: list[Any] = []
    before.zip(after).sink(pairs.append)  # on the loop of the first
    put(client, after, 2)
    put(client, before, 2)
    until(lambda: pairs == [(2, 2)])


DISPLAYED: dict[str, Callable[[ks.Client], Any]] = {
    "feed": lambda client: client.trades("BTC-USDT"),
    "node": lambda client: client.trades("BTC-USDT").map(lambda t: {"value": t.price * t.size}),
    "window": lambda client: client.trades("BTC-USDT").timed_window(0.01),
    "events": lambda client: client.events,
    "stream of a book": lambda client: client.book("BTC-USDT").stream,
    "dataframe": lambda client: client.trades("BTC-USDT").to_dataframe(every="10ms"),
    "groups": lambda client: client.trades("BTC-USDT").to_dataframe(every="10ms").groupby("side")["size"].sum(),
}


@pytest.mark.parametrize("shown", DISPLAYED.values(), ids=DISPLAYED)
def test_no_output_area_is_used_to_display(
    client: ks.Client, shown: Callable[[ks.Client], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    bundles: list[Any] = []
    monkeypatch.setattr("IPython.display.display", lambda bundle, **_: bundles.append(bundle))
    monkeypatch.setattr("ipywidgets.Output.__init__", lambda *args, **kwargs: pytest.fail("an Output area"))
    thing = shown(client)
    thing._ipython_display_()
    assert "application/vnd.jupyter.widget-view+json" in bundles[0]


def test_a_sink_is_displayed_as_text(client: ks.Client) -> None:
    with pytest.raises(NotImplementedError):  # IPython goes on to the repr
        client.trades("BTC-USDT").sink(id)._ipython_display_()
