"""What a client shows while something goes wrong: its books, feeds with their news, and its audit of gaps."""

from __future__ import annotations

from typing import Any

import kucoin_stream as ks
from kucoin_stream.frames.bookkeeper import RIGHT
from kucoin_stream.market.book import levels
from kucoin_stream.protocol.bookfeeds import span
from kucoin_stream.protocol.events import News
from tests.faults.truth import FUTURES, LEVEL2, OTHER, PRO, SPOT, TRADES, Book

Sample = tuple[str, int | None, Book]
"""Of a book: its status, and if that is right its sequence and levels."""


class Shown:
    """Books and feeds of one client, and what their readers saw."""

    def __init__(self, client: ks.Client, *, pro: bool = False) -> None:
        self.client = client
        self.books = {
            SPOT: client.book(SPOT, source="classic"),
            OTHER: client.book(OTHER, source="classic"),
            FUTURES: client.book(FUTURES),
        }
        if pro:
            self.books[PRO] = client.book(SPOT, source="pro")
        self.feeds = {
            TRADES[SPOT]: client.trades(SPOT, news=True),
            TRADES[FUTURES]: client.trades(FUTURES, news=True),
            LEVEL2[SPOT]: client.level2(SPOT),
            LEVEL2[FUTURES]: client.level2(FUTURES),
        }
        self.seen: dict[str, list[Any]] = {topic: [] for topic in self.feeds}
        for topic, feed in self.feeds.items():
            feed.sink(self.seen[topic].append)

    def statuses(self) -> dict[str, str]:
        """Return how everything is."""
        return {str(name): each.status for name, each in (*self.books.items(), *self.feeds.items())}

    def sample(self, symbol: str) -> Sample:
        """Return a book as it is at one moment."""
        status, copied = self.client.engine.call(_copy, self.books[symbol]._keeper)
        if copied is None:
            return status, None, {}
        known = levels(copied)
        asks, bids = known.ask_prices.tolist(), known.bid_prices.tolist()
        assert asks == sorted(asks)
        assert bids == sorted(bids, reverse=True)
        sides = (asks, known.ask_sizes.tolist()), (bids, known.bid_sizes.tolist())
        return (
            status,
            known.sequence,
            {
                name: dict(zip(prices, sizes, strict=True))
                for name, (prices, sizes) in zip(("asks", "bids"), sides, strict=True)
            },
        )

    def ids(self, topic: str) -> list[int | None]:
        """Return what identifies the messages seen, with ``None`` for news of a loss."""
        incremental = topic in LEVEL2.values()
        return [
            None if isinstance(each, News) else span(each)[1] if incremental else int(each.sequence)
            for each in self.seen[topic].copy()
        ]

    def latest(self, topic: str) -> int:
        """Return what identifies the last message seen; 0 where there was none."""
        return next((each for each in reversed(self.ids(topic)) if each is not None), 0)

    def gaps(self) -> list[dict[str, Any]]:
        """Return the audit's rows, and when each gap ended, if it has, in Unix seconds."""
        rows = self.client.gaps().to_dict("records")
        names = ("topic", "part", "cause", "healed_by", "duration")
        ends = [row["to"].timestamp() if row["to"] == row["to"] else None for row in rows]
        return [{name: row[name] for name in names} | {"to": end} for row, end in zip(rows, ends, strict=True)]

    def statistics(self) -> dict[str, Any]:
        """Return the client's counters."""
        return self.client.statistics()


def _copy(keeper: Any) -> tuple[str, Any]:
    status = keeper.state.status
    return status, keeper.copy(None) if status in RIGHT else None
