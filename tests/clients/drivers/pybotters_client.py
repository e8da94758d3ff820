"""pybotters: its stores kept from public and private sockets; what they cannot read raises, and is told."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pybotters
from common import FUTURES_HOST, KEY, PASSPHRASE, SECRET, URL, report
from pybotters.auth import Hosts
from pybotters.ws import HeartbeatHosts

ADDRESS = "127.0.0.1"
TOPICS = {
    "spot": ("/market/ticker:BTC-USDT,ETH-USDT", "/market/candles:BTC-USDT_1min", "/market/snapshot:BTC-USDT",
             "/spotMarket/level2Depth5:BTC-USDT", "/spotMarket/level2Depth50:BTC-USDT", "/market/match:BTC-USDT",
             "/indicator/index:USDT-BTC", "/indicator/markPrice:USDT-BTC"),
    "account": ("/spotMarket/tradeOrders", "/spotMarket/advancedOrders", "/account/balance"),
    "futures": ("/contractMarket/tickerV2:XBTUSDTM", "/contractMarket/level2Depth5:XBTUSDTM",
                "/contractMarket/level2Depth50:XBTUSDTM", "/contractMarket/execution:XBTUSDTM",
                "/contract/instrument:XBTUSDTM", "/contractMarket/snapshot:XBTUSDTM"),
    "futures account": ("/contractMarket/tradeOrders", "/contractAccount/wallet", "/contract/position:XBTUSDTM"),
}  # fmt: skip
SPOT_ORDER = {"symbol": "BTC-USDT", "side": "buy", "size": "0.01"}
FUTURES_ORDER = {"symbol": "XBTUSDTM", "leverage": "3", "size": 2}

wrong: list[str] = []


def handler(store: Any) -> Callable[[Any, Any], None]:
    def handle(message: Any, socket: Any) -> None:
        if message["type"] == "error":
            wrong.append(str(message))
        try:
            store.onmessage(message, socket)
        except Exception as exc:  # whatever it cannot read
            wrong.append(f"{exc!r}: {message}")

    return handle


async def opened(client: pybotters.Client, name: str) -> Any:
    store, base = pybotters.KuCoinDataStore(), FUTURES_HOST if "futures" in name else URL
    private = "account" in name
    await store.initialize(client.post(f"{base}/api/v1/bullet-{'private' if private else 'public'}"))
    frames = [
        {"id": number, "type": "subscribe", "topic": topic, "privateChannel": private, "response": True}
        for number, topic in enumerate(TOPICS[name])
    ]
    await client.ws_connect(store.endpoint, send_json=frames, hdlr_json=handler(store))
    return store


async def order(client: pybotters.Client, base: str, **fields: Any) -> str:
    answer = await client.post(f"{base}/api/v1/orders", data={"clientOid": f"bot{time.time_ns()}", **fields})
    return str((await answer.json())["data"]["orderId"])


async def held(client: pybotters.Client) -> int:
    """Return what another left of the position: the exchange is shared."""
    rows = (await (await client.get(f"{FUTURES_HOST}/api/v1/positions")).json())["data"]
    return sum(row["currentQty"] for row in rows if row["symbol"] == FUTURES_ORDER["symbol"])


async def until(true: Callable[[], Any]) -> None:
    async with asyncio.timeout(15):
        while not true():  # noqa: ASYNC110 (its stores wake only who waits for one of them)
            await asyncio.sleep(0.02)


async def life(client: pybotters.Client, base: str, store: Any, fields: dict[str, Any]) -> None:
    """Place an order and cancel it, as seen in the store of open orders."""
    placed = await order(client, base, **fields, type="limit", price="1000")
    await until(lambda: [row for row in store.orders if row["orderId"] == placed])
    await client.delete(f"{base}/api/v1/orders/{placed}")
    await until(lambda: not [row for row in store.orders if row["orderId"] == placed])


async def main() -> None:
    Hosts.items[ADDRESS], HeartbeatHosts.items[ADDRESS] = (
        Hosts.items["api.kucoin.com"], HeartbeatHosts.items["ws-api-spot.kucoin.com"]
    )  # fmt: skip
    async with pybotters.Client(apis={"kucoin": [KEY, SECRET, PASSPHRASE]}) as client:
        spot, account, futures, own = [await opened(client, name) for name in TOPICS]
        before = await held(client)
        await life(client, URL, account, SPOT_ORDER)
        await order(client, URL, **SPOT_ORDER, type="market")
        await life(client, FUTURES_HOST, own, FUTURES_ORDER | {"side": "buy"})
        await order(client, FUTURES_HOST, **FUTURES_ORDER, side="buy", type="market")
        await until(lambda: [row["currentQty"] for row in own.positions] == [before + 2])
        await order(client, FUTURES_HOST, **FUTURES_ORDER, side="sell", type="market")
        await until(lambda: [row["currentQty"] for row in own.positions] == [before] * bool(before))
        await until(lambda: all(map(len, (
            spot.ticker, spot.symbolsnapshot, spot.orderbook5, spot.orderbook50, spot.execution, spot.indexprice,
            spot.markprice, account.balance, futures.ticker, futures.orderbook5, futures.orderbook50,
            futures.execution, futures.instrument, futures.transactionstats, own.balanceevents,
        ))))  # fmt: skip
        await until(lambda: spot.kline.latest("BTC-USDT", "1min"))
        bids = {"spot": spot, "futures": futures}
        report(wrong=wrong, bids={name: len(store.orderbook50.sorted()["bids"]) for name, store in bids.items()})


asyncio.run(main())
