"""Frames as tables of Arrow and Polars, and as Parquet files: dtypes, time zones and attrs survive where they can."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pandas as pd

from kucoin_stream.bridges.kinds import missing
from kucoin_stream.errors import UsageError
from kucoin_stream.given import shown

_ATTRS = "PANDAS_ATTRS"  # where pd.read_parquet looks for them; to_pandas() has a place of its own, from pyarrow 22 on


def to_arrow(frame: pd.DataFrame) -> Any:
    """Return a ``pyarrow.Table`` whose ``to_pandas()`` is the frame again, texts as ``str``, attrs from pyarrow 22 on.

    An index with a name becomes a column.
    """
    try:
        import pyarrow as pa
    except ImportError:
        raise missing("pyarrow", "'kucoin-stream[parquet]'") from None
    table = pa.Table.from_pandas(frame)
    if not frame.attrs:
        return table
    return table.replace_schema_metadata({**table.schema.metadata, _ATTRS: json.dumps(frame.attrs, default=str)})


def to_parquet(frame: pd.DataFrame, path: str | os.PathLike[str]) -> Path:
    """Write a Parquet file in place of what is there, and return its path.

    Raises :class:`UsageError` for a path that is none, :class:`OSError`.
    """
    if not isinstance(path, str | os.PathLike) or not os.fspath(path):
        raise UsageError(f"path={shown(path)}: the name of a file, such as 'trades.parquet'")
    table = to_arrow(frame)
    from pyarrow import parquet

    parquet.write_table(table, os.fspath(path), compression="zstd")
    return Path(path)


def to_polars(frame: pd.DataFrame) -> Any:
    """Return a ``polars.DataFrame``, by way of Arrow."""
    try:
        import polars
    except ImportError:
        raise missing("polars", "polars pyarrow") from None
    return polars.from_arrow(to_arrow(frame))
