"""The plain book that the real ones are held against."""

from __future__ import annotations

from kucoin_stream.market.book import OrderBook, levels
from kucoin_stream.protocol.messages.rest import BookSnapshot
from kucoin_stream.protocol.messages.spot import BookDelta, Changes

Side = dict[float, float]


class Reference:
    """An exchange's book as plain as can be, and all its changes."""

    def __init__(self) -> None:
        self.bids: Side = {}
        self.asks: Side = {}
        self.sequence = 100
        self.history: dict[int, tuple[Side, Side]] = {}
        self.note()

    def note(self) -> None:
        self.history[self.sequence] = (dict(self.bids), dict(self.asks))

    def change(self, side: str, price: float, size: float) -> BookDelta:
        return self.changes([(side, price, size)])

    def changes(self, several: list[tuple[str, float, float]]) -> BookDelta:
        """Change levels, one sequence each, and return the message. Price 0 is a filler."""
        start = self.sequence + 1
        lists: dict[str, list[tuple[float, float, int]]] = {"bids": [], "asks": []}
        for side, price, size in several:
            self.sequence += 1
            lists[side].append((price, size, self.sequence))
            levels_ = self.bids if side == "bids" else self.asks
            if price and size:
                levels_[price] = size
            elif price:
                levels_.pop(price, None)
            self.note()
        return BookDelta("A-B", Changes(lists["asks"], lists["bids"]), start, self.sequence)

    def snapshot(self, depth: int | None = None, sequence: int | None = None) -> BookSnapshot:
        sequence = self.sequence if sequence is None else sequence
        bids, asks = self.history[sequence]
        return BookSnapshot(
            sequence, bids=sorted(bids.items(), reverse=True)[:depth], asks=sorted(asks.items())[:depth]
        )


def held(book: OrderBook) -> tuple[Side, Side]:
    known = levels(book.copy())
    return (
        dict(zip(known.bid_prices.tolist(), known.bid_sizes.tolist(), strict=True)),
        dict(zip(known.ask_prices.tolist(), known.ask_sizes.tolist(), strict=True)),
    )
