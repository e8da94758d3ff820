"""ccxt far and wide: every method that it has for KuCoin and that needs no coins from outside, by REST and sockets.

It tells what raised, and what it read that makes no sense.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import ccxt.pro
from common import FUTURES_URL, KEY, PASSPHRASE, SECRET, URL, report

SPOT, PERPETUAL, INVERSE = "BTC/USDT", "BTC/USDT:USDT", "BTC/USD:BTC"
SYMBOLS = SPOT, PERPETUAL, INVERSE
UNIFIED = {"uta": True}
SOCKETS = f"ws{URL.removeprefix('http')}/pro"
PATIENCE = 20.0  # seconds for one call

Call = tuple[Any, ...]
"""The name of a method, and its arguments."""


def opened() -> Any:
    exchange = ccxt.pro.kucoin({"apiKey": KEY, "secret": SECRET, "password": PASSPHRASE, "enableRateLimit": False})
    api = exchange.urls["api"]
    for name, url in api.items():
        if isinstance(url, str):
            api[name] = FUTURES_URL if name.startswith("futures") else URL
    api["ws"] = {name: f"{SOCKETS}/{name}" for name in ("spot", "futures", "private")}
    return exchange


def reading() -> Iterator[Call]:
    """What has no effect."""
    yield from (
        (name,)
        for name in (
            "fetch_time", "fetch_status", "fetch_currencies", "fetch_accounts", "fetch_balance", "fetch_positions",
            "fetch_position_mode", "fetch_mark_prices", "fetch_tickers", "fetch_ledger", "fetch_transfers",
            "fetch_deposits", "fetch_withdrawals", "fetch_borrow_interest", "fetch_positions_history",
            "fetch_deposit_withdraw_fees", "fetch_open_interests", "fetch_funding_rates",
        )
    )  # fmt: skip
    for symbol in SYMBOLS:
        for name in ("trading_fee", "open_orders", "closed_orders", "my_trades", "mark_price"):
            yield f"fetch_{name}", symbol
        for params in ({}, UNIFIED):
            yield "fetch_ticker", symbol, params
            yield "fetch_trades", symbol, None, None, params
            yield "fetch_order_book", symbol, 20, params
            yield "fetch_order_book", symbol, 100, params
            for interval in ("1m", "5m", "1h", "8h", "1d", "1w"):
                yield "fetch_ohlcv", symbol, interval, None, 10, params
    for symbol in (PERPETUAL, INVERSE):
        for name in (
            "funding_interval", "funding_history", "market_leverage_tiers", "leverage", "margin_mode", "position",
            "open_interest",
        ):  # fmt: skip
            yield f"fetch_{name}", symbol
        for params in ({}, UNIFIED):
            yield "fetch_funding_rate", symbol, params
            yield "fetch_funding_rate_history", symbol, None, None, params
    for kind in ("main", "trade", "swap"):
        yield "fetch_balance", {"type": kind}
    for mode in ("cross", "isolated"):
        yield "fetch_balance", {"marginMode": mode}
    yield "fetch_cross_borrow_rate", "USDT"


def watching(params: dict[str, bool]) -> Iterator[Call]:
    """What comes by itself, on classic or on Pro sockets."""
    for symbol in (SPOT, PERPETUAL):
        yield "watch_ticker", symbol, params
        yield "watch_trades", symbol, None, None, params
        yield "watch_ohlcv", symbol, "1m", None, None, params
        yield "watch_order_book", symbol, None, params
        yield "un_watch_order_book", symbol, params
        for depth in (5, 50):
            yield "watch_order_book", symbol, depth, params
            yield "un_watch_order_book", symbol, params
        yield "un_watch_trades", symbol, params
        yield "un_watch_ticker", symbol, params
    yield "watch_tickers", [SPOT, "ETH/USDT"], params
    yield "watch_tickers", [PERPETUAL, INVERSE], params
    yield "watch_bids_asks", [SPOT, "ETH/USDT"], params
    yield "watch_bids_asks", [PERPETUAL], params
    yield "watch_trades_for_symbols", [SPOT, "ETH/USDT"], None, None, params
    yield "watch_order_book_for_symbols", [SPOT, "ETH/USDT"], None, params


def acting(low: float) -> Iterator[Call]:
    """Orders that rest far below the market, positions opened and closed, money moved."""
    order = SPOT, "limit", "buy", 0.01, low
    yield "create_order", *order, {"clientOrderId": "wide-1"}
    yield "fetch_order", None, SPOT, {"clientOid": "wide-1"}
    yield "cancel_order", None, SPOT, {"clientOid": "wide-1"}
    for params in ({"timeInForce": "IOC"}, {"timeInForce": "FOK"}, {"postOnly": True}, {"test": True}, {"sync": True}):
        yield "create_order", *order, params
    yield "create_order", SPOT, "market", "buy", None, None, {"cost": 50}
    yield "create_market_buy_order_with_cost", SPOT, 50
    yield "create_order", SPOT, "market", "sell", 0.001
    yield "create_order", *order, {"triggerPrice": low}
    yield "fetch_open_orders", SPOT, None, None, {"stop": True}
    yield "cancel_all_orders", SPOT, {"stop": True}
    yield "cancel_all_orders", SPOT
    for symbol, size in ((PERPETUAL, 3), (INVERSE, 100)):
        if symbol == PERPETUAL:
            yield "set_margin_mode", "isolated", symbol
        yield "create_order", symbol, "limit", "buy", size, low, {"leverage": 3, "clientOrderId": f"wide-{size}"}
        yield "fetch_order", None, symbol, {"clientOid": f"wide-{size}"}
        yield "cancel_order", None, symbol, {"clientOid": f"wide-{size}"}
        yield "create_order", symbol, "limit", "buy", size, low, {"leverage": 3, "test": True}
    yield "cancel_all_orders", PERPETUAL  # costs 800 of the 2,000 in 30 s
    yield "create_order", PERPETUAL, "market", "buy", 3, None, {"leverage": 3}
    yield "fetch_positions", [PERPETUAL]
    yield "add_margin", PERPETUAL, 1
    yield "close_position", PERPETUAL
    for source, target in (
        ("trade", "main"),
        ("main", "trade"),
        ("spot", "swap"),
        ("swap", "spot"),
        ("trade", "cross"),
    ):
        yield "transfer", "USDT", 20, source, target
    yield "borrow_cross_margin", "USDT", 100
    yield "repay_cross_margin", "USDT", 100


async def perform(exchange: Any, calls: Iterator[Call], failed: dict[str, str]) -> dict[str, Any]:
    """Do one call after another; return what the last of each name answered."""
    answers = {}
    for name, *arguments in calls:
        try:
            answers[name] = await asyncio.wait_for(getattr(exchange, name)(*arguments), PATIENCE)
        except (ccxt.pro.BaseError, TimeoutError, TypeError, KeyError, AttributeError) as exc:
            failed[f"{name} {arguments}"] = f"{type(exc).__name__} {exc}"[:200]
    return answers


async def watch(params: dict[str, bool], failed: dict[str, str]) -> None:
    """Each kind of sockets has a client of its own: ccxt keeps one book for a symbol, whichever it is from."""
    exchange = opened()
    try:
        await exchange.load_markets()
        await perform(exchange, watching(params), failed)
    finally:
        await exchange.close()


def strange(markets: dict[str, Any], tickers: dict[str, Any]) -> Iterator[str]:
    """What ccxt read and cannot be."""
    now = time.time() * 1000
    for name, market in markets.items():
        known = market["precision"]["price"], market["precision"]["amount"], market["taker"], market["maker"]
        if not all(known) or not market["active"]:
            yield f"market {name}: {known}"
    for name, ticker in tickers.items():
        if not ticker["low"] <= ticker["last"] <= ticker["high"] or not ticker["baseVolume"]:
            yield f"ticker {name}: {ticker['low']} {ticker['last']} {ticker['high']}"
        if ticker["timestamp"] and abs(ticker["timestamp"] - now) > 60_000:
            yield f"ticker {name} is of {ticker['datetime']}"


async def main() -> None:
    exchange, failed = opened(), dict[str, str]()
    try:
        markets = await exchange.load_markets()
        low = float(exchange.price_to_precision(SPOT, (await exchange.fetch_ticker(SPOT))["last"] * 0.8))
        await perform(exchange, reading(), failed)
        tickers = await exchange.fetch_tickers([SPOT, "ETH/USDT"]) | await exchange.fetch_tickers([PERPETUAL, INVERSE])
        done = await perform(exchange, acting(low), failed)
        for params in ({}, UNIFIED):
            await watch(params, failed)
        report(failed=failed, strange=list(strange(markets, tickers)), moved=done["transfer"]["status"])
    finally:
        await exchange.close()


asyncio.run(main())
