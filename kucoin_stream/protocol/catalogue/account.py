"""The account's own orders, balances and positions: classic spot, margin and futures (protocol.md 4.13 to 4.35).

Several subjects on one path are several rows. What is pushed on ``/contract/positionAll`` may come back under that
name or under ``/contract/position:{symbol}``, so that each subject has a row for either.
"""

from __future__ import annotations

from kucoin_stream.protocol.messages import account, futures_account
from kucoin_stream.protocol.topic import Connection, Topic

_SPOT = Connection.SPOT_PRIVATE
_FUTURES = Connection.FUTURES_PRIVATE

_ORDER = ("order_id", "type", "trade_id", "ts_ns")
_STOP_ORDER = ("order_id", "type", "ts_ns")
_POSITION = ("symbol", "change_reason", "current_timestamp_ms", "current_qty", "mark_price")
_SETTLEMENT = ("symbol", "settle_currency", "funding_time_ms", "ts_ns")

ROWS: tuple[Topic, ...] = (
    Topic(
        "account.orders", _SPOT, "/spotMarket/tradeOrdersV2", account.Order, ("orderChange",), "mark", "4.13",
        list_limit=0, private=True, identity=_ORDER,
    ),
    Topic(
        "account.orders_v1", _SPOT, "/spotMarket/tradeOrders", account.Order, ("orderChange",), "mark", "4.13",
        list_limit=0, private=True, identity=_ORDER,
    ),
    Topic(
        "account.balances", _SPOT, "/account/balance", account.Balance, ("account.balance",), "mark", "4.14",
        list_limit=0, private=True, identity=("account_id", "currency", "relation_event_id", "time_ms"),
    ),
    Topic(
        "account.stop_orders", _SPOT, "/spotMarket/advancedOrders", account.StopOrder, ("stopOrder",), "mark", "4.15",
        list_limit=0, private=True, identity=_STOP_ORDER,
    ),
    Topic(
        "account.margin_position", _SPOT, "/margin/position", account.DebtRatio, ("debt.ratio",), "conflate", "4.16",
        list_limit=0, private=True, identity=("timestamp_ms",),
    ),
    Topic(
        "account.margin_status", _SPOT, "/margin/position", account.MarginStatus, ("position.status",), "mark", "4.16",
        list_limit=0, private=True, identity=("type", "timestamp_ms"),
    ),
    Topic(
        "account.isolated_position", _SPOT, "/margin/isolatedPosition:{symbol}", account.IsolatedPosition,
        ("positionChange",), "mark", "4.17", list_limit=1, private=True,
        identity=("tag", "status", "status_biz_type", "timestamp_ms"),
    ),
    Topic(
        "account.futures_orders", _FUTURES, "/contractMarket/tradeOrders", futures_account.Order, ("orderChange",),
        "mark", "4.30", list_limit=0, private=True, identity=_ORDER,
    ),
    Topic(
        "account.futures_symbol_orders", _FUTURES, "/contractMarket/tradeOrders:{symbol}", futures_account.Order,
        ("symbolOrderChange",), "mark", "4.30", list_limit=1, private=True, identity=_ORDER,
    ),
    Topic(
        "account.futures_stop_orders", _FUTURES, "/contractMarket/advancedOrders", futures_account.StopOrder,
        ("stopOrder",), "mark", "4.31", list_limit=0, private=True, identity=_STOP_ORDER,
    ),
    Topic(
        "account.futures_wallet", _FUTURES, "/contractAccount/wallet", futures_account.Wallet,
        ("walletBalance.change",), "mark", "4.32", list_limit=0, private=True,
        identity=("currency", "version", "available_balance", "timestamp_ms"),
    ),
    Topic(
        "account.futures_order_margin", _FUTURES, "/contractAccount/wallet", futures_account.OrderMargin,
        ("orderMargin.change",), "mark", "4.32", list_limit=0, private=True, identity=("currency", "timestamp_ms"),
    ),
    Topic(
        "account.futures_available_balance", _FUTURES, "/contractAccount/wallet", futures_account.AvailableBalance,
        ("availableBalance.change",), "mark", "4.32", list_limit=0, private=True,
        identity=("currency", "timestamp_ms"),
    ),
    Topic(
        "account.futures_withdraw_hold", _FUTURES, "/contractAccount/wallet", futures_account.WithdrawHold,
        ("withdrawHold.change",), "mark", "4.32", list_limit=0, private=True, identity=("currency", "timestamp_ms"),
    ),
    # Not conflated: a change of the mark price says a part only, and would hide the full state before it.
    Topic(
        "account.futures_position", _FUTURES, "/contract/position:{symbol}", futures_account.Position,
        ("position.change",), "mark", "4.33", list_limit=1, private=True, identity=_POSITION,
    ),
    Topic(
        "account.futures_position_settlement", _FUTURES, "/contract/position:{symbol}",
        futures_account.PositionSettlement, ("position.settlement",), "mark", "4.33", list_limit=1, private=True,
        identity=_SETTLEMENT,
    ),
    Topic(
        "account.futures_position_risk_limit", _FUTURES, "/contract/position:{symbol}", futures_account.RiskLimit,
        ("position.adjustRiskLimit",), "mark", "4.33", list_limit=1, private=True,
    ),
    Topic(
        "account.futures_positions", _FUTURES, "/contract/positionAll", futures_account.Position,
        ("position.change",), "mark", "4.33", list_limit=0, private=True, identity=_POSITION,
    ),
    Topic(
        "account.futures_positions_settlement", _FUTURES, "/contract/positionAll",
        futures_account.PositionSettlement, ("position.settlement",), "mark", "4.33", list_limit=0, private=True,
        identity=_SETTLEMENT,
    ),
    Topic(
        "account.futures_positions_risk_limit", _FUTURES, "/contract/positionAll", futures_account.RiskLimit,
        ("position.adjustRiskLimit",), "mark", "4.33", list_limit=0, private=True,
    ),
    Topic(
        "account.margin_mode", _FUTURES, "/contract/marginMode", futures_account.MarginModes, ("user.config",), "mark",
        "4.34", list_limit=0, private=True,
        about="``ISOLATED`` or ``CROSS`` by symbol, of the symbols whose margin mode changed (4.34).",
    ),
    Topic(
        "account.cross_leverage", _FUTURES, "/contract/crossLeverage", futures_account.CrossLeverages,
        ("user.config",), "mark", "4.35", list_limit=0, private=True,
        about="Cross margin leverage by symbol, of the symbols where it changed (4.35).",
    ),
)  # fmt: skip
