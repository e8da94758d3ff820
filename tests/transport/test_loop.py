"""The two doors into the background thread, and what patches of other loops do to it: nothing."""

from __future__ import annotations

import asyncio
import importlib.util
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future

import pytest

from kucoin_stream.errors import KucoinStreamError, LocalProtocolError, NotReadyError, StoppedError
from kucoin_stream.transport.loop import LoopThread, PinnedEventLoop


@pytest.fixture
def thread() -> Iterator[LoopThread]:
    made = LoopThread("kucoin-stream-io-test")
    made.start()
    yield made
    made.stop()
    assert not made.running
    assert "kucoin-stream-io-test" not in {each.name for each in threading.enumerate()}


async def give(value: object) -> object:
    await asyncio.sleep(0)
    return value


async def fail(error: BaseException) -> None:
    await asyncio.sleep(0)
    raise error


def throw(error: BaseException) -> None:
    raise error


# -- call --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "arguments", "result"), [(max, (1, 2), 2), (give, (3,), 3), (lambda: None, (), None)]
)
def test_call_returns_what_the_function_returns(thread, function, arguments, result):
    assert thread.call(function, *arguments) == result


def test_call_runs_on_the_loop_thread(thread):
    assert thread.call(threading.current_thread).name == "kucoin-stream-io-test"
    assert type(thread.call(asyncio.get_running_loop)) is PinnedEventLoop


@pytest.mark.parametrize("function", [throw, fail])
@pytest.mark.parametrize("error", [ValueError("x"), KucoinStreamError("y"), TimeoutError("its own"), KeyError("z")])
def test_call_raises_what_the_function_raises(thread, function, error):
    with pytest.raises(type(error)) as caught:
        thread.call(function, error)
    assert caught.value is error
    assert thread.call(give, 1) == 1


def test_call_cancelled_from_inside(thread):
    with pytest.raises(StoppedError):
        thread.call(fail, asyncio.CancelledError())


def test_a_call_that_takes_too_long_is_cancelled(thread):
    cancelled = threading.Event()

    async def wait_for_ever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    with pytest.raises(NotReadyError, match=r"within 0\.01 s"):
        thread.call(wait_for_ever, timeout=0.01)
    assert cancelled.wait(5)


def test_call_on_the_loop_thread_raises_at_once(thread):
    with pytest.raises(LocalProtocolError, match="would wait for itself"):
        thread.call(lambda: thread.call(give, 1))


def test_calls_from_many_threads(thread):
    results = []

    def ask(number: int) -> None:
        results.extend(thread.call(give, number * 100 + each) for each in range(50))

    askers = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert sorted(results) == sorted(number * 100 + each for number in range(8) for each in range(50))


# -- post --------------------------------------------------------------------------------------------------------


def test_posts_run_in_order_and_before_a_later_call(thread):
    seen: list[int] = []
    for number in range(100):
        thread.post(seen.append, number)
    assert thread.call(lambda: list(seen)) == list(range(100))


def test_post_does_not_wait(thread):
    gate = threading.Event()
    thread.post(gate.wait, 5)
    before = time.monotonic()
    for _ in range(1000):
        thread.post(int)
    assert time.monotonic() - before < 2
    gate.set()


def test_post_passes_keywords(thread):
    seen: list[dict[str, int]] = []
    thread.post(lambda **options: seen.append(options), depth=3)
    assert thread.call(lambda: list(seen)) == [{"depth": 3}]


def test_a_posted_function_that_raises_harms_nobody(thread):
    reported = threading.Event()
    thread.call(lambda: asyncio.get_running_loop().set_exception_handler(lambda *_: reported.set()))
    thread.post(throw, ValueError("x"))
    assert reported.wait(5)
    assert thread.call(give, 1) == 1


# -- the end -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("started", [True, False])
def test_after_the_end(started):
    thread = LoopThread("kucoin-stream-io-test")
    if started:
        thread.start()
        assert thread.running
        thread.stop()
    thread.stop()
    assert not thread.running
    thread.post(throw, ValueError("nobody runs this"))
    with pytest.raises(StoppedError, match=r"ks\.connect\(\)"):
        thread.call(give, 1)


