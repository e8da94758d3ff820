"""How long messages take, stage by stage, and whose clock is ahead."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

import kucoin_stream as ks
from kucoin_stream.protocol.messages.envelope import Push
from kucoin_stream.protocol.messages.spot import IndexPrice, Trade
from kucoin_stream.transport.latency import KEPT, Clock, Samples, time_of
from tests.conftest import until

NOW = 1_700_000_000.0  # Unix seconds


@pytest.fixture
def _stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: NOW)


@pytest.mark.parametrize(
    ("data", "made_ns"),
    [
        (Trade("BTC-USDT", "buy", 1.0, 1.0, 1_700_000_000_123_456_789, "1", 1), 1_700_000_000_123_456_789),
        (IndexPrice("USDT-BTC", 1.0, timestamp_ms=1_700_000_000_123), 1_700_000_000_123_000_000),
        ({"some": "map"}, None),
    ],
)
def test_the_time_of_a_message_is_in_nanoseconds_whatever_it_is_called(data: Any, made_ns: int | None) -> None:
    assert time_of(Push("topic", data)) == made_ns


@pytest.mark.usefixtures("_stopped_clock")
def test_the_quickest_pong_tells_the_clock() -> None:
    clock = Clock()
    assert (clock.offset, clock.error == clock.error) == (0.0, False)
    clock.pong(int((NOW + 2.0) * 1e9), 0.5)
    clock.pong(int((NOW + 1.6) * 1e9), 0.1)
    clock.pong(int((NOW + 9.0) * 1e9), 3.0)
    assert clock.offset == pytest.approx(1.65)
    assert clock.error == pytest.approx(0.05)


@pytest.mark.usefixtures("_stopped_clock")
def test_what_is_no_clock_is_not_taken_for_one() -> None:
    clock = Clock()
    clock.pong(5, 0.1)
    assert clock.offset == 0.0


def test_only_the_last_samples_are_kept_but_all_are_counted() -> None:
    samples = Samples()
    for number in range(KEPT + 10):
        samples.add(float(number))
    assert (samples.count, samples.copy()[0], len(samples.copy())) == (KEPT + 10, 10.0, KEPT)


def test_every_stage_of_the_way_is_timed(client: ks.Client) -> None:
    assert client.latency()["samples"].drop("picture").tolist() == [0, 0, 0, 0]  # that is of the whole process
    client.trades("BTC-USDT", "ETH-USDT", "SOL-USDT").map(lambda trade: time.sleep(0.002)).sink(lambda _: None)
    until(lambda: (client.latency().loc[["exchange", "parse", "queue", "dispatch"], "samples"] > 5).all(), "samples")
    latency = client.latency()
    assert list(latency.index) == ["exchange", "parse", "queue", "dispatch", "picture"]
    assert latency.loc["dispatch", "p50_ms"] >= 2.0
    assert (latency["p50_ms"].dropna() <= latency["p99_ms"].dropna()).all()
    assert (latency["p99_ms"].dropna() <= latency["max_ms"].dropna()).all()
    assert latency.loc["parse", "p50_ms"] < latency.loc["dispatch", "p50_ms"]


def test_the_time_that_messages_wait_is_told_of_those_that_wait_still_too(client: ks.Client) -> None:
    gate, feed = threading.Event(), client.level2("BTC-USDT")
    feed.sink(lambda _: gate.wait(20))
    begin = time.monotonic()
    until(lambda: client.latency().loc["queue", "max_ms"] > 300, "some wait")
    assert time.monotonic() - begin > 0.3
    gate.set()
    until(lambda: not feed.statistics()["inbox"])
    (branch,) = feed.branches
    assert 0.3 < max(branch.queued.copy()) < time.monotonic() - begin


def test_until_a_pong_tells_the_time_that_of_rest_counts(client: ks.Client) -> None:
    client.engine.rest.clock_offset = 5.0
    assert client.latency().attrs["clock_offset_ms"] == client.statistics()["clock_offset_ms"] == 5000.0
    client.engine.wire.latency.clock.pong(time.time_ns() + 10**9, 0.0)
    told = client.latency().attrs["clock_offset_ms"]
    assert told == client.statistics()["clock_offset_ms"] == pytest.approx(1000, abs=5)


def test_pongs_tell_how_far_the_exchanges_clock_is_off(connect: Callable[..., ks.Client]) -> None:
    client = connect(ping_interval=0.2)
    ticker = client.ticker("BTC-USDT")
    until(lambda: client.latency().attrs["clock_error_ms"] < 1000, "a pong told the time")
    assert abs(client.latency().attrs["clock_offset_ms"]) < 1000
    assert ticker.status == "live"


def test_a_kernel_that_keeps_the_interpreter_is_called_busy(client: ks.Client) -> None:
    assert client.latency().attrs["kernel_busy"] is False
    client.engine.call(time.sleep, 1.5)
    until(lambda: client.engine.pulse.late > 0.25, "noticed")
    assert client.latency().attrs["kernel_busy"] is True
    assert client.status().note.startswith("kernel busy: ")
