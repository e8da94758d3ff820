"""The Pro connection as a machine: frames in, events out, and time."""

from __future__ import annotations

import json
import zlib
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kucoin_stream.errors import LocalProtocolError
from kucoin_stream.protocol import pro
from kucoin_stream.protocol.conversation import State
from kucoin_stream.protocol.events import (
    Acknowledged,
    Authenticated,
    Event,
    Failed,
    Opened,
    Ponged,
    Rejected,
    Unreadable,
)
from kucoin_stream.protocol.messages.envelope import Push
from kucoin_stream.protocol.messages.pro import Book, FundingRate, Kline, MarkPrice, Trade
from kucoin_stream.protocol.pro import PRIVATE_LIMITS, PUBLIC_LIMITS, ProProtocol
from kucoin_stream.settings import Limits

SESSION = "e8e46556-ae1d-4871-be0b-4efeaa5f2f6a"
WELCOME = {"sessionId": SESSION, "message": "welcome", "pingInterval": 18000}
AUTH = b'{"id":"auth","op":"auth","kc-api-key":"k","kc-api-sign":"s","kc-api-timestamp":"1","kc-api-passphrase":"p"}'
TICKER = "ticker.SPOT:BTC-USDT"


def frame(fields: object) -> bytes:
    return json.dumps(fields).encode()


def receive(protocol: ProProtocol, *messages: object, now: float = 1.0) -> list[Event]:
    return protocol.receive([each if isinstance(each, bytes) else frame(each) for each in messages], now)


def connecting(**options: Any) -> ProProtocol:
    return ProProtocol(now=0.0, **options)


def opened(**options: Any) -> ProProtocol:
    protocol = connecting(**options)
    assert receive(protocol, WELCOME, now=0.0) == [Opened(SESSION)]
    return protocol


def waiting(**options: Any) -> ProProtocol:
    """Return a machine whose command "1" is on its way."""
    protocol = opened(**options)
    assert protocol.subscribe(TICKER) == "1"
    assert len(protocol.data_to_send(0.0)) == 1
    return protocol


def authenticating() -> ProProtocol:
    protocol = connecting(auth=AUTH)
    assert receive(protocol, WELCOME, now=0.5) == []
    assert protocol.data_to_send(0.5) == [AUTH]
    return protocol


# -- welcome -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "welcome",
    [
        WELCOME,
        WELCOME | {"pingTimeout": 10000},
        {"sessionId": SESSION, "message": "welcome"},
        {"sessionId": SESSION, "message": "welcome", "pingInterval": "30000"},
        {"sessionId": SESSION, "message": "welcome", "pingInterval": ""},
        {"sessionId": SESSION, "message": "welcome", "pingInterval": None},
        {"sessionId": SESSION, "data": "welcome"},
    ],
)
def test_welcome_opens(welcome):
    protocol = connecting()
    assert protocol.state is State.CONNECTING
    assert receive(protocol, welcome) == [Opened(SESSION)]
    assert protocol.state is State.OPEN
    assert receive(protocol, welcome) == []


@pytest.mark.parametrize("command", ["subscribe", "unsubscribe"])
def test_commands_are_refused_unless_open(command):
    protocol = connecting()
    with pytest.raises(LocalProtocolError, match=f"{command} on a connection that is connecting"):
        getattr(protocol, command)(TICKER)
    receive(protocol, WELCOME)
    protocol.close()
    with pytest.raises(LocalProtocolError, match=f"{command} on a connection that is closed"):
        getattr(protocol, command)(TICKER)


# -- authentication ----------------------------------------------------------------------------------------------


def test_the_auth_frame_follows_the_welcome_and_its_success_opens():
    protocol = connecting(auth=AUTH)
    assert protocol.data_to_send(0.1) == []
    assert receive(protocol, WELCOME, now=0.5) == []
    assert (protocol.state, protocol.data_to_send(0.5), protocol.next_tick()) == (State.CONNECTING, [AUTH], 5.5)
    assert receive(protocol, WELCOME, now=0.6) == []
    assert protocol.data_to_send(0.6) == []
    assert receive(protocol, {"id": "auth", "result": True}) == [Authenticated(SESSION), Opened(SESSION)]
    assert protocol.state is State.OPEN
    assert protocol.subscribe("orderAll:UNIFIED") == "1"


