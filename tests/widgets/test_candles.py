"""Overlays and markers on candles: their values against plain formulas, their pictures, what is refused."""

from __future__ import annotations

import math
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kucoin_stream.errors import UsageError
from kucoin_stream.widgets.candles.overlays import study
from kucoin_stream.widgets.candles.painter import KlinesPainter
from kucoin_stream.widgets.drawing.text import cells
from tests.widgets.fakes import NOW, FakeKlines, candles
from tests.widgets.test_pictures import Tags, numbers_are_real, renderings

ALL = ("sma 20", "ema 50", "vwap", "bollinger 20 2")
DAY_S = 86_400


def frame_of(subject):
    """Return the DataFrame that live klines would have."""
    bars = subject.bars(100_000)
    columns = {name: getattr(bars, name) for name in ("open", "high", "low", "close", "volume", "turnover")}
    return pd.DataFrame(columns, index=pd.to_datetime(bars.start_s, unit="s", utc=True).rename("time"))


def sma(df):
    return [df.close.rolling(20).mean()]


def ema(df):
    seeded = df.close.copy()
    seeded.iloc[:50] = df.close.iloc[:50].mean()
    return [seeded.iloc[49:].ewm(span=50, adjust=False).mean().reindex(df.index)]


def vwap(df):
    day = df.index.floor("D")
    return [df.turnover.groupby(day).cumsum() / df.volume.groupby(day).cumsum()]


def bollinger(df):
    mean, far = df.close.rolling(20).mean(), 2 * df.close.rolling(20).std(ddof=0)
    return [mean, mean + far, mean - far]


def values(picture):
    return [[math.nan if value is None else value for value in line.values] for line in picture.lines]


@pytest.mark.parametrize(
    ("overlay", "formula"), [("sma 20", sma), ("ema 50", ema), ("vwap", vwap), ("bollinger 20 2", bollinger)]
)
@pytest.mark.parametrize("count", [2000, 130, 12])  # over a midnight, within the day, hardly any
def test_an_overlay_is_its_formula(overlay, formula, count):
    subject = FakeKlines(candles(count=count))
    picture = KlinesPainter(subject, overlays=overlay).picture(NOW)
    expected = [series.to_numpy()[-120:] for series in formula(frame_of(subject))]
    for got, wanted in zip(values(picture), expected, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-6)
    assert {len(line.values) for line in picture.lines} == {len(picture.close)}


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0.01, 1e6), min_size=1, max_size=40), st.integers(1, 12))
def test_values_bar_by_bar_are_those_computed_at_once(closes, length):
    rows = [(60 * i, close, close, close, close, 1.0) for i, close in enumerate(closes)]
    overlays = (f"sma {length}", f"ema {length}", "vwap", f"bollinger {length + 1} 2", "high")
    subject = FakeKlines(rows[:1])
    growing = KlinesPainter(subject, overlays=overlays)
    for end in range(1, len(rows) + 1):
        subject.rows = np.array(rows[:end], dtype=float)
        grown = growing.picture(NOW)
    at_once = KlinesPainter(FakeKlines(rows), overlays=overlays).picture(NOW)
    for got, wanted in zip(values(grown), values(at_once), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-9, atol=1e-5)  # a deviation is the root of a difference


@pytest.mark.parametrize(
    ("multiplier", "volume", "turnover", "expected"),
    [
        (None, [2.0, 1.0], [200.0, 110.0], [100.0, 310 / 3]),
        (0.001, [2000.0, 1000.0], [200.0, 110.0], [100.0, 310 / 3]),  # lots of 0.001 BTC
        (-1.0, [200.0, 110.0], [2.0, 1.0], [100.0, 310 / 3]),  # inverse: lots of 1 USD, paid in BTC
        (None, [0.0, 1.0], [0.0, 110.0], [None, 110.0]),  # nothing was traded
    ],
)
def test_vwap_counts_lots_as_the_contract_does(multiplier, volume, turnover, expected):
    class Contract(FakeKlines):
        def bars(self, count):
            bars = super().bars(count)
            bars.turnover = np.array(turnover[-count:])
            return bars

    subject = Contract([(DAY_S + 60 * i, 1, 1, 1, 1, v) for i, v in enumerate(volume)])
    subject.multiplier = multiplier
    (line,) = KlinesPainter(subject, overlays="vwap").picture(NOW).lines
    assert list(line.values) == pytest.approx(expected)
    assert line.name == "vwap"


