"""A notebook from its first cell to its last: every verb of frames and streams, as a user writes it, in order.

The cells share one client of a lively exchange, and each opens what it needs; at the end, the same on real traffic,
and every verb by hand on both.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from streamz import Stream

import kucoin_stream as ks
from kucoin_stream.analytics.accessor import Kucoin
from kucoin_stream.errors import NotReadyError, UsageError
from kucoin_stream.frames.base import LiveFrame
from kucoin_stream.frames.book import LiveBook
from kucoin_stream.frames.books import LiveBooks
from kucoin_stream.frames.collected import NodeFrame
from kucoin_stream.frames.klines import LiveKlines
from kucoin_stream.frames.table import FeedFrame
from kucoin_stream.frames.tops import LiveTops
from kucoin_stream.protocol.messages.spot import KlineUpdate
from kucoin_stream.sessions import Session
from kucoin_stream.simulator import GeneratedMarket, Simulator
from tests.conftest import SYMBOLS, until

BTC, ETH = SYMBOLS[:2]
PERPETUAL = "XBTUSDTM"
ATTRS = {"feed", "status", "source", "badge", "note", "time"}


@pytest.fixture(scope="module")
def exchange() -> Iterator[Simulator]:
    with Simulator(GeneratedMarket(SYMBOLS, seed=7, rate=20)) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def client(exchange: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ks.Client]:
    """The default client, as the first cell of a notebook leaves it."""
    known = exchange.credentials
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield ks.connect(exchange.url, key=known.key, secret=known.secret, passphrase=known.passphrase)
        ks.stop()


@pytest.fixture(scope="module")
def trades(client: ks.Client) -> Any:
    """``trades = ks.trades("*-USDT")``, which has 300 of them."""
    feed = ks.trades("*-USDT")
    until(lambda: feed.received >= 300)
    return feed


def run_of(everything: list[Any], messages: list[Any]) -> list[Any]:
    """Return what came from the first of ``messages`` on, as many."""
    begin = everything.index(messages[0])
    return everything[begin : begin + len(messages)]


def assert_same_rows(read: pd.DataFrame, written: pd.DataFrame) -> None:
    """Compare a frame with what a file gave back: its texts are pandas' own."""
    texts = [name for name, dtype in written.dtypes.items() if dtype.kind == "O" and read[name].dtype == "str"]
    pd.testing.assert_frame_equal(read.astype(dict.fromkeys(texts, "object")), written)
    assert read.attrs == written.attrs


# -- live frames -------------------------------------------------------------------------------------------------


def test_cell_1_a_live_frame_and_its_verbs(client: ks.Client) -> None:
    feed = ks.trades("*-USDT")
    tape = feed.frame(maxlen=100)
    assert set(tape.head(3)["symbol"]) <= set(SYMBOLS)
    until(lambda: feed.received > 150)
    frame = tape.df
    assert len(frame) == len(tape) == 100  # its maximum
    assert {name: str(frame[name].dtype) for name in ("time", "symbol", "side", "price", "size", "sequence")} == {
        "time": "datetime64[ns, UTC]", "symbol": "category", "side": "category",
        "price": "float64", "size": "float64", "sequence": "int64",
    }  # fmt: skip
    assert frame.attrs.keys() == ATTRS
    assert (frame.attrs["feed"], frame.attrs["status"], frame.attrs["source"]) == (feed.title, "live", "url")
    assert tape.df is not frame  # a fresh one
    assert 0 < tape.memory < 100_000
    assert len(tape.tail(7)) == 7
    assert tape.stream is feed
    view = tape.widget()
    tape.stop()
    assert tape.status == "stopped"
    assert len(tape.df) == 100  # what was received stays
    assert view is not tape.widget()  # each is its own picture
    feed.stop()


def test_cell_2_head_says_why_there_is_nothing(client: ks.Client) -> None:
    settled = client.futures.funding_settlement().frame()  # comes every eight hours
    with pytest.raises(NotReadyError, match=r"funding_settlement: nothing to show within 0.1 s; it is live"):
        settled.head(timeout=0.1)
    assert settled.df.empty
    assert "funding_rate" in settled.df.columns


