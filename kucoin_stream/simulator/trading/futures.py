"""Orders of contracts, the positions they make and the wallets that pay (protocol.md 4.30 to 4.35). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from kucoin_stream.simulator.flow import SECOND, Fill
from kucoin_stream.simulator.futures.perpetual import FUNDING_INTERVAL, Perpetual
from kucoin_stream.simulator.instrument import Instrument
from kucoin_stream.simulator.ladder import text
from kucoin_stream.simulator.market import Market, RestError
from kucoin_stream.simulator.trading.amounts import ZERO, Number, decimal, floor, steps
from kucoin_stream.simulator.trading.desk import MOST_ACTIVE, Desk, ends_ns, plan
from kucoin_stream.simulator.trading.ids import Ids
from kucoin_stream.simulator.trading.news import News, OrderEvent, Reason, StopEvent
from kucoin_stream.simulator.trading.orders import FuturesOrder, OrderFill, Stop
from kucoin_stream.simulator.trading.pit import Level
from kucoin_stream.simulator.trading.positions import Position
from kucoin_stream.simulator.trading.tickets import FuturesTicket
from kucoin_stream.simulator.trading.wallets import Wallet

MAKER, TAKER = Decimal("0.0002"), Decimal("0.0006")  # as the contracts' rows say
_MOST_LEVERAGE = 125
_DEFAULT_LEVERAGE = Decimal(3)


class FuturesDesk(Desk[FuturesOrder, FuturesTicket]):
    """The account's orders, positions and money of futures."""

    def __init__(self, market: Market, ids: Ids, news: Sequence[News]) -> None:
        super().__init__()
        self._market = market
        self._ids = ids
        self._news = news
        self.positions: dict[str, Position] = {}
        self._money: dict[str, Decimal] = {}
        self._versions: dict[str, int] = {}
        self.leverages: dict[str, Decimal] = {}  # of cross margin
        self._marked_ns = 0

    def __repr__(self) -> str:
        held = sum(1 for each in self.positions.values() if each.lots)
        return f"<FuturesDesk {len(list(self.orders.active()))} orders, {held} positions>"

    def instrument(self, symbol: str) -> Instrument:
        """Return a contract's instrument."""
        return self.perpetual(symbol).instrument

    def perpetual(self, symbol: str) -> Perpetual:
        """Return a contract; raise :class:`RestError` where there is none."""
        perpetual = self._market.futures.perpetuals.get(symbol)
        if perpetual is None:
            raise RestError(400, "100003", f"Contract {symbol} does not exist")
        return perpetual

    def knows(self, symbol: str) -> bool:
        """Whether there is such a contract."""
        return self._market.futures.has_symbol(symbol)

    def position(self, symbol: str) -> Position:
        """Return the position in a contract, flat where there is none."""
        position = self.positions.get(symbol)
        if position is None:
            perpetual = self.perpetual(symbol)
            number = str(30_000_000_000_000_000 + perpetual.contract.number)
            position = self.positions[symbol] = Position(number, perpetual, leverage=_DEFAULT_LEVERAGE)
        return position

    def currencies(self) -> list[str]:
        """Return the currencies that there is or was money of."""
        return list(self._money)

    def wallet(self, currency: str) -> Wallet:
        """Return the statement of one settlement currency."""
        sums = dict.fromkeys(
            ("isolated_orders", "cross_orders", "isolated_margin", "cross_margin", "isolated_profit", "cross_profit"),
            ZERO,
        )
        for order in self.orders.active():
            if order.settle == currency:
                sums["cross_orders" if order.margin_mode == "CROSS" else "isolated_orders"] += order.held
        for position in self.positions.values():
            if position.settle == currency and position.lots:
                mode = "cross" if position.cross else "isolated"
                sums[f"{mode}_margin"] += position.margin
                sums[f"{mode}_profit"] += position.profit
        return Wallet(currency, self._money.get(currency, ZERO), self._versions.get(currency, 0), **sums)

    def pay(self, currency: str, amount: Decimal, time_ns: int) -> None:
        """Put money in, or, where ``amount`` is negative, take it out; raise where that is not there."""
        if amount < 0 and self.wallet(currency).withdrawable + amount < 0:
            raise RestError(200, "200005", "Balance insufficient.")
        self._add(currency, amount)
        self._report_wallet(currency, time_ns)

    def _prepare(self, ticket: FuturesTicket, now_ns: int) -> tuple[FuturesOrder, Sequence[Level]]:
        self._check(ticket, now_ns)
        order = self._order(ticket, now_ns)
        if order.stp:
            levels = self._meet(order, order.lots)
        else:
            levels = plan(self._pit(order.symbol).offers(order.side, order.price), order.lots)
        self._bind(order, levels)
        return order, levels

    def _start(self, order: FuturesOrder, levels: Sequence[Level], now_ns: int) -> None:
        super()._start(order, levels, now_ns)
        self._report_wallet(order.settle, now_ns)

    def stop(self, ticket: FuturesTicket, now_ns: int) -> Stop[FuturesTicket]:
        """Keep an order until trade, mark or index price has come to its stop price."""
        self._order(ticket, now_ns)
        price = decimal(ticket.stop_price, "stopPrice", _refused)
        if not price or ticket.stop not in ("up", "down"):
            raise _refused("stop is up or down, and needs a stopPrice.")
        stop = Stop(
            id=self._ids.futures(), client_oid=ticket.client_oid or "", symbol=ticket.symbol, stop=ticket.stop,
            stop_price=price, ticket=ticket, created_ns=now_ns, price_type=ticket.stop_price_type or "TP",
        )  # fmt: skip
        self.wait(stop)
        return stop

    def set_margin_mode(self, symbol: str, mode: str, time_ns: int) -> None:
        """Choose between ISOLATED and CROSS; raise where there is a position or an order."""
        position = self.position(symbol)
        if mode not in ("ISOLATED", "CROSS"):
            raise _refused("marginMode is ISOLATED or CROSS.")
        if mode != position.margin_mode:
            if position.lots or any(self.orders.active(symbol)):
                raise RestError(200, "330005", "Close positions and cancel orders before you switch the margin mode.")
            position.margin_mode = mode
            for each in self._news:
                each.margin_mode(symbol, mode, time_ns)

    def set_leverage(self, symbol: str, leverage: Number, time_ns: int) -> None:
        """Choose the leverage of cross margin."""
        position, value = self.position(symbol), self._leverage(leverage)
        self.leverages[symbol] = value
        if position.cross:
            position.leverage = value
        for each in self._news:
            each.leverage(symbol, f"{value:f}", time_ns)

    def add_margin(self, symbol: str, amount: Decimal, time_ns: int) -> Position:
        """Add margin to an isolated position, or take away what was added."""
        position = self.position(symbol)
        if not position.lots or position.cross:
            raise RestError(200, "300009", "There is no isolated position.")
        if amount > self.wallet(position.settle).available or position.added + amount < 0:
            raise RestError(200, "200005", "Balance insufficient.")
        position.added += amount
        self._report_position(position, "marginChange", time_ns)
        self._report_wallet(position.settle, time_ns)
        return position

    def advance(self, now_ns: int) -> None:
        """Look at mark prices once a second: stops, liquidations, funding. ``now_ns`` never goes back."""
        second = now_ns // SECOND * SECOND
        if second <= self._marked_ns:
            return
        before, self._marked_ns = self._marked_ns, second
        for symbol in {stop.symbol for stop in self.stops.values() if stop.price_type != "TP"}:
            self.look(symbol, now_ns)
        for position in self.positions.values():
            if position.lots:
                self._mark(position, now_ns)
                settled = second // FUNDING_INTERVAL * FUNDING_INTERVAL
                if before and settled > before:
                    self._fund(position, settled)

    def _mark(self, position: Position, now_ns: int) -> None:
        own = position.margin if not position.cross else self.wallet(position.settle).cross_total - position.profit
        if own + position.profit <= position.maintenance:
            self._liquidate(position, now_ns)
        else:
            self._report_position(position, "markPriceChange", now_ns)
            if position.cross:
                self._report_wallet(position.settle, now_ns)

    def _liquidate(self, position: Position, now_ns: int) -> None:
        for order in self.orders.active(position.symbol):
            self.end(order, now_ns, "LIQUIDATION")
        ticket = FuturesTicket(symbol=position.symbol, type="market", close_order=True)
        order = self._order(ticket, now_ns)
        order.trade_type = "liquid"
        levels = plan(self._pit(order.symbol).offers(order.side), order.lots)
        self._start(order, levels, now_ns)
        self._report_position(position, "liquidation", now_ns)

    def _fund(self, position: Position, time_ns: int) -> None:
        rate = position.perpetual.settled_rate(time_ns - 1)
        worth = position.worth(position.lots, position.mark)
        fee = floor((-worth if position.perpetual.contract.inverse else worth) * Decimal(str(rate)))
        position.funding += fee
        self._add(position.settle, -fee)
        for each in self._news:
            each.funding(position, rate, float(fee), time_ns)
        self._report_wallet(position.settle, time_ns)

    def _check(self, ticket: FuturesTicket, now_ns: int) -> None:
        if ticket.late(now_ns):
            raise _refused("The order arrived after clientTimestamp and allowMaxTimeWindow.")
        if sum(1 for _ in self.orders.active(ticket.symbol)) >= MOST_ACTIVE:
            raise RestError(200, "300001", "The number of your active orders has reached the limit.")
        known = self.orders.get(client_oid=ticket.client_oid) if ticket.client_oid else None
        if known is not None and known.active:
            raise RestError(200, "300018", "clientOid repeated.")

    def _order(self, ticket: FuturesTicket, now_ns: int) -> FuturesOrder:
        position = self.position(ticket.symbol)
        instrument = position.perpetual.instrument
        price = steps(ticket.price, instrument.listing.price_scale, "price", _refused) if ticket.type == "limit" else 0
        closing, side = bool(ticket.close_order), ticket.side
        if closing:
            side = "sell" if position.lots > 0 else "buy"
        elif not side:
            raise _refused("side: must not be empty.")
        lots = abs(position.lots) if closing else self._lots(ticket, position, price)
        if closing or ticket.reduce_only:
            against = -position.lots if side == "buy" else position.lots
            lots = min(lots, max(0, against))
            if not lots:
                raise RestError(200, "300009", "No open positions to close.")
        if not lots or (ticket.type == "limit" and not price):
            raise _refused("A limit order needs price and size, a market order a size.")
        in_force = ticket.time_in_force or "GTC"
        return FuturesOrder(
            id=self._ids.futures(), client_oid=ticket.client_oid or "", symbol=ticket.symbol, side=side,
            type=ticket.type, price=price, lots=lots, created_ns=now_ns, updated_ns=now_ns, time_in_force=in_force,
            ends_ns=ends_ns(in_force, ticket.cancel_after, now_ns), post_only=bool(ticket.post_only),
            hidden=bool(ticket.hidden), iceberg=bool(ticket.iceberg), visible_size=str(ticket.visible_size or ""),
            stp=ticket.stp or "", remark=ticket.remark or "", tags=ticket.tags or "", settle=position.settle,
            leverage=self._chosen(ticket, position), margin_mode=ticket.margin_mode or position.margin_mode,
            reduce_only=bool(ticket.reduce_only), close_order=closing, force_hold=bool(ticket.force_hold),
        )  # fmt: skip

    def _lots(self, ticket: FuturesTicket, position: Position, price: int) -> int:
        """The size in lots, however it was given."""
        contract, instrument = position.perpetual.contract, position.perpetual.instrument
        if ticket.size is not None:
            return steps(ticket.size, 0, "size", _refused)
        quantity, value = (decimal(ticket.qty, "qty", _refused), decimal(ticket.value_qty, "valueQty", _refused))
        at = Decimal(instrument.price(price or instrument.flow.last.price))
        if contract.inverse:
            return int(value or quantity * at)
        return int((quantity or value / at) / position.multiplier)

    def _chosen(self, ticket: FuturesTicket, position: Position) -> Decimal:
        """The leverage of an order: its own, that of cross margin, or the position's."""
        busy = position.lots or any(self.orders.active(position.symbol))
        if busy and ticket.margin_mode and ticket.margin_mode != position.margin_mode:
            raise RestError(200, "330005", "The order's margin mode does not match the symbol's.")
        if (ticket.margin_mode or position.margin_mode) == "CROSS":
            return self.leverages.get(position.symbol, _DEFAULT_LEVERAGE)
        if ticket.leverage in (None, "") or ticket.close_order or ticket.reduce_only:
            return position.leverage
        return self._leverage(ticket.leverage)

    def _leverage(self, given: Number) -> Decimal:
        value = decimal(given, "leverage", _refused)
        if not 0 < value <= _MOST_LEVERAGE:
            raise RestError(200, "300016", f"The leverage must be above 0 and not above {_MOST_LEVERAGE}.")
        return value

    def _bind(self, order: FuturesOrder, levels: Sequence[Level]) -> None:
        """Hold the margin of what the order would open, and the fee; of a market order at the worst price taken."""
        position = self.position(order.symbol)
        against = max(0, -position.lots if order.side == "buy" else position.lots)
        order.opening = max(0, order.lots - against)
        ticks = order.price or (levels[-1].price if levels else 0)
        price = Decimal(text(ticks, position.perpetual.instrument.listing.price_scale))
        worth = abs(position.worth(order.opening, price))
        order.held = floor(worth / order.leverage + worth * TAKER)
        if order.held > self.wallet(order.settle).available:
            raise RestError(200, "330008", "Order quantity is too high, insufficient available margin.")
        if position.margin_mode != order.margin_mode:  # decided by the first order
            self.set_margin_mode(order.symbol, order.margin_mode, order.created_ns)

    def _settle(self, order: FuturesOrder, fill: Fill, maker: bool) -> OrderFill[FuturesOrder]:
        position = self.position(order.symbol)
        price = Decimal(position.perpetual.instrument.price(fill.price))
        value = abs(position.worth(fill.size, price))
        rate = MAKER if maker else TAKER
        fee = floor(value * rate)
        order.held -= floor(order.held * fill.size / (order.left + fill.size))
        closed, profit = position.trade(fill.size if order.side == "buy" else -fill.size, price, fill.time_ns)
        if closed < fill.size:
            position.leverage = order.leverage
        position.fees += fee
        self._add(order.settle, profit - fee)
        return OrderFill(order, fill, maker, value, fee, rate, self._fills, profit)

    def _filled(self, order: FuturesOrder, fill: Fill, maker: bool) -> None:
        super()._filled(order, fill, maker)
        position = self.position(order.symbol)
        self._report_position(position, "positionChange", fill.time_ns)
        self._report_wallet(order.settle, fill.time_ns)

    def _tidy(self, symbol: str, time_ns: int) -> None:
        lots = self.position(symbol).lots
        for order in self.orders.active(symbol):
            closing = lots < 0 if order.side == "buy" else lots > 0
            if (order.reduce_only or order.close_order) and not closing:
                self.end(order, time_ns, "REDUCE_ONLY")

    def _release(self, order: FuturesOrder, time_ns: int) -> None:
        if order.held:
            order.held = ZERO
            self._report_wallet(order.settle, time_ns)

    def _add(self, currency: str, amount: Decimal) -> None:
        self._money[currency] = self._money.get(currency, ZERO) + amount
        self._versions[currency] = self._versions.get(currency, 0) + 1

    def _report(
        self, order: FuturesOrder, event: OrderEvent, time_ns: int, fill: OrderFill[FuturesOrder] | None = None
    ) -> None:
        for each in self._news:
            each.futures_order(order, event, time_ns, fill)

    def _report_position(self, position: Position, reason: Reason, time_ns: int) -> None:
        for each in self._news:
            each.position(position, reason, time_ns)

    def _report_wallet(self, currency: str, time_ns: int) -> None:
        for each in self._news:
            each.wallet(currency, time_ns)

    def _report_stop(self, stop: Stop[FuturesTicket], event: StopEvent, time_ns: int, error: str = "") -> None:
        for each in self._news:
            each.futures_stop(stop, event, time_ns, error)

    def _stop_price(self, stop: Stop[FuturesTicket]) -> Decimal:
        perpetual = self.perpetual(stop.symbol)
        match stop.price_type:
            case "MP":
                return Decimal(str(perpetual.mark))
            case "IP":
                return Decimal(str(perpetual.index))
            case _:
                return Decimal(perpetual.instrument.price(perpetual.instrument.flow.last.price))


def _refused(reason: str) -> RestError:
    return RestError(400, "100001", reason)
