"""The client: owns the background connection, hands out feeds and live frames."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, cast

from kucoin_stream.account import Account
from kucoin_stream.arguments import arguments as topic_arguments
from kucoin_stream.arguments import several
from kucoin_stream.asynchronous import in_thread
from kucoin_stream.checks import check_settings
from kucoin_stream.errors import KucoinStreamError, StoppedError, UsageError
from kucoin_stream.feeds import Feeds
from kucoin_stream.frames.book import LiveBook
from kucoin_stream.frames.bookchoice import Choice, choose
from kucoin_stream.frames.bookchoice import Source as BookSource
from kucoin_stream.frames.books import LiveBooks
from kucoin_stream.frames.books import opened as opened_books
from kucoin_stream.frames.klines import LiveKlines, extent
from kucoin_stream.instruments import Instruments
from kucoin_stream.namespaces import Namespace
from kucoin_stream.opening import Opening, opened
from kucoin_stream.orders.desk import Orders
from kucoin_stream.overview.verbs import Overview
from kucoin_stream.protocol import topics
from kucoin_stream.protocol.bookfeeds import Market
from kucoin_stream.protocol.messages.contracts import ContractInfo
from kucoin_stream.protocol.messages.rest import SymbolInfo
from kucoin_stream.protocol.signing import Hidden
from kucoin_stream.recordings import Recording, Source
from kucoin_stream.replay import Replay, control
from kucoin_stream.rest.past import Past, Since, between
from kucoin_stream.streams.ending import end_graphs
from kucoin_stream.streams.feed import Feed
from kucoin_stream.streams.lifecycle import Events
from kucoin_stream.streams.origin import note
from kucoin_stream.transport import credentials as keys
from kucoin_stream.transport.engine import Engine
from kucoin_stream.transport.signer import Sign
from kucoin_stream.transport.target import Target, check_rest_url

if TYPE_CHECKING:
    from kucoin_stream.families import Futures, Margin, Pro, Spot
    from kucoin_stream.rest.api import RestApi
    from kucoin_stream.shards.shards import Shards
    from kucoin_stream.widgets.dashboard import Dashboard


class Client(Feeds, Past, Overview):
    """Everything of one exchange. Safe from any thread. Making one does nothing; :meth:`open` connects.

    ``target``: ``"live"`` (KuCoin), ``"sim"`` (the built-in exchange), the URL of the REST base of anything that
    speaks KuCoin, the path of a tape (``.kcs``) or capture (``.jsonl``, ``.jsonl.gz``), or ``"auto"``: KuCoin if it
    answers within 3 s, else the built-in exchange. ``key``, ``secret``, ``passphrase`` [apiKey, apiSecret,
    apiPassphrase] are an API key's parts; without them the environment (``KUCOIN_API_KEY``, ``KUCOIN_API_SECRET``,
    ``KUCOIN_API_PASSPHRASE``) and the system keyring (service ``kucoin-stream``) are asked, where all goes to KuCoin's
    own hosts. ``sign`` [customSignMessageFn] signs instead of the secret: a function of message and secret that
    returns base64, at once or as a coroutine. ``futures_url``: the REST base of futures where it differs. ``speed``:
    of a tape or capture, 1.0 is as recorded, or ``"max"``. Other options are the fields of :class:`Settings`.

    ``async with Client(...) as client`` opens it in a coroutine and leaves the loop free; calls do not wait for acks
    there: ``await`` of the feed or live frame that they return does, and ``async for`` reads it. What waits for the
    exchange's answer, such as REST and orders, goes into a thread: ``await asyncio.to_thread(client.rest.get, path)``.

    ``spot``, ``margin``, ``futures`` and ``pro`` have all public feeds by plain names:
    ``client.futures.mark_price("XBTUSDTM")``; ``account`` has what belongs to the key, ``rest`` every REST call:
    ``client.rest.spot_market.get_klines("BTC-USDT", "1min", start_at="2026-01-01")``.
    """

    def __init__(
        self,
        target: str | os.PathLike[str] = "auto",
        *,
        key: str | None = None,
        secret: str | None = None,
        passphrase: str | None = None,
        sign: Sign | None = None,
        futures_url: str = "",
        speed: float | Literal["max"] = 1.0,
        **options: Any,
    ) -> None:
        parts = Hidden(key=key, secret=secret, passphrase=passphrase)
        options = Hidden(options)  # where a misspelt secret= would be
        del key, secret, passphrase  # a traceback with variables would show them
        self._engine: Engine | None = None
        self._simulator: Any = None
        self._ended = ""
        self._asked = ""
        asked = os.fspath(target)
        if sign is not None and not callable(sign):
            raise UsageError(f"sign= is a function of message and secret, not {type(sign).__name__}")
        self.settings = check_settings(options)
        self._opening = Opening(
            check_rest_url(asked) if "://" in asked else asked,
            self.settings,
            check_rest_url(futures_url) if futures_url else "",
            speed,
            keys.given(**parts),
            sign,
        )
        self.spot = cast("Spot", Namespace(self, "spot"))
        self.margin = cast("Margin", Namespace(self, "margin"))
        self.futures = cast("Futures", Namespace(self, "futures"))
        self.pro = cast("Pro", Namespace(self, "pro_spot", "pro_futures"))
        self._common = Namespace(self, "spot", "futures")
        self.account = Account(self)
        self._events: Events | None = None
        self._orders: Orders | None = None
        self._replay: Replay | None = None
        self._asked = self._opening.asked

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
        opened.add(self)
        self._engine, self._simulator = self._opening.open()
        if self._engine.deck is not None:
            self._replay = control(self._engine)
        return self

    def close(self, reason: str = "closed") -> None:
        """End everything: connections, threads, and the built-in exchange if it is ours. Pictures become static."""
        if self._ended:
            return
        self._ended = reason
        opened.discard(self)
        engine, simulator = self._engine, self._simulator
        try:
            if engine is not None:
                engine.stop(reason)
                end_graphs(engine)
        finally:
            if simulator is not None:
                simulator.stop()

    def _forked(self) -> None:
        """Be ended in the child of a fork, where there are no threads, without touching what the parent has."""
        self._ended = "the process was forked"
        if self._engine is not None:
            self._engine.ended = self._ended

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(self, *exc: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return await in_thread(self._open_ahead, undo=self.close)

    async def __aexit__(self, *exc: object) -> None:
        await in_thread(self.close)

    def _open_ahead(self) -> Self:
        """Open it for coroutines, which must not wait: with all that later calls would wait for."""
        self.open()
        with suppress(KucoinStreamError):  # such as of a region without futures: raised where they are asked for
            _ = self.contracts
        self.engine.asynchronous = True
        return self

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

    @property
    def replay(self) -> Replay:
        """The controls of the tape that is played. Raises :class:`UsageError` where this client plays none."""
        if self._replay is None:
            self._replay = control(self.engine)
        return self._replay

    # -- symbols and arguments -----------------------------------------------------------------------------------

    @property
    def instruments(self) -> Instruments:
        """What is traded."""
        return Instruments(self.engine)

    @property
    def symbols(self) -> list[str]:
        """All spot symbols."""
        return list(self.engine.symbols)

    @property
    def contracts(self) -> list[str]:
        """All futures symbols."""
        return list(self.instruments.contracts)

    def symbol(self, symbol: str) -> SymbolInfo:
        """Return what the exchange says of ``symbol``; raise :class:`UnknownSymbolError` with the nearest ones."""
        return self.instruments.symbol(symbol)

    def contract(self, symbol: str) -> ContractInfo:
        """Return what the exchange says of a futures contract; raise :class:`UnknownSymbolError` with the nearest."""
        return self.instruments.contract(symbol)

    def instrument(self, symbol: str) -> SymbolInfo | ContractInfo:
        """Return what the exchange says of a symbol: of spot, or by its form of futures (``XBTUSDTM``)."""
        return self.instruments.find(symbol)

    # -- feeds ---------------------------------------------------------------------------------------------------

    def feed(self, topic: str, *arguments: str, interval: str | None = None, **options: Any) -> Feed[Any]:
        """Return a feed of any row of the catalogue: ``feed("spot.trades", "BTC-USDT")``.

        ``arguments`` are symbols (a market for ``spot.market_snapshot``, a kind of account for private Pro feeds), or
        patterns, which stand for those there are now: ``"*-USDT"``; klines also need ``interval``, which may come last.
        ``stream_name``: streamz's name of the source.
        ``news=True`` puts what happens to the stream into it, in order; it is the default for increments.
        Raises :class:`UsageError`, :class:`UnknownSymbolError`; :class:`RefusedError` where the exchange refuses.
        """
        row = topics.find(topic)
        self.engine.venue.check(row.connection)
        if row.private and not self.engine.signed:
            raise UsageError(f"{row.name} needs an API key; pass key=, secret=, passphrase= to ks.connect()")
        if unknown := options.keys() - {"news", "stream_name"}:
            raise UsageError(f"a feed has no option {unknown.pop()!r}; there are: interval, news, stream_name")
        checked = topic_arguments(row, arguments, interval, self.instruments)
        feed: Feed[Any] = Feed(self.engine, row, checked, **options)
        feed.start()
        return feed

    @property
    def events(self) -> Events:
        """What happens to the connections, as a streamz source of the events that :class:`Events` describes."""
        if self._events is None:
            self._events = Events(self.engine)
        return self._events

    @cached_property
    def rest(self) -> RestApi:
        """Every REST call by group and name."""
        from kucoin_stream.rest.api import RestApi  # a table of 321 rows: only when it is asked for

        return RestApi(self)

    @property
    def orders(self) -> Orders:
        """Order entry over the WS API; off until ``client.orders.arm(...)``."""
        if self._orders is None:
            self._orders = Orders(self.engine, chosen=self._opening.asked != "auto")
        return self._orders

    def disarm(self) -> None:
        """Allow no more orders."""
        if self._orders is not None:
            self._orders.disarm()

    # -- live frames ---------------------------------------------------------------------------------------------

    def book(self, symbol: str, *, source: BookSource | None = None, audit_every: float | None = None) -> LiveBook:
        """Return the order book of ``symbol``, kept from increments.

        Futures (``XBTUSDTM``) are whole, sizes in lots. Spot is whole with a key; without one it comes from the Pro
        channel, the best 500 levels a side, or, where that cannot be had, from the classic one, ``partial``: about
        100 levels; ``book.source`` says which, ``book.note`` why. ``source="classic"`` or ``"pro"`` forces one, and so
        does the name of a feed: ``"spot.depth50"``, ``"pro_spot.book5"``, ``"pro_spot.level2_realtime"`` (which needs a
        key).
        ``audit_every``: seconds between two comparisons with a snapshot, see :meth:`LiveBook.audit_every`.
        Raises :class:`UnknownSymbolError`; :class:`RefusedError` where the exchange refuses within 2 s;
        :class:`UsageError` where the region has no such connection, or there is nothing to compare;
        :class:`RequestError` where that needs an API key.
        """
        info, choice = self._chosen(symbol, source)
        book = LiveBook(self.engine, info, *choice)
        book.settle()
        try:
            book.audit_every(audit_every)
        except KucoinStreamError:
            book.stop()
            raise
        return book

    def books(self, *symbols: str, source: BookSource | None = None) -> LiveBooks:
        """Return the best bid and ask of several books as one frame, a row each; patterns (``"BTC-*"``) are taken too.

        ``source`` and errors as for :meth:`book`; :class:`UsageError` for more than 1,000 books.
        """
        chosen = [self._chosen(each, source) for each in several(symbols, self.instruments)]
        return LiveBooks(self.engine, opened_books(self.engine, chosen))

    def _chosen(self, symbol: str, source: BookSource | None) -> tuple[SymbolInfo | ContractInfo, Choice]:
        info = self.instrument(symbol)
        market: Market = "futures" if isinstance(info, ContractInfo) else "spot"
        return info, choose(self.engine, symbol, market, source)

    def shard(
        self, symbols: str | Iterable[str], dask_client: Any, *, source: BookSource | None = None, every: float = 0.25
    ) -> Shards:
        """Have the workers of a Dask cluster keep the books of ``symbols`` (patterns too): each a share, and its own
        connections to what this client talks to.

        ``dask_client``: a synchronous ``distributed.Client``; ``source`` as for :meth:`book`; ``every``: seconds
        between two reports of a worker. No key is sent through Dask: a worker has that of its own environment or
        keyring, for KuCoin's own hosts, and public data without one. A built-in exchange must be within its reach.
        Raises :class:`UsageError` where Dask is missing or its client is asynchronous, and as :meth:`books`.
        """
        from kucoin_stream.shards.opening import shard

        return shard(self, symbols, dask_client, source, every)

    def klines(
        self, symbol: str, interval: str, history: int = 500, maxlen: int | None = None, *, start: Since | None = None
    ) -> LiveKlines:
        """Return the bars of ``symbol``: ``history`` of them (1 to 10,000), then the live one.

        It waits for those of the past for up to 2 s, ``.wait()`` for longer.

        ``start`` (as in :meth:`history`) instead of ``history``: those since then, 10,000 at most. ``maxlen``: how many
        bars are kept; 10,000 more than at first by default. Volumes of futures are in lots.
        Raises as :meth:`book`, and :class:`UsageError` for an unknown interval or a history out of range.
        """
        info, now = self.instrument(symbol), self.engine.rest.now()
        begin_s = None if start is None else int(between(start, None, now)[0].timestamp())
        klines = LiveKlines(self.engine, info, interval, extent(info, interval, history, maxlen, begin_s, now))
        klines.settle()
        return klines

    def dashboard(
        self,
        *symbols: str,
        kinds: Iterable[str] | None = None,
        interval: str = "1min",
        options: Mapping[str, Mapping[str, Any]] | None = None,
        **misplaced: Any,
    ) -> Dashboard:
        """Return pictures of ``symbols`` side by side, of spot or futures: an ipywidget, ended by ``stop()``.

        ``kinds``: ``"ladder"``, ``"candles"``, ``"tape"``, ``"status"`` and so on; these and ``"depth"`` without it.
        ``interval``: of the candles. ``options``: of each kind, ``{"ladder": {"depth": 10}}``, as ``.widget()`` takes
        them. Raises as :meth:`book` and :meth:`klines`, and :class:`UsageError` for an unknown kind or option, and for
        one that is ``misplaced``.
        """
        from kucoin_stream.widgets.dashboard import dashboard

        return dashboard(self, symbols, kinds, interval, options, misplaced)

    def record(self, path: str | os.PathLike[str], *sources: Source, private: bool = False) -> Recording:
        """Write what is received to a tape (``.kcs``) until ``stop()``, the end of ``with``, or of this client.

        ``sources``: feeds and live frames (or topics as on the wire) whose messages are recorded; all without them,
        those of the account only with ``private=True``. REST answers that frames begin with are recorded too; tokens,
        keys and orders never. A tape that is there already is continued. Raises :class:`UsageError` where the file is
        something else, its folder is not there, or this client is being recorded already; :class:`OSError`.
        """
        recording = Recording(self.engine, Path(path), sources, private=private).start()
        note(recording, "recording")
        return recording
