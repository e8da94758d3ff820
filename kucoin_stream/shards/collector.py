"""The collector: an actor in a Dask worker, which has a client of its own and keeps the books that it is told to."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Mapping
from contextlib import suppress
from inspect import isfunction
from typing import Any, TypeVar

from kucoin_stream.asynchronous import in_thread
from kucoin_stream.client import Client
from kucoin_stream.errors import KucoinStreamError, NotReadyError, StoppedError, printable
from kucoin_stream.frames.audit import Audit
from kucoin_stream.frames.book import LiveBook
from kucoin_stream.frames.bookkeeper import RIGHT
from kucoin_stream.frames.delays import clock_offset
from kucoin_stream.market.book import Top
from kucoin_stream.shards.words import Copied, Order, Report, Row
from kucoin_stream.transport.gaps import Hole

FORSAKEN = 60.0
"""Seconds without an order after which a collector closes its client: the notebook is gone."""

AGAIN = 5.0
"""Seconds until a client that could not be opened is tried again."""

_AT_ONCE = 100  # books opened before a report; the others follow with the next orders
_BATCH = 10  # books opened before others on the worker's loop have a turn

T = TypeVar("T")


class Collector:
    """Keeps books for a notebook. Lives on the worker's loop; what waits for the exchange does so in a thread.

    ``target`` and ``options`` as of :class:`Client`, without a key: that is taken from the environment and keyring of
    the worker, for KuCoin's own hosts, if there is one. Opens nothing until the first order, and after a silence of
    :data:`FORSAKEN` seconds closes what it has; an order opens it again.
    """

    def __init__(self, target: str, options: Mapping[str, Any], source: str | None = None) -> None:
        self._target = target
        self._options = dict(options)
        self._source = source
        self._client: Client | None = None
        self._books: dict[str, LiveBook] = {}
        self._refused: dict[str, Row] = {}
        self._audits: dict[str, float] = {}
        self._told: dict[str, object] = {}  # the version of each book that the notebook knows
        self._turn = asyncio.Lock()
        self._silence: asyncio.TimerHandle | None = None
        self._failed, self._again = "", 0.0

    def __repr__(self) -> str:
        return f"<Collector of {len(self._books)} books at {self._target}>"

    async def report(self, order: Order) -> Report:
        """Do as ``order`` says, and tell what there is to tell."""
        self._heard()
        async with self._turn:  # a notebook that gave up waiting may ask anew
            client = await self._opened()
            if client is None:
                return Report(failed=self._failed)
            await self._keep(client, order)
            if order.afresh:
                self._told.clear()
            return await in_thread(lambda: self._report(client, order))

    async def levels(self, symbol: str, depth: int | None) -> Copied:
        """Return the best levels of a book of now; raises :class:`NotReadyError` where it is not kept here."""
        book = self._book(symbol)
        return await in_thread(lambda: book._read(book._keeper.copy, depth))

    async def audit(self, symbol: str, timeout: float) -> Audit:
        """Compare a book with the exchange, as :meth:`LiveBook.audit`."""
        book = self._book(symbol)
        return await _said(in_thread(lambda: book.audit(timeout)))

    async def delays(self) -> dict[str, tuple[int, list[float]]]:
        """Return how many samples there were of each stage of :meth:`Client.latency`, and the last ones in seconds."""
        if self._client is None:
            return {}
        engine = self._client.engine
        latency, ahead = engine.wire.latency, clock_offset(engine)
        return {
            "exchange": (latency.exchange.count, [each + ahead for each in latency.exchange.copy()]),
            "parse": (latency.parse.count, latency.parse.copy()),
        }

    async def close(self) -> None:
        """End the books and the connections."""
        if self._silence is not None:
            self._silence.cancel()
        client, self._client = self._client, None
        self._books, self._refused, self._told, self._audits = {}, {}, {}, {}
        if client is not None:
            await in_thread(client.close)

    # -- the client ----------------------------------------------------------------------------------------------

    def _heard(self) -> None:
        loop = asyncio.get_running_loop()
        if self._silence is not None:
            self._silence.cancel()
        self._silence = loop.call_later(FORSAKEN, lambda: loop.create_task(self.close()))

    async def _opened(self) -> Client | None:
        if self._client is None and time.monotonic() >= self._again:
            try:
                self._client = await Client(self._target, **self._options).__aenter__()
            except KucoinStreamError as exc:
                self._failed, self._again = printable(exc), time.monotonic() + AGAIN
        return self._client

    async def _keep(self, client: Client, order: Order) -> None:
        """Open and stop books until there are those wanted. None waits for its ack."""
        wanted = set(order.wanted)
        for symbol in self._books.keys() - wanted:
            self._books.pop(symbol).stop()
        for known in (self._refused, self._told, self._audits):
            for symbol in known.keys() - wanted:
                del known[symbol]
        missing = [each for each in order.wanted if each not in self._books and each not in self._refused]
        for number, symbol in enumerate(missing[:_AT_ONCE], 1):
            try:
                self._books[symbol] = client.book(symbol, source=self._source)
            except KucoinStreamError as exc:
                self._refused[symbol] = Row(f"refused: 0 {printable(exc)}")
            if number % _BATCH == 0:
                await asyncio.sleep(0)
        for symbol in order.audits.keys() | self._audits.keys():
            self._audit_every(symbol, order.audits.get(symbol))

    def _audit_every(self, symbol: str, seconds: float | None) -> None:
        if seconds == self._audits.get(symbol) or symbol not in self._books:
            return
        with suppress(KucoinStreamError):  # raised in the notebook, where it was asked for
            self._books[symbol].audit_every(seconds)
        self._audits.pop(symbol, None)
        if seconds is not None:
            self._audits[symbol] = seconds

    # -- what there is to tell: in a thread of its own, one at a time ----------------------------------------------

    def _report(self, client: Client, order: Order) -> Report:
        levels = {
            symbol: (depth, book._read(book._keeper.copy, depth))
            for symbol, depth in order.watched.items()
            if (book := self._books.get(symbol)) is not None and book.status in RIGHT
        }
        gaps, gaps_to = _gaps(client, order.gaps_from)
        return Report(self._rows(), levels, gaps, gaps_to, _statistics(client) if order.statistics else {})

    def _rows(self) -> dict[str, Row]:
        changed = {}
        for symbol, book in self._books.items():
            version = book.version, book.audited
            if self._told.get(symbol) != version:
                self._told[symbol] = version
                changed[symbol] = _row(book)
        for symbol, row in self._refused.items():
            if self._told.get(symbol) != row:
                self._told[symbol] = changed[symbol] = row
        return changed

    def _book(self, symbol: str) -> LiveBook:
        book = self._books.get(symbol)
        if book is None:
            raise NotReadyError(f"the book of {symbol} is not kept by this worker any more; try again")
        return book


def _row(book: LiveBook) -> Row:
    keeper = book._keeper
    state, status, time_ms = keeper.state, book.status, None
    with suppress(NotReadyError, StoppedError):
        time_ms = keeper.whole.time_ms
    top = state.top if status in RIGHT else Top()
    return Row(status, top, state.updates, time_ms, book.source, book.note, book.audited)


def _gaps(client: Client, begin: int) -> tuple[tuple[Hole, ...], int]:
    """Return the rows of the audit from number ``begin`` on, and the number before which none changes any more."""
    gaps = client.engine.pool.gaps
    if gaps.count < begin:  # the client was closed and opened again
        begin = 0
    if gaps.count == begin:
        return (), begin
    count, rows = client.engine.call(lambda: (gaps.count, gaps.rows()))
    told = rows[max(0, begin - (count - len(rows))) :]
    first = count - len(told)
    settled = next((number for number, row in enumerate(told) if row.ended_ns is None), len(told))
    return tuple(told), first + settled


def _statistics(client: Client) -> dict[str, Any]:
    import psutil  # Dask needs it: it is wherever a collector is

    process = psutil.Process()
    own = {"memory": process.memory_info().rss, "cpu_s": time.process_time()}
    return client.statistics() | own


async def _said(awaitable: Awaitable[T]) -> T:
    """Await, and raise errors in a form that a notebook can read: some of ours cannot be pickled."""
    try:
        return await awaitable
    except KucoinStreamError as exc:
        plain = next(kind for kind in type(exc).__mro__ if not isfunction(vars(kind).get("__init__")))
        raise plain(str(exc)) from None
