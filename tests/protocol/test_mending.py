"""What other years, and other hands, write: read where it says the same, refused where it says nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kucoin_stream.errors import RemoteProtocolError
from kucoin_stream.protocol.decoding import decode
from kucoin_stream.protocol.messages import account, futures, pro, spot
from kucoin_stream.protocol.messages.control import Ack, Error, SessionText, Welcome
from kucoin_stream.protocol.messages.envelope import Command, Push
from kucoin_stream.protocol.messages.wsapi import BatchResult, CancelResult, OrderResult, RateLimit, SyncResult

CLASSIC, PRO, ORDERS = "spotPrivateV1", "privateProV2", "wsApiSpotV1"
NS = 1729842192785000000
MS = 1729842192785
CANDLE = ["1729839600", "1", "2", "3", "0.5", "4", "5"]
BAR = spot.Candle(1729839600, 1.0, 2.0, 3.0, 0.5, 4.0, 5.0)


def pushed(topic: str, data: Any, subject: str = "") -> Any:
    push = decode(json.dumps({"topic": topic, "subject": subject, "data": data}), CLASSIC)
    assert isinstance(push, Push)
    return push.data


def framed(channel: str, data: Any, **envelope: Any) -> Any:
    push = decode(json.dumps({"T": channel, "d": data, **envelope}), PRO)
    assert isinstance(push, Push)
    return push.data


@pytest.mark.parametrize(
    ("op", "data", "expected"),
    [
        ("margin.order", {"orderId": 670, "borrowSize": "", "loanApplyId": 60},
         OrderResult("670", borrow_size=None, loan_apply_id="60")),
        ("spot.order", {"orderId": 5, "clientOid": 6}, OrderResult("5", "6")),
        ("uta.cancel", {"orderId": 5, "ts": MS}, OrderResult("5", ts_ns=NS)),
        ("futures.cancel", {"cancelledOrderIds": [1]}, CancelResult(["1"])),
        ("futures.multi_order", [{"orderId": 5, "code": "200000"}], [BatchResult(200000, order_id="5")]),
        ("spot.sync_order", {"status": "open", "orderId": "o", "dealSize": ""}, SyncResult("open", "o")),
    ],
)  # fmt: skip
def test_an_answer_in_another_form_is_typed(op, data, expected):
    assert decode(json.dumps({"id": "c", "op": op, "code": "200000", "data": data}), ORDERS).data == expected


def test_a_quota_under_one_name_and_null_under_the_other():
    answer = {"id": "c", "op": "spot.order", "code": "200000", "userRateLimit": None, "rateLimit": {"limit": 4000}}
    assert decode(json.dumps(answer), ORDERS).rate_limit == RateLimit(4000)


TRADE = {"symbol": "A-B", "side": "buy", "price": "1", "size": "2", "tradeId": "t", "sequence": 7}
ORDER = {"symbol": "A", "orderId": "o", "side": "buy", "type": "open", "status": "open", "ts": NS}


@pytest.mark.parametrize("time", [NS, NS // 1000, MS, str(NS), str(MS)])
def test_a_time_in_any_unit_is_in_that_of_its_field(time):
    assert pushed("/market/match:A-B", TRADE | {"time": time}).time_ns == NS
    assert pushed("/contractMarket/execution:A", TRADE | {"ts": time}).ts_ns == NS
    assert pushed("/market/candles:A-B_1min", {"symbol": "A-B", "candles": CANDLE, "time": time}).time_ns == NS
    assert pushed("/market/ticker:A-B", {"sequence": 1, "time": time}).time_ms == MS
    assert pushed("/contractMarket/level2Depth5:A", {"timestamp": time, "ts": time}).timestamp_ms == MS
    assert pushed("/account/balance", {"currency": "A", "time": time}).time_ms == MS
    assert pushed("/contractMarket/advancedOrders", ORDER | {"createdAt": time}).created_at_ms == MS
    order = pushed("/contractMarket/tradeOrders", ORDER | {"orderTime": time}, "orderChange")
    assert order.order_time_ns == NS
    assert pushed("/spotMarket/tradeOrdersV2", ORDER | {"ts": time, "orderTime": time}).ts_ns == NS
    book = framed("obu.SPOT", {"s": "A-B", "O": 1, "C": 1, "M": time}, dp="5", t="snapshot")
    assert book.time_ns == NS
    order = framed("orderAll.UNIFIED", {"s": "A", "oi": "o", "O": time, "U": time})
    assert (order.created_ns, order.updated_ns) == (NS, NS)
    assert framed("funding-fee", {"s": "A", "fr": "0.1", "ft": time}, P=time) == pro.FundingRate(
        "A", 0.1, start_ms=MS, time_ns=NS
    )


def test_no_time_is_no_time():
    assert pushed("/contractMarket/tickerV2:A", {"symbol": "A", "ts": 0}).ts_ns is None


def test_the_begin_of_a_bar_in_milliseconds():
    data = {"symbol": "A-B", "candles": ["1729839600000", *CANDLE[1:]]}
    assert pushed("/market/candles:A-B_1min", data).candle == BAR


RATIO = {"debtRatio": 0, "timestamp": MS}


@pytest.mark.parametrize(
    ("topic", "subject", "data", "expected"),
    [
        ("/margin/position", "debt.ratio", {"type": "FROZEN_FL", "timestamp": MS},
         account.MarginStatus("FROZEN_FL", MS)),
        ("/margin/position", "debt.ratio", RATIO | {"debtList": {"A": None, "B": "1"}, "totalAsset": ""},
         account.DebtRatio(0.0, debt_list={"B": 1.0}, timestamp_ms=MS)),
        ("/spotMarket/level1:A-B", "", {"asks": [["2", "1"]], "bids": ["", ""]},
         spot.BookTop([2.0, 1.0], symbol="A-B")),
        ("/market/match:A-B", "", {k: v for k, v in TRADE.items() if k != "symbol"} | {"time": NS},
         spot.Trade("A-B", "buy", 1.0, 2.0, NS, "t", 7)),
        ("/market/candles:A-B_1min", "", {"candles": CANDLE}, spot.KlineUpdate("A-B", BAR, interval="1min")),
        ("/contractMarket/tickerV2:A", None, {"sequence": 1}, futures.Ticker("A", 1)),
        ("/indicator/index:A-B", "", {"value": 1}, spot.IndexPrice("A-B", 1.0)),
        ("/callauction/callauctionData:A-B", "", {"estimatedPrice": 1}, spot.CallAuction("A-B", 1.0)),
        ("/margin/isolatedPosition:A-B", "", {"status": "DEBT"},
         account.IsolatedPosition("A-B", "DEBT", symbol="A-B")),
        ("/market/snapshot:A-B", "", {"data": {"symbolCode": "A-B"}}, spot.Snapshot(spot.SnapshotData("A-B"))),
    ],
)  # fmt: skip
def test_a_push_in_another_form(topic, subject, data, expected):
    assert pushed(topic, data, subject) == expected


@pytest.mark.parametrize(
    ("channel", "envelope"),
    [("obu.SPOT", {"dp": 5, "t": "SNAPSHOT"}), ("obu.SPOT", {"dp": "5", "t": "Snapshot", "P": MS})],
)
def test_a_book_of_pro_in_another_form(channel, envelope):
    assert framed(channel, {"s": "A", "O": 1, "C": 1}, **envelope) == pro.Book("A", 1, 1, kind="snapshot")


def test_other_forms_of_pro():
    assert framed("mark-price", {"s": "A", "mP": "1", "iP": "2"}, t=None) == pro.MarkPrice("A", 1.0, 2.0)
    assert framed("callAuctionInfo", {"s": "A", "ep": 1}).estimated_price == 1.0
    assert [framed("balance.UNIFIED", {"c": "A", "cS": each}).collateral for each in (True, False, 1, "1")] == [
        "1", "0", "1", "1",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("connection", "message", "expected"),
    [
        (PRO, {"data": "token is expired"}, Error("", 401, "token is expired")),
        (PRO, {"id": "1", "result": 1}, Ack("1")),
        (PRO, {"id": "1", "result": "1"}, Ack("1")),
        (PRO, {"sessionId": 5, "message": "welcome"}, Welcome("5")),
        (ORDERS, {"sessionId": 5, "timestamp": MS},
         SessionText("5", MS, '{"sessionId": 5, "timestamp": 1729842192785}')),
        (CLASSIC, {"id": "1", "type": "subscribe", "topic": "/a", "privateChannel": None},
         Command("1", "subscribe", "/a")),
        (CLASSIC, {"topic": "/market/ticker:A-B", "type": None, "subject": None, "data": {"sequence": 1}},
         Push("/market/ticker:A-B", spot.Ticker(1, symbol="A-B"))),
    ],
)  # fmt: skip
def test_a_frame_in_another_form(connection, message, expected):
    assert decode(json.dumps(message), connection) == expected


DELTA = {"symbol": "A-B", "changes": {}, "sequenceStart": 5, "sequenceEnd": 4}


@pytest.mark.parametrize(
    ("topic", "data"),
    [
        ("/contractMarket/level2:A", {"sequence": 1, "change": "rubbish"}),
        ("/contractMarket/level2:A", {"sequence": 1, "change": ""}),
        ("/spotMarket/level1:A-B", {"asks": ["1"]}),
        ("/spotMarket/level1:A-B", {"asks": ["1", "2", "3", "4"]}),
        ("/spotMarket/level1:A-B", {"asks": [["1", "2"], ["3", "4"]]}),
        ("/market/level2:A-B", DELTA),
        ("/spotMarket/tradeOrdersV2", ORDER | {"orderId": ""}),
        ("/contractMarket/tickerV2:A", {}),
        ("/market/match:A-B", TRADE | {"time": 5}),
    ],
)
def test_what_says_nothing_is_refused(topic, data):
    with pytest.raises(RemoteProtocolError) as caught:
        pushed(topic, data)
    assert caught.value.topic == topic


@pytest.mark.parametrize("envelope", [{}, {"t": None}, {"t": "other"}])
def test_a_book_of_pro_that_does_not_say_what_it_is(envelope):
    with pytest.raises(RemoteProtocolError) as caught:
        framed("obu.SPOT", {"s": "A", "O": 1, "C": 1}, dp="5", **envelope)
    assert caught.value.topic == "obu.SPOT@5:A"
