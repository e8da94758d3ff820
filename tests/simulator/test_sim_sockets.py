import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import aiohttp
import pytest
import websockets

from kucoin_stream.errors import StoppedError, UsageError
from kucoin_stream.protocol.signing import rest_headers, rest_message, sign
from kucoin_stream.simulator import CaptureMarket, GeneratedMarket, Simulator

TICKER = "/market/ticker:BTC-USDT"
LEVEL2 = "/market/level2:BTC-USDT"


@pytest.fixture
def sim():
    with Simulator(GeneratedMarket(["BTC-USDT", "ETH-USDT"], seed=1, rate=2.0)) as sim:
        yield sim
    assert not any(thread.name == "kucoin-simulator" for thread in threading.enumerate())


async def call(sim, target, method="GET", *, signed=False):
    account = sim.credentials
    headers = {}
    if signed:
        stamp = int(time.time() * 1000)
        headers = rest_headers(
            key=account.key,
            timestamp_ms=stamp,
            signature=sign(rest_message(stamp, method, target), account.secret),
            passphrase=sign(account.passphrase, account.secret),
        )
    async with aiohttp.ClientSession() as session, session.request(method, sim.url + target, headers=headers) as answer:
        return answer.status, await answer.text()


async def data(sim, target, method="GET", *, signed=False):
    status, text = await call(sim, target, method, signed=signed)
    answer = json.loads(text)
    assert (status, answer["code"]) == (200, "200000"), text
    return answer["data"]


@contextlib.asynccontextmanager
async def connected(sim, connect_id="me", *, private=False, welcome=True):
    kind = "private" if private else "public"
    bullet = await data(sim, f"/api/v1/bullet-{kind}", "POST", signed=private)
    endpoint = bullet["instanceServers"][0]["endpoint"]
    async with websockets.connect(f"{endpoint}?token={bullet['token']}&connectId={connect_id}") as websocket:
        if welcome:
            assert await receive(websocket) == {"id": connect_id, "type": "welcome"}
        yield websocket


async def send(websocket, kind="subscribe", topic=TICKER, request=1, **others):
    await websocket.send(json.dumps({"id": request, "type": kind, "topic": topic, "response": True} | others))


async def receive(websocket):
    return json.loads(await asyncio.wait_for(websocket.recv(), 5))


async def until(websocket, kind):
    while (frame := await receive(websocket))["type"] != kind:
        pass
    return frame


async def ended(websocket):
    """Return the close code and reason, reading on until the end."""
    with contextlib.suppress(websockets.ConnectionClosed):
        while True:
            await asyncio.wait_for(websocket.recv(), 5)
    return websocket.close_code, websocket.close_reason


def test_a_session_from_token_to_unsubscribe(sim):
    async def scenario():
        async with connected(sim) as websocket:
            assert sim.connections == 1
            await send(websocket, request=7)
            assert await until(websocket, "ack") == {"id": "7", "type": "ack"}
            assert sim.subscriptions == {TICKER}
            push = await until(websocket, "message")
            assert (push["topic"], push["subject"]) == (TICKER, "trade.ticker")
            await send(websocket, "ping", request="p")
            pong = await until(websocket, "pong")
            assert pong["id"] == "p"
            assert abs(pong["timestamp"] / 1e6 - time.time()) < 5
            await send(websocket, "unsubscribe", request=8)
            await until(websocket, "ack")
            assert sim.subscriptions == set()
        counted = sim.statistics()
        assert counted["connections"] == counted["tokens"] == 1
        assert counted["commands"] == {"subscribe": 1, "ping": 1, "unsubscribe": 1}
        assert counted["requests"] == {"/api/v1/bullet-public": 1}
        assert counted["messages"] >= 5

    asyncio.run(scenario())


def test_commands_before_the_welcome_is_read_are_served(sim):
    async def scenario():
        async with connected(sim, welcome=False) as websocket:
            for _ in range(13):
                await send(websocket)
            frames = [await until(websocket, "ack") for _ in range(13)]
            assert frames == [{"id": "1", "type": "ack"}] * 13

    asyncio.run(scenario())


def test_a_book_followed_over_the_wire_equals_a_later_snapshot(sim):
    async def scenario():
        target = "/api/v3/market/orderbook/level2?symbol=BTC-USDT"
        async with connected(sim) as websocket:
            await send(websocket, topic=LEVEL2)
            first = await until(websocket, "message")
            book = await data(sim, target, signed=True)
            assert first["data"]["sequenceStart"] <= int(book["sequence"]) + 1
            frames = [first, *[await until(websocket, "message") for _ in range(10)]]
            later = await data(sim, target, signed=True)
            while frames[-1]["data"]["sequenceEnd"] < int(later["sequence"]):
                frames.append(await until(websocket, "message"))
            levels = {side: dict(book[side]) for side in ("asks", "bids")}
            last = int(book["sequence"])
            for message in (frame["data"] for frame in frames):
                if last < message["sequenceEnd"] <= int(later["sequence"]):
                    assert message["sequenceStart"] == last + 1
                    last = message["sequenceEnd"]
                    for side in levels:
                        for price, size, _ in message["changes"][side]:
                            levels[side][price] = size
            assert last == int(later["sequence"])
            for side in levels:
                kept = {price: size for price, size in levels[side].items() if size != "0"}
                assert kept == dict(later[side])

    asyncio.run(scenario())


