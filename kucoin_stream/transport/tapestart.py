"""Begins a tape by itself, once everything that is wanted of it was subscribed."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable

QUIET = 0.5  # seconds without a new subscription after which the tape begins


class Starter:
    """Calls ``begin`` :data:`QUIET` seconds after the last :meth:`soon`, unless there was a :meth:`hold`.

    Lives on the loop thread, whose time stands still until the tape begins: hence a timer of its own.
    """

    def __init__(self, begin: Callable[[], None]) -> None:
        self.held = False
        self._begin = begin
        self._timer: threading.Timer | None = None

    def __repr__(self) -> str:
        return f"<Starter {'held' if self.held else 'waiting'}>"

    def soon(self) -> None:
        """Begin once there is no other call of this for a while."""
        if self.held:
            return
        self._cancel()
        self._timer = threading.Timer(QUIET, self._knock, (asyncio.get_running_loop(),))
        self._timer.daemon = True
        self._timer.start()

    def hold(self) -> None:
        """Do not begin any more: it is in the user's hand."""
        self.held = True
        self._cancel()

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _knock(self, loop: asyncio.AbstractEventLoop) -> None:
        with contextlib.suppress(RuntimeError):  # the loop was closed just now
            loop.call_soon_threadsafe(self._answer)

    def _answer(self) -> None:
        if not self.held:
            self._begin()