@pytest.mark.parametrize(
    ("answer", "event"),
    [
        ({"id": "auth", "result": False, "reason": "bad sign"}, Failed("bad sign", 401)),
        ({"id": "auth", "result": "false", "message": "bad sign"}, Failed("bad sign", 401)),
        ({"id": "auth", "result": False}, Failed("no reason given", 401)),
        ({"id": "auth", "result": False, "code": "400005", "msg": "sign"}, Failed("sign", 400005)),
        ({"id": "auth", "code": "400004", "msg": "passphrase"}, Failed("passphrase", 400004)),
        ({"code": 400003, "msg": "KC-API-KEY not exists."}, Failed("KC-API-KEY not exists.", 400003)),
        ({"type": "error", "code": 401, "data": "token is expired"}, Failed("token is expired", 401)),
    ],
)
def test_a_failed_authentication_ends_the_connection(answer, event):
    protocol = authenticating()
    assert receive(protocol, answer) == [event]
    assert protocol.state is State.CONNECTING


def test_authentication_without_an_answer():
    protocol = authenticating()
    assert protocol.tick(5.4) == []
    assert protocol.tick(5.5) == [Failed("no answer to the authentication")]


def test_a_success_that_nothing_asked_for_does_not_open():
    for protocol in (connecting(), connecting(auth=AUTH)):
        assert receive(protocol, {"id": "1", "result": True}) == []
        assert protocol.state is State.CONNECTING


# -- commands and their answers ----------------------------------------------------------------------------------


def test_commands_on_the_wire():
    protocol = opened()
    protocol.subscribe("obu.SPOT@increment@10ms:BTC-USDT")
    protocol.unsubscribe("balance:UNIFIED", private=True)
    assert [json.loads(each) for each in protocol.data_to_send(0.0)] == [
        {"id": "1", "action": "SUBSCRIBE", "channel": "obu", "tradeType": "SPOT", "symbol": "BTC-USDT",
         "depth": "increment@10ms"},
        {"id": "2", "action": "UNSUBSCRIBE", "channel": "balance", "accountType": "UNIFIED"},
    ]  # fmt: skip
    assert protocol.data_to_send(0.0) == []


def test_an_unknown_topic_is_not_sent():
    protocol = opened()
    with pytest.raises(LocalProtocolError, match="no Pro topic"):
        protocol.subscribe("/market/ticker:BTC-USDT")
    assert protocol.data_to_send(0.0) == []


MISSING = "missing `symbol` for topic: Position"
OBU = 'topic Obu type = "public_spot" not allowed in current environment'


@pytest.mark.parametrize(
    ("answer", "event"),
    [
        ({"id": "1", "result": True}, Acknowledged("1")),
        ({"id": "1", "result": "true"}, Acknowledged("1")),
        ({"result": True, "id": 1}, Acknowledged("1")),
        ({"id": "2", "result": True}, None),
        ({"result": True}, None),
        ({"id": "1", "result": False, "message": "invalid request data"}, Rejected("1", 400, "invalid request data")),
        ({"id": "1", "result": False, "reason": OBU}, Rejected("1", 400, OBU)),
        ({"id": "1", "result": "false"}, Rejected("1", 400, "no reason given")),
        ({"id": "1", "result": False, "reason": "", "message": {"a": 1}}, Rejected("1", 400, "{'a': 1}")),
        ({"id": "1", "result": False, "reason": MISSING}, Rejected("1", 400, MISSING)),
        ({"id": "9", "result": False, "reason": "x"}, Rejected("", 400, "x")),
        ({"id": "1", "code": "429000", "msg": "too fast"}, Rejected("1", 429000, "too fast")),
        ({"code": "429002", "msg": "too fast"}, Rejected("", 429002, "too fast")),
        ({"code": "x", "msg": "odd"}, Rejected("", 400, "odd")),
        ({"code": 401, "message": "token is expired"}, Failed("token is expired", 401)),
        ({"type": "error", "code": 401, "data": "token is expired"}, Failed("token is expired", 401)),
        ({"message": "token is expired"}, Failed("token is expired", 401)),
        ({"code": "420001", "msg": "too many errors"}, Failed("too many errors", 420001)),
        ({"code": "501000"}, Failed("no reason given", 501000)),
        ({"id": "1", "code": 401, "msg": "not allowed"}, Rejected("1", 401, "not allowed")),
        ({"id": "1", "code": "200000"}, Acknowledged("1")),
        ({"type": "ack", "id": "1"}, Acknowledged("1")),
        ({"type": "notice", "data": "maintenance"}, None),
    ],
)
def test_answer_to_a_command(answer, event):
    assert receive(waiting(), answer) == ([] if event is None else [event])


