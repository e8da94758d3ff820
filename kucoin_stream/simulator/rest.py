"""The REST side of the exchange, from a request to an answer. Pure (protocol.md 8)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote

import msgspec

from kucoin_stream.protocol.messages import encode
from kucoin_stream.settings import Credentials
from kucoin_stream.simulator.account import Signed, authenticate
from kucoin_stream.simulator.calls import SPOT_CALLS
from kucoin_stream.simulator.futures.calls import FUTURES_CALLS
from kucoin_stream.simulator.market import Json, Market, RestError
from kucoin_stream.simulator.rest_call import Bullet, Call, Query
from kucoin_stream.simulator.trading.account import Account
from kucoin_stream.simulator.trading.account_calls import ACCOUNT_CALLS
from kucoin_stream.simulator.trading.futures_calls import FUTURES_ACCOUNT_CALLS
from kucoin_stream.simulator.trading.margin_calls import MARGIN_CALLS
from kucoin_stream.simulator.trading.reference_calls import FUTURES_REFERENCE_CALLS, REFERENCE_CALLS
from kucoin_stream.simulator.trading.spot_calls import SPOT_ORDER_CALLS

QUOTA = 2000  # weight per window of the public pool; protocol.md 8.1
WINDOW_MS = 30_000
FUTURES = "/futures"

Table = Mapping[str, Mapping[str, Call]]
"""Calls by path and method."""


def _table(prefix: str, calls: Iterable[Call]) -> Table:
    table: dict[str, dict[str, Call]] = {}
    for call in calls:
        table.setdefault(f"{prefix}{call.path}", {})[call.method] = call
    return table


_TABLES = {
    "": _table("", (*SPOT_CALLS, *ACCOUNT_CALLS, *SPOT_ORDER_CALLS, *MARGIN_CALLS, *REFERENCE_CALLS)),
    FUTURES: _table(FUTURES, (*FUTURES_CALLS, *FUTURES_ACCOUNT_CALLS, *FUTURES_REFERENCE_CALLS)),
}


def tables() -> Mapping[str, Table]:
    """Return what is served, by what the paths of a host begin with."""
    return _TABLES


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


class Rest:
    """Answers REST calls about one market: spot's as they are, those of classic futures below ``/futures``."""

    def __init__(
        self,
        market: Market,
        account: Account,
        credentials: Credentials,
        bullet: Bullet,
        old_book: Callable[[str], Json | None] = lambda _: None,
    ) -> None:
        self._market = market
        self._old_book = old_book
        self._account = account
        self._credentials = credentials
        self._bullet = bullet
        self._window_ms = 0
        self._spent = 0

    def __repr__(self) -> str:
        return f"<Rest of {self._market!r}>"

    def answer(self, request: Request, now_ns: int, clock_ns: int | None = None) -> Answer:
        """Answer a call at ``now_ns``, the market's time; ``clock_ns`` is what signatures are judged by, if another."""
        clock_ns = now_ns if clock_ns is None else clock_ns
        try:
            prefix = FUTURES if request.path.startswith(f"{FUTURES}/") else ""
            call, place = find(request.method, request.path, _TABLES[prefix])
            if call.signed:
                target = request.target.removeprefix(prefix)  # what a client signs begins at its base URL
                signed = Signed(request.method, target, request.body, request.headers)
                authenticate(signed, self._credentials, clock_ns // 1_000_000)
            data = call.handler(self._query(request, place, now_ns, clock_ns))
        except RestError as exc:
            return failure(exc.status, exc.code, exc.reason)
        headers = self._spend(call.weight, clock_ns // 1_000_000)
        return Answer(200, encode({"code": "200000", "data": data}), headers)

    def _query(self, request: Request, place: str, now_ns: int, clock_ns: int) -> Query:
        arguments = {name: values[-1] for name, values in parse_qs(request.target.partition("?")[2]).items()}
        body = _body(request)
        return Query(
            self._market, arguments, place, now_ns, request.headers.get("Host", ""), self._bullet, self._account,
            key=self._credentials.key, body=body if isinstance(body, dict) else {}, rows=body,
            clock_ns=clock_ns, old_book=self._old_book,
        )  # fmt: skip

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
