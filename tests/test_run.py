"""``ks.run``: waits for a coroutine in scripts, cells, callbacks, sinks and coroutines."""

from __future__ import annotations

import asyncio
import contextvars
import importlib.util
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from typing import Any

import pytest

import kucoin_stream as ks
from kucoin_stream.errors import UsageError
from kucoin_stream.transport.loop import LoopThread

FORKS = ("nest_asyncio", "nest_asyncio2")

asked = contextvars.ContextVar("asked", default="nobody")


async def give(value: Any) -> Any:
    await asyncio.sleep(0)
    return value


async def fail(error: BaseException) -> None:
    await asyncio.sleep(0)
    raise error


# -- where no loop runs ------------------------------------------------------------------------------------------


def test_a_script() -> None:
    assert ks.run(give(1)) == 1
    assert ks.run(give(2)) == 2


@pytest.mark.parametrize("error", [ValueError("x"), KeyError("y"), SystemExit(3)])
def test_what_the_coroutine_raises_is_raised(error: BaseException) -> None:
    with pytest.raises(type(error)) as caught:
        ks.run(fail(error))
    assert caught.value is error


def test_a_thread() -> None:
    seen: list[int] = []
    thread = threading.Thread(target=lambda: seen.append(ks.run(give(3))))
    thread.start()
    thread.join(10)
    assert seen == [3]


