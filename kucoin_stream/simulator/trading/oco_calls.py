"""The REST calls of OCO orders, of spot and of margin: a row each (rest.md). Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kucoin_stream.simulator.market import Json
from kucoin_stream.simulator.rest_call import Call, Query
from kucoin_stream.simulator.trading.amounts import written
from kucoin_stream.simulator.trading.deeds import MARGIN_TYPES, SPOT_BAD
from kucoin_stream.simulator.trading.oco import Oco, OcoTicket, status
from kucoin_stream.simulator.trading.paging import page, within
from kucoin_stream.simulator.trading.tickets import read

Finder = Callable[[Query], Oco]
_SPOT = ("TRADE",)


def _place(query: Query) -> Json:
    ticket = read(OcoTicket, {**query.body, "tradeType": "TRADE"}, SPOT_BAD)
    return {"orderId": query.account.ocos.place(ticket, query.now_ns).id}


def _place_margin(query: Query) -> Json:
    kind = MARGIN_TYPES[bool(query.body.get("isIsolated"))]
    ticket = read(OcoTicket, {**query.body, "tradeType": kind}, SPOT_BAD)
    return {"orderId": query.account.ocos.place(ticket, query.now_ns).id}


def _by_id(query: Query) -> Oco:
    return query.account.ocos.get(order_id=query.place or query.arguments.get("orderId", ""))


def _by_client(query: Query) -> Oco:
    return query.account.ocos.get(client_oid=query.place or query.arguments.get("clientOid", ""))


def _cancel(find: Finder) -> Callable[[Query], Json]:
    return lambda query: {"cancelledOrderIds": query.account.ocos.cancel(find(query), query.now_ns)}


def _wanted(query: Query, order: Oco, kinds: tuple[str, ...]) -> bool:
    ask, ticket = query.arguments, order.ticket
    return (
        ticket.trade_type in kinds
        and ask.get("symbol", ticket.symbol) == ticket.symbol
        and (not ask.get("orderIds") or order.id in ask["orderIds"].split(","))
        and within(query, order.created_ns)
    )


def _margin_kinds(query: Query) -> tuple[str, ...]:
    kind = query.arguments.get("tradeType", "")
    return (kind,) if kind in MARGIN_TYPES else MARGIN_TYPES


def _cancel_several(query: Query, kinds: tuple[str, ...]) -> Json:
    ocos = query.account.ocos
    orders = [order for order in ocos.waiting() if _wanted(query, order, kinds)]
    return {"cancelledOrderIds": [name for order in orders for name in ocos.cancel(order, query.now_ns)]}


def _list(query: Query, kinds: tuple[str, ...]) -> Json:
    return page(query, [_row(order) for order in query.account.ocos.all() if _wanted(query, order, kinds)])


def _row(order: Oco) -> dict[str, Any]:
    return {
        "orderId": order.id,
        "symbol": order.ticket.symbol,
        "clientOid": order.ticket.client_oid,
        "orderTime": order.created_ns // 1_000_000,
        "status": order.status,
    }


def _detail(find: Finder) -> Callable[[Query], Json]:
    def handler(query: Query) -> Json:
        order = find(query)
        legs = [
            {
                "id": leg.id,
                "symbol": leg.symbol,
                "side": leg.ticket.side,
                "price": str(leg.ticket.price),
                "stopPrice": written(leg.stop_price),
                "size": str(leg.ticket.size),
                "status": status(leg),
            }
            for leg in order.legs
        ]
        return {**_row(order), "orders": legs}

    return handler


_MARGIN = "/api/v3/hf/margin/oco-order"

OCO_CALLS: tuple[Call, ...] = tuple(
    call._replace(signed=True)
    for call in (
        Call("POST", "/api/v3/oco/order", 2, _place),
        Call("DELETE", "/api/v3/oco/order/*", 3, _cancel(_by_id)),
        Call("DELETE", "/api/v3/oco/client-order/*", 3, _cancel(_by_client)),
        Call("DELETE", "/api/v3/oco/orders", 3, lambda query: _cancel_several(query, _SPOT)),
        Call("GET", "/api/v3/oco/order/*", 2, lambda query: _row(_by_id(query))),
        Call("GET", "/api/v3/oco/client-order/*", 2, lambda query: _row(_by_client(query))),
        Call("GET", "/api/v3/oco/order/details/*", 2, _detail(_by_id)),
        Call("GET", "/api/v3/oco/orders", 2, lambda query: _list(query, _SPOT)),
        Call("POST", _MARGIN, 2, _place_margin),
        Call("DELETE", f"{_MARGIN}/cancel-by-id", 3, _cancel(_by_id)),
        Call("DELETE", f"{_MARGIN}/cancel-by-clientOid", 3, _cancel(_by_client)),
        Call("DELETE", f"{_MARGIN}/cancel", 3, lambda query: _cancel_several(query, _margin_kinds(query))),
        Call("GET", f"{_MARGIN}/clientOid", 2, lambda query: _row(_by_client(query))),
        Call("GET", f"{_MARGIN}/detail/orderId", 2, _detail(_by_id)),
    )
)
"""Weights of margin's are not documented: those of spot's."""
