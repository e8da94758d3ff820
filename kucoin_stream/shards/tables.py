"""Live frames of all shards: best prices of every book, and the workers."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import pandas as pd

from kucoin_stream.frames.base import LiveFrame
from kucoin_stream.frames.book import decimals
from kucoin_stream.frames.bookkeeper import RIGHT
from kucoin_stream.frames.books import BookTop
from kucoin_stream.frames.quotes import QuoteColumns, quote_columns
from kucoin_stream.shards.hub import best
from kucoin_stream.streams.feed import brief
from kucoin_stream.streams.source import LiveSource

if TYPE_CHECKING:
    from kucoin_stream.shards.shards import Shards

_BEST = ("bid", "bid_size", "ask", "ask_size")

WORKERS = {
    "state": "object", "symbols": "int64", "right": "int64", "coming": "int64", "rate": "float64", "messages": "Int64",
    "connections": "Int64", "reconnects": "Int64", "errors": "Int64", "gaps": "Int64", "load": "float64",
    "memory": "Int64", "late_ms": "float64", "since": "datetime64[ns, UTC]", "reason": "object",
}  # fmt: skip
"""Columns of :class:`ShardStatus` and their types."""


class ShardTops(LiveFrame):
    """Best bid and ask of every book that the shards keep, a row each. Made by :meth:`Shards.tops`.

    ``.df``: index ``symbol``, columns ``bid``, ``bid_size``, ``ask``, ``ask_size``, ``mid``, ``spread`` (float64, NaN
    of a book that is not right), ``status``, ``sequence`` (Int64), ``worker``; of the last reports. ``.stream``
    carries a :class:`BookTop` for each book that changed, once a report. Safe from any thread.
    """

    kinds = ("table", "wall")

    def __init__(self, shards: Shards) -> None:
        self.shards = shards
        self.title = f"{brief(shards.symbols)} books"
        self._hub = shards._hub
        super().__init__(shards._engine)

    @property
    def version(self) -> object:
        """Something that changes with every report."""
        return self._hub.version, self.status

    @property
    def received(self) -> int:
        """Changes of books that the shards counted."""
        return self._read(lambda: sum(known.updates for known in self._hub.fleet.known.values()))

    def __len__(self) -> int:
        return len(self.shards)

    @cached_property
    def stream(self) -> LiveSource[BookTop]:
        """A streamz source of the best prices that changed, conflated to one a book and report."""
        source: LiveSource[BookTop] = LiveSource(
            self._engine, title=f"changes of {self.title}", limit=self._engine.settings.inbox_size,
            overflow="mark", news=False, inlet=self._hub.inlet,
        )  # fmt: skip
        source.owner = self
        return source

    def rows(self, count: int | None = None) -> pd.DataFrame:
        """Return the last ``count`` books of now, without waiting."""
        rows = self._read(self._hub.rows, count)
        tops = [best(symbol, row) for symbol, row, _ in rows]
        columns: dict[str, Any] = {name: [getattr(top, name) for top in tops] for name in _BEST}
        index = pd.Index([symbol for symbol, _, _ in rows], name="symbol", dtype="object")
        frame = pd.DataFrame(columns, index=index, dtype="float64")
        frame["mid"] = (frame["bid"] + frame["ask"]) / 2
        frame["spread"] = frame["ask"] - frame["bid"]
        frame["status"] = pd.Categorical([row.status.partition(":")[0] for _, row, _ in rows])
        frame["sequence"] = pd.array([top.sequence for top in tops], dtype="Int64")
        frame["worker"] = pd.Categorical([worker for _, _, worker in rows])
        return frame

    @property
    def quotes(self) -> QuoteColumns | None:
        """Which fields of :meth:`recent` say what a symbol is worth."""
        return quote_columns(BookTop)

    @property
    def expected(self) -> int:
        """How many symbols there are."""
        return len(self.shards)

    def recent(self, count: int) -> list[BookTop]:
        """Return best bid and ask of the last ``count`` books of now, without waiting."""
        return [best(symbol, row) for symbol, row, _ in self._read(self._hub.rows, count)]

    def decimals(self, symbol: str) -> tuple[int, int]:
        """Return the decimals of price and size of a symbol."""
        info = self.shards._infos[symbol]
        return decimals(info.price_increment), decimals(info.base_increment)

    def _build(self) -> pd.DataFrame:
        return self.rows()

    def _status(self) -> str:
        return self._hub.state

    def _ready(self) -> bool:
        return self._hub.state in RIGHT

    def _release(self) -> None:
        """Nothing is held."""


class ShardStatus(LiveFrame):
    """The workers, a row each. Made by :meth:`Shards.status`. Safe from any thread.

    Index ``worker``, its address; ``state``: ``starting``, ``up``, ``lost``, ``failed``, and ``reason`` for these two;
    ``symbols`` that it keeps, how many of them are ``right``, and ``coming``: those that move to it; ``rate``: changes
    of books a second; ``messages``, ``connections``, ``reconnects``, ``errors``, ``gaps`` of its client; ``load``:
    share of a core, and ``memory`` in bytes, of its process; ``late_ms``: by which its background thread is late;
    ``since`` when it is known (UTC).
    """

    title = "shards"

    def __init__(self, shards: Shards) -> None:
        self._hub = shards._hub
        super().__init__(shards._engine)

    @property
    def version(self) -> object:
        """Something that changes with every report."""
        return self._hub.version, self.status

    def rows(self, count: int | None = None) -> pd.DataFrame:
        """Return the last ``count`` workers of now, without waiting."""
        members = self._read(self._members)[-count if count else None :]
        rows = [row for _, row in members]
        frame = pd.DataFrame(rows, columns=list(WORKERS), index=pd.Index([w for w, _ in members], name="worker"))
        frame["since"] = pd.to_datetime(frame["since"].astype("float64"), unit="s", utc=True).dt.floor("ms")
        return frame.astype(WORKERS)

    def _members(self) -> list[tuple[str, dict[str, Any]]]:
        fleet = self._hub.fleet
        found = []
        for worker, member in fleet.members.items():
            told = member.statistics
            row = {name: told.get(name) for name in ("messages", "reconnects", "errors", "gaps", "memory", "late_ms")}
            owned = [known for known in fleet.known.values() if known.owner == worker]
            row |= {
                "state": member.state, "reason": member.reason, "since": member.since, "load": member.load,
                "symbols": len(owned),
                "right": sum(known.shown.status in RIGHT for known in owned),
                "coming": sum(known.target == worker for known in fleet.known.values()),
                "rate": fleet.rate(worker), "connections": len(told.get("connections", ())),
            }  # fmt: skip
            found.append((worker, row))
        return found

    def _status(self) -> str:
        fleet = self._hub.fleet
        return self._hub.silent or ("live" if fleet.usable else "no worker: the cluster has none that can collect")

    def _ready(self) -> bool:
        return bool(self._hub.fleet.members)

    def _build(self) -> pd.DataFrame:
        return self.rows()

    def _release(self) -> None:
        """Nothing is held."""
