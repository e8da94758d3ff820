"""One order as it is now, and what each message of the exchange says of it.

An order only ever goes on: more of it is filled or cancelled, and once finished it stays so. Of two messages the one
that is further on is newer, whatever the order of arrival, and a repetition changes nothing. What the newer one does
not say, an older one does.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct, structs

from kucoin_stream.market.account.joining import completed, in_ns
from kucoin_stream.protocol.messages import account, futures_account, rest_account
from kucoin_stream.protocol.messages.units import Funds, MarketSize, Price

Pushed = account.Order | account.StopOrder | futures_account.Order | futures_account.StopOrder
Listed = rest_account.SpotOrder | rest_account.SpotStopOrder | rest_account.FuturesOrder

Market = Literal["spot", "futures"]

_STAGES = ("stop", "triggered", "new", "open", "partly filled", "done", "failed", "cancelled", "filled")
"""What an order can be, further on from left to right: ``done`` is finished, not known how."""
_RANKS = {stage: rank for rank, stage in enumerate(_STAGES)}
_ENDS = frozenset(_STAGES[_STAGES.index("done") :])


class Order(Struct, frozen=True, gc=False):
    """An order as it is now. Sizes are in the base currency, of futures in lots; ``funds`` in the quote currency.

    ``status``: ``new`` (in the engine, not yet in the book), ``open``, ``partly filled``, ``filled``, ``cancelled``
    (perhaps after a part was filled), ``done`` (finished while nobody looked); of stop orders ``stop`` (waiting),
    ``triggered``, ``failed`` (triggered, then not accepted), ``cancelled``.
    """

    order_id: str
    symbol: str
    side: str
    market: Market
    status: str
    type: str | None = None
    price: Price | None = None
    size: MarketSize | None = None
    filled_size: MarketSize | None = None
    remaining: MarketSize | None = None
    cancelled_size: MarketSize | None = None
    funds: Funds | None = None
    stop: str | None = None
    stop_price: Price | None = None
    client_oid: str | None = None
    created_ns: int | None = None
    updated_ns: int | None = None

    @property
    def finished(self) -> bool:
        """Whether nothing more is expected of it. What a stop order triggered may go on under the same id."""
        return self.status in _ENDS or self.status == "triggered"

    def _progress(self) -> tuple[bool, float, float, int, int]:
        return (
            self.status in _ENDS,
            self.filled_size or 0.0,
            self.cancelled_size or 0.0,
            _RANKS[self.status],
            self.updated_ns or 0,
        )

    def joined(self, other: Order) -> Order:
        """Return what this and another message of the same order say together."""
        newer, older = (other, self) if other._progress() > self._progress() else (self, other)
        created = [each.created_ns for each in (self, other) if each.created_ns is not None]
        updated = [each.updated_ns for each in (self, other) if each.updated_ns is not None]
        together = structs.replace(
            completed(newer, older), created_ns=min(created, default=None), updated_ns=max(updated, default=None)
        )
        return self if together == self else together


def unseen(order: Order) -> Order:
    """Return an order that has finished, nobody knows how."""
    return structs.replace(order, status="done", remaining=0.0)


def pushed(message: Pushed) -> Order:
    """Return what a push says of an order (protocol.md 4.13, 4.15, 4.30, 4.31)."""
    match message:
        case account.Order():
            return _pushed_spot(message)
        case futures_account.Order():
            return structs.replace(_changed(message, "futures"), size=message.size, created_ns=message.order_time_ns)
        case account.StopOrder():
            return _stopped(message, "spot")
        case futures_account.StopOrder():
            return _stopped(message, "futures")


def _pushed_spot(message: account.Order) -> Order:
    order = structs.replace(
        _changed(message, "spot"),
        size=message.size if message.origin_size is None else message.origin_size,
        funds=message.origin_funds if message.order_type == "market" else None,
        created_ns=in_ns(message.order_time_ms),
    )
    if order.status != "new":
        return order
    return structs.replace(order, filled_size=0.0, remaining=order.size, cancelled_size=0.0)  # which it does not say


def _changed(message: account.Order | futures_account.Order, market: Market) -> Order:
    return Order(
        message.order_id,
        message.symbol,
        message.side,
        market,
        _status(message),
        type=message.order_type,
        price=message.price or None,  # 0: a market order
        filled_size=message.filled_size,
        remaining=message.remain_size,
        cancelled_size=message.canceled_size,
        client_oid=message.client_oid,
        updated_ns=message.ts_ns,
    )


def _status(message: account.Order | futures_account.Order) -> str:
    if message.status == "done":
        return "filled" if message.type == "filled" else "cancelled"
    if message.filled_size or message.type == "match":
        return "partly filled"
    return "new" if message.status == "new" else "open"


def _stopped(message: account.StopOrder | futures_account.StopOrder, market: Market) -> Order:
    status = {"cancel": "cancelled", "triggered": "triggered"}.get(message.type, "stop")
    if message.trigger_success is False and status == "triggered":
        status = "failed"
    return Order(
        message.order_id,
        message.symbol,
        message.side,
        market,
        status,
        type=message.order_type,
        price=message.order_price or None,
        size=message.size,
        stop=message.stop,
        stop_price=message.stop_price,
        created_ns=in_ns(message.created_at_ms),
        updated_ns=message.ts_ns,
    )


def listed(answer: Listed) -> Order:
    """Return what a call says of an order."""
    match answer:
        case rest_account.SpotOrder():
            return _listed_spot(answer)
        case rest_account.SpotStopOrder():
            return structs.replace(
                _listed(answer, "spot", "triggered" if answer.status == "TRIGGERED" else "stop"),
                funds=_funds(answer),
                stop=answer.stop,
                stop_price=answer.stop_price,
            )
        case rest_account.FuturesOrder():
            return _listed_futures(answer)


def _listed_spot(answer: rest_account.SpotOrder) -> Order:
    return structs.replace(
        _listed(answer, "spot", _listed_status(answer.active, answer.deal_size, answer.cancel_exist)),
        filled_size=answer.deal_size,
        remaining=_remaining(answer) if answer.active is not False else 0.0,
        cancelled_size=answer.cancelled_size,
        funds=_funds(answer),
        updated_ns=in_ns(answer.last_updated_at_ms or answer.created_at_ms),
    )


def _listed_futures(answer: rest_account.FuturesOrder) -> Order:
    filled = answer.deal_size if answer.filled_size is None else answer.filled_size
    status = _listed_status(answer.is_active, filled, answer.cancel_exist)
    if answer.stop and not answer.stop_triggered and status == "open":
        status = "stop"
    size, done = answer.size, answer.is_active is False
    remaining = None if size is None else 0.0 if done else size - (filled or 0.0)
    order = structs.replace(
        _listed(answer, "futures", status),
        filled_size=filled,
        remaining=remaining,
        cancelled_size=size - (filled or 0.0) if done and size is not None else None,
        stop=answer.stop,
        stop_price=answer.stop_price,
        updated_ns=in_ns(answer.updated_at_ms or answer.created_at_ms),
    )
    return structs.replace(order, created_ns=answer.order_time_ns) if answer.order_time_ns else order


def _listed(answer: Listed, market: Market, status: str) -> Order:
    return Order(
        answer.id,
        answer.symbol,
        answer.side,
        market,
        status,
        type=answer.type,
        price=answer.price or None,
        size=answer.size or None,  # 0: a market order by funds
        client_oid=answer.client_oid,
        created_ns=in_ns(answer.created_at_ms),
        updated_ns=in_ns(answer.created_at_ms),
    )


def _listed_status(active: bool | None, filled: float | None, cancelled: bool | None) -> str:
    if active is False:
        return "cancelled" if cancelled or not filled else "filled"
    return "partly filled" if filled else "open"


def _remaining(answer: rest_account.SpotOrder) -> float | None:
    if answer.remain_size is not None or answer.size is None:
        return answer.remain_size
    return answer.size - (answer.deal_size or 0.0)


def _funds(answer: rest_account.SpotOrder | rest_account.SpotStopOrder) -> float | None:
    return answer.funds if answer.type == "market" else None  # of others it is only price * size
