"""The REST calls of classic futures: a row each (protocol.md 8.3). Pure."""

from __future__ import annotations

from collections.abc import Callable

from kucoin_stream.simulator.market import Json, RestError
from kucoin_stream.simulator.rest_call import Call, Query

_MINUTES = {
    "1": "1min",
    "3": "3min",
    "5": "5min",
    "15": "15min",
    "30": "30min",
    "60": "1hour",
    "120": "2hour",
    "240": "4hour",
    "480": "8hour",
    "720": "12hour",
    "1440": "1day",
    "10080": "1week",
    "43200": "1month",
}


def _book(depth: int | None) -> Callable[[Query], Json]:
    return lambda query: query.contract_book(depth)


def _klines(query: Query) -> Json:
    index = query.market.futures.indexed(query.arguments.get("symbol", ""))
    symbol, interval = index or query.contract(), _MINUTES.get(query.arguments.get("granularity", ""))
    if interval is None:
        raise RestError(400, "100001", "granularity is not supported")
    begin, end = query.number("from", 0), query.number("to", query.now_ns // 1_000_000)
    return query.market.futures.candles(symbol, interval, begin, end, of_index=bool(index))


FUTURES_CALLS: tuple[Call, ...] = (
    Call("GET", "/api/v1/timestamp", 2, lambda query: query.market.time_ns(query.clock_ns) // 1_000_000),
    Call("GET", "/api/v1/status", 4, lambda _: {"status": "open", "msg": ""}),
    Call("GET", "/api/v1/contracts/active", 3, lambda query: query.market.futures.contracts(query.now_ns)),
    Call("GET", "/api/v1/contracts/*", 3, lambda query: query.market.futures.contract(query.contract(), query.now_ns)),
    Call("GET", "/api/v1/ticker", 2, lambda query: query.market.futures.ticker(query.contract())),
    Call("GET", "/api/v1/allTickers", 5, lambda query: query.market.futures.tickers()),
    Call("GET", "/api/v1/level2/snapshot", 3, _book(None)),
    Call("GET", "/api/v1/level2/depth20", 5, _book(20)),
    Call("GET", "/api/v1/level2/depth100", 5, _book(100)),
    Call("GET", "/api/v1/trade/history", 5, lambda query: query.market.futures.trades(query.contract())),
    Call("GET", "/api/v1/kline/query", 3, _klines),
    Call(
        "GET", "/api/v1/mark-price/*/current", 3,
        lambda query: query.market.futures.mark_price(query.contract(), query.now_ns),
    ),
    Call(
        "GET", "/api/v1/funding-rate/*/current", 2,
        lambda query: query.market.futures.funding_rate(query.contract(), query.now_ns),
    ),
    Call("POST", "/api/v1/bullet-public", 10, lambda query: query.bullet("futures", False, query.host)),
    Call("POST", "/api/v1/bullet-private", 10, lambda query: query.bullet("futures", True, query.host), signed=True),
)  # fmt: skip
