"""Spot and margin orders, fills and stop orders as REST shows them (protocol.md 8.4). Pure."""

from __future__ import annotations

from typing import Any

from kucoin_stream.simulator.flow import SECOND
from kucoin_stream.simulator.ladder import text
from kucoin_stream.simulator.listings import Listing
from kucoin_stream.simulator.trading.amounts import ZERO, written
from kucoin_stream.simulator.trading.ids import USER_ID
from kucoin_stream.simulator.trading.orders import OrderFill, SpotOrder, Stop
from kucoin_stream.simulator.trading.tickets import SpotTicket

Row = dict[str, Any]

_CANCELLED = {"": None, "USER": 1}
_BY_EXCHANGE = 2
"""Why an order was cancelled: KuCoin has numbers for it, but documents none (rest.md); these are not KuCoin's."""
_NO_STOP: Row = {"stop": "", "stopTriggered": False, "stopPrice": "0"}


def order_row(order: SpotOrder, listing: Listing) -> Row:
    """Return an order as both generations of calls show it, each of which adds some."""
    return {
        "id": order.id,
        "symbol": order.symbol,
        "opType": "DEAL",
        "type": order.type,
        "side": order.side,
        "price": text(order.price, listing.price_scale),
        "size": text(0 if order.funds else order.lots, listing.size_scale),
        "funds": written(order.funds),
        "dealSize": text(order.filled, listing.size_scale),
        "dealFunds": written(order.value),
        "fee": written(order.fee),
        "feeCurrency": listing.quote,
        "stp": order.stp,
        "timeInForce": order.time_in_force,
        "postOnly": order.post_only,
        "hidden": order.hidden,
        "iceberg": order.iceberg,
        "visibleSize": order.visible_size or "0",
        "cancelAfter": order.cancel_after,
        "channel": "API",
        "clientOid": order.client_oid,
        "remark": order.remark or None,
        "tags": order.tags or None,
        "cancelExist": bool(order.cancelled),
        "createdAt": order.created_ns // 1_000_000,
        "tradeType": order.trade_type,
        "tax": "0",
    }


def hf_order(order: SpotOrder, listing: Listing) -> Row:
    """Return an order as the high-frequency calls show it, those of margin too."""
    left = max(ZERO, order.funds - order.value) if order.funds else ZERO
    margin = {} if order.trade_type == "TRADE" else _NO_STOP
    return (
        order_row(order, listing)
        | margin
        | {
            "lastUpdatedAt": order.updated_ns // 1_000_000,
            "inOrderBook": order.resting,
            "cancelledSize": text(order.cancelled, listing.size_scale),
            "cancelledFunds": written(ZERO if order.active else left),
            "remainSize": text(order.left, listing.size_scale),
            "remainFunds": written(left if order.active else ZERO),
            "active": order.active,
            "cancelReason": _CANCELLED.get(order.cancel_reason, _BY_EXCHANGE),
        }
    )


def classic_order(order: SpotOrder, listing: Listing) -> Row:
    """Return an order as the old calls show it."""
    return order_row(order, listing) | _NO_STOP | {"isActive": order.active, "taxRate": "0", "taxCurrency": ""}


def sync_order(order: SpotOrder, listing: Listing) -> Row:
    """Return what a call tells that waits until the order was matched or cancelled (protocol.md 7.6)."""
    return {
        "orderId": order.id,
        "clientOid": order.client_oid,
        "orderTime": order.created_ns // 1_000_000,
        "matchTime": order.updated_ns // 1_000_000,
        "originSize": text(order.lots, listing.size_scale),
        "dealSize": text(order.filled, listing.size_scale),
        "remainSize": text(order.left, listing.size_scale),
        "canceledSize": text(order.cancelled, listing.size_scale),
        "status": "open" if order.active else "done",
    }


def classic_fill(fill: OrderFill[SpotOrder], listing: Listing) -> Row:
    """Return a fill as the old calls show it."""
    order, trade = fill.order, fill.fill
    return {
        "symbol": order.symbol,
        "tradeId": str(trade.number),
        "orderId": order.id,
        "counterOrderId": f"{trade.time_ns // SECOND:08x}{trade.number * 2 + fill.maker:016x}",
        "side": order.side,
        "liquidity": "maker" if fill.maker else "taker",
        "forceTaker": False,
        "price": text(trade.price, listing.price_scale),
        "size": text(trade.size, listing.size_scale),
        "funds": written(fill.value),
        "fee": written(fill.fee),
        "feeRate": written(fill.fee_rate),
        "feeCurrency": listing.quote,
        "stop": "",
        "tradeType": order.trade_type,
        "type": order.type,
        "createdAt": trade.time_ns // 1_000_000,
    }


def hf_fill(fill: OrderFill[SpotOrder], listing: Listing) -> Row:
    """Return a fill as the high-frequency calls show it."""
    tax = {"taxRate": "0", "tax": "0"}
    return classic_fill(fill, listing) | {"id": fill.number, "tradeId": fill.fill.number} | tax


def stop_row(stop: Stop[SpotTicket]) -> Row:
    """Return a stop order that waits."""
    ticket = stop.ticket
    return {
        "id": stop.id,
        "symbol": stop.symbol,
        "userId": USER_ID,
        "status": stop.status,
        "type": ticket.type,
        "side": ticket.side,
        "price": str(ticket.price or "0"),
        "size": str(ticket.size or "") or None,
        "funds": str(ticket.funds or "") or None,
        "stp": ticket.stp or None,
        "timeInForce": ticket.time_in_force or "GTC",
        "cancelAfter": ticket.cancel_after,
        "postOnly": bool(ticket.post_only),
        "hidden": bool(ticket.hidden),
        "iceberg": bool(ticket.iceberg),
        "visibleSize": str(ticket.visible_size or "") or None,
        "channel": "API",
        "clientOid": stop.client_oid,
        "remark": ticket.remark or None,
        "tags": ticket.tags or None,
        "orderTime": stop.created_ns,
        "domainId": "kucoin",
        "tradeSource": "USER",
        "tradeType": ticket.trade_type,
        "feeCurrency": stop.symbol.split("-")[1],
        "takerFeeRate": "0.001",
        "makerFeeRate": "0.001",
        "createdAt": stop.created_ns // 1_000_000,
        "stop": stop.stop,
        "stopTriggerTime": stop.triggered_ns // 1_000_000 or None,
        "stopPrice": written(stop.stop_price),
        **dict.fromkeys(("relatedNo", "limitPrice", "pop", "activateCondition")),  # of OCO and trailing orders
    }
