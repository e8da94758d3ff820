"""Typed messages, by family. Each struct says its section of ``protocol.md``, each number's type its unit (``units``).

Numbers arrive as text in one year and as numbers in another; all decoders here accept both.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

import msgspec

from kucoin_stream.errors import RemoteProtocolError, printable

T = TypeVar("T")

Amount = Annotated[float, msgspec.Meta(ge=0, le=1e24)]
"""A price, size or turnover: finite and not negative (text such as ``"nan"`` does not pass)."""

Signed = Annotated[float, msgspec.Meta(ge=-1e24, le=1e24)]
"""A change, a rate or a coefficient: finite."""

Integer = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""A number that fits a column of int64."""

SymbolName = Annotated[str, msgspec.Meta(pattern=r"\A[\w.$-]{1,64}\Z")]
"""What can be traded: names go into topics, titles, a terminal and, completed, into a cell that IPython expands."""

NANOSECONDS, MILLISECONDS, SECONDS = (10**17, 2**63 - 1), (-(2**63), 10**14 - 1), (-(2**63), 10**11 - 1)
"""The least and the most that a time in this unit is: from 1973 to 5138, its size tells s, ms, us and ns apart."""

TimeNs = Annotated[int, msgspec.Meta(ge=NANOSECONDS[0], le=NANOSECONDS[1])]
"""A Unix time in ns. What came in another unit is refused at first; then ``mending`` converts it. So for ms and s."""

TimeMs = Annotated[int, msgspec.Meta(ge=MILLISECONDS[0], le=MILLISECONDS[1])]
TimeS = Annotated[int, msgspec.Meta(ge=SECONDS[0], le=SECONDS[1])]

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
        raise RemoteProtocolError(f"not a {getattr(kind, '__name__', kind)}: {printable(exc)}") from exc


def in_unit(time: int, least: int, most: int) -> int:
    """Return a time, of any unit from s to ns, in the unit with these bounds; as it is where it is none since 1973."""
    while most < time < 2**63:
        time //= 1000
    while 10**8 <= time < least and time * 1000 <= most:
        time *= 1000
    return time


def encode(value: Any) -> bytes:
    """Encode ``value`` as JSON."""
    return msgspec.json.encode(value)
