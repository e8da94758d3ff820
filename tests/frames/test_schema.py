"""The schema says what the index of protocol.md says, and what the frames have."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import pytest

from kucoin_stream.errors import UsageError
from kucoin_stream.frames.columns import Rows, has_columns
from kucoin_stream.frames.schema import schema
from kucoin_stream.market.ring import Ring
from kucoin_stream.protocol.messages.units import UNITS
from kucoin_stream.protocol.topics import CATALOGUE
from tests.protocol.payloads import SHARED

SCHEMA = schema()

# -- the index of the protocol -----------------------------------------------------------------------------------

PLACEHOLDERS = {"s": "symbol", "f": "symbol", "type": "interval", "market": "market"}
LISTS = {"–": 0, "yes": 100}  # 100: "the general limit of one subscribe command"
FROM_THE_TEXT = {"4.8": 1, "4.10": 1}  # "see text": one argument a topic


class Entry(NamedTuple):
    """What the protocol says of a topic or channel."""

    section: str
    list_limit: int
    private: bool


def protocol(begin: str, end: str) -> str:
    """Return a part of protocol.md."""
    file = SHARED / "protocol.md"
    if not file.is_file():
        pytest.skip("protocol.md is not beside the repository")
    return file.read_text(encoding="utf-8").split(begin)[1].split(end)[0]


def quoted(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def paths(cell: str) -> list[str]:
    """Return the topics of a cell: comma lists as one argument, ``…Depth50`` with the beginning of the one before."""
    found: list[str] = []
    for text in quoted(cell):
        path = re.sub(r"\[?,.*$", "", text)
        path = re.sub(r"{(\w+)}", lambda match: f"{{{PLACEHOLDERS[match[1]]}}}", path)
        found.append(found[-1].partition("Depth")[0] + path.removeprefix("…") if path.startswith("…") else path)
    return found


def classic_index() -> dict[tuple[str, str], Entry]:
    """Return the rows of protocol.md 4.0 by topic and subject."""
    rows = {}
    deprecated = re.findall(r"`(\w+\.\w+) {", protocol("Deprecated subjects", "\n"))
    for line in protocol("### 4.0 Index", "Not existing:").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not cells[0].startswith("4."):
            continue
        section, _, subject, auth, limit, _ = cells
        subjects = quoted(subject) + deprecated * ("deprecated" in subject)
        for path in paths(cells[1]):
            known = LISTS | {"no": int("{" in path), "see text": FROM_THE_TEXT.get(section, -1)}
            entry = Entry(section, known[limit] if limit in known else int(limit), auth == "priv")
            rows |= {(path, each): entry for each in subjects or [""]}
    return rows


def pro_index() -> dict[str, Entry]:
    """Return the channels of protocol.md 6.5 and 6.6."""
    text = protocol("### 6.5 Public channels", "## 7. ")
    public, private = text.split("### 6.6 ")
    found = {}
    for part in public.split("#### ")[1:]:
        heading, _, body = part.partition("\n")
        for channel in quoted(heading):
            takes_none = re.search(r"all-symbols", channel)
            limit = 0 if takes_none else 100 if re.search(r"[`\"]symbols[`\"]", body) else 1
            found[channel] = Entry(heading.partition(" ")[0], limit, False)
    names = re.findall(r"^\| `([\w.]+)`", private.partition("####")[0], re.MULTILINE)
    return found | {name: Entry("6.6", 1, True) for name in names}


def test_classic_topics_are_those_of_the_protocol():
    said = {key: (entry.section, entry.private) for key, entry in classic_index().items()}
    subjects = {row.name: row.subjects or ("",) for row in CATALOGUE}
    classic = SCHEMA[SCHEMA.generation == "classic"]
    ours = {
        (row.topic, subject): (row.section, row.private)
        for row in classic.itertuples()
        for subject in subjects[row.feed]
    }
    assert ours == said


def test_pro_channels_are_those_of_the_protocol():
    said = {(channel, entry.section, entry.private) for channel, entry in pro_index().items()}
    pro = SCHEMA[SCHEMA.generation == "pro"]
    assert {(channel(row.topic, row.private), row.section, row.private) for row in pro.itertuples()} == said


def channel(topic: str, private: bool) -> str:
    name = re.split("[:@]", topic)[0]
    return name if private else name.rpartition(".")[0]


def test_lists_are_as_long_as_the_protocol_says():
    classic, pro = classic_index(), pro_index()
    for row in CATALOGUE:
        if row.connection.endswith("ProV2"):
            assert row.list_limit == pro[channel(row.path, row.private)].list_limit
        else:
            assert {classic[row.path, each].list_limit for each in row.subjects or ("",)} == {row.list_limit}


# -- the frames --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", CATALOGUE, ids=lambda row: row.name)
def test_dtypes_are_those_of_the_frame(row: Any):
    said = {each.field.removeprefix("data."): each.dtype for each in schema(row.name).itertuples()}
    if not has_columns(row.payload):
        assert set(said.values()) == {""}
        return
    rows = Rows(row.payload)
    df = rows.frame(Ring(rows.codes, 1).arrays(None), rows.categories())
    assert {column.path: str(df[column.name].dtype) for column in rows.columns}.items() <= said.items()
    inside = said.keys() - {column.path for column in rows.columns}
    assert {said[path] for path in inside} <= {"object"}
    assert all(said[path.partition(".")[0]] == "object" for path in inside)


def test_every_unit_is_explained():
    assert {word for unit in SCHEMA.unit for word in unit.split(", ")} <= {*UNITS, ""}


def test_a_feed_has_one_row_for_each_field():
    assert not SCHEMA.duplicated(["feed", "field"]).any()
    assert list(dict.fromkeys(SCHEMA.feed)) == [row.name for row in CATALOGUE]


def test_the_fields_of_one_feed():
    trades = schema("spot.trades")
    assert trades[["field", "dtype", "unit"]].to_numpy().tolist() == [
        ["symbol", "category", ""],
        ["side", "category", ""],
        ["price", "float64", "quote/base"],
        ["size", "float64", "base"],
        ["time_ns", "datetime64[ns, UTC]", "ns"],
        ["trade_id", "object", ""],
        ["sequence", "int64", ""],
        ["maker_order_id", "object", ""],
        ["taker_order_id", "object", ""],
    ]
    same = trades.drop(columns=["field", "dtype", "unit"]).drop_duplicates().to_dict("records")
    assert same == [
        {
            "feed": "spot.trades",
            "market": "spot",
            "generation": "classic",
            "connection": "spotPublicV1",
            "topic": "/market/match:{symbol}",
            "private": False,
            "section": "4.9",
            "about": "One match of a taker with one maker order; ``side`` is the taker's (4.9).",
        }
    ]


@pytest.mark.parametrize(
    ("feed", "field", "dtype", "unit", "market"),
    [
        ("spot.klines", "candle.open", "float64", "quote/base", "spot"),
        ("spot.klines", "candle.start_s", "datetime64[ns, UTC]", "s", "spot"),
        ("spot.level2", "changes.asks", "object", "quote/base, base", "spot"),
        ("spot.level1", "bids", "object", "quote/base, base", "spot"),
        ("spot.snapshot", "data.vol_value", "float64", "quote", "spot"),
        ("spot.market_snapshot", "data.datetime_ms", "datetime64[ns, UTC]", "ms", "spot"),
        ("spot.snapshot", "data.market_change_1h.vol_value", "object", "quote", "spot"),
        ("futures.klines", "candle.volume", "float64", "lots", "futures"),
        ("futures.snapshot", "volume", "float64", "base", "futures"),
        ("futures.depth5", "asks", "object", "quote/base, lots", "futures"),
        ("futures.funding_rate", "granularity_ms", "Int64", "ms", "futures"),
        ("pro_spot.book5", "bids", "object", "quote/base, base", "spot"),
        ("pro_futures.book5", "bids", "object", "quote/base, lots", "futures"),
        ("pro_futures.trades", "size", "float64", "lots", "futures"),
        ("margin.mark_price", "value", "float64", "quote/base", "margin"),
        ("account.margin_position", "asset_list.*.hold", "object", "currency", "margin"),
        ("account.futures_order_margin", "order_margin", "float64", "currency", "futures"),
        ("account.cross_leverage", "*.leverage", "", "times", "futures"),
        ("account.margin_mode", "*", "", "", "futures"),
        ("account.balances", "relation_context.order_id", "object", "", "spot"),
        ("pro_account.orders", "size", "float64", "size_unit", "all"),
        ("pro_account.executions", "size", "float64", "size", "all"),
    ],
)
def test_fields_inside_fields_and_units_by_market(feed: str, field: str, dtype: str, unit: str, market: str):
    table = schema(feed).set_index("field")
    assert table.loc[field, ["dtype", "unit", "market"]].tolist() == [dtype, unit, market]


@pytest.mark.parametrize("row", CATALOGUE, ids=lambda row: row.name)
def test_a_feed_says_what_its_messages_are(row: Any):
    assert set(schema(row.name).about) == {" ".join(row.doc.partition("\n\n")[0].split())}
    assert row.doc not in ("", dict.__doc__)


def test_no_such_feed():
    with pytest.raises(UsageError, match=r"no such topic 'spot\.trade'"):
        schema("spot.trade")


# -- columns -----------------------------------------------------------------------------------------------------


def test_a_duration_is_no_time_and_what_is_missing_is_no_number():
    from kucoin_stream.protocol.messages.futures import FundingRate

    rows = Rows(FundingRate)
    ring = Ring(rows.codes, 2)
    ring.append(rows.row(FundingRate(0.1, 60000, None, 1790114460000, "XBTUSDTM")))
    ring.append(rows.row(FundingRate(0.1, None, 1, None, "XBTUSDTM")))
    df = rows.frame(ring.arrays(None), rows.categories())
    assert df["granularity_ms"].tolist()[0] == 60000
    assert df["granularity_ms"].isna().tolist() == [False, True]
    assert df["period"].isna().tolist() == [True, False]
    assert df["timestamp"].isna().tolist() == [False, True]
