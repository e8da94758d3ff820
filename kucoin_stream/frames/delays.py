"""How long messages take from the exchange to the picture, as a frame."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd

from kucoin_stream.streams.origin import living
from kucoin_stream.transport.engine import Engine
from kucoin_stream.transport.latency import Samples

BUSY = 0.25  # seconds by which the background thread is late where something else keeps the interpreter


def clock_offset(engine: Engine) -> float:
    """Return by how many seconds the exchange's clock is ahead of ours: by its pongs, until one comes by REST."""
    clock = engine.wire.latency.clock
    return clock.offset if clock.told else engine.rest.clock_offset


def delays(engine: Engine) -> pd.DataFrame:
    """Return one row for each stage of a message's way; see :meth:`Client.latency`.

    ``queue`` counts those that still wait, with their time until now; ``picture`` is of all clients of the process.
    """
    latency, now, ahead = engine.wire.latency, time.monotonic(), clock_offset(engine)
    branches = [each for each, known in living() if known.kind == "branch" and each.engine is engine]
    rows = {
        "exchange": _row([latency.exchange], ahead),
        "parse": _row([latency.parse]),
        "queue": _row(
            [each.queued for each in branches], so_far=chain.from_iterable(each.waits(now) for each in branches)
        ),
        "dispatch": _row([each.taken for each in branches]),
        "picture": _row(_drawn()),
    }
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=["samples", "p50_ms", "p99_ms", "max_ms"])
    frame.index.name = "stage"
    frame.attrs |= {
        "clock_offset_ms": round(ahead * 1000, 3),
        "clock_error_ms": round(latency.clock.error * 1000, 3),
        "late_ms": round(engine.pulse.late * 1000, 1),
        "kernel_busy": engine.pulse.late > BUSY,
    }
    return frame.astype({"samples": "int64"})


def _drawn() -> list[Samples]:
    module: Any = sys.modules.get("kucoin_stream.widgets.screen")
    return [] if module is None else [module.screen.drawn]


def _row(parts: list[Samples], more: float = 0.0, so_far: Iterable[float] = ()) -> tuple[int, float, float, float]:
    """Return how many samples there were, and of those kept the quantiles, each ``more`` seconds longer.

    ``so_far``: samples besides, in seconds.
    """
    others = list(so_far)
    kept = list(chain(others, *(each.copy() for each in parts)))
    count = sum(each.count for each in parts) + len(others)
    if not kept:
        return count, np.nan, np.nan, np.nan
    p50, p99, longest = (np.quantile(kept, [0.5, 0.99, 1.0]) + more) * 1000
    return count, p50, p99, longest
