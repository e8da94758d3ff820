"""The render thread: one for the process, draws every changed view, at most ten times a second.

Theory of operation: ``tick(now)`` looks at all views and draws those whose subject has changed; it returns when to call
again. A thin shell, the thread, calls it. The thread starts with the first view and ends when none is left. Views are
held weakly; a view that is closed leaves, one that nobody can see is passed over. When drawing takes more than half of
the period, the period grows to twice the drawing. Without a cell executed for ``idle_after`` seconds it grows to
``idle_interval``.
"""

from __future__ import annotations

import atexit
import logging
import time
from collections.abc import Callable
from threading import Event, Lock, Thread, current_thread
from typing import Any, Protocol
from weakref import WeakSet

from kucoin_stream.transport.latency import Samples

logger = logging.getLogger(__name__)

INTERVAL_S = 0.1  # ten pictures a second; design.md, law 2
IDLE_AFTER_S = 300.0
IDLE_INTERVAL_S = 5.0


class Drawable(Protocol):
    """What the screen asks of a view."""

    @property
    def closed(self) -> bool:
        """It will never be drawn again."""

    @property
    def visible(self) -> bool:
        """Somebody may be looking at it."""

    @property
    def changed(self) -> bool:
        """Its subject has something new to draw."""

    def refresh(self) -> None:
        """Draw it now; may raise."""

    def show_problem(self, problem: Exception) -> None:
        """Show, once, why it could not be drawn."""


class Screen:
    """Draws views. Safe from any thread; ``tick`` belongs to the render thread (or to a test)."""

    def __init__(
        self,
        interval: float = INTERVAL_S,
        idle_after: float = IDLE_AFTER_S,
        idle_interval: float = IDLE_INTERVAL_S,
        *,
        threaded: bool = True,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """``interval``, ``idle_after`` and ``idle_interval`` are seconds; the first two may be changed later."""
        self.interval = interval
        self.idle_after = idle_after
        self.idle_interval = idle_interval
        self._threaded = threaded
        self._monotonic = monotonic
        self.views: WeakSet[Any] = WeakSet()
        self._lock = Lock()  # guards the set and the thread, never held while drawing
        self._wake = Event()
        self._thread: Thread | None = None
        self._ending = False
        self._touched = monotonic()
        self._idle = False
        self._period = interval
        self._pictures = 0
        self._errors = 0
        self._last_duration = 0.0
        self.drawn = Samples()  # how long each picture took
        self._failing: WeakSet[Any] = WeakSet()

    def add(self, view: Drawable) -> None:
        """Draw ``view`` from now on; starts the thread if it is the first."""
        with self._lock:
            self.views.add(view)
            if self._threaded and self._thread is None:
                self._start()
        self.touch()

    def remove(self, view: Drawable) -> None:
        """Draw ``view`` no longer; the thread ends with the last one."""
        with self._lock:
            self.views.discard(view)
            empty = not self.views
        if empty:
            self._wake.set()

    def touch(self) -> None:
        """Say that the user is there: a cell was executed, the browser sent a message."""
        self._touched = self._monotonic()
        if self._idle:
            self._idle = False
            self._wake.set()

    def tick(self, now: float) -> float:
        """Draw every changed view; return the seconds until the next tick. ``now`` is monotonic."""
        begin = self._monotonic()
        for view in self._living():
            self._draw(view)
        spent = self._last_duration = self._monotonic() - begin
        self._idle = now - self._touched > self.idle_after
        rest = max(self.interval, self.idle_interval if self._idle else 0.0)
        self._period = max(rest, min(2 * spent, self.idle_interval))
        return max(0.0, self._period - spent)

    def statistics(self) -> dict[str, float | int | bool]:
        """Return counts since the start, and the pace of the last tick in seconds."""
        return {
            "views": len(self.views),
            "pictures": self._pictures,
            "errors": self._errors,
            "last_duration_s": self._last_duration,
            "period_s": self._period,
            "idle": self._idle,
        }

    def close(self) -> None:
        """End the thread now, and draw nothing more until a view is added."""
        with self._lock:
            thread, self._ending = self._thread, True
        self._wake.set()
        if thread is not None and thread is not current_thread():
            thread.join(timeout=1.0)

    def __repr__(self) -> str:
        return f"<Screen {len(self.views)} views | {self._pictures} pictures, {self._errors} errors>"

    def _living(self) -> list[Drawable]:
        with self._lock:
            views = list(self.views)
            for view in views:
                if view.closed:
                    self.views.discard(view)
        return [view for view in views if not view.closed]

    def _draw(self, view: Drawable) -> None:
        try:
            if view.visible and view.changed:
                begin = self._monotonic()
                view.refresh()
                self.drawn.add(self._monotonic() - begin)
                self._pictures += 1
                self._failing.discard(view)
        except Exception as exc:
            self._errors += 1
            if view not in self._failing:
                self._failing.add(view)
                logger.warning("a picture could not be drawn: %r", view, exc_info=exc)
            self._tell(view, exc)

    def _tell(self, view: Drawable, problem: Exception) -> None:
        try:
            view.show_problem(problem)
        except Exception as exc:
            logger.debug("nor could its error be shown", exc_info=exc)

    def _start(self) -> None:
        self._ending = False
        self._thread = Thread(target=self._run, name="kucoin-stream-render", daemon=True)
        self._thread.start()
        atexit.unregister(self.close)
        atexit.register(self.close)

    def _run(self) -> None:
        while True:
            wait = self.tick(self._monotonic())
            with self._lock:
                if self._ending or not self.views:
                    self._thread = None
                    return
            self._wake.wait(wait)
            self._wake.clear()


screen = Screen()
"""The screen of this process. Nothing runs until a view is added."""
