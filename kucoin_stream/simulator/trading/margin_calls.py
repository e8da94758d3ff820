"""The REST calls of margin, cross and isolated: a row each. Pure."""

from __future__ import annotations

from kucoin_stream.simulator.market import Json, RestError
from kucoin_stream.simulator.rest_call import Call, Query
from kucoin_stream.simulator.trading.amounts import decimal, written
from kucoin_stream.simulator.trading.deeds import MARGIN_TYPES, SPOT_BAD, margin_placed
from kucoin_stream.simulator.trading.ledger import ISOLATED
from kucoin_stream.simulator.trading.spot_calls import (
    active,
    cancelled,
    done,
    end_all,
    find,
    hf_fills,
    place,
    shown,
)


def _kinds(query: Query) -> tuple[str, ...]:
    kind = query.arguments.get("tradeType", "")
    return (kind,) if kind in MARGIN_TYPES else MARGIN_TYPES


def _account(query: Query) -> str:
    if not query.body.get("isIsolated"):
        return "margin"
    symbol = str(query.body.get("symbol"))
    if not query.market.has_symbol(symbol):
        raise RestError(400, "900001", f"The symbol {symbol} not exists")
    return f"{ISOLATED}{symbol}"


def _isolated(query: Query) -> Json:
    symbol = query.symbol() if query.arguments.get("symbol") else ""
    return query.account.margin.isolated_accounts(query.arguments.get("quoteCurrency", "USDT"), query.now_ns, symbol)


def _borrow(query: Query) -> Json:
    account, currency = _account(query), str(query.body.get("currency"))
    amount = decimal(query.body.get("size"), "size", lambda reason: RestError(400, SPOT_BAD, reason))
    query.account.spot.borrow(account, currency, amount, query.now_ns)
    return {"orderNo": query.account.ids.spot(query.now_ns), "actualSize": written(amount)}


def _repay(query: Query) -> Json:
    account, currency = _account(query), str(query.body.get("currency"))
    amount = decimal(query.body.get("size"), "size", lambda reason: RestError(400, SPOT_BAD, reason))
    paid = query.account.spot.repay(account, currency, amount, query.now_ns)
    number = query.account.ids.spot(query.now_ns)
    return {"timestamp": query.now_ns // 1_000_000, "orderNo": number, "actualSize": written(paid)}


def _active_symbols(query: Query) -> Json:
    symbols = sorted({order.symbol for order in active(query, _kinds(query))})
    return {"symbolSize": len(symbols), "symbols": symbols}


def _cancel_all(query: Query) -> Json:
    end_all(query, _kinds(query))
    return "success"


MARGIN_CALLS: tuple[Call, ...] = tuple(
    call._replace(signed=True)
    for call in (
        Call(
            "GET", "/api/v3/margin/accounts", 15,
            lambda query: query.account.margin.cross_accounts(query.arguments.get("quoteCurrency", "USDT")),
        ),
        Call("GET", "/api/v3/isolated/accounts", 15, _isolated),
        Call("POST", "/api/v3/margin/borrow", 15, _borrow),
        Call("POST", "/api/v3/margin/repay", 10, _repay),
        Call(
            "POST", "/api/v3/hf/margin/order", 2,
            lambda query: margin_placed(place(query, tradeType="MARGIN_TRADE")),
        ),
        Call("DELETE", "/api/v3/hf/margin/orders/*", 2, lambda query: {"orderId": cancelled(query).id}),
        Call(
            "DELETE", "/api/v3/hf/margin/orders/client-order/*", 2,
            lambda query: {"clientOid": cancelled(query, by_client=True).client_oid},
        ),
        Call("DELETE", "/api/v3/hf/margin/orders", 5, _cancel_all),
        Call("GET", "/api/v3/hf/margin/orders/*", 5, lambda query: shown(query, find(query, by_client=False))),
        Call(
            "GET", "/api/v3/hf/margin/orders/client-order/*", 5,
            lambda query: shown(query, find(query, by_client=True)),
        ),
        Call("GET", "/api/v3/hf/margin/order/active/symbols", 4, _active_symbols),
        Call(
            "GET", "/api/v3/hf/margin/orders/active", 4,
            lambda query: [shown(query, order) for order in active(query, _kinds(query))],
        ),
        Call("GET", "/api/v3/hf/margin/orders/done", 10, lambda query: done(query, _kinds(query))),
        Call("GET", "/api/v3/hf/margin/fills", 5, lambda query: hf_fills(query, _kinds(query))),
    )
)  # fmt: skip
