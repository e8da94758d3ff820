"""Processes of a run: the server, and clients that print one JSON value."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.request import urlopen

TIMEOUT = 120.0  # seconds; of one client's run


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
    command = [sys.executable, "-m", f"benchmarks.{module}", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[2:])} failed:\n{done.stdout}{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def ask(url: str, path: str) -> Any:
    """Return the data of a REST call."""
    with urlopen(f"{url}{path}") as answer:
        return json.loads(answer.read())["data"]
