"""The REST calls of spot, and the book of the unified account: a row each (protocol.md 5.6, 8.2). Pure."""

from __future__ import annotations

from collections.abc import Callable

from kucoin_stream.protocol.topics import INTERVALS
from kucoin_stream.simulator.auction import Auction
from kucoin_stream.simulator.market import Json, RestError
from kucoin_stream.simulator.rest_call import Call, Query


def _symbols(query: Query) -> Json:
    return _of_market(query.market.symbols(), query)


def _symbols_v1(query: Query) -> Json:
    return _of_market(query.market.symbols_v1(), query)


def _of_market(symbols: list[Json], query: Query) -> list[Json]:
    market = query.arguments.get("market")
    return [symbol for symbol in symbols if market is None or symbol.get("market") == market]


def _symbol(query: Query) -> Json:
    name = query.symbol()
    return next(symbol for symbol in query.market.symbols() if symbol["symbol"] == name)


def _currency(query: Query) -> Json:
    for currency in query.market.currencies():
        if currency["currency"] == query.place:
            return currency
    raise RestError(400, "900003", "currency not exists")


def _all_tickers(query: Query) -> Json:
    return {"time": query.market.time_ns(query.now_ns) // 1_000_000, "ticker": query.market.all_tickers()}


def _candles(query: Query) -> Json:
    symbol, interval = query.symbol(), query.arguments.get("type", "")
    if interval not in INTERVALS:
        raise RestError(400, "400100", "Incorrect candlestick type")
    now_s = query.market.time_ns(query.now_ns) // 1_000_000_000
    return query.market.candles(symbol, interval, query.number("startAt", 0), query.number("endAt", now_s + 1))


def _timestamp(query: Query) -> Json:
    return query.market.time_ns(query.clock_ns) // 1_000_000


def _book(depth: int | None) -> Callable[[Query], Json]:
    return lambda query: query.book(depth)


def _auction(query: Query) -> Auction:
    symbol = query.symbol()
    auction = query.market.auction(symbol, query.now_ns)
    if auction is None:
        raise RestError(200, "400100", f"{symbol} is in no call auction")
    return auction


def _auction_book(depth: int) -> Callable[[Query], Json]:
    def handler(query: Query) -> Json:
        ladder = _auction(query).ladder
        bids, asks = (ladder.written(ladder.top(side, depth)) for side in ("bids", "asks"))
        return {"time": query.now_ns // 1_000_000, "sequence": "0", "bids": bids, "asks": asks}

    return handler


def _unified_book(query: Query) -> Json:
    """Documented as public; in practice only signed calls are served (protocol.md 5.6)."""
    kind, limit = query.arguments.get("tradeType"), query.arguments.get("limit", "")
    if kind not in ("SPOT", "FUTURES") or limit not in _LIMITS:
        raise RestError(400, "400100", "tradeType is SPOT or FUTURES, limit 20, 100 or FULL")
    if kind == "SPOT":
        symbol = query.symbol()
        book = query.book(_LIMITS[limit])
        shown = {name: book[name] for name in ("sequence", "bids", "asks")}
        return {"tradeType": kind, "symbol": symbol, **shown, "ts": query.market.time_ns(query.now_ns)}
    return {"tradeType": kind, **query.market.futures.unified_book(query.contract(), _LIMITS[limit])}


_LIMITS = {"20": 20, "100": 100, "FULL": None}

SPOT_CALLS: tuple[Call, ...] = (
    Call("GET", "/api/v1/timestamp", 3, _timestamp),
    Call("GET", "/api/v1/status", 3, lambda _: {"status": "open", "msg": ""}),
    Call("GET", "/api/v2/symbols", 4, _symbols),
    Call("GET", "/api/v2/symbols/*", 4, _symbol),
    Call("GET", "/api/v1/symbols", 4, _symbols_v1),
    Call("GET", "/api/v1/markets", 3, lambda query: query.market.markets()),
    Call("GET", "/api/v3/currencies", 3, lambda query: query.market.currencies()),
    Call("GET", "/api/v3/currencies/*", 3, _currency),
    Call("GET", "/api/v1/market/orderbook/level1", 2, lambda query: query.market.level1(query.symbol())),
    Call("GET", "/api/v1/market/orderbook/level2_20", 2, _book(20)),
    Call("GET", "/api/v1/market/orderbook/level2_100", 2, _book(100)),
    Call("GET", "/api/v3/market/orderbook/level2", 3, _book(None), signed=True),
    Call("GET", "/api/v1/market/orderbook/callauction/level2_20", 2, _auction_book(20)),
    Call("GET", "/api/v1/market/orderbook/callauction/level2_100", 2, _auction_book(100)),
    Call("GET", "/api/v1/market/callauctionData", 2, lambda query: _auction(query).data(query.now_ns)),
    Call("GET", "/api/v1/market/histories", 3, lambda query: query.market.trades(query.symbol())),
    Call("GET", "/api/v1/market/candles", 3, _candles),
    Call("GET", "/api/v1/market/allTickers", 15, _all_tickers),
    Call("GET", "/api/v1/market/stats", 15, lambda query: query.market.stats(query.symbol())),
    Call("GET", "/api/ua/v1/market/orderbook", 3, _unified_book, signed=True),
    Call("POST", "/api/v1/bullet-public", 10, lambda query: query.bullet("spot", False, query.host)),
    Call("POST", "/api/v1/bullet-private", 10, lambda query: query.bullet("spot", True, query.host), signed=True),
    Call("POST", "/api/v2/bullet-private", 10, lambda query: query.bullet("pro", True, query.host), signed=True),
)
