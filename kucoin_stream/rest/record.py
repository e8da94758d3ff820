"""An object that came back: a mapping with typed values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from kucoin_stream.protocol.endpoints.endpoint import snake

_SECRET = frozenset({"api_key", "api_secret", "secret_key", "passphrase", "token"})


class Record(Mapping[str, Any]):
    """What came back, by the names of Python: ``order_id``; KuCoin's own, ``orderId``, are taken too.

    Times are UTC timestamps, amounts floats (or exact), nested objects records, rows within it DataFrames. ``badge`` is
    ``SIMULATED``, ``REPLAYED`` or nothing. Its repr hides secrets.
    """

    __slots__ = ("_values", "badge")

    def __init__(self, values: Mapping[str, Any], badge: str = "") -> None:
        self._values = dict(values)
        self.badge = badge

    def __getitem__(self, name: str) -> Any:
        try:
            return self._values[name]
        except KeyError:
            return self._values[snake(name)]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        shown = (f"{name}={'***' if name in _SECRET else _short(value)}" for name, value in self._values.items())
        return f"<Record {f'{self.badge} | ' if self.badge else ''}{', '.join(shown)}>"


def _short(value: Any) -> str:
    """Return a value on one line: of rows, how many there are; of times, the text."""
    if isinstance(value, pd.DataFrame):
        return f"<{len(value)} rows of {', '.join(map(str, value.columns))}>"
    return str(value) if isinstance(value, pd.Timestamp) else repr(value)
