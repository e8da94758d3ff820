"""Answers come back in shape: KuCoin's own, beside the repository, and odd ones."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kucoin_stream.errors import RemoteProtocolError
from kucoin_stream.protocol import endpoints
from kucoin_stream.protocol.endpoints.endpoint import INSTANTS, Endpoint, field, snake
from kucoin_stream.rest.answers import Shape, decode
from kucoin_stream.rest.record import Record
from tests.protocol.payloads import lines

UTC = "datetime64[ns, UTC]"

FAMILIES = {
    "rest_bullet": "websocket_token.get_public_token_spot",
    "rest_futures_24h_stats": "futures_market.get_24hr_stats",
    "rest_futures_all_tickers": "futures_market.get_all_tickers",
    "rest_futures_contract": "futures_market.get_symbol",
    "rest_futures_contracts": "futures_market.get_all_symbols",
    "rest_futures_funding_rate": "futures_funding.get_current_funding_rate",
    "rest_futures_klines": "futures_market.get_klines",
    "rest_futures_mark_price": "futures_market.get_mark_price",
    "rest_futures_orderbook": "futures_market.get_full_order_book",
    "rest_futures_ticker": "futures_market.get_ticker",
    "rest_futures_trades": "futures_market.get_trade_history",
    "rest_margin_mark_price": "margin_market.get_mark_price_detail",
    "rest_server_time": "spot_market.get_server_time",
    "rest_service_status": "spot_market.get_service_status",
    "rest_spot_24h_stats": "spot_market.get_24hr_stats",
    "rest_spot_all_tickers": "spot_market.get_all_tickers",
    "rest_spot_klines": "spot_market.get_klines",
    "rest_spot_orderbook": "spot_market.get_full_order_book",
    "rest_spot_symbol": "spot_market.get_symbol",
    "rest_spot_symbols": "spot_market.get_all_symbols",
    "rest_spot_ticker": "spot_market.get_ticker",
    "rest_spot_trades": "spot_market.get_trade_history",
    "rest_uta_instruments": "unified.get_symbols",
    "rest_uta_klines": "unified.get_klines",
    "rest_uta_orderbook": "unified.get_order_book",
    "rest_uta_tickers": "unified.get_tickers",
    "rest_uta_trades": "unified.get_trades",
}


def row(name: str) -> Endpoint:
    group, _, method = name.partition(".")
    return endpoints.endpoint(group, method)


def payloads():
    found = [
        pytest.param(row(name), msgspec.json.decode(data)["data"], id=case)
        for family, name in FAMILIES.items()
        for case, data in lines(family)
    ]
    return found or [pytest.param(None, None, marks=pytest.mark.skip(reason="no ../shared/payloads here"))]


@pytest.mark.parametrize(("row", "data"), payloads())
def test_what_kucoin_answered_comes_back_in_shape(row, data):
    answer = Shape(row).answer(data)
    if isinstance(answer, pd.DataFrame):
        rows = data[row.rows_key] if row.rows_key else data
        assert_typed(answer, row, rows)
    elif isinstance(answer, Record):
        assert set(answer) == {snake(name) for name in data}
        for name, given in data.items():
            assert_same(row, name, answer[name], given)
    else:
        assert isinstance(answer, pd.Timestamp)
        assert answer.value == data * 1_000_000


def assert_typed(frame, row, rows):
    """Every column has the dtype of its field, and no number was lost on the way."""
    assert len(frame) == len(rows)
    if row.columns:
        frame = frame.reset_index()
        rows = sorted((dict(zip(row.fields, each, strict=False)) for each in rows), key=lambda each: int(each["time"]))
    for name, text in row.fields.items():
        if "[]" in name or "." in name:
            continue
        kind, column = field(text), frame[snake(name)]
        given = [each.get(name) for each in rows]
        if kind.unit in INSTANTS:
            assert column.dtype == UTC
        elif kind.type in {"decimal", "number"}:
            assert column.dtype == np.float64
            assert [each for each in column if each == each] == [
                float(each) for each in given if each not in (None, "")
            ]
        elif kind.type == "integer":
            assert column.dtype in (np.int64, pd.Int64Dtype())
            assert [int(each) for each in column.dropna()] == [int(each) for each in given if each not in (None, "")]
        elif kind.type == "boolean":
            assert column.dtype in (np.bool_, pd.BooleanDtype())


def assert_same(row, name, answer, given):
    kind = field(row.fields.get(name, "any"))
    if kind.pair and any(len(each) != 2 for each in given):
        assert answer == given  # level 3, long gone: not prices and sizes
    elif kind.pair:
        assert [tuple(each) for each in answer.itertuples(index=False)] == [(float(p), float(s)) for p, s in given]
    elif given is None:
        assert answer is None
    elif kind.unit in INSTANTS:
        given = given // 10**6 if kind.unit == "ms" and int(given) > 10**15 else given  # an old answer, in ns
        assert answer.value == int(given) * {"s": 10**9, "ms": 10**6, "ns": 1}[kind.unit]
        assert str(answer.tz) == "UTC"
    elif kind.type in {"decimal", "number"}:
        assert isinstance(answer, float)
        assert answer == float(given)
    elif kind.type == "integer":
        assert type(answer) is int
        assert answer == int(given)
    elif kind.type != "array<object>":
        assert answer == given


# -- rows --------------------------------------------------------------------------------------------------------

LEDGER = row("account.get_spot_ledger")


def test_klines_have_the_form_of_the_live_ones():
    bars = Shape(row("spot_market.get_klines")).answer(
        [["1700000100", "3", "4", "5", "2", "10", "40"], ["1700000040", "1", "3", "3", "1", "20", "60"]]
    )
    assert list(bars.columns) == ["open", "high", "low", "close", "volume", "turnover"]
    assert (bars.index.name, str(bars.index.dtype)) == ("time", UTC)
    assert bars["close"].tolist() == [3.0, 4.0]  # the oldest first


def test_old_futures_klines_have_no_turnover():
    bars = Shape(row("futures_market.get_klines")).answer([[1_700_000_040_000, 1, 4, 0.5, 3, 7]])
    assert bars.iloc[0].tolist()[:5] == [1.0, 4.0, 0.5, 3.0, 7.0]
    assert np.isnan(bars["turnover"].iloc[0])


def test_an_empty_list_has_the_columns_and_their_types():
    frame = Shape(LEDGER).answer({"currentPage": 1, "items": [], "totalPage": 0})
    assert (frame["amount"].dtype, frame["created_at"].dtype) == (np.float64, UTC)
    assert len(frame) == len(Shape(LEDGER).answer(None)) == 0


def test_what_is_missing_or_odd_stays_beside_what_fits():
    rows = [
        {"id": "1", "amount": "0.5", "fee": "", "createdAt": 1_700_000_000_000, "news": {"a": 1}},
        {"id": "2", "amount": None, "fee": "much", "createdAt": None},
    ]
    frame = Shape(LEDGER).answer({"items": rows})
    assert frame["amount"].tolist()[0] == 0.5
    assert np.isnan(frame["amount"].iloc[1])
    assert frame["fee"].tolist() == ["", "much"]  # not numbers: as they came
    assert frame["created_at"].tolist() == [pd.Timestamp("2023-11-14 22:13:20", tz="UTC"), pd.NaT]
    assert frame["news"].tolist() == [{"a": 1}, None]  # newer than the catalogue


def test_nested_objects_are_columns_and_the_rest_is_in_attrs():
    answer = {
        "totalAssetOfQuoteCurrency": "3.5", "totalLiabilityOfQuoteCurrency": "0", "timestamp": 1_700_000_000_000,
        "assets": [{"symbol": "BTC-USDT", "baseAsset": {"currency": "BTC", "total": "0.02"}}],
    }  # fmt: skip
    frame = Shape(row("account.get_isolated_margin_account"), badge="SIMULATED").answer(answer)
    assert frame[["symbol", "base_asset_currency", "base_asset_total"]].to_numpy().tolist() == [
        ["BTC-USDT", "BTC", 0.02]
    ]
    assert frame.attrs == {
        "feed": "account.get_isolated_margin_account", "badge": "SIMULATED", "total_asset_of_quote_currency": 3.5,
        "total_liability_of_quote_currency": 0.0, "timestamp": "2023-11-14T22:13:20+00:00",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "rows"), [("account.get_spot_account_list", ["odd"]), ("spot_market.get_klines", [{}])]
)
def test_rows_of_another_form_are_an_error(name, rows):
    with pytest.raises(RemoteProtocolError, match=f"{name}: rows of another form; raw=True"):
        Shape(row(name)).answer(rows)


def test_lists_stay_lists_also_where_all_are_of_one_length():
    rows = [{"symbol": each, "sourceExchanges": ["okex", each]} for each in ("A", "B")]
    frame = Shape(row("futures_market.get_all_symbols")).answer(rows)
    assert frame["source_exchanges"].tolist() == [["okex", "A"], ["okex", "B"]]


def test_integers_with_holes_stay_integers():
    rows = [{"sequence": 2**60 + 1, "symbol": "A"}, {"symbol": "B"}]
    frame = Shape(row("futures_market.get_all_tickers")).answer(rows)
    assert frame["sequence"].dtype == pd.Int64Dtype()
    assert frame["sequence"].tolist()[0] == 2**60 + 1


# -- objects and scalars -----------------------------------------------------------------------------------------

BOOK = row("spot_market.get_full_order_book")


def test_an_object_takes_both_spellings_and_knows_its_badge():
    ticker = Shape(row("spot_market.get_ticker"), badge="SIMULATED").answer(
        {"bestBid": "1.5", "time": 1_700_000_000_000}
    )
    assert ticker["best_bid"] == ticker["bestBid"] == 1.5
    assert dict(ticker) == {"best_bid": 1.5, "time": pd.Timestamp("2023-11-14 22:13:20", tz="UTC")}
    assert repr(ticker).startswith("<Record SIMULATED | best_bid=1.5")
    with pytest.raises(KeyError):
        ticker["bestAsk"]


def test_exact_answers_have_decimals():
    book = Shape(BOOK, exact=True).answer(decode(b'{"bids":[["0.10","1E-8"]],"asks":[]}', exact=True))
    assert book["bids"].to_numpy().tolist() == [[Decimal("0.10"), Decimal("1E-8")]]
    mark = Shape(row("futures_market.get_mark_price"), exact=True).answer(
        decode(b'{"value":315.20000000000000001}', exact=True)
    )
    assert mark["value"] == Decimal("315.20000000000000001")


def test_maps_keep_their_keys():
    prices = Shape(row("spot_market.get_fiat_price")).answer({"BTC": "80000.5", "fooBar": None})
    assert dict(prices) == {"BTC": 80000.5, "fooBar": None}
    modes = Shape(row("futures_position.batch_switch_margin_mode")).answer(
        {"marginMode": {"XBTUSDTM": "CROSS"}, "errors": []}
    )
    assert dict(modes["margin_mode"]) == {"XBTUSDTM": "CROSS"}


def test_secrets_are_not_shown():
    key = Shape(row("sub_account.add_sub_account_api")).answer(
        {"apiKey": "k", "apiSecret": "hush", "passphrase": "psst"}
    )
    assert key["api_secret"] == "hush"
    assert "hush" not in repr(key)
    assert "psst" not in repr(key)


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("account.get_spot_account_type", True, True),
        ("spot_market.get_market_list", ["USDS", "BTC"], ["USDS", "BTC"]),
        ("spot_order.cancel_all_orders_by_symbol", "success", "success"),
        ("unified.set_account_mode", None, None),
        ("spot_order.add_order", None, None),
        ("spot_order.add_order", "unexpected", "unexpected"),
    ],
)
def test_scalars_and_nothing(name, data, expected):
    assert Shape(row(name)).answer(data) == expected


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
TYPICAL = [LEDGER, BOOK, *map(row, ("spot_market.get_ticker", "futures_market.get_all_symbols",
                                    "account.get_isolated_margin_account"))]  # fmt: skip


@given(st.sampled_from(TYPICAL), st.data())
@settings(deadline=None)  # other work on the machine is no fault
def test_no_value_can_break_an_answer(row, data):
    names = st.sampled_from([name for name in row.fields if "." not in name])
    one = st.dictionaries(names, JSON, max_size=6)
    rows = st.lists(one, max_size=3)
    answer = rows if row.kind == "array" else one if not row.rows_key else st.fixed_dictionaries({row.rows_key: rows})
    Shape(row).answer(data.draw(answer))
