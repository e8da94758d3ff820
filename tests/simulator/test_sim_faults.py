from typing import Any

import pytest

from kucoin_stream.errors import UsageError
from kucoin_stream.simulator.faults import LIMITS, Deed, Faults
from kucoin_stream.simulator.market import Refusal


def test_deeds_are_handed_on():
    done = []
    faults = Faults(done.append)
    faults.kill()
    faults.bye()
    faults.inject("rubbish")
    faults.inject(b"\x00")
    assert done == [Deed("kill"), Deed("bye"), Deed("inject", "rubbish"), Deed("inject", b"\x00")]


@pytest.mark.parametrize(
    ("prepare", "copies"),
    [
        (lambda faults: None, [1, 1, 1]),
        (lambda faults: faults.gap("A-B", 2), [0, 0, 1]),
        (lambda faults: faults.duplicate("A-B"), [2, 1, 1]),
        (lambda faults: (faults.gap("A-B", 1), faults.duplicate("A-B")), [0, 2, 1]),
        (lambda faults: faults.gap("C-B", 2), [1, 1, 1]),
        (lambda faults: faults.silence("/market/level2:A-B"), [0, 0, 0]),
        (lambda faults: faults.silence("/market/level2"), [0, 0, 0]),
        (lambda faults: faults.silence("/market/match"), [1, 1, 1]),
        (lambda faults: (faults.silence("/market/level2"), faults.clear()), [1, 1, 1]),
    ],
)
def test_copies_of_the_next_messages(prepare, copies):
    faults = Faults()
    prepare(faults)
    assert [faults.copies("/market/level2:A-B") for _ in copies] == copies


def test_rest_fails_so_often():
    faults = Faults()
    faults.rest("/api/v1/bullet", 429, "429000", "Too Many Requests", times=2)
    assert [fault and fault.status for fault in map(faults.rest_fault, ["/api/v1/bullet-public"] * 3)] == [
        429,
        429,
        None,
    ]
    assert faults.rest_fault("/api/v1/status") is None


def test_topics_are_refused_one_by_one_or_by_path():
    faults = Faults()
    faults.refuse("/market/match:A-B", 509, "no")
    faults.refuse("/market/candles", 404, "topic does not exist")
    assert faults.refusal("/market/match:A-B") == Refusal(509, "no")
    assert faults.refusal("/market/match:C-B") is None
    assert faults.refusal("/market/candles:A-B_1min") == Refusal(404, "topic does not exist")
    faults.clear()
    assert faults.refusal("/market/match:A-B") is None


@pytest.mark.parametrize(
    "topic",
    ["/contractMarket/level2:XBTUSDTM", "obu.FUTURES:XBTUSDTM_increment", "obu.FUTURES:XBTUSDTM_increment@10ms"],
)
def test_a_gap_is_in_every_incremental_book(topic):
    faults = Faults()
    faults.gap("XBTUSDTM")
    assert [faults.copies(topic) for _ in range(2)] == [0, 1]


@pytest.mark.parametrize(
    ("kind", "prepare", "delay"),
    [
        ("welcome", {}, 0.0),
        ("welcome", {"late_welcome": 0.5}, 0.5),
        ("welcome", {"welcome": False}, None),
        ("ack", {"late_acks": 0.5}, 0.5),
        ("ack", {"mute_acks": True, "late_acks": 0.5}, None),
        ("answer", {"mute_acks": True}, None),
        ("pong", {"mute_pongs": True}, None),
        ("error", {"mute_acks": True, "mute_pongs": True, "welcome": False}, 0.0),
    ],
)
def test_frames_are_late_or_missing_by_their_kind(kind, prepare, delay):
    faults = Faults()
    for name, value in prepare.items():
        setattr(faults, name, value)
    assert faults.delay(kind) == delay


@pytest.mark.parametrize(
    ("status", "code", "text"),
    [
        (401, "400003", "KC-API-KEY not exists"),
        (429, "429000", "Too many requests in a short period of time, please retry later"),
        (451, "500000", "Internal Server Error"),
        (500, "500000", "Internal Server Error"),
        (503, "500000", "Internal Server Error"),
    ],
)
def test_a_rest_fault_that_names_no_code_has_kucoins_for_its_status(status: int, code: str, text: str) -> None:
    faults = Faults()
    faults.rest("/api", status)
    fault = faults.rest_fault("/api/v1/timestamp")
    assert fault is not None
    assert (fault.status, fault.code, fault.reason) == (status, code, text)


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf"), 1e300, True, "2"])
def test_a_delay_that_makes_no_sense_is_refused(value: Any) -> None:
    faults = Faults()
    for name in LIMITS:
        if name != "clock_offset" or value != -1.0:
            with pytest.raises(UsageError, match=f"{name} is a number of seconds"):
                setattr(faults, name, value)
