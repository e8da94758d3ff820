from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sim_account import T0, Bench, began_with

from kucoin_stream.simulator.futures.perpetual import FUNDING_INTERVAL
from kucoin_stream.simulator.market import RestError
from kucoin_stream.simulator.trading.positions import Position
from kucoin_stream.simulator.trading.tickets import FuturesTicket

D = Decimal


@pytest.fixture
def bench():
    return Bench("BTC-USDT", "ETH-USDT")


CONTRACTS = Bench("BTC-USDT").market.futures.perpetuals


def position(symbol="XBTUSDTM", leverage=5):
    return Position("1", CONTRACTS[symbol], leverage=D(leverage))


@pytest.mark.parametrize(
    ("trades", "lots", "cost", "gross"),
    [
        ([(10, 100)], 10, "1", "0"),
        ([(10, 100), (10, 200)], 20, "3", "0"),
        ([(10, 100), (-4, 110)], 6, "0.6", "0.04"),
        ([(10, 100), (-10, 90)], 0, "0", "-0.1"),
        ([(-10, 100), (4, 90)], -6, "-0.6", "0.04"),
        ([(10, 100), (-15, 120)], -5, "-0.6", "0.2"),
    ],
)
def test_a_position_after_trades(trades, lots, cost, gross):
    held = position()  # a lot is 0.001 BTC
    for size, price in trades:
        held.trade(size, D(price), T0)
    assert (held.lots, held.cost, held.gross) == (lots, D(cost), D(gross))


def test_an_inverse_position_earns_the_base_coin():
    held = position("XBTUSDM")
    held.trade(1000, D(50_000), T0)  # 1000 USD at 50,000
    assert (held.entry, held.cost) == (50_000, D("-0.02"))
    assert held.trade(-500, D(100_000), T0) == (500, D("0.005"))
    assert (held.lots, held.cost) == (500, D("-0.01"))


@pytest.mark.parametrize(
    ("symbol", "lots"), [("XBTUSDTM", 10), ("XBTUSDTM", -10), ("XBTUSDM", 1000), ("XBTUSDM", -1000)]
)
def test_at_the_liquidation_price_only_the_maintenance_margin_is_left(symbol, lots):
    held = position(symbol)
    held.trade(lots, D(80_000), T0)
    for rate in (D("0.004"), D(0)):
        price = held.liquidation(rate)
        worth = held.worth(lots, price)
        left = held.margin + worth - held.cost
        assert abs(left - abs(worth) * rate) < D("1e-5")
        assert (price < 80_000) == (lots > 0)


@given(st.lists(st.tuples(st.integers(-50, 50).filter(bool), st.integers(1000, 9000)), max_size=20), st.booleans())
def test_profit_realised_and_not_is_what_the_trades_say(trades, inverse):
    held = position("XBTUSDM" if inverse else "XBTUSDTM")
    realised = D(0)
    for size, price in trades:
        realised += held.trade(size, D(price), T0).profit
    mark = D(5000)
    worth = held.worth(sum(size for size, _ in trades), mark)
    paid = sum((held.worth(size, D(price)) for size, price in trades), D(0))
    assert held.lots == sum(size for size, _ in trades)
    assert abs(realised + worth - held.cost - (worth - paid)) < D("1e-7") * (1 + len(trades))


def test_an_order_binds_margin_fills_and_makes_a_position(bench):
    order = bench.futures(price="70000", size="3", leverage="10")
    assert order.held == D(70000) * 3 / 1000 / 10 + D("210") * D("0.0006")
    wallet = bench.account.futures.wallet("USDT")
    assert (wallet.isolated_orders, wallet.available) == (order.held, D(50000) - order.held)
    bench.account.futures.end(order, bench.now)
    assert bench.account.futures.wallet("USDT").available == 50000
    taken = bench.futures(type="market", size=3, leverage=10)
    held = bench.account.futures.position("XBTUSDTM")
    assert bench.diary.orders == ["open", "canceled", "match taker", "filled"]
    assert (held.lots, held.cost, held.leverage) == (3, taken.value, 10)
    assert bench.diary.positions == [("positionChange", 3)]
    wallet = bench.account.futures.wallet("USDT")
    assert wallet.balance == D(50000) - taken.fee
    assert wallet.isolated_margin == held.margin
    assert wallet.available == wallet.balance - held.margin


def test_closing_realises_the_profit_and_frees_the_margin(bench):
    opened = bench.futures(type="market", size=5)
    bench.move(5)
    closed = bench.futures(side="", type="market", close_order=True)
    wallet = bench.account.futures.wallet("USDT")
    assert bench.account.futures.position("XBTUSDTM").lots == 0
    assert wallet.balance == wallet.available == D(50000) + closed.value - opened.value - opened.fee - closed.fee


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"symbol": "FOOUSDTM", "size": 1, "price": 1}, "100003"),
        ({"size": 1}, "100001"),
        ({"price": "80000"}, "100001"),
        ({"price": "80000", "size": "1.5"}, "100001"),
        ({"price": "80000", "size": 1, "side": ""}, "100001"),
        ({"price": "80000", "size": 1, "leverage": 200}, "300016"),
        ({"price": "80000", "size": 100_000, "leverage": 1}, "330008"),
        ({"price": "80000", "size": 1, "reduce_only": True}, "300009"),
        ({"side": "", "type": "market", "close_order": True}, "300009"),
    ],
)
def test_what_is_refused_changes_nothing(bench, fields, code):
    with pytest.raises(RestError) as caught:
        bench.futures(**fields)
    assert caught.value.code == code
    assert (bench.diary.orders, bench.account.futures.wallet("USDT").available) == ([], 50000)


