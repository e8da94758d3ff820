"""Every real message at hand decodes into its struct, or is refused for a reason that is written here."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kucoin_stream.errors import RemoteProtocolError
from kucoin_stream.protocol import topics
from kucoin_stream.protocol.classic import ClassicProtocol
from kucoin_stream.protocol.events import Failed, Opened, Rejected
from kucoin_stream.protocol.messages import account, decode, encode, futures, futures_account, rest, spot
from kucoin_stream.protocol.messages.envelope import Push
from kucoin_stream.protocol.messages.rest import BookSnapshot, Bullet, Response, SymbolInfo, TradeRecord
from kucoin_stream.protocol.messages.spot import BookDelta, Changes, SnapshotData, Ticker, Trade
from tests.protocol import receive as one
from tests.protocol.payloads import RETIRED, cases, loads

CLASSIC = [row for row in topics.CATALOGUE if row.connection.endswith(("PublicV1", "PrivateV1"))]

FAMILIES = {
    "spot_ticker": spot.Ticker,
    "spot_all_tickers": spot.Ticker,
    "spot_level1": spot.BookTop,
    "spot_level2": spot.BookDelta,
    "spot_level2_depth5": spot.BookDepth,
    "spot_level2_depth50": spot.BookDepth,
    "spot_candles": spot.KlineUpdate,
    "spot_match": spot.Trade,
    "spot_snapshot": spot.Snapshot,
    "spot_market_snapshot": spot.Snapshot,
    "spot_callauction_data": spot.CallAuction,
    "spot_callauction_depth50": spot.BookDepth,
    "margin_index_price": spot.IndexPrice,
    "margin_mark_price": spot.IndexPrice,
    "spot_orders_v1": account.Order,
    "spot_orders_v2": account.Order,
    "account_balance": account.Balance,
    "spot_stop_orders": account.StopOrder,
    "margin_position": account.DebtRatio,
    "margin_isolated_position": account.IsolatedPosition,
    "futures_ticker_v2": futures.Ticker,
    "futures_ticker_v1": futures.TickerV1,
    "futures_level2": futures.BookChange,
    "futures_level2_depth5": futures.BookDepth,
    "futures_level2_depth50": futures.BookDepth,
    "futures_candles": futures.KlineUpdate,
    "futures_execution": futures.Trade,
    "futures_mark_index_price": futures.MarkPrice,
    "futures_funding_rate": futures.FundingRate,
    "futures_funding_settlement_announcement": futures.FundingSettlement,
    "futures_snapshot": futures.Snapshot,
    "futures_orders": futures_account.Order,
    "futures_stop_orders": futures_account.StopOrder,
    "futures_wallet": futures_account.Wallet,
    "futures_position": futures_account.Position,
    "futures_position_settlement": futures_account.PositionSettlement,
    "futures_position_risk_limit": futures_account.RiskLimit,
    "futures_margin_mode": dict,
    "futures_cross_leverage": dict,
}
"""What each family's messages are, but for those of another subject."""

OTHER_SUBJECTS = {
    "position.status": account.MarginStatus,
    "availableBalance.change": futures_account.AvailableBalance,
}

REFUSED_MESSAGES = {
    "futures_candles-0": "unknown topic: '/contractMarket/candle:XBTUSDM_10080'",  # another topic, of 2022
}
"""What is refused, and why."""


def receive(data: bytes) -> Any:
    protocol = ClassicProtocol(now=0.0)
    protocol.receive([b'{"id":"c","type":"welcome"}'], 0.0)
    event = one(protocol, data, 1.0)
    if isinstance(event, Push):  # from now on its shape is known
        assert one(protocol, data, 1.0) == event
    return event


def agrees(ours: Any, wire: Any) -> bool:
    """Whether a decoded value says what the wire said, as exactly as its type can."""
    if ours is None and wire == "":
        return True  # a number that is not there
    if isinstance(ours, dict):
        return ours.keys() == wire.keys() and all(agrees(ours[key], wire[key]) for key in wire)
    if isinstance(ours, account.RelationContext) and isinstance(wire, str):
        wire = loads(wire)  # an object written as text
    if isinstance(ours, tuple | list):
        return len(ours) == len(wire) and all(agrees(a, b) for a, b in zip(ours, wire, strict=True))
    if hasattr(ours, "__struct_fields__"):
        return not differences(ours, wire)
    if isinstance(wire, str) and not isinstance(ours, str):
        return ours == type(ours)(wire)
    return ours == wire


