"""OCO orders: two legs, the first of which ends the other; over REST, with what is pushed."""

import json
from decimal import Decimal

import pytest
from test_sim_account_rest import Desk

STOPS = "/spotMarket/advancedOrders"
SPOT, MARGIN = "/api/v3/oco", "/api/v3/hf/margin/oco-order"


@pytest.fixture
def desk():
    desk = Desk()
    desk.account.want({STOPS})
    return desk


def last(desk):
    return Decimal(desk.market.level1("BTC-USDT")["price"])


def body(desk, side="sell", limit=5000, stop=5000, **more):
    """An OCO around the last price: distances of the limit and of the stop price from it."""
    sign = 1 if side == "sell" else -1
    prices = {"price": last(desk) + sign * limit, "stopPrice": last(desk) - sign * stop}
    return {
        "symbol": "BTC-USDT", "side": side, "size": "0.01", "clientOid": "mine", "remark": "r",
        **{name: str(price) for name, price in prices.items()}, "limitPrice": str(prices["stopPrice"] - sign * 1000),
    } | more  # fmt: skip


def pushed(desk):
    rows = [json.loads(text)["data"] for _, text in desk.account.pushes()]
    return [(row["stop"], row["type"]) for row in rows]


@pytest.mark.parametrize(("side", "legs"), [("sell", ("e_l_o", "l_s_o")), ("buy", ("l_l_o", "e_s_o"))])
def test_both_legs_wait_and_end_together(desk, side, legs):
    name = desk.data("POST", f"{SPOT}/order", body(desk, side))["orderId"]
    detail = desk.data("GET", f"{SPOT}/order/details/{name}")
    assert (detail["status"], [leg["status"] for leg in detail["orders"]]) == ("NEW", ["NEW", "NEW"])
    assert detail["orders"][0]["price"] == detail["orders"][0]["stopPrice"] == body(desk, side)["price"]
    assert [leg["price"] for leg in detail["orders"]][1] == body(desk, side)["limitPrice"]
    gone = desk.data("DELETE", f"{SPOT}/order/{name}")
    assert gone == {"cancelledOrderIds": [leg["id"] for leg in detail["orders"]]}
    assert pushed(desk) == [(legs[0], "open"), (legs[1], "open"), (legs[0], "cancel"), (legs[1], "cancel")]
    assert desk.data("GET", f"{SPOT}/order/{name}")["status"] == "CANCELLED"
    assert desk.code("DELETE", f"{SPOT}/order/{name}") == "400100"


def test_the_stop_that_comes_first_ends_the_limit_order_and_is_placed(desk):
    name = desk.data("POST", f"{SPOT}/order", body(desk, stop=1))["orderId"]
    desk.until(lambda: desk.data("GET", f"{SPOT}/order/{name}")["status"] != "NEW")
    assert pushed(desk) == [("e_l_o", "open"), ("l_s_o", "open"), ("e_l_o", "cancel"), ("l_s_o", "triggered")]
    assert desk.data("GET", f"{SPOT}/order/{name}")["status"] == "DONE"  # a sale below the market is filled at once
    assert [leg["status"] for leg in desk.data("GET", f"{SPOT}/order/details/{name}")["orders"]] == [
        "CANCELLED",
        "DONE",
    ]
    assert desk.diary.orders[0] == "received"
    assert desk.diary.orders[-1] == "filled"


def test_the_limit_order_that_comes_first_ends_the_stop(desk):
    name = desk.data("POST", f"{SPOT}/order", body(desk, "buy", limit=1))["orderId"]
    desk.until(lambda: not desk.account.spot.stops)
    assert pushed(desk)[2:] == [("e_s_o", "cancel"), ("l_l_o", "triggered")]
    (order,) = [*desk.account.spot.orders.active(), *desk.account.spot.orders.done()]
    assert order.lots == 1_000_000
    assert desk.data("GET", f"{SPOT}/order/{name}")["status"] == ("TRIGGERED" if order.active else "DONE")


