"""As-of joins against a plain slow form: at each moment what was known then, and nothing of later."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kucoin_stream as ks
from kucoin_stream.analytics.joins import asof
from kucoin_stream.errors import UsageError
from kucoin_stream.frames.base import utc

SECOND = 1_000_000_000
NAN = float("nan")
TIMES = st.lists(st.integers(0, 200), max_size=20)


def frame(tenths: list[int], **columns: Any) -> pd.DataFrame:
    time = utc(np.array(tenths, dtype=np.int64) * (SECOND // 10), "ns")
    return pd.DataFrame({"time": time, "price": np.arange(len(tenths), dtype=float), **columns})


def newest(tenths: list[int], moment: int, oldest: int | None) -> float:
    """Return the price of the last row that is not later than ``moment``."""
    known = [(time, at) for at, time in enumerate(tenths) if time <= moment]
    if not known:
        return NAN
    time, at = max(known)
    return NAN if oldest is not None and moment - time > oldest else float(at)


@given(TIMES, TIMES, st.sampled_from([1, 10, 30]), st.sampled_from([None, 5, 20]))
def test_a_grid_of_moments(left: list[int], right: list[int], step: int, tolerance: int | None) -> None:
    oldest = None if tolerance is None else f"{tolerance * 100}ms"
    joined = asof({"a": frame(left), "b": frame(right)}, every=f"{step * 100}ms", tolerance=oldest)
    moments: list[int] = []
    if left or right:
        first, last = min(left + right), max(left + right)
        moments = list(range(-(-first // step) * step, -(-last // step) * step + 1, step))
    assert joined.index.asi8.tolist() == [moment * SECOND // 10 for moment in moments]
    assert list(joined.columns) == ["a_price", "b_price"]
    for name, tenths in (("a_price", left), ("b_price", right)):
        np.testing.assert_array_equal(joined[name], [newest(tenths, moment, tolerance) for moment in moments])


@given(TIMES, TIMES)
def test_without_a_grid_there_is_a_row_for_each_of_the_first_frame(left: list[int], right: list[int]) -> None:
    joined = asof({"a": frame(left), "b": frame(right)})
    assert joined.index.asi8.tolist() == [moment * SECOND // 10 for moment in sorted(left)]
    np.testing.assert_array_equal(joined["b_price"], [newest(right, moment, None) for moment in sorted(left)])


KLINES = pd.DataFrame(
    {"open": 1.0, "high": 4.0, "low": 1.0, "close": [1.0, 2.0, 3.0]},
    index=utc(np.array([0, 60, 120]), "s").rename("time"),
)


def test_a_bar_is_known_only_once_it_is_over() -> None:
    moments = frame([590, 600, 1190, 1200, 1201, 9000])
    joined = ks.align([moments, KLINES])
    np.testing.assert_array_equal(joined["klines_close"], [NAN, 1.0, 1.0, 2.0, 2.0, 2.0])  # the third is not over


def test_several_symbols_become_columns_of_their_own_and_types_stay() -> None:
    trades = frame([0, 10, 20], symbol=pd.Categorical(["A", "B", "A"]), side=pd.Categorical(["buy", "sell", "sell"]))
    joined = ks.align([trades], every="1s")
    assert list(joined.columns) == ["trades_A_price", "trades_A_side", "trades_B_price", "trades_B_side"]
    np.testing.assert_array_equal(joined["trades_B_price"], [NAN, 0.0 + 1, 1.0])
    assert isinstance(joined["trades_A_side"].dtype, pd.CategoricalDtype)
    assert joined["trades_A_side"].tolist() == ["buy", "buy", "sell"]


def test_names_are_the_kinds_numbered_where_taken_or_your_own() -> None:
    trades = frame([0], side=["buy"])
    tops = frame([0], bid=1.0, bid_size=1.0, ask=2.0, ask_size=1.0).drop(columns="price")
    joined = ks.align([trades, tops, trades, frame([0])])
    assert [name for name in joined.columns if "side" not in name and "size" not in name] == [
        "trades_price", "book_bid", "book_ask", "trades2_price", "frame_price",
    ]  # fmt: skip
    assert list(ks.align({"mine": frame([0])}).columns) == ["mine_price"]


def test_a_row_without_prices_makes_what_was_known_unknown() -> None:
    tops = frame([0, 10]).assign(price=[5.0, NAN])
    assert math.isnan(asof({"a": frame([15]), "b": tops})["b_price"].iloc[0])


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        (KLINES, "several frames"),
        ([pd.DataFrame({"a": [1]})], "times"),
        ({"mine": pd.DataFrame({"a": [1]})}, "^mine: "),
        ([pd.DataFrame()], "times"),
        (["BTC-USDT"], "str is neither a live frame nor a DataFrame"),
    ],
)
def test_what_cannot_be_joined_says_why(sources: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        ks.align(sources)


def test_a_grid_that_would_fill_the_memory_is_refused() -> None:
    years = frame([0, 10 * 365 * 86_400 * 10])
    with pytest.raises(UsageError, match="3,153,600,001 rows"):
        ks.align([years, frame([0])], every="100ms")


def test_of_nothing_there_is_nothing() -> None:
    assert ks.align([]).shape == (0, 0)
    assert ks.align([frame([]), frame([])], every="1s").shape == (0, 2)
    assert ks.align([frame([10]), frame([])], tolerance="1s")["frame2_price"].isna().all()


# -- from when to when -------------------------------------------------------------------------------------------


@given(TIMES, TIMES, st.sampled_from([1, 10, 30]), st.integers(-20, 220), st.integers(0, 100))
def test_rows_between_two_times_are_those_of_all_rows_that_are_between(
    left: list[int], right: list[int], step: int, begin: int, length: int
) -> None:
    frames = {"a": frame(left), "b": frame(right)}
    start, end = (pd.Timestamp(tenths * SECOND // 10, tz="UTC") for tenths in (begin, begin + length))
    for every in (None, f"{step * 100}ms"):
        cut, whole = asof(frames, every=every, start=start, end=end), asof(frames, every=every)
        inside = whole.loc[start:end]  # type: ignore[misc]  # times of an index of times
        if every is None or not left + right:
            pd.testing.assert_frame_equal(cut, inside, check_freq=False)
        else:  # a grid goes on where there are no rows any more
            moments = range(-(-begin // step) * step, begin + length + 1, step)
            assert cut.index.asi8.tolist() == [moment * SECOND // 10 for moment in moments]
            pd.testing.assert_frame_equal(cut.loc[inside.index], inside, check_freq=False)


@pytest.mark.parametrize(
    "start",
    ["1970-01-01 00:00:01", "1970-01-01T01:00:01+01:00", 1, 1.0, pd.Timestamp(1, unit="s"), np.datetime64(1, "s")],
)
def test_a_time_is_utc_where_it_says_nothing_else(start: Any) -> None:
    assert asof({"a": frame([0, 10, 20])}, start=start)["a_price"].tolist() == [1.0, 2.0]


def test_a_name_stands_for_the_first_or_last_time_of_its_frame() -> None:
    joined = ks.align({"bars": frame([0, 5]), "trades": frame([30, 70])}, every="1s", start="trades", end="trades")
    assert joined.index.asi8.tolist() == [second * SECOND for second in (3, 4, 5, 6, 7)]
    assert joined["bars_price"].tolist() == [1.0] * 5  # what was known at the begin counts


def test_a_start_after_the_end_is_told() -> None:
    with pytest.raises(UsageError, match="start=2 is after end=1"):
        ks.align([frame([0])], start=2, end=1)


def test_a_short_span_of_old_bars_needs_no_room_for_all_of_it() -> None:
    years = frame([0, 10 * 365 * 86_400 * 10])
    assert len(ks.align([years], every="100ms", start=0, end=60)) == 601


def test_what_is_joined_of_simulated_prices_says_so() -> None:
    said, other = frame([0]), frame([0])
    said.attrs = {"badge": "SIMULATED", "source": "sim", "feed": "a"}
    other.attrs = {"badge": "", "source": "sim", "feed": "b"}
    assert ks.align([said, other]).attrs == {"badge": "SIMULATED", "source": "sim"}
    assert ks.align([other, frame([0])]).attrs == {}
