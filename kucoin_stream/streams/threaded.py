"""A branch, or a sink, with a thread of its own: what is behind it may block, and stops no other graph."""

from __future__ import annotations

import asyncio
import itertools
import threading
import weakref
from time import monotonic
from typing import Any

from streamz import Stream
from tornado.ioloop import IOLoop

from kucoin_stream.streams import running
from kucoin_stream.streams.branch import Branch, unfinished

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
        self.thread = threading.Thread(target=_run, args=(io,), name=name, daemon=True)
        self.thread.start()
        self._stop = weakref.finalize(self, _stop, io)
        super().__init__(loop=io)
        self.upstreams = [source]  # not by the constructor, which would give the source this loop
        source.downstreams.add(self)

    def end(self, _: str = "") -> None:
        """Hand on nothing more after what waits, and end the thread."""
        self._stop()


class HandedOver(Threaded):
    """Hands on, in its thread, what a node of ``branch`` gives it there, and lets that node wait until it is done.

    So the messages keep their order, and what is too much waits where it would without a thread: in the inbox.
    """

    def __init__(self, node: Stream, branch: Branch) -> None:
        self._branch = branch
        super().__init__(node)
        loop: asyncio.AbstractEventLoop = self.loop.asyncio_loop
        branch.loops[loop] = self.thread.ident or 0
        weakref.finalize(self, branch.loops.pop, loop, None)

    def update(self, x: Any, who: Any = None, metadata: Any = None) -> Any:  # noqa: ARG002  streamz's signature
        """Hand on one message; return what is done when that is."""
        loop: asyncio.AbstractEventLoop = self.loop.asyncio_loop
        if loop.is_closed():
            return []
        return asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._hand_on(x, metadata), loop))

    async def _hand_on(self, message: Any, metadata: Any) -> None:
        branch = self._branch
        begin, ran = monotonic(), running.enter(branch)
        try:
            waits = unfinished(self._emit(message, metadata))
        except GeneratorExit:
            raise
        except BaseException as exc:  # noqa: BLE001  as in the pump: it costs its own message
            branch.failed(exc)
            return
        finally:
            running.leave(ran)
            branch.busy += monotonic() - begin  # the pump, which adds to it as well, waits meanwhile
        for each in waits:
            await branch.finish(each)


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
