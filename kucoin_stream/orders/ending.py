"""The end of a session that has promised to cancel its orders: over its socket, else over REST (protocol.md 7.6)."""

from __future__ import annotations

import asyncio
import logging
import warnings
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, urlencode

from msgspec import Struct

from kucoin_stream.errors import KucoinStreamError, ResponseError
from kucoin_stream.orders.placed import Market, Placed
from kucoin_stream.protocol import endpoints
from kucoin_stream.protocol.messages.wsapi import SUCCESS
from kucoin_stream.transport.caller import Call, Caller
from kucoin_stream.transport.engine import Engine

_BY_SOCKET = 3.0  # seconds
_BY_REST = 5.0  # seconds

log = logging.getLogger("kucoin_stream")

_DONE = frozenset({"400100", "126043", "100004", "106052", "106100", "106102"})
"""Codes of a cancel of what is filled or cancelled, or never came to be (9.3, 9.5)."""


class _Rows(Struct, frozen=True):
    """The calls of REST that cancel an order; none are known for unified accounts."""

    group: str
    by_id: str
    by_client_oid: str = "cancel_order_by_client_oid"


_ROWS: dict[Market, _Rows] = {
    "spot": _Rows("spot_order", "cancel_order_by_order_id"),
    "margin": _Rows("margin_order", "cancel_order_by_order_id"),
    "futures": _Rows("futures_order", "cancel_order_by_id"),
}


def cancel_or_warn(engine: Engine, asked: Sequence[tuple[Placed, int | None]]) -> None:
    """Cancel orders, each with the number of its session; log and warn of those that may still be in the market."""
    ending = Ending(engine)
    try:
        left = engine.call(ending.cancel, asked, timeout=_BY_SOCKET + _BY_REST + 1)
    except KucoinStreamError as exc:
        left = {order.name: str(exc) for order, _ in asked}
    if left:
        told = "; ".join(f"{name} ({reason})" for name, reason in left.items())
        text = f"cancel_on_stop: {len(left)} of {len(asked)} orders may still be in the market: {told}"
        log.warning("%s", text)
        warnings.warn(text, RuntimeWarning, stacklevel=2)


class Ending:
    """Cancels orders. Lives on the loop thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._caller = Caller(engine)

    async def cancel(self, asked: Sequence[tuple[Placed, int | None]]) -> dict[str, str]:
        """Cancel orders, each with the number of its session; return by name why those left could not be."""
        why = await asyncio.gather(*(self._cancel(order, session) for order, session in asked))
        return {order.name: reason for (order, _), reason in zip(asked, why, strict=True) if reason}

    async def _cancel(self, order: Placed, session: int | None) -> str:
        reason = await self._by_socket(order, session)
        return await self._by_rest(order) if reason and order.market in _ROWS else reason

    async def _by_socket(self, order: Placed, session: int | None) -> str:
        pool = self._engine.pool
        if session is None:
            return "its connection was never open"
        try:
            async with asyncio.timeout(_BY_SOCKET):
                if order.market not in _ROWS:  # there is no other way: wait until the socket is back
                    await pool.settled([session], _BY_SOCKET)
                answer = await pool.request(session, f"{order.market}.cancel", _reference(order))
        except TimeoutError:  # NotReadyError too
            return "no answer to its cancel"
        except KucoinStreamError as exc:
            return str(exc)
        done = answer.code == SUCCESS or str(answer.code) in _DONE
        return "" if done else f"{answer.code} {answer.message}"

    async def _by_rest(self, order: Placed) -> str:
        try:
            async with asyncio.timeout(_BY_REST):
                await self._caller.perform(_call(order), lambda: True)
        except ResponseError as exc:
            return "" if exc.code in _DONE else str(exc)
        except TimeoutError:
            return "no answer to its cancel"
        except KucoinStreamError as exc:
            return str(exc)
        return ""


def _reference(order: Placed) -> dict[str, Any]:
    named = {"orderId": order.order_id} if order.order_id else {"clientOid": order.client_oid}
    if order.market == "futures" and order.order_id:
        return named
    kind = {"tradeType": order.trade_type} if order.trade_type else {}
    return {"symbol": order.symbol} | kind | named


def _call(order: Placed) -> Call:
    rows = _ROWS[order.market]
    row = endpoints.endpoint(rows.group, rows.by_id if order.order_id else rows.by_client_oid)
    path = row.path.replace("{orderId}", quote(order.order_id, safe="")).replace("{clientOid}", order.client_oid)
    query = f"?{urlencode({'symbol': order.symbol})}" if row.takes("symbol") else ""
    return Call(row.host, row.method, path + query, signed=True, pool=row.pool, weight=row.weight or 1)
