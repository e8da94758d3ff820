"""A branch with a thread of its own: what is behind it may block, and stops no other graph."""

from __future__ import annotations

import asyncio
import itertools
import threading
import weakref
from typing import Any

from streamz import Stream
from tornado.ioloop import IOLoop

_LAST = 1.0  # seconds for the message in hand and what waits behind it, once nothing more can come

_numbers = itertools.count(1)


class Threaded(Stream):  # type: ignore[misc]  # streamz is not typed
    """Hands on what comes, on a loop in a thread of its own. Made by :meth:`LiveSource.threaded`.

    The thread ends with the node, or with the client of its source. Where the user's function is blocked for good, so
    is the thread, which keeps no process alive. A node cannot have parents of two loops: streamz raises ValueError.
    """

    def __init__(self, source: Stream) -> None:
        io = IOLoop(make_current=False)
        name = f"kucoin-stream-branch-{next(_numbers)}"
        threading.Thread(target=_run, args=(io,), name=name, daemon=True).start()
        self._stop = weakref.finalize(self, _stop, io)
        super().__init__(loop=io)
        self.upstreams = [source]  # not by the constructor, which would give the source this loop
        source.downstreams.add(self)

    def end(self, _: str = "") -> None:
        """Hand on nothing more after what waits, and end the thread."""
        self._stop()


def _run(io: IOLoop) -> None:
    loop: Any = io.asyncio_loop  # type: ignore[attr-defined]
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        while tasks := asyncio.all_tasks(loop):  # what came with the end begins one more
            for task in tasks:
                task.cancel()
            loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        io.close(all_fds=True)


def _stop(io: IOLoop) -> None:
    loop: Any = io.asyncio_loop  # type: ignore[attr-defined]
    if not loop.is_closed():
        loop.call_soon_threadsafe(lambda: loop.create_task(_drained(loop)))


async def _drained(loop: asyncio.AbstractEventLoop) -> None:
    if others := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(others, timeout=_LAST)
    loop.stop()
