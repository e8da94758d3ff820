"""Past bars: windows of time, the words of each market's call, and what a row becomes."""

from __future__ import annotations

import asyncio
import math
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kucoin_stream.frames.history import FuturesHistory, SpotHistory, pages
from kucoin_stream.protocol import topics
from kucoin_stream.protocol.messages import decode
from kucoin_stream.protocol.messages.rest import Response
from kucoin_stream.protocol.messages.rest_klines import FuturesBar
from kucoin_stream.protocol.messages.spot import Candle
from tests.protocol.payloads import cases, loads

NOW = 6030  # half a minute after a bar of minutes began


@pytest.mark.parametrize(
    ("start", "rows", "expected"),
    [
        pytest.param(6000, 3, [(6000, None)], id="the live bar alone"),
        pytest.param(5940, 3, [(5940, None)], id="as many as fit, and room for one more"),
        pytest.param(5880, 3, [(5940, None), (5880, 5940)], id="one more makes a page"),
        pytest.param(5700, 3, [(5940, None), (5820, 5940), (5700, 5820)], id="pages meet"),
        pytest.param(9000, 3, [(9000, None)], id="later than our clock"),
        pytest.param(5880, 1, [(6000, None), (5940, 6000), (5880, 5940)], id="one row a page"),
    ],
)
def test_windows(start: int, rows: int, expected: list[tuple[int, int | None]]) -> None:
    assert pages(start, NOW, 60, rows) == expected


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.sampled_from([60, 180, 604_800]), st.integers(2, 60))
def test_windows_leave_no_time_out_and_ask_for_no_more_than_an_answer_holds(
    start: int, now: int, step: int, rows: int
) -> None:
    windows = pages(start, now, step, rows)
    assert (windows[0][1], windows[-1][0]) == (None, start)
    assert all(newer[0] == older[1] for newer, older in pairwise(windows))
    for begin, end in windows:
        last = now // step * step if end is None else end
        assert last < begin or (last - begin) // step + 1 <= rows


class FakeRest:
    """Answers with what it is given, and remembers how it was asked."""

    clock_offset = 1.0

    def __init__(self, answer: Any) -> None:
        self.asked: list[Any] = []
        self._answer = answer

    async def rows(self, kind: Any, path: str, query: dict[str, str]) -> Any:
        self.asked.append((path, query))
        return self._answer


@pytest.mark.parametrize(
    ("interval", "granularity"),
    [
        ("1min", "1"), ("3min", "3"), ("5min", "5"), ("15min", "15"), ("30min", "30"), ("1hour", "60"),
        ("2hour", "120"), ("4hour", "240"), ("8hour", "480"), ("12hour", "720"), ("1day", "1440"),
        ("1week", "10080"), ("1month", "43200"),
    ],
)  # fmt: skip
def test_a_contract_is_asked_for_in_minutes_and_milliseconds(interval: str, granularity: str) -> None:
    rest: Any = FakeRest([FuturesBar(60_000, 1, 4, 0.5, 2, 7, 8)])
    history = FuturesHistory(topics.find("futures.klines"), rest, 2, "XBTUSDTM", interval)
    step = history.step
    assert history.topic == f"/contractMarket/limitCandle:XBTUSDTM_{interval}"
    bars = asyncio.run(history.since(step, 2.5 * step))
    same = {"symbol": "XBTUSDTM", "granularity": granularity}
    assert rest.asked == [
        ("/api/v1/kline/query", {**same, "from": str(2000 * step)}),
        ("/api/v1/kline/query", {**same, "from": str(1000 * step), "to": str(2000 * step)}),
    ]
    assert bars == [Candle(60, open=1, close=2, high=4, low=0.5, volume=7, turnover=8)] * 2


def test_a_spot_symbol_is_asked_for_by_its_interval_and_in_seconds() -> None:
    rest: Any = FakeRest([Candle(60, 1, 2, 4, 0.5, 7, 8)])
    history = SpotHistory(topics.find("spot.klines"), rest, 2, "BTC-USDT", "6hour")
    assert history.topic == "/market/candles:BTC-USDT_6hour"
    bars = asyncio.run(history.since(21600, 50_000))
    same = {"symbol": "BTC-USDT", "type": "6hour"}
    assert rest.asked == [
        ("/api/v1/market/candles", {**same, "startAt": "43200"}),
        ("/api/v1/market/candles", {**same, "startAt": "21600", "endAt": "43200"}),
    ]
    assert bars == [Candle(60, 1, 2, 4, 0.5, 7, 8)] * 2


def test_contracts_have_no_bars_of_six_hours() -> None:
    with pytest.raises(KeyError):
        FuturesHistory(topics.find("futures.klines"), FakeRest([]), 2, "XBTUSDTM", "6hour")  # type: ignore[arg-type]


# -- rows --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("[60000, 1, 4, 0.5, 2, 7, 8.5]", Candle(60, open=1, close=2, high=4, low=0.5, volume=7, turnover=8.5)),
        ('["60000", "1", "4", "0.5", "2", "7", "8.5"]', Candle(60, 1, 2, 4, 0.5, 7, 8.5)),
        ("[60000, 1, 4, 0.5, 2, 7, 8.5, 9]", Candle(60, 1, 2, 4, 0.5, 7, 8.5)),
    ],
)
def test_a_row_of_a_contract(row: str, expected: Candle) -> None:
    assert decode(FuturesBar, row.encode()).candle() == expected


def test_a_turnover_that_is_not_told_is_not_nought() -> None:
    bar = decode(FuturesBar, b"[60000, 1, 4, 0.5, 2, 7]").candle()
    assert (bar.volume, math.isnan(bar.turnover)) == (7, True)


@pytest.mark.parametrize("data", cases("rest_futures_klines"))
def test_rows_say_what_the_wire_said(data: bytes) -> None:
    for row, wire in zip(decode(list[FuturesBar], decode(Response, data).data), loads(data)["data"], strict=True):
        start_ms, opened, high, low, close, volume, *turnover = (float(value) for value in wire)
        bar = row.candle()
        assert (bar.start_s, bar.open, bar.close, bar.volume) == (start_ms / 1000, opened, close, volume)
        assert (bar.high, bar.low) == (high, low)
        assert bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high
        assert [bar.turnover] == turnover or (math.isnan(bar.turnover) and not turnover)
