"""The live frames of the account. Made by :class:`kucoin_stream.account.Account`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, TypeVar

import pandas as pd

from kucoin_stream.frames.account.keeper import RIGHT, AccountKeeper
from kucoin_stream.frames.account.keepers import BalanceKeeper, FillKeeper, OrderKeeper, PositionKeeper
from kucoin_stream.frames.columns import Rows
from kucoin_stream.frames.kept import KeptFrame
from kucoin_stream.market.account.balances import Balance
from kucoin_stream.market.account.fills import Fill
from kucoin_stream.market.account.order import Market, Order
from kucoin_stream.market.account.positions import Position
from kucoin_stream.market.ring import Ring
from kucoin_stream.protocol import topics
from kucoin_stream.transport.engine import Engine

T = TypeVar("T")


class AccountFrame(KeptFrame[AccountKeeper, T]):
    """A table of the account, kept current.

    ``status``: ``syncing``, ``live``, ``partial`` (one market is refused, with the reason), ``stale`` (disconnected),
    ``resyncing``, ``refused``, ``stopped``, each perhaps with a reason. In states other than ``live`` and ``partial``
    :meth:`wait`, :meth:`head` and :meth:`tail` wait; ``.df`` has what was known last, and its ``attrs`` the status.
    """

    row: ClassVar[type[Any]]
    index: ClassVar[tuple[str, ...]]

    @property
    def version(self) -> object:
        """Something that changes with every change."""
        return self._keeper.version, self.status

    def __len__(self) -> int:
        return self._read(len, self._keeper)

    def rows(self, count: int | None = None) -> pd.DataFrame:
        """Return the last ``count`` rows of now, without waiting, with all columns and no index of their own."""
        known = self._read(self._keeper.rows)
        rows = Rows(self.row)
        ring = Ring(rows.codes, 2**62)
        for each in known if count is None else known[-count:]:
            ring.append(rows.row(each))
        return rows.frame(ring.arrays(), rows.categories())

    def _build(self) -> pd.DataFrame:
        frame = self.rows()
        return frame.set_index(list(self.index)) if self.index else frame

    @property
    def _fed_by(self) -> str:
        return ", ".join(dict.fromkeys(topics.parse(topic)[0].name for topic in self.topics))

    def _status(self) -> str:
        return self._keeper.status

    def _ready(self) -> bool:
        return self.status.partition(":")[0] in RIGHT


class LiveOrders(AccountFrame[Order]):
    """The account's orders: all open ones, and those that finished lately. Made by :meth:`Account.orders`.

    ``.df``: index ``order_id``, one row an order, stop orders in rows of their own (``stop``, ``stop_price``);
    columns and units are those of :class:`Order`, oldest first. ``.stream`` carries each :class:`Order` as it became.

    Sources: KuCoin API docs, "Private order change" (V2), "Get open orders"; protocol.md 4.13, 4.15, 4.30, 4.31.
    """

    row = Order
    index = ("order_id",)

    def __init__(self, engine: Engine, markets: Sequence[Market], maxlen: int) -> None:
        super().__init__(
            engine,
            _title(markets, "orders"),
            ("account orders", *markets, maxlen),
            lambda: OrderKeeper(engine, markets, maxlen),
        )
        self.maxlen = maxlen


class LiveFills(AccountFrame[Fill]):
    """The account's fills, each once. Made by :meth:`Account.fills`.

    ``.df``: one row a fill, oldest first; columns and units are those of :class:`Fill`. ``.stream`` carries each
    new :class:`Fill`. Past fills of spot are those of the symbols asked for, else of the symbols with open orders.

    The stream does not say what a fee came to, so ``fee`` of a new fill is NaN; calls do:
    ``client.rest.spot_order.get_trade_history("BTC-USDT")``, and with them a frame that is made later.

    Sources: KuCoin API docs, "Get trade history", "Private order change"; protocol.md 4.13, 4.30.
    """

    row = Fill
    index = ()

    def __init__(self, engine: Engine, markets: Sequence[Market], symbols: Sequence[str], maxlen: int) -> None:
        super().__init__(
            engine,
            " ".join([*symbols, _title(markets, "fills")]),
            ("account fills", *markets, *symbols, maxlen),
            lambda: FillKeeper(engine, markets, symbols, maxlen),
        )
        self.symbols = tuple(symbols)
        self.maxlen = maxlen
        self._markets = markets

    @property
    def note(self) -> str:
        """Which past fills are not there."""
        whole = self.symbols or "spot" not in self._markets
        return "" if whole else "past spot fills: of symbols with open orders only; symbols= names others"


class LiveBalances(AccountFrame[Balance]):
    """The account's balances. Made by :meth:`Account.balances`.

    ``.df``: index ``account`` and ``currency``, so that ``.df.loc["trade", "USDT"]`` is a row; columns and units are
    those of :class:`Balance`. ``.stream`` carries each :class:`Balance` as it became.

    Sources: KuCoin API docs, "Account balance change", "Futures wallet change"; protocol.md 4.14, 4.32.
    """

    row = Balance
    index = ("account", "currency")

    def __init__(self, engine: Engine, markets: Sequence[Market]) -> None:
        super().__init__(
            engine, _title(markets, "balances"), ("account balances", *markets), lambda: BalanceKeeper(engine, markets)
        )


class LivePositions(AccountFrame[Position]):
    """The account's open futures positions. Made by :meth:`Account.positions`.

    ``.df``: index ``symbol`` (in hedge mode a symbol may have two rows, by ``position_side``); columns and units are
    those of :class:`Position`. ``.stream`` carries each :class:`Position` as it became, one of size 0 where it closed.

    Sources: KuCoin API docs, "Position change events", "Get position list"; protocol.md 4.33.
    """

    row = Position
    index = ("symbol",)

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, "positions", ("account positions",), lambda: PositionKeeper(engine))


def _title(markets: Sequence[Market], noun: str) -> str:
    return f"{markets[0]} {noun}" if len(markets) == 1 else noun
