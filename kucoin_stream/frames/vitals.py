"""What a client's counters say beyond their totals: rates, the last gap, the fullest queue, delays, pictures."""

from __future__ import annotations

import sys
import time
import weakref
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from kucoin_stream.frames.delays import branches_of, quantiles
from kucoin_stream.streams.branch import Branch
from kucoin_stream.transport.engine import Engine
from kucoin_stream.transport.gaps import Hole
from kucoin_stream.transport.latency import Samples

SPAN = 5.0  # seconds over which rates are taken
_APART = 0.5  # seconds between two counts kept


class Count(Struct, frozen=True):
    """Counters at ``time``, in seconds of the monotonic clock."""

    time: float
    totals: Mapping[str, int]


class Rates:
    """Rates of counters that only grow, over the last seconds. Any thread may call it: two at once lose a count."""

    def __init__(self) -> None:
        self._counts: tuple[Count, ...] = ()

    def take(self, now: float, totals: Mapping[str, int]) -> dict[str, float]:
        """Count now; return for each name how many a second there were. One that is new, or fell, has none yet."""
        counts = self._counts
        while len(counts) > 1 and counts[1].time <= now - SPAN:
            counts = counts[1:]
        if not counts or now - counts[-1].time >= _APART:
            counts = (*counts, Count(now, dict(totals)))
        self._counts = counts
        first = counts[0]
        seconds = now - first.time
        if seconds < _APART:
            return {}
        return {
            name: (total - first.totals[name]) / seconds
            for name, total in totals.items()
            if total >= first.totals.get(name, total + 1)
        }


class Vitals:
    """The vitals of one client; all that ask share their past."""

    def __init__(self, engine: Engine) -> None:
        self._engine = weakref.ref(engine)
        self._rates = Rates()
        self._gaps = -1
        self._gap: dict[str, Any] | None = None

    def statistics(self, connections: list[dict[str, Any]], ahead: float) -> dict[str, Any]:
        """Return them; add to each of the ``connections`` its ``rate``. Rates are per second, over the last 5 s.

        ``ahead``: seconds by which the exchange's clock is ahead of ours.
        """
        engine = self._engine()
        assert engine is not None  # noqa: S101  whoever asks holds it
        branches = branches_of(engine)
        dropped = sum(branch.dropped for branch in branches)
        pictures = _pictures()
        totals = {each["name"]: each["messages"] for each in connections}
        totals |= {"": engine.pool.messages, " dropped": dropped, " pictures": pictures["count"]}
        rates = self._rates.take(time.monotonic(), totals)
        for each in connections:
            each["rate"] = rates.get(each["name"])
        return {
            "rate": rates.get(""),
            "gaps": engine.pool.gaps.count,
            "last_gap": self._last_gap(engine),
            "dropped": dropped,
            "dropped_rate": rates.get(" dropped"),
            "fullest": _fullest(branches, engine.settings.inbox_size),
            "exchange_ms": _quantiles(engine.wire.latency.exchange, ahead),
            "pictures": pictures | {"rate": rates.get(" pictures")},
        }

    def _last_gap(self, engine: Engine) -> dict[str, Any] | None:
        """Return topic, begin, cause and ``open`` of the last gap; it is read again only while it may have changed."""
        count = engine.pool.gaps.count
        if (count != self._gaps or (self._gap is not None and self._gap["open"])) and engine.running:
            self._gaps = count
            self._gap = next(map(_told, reversed(engine.call(engine.pool.gaps.rows))), None)
        return self._gap


def _told(hole: Hole) -> dict[str, Any]:
    return {
        "topic": hole.topic,
        "began": hole.began_ns / 1e9,
        "cause": hole.cause,
        "open": hole.ended_ns is None,
    }


_vitals: weakref.WeakKeyDictionary[Engine, Vitals] = weakref.WeakKeyDictionary()


def vitals(engine: Engine) -> Vitals:
    """Return those of a client."""
    known = _vitals.get(engine)
    if known is None:
        known = _vitals[engine] = Vitals(engine)
    return known


def _fullest(branches: list[Branch], limit: int) -> dict[str, Any] | None:
    """Return the inbox of a user's graph that has most messages waiting."""
    branch = max(branches, key=lambda each: each.waiting, default=None)
    if branch is None:
        return None
    return {"name": getattr(branch.source, "name", ""), "waiting": branch.waiting, "limit": limit}


def _quantiles(samples: Samples, more: float) -> tuple[float, float] | None:
    """Return the median and the 99th percentile in milliseconds, each ``more`` seconds longer."""
    kept = samples.copy()
    if not kept:
        return None
    p50, p99 = quantiles(kept, 0.5, 0.99)
    return (p50 + more) * 1000, (p99 + more) * 1000


def _pictures() -> dict[str, Any]:
    """Return how many pictures were drawn in this process, and what one costs in ms."""
    module: Any = sys.modules.get("kucoin_stream.widgets.screen")
    if module is None:
        return {"count": 0, "views": 0, "cost_ms": None}
    screen = module.screen
    costs = screen.drawn.copy()[-200:]
    cost = quantiles(costs, 0.5)[0] * 1000 if costs else None
    return {"count": screen.drawn.count, "views": len(screen.views), "cost_ms": cost}
