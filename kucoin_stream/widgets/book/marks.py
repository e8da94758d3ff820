"""What a ladder marks beside its levels: the last trade, and the account's own open orders."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from msgspec import Struct

from kucoin_stream import given
from kucoin_stream.errors import UsageError
from kucoin_stream.widgets.drawing.picture import finite, word_of

SIDES = ("buy", "sell")
_SEARCHED = 200  # messages in which the last trade of the symbol is looked for
_TRADE = frozenset({"symbol", "side", "price", "size"})
_ORDER = frozenset({*_TRADE, "status", "remaining"})
_OPEN = frozenset({"new", "open", "partly filled"})
_RIGHT = frozenset({"live", "partial"})


class LastTrade(Struct, frozen=True):
    """The newest trade; ``side`` is the taker's: ``"buy"``, ``"sell"``, or nothing where it is not told."""

    price: float
    side: str


class Own(Struct, frozen=True):
    """The account's open limit orders of one symbol: price and what remains of the size, best price first."""

    bids: tuple[tuple[float, float], ...] = ()
    asks: tuple[tuple[float, float], ...] = ()
    status: str = "live"

    @property
    def note(self) -> str:
        """Why these orders may not be those of now; else nothing."""
        return "" if word_of(self.status) in _RIGHT else f"own orders {self.status}"


class Trades(Protocol):
    """A live frame of trades."""

    @property
    def version(self) -> object:
        """Changes with every trade."""

    def recent(self, count: int) -> Sequence[Any]:
        """Return at most ``count`` messages, newest last."""


class Orders(Protocol):
    """A live frame of orders."""

    @property
    def version(self) -> object:
        """Changes with every order."""

    @property
    def status(self) -> str:
        """One word, ``"live"`` when all is well, and perhaps ``": reason"``."""

    def rows(self) -> Any:
        """Return a DataFrame, a row each order."""


class LastTrades:
    """Reads the last trade of a symbol, from a live frame or a feed of trades. Raises :class:`UsageError`."""

    def __init__(self, trades: Any, symbol: str) -> None:
        frame: Any = trades.frame(_SEARCHED) if callable(getattr(trades, "frame", None)) else trades
        if not callable(getattr(frame, "recent", None)) or not hasattr(frame, "version"):
            raise UsageError(f"trades={_said(trades)}: pass a feed or live frame of trades, as ks.trades({symbol!r})")
        _check_feed(getattr(frame, "feed", None), symbol)
        self._frame: Trades = frame
        self._symbol = symbol
        self._version: object = object()  # unlike any
        self._last: LastTrade | None = None

    @property
    def version(self) -> object:
        """Changes with every trade."""
        return self._frame.version

    def read(self) -> LastTrade | None:
        """Return the newest trade of the symbol, if there was one."""
        if (version := self._frame.version) != self._version:
            self._version = version
            found = (each for each in reversed(self._frame.recent(_SEARCHED)) if each.symbol == self._symbol)
            if (trade := next(found, None)) is not None and (price := finite(trade.price)) is not None:
                self._last = LastTrade(price, trade.side if trade.side in SIDES else "")
        return self._last


def _check_feed(feed: Any, symbol: str) -> None:
    if feed is None:
        return
    if not set(getattr(feed.row.payload, "__struct_fields__", ())) >= _TRADE:
        raise UsageError(f"trades={_said(feed)}: these are no trades; pass ks.trades({symbol!r})")
    if feed.arguments and symbol not in feed.arguments:
        raise UsageError(f"trades={_said(feed)}: these are not of {symbol}; pass ks.trades({symbol!r})")


class OwnOrders:
    """Reads the open orders of a symbol, from ``client.account.orders()``. Raises :class:`UsageError`."""

    def __init__(self, orders: Any, symbol: str) -> None:
        if not callable(getattr(orders, "rows", None)) or not hasattr(orders, "version"):
            raise UsageError(f"orders={_said(orders)}: pass a live frame of orders, client.account.orders()")
        self._frame: Orders = orders
        self._symbol = symbol
        self._version: object = object()  # unlike any
        self._own = Own()
        self.read()

    @property
    def version(self) -> object:
        """Changes with every order."""
        return self._frame.version

    def read(self) -> Own:
        """Return the open orders; costs something only where an order has changed."""
        if (version := self._frame.version) != self._version:
            frame = self._frame.rows()
            if not set(frame.columns) >= _ORDER:
                raise UsageError(f"orders={_said(self._frame)}: these are no orders; pass client.account.orders()")
            columns = [frame[name] for name in ("symbol", "side", "status", "price", "remaining", "size")]
            self._own = own(zip(*columns, strict=True), self._symbol, str(self._frame.status))
            self._version = version
        return self._own


def own(rows: Iterable[tuple[Any, ...]], symbol: str, status: str) -> Own:
    """Join the open limit orders of ``symbol`` by side and price.

    A row is symbol, side, status, price, what remains, size; what remains of an order that does not say it is its size.
    """
    sides: dict[str, dict[float, float]] = {side: {} for side in SIDES}
    for order_symbol, side, stage, price, remaining, size in rows:
        at, left = finite(price), finite(remaining)
        left = finite(size) if left is None else left
        if order_symbol == symbol and stage in _OPEN and side in sides and at and left:
            sides[side][at] = sides[side].get(at, 0.0) + left
    bids, asks = (sides[side] for side in SIDES)
    return Own(tuple(sorted(bids.items(), reverse=True)), tuple(sorted(asks.items())), status)


def _said(thing: Any) -> str:
    title = getattr(thing, "title", None)
    return title if isinstance(title, str) else given.shown(thing)