@pytest.mark.parametrize(
    "reason", [b'"\xff"', b"1e400", b"9" * 5000, b"[" * 900 + b"]" * 900, b'"' + b"x" * 5000 + b'"', b'"a\\nb"']
)
def test_a_refusal_with_an_odd_reason_is_still_a_refusal(reason):
    (event,) = receive(waiting(), b'{"id":"1","result":false,"reason":' + reason + b"}")
    assert isinstance(event, Rejected)
    assert (event.request_id, event.code) == ("1", 400)
    assert 0 < len(event.reason) <= 300
    assert event.reason.isprintable()


# -- pace --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("limits", "documented"), [(PUBLIC_LIMITS, 300), (PRIVATE_LIMITS, 100)])
def test_frames_in_ten_seconds(limits, documented):
    allowed = limits.commands_per_window
    assert allowed == documented * 0.9
    protocol = opened(limits=limits, ping_interval=3600.0)
    for _ in range(allowed + 5):
        protocol.subscribe(TICKER)
    sent = [len(protocol.data_to_send(now)) for now in (0.0, 5.0, 9.9, 10.0, 20.0)]
    assert sent == [allowed, 0, 0, 5, 0]


def test_a_connection_that_authenticates_keeps_the_private_limit():
    protocol = authenticating()
    receive(protocol, {"result": True})
    for _ in range(200):
        protocol.subscribe("orderAll:UNIFIED")
    assert len(protocol.data_to_send(0.9)) == PRIVATE_LIMITS.commands_per_window - 1  # and the auth frame


@given(
    st.lists(st.tuples(st.floats(0, 5), st.integers(0, 60)), max_size=30),
    st.sampled_from([0.1, 1.0, 2.5, 9.0]),
    st.sampled_from([0.1, 1.0, 2.0, 10.0]),
    st.integers(1, 90),
)
def test_no_second_holds_two_pings_and_no_window_more_frames_than_allowed(bursts, interval, timeout, allowed):
    protocol = opened(limits=Limits(commands_per_window=allowed), ping_interval=interval, pong_timeout=timeout)
    now, sent, pings = 0.0, [], []
    for wait, count in bursts:
        now += wait
        for _ in range(count):
            protocol.subscribe(TICKER)
        protocol.tick(now)
        for each in protocol.data_to_send(now):
            sent.append(now)
            if b"ping" in each:
                pings.append(now)
        assert protocol.data_to_send(now) == []
    for at, last in enumerate(sent):
        assert sum(1 for each in sent[: at + 1] if each > last - 10.0) <= allowed
    assert all(later >= earlier + 1.0 for earlier, later in pairwise(pings))


# -- heartbeat ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "interval_ms", "due"),
    [
        ({}, 18000, 9.0),
        ({}, "30000", 15.0),
        ({}, None, 9.0),
        ({}, 0, 9.0),
        ({}, -5, 9.0),
        ({}, "soon", 9.0),
        ({}, "nan", 9.0),
        ({}, 1, 1.0),
        ({}, 1e300, 1800.0),
        ({"ping_interval": 4.0}, 18000, 4.0),
        ({"ping_interval": 0.01}, 18000, 1.0),
    ],
)
def test_a_ping_per_half_interval_at_most_one_a_second(options, interval_ms, due):
    protocol = connecting(**options)
    receive(protocol, {"sessionId": SESSION, "message": "welcome", "pingInterval": interval_ms}, now=0.0)
    assert protocol.next_tick() == due
    assert protocol.tick(due) == []
    assert [json.loads(each) for each in protocol.data_to_send(due)] == [{"id": "1", "type": "ping"}]


@pytest.mark.parametrize(
    ("pong", "time_ns"),
    [
        ({"type": "pong", "id": "1", "ts": 1790113111261396000}, 1790113111261396000),
        ({"op": "pong", "id": "1", "timestamp": "5"}, 5),
    ],
)
def test_ping_and_pong(pong, time_ns):
    protocol = opened()
    protocol.tick(9.0)
    assert len(protocol.data_to_send(9.0)) == 1
    assert receive(protocol, pong, now=9.04) == [Ponged(pytest.approx(0.04), time_ns)]
    assert receive(protocol, pong, now=9.05) == []


