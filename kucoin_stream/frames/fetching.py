"""What keepers fetch by REST beside their stream: one fetch at a time, made until it succeeds."""

from __future__ import annotations

import contextlib
from asyncio import Task, get_running_loop, sleep
from collections.abc import Awaitable, Callable
from time import monotonic

from kucoin_stream.errors import KucoinStreamError
from kucoin_stream.transport.rest import Rest

FIRST = 0.5  # seconds from a try to the next; doubles with each that has to wait
LONGEST = 30.0


class Fetching:
    """A fetch that is begun anew when the stream was broken, and tried again where it fails. Lives on the loop thread.

    Both are slowed down alike: a stream that spoils every message must not become a flood of calls. ``failed`` hears
    of each :class:`KucoinStreamError`.
    """

    def __init__(self, fetch: Callable[[], Awaitable[None]], failed: Callable[[KucoinStreamError], None]) -> None:
        self._fetch = fetch
        self._failed = failed
        self.begun = False  # whether it was ever asked for
        self._task: Task[None] | None = None
        self._delay = 0.0
        self._due = float("-inf")  # no try before this

    def begin(self) -> None:
        """Fetch anew; what the fetch under way would bring is no longer wanted."""
        self.stop()
        self.begun = True
        self._task = get_running_loop().create_task(self._try())
        self._task.add_done_callback(self._forget)

    def stop(self) -> None:
        """Fetch no more."""
        if self._task is not None:
            self._task.cancel()

    def _forget(self, task: Task[None]) -> None:
        """Let go of what has ended: only then is it told what else it raised, an error of ours."""
        if self._task is task:
            self._task = None

    async def _try(self) -> None:
        while True:
            wait = self._due - monotonic()
            await sleep(max(0.0, wait))
            self._delay = min(2 * self._delay, LONGEST) if wait > 0 else FIRST
            self._due = monotonic() + self._delay
            try:
                await self._fetch()
            except KucoinStreamError as exc:
                self._due = monotonic() + self._delay  # the call itself may have taken longer
                self._failed(exc)
            else:
                return


async def learn_clock(rest: Rest) -> None:
    """Learn how far our clock is off, where that is not known yet; without an answer our own has to do."""
    if not rest.clock_offset:
        with contextlib.suppress(KucoinStreamError):
            await rest.server_time()
