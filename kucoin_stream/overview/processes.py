"""What runs: ``ks.ps()`` lists it, ``ks.stop(...)`` ends some of it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from numbers import Integral
from typing import Any

import pandas as pd
from msgspec import Struct
from streamz import Stream

from kucoin_stream.errors import UsageError
from kucoin_stream.frames.base import LiveFrame
from kucoin_stream.frames.books import LiveBooks
from kucoin_stream.frames.kept import KeptFrame
from kucoin_stream.frames.table import FeedFrame
from kucoin_stream.streams.branch import Branch
from kucoin_stream.streams.counters import Counters, count
from kucoin_stream.streams.feed import Feed
from kucoin_stream.streams.mended import branch_of
from kucoin_stream.streams.origin import Origin, living, origin
from kucoin_stream.streams.source import LiveSource
from kucoin_stream.transport.engine import Engine

_TYPES = {
    "received": "Int64", "inbox": "Int64", "peak": "Int64", "dropped": "Int64", "errors": "Int64",
    "rate": "float64", "cost_us": "float64", "load": "float64", "stalled": "float64",
    "memory": "Int64",
}  # fmt: skip


class Row(Struct):
    """One thing that runs, as :func:`table` shows it."""

    kind: str
    name: str
    topics: tuple[str, ...]
    cell: str
    since: float  # Unix seconds
    status: str = ""
    received: int | None = None
    rate: float | None = None  # messages a second, over the last seconds
    inbox: int | None = None
    peak: int | None = None
    dropped: int | None = None
    errors: int | None = None
    cost_us: float | None = None
    load: float | None = None
    stalled: float | None = None
    memory: int | None = None

    def called(self, pattern: str) -> bool:
        """Whether its name, all its topics or all their symbols are like ``pattern``, with ``*`` and ``?``."""
        symbols = [each for topic in self.topics for each in topic.partition(":")[2].split(",")]
        names: list[Sequence[str]] = [(self.name,), self.topics, symbols]
        return any(these and all(fnmatchcase(each, pattern) for each in these) for these in names)


def table(engine: Engine | None) -> pd.DataFrame:
    """Return a row for each feed, live frame, sink, view and recording that runs; the index is its number."""
    found = {known.number: row for _, known, row in running(engine)} if engine is not None else {}
    columns = {name: [getattr(row, name) for row in found.values()] for name in Row.__struct_fields__}
    columns["topics"] = [", ".join(topics) for topics in columns["topics"]]
    frame = pd.DataFrame(columns, index=pd.Index(found, name="id", dtype="int64")).astype(_TYPES)
    since = pd.to_datetime(frame["since"].astype("float64"), unit="s", utc=True)
    frame["since"] = since.dt.floor("ms").astype("datetime64[ns, UTC]")
    return frame


def stop(engine: Engine, what: object) -> None:
    """End what runs: an object, the number of its row, or a name, topic or symbol, with ``*`` and ``?``.

    A topic or symbol ends what has no other: of a feed of several symbols one cannot be ended alone.
    Raises :class:`UsageError` where nothing that runs is meant.
    """
    for thing in meant(engine, what):
        _end(thing)


def meant(engine: Engine, what: object) -> list[Any]:
    """Return what :func:`stop` would end. Raises as it does."""
    match what:
        case bool():
            raise UsageError(f"{what} is nothing that runs; ks.ps() lists what runs")
        case Integral():
            found = [thing for thing, known, _ in running(engine) if known.number == what]
        case str():
            found = [thing for thing, _, row in running(engine) if row.called(what)]
        case _:
            found = [what]
    if not found:
        raise UsageError(f"nothing that runs is {what!r}; ks.ps() lists what runs")
    return found


def _end(thing: Any) -> None:
    if isinstance(thing, Branch):
        thing = thing.node
    if isinstance(thing, Stream) and not isinstance(thing, LiveSource):
        thing.destroy()  # its stop() would be that of its source
    elif callable(end := getattr(thing, "stop", None)):
        end()
    elif thing is not None:
        raise UsageError(f"{type(thing).__name__} is nothing that runs")


def running(engine: Engine) -> Iterator[tuple[Any, Origin, Row]]:
    """Yield what runs of a client, each with where it comes from and its row."""
    now = time.monotonic()
    shown = set()
    for thing, known in living():
        row = None
        match known.kind:
            case "feed" | "stream" | "errors" if thing._engine is engine:
                row = _source(thing, known, now)
            case "frame" if thing._engine is engine:
                row = _frame(thing, known)
            case "recording" if thing._engine is engine:
                row = _recording(thing, known)
            case "view":
                row = _view(thing, known, engine)
            case "sink":
                branch = branch_of(thing)
                if branch is not None and thing.upstreams and branch.engine is engine:
                    shown.add(branch)
                    row = _behind(thing, branch, known, now)
        if row is not None:
            yield thing, known, row
    for branch, known in living("branch"):
        if branch not in shown and not branch.gone and branch.engine is engine:
            yield branch, known, _behind(branch.node, branch, known, now)


def _source(source: LiveSource[Any], known: Origin, now: float) -> Row | None:
    branches = [branch for branch in source.branches if not branch.gone]
    if source.stopped if isinstance(source, Feed) else not (branches or source._readings):
        return None
    row = Row(known.kind, source.name, getattr(source, "topics", ()), known.cell, known.since)
    row.status = source.status if isinstance(source, Feed) else "live"
    _fill(row, count(branches, now))
    row.received, row.rate = source.received, known.rates(source)[0]
    return row


def _behind(node: Stream, branch: Branch, known: Origin, now: float) -> Row:
    """Return the row of a sink, or of the first node of a branch without one; the counters are those of the branch."""
    made = origin(branch)
    source: Any = branch.source
    topics = getattr(source, "topics", ())
    row = Row(known.kind, str(node), topics, known.cell, known.since, status=f"fed by {source.name}")
    _fill(row, count([branch], now))
    row.rate = made.rates(branch)[0] if made is not None else None
    return row


def _fill(row: Row, counters: Counters) -> None:
    for name in ("received", "inbox", "peak", "dropped", "errors", "cost_us", "load", "stalled"):
        setattr(row, name, getattr(counters, name))


def _frame(frame: LiveFrame, known: Origin) -> Row | None:
    if frame._over:
        return None
    topics = frame.feed.topics if isinstance(frame, FeedFrame) else ()
    if isinstance(frame, KeptFrame | LiveBooks):
        topics = frame.topics
    received, rate = frame.received, known.rates(frame)[0]
    row = Row(known.kind, frame.title, topics, known.cell, known.since, frame.status, received, rate)
    row.memory = frame.memory
    return row


def _recording(recording: Any, known: Origin) -> Row | None:
    if recording._stopped:
        return None
    row = Row(known.kind, recording.path.name, (), known.cell, known.since, "recording", recording.messages)
    row.dropped = recording.missed
    return row


def _view(view: Any, known: Origin, engine: Engine) -> Row | None:
    subject = view.subject
    if view.closed or view.frozen or getattr(subject, "_engine", None) is not engine:
        return None
    row = Row(known.kind, f"{view.kind} {subject.title}", (), known.cell, known.since)
    row.status = "live" if view.visible else "hidden"
    if (pace := getattr(view, "pace", None)) is not None:  # the pictures of a dashboard have rows of their own
        row.status = "paused" if pace.paused else row.status
        row.received, row.rate, row.errors = pace.pictures, known.rates(view)[0], pace.errors
        row.cost_us = pace.cost * 1e6 if pace.pictures else None
    return row
