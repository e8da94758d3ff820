"""The REST catalogue: it agrees with the table that it was made from, and its pagers bring every row once."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kucoin_stream.protocol import endpoints
from kucoin_stream.protocol.endpoints.codes import meaning
from kucoin_stream.protocol.endpoints.endpoint import Field, Param, argument, field, snake
from kucoin_stream.protocol.endpoints.paging import Cursor, Pages, Span, pager, sized
from kucoin_stream.protocol.endpoints.quota import Quota
from tests.protocol.rest_table import CATALOGUE, converted, current, text

ROWS = [row for group in endpoints.groups().values() for row in group.values()]
NAMES = [f"{row.group}.{row.name}" for row in ROWS]

# -- the catalogue -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def table() -> dict[str, dict[str, str]]:
    rows = {f"{row['group']}.{row['name']}": row for row in current()}
    if not rows:
        pytest.skip("no ../shared/rest.tsv here")
    return rows


def test_neither_side_has_a_row_that_the_other_lacks(table):
    assert set(NAMES) ^ set(table) == set()
    assert len(NAMES) == len(set(NAMES)) == 321


def test_every_row_says_what_the_table_says(table):
    differing = {
        name: differences
        for name, row in zip(NAMES, ROWS, strict=True)
        if name in table and (differences := _differences(row, converted(table[name])))
    }
    assert differing == {}


def test_the_file_is_what_the_table_makes(table):
    assert CATALOGUE.read_bytes() == text([converted(row) for row in table.values()])


def test_the_plain_facts_are_the_tables_own(table):
    """Not through the function that made the catalogue: that could forget something on both sides."""
    for name, row in zip(NAMES, ROWS, strict=True):
        theirs = table[name]
        assert (row.title, row.host, row.method, row.path, row.auth) == tuple(
            theirs[key] for key in ("title", "host", "method", "path", "auth")
        )
        params = msgspec.json.decode(theirs["params"])
        assert [(p.name, p.place, bool(p.required)) for p in row.params] == [
            (p["name"], p["in"], p["required"]) for p in params
        ]
        assert [list(p.enum) for p in row.params] == [p.get("enum") or [] for p in params]
        answer = msgspec.json.decode(theirs["response"])
        if not row.columns:
            assert list(row.fields) == list(answer["item_fields"])
        assert list(row.outer) == list(answer.get("outer_fields", {}))
        assert (row.rows_key, row.paging or "none") == (theirs["rows_key"], theirs["paging"])


def _differences(one: Any, other: Any) -> dict[str, Any]:
    names = type(one).__struct_fields__
    return {
        name: (getattr(one, name), getattr(other, name)) for name in names if getattr(one, name) != getattr(other, name)
    }


@pytest.mark.parametrize("row", ROWS, ids=NAMES)
def test_a_row_can_be_read(row):
    for each in (*row.fields.values(), *row.outer.values()):
        assert field(each).type
    names = [param.snake for param in row.arguments]
    assert len(set(names)) == len(names)
    assert all(name.isidentifier() for name in names)
    assert sorted(param.name for param in row.params if param.place == "path") == sorted(
        re.findall(r"{(\w+)}", row.path)
    )
    assert not (row.changes and row.method == "GET")


def test_what_changes_nothing_though_it_is_no_get():
    harmless = {row.name for row in ROWS if row.method != "GET" and not row.changes and row.group != "websocket_token"}
    assert harmless == {"add_order_test", "get_cross_margin_requirement"}


@pytest.mark.parametrize(
    ("host", "method", "path", "name"),
    [
        ("spot", "GET", "/api/v1/accounts/ledgers", "get_spot_ledger"),  # not an account called "ledgers"
        ("spot", "GET", "/api/v1/accounts/5bd6e9286d99522a52e458de", "get_spot_account_detail"),
        ("spot", "DELETE", "/api/v1/hf/orders/abc", "cancel_order_by_order_id"),
        ("futures", "DELETE", "/api/v1/orders/abc", "cancel_order_by_id"),
        ("spot", "POST", "/api/v9/news", None),
        ("spot", "POST", "-", None),
    ],
)
def test_a_row_is_found_by_its_path(host, method, path, name):
    row = endpoints.by_path(host, method, path)
    assert (row and row.name) == name


@pytest.mark.parametrize(
    ("name", "expected"),
    [("clientOid", "client_oid"), ("UID", "uid"), ("limitBTCAmount", "limit_btc_amount"),
     ("turnoverOf24h", "turnover_of24h"), ("unrealisedPNL", "unrealised_pnl"), ("symbol", "symbol")],
)  # fmt: skip
def test_names_become_pythons(name, expected):
    assert snake(name) == expected


def test_words_of_the_language_get_an_underscore():
    assert argument("from") == "from_"
    assert Param(name="orderList[].clientOid", type="string", place="body").snake == "client_oid"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("decimal", Field("decimal")),
        ("integer ms", Field("integer", "ms")),
        ("string enum(buy|sell)", Field("string", "", ("buy", "sell"))),
        ("array<array> [price, size]", Field("array<array>", "", (), ("price", "size"))),
    ],
)
def test_a_field_is_read(text, expected):
    assert field(text) == expected


# -- pages -------------------------------------------------------------------------------------------------------


def rows_by(pages, answer):
    calls = 0
    while pages.ask is not None:
        rows, beside = answer(pages.ask)
        pages.receive(rows, beside)
        calls += 1
        assert calls < 10_000
    return pages.found(), calls


@pytest.mark.parametrize(("count", "calls"), [(0, 1), (3, 1), (10, 1), (11, 2), (35, 4)])
@pytest.mark.parametrize("told", [True, False])
def test_pages_are_followed_to_the_last(count, calls, told):
    def answer(ask):
        at = (ask["currentPage"] - 1) * 10
        return list(range(count))[at : at + 10], {"totalPage": -(-count // 10)} if told else {}

    found, made = rows_by(Pages("currentPage", 10), answer)
    assert found == list(range(count))
    assert made == calls + (not told and count == 10)  # a full page does not say that it is the last


def test_a_page_that_comes_again_is_the_last():
    assert rows_by(Pages("page", None), lambda _: ([1, 2], {})) == ([1, 2], 2)


@pytest.mark.parametrize("style", ["beside", "row", "more"])
@given(count=st.integers(0, 60), size=st.integers(1, 20))
@settings(deadline=None)
def test_a_cursor_brings_every_row_once(style, count, size):
    every = [{"id": number, "offset": number} for number in range(count, 0, -1)]

    def answer(ask):
        last = next(iter(ask.values()), None)
        page = [row for row in every if last is None or row["id"] < last][:size]
        if style == "more":
            return page, {"hasMore": bool(page) and page[-1]["id"] > 1}
        return page, {"lastId": page[-1]["id"] if page else 0} if style == "beside" else {}

    found, _ = rows_by(Cursor("offset" if style == "more" else "lastId", size), answer)
    assert found == every


@pytest.mark.parametrize("keeps", ["newest", "oldest"])
@pytest.mark.parametrize("within", [0, 1])  # whether the end is
@pytest.mark.parametrize("most", [None, 5])
@given(
    times=st.sets(st.integers(0, 200).map(lambda number: number * 60), max_size=60),
    span=st.tuples(st.integers(0, 12_000), st.integers(0, 12_000)).map(lambda pair: tuple(sorted(pair))),
)
@settings(max_examples=60, deadline=None)
@example(times={60}, span=(30, 70))
@example(times={0, 6000}, span=(0, 12_000))
def test_a_span_brings_every_row_once_whichever_an_exchange_leaves_out(keeps, within, most, times, span):
    def answer(ask):
        inside = sorted(time for time in times if ask["from"] <= time < ask["to"] + within)
        kept = inside[-5:] if keeps == "newest" else inside[:5]
        return [[time, 1.0] for time in kept], {}

    walk = Span(("from", "to"), span, step=60, grid=60, most=most, key="")
    found, _ = rows_by(walk, answer)
    assert [row[0] for row in found] == sorted((time for time in times if span[0] <= time <= span[1]), reverse=True)
    assert walk.done == walk.total


def test_empty_years_take_few_calls():
    _, calls = rows_by(Span(("from", "to"), (0, 10**9), step=60, grid=60, most=1500, key=""), lambda _: ([], {}))
    assert calls < 20


SPOT_BARS = endpoints.endpoint("spot_market", "get_klines")
FUTURES_BARS = endpoints.endpoint("futures_market", "get_klines")
FILLS = endpoints.endpoint("spot_order", "get_trade_history")


@pytest.mark.parametrize(
    ("row", "given", "ask"),
    [
        (SPOT_BARS, {"type": "1min", "startAt": 0}, None),  # no begin: one call
        (SPOT_BARS, {"type": "1min", "startAt": 1_700_000_000}, {"startAt": 1_799_910_060, "endAt": 1_800_000_001}),
        (FUTURES_BARS, {"granularity": 60, "from": 1_799_000_000_000, "to": 1_799_000_500_000},
         {"from": 1_799_000_000_000, "to": 1_799_000_500_001}),
        (FILLS, {"symbol": "BTC-USDT"}, {}),
        (FILLS, {"symbol": "BTC-USDT", "lastId": 5}, None),
        (endpoints.endpoint("futures_position", "get_positions_history"), {}, {"pageId": 1}),
        (endpoints.endpoint("futures_position", "get_positions_history"), {"pageId": 3}, None),
        (endpoints.endpoint("unified", "get_klines"), {"startAt": 1_700_000_000}, None),  # of an unknown unit
        (endpoints.endpoint("spot_market", "get_ticker"), {}, None),
    ],
)  # fmt: skip
def test_what_is_asked_for_first(row, given, ask):
    pages = pager(row, given, 1_800_000_000)
    assert (pages and pages.ask) == ask


def test_pages_are_as_large_as_they_may_be():
    assert sized(FILLS, {"symbol": "A"}) == {"symbol": "A", "limit": 100}
    assert sized(FILLS, {"symbol": "A", "limit": 7}) == {"symbol": "A", "limit": 7}
    assert sized(SPOT_BARS, {"symbol": "A"}) == {"symbol": "A"}


def test_every_list_has_a_pager_or_is_one_call():
    styles = {f"{row.group}.{row.name}": type(pager(row, {}, 0)).__name__ for row in ROWS if row.paging}
    single = {name for name, style in styles.items() if style == "NoneType"}
    assert single == {row_name for row_name, row in zip(NAMES, ROWS, strict=True) if row.paging == "time"}


# -- quota -------------------------------------------------------------------------------------------------------


def headers(left: int, reset_ms: int) -> dict[str, str]:
    return {"gw-ratelimit-limit": "2000", "gw-ratelimit-remaining": str(left), "gw-ratelimit-reset": str(reset_ms)}


def test_a_call_waits_for_the_window_to_end_where_too_little_is_left():
    quota = Quota()
    assert quota.wait(10, 100.0) == 0  # nothing is known
    quota.seen(headers(12, 5000), 100.0)
    assert quota.wait(10, 101.0) == 0
    quota.spend(10)
    assert quota.wait(10, 101.0) == pytest.approx(4.0)
    assert quota.wait(2, 101.0) == 0
    assert quota.wait(10, 105.0) == 0


def test_a_refusal_says_how_long():
    quota = Quota()
    assert quota.refused(headers(0, 7000), "429000", 1, 50.0) == 7.0
    assert quota.wait(1, 51.0) == pytest.approx(6.0)
    assert [Quota().refused({}, "429000", tried, 50.0) for tried in (1, 2, 3)] == [0.5, 1.0, 2.0]  # an overload
    assert Quota().refused({}, "1015", 1, 50.0) == 30.0


def test_headers_that_make_no_sense_change_nothing():
    quota = Quota()
    quota.seen({"gw-ratelimit-remaining": "-1", "gw-ratelimit-reset": "soon"}, 1.0)
    assert quota.wait(1, 1.0) == 0


# -- codes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "code", "words"),
    [("spot", "900001", "no such symbol"), ("futures", "200002", "blocked for 10 s"), ("spot", "200002", "cancelled"),
     ("broker", "400003", "no such key"), ("spot", "999999", "")],
)  # fmt: skip
def test_a_code_means_something_on_its_host(host, code, words):
    assert words in meaning(host, code)
