"""Klines made from trades are the exchange's own: on the built-in exchange, and in the captures of real traffic."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest

import kucoin_stream as ks
from kucoin_stream.analytics.bars import bar_vwap, ohlcv
from kucoin_stream.frames.base import utc
from kucoin_stream.protocol.topics import FUTURES_INTERVALS, INTERVALS
from kucoin_stream.simulator.generated import GeneratedMarket
from tests.conftest import SHARED, until

SECOND = 1_000_000_000
# 2026-10-01 is a Thursday: within ten minutes a bar of every interval begins, that of weeks and months too
BEGIN = int(pd.Timestamp("2026-09-30T23:50", tz="UTC").value)
HOURS = 2.5
SPOT = "/market/match:BTC-USDT"
CONTRACT, INVERSE = "/contractMarket/execution:XBTUSDTM", "/contractMarket/execution:XBTUSDM"
FUTURES_ORDER = ["open", "high", "low", "close", "volume", "turnover"]  # of REST; protocol.md 8.3.2
SPOT_ORDER = ["open", "close", "high", "low", "volume", "turnover"]  # protocol.md 8.2.6


def trades(pushes: list[Any], topic: str, time: str) -> pd.DataFrame:
    rows = [json.loads(push.text)["data"] for push in pushes if push.topic == topic]
    return pd.DataFrame({
        "time": utc(np.array([int(row[time]) for row in rows], dtype=np.int64), "ns"),
        "side": [row["side"] for row in rows],
        "price": [float(row["price"]) for row in rows],
        "size": [float(row["size"]) for row in rows],
    })  # fmt: skip


def bars(rows: list[list[Any]], order: list[str], unit: str) -> pd.DataFrame:
    """Return an exchange's answer as klines, oldest first."""
    values = sorted([[float(value) for value in row] for row in rows])
    index = utc(np.array([row[0] for row in values], dtype=np.int64), unit).rename("time")
    frame = pd.DataFrame([row[1:] for row in values], columns=order, index=index)
    return frame[["open", "high", "low", "close", "volume", "turnover"]]


class Traded(NamedTuple):
    market: GeneratedMarket
    spot: pd.DataFrame
    futures: pd.DataFrame
    inverse: pd.DataFrame


def run(rate: float) -> Traded:
    """Let a market run, and keep all trades of it."""
    market = GeneratedMarket(["BTC-USDT"], seed=3, rate=rate)
    market.start(BEGIN)
    pushes: list[Any] = []
    for step in range(1, int(HOURS * 360) + 1):
        pushes += market.advance(BEGIN + step * 10 * SECOND, frozenset({SPOT, CONTRACT, INVERSE}))
    futures, inverse = (trades(pushes, topic, "ts") for topic in (CONTRACT, INVERSE))
    return Traded(market, trades(pushes, SPOT, "time"), futures, inverse)


@pytest.fixture(scope="module")
def lively() -> Traded:
    """A market that trades in every minute."""
    return run(0.06)


@pytest.fixture(scope="module")
def quiet() -> Traded:
    """A market some of whose minutes are empty."""
    return run(0.012)


def assert_same(made: pd.DataFrame, theirs: pd.DataFrame) -> None:
    """Prices and begins are equal; sums but for the last bits of floats, of which theirs have none."""
    assert list(made.columns) == list(theirs.columns)
    assert made.index.tolist() == theirs.index.tolist()
    prices = ["open", "high", "low", "close"]
    assert made[prices].to_numpy().tolist() == theirs[prices].to_numpy().tolist()
    np.testing.assert_allclose(made[["volume", "turnover"]], theirs[["volume", "turnover"]], rtol=1e-12, atol=1e-12)


def whole(frame: pd.DataFrame, first: int) -> pd.DataFrame:
    """Return the bars that begin after the first trade that was seen."""
    return frame[frame.index > utc(np.array([first], dtype=np.int64), "ns")[0]]


def theirs_of_spot(market: GeneratedMarket, interval: str) -> pd.DataFrame:
    return bars(market.candles("BTC-USDT", interval, 0, 1 << 40), SPOT_ORDER, "s")


def first_of(trades: pd.DataFrame) -> int:
    return int(trades["time"].iloc[0].value)


@pytest.mark.parametrize("interval", INTERVALS)
def test_spot_klines_of_every_interval_are_the_exchanges_own(lively: Traded, interval: str) -> None:
    made, first = ohlcv(lively.spot, interval), first_of(lively.spot)
    assert_same(whole(made, first), whole(theirs_of_spot(lively.market, interval), first))
    assert len(whole(made, first)) >= {"1min": 140, "1hour": 3, "2hour": 2}.get(interval, 1)


