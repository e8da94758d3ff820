"""The account's panel: what it shows of hand-made rows, and on the built-in exchange."""

from __future__ import annotations

import gc
import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

import kucoin_stream as ks
from kucoin_stream.errors import UsageError
from kucoin_stream.market.account.balances import Balance
from kucoin_stream.market.account.fills import Fill
from kucoin_stream.market.account.order import Order
from kucoin_stream.market.account.positions import Position
from kucoin_stream.widgets.drawing.columns import Cell, amount
from kucoin_stream.widgets.drawing.html import DOWN_TEXT, clock
from kucoin_stream.widgets.drawing.text import cells
from kucoin_stream.widgets.screen import screen
from kucoin_stream.widgets.state.account import COLUMNS, AccountPainter
from tests.conftest import until
from tests.widgets.fakes import NOW, Fake

PRICES = {"BTC": 67_000.0, "USDT": 1.0, "ETH": 3_400.0}
NS = int(NOW * 1e9)


class FakeAccount(Fake):
    """Parts that stand still; ``set`` changes one."""

    def __init__(self, parts: dict[str, list[Any]], prices: dict[str, float] | None = None, **caption: Any) -> None:
        super().__init__(**{"title": "account", **caption})
        self.rows = parts
        self.prices = PRICES if prices is None else prices
        self.statuses = dict.fromkeys(parts, "live")
        self.reads: list[str] = []

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(self.rows)

    def part_status(self, part: str) -> str:
        return self.statuses[part]

    def part_version(self, part: str) -> object:
        return id(self.rows[part])

    def part_rows(self, part: str) -> list[Any]:
        self.check()
        self.reads.append(part)
        return self.rows[part]


def an_account(**caption: Any) -> FakeAccount:
    return FakeAccount(
        {
            "balances": [
                Balance("trade", "ETH", "spot", 2.5, 2.0, 0.5),
                Balance("main", "XYZ", "spot", 1_000_000.0, 1_000_000.0, 0.0),
                Balance("trade", "BTC", "spot", 0.25, 0.25, 0.0),
                Balance("trade", "DOGE", "spot", 0.0, 0.0, 0.0),
                Balance("futures", "USDT", "futures", 5_000.0, 4_200.5, 800.0, equity=5_120.75),
            ],
            "orders": [
                Order("1", "BTC-USDT", "buy", "spot", "open", "limit", 66_000.0, 0.5, 0.125, 0.375),
                Order("2", "ETH-USDT", "sell", "spot", "filled", "limit", 3_500.0, 1.0, 1.0, 0.0),
                Order(
                    "3", "XBTUSDTM", "sell", "futures", "stop", "market", None, 10.0, None, 10.0, stop_price=60_000.0
                ),
            ],
            "positions": [
                Position("XBTUSDTM", "BOTH", 12.0, 66_500.0, 67_000.0, 804.0, 6.0, 1.5, 0.0375, settle_currency="USDT"),
                Position("ETHUSDTM", "BOTH", -3.0, 3_400.0, 3_450.0, 103.5, -15.0, 0.0, -0.145, settle_currency="USDT"),
                Position("SOLUSDTM", "BOTH", 0.0),
            ],
            "fills": [
                Fill(NS - 5_000_000_000, "BTC-USDT", "buy", "spot", 66_900.0, 0.01, 0.669, "USDT"),
                Fill(NS - 1_000_000_000, "ETH-USDT", "sell", "spot", 3_401.5, 1.25),
            ],
        },
        **caption,
    )


def shown(painter: AccountPainter, name: str) -> list[list[str]]:
    (section,) = [each for each in painter.picture(NOW).sections if each.name == name]
    return [[cell.text for cell in row] for row in section.rows]


def test_balances_stand_by_value_and_those_of_nothing_not_at_all():
    assert [[row[0], *row[2:4]] for row in shown(AccountPainter(an_account()), "balances")] == [
        ["BTC", "0.25", "16,750.00"], ["ETH", "2.5", "8,500.00"], ["USDT", "5,000", "5,120.75"],
        ["XYZ", "1,000,000", "–"],
    ]  # fmt: skip