def test_cell_3_wide_frames(client: ks.Client) -> None:
    wide = ks.ticker("*-USDT").frame(latest="symbol")
    until(lambda: len(wide) == len(SYMBOLS))
    assert sorted(wide.df.index) == sorted(SYMBOLS)
    assert (wide.df.kucoin.spread > 0).all()
    books = ks.books("*-USDT")
    top = books.head()
    assert sorted(top.index) == sorted(SYMBOLS)
    assert (top["bid"] < top["ask"]).all()
    assert books[ETH].wait().spread > 0
    assert len(books) == 3


def test_cell_4_funding_mark_index_and_the_account(client: ks.Client) -> None:
    assert "funding_rate" in client.futures.funding_rate(PERPETUAL).frame().df.columns
    mark = client.futures.mark_price(PERPETUAL).frame().head(1)
    assert mark["mark_price"].iloc[0] == pytest.approx(mark["index_price"].iloc[0], rel=0.01)
    balances = client.account.balances().head(100)
    assert (balances["total"] >= balances["hold"]).all()
    for frame in (client.account.orders(), client.account.fills(), client.account.positions()):
        assert set(frame.head().columns) >= {"symbol"} or frame.df.index.names == ["symbol"]
        assert frame.df.attrs["status"] == "live"


def test_cell_5_exact_numbers(client: ks.Client) -> None:
    exact = ks.trades(BTC).frame(exact=True).head()
    assert all(isinstance(each, Decimal) for each in [*exact["price"], *exact["size"]])
    assert exact.kucoin.vwap() == pytest.approx(float(exact["price"].iloc[0]), rel=0.01)


# -- analytics ---------------------------------------------------------------------------------------------------


def test_cell_6_what_a_book_tells(client: ks.Client) -> None:
    book = ks.book(BTC).wait()
    ladder = book.df.kucoin
    assert ladder.df["bid"][0] < ladder.mid < ladder.df["ask"][0]
    assert ladder.df["bid"][0] < ladder.microprice < ladder.df["ask"][0]
    assert ladder.spread_bps == pytest.approx(10_000 * ladder.spread / ladder.mid)
    assert -1 <= book.imbalance(10) <= 1
    near, far = book.depth([5, 50])["bid_base"]
    assert 0 < near <= far
    bought = book.sweep("buy", size=0.5)
    assert bought.filled
    assert bought.average >= book.grouped(1.0)["bid"][0]
    assert book.sweep("sell", size=0.5).average < bought.average
    tops = book.tops()
    mids = (until(lambda: len(tops) > 50) and tops.df).kucoin.mid
    assert mids.between(0.99 * ladder.mid, 1.01 * ladder.mid).all()


def test_cell_7_what_trades_tell(trades: Any) -> None:
    tape = trades.frame()
    frame = tape.df
    for symbol, mean in frame.kucoin.vwap().items():
        low, high = frame.loc[frame["symbol"] == symbol, "price"].agg(["min", "max"])
        assert low <= mean <= high
    btc = frame[frame["symbol"] == BTC]
    volume = btc["size"].sum()
    verbs = btc.kucoin
    for bars in (verbs.ohlcv("250ms"), verbs.tick_bars(5), verbs.volume_bars(volume / 7), verbs.dollar_bars(5000)):
        assert bars["volume"].sum() == pytest.approx(volume)
        assert (bars["low"] <= bars[["open", "close"]].min(axis=1)).all()
        assert (bars["high"] >= bars[["open", "close"]].max(axis=1)).all()
    assert btc.kucoin.trade_imbalance() == pytest.approx(btc.kucoin.signed_volume().sum() / volume)
    returns = btc.kucoin.returns()
    assert btc.kucoin.realised_volatility() == pytest.approx(np.sqrt((returns**2).sum()))


def test_cell_8_a_ticker_is_not_taken_for_trades(client: ks.Client) -> None:
    tickers = ks.ticker(BTC).frame()
    assert tickers.head().kucoin.mid.notna().all()
    with pytest.raises(UsageError, match="take a frame of trades"):
        tickers.ohlcv("1min")


def test_cell_9_everything_as_of_every_100_ms(client: ks.Client) -> None:
    book, tape = ks.book(BTC).wait(), ks.trades(BTC).frame()
    mark, funding = client.futures.mark_price(PERPETUAL).frame(), client.funding_history(PERPETUAL, pd.Timedelta("1D"))
    tops = book.tops()
    until(lambda: len(tops) > 50 and len(tape) > 10 and len(mark))
    bars = ks.history(BTC, "1min", pd.Timedelta("5min"))
    rows = ks.align({"book": tops, "trades": tape, "klines": bars, "mark": mark}, every="100ms")
    assert (rows.index.to_series().diff().dropna() == pd.Timedelta("100ms")).all()
    last = rows.iloc[-1]
    assert last["book_bid"] < last["book_ask"]
    assert last[["trades_price", "klines_close", "mark_mark_price"]].notna().all()
    rows = ks.align([tape, funding])
    assert (rows["frame_funding_rate"] == funding["funding_rate"].iloc[-1]).all()


