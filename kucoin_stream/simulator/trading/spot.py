"""Spot and margin orders: their money, from the hold to the last fill (protocol.md 4.13 to 4.15, 8.4). Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import cast

from kucoin_stream.simulator.auction import Auction
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
from kucoin_stream.simulator.trading.tickets import SpotTicket, TimeInForce

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
        self.allowance: Callable[[str, str, int], Decimal] = lambda *_: BORROWED  # by account, currency, time

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
        self._check(ticket, now_ns)
        listing = self.instrument(ticket.symbol).listing
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
        """Cancel an order and place it again, of another price or size; ``None`` where it has filled that much.

        Everything else stays; one with a time keeps the moment at which it ends. Where the new one would be refused,
        the old one is left as it is.
        """
        listing = self.instrument(order.symbol).listing
        ticks = steps(price, listing.price_scale, "price", _refused) or order.price
        lots = (steps(size, listing.size_scale, "size", _refused) or order.size) - order.filled
        if 0 < lots < listing.least_lots:
            raise _refused("Order size below the minimum requirement.")
        bound = Decimal(lots).scaleb(-listing.size_scale) if order.side == "sell" else _bound(listing, ticks, lots)
        if bound > order.held + self._ledger.get(order.account, order.hold_currency).available:
            raise insufficient()
        ticket = SpotTicket(
            symbol=order.symbol, side=order.side, client_oid=order.client_oid, trade_type=order.trade_type,
            price=text(ticks, listing.price_scale), size=text(lots, listing.size_scale),
            time_in_force=cast("TimeInForce", order.time_in_force), cancel_after=order.cancel_after,
            post_only=order.post_only, hidden=order.hidden, iceberg=order.iceberg, visible_size=order.visible_size,
            stp=order.stp, remark=order.remark, tags=order.tags, auto_repay=order.auto_repay,
        )  # fmt: skip
        if lots > 0:
            self._bounds(ticket, ticks)
        self.end(order, now_ns)
        return self._again(ticket, order.ends_ns, now_ns) if lots > 0 else None

    def _again(self, ticket: SpotTicket, ends_ns: int, now_ns: int) -> SpotOrder:
        order, levels = self._prepare(ticket, now_ns)
        order.ends_ns = ends_ns
        self._start(order, levels, now_ns)
        return order

    def stop(self, ticket: SpotTicket, now_ns: int) -> Stop[SpotTicket]:
        """Keep an order until the last price has come to its stop price."""
        stop = self.stop_of(ticket, now_ns)
        self.wait(stop)
        return stop

    def stop_of(self, ticket: SpotTicket, now_ns: int, *, group: str = "") -> Stop[SpotTicket]:
        """Return a stop order, which does not wait yet; raise where what it places would never be accepted."""
        self._order(ticket, self.instrument(ticket.symbol).listing, now_ns)
        price = decimal(ticket.stop_price, "stopPrice", _refused)
        if not price:
            raise _refused("stopPrice can not be empty.")
        return Stop(
            id=self._ids.stop(), client_oid=ticket.client_oid or "", symbol=ticket.symbol, stop=ticket.stop or "loss",
            stop_price=price, ticket=ticket, created_ns=now_ns, group=group,
        )  # fmt: skip

    def stop_name(self) -> str:
        """Return a new name of the form that stop orders have."""
        return self._ids.stop()

    def last_price(self, symbol: str) -> Decimal:
        """Return the price of a symbol's last trade."""
        instrument = self.instrument(symbol)
        return Decimal(instrument.price(instrument.flow.last.price))

    def check(self, ticket: SpotTicket, now_ns: int) -> None:
        """Raise what placing an order would raise, whatever money there is."""
        self._check(ticket, now_ns)
        self._order(ticket, self.instrument(ticket.symbol).listing, now_ns)

    def _check(self, ticket: SpotTicket, now_ns: int) -> None:
        if ticket.late(now_ns):
            raise _refused("The order arrived after clientTimestamp and allowMaxTimeWindow.")
        if sum(1 for _ in self.orders.active(ticket.symbol)) >= MOST_ACTIVE:
            raise RestError(200, "200003", "The number of your active orders has reached the limit")
        known = self.orders.get(client_oid=ticket.client_oid) if ticket.client_oid else None
        if known is not None and known.active:
            raise _refused("The clientOid is in use already.")

    def _order(self, ticket: SpotTicket, listing: Listing, now_ns: int) -> SpotOrder:
        trade_type = ticket.trade_type or "TRADE"
        if trade_type == "MARGIN_TRADE" and ticket.is_isolated:
            trade_type = "MARGIN_ISOLATED_TRADE"
        if trade_type not in _TRADE_TYPES:
            raise _refused("tradeType is invalid.")
        price, lots, funds = self._quantities(ticket, listing)
        self._bounds(ticket, price)
        tip = steps(ticket.visible_size, listing.size_scale, "visibleSize", _refused) if ticket.iceberg else 0
        if ticket.iceberg and not tip:
            raise _refused("An iceberg order needs visibleSize.")
        in_force = ticket.time_in_force or "GTC"
        return SpotOrder(
            id=self._ids.spot(now_ns), client_oid=ticket.client_oid or "", symbol=ticket.symbol, side=ticket.side,
            type=ticket.type, price=price, lots=lots, funds=funds, created_ns=now_ns, updated_ns=now_ns,
            time_in_force=in_force, ends_ns=ends_ns(in_force, ticket.cancel_after, now_ns),
            cancel_after=ticket.cancel_after, post_only=bool(ticket.post_only), hidden=bool(ticket.hidden),
            iceberg=bool(ticket.iceberg), visible_size=str(ticket.visible_size or ""), tip=tip, stp=ticket.stp or "",
            remark=ticket.remark or "", tags=ticket.tags or "", trade_type=trade_type,
            account=account_of(trade_type, ticket.symbol), auto_repay=ticket.auto_repay,
            hold_currency=listing.quote if ticket.side == "buy" else listing.base,
        )  # fmt: skip

    def _bounds(self, ticket: SpotTicket, price: int) -> None:
        """Refuse what a call auction does not take, while there is one."""
        auction = self.instrument(ticket.symbol).gathering
        if not isinstance(auction, Auction):
            return
        resting = ticket.type == "limit" and ticket.time_in_force not in ("IOC", "FOK")
        if not resting or ticket.post_only or ticket.hidden or ticket.iceberg:
            raise RestError(200, "301118", "The call auction takes limit orders that rest and are shown, no others.")
        if not auction.low <= price <= auction.high:
            code, word = ("301116", "below") if price < auction.low else ("301115", "above")
            raise RestError(200, code, f"The price is {word} what the call auction takes.")

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
            return _bound(listing, order.price, order.lots)
        return (order.funds or sum((worth(listing, *level) for level in levels), ZERO)) * (1 + FEE)

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
        if amount > self.allowance(account, currency, now_ns):
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

    def _free(self, order: SpotOrder, lots: int, time_ns: int) -> None:
        listing = self._pits[order.symbol].instrument.listing
        if order.side == "sell" and not order.funds:
            amount = Decimal(lots).scaleb(-listing.size_scale)
        elif order.type == "limit":
            amount = _bound(listing, order.price, lots)
        else:  # what a purchase at any price holds is for what it takes alone
            return
        order.held -= amount
        context = {"symbol": order.symbol, "orderId": order.id}
        self._ledger.change(
            order.account, order.hold_currency, amount, -amount, event="hold", time_ns=time_ns, context=context
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
        return self.last_price(stop.symbol)


def account_of(trade_type: str, symbol: str) -> str:
    """Return the account whose money an order moves."""
    return {"TRADE": "trade", "MARGIN_TRADE": "margin"}.get(trade_type, f"{ISOLATED}{symbol}")


def worth(listing: Listing, price: int, lots: int) -> Decimal:
    """Return the value of lots at a price in ticks, in the quote currency."""
    return Decimal(price * lots).scaleb(-listing.price_scale - listing.size_scale)


def _bound(listing: Listing, price: int, lots: int) -> Decimal:
    """What a purchase of lots at a price has to hold: their value and the fee."""
    return worth(listing, price, lots) * (1 + FEE)


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
