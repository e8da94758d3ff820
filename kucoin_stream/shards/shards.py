"""What a user has of the shards: their books, what they missed, how they fare."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Generator, Iterator
from typing import Any, Self, TypeVar

import pandas as pd

from kucoin_stream.client import Client
from kucoin_stream.errors import NotReadyError, StoppedError, UnknownSymbolError
from kucoin_stream.frames.base import STOPPED, LiveFrame
from kucoin_stream.frames.gaps import gaps_frame
from kucoin_stream.given import shown
from kucoin_stream.protocol.bookfeeds import Market
from kucoin_stream.protocol.messages.contracts import ContractInfo
from kucoin_stream.shards import sums
from kucoin_stream.shards.book import ShardBook
from kucoin_stream.shards.hub import Hub
from kucoin_stream.shards.shell import Make, Shell
from kucoin_stream.shards.tables import ShardStatus, ShardTops
from kucoin_stream.streams.feed import brief

ANSWER = 10.0
"""Seconds that a worker has for a question."""

T = TypeVar("T")
F = TypeVar("F", bound=LiveFrame)


class Shards:
    """Order books that the workers of a Dask cluster keep. Made by :meth:`Client.shard`. Safe from any thread.

    Each worker has a client of its own, and keeps a share of the symbols: ``shards.book("BTC-USDT")`` is a live frame
    of one, ``shards.tops()`` of the best prices of all, ``shards.status()`` of the workers. Symbols are placed by
    number at first, then by the messages that they are measured to bring; they move when a worker joins, without a
    change being missed, and when one is lost: then :meth:`gaps` has a row for each. It ends with :meth:`stop`, the end
    of ``with``, or the client.
    """

    def __init__(self, client: Client, symbols: list[str], dask: Any, make: Make, every: float) -> None:
        self._engine = client.engine
        self._infos = {symbol: client.instrument(symbol) for symbol in symbols}
        self._hub = Hub(self._engine, symbols)
        self._frames: weakref.WeakSet[LiveFrame] = weakref.WeakSet()
        self._stopped = ""
        self._shell = Shell(dask, self._engine, self._hub, make, every)
        weakref.finalize(self, self._shell.end)
        self._engine.on_end(self._end)
        self._shell.start()

    def __repr__(self) -> str:
        badge = f" {self._engine.target.badge}" if self._engine.target.badge else ""
        workers = len(self._hub.fleet.usable)
        return f"<Shards {brief(self.symbols)}{badge} | {self._stopped or self._state} | {workers} workers>"

    def __len__(self) -> int:
        return len(self._infos)

    def __contains__(self, symbol: object) -> bool:
        return symbol in self._infos

    def __iter__(self) -> Iterator[str]:
        return iter(self._infos)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def symbols(self) -> list[str]:
        """The symbols that are kept; :meth:`ps` says where."""
        return list(self._infos)

    # -- live frames ---------------------------------------------------------------------------------------------

    def book(self, symbol: str) -> ShardBook:
        """Return the order book of one of the symbols. Raises :class:`UnknownSymbolError` where it is none of them."""
        info = self._infos.get(symbol) if isinstance(symbol, str) else None
        if info is None:
            raise UnknownSymbolError(f"no shard keeps {shown(symbol)}; there are: {brief(self.symbols)}")
        self._check()
        market: Market = "futures" if isinstance(info, ContractInfo) else "spot"
        return self._noted(ShardBook(self, info, lambda: self._hub.keeper(symbol, market), ANSWER))

    def tops(self) -> ShardTops:
        """Return best bid and ask of all books as one live frame."""
        self._check()
        return self._noted(ShardTops(self))

    def status(self) -> ShardStatus:
        """Return the workers as a live frame, a row each."""
        self._check()
        return self._noted(ShardStatus(self))

    def wait(self, timeout: float = 60.0) -> Self:
        """Wait until all books are right; return ``self``. Raises as :meth:`LiveFrame.wait`; ``timeout`` in seconds."""
        self.tops().wait(timeout)
        return self

    async def ready(self, timeout: float = 60.0) -> Self:
        """Wait as :meth:`wait`, in a coroutine. ``await shards`` does it with the usual ``timeout``."""
        await self.tops().ready(timeout)
        return self

    def __await__(self) -> Generator[Any, Any, Self]:
        return self.ready().__await__()

    # -- what they tell ------------------------------------------------------------------------------------------

    def ps(self) -> pd.DataFrame:
        """Return which symbol is kept where, a row each.

        ``worker`` that keeps it, ``to``: the one that it moves to; ``status`` of the book; ``rate``: changes a second,
        over the last seconds; ``updates``: changes and snapshots applied; ``source``: the feed that it is kept from.
        """
        return self._call(lambda: sums.placed(self._hub.fleet))

    def gaps(self) -> pd.DataFrame:
        """Return what was missed, as :meth:`Client.gaps` of all workers, also of those that are gone.

        ``worker``: whose row it is; empty where the gap is a worker's loss, in which case ``cause`` names it.
        """
        rows = self._call(self._hub.fleet.holes)
        return gaps_frame([hole for _, hole in rows]).assign(worker=[worker for worker, _ in rows])

    def statistics(self) -> dict[str, Any]:
        """Return the counters of :meth:`Client.statistics`, summed over the workers, also over those that are gone.

        ``connections``: all of them, each with its ``worker``; ``workers``: what each told last; ``moved``: how many
        times a symbol got another worker.
        """
        return sums.statistics(self._engine.target, *self._call(lambda: self._hub.told()))

    def latency(self) -> pd.DataFrame:
        """Return how long messages take, as :meth:`Client.latency`: ``exchange`` and ``parse`` of all workers together.

        ``report``: from an order to the worker's report of it, here; the later stages are this client's. ``attrs`` has
        ``missing``: the workers that did not answer.
        """
        samples, missing = [], []
        for worker in self._call(lambda: self._hub.fleet.usable):
            try:
                samples.append(self._shell.ask(worker, "delays", timeout=ANSWER))
            except NotReadyError:
                missing.append(worker)
        frame = sums.latency(self._engine, samples, self._hub.rounds)
        frame.attrs["missing"] = missing
        return frame

    def stop(self) -> None:
        """End all: the books in the workers, their clients, and the frames here."""
        if not self._stopped:
            self._end(STOPPED)

    # -- for its frames ------------------------------------------------------------------------------------------

    def _end(self, status: str) -> None:
        self._stopped = self._stopped or status
        for frame in list(self._frames):
            frame._end(status)
        self._shell.stop()

    def _ask(self, symbol: str, method: str, *args: Any, timeout: float) -> Any:
        """Ask the worker that keeps ``symbol``; raises :class:`NotReadyError` where there is none, or no answer."""
        self._check()
        worker = self._owner(symbol)
        if not worker:
            raise NotReadyError(f"the book of {symbol} is {self._hub.fleet.known[symbol].shown.status}")
        return self._shell.ask(worker, method, symbol, *args, timeout=timeout)

    def _owner(self, symbol: str) -> str:
        return self._hub.fleet.known[symbol].owner

    @property
    def _state(self) -> str:
        if self._engine.ended:
            return f"{STOPPED}: {self._engine.ended}"
        return self._hub.state

    def _check(self) -> None:
        if self._stopped or self._engine.ended:
            raise StoppedError(f"the shards are {self._stopped or self._state}; client.shard() makes new ones")

    def _noted(self, frame: F) -> F:
        self._frames.add(frame)
        return frame

    def _call(self, function: Callable[[], T]) -> T:
        return self._engine.call(function) if self._engine.running else function()
