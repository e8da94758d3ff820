"""What can be set, as frozen values. Every number has a unit and a source."""

from __future__ import annotations

from typing import Annotated, Literal, NoReturn

from msgspec import Meta, Struct

Region = Literal["global", "EU", "AU"]

REST_BASE: dict[str, str] = {
    "global": "https://api.kucoin.com",
    "EU": "https://api.kucoin.eu",
    "AU": "https://api.kucoin.com",  # with the header X-SITE-TYPE: australia
}
"""REST host of spot and margin by region (protocol.md 1)."""

OWN_DOMAINS = ("kucoin.com", "kucoin.eu")
"""Domains that a token or stored credentials may go to (design.md, law 9)."""


class Credentials:
    """An API key. Its repr, and so every log and traceback, hides all three parts.

    No struct, so that JSON does not take it; it is not pickled either, lest it ends in a file by way of something else.
    """

    __slots__ = ("key", "passphrase", "secret")

    def __init__(self, key: str, secret: str, passphrase: str) -> None:
        self.key = key
        self.secret = secret
        self.passphrase = passphrase

    def __repr__(self) -> str:
        return "<Credentials ***>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Credentials) and self._parts == other._parts

    def __hash__(self) -> int:
        return hash(self._parts)

    def __reduce__(self) -> NoReturn:
        raise TypeError("an API key is neither pickled nor copied")

    @property
    def _parts(self) -> tuple[str, str, str]:
        return self.key, self.secret, self.passphrase


class Limits(Struct, frozen=True):
    """What KuCoin allows a client (protocol.md 3.6)."""

    topics_per_command: int = 100
    topics_per_connection: int = 300  # documented 400, the error text says 300
    commands_per_window: int = 90  # of 100, pings included
    window: float = 10.0  # seconds
    connections_per_minute: int = 30
    kline_rows: int = 1500  # rows a REST call returns at most; protocol.md 8.2.6


Time = Annotated[float, Meta(gt=0, le=86_400)]
"""Seconds."""

Size = Annotated[int, Meta(ge=1, le=2**40)]


class Settings(Struct, frozen=True):
    """Options of a client, under KuCoin's names in brackets. Times are seconds."""

    region: Region = "global"  # [apiRegion]
    receive_window: Time = 5.0  # [recvWindow] how old a signature may be when it is sent; protocol.md 2.1
    ping_interval: Time | None = None  # [pingInterval] None: what the token's answer says, 18 s
    pong_timeout: Time | None = None  # [pongTimeout] None: what the token's answer says, 10 s
    reconnect_delay: Time = 0.5  # [reconnectTimeout] before the first attempt
    reconnect_delay_max: Time = 30.0
    rotate_after: Time = 82_800.0  # a connection is replaced by a fresh one before KuCoin ends it, after 24 h
    reauthenticate: bool = True  # [reauthWSAPIOnReconnect] open a lost WS API session again at once
    pro_login: Literal["token", "frame"] = "token"  # how the private Pro connection authenticates; protocol.md 6.4
    order_api: Literal[1, 2] = 1  # generation of the WS API; protocol.md 7.1, 7.3
    welcome_timeout: Time = 5.0  # the official SDK's
    ack_timeout: Time = 10.0  # protocol.md 10.1
    open_timeout: Time = 10.0
    request_timeout: Time = 10.0
    close_timeout: Time = 1.0
    transport: Literal["auto", "websockets", "picows"] = "auto"  # which library reads the sockets
    compression: bool = False  # offer permessage-deflate: saves traffic, costs time
    websocket_url: str | dict[str, str] | None = None  # [wsUrl] overrides connections' addresses: all, or by key
    limits: Limits = Limits()
    frame_bytes: Size = 8 * 2**20  # largest message accepted
    response_bytes: Size = 64 * 2**20  # largest REST answer accepted
    inbox_size: Size = 100_000  # messages a branch may lag behind before its topic's policy applies

    def addresses(self) -> dict[str, str]:
        """Return the addresses given for connections: by key, or under ``*`` for all."""
        given = self.websocket_url or {}
        return {"*": given} if isinstance(given, str) else given

    def address(self, key: str) -> str:
        """Return the address given for a kind of connection; empty where there is none."""
        given = self.addresses()
        return given.get(key) or given.get("*", "")
