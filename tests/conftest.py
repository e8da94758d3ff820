"""Fixtures: the built-in exchange, and clients of it. Each fixture checks that it leaves nothing behind."""

from __future__ import annotations

import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

import kucoin_stream as ks
from kucoin_stream.simulator import GeneratedMarket, Simulator

SHARED = Path(__file__).resolve().parents[2] / "shared"
SYMBOLS = ["BTC-USDT", "ETH-USDT", "SOL-USDT"]
OURS = (
    "kucoin-stream-io",
    "kucoin-simulator",
    "kucoin-stream-watch",
    "kucoin-stream-branch",
    "kucoin-stream-wait",
    "kucoin-stream-shards",
)

hypothesis.settings.register_profile("kucoin_stream", deadline=None)  # machines are noisy
hypothesis.settings.load_profile("kucoin_stream")


@pytest.fixture(autouse=True)
def _no_stray_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = ("KUCOIN_STREAM_TARGET", "KUCOIN_API_KEY", "KUCOIN_API_SECRET", "KUCOIN_API_PASSPHRASE")
    for name in (*ours, "VIRTUAL_ENV"):  # of another environment, IPython would complain
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def _no_stray_sinks() -> Iterator[None]:
    yield
    if (module := sys.modules.get("streamz.sinks")) is not None:
        for sink in list(module._global_sinks):
            sink.destroy()


@pytest.fixture(scope="session")
def spot_capture() -> Path:
    path = SHARED / "captures" / "spot_2021.jsonl.gz"
    if not path.is_file():
        pytest.skip("the capture of real traffic is not here")
    return path


@pytest.fixture(scope="session")
def market() -> GeneratedMarket:
    """A lively market, made once: it goes on from test to test, while the exchange that serves it is always new."""
    return GeneratedMarket(SYMBOLS, seed=7, rate=5)


@pytest.fixture
def sim(market: GeneratedMarket) -> Iterator[Simulator]:
    before = _our_threads()
    with Simulator(market) as simulator:
        yield simulator
    ks.stop()
    until(lambda: _our_threads() <= before, "threads ended")


@pytest.fixture
def connect(sim: Simulator) -> Iterator[Callable[..., ks.Client]]:
    """Return what opens clients of the exchange, with its key unless ``key=False``."""
    clients: list[ks.Client] = []

    def opened(*, key: bool = True, url: str = sim.url, **options: Any) -> ks.Client:
        known = sim.credentials
        parts = {"key": known.key, "secret": known.secret, "passphrase": known.passphrase} if key else {}
        client = ks.Client(url, **parts, **({"reconnect_delay": 0.02} | options)).open()
        clients.append(client)
        return client

    yield opened
    for client in clients:
        client.close()


@pytest.fixture
def client(connect: Callable[..., ks.Client]) -> ks.Client:
    return connect()


@pytest.fixture
def _default() -> Iterator[None]:
    yield
    ks.stop()


def uncoloured(words: str) -> str:
    """Take a terminal's colours out of a text."""
    return re.sub(r"\x1b\[[\d;]*m", "", words)


def until(condition: Callable[[], Any], what: str = "", timeout: float = 10.0) -> Any:
    """Wait until ``condition()`` is true and return it; fail with ``what`` after ``timeout`` seconds."""
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        if time.monotonic() > deadline:
            pytest.fail(f"not within {timeout} s: {what or condition}")
        time.sleep(0.005)
    return value


def _our_threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name.startswith(OURS)}
