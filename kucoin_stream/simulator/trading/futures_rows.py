"""Orders, fills, stop orders, positions and wallets of futures as REST shows them (protocol.md 4.33, 8.4). Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from kucoin_stream.simulator.ladder import text
from kucoin_stream.simulator.trading.amounts import ZERO, floor, number, written
from kucoin_stream.simulator.trading.orders import FuturesOrder, OrderFill, Stop
from kucoin_stream.simulator.trading.positions import MAINTENANCE, Position
from kucoin_stream.simulator.trading.tickets import FuturesTicket
from kucoin_stream.simulator.trading.wallets import Wallet

Row = dict[str, Any]

MARKED = (
    "markPrice", "markValue", "maintMargin", "realLeverage", "unrealisedPnl", "unrealisedRoePcnt",
    "unrealisedPnlPcnt", "delevPercentage", "currentTimestamp",
)  # fmt: skip
"""Of a position, what depends on the mark price."""
ISOLATED_ONLY = (
    "autoDeposit", "riskLimit", "realLeverage", "posCross", "posComm", "posLoss", "posFunding", "maintMargin",
)  # fmt: skip
"""Of a position, what is not pushed of a cross one."""
REST_ONLY = ("id", "isInverse", "posCrossMargin", "posCommCommon", "maintainMargin")
_TEXTS = {
    "maintMarginReq", "realLeverage", "delevPercentage", "currentCost", "currentComm", "unrealisedCost",
    "realisedGrossCost", "realisedCost", "markPrice", "markValue", "posCost", "posCross", "posCrossMargin", "posInit",
    "posComm", "posCommCommon", "posLoss", "posMargin", "posFunding", "posMaint", "maintMargin", "realisedGrossPnl",
    "realisedPnl", "unrealisedPnl", "unrealisedPnlPcnt", "unrealisedRoePcnt", "avgEntryPrice", "liquidationPrice",
    "bankruptPrice", "maintainMargin", "leverage",
}  # fmt: skip
"""Of a position, what the second version of its call has as text."""
_RATIO = Decimal("1e-4")
_RISK_LIMIT = 100_000


def order_row(order: FuturesOrder, position: Position) -> Row:
    """Return an order; ``position`` is the one in its contract. The value of a market order is what it has filled."""
    updated, price_scale = order.updated_ns // 1_000_000, position.perpetual.instrument.listing.price_scale
    price = Decimal(order.price).scaleb(-price_scale)
    value = abs(position.worth(order.lots, price)) if order.price else order.value
    return {
        "id": order.id,
        "symbol": order.symbol,
        "type": order.type,
        "side": order.side,
        "price": text(order.price, price_scale),
        "size": order.lots,
        "value": written(value),
        "dealValue": written(order.value),
        "dealSize": order.filled,
        "stp": order.stp,
        "stop": order.stop,
        "stopPriceType": order.stop_price_type,
        "stopTriggered": bool(order.stop),
        "stopPrice": number(Decimal(order.stop_price)) if order.stop else None,
        "timeInForce": order.time_in_force,
        "postOnly": order.post_only,
        "hidden": order.hidden,
        "iceberg": order.iceberg,
        "leverage": written(order.leverage),
        "forceHold": order.force_hold,
        "closeOrder": order.close_order,
        "visibleSize": int(order.visible_size or 0),
        "clientOid": order.client_oid,
        "remark": order.remark or None,
        "tags": order.tags or None,
        "isActive": order.active,
        "cancelExist": bool(order.cancelled),
        "createdAt": order.created_ns // 1_000_000,
        "updatedAt": updated,
        "endAt": None if order.active else updated,
        "orderTime": order.created_ns,
        "settleCurrency": order.settle,
        "marginMode": order.margin_mode,
        "positionSide": "BOTH",
        "avgDealPrice": written(floor(order.average.scaleb(-price_scale))),
        "status": "open" if order.active else "done",
        "filledSize": order.filled,
        "filledValue": written(order.value),
        "reduceOnly": order.reduce_only,
    }


def fill_row(fill: OrderFill[FuturesOrder], price_scale: int) -> Row:
    """Return a fill; ``fee`` belongs to opening or to closing, as the fill did."""
    order, trade, fee = fill.order, fill.fill, written(fill.fee)
    return {
        "symbol": order.symbol,
        "tradeId": str(trade.number),
        "orderId": order.id,
        "side": order.side,
        "liquidity": "maker" if fill.maker else "taker",
        "forceTaker": order.trade_type == "liquid",
        "price": text(trade.price, price_scale),
        "size": trade.size,
        "value": written(fill.value),
        "openFeePay": written(fill.fee - fill.leaving),
        "closeFeePay": written(fill.leaving),
        "stop": order.stop,
        "feeRate": written(fill.fee_rate),
        "fixFee": "0",
        "feeCurrency": order.settle,
        "tradeTime": trade.time_ns,
        "subTradeType": None,
        "marginMode": order.margin_mode,
        "positionSide": "BOTH",
        "settleCurrency": order.settle,
        "displayType": f"{order.type}_stop" if order.stop else order.type,
        "fee": fee,
        "orderType": order.type,
        "tradeType": order.trade_type,
        "createdAt": trade.time_ns // 1_000_000,
        "openFeeTaxPay": "0",
        "closeFeeTaxPay": "0",
        "isRpiTrade": order.time_in_force == "RPI" and fill.maker,
    }


def stop_row(stop: Stop[FuturesTicket], position: Position) -> Row:
    """Return a stop order that waits; ``position`` is the one in its contract."""
    ticket, created = stop.ticket, stop.created_ns // 1_000_000
    return {
        "id": stop.id,
        "symbol": stop.symbol,
        "type": ticket.type,
        "side": ticket.side,
        "price": str(ticket.price or "0"),
        "size": int(ticket.size or 0),
        "value": "0",
        "dealValue": "0",
        "dealSize": 0,
        "stp": ticket.stp or "",
        "stop": stop.stop,
        "stopPriceType": stop.price_type,
        "stopTriggered": False,
        "stopPrice": written(stop.stop_price),
        "timeInForce": ticket.time_in_force or "GTC",
        "postOnly": bool(ticket.post_only),
        "hidden": bool(ticket.hidden),
        "iceberg": bool(ticket.iceberg),
        "leverage": str(ticket.leverage or written(position.leverage)),
        "forceHold": bool(ticket.force_hold),
        "closeOrder": bool(ticket.close_order),
        "visibleSize": int(ticket.visible_size or 0),
        "clientOid": stop.client_oid,
        "remark": ticket.remark or None,
        "tags": ticket.tags or None,
        "isActive": True,
        "cancelExist": False,
        "createdAt": created,
        "updatedAt": created,
        "endAt": None,
        "orderTime": stop.created_ns,
        "settleCurrency": position.settle,
        "marginMode": ticket.margin_mode or position.margin_mode,
        "avgDealPrice": "0",
        "filledSize": 0,
        "filledValue": "0",
        "status": "open",
        "reduceOnly": bool(ticket.reduce_only),
    }


def position_row(position: Position, backing: Decimal, time_ns: int) -> Row:
    """Return a position that has ``backing`` to lose: money as numbers, in the settlement currency."""
    mark, profit, margin = position.mark, position.profit, position.margin
    value, cost = position.worth(position.lots, mark), abs(position.cost)
    own = margin + profit
    money = {
        "currentCost": position.cost - position.gross,
        "currentComm": position.fees,
        "unrealisedCost": position.cost,
        "realisedGrossCost": -position.gross,
        "realisedCost": -position.realised,
        "markPrice": mark,
        "markValue": value,
        "posCost": position.cost,
        "posCross": ZERO,
        "posCrossMargin": ZERO,
        "posCommCommon": ZERO,
        "posInit": position.initial,
        "posComm": ZERO,
        "posLoss": ZERO,
        "posMargin": margin,
        "posFunding": ZERO,
        "posMaint": floor(cost * MAINTENANCE),
        "maintMargin": own,
        "maintainMargin": position.maintenance,
        "realisedGrossPnl": position.gross,
        "realisedPnl": position.realised,
        "unrealisedPnl": profit,
        "unrealisedPnlPcnt": floor(profit / cost, _RATIO) if cost else ZERO,
        "unrealisedRoePcnt": floor(profit / position.initial, _RATIO) if cost else ZERO,
        "avgEntryPrice": floor(position.entry, _RATIO),
        "liquidationPrice": position.liquidation(backing=backing),
        "bankruptPrice": position.liquidation(ZERO, backing),
        "leverage": position.leverage,
        "realLeverage": floor(abs(value) / own) if own > 0 and cost else position.leverage,
        "maintMarginReq": MAINTENANCE,
        "delevPercentage": Decimal("0.5") if position.lots else ZERO,
    }
    return {
        "id": position.id,
        "symbol": position.symbol,
        "crossMode": position.cross,
        "marginMode": position.margin_mode,
        "positionSide": "BOTH",
        "autoDeposit": position.auto_deposit,
        "riskLimit": _RISK_LIMIT,
        "riskLimitLevel": 1,
        "openingTimestamp": position.opened_ns // 1_000_000 or None,
        "currentTimestamp": time_ns // 1_000_000,
        "currentQty": position.lots,
        "isOpen": position.lots != 0,
        "settleCurrency": position.settle,
        "isInverse": position.perpetual.contract.inverse,
        **{name: number(amount) for name, amount in money.items()},
    }


def position_texts(row: Row, position: Position) -> Row:
    """Return a position's row as the second version of its call shows it: money as text, and sums since it opened."""
    shown = {name: written(Decimal(str(value))) if name in _TEXTS else value for name, value in row.items()}
    more = {
        "posProfit": ZERO,
        "posCommFunding": ZERO,
        "cumulativeTradeFee": position.fees,
        "cumulativeFundingFee": -position.funding,
        "withdrawPnl": ZERO,
        "cumulativeTax": ZERO,
        "aggRate": ZERO,
        "imr": floor(1 / position.leverage, _RATIO),
        "amr": MAINTENANCE,
    }
    return shown | {name: written(amount) for name, amount in more.items()}


def overview(wallet: Wallet) -> Row:
    """Return a wallet as the account overview shows it."""
    margin = wallet.isolated_margin + wallet.cross_margin
    profit = wallet.isolated_profit + wallet.cross_profit
    money = {
        "accountEquity": wallet.equity,
        "unrealisedPNL": profit,
        "marginBalance": wallet.balance,
        "positionMargin": margin,
        "orderMargin": wallet.isolated_orders + wallet.cross_orders,
        "frozenFunds": ZERO,
        "availableBalance": wallet.available,
        "riskRatio": floor(wallet.cross_maintenance / wallet.cross_total, _RATIO) if wallet.cross_total > 0 else ZERO,
        "maxWithdrawAmount": wallet.withdrawable,
        "availableMargin": wallet.available,
    }
    return {"currency": wallet.currency, **{name: number(amount) for name, amount in money.items()}}
