"""What the account has of each currency, by account type; every change is told (protocol.md 4.14). Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import NamedTuple

from kucoin_stream.simulator.market import RestError
from kucoin_stream.simulator.trading.amounts import ZERO

ISOLATED = "isolated/"
"""Begins the name of a symbol's isolated account; the others are ``main``, ``trade`` and ``margin``."""


class Holding(NamedTuple):
    """What there is of one currency. ``liability`` is what was borrowed of it."""

    available: Decimal = ZERO
    hold: Decimal = ZERO
    liability: Decimal = ZERO

    @property
    def total(self) -> Decimal:
        """All of it, held or not."""
        return self.available + self.hold


class Moved(NamedTuple):
    """A change. ``event`` is what happened (``hold``, ``setted``), ``context`` the order or trade it belongs to."""

    account: str
    currency: str
    holding: Holding
    available_change: Decimal
    hold_change: Decimal
    liability_change: Decimal
    event: str
    context: Mapping[str, str]
    time_ns: int
    number: int  # of the change, from 1


class Ledger:
    """Balances by account and currency. ``moved`` is told of every change after it."""

    def __init__(self, moved: Callable[[Moved], None]) -> None:
        self._moved = moved
        self._holdings: dict[str, dict[str, Holding]] = {}
        self._count = 0

    def __repr__(self) -> str:
        return f"<Ledger of {', '.join(self._holdings)}>"

    def get(self, account: str, currency: str) -> Holding:
        """Return what there is; nothing, where there never was any."""
        return self._holdings.get(account, {}).get(currency, Holding())

    def all(self, account: str) -> Mapping[str, Holding]:
        """Return what there is by currency, those that came to nothing included."""
        return self._holdings.get(account, {})

    def accounts(self) -> list[str]:
        """Return the names of the accounts that there ever was something on."""
        return list(self._holdings)

    def change(
        self, account: str, currency: str, available: Decimal, hold: Decimal = ZERO, liability: Decimal = ZERO,
        *, event: str, time_ns: int, context: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        """Add to what there is. Raises :class:`RestError` where that would leave less than nothing available."""
        held = self.get(account, currency)
        holding = Holding(held.available + available, held.hold + hold, held.liability + liability)
        if min(holding) < 0:
            raise insufficient()
        self._holdings.setdefault(account, {})[currency] = holding
        self._count += 1
        self._moved(
            Moved(account, currency, holding, available, hold, liability, event, context or {}, time_ns, self._count)
        )


def insufficient() -> RestError:
    """Return the error of a balance that does not suffice (protocol.md 9.3)."""
    return RestError(200, "200004", "Balance insufficient!")
