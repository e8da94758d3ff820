"""Classic spot's topics of one symbol (protocol.md 4.1 to 4.12). Pure.

Increments and trades leave at the moment of their event. The rest is looked at on a grid of 100 ms of virtual
time, as KuCoin does: tickers and depths every 100 ms if something changed, klines once a second after trades,
snapshots every 2 s. Level 1 has a grid of 10 ms. Nothing is rendered that nobody reads.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from kucoin_stream.simulator.flow import SECOND, Change, Fill
from kucoin_stream.simulator.instrument import Board, Instrument, KlineChanges
from kucoin_stream.simulator.ladder import Side
from kucoin_stream.simulator.market import INTERVAL_NAMES, Push, message
from kucoin_stream.simulator.marks import index, mark, reverse
from kucoin_stream.simulator.summary import snapshot

_ALL_TICKERS = "/market/ticker:all"
_DEPTHS = (5, 50)


class SpotBoard(Board):
    """Shows one symbol on classic spot. ``merge`` > 1 joins up to that many changes in one level-2 message."""

    def __init__(self, instrument: Instrument, merge: int = 1) -> None:
        self._instrument = instrument
        self._merge = merge
        self._wanted: frozenset[str] = frozenset()
        self._unsent: list[Change] = []
        self._sequence = self._snapshot_sequence = instrument.flow.sequence
        self._depths: dict[str, Any] = {}
        self._top: Any = None
        symbol = instrument.listing.symbol
        self._level2 = f"/market/level2:{symbol}"
        self._match = f"/market/match:{symbol}"
        self._ticker = f"/market/ticker:{symbol}"
        self._level1 = f"/spotMarket/level1:{symbol}"
        self._depth_topics = {f"/spotMarket/level2Depth{depth}:{symbol}": depth for depth in _DEPTHS}
        self._indices = {
            f"/indicator/{kind}:{name}": (price, name)
            for kind, price in (("index", index), ("markPrice", mark))
            for name in (symbol, f"{instrument.listing.quote}-{instrument.listing.base}")
        }
        self._snapshots = [f"/market/snapshot:{name}" for name in (symbol, *instrument.listing.markets)]
        self._klines = {interval: f"/market/candles:{symbol}_{interval}" for interval in INTERVAL_NAMES}
        single = (self._level2, self._match, self._ticker, self._level1, _ALL_TICKERS)
        self._known = frozenset(
            (*single, *self._depth_topics, *self._indices, *self._snapshots, *self._klines.values())
        )

    def want(self, wanted: Collection[str]) -> bool:
        """Learn which topics somebody reads; return whether any of them is shown here."""
        self._wanted = mine = self._known.intersection(wanted)
        for interval, topic in self._klines.items():
            if topic in mine:
                self._instrument.klines.watch(interval)
        self._depths = {topic: shown for topic, shown in self._depths.items() if topic in mine}
        self.fine = self._level1 in mine
        if not self.fine:
            self._top = None
        if self._level2 not in mine:
            self._unsent = []
        return bool(mine)

    def event(self, change: Change, fill: Fill | None, out: list[Push]) -> None:
        """Push a trade and a change of the book."""
        if fill is not None and self._match in self._wanted:
            out.append(Push(self._match, self._match_text(fill)))
        if self._level2 in self._wanted:
            self._unsent.append(change)
            if len(self._unsent) >= self._merge:
                self._flush(out)

    def fine_tick(self, moment: int, out: list[Push]) -> None:
        """Push level 1 if it changed."""
        ladder = self._instrument.flow.ladder
        top = (ladder.level("asks", 0), ladder.level("bids", 0))
        if top == self._top:
            return
        self._top = top
        asks, bids = ladder.written(top)
        data = {"asks": asks, "bids": bids, "timestamp": moment // 1_000_000}
        out.append(Push(self._level1, message(self._level1, "level1", data)))

    def tick(self, moment: int, out: list[Push]) -> None:
        """Push tickers and depths that changed, and what comes by the second."""
        self._flush(out)
        sequence = self._instrument.flow.sequence
        if sequence != self._sequence:
            self._sequence = sequence
            self._push_ticker(moment, out)
            self._push_depths(moment, out)
        if moment % SECOND == 0:
            self._push_indices(moment, out)
            if moment % (2 * SECOND) == 0 and sequence != self._snapshot_sequence:
                self._snapshot_sequence = sequence
                self._push_snapshots(moment, out)

    def klines(self, moment: int, changes: KlineChanges, out: list[Push]) -> None:
        """Push bars that changed."""
        listing = self._instrument.listing
        for interval, bars in changes:
            topic = self._klines[interval]
            if topic not in self._wanted:
                continue
            for verb, bar in bars:
                candles = bar.written(listing.price_scale, listing.size_scale)
                data = {"symbol": listing.symbol, "candles": candles, "time": moment}
                out.append(Push(topic, message(topic, f"trade.candles.{verb}", data)))

    def ticker(self) -> dict[str, Any]:
        """Return top of book and last trade, without a time, as the ticker topic shows them."""
        instrument = self._instrument
        flow = instrument.flow
        (ask,), (bid,) = instrument.written("asks", 1), instrument.written("bids", 1)  # no side is ever empty
        return {
            "bestAsk": ask[0],
            "bestAskSize": ask[1],
            "bestBid": bid[0],
            "bestBidSize": bid[1],
            "price": instrument.price(flow.last.price),
            "sequence": str(flow.sequence),
            "size": instrument.size(flow.last.size),
        }

    def _flush(self, out: list[Push]) -> None:
        if self._unsent:
            out.append(Push(self._level2, self._level2_text(self._unsent)))
            self._unsent = []

    def _level2_text(self, changes: list[Change]) -> str:
        instrument = self._instrument
        latest = {(change.side, change.price): change for change in changes}  # one entry a price, the last
        sides: dict[Side, list[str]] = {"asks": [], "bids": []}
        for change in latest.values():
            price, size = instrument.price(change.price), instrument.size(change.size)
            sides[change.side].append(f'["{price}","{size}","{change.sequence}"]')
        return (
            f'{{"topic":"{self._level2}","type":"message","subject":"trade.l2update","data":{{"changes":'
            f'{{"asks":[{",".join(sides["asks"])}],"bids":[{",".join(sides["bids"])}]}},'
            f'"sequenceEnd":{changes[-1].sequence},"sequenceStart":{changes[0].sequence},'
            f'"symbol":"{instrument.listing.symbol}","time":{changes[-1].time_ns // 1_000_000}}}}}'
        )

    def _match_text(self, fill: Fill) -> str:
        maker, taker = (f"{fill.time_ns // SECOND:08x}{fill.number * 2 + side:016x}" for side in (0, 1))
        data = {
            "makerOrderId": maker,
            "price": self._instrument.price(fill.price),
            "sequence": str(fill.number),
            "side": fill.side,
            "size": self._instrument.size(fill.size),
            "symbol": self._instrument.listing.symbol,
            "takerOrderId": taker,
            "time": str(fill.time_ns),
            "tradeId": str(fill.number),
            "type": "match",
        }
        return message(self._match, "trade.l3match", data)

    def _push_ticker(self, moment: int, out: list[Push]) -> None:
        one, every = self._ticker in self._wanted, _ALL_TICKERS in self._wanted
        if one or every:
            data = self.ticker() | {"time": moment // 1_000_000}
            if one:
                out.append(Push(self._ticker, message(self._ticker, "trade.ticker", data)))
            if every:
                out.append(Push(_ALL_TICKERS, message(_ALL_TICKERS, self._instrument.listing.symbol, data)))

    def _push_depths(self, moment: int, out: list[Push]) -> None:
        ladder = self._instrument.flow.ladder
        for topic, depth in self._depth_topics.items():
            if topic not in self._wanted:
                continue
            asks, bids = ladder.top("asks", depth), ladder.top("bids", depth)
            if self._depths.get(topic) == (asks, bids):
                continue
            self._depths[topic] = (asks, bids)
            data = {"asks": ladder.written(asks), "bids": ladder.written(bids), "timestamp": moment // 1_000_000}
            out.append(Push(topic, message(topic, "level2", data)))

    def _push_indices(self, moment: int, out: list[Push]) -> None:
        symbol = self._instrument.listing.symbol
        for topic, (price, name) in self._indices.items():
            if topic in self._wanted:
                value = price(self._instrument, moment)
                value = value if name == symbol else reverse(value)
                data = {"symbol": name, "granularity": 1000, "value": value, "timestamp": moment // 1_000_000}
                out.append(Push(topic, message(topic, "tick", data)))

    def _push_snapshots(self, moment: int, out: list[Push]) -> None:
        topics = [topic for topic in self._snapshots if topic in self._wanted]
        if topics:
            instrument = self._instrument
            shown = snapshot(instrument.listing, instrument.flow, instrument.klines, moment)
            data = {"sequence": str(instrument.flow.sequence), "data": shown}
            out.extend(Push(topic, message(topic, "trade.snapshot", data)) for topic in topics)
