"""Carries orders to the collectors and reports back: the only part that talks to Dask, on a thread of its own.

It waits for no worker: what was asked is looked after in the next turn, and who does not answer for
:data:`PATIENCE` seconds is lost until he does.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from kucoin_stream.errors import KucoinStreamError, NotReadyError, StoppedError, printable
from kucoin_stream.shards.hub import Hub, Lost, Told
from kucoin_stream.shards.words import Order
from kucoin_stream.transport.engine import Engine

PATIENCE = 10.0
"""Seconds that a collector has for a report before its symbols go elsewhere."""

BEGINNING = 60.0
"""Seconds that a worker has until its first report: it imports, connects, and loads the symbols."""

GLANCE = 0.02
"""Seconds between two looks at what was asked."""

LOOKS_EVERY = 0.5
"""Seconds between two questions to the scheduler which workers there are."""

PARTING = 2.0
"""Seconds that collectors have to close their clients in the end."""

AGAIN = 5.0
"""Seconds until a worker whose collector failed is tried again."""

GONE = (OSError, RuntimeError, ValueError, TimeoutError)
"""What Dask raises where a worker, the scheduler or its client is gone."""

Make = Callable[[str], Any]
"""Submits a collector to a worker, and returns the future of the actor."""

log = logging.getLogger("kucoin_stream")


class Link:
    """One worker: its actor, and the report that is due from it. Lives on the shell's thread; ``actor`` is for any."""

    def __init__(self, worker: str, future: Any, every: float) -> None:
        self.worker = worker
        self.actor: Any = None
        self._every = every
        self._future = future
        self._due: Any = None
        self._since = time.monotonic()  # of what is waited for
        self._patience = BEGINNING
        self._lost = False

    def __repr__(self) -> str:
        return f"<Link to {self.worker}>"

    @property
    def idle(self) -> bool:
        """Whether it is time for an order."""
        pause = AGAIN if self._lost else self._every
        return self.actor is not None and self._due is None and time.monotonic() - self._since >= pause

    @property
    def broken(self) -> bool:
        """Whether there is no actor any more, and it is time for another."""
        return self._future.status in ("error", "lost", "cancelled") and time.monotonic() - self._since > AGAIN

    def order(self, order: Order) -> None:
        """Ask for a report."""
        self._since = time.monotonic()
        self._due = self.actor.report(order)

    def look(self) -> Told | None:
        """Return the report, if it has come. Raises what it or the making of the actor raised.

        :class:`NotReadyError` where one of them takes too long: once.
        """
        seconds = time.monotonic() - self._since
        if self._due is not None and self._due.done():
            due, self._due = self._due, None
            report = due.result()
            self._patience, self._lost = PATIENCE, False
            return Told(self.worker, report, seconds)
        if self.actor is None and self._future.status == "finished":
            self.actor = self._future.result()
        elif self.actor is None and self._future.status == "error" and not self._lost:
            self._future.result()
        elif seconds > self._patience and not self._lost and (self.actor is None or self._due is not None):
            raise NotReadyError(f"no answer for {self._patience:g} s")
        return None

    def lose(self) -> None:
        """Expect nothing of it for a while."""
        self._lost = True
        if self._due is None:
            self._since = time.monotonic()

    def release(self) -> None:
        """Let go of the actor."""
        with suppress(*GONE):
            self._future.release()


class Shell:
    """The thread. ``dask`` is a synchronous client; ``every``: seconds between two orders to a worker."""

    def __init__(self, dask: Any, engine: Engine, hub: Hub, make: Make, every: float) -> None:
        self._dask, self._engine, self._hub, self._make = dask, engine, hub, make
        self._every = every
        self._links: dict[str, Link] = {}
        self._workers: set[str] = set()
        self._met = float("-inf")
        self._failing = False
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kucoin-stream-shards", daemon=True)

    def __repr__(self) -> str:
        return f"<Shell of {len(self._links)} workers, every {self._every:g} s>"

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def end(self) -> None:
        """Have the thread and the collectors end, without waiting. Safe from any thread."""
        self._over.set()

    def stop(self) -> None:
        """End the thread and the collectors. Safe from any thread but its own."""
        self.end()
        self._thread.join(2 * PARTING)

    def ask(self, worker: str, method: str, *args: Any, timeout: float) -> Any:
        """Return what a method of a worker's collector does; raises what it raises. Safe from any thread.

        :class:`NotReadyError` where the worker does not answer within ``timeout`` seconds, or is lost.
        """
        link = self._links.get(worker)
        if link is None or link.actor is None:
            raise NotReadyError(f"worker {worker} has no collector yet")
        try:
            return getattr(link.actor, method)(*args).result(timeout)
        except KucoinStreamError:  # of the collector; some are ValueErrors too
            raise
        except TimeoutError:
            raise NotReadyError(f"worker {worker} did not answer within {timeout:g} s") from None
        except GONE as exc:
            raise NotReadyError(f"worker {worker} is lost: {printable(exc)}") from None

    # -- its thread ----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        with suppress(StoppedError):  # the client ended
            while not self._over.is_set():
                self._turn()
                self._over.wait(GLANCE)
        self._part()

    def _turn(self) -> None:
        met = self._meet()
        news = [each for link in self._links.values() if (each := self._news(link)) is not None]
        idle = [worker for worker, link in self._links.items() if link.idle]
        if not (met or news or idle):
            return
        orders = self._engine.call(self._hub.turn, self._workers, news, idle, timeout=None)
        for worker, order in orders.items():
            with suppress(*GONE):  # the next look tells
                self._links[worker].order(order)

    def _meet(self) -> bool:
        """Ask which workers there are, if it is time to; one without a collector gets one."""
        if time.monotonic() - self._met < LOOKS_EVERY:
            return False
        self._met = time.monotonic()
        try:
            self._workers = set(self._dask.nthreads())
            for worker in self._workers - self._links.keys():
                self._links[worker] = Link(worker, self._make(worker), self._every)
            self._failing = False
        except GONE as exc:
            if not self._failing:
                log.warning("the Dask cluster cannot be asked: %s", printable(exc))
            self._failing, self._workers = True, set()
        for worker, link in list(self._links.items()):
            if worker not in self._workers or link.broken:
                self._links.pop(worker).release()
        return True

    def _news(self, link: Link) -> Told | Lost | None:
        try:
            return link.look()
        except Exception as exc:  # noqa: BLE001  whatever a worker raised, it is that worker's loss
            self._met = float("-inf")  # perhaps it is gone
            link.lose()
            return Lost(link.worker, printable(f"{type(exc).__name__}: {exc}"))

    def _part(self) -> None:
        """End the collectors; those that do not answer end by themselves, since nobody asks them any more."""
        links = [link for link in self._links.values() if link.actor is not None]
        with suppress(*GONE):
            ends = [link.actor.close() for link in links]
            deadline = time.monotonic() + PARTING
            for end in ends:
                end.result(max(0.01, deadline - time.monotonic()))
        for link in self._links.values():
            link.release()
