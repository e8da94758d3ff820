"""What the matrix found, in small: answers that are always late, and messages that came before their ack."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kucoin_stream.protocol.classic import ClassicProtocol
from kucoin_stream.protocol.events import Acknowledged, Disconnected, Gap, Restarted, Unanswered
from kucoin_stream.protocol.wsapi import WsApiProtocol
from kucoin_stream.streams.feed import _IncrementalInlet
from kucoin_stream.transport.plan import Plan

TOPIC = "/market/level2:BTC-USDT"


def test_an_answer_that_is_always_late_counts_in_the_end() -> None:
    protocol = ClassicProtocol(now=0.0, ack_timeout=10.0, ping_interval=1000.0)
    protocol.receive([b'{"id":"x","type":"welcome"}'], 0.0)
    first, now = protocol.subscribe(TOPIC), 0.0
    protocol.data_to_send(now)
    assert protocol.tick(10.0) == [Unanswered(first)]
    second = protocol.subscribe(TOPIC)
    protocol.data_to_send(10.0)
    assert protocol.next_tick() == 30.0
    assert protocol.tick(25.0) == []
    ack = json.dumps({"id": second, "type": "ack"}).encode()
    assert protocol.receive([ack], 25.0) == [Acknowledged(second)]


def test_who_waits_for_an_order_waits_no_longer_than_they_said() -> None:
    assert WsApiProtocol.most_patience == 1.0


@pytest.mark.parametrize(
    ("happened", "expected"),
    [
        ([], []),  # nothing was asked yet
        (["opened"], [TOPIC]),
        (["opened", "acknowledged"], []),
        (["opened", "lost"], []),
        (["opened", "acknowledged", "lost", "opened"], [TOPIC]),
    ],
)
def test_what_was_asked_for_and_not_answered_may_have_come(happened: list[str], expected: list[str]) -> None:
    plan = Plan()
    plan.want([TOPIC])
    for each in happened:
        getattr(plan, each)(1, *([(TOPIC,)] if each == "acknowledged" else []))
    assert plan.unsettled(1) == expected


class Reader:
    """Keeps what an inlet hands on."""

    wants_news, gone, waiting = True, False, 0

    def __init__(self) -> None:
        self.got: list[Any] = []

    def put(self, messages: list[Any]) -> None:
        self.got += messages


LOST = Gap(TOPIC, "lost")


@pytest.mark.parametrize(
    ("received", "news", "expected"),
    [
        pytest.param(0, [LOST, Disconnected(TOPIC, "lost"), Restarted(TOPIC)], [], id="nothing had come"),
        pytest.param(1, [LOST, Disconnected(TOPIC, "lost"), Restarted(TOPIC)], [LOST], id="before its ack"),
        pytest.param(0, [Gap(TOPIC, "unreadable", 1)], [Gap(TOPIC, "unreadable", 1)], id="the first cannot be read"),
    ],
)
def test_a_feed_tells_a_loss_where_something_had_come(received: int, news: list[Any], expected: list[Any]) -> None:
    inlet, reader = _IncrementalInlet([TOPIC]), Reader()
    inlet.branches.append(reader)  # type: ignore[arg-type]
    inlet.received = received
    for each in news:
        inlet.news(each)
    inlet.flush()
    assert reader.got == expected
