"""A row of the table of REST calls, and what its handler is given. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from kucoin_stream.simulator.account import Venue
from kucoin_stream.simulator.market import Json, Market, RestError
from kucoin_stream.simulator.trading.account import Account

Bullet = Callable[[Venue, bool, str], Json]
"""Makes the data of a token answer: for a venue, private or not, by the name that the client has of the host."""

_ENCRYPT_IS_SSL = ("python-kucoin", "kucoin-python-sdk/", "kucoin-futures-python-sdk/", "KuCoin-BOT/")


def plain(bullet: Bullet, agent: str) -> Bullet:
    """Return ``bullet`` as a client of that name can take it: some hand ``encrypt`` on to websockets as ``ssl``, which
    for ``ws://`` refuses even ``False``. KuCoin, all ``wss://``, never says it.
    """
    if not agent.startswith(_ENCRYPT_IS_SSL):
        return bullet

    def without(venue: Venue, private: bool, host: str) -> Json:
        data = bullet(venue, private, host)
        servers = [server | {"encrypt": None} for server in data.get("instanceServers", ())]
        return data | {"instanceServers": servers} if servers else data

    return without


class Query(NamedTuple):
    """What a call's handler sees."""

    market: Market
    arguments: dict[str, str]
    place: str  # what stands for * in the path
    now_ns: int
    host: str  # what the client calls this exchange
    bullet: Bullet
    account: Account
    key: str = ""  # the account's, of signed calls
    body: dict[str, Any] = {}  # noqa: RUF012 (a named tuple's default)
    rows: Any = None  # a body that is an array
    clock_ns: int = 0  # by what signatures are judged
    old_book: Callable[[str], Json | None] = lambda _: None

    def book(self, depth: int | None) -> Json:
        """Return the book of the symbol asked for: all levels, or the best ``depth`` a side."""
        symbol = self.symbol()
        return self._aged(symbol, depth) or self.market.book(symbol, depth)

    def contract_book(self, depth: int | None) -> Json:
        """Return the book of the contract asked for."""
        symbol = self.contract()
        return self._aged(symbol, depth) or self.market.futures.book(symbol, depth)

    def symbol(self) -> str:
        """Return the symbol asked for."""
        symbol = self._named()
        if not self.market.has_symbol(symbol):
            raise RestError(400, "900001", f"The symbol {symbol} not exists")
        return symbol

    def contract(self) -> str:
        """Return the contract asked for."""
        symbol = self._named()
        if not self.market.futures.has_symbol(symbol):
            raise RestError(400, "100003", f"Contract {symbol} does not exist")
        return symbol

    def number(self, name: str, default: int) -> int:
        """Return a time of the query; absent or 0: the default."""
        given = self.arguments.get(name, "0")
        if not given.isdecimal() or len(given) > 15:
            raise RestError(400, "400100", f"{name} is not a time")
        return int(given) or default

    def _aged(self, symbol: str, depth: int | None) -> Json | None:
        book = self.old_book(symbol)
        return book and {**book, "asks": book["asks"][:depth], "bids": book["bids"][:depth]}

    def _named(self) -> str:
        symbol = self.arguments.get("symbol") or self.place
        if not symbol:
            raise RestError(400, "400100", "symbol: must not be empty")
        return symbol


class Call(NamedTuple):
    """A row of the table."""

    method: str
    path: str
    weight: int
    handler: Callable[[Query], Json]
    signed: bool = False
