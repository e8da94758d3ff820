"""The margin accounts: what they hold, what they owe, and how much that is (protocol.md 4.16, 4.17). Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from kucoin_stream.simulator.market import Market
from kucoin_stream.simulator.trading.amounts import ZERO, floor, number, written
from kucoin_stream.simulator.trading.ledger import ISOLATED, Holding, Ledger

_ROUTES = ("USDT", "BTC")
_CROSS = "margin"


class Margin:
    """Looks at the margin accounts of a ledger; a market's last prices value them."""

    def __init__(self, market: Market, ledger: Ledger) -> None:
        self._market = market
        self._ledger = ledger

    def __repr__(self) -> str:
        return f"<Margin {'in debt' if self.owes else 'without debt'}>"

    @property
    def owes(self) -> bool:
        """Whether the cross account is in debt."""
        return any(holding.liability for holding in self._ledger.all(_CROSS).values())

    def debt(self, time_ns: int) -> dict[str, Any]:
        """Return the cross account's debt as it is pushed; totals in BTC."""
        holdings = self._ledger.all(_CROSS)
        assets, debts = (self._sum(holdings, kind, "BTC") for kind in ("total", "liability"))
        return {
            "debtRatio": number(ratio(debts, assets)),
            "totalAsset": number(assets),
            "marginCoefficientTotalAsset": written(assets),
            "totalDebt": written(debts),
            "assetList": {
                name: {"total": written(each.total), "available": written(each.available), "hold": written(each.hold)}
                for name, each in holdings.items()
            },
            "debtList": {name: written(each.liability) for name, each in holdings.items()},
            "timestamp": time_ns // 1_000_000,
        }

    def isolated_change(self, symbol: str, time_ns: int) -> dict[str, Any]:
        """Return an isolated account as it is pushed."""
        holdings = self._ledger.all(f"{ISOLATED}{symbol}")
        owes = any(each.liability for each in holdings.values())
        return {
            "tag": symbol,
            "status": "DEBT" if owes else "CLEAR",
            "statusBizType": "USER_BORROW" if owes else "DEFAULT_CLEAR",
            "accumulatedPrincipal": written(self._sum(holdings, "liability", symbol.split("-")[1])),
            "changeAssets": {
                name: {
                    "total": written(each.total),
                    "hold": written(each.hold),
                    "liabilityPrincipal": written(each.liability),
                    "liabilityInterest": "0",
                }
                for name, each in holdings.items()
            },
            "timestamp": time_ns // 1_000_000,
        }

    def cross_accounts(self, quote: str) -> dict[str, Any]:
        """Return the cross account as REST shows it; totals in ``quote``."""
        holdings = self._ledger.all(_CROSS)
        assets, debts = (self._sum(holdings, kind, quote) for kind in ("total", "liability"))
        return {
            "totalAssetOfQuoteCurrency": written(assets),
            "totalLiabilityOfQuoteCurrency": written(debts),
            "debtRatio": written(ratio(debts, assets)),
            "status": "EFFECTIVE",
            "accounts": [_asset(name, each) for name, each in holdings.items()],
        }

    def isolated_accounts(self, quote: str, time_ns: int, symbol: str = "") -> dict[str, Any]:
        """Return the isolated accounts as REST shows them; of one symbol or of all that there are."""
        names = [name.removeprefix(ISOLATED) for name in self._ledger.accounts() if name.startswith(ISOLATED)]
        shown = [symbol] if symbol else names
        accounts = [self._ledger.all(f"{ISOLATED}{name}") for name in shown]
        return {
            "totalAssetOfQuoteCurrency": written(sum((self._sum(each, "total", quote) for each in accounts), ZERO)),
            "totalLiabilityOfQuoteCurrency": written(
                sum((self._sum(each, "liability", quote) for each in accounts), ZERO)
            ),
            "timestamp": time_ns // 1_000_000,
            "assets": [self._isolated(name) for name in shown],
        }

    def _isolated(self, symbol: str) -> dict[str, Any]:
        base, quote = symbol.split("-")
        holdings = self._ledger.all(f"{ISOLATED}{symbol}")
        assets, debts = (self._sum(holdings, kind, quote) for kind in ("total", "liability"))
        return {
            "symbol": symbol,
            "status": "DEBT" if debts else "CLEAR",
            "debtRatio": written(ratio(debts, assets)),
            "baseAsset": _asset(base, holdings.get(base, Holding())),
            "quoteAsset": _asset(quote, holdings.get(quote, Holding())),
        }

    def _sum(self, holdings: Any, kind: str, quote: str) -> Decimal:
        return floor(sum((getattr(each, kind) * self._price(name, quote) for name, each in holdings.items()), ZERO))

    def _price(self, currency: str, quote: str) -> Decimal:
        """What one unit is worth; 0 where there is no way from one to the other."""
        if currency == quote:
            return Decimal(1)
        for pair, inverse in ((f"{currency}-{quote}", False), (f"{quote}-{currency}", True)):
            if instrument := self._market.traded(pair):
                price = Decimal(instrument.price(instrument.flow.last.price))
                return 1 / price if inverse else price
        through = next((each for each in _ROUTES if each not in (currency, quote)), "")
        pair = f"{currency}-{through}"
        return self._price(currency, through) * self._price(through, quote) if self._market.traded(pair) else ZERO


def ratio(debts: Decimal, assets: Decimal) -> Decimal:
    """Return what share of the assets is owed."""
    return floor(debts / assets, Decimal("1e-4")) if assets else ZERO


def _asset(currency: str, holding: Holding) -> dict[str, Any]:
    return {
        "currency": currency,
        "total": written(holding.total),
        "available": written(holding.available),
        "hold": written(holding.hold),
        "liability": written(holding.liability),
        "liabilityPrincipal": written(holding.liability),
        "liabilityInterest": "0",
        "maxBorrowSize": written(Decimal(10**6) - holding.liability),
        "borrowEnabled": True,
        "transferInEnabled": True,
    }