def test_one_push_goes_to_all_who_subscribed(sim):
    async def scenario():
        async with connected(sim, "a") as one, connected(sim, "b") as other:
            for websocket in (one, other):
                await send(websocket, topic=LEVEL2)
                await until(websocket, "ack")
            starts = [(await until(websocket, "message"))["data"]["sequenceStart"] for websocket in (one, other)]
            while starts[0] != starts[1]:
                late = starts.index(min(starts))
                starts[late] = (await until((one, other)[late], "message"))["data"]["sequenceStart"]
            ten = [[await until(websocket, "message") for _ in range(10)] for websocket in (one, other)]
            assert ten[0] == ten[1]

    asyncio.run(scenario())


@pytest.mark.parametrize("token", ["", "forged"])
def test_an_invalid_token_is_upgraded_then_refused(sim, token):
    async def scenario():
        async with websockets.connect(f"{sim.url.replace('http', 'ws')}/endpoint?token={token}") as websocket:
            assert await receive(websocket) == {"type": "error", "code": 401, "data": "token is invalid"}
            assert await ended(websocket) == (1000, "Bye")

    asyncio.run(scenario())


def test_an_expired_token_is_refused():
    async def scenario(sim):
        async with connected(sim, welcome=False) as websocket:
            assert await receive(websocket) == {"type": "error", "code": 401, "data": "token is expired"}

    with Simulator(GeneratedMarket(["BTC-USDT"]), token_life=0.0) as sim:
        asyncio.run(scenario(sim))


def test_too_many_sessions_are_refused_by_name():
    async def scenario(sim):
        async with connected(sim), connected(sim, "second", welcome=False) as websocket:
            frame = await receive(websocket)
            assert (frame["id"], frame["code"]) == ("second", 509)

    with Simulator(GeneratedMarket(["BTC-USDT"]), max_sessions=1) as sim:
        asyncio.run(scenario(sim))


def test_private_topics_need_a_private_token(sim):
    async def scenario():
        async with connected(sim) as public, connected(sim, private=True) as private:
            for websocket, kind in ((public, "error"), (private, "ack")):
                await send(websocket, topic="/account/balance", privateChannel=True)
                assert (await receive(websocket))["type"] == kind

    asyncio.run(scenario())


def test_an_idle_client_is_told_and_closed():
    async def scenario(sim):
        async with connected(sim) as websocket:
            await send(websocket)
            frame = await until(websocket, "error")
            assert frame == {"id": "me", "type": "error", "code": 400, "data": "ping timeout"}
            assert await ended(websocket) == (1000, "Bye")

    with Simulator(GeneratedMarket(["BTC-USDT"]), idle_timeout=0.3) as sim:
        asyncio.run(scenario(sim))


def test_too_many_frames_are_told_and_closed(sim):
    async def scenario():
        async with connected(sim) as websocket:
            for _ in range(101):
                await send(websocket, "ping")
            assert (await until(websocket, "error"))["data"] == "exceed max permits per second"
            assert await ended(websocket) == (1000, "Bye")

    asyncio.run(scenario())


def test_kill_is_an_abnormal_end_and_a_new_connection_works(sim):
    async def scenario():
        async with connected(sim) as websocket:
            sim.faults.kill()
            assert (await ended(websocket))[0] == 1006
        async with connected(sim, "again") as websocket:
            await send(websocket)
            await until(websocket, "ack")

    asyncio.run(scenario())


def test_bye_is_a_normal_end(sim):
    async def scenario():
        async with connected(sim) as websocket:
            sim.faults.bye()
            assert await ended(websocket) == (1000, "Bye")

    asyncio.run(scenario())


def test_welcome_can_be_late_or_missing(sim):
    async def scenario():
        sim.faults.late_welcome = 0.2
        begun = time.monotonic()
        async with connected(sim):
            assert time.monotonic() - begun >= 0.2
        sim.faults.clear()
        sim.faults.welcome = False
        async with connected(sim, welcome=False) as websocket:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(websocket.recv(), 0.2)

    asyncio.run(scenario())


