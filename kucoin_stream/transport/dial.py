"""What one connection attempt needs: an address, fresh tokens and signatures, and the machine that speaks there."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from typing import Any, assert_never
from urllib.parse import quote, urlencode, urlsplit

from msgspec import Struct
from msgspec.structs import replace

from kucoin_stream.errors import RemoteProtocolError
from kucoin_stream.protocol import signing
from kucoin_stream.protocol.classic import ClassicProtocol
from kucoin_stream.protocol.limits import limits_of
from kucoin_stream.protocol.messages.rest import Bullet
from kucoin_stream.protocol.pro import ProProtocol
from kucoin_stream.protocol.topic import PRIVATE, Connection
from kucoin_stream.protocol.wsapi import WsApiProtocol
from kucoin_stream.settings import Limits, Settings
from kucoin_stream.transport.rest import Rest
from kucoin_stream.transport.target import is_loopback, is_own, is_private, scheme_and_host
from kucoin_stream.transport.venue import Venue

Machine = ClassicProtocol | ProProtocol | WsApiProtocol
"""One connection's protocol, without I/O."""


class Line(Struct, frozen=True):
    """One connection attempt. Its repr hides the tokens and signatures that the address holds.

    ``sign`` signs what the exchange asks to have signed, where it does (protocol.md 7.2).
    """

    url: str
    machine: Machine
    secrets: tuple[str, ...] = ()
    sign: Callable[[str], Awaitable[str]] | None = None

    def __repr__(self) -> str:
        return f"<Line {self.url.partition('?')[0]}>"

    def scrubbed(self, text: str) -> str:
        """Return a text without the tokens, signatures and parts of the key, should it repeat them."""
        for secret in filter(None, self.secrets):
            for form in (secret, quote(secret, safe="")):
                text = _without_beginning(text.replace(form, "***"), form)
        return text[:300]


