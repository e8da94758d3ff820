"""The recipes of ``kucoin_stream.envelopes`` over Kafka: with a broker of librdkafka's own that speaks the protocol."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamz import Stream

import kucoin_stream as ks
from kucoin_stream.envelopes import envelopes, pack, restored, unpack, write
from tests.conftest import until
from tests.streams.test_nodes import put, silent

kafka = pytest.importorskip("confluent_kafka")


@pytest.fixture
def broker() -> Iterator[str]:
    """The address of a broker that has the topic ``bus``, of four partitions."""
    options = {"bootstrap.servers": "none", "test.mock.num.brokers": 1, "log_level": 0}
    owner = kafka.Producer(options)
    brokers = owner.list_topics("bus", timeout=10).brokers.values()
    yield ",".join(f"{each.host}:{each.port}" for each in brokers)
    del owner


def producing(broker: str, **more: Any) -> dict[str, Any]:
    return {"bootstrap.servers": broker, "partitioner": "consistent", "enable.idempotence": True, "log_level": 0} | more


def consuming(broker: str, group: str) -> dict[str, Any]:
    return {"bootstrap.servers": broker, "group.id": group, "auto.offset.reset": "earliest", "log_level": 0}


def test_what_one_process_receives_others_have_over_kafka(client: ks.Client, broker: str, tmp_path: Path) -> None:
    book, trades = client.book("BTC-USDT").wait(), client.trades("BTC-USDT")
    bus = envelopes(book, trades)
    sent: list[Any] = []
    out = bus.batch("20ms", to="list").map(lambda some: sent.extend(some) or pack(some))
    out = out.to_kafka("bus", producing(broker))
    bus.start()
    one = Stream.from_kafka(["bus"], consuming(broker, "one"), poll_interval=0.01)
    mine = one.map(unpack).flatten().sink_to_list()
    one.start()
    until(lambda: len(mine) > 50, timeout=30)
    bus.stop()
    until(lambda: sent and len(mine) == len(sent) and b'"kind":"book"' in sent[-1].raw, timeout=30)
    assert mine == sent
    one.stop()
    until(lambda: one.consumer is None)

    two = Stream.from_kafka_batched("bus", consuming(broker, "two"), poll_interval="20ms")
    theirs = two.flatten().map(unpack).flatten().sink_to_list()
    two.start()
    until(lambda: len(theirs) == len(sent), timeout=30)
    assert list(restored(theirs)) == sent
    two.upstreams[0].stop()

    state = [each for each in sent if not each.on and each.topic in book.topics][-1]
    write(tmp_path / "bus.kcs", mine)
    with ks.Client(tmp_path / "bus.kcs", speed="max") as again:
        rebuilt = again.book("BTC-USDT")
        until(lambda: rebuilt.sequence == state.sequence)
    assert sum(branch.error_count for branch in bus.upstreams[0].branches) == 0


def test_a_branch_does_not_wait_for_a_look_five_times_a_second(client: ks.Client, broker: str) -> None:
    feed = silent(client)
    out = feed.to_kafka("bus", producing(broker))
    delivered = out.sink_to_list()
    put(client, feed, *(b"%d" % n for n in range(40)))
    until(lambda: len(delivered) == 40, timeout=6)  # streamz's own: 8 s
    assert delivered == [b"%d" % n for n in range(40)]


def test_what_kafka_does_not_take_is_reported_and_the_next_one_is_sent(client: ks.Client, broker: str) -> None:
    feed, failures = silent(client), list[Any]()
    feed.errors.sink(failures.append)
    out = feed.to_kafka("bus", producing(broker, **{"message.max.bytes": 2000}))
    delivered = out.sink_to_list()
    put(client, feed, b"a", b"x" * 5000, b"b")
    until(lambda: delivered == [b"a", b"b"])
    until(lambda: [(each.exception, each.node) for each in failures] == [("KafkaException", "<to_kafka>")])


def test_without_an_answer_of_kafka_it_is_reported(client: ks.Client) -> None:
    feed, failures = silent(client), list[Any]()
    feed.errors.sink(failures.append)
    options = {"bootstrap.servers": "127.0.0.1:1", "message.timeout.ms": 200, "log_level": 0}
    delivered = feed.to_kafka("bus", options).sink_to_list()
    put(client, feed, b"a")
    until(lambda: [each.exception for each in failures] == ["KafkaException"])
    assert "timed out" in failures[0].text.lower()
    assert delivered == []
