"""The client: owns the background connection, hands out feeds and live frames."""

from __future__ import annotations

import atexit
import logging
import os
from pathlib import Path
from typing import Any, Literal, Self

from kucoin_stream.checks import check_interval, check_settings, is_futures, nearest, plain
from kucoin_stream.errors import KucoinStreamError, NotReadyError, StoppedError, UnknownSymbolError, UsageError
from kucoin_stream.frames.book import LiveBook
from kucoin_stream.frames.klines import LiveKlines
from kucoin_stream.frames.status import LiveStatus
from kucoin_stream.namespaces import Namespace
from kucoin_stream.protocol import topics
from kucoin_stream.protocol.bookfeeds import FEEDS
from kucoin_stream.protocol.messages import spot
from kucoin_stream.protocol.messages.contracts import ContractInfo
from kucoin_stream.protocol.messages.rest import SymbolInfo
from kucoin_stream.protocol.topic import Connection, Topic
from kucoin_stream.settings import REST_BASE, Credentials
from kucoin_stream.streams.feed import Feed
from kucoin_stream.transport import credentials as keys
from kucoin_stream.transport.engine import Engine
from kucoin_stream.transport.target import Target, check_rest_url

PROBE_TIMEOUT = 3.0  # seconds that "auto" gives KuCoin to answer
_CAPTURES = (".jsonl", ".jsonl.gz")
_MAX_BARS = 100_000

FUTURES_KINDS = frozenset({Connection.FUTURES_PUBLIC, Connection.FUTURES_PRIVATE, Connection.FUTURES_PRO})

log = logging.getLogger("kucoin_stream")


