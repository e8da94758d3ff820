"""The kinds of order book that KuCoin pushes, and how each becomes what sync and book take (protocol.md 5).

A row of :data:`FEEDS` per kind. :attr:`BookFeed.read` turns a payload into a :class:`BookDelta` or a
:class:`BookSnapshot`, :meth:`BookFeed.sync` keeps their order, and a snapshot that has to be fetched comes from
:meth:`BookFeed.seed`. Sizes stay as they come: base coins on spot, contracts on futures.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Literal

from msgspec import Struct

from kucoin_stream.errors import RemoteProtocolError, printable
from kucoin_stream.protocol.booksync import BookSync, Pushed, PushedBookSync, ReplacedBookSync
from kucoin_stream.protocol.messages import futures, pro, spot
from kucoin_stream.protocol.messages.rest import BookAnswer, BookSnapshot, FuturesBook, UnifiedBook
from kucoin_stream.protocol.messages.spot import BookDelta, Change, Changes, Level

Market = Literal["spot", "futures"]
Snapshots = Literal["rest", "stream", "each"]
"""Where snapshots come from: fetched, in the stream before its changes, or every push is one."""


class Seed(Struct, frozen=True):
    """A REST call that gives a snapshot, on the host of ``market``. ``depth``: levels a side; ``None``: all."""

    market: Market
    path: str
    answer: type[BookAnswer]
    signed: bool = False
    depth: int | None = None
    options: tuple[tuple[str, str], ...] = ()

    def query(self, symbol: str) -> dict[str, str]:
        """Return the parameters of the call."""
        return {"symbol": symbol, **dict(self.options)}


class BookFeed(Struct, frozen=True):
    """How one kind of book is pushed.

    ``topic`` is its row in the catalogue. ``levels`` is how many best levels a side the stream speaks of; ``None``:
    all. ``read`` makes of a payload what sync and book take, and raises :class:`RemoteProtocolError`; ``None``: the
    payload is a :class:`BookDelta` as it comes.
    """

    topic: str
    market: Market
    snapshots: Snapshots
    read: Callable[[Any], Pushed] | None
    levels: int | None = None
    seeds: tuple[Seed, ...] = ()  # what it begins with, best first
    references: tuple[Seed, ...] = ()  # what it can be compared with, beside those

    @property
    def contiguous(self) -> bool:
        """Whether each message must follow on the one before: wherever there are changes."""
        return self.snapshots != "each"

    def seed(self, *, signed: bool) -> Seed | None:
        """Return the best snapshot to be fetched, with or without a key; ``None`` where there is none."""
        return _best(self.seeds, signed)

    def reference(self, *, signed: bool) -> Seed | None:
        """Return the best snapshot that the book can be compared with, as :meth:`seed`."""
        return _best(self.seeds + self.references, signed)

    def known(self, *, signed: bool) -> int | None:
        """Return after how many levels a side a snapshot is cut, changes beyond being pushed; ``None``: nowhere.

        For :meth:`OrderBook.restart`: ``complete=known is None, depth=known``.
        """
        if self.snapshots == "each":
            return self.levels
        seed = self.seed(signed=signed)
        return seed.depth if seed else None

    def sync(self) -> BookSync:
        """Return a new sync for a book of this kind."""
        return _SYNCS[self.snapshots]()


def _best(seeds: tuple[Seed, ...], signed: bool) -> Seed | None:
    return next((seed for seed in seeds if signed or not seed.signed), None)


_SYNCS: dict[Snapshots, Callable[[], BookSync]] = {
    "rest": BookSync,
    "stream": PushedBookSync,
    "each": ReplacedBookSync,
}


# -- payloads ----------------------------------------------------------------------------------------------------

_CHANGE = re.compile(
    r"([0-9.eE+-]{1,40}),(buy|sell)?,([0-9.eE+-]{1,40})", re.ASCII | re.IGNORECASE
)  # a filler may name no side
_LARGEST = 1e24  # as messages.Amount


def futures_delta(change: futures.BookChange) -> BookDelta:
    """Return the one change of a futures push; price 0 only moves the sequence (4.22)."""
    text, sequence = change.change, change.sequence
    match = _CHANGE.fullmatch(text)
    if match is None:
        raise _unreadable(text)
    try:
        price, size = float(match[1]), float(match[3])
    except ValueError:
        raise _unreadable(text) from None
    if not (0 <= price <= _LARGEST and 0 <= size <= _LARGEST):
        raise _unreadable(text)
    asks: list[Change] = []
    bids: list[Change] = []
    if price:
        side = match[2]  # a filler may have none
        if side is None:
            raise _unreadable(text)
        (bids if side[0] in "bB" else asks).append((price, size, sequence))
    return BookDelta(change.symbol, Changes(asks, bids), sequence, sequence, change.timestamp_ms)


def pro_delta(book: pro.Book) -> BookDelta:
    """Return the changes of a Pro frame in their order, each with the frame's last sequence (5.6)."""
    end = book.end
    if book.start > end:
        raise RemoteProtocolError(f"a book's change from sequence {book.start} back to {end}")
    asks = [(level[0], level[1], end) for level in book.asks or ()]
    bids = [(level[0], level[1], end) for level in book.bids or ()]
    return BookDelta(book.symbol, Changes(asks, bids), book.start, end, _ms(book.time_ns))


