"""``client.rest`` on the built-in exchange, which answers market data, account and order rows."""

from __future__ import annotations

import inspect
import pydoc
import re
import time
from collections.abc import Callable, Iterator
from operator import attrgetter

import numpy as np
import pandas as pd
import pytest

import kucoin_stream as ks
from kucoin_stream.errors import NotArmedError, ResponseError, StoppedError, UsageError
from kucoin_stream.protocol import endpoints
from kucoin_stream.protocol.endpoints.endpoint import INSTANTS, field, snake
from kucoin_stream.rest.api import RestApi
from kucoin_stream.rest.record import Record
from kucoin_stream.simulator import GeneratedMarket, Simulator
from kucoin_stream.transport.caller import Call
from tests.conftest import SYMBOLS

UTC = "datetime64[ns, UTC]"
FAR = {"symbol": "BTC-USDT", "side": "buy", "type": "limit", "price": "70000", "size": "0.001"}


@pytest.fixture
def rest(client: ks.Client) -> RestApi:
    return RestApi(client)


@pytest.fixture(scope="module")
def answering() -> Iterator[RestApi]:
    """One exchange for many questions, with a market of its own: others are served meanwhile."""
    with Simulator(GeneratedMarket(SYMBOLS, seed=7)) as exchange:
        known = exchange.credentials
        client = ks.Client(exchange.url, key=known.key, secret=known.secret, passphrase=known.passphrase).open()
        yield RestApi(client)
        client.close()


@pytest.fixture
def armed(rest: RestApi) -> RestApi:
    rest.arm("spot_order", target="url", cap=10**6)
    return rest


# -- what is there -----------------------------------------------------------------------------------------------


def test_completion_lists_groups_and_calls(rest):
    assert {"spot_market", "futures_order", "unified", "get", "post", "delete", "arm"} <= set(dir(rest))
    assert len([name for group in endpoints.groups() for name in dir(getattr(rest, group))]) == 321
    assert dir(rest.margin_debit) == sorted(endpoints.groups()["margin_debit"])


def test_a_call_shows_how_it_is_made(rest):
    call = rest.spot_market.get_klines
    assert list(inspect.signature(call).parameters)[:4] == ["symbol", "type", "start_at", "end_at"]
    assert "``GET /api/v1/market/candles``" in inspect.getdoc(call)
    assert (call.__name__, call.__qualname__) == ("get_klines", "spot_market.get_klines")
    assert "open (number in quote/base)" in pydoc.render_doc(call)


@pytest.mark.parametrize(
    ("path", "hint"),
    [("spot_markt", "did you mean spot_market?"), ("spot_market.get_tickr", "did you mean get_ticker?"),
     ("fee.xyz", "there are: get_basic_fee")],
)  # fmt: skip
def test_a_wrong_name_has_a_hint(rest, path, hint):
    with pytest.raises(AttributeError) as caught:
        attrgetter(path)(rest)
    assert hint in str(caught.value)


# -- market data -------------------------------------------------------------------------------------------------

USUAL = {"symbols": "BTC-USDT", "leverage": 3, "price": 80000, "granularity": 1,
         "from": "2026-01-01", "to": "2026-01-02"}  # fmt: skip
