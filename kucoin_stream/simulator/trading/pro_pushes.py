"""The account on the Pro private socket (protocol.md 6.6). Pure.

A channel is pushed for the unified account, and for the account type that it is about: readers of either get it.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from kucoin_stream.simulator.ladder import text
from kucoin_stream.simulator.trading.amounts import ZERO, floor, written
from kucoin_stream.simulator.trading.ledger import ISOLATED, Moved
from kucoin_stream.simulator.trading.news import News, OrderEvent, Reason, StopEvent
from kucoin_stream.simulator.trading.orders import FuturesOrder, Order, OrderFill, SpotOrder, Stop
from kucoin_stream.simulator.trading.outbox import Outbox
from kucoin_stream.simulator.trading.positions import MAINTENANCE, Position
from kucoin_stream.simulator.trading.tickets import FuturesTicket, SpotTicket
from kucoin_stream.simulator.trading.wallets import Wallet

if TYPE_CHECKING:
    from kucoin_stream.simulator.trading.futures import FuturesDesk
    from kucoin_stream.simulator.trading.spot import SpotDesk

_KINDS = {"TRADE": "SPOT", "MARGIN_TRADE": "CROSS", "MARGIN_ISOLATED_TRADE": "ISOLATED"}
_ACCOUNTS = {"main": ("FUNDING",), "trade": ("UNIFIED", "SPOT", "TRADING"), "margin": ("CROSS",)}
_EVENTS: dict[str, str] = {"received": "OPEN", "match": "MATCH", "canceled": "CANCEL"}
_STOPS: dict[str, tuple[str, int]] = {"open": ("OPEN", 0), "triggered": ("TRIGGER", 1), "cancel": ("CANCEL", 5)}
_WARNED = 2  # times the maintenance margin: what is left when the liquidation warning comes
_NOTHING = dict.fromkeys(
    ("ti", "lR", "cR", "tD", "tP", "tPT", "pP", "pPT", "lP", "lPT", "toi", "bT", "mM"), ""
)  # what does not apply


class ProPushes(News):
    """Writes what Pro private sessions read."""

    def __init__(self, spot: SpotDesk, futures: FuturesDesk, outbox: Outbox) -> None:
        self._spot = spot
        self._futures = futures
        self._outbox = outbox
        self._shown: dict[str, Wallet] = {}
        self._warned: dict[tuple[str, str], str] = {}  # the warning that a reader of a kind has of a position

    def balance(self, moved: Moved) -> None:
        """Push a balance; the unified account's is what spot has."""
        kinds = _ACCOUNTS.get(moved.account, ("ISOLATED",) if moved.account.startswith(ISOLATED) else ())
        for kind in kinds:
            if self._outbox.wants(f"balance.{kind}"):
                self._outbox.pro(f"balance.{kind}", "", moved.time_ns, balance_data(moved, kind))

    def spot_order(self, order: SpotOrder, event: OrderEvent, time_ns: int, fill: OrderFill[SpotOrder] | None) -> None:
        """Push an order, and its fill."""
        if event in ("open", "filled"):  # told already: by its arrival, by its last fill
            return
        kind, listing = _KINDS[order.trade_type], self._spot.instrument(order.symbol).listing
        own = {"qU": "QUOTECCY" if order.funds else "BASECCY", "fC": listing.quote}
        self._order(order, kind, event, time_ns, fill, (listing.price_scale, listing.size_scale), own)

    def futures_order(
        self, order: FuturesOrder, event: OrderEvent, time_ns: int, fill: OrderFill[FuturesOrder] | None
    ) -> None:
        """Push an order, and its fill."""
        if event == "filled" or (event == "open" and order.filled):  # told already: by its fills
            return
        own = {"qU": "UNIT", "fC": order.settle, "pS": "BOTH", "mM": order.margin_mode, "rO": order.reduce_only}
        scale = self._futures.instrument(order.symbol).listing.price_scale
        self._order(order, "FUTURES", event, time_ns, fill, (scale, 0), own)

    def spot_stop(self, stop: Stop[SpotTicket], event: StopEvent, time_ns: int, error: str = "") -> None:  # noqa: ARG002
        """Push an order that waits for its price."""
        self._stop(stop, "SPOT", event, time_ns)

    def futures_stop(self, stop: Stop[FuturesTicket], event: StopEvent, time_ns: int, error: str = "") -> None:  # noqa: ARG002
        """Push an order that waits for its price."""
        self._stop(stop, "FUTURES", event, time_ns)

    def wallet(self, currency: str, time_ns: int) -> None:
        """Push a futures balance."""
        if not self._outbox.wants("balance.FUTURES"):
            return
        wallet = self._futures.wallet(currency)
        if wallet == self._shown.get(currency):
            return
        self._shown[currency] = wallet
        money = {
            "a": wallet.available, "b": wallet.balance, "e": wallet.equity, "h": ZERO, "cOM": wallet.cross_orders,
            "cPM": wallet.cross_margin, "cUP": wallet.cross_profit, "iFF": ZERO, "iOM": wallet.isolated_orders,
            "iPM": wallet.isolated_margin, "iUP": wallet.isolated_profit, "tCM": wallet.cross_total,
        }  # fmt: skip
        shown = {"E": wallet.version, "U": time_ns, "c": currency} | _texts(money)
        self._outbox.pro("balance.FUTURES", "", time_ns, shown)

    def position(self, position: Position, reason: Reason, time_ns: int) -> None:
        """Push a position, before it a warning, where it is liquidated or soon will be."""
        for kind in ("UNIFIED", "FUTURES"):
            if self._outbox.wants(f"lw.{kind}"):
                self._warn(position, kind, reason, time_ns)
            if self._outbox.wants(f"position.{kind}:{position.symbol}", f"positionAll.{kind}"):
                data = position_data(position, self._futures.backing(position), time_ns)
                self._outbox.pro(f"position.{kind}", position.symbol, time_ns, data)
                self._outbox.pro(f"positionAll.{kind}", "", time_ns, data)

    def leverage(self, symbol: str, leverage: str, time_ns: int) -> None:
        """Push a contract's leverage."""
        data = {"s": symbol, "l": leverage, "mM": "CROSS", "tT": "FUTURES"}
        for kind in ("UNIFIED", "FUTURES"):
            self._outbox.pro(f"leverage.{kind}", "", time_ns, data)

    def _order(
        self, order: Order, kind: str, event: str, time_ns: int, fill: OrderFill[Any] | None,
        scales: tuple[int, int], own: dict[str, Any],
    ) -> None:  # fmt: skip
        kinds = ("UNIFIED", kind)
        topics = [
            f"{tag}.{each}{end}" for each in kinds for tag, end in (("order", f":{order.symbol}"), ("orderAll", ""))
        ]
        if self._outbox.wants(*topics):
            name = "FILL" if fill is not None and not order.left else _EVENTS.get(event, "OPEN")
            data = order_data(order, name, time_ns, fill, scales) | {"tT": kind} | own
            for each in kinds:
                self._outbox.pro(f"order.{each}", order.symbol, time_ns, data)
                self._outbox.pro(f"orderAll.{each}", "", time_ns, data)
        if fill is not None:
            lite = execution_data(fill, scales, as_number=kind != "FUTURES")
            whole = lite | {"ti": str(fill.fill.number)} | _whole(fill, own["fC"])
            for each in kinds:
                self._outbox.pro(f"execution.lite.{each}", "", time_ns, lite)
                self._outbox.pro(f"execution.{each}", "", time_ns, whole)

    def _stop(self, stop: Stop[Any], kind: str, event: StopEvent, time_ns: int) -> None:
        name, state = _STOPS[event]
        data = stop_data(stop, name, state, time_ns) | {"tT": kind}
        for each in ("UNIFIED", kind):
            self._outbox.pro(f"order.{each}", stop.symbol, time_ns, data)
            self._outbox.pro(f"orderAll.{each}", "", time_ns, data)

    def _warn(self, position: Position, kind: str, reason: Reason, time_ns: int) -> None:
        """Warn once when it becomes dangerous, and once when it comes to the worst."""
        wallet = self._futures.wallet(position.settle)
        if position.cross:
            needed, left = wallet.cross_maintenance, wallet.cross_total
        else:
            needed, left = position.maintenance, position.margin + position.profit
        event = "FORCE_LIQUIDATION" if reason == "liquidation" else "MARGIN_CALL" if left <= _WARNED * needed else ""
        known = self._warned.get((kind, position.symbol), "")
        self._warned[kind, position.symbol] = event if position.lots else ""
        if not position.lots or event in ("", known):
            return
        money = {
            "r": floor(needed / left) if left > 0 else ZERO, "a": wallet.available, "iM": position.initial,
            "mM": needed, "aM": wallet.available, "e": wallet.equity, "l": ZERO,
        }  # fmt: skip
        self._outbox.pro(f"lw.{kind}", "", time_ns, {"eT": event, **_texts(money), "U": time_ns})


