"""Classic spot and margin, public (protocol.md 4.1 to 4.12)."""

from __future__ import annotations

from kucoin_stream.protocol.messages import spot
from kucoin_stream.protocol.topic import Connection, Topic

_SPOT = Connection.SPOT_PUBLIC

ROWS: tuple[Topic, ...] = (
    Topic(
        "spot.ticker", _SPOT, "/market/ticker:{symbol}", spot.Ticker, ("trade.ticker",), "conflate", "4.1",
        identity=("symbol", "sequence"),
    ),
    Topic(
        "spot.all_tickers", _SPOT, "/market/ticker:all", spot.Ticker, (), "conflate", "4.2", list_limit=0,
        identity=("symbol", "sequence"),
    ),
    Topic(
        "spot.level1", _SPOT, "/spotMarket/level1:{symbol}", spot.BookTop, ("level1",), "conflate", "4.3",
        identity=("symbol", "timestamp_ms"),
    ),
    Topic(
        "spot.depth5", _SPOT, "/spotMarket/level2Depth5:{symbol}", spot.BookDepth, ("level2",), "conflate", "4.4",
        identity=("symbol", "timestamp_ms"),
    ),
    Topic(
        "spot.depth50", _SPOT, "/spotMarket/level2Depth50:{symbol}", spot.BookDepth, ("level2",), "conflate", "4.4",
        identity=("symbol", "timestamp_ms"),
    ),
    Topic(
        "spot.level2", _SPOT, "/market/level2:{symbol}", spot.BookDelta, ("trade.l2update",), "resync", "4.5",
        identity=("symbol", "sequence_start", "sequence_end"),
    ),
    Topic(
        "spot.call_auction_book", _SPOT, "/callauction/level2Depth50:{symbol}", spot.BookDepth, ("level2",),
        "conflate", "4.6", list_limit=1, identity=("symbol", "timestamp_ms"),
    ),
    Topic(
        "spot.call_auction", _SPOT, "/callauction/callauctionData:{symbol}", spot.CallAuction,
        ("callauction.callauctionData",), "conflate", "4.7", list_limit=1, identity=("symbol", "time_ms"),
    ),
    Topic(
        "spot.klines", _SPOT, "/market/candles:{symbol}_{interval}", spot.KlineUpdate,
        ("trade.candles.update", "trade.candles.add"), "mark", "4.8", list_limit=1,
        identity=("symbol", "interval", "time_ns"),
    ),
    Topic(
        "spot.trades", _SPOT, "/market/match:{symbol}", spot.Trade, ("trade.l3match",), "mark", "4.9",
        identity=("symbol", "trade_id"),
    ),
    Topic(
        "spot.snapshot", _SPOT, "/market/snapshot:{symbol}", spot.Snapshot, ("trade.snapshot",), "conflate", "4.10",
        list_limit=1,
    ),
    Topic(
        "spot.market_snapshot", _SPOT, "/market/snapshot:{market}", spot.Snapshot, ("trade.snapshot",), "conflate",
        "4.11", list_limit=1,
    ),
    Topic(
        "margin.index_price", _SPOT, "/indicator/index:{symbol}", spot.IndexPrice, ("tick",), "conflate", "4.12",
        identity=("symbol", "timestamp_ms"),
    ),
    Topic(
        "margin.mark_price", _SPOT, "/indicator/markPrice:{symbol}", spot.IndexPrice, ("tick",), "conflate", "4.12",
        identity=("symbol", "timestamp_ms"),
    ),
)  # fmt: skip
