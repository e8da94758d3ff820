"""kucoin-universal-sdk, KuCoin's own: decodes into pydantic models and calls back on a thread of its own.

It keeps no books; ``books`` and ``heavy`` use the simplest dict book (``dict_books``) in the callback. ``ticker`` keeps
the last event by topic, ``trades`` counts. Its buffer of 1,024 messages between its two threads drops what does not
fit; the script sets its documented option ``read_message_buffer`` to the size of the flood, and nothing is dropped.
"""

from __future__ import annotations

import threading

from common import PATIENCE, Run, report, unsupported
from dict_books import DictBooks
from kucoin_universal_sdk.api.client import DefaultClient
from kucoin_universal_sdk.generate.spot.spot_public.model_orderbook_increment_event import OrderbookIncrementEvent
from kucoin_universal_sdk.generate.spot.spot_public.model_ticker_event import TickerEvent
from kucoin_universal_sdk.generate.spot.spot_public.model_trade_event import TradeEvent
from kucoin_universal_sdk.generate.spot.spot_public.ws_spot_public import SpotPublicWS
from kucoin_universal_sdk.model.client_option import ClientOptionBuilder
from kucoin_universal_sdk.model.transport_option import TransportOptionBuilder
from kucoin_universal_sdk.model.websocket_option import WebSocketClientOptionBuilder


def connected(run: Run) -> SpotPublicWS:
    websocket = WebSocketClientOptionBuilder().with_read_message_buffer(run.count + 100).build()
    options = (
        ClientOptionBuilder()
        .set_key("")
        .set_secret("")
        .set_passphrase("")
        .set_spot_endpoint(run.url)
        .set_futures_endpoint(run.url)
        .set_broker_endpoint(run.url)
        .set_transport_option(TransportOptionBuilder().build())
        .set_websocket_client_option(websocket)
        .build()
    )
    socket = DefaultClient(options).ws_service().new_spot_public_ws()
    socket.start()
    return socket


def main(run: Run) -> None:
    if run.work == "heavy_top":
        unsupported("keeps no order book, so there is no best price to read")
    books = DictBooks(run) if run.is_book else None
    latest: dict[str, TickerEvent] = {}
    expected = run.last()
    done, left = threading.Event(), run.count

    def seen() -> None:
        nonlocal left
        left -= 1
        if not left:
            done.set()

    def book(_topic: str, _subject: str, event: OrderbookIncrementEvent) -> None:
        books.update(event.symbol, event.changes.bids, event.changes.asks)
        seen()

    def ticker(topic: str, _subject: str, event: TickerEvent) -> None:
        latest[topic] = event
        seen()

    def trade(_topic: str, _subject: str, _event: TradeEvent) -> None:
        seen()

    socket = connected(run)
    if books:
        socket.orderbook_increment(run.symbols, book)
    elif run.work == "ticker":
        socket.ticker(run.symbols, ticker)
    else:
        socket.trade(run.symbols, trade)
    run.begin_blocking()
    done.wait(PATIENCE)
    measured = run.stop()
    if books:
        checked = books.right()
    elif run.work == "ticker":
        wanted = {symbol: data["sequence"] for symbol, data in expected.items()}
        checked = {topic.partition(":")[2]: event.sequence for topic, event in latest.items()} == wanted
    else:
        checked = left == 0
    report(measured, checked=checked and left == 0)
    socket.stop()


if __name__ == "__main__":
    main(Run.ordered())
