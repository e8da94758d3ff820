"""Orders checked before they are sent: what they say, the steps of price and size, and what they come to. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, get_type_hints

import msgspec

from kucoin_stream.checks import nearest
from kucoin_stream.errors import UsageError
from kucoin_stream.protocol.messages.contracts import ContractInfo
from kucoin_stream.protocol.messages.orders import Number
from kucoin_stream.protocol.messages.rest import SymbolInfo

_ZERO = Decimal(0)
_FUTURES_SIZES = ("size", "qty", "value_qty")


def fields(kind: type[Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of an order, numbers exact; raise :class:`UsageError` for one that ``kind`` does not have."""
    hints = get_type_hints(kind, include_extras=True)
    for name in given:
        if name not in hints:
            near = nearest(name, hints)
            hint = f"; did you mean {near[0]}?" if near else f"; there are: {', '.join(sorted(hints))}"
            raise UsageError(f"an order has no {name!r}{hint}")
    checked: dict[str, Any] = {}
    for name, value in given.items():
        if value is None:
            continue
        if hints[name] == Number:
            checked[name] = number(name, value)
            continue
        try:
            checked[name] = msgspec.convert(value, hints[name])
        except msgspec.ValidationError as exc:
            raise UsageError(f"{name}={value!r}: {str(exc)[0].lower()}{str(exc)[1:]}") from None
    return checked


def several(name: str, given: Iterable[Any]) -> list[Any]:
    """Return a list of ids; raise :class:`UsageError` for a text, which would be taken letter by letter."""
    if isinstance(given, str | bytes | Mapping) or not isinstance(given, Iterable):
        raise UsageError(f"{name}={given!r}: a list, also of one")
    return list(given)


def number(name: str, value: Any) -> Decimal:
    """Return a number above 0 exactly as it was written."""
    if not isinstance(value, str | int | float | Decimal) or isinstance(value, bool):
        raise UsageError(f"{name}={value!r}: a number, or a number as text")
    try:
        exact = Decimal(str(value))
    except InvalidOperation:
        raise UsageError(f"{name}={value!r} is no number") from None
    if not exact.is_finite() or exact <= 0:
        raise UsageError(f"{name}={value!r}: a number above 0")
    return exact


def spot(info: SymbolInfo, order: dict[str, Any]) -> dict[str, Any]:
    """Return an order of spot or margin that the exchange can take, with its type; raise :class:`UsageError`."""
    order = {"type": "limit" if "price" in order else "market"} | order
    price, size, funds = (order.get(name) for name in ("price", "size", "funds"))
    if order["type"] == "limit":
        _need(order, "a limit order", ["price", "size"], never=["funds"])
    elif price is not None or (size is None) == (funds is None):
        raise UsageError("a market order has exactly one of size= and funds=, and no price=")
    takes(info, order)
    return order


def futures(info: ContractInfo, order: dict[str, Any]) -> dict[str, Any]:
    """Return an order of a contract that the exchange can take, with its type; raise :class:`UsageError`."""
    order = {"type": "limit" if "price" in order else "market"} | order
    sizes = [name for name in _FUTURES_SIZES if name in order]
    if order["type"] == "limit":
        _need(order, "a limit order", ["price"])
    if order.get("close_order"):
        if sizes:
            raise UsageError("close_order=True closes the whole position: leave out the size")
    elif len(sizes) != 1:
        raise UsageError("an order of a contract has exactly one of size= (lots), qty= (base currency) and value_qty=")
    if ("stop" in order) != ("stop_price" in order):
        raise UsageError("a stop order has both stop= and stop_price=")
    takes(info, order)
    return order


def unified(info: SymbolInfo | ContractInfo, order: Mapping[str, Any]) -> None:
    """Raise :class:`UsageError` for an order of a unified account that the exchange could not take."""
    said = in_units(info, order)
    said["type"] = said.pop("order_type").lower()
    if isinstance(info, ContractInfo):
        futures(info, said)
    else:
        spot(info, said)


def in_units(info: SymbolInfo | ContractInfo, order: Mapping[str, Any]) -> dict[str, Any]:
    """Return an order whose size is in what its name says; those of unified accounts say the unit apart."""
    found = dict(order)
    contract = isinstance(info, ContractInfo)
    match found.pop("size_unit", ""):
        case "QUOTECCY":
            found["value_qty" if contract else "funds"] = found.pop("size")
        case "BASECCY" if contract:
            found["qty"] = found.pop("size")
    return found


def takes(info: SymbolInfo | ContractInfo, order: Mapping[str, Any]) -> None:
    """Raise :class:`UsageError` for what is wrong in any order of ``info``, whichever way it is sent.

    That is a price of a market order, the steps of price and size, the least and the most, and icebergs.
    """
    price = order.get("price")
    if at_market(order) and price is not None:
        raise UsageError("a market order has no price=")
    _step("price", price, info.price_increment)
    if isinstance(info, SymbolInfo):
        _spot_sizes(info, order)
    else:
        _lots(info, order)
    if order.get("iceberg") is True:
        _need(order, "an iceberg", ["visible_size"])
        visible = number("visible_size", order["visible_size"])
        if "size" in order and visible > order["size"]:
            raise UsageError(f"visible_size={visible:f} is more than size={order['size']:f}")


