"""The lines of protocol.md 10.2 that no other test walks, with a plain websocket client."""

import asyncio
import contextlib
import json
import re

import pytest
import websockets
from sim_clients import classic, data, ended, now_ms, pro, receive, sign

from kucoin_stream.simulator import GeneratedMarket, Simulator
from kucoin_stream.simulator.doors import PRO_VISITS
from kucoin_stream.simulator.gateway import MOST_ERRORS


@pytest.fixture(scope="module")
def sim():
    with Simulator(GeneratedMarket(["BTC-USDT"], seed=3, rate=3.0)) as sim:
        yield sim


def endpoint(bullet):
    (server,) = bullet["instanceServers"]
    return f"{server['endpoint']}?token={bullet['token']}"


@pytest.mark.parametrize("market", ["url", "futures_url"])
def test_tokens_name_this_exchange_and_the_heartbeat(sim, market):
    bullet = asyncio.run(data(sim, "/api/v1/bullet-public", "POST", base=getattr(sim, market)))
    (server,) = bullet["instanceServers"]
    assert server["endpoint"].startswith(sim.url.replace("http", "ws"))
    assert (server["pingInterval"], server["pingTimeout"], server["protocol"]) == (18_000, 10_000, "websocket")


def test_a_welcome_without_a_connect_id_has_a_random_one_of_24_hex(sim):
    async def main():
        url, ids = endpoint(await data(sim, "/api/v1/bullet-public", "POST")), set()
        for _ in range(2):
            async with websockets.connect(url) as websocket:  # one token serves several sockets
                welcome = await receive(websocket)
                assert re.fullmatch("[0-9a-f]{24}", welcome["id"])
                ids.add(welcome["id"])
        assert len(ids) == 2

    asyncio.run(main())


def test_whatever_else_the_address_says_is_passed_over(sim):
    async def main():
        url = endpoint(await data(sim, "/api/v1/bullet-public", "POST"))
        more = "&acceptUserMessage=true&privateChannel=false&[connectId=x]&connectId=a%2Fb"
        async with websockets.connect(url + more) as websocket:
            assert await receive(websocket) == {"id": "a/b", "type": "welcome"}

    asyncio.run(main())


def test_ids_come_back_as_text_and_only_asked_for_acks_come(sim):
    async def main():
        async with classic(sim, sim.url) as websocket:
            for request, response in ((1, False), (2, None), (3, True)):
                frame = {"id": request, "type": "unsubscribe", "topic": "/market/ticker:BTC-USDT", "response": response}
                await websocket.send(json.dumps({name: value for name, value in frame.items() if value is not None}))
            assert await receive(websocket) == {"id": "3", "type": "ack"}

    asyncio.run(main())


def test_a_classic_connection_ends_with_its_life():
    async def main(sim):
        async with classic(sim, sim.url) as websocket:
            assert await ended(websocket) == (1000, "Bye")
        async with pro(sim.pro_spot_url) as websocket:
            assert await ended(websocket) == (1000, "Bye")

    with Simulator(GeneratedMarket(["BTC-USDT"]), connection_life=0.3) as sim:
        asyncio.run(main(sim))


async def greeting(url):
    async with websockets.connect(url) as websocket:
        said = await receive(websocket)
        close = (0, "")
        if "error" in said.get("type", ""):
            with contextlib.suppress(TimeoutError):
                close = await ended(websocket)
        return said.get("code", 0), said.get("data"), close


BUSY = (509, "service busy, please retry later", (1000, "Bye"))


def test_new_connections_are_counted_apart_from_those_of_pro():
    async def main(sim):
        spot, futures = [
            endpoint(await data(sim, "/api/v1/bullet-public", "POST", base=base)) for base in (sim.url, sim.futures_url)
        ]
        assert [(await greeting(url))[0] for url in (spot, futures, spot)] == [0, 0, 0]
        assert await greeting(futures) == BUSY
        assert [(await greeting(sim.pro_spot_url))[0] for _ in range(PRO_VISITS)] == [0] * PRO_VISITS
        assert await greeting(sim.pro_futures_url) == BUSY

    with Simulator(GeneratedMarket(["BTC-USDT"]), connections_per_minute=3) as sim:
        asyncio.run(main(sim))


@pytest.mark.parametrize(
    ("given", "expected"),
    [((), BUSY), ((401, "token is expired"), (401, "token is expired", (1000, "Bye")))],
)
def test_connections_can_be_denied(sim, given, expected):
    async def main():
        url = endpoint(await data(sim, "/api/v1/bullet-public", "POST"))
        sim.faults.deny(*given)
        try:
            return [await greeting(each) for each in (url, sim.pro_spot_url)]
        finally:
            sim.faults.clear()

    assert asyncio.run(main()) == [expected, expected]


# -- WS API --------------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def gateway(sim):
    key, stamp = sim.credentials, str(now_ms())
    query = {"apikey": key.key, "timestamp": stamp, "sign": sign(key.key + stamp, key.secret)}
    query["passphrase"] = sign(key.passphrase, key.secret)
    text = "&".join(f"{name}={value.replace('+', '%2B')}" for name, value in query.items())
    async with websockets.connect(f"{sim.wsapi_url}?{text}") as websocket:
        await websocket.send(sign(await websocket.recv(), key.secret))
        assert (await receive(websocket))["data"] == "welcome"
        yield websocket


def test_a_request_without_an_id_is_told_by_the_exact_words(sim):
    async def main():
        async with gateway(sim) as websocket:
            for frame in ('{"op":"spot.order","args":{}}', '{"id":"","op":"spot.order"}', '{"id":7,"op":"ping"}'):
                await websocket.send(frame)
                answer = await receive(websocket)
                assert answer.keys() == {"code", "msg", "inTime", "outTime"}
                assert answer["code"] == "4001002"
                assert answer["msg"] == (
                    "Please check the param of your request: Field 'id' must be a non-empty string."
                )

    asyncio.run(main())


def test_too_many_mistakes_end_a_session(sim):
    async def main():
        async with gateway(sim) as websocket:
            for _ in range(MOST_ERRORS):
                await websocket.send("rubbish")
                assert (await receive(websocket))["code"] == "400101"
            await websocket.send("rubbish")
            assert (await receive(websocket))["code"] == "420001"
            assert await ended(websocket) == (1000, "Bye")

    asyncio.run(main())
