"""``df.kucoin`` on frames as users have them, and when pandas knows it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import kucoin_stream as ks
from kucoin_stream.analytics import bars, trades
from kucoin_stream.errors import UsageError
from kucoin_stream.frames.base import utc

NAN = float("nan")
LADDER = pd.DataFrame({"bid_size": [1.0, 2.0], "bid": [99.0, 98.0], "ask": [101.0, NAN], "ask_size": [3.0, NAN]})
TOPS = pd.DataFrame({
    "time": utc(np.array([0, 1]), "s"),
    "bid": [99.0, NAN], "bid_size": [1.0, NAN], "ask": [101.0, NAN], "ask_size": [3.0, NAN],
})  # fmt: skip
TICKERS = TOPS.rename(columns={"bid": "best_bid", "ask": "best_ask", "bid_size": "best_bid_size",
                               "ask_size": "best_ask_size"})  # fmt: skip
TRADES = pd.DataFrame({
    "time": utc(np.array([0, 1, 2, 3]), "s"),
    "symbol": pd.Categorical(["A", "B", "A", "B"], ["A", "B", "C"]),
    "side": pd.Categorical(["buy", "sell", "sell", "sell"]),
    "price": [1.0, 10.0, 3.0, 40.0], "size": [1.0, 1.0, 1.0, 2.0],
})  # fmt: skip


def test_a_ladder_has_numbers() -> None:
    ladder = LADDER.kucoin
    assert (ladder.mid, ladder.microprice, ladder.spread, ladder.spread_bps) == (100.0, 99.5, 2.0, 200.0)
    assert ladder.imbalance(1) == -0.5
    assert ladder.depth([100.0, 200.0])["bid_base"].tolist() == [1.0, 3.0]
    assert ladder.depth(50.0)["known"].tolist() == [True]
    assert ladder.sweep("sell", size=5.0).beyond
    assert not ladder.sweep("sell", size=5.0, whole=True).beyond
    assert ladder.grouped(10.0)["bid"].dropna().tolist() == [90.0]
    assert ladder.notional() == (99 + 196, 303)
    assert ladder.weighted(1) == (99.0, 101.0)


@pytest.mark.parametrize("frame", [TOPS, TICKERS])
def test_best_prices_have_series_of_the_same_index(frame: pd.DataFrame) -> None:
    for name, value in (("mid", 100.0), ("microprice", 99.5), ("spread", 2.0), ("spread_bps", 200.0)):
        series = getattr(frame.kucoin, name)
        assert series.index.equals(frame.index)
        np.testing.assert_array_equal(series, [value, NAN])
    np.testing.assert_array_equal(frame.kucoin.imbalance(), [-0.5, NAN])


@pytest.mark.parametrize(
    "use",
    [
        lambda it: it.vwap(), lambda it: it.vwap("1s"), lambda it: it.ohlcv("1min"), lambda it: it.tick_bars(2),
        lambda it: it.volume_bars(1.0), lambda it: it.dollar_bars(1.0), lambda it: it.trade_imbalance(),
        lambda it: it.trade_imbalance(2), lambda it: it.signed_volume(),
    ],
)  # fmt: skip
def test_a_ticker_is_no_trade_though_it_repeats_the_last_one(use: Callable[[Any], Any]) -> None:
    ticker = TICKERS.assign(price=1.0, size=1.0, side="buy")
    with pytest.raises(UsageError, match="best prices"):
        use(ticker.kucoin)


def test_trades_of_several_symbols_are_told_apart() -> None:
    assert TRADES.kucoin.vwap().to_dict() == {"A": 2.0, "B": 30.0}
    assert TRADES.kucoin.trade_imbalance().to_dict() == {"A": 0.0, "B": -1.0}
    assert TRADES.kucoin.vwap(2).tolist() == [1.0, 10.0, 2.0, 30.0]  # in the order of the rows
    np.testing.assert_allclose(TRADES.kucoin.returns("simple"), [NAN, NAN, 2.0, 3.0])
    stacked = TRADES.kucoin.ohlcv("1min")
    assert stacked.index.names == ["symbol", "time"]
    assert stacked.loc["B", "close"].tolist() == [40.0]


def test_trades_of_one_symbol_are_as_the_functions_have_them() -> None:
    one = TRADES[TRADES["symbol"] == "B"]
    assert one.kucoin.vwap() == trades.vwap(one)
    pd.testing.assert_frame_equal(one.kucoin.ohlcv("1s"), bars.ohlcv(one, "1s"))
    pd.testing.assert_frame_equal(one.kucoin.tick_bars(1), bars.tick_bars(one, 1))
    pd.testing.assert_frame_equal(one.kucoin.volume_bars(1.0), bars.volume_bars(one, 1.0))
    pd.testing.assert_frame_equal(one.kucoin.dollar_bars(1.0), bars.dollar_bars(one, 1.0))
    assert one.kucoin.signed_volume().tolist() == [-1.0, -2.0]


def test_klines_give_a_mean_price_of_each_bar() -> None:
    klines = bars.ohlcv(TRADES[TRADES["symbol"] == "B"], "2s")
    assert klines.kucoin.vwap().tolist() == [10.0, 40.0]
    assert klines.kucoin.missing_bars().empty
    assert klines.kucoin.amihud() == 3.0 / 80
    with pytest.raises(ks.errors.UsageError, match="leave window out"):
        klines.kucoin.vwap(3)


@pytest.mark.parametrize("program", [
    "import pandas as pd, kucoin_stream as ks; pd.DataFrame().kucoin",
    "import kucoin_stream as ks, pandas as pd; ks.schema(); pd.DataFrame().kucoin",
    "import kucoin_stream as ks; ks.schema().kucoin",
])  # fmt: skip
def test_pandas_knows_it_as_soon_as_both_are_used(program: str) -> None:
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False)
    assert (done.stderr, done.returncode) == ("", 0)
