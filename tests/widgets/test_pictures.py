"""Pictures and their renderings, without a browser."""

from __future__ import annotations

import json
import math
import re
from html.parser import HTMLParser
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kucoin_stream.errors import UsageError
from kucoin_stream.widgets.book.painter import BookPainter
from kucoin_stream.widgets.candles.painter import KlinesPainter
from kucoin_stream.widgets.drawing.axes import price_marks, round_step, time_marks
from kucoin_stream.widgets.drawing.html import clean, clock
from kucoin_stream.widgets.drawing.picture import Scale, scale_for
from kucoin_stream.widgets.drawing.text import bar, cells, fit, fit_number
from kucoin_stream.widgets.state.status import StatusPainter
from kucoin_stream.widgets.trades.painter import TapePainter
from kucoin_stream.widgets.wall.painter import WallPainter
from tests.widgets.fakes import (
    NOW,
    FakeBook,
    FakeClient,
    FakeKlines,
    FakeTape,
    FakeWall,
    a_book,
    a_client,
    a_trade,
    a_wall,
    candles,
    some_trades,
)

HOSTILE = [
    "<script>alert(1)</script>",
    '"onload="alert(1)',
    "'><img src=x onerror=alert(1)>",
    "a\nb\x1b[31m\u202egnp",
    "é́́ 交易所 🚀",
    "x" * 5000,
]

PAINTERS = {
    "book": lambda **caption: BookPainter(a_book(**caption)),
    "klines": lambda **caption: KlinesPainter(FakeKlines(candles(), **caption)),
    "trades": lambda **caption: TapePainter(FakeTape(some_trades(symbols=("BTC-USDT", "ETH-USDT")), **caption)),
    "status": lambda **caption: StatusPainter(a_client(**caption)),
    "wall": lambda **caption: WallPainter(a_wall(**caption)),
}
EMPTY = {
    "book": (lambda **caption: BookPainter(FakeBook(**caption)), "waiting for the order book"),
    "klines": (lambda **caption: KlinesPainter(FakeKlines(**caption)), "waiting for candles"),
    "trades": (lambda **caption: TapePainter(FakeTape(**caption)), "waiting for trades"),
    "status": (lambda **caption: StatusPainter(FakeClient(**caption)), "no connection is open"),
    "wall": (lambda **caption: WallPainter(FakeWall(**caption)), "waiting for prices"),
}
every_painter = pytest.mark.parametrize("make", PAINTERS.values(), ids=PAINTERS)

positive = st.floats(min_value=1e-12, max_value=1e24)
sides = st.lists(st.tuples(positive, st.floats(min_value=0, max_value=1e24)), max_size=30)


