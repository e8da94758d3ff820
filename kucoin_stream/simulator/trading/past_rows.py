"""Closed positions, funding fees and entries of a futures wallet as REST shows them (rest.md). Pure."""

from __future__ import annotations

from typing import Any

from kucoin_stream.simulator.trading.amounts import CENT, ZERO, floor, number, written
from kucoin_stream.simulator.trading.ids import USER_ID
from kucoin_stream.simulator.trading.past import Closed, Entry, Funded

Row = dict[str, Any]


def closed_row(closed: Closed) -> Row:
    """Return a position that is over: money as text, what was paid below 0 but for ``tradeFee``."""
    earned = closed.gross - closed.fees - closed.funding
    side = "LONG" if closed.long else "SHORT"
    cost = written(-closed.gross)
    exit_price = written(floor(closed.exit_price))
    return {
        "closeId": f"{500_000_000_000_000_000 + closed.number}",
        "userId": USER_ID,
        "symbol": closed.symbol,
        "settleCurrency": closed.settle,
        "leverage": written(closed.leverage),
        "type": f"{'LIQUID' if closed.liquidated else 'CLOSE'}_{side}",
        "pnl": written(earned),
        "realisedGrossCost": cost,
        "realisedGrossCostNew": cost,
        "withdrawPnl": "0",
        "tradeFee": written(closed.fees),
        "fundingFee": written(-closed.funding),
        "openTime": closed.opened_ns // 1_000_000,
        "closeTime": closed.closed_ns // 1_000_000,
        "openPrice": written(floor(closed.entry_price)),
        "closePrice": exit_price,
        "marginMode": closed.margin_mode,
        "tax": "0",
        "roe": written(floor(earned / closed.initial)) if closed.initial else None,
        "liquidAmount": None,
        "liquidPrice": exit_price if closed.liquidated else None,
        "side": side,
    }


def funded_row(funded: Funded) -> Row:
    """Return a funding fee: ``funding`` is below 0 where it was paid."""
    return {
        "id": funded.number,
        "symbol": funded.symbol,
        "timePoint": funded.time_ns // 1_000_000,
        "fundingRate": funded.rate,
        "markPrice": number(funded.mark),
        "positionQty": funded.lots,
        "positionCost": number(floor(funded.worth, CENT)),
        "funding": number(-funded.paid),
        "settleCurrency": funded.settle,
        "context": "",
        "marginMode": funded.margin_mode,
    }


def entry_row(entry: Entry) -> Row:
    """Return an entry; ``offset`` is what the next call begins after."""
    return {
        "time": entry.time_ns // 1_000_000,
        "type": entry.kind,
        "amount": number(entry.amount),
        "fee": number(entry.fee),
        "accountEquity": number(floor(entry.equity)),
        "status": "Completed",
        "remark": entry.remark,
        "offset": entry.number,
        "currency": entry.currency,
    }


def transfer_row(entry: Entry) -> Row:
    """Return what has left a futures wallet as the abandoned list shows it."""
    return {
        "applyId": f"{entry.number:024d}",
        "currency": entry.currency,
        "recRemark": "",
        "recSystem": "KUCOIN",
        "status": "SUCCESS",
        "amount": written(max(ZERO, -entry.amount)),
        "reason": "",
        "offset": entry.number,
        "createdAt": entry.time_ns // 1_000_000,
        "remark": entry.remark,
    }
