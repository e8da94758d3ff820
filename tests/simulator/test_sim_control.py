"""Faults by name: what is understood, who may ask, and what each does to a connection."""

import asyncio
import contextlib
import json
import subprocess
import sys
from itertools import pairwise
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
import websockets
from sim_clients import classic, data, headers, receive, rest

from kucoin_stream.errors import UsageError
from kucoin_stream.simulator import Clock, GeneratedMarket, Simulator
from kucoin_stream.simulator.control import DEEDS, HEADER, RULES, Planned, allowed, parse, perform
from kucoin_stream.simulator.faults import Faults

LEVEL2 = "/market/level2:BTC-USDT"
SECRET = "the secret of this run"
HERE = {"Host": "127.0.0.1:8080", HEADER: SECRET}


@pytest.mark.parametrize(
    ("text", "planned"),
    [
        ("kill", Planned("kill", (), 0.0)),
        ("gap:BTC-USDT,3@2.5", Planned("gap", ("BTC-USDT", "3"), 2.5)),
        ("silence:/market/match:BTC-USDT", Planned("silence", ("/market/match:BTC-USDT",), 0.0)),
        ("rest:/api/v1/bullet,503", Planned("rest", ("/api/v1/bullet", "503"), 0.0)),
        ("mute_pongs", Planned("mute_pongs", (), 0.0)),
        ("welcome:false", Planned("welcome", ("false",), 0.0)),
    ],
)
def test_a_fault_of_the_command_line(text, planned):
    assert parse(text) == planned


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "gap",
        "gap:BTC-USDT,many",
        "late_acks:soon",
        "kill@later",
        "rest:/a",
        "late_acks:2@-5",
        "late_acks:nan",
        "late_acks:-1",
        "clock_offset:1e300",
        "kill@nan",
        "kill@inf",
        "gap:BTC-USDT,0",
        "gap:BTC-USDT,1000000000000",
        "rest:/a,200",
        "rest:/a,999",
        "rest:a,503",
        "rest:/a,503,,,0",
        "slow_rest:true",
    ],
)
def test_what_is_no_fault_is_refused(text):
    with pytest.raises(UsageError):
        parse(text)


@pytest.mark.parametrize("name", ["gap", "duplicate", "reorder", "old_snapshot", "cross"])
def test_a_fault_of_a_symbol_that_is_not_there_is_refused_everywhere(name):
    market = GeneratedMarket(["BTC-USDT"])
    for symbol in ("BTC-USDT", "XBTUSDTM"):
        parse(f"{name}:{symbol}", market.lists)
    for symbol in ("FOO-BAR", "ETH-USDT", "ETHUSDTM"):
        with pytest.raises(UsageError, match=f"no symbol or contract '{symbol}' here"):
            parse(f"{name}:{symbol}", market.lists)
        with pytest.raises(UsageError, match="no symbol"):
            getattr(Simulator(market).faults, name)(symbol)


@pytest.mark.parametrize("name", ["_perform", "copies", "__init__", "rest_fault", "keep_book"])
def test_only_faults_can_be_named(name):
    with pytest.raises(UsageError, match="there is no fault"):
        perform(Faults(), name, (), {})


def test_what_is_sent_as_it_is_need_not_be_text():
    deeds = []
    perform(Faults(deeds.append), "inject", ('{"type": "error"}',), {})
    perform(Faults(deeds.append), "inject", (b"\x00",), {})
    assert len(deeds) == 2


@pytest.mark.parametrize(("name", "kind"), RULES.items())
def test_every_rule_is_a_value_of_its_kind(name, kind):
    assert type(getattr(Faults(), name)) is kind


@pytest.mark.parametrize("name", DEEDS)
def test_every_deed_is_a_method(name):
    assert callable(getattr(Faults(), name))


@pytest.mark.parametrize(
    ("peer", "changed", "expected"),
    [
        ("127.0.0.1", {}, True),
        ("::1", {"Host": "[::1]:8080"}, True),
        ("127.0.0.1", {"Host": "localhost:8080"}, True),
        ("127.0.0.1", {"Origin": "http://127.0.0.1:8080"}, True),
        ("127.0.0.1", {"Origin": "https://example.com"}, False),
        ("127.0.0.1", {"Origin": "null"}, False),
        ("127.0.0.1", {"Host": "example.com:8080"}, False),  # a name that resolves to this machine
        ("192.168.1.7", {}, False),
        ("127.0.0.1", {HEADER: "wrong"}, False),
        ("127.0.0.1", {HEADER: ""}, False),
        ("", {}, False),
        ("127.0.0.1", {"Host": "[::1"}, False),
    ],
)
def test_who_may_ask(peer, changed, expected):
    assert allowed(peer, HERE | changed, SECRET) is expected


