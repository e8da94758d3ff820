"""The private REST calls, asked without sockets; where the catalogue of REST is there, rows have its fields."""

import csv
import json
from pathlib import Path

import pytest
from sim_account import Bench

from kucoin_stream.protocol.signing import rest_headers, rest_message, sign
from kucoin_stream.simulator.account import SIMULATED
from kucoin_stream.simulator.rest import FUTURES, Request, Rest, tables

CATALOGUE = Path(__file__).resolve().parents[3] / "shared" / "rest.tsv"


class Desk(Bench):
    """A bench with REST calls."""

    def __init__(self):
        super().__init__("BTC-USDT")
        self.rest = Rest(self.market, self.account, SIMULATED, lambda *_: {})

    def ask(self, method, target, body=None, prefix=""):
        text = "" if body is None else json.dumps(body)
        stamp = self.now // 1_000_000
        headers = rest_headers(
            key=SIMULATED.key, timestamp_ms=stamp, passphrase=sign(SIMULATED.passphrase, SIMULATED.secret),
            signature=sign(rest_message(stamp, method, target, text), SIMULATED.secret),
        )  # fmt: skip
        answer = self.rest.answer(Request(method, prefix + target, headers, text), self.now)
        return answer.status, json.loads(answer.body)

    def data(self, method, target, body=None, prefix=""):
        status, answer = self.ask(method, target, body, prefix)
        assert (status, answer["code"]) == (200, "200000"), answer
        return answer["data"]

    def code(self, method, target, body=None, prefix=""):
        return self.ask(method, target, body, prefix)[1]["code"]


@pytest.fixture
def desk():
    return Desk()


FAR = {"symbol": "BTC-USDT", "side": "buy", "type": "limit", "price": "70000", "size": "0.01", "clientOid": "far"}
NOW = {"symbol": "BTC-USDT", "side": "buy", "type": "market", "funds": "100", "clientOid": "now"}


def test_a_high_frequency_order_from_placing_to_its_fill(desk):
    placed = desk.data("POST", "/api/v1/hf/orders", NOW)
    assert placed["clientOid"] == "now"
    order = desk.data("GET", f"/api/v1/hf/orders/{placed['orderId']}?symbol=BTC-USDT")
    assert order == desk.data("GET", "/api/v1/hf/orders/client-order/now?symbol=BTC-USDT")
    assert (order["active"], order["funds"], order["dealSize"] > "0") == (False, "100", True)
    fills = desk.data("GET", f"/api/v1/hf/fills?symbol=BTC-USDT&orderId={placed['orderId']}")
    assert fills["items"][0]["orderId"] == placed["orderId"]
    assert fills["lastId"] == fills["items"][-1]["id"]
    (row,) = desk.data("GET", "/api/v1/accounts?currency=USDT&type=trade")
    assert row["balance"] == row["available"] == f"{desk.have('trade', 'USDT').total.normalize():f}"
    assert desk.data("GET", f"/api/v1/accounts/{row['id']}")["balance"] == row["balance"]


def test_synchronous_calls_tell_what_became_of_the_order(desk):
    placed = desk.data("POST", "/api/v1/hf/orders/sync", FAR)
    assert (placed["status"], placed["remainSize"], placed["dealSize"]) == ("open", "0.01", "0")
    gone = desk.data("DELETE", f"/api/v1/hf/orders/sync/{placed['orderId']}?symbol=BTC-USDT")
    assert gone == {
        "orderId": placed["orderId"], "originSize": "0.01", "dealSize": "0", "remainSize": "0",
        "canceledSize": "0.01", "status": "done",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("method", "path", "answer"),
    [
        ("DELETE", "/api/v1/hf/orders/{id}?symbol=BTC-USDT", {"orderId": "{id}"}),
        ("DELETE", "/api/v1/hf/orders/client-order/far?symbol=BTC-USDT", {"clientOid": "far"}),
        ("DELETE", "/api/v1/hf/orders?symbol=BTC-USDT", "success"),
        ("DELETE", "/api/v1/hf/orders/cancelAll", {"succeedSymbols": ["BTC-USDT"], "failedSymbols": []}),
        ("DELETE", "/api/v1/orders/{id}", {"cancelledOrderIds": ["{id}"]}),
        ("DELETE", "/api/v1/orders", {"cancelledOrderIds": ["{id}"]}),
    ],
)
def test_an_order_is_cancelled_in_many_ways(desk, method, path, answer):
    name = desk.data("POST", "/api/v1/hf/orders", FAR)["orderId"]
    assert [row["id"] for row in desk.data("GET", "/api/v1/hf/orders/active?symbol=BTC-USDT")] == [name]
    assert desk.data("GET", "/api/v1/hf/orders/active/symbols") == {"symbols": ["BTC-USDT"]}
    assert desk.data(method, path.format(id=name)) == json.loads(json.dumps(answer).replace("{id}", name))
    assert desk.data("GET", "/api/v1/hf/orders/active?symbol=BTC-USDT") == []
    assert desk.data("GET", "/api/v1/hf/orders/done?symbol=BTC-USDT")["items"][0]["id"] == name