def test_pongs_and_acks_can_be_muted(sim):
    async def scenario():
        async with connected(sim) as websocket:
            sim.faults.mute_pongs = sim.faults.mute_acks = True
            await send(websocket, "ping")
            await send(websocket, "unsubscribe")
            await send(websocket, topic="")
            assert (await receive(websocket))["code"] == 406

    asyncio.run(scenario())


def test_frames_can_be_injected_and_topics_refused(sim):
    async def scenario():
        async with connected(sim) as websocket:
            sim.faults.inject('{"type":')
            sim.faults.inject(b"\x00\xff")
            assert await websocket.recv() == '{"type":'
            assert await websocket.recv() == b"\x00\xff"
            sim.faults.refuse(TICKER, 404, "topic does not exist")
            await send(websocket)
            assert await receive(websocket) == {"id": "1", "type": "error", "code": 404, "data": "topic does not exist"}

    asyncio.run(scenario())


def test_a_gap_drops_and_a_duplicate_doubles(sim):
    async def scenario():
        async with connected(sim) as websocket:
            await send(websocket, topic=LEVEL2)
            first = (await until(websocket, "message"))["data"]["sequenceEnd"]
            sim.faults.gap("BTC-USDT", 3)
            ends = [first]
            while len(ends) < 2 or ends[-1] == ends[-2] + 1:
                ends.append((await until(websocket, "message"))["data"]["sequenceEnd"])
            assert ends[-1] == ends[-2] + 4
            sim.faults.duplicate("BTC-USDT")
            while ends[-1] != ends[-2]:
                ends.append((await until(websocket, "message"))["data"]["sequenceEnd"])

    asyncio.run(scenario())


def test_rest_can_be_made_to_fail(sim):
    async def scenario():
        sim.faults.rest("/api/v1/status", 429, "429000", "Too Many Requests", times=1)
        assert await call(sim, "/api/v1/status") == (429, '{"code":"429000","msg":"Too Many Requests"}')
        assert (await call(sim, "/api/v1/status"))[0] == 200
        sim.faults.rest("/api", 451, body="<html>not here</html>")
        assert await call(sim, "/api/v1/status") == (451, "<html>not here</html>")
        sim.faults.clear()
        assert (await call(sim, "/api/v1/status"))[0] == 200

    asyncio.run(scenario())


def test_start_and_stop_may_be_repeated_and_a_restart_serves_again():
    sim = Simulator(GeneratedMarket(["BTC-USDT"]))
    with pytest.raises(StoppedError):
        _ = sim.url
    assert sim.connections == 0
    sim.stop()
    url = sim.start().url
    assert sim.start().url == url
    sim.stop()
    sim.stop()
    with sim:
        assert asyncio.run(data(sim, "/api/v1/status"))["status"] == "open"
    assert sim.subscriptions == set()


def capture(folder):
    push = {"type": "message", "topic": TICKER, "subject": "trade.ticker", "data": {}}
    (folder / "day.jsonl").write_text(json.dumps({"t": 1000, "kind": "ws", "dir": "in", "message": push}))
    return CaptureMarket(folder / "day.jsonl", begin="told")


@pytest.mark.parametrize("make", [lambda _: GeneratedMarket(["KCS-BTC"]), capture], ids=["generated", "capture"])
def test_a_market_is_served_by_one_at_a_time(tmp_path, make):
    market = make(tmp_path)
    one, other = Simulator(market), Simulator(market)
    words = "{!r} is already served at {}: give each simulator a market of its own, or stop that one first"
    for first, second in ((one, other), (other, one), (other, one)):
        with first:
            with pytest.raises(UsageError) as refused:
                second.start()
            assert str(refused.value) == words.format(market, first.url)
            with pytest.raises(StoppedError):
                _ = second.url
            assert first.start().url == first.url
            assert asyncio.run(data(first, "/api/v1/status"))["status"] == "open"
            with Simulator(make(tmp_path)) as third:
                assert asyncio.run(data(third, "/api/v1/status"))["status"] == "open"
    assert not any(thread.name == "kucoin-simulator" for thread in threading.enumerate())


