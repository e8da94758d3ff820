"""The status panel: what it says is wrong now, what is measured, and what that costs."""

from __future__ import annotations

from time import perf_counter, time
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

import kucoin_stream as ks
from kucoin_stream.frames.vitals import Rates
from kucoin_stream.widgets.drawing.text import cells
from kucoin_stream.widgets.kinds import painter
from kucoin_stream.widgets.state import health
from kucoin_stream.widgets.state.status import StatusPainter
from tests.conftest import until
from tests.widgets.fakes import NOW, FakeClient, a_client

OPEN = {"name": "spotPublicV1 #1", "state": "open"}


def warned(connections: list[dict[str, Any]] | None = None, **statistics: Any) -> tuple[str, ...]:
    return health.warnings(statistics, [OPEN] if connections is None else connections)


@pytest.mark.parametrize(
    ("statistics", "words"),
    [
        ({}, ()),
        ({"connections": [OPEN | {"state": "connecting"}]}, ("spotPublicV1 #1 is connecting",)),
        (
            {"connections": [OPEN | {"state": "reconnecting", "reason": "no pong for 10 s"}]},
            ("spotPublicV1 #1 is reconnecting: no pong for 10 s",),
        ),
        (
            {"last_gap": {"topic": "/market/level2:BTC-USDT", "cause": "3 are missing", "open": True}},
            ("/market/level2:BTC-USDT misses messages: 3 are missing",),
        ),
        ({"last_gap": {"topic": "/market/level2:BTC-USDT", "cause": "3 are missing", "open": False}}, ()),
        ({"dropped": 900, "dropped_rate": 0.0}, ()),
        ({"dropped": 900, "dropped_rate": 12.0}, ("a full queue drops 12 messages a second",)),
        ({"stalled": ["print of In [7] has not returned for 3 s"]}, ("print of In [7] has not returned for 3 s",)),
        ({"fullest": {"name": "trades", "waiting": 499, "limit": 1000}}, ()),
        ({"fullest": {"name": "trades", "waiting": 500, "limit": 1000}}, ("the queue of trades is 50% full",)),
        ({"late_ms": 1200.0}, ("the kernel is busy: the background thread was 1.2 s late",)),
        ({"mode": "live", "clock_offset_ms": 2500.0}, ("this machine's clock is 2.5 s behind",)),
        ({"mode": "live", "clock_offset_ms": -2500.0}, ("this machine's clock is 2.5 s ahead",)),
        ({"mode": "sim", "clock_offset_ms": -2500.0}, ()),
    ],
)
def test_what_is_wrong_now_is_said_in_words(statistics, words):
    connections = statistics.pop("connections", None)
    assert warned(connections, **statistics) == words


def test_the_worst_comes_first_and_the_rest_is_counted():
    client = a_client()
    client.answer |= {"late_ms": 900.0, "dropped_rate": 4.0}
    client.answer["connections"][0]["state"] = "reconnecting"
    drawn = StatusPainter(client)
    picture = drawn.picture(NOW)
    first = "spotPublicV1 is reconnecting"
    assert picture.warnings[0] == first
    for rendered in (drawn.html(picture), drawn.static_html(picture), drawn.text(picture)):
        assert f"{first} (and 2 more)" in rendered
    assert f"{first} (and 2 more)" in drawn.html(picture).partition('aria-label="')[2].partition('"')[0]


def test_where_all_is_well_it_says_so():
    drawn = StatusPainter(a_client())
    for rendered in (drawn.html(drawn.picture(NOW)), drawn.text(drawn.picture(NOW))):
        assert "nothing is wrong" in rendered


def test_what_is_measured_is_told():
    client = a_client()
    client.answer |= {
        "rate": 1234.5, "gaps": 2, "dropped": 17, "exchange_ms": (41.26, 120.04),
        "fullest": {"name": "trades BTC-USDT", "waiting": 12, "limit": 100_000},
        "pictures": {"rate": 9.96, "cost_ms": 0.412},
        "last_gap": {"topic": "/market/level2:BTC-USDT", "began": NOW - 300, "cause": "disconnected", "open": False},
    }  # fmt: skip
    picture = StatusPainter(client).picture(NOW)
    assert dict(picture.facts) == {
        "messages/s": "1,234", "gaps": "2", "dropped": "17", "errors": "0", "feeds": "4",
    }  # fmt: skip
    assert dict(picture.measures) == {
        "latency p50/p99": "41.3 / 120.0 ms",
        "fullest queue": "12 of 100,000 trades BTC-USDT",
        "pictures": "10.0/s, 0.4 ms each",
        "messages": "1,234,567",
        "last gap": "5 min ago: /market/level2:BTC-USDT, disconnected",
    }


