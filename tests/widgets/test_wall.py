"""The wall of many symbols: what is kept of each, their order, what is drawn."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kucoin_stream.errors import UsageError
from kucoin_stream.frames.books import BookTop
from kucoin_stream.frames.quotes import quote_columns
from kucoin_stream.frames.table import _kinds
from kucoin_stream.protocol.messages import futures, spot
from kucoin_stream.protocol.topics import CATALOGUE
from kucoin_stream.widgets.drawing.text import cells
from kucoin_stream.widgets.wall.board import POINTS, SORTS
from kucoin_stream.widgets.wall.painter import WallPainter
from kucoin_stream.widgets.wall.sparks import Sparks, blocks
from tests.widgets.fakes import NOW, FakeWall, a_ticker
from tests.widgets.test_pictures import HOSTILE, Tags, numbers_are_real, renderings

STEP = 300 / POINTS  # seconds


def tile(painter, at, symbol="BTC-USDT"):
    return next(tile for tile in painter.picture(at).tiles if tile.symbol == symbol)


def test_change_is_against_the_oldest_price_kept():
    subject = FakeWall([a_ticker(price=100.0)])
    painter = WallPainter(subject)
    assert tile(painter, NOW).change == 0
    subject.messages = [a_ticker(price=103.0)]
    assert tile(painter, NOW + 1).change == pytest.approx(0.03)
    for step in range(POINTS + 1):  # until 100.0 is older than the span
        shown = tile(painter, NOW + (step + 1) * STEP)
    assert shown.change == 0
    assert shown.path == (103.0,) * POINTS


def test_a_path_has_a_price_for_each_step_and_a_hole_where_nobody_looked():
    subject = FakeWall([a_ticker(price=1.0)])
    painter = WallPainter(subject)
    for price, seconds in ((1.0, 0), (2.0, STEP), (3.0, 2 * STEP), (4.0, 2 * STEP + 0.1), (5.0, 6 * STEP)):
        subject.messages = [a_ticker(price=price)]
        path = tile(painter, NOW + seconds).path
    assert path[-7:] == (1.0, 2.0, 4.0, None, None, None, 5.0)
    assert path[:-7] == (None,) * (POINTS - 7)


@pytest.mark.parametrize(
    ("message", "payload", "price", "spread"),
    [
        (a_ticker(price=100.0, half_spread=0.01), spot.Ticker, 100.0, 2.0),
        (a_ticker(price=None), spot.Ticker, None, None),
        (BookTop("BTC-USDT", 1, 99.0, 1.0, 101.0, 1.0), BookTop, 100.0, 200.0),
        (BookTop("BTC-USDT"), BookTop, None, None),
        (futures.Ticker(symbol="BTC-USDT", best_bid_price=99.0, best_ask_price=101.0), futures.Ticker, 100.0, 200.0),
        (futures.Snapshot(symbol="BTC-USDT", last_price=7.0, turnover=5.0), futures.Snapshot, 7.0, None),
        (futures.MarkPrice(mark_price=8.0, symbol="BTC-USDT"), futures.MarkPrice, 8.0, None),
    ],
)
def test_any_message_with_a_price_is_a_tile(message, payload, price, spread):
    shown = tile(WallPainter(FakeWall([message], payload)), NOW)
    assert shown.price == price
    assert shown.spread_bps == pytest.approx(spread)


def test_an_age_is_that_of_the_message_or_of_its_last_change():
    assert tile(WallPainter(FakeWall([a_ticker(at=NOW - 7.5)])), NOW).age_s == 7
    assert tile(WallPainter(FakeWall([a_ticker(at=NOW + 3)])), NOW).age_s == 0  # clocks differ
    subject = FakeWall([BookTop("BTC-USDT", 1, 99.0, 1.0, 101.0, 1.0)], BookTop)
    painter = WallPainter(subject)
    tile(painter, NOW)
    subject.messages = [BookTop("BTC-USDT", 1, 99.0, 1.0, 101.0, 1.0)]  # another object, the same top
    assert tile(painter, NOW + 5).age_s == 5


def three(sort, **options):
    """Return the names in the order of ``sort``: A fell by 2 %, B rose by 1 %, C stood still."""
    before = {"A-USDT": 100.0, "B-USDT": 10.0, "C-USDT": 1.0}
    after = {"A-USDT": 98.0, "B-USDT": 10.1, "C-USDT": 1.0}
    subject = FakeWall([a_ticker(name, price) for name, price in before.items()])
    painter = WallPainter(subject, sort=sort, **options)
    painter.picture(NOW)
    ages = {"A-USDT": 3, "B-USDT": 2, "C-USDT": 1}
    subject.messages = [a_ticker(name, price, NOW - ages[name], price / 1e4) for name, price in after.items()]
    return "".join(tile.symbol[0] for tile in painter.picture(NOW + 10).tiles)


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("change", "BCA"), ("-change", "ACB"), ("move", "ABC"), ("-move", "CBA"), ("symbol", "ABC"), ("-symbol", "CBA"),
        ("price", "ABC"), ("-price", "CBA"), ("age", "CBA"), ("-age", "ABC"),
    ],
)  # fmt: skip
def test_the_order_is_that_asked_for(sort, expected):
    assert three(sort) == expected
    assert three(sort, count=2) == expected[:2]


def test_volume_ranks_where_it_is_told():
    messages = [
        futures.Snapshot(symbol=s, last_price=1.0, turnover=t) for s, t in (("A", 1.0), ("B", None), ("C", 9.0))
    ]
    painter = WallPainter(FakeWall(messages, futures.Snapshot), sort="volume")
    assert [tile.symbol for tile in painter.picture(NOW).tiles] == ["C", "A", "B"]


def test_tiles_keep_their_places_for_two_seconds():
    subject = FakeWall([a_ticker("A-USDT", 1.0), a_ticker("B-USDT", 1.0)])
    painter = WallPainter(subject)
    painter.picture(NOW)
    subject.messages[1] = a_ticker("B-USDT", 2.0)
    assert [tile.symbol for tile in painter.picture(NOW + 1.9).tiles] == ["A-USDT", "B-USDT"]
    assert [tile.symbol for tile in painter.picture(NOW + 2.1).tiles] == ["B-USDT", "A-USDT"]


def test_rising_and_falling_count_all_symbols():
    names = [f"S{i}-USDT" for i in range(50)]
    subject = FakeWall([a_ticker(name, 1.0) for name in names])
    painter = WallPainter(subject, count=5)
    painter.picture(NOW)
    subject.messages = [a_ticker(name, 1.1 if i < 30 else 0.9 if i < 40 else 1.0) for i, name in enumerate(names)]
    picture = painter.picture(NOW + 3)
    assert (picture.symbols, picture.rising, picture.falling, len(picture.tiles)) == (50, 30, 10, 5)
    assert "5 of 50 by change" in painter.html(picture)


@pytest.mark.parametrize(("price", "counted"), [(100_004.0, (0, 0)), (100_006.0, (1, 0)), (99_994.0, (0, 1))])
def test_what_is_shown_as_no_change_neither_rises_nor_falls(price, counted):
    subject = FakeWall([a_ticker(price=100_000.0)])
    painter = WallPainter(subject)
    painter.picture(NOW)
    subject.messages = [a_ticker(price=price)]
    picture = painter.picture(NOW + 3)
    assert (picture.rising, picture.falling) == counted
    assert ("• 0.00 %" in painter.text(picture)) is (counted == (0, 0))


def test_a_tape_that_was_wound_begins_anew():
    subject = FakeWall([a_ticker("A-USDT", 1.0), a_ticker("B-USDT", 2.0)])
    painter = WallPainter(subject, sort="symbol")
    painter.picture(NOW)
    subject.messages = [a_ticker("B-USDT", 3.0)]
    assert [(t.symbol, t.price, t.change) for t in painter.picture(NOW + 1).tiles] == [("B-USDT", 3.0, 0.0)]
    subject.messages = []
    assert painter.picture(NOW + 2).tiles == ()


def test_only_tiles_that_changed_are_drawn_anew():
    subject = FakeWall([a_ticker("A-USDT", 1.0), a_ticker("B-USDT", 2.0)])
    painter = WallPainter(subject, sort="symbol")
    first = painter.picture(NOW)
    subject.messages[1] = a_ticker("B-USDT", 2.5)
    second = painter.picture(NOW + 0.1)
    assert second.tiles[0] is first.tiles[0]
    assert second.tiles[1] is not first.tiles[1]
    painter.html(first)
    fresh = WallPainter(subject, sort="symbol")
    assert painter.html(second).count("2.50") == fresh.html(fresh.picture(NOW + 0.1)).count("2.50") == 1


def test_its_places_are_those_that_will_be_filled():
    for expected, count, places in ((3, 40, 3), (0, 40, 40), (100, 40, 40), (7, 5, 5)):
        painter = WallPainter(FakeWall(expected=expected), count=count)
        empty, problem = painter.html(painter.picture(NOW)), painter.problem(painter.caption(NOW), "ValueError: <no>")
        assert empty.count("<div></div>") == problem.count("<div></div>") == places
        assert "waiting for prices" in empty
        assert "&lt;no&gt;" in problem


def test_a_wall_is_there_for_the_latest_by_symbol_with_a_price():
    walls = {row.name for row in CATALOGUE if "wall" in _kinds(row, "symbol")}
    assert walls >= {"spot.ticker", "spot.all_tickers", "futures.ticker", "futures.snapshot", "pro_spot.ticker"}
    assert not any(row.private for row in CATALOGUE if "wall" in _kinds(row, "symbol"))
    assert all("wall" not in _kinds(row, None) for row in CATALOGUE)
    assert quote_columns(spot.BookDelta) is None


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"count": 0}, "count=0"),
        ({"count": 2.5}, "count=2.5"),
        ({"sort": "chang"}, "did you mean change?"),
        ({"sort": None}, "sort=None"),
        ({"sort": "volume"}, "tells no volume"),
        ({"sort": "-volume"}, "tells no volume"),
        ({"seconds": 5}, "seconds=5"),
        ({"seconds": "60"}, "seconds='60'"),
        ({"seconds": math.nan}, "seconds=nan"),
    ],
)
def test_wrong_options_are_refused(options, told):
    with pytest.raises(UsageError, match=told):
        WallPainter(FakeWall(), **options)


def test_a_subject_without_prices_is_refused():
    with pytest.raises(UsageError, match="no prices by symbol"):
        WallPainter(FakeWall(payload=spot.BookDelta))


@pytest.mark.parametrize("symbol", HOSTILE)
def test_foreign_symbols_are_harmless(symbol):
    live, static, text = renderings(WallPainter(FakeWall([a_ticker(symbol), a_ticker("BTC-USDT")])))
    for rendered in (live, static):
        tags = Tags(rendered)
        assert "script" not in tags.tags
        assert not [name for name, _ in tags.attributes if name.startswith("on")]
    assert {cells(line) for line in text.split("\n")} == {80}


number = st.one_of(st.none(), st.floats(0, 1e24), st.floats(1e-12, 1e-6), st.sampled_from([math.nan, math.inf]))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.lists(st.tuples(number, number, number), min_size=0, max_size=12), st.floats(0, 1000, allow_nan=False)
        ),
        min_size=1,
        max_size=4,
    ),
    st.sampled_from([f"{sign}{sort}" for sort in SORTS if sort != "volume" for sign in ("", "-")]),
)
def test_anything_is_drawn(moments, sort):
    subject = FakeWall()
    painter = WallPainter(subject, sort=sort, count=10)
    for rows, seconds in moments:
        subject.messages = [
            spot.Ticker(sequence=1, price=p, best_bid=b, best_ask=a, symbol=f"S{i}") for i, (p, b, a) in enumerate(rows)
        ]
        taken = painter.picture(NOW + seconds)
        live, static, text = painter.html(taken), painter.static_html(taken), painter.text(taken)
        numbers_are_real(live, static, text)
        assert live.count("border-left") + live.count("<div></div>") == 10
        assert {cells(line) for line in text.split("\n")} == {80}
        assert len(text.split("\n")) == 8
        assert len(taken.tiles) == min(10, len(rows))


@pytest.mark.parametrize("width", [20, 40, 60, 80, 133, 200])
def test_text_is_as_wide_as_asked(width):
    painter = WallPainter(FakeWall([a_ticker(f"S{i}-USDT") for i in range(60)]))
    assert {cells(line) for line in painter.text(painter.picture(NOW), width).split("\n")} == {width}


# --- sparklines

prices = st.lists(st.one_of(st.none(), st.floats(1e-9, 1e9)), min_size=1, max_size=POINTS)


@given(prices)
def test_a_kept_sparkline_is_the_one_made_anew(path):
    kept = Sparks()
    kept.svg("A", (*path[:-1], 1.0), "#000", "")
    kept.svg("A", path, "#000", "")
    again = kept.svg("A", tuple(path), "#000", "")
    assert again == kept.svg("A", tuple(path), "#000", "")
    numbers_are_real(again)


def test_a_sparkline_leaves_out_what_is_level():
    path = re.findall(r' d="([^"]*)"', Sparks().svg("A", (1.0, 1.0, 1.0, 1.01, 1.01, None, 1.0), "#000", ""))
    assert path == ["M0,0L2,0L3,-1000L4,-1000L6,0"]


@given(prices, st.integers(4, 60))
def test_blocks_fill_their_width(path, width):
    assert cells(blocks(path, width)) == width


def test_blocks_show_rise_and_fall():
    assert blocks((1.0, 1.5, 3.0, None, 1.0), 5) == "▁▃█ ▁"
    assert blocks((1.0, 1.0), 3) == " ▄▄"


def test_a_thousand_symbols_rank_by_numpy():
    rng = np.random.default_rng(1)
    names = [f"S{i:04d}" for i in range(1000)]
    subject = FakeWall([a_ticker(name, 100.0) for name in names])
    painter = WallPainter(subject)
    painter.picture(NOW)
    after = rng.permutation(1000)
    subject.messages = [a_ticker(name, 100.0 + move) for name, move in zip(names, after.tolist(), strict=True)]
    shown = [tile.price for tile in painter.picture(NOW + 5).tiles]
    assert shown == [100.0 + move for move in range(999, 959, -1)]
