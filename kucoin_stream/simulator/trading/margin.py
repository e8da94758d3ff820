"""The margin accounts: what they hold, what they owe, and how much that is (protocol.md 4.16, 4.17). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from kucoin_stream.simulator.market import Market
from kucoin_stream.simulator.marks import mark
from kucoin_stream.simulator.trading.amounts import ZERO, floor, number, written
from kucoin_stream.simulator.trading.ledger import ISOLATED, Holding, Ledger
from kucoin_stream.simulator.trading.loans import CROSS, Loans

LIQUIDATED, WARNED, RENEWED = Decimal("0.97"), Decimal("0.95"), Decimal("0.96")
"""Debt ratios: from the first on an account is liquidated, from the second warned; above the third none is renewed."""
CROSS_LEVERAGE, ISOLATED_LEVERAGE = 5, 10
MOST_BORROWED = Decimal("1e6")  # of one currency by one account
_ROUTES = ("USDT", "BTC")

Holdings = Mapping[str, Holding]


class Worth(NamedTuple):
    """What an account has and owes, in one currency."""

    assets: Decimal
    debts: Decimal

    @property
    def ratio(self) -> Decimal:
        """What share of the assets is owed; 1 where there is debt only."""
        if not self.assets:
            return Decimal(1) if self.debts else ZERO
        return floor(self.debts / self.assets, Decimal("1e-4"))


class Margin:
    """Looks at the margin accounts of a ledger, valued by the mark prices of margin. Times are ns since 1970."""

    def __init__(self, market: Market, ledger: Ledger) -> None:
        self._market = market
        self._ledger = ledger
        self.loans = Loans(ledger)
        self.frozen: set[str] = set()  # accounts that are being liquidated

    def __repr__(self) -> str:
        return f"<Margin {'in debt' if self.owes else 'without debt'}>"

    @property
    def owes(self) -> bool:
        """Whether the cross account is in debt."""
        return any(holding.liability for holding in self._ledger.all(CROSS).values())

    def worth(self, account: str, quote: str, time_ns: int) -> Worth:
        """Return what an account comes to."""
        holdings = self._ledger.all(account)
        return Worth(*(self._sum(holdings, kind, quote, time_ns) for kind in ("total", "liability")))

    def ratio(self, account: str, time_ns: int) -> Decimal:
        """Return an account's debt ratio."""
        return self.worth(account, hub(account), time_ns).ratio

    def allowance(self, account: str, currency: str, time_ns: int) -> Decimal:
        """Return how much more of a currency an account may borrow, by its leverage and at most; nothing, if frozen."""
        if account in self.frozen:
            return ZERO
        own, price = self.worth(account, hub(account), time_ns), self._price(currency, hub(account), time_ns)
        left = (own.assets - own.debts) * (leverage(account) - 1) - own.debts
        most = MOST_BORROWED - self._ledger.get(account, currency).liability
        return max(ZERO, min(most, floor(left / price))) if price else ZERO

    def transferable(self, account: str, currency: str, time_ns: int) -> Decimal:
        """Return how much of a currency may leave an account: of one in debt what its leverage does not need."""
        available = self._ledger.get(account, currency).available
        if not any(each.liability for each in self._ledger.all(account).values()):
            return available
        worth, price = self.worth(account, hub(account), time_ns), self._price(currency, hub(account), time_ns)
        times = leverage(account)
        free = worth.assets - worth.debts * times / (times - 1)
        return max(ZERO, min(available, floor(free / price))) if price and account not in self.frozen else ZERO

    def debt(self, time_ns: int) -> dict[str, Any]:
        """Return the cross account's debt as it is pushed; totals in BTC."""
        holdings, worth = self._ledger.all(CROSS), self.worth(CROSS, "BTC", time_ns)
        return {
            "debtRatio": number(worth.ratio),
            "totalAsset": number(worth.assets),
            "marginCoefficientTotalAsset": written(worth.assets),
            "totalDebt": written(worth.debts),
            "assetList": {
                name: {"total": written(each.total), "available": written(each.available), "hold": written(each.hold)}
                for name, each in holdings.items()
            },
            "debtList": {name: written(each.liability) for name, each in holdings.items()},
            "timestamp": time_ns // 1_000_000,
        }

    def isolated_change(self, symbol: str, time_ns: int, status: str = "", deed: str = "") -> dict[str, Any]:
        """Return an isolated account as it is pushed; ``status`` and ``deed`` where something is being done to it."""
        account = f"{ISOLATED}{symbol}"
        holdings = self._ledger.all(account)
        owes = any(each.liability for each in holdings.values())
        return {
            "tag": symbol,
            "status": status or ("DEBT" if owes else "CLEAR"),
            "statusBizType": deed or ("DEFAULT_DEBT" if owes else "DEFAULT_CLEAR"),
            "accumulatedPrincipal": written(self._sum(holdings, "liability", symbol.split("-")[1], time_ns)),
            "changeAssets": {
                name: {"total": written(each.total), "hold": written(each.hold), **self._split(account, name, each)}
                for name, each in holdings.items()
            },
            "timestamp": time_ns // 1_000_000,
        }

    def cross_accounts(self, quote: str, time_ns: int) -> dict[str, Any]:
        """Return the cross account as REST shows it; totals in ``quote``."""
        worth = self.worth(CROSS, quote, time_ns)
        return {
            "totalAssetOfQuoteCurrency": written(worth.assets),
            "totalLiabilityOfQuoteCurrency": written(worth.debts),
            "debtRatio": written(worth.ratio),
            "status": "BANKRUPTCY" if worth.debts > worth.assets else "EFFECTIVE",
            "accounts": [self._asset(CROSS, name, time_ns) for name in self._ledger.all(CROSS)],
        }

    def isolated_accounts(self, quote: str, time_ns: int, symbol: str = "") -> dict[str, Any]:
        """Return the isolated accounts as REST shows them; of one symbol or of all that there are."""
        names = [name.removeprefix(ISOLATED) for name in self._ledger.accounts() if name.startswith(ISOLATED)]
        shown = [symbol] if symbol else names
        worths = [self.worth(f"{ISOLATED}{name}", quote, time_ns) for name in shown]
        return {
            "totalAssetOfQuoteCurrency": written(sum((each.assets for each in worths), ZERO)),
            "totalLiabilityOfQuoteCurrency": written(sum((each.debts for each in worths), ZERO)),
            "timestamp": time_ns // 1_000_000,
            "assets": [self._isolated(name, time_ns) for name in shown],
        }

    def _isolated(self, symbol: str, time_ns: int) -> dict[str, Any]:
        base, quote = symbol.split("-")
        account = f"{ISOLATED}{symbol}"
        worth = self.worth(account, quote, time_ns)
        indebted = "BANKRUPTCY" if worth.debts > worth.assets else "DEBT"
        return {
            "symbol": symbol,
            "status": indebted if worth.debts else "CLEAR",
            "debtRatio": written(worth.ratio),
            "baseAsset": self._asset(account, base, time_ns),
            "quoteAsset": self._asset(account, quote, time_ns),
        }

    def _asset(self, account: str, currency: str, time_ns: int) -> dict[str, Any]:
        holding = self._ledger.get(account, currency)
        return {
            "currency": currency,
            "total": written(holding.total),
            "available": written(holding.available),
            "hold": written(holding.hold),
            "liability": written(holding.liability),
            **self._split(account, currency, holding),
            "maxBorrowSize": written(self.allowance(account, currency, time_ns)),
            "borrowEnabled": True,
            "transferInEnabled": True,
        }

    def _split(self, account: str, currency: str, holding: Holding) -> dict[str, str]:
        interest = self.loans.interest(account, currency)
        return {"liabilityPrincipal": written(holding.liability - interest), "liabilityInterest": written(interest)}

    def _sum(self, holdings: Holdings, kind: Literal["total", "liability"], quote: str, time_ns: int) -> Decimal:
        amounts = ((name, getattr(each, kind)) for name, each in holdings.items())
        return floor(sum((each * self._price(name, quote, time_ns) for name, each in amounts if each), ZERO))

    def _price(self, currency: str, quote: str, time_ns: int) -> Decimal:
        """What one unit is worth; 0 where there is no way from one to the other."""
        if currency == quote:
            return Decimal(1)
        for pair, inverse in ((f"{currency}-{quote}", False), (f"{quote}-{currency}", True)):
            if instrument := self._market.traded(pair):
                price = Decimal(str(mark(instrument, time_ns)))
                return 1 / price if inverse else price
        through = next((each for each in _ROUTES if each not in (currency, quote)), "")
        if not self._market.traded(f"{currency}-{through}"):
            return ZERO
        return self._price(currency, through, time_ns) * self._price(through, quote, time_ns)


def hub(account: str) -> str:
    """Return the currency that an account is valued in, and into which its assets are sold."""
    return "USDT" if account == CROSS else account.rpartition("-")[2]


def leverage(account: str) -> int:
    """Return how many times what is its own an account may hold."""
    return CROSS_LEVERAGE if account == CROSS else ISOLATED_LEVERAGE
