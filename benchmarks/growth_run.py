"""The processes of :mod:`benchmarks.growth`, and the figures of its rounds."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

from benchmarks.growth_law import Line, Point, line

LEVELS = 100  # a side, where levels are not what grows
KUCOINS = 300  # topics on a connection, as the library has it for spot

Figures = dict[str, float]


class Row(NamedTuple):
    """A row of the table: figures against what grows, and the line through them."""

    name: str
    against: str
    points: list[Point]
    unit: str
    line: Line | None = None
    remark: str = ""


class Client:
    """A client in a process of its own, see :mod:`benchmarks.growth_client`."""

    def __init__(self, url: str, topics: int) -> None:
        command = [sys.executable, "-m", "benchmarks.growth_client", url, str(topics)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def tell(self, verb: str, **options: object) -> Figures:
        """Have it do something; return its figures. Raises :class:`RuntimeError` where it ends instead."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([verb, options]) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"a client ended in {verb} {options}")
        figures: Figures = json.loads(answer)
        return figures

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)


@contextmanager
def exchange(symbols: int, levels: int = LEVELS) -> Iterator[str]:
    """Run an exchange; give its REST base."""
    command = [sys.executable, "-m", "benchmarks.growth_server", str(symbols), str(levels)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()
            process.wait(10)


@contextmanager
def client(url: str, topics: int = KUCOINS) -> Iterator[Client]:
    """Run a client of an exchange."""
    running = Client(url, topics)
    try:
        yield running
    finally:
        running.close()


def alone(stack: ExitStack, symbols: int, levels: int = LEVELS, topics: int = KUCOINS) -> Client:
    """Return a client with an exchange of its own, until the stack ends."""
    return stack.enter_context(client(stack.enter_context(exchange(symbols, levels)), topics))


class Rounds:
    """Figures by what was measured and how much of it there was, one of each round."""

    def __init__(self) -> None:
        self._values: dict[str, dict[float, list[float]]] = {}

    def note(self, what: str, at: float, value: float) -> None:
        """Note a figure of this round."""
        self._values.setdefault(what, {}).setdefault(at, []).append(value)

    def median(self, what: str, at: float) -> float:
        """Return the median of the rounds."""
        return statistics.median(self._values[what][at])

    def ratio(self, what: str, at: float, to: float) -> float:
        """Return the median of the rounds' ratios."""
        values = self._values[what]
        return statistics.median(a / b for a, b in zip(values[at], values[to], strict=True))

    def points(self, what: str) -> list[Point]:
        """Return the medians."""
        return [(at, statistics.median(values)) for at, values in self._values[what].items()]

    def line(self, what: str) -> Line:
        """Return the line through all single figures."""
        return line([(at, value) for at, values in self._values[what].items() for value in values])

    def row(self, what: str, name: str, against: str, unit: str, remark: str = "") -> Row:
        """Return the row of the medians, and of the line."""
        return Row(name, against, self.points(what), unit, self.line(what), remark)
