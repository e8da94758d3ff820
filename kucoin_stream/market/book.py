"""An order book: two sides of price levels, best price kept.

A side is two arrays, price keys ascending and sizes beside them, with the best level last: changes happen near the
best price, so an insertion moves few bytes, the best price is the last element, and copying a side is two slices.
Asks are kept under their negated price.

A book from a snapshot of the best 100 levels is *partial*: beyond the worst level of the snapshot nothing is known,
so changes there are left out, and every level that the book holds is right (protocol.md 5.4).
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from msgspec import Struct

from kucoin_stream.protocol.messages.rest import BookSnapshot
from kucoin_stream.protocol.messages.spot import BookDelta, Change, Level

PUBLIC_DEPTH = 100  # levels a side of the public snapshot; a shorter side is a whole side
SAFE_DEPTH = 50  # known levels a side below which a partial book wants a new snapshot
_NEAR = 32  # levels from the best that are searched first
_INFINITY = float("inf")

Floats = np.ndarray[Any, np.dtype[np.float64]]


class Top(Struct, frozen=True, gc=False):
    """Best bid and ask after a change. A side without levels has ``None``."""

    sequence: int | None = None
    bid: float | None = None
    bid_size: float | None = None
    ask: float | None = None
    ask_size: float | None = None

    @property
    def crossed(self) -> bool:
        """Whether the best bid is not below the best ask."""
        return self.bid is not None and self.ask is not None and self.bid >= self.ask


class Levels(Struct, frozen=True):
    """Price levels, best first."""

    sequence: int | None
    bid_prices: Floats
    bid_sizes: Floats
    ask_prices: Floats
    ask_sizes: Floats


class Side:
    """One side of a book, under keys that grow towards the best: prices times ``sign``, 1 for bids, -1 for asks."""

    __slots__ = ("horizon", "keys", "sign", "sizes")

    def __init__(self, sign: float) -> None:
        self.sign = sign
        self.keys = array("d")
        self.sizes = array("d")
        self.horizon = -_INFINITY  # keys below it are not known

    def replace(self, levels: Iterable[Level], complete: bool) -> None:
        """Hold ``levels``, pairs of price and size, instead of what there was."""
        ordered = sorted({price * self.sign: size for price, size in levels if size}.items())
        self.keys = array("d", [key for key, _ in ordered])
        self.sizes = array("d", [size for _, size in ordered])
        self.horizon = -_INFINITY if complete or not ordered else ordered[0][0]

    def change(self, changes: Iterable[Change]) -> None:
        """Set the sizes at prices; size 0 removes a level, price 0 only moves the sequence."""
        keys, sign = self.keys, self.sign
        for price, size, _ in changes:
            if not price:
                continue
            key = price * sign
            end = len(keys)
            near = end - _NEAR
            at = bisect_left(keys, key, near if near > 0 and keys[near] <= key else 0)
            if at < end and keys[at] == key:
                if size:
                    self.sizes[at] = size
                else:
                    del keys[at], self.sizes[at]
            elif size and key >= self.horizon:
                keys.insert(at, key)
                self.sizes.insert(at, size)

    @property
    def running_out(self) -> bool:
        """Whether the market is about to leave what is known."""
        return len(self.keys) < SAFE_DEPTH and self.horizon != -_INFINITY

    def best(self, depth: int | None) -> tuple[array[float], array[float]]:
        """Return copies of keys and sizes of the ``depth`` best levels, best last."""
        if depth is None or depth >= len(self.keys):
            return self.keys[:], self.sizes[:]
        start = len(self.keys) - depth
        return self.keys[start:], self.sizes[start:]


class OrderBook:
    """The book of one symbol. Lives on the loop thread."""

    __slots__ = ("asks", "bids", "partial", "sequence", "time_ms")

    def __init__(self) -> None:
        self.bids = Side(1.0)
        self.asks = Side(-1.0)
        self.sequence: int | None = None
        self.time_ms: int | None = None
        self.partial = False

    def restart(self, snapshot: BookSnapshot, *, complete: bool, depth: int | None = None) -> None:
        """Hold the levels of ``snapshot``; ``complete`` tells whether these are all that the changes will speak of.

        If not, a side of ``depth`` levels (by default those of the public spot snapshot) was cut there.
        """
        bids, asks = snapshot.bids or (), snapshot.asks or ()
        depth = PUBLIC_DEPTH if depth is None else depth
        self.bids.replace(bids, complete or len(bids) < depth)
        self.asks.replace(asks, complete or len(asks) < depth)
        self.sequence = snapshot.sequence
        self.time_ms = snapshot.time_ms
        self.partial = not complete

    def apply(self, deltas: Iterable[BookDelta]) -> None:
        """Apply the next changes in line."""
        bids, asks = self.bids, self.asks
        for delta in deltas:
            changes = delta.changes
            if changes.bids:
                bids.change(changes.bids)
            if changes.asks:
                asks.change(changes.asks)
            self.sequence = delta.sequence_end
            self.time_ms = delta.time_ms

    @property
    def running_out(self) -> bool:
        """Whether a partial book needs a new snapshot soon."""
        return self.bids.running_out or self.asks.running_out

    @property
    def reaches(self) -> bool:
        """Whether a partial book still knows the best price of both sides."""
        return all(side.keys or side.horizon == -_INFINITY for side in (self.bids, self.asks))

    def top(self) -> Top:
        """Return the best level of each side."""
        bids, asks = self.bids, self.asks
        if bids.keys and asks.keys:
            return Top(self.sequence, bids.keys[-1], bids.sizes[-1], -asks.keys[-1], asks.sizes[-1])
        bid, bid_size = (bids.keys[-1], bids.sizes[-1]) if bids.keys else (None, None)
        ask, ask_size = (-asks.keys[-1], asks.sizes[-1]) if asks.keys else (None, None)
        return Top(self.sequence, bid, bid_size, ask, ask_size)

    def copy(self, depth: int | None = None) -> tuple[int | None, Sequence[array[float]]]:
        """Return the sequence and plain copies; make :class:`Levels` of them with :func:`levels` in any thread."""
        return self.sequence, (*self.bids.best(depth), *self.asks.best(depth))


def levels(copied: tuple[int | None, Sequence[array[float]]]) -> Levels:
    """Return what :meth:`OrderBook.copy` gave as numpy arrays, best first."""
    sequence, (bid_keys, bid_sizes, ask_keys, ask_sizes) = copied
    return Levels(
        sequence,
        _floats(bid_keys),
        _floats(bid_sizes),
        -_floats(ask_keys),
        _floats(ask_sizes),
    )


def _floats(values: array[float]) -> Floats:
    return np.frombuffer(values)[::-1] if values else np.empty(0)


def imbalance(bid_sizes: Floats, ask_sizes: Floats) -> float:
    """(bids - asks) / (bids + asks) of the sizes given: from -1 to 1, or NaN where there are none."""
    bids, asks = float(bid_sizes.sum()), float(ask_sizes.sum())
    return (bids - asks) / (bids + asks) if bids + asks else float("nan")