def test_a_ping_that_would_follow_another_within_a_second_is_not_sent():
    protocol = opened(limits=Limits(commands_per_window=2), ping_interval=9.2, pong_timeout=1.0)
    protocol.subscribe(TICKER), protocol.subscribe(TICKER)
    assert len(protocol.data_to_send(0.0)) == 2
    protocol.tick(9.2)
    assert protocol.data_to_send(9.2) == []  # held back by the limit on commands
    assert len(protocol.data_to_send(10.0)) == 1
    protocol.tick(10.2)  # the pong seems to be missing since 9.2
    assert protocol.data_to_send(10.2) == []


# -- pushes ------------------------------------------------------------------------------------------------------

SNAPSHOT = (
    b'{"T":"obu.SPOT","dp":"increment@10ms","t":"snapshot","P":5,"d":{"a":[["2","1"]],"b":[],"s":"A-B","C":7,"O":7}}'
)
DELTA = b'{"T":"obu.SPOT","dp":"increment@10ms","t":"delta","P":6,"d":{"a":[["2","0"]],"b":[],"s":"A-B","C":9,"O":8}}'
LEVEL2 = "obu.SPOT@increment@10ms:A-B"


def test_a_book_says_whether_it_is_a_snapshot_or_a_delta():
    first, second = (
        Book("A-B", 7, 7, [(2.0, 1.0)], [], kind="snapshot"),
        Book("A-B", 8, 9, [(2.0, 0.0)], [], kind="delta"),
    )
    expected = [Push(LEVEL2, first, "snapshot"), Push(LEVEL2, second, "delta")]
    protocol = opened()
    assert receive(protocol, SNAPSHOT, DELTA) == expected
    assert receive(protocol, SNAPSHOT, DELTA) == expected


@pytest.mark.parametrize(
    "text",
    [
        SNAPSHOT,
        SNAPSHOT.replace(b",", b", ").replace(b":", b": "),
        SNAPSHOT.replace(b'"obu.SPOT"', b'"obu.spot"'),
        SNAPSHOT.replace(b'"obu.SPOT"', b'"OBU.Spot"'),
        b" " + SNAPSHOT,
        SNAPSHOT.replace(b'"T":"obu.SPOT",', b"").replace(b'"O":7}}', b'"O":7},"T":"obu.SPOT"}'),
        SNAPSHOT.replace(b'"T":"obu.SPOT",', b"").replace(b'"P":5', b'"P":"5","T":"obu.SPOT","new":{"x":[1]}'),
    ],
)
def test_spacing_order_and_case_mean_nothing(text):
    protocol = opened()
    expected = [Push(LEVEL2, Book("A-B", 7, 7, [(2.0, 1.0)], [], kind="snapshot"), "snapshot")]
    assert receive(protocol, text) == receive(protocol, text) == expected
    compressor = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    assert receive(protocol, compressor.compress(text) + compressor.flush()) == expected


def test_all_funding_rates_come_one_by_one():
    rates = [{"s": "XBTUSDTM", "fr": "0.1"}, {"s": "ETHUSDTM", "fr": "-0.2"}]
    assert receive(opened(), {"T": "funding-fee-all-symbols", "P": 5, "d": rates}) == [
        Push("funding-fee-all-symbols.FUTURES", FundingRate("XBTUSDTM", 0.1, time_ns=5)),
        Push("funding-fee-all-symbols.FUTURES", FundingRate("ETHUSDTM", -0.2, time_ns=5)),
    ]


def test_pushes_of_several_topics_do_not_mix():
    protocol = opened()
    for _ in range(2):
        for trade_type in ("SPOT", "FUTURES"):
            for symbol in ("A", "B"):
                for depth in ("1", "5"):
                    data = {"s": symbol, "O": 1, "C": 1}
                    frame = {"T": f"obu.{trade_type}", "dp": depth, "t": "delta", "d": data}
                    (push,) = receive(protocol, frame)
                    book = Book(symbol, 1, 1, kind="delta")
                    assert push == Push(f"obu.{trade_type}@{depth}:{symbol}", book, "delta")


