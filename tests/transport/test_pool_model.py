"""Whatever happens, and in whatever order: once things are quiet, what is wanted is served, and nothing else.

Pool, plan, rotation and the classic machine run as they are, in virtual time. Only the network is a model: an exchange
that serves, refuses, ignores, falls silent, goes away, and comes back.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from kucoin_stream.errors import UnreachableError
from kucoin_stream.protocol import topics as catalogue
from kucoin_stream.protocol.classic import ClassicProtocol
from kucoin_stream.protocol.events import News, Refused
from kucoin_stream.protocol.topic import Connection as Key
from kucoin_stream.settings import Limits, Settings
from kucoin_stream.transport.connection import Wire
from kucoin_stream.transport.dial import Line
from kucoin_stream.transport.pool import Pool
from kucoin_stream.transport.tapeloop import MAX, Clock, TapeLoop

LIMITS = Limits(topics_per_command=2, topics_per_connection=3, connections_per_minute=10)
TRADES = [catalogue.find("spot.trades").wire(symbol) for symbol in ("A-B", "C-D", "E-F", "G-H")]
TICKERS = [catalogue.find("spot.ticker").wire(symbol) for symbol in ("A-B", "C-D", "E-F")]
FORBIDDEN = frozenset({TRADES[3], TICKERS[2]})
TOPICS = st.lists(st.sampled_from(TRADES + TICKERS), min_size=1, max_size=5, unique=True)
QUIET = 600.0  # seconds: longer than all time-outs, delays and limits together


class Network:
    """The exchange, and the way to it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.sockets: list[FakeSocket] = []
        self.calm()

    def calm(self) -> None:
        self.reachable = self.welcomes = self.acknowledges = self.pongs = True
        self.busy = 0  # commands that are refused with an error that passes
        self.delay = 0.01

    @property
    def alive(self) -> list[FakeSocket]:
        return [socket for socket in self.sockets if socket.is_open and not socket.dead]

    async def dial(self, key: Key) -> Line:
        await asyncio.sleep(self.delay)
        if not self.reachable:
            raise UnreachableError("websocket", "no token")
        return Line("ws://exchange", ClassicProtocol(now=self.loop.time(), limits=LIMITS))

    async def open(self, url: str, deliver: Callable[[list[bytes]], None], options: Settings) -> FakeSocket:
        await asyncio.sleep(self.delay)
        socket = FakeSocket(self, deliver)
        self.sockets = [each for each in self.sockets if each.is_open] + [socket]
        if self.welcomes:
            socket.say({"id": "x", "type": "welcome"})
        return socket

    def push(self, topic: str, number: int) -> None:
        symbol = topic.partition(":")[2]
        trade = {
            "symbol": symbol,
            "side": "buy",
            "price": "1",
            "size": "1",
            "time": "1700000000000000000",
            "tradeId": str(number),
        }
        ticker = {
            "sequence": str(number),
            "price": "1",
            "size": "1",
            "bestAsk": "1",
            "bestBid": "1",
            "time": 1700000000000,
        }
        data, subject = (trade, "trade.l3match") if topic in TRADES else (ticker, "trade.ticker")
        payload = {"type": "message", "topic": topic, "subject": subject, "data": data | {"sequence": str(number)}}
        for socket in self.alive:
            if topic in socket.served:
                socket.say(payload)


class FakeSocket:
    """One websocket, seen from both ends."""

    def __init__(self, network: Network, deliver: Callable[[list[bytes]], None]) -> None:
        self.served: set[str] = set()
        self.dead = False  # half open: nothing comes and goes
        self._network = network
        self._deliver = deliver
        self._end: asyncio.Future[str] = network.loop.create_future()

    @property
    def is_open(self) -> bool:
        return not self._end.done()

    def say(self, what: Any) -> None:
        message = what if isinstance(what, bytes) else msgspec.json.encode(what)
        self._network.loop.call_later(self._network.delay, self._arrive, message)

    def _arrive(self, message: bytes) -> None:
        if self.is_open and not self.dead:
            self._deliver([message])

    def send(self, messages: Iterable[bytes]) -> None:
        assert self.is_open
        for message in messages:
            if not self.dead:
                self._take(msgspec.json.decode(message))

    def _take(self, said: dict[str, Any]) -> None:
        network, kind = self._network, said["type"]
        if kind == "ping":
            if network.pongs:
                self.say({"id": said["id"], "type": "pong"})
            return
        stem, _, arguments = said["topic"].partition(":")
        wanted = {f"{stem}:{each}" for each in arguments.split(",")}
        assert len(wanted) <= LIMITS.topics_per_command
        if kind == "unsubscribe":
            self.served -= wanted
            self.say({"id": said["id"], "type": "ack"})
        elif network.busy:
            network.busy -= 1
            self.say({"id": said["id"], "type": "error", "code": 509, "data": "exceed max permits per second"})
        elif wanted & FORBIDDEN:
            self.say({"id": said["id"], "type": "error", "code": 404, "data": "topic does not exist"})
        elif network.acknowledges:
            self.served |= wanted
            assert len(self.served) <= LIMITS.topics_per_connection
            self.say({"id": said["id"], "type": "ack"})

    async def close(self) -> None:
        self.end("closed")

    def abort(self) -> None:
        self.end("the connection was lost")

    def end(self, why: str) -> None:
        if self.is_open:
            self._end.set_result(why)

    async def wait_closed(self) -> str:
        return await asyncio.shield(self._end)


