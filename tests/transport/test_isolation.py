"""One reader's error, one odd message, one bug costs itself only: nothing else stops, and it is counted."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import kucoin_stream as ks
from kucoin_stream.market.book import OrderBook, levels
from kucoin_stream.protocol.bookfeeds import FEEDS
from kucoin_stream.protocol.booksync import BookSync, RequestSnapshot, Restart
from kucoin_stream.protocol.events import Disconnected, Gap, Restarted
from kucoin_stream.protocol.messages.spot import BookDelta
from kucoin_stream.simulator import Simulator
from tests.conftest import until

Connect = Callable[..., ks.Client]


class Broken:
    """A reader that raises on everything."""

    def __init__(self) -> None:
        self.pending: list[Any] = []

    def flush(self) -> None:
        raise ZeroDivisionError("a read")

    def news(self, news: Any) -> None:
        raise ZeroDivisionError("news")


def test_a_reader_that_raises_harms_neither_its_neighbours_nor_the_connection(
    client: ks.Client, sim: Simulator
) -> None:
    pool = client.engine.pool
    client.engine.call(pool.attach, ["/market/level2:BTC-USDT"], Broken())
    book = client.book("BTC-USDT").wait()
    until(lambda: book.updates > 20)
    assert pool.mishaps.count > 1
    assert client.statistics()["reconnects"] == 0
    sim.faults.kill()
    until(lambda: client.statistics()["reconnects"] == 1)
    assert book.wait().status == "live"


def test_a_number_too_large_for_a_column_is_a_bad_message_not_a_lost_connection(
    client: ks.Client, sim: Simulator
) -> None:
    frame = client.trades("BTC-USDT").frame()
    frame.wait()
    sim.faults.inject(
        '{"type":"message","topic":"/market/match:BTC-USDT","subject":"trade.l3match","data":{"symbol":"BTC-USDT",'
        '"side":"buy","price":"1","size":"1","time":"9223372036854775813","tradeId":"1","sequence":"1"}}'
    )
    until(lambda: client.statistics()["errors"] == 1)
    rows = len(frame)
    until(lambda: len(frame) > rows)
    assert client.statistics()["reconnects"] == 0


def test_a_bug_while_connecting_is_told_and_tried_again(client: ks.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    rest = client.engine.rest
    real, failures = rest.bullet, [ImportError("python-socks is required"), ValueError("Invalid IPv6 URL")]

    async def bullet() -> Any:
        if failures:
            raise failures.pop()
        return await real()

    monkeypatch.setattr(rest, "bullet", bullet)
    book = client.book("BTC-USDT")
    assert book.wait().status == "live"
    assert client.statistics()["errors"] == 2


def test_what_a_posted_callback_raises_is_counted(client: ks.Client) -> None:
    client.engine.post(lambda: 1 / 0)
    until(lambda: client.statistics()["errors"] == 1)
    assert "ZeroDivisionError" in client.statistics()["last_error"]


def test_klines_are_not_live_while_the_connection_is_down(connect: Connect, sim: Simulator) -> None:
    client = connect(welcome_timeout=0.2)
    sim.faults.slow_rest = 0.3
    bars = client.klines("BTC-USDT", "1min", history=10)
    sim.faults.welcome = False
    sim.faults.kill()
    until(lambda: "lost" in bars.status)
    for _ in range(2):  # as many calls as the history takes, begun after it
        client.engine.call(client.engine.rest.server_time)
    assert not bars.status.startswith("live")
    sim.faults.clear()
    until(lambda: bars.status == "live")


def test_a_book_served_again_after_a_refusal_is_live_again(client: ks.Client, sim: Simulator) -> None:
    book = client.book("BTC-USDT").wait()
    sim.faults.refuse("/market/level2:BTC-USDT", 404, "no more of this")
    sim.faults.kill()
    until(lambda: book.status.startswith("refused"))
    sim.faults.clear()
    again = client.level2("BTC-USDT")
    until(lambda: book.status == "live")
    assert again.status == "live"


def test_news_that_nobody_heard_is_not_told_later(client: ks.Client, sim: Simulator) -> None:
    book = client.book("BTC-USDT").wait()
    sim.faults.kill()
    until(lambda: client.statistics()["reconnects"] == 1)
    book.wait()
    seen: list[Any] = []
    book.stream.sink(seen.append)
    until(lambda: len(seen) > 5)
    assert not any(isinstance(each, Disconnected | Restarted | Gap) for each in seen)
    sim.faults.kill()
    until(lambda: any(isinstance(each, Restarted) for each in seen))


@pytest.mark.parametrize("error", [asyncio.CancelledError, SystemExit, ValueError])
def test_whatever_a_callback_raises_the_branch_and_its_siblings_go_on(
    client: ks.Client, error: type[BaseException], capfd: pytest.CaptureFixture[str]
) -> None:
    feed = client.level2("BTC-USDT")
    seen: list[Any] = []
    other: list[Any] = []

    def once(message: Any) -> None:
        seen.append(message)
        if len(seen) in (2, 3):
            raise error

    feed.sink(once)
    feed.sink(other.append)
    until(lambda: len(seen) > 10 and len(other) > 10)
    assert feed.error_count == 2
    assert error.__name__ in capfd.readouterr().err


def test_what_was_received_stays_readable_after_the_end(client: ks.Client) -> None:
    bars = client.klines("BTC-USDT", "1min", history=20).wait()
    frame = client.ticker("BTC-USDT").frame()
    frame.wait()
    book = client.book("BTC-USDT").wait()
    client.close()
    assert len(bars.df) == len(bars) == 20
    assert len(frame.df) > 0
    assert bars.df.attrs["status"] == "stopped: closed"
    assert book.df.empty
    assert len(book.levels(5).bid_prices) == 5


class Everything:
    """A reader that keeps all, on the loop thread."""

    def __init__(self) -> None:
        self.pending: list[Any] = []
        self.kept: list[Any] = []

    def flush(self) -> None:
        self.kept += self.pending
        self.pending = []

    def news(self, news: Any) -> None:
        self.kept.append(news)


def test_what_an_overfull_inbox_leaves_out_is_told_exactly_where_it_is_missing(connect: Connect) -> None:
    client = connect(inbox_size=8)
    everything = Everything()
    feed = client.feed("spot.level2", "BTC-USDT", "ETH-USDT")
    client.engine.call(client.engine.pool.attach, feed.topics, everything)
    until(lambda: everything.kept)
    slow: list[Any] = []
    feed.rate_limit(0.15).sink(slow.append)
    until(lambda: any(isinstance(each, Gap) for each in slow[1:-2]), timeout=60)
    seen = slow.copy()
    first = next(at for at, each in enumerate(seen) if not isinstance(each, Gap))
    expected = everything.kept.index(seen[first])  # where the next message stands, were nothing missing
    for each in seen[first:]:
        if isinstance(each, Gap):
            assert each.missed
            expected += each.missed
        else:
            assert everything.kept.index(each) == expected
            expected += 1
    assert max(branch.peak for branch in feed.branches) <= 12


class OwnBook:
    """A reader that keeps a book of its own from increments, and resyncs it where some are missing."""

    def __init__(self, client: ks.Client) -> None:
        self.gate = threading.Event()
        self.gaps: list[Gap] = []
        self.book = OrderBook()
        self.sync = BookSync(quiet=0.0)
        self._client = client

    def __call__(self, message: Any) -> None:
        self.gate.wait(20)
        now = time.monotonic()
        if isinstance(message, Gap):
            self.gaps.append(message)
            actions = self.sync.lost(message.reason, now)
        else:
            actions = self.sync.receive(message, now)
        self._perform([*actions, *self.sync.tick(now)])

    def _perform(self, actions: list[Any]) -> None:
        for action in actions:
            match action:
                case RequestSnapshot(ticket=ticket):
                    engine = self._client.engine
                    snapshot = engine.call(engine.book, FEEDS["spot.level2"], "BTC-USDT")
                    self._perform(self.sync.receive_snapshot(snapshot, ticket, time.monotonic()))
                case Restart(snapshot=snapshot):
                    self.book.restart(snapshot, complete=True)
                case BookDelta():
                    self.book.apply([action])


def test_a_slow_reader_of_increments_gets_a_gap_and_can_go_on_from_a_snapshot(connect: Connect) -> None:
    client = connect(inbox_size=30)
    right = client.book("BTC-USDT", source="classic").wait()
    reader = OwnBook(client)
    reader.gate.set()
    feed = client.level2("BTC-USDT")
    feed.sink(reader)
    until(lambda: reader.sync.live, "its first book")
    reader.gate.clear()
    until(lambda: feed.dropped > 10, "its inbox is full", timeout=60)
    reader.gate.set()
    until(lambda: reader.gaps and reader.sync.live and reader.book.sequence, "its book is right again")
    assert [gap.reason for gap in reader.gaps] == ["the reader was too slow"] * len(reader.gaps)
    assert reader.gaps[0].missed

    def same() -> bool:
        known = right.levels()
        own = levels(reader.book.copy(None))
        return known.sequence == own.sequence and all(
            np.array_equal(getattr(known, side), getattr(own, side))
            for side in ("bid_prices", "bid_sizes", "ask_prices", "ask_sizes")
        )

    until(same, "both books are the same at the same sequence")
    assert right.status == "live"


def test_of_tickers_an_overfull_inbox_keeps_the_latest_by_symbol(connect: Connect) -> None:
    feed = connect(inbox_size=4).ticker("BTC-USDT", "ETH-USDT")
    gate, seen = threading.Event(), []

    def hold(message: Any) -> None:
        gate.wait(20)
        seen.append(message)

    frame = feed.frame()
    feed.sink(hold)
    until(lambda: feed.dropped > 6, timeout=60)
    feed.stop()
    newest = frame.tail(1)["sequence"].iloc[0]
    gate.set()
    until(lambda: any(each.sequence == newest for each in seen))
    assert [each.symbol for each in seen].count("BTC-USDT") <= 5
