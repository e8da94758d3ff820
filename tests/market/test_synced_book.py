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
from kucoin_stream.protocol.booksync import Action, BookGap, BookSync, RequestSnapshot, Restart
from kucoin_stream.protocol.classic import ClassicProtocol
from kucoin_stream.protocol.messages import decode
from kucoin_stream.protocol.messages.envelope import Push
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

    @rule(levels=st.lists(LEVEL, min_size=1, max_size=3))
    def trade(self, levels):
        """Change the exchange's book, bids in 1..12 and asks in 21..32."""
        several = [
            (side, float(price + 20 if side == "asks" and price else price), float(size))
            for side, price, size in levels
        ]
        message = self.exchange.changes(several)
        if self.connected:
            self.way.append(message)

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

    def receive(self, message: BookDelta) -> None:
        self.seen.append(message)
        self.keeper.perform(self.keeper.sync.receive_delta(message, self.now))

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
            self.receive(self.exchange.change("bids", 1.0, 1.0))
            if (ticket := self.keeper.wanted) is not None:
                self.keeper.wanted = None
                self.answer(self.exchange.sequence, ticket)
            self.wait(20.0)
        assert self.keeper.sync.live
        assert self.keeper.book.sequence == self.exchange.sequence
        self.a_live_book_is_the_exchanges()


SyncedBook.TestCase.settings = settings(max_examples=100, stateful_step_count=40)
TestSyncedBook = SyncedBook.TestCase


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
