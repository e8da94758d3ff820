"""Nodes behind ``map``: what a user made of the messages is taken as it is, or refused with the next step."""

from __future__ import annotations

import asyncio
import gc
from collections import namedtuple
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

import kucoin_stream as ks
from kucoin_stream.errors import StoppedError, UsageError
from kucoin_stream.protocol.events import Gap
from kucoin_stream.protocol.messages.spot import Trade
from kucoin_stream.streams.moments import time_ns_of
from kucoin_stream.streams.nodes import resample
from tests.conftest import until

START = 1_700_000_040  # seconds; where a minute begins
SECOND = 10**9


def trade(price: float, second: float, size: float = 1.0, symbol: str = "BTC-USDT") -> Trade:
    return Trade(symbol, "buy", price, size, (START + round(second)) * SECOND, "1", 1)


TRADES = [trade(1.0, 0), trade(3.0, 20), trade(2.0, 59), trade(4.0, 60), trade(5.0, 120)]


@pytest.fixture
def trades(client: ks.Client) -> Any:
    """A feed of trades on which only what a test puts there comes."""
    feed = client.trades("BTC-USDT")
    client.engine.call(client.engine.pool.detach, feed.topics, feed._inlet)
    client.engine.call(feed._inlet.recent.messages.clear)

    def put(*messages: Any) -> None:
        def receive() -> None:
            feed._inlet.pending.extend(messages)
            feed._inlet.flush()

        client.engine.call(receive)

    return SimpleNamespace(feed=feed, put=put, client=client)


# -- to_dataframe -------------------------------------------------------------------------------------------------


def test_a_mapped_node_is_a_dataframe_in_one_call_with_a_message_as_example(trades: Any) -> None:
    sdf = trades.feed.map(lambda t: {"side": t.side, "size": t.size}).to_dataframe(
        example={"side": "buy", "size": 1.0}, every="10ms"
    )
    sums = sdf.groupby("side")["size"].sum().stream.sink_to_list()
    trades.put(*TRADES)
    until(lambda: sums and sums[-1].to_dict() == {"buy": 5.0})


def test_numbers_have_one_column(trades: Any) -> None:
    sums = trades.feed.map(lambda t: t.price).to_dataframe(example=1.0).value.sum().stream.sink_to_list()
    trades.put(*TRADES)
    until(lambda: sums and sums[-1] == 15.0)


@pytest.mark.parametrize(
    "node",
    [
        lambda feed: feed.filter(lambda t: t.price > 0),
        lambda feed: feed.symbol("BTC-USDT"),
        lambda feed: feed.buffer(10),
        lambda feed: feed.resample("10ms", by="clock"),
    ],
)
def test_a_node_that_hands_on_messages_as_they_are_needs_no_example(trades: Any, node: Callable[[Any], Any]) -> None:
    sdf = node(trades.feed).to_dataframe(every="10ms")
    frames = sdf.stream.sink_to_list()
    trades.put(*TRADES)
    until(lambda: frames)
    assert list(sdf.columns) == list(trades.feed.frame().df.columns)
    assert str(frames[0].index.dtype) == "datetime64[ns, UTC]"


def test_a_frame_as_example_stands_for_frames_as_in_streamz(trades: Any) -> None:
    batches = trades.feed.batch("10ms").map(lambda frame: frame[["price"]])
    sdf = batches.to_dataframe(example=pd.DataFrame({"price": [1.0]}))
    assert sdf.stream is batches
    sums = sdf.price.sum().stream.sink_to_list()
    trades.put(*TRADES)
    until(lambda: sums and sums[-1] == 15.0)


def test_without_an_example_the_error_says_what_to_write(trades: Any, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UsageError, match="pass example="):
        trades.feed.map(lambda t: t.price).to_dataframe()
    held = trades.feed.map(lambda t: t.price)
    with pytest.raises(UsageError, match="pass example="):
        held.to_dataframe()
    kept = held.sink_to_list()
    trades.put(*TRADES)
    until(lambda: len(kept) == len(TRADES))
    assert "nobody held" not in capfd.readouterr().err


# -- periods ------------------------------------------------------------------------------------------------------

AT = (START + 7) * SECOND
Tick = namedtuple("Tick", "symbol price time_ns")


@dataclass
class Tock:
    symbol: str
    time_ms: int


class Own:
    """Has a time, and says so nowhere."""

    def __init__(self) -> None:
        self.time_ns = AT


