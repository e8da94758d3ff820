"""What becomes of an order that waits: cut, changed, timed out; over REST, the WS API and on the sockets' topics."""

import json
from decimal import Decimal

import pytest
from test_sim_account_rest import FAR, Desk

from kucoin_stream.simulator.clock import Clock
from kucoin_stream.simulator.generated import GeneratedMarket
from kucoin_stream.simulator.market import RestError
from kucoin_stream.simulator.simulator import Simulator
from kucoin_stream.simulator.trading.operations import OPERATIONS

D = Decimal
ORDERS, BALANCE = "/spotMarket/tradeOrdersV2", "/account/balance"
HF = "/api/v1/hf/orders"


@pytest.fixture
def desk():
    desk = Desk()
    desk.account.want({ORDERS})
    return desk


def pushed(desk):
    return [json.loads(text)["data"] for topic, text in desk.account.pushes() if topic == ORDERS]


def resting(desk, price):
    ladder = desk.market.instrument("BTC-USDT").flow.ladder
    return ladder.size("bids", round(D(price) * 10))


def test_a_partial_cancel_leaves_the_rest_where_it_was(desk):
    name = desk.data("POST", HF, FAR)["orderId"]
    before = resting(desk, "70000")
    pushed(desk)
    answer = desk.data("DELETE", f"{HF}/cancel/{name}?symbol=BTC-USDT&cancelSize=0.004")
    assert answer == {"orderId": name, "cancelSize": "0.004"}
    (update,) = pushed(desk)
    assert {key: update[key] for key in ("type", "status", "oldSize", "size", "remainSize", "canceledSize")} == {
        "type": "update", "status": "open", "oldSize": "0.01", "size": "0.006", "remainSize": "0.006",
        "canceledSize": "0.004",
    }  # fmt: skip
    assert before - resting(desk, "70000") == 400_000
    assert desk.have("trade", "USDT").hold == D("0.006") * 70_000 * D("1.001")
    row = desk.data("GET", f"{HF}/{name}?symbol=BTC-USDT")
    assert (row["size"], row["remainSize"], row["cancelledSize"], row["active"]) == ("0.01", "0.006", "0.004", True)


def test_a_partial_cancel_of_all_that_is_left_ends_the_order(desk):
    name = desk.data("POST", HF, FAR)["orderId"]
    desk.data("DELETE", f"{HF}/cancel/{name}?symbol=BTC-USDT&cancelSize=0.01")
    assert [row["type"] for row in pushed(desk)] == ["received", "open", "canceled"]
    assert desk.have("trade", "USDT").hold == 0


@pytest.mark.parametrize("size", ["", "0", "0.02", "-1", "0.000000001", "some"])
def test_a_partial_cancel_of_a_wrong_size_changes_nothing(desk, size):
    name = desk.data("POST", HF, FAR)["orderId"]
    assert desk.code("DELETE", f"{HF}/cancel/{name}?symbol=BTC-USDT&cancelSize={size}") == "400100"
    assert resting(desk, "70000") >= 1_000_000


def test_a_change_cancels_and_places_anew(desk):
    name = desk.data("POST", HF, FAR)["orderId"]
    pushed(desk)
    answer = desk.data("POST", f"{HF}/alter", {"symbol": "BTC-USDT", "orderId": name, "newPrice": "70001"})
    assert answer["clientOid"] == "far"
    rows = pushed(desk)
    assert [(row["orderId"], row["type"]) for row in rows] == [
        (name, "canceled"), (answer["newOrderId"], "received"), (answer["newOrderId"], "open")
    ]  # fmt: skip
    assert (rows[-1]["price"], rows[-1]["originSize"]) == ("70001", "0.01")
    assert desk.data("GET", f"{HF}/client-order/far?symbol=BTC-USDT")["id"] == answer["newOrderId"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"newSize": "99"}, "200004"),
        ({"newPrice": "70000.05"}, "400100"),
        ({"newSize": "0.00000001"}, "400100"),
        ({}, "400100"),
    ],
)
def test_a_change_that_is_refused_leaves_the_order_as_it_was(desk, change, code):
    name = desk.data("POST", HF, FAR)["orderId"]
    pushed(desk)
    assert desk.code("POST", f"{HF}/alter", {"symbol": "BTC-USDT", "orderId": name, **change}) == code
    assert pushed(desk) == []
    assert desk.data("GET", f"{HF}/{name}?symbol=BTC-USDT")["active"]


