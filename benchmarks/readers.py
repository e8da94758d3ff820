"""What reading a feed costs: ``python -m benchmarks.readers`` prints a table, with ``URL COUNT`` the figures as JSON.

A message of a feed with 0, 1 and 10 sinks, and with a live frame in place of them, in rounds within one process, as
ratios to none; ``.df`` of trades by rows; what 100,000 rows of trades take.
"""

from __future__ import annotations

import gc
import json
import os
import statistics
import sys
from pathlib import Path
from typing import Any

from benchmarks.frames import idle
from benchmarks.ours import measured, open_client, until
from benchmarks.process import Flood, client, server
from benchmarks.table import readers as table

READERS = {"no sink": 0, "one sink": 1, "ten sinks": 10, "a live frame": 0}
ROUNDS = 5
COUNT = 60_000  # messages of a flood
ROWS = (1000, 10_000, 100_000)
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Counter:
    """A user's sink."""

    def __init__(self) -> None:
        self.count = 0

    def take(self, _: Any) -> None:
        self.count += 1


def read(url: str, count: int, reader: str) -> float:
    """Return the microseconds of CPU of a message that ``reader`` reads; all must have come."""
    flood, counters = Flood(url, "trades", count), [Counter() for _ in range(READERS[reader])]
    with open_client(url, inbox_size=max(100_000, count)) as opened:
        feed = opened.trades(*flood.symbols)
        frame = feed.frame(maxlen=count) if reader == "a live frame" else None
        for counter in counters:
            feed.sink(counter.take)
        result = measured(flood, lambda: feed.received >= count and all(each.count >= count for each in counters))
        assert frame is None or len(frame) == count
        assert (feed.received, feed.dropped, feed.error_count) == (count, 0, 0)
    return result["cpu_us"]


def compared(url: str, count: int) -> dict[str, dict[str, float]]:
    """Return of each reader the median CPU a message, and of the rounds' ratios to that without a sink."""
    read(url, count, "one sink")  # what is imported and compiled first
    rounds = [{reader: read(url, count, reader) for reader in READERS} for _ in range(ROUNDS)]
    return {
        reader: {
            "cpu_us": statistics.median(each[reader] for each in rounds),
            "ratio": statistics.median(each[reader] / each["no sink"] for each in rounds),
        }
        for reader in READERS
    }


def resident() -> int:
    """Return the resident bytes of this process; 0 where there is no /proc."""
    gc.collect()
    path = Path("/proc/self/statm")
    return int(path.read_text().split()[1]) * _PAGE if path.exists() else 0


def frames(url: str) -> dict[str, Any]:
    """Return what ``.df`` of so many trades costs, and what the largest of these frames takes."""
    calls = {}
    for rows in ROWS:
        with open_client(url) as opened:
            flood = Flood(url, "trades", rows)
            feed = opened.trades(*flood.symbols)
            flood.ask("bytes")
            before = resident()
            frame = feed.frame(maxlen=rows)
            flood.go()
            until(lambda count=rows, feed=feed: feed.received == count)  # type: ignore[misc]
            taken = {"told": frame.memory, "resident": resident() - before}
            assert len(frame.df) == rows
            calls[f"{rows:,} rows"] = idle(lambda frame=frame: frame.df)  # type: ignore[misc]
            taken["DataFrame"] = int(frame.df.memory_usage(deep=True).sum())
    return {"df": calls, "memory": taken, "rows": ROWS[-1]}


def run(url: str, count: int) -> dict[str, Any]:
    """Return all figures."""
    return frames(url) | {"readers": compared(url, count)}  # memory first: none was freed that could be taken again


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(run(sys.argv[1], int(sys.argv[2]))))
    else:
        with server() as base:
            print(table(client("readers", base, COUNT)))
