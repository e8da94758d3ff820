"""Frames as HoloViews plots, by hvPlot.

A plot is a picture of one moment. HoloViews draws it again at an event::

    tick = holoviews.streams.Stream.define("Tick")()
    plot = holoviews.DynamicMap(lambda: book.to_hvplot(), streams=[tick])
    book.stream.rate_limit(1.0).sink(lambda _: tick.event(), thread=True)

hvPlot has the browser fetch bokeh from its CDN. Where there is no way to that, nothing is drawn; load it from this
machine, in a cell of its own at the begin of the notebook, which then holds some megabytes of it::

    holoviews.extension("bokeh", inline=True)
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from kucoin_stream.bridges import kinds
from kucoin_stream.bridges.kinds import missing

_GREEN, _RED = "#17966b", "#d6455d"  # bids and buys, asks and sales


def to_hvplot(frame: pd.DataFrame, **options: Any) -> Any:
    """Return a plot of what the frame is; ``options`` are those of hvPlot.

    Offline nothing is drawn without ``holoviews.extension("bokeh", inline=True)`` in a cell before: see the module.
    Raises :class:`UsageError` where hvPlot is missing.
    """
    try:
        import hvplot.pandas  # noqa: F401  gives frames .hvplot
    except ImportError:
        raise missing("hvPlot", "hvplot") from None
    options = {"title": kinds.title(frame)} | options
    frame = kinds.floats(frame)
    match kinds.kind(frame):
        case "ladder":
            return _ladder(frame, options)
        case "klines":
            return _klines(frame, options)
        case "trades":
            plain = _timed(frame).assign(side=frame["side"].astype(str).to_numpy())
            return plain.hvplot.scatter(x="time", y="price", by="side", color=[_GREEN, _RED], **options)
        case "best prices":
            return _timed(frame).hvplot.step(x="time", y=list(kinds.best(frame) or ()), **options)
        case _:
            return frame.hvplot.table(**options)


def _ladder(frame: pd.DataFrame, options: dict[str, Any]) -> Any:
    plots = [
        pd.DataFrame({"price": prices, "total": totals}).hvplot.area(x="price", y="total", color=colour, **options)
        for (prices, totals), colour in zip(kinds.sides(frame).values(), (_GREEN, _RED), strict=True)
    ]
    return plots[0] * plots[1]


def _klines(frame: pd.DataFrame, options: dict[str, Any]) -> Any:
    bars = _timed(frame)
    prices = bars.hvplot.ohlc(x="time", y=["open", "low", "high", "close"], **options)
    if "volume" not in frame.columns:
        return prices
    return (prices + bars.hvplot.step(x="time", y="volume", title="volume")).cols(1)


def _timed(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with its times as a column ``time`` without zone, which is UTC: bokeh knows no zones."""
    times = kinds.time_of(frame)
    return frame.reset_index(drop=True).assign(time=None if times is None else times.tz_localize(None))
