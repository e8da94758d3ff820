"""An exchange with many symbols, as a process of its own: ``python -m tests.shards.many 200`` prints its URL."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from kucoin_stream.simulator import GeneratedMarket, Simulator, generated
from kucoin_stream.simulator.listings import Listing

PACE = 2.0  # level-2 messages a second of a symbol


def symbols(count: int) -> list[str]:
    return [f"A{number:03}-USDT" for number in range(count)]


def main(count: int) -> None:
    made = [Listing(symbol, "10.872", 3, 4, PACE, 4e-4, 2, 30, 300.0) for symbol in symbols(count)]
    generated.LISTINGS = (*generated.LISTINGS, *made)
    with Simulator(GeneratedMarket(symbols(count)), rest_quota=0) as simulator:
        print(simulator.url, flush=True)
        sys.stdin.read()


@contextmanager
def exchange(count: int) -> Iterator[str]:
    """Run it; give its URL."""
    command = [sys.executable, "-m", "tests.shards.many", str(count)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()
            process.wait(10)


if __name__ == "__main__":
    main(int(sys.argv[1]))
