"""Which websocket session belongs to a path, and who is let in (protocol.md 1.4, 2.3 to 2.5, 6.4, 7.1).

| path | session |
|---|---|
| ``/endpoint`` | classic spot, token in the query |
| ``/futures/endpoint`` | classic futures, token in the query |
| ``/pro/spot``, ``/pro/futures`` | Pro public, no token |
| ``/pro/private`` | Pro private: token in the query, or an auth frame |
| ``/v1/private`` | WS API, generation 1: signature in the query, then a challenge |
| ``/v2/private`` | WS API, generation 2: auth frame |
"""

from __future__ import annotations

import secrets
import sys
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from typing import NamedTuple

from kucoin_stream.protocol.messages import encode
from kucoin_stream.protocol.signing import sign
from kucoin_stream.settings import Credentials
from kucoin_stream.simulator.account import TOKEN_LIFE, Proof, Tokens, Venue, authenticate_socket
from kucoin_stream.simulator.conversation import Conversation, SessionLimits
from kucoin_stream.simulator.faults import Faults
from kucoin_stream.simulator.futures.topics import FUTURES_PRIVATE_PATHS, check_futures_topic
from kucoin_stream.simulator.gateway import GatewaySession, Operate
from kucoin_stream.simulator.market import Market, Refusal, RestError
from kucoin_stream.simulator.pro.channels import Host, ProRequest
from kucoin_stream.simulator.pro.session import PRIVATE_LIMITS, PUBLIC_LIMITS, ProSession
from kucoin_stream.simulator.quotas import Quotas
from kucoin_stream.simulator.session import Session, error_frame
from kucoin_stream.simulator.topics import SPOT_PRIVATE_PATHS, check_topic

VERIFY = "{timestamp}POST/api/websocket/users/verify"
"""What an auth frame signs; protocol.md 6.4."""


PRO_VISITS, PRO_WINDOW = 250, 300.0  # new connections of an address, in seconds; protocol.md 6.3
ORDER_FRAMES = 1400  # in 10 s; none is documented for a connection: the quota of orders is 4,000 in 30 s


class Options(NamedTuple):
    """How the exchange treats its clients. Seconds, but for the two that KuCoin states in ms."""

    ping_interval_ms: int = 18_000
    ping_timeout_ms: int = 10_000
    token_life: float = TOKEN_LIFE
    silent_symbols: bool = False  # ack unknown spot symbols and stay silent, as futures do
    max_sessions: int = 800  # protocol.md 3.6
    compress: bool = False  # permessage-deflate, where a client offers it; costs CPU for every message
    limits: SessionLimits = SessionLimits()
    clock_offset: float = 0.0  # how far the exchange's clock is ahead of the wall clock
    connections_per_minute: int = 0  # of an address, but for Pro; KuCoin's are 30; protocol.md 3.6. 0: no limits
    rest_quota: float = 1.0  # of KuCoin's quotas for REST calls and orders; 0: none


class Visit(NamedTuple):
    """A client that has been upgraded. ``now`` is seconds on the loop's clock, ``peer`` the client's address."""

    path: str
    query: Mapping[str, str]
    now: float
    peer: str = ""

    @property
    def token(self) -> str:
        """The token of the query."""
        return self.query.get("token", "")


class TurnedAway(NamedTuple):
    """The one frame that a client gets before it is closed."""

    text: str
    binary: bool = False


