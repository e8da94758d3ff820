"""Private messages: orders, balances and positions as documented and as other years wrote them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kucoin_stream.errors import RemoteProtocolError
from kucoin_stream.protocol.messages import account, decode, encode, futures_account
from kucoin_stream.protocol.messages.account import Balance, DebtRatio, IsolatedAsset, MarginAsset, RelationContext
from tests.protocol.test_messages import receive


def of(topic: str, data: Any, subject: str = "") -> Any:
    """Return the payload of a push."""
    return receive(
        encode({"topic": topic, "subject": subject, "userId": "u", "channelType": "private", "data": data})
    ).data


SPOT = "/spotMarket/tradeOrdersV2"
FUTURES = "/contractMarket/tradeOrders:XBTUSDTM"
ORDER = {
    "symbol": "BTC-USDT",
    "orderId": "o",
    "side": "buy",
    "type": "open",
    "status": "open",
    "ts": 1730211033335000000,
}
ORDERS = [(SPOT, account.Order), (FUTURES, futures_account.Order)]


@pytest.mark.parametrize(("topic", "kind"), ORDERS)
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {}),
        ({"price": "50000"}, {"price": 50000.0}),
        ({"price": 50000}, {"price": 50000.0}),
        ({"price": "2.0E-4", "size": "1"}, {"price": 0.0002, "size": 1.0}),
        ({"price": "", "matchPrice": "", "matchSize": ""}, {}),
        ({"price": None, "clientOid": None, "tradeId": None}, {}),
        ({"clientOid": "", "feeType": ""}, {}),
        ({"clientOid": 5, "tradeId": 11116472408358913}, {"client_oid": "5", "trade_id": "11116472408358913"}),
        ({"price": "0"}, {"price": 0.0}),
        ({"clientOid": "5c52", "liquidity": "taker", "feeType": "takerFee", "tradeId": "7"},
         {"client_oid": "5c52", "liquidity": "taker", "fee_type": "takerFee", "trade_id": "7"}),
        ({"allCanceledSize": "0", "new": {}}, {}),
        ({"ts": "1730211033335000000"}, {}),
        ({"price": "abc"}, None),
        ({"price": " "}, None),
        ({"price": -1}, None),
        ({"ts": None}, None),
        ({"orderId": ...}, None),
        ({"type": None}, None),
    ],
)  # fmt: skip
def test_fields_of_an_order(topic, kind, given, expected):
    data = {key: value for key, value in (ORDER | given).items() if value is not ...}
    if expected is None:
        with pytest.raises(RemoteProtocolError, match="tradeOrders"):
            of(topic, data)
        return
    assert of(topic, data) == kind("BTC-USDT", "o", "buy", "open", "open", 1730211033335000000, **expected)


@pytest.mark.parametrize(
    ("order_time", "milliseconds"),
    [
        (1730211033305, 1730211033305),
        ("1730211033305", 1730211033305),
        (1640198796191168550, 1640198796191),  # before late 2022
        (None, None),
    ],
)
def test_the_time_of_a_spot_order_is_in_ms(order_time, milliseconds):
    order = of(SPOT, ORDER | {"orderTime": order_time})
    assert order.order_time_ms == milliseconds
    assert decode(account.Order, encode(order)) == order


def test_the_time_of_a_futures_order_is_in_ns():
    assert of(FUTURES, ORDER | {"orderTime": 1772043995356345762}).order_time_ns == 1772043995356345762


def test_a_match_of_a_futures_order_in_hedge_mode():
    data = {
        "symbol": "ETHUSDTM", "orderType": "market", "side": "buy", "canceledSize": "0",
        "orderId": "416204113500479490",
        "positionSide": "LONG", "liquidity": "taker", "marginMode": "ISOLATED", "type": "match", "feeType": "takerFee",
        "orderTime": 1772043995356345762, "size": "1", "filledSize": "1", "price": "0", "matchPrice": "2068.55",
        "matchSize": "1", "remainSize": "0", "tradeId": "1815302608109", "clientOid": "9f7a", "tradeType": "trade",
        "status": "match", "ts": 1772043995362000000,
    }  # fmt: skip
    assert of("/contractMarket/tradeOrders", data, "orderChange") == futures_account.Order(
        "ETHUSDTM", "416204113500479490", "buy", "match", "match", 1772043995362000000, 1772043995356345762, "9f7a",
        "market", price=0.0, size=1.0, filled_size=1.0, remain_size=0.0, canceled_size=0.0, match_price=2068.55,
        match_size=1.0, trade_id="1815302608109", liquidity="taker", fee_type="takerFee", margin_mode="ISOLATED",
        position_side="LONG", trade_type="trade",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("topic", "kind"),
    [
        ("/spotMarket/advancedOrders", account.StopOrder),
        ("/contractMarket/advancedOrders", futures_account.StopOrder),
    ],
)
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"size": 1, "createdAt": 1730194206837}, {"size": 1.0, "created_at_ms": 1730194206837}),
        ({"size": "1000", "triggerSuccess": False}, {"size": 1000.0, "trigger_success": False}),
        ({"error": "Balance insufficient!"}, {"error": "Balance insufficient!"}),
        ({"orderPrice": "", "stopPrice": "0.00062000000000000000"}, {"stop_price": 0.00062}),
        ({"triggerSuccess": None, "error": None}, {}),
    ],
)  # fmt: skip
def test_stop_order(topic, kind, given, expected):
    data = {"symbol": "A", "orderId": "vs93", "type": "open", "side": "buy", "ts": 1742305928091268493} | given
    assert of(topic, data) == kind("A", "vs93", "open", "buy", 1742305928091268493, **expected)


CONTEXT = RelationContext("BTC-USDT", "6721")


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        (..., None),
        (None, None),
        ({}, RelationContext()),
        ({"symbol": "BTC-USDT", "orderId": "6721"}, CONTEXT),
        ({"symbol": "BTC-USDT", "orderId": "6721", "tradeId": None, "more": 1}, CONTEXT),
        ({"symbol": "BTC-USDT", "orderId": 6721, "tradeId": ""}, CONTEXT),
        ('{"symbol":"BTC-USDT","orderId":"6721"}', CONTEXT),
        ("", None),
        ("none", None),
        ("[1]", None),
        ("[" * 5000, None),
    ],
)
def test_what_a_change_of_balance_belongs_to(context, expected):
    data = {"currency": "USDT", "total": "21.13", "availableChange": "-0.5005", "relationContext": context, "time": "7"}
    data = {key: value for key, value in data.items() if value is not ...}
    balance = of("/account/balance", data, "account.balance")
    assert balance == Balance("USDT", 21.13, available_change=-0.5005, relation_context=expected, time_ms=7)


@given(st.text())
def test_any_text_as_a_relation_context_is_read(text):
    context = decode(Balance, encode({"currency": "A", "relationContext": text})).relation_context
    assert context is None or isinstance(context, RelationContext)


def test_debt_of_the_cross_margin_account():
    data = {
        "debtRatio": 0, "totalAsset": 0.00052431772284080000000, "marginCoefficientTotalAsset": "0.0005243177228408",
        "totalDebt": "0", "assetList": {"BTC": {"total": "0.00002", "available": "0", "hold": "0.00002"}},
        "debtList": {"BTC": "0", "USDT": 1}, "timestamp": 1729912435657,
    }  # fmt: skip
    assert of("/margin/position", data, "debt.ratio") == DebtRatio(
        0.0, 0.0005243177228408, 0.0005243177228408, 0.0, {"BTC": MarginAsset(0.00002, 0.0, 0.00002)},
        {"BTC": 0.0, "USDT": 1.0}, 1729912435657,
    )  # fmt: skip
    assert of("/margin/position", {"debtRatio": "0.75", "assetList": None}, "debt.ratio") == DebtRatio(0.75)


def test_isolated_margin_position():
    data = {
        "tag": "BTC-USDT", "status": "DEBT", "statusBizType": "DEFAULT_DEBT", "accumulatedPrincipal": "5.01",
        "changeAssets": {"USDT": {"total": "0.98", "hold": "0", "liabilityPrincipal": "26", "liabilityInterest": 0.1}},
        "timestamp": 1730121097742,
    }  # fmt: skip
    assert of("/margin/isolatedPosition:BTC-USDT", data) == account.IsolatedPosition(
        "BTC-USDT",
        "DEBT",
        "DEFAULT_DEBT",
        5.01,
        {"USDT": IsolatedAsset(0.98, 0.0, 26.0, 0.1)},
        1730121097742,
        "BTC-USDT",
    )


def test_futures_wallet():
    data = {
        "crossPosMargin": "0", "equity": "-49.5", "version": "2874", "availableBalance": 28.67,
        "isolatedUnPnl": "-0.0979", "currency": "USDT", "availableMargin": None, "timestamp": "1772050541214",
    }  # fmt: skip
    assert of("/contractAccount/wallet", data, "walletBalance.change") == futures_account.Wallet(
        "USDT", cross_pos_margin=0.0, equity=-49.5, version=2874, available_balance=28.67, isolated_un_pnl=-0.0979,
        timestamp_ms=1772050541214,
    )  # fmt: skip


def test_a_position_after_a_change_of_the_mark_price_says_a_part():
    data = {
        "markPrice": 7947.83, "markValue": 0.00251640, "maintMargin": "0.00252044", "realLeverage": 10.06,
        "unrealisedPnl": -0.00014735, "unrealisedRoePcnt": -0.0553, "unrealisedPnlPcnt": -0.0553,
        "delevPercentage": 0.52, "currentTimestamp": 1558087175068, "settleCurrency": "XBT",
        "changeReason": "markPriceChange",
    }  # fmt: skip
    position = of("/contract/position:XBTUSDM", data, "position.change")
    known = {name for name in position.__struct_fields__ if getattr(position, name) is not None}
    assert known == {
        "symbol", "mark_price", "mark_value", "maint_margin", "real_leverage", "unrealised_pnl", "unrealised_roe_pcnt",
        "unrealised_pnl_pcnt", "delev_percentage", "current_timestamp_ms", "settle_currency", "change_reason",
    }  # fmt: skip
    assert (position.symbol, position.unrealised_pnl) == ("XBTUSDM", -0.00014735)


@pytest.mark.parametrize("data", [[], "CROSS", None, {"A": None}, {"A": {"leverage": "8"}}])
def test_what_is_no_map_of_margin_modes(data):
    with pytest.raises(RemoteProtocolError, match="marginMode"):
        of("/contract/marginMode", data, "user.config")


@pytest.mark.parametrize("data", [[], {"A": None}, {"A": "x"}, {"A": {}}, {"A": {"leverage": "x"}}])
def test_what_is_no_map_of_leverages(data):
    with pytest.raises(RemoteProtocolError, match="crossLeverage"):
        of("/contract/crossLeverage", data, "user.config")
