"""Check the live book against a capture of real traffic, served over real sockets by the built-in exchange.

The plain reference is as simple as protocol.md 5.2 puts it: dictionaries of exact decimals, no code of the house. At
the sequence of each recorded ticker the live book's best bid and ask must equal the ticker's, price and size.
"""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

from kucoin_stream.client import Client
from kucoin_stream.errors import NotReadyError, UsageError
from kucoin_stream.frames.book import LiveBook
from kucoin_stream.market.book import Top
from kucoin_stream.simulator import CaptureMarket, Simulator

Speed = float | Literal["max"]
Best = tuple[Decimal | None, Decimal | None, Decimal | None, Decimal | None]

_PATIENCE = 60.0  # seconds that the end of a capture may take beyond its own length
_BEST = ("bestBid", "bestBidSize", "bestAsk", "bestAskSize")


class Result(Struct, frozen=True):
    """What was found for one symbol."""

    symbol: str
    status: str
    messages: int  # level-2 messages of the capture
    gaps: int  # that the live book met
    tickers: int
    comparable: int  # tickers at whose sequence the live book was seen
    equal: int  # of them, with the same best bid and ask, price and size
    levels: int  # of the final live book
    wrong: int  # levels that differ from the reference, or are missing

    @property
    def right(self) -> bool:
        """Whether nothing differs."""
        return not self.gaps and not self.wrong and self.equal == self.comparable > 0 and self.levels > 0


class Reference:
    """The plain book of one symbol, from the capture's own snapshot and changes."""

    def __init__(self) -> None:
        self.snapshot: int | None = None
        self.sequence = 0
        self.messages = 0
        self.bids: dict[Decimal, Decimal] = {}
        self.asks: dict[Decimal, Decimal] = {}
        self.tickers: list[tuple[int, Best]] = []
        self._early: list[dict[str, Any]] = []

    def restart(self, data: dict[str, Any]) -> None:
        """Begin with a snapshot."""
        self.snapshot = self.sequence = int(data["sequence"])
        self.bids = {Decimal(price): Decimal(size) for price, size in data["bids"]}
        self.asks = {Decimal(price): Decimal(size) for price, size in data["asks"]}
        for early in self._early:
            self.change(early)

    def change(self, data: dict[str, Any]) -> None:
        """Apply one level-2 message."""
        if self.snapshot is None:
            self._early.append(data)
        elif data["sequenceEnd"] > self.sequence:
            if data["sequenceStart"] > self.sequence + 1:
                raise UsageError(f"the capture itself has a gap before sequence {data['sequenceStart']}")
            for levels, changes in ((self.bids, data["changes"]["bids"]), (self.asks, data["changes"]["asks"])):
                for price, size, _ in changes:
                    levels[Decimal(price)] = Decimal(size)
            self.sequence = data["sequenceEnd"]

    def levels(self) -> tuple[dict[Decimal, Decimal], dict[Decimal, Decimal]]:
        """Return bids and asks, without removed levels and fillers."""
        bids, asks = (
            {price: size for price, size in side.items() if price and size} for side in (self.bids, self.asks)
        )
        return bids, asks


def verify(path: Path, *, speed: Speed = "max", with_key: bool = True) -> list[Result]:
    """Serve ``path``, keep a book of every symbol that has a snapshot and changes in it, and compare.

    Without a key the books are ``partial``: every level that they hold is compared, and their best prices.
    """
    references = read(path)
    with _served(path, speed, with_key) as (client, simulator):
        books = {symbol: client.book(symbol, source="classic") for symbol in references}
        tops: dict[str, dict[int, Top]] = {symbol: {} for symbol in references}
        for symbol, book in books.items():
            seen = tops[symbol]
            book.stream.sink(lambda top, seen=seen: seen.update({getattr(top, "sequence", None): top}))
        simulator.begin()
        length = _PATIENCE + (0.0 if speed == "max" else 60 / speed)
        if not simulator.wait_finished(length):
            raise NotReadyError(f"the capture did not end within {length:g} s")
        for symbol, reference in references.items():
            _reach(books[symbol], tops[symbol], reference.sequence)
        return [_compare(books[symbol], reference, tops[symbol]) for symbol, reference in references.items()]


