"""Orders placed, changed and cancelled by what clients say: the same for REST, the WS API and Python. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from kucoin_stream.simulator.market import Json, RestError
from kucoin_stream.simulator.trading.account import Account
from kucoin_stream.simulator.trading.amounts import Number, written
from kucoin_stream.simulator.trading.orders import FuturesOrder, Order, SpotOrder, Stop
from kucoin_stream.simulator.trading.tickets import FuturesTicket, SpotTicket, read

SPOT_BAD, FUTURES_BAD = "400100", "100001"
"""The codes of what cannot be read (protocol.md 9.3)."""
MARGIN_TYPES = ("MARGIN_TRADE", "MARGIN_ISOLATED_TRADE")
BATCH = 20  # futures orders in one call; protocol.md 7.6


class Reference(msgspec.Struct, frozen=True, rename="camel"):
    """Names an order by either name, and says what to make of it."""

    symbol: str = ""
    order_id: str | None = ""
    client_oid: str | None = ""
    new_price: Number = None
    new_size: Number = None
    trade_type: str = ""


def names(order: Order | Stop[Any]) -> dict[str, str]:
    """Return an order's names."""
    return {"orderId": order.id, "clientOid": order.client_oid}


def place_spot(account: Account, fields: Any, now_ns: int) -> SpotOrder:
    """Place an order of spot or margin."""
    ticket = read(SpotTicket, fields, SPOT_BAD)
    account.keeper.check(ticket)
    return account.spot.place(ticket, now_ns)


def margin_placed(order: SpotOrder) -> Json:
    """Return what placing a margin order answers."""
    return {**names(order), "borrowSize": written(order.borrowed), "loanApplyId": None}


def active_spot(account: Account, reference: Reference, error: RestError | None = None) -> SpotOrder:
    """Return an active order; raise ``error``, or what spot says, where there is none."""
    order = account.spot.orders.get(order_id=reference.order_id or "", client_oid=reference.client_oid or "")
    if order is None or not order.active or (reference.symbol and order.symbol != reference.symbol):
        raise error or RestError(400, SPOT_BAD, "order_not_exist_or_not_allow_to_cancel")
    return order


def cancel_spot(account: Account, reference: Reference, now_ns: int, error: RestError | None = None) -> SpotOrder:
    """Cancel an active order and return it; raise like :func:`active_spot`."""
    order = active_spot(account, reference, error)
    account.spot.end(order, now_ns)
    return order


def modify_spot(account: Account, fields: Any, now_ns: int) -> Json:
    """Place an active order again with another price or size; return the names of the new one."""
    reference = read(Reference, fields, SPOT_BAD)
    order = active_spot(account, reference)
    if not reference.new_price and not reference.new_size:
        raise RestError(400, SPOT_BAD, "Either newPrice or newSize is needed.")
    new = account.spot.modify(order, reference.new_price, reference.new_size, now_ns)
    return {"newOrderId": (new or order).id, "clientOid": order.client_oid}


def place_futures(account: Account, fields: Any, now_ns: int) -> dict[str, str]:
    """Place an order of a contract or, where it has a stop, a stop order; return its names."""
    ticket = read(FuturesTicket, fields, FUTURES_BAD)
    return names(account.futures.stop(ticket, now_ns) if ticket.stop else account.futures.place(ticket, now_ns))


def cancel_futures(
    account: Account, reference: Reference, now_ns: int, error: RestError | None = None
) -> FuturesOrder | Stop[FuturesTicket]:
    """Cancel an order or a stop order and return it; raise ``error``, or what futures say, where there is none."""
    futures, order_id, client_oid = account.futures, reference.order_id or "", reference.client_oid or ""
    order = futures.orders.get(order_id=order_id, client_oid=client_oid)
    if order is not None and order.active:
        futures.end(order, now_ns)
        return order
    for stop in futures.stops.values():
        if stop.id == order_id or (client_oid and stop.client_oid == client_oid):
            futures.drop(stop, now_ns)
            return stop
    raise error or RestError(200, "100004", "The order cannot be canceled.")


def place_several(account: Account, orders: Any, now_ns: int) -> list[Json]:
    """Place orders of contracts, each of which may fail by itself."""
    if not isinstance(orders, list):
        raise RestError(400, FUTURES_BAD, "an array of orders is needed")
    return [_placed(account, fields, now_ns) for fields in orders[:BATCH]]


def cancel_several(account: Account, fields: Any, now_ns: int) -> list[Json]:
    """Cancel by ``orderIdsList`` or ``clientOidsList``, each of which may fail by itself."""
    lists = read(dict[str, list[Any]], fields, FUTURES_BAD)
    references = [Reference(order_id=str(name)) for name in lists.get("orderIdsList", [])]
    references += [read(Reference, each, FUTURES_BAD) for each in lists.get("clientOidsList", [])]
    return [_cancelled(account, reference, now_ns) for reference in references]


def _placed(account: Account, fields: Any, now_ns: int) -> Json:
    said = fields if isinstance(fields, Mapping) else {}
    shown = {"orderId": None, "clientOid": said.get("clientOid"), "symbol": said.get("symbol")}
    try:
        return {**shown, **place_futures(account, fields, now_ns), "code": "200000", "msg": "success"}
    except RestError as exc:
        return {**shown, "code": exc.code, "msg": exc.reason}


def _cancelled(account: Account, reference: Reference, now_ns: int) -> Json:
    shown = {"orderId": reference.order_id or None, "clientOid": reference.client_oid or None}
    try:
        return {**names(cancel_futures(account, reference, now_ns)), "code": "200", "msg": "success"}
    except RestError as exc:
        return {**shown, "code": exc.code, "msg": exc.reason}
