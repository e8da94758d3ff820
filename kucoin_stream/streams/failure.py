"""What a node of a user's graph raised, as a message: ``feed.errors`` carries it."""

from __future__ import annotations

import traceback

from msgspec import Struct
from streamz import Stream

from kucoin_stream.streams.culprit import of_traceback


class Failure(Struct, frozen=True):
    """What a node of a user's graph raised; it cost one message."""

    feed: str
    node: str
    cell: str  # that made the branch, such as ``In [7]``; empty outside of notebooks
    exception: str  # name of the type
    text: str
    traceback: str  # from the user's function on
    time_ns: int  # Unix
    count: int  # of the errors of this branch, this one included


def failure(exc: BaseException, child: Stream | None, *, feed: str, cell: str, time_ns: int, count: int) -> Failure:
    """Describe ``exc``, raised behind ``child``: the node it comes from, and the user's part of the traceback."""
    culprit = of_traceback(exc.__traceback__)
    entry = exc.__traceback__
    for _ in range(culprit.depth):
        entry = entry and entry.tb_next
    lines = traceback.format_exception(type(exc), exc, entry)
    node = str(culprit.node or child)
    text = "".join(traceback.format_exception_only(exc)).strip().partition(": ")[2]  # also where str() fails
    return Failure(feed, node, cell, type(exc).__name__, text, "".join(lines), time_ns, count)
