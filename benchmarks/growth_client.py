"""A notebook for :mod:`benchmarks.growth`, a process of its own: ``python -m benchmarks.growth_client URL TOPICS``.

It does what it is told, a line of JSON ``[verb, {options}]`` each, and answers each with a line of JSON: the methods of
:class:`Notebook`. ``TOPICS``: how many topics a connection carries; 0: KuCoin's limits, those of commands too.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from typing import Any
from urllib.parse import urlencode

import numpy as np

import kucoin_stream as ks
from benchmarks.growth_server import named
from benchmarks.ours import open_client, until
from benchmarks.process import ask
from benchmarks.readers import resident
from kucoin_stream.settings import Limits

UNBOUND = {"commands_per_window": 10**6, "connections_per_minute": 10**6}
"""What the library otherwise spreads over time."""

ROWS = 200_000  # of the frame of trades
CHECKED = 3  # books that are compared level by level after a flood


class Notebook:
    """One client and what it has opened."""

    def __init__(self, url: str, topics: int) -> None:
        options: dict[str, Any] = {"limits": Limits(topics_per_connection=topics, **UNBOUND)} if topics else {}
        self._url = url
        self._client: ks.Client = open_client(url, **options)
        self._taken = 0  # messages of the floods so far: one may begin before this client is told to listen
        self._books: dict[str, Any] = {}
        self._feeds: dict[str, Any] = {}
        self._frames: dict[str, Any] = {}
        self._views: list[Any] = []

    def open(self, kind: str, symbols: int) -> dict[str, float]:
        """Open ``symbols`` of a kind; tell the seconds until all are there, CPU seconds, bytes and connections."""
        memory, wall, cpu = resident(), time.perf_counter(), time.process_time()
        if kind == "level2":
            self._books |= self._client.books(*named(symbols), source="classic").books
            for book in self._books.values():
                book.wait(600)
        else:
            self._feeds[kind] = feed = getattr(self._client, kind)(*named(symbols))
            self._frames[kind] = feed.frame(**({"latest": "symbol"} if kind == "ticker" else {"maxlen": ROWS}))
            active = self._client.engine.pool.active
            until(lambda: all(map(active, feed.topics)))
        took = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
        return took | {"bytes": resident() - memory, "connections": self._connections()}

    def flood(self, kind: str, count: int, active: int, each: int = 0, tick: float = 0.0) -> dict[str, float]:
        """Take ``count`` messages of the first ``active`` symbols; tell CPU and wall seconds, once all is right."""
        query = {"kind": kind, "count": count, "active": active, "each": each, "tick": tick}
        return self.listen(kind, count, active, f"/growth/go?{urlencode(query)}", count / each * tick if each else 0.0)

    def listen(self, kind: str, count: int, active: int, go: str = "", seconds: float = 0.0) -> dict[str, float]:
        """Take ``count`` messages that will come, which take ``seconds`` or more; ``go``: what begins them."""
        pool, before = self._client.engine.pool, self._taken
        gc.collect()
        if go:
            ask(self._url, go)
        cpu, wall = time.process_time(), time.perf_counter()
        time.sleep(seconds)  # a look every 5 ms would cost more than a slow flood
        until(lambda: pool.messages - before >= count)
        took = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
        assert pool.messages - before == count, pool.messages - before
        self._taken = pool.messages
        if kind == "level2":
            self._check(active)
        return took

    def idle(self, seconds: float) -> dict[str, float]:
        """Do nothing; tell the CPU seconds that this takes."""
        gc.collect()
        cpu, wall = time.process_time(), time.perf_counter()
        time.sleep(seconds)
        return {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}

    def draw(self, widgets: int) -> dict[str, float]:
        """Show so many ladders, of a book each; tell the bytes they take."""
        for view in self._views:
            view.close()
        memory = resident()
        self._views = [book.widget() for book in list(self._books.values())[:widgets]]
        return {"bytes": resident() - memory}

    def pictures(self) -> dict[str, float]:
        """Tell how many pictures were drawn ever."""
        from kucoin_stream.widgets.screen import screen

        return {"pictures": screen.statistics()["pictures"]}

    def memory(self) -> dict[str, float]:
        """Tell the bytes of this process, and what the frame of trades says of its rows."""
        trades = self._frames.get("trades")
        return {"bytes": resident(), "told": trades.memory if trades is not None else 0}

    def close(self) -> None:
        """End the client."""
        self._client.close()

    def _connections(self) -> int:
        return len(self._client.engine.pool._lives)

    def _check(self, active: int) -> None:
        """Compare some books with the exchange's, level by level, and the state of all."""
        for symbol in named(active)[:CHECKED]:
            wanted = ask(self._url, f"/api/v3/market/orderbook/level2?symbol={symbol}")
            levels = self._books[symbol].levels()
            assert self._books[symbol].sequence == int(wanted["sequence"]), symbol
            for side in ("bid", "ask"):
                expected = np.array(wanted[f"{side}s"], dtype=float)
                assert np.array_equal(getattr(levels, f"{side}_prices"), expected[:, 0]), (symbol, side)
                assert np.array_equal(getattr(levels, f"{side}_sizes"), expected[:, 1]), (symbol, side)
        assert all((book.status, book.gap_count) == ("live", 0) for book in self._books.values())


def main() -> None:
    notebook = Notebook(sys.argv[1], int(sys.argv[2]))
    for line in sys.stdin:
        verb, options = json.loads(line)
        print(json.dumps(getattr(notebook, verb)(**options)), flush=True)
    notebook.close()


if __name__ == "__main__":
    main()