@pytest.fixture
def sim():
    with Simulator(GeneratedMarket(["BTC-USDT"], seed=3, rate=3.0)) as sim:
        yield sim


def asked(request):
    try:
        with urlopen(request, timeout=5) as answer:
            return answer.status
    except HTTPError as refused:
        return refused.code


def ask(sim, fields, **changed):
    sent = {HEADER: sim.control_secret, "Content-Type": "application/json"} | changed
    return asked(Request(sim.control_url, json.dumps(fields).encode(), sent))


@pytest.mark.parametrize(
    ("fields", "changed", "status"),
    [
        ({"fault": "late_acks", "value": 0.5}, {}, 200),
        ({"fault": "gap", "symbol": "BTC-USDT", "n": 2}, {}, 200),
        ({"fault": "gap"}, {}, 400),
        ({"fault": "nonsense"}, {}, 400),
        ({"fault": "gap", "symbol": "FOO-BAR"}, {}, 400),
        ({"fault": "gap", "symbol": "BTC-USDT", "n": -3}, {}, 400),
        ({"fault": "gap", "symbol": "BTC-USDT", "n": 1e12}, {}, 400),
        ({"fault": "slow_frames", "value": -5}, {}, 400),
        ({"fault": "clock_offset", "value": 1e300}, {}, 400),
        ({"fault": "rest", "path_prefix": "/api", "status": 0}, {}, 400),
        ({"fault": "inject", "data": 5}, {}, 400),
        ({"fault": "clear"}, {"Host": "[::1"}, 403),
        (["kill"], {}, 400),
        ({"fault": "kill"}, {HEADER: "guess"}, 403),
        ({"fault": "kill"}, {"Origin": "http://evil.example"}, 403),
        ({"fault": "kill"}, {"Host": "evil.example"}, 403),
    ],
)
def test_the_control_endpoint(sim, fields, changed, status):
    assert ask(sim, fields, **changed) == status


def test_the_secret_is_in_no_repr(sim):
    assert sim.control_secret not in f"{sim!r} {sim.faults!r} {sim._exchange!r}"


def on_a_book(sim, body):
    """Run ``body(websocket)`` on a connection that reads the book."""

    async def main():
        async with classic(sim, sim.url) as websocket:
            await websocket.send(json.dumps({"id": 1, "type": "subscribe", "topic": LEVEL2, "response": True}))
            assert (await receive(websocket))["type"] == "ack"
            return await body(websocket)

    return asyncio.run(main())


async def sequences(websocket, count):
    return [(await receive(websocket))["data"]["sequenceStart"] for _ in range(count)]


def test_messages_come_in_another_order(sim):
    async def body(websocket):
        sim.faults.reorder("BTC-USDT", 2)
        assert sim.faults.pending(LEVEL2)
        seen = await sequences(websocket, 12)
        assert not sim.faults.pending(LEVEL2)
        return seen

    seen = on_a_book(sim, body)
    first = min(seen)
    assert sorted(seen) == list(range(first, first + 12))
    assert sum(after < before for before, after in pairwise(seen)) == 2


def test_a_snapshot_can_be_older_than_the_stream(sim):
    async def body(websocket):
        sim.faults.old_snapshot("BTC-USDT", 1)
        begun = (await sequences(websocket, 20))[-1]
        path = "/api/v1/market/orderbook/level2_20?symbol=BTC-USDT"
        old, new = await data(sim, path), await data(sim, path)
        assert [len(old[side]) for side in ("asks", "bids")] == [20, 20]
        return int(old["sequence"]) < begun <= int(new["sequence"])

    assert on_a_book(sim, body)


