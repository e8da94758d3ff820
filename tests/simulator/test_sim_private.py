import asyncio
import json
from urllib.parse import quote

import pytest
import websockets
from sim_clients import ask, classic, data, ended, headers, now_ms, pro, receive, rest, sign

from kucoin_stream.settings import Credentials
from kucoin_stream.simulator import GeneratedMarket, Simulator
from kucoin_stream.simulator.account import Proof, authenticate_socket
from kucoin_stream.simulator.conversation import Close, SessionLimits
from kucoin_stream.simulator.doors import VERIFY
from kucoin_stream.simulator.gateway import ANSWER_TIMEOUT, GatewaySession
from kucoin_stream.simulator.market import RestError
from kucoin_stream.simulator.trading.operations import OPERATIONS, UNIFIED

# The test vectors of protocol.md 2.1.
ACCOUNT = Credentials("67f0c2d8a1b2c3000112345a", "9c1a7f3e-0000-4000-8000-simulator0001", "my-passphrase")
STAMP = 1_764_215_232_226
PASSPHRASE = "N3ZWwOiUymnHyuhkvASHjcU4sfKpe5bP6bb1bojYHVU="
PRO_SIGN = "jeqspAKelQmFoiFONaE1yW2NZNjhYUTOvsvCGsGVb+M="
GATEWAY_SIGN = "uT3KOMKBi1WIoM2XwY3LyNqZClV43jZ98BYeVlTIq3U="
SESSION_SIGN = "Yq4c8FBajY++M1aB35hKDxztqQRsZzGjVrJLVtP3cdU="
SESSION = "92f2aec4-0c2c-4a7c-9d1c-3f4a7f2c5b61"
GATEWAY = f"{ACCOUNT.key}{{timestamp}}"


def proof(signature, **changed):
    return Proof(ACCOUNT.key, signature, str(STAMP), PASSPHRASE)._replace(**changed)


@pytest.mark.parametrize(
    ("given", "message", "clock_ms", "code"),
    [
        (proof(PRO_SIGN), VERIFY, 0, ""),
        (proof(GATEWAY_SIGN), GATEWAY, 0, ""),
        (proof(GATEWAY_SIGN), GATEWAY, 5000, ""),
        (proof(GATEWAY_SIGN), GATEWAY, -5000, ""),
        (proof(GATEWAY_SIGN), GATEWAY, 5001, "400002"),
        (proof(GATEWAY_SIGN), GATEWAY, -5001, "400002"),
        (proof(GATEWAY_SIGN, key="0" * 24), GATEWAY, 0, "400003"),
        (proof(GATEWAY_SIGN, passphrase="my-passphrase"), GATEWAY, 0, "400004"),
        (proof(PRO_SIGN), GATEWAY, 0, "400005"),
        (proof(""), GATEWAY, 0, "400001"),
        (proof(GATEWAY_SIGN, timestamp="now"), GATEWAY, 0, "400001"),
    ],
)
def test_the_vectors_of_the_reference_open_and_nothing_else_does(given, message, clock_ms, code):
    if not code:
        authenticate_socket(given, message, ACCOUNT, STAMP + clock_ms)
        return
    with pytest.raises(RestError) as caught:
        authenticate_socket(given, message, ACCOUNT, STAMP + clock_ms)
    assert caught.value.code == code


# -- a WS API session, without sockets -----------------------------------------------------------------------------


def suspended(operation, arguments):
    raise RestError(200, "200001", f"{operation} with {arguments}")


def gateway(**options):
    return GatewaySession(
        SESSION, now=0.0, time_ms=1_742_175_983_882, limits=SessionLimits(),
        **({"sign": lambda text: sign(text, ACCOUNT.secret), "operate": suspended} | options),
    )  # fmt: skip


TIME_US = 1_742_175_983_885_000


def texts(outputs):
    return [output if isinstance(output, Close) else json.loads(output.text) for output in outputs]


def test_the_challenge_is_exactly_the_text_that_is_signed():
    session = gateway()
    assert session.welcome().text == f'{{"sessionId":"{SESSION}","timestamp":1742175983882}}'
    assert texts(session.receive(SESSION_SIGN, 1.0, TIME_US)) == [
        {"sessionId": SESSION, "data": "welcome", "pingInterval": 18000, "pingTimeout": 10000}
    ]


@pytest.mark.parametrize(
    "frame", [PRO_SIGN, "", "{}", b"\x00", json.dumps({"sign": SESSION_SIGN}), f'"{SESSION_SIGN}"']
)
def test_another_answer_ends_it(frame):
    answer, close = texts(gateway().receive(frame, 1.0, TIME_US))
    assert (answer["code"], answer["msg"]) == ("400011", "Session verification failed.")
    assert answer["inTime"] == TIME_US // 1000
    assert "op" not in answer
    assert close == Close()


