"""What the measurements of growth lean on: lines, knees, the arithmetic of a whole exchange, who is sent what."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kucoin_stream.settings import Limits

law = pytest.importorskip("benchmarks.growth_law", reason="the benchmarks are not here")
server = pytest.importorskip("benchmarks.growth_server", reason="the benchmarks are not here")


@given(slope=st.floats(-100, 100), intercept=st.floats(-100, 100))
def test_points_on_a_line_give_it_back(slope: float, intercept: float) -> None:
    found = law.line([(x, slope * x + intercept) for x in (1, 10, 100, 1000)])
    assert found.slope == pytest.approx(slope, abs=1e-6)
    assert found.intercept == pytest.approx(intercept, abs=1e-6)


@pytest.mark.parametrize(
    ("points", "r2"),
    [
        ([(0, 1), (1, 2), (2, 3)], 1),
        ([(0, 1), (1, 1), (2, 1)], 1),  # nothing varies, nothing is left to explain
        ([(0, 0), (1, 3), (2, 0)], 0),
    ],
)
def test_r2_is_the_share_of_the_variance_that_a_line_explains(points: list[tuple[float, float]], r2: float) -> None:
    assert law.line(points).r2 == pytest.approx(r2)


def test_costs_of_several_things_are_told_apart() -> None:
    rows = [(1, 1, 1), (1, 4, 4), (1, 10, 16), (1, 16, 16), (1, 10, 64)]
    costs, r2 = law.plane(rows, [100 * read + 3 * book + 2 * change for read, book, change in rows])
    assert costs == pytest.approx((100, 3, 2))
    assert r2 == pytest.approx(1)


@pytest.mark.parametrize(
    ("points", "at"),
    [
        ([(10, 4), (100, 4.1), (1000, 4.2)], None),
        ([(10, 4), (100, 5), (1000, 7)], 1000),
        ([(10, 4), (100, 2), (1000, 3.5)], 1000),  # against the least up to there
        ([], None),
    ],
)
def test_a_knee_is_where_the_cost_is_half_as_much_again(points: list[tuple[float, float]], at: float | None) -> None:
    assert law.knee(points) == at


@given(messages=st.integers(1, 1000), among=st.integers(1, 1000))
def test_no_more_books_are_touched_than_there_are_or_messages(messages: int, among: int) -> None:
    assert 0 < law.touched(messages, among) <= min(messages, among) + 1e-9


@given(messages=st.floats(1e-6, 1e6), among=st.integers(1, 1000))
def test_a_moment_meets_no_more_than_come_in_it(messages: float, among: int) -> None:
    assert 0 < law.met(messages, among) <= min(messages, among) * (1 + 1e-9)


def test_touched_is_what_chance_gives() -> None:
    rng = random.Random(1)
    seen = [len({rng.randrange(10) for _ in range(16)}) for _ in range(2000)]
    assert law.touched(16, 10) == pytest.approx(sum(seen) / len(seen), rel=0.02)


LAW = law.Law(
    read=50, book=2, change=3, ticker=4, trade=5,
    book_bytes=10_000, level_bytes=50, row_bytes=300, process_bytes=150e6,
)  # fmt: skip


MARKET = law.Market("spot", 1000, changes=10, tickers=5, trades=1, levels=200)


def test_what_a_market_needs_is_its_rates_times_the_costs() -> None:
    found = law.need(LAW, MARKET, Limits())
    assert (found.changes, found.tickers, found.trades) == (10_000, 5000, 1000)
    assert found.book_bytes == 1000 * (10_000 + 200 * 50)
    assert found.hour_bytes == 3600 * 1000 * 300
    assert (found.connections, found.commands) == (10, 30)


def test_a_process_that_looks_seldom_pays_for_messages_and_one_that_looks_often_for_reads() -> None:
    messages = (10_000 * 3 + 5000 * 4 + 1000 * 5) / 1e6
    seldom, often = (law.load(LAW, [MARKET], Limits(), period) for period in (10.0, 1e-6))
    assert (seldom.messages, often.messages) == pytest.approx((messages, messages))
    assert (seldom.reads, seldom.books) == pytest.approx((10 / 10 * 50 / 1e6, 1000 / 10 * 2 / 1e6))  # each once in 10 s
    assert (often.reads, often.books) == pytest.approx((16_000 * 50 / 1e6, 10_000 * 2 / 1e6), rel=1e-3)


@given(period=st.floats(1e-4, 1.0), longer=st.floats(1.0, 100.0))
def test_looking_less_often_never_costs_more(period: float, longer: float) -> None:
    seldom, often = (law.load(LAW, [MARKET], Limits(), each).cores for each in (longer * period, period))
    assert seldom <= often + 1e-9


def test_the_arithmetic_shows_its_sums() -> None:
    told = law.arithmetic(LAW, [MARKET])
    assert "spot: 1,000 x 10 = 10,000 changes, 1,000 x 5 = 5,000 tickers, 1,000 x 1 = 1,000 trades a second" in told
    assert "books: 1,000 x (10.0 kB + 200 x 50 B) = 20 MB" in told


@pytest.mark.parametrize(
    ("name", "symbols", "connections", "seconds"),
    [
        ("spot", 1300, 13, 0),  # 3,900 of 4,000 in one window
        ("spot", 1400, 14, 30),
        ("futures", 600, 1, 0),  # as many topics as one likes; 1,800 of 2,000
        ("futures", 700, 1, 30),
    ],
)
def test_connections_and_snapshots_follow_the_limits(name: str, symbols: int, connections: int, seconds: int) -> None:
    found = law.need(LAW, law.Market(name, symbols, 1, 1, 1, 100), Limits())
    assert (found.connections, found.snapshots) == (connections, seconds)


MESSAGES = [("a", b"1"), ("b", b"2"), ("a", b"3"), ("c", b"4")]


@pytest.mark.parametrize(
    ("topics", "each", "writes"),
    [
        ({"a"}, 0, [b"13"]),
        ({"a", "b", "c"}, 0, [b"1234"]),
        (set(), 0, []),
        ({"a"}, 1, [b"1", b"", b"3", b""]),  # a write of nothing keeps the time for others
        ({"a", "c"}, 2, [b"1", b"34"]),
        ({"b"}, 3, [b"2", b""]),
    ],
)
def test_a_socket_is_written_its_topics_in_time_with_all_others(
    topics: set[str], each: int, writes: list[bytes]
) -> None:
    assert list(server.share(MESSAGES, topics, each)) == writes


def test_an_exchange_goes_on_where_it_was_and_books_hear_of_no_other_kind() -> None:
    wide = server.Wide(server.named(3), 10)
    before = int(wide.snapshots["S0001-USDT"]["sequence"])
    spoken = [topic for topic, _ in wide.messages("level2", 50, active=2) + wide.messages("level2", 50, active=2)]
    wide.messages("trades", 50, active=3)
    assert {*spoken} == {"/market/level2:S0000-USDT", "/market/level2:S0001-USDT"}
    after = int(wide.snapshots["S0001-USDT"]["sequence"])
    assert after - before == spoken.count("/market/level2:S0001-USDT")
