"""The REST calls of stop orders, of spot and of margin: a row each (rest.md). Pure.

The legs of OCO orders are stop orders too, but have calls of their own.
"""

from __future__ import annotations

from kucoin_stream.simulator.market import Json, RestError
from kucoin_stream.simulator.rest_call import Call, Query
from kucoin_stream.simulator.trading.deeds import MARGIN_TYPES, SPOT_BAD, names
from kucoin_stream.simulator.trading.orders import Stop
from kucoin_stream.simulator.trading.paging import page, within
from kucoin_stream.simulator.trading.spot_rows import stop_row
from kucoin_stream.simulator.trading.tickets import SpotTicket, read

_ALL = ("TRADE", *MARGIN_TYPES)


def _add(query: Query, **more: str) -> Stop[SpotTicket]:
    return query.account.spot.stop(read(SpotTicket, {**query.body, **more}, SPOT_BAD), query.now_ns)


def _add_margin(query: Query) -> Json:
    return names(_add(query, tradeType=MARGIN_TYPES[bool(query.body.get("isIsolated"))]))


def _several(query: Query, kinds: tuple[str, ...]) -> list[Stop[SpotTicket]]:
    """The stop orders asked for, the last one first."""
    ask = query.arguments
    kind = ask.get("tradeType", "")
    kinds = (kind,) if kind in kinds else kinds
    return [
        stop
        for stop in reversed(list(query.account.spot.stops.values()))
        if not stop.group
        and stop.ticket.trade_type in kinds
        and ask.get("symbol") in (None, "", stop.symbol)
        and ask.get("side") in (None, "", stop.ticket.side)
        and ask.get("type") in (None, "", stop.ticket.type)
        and ask.get("stop") in (None, "", stop.stop)
        and (not ask.get("orderIds") or stop.id in ask["orderIds"].split(","))
        and within(query, stop.created_ns)
    ]


def _one(query: Query, *, waiting: bool = False) -> Stop[SpotTicket]:
    """The stop order asked for; one that was triggered too, unless it must still wait."""
    name, client, spot = (
        query.place or query.arguments.get("orderId"),
        query.arguments.get("clientOid"),
        query.account.spot,
    )
    known = [*spot.stops.values()] if waiting else [*spot.stops.values(), *reversed(spot.triggered.values())]
    for stop in known:
        if not stop.group and (stop.id == name or (client and stop.client_oid == client)):
            return stop
    raise RestError(400, SPOT_BAD, "order_not_exist_or_not_allow_to_cancel")


def _drop(query: Query) -> Stop[SpotTicket]:
    stop = _one(query, waiting=True)
    query.account.spot.drop(stop, query.now_ns)
    return stop


def _dropped(query: Query) -> Json:
    return {"cancelledOrderIds": [_drop(query).id]}


def _drop_several(query: Query, kinds: tuple[str, ...]) -> Json:
    dropped = _several(query, kinds)
    for stop in dropped:
        query.account.spot.drop(stop, query.now_ns)
    return {"cancelledOrderIds": [stop.id for stop in dropped]}


def _list(query: Query, kinds: tuple[str, ...]) -> Json:
    return page(query, [stop_row(stop) for stop in _several(query, kinds)])


_SPOT, _MARGIN = "/api/v1/stop-order", "/api/v3/hf/margin/stop-order"

STOP_CALLS: tuple[Call, ...] = tuple(
    call._replace(signed=True)
    for call in (
        Call("POST", _SPOT, 1, lambda query: {"orderId": _add(query).id}),
        Call("GET", _SPOT, 8, lambda query: _list(query, _ALL)),
        Call("GET", f"{_SPOT}/*", 3, lambda query: stop_row(_one(query))),
        Call("GET", f"{_SPOT}/queryOrderByClientOid", 3, lambda query: [stop_row(_one(query))]),
        Call("DELETE", f"{_SPOT}/*", 3, _dropped),
        Call("DELETE", f"{_SPOT}/cancel", 3, lambda query: _drop_several(query, _ALL)),
        Call(
            "DELETE", f"{_SPOT}/cancelOrderByClientOid", 5,
            lambda query: {"clientOid": query.arguments.get("clientOid"), "cancelledOrderId": _drop(query).id},
        ),
        Call("POST", _MARGIN, 1, _add_margin),
        Call("GET", f"{_MARGIN}s", 8, lambda query: _list(query, MARGIN_TYPES)),
        Call("GET", f"{_MARGIN}/orderId", 3, lambda query: stop_row(_one(query))),
        Call("GET", f"{_MARGIN}/clientOid", 3, lambda query: stop_row(_one(query))),
        Call("DELETE", f"{_MARGIN}/cancel-by-id", 3, _dropped),
        Call("DELETE", f"{_MARGIN}/cancel-by-clientOid", 3, _dropped),
        Call("DELETE", f"{_MARGIN}/cancel", 3, lambda query: _drop_several(query, MARGIN_TYPES)),
    )
)  # fmt: skip
"""Weights of margin's are not documented: those of spot's."""
