"""The flood server over real sockets: a plain client gets every message, and ends with the server's own books."""

import asyncio
import json
import time
from urllib.request import urlopen

import pytest
import websockets

from kucoin_stream.simulator.flood.market import DEEP, SYMBOLS, topics
from kucoin_stream.simulator.flood.server import listen

COUNT = 3000


async def ask(url, path):
    answer = await asyncio.to_thread(lambda: urlopen(url + path).read())
    return json.loads(answer)["data"]


async def receive(url, kind, count, query=""):
    """Return the messages of one run."""
    bullet = await ask(url, "/api/v1/bullet-public")
    endpoint = bullet["instanceServers"][0]["endpoint"]
    async with websockets.connect(f"{endpoint}?token={bullet['token']}") as socket:
        assert json.loads(await socket.recv())["type"] == "welcome"
        stem = topics(kind)[0].partition(":")[0]
        symbols = ",".join(topic.partition(":")[2] for topic in topics(kind))
        await socket.send(json.dumps({"id": 1, "type": "subscribe", "topic": f"{stem}:{symbols}"}))
        assert json.loads(await socket.recv())["type"] == "ack"
        assert await ask(url, f"/flood/go?kind={kind}&count={count}{query}") == 1
        messages = [json.loads(await socket.recv()) for _ in range(count)]
        with pytest.raises(TimeoutError):  # and not one more
            await asyncio.wait_for(socket.recv(), 0.1)
    return messages


def run(scenario):
    async def served():
        listening, server = await listen("127.0.0.1", 0)
        async with listening:
            return await scenario(server.url)

    return asyncio.run(served())


def apply(books, delta):
    """Apply one change message; sequences must follow without a gap."""
    book = books[delta["symbol"]]
    assert delta["sequenceStart"] == delta["sequenceEnd"] == book["sequence"] + 1
    book["sequence"] += 1
    for side in ("bids", "asks"):
        for price, size, sequence in delta["changes"][side]:
            assert int(sequence) == book["sequence"]
            if size == "0":
                book[side].pop(price, None)
            else:
                book[side][price] = size


def plain(snapshot):
    return {
        "sequence": int(snapshot["sequence"]),
        "bids": dict(snapshot["bids"]),
        "asks": dict(snapshot["asks"]),
    }


@pytest.mark.parametrize(("kind", "symbols", "depth"), [("level2", SYMBOLS, 1000), ("heavy", (DEEP,), 5000)])
def test_a_plain_client_ends_with_the_servers_own_books(kind, symbols, depth):
    async def scenario(url):
        books = {}
        for symbol in symbols:
            books[symbol] = plain(await ask(url, f"/api/v3/market/orderbook/level2?symbol={symbol}"))
            assert len(books[symbol]["bids"]) == len(books[symbol]["asks"]) == depth
        began = json.dumps(books)
        for message in await receive(url, kind, COUNT):
            apply(books, message["data"])
        reference = await ask(url, f"/flood/reference?kind={kind}&count={COUNT}")
        assert json.dumps(books) != began
        assert books == {symbol: plain(snapshot) for symbol, snapshot in reference.items()}

    run(scenario)


@pytest.mark.parametrize("kind", ["trades", "ticker"])
def test_each_topic_ends_with_the_message_the_server_says(kind):
    async def scenario(url):
        messages = await receive(url, kind, COUNT)
        assert await ask(url, f"/flood/last?kind={kind}&count={COUNT}") == {
            message["topic"]: message["data"] for message in messages
        }

    run(scenario)


def test_the_bytes_are_the_same_every_time():
    async def scenario(url):
        assert await receive(url, "level2", 100) == await receive(url, "level2", 100)

    run(scenario)


def test_one_by_one_each_message_says_when_it_was_written():
    async def scenario(url):
        begin = time.monotonic_ns() // 1000
        messages = await receive(url, "level2", 50, "&rate=1000&each=1")
        times = [message["data"]["time"] for message in messages]
        assert times == await ask(url, "/flood/sent")
        assert begin < times[0] <= times[-1] < time.monotonic_ns() // 1000
        assert times == sorted(times)

    run(scenario)


def test_nobody_is_flooded_who_has_not_subscribed_to_all_topics():
    async def scenario(url):
        endpoint = (await ask(url, "/api/v1/bullet-public"))["instanceServers"][0]["endpoint"]
        async with websockets.connect(endpoint) as socket:
            await socket.recv()
            await socket.send(json.dumps({"id": 1, "type": "subscribe", "topic": "/market/level2:BTC-USDT"}))
            await socket.recv()
            assert await ask(url, "/flood/go?kind=level2&count=100") == 0

    run(scenario)
