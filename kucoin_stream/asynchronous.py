"""What waits, from a coroutine: in a thread of its own, whatever becomes of the task that asked."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


async def in_thread(function: Callable[[], T], *, undo: Callable[[], object] | None = None) -> T:
    """Call ``function`` in a thread and return its result; the running loop goes on.

    Where the task is cancelled meanwhile, it ends at once, and ``undo`` is called in a thread after ``function``,
    unless that raised; without ``undo`` the task waits for the end of ``function``, and is cancelled then.
    """
    future: Future[T] = Future()
    future.set_running_or_notify_cancel()  # from here on nothing cancels it
    context = contextvars.copy_context()

    def run() -> None:
        try:
            future.set_result(context.run(function))
        except BaseException as exc:  # noqa: BLE001  raised again in the task
            future.set_exception(exc)

    def undone(ended: Future[T]) -> None:
        if undo is not None and ended.exception() is None:
            _start(undo)

    _start(run)
    try:
        return await asyncio.wrap_future(future)
    except asyncio.CancelledError:
        if undo is None:
            with suppress(BaseException):
                await asyncio.wrap_future(future)
        else:
            future.add_done_callback(undone)
        raise


def _start(function: Callable[[], object]) -> None:
    threading.Thread(target=function, name="kucoin-stream-wait", daemon=True).start()