def test_a_market_whose_simulator_failed_can_be_served_again(tmp_path, monkeypatch):
    market = GeneratedMarket(["KCS-BTC"])
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        Simulator(market, port=taken.getsockname()[1]).start()
    failed = Simulator(market).start()
    with monkeypatch.context() as patch:
        patch.setattr(market, "advance", None)
        failed._thread.join(5)
    with Simulator(market) as sim:
        assert asyncio.run(data(sim, "/api/v1/status"))["status"] == "open"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_a_forked_child_may_serve_what_its_parent_serves():
    code = """if True:
    import os
    from kucoin_stream.simulator import GeneratedMarket, Simulator
    with Simulator(GeneratedMarket(["KCS-BTC"])) as sim:
        if not os.fork():
            with Simulator(sim.market) as other:
                print(other.url != sim.url, flush=True)
            os._exit(0)
        os.wait()
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.strip() == "True"


def test_a_taken_port_is_an_os_error_and_a_broken_capture_a_usage_error(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        Simulator(GeneratedMarket(["BTC-USDT"]), port=taken.getsockname()[1]).start()
    with pytest.raises(UsageError, match="absent"):
        Simulator(CaptureMarket(tmp_path / "absent.jsonl")).start()
    assert not any(thread.name == "kucoin-simulator" for thread in threading.enumerate())


def test_stopping_closes_what_is_open(sim):
    async def scenario():
        async with connected(sim) as websocket:
            await send(websocket)
            await asyncio.to_thread(sim.stop)
            assert (await ended(websocket))[0] in (1001, 1006)

    asyncio.run(scenario())


def test_a_capture_is_sent_whole_and_in_order_as_fast_as_it_can_be(tmp_path):
    path = tmp_path / "capture.jsonl"
    pushes = [{"type": "message", "topic": TICKER, "subject": "trade.ticker", "data": {"n": n}} for n in range(5000)]
    lines = [{"t": 1000 + n / 10, "kind": "ws", "dir": "in", "message": push} for n, push in enumerate(pushes)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))

    async def scenario(sim):
        async with connected(sim) as websocket:
            await send(websocket)
            await until(websocket, "ack")
            assert not sim.wait_finished(0.0)
            sim.begin()
            assert [await until(websocket, "message") for _ in pushes] == pushes
            assert await asyncio.to_thread(sim.wait_finished, 5)
            await send(websocket, "ping")
            assert (await until(websocket, "pong"))["timestamp"] == 1_499_900_000
            assert await data(sim, "/api/v1/timestamp") == 1_499_900

    with Simulator(CaptureMarket(path, speed="max", begin="told")) as sim:
        asyncio.run(scenario(sim))


def test_a_capture_at_full_speed_waits_for_rest_calls(tmp_path):
    path = tmp_path / "capture.jsonl"
    push = {"type": "message", "topic": TICKER, "subject": "trade.ticker", "data": {}}
    line = json.dumps({"t": 1000, "kind": "ws", "dir": "in", "message": push})
    path.write_text("\n".join([line] * 1000))

    async def scenario(sim):
        async with connected(sim) as websocket:
            await send(websocket)
            await until(websocket, "ack")
            sim.faults.slow_rest = 0.3
            asking = asyncio.create_task(data(sim, "/api/v1/status"))
            while "/api/v1/status" not in sim.statistics()["requests"]:  # noqa: ASYNC110 (another thread's)
                await asyncio.sleep(0)
            sim.begin()
            assert not sim.wait_finished(0.1)
            await asking
            assert [await until(websocket, "message") for _ in range(1000)] == [push] * 1000
            assert await asyncio.to_thread(sim.wait_finished, 5)

    with Simulator(CaptureMarket(path, speed="max", begin="told")) as sim:
        asyncio.run(scenario(sim))


def test_two_at_once_have_their_own_ports_and_accounts_hide_themselves():
    with Simulator(GeneratedMarket(["KCS-BTC"])) as one, Simulator(GeneratedMarket(["KCS-BTC"])) as other:
        assert one.url != other.url
        assert one.credentials.secret not in repr(one) + repr(one.credentials)


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET /api/v1/status?%ff=%zz HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /api/v2/symbols/%ff%fe HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /api/v3/market/orderbook/level2?symbol=BTC-USDT HTTP/1.1\r\nHost: x\r\n%s\r\n",
        b"GET /endpoint HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n",
        b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x00\xa5 not HTTP at all\r\n\r\n",
    ],
)
def test_rubbish_on_the_port_is_refused_and_ends_nothing(sim, garbage):
    names = ("KEY: \xff", "SIGN: \xff", "PASSPHRASE: \xff", f"TIMESTAMP: {time.time() * 1000:.0f}")
    garbage = garbage.replace(b"%s", "".join(f"KC-API-{name}\r\n" for name in names).encode("latin-1"))
    host, port = sim.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as raw:
        raw.sendall(garbage)
        assert int(raw.recv(4096).split()[1]) < 500
    assert asyncio.run(data(sim, "/api/v1/status"))["status"] == "open"


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_it_serves_alone_until_it_is_terminated():
    code = "from kucoin_stream.simulator import *; Simulator(GeneratedMarket(['KCS-BTC'])).serve()"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        lines = []
        while not lines or not lines[-1].startswith("ready"):
            lines.append(process.stdout.readline())
            assert lines[-1], "ended without being ready"
        assert lines[-1].startswith("ready http://127.0.0.1:")
        assert any(line.startswith("passphrase") for line in lines)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
