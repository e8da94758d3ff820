"""One fault on its stage: an exchange that remembers, a client of it, and somebody who compares all the time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal, NamedTuple
from urllib.parse import urlsplit

import kucoin_stream as ks
from kucoin_stream.frames.bookkeeper import RIGHT
from kucoin_stream.settings import Limits
from kucoin_stream.simulator import Simulator
from kucoin_stream.transport import rotation
from tests.faults.child import Child
from tests.faults.network import Network
from tests.faults.shown import Shown
from tests.faults.truth import FUTURES, LEVEL2, OTHER, PRO, PRO_TOPIC, SPOT, TRADES, Losses, Remembering, Truth, losses

PATIENCE = 40.0  # seconds
LOOK = 0.03  # seconds between two comparisons
HASTE: Mapping[str, Any] = MappingProxyType(
    {
        "ping_interval": 0.5, "pong_timeout": 0.5, "welcome_timeout": 0.5, "ack_timeout": 0.5, "request_timeout": 2.0,
        "open_timeout": 1.0, "close_timeout": 0.2, "reconnect_delay": 0.02, "reconnect_delay_max": 0.3,
        "limits": Limits(connections_per_minute=10_000),
    }
)  # fmt: skip
"""The client's own times, shortened."""

NOTHING: Mapping[str, Any] = MappingProxyType({})


class Row(NamedTuple):
    """One fault. ``bring`` brings it about, and ends it where it does not end by itself.

    ``spares``: symbols whose topics must not notice. ``lossless``: nothing at all may be missed. ``through``: what goes
    by way of a network that can fail. ``apart``: the client lives in a process of its own. ``pro``: it has
    a Pro book, too.
    """

    name: str
    bring: Callable[[Stage], None]
    spares: tuple[str, ...] = ()
    lossless: bool = False
    through: Literal["", "spot", "all"] = ""
    apart: bool = False
    slow: bool = False
    pro: bool = False
    exchange: Mapping[str, Any] = NOTHING
    client: Mapping[str, Any] = NOTHING


class Result(NamedTuple):
    """What became of a row: green where ``wrong`` is empty."""

    fault: str
    transport: str
    survived: bool
    seconds: float | None
    missed: int
    told: int
    wrong: tuple[str, ...]

    @property
    def final(self) -> str:
        """What the last columns of the table say."""
        return f"wrong: {'; '.join(self.wrong)}" if self.wrong else "right"