def test_no_answer_ends_it_after_30_s():
    session = gateway()
    assert session.deadline == ANSWER_TIMEOUT
    answer, close = texts(session.tick(ANSWER_TIMEOUT))
    assert (answer["code"], answer["inTime"]) == ("400012", 1_742_175_983_882 + 30_000)
    assert close == Close()


def ready(**options):
    session = gateway(**options)
    session.receive(SESSION_SIGN, 1.0, TIME_US)
    return session


@pytest.mark.parametrize("stamp", ["1742175983882", 1742175983882])
def test_a_ping_is_answered_in_ms(stamp):
    frame = json.dumps({"id": "ping-123", "op": "ping", "timestamp": stamp})
    assert texts(ready().receive(frame, 2.0, TIME_US)) == [{"id": "ping-123", "op": "pong", "timestamp": 1742175983885}]


@pytest.mark.parametrize("operation", sorted(OPERATIONS.keys() - UNIFIED.keys()))
def test_what_an_operation_raises_is_its_answer(operation):
    (answer,) = texts(ready().receive(json.dumps({"id": "7", "op": operation, "args": {"a": 1}}), 2.0, TIME_US))
    assert (answer["id"], answer["op"], answer["code"]) == ("7", operation, "200001")
    assert answer["msg"] == f"{operation} with {{'a': 1}}"
    assert answer["inTime"] <= answer["outTime"]


def test_what_an_operation_returns_is_its_data():
    session = ready(operate=lambda operation, arguments: {operation: arguments})
    (answer,) = texts(session.receive('{"id":"7","op":"spot.order","args":[1]}', 2.0, TIME_US))
    assert (answer["code"], answer["data"]) == ("200000", {"spot.order": [1]})
    assert answer["userRateLimit"]["limit"] == 4000


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("not JSON", "400101"),
        ("[]", "400101"),
        ('{"op":"spot.order"}', "4001002"),
        ('{"id":"","op":"spot.order"}', "4001002"),
        ('{"id":"1","op":"spot.dance"}', "404000"),
        ('{"id":"1","op":"uta.order"}', "404000"),
    ],
)
def test_rubbish_is_answered_and_ends_nothing(frame, code):
    session = ready()
    (answer,) = texts(session.receive(frame, 2.0, TIME_US))
    assert answer["code"] == code
    assert not session.closed


def test_times_may_be_asked_for_in_ns():
    (answer,) = texts(ready(nanoseconds=True).receive('{"id":"1","op":"spot.order"}', 2.0, TIME_US))
    assert answer["inTime"] == TIME_US * 1000


def test_a_silent_client_is_cut_off_after_60_s():
    session = ready()
    assert session.deadline == 61.0
    assert session.tick(61.0) == [Close()]


# -- over real sockets ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sim():
    with Simulator(GeneratedMarket(["BTC-USDT"]), credentials=ACCOUNT) as sim:
        yield sim


def other(**parts):
    return Credentials(**{"key": ACCOUNT.key, "secret": ACCOUNT.secret, "passphrase": ACCOUNT.passphrase} | parts)


WRONG = [
    (ACCOUNT, 6000, "400002", "Invalid KC-API-TIMESTAMP"),
    (ACCOUNT, -6000, "400002", "Invalid KC-API-TIMESTAMP"),
    (other(key="0" * 24), 0, "400003", "KC-API-KEY not exists"),
    (other(passphrase="wrong"), 0, "400004", "Invalid KC-API-PASSPHRASE"),
]


@pytest.mark.parametrize(("account", "shift_ms", "code", "reason"), WRONG)
@pytest.mark.parametrize(
    ("base", "path"),
    [("", "/api/v1/bullet-private"), ("/futures", "/api/v1/bullet-private"), ("", "/api/v2/bullet-private")],
)
def test_a_private_token_needs_key_clock_and_passphrase(sim, account, shift_ms, code, reason, base, path):
    given = headers(account, "POST", path, shift_ms=shift_ms)
    status, answer = asyncio.run(rest(sim, path, "POST", base=sim.url + base, given=given))
    assert (status, answer) == (401, {"code": code, "msg": reason})


