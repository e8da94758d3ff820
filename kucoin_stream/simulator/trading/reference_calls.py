"""What clients ask before they trade: modes, fees, what may be borrowed, and lists that stay empty. Pure."""

from __future__ import annotations

from typing import Any

from kucoin_stream.simulator.market import Json, RestError
from kucoin_stream.simulator.rest_call import Call, Query
from kucoin_stream.simulator.trading.amounts import written
from kucoin_stream.simulator.trading.futures import MAKER, TAKER
from kucoin_stream.simulator.trading.paging import page, since
from kucoin_stream.simulator.trading.spot import FEE

_MARGIN_FIELDS = (
    "symbol", "name", "enableTrading", "market", "baseCurrency", "quoteCurrency", "baseIncrement", "baseMinSize",
    "quoteIncrement", "quoteMinSize", "baseMaxSize", "quoteMaxSize", "priceIncrement", "feeCurrency",
    "priceLimitRate", "minFunds",
)  # fmt: skip


def _margin_rows(query: Query) -> list[dict[str, Any]]:
    wanted = query.arguments.get("symbol")
    rows = (row for row in query.market.symbols() if row["isMarginEnabled"])
    return [row for row in rows if not wanted or row["symbol"] == wanted]


def _cross_symbols(query: Query) -> Json:
    items = [{name: row[name] for name in _MARGIN_FIELDS} for row in _margin_rows(query)]
    return {"timestamp": query.now_ns // 1_000_000, "items": items}


def _isolated_symbols(query: Query) -> Json:
    return [
        {
            "symbol": row["symbol"],
            "symbolName": row["name"],
            "baseCurrency": row["baseCurrency"],
            "quoteCurrency": row["quoteCurrency"],
            "maxLeverage": 10,
            "flDebtRatio": "0.97",
            "tradeEnable": True,
            "autoRenewMaxDebtRatio": "0.96",
            "baseBorrowEnable": True,
            "quoteBorrowEnable": True,
            "baseTransferInEnable": True,
            "quoteTransferInEnable": True,
            "baseBorrowCoefficient": "1",
            "quoteBorrowCoefficient": "1",
        }
        for row in _margin_rows(query)
    ]


def _margin_config(query: Query) -> Json:
    names = [row["currency"] for row in query.market.currencies()]
    return {"currencyList": names, "maxLeverage": 5, "warningDebtRatio": "0.95", "liqDebtRatio": "0.97"}


def _fees(maker: object, taker: object) -> dict[str, str]:
    return {"takerFeeRate": str(taker), "makerFeeRate": str(maker)}


def _trade_fees(query: Query) -> Json:
    symbols = query.arguments.get("symbols", "").split(",")
    return [{"symbol": symbol, **_fees(FEE, FEE)} for symbol in symbols if query.market.has_symbol(symbol)]


def _mark_price(query: Query, symbol: str) -> dict[str, Any]:
    """Margin's mark price is the last price here, as its topic's; protocol.md 4.12."""
    value = float(query.market.level1(symbol)["price"])
    return {"symbol": symbol, "timePoint": query.now_ns // 1_000_000, "value": value}


def _mark_prices(query: Query) -> Json:
    return [_mark_price(query, row["symbol"]) for row in query.market.symbols()]


def _prices(query: Query) -> Json:
    """What currencies are worth, where they have a pair with USDT."""
    pairs = {row["baseCurrency"]: row["symbol"] for row in query.market.symbols() if row["quoteCurrency"] == "USDT"}
    asked = [name for name in query.arguments.get("currencies", "").split(",") if name] or [*pairs, "USDT"]
    return {name: query.market.level1(pairs[name])["price"] if name in pairs else "1" for name in asked}


def _ledger(query: Query) -> Json:
    return [
        {
            "id": f"{moved.number:024d}",
            "currency": moved.currency,
            "amount": written(abs(moved.available_change + moved.hold_change)),
            "fee": "0",
            "tax": "0",
            "balance": written(moved.holding.total),
            "accountType": f"{moved.account.partition('/')[0].upper()}{'_HF' if moved.account == 'trade' else ''}",
            "bizType": "TRADE_EXCHANGE" if moved.context else "TRANSFER",
            "direction": "in" if moved.available_change + moved.hold_change > 0 else "out",
            "createdAt": moved.time_ns // 1_000_000,
            "context": "",
        }
        for moved in reversed(query.account.moves)
        if moved.available_change + moved.hold_change
        and query.arguments.get("currency", moved.currency) in (moved.currency, "")
    ]


def _hf_ledger(query: Query) -> Json:
    return since(query, _ledger(query), lambda row: int(row["id"]), lambda row: row)["items"]


def _quota(query: Query) -> Json:
    return {
        "currency": query.arguments.get("currency", ""),
        "limitBTCAmount": "15.79590095",
        "usedBTCAmount": "0",
        "quotaCurrency": "USDT",
        "limitQuotaCurrencyAmount": "999999",
        "usedQuotaCurrencyAmount": "0",
        "remainAmount": "15.79590095",
        "availableAmount": "0",
        "withdrawMinFee": "0.0005",
        "innerWithdrawMinFee": "0",
        "withdrawMinSize": "0.001",
        "isWithdrawEnabled": False,
        "precision": 8,
        "chain": "",
        "reason": "simulated",
        "lockedAmount": "0",
    }


def _borrow_rates(query: Query) -> Json:
    asked = query.arguments.get("currency", "").split(",")
    names = [row["currency"] for row in query.market.currencies()]
    items = [
        {"currency": name, "hourlyBorrowRate": "0.00001", "annualizedBorrowRate": "0.0876"}
        for name in names if asked in ([""], [name]) or name in asked
    ]  # fmt: skip
    return {"vipLevel": 0, "items": items}


def _no_rows(query: Query) -> Json:
    return page(query, [])


REFERENCE_CALLS: tuple[Call, ...] = (
    Call("GET", "/api/v3/mark-price/all-symbols", 10, _mark_prices),
    Call("GET", "/api/v1/mark-price/*/current", 2, lambda query: _mark_price(query, query.symbol())),
    Call("GET", "/api/v1/prices", 3, _prices),
    Call("GET", "/api/v3/announcements", 20, _no_rows),
    Call("GET", "/api/v1/my-ip", 20, lambda _: "127.0.0.1"),
    Call("GET", "/api/v3/etf/info", 3, lambda _: []),
    Call("GET", "/api/v1/margin/config", 25, _margin_config),
    *(
        call._replace(signed=True)
        for call in (
            Call("GET", "/api/ua/v1/account/mode", 3, lambda _: {"selfAccountMode": "CLASSIC"}),
            Call("GET", "/api/v3/margin/symbols", 3, _cross_symbols),
            Call("GET", "/api/v1/isolated/symbols", 3, _isolated_symbols),
            Call("GET", "/api/v1/base-fee", 3, lambda _: _fees(FEE, FEE)),
            Call("GET", "/api/v1/trade-fees", 3, _trade_fees),
            Call("GET", "/api/v1/accounts/ledgers", 2, lambda query: page(query, _ledger(query))),
            Call("GET", "/api/v1/hf/accounts/ledgers", 2, _hf_ledger),
            Call("GET", "/api/v1/withdrawals/quotas", 20, _quota),
            Call("GET", "/api/v1/withdrawals", 20, _no_rows),
            Call("GET", "/api/v1/deposits", 5, _no_rows),
            Call("GET", "/api/v1/hist-deposits", 5, _no_rows),
            Call("GET", "/api/v1/hist-withdrawals", 20, _no_rows),
            Call("GET", "/api/v1/deposit-addresses", 5, lambda _: []),
            Call("GET", "/api/v2/deposit-addresses", 5, lambda _: []),
            Call("GET", "/api/v3/deposit-addresses", 5, lambda _: []),
            Call("GET", "/api/v2/sub-accounts", 20, _no_rows),
            Call("GET", "/api/v3/margin/borrow", 15, _no_rows),
            Call("GET", "/api/v3/margin/repay", 15, _no_rows),
            Call("GET", "/api/v3/margin/interest", 20, _no_rows),
            Call("GET", "/api/v3/margin/borrowRate", 20, _borrow_rates),
            Call("GET", "/api/v3/margin/currencies", 20, lambda _: []),
            Call("GET", "/api/v3/hf/margin/stop-orders", 8, _no_rows),
            Call("GET", "/api/v1/hf/orders/dead-cancel-all/query", 2, lambda _: None),
            Call("GET", "/api/v1/sub/user", 20, lambda _: []),
            Call("GET", "/api/v2/sub/user", 20, _no_rows),
            Call("GET", "/api/v3/oco/orders", 2, _no_rows),
        )
    ),
)


def _contract_fees(query: Query) -> Json:
    return {"symbol": query.contract(), **_fees(MAKER, TAKER)}


def _risk_limits(query: Query) -> Json:
    """One tier, as the contracts' rows have it."""
    row = query.market.futures.contract(query.contract(), query.now_ns)
    names = ("symbol", "maxRiskLimit", "maxLeverage", "initialMargin", "maintainMargin")
    return [{"level": 1, "minRiskLimit": 0, **{name: row[name] for name in names}}]


def _funding_rates(query: Query) -> Json:
    symbol, end = query.contract(), query.number("to", query.now_ns // 1_000_000)
    return query.market.futures.funding_rates(symbol, query.number("from", 0), min(end, query.now_ns // 1_000_000))


def _withdrawable(query: Query) -> Json:
    return written(query.account.futures.position(query.contract()).added)


def _max_open(query: Query) -> Json:
    symbol = query.contract()
    most = query.market.futures.contract(symbol, query.now_ns)["maxOrderQty"]
    return {"symbol": symbol, "maxBuyOpenSize": most, "maxSellOpenSize": most}


def _position_mode(query: Query) -> Json:
    """One-way only, as the answer says."""
    if str(query.body.get("positionMode")) != "0":
        raise RestError(200, "330005", "The exchange here has one-way positions only.")
    return {"positionMode": 0}


def _rows_after(_: Query) -> Json:
    return {"dataList": [], "hasMore": False}


FUTURES_REFERENCE_CALLS: tuple[Call, ...] = (
    Call("GET", "/api/v1/contract/funding-rates", 5, _funding_rates),
    Call("GET", "/api/v1/contracts/risk-limit/*", 5, _risk_limits),
    Call("GET", "/api/v1/interest/query", 5, _rows_after),
    Call("GET", "/api/v1/premium/query", 3, _rows_after),
    Call("GET", "/api/v1/index/query", 2, _rows_after),
    *(
        call._replace(signed=True)
        for call in (
            Call("GET", "/api/v1/trade-fees", 3, _contract_fees),
            Call("GET", "/api/v1/trade-statistics", 3, lambda query: query.market.futures.statistics(query.now_ns)),
            Call("GET", "/api/v1/funding-history", 5, _rows_after),
            Call("GET", "/api/v1/transaction-history", 2, _rows_after),
            Call("GET", "/api/v1/history-positions", 2, _no_rows),
            Call("GET", "/api/v1/margin/maxWithdrawMargin", 10, _withdrawable),
            Call("GET", "/api/v2/getMaxOpenSize", 4, _max_open),
            Call("GET", "/api/v2/batchGetCrossOrderLimit", 2, lambda _: []),
            Call("POST", "/api/v2/position/switchPositionMode", 2, _position_mode),
            Call("GET", "/api/v1/transfer-list", 20, _no_rows),
        )
    ),
)
