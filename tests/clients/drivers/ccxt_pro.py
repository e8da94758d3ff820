"""ccxt.pro as its manual says, but for URLs: public and private streams of spot and futures."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import ccxt.pro
from common import FUTURES_URL, KEY, PASSPHRASE, SECRET, URL, fault, get, report, same

SPOT, PERPETUAL = "BTC/USDT", "BTC/USDT:USDT"
UPDATES = 30


def opened() -> Any:
    exchange = ccxt.pro.kucoin({"apiKey": KEY, "secret": SECRET, "password": PASSPHRASE})
    api = exchange.urls["api"]
    for name in ("public", "private", "uta", "utaPrivate", "earn", "broker"):
        api[name] = URL
    api["futuresPublic"] = api["futuresPrivate"] = FUTURES_URL
    return exchange


async def listen(watch: Callable[..., Any], *arguments: Any) -> None:
    """Read a stream on and on; ccxt keeps what it says."""
    while True:
        await watch(*arguments)


async def until(true: Callable[[], Any]) -> None:
    while not true():  # noqa: ASYNC110  ccxt has no event for it
        await asyncio.sleep(0.02)


async def book(exchange: Any) -> dict[str, Any]:
    """Follow a book; then the market is held, and the book must become the exchange's. ccxt checks sequences itself."""
    for _ in range(UPDATES):
        ours = await exchange.watch_order_book(SPOT)
    fault("hold")
    try:
        theirs = get("/api/v1/market/orderbook/level2_100?symbol=BTC-USDT")
        await until(lambda: ours["nonce"] == int(theirs["sequence"]))
        equal = all(same(ours[side][:100], theirs[side]) for side in ("bids", "asks"))
        return {"equal": equal, "levels": len(ours["bids"])}
    finally:
        fault("release")


async def trading(exchange: Any) -> dict[str, Any]:
    """Trade, and read of it on the private streams."""
    before = await exchange.fetch_balance()
    listening = [
        asyncio.create_task(listen(exchange.watch_orders, SPOT)),
        asyncio.create_task(listen(exchange.watch_balance)),
    ]
    await until(lambda: exchange.balance)  # it begins with a snapshot
    await asyncio.sleep(0.5)  # its subscriptions have no acknowledgement to wait for
    placed = await exchange.create_order(SPOT, "market", "buy", 0.01)
    await until(lambda: exchange.orders and exchange.orders[-1]["status"] == "closed")
    kept = exchange.balance["trade"]
    await until(lambda: kept["BTC"]["total"] > before["BTC"]["total"] and not kept["USDT"]["used"])
    for task in listening:
        task.cancel()
    fetched = await exchange.fetch_order(placed["id"], SPOT)
    fills = await exchange.fetch_my_trades(SPOT)
    return {
        "same_order": exchange.orders[-1]["id"] == placed["id"] == fetched["id"],
        "filled": exchange.orders[-1]["filled"],
        "fills": sum(fill["amount"] for fill in fills if fill["order"] == placed["id"]),
        "bought": kept["BTC"]["total"] - before["BTC"]["total"],
        "spent": before["USDT"]["total"] - kept["USDT"]["total"],
        "cost": fetched["cost"] + fetched["fee"]["cost"],
    }


async def futures(exchange: Any) -> dict[str, Any]:
    """Open and close a position."""
    orders = asyncio.create_task(exchange.watch_orders(PERPETUAL))
    await asyncio.sleep(0.5)
    opened = await exchange.create_order(PERPETUAL, "market", "buy", 3, None, {"leverage": 5})
    seen = await orders
    position = await exchange.fetch_position(PERPETUAL)
    await exchange.create_order(PERPETUAL, "market", "sell", 3, None, {"reduceOnly": True})
    flat = await exchange.fetch_positions([PERPETUAL])
    book = await exchange.watch_order_book(PERPETUAL)
    return {
        "same_order": seen[0]["id"] == opened["id"],
        "contracts": position["contracts"],
        "side": position["side"],
        "flat": not flat,
        "uncrossed": book["bids"][0][0] < book["asks"][0][0],
    }


async def main() -> None:
    exchange = opened()
    try:
        markets = await exchange.load_markets()
        ticker = await exchange.watch_ticker(SPOT)
        trades = await exchange.watch_trades(SPOT)
        bars = await exchange.watch_ohlcv(SPOT, "1m")
        history = await exchange.fetch_ohlcv(SPOT, "1h", limit=100)
        report(
            markets=sorted(name for name, market in markets.items() if market["active"]),
            ticker=ticker["bid"] < ticker["ask"],
            trade=sorted(name for name in ("id", "price", "amount", "side") if trades[-1][name]),
            bar=bars[-1][3] <= bars[-1][4] <= bars[-1][2],
            history=len(history),
            book=await book(exchange),
            trading=await trading(exchange),
            futures=await futures(exchange),
        )
    finally:
        await exchange.close()


asyncio.run(main())
