"""Futures and Pro, public, from the built-in exchange over real sockets."""

from __future__ import annotations

import json
from typing import Any

import pytest

import kucoin_stream as ks
from kucoin_stream import opening
from kucoin_stream.errors import UnknownSymbolError, UsageError
from kucoin_stream.protocol.bookfeeds import FEEDS
from kucoin_stream.protocol.messages.futures import FundingRate, MarkPrice
from kucoin_stream.simulator import Simulator
from tests.conftest import until


@pytest.mark.parametrize(
    ("symbol", "source"),
    [("XBTUSDTM", "classic"), ("XBTUSDM", "classic"), ("ETHUSDTM", "pro"), ("BTC-USDT", "pro")],
)
def test_a_book_equals_the_exchange_and_comes_back(client: ks.Client, sim: Simulator, symbol: str, source: Any) -> None:
    book = client.book(symbol, source=source).wait()
    assert book.status == "live"
    _compare(client, book)
    sim.faults.kill()
    until(lambda: book.status != "live", "the loss is noticed")
    until(lambda: book.status == "live", "the book is back", timeout=20)
    _compare(client, book)


def _compare(client: ks.Client, book: Any) -> None:
    """Compare with a snapshot by REST at the same sequence: the best 100 levels a side."""
    market = FEEDS[book.source].market
    seed = FEEDS[f"{market}.level2"]

    def same() -> bool:
        theirs = client.engine.call(client.engine.book, seed, book.symbol)
        until(lambda: book.sequence is not None and book.sequence >= theirs.sequence)
        ours = book.levels(100)
        if ours.sequence != theirs.sequence:
            return False
        assert list(zip(ours.bid_prices, ours.bid_sizes, strict=True)) == theirs.bids[:100]
        assert list(zip(ours.ask_prices, ours.ask_sizes, strict=True)) == theirs.asks[:100]
        return True

    until(same, f"{book.symbol} at a sequence of the exchange", timeout=20)


@pytest.mark.parametrize(
    ("space", "name", "arguments", "options"),
    [
        ("futures", "trades", ("XBTUSDTM",), {}),
        ("futures", "ticker", ("XBTUSDTM", "ETHUSDTM"), {}),
        ("futures", "mark_price", ("XBTUSDTM",), {}),
        ("futures", "klines", ("XBTUSDTM",), {"interval": "1min"}),
        ("pro", "trades", ("BTC-USDT",), {}),
        ("pro", "ticker", ("BTC-USDT", "ETH-USDT"), {}),
        ("pro", "mark_price", ("XBTUSDTM",), {}),
    ],
)
def test_a_feed_by_its_plain_name(client: ks.Client, space: str, name: str, arguments: Any, options: Any) -> None:
    frame = getattr(getattr(client, space), name)(*arguments, **options).frame()
    frame.wait(15)
    assert len(frame.df) > 0


def test_feeds_that_share_a_topic_of_the_wire_get_their_own_messages(client: ks.Client, sim: Simulator) -> None:
    prices: list[Any] = []
    rates: list[Any] = []
    client.futures.mark_price("XBTUSDTM").sink(prices.append)
    client.futures.funding_rate("XBTUSDTM").sink(rates.append)
    for moment in (1, 2):  # of the second, each feed hears after whatever it heard of the first
        _push(sim, "mark.index.price", {"markPrice": 100.5, "indexPrice": 99.5, "timestamp": moment})
        _push(sim, "funding.rate", {"fundingRate": 0.0625, "granularity": 60_000, "timestamp": moment})
    for heard in (prices, rates):
        until(lambda heard=heard: any(each.timestamp_ms == 2 for each in heard))
    symbol = {"symbol": "XBTUSDTM"}
    assert [each for each in prices if each.timestamp_ms <= 2] == [
        MarkPrice(mark_price=100.5, index_price=99.5, timestamp_ms=moment, **symbol) for moment in (1, 2)
    ]
    assert [each for each in rates if each.timestamp_ms <= 2] == [
        FundingRate(funding_rate=0.0625, granularity_ms=60_000, timestamp_ms=moment, **symbol) for moment in (1, 2)
    ]
    assert ({type(each) for each in prices}, {type(each) for each in rates}) == ({MarkPrice}, {FundingRate})


def _push(sim: Simulator, subject: str, data: dict[str, Any]) -> None:
    frame = {"type": "message", "topic": "/contract/instrument:XBTUSDTM", "subject": subject, "data": data}
    sim.faults.inject(json.dumps(frame))


def test_bad_futures_symbols_and_sources_are_told(client: ks.Client) -> None:
    with pytest.raises(UnknownSymbolError, match="no such futures symbol 'BTCUSDTM'"):
        client.book("BTCUSDTM")
    with pytest.raises(UnknownSymbolError, match="did you mean BTC-USDT"):
        client.book("BTCUSDT")
    with pytest.raises(UsageError, match="write 'classic' or 'pro'"):
        client.book("BTC-USDT", source="both")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="no such interval '6hour'"):
        client.futures.klines("XBTUSDTM", interval="6hour")


def test_what_a_region_lacks_is_told_in_the_cell(sim: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(opening.REST_BASE, "EU", sim.url)
    with ks.Client("live", region="EU") as client:
        for ask in (lambda: client.book("XBTUSDTM"), lambda: client.pro.trades("BTC-USDT")):
            with pytest.raises(UsageError, match="KuCoin EU offers classic spot and margin only"):
                ask()
