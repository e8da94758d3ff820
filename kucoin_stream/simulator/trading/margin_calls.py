"""The REST calls of margin, cross and isolated: a row each. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal

from kucoin_stream.simulator.market import Json, RestError
from kucoin_stream.simulator.rest_call import Call, Query
from kucoin_stream.simulator.trading.amounts import decimal, written
from kucoin_stream.simulator.trading.deeds import MARGIN_TYPES, SPOT_BAD, margin_placed
from kucoin_stream.simulator.trading.ledger import ISOLATED
from kucoin_stream.simulator.trading.loans import Record, hourly_rate
from kucoin_stream.simulator.trading.margin import MOST_BORROWED
from kucoin_stream.simulator.trading.paging import page
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


def _old_cross(query: Query) -> Json:
    """The cross account as the abandoned call shows it, which ccxt still asks for."""
    whole = query.account.margin.cross_accounts("USDT", query.now_ns)
    named = {"totalBalance": "total", "availableBalance": "available", "holdBalance": "hold"}
    same = ("currency", "liability", "maxBorrowSize")
    rows = [
        {name: row[name] for name in same} | {old: row[new] for old, new in named.items()} for row in whole["accounts"]
    ]
    return {"debtRatio": whole["debtRatio"], "accounts": rows}


def _isolated(query: Query) -> Json:
    symbol = query.symbol() if query.arguments.get("symbol") else ""
    return query.account.margin.isolated_accounts(query.arguments.get("quoteCurrency", "USDT"), query.now_ns, symbol)


def _borrow(query: Query) -> Json:
    """All of what is asked for or nothing (FOK), or as much as may be borrowed (IOC)."""
    account, currency = _account(query), str(query.body.get("currency"))
    amount, allowed = _size(query), query.account.margin.allowance(account, currency, query.now_ns)
    if not allowed or (amount > allowed and query.body.get("timeInForce") == "FOK"):
        raise RestError(200, "130203", "Insufficient balance or exceeding the borrowing limit")
    record = query.account.margin.loans.borrow(account, currency, min(amount, allowed), query.now_ns)
    return {"orderNo": record.number, "actualSize": written(record.size)}


def _repay(query: Query) -> Json:
    account, currency = _account(query), str(query.body.get("currency"))
    record = query.account.margin.loans.repay(account, currency, _size(query), query.now_ns)
    return {"timestamp": query.now_ns // 1_000_000, "orderNo": record.number, "actualSize": written(record.size)}


def _size(query: Query) -> Decimal:
    return decimal(query.body.get("size"), "size", lambda reason: RestError(400, SPOT_BAD, reason))


def _history(query: Query, records: Iterable[Record], write: Callable[[Record], Json]) -> Json:
    """A page of what was borrowed, repaid or charged: of the cross account or of isolated ones, the last one first."""
    ask, isolated = query.arguments, query.arguments.get("isIsolated", "").lower() == "true"
    begin, end = query.number("startTime", 0), query.number("endTime", 1 << 50)
    found = [
        write(each)
        for each in reversed(list(records))
        if bool(each.symbol) == isolated
        and ask.get("currency") in (None, "", each.currency)
        and ask.get("symbol") in (None, "", each.symbol)
        and ask.get("orderNo") in (None, "", each.number)
        and begin <= each.time_ns // 1_000_000 <= end
    ]
    return {"timestamp": query.now_ns // 1_000_000, **page(query, found)}


def _named(record: Record) -> dict[str, Json]:
    return {
        "orderNo": record.number,
        "symbol": record.symbol,
        "currency": record.currency,
        "size": written(record.size),
        "status": "SUCCESS",
        "createdTime": record.time_ns // 1_000_000,
    }


def _borrowed(query: Query) -> Json:
    records = query.account.margin.loans.borrowed
    return _history(query, records, lambda each: {**_named(each), "actualSize": written(each.size)})


def _repaid(query: Query) -> Json:
    def write(record: Record) -> Json:
        parts = {"principal": written(record.size - record.interest), "interest": written(record.interest)}
        return {**_named(record), **parts}

    return _history(query, query.account.margin.loans.repaid, write)


def _charged(query: Query) -> Json:
    def write(record: Record) -> Json:
        return {
            "currency": record.currency,
            "dayRatio": written(24 * hourly_rate(record.currency)),
            "interestAmount": written(record.interest),
            "createdTime": record.time_ns // 1_000_000,
        }

    return _history(query, query.account.margin.loans.charged, write)


def _rates(query: Query) -> Json:
    asked = [name for name in query.arguments.get("currency", "").split(",") if name]
    rates = {row["currency"]: hourly_rate(row["currency"]) for row in query.market.currencies()}
    items = [
        {
            "currency": name,
            "hourlyBorrowRate": written(rate),
            "annualizedBorrowRate": written(rate * 24 * 365),
        }
        for name, rate in rates.items()
        if not asked or name in asked
    ]
    return {"vipLevel": 0, "items": items}


def _risk_limits(query: Query) -> Json:
    """What may be borrowed and held: by currency, or, of isolated margin, by symbol."""
    if query.arguments.get("isIsolated", "").lower() != "true":
        asked = query.arguments.get("currency")
        names = [row["currency"] for row in query.market.currencies()]
        return [{"timestamp": query.now_ns // 1_000_000, "currency": name, **_limits()}
                for name in names if asked in (None, "", name)]  # fmt: skip
    wanted = query.arguments.get("symbol")
    symbols = [row["symbol"] for row in query.market.symbols() if row["isMarginEnabled"]]
    return [
        {
            "timestamp": query.now_ns // 1_000_000,
            "symbol": symbol,
            **{f"{side}{name[0].upper()}{name[1:]}": value for side in ("base", "quote")
               for name, value in _isolated_limits().items()},
        }
        for symbol in symbols if wanted in (None, "", symbol)
    ]  # fmt: skip


def _limits() -> dict[str, Json]:
    most = written(MOST_BORROWED)
    return {
        "borrowMaxAmount": most,
        "buyMaxAmount": most,
        "holdMaxAmount": most,
        "borrowCoefficient": "1",
        "marginCoefficient": "1",
        "precision": 8,
        "borrowMinAmount": "0.00000001",
        "borrowMinUnit": "0.00000001",
        "borrowEnabled": True,
    }


def _isolated_limits() -> dict[str, Json]:
    names = {"borrowMaxAmount": "maxBorrowAmount", "buyMaxAmount": "maxBuyAmount", "holdMaxAmount": "maxHoldAmount"}
    return {names.get(name, name): value for name, value in _limits().items()}


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
            lambda query: query.account.margin.cross_accounts(
                query.arguments.get("quoteCurrency", "USDT"), query.now_ns
            ),
        ),
        Call("GET", "/api/v1/margin/account", 40, _old_cross),
        Call("GET", "/api/v3/isolated/accounts", 15, _isolated),
        Call("POST", "/api/v3/margin/borrow", 15, _borrow),
        Call("GET", "/api/v3/margin/borrow", 15, _borrowed),
        Call("POST", "/api/v3/margin/repay", 10, _repay),
        Call("GET", "/api/v3/margin/repay", 15, _repaid),
        Call("GET", "/api/v3/margin/interest", 20, _charged),
        Call("GET", "/api/v3/margin/borrowRate", 20, _rates),
        Call("GET", "/api/v3/margin/currencies", 20, _risk_limits),
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
