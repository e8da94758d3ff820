"""The counters and delays of all workers put together, as a client tells its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd

from kucoin_stream.frames.delays import delays
from kucoin_stream.shards.fleet import SUMMED, Fleet
from kucoin_stream.transport.engine import Engine
from kucoin_stream.transport.latency import Samples
from kucoin_stream.transport.target import Target

Delays = Mapping[str, tuple[int, list[float]]]
"""How many samples there were of each stage, and the last ones in seconds."""

_PRESENT = ("topics", "feeds", "rate", "gaps")  # of workers that are there


def placed(fleet: Fleet) -> pd.DataFrame:
    """Return a row for each symbol; see :meth:`Shards.ps`."""
    known = fleet.known.values()
    columns = {
        "worker": [each.owner for each in known],
        "to": [each.target for each in known],
        "status": [each.shown.status for each in known],
        "rate": np.array([np.nan if each.rate is None else each.rate for each in known]),
        "updates": np.array([each.updates for each in known], dtype="int64"),
        "source": [each.row.source for each in known],
    }
    return pd.DataFrame(columns, index=pd.Index(list(fleet.known), name="symbol", dtype="object"))


def statistics(
    target: Target, told: Mapping[str, Mapping[str, Any]], retired: Mapping[str, float], moved: int
) -> dict[str, Any]:
    """Return the sums of what workers told, and ``retired``; see :meth:`Shards.statistics`."""
    each = list(told.values())
    errors = [error for counters in each if (error := counters.get("last_error"))]
    return {
        "target": target.rest_url,
        "mode": target.mode,
        "reason": target.reason,
        "connections": [
            {**row, "worker": worker} for worker, counters in told.items() for row in counters.get("connections", ())
        ],
        **{name: sum(counters.get(name) or 0 for counters in each) for name in _PRESENT},
        **{name: int(retired[name] + sum(counters.get(name) or 0 for counters in each)) for name in SUMMED},
        "last_error": errors[-1] if errors else "",
        "late_ms": max((counters.get("late_ms") or 0.0 for counters in each), default=0.0),
        "moved": moved,
        "workers": {worker: dict(counters) for worker, counters in told.items()},
    }


def latency(engine: Engine, told: Sequence[Delays], rounds: Samples) -> pd.DataFrame:
    """Return the delays of the workers, then those of this process; see :meth:`Shards.latency`."""
    frame = delays(engine)
    rows = {stage: _row([each[stage] for each in told if stage in each]) for stage in ("exchange", "parse")}
    rows["report"] = _row([(rounds.count, rounds.copy())])
    remote = pd.DataFrame.from_dict(rows, orient="index", columns=list(frame.columns))
    remote.index.name = frame.index.name
    whole: pd.DataFrame = pd.concat([remote, frame.drop(index=["exchange", "parse"])]).astype({"samples": "int64"})
    whole.attrs = {"late_ms": frame.attrs["late_ms"], "kernel_busy": frame.attrs["kernel_busy"]}
    return whole


def _row(parts: Sequence[tuple[int, list[float]]]) -> tuple[int, float, float, float]:
    count, kept = sum(count for count, _ in parts), list(chain.from_iterable(samples for _, samples in parts))
    if not kept:
        return count, np.nan, np.nan, np.nan
    p50, p99, longest = np.quantile(kept, [0.5, 0.99, 1.0]) * 1000
    return count, float(p50), float(p99), float(longest)
