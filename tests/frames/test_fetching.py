"""A fetch that is made until it succeeds: one at a time, and ever more slowly."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from kucoin_stream.errors import KucoinStreamError, UnreachableError
from kucoin_stream.frames import fetching
from kucoin_stream.frames.fetching import Fetching

BROKEN = UnreachableError("tcp", "no answer")


class Clock:
    """A clock that stands still but for those who sleep."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr(fetching, "monotonic", lambda: self.now)
        monkeypatch.setattr(fetching, "sleep", self.sleep)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)
        self.now += seconds


class Work:
    """Something that fails ``failures`` times."""

    def __init__(self, clock: Clock, failures: int = 0) -> None:
        self.clock = clock
        self.failures = failures
        self.tries: list[float] = []
        self.told: list[KucoinStreamError] = []
        self.done = 0
        self.free = asyncio.Event()
        self.free.set()
        self.fetching = Fetching(self.fetch, self.told.append)

    async def fetch(self) -> None:
        self.tries.append(self.clock.now - 100)
        await self.free.wait()
        if len(self.tries) <= self.failures:
            raise BROKEN
        self.done += 1


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110  a condition of the code under test
            await asyncio.sleep(0)


def test_each_failure_is_told_and_doubles_the_time_to_the_next_try(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        work = Work(Clock(monkeypatch), failures=9)
        work.fetching.begin()
        await until(lambda: work.done)
        assert work.told == [BROKEN] * 9
        assert work.tries == [0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5, 61.5, 91.5, 121.5]

    asyncio.run(main())


def test_what_is_begun_again_and_again_is_slowed_down_as_failures_are(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        work = Work(Clock(monkeypatch))
        for times in range(1, 6):
            work.fetching.begin()
            work.fetching.begin()
            await until(lambda: work.done == times)  # noqa: B023  called at once
        assert work.tries == [0, 0.5, 1.5, 3.5, 7.5]

    asyncio.run(main())


def test_what_is_begun_after_a_quiet_time_is_done_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        clock = Clock(monkeypatch)
        work = Work(clock, failures=3)
        work.fetching.begin()
        await until(lambda: work.done)
        clock.now = 200.0
        work.fetching.begin()
        await until(lambda: work.done == 2)
        work.fetching.begin()
        await until(lambda: work.done == 3)
        assert work.tries[-2:] == [100, 100.5]

    asyncio.run(main())


def test_a_new_beginning_or_the_end_cuts_the_fetch_under_way_short(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        work = Work(Clock(monkeypatch))
        work.free.clear()
        work.fetching.begin()
        await until(lambda: work.tries)
        work.fetching.begin()
        await until(lambda: len(work.tries) == 2)
        work.fetching.stop()
        work.free.set()
        for _ in range(10):
            await asyncio.sleep(0)
        assert (len(work.tries), work.done) == (2, 0)

    asyncio.run(main())


def test_an_error_of_ours_is_told_to_the_loop_at_once() -> None:
    async def main() -> None:
        told: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(type(context["exception"])))

        async def wrong() -> None:
            raise ValueError

        fetching = Fetching(wrong, told.append)
        fetching.begin()
        await until(lambda: told)
        assert (told, fetching.begun) == ([ValueError], True)

    asyncio.run(main())
