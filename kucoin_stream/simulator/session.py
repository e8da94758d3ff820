"""One classic websocket session, seen from the exchange (protocol.md 3). Pure: text and time in, outputs back.

Theory of operation. A session says welcome, serves commands (also those that arrive before the welcome was
read), and ends itself after 60 s without a frame from the client, when the client sends too fast, or when its
life is over. It knows which topics it is subscribed to; whoever delivers pushes learns of it by ``Subscribed``
and ``Unsubscribed``. After ``Close`` it is deaf.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import msgspec

from kucoin_stream.protocol.messages import decoder, encode
from kucoin_stream.protocol.messages.envelope import Command
from kucoin_stream.simulator.conversation import Close, Output, Pulse, Send, SessionLimits, Subscribed, Unsubscribed
from kucoin_stream.simulator.market import Refusal
from kucoin_stream.simulator.topics import SPOT_PRIVATE_PATHS


class Session:
    """A classic session, of spot or futures. ``check`` says why a single-symbol topic is not served, or ``None``.

    ``private`` sessions may also subscribe ``private_paths``.

    ``now`` is always seconds on one monotonic clock of the caller.
    """

    binary = False

    def __init__(
        self,
        connect_id: str,
        check: Callable[[str], Refusal | None],
        *,
        now: float,
        private: bool = False,
        private_paths: frozenset[str] = SPOT_PRIVATE_PATHS,
        limits: SessionLimits | None = None,
    ) -> None:
        self.connect_id = connect_id
        self.private = private
        self.topics: dict[str, None] = {}  # in order of subscription
        self.commands: dict[str, int] = {}
        self.closed = False
        self._check = check
        self._private_paths = private_paths
        self._limits = limits or SessionLimits()
        self._pulse = Pulse(self._limits, now)

    def __repr__(self) -> str:
        return f"<Session {'private' if self.private else 'public'} | {len(self.topics)} topics>"

    @property
    def deadline(self) -> float:
        """When :meth:`tick` has something to do, unless the client sends a frame before."""
        return min(self._pulse.cut_off, self._pulse.end)

    def welcome(self) -> Send:
        """Return the first frame."""
        return Send("welcome", encode({"id": self.connect_id, "type": "welcome"}).decode())

    def tick(self, now: float) -> list[Output]:
        """Return what time alone brings about: the idle cut-off, the end of a life."""
        if self.closed:
            return []
        if now >= self._pulse.end:
            return self._end()
        if now >= self._pulse.cut_off:
            return self._end(Refusal(400, "ping timeout"))
        return []

    def receive(self, text: str | bytes, now: float, time_us: int) -> list[Output]:
        """Serve one frame of the client. ``time_us`` is what a pong says."""
        if self.closed:
            return []
        if not self._pulse.beat(now):
            return self._end(Refusal(509, "exceed max permits per second"))
        if isinstance(text, bytes):  # commands are text frames
            return [_error(_random_id(), Refusal(400, "binary frames are not supported"))]
        return self._serve(text, time_us)

    def _serve(self, text: str, time_us: int) -> list[Output]:
        try:
            command: Command = decoder(Command).decode(text)
        except msgspec.ValidationError:
            return [_error(_random_id(), Refusal(400, "command is invalid"))]
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            token = text.split(maxsplit=1)[0][:20] if text.strip() else ""
            reason = f"Unrecognized token '{token}': was expecting (JSON String, Number, Array, Object or token)"
            return [_error(_random_id(), Refusal(400, reason))]
        self.commands[command.type] = self.commands.get(command.type, 0) + 1
        request_id = self.connect_id if command.id is None else str(command.id)
        match command.type:
            case "ping":
                return [Send("pong", encode({"id": request_id, "type": "pong", "timestamp": time_us}).decode())]
            case "subscribe" | "unsubscribe":
                return self._change(command, request_id)
            case _:
                return [_error(request_id, Refusal(415, "command type is invalid"))]

    def _change(self, command: Command, request_id: str) -> list[Output]:
        if not command.topic:
            return [_error(request_id, Refusal(406, "topic is required"))]
        topic = command.topic.replace(": ", ":", 1)  # cryptofeed writes it so, and is served
        topics = tuple(dict.fromkeys(split(topic)))
        refusal = self._refusal(topic, topics, command.type)
        if refusal is not None:
            return [_error(request_id, refusal)]
        outputs: list[Output] = []
        if command.type == "subscribe":
            fresh = tuple(topic for topic in topics if topic not in self.topics)
            self.topics.update(dict.fromkeys(fresh))
            outputs += [Subscribed(fresh)] if fresh else []
        else:
            gone = tuple(topic for topic in topics if topic in self.topics)
            for topic in gone:
                del self.topics[topic]
            outputs += [Unsubscribed(gone)] if gone else []
        if command.response:
            outputs.append(Send("ack", encode({"id": request_id, "type": "ack"}).decode()))
        return outputs

    def _refusal(self, given: str, topics: tuple[str, ...], kind: str) -> Refusal | None:
        if any(character.isspace() for character in given):
            return Refusal(400, f"topic {given} is invalid")
        if any(topic.endswith(":") for topic in topics):  # an empty place in the list
            return Refusal(400, f"topic {given} is invalid")
        if kind == "subscribe":
            if len(topics) > self._limits.topics_per_command:
                return Refusal(509, "exceed max subscription count limitation of 100 per time")
            if len(self.topics.keys() | topics) > self._limits.topics:
                return Refusal(509, "exceed max subscription count limitation of 300 per session")
        for topic in topics:
            if topic.partition(":")[0] in self._private_paths and not self.private:
                return Refusal(403, "login is required")
            if topic not in self.topics and (refusal := self._check(topic)) is not None:
                return refusal
        return None

    def _end(self, refusal: Refusal | None = None) -> list[Output]:
        self.closed = True
        return [Close()] if refusal is None else [_error(self.connect_id, refusal), Close()]


def split(topic: str) -> list[str]:
    """Return the single-symbol topics of a list: ``/path:A,B`` is ``/path:A`` and ``/path:B``."""
    path, colon, arguments = topic.partition(":")
    return [f"{path}:{argument}" for argument in arguments.split(",")] if colon else [path]


def error_frame(refusal: Refusal, request_id: str | None = None) -> str:
    """Return the text of an error frame."""
    frame = {"type": "error", "code": refusal.code, "data": refusal.text}
    return encode(frame if request_id is None else {"id": request_id, **frame}).decode()


def _error(request_id: str, refusal: Refusal) -> Send:
    return Send("error", error_frame(refusal, request_id))


def _random_id() -> str:
    return f"{random.getrandbits(96):024x}"