def differences(payload: Any, wire: Any) -> dict[str, tuple[Any, Any]]:
    """Return the fields of ``payload`` that differ from the JSON object (or array) it came from."""
    if isinstance(payload, dict):
        return {} if agrees(payload, wire) else {"": (payload, wire)}
    kind = type(payload)
    if kind.__struct_config__.array_like:
        pairs = dict(zip(kind.__struct_fields__, wire, strict=False))
    else:
        pairs = {ours: wire[key] for ours, key in _names(kind) if key in wire}
    if kind is account.Order and pairs.get("order_time_ms", 0) > 10**15:
        pairs["order_time_ms"] //= 10**6  # ns before late 2022
    if kind is futures.BookDepth and pairs.get("ts_ms", 0) > 10**15:
        pairs["ts_ms"] //= 10**6  # ns in old documents
    compared = {name: (getattr(payload, name), value) for name, value in pairs.items()}
    return {name: pair for name, pair in compared.items() if not agrees(*pair)}


def _names(kind: type[Any]) -> list[tuple[str, str]]:
    return list(zip(kind.__struct_fields__, kind.__struct_encode_fields__, strict=True))


@pytest.mark.parametrize("data", cases(*FAMILIES))
def test_push_says_what_the_wire_said(data, request):
    name = request.node.callspec.id
    if name in REFUSED_MESSAGES:
        with pytest.raises(RemoteProtocolError, match=REFUSED_MESSAGES[name]):
            receive(data)
        return
    wire = loads(data)
    event = receive(data)
    assert isinstance(event, Push)
    assert (event.topic, event.subject) == (wire["topic"], wire["subject"])
    assert type(event.data) is OTHER_SUBJECTS.get(event.subject, FAMILIES[name.rpartition("-")[0]])
    assert differences(event.data, wire["data"]) == {}


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_has_its_row(family):
    assert FAMILIES[family] is dict or FAMILIES[family] in {row.payload for row in CLASSIC}


BY_SYMBOL = [name for name, kind in FAMILIES.items() if "symbol" in getattr(kind, "__struct_fields__", ())]


@pytest.mark.parametrize("data", cases(*BY_SYMBOL))
def test_push_knows_its_symbol(data, request):
    if request.node.callspec.id in REFUSED_MESSAGES:
        return
    wire = loads(data)
    argument = wire["topic"].partition(":")[2]
    expected = wire["subject"] if argument == "all" else wire["data"].get("symbol", argument.partition("_")[0])
    assert receive(data).data.symbol == expected


def test_a_call_auction_with_the_short_keys_of_the_pro_channel():
    # The one sample (synthetic) has the keys of Pro's callAuctionInfo; protocol.md 4.7 documents long ones.
    data = {"s": "ETH-USDT", "ep": "2001.5", "es": "3.5", "slp": "1990", "ts": 1550653727732}
    event = receive(encode({"topic": "/callauction/callauctionData:ETH-USDT", "data": data}))
    assert event.data == spot.CallAuction("ETH-USDT", 2001.5, 3.5, 1990.0, time_ms=1550653727732)


def test_call_auction_as_documented():
    data = {
        "symbol": "GROVE-USDT", "estimatedPrice": "0.17", "estimatedSize": "0.03715004",
        "sellOrderRangeLowPrice": "1.788", "sellOrderRangeHighPrice": "2.788",
        "buyOrderRangeLowPrice": "1.788", "buyOrderRangeHighPrice": "2.788", "time": 1550653727731,
    }  # fmt: skip
    event = receive(encode({"topic": "/callauction/callauctionData:GROVE-USDT", "data": data}))
    assert event.data == spot.CallAuction("GROVE-USDT", 0.17, 0.03715004, 1.788, 2.788, 1.788, 2.788, 1550653727731)


@pytest.mark.parametrize("data", cases(*RETIRED))
def test_retired_topics_are_refused(data):
    with pytest.raises(RemoteProtocolError, match="unknown topic"):
        receive(data)


@pytest.mark.parametrize("data", cases("control_welcome", "control_ack", "control_pong", "control_error"))
def test_control_frames(data):
    wire = loads(data)
    expected = {
        "welcome": None,  # the second one of this connection
        "ack": None,  # of a command that is not ours
        "pong": None,  # to a ping that is not ours
        "error": Failed(wire.get("data", ""), 401)
        if wire.get("code") == 401
        else Rejected("", wire.get("code", 0), wire.get("data", "")),
    }
    assert receive(data) == expected[wire["type"]]


