"""Signature and docstring of a call, written from its row."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from decimal import Decimal
from inspect import Parameter, Signature
from typing import Any, Literal

import pandas as pd

from kucoin_stream.protocol import endpoints
from kucoin_stream.protocol.endpoints.endpoint import INSTANTS, NO_PATH, Endpoint, Field, Param, field, snake
from kucoin_stream.rest.answers import OF_PAGES, columns_of
from kucoin_stream.rest.record import Record
from kucoin_stream.rest.times import Time

WIDTH = 120
_TYPES: dict[str, Any] = {
    "decimal": Decimal | str | int | float, "number": Decimal | str | int | float, "integer": int, "boolean": bool,
    "array<string>": list[str], "array<object>": list[dict[str, Any]], "object": dict[str, Any],
}  # fmt: skip
_RAW = Parameter("raw", Parameter.KEYWORD_ONLY, default=False, annotation=bool)
_EXACT = Parameter("exact", Parameter.KEYWORD_ONLY, default=False, annotation=bool)
_MAX_ROWS = Parameter("max_rows", Parameter.KEYWORD_ONLY, default=None, annotation=int | None)

_STYLES = {
    "page": "Pages are followed to the last, unless you ask for one; ``max_rows`` ends it sooner.",
    "cursor": "The list is followed to its end, unless you ask for a place in it; ``max_rows`` ends it sooner.",
    "time": "With a begin, the whole span is fetched in as many calls as it takes; ``max_rows``: the newest only.",
}


def signature(row: Endpoint) -> Signature:
    """Return the parameters: required ones first. A default is what the exchange assumes; it is not sent."""
    options = [_RAW, _EXACT, *([_MAX_ROWS] if row.paging else [])]
    return Signature([*map(_parameter, row.arguments), *options], return_annotation=_returned(row))


def _parameter(param: Param) -> Parameter:
    kind = Literal[param.enum] if param.enum else _TYPES.get(param.type, str)
    if param.unit in INSTANTS or param.unit == "yyyymmdd":
        kind = Time
    if param.required is True:
        return Parameter(param.snake, Parameter.POSITIONAL_OR_KEYWORD, annotation=kind)
    place = Parameter.POSITIONAL_OR_KEYWORD if param.required else Parameter.KEYWORD_ONLY
    return Parameter(param.snake, place, default=param.default, annotation=kind | None)


def _returned(row: Endpoint) -> Any:
    if row.kind == "scalar":
        return {"integer": int, "boolean": bool}.get(field(row.fields[""]).type, str) if row.fields else Any
    if row.kind == "object" and not row.rows_key:
        return Record
    return list if list(row.fields) == [""] else pd.DataFrame


def document(row: Endpoint) -> str:
    """Return the docstring: what it costs and needs, what goes in and what comes out, with units."""
    parts = [f"{row.title}.", _facts(row), *_arguments(row), *_answer(row), *_paging(row), _ways_out(row)]
    return "\n\n".join(parts)


def _facts(row: Endpoint) -> str:
    if row.path == NO_PATH:
        return "No source gives the path of this call, so it cannot be made."
    needs = {"none": "Public", "signed": "Needs a key"}.get(row.auth, f"Needs a key with the permission {row.auth}")
    cost = f"weight {row.weight}" if row.weight is not None else "weight not documented"
    pool = f" of the pool {row.pool}" if row.pool else ""
    cap = ", cap=..." if row.group in endpoints.with_orders() else ""
    armed = f" Changes something: ``client.rest.arm({row.group!r}, target=...{cap})`` first." if row.changes else ""
    return _wrapped(f"``{row.method} {row.path}`` ({row.host} host; protocol.md 8). {needs}; {cost}{pool}.{armed}")


def _arguments(row: Endpoint) -> Iterable[str]:
    if row.params:
        yield "Arguments:\n" + "\n".join(_argument(row, param) for param in row.arguments)


def _argument(row: Endpoint, param: Param) -> str:
    inner = ", ".join(part.snake for part in row.parts(param.name))
    facts = [
        f"datetime, ISO text or Unix {param.unit}" if param.unit in INSTANTS else _kind(param.type, param.unit),
        {True: "required", "doubtful": "required by some sources"}.get(param.required, ""),
        f"one of {', '.join(map(str, param.enum))}" if param.enum else "",
        f"the exchange assumes {param.default}" if param.default is not None else "",
        f"of {inner}" if inner else "",
    ]
    return _wrapped(f"{param.snake}: {', '.join(filter(None, facts))}", "    ")


def _answer(row: Endpoint) -> Iterable[str]:
    if _returned(row) is pd.DataFrame:
        columns = {snake(name.replace(".", "_")): kind for name, kind in columns_of(row.fields).items()}
        yield _wrapped(f"Columns: {_listed(columns)}.")
        beside = {
            snake(name.replace(".", "_")): kind for name, kind in columns_of(row.outer).items() if name not in OF_PAGES
        }
        if beside:
            yield _wrapped(f"Beside the rows, in ``attrs``: {_listed(beside)}.")
    elif row.fields:
        fields = {".".join(map(snake, name.split("."))): field(text) for name, text in row.fields.items()}
        yield _wrapped(f"Returns: {_listed(fields)}.")


def _listed(fields: dict[str, Field]) -> str:
    return ", ".join(_described(name, kind) for name, kind in fields.items())


def _described(name: str, kind: Field) -> str:
    what = _kind(kind.type, kind.unit) + (f", one of {', '.join(kind.enum)}" if kind.enum else "")
    return f"{name} ({what})" if name not in {"", "*"} else what


def _kind(kind: str, unit: str) -> str:
    if unit in INSTANTS:
        return f"time, Unix {unit} on the wire"
    kind = {"decimal": "number", "array<array>": "DataFrame of price and size", "array<object>": "rows"}.get(kind, kind)
    return f"{kind} in {unit}" if unit else kind


def _paging(row: Endpoint) -> Iterable[str]:
    if row.paging:
        yield _wrapped(_STYLES[row.paging.partition(":")[0]])


def _ways_out(row: Endpoint) -> str:
    exact = "``exact=True`` gives Decimals instead of floats. " if row.fields else ""
    return _wrapped(
        f"{exact}``raw=True`` makes one call and returns its data as sent. Raises as :class:`RestApi` says."
    )


def _wrapped(text: str, indent: str = "") -> str:
    return textwrap.fill(text, WIDTH, initial_indent=indent, subsequent_indent=indent * 2, break_long_words=False)
