"""Everything at once, for long: ``python -m benchmarks.soak --minutes 30 --rate 2000`` exits 1 where it finds a fault.

The built-in exchange runs in a process of its own; this one is a notebook's: books (classic, Pro, futures), bars, a
tape of trades, users' graphs (one slow, one that gathers, one that raises now and then) and three pictures. Every 10
to 20 seconds something goes wrong (``soak_faults.py``). Every 10 seconds memory, threads, tasks, sockets and comms are
counted. Wrong is: memory that grows (the slope of a straight line through the samples of the last two thirds, times
their length), a thread, task, socket or comm more than at the start, a book that does not come back or differs from the
exchange's, a gap that :meth:`Client.gaps` does not have.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import logging
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import Request, urlopen

import comm
import numpy as np
import pandas as pd

import kucoin_stream as ks
from benchmarks.soak_faults import FAULTS, Fault, Missed
from kucoin_stream.errors import KucoinStreamError
from kucoin_stream.market.book import Top
from kucoin_stream.widgets.screen import screen

SYMBOLS = ("BTC-USDT", "ETH-USDT", "SOL-USDT")
UNIT = 105.0  # messages a second that the load below receives from a market of rate 1
SAMPLE = 10.0  # seconds between two samples
PATIENCE = 90.0  # seconds within which all is right again
QUIET = 5.0  # seconds without faults before the end
MEGABYTE = 2**20
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Exchange:
    """The built-in exchange in a process of its own, and its control."""

    def __init__(self, card: dict[str, str]) -> None:
        self.url = card["ready"]
        self.key = {part: card[part] for part in ("key", "secret", "passphrase")}
        self._control, self._secret = card["control"], card["control key"]

    def perform(self, **call: Any) -> None:
        """Let something go wrong: a ``fault``, and the arguments of that method of :class:`Faults`."""
        body = json.dumps(call).encode()
        with urlopen(Request(self._control, body, {"X-Simulator-Secret": self._secret})) as answer:
            answer.read()


@contextmanager
def exchange(rate: float) -> Iterator[Exchange]:
    """Run the exchange with a market of that rate."""
    command = [sys.executable, "-m", "kucoin_stream", "sim", "--port", "0", "--seed", "7"]
    command += ["--symbols", ",".join(SYMBOLS), "--rate", str(rate)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            card: dict[str, str] = {}
            while "ready" not in card:
                name, _, value = process.stdout.readline().strip().rpartition(" ")
                card[name.strip()] = value
            yield Exchange(card)
        finally:
            process.terminate()
            process.wait(10)


class Load:
    """What a user's notebook runs."""

    def __init__(self, client: ks.Client) -> None:
        self.seen: Counter[str] = Counter()
        spot = [client.book(symbol) for symbol in SYMBOLS]
        pro = [client.book(symbol, source="pro") for symbol in SYMBOLS[:2]]
        self.books = [*spot, *pro, client.book("XBTUSDTM"), client.book("ETHUSDTM")]
        self.bars = [client.klines("BTC-USDT", "1min", history=100), client.klines("XBTUSDTM", "1min", history=100)]
        self.trades = client.trades(*SYMBOLS)
        self.tape = self.trades.frame(maxlen=5000)
        self.tickers = client.ticker(*SYMBOLS)
        self.tops = spot[0].stream
        self.sinks = [
            self.trades.rate_limit(0.5).sink(self._count("slow")),
            self.trades.partition(100).sink(self._count("gathered")),
            self.trades.map(lambda trade: trade.price * trade.size).sink(self._raises),
            self.tops.filter(lambda change: isinstance(change, Top)).sliding_window(10).sink(self._count("tops")),
            self.tickers.filter(lambda ticker: ticker.symbol == "ETH-USDT").sink(self._count("tickers")),
        ]
        self.views = [spot[0].widget(), self.bars[0].widget(), self.tape.widget()]

    def _count(self, name: str) -> Callable[[object], None]:
        def count(_: object) -> None:
            self.seen[name] += 1

        return count

    def _raises(self, _: float) -> None:
        self.seen["raising"] += 1
        if self.seen["raising"] % 1000 == 0:
            raise ValueError("a user's mistake, now and then")

    def wrong(self) -> list[str]:
        """What is not as it should be, in words."""
        parts = [*self.books, *self.bars, self.trades, self.tickers]
        return [f"{part!r}" for part in parts if part.status != "live"]


class Sample(NamedTuple):
    """What there is in this process after a garbage collection."""

    seconds: float
    rss: float  # MB
    threads: int
    tasks: int
    sockets: int
    files: int
    comms: int
    messages: int
    faults: int

    def line(self) -> str:
        """Return it as a row of the table."""
        return (
            f"{self.seconds:7.0f} {self.rss:9.2f} {self.threads:8d} {self.tasks:6d} {self.sockets:8d} {self.files:6d}"
            f" {self.comms:6d} {self.messages:10,d} {self.faults:7d}"
        )


