"""The library on the same flood: ``books``, ``sink``, ``frame`` and ``ticker`` (a frame of numbers).

``cpu_us`` is the whole process per message, ``loop_us`` the loop thread alone.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np

import kucoin_stream as ks
from benchmarks.process import ask
from kucoin_stream.simulator.flood.market import SYMBOLS

POLL = 0.01  # seconds
PATIENCE = 60.0  # seconds


class Stopwatch:
    """CPU of the process and of the loop thread."""

    def __init__(self, client: ks.Client) -> None:
        self._call = client.engine.call
        self._loop = self._call(time.thread_time)
        self._cpu, self._wall = time.process_time(), time.perf_counter()

    def stop(self, count: int) -> dict[str, float]:
        cpu, wall = time.process_time() - self._cpu, time.perf_counter() - self._wall
        loop = self._call(time.thread_time) - self._loop
        return {"cpu_us": cpu / count * 1e6, "loop_us": loop / count * 1e6, "per_second": count / wall}


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("the flood did not arrive")
        time.sleep(POLL)


def open_client(url: str) -> ks.Client:
    return ks.Client(url, key="key", secret="secret", passphrase="passphrase").open()


def open_books(client: ks.Client) -> dict[str, Any]:
    books = {symbol: client.book(symbol) for symbol in SYMBOLS}
    for book in books.values():
        book.wait()
    return books


def check(books: dict[str, Any], reference: dict[str, Any]) -> None:
    """Compare every level with the server's own books."""
    for symbol, book in books.items():
        levels, wanted = book.levels(), reference[symbol]
        for side in ("bid", "ask"):
            expected = np.array(wanted[f"{side}s"], dtype=float)
            assert np.array_equal(getattr(levels, f"{side}_prices"), expected[:, 0]), (symbol, side)
            assert np.array_equal(getattr(levels, f"{side}_sizes"), expected[:, 1]), (symbol, side)
        assert (book.status, book.gaps) == ("live", 0), symbol


def run_books(client: ks.Client, url: str, count: int, rate: float) -> dict[str, float]:
    books = open_books(client)
    reference = ask(url, f"/flood/reference?kind=level2&count={count}")
    last = {symbol: int(snapshot["sequence"]) for symbol, snapshot in reference.items()}
    assert ask(url, f"/flood/go?kind=level2&count={count}&rate={rate}") == 1
    watch = Stopwatch(client)
    until(lambda: all(book.sequence == last[symbol] for symbol, book in books.items()))
    result = watch.stop(count)
    check(books, reference)
    result["mid_ns"] = _mid(books["BTC-USDT"])
    return result


def _mid(book: Any) -> float:
    rounds = 20_000
    began = time.process_time()
    for _ in range(rounds):
        book.mid  # noqa: B018
    return (time.process_time() - began) / rounds * 1e9


def run_sink(client: ks.Client, url: str, count: int, rate: float) -> dict[str, float]:
    feed, seen = client.trades(*SYMBOLS), [0]

    def sink(_trade: Any) -> None:
        seen[0] += 1

    feed.sink(sink)
    assert ask(url, f"/flood/go?kind=trades&count={count}&rate={rate}") == 1
    watch = Stopwatch(client)
    until(lambda: seen[0] + feed.dropped >= count)
    return watch.stop(count) | {"dropped": feed.dropped}


def run_frame(client: ks.Client, url: str, count: int, rate: float, kind: str) -> dict[str, float]:
    feed = (client.trades if kind == "trades" else client.ticker)(*SYMBOLS)
    frame = feed.frame(maxlen=5000)
    assert ask(url, f"/flood/go?kind={kind}&count={count}&rate={rate}") == 1
    watch = Stopwatch(client)
    until(lambda: feed.received == count)
    result = watch.stop(count)
    assert len(frame.df) == min(count, 5000)
    return result


def main(url: str, what: str, count: int, rate: float) -> None:
    client = open_client(url)
    match what:
        case "books":
            result = run_books(client, url, count, rate)
        case "sink":
            result = run_sink(client, url, count, rate)
        case "frame":
            result = run_frame(client, url, count, rate, "trades")
        case _:
            result = run_frame(client, url, count, rate, "ticker")
    client.close()
    print(msgspec.json.encode(result).decode())


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