def read(path: Path) -> dict[str, Reference]:
    """Return the plain reference of every symbol that has both a full snapshot and changes in the capture."""
    found: dict[str, Reference] = {}
    for record in _records(path):
        message = record["message"]
        if record["kind"] == "rest" and "orderbook/level2" in record["url"]:
            found.setdefault(record["url"].rpartition("=")[2], Reference()).restart(message["data"])
        elif message.get("subject") == "trade.l2update":
            reference = found.setdefault(message["data"]["symbol"], Reference())
            reference.messages += 1
            reference.change(message["data"])
        elif message.get("subject") == "trade.ticker":
            data = message["data"]
            bid, bid_size, ask, ask_size = (_decimal(data.get(key)) for key in _BEST)
            tickers = found.setdefault(message["topic"].rpartition(":")[2], Reference()).tickers
            tickers.append((int(data["sequence"]), (bid, bid_size, ask, ask_size)))
    whole = {symbol: each for symbol, each in found.items() if each.snapshot is not None and each.messages}
    if not whole:
        raise UsageError(f"{path}: no symbol with both an order book and its changes")
    return whole


def _records(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as lines:
        try:
            for line in lines:
                record = json.loads(line)
                if not (isinstance(record, dict) and {"kind", "message"} <= record.keys()):
                    raise UsageError(f"{path} is not a capture: a line without kind and message")
                yield record
        except (ValueError, EOFError, gzip.BadGzipFile) as exc:
            raise exc if isinstance(exc, UsageError) else UsageError(f"{path} is not a capture: {exc}") from None


@contextmanager
def _served(path: Path, speed: Speed, with_key: bool) -> Iterator[tuple[Client, Simulator]]:
    with Simulator(CaptureMarket(path, speed=speed, begin="told")) as simulator:
        known = simulator.credentials
        parts = (known.key, known.secret, known.passphrase) if with_key else (None, None, None)
        with Client(simulator.url, key=parts[0], secret=parts[1], passphrase=parts[2]) as client:
            yield client, simulator


def _reach(book: LiveBook, tops: dict[int, Top], sequence: int) -> None:
    """Wait until the book, and the stream of its changes, are at ``sequence``."""
    deadline = time.monotonic() + _PATIENCE
    while (book.sequence or 0) < sequence or sequence not in tops:
        if time.monotonic() > deadline:
            raise NotReadyError(f"{book.symbol} did not reach sequence {sequence}; it is {book.status}")
        time.sleep(0.01)


def _compare(book: LiveBook, reference: Reference, tops: dict[int, Top]) -> Result:
    comparable = [(best, tops[sequence]) for sequence, best in reference.tickers if sequence in tops]
    levels, wrong = _differences(book, reference)
    return Result(
        symbol=book.symbol,
        status=book.status,
        messages=reference.messages,
        gaps=book.gap_count,
        tickers=len(reference.tickers),
        comparable=len(comparable),
        equal=sum(best == _best(top) for best, top in comparable),
        levels=levels,
        wrong=wrong,
    )


def _differences(book: LiveBook, reference: Reference) -> tuple[int, int]:
    """Count the live book's levels, and those that differ; of a partial book, as far as it reaches."""
    known = book.levels()
    count = wrong = 0
    held = ((known.bid_prices, known.bid_sizes, 1), (known.ask_prices, known.ask_sizes, -1))
    for (prices, sizes, sign), expected in zip(held, reference.levels(), strict=True):
        live = {_exactly(price): _exactly(size) for price, size in zip(prices.tolist(), sizes.tolist(), strict=True)}
        if book.status == "partial" and len(prices):
            worst = sign * Decimal(repr(float(prices[-1])))
            expected = {price: size for price, size in expected.items() if sign * price >= worst}
        count += len(live)
        wrong += sum(live.get(price) != expected.get(price) for price in live.keys() | expected.keys())
    return count, wrong


def _best(top: Top) -> Best:
    return _decimal(top.bid), _decimal(top.bid_size), _decimal(top.ask), _decimal(top.ask_size)


def _decimal(value: str | float | None) -> Decimal | None:
    return None if value is None else _exactly(value)


def _exactly(value: str | float) -> Decimal:
    """Return the exact decimal; a float's is the shortest text that means it, which is what the wire said."""
    return Decimal(value if isinstance(value, str) else repr(float(value)))


COLUMNS = ("messages", "gaps", "tickers", "comparable", "equal", "levels", "wrong")


def table(results: list[Result]) -> str:
    """Return the results as a table for a terminal, with a line of totals."""
    rows: list[tuple[str, str, list[int]]] = [
        (each.symbol, each.status, [getattr(each, name) for name in COLUMNS]) for each in results
    ]
    rows.append(("total", "", [sum(column) for column in zip(*(numbers for _, _, numbers in rows), strict=True)]))
    lines = [f"{'symbol':12} {'status':8}" + "".join(f" {name:>10}" for name in COLUMNS)]
    lines += [f"{name:12} {status:8}" + "".join(f" {n:10}" for n in numbers) for name, status, numbers in rows]
    return "\n".join(lines)
