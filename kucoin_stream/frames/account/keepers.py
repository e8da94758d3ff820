"""What is kept of the account: orders, fills, balances, positions, each with its topics, table and calls."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from kucoin_stream.frames.account.calls import Calls
from kucoin_stream.frames.account.futures_calls import FuturesCalls
from kucoin_stream.frames.account.keeper import AccountKeeper, Side
from kucoin_stream.frames.account.spot_calls import SpotCalls
from kucoin_stream.market.account.balances import Balances
from kucoin_stream.market.account.fills import Fill, Fills, pushed_fill
from kucoin_stream.market.account.order import Market, Pushed, pushed
from kucoin_stream.market.account.orders import Orders
from kucoin_stream.market.account.positions import Positions
from kucoin_stream.protocol import topics
from kucoin_stream.protocol.messages import account, futures_account
from kucoin_stream.transport.engine import Engine

_ORDERS = {
    "spot": ("account.orders", "account.stop_orders"),
    "futures": ("account.futures_orders", "account.futures_stop_orders"),
}
_FILLS = {"spot": ("account.orders",), "futures": ("account.futures_orders",)}
_BALANCES = {"spot": ("account.balances",), "futures": ("account.futures_wallet",)}
_POSITIONS = ("account.futures_positions",)


def _wire(names: Iterable[str]) -> list[str]:
    return [topics.find(name).wire() for name in names]


def _calls(engine: Engine, market: Market) -> Calls:
    return _futures(engine) if market == "futures" else SpotCalls(engine.rest)


def _futures(engine: Engine) -> FuturesCalls:
    return FuturesCalls(engine.futures_rest, engine.contracts)


class OrderKeeper(AccountKeeper):
    """Keeps the orders of markets, ``maxlen`` finished ones."""

    def __init__(self, engine: Engine, markets: Sequence[Market], maxlen: int) -> None:
        self._orders = Orders(maxlen)
        super().__init__(engine, self._orders, {market: _wire(_ORDERS[market]) for market in markets})

    def _take(self, message: Any) -> list[Any]:
        return self._orders.take(pushed(message)) if isinstance(message, Pushed) else []

    def _restart(self, market: Market) -> None:
        self._orders.restart(market)

    async def _seed(self, side: Side) -> list[Any]:
        calls, orders, market = _calls(self._engine, side.market), self._orders, side.market
        listed = await calls.open_orders()
        found = [*listed.orders]
        if since_ns := await self._since(side):
            found += await calls.finished_since(since_ns, orders.symbols(market))
        ends = await calls.finished(orders.unexplained(market, found)) if listed.complete else []
        gone = {order.order_id for order in orders.unexplained(market, found)}  # the stream may have told meanwhile
        return orders.seed(market, [*found, *(end for end in ends if end.order_id in gone)])


class FillKeeper(AccountKeeper):
    """Keeps the last ``maxlen`` fills of markets, of ``symbols`` only where there are some."""

    def __init__(self, engine: Engine, markets: Sequence[Market], symbols: Sequence[str], maxlen: int) -> None:
        self._fills = Fills(maxlen)
        self._symbols = symbols
        super().__init__(engine, self._fills, {market: _wire(_FILLS[market]) for market in markets})

    def _take(self, message: Any) -> list[Any]:
        if not isinstance(message, account.Order | futures_account.Order):
            return []
        return self._fills.take(fill for fill in pushed_fill(message) if self._wanted(fill))

    def _wanted(self, fill: Fill) -> bool:
        return not self._symbols or fill.symbol in self._symbols

    def _restart(self, market: Market) -> None:
        """Fills do not change: those missed are added."""

    async def _seed(self, side: Side) -> list[Any]:
        calls, since_ns = _calls(self._engine, side.market), await self._since(side)
        found = await calls.fills(since_ns, self._symbols, self._fills.symbols(side.market))
        self.version += 1  # a fee may be known now, which is no new fill
        return self._fills.take(sorted(found, key=lambda fill: fill.time_ns))


class BalanceKeeper(AccountKeeper):
    """Keeps the balances of markets."""

    def __init__(self, engine: Engine, markets: Sequence[Market]) -> None:
        self._balances = Balances()
        super().__init__(engine, self._balances, {market: _wire(_BALANCES[market]) for market in markets})

    def _take(self, message: Any) -> list[Any]:
        return self._balances.take(message) if isinstance(message, account.Balance | futures_account.Wallet) else []

    def _restart(self, market: Market) -> None:
        self._balances.restart(market)

    async def _seed(self, side: Side) -> list[Any]:
        return self._balances.seed(side.market, await _calls(self._engine, side.market).balances())


_OF_POSITIONS = futures_account.Position | futures_account.PositionSettlement | futures_account.RiskLimit


class PositionKeeper(AccountKeeper):
    """Keeps the futures positions."""

    def __init__(self, engine: Engine) -> None:
        self._positions = Positions()
        super().__init__(engine, self._positions, {"futures": _wire(_POSITIONS)})

    def _take(self, message: Any) -> list[Any]:
        return self._positions.take(message) if isinstance(message, _OF_POSITIONS) else []

    def _restart(self, market: Market) -> None:  # noqa: ARG002  there is one
        self._positions.restart()

    async def _seed(self, side: Side) -> list[Any]:  # noqa: ARG002  there is one
        return self._positions.seed(await _futures(self._engine).positions())