ANSWERED = {
    "account": "get_account_info get_apikey_info get_spot_account_type get_spot_account_list get_cross_margin_account "
               "get_isolated_margin_account get_futures_account get_spot_ledger get_spot_hf_ledger get_futures_ledger",
    "deposit": "get_deposit_address_v3 get_deposit_history",
    "withdrawal": "get_withdrawal_quotas get_withdrawal_history",
    "fee": "get_basic_fee get_spot_actual_fee get_futures_actual_fee",
    "spot_market": "get_announcements get_currency get_all_currencies get_symbol get_all_symbols get_ticker "
                   "get_all_tickers get_trade_history get_klines get_part_order_book get_full_order_book "
                   "get_fiat_price get_24hr_stats get_market_list get_client_ip_address get_server_time "
                   "get_service_status",
    "spot_order": "get_symbols_with_open_order get_open_orders get_open_orders_by_page get_closed_orders "
                  "get_trade_history get_stop_orders_list get_oco_order_list",
    "margin_market": "get_mark_price_detail get_margin_config get_mark_price_list",
    "margin_order": "get_symbols_with_open_order get_open_orders get_closed_orders get_trade_history",
    "margin_debit": "get_borrow_history get_repay_history get_interest_history get_borrow_interest_rate",
    "futures_market": "get_symbol get_all_symbols get_ticker get_all_tickers get_full_order_book "
                      "get_part_order_book get_trade_history get_klines get_mark_price get_spot_index_price "
                      "get_interest_rate_index get_premium_index get_24hr_stats get_server_time get_service_status",
    "futures_order": "get_order_list get_stop_order_list get_recent_closed_orders get_open_order_value "
                     "get_recent_trade_history get_trade_history",
    "futures_position": "get_margin_mode get_max_open_size get_position_list get_positions_history "
                        "get_max_withdraw_margin get_cross_margin_leverage get_position_mode",
    "futures_funding": "get_current_funding_rate get_public_funding_history get_private_funding_history",
}  # fmt: skip
"""Questions that the built-in exchange answers."""


@pytest.mark.parametrize("name", [f"{group}.{name}" for group, names in ANSWERED.items() for name in names.split()])
def test_the_built_in_exchange_answers(answering, name):
    row = endpoints.endpoint(*name.split("."))
    usual = {"symbol": "XBTUSDTM" if row.host == "futures" else "BTC-USDT", "currency": "USDT"}
    given = {name: text for name, text in usual.items() if row.takes(name)}
    for param in row.arguments:
        if param.required is True and param.snake not in given:
            given[param.snake] = param.enum[0] if param.enum else USUAL[param.name]
    answer = attrgetter(name)(answering)(**given)
    if isinstance(answer, pd.DataFrame):
        assert_dtypes(answer.reset_index() if row.columns else answer, row.fields)
        assert answer.attrs["feed"] == name
    else:
        assert isinstance(answer, (Record, pd.Timestamp, list, bool, str))


def assert_dtypes(frame, fields):
    for name, text in fields.items():
        kind = field(text)
        if "[" in name or kind.type == "object":
            continue
        dtype = frame[snake(name.replace(".", "_"))].dtype
        if kind.unit in INSTANTS:
            assert dtype == UTC, name
        elif kind.type in {"decimal", "number"}:
            assert dtype == np.float64, name
        elif kind.type == "integer":
            assert dtype in (np.int64, pd.Int64Dtype()), name


def test_klines_page_over_any_span(rest):
    end = int(time.time()) // 60 * 60 - 60
    start = end - 60 * 3200
    bars = rest.spot_market.get_klines("BTC-USDT", "1min", start_at=start, end_at=end)
    assert (bars.index[0].timestamp(), bars.index[-1].timestamp()) == (start, end)
    assert (bars.index.to_series().diff().dropna() == pd.Timedelta("1min")).all()
    newest = rest.spot_market.get_klines("BTC-USDT", "1min", start_at=start, end_at=end, max_rows=7)
    pd.testing.assert_frame_equal(newest, bars.tail(7), check_freq=False)
    futures = rest.futures_market.get_klines("XBTUSDTM", 1, from_=bars.index[0], to=bars.index[1200])
    assert futures.index.equals(bars.index[:1201])


def test_klines_of_the_unified_account_are_those_of_spot_over_any_span(rest):
    end = pd.Timestamp.now("UTC").floor("min") - pd.Timedelta("2min")
    span = {"start_at": end - pd.Timedelta("3200min"), "end_at": end}
    unified = rest.unified.get_klines(symbol="BTC-USDT", trade_type="SPOT", interval="1min", **span)
    spot = rest.spot_market.get_klines("BTC-USDT", "1min", **span)
    assert len(unified) == 3201
    assert unified.index.equals(spot.index)
    assert list(unified.columns) == list(spot.columns)
    assert unified["close"].tolist() == spot["close"].tolist()


