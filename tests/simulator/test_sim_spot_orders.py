import contextlib
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sim_account import T0, Bench, began_with

from kucoin_stream.simulator.market import RestError
from kucoin_stream.simulator.trading.tickets import SpotTicket

D = Decimal
FEE = D("1.001")


@pytest.fixture
def bench():
    return Bench()


def test_a_market_order_takes_the_best_levels_and_they_are_gone(bench):
    before = bench.market.book("BTC-USDT", 5)
    (first, size), (second, _) = ((D(price), D(size)) for price, size in before["asks"][:2])
    extra = D("0.00001")
    order = bench.spot(type="market", size=str(size + extra))
    after = bench.market.book("BTC-USDT", 5)
    assert bench.diary.orders == ["received", "match taker", "match taker", "filled"]
    assert order.value == first * size + second * extra
    assert after["asks"][0][0] == before["asks"][1][0]
    assert int(after["sequence"]) == int(before["sequence"]) + 2
    assert bench.market.trades("BTC-USDT")[-1]["price"] == before["asks"][1][0]
    assert bench.have("trade", "USDT").available == began_with("trade", "USDT") - order.value * FEE
    assert bench.have("trade", "BTC").available == began_with("trade", "BTC") + size + extra


def test_what_a_user_rests_is_in_the_book_until_it_is_cancelled(bench):
    price = bench.best("BTC-USDT", "bids")[0] - D("0.05") * 100000
    order = bench.spot(price=str(price), size="0.25")
    ladder = bench.market.instrument("BTC-USDT").flow.ladder
    assert bench.diary.orders == ["received", "open"]
    assert ladder.size("bids", order.price) == 25_000_000
    assert bench.have("trade", "USDT").hold == price * D("0.25") * FEE
    bench.move(60)
    assert ladder.size("bids", order.price) >= 25_000_000
    bench.account.spot.end(order, bench.now)
    assert ladder.size("bids", order.price) < 25_000_000
    assert (order.cancelled, order.left, order.active) == (25_000_000, 0, False)
    assert bench.have("trade", "USDT")[:2] == (began_with("trade", "USDT"), 0)


def test_a_resting_order_is_filled_by_the_flow_at_its_own_price(bench):
    price, _ = bench.best("BTC-USDT", "bids")
    order = bench.spot(price=str(price + D("0.1")), size="0.00002")
    bench.until(lambda: not order.active)
    assert bench.diary.orders[:2] == ["received", "open"]
    assert set(bench.diary.orders[2:-1]) == {"match maker"}
    assert bench.diary.orders[-1] == "filled"
    assert order.value == (price + D("0.1")) * D("0.00002")
    assert {fill.fill.price for fill in bench.account.spot.orders.fills} == {order.price}


def test_time_decides_between_orders_at_one_price(bench):
    price = bench.best("BTC-USDT", "bids")[0] + D("0.1")
    first, second = (bench.spot(price=str(price), size="0.01") for _ in range(2))
    bench.until(lambda: second.filled)
    assert not first.active


@pytest.mark.parametrize(
    ("fields", "events"),
    [
        ({"time_in_force": "IOC"}, ["received", "match taker", "canceled"]),
        ({"time_in_force": "FOK"}, ["received", "canceled"]),
        ({"post_only": True}, ["received", "canceled"]),
        ({}, ["received", "match taker", "open"]),
        ({"time_in_force": "GTT", "cancel_after": 2}, ["received", "match taker", "open"]),
    ],
)
def test_an_order_larger_than_the_best_level(bench, fields, events):
    price, size = bench.best("BTC-USDT", "asks")
    order = bench.spot(price=str(price), size=str(size + 1), **fields)
    assert bench.diary.orders == events
    held = order.left * D("1e-8") * price * FEE
    assert bench.have("trade", "USDT").hold == held


