"""The market data of the unified account's REST calls: those of spot and futures in other words. Pure.

Paths and fields are those of rest.tsv; three newer ones, ``open-interest``, ``asset/currencies`` and the
second version of ``funding-rate``, are what ccxt 4.5.90 asks for and reads.
"""

from __future__ import annotations

from decimal import Decimal

from kucoin_stream.protocol.topics import INTERVALS
from kucoin_stream.simulator.futures.board import plain
from kucoin_stream.simulator.market import Json, RestError
from kucoin_stream.simulator.rest_call import Call, Query
from kucoin_stream.simulator.trading.amounts import written

_SPOT_KINDS, _KINDS = ("SPOT", "CROSS", "ISOLATED"), ("SPOT", "FUTURES")
_CHAIN = {
    "minWithdrawSize": "withdrawalMinSize",
    "minDepositSize": "depositMinSize",
    "minWithdrawFee": "withdrawalMinFee",
    "maxWithdrawSize": "maxWithdraw",
    "maxDepositSize": "maxDeposit",
    "isMemoRequired": "needTag",
}
_SAME = ("withdrawFeeRate", "isWithdrawEnabled", "isDepositEnabled", "confirms", "preConfirms", "withdrawPrecision")


def _kind(query: Query, known: tuple[str, ...] = _KINDS) -> str:
    kind = query.arguments.get("tradeType", "")
    if kind not in known:
        raise RestError(400, "400100", f"tradeType is one of {', '.join(known)}")
    return kind


def _instruments(query: Query) -> Json:
    kind, wanted = _kind(query, (*_SPOT_KINDS, "FUTURES")), query.arguments.get("symbol")
    if kind == "FUTURES":
        rows = [_contract(row) for row in query.market.futures.contracts(query.now_ns)]
    else:
        rows = [_pair(row) for row in query.market.symbols() if kind == "SPOT" or row["isMarginEnabled"]]
    return {"tradeType": kind, "list": [row for row in rows if wanted in (None, row["symbol"])]}


def _pair(row: Json) -> Json:
    same = ("symbol", "name", "baseCurrency", "quoteCurrency", "market", "feeCurrency", "feeCategory", "st")
    return {name: row[name] for name in same} | {
        "minBaseOrderSize": row["baseMinSize"],
        "minQuoteOrderSize": row["quoteMinSize"],
        "maxBaseOrderSize": row["baseMaxSize"],
        "maxQuoteOrderSize": row["quoteMaxSize"],
        "baseOrderStep": row["baseIncrement"],
        "quoteOrderStep": row["quoteIncrement"],
        "tickSize": row["priceIncrement"],
        "tradingStatus": "1" if row["enableTrading"] else "0",
        "marginMode": "1" if row["isMarginEnabled"] else "2",
        "priceLimitRatio": row["priceLimitRate"],
        "makerFeeCoefficient": row["makerFeeCoefficient"],
        "takerFeeCoefficient": row["takerFeeCoefficient"],
    }


def _contract(row: Json) -> Json:
    texts = ("maxPrice", "lotSize", "k", "m", "f", "mmrLimit", "mmrLevConstant")
    rates = ("makerFeeRate", "takerFeeRate")
    return {name: row[name] for name in ("symbol", "baseCurrency", "quoteCurrency", "isInverse", "maxLeverage")} | {
        **{name: str(row[name]) for name in texts},
        **{name: f"{row[name]:.5f}" for name in rates},
        "maxBaseOrderSize": str(row["maxOrderQty"]),
        "tickSize": plain(row["tickSize"]),
        "tradingStatus": "1" if row["status"] == "Open" else "0",
        "settlementCurrency": row["settleCurrency"],
        "contractType": "0",
        "launchTime": row["firstOpenDate"],
        "expiryTime": row["expireDate"],
        "settlementTime": row["settleDate"],
        "unitSize": plain(abs(row["multiplier"])),
        "settlementFeeRate": row["settlementFee"],
        "indexSourceExchanges": row["sourceExchanges"],
    }


def _symbol(query: Query, kind: str) -> str:
    return query.contract() if kind == "FUTURES" else query.symbol()


def _tickers(query: Query) -> Json:
    kind = _kind(query)
    if query.arguments.get("symbol"):
        symbols = [_symbol(query, kind)]
    elif kind == "SPOT":
        symbols = [row["symbol"] for row in query.market.symbols()]
    else:
        symbols = list(query.market.futures.perpetuals)
    row = _spot_ticker if kind == "SPOT" else _futures_ticker
    return {"tradeType": kind, "ts": _time_ms(query), "list": [row(query, symbol) for symbol in symbols]}


def _spot_ticker(query: Query, symbol: str) -> Json:
    day, top = query.market.stats(symbol), query.market.level1(symbol)
    return {
        "symbol": symbol,
        "name": symbol,
        "bestBidSize": top["bestBidSize"],
        "bestBidPrice": top["bestBid"],
        "bestAskSize": top["bestAskSize"],
        "bestAskPrice": top["bestAsk"],
        "lastPrice": top["price"],
        "size": top["size"],
        "open": written(Decimal(day["last"]) - Decimal(day["changePrice"])),
        "high": day["high"],
        "low": day["low"],
        "baseVolume": day["vol"],
        "quoteVolume": day["volValue"],
        "priceChange": day["changePrice"],
        "priceChangePercent": day["changeRate"],
    }


