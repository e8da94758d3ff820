"""What the account has on spot and margin, by signed calls. Orders and fills are listed by symbol only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import TypeVar

from msgspec import Struct

from kucoin_stream.frames.account.calls import PAGES, Calls, OpenOrders, where_offered
from kucoin_stream.market.account.balances import Balance, margin_balance, spot_balance
from kucoin_stream.market.account.fills import Fill, listed_fill
from kucoin_stream.market.account.order import Order, listed, unseen
from kucoin_stream.protocol.messages.rest_account import (
    ActiveSymbols,
    CrossMargin,
    IsolatedMargin,
    Page,
    SpotAccount,
    SpotFill,
    SpotOrder,
    SpotStopOrder,
)

T = TypeVar("T")

_STOP_ROWS = 500  # a page of stop orders; 500 at most
_CURSOR_ROWS = 100  # a page of fills or finished orders; 100 at most


class _Kind(Struct, frozen=True):
    """A kind of account that orders are placed in, and where its calls are."""

    query: dict[str, str]
    symbols: str
    active: str
    done: str
    order: str
    fills: str


_TRADE = _Kind(
    {},
    "/api/v1/hf/orders/active/symbols",
    "/api/v1/hf/orders/active",
    "/api/v1/hf/orders/done",
    "/api/v1/hf/orders",
    "/api/v1/hf/fills",
)
_MARGIN = [
    _Kind(
        {"tradeType": kind},
        "/api/v3/hf/margin/order/active/symbols",
        "/api/v3/hf/margin/orders/active",
        "/api/v3/hf/margin/orders/done",
        "/api/v3/hf/margin/orders",
        "/api/v3/hf/margin/fills",
    )
    for kind in ("MARGIN_TRADE", "MARGIN_ISOLATED_TRADE")
]


class SpotCalls(Calls):
    """The calls of spot with margin."""

    async def open_orders(self) -> OpenOrders:
        """Return the open orders and the waiting stop orders."""
        orders = await _of_every_kind(self._active)
        stops, complete = await where_offered(self._stop_orders) or ([], True)
        return OpenOrders([*map(listed, orders), *map(listed, stops)], complete)

    async def _active(self, kind: _Kind) -> list[SpotOrder]:
        orders: list[SpotOrder] = []
        for symbol in await self._symbols(kind):
            orders += await self._get(list[SpotOrder], kind.active, {"symbol": symbol} | kind.query)
        return orders

    async def _symbols(self, kind: _Kind) -> list[str]:
        """Return the symbols with open orders."""
        answer: ActiveSymbols = await self._get(ActiveSymbols, kind.symbols, kind.query)
        return answer.symbols or []

    async def _stop_orders(self) -> tuple[list[SpotStopOrder], bool]:
        return await self._pages(SpotStopOrder, "/api/v1/stop-order", {}, _STOP_ROWS)

    async def finished_since(self, since_ns: int, symbols: Iterable[str]) -> list[Order]:
        """Return the orders of ``symbols`` that finished since a Unix time."""
        found = [order for symbol in symbols for order in await _of_every_kind(partial(self._done, symbol, since_ns))]
        return [order for order in map(listed, found) if (order.updated_ns or 0) >= since_ns]

    async def _done(self, symbol: str, since_ns: int, kind: _Kind) -> list[SpotOrder]:
        query = {"symbol": symbol} | kind.query
        return await self._cursor(
            SpotOrder, kind.done, query, lambda row: (row.last_updated_at_ms or 0) * 1_000_000 < since_ns
        )

    async def _order(self, order: Order) -> Order:
        if order.stop:
            return unseen(order)  # triggered or cancelled: no call tells of it any more
        for kind in (_TRADE, _MARGIN[0]):  # one call tells of both kinds of margin
            if found := await where_offered(partial(self._shown, kind, order)):
                return listed(found)
        return unseen(order)

    async def _shown(self, kind: _Kind, order: Order) -> SpotOrder:
        answer: SpotOrder = await self._get(SpotOrder, f"{kind.order}/{order.order_id}", {"symbol": order.symbol})
        return answer

    async def fills(self, since_ns: int, symbols: Sequence[str], known: Iterable[str]) -> list[Fill]:
        """Return the fills since a Unix time; without ``symbols``, of those with open orders and the ``known`` ones."""
        named = symbols or sorted({*await _of_every_kind(self._symbols), *known})
        return [fill for symbol in named for fill in await _of_every_kind(partial(self._past, symbol, since_ns))]

    async def _past(self, symbol: str, since_ns: int, kind: _Kind) -> list[Fill]:
        query = {"symbol": symbol} | kind.query
        rows = await self._cursor(SpotFill, kind.fills, query, lambda row: listed_fill(row).time_ns < since_ns)
        return [listed_fill(row) for row in rows]

    async def _cursor(self, kind: type[T], path: str, query: dict[str, str], enough: Callable[[T], bool]) -> list[T]:
        """Return the rows of a list that goes on by its last id, newest first, until one is ``enough``."""
        found: list[T] = []
        asked = query | {"limit": str(_CURSOR_ROWS)}
        for _ in range(PAGES):
            page = await self._get(Page[kind], path, asked)  # type: ignore[valid-type]  # of run time
            rows = page.items or []
            found += rows
            if len(rows) < _CURSOR_ROWS or not page.last_id or enough(rows[-1]):
                break
            asked["lastId"] = str(page.last_id)
        return found

    async def balances(self) -> list[Balance]:
        """Return the balances of the main, trading and margin accounts."""
        accounts: Iterable[SpotAccount] = await self._get(list[SpotAccount], "/api/v1/accounts")
        margin = [*(await where_offered(self._cross) or ()), *(await where_offered(self._isolated) or ())]
        return [spot_balance(each) for each in accounts] + [each for each in margin if each.total]

    async def _cross(self) -> list[Balance]:
        answer: CrossMargin = await self._get(CrossMargin, "/api/v3/margin/accounts")
        return [margin_balance("margin", each) for each in answer.accounts or ()]

    async def _isolated(self) -> list[Balance]:
        answer: IsolatedMargin = await self._get(IsolatedMargin, "/api/v3/isolated/accounts")
        return [
            margin_balance(f"isolated_{pair.symbol}", asset)
            for pair in answer.assets or ()
            for asset in (pair.base_asset, pair.quote_asset)
            if asset is not None
        ]


async def _of_every_kind(call: Callable[[_Kind], Awaitable[list[T]]]) -> list[T]:
    """Make a call for each kind of account; margin that is not there has nothing."""
    found = [*await call(_TRADE)]
    for kind in _MARGIN:
        found += await where_offered(partial(call, kind)) or []
    return found
