"""Which topics classic futures serves. Pure; the exchange's own list (protocol.md 4.20 to 4.35)."""

from __future__ import annotations

from kucoin_stream.simulator.market import Refusal

ANNOUNCEMENT = "/contract/announcement"

FUTURES_INTERVALS = (
    "1min", "3min", "5min", "15min", "30min", "1hour", "2hour", "4hour", "8hour", "12hour", "1day", "1week", "1month",
)  # fmt: skip

FUTURES_PRIVATE_PATHS = frozenset(
    {
        "/contractMarket/tradeOrders",
        "/contractMarket/advancedOrders",
        "/contractAccount/wallet",
        "/contract/position",
        "/contract/positionAll",
        "/contract/marginMode",
        "/contract/crossLeverage",
    }
)
"""Topics that need a private token (protocol.md 4.30 to 4.35)."""

_BY_SYMBOL = frozenset(
    {
        "/contractMarket/tickerV2",
        "/contractMarket/ticker",
        "/contractMarket/level2",
        "/contractMarket/level2Depth5",
        "/contractMarket/level2Depth50",
        "/contractMarket/execution",
        "/contractMarket/snapshot",
        "/contract/instrument",
    }
)
_CANDLES = "/contractMarket/limitCandle"


def check_futures_topic(topic: str) -> Refusal | None:
    """Return why a single-contract ``topic`` cannot be subscribed, or ``None``. Unknown contracts can: silence."""
    path, _, argument = topic.partition(":")
    if path in FUTURES_PRIVATE_PATHS or path == ANNOUNCEMENT:
        return None
    if path not in _BY_SYMBOL and path != _CANDLES:
        return Refusal(404, "topic does not exist")
    if not argument or (path == _CANDLES and argument.partition("_")[2] not in FUTURES_INTERVALS):
        return Refusal(400, f"topic {topic} is invalid")
    return None
