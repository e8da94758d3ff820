"""Which topics classic spot serves: the catalogue's, where the market has the symbol. Pure."""

from __future__ import annotations

from kucoin_stream.protocol.topics import Connection, parse
from kucoin_stream.simulator.market import INTERVAL_NAMES, Market, Refusal

SPOT_PRIVATE_PATHS = frozenset(
    {
        "/spotMarket/tradeOrdersV2",
        "/spotMarket/tradeOrders",
        "/spotMarket/advancedOrders",
        "/account/balance",
        "/margin/position",
        "/margin/isolatedPosition",
    }
)
"""Topics that need a private token (protocol.md 4.13 to 4.17)."""


def check_topic(topic: str, market: Market, *, silent: bool = False) -> Refusal | None:
    """Return why a single-symbol ``topic`` cannot be subscribed, or ``None``.

    ``silent`` acks well-formed unknown symbols, which then never deliver, as futures do.
    """
    path, colon, argument = topic.partition(":")
    if path in SPOT_PRIVATE_PATHS:
        return None
    try:
        row, argument = parse(topic)
    except KeyError:
        return Refusal(404, "topic does not exist")
    if row.connection != Connection.SPOT_PUBLIC:
        return Refusal(404, "topic does not exist")
    if row.list_limit == 0:
        return None
    if not colon or not argument or any(character.isspace() for character in topic):
        return Refusal(400, f"topic {topic} is invalid")
    symbol = argument
    if "{interval}" in row.argument:
        symbol, _, interval = argument.partition("_")
        if interval not in INTERVAL_NAMES:
            return Refusal(400, f"topic {topic} is invalid")
    known = market.has_symbol(symbol) if row.by_symbol else symbol in market.markets()
    if known or silent or row.path.startswith("/indicator/"):  # indices exist of more pairs than are traded
        return None
    return Refusal(404, f"topic {topic} is not found")
