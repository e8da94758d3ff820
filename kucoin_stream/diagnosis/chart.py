"""The checks of one diagnosis: each has its time, and becomes a row whatever happens in it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Iterable
from typing import Generic, NamedTuple, TypeVar
from urllib.parse import quote

from kucoin_stream.diagnosis.report import Result, Row
from kucoin_stream.diagnosis.troubles import trouble

SLOW = 1.0  # seconds that a step may take before it is worth a warning

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Found(NamedTuple, Generic[T_co]):
    """What a check came to. ``value`` is for the checks that build on it; ``None``: they make no sense.

    ``seconds``: what it took, where that is not the time of the whole check.
    """

    value: T_co
    detail: str
    result: Result = "ok"
    next: str = ""
    seconds: float | None = None


class Section:
    """Checks that belong together, in the order in which they began."""

    def __init__(self, deadline: float) -> None:
        self._deadline = deadline
        self._rows: list[Row] = []

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows as they are now."""
        return tuple(self._rows)

    def extend(self, rows: Iterable[Row]) -> None:
        """Add rows."""
        self._rows.extend(rows)

    def note(self, what: str, found: Found[object]) -> None:
        """Add a row that took no time."""
        self._rows.append(Row(what, found.result, found.detail, found.next))

    def doubt(self, what: str, why: str, next: str) -> None:  # noqa: A002  as in a row
        """Make a row that is ok one of doubt, for what was found out later."""
        for slot, row in enumerate(self._rows):
            if row.what == what and row.result == "ok":
                self._rows[slot] = Row(what, "warn", f"{row.detail}: {why}", next)

    async def check(
        self, what: str, seconds: float, work: Awaitable[Found[T]], *, timed: bool = True, worst: Result = "bad"
    ) -> T | None:
        """Add the row of ``work``, which is given that many seconds; return its value, ``None`` where it failed.

        ``timed``: whether the row tells the time it took. ``worst``: what a failure counts as.
        """
        slot = len(self._rows)
        self._rows.append(Row(what, worst, "did not end in time"))
        began = time.monotonic()
        try:
            async with asyncio.timeout(min(seconds, self._deadline - began)):
                found = await work
        except Exception as exc:  # noqa: BLE001  a check that fails is a row, never an exception
            told = trouble(exc)
            after = f", given up after {time.monotonic() - began:.1f} s" if isinstance(exc, TimeoutError) else ""
            self._rows[slot] = Row(what, worst, told.detail + after, told.next)
            return None
        self._rows[slot] = _row(what, found, time.monotonic() - began if timed else None)
        return found.value


def _row(what: str, found: Found[T], took: float | None) -> Row:
    if took is None:
        return Row(what, found.result, found.detail, found.next)
    took = took if found.seconds is None else found.seconds
    slow = found.result == "ok" and took > SLOW
    return Row(
        what,
        "warn" if slow else found.result,
        f"{found.detail}, {1000 * took:.0f} ms",
        "works, and slowly" if slow else found.next,
    )


class Chart:
    """All rows under three headings, in order: of this machine, of hosts, of services.

    ``secrets`` are taken out of every text, whatever brought them there. Lives on one loop.
    """

    def __init__(self, seconds: float) -> None:
        self.secrets: set[str] = set()
        self._deadline = time.monotonic() + seconds
        self.here = Section(self._deadline)
        self._hosts: list[Section] = []
        self._services: list[Section] = []

    def host(self) -> Section:
        """Return a new section among those of hosts."""
        self._hosts.append(Section(self._deadline))
        return self._hosts[-1]

    def service(self) -> Section:
        """Return a new section among those of services."""
        self._services.append(Section(self._deadline))
        return self._services[-1]

    def rows(self) -> tuple[Row, ...]:
        """Return the rows as they are now, without secrets."""
        sections = [self.here, *self._hosts, *self._services]
        return tuple(self._clean(row) for section in sections for row in section.rows)

    def _clean(self, row: Row) -> Row:
        return Row(*(hidden(text, self.secrets) for text in (row.what, row.result, row.detail, row.next)))  # type: ignore[arg-type]


def hidden(text: str, secrets: Iterable[str]) -> str:
    """Return a text without secrets, as they are and as they stand in an address; the longest first."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "***").replace(quote(secret, safe=""), "***")
    return text
