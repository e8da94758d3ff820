"""Arguments are checked before anything is sent, and written as KuCoin wants them."""

from __future__ import annotations

import datetime
import inspect
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from kucoin_stream.errors import UsageError
from kucoin_stream.protocol import endpoints
from kucoin_stream.rest.arguments import check
from kucoin_stream.rest.documents import document, signature
from kucoin_stream.rest.writing import call_of, own

ROWS = [row for group in endpoints.groups().values() for row in group.values()]
ORDER = endpoints.endpoint("spot_order", "add_order")
BATCH = endpoints.endpoint("spot_order", "batch_add_orders")
FUTURES_BATCH = endpoints.endpoint("futures_order", "batch_add_orders")
FUTURES_ORDER = endpoints.endpoint("futures_order", "add_order")
SPOT_BARS = endpoints.endpoint("spot_market", "get_klines")
FILLS = endpoints.endpoint("spot_order", "get_trade_history")
MINE = {"symbol": "BTC-USDT", "side": "buy", "type": "limit"}


def sent(row, *args, **kwargs):
    return call_of(row, check(row, args, kwargs))


# -- what is sent ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("group", "name", "arguments", "target", "body"),
    [
        ("spot_market", "get_ticker", {"symbol": "BTC-USDT"}, "/api/v1/market/orderbook/level1?symbol=BTC-USDT", ""),
        ("spot_market", "get_part_order_book", {"symbol": "A-B", "size": "20"},
         "/api/v1/market/orderbook/level2_20?symbol=A-B", ""),
        ("spot_market", "get_fiat_price", {"currencies": "BTC,ETH"}, "/api/v1/prices?currencies=BTC,ETH", ""),
        ("spot_market", "get_fiat_price", {"currencies": ["BTC", "ETH"]}, "/api/v1/prices?currencies=BTC,ETH", ""),
        ("spot_market", "get_fiat_price", {"currencies": None}, "/api/v1/prices", ""),  # None is not given
        ("spot_order", "cancel_order_by_client_oid", {"client_oid": "a/b c", "symbol": "A-B"},
         "/api/v1/hf/orders/client-order/a%2Fb%20c?symbol=A-B", ""),
        ("futures_order", "batch_cancel_orders", {"order_ids_list": ["1", "2"]},
         "/api/v1/orders/multi-cancel", '{"orderIdsList":["1","2"]}'),  # a DELETE with a body
        ("futures_order", "batch_cancel_orders", {"clientOidsList": [{"symbol": "XBTUSDTM", "client_oid": "x"}]},
         "/api/v1/orders/multi-cancel", '{"clientOidsList":[{"symbol":"XBTUSDTM","clientOid":"x"}]}'),
        ("websocket_token", "get_public_token_spot", {}, "/api/v1/bullet-public", ""),
        ("futures_market", "get_klines", {"symbol": "XBTUSDTM", "granularity": 1, "from": 1_700_000_000_000},
         "/api/v1/kline/query?symbol=XBTUSDTM&granularity=1&from=1700000000000", ""),
        ("futures_market", "get_spot_index_price", {"symbol": ".KXBTUSDT", "reverse": False},
         "/api/v1/index/query?symbol=.KXBTUSDT&reverse=false", ""),
    ],
)  # fmt: skip
def test_a_call_is_written(group, name, arguments, target, body):
    call = sent(endpoints.endpoint(group, name), **arguments)
    assert (call.target, call.body) == (target, body)


@pytest.mark.parametrize(
    ("price", "written"),
    [("0.10", "0.10"), (Decimal("1E-8"), "0.00000001"), (0.1, "0.1"), (1e-7, "0.0000001"), (7, "7"),
     (np.float64(0.3), "0.3"), (np.int64(5), "5"), ("1e3", "1000")],
)  # fmt: skip
def test_amounts_are_exact(price, written):
    assert check(ORDER, (), MINE | {"price": price})["price"] == written


@pytest.mark.parametrize("spelling", ["client_oid", "clientOid"])
def test_both_spellings_are_taken(spelling):
    assert check(ORDER, (), MINE | {spelling: "x"})["clientOid"] == "x"


def test_a_body_has_exact_numbers_and_the_rows_themselves_where_it_is_an_array():
    order = {
        "symbol": "XBTUSDTM",
        "side": "buy",
        "type": "limit",
        "clientOid": "x",
        "leverage": 3,
        "size": 1,
        "price": "1.5",
    }
    body = sent(FUTURES_BATCH, orders=[order]).body
    assert body.startswith('[{"symbol":"XBTUSDTM"')
    assert '"size":1' in body
    assert '"price":"1.5"' in body
    transfer = sent(endpoints.endpoint("futures_position", "add_isolated_margin"), symbol="A", margin="0.10", bizNo="1")
    assert '"margin":0.10' in transfer.body


@pytest.mark.parametrize(
    "time",
    [1_767_225_600, "1767225600", "2026-01-01", "2026-01-01T00:00Z", "2026-01-01 01:00+01:00",
     np.datetime64("2026-01-01"), pd.Timestamp("2026-01-01"), pd.Timestamp("2026-01-01 08:00", tz="Asia/Shanghai"),
     datetime.date(2026, 1, 1), datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
     datetime.datetime.fromisoformat("2026-01-01"), 1_767_225_600.5],
    ids=repr,
)  # fmt: skip
def test_times_are_taken_in_many_forms(time):
    assert check(SPOT_BARS, ("BTC-USDT", "1min"), {"start_at": time})["startAt"] == 1_767_225_600
    if not isinstance(time, (int, float)) and time != "1767225600":
        assert check(FILLS, ("BTC-USDT",), {"start_at": time})["startAt"] == 1_767_225_600_000


