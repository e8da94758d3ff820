"""A tape as Parquet files, partitioned by feed, symbol and date: for pandas, DuckDB, Polars."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from msgspec import Struct

from kucoin_stream.errors import UsageError
from kucoin_stream.frames.base import utc
from kucoin_stream.frames.columns import Rows, has_columns
from kucoin_stream.frames.maps import entries, entry_of
from kucoin_stream.market.ring import Ring
from kucoin_stream.protocol import topics
from kucoin_stream.protocol.events import Unreadable
from kucoin_stream.protocol.messages import pro
from kucoin_stream.protocol.messages.envelope import Push
from kucoin_stream.protocol.topic import Topic
from kucoin_stream.recording.lines import Data, Odd
from kucoin_stream.recording.reader import Tape
from kucoin_stream.transport.machines import Machines

ROWS = 100_000  # of one feed, kept until they are written

_PARTITIONS = ["feed", "symbol", "date"]


class Exported(Struct, frozen=True):
    """How many ``rows`` were written, and how many messages could not be read, or are no rows."""

    rows: int
    left_out: int


def export(tape: Path, folder: Path, *, hours: bool = False) -> Exported:
    """Write a tape's messages below ``folder``: ``feed=spot.trades/symbol=BTC-USDT/date=2026-11-22/*.parquet``.

    With ``hours`` each date is cut into hours, UTC, too: ``.../date=2026-11-22/hour=09/*.parquet``.

    The columns are those of a feed's frame, and ``received`` (UTC); the date is that of ``received``. Levels and
    changes of books are lists of structs. Raises :class:`UsageError` without pyarrow, or where ``folder`` holds
    something already; :class:`OSError`.
    """
    _check_pyarrow()
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder} is not empty: choose another folder")
    tables: dict[str, _Feed] = {}
    left_out = 0
    with Tape(tape) as opened:
        for received_ns, push in _pushes(opened):
            row = None if push is None else topics.parse(push.topic, push.subject)[0]
            if push is None or row is None or not has_columns(row.payload):
                left_out += 1
                continue
            table = tables.get(row.name) or tables.setdefault(row.name, _Feed(row, folder, hours=hours))
            for message in push.data if isinstance(push.data, list) else [push.data]:
                table.add(received_ns, message, push.topic)
    for table in tables.values():
        table.write()
    return Exported(sum(table.written for table in tables.values()), left_out)


def _pushes(tape: Tape) -> Iterator[tuple[int, Push[Any] | None]]:
    """Yield the pushes in order, each with the time of its receipt; ``None`` for what cannot be read."""
    machines = Machines()
    for line in tape.lines():
        if isinstance(line, Data | Odd):
            for event in machines.of(line.on).receive([bytes(each) for each in line.messages], 0.0):
                if isinstance(event, Push):
                    yield line.t, event
                elif isinstance(event, Unreadable):
                    yield line.t, None


class _Feed:
    """The rows of one feed on their way to files."""

    def __init__(self, row: Topic, folder: Path, *, hours: bool) -> None:
        self.written = 0
        self._row = row
        self._entry = entry_of(row.payload)
        self._folder = folder
        self._partitions = [*_PARTITIONS, "hour"] if hours else _PARTITIONS
        self._parts = 0
        self._begin()

    def _begin(self) -> None:
        self._rows = Rows(self._entry or self._row.payload)
        self._ring = Ring(self._rows.codes, 2**62)
        self._received: list[int] = []
        self._symbols: list[str] = []

    def add(self, received_ns: int, message: Any, topic: str) -> None:
        """Keep a message; write where there are many."""
        for row in entries([message]) if self._entry else [message]:
            self._ring.append(self._rows.row(row))
            self._received.append(received_ns)
            self._symbols.append(getattr(row, "symbol", "") or topic.partition(":")[2] or "all")
        if len(self._received) >= ROWS:
            self.write()

    def write(self) -> None:
        """Write what was kept."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        if not self._received:
            return
        table = pa.Table.from_pandas(self._frame(), preserve_index=False)
        name = f"part-{self._parts}-{{i}}.parquet"
        pq.write_to_dataset(table, self._folder, partition_cols=self._partitions, basename_template=name)
        self.written += len(self._received)
        self._parts += 1
        self._begin()

    def _frame(self) -> pd.DataFrame:
        frame = self._rows.frame(self._ring.arrays(None), self._rows.categories())
        names = ("price", "size", "rpi_size" if self._row.payload is pro.Book else "sequence")
        for column in [name for name, kind in frame.dtypes.items() if kind.kind == "O"]:
            frame[column] = _plain_column(frame[column], names)
        received = utc(np.array(self._received, dtype="int64"), "ns")
        frame["received"] = received
        frame["feed"], frame["symbol"], frame["date"] = self._row.name, self._symbols, received.strftime("%Y-%m-%d")
        if "hour" in self._partitions:
            frame["hour"] = received.strftime("%H")
        return frame


def _plain_column(values: pd.Series[Any], names: tuple[str, ...]) -> pd.Series[Any]:
    """Return objects as Parquet can hold them; a column of nothing is one of texts, as in the files beside it."""
    plain = pd.Series([_plain(value, names) for value in values], index=values.index, dtype=object)
    return plain.astype("string") if plain.isna().all() else plain


def _plain(value: Any, names: tuple[str, ...]) -> Any:
    match value:
        case Struct():
            return {name: _plain(getattr(value, name), names) for name in value.__struct_fields__}
        case list():
            return [_plain(each, names) for each in value]
        case tuple():
            return dict(zip(names, value, strict=False))
    return value


def _check_pyarrow() -> None:
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        raise UsageError("Parquet needs pyarrow: pip install 'kucoin-stream[parquet]'") from None