def test_long_lists_come_in_pages(desk):
    names = [desk.data("POST", "/api/v1/hf/orders", FAR | {"clientOid": f"o{n}"})["orderId"] for n in range(5)][::-1]
    page = desk.data("GET", "/api/v1/hf/orders/active/page?symbol=BTC-USDT&pageNum=2&pageSize=2")
    assert (page["currentPage"], page["pageSize"], page["totalNum"], page["totalPage"]) == (2, 2, 5, 3)
    assert [row["id"] for row in page["items"]] == names[2:4]
    desk.data("DELETE", "/api/v1/hf/orders?symbol=BTC-USDT")
    seen, last = [], ""
    while True:
        done = desk.data("GET", f"/api/v1/hf/orders/done?symbol=BTC-USDT&limit=2{last}")
        seen += [row["id"] for row in done["items"]]
        if len(done["items"]) < 2:
            break
        last = f"&lastId={done['lastId']}"
    assert seen == names
    assert desk.data("GET", f"/api/v1/orders?status=done&startAt={desk.now // 10**6 + 1}")["items"] == []


@pytest.mark.parametrize(
    ("method", "path", "body", "prefix", "code"),
    [
        ("POST", "/api/v1/hf/orders", {}, "", "400100"),
        ("POST", "/api/v1/hf/orders", FAR | {"side": "hold"}, "", "400100"),
        ("POST", "/api/v1/hf/orders", FAR | {"symbol": "FOO-BAR"}, "", "900001"),
        ("POST", "/api/v1/hf/orders", FAR | {"size": "9999"}, "", "200004"),
        ("DELETE", "/api/v1/hf/orders/0123?symbol=BTC-USDT", None, "", "400100"),
        ("GET", "/api/v1/hf/orders/0123?symbol=BTC-USDT", None, "", "400100"),
        ("PUT", "/api/v1/hf/orders", None, "", "405000"),
        (
            "POST",
            "/api/v1/orders",
            {"symbol": "XBTUSDTM", "side": "buy", "size": 10**6, "price": 80000},
            FUTURES,
            "330008",
        ),
        ("POST", "/api/v1/orders", {"symbol": "NOTHING", "side": "buy", "size": 1, "price": 80000}, FUTURES, "100003"),
        ("DELETE", "/api/v1/orders/0123", None, FUTURES, "100004"),
        ("GET", "/api/v1/orders/0123", None, FUTURES, "100001"),
    ],
)
def test_a_wrong_call_has_its_code(desk, method, path, body, prefix, code):
    assert desk.code(method, path, body, prefix) == code


def test_a_body_must_be_json_and_say_so(desk):
    stamp = desk.now // 1_000_000
    for body, kind, code in (("{}", "text/plain", "415000"), ("{", "application/json", "400100")):
        headers = rest_headers(
            key=SIMULATED.key, timestamp_ms=stamp, passphrase=sign(SIMULATED.passphrase, SIMULATED.secret),
            signature=sign(rest_message(stamp, "POST", "/api/v1/hf/orders", body), SIMULATED.secret),
        ) | {"Content-Type": kind}  # fmt: skip
        answer = desk.rest.answer(Request("POST", "/api/v1/hf/orders", headers, body), desk.now)
        assert json.loads(answer.body)["code"] == code


def test_what_is_not_signed_is_refused(desk):
    for prefix, path in (("", "/api/v1/accounts"), ("", "/api/v1/hf/fills"), (FUTURES, "/api/v1/positions")):
        answer = desk.rest.answer(Request("GET", prefix + path, {}), desk.now)
        assert (answer.status, json.loads(answer.body)["code"]) == (400, "400001")


