"""Compares a book that is kept from increments with a snapshot of the exchange, at an equal sequence."""

from __future__ import annotations

import asyncio
from typing import Protocol

import pandas as pd
from msgspec import Struct

from kucoin_stream.errors import NotReadyError, RequestError, UsageError
from kucoin_stream.market.book import OrderBook, Side
from kucoin_stream.protocol.bookfeeds import BookFeed
from kucoin_stream.protocol.booksync import Pushed
from kucoin_stream.protocol.messages.rest import BookSnapshot
from kucoin_stream.protocol.messages.spot import BookDelta

_TRIES = 5  # snapshots that may be older than the book, and times that it may begin anew
_PAUSE = 0.5  # seconds between two
_CATCHING_UP = 10.0  # seconds until the book must have come to the snapshot's sequence
_LOOK = 0.01  # seconds


class Wrong(Struct, frozen=True):
    """A level on which book and exchange differ; 0: there is none at this price."""

    side: str
    price: float
    size: float
    exchange_size: float


class Audit(Struct, frozen=True):
    """What a comparison found: ``compared`` price levels at ``sequence``, of which those in ``wrong`` differ.

    ``failed``: why there was none, where the book was to be audited every so often.
    """

    symbol: str
    sequence: int
    compared: int
    wrong: tuple[Wrong, ...] = ()
    failed: str = ""

    @property
    def ok(self) -> bool:
        """Whether all levels are equal."""
        return not (self.wrong or self.failed)

    @property
    def df(self) -> pd.DataFrame:
        """The levels that differ: ``side``, ``price``, ``size`` here, ``exchange_size``."""
        rows = [(each.side, each.price, each.size, each.exchange_size) for each in self.wrong]
        return pd.DataFrame(rows, columns=["side", "price", "size", "exchange_size"])

    def __repr__(self) -> str:
        if self.failed:
            return f"<Audit {self.symbol} | failed: {self.failed}>"
        found = f"{len(self.wrong)} of {self.compared} levels differ" if self.wrong else f"{self.compared} levels equal"
        return f"<Audit {self.symbol} | sequence {self.sequence} | {found}>"


class Audited(Protocol):
    """What is asked of the keeper of a book. Lives on the loop thread."""

    symbol: str
    taps: list[list[Pushed]]
    """To each of these it adds every change that comes."""

    restarts: int
    """How many times it has begun from a snapshot."""

    async def fetch(self) -> BookSnapshot:
        """Fetch a snapshot; raises :class:`KucoinStreamError`."""

    def started(self, snapshot: BookSnapshot) -> OrderBook:
        """Return the book that begins with a snapshot."""

    def window(self) -> int | None:
        """How many levels a side the changes speak of at most; ``None``: all."""

    @property
    def whole(self) -> OrderBook:
        """The book; raises :class:`NotReadyError` where it is not right."""


def check_auditable(feed: BookFeed, *, signed: bool) -> None:
    """Raise what no audit of such a book gets past.

    :class:`UsageError` where it is pushed whole each time; :class:`RequestError` where its snapshots need an API key.
    """
    if feed.snapshots == "each":
        raise UsageError(f"{feed.topic} is pushed whole each time: there is nothing to compare")
    if feed.reference(signed=signed) is None:
        raise RequestError(f"the snapshot of {feed.topic} needs an API key; pass key=, secret=, passphrase=")


async def compare(keeper: Audited) -> Audit:
    """Fetch a snapshot, bring it to where the book is by the same changes, and compare every level that both know.

    A change of several sequences, which the snapshot is in the middle of, does not tell what came and went within it:
    where levels differ then, another snapshot is asked for, a few times.
    Raises :class:`NotReadyError` where the book is not right, or no snapshot is as new as the book within some
    seconds; :class:`KucoinStreamError` where none is to be had.
    """
    audit: Audit | None = None
    for _ in range(_TRIES):
        pair = await _brought_together(keeper)
        if pair is None:
            audit = None
            continue
        book, other, torn = pair
        audit = _compared(keeper, book, other)
        if audit.ok or not torn:
            return audit
    if audit is None:
        raise NotReadyError("the book begins anew again and again; try again")
    return audit


async def _brought_together(keeper: Audited) -> tuple[OrderBook, OrderBook, bool] | None:
    """Return the book, and one from a fresh snapshot, at an equal sequence; ``None`` where it began anew meanwhile.

    Also whether a change reaches over the snapshot's sequence.
    """
    tap: list[Pushed] = []
    begin, restarts = keeper.whole.sequence or 0, keeper.restarts
    keeper.taps.append(tap)
    try:
        snapshot = await _snapshot(keeper, begin)
        book = await _reached(keeper, snapshot.sequence)
    finally:
        keeper.taps = [each for each in keeper.taps if each is not tap]  # another audit's may hold the same
    if keeper.restarts != restarts:
        return None
    other, torn = keeper.started(snapshot), False
    for change in tap:
        if isinstance(change, BookDelta) and change.sequence_end > (other.sequence or 0):
            torn = torn or change.sequence_start <= snapshot.sequence
            other.apply([change])
    return book, other, torn


def _compared(keeper: Audited, book: OrderBook, other: OrderBook) -> Audit:
    window, wrong, compared = keeper.window(), [], 0
    for name, ours, theirs in (("bid", book.bids, other.bids), ("ask", book.asks, other.asks)):
        count, differ = _differences(name, ours, theirs, window)
        compared += count
        wrong += differ
    return Audit(keeper.symbol, book.sequence or 0, compared, tuple(wrong))


async def _snapshot(keeper: Audited, least: int) -> BookSnapshot:
    for _ in range(_TRIES):
        snapshot = await keeper.fetch()
        if snapshot.sequence >= least:
            return snapshot
        await asyncio.sleep(_PAUSE)
    raise NotReadyError("the exchange's snapshots are older than the book; try again")


async def _reached(keeper: Audited, sequence: int) -> OrderBook:
    """Return the book once it has come to ``sequence``."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _CATCHING_UP
    while ((book := keeper.whole).sequence or 0) < sequence:
        if loop.time() > deadline:
            raise NotReadyError(f"the book has not come to the snapshot's sequence within {_CATCHING_UP:g} s")
        await asyncio.sleep(_LOOK)
    return book


def _differences(name: str, ours: Side, theirs: Side, window: int | None) -> tuple[int, list[Wrong]]:
    """Compare the levels that both sides know."""
    horizon = max(ours.horizon, theirs.horizon)
    if window is not None and len(ours.keys) >= window:
        horizon = max(horizon, ours.keys[-window])
    here, there = (
        {key: size for key, size in zip(side.keys, side.sizes, strict=True) if key >= horizon}
        for side in (ours, theirs)
    )
    prices = sorted(here.keys() | there.keys(), reverse=True)
    wrong = [
        Wrong(name, key * ours.sign, here.get(key, 0.0), there.get(key, 0.0))
        for key in prices
        if here.get(key) != there.get(key)
    ]
    return len(prices), wrong
