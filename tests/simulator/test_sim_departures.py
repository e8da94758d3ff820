"""Clients that leave in the midst of it: the exchange takes no notice."""

import asyncio
import gc
import logging
import socket
import struct

import pytest
from sim_clients import classic, data

from kucoin_stream.simulator import GeneratedMarket, Simulator

pytestmark = pytest.mark.slow

RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s: closing sends RST
UPGRADE = (
    "GET {path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
WHOLE = "GET /api/v2/symbols HTTP/1.1\r\nHost: x\r\n\r\n"
HALF = "POST /api/v1/bullet-public HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{"
REQUESTS = {
    "a call": WHOLE,
    "many calls at once": WHOLE * 50,
    "half a body": HALF,
    "half a chunk": "POST /api/v1/bullet-public HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    "a control call": "POST /sim/control HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n",
    "a websocket": UPGRADE.format(path="/pro/spot"),
    "a websocket without a token": UPGRADE.format(path="/endpoint"),
    "a websocket of nowhere": UPGRADE.format(path="/nowhere"),
}


@pytest.mark.parametrize("slow", [0.0, 0.05])
@pytest.mark.parametrize("linger", ["close", "reset"])
@pytest.mark.parametrize("name", REQUESTS)
def test_a_client_that_leaves_is_no_error(caplog, name, linger, slow):
    caplog.set_level(logging.DEBUG, "aiohttp.server")
    caplog.set_level(logging.INFO, "asyncio")
    with Simulator(GeneratedMarket(["BTC-USDT"])) as sim:
        sim.faults.slow_rest = sim.faults.late_welcome = slow
        host, port = sim.url.removeprefix("http://").split(":")
        for _ in range(3):
            with socket.create_connection((host, int(port)), timeout=5) as raw:
                raw.sendall(REQUESTS[name].encode())
                if linger == "reset":
                    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        sim.faults.clear()
        assert asyncio.run(data(sim, "/api/v1/status"))["status"] == "open"
        asyncio.run(asyncio.sleep(2 * slow))
        assert asyncio.run(data(sim, "/api/v1/status"))["status"] == "open"
    told = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert told == [], caplog.text


def test_connections_that_are_half_open_leave_nothing_behind_when_the_exchange_stops(caplog):
    async def scenario(sim):
        async with classic(sim, sim.url) as websocket, classic(sim, sim.url):
            sim.faults.half_open()
            sim.faults.slow_rest = 30.0
            asking = asyncio.create_task(data(sim, "/api/v1/status"))
            while "/api/v1/status" not in sim.statistics()["requests"]:  # noqa: ASYNC110 (another thread's)
                await asyncio.sleep(0.01)
            await asyncio.to_thread(sim.stop)
            websocket.transport.abort()
            await asyncio.gather(asking, return_exceptions=True)

    gc.collect()
    caplog.clear()
    asyncio.run(scenario(Simulator(GeneratedMarket(["BTC-USDT"])).start()))
    gc.collect()
    assert [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING] == []