@pytest.mark.parametrize("width", [80, 40])
def test_as_text_a_currency_of_two_accounts_is_told_apart(width: int):
    balances = [
        Balance("trade", "USDT", "spot", 10.0, 10.0, 0.0),
        Balance("trade", "BTC", "spot", 0.25, 0.25, 0.0),
        Balance("futures", "USDT", "futures", 90_000.0, 90_000.0, 0.0),
    ]
    painter = AccountPainter(FakeAccount({"balances": balances}))
    rows = painter.text(painter.picture(NOW), width).splitlines()[4:7]
    assert [row.split()[:3] for row in rows] == [
        ["USDT", "futures", "90,000"], ["BTC", "trade", "0.25"], ["USDT", "trade", "10"],
    ]  # fmt: skip


def test_only_open_orders_are_shown_the_newest_first():
    assert shown(AccountPainter(an_account()), "orders") == [
        ["XBTUSDTM", "▼ sell", "60,000", "10", "0%", "stop", "market"],
        ["BTC-USDT", "▲ buy", "66,000", "0.375", "25%", "open", "limit"],
    ]


def test_positions_tell_side_profit_and_return_with_their_sign():
    assert shown(AccountPainter(an_account()), "positions") == [
        ["ETHUSDTM", "▼ short", "-15 USDT", "3", "-14.50%", "3,400", "3,450"],
        ["XBTUSDTM", "▲ long", "+6 USDT", "12", "+3.75%", "66,500", "67,000"],
    ]


def test_fills_are_the_newest_first():
    assert shown(AccountPainter(an_account()), "fills") == [
        ["ETH-USDT", "▼ sell", "3,401.5", "1.25", clock(NOW - 1)[:8], "–"],
        ["BTC-USDT", "▲ buy", "66,900", "0.01", clock(NOW - 5)[:8], "0.669 USDT"],
    ]


def test_what_is_shown_as_zero_has_neither_sign_nor_colour():
    position = Position(
        "XBTUSDTM", "BOTH", 1.0, unrealised_pnl=-0.00056, return_on_equity=-1e-5, settle_currency="USDT"
    )
    balance = Balance("trade", "USDT", "spot", -0.0, -0.0, 0.0, equity=-0.001)
    painter = AccountPainter(FakeAccount({"positions": [position], "balances": [balance]}, {"USDT": 1.0}))
    picture = painter.picture(NOW)
    positions, balances = (section.rows[0] for section in picture.sections)
    assert positions[2:5] == (Cell("-0.00056 USDT", "down"), Cell("1"), Cell("0.00%"))
    assert [cell.text for cell in balances[2:4]] == ["0", "0.00"]
    live = painter.html(picture)
    assert "0.00 USD" in live
    assert "-0.00 USD" not in live
    assert live.count(DOWN_TEXT) == 1


def test_the_facts_are_sums_of_all_rows_also_of_those_not_shown():
    painter = AccountPainter(an_account(), rows=1)
    picture = painter.picture(NOW)
    assert (picture.worth, picture.unrealised, picture.orders) == (16_750 + 8_500 + 5_120.75, -9.0, 2)
    assert [section.hidden for section in picture.sections] == [3, 1, 1, 1]
    for rendered in (painter.html(picture), painter.static_html(picture), painter.text(picture, 100)):
        assert "≈ 30,370.75 USD" in rendered
        assert "-9.00 USD" in rendered
        assert "and 3 more" in rendered


def test_what_has_not_changed_is_neither_read_nor_rendered_again():
    account = an_account()
    painter = AccountPainter(account)
    first = painter.html(painter.picture(NOW))
    assert sorted(account.reads) == ["balances", "fills", "orders", "positions"]
    account.rows["orders"] = []
    again = painter.html(painter.picture(NOW))
    assert account.reads[4:] == ["orders"]
    assert "no open order" in again
    assert first != again


