"""REST calls of any kind: methods, bodies, the broker's host, and waiting for the quota (protocol.md 2.1, 8.1)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from msgspec import Raw, Struct

from kucoin_stream.errors import RemoteProtocolError, RequestError, ResponseError, UsageError, printable
from kucoin_stream.protocol import signing
from kucoin_stream.protocol.endpoints.codes import meaning
from kucoin_stream.protocol.endpoints.endpoint import Host
from kucoin_stream.protocol.endpoints.quota import BLOCKED, Quota
from kucoin_stream.protocol.messages import decode
from kucoin_stream.protocol.messages.rest import Response
from kucoin_stream.transport.engine import Engine
from kucoin_stream.transport.rest import Answer, Rest

BROKER_BASE = "https://api-broker.kucoin.com"
PATIENCE = 65.0  # seconds that a call waits for its quota in all: two windows, protocol.md 8.1

_OK = "200000"
_BAD_TIMESTAMP = "400002"
_TOO_MANY_STATUS = 429
_SHUT_OUT = "1015"  # Cloudflare's
_TOO_MANY = frozenset({"429000", _SHUT_OUT})
_SHORT = 0.05  # seconds after which a quota is looked at again while calls are on their way
_NOT_JSON = {403: "forbidden from here", 429: "too many requests", 451: "not offered in your region"}


class Call(Struct, frozen=True):
    """What is sent: ``target`` is path and query, escaped; ``body`` is JSON or nothing. ``pool`` may be unknown."""

    host: Host
    method: str
    target: str
    body: str = ""
    signed: bool = False
    pool: str = ""
    weight: int = 1

    def __repr__(self) -> str:
        return f"<Call {self}>"  # a body may hold a passphrase

    def __str__(self) -> str:
        return f"{self.method} {self.target.partition('?')[0]}"


class Caller:
    """Performs calls for one engine, each within its pool's quota. Lives on the loop thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._broker: Rest | None = None
        engine.on_end(self._end)

    def __repr__(self) -> str:
        return f"<Caller {', '.join(self._engine.rest.quotas) or 'unused'}>"

    @property
    def timeout(self) -> float:
        """Seconds after which a call has ended one way or the other: it may wait, be sent, synchronise and be sent."""
        return PATIENCE + BLOCKED + 4 * self._engine.settings.request_timeout

    def check(self, call: Call) -> None:
        """Raise what forbids a call before it is sent. Safe from any thread."""
        engine = self._engine
        if call.signed and not engine.signed:
            raise UsageError(f"{call} needs an API key; pass key=, secret=, passphrase= to ks.connect()")
        if call.host == "futures" and not engine.venue.futures_url:
            raise UsageError(f"{engine.venue.lacks} ({call}); region='global' has it")
        if engine.deck is not None:
            raise UsageError(f"{call}: a recording answers no calls of your own; use target='live' or 'sim'")
        if call.host == "broker" and engine.target.mode != "live":
            raise UsageError(f"{call}: only KuCoin itself has the broker's host; use target='live'")

    async def perform(self, call: Call, wanted: Callable[[], bool]) -> Raw:
        """Return the ``data`` of the answer. ``wanted`` is asked before anything is sent: callers can be interrupted.

        Waits for the quota, and again where the exchange refuses for too many calls: such a call was not performed.
        Raises :class:`UnreachableError`, :class:`ResponseError`, :class:`RemoteProtocolError`, and
        :class:`RequestError` where the quota would take more than 65 s.
        """
        rest = self._rest(call.host)
        rest.calls += 1
        try:
            return await self._within_quota(rest, call, wanted)
        except (RequestError, RemoteProtocolError):
            rest.failures += 1
            raise

    async def _within_quota(self, rest: Rest, call: Call, wanted: Callable[[], bool]) -> Raw:
        quota = self._engine.rest.quotas.setdefault(call.pool or call.host, Quota())
        deadline, tried, synchronised = time.monotonic() + PATIENCE, 0, False
        while True:
            while (wait := quota.wait(call.weight, time.monotonic())) > 0:
                await _sleep(call, min(wait, _SHORT) if quota.pending else wait, deadline)
            if not wanted():
                raise RequestError(f"{call}: interrupted, and not sent")
            answer = await self._counted(rest, call, quota)
            try:
                return _data(rest, call, answer)
            except ResponseError as exc:
                if exc.status == _TOO_MANY_STATUS or exc.code in _TOO_MANY:
                    tried += 1
                    wait = self._refused(quota, answer, exc.code, tried)
                    if time.monotonic() + wait > deadline:
                        raise
                elif call.signed and exc.code == _BAD_TIMESTAMP and not synchronised:
                    synchronised = True  # our clock is off
                    await rest.synchronise()
                else:
                    raise

    async def _counted(self, rest: Rest, call: Call, quota: Quota) -> Answer:
        """Send a call that counts as on its way until then."""
        quota.spend(call.weight)
        try:
            answer = await self._send(rest, call)
        finally:
            quota.done(call.weight)
        if answer.status != _TOO_MANY_STATUS:
            quota.seen(answer.headers, time.monotonic())
        return answer

    def _refused(self, quota: Quota, answer: Answer, code: str, tried: int) -> float:
        """Note a refusal for too many calls; return how many seconds to wait."""
        now = time.monotonic()
        wait = quota.refused(answer.headers, code, tried, now)
        if code == _SHUT_OUT:
            for each in self._engine.rest.quotas.values():
                each.hold(now + wait)
        return wait

    async def _send(self, rest: Rest, call: Call) -> Answer:
        headers = signing.Hidden(_kind(call) | await self._signature(rest, call))
        return await rest.send(str(call), call.method, call.target, headers, call.body)

    async def _signature(self, rest: Rest, call: Call) -> dict[str, str]:
        if not call.signed:
            return {}
        proof = await rest.prove(
            str(call), lambda time_ms: signing.rest_message(time_ms, call.method, call.target, call.body)
        )
        return signing.rest_headers(**proof)

    def _rest(self, host: Host) -> Rest:
        engine = self._engine
        if host == "broker":
            if self._broker is None:
                self._broker = Rest(BROKER_BASE, engine.settings, engine.rest.signer)
            return self._broker
        return engine.futures_rest if host == "futures" else engine.rest

    def _end(self, _: str) -> None:
        if self._broker is not None:
            self._engine.call(self._broker.close)


