"""What a floor does with a message, work by work: the least that leaves the same result as ours.

Steps: ``receive``, ``json``, ``orjson``, ``msgspec`` (typed). Works: ``books`` (a dict a side, prices stay text),
``heavy`` (the same of one book of 5,000 levels a side), ``heavy_top`` (best bid and ask after every update: sides keyed
by float, ``max()`` and ``min()``), ``ticker`` (the latest of each symbol in a dict), ``trades`` (a function called with
each trade). No validation, no sequence check, no reconnection.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec

from benchmarks.process import Flood
from benchmarks.wire import Handle

Check = Callable[[], None]

KINDS = {
    "receive": "level2",
    "json": "level2",
    "orjson": "level2",
    "msgspec": "level2",
    "books": "level2",
    "heavy": "heavy",
    "heavy_top": "heavy",
    "ticker": "ticker",
    "trades": "trades",
}


class Changes(msgspec.Struct):
    asks: list[tuple[str, str, str]]
    bids: list[tuple[str, str, str]]


class Delta(msgspec.Struct, rename="camel"):
    symbol: str
    changes: Changes
    sequence_start: int
    sequence_end: int
    time: int


class Push(msgspec.Struct):
    topic: str
    data: Delta


class FloatChanges(msgspec.Struct):
    asks: list[tuple[float, float, str]]
    bids: list[tuple[float, float, str]]


class FloatDelta(msgspec.Struct, rename="camel"):
    symbol: str
    changes: FloatChanges
    sequence_start: int
    sequence_end: int


class FloatPush(msgspec.Struct):
    topic: str
    data: FloatDelta


class Ticker(msgspec.Struct, rename="camel"):
    best_ask: str
    best_ask_size: str
    best_bid: str
    best_bid_size: str
    price: str
    sequence: str
    size: str
    time: int


class TickerPush(msgspec.Struct):
    topic: str
    data: Ticker


class Trade(msgspec.Struct, rename="camel"):
    price: str
    sequence: str
    side: str
    size: str
    symbol: str
    time: str
    trade_id: str
    maker_order_id: str
    taker_order_id: str


class TradePush(msgspec.Struct):
    topic: str
    data: Trade


def make(work: str, flood: Flood) -> tuple[Handle, Check]:
    """Return what takes a message, and what raises where the result is not the server's."""
    match work:
        case "books" | "heavy":
            return _books(flood)
        case "heavy_top":
            return _top(flood)
        case "ticker":
            return _latest(flood)
        case "trades":
            return _called(flood)
        case _:
            return _decoder(work), lambda: None


def _decoder(step: str) -> Handle:
    match step:
        case "receive":
            return len
        case "json":
            return json.loads
        case "orjson":
            import orjson

            loads: Handle = orjson.loads
            return loads
    return msgspec.json.Decoder(Push).decode


def books_handle(kept: dict[str, tuple[dict[str, str], dict[str, str]]]) -> Callable[[Any], Delta]:
    """Return what keeps ``kept``, bids and asks by symbol, and returns the change."""
    decode = msgspec.json.Decoder(Push).decode

    def handle(data: Any) -> Delta:
        delta = decode(data).data
        bids, asks = kept[delta.symbol]
        for price, size, _sequence in delta.changes.bids:
            if size == "0":
                bids.pop(price, None)
            else:
                bids[price] = size
        for price, size, _sequence in delta.changes.asks:
            if size == "0":
                asks.pop(price, None)
            else:
                asks[price] = size
        return delta

    return handle


def _books(flood: Flood) -> tuple[Handle, Check]:
    kept = {symbol: (dict(each["bids"]), dict(each["asks"])) for symbol, each in flood.snapshots().items()}

    def check() -> None:
        for symbol, wanted in flood.ask("reference").items():
            assert kept[symbol] == (dict(wanted["bids"]), dict(wanted["asks"])), symbol

    return books_handle(kept), check


def _top(flood: Flood) -> tuple[Handle, Check]:
    (snapshot,) = flood.snapshots().values()
    bids, asks = ({float(price): float(size) for price, size in snapshot[side]} for side in ("bids", "asks"))
    decode = msgspec.json.Decoder(FloatPush, strict=False).decode
    best: tuple[float, float] = (0.0, 0.0)

    def handle(data: Any) -> None:
        nonlocal best
        changes = decode(data).data.changes
        for price, size, _sequence in changes.bids:
            if size:
                bids[price] = size
            else:
                bids.pop(price, None)
        for price, size, _sequence in changes.asks:
            if size:
                asks[price] = size
            else:
                asks.pop(price, None)
        best = max(bids), min(asks)

    def check() -> None:
        (wanted,) = flood.ask("reference").values()
        assert best == (float(wanted["bids"][0][0]), float(wanted["asks"][0][0])), best
        assert bids == {float(price): float(size) for price, size in wanted["bids"]}
        assert asks == {float(price): float(size) for price, size in wanted["asks"]}

    return handle, check


def _latest(flood: Flood) -> tuple[Handle, Check]:
    latest: dict[str, Ticker] = {}
    decode = msgspec.json.Decoder(TickerPush).decode

    def handle(data: Any) -> None:
        push = decode(data)
        latest[push.topic] = push.data

    def check() -> None:
        wanted = flood.ask("last")
        assert {topic: msgspec.to_builtins(ticker) for topic, ticker in latest.items()} == wanted

    return handle, check


def _called(flood: Flood) -> tuple[Handle, Check]:
    decode = msgspec.json.Decoder(TradePush).decode
    seen, last = 0, ""

    def user(trade: Trade) -> None:
        nonlocal seen, last
        seen += 1
        last = trade.trade_id

    def handle(data: Any) -> None:
        user(decode(data).data)

    def check() -> None:
        assert seen == flood.count, seen
        assert last == max(each["tradeId"] for each in flood.ask("last").values()), last

    return handle, check
