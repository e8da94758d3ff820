"""The state of a client as a live frame: connections, rates, what it talks to."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import pandas as pd

from kucoin_stream.frames.base import LiveFrame
from kucoin_stream.frames.delays import BUSY, Delays, clock_offset, delays, stages
from kucoin_stream.frames.vitals import vitals
from kucoin_stream.streams.lifecycle import Events
from kucoin_stream.streams.stalls import stalled, watchdog
from kucoin_stream.transport.engine import Engine

COLUMNS = ["name", "state", "reason", "topics", "messages", "rate", "rtt_ms", "reconnects", "since"]


class LiveStatus(LiveFrame):
    """One row per connection. Made by :meth:`Client.status`. Safe from any thread."""

    kinds = ("status", "latency")

    title = "connections"

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)

    @property
    def version(self) -> object:
        """A new one each second: rates change even when nothing else does."""
        return int(time.monotonic()), self.status

    @property
    def note(self) -> str:
        """Which users' functions do not return, and whether the kernel is busy; mostly nothing."""
        late = self._engine.pulse.late
        busy = [f"kernel busy: the background thread was {late:.1f} s late"] if late > BUSY else []
        return "; ".join([*stalled(), *busy])

    def latency(self) -> pd.DataFrame:
        """Return how long messages take, by stage: as :meth:`Client.latency`."""
        return delays(self._engine)

    def delays(self, names: Sequence[str]) -> dict[str, Delays]:
        """Return the same of some stages, without a DataFrame: for pictures."""
        return stages(self._engine, names)

    @cached_property
    def stream(self) -> Events:
        """What happens to the connections, as :attr:`Client.events`."""
        return Events(self._engine)

    def statistics(self) -> dict[str, Any]:
        """Return the target, the counters, rates (per second, over the last 5 s) and one row per connection."""
        engine = self._engine
        pool, target, rests = engine.pool, engine.target, (engine.rest, engine.futures_rest)
        connections, feeds = engine.call(lambda: (pool.statistics(), pool.readers)) if engine.running else ([], 0)
        ahead = clock_offset(engine)
        return {
            "target": target.rest_url,
            "mode": target.mode,
            "reason": target.reason,
            "connections": connections,
            "topics": sum(each["topics"] for each in connections),
            "feeds": feeds,
            "messages": pool.messages,
            "errors": pool.mishaps.count,
            "last_error": pool.mishaps.last,
            "stalls": watchdog.episodes,
            "stalled": stalled(),
            "reconnects": pool.reconnects,
            "rest_calls": sum(rest.calls for rest in rests),
            "rest_failures": sum(rest.failures for rest in rests),
            "clock_offset_ms": round(ahead * 1000, 3),
            "late_ms": round(engine.pulse.late * 1000, 1),
            **vitals(engine).statistics(connections, ahead),
        }

    def _status(self) -> str:
        return "live"

    def _ready(self) -> bool:
        return True

    def _build(self) -> pd.DataFrame:
        frame = pd.DataFrame(self.statistics()["connections"], columns=COLUMNS)
        frame["since"] = pd.to_datetime(frame["since"], unit="s", utc=True)
        return frame

    def _release(self) -> None:
        """Nothing is held."""
