"""Messages as rows of typed columns: which columns a message type has, and what stands in them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from operator import attrgetter
from typing import Any, TypeGuard

import pandas as pd
from msgspec import inspect

from kucoin_stream.analytics.columns import decimals
from kucoin_stream.frames.base import NO_TIME, utc
from kucoin_stream.frames.maps import entry_of
from kucoin_stream.protocol.messages.units import declared_unit

_CATEGORIES = frozenset({"symbol", "side", "position_side", "interval"})
_TIMES = {"_ns": "ns", "_ms": "ms", "_s": "s"}


class Column:
    """One column: where its value comes from, how it is stored, how it is shown."""

    def __init__(self, path: str, kind: inspect.Type) -> None:
        self.path = path
        name = path.rpartition(".")[2]
        self.unit = time_unit(name, kind)
        self.name = name.removesuffix(f"_{self.unit}") if self.unit else name
        self.category = name in _CATEGORIES
        first, *others = kind.types if isinstance(kind, inspect.UnionType) else (kind,)
        optional = bool(others)
        self.code, self.missing = "O", None
        self.names = self.category  # whether its values name what a message is of: a symbol, an order, a currency
        match first.type if isinstance(first, inspect.Metadata) else first:
            case _ if self.category:
                self.code = "i"
            case inspect.StrType():
                self.names = True
            case inspect.FloatType():
                self.code, self.missing = "d", float("nan") if optional else None
            case inspect.IntType():
                self.code, self.missing = "q", NO_TIME if optional else None

    @property
    def dtype(self) -> str:
        """The dtype of the column in a DataFrame."""
        if self.category:
            return "category"
        if self.unit:
            return "datetime64[ns, UTC]"
        if self.code == "q":
            return "int64" if self.missing is None else "Int64"
        return {"d": "float64", "O": "object"}[self.code]


def time_unit(name: str, kind: inspect.Type) -> str | None:
    """Return the unit of a time, from the name of its field; ``None`` for what is none, such as a duration."""
    if declared_unit(kind):
        return None
    return next((unit for end, unit in _TIMES.items() if name.endswith(end)), None)


@cache
def columns_of(payload: type[Any]) -> tuple[Column, ...]:
    """Return the columns for a message type, or for its rows; a candle's fields stand beside the message's own."""
    columns: list[Column] = []
    for field in _fields(entry_of(payload) or payload):
        if is_candle(field.type):
            columns += [Column(f"{field.name}.{each.name}", each.type) for each in field.type.fields]
        else:
            columns.append(Column(field.name, field.type))
    order = {"time": 0, "start": 0, "timestamp": 0, "symbol": 1, "interval": 2}
    return tuple(sorted(columns, key=lambda column: order.get(column.name, 3)))


def is_candle(kind: inspect.Type) -> TypeGuard[inspect.StructType]:
    """Whether a field holds an array whose elements have names."""
    return isinstance(kind, inspect.StructType) and kind.array_like


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
        self.columns = columns_of(payload)  # type: ignore[arg-type]  # types are hashable
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

    def recall(self, categories: list[list[str]]) -> None:
        """Know the categories of another moment, as :meth:`categories` told them, in place of the present ones."""
        self._known.clear()
        for codes, known in zip(self._codes, categories, strict=True):
            codes.clear()
            codes.update((value, code) for code, value in enumerate(known))

    def frame(self, arrays: dict[str, Any], categories: list[list[str]], *, exact: bool = False) -> pd.DataFrame:
        """Build a DataFrame of copied columns, in any thread; numbers with a fraction as Decimals if ``exact``."""
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
            elif column.dtype == "Int64":
                columns[column.name] = pd.arrays.IntegerArray(values, values == NO_TIME)
            elif column.code == "O":  # as it is: guessing what the objects are costs more than all the rest
                columns[column.name] = pd.Series(values, index=index, dtype=object, copy=False)
            elif exact and column.code == "d":
                columns[column.name] = pd.Series(decimals(values.tolist()), index=index, dtype=object)
            else:
                columns[column.name] = values
        return pd.DataFrame(columns, index=index, copy=False)
