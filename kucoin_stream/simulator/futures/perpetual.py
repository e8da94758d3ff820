"""One generated contract: its instrument with index, mark price, funding and open interest. Pure."""

from __future__ import annotations

from random import Random
from typing import Any

from kucoin_stream.simulator.flow import SECOND
from kucoin_stream.simulator.futures.contracts import FUNDING_INTERVAL_MS, RATE_CAP, Contract, contract_row
from kucoin_stream.simulator.instrument import MINUTE, Instrument
from kucoin_stream.simulator.ladder import Side

Numbers = dict[str, Any]

FUNDING_INTERVAL = FUNDING_INTERVAL_MS * 1_000_000  # ns
_DAY_S = 86_400


class Perpetual:
    """A contract. Funding is settled at 0, 8 and 16 h UTC; rates follow from seed, symbol and time alone."""

    def __init__(self, contract: Contract, instrument: Instrument, seed: int) -> None:
        self.contract = contract
        self.instrument = instrument
        self._seed = seed

    def __repr__(self) -> str:
        return f"<Perpetual {self.contract.symbol}>"

    @property
    def index(self) -> float:
        """The index price: the middle of the underlying's book, to 1/10 tick."""
        return self.instrument.number(self.instrument.index, self._decimals)

    @property
    def mark(self) -> float:
        """The mark price: the index and half of the contract's distance from it."""
        instrument = self.instrument
        return instrument.number(instrument.index * (1.0 + instrument.flow.basis / 2), self._decimals)

    def price(self, kind: str) -> float:
        """Return the mark price (``MP``), the index price (``IP``) or that of the last trade (``TP``)."""
        if kind == "MP":
            return self.mark
        return self.index if kind == "IP" else self.instrument.number(self.instrument.flow.last.price)

    @property
    def open_interest(self) -> int:
        """Open contracts in lots; they come and go with trades."""
        return self.contract.open_interest + self.instrument.flow.trade_number % 997

    def settled_rate(self, time_ns: int) -> float:
        """Return the rate paid at the end of the interval of 8 h that ``time_ns`` falls into."""
        random = Random(f"{self._seed}/{self.contract.symbol}/{time_ns // FUNDING_INTERVAL}")
        return round(max(-RATE_CAP, min(RATE_CAP, random.gauss(6e-5, 5e-5))), 6)

    def predicted_rate(self, time_ns: int) -> float:
        """Return what is expected, in the minute of ``time_ns``, to be paid."""
        noise = Random(f"{self._seed}/{self.contract.symbol}/minute/{time_ns // MINUTE}").gauss(0.0, 4e-6)
        return round(self.settled_rate(time_ns) + noise, 6)

    def top(self) -> Numbers:
        """Return the top of the book as tickers show it."""
        instrument = self.instrument
        (ask, ask_size), (bid, bid_size) = (instrument.flow.ladder.level(side, 0) for side in ("asks", "bids"))
        return {
            "bestBidSize": bid_size,
            "bestBidPrice": instrument.price(bid),
            "bestAskPrice": instrument.price(ask),
            "bestAskSize": ask_size,
        }

    def ticker(self) -> Numbers:
        """Return the last trade and the top of the book."""
        fill = self.instrument.flow.last
        return {
            "symbol": self.contract.symbol,
            "sequence": fill.number,
            "side": fill.side,
            "size": fill.size,
            "price": self.instrument.price(fill.price),
            **self.top(),
            "tradeId": str(fill.number),
            "ts": fill.time_ns,
        }

    def levels(self, side: Side, depth: int | None) -> list[list[Any]]:
        """Return levels as REST shows them: price as a number, size in lots."""
        number = self.instrument.number
        return [[number(price), size] for price, size in self.instrument.flow.ladder.top(side, depth)]

    def day(self, now_ns: int) -> Numbers:
        """Return the statistics of 24 h as the snapshot topic shows them."""
        number, contract = self.instrument.number, self.contract
        day = self.instrument.klines.window(_DAY_S, now_ns // SECOND)
        mean = number(day.turnover / day.volume) if day.volume else number(day.close)
        return {
            "highPrice": number(day.high),
            "lastPrice": number(self.instrument.flow.last.price),
            "lowPrice": number(day.low),
            "price24HoursBefore": number(day.open),
            "priceChg": number(day.close - day.open),
            "priceChgPct": round((day.close - day.open) / day.open, 4),
            "symbol": contract.symbol,
            "turnover": round(contract.turnover(day.volume, number(day.turnover)), 8),
            "volume": round(contract.coins(day.volume, mean), 8),
        }

    def row(self, now_ns: int) -> Numbers:
        """Return the contract as REST shows it."""
        day, listing = self.day(now_ns), self.instrument.listing
        return contract_row(self.contract, listing) | {
            "fundingFeeRate": self.settled_rate(now_ns),
            "predictedFundingFeeRate": self.predicted_rate(now_ns),
            "openInterest": str(self.open_interest),
            "turnoverOf24h": day["turnover"],
            "volumeOf24h": day["volume"],
            "markPrice": self.mark,
            "indexPrice": self.index,
            "lastTradePrice": day["lastPrice"],
            "lastTimeFundingRate": self.settled_rate(now_ns - FUNDING_INTERVAL),
            "nextFundingRateTime": (FUNDING_INTERVAL - now_ns % FUNDING_INTERVAL) // 1_000_000,
            "nextFundingRateDateTime": (now_ns // FUNDING_INTERVAL + 1) * FUNDING_INTERVAL // 1_000_000,
            "lowPrice": day["lowPrice"],
            "highPrice": day["highPrice"],
            "priceChgPct": day["priceChgPct"],
            "priceChg": day["priceChg"],
            "buyLimit": round(self.mark * 1.05, 4),
            "sellLimit": round(self.mark * 0.95, 4),
        }

    @property
    def _decimals(self) -> int:
        return self.instrument.listing.price_scale + 1
