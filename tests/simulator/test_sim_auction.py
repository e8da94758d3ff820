"""A call auction: what is shown of it, and how the symbol opens."""

import json
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sim_account import Diary

from kucoin_stream.errors import UsageError
from kucoin_stream.protocol.messages import decode, pro, spot
from kucoin_stream.simulator.auction import Auction, Estimate
from kucoin_stream.simulator.generated import GeneratedMarket
from kucoin_stream.simulator.listings import LISTINGS
from kucoin_stream.simulator.market import RestError
from kucoin_stream.simulator.topics import check_topic
from kucoin_stream.simulator.trading.account import Account
from kucoin_stream.simulator.trading.tickets import SpotTicket

T0 = 1_795_307_183_200_000_000  # ns
SECOND = 1_000_000_000
SYMBOL = "KCS-BTC"
BOOK, DATA = f"/callauction/level2Depth50:{SYMBOL}", f"/callauction/callauctionData:{SYMBOL}"
PRO, MATCH = f"callAuctionInfo.SPOT:{SYMBOL}", f"/market/match:{SYMBOL}"


@pytest.fixture
def market():
    market = GeneratedMarket([SYMBOL], seed=4, rate=20.0, auctions={SYMBOL: 5.0})
    market.start(T0)
    return market


def run(market, seconds, begin=0):
    said = {topic: [] for topic in (BOOK, DATA, PRO, MATCH)}
    for step in range(begin * 10, (begin + seconds) * 10):
        for topic, text in market.advance(T0 + (step + 1) * SECOND // 10, frozenset(said)):
            said[topic].append(json.loads(text))
    return said


@pytest.mark.parametrize(
    ("asks", "bids", "expected"),
    [
        ([], [], Estimate(0, 0)),
        ([(11, 5)], [(10, 5)], Estimate(0, 0)),
        ([(10, 5)], [(10, 3)], Estimate(10, 3)),
        ([(10, 5), (12, 5)], [(12, 7), (11, 1)], Estimate(12, 7)),
        ([(9, 2), (10, 2)], [(11, 4)], Estimate(10, 4)),
    ],
)
def test_the_price_at_which_most_trades(asks, bids, expected):
    auction = Auction(LISTINGS[0], 0, T0, T0)
    for side, levels in (("asks", asks), ("bids", bids)):
        for price, lots in levels:
            auction.ladder.set(side, price, lots)
    assert auction.estimate() == expected


def test_it_is_shown_every_tenth_of_a_second_and_nothing_trades(market):
    said = run(market, 4)
    assert {topic: len(frames) for topic, frames in said.items()} == {BOOK: 40, DATA: 40, PRO: 40, MATCH: 0}
    last = decode(spot.CallAuction, json.dumps(said[DATA][-1]["data"]).encode())
    shown = decode(pro.CallAuction, json.dumps(said[PRO][-1]["d"]).encode())
    assert float(last.estimated_price) == float(shown.estimated_price)
    book = said[BOOK][-1]["data"]
    assert Decimal(book["bids"][0][0]) > Decimal(book["asks"][0][0])  # they gather across each other
    assert market.trades(SYMBOL) == []


def test_it_ends_with_one_trade_at_its_price_and_the_symbol_opens(market):
    before = run(market, 4)
    price = market.auction(SYMBOL, T0 + 5 * SECOND - 1)
    estimate = price.data(0)
    after = run(market, 6, begin=4)
    first = after[MATCH][0]["data"]
    assert (first["price"], first["size"]) == (estimate["estimatedPrice"], estimate["estimatedSize"])
    assert len(after[MATCH]) > 1
    assert before[MATCH] == []
    assert market.auction(SYMBOL, T0 + 5 * SECOND) is None


class Room:
    """A symbol in its auction, and an account with enough of both its currencies."""

    def __init__(self, market):
        self.market = market
        self.account = Account(market)
        self.account.deposit("BTC", Decimal(10), "trade", T0)
        self.account.deposit("KCS", Decimal(100_000), "trade", T0)
        self.diary = Diary()
        self.account.news.append(self.diary)
        self.now = T0

    def place(self, **fields):
        return self.account.spot.place(SpotTicket(**{"symbol": SYMBOL, "side": "buy"} | fields), self.now)

    def move(self, seconds):
        pushes = []
        for _ in range(round(seconds * 10)):
            self.now += SECOND // 10
            pushes += self.market.advance(self.now, {BOOK, MATCH})
            self.account.advance(self.now)
        return [(topic, json.loads(text)["data"]) for topic, text in pushes]

    def auction(self):
        return self.market.auction(SYMBOL, self.now)

    def money(self):
        return {name: self.account.ledger.get("trade", name) for name in ("BTC", "KCS")}


@pytest.fixture
def room(market):
    return Room(market)


PRICE = LISTINGS[9].price  # of KCS-BTC


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"type": "market", "size": "1"}, "301118"),
        ({"price": PRICE, "size": "1", "time_in_force": "IOC"}, "301118"),
        ({"price": PRICE, "size": "1", "time_in_force": "FOK"}, "301118"),
        ({"price": PRICE, "size": "1", "post_only": True}, "301118"),
        ({"price": PRICE, "size": "1", "hidden": True}, "301118"),
        ({"price": "0.00000001", "size": "1"}, "301116"),
        ({"price": "1", "size": "1"}, "301115"),
    ],
)
def test_an_auction_takes_limit_orders_within_its_range_and_no_others(room, fields, code):
    before = room.money()
    with pytest.raises(RestError) as caught:
        room.place(**fields)
    assert caught.value.code == code
    assert (room.money(), room.diary.orders) == (before, [])


