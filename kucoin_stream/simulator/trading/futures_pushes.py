"""Futures on the classic private socket (protocol.md 4.30 to 4.35). Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kucoin_stream.simulator.ladder import text
from kucoin_stream.simulator.trading.amounts import ZERO, number, written
from kucoin_stream.simulator.trading.futures_rows import ISOLATED_ONLY, MARKED, REST_ONLY, position_row
from kucoin_stream.simulator.trading.news import News, OrderEvent, Reason, StopEvent
from kucoin_stream.simulator.trading.orders import FuturesOrder, OrderFill, Stop
from kucoin_stream.simulator.trading.outbox import Outbox
from kucoin_stream.simulator.trading.positions import Position
from kucoin_stream.simulator.trading.spot_pushes import status
from kucoin_stream.simulator.trading.tickets import FuturesTicket
from kucoin_stream.simulator.trading.wallets import Wallet

if TYPE_CHECKING:
    from kucoin_stream.simulator.trading.futures import FuturesDesk

ORDERS, STOPS, WALLET = "/contractMarket/tradeOrders", "/contractMarket/advancedOrders", "/contractAccount/wallet"
POSITION, POSITIONS = "/contract/position", "/contract/positionAll"
MODE, LEVERAGE = "/contract/marginMode", "/contract/crossLeverage"


class FuturesPushes(News):
    """Writes what classic futures sessions read."""

    def __init__(self, desk: FuturesDesk, outbox: Outbox) -> None:
        self._desk = desk
        self._outbox = outbox
        self._shown: dict[str, Wallet] = {}

    def futures_order(
        self, order: FuturesOrder, event: OrderEvent, time_ns: int, fill: OrderFill[FuturesOrder] | None
    ) -> None:
        """Push a change of an order."""
        topic = f"{ORDERS}:{order.symbol}"
        if self._outbox.wants(ORDERS, topic):
            scale = self._desk.instrument(order.symbol).listing.price_scale
            data = order_data(order, event, time_ns, fill, scale)
            self._outbox.classic(ORDERS, "orderChange", data)
            self._outbox.classic(topic, "symbolOrderChange", data)

    def futures_stop(self, stop: Stop[FuturesTicket], event: StopEvent, time_ns: int, error: str = "") -> None:
        """Push a change of a stop order."""
        if self._outbox.wants(STOPS):
            mode = self._desk.position(stop.symbol).margin_mode
            self._outbox.classic(STOPS, "stopOrder", stop_data(stop, event, time_ns, error, mode), number=time_ns)

    def wallet(self, currency: str, time_ns: int) -> None:
        """Push what is different of a wallet, also under the old subjects."""
        if not self._outbox.wants(WALLET):
            return
        wallet, before = self._desk.wallet(currency), self._shown.get(currency, Wallet(currency, ZERO, 0))
        if wallet == before:
            return
        self._shown[currency] = wallet
        for subject, data in wallet_data(wallet, before, time_ns):
            self._outbox.classic(WALLET, subject, data, number=time_ns)

    def position(self, position: Position, reason: Reason, time_ns: int) -> None:
        """Push a position; of a new mark price only what depends on it."""
        topic = f"{POSITION}:{position.symbol}"
        if self._outbox.wants(topic, POSITIONS):
            data = position_row(position, self._desk.backing(position), time_ns) | {"changeReason": reason}
            hidden = {*REST_ONLY, *(ISOLATED_ONLY if position.cross else ())}
            if reason == "markPriceChange":
                hidden = data.keys() - {*MARKED, "settleCurrency", "symbol", "changeReason"}
            data = {name: value for name, value in data.items() if name not in hidden}
            for each in (topic, POSITIONS):
                self._outbox.classic(each, "position.change", data)

    def funding(self, position: Position, rate: float, fee: float, time_ns: int) -> None:
        """Push a funding fee."""
        data = {
            "fundingTime": time_ns // 1_000_000,
            "qty": position.lots,
            "markPrice": number(position.mark),
            "fundingRate": rate,
            "fundingFee": -fee,
            "ts": time_ns,
            "settleCurrency": position.settle,
            "symbol": position.symbol,
        }
        for topic in (f"{POSITION}:{position.symbol}", POSITIONS):
            self._outbox.classic(topic, "position.settlement", data)

    def margin_mode(self, symbol: str, mode: str, time_ns: int) -> None:  # noqa: ARG002
        """Push a contract's margin mode."""
        self._outbox.classic(MODE, "user.config", {symbol: mode})

    def risk_limit(self, position: Position, level: int, time_ns: int) -> None:  # noqa: ARG002
        """Push how the change of a risk limit ended."""
        for topic in (f"{POSITION}:{position.symbol}", POSITIONS):
            self._outbox.classic(
                topic, "position.adjustRiskLimit", {"success": True, "riskLimitLevel": level, "msg": ""}
            )

    def leverage(self, symbol: str, leverage: str, time_ns: int) -> None:  # noqa: ARG002
        """Push a contract's cross leverage."""
        self._outbox.classic(LEVERAGE, "user.config", {symbol: {"leverage": leverage}})


