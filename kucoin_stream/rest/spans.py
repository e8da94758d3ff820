"""Arithmetic of time: what of a span is there, and what is missing. Pure; Unix seconds, begins within, ends without."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

_DAY = 86_400  # seconds


class Span(NamedTuple):
    """From ``begin`` up to ``end``, which is not in it."""

    begin: int
    end: int

    def within(self, other: Span) -> Span:
        """Return what both have in common; it is empty, its end not after its begin, where that is nothing."""
        return Span(max(self.begin, other.begin), min(self.end, other.end))


def joined(spans: Iterable[Span]) -> list[Span]:
    """Return the same time as few spans, in order: those that meet or overlap are one."""
    found: list[Span] = []
    for span in sorted(spans):
        if span.end <= span.begin:
            continue
        if found and span.begin <= found[-1].end:
            found[-1] = Span(found[-1].begin, max(found[-1].end, span.end))
        else:
            found.append(span)
    return found


def holes(wanted: Span, there: Iterable[Span]) -> list[Span]:
    """Return what of ``wanted`` is in none of ``there``, in order."""
    found: list[Span] = []
    begin = wanted.begin
    for span in joined(there):
        if span.begin > begin:
            found.append(Span(begin, span.begin).within(wanted))
        begin = max(begin, span.end)
    found.append(Span(begin, wanted.end))
    return [span for span in found if span.end > span.begin]


class Period(NamedTuple):
    """A calendar month or year, in UTC: ``name`` is ``2026-01`` or ``2026``."""

    name: str
    span: Span


def periods(span: Span, step: int) -> Iterator[Period]:
    """Yield the periods that a span touches: months, or years where ``step``, the length of a bar in s, is a day."""
    moment = datetime.fromtimestamp(span.begin, UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    if step >= _DAY:
        moment = moment.replace(month=1)
    while (begin := int(moment.timestamp())) < span.end:
        if step >= _DAY:
            following, name = moment.replace(year=moment.year + 1), f"{moment:%Y}"
        else:
            year, month = divmod(12 * moment.year + moment.month, 12)
            following, name = moment.replace(year=year, month=month + 1), f"{moment:%Y-%m}"
        yield Period(name, Span(begin, int(following.timestamp())))
        moment = following