def test_a_crossed_book_heals():
    with Simulator(GeneratedMarket(["BTC-USDT"], seed=3), clock=Clock(0.0)) as sim:
        flow = sim.market.instrument("BTC-USDT").flow
        sim.faults.cross("BTC-USDT")
        assert flow.ladder.crossed()
        for _ in range(100):
            sim.advance(0.5)
            if not flow.ladder.crossed():
                return
    raise AssertionError("it stayed crossed")


def test_a_half_open_connection_says_nothing_and_stays(sim):
    async def body(websocket):
        await sequences(websocket, 3)
        sim.faults.half_open()
        with contextlib.suppress(TimeoutError):
            while True:  # what was on its way
                await asyncio.wait_for(websocket.recv(), 0.5)
        assert sim.connections == 1
        await websocket.send(json.dumps({"id": 2, "type": "ping"}))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(websocket.recv(), 0.3)
        websocket.transport.abort()

    on_a_book(sim, body)


def test_garbage_is_sent_as_text_and_as_bytes(sim):
    async def body(websocket):
        sim.faults.hold()
        sim.faults.garbage()
        frames = [await asyncio.wait_for(websocket.recv(), 5)]
        while not isinstance(frames[-1], bytes):
            frames.append(await asyncio.wait_for(websocket.recv(), 5))
        with pytest.raises(json.JSONDecodeError):
            json.loads(frames[-2])

    on_a_book(sim, body)


def test_a_slow_network_takes_its_time_for_every_frame(sim):
    async def body(websocket):
        sim.faults.slow_frames = 0.05
        await sequences(websocket, 3)
        begun = asyncio.get_running_loop().time()
        await sequences(websocket, 6)
        return asyncio.get_running_loop().time() - begun

    assert on_a_book(sim, body) >= 0.25


def test_a_clock_that_goes_wrong_refuses_signatures(sim):
    path = "/api/v1/accounts"

    async def status():
        return (await rest(sim, path, given=headers(sim.credentials, "GET", path)))[1]["code"]

    assert asyncio.run(status()) == "200000"
    sim.faults.clock_offset = -20.0
    assert asyncio.run(status()) == "400002"
    sim.faults.clear()
    assert asyncio.run(status()) == "200000"


def test_a_held_market_stands_still(sim):
    path = "/api/v1/market/orderbook/level2_20?symbol=BTC-USDT"

    async def main():
        sim.faults.hold()
        held = await data(sim, path)
        assert await data(sim, path) == held
        sim.faults.release()
        while (await data(sim, path))["sequence"] == held["sequence"]:
            pass

    asyncio.run(asyncio.wait_for(main(), 5))


def test_the_command_line_prints_its_card_and_lets_faults_happen_in_time():
    command = [sys.executable, "-m", "kucoin_stream", "sim", "--port", "0", "--symbols", "BTC-USDT"]
    options = ["--speed", "20", "--start", "2026-01-02", "--fault", "rest:/api/v1/status,451@0.2"]
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True) as process:
        try:
            lines = []
            while not lines or not lines[-1].startswith("ready "):
                lines.append(process.stdout.readline().rstrip())
            url = lines[-1].removeprefix("ready ")
            names = (
                "url",
                "futures",
                "pro spot",
                "pro futures",
                "pro private",
                "ws api",
                "key",
                "secret",
                "passphrase",
            )
            assert [line[:11].rstrip() for line in lines[1:-1]] == [*names, "control", "control key"]
            with urlopen(f"{url}/api/v1/market/histories?symbol=BTC-USDT", timeout=5) as answer:
                trades = json.loads(answer.read())["data"]
            assert trades[-1]["time"] // 10**9 == pytest.approx(1_767_312_000, abs=200)  # the market's time
            while asked(f"{url}/api/v1/status") == 200:
                pass
            assert asked(f"{url}/api/v1/status") == 451
        finally:
            process.terminate()


def test_connections_are_limited_by_the_minute():
    async def main(sim):
        bullet = await data(sim, "/api/v1/bullet-public", "POST")
        url = f"{bullet['instanceServers'][0]['endpoint']}?token={bullet['token']}"
        answers = []
        for _ in range(4):
            async with websockets.connect(url) as websocket:
                answers.append(await receive(websocket))
        return [answer.get("code", answer["type"]) for answer in answers]

    with Simulator(GeneratedMarket(["BTC-USDT"]), connections_per_minute=3) as sim:
        assert asyncio.run(main(sim)) == ["welcome", "welcome", "welcome", 509]