def test_a_span_that_ends_before_it_begins_is_refused(rest):
    with pytest.raises(UsageError, match="the begin is after the end"):
        rest.spot_market.get_klines("BTC-USDT", "1min", start_at="2026-01-02", end_at="2026-01-01")


def test_raw_is_what_was_sent(rest):
    raw = rest.spot_market.get_klines("BTC-USDT", "1hour", raw=True)
    assert isinstance(raw, list)
    assert all(isinstance(each, str) for each in raw[0])
    ticker = rest.spot_market.get_ticker("BTC-USDT", raw=True)
    assert isinstance(ticker["bestBid"], str)


def test_an_error_says_what_its_code_means(rest):
    with pytest.raises(ResponseError, match=r"code 900001: .*no such symbol") as caught:
        rest.spot_market.get_ticker("FOO-BAR")
    assert (caught.value.code, caught.value.status) == ("900001", 400)


# -- the account -------------------------------------------------------------------------------------------------


def test_an_order_from_placing_to_the_history(armed):
    names = [armed.spot_order.add_order(**FAR, client_oid=f"o{number}")["order_id"] for number in range(5)]
    orders = armed.spot_order.get_open_orders("BTC-USDT")
    assert (set(orders["id"]), set(orders["price"])) == (set(names), {70000.0})
    assert (orders["created_at"].dtype, str(orders["side"].dtype), orders["active"].dtype) == (UTC, "category", bool)
    one = armed.spot_order.get_order_by_client_oid(client_oid="o3", symbol="BTC-USDT")
    assert (one["id"], one["size"], one["createdAt"].tz is not None) == (names[3], 0.001, True)
    assert armed.spot_order.cancel_all_orders_by_symbol("BTC-USDT") == "success"
    assert armed.spot_order.get_open_orders("BTC-USDT").empty
    for options in ({}, {"limit": 2}, {"limit": 5}):
        assert armed.spot_order.get_closed_orders("BTC-USDT", **options)["id"].tolist() == names[::-1]
    assert armed.spot_order.get_closed_orders("BTC-USDT", limit=2, max_rows=3)["id"].tolist() == names[:1:-1]


def test_pages_are_followed_unless_one_is_asked_for(armed):
    for number in range(7):
        armed.spot_order.add_order(**FAR, client_oid=f"o{number}")
    by_page = armed.spot_order.get_open_orders_by_page
    assert by_page("BTC-USDT", page_size=3)["client_oid"].tolist() == [f"o{number}" for number in range(6, -1, -1)]
    assert by_page("BTC-USDT", page_size=3, page_num=2)["client_oid"].tolist() == ["o3", "o2", "o1"]
    assert len(by_page("BTC-USDT", page_size=3, raw=True)["items"]) == 3


def test_trade_history_has_every_fill(armed):
    for number in range(3):
        order = {"symbol": "BTC-USDT", "side": "buy", "type": "market", "funds": "50", "client_oid": f"m{number}"}
        armed.spot_order.add_order(**order)
    fills = armed.spot_order.get_trade_history(
        "BTC-USDT", limit=2, start_at=pd.Timestamp.now("UTC") - pd.Timedelta("1h")
    )
    assert fills["order_id"].nunique() == 3
    assert fills["funds"].sum() == pytest.approx(150, rel=0.01)


def test_private_calls_need_a_key(connect):
    rest = RestApi(connect(key=False))
    assert "USDS" in rest.spot_market.get_market_list()
    for call in (rest.account.get_spot_account_list, lambda: rest.get("/api/v1/accounts")):
        with pytest.raises(UsageError, match="GET /api/v1/accounts needs an API key; pass key="):
            call()


