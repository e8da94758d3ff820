"""What the table leaves open about a call and captured answers show: rows made whole. Pure.

The table takes its rows of the unified account from types without units (rest.md, "Where sources differ").
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from kucoin_stream.protocol.endpoints.endpoint import Endpoint

_BARS = {
    "time": "integer s", "open": "decimal", "close": "decimal", "high": "decimal", "low": "decimal",
    "volume": "decimal", "turnover": "decimal",
}  # fmt: skip


def _timed(row: Endpoint, unit: str) -> Endpoint:
    """Return a row whose span is in ``unit``."""
    span = {"startAt", "endAt"}
    return replace(row, params=tuple(replace(p, unit=unit) if p.name in span else p for p in row.params))


def _klines(row: Endpoint) -> Endpoint:
    """Bars as those of spot: lists under ``list``, times in s (rest_uta_klines, captured)."""
    outer = {name: kind for name, kind in row.fields.items() if name != "list"}
    return replace(_timed(row, "s"), fields=_BARS, outer=outer, rows_key="list", columns=True)


def _funding(row: Endpoint) -> Endpoint:
    """Times in ms, as all of funding (rest.md, "Time")."""
    return replace(_timed(row, "ms"), fields=row.fields | {"ts": "integer ms"})


def _one_page(row: Endpoint) -> Endpoint:
    """No source says where the cursor of its next page stands: one page is one call."""
    return replace(row, paging="")


_OPEN: dict[tuple[str, str], Callable[[Endpoint], Endpoint]] = {
    ("unified", "get_klines"): _klines,
    ("unified", "get_history_funding_rate"): _funding,
    ("unified", "get_sub_account"): _one_page,
}


def completed(row: Endpoint) -> Endpoint:
    """Return a row with what the table leaves open."""
    complete = _OPEN.get((row.group, row.name))
    return complete(row) if complete else row


def elsewhere(target: str) -> str:
    """Return where else a call may be, if it is not found; nothing where sources agree (rest.md, broker rebate)."""
    other = target.replace("/api/v2/broker/api/rebase/", "/api/v2/broker/api/rebate/")
    return "" if other == target else other
