"""Classic futures' topics of one contract (protocol.md 4.20 to 4.28). Pure.

The book, its ticker and trades leave at the moment of their event, one level in a frame. Depths come every 100 ms
whether anything changed or not, klines once a second after trades, index and mark price every second, snapshots
every 5 s, the funding rate every minute, its settlement every 8 h.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from kucoin_stream.protocol.messages import encode
from kucoin_stream.simulator.flow import SECOND, Change, Fill
from kucoin_stream.simulator.futures.contracts import FUNDING_INTERVAL_MS
from kucoin_stream.simulator.futures.perpetual import FUNDING_INTERVAL, Perpetual
from kucoin_stream.simulator.futures.topics import ANNOUNCEMENT, FUTURES_INTERVALS
from kucoin_stream.simulator.instrument import MINUTE, Board, KlineChanges
from kucoin_stream.simulator.ladder import Ladder
from kucoin_stream.simulator.market import Push

_DEPTHS = (5, 50)
_SETTLEMENT = 10 * SECOND  # ns from the begin of a settlement to its end; protocol.md 4.27


class FuturesBoard(Board):
    """Shows one contract on classic futures."""

    def __init__(self, perpetual: Perpetual) -> None:
        self._perpetual = perpetual
        self._instrument = perpetual.instrument
        self._wanted: frozenset[str] = frozenset()
        self._symbol = symbol = perpetual.contract.symbol
        self._ticker_v2 = f"/contractMarket/tickerV2:{symbol}"
        self._ticker = f"/contractMarket/ticker:{symbol}"
        self._level2 = f"/contractMarket/level2:{symbol}"
        self._execution = f"/contractMarket/execution:{symbol}"
        self._snapshot = f"/contractMarket/snapshot:{symbol}"
        self._instrument_topic = f"/contract/instrument:{symbol}"
        self._announcements = (ANNOUNCEMENT, f"{ANNOUNCEMENT}:{symbol}")
        self._depths = {f"/contractMarket/level2Depth{depth}:{symbol}": depth for depth in _DEPTHS}
        self._klines = {interval: f"/contractMarket/limitCandle:{symbol}_{interval}" for interval in FUTURES_INTERVALS}
        single = (self._ticker_v2, self._ticker, self._level2, self._execution, self._snapshot, self._instrument_topic)
        self._known = frozenset((*single, *self._announcements, *self._depths, *self._klines.values()))

    def want(self, wanted: Collection[str]) -> bool:
        """Learn which topics somebody reads; return whether any of them is shown here."""
        self._wanted = self._known.intersection(wanted)
        for interval, topic in self._klines.items():
            if topic in self._wanted:
                self._instrument.klines.watch(interval)
        return bool(self._wanted)

    def opening(self, topic: str, now_ns: int) -> Push | None:
        """Return the present funding rate, which comes by the minute only."""
        return self._rate(now_ns) if topic == self._instrument_topic else None

    def event(self, change: Change, fill: Fill | None, out: list[Push]) -> None:
        """Push a trade and a change of the book."""
        wanted = self._wanted
        if fill is not None:
            if self._execution in wanted:
                out.append(_push(self._execution, "match", self._match(fill), fill.number))
            if self._ticker in wanted:
                out.append(_push(self._ticker, "ticker", self._perpetual.ticker(), fill.number))
        if self._level2 in wanted:
            side = "buy" if change.side == "bids" else "sell"
            out.append(
                Push(
                    self._level2,
                    f'{{"topic":"{self._level2}","type":"message","subject":"level2","sn":{change.sequence},'
                    f'"data":{{"sequence":{change.sequence},"change":"{self._instrument.price(change.price)},'
                    f'{side},{change.size}","timestamp":{change.time_ns // 1_000_000}}}}}',
                )
            )
        if change.price and self._ticker_v2 in wanted:
            data = {"symbol": self._symbol, "sequence": change.sequence, **self._perpetual.top(), "ts": change.time_ns}
            out.append(_push(self._ticker_v2, "tickerV2", data, change.sequence))

    def tick(self, moment: int, out: list[Push]) -> None:
        """Push depths, and what comes by the second, the minute and the settlement."""
        for topic, depth in self._depths.items():
            if topic in self._wanted:
                out.append(_push(topic, "level2", self._depth(depth, moment), moment // 1_000_000))
        if moment % SECOND:
            return
        if self._instrument_topic in self._wanted:
            self._push_instrument(moment, out)
        if self._snapshot in self._wanted and moment % (5 * SECOND) == 0:
            data = self._perpetual.day(moment) | {"ts": moment, "fundingRate": self._perpetual.predicted_rate(moment)}
            out.append(_push(self._snapshot, "snapshot.24h", data, request_id=f"{moment // SECOND:024x}"))
        for topic in self._announcements:
            if topic in self._wanted:
                self._push_announcement(topic, moment, out)

    def klines(self, moment: int, changes: KlineChanges, out: list[Push]) -> None:
        """Push bars that changed."""
        for interval, bars in changes:
            topic = self._klines.get(interval)
            if topic not in self._wanted or topic is None:
                continue
            for _, bar in bars:
                instrument = self._instrument
                prices = [instrument.price(price) for price in (bar.open, bar.close, bar.high, bar.low)]
                turnover = self._perpetual.contract.turnover(bar.volume, instrument.number(bar.turnover))
                candles = [str(bar.start), *prices, plain(turnover), str(bar.volume)]
                data = {"symbol": self._symbol, "candles": candles, "time": moment // 1_000_000}
                out.append(_push(topic, "candle.stick", data))

    def _match(self, fill: Fill) -> dict[str, Any]:
        return {
            "symbol": self._symbol,
            "sequence": fill.number,
            "side": fill.side,
            "size": fill.size,
            "price": self._instrument.price(fill.price),
            **order_ids(fill),
            "tradeId": str(fill.number),
            "ts": fill.time_ns,
        }

    def _depth(self, depth: int, moment: int) -> dict[str, Any]:
        flow, time_ms = self._instrument.flow, moment // 1_000_000
        asks, bids = (_levels(flow.ladder, flow.ladder.top(side, depth)) for side in ("asks", "bids"))
        return {"sequence": flow.sequence, "asks": asks, "bids": bids, "timestamp": time_ms, "ts": time_ms}

    def _push_instrument(self, moment: int, out: list[Push]) -> None:
        perpetual, time_ms = self._perpetual, moment // 1_000_000
        prices = {"markPrice": perpetual.mark, "indexPrice": perpetual.index, "granularity": 1000, "timestamp": time_ms}
        out.append(_push(self._instrument_topic, "mark.index.price", prices))
        if moment % MINUTE == 0:
            out.append(self._rate(moment))
        if moment % FUNDING_INTERVAL == 0:
            rate = perpetual.settled_rate(moment - 1)
            data = {"granularity": FUNDING_INTERVAL_MS, "fundingRate": rate, "timestamp": time_ms}
            out.append(_push(self._instrument_topic, "funding.rate", data))

    def _rate(self, moment: int) -> Push:
        data = {
            "period": 1,
            "granularity": 60_000,
            "fundingRate": self._perpetual.predicted_rate(moment),
            "timestamp": moment // MINUTE * MINUTE // 1_000_000,
        }
        return _push(self._instrument_topic, "funding.rate", data)

    def _push_announcement(self, topic: str, moment: int, out: list[Push]) -> None:
        since = moment % FUNDING_INTERVAL
        if since not in (0, _SETTLEMENT):
            return
        begin = moment - since
        data = {
            "symbol": self._symbol,
            "fundingTime": begin // 1_000_000,
            "fundingRate": self._perpetual.settled_rate(begin - 1),
            "timestamp": moment // 1_000_000,
        }
        text = _push(ANNOUNCEMENT, "funding.end" if since else "funding.begin", data).text
        out.append(Push(topic, text))  # the bare topic, whichever was subscribed


def order_ids(fill: Fill) -> dict[str, str]:
    """Return the two orders of a trade: decimal, of 18 digits, as futures has them."""
    base = 240_000_000_000_000_000 + fill.number * 2
    return {"takerOrderId": str(base), "makerOrderId": str(base - 1)}


def plain(value: float) -> str:
    """Return a number in plain digits, to 8 decimals, without zeros at the end."""
    return f"{value:.8f}".rstrip("0").rstrip(".")


def _levels(ladder: Ladder, levels: list[tuple[int, int]]) -> list[list[Any]]:
    return [[price, size] for (price, _), (_, size) in zip(ladder.written(levels), levels, strict=True)]


def _push(topic: str, subject: str, data: Any, sn: int | None = None, request_id: str = "") -> Push:
    frame = {"topic": topic, "type": "message", "subject": subject}
    extra = {"sn": sn} if sn is not None else {"id": request_id} if request_id else {}
    return Push(topic, encode({**frame, **extra, "data": data}).decode())
