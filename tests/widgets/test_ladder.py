"""The ladder: wider price steps, the last trade, the account's own orders."""

from __future__ import annotations

import math
from decimal import Decimal
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kucoin_stream.analytics import book as analytics
from kucoin_stream.errors import UsageError
from kucoin_stream.market.book import Levels
from kucoin_stream.protocol.messages import futures, spot
from kucoin_stream.widgets.book.marks import LastTrade, own
from kucoin_stream.widgets.book.painter import BookPainter
from kucoin_stream.widgets.drawing.picture import NARROWEST
from kucoin_stream.widgets.drawing.text import cells
from tests.conftest import until
from tests.widgets.fakes import NOW, Fake, FakeBook, FakeTape, a_book, a_trade
from tests.widgets.test_pictures import Tags, numbers_are_real, renderings

ORDER = ("symbol", "side", "status", "price", "remaining", "size")
MINE = [
    ("BTC-USDT", "buy", "open", 100.0, 0.25, 1.0),
    ("BTC-USDT", "buy", "new", 100.0, 0.5, 0.5),
    ("BTC-USDT", "buy", "partly filled", 99.9, math.nan, 2.0),  # it does not say what remains
    ("BTC-USDT", "sell", "open", 100.3, 0.125, 1.0),
    ("BTC-USDT", "sell", "filled", 100.2, 0.0, 1.0),
    ("BTC-USDT", "sell", "stop", 100.2, 1.0, 1.0),
    ("BTC-USDT", "buy", "new", math.nan, 1.0, 1.0),  # a market order
    ("ETH-USDT", "buy", "open", 99.8, 1.0, 1.0),
]


class Book(FakeBook):
    symbol, price_increment = "BTC-USDT", Decimal("0.1")


class FakeOrders(Fake):
    def __init__(self, rows=MINE, columns=ORDER, **caption):
        super().__init__(**{"title": "orders", **caption})
        self.frame, self.read = pd.DataFrame(rows, columns=columns), 0

    def rows(self):
        self.read += 1
        return self.frame


def ladder(step=0.1, count=40, **caption):
    """100.0 and below against 100.1 and above, 1, 2, 3 ... at each."""
    sizes = np.arange(1.0, count + 1)
    steps = step * np.arange(count)
    return Book(np.column_stack([100.0 - steps, sizes]).round(1), np.column_stack([100.1 + steps, sizes]).round(1), 7)


def test_grouping_adds_up_bids_below_and_asks_above():
    taken = BookPainter(ladder(), depth=3, grouping=0.5).picture(NOW)
    assert taken.bids.prices == (100.0, 99.5, 99.0)
    assert taken.bids.sizes == (1, 2 + 3 + 4 + 5 + 6, 7 + 8 + 9 + 10 + 11)
    assert taken.asks.prices == (100.5, 101.0, 101.5)
    assert taken.asks.sizes == (1 + 2 + 3 + 4 + 5, 6 + 7 + 8 + 9 + 10, 11 + 12 + 13 + 14 + 15)
    assert (taken.mid, taken.spread) == pytest.approx((100.05, 0.1))  # of the book, not of the steps


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 400), st.sampled_from([0.1, 0.2, 0.5, 1, 2.5, 10, 1000]), st.integers(1, 20))
def test_a_grouped_ladder_is_what_analytics_say(count, step, depth):
    subject = ladder(count=count)
    taken = BookPainter(subject, depth=depth, grouping=step).picture(NOW)
    columns = (column[:, i] for column in (subject.bids, subject.asks) for i in (0, 1))
    expected = analytics.grouped(Levels(None, *columns), step)
    for side, price, size in ((taken.bids, "bid", "bid_size"), (taken.asks, "ask", "ask_size")):
        known = expected[[price, size]].dropna()[:depth]
        assert side.prices == pytest.approx(tuple(known[price]))
        assert side.sizes == pytest.approx(tuple(known[size]))


