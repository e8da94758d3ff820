"""A thousand symbols over several connections, on an exchange that enforces KuCoin's limits (protocol.md 3.6)."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from typing import Any

import pytest

import kucoin_stream as ks
from kucoin_stream.errors import LocalProtocolError, RefusedError, StoppedError
from kucoin_stream.settings import Limits
from kucoin_stream.simulator import Clock, GeneratedMarket, Simulator
from kucoin_stream.simulator.listings import Listing
from tests.conftest import until

NAMES = [f"C{number:03}-USDT" for number in range(1000)]
KINDS = {"spot.trades": "/market/match", "spot.ticker": "/market/ticker", "spot.level2": "/market/level2"}
PER_CONNECTION = 300  # topics; Limits.topics_per_connection
PER_COMMAND = 100  # topics
BOOKS = 50
SOON = 10.0  # seconds in which all topics must be active: on an idle machine it takes one
ONE = "C500-USDT"


class Wide(Simulator):
    """An exchange of a thousand quiet symbols whose time stands still until it is told; it counts what it pushes."""

    def __init__(self, market: GeneratedMarket) -> None:
        super().__init__(market, clock=Clock(0), connections_per_minute=30)
        self.pushed: Counter[str] = Counter()
        passed = self.faults.passed

        def counted(topic: str, text: str) -> tuple[str, ...]:
            self.pushed[topic] += 1
            return passed(topic, text)

        self.faults.passed = counted

    def trade(self, topics: set[str]) -> None:
        """Let time pass until every one of ``topics`` has been pushed."""
        for _ in range(20):
            self.advance(5.0)
            if topics <= self.pushed.keys():
                return
        raise AssertionError(f"{len(topics - self.pushed.keys())} topics stay silent")

    def sessions(self) -> list[Any]:
        """What every connection has: ``topics``, and ``commands`` by type."""
        return self._ask(lambda exchange: [client.session for client in exchange.clients], [])

    def cut(self, topic: str) -> set[str]:
        """Abort the connection that has ``topic``; return all its topics."""

        def abort(exchange: Any) -> set[str]:
            (client,) = (each for each in exchange.clients if topic in each.session.topics)
            topics = set(client.session.topics)
            client.abort()
            return topics

        return self._ask(abort, set())


@pytest.fixture(scope="module")
def wide_market() -> GeneratedMarket:
    with pytest.MonkeyPatch.context() as patch:
        listings = tuple(Listing(name, "1.0000", 4, 2, 1.0, 3e-4, 1, 12, 100.0) for name in NAMES)
        patch.setattr("kucoin_stream.simulator.generated.LISTINGS", listings)
        return GeneratedMarket(NAMES, seed=1)


@pytest.fixture
def wide(wide_market: GeneratedMarket) -> Iterator[Wide]:
    with Wide(wide_market) as simulator:
        yield simulator


@pytest.fixture
def connect(wide: Wide) -> Iterator[Callable[..., ks.Client]]:
    with ExitStack() as stack:
        known = wide.credentials
        key = {"key": known.key, "secret": known.secret, "passphrase": known.passphrase}
        yield lambda **options: stack.enter_context(ks.Client(wide.url, **key, reconnect_delay=0.02, **options))


@pytest.fixture
def client(connect: Callable[..., ks.Client]) -> ks.Client:
    return connect()


def counting(feed: Any, path: str, seen: Counter[str]) -> None:
    """Count what a feed brings, by topic."""
    feed.sink(lambda message: seen.update([f"{path}:{message.symbol}"]))


def live(feeds: list[Any]) -> Callable[[], bool]:
    return lambda: all(feed.status == "live" for feed in feeds)


def topics(*paths: str) -> set[str]:
    return {f"{path}:{name}" for path in paths for name in NAMES}


def commands(wide: Wide) -> int:
    """How many subscriptions the exchange was sent."""
    return int(wide.statistics()["commands"]["subscribe"])


@pytest.mark.parametrize("transport", ["websockets", pytest.param("picows", marks=pytest.mark.slow)])
def test_a_thousand_symbols_of_three_kinds_are_served_within_the_limits(
    wide: Wide, connect: Callable[..., ks.Client], transport: str
) -> None:
    pytest.importorskip(transport)
    client = connect(transport=transport)
    feeds = {path: client.feed(kind, *NAMES) for kind, path in KINDS.items()}
    seen: Counter[str] = Counter()
    for path, feed in feeds.items():
        counting(feed, path, seen)
    until(live([*feeds.values()]), "all topics are active", SOON)
    assert [len(session.topics) for session in wide.sessions()] == [PER_CONNECTION] * 10
    assert wide.subscriptions == topics(*KINDS.values())
    assert commands(wide) == 30
    wide.trade(topics("/market/ticker", "/market/level2"))
    until(lambda: seen == wide.pushed, "all that was pushed has arrived")
    statistics = client.statistics()
    assert (statistics["errors"], statistics["reconnects"], wide.statistics()["connections"]) == (0, 0, 10)
    assert client.gaps().empty
    client.stop(*feeds.values())
    until(lambda: wide.connections == 0, "nothing is wanted: no connection")
    assert client.statistics()["connections"] == []
    client.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("kucoin-stream-io")]


def test_books_of_fifty_symbols_share_the_subscriptions_of_a_thousand(wide: Wide, client: ks.Client) -> None:
    feed = client.feed("spot.level2", *NAMES)
    books = [client.book(name) for name in NAMES[:BOOKS]]
    until(lambda: {book.status for book in books} == {"live"}, "all books are live")
    wide.advance(5.0)
    assert all(book.audit().ok for book in books)
    assert commands(wide) == len(NAMES) / PER_COMMAND
    assert feed.status == "live"


def test_many_books_are_asked_for_and_left_in_few_commands(wide: Wide, client: ks.Client) -> None:
    books = client.books(*NAMES[:400])
    assert sorted(len(session.topics) for session in wide.sessions()) == [100, PER_CONNECTION]
    assert commands(wide) == 400 / PER_COMMAND
    kept = client.book(NAMES[0]).wait()
    books.stop()
    until(lambda: wide.subscriptions == {f"/market/level2:{NAMES[0]}"}, "the others are left")
    assert wide.statistics()["commands"]["unsubscribe"] <= 400 / PER_COMMAND
    assert (commands(wide), kept.status, books[NAMES[0]].status) == (400 / PER_COMMAND, "live", "stopped")


@pytest.fixture
def turning(client: ks.Client, monkeypatch: pytest.MonkeyPatch) -> ks.Client:
    """A client whose loop has done all that is posted to it before the thread that posts goes on."""
    engine, post = client.engine, client.engine.post

    def posted(*args: Any) -> None:
        post(*args)
        with suppress(LocalProtocolError, StoppedError):  # on the loop thread, and after the end
            for _ in range(2):  # what was posted, and what that has asked the loop to do next
                engine.call(int)

    monkeypatch.setattr(engine, "post", posted)
    return client


@pytest.mark.parametrize("on_the_loop", [False, True])
def test_books_are_left_in_one_command_though_the_loop_does_not_wait_for_the_last(
    wide: Wide, turning: ks.Client, on_the_loop: bool
) -> None:
    books = turning.books(*NAMES[:5])
    own = turning.book(NAMES[5])
    books[NAMES[0]].stop()
    until(lambda: len(wide.subscriptions) == 5, "the one is left")
    turning.engine.call(books.stop) if on_the_loop else books.stop()
    until(lambda: len(wide.subscriptions) == 1, "the others are left")
    assert wide.statistics()["commands"]["unsubscribe"] == 2
    books.stop()
    own.stop()
    until(lambda: wide.connections == 0, "nothing is wanted: no connection")


def test_books_that_are_refused_are_left_in_one_command_too(wide: Wide, turning: ks.Client) -> None:
    kept = turning.book(NAMES[0]).wait()
    wide.faults.refuse(f"/market/level2:{ONE}")
    with pytest.raises(RefusedError, match=ONE):
        turning.books(ONE, *NAMES[:5])
    until(lambda: len(wide.subscriptions) == 1, "the others are left")
    assert (wide.statistics()["commands"]["unsubscribe"], kept.status) == (1, "live")


def test_books_end_with_their_client_and_say_so(client: ks.Client) -> None:
    books = client.books(*NAMES[:2])
    client.close()
    assert {books.status, *(book.status for book in books.books.values())} == {"stopped: closed"}
    books.stop()
    assert books[NAMES[0]].status == "stopped: closed"


def test_a_book_that_is_refused_is_named_and_none_of_those_asked_for_with_it_stays(
    wide: Wide, client: ks.Client
) -> None:
    wide.faults.refuse(f"/market/level2:{ONE}")
    with pytest.raises(RefusedError, match=ONE):
        client.books(*NAMES[450:550])
    until(lambda: wide.connections == 0, "nothing is wanted: no connection")
    assert client.ps().empty
    books = client.books(*NAMES[450:500], *NAMES[501:550])
    until(lambda: books.status == "live", "all others are live", SOON)


def test_only_the_topics_of_a_lost_connection_are_disturbed_and_one_that_is_refused_sinks_no_other(
    wide: Wide, client: ks.Client
) -> None:
    trades, tickers = (client.feed(kind, *NAMES) for kind in ("spot.trades", "spot.ticker"))
    until(live([trades, tickers]), "all topics are active", SOON)
    before, refused = commands(wide), f"/market/ticker:{ONE}"
    others = wide.subscriptions - {refused}
    wide.faults.refuse(refused)
    lost = wide.cut(refused)
    until(lambda: tickers.status.startswith("refused"), "all but the one are back")
    assert wide.subscriptions == others
    assert commands(wide) - before <= 3 + 10 + 10  # its batches; the tenths of one of them; the topics of one of these
    assert trades.status == "live"
    gaps = client.gaps()
    assert set(gaps["topic"]) == lost
    assert set(gaps["healed_by"]) == {"subscribed again", "refused"}
    seen: Counter[str] = Counter()
    counting(tickers, "/market/ticker", seen)
    wide.pushed.clear()
    wide.trade(others - topics("/market/match"))
    until(lambda: seen.keys() == others - topics("/market/match"), "all others bring messages")


def test_a_topic_that_is_refused_at_once_is_named_and_the_rest_can_be_had_without_it(
    wide: Wide, client: ks.Client
) -> None:
    wide.faults.refuse(f"/market/ticker:{ONE}")
    with pytest.raises(RefusedError, match=ONE):
        client.ticker(*NAMES)
    feed = client.ticker(*(name for name in NAMES if name != ONE))
    until(live([feed]), "all others are active", SOON)


def test_no_more_connections_are_opened_in_a_minute_than_are_allowed(
    wide: Wide, connect: Callable[..., ks.Client]
) -> None:
    client = connect(limits=Limits(topics_per_connection=25))
    client.ticker(*NAMES)
    states = Counter((row["state"], row["reason"]) for row in client.statistics()["connections"])
    assert states == {("open", ""): 30, ("connecting", ""): 10}
    assert wide.connections == 30


@pytest.mark.slow
def test_commands_that_take_one_symbol_each_are_spread_over_time(wide: Wide, client: ks.Client) -> None:
    began = time.monotonic()
    feed = client.feed("spot.klines", *NAMES[:120], interval="1min")
    assert feed.status == "waiting"
    until(live([feed]), "all topics are active", 20.0)
    assert time.monotonic() - began > 9.0
    assert client.statistics()["reconnects"] == 0
    assert len(wide.sessions()) == 1
