"""From the server's send to the result: ``python -m benchmarks.latency URL SIDE LIBRARY COUNT RATE``.

Each message is a write of its own and carries when it was written, on the clock that both processes share. ``floor``:
until the dict book holds it. ``book``: until the live book has published it. ``streamz``: until a user's callback on
streamz's loop has it. Microseconds, and the CPU of the whole process a message.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.process import Flood
from benchmarks.wire import LIBRARIES
from benchmarks.works import books_handle


def _now() -> int:
    return time.monotonic_ns() // 1000


def floor(flood: Flood, library: str, samples: list[int]) -> dict[str, float]:
    keep = books_handle({name: (dict(each["bids"]), dict(each["asks"])) for name, each in flood.snapshots().items()})

    def handle(data: Any) -> None:
        delta = keep(data)
        samples.append(_now() - delta.time)

    result: dict[str, float] = asyncio.run(LIBRARIES[library](flood, handle))
    return result


def book(flood: Flood, library: str, samples: list[int]) -> dict[str, float]:
    from benchmarks.ours import arrival, check_books, measured, open_books, open_client

    client = open_client(flood.url, library)
    books = open_books(client, flood)
    for each in books.values():
        client.engine.call(_observe, each._keeper, samples)
    result = measured(flood, arrival(books, flood))
    check_books(books, flood)
    client.close()
    return result


def _observe(keeper: Any, samples: list[int]) -> None:
    """Note, for each message, how old it is when the keeper's ``flush`` has published it."""
    flush: Callable[[], None] = keeper.flush

    def published() -> None:
        sent = [delta.time_ms for delta in keeper.pending]
        flush()
        now = _now()
        samples.extend(now - each for each in sent)

    keeper.flush = published


def streamz(flood: Flood, library: str, samples: list[int]) -> dict[str, float]:
    from benchmarks.ours import measured, open_client

    client = open_client(flood.url, library)
    feed = client.feed("spot.level2", *flood.symbols)
    feed.sink(lambda delta: samples.append(_now() - delta.time_ms))
    result = measured(flood, lambda: len(samples) >= flood.count)
    assert (feed.dropped, feed.error_count) == (0, 0)
    client.close()
    return result


SIDES = {"floor": floor, "book": book, "streamz": streamz}


def main(url: str, side: str, library: str, count: int, rate: float) -> None:
    flood = Flood(url, "level2", count, rate, one_by_one=True)
    samples: list[int] = []
    result = SIDES[side](flood, library, samples)
    assert len(samples) == count, len(samples)
    assert min(samples) > 0, "the clocks differ"
    p50, p99 = np.percentile(samples, [50, 99])
    print(json.dumps(result | {"p50_us": float(p50), "p99_us": float(p99)}))


if __name__ == "__main__":
    main(*sys.argv[1:4], int(sys.argv[4]), float(sys.argv[5]))