def order_data(
    order: FuturesOrder, event: OrderEvent, time_ns: int, fill: OrderFill[FuturesOrder] | None, price_scale: int
) -> dict[str, Any]:
    """Return a change of an order: sizes in lots, as text; times in ns."""
    data: dict[str, Any] = {
        "symbol": order.symbol,
        "orderType": order.type,
        "side": order.side,
        "orderId": order.id,
        "positionSide": "BOTH",
        "marginMode": order.margin_mode,
        "tradeType": order.trade_type,
        "type": event,
        "status": status(event, fill),
        "price": text(order.price, price_scale),
        "size": str(order.size),
        "filledSize": str(order.filled),
        "remainSize": str(order.left),
        "canceledSize": str(order.cancelled),
        "orderTime": order.created_ns,
        "ts": time_ns,
    }
    if order.client_oid:
        data["clientOid"] = order.client_oid
    if event == "update":
        data["oldSize"] = str(order.old_lots)
    if event == "open":
        data["liquidity"] = "maker"
    if fill is not None:
        data |= {
            "matchPrice": text(fill.fill.price, price_scale),
            "matchSize": str(fill.fill.size),
            "tradeId": str(fill.fill.number),
            "liquidity": "maker" if fill.maker else "taker",
            "feeType": "makerFee" if fill.maker else "takerFee",
        }
    return data


def stop_data(
    stop: Stop[FuturesTicket], event: StopEvent, time_ns: int, error: str, margin_mode: str
) -> dict[str, Any]:
    """Return a change of a stop order."""
    ticket = stop.ticket
    data: dict[str, Any] = {
        "createdAt": stop.created_ns // 1_000_000,
        "marginMode": ticket.margin_mode or margin_mode,
        "orderId": stop.id,
        "orderPrice": str(ticket.price or "0"),
        "orderType": "stop",
        "side": ticket.side,
        "size": int(ticket.size or 0),
        "stop": stop.stop,
        "stopPrice": written(stop.stop_price),
        "stopPriceType": stop.price_type,
        "symbol": stop.symbol,
        "ts": time_ns,
        "type": event,
    }
    if event == "triggered":
        data["triggerSuccess"] = not error
    return data | ({"error": error} if error else {})


def wallet_data(wallet: Wallet, before: Wallet, time_ns: int) -> list[tuple[str, dict[str, str]]]:
    """Return subjects and data of what is different: the statement, then the deprecated parts."""
    stamp = {"currency": wallet.currency, "timestamp": str(time_ns // 1_000_000)}
    available = written(wallet.available)
    statement = {
        "crossPosMargin": written(wallet.cross_margin),
        "isolatedOrderMargin": written(wallet.isolated_orders),
        "holdBalance": "0",
        "equity": written(wallet.equity),
        "version": str(wallet.version),
        "availableBalance": available,
        "isolatedPosMargin": written(wallet.isolated_margin),
        "maxWithdrawAmount": written(wallet.withdrawable),
        "walletBalance": written(wallet.balance),
        "isolatedFundingFeeMargin": "0",
        "crossUnPnl": written(wallet.cross_profit),
        "totalCrossMargin": written(wallet.cross_total),
        "isolatedUnPnl": written(wallet.isolated_profit),
        "availableMargin": available,
        "crossOrderMargin": written(wallet.cross_orders),
    }
    told: list[tuple[str, dict[str, str]]] = [("walletBalance.change", statement | stamp)]
    orders = wallet.isolated_orders + wallet.cross_orders
    if orders != before.isolated_orders + before.cross_orders:
        told.append(("orderMargin.change", {"orderMargin": written(orders), **stamp}))
    if wallet.available != before.available:
        told.append(("availableBalance.change", {"availableBalance": available, "holdBalance": "0", **stamp}))
    return told
