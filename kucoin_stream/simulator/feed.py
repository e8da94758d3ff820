"""All topics of one generated symbol: its order flow, rendered as pushes at their cadence. Pure.

Increments and trades leave at the moment of their event. The rest is looked at on a grid of 100 ms of virtual
time, as KuCoin does: tickers and depths every 100 ms if something changed, klines once a second after trades,
snapshots every 2 s. Level 1 has a grid of 10 ms. Nothing is rendered that is not in ``wanted``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from typing import Any

from kucoin_stream.simulator.bars import Klines
from kucoin_stream.simulator.flow import SECOND, Change, Fill, OrderFlow
from kucoin_stream.simulator.history import History, Temper
from kucoin_stream.simulator.ladder import Side, text
from kucoin_stream.simulator.listings import Listing
from kucoin_stream.simulator.market import INTERVAL_NAMES, Push, message
from kucoin_stream.simulator.summary import snapshot

TICK = SECOND // 10  # ns
FINE_TICK = SECOND // 100  # ns
TRADES_KEPT = 100
_KLINE_PHASE = 8 * TICK  # five of six recorded kline pushes ended in .805 s; protocol.md 4.8
_DEPTHS = (5, 50)


class SymbolFeed:
    """One symbol. ``merge`` > 1 joins up to that many changes in one level-2 message."""

    def __init__(self, listing: Listing, seed: int, start_ns: int, *, rate: float, merge: int) -> None:
        self.listing = listing
        self.flow = OrderFlow(listing, seed, start_ns, rate)
        self.klines = Klines(start_ns // SECOND, listing.ticks, lambda: self._history(seed, start_ns, rate))
        self.trades: deque[Fill] = deque(maxlen=TRADES_KEPT)
        self._merge = merge
        self._unsent: list[Change] = []
        self._next_tick = start_ns - start_ns % TICK + TICK
        self._ticker_sequence = self.flow.sequence
        self._snapshot_sequence = self.flow.sequence
        self._depths: dict[int, Any] = {}
        self._top: Any = None
        symbol = listing.symbol
        self._level2_topic = f"/market/level2:{symbol}"
        self._match_topic = f"/market/match:{symbol}"
        self._ticker_topic = f"/market/ticker:{symbol}"
        self._level1_topic = f"/spotMarket/level1:{symbol}"
        self._snapshot_topics = [f"/market/snapshot:{name}" for name in (symbol, *listing.markets)]
        self._kline_topics = [(name, f"/market/candles:{symbol}_{name}") for name in INTERVAL_NAMES]

    def advance(self, until_ns: int, wanted: Collection[str], out: list[Push]) -> None:
        """Let everything happen up to ``until_ns``, included, and append what is pushed to ``out``."""
        flow = self.flow
        for interval, topic in self._kline_topics:
            if topic in wanted:
                self.klines.watch(interval)
        while True:
            fine = self._next_fine(wanted)
            moment = min(flow.next_ns, self._next_tick, fine)
            if moment > until_ns:
                return
            if moment == flow.next_ns:
                self._event(wanted, out)
            elif moment == fine:
                self._push_level1(moment, out)
            else:
                self._tick(moment, wanted, out)
                self._next_tick += TICK

    def skip(self, to_ns: int) -> None:
        """Let nothing happen until ``to_ns``."""
        self.flow.skip(to_ns)
        self._next_tick = max(self._next_tick, to_ns - to_ns % TICK + TICK)

    def written(self, side: Side, depth: int | None = None) -> list[list[str]]:
        """Return the best levels as pairs of text."""
        ladder = self.flow.ladder
        return ladder.written(ladder.top(side, depth))

    def ticker(self) -> dict[str, Any]:
        """Return top of book and last trade, without a time, as the ticker topic shows them."""
        flow = self.flow
        (ask,), (bid,) = self.written("asks", 1), self.written("bids", 1)  # the flow never empties a side
        return {
            "bestAsk": ask[0],
            "bestAskSize": ask[1],
            "bestBid": bid[0],
            "bestBidSize": bid[1],
            "price": self.price(flow.last.price),
            "sequence": str(flow.sequence),
            "size": text(flow.last.size, self.listing.size_scale),
        }

    def price(self, ticks: int) -> str:
        """Return a price as text."""
        return text(ticks, self.listing.price_scale)

    def _history(self, seed: int, start_ns: int, rate: float) -> History:
        listing = self.listing
        volume = max(2.0, 60 * 0.07 * listing.pace * rate * listing.lots * 0.6)  # what the flow trades in a minute
        return History(listing.symbol, seed, start_ns // SECOND, listing.ticks, Temper(listing.volatility, volume))

    def _event(self, wanted: Collection[str], out: list[Push]) -> None:
        change, fill = self.flow.step()
        if fill is not None:
            self.trades.append(fill)
            self.klines.trade(fill.price, fill.size, fill.time_ns // SECOND)
            if self._match_topic in wanted:
                out.append(Push(self._match_topic, self._match(fill)))
        if self._merge > 1:
            self._unsent.append(change)
            if len(self._unsent) >= self._merge:
                self._flush(wanted, out)
        elif self._level2_topic in wanted:
            out.append(Push(self._level2_topic, self._level2([change])))

    def _flush(self, wanted: Collection[str], out: list[Push]) -> None:
        if self._unsent and self._level2_topic in wanted:
            out.append(Push(self._level2_topic, self._level2(self._unsent)))
        self._unsent = []

    def _level2(self, changes: list[Change]) -> str:
        listing = self.listing
        latest = {(change.side, change.price): change for change in changes}  # one entry a price, the last
        sides: dict[Side, list[str]] = {"asks": [], "bids": []}
        for change in latest.values():
            price, size = text(change.price, listing.price_scale), text(change.size, listing.size_scale)
            sides[change.side].append(f'["{price}","{size}","{change.sequence}"]')
        return (
            f'{{"topic":"{self._level2_topic}","type":"message","subject":"trade.l2update","data":{{"changes":'
            f'{{"asks":[{",".join(sides["asks"])}],"bids":[{",".join(sides["bids"])}]}},'
            f'"sequenceEnd":{changes[-1].sequence},"sequenceStart":{changes[0].sequence},'
            f'"symbol":"{listing.symbol}","time":{changes[-1].time_ns // 1_000_000}}}}}'
        )

    def _match(self, fill: Fill) -> str:
        maker, taker = (f"{fill.time_ns // SECOND:08x}{fill.number * 2 + side:016x}" for side in (0, 1))
        data = {
            "makerOrderId": maker,
            "price": self.price(fill.price),
            "sequence": str(fill.number),
            "side": fill.side,
            "size": text(fill.size, self.listing.size_scale),
            "symbol": self.listing.symbol,
            "takerOrderId": taker,
            "time": str(fill.time_ns),
            "tradeId": str(fill.number),
            "type": "match",
        }
        return message(self._match_topic, "trade.l3match", data)

    def _next_fine(self, wanted: Collection[str]) -> int:
        """When level 1 is due: at the next 10 ms after a change; far away where nobody wants it."""
        if self._level1_topic not in wanted:
            return 1 << 62
        ladder = self.flow.ladder
        top = (ladder.level("asks", 0), ladder.level("bids", 0))
        if top == self._top:
            return 1 << 62
        return self._now() // FINE_TICK * FINE_TICK + FINE_TICK

    def _now(self) -> int:
        return max(self.flow.now_ns, self._next_tick - TICK)

    def _push_level1(self, moment: int, out: list[Push]) -> None:
        ladder = self.flow.ladder
        self._top = (ladder.level("asks", 0), ladder.level("bids", 0))
        asks, bids = (ladder.written([level])[0] for level in self._top)
        data = {"asks": asks, "bids": bids, "timestamp": moment // 1_000_000}
        out.append(Push(self._level1_topic, message(self._level1_topic, "level1", data)))

    def _tick(self, moment: int, wanted: Collection[str], out: list[Push]) -> None:
        self._flush(wanted, out)
        sequence = self.flow.sequence
        if sequence != self._ticker_sequence:
            self._ticker_sequence = sequence
            self._push_ticker(moment, wanted, out)
            self._push_depths(moment, wanted, out)
        if moment % SECOND == _KLINE_PHASE:
            self._push_klines(moment, wanted, out)
        if moment % SECOND == 0:
            self._push_indices(moment, wanted, out)
            if moment % (2 * SECOND) == 0 and sequence != self._snapshot_sequence:
                self._snapshot_sequence = sequence
                self._push_snapshots(moment, wanted, out)

    def _push_ticker(self, moment: int, wanted: Collection[str], out: list[Push]) -> None:
        one, every = self._ticker_topic in wanted, "/market/ticker:all" in wanted
        if one or every:
            data = self.ticker() | {"time": moment // 1_000_000}
            if one:
                out.append(Push(self._ticker_topic, message(self._ticker_topic, "trade.ticker", data)))
            if every:
                out.append(Push("/market/ticker:all", message("/market/ticker:all", self.listing.symbol, data)))

    def _push_depths(self, moment: int, wanted: Collection[str], out: list[Push]) -> None:
        for depth in _DEPTHS:
            topic = f"/spotMarket/level2Depth{depth}:{self.listing.symbol}"
            if topic not in wanted:
                continue
            ladder = self.flow.ladder
            asks, bids = ladder.top("asks", depth), ladder.top("bids", depth)
            if self._depths.get(depth) == (asks, bids):
                continue
            self._depths[depth] = (asks, bids)
            data = {"asks": ladder.written(asks), "bids": ladder.written(bids), "timestamp": moment // 1_000_000}
            out.append(Push(topic, message(topic, "level2", data)))

    def _push_klines(self, moment: int, wanted: Collection[str], out: list[Push]) -> None:
        listing = self.listing
        for interval, changes in self.klines.changed():
            topic = f"/market/candles:{listing.symbol}_{interval}"
            if topic not in wanted:
                continue
            for verb, bar in changes:
                candles = bar.written(listing.price_scale, listing.size_scale)
                data = {"symbol": listing.symbol, "candles": candles, "time": moment}
                out.append(Push(topic, message(topic, f"trade.candles.{verb}", data)))

    def _push_indices(self, moment: int, wanted: Collection[str], out: list[Push]) -> None:
        for kind in ("index", "markPrice"):
            topic = f"/indicator/{kind}:{self.listing.symbol}"
            if topic in wanted:
                value = float(self.price(self.flow.last.price))
                data = {
                    "symbol": self.listing.symbol,
                    "granularity": 1000,
                    "value": value,
                    "timestamp": moment // 1_000_000,
                }
                out.append(Push(topic, message(topic, "tick", data)))

    def _push_snapshots(self, moment: int, wanted: Collection[str], out: list[Push]) -> None:
        topics = [topic for topic in self._snapshot_topics if topic in wanted]
        if topics:
            data = {"sequence": str(self.flow.sequence), "data": snapshot(self.listing, self.flow, self.klines, moment)}
            out.extend(Push(topic, message(topic, "trade.snapshot", data)) for topic in topics)
