"""What KuCoin writes differently from year to year decodes to the same; what is malformed is refused."""

from __future__ import annotations

import contextlib
import copy
import json
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import inspect

from kucoin_stream.protocol import topics
from kucoin_stream.protocol.catalogue import pro as pro_catalogue
from kucoin_stream.protocol.messages import decoder, futures, futures_account, pro, spot
from kucoin_stream.protocol.messages.mending import OTHER_NAMES, decode_payload, mend
from kucoin_stream.protocol.messages.units import UNITS, declared_unit
from tests.protocol import payloads
from tests.protocol.payloads import RETIRED, families, lines, made, values

PAYLOADS = {row.payload if isinstance(row.payload, type) else row.name: row for row in topics.CATALOGUE}
BY_PAYLOAD = pytest.mark.parametrize("row", PAYLOADS.values(), ids=lambda row: row.name)

# -- the table by family -----------------------------------------------------------------------------------------

REFUSED = {
    "futures_candles-0": "a push of an unknown topic: '/contractMarket/candle:XBTUSDM_10080'",  # 2022, not documented
}
"""What is refused beside the retired topics, and why."""

UNREAD = {
    "spot_ticker": {"ts", "tradeId"},  # of one fixture, not documented
    "spot_all_tickers": {"Time"},  # one document's misprint
    "spot_match": {"type"},  # always "match"
    "spot_orders_v2": {"pt"},  # ms; 2025, not documented
    "spot_snapshot": {"symbolCode"},  # the symbol
    "spot_market_snapshot": {"symbolCode", "lastSize", "sequence"},  # the last two not documented
    "futures_orders": {"allCanceledSize", "oldSize "},  # not documented, and a misprint
}
"""By family, the fields of the wire that no struct has: exactly these."""


@pytest.mark.parametrize("family", families() or [pytest.param("", marks=pytest.mark.skip(reason="no ../shared"))])
def test_a_family_is_decoded_but_for_what_is_listed(family):
    row = payloads.row(family)
    if family in RETIRED:
        assert row.decoded == 0
        assert all("unknown topic" in reason for reason in row.refused.values())
        return
    assert {name: reason.partition(", ")[0] for name, reason in row.refused.items()} == {
        name: reason for name, reason in REFUSED.items() if name.startswith(f"{family}-")
    }
    assert row.unread == UNREAD.get(family, set())


# -- the same in other years -------------------------------------------------------------------------------------

NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?")


class Number(str):
    """A number of the wire, as it was written."""


def parse(data: bytes) -> Any:
    return json.loads(data, parse_int=Number, parse_float=Number)


def write(value: Any) -> bytes:
    """Return JSON, with each :class:`Number` as it is."""
    return msgspec.json.encode(_raw(value))


def _raw(value: Any) -> Any:
    match value:
        case dict():
            return {key: _raw(each) for key, each in value.items()}
        case list():
            return [_raw(each) for each in value]
        case Number():
            return msgspec.Raw(value.encode())
    return value


Sample = tuple[str, Any, Any]
"""Name, type of the payload, payload on the wire."""


def samples() -> Iterator[Sample]:
    """Yield the payloads of all pushes of current topics."""
    for family in families():
        if family in RETIRED or family.startswith(("control", "wsapi")):
            continue
        for name, data in lines(family):
            wire = parse(data)
            if name in REFUSED:
                continue
            if "T" in wire:
                row, _ = pro_catalogue.row_of(wire["T"], wire.get("dp", ""))
                yield name, row.payload if row.list_limit else list[row.payload], wire["d"]
            else:
                row, _ = topics.parse(wire["topic"], wire.get("subject", ""))
                yield name, row.payload, wire["data"]


SAMPLES = list(samples())


def by_family() -> list[Any]:
    """Return pytest's parameters: the payloads of each family."""
    found: dict[str, list[Any]] = {}
    for name, kind, wire in SAMPLES:
        found.setdefault(name.rpartition("-")[0], []).append((kind, wire))
    return [pytest.param(each, id=family) for family, each in found.items()] or [
        pytest.param([], marks=pytest.mark.skip(reason="no ../shared/payloads here"))
    ]


