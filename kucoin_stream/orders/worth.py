"""What orders come to, so that a cap can be held against them, whichever way they are sent (protocol.md 7.6, 8.4)."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from msgspec import Struct

from kucoin_stream.errors import UsageError
from kucoin_stream.instruments import Instruments
from kucoin_stream.orders import checks
from kucoin_stream.protocol.endpoints.endpoint import snake
from kucoin_stream.protocol.messages.contracts import ContractInfo
from kucoin_stream.protocol.messages.rest import SymbolInfo
from kucoin_stream.protocol.messages.rest_orders import Best
from kucoin_stream.transport.engine import Engine

_FRESH = 1.0  # seconds that a best price is good for: a cap is no exact thing

_CHANGED = {"new_price": "price", "new_size": "size"}
_SIZES = ("size", "funds", "qty", "value_qty")
_PRICES = ("price", "limit_price", "stop_price", "trigger_stop_up_price", "trigger_stop_down_price")


class Worth(Struct, frozen=True):
    """An amount in a quote currency; nothing for what places no order."""

    currency: str = ""
    amount: Decimal = Decimal(0)


class Scales:
    """Says what orders come to at the prices of the moment. Safe from any thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._instruments = Instruments(engine)
        self._seen: dict[str, tuple[float, Best]] = {}  # by symbol: until when it is fresh

    def worth(self, info: SymbolInfo | ContractInfo, order: Mapping[str, Any]) -> Worth:
        """Return what an order comes to, its fields in snake case and its numbers exact.

        A purchase with a limit counts at that. All else counts no lower than the best price of the moment, at which it
        could be filled. Raises :class:`UsageError` where there is no price.
        """
        order = checks.in_units(info, order)
        return Worth(*checks.worth(info, order, self._price(info, order)))

    def of_all(self, orders: Iterable[Mapping[str, Any]]) -> Worth:
        """Return what orders come to together, each as it is sent, under KuCoin's names.

        Raises :class:`UsageError` for what cannot be counted or taken: it is not to be sent.
        """
        total = Worth()
        for each in orders:
            order = _as_sent(each)
            info = self._instruments.find(order.get("symbol", ""))
            checks.takes(info, checks.in_units(info, order))
            total = added(total, self.worth(info, order))
        return total

    def _price(self, info: SymbolInfo | ContractInfo, order: Mapping[str, Any]) -> Decimal:
        if not ("size" in order or "qty" in order):
            return Decimal(1)  # is not multiplied with it
        prices = [Decimal(order[name]) for name in _PRICES if name in order]
        side = str(order.get("side", "")).lower()
        if "price" in order and side == "buy" and not checks.at_market(order):
            return max(prices)
        prices += filter(None, [self._best(info, side)])
        if not prices:
            raise UsageError(f"{info.symbol} has no price now, so this order cannot be counted; give price=")
        return max(prices)

    def _best(self, info: SymbolInfo | ContractInfo, side: str) -> Decimal | None:
        until, best = self._seen.get(info.symbol, (0.0, None))
        if best is None or time.monotonic() > until:
            best = self._engine.call(self._ask, info)
            self._seen[info.symbol] = time.monotonic() + _FRESH, best
        return best.at(side)

    async def _ask(self, info: SymbolInfo | ContractInfo) -> Best:
        engine, query = self._engine, {"symbol": info.symbol}
        if isinstance(info, ContractInfo):
            return await engine.futures_rest.get(Best, "/api/v1/ticker", query)
        return await engine.rest.get(Best, "/api/v1/market/orderbook/level1", query)


def added(one: Worth, other: Worth) -> Worth:
    """Return both together; raise :class:`UsageError` where they are in different currencies."""
    if one.currency and other.currency and one.currency != other.currency:
        raise UsageError(f"one batch has one quote currency, not {one.currency} and {other.currency}")
    return Worth(one.currency or other.currency, one.amount + other.amount)


def _as_sent(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return an order with our names and exact numbers; raise where it says its size twice, or not at all."""
    order = {snake(name): each for name, each in given.items() if each not in (None, "")}
    if changed := [new for new in _CHANGED if new in order]:
        if len(changed) != len(_CHANGED):
            raise UsageError("a change needs the new price and the new size: together they say what the order comes to")
        order |= {name: order.pop(new) for new, name in _CHANGED.items()}
    order |= {name: checks.number(name, order[name]) for name in (*_SIZES, *_PRICES) if name in order}
    sizes = [name for name in _SIZES if name in order]
    if len(sizes) != 1 and not (order.get("close_order") is True and not sizes):
        raise UsageError(f"an order has one size to be counted by, not {' and '.join(sizes) or 'none'}")
    return order
