"""Lines over time: columns of a bounded history, measures of a book, how long messages take."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kucoin_stream.errors import UsageError
from kucoin_stream.frames.delays import STAGES
from kucoin_stream.widgets.drawing.text import cells
from kucoin_stream.widgets.lines.history import COLUMNS, History
from kucoin_stream.widgets.lines.latency import EVERY, LatencyPainter
from kucoin_stream.widgets.lines.measures import OF_BOOKS
from kucoin_stream.widgets.lines.painter import LinesPainter
from tests.conftest import until
from tests.widgets.fakes import NOW, Fake
from tests.widgets.test_pictures import Tags, numbers_are_real, renderings

BEGIN = 1_795_000_000.0
NAN = math.nan
NONE = (NAN,) * 4


class FakeTops(Fake):
    """Rows of seconds after :data:`BEGIN`, bid, its size, ask, its size."""

    price_decimals = 1

    def __init__(self, rows=(), **caption):
        super().__init__(**caption)
        self.table, self.received, self.asked = list(rows), len(rows), []

    def add(self, *rows):
        self.table += rows
        self.received += len(rows)
        self.change()

    def arrays(self, count=None):
        self.check()
        self.asked.append(count)
        kept = self.table if count is None else self.table[-count:]
        columns = np.array(kept, dtype=float).reshape(-1, 5).T
        known = dict(zip(("time_ms", "bid", "bid_size", "ask", "ask_size"), columns, strict=True))
        return known | {"time_ms": np.round((known["time_ms"] + BEGIN) * 1000).astype(np.int64)}


class FakeBook(Fake):
    price_decimals = 1

    def __init__(self, tops):
        super().__init__()
        self._tops = tops

    def tops(self):
        return self._tops


class FakeStatus(Fake):
    def __init__(self, **caption):
        super().__init__(**{"title": "connections", **caption})
        self.table = dict.fromkeys(STAGES, (0, NAN, NAN, NAN))
        self.table |= {"exchange": (9, 40.0, 90.0, 99.0), "parse": (9, 0.1, 0.4, 0.5), "picture": (9, 0.3, 0.9, 1.0)}

    def delays(self, names):
        self.check()
        return {name: self.table[name] for name in names}


def at(second, bid=100.0, ask=100.2, sizes=(1.0, 3.0)):
    return (second, bid, sizes[0], ask, sizes[1])


def walk(seconds=60, each=0.5, seed=1):
    rng = np.random.default_rng(seed)
    mids = 67_000 + np.cumsum(rng.normal(0, 1, int(seconds / each))).round(1)
    return [at(i * each, mid, mid + 0.1, tuple(rng.lognormal(0, 1, 2))) for i, mid in enumerate(mids)]


# --- history


def added(*values, seconds=COLUMNS * 1.0):
    """Return a history of columns a second long, with (time, value) as given."""
    history = History(1, seconds)
    for time, value in values:
        assert history.add(np.array([float(time)]), np.array([[value]]))
    return history


def test_a_column_has_the_least_the_most_and_the_last():
    history = History(1, COLUMNS)
    assert history.add(np.array([1000.1, 1000.5, 1000.9]), np.array([[5.0, 9.0, 7.0]]))
    shown = history.window()
    assert (shown.low[0, -1], shown.high[0, -1], shown.last[0, -1]) == (5, 9, 7)
    assert shown.end_s == 1000.9
    assert shown.first == 1000 - COLUMNS + 1


def test_a_value_holds_until_the_next_one():
    shown = added((1000, 3.0), (1005, 4.0)).window()
    assert shown.last[0, -7:].tolist() == pytest.approx([NAN, 3, 3, 3, 3, 3, 4], nan_ok=True)
    assert shown.low[0, -3] == shown.high[0, -3] == 3


def test_a_value_holds_on_after_it_has_left_the_window():
    for later in (COLUMNS - 1, COLUMNS, COLUMNS + 1, 3 * COLUMNS, 1000 * COLUMNS + 7):
        shown = added((1000, 3.0), (1000 + later, 4.0)).window()
        assert shown.last[0].tolist() == [3.0] * (COLUMNS - 1) + [4.0]


def test_what_is_not_known_from_then_on_is_a_break():
    shown = added((1000, 3.0), (1002, NAN), (1004, 5.0)).window()
    assert shown.low[0, -5:].tolist() == pytest.approx([3, 3, NAN, NAN, 5], nan_ok=True)


def test_times_well_before_the_newest_are_another_history():
    history = added((1000, 3.0))
    assert not history.add(np.array([990.0]), np.array([[1.0]]))
    assert history.add(np.array([999.5]), np.array([[2.0]]))  # clocks do that
    assert history.window().last[0, -2:].tolist() == [2, 3]
    history.clear()
    assert np.isnan(history.window().low).all()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 30), st.one_of(st.floats(-1e9, 1e9), st.just(NAN))), min_size=1, max_size=60),
    st.integers(1, 9),
)
def test_values_in_parts_and_twice_make_the_same_window(steps, part):
    times = 1e9 + np.cumsum([step for step, _ in steps])
    values = np.array([[value for _, value in steps]])
    whole, parts = History(1, COLUMNS), History(1, COLUMNS)
    whole.add(times, values)
    for begin in range(0, len(times), part):
        overlap = max(0, begin - 1)
        while overlap and times[overlap] > times[begin] - 0.5:
            overlap -= 1
        parts.add(times[overlap : begin + part], values[:, overlap : begin + part])
    for mine, other in zip(
        (whole.window().low, whole.window().high), (parts.window().low, parts.window().high), strict=True
    ):
        np.testing.assert_array_equal(mine, other)


# --- a book's


@pytest.mark.parametrize(
    ("name", "expected"),
    [("mid", 100.1), ("microprice", 100.05), ("spread", 0.2), ("spread_bps", 19.98), ("imbalance", -0.5)],
)
def test_what_is_measured(name, expected):
    drawn = LinesPainter(FakeTops([at(1.0)]), of=name).picture(NOW).lines
    assert [line.name for line in drawn] == [name]
    assert drawn[0].current == pytest.approx(expected, abs=0.001)
    assert drawn[0].least == drawn[0].most == drawn[0].current


def test_changes_that_nobody_looked_at_are_in_the_picture():
    tops = FakeTops([at(0.0)])
    painter = LinesPainter(FakeBook(tops), of="spread")
    painter.picture(NOW)
    tops.add(at(1.0, ask=109.0), at(1.1, ask=100.1), at(20.0, ask=100.3))
    drawn = painter.picture(NOW).lines[0]
    assert (drawn.least, drawn.most, drawn.current) == pytest.approx((0.1, 9.0, 0.3))


def test_only_what_is_new_is_read():
    tops = FakeTops(walk())
    painter = LinesPainter(tops)
    for _ in range(3):
        painter.picture(NOW)
    tops.add(*[at(61.0 + i / 100) for i in range(50)])
    painter.picture(NOW)
    assert tops.asked == [None, 50 + 100]


def test_a_tape_that_is_wound_back_begins_anew():
    tops = FakeTops([at(50.0, ask=200.0)])
    painter = LinesPainter(tops, of="spread")
    painter.picture(NOW)
    tops.table, tops.received = [at(3.0), at(4.0, ask=100.4)], 5
    drawn = painter.picture(NOW)
    assert drawn.end_s == BEGIN + 4
    assert drawn.lines[0].most == pytest.approx(0.4)
    tops.table, tops.received = [], 6
    assert not painter.picture(NOW).lines[0].at


def test_a_book_that_is_not_right_leaves_a_hole():
    tops = FakeTops([at(0.0), at(10.0), (20.0, *NONE), at(40.0)])
    painter = LinesPainter(tops, of="mid")
    drawn = painter.picture(NOW).lines[0]
    holes = [a for a, b in zip(drawn.at, drawn.at[1:], strict=False) if b - a > 1]
    assert len(holes) == 1
    path = re.findall(r'fill="none" stroke="currentColor" stroke-opacity=".9"', painter.html(painter.picture(NOW)))
    assert len(path) == 1
    assert painter.html(painter.picture(NOW)).count("M", 0) >= 2
    tops.add((41.0, *NONE))
    assert painter.picture(NOW).lines[0].current is None


def test_closed_columns_keep_their_text():
    tops = FakeTops(walk())
    painter = LinesPainter(tops, of="mid")
    painter.html(painter.picture(NOW))
    texts = dict(painter._courses[0]._texts)
    tops.add(at(60.2, 67_000.0, 67_000.1))
    painter.html(painter.picture(NOW))
    kept = [number for number, text in painter._courses[0]._texts.items() if texts.get(number) is text]
    assert len(kept) >= COLUMNS - 3


def test_a_kept_text_shows_what_a_new_one_shows():
    """The same columns in the same places of the view, within a unit of rounding."""
    tops = FakeTops(walk())
    kept = LinesPainter(tops, of="mid")
    for i in range(40):
        tops.add(at(60 + i, 67_000.0 + i / 7, 67_000.5 + i / 7))
        kept.html(kept.picture(NOW))
    fresh = LinesPainter(tops, of="mid")
    mine, other = placed(kept.html(kept.picture(NOW))), placed(fresh.html(fresh.picture(NOW)))
    assert len(mine) == len(other)
    assert np.allclose(mine, other, atol=0.006)


def placed(rendered):
    """Return the points of the line as shares of its chart."""
    left, top, wide, high = map(float, re.search(r'viewBox="([-\d. ]+)"', rendered)[1].split())
    path = re.search(r'd="([^"]+)" fill="none"', rendered)[1]
    return [((float(x) - left) / wide, (float(y) - top) / high) for x, y in re.findall(r"[ML](-?\d+),(-?\d+)", path)]


def test_nothing_yet_says_what_it_waits_for():
    for rendered in renderings(LinesPainter(FakeTops(status="connecting"))):
        assert "waiting for the book" in rendered
        assert "connecting" in rendered


def test_the_label_says_the_numbers():
    painter = LinesPainter(FakeTops([at(1.0)], badge="SIMULATED"), of=("spread_bps", "imbalance"))
    live, static, text = renderings(painter)
    assert 'aria-label="SIMULATED BTC-USDT: spread 19.98 bps, imbalance -0.50, live"' in live
    for rendered in (live, static, text):
        assert "19.98" in rendered
        assert "SIMULATED" in rendered


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"of": "spred"}, "of='spred'; did you mean spread"),
        ({"of": ()}, "write one or several, each once, of mid, microprice"),
        ({"of": ("mid", "mid")}, "each once"),
        ({"of": 3}, "of=3: write one or several"),
        ({"of": None}, "of=None"),
        ({"of": ["mid", None]}, "of=None; there are: mid"),
        ({"seconds": 0}, "seconds=0: a number of seconds from 5 to 3,600"),
        ({"seconds": "60"}, "seconds='60'"),
        ({"seconds": math.nan}, "seconds=nan"),
        ({"seconds": None}, "seconds=None"),
    ],
)
def test_wrong_options_are_refused(options, said):
    for make in (LinesPainter, LatencyPainter):
        if make is LinesPainter or "seconds" in options:
            with pytest.raises(UsageError, match=said):
                make(FakeTops() if make is LinesPainter else FakeStatus(), **options)


rows = st.lists(st.tuples(st.floats(-100, 1000), *[st.one_of(st.floats(0, 1e24), st.just(NAN))] * 4), max_size=30).map(
    lambda rows: sorted(rows, key=lambda row: row[0])
)


@settings(max_examples=50, deadline=None)
@given(st.lists(rows, max_size=4))
def test_no_history_breaks_the_picture(parts):
    tops = FakeTops()
    painter = LinesPainter(tops, of=tuple(OF_BOOKS), seconds=30)
    for part in parts:
        tops.add(*part)
        live, static, text = renderings(painter)
        Tags(static)
        numbers_are_real(live, static, text)
        assert re.findall(r"position:relative;height:(\d+)px", live) == [str(painter.height)]
        assert {cells(line) for line in text.split("\n")} == {80}
        assert len(text.split("\n")) == 2 + len(OF_BOOKS)


def test_the_live_frames_have_what_lines_are_made_of(client):
    book = client.book("BTC-USDT").wait()
    painters = [LinesPainter(book), LinesPainter(book.tops(), of="mid")]
    until(lambda: len(book.tops()) > 1)
    for painter in painters:
        drawn = painter.picture(NOW).lines[0]
        assert drawn.least <= drawn.current <= drawn.most
        assert abs(drawn.current - book.mid) < 0.1 * book.mid


# --- latency


def test_median_and_worst_of_each_stage_over_time():
    status = FakeStatus()
    painter = LatencyPainter(status, of=("exchange", "parse", "queue"))
    painter.picture(NOW)
    status.table["exchange"] = (10, 20.0, 500.0, 600.0)
    drawn = painter.picture(NOW + 60)
    assert [(line.name, line.current, line.most) for line in drawn.lines] == [
        ("exchange", 20.0, 500.0), ("parse", 0.1, 0.4), ("queue", None, None),
    ]  # fmt: skip
    assert all(line.pair for line in drawn.lines)
    assert drawn.end_s == NOW + 60


def test_it_is_measured_a_few_times_a_second_and_drawn_each_time():
    status = FakeStatus()
    painter = LatencyPainter(status, of="exchange")
    first = painter.picture(NOW)
    status.table["exchange"] = (10, 77.0, 500.0, 600.0)
    soon, later = painter.picture(NOW + EVERY / 2), painter.picture(NOW + 2 * EVERY)
    assert [each.lines[0].current == 77.0 for each in (first, soon, later)] == [False, False, True]
    assert [each.end_s for each in (first, soon, later)] == [NOW, NOW, NOW + 2 * EVERY]
    assert [each.caption.at for each in (first, soon, later)] == [NOW, NOW + EVERY / 2, NOW + 2 * EVERY]


def test_a_clock_that_was_set_back_begins_anew():
    painter = LatencyPainter(FakeStatus())
    painter.picture(NOW)
    assert painter.picture(NOW - 3600).end_s == NOW - 3600


def test_both_lines_are_explained():
    live, static, text = renderings(LatencyPainter(FakeStatus(status="live")))
    for rendered in (live, static):
        assert "p50" in rendered
        assert "p99" in rendered
    assert "40.00" in text


def test_a_stage_that_is_none_is_refused():
    with pytest.raises(UsageError, match="of='exchang'; did you mean exchange"):
        LatencyPainter(FakeStatus(), of="exchang")


# --- both

PAINTERS = {
    "lines": lambda **caption: LinesPainter(FakeTops(walk(), **caption)),
    "latency": lambda **caption: LatencyPainter(FakeStatus(**caption)),
}
both = pytest.mark.parametrize("make", PAINTERS.values(), ids=PAINTERS)


@both
@pytest.mark.parametrize("width", [30, 40, 60, 80, 133, 200])
def test_text_is_as_wide_as_asked(make, width):
    painter = make(badge="REPLAYED", status="partial")
    assert {cells(line) for line in painter.text(painter.picture(NOW), width).split("\n")} == {width}


@both
def test_static_html_survives_the_sanitizer(make):
    tags = Tags(renderings(make())[1])
    assert tags.tags <= {"div", "span", "table", "tr", "td", "th", "img", "b", "br"}
    assert {name for name, _ in tags.attributes} <= {"style", "src", "alt", "rowspan"}


@both
def test_pictures_are_values_and_repeatable(make):
    painter = make()
    assert painter.picture(NOW) == painter.picture(NOW)
    assert painter.html(painter.picture(NOW)) == painter.html(painter.picture(NOW))


@both
def test_what_is_not_live_is_dimmed_under_its_reason(make):
    live = renderings(make(status="stale: <b>no data", title="<script>"))[0]
    assert "opacity:.4" in live
    assert "stale: &lt;b&gt;no data" in live
    assert "script" not in Tags(live).tags


@both
def test_a_problem_is_shown_at_the_usual_height(make):
    painter = make()
    problem = painter.problem(painter.caption(NOW), "ValueError: <no>")
    assert f"position:relative;height:{painter.height}px" in problem
    assert "&lt;no&gt;" in problem
