"""Ways out of pandas: figures, plots, Arrow, Polars, Parquet; each where its library is installed."""

from __future__ import annotations

import builtins
import json
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import kucoin_stream as ks
from kucoin_stream.bridges import figures, kinds, plots, tables
from kucoin_stream.errors import UsageError
from tests.conftest import until

ATTRS = {
    "feed": "spot.level2 BTC-USDT",
    "status": "live",
    "source": "sim",
    "badge": "SIMULATED",
    "note": "",
    "time": "2026-01-01",
}
TIMES = pd.date_range("2026-01-01", periods=3, freq="1min", tz="UTC", unit="ns")
NAN = float("nan")


def labelled(frame: pd.DataFrame) -> pd.DataFrame:
    frame.attrs = dict(ATTRS)
    return frame


LADDER = labelled(
    pd.DataFrame({"bid_size": [1.0, 2.0], "bid": [99.0, 98.0], "ask": [100.0, NAN], "ask_size": [3.0, NAN]})
)
KLINES = labelled(
    pd.DataFrame(
        {
            "open": [1.0, 2.0, 3.0], "high": [2.0, 3.0, 4.0], "low": [0.5, 1.5, 2.5], "close": [2.0, 1.9, 3.5],
            "volume": [10.0, 20.0, 30.0], "turnover": [1.0, 2.0, 3.0],
        },
        index=TIMES.rename("time"),
    )
)  # fmt: skip
TRADES = labelled(
    pd.DataFrame(
        {
            "time": TIMES + pd.Timedelta(1, "ns"),
            "symbol": pd.Categorical(["BTC-USDT"] * 3),
            "side": pd.Categorical(["buy", "sell", "buy"]),
            "price": [100.0, 99.0, 101.0],
            "size": [1.0, 4.0, 0.25],
            "trade_id": ["1", "2", "3"],
            "sequence": np.array([2**53 + 1, 2**53 + 2, 2**53 + 3]),
        }
    )
)
BEST = labelled(pd.DataFrame({"time": TIMES, "best_bid": [1.0, 2.0, 3.0], "best_ask": [2.0, 3.0, 4.0]}))
LATEST = labelled(
    pd.DataFrame(
        {"time": TIMES, "best_bid": [1.0, 2.0, 3.0], "best_ask": [2.0, 3.0, 4.0]},
        index=pd.Index(["A-B", "C-D", "E-F"], name="symbol", dtype=object),
    )
)
FRAMES = {"ladder": LADDER, "klines": KLINES, "trades": TRADES, "best prices": BEST, "rows": LATEST}
EMPTY = {name: labelled(frame.iloc[:0]) for name, frame in FRAMES.items()}


@pytest.mark.parametrize(("kind", "frame"), [*FRAMES.items(), *EMPTY.items()])
def test_what_a_frame_is(kind: str, frame: pd.DataFrame) -> None:
    assert kinds.kind(frame) == kind


@pytest.mark.parametrize(
    ("attrs", "title"),
    [
        (ATTRS, "spot.level2 BTC-USDT · SIMULATED"),
        (ATTRS | {"badge": "", "status": "stale: no pong"}, "spot.level2 BTC-USDT · stale: no pong"),
        ({"feed": "BTC-USDT 1min"}, "BTC-USDT 1min"),  # of a REST answer
        ({}, ""),
    ],
)
def test_what_is_not_live_is_said_over_the_picture(attrs: dict[str, str], title: str) -> None:
    frame = LADDER.copy()
    frame.attrs = attrs
    assert kinds.title(frame) == title


def test_the_sizes_of_a_ladder_are_summed_from_the_best_price() -> None:
    found = {side: (list(prices), list(totals)) for side, (prices, totals) in kinds.sides(LADDER).items()}
    assert found == {"bid": ([99.0, 98.0], [1.0, 3.0]), "ask": ([100.0], [3.0])}


# -- plotly ------------------------------------------------------------------------------------------------------

