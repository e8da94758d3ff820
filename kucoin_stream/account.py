"""The account behind an API key: ``client.account.orders()``, ``.fills()``, ``.balances()``, ``.positions()``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from kucoin_stream.checks import is_futures
from kucoin_stream.errors import RefusedError, UsageError
from kucoin_stream.frames.account.frames import AccountFrame, LiveBalances, LiveFills, LiveOrders, LivePositions
from kucoin_stream.frames.account.whole import LiveAccount
from kucoin_stream.frames.kept import KeptFrame
from kucoin_stream.given import whole
from kucoin_stream.market.account.order import Market
from kucoin_stream.namespaces import Feeder, Namespace
from kucoin_stream.protocol.topic import Connection
from kucoin_stream.transport.engine import Engine

if TYPE_CHECKING:
    from kucoin_stream.families import AccountFeeds, AccountPro

_CONNECTIONS: dict[Market, Connection] = {
    "spot": Connection.SPOT_PRIVATE,
    "futures": Connection.FUTURES_PRIVATE,
}
F = TypeVar("F", bound=KeptFrame[Any, Any])

_FRAMES = ("balances", "fills", "orders", "positions")
_SPACES = ("feed", "live", "pro", "widget")


class Owner(Feeder, Protocol):
    """What the account is reached through: the client."""

    @property
    def engine(self) -> Engine:
        """The floor below."""

    def instrument(self, symbol: str) -> Any:
        """Return what the exchange says of a symbol."""


class Account(Namespace):
    """What an API key opens. Safe from any thread.

    :meth:`orders`, :meth:`fills`, :meth:`balances` and :meth:`positions` are live frames: begun with signed calls, kept
    by the private streams of spot with margin, and of futures. ``feed`` has every classic private feed by its plain
    name, ``pro`` every private feed of the Pro connection, which take the kind of account: ``feed.orders()``,
    ``pro.orders("UNIFIED")``. Where no live frame has that name, it can be had here too: ``account.stop_orders()``.

    Everything raises :class:`UsageError` without a key, and where the region has no such connection; but for
    :meth:`widget`, the panel of all of it, which says so. It is also what a cell that ends with the account shows.
    """

    _client: Owner

    def __init__(self, client: Owner) -> None:
        super().__init__(client, "account", "pro_account")
        self.feed = cast("AccountFeeds", Namespace(client, "account"))
        self.pro = cast("AccountPro", Namespace(client, "pro_account"))
        self._shown: LiveAccount | None = None

    def __repr__(self) -> str:
        return f"<account: {', '.join(_FRAMES)}; feeds: {', '.join(sorted({*super().__dir__()} - {*_FRAMES}))}>"

    def __dir__(self) -> list[str]:
        return sorted({*_FRAMES, *_SPACES, *super().__dir__()})

    def orders(self, market: Market | None = None, *, maxlen: int = 1000) -> LiveOrders:
        """Return the orders as a live frame: all open ones, and the ``maxlen`` that finished last since now.

        ``market``: ``"spot"`` (with margin), ``"futures"``, or ``None`` for both. Raises :class:`UsageError`;
        :class:`RefusedError` where the exchange refuses within 2 s. Sources: protocol.md 4.13, 4.15, 4.30, 4.31.
        """
        return _settled(LiveOrders(self._engine(), self._markets(market), whole("maxlen", maxlen)))

    def fills(
        self, market: Market | None = None, *, symbols: str | Iterable[str] = (), maxlen: int = 10_000
    ) -> LiveFills:
        """Return the last ``maxlen`` fills as a live frame, of ``symbols`` only where some are given.

        KuCoin lists the past fills of spot by symbol only: without ``symbols``, those of the symbols with open orders.
        ``fee`` is NaN until a call has said it: no stream does (:class:`LiveFills`).
        Raises as :meth:`orders`, and :class:`UnknownSymbolError`. Sources: protocol.md 4.13, 4.30.
        """
        engine = self._engine()
        wanted = (symbols,) if isinstance(symbols, str) else tuple(dict.fromkeys(symbols))
        kinds = {is_futures(symbol) for symbol in wanted}
        if len(kinds) > 1:
            raise UsageError("spot and futures symbols are of different accounts: make a frame of each")
        meant: Market | None = market if not kinds else "futures" if True in kinds else "spot"
        if market not in (None, meant):
            raise UsageError(f"market={market!r}: {wanted[0]} is a symbol of {meant}")
        markets = self._markets(meant)
        for symbol in wanted:
            self._client.instrument(symbol)
        return _settled(LiveFills(engine, markets, wanted, whole("maxlen", maxlen)))

    def balances(self, market: Market | None = None) -> LiveBalances:
        """Return the balances by account and currency as a live frame.

        ``market``: ``"spot"`` (main, trading and margin accounts), ``"futures"``, or ``None`` for both. Raises as
        :meth:`orders`. Sources: protocol.md 4.14, 4.32.
        """
        return _settled(LiveBalances(self._engine(), self._markets(market)))

    def positions(self) -> LivePositions:
        """Return the open futures positions as a live frame. Raises as :meth:`orders`. Source: protocol.md 4.33."""
        engine = self._engine()
        self._markets("futures")
        return _settled(LivePositions(engine))

    def live(self) -> LiveAccount:
        """Return all of it as one live frame, with the sections that the connection has; ``stop()`` ends it.

        Without a key it is empty, and its status says so. A section that is refused says that in its place.
        """
        engine = self._client.engine
        if not engine.signed:
            return LiveAccount(engine, {})
        frames: dict[str, AccountFrame[Any] | str] = {}
        makers: dict[str, Callable[[], AccountFrame[Any]]] = {
            "balances": self.balances,
            "orders": self.orders,
            "positions": self.positions,
            "fills": self.fills,
        }
        for part, make in makers.items():
            if part == "positions" and not engine.venue.offers(_CONNECTIONS["futures"]):
                continue
            try:
                frames[part] = make()
            except RefusedError as exc:
                frames[part] = f"refused: {exc}"
        return LiveAccount(engine, frames)

    def widget(self, kind: str = "", /, **options: Any) -> Any:
        """Return a panel of balances, open orders, positions and fills, an ipywidget; its ``stop()`` ends its frames.

        Says so where there is no key. ``rows``: of each section.
        """
        live = self.live()
        try:
            return live.widget(kind, **options)
        except BaseException:
            live.stop()
            raise

    def _ipython_display_(self, **kwargs: Any) -> None:
        if self._shown is None or self._shown._over:
            self._shown = self.live()
        self._shown._ipython_display_(**kwargs)

    def _engine(self) -> Engine:
        engine = self._client.engine
        if not engine.signed:
            raise UsageError("account streams need an API key; pass key=, secret=, passphrase= to ks.connect()")
        return engine

    def _markets(self, market: Market | None) -> tuple[Market, ...]:
        """Return the markets meant: of both, those that the region has."""
        venue = self._client.engine.venue
        if market is None:
            return tuple(each for each, connection in _CONNECTIONS.items() if venue.offers(connection))
        if market not in _CONNECTIONS:
            raise UsageError(f"market={market!r}: write 'spot', 'futures', or nothing for both")
        venue.check(_CONNECTIONS[market])
        return (market,)


def _settled(frame: F) -> F:
    frame.settle()
    return frame
