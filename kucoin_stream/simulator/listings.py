"""The symbols of the generated market: one row each, and how REST shows them (protocol.md 8.2.1). Pure."""

from __future__ import annotations

from typing import Any, NamedTuple

from kucoin_stream.simulator.ladder import text, units

QUOTE_DECIMALS = {"USDT": 6, "BTC": 8}


class Listing(NamedTuple):
    """A symbol and its temper.

    Prices move by ``10**-price_scale``, sizes by ``10**-size_scale``. ``pace`` is level-2 messages a second,
    ``volatility`` the standard deviation of a minute's return, ``gap`` the mean distance in ticks of
    neighbouring levels at the top, ``levels`` their number a side, ``notional`` a typical size in quote currency,
    ``fillers`` the share of sequence numbers without a visible change, ``trades_from`` the least trade number.
    """

    symbol: str
    price: str
    price_scale: int
    size_scale: int
    pace: float
    volatility: float
    gap: int
    levels: int
    notional: float
    tags: tuple[str, ...] = ()
    name: str = ""
    fillers: float = 0.35  # protocol.md 5.3
    trades_from: int = 10**15

    @property
    def base(self) -> str:
        """The currency traded."""
        return self.symbol.split("-")[0]

    @property
    def quote(self) -> str:
        """The currency of prices."""
        return self.symbol.split("-")[1]

    @property
    def market(self) -> str:
        """The market that the symbol belongs to in the first place."""
        return "USDS" if self.quote == "USDT" else self.quote

    @property
    def markets(self) -> tuple[str, ...]:
        """All markets that list the symbol."""
        return (self.market, *self.tags)

    @property
    def ticks(self) -> int:
        """The price at the start, in ticks."""
        return units(self.price, self.price_scale)

    @property
    def least_lots(self) -> int:
        """The least size of an order in size steps."""
        least: int = 10 ** max(0, self.size_scale - 5)
        return least

    @property
    def lots(self) -> float:
        """A typical size in size steps."""
        return self.notional / float(self.price) * 10.0**self.size_scale


LISTINGS: tuple[Listing, ...] = (
    Listing("BTC-USDT", "80725.9", 1, 8, 30.0, 3e-4, 15, 5000, 1500.0, ("PoW",)),  # the thick book
    Listing("ETH-USDT", "2431.07", 2, 7, 20.0, 4e-4, 6, 600, 1200.0, ("Layer 1",)),
    Listing("SOL-USDT", "118.442", 3, 4, 12.0, 5e-4, 5, 400, 800.0, ("Layer 1", "Solana")),
    Listing("XRP-USDT", "1.91374", 5, 4, 10.0, 5e-4, 8, 400, 800.0),
    Listing("KCS-USDT", "10.872", 3, 4, 4.0, 4e-4, 2, 300, 300.0),
    Listing("DOGE-USDT", "0.15127", 5, 4, 8.0, 6e-4, 1, 350, 500.0, ("Meme", "PoW")),
    Listing("ADA-USDT", "0.4538", 4, 4, 6.0, 6e-4, 1, 250, 500.0, ("Layer 1",)),
    Listing("LTC-USDT", "84.71", 2, 6, 5.0, 5e-4, 1, 300, 400.0, ("PoW",)),
    Listing("ETH-BTC", "0.03011", 5, 7, 4.0, 3e-4, 1, 150, 0.01),
    Listing("KCS-BTC", "0.00013468", 8, 4, 1.0, 5e-4, 3, 60, 0.002),  # the thin book
    Listing("BCHSV-USDT", "21.354", 3, 8, 2.0, 5e-4, 4, 150, 200.0, ("PoW",), name="BSV-USDT"),  # renamed
    Listing("SHIB-USDT", "0.000008527", 9, 0, 6.0, 6e-4, 1, 300, 400.0, ("Meme",)),
)


def symbol_v1(listing: Listing) -> dict[str, Any]:
    """Return the symbol as ``/api/v1/symbols`` shows it."""
    step = text(1, listing.size_scale)
    funds = "0.1" if listing.quote == "USDT" else "0.000001"
    return {
        "symbol": listing.symbol,
        "name": listing.name or listing.symbol,
        "baseCurrency": listing.base,
        "quoteCurrency": listing.quote,
        "feeCurrency": listing.quote,
        "market": listing.market,
        "baseMinSize": text(listing.least_lots, listing.size_scale),
        "quoteMinSize": funds,
        "baseMaxSize": "10000000000",
        "quoteMaxSize": "99999999",
        "baseIncrement": step,
        "quoteIncrement": text(1, QUOTE_DECIMALS[listing.quote]),
        "priceIncrement": text(1, listing.price_scale),
        "priceLimitRate": "0.1",
        "minFunds": funds,
        "isMarginEnabled": listing.pace >= 4,
        "enableTrading": True,
    }


def symbol_v2(listing: Listing) -> dict[str, Any]:
    """Return the symbol as ``/api/v2/symbols`` shows it."""
    return symbol_v1(listing) | {
        "feeCategory": 1,
        "makerFeeCoefficient": "1.00",
        "takerFeeCoefficient": "1.00",
        "st": False,
        "callauctionIsEnabled": False,
        "callauctionPriceFloor": None,
        "callauctionPriceCeiling": None,
        "callauctionFirstStageStartTime": None,
        "callauctionSecondStageStartTime": None,
        "callauctionThirdStageStartTime": None,
        "tradingStartTime": None,
    }


def currency(name: str) -> dict[str, Any]:
    """Return a currency as ``/api/v3/currencies`` shows it."""
    return {
        "currency": name,
        "name": "BSV" if name == "BCHSV" else name,
        "fullName": name,
        "precision": 8,
        "confirms": None,
        "contractAddress": None,
        "isMarginEnabled": True,
        "isDebitEnabled": True,
        "chains": [
            {
                "chainName": name,
                "withdrawalMinSize": "0.001",
                "depositMinSize": "0.0002",
                "withdrawFeeRate": "0",
                "withdrawalMinFee": "0.0005",
                "isWithdrawEnabled": False,
                "isDepositEnabled": False,
                "confirms": 3,
                "preConfirms": 1,
                "contractAddress": "",
                "withdrawPrecision": 8,
                "maxWithdraw": None,
                "maxDeposit": None,
                "needTag": False,
                "chainId": name.lower(),
            }
        ],
    }
