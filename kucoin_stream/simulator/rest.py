"""The REST side of the exchange, from a request to an answer. Pure (protocol.md 8)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote

import msgspec

from kucoin_stream.protocol.endpoints.pools import PUBLIC, pool_of
from kucoin_stream.protocol.messages import encode
from kucoin_stream.settings import Credentials
from kucoin_stream.simulator.account import Signed, authenticate
from kucoin_stream.simulator.calls import SPOT_CALLS
from kucoin_stream.simulator.futures.calls import FUTURES_CALLS
from kucoin_stream.simulator.futures.indices import INDEX_CALLS
from kucoin_stream.simulator.market import Json, Market, RestError
from kucoin_stream.simulator.quotas import Quotas, Spent
from kucoin_stream.simulator.rest_call import Bullet, Call, Query, plain
from kucoin_stream.simulator.trading.account import Account
from kucoin_stream.simulator.trading.account_calls import ACCOUNT_CALLS
from kucoin_stream.simulator.trading.dead_man_calls import DEAD_MAN_CALLS
from kucoin_stream.simulator.trading.futures_calls import FUTURES_ACCOUNT_CALLS
from kucoin_stream.simulator.trading.ledger_calls import LEDGER_CALLS
from kucoin_stream.simulator.trading.margin_calls import MARGIN_CALLS
from kucoin_stream.simulator.trading.oco_calls import OCO_CALLS
from kucoin_stream.simulator.trading.past_calls import PAST_CALLS
from kucoin_stream.simulator.trading.position_calls import POSITION_CALLS
from kucoin_stream.simulator.trading.reference_calls import FUTURES_REFERENCE_CALLS, REFERENCE_CALLS
from kucoin_stream.simulator.trading.spot_calls import SPOT_ORDER_CALLS
from kucoin_stream.simulator.trading.stop_calls import STOP_CALLS
from kucoin_stream.simulator.unified_calls import UNIFIED_CALLS
from kucoin_stream.simulator.unserved import unserved

FUTURES = "/futures"
TOO_MANY = "Too many requests in a short period of time, please retry later"  # protocol.md 8.1

Table = Mapping[str, Mapping[str, Call]]
"""Calls by path and method."""


ROWS: Mapping[str, tuple[Call, ...]] = {
    "": (
        *SPOT_CALLS,
        *UNIFIED_CALLS,
        *REFERENCE_CALLS,
        *ACCOUNT_CALLS,
        *LEDGER_CALLS,
        *MARGIN_CALLS,
        *SPOT_ORDER_CALLS,
        *STOP_CALLS,
        *OCO_CALLS,
        *DEAD_MAN_CALLS,
    ),
    FUTURES: (
        *FUTURES_CALLS,
        *INDEX_CALLS,
        *FUTURES_ACCOUNT_CALLS,
        *POSITION_CALLS,
        *PAST_CALLS,
        *FUTURES_REFERENCE_CALLS,
    ),
}
"""All calls, by what the paths of their host begin with."""


def _table(prefix: str, calls: Iterable[Call]) -> Table:
    table: dict[str, dict[str, Call]] = {}
    for call in calls:
        table.setdefault(f"{prefix}{call.path}", {})[call.method] = call
    return table


_TABLES = {prefix: _table(prefix, calls) for prefix, calls in ROWS.items()}


def tables() -> Mapping[str, Table]:
    """Return what is served, by what the paths of a host begin with."""
    return _TABLES


class Request(NamedTuple):
    """A REST call. ``target`` is path and query exactly as on the wire; header names are case-blind.

    ``peer`` is the client's address, ``seconds`` the time on a monotonic clock.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: str = ""
    peer: str = ""
    seconds: float = 0.0

    @property
    def path(self) -> str:
        """The path, without the query."""
        return unquote(self.target.partition("?")[0])


class Answer(NamedTuple):
    """A REST answer."""

    status: int
    body: bytes
    headers: Mapping[str, str] = MappingProxyType({})