def _futures_ticker(query: Query, symbol: str) -> Json:
    day, top = query.market.futures.contract(symbol, query.now_ns), query.market.futures.ticker(symbol)
    sizes = {name: str(top[name]) for name in ("bestBidSize", "bestAskSize", "size")}
    return sizes | {
        "symbol": symbol,
        "bestBidPrice": top["bestBidPrice"],
        "bestAskPrice": top["bestAskPrice"],
        "lastPrice": top["price"],
        "open": plain(day["lastTradePrice"] - day["priceChg"]),
        "high": plain(day["highPrice"]),
        "low": plain(day["lowPrice"]),
        "baseVolume": plain(day["volumeOf24h"]),
        "quoteVolume": plain(day["turnoverOf24h"]),
        "priceChange": plain(day["priceChg"]),
        "priceChangePercent": plain(day["priceChgPct"] * 100),  # percent here, a ratio on spot
        "indexPrice": plain(day["indexPrice"]),
        "markPrice": plain(day["markPrice"]),
    }


def _trades(query: Query) -> Json:
    kind = _kind(query)
    if kind == "SPOT":
        times = [(row, row["time"], row["sequence"]) for row in query.market.trades(query.symbol())]
    else:
        times = [(row, row["ts"], row["tradeId"]) for row in query.market.futures.trades(query.contract())]
    return {
        "tradeType": kind,
        "list": [
            {"sequence": str(row["sequence"]), "tradeId": number, "price": str(row["price"]), "size": str(row["size"]),
             "side": row["side"], "ts": time_ns}
            for row, time_ns, number in times
        ],
    }  # fmt: skip


def _klines(query: Query) -> Json:
    kind, interval = _kind(query), query.arguments.get("interval", "")
    if interval not in INTERVALS:
        raise RestError(400, "400100", "interval is not supported")
    symbol, start = _symbol(query, kind), query.number("startAt", 0)
    end = query.number("endAt", _time_ms(query) // 1000 + 1)
    if kind == "SPOT":
        rows = query.market.candles(symbol, interval, start, end)
    else:
        bars = query.market.futures.candles(symbol, interval, start * 1000, end * 1000 - 1)
        rows = [
            [str(time // 1000), *(plain(each) for each in (opened, closed, high, low, volume, turnover))]
            for time, opened, high, low, closed, volume, turnover in reversed(bars)
        ]
    return {"tradeType": kind, "symbol": symbol, "list": rows}


def _rate(query: Query, symbol: str) -> Json:
    now = query.market.futures.funding_rate(symbol, query.now_ns)
    interval = dict.fromkeys(("currentGranularity", "newGranularity"), now["granularity"])
    interval["newGranularityStartTime"] = query.market.futures.contract(symbol, query.now_ns)["firstOpenDate"]
    same = {name: now[name] for name in ("fundingTime", "fundingRateCap", "fundingRateFloor")}
    return {"symbol": symbol, "nextFundingRate": now["value"], **same, **interval}


def _rates(query: Query) -> Json:
    """The second version: of all contracts where none is named, numbers as text."""
    named = query.arguments.get("symbol")
    symbols = [query.contract()] if named else list(query.market.futures.perpetuals)
    texts = ("nextFundingRate", "fundingRateCap", "fundingRateFloor")
    rows = [_rate(query, symbol) for symbol in symbols]
    return [row | {name: plain(row[name]) for name in texts} for row in rows]


def _past_rates(query: Query) -> Json:
    symbol, end = query.contract(), query.number("endAt", _time_ms(query))
    rows = query.market.futures.funding_rates(symbol, query.number("startAt", 0), end)
    return {"symbol": symbol, "list": [{"fundingRate": row["fundingRate"], "ts": row["timepoint"]} for row in rows]}


def _open_interest(query: Query) -> Json:
    wanted = {name for name in query.arguments.get("symbol", "").split(",") if name}
    rows = query.market.futures.contracts(query.now_ns)
    return [
        {"symbol": row["symbol"], "openInterest": row["openInterest"], "ts": _time_ms(query)}
        for row in rows
        if not wanted or row["symbol"] in wanted
    ]


def _currency(query: Query) -> Json:
    for row in query.market.currencies():
        if row["currency"] == query.arguments.get("currency"):
            return _with_chains(row, "list")
    raise RestError(400, "900003", "currency not exists")


def _with_chains(row: Json, key: str) -> Json:
    whole = {name: value for name, value in row.items() if name != "chains"}
    return whole | {key: [_chain(chain) for chain in row["chains"]]}


def _chain(chain: Json) -> Json:
    named = ("chainName", "chainId", "contractAddress", *_SAME)
    return {name: chain[name] for name in named} | {new: chain[old] for new, old in _CHAIN.items()}


def _status(query: Query) -> Json:
    return {"tradeType": _kind(query), "serverStatus": "open", "msg": ""}


def _time_ms(query: Query) -> int:
    return query.market.time_ns(query.now_ns) // 1_000_000


UNIFIED_CALLS: tuple[Call, ...] = (
    Call("GET", "/api/ua/v1/server/status", 3, _status),
    Call("GET", "/api/ua/v1/market/instrument", 4, _instruments),
    Call("GET", "/api/ua/v1/market/ticker", 15, _tickers),
    Call("GET", "/api/ua/v1/market/trade", 3, _trades),
    Call("GET", "/api/ua/v1/market/kline", 3, _klines),
    Call("GET", "/api/ua/v1/market/currency", 3, _currency),
    Call("GET", "/api/ua/v1/asset/currencies", 3,
         lambda query: [_with_chains(row, "items") for row in query.market.currencies()]),
    Call("GET", "/api/ua/v1/market/funding-rate", 2, lambda query: _rate(query, query.contract())),
    Call("GET", "/api/ua/v2/market/funding-rate", 3, _rates),
    Call("GET", "/api/ua/v1/market/funding-rate-history", 5, _past_rates),
    Call("GET", "/api/ua/v1/market/open-interest", 10, _open_interest),
)  # fmt: skip
