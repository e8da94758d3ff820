"""The REST calls of spot orders, high-frequency and old: a row each (protocol.md 8.4). Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from kucoin_stream.simulator.listings import Listing
from kucoin_stream.simulator.market import Json, RestError
from kucoin_stream.simulator.rest_call import Call, Query
from kucoin_stream.simulator.trading.deeds import (
    MARGIN_TYPES,
    SPOT_BAD,
    Reference,
    cancel_spot,
    modify_spot,
    names,
    place_spot,
)
from kucoin_stream.simulator.trading.orders import OrderFill, SpotOrder, Stop
from kucoin_stream.simulator.trading.paging import page, since, within
from kucoin_stream.simulator.trading.spot_rows import (
    classic_fill,
    classic_order,
    hf_fill,
    hf_order,
    stop_row,
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


def _test(query: Query) -> Json:
    ticket = read(SpotTicket, query.body, SPOT_BAD)
    listing(query, ticket.symbol)
    return {"orderId": "0" * 24, "clientOid": ticket.client_oid or ""}


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


def _add_stop(query: Query) -> Json:
    return {"orderId": query.account.spot.stop(read(SpotTicket, query.body, SPOT_BAD), query.now_ns).id}


def _stops(query: Query) -> list[Stop[SpotTicket]]:
    symbol, names = query.arguments.get("symbol"), query.arguments.get("orderIds", "")
    waiting = reversed(list(query.account.spot.stops.values()))
    return [
        stop for stop in waiting
        if (not symbol or stop.symbol == symbol) and (not names or stop.id in names.split(","))
    ]  # fmt: skip


def _stop(query: Query) -> Stop[SpotTicket]:
    name, client = query.place, query.arguments.get("clientOid")
    for stop in query.account.spot.stops.values():
        if stop.id == name or (client and stop.client_oid == client):
            return stop
    raise RestError(400, SPOT_BAD, "order_not_exist_or_not_allow_to_cancel")


def _drop_stop(query: Query) -> Stop[SpotTicket]:
    stop = _stop(query)
    query.account.spot.drop(stop, query.now_ns)
    return stop


def _drop_stops(query: Query) -> Json:
    dropped = _stops(query)
    for stop in dropped:
        query.account.spot.drop(stop, query.now_ns)
    return {"cancelledOrderIds": [stop.id for stop in dropped]}


SPOT_ORDER_CALLS: tuple[Call, ...] = tuple(
    call._replace(signed=True)
    for call in (
        Call("POST", "/api/v1/hf/orders", 1, lambda query: names(place(query))),
        Call("POST", "/api/v1/hf/orders/test", 1, _test),
        Call("POST", "/api/v1/hf/orders/sync", 1, lambda query: _sync(query, place(query))),
        Call("POST", "/api/v1/hf/orders/multi", 1, lambda query: batch(query, lambda order, _: names(order))),
        Call("POST", "/api/v1/hf/orders/multi/sync", 1, lambda query: batch(query, sync_order)),
        Call("POST", "/api/v1/hf/orders/alter", 1, _alter),
        Call("DELETE", "/api/v1/hf/orders", 2, _cancel_all),
        Call("DELETE", "/api/v1/hf/orders/cancelAll", 30, _cancel_everything),
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
        Call("POST", "/api/v1/stop-order", 1, _add_stop),
        Call("GET", "/api/v1/stop-order", 8, lambda query: page(query, [stop_row(stop) for stop in _stops(query)])),
        Call("GET", "/api/v1/stop-order/*", 3, lambda query: stop_row(_stop(query))),
        Call("GET", "/api/v1/stop-order/queryOrderByClientOid", 3, lambda query: [stop_row(_stop(query))]),
        Call("DELETE", "/api/v1/stop-order/*", 3, lambda query: {"cancelledOrderIds": [_drop_stop(query).id]}),
        Call("DELETE", "/api/v1/stop-order/cancel", 3, _drop_stops),
        Call(
            "DELETE", "/api/v1/stop-order/cancelOrderByClientOid", 5,
            lambda query: {"clientOid": query.arguments.get("clientOid"), "cancelledOrderId": _drop_stop(query).id},
        ),
    )
)  # fmt: skip
