"""``async for`` over a source, and ``await``: each iterator has a bounded inbox of its own, read on the user's loop.

Works on any loop of asyncio's kind, in any thread. What waits in an inbox costs the sources and the other readers
nothing; where the reader is too slow, the topic's policy applies.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import weakref
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from kucoin_stream.errors import NotReadyError, RefusedError, StoppedError, UsageError
from kucoin_stream.protocol.events import News
from kucoin_stream.streams.inbox import Inbox

if TYPE_CHECKING:
    from kucoin_stream.streams.source import LiveSource

T = TypeVar("T")

REFUSED, STOPPED = "refused", "stopped"

_TURN = 200  # messages that wait already, before others on the loop have a turn
_POLL = 0.02  # seconds


class Readable(Protocol):
    """A feed, another source, or a live frame."""

    title: str
    _readings: weakref.WeakSet[Reading[Any]]

    @property
    def status(self) -> str:
        """What it is: ``live``, ``refused: code reason``, ``stopped`` by its user, ``stopped: why`` else, ..."""


class _Seat(Inbox):
    """The inbox of one iterator, which the loop thread holds. News come always: a refusal is among them."""

    waiter: asyncio.Future[None] | None = None

    def _wake(self) -> None:
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)

    async def wait(self) -> None:
        """Sleep until something was put, or somebody said that it is over."""
        if self.waiter is not None:
            raise UsageError("one task reads an iterator: let each have its own 'async for'")
        self.waiter = self.loop.create_future()
        try:
            await self.waiter
        finally:
            self.waiter = None

    def take(self) -> tuple[bool, Any]:
        """Return whether there was a message, and it."""
        if not self._next():
            if self._full:
                self._post(self.refill)
            return False, None
        self.received += 1
        return True, self._inbox.popleft()


class Reading(AsyncIterator[T]):
    """The messages of a source from now on. Made by ``async for``; lives on the loop that runs then.

    Without ``news``, what happened to the stream is left out. Ends with ``stop()`` of what is read, after what was
    received until then; raises :class:`RefusedError` where the exchange refuses it, :class:`StoppedError` where the
    client ended. ``break``, :meth:`aclose` and the end of the loop free it.
    """

    def __init__(self, of: Readable, source: LiveSource[T], *, news: bool) -> None:
        engine = source._engine
        self._of = of
        self._source = source  # lives as long as it is read
        self._with_news = news
        self._turn = _TURN
        self._seat = _Seat(
            asyncio.get_running_loop(), engine.post, topic=source.title, limit=source._limit,
            overflow=source._overflow, news=True,
        )  # fmt: skip
        self._leave = weakref.finalize(self, _leave, engine.post, source._inlet.prune, self._seat)
        self._leave.atexit = False
        of._readings.add(self)
        engine.on_end(self.wake)
        engine.post(source._inlet.grow, self._seat)

    def __repr__(self) -> str:
        return f"<Reading of {self._source.title} | {self.received} messages, {self.waiting} wait>"

    @property
    def received(self) -> int:
        """Messages handed on."""
        return self._seat.received

    @property
    def waiting(self) -> int:
        """Messages that wait for the reader."""
        return self._seat.waiting

    @property
    def dropped(self) -> int:
        """Messages that were left out because the reader was too slow."""
        return self._seat.dropped

    def __aiter__(self) -> Reading[T]:
        return self

    async def __anext__(self) -> T:
        while self._leave.alive:
            found, message = self._seat.take()
            if found:
                await self._give_way()
                if self._with_news or not isinstance(message, News):
                    return message  # type: ignore[no-any-return]  # the inbox knows no types
            elif self._of.status == STOPPED:
                await self.aclose()
            else:
                check(self._of.title, self._of.status)
                self._turn = _TURN
                await self._seat.wait()
        raise StopAsyncIteration

    async def _give_way(self) -> None:
        """Let others on the loop have a turn, now and then, where messages wait already."""
        self._turn -= 1
        if not self._turn:
            self._turn = _TURN
            await asyncio.sleep(0)

    async def aclose(self) -> None:
        """Read no more, and let the source go."""
        self._leave()
        self._seat._wake()

    def wake(self, _: str = "") -> None:
        """Have the reader see that what it reads has ended. Safe from any thread."""
        with contextlib.suppress(RuntimeError):  # the loop was closed: nobody reads
            self._seat.loop.call_soon_threadsafe(self._seat._wake)


def _leave(post: Callable[..., None], prune: Callable[[Any], None], seat: _Seat) -> None:
    seat.leave()
    post(prune, seat)


def wake(readable: Readable) -> None:
    """Have all who read ``readable`` see that it has ended. Safe from any thread."""
    for reading in list(readable._readings):
        reading.wake()


async def until(readable: Readable, ready: Callable[[], bool], timeout: float) -> None:
    """Wait until ``ready()``; raises :class:`NotReadyError` after ``timeout`` seconds, and as :func:`check`."""
    deadline = time.monotonic() + timeout
    while not ready():  # noqa: ASYNC110  what it waits for is told to no loop of the user
        await asyncio.sleep(pause(readable, deadline, timeout))


def pause(readable: Readable, deadline: float, timeout: float) -> float:
    """Return for how many seconds to wait before looking again; raises as :func:`until`.

    ``deadline`` is of the monotonic clock.
    """
    status = readable.status
    check(readable.title, status)
    left = deadline - time.monotonic()
    if left <= 0:
        raise NotReadyError(f"{readable.title}: nothing to show within {timeout:g} s; it is {status}")
    return min(_POLL, left)


def check(title: str, status: str) -> None:
    """Raise :class:`RefusedError` or :class:`StoppedError` where ``status`` says that nothing will come."""
    if status.startswith(REFUSED):
        raise RefusedError(title, *refusal(status))
    if status.startswith(STOPPED):
        raise StoppedError(f"{title} is {status}")


def refusal(status: str) -> tuple[int, str]:
    """Take ``refused: 404 no such topic`` apart."""
    code, _, reason = status.partition(": ")[2].partition(" ")
    with contextlib.suppress(ValueError):
        return int(code), reason
    return 0, f"{code} {reason}".strip()
