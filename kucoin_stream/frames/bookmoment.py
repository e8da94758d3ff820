"""A kept book beside its levels: what is wrong with it, and all of it at a moment of a tape."""

from __future__ import annotations

from msgspec import Struct

from kucoin_stream.market.book import OrderBook
from kucoin_stream.protocol.booksync import BookSync


class Problems(Struct):
    """Why a book is not right; nothing where there is no such reason."""

    trouble: str = ""
    """Why there is no right book, after there was one."""

    snapshot: str = ""
    """The error of the last snapshot that was fetched."""

    refused: str = ""

    def status(self, sync: BookSync, book: OrderBook) -> str:
        """Return the state of a book, as :attr:`LiveBook.status` tells it."""
        if self.refused:
            return self.refused
        if not sync.live:
            syncing = self.trouble or "syncing"
            return f"{syncing}: {self.snapshot}" if self.snapshot else syncing
        if not book.partial:
            return "live"
        return "partial" if book.reaches else "resyncing: the market left the known levels"


class BookMoment(Struct, frozen=True):
    """A book as it was at a moment of a tape."""

    sync: BookSync
    book: OrderBook
    problems: Problems
    counted: tuple[int, int, int] = (0, 0, 0)  # updates, gaps, snapshots
