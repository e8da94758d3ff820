"""What a frame costs who asks for it: ``python -m benchmarks.frames URL COUNT``.

``.df`` and a bare call, idle and while the loop thread keeps ten books of a flood; in fresh processes, what importing
costs, and how long it takes from ``import kucoin_stream`` to the first row of a frame.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import kucoin_stream as ks
from benchmarks.ours import PATIENCE, arrival, check_books, open_books, open_client, until
from benchmarks.process import Flood
from kucoin_stream.simulator.flood.market import DEEP, DEEP_LEVELS

ROWS = 5000
IDLE_CALLS = 300
FRESH = 5  # processes whose start is measured
PAUSE = 0.002  # seconds between calls during the flood: a user is not a tight loop

IMPORT = """
import time, pandas, streamz
began = time.process_time()
import kucoin_stream as ks
bare = time.process_time()
ks.Client, ks.book
print((bare - began) * 1e3, (time.process_time() - bare) * 1e3)
"""

FIRST_ROW = """
import sys, time
from urllib.request import urlopen
cpu, wall = time.process_time(), time.perf_counter()
import kucoin_stream as ks
client = ks.Client(sys.argv[1]).open()
frame = client.trades(*sys.argv[2].split(",")).frame()
urlopen(f"{sys.argv[1]}/flood/go?kind=trades&count=10&after=0").read()
while not len(frame):
    time.sleep(0.001)
first = frame.df
print((time.perf_counter() - wall) * 1e3, (time.process_time() - cpu) * 1e3)
assert len(first)
client.close()
"""


def fresh(script: str, *arguments: str) -> tuple[float, float]:
    """Run a script in fresh processes that print two numbers; return the medians."""
    rows = []
    for _ in range(FRESH):
        command = [sys.executable, "-c", script, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        rows.append([float(each) for each in done.stdout.split()])
    first, second = np.median(rows, axis=0)
    return float(first), float(second)


def filled(client: ks.Client, url: str, kind: str) -> Any:
    flood = Flood(url, kind, ROWS + ROWS // 2)  # so that the ring has both halves
    feed = (client.trades if kind == "trades" else client.ticker)(*flood.symbols)
    frame = feed.frame(maxlen=ROWS)
    flood.go()
    until(lambda: feed.received == flood.count)
    assert len(frame.df) == ROWS
    return frame


def idle(operation: Callable[[], object]) -> dict[str, float]:
    """Return wall and CPU microseconds of one call, both threads together."""
    operation()
    walls = []
    cpu = time.process_time()
    for _ in range(IDLE_CALLS):
        began = time.perf_counter()
        operation()
        walls.append(time.perf_counter() - began)
    cpu = (time.process_time() - cpu) / IDLE_CALLS * 1e6
    return {"p50_us": _percentile(walls, 50), "p99_us": _percentile(walls, 99), "cpu_us": cpu}


def flooded(operations: dict[str, Callable[[], object]], arrived: Callable[[], bool]) -> dict[str, dict[str, float]]:
    """Return percentiles of wall microseconds of calls made one after the other, as long as the flood runs."""
    walls: dict[str, list[float]] = {name: [] for name in operations}
    deadline = time.monotonic() + PATIENCE
    while not arrived():
        if time.monotonic() > deadline:
            raise TimeoutError("the books did not reach the end of the flood")
        for name, operation in operations.items():
            began = time.perf_counter()
            operation()
            walls[name].append(time.perf_counter() - began)
            time.sleep(PAUSE)
    return {
        name: {"p50_us": _percentile(each, 50), "p99_us": _percentile(each, 99), "calls": len(each)}
        for name, each in walls.items()
    }


def _percentile(seconds: list[float], percent: float) -> float:
    return float(np.percentile(seconds, percent)) * 1e6


def calls(url: str, count: int) -> dict[str, Any]:
    client = open_client(url)
    ticker, trades, deep = filled(client, url, "ticker"), filled(client, url, "trades"), client.book(DEEP).wait()
    assert len(deep.df) == DEEP_LEVELS
    flood = Flood(url, "level2", count)
    books = open_books(client, flood)
    call, btc = client.engine.call, books["BTC-USDT"]
    operations: dict[str, Callable[[], object]] = {
        "call": lambda: call(os.getpid),
        "df of numbers": lambda: ticker.df,
        "df of trades": lambda: trades.df,
        "df of a book": lambda: deep.df,
    }
    result: dict[str, Any] = {"idle": {name: idle(operation) for name, operation in operations.items()}}
    arrived, began = arrival(books, flood), btc.sequence
    flood.go()
    until(lambda: btc.sequence != began)
    result["flood"] = flooded(operations, arrived)
    check_books(books, flood)
    client.close()
    return result


def main(url: str, count: int) -> None:
    result = calls(url, count)
    result["import_ms"], result["first_use_ms"] = fresh(IMPORT)
    symbols = ",".join(Flood(url, "trades", 10).symbols)
    result["first_row_ms"], result["first_row_cpu_ms"] = fresh(FIRST_ROW, url, symbols)
    print(json.dumps(result))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
