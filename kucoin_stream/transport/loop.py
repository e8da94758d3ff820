"""The background thread that owns all sockets, and the two doors into it.

``nest_asyncio`` patches the class of a running loop and ``asyncio.Task`` for the whole process, and other libraries
apply it without asking. The loop here is a class of its own with the methods in question pinned, and a task factory
bound to the C task, so that it runs as it was built whatever the notebook does.
"""

from __future__ import annotations

import asyncio
import threading
import time
from _asyncio import Task  # the C task, whatever asyncio.Task has become
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from inspect import isawaitable
from typing import Any, ParamSpec, TypeVar, cast, overload

from kucoin_stream.errors import LocalProtocolError, NotReadyError, StoppedError

_BREATH = 5e-5  # seconds
_BREATH_EVERY = 2e-3  # seconds
_MANY = 32  # messages of one read that say that there is no end of them
_LAST_TURNS = 3  # of the loop, for tasks to take their cancellation
_ENDED = "the connection was stopped; ks.connect() starts a new one"

P = ParamSpec("P")
T = TypeVar("T")


class PinnedEventLoop(asyncio.SelectorEventLoop):
    """A selector loop that patches of other loops' classes do not reach."""

    run_forever = asyncio.BaseEventLoop.run_forever
    run_until_complete = asyncio.BaseEventLoop.run_until_complete
    _run_once = asyncio.BaseEventLoop._run_once  # type: ignore[attr-defined]

    def __init__(self) -> None:
        super().__init__()
        self.set_task_factory(cast(Any, _c_task))


def _c_task(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, T], **options: Any) -> Task[T]:
    return Task(coroutine, loop=loop, **options)


class LoopThread:
    """One event loop in one daemon thread. ``call`` and ``post`` are safe from any thread."""

    def __init__(self, name: str, make_loop: Callable[[], PinnedEventLoop] = PinnedEventLoop) -> None:
        self.name = name
        self._make_loop = make_loop
        self._loop: PinnedEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._callers: set[Future[Any]] = set()
        self._breath_due = 0.0

    def breathe(self, messages: int) -> None:
        """On the loop thread, between two reads of a socket: let others have the interpreter.

        At once where a caller waits, every 2 ms where reads bring many messages. A thread that works without end and
        often waits for the system, if ever so shortly, takes the interpreter back before another thread has noticed
        that it is free: that one starved for up to a second.
        """
        if self._callers or (messages >= _MANY and time.monotonic() >= self._breath_due):
            time.sleep(_BREATH)
            self._breath_due = time.monotonic() + _BREATH_EVERY

    def start(self, on_error: Callable[[Exception], None] | None = None) -> None:
        """Start the thread. ``on_error`` hears, on it, of what a callback or a task raised and nobody awaited."""
        self._loop = self._make_loop()
        if on_error is not None:
            self._loop.set_exception_handler(lambda _, context: on_error(_exception_of(context)))
        self._thread = threading.Thread(target=self._run, args=(self._loop,), name=self.name, daemon=True)
        self._thread.start()

    def _run(self, loop: PinnedEventLoop) -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_forever()
        finally:
            for _ in range(_LAST_TURNS):  # a call that came with the end begins one more task
                for task in asyncio.all_tasks(loop):
                    task.cancel()
                loop.run_until_complete(asyncio.sleep(0))
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()

    def stop(self, timeout: float = 5.0) -> None:
        """End the thread and wait for it."""
        loop, thread = self._loop, self._thread
        self._loop = self._thread = None
        if loop is None or thread is None:
            return
        loop.call_soon_threadsafe(loop.stop)
        if thread is not threading.current_thread():
            thread.join(timeout)

    @property
    def running(self) -> bool:
        """Whether the thread is there."""
        return self._thread is not None and self._thread.is_alive()

    def post(self, function: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
        """Have ``function`` run on the loop thread, without waiting. Silent once the thread has ended."""
        loop = self._loop
        if loop is None or loop.is_closed():
            return
        try:
            loop.call_soon_threadsafe(lambda: function(*args, **kwargs))
        except RuntimeError:  # closed between the two lines: there is nothing left to do
            return

    @overload
    def call(self, function: Callable[..., Coroutine[Any, Any, T]], *args: Any, timeout: float | None = 10.0) -> T: ...

    @overload
    def call(self, function: Callable[..., T], *args: Any, timeout: float | None = 10.0) -> T: ...

    def call(self, function: Callable[..., Any], *args: Any, timeout: float | None = 10.0) -> Any:
        """Run ``function(*args)`` on the loop thread and return its result, awaited if need be.

        Raises what it raises; :class:`NotReadyError` after ``timeout`` seconds; :class:`LocalProtocolError` on the
        loop thread itself, which would wait for ever; :class:`StoppedError` once the thread has ended.
        """
        loop = self._loop
        if threading.current_thread() is self._thread:
            raise LocalProtocolError("call() on the loop thread would wait for itself")
        if loop is None or not self.running:
            raise StoppedError(_ENDED)
        future: Future[Any] = Future()
        self._callers.add(future)
        try:
            loop.call_soon_threadsafe(_settle, loop, future, function, args)
        except RuntimeError:  # closed between the lines
            self._callers.discard(future)
            raise StoppedError(_ENDED) from None
        try:
            return future.result(timeout)
        except FutureTimeoutError:
            if not future.cancel():
                return future.result()  # it came just now
            raise NotReadyError(f"no answer from the background thread within {timeout:g} s") from None
        except BaseException:  # such as Ctrl-C: nobody waits for it any more
            future.cancel()
            raise
        finally:
            self._callers.discard(future)


def _settle(
    loop: asyncio.AbstractEventLoop, future: Future[Any], function: Callable[..., Any], args: tuple[Any, ...]
) -> None:
    """Run ``function`` and put its outcome into ``future``."""
    try:
        result = function(*args)
    except BaseException as exc:  # noqa: BLE001  it is raised again in the caller
        _fail(future, exc)
        return
    if not isawaitable(result):
        if not future.cancelled():
            future.set_result(result)
        return
    task = loop.create_task(_awaited(result))
    future.add_done_callback(lambda each: loop.call_soon_threadsafe(task.cancel) if each.cancelled() else None)
    task.add_done_callback(lambda each: _copy(each, future))


def _exception_of(context: dict[str, Any]) -> Exception:
    exc = context.get("exception")
    return exc if isinstance(exc, Exception) else RuntimeError(str(context.get("message")))


async def _awaited(awaitable: Awaitable[T]) -> T:
    return await awaitable


def _copy(task: asyncio.Task[T], future: Future[T]) -> None:
    if task.cancelled():
        _fail(future, StoppedError("the connection was stopped meanwhile"))
    elif exc := task.exception():
        _fail(future, exc)
    elif not future.cancelled():
        future.set_result(task.result())


def _fail(future: Future[Any], exc: BaseException) -> None:
    if not future.cancelled():
        future.set_exception(exc)
