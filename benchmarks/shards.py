"""Order books kept by Dask workers against one process: ``python -m benchmarks.shards``.

The same messages for ten books, made beforehand and poured by an exchange in a process of its own as fast as they are
taken, are kept by one client in one process, and by the two workers of a ``LocalCluster`` with the notebook beside
them. Runs alternate. Every book must end at the exchange's last sequence, with every change counted. ``ratio`` is
messages a second of the workers by those of the one process; ``cpu`` is what all processes but the exchange's used.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from typing import Any
from urllib.request import urlopen

import kucoin_stream as ks
from kucoin_stream.simulator.flood.market import Exchange, topics
from kucoin_stream.simulator.flood.peer import Peer, framed
from kucoin_stream.simulator.flood.server import AFTER, CHUNK, Server

DEPTH = 90  # levels a side: fewer than a public snapshot has, so that books are whole without a key
SHAPE = "classic"
PATIENCE = 120.0  # seconds
KIND = "level2"


class Sharing(Server):
    """Floods every socket with the messages of those topics that it has subscribed to."""

    def __init__(self) -> None:
        super().__init__()
        self.exchange = Exchange(depth=DEPTH)

    def _go(self, kind: str, count: int, query: dict[str, str]) -> int:
        messages = self.exchange.run(kind, count)[0]
        peers = [peer for peer in self.sockets if peer.topics & set(topics(kind))]
        for peer in peers:
            wanted = tuple(f'{{"topic":"{topic}",'.encode() for topic in peer.topics)
            whole = b"".join(framed(each) for each in messages if each.startswith(wanted))
            peer.start([whole[at : at + CHUNK] for at in range(0, len(whole), CHUNK)], None, AFTER)
        return len(peers)


async def serve() -> None:
    server = Sharing()

    def respond(path: str, query: dict[str, str]) -> bytes:
        return json.dumps({"code": "200000", "data": server.answer(path, query)}).encode()

    listening = await asyncio.get_running_loop().create_server(lambda: Peer(server.sockets, respond), "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    print(server.url, flush=True)
    await listening.serve_forever()


def ask(url: str, what: str, count: int) -> Any:
    with urlopen(f"{url}/flood/{what}?kind={KIND}&count={count}") as answer:
        return json.loads(answer.read())["data"]


def until(condition: Any) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("the flood did not arrive")
        time.sleep(0.005)


def poured(url: str, count: int, sockets: int, sequences: Any, cpu: Any) -> dict[str, float]:
    """Pour the messages; ``sequences`` returns those of the books, ``cpu`` seconds of all keepers so far."""
    last = {symbol: int(book["sequence"]) for symbol, book in ask(url, "reference", count).items()}
    used = cpu()
    assert ask(url, "go", count) == sockets
    began = time.perf_counter()
    until(lambda: sequences() == last)
    wall = time.perf_counter() - began
    return {"per_second": count / wall, "cpu_us": (cpu() - used) / count * 1e6}


def one_process(url: str, count: int) -> dict[str, float]:
    symbols = [topic.partition(":")[2] for topic in topics(KIND)]
    with ks.Client(url) as client:
        books = {symbol: client.book(symbol, source=SHAPE) for symbol in symbols}
        for book in books.values():
            book.wait()
        before = sum(book.updates for book in books.values())
        result = poured(
            url, count, 1, lambda: {symbol: book.sequence for symbol, book in books.items()}, time.process_time
        )
        assert sum(book.updates for book in books.values()) - before == count
    return result


def workers(url: str, count: int, dask: Any, number: int) -> dict[str, float]:
    symbols = [topic.partition(":")[2] for topic in topics(KIND)]
    with ks.Client(url) as client, client.shard(symbols, dask, source=SHAPE, every=0.1) as shards:
        shards.wait()
        tops = shards.tops()
        before = shards.ps()["updates"].sum()
        result = poured(
            url,
            count,
            number,
            lambda: tops.df["sequence"].to_dict(),
            lambda: time.process_time() + sum(dask.run(time.process_time).values()),
        )
        assert shards.ps()["updates"].sum() - before == count
        assert shards.gaps().empty
    return result


def run(url: str, options: argparse.Namespace) -> None:
    from distributed import Client, LocalCluster

    rounds = []
    cluster = LocalCluster(n_workers=options.workers, threads_per_worker=1, dashboard_address="127.0.0.1:0")
    with cluster, Client(cluster) as dask:
        for _ in range(options.repeat):
            command = [sys.executable, "-m", "benchmarks.shards", "--one", url, "--messages", str(options.messages)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            rounds.append((json.loads(done.stdout), workers(url, options.messages, dask, options.workers)))
    print(f"{options.messages:,} messages, {options.workers} workers, {os.cpu_count()} cores (one is the exchange's)")
    print(f"{'':14}{'messages/s':>12}{'us of CPU each':>16}")
    for name, at in (("one process", 0), ("workers", 1)):
        middle = {key: statistics.median(each[at][key] for each in rounds) for key in ("per_second", "cpu_us")}
        print(f"{name:14}{middle['per_second']:12,.0f}{middle['cpu_us']:16.1f}")
    ratios = [sharded["per_second"] / one["per_second"] for one, sharded in rounds]
    print(f"ratio {statistics.median(ratios):.2f} (rounds: {', '.join(f'{each:.2f}' for each in ratios)})")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.shards", description=__doc__)
    parser.add_argument("--messages", type=int, default=300_000, help="of each run (default: %(default)s)")
    parser.add_argument("--repeat", type=int, default=3, help="rounds (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=2, help="processes (default: %(default)s)")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--one", metavar="URL", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(serve())
    elif options.one:
        print(json.dumps(one_process(options.one, options.messages)))
    else:
        command = [sys.executable, "-m", "benchmarks.shards", "--serve"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            try:
                run(process.stdout.readline().strip(), options)
            finally:
                process.terminate()


if __name__ == "__main__":
    main()