BY_FAMILY = pytest.mark.parametrize("family", by_family())


def leaves(value: Any, change: Callable[[Any], Any]) -> Any:
    """Return a JSON value with every leaf changed."""
    match value:
        case dict():
            return {key: leaves(each, change) for key, each in value.items()}
        case list():
            return [leaves(each, change) for each in value]
    return change(value)


def as_text(leaf: Any) -> Any:
    return str(leaf) if isinstance(leaf, Number) else leaf


def as_number(leaf: Any) -> Any:
    return Number(leaf) if isinstance(leaf, str) and NUMBER.fullmatch(leaf) else leaf


def with_zeros(leaf: Any) -> Any:
    if not isinstance(leaf, str) or not NUMBER.fullmatch(leaf) or "." not in leaf or "e" in leaf.lower():
        return leaf
    return type(leaf)(f"{leaf}00000000000000000000")


def with_exponent(leaf: Any) -> Any:
    if not isinstance(leaf, str) or not NUMBER.fullmatch(leaf) or "." not in leaf:
        return leaf
    return type(leaf)(f"{Decimal(leaf):E}")


FORMS = [as_text, as_number, with_zeros, with_exponent]


@BY_FAMILY
def test_a_number_may_be_written_in_another_form(family):
    for kind, wire in family:
        expected = decode_payload(kind, write(wire))
        for form in FORMS:
            assert decode_payload(kind, write(leaves(wire, form))) == expected, form


@pytest.mark.skipif(not SAMPLES, reason="no ../shared/payloads here")
@given(st.data())
@settings(max_examples=150)
def test_numbers_may_be_written_in_any_mixture_of_forms(data):
    _, kind, wire = data.draw(st.sampled_from(SAMPLES))
    forms = st.sampled_from([*FORMS, lambda leaf: leaf])
    mixed = leaves(wire, lambda leaf: data.draw(forms)(leaf))
    assert decode_payload(kind, write(mixed)) == decode_payload(kind, write(wire))


def objects(value: Any, kind: inspect.Type) -> Iterator[tuple[tuple[Any, ...], inspect.StructType]]:
    """Yield where in a JSON value an object stands that a struct reads, and that struct."""
    match kind:
        case inspect.StructType(fields=each) if isinstance(value, dict):
            yield (), kind
            for field in each:
                for path, inner in objects(value.get(field.encode_name), field.type):
                    yield (field.encode_name, *path), inner
        case inspect.UnionType(types=types):
            for each in types:
                yield from objects(value, each)
        case inspect.ListType(item_type=item) if isinstance(value, list):
            for at, each in enumerate(value):
                for path, inner in objects(each, item):
                    yield (at, *path), inner
        case inspect.DictType(value_type=item) if isinstance(value, dict):
            for key, each in value.items():
                for path, inner in objects(each, item):
                    yield (key, *path), inner


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for each in path:
        value = value[each]
    return value


@BY_FAMILY
def test_unknown_fields_at_any_level_change_nothing(family):
    for kind, wire in family:
        more = copy.deepcopy(wire)
        for path, _ in objects(wire, inspect.type_info(kind)):
            at(more, path).update({"zNew": {"a": [Number("1"), None]}, "zOld": "x"})
        assert decode_payload(kind, write(more)) == decode_payload(kind, write(wire))


@BY_FAMILY
def test_what_is_optional_may_be_absent_or_null_or_empty_text(family):
    for kind, wire in family:
        for path, struct in objects(wire, inspect.type_info(kind)):
            for name in {field.encode_name for field in struct.fields if not field.required} & at(wire, path).keys():
                less = copy.deepcopy(wire)
                for nothing in (None, ""):
                    at(less, path)[name] = nothing
                    decode_payload(kind, write(less))
                del at(less, path)[name]
                decode_payload(kind, write(less))