@pytest.mark.parametrize(("step", "shown"), [(10, "70 "), (0.5, "99.5"), (Decimal("0.20"), "99.8")])
def test_a_grouped_ladder_writes_only_the_decimals_of_its_step(step, shown):
    painter = BookPainter(ladder(count=400), grouping=step)
    live, _, text = renderings(painter)
    assert shown in text
    assert f"steps of {Decimal(str(step)).normalize():f}" in live


@pytest.mark.parametrize("grouping", [0, -1, 0.15, 0.05, math.nan, math.inf, "1", "x", True, [], 1e400, Decimal("NaN")])
def test_a_step_that_is_no_multiple_of_the_tick_names_the_tick(grouping):
    with pytest.raises(UsageError, match=r"grouping=.*write a multiple of the tick of BTC-USDT, 0\.1"):
        BookPainter(ladder(), grouping=grouping)


def test_the_tick_of_a_book_that_does_not_know_it_is_the_last_decimal():
    subject = ladder()
    subject.price_increment = None
    assert BookPainter(subject, grouping=0.1).step == Decimal("0.1")
    with pytest.raises(UsageError, match=r"0\.1"):
        BookPainter(subject, grouping=0.05)


@pytest.mark.parametrize("depth", [0, 101, -1, 2.5, math.nan, "5", None, True])
def test_a_depth_that_is_none_is_refused(depth):
    with pytest.raises(UsageError, match=r"depth=.*a whole number from 1 to 100"):
        BookPainter(ladder(), depth=depth)


# --- the last trade


@pytest.mark.parametrize(
    ("price", "side", "step", "bid", "ask"),
    [
        (100.1, "buy", None, None, 0),
        (99.8, "sell", None, 2, None),
        (50.0, "sell", None, None, None),  # out of sight
        (100.3, "buy", 0.5, None, 0),  # both 100.0 and 100.5 are near: the taker bought
        (100.3, "sell", 0.5, 0, None),
        (100.0, "buy", 0.5, 0, None),  # the price went on, so that it is a bid now
    ],
)
def test_the_level_of_the_last_trade_is_marked(price, side, step, bid, ask):
    tape = FakeTape([a_trade(price, side=side)])
    painter = BookPainter(ladder(), depth=5, grouping=step, trades=tape)
    taken = painter.picture(NOW)
    assert (taken.last, taken.bids.last, taken.asks.last) == (LastTrade(price, side), bid, ask)
    sign = {"buy": "▲", "sell": "▼"}[side]
    for rendered in renderings(painter):
        marked = (bid is not None) + (ask is not None)
        assert rendered.count(sign) == 1 + marked  # once in the line of facts
        assert f"{price:,.1f}" in rendered


def test_the_last_trade_is_that_of_the_symbol_and_stays_when_others_trade():
    tape = FakeTape([a_trade(99.9), a_trade(100.0, symbol="ETH-USDT"), a_trade(1.0, symbol="ETH-USDT")])
    painter = BookPainter(ladder(), trades=tape)
    assert painter.picture(NOW).last == LastTrade(99.9, "buy")
    tape.trades = [a_trade(5.0, symbol="ETH-USDT")]
    tape.change()
    assert painter.picture(NOW).last == LastTrade(99.9, "buy")


def test_trades_are_read_only_where_there_are_new_ones():
    tape = FakeTape([a_trade(99.9)])
    painter = BookPainter(ladder(), trades=tape)
    painter.picture(NOW)
    tape.trades.append(a_trade(100.0))
    assert painter.picture(NOW).last.price == 99.9
    tape.change()
    assert painter.picture(NOW).last.price == 100.0


def test_a_feed_is_read_through_a_frame_of_its_own():
    tape = FakeTape([a_trade(99.9)])
    feed = SimpleNamespace(frame=lambda maxlen: tape, title="spot.trades BTC-USDT")
    assert BookPainter(ladder(), trades=feed).picture(NOW).last.price == 99.9


def fed_by(payload, *symbols):
    tape = FakeTape([])
    row = SimpleNamespace(payload=payload)
    tape.feed = SimpleNamespace(row=row, arguments=symbols, title=f"feed of {', '.join(symbols)}")
    return tape