def test_one_that_cannot_be_paid_says_so_and_is_over(desk):
    name = desk.data("POST", f"{SPOT}/order", body(desk, stop=1, size="999"))["orderId"]
    desk.until(lambda: not desk.account.spot.stops)
    rows = [json.loads(text)["data"] for _, text in desk.account.pushes()]
    assert (rows[-1]["triggerSuccess"], rows[-1]["error"]) == (False, "Balance insufficient!")
    assert desk.data("GET", f"{SPOT}/order/{name}")["status"] == "DONE"


def test_they_are_found_listed_and_cancelled_by_either_name(desk):
    names = [desk.data("POST", f"{SPOT}/order", body(desk, clientOid=f"o{n}"))["orderId"] for n in range(3)]
    rows = desk.data("GET", f"{SPOT}/orders?pageSize=2")
    assert ([row["orderId"] for row in rows["items"]], rows["totalNum"]) == ([names[2], names[1]], 3)
    assert desk.data("GET", f"{SPOT}/client-order/o1") == rows["items"][1]
    assert len(desk.data("DELETE", f"{SPOT}/client-order/o1")["cancelledOrderIds"]) == 2
    assert len(desk.data("DELETE", f"{SPOT}/orders?orderIds={names[0]}")["cancelledOrderIds"]) == 2
    assert len(desk.data("DELETE", f"{SPOT}/orders?symbol=BTC-USDT")["cancelledOrderIds"]) == 2
    states = [row["status"] for row in desk.data("GET", f"{SPOT}/orders")["items"]]
    assert (states, desk.account.spot.stops) == (["CANCELLED"] * 3, {})


def test_stop_order_calls_leave_them_alone(desk):
    desk.data("POST", f"{SPOT}/order", body(desk))
    assert desk.data("GET", "/api/v1/stop-order")["items"] == []
    assert desk.data("DELETE", "/api/v1/stop-order/cancel") == {"cancelledOrderIds": []}
    assert len(desk.account.spot.stops) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"price": "1"},  # on the stop's side of the last price
        {"stopPrice": "999999"},
        {"limitPrice": ""},
        {"size": "0"},
        {"size": "0.000000001"},
        {"side": "hold"},
        {"symbol": "FOO-BAR"},
    ],
)
def test_what_makes_no_sense_is_refused(desk, wrong):
    assert desk.code("POST", f"{SPOT}/order", body(desk) | wrong) in ("400100", "900001")
    assert desk.account.spot.stops == {}


def test_a_client_id_is_used_once_at_a_time(desk):
    desk.data("POST", f"{SPOT}/order", body(desk))
    assert desk.code("POST", f"{SPOT}/order", body(desk)) == "400100"
    desk.data("DELETE", f"{SPOT}/client-order/mine")
    assert desk.data("POST", f"{SPOT}/order", body(desk))


@pytest.mark.parametrize(("isolated", "kind"), [(False, "MARGIN_TRADE"), (True, "MARGIN_ISOLATED_TRADE")])
def test_margin_has_them_too(desk, isolated, kind):
    name = desk.data("POST", MARGIN, body(desk, isIsolated=isolated))["orderId"]
    assert {stop.ticket.trade_type for stop in desk.account.spot.stops.values()} == {kind}
    assert desk.data("GET", f"{MARGIN}/clientOid?clientOid=mine")["orderId"] == name
    assert len(desk.data("GET", f"{MARGIN}/detail/orderId?orderId={name}")["orders"]) == 2
    assert desk.data("GET", f"{SPOT}/orders")["items"] == []
    assert len(desk.data("DELETE", f"{MARGIN}/cancel?tradeType={kind}")["cancelledOrderIds"]) == 2
    desk.data("POST", MARGIN, body(desk, isIsolated=isolated))
    assert len(desk.data("DELETE", f"{MARGIN}/cancel-by-clientOid?clientOid=mine")["cancelledOrderIds"]) == 2