class Stage:
    """What a row has to do with. ``marked``: the symbols whose books said that they are not right."""

    def __init__(self, row: Row, transport: str, market: Remembering) -> None:
        self.row, self.transport = row, transport
        self.symbols = LEVEL2 | ({PRO: PRO_TOPIC} if row.pro else {})  # the topics of the books
        self.marked: set[str] = set()
        self.wrong: list[str] = []
        self.samples = 0
        self._market = market
        self._stack = ExitStack()
        self._over: float | None = 0.0

    def __enter__(self) -> Stage:
        with ExitStack() as stack:
            self.sim = stack.enter_context(Simulator(self._market, rest_quota=0.0, **self.row.exchange))
            port = int(urlsplit(self.sim.url).port or 0)
            self.net = stack.enter_context(Network(port)) if self.row.through else None
            self.truth = Truth(self.sim, self._market)
            stack.enter_context(_short_overlap())
            self.shown: Any = stack.enter_context(Child(self) if self.row.apart else self._here())
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    @contextmanager
    def _here(self) -> Iterator[Shown]:
        with self.client:
            yield Shown(self.client, pro=self.row.pro)

    @cached_property
    def client(self) -> ks.Client:
        """The client, with the exchange's key."""
        return ks.Client(self.url, **self.options())

    @property
    def url(self) -> str:
        """Where the client is sent."""
        return f"http://127.0.0.1:{self.net.port}" if self.net and self.row.through == "all" else self.sim.url

    def options(self) -> dict[str, Any]:
        """Return what the client is made with."""
        known = self.sim.credentials
        key = {"key": known.key, "secret": known.secret, "passphrase": known.passphrase}
        given = dict(HASTE) | {"transport": self.transport} | key | self._addresses() | dict(self.row.client)
        return {name: value(self) if callable(value) else value for name, value in given.items()}

    def _addresses(self) -> dict[str, Any]:
        if self.net is None:
            return {}
        base = f"ws://127.0.0.1:{self.net.port}"
        addresses = {"spotPublicV1": f"{base}/endpoint"}
        if self.row.through == "all":
            addresses["futuresPublicV1"] = f"{base}/futures/endpoint"
        return {"websocket_url": addresses}

    # -- looking -------------------------------------------------------------------------------------------------

    def look(self) -> dict[str, int | None]:
        """Compare every book with the exchange's at the same sequence; return the sequences of those that are right."""
        sequences: dict[str, int | None] = {}
        for symbol in self.symbols:
            status, sequence, shown = self.shown.sample(symbol)
            sequences[symbol] = sequence
            if status not in RIGHT or sequence is None:
                self.marked.add(symbol)
                continue
            self.samples += 1
            if found := self.truth.wrong(symbol, sequence, shown):
                self.wrong.append(f"{found}, while {status}")
        return sequences

    def until(self, condition: Callable[[], Any], what: str = "") -> None:
        """Wait until ``condition()``, looking all the time; raises :class:`AssertionError` after a while."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            self.look()
            assert time.monotonic() < deadline, f"not within {PATIENCE:g} s: {what or self.shown.statuses()}"
            time.sleep(LOOK)

    def wait(self, seconds: float) -> None:
        """Go on for so long."""
        over = time.monotonic() + seconds
        self.until(lambda: time.monotonic() > over)

    def until_marked(self, *symbols: str) -> None:
        """Wait until the books say that they are not right."""
        wanted = {self.symbols[symbol] for symbol in symbols or self.symbols}
        self.until(lambda: self._told() >= wanted, f"marked, not only {self._told()}")

    def _told(self) -> set[str]:
        """Return the topics of books that were marked, were it too short to be seen."""
        rows = {row["topic"] for row in self.shown.gaps() if row["part"] == "book"}
        return rows | {self.symbols[symbol] for symbol in self.marked}

    def until_lost(self, times: int = 1) -> None:
        """Wait until so many connections were opened again."""
        self.until(lambda: self.shown.statistics()["reconnects"] >= times, "connections were lost, and are back")

    def until_live(self) -> None:
        """Wait until all is as it should be."""
        ends = {symbol: self.truth.sequence(symbol) for symbol in self.symbols}

        def live() -> bool:
            if set(self.shown.statuses().values()) != {"live"}:
                return False
            now = self.look()
            return all((now[symbol] or 0) >= end for symbol, end in ends.items())

        self.until(live)

    def advance(self, seconds: float) -> None:
        """Let that much of the market's time pass at once; the next row has a market of its own."""
        _markets.clear()
        self.sim.advance(seconds)

    # -- from the beginning to the end ---------------------------------------------------------------------------

    def play(self) -> Result:
        """Bring the fault about, wait until all is well again, and judge."""
        survived, seconds = True, None
        try:
            self.until_live()
            self.until(lambda: all(self.shown.latest(topic) for topic in self.shown_feeds), "every feed begins")
            self.marked.clear()
            self.over()
            self.row.bring(self)
            seconds = self._recover()
        except AssertionError as exc:
            self.wrong.append(str(exc))
        except Exception as exc:
            survived = False
            self.wrong.append(f"{type(exc).__name__}: {exc}")
        lost = self._judge() if survived else Losses(0, 0, 0)
        wrong = tuple(dict.fromkeys(self.wrong))[:5]
        return Result(self.row.name, self.transport, survived, seconds, lost.missed, lost.told, wrong)

    @property
    def shown_feeds(self) -> tuple[str, ...]:
        """The topics whose messages are counted."""
        return (TRADES[SPOT], TRADES[FUTURES], LEVEL2[SPOT], LEVEL2[FUTURES])

    def over(self) -> None:
        """Note that what causes the trouble ends here; where a row does not say so, it is over as soon as it begins."""
        self._over = time.time()

    def goes_on(self) -> None:
        """Note that what causes the trouble is not over: what counts is how long each gap lasts."""
        self._over = None

    def _recover(self) -> float:
        """Wait until all is well; return the seconds since :meth:`over` for which something was not followed."""
        topics = self.symbols.values()
        self.until(lambda: not any(map(self.sim.faults.pending, topics)), "the exchange has done what it was told to")
        last = {topic: self.truth.last(topic) for topic in self.shown_feeds}
        self.until_live()
        self.until(lambda: all(self.shown.latest(topic) > last[topic] for topic in last), "every feed goes on")
        self.until(lambda: all(row["to"] for row in self.shown.gaps()), "every gap is over")
        rows = self.shown.gaps()
        lasted = [row["duration"] if self._over is None else float(row["to"]) - self._over for row in rows]
        return max([0.0, *lasted])

    def _judge(self) -> Losses:
        found = {topic: losses(self.truth.ids(topic), self.shown.ids(topic)) for topic in self.shown_feeds}
        rows = self.shown.gaps()
        audited = {row["topic"] for row in rows}
        self.wrong += [
            f"no cause or cure: {row}"
            for row in rows
            if not row["cause"] or not (row["healed_by"] or not row["duration"])
        ]
        for topic, lost in found.items():
            if lost.missed > lost.told:
                self.wrong.append(f"{topic}: {lost.missed} missed, {lost.told} told")
            if lost.missed and topic not in audited and not self.row.client.get("inbox_size"):
                self.wrong.append(f"{topic}: {lost.missed} missed, and no row of gaps()")
            if lost.doubled and topic in TRADES.values():
                self.wrong.append(f"{topic}: {lost.doubled} came twice")
            if lost.missed and (self.row.lossless or topic.rpartition(":")[2] in self.row.spares):
                self.wrong.append(f"{topic}: {lost.missed} missed, without need")
        # that the seam of two connections is not proven is told, and is no loss: truth says whether there was one
        holes = {row["topic"] for row in rows if row["cause"] != "a fresh connection"}
        disturbed = {topic for topic in holes if self.row.lossless or topic.rpartition(":")[2] in self.row.spares}
        self.wrong += [f"{topic} was disturbed" for topic in disturbed]
        self.wrong += [f"the book of {symbol} was marked" for symbol in self.marked.intersection(self.row.spares)]
        if not self.samples:
            self.wrong.append("nothing was compared")
        each = found.values()
        return Losses(*(sum(lost[at] for lost in each) for at in range(3)))


@contextmanager
def _short_overlap() -> Iterator[None]:
    """Serve old and fresh connections together for a shorter time than :data:`rotation.OVERLAP`, which is 2 s."""
    before, rotation.OVERLAP = rotation.OVERLAP, 0.3
    try:
        yield
    finally:
        rotation.OVERLAP = before


_markets: list[Remembering] = []


def play(row: Row, transport: str) -> Result:
    """Play one row on one transport; the market goes on from row to row."""
    if not _markets:
        _markets.append(Remembering())
    try:
        with Stage(row, transport, _markets[0]) as stage:
            return stage.play()
    except Exception as exc:
        return Result(row.name, transport, False, None, 0, 0, (f"{type(exc).__name__}: {exc}",))


__all__ = ["FUTURES", "OTHER", "SPOT", "Result", "Row", "Stage", "play"]
