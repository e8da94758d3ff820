"""Subjects that stand still, each with one power: to be changed, or to fail."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
from ipywidgets.widgets import widget
from msgspec import structs

from kucoin_stream.frames.newest import of_messages
from kucoin_stream.frames.quotes import quote_columns
from kucoin_stream.protocol.messages.spot import Ticker, Trade

NOW = 1_795_000_000.25  # 2026-11-18 11:06:40.250 UTC


def open_widgets():
    """Return the models of all widgets that are not closed."""
    return {*(widget._instances if hasattr(widget, "_instances") else widget.Widget.widgets)}  # ipywidgets 8, 7


class Fake:
    def __init__(self, title="BTC-USDT", status="live", badge=""):
        self.title, self.status, self.badge, self.version = title, status, badge, 0
        self.problem = None

    def change(self):
        self.version += 1

    def fail(self, problem):
        self.problem = problem
        self.change()

    def check(self):
        if self.problem is not None:
            raise self.problem


class FakeBook(Fake):
    price_decimals, size_decimals = 1, 8

    def __init__(self, bids=(), asks=(), sequence=None, **caption):
        super().__init__(**caption)
        self.bids, self.asks, self.sequence = bids, asks, sequence

    def levels(self, depth):
        self.check()
        bids, asks = (np.array(side, dtype=float).reshape(-1, 2)[:depth] for side in (self.bids, self.asks))
        return SimpleNamespace(
            bid_prices=bids[:, 0],
            bid_sizes=bids[:, 1],
            ask_prices=asks[:, 0],
            ask_sizes=asks[:, 1],
            sequence=self.sequence,
        )


class FakeKlines(Fake):
    price_decimals, interval, interval_seconds, symbol, multiplier = 1, "1min", 60, "BTC-USDT", None

    def __init__(self, rows=(), volume_unit="", **caption):
        """``rows`` of start_s, open, high, low, close, volume."""
        super().__init__(**caption)
        self.volume_unit = volume_unit
        self.rows = np.array(rows, dtype=float).reshape(-1, 6)

    def bars(self, count):
        self.check()
        names = ("start_s", "open", "high", "low", "close", "volume")
        columns = dict(zip(names, self.rows[-count:].T.copy(), strict=True))
        columns["start_s"] = columns["start_s"].astype(np.int64)
        columns["turnover"] = columns["volume"] * (columns["high"] + columns["low"] + columns["close"]) / 3
        return SimpleNamespace(**columns)


class FakeTape(Fake):
    size_unit = ""

    def __init__(self, trades=(), **caption):
        super().__init__(**caption)
        self.trades = list(trades)

    def recent(self, count):
        self.check()
        return self.trades[-count:]

    def rows(self, count):
        names = ("time_ns", "symbol", "side", "price", "size", "trade_id")
        frame = pd.DataFrame([[getattr(t, name) for name in names] for t in self.trades[-count:]], columns=names)
        return frame.assign(time=pd.to_datetime(frame.pop("time_ns"), utc=True))

    def decimals(self, symbol):
        return {"BTC-USDT": (1, 8)}.get(symbol, (2, 7))

    def multiplier(self, symbol):
        return {"XBTUSDTM": 0.001, "XBTUSDM": -1.0}.get(symbol)


class FakeWall(Fake):
    def __init__(self, messages=(), payload=Ticker, expected=0, **caption):
        super().__init__(**{"title": "tickers", **caption})
        self.messages, self.quotes, self.expected = list(messages), quote_columns(payload), expected

    def recent(self, count):
        self.check()
        return self.messages[-count:]

    def decimals(self, symbol):
        return {"BTC-USDT": (1, 8)}.get(symbol, (2, 7))


class FakeTable(Fake):
    """Tickers, with 18 columns."""

    def __init__(self, count=10, **caption):
        super().__init__(**{"title": "spot.ticker 10 symbols", **caption})
        self.messages = [a_ticker(f"{'ABC' * (i + 1)}-USDT", 67_123.4 / 7**i, NOW - i) for i in range(count)]

    def newest(self, count):
        self.check()
        columns = of_messages(Ticker, self.messages[-count:], "symbol")
        return columns + [structs.replace(each, name=f"{each.name} before") for each in columns]


class FakeClient(Fake):
    def __init__(self, connections=(), target="https://api.kucoin.com", mode="live", reason="", **caption):
        super().__init__(**{"title": "client", **caption})
        self.answer = {
            "target": target, "mode": mode, "reason": reason, "connections": list(connections),
            "messages": 1_234_567, "errors": 0, "feeds": 4,
        }  # fmt: skip

    def statistics(self):
        self.check()
        return self.answer


def a_book(seed=7, depth=40, **caption):
    rng = np.random.default_rng(seed)
    gaps = np.cumsum(rng.integers(1, 9, (2, depth)) / 10, axis=1)
    sizes = rng.lognormal(-1.6, 1.3, (2, depth))
    bids = np.column_stack([67_123.4 - gaps[0], sizes[0]])
    asks = np.column_stack([67_123.4 + gaps[1] - 0.1, sizes[1]])
    return FakeBook(bids, asks, 17_482_913_377, **caption)


def candles(seed=3, count=200, interval_s=60, end=NOW):
    rng = np.random.default_rng(seed)
    closes = 67_000 + np.cumsum(rng.normal(0, 22, count))
    opens = np.concatenate([[67_000], closes[:-1]])
    highs = np.maximum(opens, closes) + rng.exponential(14, count)
    lows = np.minimum(opens, closes) - rng.exponential(14, count)
    starts = (int(end) // interval_s - np.arange(count)[::-1]) * interval_s
    return np.column_stack([starts, opens, highs, lows, closes, rng.lognormal(1.5, 0.8, count)]).round(1)


def a_trade(price=67_123.4, size=0.01, side="buy", symbol="BTC-USDT", at=NOW, number=1):
    return Trade(
        symbol=symbol, side=side, price=price, size=size, time_ns=round(at * 1e9), trade_id=str(number), sequence=number
    )


def some_trades(seed=5, count=40, symbols=("BTC-USDT",)):
    rng = np.random.default_rng(seed)
    return [
        a_trade(
            round(67_123.4 + rng.normal(0, 4), 1) if (s := symbols[i % len(symbols)]) == "BTC-USDT" else 3_412.55,
            round(float(rng.lognormal(-4, 1.4)), 5),
            "buy" if rng.random() < 0.55 else "sell", s, NOW - (count - i) * 0.173, i,
        )
        for i in range(count)
    ]  # fmt: skip


def a_ticker(symbol="BTC-USDT", price=67_123.4, at=NOW, half_spread=0.05):
    return Ticker(
        sequence=1, time_ms=round(at * 1000), price=price, size=0.01, symbol=symbol,
        best_bid=None if price is None else price - half_spread, best_bid_size=1.0,
        best_ask=None if price is None else price + half_spread, best_ask_size=1.0,
    )  # fmt: skip


def a_wall(count=60, **caption):
    rng = np.random.default_rng(2)
    names = ["BTC-USDT", *(f"{word}{i}-USDT" for i, word in enumerate(["AB", "CDE", "1000FGHIJ"] * count))][:count]
    messages = [a_ticker(name, price) for name, price in zip(names, rng.lognormal(2, 3, count).tolist(), strict=True)]
    return FakeWall(messages, expected=count, **caption)


def a_client(**caption):
    names = ("spotPublicV1", "spotPublicProV2", "futuresPublicV1")
    return FakeClient(
        [
            {"name": n, "state": "open", "topics": 3 * i + 1, "messages": 91_337 * (i + 1), "rtt_ms": 41.27 + i,
             "reconnects": i, "since": NOW - 3600 * i}
            for i, n in enumerate(names)
        ],
        **caption,
    )  # fmt: skip