def test_money_moves_between_accounts_and_none_is_lost(desk):
    body = {"currency": "BTC", "amount": "0.5", "fromAccountType": "TRADE", "toAccountType": "CONTRACT"}
    assert desk.data("POST", "/api/v3/accounts/universal-transfer", body)["orderId"]
    overview = desk.data("GET", "/api/v1/account-overview?currency=XBT", prefix=FUTURES)
    assert (overview["availableBalance"], desk.have("trade", "BTC").total) == (1.5, 1.5)
    assert desk.code("POST", "/api/v3/accounts/universal-transfer", body | {"amount": "9"}) == "200004"
    assert desk.code("POST", "/api/v3/accounts/universal-transfer", body | {"toAccountType": "X"}) == "400100"


def test_a_position_and_its_wallet(desk):
    body = {"symbol": "XBTUSDTM", "side": "buy", "type": "market", "size": 2, "leverage": 5, "clientOid": "p"}
    placed = desk.data("POST", "/api/v1/orders", body, FUTURES)
    assert placed["clientOid"] == "p"
    (position,) = desk.data("GET", "/api/v1/positions", prefix=FUTURES)
    assert (position["symbol"], position["currentQty"], position["leverage"]) == ("XBTUSDTM", 2, 5)
    assert desk.data("GET", "/api/v1/position?symbol=XBTUSDTM", prefix=FUTURES) == position
    order = desk.data("GET", "/api/v1/orders/byClientOid?clientOid=p", prefix=FUTURES)
    (fill,) = desk.data("GET", "/api/v1/fills?symbol=XBTUSDTM", prefix=FUTURES)["items"]
    assert (order["status"], order["filledValue"], fill["orderId"]) == ("done", fill["value"], placed["orderId"])
    overview = desk.data("GET", "/api/v1/account-overview?currency=USDT", prefix=FUTURES)
    assert overview["accountEquity"] == pytest.approx(overview["marginBalance"] + overview["unrealisedPNL"])
    assert overview["positionMargin"] == position["posMargin"]


def test_futures_batches_answer_order_by_order(desk):
    far = {"symbol": "XBTUSDTM", "side": "buy", "type": "limit", "size": 1, "price": "70000", "leverage": 5}
    batch = [far | {"clientOid": "a"}, far | {"clientOid": "b", "symbol": "X"}, far | {"clientOid": "c"}]
    answers = desk.data("POST", "/api/v1/orders/multi", batch, FUTURES)
    assert [(each["clientOid"], each["code"]) for each in answers] == [
        ("a", "200000"),
        ("b", "100003"),
        ("c", "200000"),
    ]
    gone = desk.data("DELETE", "/api/v1/orders/multi-cancel", {"orderIdsList": [answers[0]["orderId"], "0"]}, FUTURES)
    assert [each["code"] for each in gone] == ["200", "100004"]
    assert desk.data("DELETE", "/api/v3/orders?symbol=XBTUSDTM", prefix=FUTURES) == {
        "cancelledOrderIds": [answers[2]["orderId"]]
    }


def test_stop_orders_are_listed_until_they_are_cancelled(desk):
    body = FAR | {"stop": "loss", "stopPrice": "70001", "clientOid": "s"}
    name = desk.data("POST", "/api/v1/stop-order", body)["orderId"]
    (row,) = desk.data("GET", "/api/v1/stop-order?symbol=BTC-USDT")["items"]
    assert (row["id"], row["stopPrice"], row["status"], row["price"]) == (name, "70001", "NEW", "70000")
    assert desk.data("GET", "/api/v1/stop-order/queryOrderByClientOid?clientOid=s") == [row]
    assert desk.data("DELETE", f"/api/v1/stop-order/{name}") == {"cancelledOrderIds": [name]}
    futures = {"symbol": "XBTUSDTM", "side": "buy", "type": "market", "size": 1, "stop": "down", "stopPrice": "7000"}
    name = desk.data("POST", "/api/v1/orders", futures | {"stopPriceType": "MP", "leverage": 3}, FUTURES)["orderId"]
    (row,) = desk.data("GET", "/api/v1/stopOrders", prefix=FUTURES)["items"]
    assert (row["id"], row["stop"], row["stopPriceType"]) == (name, "down", "MP")
    assert desk.data("DELETE", "/api/v1/stopOrders", prefix=FUTURES) == {"cancelledOrderIds": [name]}


