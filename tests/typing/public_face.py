"""What type checkers know of the public face: ``mypy --strict`` reads this file, nothing runs it."""

from __future__ import annotations

from typing import assert_type

import numpy as np
import pandas as pd

import kucoin_stream as ks
from kucoin_stream.account import Account
from kucoin_stream.frames.account.frames import LiveBalances, LiveFills, LiveOrders, LivePositions
from kucoin_stream.frames.book import LiveBook
from kucoin_stream.frames.klines import LiveKlines
from kucoin_stream.frames.table import FeedFrame
from kucoin_stream.market.book import Top
from kucoin_stream.orders.desk import Orders
from kucoin_stream.protocol.events import News
from kucoin_stream.protocol.lifecycle import LifecycleEvent
from kucoin_stream.protocol.messages import account, futures, pro, pro_account, spot
from kucoin_stream.protocol.messages.unions import Increment, KlineUpdate, Ticker, Trade
from kucoin_stream.rest.record import Record
from kucoin_stream.streams.feed import Feed
from kucoin_stream.streams.lifecycle import Events
from kucoin_stream.streams.reading import Reading
from kucoin_stream.streams.source import LiveSource


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


def the_account(client: ks.Client) -> None:
    assert_type(client.account, Account)
    assert_type(client.account.orders("spot"), LiveOrders)
    assert_type(client.account.fills(symbols="BTC-USDT"), LiveFills)
    assert_type(client.account.balances(), LiveBalances)
    assert_type(client.account.positions(), LivePositions)
    assert_type(client.orders, Orders)
    client.orders.spot_order("BTC-USDT", "buy", price="1", size="0.1", post_only=True)


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