@pytest.mark.parametrize(
    ("data", "what", "topic"),
    [
        (b"not json", "neither JSON nor raw deflate", ""),
        (b"", "undecodable message", ""),
        (b"\x00\xff\xfe\x80", "neither JSON nor raw deflate", ""),
        (b"null", "neither JSON nor raw deflate", ""),
        (b"[]", "undecodable message", ""),
        (b'"welcome"', "undecodable message", ""),
        (b'{"T":"obu.SPOT","d":{"s', "undecodable message", ""),
        (b'{"T":5}', "undecodable message", ""),
        (b"{}", "says nothing known: ''", ""),
        (b'{"id":"1"}', "says nothing known: ''", ""),
        (b'{"id":"1","type":"ping"}', "only clients send", ""),
        (b'{"id":"1","action":"SUBSCRIBE","channel":"obu"}', "only clients send", ""),
        (b'{"id":"1","op":"auth","kc-api-key":"k"}', "says nothing known: 'auth'", ""),
        (b'{"T":"\xff"}', "undecodable message", ""),
        (b'{"d":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "undecodable message", ""),
        (b'{"T":"obu.SPOT","dp":"20","d":{}}', "unknown channel: 'obu.SPOT', depth '20'", ""),
        (b'{"T":"obu.SPOT","d":{}}', "unknown channel: 'obu.SPOT', depth ''", ""),
        (b'{"T":"nothing.SPOT","d":{}}', "unknown channel: 'nothing.SPOT'", ""),
        (b'{"T":"ticker.SPOT"}', "undecodable push of ''", ""),
        (b'{"T":"ticker.SPOT","d":[]}', "undecodable push of ''", ""),
        (b'{"T":"trade.SPOT","d":{"s":"A-B"}}', "undecodable push of 'trade.SPOT:A-B'", "trade.SPOT:A-B"),
        (b'{"T":"kline.SPOT","d":{"s":"A-B","i":"1min"}}', "undecodable push of", "kline.SPOT:A-B_1min"),
        (b'{"T":"balance.UNIFIED","d":[]}', "undecodable push of", "balance:UNIFIED"),
        (b'{"T":"funding-fee-all-symbols","d":{}}', "undecodable push of", "funding-fee-all-symbols.FUTURES"),
    ],
)
def test_what_the_protocol_does_not_allow(data, what, topic):
    protocol = opened()
    (event,) = receive(protocol, data)
    assert isinstance(event, Unreadable)
    assert what in str(event.error)
    assert event.error.topic == topic
    assert protocol.state is State.OPEN
    assert len(receive(protocol, SNAPSHOT)) == 1


# -- the short way: a shape seen before is decoded in one pass ------------------------------------------------------

BAR = {"s": "A-B", "i": "1min", "O": 60, **dict.fromkeys("ochlva", "1")}
SHAPES = (
    {"T": "obu.SPOT", "dp": "1", "t": "snapshot", "P": 5, "d": {"s": "A-B", "O": 1, "C": 1}},
    {"T": "obu.SPOT", "dp": "increment", "t": "delta", "P": 5, "d": {"s": "A-B", "O": 1, "C": 1}},
    {"T": "obu.SPOT", "dp": "20", "t": "delta", "P": 5, "d": {"s": "A-B", "O": 1, "C": 1}},  # no such depth
    {"T": "obu.SPOT", "dp": "1", "d": {"s": "A-B"}},  # not readable
    {"T": "obu.SPOTTED", "dp": "1", "d": {"s": "A-B", "O": 1, "C": 1}},  # the same head, nearly
    {"T": "kline.SPOT", "P": 5, "d": BAR},
    {"T": "kline.SPOT", "P": 6, "d": BAR | {"i": "1hour"}},
    {"T": "funding-fee", "P": 7, "d": {"s": "A", "fr": 1}},
    {"T": "funding-fee-all-symbols", "P": 7, "d": [{"s": "A", "fr": 1}]},
    {"T": "order.UNIFIED", "P": 7, "d": {"s": "A-B", "oi": "1"}},
    {"T": "orderAll.UNIFIED", "P": 7, "d": {"s": "A-B", "oi": "1"}},
    {"T": "execution.UNIFIED", "d": {"s": "A-B", "oi": "1", "f": "1"}},
    {"T": "execution.lite.UNIFIED", "d": {"s": "A-B", "oi": "1", "f": "1"}},
    {"P": 5, "T": "mark-price", "d": {"s": "A", "mp": "1"}},
    {"T": "mark-price", "d": {"s": "A", "mp": "1"}},
    {"T": "balance.SPOT", "d": {"c": "A"}},
    {"T": "balance.FUNDING", "d": {"c": "A"}},
    {"id": "9", "result": True},
)


def meaning(protocol: ProProtocol, message: object) -> list[object]:
    """Return what a message means, errors by their text."""
    events = receive(protocol, message)
    return [(str(each.error), each.error.topic) if isinstance(each, Unreadable) else each for each in events]


@given(st.lists(st.sampled_from(SHAPES), max_size=30))
def test_what_came_before_never_changes_what_a_message_means(shapes):
    protocol = opened()
    for shape in shapes:
        assert meaning(protocol, shape) == meaning(opened(), shape)


def test_one_read_brings_its_messages_in_order():
    events = receive(opened(), *SHAPES)
    assert [type(each.data) for each in events if isinstance(each, Push)][:5] == [Book, Book, Kline, Kline, FundingRate]
    assert [type(each) for each in events].count(Unreadable) == 3


def test_a_trade_and_a_price_go_the_short_way_too():
    protocol = opened()
    data = {"s": "A-B", "S": "buy", "p": "1", "q": "2", "M": 1768802538480000000, "ti": 4}
    for _ in range(2):
        pushed = receive(protocol, {"T": "trade.SPOT", "d": data}, {"T": "mark-price", "d": {"s": "A", "mp": "1"}})
        trade = Trade("A-B", "buy", 1.0, 2.0, 1768802538480000000, "4")
        assert [each.data for each in pushed] == [trade, MarkPrice("A", 1.0)]
    assert len(protocol._shapes) == 2


# -- whatever comes ----------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
PAYLOAD = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("s", "S", "O", "C", "a", "b", "p", "q", "M", "i", "oi", "c", "U", "ti", "fr"), JSON)
)
EVENTS = Acknowledged | Authenticated | Failed | Opened | Ponged | Push | Rejected | Unreadable
ENVELOPES = st.fixed_dictionaries(
    {},
    optional={
        "T": st.sampled_from([shape["T"] for shape in SHAPES if "T" in shape]) | JSON,
        "dp": st.sampled_from(["1", "increment"]) | JSON,
        "d": PAYLOAD | JSON,
        "P": JSON,
        "t": JSON,
        "id": st.just("1") | JSON,
        "result": st.booleans() | JSON,
        "code": st.just(400005) | JSON,
        "type": st.sampled_from(["pong", "error"]) | JSON,
        "message": st.just("welcome") | JSON,
        "reason": JSON,
        "sessionId": JSON,
        "pingInterval": JSON,
    },
)


