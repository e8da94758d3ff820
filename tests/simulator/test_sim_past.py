"""What a futures account looks back at, and what it may choose about its positions: asked by REST."""

import json
from decimal import Decimal

import pytest
from test_sim_account_rest import Desk

from kucoin_stream.simulator.futures.perpetual import FUNDING_INTERVAL
from kucoin_stream.simulator.rest import FUTURES

D = Decimal
OPEN = {"symbol": "XBTUSDTM", "side": "buy", "type": "market", "size": 5, "leverage": 4}
SHUT = {"symbol": "XBTUSDTM", "type": "market", "closeOrder": True}
POSITION = "/contract/position:XBTUSDTM"


class Contracts(Desk):
    """A bench with REST calls, those of futures."""

    def get(self, target):
        return self.data("GET", target, prefix=FUTURES)

    def post(self, path, **body):
        return self.data("POST", path, body, FUTURES)

    def trade(self, *orders):
        for fields in orders:
            self.post("/api/v1/orders", **fields)
            self.move(1)

    @property
    def position(self):
        return self.account.futures.position("XBTUSDTM")


@pytest.fixture
def desk():
    return Contracts()


def test_a_closed_position_says_what_it_has_earned(desk):
    desk.trade(OPEN, {**OPEN, "size": 3}, SHUT)
    history = desk.get("/api/v1/history-positions?symbol=XBTUSDTM")
    (row,) = history["items"]
    fills = desk.account.futures.orders.fills
    bought, sold = (sum(D(fill.value) for fill in fills if fill.order.side == side) for side in ("buy", "sell"))
    fees = sum(fill.fee for fill in fills)
    assert D(row["realisedGrossCost"]) == bought - sold
    assert (D(row["tradeFee"]), D(row["pnl"])) == (fees, sold - bought - fees)
    assert abs(D(row["openPrice"]) - bought * 125) < D("1e-6")  # 8 lots of 0.001
    assert abs(D(row["closePrice"]) - sold * 125) < D("1e-6")
    assert (row["side"], row["type"], row["leverage"], row["marginMode"]) == ("LONG", "CLOSE_LONG", "4", "ISOLATED")
    assert row["openTime"] < row["closeTime"] <= desk.now // 1_000_000
    assert (history["totalNum"], history["pageSize"]) == (1, 10)


def test_a_turned_position_is_two(desk):
    desk.trade(OPEN, {**OPEN, "side": "sell", "size": 8}, SHUT)
    rows = desk.get("/api/v1/history-positions")["items"]
    assert [row["type"] for row in rows] == ["CLOSE_SHORT", "CLOSE_LONG"]
    turn = next(fill for fill in desk.get("/api/v1/fills")["items"] if fill["size"] == 8)
    assert D(turn["openFeePay"]) + D(turn["closeFeePay"]) == D(turn["fee"])
    assert D(turn["closeFeePay"]) == pytest.approx(D(turn["fee"]) * 5 / 8, abs=D("1e-8"))
    money = desk.account.futures.wallet("USDT").balance
    assert money == 50_000 + sum(D(row["pnl"]) for row in rows)
    assert rows == [*desk.get("/api/v1/history-positions?limit=1")["items"],
                    *desk.get("/api/v1/history-positions?limit=1&pageId=2")["items"]]  # fmt: skip


def test_a_liquidation_is_told_apart_and_loses_the_margin(desk):
    desk.trade({**OPEN, "leverage": 100})
    margin, fee = desk.position.margin, desk.position.fees
    desk.position.added = -margin
    desk.move(1)
    (row,) = desk.get("/api/v1/history-positions")["items"]
    assert row["type"] == "LIQUID_LONG"
    assert row["liquidPrice"] == row["closePrice"]
    assert D(row["pnl"]) == -fee  # what is left of a margin of nothing


