"""Messages that are several rows, or have a row inside: maps by symbol, snapshots (protocol.md 4.10, 4.34, 4.35)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct, structs

from kucoin_stream.protocol.messages import Integer
from kucoin_stream.protocol.messages.futures_account import CrossLeverages, MarginModes
from kucoin_stream.protocol.messages.spot import Snapshot, SnapshotData
from kucoin_stream.protocol.messages.units import Times


class MarginMode(Struct, frozen=True, gc=False):
    """``ISOLATED`` or ``CROSS`` of one symbol."""

    symbol: str
    margin_mode: str


class CrossLeverage(Struct, frozen=True, gc=False):
    """The cross margin leverage of one symbol."""

    symbol: str
    leverage: Times


class SnapshotRow(SnapshotData, frozen=True):
    """The statistics of one symbol, and the sequence of the message that they came with."""

    sequence: Integer | None = None


def entry_of(payload: Any) -> type[Struct] | None:
    """Return what one row of such a message is; ``None`` for messages that are rows themselves."""
    if payload == MarginModes:
        return MarginMode
    if payload == CrossLeverages:
        return CrossLeverage
    return SnapshotRow if payload is Snapshot else None


def entries(messages: Sequence[Snapshot | Mapping[str, Any]]) -> list[Any]:
    """Return the rows of such messages of any kind, in order."""
    return [row for message in messages for row in _rows(message)]


def _rows(message: Snapshot | Mapping[str, Any]) -> Iterator[Any]:
    if isinstance(message, Snapshot):
        for each in message.data if isinstance(message.data, list) else [message.data]:
            yield SnapshotRow(**structs.asdict(each), sequence=message.sequence)
        return
    for symbol, value in message.items():
        yield MarginMode(symbol, value) if isinstance(value, str) else CrossLeverage(symbol, value.leverage)