def test_a_change_keeps_the_time_at_which_the_order_ends(desk):
    name = desk.data("POST", HF, FAR | {"timeInForce": "GTT", "cancelAfter": 5})["orderId"]
    desk.move(3)
    new = desk.data("POST", f"{HF}/alter", {"symbol": "BTC-USDT", "orderId": name, "newPrice": "70001"})["newOrderId"]
    desk.move(1.9)
    assert desk.data("GET", f"{HF}/{new}?symbol=BTC-USDT")["active"]
    desk.move(0.1)
    assert not desk.data("GET", f"{HF}/{new}?symbol=BTC-USDT")["active"]


def test_a_rule_that_cuts_the_new_order_says_so_while_it_takes(desk):
    ladder = desk.market.instrument("BTC-USDT").flow.ladder
    price = str(D(ladder.best("bids") + 1) / 10)
    own = desk.spot(side="sell", price=price, size="0.01")
    assert own.resting
    pushed(desk)
    new = desk.spot(price=price, size="0.03", stp="DC")
    rows = [(row["orderId"], row["type"], row["status"], row.get("oldSize")) for row in pushed(desk)]
    assert rows == [
        (new.id, "received", "new", None), (own.id, "canceled", "done", None), (new.id, "update", "match", "0.03"),
        (new.id, "open", "open", None),
    ]  # fmt: skip
    assert desk.have("trade", "USDT").hold == D("0.02") * D(price) * D("1.001")


WAYS = {
    "REST": lambda desk, body: desk.data("POST", HF, body),
    "margin, REST": lambda desk, body: desk.data("POST", "/api/v3/hf/margin/order", body),
    "WS API": lambda desk, body: OPERATIONS["spot.order"](desk.account, body, desk.now),
    "margin, WS API": lambda desk, body: OPERATIONS["margin.order"](desk.account, body, desk.now),
}


@pytest.mark.parametrize("way", WAYS)
def test_an_order_with_a_time_ends_with_it_whichever_way_it_came(desk, way):
    name = WAYS[way](desk, FAR | {"timeInForce": "GTT", "cancelAfter": 2})["orderId"]
    order = desk.account.spot.orders.get(order_id=name)
    desk.move(1.9)
    assert order.active
    desk.move(0.1)
    assert (order.active, order.cancel_reason, desk.have(order.account, "USDT").hold) == (False, "TIME_OUT", 0)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("options", "events"),
    [
        ({"timeInForce": "IOC"}, ["received", "match", "canceled"]),
        ({"timeInForce": "FOK"}, ["received", "canceled"]),
        ({"postOnly": True}, ["received", "canceled"]),
        ({}, ["received", "match", "open"]),
    ],
)
def test_what_cannot_be_taken_at_once(desk, way, options, events):
    price, size = desk.best("BTC-USDT", "asks")
    WAYS[way](desk, FAR | {"price": str(price), "size": str(size + D("0.01")), **options})
    assert [row["type"] for row in pushed(desk)] == events


def test_the_virtual_clock_of_a_whole_exchange_ends_orders():
    with Simulator(GeneratedMarket(["BTC-USDT"]), clock=Clock(0.0)) as sim:
        sim.account.place("BTC-USDT", "buy", price="70000", size="0.01", timeInForce="GTT", cancelAfter=30)
        sim.advance(29.9)
        assert sim.account.balances()["trade"]["USDT"].hold > 0
        sim.advance(0.2)
        assert sim.account.balances()["trade"]["USDT"].hold == 0