def pro_snapshot(book: pro.Book) -> BookSnapshot:
    """Return the whole of a Pro frame (5.6).

    Where RPI orders are told apart they are left out, and levels of nothing else with them: they are not for users of
    the API to trade with, and may cross the book.
    """
    return BookSnapshot(book.end, _two(book.bids), _two(book.asks), _ms(book.time_ns))


def spot_depth(depth: spot.BookDepth) -> BookSnapshot:
    """Return the best levels of a spot book; it has no sequence, which is 0 (4.4)."""
    return BookSnapshot(0, depth.bids, depth.asks, depth.timestamp_ms)


def futures_depth(depth: futures.BookDepth) -> BookSnapshot:
    """Return the best levels of a futures book; sequence 0 where it has none (4.23)."""
    time_ms = depth.timestamp_ms if depth.timestamp_ms is not None else depth.ts_ms
    return BookSnapshot(depth.sequence or 0, depth.bids, depth.asks, time_ms)


def pro_push(book: pro.Book) -> Pushed:
    """Return the snapshot or the changes that a Pro frame says it is."""
    match book.kind:
        case "delta":
            return pro_delta(book)
        case "snapshot":
            return pro_snapshot(book)
    raise RemoteProtocolError(f"a book's push that is neither snapshot nor delta: {printable(book.kind, 40)!r}")


def span(change: BookDelta | futures.BookChange | pro.Book) -> tuple[int | None, int]:
    """Return the sequences of a book's push, first and last; a snapshot follows on nothing."""
    match change:
        case BookDelta():
            return change.sequence_start, change.sequence_end
        case futures.BookChange():
            return change.sequence, change.sequence
        case pro.Book():
            return None if change.kind == "snapshot" else change.start, change.end


def _unreadable(text: str) -> RemoteProtocolError:
    return RemoteProtocolError(f"not a 'price,side,size': {printable(text, 80)!r}")


def _two(levels: list[pro.Level] | None) -> list[Level] | None:
    return [(level[0], level[1]) for level in levels] if levels else None


def _ms(time_ns: int | None) -> int | None:
    return None if time_ns is None else time_ns // 1_000_000


# -- the table ---------------------------------------------------------------------------------------------------

SPOT_WHOLE = Seed("spot", "/api/v3/market/orderbook/level2", BookSnapshot, signed=True)
SPOT_PUBLIC = Seed("spot", "/api/v1/market/orderbook/level2_100", BookSnapshot, depth=100)
FUTURES_WHOLE = Seed("futures", "/api/v1/level2/snapshot", FuturesBook)

# "documented as public, in practice only signed calls are served" (5.6); on the spot host for both markets
_UNIFIED = "/api/ua/v1/market/orderbook"
SPOT_UNIFIED = Seed("spot", _UNIFIED, UnifiedBook, True, None, (("tradeType", "SPOT"), ("limit", "FULL")))
FUTURES_UNIFIED = Seed("spot", _UNIFIED, UnifiedBook, True, None, (("tradeType", "FUTURES"), ("limit", "FULL")))


def _pro(market: Market, prefix: str, seeds: tuple[Seed, ...]) -> tuple[BookFeed, ...]:
    return (
        BookFeed(f"{prefix}.level2", market, "stream", pro_push, levels=500, references=seeds),
        BookFeed(f"{prefix}.level2_realtime", market, "rest", pro_push, seeds=seeds),
        *(BookFeed(f"{prefix}.book{levels}", market, "each", pro_snapshot, levels) for levels in (1, 5, 50)),
    )


FEEDS: dict[str, BookFeed] = {
    feed.topic: feed
    for feed in (
        BookFeed("spot.level2", "spot", "rest", None, seeds=(SPOT_WHOLE, SPOT_PUBLIC)),
        BookFeed("spot.depth5", "spot", "each", spot_depth, levels=5),
        BookFeed("spot.depth50", "spot", "each", spot_depth, levels=50),
        BookFeed("spot.call_auction_book", "spot", "each", spot_depth, levels=50),
        BookFeed("futures.level2", "futures", "rest", futures_delta, seeds=(FUTURES_WHOLE,)),
        BookFeed("futures.depth5", "futures", "each", futures_depth, levels=5),
        BookFeed("futures.depth50", "futures", "each", futures_depth, levels=50),
        *_pro("spot", "pro_spot", (SPOT_UNIFIED,)),
        # Pro, classic and REST share the sequences of futures (5.6, probed), and the classic snapshot needs no key
        *_pro("futures", "pro_futures", (FUTURES_WHOLE, FUTURES_UNIFIED)),
    )
}
"""All kinds of book by their topic: ``spot.level2``, ``pro_spot.level2``, ..."""
