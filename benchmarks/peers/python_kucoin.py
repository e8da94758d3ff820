"""python-kucoin (``import kucoin``): ``KucoinSocketManager`` awaits a coroutine with every message as a dict.

It keeps no books; ``books`` and ``heavy`` use the simplest dict book (``dict_books``) in the callback. ``ticker`` keeps
the last dict by symbol, ``trades`` counts. What is set up otherwise than in its docs: the REST address, and
``encrypt`` of the websocket's address is None rather than False, which websockets refuses for a plain ``ws://``.
"""

from __future__ import annotations

import asyncio
import os
from typing import Any

from common import PATIENCE, Run, report, unsupported
from dict_books import DictBooks
from kucoin.asyncio import KucoinSocketManager
from kucoin.client import Client


class LocalClient(Client):
    """The library's client at the flood server."""

    def get_ws_endpoint(self, private: bool = False) -> Any:
        details = super().get_ws_endpoint(private)
        for server in details["instanceServers"]:
            server["encrypt"] = None
        return details


async def main(run: Run) -> None:
    if run.work == "heavy_top":
        unsupported("keeps no order book, so there is no best price to read")
    LocalClient.REST_API_URL = run.url
    client = LocalClient("key", "secret", "passphrase")
    books = DictBooks(run) if run.is_book else None
    latest: dict[str, Any] = {}
    expected = run.last()
    done, left = asyncio.Event(), run.count

    def seen() -> None:
        nonlocal left
        left -= 1
        if not left:
            done.set()

    async def book(message: dict[str, Any]) -> None:
        data = message["data"]
        changes = data["changes"]
        books.update(data["symbol"], changes["bids"], changes["asks"])
        seen()

    async def ticker(message: dict[str, Any]) -> None:
        latest[message["topic"]] = message["data"]
        seen()

    async def trade(_message: dict[str, Any]) -> None:
        seen()

    callback = book if books else ticker if run.work == "ticker" else trade
    manager = await KucoinSocketManager.create(asyncio.get_running_loop(), client, callback)
    await manager.subscribe(run.topic)
    await run.begin()
    await asyncio.wait_for(done.wait(), PATIENCE)
    measured = run.stop()
    if books:
        checked = books.right()
    elif run.work == "ticker":
        checked = {topic.partition(":")[2]: data for topic, data in latest.items()} == expected
    else:
        checked = left == 0
    report(measured, checked=checked)
    os._exit(0)  # the library does not let its task be cancelled


if __name__ == "__main__":
    asyncio.new_event_loop().run_until_complete(main(Run.ordered()))
