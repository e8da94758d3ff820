"""The REST calls of what a contract's price is made of: index, premium and interest by the minute (rest.md). Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from kucoin_stream.simulator.futures.contracts import DAILY_INTEREST, contract_row
from kucoin_stream.simulator.futures.perpetual import Numbers, Perpetual
from kucoin_stream.simulator.market import Json
from kucoin_stream.simulator.rest_call import Call, Query

_MINUTE_MS = 60_000
_ROWS, _MOST = 10, 100  # of one answer; rest.md, paging

Read = Callable[[Perpetual, int, int], Iterator[Numbers]]
"""Yields the rows of a contract between two times in ms, oldest first: ``timePoint`` and what goes with it."""


def _index(perpetual: Perpetual, start_ms: int, end_ms: int) -> Iterator[Numbers]:
    for time_ms, _, spot in _closes(perpetual, start_ms, end_ms):
        source = {"exchange": "kucoin", "price": perpetual.instrument.number(spot), "weight": 1}
        yield {"timePoint": time_ms, "value": perpetual.instrument.number(spot), "decomposionList": [source]}


def _premium(perpetual: Perpetual, start_ms: int, end_ms: int) -> Iterator[Numbers]:
    for time_ms, own, spot in _closes(perpetual, start_ms, end_ms):
        yield {"timePoint": time_ms, "value": round(own / spot - 1, 6)}


def _interest(perpetual: Perpetual, start_ms: int, end_ms: int) -> Iterator[Numbers]:
    for time_ms, _, _ in _closes(perpetual, start_ms, end_ms):
        yield {"timePoint": time_ms, "value": DAILY_INTEREST}


def _closes(perpetual: Perpetual, start_ms: int, end_ms: int) -> Iterator[tuple[int, int, int]]:
    """Where minutes that are over ended: time in ms, the contract's price and the underlying's, in ticks."""
    instrument, underlying = perpetual.instrument, perpetual.instrument.underlying
    begin, end = start_ms // 1000 - 60, end_ms // 1000 - 59
    own = instrument.klines.rows("1min", begin, end).tolist()
    spot = own if underlying is None else underlying.klines.rows("1min", begin, end).tolist()
    prices = {row[0]: row[2] for row in spot}
    for row in own:
        if row[0] in prices:
            yield row[0] * 1000 + _MINUTE_MS, row[2], prices[row[0]]


def _answer(names: tuple[str, ...], read: Read) -> Callable[[Query], Json]:
    """Rows of an index, newest first; ``names`` are the fields of a contract's row that name it.

    Of an index that nobody has there are none: what KuCoin answers then is not documented.
    """

    def rows(query: Query) -> Json:
        symbol = query.arguments.get("symbol", "")
        perpetual = _of(query, symbol, names)
        if perpetual is None:
            return {"dataList": [], "hasMore": False}
        offset, now_ms = query.number("offset", 0), query.now_ns // 1_000_000
        end = min(query.number("endAt", now_ms), now_ms, offset - 1 if offset else now_ms)
        found: list[dict[str, Any]] = list(read(perpetual, query.number("startAt", 0), end))[::-1]
        most = min(_MOST, query.number("maxCount", _ROWS))
        shown = [{"symbol": symbol, "granularity": _MINUTE_MS, **row} for row in found[:most]]
        return {"dataList": shown, "hasMore": len(found) > most}

    return rows


def _of(query: Query, symbol: str, names: tuple[str, ...]) -> Perpetual | None:
    for perpetual in query.market.futures.perpetuals.values():
        row = contract_row(perpetual.contract, perpetual.instrument.listing)
        if symbol in [row[name] for name in names]:
            return perpetual
    return None


INDEX_CALLS: tuple[Call, ...] = (
    Call("GET", "/api/v1/index/query", 2, _answer(("indexSymbol",), _index)),
    Call("GET", "/api/v1/premium/query", 3, _answer(("premiumsSymbol1M", "premiumsSymbol8H"), _premium)),
    Call("GET", "/api/v1/interest/query", 5, _answer(("fundingBaseSymbol1M", "fundingQuoteSymbol1M"), _interest)),
)
