"""The REST calls of futures' positions and what may be chosen about them: a row each (rest.md). Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from kucoin_stream.simulator.market import Json, RestError
from kucoin_stream.simulator.rest_call import Call, Query
from kucoin_stream.simulator.trading.amounts import ZERO, Number, decimal, floor, written
from kucoin_stream.simulator.trading.deeds import FUTURES_BAD
from kucoin_stream.simulator.trading.futures import TAKER
from kucoin_stream.simulator.trading.futures_rows import overview, position_row, position_texts
from kucoin_stream.simulator.trading.position_settings import leverage_of
from kucoin_stream.simulator.trading.positions import MAINTENANCE, Position

_RATIO = Decimal("1e-6")


def _positions(query: Query) -> Json:
    currency = query.arguments.get("currency")
    held = [each for each in query.account.futures.positions.values() if each.lots]
    return [_row(query, each) for each in held if not currency or each.settle == currency]


def _position(query: Query) -> Json:
    return _row(query, query.account.futures.position(query.contract()))


def _position_list(query: Query) -> Json:
    """The second version, an array: one row, as positions are one-way here; none where there is no position."""
    position = query.account.futures.position(query.contract())
    return [position_texts(_row(query, position), position)] if position.lots else []


def _row(query: Query, position: Position) -> dict[str, Any]:
    return position_row(position, query.account.futures.backing(position), query.now_ns)


def _overview(query: Query) -> Json:
    return overview(query.account.futures.wallet(query.arguments.get("currency", "XBT")))


def _mode(query: Query) -> Json:
    symbol = query.contract()
    return {"symbol": symbol, "marginMode": query.account.futures.position(symbol).margin_mode}


def _set_mode(query: Query) -> Json:
    symbol, mode = _symbol(query), str(query.body.get("marginMode"))
    query.account.futures.settings.set_margin_mode(symbol, mode, query.now_ns)
    return {"symbol": symbol, "marginMode": mode}


def _set_modes(query: Query) -> Json:
    """Several contracts, each of which may fail by itself."""
    mode, symbols = str(query.body.get("marginMode")), query.body.get("symbols")
    if not isinstance(symbols, list):
        raise _refused("symbols: an array is needed")
    errors: list[dict[str, str]] = []
    changed: dict[str, str] = {}
    for symbol in map(str, symbols):
        try:
            query.account.futures.settings.set_margin_mode(symbol, mode, query.now_ns)
            changed[symbol] = mode
        except RestError as exc:
            errors.append({"code": exc.code, "msg": exc.reason, "symbol": symbol})
    return {"marginMode": changed, "errors": errors}


def _leverage(query: Query) -> Json:
    symbol = query.contract()
    return {"symbol": symbol, "leverage": f"{query.account.futures.settings.cross_leverage(symbol):f}"}


def _set_leverage(query: Query) -> Json:
    query.account.futures.settings.set_leverage(_symbol(query), query.body.get("leverage"), query.now_ns)
    return True


def _add_margin(query: Query) -> Json:
    amount = _amount(query.body.get("margin"), "margin")
    return _row(query, query.account.futures.settings.add_margin(_symbol(query), amount, query.now_ns))


def _take_margin(query: Query) -> Json:
    amount = _amount(query.body.get("withdrawAmount"), "withdrawAmount")
    query.account.futures.settings.add_margin(_symbol(query), -amount, query.now_ns)
    return written(amount)


def _spare_margin(query: Query) -> Json:
    futures = query.account.futures
    return written(futures.settings.spare(futures.position(query.contract())))


def _auto_deposit(query: Query) -> Json:
    query.account.futures.settings.set_auto_deposit(_symbol(query), bool(query.body.get("status")), query.now_ns)
    return True


def _risk_level(query: Query) -> Json:
    level = query.body.get("level")
    if not isinstance(level, int):
        raise _refused("level: a number is needed")
    query.account.futures.settings.set_risk_level(_symbol(query), level, query.now_ns)
    return True


def _max_open(query: Query) -> Json:
    """What the wallet can pay for at a price, fee included; what closes the position needs nothing."""
    symbol, futures = query.contract(), query.account.futures
    position = futures.position(symbol)
    price = _given(query, "price") or position.mark
    leverage = leverage_of(query.arguments.get("leverage") or str(position.leverage))
    each = _lot(position, price)
    lots = int(max(ZERO, futures.wallet(position.settle).available) / (each / leverage + each * TAKER))
    most = query.market.futures.contract(symbol, query.now_ns)["maxOrderQty"]
    sizes = {"maxBuyOpenSize": max(0, -position.lots), "maxSellOpenSize": max(0, position.lots)}
    return {"symbol": symbol, **{name: min(most, closing + lots) for name, closing in sizes.items()}}


def _cross_limits(query: Query) -> Json:
    """How much each of some contracts could open with all that cross margin has."""
    rows = []
    for symbol in query.arguments.get("symbol", "").split(","):
        position = query.account.futures.position(symbol)
        leverage = leverage_of(query.arguments.get("leverage") or str(_cross_leverage(query, symbol)))
        margin = _given(query, "totalMargin") or query.account.futures.wallet(position.settle).cross_total
        value = max(ZERO, margin) * leverage
        rows.append(
            {
                "symbol": symbol,
                "maxOpenSize": int(value / _lot(position, position.mark)),
                "maxOpenValue": written(floor(value)),
                "totalMargin": written(margin),
                "price": written(position.mark),
                "leverage": written(leverage),
                "mmr": written(MAINTENANCE),
                "imr": written(floor(1 / leverage, _RATIO)),
                "currency": position.settle,
            }
        )
    return rows


def _cross_requirement(query: Query) -> Json:
    symbol = query.contract()
    position, value = query.account.futures.position(symbol), _given(query, "positionValue")
    leverage = leverage_of(query.arguments.get("leverage") or str(_cross_leverage(query, symbol)))
    return {
        "symbol": symbol,
        "imr": written(floor(1 / leverage, _RATIO)),
        "mmr": written(MAINTENANCE),
        "size": int(value / _lot(position, position.mark)),
        "positionValue": written(value),
        "price": written(position.mark),
    }


def _cross_leverage(query: Query, symbol: str) -> Decimal:
    return query.account.futures.settings.cross_leverage(symbol)


def _position_mode(query: Query) -> Json:
    """One-way only, as the answer says."""
    if str(query.body.get("positionMode")) != "0":
        raise RestError(200, "330005", "The exchange here has one-way positions only.")
    return {"positionMode": "0"}


def _lot(position: Position, price: Decimal) -> Decimal:
    """What a lot is worth; of an inverse contract more exactly than money is counted."""
    return abs(position.worth(1000, price)) / 1000


def _symbol(query: Query) -> str:
    return str(query.body.get("symbol"))


def _given(query: Query, name: str) -> Decimal:
    return decimal(query.arguments.get(name), name, _refused)


def _amount(given: Number, name: str) -> Decimal:
    amount = decimal(given, name, _refused)
    if not amount:
        raise _refused(f"{name}: must not be empty")
    return amount


def _refused(reason: str) -> RestError:
    return RestError(400, FUTURES_BAD, reason)


POSITION_CALLS: tuple[Call, ...] = tuple(
    call._replace(signed=True)
    for call in (
        Call("GET", "/api/v1/account-overview", 5, _overview),
        Call("GET", "/api/v1/positions", 2, _positions),
        Call("GET", "/api/v1/position", 2, _position),
        Call("GET", "/api/v2/position", 2, _position_list),
        Call("POST", "/api/v1/position/margin/deposit-margin", 4, _add_margin),
        Call("POST", "/api/v1/margin/withdrawMargin", 10, _take_margin),
        Call("GET", "/api/v1/margin/maxWithdrawMargin", 10, _spare_margin),
        Call("POST", "/api/v1/position/margin/auto-deposit-status", 4, _auto_deposit),
        Call("POST", "/api/v1/position/risk-limit-level/change", 5, _risk_level),
        Call("GET", "/api/v2/position/getMarginMode", 2, _mode),
        Call("POST", "/api/v2/position/changeMarginMode", 2, _set_mode),
        Call("POST", "/api/v2/position/batchChangeMarginMode", 2, _set_modes),
        Call("GET", "/api/v2/position/getPositionMode", 2, lambda _: {"positionMode": 0}),
        Call("POST", "/api/v2/position/switchPositionMode", 2, _position_mode),
        Call("GET", "/api/v2/getCrossUserLeverage", 2, _leverage),
        Call("POST", "/api/v2/changeCrossUserLeverage", 2, _set_leverage),
        Call("GET", "/api/v2/getCrossModeMarginRequirement", 2, _cross_requirement),
        Call("GET", "/api/v2/batchGetCrossOrderLimit", 2, _cross_limits),
        Call("GET", "/api/v2/getMaxOpenSize", 2, _max_open),
    )
)
