"""Classic futures, public (protocol.md 4.20 to 4.28)."""

from __future__ import annotations

from kucoin_stream.protocol.messages import futures
from kucoin_stream.protocol.topic import Connection, Topic

_FUTURES = Connection.FUTURES_PUBLIC

ROWS: tuple[Topic, ...] = (
    Topic(
        "futures.ticker", _FUTURES, "/contractMarket/tickerV2:{symbol}", futures.Ticker, ("tickerV2",), "conflate",
        "4.20", identity=("symbol", "sequence", "ts_ns"),
    ),
    Topic(
        "futures.ticker_v1", _FUTURES, "/contractMarket/ticker:{symbol}", futures.TickerV1, ("ticker",), "conflate",
        "4.21", identity=("symbol", "trade_id"),
    ),
    Topic(
        "futures.level2", _FUTURES, "/contractMarket/level2:{symbol}", futures.BookChange, ("level2",), "resync",
        "4.22", identity=("symbol", "sequence"),
    ),
    Topic(
        "futures.depth5", _FUTURES, "/contractMarket/level2Depth5:{symbol}", futures.BookDepth, ("level2",),
        "conflate", "4.23", identity=("symbol", "timestamp_ms", "ts_ms"),
    ),
    Topic(
        "futures.depth50", _FUTURES, "/contractMarket/level2Depth50:{symbol}", futures.BookDepth, ("level2",),
        "conflate", "4.23", identity=("symbol", "timestamp_ms", "ts_ms"),
    ),
    Topic(
        "futures.klines", _FUTURES, "/contractMarket/limitCandle:{symbol}_{interval}", futures.KlineUpdate,
        ("candle.stick",), "mark", "4.24", identity=("symbol", "interval", "time_ms"),
    ),
    Topic(
        "futures.trades", _FUTURES, "/contractMarket/execution:{symbol}", futures.Trade, ("match",), "mark", "4.25",
        identity=("symbol", "trade_id"),
    ),
    Topic(
        "futures.mark_price", _FUTURES, "/contract/instrument:{symbol}", futures.MarkPrice, ("mark.index.price",),
        "conflate", "4.26", identity=("symbol", "timestamp_ms"),
    ),
    Topic(  # not conflated: the latest by symbol would hide the settled rate behind the predicted one
        "futures.funding_rate", _FUTURES, "/contract/instrument:{symbol}", futures.FundingRate, ("funding.rate",),
        "mark", "4.26", identity=("symbol", "granularity_ms", "timestamp_ms", "funding_rate"),
    ),
    Topic(
        "futures.funding_settlement", _FUTURES, "/contract/announcement", futures.FundingSettlement,
        ("funding.begin", "funding.end"), "mark", "4.27", list_limit=0,
        identity=("symbol", "subject", "funding_time_ms"),
    ),
    Topic(
        "futures.snapshot", _FUTURES, "/contractMarket/snapshot:{symbol}", futures.Snapshot, ("snapshot.24h",),
        "conflate", "4.28", identity=("symbol", "ts_ns"),
    ),
)  # fmt: skip
