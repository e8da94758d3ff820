"""The built-in exchange as one object: in this process on a thread of its own, or standing alone."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from functools import partial
from types import FrameType
from typing import Any, TypeVar

from aiohttp import web

from kucoin_stream.errors import StoppedError, UsageError
from kucoin_stream.settings import Credentials
from kucoin_stream.simulator import control
from kucoin_stream.simulator.account import SIMULATED, TOKEN_LIFE
from kucoin_stream.simulator.clock import Clock
from kucoin_stream.simulator.control import Planned
from kucoin_stream.simulator.conversation import SessionLimits
from kucoin_stream.simulator.doors import Options
from kucoin_stream.simulator.exchange import WILDCARDS, Exchange
from kucoin_stream.simulator.faults import Deed, Faults
from kucoin_stream.simulator.generated import GeneratedMarket
from kucoin_stream.simulator.market import Market
from kucoin_stream.simulator.trading.account import Account
from kucoin_stream.simulator.trading.handle import AccountHandle

T = TypeVar("T")

CALL_TIMEOUT = 5.0  # seconds that a call from another thread waits for the exchange's loop
SLICE = 1.0  # seconds of the market's time that its loop lets pass in one go
SHUTDOWN_TIMEOUT = 0.2  # seconds that open REST calls get when the exchange stops

_log = logging.getLogger(__name__)


class Simulator:
    """A KuCoin exchange, spot and futures, REST and websockets on one port. Safe from any thread.

    ``market`` is a :class:`GeneratedMarket` or a :class:`CaptureMarket`. ``port`` 0 takes a free one. ``futures_port``
    gives the REST calls of futures a host of their own too, for clients that ask below no path. Times are
    seconds but for ``ping_interval_ms`` and ``ping_timeout_ms``, which clients are told. ``silent_symbols`` acks
    unknown symbols and stays silent instead of refusing them; ``clock_offset`` puts the exchange's clock ahead of the
    wall clock, or behind. ``clock`` is the market's time, if not the wall clock's: see :class:`Clock`, :meth:`advance`.
    ``connections_per_minute`` 0: no limit (KuCoin's is 30). ``rest_quota`` multiplies KuCoin's quotas for REST calls
    and orders by the WS API; 0: none. ``account`` trades without a client; ``faults`` let things
    go wrong, as does the control endpoint at :attr:`control_url`, for who sends ``control_secret``. ``with
    Simulator() as sim:`` starts and stops it.
    """

    def __init__(
        self,
        market: Market | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        credentials: Credentials | None = None,
        *,
        ping_interval_ms: int = 18_000,
        ping_timeout_ms: int = 10_000,
        idle_timeout: float = 60.0,
        connection_life: float = 86_400.0,
        token_life: float = TOKEN_LIFE,
        silent_symbols: bool = False,
        max_sessions: int = 800,
        compress: bool = False,
        clock_offset: float = 0.0,
        clock: Clock | None = None,
        connections_per_minute: int = 0,
        rest_quota: float = 1.0,
        futures_port: int | None = None,
    ) -> None:
        self.market: Market = market or GeneratedMarket()
        self.host = host
        self.credentials = credentials or SIMULATED
        self.control_secret = secrets.token_urlsafe(24)
        self._clock = clock or Clock()
        self.faults = Faults(self._perform, self.market.lists)
        self.account = AccountHandle(self._trade)
        self._account = Account(self.market)
        self._port = port
        self._futures_port = futures_port
        self._options = Options(
            ping_interval_ms=ping_interval_ms,
            ping_timeout_ms=ping_timeout_ms,
            token_life=token_life,
            silent_symbols=silent_symbols,
            max_sessions=max_sessions,
            compress=compress,
            clock_offset=clock_offset,
            connections_per_minute=connections_per_minute,
            rest_quota=rest_quota,
            limits=SessionLimits(idle_timeout=idle_timeout, life=connection_life),
        )
        self._finished = threading.Event()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._exchange: Exchange | None = None
        self._bound = self._futures_bound = 0

    def __repr__(self) -> str:
        return f"<Simulator {self.url if self._thread else 'not started'} | {self.market!r}>"

    def __enter__(self) -> Simulator:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Base URL of REST; raises :class:`StoppedError` where the exchange does not run."""
        if self._thread is None:
            raise StoppedError("the simulator does not run: call start() first")
        return f"http://{self._address()}"

    @property
    def futures_url(self) -> str:
        """Base URL of classic futures' REST."""
        if self._futures_port is None:
            return f"{self.url}/futures"
        return f"{self.url.removesuffix(str(self._bound))}{self._futures_bound}"

    @property
    def pro_spot_url(self) -> str:
        """URL of the public Pro spot socket."""
        return self._socket("/pro/spot")

    @property
    def pro_futures_url(self) -> str:
        """URL of the public Pro futures socket."""
        return self._socket("/pro/futures")

    @property
    def pro_private_url(self) -> str:
        """URL of the private Pro socket."""
        return self._socket("/pro/private")

    @property
    def wsapi_url(self) -> str:
        """URL of the WS API, generation 1; its query carries the signature."""
        return self._socket("/v1/private")

    @property
    def wsapi_v2_url(self) -> str:
        """URL of the WS API, generation 2."""
        return self._socket("/v2/private")

    @property
    def control_url(self) -> str:
        """URL of the control endpoint: POST a fault as JSON, with the secret in its header."""
        return f"{self.url}{control.PATH}"

    @property
    def connections(self) -> int:
        """How many websockets are open."""
        return self._ask(lambda exchange: len(exchange.clients), 0)

    @property
    def subscriptions(self) -> set[str]:
        """The single-symbol topics subscribed now, over all connections."""
        return self._ask(lambda exchange: exchange.topics, set())

    def start(self) -> Simulator:
        """Start serving and return once listening. Does nothing where it serves already.

        Raises :class:`OSError` where the port cannot be had, :class:`UsageError` where a capture cannot be read, or
        where another one of this process serves the market: each would drive its time.
        """
        if self._thread is not None and not self._thread.is_alive():  # it failed; the log says why
            self._thread = None
        if self._thread is None:
            self._finished.clear()
            ready: Future[None] = Future()
            self._thread = threading.Thread(target=self._run, args=(ready,), name="kucoin-simulator", daemon=True)
            self._thread.start()
            try:
                ready.result()
            except BaseException:
                self._thread.join()
                self._thread = None
                raise
        return self

    def stop(self) -> None:
        """Close every socket and end the thread. Does nothing where it does not run."""
        thread, loop, stopping = self._thread, self._loop, self._stopping
        if thread is None:
            return
        if loop is not None and stopping is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed already
                loop.call_soon_threadsafe(stopping.set)
        thread.join()
        self._thread = None

    def begin(self) -> None:
        """Let a capture's stream begin."""
        self._ask(Exchange.begin, None)

    def advance(self, seconds: float) -> None:
        """Let that much of the market's time pass at once; only with a clock of speed 0 nothing else passes."""
        whole, part = divmod(seconds, SLICE)
        for passed in [SLICE] * int(whole) + [part]:
            self._ask(partial(Exchange.move, seconds=passed), None)

    def wait_finished(self, timeout: float | None = None) -> bool:
        """Wait until a capture has been sent to the end; return whether it has. ``timeout`` is seconds."""
        return self._finished.wait(timeout)

    def statistics(self) -> dict[str, Any]:
        """Return what happened since the start: connections, tokens, messages, commands by type, requests by path."""
        return self._ask(Exchange.statistics, {})

    def serve(self, plan: Sequence[Planned] = ()) -> None:
        """Serve until interrupted (Ctrl-C) or terminated; prints the URLs and the account's key, and a ready line.

        The faults of ``plan`` happen when their time has come.
        """
        over = threading.Event()
        with _on_signals(over), self:
            sys.stdout.write(self._card())
            sys.stdout.flush()
            began = time.monotonic()
            waiting = sorted(plan, key=lambda each: each.after)
            while self._thread is not None and self._thread.is_alive():
                passed = time.monotonic() - began
                while waiting and waiting[0].after <= passed:
                    name, arguments, _ = waiting.pop(0)
                    control.perform(self.faults, name, arguments, {})
                if over.wait(min(0.5, waiting[0].after - passed if waiting else 0.5)):
                    break

    def _card(self) -> str:
        """What whoever points a client at this exchange needs to know."""
        rows = {
            "url": self.url,
            "futures": self.futures_url,
            "pro spot": self.pro_spot_url,
            "pro futures": self.pro_futures_url,
            "pro private": self.pro_private_url,
            "ws api": f"{self.wsapi_url} {self.wsapi_v2_url}",
            "key": self.credentials.key,
            "secret": self.credentials.secret,
            "passphrase": self.credentials.passphrase,
            "control": self.control_url,
            "control key": self.control_secret,
            "ready": self.url,
        }
        lines = [f"{name} {value}" if name == "ready" else f"{name:<11} {value}" for name, value in rows.items()]
        return "\n".join([f"{self.market!r}: simulated, not KuCoin", *lines, ""])

    def _address(self) -> str:
        host = "127.0.0.1" if self.host in WILDCARDS else self.host
        return f"[{host}]:{self._bound}" if ":" in host else f"{host}:{self._bound}"

    def _socket(self, path: str) -> str:
        return f"ws{self.url.removeprefix('http')}{path}"

    def _perform(self, deed: Deed) -> None:
        self._ask(lambda exchange: exchange.perform(deed), None)

    def _trade(self, deed: Callable[[Account, int], T]) -> T:
        """Do something to the account on the exchange's loop."""

        def do(exchange: Exchange) -> tuple[T]:
            exchange.step()
            return (deed(exchange.account, exchange.now_ns()),)

        done = self._ask(do, None)
        if done is None:
            raise StoppedError("the simulator does not run: call start() first")
        return done[0]

    def _ask(self, question: Callable[[Exchange], T], otherwise: T) -> T:
        """Ask the exchange on its loop; ``otherwise`` is the answer where it does not run."""
        exchange, loop, thread = self._exchange, self._loop, self._thread
        if exchange is None or loop is None or thread is None or not thread.is_alive():
            return otherwise
        if threading.get_ident() == thread.ident:
            return question(exchange)
        answer: Future[T] = Future()

        def put() -> None:
            try:
                answer.set_result(question(exchange))
            except BaseException as exc:  # noqa: BLE001 (it goes to the caller)
                answer.set_exception(exc)

        try:
            loop.call_soon_threadsafe(put)
        except RuntimeError:  # the loop was closed meanwhile
            return otherwise
        return answer.result(CALL_TIMEOUT)

    def _run(self, ready: Future[None]) -> None:
        loop = asyncio.SelectorEventLoop()
        asyncio.set_event_loop(loop)
        try:
            with _alone(self.market, self):
                loop.run_until_complete(self._serve(ready))
        except BaseException as exc:  # noqa: BLE001 (goes to whoever started it, or to the log)
            if ready.done():
                _log.error("the simulator failed: %s", exc, exc_info=exc)
            else:
                ready.set_exception(exc)
        finally:
            self._loop = self._stopping = self._exchange = None
            left = asyncio.all_tasks(loop)  # such as those of connections that are half open
            for task in left:
                task.cancel()
            loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.run_until_complete(loop.shutdown_default_executor())
            asyncio.set_event_loop(None)
            loop.close()

    async def _serve(self, ready: Future[None]) -> None:
        loop = asyncio.get_running_loop()
        exchange = Exchange(
            self.market, self.credentials, self.faults, self._options,
            host=self.host, address=self._address, finished=self._finished.set,
            account=self._account, clock=self._clock, secret=self.control_secret,
        )  # fmt: skip
        runners: list[web.AppRunner] = []
        try:
            self._bound = await _listen(exchange.application(), self.host, self._port, runners)
            if self._futures_port is not None:
                application = exchange.futures_application()
                self._futures_bound = await _listen(application, self.host, self._futures_port, runners)
            self.market.start(exchange.now_ns())
            self._loop, self._exchange, self._stopping = loop, exchange, asyncio.Event()
            pump = loop.create_task(exchange.run())
            stopping = loop.create_task(self._stopping.wait())
            ready.set_result(None)
            await asyncio.wait({pump, stopping}, return_when=asyncio.FIRST_COMPLETED)
            await exchange.close()
            for task in (pump, stopping):
                task.cancel()
            failure = (await asyncio.gather(pump, stopping, return_exceptions=True))[0]
            if isinstance(failure, Exception):
                raise failure
        finally:
            for runner in runners:
                await runner.cleanup()


_serving: dict[int, Simulator] = {}  # by the id of its market
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_serving.clear)  # there are no threads


@contextlib.contextmanager
def _alone(market: Market, simulator: Simulator) -> Iterator[None]:
    """Have no other simulator serve the market within."""
    holder = _serving.setdefault(id(market), simulator)
    if holder is not simulator:
        raise UsageError(
            f"{market!r} is already served at http://{holder._address()}: "
            "give each simulator a market of its own, or stop that one first"
        )
    try:
        yield
    finally:
        del _serving[id(market)]


async def _listen(application: web.Application, host: str, port: int, runners: list[web.AppRunner]) -> int:
    """Serve an application; add what is to be cleaned up; return the port."""
    runner = web.AppRunner(application, access_log=None, handle_signals=False, shutdown_timeout=SHUTDOWN_TIMEOUT)
    runners.append(runner)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    return int(runner.addresses[0][1])


@contextlib.contextmanager
def _on_signals(over: threading.Event) -> Iterator[None]:
    """Set ``over`` on SIGINT and SIGTERM, where this is the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_number: int, _frame: FrameType | None) -> None:
        over.set()

    former = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
