"""The orders of one client: every operation of the WS API as a method that checks before it sends (protocol.md 7)."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Unpack

from msgspec.structs import replace

from kucoin_stream.errors import (
    KucoinStreamError,
    LocalProtocolError,
    NotArmedError,
    NotReadyError,
    OrderRejected,
    OrderUncertain,
    StoppedError,
    UnreachableError,
    UsageError,
)
from kucoin_stream.instruments import Instruments
from kucoin_stream.orders import checks
from kucoin_stream.orders.arming import Arming, Cap, Meant
from kucoin_stream.orders.cell import running_cell
from kucoin_stream.orders.ending import cancel_or_warn
from kucoin_stream.orders.groups import Groups
from kucoin_stream.orders.placed import IN_DOUBT, Market, Placed, PlacedOrders, placed_as
from kucoin_stream.orders.worth import Scales, Worth, added
from kucoin_stream.protocol.endpoints.changes import DryRun
from kucoin_stream.protocol.events import Answered
from kucoin_stream.protocol.messages.contracts import ContractInfo
from kucoin_stream.protocol.messages.orders import FuturesOrder, MarginOrder, Number, Side, SpotOrder, UnifiedOrder
from kucoin_stream.protocol.messages.rest import SymbolInfo
from kucoin_stream.protocol.messages.wsapi import SUCCESS, BatchResult, CancelResult, OrderResult, SyncResult
from kucoin_stream.protocol.topic import Connection
from kucoin_stream.transport.engine import Engine

_MOST_AT_ONCE = 20  # orders of one futures batch; protocol.md 7.6
_OPENING = 5.0  # seconds to open the session

Args = dict[str, Any] | list[Any]
Placing = Answered[OrderResult] | DryRun
SyncPlacing = Answered[SyncResult] | DryRun
Cancelling = Answered[CancelResult] | DryRun
Batch = Answered[list[BatchResult]] | DryRun


class Orders:
    """Order entry. Off until :meth:`arm`. Safe from any thread.

    Each method checks what it is given, sends one operation and returns the exchange's answer as an :class:`Answered`:
    ``data`` is typed, ``in_time_ns`` and ``out_time_ns`` are the gateway's, ``rate_limit`` is what is left of the
    quota. It says that the gateway took the order; fills come in ``client.account``. Raises :class:`UsageError` for
    what the exchange would not take, :class:`NotArmedError`, :class:`OrderRejected` with the exchange's code and
    reason, and :class:`OrderUncertain` where no answer came, so that the order may be in the market.
    """

    def __init__(self, engine: Engine, *, chosen: bool) -> None:
        self.arming = Arming(engine.target, chosen=chosen)
        self._engine = engine
        self._chosen = chosen
        self._instruments = Instruments(engine)
        self._scales = Scales(engine)
        self._sessions: dict[Connection, int] = {}
        self._placed = PlacedOrders()
        self._cancel_on_stop = False
        self._groups: Groups | None = None  # reads the table of REST calls: only when it is asked for
        engine.on_end(self._end)

    def __repr__(self) -> str:
        return f"<Orders {self.arming}>"

    # -- arming --------------------------------------------------------------------------------------------------

    def arm(self, target: Meant, cap: Cap, *, dry_run: bool = False, cancel_on_stop: bool = False) -> None:
        """Allow orders from the next cell on.

        ``target`` names what this client must be connected to: ``"live"``, ``"sim"`` or ``"url"``; it must have been
        named in ``connect()`` too. ``cap``: what all orders from here on may come to together, in USDT, or by quote
        currency: ``{"USDT": 100, "BTC": 0.01}``. A purchase with a limit counts at that, all else no lower than the
        best price of the moment. ``dry_run``: check everything and send nothing. ``cancel_on_stop``: when the client
        ends, cancel the orders placed here from now on, those in doubt (:class:`OrderUncertain`) among them, over the
        socket or else over REST; arming anew does not take that back. What could not be cancelled is warned of by its
        ids. It is not for orders of ``client.rest``.

        It ends with :meth:`disarm`, ``ks.connect()`` and the client. A cell that has sent an order and is run again
        needs it anew; with ``reauthenticate=False`` a lost connection for orders ends it, too. Raises
        :class:`UsageError`.
        """
        self.arming.disarm()
        if cap is None:
            raise UsageError("cap=None: say what the orders may come to together, in USDT or by currency")
        self.arming.arm(target, cap, dry_run=dry_run)
        self._cancel_on_stop = cancel_on_stop

    def disarm(self) -> None:
        """Allow no more orders, and nothing else that ``client.rest`` was armed for."""
        self.arming.disarm()
        if self._groups is not None:
            self._groups.disarm()

    @property
    def groups(self) -> Groups:
        """What arms ``client.rest``: its orders are guarded as these are."""
        if self._groups is None:
            self._groups = Groups(self._engine, self._scales, chosen=self._chosen)
        return self._groups

    # -- spot and margin -----------------------------------------------------------------------------------------

    def spot_order(
        self, symbol: str, side: Side, *, sync: bool = False, **order: Unpack[SpotOrder]
    ) -> Placing | SyncPlacing:
        """Place a spot order: limit where there is a ``price``, else market, of ``size`` or of ``funds``.

        ``sync``: the answer waits for the matching, and says what was filled (``spot.sync_order``).
        """
        info = self._instruments.symbol(symbol)
        args = self._named(side, checks.spot(info, checks.fields(SpotOrder, order)), symbol)
        return self._place("spot.sync_order" if sync else "spot.order", "spot", info, args)

    def margin_order(self, symbol: str, side: Side, **order: Unpack[MarginOrder]) -> Placing:
        """Place a margin order, cross or with ``is_isolated=True`` isolated."""
        info = self._instruments.symbol(symbol)
        if not info.is_margin_enabled:
            raise UsageError(f"{symbol} is not traded on margin")
        args = self._named(side, checks.spot(info, checks.fields(MarginOrder, order)), symbol)
        return self._place("margin.order", "margin", info, args)

    def spot_cancel(
        self, symbol: str, *, order_id: str = "", client_oid: str = "", sync: bool = False
    ) -> Placing | SyncPlacing:
        """Cancel a spot order; ``sync``: the answer says what had been filled (``spot.sync_cancel``)."""
        self._instruments.symbol(symbol)
        return self._send("spot.sync_cancel" if sync else "spot.cancel", checks.one_of(order_id, client_oid, symbol))

    def margin_cancel(self, symbol: str, *, order_id: str = "", client_oid: str = "") -> Placing:
        """Cancel a margin order."""
        self._instruments.symbol(symbol)
        return self._send("margin.cancel", checks.one_of(order_id, client_oid, symbol))

    def spot_modify(
        self,
        symbol: str,
        *,
        new_price: Number | None = None,
        new_size: Number | None = None,
        order_id: str = "",
        client_oid: str = "",
    ) -> Placing:
        """Change price, size or both of a spot limit order: it is cancelled and made anew, under a new order id.

        Counts in full towards the cap. One of both is enough for an order that was placed here; of another one it
        would not say what it comes to.
        """
        info = self._instruments.symbol(symbol)
        args = checks.one_of(order_id, client_oid, symbol)
        order, order_args = self._changed("spot", info, args, new_price, new_size)
        checks.spot(info, {"type": "limit", **order_args})
        changes = {"newPrice": new_price, "newSize": new_size}
        args |= {name: f"{checks.number(name, value):f}" for name, value in changes.items() if value is not None}
        return self._change("spot.modify", info, args, order)

    # -- futures -------------------------------------------------------------------------------------------------

    def futures_order(self, symbol: str, side: Side, **order: Unpack[FuturesOrder]) -> Placing:
        """Place an order of a contract, of ``size`` lots, ``qty`` base currency or ``value_qty`` value."""
        info = self._instruments.contract(symbol)
        args = self._named(side, checks.futures(info, checks.fields(FuturesOrder, order)), symbol)
        return self._place("futures.order", "futures", info, args)

    def futures_orders(self, orders: Sequence[Mapping[str, Any]]) -> Batch:
        """Place up to 20 orders at once: mappings with ``symbol``, ``side`` and the fields of :meth:`futures_order`.

        The answer has a code for each of them in ``data``; what was refused of it stays counted towards the cap.
        """
        if not isinstance(orders, Sequence) or not all(isinstance(each, Mapping) for each in orders):
            raise UsageError("futures_orders takes a list of dicts: [{'symbol': ..., 'side': ..., 'size': ...}, ...]")
        if not 1 <= len(orders) <= _MOST_AT_ONCE:
            raise UsageError(f"{len(orders)} orders: 1 to {_MOST_AT_ONCE} go at once")
        batch, worth = [], Worth()
        for each in orders:
            given = dict(each)
            symbol, side = str(given.pop("symbol", "")), given.pop("side", "")
            info = self._instruments.contract(symbol)
            order = self._named(side, checks.futures(info, checks.fields(FuturesOrder, given)), symbol)
            worth = added(worth, self._scales.worth(info, order))
            batch.append(order)
        placed = [placed_as("futures", order) for order in batch]
        answer = self._send("futures.multi_order", [checks.camel(order) for order in batch], worth, placed)
        if isinstance(answer, Answered) and isinstance(answer.data, list):
            self._placed.batch_answered(placed, answer.data)
        return answer

    def futures_cancel(self, *, order_id: str = "", symbol: str = "", client_oid: str = "") -> Cancelling:
        """Cancel an order of a contract, by its id, or by symbol and the id that you chose."""
        args = checks.one_of(order_id, client_oid, symbol)
        if client_oid and not symbol:
            raise UsageError("client_oid= needs symbol= on futures")
        return self._send("futures.cancel", {"orderId": order_id} if order_id else args)

    def futures_cancels(self, order_ids: Iterable[str] = (), *, client_oids: Iterable[tuple[str, str]] = ()) -> Batch:
        """Cancel several orders of contracts, by ids, or by pairs of symbol and the id that you chose."""
        ids, pairs = checks.several("order_ids", order_ids), checks.several("client_oids", client_oids)
        if not all(isinstance(each, str) for each in ids):
            raise UsageError("order_ids: each is the text of an order id")
        if not all(isinstance(each, tuple | list) and len(each) == 2 for each in pairs):
            raise UsageError("client_oids: each is a pair of symbol and client_oid")
        own = [{"symbol": symbol, "clientOid": name} for symbol, name in pairs]
        if bool(ids) == bool(own):
            raise UsageError("futures_cancels takes order_ids or client_oids=")
        return self._send("futures.multi_cancel", {"orderIdsList": ids} if ids else {"clientOidsList": own})

    # -- the unified account (generation 2) ----------------------------------------------------------------------

    def uta_order(self, symbol: str, side: Side, **order: Unpack[UnifiedOrder]) -> Placing:
        """Place an order of a unified account; needs ``order_api=2`` in ``connect()``."""
        info = self._instruments.find(symbol)
        checked = checks.fields(UnifiedOrder, order)
        if "size" not in checked:
            raise UsageError("uta_order needs size=, and size_unit= where it is not in the base currency or lots")
        checked = {"order_type": "LIMIT" if "price" in checked else "MARKET"} | checked
        args = self._named(side, checked, symbol) | {"trade_type": checks.trade_type(info)}
        checks.unified(info, args)
        args["side"] = args["side"].upper()
        return self._place("uta.order", "uta", info, args)

    def uta_cancel(self, symbol: str, *, order_id: str = "", client_oid: str = "") -> Placing:
        """Cancel an order of a unified account."""
        info = self._instruments.find(symbol)
        return self._send(
            "uta.cancel", checks.one_of(order_id, client_oid, symbol) | {"tradeType": checks.trade_type(info)}
        )

    def uta_amend(
        self,
        symbol: str,
        *,
        new_price: Number | None = None,
        new_size: Number | None = None,
        order_id: str = "",
        client_oid: str = "",
    ) -> Placing:
        """Change price, size or both of an order of a unified account; counts as :meth:`spot_modify`.

        The names of the new fields are not documented (protocol.md 7.6).
        """
        info = self._instruments.find(symbol)
        args = checks.one_of(order_id, client_oid, symbol)
        order, order_args = self._changed("uta", info, args, new_price, new_size)
        checks.unified(info, {"order_type": "LIMIT", **order_args})
        changes = {"price": new_price, "size": new_size}
        args |= {
            name: f"{checks.number(f'new_{name}', value):f}" for name, value in changes.items() if value is not None
        }
        return self._change("uta.amend", info, args | {"tradeType": checks.trade_type(info)}, order)

    # -- the way of one order ------------------------------------------------------------------------------------

    def _named(self, side: str, order: dict[str, Any], symbol: str) -> dict[str, Any]:
        if str(side).lower() not in ("buy", "sell"):
            raise UsageError(f"side={side!r}: write 'buy' or 'sell'")
        return {"client_oid": uuid.uuid4().hex, "symbol": symbol, "side": str(side).lower()} | order

    def _place(
        self, op: str, market: Market, info: SymbolInfo | ContractInfo, order: dict[str, Any]
    ) -> Answered | DryRun:
        placed = placed_as(market, order)
        answer = self._send(op, checks.camel(order), self._scales.worth(info, order), [placed])
        if isinstance(answer, Answered):
            self._placed.answered(placed, getattr(answer.data, "order_id", None))
        return answer

    def _changed(
        self, market: Market, info: SymbolInfo | ContractInfo, args: Mapping[str, Any],
        new_price: Number | None, new_size: Number | None,
    ) -> tuple[Placed, dict[str, Decimal]]:  # fmt: skip
        """Return an order as it is to be, and what it says; raise :class:`UsageError` where that is not known."""
        if new_price is None and new_size is None:
            raise UsageError("a change has new_price=, new_size= or both")
        order_id, client_oid = args.get("orderId", ""), args.get("clientOid", "")
        known = self._placed.find(info.symbol, order_id or client_oid)
        if known is None or known.market != market:
            kind = checks.trade_type(info) if market == "uta" else ""
            known = Placed(market, info.symbol, client_oid, order_id, trade_type=kind)
        price = known.price if new_price is None else checks.number("new_price", new_price)
        size = known.size if new_size is None else checks.number("new_size", new_size)
        if price is None or size is None:
            raise UsageError(
                "this order was not placed here: give new_price= and new_size=, together they say what it comes to"
            )
        return replace(known, price=price, size=size), {"price": price, "size": size}

    def _change(
        self, op: str, info: SymbolInfo | ContractInfo, args: dict[str, Any], order: Placed
    ) -> Answered | DryRun:
        says = {"price": order.price, "size": order.size, "side": order.side}
        in_doubt = replace(order, order_id="") if order.client_oid else order  # the new one has another id
        answer = self._send(op, args, self._scales.worth(info, says), [in_doubt])
        if isinstance(answer, Answered):
            ids = (getattr(answer.data, name, None) for name in ("new_order_id", "order_id"))
            self._placed.answered(in_doubt, next(filter(None, ids), None))
        return answer

    def _send(
        self, op: str, args: Args, worth: Worth | None = None, orders: Sequence[Placed] = ()
    ) -> Answered | DryRun:
        """Send an operation; ``worth`` is what its ``orders`` come to, ``None`` for a cancel."""
        self._generation(op)
        self._check_session(op)
        if worth is None:
            self.arming.check()
            worth = Worth()
        else:
            self._engine.call(self.arming.spend, worth.currency, worth.amount, running_cell())
        if self.arming.dry_run:
            return DryRun(op, args, worth.amount, worth.currency)
        before = self._placed.sent(orders, promise=self._cancel_on_stop)
        try:
            answer = self._ask(op, args)
        except OrderUncertain:
            raise
        except KucoinStreamError:  # it is certainly not in the market
            self._placed.taken_back(before)
            self._engine.call(self.arming.refund, worth.currency, worth.amount)
            raise
        if not orders and isinstance(args, dict):
            self._placed.cancelled(args[name] for name in ("orderId", "clientOid") if name in args)
        return answer

    def _ask(self, op: str, args: Args) -> Answered:
        engine = self._engine
        number = self._session(_key(op))
        timeout = engine.settings.ack_timeout + 1
        try:
            answer: Answered = engine.call(self._request, number, op, args, timeout=timeout)
        except (NotReadyError, StoppedError) as exc:
            raise OrderUncertain(op, checks.names(args), str(exc)) from None
        if answer.code in IN_DOUBT:
            raise OrderUncertain(op, checks.names(args), f"{answer.code} {answer.message}")
        if answer.code != SUCCESS:
            raise OrderRejected(op, answer.code, answer.message)
        return answer

    async def _request(self, number: int, op: str, args: Args) -> Answered:
        pool = self._engine.pool
        lost = UnreachableError("websocket", f"{op}: the connection for orders was lost just now; nothing was sent")
        if not pool.active(number):
            raise lost
        try:
            return await pool.request(number, op, args)
        except LocalProtocolError:  # closed, and not told yet
            raise lost from None

    def _session(self, key: Connection) -> int:
        """Return the number of the session for orders, opened if need be. Nothing was sent when this raises."""
        engine = self._engine
        number = self._sessions.get(key)
        if number is None or not engine.call(engine.pool.active, number):
            number = self._sessions[key] = engine.call(engine.hold, key)
            engine.call(engine.pool.settled, [number], _OPENING, timeout=_OPENING + 1)
        return number

    def _check_session(self, op: str) -> None:
        """End the arming where the session that it was for is lost, unless lost ones are to be opened again."""
        number = self._sessions.get(_key(op))
        if (
            number is None
            or self._engine.settings.reauthenticate
            or self._engine.call(self._engine.pool.active, number)
        ):
            return
        self._sessions.clear()
        self.disarm()
        raise NotArmedError(f"{op}: the connection for orders was lost, which ended the arming (reauthenticate=False)")

    def _generation(self, op: str) -> None:
        needed = 2 if op.startswith("uta.") else 1
        if self._engine.settings.order_api != needed:
            raise UsageError(f"{op} is of generation {needed} of the WS API: say ks.connect(..., order_api={needed})")

    def _end(self, _: str) -> None:
        """Cancel what was placed under that promise, and tell what could not be; then allow nothing more."""
        orders = self._placed.promised()
        self.disarm()
        if not orders:
            return
        asked = [(order, self._sessions.get(_key(f"{order.market}."))) for order in orders]
        cancel_or_warn(self._engine, asked)


def _key(op: str) -> Connection:
    return Connection.FUTURES_ORDERS if op.startswith("futures.") else Connection.SPOT_ORDERS
