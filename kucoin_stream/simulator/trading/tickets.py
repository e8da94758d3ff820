"""Orders as clients ask for them, over REST, the WS API or from Python (protocol.md 7.6). Pure."""

from __future__ import annotations

from typing import Any, Literal, TypeVar

import msgspec

from kucoin_stream.simulator.market import RestError
from kucoin_stream.simulator.trading.amounts import Number

T = TypeVar("T")
TimeInForce = Literal["GTC", "GTT", "IOC", "FOK", "RPI", ""]


class Ticket(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """What orders of both markets say. Times: ``cancel_after`` s, the others ms."""

    symbol: str
    type: Literal["limit", "market"] = "limit"
    client_oid: str | None = ""
    price: Number = None
    size: Number = None
    time_in_force: TimeInForce | None = "GTC"
    cancel_after: int = -1
    post_only: bool | None = False
    hidden: bool | None = False
    iceberg: bool | None = False
    visible_size: Number = None
    stp: str | None = ""
    remark: str | None = ""
    tags: str | None = ""
    stop: str | None = ""
    stop_price: Number = None
    client_timestamp: int = 0
    allow_max_time_window: int = 0

    def late(self, now_ns: int) -> bool:
        """Whether the client no longer wants it at ``now_ns``."""
        until = self.client_timestamp + self.allow_max_time_window
        return self.allow_max_time_window > 0 and until < now_ns // 1_000_000


class SpotTicket(Ticket, frozen=True, kw_only=True):
    """An order of spot or margin: ``size`` in the base currency, or, of a market order, ``funds`` in the quote's."""

    side: Literal["buy", "sell"]
    funds: Number = None
    trade_type: str = "TRADE"
    is_isolated: bool = False
    auto_borrow: bool = False
    auto_repay: bool = False


class FuturesTicket(Ticket, frozen=True, kw_only=True):
    """An order of a contract: ``size`` in lots, ``qty`` in the base currency, or ``value_qty`` as its value."""

    side: Literal["buy", "sell", ""] = ""  # none, where it closes the position
    qty: Number = None
    value_qty: Number = None
    leverage: Number = None
    margin_mode: Literal["ISOLATED", "CROSS", ""] | None = None
    position_side: str | None = "BOTH"
    reduce_only: bool | None = False
    close_order: bool | None = False
    force_hold: bool | None = False
    stop_price_type: Literal["TP", "MP", "IP", ""] | None = "TP"


def read(kind: type[T], fields: Any, code: str) -> T:
    """Read what a client sent; raise :class:`RestError` with that ``code`` where it does not fit."""
    try:
        return msgspec.convert(fields, kind, strict=False)
    except msgspec.ValidationError as exc:
        raise RestError(400, code, str(exc)) from None
