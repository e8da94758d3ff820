"""What the margin accounts have borrowed, what it costs by the hour, and what became of it. Pure.

Theory of operation. The ledger says what is owed of a currency, interest included; here is kept what of that is
interest, and when the loan is due for renewal. Whoever borrows or repays by way of the ledger alone (an order that
borrows what it lacks, or repays by what it earns) is noticed there; what is repaid pays the interest first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_UP, Decimal
from typing import Literal, NamedTuple

from kucoin_stream.simulator.flow import SECOND
from kucoin_stream.simulator.market import RestError
from kucoin_stream.simulator.trading.amounts import CENT, ZERO
from kucoin_stream.simulator.trading.ledger import ISOLATED, Ledger, Moved
from kucoin_stream.simulator.trading.news import News

HOUR = 3600 * SECOND  # ns
TERM = 7 * 24 * HOUR  # ns after which a loan is renewed
RECORDS_KEPT = 10_000
CROSS = "margin"
_RATE = Decimal("0.00001")  # of a currency that has no rate of its own
_RATES = {"USDT": Decimal("0.0000125"), "BTC": Decimal("0.000003"), "ETH": Decimal("0.000004")}

Deed = Literal["", "USER_BORROW", "TRADE_AUTO_BORROW", "USER_REPAY", "AUTO_REPAY", "FORCE_LIQUIDATION"]
"""Why a debt changed, as an isolated position's ``statusBizType`` says it (protocol.md 4.17)."""


class Record(NamedTuple):
    """Something borrowed, repaid or charged. ``interest`` is the part of ``size`` that was interest."""

    number: str  # 24 hexadecimal digits
    account: str
    currency: str
    size: Decimal
    interest: Decimal
    time_ns: int

    @property
    def symbol(self) -> str:
        """The symbol of an isolated account; empty of the cross account."""
        return self.account.removeprefix(ISOLATED) if self.account.startswith(ISOLATED) else ""


@dataclass(slots=True)
class Loan:
    """What is owed of one currency on one account, beyond what the ledger says."""

    interest: Decimal = ZERO
    due_ns: int = 0


def hourly_rate(currency: str) -> Decimal:
    """Return the interest of one hour, as a share of what is owed."""
    return _RATES.get(currency, _RATE)


class Loans(News):
    """The loans of all margin accounts, with their history. To be told of balances before anybody who shows them."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._loans: dict[tuple[str, str], Loan] = {}
        self._noted = False  # whether the change under way has been noted already
        self._count = 0
        self.deed: Deed = ""  # why a debt changed last
        self.borrowed: deque[Record] = deque(maxlen=RECORDS_KEPT)
        self.repaid: deque[Record] = deque(maxlen=RECORDS_KEPT)
        self.charged: deque[Record] = deque(maxlen=RECORDS_KEPT)

    def __repr__(self) -> str:
        return f"<Loans of {', '.join(f'{currency} on {account}' for account, currency in self._loans) or 'nothing'}>"

    def balance(self, moved: Moved) -> None:
        """Notice what was borrowed or repaid by an order."""
        if moved.liability_change and not self._noted:
            deed: Deed = "TRADE_AUTO_BORROW" if moved.liability_change > 0 else "AUTO_REPAY"
            self._note(moved.account, moved.currency, moved.liability_change, moved.time_ns, deed)

    def debts(self) -> Iterator[tuple[str, str, Decimal]]:
        """Yield account, currency and what is owed, interest included."""
        for account, currency in list(self._loans):
            if owed := self._ledger.get(account, currency).liability:
                yield account, currency, owed
            else:
                del self._loans[account, currency]

    def accounts(self) -> list[str]:
        """Return the accounts that owe something."""
        return list(dict.fromkeys(account for account, _, _ in self.debts()))

    def interest(self, account: str, currency: str) -> Decimal:
        """Return what of the debt is interest."""
        loan = self._loans.get((account, currency))
        return ZERO if loan is None else loan.interest

    def borrow(self, account: str, currency: str, amount: Decimal, time_ns: int) -> Record:
        """Lend an account something."""
        if amount <= 0:
            raise RestError(400, "400100", "size: must be above 0")
        return self._change(account, currency, amount, time_ns, "USER_BORROW")

    def repay(self, account: str, currency: str, amount: Decimal, time_ns: int, deed: Deed = "USER_REPAY") -> Record:
        """Pay back what is available, up to ``amount`` and to what is owed; the record says how much that was."""
        holding = self._ledger.get(account, currency)
        amount = min(amount, holding.available, holding.liability)
        if amount <= 0:
            return self._record(account, currency, ZERO, ZERO, time_ns)
        return self._change(account, currency, -amount, time_ns, deed)

    def charge(self, time_ns: int) -> None:
        """Add the interest of an hour to everything that is owed."""
        for account, currency, owed in self.debts():
            fee = (owed * hourly_rate(currency)).quantize(CENT, ROUND_UP)
            loan = self._loans[account, currency]
            loan.interest += fee
            self.charged.append(self._record(account, currency, fee, fee, time_ns))
            self._tell(account, currency, ZERO, fee, time_ns, "")

    def due(self, time_ns: int) -> list[tuple[str, str]]:
        """Return account and currency of the loans whose term is over."""
        return [(account, name) for account, name, _ in self.debts() if self._loans[account, name].due_ns <= time_ns]

    def renew(self, account: str, currency: str, time_ns: int) -> None:
        """Lend what is owed for another term; its interest is principal from now on."""
        owed = self._ledger.get(account, currency).liability
        interest = self.interest(account, currency)
        self.repaid.append(self._record(account, currency, owed, interest, time_ns))
        self.borrowed.append(self._record(account, currency, owed, ZERO, time_ns))
        self._loans[account, currency] = Loan(due_ns=time_ns + TERM)

    def _change(self, account: str, currency: str, amount: Decimal, time_ns: int, deed: Deed) -> Record:
        record = self._note(account, currency, amount, time_ns, deed)
        self._tell(account, currency, amount, amount, time_ns, deed)
        return record

    def _tell(
        self, account: str, currency: str, available: Decimal, liability: Decimal, time_ns: int, deed: Deed
    ) -> None:
        """Change the ledger, of what is noted already."""
        self.deed, self._noted = deed, True
        try:
            self._ledger.change(account, currency, available, liability=liability, event="other", time_ns=time_ns)
        finally:
            self._noted = False

    def _note(self, account: str, currency: str, amount: Decimal, time_ns: int, deed: Deed) -> Record:
        self.deed = deed
        loan = self._loans.setdefault((account, currency), Loan())
        if amount > 0:
            loan.due_ns = loan.due_ns or time_ns + TERM
            record = self._record(account, currency, amount, ZERO, time_ns)
            self.borrowed.append(record)
            return record
        interest = min(loan.interest, -amount)
        loan.interest -= interest
        record = self._record(account, currency, -amount, interest, time_ns)
        self.repaid.append(record)
        return record

    def _record(self, account: str, currency: str, size: Decimal, interest: Decimal, time_ns: int) -> Record:
        self._count += 1
        return Record(f"{time_ns // SECOND:08x}{self._count:016x}", account, currency, size, interest, time_ns)
