"""What there is to receive: every field of every feed, with its unit, as a DataFrame."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pandas as pd
from msgspec import inspect

from kucoin_stream.errors import UsageError
from kucoin_stream.frames.columns import Column, is_candle, time_unit
from kucoin_stream.given import shown
from kucoin_stream.protocol.messages.units import declared_unit
from kucoin_stream.protocol.topic import Connection
from kucoin_stream.protocol.topics import CATALOGUE, Topic, find

COLUMNS = (
    "feed",
    "market",
    "generation",
    "connection",
    "topic",
    "private",
    "field",
    "dtype",
    "unit",
    "section",
    "about",
)

_MARKETS = {
    Connection.SPOT_PUBLIC: "spot", Connection.SPOT_PRIVATE: "spot", Connection.SPOT_PRO: "spot",
    Connection.FUTURES_PUBLIC: "futures", Connection.FUTURES_PRIVATE: "futures", Connection.FUTURES_PRO: "futures",
}  # fmt: skip
_SIZES = {"spot": "base", "margin": "base", "futures": "lots"}

Field = tuple[str, str, str]
"""Name, dtype, unit."""


def schema(feed: str | None = None) -> pd.DataFrame:
    """Return one row for each field of each feed, or of ``feed`` alone, such as ``"spot.trades"``.

    ``topic`` is what a push says as its topic, ``section`` that of protocol.md, ``about`` what the message is. Pro's
    pushes name a channel (``obu.SPOT``); what follows an ``@`` is its depth, what follows the colon whose it is.
    ``market`` is ``all`` where one account has them all. ``field`` is the name in the message: ``candle.open`` is
    inside ``candle``, ``*`` stands for every key of a map. ``dtype`` is that of its column in ``.frame().df``, where a
    time has lost its unit (``time_ms`` is ``time``); what is inside an ``object`` column is an ``object`` here too; it
    is empty for a map, whose frame has a row for each key.
    ``unit`` is a word of :data:`kucoin_stream.protocol.messages.units.UNITS`, one for each element of a level, and
    empty where there is none.

    Raises :class:`UsageError` where there is no such feed.
    """
    if feed is not None and not isinstance(feed, str):
        raise UsageError(f"feed={shown(feed)}: a name such as 'spot.trades'; ks.schema() has them all")
    topics = CATALOGUE if feed is None else (find(feed),)
    return pd.DataFrame([row for topic in topics for row in _rows(topic)], columns=list(COLUMNS))


def market(topic: Topic) -> str:
    """Return the market that a feed tells of: ``spot``, ``margin``, ``futures``, or ``all``."""
    if "margin" in topic.name or "isolated" in topic.name:
        return "margin" if topic.connection in (Connection.SPOT_PUBLIC, Connection.SPOT_PRIVATE) else "futures"
    return _MARKETS.get(topic.connection, "all")


def _rows(topic: Topic) -> Iterator[tuple[Any, ...]]:
    of = market(topic)
    generation = "pro" if topic.connection.endswith("ProV2") else "classic"
    about = " ".join(topic.doc.partition("\n\n")[0].split())
    for name, dtype, unit in fields(topic.payload):
        words = ", ".join(_SIZES.get(of, word) if word == "size" else word for word in unit.split(", "))
        yield (
            topic.name, of, generation, topic.connection.value, topic.path, topic.private, name, dtype, words,
            topic.section, about,
        )  # fmt: skip


def fields(payload: Any) -> Iterator[Field]:
    """Yield the fields of a message type, those inside a field after it."""
    match inspect.type_info(payload):
        case inspect.StructType(fields=each):
            for field in each:
                if is_candle(field.type):
                    yield from _columns(field.type.fields, f"{field.name}.")
                elif (row := _one_or_several(field.type)) is not None:
                    for inner in row.fields:
                        yield from _columns((inner,), f"{field.name}.")
                        yield from _inside(inner.type, f"{field.name}.{inner.name}")
                else:
                    yield from _columns((field,))
                    yield from _inside(field.type, field.name)
        case inspect.DictType(value_type=value):
            yield "*", "", declared_unit(value)
            yield from ((name, "", unit) for name, _, unit in _inside(value, "*"))


def _one_or_several(kind: inspect.Type) -> inspect.StructType | None:
    """Return what is inside of a field that holds one row, or a list of such."""
    match kind:
        case inspect.UnionType(types=(inspect.StructType() as row, inspect.ListType(item_type=each))) if each == row:
            return row
    return None


def _columns(each: Iterable[inspect.Field], prefix: str = "") -> Iterator[Field]:
    for field in each:
        column = Column(prefix + field.name, field.type)
        yield column.path, column.dtype, _unit(field)


def _unit(field: inspect.Field) -> str:
    return declared_unit(field.type) or time_unit(field.name, field.type) or ""


def _inside(kind: inspect.Type, path: str) -> Iterator[Field]:
    """Yield the fields of what is held by an object column: a message within the message, a map, an array of these."""
    match kind:
        case inspect.UnionType(types=alternatives):
            for each in alternatives[:1]:  # the others say the same in the form of other years, or nothing
                yield from _inside(each, path)
        case inspect.StructType(fields=each):
            for field in each:
                yield f"{path}.{field.name}", "object", _unit(field)
                yield from _inside(field.type, f"{path}.{field.name}")
        case inspect.DictType(value_type=value):
            yield from _inside(value, f"{path}.*")
        case inspect.ListType(item_type=item):
            yield from _inside(item, path)
