"""What comes back, in shape: rows as DataFrames, objects as :class:`Record`, scalars as they are typed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec
import pandas as pd
from msgspec import Struct

from kucoin_stream.errors import RemoteProtocolError
from kucoin_stream.protocol.endpoints.endpoint import Endpoint, Field, field, snake
from kucoin_stream.rest.record import Record
from kucoin_stream.rest.values import column, value

OF_PAGES = frozenset(
    {"currentPage", "pageNumber", "pageSize", "totalNum", "totalNumber", "totalPage", "hasMore", "lastId"}
)
"""What stands beside rows for the sake of paging."""

_PLAIN: msgspec.json.Decoder[Any] = msgspec.json.Decoder()
_EXACT: msgspec.json.Decoder[Any] = msgspec.json.Decoder(float_hook=Decimal)

BARS = ("open", "high", "low", "close", "volume", "turnover")
"""Columns of klines in the order of :class:`LiveKlines`, whatever that of the wire."""

Fields = Mapping[str, str]
"""By KuCoin's name, as the catalogue writes them."""

Row = Any
"""A mapping, or a list where the catalogue names its columns."""


def decode(data: bytes | msgspec.Raw, *, exact: bool) -> Any:
    """Return JSON as it was sent; numbers with a fraction as Decimals if ``exact``."""
    try:
        return (_EXACT if exact else _PLAIN).decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
        raise RemoteProtocolError(f"the data of an answer cannot be read: {exc}") from None


def rows_of(row: Endpoint, data: Any) -> tuple[list[Row], dict[str, Any]]:
    """Return the rows of an answer, and what stands beside them.

    Raises :class:`RemoteProtocolError` where they are not what the catalogue describes.
    """
    beside: dict[str, Any] = {}
    if row.rows_key and isinstance(data, Mapping):
        beside = {name: each for name, each in data.items() if name != row.rows_key}
        data = data.get(row.rows_key)
    rows = [] if data is None else data
    single = list(row.fields) == [""]
    if not (isinstance(rows, list) if single else _all(rows, Sequence if row.columns else Mapping)):
        raise RemoteProtocolError(f"{row.group}.{row.name}: rows of another form; raw=True shows what came")
    return rows, beside


class Shape(Struct, frozen=True):
    """How the answers of one call are read: floats or, if ``exact``, Decimals. ``badge`` marks what is not live."""

    row: Endpoint
    exact: bool = False
    badge: str = ""

    def answer(self, data: Any) -> Any:
        """Return the whole of one answer."""
        row = self.row
        if row.kind == "scalar":
            return value(field(row.fields[""]), data, exact=self.exact)
        if row.kind == "object" and not row.rows_key:
            return self._record(row.fields, data) if isinstance(data, Mapping) else data
        return self.rows(*rows_of(row, data))

    def rows(self, rows: Sequence[Row], beside: Mapping[str, Any]) -> Any:
        """Return rows as a DataFrame; single values as a list. ``df.attrs`` has what stands beside the rows."""
        if list(self.row.fields) == [""]:
            kind = field(self.row.fields[""])
            return [value(kind, each, exact=self.exact) for each in rows]
        if self.row.columns:
            frame = self._frame(self.row.fields, [_named(self.row.fields, each) for each in rows])
            frame = frame.set_index("time").sort_index()[[*BARS, *frame.columns.difference([*BARS, "time"])]]
        else:
            frame = self._frame(self.row.fields, rows)
        frame.attrs |= {"feed": f"{self.row.group}.{self.row.name}", "badge": self.badge, **self._beside(beside)}
        return frame

    def _frame(self, fields: Fields, rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
        index = pd.RangeIndex(len(rows))
        columns = {
            snake(name.replace(".", "_")): column(name, kind, [_at(row, name) for row in rows], exact=self.exact)
            for name, kind in columns_of(fields).items()
        }
        known = {name.partition(".")[0].removesuffix("[]") for name in fields}
        unknown = dict.fromkeys(name for row in rows for name in row if name not in known)
        for name in unknown:
            columns.setdefault(snake(name), column(name, _ANY, [row.get(name) for row in rows], exact=self.exact))
        return pd.DataFrame(columns, index=index)

    def _record(self, fields: Fields, given: Mapping[str, Any]) -> Record:
        if "*" in fields:
            kind = field(fields["*"])
            return Record({name: value(kind, each, exact=self.exact) for name, each in given.items()}, self.badge)
        values = {snake(name): self._value(fields, name, each) for name, each in given.items()}
        return Record(values, self.badge)

    def _value(self, fields: Fields, name: str, given: Any) -> Any:
        """Return a field of an object, whatever is within it."""
        kind = field(fields.get(name, "any"))
        if kind.pair and _all(given, Sequence) and all(len(each) == len(kind.pair) for each in given):
            pairs = [_named(kind.pair, each) for each in given]
            return self._frame(dict.fromkeys(kind.pair, "decimal"), pairs)
        if isinstance(given, Mapping) and (inner := _within(fields, f"{name}.")):
            return self._record(inner, given)
        if kind.type == "array<object>" and _all(given, Mapping) and (inner := _within(fields, f"{name}[].")):
            return self._frame(inner, given)
        return value(kind, given, exact=self.exact)

    def _beside(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return what stands beside rows as flat JSON scalars, times as ISO text."""
        found = {
            snake(name.replace(".", "_")): _flat(value(kind, _at(given, name), exact=False))
            for name, kind in columns_of(self.row.outer).items()
            if name not in OF_PAGES
        }
        return {name: each for name, each in found.items() if each is not None}


_ANY = Field("any")


def _flat(each: Any) -> Any:
    """Return a JSON scalar, or ``None`` for what cannot be one."""
    if isinstance(each, pd.Timestamp):
        return each.isoformat()
    return each if isinstance(each, (str, int, float)) else None


def _all(given: Any, kind: type) -> bool:
    """Whether something is a list of lists, or of mappings."""
    return isinstance(given, list) and all(isinstance(each, kind) and not isinstance(each, str) for each in given)


def columns_of(fields: Fields) -> dict[str, Field]:
    """Return the fields that are columns: of nested objects each its own, of nested arrays the array."""
    opened = {name.rpartition(".")[0] for name in fields if "." in name and not name.endswith("*")}
    return {
        name: field(text)
        for name, text in fields.items()
        if "[]" not in name and name not in opened and "*" not in name
    }


def _within(fields: Fields, prefix: str) -> dict[str, str]:
    return {name.removeprefix(prefix): text for name, text in fields.items() if name.startswith(prefix)}


def _at(row: Mapping[str, Any], path: str) -> Any:
    """Return what stands at a path; ``None`` where it leads nowhere."""
    if "." not in path:
        return row.get(path)
    found: Any = row
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _named(names: Sequence[str] | Fields, row: Sequence[Any]) -> dict[str, Any]:
    """Return a list as a mapping; columns that nobody has named are called by their number."""
    known = [*names, *(f"column_{number}" for number in range(len(names), len(row)))]
    return dict(zip(known, row, strict=False))