class Client:
    """Everything of one exchange. Safe from any thread. Making one does nothing; :meth:`open` connects.

    ``target``: ``"live"`` (KuCoin), ``"sim"`` (the built-in exchange), the URL of the REST base of anything that
    speaks KuCoin, the path of a capture (``.jsonl``, ``.jsonl.gz``), or ``"auto"``: KuCoin if it answers within 3 s,
    else the built-in exchange. ``key``, ``secret``, ``passphrase`` [apiKey, apiSecret, apiPassphrase] are an API
    key's parts; without them the environment (``KUCOIN_API_KEY``, ``KUCOIN_API_SECRET``, ``KUCOIN_API_PASSPHRASE``)
    and the system keyring (service ``kucoin-stream``) are asked, for KuCoin's own hosts only. ``futures_url``: the
    REST base of futures where it differs. ``speed``: of a capture, 1.0 is as recorded, or ``"max"``.
    Other options are the fields of :class:`Settings`. ``spot``, ``margin``, ``futures`` and ``pro`` have all feeds by
    plain names: ``client.futures.mark_price("XBTUSDTM")``.
    """

    def __init__(
        self,
        target: str | os.PathLike[str] = "auto",
        *,
        key: str | None = None,
        secret: str | None = None,
        passphrase: str | None = None,
        futures_url: str = "",
        speed: float | Literal["max"] = 1.0,
        **options: Any,
    ) -> None:
        asked = os.fspath(target)
        self._asked = check_rest_url(asked) if "://" in asked else asked
        self._futures_url = check_rest_url(futures_url) if futures_url else ""
        self._speed = speed
        self._given = keys.given(key, secret, passphrase)
        self.settings = check_settings(options)
        self.spot = Namespace(self, "spot")
        self.margin = Namespace(self, "margin")
        self.futures = Namespace(self, "futures")
        self.pro = Namespace(self, "pro_spot", "pro_futures")
        self._engine: Engine | None = None
        self._simulator: Any = None
        self._ended = ""

    def __repr__(self) -> str:
        if self._engine is None:
            return f"<Client {self._asked} | {self._ended or 'not open'}>"
        return f"<Client {self._engine.target.describe()} | {self._ended or self._engine.pool.describe()}>"

    # -- life ----------------------------------------------------------------------------------------------------

    def open(self) -> Self:
        """Connect, check the key if there is one, and load the symbols. Raises what stands in the way."""
        if self._ended:
            raise StoppedError(f"this client was stopped: {self._ended}; make a new one")
        if self._engine is not None:
            return self
        _opened.add(self)
        match self._asked:
            case "auto":
                self._open_auto()
            case "live":
                self._start(Target("live", REST_BASE[self.settings.region], futures_url=self._futures_url))
            case "sim":
                self._open_simulated("")
            case asked if asked.endswith(_CAPTURES) or Path(asked).is_file():
                self._open_capture(Path(asked))
            case asked if "://" in asked:
                self._start(Target("url", asked, futures_url=self._futures_url))
            case asked:
                raise UsageError(
                    f"no such target: {asked!r}; it is 'auto', 'live', 'sim', a URL such as 'http://127.0.0.1:8080', "
                    "or the path of a capture (.jsonl, .jsonl.gz)"
                )
        return self

    def _open_auto(self) -> None:
        target = Target("live", REST_BASE[self.settings.region], futures_url=self._futures_url)
        engine = self._engine_for(target)
        try:
            engine.call(_probe, engine, timeout=PROBE_TIMEOUT)
        except KucoinStreamError as exc:
            engine.stop("KuCoin cannot be reached")
            why = "no answer within 3 s" if isinstance(exc, NotReadyError) else str(exc)
            self._open_simulated(f"KuCoin cannot be reached from here: {why}")
            return
        except BaseException:  # such as Ctrl-C
            engine.stop("interrupted")
            raise
        self._load(engine)

    def _open_simulated(self, reason: str) -> None:
        from kucoin_stream.simulator import GeneratedMarket, Simulator

        self._simulate(Simulator(GeneratedMarket()), "sim", reason)

    def _open_capture(self, path: Path) -> None:
        from kucoin_stream.simulator import CaptureMarket, Simulator

        if not path.is_file():
            raise UsageError(f"no such capture: {path}")
        self._simulate(Simulator(CaptureMarket(path, speed=self._speed)), "replay", path.name)

    def _simulate(self, simulator: Any, mode: Literal["sim", "replay"], reason: str) -> None:
        simulator.start()
        self._simulator = simulator
        try:
            self._start(Target(mode, simulator.url, reason), self._given or simulator.credentials)
        except BaseException:
            simulator.stop()
            raise

    def _engine_for(self, target: Target, credentials: Credentials | None = None) -> Engine:
        chosen = credentials or keys.allowed(self._given, target.rest_url)
        engine = Engine(target, self.settings, chosen)
        engine.start()
        return engine

    def _start(self, target: Target, credentials: Credentials | None = None) -> None:
        self._load(self._engine_for(target, credentials))

    def _load(self, engine: Engine) -> None:
        """Check the key and load the symbols; the engine is ours only when both succeed."""
        try:
            symbols = engine.call(_load, engine, timeout=2 * self.settings.request_timeout)
        except BaseException:
            engine.stop("it did not start")
            raise
        engine.symbols.update((info.symbol, info) for info in symbols)
        self._engine = engine
        log.info("connected to %s", engine.target.describe())

    def close(self, reason: str = "closed") -> None:
        """End everything: connections, threads, and the built-in exchange if it is ours. Pictures become static."""
        if self._ended:
            return
        self._ended = reason
        _opened.discard(self)
        engine, simulator = self._engine, self._simulator
        try:
            if engine is not None:
                engine.stop(reason)
        finally:
            if simulator is not None:
                simulator.stop()

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(self, *exc: object) -> None:
        self.close()

    @property
    def engine(self) -> Engine:
        """The floor below. Raises :class:`StoppedError` before :meth:`open` and after :meth:`close`."""
        if self._engine is None or self._ended:
            raise StoppedError(f"this client is {self._ended or 'not open'}; ks.connect() opens one")
        return self._engine

    @property
    def target(self) -> Target:
        """What this client talks to, and why."""
        return self.engine.target

    @property
    def simulator(self) -> Any:
        """The built-in exchange, where this client started one, else ``None``."""
        return self._simulator

    # -- symbols and arguments -----------------------------------------------------------------------------------

    @property
    def symbols(self) -> list[str]:
        """All spot symbols."""
        return list(self.engine.symbols)

    def symbol(self, symbol: str) -> SymbolInfo:
        """Return what the exchange says of ``symbol``; raise :class:`UnknownSymbolError` with the nearest ones."""
        known = self.engine.symbols
        if isinstance(symbol, str) and symbol in known:
            return known[symbol]
        if not isinstance(symbol, str):
            raise UsageError(f"a symbol is text such as 'BTC-USDT', not {type(symbol).__name__}")
        near = nearest(symbol, known)
        hint = f"; did you mean {' or '.join(near)}?" if near else "; client.symbols lists them"
        raise UnknownSymbolError(f"no such symbol {symbol[:50]!r}{hint}")

    @property
    def contracts(self) -> list[str]:
        """All futures symbols."""
        return list(self._contracts())

    def contract(self, symbol: str) -> ContractInfo:
        """Return what the exchange says of a futures contract; raise :class:`UnknownSymbolError` with the nearest."""
        known = self._contracts()
        if symbol in known:
            return known[symbol]
        near = nearest(str(symbol), known)
        hint = f"; did you mean {' or '.join(near)}?" if near else "; client.contracts lists them"
        raise UnknownSymbolError(f"no such futures symbol {str(symbol)[:50]!r}{hint}")

    def _contracts(self) -> dict[str, ContractInfo]:
        engine = self.engine
        if not engine.contracts:
            engine.venue.check(Connection.FUTURES_PUBLIC)
            found = engine.call(engine.futures_rest.contracts, timeout=2 * self.settings.request_timeout)
            engine.contracts.update((info.symbol, info) for info in found)
        return engine.contracts

    def instrument(self, symbol: str) -> SymbolInfo | ContractInfo:
        """Return what the exchange says of a symbol: of spot, or by its form of futures (``XBTUSDTM``)."""
        return self.contract(symbol) if is_futures(symbol) else self.symbol(symbol)

    # -- feeds ---------------------------------------------------------------------------------------------------

    def feed(self, topic: str, *arguments: str, interval: str | None = None, **options: Any) -> Feed[Any]:
        """Return a feed of any row of the catalogue: ``feed("spot.trades", "BTC-USDT")``.

        ``arguments`` are symbols (or a market for ``spot.market_snapshot``); klines also need ``interval``.
        ``news=True`` puts what happens to the stream into it, in order; it is the default for increments.
        Raises :class:`UsageError`, :class:`UnknownSymbolError`; :class:`RefusedError` where the exchange refuses.
        """
        row = topics.find(topic)
        self.engine.venue.check(row.connection)
        feed: Feed[Any] = Feed(self.engine, row, self._arguments(row, arguments, interval), **options)
        feed.start()
        return feed

    def _arguments(self, row: Topic, given: tuple[str, ...], interval: str | None) -> tuple[str, ...]:
        if not row.list_limit:
            if given:
                raise UsageError(f"{row.name} takes no argument")
            return ()
        if not given:
            raise UsageError(f"{row.name} needs at least one {'symbol' if row.by_symbol else 'market'}")
        given = tuple(dict.fromkeys(given))
        if not row.by_symbol:
            return tuple(plain(each) for each in given)
        for each in given:
            self._check_symbol(row, each)
        known = topics.intervals(row)
        if not known:
            if interval is not None:
                raise UsageError(f"{row.name} has no interval")
            return tuple(plain(each) for each in given)
        return tuple(f"{each}_{check_interval(interval, known)}" for each in given)

    def _check_symbol(self, row: Topic, symbol: str) -> None:
        if row.connection in FUTURES_KINDS:
            self.contract(symbol)
        elif row.name.startswith(("spot.", "pro_spot.")):
            self.symbol(symbol)

    def ticker(self, *symbols: str, **options: Any) -> Feed[spot.Ticker]:
        """Last trade and best bid and ask, at most one in 100 ms a symbol (protocol.md 4.1)."""
        return self.feed("spot.ticker", *symbols, **options)

    def trades(self, *symbols: str, **options: Any) -> Feed[spot.Trade]:
        """Every match (protocol.md 4.9)."""
        return self.feed("spot.trades", *symbols, **options)

    def level2(self, symbol: str, **options: Any) -> Feed[spot.BookDelta]:
        """The order book's increments as they come, with news where some are missing (protocol.md 4.5, 5)."""
        return self.feed("spot.level2", symbol, **options)

    def kline_updates(self, symbol: str, interval: str, **options: Any) -> Feed[spot.KlineUpdate]:
        """The live bar after each change (protocol.md 4.8)."""
        return self.feed("spot.klines", symbol, interval=interval, **options)

    # -- live frames ---------------------------------------------------------------------------------------------

    def book(self, symbol: str, *, source: Literal["classic", "pro"] = "classic") -> LiveBook:
        """Return the order book of ``symbol``, kept from increments.

        ``"classic"``: spot is whole with a key, else ``partial``; futures (``XBTUSDTM``) are whole, sizes in lots.
        ``"pro"``: the best 500 levels a side, from the Pro channel, without a key.
        Raises :class:`UnknownSymbolError`; :class:`RefusedError` where the exchange refuses within 2 s;
        :class:`UsageError` where the region has no such connection.
        """
        if source not in ("classic", "pro"):
            raise UsageError(f"source={source!r}: write 'classic' or 'pro'")
        info = self.instrument(symbol)
        market = "futures" if isinstance(info, ContractInfo) else "spot"
        name = f"pro_{market}.level2" if source == "pro" else f"{market}.level2"
        self.engine.venue.check(topics.find(name).connection)
        book = LiveBook(self.engine, info, FEEDS[name])
        book.settle()
        return book

    def klines(self, symbol: str, interval: str, history: int = 500, maxlen: int | None = None) -> LiveKlines:
        """Return the bars of ``symbol``: ``history`` of them at once (1 to 1500), then the live one.

        ``maxlen``: how many bars are kept; ``history`` + 10,000 by default. Raises as :meth:`book`, and
        :class:`UsageError` for an unknown interval or a history out of range.
        """
        info = self.symbol(symbol)
        check_interval(interval)
        most = self.settings.limits.kline_rows
        if not isinstance(history, int) or isinstance(history, bool) or not 1 <= history <= most:
            raise UsageError(f"history={history!r}: KuCoin gives 1 to {most} bars at once")
        kept = history + 10_000 if maxlen is None else maxlen
        if not history <= kept <= _MAX_BARS:
            raise UsageError(f"maxlen={maxlen!r}: between history={history} and {_MAX_BARS}")
        klines = LiveKlines(self.engine, info, interval, history, kept)
        klines.settle()
        return klines

    def status(self) -> LiveStatus:
        """Return the state of the connections as a live frame."""
        return LiveStatus(self.engine)

    def statistics(self) -> dict[str, Any]:
        """Return counters: messages, errors, reconnects, REST calls, and one row per connection."""
        return LiveStatus(self.engine).statistics()


async def _probe(engine: Engine) -> None:
    """See whether the exchange answers and gives out tokens."""
    await engine.rest.server_time()
    await engine.rest.bullet()


async def _load(engine: Engine) -> list[SymbolInfo]:
    if engine.rest.credentials is not None:
        await engine.rest.check_key()
    return await engine.rest.symbols()


_opened: set[Client] = set()  # until closed: a client nobody holds may still feed live frames


def _after_fork() -> None:
    """In the child of a fork there are no threads: what the parent had is ended here, without touching it."""
    for client in _opened:
        client._ended = "the process was forked"
        if client._engine is not None:
            client._engine.ended = client._ended
    _opened.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


@atexit.register
def _at_exit() -> None:
    for client in list(_opened):
        client.close("the interpreter ended")
