"""The orders of an account: what a call lists and what the stream says, joined in any order.

What a list does not say is that an order is gone. After a restart of the stream the orders that were open before,
that the list no longer has and of which the stream has said nothing since, have finished unseen: ``unexplained``.
"""

from __future__ import annotations

from collections.abc import Iterable

from kucoin_stream.market.account.order import Market, Order


class Orders:
    """Orders by market and id: all open ones, and the last ``maxlen`` of the finished. Lives on the loop thread."""

    def __init__(self, maxlen: int) -> None:
        self.maxlen = maxlen
        self._orders: dict[tuple[Market, str], Order] = {}
        self._finished = 0
        self._floor_ns = 0  # finished orders up to here are forgotten
        self._heard: dict[Market, set[str]] = {}  # in the stream, from its restart to the list

    def __len__(self) -> int:
        return len(self._orders) - max(0, self._finished - self.maxlen)

    def rows(self) -> list[Order]:
        """Return the orders, oldest first."""
        self._forget(self.maxlen)
        return sorted(self._orders.values(), key=lambda order: (order.created_ns or 0, order.order_id))

    def symbols(self, market: Market) -> set[str]:
        """Return the symbols of a market's orders."""
        return {order.symbol for order in self._orders.values() if order.market == market}

    def restart(self, market: Market) -> None:
        """Note that the stream of a market begins (again): what happened before may have gone unseen."""
        self._heard[market] = set()

    def take(self, order: Order) -> list[Order]:
        """Take what the stream says; return the order where that changed it."""
        key = order.market, order.order_id
        if key not in self._orders and (order.updated_ns or 0) <= self._floor_ns:
            return []  # late news of a finished order that is forgotten
        changed = self._join(order)
        if changed and order.market in self._heard:  # a repetition of what was said before is no news
            self._heard[order.market].add(order.order_id)
        return changed

    def seed(self, market: Market, listed: Iterable[Order]) -> list[Order]:
        """Take what the calls of a market list; return the orders that changed."""
        heard = self._heard.pop(market, set())
        known = {key[1] for key in self._orders if key[0] == market}
        forgotten = heard - known  # finished since it was listed
        return [changed for order in listed if order.order_id not in forgotten for changed in self._join(order)]

    def unexplained(self, market: Market, listed: Iterable[Order]) -> list[Order]:
        """Return the orders that are open here, not in a complete list, and not heard of since the restart."""
        explained = {order.order_id for order in listed} | self._heard.get(market, set())
        return [
            order
            for (of, order_id), order in self._orders.items()
            if of == market and order_id not in explained and not order.finished
        ]

    def _join(self, order: Order) -> list[Order]:
        key = order.market, order.order_id
        known = self._orders.get(key)
        joined = order if known is None else known.joined(order)
        if joined is known:
            return []
        self._orders[key] = joined
        self._finished += joined.finished - (known is not None and known.finished)
        if self._finished >= 2 * self.maxlen:
            self._forget(self.maxlen)
        return [joined]

    def _forget(self, count: int) -> None:
        """Keep the ``count`` orders that finished last."""
        if self._finished <= count:
            return
        finished = [(order.updated_ns or 0, key) for key, order in self._orders.items() if order.finished]
        finished.sort()
        gone = finished[: len(finished) - count]
        for _, key in gone:
            del self._orders[key]
        self._finished = count
        self._floor_ns = max(self._floor_ns, gone[-1][0])
