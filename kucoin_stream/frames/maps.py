"""Messages that are maps by symbol, as rows: one for each symbol (protocol.md 4.34, 4.35)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from kucoin_stream.protocol.messages.futures_account import CrossLeverages, MarginModes
from kucoin_stream.protocol.messages.units import Times


class MarginMode(Struct, frozen=True, gc=False):
    """``ISOLATED`` or ``CROSS`` of one symbol."""

    symbol: str
    margin_mode: str


class CrossLeverage(Struct, frozen=True, gc=False):
    """The cross margin leverage of one symbol."""

    symbol: str
    leverage: Times


def entry_of(payload: Any) -> type[Struct] | None:
    """Return what one entry of a map is as a row; ``None`` for messages that are no maps."""
    if payload == MarginModes:
        return MarginMode
    return CrossLeverage if payload == CrossLeverages else None


def entries(messages: list[Mapping[str, Any]]) -> list[Any]:
    """Return the entries of maps of either kind, in order."""
    return [
        MarginMode(symbol, value) if isinstance(value, str) else CrossLeverage(symbol, value.leverage)
        for message in messages
        for symbol, value in message.items()
    ]
