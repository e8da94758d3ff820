"""What holds of the exchange whatever is done to it: money, books, and what its feeds say of them."""

import contextlib
import json
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sim_account import SECOND, T0, began_with

from kucoin_stream.simulator.generated import GeneratedMarket
from kucoin_stream.simulator.market import RestError
from kucoin_stream.simulator.trading.account import Account
from kucoin_stream.simulator.trading.tickets import SpotTicket

SYMBOL, BASE, QUOTE = "ETH-BTC", "ETH", "BTC"
LEVEL2, MATCH = f"/market/level2:{SYMBOL}", f"/market/match:{SYMBOL}"
PRO = (f"trade.SPOT:{SYMBOL}", f"obu.SPOT:{SYMBOL}_increment")
TOPICS = frozenset({LEVEL2, MATCH, *PRO})

ORDERS = st.fixed_dictionaries(
    {
        "side": st.sampled_from(["buy", "sell"]),
        "type": st.sampled_from(["limit", "limit", "market"]),
        "offset": st.integers(-6, 6),  # ticks from the middle
        "lots": st.integers(100, 30_000_000),
        "time_in_force": st.sampled_from(["GTC", "GTC", "IOC", "FOK"]),
        "post_only": st.sampled_from([False, False, False, True]),
        "stp": st.sampled_from(["", "CN", "CO", "CB", "DC"]),
        "hidden": st.sampled_from([False, False, True]),
        "tip": st.sampled_from([0, 0, 1000, 1_000_000]),  # lots that an iceberg shows
    }
)
ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("place"), ORDERS),
        st.tuples(st.just("cancel"), st.integers(0, 20)),
        st.tuples(st.just("reduce"), st.integers(0, 20)),
        st.tuples(st.just("modify"), st.integers(0, 20)),
        st.tuples(st.just("move"), st.integers(1, 30)),  # tenths of a second
    ),
    min_size=15,
    max_size=40,
)


class Floor:
    """One symbol, an account on it, and everything its feeds have said."""

    def __init__(self, seed):
        self.market = GeneratedMarket([SYMBOL], seed=seed, rate=5.0)
        self.market.start(T0)
        self.account = Account(self.market)
        self.instrument = self.market.instrument(SYMBOL)
        self.now = T0
        self.said = {topic: [] for topic in TOPICS}
        self.market.advance(self.now, TOPICS)
        self.snapshot = self.market.book(SYMBOL, None)
        self.trades = []
        self.witness()

    def witness(self):
        show = self.instrument._show

        def seen(change, fill, out):
            if fill is not None:
                self.trades.append(str(fill.number))
            show(change, fill, out)

        self.instrument._show = seen

    def do(self, kind, what):
        if kind == "move":
            for _ in range(what):
                self.now += SECOND // 10
                self.advance()
        elif kind == "cancel":
            for order in self.one(what):
                self.account.spot.end(order, self.now)
        elif kind == "reduce":
            for order in self.one(what):
                self.account.spot.reduce(order, 1 + order.left // 3, self.now)
        elif kind == "modify":
            for order in self.one(what):
                price = self.instrument.price(order.price + (what % 5 - 2))
                with contextlib.suppress(RestError):
                    self.account.spot.modify(order, price, None, self.now)
        else:
            self.place(**what)

    def one(self, what):
        active = list(self.account.spot.orders.active())
        return [active[what % len(active)]] if active else []

    def place(self, *, side, offset, lots, tip, **fields):
        price = max(1, int(self.instrument.flow.middle) + offset)
        given = {"price": self.instrument.price(price)} if fields["type"] == "limit" else {}
        if tip:
            given |= {"iceberg": True, "visible_size": self.instrument.size(tip)}
        ticket = SpotTicket(symbol=SYMBOL, side=side, size=self.instrument.size(lots), **given, **fields)
        with contextlib.suppress(RestError):  # too dear, or too small; nothing has changed then
            self.account.spot.place(ticket, self.now)

    def advance(self):
        for topic, text in self.market.advance(self.now, TOPICS):
            self.said[topic].append(json.loads(text))
        self.account.advance(self.now)


def check_money(floor):
    spot, ledger = floor.account.spot, floor.account.ledger
    change = dict.fromkeys((BASE, QUOTE), Decimal(0))
    for booked in spot.orders.fills:
        size = Decimal(floor.instrument.size(booked.fill.size))
        sign = 1 if booked.order.side == "buy" else -1
        change[BASE] += sign * size
        change[QUOTE] -= sign * booked.value + booked.fee
    for currency, amount in change.items():
        held = sum((order.held for order in spot.orders.active() if order.hold_currency == currency), Decimal(0))
        holding = ledger.get("trade", currency)
        assert (holding.total, holding.hold) == (began_with("trade", currency) + amount, held)


def check_book(floor):
    flow = floor.instrument.flow
    assert not flow.ladder.crossed()
    assert min(flow.ladder.count(side) for side in ("asks", "bids")) > 0
    resting = {}
    for order in floor.account.spot.orders.active():
        key = ("bids" if order.side == "buy" else "asks", order.price)
        assert order.shown == order.left or order.hidden or order.shown <= order.tip
        assert 0 < order.shown <= order.left or (order.hidden and not order.shown)
        resting[key] = resting.get(key, 0) + order.shown
    resting = {key: lots for key, lots in resting.items() if lots}
    assert resting == {key: lots for key, lots in flow.reserved.items() if lots}
    assert all(flow.ladder.size(*key) >= lots for key, lots in resting.items())


def summed(floor):
    """The book that snapshot and increments make, by protocol.md 5.2."""
    sides = {side: dict(floor.snapshot[side]) for side in ("asks", "bids")}
    last = int(floor.snapshot["sequence"])
    for frame in floor.said[LEVEL2]:
        assert frame["data"]["sequenceStart"] == last + 1
        last = frame["data"]["sequenceEnd"]
        for side, changes in frame["data"]["changes"].items():
            for price, size, _ in changes:
                sides[side][price] = size
                if size == "0":
                    del sides[side][price]
                sides[side].pop("0", None)
    return last, sides


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 10_000), actions=ACTIONS)
def test_money_is_conserved_books_never_cross_and_the_feeds_tell_all(seed, actions):
    floor = Floor(seed)
    for action in actions:
        floor.do(*action)
        check_money(floor)
        check_book(floor)
    floor.do("move", 1)
    last, sides = summed(floor)
    book = floor.market.book(SYMBOL, None)
    assert last == int(book["sequence"])
    assert sides == {side: dict(book[side]) for side in sides}
    assert [frame["data"]["tradeId"] for frame in floor.said[MATCH]] == floor.trades
    assert [frame["d"]["ti"] for frame in floor.said[PRO[0]]] == floor.trades
    assert len(set(floor.trades)) == len(floor.trades)
