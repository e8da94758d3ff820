"""Seeded markets on a grid of ticks, and the messages they send: the same bytes for every client."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

SYMBOLS = tuple(f"{base}-USDT" for base in ("BTC", "ETH", "SOL", "XRP", "DOGE", "ADA", "LINK", "LTC", "TRX", "KCS"))
WEIGHTS = (30, 20, 12, 10, 8, 6, 5, 4, 3, 2)
DEEP = "DEEP-USDT"  # a book of 5,000 levels a side
DEEP_LEVELS = 5000
FAR = 0.2  # share of the deep book's changes that fall anywhere in it, the others near the best price
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
    far: float = 0.0  # share of changes that fall anywhere

    @classmethod
    def make(cls, symbol: str, seed: int, depth: int) -> Market:
        """Return the market of ``symbol`` at its beginning, with ``depth`` levels a side."""
        rng = random.Random(f"{symbol} {seed}")
        mid = rng.randrange(200_000, 900_000)
        bids = {mid - 1 - at: _size(rng) for at in sorted(rng.sample(range(depth * 3 // 2), depth))}
        asks = {mid + 1 + at: _size(rng) for at in sorted(rng.sample(range(depth * 3 // 2), depth))}
        return cls(symbol, rng.randrange(10**9, 10**10), bids, asks, max(bids), min(asks), rng, FAR * (symbol == DEEP))

    def change(self) -> tuple[str, int, int]:
        """Change one level, or none; return side, price and new size."""
        rng = self.rng
        self.sequence += 1
        side = "bids" if rng.random() < 0.5 else "asks"
        if rng.random() < FILLERS:
            return side, 0, 0
        anywhere = self.far and rng.random() < self.far
        away = rng.randrange(1, DEEP_LEVELS * 3 // 2) if anywhere else 1 + int(rng.expovariate(1 / 12))
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
    """Return a price as KuCoin writes it."""
    whole, part = divmod(ticks, TICKS)
    return f"{whole}.{part}" if part else str(whole)


def size_text(units: int) -> str:
    """Return a size as KuCoin writes it."""
    return f"{units // 10**8}.{units % 10**8:08d}".rstrip("0").rstrip(".") if units else "0"


Books = dict[str, dict[str, object]]
"""What REST gives as snapshot, by symbol."""


class Exchange:
    """All markets at their beginning, and per kind of run the messages of it.

    A run always begins at the beginning: a client that has seen one needs a new connection for the next.
    """

    def __init__(self, seed: int = 1, depth: int = 1000) -> None:
        self.seed, self.depth = seed, depth
        self.snapshots: Books = {symbol: self._market(symbol).snapshot() for symbol in (*SYMBOLS, DEEP)}
        self._made: dict[tuple[str, int], tuple[list[bytes], Books]] = {}

    def _market(self, symbol: str) -> Market:
        return Market.make(symbol, self.seed, DEEP_LEVELS if symbol == DEEP else self.depth)

    def run(self, kind: str, count: int) -> tuple[list[bytes], Books]:
        """Return ``count`` messages of a kind (see :data:`RUNS`), and the books at the end. Made once, then kept."""
        if (kind, count) not in self._made:
            _, symbols, make = RUNS[kind]
            markets = {symbol: self._market(symbol) for symbol in symbols}
            order = random.Random(self.seed).choices(symbols, WEIGHTS[: len(symbols)], k=count)
            messages = [make(markets[symbol], at).encode() for at, symbol in enumerate(order)]
            self._made[kind, count] = messages, {name: market.snapshot() for name, market in markets.items()}
        return self._made[kind, count]

    def last(self, kind: str, count: int) -> dict[str, object]:
        """Return the data of the last message of each topic of a run, by topic."""
        wanted, found = set(topics(kind)), dict[str, object]()
        for message in reversed(self.run(kind, count)[0]):
            if wanted <= found.keys():
                break
            push = json.loads(message)
            found.setdefault(push["topic"], push["data"])
        return found


def topics(kind: str) -> list[str]:
    """Return the topics of a kind of run."""
    stem, symbols, _ = RUNS[kind]
    return [f"{stem}:{symbol}" for symbol in symbols]


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


def _push(topic: str, subject: str, data: Mapping[str, object]) -> str:
    return json.dumps({"topic": topic, "type": "message", "subject": subject, "data": data}, separators=(",", ":"))


def stamped(message: bytes, microseconds: int) -> bytes:
    """Return a message whose time is ``microseconds``, where the time is the last it says; others as they are."""
    begin = message[:_TIME]
    return b"%s%d}}" % (begin, microseconds) if begin.endswith(b'"time":') else message


_TIME = -len(f"{TIME_MS}}}}}")  # where the time begins in increments and tickers

RUNS: dict[str, tuple[str, tuple[str, ...], Callable[[Market, int], str]]] = {
    "level2": ("/market/level2", SYMBOLS, _level2),
    "heavy": ("/market/level2", (DEEP,), _level2),
    "trades": ("/market/match", SYMBOLS, _trade),
    "ticker": ("/market/ticker", SYMBOLS, _ticker),
}
"""By kind: path of the topics, symbols, and what makes a message. ``heavy`` is one book of 5,000 levels a side."""
