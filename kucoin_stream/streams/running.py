"""Whose graph runs in this thread, and what follows from it.

``emit()`` inside a graph must not wait for the loop it runs on. streamz logs a traceback for every message a node
raises on, where the branch says it once. The child of a fork inside a user's function ends where that function returns:
it would read what is meant for its parent.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
from typing import Protocol

from streamz.core import _io_loops as streamz_loops
from streamz.core import thread_state

from kucoin_stream.errors import harmless


class Runner(Protocol):
    """A branch."""

    def leave(self) -> None:
        """Hand on no more."""


class _Here(threading.local):
    runner: Runner | None = None  # whose graph runs
    forked = False


_here = _Here()


def enter(runner: Runner) -> tuple[bool, Runner | None]:
    """Say that a graph of ``runner`` runs from here on; return what :func:`leave` needs."""
    before = getattr(thread_state, "asynchronous", False), _here.runner
    thread_state.asynchronous, _here.runner = True, runner
    return before


def leave(before: tuple[bool, Runner | None]) -> None:
    """Say that it does no more."""
    if _here.forked:
        end_child(None)
    thread_state.asynchronous, _here.runner = before


def end_child(exc: BaseException | None) -> None:
    """In the child of a fork inside a user's function: end it as that function ended."""
    if _here.forked:
        code = 0 if exc is None else getattr(exc, "code", 1)
        os._exit(code if isinstance(code, int) else int(code is not None))


def tell(text: str) -> None:
    """Write to the standard error of this context's cell, if there is one at all."""
    with contextlib.suppress(AttributeError, OSError, ValueError):  # none, or a closed one
        sys.stderr.write(harmless(text))


def _after_fork() -> None:
    """In the child no thread runs streamz's loop: sources made there get one of their own."""
    streamz_loops.clear()
    runner = _here.runner
    _here.forked = runner is not None
    if runner is not None:
        runner.leave()  # what waits is for the parent


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class _Quiet(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:  # noqa: ARG002
        """Pass what does not come from a graph of ours."""
        return _here.runner is None


logging.getLogger("streamz.core").addFilter(_Quiet())