class Reader:
    """Reads topics, and remembers what it got of each."""

    def __init__(self) -> None:
        self.pending: list[Any] = []
        self.topics: list[str] = []
        self.got: list[tuple[str, int]] = []
        self.refused: set[str] = set()

    def flush(self) -> None:
        messages, self.pending = self.pending, []
        for message in messages:
            kind = "match" if hasattr(message, "trade_id") else "ticker"
            self.got.append((f"/market/{kind}:{message.symbol}", message.sequence))

    def news(self, news: News) -> None:
        if isinstance(news, Refused):
            self.refused.add(news.topic)


class Life(RuleBasedStateMachine):
    """Users, the exchange and the network do what they like."""

    @initialize()
    def begin(self) -> None:
        clock = Clock()
        clock.run(MAX)
        self.loop = TapeLoop(clock)
        self.network = Network(self.loop)
        self.readers = [Reader(), Reader(), Reader()]
        self.numbers = itertools.count(1)
        options = Settings(limits=LIMITS, rotate_after=3000.0)
        self.pool = Pool(Wire(self.network.dial, self.network.open), options)

        logging.getLogger("kucoin_stream").setLevel(logging.CRITICAL)  # an hour of faults

    def run(self, seconds: float = 0.0) -> None:
        async def passing() -> None:
            await asyncio.sleep(seconds)

        self.loop.run_until_complete(passing())

    def perform(self, function: Callable[..., Any], *args: Any) -> None:
        async def performing() -> None:
            function(*args)

        self.loop.run_until_complete(performing())

    # -- users ---------------------------------------------------------------------------------------------------

    @rule(which=st.integers(0, 2), topics=TOPICS)
    def read(self, which: int, topics: list[str]) -> None:
        reader = self.readers[which]
        fresh = [topic for topic in topics if topic not in reader.topics]
        reader.topics += fresh
        reader.refused -= set(fresh)
        self.perform(self.pool.attach, fresh, reader)

    @rule(which=st.integers(0, 2), count=st.integers(1, 4))
    def leave(self, which: int, count: int) -> None:
        reader = self.readers[which]
        gone, reader.topics = reader.topics[:count], reader.topics[count:]
        self.perform(self.pool.detach, gone, reader)

    @rule(topics=TOPICS)
    def renew(self, topics: list[str]) -> None:
        self.perform(self.pool.renew, topics)

    # -- time and messages ---------------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([0.005, 0.03, 0.3, 2.5, 12.0, 40.0, 4000.0]))
    def time_passes(self, seconds: float) -> None:
        self.run(seconds)

    @rule(topics=TOPICS)
    def messages_come(self, topics: list[str]) -> None:
        for topic in topics:
            self.network.push(topic, next(self.numbers))

    @rule()
    def rotate(self) -> None:
        self.perform(self.pool.rotate)

    @rule()
    def wake(self) -> None:
        self.perform(self.pool.woke, 3600.0)

    # -- faults --------------------------------------------------------------------------------------------------

    @rule(
        mood=st.sampled_from(["reachable", "welcomes", "acknowledges", "pongs"]),
        well=st.booleans(),
        delay=st.sampled_from([0.001, 0.2, 3.0]),
    )
    def mood_changes(self, mood: str, well: bool, delay: float) -> None:
        setattr(self.network, mood, well)
        self.network.delay = delay

    @rule(commands=st.integers(1, 3))
    def busy(self, commands: int) -> None:
        self.network.busy = commands

    @precondition(lambda self: self.network.alive)
    @rule(data=st.data(), how=st.sampled_from(["lost", "half open", "garbage", "over"]))
    def a_socket_suffers(self, data: st.DataObject, how: str) -> None:
        alive = self.network.alive
        socket = alive[data.draw(st.integers(0, len(alive) - 1))]
        match how:
            case "lost":
                self.perform(socket.end, "the connection was lost")
            case "half open":
                socket.dead = True
            case "garbage":
                socket.say(b"\x00 this is not JSON {")
            case "over":
                socket.say({"type": "error", "code": 401, "data": "token is expired"})

    # -- the end -------------------------------------------------------------------------------------------------

    def teardown(self) -> None:
        if not hasattr(self, "pool"):
            return
        try:
            self.network.calm()
            self.run(QUIET)
            self.check()
        finally:
            self.loop.run_until_complete(self.pool.close())
            self.run(1.0)
            assert not [socket for socket in self.network.sockets if socket.is_open]
            assert not asyncio.all_tasks(self.loop)
            self.loop.close()
            logging.getLogger("kucoin_stream").setLevel(logging.NOTSET)

    def check(self) -> None:
        wanted = {topic for reader in self.readers for topic in reader.topics}
        served = sorted(topic for socket in self.network.alive for topic in socket.served)
        assert served == sorted(wanted - FORBIDDEN), "each wanted topic on one connection, and no other"
        left = [socket for socket in self.network.sockets if socket.is_open]
        assert len(left) == len(self.pool.statistics()), "no socket is left over"
        for reader in self.readers:
            assert reader.refused & set(reader.topics) == set(reader.topics) & FORBIDDEN
            reader.got.clear()
        for topic in [*TRADES, *TICKERS]:
            self.network.push(topic, next(self.numbers))
        self.run(1.0)
        for reader in self.readers:
            got = sorted(topic for topic, _ in reader.got)
            assert got == sorted(set(reader.topics) - FORBIDDEN), "each message once"


Life.TestCase.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
TestLife = Life.TestCase
