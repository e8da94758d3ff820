"""KuCoin's own SDK for Python, which reads every answer into models: market data, orders and sockets."""

from __future__ import annotations

import os
import threading
from typing import Any

from common import FUTURES_URL, KEY, PASSPHRASE, SECRET, URL, report
from kucoin_universal_sdk.api.client import DefaultClient
from kucoin_universal_sdk.generate.futures.order.model_add_order_req import AddOrderReqBuilder as FuturesOrder
from kucoin_universal_sdk.generate.spot.market.model_get_full_order_book_req import GetFullOrderBookReqBuilder
from kucoin_universal_sdk.generate.spot.order.model_add_order_sync_req import AddOrderSyncReqBuilder
from kucoin_universal_sdk.model.client_option import ClientOptionBuilder
from kucoin_universal_sdk.model.transport_option import TransportOptionBuilder
from kucoin_universal_sdk.model.websocket_option import WebSocketClientOptionBuilder

TOPICS = {
    "spot": {"/market/ticker", "/market/level2", "/market/match", "/market/candles", "/spotMarket/level2Depth5"},
    "account": {"/account/balance", "/spotMarket/tradeOrdersV2"},
    "futures": {"/contractMarket/level2", "/contractMarket/tickerV2", "/contract/instrument"},
    "positions": {"/contract/positionAll", "/contractMarket/tradeOrders", "/contractAccount/wallet"},
}


class Seen:
    def __init__(self, wanted: set[str]) -> None:
        self.missing = set(wanted)
        self.done = threading.Event()

    def __call__(self, topic: str, _subject: str, _event: Any) -> None:
        self.missing.discard(topic.partition(":")[0])
        if not self.missing:
            self.done.set()


def client() -> DefaultClient:
    options = (
        ClientOptionBuilder()
        .set_key(KEY).set_secret(SECRET).set_passphrase(PASSPHRASE)
        .set_spot_endpoint(URL).set_futures_endpoint(FUTURES_URL).set_broker_endpoint(URL)
        .set_transport_option(TransportOptionBuilder().build())
        .set_websocket_client_option(WebSocketClientOptionBuilder().build())
    )  # fmt: skip
    return DefaultClient(options.build())


def main() -> None:
    kucoin = client()
    rest, sockets = kucoin.rest_service(), kucoin.ws_service()
    seen = {name: Seen(topics) for name, topics in TOPICS.items()}
    spot, account = sockets.new_spot_public_ws(), sockets.new_spot_private_ws()
    futures, positions = sockets.new_futures_public_ws(), sockets.new_futures_private_ws()
    for socket in (spot, account, futures, positions):
        socket.start()
    spot.ticker(["BTC-USDT", "ETH-USDT"], seen["spot"])
    spot.orderbook_increment(["BTC-USDT"], seen["spot"])
    spot.trade(["BTC-USDT"], seen["spot"])
    spot.klines("BTC-USDT", "1min", seen["spot"])
    spot.orderbook_level5(["BTC-USDT"], seen["spot"])
    account.account(seen["account"])
    account.order_v2(seen["account"])
    futures.orderbook_increment("XBTUSDTM", seen["futures"])
    futures.ticker_v2("XBTUSDTM", seen["futures"])
    futures.instrument("XBTUSDTM", seen["futures"])
    positions.all_position(seen["positions"])
    positions.all_order(seen["positions"])
    positions.balance(seen["positions"])
    order = rest.get_spot_service().get_order_api().add_order_sync(
        AddOrderSyncReqBuilder().set_client_oid("sdk-1").set_side("buy").set_symbol("BTC-USDT").set_type("market")
        .set_size("0.01").build()
    )  # fmt: skip
    rest.get_futures_service().get_order_api().add_order(
        FuturesOrder().set_client_oid("sdk-2").set_side("buy").set_symbol("XBTUSDTM").set_type("market").set_size(2)
        .set_leverage(3).set_margin_mode("ISOLATED").build()
    )  # fmt: skip
    for each in seen.values():
        each.done.wait(20)
    market = rest.get_spot_service().get_market_api()
    book = market.get_full_order_book(GetFullOrderBookReqBuilder().set_symbol("BTC-USDT").build())
    held = rest.get_futures_service().get_positions_api().get_position_list
    report(
        missing=sorted(topic for each in seen.values() for topic in each.missing),
        dealt=order.deal_size, status=order.status.value, levels=len(book.bids), positions=held is not None,
    )  # fmt: skip
    os._exit(0)  # its threads reconnect for ever


main()
