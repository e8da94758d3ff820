"""The render thread: one for the process, draws every changed view, at most ten times a second.

Theory of operation: ``tick(now)`` looks at all views and draws those that are due and have changed; it returns when to
call again. A thin shell, the thread, calls it. The thread starts with the first view and ends when none is left. Views
are held weakly; a view that is closed leaves, one that nobody can see is passed over.

Each view has a pace of its own. What its pictures cost decides how often it is drawn: alone it may take half of the
thread's time, in company a tenth at most, so that one slow painter does not hold up the others; the cheap ones of a
tick come first. A view that nobody has looked at for ``idle_after`` seconds (no cell executed, no message from the
browser) is drawn once in ``idle_interval``; where the screen ``pauses`` it is paused instead, until it is touched.
"""

from __future__ import annotations

import atexit
import logging
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import inf
from threading import Event, RLock, Thread, current_thread
from typing import Any, Protocol
from weakref import WeakKeyDictionary, WeakSet

from kucoin_stream.transport.latency import Samples
from kucoin_stream.widgets.drawing.html import clean

logger = logging.getLogger(__name__)

INTERVAL_S = 0.1  # ten pictures a second; design.md, law 2
IDLE_AFTER_S = 300.0
IDLE_INTERVAL_S = 5.0
ALONE = 0.5  # share of the thread's time; in company the views share this
IN_COMPANY = 0.1  # what one of several views may take of it
_TOLD = 20  # errors of one view in the log; messages may have numbers in them that change


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


@dataclass(slots=True)
class Pace:
    """How one view is drawn. Times are monotonic seconds."""

    touched: float
    due: float = 0.0
    last: float = inf  # what its latest picture took
    cost: float = 0.0  # the smaller of the latest two: one hiccup is forgiven
    period: float = 0.0
    pictures: int = 0
    errors: int = 0
    idle: bool = False
    paused: bool = False
    told: set[str] = field(default_factory=set)  # its errors that are in the log

    def spend(self, seconds: float) -> None:
        """Note what a picture took."""
        self.cost, self.last = min(self.last, seconds), seconds