def test_funding_fees_are_listed_and_belong_to_the_position(desk):
    desk.trade(OPEN)
    due = (desk.now // FUNDING_INTERVAL + 1) * FUNDING_INTERVAL
    desk.account.futures.advance(due - 1)
    desk.account.futures.advance(due + 10**9)
    (row,) = desk.get("/api/v1/funding-history?symbol=XBTUSDTM")["dataList"]
    assert (row["timePoint"], row["positionQty"], row["marginMode"]) == (due // 1_000_000, 5, "ISOLATED")
    assert row["funding"] == pytest.approx(-row["positionCost"] * row["fundingRate"], abs=1e-8)
    desk.now = due + 10**9
    desk.trade(SHUT)
    assert float(desk.get("/api/v1/history-positions")["items"][0]["fundingFee"]) == row["funding"]
    assert desk.get("/api/v1/funding-history?symbol=XBTUSDTM&offset=1") == {"dataList": [], "hasMore": False}


def test_the_entries_of_a_wallet_add_up_and_page_by_the_last_one(desk):
    desk.trade(OPEN, SHUT)
    desk.post("/api/v1/transfer-in", currency="USDT", amount=10, payAccountType="TRADE")
    desk.post("/api/v3/transfer-out", currency="USDT", amount=4, recAccountType="MAIN")
    rows = desk.get("/api/v1/transaction-history?currency=USDT")["dataList"]
    assert [row["type"] for row in rows[:2]] == ["TransferOut", "TransferIn"]
    assert {row["type"] for row in rows[2:]} == {"RealisedPNL"}
    balance = desk.account.futures.wallet("USDT").balance
    assert sum(D(str(row["amount"])) for row in rows) == balance - 50_000
    assert D(str(rows[0]["accountEquity"])) == balance
    first = desk.get("/api/v1/transaction-history?currency=USDT&maxCount=2")
    rest = desk.get(f"/api/v1/transaction-history?currency=USDT&offset={first['dataList'][-1]['offset']}")
    assert (first["hasMore"], first["dataList"] + rest["dataList"]) == (True, rows)
    (left,) = desk.get("/api/v1/transfer-list?currency=USDT")["items"]
    assert (left["amount"], left["status"]) == ("4", "SUCCESS")
    assert desk.have("main", "USDT").available == 10_004


def test_margin_is_added_and_taken_away_again(desk):
    desk.trade(OPEN)
    desk.account.want({POSITION})
    desk.account.pushes()
    before = desk.position.margin
    desk.post("/api/v1/position/margin/deposit-margin", symbol="XBTUSDTM", margin=7, bizNo="1")
    assert (desk.position.margin, desk.get("/api/v1/margin/maxWithdrawMargin?symbol=XBTUSDTM")) == (before + 7, "7")
    assert desk.post("/api/v1/margin/withdrawMargin", symbol="XBTUSDTM", withdrawAmount="3") == "3"
    assert desk.position.margin == before + 4
    told = [json.loads(push.text)["data"] for push in desk.account.pushes()]
    assert [each["changeReason"] for each in told] == ["marginChange", "marginChange"]
    assert (
        desk.code("POST", "/api/v1/margin/withdrawMargin", {"symbol": "XBTUSDTM", "withdrawAmount": "5"}, FUTURES)
        == "200005"
    )


def test_auto_deposit_saves_a_position_and_is_told(desk):
    desk.trade(OPEN)
    desk.account.want({POSITION})
    assert desk.post("/api/v1/position/margin/auto-deposit-status", symbol="XBTUSDTM", status=True) is True
    (push,) = (json.loads(push.text)["data"] for push in desk.account.pushes())
    assert (push["changeReason"], push["autoDeposit"]) == ("autoAppendMarginStatusChange", True)
    desk.position.added = -desk.position.initial
    desk.move(1)
    assert (desk.position.lots, desk.position.added) == (5, 0)


def test_a_risk_limit_has_one_level(desk):
    desk.account.want({POSITION})
    change = {"symbol": "XBTUSDTM", "level": 1}
    assert desk.post("/api/v1/position/risk-limit-level/change", **change) is True
    (push,) = (json.loads(push.text) for push in desk.account.pushes())
    assert (push["subject"], push["data"]) == (
        "position.adjustRiskLimit", {"success": True, "riskLimitLevel": 1, "msg": ""},
    )  # fmt: skip
    change["level"] = 2
    assert desk.code("POST", "/api/v1/position/risk-limit-level/change", change, FUTURES) == "100005"


def test_margin_modes_are_switched_each_for_itself(desk):
    desk.trade(OPEN)
    modes = desk.post(
        "/api/v2/position/batchChangeMarginMode", marginMode="CROSS", symbols=["XBTUSDM", "XBTUSDTM", "NO"]
    )
    assert modes["marginMode"] == {"XBTUSDM": "CROSS"}
    assert [(error["symbol"], error["code"]) for error in modes["errors"]] == [("XBTUSDTM", "330005"), ("NO", "100003")]
    assert desk.get("/api/v2/position/getMarginMode?symbol=XBTUSDM")["marginMode"] == "CROSS"


@pytest.mark.parametrize("symbol", ["XBTUSDTM", "XBTUSDM"])
def test_so_much_and_no_more_can_be_opened(desk, symbol):
    price = desk.get(f"/api/v1/ticker?symbol={symbol}")["bestBidPrice"]
    most = desk.get(f"/api/v2/getMaxOpenSize?symbol={symbol}&price={price}&leverage=2")["maxBuyOpenSize"]
    order = {"symbol": symbol, "side": "buy", "type": "limit", "price": price, "leverage": 2, "postOnly": True}
    assert desk.code("POST", "/api/v1/orders", {**order, "size": most + 20}, FUTURES) == "330008"
    assert desk.code("POST", "/api/v1/orders", {**order, "size": most}, FUTURES) == "200000"


def test_the_second_version_of_a_position_is_an_array_of_texts(desk):
    assert desk.get("/api/v2/position?symbol=XBTUSDTM") == []
    desk.trade(OPEN)
    (row,) = desk.get("/api/v2/position?symbol=XBTUSDTM")
    first = desk.get("/api/v1/position?symbol=XBTUSDTM")
    assert (row["currentQty"], row["leverage"], row["imr"]) == (5, "4", "0.25")
    assert D(row["posMargin"]) == D(str(first["posMargin"]))
    assert D(row["cumulativeTradeFee"]) == D(str(first["currentComm"])) == desk.position.fees


def test_what_cross_margin_needs_follows_its_leverage(desk):
    desk.post("/api/v2/changeCrossUserLeverage", symbol="XBTUSDTM", leverage="8")
    need = desk.get("/api/v2/getCrossModeMarginRequirement?symbol=XBTUSDTM&positionValue=1000")
    assert (need["imr"], need["mmr"], need["positionValue"]) == ("0.125", "0.004", "1000")
    assert need["size"] == int(1000 / (D(need["price"]) / 1000))
    (limit,) = desk.get("/api/v2/batchGetCrossOrderLimit?symbol=XBTUSDTM&totalMargin=100")
    assert (limit["maxOpenValue"], limit["leverage"], limit["currency"]) == ("800", "8", "USDT")


def test_open_orders_are_counted_with_what_they_hold(desk):
    for size in (2, 3):
        desk.post("/api/v1/orders", **{**OPEN, "type": "limit", "price": "70000", "size": size})
    held = sum(order.held for order in desk.account.futures.orders.active())
    shown = desk.get("/api/v1/openOrderStatistics?symbol=XBTUSDTM")
    assert (shown["openOrderBuySize"], shown["openOrderSellSize"]) == (5, 0)
    assert (D(shown["openOrderBuyCost"]), shown["openOrderSellCost"]) == (held, "0")


@pytest.mark.parametrize(
    ("path", "symbol", "near"),
    [("index", ".KXBTUSDT", 80_000), ("premium", ".XBTUSDTMPI", 0), ("interest", ".XBTINT", 0.0003)],
)
def test_what_a_price_is_made_of_is_listed_by_the_minute(desk, path, symbol, near):
    first = desk.get(f"/api/v1/{path}/query?symbol={symbol}&maxCount=5")
    times = [row["timePoint"] for row in first["dataList"]]
    assert times == [desk.now // 60_000_000_000 * 60_000 - ago * 60_000 for ago in range(5)]
    assert all(row["value"] == pytest.approx(near, rel=0.05, abs=0.001) for row in first["dataList"])
    more = desk.get(f"/api/v1/{path}/query?symbol={symbol}&maxCount=5&offset={times[-1]}")
    assert more["dataList"][0]["timePoint"] == times[-1] - 60_000
    assert desk.get(f"/api/v1/{path}/query?symbol=.NO") == {"dataList": [], "hasMore": False}


def test_an_iceberg_of_a_contract_shows_its_tip(desk):
    price = "79000"
    body = {**OPEN, "type": "limit", "price": price, "size": 10, "iceberg": True}
    before = dict(desk.get("/api/v1/level2/snapshot?symbol=XBTUSDTM")["bids"]).get(float(price), 0)
    assert desk.code("POST", "/api/v1/orders", body, FUTURES) == "100001"  # without visibleSize
    name = desk.post("/api/v1/orders", **body, visibleSize="3")["orderId"]
    assert dict(desk.get("/api/v1/level2/snapshot?symbol=XBTUSDTM")["bids"])[float(price)] == before + 3
    assert desk.get(f"/api/v1/orders/{name}")["visibleSize"] == 3
    hidden = desk.post("/api/v1/orders", **{**body, "iceberg": False}, hidden=True)["orderId"]
    assert dict(desk.get("/api/v1/level2/snapshot?symbol=XBTUSDTM")["bids"])[float(price)] == before + 3
    assert desk.get(f"/api/v1/orders/{hidden}")["status"] == "open"


def test_an_order_is_tried_out_and_not_placed(desk):
    assert desk.post("/api/v1/orders/test", **OPEN, clientOid="try")["clientOid"] == "try"
    for wrong, code in (({"symbol": "NOUSDTM"}, "100003"), ({"size": 0}, "100001"), ({"leverage": 500}, "300016")):
        assert desk.code("POST", "/api/v1/orders/test", {**OPEN, **wrong}, FUTURES) == code
    assert desk.get("/api/v1/orders")["items"] == []


def test_self_trade_rules_of_futures_are_three(desk):
    ask = desk.get("/api/v1/ticker?symbol=XBTUSDTM")["bestAskPrice"]
    desk.post("/api/v1/orders", **{**OPEN, "type": "limit", "side": "sell", "price": ask, "size": 2, "postOnly": True})
    assert desk.code("POST", "/api/v1/orders", {**OPEN, "stp": "DC"}, FUTURES) == "100001"
    name = desk.post("/api/v1/orders", **{**OPEN, "size": 500, "stp": "CO"})["orderId"]
    states = {row["side"]: row["cancelExist"] for row in desk.get("/api/v1/recentDoneOrders")}
    assert states == {"sell": True, "buy": False}
    assert desk.get(f"/api/v1/orders/{name}")["filledSize"] == 500


def test_a_transfer_to_an_isolated_account_needs_its_tag(desk):
    body = {"currency": "USDT", "amount": "5", "fromAccountType": "TRADE", "toAccountType": "ISOLATED",
            "clientOid": "t", "type": "INTERNAL"}  # fmt: skip
    status, answer = desk.ask("POST", "/api/v3/accounts/universal-transfer", body)
    assert (status, answer["msg"]) == (400, "toAccountTag: must not be empty, it names the symbol")
    desk.data("POST", "/api/v3/accounts/universal-transfer", {**body, "toAccountTag": "BTC-USDT"})
    assert desk.have("isolated/BTC-USDT", "USDT").available == 10_005


def test_a_stop_order_of_margin_is_found_when_it_was_triggered(desk):
    body = {"symbol": "BTC-USDT", "side": "buy", "type": "market", "funds": "50", "stop": "entry", "stopPrice": "1000",
            "clientOid": "up", "isIsolated": False}  # fmt: skip
    name = desk.data("POST", "/api/v3/hf/margin/stop-order", body)["orderId"]
    for target in (f"orderId?orderId={name}", "clientOid?clientOid=up&symbol=BTC-USDT"):
        row = desk.data("GET", f"/api/v3/hf/margin/stop-order/{target}")
        assert (row["id"], row["status"], row["stopTriggerTime"]) == (name, "TRIGGERED", desk.now // 1_000_000)
    assert desk.data("GET", "/api/v3/hf/margin/stop-orders")["items"] == []
    assert desk.ask("DELETE", f"/api/v3/hf/margin/stop-order/cancel-by-id?orderId={name}")[0] == 400


def test_an_order_of_spot_says_whether_it_was_cancelled(desk):
    body = {"symbol": "BTC-USDT", "side": "buy", "type": "limit", "price": "70000", "size": "0.01"}
    reasons = []
    for more in ({}, {"timeInForce": "IOC"}):
        name = desk.data("POST", "/api/v1/hf/orders", {**body, **more})["orderId"]
        reasons.append(desk.data("GET", f"/api/v1/hf/orders/{name}?symbol=BTC-USDT")["cancelReason"])
        if not more:
            desk.data("DELETE", f"/api/v1/hf/orders/{name}?symbol=BTC-USDT")
            reasons.append(desk.data("GET", f"/api/v1/hf/orders/{name}?symbol=BTC-USDT")["cancelReason"])
    assert reasons == [None, 1, 2]
