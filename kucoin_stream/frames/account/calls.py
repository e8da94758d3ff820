"""The signed calls that the frames of an account begin with, and begin anew with after a disconnection.

What a kind of account lacks, margin above all, its calls refuse: there is nothing to list then. Every other error ends
the whole: half a list would be taken for a whole one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import Any, TypeVar

from msgspec import Struct

from kucoin_stream.errors import ResponseError
from kucoin_stream.market.account.balances import Balance
from kucoin_stream.market.account.fills import Fill
from kucoin_stream.market.account.order import Order, unseen
from kucoin_stream.protocol.messages.rest_account import Page
from kucoin_stream.transport.rest import Rest

T = TypeVar("T")

PAGES = 20  # of one list at most
_REFUSED = (200, 400, 403, 404)  # HTTP status of what asking again does not mend ...
_PASSING = ("200002", "230005", "408000")  # ... but for these codes: too many calls, busy, timeout; protocol.md 9.3
_LOOKED_UP = 100  # orders that finished unseen and are asked for one by one


class OpenOrders(Struct, frozen=True):
    """The open orders of a market; not ``complete`` where there were more than is asked for."""

    orders: list[Order]
    complete: bool = True


class Calls(ABC):
    """The calls of one market. All raise as :class:`Rest`. Lives on the loop thread."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    @abstractmethod
    async def open_orders(self) -> OpenOrders:
        """Return the open orders and the waiting stop orders."""

    @abstractmethod
    async def finished_since(self, since_ns: int, symbols: Iterable[str]) -> list[Order]:
        """Return the orders that finished since a Unix time, of ``symbols`` where the market has no common list."""

    @abstractmethod
    async def fills(self, since_ns: int, symbols: Sequence[str], known: Iterable[str]) -> list[Fill]:
        """Return the fills since a Unix time, of ``symbols`` only where there are some.

        ``known``: symbols to ask for besides, where none are named and the market has no common list.
        """

    @abstractmethod
    async def balances(self) -> list[Balance]:
        """Return the balances of all accounts."""

    @abstractmethod
    async def _order(self, order: Order) -> Order:
        """Return what became of an order."""

    async def finished(self, orders: Iterable[Order]) -> list[Order]:
        """Return what became of orders that are no longer open, ``done`` where no call says more."""
        found = []
        for asked, order in enumerate(orders):
            seen = await where_offered(partial(self._order, order)) if asked < _LOOKED_UP else None
            found.append(seen or unseen(order))
        return found

    async def _get(self, kind: Any, path: str, query: dict[str, str] | None = None) -> Any:
        return await self._rest.get(kind, path, query, signed=True)

    async def _pages(
        self, kind: type[T], path: str, query: dict[str, str], rows: int, enough: Callable[[T], bool] = lambda _: False
    ) -> tuple[list[T], bool]:
        """Return all pages of ``rows`` until the last row of one is ``enough``, and whether there were no more."""
        found: list[T] = []
        for number in range(1, PAGES + 1):
            numbered = {**query, "currentPage": str(number), "pageSize": str(rows)}
            page = await self._get(Page[kind], path, numbered)  # type: ignore[valid-type]  # of run time
            items = page.items or []
            found += items
            if not items or number >= (page.total_page or 0) or enough(items[-1]):
                return found, True
        return found, False


async def where_offered(call: Callable[[], Awaitable[T]]) -> T | None:
    """Make a call, or return ``None`` where the exchange refuses it for good."""
    try:
        return await call()
    except ResponseError as exc:
        if not for_good(exc):
            raise
        return None


def for_good(error: ResponseError) -> bool:
    """Whether the exchange does not have what was asked for, rather than not now."""
    blocked = error.status == 403 and not error.code  # a page of Cloudflare's: for 30 s
    return error.status in _REFUSED and error.code not in _PASSING and not blocked