@pytest.mark.parametrize(("fields", "lots"), [({"size": 7}, 7), ({"qty": "0.005"}, 5), ({"value_qty": "400"}, 5)])
def test_a_size_may_be_given_in_three_ways(bench, fields, lots):
    assert bench.futures(price="80000", leverage=10, **fields).lots == lots


def test_reduce_only_orders_go_with_their_position(bench):
    bench.futures(type="market", size=5)
    order = bench.futures(side="sell", price="90000", size=5, reduce_only=True)
    assert (order.active, order.held) == (True, 0)
    bench.futures(side="", type="market", close_order=True)
    assert (order.active, order.cancel_reason) == (False, "REDUCE_ONLY")


@pytest.mark.parametrize("kind", ["TP", "MP", "IP"])
def test_a_stop_order_looks_at_its_own_price(bench, kind):
    ticket = {"symbol": "XBTUSDTM", "side": "sell", "type": "market", "size": 1, "stop": "up", "stop_price_type": kind}
    bench.account.futures.stop(FuturesTicket(**ticket, stop_price="1000"), bench.now)
    assert bench.diary.stops == ["open", "triggered"]
    assert bench.account.futures.position("XBTUSDTM").lots == -1


def test_margin_mode_and_leverage_are_chosen_without_a_position_only(bench):
    futures = bench.account.futures
    futures.set_margin_mode("XBTUSDTM", "CROSS", bench.now)
    futures.set_leverage("XBTUSDTM", "8", bench.now)
    bench.futures(type="market", size=5, leverage=50)
    assert (futures.position("XBTUSDTM").leverage, futures.position("XBTUSDTM").margin_mode) == (8, "CROSS")
    wallet = futures.wallet("USDT")
    assert wallet.cross_margin
    assert wallet.cross_total == wallet.balance + wallet.cross_profit
    with pytest.raises(RestError, match="margin mode"):
        futures.set_margin_mode("XBTUSDTM", "ISOLATED", bench.now)


def test_a_position_that_has_lost_its_margin_is_liquidated(bench):
    bench.futures(type="market", size=5, leverage=125)
    held = bench.account.futures.position("XBTUSDTM")
    held.leverage = D(100_000)  # as if the price had fallen by all but 1/100,000
    bench.move(1)
    assert held.lots == 0
    assert [reason for reason, _ in bench.diary.positions][-1] == "liquidation"
    assert bench.account.futures.orders.fills[-1].order.trade_type == "liquid"


def test_the_mark_price_is_told_once_a_second_while_there_is_a_position(bench):
    bench.move(3)
    assert bench.diary.positions == []
    bench.futures(type="market", size=5)
    bench.move(5)
    assert bench.diary.positions[1:] == [("markPriceChange", 5)] * 5


def test_funding_is_settled_every_eight_hours(bench):
    bench.futures(type="market", size=5)
    held = bench.account.futures.position("XBTUSDTM")
    end = (bench.now // FUNDING_INTERVAL + 1) * FUNDING_INTERVAL
    before = bench.account.futures.wallet("USDT").balance
    bench.now = end - 1_000_000_000
    bench.market.advance(bench.now, frozenset())
    bench.account.advance(bench.now)
    assert held.funding == 0
    bench.move(2)
    rate = held.perpetual.settled_rate(end - 1)
    assert abs(held.funding - D(str(rate)) * held.worth(5, held.mark)) < D("0.001")
    assert bench.account.futures.wallet("USDT").balance == before - held.funding


ORDERS = st.tuples(
    st.sampled_from(["XBTUSDTM", "XBTUSDM"]),
    st.sampled_from(["buy", "sell"]),
    st.integers(-30, 30),
    st.integers(1, 900),
)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.one_of(ORDERS, st.sampled_from(["wait", "cancel", "close"])), max_size=20))
def test_money_is_what_came_in_and_what_trading_made_of_it(steps):
    bench = Bench("BTC-USDT")
    futures = bench.account.futures
    for step in steps:
        match step:
            case "wait":
                bench.move(2)
            case "cancel":
                for order in futures.orders.active():
                    futures.end(order, bench.now)
            case "close":
                for held in list(futures.positions.values()):
                    if held.lots:
                        bench.futures(symbol=held.symbol, side="", type="market", close_order=True)
            case (symbol, side, offset, size):
                instrument = futures.instrument(symbol)
                price = instrument.price(instrument.flow.last.price + offset)
                bench.futures(symbol=symbol, side=side, price=price, size=size, leverage=20)
    for currency in ("USDT", "XBT"):
        fills = [fill for fill in futures.orders.fills if fill.order.settle == currency]
        made = sum((fill.profit - fill.fee for fill in fills), D(0))
        wallet = futures.wallet(currency)
        assert wallet.balance == began_with("futures", currency) + made
        assert wallet.isolated_orders == sum(
            (order.held for order in futures.orders.active() if order.settle == currency), D(0)
        )
    for held in futures.positions.values():
        signed = [fill.fill.size if fill.order.side == "buy" else -fill.fill.size
                  for fill in futures.orders.fills if fill.order.symbol == held.symbol]  # fmt: skip
        assert held.lots == sum(signed)
