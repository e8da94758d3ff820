"""A call as it is sent: path, query and body of checked arguments (protocol.md 2.1)."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import msgspec

from kucoin_stream.errors import UsageError
from kucoin_stream.protocol import endpoints
from kucoin_stream.protocol.endpoints.changes import OTHER, Change
from kucoin_stream.protocol.endpoints.endpoint import NO_PATH, Endpoint, Host, snake
from kucoin_stream.transport.caller import Call

_PLAIN = ",:@$"  # legal in a query as they are: escaped or not, the signature covers the same text
_EXACT: msgspec.json.Decoder[Any] = msgspec.json.Decoder(float_hook=Decimal)
_BODY = msgspec.json.Encoder(decimal_format="number")


def call_of(row: Endpoint, given: Mapping[str, Any]) -> Call:
    """Return what is sent for ``given``, which :func:`check` has seen, and what a pager adds.

    Raises :class:`UsageError` where no source gives the path.
    """
    if row.path == NO_PATH:
        raise UsageError(f"{row.group}.{row.name}: no source gives its path")
    places = {param.name: param.place for param in row.params}
    path = row.path
    for name in (name for name in given if places[name] == "path"):
        path = path.replace(f"{{{name}}}", _part(name, _text(given[name])))
    query = {name: each for name, each in given.items() if places[name] == "query"}
    body = {name: each for name, each in given.items() if places[name] == "body"}
    return Call(
        row.host, row.method, target(path, query), json(body.get("[]", body)) if "body" in places.values() else "",
        signed=row.signed, pool=row.pool, weight=1 if row.weight is None else row.weight,
    )  # fmt: skip


def _part(name: str, text: str) -> str:
    if text in {"", ".", ".."}:
        raise UsageError(f"{snake(name)}={text!r} cannot stand in a path")
    return quote(text, safe="")


def target(path: str, query: Mapping[str, Any]) -> str:
    """Return path and query as they are sent and signed."""
    return f"{path}?{urlencode({name: _text(each) for name, each in query.items()}, safe=_PLAIN)}" if query else path


def json(body: Any) -> str:
    """Return a body; Decimals become exact JSON numbers."""
    return _BODY.encode(body).decode()


def own(host: Host, method: str, path: str, query: Mapping[str, Any], body: Any, *, signed: bool) -> Call:
    """Return a call by path; raise :class:`UsageError` where that is none of KuCoin's."""
    bad = set("?#\\ %").intersection(path) or not path.isascii() or not path.isprintable()
    if not path.startswith("/api/") or bad or {"", ".", ".."}.intersection(path.split("/")[1:]):
        raise UsageError(f"not a path: {path[:100]!r}; write it as '/api/v1/accounts', arguments apart")
    return Call(host, method, target(path, query), "" if body is None else json(body), signed=signed)


def change_of(call: Call, row: Endpoint | None) -> Change:
    """Return a call as its guard sees it: what is in it as it is sent. Calls that nobody knows are a group."""
    args = _EXACT.decode(call.body) if call.body else dict(parse_qsl(call.target.partition("?")[2]))
    if row is None:
        return Change(OTHER, str(call), args)
    cancels = row.method == "DELETE" and row.group in endpoints.with_orders()
    return Change(row.group, f"{row.group}.{row.name}", args, cancels)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value:f}"
    return ",".join(map(_text, value)) if isinstance(value, (list, tuple)) else str(value)
