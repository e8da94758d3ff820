"""The catalogue: one row per topic (protocol.md 4.0), from the modules of ``catalogue``.

Several rows may share a path: what is subscribed is then the same, and the subject of a push says whose it is.
"""

from __future__ import annotations

from kucoin_stream.errors import UsageError
from kucoin_stream.protocol.catalogue import account, futures, pro, spot
from kucoin_stream.protocol.topic import FUTURES, INTERVALS, Connection, Overflow, Topic

__all__ = [
    "ALL_POSITIONS",
    "CATALOGUE",
    "FUTURES_INTERVALS",
    "INTERVALS",
    "SINGLE_POSITION",
    "TOPICS",
    "Connection",
    "Overflow",
    "Topic",
    "collective",
    "find",
    "intervals",
    "parse",
    "told_by_subject",
]  # fmt: skip

CATALOGUE: tuple[Topic, ...] = (*spot.ROWS, *futures.ROWS, *account.ROWS, *pro.ROWS)

TOPICS: dict[str, Topic] = {topic.name: topic for topic in CATALOGUE}

FUTURES_INTERVALS: dict[str, int] = {name: seconds for name, seconds in INTERVALS.items() if name != "6hour"}
"""Kline intervals of futures and their length in seconds (protocol.md 4.24, 6.5.3)."""


def find(name: str) -> Topic:
    """Return the row called ``name``, such as ``spot.trades``; raise :class:`UsageError` with what there is."""
    try:
        return TOPICS[name]
    except KeyError:
        raise UsageError(f"no such topic {name!r}; there are: {', '.join(TOPICS)}") from None


def intervals(row: Topic) -> dict[str, int]:
    """Return the intervals that ``row`` takes, with their length in seconds; none where it takes no interval."""
    if "{interval}" not in row.path:
        return {}
    return FUTURES_INTERVALS if row.connection in FUTURES else INTERVALS


def parse(wire: str, subject: str | None = None) -> tuple[Topic, str]:
    """Return the row and the argument of a topic on the wire: ``/market/match:BTC-USDT``.

    ``subject`` is that of a push; it counts only where rows share a path. Without one, as for a command, the first of
    them is returned. Raises :class:`KeyError` where the catalogue has no such path, or no such subject on it.
    """
    stem, _, argument = (wire, "", "") if wire in _BY_STEM else wire.partition(":")
    rows = _BY_STEM[stem]
    if subject is not None and rows[0].path in _SHARED:
        rows = [row for row in rows if subject in row.subjects]
        if not rows:
            raise KeyError(subject)
    if len(rows) > 1:  # /contractMarket/tradeOrders takes a symbol or nothing, /market/snapshot a symbol or a market
        rows = [row for row in rows if bool(row.argument) == bool(argument)] or rows
        rows = [row for row in rows if row.by_symbol == ("-" in argument)] or rows
    return rows[0], argument


SINGLE_POSITION = "/contract/position:"
ALL_POSITIONS = "/contract/positionAll"


def collective(topic: str) -> str:
    """Return the topic of which a push on ``topic`` may be: positions of all contracts come under either name (4.33).

    ``topic`` itself where there is no other.
    """
    return ALL_POSITIONS if topic.startswith(SINGLE_POSITION) else topic


def shares_path(row: Topic) -> bool:
    """Whether other rows are pushed on the same topics of the wire."""
    return row.path in _SHARED


def told_by_subject(row: Topic) -> bool:
    """Whether a push of ``row`` needs its subject to be understood: it tells the payload, or is part of it."""
    return row.path in _SHARED or "subject" in getattr(row.payload, "__struct_fields__", ())


_BY_STEM: dict[str, list[Topic]] = {}
for _row in CATALOGUE:
    _BY_STEM.setdefault(_row.stem, []).append(_row)
_PATHS = [row.path for row in CATALOGUE]
_SHARED = {path for path in _PATHS if _PATHS.count(path) > 1}
