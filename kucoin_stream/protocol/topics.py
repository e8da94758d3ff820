"""The catalogue: one row per topic (protocol.md 4.0), from the modules of ``catalogue``."""

from __future__ import annotations

from kucoin_stream.errors import UsageError
from kucoin_stream.protocol.catalogue import spot
from kucoin_stream.protocol.topic import INTERVALS, Connection, Overflow, Topic

__all__ = ["CATALOGUE", "INTERVALS", "TOPICS", "Connection", "Overflow", "Topic", "find", "parse"]

CATALOGUE: tuple[Topic, ...] = (*spot.ROWS,)

TOPICS: dict[str, Topic] = {topic.name: topic for topic in CATALOGUE}


def find(name: str) -> Topic:
    """Return the row called ``name``, such as ``spot.trades``; raise :class:`UsageError` with what there is."""
    try:
        return TOPICS[name]
    except KeyError:
        raise UsageError(f"no such topic {name!r}; there are: {', '.join(TOPICS)}") from None


def parse(wire: str) -> tuple[Topic, str]:
    """Return the row and the argument of a topic as pushed: ``/market/match:BTC-USDT``.

    Raises :class:`KeyError` where the catalogue has none.
    """
    stem, _, argument = wire.partition(":")
    rows = _BY_STEM.get(wire) or _BY_STEM[stem]
    if len(rows) > 1 and "-" in argument:  # /market/snapshot takes a symbol or a market
        return next(row for row in rows if row.by_symbol), argument
    row = rows[-1]
    return row, argument if row.list_limit else ""


_BY_STEM: dict[str, list[Topic]] = {}
for _row in CATALOGUE:
    _BY_STEM.setdefault(_row.stem, []).append(_row)