def test_a_vwap_that_does_not_begin_at_midnight_says_since_when():
    rows = candles(count=60)  # until 11:06
    (line,) = KlinesPainter(FakeKlines(rows), overlays="vwap").picture(NOW).lines
    assert line.name == "vwap since 10:07"


def test_closed_bars_are_computed_and_drawn_once():
    subject = FakeKlines(candles(count=400))
    painter = KlinesPainter(subject, overlays=ALL)
    first = painter.picture(NOW)
    painter.html(first)
    for close in (67_500.0, 67_480.0):
        subject.rows[-1, 4] = close
        again = painter.picture(NOW)
        painter.html(again)
        assert [line.values[:-1] for line in again.lines] == [line.values[:-1] for line in first.lines]
        assert again.lines[0].values[-1] != first.lines[0].values[-1]
    assert painter._overlays.computed == 1
    assert painter._plot._curves.made == len(first.lines) == 6
    fresh = KlinesPainter(subject, overlays=ALL)
    drawn = [re.findall(r' d="([^"]*)"', each.html(each.picture(NOW)))[:9] for each in (painter, fresh)]
    assert len(drawn[0]) == len(drawn[1])


def median(df):
    return df.close.rolling(3).median()


def test_a_function_makes_a_line_of_the_frame():
    subject = FakeKlines(candles(count=50))
    picture = KlinesPainter(subject, overlays=(median,)).picture(NOW)
    assert picture.lines[0].name == "median"
    np.testing.assert_allclose(values(picture)[0], frame_of(subject).close.rolling(3).median())


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda df: df.close / df["none"], "KeyError: 'none'"),
        (lambda df: 5, "UsageError: returned int: a Series with the index of its DataFrame is wanted"),
        (lambda df: df.close.head(3), "UsageError: returned Series: a Series with the index"),
        (lambda df: 1 / 0, "ZeroDivisionError: division by zero"),
    ],
)
def test_what_a_function_raises_is_said_in_the_picture(function, said):
    painter = KlinesPainter(FakeKlines(candles()), overlays=("sma 20", function))
    live, static, text = renderings(painter)
    assert said[:30] in Tags(live).words
    assert said[:30] in Tags(static).words
    assert "sma 20" in text
    assert "opacity:.4" not in live  # the candles are right


def test_a_series_by_time_and_a_column_are_lines():
    subject = FakeKlines(candles(count=30))
    df = frame_of(subject)
    given_series = (df.close * 2).iloc[5:].rename("twice")
    picture = KlinesPainter(subject, overlays=(given_series, "high")).picture(NOW)
    assert [line.name for line in picture.lines] == ["twice", "high"]
    np.testing.assert_allclose(values(picture)[0], [math.nan] * 5 + (df.close * 2).tolist()[5:])
    np.testing.assert_allclose(values(picture)[1], df.high)


def test_lines_have_a_legend_and_differ_in_colour_and_dash():
    painter = KlinesPainter(FakeKlines(candles(count=2000)), overlays=ALL)
    picture = painter.picture(NOW)
    live, static, text = renderings(painter)
    for name in ALL:
        assert name in Tags(live).words
        assert name in Tags(static).words
    assert f"sma 20 {picture.lines[0].values[-1]:,.1f}" in text
    assert f"sma 20 {picture.lines[0].values[-1]:,.1f}" in live  # read out
    looks = set(re.findall(r'stroke="(#\w+)" stroke-width="1.5" stroke-dasharray="([^"]*)"', live))
    assert len(looks) == len({dash for _, dash in looks}) == 4


