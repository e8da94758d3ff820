"""The simplest book there is, for libraries that keep none: a dict a side, from price to size, both text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from common import Run, same_books


class DictBooks:
    """Books of all symbols of a run; no best price, no check of sequences."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.sides: dict[str, tuple[dict[str, str], dict[str, str]]] = {}
        for symbol in run.symbols:
            snapshot = run.snapshot(symbol)
            self.sides[symbol] = dict(snapshot["bids"]), dict(snapshot["asks"])

    def update(self, symbol: str, bids: Iterable[Sequence[str]], asks: Iterable[Sequence[str]]) -> None:
        """Apply the changes of one message."""
        mine = self.sides[symbol]
        for price, size, _sequence in bids:
            if size == "0":
                mine[0].pop(price, None)
            else:
                mine[0][price] = size
        for price, size, _sequence in asks:
            if size == "0":
                mine[1].pop(price, None)
            else:
                mine[1][price] = size

    def right(self) -> bool:
        """Tell whether they equal the server's."""
        books = {symbol: (bids.items(), asks.items()) for symbol, (bids, asks) in self.sides.items()}
        return same_books(books, self._run.reference())
