"""The REST calls that list the account's entries: what came and went, per account type (rest.md). Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kucoin_stream.simulator.market import Json
from kucoin_stream.simulator.rest_call import Call, Query
from kucoin_stream.simulator.trading.amounts import written
from kucoin_stream.simulator.trading.ledger import ISOLATED, Moved
from kucoin_stream.simulator.trading.paging import page, within

_LIMIT, _MOST = 100, 200  # rows of one answer; rest.md, paging


def _rows(query: Query, *accounts: str) -> Iterator[dict[str, Any]]:
    """The entries asked for, the last one first. What an order only holds is none."""
    ask = query.arguments
    for moved in reversed(query.account.moves):
        row = _row(moved)
        if (
            moved.account.partition("/")[0] in accounts
            and moved.available_change + moved.hold_change
            and moved.currency in (ask.get("currency") or moved.currency).split(",")
            and ask.get("direction") in (None, "", row["direction"])
            and ask.get("bizType") in (None, "", row["bizType"])
            and within(query, moved.time_ns)
        ):
            yield row


def _row(moved: Moved) -> dict[str, Any]:
    change = moved.available_change + moved.hold_change
    names = {"trade": "TRADE_HF", "margin": "MARGIN_V2"}
    account = "ISOLATED_V2" if moved.account.startswith(ISOLATED) else names.get(moved.account, moved.account.upper())
    return {
        "id": moved.number,
        "currency": moved.currency,
        "amount": written(abs(change)),
        "fee": "0",
        "tax": "0",
        "balance": written(moved.holding.total),
        "accountType": account,
        "bizType": "TRADE_EXCHANGE" if moved.context else "TRANSFER",
        "direction": "in" if change > 0 else "out",
        "createdAt": moved.time_ns // 1_000_000,
        "context": "",
    }


def _after(query: Query, *accounts: str) -> list[dict[str, Any]]:
    last, limit = query.number("lastId", 0), min(_MOST, query.number("limit", _LIMIT))
    return [row for row in _rows(query, *accounts) if not last or row["id"] < last][:limit]


def _named(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"id": f"{row['id']:024d}"}


def _spot(query: Query) -> Json:
    return [_named(row) | {"createdAt": str(row["createdAt"])} for row in _after(query, "trade")]


LEDGER_CALLS: tuple[Call, ...] = tuple(
    call._replace(signed=True)
    for call in (
        Call(
            "GET", "/api/v1/accounts/ledgers", 2,
            lambda query: page(query, [_named(row) for row in _rows(query, "main", "trade", "margin", "isolated")]),
        ),
        Call("GET", "/api/v1/hf/accounts/ledgers", 2, _spot),
        Call("GET", "/api/v3/hf/margin/account/ledgers", 2, lambda query: _after(query, "margin", "isolated")),
    )
)  # fmt: skip
