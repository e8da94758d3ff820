"""Processes of a run: the server, and clients that print one JSON value."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.request import urlopen

from kucoin_stream.simulator.flood.market import RUNS

TIMEOUT = 180.0  # seconds; of one client's run


@contextmanager
def server() -> Iterator[str]:
    """Run the flood server; give its REST base."""
    command = [sys.executable, "-m", "kucoin_stream", "sim", "--flood", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()
            process.wait(10)


def client(module: str, *arguments: object) -> Any:
    """Run ``python -m benchmarks.<module>`` and return the JSON of its last line."""
    return last_line([sys.executable, "-m", f"benchmarks.{module}", *map(str, arguments)])


def last_line(command: list[str], timeout: float = TIMEOUT) -> Any:
    """Run a command and return the JSON of its last line; raise :class:`RuntimeError` with what it said."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[1:])} failed:\n{done.stdout}{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def ask(url: str, path: str) -> Any:
    """Return the data of a REST call."""
    with urlopen(f"{url}{path}") as answer:
        return json.loads(answer.read())["data"]


class Flood:
    """One run of the server as its client sees it. ``rate`` 0: as fast as it reads."""

    def __init__(self, url: str, kind: str, count: int, rate: float = 0, *, one_by_one: bool = False) -> None:
        self.url, self.kind, self.count = url, kind, count
        self.path, self.symbols, _ = RUNS[kind]
        self.topic = f"{self.path}:{','.join(self.symbols)}"
        self._query = f"kind={kind}&count={count}"
        self._pace = f"&rate={rate}&each={one_by_one:d}"

    def ask(self, what: str) -> Any:
        """Return what the server says of this run: ``reference``, ``last``, ``bytes``."""
        return ask(self.url, f"/flood/{what}?{self._query}")

    def snapshots(self) -> dict[str, Any]:
        """Return the books at the beginning."""
        path = "/api/v3/market/orderbook/level2?symbol="
        return {symbol: ask(self.url, f"{path}{symbol}") for symbol in self.symbols}

    def go(self, after: float = 0.05) -> None:
        """Begin ``after`` seconds: exactly this client must be the one that is flooded."""
        flooded = ask(self.url, f"/flood/go?{self._query}{self._pace}&after={after}")
        assert flooded == 1, f"{flooded} clients would be flooded"


class Stopwatch:
    """CPU (user and system, all threads) and wall time of this process."""

    def __init__(self) -> None:
        self._cpu, self._wall = time.process_time(), time.perf_counter()

    def stop(self, count: int) -> dict[str, float]:
        """Return microseconds of CPU a message, and messages a second."""
        cpu, wall = time.process_time() - self._cpu, time.perf_counter() - self._wall
        return {"cpu_us": cpu / count * 1e6, "per_second": count / wall}