class Dialler:
    """Prepares connection attempts of every kind. Lives on the loop thread.

    A signature carries the exchange's own time, asked for at each attempt: a clock that is off here does not matter.
    """

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
        """Return what a connection of this kind needs. Raises as :class:`Rest`."""
        line = await self._dial(key)
        signer = self._rest.signer
        if key not in PRIVATE or signer is None:
            return line
        return replace(line, secrets=(*line.secrets, *signer.parts))

    async def _dial(self, key: Connection) -> Line:
        match key:
            case Connection.SPOT_PUBLIC:
                return self._classic(key, await self._rest.bullet())
            case Connection.SPOT_PRIVATE:
                return self._classic(key, await self._rest.private_bullet())
            case Connection.FUTURES_PUBLIC:
                return self._classic(key, await self._futures.bullet())
            case Connection.FUTURES_PRIVATE:
                return self._classic(key, await self._futures.private_bullet())
            case Connection.SPOT_PRO | Connection.FUTURES_PRO:
                return Line(self._address(key), self._pro(key))
            case Connection.PRIVATE_PRO:
                return await self._private_pro(key)
            case Connection.SPOT_ORDERS | Connection.FUTURES_ORDERS:
                return await self._orders(key)
            case never:
                assert_never(never)

    async def _private_pro(self, key: Connection) -> Line:
        if self._settings.pro_login == "frame":
            return Line(self._address(key), self._pro(key, await self._auth_frame()))
        token = (await self._rest.pro_bullet()).token
        return Line(_with_query(self._address(key), {"token": token}), self._pro(key), (token,))

    async def _orders(self, key: Connection) -> Line:
        generation = self._settings.order_api
        address = self._settings.address(key) or f"{self.venue.sockets[key]}/v{generation}/private"
        self._check_host(key, address)
        if generation == 2:
            return Line(address, self._order_machine(key, await self._auth_frame()))
        await self._rest.synchronise()
        signer = self._rest.signer_for(key.value)
        proof = await self._rest.prove(key.value, lambda time_ms: signing.query_message(signer.key, time_ms))
        query = signing.query(**proof)
        hidden = tuple(query[name] for name in ("apikey", "sign", "passphrase"))
        return Line(_with_query(address, query), self._order_machine(key), hidden, signer)

    async def _auth_frame(self) -> bytes:
        await self._rest.synchronise()
        return signing.auth_frame(**await self._rest.prove("authentication", signing.auth_message))

    # -- machines ------------------------------------------------------------------------------------------------

    def _classic(self, key: Connection, bullet: Bullet) -> Line:
        if not bullet.instance_servers:
            raise RemoteProtocolError("the token's answer names no server")
        server, settings = bullet.instance_servers[0], self._settings
        endpoint = settings.address(key) or server.endpoint
        self._check_host(key, endpoint)
        machine = ClassicProtocol(
            now=self._clock(),
            ping_interval=settings.ping_interval or _seconds(server.ping_interval, 18.0),
            pong_timeout=settings.pong_timeout or _seconds(server.ping_timeout, 10.0),
            welcome_timeout=settings.welcome_timeout,
            ack_timeout=settings.ack_timeout,
            limits=_limits(key, settings),
        )
        query = {"token": bullet.token, "connectId": secrets.token_hex(8)}
        return Line(_with_query(endpoint, query), machine, (bullet.token,))

    def _pro(self, key: Connection, auth: bytes | None = None) -> ProProtocol:
        return ProProtocol(**self._timing(key), auth=auth)

    def _order_machine(self, key: Connection, auth: bytes | None = None) -> WsApiProtocol:
        return WsApiProtocol(**self._timing(key), auth=auth)

    def _timing(self, key: Connection) -> dict[str, Any]:
        settings = self._settings
        return {
            "now": self._clock(),
            "ping_interval": settings.ping_interval,
            "pong_timeout": settings.pong_timeout or 10.0,
            "welcome_timeout": settings.welcome_timeout,
            "ack_timeout": settings.ack_timeout,
            "limits": _limits(key, settings),
        }

    # -- addresses -----------------------------------------------------------------------------------------------

    def _address(self, key: Connection) -> str:
        address = self._settings.address(key) or self.venue.sockets[key]
        self._check_host(key, address)
        return address

    def _check_host(self, key: Connection, endpoint: str) -> None:
        """Raise where a token would go to a host that is neither KuCoin's nor chosen by the user (design.md, law 9)."""
        scheme, host = scheme_and_host(endpoint)
        if scheme not in {"ws", "wss"} or "@" in urlsplit(endpoint).netloc:
            raise RemoteProtocolError("the token's answer names no websocket")
        if is_own(endpoint) or is_loopback(endpoint):
            return
        if not (self._any_host or endpoint in self._settings.addresses().values()):
            raise RemoteProtocolError(
                f"the token's answer names a host that is not KuCoin's: {host}; no token was sent"
            )
        if key in PRIVATE and not is_private(endpoint):
            raise RemoteProtocolError(f"a private connection goes over wss or to this machine only, not to {host}")


def _limits(key: Connection, settings: Settings) -> Limits:
    """Return the limits of a connection, with a longer window: the exchange counts frames when it reads them."""
    limits = limits_of(key, settings.limits)
    return replace(limits, window=limits.window + _JITTER)


_JITTER = 1.0  # seconds by which frames may arrive closer together than they were sent

_SHORTEST = 6  # letters of a secret that are worth hiding


def _without_beginning(text: str, secret: str) -> str:
    """Return a text that may have been cut off within a secret without that."""
    for length in range(min(len(secret), len(text)), _SHORTEST - 1, -1):
        if text.endswith(secret[:length]):
            return f"{text[:-length]}***"
    return text


def _with_query(endpoint: str, query: dict[str, str]) -> str:
    return f"{endpoint}{'&' if urlsplit(endpoint).query else '?'}{urlencode(query)}"


def _seconds(milliseconds: int | None, default: float) -> float:
    """Return what a server asks for, within reason: a second to an hour."""
    return min(max(milliseconds / 1000, 1.0), 3600.0) if milliseconds else default