class Doors:
    """Makes sessions. ``sessions`` tells how many there are, ``clock_ms`` the exchange's time; ``operate`` performs the
    operations of the WS API.
    """

    def __init__(
        self,
        market: Market,
        credentials: Credentials,
        tokens: Tokens,
        faults: Faults,
        options: Options,
        sessions: Callable[[], int],
        clock_ms: Callable[[], int],
        operate: Operate,
        quotas: Quotas,
    ) -> None:
        self._market = market
        self._credentials = credentials
        self._tokens = tokens
        self._faults = faults
        self._options = options
        self._sessions = sessions
        self._clock_ms = clock_ms
        self._operate = operate
        self._quotas = quotas
        self._visits: dict[tuple[str, bool], deque[float]] = {}  # of late, by address, Pro apart
        self._table: dict[str, Callable[[Visit], Conversation | TurnedAway]] = {
            "/endpoint": lambda visit: self._classic(visit, "spot"),
            "/futures/endpoint": lambda visit: self._classic(visit, "futures"),
            "/pro/spot": lambda visit: self._pro_public(visit, "spot"),
            "/pro/futures": lambda visit: self._pro_public(visit, "futures"),
            "/pro/private": self._pro_private,
            "/v1/private": self._gateway_query,
            "/v2/private": self._gateway_frame,
        }

    def __repr__(self) -> str:
        return f"<Doors {', '.join(self._table)}>"

    def knows(self, path: str) -> bool:
        """Whether there is a websocket at that path."""
        return path.rstrip("/") in self._table

    def open(self, visit: Visit) -> Conversation | TurnedAway:
        """Return the session of a client, or what it is told instead."""
        self._note(visit)
        return self._table[visit.path.rstrip("/")](visit)

    def _classic(self, visit: Visit, venue: Venue) -> Conversation | TurnedAway:
        connect_id = visit.query.get("connectId") or secrets.token_hex(12)
        fault = self._tokens.fault(visit.token, visit.now, venue)
        refusal = Refusal(401, fault) if fault is not None else self._crowded(visit)
        if refusal is not None:
            return TurnedAway(error_frame(refusal, connect_id if refusal.code == 509 else None))
        limits, spot = self._options.limits, venue == "spot"
        return Session(
            connect_id,
            self._check_spot if spot else self._check_futures,
            now=visit.now,
            private=self._tokens.private(visit.token),
            private_paths=SPOT_PRIVATE_PATHS if spot else FUTURES_PRIVATE_PATHS,
            limits=limits if spot else limits._replace(topics=sys.maxsize),  # futures unlimited; protocol.md 3.6
        )

    def _pro_public(self, visit: Visit, host: Host) -> Conversation | TurnedAway:
        refusal = self._crowded(visit)
        if refusal is not None:
            return TurnedAway(error_frame(refusal), binary=True)
        return self._pro(visit, host, PUBLIC_LIMITS)

    def _pro_private(self, visit: Visit) -> Conversation | TurnedAway:
        fault = self._tokens.fault(visit.token, visit.now, "pro") if visit.token else None
        refusal = Refusal(401, fault) if fault is not None else self._crowded(visit)
        if refusal is not None:
            return TurnedAway(error_frame(refusal), binary=True)
        return self._pro(visit, "private", PRIVATE_LIMITS, None if visit.token else self._login)

    def _pro(
        self, visit: Visit, host: Host, limits: SessionLimits, login: Callable[[ProRequest], None] | None = None
    ) -> ProSession:
        given = self._options.limits
        return ProSession(
            host,
            str(uuid.uuid4()),
            self._faults.refusal,
            now=visit.now,
            limits=limits._replace(idle_timeout=given.idle_timeout, life=given.life),
            ping_interval_ms=self._options.ping_interval_ms,
            login=login,
        )

    def _gateway_query(self, visit: Visit) -> Conversation | TurnedAway:
        query = visit.query
        proof = Proof(*(query.get(name, "") for name in ("apikey", "sign", "timestamp", "passphrase")))
        nanoseconds = query.get("enable_ns", "").lower() == "true"
        try:
            authenticate_socket(proof, f"{self._credentials.key}{{timestamp}}", self._credentials, self._clock_ms())
        except RestError as exc:
            time = self._clock_ms() * (1_000_000 if nanoseconds else 1)
            frame = {"code": exc.code, "msg": f"{exc.reason}.", "inTime": time, "outTime": time}
            return TurnedAway(encode(frame).decode())
        return self._gateway(visit, sign=lambda text: sign(text, self._credentials.secret), nanoseconds=nanoseconds)

    def _gateway_frame(self, visit: Visit) -> Conversation | TurnedAway:
        return self._gateway(visit, login=self._login)

    def _gateway(
        self,
        visit: Visit,
        *,
        sign: Callable[[str], str] | None = None,
        login: Callable[[ProRequest], None] | None = None,
        nanoseconds: bool = False,
    ) -> Conversation | TurnedAway:
        refusal = self._crowded(visit)
        if refusal is not None:
            return TurnedAway(error_frame(refusal))
        return GatewaySession(
            str(uuid.uuid4()),
            now=visit.now,
            time_ms=self._clock_ms(),
            operate=self._operate,
            quotas=self._quotas,
            user=self._credentials.key,
            sign=sign,
            login=login,
            limits=self._options.limits._replace(frames=ORDER_FRAMES),
            ping_interval_ms=self._options.ping_interval_ms,
            ping_timeout_ms=self._options.ping_timeout_ms,
            nanoseconds=nanoseconds,
        )

    def _login(self, request: ProRequest) -> None:
        proof = Proof(request.key, request.sign, str(request.timestamp_ms), request.passphrase)
        authenticate_socket(proof, VERIFY, self._credentials, self._clock_ms())

    def _note(self, visit: Visit) -> None:
        """Remember a visit, and forget those of whole windows ago."""
        recent = self._visits.setdefault(_visitor(visit), deque())
        recent.append(visit.now)
        for visitor, times in list(self._visits.items()):
            while times and times[0] <= visit.now - _window(visitor):
                times.popleft()
            if not times:
                del self._visits[visitor]

    def _crowded(self, visit: Visit) -> Refusal | None:
        if self._faults.turn_away is not None:
            return self._faults.turn_away
        if self._sessions() >= self._options.max_sessions:
            return Refusal(509, "exceed max session count limitation of 50")  # the text is older than the limit
        most = self._options.connections_per_minute
        if most and len(self._visits[_visitor(visit)]) > (PRO_VISITS if _visitor(visit)[1] else most):
            return Refusal(509, "service busy, please retry later")
        return None

    def _check_spot(self, topic: str) -> Refusal | None:
        return self._faults.refusal(topic) or check_topic(topic, self._market, silent=self._options.silent_symbols)

    def _check_futures(self, topic: str) -> Refusal | None:
        return self._faults.refusal(topic) or check_futures_topic(topic)


def _visitor(visit: Visit) -> tuple[str, bool]:
    return visit.peer, visit.path.startswith("/pro/")


def _window(visitor: tuple[str, bool]) -> float:
    return PRO_WINDOW if visitor[1] else 60.0