def test_lines_do_not_squeeze_the_candles():
    subject = FakeKlines(candles())
    plain = KlinesPainter(subject).picture(NOW)
    for factor in (1.001, 1000, -5):
        far = KlinesPainter(subject, overlays=(lambda df, factor=factor: df.close * factor,)).picture(NOW)
        assert far.top - far.bottom <= 2.5 * (plain.top - plain.bottom)
        assert far.top >= plain.top
        assert far.bottom <= plain.bottom


@pytest.mark.parametrize(
    ("given", "meant"), [("sma20", "sma 20"), ("EMA(50)", "ema 50"), ("bollinger(20, 2)", "bollinger 20 2")]
)
def test_an_overlay_may_be_written_as_elsewhere(given, meant):
    found, plain = study(given, 60), study(meant, 60)
    assert (type(found), vars(found)) == (type(plain), vars(plain))


@pytest.mark.parametrize(
    ("overlays", "told"),
    [
        (("smaa 20",), "did you mean sma?"),
        (("boll 20",), "did you mean bollinger?"),
        (("rsi 14",), "there are: sma, ema, bollinger, vwap, open, high, low, close"),
        (("sma x",), "'x' is no number of bars, write 1 to 1000"),
        (("sma 0",), "'0' is no number of bars"),
        (("sma 20 2",), "write 'sma 20'"),
        (("vwap 20",), "write 'vwap'"),
        (("bollinger 1",), "write 2 to 1000"),
        (("bollinger 20 nan",), "'nan' is no number of deviations"),
        (("",), "there are:"),
        ((5,), "write 'sma 20', or pass a function"),
        (None, "write 'sma 20', or pass a function"),
        (("sma 5",) * 7, "6 in one picture"),
        ((pd.Series([1.0, 2.0]),), "no times"),
    ],
)
def test_an_overlay_that_is_none_is_refused(overlays, told):
    with pytest.raises(UsageError, match=re.escape(told)):
        KlinesPainter(FakeKlines(candles()), overlays=overlays)


class HeldKlines(FakeKlines):
    def __len__(self):
        return len(self.rows)


@pytest.mark.parametrize(
    ("held", "drawn", "in_text"),
    [
        (1500, "120 of 1,500 bars of 1min", "71 of 1,500 bars of 1min"),
        (90, "90 bars of 1min", "71 of 90 bars of 1min"),
        (0, "0 bars of 1min", "0 bars of 1min"),
    ],
)
def test_the_foot_tells_how_many_of_the_bars_held_are_drawn(held, drawn, in_text):
    painter = KlinesPainter(HeldKlines(candles(count=1500)[:held]))
    taken = painter.picture(NOW)
    live, static = Tags(painter.html(taken)).words, Tags(painter.static_html(taken)).words
    text = painter.text(taken)
    for rendered, words in ((live, drawn), (static, drawn), (text, in_text)):
        assert f"{words} · UTC" in rendered


def test_bars_before_those_drawn_that_an_overlay_needs_are_not_drawn():
    painter = KlinesPainter(HeldKlines(candles(count=130)), overlays="sma 20")
    assert "120 of 130 bars of 1min" in painter.html(painter.picture(NOW))


# --- markers

FILLS = pd.DataFrame(
    {
        "time": pd.to_datetime([NOW - 600, NOW - 1200, NOW - 90_000, NOW - 300, NOW - 30], unit="s", utc=True),
        "price": [67_100.0, 67_200.0, 67_000.0, 67_300.0, math.nan],
        "side": pd.Categorical(["buy", "sell", "buy", "sell", "buy"]),
        "symbol": ["BTC-USDT", "BTC-USDT", "BTC-USDT", "ETH-USDT", "BTC-USDT"],
        "size": [0.5, 1.0, 1.0, 1.0, 1.0],
    }
)


class LiveFills:
    version = 0

    def __init__(self, frame):
        self.frame, self.asked = frame, 0

    @property
    def df(self):
        self.asked += 1
        return self.frame


