"""The REST calls of futures' orders and fills: a row each (protocol.md 8.4). Pure."""

from __future__ import annotations

from collections.abc import Iterator

from kucoin_stream.simulator.market import Json, RestError
from kucoin_stream.simulator.rest_call import Call, Query
from kucoin_stream.simulator.trading.amounts import ZERO, written
from kucoin_stream.simulator.trading.brackets import BracketTicket
from kucoin_stream.simulator.trading.deeds import (
    FUTURES_BAD,
    Reference,
    cancel_futures,
    cancel_several,
    names,
    place_futures,
    place_several,
)
from kucoin_stream.simulator.trading.futures_rows import fill_row, order_row, stop_row
from kucoin_stream.simulator.trading.orders import FuturesOrder, OrderFill, Stop
from kucoin_stream.simulator.trading.paging import page, within
from kucoin_stream.simulator.trading.tickets import FuturesTicket, read


def _order(query: Query, *, by_client: bool = False) -> Json:
    """An order or a stop order that waits; what a stop order places keeps its names."""
    futures = query.account.futures
    wanted = {"client_oid": query.arguments.get("clientOid", "")} if by_client else {"order_id": query.place}
    order = futures.orders.get(**wanted)
    if order is not None:
        return _shown(query, order)
    for stop in futures.stops.values():
        if query.place == stop.id or (by_client and stop.client_oid and wanted["client_oid"] == stop.client_oid):
            return _stop_row(query, stop)
    raise RestError(400, FUTURES_BAD, "error.getOrder.orderNotExist")


def _shown(query: Query, order: FuturesOrder) -> Json:
    return order_row(order, query.account.futures.position(order.symbol))


def _fill(query: Query, fill: OrderFill[FuturesOrder]) -> Json:
    return fill_row(fill, query.account.futures.instrument(fill.order.symbol).listing.price_scale)


def _wanted(query: Query, order: FuturesOrder, time_ns: int = 0) -> bool:
    ask = query.arguments
    named = all(ask.get(name, value) == value for name, value in
                (("symbol", order.symbol), ("side", order.side), ("type", order.type)))  # fmt: skip
    return named and within(query, time_ns or order.created_ns)


def _orders(query: Query) -> Json:
    state, orders = query.arguments.get("status", ""), query.account.futures.orders
    open_ = reversed(list(orders.active())) if state in ("", "active") else ()
    over = orders.done() if state in ("", "done") else ()
    return page(query, [_shown(query, each) for each in (*open_, *over) if _wanted(query, each)], most=1000)


def _recent(query: Query) -> Json:
    return [_shown(query, each) for each in query.account.futures.orders.done() if _wanted(query, each)][:1000]


def _fills(query: Query) -> Iterator[OrderFill[FuturesOrder]]:
    order_id = query.arguments.get("orderId")
    for fill in reversed(query.account.futures.orders.fills):
        if (not order_id or order_id == fill.order.id) and _wanted(query, fill.order, fill.fill.time_ns):
            yield fill


def _fill_page(query: Query) -> Json:
    return page(query, [_fill(query, each) for each in _fills(query)], most=1000)


def _cancel_client(query: Query) -> Json:
    reference = Reference(client_oid=query.place, symbol=query.arguments.get("symbol", ""))
    return {"clientOid": cancel_futures(query.account, reference, query.now_ns).client_oid}


def _cancel(query: Query) -> Json:
    return {"cancelledOrderIds": [cancel_futures(query.account, Reference(order_id=query.place), query.now_ns).id]}


def _cancel_all(query: Query) -> Json:
    orders = list(query.account.futures.orders.active(query.arguments.get("symbol", "")))
    for order in orders:
        query.account.futures.end(order, query.now_ns)
    return {"cancelledOrderIds": [order.id for order in orders]}


def _stops(query: Query) -> list[Stop[FuturesTicket]]:
    """The stop orders asked for, the last one first."""
    ask = query.arguments
    return [
        stop
        for stop in reversed(list(query.account.futures.stops.values()))
        if ask.get("symbol") in (None, "", stop.symbol)
        and ask.get("side") in (None, "", stop.ticket.side)
        and ask.get("type") in (None, "", stop.ticket.type)
        and within(query, stop.created_ns)
    ]


def _stop_row(query: Query, stop: Stop[FuturesTicket]) -> Json:
    return stop_row(stop, query.account.futures.position(stop.symbol))


def _stop_rows(query: Query) -> Json:
    return page(query, [_stop_row(query, each) for each in _stops(query)], most=1000)


def _drop_stops(query: Query) -> Json:
    """Cancel the stop orders asked for; of a group, one goes with the other."""
    dropped, futures = _stops(query), query.account.futures
    for stop in dropped:
        if stop.id in futures.stops:
            futures.drop(stop, query.now_ns)
    return {"cancelledOrderIds": [stop.id for stop in dropped]}


def _open_statistics(query: Query) -> Json:
    symbol, futures = query.contract(), query.account.futures
    totals: dict[str, Json] = {}
    for side, name in (("buy", "openOrderBuy"), ("sell", "openOrderSell")):
        orders = [each for each in futures.orders.active(symbol) if each.side == side]
        totals[f"{name}Size"] = sum(each.left for each in orders)
        totals[f"{name}Cost"] = written(sum((each.held for each in orders), ZERO))
    return {**totals, "settleCurrency": futures.position(symbol).settle}


def _test(query: Query) -> Json:
    ticket = read(FuturesTicket, query.body, FUTURES_BAD)
    query.account.futures.try_out(ticket, query.now_ns)
    return {"orderId": "0" * 18, "clientOid": ticket.client_oid}


def _bracket(query: Query) -> Json:
    return names(query.account.futures.bracket(read(BracketTicket, query.body, FUTURES_BAD), query.now_ns))


FUTURES_ACCOUNT_CALLS: tuple[Call, ...] = tuple(
    call._replace(signed=True)
    for call in (
        Call("POST", "/api/v1/orders", 2, lambda query: place_futures(query.account, query.body, query.now_ns)),
        Call("POST", "/api/v1/orders/test", 2, _test),
        Call("POST", "/api/v1/st-orders", 2, _bracket),
        Call("POST", "/api/v1/orders/multi", 20, lambda query: place_several(query.account, query.rows, query.now_ns)),
        Call("GET", "/api/v1/orders", 2, _orders),
        Call("GET", "/api/v1/orders/*", 5, _order),
        Call("GET", "/api/v1/orders/byClientOid", 5, lambda query: _order(query, by_client=True)),
        Call("GET", "/api/v1/recentDoneOrders", 5, _recent),
        Call("GET", "/api/v1/openOrderStatistics", 10, _open_statistics),
        Call("DELETE", "/api/v1/orders/*", 1, _cancel),
        Call("DELETE", "/api/v1/orders/client-order/*", 1, _cancel_client),
        Call(
            "DELETE", "/api/v1/orders/multi-cancel", 20,
            lambda query: cancel_several(query.account, query.body, query.now_ns),
        ),
        Call("DELETE", "/api/v1/orders", 800, _cancel_all),
        Call("DELETE", "/api/v3/orders", 10, _cancel_all),
        Call("GET", "/api/v1/stopOrders", 6, _stop_rows),
        Call("DELETE", "/api/v1/stopOrders", 15, _drop_stops),
        Call("GET", "/api/v1/fills", 5, _fill_page),
        Call("GET", "/api/v1/recentFills", 3, lambda query: [_fill(query, each) for each in _fills(query)][:1000]),
    )
)  # fmt: skip