@pytest.mark.parametrize(
    ("base", "path"),
    [("", "/api/v1/bullet-private"), ("/futures", "/api/v1/bullet-private"), ("", "/api/v2/bullet-private")],
)
def test_a_private_token_needs_a_signature(sim, base, path):
    async def scenario():
        assert await data(sim, path, "POST", base=sim.url + base, signed=True)
        for given, status, code in (
            ({}, 400, "400001"),
            (headers(ACCOUNT, "POST", path) | {"KC-API-SIGN": PRO_SIGN}, 401, "400005"),
            (headers(ACCOUNT, "GET", path), 401, "400005"),
            (headers(ACCOUNT, "POST", path) | {"KC-API-KEY-VERSION": "1"}, 401, "400004"),
        ):
            answered, answer = await rest(sim, path, "POST", base=sim.url + base, given=given)
            assert (answered, answer["code"]) == (status, code)

    asyncio.run(scenario())


def test_the_pro_token_comes_alone_and_opens_the_private_socket_only(sim):
    async def scenario():
        granted = await data(sim, "/api/v2/bullet-private", "POST", signed=True)
        assert list(granted) == ["token"]
        async with pro(f"{sim.pro_private_url}/?token={quote(granted['token'])}") as websocket:
            answer = await ask(websocket, id="1", action="SUBSCRIBE", channel="orderAll", tradeType="UNIFIED")
            assert answer == {"id": "1", "result": True}
        endpoint = (await data(sim, "/api/v1/bullet-private", "POST", signed=True))["instanceServers"][0]["endpoint"]
        async with websockets.connect(f"{endpoint}?token={granted['token']}") as websocket:
            assert (await receive(websocket))["code"] == 401

    asyncio.run(scenario())


CHANNELS = [
    {"channel": "order", "tradeType": "SPOT", "symbol": "BTC-USDT"},
    {"channel": "orderAll", "tradeType": "UNIFIED"},
    {"channel": "execution", "tradeType": "FUTURES"},
    {"channel": "execution.lite", "tradeType": "CROSS"},
    {"channel": "balance", "accountType": "SPOT"},
    {"channel": "position", "tradeType": "UNIFIED", "symbol": "XBTUSDTM"},
    {"channel": "positionAll", "tradeType": "UNIFIED"},
    {"channel": "lw", "tradeType": "ISOLATED"},
    {"channel": "leverage", "tradeType": "UNIFIED"},
]


def auth(account=ACCOUNT, shift_ms=0, **changed):
    stamp = str(now_ms(shift_ms))
    return {
        "id": "1",
        "op": "auth",
        "kc-api-key": account.key,
        "kc-api-sign": sign(f"{stamp}POST/api/websocket/users/verify", account.secret),
        "kc-api-timestamp": stamp,
        "kc-api-passphrase": sign(account.passphrase, account.secret),
    } | changed


def test_an_auth_frame_opens_all_private_channels(sim):
    async def scenario():
        async with pro(sim.pro_private_url) as websocket:
            subscribe = {"id": "0", "action": "SUBSCRIBE"} | CHANNELS[0]
            refused = await ask(websocket, **subscribe)
            assert refused == {"id": "0", "result": False, "reason": "authorization required"}
            assert await ask(websocket, **auth()) == {"id": "1", "result": True}
            for number, channel in enumerate(CHANNELS):
                answer = await ask(websocket, id=str(number), action="SUBSCRIBE", **channel)
                assert answer == {"id": str(number), "result": True}

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (lambda: auth(shift_ms=6000), "400002"),
        (lambda: auth(other(key="nobody")), "400003"),
        (lambda: auth(other(passphrase="wrong")), "400004"),
        (lambda: auth(**{"kc-api-sign": PRO_SIGN}), "400005"),
        (lambda: auth(**{"kc-api-sign": ""}), "400001"),
    ],
)
@pytest.mark.parametrize("door", ["pro", "gateway"])
def test_a_wrong_auth_frame_is_refused_with_its_code(sim, frame, code, door):
    async def scenario():
        if door == "pro":
            async with pro(sim.pro_private_url) as websocket:
                answer = await ask(websocket, **frame())
                assert (answer["result"], answer["code"]) == (False, code)
                assert answer["reason"]
                assert await ask(websocket, **auth()) == {"id": "1", "result": True}
            return
        async with websockets.connect(sim.wsapi_v2_url) as websocket:
            await websocket.send(json.dumps(frame()))
            assert (await receive(websocket))["code"] == code
            assert await ended(websocket) == (1000, "Bye")

    asyncio.run(scenario())