REQUIRED = {
    spot.Ticker: {"sequence"},
    spot.Trade: {"symbol", "side", "price", "size", "time", "tradeId", "sequence"},
    spot.BookDelta: {"symbol", "changes", "sequenceStart", "sequenceEnd"},
    spot.BookTop: set(),
    spot.BookDepth: set(),
    spot.CallAuction: {"symbol"},
    spot.KlineUpdate: {"symbol", "candles"},
    spot.SnapshotData: {"symbol"},
    spot.IndexPrice: {"symbol", "value"},
    futures.Ticker: {"symbol"},
    futures.BookChange: {"sequence", "change"},
    futures.BookDepth: set(),
    futures.Trade: {"symbol", "side", "price", "size", "ts", "tradeId"},
    futures.MarkPrice: {"markPrice"},
    futures.FundingRate: {"fundingRate"},
    futures.Snapshot: {"symbol"},
    pro.Ticker: {"s"},
    pro.Trade: {"s", "S", "p", "q", "M"},
    pro.Book: {"s", "O", "C"},
    pro.MarkPrice: {"s", "mp"},
    pro.FundingRate: {"s", "fr"},
    pro.CallAuction: {"s"},
}
"""Without which a message of market data says nothing, or not whose it is."""


@pytest.mark.parametrize("kind", REQUIRED, ids=lambda kind: f"{kind.__module__.rpartition('.')[2]}.{kind.__name__}")
def test_what_is_required_is_what_a_message_is_about(kind):
    fields = inspect.type_info(kind).fields
    assert {field.encode_name for field in fields if field.required} == REQUIRED[kind]


@BY_FAMILY
def test_what_is_required_is_refused_without_it(family):
    for kind, wire in family:
        for path, struct in objects(wire, inspect.type_info(kind)):
            for field in struct.fields:
                if not field.required or field.encode_name not in at(wire, path):
                    continue
                broken = copy.deepcopy(wire)
                at(broken, path).pop(OTHER_NAMES.get(struct.cls, {}).get(field.encode_name), None)
                for nothing in (None, {}):
                    at(broken, path)[field.encode_name] = nothing
                    if nothing == {} and isinstance(field.type, inspect.StructType):
                        continue  # changes of a book: none
                    with pytest.raises(msgspec.ValidationError):
                        decode_payload(kind, write(broken))
                del at(broken, path)[field.encode_name]
                with pytest.raises(msgspec.ValidationError):
                    decode_payload(kind, write(broken))


TRADE = {"symbol": "XBTUSDM", "side": "buy", "price": "3200.0", "tradeId": "5c9d", "sequence": 36}
EXPECTED_TRADE = futures.Trade("XBTUSDM", "buy", 3200.0, 1.0, 1553846281766256031, "5c9d", 36)


@pytest.mark.parametrize(
    ("kind", "wire", "expected"),
    [
        (futures.Trade, {**TRADE, "matchSize": 1, "time": 1553846281766256031}, EXPECTED_TRADE),  # of 2019
        (futures.Trade, {**TRADE, "matchSize": 1, "size": 1, "time": "1553846281766256031"}, EXPECTED_TRADE),
        (
            spot.CallAuction,
            {"s": "A-B", "ep": "0.17", "es": 3, "slp": None, "bhp": "2", "ts": 5},
            spot.CallAuction("A-B", 0.17, 3.0, buy_order_range_high_price=2.0, time_ms=5),
        ),
        (pro.Book, {"s": "A-B", "E": 7, "a": [], "b": [["1", "2"]]}, pro.Book("A-B", 7, 7, [], [(1.0, 2.0)])),
        (
            futures.BookDepth,
            {"sequence": 0, "asks": None, "bids": [["1", 2]], "ts": 1590634672060667000},
            futures.BookDepth(None, [(1.0, 2.0)], None, None, 1590634672060),
        ),
        (spot.BookDepth, {"asks": "", "bids": [["1", "2"]]}, spot.BookDepth(None, [(1.0, 2.0)])),
        (spot.BookTop, {"asks": [], "bids": None, "timestamp": ""}, spot.BookTop()),
        (spot.Ticker, {"sequence": "1", "price": "", "bestBid": None}, spot.Ticker(1)),
        (
            spot.Ticker,
            {"sequence": "1", "size": "", "bestBid": "0E-8", "bestAsk": "2.0E-4"},
            spot.Ticker(1, best_bid=0.0, best_ask=0.0002),
        ),
        (
            spot.Trade,
            {"symbol": "A", "side": "buy", "price": 1, "size": 2, "time": 1729843222921, "sequence": 4, "tradeId": 5},
            spot.Trade("A", "buy", 1.0, 2.0, 1729843222921000000, "5", 4),
        ),
        (pro.MarkPrice, {"s": "A", "mP": "1"}, pro.MarkPrice("A", 1.0)),
        (pro.FundingRate, {"s": "A", "fR": "-0.1", "fT": 5}, pro.FundingRate("A", -0.1, start_ms=5)),
        (list[pro.FundingRate], [{"s": "A", "fr": 0, "nt": ""}], [pro.FundingRate("A", 0.0)]),
        (dict[str, futures_account.Leverage], {"A": {"leverage": 5}}, {"A": futures_account.Leverage(5.0)}),
    ],
)  # fmt: skip
def test_messages_of_other_years(kind, wire, expected):
    assert decode_payload(kind, msgspec.json.encode(wire)) == expected