def test_days_are_written_as_days():
    rebate = next(row for row in ROWS if any(param.unit == "yyyymmdd" for param in row.params))
    required = {param.snake: "1" for param in rebate.arguments if param.required is True and not param.unit}
    required |= {param.snake: param.enum[0] for param in rebate.arguments if param.required is True and param.enum}
    given = check(rebate, (), required | {"begin": "2026-01-31", "end": "20260201"})
    assert (given["begin"], given["end"]) == ("20260131", "20260201")


# -- what is refused ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "args", "kwargs", "message"),
    [
        (ORDER, (), {}, "spot_order.add_order needs symbol=, side=, type="),
        (ORDER, (), MINE | {"sise": "1"}, "spot_order.add_order has no 'sise'; did you mean size?"),
        (ORDER, (), MINE | {"side": "Buy"}, "side: no such value 'Buy'; there are: buy, sell; did you mean buy?"),
        (ORDER, (), MINE | {"price": "cheap"}, "price is a number, not 'cheap'"),
        (ORDER, (), MINE | {"price": float("nan")}, "price is a number"),
        (ORDER, (), MINE | {"price": True}, "price is a number"),
        (ORDER, (), MINE | {"post_only": "yes"}, "post_only is True or False, not 'yes'"),
        (ORDER, (), MINE | {"cancel_after": 1.5}, "cancel_after is a whole number, not 1.5"),
        (ORDER, (), MINE | {"client_oid": True}, "client_oid is text, not True"),
        (ORDER, ("A", "buy", "limit", 1), {}, "takes 3 arguments without a name, not 4"),
        (ORDER, ("A",), {"symbol": "A"}, "symbol is given twice"),
        (BATCH, (), {"order_list": "one"}, "order_list is a list of dicts, not 'one'"),
        (BATCH, (), {"order_list": ["one"]}, "order_list: each is a dict, not str"),
        (BATCH, (), {"order_list": [{"sise": 1}]}, r"\(order_list\) has no 'sise'; did you mean size?"),
        (BATCH, (), {"order_list": [{1: "x"}]}, r"\(order_list\) has no 1"),
        (BATCH, (), {"order_list": [{"symbol": "A-B"}]}, r"\(order_list\) needs"),
        (SPOT_BARS, ("A-B", "1min"), {"start_at": 1_700_000_000_000}, "start_at: not a time in s"),
        (FILLS, ("A-B",), {"start_at": 1_700_000_000}, "start_at: not a time in ms"),
        (FILLS, ("A-B",), {"start_at": "yesterday, perhaps"}, "start_at: not a time: 'yesterday, perhaps'; write"),
        (endpoints.endpoint("spot_market", "get_server_time"), (), {"zone": 1}, "has no 'zone'; it takes no arguments"),
    ],
)
def test_a_wrong_argument_is_refused(row, args, kwargs, message):
    with pytest.raises(UsageError, match=message.replace("?", r"\?")):
        check(row, args, kwargs)


def test_what_only_some_sources_require_is_not_demanded():
    assert check(endpoints.endpoint("deposit", "get_deposit_history"), (), {}) == {}


def test_a_secret_is_not_repeated():
    row = endpoints.endpoint("sub_account", "add_sub_account_api")
    with pytest.raises(UsageError) as caught:
        check(row, (), {"passphrase": {"hush"}, "remark": "r", "sub_name": "s"})
    assert "hush" not in str(caught.value)
    call = own("spot", "POST", "/api/v1/sub/api-key", {}, {"passphrase": "hush"}, signed=True)
    assert repr(call) == "<Call POST /api/v1/sub/api-key>"


@pytest.mark.parametrize("value", ["", ".", ".."])
def test_a_path_is_not_left(value):
    with pytest.raises(UsageError, match="cannot stand in a path"):
        sent(endpoints.endpoint("account", "get_spot_account_detail"), account_id=value)


@pytest.mark.parametrize(
    "path", ["", "accounts", "/api/v1/../v2/x", "/api//v1", "/api/v1/x?a=1", "/api/v1/%2e", "https://api"]
)
def test_a_path_of_ones_own_is_one_of_kucoins(path):
    with pytest.raises(UsageError, match="not a path"):
        own("spot", "GET", path, {}, None, signed=True)


def test_a_call_without_a_path_says_so():
    with pytest.raises(UsageError, match=r"withdrawal\.withdrawal_v4: no source gives its path"):
        sent(endpoints.endpoint("withdrawal", "withdrawal_v4"))


# -- signatures and docstrings -----------------------------------------------------------------------------------


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.group}.{row.name}")
def test_every_call_has_a_signature_and_a_docstring(row):
    parameters = signature(row).parameters
    assert list(parameters)[: len(row.arguments)] == [param.snake for param in row.arguments]
    for param in row.arguments:
        assert (parameters[param.snake].default is inspect.Parameter.empty) == (param.required is True)
    text = document(row)
    assert text.startswith(f"{row.title}.\n\n")
    assert all(len(line) <= 120 or " " not in line.strip() for line in text.splitlines())
    if row.path != "-":
        assert f"``{row.method} {row.path}``" in " ".join(text.split())


def test_a_docstring_says_what_a_user_must_know():
    text = document(ORDER)
    for part in ("``POST /api/v1/hf/orders`` (spot host; protocol.md 8)", "permission Spot; weight 1 of the pool Spot",
                 "client.rest.arm('spot_order', target=..., cap=...)", "side: string, required, one of buy, sell",
                 "cancel_after: integer in seconds", "Returns: order_id (string), client_oid (string)."):  # fmt: skip
        assert part in " ".join(text.split())
