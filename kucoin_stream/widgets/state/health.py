"""What a client's statistics tell in words: facts, measures, and what is wrong now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kucoin_stream.widgets.drawing import html
from kucoin_stream.widgets.drawing.picture import finite

FULL = 0.5  # share of an inbox from which on it is worth a warning
LATE_MS = 250.0
CLOCK_MS = 1000.0
WELL = ("open", "closed")


def whole(value: Any) -> str:
    """Return a count with thousands separators, or a dash."""
    number = finite(value)
    return "–" if number is None else f"{number:,.0f}"


def rate(value: Any) -> str:
    """Return a number per second: with a decimal where it is small."""
    number = finite(value)
    return "–" if number is None else f"{number:,.1f}" if number < 10 else f"{number:,.0f}"


def facts(statistics: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return what matters most, by name."""
    return (
        ("messages/s", rate(statistics.get("rate"))),
        ("gaps", whole(statistics.get("gaps"))),
        ("dropped", whole(statistics.get("dropped"))),
        ("errors", whole(statistics.get("errors"))),
        ("feeds", whole(statistics.get("feeds"))),
    )


def measures(statistics: Mapping[str, Any], at: float) -> tuple[tuple[str, str], ...]:
    """Return what else is measured, by name. ``at``: Unix seconds of now."""
    return (
        ("latency p50/p99", _latency(statistics.get("exchange_ms"))),
        ("fullest queue", _fullest(_mapping(statistics.get("fullest")))),
        ("pictures", _pictures(_mapping(statistics.get("pictures")))),
        ("messages", whole(statistics.get("messages"))),
        ("last gap", _gap(_mapping(statistics.get("last_gap")), at)),
    )


def warnings(statistics: Mapping[str, Any], connections: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return what is wrong now, the worst first."""
    return tuple(_wrong(statistics, connections))


def _wrong(statistics: Mapping[str, Any], connections: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for row in connections:
        state = str(row.get("state") or "")
        if state and state not in WELL:
            reason = f": {row['reason']}" if row.get("reason") else ""
            yield f"{row.get('name')} is {state}{reason}"
    gap = _mapping(statistics.get("last_gap"))
    if gap.get("open"):
        yield f"{gap.get('topic')} misses messages: {gap.get('cause')}"
    if (dropped := finite(statistics.get("dropped_rate"))) is not None and dropped > 0:
        yield f"a full queue drops {rate(dropped)} messages a second"
    yield from _strings(statistics.get("stalled"))
    fullest = _mapping(statistics.get("fullest"))
    waiting, limit = finite(fullest.get("waiting")) or 0.0, finite(fullest.get("limit")) or 0.0
    if limit and waiting >= FULL * limit:
        yield f"the queue of {fullest.get('name')} is {waiting / limit:.0%} full"
    if (late := finite(statistics.get("late_ms"))) is not None and late > LATE_MS:
        yield f"the kernel is busy: the background thread was {late / 1000:.1f} s late"
    if abs(offset := finite(statistics.get("clock_offset_ms")) or 0.0) > CLOCK_MS and statistics.get("mode") == "live":
        yield f"this machine's clock is {abs(offset) / 1000:.1f} s {'behind' if offset > 0 else 'ahead'}"


def _latency(quantiles: Any) -> str:
    if not isinstance(quantiles, Sequence) or isinstance(quantiles, str) or len(quantiles) != 2:
        return "–"
    return " / ".join(html.number(finite(each), 1) for each in quantiles) + " ms"


def _fullest(fullest: Mapping[str, Any]) -> str:
    if not finite(fullest.get("waiting")):
        return "empty" if fullest else "none"
    return f"{whole(fullest.get('waiting'))} of {whole(fullest.get('limit'))} {fullest.get('name')}"


def _pictures(pictures: Mapping[str, Any]) -> str:
    cost = finite(pictures.get("cost_ms"))
    return f"{rate(pictures.get('rate'))}/s" + ("" if cost is None else f", {cost:.1f} ms each")


def _gap(gap: Mapping[str, Any], at: float) -> str:
    began = finite(gap.get("began"))
    if began is None:
        return "none"
    ago = max(0.0, at - began)
    since = f"{ago:.0f} s" if ago < 120 else f"{ago / 60:.0f} min" if ago < 7200 else f"{ago / 3600:.0f} h"
    return f"{since} ago: {gap.get('topic')}, {gap.get('cause')}"


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _strings(value: Any) -> Sequence[str]:
    return [str(each) for each in value] if isinstance(value, list | tuple) else [str(value)] if value else []
