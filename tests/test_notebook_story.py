"""A notebook from its first cell to its last: every verb of frames and streams, as a user writes it, in order.

The cells share one client of a lively exchange, and each opens what it needs; at the end, the same on real traffic.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from streamz import Stream

import kucoin_stream as ks
from kucoin_stream.errors import NotReadyError, UsageError
from kucoin_stream.protocol.messages.spot import KlineUpdate
from kucoin_stream.simulator import GeneratedMarket, Simulator
from tests.conftest import SYMBOLS, until

BTC, ETH = SYMBOLS[:2]
PERPETUAL = "XBTUSDTM"
ATTRS = {"title", "status", "source", "badge", "note", "time"}


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
    assert (frame.attrs["title"], frame.attrs["status"], frame.attrs["source"]) == (tape.title, "live", "url")
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
    assert ks.book(BTC).wait().to_plotly().layout.title.text == BTC
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
