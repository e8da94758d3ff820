"""REST calls that change something: refused until their group is armed by name; orders among them keep to a cap."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from kucoin_stream.errors import (
    KucoinStreamError,
    NotArmedError,
    OrderUncertain,
    RequestError,
    ResponseError,
    UnreachableError,
    UsageError,
    hint,
)
from kucoin_stream.orders.arming import Arming, Cap, Meant
from kucoin_stream.orders.cell import running_cell
from kucoin_stream.orders.worth import Scales
from kucoin_stream.protocol import endpoints
from kucoin_stream.protocol.endpoints.changes import OTHER, Change, DryRun
from kucoin_stream.transport.engine import Engine

T = TypeVar("T")

_SERVER_ERRORS = 500  # HTTP status from which nobody knows what was done
_BEFORE_SENDING = frozenset({"dns", "tls"})
"""Stages at which a call ended before anything was sent."""


class Groups:
    """Which groups may change something now; each has an :class:`Arming` of its own. Safe from any thread."""

    def __init__(self, engine: Engine, scales: Scales, *, chosen: bool) -> None:
        self._engine = engine
        self._scales = scales
        self._ordering = endpoints.with_orders()
        changing = [name for name, rows in endpoints.groups().items() if any(row.changes for row in rows.values())]
        self._armings = {
            name: Arming(engine.target, chosen=chosen, what=f"calls of {name}", how=self._how(name))
            for name in [*changing, OTHER]
        }

    def __repr__(self) -> str:
        return f"<Groups armed: {', '.join(self.armed) or 'none'}>"

    @property
    def armed(self) -> tuple[str, ...]:
        """The groups that are armed."""
        return tuple(name for name, arming in self._armings.items() if arming.armed)

    def arm(self, group: str, target: Meant, cap: Cap | None, *, dry_run: bool) -> None:
        """Let ``group`` change something from the next cell on; see :meth:`RestApi.arm`."""
        arming = self._arming(group)
        arming.disarm()
        if cap is None and group in self._ordering:
            raise UsageError(f"{group} has orders: say what they may come to together, as in {self._how(group)}")
        if cap is not None and group not in (*self._ordering, OTHER):
            raise UsageError(f"{group} has no orders for a cap= to count; leave it out")
        arming.arm(target, cap, dry_run=dry_run)

    def disarm(self, group: str = "") -> None:
        """Refuse what changes something: of one group, or of all."""
        for arming in [self._arming(group)] if group else self._armings.values():
            arming.disarm()

    def perform(self, change: Change, send: Callable[[], T]) -> T | DryRun:
        """Send what changes something, or say what would be sent.

        Raises :class:`NotArmedError` where it is not allowed here and now, :class:`UsageError` where an order cannot be
        counted or taken, :class:`OrderUncertain` where no answer came, or one of 5xx, and orders may be in the market,
        and what ``send`` raises.
        """
        arming = self._armings[change.group]
        if not arming.armed:
            step = f"if that is meant: {self._how(change.group)}"
            raise NotArmedError(f"{change.op} changes something and {change.group} is not armed; {step}")
        worth = self._scales.of_all(orders := change.orders)
        if not change.cancels:
            self._engine.call(arming.spend, worth.currency, worth.amount, running_cell())
        if arming.dry_run:
            return DryRun(change.op, change.args, worth.amount, worth.currency)
        try:
            return send()
        except KucoinStreamError as exc:
            if not _uncertain(exc):
                self._engine.call(arming.refund, worth.currency, worth.amount)
            elif orders:
                said = f"HTTP {exc.status}, code {exc.code or '-'}" if isinstance(exc, ResponseError) else str(exc)
                raise OrderUncertain(change.op, change.names, said) from None
            raise

    def _arming(self, group: str) -> Arming:
        if group not in self._armings:
            raise UsageError(f"no group {group!r} that changes something; {hint(group, self._armings)}")
        return self._armings[group]

    def _how(self, group: str) -> str:
        cap = ", cap=..." if group in self._ordering else ""
        return f"client.rest.arm({group!r}, target={self._engine.target.mode!r}{cap})"


def _uncertain(error: KucoinStreamError) -> bool:
    """Whether a call may have been performed although it failed."""
    match error:
        case ResponseError():
            return error.status >= _SERVER_ERRORS
        case UnreachableError():
            return error.stage not in _BEFORE_SENDING
        case RequestError() | UsageError():  # nothing was sent
            return False
    return True
