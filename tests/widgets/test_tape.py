"""The tape's rows: joined, filtered, summed up; trades of every feed."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kucoin_stream.errors import UsageError
from kucoin_stream.frames.table import _kinds
from kucoin_stream.protocol.messages import futures, pro
from kucoin_stream.protocol.topics import CATALOGUE
from kucoin_stream.widgets.drawing.text import cells
from kucoin_stream.widgets.trades.painter import TapePainter
from tests.widgets.fakes import NOW, FakeTape, a_trade, some_trades
from tests.widgets.test_pictures import Tags, renderings


def at(ms, price, size, side="buy", symbol="BTC-USDT"):
    return a_trade(price, size, side, symbol, NOW + ms / 1000, number=f"{symbol} {ms} {price}")


def rows(trades, **options):
    picture = TapePainter(FakeTape(trades), **options).picture(NOW)
    return [(row.side, row.price, row.size, row.trades) for row in picture.rows]


@pytest.mark.parametrize(
    ("trades", "expected"),
    [
        ([at(0, 10, 1), at(100, 11, 3), at(249, 12, 1)], [("buy", 12, 5, 3)]),
        ([at(0, 10, 1), at(250, 11, 3)], [("buy", 11, 3, 1), ("buy", 10, 1, 1)]),  # since the first, not the last
        ([at(0, 10, 1), at(200, 11, 1), at(260, 12, 1)], [("buy", 12, 1, 1), ("buy", 11, 2, 2)]),
        ([at(0, 10, 1), at(10, 9, 1, "sell"), at(20, 10, 1)],
         [("buy", 10, 1, 1), ("sell", 9, 1, 1), ("buy", 10, 1, 1)]),
        ([at(0, 10, 1), at(5, 99, 1, "sell", "ETH-USDT"), at(10, 12, 1)], [("sell", 99, 1, 1), ("buy", 12, 2, 2)]),
        ([at(100, 10, 1), at(0, 11, 1)], [("buy", 11, 1, 1), ("buy", 10, 1, 1)]),  # out of order: a row of its own
    ],
)  # fmt: skip
def test_trades_of_one_side_within_the_time_are_one_row(trades, expected):
    assert rows(trades, aggregate="250ms") == expected


def test_a_row_keeps_the_last_price_and_the_mean_by_size():
    (row,) = TapePainter(FakeTape([at(0, 10, 1), at(1, 20, 3)]), aggregate="1s").picture(NOW).rows
    assert (row.price, row.mean, row.size, row.trades) == (20, 17.5, 4, 2)
    assert row.time_s == pytest.approx(NOW)


@pytest.mark.parametrize(
    ("options", "sizes"),
    [
        ({"min_size": 2}, [5, 3, 2]),
        ({"min_value": 25}, [5, 3]),
        ({"min_size": 2, "min_value": 25}, [5, 3]),
        ({"min_size": 4, "aggregate": "1s"}, [5, 6]),  # 1, 2 and 3 together
        ({"min_size": 100}, []),
    ],
)
def test_small_rows_are_left_out(options, sizes):
    trades = [at(0, 10, 1), at(1, 10, 2), at(2, 10, 3), at(3, 10, 5, "sell")]
    assert [size for _, _, size, _ in rows(trades, **options)] == sizes


@pytest.mark.parametrize(("symbol", "worth"), [("XBTUSDTM", 6.7), ("XBTUSDM", 100.0), ("BTC-USDT", 6_700_000.0)])
def test_the_value_of_lots_is_that_of_the_contract(symbol, worth):
    trades = [at(0, 67_000, 0.1 if symbol == "XBTUSDTM" else 100, symbol=symbol)]
    assert len(rows(trades, min_value=worth * 0.999)) == 1
    assert rows(trades, min_value=worth * 1.001) == []


def test_rows_grow_while_trades_come():
    subject = FakeTape([at(0, 10, 1)])
    painter = TapePainter(subject, aggregate="250ms", min_size=2)
    assert painter.picture(NOW).rows == ()
    subject.trades.append(at(10, 11, 3))
    assert [(row.size, row.trades) for row in painter.picture(NOW).rows] == [(4, 2)]
    assert painter.picture(NOW) == painter.picture(NOW)


def test_a_picture_after_a_long_time_is_that_made_anew():
    trades = some_trades(count=3000)
    subject = FakeTape(trades[:50])
    for options in ({}, {"aggregate": "500ms"}, {"min_size": 0.05}):
        painter = TapePainter(subject, **options)
        for end in (50, 60, 900, 901, 2999, 3000, 20):  # more than 200 at once; a tape that was wound
            subject.trades = trades[:end]
            assert painter.picture(NOW).rows == TapePainter(subject, **options).picture(NOW).rows


def test_a_filter_looks_through_the_past():
    trades = [at(0, 10, 7), *(at(i + 1, 10, 1) for i in range(1000))]
    assert [size for _, _, size, _ in rows(trades, min_size=5)] == [7]


def test_the_totals_are_bought_and_sold():
    trades = [at(0, 67_000, 1), at(1, 67_000, 2, "sell"), at(2, 67_000, 0.5)]
    painter = TapePainter(FakeTape(trades))
    picture = painter.picture(NOW)
    assert (picture.bought, picture.sold, picture.unit) == (1.5, 2, "BTC")
    for rendered in renderings(painter):
        words = Tags(rendered).words if "<" in rendered else rendered
        assert "▲ 2 bought 1.500 BTC" in words
        assert "▼ 1 sold 2.000 BTC" in words
    several = TapePainter(FakeTape([*trades, at(3, 1, 1, symbol="ETH-USDT")]))
    assert several.picture(NOW).bought is None
    assert "▲ 3 bought" in several.text(several.picture(NOW))


def test_trades_of_futures_and_of_pro_are_rows():
    now_ns = round(NOW * 1e9)
    of_futures = futures.Trade(symbol="XBTUSDTM", side="sell", price=67_000.5, size=12.0, ts_ns=now_ns, trade_id="1")
    of_pro = pro.Trade(symbol="BTC-USDT", side="buy", price=67_000.5, size=0.5, time_ns=now_ns, trade_id="1")
    subject = FakeTape([of_futures])
    subject.size_unit = "lots"
    painter = TapePainter(subject)
    assert painter.picture(NOW).unit == "lots"
    assert all("lots" in rendered for rendered in renderings(painter))
    assert rows([of_futures]) == [("sell", 67_000.5, 12.0, 1)]
    assert rows([of_pro]) == [("buy", 67_000.5, 0.5, 1)]


def test_every_feed_of_trades_has_a_tape():
    tapes = {row.name for row in CATALOGUE if "tape" in _kinds(row, None)}
    assert tapes == {"spot.trades", "futures.trades", "pro_spot.trades", "pro_futures.trades"}


@pytest.mark.parametrize(("aggregate", "words"), [("250ms", "250 ms"), ("1s", "1 s"), ("1.5s", "1.5 s")])
def test_the_time_within_which_trades_are_joined_is_told(aggregate, words):
    painter = TapePainter(FakeTape([at(0, 1, 1)]), aggregate=aggregate)
    for rendered in renderings(painter):
        assert f"within {words} joined" in rendered


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"count": 0}, "count=0"),
        ({"count": "5"}, "count='5'"),
        ({"aggregate": 250}, "write a time such as '250ms'"),
        ({"aggregate": "2min"}, "60 s at most"),
        ({"aggregate": "soon"}, "'soon': write a time such as '250ms' or '1s', 60 s at most"),
        ({"aggregate": "-1s"}, "60 s at most"),
        ({"min_size": -1}, "min_size=-1"),
        ({"min_size": math.nan}, "min_size=nan"),
        ({"min_value": "100"}, "min_value='100'"),
        ({"min_value": None}, "min_value=None"),
    ],
)
def test_wrong_options_are_refused(options, told):
    with pytest.raises(UsageError, match=told):
        TapePainter(FakeTape(), **options)


def test_a_time_may_be_a_timedelta():
    assert len(rows([at(0, 1, 1), at(900, 1, 1)], aggregate=timedelta(seconds=1))) == 1


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 900), st.floats(0, 1e24), st.floats(0, 1e24), st.sampled_from(["buy", "sell", "<b>"])),
        max_size=20,
    ),
    st.sampled_from([None, "100ms"]),
    st.sampled_from([0, 1.5]),
)
def test_any_trades_are_drawn(trades, aggregate, least):
    painter = TapePainter(FakeTape([at(*each) for each in trades]), aggregate=aggregate, min_size=least)
    taken = painter.picture(NOW)
    assert all(0 <= row.bar <= 100 for row in taken.rows)
    assert all(row.size >= least for row in taken.rows)
    live, static, text = painter.html(taken), painter.static_html(taken), painter.text(taken)
    Tags(live), Tags(static)
    assert "height:288px" in live
    assert {cells(line) for line in text.split("\n")} == {80}
    assert len(text.split("\n")) == 18
