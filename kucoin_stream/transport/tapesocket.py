"""What a connection has in place of a websocket while a tape is played."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from kucoin_stream.errors import RequestError
from kucoin_stream.protocol import topics
from kucoin_stream.protocol.bookfeeds import FEEDS
from kucoin_stream.protocol.messages.envelope import Push
from kucoin_stream.protocol.topic import ORDERS, Connection
from kucoin_stream.recording.lines import Book
from kucoin_stream.recording.reader import Tape
from kucoin_stream.settings import Settings
from kucoin_stream.transport.connection import Wire
from kucoin_stream.transport.dial import Line as Attempt
from kucoin_stream.transport.machines import is_pro, key_of, machine_of
from kucoin_stream.transport.socket import Deliver

_NOT_FOUND = 404
_SNAPSHOT = b'"snapshot"'


class TapeSocket:
    """Welcomes, acknowledges commands for topics ``on_tape``, and refuses all else. Lives on the loop thread.

    ``fresh`` are the topics whose snapshot comes in the stream, and has not come yet.
    """

    def __init__(
        self,
        deliver: Deliver,
        on_tape: set[str],
        asked: Callable[[], None],
        closed: Callable[[TapeSocket], None],
        *,
        key: Connection,
    ) -> None:
        self.fresh: set[str] = set()
        self._wanted: set[str] = set()
        self._deliver = deliver
        self._on_tape = on_tape
        self._asked = asked
        self._closed = closed
        self._pro = pro = is_pro(key)
        self._reader = machine_of(key)
        self._loop = asyncio.get_running_loop()
        self._end: asyncio.Future[str] = self._loop.create_future()
        self._answer({"sessionId": "tape", "message": "welcome"} if pro else {"id": "tape", "type": "welcome"})

    @property
    def is_open(self) -> bool:
        """Whether messages can be sent."""
        return not self._end.done()

    def deliver(self, batch: list[bytes]) -> None:
        """Hand over the messages of one socket read."""
        if self.fresh:
            self._note_snapshots(batch)
        if self.is_open:
            self._deliver(batch)

    def restart(self, fresh: frozenset[str] | None = None) -> None:
        """All topics begin anew; or only ``fresh``."""
        self.fresh = {topic for topic in self._wanted if _begins_in_stream(topic) and (fresh is None or topic in fresh)}

    def _note_snapshots(self, batch: list[bytes]) -> None:
        for event in self._reader.receive([each for each in batch if _SNAPSHOT in each], 0.0):
            if isinstance(event, Push):
                self.fresh.discard(event.topic)

    def send(self, messages: Iterable[bytes]) -> None:
        """Answer what a machine says."""
        for message in messages:
            said = msgspec.json.decode(message)
            if said.get("type") != "ping":
                self._command(said)

    def _command(self, said: dict[str, Any]) -> None:
        kind = str(said.get("action") or said.get("type")).lower()
        wanted = _pro_topics(said) if self._pro else _classic_topics(said["topic"])
        missing = [topic for topic in wanted if topic not in self._on_tape]
        if kind == "subscribe" and missing:
            reason = f"not on the tape: {', '.join(missing)[:200]}"
            error = {"message": reason} if self._pro else {"type": "error", "data": reason}
            self._answer({"id": said["id"], "code": _NOT_FOUND, "result": False, **error})
            return
        if kind == "subscribe":
            self._wanted.update(wanted)
            self.fresh.update(filter(_begins_in_stream, wanted))
        else:
            self._wanted.difference_update(wanted)
        self._asked()
        self._answer({"id": said["id"], **({"result": True} if self._pro else {"type": "ack"})})

    def _answer(self, answer: dict[str, Any]) -> None:
        self._loop.call_soon(self.deliver, [msgspec.json.encode(answer)])

    async def close(self) -> None:
        """Close in order."""
        self.abort()

    def abort(self) -> None:
        """Drop the connection at once."""
        if not self._end.done():
            self._end.set_result("closed")
            self._closed(self)

    async def wait_closed(self) -> str:
        """Wait for the end; return why it came."""
        return await asyncio.shield(self._end)


class Sockets:
    """The sockets of a tape that is played, by kind: what stands in the place of the network.

    ``asked`` is called after each command. Lives on the loop thread.
    """

    def __init__(self, tape: Tape, asked: Callable[[], None], now: Callable[[], float]) -> None:
        self.wire = Wire(self._dial, self._open)
        self.wire.lasting = True
        self._tape = tape
        self._asked = asked
        self._now = now
        self._sockets: dict[Connection, list[TapeSocket]] = {}

    def __repr__(self) -> str:
        return f"<Sockets {sum(map(len, self._sockets.values()))}>"

    def __iter__(self) -> Iterator[TapeSocket]:
        return (socket for sockets in list(self._sockets.values()) for socket in list(sockets))

    def deliver(self, on: str, batch: list[bytes]) -> None:
        """Hand the messages of one socket read to the connection of the kind that they came on."""
        if sockets := self._sockets.get(key_of(on)):
            sockets[0].deliver(batch)

    def learn(self, book: Book) -> None:
        """Give a whole book to those whose snapshot comes in the stream, and has not come yet."""
        for socket in self:
            if book.topic in socket.fresh and (frame := snapshot_frame(book)):
                socket.deliver([frame])

    @property
    def fresh(self) -> frozenset[str]:
        """The topics whose snapshot has not come yet."""
        return frozenset(topic for socket in self for topic in socket.fresh)

    def restart(self, fresh: frozenset[str] | None = None) -> None:
        """All topics begin anew; or only ``fresh``."""
        for socket in self:
            socket.restart(fresh)

    async def _dial(self, key: Connection) -> Attempt:
        if key in ORDERS:
            raise RequestError("a tape takes no orders")
        return Attempt(key.value, machine_of(key, self._now()))

    async def _open(self, url: str, deliver: Deliver, settings: Settings) -> TapeSocket:  # noqa: ARG002
        key = Connection(url)
        socket = TapeSocket(deliver, self._tape.topics, self._asked, self._closed, key=key)
        self._sockets.setdefault(key, []).append(socket)
        return socket

    def _closed(self, socket: TapeSocket) -> None:
        for sockets in self._sockets.values():
            if socket in sockets:
                sockets.remove(socket)


def _classic_topics(wire: str) -> list[str]:
    row, argument = topics.parse(wire)
    return [row.wire(each) for each in argument.split(",")] if argument else [row.wire()]


def _pro_topics(said: dict[str, Any]) -> list[str]:
    """Return the topics of a Pro command, as the catalogue writes them (protocol.md 6.2)."""
    channel, depth, interval = said.get("channel", ""), said.get("depth", ""), said.get("interval", "")
    if account := said.get("accountType"):
        return [f"{channel}:{account}"]
    stem = f"{channel}.{said['tradeType']}" if said.get("tradeType") else channel
    if depth:
        stem = f"{stem}@{depth}"
    symbols = said.get("symbols") or [said.get("symbol", "")]
    return [f"{stem}:{symbol}_{interval}" if interval else f"{stem}:{symbol}" for symbol in symbols]


def snapshot_frame(book: Book) -> bytes | None:
    """Return a push of a whole book, where its topic has such pushes (protocol.md 5.6)."""
    if not _begins_in_stream(book.topic):
        return None
    row, symbol = topics.parse(book.topic)
    channel, _, depth = row.stem.partition("@")
    levels = {"a": book.asks, "b": book.bids, "s": symbol, "O": book.sequence, "C": book.sequence, "M": book.t}
    return msgspec.json.encode({"T": channel, "dp": depth, "t": "snapshot", "P": book.t, "d": levels})


def _begins_in_stream(topic: str) -> bool:
    feed = FEEDS.get(topics.parse(topic)[0].name)
    return feed is not None and feed.snapshots == "stream"
