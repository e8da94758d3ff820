"""Messages as rows of typed columns: which columns a message type has, and what stands in them."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any

import pandas as pd
from msgspec import inspect

from kucoin_stream.frames.base import NO_TIME, utc

_CATEGORIES = frozenset({"symbol", "side", "interval"})
_UNITS = {"_ns": "ns", "_ms": "ms", "_s": "s"}


class Column:
    """One column: where its value comes from, how it is stored, how it is shown."""

    def __init__(self, path: str, kind: inspect.Type) -> None:
        self.path = path
        name = path.rpartition(".")[2]
        self.unit = next((unit for end, unit in _UNITS.items() if name.endswith(end)), None)
        self.name = name.removesuffix(f"_{self.unit}") if self.unit else name
        self.category = name in _CATEGORIES
        alternatives = kind.types if isinstance(kind, inspect.UnionType) else (kind,)
        optional = len(alternatives) > 1
        self.code, self.missing = "O", None
        match alternatives[0]:
            case _ if self.category:
                self.code = "i"
            case inspect.FloatType():
                self.code, self.missing = "d", float("nan") if optional else None
            case inspect.IntType():
                self.code, self.missing = "q", NO_TIME if optional else None


def columns_of(payload: type[Any]) -> list[Column]:
    """Return the columns for a message type; a candle's fields stand beside the message's own."""
    columns = []
    for field in _fields(payload):
        inner = field.type.cls if isinstance(field.type, inspect.StructType) else None
        if inner is not None and inner.__struct_config__.array_like:  # a candle
            columns += [Column(f"{field.name}.{each.name}", each.type) for each in _fields(inner)]
        else:
            columns.append(Column(field.name, field.type))
    order = {"time": 0, "start": 0, "timestamp": 0, "symbol": 1, "interval": 2}
    columns.sort(key=lambda column: order.get(column.name, 3))
    return columns


def has_columns(payload: Any) -> bool:
    """Whether messages of this type can be rows."""
    return isinstance(inspect.type_info(payload), inspect.StructType)


def _fields(payload: type[Any]) -> tuple[inspect.Field, ...]:
    info = inspect.type_info(payload)
    assert isinstance(info, inspect.StructType)  # noqa: S101  every payload of the catalogue is
    return info.fields


class Rows:
    """Turns messages into rows, and columns of rows into a DataFrame. Rows are made on the loop thread."""

    def __init__(self, payload: type[Any]) -> None:
        self.columns = columns_of(payload)
        self._get: Callable[[Any], Any] = attrgetter(*(column.path for column in self.columns))
        self._codes: list[dict[str, int]] = [{} for _ in self.columns]  # of categories
        self._known: dict[int, pd.CategoricalDtype] = {}
        self._fix = [
            (at, column.missing, self._codes[at] if column.category else None)
            for at, column in enumerate(self.columns)
            if column.category or column.missing is not None
        ]

    @property
    def codes(self) -> dict[str, str]:
        """How each column is stored: by path, a type code of :class:`Ring`."""
        return {column.path: column.code for column in self.columns}

    def row(self, message: Any) -> list[Any]:
        """Return the values of one message, each as its column stores it."""
        row = [*self._get(message)]
        for at, missing, codes in self._fix:
            value = row[at]
            if codes is None:
                if value is None:
                    row[at] = missing
            elif (code := codes.get(value)) is not None:
                row[at] = code
            else:
                row[at] = codes.setdefault(value, len(codes))
        return row

    def categories(self) -> list[list[str]]:
        """Return a copy of the categories of each column."""
        return [list(codes) for codes in self._codes]

    def frame(self, arrays: dict[str, Any], categories: list[list[str]]) -> pd.DataFrame:
        """Build a DataFrame of copied columns, in any thread."""
        index = pd.RangeIndex(len(arrays[self.columns[0].path]))
        columns: dict[str, Any] = {}
        for at, column in enumerate(self.columns):
            values = arrays[column.path]
            if column.category:
                known = self._known.get(at)
                if known is None or len(known.categories) != len(categories[at]):
                    known = self._known[at] = pd.CategoricalDtype(categories[at])
                columns[column.name] = pd.Categorical.from_codes(values, dtype=known, validate=False)
            elif column.unit:
                columns[column.name] = utc(values, column.unit)
            elif column.code == "O":  # as it is: guessing what the objects are costs more than all the rest
                columns[column.name] = pd.Series(values, index=index, dtype=object, copy=False)
            else:
                columns[column.name] = values
        return pd.DataFrame(columns, index=index, copy=False)
