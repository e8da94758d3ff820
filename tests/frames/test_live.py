"""Live frames on the built-in exchange: shapes, verbs, honesty."""

from __future__ import annotations

import datetime as dt
import gc
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import kucoin_stream as ks
from kucoin_stream.errors import NotReadyError
from kucoin_stream.frames.columns import Rows
from kucoin_stream.market.book import Top
from kucoin_stream.protocol.events import Disconnected, Restarted
from kucoin_stream.protocol.messages import futures
from kucoin_stream.protocol.messages.rest_klines import FuturesBar
from kucoin_stream.protocol.topics import CATALOGUE, Connection
from kucoin_stream.simulator import Simulator
from kucoin_stream.streams import feed as feeds
from tests.conftest import until

Connect = Callable[..., ks.Client]


def test_a_book_has_the_promised_shapes(client: ks.Client) -> None:
    book = client.book("BTC-USDT").wait()
    frame = book.df
    assert list(frame.columns) == ["bid_size", "bid", "ask", "ask_size"]
    assert set(frame.dtypes) == {np.dtype("float64")}
    assert frame["bid"].dropna().is_monotonic_decreasing
    assert frame["ask"].dropna().is_monotonic_increasing
    for side in (book.bids, book.asks):
        assert list(side.columns) == ["price", "size", "total"]
        assert np.allclose(side["total"], side["size"].cumsum())
    assert book.best_bid < book.mid < book.best_ask
    assert book.spread > 0
    assert -1 <= book.imbalance(10) <= 1
    assert isinstance(book.sequence, int)


def test_imbalance_is_that_of_the_levels_asked_for(client: ks.Client) -> None:
    book = client.book("SOL-USDT").wait()
    for _ in range(20):  # the market moves on: compare at one sequence
        before = book.sequence
        value, bids, asks = book.imbalance(3), book.bids["size"][:3].sum(), book.asks["size"][:3].sum()
        if book.sequence == before:
            assert value == pytest.approx((bids - asks) / (bids + asks))
            return
    pytest.fail("the book never held still")


def test_attrs_are_few_flat_and_say_what_the_frame_is(client: ks.Client) -> None:
    attrs = client.book("BTC-USDT").wait().df.attrs
    assert attrs["feed"] == "spot.level2 BTC-USDT"
    assert attrs["status"] == "live"
    assert attrs["source"] == "url"
    assert dt.datetime.fromisoformat(attrs["time"]).tzinfo is not None
    assert len(attrs) <= 6
    assert all(isinstance(value, str) for value in attrs.values())


def test_a_book_streams_frozen_changes_one_for_each_sequence(client: ks.Client) -> None:
    book = client.book("BTC-USDT").wait()
    seen: list[Any] = []
    book.stream.sink(seen.append)
    until(lambda: len(seen) > 30)
    assert all(type(each) is Top for each in seen)
    sequences = [each.sequence for each in seen]
    assert sequences == list(range(sequences[0], sequences[0] + len(sequences)))


def test_a_book_without_a_key_is_partial_and_every_level_of_it_is_right(connect: Connect) -> None:
    client, whole = connect(key=False), connect()
    partial, full = (each.book("BTC-USDT", source="classic").wait() for each in (client, whole))
    assert partial.status == "partial"
    until(lambda: partial.updates > 200)
    for _ in range(200):
        mine, theirs = partial.levels(), full.levels()
        if mine.sequence == theirs.sequence:
            count = len(mine.bid_prices)
            assert mine.bid_prices.tolist() == theirs.bid_prices[:count].tolist()
            assert mine.bid_sizes.tolist() == theirs.bid_sizes[:count].tolist()
            count = len(mine.ask_prices)
            assert mine.ask_prices.tolist() == theirs.ask_prices[:count].tolist()
            assert mine.ask_sizes.tolist() == theirs.ask_sizes[:count].tolist()
            assert count >= 50
            return
    pytest.fail("the two books were never seen at one sequence")


@pytest.mark.parametrize(("symbol", "history"), [("BTC-USDT", 500), ("BTC-USDT", 2000), ("XBTUSDTM", 1200)])
def test_klines_join_history_and_the_live_bar(client: ks.Client, symbol: str, history: int) -> None:
    bars = client.klines(symbol, "1min", history).wait()
    frame = bars.df
    assert history <= len(frame) <= len(bars) <= history + 1  # a minute may begin meanwhile
    assert list(frame.columns) == ["open", "high", "low", "close", "volume", "turnover"]
    assert set(frame.dtypes) == {np.dtype("float64")}
    assert frame.index.name == "time"
    assert frame.index.dtype == "datetime64[ns, UTC]"
    assert (frame.index.to_series().diff().dropna() == pd.Timedelta("1min")).all()
    assert (frame["high"] >= frame[["open", "close"]].max(axis=1)).all()
    assert (frame["low"] <= frame[["open", "close"]].min(axis=1)).all()
    assert bars.interval_seconds == 60
    version = bars.version
    until(lambda: bars.version != version, "the live bar moves")
    assert bars.df["close"].rolling(20).mean().iloc[-1] > 0