class Tags(HTMLParser):
    """Collects tags and attributes, and checks that they are balanced."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self._open = set(), [], []
        self.words = ""
        self.feed(text)
        self.close()
        assert not self._open

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += attrs
        if tag not in {"img", "br"}:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        self.words += data


def renderings(painter, at=NOW):
    taken = painter.picture(at)
    return painter.html(taken), painter.static_html(taken), painter.text(taken)


def numbers_are_real(*texts):
    for text in texts:
        assert not re.search(r"(?<![a-z])(nan|inf)(?![a-z])", Tags(text).words.lower() if "<" in text else text.lower())
        for path in re.findall(r' d="([^"]*)"', text):
            assert "nan" not in path
            assert "inf" not in path


# --- the book


@settings(max_examples=60, deadline=None)
@given(sides, sides)
def test_totals_are_cumulative_sums_and_bars_stay_within_the_cell(bids, asks):
    painter = BookPainter(FakeBook(bids, asks), depth=20)
    taken = painter.picture(NOW)
    for side, given_side in ((taken.bids, bids), (taken.asks, asks)):
        assert side.sizes == tuple(size for _, size in given_side[:20])
        assert side.totals == tuple(accumulate(side.sizes))
        assert len(side.bars) == len(side.prices)
        assert all(0 <= b <= 100 for b in side.bars)
        assert list(side.bars) == sorted(side.bars)
    live, static, text = painter.html(taken), painter.static_html(taken), painter.text(taken)
    numbers_are_real(live, static, text)
    assert {cells(line) for line in text.split("\n")} == {80}
    assert len(text.split("\n")) == 24


def test_the_deeper_side_fills_its_cell():
    taken = BookPainter(FakeBook([(10, 1), (9, 3)], [(11, 2)])).picture(NOW)
    assert taken.bids.totals == (1, 4)
    assert taken.bids.bars == (25, 100)
    assert taken.asks.bars == (50,)


@pytest.mark.parametrize(
    ("bids", "asks", "expected"),
    [
        ([(99.0, 1)], [(101.0, 1)], (100.0, 2.0, 200.0)),
        ([(99.0, 1)], [], (None, None, None)),
        ([], [(101.0, 1)], (None, None, None)),
        ([], [], (None, None, None)),
        ([(math.nan, 1), (99.0, 1)], [(101.0, math.inf), (103.0, 1)], (101.0, 4.0, 4 / 101 * 1e4)),  # holes left out
    ],
)
def test_mid_and_spread(bids, asks, expected):
    taken = BookPainter(FakeBook(bids, asks)).picture(NOW)
    assert (taken.mid, taken.spread, taken.spread_bps) == pytest.approx(expected)


def test_one_sided_book_shows_its_side():
    for rendered in renderings(BookPainter(FakeBook([(67_000.5, 1.25)], []))):
        assert "67,000.5" in rendered
        assert "waiting" not in rendered


def test_a_live_column_of_sizes_does_not_lose_decimals_again():
    subject = FakeBook([(0.5, 0.123)], [(0.6, 0.2)])
    painter = BookPainter(subject)
    before = painter.picture(NOW).scale.decimals
    subject.bids = [(0.5, 123.0)]
    assert painter.picture(NOW).scale.decimals == before


@pytest.mark.parametrize(
    ("largest", "price", "size_decimals", "expected"),
    [
        (12.0, 67_123.4, 8, Scale(1.0, "", 5)),  # 0.00001 BTC is worth about a unit of the quote currency
        (12.0, 0.05, 8, Scale(1.0, "", 2)),
        (0.5, 0.05, 8, Scale(1.0, "", 3)),
        (12.0, 67_123.4, 2, Scale(1.0, "", 2)),  # never more than the exchange has
        (1_234_567.0, 0.5, 4, Scale(1.0, "", 0)),
        (2e9, 0.00001, 0, Scale(1e3, "K", 2)),
        (3e22, 1.0, 8, Scale(1e19, "e19", 2)),
        (0.0, 0.0, 8, Scale(1.0, "", 3)),
    ],
)
def test_scale_of_sizes(largest, price, size_decimals, expected):
    assert scale_for(largest, price, size_decimals) == expected


# --- candles


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(positive, positive, positive, positive, st.floats(0, 1e24)), max_size=40))
def test_any_candle_is_drawn_inside_the_plot(rows):
    rows = [(60 * i, o, max(o, h, low, c), min(o, h, low, c), c, v) for i, (o, h, low, c, v) in enumerate(rows)]
    painter = KlinesPainter(FakeKlines(rows), count=30)
    taken = painter.picture(NOW)
    for mark in (*taken.prices, *taken.times, *([taken.last] if taken.last else [])):
        assert 0 <= mark.percent <= 100
    live, static, text = painter.html(taken), painter.static_html(taken), painter.text(taken)
    numbers_are_real(live, static, text)
    assert {cells(line) for line in text.split("\n")} == {80}
    assert len(text.split("\n")) == 17


def test_only_the_last_bar_is_made_anew():
    subject = FakeKlines(candles())
    painter = KlinesPainter(subject)
    painter.html(painter.picture(NOW))
    for close in (67_500.0, 60_000.0, 70_000.0):  # far outside the range for which the paths were made
        subject.rows[-1, 4] = close
        subject.rows[-1, 2], subject.rows[-1, 3] = max(67_500, close), min(67_000, close)
        rendered = painter.html(painter.picture(NOW))
        assert f"{close:,.1f}" in rendered
    assert painter._plot.made == 1
    subject.rows[5, 4] += 1  # outside the 120 that are shown
    painter.html(painter.picture(NOW))
    assert painter._plot.made == 1
    subject.rows[-3, 4] += 1  # history was healed
    painter.html(painter.picture(NOW))
    assert painter._plot.made == 2


def test_a_kept_path_is_the_path_made_anew():
    subject = FakeKlines(candles())
    kept = KlinesPainter(subject)
    kept.html(kept.picture(NOW))
    subject.rows[-1, 4] -= 7
    fresh = KlinesPainter(subject)
    assert kept.html(kept.picture(NOW)) == fresh.html(fresh.picture(NOW))


def test_bars_with_a_hole_are_left_out():
    rows = candles(count=10)
    rows[4, 2] = math.nan
    taken = KlinesPainter(FakeKlines(rows)).picture(NOW)
    assert len(taken.close) == 9


@pytest.mark.parametrize(
    ("wanted", "expected"), [(0.9, (1, 0)), (2.4, (2.5, 1)), (0.026, (0.025, 3)), (180, (200, 0)), (9.9, (10, 0))]
)
def test_round_step(wanted, expected):
    assert round_step(wanted) == pytest.approx(expected)


def test_price_marks_leave_room_for_the_last_price():
    marks = price_marks(110, 90, 1, last=50.0, height=200)  # the last price is 100
    assert [mark.label for mark in marks] == ["92.5", "95.0", "97.5", "102.5", "105.0", "107.5"]


@given(st.floats(1e-6, 1e6), st.floats(1e-4, 0.5), st.integers(190, 320))
def test_a_plot_of_the_usual_height_has_four_prices_or_more(low, part, height):
    marks = price_marks(low * (1 + part), low, 12, None, height)
    assert 4 <= len(marks) <= height // 16


@pytest.mark.parametrize(
    ("interval_s", "expected"),
    [
        (60, ["09:30", "10:00", "10:30", "11:00"]),
        (3600, ["14 Nov", "15 Nov", "16 Nov", "17 Nov", "18 Nov"]),
        (86_400, ["Aug 2026", "Sep 2026", "Oct 2026", "Nov 2026"]),
    ],
)
def test_time_marks_are_round(interval_s, expected):
    end = int(NOW) // interval_s * interval_s
    marks = time_marks(tuple(end - interval_s * i for i in reversed(range(120))), 120, interval_s)
    assert [mark.label for mark in marks][-len(expected) :] == expected
    assert len(marks) <= 6


@pytest.mark.parametrize(
    ("unit", "said"), [("lots", " bars of 1min · volume in lots · UTC"), ("", " bars of 1min · UTC")]
)
def test_candles_say_what_their_volume_counts(unit, said):
    for rendered in renderings(KlinesPainter(FakeKlines(candles(), volume_unit=unit))):
        assert said in rendered


# --- the tape


def test_tape_is_newest_first_with_bars_by_size():
    trades = [a_trade(size=0.5, side="sell", number=1), a_trade(size=2.0, number=2)]
    rows = TapePainter(FakeTape(trades)).picture(NOW).rows
    assert [(row.side, row.bar) for row in rows] == [("buy", 100.0), ("sell", 25.0)]


def test_a_small_trade_is_never_shown_as_nothing():
    for rendered in renderings(TapePainter(FakeTape([a_trade(size=0.00001), a_trade(size=3.0)]))):
        assert "0.00001" in rendered


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.builds(
            a_trade,
            price=st.floats(0, 1e24),
            size=st.floats(0, 1e24),
            side=st.text(max_size=4),
            symbol=st.text(max_size=9),
        ),
        max_size=20,
    )
)
def test_any_trade_is_drawn(trades):
    painter = TapePainter(FakeTape(trades))
    taken = painter.picture(NOW)
    assert all(0 <= row.bar <= 100 for row in taken.rows)
    live, static, text = painter.html(taken), painter.static_html(taken), painter.text(taken)
    Tags(live), Tags(static)
    assert {cells(line) for line in text.split("\n")} == {80}
    assert len(text.split("\n")) == 18


# --- the client's state


def test_more_connections_than_rows_are_counted():
    connections = [{"name": f"c{i}", "state": "open"} for i in range(9)]
    taken = StatusPainter(FakeClient(connections), count=4).picture(NOW)
    assert [line.name for line in taken.lines] == ["c0", "c1", "c2"]
    assert taken.hidden == 6


def test_what_is_missing_or_odd_is_a_dash():
    odd = {"name": None, "topics": ["a", "b"], "rtt_ms": math.nan, "messages": "many", "since": "<b>"}
    painter = StatusPainter(FakeClient([odd, "not a mapping"]))
    line = painter.picture(NOW).lines[0]
    assert (line.name, line.topics, line.rtt_ms, line.messages, line.since) == ("–", "2", "–", "–", "<b>")
    assert "&lt;b&gt;" in painter.html(painter.picture(NOW))


def test_why_it_is_simulated():
    for rendered in renderings(StatusPainter(FakeClient(mode="sim", reason="dns: no such host", badge="SIMULATED"))):
        assert "dns: no such host" in rendered
        assert "SIMULATED" in rendered


# --- all of them


@every_painter
@pytest.mark.parametrize("text", HOSTILE)
def test_foreign_text_is_harmless(make, text):
    live, static, plain = renderings(make(title=text, status=f"stale: {text}", badge=text[:30]))
    for rendered in (live, static):
        tags = Tags(rendered)
        assert not {"script", "iframe", "object", "link", "style"} & tags.tags
        assert not [name for name, _ in tags.attributes if name.startswith("on")]
        assert all((value or "").startswith("data:image/svg+xml") for name, value in tags.attributes if name == "src")
    assert plain.count("\n") == renderings(make())[2].count("\n")
    assert all(line.isprintable() for line in plain.split("\n"))
    assert {cells(line) for line in plain.split("\n")} == {80}


def test_foreign_values_of_the_connections_are_harmless():
    evil = "<script>\x00"
    client = FakeClient([dict.fromkeys(("name", "state", "since"), evil)], evil, evil, evil)
    for rendered in renderings(StatusPainter(client))[:2]:
        assert "script" not in Tags(rendered).tags
        assert "&lt;script&gt;" in rendered


@every_painter
def test_the_badge_is_in_every_rendering(make):
    for badge in ("SIMULATED", "REPLAYED"):
        for rendered in renderings(make(badge=badge, status="stale: " + "very " * 40, title="T" * 200)):
            assert badge in rendered


@every_painter
def test_a_status_that_is_not_live_is_a_notice(make):
    live, static, text = renderings(make(status="stale: no data for 12 s"))
    for rendered in (live, static, text):
        assert "stale: no data for 12 s" in rendered
    assert "opacity:.4" not in renderings(make(status="live"))[0]


@every_painter
def test_static_html_survives_the_sanitizer(make):
    """No script, style or inline svg; no variable, which JupyterLab's list of allowed values does not know."""
    static = renderings(make())[1]
    tags = Tags(static)
    assert tags.tags <= {"div", "span", "table", "tr", "td", "th", "img", "b"}
    assert {name for name, _ in tags.attributes} <= {"style", "src", "alt", "rowspan"}
    assert "var(" not in static
    assert "color-mix" not in static
    assert "2026-11-18 11:06:40 UTC" in static


