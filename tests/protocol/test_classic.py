"""The classic connection as a machine: frames in, events out, and time."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import fields

from kucoin_stream.errors import LocalProtocolError, RemoteProtocolError
from kucoin_stream.protocol import classic, topics
from kucoin_stream.protocol.classic import ClassicProtocol
from kucoin_stream.protocol.conversation import State
from kucoin_stream.protocol.events import Acknowledged, Failed, Opened, Ponged, Rejected, Unanswered, Unreadable
from kucoin_stream.protocol.messages import account, futures, futures_account
from kucoin_stream.protocol.messages.envelope import Push
from kucoin_stream.protocol.messages.spot import BookDepth, BookTop, Candle, KlineUpdate, Ticker
from kucoin_stream.settings import Limits
from tests.protocol import receive
from tests.protocol.test_messages import CLASSIC

WELCOME = b'{"id":"hQvf8jkno","type":"welcome"}'
TICKER = "/market/ticker:BTC-USDT"


def frame(**fields: object) -> bytes:
    return json.dumps(fields).encode()


def connecting(**options: object) -> ClassicProtocol:
    return ClassicProtocol(now=0.0, **options)


def opened(**options: object) -> ClassicProtocol:
    protocol = connecting(**options)
    assert receive(protocol, WELCOME, 0.0) == Opened("hQvf8jkno")
    return protocol


def waiting(**options: object) -> ClassicProtocol:
    """Return a machine whose command "1" is on its way."""
    protocol = opened(**options)
    assert protocol.subscribe(TICKER) == "1"
    assert len(protocol.data_to_send(0.0)) == 1
    return protocol


# -- welcome -----------------------------------------------------------------------------------------------------


def test_welcome_opens():
    protocol = connecting()
    assert protocol.state is State.CONNECTING
    assert receive(protocol, WELCOME, 0.1) == Opened("hQvf8jkno")
    assert protocol.state is State.OPEN


def test_welcome_may_come_after_other_frames():
    protocol = connecting()
    push = frame(type="message", topic=TICKER, data={"sequence": 1})
    assert receive(protocol, push, 0.1) == Push(TICKER, Ticker(sequence=1, symbol="BTC-USDT"))
    assert receive(protocol, WELCOME, 0.2) == Opened("hQvf8jkno")


def test_a_second_welcome_means_nothing():
    protocol = waiting()
    assert receive(protocol, WELCOME, 1.0) is None
    assert receive(protocol, frame(id="1", type="ack"), 1.0) == Acknowledged("1")


@pytest.mark.parametrize(("now", "events"), [(6.9, []), (7.0, [Failed("no welcome")])])
def test_welcome_is_due_five_seconds_after_the_socket_opened(now, events):
    protocol = connecting()
    protocol.connected(2.0)
    assert protocol.next_tick() == 7.0
    assert protocol.tick(now) == events


def test_late_welcome_still_opens_until_the_shell_closes():
    protocol = connecting()
    assert protocol.tick(5.0) == [Failed("no welcome")]
    assert receive(protocol, WELCOME, 5.1) == Opened("hQvf8jkno")
    protocol.close()
    assert receive(protocol, WELCOME, 5.2) is None
    assert protocol.state is State.CLOSED


@pytest.mark.parametrize("command", ["subscribe", "unsubscribe"])
def test_commands_are_refused_unless_open(command):
    protocol = connecting()
    with pytest.raises(LocalProtocolError, match=f"{command} on a connection that is connecting"):
        getattr(protocol, command)(TICKER)
    receive(protocol, WELCOME, 0.0)
    protocol.close()
    with pytest.raises(LocalProtocolError, match=f"{command} on a connection that is closed"):
        getattr(protocol, command)(TICKER)


# -- commands and their answers ----------------------------------------------------------------------------------


def test_commands_on_the_wire():
    protocol = opened()
    protocol.subscribe("/market/ticker:BTC-USDT,ETH-USDT")
    protocol.unsubscribe("/spotMarket/tradeOrdersV2", private=True)
    assert [json.loads(each) for each in protocol.data_to_send(0.0)] == [
        {"id": "1", "type": "subscribe", "topic": "/market/ticker:BTC-USDT,ETH-USDT", "response": True},
        {"id": "2", "type": "unsubscribe", "topic": "/spotMarket/tradeOrdersV2", "privateChannel": True,
         "response": True},
    ]  # fmt: skip
    assert protocol.data_to_send(0.0) == []


@pytest.mark.parametrize(
    ("answer", "event"),
    [
        ({"id": "1", "type": "ack"}, Acknowledged("1")),
        ({"id": 1, "type": "ack"}, Acknowledged("1")),
        ({"id": "1", "type": "ack", "tunnelId": "bt1"}, Acknowledged("1")),
        ({"id": "2", "type": "ack"}, None),
        ({"id": "", "type": "ack"}, None),
        ({"type": "ack"}, None),
        ({"id": None, "type": "ack"}, None),
        (
            {"id": "1", "type": "error", "code": 404, "data": "topic does not exist"},
            Rejected("1", 404, "topic does not exist"),
        ),
        ({"id": 1, "type": "error", "code": "404", "data": "gone"}, Rejected("1", 404, "gone")),
        ({"id": "1", "type": "error", "code": 401, "data": "no"}, Rejected("1", 401, "no")),
        ({"id": "1", "type": "error"}, Rejected("1", 400, "no reason given")),
        ({"id": "1", "type": "error", "code": "x", "data": None}, Rejected("1", 400, "no reason given")),
        ({"id": "1", "type": "error", "code": 404, "message": "gone"}, Rejected("1", 404, "gone")),
        ({"id": "1", "type": "error", "code": 500, "data": {"a": 1}}, Rejected("1", 500, "{'a': 1}")),
        (
            {"id": "xy", "type": "error", "code": 400, "data": "Unrecognized token"},
            Rejected("", 400, "Unrecognized token"),
        ),
        (
            {"type": "error", "code": 509, "data": "exceed max permits per second"},
            Rejected("", 509, "exceed max permits per second"),
        ),
        ({"type": "error", "code": 401, "data": "token is expired"}, Failed("token is expired", 401)),
        (
            {"id": "hQvf8jkno", "type": "error", "code": 401, "data": "token is invalid"},
            Failed("token is invalid", 401),
        ),
        ({"type": "notice", "data": "maintenance"}, None),
        ({"type": "command"}, None),
    ],
)
def test_answer_to_a_command(answer, event):
    assert receive(waiting(), frame(**answer), 1.0) == event


@pytest.mark.parametrize("kind", ["ack", "error"])
def test_a_command_is_answered_once(kind):
    protocol = waiting()
    assert receive(protocol, frame(id="1", type=kind), 1.0) is not None
    assert receive(protocol, frame(id="1", type=kind), 1.1) in (None, Rejected("", 400, "no reason given"))
    assert protocol.tick(10.0) == []


@pytest.mark.parametrize(
    ("error", "event"),
    [
        ({"type": "error", "code": 401, "data": "token is expired"}, Failed("token is expired", 401)),
        (
            {"id": "c", "type": "error", "code": 509, "data": "exceed max session count limitation of 50"},
            Failed("exceed max session count limitation of 50", 509),
        ),
        ({"type": "error", "code": 509, "data": "service busy, please retry later"},
         Failed("service busy, please retry later", 509)),
    ],
)  # fmt: skip
def test_an_error_before_the_welcome_ends_the_connection(error, event):
    assert receive(connecting(), frame(**error), 1.0) == event


@pytest.mark.parametrize(
    "reason", [b'"\xff"', b"1e400", b"9" * 5000, b"[" * 900 + b"]" * 900, b'"' + b"x" * 5000 + b'"']
)
def test_an_error_with_an_odd_reason_is_still_an_error(reason):
    event = receive(waiting(), b'{"id":"1","type":"error","code":404,"data":' + reason + b"}", 1.0)
    assert isinstance(event, Rejected)
    assert (event.request_id, event.code) == ("1", 404)
    assert 0 < len(event.reason) <= 500


@pytest.mark.parametrize(
    ("answered", "at", "events"),
    [
        ([], 9.9, []),
        ([], 10.0, [Unanswered("1"), Unanswered("2")]),
        (["1"], 10.0, [Unanswered("2")]),
        (["2", "1"], 10.0, []),
    ],
)
def test_a_command_without_answer(answered, at, events):
    protocol = waiting()
    protocol.unsubscribe(TICKER)
    protocol.data_to_send(0.0)
    assert protocol.next_tick() == 10.0
    for request_id in answered:
        receive(protocol, frame(id=request_id, type="ack"), 1.0)
    assert protocol.tick(at) == events


def test_an_ack_after_its_time_means_nothing():
    protocol = waiting()
    assert protocol.tick(10.0) == [Unanswered("1")]
    assert receive(protocol, frame(id="1", type="ack"), 10.1) is None


def test_time_for_the_answer_runs_from_the_sending_not_from_the_asking():
    protocol = opened(limits=Limits(commands_per_window=1))
    protocol.subscribe(TICKER)
    protocol.subscribe(TICKER)
    protocol.data_to_send(0.0)
    receive(protocol, frame(id="1", type="ack"), 0.1)
    protocol.data_to_send(10.0)
    assert protocol.tick(19.9) == []
    assert protocol.tick(20.0) == [Unanswered("2")]


def test_after_close_nothing_is_sent_and_nothing_is_due():
    protocol = waiting()
    protocol.subscribe(TICKER)
    protocol.close()
    assert protocol.data_to_send(0.0) == []
    assert protocol.tick(100.0) == []
    assert receive(protocol, frame(id="1", type="ack"), 1.0) is None


# -- pace --------------------------------------------------------------------------------------------------------


def test_ninety_frames_in_ten_seconds():
    protocol = opened()
    for _ in range(200):
        protocol.subscribe(TICKER)
    sent = {now: len(protocol.data_to_send(now)) for now in (0.0, 5.0, 9.9, 10.0, 10.1, 20.0, 30.0)}
    assert sent == {0.0: 90, 5.0: 0, 9.9: 0, 10.0: 90, 10.1: 0, 20.0: 20, 30.0: 0}


def test_the_machine_says_when_the_window_has_room():
    protocol = opened()
    for _ in range(91):
        protocol.subscribe(TICKER)
    protocol.data_to_send(2.0)
    assert protocol.next_tick() == 12.0
    protocol.tick(12.0)
    assert [json.loads(each)["id"] for each in protocol.data_to_send(12.0)] == ["91"]


def test_pings_do_not_pile_up_while_the_limit_holds_them_back():
    protocol = opened(ping_interval=2.0, limits=Limits(commands_per_window=1))
    protocol.subscribe(TICKER)
    protocol.data_to_send(0.0)
    for now in (2.0, 4.0, 6.0, 8.0):
        receive(protocol, frame(id="x", type="ack"), now)
        protocol.tick(now)
        assert protocol.data_to_send(now) == []
    assert [json.loads(each)["type"] for each in protocol.data_to_send(10.0)] == ["ping"]
    assert not protocol._queue


def test_pings_count_and_go_first():
    protocol = opened(ping_interval=5.0, limits=Limits(commands_per_window=2))
    for _ in range(3):
        protocol.subscribe(TICKER)
    protocol.data_to_send(0.0)
    protocol.tick(5.0)
    assert protocol.data_to_send(5.0) == []
    assert [json.loads(each)["type"] for each in protocol.data_to_send(10.0)] == ["ping", "subscribe"]


@given(st.lists(st.tuples(st.floats(0, 5), st.integers(0, 60)), max_size=30))
def test_no_window_of_ten_seconds_holds_more_than_ninety_frames(bursts):
    protocol = opened()
    now, sent = 0.0, []
    for wait, count in bursts:
        now += wait
        for _ in range(count):
            protocol.subscribe(TICKER)
        protocol.tick(now)
        sent += [now] * len(protocol.data_to_send(now))
    for at, last in enumerate(sent):
        assert sum(1 for each in sent[: at + 1] if each > last - 10.0) <= 90


# -- heartbeat ---------------------------------------------------------------------------------------------------


def test_ping_and_pong():
    protocol = opened()
    assert protocol.next_tick() == 18.0
    assert protocol.tick(18.0) == []
    assert [json.loads(each) for each in protocol.data_to_send(18.0)] == [{"id": "1", "type": "ping"}]
    pong = frame(id="1", type="pong", timestamp=1764215232226553)
    assert receive(protocol, pong, 18.04) == Ponged(pytest.approx(0.04), 1764215232226553000)
    assert receive(protocol, pong, 18.05) is None
    assert protocol.next_tick() == 36.0


def test_the_ping_timer_starts_with_the_welcome():
    protocol = connecting(ping_interval=None)
    receive(protocol, WELCOME, 3.0)
    assert protocol.next_tick() == 21.0


def test_a_subscribe_restarts_the_ping_timer():
    protocol = opened()
    protocol.subscribe(TICKER)
    protocol.data_to_send(10.0)
    receive(protocol, frame(id="1", type="ack"), 10.1)
    assert protocol.tick(18.0) == []
    assert protocol.data_to_send(18.0) == []
    protocol.tick(28.0)
    assert json.loads(protocol.data_to_send(28.0)[0])["type"] == "ping"


def test_two_pings_without_answer_fail_the_connection():
    protocol = opened()
    events = []
    for now in (18.0, 28.0, 38.0):
        events += protocol.tick(now)
        assert len(protocol.data_to_send(now)) == (1 if now < 38.0 else 0)
    assert events == [Failed("no answer to the ping: the connection is dead")]


def test_an_undecodable_push_is_a_sign_of_life():
    protocol = opened()
    protocol.tick(18.0), protocol.data_to_send(18.0)
    protocol.tick(28.0), protocol.data_to_send(28.0)
    with pytest.raises(RemoteProtocolError):
        receive(protocol, frame(topic=TICKER, data={}), 33.0)
    assert protocol.tick(38.0) == []


# -- pushes ------------------------------------------------------------------------------------------------------

CANDLE = ["1729839600", "67644.9", "67437.6", "67724.8", "67243.8", "44.88321441", "3027558.991928447"]
BAR = Candle(1729839600, 67644.9, 67437.6, 67724.8, 67243.8, 44.88321441, 3027558.991928447)


@pytest.mark.parametrize(
    ("push", "payload"),
    [
        pytest.param(
            {"type": "message", "topic": TICKER, "subject": "trade.ticker", "data": {"sequence": "7"}},
            Ticker(sequence=7, symbol="BTC-USDT"),
            id="symbol of a ticker from the topic",
        ),
        pytest.param(
            {"type": "message", "topic": "/market/ticker:all", "subject": "ETH-USDT", "data": {"sequence": "7"}},
            Ticker(sequence=7, symbol="ETH-USDT"),
            id="symbol of all tickers from the subject",
        ),
        pytest.param(
            {"topic": "/spotMarket/level1:BTC-USDT", "data": {"asks": ["2", "1"], "bids": None}},
            BookTop(asks=[2.0, 1.0], bids=None, symbol="BTC-USDT"),
            id="no type means message",
        ),
        pytest.param(
            {"topic": "/spotMarket/level2Depth5:BTC-USDT", "data": {"asks": [["2", "1"]], "bids": []}},
            BookDepth(asks=[(2.0, 1.0)], bids=[], symbol="BTC-USDT"),
            id="symbol of a depth from the topic",
        ),
        pytest.param(
            {
                "topic": "/market/candles:BTC-USDT_1hour",
                "data": {"symbol": "BTC-USDT", "candles": CANDLE, "time": 1729842192785164840},
            },
            KlineUpdate(symbol="BTC-USDT", candle=BAR, time_ns=1729842192785164840, interval="1hour"),
            id="interval from the topic",
        ),
        pytest.param(
            {"data": {"sequence": 7, "new": [1]}, "userId": "u", "sn": 4, "topic": TICKER, "tunnelId": "t", "id": "i"},
            Ticker(sequence=7, symbol="BTC-USDT"),
            id="what is not known is not looked at",
        ),
    ],
)
def test_push(push, payload):
    assert receive(opened(), frame(**push), 1.0) == Push(push["topic"], payload, push.get("subject", ""))


def test_pushes_of_several_topics_do_not_mix():
    protocol = opened()
    for _ in range(2):  # decoded afresh, and with the reader that was kept
        for symbol in ("A-B", "C-D"):
            pushed = receive(protocol, frame(topic=f"/market/ticker:{symbol}", data={"sequence": 1}), 1.0)
            assert pushed == Push(f"/market/ticker:{symbol}", Ticker(sequence=1, symbol=symbol))


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"not json", "undecodable message"),
        (b"", "undecodable message"),
        (b"\x00\xff\xfe\x80", "undecodable message"),
        (b"\x1f\x8b\x08\x00", "undecodable message"),
        (b"null", "undecodable message"),
        (b"[]", "undecodable message"),
        (b'"welcome"', "undecodable message"),
        (b'{"type":"message","topic":"/market/ticker:BTC-USDT","data":{"seq', "undecodable message"),
        (b'{"type":"hello"}', "says nothing known: 'hello'"),
        (b'{"type":"ping","id":"1"}', "only clients send"),
        (b'{"type":"subscribe","id":"1","topic":"/market/ticker:all"}', "only clients send"),
        (b'{"type":null}', "unknown topic"),
        (b'{"type":"welcome","id":{}}', "undecodable message"),
        (b'{"topic":"\xff","data":{}}', "undecodable message"),
        (b'{"data":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "undecodable message"),
        (b"{}", "unknown topic: ''"),
        (b'{"topic":"/market/level3:BTC-USDT","data":{}}', "unknown topic: '/market/level3:BTC-USDT'"),
        (b'{"topic":"/market/ticker:BTC-USDT"}', "undecodable push of '/market/ticker:BTC-USDT'"),
        (b'{"topic":"/market/ticker:BTC-USDT","data":null}', "undecodable push"),
        (b'{"topic":"/market/ticker:BTC-USDT","data":[]}', "undecodable push"),
        (b'{"topic":"/market/ticker:BTC-USDT","data":{"sequence":"x"}}', "undecodable push"),
        (b'{"topic":"/market/candles:A-B_1min","data":{"symbol":"A-B","candles":["1"]}}', "undecodable push"),
    ],
)
def test_what_the_protocol_does_not_allow(data, what):
    protocol = opened()
    with pytest.raises(RemoteProtocolError, match=what):
        receive(protocol, data, 1.0)
    assert protocol.state is State.OPEN
    assert isinstance(receive(protocol, frame(topic=TICKER, data={"sequence": 1}), 2.0), Push)


@pytest.mark.parametrize("state", [connecting, opened, waiting])
@given(data=st.binary(max_size=200))
@settings(max_examples=60)
def test_any_bytes_are_an_event_or_a_remote_protocol_error(state, data):
    protocol = state()
    try:
        event = receive(protocol, data, 1.0)
    except RemoteProtocolError:
        return
    assert event is None or isinstance(event, Opened | Push | Rejected | Failed)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
FIELDS = (
    "symbol", "sequence", "price", "candles", "time", "changes", "sequenceStart", "sequenceEnd",
    "asks", "bids", "data", "value", "timestamp", "side", "size", "tradeId", "change", "ts", "markPrice", "fundingRate",
    "fundingTime", "currency", "orderId", "type", "status", "relationContext", "debtRatio", "assetList", "success",
)  # fmt: skip
SUBJECTS = sorted({subject for row in CLASSIC for subject in row.subjects})
ENVELOPES = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["message", "ack", "error", "pong", "welcome", "notice", "command"]) | JSON,
        "topic": st.sampled_from([row.wire("BTC-USDT" if row.argument else "") for row in CLASSIC]) | JSON,
        "subject": st.sampled_from(SUBJECTS) | JSON,
        "id": st.just("1") | JSON,
        "code": st.just(404) | JSON,
        "data": JSON
        | st.fixed_dictionaries(
            {},
            optional=dict.fromkeys(FIELDS, JSON),
        ),
    },
)  # fmt: skip


@given(st.lists(ENVELOPES | JSON, max_size=4))
@settings(max_examples=100)
def test_any_json_is_an_event_or_a_remote_protocol_error(messages):
    protocol = waiting()
    for message in messages:
        try:
            event = receive(protocol, json.dumps(message).encode("utf-8", "surrogatepass"), 1.0)
        except RemoteProtocolError:
            continue
        if isinstance(event, Push) and hasattr(event.data, "symbol"):
            assert isinstance(event.data.symbol, str)
    assert protocol.state is State.OPEN


def test_topics_made_up_by_the_server_do_not_fill_memory(monkeypatch):
    monkeypatch.setattr(classic, "TOPICS", 300)
    protocol = opened()
    for number in range(1000):
        receive(protocol, frame(topic=f"/market/ticker:X{number}-USDT", data={"sequence": 1}), 1.0)
        receive(protocol, frame(data={"sequence": number}, topic=f"/market/ticker:X{number}-USDT"), 1.0)
        receive(protocol, frame(id=f"x{number}", type="ack"), 1.0)
    assert len(protocol._readers) <= 300
    assert sum(len(reader.amends) for reader in protocol._kinds.values()) <= 300
    assert len(protocol._shapes) <= classic.SHAPES
    assert not protocol._pending
    last = receive(protocol, frame(topic="/market/ticker:LAST-USDT", data={"sequence": 1}), 1.0)
    assert last == Push("/market/ticker:LAST-USDT", Ticker(sequence=1, symbol="LAST-USDT"))


def test_a_very_long_topic_is_understood_and_not_kept():
    protocol = opened()
    symbol = "X" * 1_000_000
    for _ in range(2):
        push = receive(protocol, frame(topic=f"/market/ticker:{symbol}", data={"sequence": 1}), 1.0)
        assert push.data.symbol == symbol
    assert (protocol._readers, protocol._shapes) == ({}, {})


# -- one path, several payloads: the subject says which ---------------------------------------------------------------

MARK = {"markPrice": 2.0, "indexPrice": 3.0, "granularity": 1000, "timestamp": 7}
FUNDING = {"fundingRate": -0.000076, "granularity": 60000, "timestamp": 8, "period": 1}
SETTLED = {"fundingTime": 1551770400000, "fundingRate": -0.002966, "timestamp": 1551770400000}


@pytest.mark.parametrize(
    ("topic", "subject", "data", "payload"),
    [
        (
            "/contract/instrument:XBTUSDTM", "mark.index.price", MARK,
            futures.MarkPrice(2.0, 3.0, 1000, 7, symbol="XBTUSDTM"),
        ),
        (
            "/contract/instrument:XBTUSDTM", "funding.rate", FUNDING,
            futures.FundingRate(-0.000076, 60000, 1, 8, symbol="XBTUSDTM"),
        ),
        (
            "/contract/announcement", "funding.begin", {"symbol": "XBTUSDTM"} | SETTLED,
            futures.FundingSettlement(1551770400000, -0.002966, 1551770400000, "XBTUSDTM", "funding.begin"),
        ),
        (
            "/contract/announcement:XBTUSDTM", "funding.end", {"symbol": "XBTUSDTM"} | SETTLED,
            futures.FundingSettlement(1551770400000, -0.002966, 1551770400000, "XBTUSDTM", "funding.end"),
        ),
        (
            "/contract/announcement:XBTUSDTM", "funding.end", SETTLED,
            futures.FundingSettlement(1551770400000, -0.002966, 1551770400000, "XBTUSDTM", "funding.end"),
        ),
        ("/margin/position", "debt.ratio", {"debtRatio": 0.75}, account.DebtRatio(0.75)),
        ("/margin/position", "position.status", {"type": "LIABILITY"}, account.MarginStatus("LIABILITY")),
        (
            "/contract/position:XBTUSDTM", "position.change", {"markPrice": 2, "changeReason": "markPriceChange"},
            futures_account.Position(symbol="XBTUSDTM", change_reason="markPriceChange", mark_price=2.0),
        ),
        (
            "/contract/positionAll", "position.change", {"symbol": "ETHUSDTM", "markPrice": 2},
            futures_account.Position(symbol="ETHUSDTM", mark_price=2.0),
        ),
        ("/contract/positionAll", "position.change", {"markPrice": 2}, futures_account.Position(mark_price=2.0)),
        (
            "/contract/position:XBTUSDTM", "position.settlement", {"fundingTime": 5, "qty": -100},
            futures_account.PositionSettlement(5, -100.0, symbol="XBTUSDTM"),
        ),
        (
            "/contract/positionAll", "position.settlement", {"fundingTime": 5, "symbol": "ETHUSDTM"},
            futures_account.PositionSettlement(5, symbol="ETHUSDTM"),
        ),
        (
            "/contract/position:XBTUSDTM", "position.adjustRiskLimit",
            {"success": True, "riskLimitLevel": 1, "msg": ""},
            futures_account.RiskLimit(True, 1, "", symbol="XBTUSDTM"),
        ),
        (
            "/contractAccount/wallet", "withdrawHold.change", {"currency": "USDT", "withdrawHold": 5, "timestamp": "6"},
            futures_account.WithdrawHold("USDT", 5.0, 6),
        ),
        (
            "/contractAccount/wallet", "orderMargin.change", {"currency": "USDT", "orderMargin": 5},
            futures_account.OrderMargin("USDT", 5.0),
        ),
        ("/contractAccount/wallet", "walletBalance.change", {"currency": "USDT"}, futures_account.Wallet("USDT")),
        ("/contract/marginMode", "user.config", {"ETHUSDTM": "ISOLATED"}, {"ETHUSDTM": "ISOLATED"}),
        (
            "/contract/crossLeverage", "user.config", {"ETHUSDTM": {"leverage": "8"}},
            {"ETHUSDTM": futures_account.Leverage(8.0)},
        ),
    ],
)  # fmt: skip
def test_the_subject_says_what_a_push_is(topic, subject, data, payload):
    protocol = opened()
    push = frame(topic=topic, type="message", subject=subject, data=data)
    for _ in range(2):
        assert receive(protocol, push, 1.0) == Push(topic, payload, subject)


@pytest.mark.parametrize("subject", ["", "funding", "tickerV2", "x" * 1000])
def test_an_unknown_subject_of_a_shared_path(subject):
    with pytest.raises(RemoteProtocolError, match="unknown topic: '/contract/instrument:A', subject '") as caught:
        receive(opened(), frame(topic="/contract/instrument:A", subject=subject, data=MARK), 1.0)
    assert len(str(caught.value)) < 300


def test_what_is_told_by_its_subject_is_in_no_guess():
    protocol = opened()
    for symbol in range(3000):
        for subject, data in (("mark.index.price", MARK), ("funding.rate", FUNDING)):
            receive(protocol, frame(topic=f"/contract/instrument:{symbol}", subject=subject, data=data), 1.0)
    assert (protocol._readers, protocol._kinds, protocol._shapes) == ({}, {}, {})


@pytest.mark.parametrize("row", CLASSIC, ids=lambda row: row.name)
def test_only_all_tickers_have_their_symbol_from_the_subject(row):
    if row.argument or topics.told_by_subject(row):
        return
    named = {field.name: field for field in getattr(row.payload, "__struct_fields__", ()) and fields(row.payload)}
    assert "symbol" not in named or named["symbol"].required or row.name == "spot.all_tickers"


# -- the short way: a shape seen before is decoded in one pass ------------------------------------------------------

SHAPES = (
    {"topic": TICKER, "type": "message", "subject": "trade.ticker", "data": {"sequence": "1", "price": "2"}},
    {"topic": "/market/ticker:all", "type": "message", "subject": "BTC-USDT", "data": {"sequence": "1"}},
    {"topic": "/spotMarket/level2Depth5:A-B", "data": {"asks": [["1", "2"]], "bids": []}},
    {"topic": "/spotMarket/level1:A-B", "data": {"asks": ["1", "2"], "bids": []}},  # the same head as a depth
    {"topic": "/market/candles:A-B_1min", "data": {"symbol": "A-B", "candles": ["1", "1", "1", "1", "1", "1", "1"]}},
    {"data": {"sequence": "1"}, "topic": TICKER, "type": "message"},
    {"data": {"sequence": "1", "symbol": "A-B"}, "topic": "/market/match:A-B", "type": "message"},  # not readable
    {"topic": "/market/level2:A-B", "data": {"changes": {}, "sequenceStart": 1, "sequenceEnd": 1, "symbol": "A-B"}},
    {"topic": "/market/level2:A-B", "data": {"changes": {}, "sequenceStart": "x", "sequenceEnd": 1, "symbol": "A-B"}},
    {"topic": "/market/level2:A-B", "type": "error", "code": 404, "data": "a push that is none"},
    {"topic": "/market/nothing:A-B", "data": {}},
    {"type": "ack", "id": "1"},
    # the same heads, told by the subject; what fits one payload of the path may fit another
    {"topic": "/contract/instrument:A", "subject": "mark.index.price", "data": MARK | FUNDING},
    {"topic": "/contract/instrument:A", "subject": "funding.rate", "data": MARK | FUNDING},
    {"topic": "/contract/instrument:A", "subject": "funding", "data": MARK | FUNDING},
    {"data": {"sequence": "1"} | MARK | FUNDING, "topic": "/contract/instrument:A", "subject": "funding.rate"},
    {"data": {"sequence": "1", "change": "1,buy,2"}, "topic": "/contractMarket/level2:A", "subject": "level2"},
    {"topic": "/contract/position:A", "subject": "position.change", "data": {"symbol": "B", "success": True}},
    {"topic": "/contract/position:A", "subject": "position.adjustRiskLimit", "data": {"success": True}},
    {"topic": "/contract/positionAll", "subject": "position.change", "data": {"success": True}},
    {"topic": "/contract/marginMode", "subject": "user.config", "data": {"A": "CROSS"}},
)


def meaning(protocol: ClassicProtocol, data: bytes) -> object:
    """Return what a message means, errors by their text."""
    try:
        return receive(protocol, data, 1.0)
    except RemoteProtocolError as exc:
        return str(exc), exc.topic


@given(st.lists(st.sampled_from(SHAPES), max_size=30))
def test_what_came_before_never_changes_what_a_message_means(shapes):
    protocol = opened()
    for shape in shapes:
        assert meaning(protocol, frame(**shape)) == meaning(opened(), frame(**shape))


def test_one_read_brings_its_messages_in_order():
    messages = [frame(**shape) for shape in SHAPES]
    events = opened().receive(messages, 1.0)
    unreadable = {6, 8, 10, 14}
    assert [each.topic for each in events if isinstance(each, Push)] == [
        shape["topic"] for at, shape in enumerate(SHAPES) if at not in unreadable | {9, 11}
    ]
    assert [type(each) for each in events].count(Unreadable) == len(unreadable)
    assert [type(each) for each in events[8:11]] == [Unreadable, Rejected, Unreadable]