@pytest.mark.parametrize("token", ["forged", "x" * 300])
def test_a_token_that_is_not_one_is_told_and_closed(sim, token):
    async def scenario():
        async with websockets.connect(f"{sim.pro_private_url}?token={token}") as websocket:
            frame = await websocket.recv()
            assert isinstance(frame, bytes)
            assert json.loads(frame) == {"type": "error", "code": 401, "data": "token is invalid"}
            assert await ended(websocket) == (1000, "Bye")

    asyncio.run(scenario())


def test_an_expired_token_is_told_and_closed():
    async def scenario(sim):
        token = (await data(sim, "/api/v2/bullet-private", "POST", signed=True))["token"]
        async with websockets.connect(f"{sim.pro_private_url}?token={token}") as websocket:
            assert await receive(websocket) == {"type": "error", "code": 401, "data": "token is expired"}
            assert await ended(websocket) == (1000, "Bye")

    with Simulator(GeneratedMarket(["BTC-USDT"]), token_life=0.0) as sim:
        asyncio.run(scenario(sim))


def query(account=ACCOUNT, shift_ms=0, **changed):
    stamp = str(now_ms(shift_ms))
    fields = {
        "apikey": account.key,
        "timestamp": stamp,
        "sign": sign(f"{account.key}{stamp}", account.secret),
        "passphrase": sign(account.passphrase, account.secret),
        "partner": "whoever",
    } | changed
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in fields.items())


def test_the_ws_api_opens_with_query_challenge_and_welcome(sim):
    async def scenario():
        async with websockets.connect(f"{sim.wsapi_url}?{query()}") as websocket:
            challenge = await websocket.recv()
            fields = json.loads(challenge)
            assert list(fields) == ["sessionId", "timestamp"]
            assert challenge == json.dumps(fields, separators=(",", ":"))  # compact, as an SDK writes it again
            await websocket.send(sign(challenge, ACCOUNT.secret))
            welcome = {"sessionId": fields["sessionId"], "data": "welcome", "pingInterval": 18000, "pingTimeout": 10000}
            assert await receive(websocket) == welcome
            await websocket.send('{"id":"p","op":"ping","timestamp":1742175983882}')
            pong = await receive(websocket)
            assert (pong["id"], pong["op"]) == ("p", "pong")
            assert abs(pong["timestamp"] - now_ms()) < 5000
            await websocket.send('{"id":"o","op":"futures.order","args":{}}')
            assert (await receive(websocket))["code"] == "100001"

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("parameters", "code", "reason"),
    [
        (lambda: query(shift_ms=6000), "400002", "Invalid KC-API-TIMESTAMP."),
        (lambda: query(other(key="nobody")), "400003", "KC-API-KEY not exists."),
        (lambda: query(other(passphrase="wrong")), "400004", "Invalid KC-API-PASSPHRASE."),
        (lambda: query(sign=PRO_SIGN), "400005", "Invalid KC-API-SIGN."),
        (lambda: "", "400001", "Please check apikey, sign, timestamp and passphrase."),
    ],
)
def test_a_wrong_query_is_told_and_closed(sim, parameters, code, reason):
    async def scenario():
        async with websockets.connect(f"{sim.wsapi_url}?{parameters()}") as websocket:
            answer = await receive(websocket)
            assert (answer["code"], answer["msg"]) == (code, reason)
            assert set(answer) == {"code", "msg", "inTime", "outTime"}
            assert await ended(websocket) == (1000, "Bye")

    asyncio.run(scenario())


def test_the_second_generation_opens_with_an_auth_frame(sim):
    async def scenario():
        async with websockets.connect(sim.wsapi_v2_url) as websocket:
            await websocket.send(json.dumps(auth()))
            assert (await receive(websocket))["data"] == "welcome"
            for operation, code in (("uta.order", "106000"), ("uta.cancel", "106100"), ("uta.amend", "106100")):
                await websocket.send(json.dumps({"id": "1", "op": operation, "args": {}}))
                assert (await receive(websocket))["code"] == code

    asyncio.run(scenario())


def test_private_topics_of_either_side_do_not_exist_on_the_other(sim):
    async def scenario():
        async with classic(sim, sim.url, private=True) as spot, classic(sim, sim.futures_url, private=True) as futures:
            for websocket, topic in ((spot, "/contract/positionAll"), (futures, "/account/balance")):
                answer = await ask(websocket, id="1", type="subscribe", topic=topic, response=True)
                assert answer["code"] == 404

    asyncio.run(scenario())


def test_an_unknown_path_has_no_websocket(sim):
    async def scenario():
        with pytest.raises(websockets.InvalidStatus) as caught:
            async with websockets.connect(f"{sim.pro_spot_url}/nothing"):
                pass
        assert caught.value.response.status_code == 404

    asyncio.run(scenario())
