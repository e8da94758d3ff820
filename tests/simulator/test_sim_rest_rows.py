"""Every current row of KuCoin's REST is answered, or refused with a sentence that says why; no call has two rows."""

import csv
import json
import re
from collections import Counter

import pytest
from test_sim_account_rest import CATALOGUE, FAR, NOW, Desk

from kucoin_stream.simulator.rest import FUTURES
from kucoin_stream.simulator.rest import ROWS as SERVED
from kucoin_stream.simulator.unserved import ABSENCES

VALUES = {
    "symbol": "BTC-USDT", "symbols": "BTC-USDT", "currency": "USDT", "side": "buy", "type": "limit", "price": "70000",
    "size": "0.01", "funds": "100", "clientOid": "audit", "orderId": "0123", "stopPrice": "69000",
    "limitPrice": "69500",
    "newPrice": "70001", "newSize": "0.02", "cancelSize": "0.001", "timeout": 60, "amount": "1", "tradeType": "TRADE",
    "fromAccountType": "MAIN", "toAccountType": "TRADE", "from": "main", "to": "trade", "isIsolated": False,
    "timeInForce": "GTC", "quoteCurrency": "USDT", "accountMode": "classic", "leverage": "3", "stop": "loss",
    "autoBorrow": False, "autoRepay": False, "postOnly": False, "hidden": False, "iceberg": False,
    "visibleSize": "0.01",
    "orderList": [FAR | {"clientOid": "one"}, FAR | {"clientOid": "two"}], "cancelAfter": -1, "stp": "CN",
    "currencies": "BTC", "limit": 20, "baseCurrency": "BTC", "startAt": 0, "endAt": 0, "pageSize": 10, "currentPage": 1,
}  # fmt: skip
ROWS = {"/api/v1/market/candles": {"type": "1min"}, "/api/v1/accounts": {"type": "trade"}}
LONG = {"symbol": "XBTUSDTM", "side": "buy", "type": "market", "size": 3, "leverage": 3, "clientOid": "long"}
CONTRACT_VALUES = VALUES | {
    "symbol": "XBTUSDTM", "symbols": ["XBTUSDTM"], "size": 1, "margin": 1, "withdrawAmount": "0.1", "leverage": 3,
    "stop": "up", "level": 1, "marginMode": "ISOLATED", "granularity": 1, "positionMode": "0", "bizNo": "b",
    "positionValue": "100", "triggerStopUpPrice": "200000", "triggerStopDownPrice": "1000", "maxCount": 10,
    "orderIdsList": ["1"], "offset": 0, "from": 0, "to": 0,
}  # fmt: skip
CONTRACT_ROWS = {
    "/api/v1/index/query": {"symbol": ".KXBTUSDT"},
    "/api/v1/premium/query": {"symbol": ".XBTUSDTMPI"},
    "/api/v1/interest/query": {"symbol": ".XBTINT"},
    "/api/v1/st-orders": {"clientOid": "both"},
}
REFUSED = {"POST /api/v1/orders/multi", "GET /api/v1/orders/{orderId}", "DELETE /api/v1/orders/{orderId}"}
"""Of futures, what the made-up arguments do not fit."""
_ALWAYS = ("symbol", "size", "price", "triggerStopUpPrice", "triggerStopDownPrice")
NOT_SAID = {"Url Not Found", "Request method", "Internal Server Error", "Unsupported Media Type"}


def catalogue(host="spot"):
    if not CATALOGUE.is_file():
        return []
    with CATALOGUE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [row for row in rows if row["host"] == host and row["abandoned"] == "no" and row["path"] != "-"]


def call(row, values=VALUES, rows=ROWS):
    """Method, target and body of a row with plausible arguments."""
    path = re.sub(r"(level2_|depth)\{size\}", r"\g<1>20", row["path"])
    given = {"path": {}, "query": {}, "body": {}}
    for param in json.loads(row["params"]):
        name = param["name"]
        value = rows.get(row["path"], {}).get(name, values.get(name, (param.get("enum") or ["1"])[0]))
        if "." not in name and "[" not in name and (param["required"] or name in _ALWAYS):
            given[param["in"]][name] = value
    for name in re.findall(r"\{(\w+)\}", path):
        path = path.replace(f"{{{name}}}", str(given["path"].get(name, values.get(name, "1"))))
    query = "&".join(f"{name}={value}" for name, value in given["query"].items())
    return row["method"], f"{path}?{query}" if query else path, given["body"] if row["method"] == "POST" else None


@pytest.fixture(scope="module")
def busy():
    desk = Desk()
    for fields in (NOW, FAR):
        desk.data("POST", "/api/v1/hf/orders", fields)
    desk.data("POST", "/api/v1/orders", LONG, FUTURES)
    return desk


@pytest.mark.skipif(not catalogue(), reason="the catalogue of REST is not here")
@pytest.mark.parametrize("row", catalogue(), ids=lambda row: f"{row['group']}.{row['name']}")
def test_a_current_row_is_answered_or_refused_with_a_reason(busy, row):
    check(*busy.ask(*call(row)))


@pytest.mark.skipif(not catalogue(), reason="the catalogue of REST is not here")
@pytest.mark.parametrize("row", catalogue("futures"), ids=lambda row: f"{row['group']}.{row['name']}")
def test_a_current_row_of_futures_is_answered(busy, row):
    status, answer = busy.ask(*call(row, CONTRACT_VALUES, CONTRACT_ROWS), prefix=FUTURES)
    check(status, answer)
    absent = answer.get("msg", "").startswith("The built-in exchange does not do this")
    served = not absent and f"{row['method']} {row['path']}" not in REFUSED
    assert not served or answer["code"] == "200000", answer


def check(status, answer):
    assert status in (200, 400, 404), answer
    assert answer["code"] == "200000" or answer["msg"]
    assert not any(text in answer.get("msg", "") for text in NOT_SAID), answer


@pytest.mark.parametrize("calls", SERVED.values(), ids=["spot", "futures"])
def test_no_call_has_two_rows(calls):
    assert [name for name, count in Counter((each.method, each.path) for each in calls).items() if count > 1] == []


@pytest.mark.parametrize("absence", ABSENCES, ids=lambda absence: absence.lacks)
def test_what_is_not_there_says_so(busy, absence):
    for path in absence.paths:
        for method, prefix in (("GET", ""), ("POST", ""), ("DELETE", FUTURES)):
            status, answer = busy.ask(method, f"{path}/nothing-served", {}, prefix)
            assert (status, answer["code"]) == (absence.status, absence.code)
            assert answer["msg"] == f"The built-in exchange does not do this: {absence.lacks}."


def test_a_path_that_nobody_has_is_not_found(busy):
    assert busy.ask("GET", "/api/v9/nothing") == (404, {"code": "404000", "msg": "Url Not Found"})