def test_cell_10_a_session(trades: Any) -> None:
    with ks.session(seconds=1) as session:
        book = session.book(BTC)
        session.trades(BTC)
        session.collect(trades, "all")
    frames = session.frames
    assert list(frames) == ["book", "trades", "all"]
    assert all(len(frame) for frame in frames.values())
    assert set(frames["all"]["trade_id"]) >= set(frames["trades"]["trade_id"])
    assert (book.status, trades.status) == ("stopped", "live")
    assert {"book_bid", "trades_price"} <= set(ks.align([frames["book"], frames["trades"]], every="100ms").columns)


# -- streams -----------------------------------------------------------------------------------------------------


def test_cell_11_nodes(client: ks.Client) -> None:
    trades = ks.trades("*-USDT", stream_name="tape")
    everything, first = trades.sink_to_list(), trades.take(3).sink_to_list()
    slow, few = trades.resample("300ms").sink_to_list(), trades.conflate(per_second=4).sink_to_list()
    frames, lists = trades.batch("200ms").sink_to_list(), trades.batch(every=0.2, to="list").sink_to_list()
    bars = trades.to_klines("1min", closed=False, partial=True).sink_to_list()
    own = trades.symbol(ETH).map(lambda trade: {"funds": trade.price * trade.size}).sink_to_frame(100)
    until(lambda: all(map(len, (slow, few, frames, lists))) and len(everything) > 100 and len(own) > 5)
    assert trades.name == "tape"
    assert first == run_of(everything, first)
    assert 0 < len(slow) < len(everything)
    assert 0 < len(few) < len(everything)
    batched = [each for batch in lists.copy() for each in batch]
    assert batched == run_of(everything, batched)
    assert pd.concat(frames)["trade_id"].is_unique
    assert {type(each) for each in bars} == {KlineUpdate}
    assert set(own.df["funds"]) <= {each.price * each.size for each in everything.copy() if each.symbol == ETH}
    trades.stop()
    assert trades.status == "stopped"
    trades.start()  # a source can be restarted
    seen = len(everything)
    until(lambda: len(everything) > seen)


def test_cell_12_a_stream_by_its_name_in_the_catalogue(client: ks.Client) -> None:
    seen = Stream.from_kucoin("spot.ticker", BTC).map(lambda each: each.best_bid < each.best_ask).sink_to_list()
    until(lambda: seen)
    assert set(seen) == {True}


def test_cell_13_a_streamz_dataframe(client: ks.Client) -> None:
    trades = ks.trades("*-USDT")
    everything = trades.sink_to_list()
    rows = trades.to_dataframe()
    sums = rows.groupby("symbol")["size"].sum().stream.sink_to_list()
    window = rows.window("1s")["size"].sum().stream.sink_to_list()
    until(lambda: sums and len(sums[-1]) == 3 and len(window) > 3)
    total = float(sums[-1].sum())
    running = np.cumsum([each.size for each in everything])
    assert np.isclose(running, total).any()
    assert all(each >= 0 for each in window)


# -- coroutines --------------------------------------------------------------------------------------------------


NESTED = """
import asyncio, threading
import kucoin_stream as ks

async def main():
    async with ks.Client("{url}") as mine:
        async for trade in mine.trades("BTC-USDT"):
            return trade.symbol

async def nested():
    return ks.run(main())

assert asyncio.run(nested()) == "BTC-USDT"
print("coroutine")
done = threading.Event()
with ks.Client("{url}") as client:
    client.trades("BTC-USDT").take(1).sink(lambda _: (ks.run(main()), done.set()))
    assert done.wait(20)
print("callback")
"""