@every_painter
def test_pictures_are_values_and_repeatable(make):
    painter = make()
    assert painter.picture(NOW) == painter.picture(NOW)
    assert painter.html(painter.picture(NOW)) == painter.html(painter.picture(NOW))
    assert "updated 11:06:40.250 UTC" in painter.html(painter.picture(NOW))


@every_painter
@pytest.mark.parametrize("width", [40, 60, 80, 100, 133, 200])
def test_text_is_as_wide_as_asked(make, width):
    painter = make(status="partial", badge="SIMULATED")
    lines = painter.text(painter.picture(NOW), width).split("\n")
    assert {cells(line) for line in lines} == {width}
    assert "SIMULATED" in lines[0]


@pytest.mark.parametrize(("make", "words"), EMPTY.values(), ids=EMPTY)
def test_nothing_yet_says_what_it_waits_for(make, words):
    for rendered in renderings(make(status="syncing: snapshot requested")):
        assert words in rendered
        assert "syncing" in rendered


@pytest.mark.parametrize("make", [PAINTERS["klines"], PAINTERS["book"], PAINTERS["trades"], PAINTERS["status"]])
def test_heights_do_not_change(make):
    painter = make()
    height = re.findall(r"position:relative;height:(\d+)px", painter.html(painter.picture(NOW)))[0]
    problem = painter.problem(painter.caption(NOW), "ValueError: <no>")
    assert re.findall(r"position:relative;height:(\d+)px", problem)[0] == height
    assert "&lt;no&gt;" in problem


