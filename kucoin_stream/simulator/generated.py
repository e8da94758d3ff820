"""A market made up from a seed: a dozen symbols and the contracts on them, one ladder each. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from kucoin_stream.errors import UsageError
from kucoin_stream.simulator.auction import Auction, AuctionBoard
from kucoin_stream.simulator.flow import SECOND
from kucoin_stream.simulator.futures.board import FuturesBoard
from kucoin_stream.simulator.futures.contracts import CONTRACTS
from kucoin_stream.simulator.futures.market import FuturesMarket
from kucoin_stream.simulator.futures.perpetual import Perpetual
from kucoin_stream.simulator.instrument import Board, Instrument
from kucoin_stream.simulator.ladder import text
from kucoin_stream.simulator.listings import LISTINGS, currency, symbol_v1, symbol_v2
from kucoin_stream.simulator.market import Json, Push
from kucoin_stream.simulator.pro.board import ProBoard
from kucoin_stream.simulator.pro.futures_board import ContractBoard, FundingBoard
from kucoin_stream.simulator.spot_board import SpotBoard
from kucoin_stream.simulator.summary import as_captured, statistics

WARM_UP = 60 * SECOND  # ns of trading before the doors open, so that there are trades to look back at
LIVELIEST = 1000  # times as many events: more than one process can make
LONGEST = 86_400  # seconds of a call auction
ASLEEP = 10 * SECOND  # ns: a longer pause is skipped, not made up for


class GeneratedMarket:
    """A seeded market. The same seed, symbols and times give the same messages.

    ``symbols``: some of the listed ones; all by default. Contracts are there whose underlying is.
    ``rate`` multiplies the frequency of events. ``merge`` > 1 joins up to that many changes in a level-2 message
    of spot (at most 100 ms apart). ``auctions``: symbols that open with a call auction of that many seconds.
    """

    live = True
    unpaced = False
    finished = False

    def __init__(
        self, symbols: Iterable[str] | None = None, seed: int = 0, rate: float = 1.0, *, merge: int = 1,
        auctions: Mapping[str, float] | None = None,
    ) -> None:  # fmt: skip
        known = {listing.symbol: listing for listing in LISTINGS}
        names = list(known if symbols is None else dict.fromkeys(symbols))
        lengths = dict(auctions or {})
        unknown = [name for name in (*names, *lengths) if name not in known]
        if unknown:
            raise UsageError(f"the simulated market has no {', '.join(unknown)}; there are: {', '.join(known)}")
        if not names:
            raise UsageError(f"a market needs a symbol; there are: {', '.join(known)}")
        if not 0 < rate <= LIVELIEST:
            raise UsageError(f"rate must be above 0, and {LIVELIEST:,} at most, not {rate}")
        for name, seconds in lengths.items():
            if name not in names:
                raise UsageError(f"no auction of {name}: it is not among the symbols of this market")
            if not 0 < seconds <= LONGEST:
                raise UsageError(f"an auction takes more than 0 and at most {LONGEST:,} seconds, not {seconds}")
        self._listings = [known[name] for name in names]
        self._seed = seed
        self._rate = rate
        self._merge = merge
        self._auction_lengths = lengths
        self.auctions: dict[str, Auction] = {}
        self._now_ns = 0
        self._wanted: frozenset[str] = frozenset()
        self._instruments: dict[str, Instrument] = {}  # spot; contracts follow them
        self._spot: dict[str, SpotBoard] = {}
        self._openers: list[Board] = []
        self.futures = FuturesMarket()
        self._markets = list(dict.fromkeys(name for listing in self._listings for name in listing.markets))

    def __repr__(self) -> str:
        return f"<GeneratedMarket {len(self._listings)} symbols, seed {self._seed}, rate {self._rate:g}>"

    def start(self, now_ns: int) -> None:
        """Open the market, after some trading that nobody saw. Does nothing the second time."""
        if self._instruments:
            return
        begin = now_ns - int(WARM_UP / max(1.0, self._rate))
        for listing in self._listings:
            instrument = Instrument(listing, self._seed, begin, self._rate)
            self._instruments[listing.symbol] = instrument
            classic, pro = SpotBoard(instrument, self._merge), ProBoard(instrument, "SPOT")
            instrument.boards += [classic, pro]
            self._spot[listing.symbol] = classic
            if listing.symbol in self._auction_lengths:
                self._gather(instrument, now_ns)
            self._openers.append(pro)
        self._list_contracts(begin)
        self._now_ns = now_ns
        for instrument in self._instruments.values():
            instrument.advance(now_ns, [])

    def begin(self, now_ns: int) -> None:
        """Do nothing: this market runs from its start."""

    def advance(self, now_ns: int, wanted: Collection[str]) -> list[Push]:
        """Let everything happen up to ``now_ns``; return the pushes of topics in ``wanted``."""
        pushes: list[Push] = []
        instruments = self._instruments.values()
        topics = frozenset(wanted)  # the same object, where it is one already
        if topics is not self._wanted and topics != self._wanted:
            for instrument in instruments:
                instrument.want(topics)
        self._wanted = topics
        if now_ns - self._now_ns > ASLEEP:
            for instrument in instruments:
                instrument.skip(now_ns)
        for instrument in instruments:
            instrument.advance(now_ns, pushes)
        self._now_ns = max(self._now_ns, now_ns)
        return pushes

    def opening(self, topic: str, now_ns: int) -> Push | None:
        """Return what a new reader of a topic is sent first."""
        for opener in self._openers:
            push = opener.opening(topic, now_ns)
            if push is not None:
                return push
        return None

    def time_ns(self, now_ns: int) -> int:
        """Return the wall clock's time."""
        return now_ns

    def instrument(self, symbol: str) -> Instrument:
        """Return the state of one symbol."""
        return self._instruments[symbol]

    def traded(self, symbol: str) -> Instrument | None:
        """Return the state of one symbol."""
        return self._instruments.get(symbol)

    def has_symbol(self, symbol: str) -> bool:
        """Whether the symbol is listed."""
        return any(listing.symbol == symbol for listing in self._listings)

    def lists(self, symbol: str) -> bool:
        """Whether there is this symbol or contract, or will be once the exchange opens."""
        contracts = (contract.symbol for contract in CONTRACTS if self.has_symbol(contract.underlying))
        return self.has_symbol(symbol) or symbol in contracts

    def markets(self) -> list[str]:
        """Return the names of the markets."""
        return self._markets

    def symbols(self) -> list[Json]:
        """Return the symbols, with fees and auctions."""
        rows = [symbol_v2(listing) for listing in self._listings]
        return [row | self.auctions[row["symbol"]].times() if row["symbol"] in self.auctions else row for row in rows]

    def symbols_v1(self) -> list[Json]:
        """Return the symbols, without fees and auctions."""
        return [symbol_v1(listing) for listing in self._listings]

    def currencies(self) -> list[Json]:
        """Return the currencies of all symbols."""
        names = dict.fromkeys(name for listing in self._listings for name in (listing.base, listing.quote))
        return [currency(name) for name in names]

    def book(self, symbol: str, depth: int | None) -> Json:
        """Return the book: all levels, or the best ``depth`` a side."""
        instrument = self._instruments[symbol]
        return {
            "time": self._now_ns // 1_000_000,
            "sequence": str(instrument.flow.sequence),
            "bids": instrument.written("bids", depth),
            "asks": instrument.written("asks", depth),
        }

    def auction(self, symbol: str, now_ns: int) -> Auction | None:
        """Return the call auction that a symbol is in, with its orders up to now."""
        auction = self.auctions.get(symbol)
        if auction is None or now_ns >= auction.end_ns:
            return None
        auction.advance(now_ns)
        return auction

    def level1(self, symbol: str) -> Json:
        """Return the top of the book and the last trade."""
        return self._spot[symbol].ticker() | {"time": self._now_ns // 1_000_000}

    def trades(self, symbol: str) -> list[Json]:
        """Return the last 100 trades, oldest first."""
        instrument = self._instruments[symbol]
        return [
            {
                "sequence": str(fill.number),
                "price": instrument.price(fill.price),
                "size": text(fill.size, instrument.listing.size_scale),
                "side": fill.side,
                "time": fill.time_ns,
            }
            for fill in instrument.trades
        ]

    def candles(self, symbol: str, interval: str, start_s: int, end_s: int) -> list[list[str]]:
        """Return bars, newest first, the live one included."""
        instrument = self._instruments[symbol]
        price_scale, size_scale = instrument.listing.price_scale, instrument.listing.size_scale
        scales = (price_scale,) * 4 + (size_scale, price_scale + size_scale)
        rows: list[list[Any]] = instrument.klines.rows(interval, start_s, end_s)[::-1].tolist()
        return [
            [str(row[0]), *(text(value, scale) for value, scale in zip(row[1:], scales, strict=True))] for row in rows
        ]

    def stats(self, symbol: str) -> Json:
        """Return the 24 h statistics."""
        return {"time": self._now_ns // 1_000_000} | self._statistics(self._instruments[symbol])

    def all_tickers(self) -> list[Json]:
        """Return the 24 h statistics of all symbols."""
        rows = []
        for instrument in self._instruments.values():
            listing = instrument.listing
            (ask,), (bid,) = instrument.written("asks", 1), instrument.written("bids", 1)
            name = listing.name or listing.symbol
            row = self._statistics(instrument)
            more = {"symbolName": name, "bestBidSize": bid[1], "bestAskSize": ask[1]}
            rows.append(row | more | as_captured(listing, instrument.flow, row))
        return rows

    def _statistics(self, instrument: Instrument) -> dict[str, Any]:
        return statistics(instrument.listing, instrument.flow, instrument.klines, self._now_ns)

    def _gather(self, instrument: Instrument, now_ns: int) -> None:
        symbol = instrument.listing.symbol
        end_ns = now_ns + int(self._auction_lengths[symbol] * SECOND)
        auction = self.auctions[symbol] = Auction(instrument.listing, self._seed, now_ns, end_ns)
        instrument.gather(auction)
        instrument.boards.append(AuctionBoard(instrument, auction))

    def _list_contracts(self, begin_ns: int) -> None:
        perpetuals = []
        for contract in CONTRACTS:
            spot = self._instruments.get(contract.underlying)
            if spot is None:
                continue
            instrument = Instrument(contract.listing(spot.listing), self._seed, begin_ns, self._rate, spot)
            spot.followers.append(instrument)
            perpetual = Perpetual(contract, instrument, self._seed)
            classic, pro = FuturesBoard(perpetual), ContractBoard(perpetual)
            instrument.boards += [classic, pro]
            self._openers += [classic, pro]
            perpetuals.append(perpetual)
        self.futures = FuturesMarket(perpetuals)
        if perpetuals:
            rates = FundingBoard(perpetuals)
            perpetuals[0].instrument.boards.append(rates)
            self._openers.append(rates)