@pytest.mark.parametrize(
    "message",
    [
        {"time_ns": AT},
        {"price": 1.0, "time_ms": AT // 10**6},
        {"time": pd.Timestamp(AT, tz="UTC")},
        Tick("BTC-USDT", 1.0, AT),
        Tock("BTC-USDT", AT // 10**6),
        Own(),
    ],
    ids=["dict", "dict in ms", "timestamp", "namedtuple", "dataclass", "object"],
)
def test_what_a_user_made_of_a_message_keeps_its_time(message: Any) -> None:
    assert time_ns_of(message) == AT


def test_resample_of_dicts_goes_by_their_time(trades: Any) -> None:
    found = (
        trades.feed.map(lambda t: {"symbol": t.symbol, "price": t.price, "time_ns": t.time_ns})
        .resample("1min", "ohlc")
        .sink_to_list()
    )
    trades.put(*TRADES)
    until(lambda: len(found) == 2)
    assert [(each.open, each.high, each.low, each.close, each.count) for each in found] == [
        (1.0, 3.0, 1.0, 2.0, 3),
        (4.0, 4.0, 4.0, 4.0, 1),
    ]


def test_a_number_is_its_own_value(trades: Any) -> None:
    found = trades.feed.map(lambda t: t.price).resample("50ms", "ohlc", by="clock").sink_to_list()
    trades.put(*TRADES[:3])
    until(lambda: found)
    assert (found[0].high, found[0].count) == (3.0, 3)


def test_klines_of_dicts_are_those_of_the_trades(trades: Any) -> None:
    plain = trades.feed.to_klines("1min", partial=True).sink_to_list()
    dicts = (
        trades.feed.map(lambda t: {"symbol": t.symbol, "price": t.price, "size": t.size, "time_ns": t.time_ns})
        .to_klines("1min", partial=True)
        .sink_to_list()
    )
    trades.put(*TRADES)
    until(lambda: len(plain) == len(dicts) == 2)
    assert dicts == plain


@pytest.mark.parametrize(
    ("node", "words"),
    [
        (lambda mapped: mapped.to_klines("1min"), "symbol, price, size"),
        (lambda mapped: mapped.resample("1s", "ohlc", value="price"), "value="),
    ],
)
def test_messages_of_another_kind_are_refused_with_the_next_step(
    trades: Any, node: Callable[[Any], Any], words: str
) -> None:
    failures = trades.feed.errors.sink_to_list()
    node(trades.feed.map(lambda t: {"other": t.price})).sink(print)
    trades.put(TRADES[0])
    until(lambda: failures)
    assert failures[0].exception == "UsageError"
    assert words in failures[0].text


@pytest.mark.parametrize("every", [None, True, [1], float("nan"), "5", "NaT", b"1s"])
def test_what_is_no_length_of_time_says_what_is(trades: Any, every: Any) -> None:
    for ask in (trades.feed.resample, trades.feed.batch, lambda each: trades.feed.to_dataframe(every=each)):
        with pytest.raises(UsageError, match="'100ms'"):
            ask(every)


def test_news_passes_a_resample_of_dicts() -> None:
    from streamz import Stream

    source = Stream()
    found = resample(source, 1.0).sink_to_list()
    source.emit({"symbol": "BTC-USDT", "time_ns": AT})
    source.emit(gap := Gap("topic", "why"))
    assert found == [gap]


# -- async for ----------------------------------------------------------------------------------------------------


async def first(readable: Any, count: int) -> list[Any]:
    found: list[Any] = []
    async for message in readable:
        found.append(message)
        if len(found) == count:
            break
    return found


async def read_by(trades: Any, readable: Any, count: int) -> asyncio.Task[list[Any]]:
    """Return a task that reads, once it does."""
    reader = asyncio.create_task(first(readable, count))
    await asyncio.sleep(0)
    assert list(trades.feed.branches)
    return reader


async def having(trades: Any, readable: Any, count: int) -> list[Any]:
    """Return the first messages that ``readable`` gives of what is put while it is read."""
    reader = await read_by(trades, readable, count)
    await asyncio.to_thread(trades.put, *TRADES)
    return await asyncio.wait_for(reader, 10)


def test_a_node_is_read_by_async_for(trades: Any) -> None:
    found = asyncio.run(having(trades, trades.feed.map(lambda t: t.price).filter(lambda price: price > 1), 4))
    assert found == [3.0, 2.0, 4.0, 5.0]
    until(lambda: gc.collect() >= 0 and not list(trades.feed.branches))


def test_the_frame_of_a_node_is_read_by_async_for(trades: Any) -> None:
    frame = trades.feed.map(lambda t: t.price).sink_to_frame()
    assert asyncio.run(having(trades, frame, 5)) == [1.0, 3.0, 2.0, 4.0, 5.0]
    assert len(frame) == 5


def test_books_are_read_by_async_for(client: ks.Client) -> None:
    async def main() -> list[Any]:
        books = await asyncio.to_thread(client.books, "BTC-USDT", "ETH-USDT")
        return await asyncio.wait_for(first(await books, 20), 10)

    assert {each.symbol for each in asyncio.run(main())} == {"BTC-USDT", "ETH-USDT"}


@pytest.mark.parametrize("readable", [lambda feed: feed.map(str), lambda feed: feed.map(str).sink_to_frame()])
def test_who_reads_a_node_ends_with_the_feed(trades: Any, readable: Callable[[Any], Any]) -> None:
    async def main() -> list[Any]:
        reader = await read_by(trades, readable(trades.feed), 10)
        await asyncio.to_thread(trades.feed.stop)
        return await asyncio.wait_for(reader, 10)

    assert asyncio.run(main()) == []


def test_who_reads_a_node_hears_of_the_end_of_the_client(trades: Any) -> None:
    async def main() -> None:
        reader = await read_by(trades, trades.feed.map(str), 10)
        await asyncio.to_thread(trades.client.close)
        with pytest.raises(StoppedError):
            await asyncio.wait_for(reader, 10)

    asyncio.run(main())


def test_a_node_that_leads_to_no_feed_says_what_can_be_read() -> None:
    from streamz import Stream

    async def main() -> None:
        with pytest.raises((UsageError, TypeError)):
            await first(Stream().map(str), 1)

    asyncio.run(main())