def test_a_call_that_waits_hears_of_the_end():
    thread = LoopThread("kucoin-stream-io-test")
    thread.start()
    waiting = threading.Event()
    heard: list[BaseException] = []

    async def wait_for_ever() -> None:
        waiting.set()
        await asyncio.Event().wait()

    def ask() -> None:
        try:
            thread.call(wait_for_ever, timeout=30)
        except BaseException as exc:
            heard.append(exc)

    asker = threading.Thread(target=ask)
    asker.start()
    assert waiting.wait(5)
    thread.stop()
    asker.join(5)
    assert [type(each) for each in heard] == [StoppedError]


def test_stop_from_the_loop_thread_does_not_wait_for_itself():
    thread = LoopThread("kucoin-stream-io-test")
    thread.start()
    ended = next(each for each in threading.enumerate() if each.name == "kucoin-stream-io-test")
    thread.post(thread.stop)
    ended.join(5)
    assert not ended.is_alive()


def test_a_thread_can_be_started_again():
    thread = LoopThread("kucoin-stream-io-test")
    for number in (1, 2):
        thread.start()
        assert thread.call(give, number) == number
        thread.stop()


# -- patches of other loops ----------------------------------------------------------------------------------------

PINNED = ("run_forever", "run_until_complete", "_run_once")
PROGRAM = """
    import asyncio, _asyncio, sys
    genuine = {name: getattr(asyncio.BaseEventLoop, name) for name in %(pinned)r}
    before, fork = sys.argv[1] == "before", __import__(sys.argv[2])

    def patch():
        loop = asyncio.new_event_loop()
        fork.apply(loop)
        assert type(loop).run_until_complete is not genuine["run_until_complete"], "it patched nothing"
        assert asyncio.Task is not _asyncio.Task, "it patched nothing"
        loop.close()

    if before:
        patch()
    from kucoin_stream.transport.loop import LoopThread, PinnedEventLoop
    thread = LoopThread("io")
    thread.start()
    assert thread.call(asyncio.sleep, 0, 1) == 1
    if not before:
        patch()

    async def state():
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        child = loop.create_task(asyncio.sleep(0, "slept"))
        several = await asyncio.gather(child, asyncio.sleep(0, 2))
        try:
            async with asyncio.timeout(0.01):
                await asyncio.Event().wait()
        except TimeoutError:
            several.append("timeout")
        return type(loop), type(task), type(child), several

    loop, task, child, several = thread.call(state)
    assert loop is PinnedEventLoop
    assert task is child is _asyncio.Task, (task, child)
    assert several == ["slept", 2, "timeout"]
    for name, method in genuine.items():
        assert getattr(PinnedEventLoop, name) is method, name

    # and plain cells may wait inside a running loop, as they applied it for
    async def nested():
        return asyncio.get_running_loop().run_until_complete(asyncio.sleep(0, "nested"))
    assert asyncio.run(nested()) == "nested"
    assert thread.call(asyncio.sleep, 0, 3) == 3
    thread.stop()
    assert not thread.running
    print("unchanged")
"""


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("fork", ["nest_asyncio", "nest_asyncio2"])
def test_nested_loops_of_others_do_not_reach_ours(fork, when):
    if importlib.util.find_spec(fork) is None:
        pytest.skip(f"{fork} is not installed")
    program = textwrap.dedent(PROGRAM % {"pinned": PINNED})
    done = subprocess.run(
        [sys.executable, "-W", "error::RuntimeWarning", "-c", program, when, fork],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.stdout, done.stderr, done.returncode) == ("unchanged\n", "", 0)


def test_the_loop_thread_gives_way_to_callers_and_now_and_then_in_a_flood(monkeypatch: pytest.MonkeyPatch) -> None:
    breaths: list[float] = []
    thread = LoopThread("breathing")
    monkeypatch.setattr("kucoin_stream.transport.loop.time.sleep", breaths.append)
    for _ in range(5):
        thread.breathe(1)
    assert not breaths  # nobody waits, and little comes
    thread.breathe(100)
    thread.breathe(100)
    assert len(breaths) == 1  # the second comes too soon
    thread._callers.add(Future())
    thread.breathe(1)
    assert len(breaths) == 2
