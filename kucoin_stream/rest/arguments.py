"""What users pass to a call, checked against its row and written as KuCoin wants it, before anything is sent."""

from __future__ import annotations

import difflib
import uuid
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from numbers import Integral
from operator import index
from typing import Any

from kucoin_stream.checks import nearest
from kucoin_stream.errors import UsageError
from kucoin_stream.protocol.endpoints.endpoint import INSTANTS, Endpoint, Param, snake
from kucoin_stream.rest.times import day, instant

_SECRET = frozenset({"passphrase", "password", "factorValue"})

_OWN = "clientOid"

Given = dict[str, Any]
"""Values as they are sent, by KuCoin's names."""


def check(row: Endpoint, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Given:
    """Return the arguments of a call under KuCoin's names.

    ``args`` are the required ones in their order; what is ``None`` counts as not given. Raises :class:`UsageError` for
    a name or a value that the row does not know, with the nearest, and for what is missing.
    """
    call = f"{row.group}.{row.name}"
    params = row.arguments
    first = [param for param in params if param.required]
    if len(args) > len(first):
        raise UsageError(f"{call} takes {len(first)} arguments without a name, not {len(args)}")
    named = [(param.snake, each) for param, each in zip(first, args, strict=False)]
    return _checked(call, row, params, [*named, *kwargs.items()])


def named(row: Endpoint, given: Given) -> Given:
    """Return arguments with a ``clientOid`` in each order that has none, by which one in doubt can be found."""
    if not row.changes:
        return given
    keys = {param.name for param in row.params}
    if {"side", _OWN} <= keys:
        return {_OWN: uuid.uuid4().hex} | given
    for param in row.params:
        if param.type == "array<object>" and {f"{param.name}[].side", f"{param.name}[].{_OWN}"} <= keys:
            each = given.get(param.name, ())
            given = given | {param.name: [{_OWN: uuid.uuid4().hex} | order for order in each]}
    return given


def _checked(call: str, row: Endpoint, params: Sequence[Param], given: Iterable[tuple[str, Any]]) -> Given:
    known = {name: param for param in params for name in (param.snake, snake(param.key), param.key)}
    found: Given = {}
    for name, value in given:
        param = known.get(name)
        if param is None:
            raise UsageError(f"{call} has no {name!r}{_hint(str(name), [each.snake for each in params])}")
        if _key(param) in found:
            raise UsageError(f"{call}: {param.snake} is given twice")
        if value is not None:
            found[_key(param)] = _written(call, row, param, value)
    missing = [param.snake for param in params if param.required is True and _key(param) not in found]
    if missing:
        raise UsageError(f"{call} needs {', '.join(f'{name}=' for name in missing)}")
    return found


def _key(param: Param) -> str:
    """Return the name under which a value is sent, within its object if it is nested."""
    return param.name if "." not in param.name else param.key


def _hint(name: str, known: Sequence[str]) -> str:
    near = nearest(name, known) or difflib.get_close_matches(name, known, 1)
    if near:
        return f"; did you mean {near[0]}?"
    return f"; there are: {', '.join(known)}" if known else "; it takes no arguments"


def _written(call: str, row: Endpoint, param: Param, value: Any) -> Any:
    """Return a value as it is sent; an :class:`UsageError` says which argument of which call is wrong."""
    try:
        if param.type == "array<object>":
            parts = row.parts(param.name)
            return [_checked(f"{call} ({param.snake})", row, parts, _items(each)) for each in _list(value)]
        if param.type == "object":
            return _checked(f"{call} ({param.snake})", row, row.parts(param.name), _items(value))
        if param.type == "array<string>":
            return [_text(each) for each in _list(value)]
        return _chosen(param, _scalar(param, value))
    except UsageError as exc:
        if str(exc).startswith(call):
            raise
        raise UsageError(f"{call}: {param.snake}: {exc}") from None
    except (TypeError, ValueError, InvalidOperation):
        shown = "" if param.key in _SECRET else f", not {repr(value)[:50]}"
        raise UsageError(f"{call}: {param.snake} is {_a(param.type)}{shown}") from None


def _scalar(param: Param, value: Any) -> Any:
    if param.unit in INSTANTS:
        return instant(value, param.unit)
    if param.unit == "yyyymmdd":
        return day(value)
    match param.type:
        case "decimal":
            return f"{_exact(value):f}"
        case "number":
            number = _exact(value)
            return int(number) if number == number.to_integral_value() else number
        case "integer":
            return index(value) if not isinstance(value, (str, bool, Decimal, float)) else _integer(value)
        case "boolean":
            return _truth(value)
    return _text(value)


def _chosen(param: Param, value: Any) -> Any:
    """Return ``value`` if it is one of the row's; a different case is forgiven in the error, not in the call."""
    if not param.enum or param.type == "boolean":
        return value
    for each in param.enum:
        if str(each) == str(value):
            return each
    known = [str(each) for each in param.enum]
    raise UsageError(f"no such value {str(value)[:50]!r}; there are: {', '.join(known)}{_near(str(value), known)}")


def _near(value: str, known: Sequence[str]) -> str:
    near = nearest(value, known)
    return f"; did you mean {near[0]}?" if near else ""


def _exact(value: Any) -> Decimal:
    """Return a number as it was written: a float by its repr."""
    if isinstance(value, bool):
        raise TypeError
    number = Decimal(repr(float(value)) if isinstance(value, float) else str(value))  # numpy's repr says more
    if not number.is_finite():
        raise ValueError
    return number


def _integer(value: Any) -> int:
    number = _exact(value)
    if number != number.to_integral_value():
        raise ValueError
    return int(number)


def _truth(value: Any) -> bool:
    if value in ("true", "false"):
        return bool(value == "true")
    if isinstance(value, bool) or type(value).__name__ in {"bool", "bool_"}:
        return bool(value)
    raise TypeError


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, (list, tuple)):  # KuCoin's way to write several symbols, currencies or orders
        return ",".join(map(_text, value))
    if isinstance(value, bool) or not isinstance(value, (Integral, float, Decimal)):
        raise TypeError
    return f"{_exact(value):f}"


def _list(value: Any) -> list[Any]:
    if isinstance(value, (str, bytes, Mapping)):
        raise TypeError
    return list(value)


def _items(value: Any) -> Iterable[tuple[str, Any]]:
    if not isinstance(value, Mapping):
        raise UsageError(f"each is a dict, not {type(value).__name__}")
    return value.items()


def _a(kind: str) -> str:
    return {
        "decimal": "a number", "number": "a number", "integer": "a whole number", "boolean": "True or False",
        "array<object>": "a list of dicts", "array<string>": "a list of texts", "object": "a dict",
    }.get(kind, "text")  # fmt: skip
