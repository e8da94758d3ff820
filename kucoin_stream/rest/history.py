"""Bars of any span: from the cache what is there, from the exchange what is not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from msgspec import Struct

from kucoin_stream.rest.answers import BARS
from kucoin_stream.rest.cache import Cache, Kept, Shelf, no_bars, utc_time
from kucoin_stream.rest.progress import Progress
from kucoin_stream.rest.spans import Span, holes, joined, periods

SETTLED = 60  # seconds after its end until a bar is kept: trades are told up to 2 s late (protocol.md 4.8)
UNEVEN = ("1week", "1month")
"""Intervals whose begins are documented nowhere: nothing is filled, nothing is kept; ten years are one call."""

_LONGEST_MONTH = 31 * 86_400  # seconds

Fetch = Callable[[int, int], pd.DataFrame]
"""Returns the bars that begin from the first to the last time (Unix s), both within; raises as REST does."""


class Asked(Struct, frozen=True):
    """What is asked for: bars that begin within ``span`` and have ended by its end. ``rows``: most of one call."""

    shelf: Shelf
    span: Span
    rows: int


class Found(Struct, frozen=True):
    """Bars in order, each once, and how many of them were in the cache."""

    bars: pd.DataFrame
    cached: int = 0


def asked(shelf: Shelf, rows: int, begin: pd.Timestamp, end: pd.Timestamp) -> Asked:
    """Return what is asked for between two times."""
    first, last = max(1, -(-begin.value // 10**9)), end.value // 10**9
    if shelf.interval in UNEVEN:
        return Asked(shelf, Span(first, last), rows)
    step = shelf.step
    return Asked(shelf, Span(-(-first // step) * step, last // step * step), rows)


def collect(asked: Asked, fetch: Fetch, cache: Cache | None, now: float) -> Found:
    """Return the bars; what has to be fetched is kept as it comes, page by page. ``now``: the exchange's, Unix s."""
    if asked.shelf.interval in UNEVEN:
        return Found(_ended(asked, _tidy([page for page, _ in _fetched(asked, asked.span, fetch)])))
    kept = [cache.load(asked.shelf, period) for period in periods(asked.span, asked.shelf.step)] if cache else []
    there = _cut(_tidy([each.bars for each in kept]), asked.span)
    missing = holes(asked.span, [span for each in kept for span in each.covered])
    fresh = _Fresh(asked.shelf, cache, int(now) - SETTLED)
    with Progress(f"{asked.shelf.symbol} {asked.shelf.interval}") as bar:
        try:
            for hole in reversed(missing):
                for page, span in _fetched(asked, hole, fetch):
                    fresh.add(_cut(page, span), span)
                    done = sum(span.end - span.begin for span in fresh.covered)
                    bar.show(done, sum(span.end - span.begin for span in missing), fresh.rows)
        finally:
            fresh.flush()  # Ctrl-C: what came is kept, page by page
    return Found(_tidy([there, *fresh.pages]), len(there))


def filled(bars: pd.DataFrame, asked: Asked) -> pd.DataFrame:
    """Return bars with a flat one, at the close before it, where the exchange has none; column ``filled`` says which.

    From the first bar there is on; weeks and months stay as they are.
    """
    if not len(bars) or asked.shelf.interval in UNEVEN:
        return bars.assign(filled=np.zeros(len(bars), dtype=bool))
    step = pd.Timedelta(seconds=asked.shelf.step)
    every = pd.date_range(bars.index[0], utc_time(asked.span.end), freq=step, inclusive="left", name="time", unit="ns")
    every = every.union(pd.DatetimeIndex(bars.index))  # should an exchange ever begin a bar elsewhere
    whole = bars.reindex(every)
    absent = ~every.isin(bars.index)
    close = whole["close"].ffill()
    for name in ("open", "high", "low", "close"):
        whole[name] = whole[name].where(~absent, close)
    whole.loc[absent, ["volume", "turnover"]] = 0.0
    return whole.assign(filled=absent)


class _Fresh:
    """What was fetched, on its way to the cache: written where a month is done, and at the end."""

    def __init__(self, shelf: Shelf, cache: Cache | None, settled: int) -> None:
        self.pages: list[pd.DataFrame] = []
        self.covered: list[Span] = []
        self.rows = 0
        self._shelf = shelf
        self._cache = cache
        self._until = settled // shelf.step * shelf.step
        self._waiting: list[tuple[pd.DataFrame, Span]] = []

    def add(self, page: pd.DataFrame, span: Span) -> None:
        """Take a page; they come newest first. One without any bar is not believed for good, and not kept."""
        self.pages.append(page)
        self.covered.append(span)
        self.rows += len(page)
        if not len(page):
            return
        self._waiting.append((page, span))
        month = next(iter(periods(span, self._shelf.step)))
        if span.begin == month.span.begin or self._waiting[0][1].begin >= month.span.end:
            self.flush()

    def flush(self) -> None:
        """Write what waits, of that the bars that have ended for good."""
        waiting, self._waiting = self._waiting, []
        if self._cache is None or not waiting:
            return
        covered = joined(span.within(Span(0, self._until)) for _, span in waiting)
        if not covered:
            return
        whole = Span(covered[0].begin, covered[-1].end)
        bars = _cut(_tidy([page for page, _ in waiting]), whole)
        for period in periods(whole, self._shelf.step):
            self._cache.keep(self._shelf, period, Kept(bars, covered))


def _fetched(asked: Asked, hole: Span, fetch: Fetch) -> Iterator[tuple[pd.DataFrame, Span]]:
    """Yield the pages of a hole and what they cover, newest first; longer ones where there is nothing."""
    step = asked.shelf.step
    width, end = asked.rows * step, hole.end
    while end > hole.begin:
        begin = max(hole.begin, end - width)
        page = fetch(begin, end - (1 if asked.shelf.interval in UNEVEN else step))
        width = asked.rows * step if len(page) else 2 * width
        yield page, Span(begin, end)
        end = begin


def _tidy(pages: list[pd.DataFrame]) -> pd.DataFrame:
    """Return the bars of all pages in order, each once."""
    some = [page[[*BARS]].astype("float64") for page in pages if len(page)]
    bars = pd.concat(some) if some else no_bars()
    return bars[~bars.index.duplicated()].sort_index()


def _cut(bars: pd.DataFrame, span: Span) -> pd.DataFrame:
    return bars[(bars.index >= utc_time(span.begin)) & (bars.index < utc_time(span.end))]


def _ended(asked: Asked, bars: pd.DataFrame) -> pd.DataFrame:
    """Return weeks or months without the one that goes on: that has no later one, and its time is not over."""
    bars = _cut(bars, asked.span)
    length = asked.shelf.step if asked.shelf.interval == "1week" else _LONGEST_MONTH
    if len(bars) and bars.index[-1] + pd.Timedelta(seconds=length) > utc_time(asked.span.end):
        return bars.iloc[:-1]
    return bars


def attributes(title: str, mode: str, badge: str, bars: pd.DataFrame, cached: int) -> dict[str, Any]:
    """Return the ``attrs`` of a history: six flat values. ``missing``: bars that the exchange has none for."""
    time = pd.Timestamp.now("UTC").isoformat(timespec="milliseconds")
    missing = int(bars["filled"].sum()) if "filled" in bars else 0
    return {"feed": title, "source": mode, "badge": badge, "time": time, "missing": missing, "cached": cached}
