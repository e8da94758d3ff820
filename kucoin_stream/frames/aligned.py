"""As-of joins of live frames and DataFrames: ``ks.align``."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from kucoin_stream.analytics.columns import is_klines, tops
from kucoin_stream.analytics.intervals import Interval
from kucoin_stream.analytics.joins import asof
from kucoin_stream.errors import UsageError
from kucoin_stream.frames.base import LiveFrame
from kucoin_stream.frames.book import LiveBook
from kucoin_stream.frames.klines import LiveKlines
from kucoin_stream.frames.table import FeedFrame
from kucoin_stream.frames.tops import LiveTops

Source = LiveFrame | pd.DataFrame


def align(
    sources: Sequence[Source] | Mapping[str, Source],
    every: Interval | None = None,
    tolerance: Interval | None = None,
    *,
    start: Any = None,
    end: Any = None,
) -> pd.DataFrame:
    """Return live frames and DataFrames joined on their times: in each row what was known at that moment.

    ``every``: how far the rows are apart, ``"100ms"``, ``"1min"``; without it there is a row for each of the first
    source. ``tolerance``: what is older counts as unknown. :func:`.analytics.joins.asof` says exactly what is joined:
    nothing is known before it happened, so a bar stands only once it is over. Columns bear the name of their source
    before theirs: ``book_bid``, ``trades_price``, ``klines_close``, ``funding_rate_granularity_ms``; of two of one name
    the second is ``trades2``. A mapping gives names of your own: ``ks.align({"spot": a, "perpetual": b}, every="1s")``.

    ``every`` begins with the oldest row of all, such as the first of 500 bars; ``start`` and ``end`` limit it: times,
    or names of sources: ``ks.align(session.frames, every="100ms", start="trades")`` begins with the first trade.

    Of a book the best prices are joined since ``book.tops()`` was first called. Raises :class:`UsageError` for a book
    without that, for a feed (join its ``.frame()``), and for a frame without times.
    """
    named = dict(sources) if isinstance(sources, Mapping) else _named(sources)
    frames = {name: _frame(name, source) for name, source in named.items()}
    return asof(frames, every, tolerance, start=start, end=end)


def _named(sources: Sequence[Source]) -> dict[str, Source]:
    if isinstance(sources, pd.DataFrame | LiveFrame | str) or not isinstance(sources, Iterable):
        raise UsageError("ks.align joins several frames: write ks.align([book.tops(), trades.frame()])")
    named: dict[str, Source] = {}
    for source in sources:
        named[unused(kind(source), named)] = source
    return named


def unused(name: str, taken: Container[str]) -> str:
    """Return ``name``, with the first number behind it that is free where it is taken."""
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}{number}"
    return free


def kind(source: Any) -> str:
    """Return what a source is called where nobody gave it a name."""
    match source:
        case LiveBook() | LiveTops():
            return "book"
        case LiveKlines():
            return "klines"
        case FeedFrame():
            return source.feed.row.name.partition(".")[2]
        case pd.DataFrame() if is_klines(source):
            return "klines"
        case pd.DataFrame() if "price" in source.columns and "side" in source.columns:
            return "trades"
        case pd.DataFrame() if tops(source) is not None:
            return "book"
    return "frame"


def _frame(name: str, source: Any) -> pd.DataFrame:
    match source:
        case pd.DataFrame():
            return source
        case LiveBook():
            if source._tops is None:
                raise UsageError(f"{name}: a book keeps no history by itself; call book.tops() when it begins")
            return source._tops.df
        case FeedFrame(latest=str()):
            raise UsageError(f"{name}: only the latest row of each {source.latest} is kept; join the feed's .frame()")
        case LiveFrame():
            return source.df
    hint = "; write .frame() behind it" if hasattr(source, "frame") else ""
    raise UsageError(f"{name}: {type(source).__name__} is neither a live frame nor a DataFrame{hint}")
