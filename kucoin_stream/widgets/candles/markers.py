"""Markers on candles: fills, signals, whatever has a time and a price."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from msgspec import Struct

from kucoin_stream.analytics.columns import floats, time_column, times
from kucoin_stream.errors import UsageError
from kucoin_stream.widgets.drawing.html import clean

MOST = 200  # markers in one picture: the newest ones


class Marker(Struct, frozen=True):
    """A marker; ``bar`` counts the bars shown before its own."""

    time_s: float
    price: float
    side: str  # "buy", "sell" or ""
    text: str
    bar: int


class Markers:
    """Reads a DataFrame once, a live frame when it has changed. One thread at a time.

    Columns: ``time`` (or an index of times), ``price``; if there, ``side``, ``text`` (else ``size``) and ``symbol``.
    """

    def __init__(self, source: Any, symbol: str) -> None:
        """``symbol``: rows of others are left out. Raises :class:`UsageError` for what are no markers."""
        self._source = source
        self._symbol = symbol
        self._version: object = object()  # unlike any
        self._rows: list[tuple[float, float, str, str]] = []
        if isinstance(source, pd.DataFrame):
            self._rows = rows(source, symbol)
        elif not hasattr(type(source), "df"):
            raise UsageError(f"markers= is {type(source).__name__}: pass a DataFrame, or a live frame such as fills()")
        else:
            self._refresh()

    @property
    def version(self) -> object:
        """Changes with the live frame that the markers come from."""
        return getattr(self._source, "version", None)

    def among(self, starts: Sequence[int], step: int) -> tuple[Marker, ...]:
        """Return those within the bars that begin at ``starts`` (Unix s) and last ``step`` seconds, oldest first."""
        if not isinstance(self._source, pd.DataFrame):
            self._refresh()
        if not starts:
            return ()
        end = starts[-1] + step
        known = [row for row in self._rows if starts[0] <= row[0] < end]
        return tuple(Marker(*row, bisect_right(starts, row[0]) - 1) for row in known[-MOST:])

    def _refresh(self) -> None:
        if (version := self.version) != self._version:
            self._rows = rows(self._source.df, self._symbol)
            self._version = version


def rows(frame: pd.DataFrame, symbol: str) -> list[tuple[float, float, str, str]]:
    """Return Unix time in s, price, side and text of each row of ``symbol`` with a price, oldest first."""
    if not len(frame.columns) and not len(frame):
        return []
    timed = isinstance(frame.index, pd.DatetimeIndex) or time_column(frame) is not None
    if "price" not in frame.columns or (len(frame) and not timed):
        raise UsageError(f"markers need columns 'time' and 'price'; there are: {', '.join(map(str, frame.columns))}")
    if "symbol" in frame.columns:
        frame = frame[(frame["symbol"] == symbol).to_numpy(bool)]
    known, prices = times(frame) / 1e9, floats(frame, "price")
    sides, texts = _texts(frame, "side"), _texts(frame, "text" if "text" in frame.columns else "size")
    real = np.isfinite(prices)
    order = np.argsort(known, kind="stable")
    return [
        (float(known[i]), float(prices[i]), side if (side := sides[i].lower()) in ("buy", "sell") else "", texts[i])
        for i in order[real[order]].tolist()
    ]


def _texts(frame: pd.DataFrame, name: str) -> list[str]:
    if name not in frame.columns:
        return [""] * len(frame)
    return [_text(value) for value in frame[name].astype(object)]


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.10g}" if value == value else ""
    return "" if value is None or value is pd.NA else clean(value, 60)
