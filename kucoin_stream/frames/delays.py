"""How long messages take from the exchange to the picture, as a frame."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from kucoin_stream.streams.branch import Branch
from kucoin_stream.streams.origin import living
from kucoin_stream.transport.engine import Engine
from kucoin_stream.transport.latency import Samples

STAGES = ("exchange", "parse", "queue", "dispatch", "picture")
"""The stages of a message's way."""

Delays: TypeAlias = tuple[int, float, float, float]
"""How many samples there were; of those kept p50, p99 and the longest, in ms: NaN where there is none."""

BUSY = 0.25  # seconds by which the background thread is late where something else keeps the interpreter


def clock_offset(engine: Engine) -> float:
    """Return by how many seconds the exchange's clock is ahead of ours: by its pongs, until one comes by REST."""
    clock = engine.wire.latency.clock
    return clock.offset if clock.told else engine.rest.clock_offset


def delays(engine: Engine) -> pd.DataFrame:
    """Return one row for each stage of a message's way; see :meth:`Client.latency`.

    ``queue`` counts those that still wait, with their time until now; ``picture`` is of all clients of the process.
    """
    latency, ahead = engine.wire.latency, clock_offset(engine)
    columns = ["samples", "p50_ms", "p99_ms", "max_ms"]
    frame = pd.DataFrame.from_dict(stages(engine), orient="index", columns=columns)
    frame.index.name = "stage"
    frame.attrs |= {
        "clock_offset_ms": round(ahead * 1000, 3),
        "clock_error_ms": round(latency.clock.error * 1000, 3),
        "late_ms": round(engine.pulse.late * 1000, 1),
        "kernel_busy": engine.pulse.late > BUSY,
    }
    return frame.astype({"samples": "int64"})


def stages(engine: Engine, names: Sequence[str] = STAGES) -> dict[str, Delays]:
    """Return the delays of each stage; cheap, for pictures."""
    branches = branches_of(engine)
    return {name: _delays(engine, name, branches) for name in names}


def branches_of(engine: Engine) -> list[Branch]:
    """Return the inboxes of users' graphs on a client's feeds."""
    return [each for each, _ in living("branch") if each.engine is engine]


def quantiles(seconds: Sequence[float], *shares: float) -> list[float]:
    """Return the quantiles of at least one duration as numpy does, at a fraction of its cost."""
    values = np.sort(np.fromiter(seconds, float, len(seconds)))
    found = []
    for share in shares:
        whole, part = divmod(share * (len(values) - 1), 1)
        low, high = float(values[int(whole)]), float(values[min(int(whole) + 1, len(values) - 1)])
        found.append(low + (high - low) * part)
    return found


def _delays(engine: Engine, name: str, branches: list[Branch]) -> Delays:
    latency, now = engine.wire.latency, time.monotonic()
    match name:
        case "exchange":
            return _row([latency.exchange], clock_offset(engine))
        case "parse":
            return _row([latency.parse])
        case "queue":
            waits = chain.from_iterable(each.waits(now) for each in branches)
            return _row([each.queued for each in branches], so_far=waits)
        case "dispatch":
            return _row([each.taken for each in branches])
        case _:
            return _row(_drawn())


def _drawn() -> list[Samples]:
    module: Any = sys.modules.get("kucoin_stream.widgets.screen")
    return [] if module is None else [module.screen.drawn]


def _row(parts: list[Samples], more: float = 0.0, so_far: Iterable[float] = ()) -> Delays:
    """Return how many samples there were, and of those kept the quantiles, each ``more`` seconds longer.

    ``so_far``: samples besides, in seconds.
    """
    others = list(so_far)
    kept = list(chain(others, *(each.copy() for each in parts)))
    count = sum(each.count for each in parts) + len(others)
    if not kept:
        return count, np.nan, np.nan, np.nan
    p50, p99, longest = ((each + more) * 1000 for each in quantiles(kept, 0.5, 0.99, 1.0))
    return count, p50, p99, longest
