"""The futures side of the generated market, as REST sees it (protocol.md 5.5, 8.3). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kucoin_stream.simulator.flow import SECOND
from kucoin_stream.simulator.futures.board import order_ids
from kucoin_stream.simulator.futures.contracts import DAILY_INTEREST, FUNDING_INTERVAL_MS, RATE_CAP, index_symbol
from kucoin_stream.simulator.futures.perpetual import FUNDING_INTERVAL, Numbers, Perpetual

MOST_ROWS = 500  # of one answer; protocol.md 8.3.2
MOST_RATES = 100  # of one answer


class FuturesMarket:
    """The contracts. Times are ns since 1970."""

    def __init__(self, perpetuals: Sequence[Perpetual] = ()) -> None:
        self.perpetuals = {perpetual.contract.symbol: perpetual for perpetual in perpetuals}

    def __repr__(self) -> str:
        return f"<FuturesMarket {len(self.perpetuals)} contracts>"

    def has_symbol(self, symbol: str) -> bool:
        """Whether the contract is listed."""
        return symbol in self.perpetuals

    def contracts(self, now_ns: int) -> list[Numbers]:
        """Return all contracts."""
        return [perpetual.row(now_ns) for perpetual in self.perpetuals.values()]

    def contract(self, symbol: str, now_ns: int) -> Numbers:
        """Return one contract."""
        return self.perpetuals[symbol].row(now_ns)

    def book(self, symbol: str, depth: int | None) -> Numbers:
        """Return the book: all levels, or the best ``depth`` a side."""
        perpetual = self.perpetuals[symbol]
        flow = perpetual.instrument.flow
        return {
            "sequence": flow.sequence,
            "symbol": symbol,
            "bids": perpetual.levels("bids", depth),
            "asks": perpetual.levels("asks", depth),
            "ts": flow.now_ns,
        }

    def unified_book(self, symbol: str, depth: int | None) -> Numbers:
        """Return the book as the unified account's call shows it: levels as text."""
        instrument = self.perpetuals[symbol].instrument
        return {
            "sequence": instrument.flow.sequence,
            "symbol": symbol,
            "bids": instrument.written("bids", depth),
            "asks": instrument.written("asks", depth),
            "ts": instrument.flow.now_ns,
        }

    def ticker(self, symbol: str) -> Numbers:
        """Return the last trade and the top of the book."""
        return self.perpetuals[symbol].ticker()

    def tickers(self) -> list[Numbers]:
        """Return last trade and top of the book of all contracts."""
        return [perpetual.ticker() for perpetual in self.perpetuals.values()]

    def trades(self, symbol: str) -> list[Numbers]:
        """Return the last 100 trades, newest first."""
        perpetual = self.perpetuals[symbol]
        return [
            {
                "sequence": fill.number,
                "contractId": perpetual.contract.number,
                "tradeId": str(fill.number),
                **order_ids(fill),
                "ts": fill.time_ns,
                "size": fill.size,
                "price": perpetual.instrument.price(fill.price),
                "side": fill.side,
            }
            for fill in reversed(perpetual.instrument.trades)
        ]

    def indexed(self, index: str) -> str | None:
        """Return the contract on an index (``.KXBTUSDT``), if there is one."""
        contracts = [each.contract for each in self.perpetuals.values() if index_symbol(each.contract) == index]
        return contracts[0].symbol if contracts else None

    def candles(
        self, symbol: str, interval: str, start_ms: int, end_ms: int, *, of_index: bool = False
    ) -> list[list[Any]]:
        """Return bars that begin at ``start_ms`` or later and not after ``end_ms``: oldest first, the last 500.

        ``of_index``: those of the contract's index, which is the price of its underlying, and has no volume.
        """
        perpetual = self.perpetuals[symbol]
        number, turnover = perpetual.instrument.number, perpetual.contract.turnover
        traded = (perpetual.instrument.underlying if of_index else None) or perpetual.instrument
        rows = traded.klines.rows(interval, -(-start_ms // 1000), end_ms // 1000 + 1)[-MOST_ROWS:]
        bars = []
        for start, opened, closed, high, low, volume, weighted in rows.tolist():
            prices = [number(price) for price in (opened, high, low, closed)]
            sums = [0, 0] if of_index else [volume, round(turnover(volume, number(weighted)), 8)]
            bars.append([start * 1000, *prices, *sums])
        return bars

    def mark_price(self, symbol: str, now_ns: int) -> Numbers:
        """Return mark and index price."""
        perpetual = self.perpetuals[symbol]
        return {
            "symbol": symbol,
            "granularity": 1000,
            "timePoint": now_ns // SECOND * 1000,
            "value": perpetual.mark,
            "indexPrice": perpetual.index,
        }

    def funding_rate(self, symbol: str, now_ns: int) -> Numbers:
        """Return the rate of this interval and the last one's."""
        perpetual = self.perpetuals[symbol]
        begin = now_ns // FUNDING_INTERVAL * FUNDING_INTERVAL
        return {
            "symbol": f".{symbol}FPI8H",
            "granularity": FUNDING_INTERVAL_MS,
            "timePoint": begin // 1_000_000,
            "value": perpetual.predicted_rate(now_ns),
            "predictedValue": None,
            "dailyInterestRate": DAILY_INTEREST,
            "fundingRateCap": RATE_CAP,
            "fundingRateFloor": -RATE_CAP,
            "period": 1,
            "fundingTime": begin // 1_000_000 + FUNDING_INTERVAL_MS,
            "lastTimeFundingRate": perpetual.settled_rate(begin - 1),
        }

    def funding_rates(self, symbol: str, start_ms: int, end_ms: int) -> list[Numbers]:
        """Return the rates settled between two times, newest first, at most 100."""
        perpetual, interval = self.perpetuals[symbol], FUNDING_INTERVAL_MS
        last = end_ms // interval
        first = max(last - MOST_RATES + 1, -(-start_ms // interval))
        return [
            {
                "symbol": symbol,
                "fundingRate": perpetual.settled_rate((number * interval - 1) * 1_000_000),
                "timepoint": number * interval,
            }
            for number in range(last, first - 1, -1)
        ]

    def statistics(self, now_ns: int) -> Numbers:
        """Return the turnover of 24 h over all contracts."""
        return {"turnoverOf24h": sum(each.row(now_ns)["turnoverOf24h"] for each in self.perpetuals.values())}