def test_each_section_has_its_own_status():
    account = an_account(status="partial: orders stale: no answer for 12 s")
    account.statuses["orders"] = "stale: no answer for 12 s"
    painter = AccountPainter(account)
    for rendered in (painter.html(painter.picture(NOW)), painter.text(painter.picture(NOW), 120)):
        assert "stale: no answer for 12 s" in rendered


def test_without_a_key_it_says_what_to_do():
    painter = AccountPainter(FakeAccount({}, status="no key: pass key=, secret=, passphrase= to ks.connect()"))
    picture = painter.picture(NOW)
    for rendered in (painter.html(picture), painter.static_html(picture), painter.text(picture, 110)):
        assert "pass key=, secret=, passphrase= to ks.connect()" in rendered


@pytest.mark.parametrize("parts", [["balances", "orders", "fills"], ["balances"], ["orders", "positions"]])
def test_sections_are_those_that_the_connection_has(parts):
    whole = an_account()
    painter = AccountPainter(FakeAccount({part: whole.rows[part] for part in parts}))
    picture = painter.picture(NOW)
    assert [section.name for section in picture.sections] == parts
    assert ("unrealised" in painter.html(picture)) is ("positions" in parts)


def test_a_section_is_as_high_as_its_rows_have_been():
    account = FakeAccount({"orders": [], "fills": an_account().rows["fills"]})
    painter = AccountPainter(account, rows=5)

    def heights() -> list[str]:
        return re.findall(r"height:(\d+)px;margin-bottom", painter.html(painter.picture(NOW)))

    assert heights() == ["18", "72"]
    account.rows["orders"] = an_account().rows["orders"]
    assert heights() == ["72", "72"]
    account.rows["orders"] = []
    assert heights() == ["72", "72"]
    assert "position:relative;height:156px" in painter.problem(painter.caption(NOW), "it broke")


@pytest.mark.parametrize("rows", [0, 101, "5", None, 2.5, float("nan"), True])
def test_impossible_numbers_of_rows_raise(rows):
    with pytest.raises(UsageError, match="rows="):
        AccountPainter(an_account(), rows)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"), (0.0, "0"), (1.0, "1"), (67_123.4, "67,123.4"), (0.00012345, "0.00012345"),
        (0.000000012345, "0.000000012345"), (123_456_789.4, "123,456,789"), (1e18, "1.000e+18"), (1e-12, "1.000e-12"),
        (-0.5, "-0.5"),
    ],
)  # fmt: skip
def test_amounts_have_the_digits_that_count(value, text):
    assert amount(value) == text
    assert amount(value, sign=True).lstrip("+") == text


# -- whatever the exchange says ------------------------------------------------------------------------------------

TEXT = st.sampled_from(["BTC-USDT", "", "<script>alert(1)</script>", '"onload="x', "a\x1b[31m\u202e", "交易所" * 20])
NUMBER = st.one_of(st.none(), st.floats(), st.sampled_from([0.0, 1e-12, 0.123456789012, 1e300, -1e12]))
TIME = st.integers(0, 2**62)
ACCOUNTS = st.fixed_dictionaries(
    {},
    optional={
        "balances": st.lists(st.builds(Balance, TEXT, TEXT, st.just("spot"), NUMBER, NUMBER, NUMBER, NUMBER)),
        "orders": st.lists(
            st.builds(Order, TEXT, TEXT, TEXT, st.just("spot"), st.sampled_from(["open", "filled"]), TEXT, NUMBER,
                      NUMBER, NUMBER, NUMBER)
        ),
        "positions": st.lists(
            st.builds(Position, TEXT, TEXT, st.floats(), NUMBER, NUMBER, NUMBER, NUMBER, NUMBER, NUMBER,
                      settle_currency=st.one_of(st.none(), TEXT))
        ),
        "fills": st.lists(st.builds(Fill, TIME, TEXT, TEXT, st.just("spot"), NUMBER, NUMBER, NUMBER, TEXT)),
    },
)  # fmt: skip


