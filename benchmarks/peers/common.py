"""What every peer's script needs: the work to do, clocks, and checks. Standard library only."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn
from urllib.request import urlopen

KINDS = {"books": "level2", "heavy": "heavy", "heavy_top": "heavy", "ticker": "ticker", "trades": "trades"}
TOPICS = {"level2": "/market/level2", "heavy": "/market/level2", "ticker": "/market/ticker", "trades": "/market/match"}
DEEP = "DEEP-USDT"
PATIENCE = 60.0  # seconds; until a flood has arrived
RETRIES, PAUSE = 100, 0.05  # of a flood to which nobody has subscribed yet

Levels = Iterable[tuple[Any, Any]]


@dataclass
class Run:
    """One run of a script, as its command line orders it."""

    url: str
    work: str
    count: int
    rate: float
    symbols: list[str] = field(default_factory=list)
    _cpu: float = 0.0
    _wall: float = 0.0

    @classmethod
    def ordered(cls) -> Run:
        """Read ``URL WORK COUNT RATE``."""
        url, work, count, rate = sys.argv[1:5]
        run = cls(url, work, int(count), float(rate))
        every = [symbol["symbol"] for symbol in run.ask("/api/v2/symbols")]
        run.symbols = [symbol for symbol in every if (symbol == DEEP) == (run.kind == "heavy")]
        return run

    @property
    def kind(self) -> str:
        return KINDS[self.work]

    @property
    def is_book(self) -> bool:
        return self.kind in ("level2", "heavy")

    @property
    def topic(self) -> str:
        """The topic of all symbols at once."""
        return f"{TOPICS[self.kind]}:{','.join(self.symbols)}"

    def ask(self, path: str) -> Any:
        """Return the data of a REST call."""
        with urlopen(f"{self.url}{path}") as answer:
            return json.loads(answer.read())["data"]

    def snapshot(self, symbol: str) -> Any:
        """Return the whole book at the beginning."""
        return self.ask(f"/api/v3/market/orderbook/level2?symbol={symbol}")

    def reference(self) -> Any:
        """Return the books at the end."""
        return self.ask(f"/flood/reference?kind={self.kind}&count={self.count}")

    def last(self) -> Any:
        """Return the data of each symbol's last message."""
        last = self.ask(f"/flood/last?kind={self.kind}&count={self.count}")
        return {topic.partition(":")[2]: data for topic, data in last.items()}

    async def begin(self) -> None:
        """Start the flood, as soon as the server has the subscriptions, and the clocks."""
        for _ in range(RETRIES):
            if self._go():
                return
            await asyncio.sleep(PAUSE)
        raise TimeoutError("not subscribed")

    def begin_blocking(self) -> None:
        """The same, where the library has threads of its own."""
        for _ in range(RETRIES):
            if self._go():
                return
            time.sleep(PAUSE)
        raise TimeoutError("not subscribed")

    def _go(self) -> bool:
        peers = self.ask(f"/flood/go?kind={self.kind}&count={self.count}&rate={self.rate}")
        assert peers in (0, 1), peers
        self._cpu, self._wall = time.process_time(), time.perf_counter()
        return peers == 1

    def stop(self) -> dict[str, float]:
        """Read the clocks."""
        cpu, wall = time.process_time() - self._cpu, time.perf_counter() - self._wall
        return {"cpu_us": cpu / self.count * 1e6, "per_second": self.count / wall}


def same_books(books: Mapping[str, tuple[Levels, Levels]], reference: Mapping[str, Any]) -> bool:
    """Compare bids and asks, in any order and type of number, with the server's own, level by level."""
    return all(
        {float(price): float(size) for price, size in levels} == {float(p): float(s) for p, s in reference[name][side]}
        for name, (bids, asks) in books.items()
        for side, levels in (("bids", bids), ("asks", asks))
    )


def unsupported(reason: str) -> NoReturn:
    print(json.dumps({"unsupported": reason}), flush=True)
    sys.exit()


def report(measured: Mapping[str, float], *, checked: bool, **more: object) -> None:
    """Print the last line."""
    print(json.dumps({**measured, "checked": checked, **more}), flush=True)
