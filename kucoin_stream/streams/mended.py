"""streamz's nodes behind our sources, without their traps.

Each node that joins a graph is told which branch it belongs to. Some then become a kind of their own class: those that
emit from a coroutine, which an exception would end for good, and which would keep them alive without any children;
``slice``, which waits for its own loop and lets nobody wait for what is behind it; ``delay`` and ``zip_latest``, whose
queues have no end. And ``stop()`` of a node pauses what comes through it, not the source for all its readers;
what a node shows in a notebook is a table, not an ``Output`` area; ``to_dataframe`` takes messages, too;
``sink`` may have a thread of its own; and ``async for`` reads any node.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable, Iterator
from functools import cache, lru_cache, partial, wraps
from typing import Any

from streamz import Sink, Stream, core
from streamz.orderedweakset import OrderedWeakrefSet
from streamz.sinks import sink, to_kafka
from tornado import gen

from kucoin_stream.errors import UsageError
from kucoin_stream.streams.branch import Branch
from kucoin_stream.streams.origin import note
from kucoin_stream.streams.reading import Readable, Reading
from kucoin_stream.streams.threaded import HandedOver

DISPLAYED = 1000  # messages kept for the picture of a node
AHEAD = 10  # messages that zip_latest keeps until all its streams have begun; as many as zip

_branches: weakref.WeakKeyDictionary[Stream, Branch] = weakref.WeakKeyDictionary()


def branch_of(node: Stream) -> Branch | None:
    """Return the branch that ``node`` belongs to: the last one it joined."""
    return _branches.get(node)


def read(node: Stream, *, news: bool, of: Readable | None = None) -> Reading[Any]:
    """Return what ``async for`` reads of a node, until ``of``, by default its source, is stopped.

    Raises :class:`UsageError` where it leads to no source of ours.
    """
    branch = branch_of(node)
    source = None if branch is None else branch.source
    if source is None:
        raise UsageError(f"{node} is behind no feed: 'async for' has nothing to read")
    reading: Reading[Any] = source._read(node, news=news, of=of)
    return reading


def adopt(node: Stream, branch: Branch) -> None:
    """Take ``node`` and all that is or comes behind it into ``branch``."""
    if node not in _branches and isinstance(node, Sink):
        note(node, "sink")
    _branches[node] = branch
    if (mend := _mend_of(type(node))) is not None:
        mend(node)
    if not isinstance(node, _Adopted):
        node.__class__ = _adopted(type(node))  # type: ignore[arg-type]  # types are hashable
    if type(node.downstreams) is OrderedWeakrefSet:
        behind, node.downstreams = node.downstreams, _Descendants(branch)
        for each in behind:
            node.downstreams.add(each)


def _mend_of(kind: Any) -> Callable[[Any], None] | None:
    """Return what mends nodes of this kind; those of Dask and Kafka are known once their modules are imported."""
    if kind.__module__ == "streamz.dask":
        from kucoin_stream.streams import scattered  # noqa: F401
    elif kind is to_kafka:
        from kucoin_stream.streams import kafka  # noqa: F401
    return _MENDED.get(kind)


def display(node: Any, **kwargs: Any) -> None:
    """Show what a node hands on as a table, a sink as text; streamz would use an ``Output`` area."""
    if isinstance(node, Sink):
        raise NotImplementedError  # IPython then shows the repr
    if (shown := vars(node).get("_shown")) is None:
        shown = node._shown = node.sink_to_frame(DISPLAYED)
    shown._ipython_display_(**kwargs)


def _nothing(x: Any, who: Any = None, metadata: Any = None) -> list[Any]:  # noqa: ARG001  streamz's signature
    return []


class _Adopted(Stream):  # type: ignore[misc]  # streamz is not typed
    """What streamz gives to every node, otherwise; what a class of nodes has of its own goes before it."""

    def stop(self) -> None:
        """Take nothing until :meth:`start`; what it holds is still handed on. streamz would stop the source for all."""
        self.update = _nothing

    def start(self) -> None:
        """Hand on again."""
        self.__dict__.pop("update", None)

    def to_dataframe(self, example: Any = None, *, every: Any = 0.1) -> Any:
        """As of a feed; a DataFrame as ``example`` says, as in streamz, that such frames are handed on."""
        import pandas as pd

        if isinstance(example, pd.DataFrame | pd.Series):
            return super().to_dataframe(example)
        _branches[self].grown = True  # should that raise, it is not for want of a variable
        return self.batch(every, index="time", example=example).to_dataframe()

    def sink(self, func: Callable[..., Any], *args: Any, thread: bool = False, **kwargs: Any) -> Any:
        """As of a feed: with ``thread=True`` in a thread of its own, where it may block."""
        return sink(self._handed_over() if thread else self, func, *args, **kwargs)

    def _handed_over(self) -> HandedOver:
        branch = _branches[self]
        node = HandedOver(self, branch)
        if (engine := branch.engine) is not None:
            engine.on_end(node.end)
        return node

    def __aiter__(self) -> Any:
        return read(self, news=True)

    def _ipython_display_(self, **kwargs: Any) -> None:
        display(self, **kwargs)


@lru_cache(maxsize=200)  # users have classes of their own, a new one each time a cell runs
def _adopted(kind: Any) -> Any:
    return type(kind.__name__, (kind, _Adopted), {})


class _Descendants(OrderedWeakrefSet):  # type: ignore[misc]  # streamz is not typed
    """The children of a node of a branch."""

    def __init__(self, branch: Branch) -> None:
        super().__init__()
        self._branch = branch

    def add(self, node: Stream) -> None:
        super().add(node)
        self._branch.grown = True
        adopt(node, self._branch)


class _Guarded(Stream):  # type: ignore[misc]
    """Emits from a coroutine of its own: what is raised behind it costs its own message only.

    The coroutine knows it weakly, so that it ends with its last child, or with the variable that holds it.
    """

    def cb(self) -> Any:
        return _while_it_lives(super().cb.__func__, weakref.proxy(self))

    def _create_work_task(self) -> Any:  # of map_async
        stop, task = super()._create_work_task()
        weakref.finalize(self, self.loop.add_callback, task.cancel)
        return stop, task

    def work_callback(self, stop: asyncio.Event) -> Any:  # of map_async
        return super().work_callback.__func__(weakref.proxy(self), stop)

    def _emit(self, x: Any, metadata: Any = None) -> Any:
        if x is _NOTHING:
            return []
        branch = _branches[self]
        return branch.emit(super()._emit, x, metadata)


@gen.coroutine
def _while_it_lives(run: Callable[[Any], Any], node: Any) -> Iterator[Any]:
    try:
        yield run(node)
    except ReferenceError:
        return


_NOTHING = object()  # what a function of map_async gave that raised


class _Slice(core.slice):  # type: ignore[misc]
    def update(self, x: Any, who: Any = None, metadata: Any = None) -> Any:  # noqa: ARG002  streamz's signature
        result = None
        if self.state >= self.star and self.state % self.step == 0:
            result = self._emit(x, metadata=metadata)
        self.state += 1
        self._check_end()
        return result


class _ZipLatest(core.zip_latest):  # type: ignore[misc]
    _begun: asyncio.Future[None] | None = None

    def update(self, x: Any, who: Any = None, metadata: Any = None) -> Any:
        results = super().update(x, who, metadata)
        if self._begun is None:
            self._begun = asyncio.get_running_loop().create_future()
        if not self.missing:
            if not self._begun.done():
                self._begun.set_result(None)
        elif len(self.lossless_buffer) >= AHEAD:
            return self._begun
        return results


class _Partition(_Guarded, core.partition):  # type: ignore[misc]
    @property
    def _flush(self) -> Callable[[Any], Any]:
        """What a timer holds."""
        return partial(_flush, weakref.ref(self))


def _flush(node: weakref.ref[Any], key: Any) -> Any:
    alive = node()
    return core.partition._flush(alive, key) if alive is not None else None


@cache
def _guarded(kind: Any) -> Any:
    return type(kind.__name__, (_Guarded, kind), {})


def _guard(node: Any) -> None:
    node.__class__ = _guarded(node.__class__)


def _bound(node: core.delay) -> None:
    """Take one message at a time: what cannot be worked off waits in the inbox, where the topic's policy applies."""
    node.queue._maxsize = 1
    _guard(node)


def _catch(node: core.map_async) -> None:
    function, branch = node.func, _branches[node]

    @wraps(function)
    async def caught(*args: Any, **kwargs: Any) -> Any:
        try:
            return await function(*args, **kwargs)
        except BaseException as exc:
            if isinstance(exc, asyncio.CancelledError | GeneratorExit):
                raise
            branch.failed(exc)
            return _NOTHING

    node.func = caught
    _guard(node)


def _renamed(kind: type[Stream]) -> Any:
    kind.__name__ = kind.__bases__[-1].__name__  # as users know it

    def become(node: Stream) -> None:
        node.__class__ = kind

    return become


_MENDED: dict[Any, Callable[[Any], None]] = {
    core.buffer: _guard,
    core.delay: _bound,
    core.latest: _guard,
    core.map_async: _catch,
    core.partition: _renamed(_Partition),
    core.rate_limit: _guard,
    core.slice: _renamed(_Slice),
    core.timed_window: _guard,
    core.timed_window_unique: _guard,
    core.zip_latest: _renamed(_ZipLatest),
}