def balance_data(moved: Moved, kind: str) -> dict[str, Any]:
    """Return a balance; of the funding account the time is text, in ms."""
    holding = moved.holding
    data: dict[str, Any] = {
        "c": moved.currency,
        **_texts({"a": holding.available, "b": holding.total, "h": holding.hold}),
    }
    if kind == "FUNDING":
        return {"U": str(moved.time_ns // 1_000_000), **data}
    equity = {"e": holding.total - holding.liability, "l": holding.liability}
    return {"U": moved.time_ns, **data, **_texts(equity), "cS": "1"}


def order_data(
    order: Order, event: str, time_ns: int, fill: OrderFill[Any] | None, scales: tuple[int, int]
) -> dict[str, Any]:
    """Return an order; ``scales`` are those of its price and its size."""
    price_scale, size_scale = scales
    last = fill.fill if fill is not None else None
    by_funds = isinstance(order, SpotOrder) and order.funds
    return _NOTHING | {
        "oi": order.id,
        "ci": order.client_oid,
        "s": order.symbol,
        "os": _state(order),
        "eT": event,
        "S": order.side.upper(),
        "oT": order.type.upper(),
        "oS": "LIQUIDATION" if isinstance(order, FuturesOrder) and order.trade_type == "liquid" else "USER",
        "p": text(order.price, price_scale) if order.price else "",
        "q": written(order.funds) if isinstance(order, SpotOrder) and by_funds else text(order.lots, size_scale),
        "fS": text(order.filled, size_scale),
        "aP": written(floor(order.average.scaleb(-price_scale))),
        "rS": text(order.left, size_scale),
        "cS": text(order.cancelled, size_scale),
        "lS": text(last.size, size_scale) if last else "0",
        "ls": text(last.price, price_scale) if last else "0",
        "ti": str(last.number) if last else "",
        "lR": _liquidity(fill) if fill else "",
        "f": written(order.fee),
        "t": "0",
        "cR": order.cancel_reason if order.cancel_reason in ("", "USER") else "SYSTEM_CANCEL",
        "stp": order.stp,
        "tIF": order.time_in_force,
        "pO": order.post_only,
        "rO": False,
        "O": order.created_ns,
        "U": time_ns,
    }


def execution_data(fill: OrderFill[Any], scales: tuple[int, int], *, as_number: bool) -> dict[str, Any]:
    """Return a fill without its fee; the trade's id is a number on spot and margin."""
    order, trade = fill.order, fill.fill
    return {
        "E": trade.time_ns,
        "S": order.side.upper(),
        "p": text(trade.price, scales[0]),
        "q": text(trade.size, scales[1]),
        "s": order.symbol,
        "lR": _liquidity(fill),
        "oT": order.type.upper(),
        "oi": order.id,
        "ti": trade.number if as_number else str(trade.number),
    }


def stop_data(stop: Stop[Any], event: str, state: int, time_ns: int) -> dict[str, Any]:
    """Return an order that waits for its price."""
    ticket = stop.ticket
    return _NOTHING | {
        "oi": stop.id,
        "ci": stop.client_oid,
        "s": stop.symbol,
        "os": state,
        "eT": event,
        "S": str(ticket.side).upper(),
        "oT": ticket.type.upper(),
        "oS": "USER",
        "p": str(ticket.price or ""),
        "q": str(ticket.size or ""),
        "tD": "UP" if stop.stop in ("up", "entry") else "DOWN",
        "tP": written(stop.stop_price),
        "tPT": stop.price_type,
        "O": stop.created_ns,
        "U": time_ns,
    }


def position_data(position: Position, backing: Decimal, time_ns: int) -> dict[str, Any]:
    """Return a position that has ``backing`` to lose: money as text."""
    money = {
        "q": position.lots,
        "eP": position.entry,
        "pV": abs(position.worth(position.lots, position.mark)),
        "pM": position.margin,
        "mP": position.mark,
        "lP": position.liquidation(backing=backing),
        "bP": position.liquidation(ZERO, backing),
        "l": position.leverage,
        "uPL": position.profit,
        "rPL": position.realised,
        "iM": position.initial,
        "mmr": MAINTENANCE,
        "mtM": position.maintenance,
    }
    named = {"pi": position.id, "s": position.symbol, "mM": position.margin_mode, "pS": "BOTH"}
    return {**named, **_texts(money), "O": position.opened_ns, "U": time_ns}


def _whole(fill: OrderFill[Any], currency: str) -> dict[str, Any]:
    """What an execution says beyond its lite form."""
    liquidated = isinstance(fill.order, FuturesOrder) and fill.order.trade_type == "liquid"
    kind = {"fT": "LIQUID", "oi": "0", "oT": ""} if liquidated else {"fT": "NORMAL"}
    profit = written(fill.profit) if fill.profit else ""
    return {"f": written(fill.fee), "fC": currency, "ci": fill.order.client_oid, "fP": profit, **kind}


def _state(order: Order) -> int:
    if order.left:
        return 4 if order.filled else 2
    if order.cancelled or not order.filled:
        return 6 if order.filled else 5
    return 3


def _liquidity(fill: OrderFill[Any]) -> str:
    return "MAKER" if fill.maker else "TAKER"


def _texts(money: dict[str, Any]) -> dict[str, str]:
    return {name: written(amount or ZERO) for name, amount in money.items()}
