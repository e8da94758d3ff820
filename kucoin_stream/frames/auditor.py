"""Audits a kept book at once, and again and again for those who want it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from kucoin_stream.errors import printable
from kucoin_stream.frames.audit import Audit, Audited, compare

log = logging.getLogger("kucoin_stream")


class Auditor:
    """Audits the book of ``keeper``; ``wrong`` hears of each audit by :meth:`every` that found a difference.

    ``last`` may be read from any thread: the last audit, failed ones of :meth:`every` among them. Lives on the loop
    thread.
    """

    def __init__(self, keeper: Audited, wrong: Callable[[Audit], None]) -> None:
        self.last: Audit | None = None
        self._keeper = keeper
        self._wrong = wrong
        self._wanted: dict[object, float] = {}  # seconds, by who wants it
        self._task: asyncio.Task[None] | None = None
        self._failing = False
        self._closed = False

    def __repr__(self) -> str:
        return f"<Auditor of {self._keeper.symbol}, every {self._period} s>"

    async def now(self) -> Audit:
        """Compare the book with a snapshot of the exchange; raises as :func:`compare`."""
        self.last = found = await compare(self._keeper)
        self._failing = False
        return found

    def every(self, who: object, seconds: float | None) -> None:
        """Audit every so many ``seconds`` for ``who``, ``None``: no more. The shortest that is wanted counts."""
        before = self._period
        if seconds is None or self._closed:
            self._wanted.pop(who, None)
        else:
            self._wanted[who] = seconds
        if self._period != before:
            self._restart()

    def close(self) -> None:
        """Audit no more."""
        self._closed = True
        self._wanted.clear()
        self._restart()

    @property
    def _period(self) -> float | None:
        return min(self._wanted.values(), default=None)

    def _restart(self) -> None:
        if self._task is not None:
            self._task.cancel()
        period = self._period
        self._task = None if period is None else asyncio.get_running_loop().create_task(self._for_ever(period))

    async def _for_ever(self, period: float) -> None:
        while True:
            await asyncio.sleep(period)
            try:
                found = await self.now()
                if found.wrong:
                    self._wrong(found)
            except Exception as exc:  # noqa: BLE001  whatever it was, the next audit may be none the worse
                self._failed(printable(f"{type(exc).__name__}: {exc}"))

    def _failed(self, why: str) -> None:
        self.last = Audit(self._keeper.symbol, 0, 0, failed=why)
        if not self._failing:
            log.warning("book of %s: it cannot be audited: %s", self._keeper.symbol, why)
        self._failing = True