HEAD = "seconds    rss MB  threads  tasks  sockets  files  comms   messages  faults"


def _descriptors() -> tuple[int, int]:
    """How many sockets, and how many files in all, this process has open."""
    names = []
    for each in Path("/proc/self/fd").iterdir():
        try:
            names.append(str(each.readlink()))
        except FileNotFoundError:  # that of this very loop
            continue
    return sum(name.startswith("socket:") for name in names), len(names)


def _rss() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE / MEGABYTE


class Soak:
    """One run."""

    def __init__(self, client: ks.Client, theirs: Exchange, chance: random.Random) -> None:
        self.client, self.theirs, self._chance = client, theirs, chance
        self.load = Load(client)
        self.samples: list[Sample] = []
        self.problems: list[str] = []
        self.recovery: dict[str, list[float]] = {}
        self.missed: list[Missed] = []
        self._deck: list[Fault] = []
        self._began = time.monotonic()

    def wrong(self, what: str) -> None:
        """Note and print what is not as it must be."""
        self.problems.append(what)
        print(f"WRONG: {what}", flush=True)

    def sample(self) -> Sample:
        """Count what there is, and print it."""
        screen.touch()  # the user is there
        gc.collect()
        sockets, files = _descriptors()
        tasks = self.client.engine.call(lambda: len(asyncio.all_tasks()))
        taken = Sample(
            time.monotonic() - self._began, _rss(), threading.active_count(), tasks, sockets, files,
            len(comm.get_comm_manager().comms), self.client.engine.pool.messages, sum(map(len, self.recovery.values())),
        )  # fmt: skip
        self.samples.append(taken)
        print(taken.line(), flush=True)
        return taken

    def settled(self) -> Sample:
        """Take a sample without idle REST connections, which are kept for a while."""
        engine = self.client.engine
        for rest in (engine.rest, engine.futures_rest):
            engine.call(rest.close)
        time.sleep(0.5)
        return self.sample()

    def wait(self, seconds: float, done: Callable[[], bool] = lambda: False) -> bool:
        """Wait until something is done, or so long; take samples meanwhile. Return whether it is done."""
        deadline = time.monotonic() + seconds
        while not (over := done()) and time.monotonic() < deadline:
            if time.monotonic() - self._began >= (self.samples[-1].seconds if self.samples else 0) + SAMPLE:
                self.sample()
            time.sleep(0.05)
        return over

    def run(self, minutes: float, pause: float) -> None:
        """Let things go wrong for so long, each ``pause`` seconds after the last one, or up to half of it earlier."""
        end = self._began + 60 * minutes - QUIET
        while time.monotonic() < end:
            began = time.monotonic()
            self.strike(self._next())
            self.wait(min(began + self._chance.uniform(pause / 2, pause), end) - time.monotonic())

    def _next(self) -> Fault:
        """Return a fault at random, each once before any comes again."""
        if not self._deck:
            self._deck = self._chance.sample(FAULTS, len(FAULTS))
        return self._deck.pop()

    def strike(self, fault: Fault) -> None:
        """Let one thing go wrong, let it pass, and see that all comes right."""
        since, symbol = time.time(), self._chance.choice((*SYMBOLS, "XBTUSDTM", "ETHUSDTM"))
        expected = self._expected(fault, symbol, since)
        for call in fault.calls:
            self.theirs.perform(**{name: symbol if given == "{symbol}" else given for name, given in call.items()})
        if fault.ours:
            getattr(self, f"_{fault.ours}")()
        self.wait(fault.lasts)
        self.theirs.perform(fault="clear")
        self.theirs.perform(fault="release")
        began = time.monotonic()
        self.wait(0.5)  # until what was lost last shows
        if not self.wait(PATIENCE, lambda: not self.load.wrong()):
            self.wrong(f"{fault.name}: after {PATIENCE:g} s still {', '.join(self.load.wrong())}")
        self.recovery.setdefault(fault.name, []).append(time.monotonic() - began)
        self.missed += [each._replace(until=time.time()) for each in expected]

    def _expected(self, fault: Fault, symbol: str, since: float) -> list[Missed]:
        match fault.misses:
            case "":
                return []
            case "all":
                active = self.client.engine.call(self.client.engine.active_topics)
                topics, part = [topic for each in active.values() for topic in each], "topic"
            case "book":
                topics, part = [book.topics[0] for book in self.load.books if book.symbol == symbol], "book"
            case topic:
                topics, part = [topic], "book" if "level2:" in topic else "topic"
        return [Missed(fault.name, part, topic, fault.least, since) for topic in topics]

    def _rotate(self) -> None:
        self.client.engine.post(self.client.engine.pool.rotate)

    def _woke(self) -> None:
        self.client.engine.post(self.client.engine.pool.woke, 60.0)

    def _again(self) -> None:
        """Make what a cell makes, and end it."""
        book = self.client.book("BTC-USDT").wait()
        feed = self.client.feed("spot.depth5", *SYMBOLS)
        sink, view = feed.sink(self.load._count("again")), book.widget()
        self.wait(1.0)
        self.client.stop(view, sink, feed, book)

    def _refused(self) -> None:
        """Ask for what the exchange refuses."""
        try:
            self.client.feed("spot.depth5", "BTC-USDT").stop()
        except KucoinStreamError:
            return
        self.wrong("a refusal did not reach the cell")

    # -- the end -------------------------------------------------------------------------------------------------

    def judge(self, start: Sample, most: float) -> None:
        """Note what is wrong at the end. ``most``: MB that memory may grow over the last two thirds."""
        self.wait(QUIET)
        last = self.settled()
        for name in ("threads", "tasks", "sockets", "comms"):
            if (now := getattr(last, name)) > (before := getattr(start, name)):
                self.wrong(f"{name}: {now}, at the start {before}")
        for book in self.load.books:
            self._compare(book)
        rows = self.client.gaps()
        for each in self.missed:
            if not _told(each, rows):
                self.wrong(f"{each.fault}: no gap of {each.topic} ({each.part}) in the audit")
        grown = growth(self.samples)
        print(f"memory grew {grown:+.2f} MB over the last two thirds; {most:g} are allowed")
        if grown >= most:
            self.wrong(f"memory grew by {grown:.2f} MB")

    def _compare(self, book: Any) -> None:
        for _ in range(5):
            try:
                found = book.audit()
            except ks.errors.NotReadyError as exc:  # it began anew meanwhile
                why = str(exc)
                continue
            print(f"{book.source:<16} {found!r}")
            if not found.ok or not found.compared:
                self.wrong(f"{book.source}: {found!r}")
            return
        self.wrong(f"{book.source} of {book.symbol}: no audit: {why}")

    def report(self) -> str:
        """Return what went wrong and how soon all was right again."""
        lines = [f"{'fault':<22} times  right again after [s], mean and longest"]
        for name, times in sorted(self.recovery.items()):
            lines.append(f"{name:<22} {len(times):5d}  {np.mean(times):6.2f} {max(times):6.2f}")
        found = Counter(each.part for each in self.missed)
        lines.append(f"gaps looked for in the audit: {dict(found)}; users' graphs: {dict(self.load.seen)}")
        return "\n".join(lines)


