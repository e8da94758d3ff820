"""Sync and book together: whatever happens on the way, the book is right or says that it is not."""

from __future__ import annotations

import gzip
import json
from collections import deque
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from kucoin_stream.market import book as book_module
from kucoin_stream.market.book import OrderBook
from kucoin_stream.protocol.bookfeeds import FEEDS, futures_delta, pro_push
from kucoin_stream.protocol.booksync import Action, BookGap, BookSync, RequestSnapshot, Restart, Resubscribe
from kucoin_stream.protocol.classic import ClassicProtocol
from kucoin_stream.protocol.messages import decode, pro
from kucoin_stream.protocol.messages.envelope import Push
from kucoin_stream.protocol.messages.futures import BookChange
from kucoin_stream.protocol.messages.rest import BookSnapshot, Response
from kucoin_stream.protocol.messages.spot import BookDelta, Ticker
from tests.market.reference import Reference, held
from tests.protocol import receive


class Keeper:
    """The least shell around a sync and a book."""

    def __init__(self, now: float, *, complete: bool) -> None:
        self.sync, self.book = BookSync(), OrderBook()
        self.sync.connected(now)
        self.complete = complete
        self.wanted: int | None = None  # ticket
        self.gaps: list[BookGap] = []

    def perform(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case BookDelta():
                    self.book.apply([action])
                case Restart(snapshot=snapshot):
                    self.book.restart(snapshot, complete=self.complete)
                case RequestSnapshot(ticket=ticket):
                    self.wanted = ticket
                case BookGap():
                    self.gaps.append(action)


LEVEL = st.tuples(st.sampled_from(["bids", "asks"]), st.integers(0, 12), st.integers(0, 3))


class SyncedBook(RuleBasedStateMachine):
    """An exchange, a way on which messages are lost, doubled and late, and a keeper at its end."""

    DEPTH = 5

    @initialize(complete=st.booleans())
    def begin(self, complete):
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(book_module, "PUBLIC_DEPTH", self.DEPTH)
        self.now = 0.0
        self.exchange = Reference()
        self.connected = True
        self.keeper = Keeper(0.0, complete=complete)
        self.way: deque[BookDelta] = deque()
        self.seen: list[BookDelta] = []

    def teardown(self):
        if hasattr(self, "patch"):
            self.settle()
            self.patch.undo()

    # -- what can happen --

    @rule(levels=st.lists(LEVEL, min_size=1, max_size=3), comes=st.booleans())
    def trade(self, levels, comes):
        """Change the exchange's book, bids in 1..12 and asks in 21..32."""
        several = [
            (side, float(price + 20 if side == "asks" and price else price), float(size))
            for side, price, size in levels
        ]
        for message in self.pushed(several):
            if self.connected:
                self.way.append(message)
        if comes:
            self.arrive(len(self.way))

    @rule(count=st.integers(1, 5))
    def arrive(self, count):
        for _ in range(min(count, len(self.way))):
            self.receive(self.way.popleft())

    @precondition(lambda self: self.way)
    @rule()
    def lose_one(self):
        self.way.popleft()

    @precondition(lambda self: len(self.way) > 1)
    @rule()
    def swap_two(self):
        self.way[0], self.way[1] = self.way[1], self.way[0]

    @precondition(lambda self: self.seen and self.connected)
    @rule(data=st.data())
    def come_again(self, data):
        self.receive(data.draw(st.sampled_from(self.seen[-6:])))

    @precondition(lambda self: self.keeper.wanted is not None)
    @rule(data=st.data(), keep=st.booleans(), late=st.sampled_from([0, 0, 0, 1, 2]))
    def snapshot_arrives(self, data, keep, late):
        """Answer the latest question, or one of those before it; perhaps with what was true a while ago."""
        ticket = self.keeper.wanted - late
        newest = self.exchange.sequence
        sequence = data.draw(st.integers(max(100, newest - 8), newest))
        if not (keep or late):
            self.keeper.wanted = None  # else the same answer may come once more
        self.answer(sequence, ticket)

    @precondition(lambda self: self.keeper.wanted is not None)
    @rule()
    def snapshot_fails(self):
        ticket, self.keeper.wanted = self.keeper.wanted, None
        self.keeper.sync.snapshot_failed(ticket, self.now)

    @rule()
    def refresh(self):
        self.keeper.perform(self.keeper.sync.refresh())

    @rule()
    def look_crossed(self):
        if self.keeper.sync.live:
            self.keeper.perform(self.keeper.sync.lost("crossed book", self.now))

    @precondition(lambda self: self.connected)
    @rule()
    def disconnect(self):
        self.connected = False
        self.way.clear()
        self.keeper.sync.disconnected()

    @precondition(lambda self: not self.connected)
    @rule()
    def reconnect(self):
        self.connected = True
        self.keeper.sync.connected(self.now)

    @rule(seconds=st.sampled_from([0.1, 1.0, 4.0, 20.0]))
    def wait(self, seconds):
        self.now += seconds
        self.keeper.perform(self.keeper.sync.tick(self.now))

    # -- helpers --

    def pushed(self, several: list[tuple[str, float, float]]) -> list[BookDelta]:
        """Change the exchange's book, and return what it pushes."""
        return [self.exchange.changes(several)]

    def receive(self, message: BookDelta) -> None:
        self.seen.append(message)
        self.keeper.perform(self.keeper.sync.receive(message, self.now))

    def answer(self, sequence: int, ticket: int) -> None:
        depth = None if self.keeper.complete else self.DEPTH
        snapshot = self.exchange.snapshot(depth, sequence)
        self.keeper.perform(self.keeper.sync.receive_snapshot(snapshot, ticket, self.now))

    # -- what always holds --

    @invariant()
    def a_live_book_is_the_exchanges(self):
        if not hasattr(self, "keeper") or not self.keeper.sync.live:
            return
        book = self.keeper.book
        assert book.sequence == self.keeper.sync.sequence
        bids, asks = self.exchange.history[book.sequence]
        assert held(book) == (
            {price: size for price, size in bids.items() if price >= book.bids.horizon},
            {price: size for price, size in asks.items() if -price >= book.asks.horizon},
        )
        if book.reaches:
            assert (book.top().bid, book.top().ask) == (max(bids, default=None), min(asks, default=None))

    @invariant()
    def a_book_that_is_not_live_will_be_asked_for(self):
        if hasattr(self, "keeper") and self.connected and not self.keeper.sync.live:
            assert self.keeper.sync.refreshing

    def settle(self):
        """Let everything arrive from here on: the book must become the exchange's."""
        if not self.connected:
            self.reconnect()
        self.arrive(len(self.way) or 1)
        for _ in range(5):
            for message in self.pushed([("bids", 1.0, 1.0)]):
                self.receive(message)
            if (ticket := self.keeper.wanted) is not None:
                self.keeper.wanted = None
                self.answer(self.exchange.sequence, ticket)
            self.wait(20.0)
        assert self.keeper.sync.live
        assert self.keeper.book.sequence == self.exchange.sequence
        self.a_live_book_is_the_exchanges()


SyncedBook.TestCase.settings = settings(max_examples=100, stateful_step_count=40)
TestSyncedBook = SyncedBook.TestCase


class SyncedFuturesBook(SyncedBook):
    """The same with a futures exchange: one change a message, as text."""

    def pushed(self, several):
        return [futures_delta(self.text(*each)) for each in several]

    def text(self, side: str, price: float, size: float) -> BookChange:
        sequence = self.exchange.change(side, price, size).sequence_end
        return BookChange(sequence, f"{price},{'buy' if side == 'bids' else 'sell'},{size:g}")


SyncedFuturesBook.TestCase.settings = settings(max_examples=150, stateful_step_count=40)
TestSyncedFuturesBook = SyncedFuturesBook.TestCase


class SyncedRealtimeBook(SyncedBook):
    """The same with Pro's ``increment``: entries have no sequence, and a snapshot may fall into a message."""

    def pushed(self, several):
        return [pro_push(frame(self.exchange.changes(several)))]


SyncedRealtimeBook.TestCase.settings = settings(max_examples=150, stateful_step_count=40)
TestSyncedRealtimeBook = SyncedRealtimeBook.TestCase


def frame(delta: BookDelta) -> pro.Book:
    """Return a Pro frame of the same changes; it has no fillers."""
    asks, bids = (
        [(price, size) for price, size, _ in side or () if price] for side in (delta.changes.asks, delta.changes.bids)
    )
    return pro.Book("A-B", delta.sequence_start, delta.sequence_end, asks, bids, kind="delta")


FATES = ["joined", "stays", "lost", "swapped", "twice"]


class PushedSnapshots(RuleBasedStateMachine):
    """Pro's ``increment@10ms``: a snapshot of the best levels in the stream, and changes of what is among them."""

    LEVELS = 4

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.exchange = Reference()
        self.feed = FEEDS["pro_spot.level2"]
        self.sync, self.book = self.feed.sync(), OrderBook()
        self.sync.connected(0.0)
        self.connected = self.subscribed = True
        self.snapshot_due = True
        self.sent = self.exchange.sequence
        self.way: deque[pro.Book] = deque()
        self.seen: list[pro.Book] = []
        self.asked = 0
        self.gaps: list[BookGap] = []

    # -- the exchange --

    @rule(levels=st.lists(LEVEL, min_size=1, max_size=4), fate=st.sampled_from(["comes"] * 4 + FATES))
    def trade(self, levels, fate):
        """Change the exchange's book, bids in 1..12 and asks in 21..32; send it, except where later changes join it."""
        for side, price, size in levels:
            if price:
                self.exchange.change(side, float(price + 20 if side == "asks" else price), float(size))
        if fate == "joined" or not self.subscribed or not self.send_changes():
            return
        if fate == "lost":
            self.way.pop()
        elif fate == "swapped":
            self.way.rotate(1)
        elif fate == "twice":
            self.way.append(self.way[-1])
        if fate != "stays":
            self.arrive(len(self.way))

    def send_changes(self) -> bool:
        """Send what happened among the best levels since the last time, step by step in one message."""
        steps = range(self.sent + 1, self.exchange.sequence + 1)
        sides: dict[str, list[tuple[float, float]]] = {"asks": [], "bids": []}
        for sequence in steps:
            for name, old, new in zip(("bids", "asks"), self.best(sequence - 1), self.best(sequence), strict=True):
                sides[name] += [(price, 0.0) for price in old if price not in new]
                sides[name] += [(price, size) for price, size in new.items() if old.get(price) != size]
        if not (sides["asks"] or sides["bids"]):  # none of the real ones is empty
            return False
        self.way.append(pro.Book("A-B", steps[0], steps[-1], **sides, kind="delta"))
        self.sent = steps[-1]
        return True

    @precondition(lambda self: self.snapshot_due)
    @rule(late=st.integers(0, 4), comes=st.booleans())
    def send_snapshot(self, late, comes):
        """Send the best levels of now, or of a while ago."""
        self.snapshot_due = False
        self.way.append(self.snapshot(max(100, self.exchange.sequence - late)))
        if comes:
            self.arrive(len(self.way))

    # -- the way --

    @rule(count=st.integers(1, 5))
    def arrive(self, count):
        for _ in range(min(count, len(self.way))):
            self.receive(self.way.popleft())

    @precondition(lambda self: self.seen and self.connected)
    @rule(data=st.data())
    def come_again(self, data):
        """Get one of the last messages again, perhaps a snapshot."""
        self.receive(data.draw(st.sampled_from(self.seen[-6:])))

    # -- the keeper --

    @precondition(lambda self: self.asked and self.connected)
    @rule(acknowledged=st.booleans())
    def resubscribe(self, acknowledged):
        """Do as asked: what is on the way still comes, what happens in between does not."""
        self.asked = 0
        self.subscribed = self.snapshot_due = True
        self.sent = self.exchange.sequence
        if acknowledged:
            self.sync.connected(self.now)

    @precondition(lambda self: self.asked)
    @rule()
    def unsubscribe(self):
        """Do half of what is asked, the other half later."""
        self.subscribed = self.snapshot_due = False

    @precondition(lambda self: self.exchange.sequence % 4 == 0)  # not too often
    @rule()
    def look_crossed(self):
        self.perform(self.sync.lost("crossed book", self.now))

    @precondition(lambda self: self.connected and self.exchange.sequence % 4 == 0)
    @rule()
    def disconnect(self):
        self.connected = self.subscribed = self.snapshot_due = False
        self.asked = 0
        self.way.clear()
        self.seen.clear()
        self.sync.disconnected()

    @precondition(lambda self: not self.connected)
    @rule()
    def reconnect(self):
        self.connected = self.subscribed = self.snapshot_due = True
        self.sent = self.exchange.sequence
        self.sync.connected(self.now)

    @rule(seconds=st.sampled_from([0.1, 1.0, 4.0, 20.0, 100.0]))
    def wait(self, seconds):
        self.now += seconds
        self.perform(self.sync.tick(self.now))

    # -- helpers --

    def best(self, sequence: int) -> tuple[dict[float, float], dict[float, float]]:
        """Return the best levels of both sides as they were."""
        bids, asks = self.exchange.history[sequence]
        ordered = (sorted(bids.items(), reverse=True), sorted(asks.items()))
        return dict(ordered[0][: self.LEVELS]), dict(ordered[1][: self.LEVELS])

    def snapshot(self, sequence: int) -> pro.Book:
        bids, asks = self.best(sequence)
        return pro.Book("A-B", sequence, sequence, list(asks.items()), list(bids.items()), kind="snapshot")

    def receive(self, message: pro.Book) -> None:
        """As a shell does: the short way first."""
        self.seen.append(message)
        read = self.feed.read(message)
        if self.sync.follow([read]):
            self.book.apply([read])
        else:
            self.perform(self.sync.receive(read, self.now))

    def perform(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case BookDelta():
                    self.book.apply([action])
                case Restart(snapshot=snapshot):
                    self.book.restart(snapshot, complete=self.feed.known(signed=False) is None)
                case Resubscribe():
                    self.asked += 1
                case BookGap():
                    self.gaps.append(action)
                case other:
                    pytest.fail(f"asks for {other}")

    # -- what always holds --

    @invariant()
    def a_live_book_is_the_exchanges_best_levels(self):
        if self.sync.live:
            assert self.book.sequence == self.sync.sequence
            assert held(self.book) == self.best(self.book.sequence)

    @invariant()
    def a_book_that_is_not_live_will_be_asked_for(self):
        if self.connected and not self.sync.live:
            assert self.sync.next_tick() is not None
            assert self.sync.next_tick() <= self.now + 90.0

    def teardown(self):
        """Let everything arrive from here on: the book must become the exchange's."""
        if not self.connected:
            self.reconnect()
        for size in range(1, 7):
            if self.asked:
                self.resubscribe(acknowledged=True)
            if self.snapshot_due:
                self.send_snapshot(0, comes=False)
            self.exchange.change("bids", 20.0, float(size))
            if self.subscribed:
                self.send_changes()
            self.arrive(len(self.way))
            if not self.sync.live or not self.subscribed:
                self.wait(100.0)
        assert self.sync.live
        assert self.book.sequence == self.exchange.sequence
        self.a_live_book_is_the_exchanges_best_levels()


PushedSnapshots.TestCase.settings = settings(max_examples=200, stateful_step_count=50)
TestPushedSnapshots = PushedSnapshots.TestCase


def test_a_late_duplicate_of_the_snapshot_marks_a_quiet_book():
    feed, book = FEEDS["pro_spot.level2"], OrderBook()
    sync = feed.sync()
    first = feed.read(pro.Book("A-B", 10, 10, [(2.0, 1.0)], [(1.0, 1.0)], kind="snapshot"))
    after = feed.read(pro.Book("A-B", 11, 11, [], [(1.0, 5.0)], kind="delta"))
    assert sync.receive(first, 0.0) == [Restart(first)]
    book.restart(first, complete=True)
    assert sync.follow([after]) == 1
    assert sync.receive(first, 20.0) == [BookGap("the sequence went back"), Resubscribe()]
    assert not sync.live


# -- real traffic ------------------------------------------------------------------------------------------------

EXPECTED = {"ANKR-BTC": 79, "BCHSV-USDT": 277, "CAPP-BTC": 51, "COV-BTC": 30, "EQZ-BTC": 27, "NRG-BTC": 34}
Best = tuple[Decimal | None, ...]


class Plain:
    """Protocol.md 5.2 in dictionaries of decimals."""

    def __init__(self) -> None:
        self.bids: dict[Decimal, Decimal] = {}
        self.asks: dict[Decimal, Decimal] = {}
        self.sequence: int | None = None
        self.early: list[dict[str, Any]] = []
        self.best: dict[int, Best] = {}

    def restart(self, data: dict[str, Any]) -> None:
        self.sequence = int(data["sequence"])
        self.bids = {Decimal(price): Decimal(size) for price, size in data["bids"]}
        self.asks = {Decimal(price): Decimal(size) for price, size in data["asks"]}
        self.note()
        for each in self.early:
            self.change(each)

    def change(self, data: dict[str, Any]) -> None:
        if self.sequence is None:
            self.early.append(data)
            return
        if data["sequenceEnd"] <= self.sequence:
            return
        assert data["sequenceStart"] == self.sequence + 1
        for levels, changes in ((self.bids, data["changes"]["bids"]), (self.asks, data["changes"]["asks"])):
            for price, size, _ in changes:
                if Decimal(price):
                    levels[Decimal(price)] = Decimal(size)
                    if not Decimal(size):
                        del levels[Decimal(price)]
        self.sequence = data["sequenceEnd"]
        self.note()

    def note(self) -> None:
        bid, ask = max(self.bids, default=None), min(self.asks, default=None)
        self.best[self.sequence or 0] = (bid, self.bids.get(bid), ask, self.asks.get(ask))


def exact(*values: float | None) -> Best:
    """Return what the wire said: a float's shortest text."""
    return tuple(None if value is None else Decimal(repr(value)) for value in values)


def test_the_real_capture_frame_by_frame(spot_capture):
    protocol = ClassicProtocol(now=0.0)
    keepers: dict[str, Keeper] = {}
    plain: dict[str, Plain] = {}
    tickers: list[Ticker] = []
    best: dict[tuple[str, int], Best] = {}

    def note(symbol: str) -> None:
        book = keepers[symbol].book
        if keepers[symbol].sync.live:
            top = book.top()
            assert not book.top().crossed
            best[symbol, top.sequence] = exact(top.bid, top.bid_size, top.ask, top.ask_size)

    with gzip.open(spot_capture, "rt", encoding="utf-8") as lines:
        for record in map(json.loads, lines):
            message, now = record["message"], record["t"] - 1619378325.0
            data = json.dumps(message).encode()
            if record["kind"] == "rest" and "orderbook/level2" in record["url"]:
                symbol = record["url"].rpartition("=")[2]
                plain.setdefault(symbol, Plain()).restart(message["data"])
                keeper = keepers.setdefault(symbol, Keeper(now, complete=True))
                if keeper.wanted is None:
                    keeper.perform(keeper.sync.tick(now + 2.0))
                snapshot = decode(BookSnapshot, decode(Response, data).data)
                keeper.perform(keeper.sync.receive_snapshot(snapshot, keeper.wanted, now))
                note(symbol)
            elif record.get("dir") == "in":
                event = receive(protocol, data, now)
                if isinstance(event, Push) and isinstance(event.data, BookDelta):
                    symbol = event.data.symbol
                    plain.setdefault(symbol, Plain()).change(message["data"])
                    keeper = keepers.setdefault(symbol, Keeper(now, complete=True))
                    keeper.perform(keeper.sync.receive_delta(event.data, now))
                    note(symbol)
                elif isinstance(event, Push) and isinstance(event.data, Ticker):
                    tickers.append(event.data)

    comparable = [each for each in tickers if (each.symbol, each.sequence) in best]
    equal: dict[str, int] = {}
    for each in comparable:
        said = exact(each.best_bid, each.best_bid_size, each.best_ask, each.best_ask_size)
        assert best[each.symbol, each.sequence] == said
        equal[each.symbol] = equal.get(each.symbol, 0) + 1
    assert equal == EXPECTED
    assert sum(equal.values()) == 498
    for symbol, reference in plain.items():
        bids, asks = held(keepers[symbol].book)
        assert {Decimal(repr(price)): Decimal(repr(size)) for price, size in bids.items()} == reference.bids
        assert {Decimal(repr(price)): Decimal(repr(size)) for price, size in asks.items()} == reference.asks
        assert keepers[symbol].gaps == []
        ours = {sequence: each for (of, sequence), each in best.items() if of == symbol}
        assert ours.items() <= reference.best.items()


def test_the_real_capture_seeded_with_the_best_hundred_levels(spot_capture):
    """Without a key: every level held is right at every change, and the best price never wrong (protocol.md 5.4)."""
    whole: dict[str, Keeper] = {}
    partial: dict[str, Keeper] = {}
    compared = 0
    with gzip.open(spot_capture, "rt", encoding="utf-8") as lines:
        for record in map(json.loads, lines):
            message = record["message"]
            if record["kind"] == "rest" and "orderbook/level2" in record["url"]:
                symbol = record["url"].rpartition("=")[2]
                data = message["data"]
                cut = data | {"bids": data["bids"][:100], "asks": data["asks"][:100]}
                for keepers, body in ((whole, data), (partial, cut)):
                    snapshot = decode(BookSnapshot, json.dumps(body).encode())
                    keeper = keepers[symbol]
                    keeper.perform(keeper.sync.receive_snapshot(snapshot, 1, 1.0))
            elif message.get("subject") == "trade.l2update":
                change = decode(BookDelta, json.dumps(message["data"]).encode())
                for keepers in (whole, partial):
                    keeper = keepers.setdefault(change.symbol, Keeper(0.0, complete=keepers is whole))
                    keeper.perform(keeper.sync.receive_delta(change, 1.0))
                known, true = partial[change.symbol].book, whole[change.symbol].book
                if true.sequence is None:
                    continue
                assert known.top() == true.top()
                for ours, theirs in ((known.bids, true.bids), (known.asks, true.asks)):
                    reach = [at for at, key in enumerate(theirs.keys) if key >= ours.horizon]
                    assert ours.keys == theirs.keys[reach[0] :]
                    assert ours.sizes == theirs.sizes[reach[0] :]
                compared += 1
    assert compared == 2853  # of 2859 changes: six came before their snapshot