class Rest:
    """Answers REST calls about one market: spot's as they are, those of classic futures below ``/futures``."""

    def __init__(
        self,
        market: Market,
        account: Account,
        credentials: Credentials,
        bullet: Bullet,
        old_book: Callable[[str], Json | None] = lambda _: None,
        quotas: Quotas | None = None,
    ) -> None:
        self._market = market
        self._old_book = old_book
        self._account = account
        self._credentials = credentials
        self._bullet = bullet
        self._quotas = quotas or Quotas()

    def __repr__(self) -> str:
        return f"<Rest of {self._market!r}>"

    def answer(self, request: Request, now_ns: int, clock_ns: int | None = None) -> Answer:
        """Answer a call at ``now_ns``, the market's time; ``clock_ns`` is what signatures are judged by, if another."""
        clock_ns = now_ns if clock_ns is None else clock_ns
        prefix = FUTURES if request.path.startswith(f"{FUTURES}/") else ""
        try:
            call, place = find(request.method, request.path, _TABLES[prefix])
            if call.signed:
                target = request.target.removeprefix(prefix)  # what a client signs begins at its base URL
                signed = Signed(request.method, target, request.body, request.headers)
                authenticate(signed, self._credentials, clock_ns // 1_000_000)
        except RestError as exc:
            return failure(exc.status, exc.code, exc.reason)
        spent = self._spend(call, request, prefix)
        headers = {} if spent is None else spent.headers
        if spent is not None and not spent.granted:
            return failure(429, "429000", TOO_MANY, headers)
        try:
            data = call.handler(self._query(request, place, now_ns, clock_ns))
        except RestError as exc:
            return failure(exc.status, exc.code, exc.reason, headers)
        return Answer(200, encode({"code": "200000", "data": data}), headers)

    def _query(self, request: Request, place: str, now_ns: int, clock_ns: int) -> Query:
        arguments = {name: values[-1] for name, values in parse_qs(request.target.partition("?")[2]).items()}
        body = _body(request)
        return Query(
            self._market, arguments, place, now_ns, request.headers.get("Host", ""),
            plain(self._bullet, request.headers.get("User-Agent", "")), self._account,
            key=self._credentials.key, body=body if isinstance(body, dict) else {}, rows=body,
            clock_ns=clock_ns, old_book=self._old_book,
        )  # fmt: skip

    def _spend(self, call: Call, request: Request, prefix: str) -> Spent | None:
        pool = pool_of("futures" if prefix else "spot", call.path, signed=call.signed)
        who = request.peer if pool == PUBLIC else self._credentials.key
        return self._quotas.spend(pool, call.weight, who, request.seconds)


def failure(status: int, code: str, reason: str, headers: Mapping[str, str] = MappingProxyType({})) -> Answer:
    """Return an error as an answer."""
    return Answer(status, encode({"code": code, "msg": reason}), headers)


def find(method: str, path: str, table: Table) -> tuple[Call, str]:
    """Return the row of a call and what stands for ``*`` in its path."""
    parts = path.split("/")
    known = False
    for index in (None, len(parts) - 1, len(parts) - 2):  # no *, the last part, the one before
        place = "" if index is None else parts[index]
        calls = table.get(path if index is None else "/".join([*parts[:index], "*", *parts[index + 1 :]]), {})
        if method in calls:
            return calls[method], place
        known = known or bool(calls)
    if absent := unserved(path.removeprefix(FUTURES)):
        raise absent
    if known:
        raise RestError(405, "405000", f"Request method '{method}' not supported")
    raise RestError(404, "404000", "Url Not Found")


def _body(request: Request) -> Any:
    """What a body says; an empty object where there is none."""
    if not request.body.strip():
        return {}
    if not request.headers.get("Content-Type", "").startswith("application/json"):
        raise RestError(415, "415000", "Unsupported Media Type")
    try:
        return msgspec.json.decode(request.body)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise RestError(400, "400100", "The body is not JSON") from None
