"""Take profit and stop loss that come with an order of a contract."""

import pytest
from sim_account import Bench
from test_sim_account_rest import Desk

from kucoin_stream.simulator.market import RestError
from kucoin_stream.simulator.rest import FUTURES
from kucoin_stream.simulator.trading.brackets import BracketTicket

FIELDS = {"symbol": "XBTUSDTM", "side": "buy", "type": "market", "size": 5, "leverage": 3}
WIDE = {"trigger_stop_up_price": 200_000, "trigger_stop_down_price": 1000}


@pytest.fixture
def bench():
    return Bench("BTC-USDT")


def bracket(bench, **fields):
    return bench.account.futures.bracket(BracketTicket(**FIELDS | fields), bench.now)


def waiting(bench):
    stops = bench.account.futures.stops.values()
    return [(each.stop, int(each.stop_price), each.ticket.side, int(each.ticket.size or 0)) for each in stops]


def test_the_exits_of_an_order_that_fills_wait_on_the_other_side(bench):
    bracket(bench, **WIDE)
    assert waiting(bench) == [("up", 200_000, "sell", 5), ("down", 1000, "sell", 5)]
    assert bench.diary.orders == ["match taker", "filled"]
    assert bench.diary.stops == ["open", "open"]


def test_those_of_a_short_one_buy(bench):
    bracket(bench, side="sell", trigger_stop_up_price=200_000)
    assert waiting(bench) == [("up", 200_000, "buy", 5)]


def test_an_order_that_rests_has_none_before_it_fills_and_leaves_none_behind(bench):
    order = bracket(bench, type="limit", price="70000", **WIDE)
    assert waiting(bench) == []
    bench.account.futures.end(order, bench.now)
    bench.futures(type="market", size=1)
    assert (waiting(bench), bench.diary.stops) == ([], [])


def test_a_resting_order_brings_them_when_the_market_fills_it(bench):
    best, _ = bench.best("BTC-USDT", "bids")
    order = bracket(bench, type="limit", price=str(int(best)), **WIDE)
    bench.until(lambda: order.filled)
    assert [each[0] for each in waiting(bench)] == ["up", "down"]


@pytest.mark.parametrize("kind", ["TP", "MP"])
def test_the_first_that_is_triggered_closes_the_position_and_ends_the_other(bench, kind):
    bracket(bench, trigger_stop_up_price=200_000, trigger_stop_down_price=199_000, stop_price_type=kind)
    bench.move(2)
    assert bench.account.futures.position("XBTUSDTM").lots == 0
    assert waiting(bench) == []
    assert bench.diary.stops == ["open", "open", "cancel", "triggered"]


def test_a_position_that_is_closed_by_hand_takes_them_along(bench):
    bracket(bench, **WIDE)
    bench.futures(side="", type="market", close_order=True)
    assert (waiting(bench), bench.diary.stops) == ([], ["open", "open", "cancel", "cancel"])


def test_an_order_that_closes_is_what_is_to_be_done_at_either_price(bench):
    bench.futures(type="market", size=3)
    first = bracket(bench, side="", size=None, close_order=True, client_oid="exit", **WIDE)
    assert bench.account.futures.position("XBTUSDTM").lots == 3
    assert [(each.client_oid, each.group) for each in bench.account.futures.stops.values()] == [
        ("exit", first.id), ("", first.id),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, "100001"),
        ({"trigger_stop_up_price": 1000, "trigger_stop_down_price": 2000}, "100001"),
        ({"trigger_stop_up_price": "x"}, "100001"),
        ({**WIDE, "stop": "up", "stop_price": 5}, "100001"),
        ({**WIDE, "reduce_only": True}, "300009"),
        ({**WIDE, "size": 10**6}, "330008"),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(bench, fields, code):
    with pytest.raises(RestError) as refused:
        bracket(bench, **fields)
    assert refused.value.code == code
    assert (waiting(bench), bench.diary.orders, bench.diary.stops) == ([], [], [])


def test_by_rest_they_are_listed_found_and_cancelled_together():
    desk = Desk()
    body = {**FIELDS, "clientOid": "both", "triggerStopUpPrice": "200000", "triggerStopDownPrice": "1000"}
    placed = desk.data("POST", "/api/v1/st-orders", body, FUTURES)
    assert placed["clientOid"] == "both"
    assert desk.data("GET", f"/api/v1/orders/{placed['orderId']}", prefix=FUTURES)["status"] == "done"
    rows = desk.data("GET", "/api/v1/stopOrders?symbol=XBTUSDTM", prefix=FUTURES)["items"]
    assert [(row["stop"], row["stopPrice"], row["side"], row["reduceOnly"]) for row in rows] == [
        ("down", "1000", "sell", True), ("up", "200000", "sell", True),
    ]  # fmt: skip
    assert desk.data("GET", f"/api/v1/orders/{rows[0]['id']}", prefix=FUTURES) == rows[0]
    gone = desk.data("DELETE", "/api/v1/stopOrders?symbol=XBTUSDTM", prefix=FUTURES)
    assert gone == {"cancelledOrderIds": [row["id"] for row in rows]}
    assert desk.data("GET", "/api/v1/stopOrders", prefix=FUTURES)["items"] == []


def test_what_a_stop_order_places_keeps_its_names_and_says_where_it_comes_from():
    desk = Desk()
    stop = {**FIELDS, "clientOid": "later", "stop": "up", "stopPrice": "1000", "stopPriceType": "TP"}
    name = desk.data("POST", "/api/v1/orders", stop, FUTURES)["orderId"]
    order = desk.data("GET", "/api/v1/orders/byClientOid?clientOid=later", prefix=FUTURES)
    assert (order["id"], order["status"], order["filledSize"]) == (name, "done", 5)
    assert (order["stop"], order["stopTriggered"], order["stopPrice"]) == ("up", True, 1000)
    (fill,) = desk.data("GET", f"/api/v1/fills?orderId={name}", prefix=FUTURES)["items"]
    assert (fill["stop"], fill["displayType"]) == ("up", "market_stop")
