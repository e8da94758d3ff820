"""Past bars on this machine: Parquet files of a month each, by exchange, market, symbol and interval."""

from __future__ import annotations

import logging
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd
from msgspec import Struct

from kucoin_stream.frames.base import utc
from kucoin_stream.rest.answers import BARS
from kucoin_stream.rest.spans import Period, Span, joined

_APP = "kucoin-stream"
_META = b"kucoin_stream"
_SAFE = re.compile(r"\.?[A-Z0-9]+(-[A-Z0-9]+)?")  # symbols that are names of folders; ".KXBTUSDT" is an index

log = logging.getLogger("kucoin_stream")

_said: set[str] = set()


class Shelf(Struct, frozen=True):
    """Whose bars: ``market`` is ``spot`` or ``futures``, ``step`` the interval in seconds."""

    market: str
    symbol: str
    interval: str
    step: int


class Kept(Struct, frozen=True):
    """Bars by their begin (UTC), and the spans of which they are all there are: what is missing was not traded."""

    bars: pd.DataFrame
    covered: list[Span]


class _Meta(Struct, frozen=True):
    """What stands beside the columns of a file."""

    covered: list[tuple[int, int]]
    version: int = 1


def no_bars() -> pd.DataFrame:
    """Return a frame of bars that has none."""
    empty = utc(pd.array([], dtype="int64").to_numpy(), "s").rename("time")
    return pd.DataFrame({name: pd.Series(dtype="float64") for name in BARS}, index=empty)


class Cache:
    """Bars that have ended, kept on this machine for the next time. Made by :attr:`Client.cache`. Safe from any thread.

    It needs ``pip install 'kucoin-stream[parquet]'``; without, nothing is kept. Exchanges never share: each has a
    folder named after its address. Processes may use it at once: a file is replaced as a whole or not at all. One that
    cannot be read is deleted, which is logged, and fetched again.
    """

    def __init__(self, mode: str, bases: Mapping[str, str]) -> None:
        self._homes = {market: _folder(mode, base) for market, base in bases.items()}

    def __repr__(self) -> str:
        return f"<Cache {self.folder}>" if usable() else "<Cache: pip install 'kucoin-stream[parquet]'>"

    @property
    def folder(self) -> Path:
        """Where all caches of this user are. Raises :class:`ImportError` without the extra ``[parquet]``."""
        import platformdirs

        return platformdirs.user_cache_path(_APP, appauthor=False) / "bars"

    def info(self) -> pd.DataFrame:
        """Return what is kept of this exchange, a row for each symbol and interval.

        Columns: ``market``, ``symbol``, ``interval``, ``bars``, ``first`` and ``last`` (begins, UTC), ``files``,
        ``bytes``.
        """
        rows = [self._row(*found) for found in self._series()] if usable() else []
        columns = ["market", "symbol", "interval", "bars", "first", "last", "files", "bytes"]
        frame = pd.DataFrame(rows, columns=columns)
        return frame.astype({"bars": "int64", "files": "int64", "bytes": "int64"} if not rows else {})

    def clear(self, symbol: str | None = None) -> int:
        """Delete what is kept of this exchange, or of one symbol of it; return how many bytes that were."""
        gone = 0
        for _, name, _, folder in list(self._series()) if usable() else []:
            if symbol in (None, name):
                gone += sum(file.stat().st_size for file in folder.glob("*.parquet"))
                shutil.rmtree(folder, ignore_errors=True)
        return gone

    def _series(self) -> Iterator[tuple[str, str, str, Path]]:
        for market, home in self._homes.items():
            for folder in sorted((self.folder / home / market).glob("*/*")):
                yield market, folder.parent.name, folder.name, folder

    def _row(self, market: str, symbol: str, interval: str, folder: Path) -> tuple[Any, ...]:
        files = sorted(folder.glob("*.parquet"))
        found = [self._read(file) for file in files]
        bars = pd.concat([each.bars for each in found]) if found else no_bars()
        size = sum(file.stat().st_size for file in files if file.exists())
        return market, symbol, interval, len(bars), bars.index.min(), bars.index.max(), len(files), size

    # -- what histories do with it -------------------------------------------------------------------------------

    def load(self, shelf: Shelf, period: Period) -> Kept:
        """Return what is there of a period; nothing, where a file cannot be read."""
        file = self._file(shelf, period)
        return self._read(file) if file is not None else Kept(no_bars(), [])

    def keep(self, shelf: Shelf, period: Period, fresh: Kept) -> None:
        """Add bars of a period to what is there; where the disk does not take them, that is logged once."""
        file = self._file(shelf, period)
        covered = joined(span.within(period.span) for span in fresh.covered)
        if file is None or not covered:
            return
        known = self._read(file)
        bars = pd.concat([known.bars, fresh.bars]) if len(known.bars) else fresh.bars
        bars = bars[~bars.index.duplicated(keep="last")].sort_index()
        inside = bars.loc[utc_time(period.span.begin) : utc_time(period.span.end - 1)]
        try:
            _write(file, Kept(inside, joined([*known.covered, *covered])))
        except OSError as exc:
            _say_once(f"past bars cannot be kept in {self.folder}: {exc}")

    def _file(self, shelf: Shelf, period: Period) -> Path | None:
        if not usable() or not _SAFE.fullmatch(shelf.symbol):
            return None
        home = self.folder / self._homes[shelf.market] / shelf.market
        return home / shelf.symbol / shelf.interval / f"{period.name}.parquet"

    def _read(self, file: Path) -> Kept:
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            with pq.ParquetFile(file) as opened:
                meta = msgspec.json.decode(opened.schema_arrow.metadata[_META], type=_Meta)
                table = opened.read()
            index = utc(table["start_s"].to_numpy(), "s").rename("time")
            columns = {name: table[name].to_numpy() for name in BARS}
        except FileNotFoundError:
            return Kept(no_bars(), [])
        except (OSError, ValueError, KeyError, TypeError, pa.ArrowException, msgspec.MsgspecError) as exc:
            log.warning("the cache file %s cannot be read and is fetched again: %s", file, str(exc)[:200])
            with suppress(OSError):
                file.unlink()
            return Kept(no_bars(), [])
        return Kept(pd.DataFrame(columns, index=index), [Span(*each) for each in meta.covered])


