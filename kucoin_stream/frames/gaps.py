"""What was missed, as a frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from kucoin_stream.transport.gaps import Hole

COLUMNS = ["topic", "part", "from", "to", "missed", "duration", "cause", "healed_by"]


def gaps_frame(holes: Sequence[Hole]) -> pd.DataFrame:
    """Return one row for each gap, oldest first.

    ``topic`` as on the wire; ``part``: ``topic`` (its messages) or ``book`` (that is kept from them); ``from`` and
    ``to`` in UTC, ``to`` missing while it lasts; ``missed`` messages, of a book sequence numbers that were not followed
    one by one, missing where nobody can know; ``duration`` in seconds; ``cause``; ``healed_by``.
    """
    began = _times([hole.began_ns for hole in holes])
    ended = _times([hole.ended_ns for hole in holes])
    return pd.DataFrame(
        {
            "topic": [hole.topic for hole in holes],
            "part": [hole.part for hole in holes],
            "from": began,
            "to": ended,
            "missed": pd.array([hole.missed for hole in holes], dtype="Int64"),
            "duration": (ended - began).dt.total_seconds(),
            "cause": [hole.cause for hole in holes],
            "healed_by": [hole.healed_by for hole in holes],
        },
        columns=COLUMNS,
    )


def _times(nanoseconds: list[Any]) -> pd.Series[pd.Timestamp]:
    return pd.Series(pd.to_datetime(pd.Series(nanoseconds, dtype="Int64"), unit="ns", utc=True))