@pytest.mark.parametrize("data", cases("control_welcome"))
def test_welcome_frames(data):
    assert one(ClassicProtocol(now=0.0), data, 0.0) == Opened(loads(data)["id"])


@pytest.mark.parametrize(
    "data",
    cases(
        "control_ping", "control_subscribe_v1", "control_opentunnel", "control_closetunnel",
        "control_ack_pro", "control_subscribe_pro", "control_welcome_pro",
    ),
)  # fmt: skip
def test_frames_that_a_classic_server_never_sends(data):
    with pytest.raises(RemoteProtocolError):
        receive(data)


# -- answers of REST calls ---------------------------------------------------------------------------------------

ANSWERS = {
    "rest_bullet": Bullet,
    "rest_server_time": int,
    "rest_spot_klines": list[spot.Candle],
    "rest_spot_orderbook": BookSnapshot,
    "rest_spot_symbol": SymbolInfo,
    "rest_spot_symbols": list[SymbolInfo],
    "rest_spot_ticker": Ticker,
    "rest_spot_trades": list[TradeRecord],
    "rest_spot_all_tickers": dict,
    "rest_spot_24h_stats": dict,
}
MALFORMED = {
    "rest_spot_orderbook-2": r"at `\$.asks\[0\]\[0\]`",  # a level-3 book: an order id comes first
    "rest_spot_orderbook-4": r"at `\$.asks\[0\]\[0\]`",  # the same, with numbers
    "rest_spot_orderbook-5": "missing required field `sequence`",  # invented by a test suite
}


@pytest.mark.parametrize("data", cases(*ANSWERS))
def test_answer_says_what_the_wire_said(data, request):
    name = request.node.callspec.id
    wire = loads(data)
    response = decode(Response, data)
    assert str(response.code) == wire["code"]
    kind: Any = ANSWERS[name.rpartition("-")[0]]
    if name in MALFORMED:
        with pytest.raises(RemoteProtocolError, match=MALFORMED[name]):
            decode(kind, response.data)
        return
    assert agrees(decode(kind, response.data), wire["data"])


@pytest.mark.parametrize("data", cases("rest_spot_symbols"))
def test_increments_of_symbols_are_exact(data):
    ours = decode(list[SymbolInfo], decode(Response, data).data)
    for info, wire in zip(ours, loads(data)["data"], strict=True):
        assert (info.symbol, info.name) == (wire["symbol"], wire["name"])
        assert f"{info.price_increment:f}" == wire["priceIncrement"]
        assert f"{info.base_increment:f}" == wire["baseIncrement"]
        assert info.enable_trading is wire["enableTrading"]


@pytest.mark.parametrize("data", cases("rest_error"))
def test_error_answers(data):
    wire = loads(data)
    response = decode(Response, data)
    assert (response.code, response.msg, bytes(response.data)) == (wire["code"], wire["msg"], b"null")


def test_a_token_is_in_no_repr():
    answer = {"token": "geheim", "instanceServers": [{"endpoint": "wss://x.kucoin.com/"}]}
    bullet = decode(Bullet, encode(answer))
    assert repr(bullet) == "<Bullet ['wss://x.kucoin.com/']>"
    assert bullet.instance_servers[0].ping_interval is None


# -- numbers -----------------------------------------------------------------------------------------------------

NUMBERS = [
    (b'"0.10"', 0.1), (b"0.10", 0.1), (b"0.1", 0.1), (b"1", 1.0), (b'"1"', 1.0), (b"2.0E-4", 0.0002),
    (b'"2.0E-4"', 0.0002), (b"0E-8", 0.0), (b"315.20000000000000000000", 315.2),
    (b'"0.00000000000000000001"', 1e-20), (b'"-0"', 0.0), (b"1e24", 1e24), (b'"10171660581"', 10171660581.0),
]  # fmt: skip
REFUSED = [
    b'"nan"', b'"NaN"', b"NaN", b'"inf"', b'"Infinity"', b'"-inf"', b"Infinity", b"1e400", b'"1e400"', b"1e25",
    b'"1e25"', b'" 1"', b'"0x10"', b'"1_0"', b'"1,5"', b"true", b"[]", b"{}", b'"abc"', b'"\xff"',
]  # fmt: skip
AMOUNTS = [
    (b'{"topic":"/market/ticker:A-B","data":{"sequence":1,"price":%s}}', lambda payload: payload.price),
    (b'{"topic":"/indicator/index:A-B","data":{"symbol":"A-B","value":%s}}', lambda payload: payload.value),
    (
        (
            b'{"topic":"/market/level2:A-B","data":{"symbol":"A-B","sequenceStart":1,"sequenceEnd":1,"changes":'
            b'{"asks":[["1",%s,"1"]]}}}'
        ),
        lambda payload: payload.changes.asks[0][1],
    ),
    (
        b'{"topic":"/market/candles:A-B_1min","data":{"symbol":"A-B","candles":["60",%s,"1","1","1","1","1"]}}',
        lambda payload: payload.candle.open,
    ),
    (b'{"topic":"/market/snapshot:A-B","data":{"data":{"symbol":"A-B","vol":%s}}}', lambda payload: payload.data.vol),
]
SIGNED = [
    (
        b'{"topic":"/market/snapshot:A-B","data":{"data":{"symbol":"A-B","changePrice":%s}}}',
        lambda payload: payload.data.change_price,
    ),
    (
        b'{"topic":"/market/snapshot:A-B","data":{"data":{"symbol":"A-B","marketChange1h":{"changeRate":%s}}}}',
        lambda payload: payload.data.market_change_1h.change_rate,
    ),
]
WHERE = ["ticker", "index price", "level 2", "candle", "snapshot", "change of price", "change in an hour"]