@pytest.mark.parametrize("payload", [spot.Trade, futures.Trade])
def test_trades_of_every_kind_are_taken(payload):
    assert BookPainter(ladder(), trades=fed_by(payload, "ETH-USDT", "BTC-USDT")).picture(NOW).last is None


@pytest.mark.parametrize(
    ("trades", "said"),
    [
        ("BTC-USDT", "trades='BTC-USDT': pass a feed or live frame of trades"),
        (ladder(), "pass a feed or live frame of trades"),
        (fed_by(spot.Trade, "ETH-USDT"), "feed of ETH-USDT: these are not of BTC-USDT"),
        (fed_by(spot.Ticker, "BTC-USDT"), "feed of BTC-USDT: these are no trades"),
    ],
)
def test_what_is_no_feed_of_its_trades_is_refused(trades, said):
    with pytest.raises(UsageError, match=said):
        BookPainter(ladder(), trades=trades)


# --- own orders


def test_open_orders_are_joined_by_side_and_price():
    mine = own(MINE, "BTC-USDT", "live")
    assert mine.bids == ((100.0, 0.75), (99.9, 2.0))
    assert mine.asks == ((100.3, 0.125),)
    assert mine.note == ""


def test_levels_with_own_orders_show_what_remains():
    painter = BookPainter(ladder(), depth=4, orders=FakeOrders())
    taken = painter.picture(NOW)
    assert taken.bids.own == (0.75, 2.0, 0.0, 0.0)
    assert taken.asks.own == (0.0, 0.0, 0.125, 0.0)
    live, static, text = renderings(painter)
    for rendered in (live, static, text):
        assert "buying" in rendered
        assert "selling" in rendered
        assert rendered.count("0.750") == 1 + (rendered is live)  # there also in the tip of the sign
        assert rendered.count("◆") >= 3
    assert "own orders: 2 prices to buy at, 1 to sell at" in live


def test_one_own_order_is_at_one_price():
    one = BookPainter(ladder(), depth=4, orders=FakeOrders(MINE[:1]))
    assert "own orders: 1 price to buy at, 0 to sell at" in one.html(one.picture(NOW))


def test_own_orders_stand_at_the_steps_of_a_grouped_ladder():
    taken = BookPainter(ladder(), depth=2, grouping=0.5, orders=FakeOrders()).picture(NOW)
    assert (taken.bids.own, taken.asks.own) == ((0.75, 2.0), (0.125, 0.0))


def test_a_small_order_is_not_rounded_away():
    rows = [("BTC-USDT", "buy", "open", 100.0, 0.00012, 1.0)]
    for rendered in renderings(BookPainter(ladder(), orders=FakeOrders(rows))):
        assert "0.00012" in rendered


def test_orders_are_read_only_where_one_has_changed():
    orders = FakeOrders()
    painter = BookPainter(ladder(), orders=orders)
    for _ in range(5):
        painter.picture(NOW)
    assert orders.read == 1
    orders.frame = orders.frame.iloc[:1]
    orders.change()
    assert painter.picture(NOW).bids.own[0] == 0.25
    assert orders.read == 2


def test_orders_that_may_be_old_say_so():
    for rendered in renderings(BookPainter(ladder(), orders=FakeOrders(status="stale: no data for 12 s"))):
        assert "own orders stale: no data for 12 s" in rendered


def test_an_account_without_orders_has_the_columns_all_the_same():
    empty = FakeOrders(pd.DataFrame(columns=ORDER))
    live, static, text = renderings(BookPainter(ladder(), orders=empty))
    for rendered in (live, static, text):
        assert ("buying" in rendered) is (rendered is not static)  # it stands still: the others have the room
        assert "◆" not in rendered


@pytest.mark.parametrize(
    ("orders", "said"),
    [
        (3, "orders=3: pass a live frame of orders"),
        (SimpleNamespace(), "pass a live frame of orders"),
        (FakeOrders([(1,)], ("x",), title="fills"), "orders=fills: these are no orders"),
    ],
)
def test_what_is_no_frame_of_orders_is_refused(orders, said):
    with pytest.raises(UsageError, match=said):
        BookPainter(ladder(), orders=orders)


