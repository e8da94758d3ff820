"""What keepers fetch by REST beside their stream: one fetch at a time, made until it succeeds."""

from __future__ import annotations

import contextlib
from asyncio import Task, get_running_loop, sleep
from collections.abc import Awaitable, Callable

from msgspec import Struct

from kucoin_stream.errors import KucoinStreamError
from kucoin_stream.transport.rest import Rest

FIRST = 0.5  # seconds from a try to the next; doubles with each that has to wait
LONGEST = 30.0


class Wait(Struct, frozen=True):
    """A fetch between two calls. ``due``: seconds on the loop's clock."""

    begun: bool = False
    waiting: bool = False  # for the next try
    delay: float = 0.0
    due: float = float("-inf")


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
        self._asking: object = None  # stands for the call that is under way
        self._delay = 0.0
        self._due = float("-inf")  # no try before this

    def begin(self) -> None:
        """Fetch anew; what the fetch under way would bring is no longer wanted."""
        self.stop()
        self.begun = True
        self._start()

    def _start(self) -> None:
        self._task = get_running_loop().create_task(self._try())
        self._task.add_done_callback(self._let_go)

    def stop(self) -> None:
        """Fetch no more."""
        if self._task is not None:
            self._task.cancel()

    # -- the moments of a tape -----------------------------------------------------------------------------------

    def remember(self) -> Wait | None:
        """Return what brings it back to this moment; ``None`` while a call is under way."""
        waiting = self._task is not None and not self._task.done()
        return None if self._asking else Wait(self.begun, waiting, self._delay, self._due)

    def recall(self, state: Wait) -> None:
        """Be as at the moment of ``state``."""
        self.stop()
        self.begun, self._delay, self._due = state.begun, state.delay, state.due
        if state.waiting:
            self._start()

    def forget(self) -> None:
        """Be as at first: time may have gone back."""
        self.recall(Wait())

    def _let_go(self, task: Task[None]) -> None:
        """Let go of what has ended: only then is it told what else it raised, an error of ours."""
        if self._task is task:
            self._task = None

    async def _try(self) -> None:
        while True:
            wait = self._due - monotonic()
            await sleep(max(0.0, wait))
            self._delay = min(2 * self._delay, LONGEST) if wait > 0 else FIRST
            self._due = monotonic() + self._delay
            self._asking = call = object()
            try:
                await self._fetch()
            except KucoinStreamError as exc:
                self._due = monotonic() + self._delay  # the call itself may have taken longer
                self._failed(exc)
            else:
                return
            finally:
                if self._asking is call:
                    self._asking = None


def monotonic() -> float:
    """Return the loop's clock in seconds: that of a tape, where one is played."""
    return get_running_loop().time()


async def learn_clock(rest: Rest) -> None:
    """Learn how far our clock is off, where that is not known yet; without an answer our own has to do."""
    if not rest.clock_offset:
        with contextlib.suppress(KucoinStreamError):
            await rest.server_time()