def test_what_no_book_can_hold_is_cancelled_so_that_none_is_crossed(desk):
    desk.account.deposit("USDT", D(10) ** 12, "trade", desk.now)
    order = desk.spot(price="200000", size="9000")
    assert (order.active, order.cancel_reason) == (False, "NO_LIQUIDITY")
    assert order.filled > 0
    assert not desk.market.instrument("BTC-USDT").flow.ladder.crossed()
    assert desk.have("trade", "USDT").hold == 0


def test_margin_has_stop_orders_of_its_own(desk):
    root = "/api/v3/hf/margin/stop-order"
    body = FAR | {"stop": "loss", "stopPrice": "69000", "isIsolated": True, "autoBorrow": False, "autoRepay": False}
    name = desk.data("POST", root, body)["orderId"]
    (row,) = desk.data("GET", f"{root}s?tradeType=MARGIN_ISOLATED_TRADE")["items"]
    assert (row["id"], row["tradeType"], row["stopPrice"]) == (name, "MARGIN_ISOLATED_TRADE", "69000")
    assert desk.data("GET", f"{root}s?tradeType=MARGIN_TRADE")["items"] == []
    assert desk.data("GET", f"{root}/orderId?orderId={name}") == desk.data("GET", f"{root}/clientOid?clientOid=far")
    assert desk.data("DELETE", f"{root}/cancel-by-id?orderId={name}") == {"cancelledOrderIds": [name]}
    name = desk.data("POST", root, body)["orderId"]
    assert desk.data("DELETE", f"{root}/cancel-by-clientOid?clientOid=far") == {"cancelledOrderIds": [name]}
    name = desk.data("POST", root, body)["orderId"]
    assert desk.data("DELETE", f"{root}/cancel?tradeType=MARGIN_ISOLATED_TRADE") == {"cancelledOrderIds": [name]}


@pytest.mark.parametrize("path", ["/api/v1/hf/orders/test", "/api/v3/hf/margin/order/test"])
def test_an_order_for_trial_is_judged_and_not_placed(desk, path):
    assert desk.data("POST", path, FAR)["clientOid"] == "far"
    assert desk.code("POST", path, FAR | {"price": "70000.05"}) == "400100"
    assert desk.code("POST", path, FAR | {"symbol": "FOO-BAR"}) == "900001"
    assert list(desk.account.spot.orders.active()) == []


def test_every_account_has_entries_of_its_own(desk):
    buy = {"symbol": "BTC-USDT", "side": "buy", "type": "market", "funds": "100"}
    desk.data("POST", HF, buy | {"clientOid": "spot"})
    desk.data("POST", "/api/v3/hf/margin/order", buy | {"clientOid": "margin"})
    for path, kind in (("/api/v1/hf/accounts/ledgers", "TRADE_HF"), ("/api/v3/hf/margin/account/ledgers", "MARGIN_V2")):
        rows = desk.data("GET", path)
        assert {row["accountType"] for row in rows} == {kind}
        assert {(row["currency"], row["direction"]) for row in rows} == {("USDT", "out"), ("BTC", "in")}
        (first,) = desk.data("GET", f"{path}?limit=1")
        assert desk.data("GET", f"{path}?limit=1&lastId={int(first['id'])}") == [rows[1]]
        assert desk.data("GET", f"{path}?direction=in&currency=USDT") == []
    whole = desk.data("GET", "/api/v1/accounts/ledgers")
    assert {row["accountType"] for row in whole["items"]} == {"TRADE_HF", "MARGIN_V2"}


def test_a_change_of_an_order_that_is_over_is_refused(desk):
    order = desk.spot(price="70000", size="0.01")
    desk.account.spot.end(order, desk.now)
    with pytest.raises(RestError, match="400100"):
        OPERATIONS["spot.modify"](desk.account, {"orderId": order.id, "newPrice": "70001"}, desk.now)
