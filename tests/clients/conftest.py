"""The built-in exchange as a process of its own, and other people's clients as processes beside it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import Request, urlopen

import pytest

HERE = Path(__file__).parent
PYTHON = HERE / ".venv" / "bin" / "python"
PATIENCE = 90  # seconds; the libraries alone take some to import


class Exchange(NamedTuple):
    """What the exchange printed when it began, by name."""

    card: dict[str, str]

    @property
    def url(self) -> str:
        return self.card["ready"]

    def get(self, path: str) -> Any:
        """Return the data of a REST call."""
        with urlopen(f"{self.url}{path}", timeout=10) as answer:
            return json.loads(answer.read())["data"]

    def fault(self, name: str, **arguments: Any) -> None:
        """Let something go wrong, by the control endpoint."""
        headers = {"X-Simulator-Secret": self.card["control key"]}
        body = json.dumps({"fault": name, **arguments}).encode()
        with urlopen(Request(self.card["control"], body, headers), timeout=10) as answer:
            assert answer.status == 200


Drive = Callable[..., dict[str, Any]]
"""Runs a driver on an exchange and returns what it says it saw."""


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "clients: other people's clients, in tests/clients/.venv")


@pytest.fixture(scope="module")
def exchange() -> Iterator[Exchange]:
    """The default market, from the command line."""
    command = [sys.executable, "-m", "kucoin_stream", "sim", "--port", "0", "--connections-per-minute", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        card: dict[str, str] = {}
        assert process.stdout is not None
        while "ready" not in card:
            line = process.stdout.readline()
            assert line, "the exchange did not begin"
            name, value = (line[:11].strip(), line[12:].strip()) if line[11:12] == " " else line.split(maxsplit=1)
            card[name] = value.strip()
        yield Exchange(card)
        process.terminate()


@pytest.fixture
def drive(exchange: Exchange) -> Drive:
    """Return what runs a driver; skips where the environment with the clients is not there."""
    if not PYTHON.exists():
        pytest.skip("other people's clients are not installed: make clients")

    def run(driver: str, *arguments: str) -> dict[str, Any]:
        card = exchange.card
        given = [exchange.url, card["key"], card["secret"], card["passphrase"], card["control"], card["control key"]]
        done = subprocess.run(
            [PYTHON, HERE / "drivers" / driver, *given, *arguments],
            capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
        seen: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return seen

    return run