def test_the_callers_context_is_there() -> None:
    async def ask() -> str:
        return asked.get()

    asked.set("the caller")
    assert ks.run(ask()) == "the caller"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [(give, r"write ks\.run\(give\(\)\), with \(\)"), (3, "takes a coroutine, not int"), (None, "not NoneType")],
)
def test_what_is_no_coroutine(wrong: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        ks.run(wrong)


def test_a_feed_and_a_live_frame_can_be_waited_for(client: ks.Client) -> None:
    assert ks.run(client.trades("BTC-USDT")).status == "live"
    assert ks.run(client.book("BTC-USDT")).mid > 0


# -- where a loop runs: in a process of its own, since the forks change asyncio ----------------------------------

PROLOGUE = """
    import asyncio, contextvars, sys, threading
    sys.modules.update(dict.fromkeys(%(blocked)r))  # importing these fails
    import kucoin_stream as ks

    async def give(value):
        await asyncio.sleep(0.001)
        return value
"""

NESTED = """
    asked = contextvars.ContextVar("asked", default="nobody")

    async def ask():
        return asked.get()

    async def inner():
        return ks.run(give("inner"))

    async def main():
        turns = []
        async def other():
            while True:
                turns.append(1)
                await asyncio.sleep(0)
        task = asyncio.create_task(other())
        asked.set("main")
        results = [ks.run(give(1)), ks.run(ask()), ks.run(inner()), await give(2)]
        task.cancel()
        assert turns  # the others of this loop went on
        assert asyncio.current_task() is not None
        try:
            ks.run(asyncio.wait_for(asyncio.Event().wait(), 0.01))
        except TimeoutError:
            results.append("timeout")
        return results

    assert not any(sys.modules.get(each) for each in ("nest_asyncio", "nest_asyncio2"))
    assert not hasattr(asyncio, "_nest_patched")
    assert ks.run(give(0)) == 0  # no loop runs: nothing is patched
    assert not hasattr(asyncio, "_nest_patched")
    assert asyncio.run(main()) == [1, "main", "inner", 2, "timeout"]
    assert %(fork)r in sys.modules and not any(sys.modules.get(each) for each in %(blocked)r)
    print("right")
"""

TURN = """
    async def main():
        loop, seen, ended = asyncio.get_running_loop(), [], asyncio.Event()
        def first():
            seen.append(ks.run(give("nested")))
            ended.set()
        loop.call_soon(first)
        for number in range(3):  # due in the same turn, and taken by the nested one
            loop.call_soon(seen.append, number)
        await ended.wait()
        return seen

    assert asyncio.run(main()) == [0, 1, 2, "nested"]
    print("right")
"""

OURS = """
    import _asyncio
    from kucoin_stream.transport.loop import PinnedEventLoop
    genuine = {name: vars(PinnedEventLoop)[name] for name in ("run_forever", "run_until_complete", "_run_once")}

    async def main():
        async with ks.Client("sim") as client:
            ks.run(give(1))
            book = ks.run(client.book("BTC-USDT"))
            async for top in book:
                break
            engine = client.engine
            kinds = engine.call(lambda: (type(asyncio.get_running_loop()), type(asyncio.current_task() or 0)))
            async def task():
                return type(asyncio.current_task())
            assert engine.call(task) is _asyncio.Task
            assert kinds[0] is PinnedEventLoop
            return book.mid > 0

    assert asyncio.run(main())
    assert asyncio.Task is not _asyncio.Task, "it patched nothing"
    assert {name: vars(PinnedEventLoop)[name] for name in genuine} == genuine
    print("right")
"""

SINK = """
    done = threading.Event()
    seen = []
    with ks.Client("sim") as client:
        feed, other = client.level2("BTC-USDT"), []

        def wait(message):
            if len(seen) < 3:
                seen.append(ks.run(give(message.symbol)))
            else:
                done.set()

        feed.sink(wait)
        feed.sink(other.append)
        assert done.wait(20)
        assert seen == ["BTC-USDT"] * 3
        assert len(other) >= 3 and feed.error_count == 0
    print("right")
"""


def run(program: str, fork: str = "nest_asyncio2") -> None:
    if importlib.util.find_spec(fork) is None:
        pytest.skip(f"{fork} is not installed")
    blocked = [each for each in FORKS if each > fork]
    filled = textwrap.dedent(PROLOGUE + program) % {"blocked": blocked, "fork": fork}
    done = subprocess.run(
        [sys.executable, "-W", "error::RuntimeWarning", "-c", filled],
        capture_output=True, text=True, timeout=90, check=False,
    )  # fmt: skip
    assert done.stderr == ""
    assert (done.stdout, done.returncode) == ("right\n", 0)


@pytest.mark.parametrize("fork", FORKS)
@pytest.mark.parametrize("program", [NESTED, TURN, OURS, SINK], ids=["a coroutine", "a turn", "our own loop", "a sink"])
def test_inside_of_a_loop(program: str, fork: str) -> None:
    run(program, fork)


def test_a_loop_that_somebody_else_made_re_entrant_is_taken_as_it_is() -> None:
    run(
        """
    import nest_asyncio
    sys.modules["nest_asyncio2"] = None

    async def main():
        nest_asyncio.apply()
        nest_asyncio.apply = None  # not called again
        return ks.run(give(1))

    assert asyncio.run(main()) == 1
    print("right")
    """
    )


@pytest.mark.skipif(importlib.util.find_spec("uvloop") is None, reason="uvloop is not installed")
def test_a_loop_that_cannot_be_made_re_entrant_says_what_to_do() -> None:
    run(
        """
    import uvloop

    async def main():
        try:
            ks.run(give(1))
        except ks.errors.UsageError as exc:
            assert "await asyncio.to_thread(ks.run, main())" in str(exc), exc
        assert not hasattr(asyncio, "_nest_patched")
        return await asyncio.to_thread(ks.run, give(2))

    assert uvloop.run(main()) == 2
    print("right")
    """
    )


@pytest.fixture
def thread() -> Iterator[LoopThread]:
    made = LoopThread("kucoin-stream-io-run")
    made.start()
    yield made
    made.stop()


def test_the_background_thread_refuses(thread: LoopThread) -> None:
    async def ask() -> None:
        ks.run(give(1))

    with pytest.raises(UsageError, match="await there"):
        thread.call(ask)


INTERRUPT = """
    import os, signal

    async def wait_for_ever():
        try:
            print("waiting", flush=True)
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            print("cleaned up", flush=True)

    def wait():
        try:
            ks.run(wait_for_ever())
        except KeyboardInterrupt:
            print("interrupted", flush=True)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler or %(nested)r

    async def main():
        handler = signal.getsignal(signal.SIGINT)
        signal.signal(signal.SIGINT, signal.default_int_handler)  # as in a kernel's cell
        wait()
        signal.signal(signal.SIGINT, handler)
        return await give("and on")

    print(asyncio.run(main()) if %(nested)r else "and on")  if %(nested)r else (wait(), print("and on"))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("nested", [False, True])
def test_an_interrupt_cancels_the_coroutine(nested: bool) -> None:
    program = textwrap.dedent(PROLOGUE + INTERRUPT) % {"blocked": [], "nested": nested}
    child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "waiting\n"
    os.kill(child.pid, signal.SIGINT)
    out, errors = child.communicate(timeout=30)
    assert (out, errors, child.returncode) == ("cleaned up\ninterrupted\nand on\n", "", 0)
