"""Seeded markets on a grid of ticks, and the messages they send: the same bytes for every client."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field

SYMBOLS = tuple(f"{base}-USDT" for base in ("BTC", "ETH", "SOL", "XRP", "DOGE", "ADA", "LINK", "LTC", "TRX", "KCS"))
WEIGHTS = (30, 20, 12, 10, 8, 6, 5, 4, 3, 2)
DEEP = "DEEP-USDT"  # a book of 5,000 levels a side in which nothing happens
FILLERS = 0.35  # share of messages that only move the sequence; measured on a real capture
TIME_MS = 1_764_000_000_000
TICKS = 10  # a price is a number of ticks by this


@dataclass
class Market:
    """The true book of one symbol: sizes (units of 1e-8) by price (ticks)."""

    symbol: str
    sequence: int
    bids: dict[int, int]
    asks: dict[int, int]
    best_bid: int
    best_ask: int
    rng: random.Random = field(repr=False)

    @classmethod
    def make(cls, symbol: str, seed: int, depth: int) -> Market:
        rng = random.Random(f"{symbol} {seed}")
        mid = rng.randrange(200_000, 900_000)
        bids = {mid - 1 - at: _size(rng) for at in sorted(rng.sample(range(depth * 3 // 2), depth))}
        asks = {mid + 1 + at: _size(rng) for at in sorted(rng.sample(range(depth * 3 // 2), depth))}
        return cls(symbol, rng.randrange(10**9, 10**10), bids, asks, max(bids), min(asks), rng)

    def change(self) -> tuple[str, int, int]:
        """Change one level, or none; return side, price and new size."""
        rng = self.rng
        self.sequence += 1
        side = "bids" if rng.random() < 0.5 else "asks"
        if rng.random() < FILLERS:
            return side, 0, 0
        away = 1 + int(rng.expovariate(1 / 12))
        price = self.best_ask - away if side == "bids" else self.best_bid + away
        levels = self.bids if side == "bids" else self.asks
        size = 0 if price in levels and rng.random() < 0.5 and len(levels) > 10 else _size(rng)
        if size:
            levels[price] = size
        else:
            levels.pop(price, None)
        if side == "bids":
            self.best_bid = _next(self.bids, max(price, self.best_bid), -1)
        else:
            self.best_ask = _next(self.asks, min(price, self.best_ask), 1)
        return side, price, size

    def snapshot(self, depth: int | None = None) -> dict[str, object]:
        """Return what REST gives."""
        return {
            "time": TIME_MS,
            "sequence": str(self.sequence),
            "bids": [[price_text(p), size_text(self.bids[p])] for p in sorted(self.bids, reverse=True)[:depth]],
            "asks": [[price_text(p), size_text(self.asks[p])] for p in sorted(self.asks)[:depth]],
        }


def _size(rng: random.Random) -> int:
    return int(10 ** rng.uniform(4, 10))


def _next(levels: dict[int, int], price: int, step: int) -> int:
    while price not in levels:
        price += step
    return price


def price_text(ticks: int) -> str:
    whole, part = divmod(ticks, TICKS)
    return f"{whole}.{part}" if part else str(whole)


def size_text(units: int) -> str:
    return f"{units // 10**8}.{units % 10**8:08d}".rstrip("0").rstrip(".") if units else "0"


class Exchange:
    """All markets at their beginning, and per kind of topic the messages of a run."""

    def __init__(self, seed: int = 1, depth: int = 1000) -> None:
        self.seed, self.depth = seed, depth
        self.markets = {symbol: Market.make(symbol, seed, depth) for symbol in SYMBOLS}
        self.markets[DEEP] = Market.make(DEEP, seed, 5000)
        self.snapshots = {symbol: market.snapshot() for symbol, market in self.markets.items()}
        self._made: dict[tuple[str, int], tuple[list[bytes], dict[str, object]]] = {}

    def run(self, kind: str, count: int) -> tuple[list[bytes], dict[str, object]]:
        """Return ``count`` messages of ``level2``, ``trades`` or ``ticker``, and the books at the end."""
        if (kind, count) not in self._made:
            rng = random.Random(self.seed)
            markets = {symbol: Market.make(symbol, self.seed, self.depth) for symbol in SYMBOLS}
            order = rng.choices(SYMBOLS, WEIGHTS, k=count)
            make = {"level2": _level2, "trades": _trade, "ticker": _ticker}[kind]
            messages = [make(markets[symbol], at).encode() for at, symbol in enumerate(order)]
            self._made[kind, count] = messages, {name: market.snapshot() for name, market in markets.items()}
        return self._made[kind, count]


def _level2(market: Market, at: int) -> str:
    side, price, size = market.change()
    sequence = market.sequence
    change = f'[["{price_text(price)}","{size_text(size)}","{sequence}"]]'
    asks, bids = (change, "[]") if side == "asks" else ("[]", change)
    return (
        f'{{"topic":"/market/level2:{market.symbol}","type":"message","subject":"trade.l2update","data":{{'
        f'"changes":{{"asks":{asks},"bids":{bids}}},"sequenceEnd":{sequence},"sequenceStart":{sequence},'
        f'"symbol":"{market.symbol}","time":{TIME_MS + at // 50}}}}}'
    )


def _trade(market: Market, at: int) -> str:
    market.change()
    rng, sequence = market.rng, 11_067_996_711_960_577 + at
    data = {
        "makerOrderId": f"{rng.getrandbits(96):024x}",
        "price": price_text(market.best_ask),
        "sequence": str(sequence),
        "side": rng.choice(("buy", "sell")),
        "size": size_text(_size(rng)),
        "symbol": market.symbol,
        "takerOrderId": f"{rng.getrandbits(96):024x}",
        "time": str((TIME_MS + at // 50) * 1_000_000),
        "tradeId": str(sequence),
        "type": "match",
    }
    return _push(f"/market/match:{market.symbol}", "trade.l3match", data)


def _ticker(market: Market, at: int) -> str:
    market.change()
    bid, ask = market.best_bid, market.best_ask
    data = {
        "bestAsk": price_text(ask),
        "bestAskSize": size_text(market.asks[ask]),
        "bestBid": price_text(bid),
        "bestBidSize": size_text(market.bids[bid]),
        "price": price_text(ask),
        "sequence": str(market.sequence),
        "size": size_text(_size(market.rng)),
        "time": TIME_MS + at // 50,
    }
    return _push(f"/market/ticker:{market.symbol}", "trade.ticker", data)


def _push(topic: str, subject: str, data: dict[str, object]) -> str:
    return json.dumps({"topic": topic, "type": "message", "subject": subject, "data": data}, separators=(",", ":"))


STEMS = {"level2": "/market/level2", "trades": "/market/match", "ticker": "/market/ticker"}