TRACES = {
    "ladder": ["scatter", "scatter"], "klines": ["candlestick", "bar"], "trades": ["scatter", "scatter"],
    "best prices": ["scatter", "scatter"], "rows": ["table"],
}  # fmt: skip


@pytest.mark.parametrize("frames", [FRAMES, EMPTY], ids=["rows", "empty"])
@pytest.mark.parametrize("kind", FRAMES)
def test_plotly(kind: str, frames: dict[str, pd.DataFrame]) -> None:
    pytest.importorskip("plotly")
    figure = figures.to_plotly(frames[kind], height=300)
    assert [trace.type for trace in figure.data] == TRACES[kind]
    assert (figure.layout.title.text, figure.layout.height) == ("spot.level2 BTC-USDT · SIMULATED", 300)
    assert figure.to_json()


def test_plotly_shows_the_numbers_of_the_frame() -> None:
    pytest.importorskip("plotly")
    bids, asks = figures.to_plotly(LADDER).data
    assert (list(bids.x), list(bids.y), list(asks.x), list(asks.y)) == ([99.0, 98.0], [1.0, 3.0], [100.0], [3.0])
    candles, volume = figures.to_plotly(KLINES).data
    assert [list(candles[name]) for name in ("open", "high", "low", "close")] == [
        KLINES[name].tolist() for name in ("open", "high", "low", "close")
    ]
    assert (list(volume.y), list(pd.to_datetime(candles.x, utc=True))) == ([10.0, 20.0, 30.0], list(TIMES))
    buys, sales = figures.to_plotly(TRADES).data
    assert (list(buys.y), list(sales.y)) == ([100.0, 101.0], [99.0])
    (table,) = figures.to_plotly(LATEST).data
    assert (table.header["values"][0], list(table.cells["values"][0])) == ("<b>symbol</b>", ["A-B", "C-D", "E-F"])


