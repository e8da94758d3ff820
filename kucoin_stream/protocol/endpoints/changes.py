"""A call that changes something, as its guard sees it: whose it is, and which orders are in it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from msgspec import Struct

OTHER = "other"
"""The group of calls by path that the catalogue does not know and that are no GET."""

HIDDEN = "passphrase"  # the parameter whose value is never shown

_ORDER = frozenset({"side", "newPrice", "newSize"})
_NAMES = ("clientOid", "orderId", "symbol")


class Change(Struct, frozen=True):
    """A call that changes something. ``args`` are its body as sent, or its query where it has none."""

    group: str
    op: str
    args: Any
    cancels: bool = False  # orders, and places none

    def __repr__(self) -> str:
        return f"<Change {self.op} {_shown(self.args)}>"

    @property
    def orders(self) -> list[Mapping[str, Any]]:
        """The orders that it would place or change, under KuCoin's names: whatever has a side, a new price or size."""
        return [] if self.cancels else list(_orders_in(self.args))

    @property
    def names(self) -> str:
        """How its orders can be found again."""
        named = [next((f"{key}={each[key]}" for key in _NAMES if each.get(key)), "") for each in self.orders]
        return ", ".join(filter(None, named))


class DryRun(Struct, frozen=True):
    """What would have been sent, and what it would have come to in ``currency``."""

    op: str
    args: Any
    worth: Decimal
    currency: str

    def __repr__(self) -> str:
        return f"DryRun(op={self.op!r}, args={_shown(self.args)}, worth={self.worth!r}, currency={self.currency!r})"


def _shown(args: Any) -> str:
    """Return arguments as text, without the passphrase that a new API key is to have."""
    return repr({**args, HIDDEN: "***"} if isinstance(args, Mapping) and HIDDEN in args else args)


def _orders_in(body: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(body, list):
        for each in body:
            yield from _orders_in(each)
    elif isinstance(body, Mapping):
        if not _ORDER.isdisjoint(body):
            yield body
        for each in body.values():
            yield from _orders_in(each)
