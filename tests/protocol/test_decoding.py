"""One message of any connection, as a typed struct; and whatever else may come, for ``decode`` and the machines."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kucoin_stream.errors import RemoteProtocolError, UsageError
from kucoin_stream.protocol.classic import ClassicProtocol
from kucoin_stream.protocol.decoding import decode
from kucoin_stream.protocol.events import Answered, Unreadable
from kucoin_stream.protocol.inflate import LIMIT
from kucoin_stream.protocol.messages import futures, spot
from kucoin_stream.protocol.messages import pro as messages
from kucoin_stream.protocol.messages.control import Ack, Error, Notice, Ping, Pong, SessionText, Welcome
from kucoin_stream.protocol.messages.envelope import Command, Push
from kucoin_stream.protocol.messages.wsapi import OrderResult, RateLimit, Request
from kucoin_stream.protocol.pro import ProProtocol
from kucoin_stream.protocol.topic import Connection
from kucoin_stream.protocol.wsapi import WsApiProtocol
from tests.protocol.payloads import SHARED, lines, loads
from tests.protocol.test_messages import REFUSED_MESSAGES

CLASSIC, PRO, ORDERS = "spotPublicV1", "spotPublicProV2", "wsApiSpotV1"
GENERATIONS = [CLASSIC, PRO, ORDERS]
SESSION = "ddfb0cbd-f7a7-40c2-9129-445bbb830c54"


def text(message: object) -> str:
    return json.dumps(message)


def deflated(data: bytes) -> bytes:
    compressor = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return compressor.compress(data) + compressor.flush()


# -- pushes ------------------------------------------------------------------------------------------------------

BOOK = {"T": "obu.SPOT", "dp": "5", "t": "snapshot", "P": 6, "d": {"s": "A-B", "O": 7, "C": 7, "a": [["2", "1"]]}}
RATES = [{"s": "XBTUSDTM", "fr": "0.1"}, {"s": "ETHUSDTM", "fr": "-0.2"}]


@pytest.mark.parametrize(
    ("connection", "message", "push"),
    [
        pytest.param(
            CLASSIC,
            {"topic": "/market/ticker:A-B", "type": "message", "subject": "trade.ticker", "data": {"sequence": "7"}},
            Push("/market/ticker:A-B", spot.Ticker(sequence=7, symbol="A-B"), "trade.ticker"),
            id="a symbol from the topic",
        ),
        pytest.param(
            CLASSIC,
            {"topic": "/market/ticker:all", "subject": "A-B", "data": {"sequence": 7}},
            Push("/market/ticker:all", spot.Ticker(sequence=7, symbol="A-B"), "A-B"),
            id="a symbol from the subject",
        ),
        pytest.param(
            CLASSIC,
            {
                "topic": "/contract/instrument:XBTUSDTM", "type": "message", "subject": "funding.rate", "sn": 5,
                "data": {"fundingRate": -0.5, "granularity": 60000, "timestamp": 8},
            },
            Push("/contract/instrument:XBTUSDTM",
                 futures.FundingRate(-0.5, 60000, timestamp_ms=8, symbol="XBTUSDTM"), "funding.rate"),
            id="a futures topic, told by its subject, on a spot connection",
        ),
        pytest.param(
            PRO, BOOK,
            Push("obu.SPOT@5:A-B", messages.Book("A-B", 7, 7, [(2.0, 1.0)], kind="snapshot"), "snapshot"),
            id="a book of Pro knows its kind",
        ),
        pytest.param(
            PRO, {"T": "funding-fee-all-symbols", "P": 5, "d": RATES},
            Push("funding-fee-all-symbols.FUTURES", [
                messages.FundingRate("XBTUSDTM", 0.1, time_ns=5), messages.FundingRate("ETHUSDTM", -0.2, time_ns=5),
            ]),
            id="several payloads are a list",
        ),
    ],
)  # fmt: skip
def test_a_push(connection, message, push):
    assert decode(text(message), connection) == push
    assert decode(text(message).encode(), connection) == push
    assert decode(deflated(text(message).encode()), connection) == push


@pytest.mark.parametrize("connection", Connection)
def test_every_connection_speaks_one_generation(connection):
    spoken = []
    for name, message in {
        "classic": {"topic": "/market/ticker:A-B", "data": {"sequence": 7}},
        "pro": BOOK,
        "orders": {"id": "1", "op": "spot.order", "code": "200000", "data": {"orderId": "o"}},
    }.items():
        try:
            understood = decode(text(message), connection.value)
        except RemoteProtocolError:
            continue
        if isinstance(understood, Push | Answered):
            spoken.append(name)
    expected = "classic" if connection.endswith("V1") else "pro"
    assert spoken == ["orders" if connection.startswith("wsApi") else expected]


@pytest.mark.parametrize("connection", ["", "spot", "spotPublicV2", "SPOT_PUBLIC", None, 1, []])
def test_an_unknown_connection(connection):
    with pytest.raises(UsageError, match="no such connection") as caught:
        decode("{}", connection)
    assert all(key.value in str(caught.value) for key in Connection)


@pytest.mark.parametrize("data", [None, 5, {"type": "ack"}, [b"{}"]])
def test_what_is_neither_bytes_nor_text(data):
    with pytest.raises(UsageError, match="a message is bytes or text"):
        decode(data, CLASSIC)


# -- answers and control frames ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("connection", "message", "expected"),
    [
        (CLASSIC, {"id": "hQ", "type": "welcome"}, Welcome("hQ")),
        (CLASSIC, {"id": 5, "type": "welcome", "new": {"a": [1]}}, Welcome("5")),
        (CLASSIC, {"type": "welcome", "pingInterval": 18000, "pingTimeout": 10000}, Welcome("", 18000.0, 10000.0)),
        (PRO, {"sessionId": SESSION, "message": "welcome", "pingInterval": 18000}, Welcome(SESSION, 18000.0)),
        (PRO, {"sessionId": SESSION, "data": "welcome", "pingInterval": "18000"}, Welcome(SESSION, 18000.0)),
        (PRO, {"message": "Welcome", "pingInterval": "soon", "pingTimeout": "nan"}, Welcome("")),
        (ORDERS, {"sessionId": SESSION, "data": "welcome", "pingInterval": 18000, "pingTimeout": 10000},
         Welcome(SESSION, 18000.0, 10000.0)),
        (ORDERS, {"sessionId": SESSION, "message": "welcome"}, Welcome(SESSION)),
        (CLASSIC, {"id": "1", "type": "ack"}, Ack("1")),
        (CLASSIC, {"id": 1, "type": "ack", "tunnelId": "bt1"}, Ack("1")),
        (CLASSIC, {"type": "ack"}, Ack("")),
        (PRO, {"id": "p1", "result": True}, Ack("p1")),
        (PRO, {"id": 1, "result": "true"}, Ack("1")),
        (PRO, {"result": "TRUE", "data": {"a": 1}}, Ack("")),
        (PRO, {"id": "1", "code": "200000", "msg": "success"}, Ack("1")),
        (ORDERS, {"id": "auth", "result": True}, Ack("auth")),
        (CLASSIC, {"id": "1", "type": "error", "code": 404, "data": "topic does not exist"},
         Error("1", 404, "topic does not exist")),
        (CLASSIC, {"type": "error", "code": "401", "data": "token is expired"}, Error("", 401, "token is expired")),
        (CLASSIC, {"id": 1, "type": "error", "code": 500, "data": {"a": 1}}, Error("1", 500, "{'a': 1}")),
        (CLASSIC, {"type": "error", "code": 509, "data": None, "msg": "service busy"}, Error("", 509, "service busy")),
        (CLASSIC, {"type": "error", "code": None, "message": "a\nb"}, Error("", 0, "a b")),
        (CLASSIC, {"type": "error"}, Error("", 0, "no reason given")),
        (PRO, {"id": "1", "result": False, "reason": "missing `symbol`"}, Error("1", 0, "missing `symbol`")),
        (PRO, {"id": "1", "result": "false", "message": "invalid request data"}, Error("1", 0, "invalid request data")),
        (PRO, {"id": 1, "result": False, "code": "400005", "msg": "sign"}, Error("1", 400005, "sign")),
        (PRO, {"code": 401, "data": "token is expired"}, Error("", 401, "token is expired")),
        (PRO, {"message": "token is invalid"}, Error("", 401, "token is invalid")),
        (PRO, {"result": None, "code": "429000", "msg": "too fast"}, Error("", 429000, "too fast")),
        (ORDERS, {"code": "400003", "msg": "KC-API-KEY not exists.", "inTime": 1, "outTime": 1},
         Error("", 400003, "KC-API-KEY not exists.")),
        (ORDERS, {"id": "auth", "op": "auth", "code": "400004", "msg": "no"}, Error("auth", 400004, "no")),
        (CLASSIC, {"id": "1", "type": "pong"}, Pong("1")),
        (CLASSIC, {"id": 1, "type": "pong", "timestamp": 1764215232226553}, Pong("1", 1764215232226553000)),
        (CLASSIC, {"type": "pong", "timestamp": "1764215232226553"}, Pong("", 1764215232226553000)),
        (PRO, {"type": "pong", "id": "p32", "ts": 1790113111261396000}, Pong("p32", 1790113111261396000)),
        (PRO, {"op": "pong", "id": "1", "timestamp": 1771580331000}, Pong("1", 1771580331000000000)),
        (ORDERS, {"id": "ping-123", "op": "pong", "timestamp": 1742175983885}, Pong("ping-123", 1742175983885000000)),
        (ORDERS, {"op": "pong", "timestamp": "soon"}, Pong("")),
        (CLASSIC, {"type": "notice", "data": "maintenance at noon"}, Notice("", "maintenance at noon")),
    ],
)  # fmt: skip
def test_what_an_exchange_says(connection, message, expected):
    assert decode(text(message), connection) == expected


@pytest.mark.parametrize(
    ("connection", "message", "expected"),
    [
        (CLASSIC, {"id": "1", "type": "ping"}, Ping("1")),
        (PRO, {"id": 1, "type": "ping"}, Ping("1")),
        (PRO, {"id": "1", "op": "ping", "timestamp": 1771580331000}, Ping("1", 1771580331000000000)),
        (ORDERS, {"id": "1", "op": "ping", "timestamp": "1742175983882"}, Ping("1", 1742175983882000000)),
        (CLASSIC, {"id": 5, "type": "subscribe", "topic": "/a:b", "privateChannel": "true", "response": True},
         Command("5", "subscribe", "/a:b", "true", response=True)),
        (CLASSIC, {"type": "unsubscribe", "topic": "/a:b", "tunnelId": "t"},
         Command("", "unsubscribe", "/a:b", tunnel_id="t")),
        (CLASSIC, {"id": "1", "type": "openTunnel", "newTunnelId": "t", "response": True},
         Command("1", "openTunnel", response=True, new_tunnel_id="t")),
        (PRO, {"id": 5, "action": "subscribe", "channel": "ticker", "tradeType": "SPOT", "symbols": ["A", "B"]},
         messages.Command("5", action="subscribe", channel="ticker", trade_type="SPOT", symbols=("A", "B"))),
        (ORDERS, {"id": 5, "op": "spot.order", "args": {"size": "1"}}, Request("5", "spot.order", {"size": "1"})),
        (ORDERS, {"id": "1", "op": "futures.multi_order", "args": [{}]}, Request("1", "futures.multi_order", [{}])),
    ],
)  # fmt: skip
def test_what_a_client_says(connection, message, expected):
    assert decode(text(message), connection) == expected


RATE = {"limit": 4000, "reset": 29998, "remaining": 3999}


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            {"id": "1", "op": "spot.order", "code": "200000", "data": {"orderId": "o"}, "inTime": 1742176000000,
             "outTime": 1742176000008000000, "userRateLimit": RATE},
            Answered("1", "spot.order", 200000, OrderResult("o"), "", 1742176000000000000, 1742176000008000000,
                     RateLimit(4000, 3999, 29998)),
        ),
        ({"id": 1, "op": "spot.order", "code": 429000, "msg": "slow"},
         Answered("1", "spot.order", 429000, message="slow")),
        ({"op": "spot.cancel", "code": "400102", "message": "odd"},
         Answered("", "spot.cancel", 400102, message="odd")),
        ({"id": "1", "code": "100004", "msg": {"a": 1}}, Answered("1", "", 100004, message="{'a': 1}")),
        ({"id": "1", "op": "spot.order", "args": {}, "code": "200000"}, Answered("1", "spot.order", 200000)),
    ],
)  # fmt: skip
def test_the_answer_to_an_order(message, expected):
    assert decode(text(message), ORDERS) == expected


@pytest.mark.parametrize(
    "challenge", ['{"sessionId":"s","timestamp":1742175983882}', ' {"timestamp": "1742175983882", "sessionId": "s"}']
)
def test_the_session_text_keeps_the_text_that_is_to_be_signed(challenge):
    assert decode(challenge, ORDERS) == SessionText("s", 1742175983882, challenge)


# -- what cannot be read -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("connection", "data", "what", "topic"),
    [
        (CLASSIC, "not json", "undecodable message", ""),
        (CLASSIC, "", "undecodable message", ""),
        (CLASSIC, "\ud800", "undecodable message", ""),
        (CLASSIC, '{"type":"hello"}', "says nothing known: 'hello'", ""),
        (CLASSIC, '{"topic":"/market/level3:A-B","data":{}}', "unknown topic", "/market/level3:A-B"),
        (CLASSIC, '{"topic":"/margin/loan:BTC","subject":"order.open","data":{}}', "unknown topic", "/margin/loan:BTC"),
        (CLASSIC, '{"topic":"/market/match:A-B","data":{}}', "undecodable push", "/market/match:A-B"),
        (CLASSIC, '{"id":"1","type":"subscribe","topic":["/a"]}', "undecodable message", ""),
        (CLASSIC, '{"id":"1","type":"subscribe","response":"perhaps"}', "undecodable command", ""),
        (PRO, '{"T":"obu.SPOT","dp":"20","d":{}}', "unknown channel", ""),
        (PRO, '{"T":"trade.SPOT","d":{"s":"A-B"}}', "undecodable push", "trade.SPOT:A-B"),
        (PRO, "{}", "says nothing known: ''", ""),
        (PRO, '{"action":"SUBSCRIBE","symbols":5}', "undecodable command", ""),
        (ORDERS, '{"sessionId":"s"}', "no session text", ""),
        (ORDERS, '{"sessionId":"s","timestamp":"1POST/api/v1/withdrawals"}', "no session text", ""),
        (ORDERS, '{"id":"1","op":"spot.order","args":5}', "undecodable request", ""),
        (ORDERS, '{"op":"auth","kc-api-key":"KEY","kc-api-passphrase":"PHRASE"}', "nothing known: 'auth'", ""),
        (ORDERS, "Yq4c8FBajY++M1aB35hKDxztqQRsZzGjVrJLVtP3cdU=", "undecodable message", ""),
    ],
)
def test_what_the_protocol_does_not_allow(connection, data, what, topic):
    with pytest.raises(RemoteProtocolError, match=what) as caught:
        decode(data, connection)
    assert caught.value.topic == topic
    assert len(str(caught.value)) < 500
    assert "KEY" not in str(caught.value)
    assert "PHRASE" not in str(caught.value)


@pytest.mark.parametrize(
    ("frame", "what"),
    [
        (deflated(b"{" + b" " * LIMIT + b"}"), "more than"),
        (deflated(b'{"type":"ack"}')[:-1], "the end is missing"),
        (b"\x1f\x8b\x08\x00", "neither JSON nor raw deflate"),
        (zlib.compress(b'{"type":"ack"}'), "neither JSON nor raw deflate"),
    ],
)
@pytest.mark.parametrize("connection", GENERATIONS)
def test_a_compressed_frame_is_bounded_and_whole(connection, frame, what):
    with pytest.raises(RemoteProtocolError, match=what):
        decode(frame, connection)
    (event,) = pro().receive([frame], 1.0)
    assert isinstance(event, Unreadable)
    assert what in str(event.error)


# -- the real messages ---------------------------------------------------------------------------------------------

RETIRED = {
    "futures_level3_legacy", "margin_funding_book", "margin_loan_legacy", "spot_level3_legacy",
}  # fmt: skip
CONTROL: dict[str, tuple[type, ...]] = {
    "control_ack": (Ack,),
    "control_ack_pro": (Error,),
    "control_closetunnel": (Command,),
    "control_error": (Error,),
    "control_opentunnel": (Command,),
    "control_ping": (Ping,),
    "control_pong": (Pong,),
    "control_subscribe_pro": (messages.Command,),
    "control_subscribe_v1": (Command,),
    "control_welcome": (Welcome,),
    "control_welcome_pro": (Welcome,),
    "wsapi_request": (Request,),
    "wsapi_response": (Answered,),
    "wsapi_session": (Welcome, SessionText),
}


def real() -> list[Any]:
    files = sorted((SHARED / "payloads").glob("*.jsonl"))
    families = [file.stem for file in files if not file.stem.startswith("rest_")]
    found = [pytest.param(family, data, id=name) for family in families for name, data in lines(family)]
    return found or [pytest.param("", b"", marks=pytest.mark.skip(reason="no ../shared/payloads here"))]


def connection_of(family: str) -> str:
    if family.startswith("pro_") or family.endswith("_pro"):
        return "privateProV2"
    return ORDERS if family.startswith("wsapi_") else "spotPrivateV1"


@pytest.mark.parametrize(("family", "data"), real())
def test_a_real_message_is_typed(family, data, request):
    name = request.node.callspec.id
    if family in RETIRED or name in REFUSED_MESSAGES:
        with pytest.raises(RemoteProtocolError, match=REFUSED_MESSAGES.get(name, "unknown topic")) as caught:
            decode(data, connection_of(family))
        assert caught.value.topic == loads(data)["topic"]
        return
    message = decode(data, connection_of(family))
    if family in CONTROL:
        assert type(message) in CONTROL[family]
        return
    assert isinstance(message, Push)
    typed = message.data[0] if isinstance(message.data, list) else message.data
    assert isinstance(typed, msgspec.Struct | dict)


# -- whatever comes ------------------------------------------------------------------------------------------------

SAMPLES = [
    b'{"topic":"/market/ticker:A-B","type":"message","subject":"trade.ticker","data":{"sequence":"7","price":"1.5"}}',
    b'{"topic":"/market/level2:A-B","data":{"changes":{"asks":[["1","2","3"]]},"sequenceStart":1,"sequenceEnd":3}}',
    b'{"topic":"/contractMarket/level2:A","data":{"sequence":5,"change":"1,buy,2","timestamp":7}}',
    b'{"topic":"/contract/instrument:A","subject":"funding.rate","data":{"fundingRate":1,"granularity":1,"timestamp":1}}',
    b'{"id":"1","type":"error","code":404,"data":"topic does not exist"}',
    b'{"id":"1","type":"pong","timestamp":1764215232226553}',
    b'{"T":"obu.SPOT", "dp":"5", "t":"snapshot", "P":6, "d":{"s":"A-B", "O":7, "C":7, "a":[["2","1"]]}}',
    b'{"T":"kline.SPOT","P":6,"d":{"s":"A-B","i":"1min","O":60,"C":120,"o":"1","c":"1","h":"1","l":"1","v":"1","a":"1"}}',
    b'{"T":"funding-fee-all-symbols","P":5,"d":[{"s":"XBTUSDTM","fr":"0.1"},{"s":"ETHUSDTM","fr":"-0.2"}]}',
    b'{"T":"balance.UNIFIED","P":"1774982552507478380","d":{"c":"USDT","e":"100.0","U":"1774982552505000000"}}',
    b'{"id":"1","result":false,"reason":"missing `symbol` for topic: Position"}',
    b'{"sessionId":"s","message":"welcome","pingInterval":18000}',
    b'{"sessionId":"92f2aec4","timestamp":1742175983882}',
    b'{"id":"1","op":"spot.order","code":"200000","data":{"orderId":"o"},"inTime":1,"userRateLimit":{"limit":4000}}',
    b'{"id":"1","op":"futures.order","args":{"price":"43187.00","quantity":0.1}}',
    b'{"id":5,"action":"SUBSCRIBE","channel":"ticker","tradeType":"SPOT","symbols":["A","B"]}',
]

ODD = st.sampled_from([
    b"9" * 5000, b"-" + b"9" * 400, b"1e999", b"-0.0", b"NaN", b"-Infinity", b"null", b"true", b"[]", b"{}", b'""',
    b'"\xff"', b'"\xed\xa0\x80"', b'"\\ud800"', b'"\\u0000"', b'"nan"', b'"1e400"', b'"' + b"9" * 5000 + b'"',
    b"[" * 900 + b"]" * 900, b"[" * 100_000, b'{"a":' * 2000 + b"1" + b"}" * 2000,
])  # fmt: skip
"""Values that are hard on readers."""


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A sample with a value exchanged for an odd one, bytes inserted, or a part cut out; perhaps compressed."""
    data = draw(st.sampled_from(SAMPLES))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(data)))
        match draw(st.sampled_from(["value", "insert", "cut"])):
            case "value":
                colon = data.find(b":", at)
                ends = [end for end in (data.find(mark, colon) for mark in (b",", b"}")) if end > 0]
                if colon > 0 and ends:
                    data = data[: colon + 1] + draw(ODD) + data[min(ends) :]
            case "insert":
                data = data[:at] + draw(st.binary(max_size=5) | ODD) + data[at:]
            case "cut":
                data = data[:at] + data[at + draw(st.integers(1, 20)) :]
    return deflated(data) if draw(st.booleans()) else data


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
NAMES = [
    "id", "type", "op", "action", "topic", "subject", "data", "code", "result", "message", "msg", "reason", "args",
    "sessionId", "timestamp", "ts", "pingInterval", "inTime", "rateLimit", "T", "d", "dp", "t", "P",
]  # fmt: skip
WORDS = st.sampled_from([
    "message", "welcome", "ack", "error", "pong", "ping", "notice", "subscribe", "auth", "spot.order", "1", "200000",
    "/market/ticker:A-B", "/contract/position:A", "obu.SPOT", "balance.UNIFIED", "funding-fee-all-symbols", "increment",
])  # fmt: skip
SHAPED = st.dictionaries(st.sampled_from(NAMES), WORDS | JSON, max_size=8).map(
    lambda message: json.dumps(message).encode("utf-8", "surrogatepass")
)
HOSTILE = st.binary(max_size=200) | SHAPED | mutated() | st.binary(max_size=50).map(deflated)