def exact(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame with Decimals, as ``.frame(exact=True).df`` has them."""
    names = [name for name, dtype in frame.dtypes.items() if dtype == "float64"]
    return frame.assign(**{str(name): [Decimal(repr(each)) for each in frame[name]] for name in names})


@pytest.mark.parametrize("kind", ["trades", "best prices", "rows"])
def test_a_figure_of_decimals_is_that_of_floats(kind: str) -> None:
    pytest.importorskip("plotly")
    assert data_of(figures.to_plotly(exact(FRAMES[kind]))) == data_of(figures.to_plotly(FRAMES[kind]))


def data_of(figure: Any) -> list[dict[str, Any]]:
    return [
        {key: value for key, value in trace.items() if key != "uid"} for trace in json.loads(figure.to_json())["data"]
    ]


@pytest.mark.parametrize("widget", [False, True])
@pytest.mark.parametrize("kind", FRAMES)
def test_a_figure_is_drawn_again_into_the_same_one(kind: str, widget: bool) -> None:
    pytest.importorskip("plotly")
    if widget:
        pytest.importorskip("anywidget")
    figure = figures.to_plotly(EMPTY[kind], widget=widget)
    assert figures.to_plotly(FRAMES[kind], into=figure) is figure
    fresh = figures.to_plotly(FRAMES[kind])
    assert data_of(figure) == data_of(fresh)
    assert figure.layout.title == fresh.layout.title


# -- hvPlot ------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of what it rests on
@pytest.mark.parametrize("kind", FRAMES)
def test_hvplot(kind: str) -> None:
    holoviews = pytest.importorskip("holoviews")
    pytest.importorskip("hvplot")
    plot = plots.to_hvplot(FRAMES[kind], width=400)
    assert isinstance(plot, holoviews.core.Dimensioned | holoviews.Layout)
    assert holoviews.render(plot, backend="bokeh") is not None


# -- Arrow, Polars, Parquet --------------------------------------------------------------------------------------

EXACT = labelled(pd.DataFrame({"price": [Decimal("0.10"), Decimal("2.00")]}))


@pytest.mark.parametrize("frame", [*FRAMES.values(), *EMPTY.values(), EXACT])
def test_arrow_and_parquet_give_the_frame_back(frame: pd.DataFrame, tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    path = tables.to_parquet(frame, tmp_path / "frame.parquet")
    through_arrow, through_a_file = tables.to_arrow(frame).to_pandas(), pd.read_parquet(path)
    assert through_a_file.attrs == ATTRS
    assert through_arrow.attrs == (ATTRS if int(pa.__version__.split(".")[0]) >= 22 else {})
    for back in (through_arrow, through_a_file):
        # of no rows there are no categories
        pd.testing.assert_frame_equal(
            back,
            frame,
            check_freq=False,
            check_index_type=False,
            check_dtype=bool(len(frame)),
            check_categorical=bool(len(frame)),
        )


def test_arrow_keeps_nanoseconds_zones_categories_and_whole_numbers() -> None:
    pa = pytest.importorskip("pyarrow")
    schema = tables.to_arrow(TRADES).schema
    assert schema.field("time").type == pa.timestamp("ns", tz="UTC")
    assert pa.types.is_dictionary(schema.field("side").type)
    assert schema.field("sequence").type == pa.int64()
    assert tables.to_arrow(KLINES).schema.field("time").type == pa.timestamp("ns", tz="UTC")


def test_polars() -> None:
    pl = pytest.importorskip("polars")
    pytest.importorskip("pyarrow")
    trades = tables.to_polars(TRADES)
    assert trades.schema["time"] == pl.Datetime("ns", "UTC")
    assert isinstance(trades.schema["side"], pl.Categorical | pl.Enum)
    assert trades["sequence"].to_list() == [2**53 + 1, 2**53 + 2, 2**53 + 3]
    assert trades["time"].to_physical().to_list() == [each.value for each in TRADES["time"]]
    assert tables.to_polars(KLINES)["time"].to_list() == list(TIMES.to_pydatetime())
    assert tables.to_polars(LATEST)["symbol"].to_list() == ["A-B", "C-D", "E-F"]
    assert tables.to_polars(EXACT)["price"].to_list() == [Decimal("0.10"), Decimal("2.00")]


# -- where they stand, and where a library is missing ------------------------------------------------------------


def test_live_frames_and_their_data_frames_have_them(client: ks.Client, tmp_path: Path) -> None:
    for library in ("plotly", "polars", "pyarrow"):
        pytest.importorskip(library)
    book, bars = client.book("BTC-USDT").wait(), client.klines("BTC-USDT", "1min", history=20).wait()
    trades = client.trades("BTC-USDT").frame()
    until(lambda: len(trades) > 2)
    assert max(book.to_plotly().data[0].x) == pytest.approx(book.best_bid, rel=0.01)
    assert [trace.type for trace in bars.df.kucoin.to_plotly().data] == ["candlestick", "bar"]
    assert bars.to_polars().columns[-1] == "time"
    assert trades.to_arrow().schema.names == list(trades.df.columns)
    back = pd.read_parquet(trades.to_parquet(tmp_path / "trades.parquet"))
    assert back.attrs["feed"] == "spot.trades BTC-USDT"
    assert back["price"].tolist() == trades.df["price"].tolist()[: len(back)]


@pytest.mark.parametrize(
    ("library", "way", "hint"),
    [
        ("plotly", figures.to_plotly, "this needs plotly: pip install plotly"),
        ("hvplot", plots.to_hvplot, "this needs hvPlot: pip install hvplot"),
        ("polars", tables.to_polars, "this needs polars: pip install polars pyarrow"),
        ("pyarrow", tables.to_arrow, "this needs pyarrow: pip install 'kucoin-stream[parquet]'"),
    ],
)
def test_what_is_not_installed_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, library: str, way: Any, hint: str
) -> None:
    genuine = builtins.__import__

    def without(name: str, *args: Any) -> Any:
        if name.partition(".")[0] == library:
            raise ImportError(name)
        return genuine(name, *args)

    monkeypatch.setattr(builtins, "__import__", without)
    for name in [each for each in sys.modules if each.partition(".")[0] == library]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(UsageError) as caught:
        way(LADDER)
    assert str(caught.value) == hint