def theirs_of_futures(market: GeneratedMarket, symbol: str, interval: str) -> pd.DataFrame:
    now = BEGIN + int(HOURS * 3600) * SECOND
    return bars(market.futures.candles(symbol, interval, BEGIN // 10**6, now // 10**6), FUTURES_ORDER, "ms")


@pytest.mark.parametrize("interval", FUTURES_INTERVALS)
def test_futures_klines_of_every_interval_are_the_exchanges_own(lively: Traded, interval: str) -> None:
    multiplier = lively.market.futures.contract("XBTUSDTM", BEGIN)["multiplier"]
    made, first = ohlcv(lively.futures, interval, multiplier=multiplier), first_of(lively.futures)
    assert_same(whole(made, first), whole(theirs_of_futures(lively.market, "XBTUSDTM", interval), first))
    assert len(whole(made, first)) >= 1


def test_the_turnover_of_an_inverse_contract_is_in_base_coins(lively: Traded) -> None:
    """The built-in exchange has it at each bar's mean price: that is the same to some digits."""
    made, first = ohlcv(lively.inverse, "1hour", multiplier=-1.0, fill=False), first_of(lively.inverse)
    made, theirs = whole(made, first), whole(theirs_of_futures(lively.market, "XBTUSDM", "1hour"), first)
    np.testing.assert_allclose(made["turnover"], theirs["turnover"], rtol=1e-5)
    assert made["volume"].tolist() == theirs["volume"].tolist()
    np.testing.assert_allclose(bar_vwap(made, -1.0), made["volume"] / made["turnover"])


def test_empty_minutes_are_flat_as_the_exchange_has_them(quiet: Traded) -> None:
    made, bare = ohlcv(quiet.spot, "1min"), ohlcv(quiet.spot, "1min", fill=False)
    empty = made[~made.index.isin(bare.index)]
    assert len(empty) > 5
    first = first_of(quiet.spot)
    assert_same(whole(made, first), whole(theirs_of_spot(quiet.market, "1min"), first))


def test_an_empty_minute_is_no_price_of_a_longer_bar(quiet: Traded) -> None:
    first = first_of(quiet.spot)
    for interval in ("3min", "5min", "15min"):
        assert_same(whole(ohlcv(quiet.spot, interval), first), whole(theirs_of_spot(quiet.market, interval), first))


# -- real traffic ------------------------------------------------------------------------------------------------


def captured(path: Path) -> tuple[pd.DataFrame, list[tuple[float, dict[str, Any]]]]:
    """Return the trades of a capture, and its klines that begin there, each with the time of its arrival."""
    if not path.is_file():
        pytest.skip("the capture of real traffic is not here")
    rows, klines = [], []
    with gzip.open(path, "rt") as lines:
        for line in lines:
            read = json.loads(line)
            message = read["message"] if isinstance(read["message"], dict) else {}
            if message.get("subject") == "trade.l3match":
                data = message["data"]
                rows.append((read["t"], data["symbol"], float(data["price"]), float(data["size"]), int(data["time"])))
            elif message.get("subject") == "trade.candles.add":  # the first push of a bar: 0.9 to 1.7 s after a trade
                klines.append((read["t"], message["data"]))
    frame = pd.DataFrame(rows, columns=["received", "symbol", "price", "size", "ns"])
    return frame.assign(time=utc(frame.pop("ns").to_numpy("int64"), "ns")), klines


def test_klines_of_real_trades_are_kucoins_own_from_the_begin_of_each_minute_to_its_push() -> None:
    seen, klines = captured(SHARED / "captures" / "spot_2021.jsonl.gz")
    for received, data in klines:
        before = seen[(seen["symbol"] == data["symbol"]) & (seen["received"] < received)]
        theirs = bars([data["candles"]], SPOT_ORDER, "s")
        made = ohlcv(before, "1min")
        assert_same(made[made.index.isin(theirs.index)], theirs)
    assert [(data["symbol"], data["candles"][5]) for _, data in klines] == [
        ("BCHSV-USDT", "0.14324938"),
        ("BCHSV-USDT", "9.51280965"),  # of four trades, the whole minute up to then
    ]


def test_so_they_are_for_a_user_who_plays_the_capture(spot_capture: Path) -> None:
    with ks.Client(str(spot_capture), speed=50.0) as client:
        trades = client.trades("BCHSV-USDT").frame()
        pushed = client.kline_updates("BCHSV-USDT", "1min").frame()
        until(lambda: len(pushed) == 2)
        theirs = pushed.df.set_index("start").rename_axis("time")
        made = trades.ohlcv("1min")
        assert_same(made, theirs[list(made.columns)])
        book = client.book("BCHSV-USDT")
        assert ks.align([trades, book.tops()]).index.tolist() == trades.df["time"].tolist()
