"""Where each kind of connection of an exchange is, and what a region lacks (protocol.md 1)."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from kucoin_stream.errors import UsageError
from kucoin_stream.protocol.topic import Connection
from kucoin_stream.settings import REST_BASE, Region

_FUTURES_BASE = "https://api-futures.kucoin.com"
_PRO = {
    Connection.SPOT_PRO: "wss://x-push-spot.kucoin.com",
    Connection.FUTURES_PRO: "wss://x-push-futures.kucoin.com",
    Connection.PRIVATE_PRO: "wss://wsapi-push.kucoin.com",
}
_ORDERS = dict.fromkeys((Connection.SPOT_ORDERS, Connection.FUTURES_ORDERS), "wss://wsapi.kucoin.com")
_CLASSIC_SPOT = frozenset({Connection.SPOT_PUBLIC, Connection.SPOT_PRIVATE})


class Venue(Struct, frozen=True):
    """The REST bases and sockets of one exchange. The sockets of the classic kinds come with their tokens.

    ``orders`` is the base of the WS API, without ``/v1/private`` or ``/v2/private``. ``lacks`` says what is not
    offered here, in the words of an error.
    """

    rest_url: str
    futures_url: str = ""
    sockets: Mapping[Connection, str] = {}
    lacks: str = ""

    def lack(self, key: Connection) -> str:
        """Return why there is no connection of this kind; nothing where there is one."""
        there = key in _CLASSIC_SPOT or key in self.sockets or (key in _CLASSIC_FUTURES and bool(self.futures_url))
        return "" if there else f"{self.lacks} ({key.value}); region='global' has it"

    def offers(self, key: Connection) -> bool:
        """Whether there is a connection of this kind."""
        return not self.lack(key)

    def check(self, key: Connection) -> None:
        """Raise :class:`UsageError` where there is no connection of this kind."""
        if lack := self.lack(key):
            raise UsageError(lack)


_CLASSIC_FUTURES = frozenset({Connection.FUTURES_PUBLIC, Connection.FUTURES_PRIVATE})


def of_region(region: Region, futures_url: str = "") -> Venue:
    """Return KuCoin's own hosts of a region (protocol.md 1.1 to 1.3)."""
    rest_url = REST_BASE[region]
    if region == "EU":
        return Venue(rest_url, futures_url, lacks="KuCoin EU offers classic spot and margin only")
    return Venue(rest_url, futures_url or _FUTURES_BASE, _PRO | _ORDERS)


def of_exchange(rest_url: str, futures_url: str = "") -> Venue:
    """Return what an exchange on one port has: the built-in one, or another given by the URL of its REST base."""
    base = "ws" + rest_url.removeprefix("http")
    sockets = {
        Connection.SPOT_PRO: f"{base}/pro/spot",
        Connection.FUTURES_PRO: f"{base}/pro/futures",
        Connection.PRIVATE_PRO: f"{base}/pro/private",
        Connection.SPOT_ORDERS: base,
        Connection.FUTURES_ORDERS: base,
    }
    return Venue(rest_url, futures_url or f"{rest_url}/futures", sockets)
