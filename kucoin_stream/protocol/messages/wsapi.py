"""Frames of the WS API, for orders over a websocket (protocol.md 7).

Sizes are in the base currency on spot and in contracts on futures, as in the REST calls of the same name. A field's
unit of time is in its name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from kucoin_stream.protocol.messages import Integer, Signed, TimeMs, TimeNs

SUCCESS = 200_000


class Request(Struct, frozen=True):
    """An operation; ``args`` is an array for ``futures.multi_order``, an object for all others (7.5)."""

    id: str
    op: str
    args: Mapping[str, Any] | list[Any]


class Ping(Struct, frozen=True):
    """The heartbeat; ``timestamp`` is text in ms (7.4)."""

    id: str
    timestamp: str
    op: str = "ping"


class RateLimit(Struct, frozen=True, gc=False):
    """What is left of the user's quota of orders, ``reset_ms`` until it is whole again (7.5)."""

    limit: Integer | None = None
    remaining: Integer | None = None
    reset_ms: Integer | None = field(name="reset", default=None)


class OrderResult(Struct, frozen=True, rename="camel", gc=False):
    """An order placed, changed or cancelled; ``order_id`` is absent where it was named by ``client_oid`` (7.6).

    ``new_order_id`` is of ``spot.modify``, which makes a new order; ``borrow_size`` and ``loan_apply_id`` of margin
    orders; ``ts_ns`` of the UTA operations.
    """

    order_id: str | None = None
    client_oid: str | None = None
    new_order_id: str | None = None
    trade_type: str | None = None
    ts_ns: TimeNs | None = field(name="ts", default=None)
    borrow_size: Signed | None = None
    loan_apply_id: str | None = None


class SyncResult(Struct, frozen=True, rename="camel", gc=False):
    """An order after it was matched or cancelled: ``spot.sync_order`` and ``spot.sync_cancel`` (7.6).

    ``status`` is ``open`` or ``done``.
    """

    status: str
    order_id: str | None = None
    client_oid: str | None = None
    origin_size: Signed | None = None
    deal_size: Signed | None = None
    remain_size: Signed | None = None
    canceled_size: Signed | None = None
    order_time_ms: TimeMs | None = field(name="orderTime", default=None)
    match_time_ms: TimeMs | None = field(name="matchTime", default=None)


class CancelResult(Struct, frozen=True, rename="camel"):
    """What ``futures.cancel`` cancelled (7.6)."""

    cancelled_order_ids: list[str] | None = None
    client_oid: str | None = None


class BatchResult(Struct, frozen=True, rename="camel", gc=False):
    """One order of a batch, with a code of its own: 200000 or, for cancels, 200 is success (7.6)."""

    code: Integer | None = None
    msg: str | None = None
    order_id: str | None = None
    client_oid: str | None = None
    symbol: str | None = None


RESULTS: Mapping[str, Any] = {
    "spot.order": OrderResult,
    "spot.sync_order": SyncResult,
    "spot.modify": OrderResult,
    "spot.cancel": OrderResult,
    "spot.sync_cancel": SyncResult,
    "margin.order": OrderResult,
    "margin.cancel": OrderResult,
    "futures.order": OrderResult,
    "futures.cancel": CancelResult,
    "futures.multi_order": list[BatchResult],
    "futures.multi_cancel": list[BatchResult],
    "uta.order": OrderResult,
    "uta.cancel": OrderResult,
    "uta.amend": OrderResult,
}
"""What a success brings, by operation (7.6)."""
