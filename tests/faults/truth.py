"""What was true at the exchange: a market that remembers all it pushed, and its books at every sequence."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from kucoin_stream.simulator import GeneratedMarket, Simulator
from kucoin_stream.simulator.market import Push

SPOT, OTHER, FUTURES = "ETH-USDT", "SOL-USDT", "ETHUSDTM"
PRO = "ETH-USDT, Pro"
PRO_TOPIC = f"obu.SPOT:{SPOT}_increment@10ms"
PRO_LEVELS = 500  # that a Pro book knows, a side; protocol.md 5.6
LEVEL2 = {
    SPOT: f"/market/level2:{SPOT}",
    OTHER: f"/market/level2:{OTHER}",
    FUTURES: f"/contractMarket/level2:{FUTURES}",
}
TRADES = {SPOT: f"/market/match:{SPOT}", FUTURES: f"/contractMarket/execution:{FUTURES}"}
FOLLOWED = frozenset((*LEVEL2.values(), *TRADES.values()))

Book = dict[str, dict[float, float]]
"""By side: size by price."""


class Change(NamedTuple):
    """A run of changes of a book, from sequence ``start`` to ``end``, both included."""

    start: int
    end: int
    levels: list[tuple[str, float, float]]  # side, price, size


class Remembering(GeneratedMarket):
    """A market that is always asked for what we follow, and keeps it, whoever else reads it."""

    def __init__(self, seed: int = 7, rate: float = 5.0) -> None:
        super().__init__([SPOT, OTHER], seed=seed, rate=rate)
        self.pushed: dict[str, list[str]] = {topic: [] for topic in FOLLOWED}

    def advance(self, now_ns: int, wanted: Collection[str]) -> list[Push]:
        """Do as any market, and keep what we follow."""
        pushes = super().advance(now_ns, FOLLOWED.union(wanted))
        for push in pushes:
            if push.topic in FOLLOWED:
                self.pushed[push.topic].append(push.text)
        return pushes

    def forget(self) -> dict[str, Any]:
        """Begin anew; return the books as they are now."""
        for texts in self.pushed.values():
            texts.clear()
        return {
            symbol: self.futures.book(symbol, None) if symbol == FUTURES else self.book(symbol, None)
            for symbol in LEVEL2
        }


class Truth:
    """What the exchange had from here on. Safe from the thread that made it."""

    def __init__(self, sim: Simulator, market: Remembering) -> None:
        self._sim, self._market = sim, market

        def begin(exchange: Any) -> dict[str, Any]:
            exchange.step()
            return market.forget()

        books: dict[str, Any] = sim._ask(begin, {})
        self._begun = {symbol: (int(book["sequence"]), book) for symbol, book in books.items()}
        self._books: dict[str, tuple[int, int, Book]] = {}  # by reader: sequence, changes applied, the book

    # -- books ---------------------------------------------------------------------------------------------------

    def sequence(self, symbol: str) -> int:
        """Return the sequence that a book has come to."""
        symbol = SPOT if symbol == PRO else symbol
        texts = self._market.pushed[LEVEL2[symbol]]
        return _change(texts[-1]).end if texts else self._begun[symbol][0]

    def wrong(self, reader: str, sequence: int, shown: Book) -> str:
        """Return what differs between a reader's book and the exchange's at a sequence; nothing where it is right."""
        symbol = SPOT if reader == PRO else reader
        at, applied, book = self._books.get(reader, (-1, 0, {}))
        if at < 0 or sequence < at:
            at, begun = self._begun[symbol]
            applied = 0
            book = {side: {float(row[0]): float(row[1]) for row in begun[side]} for side in ("asks", "bids")}
        texts = self._market.pushed[LEVEL2[symbol]]
        while at < sequence and applied < len(texts):
            change = _change(texts[applied])
            applied += 1
            if change.end <= at:
                continue
            for side, price, size in change.levels:
                _put(book[side], price, size)
            at = change.end
        self._books[reader] = at, applied, book
        if at != sequence:
            return f"{reader} says sequence {sequence}, which is none of the exchange's ({at})"
        if reader == PRO:
            book, shown = _best(book), _best(shown)
        if shown == book:
            return ""
        differ = [
            f"{side} {price}: {shown[side].get(price)} for {book[side].get(price)}"
            for side in ("asks", "bids")
            for price in sorted(shown[side].keys() | book[side].keys())
            if shown[side].get(price) != book[side].get(price)
        ]
        return f"{reader} at {sequence}: {len(differ)} levels wrong, as {differ[0]}"

    # -- feeds ---------------------------------------------------------------------------------------------------

    def count(self) -> int:
        """Return how many messages were pushed."""
        return sum(len(texts) for texts in self._market.pushed.values())

    def last(self, topic: str) -> int:
        """Return what identifies the last message pushed; 0 where there was none."""
        texts = self._market.pushed[topic]
        return _id(topic, texts[-1]) if texts else 0

    def ids(self, topic: str) -> list[int]:
        """Return what identifies the messages pushed, in order."""
        return [_id(topic, text) for text in self._market.pushed[topic].copy()]


class Losses(NamedTuple):
    """What a reader did not get: messages, those of them that it was told of, and those that came twice."""

    missed: int
    told: int
    doubled: int


def losses(pushed: Sequence[int], seen: Sequence[int | None]) -> Losses:
    """Compare what was pushed with what was seen, where ``None`` is news of a loss, in its place."""
    places: dict[int, int] = {}
    doubled = 0
    for place, each in enumerate(seen):
        if each is not None:
            doubled += each in places
            places.setdefault(each, place)
    common = [at for at, each in enumerate(pushed) if each in places]
    missed = told = 0
    for before, after in pairwise(common):
        lost = after - before - 1
        if lost:
            ends = sorted((places[pushed[before]], places[pushed[after]]))
            missed += lost
            told += lost if None in seen[ends[0] : ends[1]] else 0
    return Losses(missed, told, doubled)


def _id(topic: str, text: str) -> int:
    return _change(text).end if topic in LEVEL2.values() else int(json.loads(text)["data"]["sequence"])


def _change(text: str) -> Change:
    data = json.loads(text)["data"]
    if "change" in data:  # of futures
        price, side, size = data["change"].split(",")
        level = ("asks" if side == "sell" else "bids", float(price), float(size))
        return Change(data["sequence"], data["sequence"], [level])
    levels = [
        (side, float(price), float(size)) for side in ("asks", "bids") for price, size, _ in data["changes"][side]
    ]
    return Change(data["sequenceStart"], data["sequenceEnd"], levels)


def _best(book: Book) -> Book:
    """Return a book as far as a Pro book goes."""
    asks, bids = (sorted(book[side], reverse=side == "bids")[:PRO_LEVELS] for side in ("asks", "bids"))
    return {name: {price: book[name][price] for price in best} for name, best in (("asks", asks), ("bids", bids))}


def _put(side: dict[float, float], price: float, size: float) -> None:
    if size:
        side[price] = size
    else:
        side.pop(price, None)
