import json

import pytest

from kucoin_stream.simulator.generated import GeneratedMarket
from kucoin_stream.simulator.market import Refusal
from kucoin_stream.simulator.session import Close, Send, Session, SessionLimits, Subscribed, Unsubscribed, split
from kucoin_stream.simulator.topics import check_topic

MARKET = GeneratedMarket()
TIME_US = 1764215232226553


def opened(private=False, now=0.0, **limits):
    return Session(
        "me", lambda topic: check_topic(topic, MARKET), now=now, private=private, limits=SessionLimits(**limits)
    )


def command(kind="subscribe", topic="/market/ticker:BTC-USDT", request=1, response=True, **others):
    return json.dumps({"id": request, "type": kind, "topic": topic, "response": response, **others})


def plain(outputs):
    return [json.loads(output.text) if isinstance(output, Send) else output for output in outputs]


def ack(request="1"):
    return {"id": request, "type": "ack"}


def error(code, data, request="1"):
    return {"id": request, "type": "error", "code": code, "data": data}


def test_the_welcome_carries_the_connect_id():
    assert json.loads(opened().welcome().text) == {"id": "me", "type": "welcome"}


TICKER = "/market/ticker:BTC-USDT"
PRIVATE = "/spotMarket/tradeOrdersV2"
MANY = "/market/ticker:" + ",".join(f"A{n}-USDT" for n in range(101))


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (command(), [Subscribed((TICKER,)), ack()]),
        (command(request="two"), [Subscribed((TICKER,)), ack("two")]),
        (command(response=False), [Subscribed((TICKER,))]),
        (command(privateChannel="false"), [Subscribed((TICKER,)), ack()]),
        (command(privateChannel=True), [Subscribed((TICKER,)), ack()]),
        (
            command(topic="/market/match:BTC-USDT,ETH-USDT"),
            [Subscribed(("/market/match:BTC-USDT", "/market/match:ETH-USDT")), ack()],
        ),
        (
            command(topic="/market/candles:BTC-USDT_1min,BTC-USDT_1month"),
            [Subscribed(("/market/candles:BTC-USDT_1min", "/market/candles:BTC-USDT_1month")), ack()],
        ),
        (command(topic="/market/ticker:all"), [Subscribed(("/market/ticker:all",)), ack()]),
        (command(topic="/market/snapshot:USDS"), [Subscribed(("/market/snapshot:USDS",)), ack()]),
        (
            command(topic="/callauction/callauctionData:BTC-USDT"),
            [Subscribed(("/callauction/callauctionData:BTC-USDT",)), ack()],
        ),
        (command(topic="/indicator/index:USDT-BTC"), [Subscribed(("/indicator/index:USDT-BTC",)), ack()]),
        (command("unsubscribe"), [ack()]),
        (command("ping", topic="", request=7), [{"id": "7", "type": "pong", "timestamp": TIME_US}]),
        ('{ "id": "1764215232226", "type": "ping" }', [{"id": "1764215232226", "type": "pong", "timestamp": TIME_US}]),
        (command(topic=""), [error(406, "topic is required")]),
        (json.dumps({"id": 1, "type": "subscribe"}), [error(406, "topic is required")]),
        (command("openTunnel"), [error(415, "command type is invalid")]),
        (json.dumps({"id": 1}), [error(415, "command type is invalid")]),
        (command(topic="/market/match: BTC-USDT"), [Subscribed(("/market/match:BTC-USDT",)), ack()]),  # cryptofeed's
        (command(topic="/market/match:BTC- USDT"), [error(400, "topic /market/match:BTC- USDT is invalid")]),
        (command(topic="/market/match:BTC-USDT,"), [error(400, "topic /market/match:BTC-USDT, is invalid")]),
        (command(topic="/market/match:"), [error(400, "topic /market/match: is invalid")]),
        (command(topic="/market/match"), [error(400, "topic /market/match is invalid")]),
        (
            command(topic="/market/candles:BTC-USDT_7min"),
            [error(400, "topic /market/candles:BTC-USDT_7min is invalid")],
        ),
        (
            command(topic="/market/ticker:BTC-USDT,FOO-BAR"),
            [error(404, "topic /market/ticker:FOO-BAR is not found")],
        ),
        (command(topic="/market/snapshot:NOWHERE"), [error(404, "topic /market/snapshot:NOWHERE is not found")]),
        (command(topic="/market/level3:BTC-USDT"), [error(404, "topic does not exist")]),
        (command(topic="nonsense"), [error(404, "topic does not exist")]),
        (command(topic=PRIVATE), [error(403, "login is required")]),
        (command(topic=MANY), [error(509, "exceed max subscription count limitation of 100 per time")]),
    ],
)
def test_a_command_and_its_answer(frame, expected):
    assert plain(opened().receive(frame, 1.0, TIME_US)) == expected


