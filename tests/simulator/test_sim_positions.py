import contextlib
import json
from decimal import Decimal

import pytest
from hypothesis import example, given, settings
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
        ([(10, 100), (-15, 120)], -5, "-0.6", "0"),  # another one begins
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
    futures.settings.set_margin_mode("XBTUSDTM", "CROSS", bench.now)
    futures.settings.set_leverage("XBTUSDTM", "8", bench.now)
    bench.futures(type="market", size=5, leverage=50)
    assert (futures.position("XBTUSDTM").leverage, futures.position("XBTUSDTM").margin_mode) == (8, "CROSS")
    wallet = futures.wallet("USDT")
    assert wallet.cross_margin
    assert wallet.cross_total == wallet.balance + wallet.cross_profit
    with pytest.raises(RestError, match="margin mode"):
        futures.settings.set_margin_mode("XBTUSDTM", "ISOLATED", bench.now)


def test_a_position_that_has_lost_its_margin_is_liquidated(bench):
    bench.futures(type="market", size=5, leverage=125)
    held = bench.account.futures.position("XBTUSDTM")
    held.leverage = D(100_000)  # as if the price had fallen by all but 1/100,000
    bench.move(1)
    assert held.lots == 0
    reasons = [each for each in bench.diary.positions if each[0] != "markPriceChange"]
    assert reasons[-2:] == [("liquidation", 5), ("liquidation", 0)]
    assert bench.account.futures.orders.fills[-1].order.trade_type == "liquid"


@pytest.mark.parametrize("beyond", ["0.1", "5"])
def test_an_isolated_liquidation_costs_the_margin_no_less_and_no_more(bench, beyond):
    opened = bench.futures(type="market", size=5, leverage=125)
    futures, held = bench.account.futures, bench.account.futures.position("XBTUSDTM")
    held.cost += held.margin + held.profit - held.maintenance + D(beyond)  # the price has fallen by that
    margin, cost, before, fees = held.margin, held.cost, futures.wallet("USDT").balance, futures.house.fees["USDT"]
    bench.move(1)
    assert held.lots == 0
    assert futures.wallet("USDT").balance == before - margin
    assert held.realised == -margin - opened.fee
    left = margin + sum(fill.value for fill in futures.orders.fills if fill.order.trade_type == "liquid") - cost
    assert futures.house.fund["USDT"] == left - (futures.house.fees["USDT"] - fees)
    assert (futures.house.fund["USDT"] < 0) == (beyond == "5")


def cross(bench, *orders):
    """Open cross positions, and return them."""
    bench.account.futures.settings.set_leverage("XBTUSDTM", 100, bench.now)
    bench.account.futures.settings.set_leverage("ETHUSDTM", 100, bench.now)
    for symbol, side, size in orders:
        bench.futures(symbol=symbol, side=side, type="market", size=size, margin_mode="CROSS")
    return [bench.account.futures.position(symbol) for symbol, *_ in orders]


def leave(bench, amount):
    """Take cross money away, as a loss would, until only so much is left."""
    futures = bench.account.futures
    futures._add("USDT", D(amount) - futures.wallet("USDT").cross_total)


def test_cross_positions_are_liquidated_by_the_account_as_a_whole(bench):
    bitcoin, ether = cross(bench, ("XBTUSDTM", "buy", 20), ("ETHUSDTM", "buy", 100))
    futures = bench.account.futures
    wallet = futures.wallet("USDT")
    assert wallet.cross_maintenance == bitcoin.maintenance + ether.maintenance
    leave(bench, max(bitcoin.maintenance, ether.maintenance) * D("1.3"))  # enough for each, not for both
    worst = min((bitcoin, ether), key=lambda each: each.profit)
    bench.move(1)
    assert worst.lots == 0
    assert not futures.wallet("USDT").endangered


def test_a_cross_liquidation_cancels_orders_first_and_stops_when_the_rest_is_safe(bench):
    bitcoin, ether = cross(bench, ("XBTUSDTM", "buy", 20), ("ETHUSDTM", "buy", 100))
    resting = bench.futures(symbol="ETHUSDTM", price="2000", size=5, margin_mode="CROSS")
    alone = bench.futures(symbol="XBTUSDM", price="70000", size=5)
    bitcoin.cost += 50  # it has lost that
    leave(bench, bitcoin.maintenance + ether.maintenance - D("0.1"))
    bench.diary.orders.clear()
    bench.move(1)
    assert (bitcoin.lots, ether.lots) == (0, 100)
    assert (resting.cancel_reason, alone.active) == ("LIQUIDATION", True)
    assert bench.diary.orders[0] == "canceled"
    assert bench.diary.orders[-1] == "filled"


def test_the_insurance_fund_pays_what_a_cross_account_lacks(bench):
    bitcoin, ether = cross(bench, ("XBTUSDTM", "buy", 20), ("ETHUSDTM", "sell", 100))
    futures = bench.account.futures
    bitcoin.cost += 100
    leave(bench, -50)
    bench.move(1)
    assert (bitcoin.lots, ether.lots) == (0, 0)
    assert futures.wallet("USDT").balance == 0
    assert futures.house.fund["USDT"] < -49


@pytest.mark.parametrize("side", ["buy", "sell"])
def test_at_its_liquidation_price_a_cross_account_has_only_its_maintenance_margin(bench, side):
    bitcoin, _ = cross(bench, ("XBTUSDTM", side, 500), ("ETHUSDTM", "buy", 100))
    futures = bench.account.futures
    leave(bench, 2000)
    wallet, price = futures.wallet("USDT"), bitcoin.liquidation(backing=futures.backing(bitcoin))
    assert (price < bitcoin.mark) == (side == "buy")
    worth = bitcoin.worth(bitcoin.lots, price)
    then = wallet.cross_total - bitcoin.profit + worth - bitcoin.cost
    needed = wallet.cross_maintenance - bitcoin.maintenance + abs(worth) * D("0.004")
    assert abs(then - needed) < D("0.01")


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


