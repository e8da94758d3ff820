"""The REST calls that look back at a futures account: a row each (rest.md, paging). Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import TypeVar

from kucoin_stream.simulator.market import Json, RestError
from kucoin_stream.simulator.rest_call import Call, Query
from kucoin_stream.simulator.trading.account import FUTURES
from kucoin_stream.simulator.trading.amounts import decimal
from kucoin_stream.simulator.trading.deeds import FUTURES_BAD
from kucoin_stream.simulator.trading.paging import page, within
from kucoin_stream.simulator.trading.past import Closed, Entry, Funded
from kucoin_stream.simulator.trading.past_rows import closed_row, entry_row, funded_row, transfer_row

T = TypeVar("T", Funded, Entry)
_MOST_POSITIONS, _POSITIONS = 200, 10  # rows of one answer; rest.md, paging
_MOST = 100
_ACCOUNTS = {"MAIN": "main", "TRADE": "trade"}


def _closed(query: Query) -> Json:
    ask = query.arguments
    begin, end = query.number("from", 0), query.number("to", 1 << 50)

    def wanted(closed: Closed) -> bool:
        return ask.get("symbol") in (None, "", closed.symbol) and begin <= closed.closed_ns // 1_000_000 <= end

    rows = [closed_row(each) for each in reversed(query.account.futures.past.closed) if wanted(each)]
    names = {"limit": "pageSize", "pageId": "currentPage"}
    asked = query._replace(arguments={names.get(name, name): value for name, value in ask.items()})
    return page(asked, rows, size=_POSITIONS, most=_MOST_POSITIONS)


def _since(query: Query, found: Iterable[T], write: Callable[[T], Json], *, rows: int = 10) -> Json:
    """The rows after ``offset``: newest first, or, with ``forward=false``, those before it in time, oldest last."""
    ask = query.arguments
    offset, most = query.number("offset", 0), min(_MOST, query.number("maxCount", rows))
    backward = ask.get("forward", "true").lower() == "false"
    newest = sorted(found, key=lambda each: each.number, reverse=True)
    if offset:
        newest = [each for each in newest if (each.number > offset if backward else each.number < offset)]
    chosen = newest[-most:] if backward and offset else newest[:most]
    return {"dataList": [write(each) for each in chosen], "hasMore": len(newest) > len(chosen)}


def _funded(query: Query) -> Json:
    symbol = query.contract()
    fees = query.account.futures.past.funded
    return _since(query, [each for each in fees if each.symbol == symbol and within(query, each.time_ns)], funded_row)


def _entries(query: Query) -> Json:
    ask = query.arguments
    found = [
        each
        for each in query.account.futures.past.entries
        if ask.get("currency") in (None, "", each.currency)
        and ask.get("type") in (None, "", each.kind)
        and within(query, each.time_ns)
    ]
    return _since(query, found, entry_row, rows=50)


def _transfers(query: Query) -> Json:
    currency = query.arguments.get("currency")
    gone = [
        transfer_row(each)
        for each in reversed(query.account.futures.past.entries)
        if each.kind == "TransferOut" and currency in (None, "", each.currency) and within(query, each.time_ns)
    ]
    return page(query, gone)


def _transfer_in(query: Query) -> Json:
    _move(query, _account(query, "payAccountType"), FUTURES)
    return None


def _transfer_out(query: Query) -> Json:
    target = _account(query, "recAccountType")
    amount = _move(query, FUTURES, target)
    now_ms = query.now_ns // 1_000_000
    name = query.account.ids.spot(query.now_ns)
    return {
        "applyId": name,
        "bizNo": name,
        "payAccountType": "CONTRACT",
        "payTag": "DEFAULT",
        "remark": "",
        "recAccountType": target.upper(),
        "recTag": "DEFAULT",
        "recRemark": "",
        "recSystem": "KUCOIN",
        "status": "SUCCESS",
        "currency": str(query.body.get("currency")),
        "amount": str(amount),
        "fee": "0",
        "sn": query.now_ns,
        "reason": "",
        "createdAt": now_ms,
        "updatedAt": now_ms,
    }


def _account(query: Query, name: str) -> str:
    kind = str(query.body.get(name))
    if kind not in _ACCOUNTS:
        raise _refused(f"{name} is MAIN or TRADE.")
    return _ACCOUNTS[kind]


def _move(query: Query, source: str, target: str) -> Decimal:
    amount = decimal(query.body.get("amount"), "amount", _refused)
    if not amount:
        raise _refused("amount: must not be empty")
    query.account.transfer(str(query.body.get("currency")), amount, source, target, query.now_ns)
    return amount


def _refused(reason: str) -> RestError:
    return RestError(400, FUTURES_BAD, reason)


PAST_CALLS: tuple[Call, ...] = tuple(
    call._replace(signed=True)
    for call in (
        Call("GET", "/api/v1/history-positions", 2, _closed),
        Call("GET", "/api/v1/funding-history", 5, _funded),
        Call("GET", "/api/v1/transaction-history", 2, _entries),
        Call("GET", "/api/v1/transfer-list", 20, _transfers),
        Call("POST", "/api/v1/transfer-in", 20, _transfer_in),
        Call("POST", "/api/v3/transfer-out", 20, _transfer_out),
    )
)
