"""The built-in exchange as a process of its own, and other people's clients as processes beside it."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import Request, urlopen

import pytest

HERE = Path(__file__).parent
PYTHON = HERE / ".venv" / "bin" / "python"
NODE = HERE / "node"  # its package.json names the clients, and npm puts them beside it
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
    command = [sys.executable, "-m", "kucoin_stream", "sim", "--port", "0", "--futures-port", "0"]
    command += ["--connections-per-minute", "0"]
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
    environment = os.environ | {"NODE_PATH": str(NODE / "node_modules")}

    def run(driver: str, *arguments: str) -> dict[str, Any]:
        card = exchange.card
        names = "key", "secret", "passphrase", "control", "control key", "futures"
        given = [exchange.url, *(card[name] for name in names)]
        program = _node() if driver.endswith(".js") else PYTHON
        done = subprocess.run(
            [program, HERE / "drivers" / driver, *given, *arguments],
            capture_output=True, text=True, timeout=PATIENCE, check=False, env=environment,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
        seen: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return seen

    return run


@functools.cache
def _installed() -> bool:
    """Whether the clients for Node are there; npm fetches them once, where it can."""
    wanted = json.loads((NODE / "package.json").read_text())["dependencies"]

    def there() -> bool:
        return all((NODE / "node_modules" / name).exists() for name in wanted)

    npm = shutil.which("npm")
    if npm is not None and not there():
        options = ["--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"]
        subprocess.run([npm, "install", *options], cwd=NODE, capture_output=True, timeout=PATIENCE, check=False)
    return there()


def _node() -> str:
    """Return the path of Node; skips where it, or what it needs, is missing."""
    node = shutil.which("node")
    if node is None or not _installed():
        pytest.skip("Node or the clients for it are missing")
    return node