def usable() -> bool:
    """Whether what the cache needs is installed; where it is not, that is logged once."""
    try:
        import platformdirs  # noqa: F401
        import pyarrow.parquet  # noqa: F401
    except ImportError:
        _say_once("past bars are not kept on this machine: that needs pip install 'kucoin-stream[parquet]'")
        return False
    return True


def utc_time(seconds: int) -> pd.Timestamp:
    """Return a Unix time in seconds as a timestamp."""
    return pd.Timestamp(seconds, unit="s", tz="UTC")


def _folder(mode: str, base: str) -> str:
    """Return the name of an exchange's folder: ``live-api.kucoin.com``."""
    return f"{mode}-" + re.sub(r"[^A-Za-z0-9.]+", "-", base.partition("://")[2])


def _write(file: Path, kept: Kept) -> None:
    """Replace a file, in one step."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    start_s = kept.bars.index.as_unit("s").asi8  # type: ignore[attr-defined]
    table = pa.table({"start_s": start_s, **{name: kept.bars[name].to_numpy() for name in BARS}})
    meta = msgspec.json.encode(_Meta([(span.begin, span.end) for span in kept.covered]))
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.stem}-")
    try:
        with os.fdopen(handle, "wb") as opened:
            pq.write_table(table.replace_schema_metadata({_META: meta}), opened)
        Path(name).replace(file)
    except BaseException:  # Ctrl-C too
        with suppress(OSError):
            Path(name).unlink()
        raise


def _say_once(text: str) -> None:
    if text not in _said:
        _said.add(text)
        log.warning(text)
