"""The depth chart: what stands up to each price."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kucoin_stream.analytics import book as analytics
from kucoin_stream.errors import UsageError
from kucoin_stream.frames.book import LiveBook
from kucoin_stream.market.book import Levels
from kucoin_stream.widgets.book.areas import TEXT_ROWS
from kucoin_stream.widgets.book.depth import _FIRST_READ, STEPS, DepthPainter
from kucoin_stream.widgets.book.painter import BookPainter
from kucoin_stream.widgets.drawing.text import cells
from kucoin_stream.widgets.kinds import painter
from tests.widgets.fakes import NOW, FakeBook, a_book
from tests.widgets.test_pictures import Tags, numbers_are_real, renderings


class Book(FakeBook):
    symbol, multiplier = "BTC-USDT", None


def book(depth=40, **caption):
    other = a_book(depth=depth)
    return Book(other.bids, other.asks, other.sequence, **caption)


SMALL = Book([(99.0, 1), (98.0, 2), (90.0, 4)], [(101.0, 3), (103.0, 5), (120.0, 9)])


def test_totals_within_so_many_bps_of_the_mid():
    taken = DepthPainter(SMALL, within=500).picture(NOW)
    assert (taken.low, taken.high, taken.mid, taken.spread_bps) == pytest.approx((95, 105, 100, 200))
    assert (taken.bids.prices, taken.bids.totals) == ((99.0, 98.0), (1.0, 3.0))
    assert (taken.asks.prices, taken.asks.totals) == ((101.0, 103.0), (3.0, 8.0))
    assert taken.imbalance == pytest.approx((3 - 8) / 11)
    assert (taken.bids.end, taken.asks.end) == pytest.approx((95, 105))  # there are levels beyond


def test_a_side_ends_where_nothing_more_is_known():
    taken = DepthPainter(SMALL, within=3000).picture(NOW)
    assert (taken.bids.end, taken.asks.end) == (90.0, 120.0)
    assert taken.bids.total == 7


def test_a_number_of_levels_reaches_as_far_as_on_the_sparser_side():
    dense = Book([(99.0, 1), (98.0, 2), (97.5, 4), (90.0, 8)], [(101.0, 3), (103.0, 5), (120.0, 9)])
    taken = DepthPainter(dense, levels=2).picture(NOW)
    assert (taken.low, taken.high) == pytest.approx((97, 103))
    assert (taken.bids.total, taken.asks.total) == (7, 8)  # all that stands there, of both


@pytest.mark.parametrize(
    ("multiplier", "expected", "unit"),
    [(None, (99 + 196, "USDT"), "BTC"), (0.001, (0.295, ""), "lots"), (-1.0, (3.0, ""), "lots")],
)
def test_value_is_in_the_quote_currency(multiplier, expected, unit):
    subject = Book([(99.0, 1), (98.0, 2)], [(101.0, 3)])
    subject.multiplier = multiplier
    painter = DepthPainter(subject, within=500, of="value")
    assert painter.picture(NOW).bids.total == pytest.approx(expected[0])
    assert painter.unit == expected[1]
    assert DepthPainter(subject).unit == unit


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 1500), st.floats(1, 1000))
def test_many_levels_are_thinned_without_changing_what_they_add_up_to(depth, within):
    subject = book(depth)
    taken = DepthPainter(subject, within=within).picture(NOW)
    columns = (column[:, i] for column in (subject.bids, subject.asks) for i in (0, 1))
    expected = analytics.depth(Levels(None, *columns), within).iloc[0]
    assert (taken.bids.total, taken.asks.total) == pytest.approx((expected.bid_base, expected.ask_base))
    for area in (taken.bids, taken.asks):
        assert len(area.prices) == len(area.totals) <= STEPS + 1
        assert list(area.totals) == sorted(area.totals)


@settings(max_examples=30, deadline=None)
@given(
    st.integers(1, 3000),
    st.integers(1, 3000),
    st.one_of(
        st.builds(lambda bps: {"within": bps}, st.floats(0.1, 2000)),
        st.builds(lambda count: {"levels": count}, st.integers(2, 4000)),
    ),
)
def test_only_the_levels_that_the_range_needs_are_read(bids, asks, options):
    long, asked = Book(a_book(depth=bids).bids, a_book(depth=asks).asks), []
    read = long.levels
    long.levels = lambda depth: asked.append(depth) or read(depth)
    painter = DepthPainter(long, **options)
    taken = painter.picture(NOW)
    painter._reads = 10**6
    assert painter.picture(NOW) == taken  # as of the whole book
    within = (
        np.count_nonzero(np.array(long.bids)[:, 0] >= taken.low),
        np.count_nonzero(np.array(long.asks)[:, 0] <= taken.high),
    )
    assert asked[-2] <= max(_FIRST_READ, options.get("levels", 0), 4 * max(within))


def test_the_upper_edge_stays_while_it_serves():
    subject = Book([(99.0, 10)], [(101.0, 5)])
    painter = DepthPainter(subject, within=500)
    top = painter.picture(NOW).top
    for size, stays in ((9.0, True), (7.0, True), (5.4, False), (20.0, False)):
        subject.bids = [(99.0, size)]
        taken = painter.picture(NOW)
        assert (taken.top == top) is stays
        assert taken.bids.total <= taken.top
        top = taken.top


def test_axes_have_round_numbers_inside_the_plot():
    taken = DepthPainter(book(2000), within=50).picture(NOW)
    assert [mark.label for mark in taken.prices] == ["67,000", "67,200"]
    assert [mark.label for mark in taken.between] == ["66,900", "67,100", "67,300"]
    assert all(0 < mark.percent < 100 for mark in (*taken.prices, *taken.between, *taken.totals))
    labels = [float(mark.label) for mark in taken.totals]
    assert len(labels) >= 3
    assert all(label % 10 == 0 for label in labels)


@pytest.mark.parametrize(
    ("size", "said"), [(7_086_937.0, "7.0869M"), (170_869.0, "170.87K"), (12_345.6, "12,346"), (3e10, "30.000B")]
)
def test_large_totals_are_short(size, said):
    subject = Book([(99.0, size)], [(101.0, 1)])
    subject.size_decimals = 0
    for rendered in renderings(DepthPainter(subject, within=500)):
        assert f"{said}" in rendered


def test_one_side_alone_is_drawn_about_its_best_price():
    painter = DepthPainter(Book([(99.0, 1), (98.9, 2)], []), within=50)
    taken = painter.picture(NOW)
    assert (taken.mid, taken.spread, taken.asks.totals, taken.bids.total) == (None, None, (), 3)
    for rendered in renderings(painter):
        assert "waiting" not in rendered
        assert "asks" in rendered


def test_nothing_yet_says_what_it_waits_for():
    for rendered in renderings(DepthPainter(Book(status="syncing: snapshot requested"))):
        assert "waiting for the order book · syncing: snapshot requested" in rendered


def test_the_label_says_the_numbers():
    live = DepthPainter(SMALL, within=500, of="size").html(DepthPainter(SMALL, within=500).picture(NOW))
    assert 'aria-label="depth of BTC-USDT: mid 100.00, bids 3.000, asks 8.000, imbalance -0.45' in live


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"within": 0}, "within=0: a number of bps from 0.1 to 5,000"),
        ({"within": "50"}, "within='50': a number of bps"),
        ({"within": math.nan}, "within=nan"),
        ({"within": True}, "within=True"),
        ({"levels": 1}, "levels=1: a whole number from 2"),
        ({"levels": 2.5}, "levels=2.5"),
        ({"within": 50, "levels": 10}, "write one of them"),
        ({"of": "values"}, "of='values'; did you mean value"),
        ({"of": None}, "of=None; there are: size, value"),
        ({"height": 10}, "height=10: a whole number from 120 to 1,200"),
        ({"height": "big"}, "height='big'"),
    ],
)
def test_wrong_options_are_refused(options, said):
    with pytest.raises(UsageError, match=said):
        DepthPainter(book(), **options)


sides = st.lists(
    st.tuples(st.one_of(st.floats(1e-12, 1e18), st.floats()), st.one_of(st.floats(0, 1e24), st.floats())), max_size=25
)


def ordered(levels, *, falling):
    kept = {price: size for price, size in levels if price > 0 or math.isnan(price)}
    return sorted(kept.items(), reverse=falling)


@settings(max_examples=50, deadline=None)
@given(sides, sides, st.sampled_from([{}, {"levels": 5}, {"of": "value"}, {"within": 5000}]))
def test_no_book_breaks_the_picture(bids, asks, options):
    bids = [(price, abs(size)) for price, size in ordered(bids, falling=True)]
    asks = [(price, abs(size)) for price, size in ordered(asks, falling=False)]
    painter = DepthPainter(Book(bids, asks), **options)
    live, static, text = renderings(painter)
    Tags(static)
    numbers_are_real(live, static, text)
    assert re.findall(r"position:relative;height:(\d+)px", live)[0] == "240"
    assert {cells(line) for line in text.split("\n")} == {80}
    assert len(text.split("\n")) == TEXT_ROWS + 4


@pytest.mark.parametrize("width", [30, 40, 60, 80, 133, 200])
def test_text_is_as_wide_as_asked(width):
    painter = DepthPainter(book(2000), of="value")
    lines = painter.text(painter.picture(NOW), width).split("\n")
    assert {cells(line) for line in lines} == {width}


def test_foreign_text_and_tiny_prices_are_harmless():
    prices = 2.3e-8 - np.arange(20) * 1e-12
    subject = Book(np.column_stack([prices, np.full(20, 3e9)]), [(2.4e-8, 1e9)], title="<b>", status="stale: <i>")
    subject.symbol, subject.price_decimals, subject.size_decimals = "<u>-<s>", 12, 0
    live, static, _ = renderings(DepthPainter(subject, of="value", levels=20))
    assert not {"u", "s", "i", "script"} & (Tags(live).tags | Tags(static).tags)
    assert "0.0000000235" in live
    numbers_are_real(live, static)


def test_static_html_survives_the_sanitizer():
    tags = Tags(renderings(DepthPainter(book()))[1])
    assert tags.tags <= {"div", "span", "table", "tr", "td", "th", "img", "b"}
    assert {name for name, _ in tags.attributes} <= {"style", "src", "alt", "rowspan"}


def test_pictures_are_values_and_small():
    painter = DepthPainter(book(5000))
    assert painter.picture(NOW) == painter.picture(NOW)
    assert len(painter.html(painter.picture(NOW))) < 12_000
    assert "no" in painter.problem(painter.caption(NOW), "ValueError: <no>")


@pytest.mark.parametrize(
    ("kind", "options", "made"),
    [
        ("", {"grouping": 10}, BookPainter),
        ("ladder", {"depth": 5}, BookPainter),
        ("depth", {"within": 20, "of": "value"}, DepthPainter),
    ],
)
def test_a_live_book_has_these_pictures(kind, options, made):
    assert type(painter(book(), LiveBook.kinds, kind, **options)) is made


def test_a_wrong_option_is_refused_with_the_nearest():
    with pytest.raises(UsageError, match="the picture 'depth' has no option 'withing'; did you mean within"):
        painter(book(), LiveBook.kinds, "depth", withing=20)
