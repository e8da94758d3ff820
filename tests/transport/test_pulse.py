"""After a sleep of this machine connections that died meanwhile are noticed at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import kucoin_stream as ks
from kucoin_stream.simulator import Simulator
from kucoin_stream.transport.pulse import Pulse
from kucoin_stream.transport.tapeloop import MAX, Clock, TapeLoop
from tests.conftest import until


@pytest.mark.parametrize(
    ("slept", "noticed"),
    [
        pytest.param(0.0, [], id="no sleep"),
        pytest.param(3.0, [], id="a nap"),
        pytest.param(600.0, [600.0], id="a sleep"),
    ],
)
def test_the_time_of_day_says_how_long_the_machine_slept(slept: float, noticed: list[float]):
    clock = Clock()
    clock.run(MAX)
    loop = TapeLoop(clock)
    woke: list[float] = []
    asleep = 0.0
    pulse = Pulse(woke.append, lambda: loop.time() + asleep)

    def sleep() -> None:
        nonlocal asleep
        asleep = slept

    loop.call_soon(pulse.start)
    loop.call_at(2.5, sleep)
    loop.call_at(10.0, loop.stop)
    loop.run_forever()
    loop.close()
    assert woke == pytest.approx(noticed)


def test_after_a_sleep_a_dead_connection_is_noticed_within_seconds_and_a_live_one_stays(
    connect: Callable[..., ks.Client], sim: Simulator
):
    client = connect()
    ticker = client.ticker("BTC-USDT")
    client.engine.call(client.engine.pool.woke, 600.0)
    seen = ticker.received
    until(lambda: ticker.received > seen + 3, "it goes on")
    assert client.statistics()["reconnects"] == 0
    sim.faults.half_open()
    client.engine.call(client.engine.pool.woke, 600.0)
    until(lambda: client.statistics()["reconnects"] == 1, "noticed", 8)
