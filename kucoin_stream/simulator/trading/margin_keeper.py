"""What time and prices do to margin accounts in debt: interest, renewal, warning, liquidation. Pure.

Theory of operation. Once a second every account in debt is valued by mark prices. At the limit it is liquidated: it
is frozen, its orders are cancelled, what it holds is sold at market into one currency, its hub, and with that what it
owes is bought and repaid. What the book cannot take at once waits for the next second, and the account stays frozen
so long. An account that still owes when it has nothing left to sell is in liability, until somebody pays.
"""

from __future__ import annotations

from decimal import ROUND_DOWN, ROUND_UP, Decimal
from typing import Literal

from kucoin_stream.simulator.flow import SECOND
from kucoin_stream.simulator.market import Market, RestError
from kucoin_stream.simulator.trading.amounts import floor, written
from kucoin_stream.simulator.trading.ledger import Ledger
from kucoin_stream.simulator.trading.loans import CROSS, HOUR
from kucoin_stream.simulator.trading.margin import LIQUIDATED, RENEWED, WARNED, Margin, hub
from kucoin_stream.simulator.trading.margin_pushes import MarginPushes
from kucoin_stream.simulator.trading.spot import FEE, SpotDesk, account_of
from kucoin_stream.simulator.trading.tickets import SpotTicket


