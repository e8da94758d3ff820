"""One Pro push session, seen from the exchange (protocol.md 6). Pure: frames and time in, outputs back.

Theory of operation. Everything the exchange says is JSON with a space after the commas of the outermost object,
in binary frames. A session without subscriptions is cut off after 60 s without a frame from the client; one with
subscriptions is not. Clients that send too fast, or ping more than once a second, are dropped. Frames that are
not JSON are not answered.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from kucoin_stream.protocol.messages import encode
from kucoin_stream.simulator.conversation import (
    Abort,
    Close,
    Output,
    Pulse,
    Send,
    SessionLimits,
    Subscribed,
    Unsubscribed,
)
from kucoin_stream.simulator.market import Refusal, RestError
from kucoin_stream.simulator.pro.channels import INVALID, Host, ProRefusal, ProRequest, resolve

PUBLIC_LIMITS = SessionLimits(frames=300, topics=600)  # protocol.md 6.3
PRIVATE_LIMITS = SessionLimits(frames=100, topics=400)
PING_GAP = 1.0  # seconds; two pings that are closer end the session

Login = Callable[[ProRequest], None]
"""Raises :class:`RestError` where a private session's auth frame is wrong."""


class ProSession:
    """A Pro session of one host. ``check`` says why a subscription is not served, or ``None``.

    ``login`` judges the auth frame of a private session that has come without a token.
    """

    binary = True

    def __init__(
        self,
        host: Host,
        session_id: str,
        check: Callable[[str], Refusal | None],
        *,
        now: float,
        limits: SessionLimits = PUBLIC_LIMITS,
        ping_interval_ms: int = 18_000,
        login: Login | None = None,
    ) -> None:
        self.topics: dict[str, None] = {}
        self.commands: dict[str, int] = {}
        self.closed = False
        self._host = host
        self._id = session_id
        self._check = check
        self._limits = limits
        self._ping_interval_ms = ping_interval_ms
        self._login = login
        self._pulse = Pulse(limits, now)
        self._looked = now
        self._pinged: float | None = None

    def __repr__(self) -> str:
        return f"<ProSession {self._host} | {len(self.topics)} topics>"

    @property
    def deadline(self) -> float:
        """When :meth:`tick` has something to do, unless the client sends a frame before."""
        idle = max(self._pulse.cut_off, self._looked + self._limits.idle_timeout if self.topics else 0.0)
        return min(idle, self._pulse.end)

    def welcome(self) -> Send:
        """Return the first frame."""
        fields = {"sessionId": self._id, "message": "welcome", "pingInterval": self._ping_interval_ms}
        return Send("welcome", spaced(fields))

    def tick(self, now: float) -> list[Output]:
        """Return what time alone brings about: the idle cut-off, the end of a life."""
        self._looked = now
        if self.closed:
            return []
        if now >= self._pulse.end:
            self.closed = True
            return [Close()]
        return self._drop() if not self.topics and now >= self._pulse.cut_off else []

    def receive(self, text: str | bytes, now: float, time_us: int) -> list[Output]:
        """Serve one frame of the client. ``time_us`` is what a pong says, in ns."""
        if self.closed:
            return []
        if not self._pulse.beat(now):
            return self._drop()
        try:
            fields = msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            return []
        if not isinstance(fields, dict):
            return []
        try:
            request = msgspec.convert(fields, ProRequest)
        except msgspec.ValidationError:
            return [_refused(fields.get("id"), ProRefusal(INVALID, "message"))]
        return self._serve(request, now, time_us)

    def _serve(self, request: ProRequest, now: float, time_us: int) -> list[Output]:
        kind = (request.type or request.op or request.action).lower()
        self.commands[kind] = self.commands.get(kind, 0) + 1
        match kind:
            case "ping":
                return self._ping(request, now, time_us)
            case "auth" if self._host == "private":
                return self._authenticate(request)
            case "subscribe" | "unsubscribe":
                return self._change(request, kind)
            case _:
                return [_refused(request.id, ProRefusal(INVALID, "message"))]

    def _ping(self, request: ProRequest, now: float, time_us: int) -> list[Output]:
        if self._pinged is not None and now - self._pinged < PING_GAP:
            return self._drop()
        self._pinged = now
        return [Send("pong", spaced({"type": "pong", **_named(request.id), "ts": time_us * 1000}))]

    def _authenticate(self, request: ProRequest) -> list[Output]:
        try:
            if self._login is not None:
                self._login(request)
        except RestError as exc:
            fields = {**_named(request.id), "result": False, "code": exc.code, "reason": exc.reason}
            return [Send("error", spaced(fields))]
        self._login = None
        return [_done(request)]

    def _change(self, request: ProRequest, kind: str) -> list[Output]:
        if self._login is not None:
            refusal = ProRefusal("authorization required")
            return [_refused(request.id, refusal)]
        topics = resolve(request, self._host)
        if isinstance(topics, ProRefusal):
            return [_refused(request.id, topics)]
        if kind == "unsubscribe":
            gone = tuple(topic for topic in topics if topic in self.topics)
            for topic in gone:
                del self.topics[topic]
            return [*([Unsubscribed(gone)] if gone else []), _done(request)]
        fresh = tuple(topic for topic in topics if topic not in self.topics)
        if len(self.topics) + len(fresh) > self._limits.topics:
            text = f"exceed max subscription count limitation of {self._limits.topics} per session"
            return [_refused(request.id, ProRefusal(text))]
        for topic in fresh:
            if (fault := self._check(topic)) is not None:
                return [_refused(request.id, ProRefusal(fault.text))]
        self.topics.update(dict.fromkeys(fresh))
        return [*([Subscribed(fresh)] if fresh else []), _done(request)]

    def _drop(self) -> list[Output]:
        self.closed = True
        return [Abort()]


def spaced(fields: dict[str, Any]) -> str:
    """Return an object as the Pro sockets write it: a space after each of its own commas."""
    return "{" + ", ".join(f'"{name}":{encode(value).decode()}' for name, value in fields.items()) + "}"


def _named(request_id: object) -> dict[str, str]:
    return {} if request_id is None else {"id": str(request_id)}


def _done(request: ProRequest) -> Send:
    return Send("ack", spaced({**_named(request.id), "result": True}))


def _refused(request_id: object, refusal: ProRefusal) -> Send:
    return Send("error", spaced({**_named(request_id), "result": False, refusal.name: refusal.text}))
