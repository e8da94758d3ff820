"""What a row of the catalogue says."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

from msgspec import Struct


class Connection(StrEnum):
    """The kinds of connection, by the keys of the Node client ``kucoin-api`` (protocol.md 1.4)."""

    SPOT_PUBLIC = "spotPublicV1"
    SPOT_PRIVATE = "spotPrivateV1"
    FUTURES_PUBLIC = "futuresPublicV1"
    FUTURES_PRIVATE = "futuresPrivateV1"
    SPOT_PRO = "spotPublicProV2"
    FUTURES_PRO = "futuresPublicProV2"
    PRIVATE_PRO = "privateProV2"
    SPOT_ORDERS = "wsApiSpotV1"
    FUTURES_ORDERS = "wsApiFuturesV1"


ORDERS = frozenset({Connection.SPOT_ORDERS, Connection.FUTURES_ORDERS})
"""The WS API: requests and answers, no topics."""

PRIVATE = ORDERS | {Connection.SPOT_PRIVATE, Connection.FUTURES_PRIVATE, Connection.PRIVATE_PRO}
"""Those that need an API key."""

FUTURES = frozenset({Connection.FUTURES_PUBLIC, Connection.FUTURES_PRIVATE, Connection.FUTURES_PRO})
"""Those of futures alone."""

Overflow = Literal["conflate", "resync", "mark"]
"""What a full inbox does: keep the latest per symbol, start again from a snapshot, or leave a counted hole."""

INTERVALS: dict[str, int] = {
    "1min": 60,
    "3min": 180,
    "5min": 300,
    "15min": 900,
    "30min": 1800,
    "1hour": 3600,
    "2hour": 7200,
    "4hour": 14400,
    "6hour": 21600,
    "8hour": 28800,
    "12hour": 43200,
    "1day": 86400,
    "1week": 604800,
    "1month": 2592000,  # a nominal 30 days: months have no fixed length
}
"""Kline intervals and their length in seconds (protocol.md 4.8)."""


class Topic(Struct, frozen=True):
    """A row of the catalogue.

    ``path`` holds the placeholders ``{symbol}`` and ``{interval}`` (or ``{market}``) of its argument.
    ``list_limit`` is how many arguments one subscribe command may join by commas; 0: the topic takes none.
    """

    name: str
    connection: Connection
    path: str
    payload: type[Any]
    subjects: tuple[str, ...]
    overflow: Overflow
    section: str
    list_limit: int = 100
    private: bool = False
    identity: tuple[str, ...] = ()  # fields that tell one message from all others
    about: str = ""  # what a message is, where its payload is a plain map

    @property
    def doc(self) -> str:
        """What a message is: the text of its payload, or the row's own."""
        return self.about or self.payload.__doc__ or ""

    @property
    def stem(self) -> str:
        """The path without its placeholders: ``/market/match``, or ``/market/ticker:all``."""
        return self.path.split(":{")[0]

    @property
    def argument(self) -> str:
        """The form of one argument: ``{symbol}``, ``{symbol}_{interval}``, ``{market}`` or nothing."""
        return self.path[len(self.stem) + 1 :]

    @property
    def by_symbol(self) -> bool:
        """Whether an argument names a symbol."""
        return "{symbol}" in self.path

    @property
    def incremental(self) -> bool:
        """Whether a message means something only after all those before it."""
        return self.overflow == "resync"

    def wire(self, argument: str = "") -> str:
        """Return the topic on the wire: one argument, or several joined by commas."""
        return f"{self.stem}:{argument}" if argument else self.stem
