"""The REST calls of futures' orders, positions and wallets: a row each (protocol.md 8.4). Pure."""

from __future__ import annotations

from collections.abc import Iterator

from kucoin_stream.simulator.market import Json, RestError
from kucoin_stream.simulator.rest_call import Call, Query
from kucoin_stream.simulator.trading.amounts import decimal
from kucoin_stream.simulator.trading.deeds import (
    FUTURES_BAD,
    Reference,
    cancel_futures,
    cancel_several,
    place_futures,
    place_several,
)
from kucoin_stream.simulator.trading.futures_rows import fill_row, order_row, overview, position_row, stop_row
from kucoin_stream.simulator.trading.orders import FuturesOrder, OrderFill, Stop
from kucoin_stream.simulator.trading.paging import page, within
from kucoin_stream.simulator.trading.tickets import FuturesTicket, read


def _order(query: Query, *, by_client: bool = False) -> Json:
    names = {"client_oid": query.arguments.get("clientOid", "")} if by_client else {"order_id": query.place}
    order = query.account.futures.orders.get(**names)
    if order is None:
        raise RestError(400, FUTURES_BAD, "error.getOrder.orderNotExist")
    return _shown(query, order)


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
    symbol = query.arguments.get("symbol")
    return [stop for stop in query.account.futures.stops.values() if not symbol or stop.symbol == symbol]


def _stop_rows(query: Query) -> Json:
    position = query.account.futures.position
    found = reversed(_stops(query))
    return page(
        query, [stop_row(each, position(each.symbol).settle, position(each.symbol).margin_mode) for each in found]
    )


def _drop_stops(query: Query) -> Json:
    dropped = _stops(query)
    for stop in dropped:
        query.account.futures.drop(stop, query.now_ns)
    return {"cancelledOrderIds": [stop.id for stop in dropped]}


def _open_statistics(query: Query) -> Json:
    symbol, futures = query.contract(), query.account.futures
    sizes = {
        side: sum(each.left for each in futures.orders.active(symbol) if each.side == side) for side in ("buy", "sell")
    }
    settle = futures.position(symbol).settle
    costs = {"openOrderBuyCost": "0", "openOrderSellCost": "0", "settleCurrency": settle}
    return {"openOrderBuySize": sizes["buy"], "openOrderSellSize": sizes["sell"], **costs}


def _positions(query: Query) -> Json:
    currency = query.arguments.get("currency")
    held = [each for each in query.account.futures.positions.values() if each.lots]
    return [position_row(each, query.now_ns) for each in held if not currency or each.settle == currency]


def _position(query: Query) -> Json:
    return position_row(query.account.futures.position(query.contract()), query.now_ns)


def _overview(query: Query) -> Json:
    return overview(query.account.futures.wallet(query.arguments.get("currency", "XBT")))


def _mode(query: Query) -> Json:
    symbol = query.contract()
    return {"symbol": symbol, "marginMode": query.account.futures.position(symbol).margin_mode}


def _set_mode(query: Query) -> Json:
    symbol, mode = str(query.body.get("symbol")), str(query.body.get("marginMode"))
    query.account.futures.set_margin_mode(symbol, mode, query.now_ns)
    return {"symbol": symbol, "marginMode": mode}


def _leverage(query: Query) -> Json:
    symbol = query.contract()
    leverage = query.account.futures.leverages.get(symbol, query.account.futures.position(symbol).leverage)
    return {"symbol": symbol, "leverage": f"{leverage:f}"}


def _set_leverage(query: Query) -> Json:
    query.account.futures.set_leverage(str(query.body.get("symbol")), query.body.get("leverage"), query.now_ns)
    return True


def _add_margin(query: Query) -> Json:
    amount = decimal(query.body.get("margin"), "margin", lambda reason: RestError(400, FUTURES_BAD, reason))
    return position_row(
        query.account.futures.add_margin(str(query.body.get("symbol")), amount, query.now_ns), query.now_ns
    )


FUTURES_ACCOUNT_CALLS: tuple[Call, ...] = tuple(
    call._replace(signed=True)
    for call in (
        Call("GET", "/api/v1/account-overview", 5, _overview),
        Call("GET", "/api/v1/positions", 2, _positions),
        Call("GET", "/api/v1/position", 2, _position),
        Call("POST", "/api/v1/position/margin/deposit-margin", 4, _add_margin),
        Call("GET", "/api/v2/position/getMarginMode", 2, _mode),
        Call("POST", "/api/v2/position/changeMarginMode", 2, _set_mode),
        Call("GET", "/api/v2/position/getPositionMode", 2, lambda _: {"positionMode": 0}),
        Call("GET", "/api/v2/getCrossUserLeverage", 2, _leverage),
        Call("POST", "/api/v2/changeCrossUserLeverage", 2, _set_leverage),
        Call("POST", "/api/v1/orders", 2, lambda query: place_futures(query.account, query.body, query.now_ns)),
        Call(
            "POST", "/api/v1/orders/test", 2,
            lambda query: {"orderId": "0" * 18, "clientOid": read(FuturesTicket, query.body, FUTURES_BAD).client_oid},
        ),
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