@pytest.mark.parametrize("connection", GENERATIONS)
@given(data=HOSTILE)
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_a_message_or_a_remote_protocol_error(connection, data):
    try:
        what = decode(data, connection)
    except RemoteProtocolError as exc:
        what = exc
    assert isinstance(what, msgspec.Struct) or len(str(what)) < 1000


@pytest.mark.parametrize("connection", GENERATIONS)
@given(data=st.text(max_size=50) | st.text(st.characters(categories=["Cs"]), min_size=1, max_size=3))
@settings(deadline=None)
def test_any_text_is_a_message_or_a_remote_protocol_error(connection, data):
    with pytest.raises(RemoteProtocolError):
        decode(data, connection)


def classic() -> ClassicProtocol:
    protocol = ClassicProtocol(now=0.0)
    protocol.receive([b'{"id":"c","type":"welcome"}'], 0.0)
    protocol.subscribe("/market/ticker:A-B")
    protocol.data_to_send(0.0)
    return protocol


def pro() -> ProProtocol:
    protocol = ProProtocol(now=0.0)
    protocol.receive([b'{"sessionId":"s","message":"welcome"}'], 0.0)
    protocol.subscribe("ticker.SPOT:A-B")
    protocol.data_to_send(0.0)
    return protocol


def orders() -> WsApiProtocol:
    protocol = WsApiProtocol(now=0.0)
    protocol.receive([b'{"sessionId":"s","timestamp":1}', b'{"data":"welcome"}'], 0.0)
    protocol.request("spot.order", {})
    protocol.data_to_send(0.0)
    return protocol


