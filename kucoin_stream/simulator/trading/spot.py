"""Spot and margin orders: their money, from the hold to the last fill (protocol.md 4.13 to 4.15, 8.4). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from kucoin_stream.simulator.flow import Fill
from kucoin_stream.simulator.instrument import Instrument
from kucoin_stream.simulator.ladder import text
from kucoin_stream.simulator.listings import Listing
from kucoin_stream.simulator.market import Market, RestError
from kucoin_stream.simulator.trading.amounts import ZERO, Number, decimal, steps
from kucoin_stream.simulator.trading.desk import MOST_ACTIVE, Desk, ends_ns, plan
from kucoin_stream.simulator.trading.ids import Ids
from kucoin_stream.simulator.trading.ledger import ISOLATED, Ledger, insufficient
from kucoin_stream.simulator.trading.news import News, OrderEvent, StopEvent
from kucoin_stream.simulator.trading.orders import OrderFill, SpotOrder, Stop
from kucoin_stream.simulator.trading.pit import Level
from kucoin_stream.simulator.trading.tickets import SpotTicket

FEE = Decimal("0.001")  # of maker and taker alike
BORROWED = Decimal("1e6")  # the most that a margin account may owe of one currency
_TRADE_TYPES = ("TRADE", "MARGIN_TRADE", "MARGIN_ISOLATED_TRADE")


class SpotDesk(Desk[SpotOrder, SpotTicket]):
    """The account's orders of spot and margin."""

    def __init__(self, market: Market, ledger: Ledger, ids: Ids, news: Sequence[News]) -> None:
        super().__init__()
        self._market = market
        self._ledger = ledger
        self._ids = ids
        self._news = news

    def __repr__(self) -> str:
        return f"<SpotDesk {len(list(self.orders.active()))} orders, {len(self.stops)} stop orders>"

    def instrument(self, symbol: str) -> Instrument:
        """Return a symbol's instrument."""
        if not self._market.has_symbol(symbol):
            raise RestError(400, "900001", f"The symbol {symbol} not exists")
        instrument = self._market.traded(symbol)
        if instrument is None:
            raise RestError(200, "200001", "Creating orders is suspended: nobody trades on a recording")
        return instrument

    def _prepare(self, ticket: SpotTicket, now_ns: int) -> tuple[SpotOrder, Sequence[Level]]:
        listing = self.instrument(ticket.symbol).listing
        self._check(ticket, now_ns)
        order = self._order(ticket, listing, now_ns)
        levels = self._plan(order, listing)
        need = self._need(order, levels, listing)
        self._hold(order, need, now_ns, borrow=ticket.auto_borrow)
        if order.funds:
            order.lots = sum(level.lots for level in levels)
        return order, levels

    def _start(self, order: SpotOrder, levels: Sequence[Level], now_ns: int) -> None:
        self._report(order, "received", now_ns)
        super()._start(order, levels, now_ns)

    def modify(self, order: SpotOrder, price: Number, size: Number, now_ns: int) -> SpotOrder | None:
        """Cancel an order and place it again, of another price or size; ``None`` where it has filled that much."""
        listing = self.instrument(order.symbol).listing
        ticks = steps(price, listing.price_scale, "price", _refused) or order.price
        lots = (steps(size, listing.size_scale, "size", _refused) or order.lots) - order.filled
        self.end(order, now_ns)
        if lots <= 0:
            return None
        ticket = SpotTicket(
            symbol=order.symbol, side=order.side, client_oid=order.client_oid, trade_type=order.trade_type,
            price=text(ticks, listing.price_scale), size=text(lots, listing.size_scale),
            post_only=order.post_only, remark=order.remark, tags=order.tags,
        )  # fmt: skip
        return self.place(ticket, now_ns)

    def stop(self, ticket: SpotTicket, now_ns: int) -> Stop[SpotTicket]:
        """Keep an order until the last price has come to its stop price."""
        listing = self.instrument(ticket.symbol).listing
        self._order(ticket, listing, now_ns)
        price = decimal(ticket.stop_price, "stopPrice", _refused)
        if not price:
            raise _refused("stopPrice can not be empty.")
        stop = Stop(
            id=self._ids.stop(), client_oid=ticket.client_oid or "", symbol=ticket.symbol, stop=ticket.stop or "loss",
            stop_price=price, ticket=ticket, created_ns=now_ns,
        )  # fmt: skip
        self.wait(stop)
        return stop

    def _check(self, ticket: SpotTicket, now_ns: int) -> None:
        if self.instrument(ticket.symbol).gathering is not None:
            raise RestError(200, "200001", "Creating orders is suspended: the call auction takes none from accounts")
        if ticket.late(now_ns):
            raise _refused("The order arrived after clientTimestamp and allowMaxTimeWindow.")
        if sum(1 for _ in self.orders.active(ticket.symbol)) >= MOST_ACTIVE:
            raise RestError(200, "200003", "The number of your active orders has reached the limit")
        known = self.orders.get(client_oid=ticket.client_oid) if ticket.client_oid else None
        if known is not None and known.active:
            raise _refused("The clientOid is in use already.")

    def _order(self, ticket: SpotTicket, listing: Listing, now_ns: int) -> SpotOrder:
        trade_type = ticket.trade_type
        if trade_type == "MARGIN_TRADE" and ticket.is_isolated:
            trade_type = "MARGIN_ISOLATED_TRADE"
        if trade_type not in _TRADE_TYPES:
            raise _refused("tradeType is invalid.")
        price, lots, funds = self._quantities(ticket, listing)
        in_force = ticket.time_in_force or "GTC"
        return SpotOrder(
            id=self._ids.spot(now_ns), client_oid=ticket.client_oid or "", symbol=ticket.symbol, side=ticket.side,
            type=ticket.type, price=price, lots=lots, funds=funds, created_ns=now_ns, updated_ns=now_ns,
            time_in_force=in_force, ends_ns=ends_ns(in_force, ticket.cancel_after, now_ns),
            cancel_after=ticket.cancel_after, post_only=bool(ticket.post_only), hidden=bool(ticket.hidden),
            iceberg=bool(ticket.iceberg), visible_size=str(ticket.visible_size or ""), stp=ticket.stp or "",
            remark=ticket.remark or "", tags=ticket.tags or "", trade_type=trade_type,
            account=account_of(trade_type, ticket.symbol), auto_repay=ticket.auto_repay,
            hold_currency=listing.quote if ticket.side == "buy" else listing.base,
        )  # fmt: skip

    def _quantities(self, ticket: SpotTicket, listing: Listing) -> tuple[int, int, Decimal]:
        """Price in ticks, size in lots, funds."""
        price = steps(ticket.price, listing.price_scale, "price", _refused)
        lots = steps(ticket.size, listing.size_scale, "size", _refused)
        funds = decimal(ticket.funds, "funds", _refused)
        if ticket.type == "limit":
            if not price or not lots:
                raise _refused("A limit order needs price and size.")
            funds = ZERO
        elif bool(lots) == bool(funds):
            raise _refused("A market order needs either size or funds.")
        else:
            price = 0
        if lots and lots < listing.least_lots:
            raise _refused("Order size below the minimum requirement.")
        return price, lots, funds

    def _plan(self, order: SpotOrder, listing: Listing) -> list[Level]:
        funds = int(order.funds.scaleb(listing.price_scale + listing.size_scale))
        if order.stp:
            return self._meet(order, funds or order.lots, by_funds=bool(funds))
        offers = self._pit(order.symbol).offers(order.side, order.price)
        return spend(offers, funds) if funds else plan(offers, order.lots)

    def _need(self, order: SpotOrder, levels: Sequence[Level], listing: Listing) -> Decimal:
        """What the order has to hold: of a purchase its price and the fee."""
        if order.side == "sell":
            lots = sum(level.lots for level in levels) if order.funds else order.lots
            return Decimal(lots).scaleb(-listing.size_scale)
        if order.type == "limit":
            value = worth(listing, order.price, order.lots)
        else:
            value = order.funds or sum((worth(listing, *level) for level in levels), ZERO)
        return value * (1 + FEE)

    def _hold(self, order: SpotOrder, need: Decimal, now_ns: int, *, borrow: bool) -> None:
        context = {"symbol": order.symbol, "orderId": order.id}
        account, currency = order.account, order.hold_currency
        lacking = need - self._ledger.get(account, currency).available
        if lacking > 0 and borrow and account != "trade":
            self.borrow(account, currency, lacking, now_ns)
            order.borrowed = lacking
        self._ledger.change(account, currency, -need, need, event="hold", time_ns=now_ns, context=context)
        order.held = need

    def borrow(self, account: str, currency: str, amount: Decimal, now_ns: int) -> None:
        """Lend a margin account something."""
        if self._ledger.get(account, currency).liability + amount > BORROWED:
            raise insufficient()
        self._ledger.change(account, currency, amount, liability=amount, event="other", time_ns=now_ns)

    def repay(self, account: str, currency: str, amount: Decimal, now_ns: int) -> Decimal:
        """Pay back what is available, up to ``amount`` and to what is owed; return how much that was."""
        holding = self._ledger.get(account, currency)
        amount = min(amount, holding.available, holding.liability)
        if amount > 0:
            self._ledger.change(account, currency, -amount, liability=-amount, event="other", time_ns=now_ns)
        return amount

    def _settle(self, order: SpotOrder, fill: Fill, maker: bool) -> OrderFill[SpotOrder]:
        listing = self._pits[order.symbol].instrument.listing
        value = worth(listing, fill.price, fill.size)
        fee, size = value * FEE, Decimal(fill.size).scaleb(-listing.size_scale)
        context = {"symbol": order.symbol, "orderId": order.id, "tradeId": str(fill.number)}
        spent, earned = (value + fee, size) if order.side == "buy" else (size, value - fee)
        currency = listing.base if order.side == "buy" else listing.quote
        change = self._ledger.change
        time_ns = fill.time_ns
        change(order.account, order.hold_currency, ZERO, -spent, event="setted", time_ns=time_ns, context=context)
        change(order.account, currency, earned, event="setted", time_ns=time_ns, context=context)
        order.held -= spent
        if order.auto_repay:
            self.repay(order.account, currency, earned, time_ns)
        return OrderFill(order, fill, maker, value, fee, FEE, self._fills)

    def _release(self, order: SpotOrder, time_ns: int) -> None:
        if order.held:
            held, order.held = order.held, ZERO
            context = {"symbol": order.symbol, "orderId": order.id}
            self._ledger.change(
                order.account, order.hold_currency, held, -held, event="hold", time_ns=time_ns, context=context
            )

    def _report(
        self, order: SpotOrder, event: OrderEvent, time_ns: int, fill: OrderFill[SpotOrder] | None = None
    ) -> None:
        for each in self._news:
            each.spot_order(order, event, time_ns, fill)

    def _report_stop(self, stop: Stop[SpotTicket], event: StopEvent, time_ns: int, error: str = "") -> None:
        for each in self._news:
            each.spot_stop(stop, event, time_ns, error)

    def _stop_price(self, stop: Stop[SpotTicket]) -> Decimal:
        instrument = self._pits[stop.symbol].instrument
        return Decimal(instrument.price(instrument.flow.last.price))


def account_of(trade_type: str, symbol: str) -> str:
    """Return the account whose money an order moves."""
    return {"TRADE": "trade", "MARGIN_TRADE": "margin"}.get(trade_type, f"{ISOLATED}{symbol}")


def worth(listing: Listing, price: int, lots: int) -> Decimal:
    """Return the value of lots at a price in ticks, in the quote currency."""
    return Decimal(price * lots).scaleb(-listing.price_scale - listing.size_scale)


def spend(offers: Iterable[Level], funds: int) -> list[Level]:
    """Return of the levels offered what funds suffice for; they are in ticks times lots."""
    taken: list[Level] = []
    for level in offers:
        lots = min(level.lots, funds // level.price)
        if not lots:
            break
        taken.append(Level(level.price, lots))
        funds -= lots * level.price
    return taken


def _refused(reason: str) -> RestError:
    return RestError(400, "400100", reason)
