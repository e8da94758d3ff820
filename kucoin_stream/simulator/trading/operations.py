"""The operations of the WS API, on the same account as REST (protocol.md 7.6). Pure: a row each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec

from kucoin_stream.simulator.market import Json, RestError
from kucoin_stream.simulator.trading.account import Account
from kucoin_stream.simulator.trading.amounts import Number
from kucoin_stream.simulator.trading.deeds import (
    FUTURES_BAD,
    SPOT_BAD,
    Reference,
    active_spot,
    cancel_futures,
    cancel_several,
    cancel_spot,
    margin_placed,
    modify_spot,
    names,
    place_futures,
    place_several,
    place_spot,
)
from kucoin_stream.simulator.trading.orders import SpotOrder
from kucoin_stream.simulator.trading.spot_rows import sync_order
from kucoin_stream.simulator.trading.tickets import read

UNIFIED_BAD = "106000"
MARGIN_NOT_FOUND = RestError(200, "126043", "The order does not exist.")
UNIFIED_NOT_FOUND = RestError(200, "106100", "NotFoundOrderId")
_SPOT_TYPES = {"SPOT": "TRADE", "CROSS": "MARGIN_TRADE", "ISOLATED": "MARGIN_ISOLATED_TRADE"}


class UnifiedTicket(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """An order of the unified account; ``size_unit`` says what ``size`` is in."""

    trade_type: Literal["SPOT", "FUTURES", "CROSS", "ISOLATED"]
    symbol: str
    side: str
    order_type: str
    client_oid: str = ""
    size: Number = None
    size_unit: str = ""
    price: Number = None
    time_in_force: str = "GTC"
    reduce_only: bool = False
    post_only: bool = False


class Amendment(msgspec.Struct, frozen=True, rename="camel"):
    """What ``uta.amend`` changes; its names are not documented, so that either is taken."""

    price: Number = None
    size: Number = None
    new_price: Number = None
    new_size: Number = None


def _sync_order(account: Account, args: Any, now_ns: int) -> Json:
    return _as_sync(account, place_spot(account, args, now_ns))


def _margin_order(account: Account, args: Any, now_ns: int) -> Json:
    return margin_placed(place_spot(account, {**_object(args), "tradeType": "MARGIN_TRADE"}, now_ns))


def _spot_cancel(account: Account, args: Any, now_ns: int) -> Json:
    reference = read(Reference, args, SPOT_BAD)
    return _named(reference, cancel_spot(account, reference, now_ns))


def _margin_cancel(account: Account, args: Any, now_ns: int) -> Json:
    reference = read(Reference, args, SPOT_BAD)
    return _named(reference, cancel_spot(account, reference, now_ns, MARGIN_NOT_FOUND))


def _sync_cancel(account: Account, args: Any, now_ns: int) -> Json:
    reference = read(Reference, args, SPOT_BAD)
    order = cancel_spot(account, reference, now_ns)
    row = _as_sync(account, order)
    sizes = ("originSize", "dealSize", "remainSize", "canceledSize", "status")
    return _named(reference, order) | {name: row[name] for name in sizes}


def _futures_cancel(account: Account, args: Any, now_ns: int) -> Json:
    reference = read(Reference, args, FUTURES_BAD)
    gone = cancel_futures(account, reference, now_ns)
    return {"cancelledOrderIds": [gone.id]} if reference.order_id else {"clientOid": gone.client_oid}


def _unified_order(account: Account, args: Any, now_ns: int) -> Json:
    ticket = read(UnifiedTicket, args, UNIFIED_BAD)
    fields: dict[str, Any] = {
        "symbol": ticket.symbol, "side": ticket.side.lower(), "type": ticket.order_type.lower(),
        "clientOid": ticket.client_oid, "price": ticket.price, "timeInForce": ticket.time_in_force,
        "postOnly": ticket.post_only,
    }  # fmt: skip
    if ticket.trade_type == "FUTURES":
        made = place_futures(account, fields | {"size": ticket.size, "reduceOnly": ticket.reduce_only}, now_ns)
    else:
        size = {"funds" if ticket.size_unit == "QUOTECCY" else "size": ticket.size}
        kind = {"tradeType": _SPOT_TYPES[ticket.trade_type]}
        made = names(place_spot(account, fields | size | kind, now_ns))
    return {**made, "tradeType": ticket.trade_type, "ts": now_ns}


def _unified_cancel(account: Account, args: Any, now_ns: int) -> Json:
    reference = read(Reference, args, UNIFIED_BAD)
    cancel = cancel_futures if reference.trade_type == "FUTURES" else cancel_spot
    gone = cancel(account, reference, now_ns, UNIFIED_NOT_FOUND)
    return {**names(gone), "tradeType": reference.trade_type, "ts": now_ns}


def _unified_amend(account: Account, args: Any, now_ns: int) -> Json:
    reference, change = read(Reference, args, UNIFIED_BAD), read(Amendment, args, UNIFIED_BAD)
    if reference.trade_type == "FUTURES":
        raise RestError(200, "106205", "UnsupportedTradeType")
    order = active_spot(account, reference, UNIFIED_NOT_FOUND)
    new = account.spot.modify(order, change.new_price or change.price, change.new_size or change.size, now_ns)
    return {**names(new or order), "tradeType": reference.trade_type, "ts": now_ns}


def _as_sync(account: Account, order: SpotOrder) -> dict[str, Any]:
    return sync_order(order, account.spot.instrument(order.symbol).listing)


def _named(reference: Reference, order: SpotOrder) -> dict[str, str]:
    """An order by the name that the client used."""
    return {"orderId": order.id} if reference.order_id else {"clientOid": order.client_oid}


def _object(args: Any) -> dict[str, Any]:
    return read(dict[str, Any], args, SPOT_BAD)


Operation = Callable[[Account, Any, int], Json]

UNIFIED: Mapping[str, Operation] = {
    "uta.order": _unified_order,
    "uta.cancel": _unified_cancel,
    "uta.amend": _unified_amend,
}
"""The operations of generation 2."""

OPERATIONS: Mapping[str, Operation] = {
    "spot.order": lambda account, args, now_ns: names(place_spot(account, args, now_ns)),
    "spot.sync_order": _sync_order,
    "spot.modify": modify_spot,
    "spot.cancel": _spot_cancel,
    "spot.sync_cancel": _sync_cancel,
    "margin.order": _margin_order,
    "margin.cancel": _margin_cancel,
    "futures.order": place_futures,
    "futures.multi_order": place_several,
    "futures.cancel": _futures_cancel,
    "futures.multi_cancel": cancel_several,
    **UNIFIED,
}
"""The operations of both generations: each takes account, arguments and time in ns, and returns the answer's data."""
