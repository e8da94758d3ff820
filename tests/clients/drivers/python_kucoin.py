"""python-kucoin as its manual says, but for URLs."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from common import FUTURES_URL, KEY, PASSPHRASE, SECRET, URL, report
from kucoin.asyncio import KucoinSocketManager
from kucoin.client import Client

TOPICS = {"/market/level2:BTC-USDT", "/market/ticker:BTC-USDT", "/account/balance", "/spotMarket/tradeOrdersV2"}


class LocalClient(Client):
    REST_API_URL = URL
    REST_FUTURES_API_URL = FUTURES_URL


async def main() -> None:
    client = LocalClient(KEY, SECRET, PASSPHRASE)
    missing, done = set(TOPICS), asyncio.Event()

    async def see(message: dict[str, Any]) -> None:
        missing.discard(message["topic"])
        if not missing:
            done.set()

    loop = asyncio.get_running_loop()
    public = await KucoinSocketManager.create(loop, client, see)
    private = await KucoinSocketManager.create(loop, client, see, private=True)
    await public.subscribe("/market/level2:BTC-USDT")
    await public.subscribe("/market/ticker:BTC-USDT")
    await private.subscribe("/account/balance")
    await private.subscribe("/spotMarket/tradeOrdersV2")
    order = client.create_market_order("BTC-USDT", "buy", size="0.01")
    await asyncio.wait_for(done.wait(), 20)
    found = client.get_order(order["orderId"])
    contracts = [row["symbol"] for row in client.futures_get_symbols()]
    report(missing=sorted(missing), dealt=found["dealSize"], active=found["isActive"], contracts=contracts)
    os._exit(0)  # the library does not let its task be cancelled


asyncio.new_event_loop().run_until_complete(main())