@pytest.mark.parametrize("frame", ["not JSON", "", '{"id":', "[1]", "{" * 2000, '{"type": 5}', b"\x00"])
def test_rubbish_is_answered_by_400_and_ends_nothing(frame):
    session = opened()
    (answer,) = plain(session.receive(frame, 1.0, TIME_US))
    assert (answer["type"], answer["code"]) == ("error", 400)
    assert len(answer["id"]) == 24
    assert not session.closed
    assert plain(session.receive(command(), 1.0, TIME_US)) == [Subscribed((TICKER,)), ack()]


def test_rubbish_is_quoted():
    (answer,) = plain(opened().receive("not JSON", 1.0, TIME_US))
    assert answer["data"].startswith("Unrecognized token 'not': was expecting")


def test_a_private_token_opens_private_topics():
    assert plain(opened(private=True).receive(command(topic=PRIVATE), 1.0, TIME_US)) == [Subscribed((PRIVATE,)), ack()]


def test_a_topic_subscribed_twice_is_acked_twice_and_subscribed_once():
    session = opened()
    session.receive(command(), 1.0, TIME_US)
    assert plain(session.receive(command(request=2), 1.0, TIME_US)) == [ack("2")]


def test_a_list_may_be_unsubscribed_in_other_groups():
    session = opened()
    session.receive(command(topic="/market/match:BTC-USDT,ETH-USDT"), 1.0, TIME_US)
    outputs = session.receive(command("unsubscribe", topic="/market/match:ETH-USDT"), 1.0, TIME_US)
    assert outputs[0] == Unsubscribed(("/market/match:ETH-USDT",))
    assert list(session.topics) == ["/market/match:BTC-USDT"]


def test_a_refused_list_subscribes_nothing():
    session = opened()
    session.receive(command(topic="/market/match:BTC-USDT,FOO-BAR"), 1.0, TIME_US)
    assert not session.topics


def test_topics_of_a_connection_are_limited_by_symbol():
    session = opened(topics=3)
    session.receive(command(topic="/market/match:BTC-USDT,ETH-USDT"), 1.0, TIME_US)
    full = error(509, "exceed max subscription count limitation of 300 per session")
    assert plain(session.receive(command(topic="/market/ticker:BTC-USDT,ETH-USDT"), 1.0, TIME_US)) == [full]
    assert plain(session.receive(command(topic="/market/match:ETH-USDT,SOL-USDT"), 1.0, TIME_US))[-1] == ack()


def test_more_than_100_frames_in_10_s_end_the_session():
    session = opened()
    for n in range(100):
        assert len(session.receive(command("ping"), n * 0.05, TIME_US)) == 1
    outputs = plain(session.receive(command("ping"), 9.99, TIME_US))
    assert outputs == [error(509, "exceed max permits per second", "me"), Close(1000, "Bye")]
    assert session.receive(command("ping"), 10.0, TIME_US) == []


def test_100_frames_in_every_10_s_are_allowed():
    session = opened()
    for n in range(1000):
        assert len(session.receive(command("ping"), n * 0.1001, TIME_US)) == 1


def test_a_silent_client_is_cut_off_after_60_s_and_any_frame_counts():
    session = opened(now=100.0)
    assert session.deadline == 160.0
    session.receive("rubbish", 130.0, TIME_US)
    assert session.tick(160.0) == []
    assert session.deadline == 190.0
    assert plain(session.tick(190.0)) == [error(400, "ping timeout", "me"), Close(1000, "Bye")]
    assert session.tick(200.0) == []


def test_a_life_ends_however_busy():
    session = opened(life=50.0)
    session.receive(command("ping"), 49.0, TIME_US)
    assert session.deadline == 50.0
    assert session.tick(50.0) == [Close(1000, "Bye")]


def test_commands_are_counted_by_type():
    session = opened()
    for kind in ("ping", "ping", "subscribe", "dance"):
        session.receive(command(kind), 1.0, TIME_US)
    assert session.commands == {"ping": 2, "subscribe": 1, "dance": 1}


def test_unknown_symbols_may_be_acked_and_stay_silent():
    assert check_topic("/market/match:FOO-BAR", MARKET) == Refusal(404, "topic /market/match:FOO-BAR is not found")
    assert check_topic("/market/match:FOO-BAR", MARKET, silent=True) is None


@pytest.mark.parametrize(
    ("topic", "parts"),
    [("/a:B,C", ["/a:B", "/a:C"]), ("/a:B", ["/a:B"]), ("/a", ["/a"]), ("/a:B,,C", ["/a:B", "/a:", "/a:C"])],
)
def test_a_list_is_split_into_topics(topic, parts):
    assert split(topic) == parts
