"""`client.events`: what happens to connections, told in order, and made only where somebody listens."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import pytest

import kucoin_stream as ks
from kucoin_stream.errors import RefusedError, RemoteProtocolError, UsageError
from kucoin_stream.protocol import lifecycle
from kucoin_stream.protocol.messages import spot
from kucoin_stream.protocol.topic import Connection
from kucoin_stream.simulator import Simulator
from tests.conftest import until

Connect = Callable[..., ks.Client]

NAMES = ["open", "update", "reconnect", "reconnected", "close", "response", "authenticated", "exception"]


def names(events: list[Any]) -> list[str]:
    return [each.event for each in events]


def test_there_is_an_event_of_each_name_that_the_other_sdks_have():
    assert [kind.event for kind in lifecycle.KINDS] == NAMES


def test_the_life_of_a_connection(connect: Connect, sim: Simulator):
    client = connect()
    events: list[Any] = []
    client.events.sink(events.append)
    feed = client.trades("BTC-USDT")
    until(lambda: "update" in names(events))
    assert names(events[:3]) == ["open", "response", "update"]
    opened, response, update = events[:3]
    assert {each.key for each in events} == {Connection.SPOT_PUBLIC}
    assert opened.time_ns <= response.time_ns <= update.time_ns
    assert (response.request, response.topics, response.success) == ("subscribe", ("/market/match:BTC-USDT",), True)
    assert update.topic == "/market/match:BTC-USDT"
    assert type(update.data) is spot.Trade
    sim.faults.kill()
    until(lambda: "reconnected" in names(events))
    rest = [each for each in events if each.event != "update"]
    assert names(rest[2:]) == ["reconnect", "open", "response", "reconnected"]
    assert rest[2].reason
    feed.stop()
    until(lambda: names(events)[-1] == "close")
    assert {each.connection for each in events} == {opened.connection}


def test_an_unsubscribe_is_answered_too(client: ks.Client):
    events: list[Any] = []
    client.events.only("response").sink(events.append)
    kept, gone = client.trades("BTC-USDT"), client.trades("ETH-USDT")
    gone.stop()
    until(lambda: len(events) == 3)
    assert [(each.request, each.topics) for each in events] == [
        ("subscribe", kept.topics), ("subscribe", gone.topics), ("unsubscribe", gone.topics),
    ]  # fmt: skip


def test_a_private_connection_authenticates(client: ks.Client):
    events: list[Any] = []
    client.events.only("authenticated").sink(events.append)
    feeds = client.feed("account.orders"), client.feed("pro_account.orders", "UNIFIED")
    until(lambda: len(events) == 2)
    assert [each.key for each in events] == [feed.row.connection for feed in feeds]


def test_a_refusal_is_a_response_and_what_cannot_be_read_an_exception(client: ks.Client, sim: Simulator):
    events: list[Any] = []
    client.events.only("response", "exception").sink(events.append)
    sim.faults.refuse("/market/match:BTC-USDT", 404, "topic does not exist")
    with pytest.raises(RefusedError):
        client.trades("BTC-USDT")
    sim.faults.clear()
    feed = client.trades("ETH-USDT")
    sim.faults.inject('{"type":"message","topic":"/market/match:ETH-USDT","subject":"trade.l3match","data":{}}')
    sim.faults.inject('{"type":"error","code":509,"data":"exceed max permits per second"}')
    until(lambda: len(events) == 4)
    assert names(events) == ["response", "response", "exception", "exception"]
    refused, _, unread, error = events
    assert (refused.success, refused.code, refused.reason) == (False, 404, "topic does not exist")
    assert isinstance(unread.error, RemoteProtocolError)
    assert isinstance(error.error, RefusedError)
    assert error.error.code == 509
    assert feed.status == "live"


def test_an_attempt_that_fails_is_an_exception_and_the_next_one_follows(connect: Connect, sim: Simulator):
    client = connect()
    events: list[Any] = []
    client.events.sink(events.append)
    sim.faults.rest("/api/v1/bullet-public", 503, body="<html>busy</html>", times=2)
    feed = client.trades("BTC-USDT")
    until(lambda: "open" in names(events))
    assert names(events[:3]) == ["exception", "exception", "open"]
    assert feed.row.connection is events[0].key
    assert "HTTP 503" in str(events[0].error)


def test_nothing_is_made_of_what_nobody_listens_to(client: ks.Client):
    watchers = client.engine.pool.watchers
    events: list[Any] = []
    sink = client.events.only("reconnect").sink(events.append)
    until(lambda: watchers.want(lifecycle.ReconnectEvent))
    assert not watchers.want(lifecycle.UpdateEvent)
    sink.destroy()
    until(lambda: not watchers.want(lifecycle.ReconnectEvent))


def test_a_source_that_nobody_holds_is_not_told_any_more(client: ks.Client):
    watchers = client.engine.pool.watchers
    events: list[Any] = []
    sink = client.events.only("update").map(events.append)
    feed = client.trades("BTC-USDT")
    until(lambda: events)
    del sink
    gc.collect()
    until(lambda: not watchers.want(lifecycle.UpdateEvent))
    assert feed.status == "live"


def test_a_wrong_name_is_told_in_the_cell(client: ks.Client):
    with pytest.raises(UsageError, match="no such event 'recconect'; did you mean reconnect"):
        client.events.only("recconect")


@pytest.mark.usefixtures("_default")
def test_the_front_door_has_events_of_the_default_client(sim: Simulator):
    ks.connect(sim.url)
    events: list[Any] = []
    ks.events("open").sink(events.append)
    feed = ks.trades("BTC-USDT")
    assert names(until(lambda: events)) == ["open"]
    assert feed.status == "live"