@pytest.mark.parametrize(
    ("symbol", "interval"),
    [("ETH-USDT", interval) for interval in ("1min", "5min", "1hour", "1day", "1week")]
    + [("ETHUSDTM", interval) for interval in ("1min", "8hour", "1week")],
)
def test_klines_of_every_kind_come(client: ks.Client, symbol: str, interval: str) -> None:
    frame = client.klines(symbol, interval, 100).wait().df
    assert 95 <= len(frame) <= 101
    assert frame.index.is_monotonic_increasing
    assert frame.index.is_unique


@pytest.mark.parametrize(
    ("symbol", "row"),
    [("SOL-USDT", "spot.trades"), ("XBTUSDTM", "futures.trades")],
)
def test_klines_live_bar_follows_the_trades(client: ks.Client, symbol: str, row: str) -> None:
    trades = client.feed(row, symbol).frame()
    bars = client.klines(symbol, "1min", 10).wait()
    until(lambda: len(trades) > 1)

    def agrees() -> bool:
        last = trades.df["price"].iloc[-1]
        return bool(bars.df["close"].iloc[-1] == last)

    until(agrees, "the live bar closes at the last trade")


def test_bars_of_a_contract_equal_the_exchange_in_lots_and_its_stream_tells_them(
    client: ks.Client, sim: Simulator
) -> None:
    bars = client.klines("XBTUSDTM", "1min", 600).wait()
    assert (bars.title, bars.symbol, bars.price_decimals, bars.volume_unit) == ("XBTUSDTM 1min", "XBTUSDTM", 1, "lots")
    query = {"symbol": "XBTUSDTM", "granularity": "1"}
    theirs = client.engine.call(client.engine.futures_rest.get, list[FuturesBar], "/api/v1/kline/query", query)
    closed = bars.df.iloc[-400:-2]
    expected = {row.start_ms: [row.open, row.high, row.low, row.close, row.volume, row.turnover] for row in theirs}
    assert [expected[time.value // 1_000_000] for time in closed.index] == closed.to_numpy().tolist()
    assert (closed["volume"] % 1 == 0).all()
    assert np.allclose(closed["turnover"] / closed["volume"] / 0.001, closed["close"], rtol=0.05)
    seen: list[Any] = []
    bars.stream.sink(seen.append)
    sim.faults.kill()
    until(lambda: bars.status != "live", "the loss is noticed")
    until(lambda: bars.status == "live", "the bars are back")
    update = until(lambda: next((each for each in seen if isinstance(each, futures.KlineUpdate)), None))
    assert (update.symbol, update.interval) == ("XBTUSDTM", "1min")
    assert [type(each) for each in seen[:2]] == [Disconnected, Restarted]
    assert (bars.df.index.to_series().diff().dropna() == pd.Timedelta("1min")).all()


@pytest.mark.parametrize(
    ("symbol", "path"),
    [("BTC-USDT", "/api/v1/market/candles"), ("XBTUSDTM", "/futures/api/v1/kline/query")],
)
def test_a_history_that_fails_is_the_status_and_is_asked_for_again(
    client: ks.Client, sim: Simulator, symbol: str, path: str
) -> None:
    sim.faults.rest(path, 500, "500000", "Internal Server Error", times=3)  # longer than the cell waits
    bars = client.klines(symbol, "1min", 10)
    until(lambda: "500000" in bars.status)
    assert bars.wait().status == "live"


def test_a_feed_frame_has_one_row_a_message_with_right_dtypes(client: ks.Client) -> None:
    feed = client.trades("BTC-USDT", "ETH-USDT")
    frame = feed.frame(maxlen=50)
    assert len(frame.head(3)) <= 3
    until(lambda: len(frame) > 20)
    df = frame.df
    assert list(df.columns[:5]) == ["time", "symbol", "side", "price", "size"]
    assert df["time"].dtype == "datetime64[ns, UTC]"
    assert df["symbol"].dtype == "category"
    assert set(df["side"].cat.categories) <= {"buy", "sell"}
    assert df["price"].dtype == df["size"].dtype == np.dtype("float64")
    assert df["sequence"].dtype == np.dtype("int64")
    assert df.groupby("symbol", observed=True)["size"].sum().gt(0).all()


def test_a_feed_frame_keeps_the_last_rows(client: ks.Client) -> None:
    feed = client.level2("BTC-USDT", news=False)
    seen: list[Any] = []
    feed.sink(seen.append)
    frame = feed.frame(maxlen=5)
    until(lambda: len(seen) > 20)
    df = frame.df
    assert len(frame) == len(df) == 5
    assert df["sequence_end"].diff().dropna().eq(1).all()
    assert len(frame.tail(2)) == 2


def test_a_frame_made_later_begins_with_what_the_feed_received(client: ks.Client) -> None:
    feed = client.trades("BTC-USDT")
    first = feed.frame()
    until(lambda: len(first) > 3)
    feed.stop()
    until(lambda: client.engine.pool.readers == 0)
    known = first.df["sequence"].tolist()
    assert feed.frame().df["sequence"].tolist() == known
    assert len(feed.frame(maxlen=2)) == 2
    assert feed.frame(latest="symbol").df["sequence"].tolist() == known[-1:]
    feed.start()
    resumed = feed.frame()
    until(lambda: len(resumed) > 0)
    assert resumed.df["sequence"].min() > known[-1]


def test_no_more_is_kept_for_later_frames_than_a_few_messages(
    client: ks.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "RECENT", 3)
    feed = client.trades("BTC-USDT")
    until(lambda: feed.received > 3)
    feed.stop()
    assert len(feed.frame()) == 3


SPOT = [row for row in CATALOGUE if row.connection is Connection.SPOT_PUBLIC]


def test_every_feed_has_a_frame(client: ks.Client) -> None:
    frames = {}
    for row in SPOT:  # all at once: some come every 2 s only
        arguments = ["BTC-USDT"] if row.by_symbol else ["USDS"] if row.list_limit else []
        interval = "1min" if "{interval}" in row.path else None
        frames[row.name] = client.feed(row.name, *arguments, interval=interval).frame()
    for name, frame in frames.items():
        if not name.startswith("spot.call_auction"):
            assert len(frame.wait().df) > 0, name


@pytest.mark.parametrize("row", [row for row in CATALOGUE if isinstance(row.payload, type)], ids=lambda row: row.name)
def test_every_kind_of_message_has_columns(row: Any) -> None:
    names = [column.name for column in Rows(row.payload).columns]
    assert len(set(names)) == len(names) > 0


def test_head_says_why_there_is_nothing(client: ks.Client) -> None:
    frame = client.feed("spot.call_auction", "BTC-USDT").frame()
    with pytest.raises(NotReadyError, match=r"BTC-USDT call_auction: nothing to show within 0.1 s; it is live"):
        frame.head(timeout=0.1)


def test_stopping_one_of_two_frames_of_a_symbol_leaves_the_other(client: ks.Client, sim: Simulator) -> None:
    one, two = client.book("BTC-USDT").wait(), client.book("BTC-USDT").wait()
    one.stop()
    assert one.status == "stopped"
    assert one.df.empty
    updates = two.updates
    until(lambda: two.updates > updates)


def test_a_book_nobody_holds_leaves_the_wire(client: ks.Client, sim: Simulator) -> None:
    book = client.book("BTC-USDT").wait()
    assert sim.connections == 1
    del book
    gc.collect()
    until(lambda: sim.connections == 0)


@pytest.mark.usefixtures("_default")
def test_reprs_are_cheap_and_say_what_is_simulated() -> None:
    ks.connect("sim")
    book, bars, trades = ks.book("BTC-USDT"), ks.klines("BTC-USDT", "1min"), ks.trades("BTC-USDT")
    for each in (book, bars, trades, trades.frame(), ks.status()):
        assert "SIMULATED" in repr(each)
    assert book.wait().df.attrs["badge"] == "SIMULATED"


def test_the_status_frame_has_a_row_for_each_connection(client: ks.Client) -> None:
    feed = client.trades("BTC-USDT", "ETH-USDT")
    frame = client.status().df
    assert list(frame["state"]) == ["open"]
    assert list(frame["topics"]) == [2]
    assert feed.status == "live"


def test_statistics_count_the_calls_of_both_markets(client: ks.Client) -> None:
    before = client.statistics()["rest_calls"]
    assert client.contracts
    assert client.statistics()["rest_calls"] == before + 1


@pytest.mark.parametrize("kind", ["book", "trades"])
def test_what_is_stopped_is_displayed_as_a_static_picture(
    client: ks.Client, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundles: list[Any] = []
    monkeypatch.setattr("IPython.display.display", lambda bundle, **_: bundles.append(bundle))
    live: Any = getattr(client, kind)("BTC-USDT")
    live._ipython_display_()
    assert "application/vnd.jupyter.widget-view+json" in bundles[0]
    live.stop()
    live._ipython_display_()
    assert set(bundles[1]) == {"text/html", "text/plain"}
    fresh: Any = getattr(client, kind)("ETH-USDT")
    fresh.stop()
    fresh._ipython_display_()
    assert set(bundles[2]) == {"text/html", "text/plain"}
