"""The REST calls of spot orders, high-frequency and old: a row each (protocol.md 8.4); see :mod:`stop_calls`. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from kucoin_stream.simulator.ladder import text
from kucoin_stream.simulator.listings import Listing
from kucoin_stream.simulator.market import Json, RestError
from kucoin_stream.simulator.rest_call import Call, Query
from kucoin_stream.simulator.trading.amounts import steps
from kucoin_stream.simulator.trading.deeds import (
    MARGIN_TYPES,
    SPOT_BAD,
    Reference,
    active_spot,
    cancel_spot,
    modify_spot,
    names,
    place_spot,
)
from kucoin_stream.simulator.trading.orders import OrderFill, SpotOrder
from kucoin_stream.simulator.trading.paging import page, since, within
from kucoin_stream.simulator.trading.spot_rows import (
    classic_fill,
    classic_order,
    hf_fill,
    hf_order,
    sync_order,
)
from kucoin_stream.simulator.trading.tickets import SpotTicket, read


def place(query: Query, **more: str) -> SpotOrder:
    """Place the order of a call's body."""
    return place_spot(query.account, {**query.body, **more}, query.now_ns)


def find(query: Query, *, by_client: bool) -> SpotOrder:
    """Return the order that a call's path names."""
    given = {"client_oid": query.place} if by_client else {"order_id": query.place}
    order = query.account.spot.orders.get(**given)
    if order is None or query.arguments.get("symbol", order.symbol) != order.symbol:
        raise RestError(400, SPOT_BAD, "order not exist.")
    return order


def cancelled(query: Query, *, by_client: bool = False) -> SpotOrder:
    """Cancel the order that a call's path names, and return it."""
    symbol = query.arguments.get("symbol", "")
    reference = Reference(symbol, client_oid=query.place) if by_client else Reference(symbol, order_id=query.place)
    return cancel_spot(query.account, reference, query.now_ns)


def _cancelled_part(query: Query) -> Json:
    """Cancel some of what is left of an order; it keeps its place."""
    spot, ask = query.account.spot, query.arguments
    order = active_spot(query.account, Reference(ask.get("symbol", ""), order_id=query.place))
    scale = listing(query, order.symbol).size_scale
    lots = steps(ask.get("cancelSize"), scale, "cancelSize", lambda reason: RestError(400, SPOT_BAD, reason))
    if not 0 < lots <= order.left:
        raise RestError(400, SPOT_BAD, "cancelSize must be above 0, and no more than what is left.")
    spot.reduce(order, lots, query.now_ns)
    return {"orderId": order.id, "cancelSize": text(lots, scale)}


def end_all(query: Query, kinds: tuple[str, ...]) -> list[str]:
    """Cancel the active orders of those kinds, of one symbol or of all; return their ids."""
    spot, gone = query.account.spot, []
    for order in spot.orders.active(query.arguments.get("symbol", "")):
        if order.trade_type in kinds:
            spot.end(order, query.now_ns)
            gone.append(order.id)
    return gone


def listing(query: Query, symbol: str) -> Listing:
    """Return what is listed under a symbol that has orders."""
    return query.account.spot.instrument(symbol).listing


def wanted(query: Query, order: SpotOrder, kinds: tuple[str, ...], time_ns: int = 0) -> bool:
    """Whether an order is one that a list asks for, or its fill at ``time_ns``."""
    ask = query.arguments
    return (
        order.trade_type in kinds
        and ask.get("symbol", order.symbol) == order.symbol
        and ask.get("side", order.side) == order.side
        and ask.get("type", order.type) == order.type
        and within(query, time_ns or order.created_ns)
    )


def active(query: Query, kinds: tuple[str, ...] = ("TRADE",)) -> Iterator[SpotOrder]:
    """Yield the active orders asked for, the last one first."""
    orders = list(query.account.spot.orders.active())
    return (order for order in reversed(orders) if wanted(query, order, kinds))


