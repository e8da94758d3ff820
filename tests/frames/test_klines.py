"""The keeper of bars, without thread and sockets: which bars it asks the history for, and when."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

import kucoin_stream as ks
from kucoin_stream.errors import UnreachableError
from kucoin_stream.frames import fetching
from kucoin_stream.frames.klines import KlineKeeper
from kucoin_stream.protocol.events import Disconnected, Gap, Restarted
from kucoin_stream.protocol.messages.spot import Candle, KlineUpdate
from kucoin_stream.protocol.topic import INTERVALS
from kucoin_stream.simulator import Simulator

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


def keeper(past: Past, count: int = 5, begin_s: int | None = None) -> KlineKeeper:
    pool = SimpleNamespace(attach=lambda *_: None, detach=lambda *_: None, active=lambda _: False)
    engine: Any = SimpleNamespace(pool=pool, deck=None)
    return KlineKeeper(engine, past, count, 100, begin_s)  # type: ignore[arg-type]


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


# -- every interval, at the turn of a bar, over a silent bar and an outage -----------------------------------------

MONDAY = 4 * 86_400  # Unix s of the first one


def begins(interval: str) -> list[int]:
    """Return where twelve bars begin: weeks on Mondays, months as Shanghai has them, the exchange says neither."""
    if interval == "1month":
        months = pd.date_range("2025-06-01", periods=12, freq="MS", tz="Asia/Shanghai")
        return [int(month.timestamp()) for month in months]
    step = INTERVALS[interval]
    first = 2900 * step + MONDAY if interval == "1week" else 20_000 * step
    return [first + number * step for number in range(12)]


class Exchange(Past):
    """Has bars 0 to 11 of an interval, of which 7 and 10 are silent; ``time`` is within the bar that is under way."""

    def __init__(self, interval: str) -> None:
        super().__init__()
        self.interval = interval
        self.step = INTERVALS[interval]
        self.begins = begins(interval)

    def at(self, number: int) -> None:
        self.time = self.begins[number] + 30.0

    def traded(self, number: int) -> Candle:
        """Return a bar as it is now: one that goes on has had half of its volume."""
        over = number < 11 and self.time >= self.begins[number + 1]
        return Candle(self.begins[number], 1, 2 + number, 99, 1, 10 + number if over else 5, 7)

    async def since(self, start_s: int, now: float) -> list[Candle]:
        self.asked.append(start_s)
        present = [number for number in range(12) if start_s <= self.begins[number] <= self.time]
        return [self.traded(number) for number in reversed(present) if number not in (7, 10)]


@pytest.mark.parametrize("interval", INTERVALS)
def test_no_bar_is_missing_or_double_at_a_turn_a_silence_or_an_outage(interval: str) -> None:
    async def main() -> None:
        past = Exchange(interval)
        past.at(5)
        kept = keeper(past, 3)

        def told(number: int) -> None:
            past.at(number)
            kept.pending.append(KlineUpdate("BTC-USDT", past.traded(number), past.begins[number] * 1000))
            kept.flush()

        kept.news(Restarted(TOPIC))
        await until(lambda: kept.status == "live")
        assert list(volumes(kept)) == past.begins[3:6]
        told(5)
        past.at(6)
        kept.pending.append(KlineUpdate("BTC-USDT", past.traded(5), 0))  # its last trades, told after the turn
        told(6)
        past.at(8)
        kept.pending.append(KlineUpdate("BTC-USDT", past.traded(6), 0))
        told(8)
        await until(lambda: kept.status == "live" and (volumes(kept)[past.begins[6]] == 16))
        kept.news(Disconnected(TOPIC, "gone"))
        past.at(11)
        kept.news(Restarted(TOPIC))
        told(11)
        await until(lambda: kept.status == "live")
        silent = {} if interval in ("1week", "1month") else {7: 0.0, 10: 0.0}
        expected = {3: 13.0, 4: 14.0, 5: 15.0, 6: 16.0, 8: 18.0, 9: 19.0, 11: 5.0} | silent
        assert volumes(kept) == {past.begins[number]: expected[number] for number in sorted(expected)}
        closes = kept.copy()["close"].tolist()
        assert closes == [2.0 + (number - 1 if number in silent else number) for number in sorted(expected)]

    run(main)


@pytest.mark.parametrize("count", [1, 2, 6])
@pytest.mark.parametrize("interval", INTERVALS)
def test_as_many_bars_come_as_were_asked_for_wherever_they_begin(interval: str, count: int) -> None:
    async def main() -> None:
        past = Exchange(interval)
        past.at(6)
        kept = keeper(past, count)
        kept.news(Restarted(TOPIC))
        await until(lambda: kept.status == "live")
        assert list(volumes(kept)) == past.begins[7 - count : 7]

    run(main)


@pytest.mark.parametrize("interval", INTERVALS)
def test_bars_since_a_time_are_those_that_begin_then_or_later(interval: str) -> None:
    async def main() -> None:
        past = Exchange(interval)
        past.at(6)
        kept = keeper(past, 100, past.begins[2] + 1)
        kept.news(Restarted(TOPIC))
        await until(lambda: kept.status == "live")
        assert list(volumes(kept)) == past.begins[3:7]

    run(main)


@pytest.mark.parametrize("symbol", ["BTC-USDT", "XBTUSDTM"])
def test_the_past_is_there_as_soon_as_the_cell_goes_on(client: ks.Client, symbol: str) -> None:
    for interval in ("1min", "1hour", "1day"):
        assert len(client.klines(symbol, interval, 100).df) >= 99


def test_a_past_that_does_not_come_keeps_the_cell_for_two_seconds(client: ks.Client, sim: Simulator) -> None:
    sim.faults.rest("/api/v1/market/candles", status=500, times=1000)
    begun = time.monotonic()
    klines = client.klines("BTC-USDT", "1min", 100)
    assert 1.9 < time.monotonic() - begun < 4
    assert len(klines) < 3  # those of the stream
    assert klines.status.startswith("syncing: ")