@pytest.mark.parametrize(("text", "number"), NUMBERS)
@pytest.mark.parametrize(("message", "read"), AMOUNTS + SIGNED, ids=WHERE)
def test_numbers_come_as_text_or_as_numbers(message, read, text, number):
    assert read(receive(message % text).data) == number


@pytest.mark.parametrize("text", REFUSED)
@pytest.mark.parametrize("message", [message for message, _ in AMOUNTS + SIGNED], ids=WHERE)
def test_what_is_no_number_is_refused(message, text):
    with pytest.raises(RemoteProtocolError):
        receive(message % text)


@pytest.mark.parametrize("text", [b"-1", b'"-1"', b"-1e-9"])
@pytest.mark.parametrize("message", [message for message, _ in AMOUNTS], ids=WHERE[: len(AMOUNTS)])
def test_amounts_are_not_negative(message, text):
    with pytest.raises(RemoteProtocolError, match=r">= 0"):
        receive(message % text)


@pytest.mark.parametrize(("message", "read"), SIGNED, ids=WHERE[len(AMOUNTS) :])
def test_changes_may_be_negative(message, read):
    assert read(receive(message % b"-0.0015").data) == -0.0015


@pytest.mark.parametrize("quote", ["", '"'])
@pytest.mark.parametrize("value", [0, -1, 14701689783, 2**53 + 1, 11067996711960577, 1764215232226553123, 2**63 - 1])
def test_integers_stay_exact(value, quote):
    message = f'{{"topic":"/market/ticker:A-B","data":{{"sequence":{quote}{value}{quote}}}}}'
    payload = receive(message.encode()).data
    assert payload.sequence == value
    assert type(payload.sequence) is int


@pytest.mark.parametrize(
    "text", [b"9223372036854775808", b'"1180591620717411303425"', b'"x"', b"1.5", b"null", b"true", b'"nan"', b"[1]"]
)
def test_what_is_no_integer_is_refused(text):
    with pytest.raises(RemoteProtocolError):
        receive(b'{"topic":"/market/ticker:A-B","data":{"sequence":%s}}' % text)


@given(st.decimals(min_value=0, max_value=10**15, allow_nan=False, places=8))
def test_a_price_as_text_is_the_nearest_float(value):
    text = f"{value:f}"
    payload = receive(f'{{"topic":"/market/ticker:A-B","data":{{"sequence":1,"price":"{text}"}}}}'.encode()).data
    assert payload.price == float(text)


# -- fields come and go ------------------------------------------------------------------------------------------

