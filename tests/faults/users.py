"""Faults of users' own code."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from kucoin_stream.errors import StoppedError
from kucoin_stream.protocol.events import Gap
from tests.faults.stage import Stage
from tests.faults.truth import LEVEL2, SPOT


@contextmanager
def callback(stage: Stage, what: Callable[[Any], None], times: int = 1) -> Iterator[list[Any]]:
    """Do ``what`` with the first messages of a feed of its own."""
    done: list[Any] = []

    def bad(message: Any) -> None:
        if len(done) < times:
            done.append(message)
            what(message)

    feed = stage.client.trades(SPOT)
    feed.sink(bad)
    stage.until(lambda: len(done) == times, "called")
    yield done
    feed.stop()


def raises(stage: Stage) -> None:
    def what(message: Any) -> None:
        raise ValueError("a mistake of the user's")

    with callback(stage, what, times=3):
        stage.wait(0.3)


def exits(stage: Stage) -> None:
    def what(message: Any) -> None:
        raise SystemExit(3)

    with callback(stage, what):
        stage.wait(0.3)


def blocks(seconds: float) -> Callable[[Stage], None]:
    def bring(stage: Stage) -> None:
        with callback(stage, lambda _: time.sleep(seconds)):
            stage.wait(seconds - 1.5)
            stage.until_live()  # the books go on all the while

    return bring


def deadlocks(stage: Stage) -> None:
    """A callback waits for a lock that a cell holds, and the cell waits for the callback."""
    lock = threading.Lock()

    def what(message: Any) -> None:
        with lock:
            pass

    with lock, callback(stage, what):
        stage.wait(1.0)
        stage.until_live()


def forks(stage: Stage) -> None:
    """A callback forks; in the child the client says that it is over, in the parent all goes on."""
    ends: list[int] = []

    def what(message: Any) -> None:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                stage.client.engine  # noqa: B018
            except StoppedError:
                code = 0
            finally:
                os._exit(code)
        ends.append(os.waitpid(child, 0)[1])

    with callback(stage, what):
        stage.until(lambda: ends, "the child ended")
        assert ends == [0], "in the child the client was not over"


def slices(stage: Stage) -> None:
    """A graph ends itself in the midst of a message."""
    seen: list[Any] = []
    feed = stage.client.trades(SPOT)
    feed.slice(0, 3).sink(seen.append)
    stage.until(lambda: len(seen) == 3, "three came")
    stage.wait(0.3)
    assert len(seen) == 3
    feed.stop()


def slow_reader(stage: Stage) -> None:
    """A reader that lags behind is told where it got nothing; the books go on."""
    gate = threading.Event()
    with callback(stage, lambda _: gate.wait(20)):
        stage.until(lambda: stage.advance(1.0) or stage.shown.feeds[LEVEL2[SPOT]].dropped, "its inbox is full")
        gate.set()
        seen = stage.shown.seen[LEVEL2[SPOT]]
        stage.until(lambda: any(isinstance(each, Gap) for each in seen.copy()), "told")
