"""Where `connect()` goes, and that it says so."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import kucoin_stream as ks
from kucoin_stream import opening
from kucoin_stream.simulator import Simulator
from tests.conftest import until

pytestmark = pytest.mark.usefixtures("_default")


@pytest.fixture
def kucoin_is(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Put another host in KuCoin's place."""

    def placed(url: str) -> None:
        monkeypatch.setitem(opening.REST_BASE, "global", url)

    return placed


@contextmanager
def silent_server() -> Iterator[str]:
    """A server that accepts connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@contextmanager
def plain_server() -> Iterator[str]:
    """A server that answers a TLS greeting with plain text."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            try:
                while True:
                    with server.accept()[0] as peer:
                        peer.recv(1000)
                        peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            except OSError:
                return

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield f"https://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def test_auto_takes_kucoin_where_it_answers(sim: Simulator, kucoin_is: Any) -> None:
    kucoin_is(sim.url)
    client = ks.connect()
    assert client.target.mode == "live"
    assert client.target.badge == ""
    assert client.simulator is None


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (("/api/v1/timestamp", 403, "", "", None), "forbidden from here"),
        (("/api/v1/timestamp", 451, "", "", None), "not offered in your region"),
        (("/api/v1/timestamp", 429, "", "", None), "too many requests"),
        (
            ("/api/v1/bullet-public", 500, "500000", "Internal Server Error", None),
            "POST /api/v1/bullet-public: HTTP 500",
        ),
    ],
)
def test_auto_falls_back_to_the_built_in_exchange_and_says_why(
    sim: Simulator, kucoin_is: Any, fault: tuple[Any, ...], says: str, caplog: pytest.LogCaptureFixture
) -> None:
    path, status, code, msg, times = fault
    body = None if code else "<html>no</html>"
    sim.faults.rest(path, status, code, msg, times, body=body)
    kucoin_is(sim.url)
    client = ks.connect()
    assert client.target.mode == "sim"
    assert client.target.badge == "SIMULATED"
    assert says in client.target.reason
    assert says in repr(client)
    assert says in caplog.text
    book = ks.book("BTC-USDT").wait()
    assert "SIMULATED" in repr(book)
    assert book.df.attrs["badge"] == "SIMULATED"


def test_auto_names_the_stage_that_failed(kucoin_is: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    kucoin_is("https://nosuch.invalid")
    assert "(DNS)" in ks.connect().target.reason
    kucoin_is("http://127.0.0.1:1")
    assert "(TCP)" in ks.connect(request_timeout=5.0).target.reason
    with plain_server() as url:
        kucoin_is(url)
        assert "(TLS)" in ks.connect(request_timeout=6.0).target.reason


def test_auto_gives_a_silent_host_three_seconds(kucoin_is: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "PROBE_TIMEOUT", 0.2)
    with silent_server() as url:
        kucoin_is(url)
        assert "no answer within" in ks.connect().target.reason


def test_the_environment_forces_a_target(sim: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUCOIN_STREAM_TARGET", sim.url)
    assert ks.connect().target.rest_url == sim.url
    assert ks.connect().target.mode == "url"
    monkeypatch.setenv("KUCOIN_STREAM_TARGET", "sim")
    assert ks.connect().target.mode == "sim"


def test_connect_is_idempotent_and_another_target_ends_the_one_before(sim: Simulator) -> None:
    first = ks.connect(sim.url)
    assert ks.connect(sim.url) is first
    book = ks.book("BTC-USDT").wait()
    trades = ks.trades("BTC-USDT")
    second = ks.connect("sim")
    assert second is not first
    until(lambda: sim.connections == 0)
    assert book.status.startswith("stopped: switched to the built-in exchange")
    assert trades.status.startswith("stopped: switched to")
    assert ks.connect("sim") is second


def test_a_failed_connect_leaves_the_client_before_as_it_is(sim: Simulator) -> None:
    first = ks.connect(sim.url)
    book = ks.book("BTC-USDT").wait()
    with pytest.raises(ks.errors.UnreachableError):
        ks.connect("http://127.0.0.1:1")
    assert ks.connect(sim.url) is first
    assert book.status == "live"


def test_a_capture_is_a_target_and_its_prices_say_replayed(spot_capture: Path) -> None:
    client = ks.connect(spot_capture, speed="max")
    assert client.target.mode == "replay"
    book = ks.book("BCHSV-USDT").wait()
    assert "REPLAYED" in repr(book)


def test_verbs_work_without_connect(sim: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUCOIN_STREAM_TARGET", sim.url)
    feed = ks.ticker("BTC-USDT")
    assert feed.status == "live"
    assert ks.status().df["topics"].sum() == 1


def test_stored_keys_stay_home(sim: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in zip(
        ("KUCOIN_API_KEY", "KUCOIN_API_SECRET", "KUCOIN_API_PASSPHRASE"), ("a", "b", "c"), strict=True
    ):
        monkeypatch.setenv(name, value)
    client = ks.connect(sim.url)  # with that wrong key, it would be refused
    assert client.engine.rest.signer is None


def test_no_secret_is_in_any_repr(sim: Simulator) -> None:
    known = sim.credentials
    client = ks.connect(sim.url, key=known.key, secret=known.secret, passphrase=known.passphrase)
    book = ks.book("BTC-USDT")
    texts = [
        repr(each) for each in (client, client.engine, client.engine.rest, client.engine.pool, book, client.settings)
    ]
    texts.append(repr(client.engine.rest.signer))
    for text in texts:
        for secret in (known.key, known.secret, known.passphrase):
            assert secret not in text
