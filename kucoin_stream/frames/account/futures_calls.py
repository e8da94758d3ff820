"""What the account has on futures, by signed calls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from kucoin_stream.errors import ResponseError
from kucoin_stream.frames.account.calls import Calls, OpenOrders, for_good
from kucoin_stream.market.account.balances import Balance, futures_balance
from kucoin_stream.market.account.fills import Fill, listed_fill
from kucoin_stream.market.account.order import Order, listed
from kucoin_stream.protocol.messages.contracts import ContractInfo
from kucoin_stream.protocol.messages.futures_account import Position
from kucoin_stream.protocol.messages.rest_account import FuturesAccount, FuturesFill, FuturesOrder
from kucoin_stream.transport.rest import Rest

_ROWS = 500  # a page of orders, stop orders or fills; 1000 at most


class FuturesCalls(Calls):
    """The calls of futures. The settlement currencies are those of ``contracts``, or, where it is empty, asked for."""

    def __init__(self, rest: Rest, contracts: Mapping[str, ContractInfo]) -> None:
        super().__init__(rest)
        self._contracts = contracts

    async def open_orders(self) -> OpenOrders:
        """Return the open orders and the waiting stop orders."""
        orders, all_orders = await self._pages(FuturesOrder, "/api/v1/orders", {"status": "active"}, _ROWS)
        stops, all_stops = await self._pages(FuturesOrder, "/api/v1/stopOrders", {}, _ROWS)
        return OpenOrders([listed(each) for each in [*orders, *stops]], all_orders and all_stops)

    async def finished_since(self, since_ns: int, symbols: Iterable[str]) -> list[Order]:  # noqa: ARG002  of all
        """Return the orders that finished since a Unix time, at most 1000 of the last 24 hours."""
        answers: list[FuturesOrder] = await self._get(list[FuturesOrder], "/api/v1/recentDoneOrders")
        return [order for order in map(listed, answers) if (order.updated_ns or 0) >= since_ns]

    async def _order(self, order: Order) -> Order:
        return listed(await self._get(FuturesOrder, f"/api/v1/orders/{order.order_id}"))

    async def fills(
        self,
        since_ns: int,
        symbols: Sequence[str],
        known: Iterable[str],  # noqa: ARG002  one list has all
    ) -> list[Fill]:
        """Return the fills since a Unix time, of ``symbols`` only where there are some."""
        found: list[FuturesFill] = []
        for query in [{"symbol": symbol} for symbol in symbols] or [{}]:
            rows, _ = await self._pages(
                FuturesFill, "/api/v1/fills", query, _ROWS, enough=lambda row: listed_fill(row).time_ns < since_ns
            )
            found += rows
        return [listed_fill(row) for row in found]

    async def balances(self) -> list[Balance]:
        """Return the balances of all settlement currencies that there is something of."""
        contracts = self._contracts.values() or await self._rest.contracts()
        found: list[Balance] = []
        refusal: ResponseError | None = None
        for currency in sorted({info.settle_currency for info in contracts} - {""}):
            try:
                found.append(await self._balance(currency))
            except ResponseError as exc:
                if not for_good(exc):
                    raise
                refusal = exc
        if refusal is not None and not found:
            raise refusal
        return [balance for balance in found if balance.total or balance.equity]

    async def _balance(self, currency: str) -> Balance:
        return futures_balance(await self._get(FuturesAccount, "/api/v1/account-overview", {"currency": currency}))

    async def positions(self) -> list[Position]:
        """Return all positions."""
        found: list[Position] = await self._get(list[Position], "/api/v1/positions")
        return found
