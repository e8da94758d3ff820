"""History and live bars joined: tables, and properties of any join."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kucoin_stream.market.klines import KlineSeries
from kucoin_stream.protocol.messages import futures
from kucoin_stream.protocol.messages.spot import Candle

MINUTE = 60


def bar(minute: float, close: float = 1.0, volume: float = 1.0) -> Candle:
    """Return a bar that opened at 1, at ``minute`` after the epoch."""
    return Candle(int(minute * MINUTE), 1.0, close, max(1.0, close), min(1.0, close), volume, close * volume)


def flat(minute: float, close: float) -> Candle:
    return Candle(int(minute * MINUTE), close, close, close, close, 0.0, 0.0)


def series(*live: Candle, history: tuple[Candle, ...] = (), maxlen: int = 100, interval: str = "1min") -> KlineSeries:
    made = KlineSeries(interval, maxlen)
    for each in live:
        made.update(each)
    if history:
        made.merge(history)
    return made


# -- live bars ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("live", "expected"),
    [
        pytest.param([bar(1)], [bar(1)], id="the first"),
        pytest.param([bar(1, 2, 3), bar(2)], [bar(1, 2, 3), bar(2)], id="the next"),
        pytest.param([bar(1, 2, 3), bar(1, 4, 5)], [bar(1, 4, 5)], id="the same again: more volume is newer"),
        pytest.param([bar(1, 2, 3), bar(1, 4, 2)], [bar(1, 2, 3)], id="late: less volume is older"),
        pytest.param([bar(1, 2, 3), bar(1, 4, 3)], [bar(1, 4, 3)], id="the same volume: the last word"),
        pytest.param([bar(1, 2), bar(3)], [bar(1, 2), flat(2, 2), bar(3)], id="a missing one is flat"),
        pytest.param(
            [bar(1, 2), bar(5)], [bar(1, 2), flat(2, 2), flat(3, 2), flat(4, 2), bar(5)], id="three missing are flat"
        ),
        pytest.param(
            [bar(1, 2), flat(2, 2), bar(3)], [bar(1, 2), flat(2, 2), bar(3)], id="the exchange's own flat bar"
        ),
        pytest.param([bar(3), bar(2, 7, 8)], [bar(2, 7, 8), bar(3)], id="an older one goes to its place"),
        pytest.param([bar(1), bar(3), bar(2, 7, 8)], [bar(1), bar(2, 7, 8), bar(3)], id="and replaces a flat one"),
        pytest.param([bar(1, 2, 3), bar(2), bar(1, 4, 5)], [bar(1, 4, 5), bar(2)], id="an older one grows"),
        pytest.param([bar(1, 2, 3), bar(2), bar(1, 4, 2)], [bar(1, 2, 3), bar(2)], id="an older one is older still"),
    ],
)
def test_live_bars(live, expected):
    assert list(series(*live)) == expected


def test_bars_of_futures_are_read_by_name_for_their_columns_have_another_order():
    made = series(history=(bar(1, 2, 3), bar(2, 4, 5)))
    live = [
        futures.Candle(120, open=1, close=6, high=7, low=1, turnover=60, volume=10),
        futures.Candle(60, open=1, close=3, high=5, low=1, turnover=12, volume=4),  # late
        futures.Candle(240, open=6, close=8, high=9, low=5, turnover=16, volume=2),
    ]
    assert [made.update(each) for each in live] == [True, True, True]
    assert list(made) == [
        Candle(60, open=1, close=3, high=5, low=1, volume=4, turnover=12),
        Candle(120, open=1, close=6, high=7, low=1, volume=10, turnover=60),
        flat(3, 6),
        Candle(240, open=6, close=8, high=9, low=5, volume=2, turnover=16),
    ]


@pytest.mark.parametrize(
    ("live", "changed"),
    [
        ([bar(1)], True),
        ([bar(2), bar(1)], True),
        ([bar(1, 2, 3), bar(1, 4, 5)], True),
        ([bar(1, 2, 3), bar(1, 4, 2)], False),
        ([bar(1, 2, 3), bar(2), bar(1, 4, 2)], False),
    ],
)
def test_update_tells_whether_anything_changed(live, changed):
    made = series(*live[:-1])
    assert made.update(live[-1]) is changed


@pytest.mark.parametrize("interval", ["1week", "1month"])
def test_weeks_and_months_are_not_filled(interval):
    week = 7 * 24 * 60
    live = [bar(0, 2), bar(3 * week), bar(10 * week)]
    assert list(series(*live, interval=interval)) == live
    assert list(series(history=tuple(live), interval=interval)) == live


def test_filling_is_bounded_by_the_length():
    made = series(bar(1, 2), bar(10**9, 3), maxlen=5)
    far = 10**9
    assert list(made) == [flat(far - 4, 2), flat(far - 3, 2), flat(far - 2, 2), flat(far - 1, 2), bar(far, 3)]


def test_the_oldest_go_when_it_is_full():
    made = series(*(bar(minute) for minute in range(1, 20)), maxlen=3)
    assert list(made) == [bar(17), bar(18), bar(19)]
    assert (len(made), made.last_start) == (3, 19 * MINUTE)


def test_an_older_bar_than_a_full_series_holds_is_not_held():
    made = series(bar(2), bar(3), bar(4), maxlen=3)
    made.update(bar(1))
    assert list(made) == [bar(2), bar(3), bar(4)]


def test_no_bars():
    made = series()
    assert (list(made), len(made), made.last_start) == ([], 0, None)
    assert made.merge([]) is False


# -- joining history ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("live", "history", "expected"),
    [
        pytest.param((), (bar(3), bar(2), bar(1)), [bar(1), bar(2), bar(3)], id="newest first"),
        pytest.param((), (bar(1), bar(3), bar(2)), [bar(1), bar(2), bar(3)], id="in any order"),
        pytest.param((), (bar(4), bar(2, 5)), [bar(2, 5), flat(3, 5), bar(4)], id="minutes without trades are flat"),
        pytest.param((bar(4),), (bar(3), bar(2)), [bar(2), bar(3), bar(4)], id="the live bar comes after"),
        pytest.param((bar(3, 4, 5),), (bar(3, 2, 3), bar(2)), [bar(2), bar(3, 4, 5)], id="the live bar is newer"),
        pytest.param((bar(3, 2, 3),), (bar(3, 4, 5), bar(2)), [bar(2), bar(3, 4, 5)], id="the live bar is older"),
        pytest.param(
            (bar(6),),
            (bar(3, 5), bar(2)),
            [bar(2), bar(3, 5), flat(4, 5), flat(5, 5), bar(6)],
            id="no gap between history and live",
        ),
        pytest.param((bar(2),), (bar(4), bar(3)), [bar(2), bar(3), bar(4)], id="history runs ahead"),
        pytest.param(
            (bar(1), bar(4)),
            (bar(3, 3), bar(2, 2)),
            [bar(1), bar(2, 2), bar(3, 3), bar(4)],
            id="history takes the place of flat bars",
        ),
        pytest.param(
            (bar(1, 9), bar(5)),
            (bar(3, 3),),
            [bar(1, 9), flat(2, 9), bar(3, 3), flat(4, 3), bar(5)],
            id="flat bars behind it follow its close",
        ),
        pytest.param(
            (bar(1, 9), flat(4, 7)),
            (bar(3, 7),),
            [bar(1, 9), flat(2, 9), bar(3, 7), flat(4, 7)],
            id="the exchange's own flat bar stays",
        ),
        pytest.param(
            (bar(1, 2, 3), bar(3)),
            (bar(1, 4, 5),),
            [bar(1, 4, 5), flat(2, 4), bar(3)],
            id="a flat bar follows the corrected close",
        ),
    ],
)
def test_join(live, history, expected):
    assert list(series(*live, history=history)) == expected


@pytest.mark.parametrize(
    ("history", "changed"), [([], False), ([bar(1)], False), ([bar(1, 2, 0.5)], False), ([bar(2)], True)]
)
def test_merge_tells_whether_anything_changed(history, changed):
    assert series(bar(1)).merge(history) is changed


def test_joining_twice_is_joining_once():
    history = (bar(9, 2), bar(5, 3), bar(4))
    made = series(bar(3), bar(12), history=history)
    before = list(made)
    assert made.merge(history) is False
    assert list(made) == before


BARS = st.builds(bar, st.integers(0, 40), st.sampled_from([0.5, 1.0, 2.0]), st.sampled_from([1.0, 2.0, 3.0]))
STEPS = st.lists(
    st.one_of(st.tuples(st.just("update"), BARS), st.tuples(st.just("merge"), st.lists(BARS, max_size=6))), max_size=12
)


@given(STEPS, st.integers(2, 50))
@settings(max_examples=100)
def test_any_join_is_without_gap_and_without_double(steps, maxlen):
    made = KlineSeries("1min", maxlen)
    for name, given_ in steps:
        getattr(made, name)(given_)
        starts = [each.start_s for each in made]
        assert all(later - earlier == MINUTE for earlier, later in itertools.pairwise(starts))
        assert len(starts) <= maxlen
        for before, after in itertools.pairwise(made):
            assert after.volume or after == flat(after.start_s / MINUTE, before.close)


@given(st.lists(BARS, max_size=20), st.integers(0, 20))
@settings(max_examples=100)
def test_it_does_not_matter_what_was_live_and_what_history(bars, split):
    newest = {each.start_s: each for each in sorted(bars, key=lambda each: each.volume)}  # one for each minute
    unique = list({(each.start_s, each.volume): each for each in bars}.values())
    made = series(*unique[:split], history=tuple(unique[split:]))
    received = [each for each in made if each.volume]
    assert [(each.start_s, each.volume) for each in received] == [
        (start, newest[start].volume) for start in sorted(newest)
    ]
    assert list(made) == list(series(history=tuple(received)))
