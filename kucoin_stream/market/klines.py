"""Bars of one symbol and interval: history and live updates joined without gap or double row.

The exchange sends a bar for an interval without trades only sometimes, and its history leaves such intervals out. So
a missing interval between two bars becomes a flat one, at the close before it and without volume: the exchange's own
form (protocol.md 4.8). A week or a month has no such filling: their begin is not documented.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import TypeAlias

from kucoin_stream.market.ring import Ring
from kucoin_stream.protocol.messages import futures
from kucoin_stream.protocol.messages.spot import Candle
from kucoin_stream.protocol.topics import INTERVALS

Bar: TypeAlias = Candle | futures.Candle
"""A bar of either market, read by name: the order of their columns differs."""

COLUMNS = {"start_s": "q", "open": "d", "high": "d", "low": "d", "close": "d", "volume": "d", "turnover": "d"}
_UNFILLED = ("1week", "1month")


class KlineSeries:
    """The latest ``maxlen`` bars, oldest first. Lives on the loop thread."""

    def __init__(self, interval: str, maxlen: int) -> None:
        self.interval = interval
        self.step = 0 if interval in _UNFILLED else INTERVALS[interval]  # seconds
        self.ring = Ring(COLUMNS, maxlen)

    def __len__(self) -> int:
        return len(self.ring)

    @property
    def last_start(self) -> int | None:
        """Begin of the newest bar, in Unix seconds."""
        return int(self.ring.last()[0]) if len(self.ring) else None

    def update(self, bar: Bar) -> bool:
        """Take a live bar; return whether anything changed. A bar older than the newest is merged into its place."""
        last = self.last_start
        if last is None or bar.start_s > last:
            previous = None if last is None else _candle(self.ring.last())
            for each in _filled(previous, bar, self.step, self.ring.maxlen):
                self.ring.append(_row(each))
            return True
        if bar.start_s < last:
            return self.merge([bar])
        if bar.volume < self.ring.last()[5]:
            return False  # late: a bar's volume only grows
        self.ring.replace(-1, _row(bar))
        return True

    def merge(self, bars: Iterable[Bar]) -> bool:
        """Join bars from history, in any order; of two for the same interval the one with more volume is newer.

        Costs as many rows as there are from the earliest of ``bars`` on. Returns whether anything changed.
        """
        offered = list(bars)
        if not offered:
            return False
        kept = max(0, self.ring.below(min(bar.start_s for bar in offered)) - 1)
        there = [_candle(row) for row in self.ring.cut(kept)]
        known: dict[int, Bar] = {bar.start_s: bar for bar in there}
        made = self._made(there)
        changed = False
        for bar in offered:
            present = known.get(bar.start_s)
            if present is None or bar.volume > present.volume:
                known[bar.start_s] = bar
                made.discard(bar.start_s)
                changed = True
        previous: Bar | None = None
        for bar in [known[start] for start in sorted(known.keys() - made)] if changed else there:
            for each in _filled(previous, bar, self.step, self.ring.maxlen):
                self.ring.append(_row(each))
                previous = each
        return changed

    def __iter__(self) -> Iterator[Candle]:
        columns = self.ring.arrays()
        for row in zip(*(column.tolist() for column in columns.values()), strict=True):
            yield _candle(row)

    def _made(self, bars: Sequence[Candle]) -> set[int]:
        """Return the begins of bars that only repeat the close before them: a change of that close changes them."""
        if not self.step:
            return set()
        pairs = pairwise(bars)
        repeated = {bar.start_s for before, bar in pairs if not bar.volume and bar == _flat(bar.start_s, before.close)}
        return repeated - {bars[-1].start_s if bars else None}  # no later bar would make that one again


def _filled(previous: Bar | None, bar: Bar, step: int, limit: int) -> Iterator[Bar]:
    """Yield flat bars for the intervals between ``previous`` and ``bar``, ``limit`` at most, then ``bar``."""
    if previous is not None and step:
        for start in range(max(previous.start_s, bar.start_s - limit * step) + step, bar.start_s, step):
            yield _flat(start, previous.close)
    yield bar


def _flat(start: int, close: float) -> Candle:
    return Candle(start, close, close, close, close, 0.0, 0.0)


def _row(bar: Bar) -> tuple[float, ...]:
    return bar.start_s, bar.open, bar.high, bar.low, bar.close, bar.volume, bar.turnover


def _candle(row: tuple[float, ...]) -> Candle:
    start, open_, high, low, close, volume, turnover = row
    return Candle(int(start), open_, close, high, low, volume, turnover)
