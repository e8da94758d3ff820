"""The second reading of a payload that did not fit its type: what other years wrote, in the form of this one.

It takes what the first one takes, and besides: empty text, or ``null``, for what may be absent; identifiers written as
numbers; times in another unit; the other names in :data:`OTHER_NAMES`; a symbol that only the topic says. What has no
price, no symbol or no identity stays malformed. Slow, and reached only by what was refused.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from kucoin_stream.protocol.messages import (
    MILLISECONDS,
    NANOSECONDS,
    SECONDS,
    decoder,
    futures,
    futures_account,
    in_unit,
    pro,
    spot,
)

T = TypeVar("T")

_type_info = cache(inspect.type_info)

_AUCTION = {
    "symbol": "s", "estimatedPrice": "ep", "estimatedSize": "es", "sellOrderRangeLowPrice": "slp",
    "sellOrderRangeHighPrice": "shp", "buyOrderRangeLowPrice": "blp", "buyOrderRangeHighPrice": "bhp", "time": "ts",
}  # fmt: skip

OTHER_NAMES: Mapping[type[Any], Mapping[str, str]] = {
    spot.CallAuction: _AUCTION,  # as the Pro channel of the same data writes them (6.5.7)
    spot.SnapshotData: {"symbol": "symbolCode"},  # which repeats it (4.10)
    futures.Trade: {"ts": "time", "size": "matchSize"},  # old documents (4.25)
    pro.Book: {"O": "E", "C": "E"},  # an early sample (6.5.4)
    pro.MarkPrice: {"mp": "mP", "ip": "iP"},  # KuCoin's node SDK (6.5.6)
    pro.FundingRate: {"fr": "fR", "ft": "fT"},  # the same
}
"""By type: the name of a field, and where its value stands when that is missing."""

_BARE: Mapping[type[Any], str] = {futures_account.Leverage: "leverage"}
"""By type: the field that may stand for the whole of it."""

_TIMES = (NANOSECONDS, MILLISECONDS, SECONDS)


def decode_payload(
    kind: type[T], data: bytes | bytearray | memoryview | msgspec.Raw, told: Mapping[str, str] | None = None
) -> T:
    """Decode ``data`` into ``kind``, in a second way where the first fails.

    ``told`` is what else is known, by the names of the wire; it counts for what the data do not say. Raises as
    ``decoder(kind).decode`` does, with what the first reading found.
    """
    try:
        return decoder(kind).decode(data)
    except msgspec.ValidationError:
        with contextlib.suppress(msgspec.ValidationError):
            value = msgspec.json.decode(data)
            if told and value and isinstance(value, dict):
                value = {**told, **{name: each for name, each in value.items() if each is not None}}
            mended = mend(value, _type_info(kind))  # type: ignore[arg-type]  # types are hashable
            return msgspec.convert(mended, kind, strict=False)
        raise


def mend(value: Any, kind: inspect.Type) -> Any:
    """Return a decoded JSON value in the form that ``kind`` expects, as far as it says the same."""
    match kind:
        case inspect.Metadata(type=inner):
            return mend(value, inner)
        case inspect.UnionType(types=alternatives):
            return _mend_union(value, alternatives)
        case inspect.StructType(fields=fields, array_like=True) if isinstance(value, list):
            return [*map(mend, value, (field.type for field in fields)), *value[len(fields) :]]
        case inspect.StructType(cls=cls, fields=fields) if isinstance(value, dict):
            return _mend_struct(value, cls, fields)
        case inspect.StructType(cls=cls) if cls in _BARE and not isinstance(value, list | None):
            return {_BARE[cls]: value}
        case inspect.DictType(value_type=inner) if isinstance(value, dict):
            given = {key: mend(each, inner) for key, each in value.items()}
            return {key: each for key, each in given.items() if each not in (None, "")} if _counts(inner) else given
        case inspect.ListType(item_type=inner) if isinstance(value, list):
            return [mend(each, inner) for each in value] if kind.min_length is None else _one_level(value)
        case inspect.StrType() if type(value) is int:
            return str(value)
        case inspect.IntType(ge=int(least), le=int(most)) if (least, most) in _TIMES:
            return _mend_time(value, least, most)
    return value


def _mend_union(value: Any, alternatives: tuple[inspect.Type, ...]) -> Any:
    """Mend ``value`` as the alternative that it could be: one for objects, one for arrays, or ``null``."""
    if value == "" and not any(isinstance(each, inspect.StrType) for each in alternatives):
        return None if _may_be_null(alternatives) else value
    for each in alternatives:
        mended = mend(value, each)
        if mended is not value:
            return mended
    return value


def _mend_struct(value: dict[str, Any], kind: type[Any], fields: tuple[inspect.Field, ...]) -> dict[str, Any]:
    names = OTHER_NAMES.get(kind, {})
    mended = {}
    for field in fields:
        name = field.encode_name
        key = name if name in value else names.get(name, name)
        if key not in value:
            continue
        each = mend(value[key], field.type)
        if each is not None or field.required or _may_be_null(getattr(field.type, "types", ())):
            mended[name] = each
    return mended


def _mend_time(value: Any, least: int, most: int) -> Any:
    """Return a time in the unit with these bounds; ``None`` for 0 and the like where that cannot be."""
    try:
        time = in_unit(msgspec.convert(value, int, strict=False), least, most)
    except msgspec.ValidationError:
        return value
    return None if time < least else time


def _one_level(side: list[Any]) -> Any:
    """Return the level of a side: ``[price, size]``, which may stand in a list, ``None`` where it is empty (4.3)."""
    level = side[0] if len(side) == 1 and isinstance(side[0], list) else side
    return None if level in ([], ["", ""]) else level


def _counts(kind: inspect.Type) -> bool:
    """Whether values of this type are numbers, so that a text says nothing."""
    return isinstance(kind.type if isinstance(kind, inspect.Metadata) else kind, inspect.FloatType)


def _may_be_null(alternatives: tuple[inspect.Type, ...]) -> bool:
    return any(isinstance(each, inspect.NoneType) for each in alternatives)
