"""What type checkers know of the public face: ``mypy --strict`` reads this file, nothing runs it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, assert_type

import numpy as np
import pandas as pd

import kucoin_stream as ks
from kucoin_stream.account import Account
from kucoin_stream.analytics.book import Sides, Sweep
from kucoin_stream.diagnosis.report import Report
from kucoin_stream.frames.account.frames import LiveBalances, LiveFills, LiveOrders, LivePositions
from kucoin_stream.frames.audit import Audit
from kucoin_stream.frames.book import LiveBook
from kucoin_stream.frames.books import BookTop, LiveBooks
from kucoin_stream.frames.klines import LiveKlines
from kucoin_stream.frames.status import LiveStatus
from kucoin_stream.frames.table import FeedFrame
from kucoin_stream.frames.tops import LiveTops
from kucoin_stream.instruments import Instruments
from kucoin_stream.market.book import Top
from kucoin_stream.orders.desk import Orders
from kucoin_stream.protocol.endpoints.changes import DryRun
from kucoin_stream.protocol.events import Answered, News
from kucoin_stream.protocol.lifecycle import LifecycleEvent
from kucoin_stream.protocol.messages import account, futures, pro, pro_account, spot
from kucoin_stream.protocol.messages.contracts import ContractInfo
from kucoin_stream.protocol.messages.rest import SymbolInfo
from kucoin_stream.protocol.messages.unions import Increment, KlineUpdate, Ticker, Trade
from kucoin_stream.protocol.messages.wsapi import BatchResult, CancelResult, OrderResult, SyncResult
from kucoin_stream.recordings import Recording
from kucoin_stream.replay import Replay
from kucoin_stream.rest.cache import Cache
from kucoin_stream.rest.record import Record
from kucoin_stream.sessions import Session
from kucoin_stream.shards.book import ShardBook
from kucoin_stream.shards.shards import Shards
from kucoin_stream.streams.failure import Failure
from kucoin_stream.streams.feed import Feed
from kucoin_stream.streams.lifecycle import Events
from kucoin_stream.streams.reading import Reading
from kucoin_stream.streams.source import Errors, LiveSource
from kucoin_stream.streams.threaded import Threaded
from kucoin_stream.streams.typed import Frames, Node
from kucoin_stream.transport.target import Target
from kucoin_stream.widgets.dashboard import Dashboard


def the_client() -> None:
    assert_type(ks.connect("sim", region="EU"), ks.Client)
    with ks.Client("sim", key="k", secret="s", passphrase="p") as client:
        assert_type(client.open(), ks.Client)
        assert_type(client.target, Target)
        assert_type(client.instruments, Instruments)
        assert_type(client.symbols, list[str])
        assert_type(client.contracts, list[str])
        assert_type(client.symbol("BTC-USDT"), SymbolInfo)
        assert_type(client.contract("XBTUSDTM"), ContractInfo)
        assert_type(client.instrument("XBTUSDTM"), SymbolInfo | ContractInfo)
        assert_type(client.status(), LiveStatus)
        assert_type(client.status().statistics(), dict[str, Any])
        assert_type(client.status().title, str)
        assert_type(client.statistics(), dict[str, Any])
        assert_type(client.latency(), pd.DataFrame)
        assert_type(client.gaps(), pd.DataFrame)
        assert_type(client.dashboard("BTC-USDT"), Dashboard)
        client.settings.request_timeout.is_integer()
        client.stop("spot.trades*")
        client.disarm()
        client.close("done")


def the_front() -> None:
    ks.Settings(region="AU")
    assert_type(ks.events("open", "close"), Events)
    assert_type(ks.status(), LiveStatus)
    assert_type(ks.ps(), pd.DataFrame)
    assert_type(ks.schema("spot.trades"), pd.DataFrame)
    assert_type(ks.doctor("sim"), Report)
    assert_type(ks.books("BTC-*"), LiveBooks)
    assert_type(ks.dashboard("BTC-USDT"), Dashboard)
    ks.decode(b"{}", "spotPublicV1")
    ks.stop()
    ks.load_ipython_extension(None)
    ks.unload_ipython_extension(None)


def errors(client: ks.Client) -> str:
    try:
        client.book("BTC-UDST")
    except ks.errors.UnknownSymbolError as exc:
        return str(exc)
    except (ks.errors.RefusedError, ks.errors.UsageError, ks.errors.StoppedError, ks.errors.KucoinStreamError):
        raise
    return ""


def feeds(client: ks.Client) -> None:
    assert_type(client.trades("BTC-USDT"), Feed[Trade])
    assert_type(ks.trades("BTC-USDT"), Feed[Trade])
    assert_type(client.ticker("BTC-USDT"), Feed[Ticker])
    assert_type(client.level2("BTC-USDT"), Feed[Increment | News])
    assert_type(client.kline_updates("BTC-USDT", "1min"), Feed[KlineUpdate])
    assert_type(client.spot.trades("BTC-USDT"), Feed[spot.Trade])
    assert_type(client.futures.mark_price("XBTUSDTM"), Feed[futures.MarkPrice])
    assert_type(client.futures.klines("XBTUSDTM", interval="1min"), Feed[futures.KlineUpdate])
    assert_type(client.pro.ticker("BTC-USDT"), Feed[pro.Ticker])
    assert_type(client.account.feed.balances(), Feed[account.Balance])
    assert_type(client.account.pro.orders("UNIFIED"), Feed[pro_account.Order])
    assert_type(client.events, Events)
    assert_type(client.events.only("reconnect"), Events)
    assert_type(client.feed("spot.trades", "BTC-USDT", stream_name="mine"), Feed[Any])
    assert_type(ks.feed("spot.trades", "BTC-USDT"), Feed[Any])
    assert_type(ks.ticker("*"), Feed[Ticker])
    assert_type(ks.level2("BTC-USDT"), Feed[Increment | News])
    assert_type(ks.kline_updates("BTC-USDT", "1min"), Feed[KlineUpdate])
    assert_type(client.margin.index_price("BTC-USDT"), Feed[spot.IndexPrice])


def news(client: ks.Client) -> None:
    assert_type(client.trades("BTC-USDT", news=True), Feed[Trade | News])
    assert_type(client.ticker("BTC-USDT", news=True), Feed[Ticker | News])
    assert_type(client.kline_updates("BTC-USDT", "1min", news=True), Feed[KlineUpdate | News])
    assert_type(client.level2("BTC-USDT", news=False), Feed[Increment])
    assert_type(ks.trades("BTC-USDT", news=True, stream_name="mine"), Feed[Trade | News])
    assert_type(ks.ticker("BTC-USDT", news=True), Feed[Ticker | News])
    assert_type(ks.kline_updates("BTC-USDT", "1min", news=True), Feed[KlineUpdate | News])
    assert_type(ks.level2("BTC-USDT", news=False), Feed[Increment])
    assert_type(client.spot.trades("BTC-USDT", news=True), Feed[spot.Trade | News])
    assert_type(client.futures.level2("XBTUSDTM", news=False), Feed[futures.BookChange])
    assert_type(client.account.pro.orders(news=True), Feed[pro_account.Order | News])


def a_feed(trades: Feed[Trade]) -> None:
    trades.stop()
    trades.start()
    assert_type(trades.status, str)
    assert_type(trades.received + trades.dropped + trades.error_count, int)
    assert_type(trades.statistics(), dict[str, Any])
    assert_type(trades.errors, Errors)
    assert_type(trades.errors.sink(print), Node[Failure])
    assert_type(trades.threaded(), Threaded)
    assert_type(trades.sink(print, thread=True), Node[Trade])
    assert_type(trades.rate_limit(1.0).sink(print, thread=True), Node[Trade])
    assert_type(trades.frame(maxlen=100, latest="symbol", exact=True), FeedFrame)
    trades.to_dataframe().groupby("symbol")["size"].sum()
    trades.widget()


def nodes(trades: Feed[Trade]) -> None:
    values = trades.map(lambda trade: trade.price * trade.size)
    assert_type(values, Node[float])
    assert_type(trades.filter(lambda trade: trade.side == "buy"), Node[Trade])
    assert_type(trades.map(lambda trade: trade.price).filter(lambda price: price > 1), Node[float])
    assert_type(trades.take(3).symbol("BTC-USDT").conflate(per_second=5), Node[Trade])
    assert_type(trades.resample("1s", by="clock"), Node[Any])
    assert_type(trades.to_klines("1min"), Node[spot.KlineUpdate])
    assert_type(trades.batch("1s"), Frames)
    assert_type(trades.batch(1.0, to="list"), Node[list[Trade]])
    assert_type(trades.batch("1s").map(len), Node[int])
    assert_type(trades.sliding_window(3), Node[tuple[Trade, ...]])
    assert_type(trades.timed_window("1s"), Node[list[Trade]])
    assert_type(trades.rate_limit(0.5).buffer(10).latest(), Node[Trade])
    assert_type(trades.union(values), Node[Trade | float])
    assert_type(values.sink_to_list(), list[float])
    assert_type(values.unique().slice(0, 10).delay(0.1), Node[float])
    assert_type(aiter(values), Reading[float])
    values.to_dataframe(example=1.0, every="1s")
    values.sink_to_frame(100).widget()
    values.destroy()


def frames(client: ks.Client) -> None:
    book, bars = client.book("BTC-USDT"), ks.klines("BTC-USDT", "1min", history=500)
    assert_type(book, LiveBook)
    assert_type(bars, LiveKlines)
    assert_type(book.wait().mid, float)
    assert_type(book.sequence, int | None)
    assert_type(book.bids, pd.DataFrame)
    assert_type(bars.df, pd.DataFrame)
    assert_type(bars.head(5), pd.DataFrame)
    assert_type(book.stream, LiveSource[Top])
    assert_type(client.trades("BTC-USDT").frame(), FeedFrame)
    assert_type(client.ps(), pd.DataFrame)
    client.simulator, client.engine  # noqa: B018  are there
    bars.kinds, book.received, book.version, book.topics  # noqa: B018


def a_book(book: LiveBook) -> None:
    assert_type(book.asks, pd.DataFrame)
    assert_type(book.best_bid + book.best_ask + book.spread + book.spread_bps + book.microprice, float)
    assert_type(book.imbalance(10), float)
    assert_type(book.depth(bps=(5, 10)), pd.DataFrame)
    assert_type(book.grouped(1.0), pd.DataFrame)
    assert_type(book.weighted(5), Sides)
    assert_type(book.notional(), Sides)
    assert_type(book.sweep("buy", size=2.0), Sweep)
    assert_type(book.tops(), LiveTops)
    assert_type(book.audit(), Audit)
    assert_type(book.audited, Audit | None)
    assert_type(book.gaps(), pd.DataFrame)
    assert_type((book.source, book.note, book.status, book.badge), tuple[str, str, str, str])
    assert_type(book.gap_count + book.updates + book.memory, int)
    book.audit_every(60)
    book.levels(5)
    book.at("2026-01-01 12:00")
    book.settle()


def verbs_of_frames(frame: FeedFrame, books: LiveBooks) -> None:
    assert_type(frame.wait(timeout=2.0), FeedFrame)
    assert_type(frame.tail(3), pd.DataFrame)
    assert_type(frame.rows(3), pd.DataFrame)
    assert_type(frame.to_parquet("trades.parquet"), Path)
    assert_type(books["BTC-USDT"], LiveBook)
    assert_type(books.stream, Node[BookTop])
    assert_type(len(books), int)
    frame.to_arrow(), frame.to_polars(), frame.to_plotly(), frame.to_hvplot()
    frame.widget("tape")
    frame.freeze()
    frame.resume()
    frame.recent(10)
    frame.size_unit, frame.multiplier  # noqa: B018  are there
    frame.decimals("BTC-USDT")
    frame.stop()


def analytics(trades: FeedFrame, bars: LiveKlines) -> None:
    assert_type(trades.ohlcv("5s", fill=False), pd.DataFrame)
    assert_type(trades.tick_bars(100), pd.DataFrame)
    assert_type(trades.volume_bars(10.0), pd.DataFrame)
    assert_type(trades.dollar_bars(1e6), pd.DataFrame)
    assert_type(trades.signed_volume(), "pd.Series[float]")
    assert_type(bars.returns("simple"), "pd.Series[float]")
    assert_type(bars.amihud(), float)
    assert_type(bars.missing_bars(), pd.DataFrame)
    bars.bars(10)
    trades.vwap("1min"), trades.trade_imbalance(), trades.roll_spread()
    bars.realised_volatility("5min", annual=True)
    assert_type(ks.align([trades, bars], every="100ms"), pd.DataFrame)


def the_past(client: ks.Client) -> None:
    assert_type(client.history("BTC-USDT", "1min", "2026-01-01", fill=False), pd.DataFrame)
    assert_type(ks.history("XBTUSDTM", "1day", pd.Timedelta("30D"), cache=False), pd.DataFrame)
    assert_type(client.trade_history("BTC-USDT"), pd.DataFrame)
    assert_type(client.funding_history("XBTUSDTM", "2026-01-01"), pd.DataFrame)
    assert_type(client.cache, Cache)
    assert_type(client.cache.info(), pd.DataFrame)
    assert_type(client.cache.clear("BTC-USDT"), int)
    assert_type(client.cache.folder, Path)


def tapes(client: ks.Client) -> None:
    with client.record("day.kcs", client.trades("BTC-USDT")) as tape:
        assert_type(tape, Recording)
        assert_type(tape.messages + tape.missed, int)
    ks.record("day.kcs", private=True).stop()
    with ks.session(minutes=5) as collected:
        assert_type(collected, Session)
        collected.trades("BTC-USDT")
        assert_type(collected.book("BTC-USDT"), LiveBook)
        assert_type(collected.left, float)
    assert_type(collected.frames, dict[str, pd.DataFrame])
    assert_type(client.replay, Replay)
    assert_type(client.replay.position, pd.Timestamp)
    assert_type((client.replay.start, client.replay.end), tuple[pd.Timestamp, pd.Timestamp])
    assert_type((client.replay.playing, client.replay.ended), tuple[bool, bool])
    client.replay.seek("12:00")
    client.replay.play("max")
    client.replay.step(-5)
    client.replay.pause()
    client.replay.widget()
    client.replay.wait(10.0)


def the_account(client: ks.Client) -> None:
    assert_type(client.account, Account)
    client.account.live  # noqa: B018  is there
    assert_type(client.account.orders("spot"), LiveOrders)
    assert_type(client.account.fills(symbols="BTC-USDT"), LiveFills)
    assert_type(client.account.balances(), LiveBalances)
    assert_type(client.account.positions(), LivePositions)
    assert_type(client.orders, Orders)


def orders(desk: Orders) -> None:
    desk.arm("sim", cap={"USDT": 100}, dry_run=True, cancel_on_stop=True)
    answer = desk.spot_order("BTC-USDT", "buy", price="1", size="0.1", post_only=True)
    assert_type(answer, Answered[OrderResult] | DryRun | Answered[SyncResult])
    if isinstance(answer, Answered):
        assert_type(answer.data.order_id, str | None)
        assert_type(answer.code, int)
    changed = desk.spot_modify("BTC-USDT", new_price=2, order_id="1")
    assert_type(changed, Answered[OrderResult] | DryRun)
    desk.spot_cancel("BTC-USDT", order_id="1", sync=True)
    assert_type(desk.margin_order("BTC-USDT", "sell", size=1), Answered[OrderResult] | DryRun)
    assert_type(desk.margin_cancel("BTC-USDT", client_oid="mine"), Answered[OrderResult] | DryRun)
    assert_type(desk.futures_order("XBTUSDTM", "buy", size=1), Answered[OrderResult] | DryRun)
    assert_type(desk.futures_orders([{"symbol": "XBTUSDTM"}]), Answered[list[BatchResult]] | DryRun)
    assert_type(desk.futures_cancel(order_id="1"), Answered[CancelResult] | DryRun)
    assert_type(desk.futures_cancels(["1", "2"]), Answered[list[BatchResult]] | DryRun)
    assert_type(desk.uta_order("BTC-USDT", "buy", size=1), Answered[OrderResult] | DryRun)
    assert_type(desk.uta_amend("BTC-USDT", new_size=1, order_id="1"), Answered[OrderResult] | DryRun)
    assert_type(desk.uta_cancel("BTC-USDT", order_id="1"), Answered[OrderResult] | DryRun)
    desk.disarm()


def many_cores(client: ks.Client, cluster: object) -> None:
    with client.shard(["BTC-USDT", "ETH-*"], cluster, every=0.5) as shards:
        assert_type(shards, Shards)
        assert_type(shards.book("BTC-USDT"), ShardBook)
        assert_type(shards.gaps(), pd.DataFrame)
    assert_type(ks.shard(["BTC-USDT"], cluster), Shards)
    client.trades("BTC-USDT").partition_by("symbol", batch="200ms").scatter().map(len).gather()


def rest(client: ks.Client) -> None:
    assert_type(client.rest.spot_market.get_klines("BTC-USDT", "1min", start_at="2026-01-01"), pd.DataFrame)
    assert_type(client.rest.account.get_account_info(), Record)
    client.rest.spot_market.get_klines("BTC-USDT", "2min")  # type: ignore[arg-type]
    client.rest.spot_market.get_kline("BTC-USDT", "1min")  # type: ignore[attr-defined]
    client.orders.spot_order("BTC-USDT", "bye", price="1", size="0.1")  # type: ignore[arg-type]


async def coroutines() -> float:
    async with ks.Client("sim") as client:
        assert_type(client, ks.Client)
        feed = await client.trades("BTC-USDT")
        assert_type(feed, Feed[Trade])
        assert_type(aiter(feed), Reading[Trade])
        async for trade in feed:
            assert_type(trade, Trade)
            assert_type(trade.price * trade.size, float)
            break
        book = await client.book("BTC-USDT")
        assert_type(book, LiveBook)
        async for top in book:
            assert_type(top, Top)
            break
        async for event in client.events:
            assert_type(event, LifecycleEvent)
            break
        assert_type(await (await client.klines("BTC-USDT", "1min")).ready(30.0), LiveKlines)
        return book.mid


def cells() -> None:
    assert_type(ks.run(coroutines()), float)
    assert_type(ks.run(ks.book("BTC-USDT")), LiveBook)
    assert_type(float(np.log(ks.run(coroutines()))), float)
