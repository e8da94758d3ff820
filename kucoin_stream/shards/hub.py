"""Where orders and reports meet the notebook's frames: the fleet and the keepers, on the loop thread."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from msgspec.structs import replace

from kucoin_stream.frames.bookkeeper import RIGHT
from kucoin_stream.frames.books import BookTop
from kucoin_stream.market.book import Top
from kucoin_stream.protocol.bookfeeds import Market
from kucoin_stream.shards.fleet import Fleet
from kucoin_stream.shards.keeper import ShardKeeper
from kucoin_stream.shards.words import Order, Report, Row
from kucoin_stream.streams.source import Inlet
from kucoin_stream.transport.engine import Engine
from kucoin_stream.transport.latency import Samples

SILENT = 5.0
"""Seconds without any turn of the shell after which nothing that is known is shown as current."""


class Lost(NamedTuple):
    """A worker of whom nothing is to be expected at present, and why."""

    worker: str
    why: str


class Told(NamedTuple):
    """A report, the worker that made it, and how many seconds it took from the order on."""

    worker: str
    report: Report
    seconds: float


class Hub:
    """What is known of all shards. Lives on the loop thread; ``version``, ``silent`` and ``rounds`` are for any."""

    def __init__(self, engine: Engine, symbols: Collection[str]) -> None:
        self.fleet = Fleet(symbols)
        self.keepers: dict[str, ShardKeeper] = {}
        self.inlet = Inlet()  # best prices of all books
        self.version = 0
        self.rounds = Samples()  # seconds from an order to its report
        self._engine = engine
        self._turned = time.monotonic()

    def __repr__(self) -> str:
        return f"<Hub {self.fleet!r}, {len(self.keepers)} frames>"

    @property
    def silent(self) -> str:
        """Why what is known may be old; mostly nothing."""
        seconds = time.monotonic() - self._turned
        return f"stale: nothing was heard of the Dask cluster for {seconds:.0f} s" if seconds > SILENT else ""

    @property
    def state(self) -> str:
        """The state that all books share; where they differ, that of the first which is not right."""
        if silent := self.silent:
            return silent
        states = [(symbol, known.shown.status) for symbol, known in self.fleet.known.items()]
        wrong = [f"{status.partition(':')[0]}: {symbol}" for symbol, status in states if status not in RIGHT]
        return wrong[0] if wrong else "partial" if any(status != "live" for _, status in states) else "live"

    def turn(self, workers: Collection[str], news: Sequence[Told | Lost], idle: Collection[str]) -> dict[str, Order]:
        """Take what happened, in order, and return orders for those ``idle`` workers that are there."""
        now, now_ns = time.monotonic(), time.time_ns()
        self._turned = now
        fleet = self.fleet
        for each in news:
            match each:
                case Lost(worker, why) if worker in fleet.members:
                    self._changed(fleet.lose(worker, now_ns, why), {})
                case Told(worker, report, seconds):
                    self.rounds.add(seconds)
                    changed = fleet.take(worker, report, now, now_ns)
                    owned = {each for each in report.levels if fleet.known[each].owner == worker}
                    self._changed(changed, {symbol: report.levels[symbol] for symbol in owned})
        self._changed(fleet.meet(workers, now_ns), {})
        self._changed(fleet.doubt(now), {})
        fleet.place(now)
        watched = {symbol: keeper.depth for symbol, keeper in self.keepers.items() if keeper.watched}
        audits = {symbol: s for symbol, keeper in self.keepers.items() if (s := keeper.auditor.period) is not None}
        self.version += 1
        return {worker: fleet.order(worker, now, watched, audits) for worker in idle if worker in fleet.members}

    def keeper(self, symbol: str, market: Market) -> ShardKeeper:
        """Return a keeper of a book for a frame, which knows what is known already."""
        known = self.fleet.known[symbol]
        keeper = ShardKeeper(
            self._engine,
            symbol,
            market,
            lambda: [hole for _, hole in self.fleet.holes(symbol)],
            lambda: self.keepers.pop(symbol, None),
        )
        keeper.take(known.shown, known.updates)
        self.keepers[symbol] = keeper
        return keeper

    def rows(self, count: int | None = None) -> list[tuple[str, Row, str]]:
        """Return symbol, row and owner of the last ``count`` symbols, by default of all."""
        known, silent = self.fleet.known, self.silent
        chosen = list(known)[-count:] if count else known
        rows = [(symbol, known[symbol].shown, known[symbol].owner) for symbol in chosen]
        return [(symbol, replace(row, status=silent), owner) for symbol, row, owner in rows] if silent else rows

    def told(self) -> tuple[dict[str, dict[str, Any]], dict[str, float], int]:
        """Return the counters of each worker, the sums of those that are gone, and how many symbols were moved."""
        fleet = self.fleet
        counters = {worker: member.statistics for worker, member in fleet.members.items()}
        return counters, dict(fleet.retired), fleet.moved

    def _changed(self, changed: set[str], levels: Mapping[str, Any]) -> None:
        """Tell frames and readers of the rows that changed, and frames of levels."""
        fleet = self.fleet
        for symbol in (changed | levels.keys()) & self.keepers.keys():
            known = fleet.known[symbol]
            self.keepers[symbol].take(known.shown, known.updates, levels.get(symbol))
        if self.inlet.wanted:
            rows = {symbol: row for symbol in changed if (row := fleet.known[symbol].shown).status in RIGHT}
            self.inlet.pending += [best(symbol, row) for symbol, row in rows.items()]
            self.inlet.flush()


def best(symbol: str, row: Row) -> BookTop:
    """Return the best prices of a book, if it is right."""
    top = row.top if row.status in RIGHT else Top()
    return BookTop(symbol, top.sequence, top.bid, top.bid_size, top.ask, top.ask_size)
