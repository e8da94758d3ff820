"""The order book that a shard keeps, as a live frame of the notebook."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from kucoin_stream import given
from kucoin_stream.errors import StoppedError
from kucoin_stream.frames.audit import Audit
from kucoin_stream.frames.book import LiveBook, decimals
from kucoin_stream.frames.bookkeeper import RIGHT, BookKeeper
from kucoin_stream.frames.kept import KeptFrame
from kucoin_stream.market.book import Levels, Top, levels
from kucoin_stream.protocol.messages.contracts import ContractInfo
from kucoin_stream.protocol.messages.rest import SymbolInfo
from kucoin_stream.shards.keeper import ShardKeeper
from kucoin_stream.shards.words import Copied

if TYPE_CHECKING:
    from kucoin_stream.shards.shards import Shards

PICTURE_PATIENCE = 2.0
"""Seconds that a picture waits for levels which are not reported yet: once, for they are from then on."""


class ShardBook(LiveBook):
    """An order book that a worker keeps. Made by :meth:`Shards.book`; a :class:`LiveBook` but for where it is.

    Scalars, ``status``, ``.stream`` and pictures are of the last report, so a few tenths of a second old, and
    conflated: one change for all since the report before. ``.df``, ``.bids``, ``.asks`` and analytics ask the worker,
    and so have the whole book of now; they raise :class:`NotReadyError` where it does not answer. ``status`` is
    ``resyncing: worker lost`` from a worker's loss until another has the book right.
    """

    def __init__(
        self, shards: Shards, info: SymbolInfo | ContractInfo, make: Callable[[], ShardKeeper], patience: float
    ) -> None:
        symbol = info.symbol
        self.shards = shards
        self._patience = patience
        key = ("shard book", id(shards._hub), symbol)
        KeptFrame.__init__(self, shards._engine, symbol, key, cast(Callable[[], BookKeeper], make))
        self._told = cast(ShardKeeper, self._keeper)  # all of a keeper that a frame asks for
        self._wants = object()
        self._end_audits = weakref.finalize(self, self._engine.post, self._told.auditor.every, self._wants, None)
        self.symbol = symbol
        self.price_decimals = decimals(info.price_increment)
        self.size_decimals = decimals(info.base_increment)
        self.multiplier = info.multiplier if isinstance(info, ContractInfo) else None
        self._tops = None

    def __repr__(self) -> str:
        return f"<ShardBook{super().__repr__().removeprefix('<LiveBook')}"

    @property
    def worker(self) -> str:
        """The address of the worker that keeps it; empty where none does at present."""
        return self.shards._owner(self.symbol)

    @property
    def topics(self) -> tuple[str, ...]:
        """The topic on the wire that it is kept from, there."""
        return (self._told.wire,) if self._told.wire else ()

    @property
    def gap_count(self) -> int:
        """How many rows :meth:`gaps` has."""
        return len(self._read(self._told.holes))

    @property
    def memory(self) -> int:
        """Bytes that the levels take which were reported."""
        reported = self._told.reported
        return sum(len(side) * side.itemsize for side in reported[1]) if reported else 0

    @property
    def version(self) -> object:
        """Something that changes with every report of the book."""
        return super().version, self.shards._hub.silent

    def _top(self) -> Top:
        return Top() if self.shards._hub.silent else super()._top()

    def audit(self, timeout: float = 30.0) -> Audit:
        """Have the worker compare the book with the exchange; as :meth:`LiveBook.audit`."""
        timeout = given.patience(timeout)
        self._check_auditable()
        found: Audit = self.shards._ask(self.symbol, "audit", timeout, timeout=timeout + self._patience)
        return found

    def levels(self, depth: int | None = None) -> Levels:
        """Return the ``depth`` best levels a side as of the last report; as :meth:`LiveBook.levels`."""
        depth = given.levels(depth, "depth")
        reported = self._told.look(depth)
        if reported is None and not self._over and self.status in RIGHT:
            return levels(self._asked(depth, PICTURE_PATIENCE))
        return levels(reported or self._told.reported or _NOTHING)

    def _right_levels(self, depth: int | None = None) -> Levels:
        if self.status not in RIGHT:
            empty = np.empty(0)
            return Levels(None, empty, empty, empty, empty)
        return levels(self._asked(depth, self._patience))

    def _asked(self, depth: int | None, timeout: float) -> Copied:
        copied: Copied = self.shards._ask(self.symbol, "levels", depth, timeout=timeout)
        return copied

    def _check_auditable(self) -> None:
        if self._over:
            raise StoppedError(f"the book of {self.symbol}: {self.status}")

    def _status(self) -> str:
        return self.shards._hub.silent or self._told.state.status


_NOTHING: Any = (None, ((), (), (), ()))
