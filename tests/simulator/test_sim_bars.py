from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest

from kucoin_stream.protocol.topics import INTERVALS
from kucoin_stream.simulator.bars import Bar, Series
from kucoin_stream.simulator.generated import GeneratedMarket
from kucoin_stream.simulator.history import bar_start, bar_starts, next_start

T0 = 1_795_307_183_250_000_000  # ns, somewhere within a minute


@pytest.fixture(scope="module")
def market():
    market = GeneratedMarket(["BTC-USDT", "SHIB-USDT"], seed=3)
    market.start(T0)
    market.advance(T0 + 5 * 10**9, ())
    return market


def candles(market, interval, start=0, end=1 << 40, symbol="BTC-USDT"):
    rows = market.candles(symbol, interval, start, end)
    return [[int(row[0]), *map(Decimal, row[1:])] for row in rows]


@pytest.mark.parametrize("interval", INTERVALS)
@pytest.mark.parametrize("symbol", ["BTC-USDT", "SHIB-USDT"])
def test_history_reaches_back_1500_bars_newest_first(market, interval, symbol):
    rows = candles(market, interval, symbol=symbol)
    listed = rows[-1][0]
    if interval in ("1week", "1month"):  # those end where the symbol was listed
        assert listed < bar_start(1_609_459_200, interval) + 32 * 86_400
        assert listed >= bar_start(1_577_836_800, interval)
    else:
        assert len(rows) == 1500
    assert rows[0][0] == bar_start(T0 // 10**9, interval)
    assert all(next_start(older[0], interval) == newer[0] for newer, older in pairwise(rows))
    assert all(low <= min(opened, closed) and high >= max(opened, closed) for _, opened, closed, high, low, *_ in rows)
    assert all(min(row) >= 0 for row in rows)


@pytest.mark.parametrize("interval", INTERVALS)
def test_every_interval_ends_at_the_live_price(market, interval):
    assert candles(market, interval)[0][2] == Decimal(market.level1("BTC-USDT")["price"])


@pytest.mark.parametrize(
    ("short", "long"),
    [("1min", "3min"), ("1min", "15min"), ("5min", "30min"), ("30min", "1hour"), ("1hour", "4hour"), ("4hour", "1day"),
     ("12hour", "1day"), ("1day", "1week"), ("1day", "1month")],
)  # fmt: skip
def test_a_long_bar_is_the_sum_of_its_short_ones(market, short, long):
    parts = candles(market, short)
    wholes = {row[0]: row for row in candles(market, long)}
    checked = 0
    for start in {bar_start(row[0], long) for row in parts}:
        inside = [row for row in reversed(parts) if bar_start(row[0], long) == start]
        if inside[0][0] != start:
            continue  # only the end of it is among the 1500
        expected = [
            start,
            inside[0][1],
            inside[-1][2],
            max(row[3] for row in inside),
            min(row[4] for row in inside),
            sum(row[5] for row in inside),
            sum(row[6] for row in inside),
        ]
        assert wholes[start] == expected
        checked += 1
    assert checked > 20


def test_a_range_includes_its_begin_and_excludes_its_end(market):
    rows = candles(market, "1min")
    newer, older = rows[5][0], rows[10][0]
    assert [row[0] for row in candles(market, "1min", older, newer)] == [row[0] for row in rows[6:11]]
    assert candles(market, "1min", newer, newer) == []


def test_a_wide_range_is_cut_to_its_newest_1500(market):
    rows = candles(market, "5min", 1, 1 << 40)
    assert len(rows) == 1500
    assert rows[0][0] == bar_start(T0 // 10**9, "5min")


def test_months_are_calendar_months():
    march = 1_772_323_200  # 2026-03-01
    assert bar_start(march + 40, "1month") == march
    assert bar_start(march - 1, "1month") == march - 28 * 86_400
    assert next_start(march, "1month") == march + 31 * 86_400
    assert next_start(march - 28 * 86_400, "1month") == march


@pytest.mark.parametrize("interval", INTERVALS)
def test_one_start_is_as_many(interval):
    times = np.array([1_772_323_199, 1_772_323_200, 1_795_307_183], dtype=np.int64)
    assert bar_starts(times, interval).tolist() == [bar_start(int(time), interval) for time in times]


def test_a_series_pushes_the_end_of_a_bar_then_flat_ones_then_the_new_one():
    series = Series("1min", Bar(0, 10))
    series.trade(11, 2, 5)
    assert [(verb, bar.row()) for verb, bar in series.changed()] == [("add", [0, 11, 11, 11, 11, 2, 22])]
    series.trade(12, 1, 50)
    ended = series.trade(9, 3, 130)
    assert [bar.start for bar in ended] == [0, 60]
    assert [(verb, bar.row()) for verb, bar in series.changed()] == [
        ("update", [0, 11, 12, 12, 11, 3, 34]),
        ("add", [60, 12, 12, 12, 12, 0, 0]),
        ("add", [120, 9, 9, 9, 9, 3, 27]),
    ]
    assert series.changed() == []


def test_a_bar_is_written_close_before_high_and_low():
    bar = Bar(60, 101)
    bar.trade(101, 5)
    bar.trade(110, 1)
    bar.trade(99, 2)
    assert bar.written(1, 2) == ["60", "10.1", "9.9", "11", "9.9", "0.08", "0.813"]


@pytest.mark.parametrize(("contract", "symbol"), [("XBTUSDTM", "BTC-USDT"), ("XBTUSDM", "BTC-USDT")])
@pytest.mark.parametrize("interval", ["1min", "1hour", "1day", "1week"])
def test_a_contracts_past_keeps_close_to_its_underlyings(market, contract, symbol, interval):
    end = T0 // 10**9 - 60
    followed = market.instrument(symbol).klines.rows(interval, 0, end)
    rows = market.futures.perpetuals[contract].instrument.klines.rows(interval, 0, end)
    assert (rows[:, 0] == followed[:, 0]).all()
    assert np.abs(rows[:, 1:5] / followed[:, 1:5] - 1).astype(float).max() < 5e-4
    assert (rows[1:-1, 1] == rows[:-2, 2]).all()
    assert (rows[:, 3] >= rows[:, 1:3].max(axis=1)).all()
    assert (rows[:, 4] <= rows[:, 1:3].min(axis=1)).all()
    assert (rows[:, 5] != followed[:, 5]).any()
