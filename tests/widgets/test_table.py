"""The table of any feed's latest messages."""

from __future__ import annotations

import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kucoin_stream as ks
from kucoin_stream.errors import UsageError
from kucoin_stream.frames.newest import Values
from kucoin_stream.widgets.drawing.picture import Caption
from kucoin_stream.widgets.drawing.text import cells
from kucoin_stream.widgets.state.table import TablePainter
from tests.conftest import until
from tests.widgets.fakes import Fake
from tests.widgets.test_pictures import Tags, numbers_are_real, renderings

HOSTILE = '<script>alert(1)</script>"onload='


class Rows:
    title = "spot.ticker BTC-USDT"
    version = 1
    status = "live"
    badge = "SIMULATED"

    def __init__(self, frame: pd.DataFrame) -> None:
        self.frame = frame

    def rows(self, count: int) -> pd.DataFrame:
        return self.frame.tail(count)


FRAME = pd.DataFrame(
    {
        "time": pd.to_datetime([1, None, 3_500], unit="ms", utc=True),
        "symbol": pd.Categorical(["A-B", HOSTILE, "C-D"]),
        "price": [1.5, float("nan"), 67_123.4],
        "sequence": [1, 2, 3],
    }
)


def test_what_only_tells_messages_apart_stands_last() -> None:
    names = ("symbol", "sequence", "trade_id", "price", "client_oid", "time")
    painter = TablePainter(Columns([Values(name, "number", [1]) for name in names]))
    assert painter.picture(0.0).columns == ("symbol", "price", "time", "sequence", "trade_id", "client_oid")


def test_the_newest_row_is_first_and_what_is_missing_is_a_dash() -> None:
    painter = TablePainter(Rows(FRAME), count=2)
    picture = painter.picture(0.0)
    assert picture.columns == ("time", "symbol", "price", "sequence")
    assert picture.numbers == (False, False, True, True)
    assert picture.rows[0] == ("00:00:03.500", "C-D", "67,123.4", "3")
    assert picture.rows[1][2] == "–"
    assert len(picture.rows) == 2


@pytest.mark.parametrize("form", ["html", "static_html"])
def test_hostile_text_is_escaped(form: str) -> None:
    painter = TablePainter(Rows(FRAME))
    page = getattr(painter, form)(painter.picture(0.0))
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "SIMULATED" in page


@pytest.mark.parametrize("frame", [FRAME, FRAME.head(0)], ids=["rows", "no rows"])
@pytest.mark.parametrize("width", [40, 80, 120])
def test_text_is_a_block_of_one_width(frame: pd.DataFrame, width: int) -> None:
    painter = TablePainter(Rows(frame), count=5)
    lines = painter.text(painter.picture(0.0), width).split("\n")
    assert {len(line) for line in lines} == {width}
    assert len(lines) == 5 + 3
    assert ("nothing yet" in "\n".join(lines)) == frame.empty


def test_an_error_has_the_height_of_the_picture() -> None:
    painter = TablePainter(Rows(FRAME))
    assert "it broke" in painter.problem(Caption("t", "live", "", 0.0), "it broke")


@pytest.mark.parametrize("count", [0, 201])
def test_a_count_out_of_range_is_refused(count: int) -> None:
    with pytest.raises(UsageError, match="a whole number from 1 to 200"):
        TablePainter(Rows(FRAME), count)


KINDS = {
    "time": st.none() | st.integers(-(2**63), 2**70),
    "number": st.none() | st.floats() | st.integers(-(10**30), 10**30) | st.decimals(),
    "text": st.none() | st.text(max_size=60) | st.booleans() | st.just(HOSTILE),
}


class Columns(Fake):
    def __init__(self, columns: list[Values], **caption: str) -> None:
        super().__init__(**caption)
        self.columns = columns

    def newest(self, count: int) -> list[Values]:
        return [Values(each.name, each.kind, each.values[-count:]) for each in self.columns]


@st.composite
def columns(draw: st.DrawFn) -> list[Values]:
    rows = draw(st.integers(0, 5))
    kinds = draw(st.lists(st.sampled_from([*KINDS]), max_size=6))
    return [
        Values(draw(st.text(max_size=30)), kind, draw(st.lists(KINDS[kind], min_size=rows, max_size=rows)))
        for kind in kinds
    ]


@given(columns(), st.sampled_from(["live", "syncing", "stale: why"]), st.integers(20, 160))
def test_no_values_break_it(columns: list[Values], status: str, width: int) -> None:
    painter = TablePainter(Columns(columns, status=status), count=4)
    live, static, _ = renderings(painter)
    text = painter.text(painter.picture(0.0), width)
    for page in (live, static):
        assert Tags(page).tags.isdisjoint({"script", "style"})
    assert f"height:{5 * 18}px" in live
    assert {cells(line) for line in text.split("\n")} == {width}
    assert text.count("\n") == 4 + 2


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), None])
def test_what_is_no_number_is_a_dash(value: float | None) -> None:
    painter = TablePainter(Columns([Values("price", "number", [value])]))
    assert painter.picture(0.0).rows == (("–",),)
    numbers_are_real(*renderings(painter))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (8.536e-06, "0.000008536"),
        (-8.5e-10, "-0.00000000085"),
        (0.00012, "0.00012"),
        (67_123.4, "67,123.4"),
        (0.0, "0"),
        (1e-30, "1e-30"),
        (Decimal("8.5E-7"), "0.00000085"),
        (Decimal("1E+400"), "1E+400"),
    ],
)
def test_a_tiny_price_is_written_out(value: float, shown: str) -> None:
    assert TablePainter(Columns([Values("price", "number", [value])])).picture(0.0).rows == ((shown,),)


class Slowly:
    """A frame of which only the DataFrame is to be had."""

    title, version, status, badge = "slowly", 1, "live", ""

    def __init__(self, frame: Any) -> None:
        self.rows = frame.rows


@pytest.mark.parametrize(
    "make",
    [
        lambda client: client.trades("BTC-USDT").frame(),
        lambda client: client.trades("BTC-USDT").frame(exact=True),
        lambda client: client.ticker("BTC-USDT", "ETH-USDT").frame(latest="symbol"),
        lambda client: client.book("BTC-USDT").tops(),
        lambda client: client.books("BTC-USDT", "ETH-USDT"),
        lambda client: client.trades("BTC-USDT").sink_to_frame(),
        lambda client: client.trades("BTC-USDT", "ETH-USDT").sink_to_frame(latest="symbol"),
        lambda client: client.trades("BTC-USDT").map(lambda trade: {"price": trade.price}).sink_to_frame(),
    ],
    ids=["feed", "exact", "latest", "tops", "books", "node", "latest of a node", "node of dicts"],
)
def test_the_quick_way_shows_what_the_dataframe_shows(client: ks.Client, make: Callable[[ks.Client], Any]) -> None:
    frame = make(client)
    until(lambda: len(frame.rows()) > 1)
    quick, slow = TablePainter(frame, count=4), TablePainter(Slowly(frame), count=4)

    def shown(painter: TablePainter) -> Any:
        picture = painter.picture(0.0)
        return picture.columns, picture.rows

    until(lambda: shown(quick) == shown(slow), "no message between the two")
    assert shown(quick)[1]


def test_a_picture_costs_no_dataframe(client: ks.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    painter = TablePainter(client.ticker("BTC-USDT").frame(latest="symbol").wait())
    monkeypatch.setattr(pd, "DataFrame", None)
    assert painter.picture(time.time()).rows[0][0] == "BTC-USDT"
