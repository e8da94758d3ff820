"""Every list that has pages is followed to its end: each row of the table against a peer that pages as rest.md says."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pandas as pd
import pytest

from kucoin_stream.errors import RemoteProtocolError, ResponseError, UsageError
from kucoin_stream.protocol import endpoints
from kucoin_stream.protocol.endpoints.completed import completed
from kucoin_stream.protocol.endpoints.endpoint import Endpoint, field, snake
from kucoin_stream.rest.method import function_of
from kucoin_stream.transport.caller import Call

NOW = 1_767_225_600  # Unix seconds: 2026-01-01
STEP = 60  # seconds between rows of time
SIZES = ("pageSize", "limit", "maxCount", "size")
PAGES = ("currentPage", "pageNum", "pageNumber", "pageId", "page")
OWN_PAGE = 10  # rows, where nobody asks for a number
PAGED = [row for group in endpoints.groups().values() for row in map(completed, group.values()) if row.paging]


class Peer:
    """Answers one row of the table from a list of its own, piece by piece; keeps what it was asked."""

    badge = ""

    def __init__(self, row: Endpoint, count: int, *, most: int | None = None, newest_first: bool = True) -> None:
        self.row = row
        self.asked: list[dict[str, str]] = []
        self._most = most or row.most or OWN_PAGE
        self._rows = [self._made(number) for number in range(count, 0, -1)]
        self._newest_first = newest_first

    def now(self) -> float:
        return NOW

    def change(self, call: Call, row: Endpoint | None) -> Any:
        raise AssertionError("a list changes nothing")

    def send(self, call: Call) -> msgspec.Raw:
        query = {name: values[0] for name, values in parse_qs(urlsplit(call.target).query).items()}
        self.asked.append(query)
        style, _, cursor = self.row.paging.partition(":")
        rows, beside = {"page": self._page, "cursor": self._cursor, "time": self._time}[style](query, cursor)
        data = {self.row.rows_key: rows, **beside} if self.row.rows_key else rows
        return msgspec.Raw(json.dumps(data).encode())

    def _made(self, number: int) -> Any:
        time = NOW - number * STEP
        known = {"id": str(1000 - number), "lastId": str(1000 - number), "offset": 1000 - number}
        units = {"s": time, "ms": time * 1000, "ns": time * 10**9}
        row = {
            name: known.get(name) or units.get(field(kind).unit)
            for name, kind in self.row.fields.items()
            if "[" not in name and "." not in name
        }
        first = next((name for name in row if row[name] is None and name not in known), "")
        if first:
            row[first] = str(number)  # two rows are never the same
        return list(row.values()) if self.row.columns else row

    def _page(self, query: dict[str, str], _: str) -> tuple[list[Any], dict[str, Any]]:
        number = int(next((query[name] for name in PAGES if name in query), 1))
        size = int(next((query[name] for name in SIZES if name in query), self._most))
        total = -(-len(self._rows) // size)
        named = {"totalPage": total, "totalNum": len(self._rows), "currentPage": number, "pageSize": size}
        rows = self._rows[(number - 1) * size : number * size]
        return rows, {name: each for name, each in named.items() if name in self.row.outer}

    def _cursor(self, query: dict[str, str], cursor: str) -> tuple[list[Any], dict[str, Any]]:
        size = int(next((query[name] for name in SIZES if name in query), self._most))
        places = [str(self._place(number, each)) for number, each in enumerate(self._rows)]
        start = places.index(query[cursor]) + 1 if cursor in query else 0
        rows = self._rows[start : start + size]
        beside = {"hasMore": start + size < len(self._rows)} if "hasMore" in self.row.outer else {}
        if cursor in self.row.outer:
            beside[cursor] = places[start + len(rows) - 1] if rows else None
        return rows, beside

    def _place(self, number: int, row: Any) -> Any:
        """Return what names a row as a cursor: what it has of it, else its number."""
        return next((row[name] for name in ("lastId", "id", "offset", "timePoint") if row.get(name)), number + 1)

    def _time(self, query: dict[str, str], _: str) -> tuple[list[Any], dict[str, Any]]:
        names = ("from", "to") if self.row.takes("from") else ("startAt", "endAt")
        begin, end = (int(query[name]) for name in names)
        inside = [row for row in self._rows if begin <= self._when(row) <= end]
        chosen = inside[-self._most :] if self._newest_first else inside[: self._most]  # those are the newest
        return (chosen[::-1] if self._newest_first else chosen), {}

    def _when(self, row: Any) -> int:
        return int(row[0] if self.row.columns else row[next(n for n in ("timepoint", "ts") if n in row)])


def required(row: Endpoint) -> dict[str, Any]:
    """Return what must be given, but for times."""
    given = {}
    for param in row.arguments:
        if param.name in {"startAt", "from", "endAt", "to"}:
            continue
        if param.required is True:
            given[param.snake] = param.enum[0] if param.enum else ("2026-01-01" if param.unit else "1")
    return given


def spans(row: Endpoint, count: int) -> dict[str, Any]:
    if row.paging != "time":
        return {}
    begin, end = (pd.Timestamp(NOW - number * STEP, unit="s", tz="UTC") for number in (count, 1))
    return {"from_": begin, "to": end} if row.takes("from") else {"start_at": begin, "end_at": end}


@pytest.mark.parametrize("row", PAGED, ids=lambda row: f"{row.group}.{row.name}")
def test_every_list_is_followed_to_its_end(row: Endpoint) -> None:
    count = 2 * (row.most or OWN_PAGE) + 3
    peer = Peer(row, count)
    given = required(row) | spans(row, count)
    frame = function_of(row, peer)(**given)
    assert len(frame) == count
    assert len(peer.asked) >= 3
    assert len(peer.asked) <= (6 if row.paging != "time" else 12)
    if row.columns:
        assert frame.index.is_monotonic_increasing
        assert frame.index.is_unique
    else:
        assert len(frame.astype(str).drop_duplicates()) == count
    few = function_of(row, Peer(row, count))(**given, max_rows=5)
    assert len(few) == 5


@pytest.mark.parametrize("count", [0, 1, OWN_PAGE, OWN_PAGE + 1])
@pytest.mark.parametrize("row", [row for row in PAGED if row.most is None], ids=lambda row: f"{row.group}.{row.name}")
def test_a_list_of_any_length_ends(row: Endpoint, count: int) -> None:
    peer = Peer(row, count)
    assert len(function_of(row, peer)(**required(row), **spans(row, max(count, 1)))) == count


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("most", [1, 3, 7, 100])
def test_klines_of_the_unified_account_page_over_any_span_whatever_fits_in_an_answer(
    most: int, newest_first: bool
) -> None:
    row = endpoints.endpoint("unified", "get_klines")
    peer = Peer(completed(row), 40, most=most, newest_first=newest_first)
    given = {"symbol": "BTC-USDT", "trade_type": "SPOT", "interval": "1min"}
    bars = function_of(row, peer)(**given, **spans(completed(row), 40))
    assert [time.timestamp() for time in bars.index] == [NOW - number * STEP for number in range(40, 0, -1)]
    assert list(bars.columns) == ["open", "high", "low", "close", "volume", "turnover"]


def test_times_in_another_unit_are_an_error_and_no_empty_list() -> None:
    row = endpoints.endpoint("unified", "get_history_funding_rate")
    peer = Peer(completed(row), 5)
    for each in peer._rows:
        each["ts"] //= 1000
    peer._when = lambda _: int(peer.asked[-1]["startAt"])  # type: ignore[method-assign]
    with pytest.raises(RemoteProtocolError, match="rows without what pages go by: times in another unit"):
        function_of(row, peer)("XBTUSDTM", start_at="2025-12-31", end_at="2026-01-01")


def test_what_no_source_tells_how_to_page_is_one_call() -> None:
    row = endpoints.endpoint("unified", "get_sub_account")
    answer: Callable[..., Any] = function_of(row, _Constant({"ts": 1, "userList": [{"uid": 5, "accountList": []}]}))
    assert answer()["user_list"]["uid"].tolist() == [5]
    assert "followed" not in str(answer.__doc__)


class _Constant(Peer):
    def __init__(self, data: Any) -> None:
        self._data = data

    def send(self, call: Call) -> msgspec.Raw:
        return msgspec.Raw(json.dumps(self._data).encode())


@pytest.mark.parametrize(("status", "asked"), [(404, ["rebase", "rebate"]), (400, ["rebase"])])
def test_the_brokers_rebate_is_looked_for_under_both_its_names(status: int, asked: list[str]) -> None:
    seen: list[str] = []

    class Moved(_Constant):
        def send(self, call: Call) -> msgspec.Raw:
            seen.append(call.target.split("/")[5])
            if seen[-1] == "rebase":
                raise ResponseError(str(call), status, "404000", "Url Not Found")
            return super().send(call)

    download = function_of(endpoints.endpoint("broker", "get_rebate_v2"), Moved({"url": "https://x"}))
    with nullcontext() if status == 404 else pytest.raises(ResponseError):
        assert download(begin="20260101", end="20260201", trade_type="SPOT")["url"] == "https://x"
    assert seen == asked


def test_names_of_completed_rows_are_those_of_the_table() -> None:
    for group in endpoints.groups().values():
        for row in group.values():
            whole = completed(row)
            assert [snake(p.name) for p in whole.params] == [snake(p.name) for p in row.params]
            assert (whole.path, whole.method, whole.auth) == (row.path, row.method, row.auth)


@pytest.mark.parametrize("max_rows", ["a", "5", 1.5, 0, -1, True, [1]])
def test_max_rows_is_a_whole_number(max_rows: Any) -> None:
    row = endpoints.endpoint("spot_market", "get_klines")
    with pytest.raises(UsageError, match="max_rows is a whole number from 1 on"):
        function_of(row, Peer(row, 1))("BTC-USDT", "1min", max_rows=max_rows)