@pytest.mark.parametrize("mode", ["ISOLATED", "CROSS"])
def test_a_liquidation_is_told_in_a_plausible_order(bench, mode):
    bench.futures(type="market", size=5, leverage=100, margin_mode=mode)
    bench.futures(price="70000", size=1, leverage=100, margin_mode=mode)
    topics = {"/contractMarket/tradeOrders", "/contract/positionAll", "/contractAccount/wallet"}
    bench.account.want(topics | {"lw.FUTURES", "positionAll.FUTURES", "execution.FUTURES", "balance.FUTURES"})
    bench.account.pushes()
    if mode == "CROSS":
        leave(bench, -1)  # and the fund pays
    held = bench.account.futures.position("XBTUSDTM")
    held.cost += held.margin if mode == "ISOLATED" else 0
    bench.move(1)
    told = []
    for push in bench.account.pushes():
        frame = json.loads(push.text)
        data = frame.get("data", frame.get("d"))
        match frame.get("subject", frame.get("T")):
            case "orderChange":
                told.append(f"order {data['type']} {data['tradeType']}")
            case "position.change":
                told.append(f"position {data['changeReason']} {data['currentQty']}")
            case "walletBalance.change":
                told.append("wallet")
                wallet = data
            case "lw.FUTURES":
                told.append(data["eT"])
            case "positionAll.FUTURES":
                told.append(f"pro position {data['q']}")
            case "execution.FUTURES":
                told.append(data["fT"])
            case "balance.FUTURES":
                told.append("pro wallet")
                assert data["b"] == wallet["walletBalance"]
    fills = told[told.index("order match liquid") :]
    assert told[: len(told) - len(fills)] == [
        "position liquidation 5", "FORCE_LIQUIDATION", "pro position 5", "wallet", "pro wallet", "order canceled trade",
    ] if mode == "ISOLATED" else [
        "wallet", "pro wallet", "order canceled trade", "position liquidation 5", "FORCE_LIQUIDATION", "pro position 5",
    ]  # fmt: skip
    assert fills == [
        "order match liquid", "LIQUID", "order filled liquid", "position liquidation 0", "pro position 0",
        "wallet", "pro wallet",
    ] + (["wallet", "pro wallet"] if mode == "CROSS" else [])  # fmt: skip
    assert (wallet["isolatedPosMargin"], wallet["crossPosMargin"], wallet["isolatedOrderMargin"]) == ("0", "0", "0")


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


class Flow:
    """The other side of all trades of futures: what it has been paid, but for what positions are worth."""

    def __init__(self, futures):
        self.futures = futures

    def has(self, currency):
        """Its money, exact: of every fill what the account's position cost it, and funding."""
        paid = D(0)
        for fill in self.futures.orders.fills:
            if fill.order.settle == currency:
                held = self.futures.position(fill.order.symbol)
                price = D(held.perpetual.instrument.price(fill.fill.price))
                paid += held.worth(fill.fill.size if fill.order.side == "buy" else -fill.fill.size, price)
        held = [each for each in self.futures.positions.values() if each.settle == currency]
        return paid - sum((each.cost for each in held), D(0))


LEVERED = st.tuples(
    st.sampled_from(["XBTUSDTM", "ETHUSDTM", "XBTUSDM"]),
    st.sampled_from(["buy", "sell"]),
    st.sampled_from(["ISOLATED", "CROSS"]),
    st.integers(1, 400),
)


LONG, SHORT = ("XBTUSDTM", "buy", "CROSS", 300), ("ETHUSDTM", "sell", "CROSS", 400)
ALONE = ("XBTUSDM", "sell", "ISOLATED", 400)


@settings(max_examples=15, deadline=None)
@example([LONG, SHORT, ALONE, "wait", "ruin", "squeeze"])
@given(st.lists(st.one_of(LEVERED, st.sampled_from(["wait", "ruin", "squeeze"])), max_size=20))
def test_money_is_conserved_over_account_fees_fund_and_flow_through_liquidations(steps):
    bench = Bench("BTC-USDT", "ETH-USDT")
    futures, came = bench.account.futures, {name: began_with("futures", name) for name in ("USDT", "XBT")}
    for step in steps:
        match step:
            case "wait":
                bench.move(2)
            case "ruin":  # isolated positions lose their margin
                for held in futures.positions.values():
                    if held.lots and not held.cross:
                        held.added = -held.initial
                bench.move(1)
            case "squeeze":  # the account as a whole does
                for name in came:
                    taken = max(D(0), futures.wallet(name).cross_total + futures.wallet(name).cross_maintenance / 2)
                    futures._add(name, -taken)
                    came[name] -= taken
                bench.move(1)
            case (symbol, side, mode, size):
                with contextlib.suppress(RestError):  # no money, or the other margin mode
                    bench.futures(symbol=symbol, side=side, type="market", size=size, margin_mode=mode, leverage=100)
    flow, house = Flow(futures), futures.house
    for name, money in came.items():
        has = futures.wallet(name).balance
        assert abs(has + house.fees[name] + house.fund[name] + flow.has(name) - money) < D("1e-6")
        if steps[-1:] == ["squeeze"]:
            assert not futures.wallet(name).endangered