@pytest.mark.parametrize(
    "make",
    [
        lambda: BookPainter(a_book(), depth=0),
        lambda: KlinesPainter(FakeKlines(), count=1),
        lambda: KlinesPainter(FakeKlines(), height=10),
        lambda: TapePainter(FakeTape(), count=0),
        lambda: StatusPainter(FakeClient(), count=0),
    ],
)
def test_impossible_sizes_raise(make):
    with pytest.raises(UsageError, match="a whole number"):
        make()


# --- small things


def test_clean_keeps_one_printable_line():
    assert clean("a\nb\u202ec\x1b") == "a b c "
    assert clean("Ünï") == "Ünï"
    assert len(clean("x" * 5000)) == 300


def test_clock():
    assert clock(NOW) == "11:06:40.250"


@given(st.text(max_size=40), st.integers(1, 30))
def test_fit_is_exact(text, width):
    assert cells(fit(text, width)) == width


@given(st.floats(min_value=0, max_value=1e24), st.integers(0, 12), st.integers(7, 20))
def test_a_number_fits(value, decimals, width):
    shown = fit_number(value, decimals, width)
    assert len(shown) == width
    assert "#" not in shown


@given(st.floats(0, 100), st.integers(1, 40), st.sampled_from("<>"))
def test_a_bar_fits(percent, width, align):
    assert cells(bar(percent, width, align)) == width


def test_importing_the_package_imports_no_widgets():
    import subprocess
    import sys

    code = (
        "import sys, json, kucoin_stream.widgets.kinds as w\n"
        "dear = [m for m in ('numpy', 'ipywidgets', 'pandas') if m in sys.modules]\n"
        "w.painter; print(json.dumps([dear, 'ipywidgets' in sys.modules]))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert json.loads(answer) == [[], False]
