"""One WS API session, seen from the exchange (protocol.md 7). Pure: frames and time in, outputs back.

Theory of operation. Generation 1 brings its signature in the query; the exchange sends a challenge, and the client
answers with its signature of exactly that text. Generation 2 brings its signature in its first frame. Then comes
the welcome. Nobody trades here yet: every operation is answered by the code that KuCoin has for "suspended".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from kucoin_stream.protocol.messages import encode
from kucoin_stream.simulator.conversation import Close, Output, Pulse, Send, SessionLimits
from kucoin_stream.simulator.market import RestError
from kucoin_stream.simulator.pro.channels import ProRequest

ANSWER_TIMEOUT = 30.0  # seconds for the challenge to be answered; protocol.md 7.2

_ORDER = ("200001", "Creating orders is suspended: nobody trades on this simulator")
_CANCEL = ("200002", "Cancelling orders is suspended: nobody trades on this simulator")
_FUTURES = ("300002", "Order entry is suspended: nobody trades on this simulator")
_NOT_CANCELLABLE = ("100004", "The order cannot be canceled.")
_MARGIN = ("126007", "Creating orders is suspended: nobody trades on this simulator")
_NOT_FOUND = ("126043", "The order does not exist.")
_UNIFIED = ("106205", "UnsupportedTradeType: nobody trades on this simulator")

OPERATIONS: tuple[dict[str, tuple[str, str]], dict[str, tuple[str, str]]] = (
    {
        "spot.order": _ORDER,
        "spot.sync_order": _ORDER,
        "spot.modify": _ORDER,
        "spot.cancel": _CANCEL,
        "spot.sync_cancel": _CANCEL,
        "margin.order": _MARGIN,
        "margin.cancel": _NOT_FOUND,
        "futures.order": _FUTURES,
        "futures.multi_order": _FUTURES,
        "futures.cancel": _NOT_CANCELLABLE,
        "futures.multi_cancel": _NOT_CANCELLABLE,
    },
    {"uta.order": _UNIFIED, "uta.cancel": _UNIFIED, "uta.amend": _UNIFIED},
)
"""By generation: code and message of each operation (protocol.md 7.6, 9.3, 9.5)."""


class GatewaySession:
    """A WS API session. ``sign`` is what the challenge must be answered with, or, without it, ``login`` judges the
    auth frame and raises :class:`RestError`. ``nanoseconds`` is the query's ``enable_ns``.
    """

    binary = False

    def __init__(
        self,
        session_id: str,
        *,
        now: float,
        time_ms: int,
        sign: Callable[[str], str] | None = None,
        login: Callable[[ProRequest], None] | None = None,
        limits: SessionLimits,
        ping_interval_ms: int = 18_000,
        ping_timeout_ms: int = 10_000,
        nanoseconds: bool = False,
    ) -> None:
        self.topics: dict[str, None] = {}
        self.commands: dict[str, int] = {}
        self.closed = False
        self._id = session_id
        self._sign = sign
        self._login = login
        self._challenge = encode({"sessionId": session_id, "timestamp": time_ms}).decode()
        self._interval_ms, self._timeout_ms = ping_interval_ms, ping_timeout_ms
        self._nanoseconds = nanoseconds
        self._pulse = Pulse(limits, now)
        self._patience = now + ANSWER_TIMEOUT
        self._epoch_us = time_ms * 1000 - int(now * 1_000_000)
        self._ready = False

    def __repr__(self) -> str:
        return f"<GatewaySession {'ready' if self._ready else 'not verified'}>"

    @property
    def deadline(self) -> float:
        """When :meth:`tick` has something to do, unless the client sends a frame before."""
        return min(self._pulse.cut_off if self._ready else self._patience, self._pulse.end)

    def welcome(self) -> Send | None:
        """Return the challenge; of generation 2, nothing."""
        return None if self._sign is None else Send("challenge", self._challenge)

    def tick(self, now: float) -> list[Output]:
        """Return what time alone brings about: an answer that did not come, the idle cut-off, the end of a life."""
        if self.closed or now < self.deadline:
            return []
        if self._ready or now >= self._pulse.end:
            self.closed = True
            return [Close()]
        return self._end("400012", "Session verification timed out.", self._epoch_us + int(now * 1_000_000))

    def receive(self, text: str | bytes, now: float, time_us: int) -> list[Output]:
        """Serve one frame of the client. ``time_us`` is the time now."""
        if self.closed:
            return []
        if not self._pulse.beat(now):
            return self._end("429002", "Too many requests on this connection.", time_us)
        if self._sign is not None and not self._ready:
            if text != self._sign(self._challenge):
                return self._end("400011", "Session verification failed.", time_us)
            return self._welcomed()
        try:
            fields = msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            fields = None
        if not isinstance(fields, dict):
            return [self._answer({}, time_us, code="400101", msg="Invalid data.")]
        return self._serve(fields, time_us) if self._ready else self._authenticate(fields, time_us)

    def _authenticate(self, fields: dict[str, Any], time_us: int) -> list[Output]:
        try:
            request = msgspec.convert(fields, ProRequest)
            if request.op != "auth" or self._login is None:
                return self._end("400401", "Authorization required.", time_us)
            self._login(request)
        except msgspec.ValidationError:
            return self._end("400102", "Check the parameters.", time_us)
        except RestError as exc:
            return self._end(exc.code, f"{exc.reason}.", time_us)
        return self._welcomed()

    def _welcomed(self) -> list[Output]:
        self._ready = True
        fields = {
            "sessionId": self._id,
            "data": "welcome",
            "pingInterval": self._interval_ms,
            "pingTimeout": self._timeout_ms,
        }
        return [Send("welcome", encode(fields).decode())]

    def _serve(self, fields: dict[str, Any], time_us: int) -> list[Output]:
        operation, request_id = fields.get("op"), fields.get("id")
        named = {"id": request_id, "op": operation}
        if not isinstance(operation, str) or not isinstance(request_id, str) or not request_id:
            return [self._answer({}, time_us, code="400102", msg="Check the parameters: id and op.")]
        self.commands[operation] = self.commands.get(operation, 0) + 1
        if operation == "ping":
            pong = {"id": request_id, "op": "pong", "timestamp": time_us // 1000}
            return [Send("pong", encode(pong).decode())]
        refused = OPERATIONS[self._sign is None].get(operation)
        if refused is None:
            return [self._answer(named, time_us, code="404000", msg=f"Unknown operation {operation}.")]
        return [self._answer(named, time_us, code=refused[0], msg=refused[1])]

    def _end(self, code: str, reason: str, time_us: int) -> list[Output]:
        self.closed = True
        return [self._answer({}, time_us, code=code, msg=reason), Close()]

    def _answer(self, named: dict[str, Any], time_us: int, **outcome: str) -> Send:
        time = time_us * 1000 if self._nanoseconds else time_us // 1000
        return Send("error", encode({**named, **outcome, "inTime": time, "outTime": time}).decode())
