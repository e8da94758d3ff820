"""What trades, klines and prices say, against plain slow forms."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kucoin_stream.analytics import bars, returns, trades
from kucoin_stream.analytics.intervals import all_starts, bar_starts, length_ns
from kucoin_stream.errors import UsageError
from kucoin_stream.frames.base import utc
from kucoin_stream.protocol.topics import INTERVALS

NAN = float("nan")
SECOND = 1_000_000_000
BEGIN = 1_795_307_183 * SECOND

Trade = tuple[int, str, float, float]
"""Time in ns, side, price, size."""

TRADES = st.lists(
    st.tuples(
        st.integers(0, 3000).map(lambda tenth: BEGIN + tenth * SECOND // 10),
        st.sampled_from(["buy", "sell"]),
        st.integers(1, 400).map(lambda price: price / 4),
        st.integers(1, 64).map(lambda size: size / 8),
    ),
    max_size=40,
)


def frame(rows: list[Trade]) -> pd.DataFrame:
    times = np.array([row[0] for row in rows], dtype=np.int64)
    return pd.DataFrame({
        "time": utc(times, "ns"),
        "side": pd.Categorical([row[1] for row in rows], ["buy", "sell"]),
        "price": np.array([row[2] for row in rows], dtype=float),
        "size": np.array([row[3] for row in rows], dtype=float),
    })  # fmt: skip


def same(values: Any, expected: Any) -> None:
    np.testing.assert_allclose(values, expected, rtol=1e-9, atol=1e-9, equal_nan=True)


def plain_vwap(rows: list[Trade]) -> float:
    volume = sum(row[3] for row in rows)
    return sum(row[2] * row[3] for row in rows) / volume if volume else NAN


def plain_imbalance(rows: list[Trade]) -> float:
    volume = sum(row[3] for row in rows)
    return sum(row[3] if row[1] == "buy" else -row[3] for row in rows) / volume if volume else NAN


@given(TRADES)
def test_mean_price_and_imbalance_of_all(rows: list[Trade]) -> None:
    same(trades.vwap(frame(rows)), plain_vwap(rows))
    same(trades.trade_imbalance(frame(rows)), plain_imbalance(rows))
    same(trades.signed_volume(frame(rows)), [row[3] if row[1] == "buy" else -row[3] for row in rows])


@pytest.mark.parametrize(("rolling", "plain"), [
    (trades.rolling_vwap, plain_vwap), (trades.rolling_imbalance, plain_imbalance)])  # fmt: skip
@given(rows=TRADES, window=st.sampled_from([1, 3, 100, "1s", "30s", "1min"]))
def test_rolling_counts_each_trade_and_those_before_it_within_the_window(
    rolling: Callable[..., Any], plain: Callable[..., float], rows: list[Trade], window: int | str
) -> None:
    found = rolling(frame(rows), window)
    ordered = sorted(range(len(rows)), key=lambda at: rows[at][0])  # stable
    for place, at in enumerate(ordered):
        if isinstance(window, int):
            inside = ordered[max(0, place - window + 1) : place + 1]
        else:
            oldest = rows[at][0] - length_ns(window)
            inside = [other for other in ordered[: place + 1] if rows[other][0] > oldest]
        same(found.iloc[at], plain([rows[other] for other in inside]))


def test_a_contracts_mean_price_is_quote_by_base() -> None:
    both = frame([(BEGIN, "buy", 100.0, 1.0), (BEGIN, "buy", 200.0, 3.0)])
    same(trades.vwap(both, 0.001), 175.0)
    same(trades.vwap(both, -1.0), 4 / (1 / 100 + 3 / 200))


@pytest.mark.parametrize("window", [0, -1, True, 1.5, None])
def test_a_window_is_a_count_or_a_time(window: Any) -> None:
    with pytest.raises(UsageError, match="a number of trades"):
        trades.rolling_vwap(frame([]), window)


# -- bars --------------------------------------------------------------------------------------------------------


def plain_bars(groups: list[list[Trade]]) -> list[tuple[float, ...]]:
    return [
        (
            g[0][2],
            max(r[2] for r in g),
            min(r[2] for r in g),
            g[-1][2],
            sum(r[3] for r in g),
            sum(r[2] * r[3] for r in g),
        )
        for g in groups
    ]


COLUMNS = ["open", "high", "low", "close", "volume", "turnover"]


@given(TRADES, st.sampled_from(["1s", "7s", "1min", "3min", "100ms"]), st.booleans())
def test_bars_of_a_length_of_time(rows: list[Trade], interval: str, fill: bool) -> None:
    found = bars.ohlcv(frame(rows), interval, fill=fill)
    step = length_ns(interval)
    groups: dict[int, list[Trade]] = {}
    for row in sorted(rows, key=lambda row: row[0]):
        groups.setdefault(row[0] // step * step, []).append(row)
    expected = dict(zip(groups, plain_bars(list(groups.values())), strict=True))
    if fill and expected:
        for start in range(min(expected), max(expected), step):
            if start not in expected:
                close = expected[start - step][3]
                expected[start] = (close, close, close, close, 0.0, 0.0)
    assert list(found.columns) == COLUMNS
    assert found.index.name == "time"
    assert str(found.index.dtype) == "datetime64[ns, UTC]"
    assert found.index.asi8.tolist() == sorted(expected)
    for start, row in zip(sorted(expected), found.to_numpy(), strict=True):
        same(row, expected[start])


def cut(rows: list[Trade], numbers: list[int]) -> list[list[Trade]]:
    groups: list[list[Trade]] = []
    for at, row in enumerate(rows):
        if not at or numbers[at] != numbers[at - 1]:
            groups.append([])
        groups[-1].append(row)
    return groups


@given(TRADES, st.integers(1, 9), st.sampled_from(["tick", "volume", "dollar"]))
def test_bars_of_so_many_trades_so_much_volume_or_so_much_money(rows: list[Trade], size: int, kind: str) -> None:
    ordered = sorted(rows, key=lambda row: row[0])
    before, numbers = 0.0, []
    for row in ordered:
        numbers.append(math.floor(before / size))
        before += {"tick": 1.0, "volume": row[3], "dollar": row[2] * row[3]}[kind]
    found = getattr(bars, f"{kind}_bars")(frame(rows), size)
    groups = cut(ordered, numbers)
    assert list(found.columns) == [*COLUMNS, "trades", "end"]
    same(found[COLUMNS].to_numpy().reshape(-1, 6), np.array(plain_bars(groups)).reshape(-1, 6))
    assert found["trades"].tolist() == [len(group) for group in groups]
    assert found.index.asi8.tolist() == [group[0][0] for group in groups]
    assert pd.DatetimeIndex(found["end"]).asi8.tolist() == [group[-1][0] for group in groups]


def test_a_tenth_ten_times_fills_a_bar_of_one_whatever_floats_make_of_it() -> None:
    tenths = frame([(BEGIN + at, "buy", 1.0, 0.1) for at in range(30)])
    assert bars.volume_bars(tenths, 1.0)["trades"].tolist() == [10, 10, 10]


@pytest.mark.parametrize(
    "make",
    [
        lambda rows: bars.tick_bars(rows, 0),
        lambda rows: bars.tick_bars(rows, 1.5),
        lambda rows: bars.volume_bars(rows, 0.0),
        lambda rows: bars.dollar_bars(rows, NAN),
        lambda rows: bars.ohlcv(rows, "fortnight"),
        lambda rows: bars.ohlcv(rows, "0s"),
    ],
)
def test_a_bar_has_a_size(make: Callable[[pd.DataFrame], Any]) -> None:
    with pytest.raises(UsageError):
        make(frame([]))


@pytest.mark.parametrize("interval", [*INTERVALS, "90s", "min", "250ms", "2D"])
@given(first=st.integers(0, 2**61), more=st.integers(0, 40))
def test_bars_begin_where_the_one_before_ends(interval: str, first: int, more: int) -> None:
    last = first + more * length_ns(interval)
    starts = all_starts(first, last, interval)
    assert starts[0] <= first
    assert starts[-1] <= last
    assert bar_starts(starts, interval).tolist() == starts.tolist()
    assert bar_starts(starts[1:] - 1, interval).tolist() == starts[:-1].tolist()


def test_months_are_the_calendars() -> None:
    march = pd.Timestamp("2026-03-01", tz="UTC").value
    assert bar_starts(np.array([march - 1, march]), "1month").tolist() == [march - 28 * 86_400 * SECOND, march]


KLINES = pd.DataFrame(
    {"open": [1.0, 1.0, 2.0], "high": 3.0, "low": 1.0, "close": [1.0, 2.0, 1.0], "volume": [2.0, 0.0, 4.0],
     "turnover": [3.0, 0.0, 6.0]},
    index=utc(np.array([0, 60, 240]), "s").rename("time"),
)  # fmt: skip


def test_klines_know_their_mean_price_and_what_is_missing() -> None:
    same(bars.bar_vwap(KLINES), [1.5, NAN, 1.5])
    same(bars.bar_vwap(KLINES, 0.5), [3.0, NAN, 3.0])
    same(bars.bar_vwap(KLINES, -2.0), [4 / 3, NAN, 8 / 6])
    for interval in (None, "1min"):
        gaps = bars.bar_gaps(KLINES, interval)
        assert gaps["bars"].tolist() == [2]
        assert gaps["from"].tolist() == [pd.Timestamp(120, unit="s", tz="UTC")]
        assert gaps["to"].tolist() == [pd.Timestamp(240, unit="s", tz="UTC")]
    assert bars.bar_gaps(KLINES.iloc[:2]).empty
    assert bars.bar_gaps(KLINES.iloc[:0]).empty


def test_a_missing_month_is_found() -> None:
    index = pd.DatetimeIndex(["2026-01-01", "2026-02-01", "2026-05-01"], tz="UTC")
    gaps = bars.bar_gaps(KLINES.set_index(index), "1month")
    assert gaps["from"].tolist() == [pd.Timestamp("2026-03-01", tz="UTC")]
    assert gaps["bars"].tolist() == [2]


# -- returns -----------------------------------------------------------------------------------------------------

PRICES = st.lists(st.integers(1, 400).map(float), max_size=30)


@given(PRICES)
def test_returns_and_their_volatility(prices: list[float]) -> None:
    series = pd.Series(prices, dtype=float)
    logs = [math.log(after / before) for before, after in pairwise(prices)]
    first = [NAN] if prices else []
    same(returns.returns(series), [*first, *logs])
    same(returns.returns(series, "simple"), [*first, *(after / before - 1 for before, after in pairwise(prices))])
    rows = frame([(BEGIN + at * SECOND, "buy", price, 1.0) for at, price in enumerate(prices)])
    volatility = math.sqrt(sum(each**2 for each in logs)) if logs else NAN
    same(returns.realised_volatility(rows), volatility)
    year = math.sqrt(365 * 86_400 / len(logs)) if logs else NAN
    same(returns.realised_volatility(rows, annual=True), volatility * year)


@given(TRADES, st.sampled_from(["1s", "10s", "1min"]))
def test_volatility_of_the_last_price_so_often(rows: list[Trade], every: str) -> None:
    step, ordered = length_ns(every), sorted(rows, key=lambda row: row[0])
    sampled = []
    if ordered:
        for moment in range(-(-ordered[0][0] // step) * step, ordered[-1][0] + 1, step):
            sampled.append([row[2] for row in ordered if row[0] <= moment][-1])
    logs = [math.log(after / before) for before, after in pairwise(sampled)]
    same(returns.realised_volatility(frame(rows), every), math.sqrt(sum(x**2 for x in logs)) if logs else NAN)


@given(PRICES)
def test_the_spread_of_roll(prices: list[float]) -> None:
    changes = [after - before for before, after in pairwise(prices)]
    expected = NAN
    if len(changes) > 2:
        pairs = list(pairwise(changes))
        means = [sum(pair[at] for pair in pairs) / len(pairs) for at in (0, 1)]
        covariance = sum((a - means[0]) * (b - means[1]) for a, b in pairs) / (len(pairs) - 1)
        expected = 2 * math.sqrt(-covariance) if covariance <= 0 else NAN
        if abs(covariance) < 1e-9:
            return  # which side of 0 is chance
    same(returns.roll_spread(pd.Series(prices, dtype=float)), expected)


def test_a_price_that_bounces_between_bid_and_ask_shows_their_distance() -> None:
    random = np.random.default_rng(1)
    assert returns.roll_spread(pd.Series(100 + random.choice([-1.0, 1.0], 200_000))) == pytest.approx(2.0, rel=0.01)


def test_illiquidity_is_the_mean_of_moves_by_turnover() -> None:
    same(returns.amihud(KLINES), abs(1 / 2 - 1) / 6)  # the second bar has no turnover
    assert math.isnan(returns.amihud(KLINES.iloc[:1]))


def test_prices_that_are_none_have_no_returns() -> None:
    same(returns.returns(pd.Series([1.0, 0.0, 2.0, NAN, 4.0, 8.0])), [NAN, NAN, NAN, NAN, NAN, math.log(2)])


def test_another_kind_of_return_is_refused() -> None:
    with pytest.raises(UsageError, match="'log' or 'simple'"):
        returns.returns(pd.Series([1.0]), "percent")  # type: ignore[arg-type]


EMPTY_SCALARS = [
    trades.vwap, trades.trade_imbalance, returns.realised_volatility, returns.amihud,
    lambda rows: returns.roll_spread(returns.price(rows)),
]  # fmt: skip
EMPTY_FRAMES = [
    trades.signed_volume,
    lambda rows: trades.rolling_vwap(rows, 3),
    lambda rows: trades.rolling_imbalance(rows, "1s"),
    lambda rows: bars.ohlcv(rows, "1min"),
    lambda rows: bars.tick_bars(rows, 3),
    lambda rows: bars.volume_bars(rows, 3.0),
    lambda rows: bars.dollar_bars(rows, 3.0),
    bars.bar_vwap,
    bars.bar_gaps,
    lambda rows: returns.returns(returns.price(rows)),
]


@pytest.mark.parametrize("empty", [frame([]), pd.DataFrame(), KLINES.iloc[:0]])
def test_of_nothing_there_is_nothing_and_no_error(empty: pd.DataFrame) -> None:
    assert all(math.isnan(function(empty)) for function in EMPTY_SCALARS)
    assert all(not len(function(empty)) for function in EMPTY_FRAMES)


def test_exact_frames_are_taken_too() -> None:
    exact = frame([(BEGIN, "buy", 1.0, 1.0)]).astype(object).assign(price=[Decimal("1.5")], size=[Decimal("0.1")])
    exact["time"] = utc(np.array([BEGIN]), "ns")
    same(trades.vwap(exact), 1.5)


def test_a_missing_column_is_named() -> None:
    with pytest.raises(UsageError, match="no column 'size'"):
        trades.vwap(frame([(BEGIN, "buy", 1.0, 1.0)]).drop(columns="size"))


def test_bars_that_would_fill_the_memory_are_refused() -> None:
    far = pd.DataFrame(
        {"time": pd.to_datetime(["2026-01-01", "2026-01-02"], utc=True), "price": [1.0, 2.0], "size": [1.0, 1.0]}
    )
    assert len(bars.ohlcv(far, "1ms", fill=False)) == 2
    with pytest.raises(UsageError, match="86,400,001 rows"):
        bars.ohlcv(far, "1ms")


# -- what is not told --------------------------------------------------------------------------------------------

MAKERS: dict[str, Callable[[pd.DataFrame], Any]] = {
    "vwap": trades.vwap,
    "trade_imbalance": trades.trade_imbalance,
    "ohlcv": lambda frame: bars.ohlcv(frame, "30s"),
    "tick_bars": lambda frame: bars.tick_bars(frame, 3),
    "volume_bars": lambda frame: bars.volume_bars(frame, 2.0),
    "dollar_bars": lambda frame: bars.dollar_bars(frame, 100.0),
    "realised_volatility": returns.realised_volatility,
}


@pytest.mark.parametrize("name", MAKERS)
@settings(max_examples=30)  # of each: pandas takes its time
@given(
    rows=TRADES, lost=st.lists(st.tuples(st.integers(0, 40), st.sampled_from(["price", "size", "both"])), max_size=5)
)
def test_a_trade_without_price_or_size_counts_nowhere(
    name: str, rows: list[Trade], lost: list[tuple[int, str]]
) -> None:
    if name == "realised_volatility":
        lost = [(at, "price") for at, _ in lost]  # which needs no size
    if name == "trade_imbalance":
        lost = [(at, "size") for at, _ in lost]  # which needs no price
    there = frame(rows)
    spoiled = there.copy()
    for at, what in lost:
        row = (BEGIN + at * SECOND, "buy", NAN if what != "size" else 1.0, NAN if what != "price" else 1.0)
        spoiled = pd.concat([spoiled.iloc[:at], frame([row]), spoiled.iloc[at:]], ignore_index=True)
    spoiled["side"] = spoiled["side"].astype(there["side"].dtype)
    if not rows:
        assert len(np.atleast_1d(MAKERS[name](spoiled))) <= 1
        return
    made, expected = MAKERS[name](spoiled), MAKERS[name](there)
    if isinstance(expected, float):
        same(made, expected)
    else:
        pd.testing.assert_frame_equal(made, expected)


def test_a_change_over_what_is_missing_is_no_neighbour_of_the_next() -> None:
    prices = pd.Series([1.0, 2.0, NAN, 1.0, 2.0, 1.0, 2.0])
    pairs = np.cov([-1.0, 1.0], [1.0, -1.0])[0, 1]  # only of the last three changes
    same(returns.roll_spread(prices), 2 * np.sqrt(-pairs))


@pytest.mark.parametrize("kind", ["category", "str", "object"])
def test_numbers_by_symbol_are_indexed_as_the_symbols_are(kind: str) -> None:
    rows = frame([(BEGIN, "buy", 1.0, 1.0), (BEGIN, "buy", 3.0, 1.0)]).assign(symbol=pd.Series(["A", "B"], dtype=kind))
    means = rows.kucoin.vwap()
    assert (means.index.dtype, means.index.name, means.dtype) == (rows["symbol"].dtype, "symbol", np.dtype("float64"))
    assert means.to_dict() == {"A": 1.0, "B": 3.0}
    made = rows.kucoin.ohlcv("1s")
    assert (made.index.names, made.loc["B", "close"].tolist()) == (["symbol", "time"], [3.0])


def test_what_is_made_of_simulated_trades_says_so() -> None:
    rows = frame([(BEGIN, "buy", 1.0, 1.0)])
    rows.attrs = {"badge": "SIMULATED", "feed": "spot.trades BTC-USDT"}
    assert rows.kucoin.ohlcv("1s").attrs == rows.kucoin.tick_bars(3).attrs == rows.attrs


def test_a_volatility_of_moments_that_fill_the_memory_is_refused() -> None:
    rows = frame([(BEGIN, "buy", 1.0, 1.0), (BEGIN + 3600 * SECOND, "buy", 2.0, 1.0)])
    with pytest.raises(UsageError, match="3,600,000,000,001 rows"):
        rows.kucoin.realised_volatility("1ns")
