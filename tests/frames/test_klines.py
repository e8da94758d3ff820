"""The keeper of bars, without thread and sockets: which bars it asks the history for, and when."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest

from kucoin_stream.errors import UnreachableError
from kucoin_stream.frames import fetching
from kucoin_stream.frames.klines import KlineKeeper
from kucoin_stream.protocol.events import Disconnected, Gap, Restarted
from kucoin_stream.protocol.messages.spot import Candle, KlineUpdate

TOPIC = "/market/candles:BTC-USDT_1min"


class Past:
    """A history that has a bar of volume 1 for each minute, and may be out of order for some calls."""

    topic = TOPIC
    interval = "1min"
    step = 60

    def __init__(self) -> None:
        self.time = 600.0
        self.asked: list[int] = []
        self.broken = False

    async def now(self) -> float:
        return self.time

    async def since(self, start_s: int, now: float) -> list[Candle]:
        self.asked.append(start_s)
        if self.broken:
            raise UnreachableError("tcp", "no answer")
        return [bar(start) for start in range(start_s, int(now) + 1, 60)]


def bar(start_s: int) -> Candle:
    return Candle(start_s, 1, 1, 1, 1, 1, 1)


def keeper(past: Past) -> KlineKeeper:
    pool = SimpleNamespace(attach=lambda *_: None, detach=lambda *_: None, active=lambda _: False)
    engine: Any = SimpleNamespace(pool=pool, deck=None)
    return KlineKeeper(engine, past, 5, 100)  # type: ignore[arg-type]


def push(kept: KlineKeeper, start_s: int) -> None:
    kept.pending.append(KlineUpdate("BTC-USDT", bar(start_s), start_s * 1000))
    kept.flush()


def volumes(kept: KlineKeeper) -> dict[int, float]:
    columns = kept.copy()
    return dict(zip(columns["start_s"].tolist(), columns["volume"].tolist(), strict=True))


def run(main: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(10):
            await main()

    asyncio.run(limited())


async def until(condition: Callable[[], Any]) -> None:
    while not condition():  # noqa: ASYNC110  a condition of the code under test
        await asyncio.sleep(0)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "FIRST", 0.001)


def test_bars_missed_in_one_outage_are_not_forgotten_in_the_next() -> None:
    async def main() -> None:
        past = Past()
        kept = keeper(past)
        kept.news(Restarted(TOPIC))
        await until(lambda: kept.status == "live")
        kept.news(Disconnected(TOPIC, "gone"))
        past.time, past.broken = 1200.0, True
        kept.news(Restarted(TOPIC))
        await until(lambda: "no answer" in kept.status)
        push(kept, 1200)
        kept.news(Disconnected(TOPIC, "gone again"))
        past.broken = False
        kept.news(Restarted(TOPIC))
        await until(lambda: kept.status == "live")
        assert (past.asked[0], set(past.asked[1:])) == (360, {600})
        assert volumes(kept) == dict.fromkeys(range(360, 1201, 60), 1.0)

    run(main)


def test_a_lost_message_costs_the_bars_since_then_and_no_more() -> None:
    async def main() -> None:
        past = Past()
        kept = keeper(past)
        kept.news(Restarted(TOPIC))
        await until(lambda: kept.status == "live")
        kept.news(Disconnected(TOPIC, "gone"))
        kept.news(Restarted(TOPIC))
        await until(lambda: kept.status == "live")
        past.time = 660.0
        push(kept, 660)
        kept.news(Gap(TOPIC, "unreadable"))
        await until(lambda: kept.status == "live")
        assert past.asked == [360, 600, 660]

    run(main)


def test_bars_that_the_stream_left_out_are_asked_for_and_flat_until_then() -> None:
    async def main() -> None:
        past = Past()
        kept = keeper(past)
        kept.news(Restarted(TOPIC))
        await until(lambda: kept.status == "live")
        past.time = 900.0
        push(kept, 900)
        assert (kept.status, volumes(kept)[780]) == ("live", 0.0)
        await until(lambda: volumes(kept)[780] == 1.0)
        push(kept, 960)
        assert (kept.status, past.asked) == ("live", [360, 600])

    run(main)
