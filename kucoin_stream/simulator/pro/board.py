"""The public Pro channels of one instrument (protocol.md 6.5). Pure.

Trades, tickers, the best level and increments leave at the moment of their event; ``increment@10ms`` within 10 ms;
depths every 100 ms whether anything changed or not; klines once a second after trades. A sequence number without
a visible change has no frame of its own: the next frame's range includes it.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from kucoin_stream.protocol.messages import encode
from kucoin_stream.simulator.flow import Change, Fill
from kucoin_stream.simulator.history import next_start
from kucoin_stream.simulator.instrument import Board, Instrument, KlineChanges
from kucoin_stream.simulator.market import INTERVAL_NAMES, Push
from kucoin_stream.simulator.pro.channels import TEN_MS
from kucoin_stream.simulator.pro.window import Levels, Window

_DEPTHS = (5, 50)


class ProBoard(Board):
    """Shows one instrument as ``SPOT`` or ``FUTURES``, the ``kind``."""

    def __init__(self, instrument: Instrument, kind: str) -> None:
        self._instrument = instrument
        self._kind = kind
        self._wanted: frozenset[str] = frozenset()
        self._window: Window | None = None
        self._sequence = 0  # the last one that ``increment`` has shown
        self._best: Any = None
        self._bars: dict[str, dict[str, Any]] = {}  # pushed last, by topic
        self._symbol = symbol = instrument.listing.symbol
        self._ticker = f"ticker.{kind}:{symbol}"
        self._trade = f"trade.{kind}:{symbol}"
        self._top = f"obu.{kind}:{symbol}_1"
        self._increment = f"obu.{kind}:{symbol}_increment"
        self._ten_ms = f"obu.{kind}:{symbol}_{TEN_MS}"
        self._depths = {f"obu.{kind}:{symbol}_{depth}{rpi}": depth for depth in _DEPTHS for rpi in ("", "_rpi")}
        self._klines = {interval: f"kline.{kind}:{symbol}_{interval}" for interval in INTERVAL_NAMES}
        single = (self._ticker, self._trade, self._top, self._increment, self._ten_ms)
        self._known = frozenset((*single, *self._depths, *self._klines.values()))

    def want(self, wanted: Collection[str]) -> bool:
        """Learn which subscriptions there are; return whether any of them is shown here."""
        mine = self._known.intersection(wanted)
        if self._increment in mine - self._wanted:
            self._sequence = self._instrument.flow.sequence
        if self._top not in mine:
            self._best = None
        self._bars = {topic: bar for topic, bar in self._bars.items() if topic in mine}
        for interval, topic in self._klines.items():
            if topic in mine:
                self._instrument.klines.watch(interval)
        self.fine = self._ten_ms in mine
        if not self.fine:
            self._window = None
        self._wanted = mine
        return bool(mine)

    def opening(self, topic: str, now_ns: int) -> Push | None:
        """Return the snapshot that a new reader of ``increment@10ms`` begins with; further steps fit on it."""
        if topic != self._ten_ms:
            return None
        window = self._window = self._window or Window(self._instrument.flow)
        asks, bids = window.levels("asks"), window.levels("bids")
        return self._book(topic, TEN_MS, asks, bids, window.sequence, window.sequence, now_ns, "snapshot")

    def event(self, change: Change, fill: Fill | None, out: list[Push]) -> None:
        """Push a trade and a change of the book."""
        wanted = self._wanted
        if fill is not None:
            if self._trade in wanted:
                out.append(self._trade_push(fill))
            if self._ticker in wanted:
                out.append(self._ticker_push(fill, change.sequence))
        if not change.price:
            return
        if self._increment in wanted:
            levels = [(change.price, change.size)]
            asks, bids = (levels, []) if change.side == "asks" else ([], levels)
            first, self._sequence = self._sequence + 1, change.sequence
            out.append(self._book(self._increment, "increment", asks, bids, first, change.sequence, change.time_ns))
        if self._top in wanted:
            self._push_best(change.time_ns, out)

    def fine_tick(self, moment: int, out: list[Push]) -> None:
        """Push what changed among the best 500 levels."""
        window = self._window = self._window or Window(self._instrument.flow)
        step = window.step()
        if step is not None:
            out.append(self._book(self._ten_ms, TEN_MS, step.asks, step.bids, step.first, step.last, moment))

    def tick(self, moment: int, out: list[Push]) -> None:
        """Push the depths, and the best level to its first reader."""
        flow = self._instrument.flow
        for topic, depth in self._depths.items():
            if topic in self._wanted:
                asks, bids = flow.ladder.top("asks", depth), flow.ladder.top("bids", depth)
                sequence = flow.sequence
                out.append(self._book(topic, str(depth), asks, bids, sequence, sequence, moment, "snapshot"))
        if self._top in self._wanted and self._best is None:
            self._push_best(moment, out)

    def klines(self, moment: int, changes: KlineChanges, out: list[Push]) -> None:
        """Push bars that changed; ``S`` is true in the last push of a bar."""
        for interval, bars in changes:
            topic = self._klines[interval]
            if topic not in self._wanted:
                continue
            current = self._instrument.klines.watch(interval).current.start
            for _, bar in bars:
                written = bar.written(self._instrument.listing.price_scale, self._instrument.listing.size_scale)
                opened, closed, high, low, volume, turnover = written[1:]
                data = {
                    "s": self._symbol,
                    "i": interval,
                    "O": bar.start,
                    "C": next_start(bar.start, interval),
                    "o": opened,
                    "c": closed,
                    "h": high,
                    "l": low,
                    "v": volume,
                    "a": self.turnover(bar.volume, bar.turnover) or turnover,
                    "S": bar.start < current,
                }
                before = self._bars.get(topic, data)
                if before["O"] < bar.start and not before["S"]:  # nothing was traded after its last push
                    out.append(push(topic, f"kline.{self._kind}", moment, before | {"S": True}))
                self._bars[topic] = data
                out.append(push(topic, f"kline.{self._kind}", moment, data))

    def turnover(self, volume: int, weighted: int) -> str:  # noqa: ARG002
        """Return a turnover where it is not price times size."""
        return ""

    def _trade_push(self, fill: Fill) -> Push:
        data = {
            "s": self._symbol,
            "E": fill.number,
            "M": _milliseconds(fill.time_ns),
            "S": fill.side,
            "p": self._instrument.price(fill.price),
            "q": self._instrument.size(fill.size),
            "ti": str(fill.number),
        }
        if self._kind == "FUTURES":
            data["rpi"] = False
        return push(self._trade, f"trade.{self._kind}", fill.time_ns, data)

    def _ticker_push(self, fill: Fill, sequence: int) -> Push:
        (ask,), (bid,) = self._instrument.written("asks", 1), self._instrument.written("bids", 1)
        data = {
            "s": self._symbol,
            "a": ask[0],
            "A": ask[1],
            "b": bid[0],
            "B": bid[1],
            "l": self._instrument.price(fill.price),
            "q": self._instrument.size(fill.size),
            "S": fill.side.upper() if self._kind == "SPOT" else fill.side,
            "E": sequence,
            "M": _milliseconds(fill.time_ns),
        }
        return push(self._ticker, f"ticker.{self._kind}", fill.time_ns, data)

    def _push_best(self, moment: int, out: list[Push]) -> None:
        flow = self._instrument.flow
        best = flow.ladder.top("asks", 1), flow.ladder.top("bids", 1)
        if best != self._best:
            self._best = best
            out.append(self._book(self._top, "1", *best, flow.sequence, flow.sequence, moment, "snapshot"))

    def _book(
        self, topic: str, depth: str, asks: Levels, bids: Levels, first: int, last: int, moment: int,
        kind: str = "delta",
    ) -> Push:  # fmt: skip
        rpi = topic.endswith("_rpi")
        return Push(
            topic,
            f'{{"T":"obu.{self._kind}", "dp":"{depth}", "t":"{kind}", "P":{moment}, "d":{{"a":{self._pairs(asks, rpi)}'
            f',"b":{self._pairs(bids, rpi)},"s":"{self._symbol}","C":{last},'
            f'"M":{_milliseconds(self._instrument.flow.now_ns)},"O":{first}}}}}',
        )

    def _pairs(self, levels: Levels, rpi: bool) -> str:
        """Levels as JSON. With ``rpi`` also the size of retail price improvement orders: there are none."""
        price, size, end = self._instrument.price, self._instrument.size, '","0"]' if rpi else '"]'
        pairs = [f'["{price(ticks)}","{size(lots)}{end}' for ticks, lots in levels]
        return f"[{','.join(pairs)}]"


def push(topic: str, tag: str, moment: int, data: Any) -> Push:
    """Return a push with the envelope of the Pro sockets."""
    return Push(topic, f'{{"T":"{tag}", "P":{moment}, "d":{encode(data).decode()}}}')


def _milliseconds(time_ns: int) -> int:
    return time_ns // 1_000_000 * 1_000_000
