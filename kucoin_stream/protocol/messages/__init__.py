"""Typed messages, by family. Each struct says its section of ``protocol.md``, each number's type its unit (``units``).

Numbers arrive as text in one year and as numbers in another; all decoders here accept both.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

import msgspec

from kucoin_stream.errors import RemoteProtocolError

T = TypeVar("T")

Amount = Annotated[float, msgspec.Meta(ge=0, le=1e24)]
"""A price, size or turnover: finite and not negative (text such as ``"nan"`` does not pass)."""

Signed = Annotated[float, msgspec.Meta(ge=-1e24, le=1e24)]
"""A change, a rate or a coefficient: finite."""

Integer = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""A number that fits a column of int64."""

NANOSECONDS = 10**15
"""A time below it is in ms, one above in ns: as ms it is the year 33,658, as ns 12 days after 1970."""

_DECODERS: dict[object, msgspec.json.Decoder[Any]] = {}


def decoder(kind: type[T]) -> msgspec.json.Decoder[T]:
    """Return the decoder of ``kind``, which accepts numbers written as text."""
    try:
        return _DECODERS[kind]
    except KeyError:
        return _DECODERS.setdefault(kind, msgspec.json.Decoder(kind, strict=False))


def decode(kind: type[T], data: bytes | bytearray | memoryview | msgspec.Raw) -> T:
    """Decode ``data`` into ``kind``; raise :class:`RemoteProtocolError` where it does not fit."""
    try:
        return decoder(kind).decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
        raise RemoteProtocolError(f"not a {getattr(kind, '__name__', kind)}: {exc}") from exc


def encode(value: Any) -> bytes:
    """Encode ``value`` as JSON."""
    return msgspec.json.encode(value)