class Screen:
    """Draws views. Safe from any thread; ``tick`` belongs to the render thread (or to a test)."""

    def __init__(
        self,
        interval: float = INTERVAL_S,
        idle_after: float = IDLE_AFTER_S,
        idle_interval: float = IDLE_INTERVAL_S,
        *,
        pauses: bool = False,
        threaded: bool = True,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """``interval``, ``idle_after`` and ``idle_interval`` are seconds; they and ``pauses`` may be changed later."""
        self.interval = interval
        self.idle_after = idle_after
        self.idle_interval = idle_interval
        self.pauses = pauses
        self._threaded = threaded
        self._monotonic = monotonic
        self.views: WeakSet[Any] = WeakSet()
        self._paces: WeakKeyDictionary[Any, Pace] = WeakKeyDictionary()
        # Guards the views and the thread, never held while drawing. A view that is collected closes itself, in
        # whichever thread makes garbage just then: it may hold the lock already.
        self._lock = RLock()
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

    def add(self, view: Drawable) -> None:
        """Draw ``view`` from now on; starts the thread if it is the first."""
        with self._lock:
            self.views.add(view)
            self._paces.setdefault(view, Pace(self._monotonic())).due = 0.0
            if self._threaded and self._thread is None:
                self._start()
        self.touch()

    def remove(self, view: Drawable) -> None:
        """Draw ``view`` no longer; the thread ends with the last one."""
        with self._lock:
            if view not in self.views:
                return
            self.views.discard(view)
            last = not self.views
        if last:
            self._wake.set()

    def touch(self, view: Drawable | None = None) -> None:
        """Say that somebody is there: a cell was executed, the browser sent a message, ``view`` alone is in sight."""
        now = self._monotonic()
        if view is None:
            self._touched = now
        elif (pace := self._paces.get(view)) is not None:
            pace.touched = now
        if self._period > self.interval:
            self._wake.set()

    def shown(self) -> list[Any]:
        """Return the views that are drawn; the set itself changes while other threads add and remove."""
        with self._lock:
            return list(self.views)

    def pace(self, view: Drawable) -> Pace | None:
        """Return how a view is drawn, and what that costs; ``None`` of one that was never added."""
        return self._paces.get(view)

    def tick(self, now: float) -> float:
        """Draw every view that is due and has changed; return the seconds until the next tick. ``now`` is monotonic."""
        begin = self._monotonic()
        paced = self._living()
        share = ALONE if len(paced) == 1 else min(IN_COMPANY, ALONE / max(1, len(paced)))
        for view, pace in paced:
            self._look(view, pace, now)
            if pace.due <= now and not pace.paused:
                self._draw(view, pace)
                pace.period = self._period_of(pace, share)
                pace.due = now + pace.period if pace.period > self.interval else now
        spent = self._last_duration = self._monotonic() - begin
        self._idle = now - self._touched > self.idle_after
        nothing = self.idle_interval if self._idle else self.interval
        rest = min((pace.due - now for _, pace in paced if not pace.paused), default=nothing)
        self._period = max(rest, self.interval)
        return max(0.0, self._period - spent)

    def statistics(self) -> dict[str, Any]:
        """Return counts since the start, the pace of the last tick, and that of each view; times are in seconds."""
        with self._lock:
            paces = [(view, self._paces[view]) for view in self.views]
        return {
            "views": len(paces),
            "pictures": self._pictures,
            "errors": self._errors,
            "last_duration_s": self._last_duration,
            "period_s": self._period,
            "idle": self._idle,
            "by_view": [
                {
                    "view": repr(view),
                    "pictures": pace.pictures,
                    "errors": pace.errors,
                    "cost_s": pace.cost,
                    "period_s": pace.period,
                    "idle": pace.idle,
                    "paused": pace.paused,
                }
                for view, pace in paces
            ],
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

    def _living(self) -> list[tuple[Drawable, Pace]]:
        """Return the views that are not closed, the cheapest first."""
        with self._lock:
            paced = [(view, self._paces[view]) for view in self.views]
            for view, _ in paced:
                if view.closed:
                    self.views.discard(view)
        return sorted(((view, pace) for view, pace in paced if not view.closed), key=lambda each: each[1].cost)

    def _period_of(self, pace: Pace, share: float) -> float:
        rest = self.idle_interval if pace.idle else self.interval
        return max(rest, min(pace.cost / share, max(self.idle_interval, pace.cost / ALONE)))

    def _look(self, view: Any, pace: Pace, now: float) -> None:
        """Find out whether anybody looks at a view; pause it, or go on with it at once."""
        idle = now - max(self._touched, pace.touched) > self.idle_after
        if idle != pace.idle:
            pace.idle, pace.due = idle, now
        paused = idle and self.pauses and hasattr(view, "rest")  # what cannot be paused is only drawn less often
        if paused != pace.paused:
            pace.paused = paused
            self._try(view, pace, lambda: view.rest(now - max(self._touched, pace.touched)) if paused else view.go_on())

    def _draw(self, view: Drawable, pace: Pace) -> None:
        self._try(view, pace, lambda: self._refresh(view, pace))

    def _refresh(self, view: Drawable, pace: Pace) -> None:
        if not (view.visible and view.changed):
            return
        begin = self._monotonic()
        try:
            view.refresh()
        finally:
            pace.spend(self._monotonic() - begin)
        self.drawn.add(pace.last)
        self._pictures += 1
        pace.pictures += 1

    def _try(self, view: Drawable, pace: Pace, action: Callable[[], None]) -> None:
        try:
            action()
        except Exception as exc:  # noqa: BLE001 - it is counted, logged, and shown where the picture would be
            self._errors += 1
            pace.errors += 1
            self._log(view, pace, exc)
            self._tell(view, exc)

    def _log(self, view: Drawable, pace: Pace, problem: Exception) -> None:
        """Say each error once, on one line: it is read below whichever cell runs at that moment."""
        message = clean(f"{type(problem).__name__}: {problem}")
        if message in pace.told or len(pace.told) >= _TOLD:
            return
        pace.told.add(message)
        logger.warning("%r could not be drawn: %s", view, message)
        logger.debug("where it was raised", exc_info=problem)

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


def pauses_when_idle(environment: Mapping[str, str]) -> bool:
    """Return whether views that nobody looks at are to be paused: on Binder, or as ``KUCOIN_STREAM_IDLE`` says."""
    binder = "BINDER_SERVICE_HOST" in environment or "BINDER_LAUNCH_HOST" in environment
    return environment.get("KUCOIN_STREAM_IDLE", "pause" if binder else "slow").lower() == "pause"


screen = Screen(pauses=pauses_when_idle(os.environ))
"""The screen of this process. Nothing runs until a view is added."""
