"""The spreading of attempts to connect, in the time of a tape."""

import asyncio
from contextlib import suppress
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from kucoin_stream.protocol.topic import Connection
from kucoin_stream.settings import Limits, Settings
from kucoin_stream.transport import pace
from kucoin_stream.transport.pace import Pace
from kucoin_stream.transport.tapeloop import MAX, Clock, TapeLoop

KEY = Connection.SPOT_PUBLIC


def moments(starts: list[float]) -> list[float]:
    """Make an attempt at each start; return when they were noted. A clock that cannot go on is an error here."""
    clock = Clock()
    clock.run(MAX)
    loop = TapeLoop(clock)
    spread = Pace(Settings(limits=Limits(connections_per_minute=2)))
    noted: list[float] = []
    waits = 0

    async def wait(seconds: float) -> Any:
        nonlocal waits
        waits += 1
        assert waits < 20 * len(starts), "the same moment is waited for again and again"
        with suppress(TimeoutError):  # as a connection waits: for its end too
            await asyncio.wait_for(asyncio.Event().wait(), seconds)

    async def one(start: float) -> None:
        await spread.attempt(KEY, wait, start)
        noted.append(loop.time())

    async def every() -> None:
        await asyncio.gather(*map(one, starts))

    loop.run_until_complete(every())
    loop.close()
    return sorted(noted)


@given(st.lists(st.floats(0.0, 200.0), min_size=1, max_size=8))
def test_no_more_connections_a_minute_than_allowed_and_every_wait_ends(starts: list[float]) -> None:
    noted = moments(starts)
    assert len(noted) == len(starts)
    assert all(later - earlier > pace._MINUTE - 0.01 for earlier, later in zip(noted, noted[2:], strict=False))


def test_a_wait_shorter_than_the_clock_can_tell_is_none() -> None:
    assert len(moments([0.03, 0.03, 62.029999999999994])) == 3
