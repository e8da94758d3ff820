"""The order book against plain dictionaries: whole, partial, and behind a sync that meets all that can go wrong."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from kucoin_stream.market import book as book_module
from kucoin_stream.market.book import Levels, OrderBook, Top, imbalance, levels
from kucoin_stream.protocol.booksync import BookSync, Restart
from kucoin_stream.protocol.messages.rest import BookSnapshot
from kucoin_stream.protocol.messages.spot import BookDelta, Changes
from tests.market.reference import Reference, held


def of(bids: object = (), asks: object = (), sequence: int = 1, *, complete: bool = True) -> OrderBook:
    book = OrderBook()
    book.restart(BookSnapshot(sequence, bids=bids, asks=asks), complete=complete)
    return book


def apply(book: OrderBook, *, bids: object = (), asks: object = ()) -> None:
    """Apply changes given as ``(price, size)``."""
    sequence = (book.sequence or 0) + 1
    changes = Changes([(*each, sequence) for each in asks], [(*each, sequence) for each in bids])
    book.apply([BookDelta("A-B", changes, sequence, sequence, 1729816425625)])


# -- one change --------------------------------------------------------------------------------------------------

BIDS = [(99.0, 1.0), (98.0, 2.0)]
ASKS = [(101.0, 3.0), (102.0, 4.0)]


@pytest.mark.parametrize(
    ("bids", "asks", "expected"),
    [
        pytest.param([(98.5, 7)], [], ({99: 1, 98.5: 7, 98: 2}, {101: 3, 102: 4}), id="a new level"),
        pytest.param([(99, 7)], [(101, 8)], ({99: 7, 98: 2}, {101: 8, 102: 4}), id="a new size, absolute"),
        pytest.param([(99.5, 7)], [(100.5, 8)], ({99.5: 7, 99: 1, 98: 2}, {100.5: 8, 101: 3, 102: 4}), id="a new best"),
        pytest.param([(99, 0)], [(101, 0)], ({98: 2}, {102: 4}), id="the best is gone"),
        pytest.param([(97, 0)], [(100, 0)], ({99: 1, 98: 2}, {101: 3, 102: 4}), id="an unknown level is gone"),
        pytest.param([(0, 0)], [(0, 0)], ({99: 1, 98: 2}, {101: 3, 102: 4}), id="price 0 only moves the sequence"),
        pytest.param([(0, 5)], [(0, 5)], ({99: 1, 98: 2}, {101: 3, 102: 4}), id="price 0 with a size, too"),
        pytest.param([(99, 0), (98, 0)], [], ({}, {101: 3, 102: 4}), id="an empty side"),
    ],
)  # fmt: skip
def test_change(bids, asks, expected):
    book = of(BIDS, ASKS)
    apply(book, bids=bids, asks=asks)
    assert held(book) == expected
    assert (book.sequence, book.time_ms) == (2, 1729816425625)


def test_worked_example_of_the_documents():
    asks = [(3988.59, 3.0), (3988.60, 47.0), (3988.61, 32.0), (3988.62, 8.0)]
    bids = [(3988.51, 56.0), (3988.50, 15.0), (3988.49, 100.0), (3988.48, 10.0)]
    changes = Changes([(3988.59, 3.0, 16), (3988.61, 0.0, 19), (3988.62, 8.0, 15)], [(3988.50, 44.0, 18)])
    sync, book = BookSync(), OrderBook()
    sync.receive_delta(BookDelta("BTC-USDT", changes, 15, 19), 0.0)
    for action in sync.receive_snapshot(BookSnapshot(16, bids=bids, asks=asks), 1, 0.1):
        if isinstance(action, Restart):
            book.restart(action.snapshot, complete=True)
        else:
            book.apply([action])
    assert held(book) == (
        {3988.51: 56.0, 3988.50: 44.0, 3988.49: 100.0, 3988.48: 10.0},
        {3988.59: 3.0, 3988.60: 47.0, 3988.62: 8.0},
    )
    assert book.sequence == 19


@pytest.mark.parametrize(
    ("bids", "asks", "top"),
    [
        (BIDS, ASKS, Top(1, 99.0, 1.0, 101.0, 3.0)),
        ([], ASKS, Top(1, None, None, 101.0, 3.0)),
        (BIDS, [], Top(1, 99.0, 1.0, None, None)),
        (None, None, Top(1)),
        ([(98.0, 2.0), (99.0, 1.0)], [(102.0, 4.0), (101.0, 3.0)], Top(1, 99.0, 1.0, 101.0, 3.0)),  # in any order
        ([(99.0, 0.0), (98.0, 2.0)], ASKS, Top(1, 98.0, 2.0, 101.0, 3.0)),  # a size of 0 is no level
    ],
)
def test_top(bids, asks, top):
    assert of(bids, asks).top() == top


def test_a_price_that_a_snapshot_gives_twice_is_one_level():
    book = of([(99.0, 1.0), (99.0, 2.0)], ASKS)
    apply(book, bids=[(99.0, 0.0)])
    assert held(book)[0] == {}


def test_text_forms_of_a_price_are_one_level():
    book = of([(float("0.10"), 1.0)], [])
    apply(book, bids=[(float("0.1"), 2.0)])
    assert held(book) == ({0.1: 2.0}, {})


@pytest.mark.parametrize(
    ("bids", "asks", "crossed"),
    [
        (BIDS, ASKS, False),
        ([(101.0, 1.0)], ASKS, True),
        ([(101.5, 1.0)], ASKS, True),
        ([], ASKS, False),
        (BIDS, [], False),
    ],
)
def test_crossed(bids, asks, crossed):
    assert of(bids, asks).top().crossed is crossed


@pytest.mark.parametrize("depth", [None, 0, 1, 2, 3, 50])
def test_copy_is_best_first_and_apart_from_the_book(depth):
    book = of([*BIDS, (97.0, 5.0)], [*ASKS, (103.0, 6.0)], sequence=7)
    copied = levels(book.copy(depth))
    apply(book, bids=[(99.0, 0.0)], asks=[(101.0, 0.0)])
    expected = Levels(
        7,
        np.array([99.0, 98.0, 97.0][:depth]),
        np.array([1.0, 2.0, 5.0][:depth]),
        np.array([101.0, 102.0, 103.0][:depth]),
        np.array([3.0, 4.0, 6.0][:depth]),
    )
    assert copied.sequence == expected.sequence
    for name in ("bid_prices", "bid_sizes", "ask_prices", "ask_sizes"):
        np.testing.assert_array_equal(getattr(copied, name), getattr(expected, name))


@pytest.mark.parametrize(
    ("bids", "asks", "expected"),
    [([1.0], [1.0], 0.0), ([3.0], [1.0], 0.5), ([], [2.0], -1.0), ([2.0], [], 1.0), ([], [], math.nan)],
)
def test_imbalance(bids, asks, expected):
    assert imbalance(np.array(bids), np.array(asks)) == pytest.approx(expected, nan_ok=True)


CHANGES = st.lists(
    st.tuples(st.sampled_from(["bids", "asks"]), st.integers(0, 90), st.integers(0, 3)), min_size=1, max_size=120
)


@given(CHANGES)
@settings(max_examples=150)
def test_a_book_is_two_dictionaries(changes):
    reference = Reference()
    book = of([], [], sequence=100)
    for side, price, size in changes:
        book.apply([reference.change(side, price / 7, float(size))])
        assert held(book) == (reference.bids, reference.asks)
        bid, ask = max(reference.bids, default=None), min(reference.asks, default=None)
        top = Top(reference.sequence, bid, reference.bids.get(bid), ask, reference.asks.get(ask))
        assert book.top() == top
    for side in levels(book.copy()).bid_prices, -levels(book.copy()).ask_prices:
        assert (np.diff(side) < 0).all()


# -- a book that does not know everything --------------------------------------------------------------------------


def ladder(count: int) -> Reference:
    reference = Reference()
    reference.bids = {1000.0 - at: 1.0 + at for at in range(count)}
    reference.asks = {1001.0 + at: 1.0 + at for at in range(count)}
    reference.note()
    return reference


@pytest.mark.parametrize(
    ("count", "complete", "horizons"),
    [
        (150, True, (-math.inf, -math.inf)),
        (150, False, (901.0, -1100.0)),
        (100, False, (901.0, -1100.0)),
        (99, False, (-math.inf, -math.inf)),  # a shorter side is a whole side
        (0, False, (-math.inf, -math.inf)),
    ],
)
def test_how_far_a_seed_is_known(count, complete, horizons):
    reference, book = ladder(count), OrderBook()
    book.restart(reference.snapshot(100 if not complete else None), complete=complete)
    assert (book.bids.horizon, book.asks.horizon) == horizons
    assert book.partial is not complete


@pytest.mark.parametrize(
    ("price", "known"), [(901.0, True), (900.5, False), (900.0, False), (901.5, True), (1000.5, True)]
)
def test_only_changes_within_what_is_known_are_taken(price, known):
    book = OrderBook()
    book.restart(ladder(150).snapshot(100), complete=False)
    apply(book, bids=[(price, 7.0)])
    assert (held(book)[0].get(price) == 7.0) is known


@pytest.mark.parametrize(
    ("removed", "running_out", "reaches"), [(50, False, True), (51, True, True), (100, True, False)]
)
def test_a_partial_book_says_when_the_market_leaves_it(removed, running_out, reaches):
    book = OrderBook()
    book.restart(ladder(150).snapshot(100), complete=False)
    apply(book, bids=[(1000.0 - at, 0.0) for at in range(removed)])
    assert (book.running_out, book.reaches) == (running_out, reaches)


def test_a_whole_book_never_runs_out():
    book = OrderBook()
    book.restart(ladder(60).snapshot(100), complete=False)
    apply(book, bids=[(1000.0 - at, 0.0) for at in range(60)])
    assert (book.running_out, book.reaches) == (False, True)


class PartialBook(RuleBasedStateMachine):
    """A book seeded with the best few levels, beside one that knows all: every level that it holds is right."""

    DEPTH = 6

    @initialize(seed=st.integers(0, 2**16))
    def begin(self, seed):
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(book_module, "PUBLIC_DEPTH", self.DEPTH)
        dice = random.Random(seed)
        self.reference = Reference()
        self.reference.bids = {float(price): 1.0 for price in dice.sample(range(100), dice.randint(0, 20))}
        self.reference.asks = {float(price): 1.0 for price in dice.sample(range(101, 200), dice.randint(0, 20))}
        self.reference.note()
        self.book = OrderBook()
        self.seed()

    @rule()
    def seed(self):
        self.book.restart(self.reference.snapshot(self.DEPTH), complete=False)

    @rule(side=st.sampled_from(["bids", "asks"]), price=st.integers(1, 199), size=st.integers(0, 5))
    def change(self, side, price, size):
        self.book.apply([self.reference.change(side, float(price), float(size))])

    @rule(side=st.sampled_from(["bids", "asks"]), count=st.integers(1, 7))
    def the_best_go(self, side, count):
        for _ in range(count):
            levels_ = getattr(self.reference, side)
            if levels_:
                best = max(levels_) if side == "bids" else min(levels_)
                self.book.apply([self.reference.change(side, best, 0.0)])

    def teardown(self):
        if hasattr(self, "patch"):
            self.patch.undo()

    @invariant()
    def every_level_held_is_right_and_none_is_missing_within_reach(self):
        if not hasattr(self, "book"):
            return
        book, reference = self.book, self.reference
        bids, asks = held(book)
        assert bids == {price: size for price, size in reference.bids.items() if price >= book.bids.horizon}
        assert asks == {price: size for price, size in reference.asks.items() if -price >= book.asks.horizon}

    @invariant()
    def the_best_price_is_right_or_absent(self):
        if not hasattr(self, "book"):
            return
        top = self.book.top()
        bid, ask = max(self.reference.bids, default=None), min(self.reference.asks, default=None)
        assert top.bid in (bid, None)
        assert top.ask in (ask, None)
        if self.book.reaches:
            assert (top.bid, top.ask) == (bid, ask)
            assert top.bid_size == self.reference.bids.get(bid)


PartialBook.TestCase.settings = settings(max_examples=60, stateful_step_count=30)
TestPartialBook = PartialBook.TestCase
