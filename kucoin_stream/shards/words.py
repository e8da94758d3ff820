"""What a notebook and a collector say to each other: orders and reports, as plain values."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any, TypeAlias

from msgspec import Struct

from kucoin_stream.frames.audit import Audit
from kucoin_stream.market.book import Top
from kucoin_stream.transport.gaps import Hole

Copied: TypeAlias = "tuple[int | None, Sequence[array[float]]]"
"""Levels of a book as :meth:`OrderBook.copy` gives them: :func:`market.book.levels` makes arrays of them."""


class Order(Struct, frozen=True):
    """What a collector is to keep from now on, and what to tell.

    ``watched``: how many levels a side, ``None`` for all, by symbol; ``audits``: seconds between two, by symbol;
    ``gaps_from``: the first row of the audit to be told; ``afresh``: all books, and not only those that changed;
    ``statistics``: counters too.
    """

    wanted: tuple[str, ...]
    watched: dict[str, int | None] = {}
    audits: dict[str, float] = {}
    gaps_from: int = 0
    afresh: bool = False
    statistics: bool = False


class Row(Struct, frozen=True):
    """One book as its collector has it; ``updates`` are changes applied since it keeps it, ``time_ms`` Unix time."""

    status: str
    top: Top = Top()
    updates: int = 0
    time_ms: int | None = None
    source: str = ""
    note: str = ""
    audited: Audit | None = None


class Report(Struct, frozen=True):
    """What a collector has to tell.

    ``levels``: of the books watched, each with the depth it was asked for; ``gaps``: the rows of its audit from where
    it was asked; the next order asks from ``gaps_to``, before which none changes any more. ``failed``: why it cannot
    collect.
    """

    rows: dict[str, Row] = {}
    levels: dict[str, tuple[int | None, Copied]] = {}
    gaps: tuple[Hole, ...] = ()
    gaps_to: int = 0
    statistics: dict[str, Any] = {}
    failed: str = ""