def test_an_order_with_a_time_ends_with_it(bench):
    price = bench.best("BTC-USDT", "bids")[0] - 5000
    order = bench.spot(price=str(price), size="0.1", time_in_force="GTT", cancel_after=2)
    bench.move(1.9)
    assert order.active
    bench.move(0.2)
    assert (order.active, order.updated_ns) == (False, T0 + 2_000_000_000)


def test_funds_buy_what_they_suffice_for_and_the_rest_comes_back(bench):
    order = bench.spot(type="market", funds="1000")
    assert order.funds - order.value < D("0.001")
    assert bench.have("trade", "USDT") == (began_with("trade", "USDT") - order.value * FEE, 0, 0)


def test_a_book_is_never_emptied(bench):
    bench.account.deposit("BTC", D(100), "trade", bench.now)
    order = bench.spot(symbol="KCS-BTC", type="market", funds="50")
    assert order.filled
    assert len(bench.market.book("KCS-BTC", None)["asks"]) >= 10
    bench.move(30)
    assert not bench.market.instrument("KCS-BTC").flow.ladder.crossed()


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"symbol": "FOO-BAR", "price": "1", "size": "1"}, "900001"),
        ({"price": "80000.05", "size": "1"}, "400100"),
        ({"price": "80000", "size": "0.000000001"}, "400100"),
        ({"price": "80000", "size": "0.00000001"}, "400100"),
        ({"price": "80000"}, "400100"),
        ({"price": "nan", "size": "1"}, "400100"),
        ({"price": "-1", "size": "1"}, "400100"),
        ({"type": "market"}, "400100"),
        ({"type": "market", "size": "1", "funds": "1"}, "400100"),
        ({"price": "80000", "size": "1", "client_timestamp": T0 // 10**6 - 11, "allow_max_time_window": 10}, "400100"),
        ({"price": "80000", "size": "1000"}, "200004"),
        ({"side": "sell", "price": "80000", "size": "1000"}, "200004"),
        ({"price": "80000", "size": "1", "trade_type": "GIFT"}, "400100"),
    ],
)
def test_what_is_refused_changes_nothing(bench, fields, code):
    with pytest.raises(RestError) as caught:
        bench.spot(**fields)
    assert caught.value.code == code
    assert (bench.diary.orders, bench.diary.moves) == ([], [])
    assert list(bench.account.spot.orders.active()) == []


def test_a_client_id_is_in_use_as_long_as_its_order_is(bench):
    far = {"price": "70000", "size": "0.01", "client_oid": "mine"}
    order = bench.spot(**far)
    with pytest.raises(RestError, match="clientOid"):
        bench.spot(**far)
    bench.account.spot.end(order, bench.now)
    assert bench.account.spot.orders.get(client_oid="mine") is order
    assert bench.spot(**far).active


def stop(bench, **fields):
    ticket = {"symbol": "BTC-USDT", "side": "sell", "type": "market", "size": "0.01"} | fields
    return bench.account.spot.stop(SpotTicket(**ticket), bench.now)


def last(bench):
    return D(bench.market.level1("BTC-USDT")["price"])


def test_a_stop_order_waits_for_the_last_price(bench):
    waiting = stop(bench, stop="loss", stop_price=str(last(bench) - 2000))
    price = last(bench) - 1
    stop(bench, stop="loss", stop_price=str(price))
    assert (bench.diary.stops, bench.diary.orders) == (["open", "open"], [])
    bench.until(lambda: bench.diary.stops == ["open", "open", "triggered"])
    assert bench.diary.orders[0] == "received"
    assert list(bench.account.spot.stops.values()) == [waiting]
    bench.account.spot.drop(waiting, bench.now)
    assert bench.diary.stops[-1] == "cancel"


def test_a_stop_order_that_cannot_be_paid_says_so(bench):
    stop(bench, size="1000", stop="entry", stop_price="1")
    assert bench.diary.stops == ["open", "triggered Balance insufficient!"]


