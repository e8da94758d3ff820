"""The account from Python: what tests and notebooks do to it without a client."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Protocol, TypeVar

from kucoin_stream.simulator.trading.account import Account
from kucoin_stream.simulator.trading.amounts import Number
from kucoin_stream.simulator.trading.deeds import SPOT_BAD, Reference, cancel_futures, place_futures
from kucoin_stream.simulator.trading.ledger import Holding
from kucoin_stream.simulator.trading.tickets import SpotTicket, read

T = TypeVar("T")


class Trade(Protocol):
    """Does something to the account, on the loop where it lives, at that time in ns; returns what that returns."""

    def __call__(self, deed: Callable[[Account, int], T], /) -> T:
        """Raise what ``deed`` raises, :class:`StoppedError` where the exchange does not run."""


class AccountHandle:
    """The simulated account. Safe from any thread.

    What the exchange refuses raises :class:`RestError` with KuCoin's ``code`` and ``reason``.
    """

    def __init__(self, trade: Trade) -> None:
        self._trade = trade

    def __repr__(self) -> str:
        return "<Account, simulated>"

    def place(
        self, symbol: str, side: str, *, price: Number = None, size: Number = None, funds: Number = None, **options: Any
    ) -> str:
        """Place an order and return its id: a limit order where there is a price, else a market order.

        ``size`` is in the base currency, of contracts in lots; ``funds`` in the quote currency. ``options`` are
        those of KuCoin's calls under their own names: ``timeInForce="IOC"``, ``stop="loss", stopPrice=...``,
        ``tradeType="MARGIN_TRADE"``, ``leverage=5``, ``closeOrder=True``.
        """
        kind = "market" if price is None else "limit"
        given = {"price": price, "size": size, "funds": funds}
        sent = {name: str(value) for name, value in given.items() if value is not None}
        fields = {"symbol": symbol, "side": side, "type": kind, **sent, **options}
        return self._trade(lambda account, now_ns: _place(account, fields, now_ns))

    def cancel(self, order_id: str) -> None:
        """Cancel an order, or a stop order."""
        self._trade(lambda account, now_ns: _cancel(account, order_id, now_ns))

    def cancel_all(self, symbol: str | None = None) -> None:
        """Cancel all orders, of one symbol or contract, or of all; stop orders stay."""
        self._trade(lambda account, now_ns: _cancel_all(account, symbol or "", now_ns))

    def deposit(self, currency: str, amount: Number, account: str = "trade") -> None:
        """Add money to ``main``, ``trade``, ``margin``, ``isolated/{symbol}`` or ``futures``; below 0: take it away."""
        value = Decimal(str(amount))
        self._trade(lambda owner, now_ns: owner.deposit(currency, value, account, now_ns))

    def balances(self) -> dict[str, dict[str, Holding]]:
        """Return what there is by account and currency: ``balances()["trade"]["USDT"].available``, exact."""
        return self._trade(lambda account, _: account.balances())


def _place(account: Account, fields: dict[str, Any], now_ns: int) -> str:
    if account.futures.knows(fields["symbol"]):
        return place_futures(account, fields, now_ns)["orderId"]
    ticket = read(SpotTicket, fields, SPOT_BAD)
    return (account.spot.stop(ticket, now_ns) if ticket.stop else account.spot.place(ticket, now_ns)).id


def _cancel(account: Account, order_id: str, now_ns: int) -> None:
    order, stop = account.spot.orders.get(order_id=order_id), account.spot.stops.get(order_id)
    if order is not None and order.active:
        account.spot.end(order, now_ns)
    elif stop is not None:
        account.spot.drop(stop, now_ns)
    else:
        cancel_futures(account, Reference(order_id=order_id), now_ns)


def _cancel_all(account: Account, symbol: str, now_ns: int) -> None:
    for spot in account.spot.orders.active(symbol):
        account.spot.end(spot, now_ns)
    for order in account.futures.orders.active(symbol):
        account.futures.end(order, now_ns)