def test_an_order_waits_in_the_auctions_book_with_its_money_held(room):
    ticks, before = 13_000, room.money()
    size = room.auction().ladder.size("bids", ticks)
    order = room.place(price="0.00013", size="100")
    assert room.diary.orders == ["received", "open"]
    assert room.auction().ladder.size("bids", ticks) == size + 1_000_000
    assert room.money()["BTC"].hold == Decimal("0.013") * Decimal("1.001")
    room.account.spot.reduce(order, 250_000, room.now)
    assert room.auction().ladder.size("bids", ticks) == size + 750_000
    room.account.spot.end(order, room.now)
    assert room.auction().ladder.size("bids", ticks) == size
    assert (room.money(), room.diary.orders[2:]) == (before, ["update", "canceled"])


def test_an_order_with_a_time_ends_in_the_auction_too(room):
    order = room.place(price="0.00013", size="1", time_in_force="GTT", cancel_after=2)
    room.move(2)
    assert (order.active, order.updated_ns) == (False, T0 + 2 * SECOND)
    assert order.cancelled == order.lots


def test_what_fits_is_filled_at_the_price_of_the_auction(room):
    room.move(4.5)
    high, low = room.place(price="0.00016", size="50"), room.place(side="sell", price="0.00011", size="20")
    auction = room.auction()
    first = next(data for topic, data in room.move(1) if topic == MATCH)
    estimate = auction.data(room.now)
    assert (first["price"], first["size"]) == (estimate["estimatedPrice"], estimate["estimatedSize"])
    assert [(each.order, each.fill.price, each.fill.number) for each in room.account.spot.orders.fills] == [
        (order, round(Decimal(first["price"]) * 10**8), int(first["tradeId"])) for order in (high, low)
    ]
    assert (high.left, low.left) == (0, 0)
    assert [event for event in room.diary.orders if "match" in event] == ["match maker"] * 2
    assert {name: holding.hold for name, holding in room.money().items()} == {"BTC": 0, "KCS": 0}


def test_what_is_left_trades_on_as_usual(room):
    far = room.place(price="0.0001", size="50")
    near = room.place(side="sell", price="0.00016", size="50")
    room.move(6)
    ladder = room.market.instrument(SYMBOL).flow.ladder
    assert [(order.active, order.shown) for order in (far, near)] == [(True, 500_000)] * 2
    assert (ladder.size("bids", 10_000), ladder.size("asks", 16_000)) == (500_000, 500_000)
    assert not ladder.crossed()
    assert room.diary.orders == ["received", "open"] * 2


def test_one_too_large_for_the_auction_takes_what_the_market_has_and_never_crosses_it(room):
    order = room.place(price="0.00017", size="60000")
    room.move(5.5)
    assert order.filled > 0
    assert not room.market.instrument(SYMBOL).flow.ladder.crossed()
    held = Decimal(order.left).scaleb(-4) * Decimal("0.00017") * Decimal("1.001") if order.active else 0
    assert room.money()["BTC"].hold == held
    spent = sum((each.value + each.fee for each in room.account.spot.orders.fills), Decimal(0))
    assert room.money()["BTC"].total == 12 - spent


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["buy", "sell"]), st.integers(12_000, 15_000), st.integers(1, 500_000), st.integers(0, 12)
        ),
        max_size=8,
    ),
    st.integers(0, 50),
)
def test_money_is_conserved_through_an_auction(orders, seed):
    market = GeneratedMarket([SYMBOL], seed=seed, rate=20.0, auctions={SYMBOL: 5.0})
    market.start(T0)
    room = Room(market)
    begin = room.money()
    for side, ticks, lots, tenths in orders:
        room.place(side=side, price=str(Decimal(ticks).scaleb(-8)), size=str(Decimal(lots).scaleb(-4)))
        room.move(tenths / 10)
    room.move(6)
    change = {"BTC": Decimal(0), "KCS": Decimal(0)}
    for each in room.account.spot.orders.fills:
        sign = 1 if each.order.side == "buy" else -1
        change["KCS"] += sign * Decimal(each.fill.size).scaleb(-4)
        change["BTC"] -= sign * each.value + each.fee
    for name, holding in room.money().items():
        held = sum(
            (order.held for order in room.account.spot.orders.active() if order.hold_currency == name), Decimal(0)
        )
        assert (holding.total, holding.hold) == (begin[name].total + change[name], held)
    assert not market.instrument(SYMBOL).flow.ladder.crossed()
    trades = {(each.fill.number, each.fill.price) for each in room.account.spot.orders.fills}
    assert len({number for number, _ in trades}) == len(trades)  # one price a trade, for both sides of it


def test_the_symbol_says_when_it_opens(market):
    (row,) = market.symbols()
    assert row["callauctionIsEnabled"]
    assert row["tradingStartTime"] == (T0 + 5 * SECOND) // 1_000_000


def test_its_topics_can_be_subscribed(market):
    assert [check_topic(topic, market) for topic in (BOOK, DATA)] == [None, None]


def test_an_auction_of_an_unknown_symbol_is_refused():
    with pytest.raises(UsageError, match="NO-SUCH"):
        GeneratedMarket(auctions={"NO-SUCH": 5.0})
