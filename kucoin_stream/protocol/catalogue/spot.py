"""Classic spot and margin, public (protocol.md 4.1 to 4.12)."""

from __future__ import annotations

from kucoin_stream.protocol.messages import spot
from kucoin_stream.protocol.topic import Connection, Topic

_SPOT = Connection.SPOT_PUBLIC

ROWS: tuple[Topic, ...] = (
    Topic("spot.ticker", _SPOT, "/market/ticker:{symbol}", spot.Ticker, ("trade.ticker",), "conflate", "4.1"),
    Topic("spot.all_tickers", _SPOT, "/market/ticker:all", spot.Ticker, (), "conflate", "4.2", list_limit=0),
    Topic("spot.level1", _SPOT, "/spotMarket/level1:{symbol}", spot.BookTop, ("level1",), "conflate", "4.3"),
    Topic("spot.depth5", _SPOT, "/spotMarket/level2Depth5:{symbol}", spot.BookDepth, ("level2",), "conflate", "4.4"),
    Topic("spot.depth50", _SPOT, "/spotMarket/level2Depth50:{symbol}", spot.BookDepth, ("level2",), "conflate", "4.4"),
    Topic("spot.level2", _SPOT, "/market/level2:{symbol}", spot.BookDelta, ("trade.l2update",), "resync", "4.5"),
    Topic(
        "spot.call_auction_book", _SPOT, "/callauction/level2Depth50:{symbol}", spot.BookDepth, ("level2",),
        "conflate", "4.6", list_limit=1,
    ),
    Topic(
        "spot.call_auction", _SPOT, "/callauction/callauctionData:{symbol}", spot.CallAuction,
        ("callauction.callauctionData",), "conflate", "4.7", list_limit=1,
    ),
    Topic(
        "spot.klines", _SPOT, "/market/candles:{symbol}_{interval}", spot.KlineUpdate,
        ("trade.candles.update", "trade.candles.add"), "mark", "4.8", list_limit=1,
    ),
    Topic("spot.trades", _SPOT, "/market/match:{symbol}", spot.Trade, ("trade.l3match",), "mark", "4.9"),
    Topic(
        "spot.snapshot", _SPOT, "/market/snapshot:{symbol}", spot.Snapshot, ("trade.snapshot",), "conflate", "4.10",
        list_limit=1,
    ),
    Topic(
        "spot.market_snapshot", _SPOT, "/market/snapshot:{market}", spot.Snapshot, ("trade.snapshot",), "conflate",
        "4.11", list_limit=1,
    ),
    Topic("margin.index_price", _SPOT, "/indicator/index:{symbol}", spot.IndexPrice, ("tick",), "conflate", "4.12"),
    Topic("margin.mark_price", _SPOT, "/indicator/markPrice:{symbol}", spot.IndexPrice, ("tick",), "conflate", "4.12"),
)  # fmt: skip
