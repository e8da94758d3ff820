"""streamz's way to Dask (``scatter().map(f).gather()``) behind our sources, without its traps.

``scatter`` of streamz puts a message on one worker, and with that worker it is gone; here it is a task of its own,
which the scheduler makes again elsewhere. streamz awaits Dask on whichever loop emits; here on that of the Dask client,
which may be another (a feed that is older than the client, a notebook). What is lost for good all the same, because it
killed a worker four times or the cluster ended, becomes a :class:`Gap` in its place where the feed has news, and a
failure like any that a node raises.

The module is imported for what it does: it tells ``mended`` of these nodes.
"""

from __future__ import annotations

import asyncio
from contextvars import Context
from functools import partial
from typing import Any

from streamz import Stream

from kucoin_stream.errors import UsageError
from kucoin_stream.protocol.events import Gap
from kucoin_stream.streams import mended
from kucoin_stream.streams.branch import unfinished

try:
    from distributed import CancelledError, Client, Future, KilledWorker, default_client
    from distributed.client import FutureCancelledError
    from streamz import dask
    from toolz import identity  # type: ignore[import-untyped]
except ImportError:
    raise UsageError("Dask is needed for this: pip install 'kucoin-stream[dask]'") from None

scatter = dask.scatter
"""streamz's own: behind our sources it is mended like all nodes."""

_LOST = (CancelledError, KilledWorker)


class _Scatter(dask.scatter):  # type: ignore[misc]  # streamz is not typed
    def update(self, x: Any, who: Any = None, metadata: Any = None) -> Any:  # noqa: ARG002  streamz's signature
        # hidden in a partial: Dask would look for futures in every element of a list
        return self._emit(_client().submit(partial(identity, x), pure=False), metadata)


class _Map(dask.map):  # type: ignore[misc]
    def update(self, x: Future[Any], who: Any = None, metadata: Any = None) -> Any:  # noqa: ARG002
        # impure: to name a task by what it does takes longer than to begin it, and no two are the same
        task = x.client.submit(self.func, x, *self.args, **{"pure": False, **self.kwargs})
        return self._emit(task, metadata)


class _Gather(dask.gather):  # type: ignore[misc]
    async def update(self, x: Future[Any], who: Any = None, metadata: Any = None) -> None:  # noqa: ARG002
        self._retain_refs(metadata)
        try:
            result = await _result(x)
        except _LOST as exc:
            lost = _lost(metadata)
            exc.add_note(lost.reason)
            if (branch := mended.branch_of(self)) is not None and branch.wants_news:
                await self._hand_on(lost, None)
            raise
        await self._hand_on(result, metadata)
        self._release_refs(metadata)

    async def _hand_on(self, message: Any, metadata: Any) -> None:
        for each in unfinished(self._emit(message, metadata)):
            await each


class _Partition(mended._Partition, dask.partition):  # type: ignore[misc]
    pass


_ALSO = (dask.buffer, dask.delay, dask.latest, dask.rate_limit, dask.timed_window)
"""Nodes for futures that need what their namesakes for messages need."""


def _client() -> Client:
    """Return the default client of now: a branch keeps the context of its cell, where one may be that has closed."""
    client: Client = default_client()  # type: ignore[no-untyped-call]
    return client if client.status == "running" else Context().run(default_client)


async def _result(future: Future[Any]) -> Any:
    """Wait for a task on the loop of its client."""
    loop: asyncio.AbstractEventLoop = future.client.loop.asyncio_loop
    if loop is asyncio.get_running_loop():
        return await _gathered(future)
    waiting = _gathered(future)
    try:
        result = asyncio.run_coroutine_threadsafe(waiting, loop)
    except RuntimeError:  # the loop was closed
        waiting.close()
        raise FutureCancelledError(future.key, "the client was closed") from None
    return await asyncio.wrap_future(result)


async def _gathered(future: Future[Any]) -> Any:
    return await future.client.gather(future, asynchronous=True)


def _lost(metadata: Any) -> Gap:
    """Say what a task was to work on, as ``partition_by`` tells with it."""
    about = next((each for each in metadata or () if "partition" in each), None)
    if about is None:
        return Gap("dask", "Dask lost a message", 1)
    key, count = about["partition"], about["messages"]
    return Gap(str(key), f"Dask lost {count} messages of {key}", count)


def _told(kind: type[Stream]) -> Any:
    def become(node: Stream) -> None:
        if kind is _Scatter:
            try:
                default_client()  # type: ignore[no-untyped-call]
            except ValueError:
                raise UsageError("scatter() needs a Dask client: distributed.Client(), before this") from None
        node.__class__ = kind

    kind.__name__ = kind.__bases__[-1].__name__  # as users know it
    return become


mended._MENDED.update(
    {
        dask.scatter: _told(_Scatter),
        dask.map: _told(_Map),
        dask.gather: _told(_Gather),
        dask.partition: _told(_Partition),
    }
)
mended._MENDED.update({kind: mended._MENDED[kind.__bases__[1]] for kind in _ALSO})
