"""The 24 h statistics of a generated symbol, as the snapshot topic and as REST show them. Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from kucoin_stream.simulator.bars import Klines, Window
from kucoin_stream.simulator.flow import SECOND, OrderFlow
from kucoin_stream.simulator.ladder import text
from kucoin_stream.simulator.listings import Listing
from kucoin_stream.simulator.trading.amounts import written


def snapshot(listing: Listing, flow: OrderFlow, klines: Klines, now_ns: int) -> dict[str, Any]:
    """Return the 24 h statistics as the snapshot topic shows them: JSON numbers (protocol.md 4.10)."""
    day = klines.window(86_400, now_ns // SECOND)
    ladder = flow.ladder
    (ask, ask_size), (bid, bid_size) = ladder.level("asks", 0), ladder.level("bids", 0)
    whole = _numbers(listing, day)
    last = float(text(flow.last.price, listing.price_scale))
    return {
        "askSize": float(text(ask_size, listing.size_scale)),
        "averagePrice": whole["volValue"] / whole["vol"] if day.volume else last,
        "baseCurrency": listing.base,
        "bidSize": float(text(bid_size, listing.size_scale)),
        "board": 1,
        "buy": float(text(bid, listing.price_scale)),
        "close": last,
        "datetime": now_ns // 1_000_000,
        "lastTradedPrice": last,
        "makerCoefficient": 1.0,
        "makerFeeRate": 0.001,
        "marginTrade": listing.pace >= 4,
        "mark": 0,
        "market": listing.market,
        "marketChange1h": _numbers(listing, klines.window(3600, now_ns // SECOND)),
        "marketChange4h": _numbers(listing, klines.window(4 * 3600, now_ns // SECOND)),
        "marketChange24h": whole,
        "markets": list(listing.markets),
        "quoteCurrency": listing.quote,
        "sell": float(text(ask, listing.price_scale)),
        "siteTypes": ["global"],
        "sort": 100,
        "symbol": listing.symbol,
        "symbolCode": listing.symbol,
        "takerCoefficient": 1.0,
        "takerFeeRate": 0.001,
        "trading": True,
    } | whole


def statistics(listing: Listing, flow: OrderFlow, klines: Klines, now_ns: int) -> dict[str, Any]:
    """Return the 24 h statistics as REST shows them: text (protocol.md 8.2.4)."""
    day = klines.window(86_400, now_ns // SECOND)
    ladder = flow.ladder
    scale = listing.price_scale
    average = day.turnover // day.volume if day.volume else day.close
    return {
        "symbol": listing.symbol,
        "buy": text(ladder.level("bids", 0)[0], listing.price_scale),
        "sell": text(ladder.level("asks", 0)[0], listing.price_scale),
        "changeRate": f"{(day.close - day.open) / day.open:.4f}",
        "changePrice": text(day.close - day.open, scale),
        "high": text(day.high, listing.price_scale),
        "low": text(day.low, listing.price_scale),
        "vol": text(day.volume, listing.size_scale),
        "volValue": text(day.turnover, scale + listing.size_scale),
        "last": text(flow.last.price, listing.price_scale),
        "averagePrice": text(average, listing.price_scale),
        "takerFeeRate": "0.001",
        "makerFeeRate": "0.001",
        "takerCoefficient": "1",
        "makerCoefficient": "1",
    }


def as_captured(listing: Listing, flow: OrderFlow, row: dict[str, Any]) -> dict[str, Any]:
    """Return what live answers about all symbols have beyond :func:`statistics` (rest.tsv)."""
    return {
        "open": written(Decimal(row["last"]) - Decimal(row["changePrice"])),
        "lastSize": text(flow.last.size, listing.size_scale),
        "priceChange": row["changePrice"],
        "priceChangePercent": row["changeRate"],
    }


def _numbers(listing: Listing, window: Window) -> dict[str, float]:
    scale = listing.price_scale
    return {
        "changePrice": float(text(window.close - window.open, scale)),
        "changeRate": round((window.close - window.open) / window.open, 4),
        "high": float(text(window.high, scale)),
        "low": float(text(window.low, scale)),
        "open": float(text(window.open, scale)),
        "vol": float(text(window.volume, listing.size_scale)),
        "volValue": float(text(window.turnover, scale + listing.size_scale)),
    }