def at_market(order: Mapping[str, Any]) -> bool:
    """Whether an order takes the price that it finds."""
    return "market" in {str(order.get(name, "")).lower() for name in ("type", "order_type")}


def _spot_sizes(info: SymbolInfo, order: Mapping[str, Any]) -> None:
    price, size, funds = (order.get(name) for name in ("price", "size", "funds"))
    _step("size", size, info.base_increment)
    _step("funds", funds, info.quote_increment)
    _bounds("size", size, info.base_min_size, info.base_max_size, info.base_currency)
    _bounds("funds", funds, info.min_funds or info.quote_min_size, info.quote_max_size, info.quote_currency)
    if price is not None and size is not None and info.min_funds is not None and price * size < info.min_funds:
        worth = f"{price * size:f} {info.quote_currency}"
        raise UsageError(f"an order of {worth} is too small: {info.symbol} takes {info.min_funds:f} at least")


def _lots(info: ContractInfo, order: Mapping[str, Any]) -> None:
    """Check sizes, which come to whole lots; how many a value comes to depends on the price, unless it is inverse."""
    lot = info.base_increment or Decimal(1)
    unit = lot * multiplier(info)
    _step("stop_price", order.get("stop_price"), info.price_increment)
    _step("size", order.get("size"), lot)
    if "size" in order:
        _bounds("size", order["size"], None, info.max_order_qty, "lots")
    if info.is_inverse:
        _step("value_qty", order.get("value_qty"), unit)
        return
    _step("qty", order.get("qty"), unit)
    if "value_qty" in order and "price" in order:
        _bounds("value_qty", order["value_qty"], unit * order["price"], None, f"{info.quote_currency}, a lot,")


def multiplier(info: ContractInfo) -> Decimal:
    """Return what one lot is: base currency, or USD of inverse contracts."""
    return Decimal(str(abs(info.multiplier or 1)))


def worth(info: SymbolInfo | ContractInfo, order: Mapping[str, Any], price: Decimal) -> tuple[str, Decimal]:
    """Return what an order comes to at ``price``, and in which currency: that of the quotes, or USD of inverse ones."""
    if isinstance(info, SymbolInfo):
        return info.quote_currency, order["funds"] if "funds" in order else order["size"] * price
    currency = info.quote_currency
    if "value_qty" in order:
        return currency, order["value_qty"]
    if "qty" in order:
        return currency, order["qty"] * price
    lots = order.get("size", _ZERO)
    return currency, lots * multiplier(info) * (1 if info.is_inverse else price)


def camel(order: Mapping[str, Any]) -> dict[str, Any]:
    """Return an order as it goes out: KuCoin's names, numbers as text."""
    return {_camel(name): f"{value:f}" if isinstance(value, Decimal) else value for name, value in order.items()}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _need(order: Mapping[str, Any], what: str, names: Iterable[str], never: Iterable[str] = ()) -> None:
    if missing := [name for name in names if name not in order]:
        raise UsageError(f"{what} needs {' and '.join(f'{name}=' for name in missing)}")
    if extra := [name for name in never if name in order]:
        raise UsageError(f"{what} has no {extra[0]}=")


def _step(name: str, value: Decimal | None, step: Decimal | None) -> None:
    if value is not None and step and value % step:
        near = value - value % step
        either = f"{near:f} or {near + step:f}" if near else f"{step:f}"
        raise UsageError(f"{name}={value:f} is no multiple of {step:f}; the nearest are {either}")


def _bounds(name: str, value: Decimal | None, least: Decimal | None, most: Decimal | None, currency: str) -> None:
    if value is None:
        return
    if least is not None and value < least:
        raise UsageError(f"{name}={value:f} is too small: {least:f} {currency} at least")
    if most is not None and value > most:
        raise UsageError(f"{name}={value:f} is too large: {most:f} {currency} at most")


def one_of(order_id: str, client_oid: str, symbol: str) -> dict[str, Any]:
    """Return which order is meant; raise :class:`UsageError` where that is said by neither id, or by both."""
    if bool(order_id) == bool(client_oid):
        raise UsageError("say which order: order_id= or client_oid=")
    named = {"orderId": order_id} if order_id else {"clientOid": client_oid}
    return {"symbol": symbol} | named if symbol else named


def trade_type(info: SymbolInfo | ContractInfo) -> str:
    """Return what unified accounts call the market of ``info``."""
    return "FUTURES" if isinstance(info, ContractInfo) else "SPOT"


def names(args: dict[str, Any] | list[Any]) -> str:
    """Return how the orders of a request can be found again."""
    each = args if isinstance(args, list) else [args]
    return ", ".join(f"{key}={one[key]}" for one in each for key in ("clientOid", "orderId") if key in one)
