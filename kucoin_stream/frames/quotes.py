"""Which columns of a message say what a symbol is worth: last price, best bid and ask, volume, time."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from kucoin_stream.frames.columns import columns_of, has_columns

PRICES = ("price", "last_price", "last_traded_price", "candle.close", "close", "mark_price", "value")
"""The price that a symbol has, by the names that messages give it, the first that there is."""

_SIDES = (
    ("best_bid", "best_ask"),
    ("best_bid_price", "best_ask_price"),
    ("bid", "ask"),
    ("buy", "sell"),
)
_VOLUMES = ("turnover", "vol_value", "volume", "vol", "candle.turnover", "candle.volume")

_TIMES = frozenset({"time_ns", "time_ms", "ts_ns", "timestamp_ms", "datetime_ms"})
"""Of the message, not of the bar that it tells of."""


class QuoteColumns(Struct, frozen=True):
    """Paths of fields; empty where a message has no such field. ``time_unit``: ``ns``, ``ms`` or ``s``."""

    price: str = ""
    bid: str = ""
    ask: str = ""
    volume: str = ""
    time: str = ""
    time_unit: str = "ns"


def quote_columns(payload: Any) -> QuoteColumns | None:
    """Return what messages of this type say of a symbol's price; ``None`` where they say nothing of it."""
    if not has_columns(payload):
        return None
    units = {column.path: column.unit for column in columns_of(payload)}
    price = next((path for path in PRICES if path in units), "")
    bid, ask = next((sides for sides in _SIDES if units.keys() >= set(sides)), ("", ""))
    if "symbol" not in units or not (price or bid):
        return None
    volume = next((path for path in _VOLUMES if path in units), "")
    time, unit = next(((path, unit) for path, unit in units.items() if unit and path in _TIMES), ("", "ns"))
    return QuoteColumns(price, bid, ask, volume, time, unit or "ns")
