"""Messages of any kind as DataFrames: structs with the dtypes of live frames, dicts, tuples, numbers, and frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from msgspec import Struct, structs

from kucoin_stream.frames.base import utc
from kucoin_stream.frames.columns import Rows
from kucoin_stream.frames.maps import entries, entry_of
from kucoin_stream.market.ring import Ring

_BLANK = 2  # rows: with fewer, streamz divides by zero where it tries a variance


class Gatherer:
    """Makes DataFrames of messages; those made by one of it have the same categories. Lives in one thread."""

    def __init__(self) -> None:
        self._rows: dict[type[Any], Rows] = {}

    def frame(self, messages: Sequence[Any]) -> pd.DataFrame:
        """Return the row or rows of each message, or the rows of frames one after the other."""
        kinds = {type(message) for message in messages}
        kind = kinds.pop() if len(kinds) == 1 else None
        if kind is not None and issubclass(kind, Struct):
            rows = self._rows.get(kind) or self._rows.setdefault(kind, Rows(kind))
            if entry_of(kind):
                messages = entries(messages)
            ring = Ring(rows.codes, len(messages))
            for message in messages:
                ring.append(rows.row(message))
            return rows.frame(ring.arrays(), rows.categories())
        if kind is not None and issubclass(kind, pd.DataFrame):
            return pd.concat(list[pd.DataFrame](messages))
        return pd.DataFrame([_plain(message) for message in messages])


def _plain(message: Any) -> Any:
    if isinstance(message, Struct):
        return structs.asdict(message)
    return message if isinstance(message, dict | tuple | list | pd.Series) else {"value": message}


def blank(payload: type[Any]) -> pd.DataFrame:
    """Return an example of a frame of these messages: the right dtypes, and two rows of zeros and empty texts."""
    rows = Rows(payload)
    kinds = {"d": float, "q": np.int64, "i": np.int32}
    arrays = {
        path: np.full(_BLANK, "", dtype=object) if code == "O" else np.zeros(_BLANK, dtype=kinds[code])
        for path, code in rows.codes.items()
    }
    return rows.frame(arrays, [[""] for _ in rows.columns])


class TimeIndex:
    """The index of successive frames: the time of each message, UTC. It never goes back, as windows by time need it."""

    def __init__(self) -> None:
        self._latest = np.iinfo(np.int64).min

    def of(self, times_ns: Sequence[int]) -> pd.DatetimeIndex:
        """Return the index for messages of these times; one that is out of order has the latest before it."""
        times = np.maximum.accumulate(np.array([self._latest, *times_ns], dtype=np.int64))[1:]
        if len(times):
            self._latest = times[-1]
        return utc(times, "ns")