TRADE = {
    "makerOrderId": "671b", "price": "67523", "sequence": "11067996711960577", "side": "buy", "size": "0.003",
    "symbol": "BTC-USDT", "takerOrderId": "672c", "time": "1729843222921000000", "tradeId": "11067996711960577",
    "type": "match",
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, {}),
        ({"makerOrderId": ...}, {"maker_order_id": ""}),
        ({"takerOrderId": ..., "type": ...}, {"taker_order_id": ""}),
        ({"time": 1729843222921000000, "price": 67523, "sequence": 11067996711960577}, {}),
        ({"feeRate": {"new": [1, 2]}}, {}),
        ({"price": ...}, None),
        ({"symbol": ...}, {}),
        ({"side": None}, None),
    ],
)
def test_fields_of_a_trade(change, expected):
    data = {key: value for key, value in (TRADE | change).items() if value is not ...}
    message = encode({"topic": "/market/match:BTC-USDT", "data": data})
    if expected is None:
        with pytest.raises(RemoteProtocolError):
            receive(message)
        return
    known = {
        "symbol": "BTC-USDT", "side": "buy", "price": 67523.0, "size": 0.003, "time_ns": 1729843222921000000,
        "trade_id": "11067996711960577", "sequence": 11067996711960577, "maker_order_id": "671b",
        "taker_order_id": "672c",
    }  # fmt: skip
    assert receive(message).data == Trade(**known | expected)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (
            {"changes": {"asks": [["1", "2", "7"]], "bids": []}, "sequenceStart": "7", "sequenceEnd": 7},
            BookDelta("A-B", Changes([(1.0, 2.0, 7)], []), 7, 7),
        ),
        (
            {"changes": {"bids": [[1, 0, 8]]}, "sequenceStart": 7, "sequenceEnd": 8, "time": 1729816425625},
            BookDelta("A-B", Changes([], [(1.0, 0.0, 8)]), 7, 8, 1729816425625),
        ),
        ({"changes": {}, "sequenceStart": 7, "sequenceEnd": 7, "time": None}, BookDelta("A-B", Changes(), 7, 7)),
    ],
)
def test_level_2_in_one_year_and_another(data, expected):
    message = encode({"topic": "/market/level2:A-B", "data": {"symbol": "A-B"} | data})
    assert receive(message).data == expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"sequence": "7", "bids": None, "asks": None}, BookSnapshot(7)),
        ({"sequence": -1, "time": 5, "bids": [], "asks": [["0.10", "1"]]}, BookSnapshot(-1, [], [(0.1, 1.0)], 5)),
    ],
)
def test_snapshot_of_an_empty_book(data, expected):
    assert decode(BookSnapshot, encode(data)) == expected


@pytest.mark.parametrize(
    "data",
    [
        {"sequence": "1", "data": {"symbol": "A-B"}},
        {"sequence": 1714767640013, "data": {"symbol": "A-B", "lastTradedPrice": None, "markets": None}},
        {"data": {"symbol": "A-B", "newField": {}}},
    ],
)
def test_snapshot_with_little_in_it(data):
    assert receive(encode({"topic": "/market/snapshot:A-B", "data": data})).data.data == SnapshotData("A-B")


def test_market_snapshot_of_older_servers_is_a_list():
    push = {"topic": "/market/snapshot:USDS", "data": {"sequence": "1", "data": [{"symbol": "A-B"}, {"symbol": "C-D"}]}}
    assert receive(encode(push)).data.data == [SnapshotData("A-B"), SnapshotData("C-D")]


@pytest.mark.parametrize("row", CLASSIC, ids=lambda row: row.name)
def test_an_empty_object_is_refused_where_anything_is_required(row):
    argument, subject = "A-B" if row.argument else "", row.subjects[0] if row.subjects else "A-B"
    message = encode({"topic": row.wire(argument), "subject": subject, "data": {}})
    kind = row.payload
    if not hasattr(kind, "__struct_fields__"):
        assert receive(message).data == {}
    elif set(kind.__struct_fields__) > set(_defaults(kind)):
        with pytest.raises(RemoteProtocolError, match="missing required field"):
            receive(message)
    else:
        assert receive(message).data == kind(symbol=argument)


def _defaults(kind: type[Any]) -> tuple[str, ...]:
    count = len(kind.__struct_defaults__)
    return kind.__struct_fields__[len(kind.__struct_fields__) - count :]


# -- the rows ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", CLASSIC, ids=lambda row: row.name)
def test_an_identity_names_fields(row):
    assert set(row.identity) <= set(getattr(row.payload, "__struct_fields__", ()))


@pytest.mark.parametrize("row", CLASSIC, ids=lambda row: row.name)
def test_units_of_time_are_in_the_names(row):
    named = [name for name in getattr(row.payload, "__struct_fields__", ()) if re.search(r"time|(^|_)ts($|_)", name)]
    assert [name for name in named if not re.search(r"_(ms|ns|s)$", name)] == []


@pytest.mark.parametrize("kind", [rest.BookSnapshot, rest.SymbolInfo, spot.Trade])
@pytest.mark.parametrize("data", [b"", b"null", b"[]", b"{", b"\xff", b"[" * 100_000])
def test_decode_raises_one_kind_of_error(kind, data):
    with pytest.raises(RemoteProtocolError, match=re.escape(f"not a {kind.__name__}")):
        decode(kind, data)
