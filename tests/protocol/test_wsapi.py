"""The WS API connection as a machine: the two ways in, requests and their answers, and time."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kucoin_stream.errors import LocalProtocolError
from kucoin_stream.protocol import signing
from kucoin_stream.protocol.conversation import State
from kucoin_stream.protocol.events import (
    Answered,
    Authenticated,
    Failed,
    Opened,
    OrderEvent,
    Ponged,
    Rejected,
    SignatureWanted,
    Unanswered,
    Unreadable,
)
from kucoin_stream.protocol.messages.wsapi import (
    RESULTS,
    BatchResult,
    CancelResult,
    OrderResult,
    RateLimit,
    Request,
    SyncResult,
)
from kucoin_stream.protocol.wsapi import WsApiProtocol
from kucoin_stream.settings import Limits
from tests.protocol.payloads import SHARED, cases, loads

SESSION = "92f2aec4-0c2c-4a7c-9d1c-3f4a7f2c5b61"
CHALLENGE = b'{"sessionId":"92f2aec4-0c2c-4a7c-9d1c-3f4a7f2c5b61","timestamp":1742175983882}'
SIGNATURE = "Yq4c8FBajY++M1aB35hKDxztqQRsZzGjVrJLVtP3cdU="
WELCOME = {"sessionId": SESSION, "data": "welcome", "pingInterval": 18000, "pingTimeout": 10000}
READY = [Authenticated(SESSION), Opened(SESSION)]
AUTH = signing.auth_frame(key="k", timestamp_ms=1764215232226, signature="s", passphrase="p")
ORDER = {"symbol": "BTC-USDT", "side": "buy", "type": "limit", "price": "50000", "size": "0.00001"}


def frame(fields: object) -> bytes:
    return json.dumps(fields).encode()


def receive(protocol: WsApiProtocol, *messages: object, now: float = 1.0) -> list[OrderEvent]:
    return protocol.receive([each if isinstance(each, bytes) else frame(each) for each in messages], now)


def connecting(**options: Any) -> WsApiProtocol:
    protocol = WsApiProtocol(now=0.0, **options)
    protocol.connected(0.0)
    return protocol


def challenged() -> WsApiProtocol:
    protocol = connecting()
    assert receive(protocol, CHALLENGE, now=0.5) == [SignatureWanted(CHALLENGE.decode())]
    return protocol


def second_generation() -> WsApiProtocol:
    protocol = connecting(auth=AUTH)
    assert protocol.data_to_send(0.0) == [AUTH]
    return protocol


def opened(**options: Any) -> WsApiProtocol:
    protocol = connecting(**options)
    receive(protocol, CHALLENGE, now=0.0)
    protocol.signed(SIGNATURE)
    assert protocol.data_to_send(0.0) == [SIGNATURE.encode()]
    assert receive(protocol, WELCOME, now=0.0) == READY
    return protocol


def waiting(**options: Any) -> WsApiProtocol:
    """Return a machine whose request "1" is on its way."""
    protocol = opened(**options)
    assert protocol.request("spot.order", ORDER) == "1"
    assert len(protocol.data_to_send(0.0)) == 1
    return protocol


# -- the first generation's way in -------------------------------------------------------------------------------


def test_the_session_text_is_signed_as_it_came():
    protocol = connecting()
    text = b' { "timestamp" : "1742175983882", "sessionId":"92f2\\u0061ec4" }'
    assert receive(protocol, text) == [SignatureWanted(text.decode())]
    protocol.signed("c2lnbmVk")
    assert protocol.data_to_send(1.0) == [b"c2lnbmVk"]
    assert protocol.state is State.CONNECTING
    assert receive(protocol, WELCOME) == READY
    assert protocol.state is State.OPEN


def test_the_signature_of_the_protocols_sample():
    (wanted,) = receive(connecting(), CHALLENGE)
    assert signing.sign(wanted.text, "9c1a7f3e-0000-4000-8000-simulator0001") == SIGNATURE


def test_a_signature_is_asked_for_once():
    protocol = challenged()
    assert receive(protocol, CHALLENGE) == []
    protocol.signed(SIGNATURE)
    assert receive(protocol, CHALLENGE) == []
    with pytest.raises(LocalProtocolError, match="no signature is asked for"):
        protocol.signed(SIGNATURE)
    assert receive(opened(), CHALLENGE) == []


@pytest.mark.parametrize("state", [connecting, second_generation, opened])
def test_a_signature_nobody_asked_for(state):
    with pytest.raises(LocalProtocolError, match="no signature is asked for"):
        state().signed(SIGNATURE)


def test_a_signature_after_the_end_is_dropped():
    protocol = challenged()
    protocol.close()
    protocol.signed(SIGNATURE)
    assert protocol.data_to_send(1.0) == []


@pytest.mark.parametrize(
    "text",
    [
        {"sessionId": "s"},
        {"sessionId": "s", "timestamp": None},
        {"sessionId": "s", "timestamp": "1764215232226POST/api/v1/withdrawals"},
        {"sessionId": "s", "timestamp": 1, "more": "1764215232226POST/api/v1/withdrawals"},
        {"sessionId": "s" * 1000, "timestamp": 1},
        {"sessionId": "", "timestamp": 10**30},
    ],
)
def test_nothing_but_a_session_text_is_signed(text):
    protocol = connecting()
    (event,) = receive(protocol, text)
    assert isinstance(event, Unreadable)
    assert "no session text" in str(event.error)
    assert receive(protocol, CHALLENGE) == [SignatureWanted(CHALLENGE.decode())]


@pytest.mark.parametrize(
    ("frame", "event"),
    [
        (
            {"code": "400003", "msg": "KC-API-KEY not exists.", "inTime": 1768970303228, "outTime": 1768970303229},
            Failed("KC-API-KEY not exists.", 400003),
        ),
        ({"code": "400011", "msg": "Session verification failed.", "sessionId": SESSION},
         Failed("Session verification failed.", 400011)),
        ({"code": "400012", "msg": "late"}, Failed("late", 400012)),
        ({"code": 400005}, Failed("no reason given", 400005)),
        ({"id": "auth", "result": False, "reason": "sign"}, Failed("sign", 401)),
        ({"id": "auth", "op": "auth", "code": "400004", "msg": "passphrase"}, Failed("passphrase", 400004)),
    ],
)  # fmt: skip
@pytest.mark.parametrize("state", [connecting, challenged, second_generation])
def test_a_failed_handshake(state, frame, event):
    protocol = state()
    assert receive(protocol, frame) == [event]
    assert protocol.state is State.CONNECTING


def test_how_long_each_step_may_take():
    protocol = WsApiProtocol(now=0.0)
    protocol.connected(2.0)
    assert (protocol.next_tick(), protocol.tick(6.9)) == (7.0, [])
    assert protocol.tick(7.0) == [Failed("no welcome")]
    receive(protocol, CHALLENGE, now=7.0)
    assert (protocol.next_tick(), protocol.tick(36.9)) == (37.0, [])
    assert protocol.tick(37.0) == [Failed("the session was not signed in time")]


def test_a_signer_that_takes_its_time():
    protocol = challenged()
    assert (protocol.next_tick(), protocol.tick(30.4)) == (30.5, [])
    protocol.signed(SIGNATURE)
    assert protocol.data_to_send(30.4) == [SIGNATURE.encode()]
    assert (protocol.next_tick(), protocol.tick(30.5)) == (35.5, [])
    assert protocol.tick(35.5) == [Failed("no welcome after the signature")]
    assert receive(protocol, WELCOME, now=35.6) == READY


def test_a_signer_that_never_answers():
    protocol = challenged()
    assert protocol.tick(30.5) == [Failed("the session was not signed in time")]
    assert receive(protocol, {"code": "400012", "msg": "late"}, now=30.6) == [Failed("late", 400012)]
    assert protocol.data_to_send(30.6) == []


def test_a_signature_that_comes_after_a_reconnect_belongs_to_no_session():
    lost, fresh = challenged(), connecting()
    lost.close()
    lost.signed(SIGNATURE)
    assert (lost.data_to_send(1.0), lost.tick(100.0)) == ([], [])
    other = CHALLENGE.replace(b"92f2aec4", b"00000000")
    assert receive(fresh, other) == [SignatureWanted(other.decode())]
    assert fresh.data_to_send(1.0) == []


def test_a_signature_is_not_sent_where_the_exchange_did_not_wait_for_it():
    protocol = challenged()
    assert receive(protocol, WELCOME) == READY
    protocol.signed(SIGNATURE)
    assert protocol.data_to_send(1.0) == []


# -- the second generation's -------------------------------------------------------------------------------------


@pytest.mark.parametrize("welcome", [WELCOME, {"sessionId": SESSION, "message": "welcome"}])
def test_the_auth_frame_goes_first_and_the_welcome_opens(welcome):
    protocol = second_generation()
    assert receive(protocol, {"id": "auth", "result": True}) == []
    assert receive(protocol, welcome) == READY
    assert receive(protocol, welcome) == []
    assert protocol.request("uta.order", {}) == "1"


def test_nothing_is_signed_in_the_second_generation():
    assert receive(second_generation(), CHALLENGE) == []


def test_the_auth_frame_waits_for_the_socket():
    protocol = WsApiProtocol(now=0.0, auth=AUTH)
    assert protocol.data_to_send(0.0) == []
    protocol.connected(1.0)
    assert protocol.data_to_send(1.0) == [AUTH]


@pytest.mark.parametrize("auth", [b"", b"{}", b"[]", b'{"kc-api-timestamp":"x"}', b'{"kc-api-timestamp":[]}'])
def test_what_is_no_auth_frame(auth):
    with pytest.raises(LocalProtocolError, match="not an auth frame"):
        connecting(auth=auth)


# -- requests and answers ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", cases("wsapi_session"))
def test_real_welcome_opens(data):
    session = loads(data)["sessionId"]
    assert receive(challenged(), data) == [Authenticated(session), Opened(session)]


@pytest.mark.parametrize("data", cases("wsapi_request"))
def test_real_request_is_one_of_ours(data):
    wire = loads(data)
    protocol = opened()
    protocol.request(wire["op"], wire["args"])
    assert loads(protocol.data_to_send(0.0)[0]) == wire | {"id": "1"}
    assert loads(msgspec.json.encode(msgspec.json.decode(data, type=Request))) == wire


@pytest.mark.parametrize("data", cases("wsapi_response"))
def test_real_answer(data):
    wire = loads(data)
    (event,) = receive(opened(), data)
    assert (event.request_id, event.op, str(event.code)) == (wire["id"], wire["op"], wire["code"])
    assert (event.in_time_ns, event.out_time_ns) == (wire["inTime"] * 10**6, wire["outTime"] * 10**6)
    assert event.message == wire.get("msg", "")
    assert event.succeeded is ("data" in wire)
    assert event.data == (OrderResult(order_id=wire["data"]["orderId"]) if "data" in wire else None)
    limit = wire.get("rateLimit")
    assert event.rate_limit == (RateLimit(limit["limit"], limit["remaining"], limit["reset"]) if limit else None)


def samples() -> list[Any]:
    """Return the answers in protocol.md 7."""
    file = SHARED / "protocol.md"
    if not file.is_file():
        return [pytest.param(b"", marks=pytest.mark.skip(reason="protocol.md is not beside the repository"))]
    text = file.read_text(encoding="utf-8").split("## 7. WS API")[1].split("## 8. ")[0]
    lines = text.replace(',\n "inTime"', ',"inTime"').splitlines()
    return [pytest.param(line.encode(), id=line[:40]) for line in lines if line.startswith("{") and '"code"' in line]


@pytest.mark.parametrize("data", samples())
def test_samples_of_the_protocol(data):
    wire = loads(data)
    (event,) = receive(opened(), data)
    if "op" not in wire:
        assert event == Rejected("", int(wire["code"]), wire["msg"])
        return
    assert (event.request_id, event.op, event.code) == (wire["id"], wire["op"], int(wire["code"]))
    if event.succeeded:
        ours = msgspec.json.decode(msgspec.json.encode(event.data))
        assert {key: value for key, value in ours.items() if value is not None} == {
            key: float(value) if key.endswith("Size") else value for key, value in wire["data"].items()
        }
    else:
        assert (event.message, event.data) == (wire["msg"], None)


DATA = {"orderId": "o", "clientOid": "c"}


@pytest.mark.parametrize(
    ("op", "data", "expected"),
    [
        ("spot.order", DATA, OrderResult("o", "c")),
        ("spot.cancel", {"clientOid": "c"}, OrderResult(client_oid="c")),
        ("spot.modify", {"newOrderId": "n", "clientOid": "c"}, OrderResult(client_oid="c", new_order_id="n")),
        ("margin.order", DATA | {"borrowSize": "1.5", "loanApplyId": "l"},
         OrderResult("o", "c", borrow_size=1.5, loan_apply_id="l")),
        ("spot.sync_cancel", {"orderId": "o", "originSize": "2", "dealSize": "0", "remainSize": "0",
                              "canceledSize": "2", "status": "done"},
         SyncResult("done", "o", None, 2.0, 0.0, 0.0, 2.0)),
        ("futures.cancel", {"cancelledOrderIds": ["o"]}, CancelResult(["o"])),
        ("futures.cancel", {"clientOid": "c"}, CancelResult(client_oid="c")),
        ("futures.multi_order", [DATA | {"symbol": "XBTUSDTM", "code": "200000", "msg": "success"},
                                 {"clientOid": "d", "code": "330008", "msg": "no"}],
         [BatchResult(200000, "success", "o", "c", "XBTUSDTM"), BatchResult(330008, "no", None, "d")]),
        ("futures.multi_cancel", [{"orderId": "o", "clientOid": None, "code": "200", "msg": "success"}],
         [BatchResult(200, "success", "o")]),
        ("uta.order", DATA | {"tradeType": "FUTURES", "ts": 1771741690837000000},
         OrderResult("o", "c", trade_type="FUTURES", ts_ns=1771741690837000000)),
        ("uta.amend", DATA | {"new": 1}, OrderResult("o", "c")),
    ],
)  # fmt: skip
def test_what_a_success_brings(op, data, expected):
    (event,) = receive(waiting(), {"id": "1", "op": op, "code": "200000", "data": data})
    assert event == Answered("1", op, 200000, expected)
    assert event.succeeded


@pytest.mark.parametrize(
    ("op", "data"),
    [("spot.new", {"a": 1}), ("spot.order", [1]), ("spot.order", {"orderId": [5]}), ("futures.cancel", 1)],
)
def test_what_is_not_known_comes_as_it_is(op, data):
    (event,) = receive(waiting(), {"id": "1", "op": op, "code": "200000", "data": data})
    assert msgspec.json.decode(event.data) == data


def test_every_operation_of_the_protocol_has_a_result():
    file = SHARED / "protocol.md"
    if not file.is_file():
        pytest.skip("protocol.md is not beside the repository")
    text = file.read_text(encoding="utf-8").split("### 7.6 Operations")[1].split("\n\n")[1]
    ops = [line.split("`")[1] for line in text.splitlines() if line.startswith("| `")]
    assert list(RESULTS) == ops


@pytest.mark.parametrize("wire", [1742176000000, "1742176000000", 1742176000000000000, None, "", "soon", [], 1.5])
def test_times_in_milliseconds_or_nanoseconds(wire):
    (event,) = receive(waiting(), {"id": "1", "op": "spot.order", "code": "200000", "data": DATA, "inTime": wire})
    known = isinstance(wire, int) or wire == "1742176000000"
    assert event.in_time_ns == (1742176000000000000 if known else None)


@pytest.mark.parametrize("name", ["userRateLimit", "rateLimit"])
@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        ({"limit": 4000, "reset": 29998, "remaining": 3999}, RateLimit(4000, 3999, 29998)),
        ({"limit": "4000"}, RateLimit(4000)),
        (None, None),
        ("much", None),
        ({"limit": "much"}, None),
    ],
)
def test_what_is_left_of_the_quota(name, limit, expected):
    (event,) = receive(waiting(), {"id": "1", "op": "spot.order", "code": "200000", name: limit})
    assert event.rate_limit == expected


@pytest.mark.parametrize(
    ("answer", "event"),
    [
        (
            {"id": "1", "op": "spot.order", "code": "429000", "msg": "Too many"},
            Answered("1", "spot.order", 429000, message="Too many"),
        ),
        ({"id": 1, "code": 400102, "msg": "check"}, Answered("1", "", 400102, message="check")),
        ({"id": "1"}, Answered("1", "", 0)),
        (
            {"id": "late", "op": "spot.order", "code": "100004", "msg": "x"},
            Answered("late", "spot.order", 100004, message="x"),
        ),
        ({"code": "4001002", "msg": "Field 'id' must be"}, Rejected("", 4001002, "Field 'id' must be")),
        ({"id": "", "code": "429002", "msg": "slow"}, Rejected("", 429002, "slow")),
        ({"id": "9", "code": "429001"}, Rejected("", 429001, "no reason given")),
        ({"code": "420001", "msg": "Too many errors"}, Failed("Too many errors", 420001)),
        ({"code": "501000", "msg": "stopping"}, Failed("stopping", 501000)),
        ({"code": "x", "msg": "odd"}, Rejected("", 400, "odd")),
        ({"id": "1", "result": True}, Answered("1", "", 200000)),
        ({"id": "1", "result": False, "reason": "odd"}, Answered("1", "", 400, message="odd")),
        ({"id": "9", "result": True}, None),
        ({"id": "1", "result": None, "code": "200000", "data": None}, Answered("1", "", 200000)),
        ({"op": "spot.order", "code": "400100", "msg": "odd"}, Rejected("", 400100, "odd")),
        ({"code": "200000"}, None),
    ],
)  # fmt: skip
def test_answers_and_errors(answer, event):
    assert receive(waiting(), answer) == ([] if event is None else [event])


def test_requests_on_the_wire_and_answers_out_of_order():
    protocol = opened()
    assert [protocol.request("spot.order", ORDER), protocol.request("futures.multi_order", [ORDER])] == ["1", "2"]
    assert [json.loads(each) for each in protocol.data_to_send(0.0)] == [
        {"id": "1", "op": "spot.order", "args": ORDER},
        {"id": "2", "op": "futures.multi_order", "args": [ORDER]},
    ]
    answers = [{"id": number, "op": "spot.order", "code": "200000"} for number in ("2", "1")]
    assert [each.request_id for each in receive(protocol, *answers)] == ["2", "1"]
    assert protocol.tick(8.0) == []


def test_a_request_without_answer_and_one_that_comes_late():
    protocol = waiting(ping_interval=60.0)
    assert protocol.next_tick() == 10.0
    assert protocol.tick(9.9) == []
    assert protocol.tick(10.0) == [Unanswered("1")]
    assert receive(protocol, {"id": "1", "op": "spot.order", "code": "200000", "data": DATA}, now=11.0) == [
        Answered("1", "spot.order", 200000, OrderResult("o", "c"))
    ]


@pytest.mark.parametrize("state", [connecting, challenged, second_generation])
def test_requests_are_refused_unless_open(state):
    protocol = state()
    with pytest.raises(LocalProtocolError, match=r"spot\.order on a connection that is connecting"):
        protocol.request("spot.order", ORDER)
    protocol.close()
    with pytest.raises(LocalProtocolError, match=r"spot\.order on a connection that is closed"):
        protocol.request("spot.order", ORDER)


def test_after_close_nothing_is_sent_and_nothing_is_due():
    protocol = waiting()
    protocol.request("spot.order", ORDER)
    protocol.close()
    assert (protocol.data_to_send(0.0), protocol.tick(100.0), receive(protocol, WELCOME)) == ([], [], [])


# -- pace and heartbeat ------------------------------------------------------------------------------------------


def test_the_pace():
    protocol = opened(limits=Limits(commands_per_window=3))
    for _ in range(4):
        protocol.request("spot.order", ORDER)
    assert [len(protocol.data_to_send(now)) for now in (0.0, 9.9, 10.0, 19.9)] == [2, 0, 2, 0]  # and the signature


@pytest.mark.parametrize(
    ("protocol", "milliseconds"), [(opened, 1742175983882 + 9000), (second_generation, 1764215232226 + 9000)]
)
def test_a_ping_says_the_time_by_the_clock_of_the_handshake(protocol, milliseconds):
    machine = protocol()
    receive(machine, WELCOME, now=0.0)
    assert machine.next_tick() == 9.0
    machine.tick(9.0)
    (ping,) = machine.data_to_send(9.0)
    assert json.loads(ping) == {"id": "1", "op": "ping", "timestamp": str(milliseconds)}
    pong = {"id": "1", "op": "pong", "timestamp": milliseconds}
    assert receive(machine, pong, now=9.5) == [Ponged(pytest.approx(0.5), milliseconds * 10**6)]
    assert receive(machine, pong, now=9.6) == []


def test_orders_keep_the_session_alive():
    protocol = waiting()
    protocol.request("spot.order", ORDER)
    protocol.data_to_send(8.0)
    receive(protocol, {"id": "1"}, {"id": "2"}, now=8.0)
    assert protocol.next_tick() == 17.0


# -- whatever comes ----------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
FRAMES = st.fixed_dictionaries(
    {},
    optional={
        "id": st.just("1") | JSON,
        "op": st.sampled_from(["pong", "auth", *RESULTS]) | JSON,
        "code": st.sampled_from(["200000", 420001]) | JSON,
        "data": st.just("welcome") | JSON,
        "msg": JSON,
        "message": JSON,
        "result": JSON,
        "inTime": JSON,
        "outTime": JSON,
        "rateLimit": JSON,
        "userRateLimit": JSON,
        "sessionId": st.just("s") | JSON,
        "timestamp": st.just(1742175983882) | JSON,
        "pingInterval": JSON,
    },
)
EVENTS = Answered | Authenticated | Failed | Opened | Ponged | Rejected | SignatureWanted | Unreadable
STATES = [connecting, challenged, second_generation, opened, waiting]


@pytest.mark.parametrize("state", STATES)
@given(data=st.lists(st.binary(max_size=100), max_size=3))
@settings(max_examples=50)
def test_any_bytes_are_events(state, data):
    events = [each for each in state().receive(data, 1.0) if not isinstance(each, Authenticated)]  # comes with Opened
    assert len(events) <= len(data)


def test_a_welcome_is_two_events_and_only_once():
    protocol = challenged()
    read = [b'{"type":"welcome"}', b'{"type":"welcome"}']
    assert [type(each) for each in protocol.receive(read, 1.0)] == [Authenticated, Opened]


@pytest.mark.parametrize("state", STATES)
@given(messages=st.lists(FRAMES | JSON, max_size=4))
@settings(max_examples=60)
def test_any_json_is_events(state, messages):
    protocol = state()
    for message in messages:
        for event in protocol.receive([json.dumps(message).encode("utf-8", "surrogatepass")], 1.0):
            assert isinstance(event, EVENTS)
    protocol.tick(2.0)
    assert protocol.next_tick() > 1.0
    assert len(protocol._pending) <= 1


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"not json",
        b"\xff",
        b'{"id":{}}',
        b"[" * 100_000,
        b'{"a":' + b"[" * 100_000,
        b'{"op":"\xff"}',
        b"{}",
        b'{"id":"1","op":"spot.order","args":{}}',
        b'{"id":"1","op":"ping","timestamp":"1"}',
        b'{"id":"1","op":"auth","kc-api-key":"k"}',
    ],
)
def test_what_cannot_be_read(data):
    protocol = waiting()
    (event,) = receive(protocol, data)
    assert isinstance(event, Unreadable)
    assert protocol.state is State.OPEN