def _told(missed: Missed, rows: Any) -> bool:
    """Whether the audit has a gap."""
    began = (rows["from"] - pd.Timestamp(0, tz="UTC")).dt.total_seconds()
    meant = (rows["part"] == missed.part) & (rows["topic"] == missed.topic) & began.between(missed.since, missed.until)
    return bool((rows["missed"][meant].fillna(0) >= missed.least).any())


def growth(samples: Sequence[Sample]) -> float:
    """Return by how many MB memory grew over the last two thirds, by a straight line through all their samples."""
    end = samples[-1].seconds
    late = [each for each in samples if each.seconds >= end / 3]
    seconds = np.array([each.seconds for each in late])
    slope = np.polyfit(seconds, [each.rss for each in late], 1)[0]
    return float(slope * (seconds[-1] - seconds[0]))


def left_behind() -> list[str]:
    """What a closed client has left in this process."""
    ours = [thread.name for thread in threading.enumerate() if thread.name.startswith("kucoin-stream-io")]
    return [*ours, *map(str, comm.get_comm_manager().comms)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--rate", type=float, default=2000.0, help="messages a second, about")
    parser.add_argument("--pause", type=float, default=20.0, help="seconds between two faults, at most; at least half")
    parser.add_argument("--seed", type=int, default=1, help="of the faults' order")
    parser.add_argument("--growth", type=float, default=1.0, help="MB that memory may grow over the last two thirds")
    asked = parser.parse_args()
    logging.getLogger("kucoin_stream").setLevel(logging.CRITICAL)  # every fault is logged, as it should be
    cpu, began = time.process_time(), time.monotonic()
    with exchange(asked.rate / UNIT) as theirs:
        options = {"ping_interval": 2.0, "pong_timeout": 2.0, "inbox_size": 5000}
        client = ks.Client(theirs.url, **theirs.key, **options).open()
        soak = Soak(client, theirs, random.Random(asked.seed))
        soak.wait(PATIENCE, lambda: not soak.load.wrong())
        print(HEAD)
        start = soak.settled()
        soak.run(asked.minutes, asked.pause)
        soak.judge(start, asked.growth)
        print(soak.report())
        seconds = time.monotonic() - began
        rate, share = client.engine.pool.messages / seconds, (time.process_time() - cpu) / seconds
        print(f"{rate:,.0f} messages a second, {share:.0%} of a core; {screen.statistics()['pictures']} pictures")
        for view in soak.load.views:
            view.stop()
        client.close()
    for each in left_behind():
        soak.wrong(f"left behind: {each}")
    print("wrong" if soak.problems else "all right")
    return bool(soak.problems)


if __name__ == "__main__":
    sys.exit(main())
