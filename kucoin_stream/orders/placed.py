"""The orders that this session placed: what they say, and which of them it has promised to cancel at its end."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from kucoin_stream.protocol.messages.wsapi import SUCCESS, BatchResult

Market = Literal["spot", "margin", "futures", "uta"]
Key = tuple[str, str, str]

_KNOWN = 2000  # names of orders that are remembered so that a change of one can be counted


IN_DOUBT = frozenset({500000, 501000, 503000, 504000, 505000, 112001, 112002, 112003})
"""Codes of the WS API that do not say whether an operation was done (9.4, 9.5)."""


class Placed(Struct, frozen=True):
    """An order as it was sent last; ``order_id`` is empty until the exchange has told it."""

    market: Market
    symbol: str
    client_oid: str
    order_id: str = ""
    side: str = ""
    price: Decimal | None = None
    size: Decimal | None = None  # base currency or lots
    trade_type: str = ""  # of unified accounts

    @property
    def key(self) -> Key:
        """What stays the same when it is changed, although the exchange makes a new order (protocol.md 7.6)."""
        return self.market, self.symbol, self.client_oid or self.order_id

    @property
    def name(self) -> str:
        """How it can be found."""
        named = f"orderId={self.order_id}" if self.order_id else f"clientOid={self.client_oid}"
        return f"{self.symbol} {named}"


def placed_as(market: Market, order: Mapping[str, Any]) -> Placed:
    """Return an order that is about to be sent, with its size only where that is in base currency or lots."""
    size = None if "size_unit" in order else order.get("size")
    return Placed(
        market, order["symbol"], order["client_oid"], side=order["side"], price=order.get("price"), size=size,
        trade_type=order.get("trade_type", ""),
    )  # fmt: skip


class PlacedOrders:
    """Those of one session. Safe from any thread."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Placed] = {}  # by symbol and each of its names
        self._promised: dict[Key, Placed] = {}
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<PlacedOrders {len(self._promised)} to be cancelled>"

    def __len__(self) -> int:
        return len(self._promised)

    def find(self, symbol: str, name: str) -> Placed | None:
        """Return an order by either of its ids; ``None`` where this session did not place it lately."""
        return self._known.get((symbol, name))

    def sent(self, orders: Iterable[Placed], *, promise: bool) -> Mapping[Key, Placed | None]:
        """Note what is about to be sent, under the ids that we gave; return what :meth:`taken_back` needs.

        A change keeps the promise that the order was placed under.
        """
        with self._lock:
            before = {order.key: self._promised.get(order.key) for order in orders}
            kept = [order for order in orders if promise or before[order.key] is not None]
            self._promised |= {order.key: order for order in kept}
            return before

    def taken_back(self, before: Mapping[Key, Placed | None]) -> None:
        """Restore what was noted before something was sent that the exchange certainly did not take."""
        with self._lock:
            for key, old in before.items():
                if old is not None:
                    self._promised[key] = old
                else:
                    self._promised.pop(key, None)

    def answered(self, order: Placed, order_id: str | None) -> None:
        """Note an order that the exchange took, and the id that it gave."""
        sent_as, order = order.key, replace(order, order_id=order_id or order.order_id)
        with self._lock:
            if self._promised.pop(sent_as, None) is not None:
                self._promised[order.key] = order
            for name in filter(None, (order.client_oid, order.order_id)):
                self._known.pop((order.symbol, name), None)
                self._known[order.symbol, name] = order
            while len(self._known) > _KNOWN:
                del self._known[next(iter(self._known))]

    def batch_answered(self, orders: Iterable[Placed], results: Iterable[BatchResult]) -> None:
        """Note which orders of a batch were taken; those that the answer is silent about stay in doubt."""
        by_client_oid = {order.client_oid: order for order in orders}
        for result in results:
            if (order := by_client_oid.get(result.client_oid or "")) is None:
                continue
            if result.code == SUCCESS:
                self.answered(order, result.order_id)
            elif result.code not in IN_DOUBT:
                self.cancelled([order.client_oid])

    def cancelled(self, names: Iterable[str]) -> None:
        """Forget orders, by either of their ids, that the exchange has cancelled."""
        with self._lock:
            gone = set(names)
            for key, order in list(self._promised.items()):
                if gone & {order.order_id, order.client_oid}:
                    del self._promised[key]

    def promised(self) -> list[Placed]:
        """Return the orders that are to be cancelled, and forget them."""
        with self._lock:
            orders, self._promised = list(self._promised.values()), {}
            return orders