@pytest.mark.parametrize("state", [connecting, authenticating, opened, waiting])
@given(data=st.lists(st.binary(max_size=100), max_size=3))
@settings(max_examples=50)
def test_any_bytes_are_events(state, data):
    assert len(state().receive(data, 1.0)) <= len(data)


@pytest.mark.parametrize("state", [connecting, authenticating, opened, waiting])
@given(messages=st.lists(ENVELOPES | JSON, max_size=4))
@settings(max_examples=60)
def test_any_json_is_events(state, messages):
    protocol = state()
    for message in messages:
        for event in protocol.receive([json.dumps(message).encode("utf-8", "surrogatepass")], 1.0):
            assert isinstance(event, EVENTS)
    protocol.tick(2.0)
    assert protocol.next_tick() > 1.0


def test_what_a_server_makes_up_does_not_fill_memory(monkeypatch):
    monkeypatch.setattr(pro, "TOPICS", 300)
    protocol = opened()
    for number in range(1000):
        data = {"s": f"X{number}", "O": 1, "C": 1}
        receive(protocol, {"T": "obu.SPOT", "dp": "1", "d": data}, {"id": f"x{number}", "result": True})
        receive(protocol, {"P": number, "T": "mark-price", "d": {"s": "A", "mp": 1}})
        receive(protocol, {"T": f"balance.X{number}", "d": {"c": "A"}})
    assert sum(len(reader.topics) for reader in protocol._readers.values()) <= 300
    assert len(protocol._shapes) <= pro.SHAPES
    assert not protocol._pending
    assert [each.topic for each in receive(protocol, SNAPSHOT)] == [LEVEL2]


def test_a_very_long_topic_is_understood_and_not_kept():
    protocol = opened()
    symbol = "X" * 1_000_000
    for _ in range(2):
        (push,) = receive(protocol, {"T": "obu.SPOT", "dp": "1", "t": "delta", "d": {"s": symbol, "O": 1, "C": 1}})
        assert push.topic == f"obu.SPOT@1:{symbol}"
    assert (protocol._readers, protocol._shapes) == ({}, {})
