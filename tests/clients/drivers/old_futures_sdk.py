"""KuCoin's older SDK for futures: it joins URLs with ``urljoin``, so that futures need a host of their own."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from common import FUTURES_HOST, KEY, PASSPHRASE, SECRET, get, report
from kucoin_futures.client import Market, Trade, User, WsToken
from kucoin_futures.ws_client import KucoinFuturesWsClient

SYMBOL = "XBTUSDTM"
KEYS = {"key": KEY, "secret": SECRET, "passphrase": PASSPHRASE, "url": FUTURES_HOST}
PUBLIC = "/contractMarket/level2:XBTUSDTM", "/contractMarket/tickerV2:XBTUSDTM"
PRIVATE = "/contractMarket/tradeOrders", "/contractAccount/wallet", "/contract/position:XBTUSDTM"


def calls() -> dict[str, Any]:
    market, trade, user = Market(**KEYS), Trade(**KEYS), User(**KEYS)
    before = user.get_account_overview("USDT")
    resting = trade.create_limit_order(SYMBOL, "buy", "3", 2, "1000")
    kept = trade.get_order_details(resting["orderId"])
    cancelled = trade.cancel_order(resting["orderId"])
    trade.create_market_order(SYMBOL, "buy", "3", size=2)
    position = trade.get_position_details(SYMBOL)
    trade.create_market_order(SYMBOL, "sell", "3", size=2)
    flat = trade.get_position_details(SYMBOL)
    spent = before["accountEquity"] - user.get_account_overview("USDT")["accountEquity"]
    contracts = [row["symbol"] for row in market.get_contracts_list()]
    return {
        "contracts": contracts == [row["symbol"] for row in get("/futures/api/v1/contracts/active")],
        "symbol": market.get_ticker(SYMBOL)["symbol"],
        "book": [len(market.l2_part_order_book(SYMBOL, 20)["bids"]), market.l2_order_book(SYMBOL)["symbol"]],
        "bars": len(market.get_kline_data(SYMBOL, 60)),
        "kept": [kept["status"], kept["isActive"], float(kept["price"]), kept["size"]],
        "cancelled": cancelled["cancelledOrderIds"] == [resting["orderId"]],
        "position": [position["currentQty"], position["isOpen"]],
        "flat": [flat["currentQty"], flat["isOpen"]],
        "spent": spent > 0,
        "fills": [fill["side"] for fill in trade.get_recent_fills()[:2]],
    }


async def main() -> None:
    missing, done = {*PUBLIC, *PRIVATE}, asyncio.Event()

    async def see(message: dict[str, Any]) -> None:
        missing.discard(message["topic"])
        if not missing:
            done.set()

    for topics, private in ((PUBLIC, False), (PRIVATE, True)):
        client = await KucoinFuturesWsClient.create(None, WsToken(**KEYS), see, private=private)
        for topic in topics:
            await client.subscribe(topic)
    seen = await asyncio.to_thread(calls)
    await asyncio.wait_for(done.wait(), 20)
    report(**seen, missing=sorted(missing))
    os._exit(0)  # the library does not let its task be cancelled


asyncio.run(main())
