"""The simulated account: signatures of its calls, and the tokens given out (protocol.md 2). Time is passed in."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple
from urllib.parse import unquote

from kucoin_stream.protocol.signing import rest_message, sign
from kucoin_stream.settings import Credentials
from kucoin_stream.simulator.market import RestError

SIMULATED = Credentials("5f1a2b3c4d5e6f7081920a1b", "51b0e7a4-0000-4000-8000-51a0c0de0001", "simulated-passphrase")
"""The account's key where none is given. It opens nothing but a simulator."""

CLOCK_WINDOW_MS = 5000  # protocol.md 2.1
TOKEN_LIFE = 86_400.0  # seconds; protocol.md 2.2
_HEADERS = ("KC-API-KEY", "KC-API-SIGN", "KC-API-TIMESTAMP", "KC-API-PASSPHRASE")
_KEY_VERSIONS = ("2", "3")


class Signed(NamedTuple):
    """What of a request its signature covers. ``target`` is path and query as on the wire."""

    method: str
    target: str
    body: str
    headers: Mapping[str, str]


class Proof(NamedTuple):
    """What a client shows of its key, whatever the way it comes: all text."""

    key: str
    sign: str
    timestamp: str
    passphrase: str


def authenticate(request: Signed, credentials: Credentials, now_ms: int) -> None:
    """Raise :class:`RestError` with KuCoin's code unless the request is signed with ``credentials``."""
    proof = Proof(*(request.headers.get(name, "") for name in _HEADERS))
    if not _complete(proof):
        raise RestError(400, "400001", f"Please check the header of your request for {', '.join(_HEADERS)}")
    version = request.headers.get("KC-API-KEY-VERSION", "1")
    if version not in _KEY_VERSIONS:  # version 1 has it in clear: such keys are gone, but python-kucoin knows no other
        clear = version == "1" and _same(proof.passphrase, credentials.passphrase)
        proof = proof._replace(passphrase=sign(proof.passphrase, credentials.secret) if clear else "")
    time_ms = int(proof.timestamp)
    wire = request.target.removesuffix("?")  # kucoin-node-sdk sends one before an empty query, and does not sign it
    targets = {request.target, wire, unquote(wire)}  # officially not encoded; SDKs sign it encoded
    messages = [rest_message(time_ms, request.method, target, request.body) for target in targets]
    _judge(proof, messages, credentials, now_ms)


def authenticate_socket(proof: Proof, message: str, credentials: Credentials, now_ms: int) -> None:
    """Raise :class:`RestError` unless ``proof`` signs ``message``, its timestamp to be put in for ``{timestamp}``."""
    if not _complete(proof):
        raise RestError(400, "400001", "Please check apikey, sign, timestamp and passphrase")
    _judge(proof, [message.format(timestamp=proof.timestamp)], credentials, now_ms)


def _complete(proof: Proof) -> bool:
    return all(proof) and proof.timestamp.isdecimal() and len(proof.timestamp) < 20


def _judge(proof: Proof, messages: Iterable[str], credentials: Credentials, now_ms: int) -> None:
    if abs(int(proof.timestamp) - now_ms) > CLOCK_WINDOW_MS:
        raise RestError(401, "400002", "Invalid KC-API-TIMESTAMP")
    if not _same(proof.key, credentials.key):
        raise RestError(401, "400003", "KC-API-KEY not exists")
    if not _same(proof.passphrase, sign(credentials.passphrase, credentials.secret)):
        raise RestError(401, "400004", "Invalid KC-API-PASSPHRASE")
    if not any(_same(proof.sign, sign(message, credentials.secret)) for message in messages):
        raise RestError(401, "400005", "Invalid KC-API-SIGN")


Venue = Literal["spot", "futures", "pro"]
"""What a token opens; one venue's is nothing to another."""


class Grant(NamedTuple):
    """What a token was given for."""

    venue: Venue
    private: bool
    ends: float


class Tokens:
    """Connection tokens: unguessable, and good for a day."""

    def __init__(self, life: float = TOKEN_LIFE) -> None:
        self._life = life
        self._given: dict[str, Grant] = {}
        self.count = 0

    def __repr__(self) -> str:
        return f"<Tokens {self.count} given out>"

    def give(self, *, private: bool, now: float, venue: Venue = "spot") -> str:
        """Return a new token. ``now`` is seconds on the caller's monotonic clock."""
        token = f"2neAiuYvAU{secrets.token_urlsafe(130)}==.{secrets.token_urlsafe(16)}=="
        self._given[token] = Grant(venue, private, now + self._life)
        self.count += 1
        return token

    def fault(
        self, token: str, now: float, venue: Venue = "spot"
    ) -> Literal["token is invalid", "token is expired"] | None:
        """Return what is wrong with a token at that venue, or ``None``."""
        grant = self._given.get(token)
        if grant is None or grant.venue != venue:
            return "token is invalid"
        return "token is expired" if now >= grant.ends else None

    def private(self, token: str) -> bool:
        """Whether the token was given for a signed call."""
        return token in self._given and self._given[token].private


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(errors="surrogateescape"), other.encode(errors="surrogateescape"))
