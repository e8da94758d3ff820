"""What a book says, against plain slow forms."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kucoin_stream.analytics import book as analytics
from kucoin_stream.errors import UsageError
from kucoin_stream.market.book import Levels

NAN = float("nan")
SIZES = st.integers(1, 1000).map(lambda size: size / 8)


def made(bids: list[tuple[float, float]], asks: list[tuple[float, float]]) -> Levels:
    columns = [np.array([level[at] for level in side]) for side in (bids, asks) for at in (0, 1)]
    return Levels(None, *columns)


BOOK = made([(99.0, 1.0), (98.0, 2.0), (90.0, 4.0)], [(101.0, 3.0), (102.0, 1.0), (110.0, 8.0)])
EMPTY = made([], [])


@st.composite
def books(draw: Any) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """Return two sides of prices in quarters, best first, either of which may be empty."""
    prices = sorted(draw(st.sets(st.integers(1, 400), max_size=30)))
    cut = draw(st.integers(0, len(prices)))
    sides = [list(reversed(prices[:cut])), prices[cut:]]
    return tuple([(price / 4, draw(SIZES)) for price in side] for side in sides)  # type: ignore[return-value]


def same(value: float, expected: float) -> None:
    assert value == pytest.approx(expected, rel=1e-12, abs=1e-12, nan_ok=True)


def test_scalars_of_a_book_that_can_be_worked_out_by_hand() -> None:
    best = analytics.best(BOOK)
    assert best == (99.0, 1.0, 101.0, 3.0)
    same(analytics.mid(99.0, 101.0), 100.0)
    same(analytics.microprice(*best), (99 * 3 + 101 * 1) / 4)  # many asks: the price is about to fall
    same(analytics.spread_bps(99.0, 101.0), 200.0)
    assert analytics.notional(BOOK, 2) == (99 + 196, 303 + 102)
    assert analytics.weighted(BOOK, 2) == (pytest.approx(295 / 3), pytest.approx(405 / 4))


def test_an_empty_book_has_no_scalars() -> None:
    assert all(math.isnan(each) for each in (*analytics.best(EMPTY), analytics.microprice(*analytics.best(EMPTY))))
    assert all(math.isnan(each) for each in (*analytics.weighted(EMPTY), analytics.middle(EMPTY)))
    assert analytics.notional(EMPTY) == (0.0, 0.0)
    assert analytics.grouped(EMPTY, 1.0).shape == (0, 4)
    depth = analytics.depth(EMPTY, 10.0)
    assert depth.drop(columns="known").isna().all(axis=None)
    assert not depth["known"].any()


@given(books(), st.lists(st.integers(0, 20_000).map(float), min_size=1, max_size=4), st.sampled_from([None, 0.5, -2.0]))
def test_depth_is_the_sum_of_the_levels_within_reach(
    sides: Any, reaches: list[float], multiplier: float | None
) -> None:
    book = made(*sides)
    table = analytics.depth(book, reaches, multiplier, whole=False)
    middle = analytics.middle(book)
    for reach, row in zip(reaches, table.itertuples(), strict=True):
        if math.isnan(middle):
            assert math.isnan(row.bid_base)
            continue
        low, high = middle * (1 - reach / 10_000), middle * (1 + reach / 10_000)
        for side, name in ((sides[0], "bid"), (sides[1], "ask")):
            near = [(price, size) for price, size in side if low <= price <= high]
            base = quote = 0.0
            for price, size in near:
                coins = size * multiplier if multiplier and multiplier > 0 else size if multiplier is None else 0.0
                base += coins if multiplier is None or multiplier > 0 else 2 * size / price
                quote += coins * price if multiplier is None or multiplier > 0 else 2 * size
            same(getattr(row, f"{name}_base"), base)
            same(getattr(row, f"{name}_quote"), quote)
        assert row.known == (sides[0][-1][0] < low and sides[1][-1][0] > high)


def walked(levels: list[tuple[float, float]], wanted: float, by_funds: bool) -> tuple[float, float, float, int]:
    """Return size, funds, worst price and levels of a sweep, level by level."""
    size = funds = 0.0
    worst, touched = NAN, 0
    for price, there in levels:
        left = wanted - (funds if by_funds else size)
        if left <= 1e-12 * wanted:
            break
        take = min(there, left / price if by_funds else left)
        size, funds, worst, touched = size + take, funds + take * price, price, touched + 1
    return size, funds, worst, touched


@given(books(), st.sampled_from(["buy", "sell"]), st.integers(1, 40_000).map(lambda n: n / 8), st.booleans())
def test_a_sweep_is_a_walk_from_level_to_level(sides: Any, side: Any, wanted: float, by_funds: bool) -> None:
    book = made(*sides)
    found = analytics.sweep(book, side, **{"funds" if by_funds else "size": wanted})
    size, funds, worst, touched = walked(sides[1] if side == "buy" else sides[0], wanted, by_funds)
    same(found.size, size)
    same(found.funds, funds)
    if abs(touched - found.levels) == 0:  # a level of which 1e-13 is needed may count or not
        same(found.worst, worst)
    same(found.average, funds / size if size else NAN)
    got = funds if by_funds else size
    assert found.filled == (got >= wanted * (1 - 1e-9))
    same(found.missing, 0.0 if found.filled else wanted - got)
    away = (found.average - analytics.middle(book)) / analytics.middle(book) * 10_000
    same(found.slippage_bps, away if side == "buy" else -away)
    assert not found.beyond


def test_a_sweep_of_a_book_too_thin_says_what_is_missing_and_whether_there_may_be_more() -> None:
    thin = analytics.sweep(BOOK, "buy", size=20.0)
    assert (thin.size, thin.filled, thin.missing, thin.beyond, thin.levels) == (12.0, False, 8.0, False, 3)
    assert analytics.sweep(BOOK, "buy", size=20.0, whole=False).beyond
    assert not analytics.sweep(BOOK, "buy", size=12.0, whole=False).beyond
    nothing = analytics.sweep(EMPTY, "sell", funds=5.0)
    assert (nothing.size, nothing.funds, nothing.levels, nothing.missing) == (0.0, 0.0, 0, 5.0)
    assert math.isnan(nothing.average)


@pytest.mark.parametrize(
    ("multiplier", "funds", "average"),
    [(None, 404.0, 101.0), (0.001, 0.404, 101.0), (-1.0, 4.0, 4 / (3 / 101 + 1 / 102))],
)
def test_lots_are_worth_what_the_multiplier_says(multiplier: float | None, funds: float, average: float) -> None:
    found = analytics.sweep(BOOK, "buy", size=4.0, multiplier=multiplier)
    if multiplier != -1.0:  # 3 at 101, 1 at 102
        funds, average = funds + (multiplier or 1.0), (3 * 101 + 102) / 4
    assert (found.size, found.funds, found.average) == (4.0, pytest.approx(funds), pytest.approx(average))


@pytest.mark.parametrize("options", [{}, {"size": 1.0, "funds": 1.0}, {"size": 0.0}, {"funds": -1.0}, {"size": NAN}])
def test_a_sweep_needs_one_amount_above_0(options: dict[str, float]) -> None:
    with pytest.raises(UsageError, match=r"write one of them|a number above 0"):
        analytics.sweep(BOOK, "buy", **options)


def test_a_sweep_has_two_sides() -> None:
    with pytest.raises(UsageError, match="'buy' or 'sell'"):
        analytics.sweep(BOOK, "bid", size=1.0)  # type: ignore[arg-type]


@given(books(), st.sampled_from([0.25, 0.5, 1.0, 7.0, 100.0]))
def test_grouping_adds_the_sizes_of_bids_down_and_asks_up(sides: Any, tick: float) -> None:
    frame = analytics.grouped(made(*sides), tick)
    for side, names, towards in (
        (sides[0], ["bid", "bid_size"], math.floor),
        (sides[1], ["ask", "ask_size"], math.ceil),
    ):
        expected: dict[float, float] = {}
        for price, size in side:
            group = towards(price / tick) * tick
            expected[group] = expected.get(group, 0.0) + size
        found = frame[names].dropna()
        assert dict(zip(found[names[0]], found[names[1]], strict=True)) == pytest.approx(expected)
        assert found[names[0]].tolist() == list(expected)  # best first


def test_a_price_on_the_tick_stays_where_it_is_whatever_floats_make_of_it() -> None:
    book = made([(0.3, 1.0), (0.29999, 1.0)], [(0.7, 1.0), (0.70001, 1.0)])
    frame = analytics.grouped(book, 0.1)
    assert frame["bid"].tolist() == [0.3, 0.2]
    assert frame["ask"].tolist() == [0.7, 0.8]


@pytest.mark.parametrize("tick", [0.0, -1.0, NAN, math.inf])
def test_a_tick_is_above_0(tick: float) -> None:
    with pytest.raises(UsageError, match="above 0"):
        analytics.grouped(BOOK, tick)


def test_a_ladder_comes_back_from_its_frame() -> None:
    frame = pd.DataFrame({"bid_size": [1.0, NAN], "bid": [9.0, NAN], "ask": [10.0, 11.0], "ask_size": [2.0, 3.0]})
    levels = analytics.ladder(frame)
    assert levels.bid_prices.tolist() == [9.0]
    assert levels.ask_sizes.tolist() == [2.0, 3.0]
    side = pd.DataFrame({"price": [10.0, 11.0], "size": [1.0, 2.0], "total": [1.0, 3.0]})
    assert analytics.ladder(side).ask_prices.tolist() == [10.0, 11.0]
    assert analytics.ladder(side.iloc[::-1]).bid_prices.tolist() == [11.0, 10.0]


@given(st.lists(st.floats(1e-9, 1e9), min_size=1, max_size=30), st.floats(1e-9, 1e9))
def test_what_was_filled_is_to_the_bit_what_was_asked(sizes: list[float], asked: float) -> None:
    """A sum of shares is off by some bits: 2.9999999999999996 of 3."""
    held, none = np.array(sizes), np.empty(0)
    book = Levels(None, none, none, np.arange(1.0, len(sizes) + 1), held)
    bought, paid = analytics.sweep(book, "buy", size=asked), analytics.sweep(book, "buy", funds=asked)
    assert bought.size == (asked if bought.filled else held.sum())
    assert not paid.filled or paid.funds == asked