def test_the_version_is_that_of_all_that_is_drawn():
    subject, tape, orders = ladder(), FakeTape([]), FakeOrders()
    painter = BookPainter(subject, trades=tape, orders=orders)
    for each in (subject, tape, orders):
        before = painter.version
        each.change()
        assert painter.version != before


def test_the_live_frames_have_what_a_ladder_marks(client, sim):
    book = client.book("BTC-USDT").wait()
    price = round(book.best_bid * 0.5, 1)
    sim.account.place("BTC-USDT", "buy", price=price, size="0.001")
    orders, trades = client.account.orders(), client.trades("BTC-USDT")
    painter = BookPainter(book, grouping=book.best_bid // 100, trades=trades, orders=orders)
    until(lambda: (taken := painter.picture(NOW)).last and taken.own.bids)
    taken = painter.picture(NOW)
    assert taken.own.bids == ((price, 0.001),)
    assert abs(taken.last.price - taken.mid) < 0.1 * taken.mid
    assert len(taken.bids.prices) > 1


# --- whatever comes

prices = st.floats(1e-12, 1e12)
amounts = st.floats(0, 1e24)
hostile = st.sampled_from(["BTC-USDT", "<b>", "", "buy", "sell", "open", "new", None, math.nan])
odd = st.one_of(st.none(), st.floats(), st.integers(), st.text(max_size=3))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(prices, amounts), max_size=20),
    st.lists(st.tuples(hostile, hostile, hostile, odd, odd, odd), max_size=8),
    st.tuples(odd, st.sampled_from(["buy", "sell", "", "<i>"])),
    st.sampled_from([None, 0.1, 7, 100_000]),
)
@example([], [], (1.8e307, "buy"), 0.1)
def test_no_book_trade_or_order_breaks_the_picture(levels, orders, trade, step):
    bids, asks = sorted(levels, reverse=True), sorted(levels)
    tape = FakeTape([SimpleNamespace(symbol="BTC-USDT", price=trade[0], side=trade[1])])
    painter = BookPainter(Book(bids, asks, 1), depth=6, grouping=step, trades=tape, orders=FakeOrders(orders))
    live, static, text = renderings(painter)
    assert not {"i", "script"} & (Tags(live).tags | Tags(static).tags)
    numbers_are_real(live, static, text)
    assert {cells(line) for line in text.split("\n")} == {80}
    assert len(text.split("\n")) == 10


@pytest.mark.parametrize("width", [30, 40, 60, 80, 133, 200])
def test_text_with_all_its_marks_is_as_wide_as_asked(width):
    painter = BookPainter(ladder(), trades=FakeTape([a_trade(100.0)]), orders=FakeOrders())
    lines = painter.text(painter.picture(NOW), width).split("\n")
    assert {cells(line) for line in lines} == {width}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.decimals("0.00000001", 999999, places=8), min_size=2, max_size=6, unique=True), st.integers(0, 8))
def test_from_its_narrowest_on_a_text_has_all_digits_of_the_prices(prices, decimals):
    prices = sorted({round(float(price), decimals) for price in prices} - {0.0})
    subject = FakeBook([(prices[0], 1.0)] if prices else [], [(price, 1.0) for price in prices[1:]])
    subject.price_decimals = decimals
    painter = BookPainter(subject)
    picture = painter.picture(NOW)
    least = painter.narrowest(picture)
    whole = [f"{price:.{decimals}f}" for price in prices]
    if max(map(len, whole), default=0) > 12:  # no text has room for it
        assert least == NARROWEST
        return
    for width in (least, least + 1, 80):
        shown = painter.text(picture, width).replace(",", "")
        assert [price for price in whole if price not in shown] == []
    if least > NARROWEST:
        shown = painter.text(picture, least - 1).replace(",", "")
        assert [price for price in whole if price not in shown] != []


def test_the_html_stays_small():
    painter = BookPainter(ladder(), trades=FakeTape([a_trade(100.0)]), orders=FakeOrders())
    assert len(painter.html(painter.picture(NOW))) < 7_000
    plain = BookPainter(a_book())
    assert len(plain.html(plain.picture(NOW))) < 6_000