def test_a_margin_order_borrows_what_it_lacks_and_pays_it_back(bench):
    order = bench.spot(type="market", funds="30000", trade_type="MARGIN_TRADE", auto_borrow=True)
    owed = bench.have("margin", "USDT").liability
    assert owed == order.borrowed == D("30000") * FEE - began_with("margin", "USDT")
    assert bench.account.margin.owes
    debt = bench.account.margin.debt(bench.now)
    assert 0 < debt["debtRatio"] < 1
    assert debt["debtList"]["USDT"] == f"{owed.normalize():f}"
    size = f"{order.filled * D('1e-8'):f}"
    bench.spot(side="sell", type="market", size=size, trade_type="MARGIN_TRADE", auto_repay=True)
    assert not bench.account.margin.owes


def test_without_borrowing_a_margin_order_is_refused(bench):
    with pytest.raises(RestError, match="insufficient"):
        bench.spot(type="market", funds="30000", trade_type="MARGIN_ISOLATED_TRADE")


def test_a_modified_order_is_another_one_with_the_same_client_id(bench):
    order = bench.spot(price="70000", size="0.01", client_oid="mine")
    new = bench.account.spot.modify(order, "70001", None, bench.now)
    assert (order.active, new.active, new.client_oid, new.price, new.lots) == (False, True, "mine", 700010, order.lots)


SIDES = st.sampled_from(["buy", "sell"])
SYMBOLS = st.sampled_from(["BTC-USDT", "ETH-USDT", "KCS-BTC"])
LIMITS = st.tuples(SYMBOLS, SIDES, st.integers(-30, 30), st.integers(1, 400), st.sampled_from(["GTC", "IOC", "FOK"]))
STEPS = st.one_of(LIMITS, st.sampled_from(["wait", "cancel"]))


@settings(max_examples=25, deadline=None)
@given(st.lists(STEPS, max_size=25), st.integers(0, 3))
def test_money_in_is_money_out_and_fees(steps, seed):
    bench = Bench(seed=seed)
    for step in steps:
        match step:
            case "wait":
                bench.move(3)
            case "cancel":
                for order in bench.account.spot.orders.active():
                    bench.account.spot.end(order, bench.now)
            case (symbol, side, offset, size, in_force):
                instrument = bench.market.instrument(symbol)
                price = instrument.price(instrument.flow.last.price + offset)
                lots = instrument.size(size * instrument.listing.least_lots)
                with contextlib.suppress(RestError):  # the money may be gone
                    bench.spot(symbol=symbol, side=side, price=price, size=lots, time_in_force=in_force)
        assert not any(bench.market.instrument(name).flow.ladder.crossed() for name in ("BTC-USDT", "KCS-BTC"))
    check(bench)


def check(bench):
    """Every unit of every currency is where fills and fees have left it, and held is what active orders hold."""
    expected = {name: began_with("trade", name) for name in ("USDT", "BTC", "ETH", "KCS")}
    for fill in bench.account.spot.orders.fills:
        base, quote = fill.order.symbol.split("-")
        sign = 1 if fill.order.side == "buy" else -1
        scale = bench.market.instrument(fill.order.symbol).listing.size_scale
        expected[base] += sign * D(fill.fill.size).scaleb(-scale)
        expected[quote] -= sign * fill.value + fill.fee
    held = dict.fromkeys(expected, D(0))
    resting = {}
    for order in bench.account.spot.orders.active():
        held[order.hold_currency] += order.held
        side = "bids" if order.side == "buy" else "asks"
        key = (order.symbol, side, order.price)
        resting[key] = resting.get(key, 0) + order.left
    for name, total in expected.items():
        holding = bench.have("trade", name)
        assert (holding.total, holding.hold) == (total, held[name])
    for symbol in ("BTC-USDT", "ETH-USDT", "KCS-BTC"):
        reserved = bench.market.instrument(symbol).flow.reserved
        assert {(symbol, *key): lots for key, lots in reserved.items()} == {
            key: lots for key, lots in resting.items() if key[0] == symbol
        }
