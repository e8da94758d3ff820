"""Klines made of trades are the exchange's own: of every interval, of the generated market, and of real traffic."""

from __future__ import annotations

import gzip
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamz import Stream

from kucoin_stream.protocol.messages import spot
from kucoin_stream.protocol.topics import INTERVALS
from kucoin_stream.simulator import GeneratedMarket
from kucoin_stream.simulator.bars import Bar, Series
from kucoin_stream.simulator.history import bar_start
from kucoin_stream.streams.periods import intervals

T0 = 1_795_307_160  # s


def klines(trades: list[spot.Trade], interval: str, **options: Any) -> list[spot.KlineUpdate]:
    source = Stream()
    seen: list[spot.KlineUpdate] = source.to_klines(interval, **options).sink_to_list()
    for trade in trades:
        source.emit(trade)
    return seen


def values(candle: spot.Candle) -> list[float]:
    return [candle.start_s, candle.open, candle.close, candle.high, candle.low, candle.volume, candle.turnover]


STEPS = st.lists(st.tuples(st.floats(0, 2.5), st.integers(1, 1000), st.integers(1, 1000)), min_size=1, max_size=30)


@pytest.mark.parametrize("interval", INTERVALS)
@given(steps=STEPS)
def test_bars_of_every_interval_are_those_of_the_built_in_exchange(interval: str, steps: list[Any]) -> None:
    series, time_s, bars, trades = Series(interval, Bar(bar_start(T0, interval), 1)), T0, [], []
    for part, price, size in steps:
        time_s += int(part * INTERVALS[interval])
        bars += series.trade(price, size, time_s)
        trades.append(spot.Trade("A", "buy", float(price), float(size), time_s * 10**9, "1", 1))
    filled = interval not in ("1week", "1month")
    expected = [bar.row() for bar in bars if bar.volume or (filled and bar.start > trades[0].time_ns // 10**9)]
    assert [values(each.candle) for each in klines(trades, interval, partial=True)] == expected


@pytest.mark.parametrize("interval", INTERVALS)
@given(time_s=st.integers(0, 4_000_000_000))
def test_bars_begin_where_those_of_the_built_in_exchange_do(interval: str, time_s: int) -> None:
    start, end = intervals(interval)(time_s * 10**9)
    assert start == bar_start(time_s, interval) * 10**9
    assert start <= time_s * 10**9 < end
    assert intervals(interval)(end)[0] == end
    assert intervals(interval)(end - 1) == (start, end)


@given(
    trades=st.lists(
        st.tuples(st.sampled_from("AB"), st.integers(0, 200), st.integers(1, 9)), max_size=60
    ).map(lambda rows: sorted(rows, key=lambda row: row[1]))
)  # fmt: skip
def test_closed_bars_and_updates_tell_the_same(trades: list[tuple[str, int, int]]) -> None:
    messages = [
        spot.Trade(symbol, "buy", float(price), 1.0, (T0 + 5 * second) * 10**9, "1", 1)
        for symbol, second, price in trades
    ]
    closed = klines(messages, "1min")
    last = {(each.symbol, each.candle.start_s): each for each in klines(messages, "1min", closed=False)}
    assert {(each.symbol, each.candle.start_s): each for each in closed}.items() <= last.items()
    for symbol in "AB":
        starts = [each.candle.start_s for each in closed if each.symbol == symbol]
        assert starts == list(range(starts[0], starts[-1] + 60, 60) if starts else [])


def test_klines_of_the_generated_market_are_its_own() -> None:
    market, symbol = GeneratedMarket(["BTC-USDT"], seed=3), "BTC-USDT"
    topic, begin = f"/market/match:{symbol}", T0 * 10**9
    market.start(begin)
    pushes = [push for n in range(1, 16 * 60, 5) for push in market.advance(begin + n * 10**9, {topic})]
    trades = [
        msgspec.convert(json.loads(push.text)["data"], spot.Trade, strict=False)
        for push in pushes
        if push.topic == topic
    ]
    for interval in ("1min", "3min", "5min"):
        own = {int(row[0]): [float(value) for value in row] for row in market.candles(symbol, interval, T0, T0 + 960)}
        made = [values(each.candle) for each in klines(trades, interval)]
        assert len(made) >= 960 // INTERVALS[interval] - 2
        assert made == [pytest.approx(own[int(each[0])], rel=1e-12) for each in made]


def test_klines_of_real_trades_are_kucoins(spot_capture: Path) -> None:
    trades: list[spot.Trade] = []
    compared = []
    with gzip.open(spot_capture, "rt", encoding="utf-8") as lines:
        for line in lines:
            message = json.loads(line).get("message", {})
            if not isinstance(message, dict):
                continue
            if message.get("subject") == "trade.l3match":
                trades.append(msgspec.convert(message["data"], spot.Trade, strict=False))
            elif str(message.get("subject")).startswith("trade.candles") and Decimal(message["data"]["candles"][5]):
                theirs = [float(value) for value in message["data"]["candles"]]
                symbol = message["data"]["symbol"]
                ours = [
                    values(each.candle)
                    for each in klines(trades, "1min", closed=False, partial=True)
                    if (each.symbol, each.candle.start_s) == (symbol, theirs[0])
                ]
                assert ours[-1] == pytest.approx(theirs, rel=1e-12)
                compared.append((symbol, int(theirs[0])))
    assert compared == [("BCHSV-USDT", 1619378280), ("BCHSV-USDT", 1619378340)]
