"""One exchange as the upper floors see it: the loop thread with its REST session and its pool."""

from __future__ import annotations

import asyncio
import time
import weakref
from collections.abc import Callable
from contextlib import ExitStack
from typing import TypeVar

from kucoin_stream.errors import RequestError
from kucoin_stream.protocol.bookfeeds import BookFeed
from kucoin_stream.protocol.messages.contracts import ContractInfo
from kucoin_stream.protocol.messages.rest import BookSnapshot, SymbolInfo
from kucoin_stream.protocol.topic import Connection
from kucoin_stream.settings import Settings
from kucoin_stream.transport.connection import Wire
from kucoin_stream.transport.dial import Dialler
from kucoin_stream.transport.loop import LoopThread
from kucoin_stream.transport.pool import Pool
from kucoin_stream.transport.pulse import Pulse
from kucoin_stream.transport.replay import Deck
from kucoin_stream.transport.rest import Rest
from kucoin_stream.transport.signer import Signer
from kucoin_stream.transport.target import Target


class Shared:
    """State on the loop thread with several readers: it closes when the last of them leaves."""

    readers = 0

    def close(self) -> None:
        """Leave the pool."""
        raise TypeError(f"{type(self).__name__} does not say how it closes")


_THREAD = "kucoin-stream-io"

S = TypeVar("S", bound=Shared)


class Engine:
    """Owns the loop thread. ``call``, ``post`` and ``stop`` are safe from any thread; the rest lives on its loop."""

    def __init__(self, target: Target, settings: Settings, signer: Signer | None, deck: Deck | None = None) -> None:
        self.target = target
        self.settings = settings
        self.venue = target.venue(settings.region)
        self.deck = deck  # plays a tape in place of an exchange
        self.rest, self.futures_rest = self._rests(signer) if deck is None else deck.rests(settings)
        self._thread = LoopThread(_THREAD) if deck is None else deck.thread(_THREAD)
        self.wire = self._wire() if deck is None else deck.wire
        self.pool = Pool(self.wire, settings, self._thread.breathe)
        self.pulse = Pulse(self.pool.woke)
        self.symbols: dict[str, SymbolInfo] = {}
        self.contracts: dict[str, ContractInfo] = {}  # loaded when first needed
        self.ended = ""  # why, once stopped
        self.asynchronous = False  # whether the client was opened by ``async with``
        self._endings: list[weakref.WeakMethod[Callable[[str], None]]] = []
        self.shared: dict[object, Shared] = {}
        self._left: dict[object, None] = {}  # keys whose last reader may have gone
        self.call = self._thread.call
        self.post = self._thread.post

    def __repr__(self) -> str:
        return f"<Engine {self.target.describe()} | {self.pool}>"

    def _rests(self, signer: Signer | None) -> tuple[Rest, Rest]:
        spot = Rest(self.venue.rest_url, self.settings, signer)
        futures = Rest(self.venue.futures_url, self.settings, signer, "futures")
        futures.quotas = spot.quotas
        return spot, futures

    def _wire(self) -> Wire:
        any_host = self.target.mode != "live"
        dialler = Dialler(self.venue, self.rest, self.futures_rest, self.settings, time.monotonic, any_host=any_host)
        return Wire(dialler.dial)

    @property
    def running(self) -> bool:
        """Whether the loop thread is there."""
        return self._thread.running

    @property
    def may_wait(self) -> bool:
        """Whether a call may wait here for the exchange: not in a coroutine of a client opened by ``async with``."""
        return not self.asynchronous or asyncio._get_running_loop() is None

    @property
    def signed(self) -> bool:
        """Whether there is an API key."""
        return self.rest.signed

    def start(self) -> None:
        """Start the loop thread. Nothing is opened yet."""
        self._thread.start(self.pool.failed)
        if self.deck is not None:
            self.call(self.deck.load, self.pool)
        else:
            self.call(self.pulse.start)

    def on_end(self, method: Callable[[str], None]) -> None:
        """Call a bound method with ``stopped: reason`` before the end; its object is held weakly."""
        self._endings.append(weakref.WeakMethod(method))
        if len(self._endings) % 100 == 0:
            self._endings = [each for each in self._endings if each() is not None]

    def stop(self, reason: str) -> None:
        """Let those who asked end first, close all connections in order, then end the thread."""
        if self.ended:
            return
        self.ended = reason
        with ExitStack() as stack:  # in reverse order, each whatever the others raise
            stack.callback(self._thread.stop)
            stack.callback(self.call, self._close, timeout=self.settings.close_timeout + 2.0)
            for ending in self._endings:
                if (end := ending()) is not None:
                    stack.callback(end, f"stopped: {reason}")

    async def _close(self) -> None:
        self.pulse.stop()
        if self.deck is not None:
            self.deck.eject()
        await self.pool.close()
        await self.rest.close()
        await self.futures_rest.close()

    def active_topics(self) -> dict[tuple[Connection, int], list[str]]:
        """Return the topics that are received, by connection."""
        pool = self.pool
        return {
            (life.key, number): [topic for topic in pool._plan.topics(number) if pool.active(topic)]
            for number, life in pool._lives.items()
        }

    async def book(self, feed: BookFeed, symbol: str) -> BookSnapshot:
        """Fetch the best snapshot that there is for a book, or to compare it with; raises as :class:`Rest`."""
        seed = feed.reference(signed=self.signed)
        if seed is None:
            raise RequestError(f"the snapshot of {feed.topic} needs an API key; pass key=, secret=, passphrase=")
        return await (self.futures_rest if seed.market == "futures" else self.rest).book(seed, symbol)

    def hold(self, key: Connection) -> int:
        """Open a private connection for its own sake; return its number for :class:`Pool`.

        Raises :class:`UsageError` where the region has none, :class:`RequestError` where there is no key.
        """
        self.venue.check(key)
        self.rest.signer_for(key.value)
        return self.pool.hold(key)

    def join(self, key: object, make: Callable[[], S]) -> S:
        """Return what is shared under ``key``, made if need be, for one more reader."""
        shared = self.shared.get(key)
        if shared is None:
            shared = self.shared[key] = make()
        shared.readers += 1
        return shared  # type: ignore[return-value]  # one kind for each key

    def leave(self, key: object) -> None:
        """Have one reader less under ``key``; what nobody reads closes with the others that are left at the moment."""
        shared = self.shared.get(key)
        if shared is not None:
            shared.readers -= 1
            if not self._left:
                asyncio.get_running_loop().call_soon(self._close_left)
            self._left[key] = None

    def _close_left(self) -> None:
        left, self._left = self._left, {}
        with self.pool.together():
            for key in left:
                if self.shared[key].readers <= 0:
                    self.shared.pop(key).close()
