"""Frames as plotly figures.

A figure is a picture of one moment. To keep one current, show it in one cell::

    figure = book.to_plotly(widget=True)
    figure

and have it drawn again into the same widget in the next one, not too often, for plotly draws anew in the browser::

    book.stream.rate_limit(1.0).sink(lambda _: book.to_plotly(into=figure), thread=True)

Not in the cell that shows it: the browser builds the widget of a cell after the cell has run, and plotly sends a figure
only what changes. What it sends before the widget is there is not drawn, and in JupyterLab the figure stays empty.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from kucoin_stream.bridges import kinds
from kucoin_stream.bridges.kinds import missing
from kucoin_stream.errors import UsageError

_GREEN, _RED = "#17966b", "#d6455d"  # bids and buys, asks and sales
_ROWS = 1000  # of a table: browsers show no more with grace


def to_plotly(frame: pd.DataFrame, *, widget: bool = False, into: Any = None, **layout: Any) -> Any:
    """Return a ``plotly.graph_objects.Figure``, with ``widget`` a ``FigureWidget``.

    ``into``: a figure that this returned for a frame of the same kind: it is drawn again and returned. ``layout`` goes
    to ``update_layout``. Raises :class:`UsageError` where plotly is missing, or anywidget for a ``FigureWidget``.
    """
    try:
        from plotly import graph_objects as go
    except ImportError:
        raise missing("plotly", "plotly") from None
    figure = _DRAWN[kinds.kind(frame)](kinds.floats(frame), go)
    figure.update_layout(title=kinds.title(frame), template="plotly_white", **layout)
    if into is not None:
        return _again(figure, into)
    if not widget:
        return figure
    try:
        return go.FigureWidget(figure)
    except ImportError:
        raise missing("anywidget, for plotly's widgets", "anywidget") from None


def _again(figure: Any, into: Any) -> Any:
    """Put what ``figure`` shows into another one, in one message to the browser."""
    if not hasattr(into, "batch_update") or len(into.data) != len(figure.data):
        raise UsageError("into= is what to_plotly() returned for a frame of the same kind")
    with into.batch_update():
        for old, new in zip(into.data, figure.data, strict=True):
            old.update(new.to_plotly_json(), overwrite=True)
        into.layout.title = figure.layout.title
    return into


def _ladder(frame: pd.DataFrame, go: Any) -> Any:
    traces = []
    for (side, (prices, totals)), colour in zip(kinds.sides(frame).items(), (_GREEN, _RED), strict=True):
        line = {"color": colour, "shape": "hv"}
        traces.append(go.Scatter(x=prices, y=totals, name=f"{side}s", mode="lines", line=line, fill="tozeroy"))
    figure = go.Figure(traces)
    figure.update_xaxes(title="price")
    figure.update_yaxes(title="size up to that price", rangemode="tozero")
    return figure


def _klines(frame: pd.DataFrame, go: Any) -> Any:
    from plotly.subplots import make_subplots

    times = _times(frame)
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.75, 0.25], vertical_spacing=0.03)
    prices = {name: frame[name] for name in ("open", "high", "low", "close")}
    colours = {"increasing_line_color": _GREEN, "decreasing_line_color": _RED}
    figure.add_trace(go.Candlestick(x=times, name="price", **prices, **colours), row=1, col=1)
    if "volume" in frame.columns:
        bars = [_GREEN if up else _RED for up in frame["close"] >= frame["open"]]
        figure.add_trace(go.Bar(x=times, y=frame["volume"], name="volume", marker_color=bars), row=2, col=1)
    figure.update_layout(xaxis_rangeslider_visible=False, showlegend=False)
    return figure


def _trades(frame: pd.DataFrame, go: Any) -> Any:
    times, largest = _times(frame), frame["size"].max()
    figure = go.Figure()
    for side, colour in (("buy", _GREEN), ("sell", _RED)):
        of_side = (frame["side"] == side).to_numpy()
        rows = frame[of_side]
        marker = {"color": colour, "size": 4 + 16 * (rows["size"] / largest) ** 0.5, "opacity": 0.6}
        at = times[of_side]
        figure.add_scatter(x=at, y=rows["price"], name=side, mode="markers", marker=marker, text=rows["size"])
    figure.update_yaxes(title="price")
    return figure


def _best_prices(frame: pd.DataFrame, go: Any) -> Any:
    times, names = _times(frame), kinds.best(frame) or ()
    lines = [
        go.Scatter(x=times, y=frame[name], name=name, mode="lines", line={"color": colour, "shape": "hv"})
        for name, colour in zip(names, (_GREEN, _RED), strict=True)
    ]
    return go.Figure(lines)


def _rows(frame: pd.DataFrame, go: Any) -> Any:
    shown = frame.tail(_ROWS)
    if not isinstance(shown.index, pd.RangeIndex):
        shown = shown.reset_index()
    header = {"values": [f"<b>{name}</b>" for name in shown.columns]}
    return go.Figure(go.Table(header=header, cells={"values": [_texts(shown[name]) for name in shown.columns]}))


def _texts(column: pd.Series[Any]) -> list[Any]:
    return (column.astype(str) if column.dtype.kind == "M" else column).tolist()


def _times(frame: pd.DataFrame) -> pd.DatetimeIndex:
    """Return the times of the rows in whole microseconds, which is as far as plotly goes."""
    times = kinds.time_of(frame)
    return pd.DatetimeIndex([]) if times is None else times.floor("us")


_DRAWN = {"ladder": _ladder, "klines": _klines, "trades": _trades, "best prices": _best_prices, "rows": _rows}
