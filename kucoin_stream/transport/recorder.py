"""Puts on a tape what the connections and the REST calls of an engine bring."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import msgspec

from kucoin_stream.errors import UsageError
from kucoin_stream.protocol import lifecycle
from kucoin_stream.protocol.events import Unreadable
from kucoin_stream.protocol.messages.envelope import Push
from kucoin_stream.protocol.topic import ORDERS, PRIVATE, Connection
from kucoin_stream.recording.lines import Answer, Begin, Event, Market
from kucoin_stream.recording.writer import Later, Writer
from kucoin_stream.transport.engine import Engine
from kucoin_stream.transport.machines import Machines
from kucoin_stream.transport.watchers import Kind

CHECKPOINT = 60.0  # seconds between two times that books and bars are written, for a replay to begin there

Wanted = Callable[[], frozenset[str]]
"""The topics that are to be on the tape; asked on the writer's thread too."""


class Recorder:
    """What is received goes to ``writer`` until :meth:`leave`. Lives on the loop thread.

    ``wanted`` chooses topics; ``None``: all, of which the private ones only with ``private``. Tokens and orders never.
    ``state`` tells what a replay can begin with: all of it at first, and every :data:`CHECKPOINT` seconds what is new.
    """

    kinds: frozenset[Kind] = frozenset(
        {lifecycle.OpenEvent, lifecycle.ReconnectEvent, lifecycle.CloseEvent, lifecycle.ResponseEvent}
    )

    def __init__(
        self,
        engine: Engine,
        writer: Writer,
        *,
        wanted: Wanted | None = None,
        private: bool = False,
        state: Callable[[bool], Iterable[Later]] = lambda _: (),
    ) -> None:
        self.pending: list[Any] = []
        self.owner: object = None  # lives as long as it is recorded
        self._engine = engine
        self._writer = writer
        self._put = writer.put
        self._wanted = wanted
        self._private = private
        self._state = state
        self._left_out = ORDERS if private else PRIVATE
        self._names: dict[int, str] = {}
        self._timer: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        return f"<Recorder to {self._writer.path.name}>"

    def join(self) -> None:
        """Record from here on. Raises :class:`UsageError` where another one records already."""
        engine = self._engine
        if engine.wire.listener is not None:
            raise UsageError("this client is being recorded already; stop that recording, or use another client")
        target = engine.target
        self._writer.note(
            Begin(
                time.time_ns(),
                target.rest_url,
                target.mode,
                engine.signed,
                self._private,
                None if self._wanted is None else sorted(self._wanted()),
                self._received(),
            )
        )
        for rest, market in self._rests():
            rest.listener = partial(self._answered, market)
        self._known()
        engine.wire.listener = self
        engine.pool.watchers.add(self)
        self._checkpoint(everything=True)

    def leave(self) -> None:
        """Record no more."""
        if self._engine.wire.listener is not self:
            return
        self._checkpoint()
        self._cancel()
        self._engine.wire.listener = None
        self._engine.pool.watchers.remove(self)
        for rest, _ in self._rests():
            rest.listener = None

    def _rests(self) -> tuple[tuple[Any, Market], ...]:
        return (self._engine.rest, "spot"), (self._engine.futures_rest, "futures")

    def _received(self) -> dict[str, list[str]]:
        active = self._engine.active_topics().items()
        known = [(self._name(*on), self._chosen(topics)) for on, topics in active if on[0] not in self._left_out]
        return {name: topics for name, topics in known if topics}

    def _known(self) -> None:
        """What was loaded before is part of the market too: symbols and contracts, as REST tells them."""
        loaded: tuple[tuple[Market, str, dict[str, Any]], ...] = (
            ("spot", "GET /api/v2/symbols", self._engine.symbols),
            ("futures", "GET /api/v1/contracts/active", self._engine.contracts),
        )
        for market, call, rows in loaded:
            if rows:
                body = msgspec.json.encode({"code": "200000", "data": list(rows.values())})
                self._writer.note(Answer(time.time_ns(), market, call, 200, msgspec.Raw(body)))

    # -- what is received ----------------------------------------------------------------------------------------

    def heard(self, key: Connection, number: int, batch: list[bytes]) -> None:
        """Take the messages of one socket read."""
        if key in self._left_out:
            return
        self._put((time.time_ns(), self._names.get(number) or self._name(key, number), batch))

    def hide(self, secrets: tuple[str, ...]) -> None:
        """Keep these off the tape."""
        self._writer.hide(secrets)

    def flush(self) -> None:
        """Take what happened to connections."""
        events, self.pending = self.pending, []
        for event in events:
            if event.key not in self._left_out:
                self._told(event)

    def _told(self, event: Any) -> None:
        kind, topics = event.event, []
        if isinstance(event, lifecycle.ResponseEvent):
            topics = self._chosen(event.topics)
            kind = event.request if event.success else "refused"
            if event.request == "authenticate" or not topics:
                return
        name = self._name(event.key, event.connection)
        self._writer.note(Event(event.time_ns, name, kind, topics, getattr(event, "reason", "")))

    def _answered(self, market: Market, call: str, status: int, body: bytes, error: str, *, signed: bool) -> None:
        """Take a REST answer, but for tokens; what belongs to an account only where that is wanted."""
        if "/bullet-" in call or (signed and not self._private and "/market/" not in call):
            return
        self._writer.note(answer(time.time_ns(), market, call, status, body, error))

    def _name(self, key: Connection, number: int) -> str:
        name = self._names[number] = f"{key.value}#{number}"
        return name

    def _chosen(self, topics: Iterable[str]) -> list[str]:
        if self._wanted is None:
            return list(topics)
        wanted = self._wanted()
        return [topic for topic in topics if topic in wanted]

    def _checkpoint(self, *, everything: bool = False) -> None:
        for line in self._state(everything):
            self._writer.note(line)
        self._cancel()
        self._timer = asyncio.get_running_loop().call_later(CHECKPOINT, self._checkpoint)

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


def answer(t: int, market: Market, call: str, status: int, body: bytes, error: str = "") -> Answer:
    """Return the line of a REST answer; what is no JSON on one line is kept as text."""
    try:
        if b"\n" in body:
            body = msgspec.json.encode(msgspec.json.decode(body))
        msgspec.json.decode(body.decode())
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return Answer(t, market, call, status, text=body.decode(errors="replace"), error=error)
    return Answer(t, market, call, status, msgspec.Raw(body), error=error)


class Chooser:
    """Leaves out pushes of topics that are not wanted, as the machines of connections tell them.

    Belongs to the writer's thread.
    """

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._machines = Machines()

    def __call__(self, on: str, messages: list[bytes]) -> list[bytes]:
        """Return the messages to be kept, of one read on the connection ``on``."""
        machine, wanted = self._machines.of(on), self._wanted()
        return [message for message in messages if _of_these(machine.receive([message], 0.0), wanted)]


def _of_these(events: list[Any], topics: frozenset[str]) -> bool:
    """Whether a message is a push of one of ``topics``; one that is none, an ack, counts as such."""
    for event in events:
        if isinstance(event, Push) and event.topic not in topics:
            return False
        if isinstance(event, Unreadable) and event.error.topic not in topics:
            return False
    return True
