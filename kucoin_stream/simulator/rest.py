"""The REST side of the exchange: a table of calls, from a request to an answer. Pure (protocol.md 8)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import parse_qs, unquote

from kucoin_stream.protocol.messages import encode
from kucoin_stream.protocol.topics import INTERVALS
from kucoin_stream.settings import Credentials
from kucoin_stream.simulator.account import Signed, authenticate
from kucoin_stream.simulator.market import Json, Market, RestError

QUOTA = 2000  # weight per window of the public pool; protocol.md 8.1
WINDOW_MS = 30_000


class Request(NamedTuple):
    """A REST call. ``target`` is path and query exactly as on the wire; header names are case-blind."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: str = ""

    @property
    def path(self) -> str:
        """The path, without the query."""
        return unquote(self.target.partition("?")[0])


class Answer(NamedTuple):
    """A REST answer."""

    status: int
    body: bytes
    headers: Mapping[str, str] = MappingProxyType({})


class Query(NamedTuple):
    """What a call's handler sees."""

    market: Market
    arguments: dict[str, str]
    place: str  # what stands for * in the path
    now_ns: int
    host: str  # what the client calls this exchange
    bullet: Callable[[bool, str], Json]

    def symbol(self) -> str:
        """Return the symbol asked for."""
        symbol = self.arguments.get("symbol") or self.place
        if not symbol:
            raise RestError(400, "400100", "symbol: must not be empty")
        if not self.market.has_symbol(symbol):
            raise RestError(400, "900001", f"The symbol {symbol} not exists")
        return symbol


class Call(NamedTuple):
    """A row of the table."""

    method: str
    path: str
    weight: int
    handler: Callable[[Query], Json]
    signed: bool = False


class Rest:
    """Answers REST calls about one market. ``bullet(private, host)`` makes the data of a token answer."""

    def __init__(self, market: Market, credentials: Credentials, bullet: Callable[[bool, str], Json]) -> None:
        self._market = market
        self._credentials = credentials
        self._bullet = bullet
        self._window_ms = 0
        self._spent = 0

    def __repr__(self) -> str:
        return f"<Rest of {self._market!r}>"

    def answer(self, request: Request, now_ns: int) -> Answer:
        """Answer a call. ``now_ns`` is the wall clock's time."""
        try:
            call, place = find(request.method, request.path)
            if call.signed:
                signed = Signed(request.method, request.target, request.body, request.headers)
                authenticate(signed, self._credentials, now_ns // 1_000_000)
            arguments = {name: values[-1] for name, values in parse_qs(request.target.partition("?")[2]).items()}
            data = call.handler(
                Query(self._market, arguments, place, now_ns, request.headers.get("Host", ""), self._bullet)
            )
        except RestError as exc:
            return failure(exc.status, exc.code, exc.reason)
        headers = self._spend(call.weight, now_ns // 1_000_000)
        return Answer(200, encode({"code": "200000", "data": data}), headers)

    def _spend(self, weight: int, now_ms: int) -> dict[str, str]:
        """Count a call and return KuCoin's headers about it. The quota is shown, not enforced."""
        if now_ms - self._window_ms >= WINDOW_MS:
            self._window_ms, self._spent = now_ms, 0
        self._spent += weight
        return {
            "gw-ratelimit-limit": str(QUOTA),
            "gw-ratelimit-remaining": str(max(0, QUOTA - self._spent)),
            "gw-ratelimit-reset": str(self._window_ms + WINDOW_MS - now_ms),
        }


def failure(status: int, code: str, reason: str) -> Answer:
    """Return an error as an answer."""
    return Answer(status, encode({"code": code, "msg": reason}))


def find(method: str, path: str) -> tuple[Call, str]:
    """Return the row of a call and what stands for ``*`` in its path."""
    head, _, tail = path.rpartition("/")
    calls = _TABLE.get(path), _TABLE.get(f"{head}/*")
    for call, place in zip(calls, ("", tail), strict=True):
        if call is not None:
            if call.method != method:
                raise RestError(405, "405000", f"Request method '{method}' not supported")
            return call, place
    raise RestError(404, "404000", "Url Not Found")


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
    return query.market.candles(symbol, interval, _seconds(query, "startAt", 0), _seconds(query, "endAt", now_s + 1))


def _seconds(query: Query, name: str, default: int) -> int:
    """A time in seconds; absent or 0: the default."""
    given = query.arguments.get(name, "0")
    if not given.isdecimal() or len(given) > 12:
        raise RestError(400, "400100", f"{name} is not a time in seconds")
    return int(given) or default


def _book(depth: int | None) -> Callable[[Query], Json]:
    return lambda query: query.market.book(query.symbol(), depth)


CALLS: tuple[Call, ...] = (
    Call("GET", "/api/v1/timestamp", 3, lambda query: query.market.time_ns(query.now_ns) // 1_000_000),
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
    Call("GET", "/api/v1/market/histories", 3, lambda query: query.market.trades(query.symbol())),
    Call("GET", "/api/v1/market/candles", 3, _candles),
    Call("GET", "/api/v1/market/allTickers", 15, _all_tickers),
    Call("GET", "/api/v1/market/stats", 15, lambda query: query.market.stats(query.symbol())),
    Call("POST", "/api/v1/bullet-public", 10, lambda query: query.bullet(False, query.host)),
    Call("POST", "/api/v1/bullet-private", 10, lambda query: query.bullet(True, query.host), signed=True),
)

_TABLE = {call.path: call for call in CALLS}
