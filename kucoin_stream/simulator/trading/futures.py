"""Orders of contracts, the positions they make and the wallets that pay (protocol.md 4.30 to 4.35). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from kucoin_stream.simulator.flow import SECOND, Fill
from kucoin_stream.simulator.futures.perpetual import FUNDING_INTERVAL, Perpetual
from kucoin_stream.simulator.instrument import Instrument
from kucoin_stream.simulator.ladder import text
from kucoin_stream.simulator.market import Market, RestError
from kucoin_stream.simulator.trading.amounts import ZERO, decimal, floor, steps, written
from kucoin_stream.simulator.trading.brackets import Brackets, BracketTicket, plain
from kucoin_stream.simulator.trading.desk import MOST_ACTIVE, Desk, ends_ns, plan
from kucoin_stream.simulator.trading.house import House
from kucoin_stream.simulator.trading.ids import Ids
from kucoin_stream.simulator.trading.news import News, OrderEvent, Reason, StopEvent
from kucoin_stream.simulator.trading.orders import FuturesOrder, OrderFill, Stop
from kucoin_stream.simulator.trading.past import Past
from kucoin_stream.simulator.trading.pit import Level
from kucoin_stream.simulator.trading.position_settings import DEFAULT_LEVERAGE, PositionSettings, leverage_of, refused
from kucoin_stream.simulator.trading.positions import Position
from kucoin_stream.simulator.trading.tickets import FuturesTicket
from kucoin_stream.simulator.trading.wallets import Wallet, statement

MAKER, TAKER = Decimal("0.0002"), Decimal("0.0006")  # as the contracts' rows say
_STP = ("", "CN", "CO", "CB")  # self-trade rules; protocol.md 7.6


class FuturesDesk(Desk[FuturesOrder, FuturesTicket]):
    """The account's orders, positions and money of futures."""

    def __init__(self, market: Market, ids: Ids, news: Sequence[News]) -> None:
        super().__init__()
        self._market = market
        self._ids = ids
        self.news = news
        self.positions: dict[str, Position] = {}
        self._money: dict[str, Decimal] = {}
        self._versions: dict[str, int] = {}
        self.settings = PositionSettings(self)
        self.past = Past()
        self.house = House()
        self._brackets = Brackets(ids)
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
            position = self.positions[symbol] = Position(number, perpetual, leverage=DEFAULT_LEVERAGE)
        return position

    def currencies(self) -> list[str]:
        """Return the currencies that there is or was money of."""
        return list(self._money)

    def wallet(self, currency: str) -> Wallet:
        """Return the statement of one settlement currency."""
        money, version = self._money.get(currency, ZERO), self._versions.get(currency, 0)
        return statement(Wallet(currency, money, version), self.orders.active(), self.positions.values())

    def backing(self, position: Position) -> Decimal:
        """Return what a position can lose: its margin, or, of a cross one, what the others leave of the wallet."""
        if not position.cross:
            return position.margin
        wallet = self.wallet(position.settle)
        others = wallet.cross_maintenance - (position.maintenance if position.lots else ZERO)
        return wallet.cross_total - position.profit - others

    def pay(self, currency: str, amount: Decimal, time_ns: int) -> None:
        """Put money in, or, where ``amount`` is negative, take it out; raise where that is not there."""
        if amount < 0 and self.wallet(currency).withdrawable + amount < 0:
            raise RestError(200, "200005", "Balance insufficient.")
        self._book("TransferIn" if amount > 0 else "TransferOut", currency, amount, time_ns)
        self.report_wallet(currency, time_ns)

    def try_out(self, ticket: FuturesTicket, now_ns: int) -> None:
        """Raise where an order makes no sense; nothing is placed."""
        self._order(ticket, now_ns)

    def bracket(self, ticket: BracketTicket, now_ns: int) -> FuturesOrder | Stop[FuturesTicket]:
        """Place an order with the prices at which its position is left; see :mod:`brackets`."""
        ticket.exits()
        order_alone = plain(ticket)
        if ticket.leaves():
            self._order(order_alone, now_ns)
            legs = self._brackets.legs(order_alone, ticket, now_ns)
            for leg in legs:
                self._keep(leg)
            self.look(ticket.symbol, now_ns)
            return legs[0]
        order, levels = self._prepare(order_alone, now_ns)
        self._brackets.attach(order.id, ticket)
        self._start(order, levels, now_ns)
        return order

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
        self.report_wallet(order.settle, now_ns)

    def stop(self, ticket: FuturesTicket, now_ns: int) -> Stop[FuturesTicket]:
        """Keep an order until trade, mark or index price has come to its stop price."""
        side = self._order(ticket, now_ns).side
        price = decimal(ticket.stop_price, "stopPrice", refused)
        if not price or ticket.stop not in ("up", "down"):
            raise refused("stop is up or down, and needs a stopPrice.")
        stop = Stop(
            id=self._ids.futures(), client_oid=ticket.client_oid or "", symbol=ticket.symbol, stop=ticket.stop,
            stop_price=price, ticket=msgspec.structs.replace(ticket, side=side), created_ns=now_ns,
            price_type=ticket.stop_price_type or "TP",
        )  # fmt: skip
        self.wait(stop)
        return stop

    def advance(self, now_ns: int) -> None:
        """Look at mark prices once a second: stops, liquidations, funding. ``now_ns`` never goes back."""
        second = now_ns // SECOND * SECOND
        if second <= self._marked_ns:
            return
        before, self._marked_ns = self._marked_ns, second
        for symbol in {stop.symbol for stop in self.stops.values() if stop.price_type != "TP"}:
            self.look(symbol, now_ns)
        self._liquidate_isolated(now_ns)
        for currency in self.currencies():
            if self.wallet(currency).endangered:
                self._liquidate_cross(currency, now_ns)
        settled = second // FUNDING_INTERVAL * FUNDING_INTERVAL
        held = [position for position in self.positions.values() if position.lots]
        for position in held:
            self.report_position(position, "markPriceChange", now_ns)
            if before and settled > before:
                self._fund(position, settled)
        for currency in dict.fromkeys(position.settle for position in held if position.cross):
            self.report_wallet(currency, now_ns)

    def _liquidate_isolated(self, now_ns: int) -> None:
        for position in list(self.positions.values()):
            lost = position.margin + position.profit <= position.maintenance
            if position.lots and not position.cross and lost and not self._rescue(position, now_ns):
                self._liquidate(position, now_ns)

    def _rescue(self, position: Position, now_ns: int) -> bool:
        """Take the initial margin of a position once more out of the wallet, where that was asked for and is there."""
        if not position.auto_deposit or self.wallet(position.settle).available < position.initial:
            return False
        self.settings.add_margin(position.symbol, position.initial, now_ns)
        return position.margin + position.profit > position.maintenance

    def _liquidate_cross(self, currency: str, now_ns: int) -> None:
        """Cancel the cross orders, and close positions, the greatest loss first, until the rest is safe."""
        for order in self.orders.active():
            if order.settle == currency and order.margin_mode == "CROSS":
                self.end(order, now_ns, "LIQUIDATION")
        held = [each for each in self.positions.values() if each.cross and each.lots and each.settle == currency]
        for position in sorted(held, key=lambda each: each.profit):
            if self.wallet(currency).endangered:
                self._liquidate(position, now_ns)
        deficit = -self.wallet(currency).cross_total
        if deficit > 0 and not any(each.lots for each in held):
            self.house.insure(currency, -deficit)
            self._book("RealisedPNL", currency, deficit, now_ns, remark="insurance")
            self.report_wallet(currency, now_ns)

    def _liquidate(self, position: Position, now_ns: int) -> None:
        """Take a position over and close it at market; what the book cannot take stays for the next second."""
        self.report_position(position, "liquidation", now_ns)
        for order in self.orders.active(position.symbol):
            self.end(order, now_ns, "LIQUIDATION")
        ticket = FuturesTicket(symbol=position.symbol, type="market", close_order=True)
        order = self._order(ticket, now_ns)
        order.trade_type = "liquid"
        self._start(order, plan(self._pit(order.symbol).offers(order.side), order.lots), now_ns)

    def _fund(self, position: Position, time_ns: int) -> None:
        rate = position.perpetual.settled_rate(time_ns - 1)
        worth = position.worth(position.lots, position.mark)
        fee = floor((-worth if position.perpetual.contract.inverse else worth) * Decimal(str(rate)))
        position.funding += fee
        self.past.fund(position, rate, worth, fee, time_ns)
        self._book("RealisedPNL", position.settle, -fee, time_ns, remark=position.symbol)
        for each in self.news:
            each.funding(position, rate, float(fee), time_ns)
        self.report_wallet(position.settle, time_ns)

    def _check(self, ticket: FuturesTicket, now_ns: int) -> None:
        if (ticket.stp or "") not in _STP:
            raise refused("stp is CN, CO or CB.")
        if ticket.late(now_ns):
            raise refused("The order arrived after clientTimestamp and allowMaxTimeWindow.")
        if sum(1 for _ in self.orders.active(ticket.symbol)) >= MOST_ACTIVE:
            raise RestError(200, "300001", "The number of your active orders has reached the limit.")
        known = self.orders.get(client_oid=ticket.client_oid) if ticket.client_oid else None
        if known is not None and known.active:
            raise RestError(200, "300018", "clientOid repeated.")

    def _order(self, ticket: FuturesTicket, now_ns: int) -> FuturesOrder:
        position = self.position(ticket.symbol)
        instrument = position.perpetual.instrument
        price = steps(ticket.price, instrument.listing.price_scale, "price", refused) if ticket.type == "limit" else 0
        closing, side = bool(ticket.close_order), ticket.side
        if closing:
            side = "sell" if position.lots > 0 else "buy"
        elif not side:
            raise refused("side: must not be empty.")
        lots = abs(position.lots) if closing else self._lots(ticket, position, price)
        if closing or ticket.reduce_only:
            against = -position.lots if side == "buy" else position.lots
            lots = min(lots, max(0, against))
            if not lots:
                raise RestError(200, "300009", "No open positions to close.")
        if not lots or (ticket.type == "limit" and not price):
            raise refused("A limit order needs price and size, a market order a size.")
        tip = steps(ticket.visible_size, 0, "visibleSize", refused) if ticket.iceberg else 0
        if ticket.iceberg and not tip:
            raise refused("An iceberg order needs visibleSize.")
        in_force = ticket.time_in_force or "GTC"
        return FuturesOrder(
            id=self._ids.futures(), client_oid=ticket.client_oid or "", symbol=ticket.symbol, side=side,
            type=ticket.type, price=price, lots=lots, created_ns=now_ns, updated_ns=now_ns, time_in_force=in_force,
            ends_ns=ends_ns(in_force, ticket.cancel_after, now_ns), post_only=bool(ticket.post_only),
            hidden=bool(ticket.hidden), iceberg=bool(ticket.iceberg), visible_size=str(ticket.visible_size or ""),
            tip=tip, stp=ticket.stp or "", remark=ticket.remark or "", tags=ticket.tags or "", settle=position.settle,
            leverage=self._chosen(ticket, position), margin_mode=ticket.margin_mode or position.margin_mode,
            reduce_only=bool(ticket.reduce_only), close_order=closing, force_hold=bool(ticket.force_hold),
        )  # fmt: skip

    def _lots(self, ticket: FuturesTicket, position: Position, price: int) -> int:
        """The size in lots, however it was given."""
        if ticket.size is not None:
            return steps(ticket.size, 0, "size", refused)
        quantity, value = decimal(ticket.qty, "qty", refused), decimal(ticket.value_qty, "valueQty", refused)
        instrument = position.perpetual.instrument
        return position.lots_of(quantity, value, Decimal(instrument.price(price or instrument.flow.last.price)))

    def _chosen(self, ticket: FuturesTicket, position: Position) -> Decimal:
        """The leverage of an order: its own, that of cross margin, or the position's."""
        busy = position.lots or any(self.orders.active(position.symbol))
        if busy and ticket.margin_mode and ticket.margin_mode != position.margin_mode:
            raise RestError(200, "330005", "The order's margin mode does not match the symbol's.")
        if (ticket.margin_mode or position.margin_mode) == "CROSS":
            return self.settings.cross_leverage(position.symbol)
        if ticket.leverage in (None, "") or ticket.close_order or ticket.reduce_only:
            return position.leverage
        return leverage_of(ticket.leverage)

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
            self.settings.set_margin_mode(order.symbol, order.margin_mode, order.created_ns)

    def _settle(self, order: FuturesOrder, fill: Fill, maker: bool) -> OrderFill[FuturesOrder]:
        position = self.position(order.symbol)
        price = Decimal(position.perpetual.instrument.price(fill.price))
        value = abs(position.worth(fill.size, price))
        rate = MAKER if maker else TAKER
        fee = floor(value * rate)
        order.held -= floor(order.held * fill.size / (order.left + fill.size))
        sign = 1 if order.side == "buy" else -1
        closing = min(fill.size, abs(position.lots)) if sign * position.lots < 0 else 0
        profit, leaving = ZERO, floor(fee * closing / fill.size)
        if closing:
            profit = self._close(order, fill._replace(size=sign * closing), leaving)
        if closing < fill.size:
            position.trade(sign * (fill.size - closing), price, fill.time_ns)
            position.leverage = order.leverage
            position.fees += fee - leaving
        self.house.charge(order.settle, fee)
        self._book("RealisedPNL", order.settle, profit - fee, fill.time_ns, remark=order.symbol, fee=fee)
        return OrderFill(order, fill, maker, value, fee, rate, self._fills, profit, leaving)

    def _close(self, order: FuturesOrder, fill: Fill, fee: Decimal) -> Decimal:
        """Close what a fill of signed lots closes; return the profit, before the fee."""
        position = self.position(order.symbol)
        margin, liquidated = position.margin, order.trade_type == "liquid"
        price = Decimal(position.perpetual.instrument.price(fill.price))
        profit = position.trade(fill.size, price, fill.time_ns).profit
        position.fees += fee
        if liquidated and not position.cross:  # the margin is lost, no less and no more
            surplus = margin - position.margin + profit - fee
            self.house.insure(order.settle, surplus)
            position.gross -= surplus
            profit -= surplus
        if not position.lots:
            self.past.close(position, fill.time_ns, liquidated=liquidated)
        return profit

    def _filled(self, order: FuturesOrder, fill: Fill, maker: bool) -> None:
        super()._filled(order, fill, maker)
        position = self.position(order.symbol)
        reason: Reason = "liquidation" if order.trade_type == "liquid" else "positionChange"
        self.report_position(position, reason, fill.time_ns)
        self.report_wallet(order.settle, fill.time_ns)
        legs = self._brackets.open(order, fill.time_ns)
        for leg in legs:
            self._keep(leg)
        if legs and self._busy:  # else the trade, told afterwards, has them looked after
            self.look(order.symbol, fill.time_ns)

    def _inherit(self, order: FuturesOrder, stop: Stop[FuturesTicket]) -> None:
        order.id, order.client_oid = stop.id, stop.client_oid
        order.stop, order.stop_price, order.stop_price_type = stop.stop, written(stop.stop_price), stop.price_type

    def _tidy(self, symbol: str, time_ns: int) -> None:
        lots = self.position(symbol).lots
        for order in self.orders.active(symbol):
            closing = lots < 0 if order.side == "buy" else lots > 0
            if (order.reduce_only or order.close_order) and not closing:
                self.end(order, time_ns, "REDUCE_ONLY")
        for leg in [each for each in self.stops.values() if each.group and each.symbol == symbol and not lots]:
            if leg.id in self.stops:  # it goes with another one of its group
                self.drop(leg, time_ns)

    def _free(self, order: FuturesOrder, lots: int, time_ns: int) -> None:
        order.held -= floor(order.held * lots / (order.left + lots))
        self.report_wallet(order.settle, time_ns)

    def _release(self, order: FuturesOrder, time_ns: int) -> None:
        if not order.filled:
            self._brackets.forget(order.id)
        if order.held:
            order.held = ZERO
            self.report_wallet(order.settle, time_ns)

    def _book(
        self, kind: str, currency: str, amount: Decimal, time_ns: int, *, remark: str = "", fee: Decimal = ZERO
    ) -> None:
        self._add(currency, amount)
        if time_ns:  # what there was from the start is no entry
            self.past.enter(kind, currency, amount, self.wallet(currency).equity, time_ns, remark=remark, fee=fee)

    def _add(self, currency: str, amount: Decimal) -> None:
        self._money[currency] = self._money.get(currency, ZERO) + amount
        self._versions[currency] = self._versions.get(currency, 0) + 1

    def _report(
        self, order: FuturesOrder, event: OrderEvent, time_ns: int, fill: OrderFill[FuturesOrder] | None = None
    ) -> None:
        for each in self.news:
            each.futures_order(order, event, time_ns, fill)

    def report_position(self, position: Position, reason: Reason, time_ns: int) -> None:
        """Tell that a position has changed."""
        for each in self.news:
            each.position(position, reason, time_ns)

    def report_wallet(self, currency: str, time_ns: int) -> None:
        """Tell that the money of a settlement currency may have changed."""
        for each in self.news:
            each.wallet(currency, time_ns)

    def _report_stop(self, stop: Stop[FuturesTicket], event: StopEvent, time_ns: int, error: str = "") -> None:
        for each in self.news:
            each.futures_stop(stop, event, time_ns, error)

    def _stop_price(self, stop: Stop[FuturesTicket]) -> Decimal:
        return Decimal(str(self.perpetual(stop.symbol).price(stop.price_type)))