@pytest.mark.parametrize("machine", [classic, pro, orders, lambda: WsApiProtocol(now=0.0)])
@given(batch=st.lists(HOSTILE, max_size=6))
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_events(machine: Callable[[], ClassicProtocol | ProProtocol | WsApiProtocol], batch):
    protocol = machine()
    events = protocol.receive([*batch, *batch], 1.0)  # the second time by what was learnt
    assert all(isinstance(event, msgspec.Struct) for event in events)
    assert all(isinstance(event.error, RemoteProtocolError) for event in events if isinstance(event, Unreadable))
    assert len(protocol._pending) <= 1
    assert len(protocol._queue) == 0
    protocol.tick(2.0)
    assert protocol.next_tick() > 1.0


@pytest.mark.parametrize(
    ("connection", "machine"), [(CLASSIC, classic), (PRO, pro), (ORDERS, orders)], ids=["classic", "pro", "orders"]
)
@given(data=st.sampled_from(SAMPLES) | mutated())
@settings(max_examples=150, deadline=None)
def test_a_machine_understands_what_decode_understands(connection, machine, data):
    """Pushes come out the same, by the long way and by the short one."""
    protocol = machine()
    first, second = ([each for each in protocol.receive([data], 1.0) if isinstance(each, Push)] for _ in range(2))
    assert repr(first) == repr(second)
    try:
        message = decode(data, connection) if connection == PRO or data[:1] == b"{" else None
    except RemoteProtocolError:
        message = None
    if not isinstance(message, Push):
        assert first == []
    elif isinstance(message.data, list):
        assert repr([each.data for each in first]) == repr(message.data)
    else:
        assert repr(first) == repr([message])
