"""What is known of an account, as the signed calls would tell it that a replay's frames begin with (protocol.md 8.1).

What the calls do not tell is lost: parts of a millisecond, when a balance changed, what was cancelled of a futures
order, the last funding fee, and stop orders that are over. Orders that finished are put into the list of the open ones,
and say there that they did.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial
from typing import Any
from urllib.parse import urlencode

from msgspec import Raw

from kucoin_stream.market.account.balances import Balance
from kucoin_stream.market.account.fills import Fill
from kucoin_stream.market.account.order import Order
from kucoin_stream.market.account.positions import Position
from kucoin_stream.protocol.messages import encode, futures_account, rest_account
from kucoin_stream.recording.lines import Answer, Market
from kucoin_stream.recording.writer import Later

_PAGE = {"currentPage": "1", "pageSize": "500"}
_ENDS = ("cancelled", "filled")  # of those that are over, what a call's answer can say
_ISOLATED = "isolated_"


class Known:
    """The tables of an account on one market; ``None`` where nobody keeps it. ``currencies`` are what it settles in."""

    def __init__(self, market: Market, currencies: Collection[str] = ()) -> None:
        self.market: Market = market
        self.orders: dict[str, Order] | None = None
        self.fills: dict[tuple[str, str], Fill] | None = None
        self.balances: list[Balance] | None = None
        self.positions: list[Position] | None = None
        self._currencies = currencies

    def learn(self, kind: str, rows: Iterable[Any]) -> None:
        """Take the rows of a table, ``orders``, ``fills``, ``balances`` or ``positions``, of this market or of all."""
        mine = [row for row in rows if getattr(row, "market", "futures") == self.market]
        match kind:
            case "orders":
                self.orders = {**(self.orders or {}), **{order.order_id: order for order in mine}}
            case "fills":
                self.fills = {**(self.fills or {}), **{fill.key: fill for fill in mine}}
            case "balances":
                self.balances = mine
            case "positions" if self.market == "futures":
                self.positions = mine

    def answers(self, t: int) -> Iterator[Later]:
        """Yield the answers at ``t`` (Unix ns), in the order in which frames ask for them."""
        calls = self._futures() if self.market == "futures" else self._spot()
        for path, query, make in calls:
            call = f"GET {path}?{urlencode(query)}" if query else f"GET {path}"
            yield partial(_answer, t, self.market, call, make)

    def _spot(self) -> Iterator[_Call]:
        orders, fills = list((self.orders or {}).values()), list((self.fills or {}).values())
        symbols = sorted({order.symbol for order in orders} | {fill.symbol for fill in fills})
        if self.orders is not None or self.fills is not None:
            yield "/api/v1/hf/orders/active/symbols", {}, lambda: rest_account.ActiveSymbols(symbols)
        if self.orders is not None:
            for symbol in symbols:
                yield "/api/v1/hf/orders/active", {"symbol": symbol}, partial(_of, symbol, _spot_order, orders)
            yield "/api/v1/stop-order", _PAGE, partial(_page, _spot_stop, orders)
        for symbol in symbols if self.fills is not None else ():
            yield "/api/v1/hf/fills", {"symbol": symbol, "limit": "100"}, partial(_page_of, symbol, _spot_fill, fills)
        if self.balances is not None:
            yield from _spot_balances(self.balances)

    def _futures(self) -> Iterator[_Call]:
        orders, fills = list((self.orders or {}).values()), list((self.fills or {}).values())
        if self.orders is not None:
            yield "/api/v1/orders", {"status": "active", **_PAGE}, partial(_page, _futures_order, orders)
            yield "/api/v1/stopOrders", _PAGE, partial(_page, _futures_stop, orders)
        if self.fills is not None:
            yield "/api/v1/fills", _PAGE, partial(_page, _futures_fill, fills)
            for symbol in sorted({fill.symbol for fill in fills}):
                yield "/api/v1/fills", {"symbol": symbol, **_PAGE}, partial(_page_of, symbol, _futures_fill, fills)
        if self.balances is not None:
            held = {balance.currency: balance for balance in self.balances}
            for currency in sorted({*held, *self._currencies}):
                balance = held.get(currency) or Balance("futures", currency, "futures", 0.0, 0.0, 0.0, 0.0)
                yield "/api/v1/account-overview", {"currency": currency}, partial(_overview, balance)
        if self.positions is not None:
            yield "/api/v1/positions", {}, partial(_each, _position, self.positions)


_Call = tuple[str, dict[str, str], Callable[[], object]]
"""The path, the query, and what makes the data of the answer."""


def _answer(t: int, market: Market, call: str, make: Callable[[], object]) -> Answer:
    return Answer(t, market, call, 200, Raw(encode({"code": "200000", "data": make()})), made=True)


def _each(write: Callable[[Any], Any], rows: Iterable[Any]) -> list[Any]:
    return [written for row in rows if (written := write(row)) is not None]


def _of(symbol: str, write: Callable[[Any], Any], rows: Iterable[Any]) -> list[Any]:
    return _each(write, (row for row in rows if row.symbol == symbol))


def _page(write: Callable[[Any], Any], rows: Iterable[Any]) -> object:
    """A page that has everything, newest first, and that no other follows."""
    return rest_account.Page(items=_each(write, rows)[::-1], current_page=1, total_page=1)


def _page_of(symbol: str, write: Callable[[Any], Any], rows: Iterable[Any]) -> object:
    return _page(write, [row for row in rows if row.symbol == symbol])


def _ms(time_ns: int | None) -> int | None:
    return None if time_ns is None else time_ns // 1_000_000


# -- orders and fills ------------------------------------------------------------------------------------------------


def _spot_order(order: Order) -> rest_account.SpotOrder | None:
    if order.stop or (order.finished and order.status not in _ENDS):
        return None
    return rest_account.SpotOrder(
        order.order_id, order.symbol, order.side, order.type,
        price=order.price,
        size=order.size,
        funds=order.funds,
        deal_size=order.filled_size,
        remain_size=order.remaining,
        cancelled_size=order.cancelled_size,
        cancel_exist=order.status == "cancelled",
        active=not order.finished,
        client_oid=order.client_oid,
        created_at_ms=_ms(order.created_ns),
        last_updated_at_ms=_ms(order.updated_ns),
    )  # fmt: skip


def _spot_stop(order: Order) -> rest_account.SpotStopOrder | None:
    if not order.stop or order.status not in ("stop", "triggered"):
        return None
    return rest_account.SpotStopOrder(
        order.order_id, order.symbol, order.side,
        status="NEW" if order.status == "stop" else "TRIGGERED",
        type=order.type,
        price=order.price,
        size=order.size,
        funds=order.funds,
        stop=order.stop,
        stop_price=order.stop_price,
        client_oid=order.client_oid,
        created_at_ms=_ms(order.created_ns),
    )  # fmt: skip


def _futures_order(order: Order) -> rest_account.FuturesOrder | None:
    if order.status == "stop" or (order.finished and order.status not in _ENDS) or (order.stop and order.finished):
        return None
    return _futures_row(order)


def _futures_stop(order: Order) -> rest_account.FuturesOrder | None:
    return _futures_row(order) if order.status == "stop" else None


def _futures_row(order: Order) -> rest_account.FuturesOrder:
    return rest_account.FuturesOrder(
        order.order_id, order.symbol, order.side, order.type,
        status="done" if order.finished else "open",
        is_active=not order.finished,
        cancel_exist=order.status == "cancelled",
        price=order.price,
        size=order.size,
        filled_size=order.filled_size,
        stop=order.stop,
        stop_price=order.stop_price,
        stop_triggered=bool(order.stop) and order.status != "stop",
        client_oid=order.client_oid,
        order_time_ns=order.created_ns,
        created_at_ms=_ms(order.created_ns),
        updated_at_ms=_ms(order.updated_ns),
    )  # fmt: skip


def _spot_fill(fill: Fill) -> rest_account.SpotFill:
    return rest_account.SpotFill(
        fill.symbol, fill.order_id, fill.trade_id, fill.side, fill.price, fill.size,
        fee=fill.fee,
        fee_currency=fill.fee_currency,
        liquidity=fill.liquidity,
        created_at_ms=_ms(fill.time_ns),
    )  # fmt: skip


def _futures_fill(fill: Fill) -> rest_account.FuturesFill:
    return rest_account.FuturesFill(
        fill.symbol, fill.order_id, fill.trade_id, fill.side, fill.price, fill.size,
        fee=fill.fee,
        fee_currency=fill.fee_currency,
        liquidity=fill.liquidity,
        trade_time_ns=fill.time_ns,
        created_at_ms=_ms(fill.time_ns),
    )  # fmt: skip


# -- balances and positions --------------------------------------------------------------------------------------------


def _spot_balances(balances: list[Balance]) -> Iterator[_Call]:
    plain = [each for each in balances if each.account != "margin" and not each.account.startswith(_ISOLATED)]
    yield "/api/v1/accounts", {}, partial(_each, _spot_account, plain)
    cross = [each for each in balances if each.account == "margin"]
    yield "/api/v3/margin/accounts", {}, lambda: rest_account.CrossMargin(_each(_margin, cross))
    pairs = [
        rest_account.IsolatedPair(each.account.removeprefix(_ISOLATED), base_asset=_margin(each))
        for each in balances
        if each.account.startswith(_ISOLATED)
    ]
    yield "/api/v3/isolated/accounts", {}, lambda: rest_account.IsolatedMargin(pairs)


def _spot_account(known: Balance) -> rest_account.SpotAccount:
    return rest_account.SpotAccount(known.currency, known.account, known.total, known.available, known.hold)


def _margin(known: Balance) -> rest_account.MarginAccount:
    return rest_account.MarginAccount(known.currency, known.total, known.available, known.hold)


def _overview(known: Balance) -> rest_account.FuturesAccount:
    return rest_account.FuturesAccount(known.currency, known.equity, known.total, known.available, known.hold)


def _position(known: Position) -> futures_account.Position:
    return futures_account.Position(
        known.symbol,
        current_qty=known.size,
        is_open=True,
        position_side=known.position_side,
        margin_mode=known.margin_mode,
        leverage=known.leverage,
        risk_limit_level=known.risk_limit_level,
        avg_entry_price=known.entry_price,
        mark_price=known.mark_price,
        mark_value=known.value,
        liquidation_price=known.liquidation_price,
        realised_pnl=known.realised_pnl,
        unrealised_pnl=known.unrealised_pnl,
        unrealised_roe_pcnt=known.return_on_equity,
        pos_margin=known.margin,
        pos_maint=known.maintenance_margin,
        settle_currency=known.settle_currency,
        opening_timestamp_ms=_ms(known.opened_ns),
        current_timestamp_ms=_ms(known.updated_ns),
    )