def test_markers_are_own_fills_within_the_bars_shown():
    painter = KlinesPainter(FakeKlines(candles()), markers=FILLS)
    picture = painter.picture(NOW)
    assert [(m.side, m.price, m.text, m.bar) for m in picture.markers] == [
        ("sell", 67_200.0, "1", 99),
        ("buy", 67_100.0, "0.5", 109),
    ]
    live, _, text = renderings(painter)
    assert 'title="buy 0.5 at 67,100.0"' in live
    assert "▲" in text
    assert "▼" in text


def test_a_live_frame_is_read_when_it_has_changed():
    fills = LiveFills(FILLS.iloc[:1])
    painter = KlinesPainter(FakeKlines(candles()), markers=fills)
    for _ in range(3):
        assert len(painter.picture(NOW).markers) == 1
    assert fills.asked == 1
    before = painter.version
    fills.frame, fills.version = FILLS, 1
    assert painter.version != before
    assert len(painter.picture(NOW).markers) == 2


@pytest.mark.parametrize("index", ["time", None])
def test_markers_need_a_time_and_a_price_alone(index):
    frame = FILLS[["time", "price"]].iloc[:1]
    painter = KlinesPainter(FakeKlines(candles()), markers=frame.set_index(index) if index else frame)
    (marker,) = painter.picture(NOW).markers
    assert (marker.side, marker.text) == ("", "")
    assert all("◆" in rendered for rendered in (renderings(painter)[0], renderings(painter)[2]))


def test_no_fills_yet_is_no_error():
    for empty in (pd.DataFrame(), FILLS.iloc[:0], FILLS.iloc[:0][["price"]]):
        assert KlinesPainter(FakeKlines(candles()), markers=LiveFills(empty)).picture(NOW).markers == ()


@pytest.mark.parametrize(
    ("markers", "told"),
    [(5, "pass a DataFrame, or a live frame"), (FILLS[["price"]], "'time' and 'price'"), (FILLS[["time"]], "'time'")],
)
def test_what_are_no_markers_is_refused(markers, told):
    with pytest.raises(UsageError, match=told):
        KlinesPainter(FakeKlines(candles()), markers=markers)


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", '"onload="alert(1)', "a\nb\x1b[31m\u202egnp", "x" * 999])
def test_foreign_texts_are_harmless(text):
    def evil(df):
        raise ValueError(text)

    evil.__name__ = text
    frame = FILLS.assign(text=text, side=text)
    live, static, plain = renderings(KlinesPainter(FakeKlines(candles()), overlays=(evil,), markers=frame))
    for rendered in (live, static):
        tags = Tags(rendered)
        assert "script" not in tags.tags
        assert not [name for name, _ in tags.attributes if name.startswith("on")]
    assert {cells(line) for line in plain.split("\n")} == {80}


price = st.floats(min_value=1e-12, max_value=1e24)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(price, price, price, price, st.floats(0, 1e24)), max_size=40),
    st.lists(st.tuples(st.floats(0, 3000), st.one_of(price, st.just(math.nan), st.just(math.inf))), max_size=5),
)
def test_anything_is_drawn(rows, marks):
    rows = [(60 * i, o, max(o, h, low, c), min(o, h, low, c), c, v) for i, (o, h, low, c, v) in enumerate(rows)]
    frame = pd.DataFrame(marks, columns=["time", "price"], dtype=float)
    frame["time"] = pd.to_datetime(frame["time"], unit="s", utc=True)
    painter = KlinesPainter(FakeKlines(rows), count=30, overlays=(*ALL, "high"), markers=frame)
    taken = painter.picture(NOW)
    assert painter.picture(NOW) == taken
    live, static, text = painter.html(taken), painter.static_html(taken), painter.text(taken)
    numbers_are_real(live, static, text)
    assert re.findall(r"position:relative;height:(\d+)px", live)[0] == "280"
    assert {cells(line) for line in text.split("\n")} == {80}
    assert len(text.split("\n")) == 17


@pytest.mark.parametrize("option", ["count", "height"])
@pytest.mark.parametrize("value", [1, 10**6, "100", None, math.nan, True, 120.0])
def test_wrong_sizes_are_refused(option, value):
    with pytest.raises(UsageError, match=option):
        KlinesPainter(FakeKlines(candles()), **{option: value})