def test_the_brokers_host_is_kucoins_only(rest):
    with pytest.raises(UsageError, match="only KuCoin itself has the broker's host"):
        rest.broker_nd.get_broker_info(begin="20260101", end="20260201", trade_type="1")


# -- arming ------------------------------------------------------------------------------------------------------

REFUSED = r"spot_order is not armed; if that is meant: client.rest.arm\('spot_order', target='url', cap=...\)"


@pytest.mark.parametrize(
    "call",
    [
        lambda rest: rest.spot_order.add_order(**FAR),
        lambda rest: rest.post("/api/v1/hf/orders", FAR),
        lambda rest: rest.spot_order.cancel_all_orders(),
        lambda rest: rest.delete("/api/v1/hf/orders", {"symbol": "BTC-USDT"}),
    ],
)
def test_what_changes_something_is_refused_until_armed(rest, call):
    with pytest.raises(NotArmedError, match=REFUSED):
        call(rest)
    rest.arm("margin_order", target="url", cap=10)
    with pytest.raises(NotArmedError, match=REFUSED):
        call(rest)
    rest.arm("spot_order", target="url", cap=1000)
    call(rest)
    rest.disarm("spot_order")
    with pytest.raises(NotArmedError, match=REFUSED):
        call(rest)


def test_every_call_that_changes_something_is_guarded(rest):
    changing = [row for group in endpoints.groups().values() for row in group.values() if row.changes]
    assert len(changing) > 90
    for row in changing:
        call = Call(row.host, row.method, re.sub(r"{\w+}", "x", row.path), '{"side":"buy"}')
        with pytest.raises(NotArmedError, match=f"{row.group}.{row.name} changes something and {row.group} is not"):
            rest.change(call, row)


@pytest.mark.parametrize(
    ("group", "target", "message"),
    [
        ("spot_order", "live", r"arm\(target='live'\), but this client is connected to 'url'"),
        ("spot_ordr", "url", "did you mean spot_order"),
        ("spot_market", "url", "no group 'spot_market' that changes something"),
    ],
)
def test_arming_names_what_is_meant(rest, group, target, message):
    with pytest.raises(UsageError, match=message):
        rest.arm(group, target=target, cap=100)
    assert rest.armed == ()


def test_unknown_calls_are_a_group_of_their_own(rest):
    with pytest.raises(NotArmedError, match="other is not armed"):
        rest.post("/api/v9/launch")
    rest.arm("other", target="url")
    with pytest.raises(ResponseError, match="404000"):
        rest.post("/api/v9/launch")


def test_arming_ends_with_the_client(connect: Callable[..., ks.Client]):
    client = connect()
    rest = RestApi(client)
    rest.arm("spot_order", target="url", cap=1000)
    client.close()
    with pytest.raises(StoppedError):
        rest.spot_order.add_order(**FAR)
    with pytest.raises(NotArmedError, match="is not armed"):
        RestApi(connect()).spot_order.add_order(**FAR)


def test_a_test_order_needs_no_arming(rest):
    assert rest.spot_order.add_order_test(**FAR)["order_id"]
    assert rest.spot_order.get_open_orders("BTC-USDT").empty


# -- by path -----------------------------------------------------------------------------------------------------


def test_calls_by_path_come_back_as_sent(armed):
    placed = armed.post("/api/v1/hf/orders", FAR | {"clientOid": "x"})
    (order,) = armed.get("/api/v1/hf/orders/active", {"symbol": "BTC-USDT"})
    assert (order["id"], order["price"]) == (placed["orderId"], "70000")
    assert armed.delete(f"/api/v1/hf/orders/{placed['orderId']}", {"symbol": "BTC-USDT"}) == {
        "orderId": placed["orderId"]
    }
    assert armed.get("/api/v1/contracts/XBTUSDTM", host="futures", signed=False)["symbol"] == "XBTUSDTM"
    with pytest.raises(UsageError, match="no such host 'spt'"):
        armed.get("/api/v1/accounts", host="spt")
