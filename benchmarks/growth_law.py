"""What growth follows: straight lines by least squares, knees, and what all of an exchange needs by them. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from kucoin_stream.settings import Limits

Point = tuple[float, float]

WEIGHT = 3  # of a whole book by REST, spot and futures (protocol.md 5.1, 5.5)
QUOTAS = {"spot": 4000, "futures": 2000}  # weight in 30 s, VIP 0, of the pools that these books come from (8.1)
WINDOW = 30.0  # seconds
PERIODS = (0.001, 0.004, 0.016, 0.064)  # seconds from one look at the sockets to the next
GOAL = 0.016


class Line(NamedTuple):
    """A straight line through points; ``r2``: the share of the variance that it explains."""

    slope: float
    intercept: float
    r2: float


def line(points: Sequence[Point]) -> Line:
    """Return the straight line by least squares."""
    (slope, intercept), r2 = plane([(x, 1.0) for x, _ in points], [y for _, y in points])
    return Line(slope, intercept, r2)


def plane(rows: Sequence[Sequence[float]], values: Sequence[float]) -> tuple[tuple[float, ...], float]:
    """Return the cost of each column of ``rows`` by least squares, and R2."""
    given, wanted = np.array(rows, dtype=float), np.array(values, dtype=float)
    costs, *_ = np.linalg.lstsq(given, wanted, rcond=None)
    spread = float(((wanted - wanted.mean()) ** 2).sum())
    left = float(((wanted - given @ costs) ** 2).sum())
    return tuple(map(float, costs)), 1.0 - left / spread if spread else 1.0


def knee(points: Sequence[Point], factor: float = 1.5) -> float | None:
    """Return the first x whose y is more than ``factor`` times the least y up to there; ``None``: there is none."""
    least = math.inf
    for x, y in points:
        if y > factor * least:
            return x
        least = min(least, y)
    return None


def touched(messages: int, among: int) -> float:
    """Return how many of ``among`` are expected to have a part in so many messages, each with the same chance."""
    share: float = (1.0 - 1.0 / among) ** messages
    return among * (1.0 - share)


def met(messages: float, among: int) -> float:
    """Return the same of a time in which ``messages`` are expected, and come when they like."""
    return -among * math.expm1(-messages / among)


class Law(NamedTuple):
    """What was measured. CPU in µs, memory in bytes."""

    read: float  # CPU of one socket read
    book: float  # CPU of a book that a read touches
    change: float  # CPU of a level-2 message
    ticker: float  # CPU of a ticker, many to a read
    trade: float  # CPU of a trade, many to a read
    book_bytes: float  # of a book without levels
    level_bytes: float
    row_bytes: float  # of a trade in a frame
    process_bytes: float  # of a process without topics


class Market(NamedTuple):
    """An assumption: so many symbols, and messages a second of each at peak, on the mean."""

    name: str
    symbols: int
    changes: float
    tickers: float
    trades: float
    levels: int  # of a book, both sides


KUCOIN = (
    Market("spot", 1300, changes=25.0, tickers=6.0, trades=1.0, levels=1000),
    Market("futures", 600, changes=80.0, tickers=20.0, trades=2.0, levels=1000),
)
"""See README.md for where these come from."""


class Need(NamedTuple):
    """What a market needs; what it sends, a second."""

    changes: float
    tickers: float
    trades: float
    book_bytes: float
    hour_bytes: float  # of one hour's trades as rows
    connections: int
    commands: int  # to subscribe all, a hundred topics each
    snapshots: float  # seconds that the books wait for the quota of REST


def need(law: Law, market: Market, limits: Limits) -> Need:
    """Return what all symbols of a market need: books, tickers and trades of each."""
    changes, tickers, trades = (market.symbols * each for each in (market.changes, market.tickers, market.trades))
    return Need(
        changes,
        tickers,
        trades,
        market.symbols * (law.book_bytes + market.levels * law.level_bytes),
        3600 * trades * law.row_bytes,
        1 if market.name == "futures" else math.ceil(3 * market.symbols / limits.topics_per_connection),
        3 * math.ceil(market.symbols / limits.topics_per_command),
        WINDOW * math.floor(market.symbols * WEIGHT / QUOTAS[market.name]),
    )


class Load(NamedTuple):
    """CPU that one process takes which looks at its sockets at equal times, in cores, by what takes it."""

    reads: float
    books: float
    messages: float

    @property
    def cores(self) -> float:
        """The sum."""
        return self.reads + self.books + self.messages


def load(law: Law, markets: Sequence[Market], limits: Limits, period: float) -> Load:
    """Return what a process with all of ``markets`` takes that reads every ``period`` seconds."""
    reads = books = messages = 0.0
    for market in markets:
        each = need(law, market, limits)
        came = period * (each.changes + each.tickers + each.trades)
        reads += met(came, each.connections) * law.read
        books += met(period * each.changes, market.symbols) * law.book
        messages += period * (each.changes * law.change + each.tickers * law.ticker + each.trades * law.trade)
    return Load(*(cost / period / 1e6 for cost in (reads, books, messages)))


def parts(markets: Sequence[Market], processes: int) -> list[Market]:
    """Return the markets that one of so many processes has."""
    return [market._replace(symbols=math.ceil(market.symbols / processes)) for market in markets]


def arithmetic(law: Law, markets: Sequence[Market] = KUCOIN, limits: Limits | None = None) -> str:
    """Return what they need, step by step."""
    limits = limits or Limits()
    lines = [part for market in markets for part in _market(law, market, need(law, market, limits))]
    lines.append(
        f"CPU of one process: sockets read x {law.read:.0f} us + books touched x {law.book:.1f} us + changes x "
        f"{law.change:.1f} us + tickers x {law.ticker:.1f} us + trades x {law.trade:.1f} us"
    )
    for period in PERIODS:
        found = load(law, markets, limits, period)
        lines.append(
            f"  looking every {period * 1e3:g} ms: {found.reads:.2f} + {found.books:.2f} + {found.messages:.2f} "
            f"= {found.cores:.2f} cores"
        )
    half = next(n for n in range(1, 1000) if load(law, parts(markets, n), limits, GOAL).cores <= 0.5)
    memory = sum(need(law, market, limits).book_bytes for market in markets)
    lines.append(
        f"processes that take half a core at most, each looking every {GOAL * 1e3:g} ms: {half}; memory: "
        f"{half} x {law.process_bytes / 1e6:.0f} MB + {memory / 1e6:.0f} MB of books "
        f"= {(half * law.process_bytes + memory) / 1e6:,.0f} MB"
    )
    return "\n".join(lines)


def _market(law: Law, market: Market, each: Need) -> list[str]:
    spoken = ((market.changes, "changes"), (market.tickers, "tickers"), (market.trades, "trades"))
    rates = ", ".join(f"{market.symbols:,} x {rate:g} = {market.symbols * rate:,.0f} {name}" for rate, name in spoken)
    books = f"{market.symbols:,} x ({law.book_bytes / 1e3:.1f} kB + {market.levels:,} x {law.level_bytes:.0f} B)"
    hour = f"3,600 x {each.trades:,.0f} x {law.row_bytes:.0f} B = {each.hour_bytes / 1e9:.1f} GB"
    quota = f"weight {market.symbols * WEIGHT:,} of {QUOTAS[market.name]:,} in 30 s"
    return [
        f"{market.name}: {rates} a second",
        f"  books: {books} = {each.book_bytes / 1e6:,.0f} MB; an hour of trades as rows: {hour}",
        f"  connections: {each.connections}; commands: {each.commands}; snapshots: {quota}, {each.snapshots:.0f} s",
    ]
