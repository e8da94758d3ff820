"""Who gets which message of a socket read; nobody who fails takes another with it."""

from __future__ import annotations

from typing import Any

from kucoin_stream.protocol.events import Acknowledged, Disconnected, Gap
from kucoin_stream.protocol.messages.envelope import Push
from kucoin_stream.transport.routes import Routes


class Reader:
    """Keeps what it gets, a list a flush; raises where ``broken``."""

    def __init__(self, broken: bool = False) -> None:
        self.pending: list[Any] = []
        self.flushed: list[list[Any]] = []
        self.told: list[Any] = []
        self.broken = broken

    def flush(self) -> None:
        if self.broken:
            raise ZeroDivisionError
        if self.pending:
            self.flushed.append(self.pending)
            self.pending = []

    def news(self, news: Any) -> None:
        self.told.append(news)


def routes_of(**readers: Reader) -> tuple[Routes, list[Exception]]:
    failures: list[Exception] = []
    routes = Routes(failures.append)
    for topic, reader in readers.items():
        routes.add(topic, reader)
    return routes, failures


def test_each_reader_gets_its_own_once_a_read_and_all_else_goes_to_the_connection() -> None:
    both, b = Reader(), Reader()
    routes, failures = routes_of(a=both, b=both)
    routes.add("b", b)
    handled: list[Any] = []
    read = [Push("a", 1), Acknowledged("7"), Push("b", 2), Push("c", 3), Push("a", 4)]
    assert routes.deliver(read, handled.append) == 3
    assert both.flushed == [[1, 2, 4]]
    assert b.flushed == [[2]]
    assert handled == [Acknowledged("7")]
    assert (len(routes), routes.readers, failures) == (2, 2, [])


def test_a_reader_that_raises_hears_that_the_rest_is_lost_and_its_neighbours_nothing() -> None:
    broken, well = Reader(broken=True), Reader()
    routes, failures = routes_of(a=broken)
    routes.add("a", well)
    routes.deliver([Push("a", 1)], lambda event: None)
    assert well.flushed == [[1]]
    assert broken.pending == []
    assert broken.told == [Gap("a", "an error here: ZeroDivisionError")]
    assert [type(each) for each in failures] == [ZeroDivisionError]


def test_news_come_after_what_was_pending() -> None:
    reader = Reader()
    routes, _ = routes_of(a=reader)
    reader.pending.append(1)
    routes.tell(Disconnected("a", "why"))
    assert reader.flushed == [[1]]
    assert reader.told == [Disconnected("a", "why")]


def test_the_last_reader_that_leaves_is_told_apart() -> None:
    one, other = Reader(), Reader()
    routes, _ = routes_of(a=one)
    routes.add("a", other)
    routes.add("a", other)  # once is enough
    assert routes.remove("a", one) is False
    assert routes.remove("a", other) is True
    assert routes.remove("a", other) is False
    assert "a" not in routes


def test_positions_of_all_contracts_come_under_either_name() -> None:
    one, every = Reader(), Reader()
    routes, _ = routes_of(**{"/contract/positionAll": every, "/contract/position:XBTUSDTM": one})
    routes.deliver(
        [
            Push("/contract/position:XBTUSDTM", 1),
            Push("/contract/position:ETHUSDTM", 2),
            Push("/contract/positionAll", 3),
        ],
        lambda event: None,
    )
    assert one.flushed == [[1]]
    assert every.flushed == [[1, 2, 3]]
