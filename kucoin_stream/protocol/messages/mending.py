"""The second reading of a payload that did not fit its type: what other years wrote, in the form of this one.

It takes what the first one takes, and besides: empty text, or ``null``, for what may be absent; identifiers written as
numbers; the other names in :data:`OTHER_NAMES`. What has no price, no symbol or no identity stays malformed. Slow, and
reached only by what was refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from kucoin_stream.protocol.messages import decoder, futures, pro, spot

T = TypeVar("T")

_type_info = cache(inspect.type_info)

_AUCTION = {
    "symbol": "s", "estimatedPrice": "ep", "estimatedSize": "es", "sellOrderRangeLowPrice": "slp",
    "sellOrderRangeHighPrice": "shp", "buyOrderRangeLowPrice": "blp", "buyOrderRangeHighPrice": "bhp", "time": "ts",
}  # fmt: skip

OTHER_NAMES: Mapping[type[Any], Mapping[str, str]] = {
    spot.CallAuction: _AUCTION,  # as the Pro channel of the same data writes them (6.5.7)
    futures.Trade: {"ts": "time", "size": "matchSize"},  # old documents (4.25)
    pro.Book: {"O": "E", "C": "E"},  # an early sample (6.5.4)
    pro.MarkPrice: {"mp": "mP"},  # KuCoin's node SDK (6.5.6)
    pro.FundingRate: {"fr": "fR", "ft": "fT"},  # the same
}
"""By type: the name of a field, and where its value stands when that is missing."""


def decode_payload(kind: type[T], data: bytes | bytearray | memoryview | msgspec.Raw) -> T:
    """Decode ``data`` into ``kind``, in a second way where the first fails.

    Raises as ``decoder(kind).decode`` does, with what the first reading found.
    """
    try:
        return decoder(kind).decode(data)
    except msgspec.ValidationError:
        try:
            mended = mend(msgspec.json.decode(data), _type_info(kind))  # type: ignore[arg-type]  # types are hashable
            return msgspec.convert(mended, kind, strict=False)
        except msgspec.ValidationError:
            pass
        raise


def mend(value: Any, kind: inspect.Type) -> Any:
    """Return a decoded JSON value in the form that ``kind`` expects, as far as it says the same."""
    match kind:
        case inspect.Metadata(type=inner):
            return mend(value, inner)
        case inspect.UnionType(types=alternatives):
            return _mend_union(value, alternatives)
        case inspect.StructType() if isinstance(value, dict):
            return _mend_struct(value, kind)
        case inspect.DictType(value_type=inner) if isinstance(value, dict):
            return {key: mend(each, inner) for key, each in value.items()}
        case inspect.ListType(item_type=inner) if isinstance(value, list):
            return [mend(each, inner) for each in value]
        case inspect.StrType() if type(value) is int:
            return str(value)
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


def _mend_struct(value: dict[str, Any], kind: inspect.StructType) -> dict[str, Any]:
    names = OTHER_NAMES.get(kind.cls, {})
    mended = {}
    for field in kind.fields:
        name = field.encode_name
        key = name if name in value else names.get(name, name)
        if key not in value:
            continue
        each = mend(value[key], field.type)
        if each is not None or field.required or _may_be_null(getattr(field.type, "types", ())):
            mended[name] = each
    return mended


def _may_be_null(alternatives: tuple[inspect.Type, ...]) -> bool:
    return any(isinstance(each, inspect.NoneType) for each in alternatives)