def done(query: Query, kinds: tuple[str, ...] = ("TRADE",)) -> Json:
    """Return the orders asked for that are over."""
    orders = [order for order in query.account.spot.orders.done() if wanted(query, order, kinds)]
    orders.sort(key=_number, reverse=True)
    return since(query, orders, _number, lambda order: hf_order(order, listing(query, order.symbol)))


def fills(query: Query, kinds: tuple[str, ...] = ("TRADE",)) -> Iterator[OrderFill[SpotOrder]]:
    """Yield the fills asked for, the last one first."""
    order_id = query.arguments.get("orderId")
    for fill in reversed(query.account.spot.orders.fills):
        if (not order_id or order_id == fill.order.id) and wanted(query, fill.order, kinds, fill.fill.time_ns):
            yield fill


def hf_fills(query: Query, kinds: tuple[str, ...] = ("TRADE",)) -> Json:
    """Return the fills asked for as the high-frequency calls do."""
    return since(query, fills(query, kinds), lambda fill: fill.number, lambda fill: _hf_fill(query, fill))


def shown(query: Query, order: SpotOrder) -> Json:
    """Return an order as the high-frequency calls do."""
    return hf_order(order, listing(query, order.symbol))


def batch(query: Query, one: Callable[[SpotOrder, Listing], Json]) -> Json:
    """Place several orders, each of which may fail by itself."""
    orders, answers = query.body.get("orderList"), []
    if not isinstance(orders, list):
        raise RestError(400, SPOT_BAD, "orderList: must not be empty")
    for fields in orders:
        try:
            order = place_spot(query.account, fields, query.now_ns)
            answers.append({**one(order, listing(query, order.symbol)), "success": True})
        except RestError as exc:
            answers.append({"success": False, "failMsg": exc.reason})
    return answers


def _number(order: SpotOrder) -> int:
    return int(order.id[8:], 16)


def _hf_fill(query: Query, fill: OrderFill[SpotOrder]) -> Json:
    return hf_fill(fill, listing(query, fill.order.symbol))


def _sync(query: Query, order: SpotOrder, *without: str) -> Json:
    row = sync_order(order, listing(query, order.symbol))
    return {name: value for name, value in row.items() if name not in without}


def _test(query: Query, **more: str) -> Json:
    """Say whether an order would be understood; nothing is placed."""
    ticket = read(SpotTicket, {**query.body, **more}, SPOT_BAD)
    query.account.spot.check(ticket, query.now_ns)
    return {"orderId": query.account.ids.spot(query.now_ns), "clientOid": ticket.client_oid or ""}


def _test_margin(query: Query) -> Json:
    return {**_test(query, tradeType="MARGIN_TRADE"), "borrowSize": 0, "loanApplyId": None}


def _alter(query: Query) -> Json:
    return modify_spot(query.account, query.body, query.now_ns)


def _cancel_everything(query: Query) -> Json:
    symbols = sorted({order.symbol for order in active(query)})
    end_all(query, ("TRADE",))
    return {"succeedSymbols": symbols, "failedSymbols": []}


def _cancel_all(query: Query) -> Json:
    query.symbol()
    end_all(query, ("TRADE",))
    return "success"


def _classic_cancel_all(query: Query) -> Json:
    return {"cancelledOrderIds": end_all(query, ("TRADE", *MARGIN_TYPES))}


def _classic_orders(query: Query) -> Json:
    state, kind = query.arguments.get("status"), (query.arguments.get("tradeType", "TRADE"),)
    over = query.account.spot.orders.done() if state != "active" else iter(())
    open_ = active(query, kind) if state != "done" else iter(())
    rows = [*open_, *(order for order in over if wanted(query, order, kind))]
    return page(query, [classic_order(order, listing(query, order.symbol)) for order in rows])


def _classic_order(query: Query, *, by_client: bool = False) -> Json:
    order = find(query, by_client=by_client)
    return classic_order(order, listing(query, order.symbol))