@BY_PAYLOAD
@given(data=st.data())
@settings(max_examples=15)
def test_the_second_reading_finds_in_any_message_what_the_first_does(row, data):
    message = data.draw(values(inspect.type_info(row.payload)))
    wire = msgspec.json.encode(message)
    mended = mend(msgspec.json.decode(wire), inspect.type_info(row.payload))
    assert msgspec.convert(mended, row.payload, strict=False) == decoder(row.payload).decode(wire)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4) | st.just(""),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(max_size=3), each, max_size=3),
    max_leaves=10,
)


@pytest.mark.skipif(not SAMPLES, reason="no ../shared/payloads here")
@given(st.data())
@settings(max_examples=150)
def test_anything_in_the_place_of_anything_is_read_or_refused(data):
    _, kind, wire = data.draw(st.sampled_from(SAMPLES))
    with contextlib.suppress(msgspec.ValidationError):
        decode_payload(kind, write(leaves(wire, lambda leaf: data.draw(st.just(leaf) | JSON))))


# -- there and back ----------------------------------------------------------------------------------------------


@BY_PAYLOAD
@given(data=st.data())
@settings(max_examples=15)
def test_any_message_written_and_read_is_itself(row, data):
    message = data.draw(values(inspect.type_info(row.payload)))
    assert decoder(row.payload).decode(msgspec.json.encode(message)) == message


# -- units -------------------------------------------------------------------------------------------------------


def numbers(kind: inspect.Type, name: str = "") -> Iterator[tuple[str, inspect.Type, str]]:
    """Yield the numbers inside a type: the name of their field, their type and the unit they declare."""
    match kind:
        case inspect.StructType(fields=each):
            for field in each:
                if unit := declared_unit(field.type):
                    yield field.name, field.type, unit
                else:
                    yield from numbers(field.type, field.name)
        case inspect.UnionType(types=types):
            for each in made(types):
                yield from numbers(each, name)
        case inspect.ListType(item_type=item) | inspect.DictType(value_type=item):
            yield from numbers(item, name)
        case inspect.TupleType(item_types=items):
            for item in items:
                yield from numbers(item, name)
        case inspect.FloatType() | inspect.IntType():
            yield name, kind, ""


PLAIN = {
    "sequence", "sequence_start", "sequence_end", "start", "end", "version", "board", "mark", "sort", "period",
    "risk_limit_level", "status", "adl",
}  # fmt: skip
"""Numbers that count or name something."""


@BY_PAYLOAD
def test_every_number_has_a_unit_or_needs_none(row):
    for name, kind, unit in numbers(inspect.type_info(row.payload)):
        if unit:
            assert set(unit.split(", ")) <= set(UNITS)
        elif not re.search(r"_(ms|ns|s)$", name) and name not in PLAIN:
            assert not isinstance(kind, inspect.FloatType | inspect.IntType), name
