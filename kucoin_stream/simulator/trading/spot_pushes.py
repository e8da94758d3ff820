"""Orders and balances of spot and margin on the classic private socket (protocol.md 4.13 to 4.15). Pure."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

from kucoin_stream.simulator.ladder import text
from kucoin_stream.simulator.listings import Listing
from kucoin_stream.simulator.trading.amounts import ZERO, written
from kucoin_stream.simulator.trading.ledger import ISOLATED, Moved
from kucoin_stream.simulator.trading.news import News, OrderEvent, StopEvent
from kucoin_stream.simulator.trading.orders import OrderFill, SpotOrder, Stop
from kucoin_stream.simulator.trading.outbox import Outbox
from kucoin_stream.simulator.trading.tickets import SpotTicket

if TYPE_CHECKING:
    from kucoin_stream.simulator.trading.spot import SpotDesk

ORDERS_V2, ORDERS = "/spotMarket/tradeOrdersV2", "/spotMarket/tradeOrders"
BALANCE, STOPS = "/account/balance", "/spotMarket/advancedOrders"


class SpotPushes(News):
    """Writes what classic spot sessions read."""

    def __init__(self, desk: SpotDesk, outbox: Outbox) -> None:
        self._desk = desk
        self._outbox = outbox

    def balance(self, moved: Moved) -> None:
        """Push a balance; of a debt alone no word is said here."""
        if (moved.available_change or moved.hold_change) and self._outbox.wants(BALANCE):
            self._outbox.classic(BALANCE, "account.balance", balance_data(moved), number=moved.number)

    def spot_order(self, order: SpotOrder, event: OrderEvent, time_ns: int, fill: OrderFill[SpotOrder] | None) -> None:
        """Push a change of an order; its arrival on V2 only."""
        if self._outbox.wants(ORDERS_V2, ORDERS):
            data = order_data(order, event, time_ns, fill, self._desk.instrument(order.symbol).listing)
            self._outbox.classic(ORDERS_V2, "orderChange", data)
            if event != "received":
                self._outbox.classic(ORDERS, "orderChange", data)

    def spot_stop(self, stop: Stop[SpotTicket], event: StopEvent, time_ns: int, error: str = "") -> None:
        """Push a change of a stop order."""
        if self._outbox.wants(STOPS):
            self._outbox.classic(STOPS, "stopOrder", stop_data(stop, event, time_ns, error))


def balance_data(moved: Moved) -> dict[str, Any]:
    """Return a change of a balance."""
    kind = moved.account.replace(ISOLATED, "isolated_")
    return {
        "accountId": account_id(moved.account, moved.currency),
        "currency": moved.currency,
        "total": written(moved.holding.total),
        "available": written(moved.holding.available),
        "hold": written(moved.holding.hold),
        "availableChange": written(moved.available_change),
        "holdChange": written(moved.hold_change),
        "relationContext": dict(moved.context),
        "relationEvent": f"{kind}.{moved.event}",
        "relationEventId": f"{moved.number:024x}",
        "time": str(moved.time_ns // 1_000_000),
    }


def account_id(account: str, currency: str) -> str:
    """Return the number of a currency's account: 12 digits."""
    return str(548_000_000_000 + zlib.crc32(f"{account}/{currency}".encode()))


def order_data(
    order: SpotOrder, event: OrderEvent, time_ns: int, fill: OrderFill[SpotOrder] | None, listing: Listing
) -> dict[str, Any]:
    """Return a change of an order; what belongs to it depends on the event."""
    data: dict[str, Any] = {
        "symbol": order.symbol,
        "orderType": order.type,
        "side": order.side,
        "orderId": order.id,
        "orderTime": order.created_ns // 1_000_000,
        "type": event,
        "status": status(event, fill),
        "ts": time_ns,
    }
    if order.client_oid:
        data["clientOid"] = order.client_oid
    if order.price:
        data["price"] = text(order.price, listing.price_scale)
    if order.funds:
        data["originFunds"] = written(order.funds)
    else:
        data["originSize"] = text(order.lots, listing.size_scale)
    if event == "update":
        data["oldSize"] = text(order.old_lots, listing.size_scale)
        if not order.resting:  # it has lost size while it takes
            data["status"] = "match"
    if event != "received":
        data |= _progress(order, listing)
    if fill is not None:
        data |= {
            "matchPrice": text(fill.fill.price, listing.price_scale),
            "matchSize": text(fill.fill.size, listing.size_scale),
            "tradeId": str(fill.fill.number),
            "liquidity": "maker" if fill.maker and not (order.hidden or order.iceberg) else "taker",  # sic
            "feeType": "makerFee" if fill.maker else "takerFee",
        }
    return data


def status(event: OrderEvent, fill: OrderFill[Any] | None) -> str:
    """Return the state that goes with an event."""
    if fill is not None:
        return "open" if fill.maker else "match"
    return {"received": "new", "open": "open", "update": "open"}.get(event, "done")


def _progress(order: SpotOrder, listing: Listing) -> dict[str, str]:
    sizes = {"size": order.size, "filledSize": order.filled, "remainSize": order.left, "canceledSize": order.cancelled}
    data = {name: text(lots, listing.size_scale) for name, lots in sizes.items()}
    if order.funds:
        left = order.funds - order.value
        over = ZERO if order.active else left
        data |= {"remainFunds": written(left - over), "canceledFunds": written(over)}
    return data


def stop_data(stop: Stop[SpotTicket], event: StopEvent, time_ns: int, error: str) -> dict[str, Any]:
    """Return a change of a stop order."""
    ticket = stop.ticket
    data: dict[str, Any] = {
        "orderId": stop.id,
        "orderPrice": str(ticket.price or ""),
        "orderType": "stop",
        "side": ticket.side,
        "size": str(ticket.size or ""),
        "stop": stop.stop,
        "stopPrice": written(stop.stop_price),
        "symbol": stop.symbol,
        "tradeType": ticket.trade_type,
        "type": event,
        "createdAt": stop.created_ns // 1_000_000,
        "ts": time_ns,
    }
    if event == "triggered":
        data["triggerSuccess"] = not error
    return data | ({"error": error} if error else {})
