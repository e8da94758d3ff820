"""What a frame costs who asks for it: idle, and while the loop thread keeps ten books of a flood."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np

import kucoin_stream as ks
from benchmarks.ours import PATIENCE, check, open_books, open_client, until
from benchmarks.process import ask
from kucoin_stream.simulator.flood.market import DEEP, SYMBOLS

ROWS = 5000
IDLE_CALLS = 300
PAUSE = 0.002  # seconds between calls during the flood: a user is not a tight loop

IMPORT = """
import time, pandas, streamz
began = time.process_time()
import kucoin_stream as ks
bare = time.process_time()
ks.Client, ks.book
print((bare - began) * 1e3, (time.process_time() - bare) * 1e3)
"""


def imports(repeat: int) -> dict[str, float]:
    """CPU milliseconds beyond pandas and streamz, in fresh processes: of the import, and of the first names used."""
    rows = []
    for _ in range(repeat):
        done = subprocess.run([sys.executable, "-c", IMPORT], capture_output=True, text=True, check=True)
        rows.append([float(each) for each in done.stdout.split()])
    bare, used = np.median(rows, axis=0)
    return {"import_ms": float(bare), "first_use_ms": float(used)}


def filled(client: ks.Client, url: str, kind: str) -> Any:
    feed = (client.trades if kind == "trades" else client.ticker)(*SYMBOLS)
    frame = feed.frame(maxlen=ROWS)
    count = ROWS + ROWS // 2  # so that the ring has both halves
    assert ask(url, f"/flood/go?kind={kind}&count={count}") == 1
    until(lambda: feed.received == count)
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


def flooded(operations: dict[str, Callable[[], object]], running: Callable[[], bool]) -> dict[str, dict[str, float]]:
    """Return percentiles of wall microseconds of calls made one after the other, as long as the flood runs."""
    walls: dict[str, list[float]] = {name: [] for name in operations}
    deadline = time.monotonic() + PATIENCE
    while running():
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


def main(url: str, count: int) -> None:
    client = open_client(url)
    ticker, trades, deep = filled(client, url, "ticker"), filled(client, url, "trades"), client.book(DEEP).wait()
    assert len(deep.df) == ROWS
    books = open_books(client)
    call = client.engine.call
    operations: dict[str, Callable[[], object]] = {
        "call": lambda: call(os.getpid),
        "df of numbers": lambda: ticker.df,
        "df of trades": lambda: trades.df,
        "df of a book": lambda: deep.df,
    }
    result: dict[str, Any] = {"idle": {name: idle(operation) for name, operation in operations.items()}}
    reference = ask(url, f"/flood/reference?kind=level2&count={count}")
    last = {symbol: int(snapshot["sequence"]) for symbol, snapshot in reference.items()}
    assert ask(url, f"/flood/go?kind=level2&count={count}") == 1
    until(lambda: books["BTC-USDT"].sequence != int(ask(url, _SNAPSHOT)["sequence"]))
    began = time.perf_counter()
    result["flood"] = flooded(operations, lambda: any(book.sequence != last[name] for name, book in books.items()))
    result["seconds"] = time.perf_counter() - began
    check(books, reference)
    client.close()
    result["imports"] = imports(5)
    print(msgspec.json.encode(result).decode())


_SNAPSHOT = "/api/v1/market/orderbook/level2_100?symbol=BTC-USDT"

if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
