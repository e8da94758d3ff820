"""Same seed, same bytes, at any speed; and a clock that moves only when told."""

import asyncio
import contextlib
import json
import math

import pytest
import websockets
from sim_clients import data

from kucoin_stream.errors import UsageError
from kucoin_stream.simulator import Clock, GeneratedMarket, Simulator
from kucoin_stream.simulator.clock import STEP

pytestmark = pytest.mark.slow

T0 = 1_795_307_183_200_000_000  # ns
SECOND = 1_000_000_000
TOPICS = (
    "/market/level2:BTC-USDT,ETH-USDT",
    "/market/match:BTC-USDT",
    "/market/ticker:all",
    "/market/candles:ETH-USDT_1min",
    "/spotMarket/level2Depth5:ETH-USDT",
)
FRAMES = 400


def served(speed):
    return Simulator(GeneratedMarket(["BTC-USDT", "ETH-USDT"], seed=11, rate=4.0), clock=Clock(speed, T0))


@contextlib.asynccontextmanager
async def subscribed(sim):
    bullet = await data(sim, "/api/v1/bullet-public", "POST")
    url = f"{bullet['instanceServers'][0]['endpoint']}?token={bullet['token']}&connectId=me"
    async with websockets.connect(url, max_queue=None, close_timeout=0.1) as websocket:
        for topic in TOPICS:
            await websocket.send(json.dumps({"id": 1, "type": "subscribe", "topic": topic, "response": True}))
        acks = 0
        while acks < len(TOPICS):
            acks += json.loads(await asyncio.wait_for(websocket.recv(), 5))["type"] == "ack"
        yield websocket


def frames(sim, begin):
    async def main():
        async with subscribed(sim) as websocket:
            begin()
            return [await asyncio.wait_for(websocket.recv(), 10) for _ in range(FRAMES)]

    return asyncio.run(main())


@pytest.fixture(scope="module")
def reference():
    with served(0.0) as sim:
        return frames(sim, lambda: sim.advance(20.0))


@pytest.mark.parametrize("speed", [40.0, math.inf])
def test_the_bytes_do_not_depend_on_the_speed(reference, speed):
    clock = Clock(speed, T0)
    clock.hold()
    with Simulator(GeneratedMarket(["BTC-USDT", "ETH-USDT"], seed=11, rate=4.0), clock=clock) as sim:
        assert frames(sim, sim.faults.release) == reference


def test_the_bytes_do_not_depend_on_the_steps(reference):
    with served(0.0) as sim:
        assert frames(sim, lambda: [sim.advance(0.37) for _ in range(60)]) == reference


def test_another_seed_tells_another_story(reference):
    with Simulator(GeneratedMarket(["BTC-USDT", "ETH-USDT"], seed=12, rate=4.0), clock=Clock(0.0, T0)) as sim:
        assert frames(sim, lambda: sim.advance(20.0)) != reference


def test_a_clock_without_speed_moves_when_told():
    clock = Clock(0.0, T0)
    assert clock.now_ns() == T0
    clock.move(0.25)
    assert clock.now_ns() == T0 + 2 * STEP  # on the market's grid
    clock.move(0.05)
    assert clock.now_ns() == T0 + 3 * STEP


def test_a_held_clock_stands_still_and_goes_on_from_there():
    clock = Clock()
    clock.hold()
    held = clock.now_ns()
    assert clock.now_ns() == held
    clock.move(2)
    clock.release()
    assert held + 2 * SECOND <= clock.now_ns() < held + 3 * SECOND


@pytest.mark.parametrize(
    ("clock", "moments"),
    [
        (Clock(2.0, T0), [T0 + STEP, T0 + 2 * STEP, T0 + 3 * STEP]),
        (Clock(), [T0 + 3 * STEP]),
    ],
)
def test_virtual_time_passes_through_every_tenth_of_a_second(clock, moments):
    assert list(clock.between(T0, T0 + 3 * STEP)) == moments


@pytest.mark.parametrize("speed", [-1.0, math.nan])
def test_a_speed_below_zero_is_refused(speed):
    with pytest.raises(UsageError, match="speed"):
        Clock(speed)


def test_clients_sign_by_the_wall_clock_however_fast_the_market_goes():
    with served(1000.0) as sim:
        told = asyncio.run(data(sim, "/api/v1/timestamp"))
    assert abs(told - Clock().now_ns() // 1_000_000) < 5000
