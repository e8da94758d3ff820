"""What clients ask before they trade: modes, fees, what may be borrowed, and lists that stay empty. Pure."""

from __future__ import annotations

from typing import Any

from kucoin_stream.simulator.flow import SECOND
from kucoin_stream.simulator.market import Json, RestError
from kucoin_stream.simulator.marks import mark
from kucoin_stream.simulator.rest_call import Call, Query
from kucoin_stream.simulator.trading.amounts import written
from kucoin_stream.simulator.trading.futures import MAKER, TAKER
from kucoin_stream.simulator.trading.ledger import ISOLATED
from kucoin_stream.simulator.trading.loans import CROSS
from kucoin_stream.simulator.trading.margin import CROSS_LEVERAGE, ISOLATED_LEVERAGE, LIQUIDATED, RENEWED, WARNED
from kucoin_stream.simulator.trading.paging import page
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
            "maxLeverage": ISOLATED_LEVERAGE,
            "flDebtRatio": written(LIQUIDATED),
            "tradeEnable": True,
            "autoRenewMaxDebtRatio": written(RENEWED),
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
    ratios = {"warningDebtRatio": written(WARNED), "liqDebtRatio": written(LIQUIDATED)}
    return {"currencyList": names, "maxLeverage": CROSS_LEVERAGE, **ratios}


def _fees(maker: object, taker: object) -> dict[str, str]:
    return {"takerFeeRate": str(taker), "makerFeeRate": str(maker)}


def _trade_fees(query: Query) -> Json:
    symbols = query.arguments.get("symbols", "").split(",")
    return [{"symbol": symbol, **_fees(FEE, FEE)} for symbol in symbols if query.market.has_symbol(symbol)]


def _mark_price(query: Query, symbol: str) -> dict[str, Any]:
    """Margin's mark price, as its topic's; on a recording the last price (protocol.md 4.12)."""
    traded = query.market.traded(symbol)
    value = float(query.market.level1(symbol)["price"]) if traded is None else mark(traded, query.now_ns)
    return {"symbol": symbol, "timePoint": query.now_ns // SECOND * 1000, "value": value}


def _mark_prices(query: Query) -> Json:
    return [_mark_price(query, row["symbol"]) for row in query.market.symbols()]


def _prices(query: Query) -> Json:
    """What currencies are worth, where they have a pair with USDT."""
    pairs = {row["baseCurrency"]: row["symbol"] for row in query.market.symbols() if row["quoteCurrency"] == "USDT"}
    asked = [name for name in query.arguments.get("currencies", "").split(",") if name] or [*pairs, "USDT"]
    return {name: query.market.level1(pairs[name])["price"] if name in pairs else "1" for name in asked}


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


def _transferable(query: Query) -> Json:
    """What an account has of a currency that may be moved elsewhere."""
    kind, currency = query.arguments.get("type", "MAIN"), query.arguments.get("currency", "")
    accounts = {"MAIN": "main", "TRADE": "trade", "MARGIN": CROSS, "MARGIN_V2": CROSS}
    if kind.removesuffix("_V2") == "ISOLATED":
        account = f"{ISOLATED}{query.arguments.get('tag', 'BTC-USDT')}"
    elif kind in accounts:
        account = accounts[kind]
    else:
        raise RestError(400, "400100", f"account type {kind} is not supported")
    holding = query.account.ledger.get(account, currency)
    return {
        "currency": currency,
        "balance": written(holding.total),
        "available": written(holding.available),
        "holds": written(holding.hold),
        "transferable": written(query.account.margin.transferable(account, currency, query.now_ns)),
    }


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
    Call("GET", "/api/v3/margin/symbols", 3, _cross_symbols),
    Call("GET", "/api/v1/isolated/symbols", 3, _isolated_symbols),
    *(
        call._replace(signed=True)
        for call in (
            Call("GET", "/api/ua/v1/account/mode", 3, lambda _: {"selfAccountMode": "CLASSIC"}),
            Call("GET", "/api/v1/base-fee", 3, lambda _: _fees(FEE, FEE)),
            Call("GET", "/api/v1/trade-fees", 3, _trade_fees),
            Call("GET", "/api/v1/accounts/transferable", 20, _transferable),
            Call("GET", "/api/v1/withdrawals/quotas", 20, _quota),
            Call("GET", "/api/v1/withdrawals", 20, _no_rows),
            Call("GET", "/api/v1/deposits", 5, _no_rows),
            Call("GET", "/api/v1/hist-deposits", 5, _no_rows),
            Call("GET", "/api/v1/hist-withdrawals", 20, _no_rows),
            Call("GET", "/api/v1/deposit-addresses", 5, lambda _: []),
            Call("GET", "/api/v2/deposit-addresses", 5, lambda _: []),
            Call("GET", "/api/v3/deposit-addresses", 5, lambda _: []),
            Call("GET", "/api/v2/sub-accounts", 20, _no_rows),
            Call("GET", "/api/v1/sub/user", 20, lambda _: []),
            Call("GET", "/api/v2/sub/user", 20, _no_rows),
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


FUTURES_REFERENCE_CALLS: tuple[Call, ...] = (
    Call("GET", "/api/v1/contract/funding-rates", 5, _funding_rates),
    Call("GET", "/api/v1/contracts/risk-limit/*", 5, _risk_limits),
    *(
        call._replace(signed=True)
        for call in (
            Call("GET", "/api/v1/trade-fees", 3, _contract_fees),
            Call("GET", "/api/v1/trade-statistics", 3, lambda query: query.market.futures.statistics(query.now_ns)),
        )
    ),
)
