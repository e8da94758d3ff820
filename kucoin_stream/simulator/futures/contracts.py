"""The contracts of the generated market: one row each, and how REST shows them (protocol.md 8.3.1). Pure."""

from __future__ import annotations

from typing import Any, NamedTuple

from kucoin_stream.simulator.ladder import text
from kucoin_stream.simulator.listings import Listing

FUNDING_INTERVAL_MS = 28_800_000
RATE_CAP = 0.003
DAILY_INTEREST = 3.0e-4
FIRST_OPEN_MS = 1_585_555_200_000
_UNUSED = (
    "adjustK", "adjustM", "adjustMmrLevConstant", "adjustActiveTime", "preMarketToPerpDate", "subMarketType",
)  # fmt: skip


class Contract(NamedTuple):
    """A perpetual contract on ``underlying``, a spot symbol whose price it follows.

    ``multiplier`` is the base coins in a lot; of an inverse contract a lot is 1 USD, and KuCoin writes -1.
    ``lots`` is a typical size; the rest is as in :class:`Listing`.
    """

    symbol: str
    number: int
    underlying: str
    base: str
    quote: str
    multiplier: float
    lots: int
    pace: float
    gap: int
    levels: int
    open_interest: int

    @property
    def inverse(self) -> bool:
        """Whether sizes are USD, and profit is paid in the base coin."""
        return self.multiplier < 0

    @property
    def settle(self) -> str:
        """The currency of profit."""
        return self.base if self.inverse else self.quote

    def listing(self, spot: Listing) -> Listing:
        """Return what makes the order flow: prices as ``spot``'s, sizes in lots."""
        notional = self.lots * float(spot.price)
        return Listing(
            self.symbol, spot.price, spot.price_scale, 0, self.pace, spot.volatility, self.gap, self.levels, notional,
            fillers=0.03,  # they exist on futures (protocol.md 4.22); how many is not known
            trades_from=10**11,
        )  # fmt: skip

    def coins(self, lots: int, price: float) -> float:
        """Return a volume in base coins, at the mean ``price``."""
        return lots / price if self.inverse else lots * self.multiplier

    def turnover(self, lots: int, price_times_lots: float) -> float:
        """Return a turnover in the settlement currency; of an inverse contract at the mean price."""
        if self.inverse:
            return lots * lots / price_times_lots if price_times_lots else 0.0
        return price_times_lots * self.multiplier


CONTRACTS: tuple[Contract, ...] = (
    Contract("XBTUSDTM", 101, "BTC-USDT", "XBT", "USDT", 0.001, 300, 20.0, 4, 1200, 11_481_754),  # over 500 levels
    Contract("ETHUSDTM", 102, "ETH-USDT", "ETH", "USDT", 0.01, 250, 12.0, 3, 400, 5_207_113),
    Contract("XBTUSDM", 1, "BTC-USDT", "XBT", "USD", -1.0, 2500, 4.0, 10, 150, 62_430_118),
)


def contract_row(contract: Contract, listing: Listing) -> dict[str, Any]:
    """Return what does not change of a contract, as REST shows it."""
    step = float(text(1, listing.price_scale))
    return {
        "symbol": contract.symbol,
        "displaySymbol": contract.symbol,
        "rootSymbol": "XBT" if contract.inverse else contract.quote,
        "type": "FFWCSX",
        "firstOpenDate": FIRST_OPEN_MS,
        "expireDate": None,
        "settleDate": None,
        "baseCurrency": contract.base,
        "displayBaseCurrency": contract.base,
        "quoteCurrency": contract.quote,
        "settleCurrency": contract.settle,
        "maxOrderQty": 1_000_000,
        "marketMaxOrderQty": 1_000_000,
        "maxPrice": 1_000_000.0,
        "lotSize": 1,
        "tickSize": step,
        "indexPriceTickSize": step / 10,
        "multiplier": contract.multiplier,
        "initialMargin": 0.008,
        "maintainMargin": 0.004,
        "maxRiskLimit": 100_000,
        "minRiskLimit": 100_000,
        "riskStep": 50_000,
        "makerFeeRate": 2.0e-4,
        "takerFeeRate": 6.0e-4,
        "takerFixFee": 0.0,
        "makerFixFee": 0.0,
        "settlementFee": None,
        "isDeleverage": True,
        "isQuanto": not contract.inverse,
        "isInverse": contract.inverse,
        "markMethod": "FairPrice",
        "fairMethod": "FundingRate",
        "fundingBaseSymbol": f".{contract.base}INT8H",
        "fundingQuoteSymbol": f".{contract.quote}INT8H",
        "fundingRateSymbol": f".{contract.symbol}FPI8H",
        "indexSymbol": index_symbol(contract),
        "settlementSymbol": "",
        "status": "Open",
        "dailyInterestRate": DAILY_INTEREST,
        "fundingRateGranularity": FUNDING_INTERVAL_MS,
        "currentFundingRateGranularity": FUNDING_INTERVAL_MS,
        "effectiveFundingRateCycleStartTime": FIRST_OPEN_MS,
        "fundingRateCap": RATE_CAP,
        "fundingRateFloor": -RATE_CAP,
        "period": 1,
        "maxLeverage": 125,
        "sourceExchanges": ["okex", "binance", "kucoin", "bybit", "bitmart", "gateio"],
        "premiumsSymbol1M": f".{contract.symbol}PI",
        "premiumsSymbol8H": f".{contract.symbol}PI8H",
        "fundingBaseSymbol1M": f".{contract.base}INT",
        "fundingQuoteSymbol1M": f".{contract.quote}INT",
        "k": 490.0,
        "m": 300.0,
        "f": 1.3,
        "mmrLimit": 0.3,
        "mmrLevConstant": 125.0,
        "supportCross": True,
        "crossRiskLimit": 1.5e9,
        "marketStage": "NORMAL",
        "orderPriceRange": 0.05,
        "marketType": "CRYPTO",
        "assetClass": "CRYPTO",
    } | dict.fromkeys(_UNUSED)


def index_symbol(contract: Contract) -> str:
    """Return the name of the contract's index."""
    return ".BXBT" if contract.inverse else f".K{contract.base}{contract.quote}"
