"""The socket dies under load: noticed, opened again with a fresh token, everything resubscribed, books right."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import kucoin_stream as ks
from kucoin_stream.frames.book import LiveBook
from kucoin_stream.protocol.bookfeeds import FEEDS
from kucoin_stream.protocol.events import Disconnected, Restarted
from kucoin_stream.simulator import GeneratedMarket, Simulator
from tests.conftest import SYMBOLS, until

KILLS = 20


@pytest.fixture(scope="module")
def busy_market() -> GeneratedMarket:
    return GeneratedMarket(SYMBOLS, seed=3, rate=20)


@pytest.fixture
def busy(busy_market: GeneratedMarket) -> Iterator[Simulator]:
    with Simulator(busy_market) as simulator:
        yield simulator


def client_of(sim: Simulator, **options: Any) -> ks.Client:
    known = sim.credentials
    key = {"key": known.key, "secret": known.secret, "passphrase": known.passphrase}
    return ks.Client(sim.url, **key, **({"reconnect_delay": 0.02} | options))


def same_as_the_exchange(client: ks.Client, book: LiveBook) -> bool:
    """Whether the book equals the exchange's own at the same sequence; ``False`` where the sequences differ."""
    theirs = client.engine.call(client.engine.book, FEEDS["spot.level2"], book.symbol)
    for _ in range(1000):
        mine = book.levels()
        if mine.sequence is None or mine.sequence > theirs.sequence:
            return False
        if mine.sequence == theirs.sequence:
            bids = list(zip(mine.bid_prices.tolist(), mine.bid_sizes.tolist(), strict=True))
            asks = list(zip(mine.ask_prices.tolist(), mine.ask_sizes.tolist(), strict=True))
            assert bids == theirs.bids
            assert asks == theirs.asks
            return True
        time.sleep(0.001)
    return False


@pytest.mark.parametrize("end", ["kill", pytest.param("bye", marks=pytest.mark.slow)])
def test_twenty_deaths_under_load_leave_every_topic_active_and_every_book_right(busy: Simulator, end: str) -> None:
    limits = ks.Settings().limits
    with client_of(busy, limits=type(limits)(connections_per_minute=100)) as client:
        books = [client.book(symbol).wait() for symbol in SYMBOLS]
        trades = client.trades(*SYMBOLS)
        topics = busy.subscriptions
        assert len(topics) == 2 * len(SYMBOLS)
        marked = 0
        for turn in range(KILLS):
            before = [book.updates for book in books]
            getattr(busy.faults, end)()
            until(lambda: client.statistics()["connections"][0]["state"] != "open", f"death {turn} noticed")
            marked += all(book.status.startswith(("stale", "resyncing")) for book in books)
            until(lambda turn=turn: client.statistics()["reconnects"] == turn + 1, f"reconnected after death {turn}")
            assert busy.subscriptions == topics
            for book, updates in zip(books, before, strict=True):
                until(lambda book=book, updates=updates: book.status == "live" and book.updates > updates)
        assert marked >= KILLS - 2  # some are back before we look
        assert trades.status == "live"
        for book in books:
            until(lambda book=book: same_as_the_exchange(client, book), f"{book.symbol} equals the exchange's book")
        assert busy.statistics()["tokens"] >= KILLS + 1


def test_a_dead_book_serves_nothing_as_current(busy: Simulator) -> None:
    with client_of(busy) as client:
        book = client.book("BTC-USDT").wait()
        busy.faults.welcome = False
        busy.faults.kill()
        until(lambda: book.status.startswith("stale"))
        assert book.mid != book.mid  # NaN
        assert book.sequence is None
        assert book.df.empty
        assert book.df.attrs["status"].startswith("stale")
        assert list(book.df.columns) == ["bid_size", "bid", "ask", "ask_size"]
        assert len(book.levels().bid_prices) > 0  # the last known ones, for the dimmed picture
        busy.faults.clear()
        assert book.wait().df.attrs["status"] == "live"