def _recent_orders(query: Query) -> Json:
    return [classic_order(order, listing(query, order.symbol)) for order in query.account.spot.orders.done()][:1000]


def _classic_fills(query: Query) -> list[Json]:
    kinds = (query.arguments.get("tradeType", "TRADE"),)
    return [classic_fill(fill, listing(query, fill.order.symbol)) for fill in fills(query, kinds)]


SPOT_ORDER_CALLS: tuple[Call, ...] = tuple(
    call._replace(signed=True)
    for call in (
        Call("POST", "/api/v1/hf/orders", 1, lambda query: names(place(query))),
        Call("POST", "/api/v1/hf/orders/test", 1, _test),
        Call("POST", "/api/v3/hf/margin/order/test", 2, _test_margin),
        Call("POST", "/api/v1/hf/orders/sync", 1, lambda query: _sync(query, place(query))),
        Call("POST", "/api/v1/hf/orders/multi", 1, lambda query: batch(query, lambda order, _: names(order))),
        Call("POST", "/api/v1/hf/orders/multi/sync", 1, lambda query: batch(query, sync_order)),
        Call("POST", "/api/v1/hf/orders/alter", 1, _alter),
        Call("DELETE", "/api/v1/hf/orders", 2, _cancel_all),
        Call("DELETE", "/api/v1/hf/orders/cancelAll", 30, _cancel_everything),
        Call("DELETE", "/api/v1/hf/orders/cancel/*", 2, _cancelled_part),
        Call("DELETE", "/api/v1/hf/orders/*", 1, lambda query: {"orderId": cancelled(query).id}),
        Call(
            "DELETE", "/api/v1/hf/orders/client-order/*", 1,
            lambda query: {"clientOid": cancelled(query, by_client=True).client_oid},
        ),
        Call(
            "DELETE", "/api/v1/hf/orders/sync/*", 1,
            lambda query: _sync(query, cancelled(query), "clientOid", "orderTime", "matchTime"),
        ),
        Call(
            "DELETE", "/api/v1/hf/orders/sync/client-order/*", 1,
            lambda query: _sync(query, cancelled(query, by_client=True), "orderId", "orderTime", "matchTime"),
        ),
        Call("GET", "/api/v1/hf/orders/*", 2, lambda query: shown(query, find(query, by_client=False))),
        Call("GET", "/api/v1/hf/orders/client-order/*", 2, lambda query: shown(query, find(query, by_client=True))),
        Call("GET", "/api/v1/hf/orders/active", 2, lambda query: [shown(query, order) for order in active(query)]),
        Call(
            "GET", "/api/v1/hf/orders/active/page", 2,
            lambda query: page(query, [shown(query, order) for order in active(query)], size=20),
        ),
        Call(
            "GET", "/api/v1/hf/orders/active/symbols", 2,
            lambda query: {"symbols": sorted({order.symbol for order in active(query)})},
        ),
        Call("GET", "/api/v1/hf/orders/done", 2, done),
        Call("GET", "/api/v1/hf/fills", 2, hf_fills),
        Call("POST", "/api/v1/orders", 2, lambda query: {"orderId": place(query).id}),
        Call("DELETE", "/api/v1/orders", 20, _classic_cancel_all),
        Call("DELETE", "/api/v1/orders/*", 3, lambda query: {"cancelledOrderIds": [cancelled(query).id]}),
        Call("GET", "/api/v1/orders", 2, _classic_orders),
        Call("GET", "/api/v1/orders/*", 2, _classic_order),
        Call("GET", "/api/v1/order/client-order/*", 3, lambda query: _classic_order(query, by_client=True)),
        Call("GET", "/api/v1/limit/orders", 3, _recent_orders),
        Call("GET", "/api/v1/fills", 10, lambda query: page(query, _classic_fills(query))),
        Call("GET", "/api/v1/limit/fills", 20, lambda query: _classic_fills(query)[:1000]),
    )
)  # fmt: skip