class Balanced(HTMLParser):
    """Raises where an element is not closed, or is none that a picture may have."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        assert tag in {"div", "span", "b", "table", "tr", "td", "th"}, tag
        assert {name for name, _ in attrs} <= {"style", "role", "aria-label", "title"}
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@settings(max_examples=80)
@given(
    ACCOUNTS, st.integers(1, 4), st.sampled_from([40, 61, 80, 133]), st.sampled_from(["live", "stale: x", "stopped"])
)
def test_no_account_makes_it_raise_jump_or_emit_unsafe_html(parts, rows, width, status):
    painter = AccountPainter(FakeAccount(parts, {"BTC-USDT": float("inf"), "": 1e300}, status=status), rows)
    picture = painter.picture(NOW)
    for rendered in (painter.html(picture), painter.static_html(picture)):
        reader = Balanced()
        reader.feed(rendered)
        assert reader.open == []
    empty = AccountPainter(FakeAccount({part: [] for part in parts}, status=status), rows)
    lines = painter.text(picture, width).split("\n")
    assert {cells(line) for line in lines} == {width}
    assert len(lines) == len(empty.text(empty.picture(NOW), width).split("\n"))


# -- on the built-in exchange --------------------------------------------------------------------------------------


@pytest.fixture
def price(client: ks.Client) -> float:
    return round(client.book("BTC-USDT").wait().bids["price"].iloc[0] * 0.9, 1)


def test_the_panel_shows_what_the_exchange_has_and_leaves_with_its_view(client: ks.Client, sim: Any, price: float):
    for each in list(client.ps().index):
        client.stop(each)
    view = client.account.widget(rows=3)
    account = view.subject
    until(lambda: account.status == "live")
    assert account.parts == ("balances", "orders", "positions", "fills")
    mine = sim.account.place("BTC-USDT", "buy", price=str(price), size="0.001")
    bought = sim.account.place("BTC-USDT", "buy", size="0.002")
    until(lambda: [each.order_id for each in account.part_rows("fills")][-1:] == [bought])
    until(lambda: mine in {each.order_id for each in account.part_rows("orders")})
    until(lambda: account.prices.get("BTC", 0) > 0)
    view.refresh()
    for words in ("▲ buy", "0.001", "worth", "≈ "):
        assert words in view.value
    assert account.df.loc["balances", "status"] == "live"
    view.stop()
    assert account.status == "stopped"
    assert client.ps().empty
    assert "≈ " in view.static_html()
    until(lambda: client.statistics()["topics"] == 0)


def test_closing_or_stopping_either_ends_both(client: ks.Client):
    view = client.account.widget()
    view.close()
    assert view.subject.status == "stopped"
    live = client.account.live()
    one, other = live.widget(), live.widget()
    one.stop()
    assert live.status != "stopped"
    live.stop()
    assert other.closed
    assert client.ps().empty


def test_without_a_key_the_panel_says_so_and_makes_nothing(connect: Callable[..., ks.Client]):
    client = connect(key=False)
    view = client.account.widget()
    assert "pass key=, secret=, passphrase= to ks.connect()" in view.value
    assert client.account.live().df.empty
    view.stop()
    gc.collect()
    assert client.statistics()["connections"] == []


@pytest.mark.parametrize("options", [{"rows": 0}, {"row": 3}])
def test_a_wrong_option_leaves_nothing(client: ks.Client, options: Any):
    with pytest.raises(UsageError):
        client.account.widget(**options)
    assert client.ps().empty


def test_a_cell_that_ends_with_the_account_shows_its_panel(client: ks.Client, capsys: Any):
    client.account._ipython_display_()
    first = client.account._shown
    client.account._ipython_display_()
    assert client.account._shown is first
    first.stop()
    client.account._ipython_display_()
    assert client.account._shown is not first
    for view in list(screen.views):
        view.stop()
    assert client.ps().empty


def test_all_columns_have_room_for_their_names():
    assert [column.name for columns in COLUMNS.values() for column in columns if column.cells <= len(column.name)] == []
