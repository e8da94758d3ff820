"""Margin on the private sockets, classic (protocol.md 4.16, 4.17) and Pro (6.6). Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal

from kucoin_stream.simulator.trading.amounts import ZERO, floor, written
from kucoin_stream.simulator.trading.ledger import ISOLATED, Moved
from kucoin_stream.simulator.trading.loans import CROSS, Deed
from kucoin_stream.simulator.trading.margin import LIQUIDATED, Margin, hub, leverage
from kucoin_stream.simulator.trading.news import News
from kucoin_stream.simulator.trading.outbox import Outbox

POSITION, ISOLATED_POSITION = "/margin/position", "/margin/isolatedPosition"

CrossStatus = Literal["FROZEN_FL", "UNFROZEN_FL", "FROZEN_RENEW", "UNFROZEN_RENEW", "LIABILITY", "UNLIABILITY"]
IsolatedStatus = Literal["", "IN_LIQUIDATION", "IN_AUTO_RENEW"]
Alarm = Literal["MARGIN_CALL", "FORCE_LIQUIDATION"]


class MarginPushes(News):
    """Writes what readers of margin accounts are told."""

    def __init__(self, margin: Margin, outbox: Outbox) -> None:
        self._margin = margin
        self._outbox = outbox
        self._busy: dict[str, IsolatedStatus] = {}  # isolated accounts to which something is being done

    def balance(self, moved: Moved) -> None:
        """Push the isolated account that a balance belongs to; of the cross account a change of its debt."""
        if moved.account.startswith(ISOLATED):
            self.isolated(moved.account, moved.time_ns, self._margin.loans.deed if moved.liability_change else "")
        elif moved.account == CROSS and moved.liability_change:
            self.debt(moved.time_ns)

    def debt(self, time_ns: int) -> None:
        """Push the debt of the cross account."""
        if self._outbox.wants(POSITION):
            self._outbox.classic(POSITION, "debt.ratio", self._margin.debt(time_ns))

    def status(self, kind: CrossStatus, time_ns: int) -> None:
        """Push what is being done to the cross account, or is over."""
        self._outbox.classic(POSITION, "position.status", {"type": kind, "timestamp": time_ns // 1_000_000})

    def isolated(self, account: str, time_ns: int, deed: Deed = "") -> None:
        """Push an isolated account."""
        symbol = account.removeprefix(ISOLATED)
        topic, busy = f"{ISOLATED_POSITION}:{symbol}", self._busy.get(account, "")
        if self._outbox.wants(topic):
            said = "FORCE_LIQUIDATION" if busy == "IN_LIQUIDATION" else deed
            self._outbox.classic(topic, "positionChange", self._margin.isolated_change(symbol, time_ns, busy, said))

    def begin(self, account: str, status: IsolatedStatus, time_ns: int) -> None:
        """Push that something is being done to an isolated account; until :meth:`end` all its pushes say so."""
        self._busy[account] = status
        self.isolated(account, time_ns)

    def end(self, account: str, time_ns: int) -> None:
        """Push what has become of an isolated account."""
        deed: Deed = "FORCE_LIQUIDATION" if self._busy.pop(account, "") == "IN_LIQUIDATION" else ""
        self.isolated(account, time_ns, deed)

    def warn(self, account: str, event: Alarm, time_ns: int) -> None:
        """Push, on Pro, that an account comes near its liquidation, or is there; amounts in the account's hub."""
        own_kind = "CROSS" if account == CROSS else "ISOLATED"
        for kind in ("UNIFIED", own_kind):
            if self._outbox.wants(f"lw.{kind}"):
                self._outbox.pro(f"lw.{kind}", "", time_ns, self._warning(account, event, time_ns))

    def _warning(self, account: str, event: Alarm, time_ns: int) -> dict[str, Any]:
        assets, debts = worth = self._margin.worth(account, hub(account), time_ns)
        own, needed = assets - debts, floor(assets * (1 - LIQUIDATED))
        money: dict[str, Decimal] = {
            "r": worth.ratio, "a": own, "iM": floor(debts / (leverage(account) - 1)), "mM": needed,
            "aM": max(ZERO, own - needed), "e": assets, "l": debts,
        }  # fmt: skip
        return {"eT": event, **{name: written(amount) for name, amount in money.items()}, "U": time_ns}
