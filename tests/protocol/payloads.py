"""The real messages beside the repository: one case each, or one skipped case where they are not there.

``python -m tests.protocol.payloads`` prints what becomes of them, by family.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import strategies as st
from msgspec import inspect

from kucoin_stream.errors import RemoteProtocolError
from kucoin_stream.protocol.decoding import decode
from kucoin_stream.protocol.messages.envelope import Push
from kucoin_stream.protocol.messages.mending import OTHER_NAMES
from kucoin_stream.protocol.topic import Connection

SHARED = Path(__file__).resolve().parents[3] / "shared"

RETIRED = ("spot_level3_legacy", "margin_loan_legacy", "margin_funding_book", "futures_level3_legacy")
"""Families of topics that are gone (protocol.md 4.0)."""


def lines(family: str) -> list[tuple[str, bytes]]:
    """Return the messages of ``family`` as ``(name, bytes as they might have come)``."""
    file = SHARED / "payloads" / f"{family}.jsonl"
    if not file.is_file():
        return []

    class Line(msgspec.Struct):
        message: msgspec.Raw

    decoder = msgspec.json.Decoder(Line)
    return [
        (f"{family}-{number}", bytes(decoder.decode(line).message))
        for number, line in enumerate(file.read_bytes().splitlines())
    ]


def cases(*families: str) -> list[Any]:
    """Return pytest's parameters for every message of ``families``, with the message as it was found."""
    found = [pytest.param(data, id=name) for family in families for name, data in lines(family)]
    return found or [pytest.param(b"", marks=pytest.mark.skip(reason="no ../shared/payloads here"))]


def loads(data: bytes) -> Any:
    """Decode without this package."""
    return json.loads(data)


# -- by family ---------------------------------------------------------------------------------------------------


def families() -> list[str]:
    """Return the families of messages that travel on a socket."""
    names = sorted(file.stem for file in (SHARED / "payloads").glob("*.jsonl"))
    return [name for name in names if not name.startswith("rest_")]


def connection(family: str) -> Connection:
    """Return a connection of the generation that such messages travel on."""
    if family.startswith("wsapi"):
        return Connection.SPOT_ORDERS
    return Connection.PRIVATE_PRO if "pro" in family.split("_") else Connection.SPOT_PRIVATE


class Row(NamedTuple):
    """What becomes of the messages of a family."""

    family: str
    messages: int
    decoded: int
    refused: dict[str, str]  # the reason, by name
    unread: set[str]  # keys of payloads that no field takes


def row(family: str) -> Row:
    """Decode the messages of a family."""
    messages, refused, left = lines(family), {}, set()
    for name, data in messages:
        try:
            message = decode(data, connection(family))
        except RemoteProtocolError as exc:
            refused[name] = str(exc)
            continue
        if isinstance(message, Push):
            wire = loads(data)
            left |= unread(message.data, wire["d"] if "d" in wire else wire["data"])
    return Row(family, len(messages), len(messages) - len(refused), refused, left)


def unread(payload: Any, wire: Any) -> set[str]:
    """Return the keys of a JSON object that its struct, or one inside it, does not have."""
    if isinstance(payload, list):
        return set().union(*(unread(ours, each) for ours, each in zip(payload, wire, strict=True)))
    if isinstance(payload, dict):
        return set().union(*(unread(payload[key], wire[key]) for key in wire))
    if not isinstance(wire, dict):
        return set()
    kind = type(payload)
    names = dict(zip(kind.__struct_encode_fields__, kind.__struct_fields__, strict=True))
    others = {other: names[key] for key, other in OTHER_NAMES.get(kind, {}).items() if key not in wire}
    names = others | names
    inner = (unread(getattr(payload, names[key]), wire[key]) for key in wire if key in names)
    return {key for key in wire if key not in names}.union(*inner)


# -- any message -------------------------------------------------------------------------------------------------


def values(kind: inspect.Type, name: str = "") -> st.SearchStrategy[Any]:
    """Return a strategy for what a field of this type and name holds once it is made."""
    match kind:
        case inspect.Metadata(type=inner):
            return values(inner, name)
        case inspect.UnionType(types=types):
            return st.one_of(values(each, name) for each in made(types))
        case inspect.FloatType(ge=least, le=most):
            return st.floats(least, most)
        case inspect.IntType(ge=least, le=most):
            return _integers(name, least, most)
        case inspect.StrType(min_length=least):
            return st.text(min_size=least or 0, max_size=5)
        case inspect.BoolType():
            return st.booleans()
        case inspect.NoneType():
            return st.none()
    return _collections(kind)


def _collections(kind: inspect.Type) -> st.SearchStrategy[Any]:
    match kind:
        case inspect.ListType(item_type=item, min_length=least, max_length=most):
            return st.lists(values(item), min_size=least or 0, max_size=most or 3)
        case inspect.TupleType(item_types=items):
            return st.tuples(*map(values, items))
        case inspect.VarTupleType(item_type=item, min_length=least, max_length=most):
            return st.lists(values(item), min_size=least, max_size=most).map(tuple)
        case inspect.DictType(key_type=key, value_type=value):
            return st.dictionaries(values(key), values(value), max_size=3)
        case inspect.StructType(cls=cls, fields=each):
            return st.builds(cls, **{field.name: values(field.type, field.name) for field in each})
    raise AssertionError(kind)


def made(types: tuple[inspect.Type, ...]) -> list[inspect.Type]:
    """Return what a union is in a message once made: without the blanks and numbers that only the wire has."""
    text = any(isinstance(each, inspect.StrType) for each in types)
    return [
        each
        for each in types
        if not isinstance(each, inspect.LiteralType)
        and not (text and isinstance(each, inspect.IntType | inspect.BoolType))
    ]


def _integers(name: str, least: int, most: int) -> st.SearchStrategy[int]:
    """Return integers; times of an age in which their units cannot be taken for each other."""
    return st.integers(0, 10**14 - 1) if name.endswith("_ms") else st.integers(least, most)


# -- the table ---------------------------------------------------------------------------------------------------


def table() -> str:
    """Return the rows of all families as Markdown."""
    rows = [row(family) for family in families()]
    head = ["| family | messages | decoded | refused | fields left unread |", "|---|--:|--:|--:|---|"]
    body = [
        f"| {each.family} | {each.messages} | {each.decoded} | {len(each.refused)} |"
        f" {', '.join(sorted(each.unread)) or '-'} |"
        for each in rows
    ]
    total = f"| all | {sum(r.messages for r in rows)} | {sum(r.decoded for r in rows)} | "
    total += f"{sum(len(r.refused) for r in rows)} | |"
    reasons = [f"{name}: {reason}" for each in rows for name, reason in each.refused.items()]
    return "\n".join([*head, *body, total, "", *reasons])


if __name__ == "__main__":
    print(table())
