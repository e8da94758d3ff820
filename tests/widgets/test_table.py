"""The table of any feed's latest messages."""

from __future__ import annotations

import pandas as pd
import pytest

from kucoin_stream.errors import UsageError
from kucoin_stream.widgets.drawing.picture import Caption
from kucoin_stream.widgets.state.table import TablePainter

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
