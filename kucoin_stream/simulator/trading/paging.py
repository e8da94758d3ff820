"""How REST hands out long lists: by page, or from the last row on (the cursor ``lastId``). Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from kucoin_stream.simulator.rest_call import Query

T = TypeVar("T")


def page(query: Query, rows: Iterable[Any], *, size: int = 50, most: int = 500) -> dict[str, Any]:
    """Return the page asked for by ``currentPage`` (or ``pageNum``) and ``pageSize``; pages count from 1."""
    found = list(rows)
    number = max(1, query.number("currentPage", 0) or query.number("pageNum", 1))
    size = max(1, min(most, query.number("pageSize", size)))
    return {
        "currentPage": number,
        "pageSize": size,
        "totalNum": len(found),
        "totalPage": -(-len(found) // size),
        "items": found[(number - 1) * size : number * size],
    }


def since(query: Query, rows: Iterable[T], key: Callable[[T], int], write: Callable[[T], Any]) -> dict[str, Any]:
    """Return at most ``limit`` rows that come after ``lastId``; they are given newest first."""
    last, limit = query.number("lastId", 0), max(1, min(100, query.number("limit", 20)))
    found = [row for row in rows if not last or key(row) < last][:limit]
    return {"items": [write(row) for row in found], "lastId": key(found[-1]) if found else 0}


def within(query: Query, time_ns: int) -> bool:
    """Whether a time lies between ``startAt`` and ``endAt``, in ms, where they are given."""
    time_ms = time_ns // 1_000_000
    return query.number("startAt", 0) <= time_ms <= query.number("endAt", 1 << 50)