ODD = st.recursive(
    st.one_of(st.none(), st.floats(), st.booleans(), st.text(max_size=5), st.sampled_from(["<b>", "a\x1b[31m"])),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(
        st.sampled_from(["name", "waiting", "limit", "began", "topic", "cause", "open", "rate", "cost_ms", "state"]),
        inner, max_size=5)),
    max_leaves=8,
)  # fmt: skip
NAMES = ["rate", "gaps", "last_gap", "dropped", "dropped_rate", "fullest", "exchange_ms", "pictures", "stalled",
         "late_ms", "clock_offset_ms", "connections", "messages", "errors", "mode"]  # fmt: skip


@given(st.dictionaries(st.sampled_from(NAMES), ODD), st.sampled_from([40, 73, 100, 160]))
def test_no_statistics_make_it_raise_or_jump(statistics, width):
    client = FakeClient()
    client.answer = statistics
    drawn, empty = StatusPainter(client), StatusPainter(FakeClient())
    picture, nothing = drawn.picture(NOW), empty.picture(NOW)
    for rendered in (drawn.html(picture), drawn.static_html(picture)):
        assert "<b>" not in rendered.replace(f"<b>{picture.mode}</b>", "") or picture.mode
        assert rendered.count("<div") == rendered.count("</div>")
    lines = drawn.text(picture, width).split("\n")
    assert {cells(line) for line in lines} == {width}
    assert len(lines) == len(empty.text(nothing, width).split("\n"))


# -- rates ---------------------------------------------------------------------------------------------------------


def test_rates_are_of_the_last_seconds():
    rates = Rates()
    assert rates.take(100.0, {"a": 10}) == {}
    assert rates.take(100.1, {"a": 11}) == {}
    assert rates.take(102.0, {"a": 30, "b": 5}) == {"a": 10.0}
    assert rates.take(104.0, {"a": 30, "b": 9}) == {"a": 5.0}
    assert rates.take(109.0, {"a": 30, "b": 9}) == {"a": 0.0, "b": 0.0}


def test_a_counter_that_fell_has_no_rate_until_its_fall_is_past():
    rates = Rates()
    rates.take(0.0, {"a": 100})
    assert rates.take(1.0, {"a": 5}) == {}
    rates.take(2.0, {"a": 10})
    rates.take(6.5, {"a": 20})
    assert rates.take(7.0, {"a": 30}) == pytest.approx({"a": 4.0})


# -- a client ------------------------------------------------------------------------------------------------------


def test_a_client_tells_its_vitals_at_little_cost(client: ks.Client) -> None:
    trades = client.trades("BTC-USDT")
    seen: list[Any] = []
    trades.sink(seen.append)
    status = client.status()
    until(lambda: seen and (status.statistics()["rate"] or 0) > 0)
    told = status.statistics()
    assert told["connections"][0]["rate"] > 0
    assert (told["gaps"], told["last_gap"], told["dropped"]) == (0, None, 0)
    assert told["fullest"]["name"] == "spot.trades BTC-USDT"
    assert told["exchange_ms"][0] <= told["exchange_ms"][1]
    assert client.statistics()["rate"] is not None  # all that ask share the past
    drawn = painter(status, status.kinds)
    begin = perf_counter()
    for _ in range(50):
        drawn.html(drawn.picture(time()))
    assert (perf_counter() - begin) / 50 < 0.02  # at ten a second that would be a fifth of a core; it is a hundredth


def test_a_gap_is_told_while_it_lasts_and_after(client: ks.Client) -> None:
    status, gaps = client.status(), client.engine.pool.gaps
    client.engine.call(gaps.begin, "topic", "/market/level2:BTC-USDT", "3 are missing", 3)
    told = status.statistics()
    assert (told["gaps"], told["last_gap"]["topic"], told["last_gap"]["open"]) == (1, "/market/level2:BTC-USDT", True)
    client.engine.call(gaps.heal, "topic", "/market/level2:BTC-USDT", "a snapshot")
    assert status.statistics()["last_gap"]["open"] is False


def test_the_numbers_stay_readable_after_the_end(client: ks.Client) -> None:
    status = client.status()
    view = status.widget()
    client.close()
    assert "picture of " in view.static_html()
