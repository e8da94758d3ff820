"""One WS API session, seen from the exchange (protocol.md 7). Pure: frames and time in, outputs back.

Theory of operation. Generation 1 brings its signature in the query; the exchange sends a challenge, and the client
answers with its signature of exactly that text. Generation 2 brings its signature in its first frame. Then comes
the welcome, and then operations on the account; each is performed at once and answered by its own id.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from kucoin_stream.protocol.messages import encode
from kucoin_stream.simulator.conversation import Close, Output, Pulse, Send, SessionLimits
from kucoin_stream.simulator.market import RestError
from kucoin_stream.simulator.pro.channels import ProRequest
from kucoin_stream.simulator.quotas import Quotas, Spent
from kucoin_stream.simulator.trading.operations import OPERATIONS, UNIFIED

ANSWER_TIMEOUT = 30.0  # seconds for the challenge to be answered; protocol.md 7.2
MOST_ERRORS = 30  # frames that are no requests, until 420001; no number is documented
_NO_ID = "Please check the param of your request: Field 'id' must be a non-empty string."
_TOO_FAST = "Too many requests in a short period of time, please retry later"

Operate = Callable[[str, Any], Any]
"""Performs an operation with its arguments; returns what the answer's ``data`` is, or raises :class:`RestError`."""


class GatewaySession:
    """A WS API session. ``sign`` is what the challenge must be answered with, or, without it, ``login`` judges the
    auth frame and raises :class:`RestError`. ``nanoseconds`` is the query's ``enable_ns``. What is done counts against
    the ``quotas`` of ``user``, as calls by REST do.
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
        operate: Operate,
        quotas: Quotas | None = None,
        user: str = "",
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
        self._operate = operate
        self._quotas = quotas or Quotas()
        self._user = user
        self._errors = 0
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
            return self._mistaken("400101", "Invalid data.", time_us)
        return self._serve(fields, now, time_us) if self._ready else self._authenticate(fields, time_us)

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

    def _serve(self, fields: dict[str, Any], now: float, time_us: int) -> list[Output]:
        operation, request_id = fields.get("op"), fields.get("id")
        named = {"id": request_id, "op": operation}
        if not isinstance(request_id, str) or not request_id:
            return self._mistaken("4001002", _NO_ID, time_us)
        if not isinstance(operation, str):
            return self._mistaken("400102", "Check the parameters: op.", time_us)
        self.commands[operation] = self.commands.get(operation, 0) + 1
        if operation == "ping":
            pong = {"id": request_id, "op": "pong", "timestamp": time_us // 1000}
            return [Send("pong", encode(pong).decode())]
        if (operation in UNIFIED) != (self._sign is None) or operation not in OPERATIONS:
            return [self._answer(named, time_us, code="404000", msg=f"Unknown operation {operation}.")]
        quota = self._quotas.spend_order(operation, self._user, now)
        if quota is not None and not quota.granted:
            return [self._answer(named, time_us, quota, code="429000", msg=_TOO_FAST)]
        try:
            data = self._operate(operation, fields.get("args"))
        except RestError as exc:
            return [self._answer(named, time_us, quota, code=exc.code, msg=exc.reason)]
        return [self._answer(named, time_us, quota, code="200000", data=data)]

    def _mistaken(self, code: str, reason: str, time_us: int) -> list[Output]:
        """Answer a frame that is no request; too many of them end the session."""
        self._errors += 1
        if self._errors > MOST_ERRORS:
            return self._end("420001", "Too many errors, disconnected.", time_us)
        return [self._answer({}, time_us, code=code, msg=reason)]

    def _end(self, code: str, reason: str, time_us: int) -> list[Output]:
        self.closed = True
        return [self._answer({}, time_us, code=code, msg=reason), Close()]

    def _answer(self, named: dict[str, Any], time_us: int, quota: Spent | None = None, **outcome: Any) -> Send:
        time = time_us * 1000 if self._nanoseconds else time_us // 1000
        fields = {**named, **outcome, "inTime": time, "outTime": time}
        if quota is not None:
            fields["userRateLimit"] = {"limit": quota.limit, "reset": quota.reset_ms, "remaining": quota.remaining}
        return Send("answer" if named else "error", encode(fields).decode())