LISTS = [
    ("spot", "/api/v1/accounts", ""),
    ("spot", "/api/v2/user-info", ""),
    ("spot", "/api/v1/user/api-key", ""),
    ("spot", "/api/v1/hf/orders/active", "?symbol=BTC-USDT"),
    ("spot", "/api/v1/hf/orders/active/page", "?symbol=BTC-USDT"),
    ("spot", "/api/v1/hf/orders/done", "?symbol=BTC-USDT"),
    ("spot", "/api/v1/hf/fills", "?symbol=BTC-USDT"),
    ("spot", "/api/v1/orders", ""),
    ("spot", "/api/v1/limit/orders", ""),
    ("spot", "/api/v1/fills", ""),
    ("spot", "/api/v1/stop-order", ""),
    ("spot", "/api/v3/hf/margin/order/active/symbols", "?tradeType=MARGIN_TRADE"),
    ("spot", "/api/v3/hf/margin/orders/active", "?symbol=BTC-USDT&tradeType=MARGIN_TRADE"),
    ("spot", "/api/v3/hf/margin/orders/done", "?symbol=BTC-USDT&tradeType=MARGIN_TRADE"),
    ("spot", "/api/v3/hf/margin/fills", "?symbol=BTC-USDT&tradeType=MARGIN_TRADE"),
    ("spot", "/api/v3/margin/accounts", ""),
    ("spot", "/api/v3/isolated/accounts", ""),
    ("futures", "/api/v1/account-overview", ""),
    ("futures", "/api/v1/positions", ""),
    ("futures", "/api/v1/position", "?symbol=XBTUSDTM"),
    ("futures", "/api/v1/orders", ""),
    ("futures", "/api/v1/recentDoneOrders", ""),
    ("futures", "/api/v1/fills", ""),
    ("futures", "/api/v1/recentFills", ""),
    ("futures", "/api/v1/stopOrders", ""),
    ("futures", "/api/v1/openOrderStatistics", "?symbol=XBTUSDTM"),
    ("futures", "/api/v2/position/getMarginMode", "?symbol=XBTUSDTM"),
    ("futures", "/api/v2/getCrossUserLeverage", "?symbol=XBTUSDTM"),
]
TYPES = {"string": str, "integer": int, "number": (int, float), "boolean": bool}


@pytest.fixture(scope="module")
def catalogue():
    if not CATALOGUE.is_file():
        pytest.skip("the catalogue of REST is not here")
    with CATALOGUE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return {(row["host"], row["method"], row["path"]): row for row in rows}


@pytest.fixture(scope="module")
def busy():
    """A desk with some of everything."""
    desk = Desk()
    desk.data("POST", "/api/v1/hf/orders", NOW)
    desk.data("POST", "/api/v1/hf/orders", FAR)
    for fields in (FAR | {"clientOid": "m"}, NOW | {"clientOid": "n"}):
        desk.data("POST", "/api/v3/hf/margin/order", fields)
    desk.data("POST", "/api/v1/stop-order", FAR | {"stop": "loss", "stopPrice": "70001", "clientOid": "s"})
    order = {"symbol": "XBTUSDTM", "side": "buy", "type": "market", "size": 2, "leverage": 5}
    desk.data("POST", "/api/v1/orders", order, FUTURES)
    desk.data("POST", "/api/v1/orders", order | {"stop": "up", "stopPrice": "99999", "stopPriceType": "TP"}, FUTURES)
    return desk


@pytest.mark.parametrize(("host", "path", "query"), LISTS)
def test_rows_have_the_fields_and_types_of_the_catalogue(catalogue, busy, host, path, query):
    row = catalogue[host, "GET", path]
    response = json.loads(row["response"])
    answer = busy.data("GET", path + query, prefix=FUTURES if host == "futures" else "")
    rows = answer[row["rows_key"]] if row["rows_key"] else answer
    (first, *_) = rows if isinstance(rows, list) else [rows]
    for name, kind in response["item_fields"].items():
        if "newer" in kind or "example only" in kind or "." in name:
            continue
        assert name in first
        if first[name] is not None and kind.split()[0] in TYPES and name != "stopPrice":
            assert isinstance(first[name], TYPES[kind.split()[0]]), name
    for name in response.get("outer_fields", {}):
        if "." not in name and "[" not in name:
            assert name in answer


@pytest.mark.parametrize(("host", "path"), [(host, path) for host, path, _ in LISTS])
def test_weights_are_those_of_the_catalogue(catalogue, host, path):
    prefix = FUTURES if host == "futures" else ""
    weight = catalogue[host, "GET", path]["weight"]
    assert weight == "-" or tables()[prefix][prefix + path]["GET"].weight == int(weight)
