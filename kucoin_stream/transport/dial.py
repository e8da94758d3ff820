"""What one connection attempt needs: an address, fresh tokens, and the machine that speaks there."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from typing import Protocol, assert_never
from urllib.parse import urlencode, urlsplit

from msgspec import Struct

from kucoin_stream.errors import LocalProtocolError, RemoteProtocolError
from kucoin_stream.protocol.classic import ClassicProtocol, State
from kucoin_stream.protocol.events import Event
from kucoin_stream.protocol.messages.rest import Bullet
from kucoin_stream.protocol.pro import PRIVATE_LIMITS, PUBLIC_LIMITS, ProProtocol
from kucoin_stream.protocol.topic import Connection
from kucoin_stream.settings import Limits, Settings
from kucoin_stream.transport.rest import Rest
from kucoin_stream.transport.target import is_loopback, is_own, scheme_and_host
from kucoin_stream.transport.venue import Venue


class Machine(Protocol):
    """One connection's protocol, without I/O: see :class:`ClassicProtocol`."""

    state: State

    def connected(self, now: float) -> None:
        """Note that the socket is open."""

    def receive(self, batch: Sequence[bytes], now: float) -> list[Event]:
        """Return what the messages of one socket read mean."""

    def subscribe(self, topic: str, *, private: bool = False) -> str:
        """Queue a subscribe; return its request id."""

    def unsubscribe(self, topic: str, *, private: bool = False) -> str:
        """Queue an unsubscribe; return its request id."""

    def data_to_send(self, now: float) -> Sequence[bytes]:
        """Return the messages to send now."""

    def next_tick(self) -> float:
        """Return when to call :meth:`tick` at the latest."""

    def tick(self, now: float) -> list[Event]:
        """Do what is due."""

    def close(self) -> None:
        """Note that the socket is gone."""


class Line(Struct, frozen=True):
    """One connection attempt. Its repr hides the token that the address holds."""

    url: str
    token: str
    machine: Machine

    def __repr__(self) -> str:
        return f"<Line {self.url.partition('?')[0]}>"


class Dialler:
    """Prepares connection attempts of every kind. Lives on the loop thread."""

    def __init__(
        self, venue: Venue, rest: Rest, futures: Rest, settings: Settings, clock: Callable[[], float], *, any_host: bool
    ) -> None:
        self.venue = venue
        self._rest = rest
        self._futures = futures
        self._settings = settings
        self._clock = clock
        self._any_host = any_host

    async def dial(self, key: Connection) -> Line:
        """Return what a connection of this kind needs; fetches a token where it takes one. Raises as :class:`Rest`."""
        match key:
            case Connection.SPOT_PUBLIC:
                return self._classic(await self._rest.bullet())
            case Connection.SPOT_PRIVATE:
                return self._classic(await self._rest.private_bullet())
            case Connection.FUTURES_PUBLIC:
                return self._classic(await self._futures.bullet())
            case Connection.FUTURES_PRIVATE:
                return self._classic(await self._futures.private_bullet())
            case Connection.SPOT_PRO | Connection.FUTURES_PRO:
                return Line(self._socket(key), "", self._pro())
            case Connection.PRIVATE_PRO:
                token = (await self._rest.pro_bullet()).token
                return Line(_with_query(self._socket(key), {"token": token}), token, self._pro(PRIVATE_LIMITS))
            case Connection.SPOT_ORDERS | Connection.FUTURES_ORDERS:
                raise LocalProtocolError("order entry has no topics to subscribe")
            case never:
                assert_never(never)

    def _socket(self, key: Connection) -> str:
        return self._settings.websocket_url or self.venue.sockets[key]

    def _pro(self, limits: Limits = PUBLIC_LIMITS) -> ProProtocol:
        settings = self._settings
        return ProProtocol(
            now=self._clock(),
            ping_interval=settings.ping_interval,
            pong_timeout=settings.pong_timeout or 10.0,
            welcome_timeout=settings.welcome_timeout,
            ack_timeout=settings.ack_timeout,
            limits=limits,
        )

    def _classic(self, bullet: Bullet) -> Line:
        if not bullet.instance_servers:
            raise RemoteProtocolError("the token's answer names no server")
        server, settings = bullet.instance_servers[0], self._settings
        endpoint = settings.websocket_url or server.endpoint
        self._check_host(endpoint)
        machine = ClassicProtocol(
            now=self._clock(),
            ping_interval=settings.ping_interval or _seconds(server.ping_interval, 18.0),
            pong_timeout=settings.pong_timeout or _seconds(server.ping_timeout, 10.0),
            welcome_timeout=settings.welcome_timeout,
            ack_timeout=settings.ack_timeout,
            limits=settings.limits,
        )
        query = {"token": bullet.token, "connectId": secrets.token_hex(8)}
        return Line(_with_query(endpoint, query), bullet.token, machine)

    def _check_host(self, endpoint: str) -> None:
        """Raise where a token would go to a host that is neither KuCoin's nor chosen by the user (design.md, law 9)."""
        if scheme_and_host(endpoint)[0] not in {"ws", "wss"}:
            raise RemoteProtocolError("the token's answer names no websocket")
        given = self._any_host or endpoint == self._settings.websocket_url
        if not (given or is_own(endpoint) or is_loopback(endpoint)):
            host = scheme_and_host(endpoint)[1]
            raise RemoteProtocolError(
                f"the token's answer names a host that is not KuCoin's: {host}; no token was sent"
            )


def _with_query(endpoint: str, query: dict[str, str]) -> str:
    return f"{endpoint}{'&' if urlsplit(endpoint).query else '?'}{urlencode(query)}"


def _seconds(milliseconds: int | None, default: float) -> float:
    """Return what a server asks for, within reason: a second to an hour."""
    return min(max(milliseconds / 1000, 1.0), 3600.0) if milliseconds else default