class MarginKeeper:
    """Looks after the margin accounts. Times are ns since 1970, and never go back."""

    def __init__(self, market: Market, margin: Margin, spot: SpotDesk, ledger: Ledger, pushes: MarginPushes) -> None:
        self._market = market
        self._margin = margin
        self._loans = margin.loans
        self._spot = spot
        self._ledger = ledger
        self._pushes = pushes
        self._looked = 0  # the last second that was looked at
        self._warned: set[str] = set()
        self.frozen = margin.frozen
        self.bankrupt: set[str] = set()  # have nothing left, and owe

    def __repr__(self) -> str:
        return f"<MarginKeeper {len(self.frozen)} accounts frozen, {len(self.bankrupt)} bankrupt>"

    def advance(self, now_ns: int) -> None:
        """Look at all accounts, once a second."""
        second = now_ns // SECOND
        if second <= self._looked:
            return
        before, self._looked = self._looked * SECOND // HOUR, second
        hour = now_ns // HOUR
        for each in range(before + 1, hour + 1) if before else ():
            self._loans.charge(each * HOUR)
        for account in {account: None for account, _ in self._loans.due(now_ns)}:
            self._renew(account, now_ns)
        for account in self._loans.accounts():
            self._look(account, now_ns)
        owing = set(self._loans.accounts())
        for account in self.frozen - owing:  # somebody else has paid
            self._thaw(account, now_ns)
        for account in self.bankrupt - owing:
            self._recover(account, now_ns)

    def check(self, ticket: SpotTicket) -> None:
        """Raise :class:`RestError` where an order's account is being liquidated."""
        if _account_of(ticket) in self.frozen:
            raise RestError(200, "130202", "The account is being liquidated")

    def _look(self, account: str, now_ns: int) -> None:
        ratio = self._margin.ratio(account, now_ns)
        if account in self.frozen or (ratio >= LIQUIDATED and account not in self.bankrupt):
            self._liquidate(account, now_ns)
        elif ratio >= WARNED:
            if account not in self._warned | self.bankrupt:
                self._warned.add(account)
                self._pushes.warn(account, "MARGIN_CALL", now_ns)
        else:
            self._warned.discard(account)
            if account in self.bankrupt:  # somebody has put money in
                self._recover(account, now_ns)

    def _recover(self, account: str, now_ns: int) -> None:
        self.bankrupt.discard(account)
        if account == CROSS:
            self._pushes.status("UNLIABILITY", now_ns)

    def _renew(self, account: str, now_ns: int) -> None:
        """Lend for another term what is due, unless too much is owed: then it is not lent again."""
        if account in self.frozen or account in self.bankrupt:
            return
        if self._margin.ratio(account, now_ns) > RENEWED:
            self._liquidate(account, now_ns)
            return
        cross = account == CROSS
        if cross:
            self._pushes.status("FROZEN_RENEW", now_ns)
        else:
            self._pushes.begin(account, "IN_AUTO_RENEW", now_ns)
        for owner, currency in self._loans.due(now_ns):
            if owner == account:
                self._loans.renew(account, currency, now_ns)
        if cross:
            self._pushes.status("UNFROZEN_RENEW", now_ns)
        else:
            self._pushes.end(account, now_ns)

    def _liquidate(self, account: str, now_ns: int) -> None:
        if account not in self.frozen:
            self._freeze(account, now_ns)
        self._repay(account, now_ns)
        sold = self._sell(account, now_ns)
        self._repay(account, now_ns)
        bought = self._buy(account, now_ns)
        self._repay(account, now_ns)
        if not self._owed(account) or not (sold or bought):
            self._thaw(account, now_ns)

    def _freeze(self, account: str, now_ns: int) -> None:
        self.frozen.add(account)
        self._pushes.warn(account, "FORCE_LIQUIDATION", now_ns)
        if account == CROSS:
            self._pushes.debt(now_ns)
            self._pushes.status("FROZEN_FL", now_ns)
        else:
            self._pushes.begin(account, "IN_LIQUIDATION", now_ns)
        for order in self._spot.orders.active():
            if order.account == account:
                self._spot.end(order, now_ns, "LIQUIDATION")
        for stop in list(self._spot.stops.values()):
            if _account_of(stop.ticket) == account:
                self._spot.drop(stop, now_ns)

    def _thaw(self, account: str, now_ns: int) -> None:
        self.frozen.discard(account)
        self._warned.discard(account)
        broke = bool(self._owed(account)) and self._margin.ratio(account, now_ns) >= LIQUIDATED
        if broke:
            self.bankrupt.add(account)
        if account == CROSS:
            self._pushes.status("UNFROZEN_FL", now_ns)
            if broke:
                self._pushes.status("LIABILITY", now_ns)
        else:
            self._pushes.end(account, now_ns)

    def _owed(self, account: str) -> dict[str, Decimal]:
        return {currency: owed for owner, currency, owed in self._loans.debts() if owner == account}

    def _repay(self, account: str, now_ns: int) -> None:
        for currency, owed in self._owed(account).items():
            if self._ledger.get(account, currency).available:
                self._loans.repay(account, currency, owed, now_ns, "FORCE_LIQUIDATION")

    def _sell(self, account: str, now_ns: int) -> bool:
        """Sell all that is not owed, into the hub or to where that can be had; return whether that may go on."""
        owed, sold = self._owed(account), False
        for currency in [name for name in self._ledger.all(account) if name not in (hub(account), *owed)]:
            for target in (hub(account), "BTC"):
                pair = self._market.traded(f"{currency}-{target}")
                if pair is not None:
                    have = self._ledger.get(account, currency).available
                    size = have.quantize(Decimal(1).scaleb(-pair.listing.size_scale), ROUND_DOWN)
                    sold = self._trade(account, f"{currency}-{target}", "sell", now_ns, size=written(size)) or sold
                    break
        return sold

    def _buy(self, account: str, now_ns: int) -> bool:
        """Buy with the hub what is still owed, as far as the money goes; return whether any was bought."""
        bought = False
        for currency, owed in self._owed(account).items():
            symbol = f"{currency}-{hub(account)}"
            pair = self._market.traded(symbol)
            if pair is not None:
                size = owed.quantize(Decimal(1).scaleb(-pair.listing.size_scale), ROUND_UP)
                size = max(size, Decimal(pair.listing.least_lots).scaleb(-pair.listing.size_scale))
                funds = floor(self._ledger.get(account, hub(account)).available / (1 + FEE))
                bought = (
                    self._trade(account, symbol, "buy", now_ns, size=written(size))
                    or self._trade(account, symbol, "buy", now_ns, funds=written(funds))
                    or bought
                )
        return bought

    def _trade(
        self, account: str, symbol: str, side: Literal["buy", "sell"], now_ns: int, *, size: str = "", funds: str = ""
    ) -> bool:
        """Trade at market; return whether that may go on: what is too small or too dear is refused, and left alone.

        What is sold waits for a book that has nothing left; a purchase of nothing means that the money is spent.
        """
        kind = _trade_type(account)
        ticket = SpotTicket(symbol=symbol, side=side, type="market", trade_type=kind, size=size, funds=funds)
        try:
            return self._spot.place(ticket, now_ns).filled > 0 or side == "sell"
        except RestError:
            return False


def _trade_type(account: str) -> str:
    return "MARGIN_TRADE" if account == CROSS else "MARGIN_ISOLATED_TRADE"


def _account_of(ticket: SpotTicket) -> str:
    isolated = ticket.trade_type == "MARGIN_ISOLATED_TRADE" or ticket.is_isolated
    return account_of("MARGIN_ISOLATED_TRADE" if isolated else ticket.trade_type, ticket.symbol)