def test_bad_news_comes_in_order_where_it_was_asked_for(busy: Simulator) -> None:
    with client_of(busy) as client:
        seen: list[Any] = []
        feed = client.trades("BTC-USDT", news=True)
        sink = feed.sink(seen.append)
        plain: list[Any] = []
        other = client.trades("BTC-USDT")
        other_sink = other.sink(plain.append)
        until(lambda: len(seen) > 5)
        busy.faults.kill()
        until(lambda: any(isinstance(each, Restarted) for each in seen))
        count = len(seen)
        until(lambda: len(seen) > count + 5)
        kinds = [type(each).__name__ for each in seen]
        lost, back = kinds.index(Disconnected.__name__), kinds.index(Restarted.__name__)
        assert lost < back
        assert set(kinds[:lost]) == set(kinds[back + 1 :]) == {"Trade"}
        assert {type(each).__name__ for each in plain} == {"Trade"}
        del sink, other_sink


@pytest.mark.parametrize("fault", ["gap", "duplicate"])
def test_missing_and_doubled_changes_end_in_a_right_book(busy: Simulator, fault: str) -> None:
    with client_of(busy) as client:
        book = client.book("BTC-USDT").wait()
        getattr(busy.faults, fault)("BTC-USDT", 3)
        updates = book.updates
        until(lambda: book.updates > updates + 50 and book.status == "live")
        until(lambda: same_as_the_exchange(client, book))
        assert (book.gap_count > 0) == (fault == "gap")


def test_the_same_topic_read_twice_is_one_subscription_on_the_wire(client: ks.Client, sim: Simulator) -> None:
    one, two = client.trades("BTC-USDT"), client.trades("BTC-USDT", "ETH-USDT")
    book, again = client.book("BTC-USDT"), client.book("BTC-USDT")
    assert sim.subscriptions == {"/market/match:BTC-USDT", "/market/match:ETH-USDT", "/market/level2:BTC-USDT"}
    assert sim.statistics()["commands"]["subscribe"] == 3
    one.stop()
    book.stop()
    assert again.wait().status == "live"
    assert "/market/match:BTC-USDT" in sim.subscriptions
    two.stop()
    until(lambda: sim.subscriptions == {"/market/level2:BTC-USDT"})
    again.stop()
    until(lambda: sim.connections == 0, "nothing is wanted: no connection")


def test_many_symbols_go_out_in_few_commands(connect: Callable[..., ks.Client], sim: Simulator) -> None:
    client = connect()
    feed = client.ticker(*SYMBOLS)
    assert sim.statistics()["commands"]["subscribe"] == 1
    assert sim.subscriptions == set(feed.topics)


def test_an_ack_that_never_comes_is_asked_for_again(
    connect: Callable[..., ks.Client], sim: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kucoin_stream.streams.feed.ACK_WAIT", 0.05)  # seconds that a cell waits for it
    client = connect(ack_timeout=0.1)
    sim.faults.mute_acks = True
    feed = client.trades("BTC-USDT")
    assert feed.status == "waiting"
    until(lambda: sim.statistics()["commands"]["subscribe"] > 2)
    sim.faults.clear()
    until(lambda: feed.status == "live")


def test_a_server_that_stops_answering_pings_is_given_up_and_opened_again(
    connect: Callable[..., ks.Client], sim: Simulator
) -> None:
    client = connect(ping_interval=0.2, pong_timeout=0.1)
    feed = client.feed("spot.call_auction", "BTC-USDT")  # silent: only pongs arrive
    assert until(lambda: client.statistics()["connections"][0]["rtt_ms"]) > 0
    sim.faults.mute_pongs = True
    until(lambda: client.statistics()["reconnects"] > 0)
    sim.faults.clear()
    until(lambda: feed.status == "live")


def test_closing_leaves_no_thread_and_no_socket(sim: Simulator, client: ks.Client) -> None:
    book = client.book("BTC-USDT").wait()
    client.close()
    until(lambda: sim.connections == 0)
    assert book.status == "stopped: closed"
    with pytest.raises(ks.errors.StoppedError):
        book.wait()
    with pytest.raises(ks.errors.StoppedError):
        client.book("BTC-USDT")