def test_cell_14_the_async_face_and_run(exchange: Simulator, client: ks.Client) -> None:
    async def main() -> tuple[list[Any], float, int]:
        async with ks.Client(exchange.url) as mine:
            seen: list[Any] = []
            async for trade in mine.trades(BTC):
                seen.append(trade)
                if len(seen) == 3:
                    break
            book = await mine.book(BTC)
            return seen, book.mid, len(await asyncio.to_thread(mine.history, BTC, "1min", pd.Timedelta("1h")))

    results = [ks.run(main())]
    for seen, mid, bars in results:
        assert {each.symbol for each in seen} == {BTC}
        assert mid == pytest.approx(seen[0].price, rel=0.01)
        assert bars in (59, 60)
    program = NESTED.format(url=exchange.url)  # where a loop runs already, asyncio is patched for the whole process
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("coroutine\ncallback\n", "")


# -- bridges and history -----------------------------------------------------------------------------------------


def test_cell_15_ways_out(client: ks.Client, trades: Any, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    frame = trades.frame().df
    assert_same_rows(pd.read_parquet(frame.kucoin.to_parquet(tmp_path / "trades.parquet")), frame)
    assert frame.kucoin.to_arrow().num_rows == len(frame)
    pytest.importorskip("polars")
    assert frame.kucoin.to_polars().height == len(frame)
    pytest.importorskip("plotly")
    assert [each.type for each in ks.klines(BTC, "1min").wait().to_plotly().data] == ["candlestick", "bar"]
    assert ks.book(BTC).wait().to_plotly().layout.title.text == f"spot.level2 {BTC}"
    assert ks.trades(BTC).frame(exact=True).wait().to_plotly().to_json()


def test_cell_15_plots(client: ks.Client) -> None:
    pytest.importorskip("hvplot")
    for frame in (ks.klines(BTC, "1min"), ks.book(BTC), ks.trades(BTC).frame(exact=True)):
        assert frame.wait().to_hvplot(width=300) is not None


@pytest.mark.parametrize("interval", ["1min", "1hour", "1day"])
@pytest.mark.parametrize("symbol", [BTC, PERPETUAL])
def test_cell_16_history_and_live_are_one(client: ks.Client, symbol: str, interval: str) -> None:
    live = ks.klines(symbol, interval, history=30).wait().df
    past = ks.history(symbol, interval, live.index[0])
    assert past.index.is_monotonic_increasing
    assert past.index.equals(live.index[: len(past)])
    assert len(past) >= len(live) - 1
    settled = past.index[:-1]  # the last one may have ended just now
    pd.testing.assert_frame_equal(past.loc[settled, list(live.columns)], live.loc[settled], check_freq=False)


def test_cell_17_what_was_asked_for_once_is_kept(client: ks.Client) -> None:
    pytest.importorskip("pyarrow")
    client.cache.clear()
    span = ("2026-11-01T00:00", "2026-11-01T03:00")
    first, again = (ks.history(BTC, "1min", *span, cache=True) for _ in range(2))
    assert (first.attrs["cached"], again.attrs["cached"]) == (0, len(again))
    pd.testing.assert_frame_equal(first, again)
    assert client.cache.info()["interval"].tolist() == ["1min"]
    assert set(client.trade_history(BTC)["side"]) <= {"buy", "sell"}


# -- the same on real traffic ------------------------------------------------------------------------------------


def test_the_same_on_real_traffic(spot_capture: Path, tmp_path: Path) -> None:
    symbols = ["ANKR-BTC", "BCHSV-USDT", "EQZ-BTC"]
    with ks.Client(spot_capture, speed="max") as client, ks.session(seconds=30, client=client) as session:
        books = client.books(*symbols)
        tape = session.trades("BCHSV-USDT")
        tickers = session.ticker(*symbols)
        bars = tape.to_klines("1min", closed=False, partial=True).sink_to_frame(latest="symbol")
        sums = tape.to_dataframe().groupby("symbol")["size"].sum().stream.sink_to_list()
        latest = tickers.frame(latest="symbol")
        until(lambda: tape.received == 5 and tickers.received == 386 and sums and len(bars))
        top, now = books.head(), latest.df
        session.stop()
    assert (top["status"] == "live").all()
    assert (now.loc[top.index, "best_bid"] <= top["ask"]).all()
    trades, best = session.frames["trades"], session.frames["ticker"]
    assert (trades.attrs["badge"], trades["time"].dt.year.unique().tolist()) == ("REPLAYED", [2021])
    assert trades["sequence"].is_monotonic_increasing
    volume = trades["size"].sum()
    assert float(sums[-1].sum()) == pytest.approx(volume)
    minutes = trades.kucoin.ohlcv("1min")
    assert minutes["volume"].sum() == pytest.approx(volume)
    assert bars.df["volume"].iloc[0] == pytest.approx(minutes["volume"].iloc[-1])
    assert (best.kucoin.spread_bps > 0).all()
    rows = ks.align([best[best["symbol"] == "BCHSV-USDT"], trades], every="1s", tolerance="30s")
    assert len(rows) > 20
    traded = rows.dropna(subset=["trades_price"])
    assert traded["trades_price"].between(0.99 * traded["book_best_bid"], 1.01 * traded["book_best_ask"]).all()
    pytest.importorskip("pyarrow")
    assert_same_rows(pd.read_parquet(trades.kucoin.to_parquet(tmp_path / "real.parquet")), trades)


# -- each verb, on the built-in exchange and on real traffic ------------------------------------------------------


class World(NamedTuple):
    """An exchange, and a symbol of it that is traded."""

    client: ks.Client
    symbol: str
    badge: str


@pytest.fixture(params=["built-in", "real traffic"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    if request.param == "built-in":
        yield World(request.getfixturevalue("client"), BTC, "")
        return
    with ks.Client(request.getfixturevalue("spot_capture"), speed=20.0) as client:
        yield World(client, "BCHSV-USDT", "REPLAYED")


def test_cell_18_every_live_frame_has_the_verbs(world: World) -> None:
    client, symbol, badge = world
    book, trades = client.book(symbol), client.trades(symbol)
    frames = {
        "tops": book.tops(), "book": book, "books": client.books(symbol), "klines": client.klines(symbol, "1min", 5),
        "trades": trades.frame(100), "exact": trades.frame(exact=True), "status": client.status(),
        "wide": client.ticker(symbol).frame(latest="symbol"), "node": trades.symbol(symbol).sink_to_frame(100),
    }  # fmt: skip
    for name, frame in frames.items():
        head, tail = frame.head(2, timeout=20), frame.tail(2)
        assert (0 < len(head) <= 2, 0 < len(tail) <= 2) == (True, True), name
        df = frame.wait().df
        assert list(df.columns) == list(head.columns) == list(tail.columns), name
        assert (df.attrs.keys(), df.attrs["badge"], df.attrs["status"]) == (ATTRS, badge, "live"), name
        assert len(frame) > 0, name
        assert frame.memory > 0, name
        assert hasattr(frame.stream, "sink"), name
        assert frame.title in repr(frame), name
        assert frame.badge == badge, name
        view = frame.widget()
        frame.freeze()
        frame.resume()
        frame.stop()
        assert view.frozen or view.closed or frame._over, name
        assert frame.status == "stopped", name
        assert list(frame.df.columns) == list(df.columns), name  # what was received stays, of a book the form
    assert trades.frame().head(1, timeout=20)["price"].iloc[0] > 0  # the feed goes on


def test_cell_19_a_book_by_hand(world: World) -> None:
    book = world.client.book(world.symbol).wait()
    until(lambda: book.updates > 20)
    assert book.best_bid <= book.best_ask
    assert book.topics == (f"/market/level2:{world.symbol}",)
    assert book.source in book.df.attrs["feed"]
    before = book.sequence
    assert before is not None
    assert (book.sequence or 0) >= before
    assert book.levels(3).bid_prices[0] >= book.levels(3).bid_prices[-1]
    assert book.gap_count == len(book.gaps())
    assert list(book.bids) == list(book.asks) == ["price", "size", "total"]
    ladder = book.df
    bids = ladder[["bid", "bid_size"]].dropna().to_numpy().tolist()
    asks = ladder[["ask", "ask_size"]].dropna().to_numpy().tolist()
    (bid, bid_size), (ask, ask_size), verbs = bids[0], asks[0], ladder.kucoin
    mid = (bid + ask) / 2
    assert verbs.mid == mid
    assert verbs.microprice == pytest.approx((bid * ask_size + ask * bid_size) / (bid_size + ask_size))
    assert (verbs.spread, verbs.spread_bps) == (ask - bid, pytest.approx(10_000 * (ask - bid) / mid))
    bought, sold = (sum(size for _, size in side[:5]) for side in (bids, asks))
    assert verbs.imbalance(5) == pytest.approx((bought - sold) / (bought + sold))
    near = [(price, size) for price, size in bids if price >= mid * (1 - 25 / 10_000)]
    assert verbs.depth(25)["bid_base"].iloc[0] == pytest.approx(sum(size for _, size in near))
    assert verbs.depth(25)["bid_quote"].iloc[0] == pytest.approx(sum(price * size for price, size in near))
    best = sum(size for _, size in asks[:3])
    paid = sum(price * size for price, size in asks[:3])
    found = verbs.sweep("buy", size=best)
    assert (found.size, found.levels, found.worst) == (best, 3, asks[2][0])
    assert (found.funds, found.average) == (pytest.approx(paid), pytest.approx(paid / best))
    assert verbs.weighted(3).ask == pytest.approx(paid / best)
    assert verbs.notional(3).ask == pytest.approx(paid)
    tick = 100 * float(world.client.symbol(world.symbol).price_increment or 0)
    grouped = verbs.grouped(tick)
    assert grouped["ask_size"].sum() == pytest.approx(ladder["ask_size"].sum())
    assert grouped["ask"][0] - tick < ask <= grouped["ask"][0] + 1e-9
    assert [str(each) for each in verbs.exact()["bid"][:3]] == [repr(price) for price, _ in bids[:3]]


def plain_bars(trades: pd.DataFrame) -> list[list[float]]:
    """Return open, high, low, close and volume of each minute with trades, without any pandas."""
    minutes: dict[int, list[tuple[float, float]]] = {}
    for time, price, size in zip(trades["time"], trades["price"], trades["size"], strict=True):
        minutes.setdefault(time.value // 60_000_000_000, []).append((price, size))
    return [
        [rows[0][0], max(rows)[0], min(rows)[0], rows[-1][0], sum(size for _, size in rows)]
        for _, rows in sorted(minutes.items())
    ]


def test_cell_20_trades_by_hand(world: World) -> None:
    tape = world.client.trades(world.symbol).frame()
    until(lambda: len(tape) >= 5, timeout=20)
    frame = tape.df
    verbs, prices, sizes = frame.kucoin, frame["price"].tolist(), frame["size"].tolist()
    signed = [size if side == "buy" else -size for size, side in zip(sizes, frame["side"], strict=True)]
    paid = sum(price * size for price, size in zip(prices, sizes, strict=True))
    assert verbs.vwap() == pytest.approx(paid / sum(sizes))
    assert verbs.vwap(2).iloc[1] == pytest.approx((prices[0] * sizes[0] + prices[1] * sizes[1]) / sum(sizes[:2]))
    assert verbs.signed_volume().tolist() == signed
    assert verbs.trade_imbalance() == pytest.approx(sum(signed) / sum(sizes))
    assert verbs.trade_imbalance("1s").iloc[0] == np.sign(signed[0])
    minutes = verbs.ohlcv("1min", fill=False)[["open", "high", "low", "close", "volume"]]
    np.testing.assert_allclose(minutes, plain_bars(frame))
    for bars in (verbs.tick_bars(2), verbs.volume_bars(sum(sizes) / 3), verbs.dollar_bars(paid / 3)):
        assert bars["volume"].sum() == pytest.approx(sum(sizes))
        assert bars["trades"].sum() == len(frame)
        assert bars["turnover"].sum() == pytest.approx(paid)
    moves = [np.log(later / before) for before, later in pairwise(prices)]
    np.testing.assert_allclose(verbs.returns()[1:], moves)
    assert verbs.realised_volatility() == pytest.approx(np.sqrt(sum(move**2 for move in moves)))
    spread = verbs.roll_spread()
    assert np.isnan(spread) or spread >= 0
    assert len(verbs.ohlcv("1s")) == (frame["time"].iloc[-1].floor("s") - frame["time"].iloc[0].floor("s")).seconds + 1


def test_cell_21_bars_of_trades_are_those_of_the_exchange(world: World) -> None:
    client, symbol, badge = world
    tape, klines = client.trades(symbol).frame(), client.klines(symbol, "1min", 5).wait(20)
    if badge:  # all there is of two minutes
        until(lambda: len(tape) == 5 and len(klines) == 2, timeout=20)
        made, theirs = tape.ohlcv("1min"), klines.df
        pd.testing.assert_frame_equal(made, theirs, check_freq=False)
        assert klines.missing_bars().empty
    frame = klines.df
    traded = frame[frame["volume"] > 0]
    np.testing.assert_allclose(traded.kucoin.vwap(), traded["turnover"] / traded["volume"])
    moves = (traded["close"].pct_change().abs() / traded["turnover"]).dropna()
    assert traded.kucoin.amihud() == pytest.approx(moves.mean())
    assert klines.returns("simple").iloc[1] == pytest.approx(frame["close"].pct_change().iloc[1])
    assert klines.realised_volatility(annual=True) > 0
    assert len(klines.bars(2).close) == 2


def test_cell_22_a_session_joined_and_taken_elsewhere(world: World, tmp_path: Path) -> None:
    client, symbol, badge = world
    with ks.session(seconds=20, client=client) as session:
        book, trades = session.book(symbol), session.trades(symbol)
        session.ticker(symbol)
        session.feed("spot.level2", symbol)
        session.klines(symbol, "1min", history=5)
        until(lambda: trades.received >= 5 and all(map(len, session.frames.values())), timeout=20)
        assert 0 < session.left < 20
        session.stop()
    frames = session.frames
    assert list(frames) == ["book", "trades", "ticker", "level2", "klines"]
    assert (book.status, trades.status) == ("stopped", "stopped")
    rows = ks.align({name: frames[name] for name in ("book", "trades", "klines")}, every="100ms", start="trades")
    assert rows.index[0] >= frames["trades"]["time"].iloc[0] > rows.index[0] - pd.Timedelta("100ms")
    assert rows["trades_price"].notna().all()
    assert rows.attrs.get("badge", "") == badge
    for name in ("book", "trades", "klines"):
        table = frames[name].kucoin
        pytest.importorskip("pyarrow")
        assert_same_rows(pd.read_parquet(table.to_parquet(tmp_path / f"{name}.parquet")), frames[name])
        assert table.to_arrow().num_rows == len(frames[name])
        pytest.importorskip("polars")
        assert table.to_polars().height == len(frames[name])
        pytest.importorskip("plotly")
        assert badge in table.to_plotly().layout.title.text
    pytest.importorskip("hvplot")
    assert frames["trades"].kucoin.to_hvplot(width=300) is not None


def test_cell_23_streams(world: World) -> None:
    trades = world.client.trades(world.symbol)
    everything, first = trades.sink_to_list(), trades.take(2).sink_to_list()
    lists, frames = trades.batch("200ms", to="list").sink_to_list(), trades.batch("200ms").sink_to_list()
    slow, few = trades.resample("200ms").sink_to_list(), trades.conflate(per_second=5).sink_to_list()
    bars = trades.to_klines("1min", closed=False, partial=True).sink_to_list()
    sums = trades.to_dataframe().groupby("symbol")["size"].sum().stream.sink_to_list()
    until(lambda: len(everything) >= 5 and all(map(len, (lists, frames, slow, few, bars, sums))), timeout=20)
    assert first == run_of(everything, first)
    batched = [each for batch in lists.copy() for each in batch]
    assert batched == run_of(everything, batched)
    told, known = pd.concat(frames)["trade_id"].tolist(), [each.trade_id for each in everything]
    begin = known.index(told[0])  # each branch begins when it is made
    assert told == known[begin : begin + len(told)]
    assert {each.trade_id for each in [*slow, *few]} <= {each.trade_id for each in everything}
    assert bars[0].candle.open in {each.price for each in everything}
    sizes, summed = [each.size for each in everything], float(sums[-1].sum())
    assert any(np.isclose(np.cumsum(sizes[begin:]), summed).any() for begin in range(len(sizes)))


VERBS = (LiveFrame, LiveBook, LiveBooks, LiveTops, LiveKlines, FeedFrame, NodeFrame, Session, Kucoin)
ELSEWHERE = {
    "at": "only of a tape: tests/recording", "audit": "tests/frames/test_audit.py", "audit_every": "the same",
    "audited": "the same", "settle": "called by the client", "ready": "await: tests/test_async.py",
    "multiplier": "of futures: tests/analytics", "note": "tests/frames/test_verbs.py", "recent": "for pictures",
    "rows": "for pictures", "decimals": "for pictures", "version": "for pictures", "expected": "for pictures",
    "quotes": "for pictures", "size_unit": "for pictures", "newest": "for pictures", "arrays": "for pictures",
}  # fmt: skip


def test_the_story_leaves_no_verb_out() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    names = {name for kind in VERBS for base in kind.__mro__ if base.__module__.startswith("kucoin_stream")
             for name, each in vars(base).items()
             if not name.startswith("_") and (callable(each) or isinstance(each, property))}  # fmt: skip
    assert {name for name in names if f".{name}" not in text} - ELSEWHERE.keys() == set()
