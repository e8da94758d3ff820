"""``ks.run``: runs a coroutine to its end wherever there is no ``await``: the one place of nested loops.

A plain cell, an ipywidgets callback, a sink and a coroutine all stand inside a loop that runs already; that loop is
made re-entrant when this is first needed, by ``nest_asyncio2`` where it is installed, else by ``nest_asyncio``. Both
change the loop's class and ``asyncio.Task`` for the whole process, and leave the background thread as it is.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Awaitable, Coroutine, Iterator
from contextlib import contextmanager
from inspect import isawaitable, iscoroutine
from types import FrameType
from typing import Any, TypeVar

from kucoin_stream.errors import UsageError
from kucoin_stream.transport.loop import PinnedEventLoop

T = TypeVar("T")


def run(awaitable: Awaitable[T]) -> T:
    """Run a coroutine to its end and return its result: ``ks.run(main())``; or wait for a feed or a live frame.

    In a script it has a loop of its own; inside of a running loop the others of that loop go on meanwhile, and what
    called is only back when it has ended. Context variables are those of the caller. Ctrl-C and the Stop button cancel
    the coroutine, then raise :class:`KeyboardInterrupt`.

    Raises what the coroutine raises; :class:`UsageError` for something else, and inside of a loop that cannot be made
    re-entrant, such as uvloop's.
    """
    if not isawaitable(awaitable):
        call = getattr(awaitable, "__name__", "main")
        hint = f": write ks.run({call}()), with ()" if callable(awaitable) else f", not {type(awaitable).__name__}"
        raise UsageError(f"ks.run() takes a coroutine{hint}")
    coroutine: Coroutine[Any, Any, T] = awaitable if iscoroutine(awaitable) else _awaited(awaitable)
    loop = asyncio._get_running_loop()
    if loop is None:
        with asyncio.Runner() as runner:
            return runner.run(coroutine)
    try:
        _make_reentrant(loop)
    except UsageError:
        coroutine.close()
        raise
    return _run_inside(loop, coroutine)


async def _awaited(awaitable: Awaitable[T]) -> T:
    return await awaitable


def _make_reentrant(loop: asyncio.AbstractEventLoop) -> None:
    """Apply ``nest_asyncio`` to ``loop``, unless this or somebody else has done so already."""
    if isinstance(loop, PinnedEventLoop):
        raise UsageError("ks.run() on the background thread would stop it: await there")
    if not isinstance(loop, asyncio.BaseEventLoop):
        raise UsageError(
            f"ks.run() cannot wait inside a loop of {type(loop).__module__}, which cannot be made re-entrant: "
            "await there, or call it in a thread: await asyncio.to_thread(ks.run, main())"
        )
    if hasattr(loop, "_nest_patched"):
        return
    try:
        import nest_asyncio2 as nest
    except ImportError:
        import nest_asyncio as nest
    nest.apply(loop)


def _run_inside(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, T]) -> T:
    task = loop.create_task(coroutine)
    with _turn_kept(loop), _interruptible(loop, task) as interrupted:
        try:
            return loop.run_until_complete(task)
        except asyncio.CancelledError:
            if interrupted:
                raise KeyboardInterrupt from None
            raise
        except BaseException:
            if not task.done():  # something else on the loop ended it: a second Ctrl-C, the kernel's shutdown
                task.cancel()
            raise


@contextmanager
def _turn_kept(loop: Any) -> Iterator[None]:
    """Leave as many callbacks due as there were.

    The turn of the loop that we are in may have begun before the loop was made re-entrant: then it goes on to take as
    many as it had counted, and the loop would end for good where those are gone.
    """
    due = len(loop._ready)
    try:
        yield
    finally:
        for _ in range(due - len(loop._ready)):
            loop.call_soon(_nothing)


def _nothing() -> None:
    pass


@contextmanager
def _interruptible(loop: asyncio.AbstractEventLoop, task: asyncio.Task[T]) -> Iterator[list[bool]]:
    """Let the first interrupt cancel ``task``, and the second raise wherever the thread is; as ``asyncio.run`` does."""
    interrupted: list[bool] = []

    def interrupt(_: int, __: FrameType | None) -> None:
        if interrupted or task.done():
            raise KeyboardInterrupt
        interrupted.append(True)
        task.cancel()
        loop.call_soon_threadsafe(lambda: None)  # or the selector would sleep on

    here = threading.current_thread() is threading.main_thread()
    if not here or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield interrupted
        return
    signal.signal(signal.SIGINT, interrupt)
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