def _kind(call: Call) -> dict[str, str]:
    return {"Content-Type": "application/json"} if call.body else {}


async def _sleep(call: Call, seconds: float, deadline: float) -> None:
    """Wait for the quota; raise :class:`RequestError` where that would take too long."""
    if time.monotonic() + seconds > deadline:
        raise RequestError(f"{call}: the quota of {call.pool or call.host} is used up for {seconds:.0f} s; try then")
    await asyncio.sleep(seconds)


def _data(rest: Rest, call: Call, answer: Answer) -> Raw:
    """Return what a good answer holds; raise :class:`ResponseError` with what the code means."""
    try:
        response = decode(Response, answer.body)
    except RemoteProtocolError:
        if answer.status == 200:
            raise RemoteProtocolError(f"{call}: the answer is not JSON of the form {{code, data}}") from None
        blocked = answer.status in {403, 429} and b"1015" in answer.body  # Cloudflare's page
        reason = (
            meaning(call.host, _SHUT_OUT) if blocked else _NOT_JSON.get(answer.status, "an answer that is not JSON")
        )
        raise ResponseError(str(call), answer.status, _SHUT_OUT if blocked else "", reason) from None
    code = printable(response.code, 20)
    if answer.status == 200 and code == _OK:
        return response.data
    masked = rest.signer.masked if rest.signer else str
    reason = printable(masked(response.msg or "no reason given"))
    means = meaning(call.host, code)
    raise ResponseError(str(call), answer.status, code, f"{reason} ({means})" if means else reason)
