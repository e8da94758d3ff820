"""Pro messages and channels: every real one at hand decodes into its struct and says what the wire said."""

from __future__ import annotations

import contextlib
import re
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import inspect

from kucoin_stream.errors import LocalProtocolError, RemoteProtocolError
from kucoin_stream.frames.columns import Rows
from kucoin_stream.protocol.catalogue import pro as catalogue
from kucoin_stream.protocol.catalogue.pro import ROWS
from kucoin_stream.protocol.events import Push, Unreadable
from kucoin_stream.protocol.inflate import inflate, is_json
from kucoin_stream.protocol.messages import decode, encode, pro, pro_account, wsapi
from kucoin_stream.protocol.messages.pro import Command
from kucoin_stream.protocol.pro import ProProtocol
from kucoin_stream.protocol.topic import INTERVALS, Connection
from tests.protocol.payloads import SHARED, cases, loads, values

FAMILIES = {
    "pro_ticker": pro.Ticker,
    "pro_trade": pro.Trade,
    "pro_kline": pro.Kline,
    "pro_orderbook_obu": pro.Book,
    "pro_mark_price": pro.MarkPrice,
    "pro_funding_fee": pro.FundingRate,
    "pro_funding_fee_all_symbols": pro.FundingRate,
    "pro_call_auction_info": pro.CallAuction,
    "pro_order": pro_account.Order,
    "pro_execution": pro_account.Execution,
    "pro_execution_lite": pro_account.ExecutionLite,
    "pro_balance": pro_account.Balance,
    "pro_position": pro_account.Position,
    "pro_liquidation_warning": pro_account.LiquidationWarning,
    "pro_leverage": pro_account.Leverage,
}
PAYLOADS = tuple(dict.fromkeys(row.payload for row in ROWS))
BY_NAME = {row.name: row for row in ROWS}


def receive(*messages: bytes) -> list[Any]:
    return ProProtocol(now=0.0).receive(messages, 0.0)


def payload(channel: str, data: dict[str, Any], **envelope: Any) -> Any:
    """Return the payload of one push, or raise the error that it is."""
    (event,) = receive(encode({"T": channel, "P": 1790114459840641662, "d": data, **envelope}))
    if isinstance(event, Unreadable):
        raise event.error
    return event.data


def agrees(ours: Any, wire: Any) -> bool:
    """Whether a decoded value says what the wire said, as exactly as its type can."""
    if isinstance(ours, tuple | list):
        return len(ours) == len(wire) and all(agrees(a, b) for a, b in zip(ours, wire, strict=True))
    if wire in ("", None):
        return ours in ("", None)
    if isinstance(ours, bool):
        return ours is (wire in (True, "true"))
    return ours == type(ours)(wire)


def differences(message: Any, wire: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    kind = type(message)
    names = zip(kind.__struct_fields__, kind.__struct_encode_fields__, strict=True)
    pairs = {ours: (getattr(message, ours), wire[key]) for ours, key in names if key in wire}
    return {name: pair for name, pair in pairs.items() if not agrees(*pair)}


# -- what the wire said ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", cases(*FAMILIES))
def test_push_says_what_the_wire_said(data, request):
    wire = loads(data)
    events = receive(data, data)
    rows = wire["d"] if isinstance(wire["d"], list) else [wire["d"]]
    assert events[: len(rows)] == events[len(rows) :]  # afresh, and the short way
    for event, row in zip(events[: len(rows)], rows, strict=True):
        assert type(event) is Push
        assert type(event.data) is FAMILIES[request.node.callspec.id.rpartition("-")[0]]
        assert event.subject == wire.get("t", "")
        if wire["T"] == "balance.FUNDING":
            row["U"] += "000000"  # ms there, ns everywhere else
        assert differences(event.data, row) == {}


@pytest.mark.parametrize("data", cases(*FAMILIES))
def test_push_leaves_nothing_unread(data):
    wire = loads(data)["d"]
    for event, row in zip(receive(data), wire if isinstance(wire, list) else [wire], strict=True):
        assert row.keys() <= set(type(event.data).__struct_encode_fields__)


@pytest.mark.parametrize("data", cases(*FAMILIES))
def test_push_names_its_topic(data):
    wire = loads(data)
    channel, _, account = wire["T"].rpartition(".")
    symbol = wire["d"].get("s", "") if isinstance(wire["d"], dict) else ""
    expected = {
        "obu": f"{wire['T']}@{wire.get('dp')}:{symbol}",
        "kline": f"{wire['T']}:{symbol}_{wire['d'].get('i') if symbol else ''}",
        "order": f"order:{account}/{symbol}",
        "risk": f"lw:{account}",
        "": f"{wire['T']}.FUTURES:{symbol}".rstrip(":"),
    } | dict.fromkeys(("ticker", "trade", "callAuctionInfo"), f"{wire['T']}:{symbol}")
    for event in receive(data):
        assert event.topic == expected.get(channel, f"{channel}:{account}")


def documented() -> list[Any]:
    """Return the pushes of protocol.md 6.5 and 6.6."""
    file = SHARED / "protocol.md"
    if not file.is_file():
        return [pytest.param(b"", marks=pytest.mark.skip(reason="protocol.md is not beside the repository"))]
    text = file.read_text(encoding="utf-8").split("### 6.5 ")[1].split("## 7. ")[0]
    blocks = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    joined = [line for block in blocks for line in block.replace('",\n "', '","').splitlines()]
    return [pytest.param(line.encode(), id=f"{at} {line[6:30]}") for at, line in enumerate(joined)]


@pytest.mark.parametrize("data", documented())
def test_samples_of_the_protocol_say_what_they_say(data):
    wire = loads(data)
    (event,) = receive(data)
    assert event.data.__struct_fields__
    assert wire["d"].keys() <= set(type(event.data).__struct_encode_fields__)
    if wire["T"] == "balance.FUNDING":
        wire["d"]["U"] += "000000"
    if "eq" in wire["d"]:
        wire["d"]["ep"] = wire["d"].pop("eq")
    assert differences(event.data, wire["d"]) == {}


# -- the channels ------------------------------------------------------------------------------------------------


def test_rows_are_the_channels_of_the_protocol():
    file = SHARED / "protocol.md"
    if not file.is_file():
        pytest.skip("protocol.md is not beside the repository")
    text = file.read_text(encoding="utf-8").split("### 6.5 ")[1].split("## 7. ")[0]
    public: dict[str, set[str]] = {}
    for line in re.findall(r"^#### (6\.5\..*)$", text, re.MULTILINE):
        public[line.partition(" ")[0]] = set(re.findall(r"`([^`]+)`", line))
    private = set(re.findall(r"^\| `([\w.]+)`", text.split("### 6.6 ")[1].split("####")[0], re.MULTILINE))
    private |= {"lw"}  # its row begins as the others do, its name is explained
    ours: dict[str, set[str]] = {}
    for row in ROWS:
        name = row.stem.partition("@")[0]
        ours.setdefault(row.section, set()).add(name if row.private else name.rpartition(".")[0])
    assert ours == public | {"6.6": private}


def test_depths_are_those_of_the_protocol():
    file = SHARED / "protocol.md"
    if not file.is_file():
        pytest.skip("protocol.md is not beside the repository")
    text = file.read_text(encoding="utf-8").split("#### 6.5.4")[1]
    depths = re.search(r"`depth` in ((?:`[^`]+`)+)", text)[1]
    for trade_type in ("SPOT", "FUTURES"):
        ours = {row.stem.partition("@")[2] for row in ROWS if row.stem.startswith(f"obu.{trade_type}@")}
        assert ours == set(re.findall(r'"([^"]+)"', depths))


def test_names_stems_and_markets():
    assert len({row.name for row in ROWS}) == len({row.stem for row in ROWS}) == len(ROWS)
    keys = {
        "pro_spot": Connection.SPOT_PRO,
        "pro_futures": Connection.FUTURES_PRO,
        "pro_account": Connection.PRIVATE_PRO,
    }
    for row in ROWS:
        assert row.connection is keys[row.name.partition(".")[0]]
        assert row.private is (row.connection is Connection.PRIVATE_PRO)
        assert set(row.identity) <= set(row.payload.__struct_fields__)
    assert {row.name for row in ROWS if row.incremental} == {
        "pro_spot.level2", "pro_spot.level2_realtime", "pro_futures.level2", "pro_futures.level2_realtime",
    }  # fmt: skip


@pytest.mark.parametrize("kind", PAYLOADS, ids=lambda kind: kind.__name__)
def test_a_frame_has_a_column_for_each_field(kind):
    columns = Rows(kind).columns
    assert len({column.name for column in columns}) == len(kind.__struct_fields__)
    assert {column.code for column in columns if column.unit} <= {"q"}


@pytest.mark.parametrize(
    ("topic", "fields"),
    [
        ("ticker.SPOT:BTC-USDT", {"channel": "ticker", "tradeType": "SPOT", "symbol": "BTC-USDT"}),
        ("ticker.SPOT:A-B,C-D", {"channel": "ticker", "tradeType": "SPOT", "symbols": ["A-B", "C-D"]}),
        ("trade.FUTURES:XBTUSDTM", {"channel": "trade", "tradeType": "FUTURES", "symbol": "XBTUSDTM"}),
        (
            "kline.SPOT:BTC-USDT_1min",
            {"channel": "kline", "tradeType": "SPOT", "symbol": "BTC-USDT", "interval": "1min"},
        ),
        (
            "obu.FUTURES@increment@10ms:XBTUSDTM",
            {"channel": "obu", "tradeType": "FUTURES", "symbol": "XBTUSDTM", "depth": "increment@10ms"},
        ),
        ("obu.SPOT@1:BTC-USDT", {"channel": "obu", "tradeType": "SPOT", "symbol": "BTC-USDT", "depth": "1"}),
        ("mark-price.FUTURES:XBTUSDTM", {"channel": "mark-price", "tradeType": "FUTURES", "symbol": "XBTUSDTM"}),
        ("funding-fee.FUTURES:A,B", {"channel": "funding-fee", "tradeType": "FUTURES", "symbols": ["A", "B"]}),
        ("funding-fee-all-symbols.FUTURES", {"channel": "funding-fee-all-symbols", "tradeType": "FUTURES"}),
        ("callAuctionInfo.SPOT:A-B", {"channel": "callAuctionInfo", "tradeType": "SPOT", "symbol": "A-B"}),
        ("orderAll:UNIFIED", {"channel": "orderAll", "tradeType": "UNIFIED"}),
        ("order:FUTURES/XBTUSDTM", {"channel": "order", "tradeType": "FUTURES", "symbol": "XBTUSDTM"}),
        ("execution.lite:UNIFIED", {"channel": "execution.lite", "tradeType": "UNIFIED"}),
        ("balance:FUNDING", {"channel": "balance", "accountType": "FUNDING"}),
        ("position:UNIFIED/XBTUSDTM", {"channel": "position", "tradeType": "UNIFIED", "symbol": "XBTUSDTM"}),
        ("lw:UNIFIED", {"channel": "lw", "tradeType": "UNIFIED"}),
    ],
)
def test_command_of_a_topic(topic, fields):
    command = catalogue.command("SUBSCRIBE", topic, "7")
    assert loads(encode(command)) == {"id": "7", "action": "SUBSCRIBE"} | fields


@pytest.mark.parametrize("data", cases("control_subscribe_pro"))
def test_commands_of_other_clients_are_ours_too(data):
    wire = loads(data)
    parts = [wire["channel"], wire["tradeType"]]
    topic = (
        ":".join(parts) if wire["channel"] == "orderAll" else f"{'.'.join(parts)}:{wire['symbol']}_{wire['interval']}"
    )
    assert loads(encode(catalogue.command("SUBSCRIBE", topic, wire["id"]))) == wire
    assert loads(encode(decode(Command, data))) == wire


@pytest.mark.parametrize(
    "topic",
    ["", ":", "/market/ticker:A-B", "ticker:A-B", "obu.SPOT:A-B", "obu.SPOT@20:A-B", "trade.SPOT:A-B,C-D",
     "orderAll:UNIFIED,SPOT", "funding-fee-all-symbols.FUTURES:A,B"],
)  # fmt: skip
def test_what_is_no_topic_is_no_command(topic):
    with pytest.raises(LocalProtocolError):
        catalogue.command("SUBSCRIBE", topic, "1")


ACCOUNTS = st.sampled_from(["UNIFIED", "SPOT", "FUTURES", "ISOLATED", "CROSS", "FUNDING"])
SYMBOLS = st.from_regex(r"[A-Z0-9]{2,6}(-[A-Z]{3,4})?", fullmatch=True)


@given(st.sampled_from(ROWS), ACCOUNTS, SYMBOLS, st.sampled_from(list(INTERVALS)))
def test_a_topic_goes_to_the_wire_and_back(row, account, symbol, interval):
    topic = catalogue.topic_of(row, account, symbol, interval)
    command = catalogue.command("SUBSCRIBE", topic, "1")
    channel = f"{command.channel}.{command.trade_type or command.account_type}"
    for text in (channel, channel.lower()):
        found, of = catalogue.row_of(text, command.depth)
        assert (found, of) == (row, account if row.private else "")
        assert catalogue.topic_of(found, of, command.symbol or symbol, command.interval) == topic


# -- fields come and go ------------------------------------------------------------------------------------------

ORDER = {"oi": "1", "s": "A-B"}


@pytest.mark.parametrize(
    ("data", "name", "expected"),
    [
        ({"p": ""}, "price", None),
        ({"p": None}, "price", None),
        ({}, "price", None),
        ({"p": "50000"}, "price", 50000.0),
        ({"p": 50000}, "price", 50000.0),
        ({"cS": 0}, "cancelled_size", 0.0),
        ({"os": "2"}, "status", 2),
        ({"os": ""}, "status", None),
        ({"pO": "false"}, "post_only", False),
        ({"pO": ""}, "post_only", None),
        ({"ti": 22075878662488064}, "trade_id", "22075878662488064"),
        ({"ti": None}, "trade_id", ""),
        ({"lR": None}, "liquidity", ""),
        ({"lS": "3", "ls": "4"}, "last_fill_size", 3.0),
        ({"lS": "3", "ls": "4"}, "last_fill_price", 4.0),
        ({"oS": "USER", "os": 2}, "source", "USER"),
        ({"O": "1771742294039455063"}, "created_ns", 1771742294039455063),
        ({"new": [1]}, "symbol", "A-B"),
    ],
)
def test_fields_of_an_order(data, name, expected):
    value = getattr(payload("orderAll.UNIFIED", ORDER | data), name)
    assert (value, type(value)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("channel", "data"),
    [
        ("orderAll.UNIFIED", {"s": "A-B"}),
        ("orderAll.UNIFIED", ORDER | {"p": "abc"}),
        ("orderAll.UNIFIED", ORDER | {"p": "nan"}),
        ("orderAll.UNIFIED", ORDER | {"os": 1.5}),
        ("balance.UNIFIED", {"b": "1"}),
        ("trade.SPOT", {"s": "A-B", "S": "buy", "p": "-1", "q": "1", "M": 1}),
        ("trade.SPOT", {"s": "A-B", "S": "buy", "p": "inf", "q": "1", "M": 1}),
        ("trade.SPOT", {"s": "A-B", "S": "buy", "p": "1", "q": "1"}),
        ("mark-price", {"s": "XBTUSDTM", "mp": ""}),
    ],
)
def test_what_is_no_message_is_refused(channel, data):
    with pytest.raises(RemoteProtocolError, match="undecodable push of"):
        payload(channel, data)


@pytest.mark.parametrize(("trade_id", "expected"), [("5", "5"), (20631804219899904, "20631804219899904"), (1.5, None)])
def test_a_trade_id_is_text(trade_id, expected):
    data = {"s": "A-B", "S": "sell", "p": "1", "q": "1", "M": 1768802538480000000, "ti": trade_id}
    if expected is None:
        with pytest.raises(RemoteProtocolError, match="undecodable push"):
            payload("trade.SPOT", data)
    else:
        assert payload("trade.SPOT", data).trade_id == expected


@pytest.mark.parametrize(
    ("time", "expected"),
    [("1780543242933", 1780543242933000000), (1770113416495000000, 1770113416495000000), ("", None)],
)
def test_a_balance_has_its_time_in_nanoseconds(time, expected):
    assert payload("balance.FUNDING", {"c": "USDT", "U": time}).updated_ns == expected


LEVELS = [
    ([["1", "2"]], [(1.0, 2.0)]),
    ([["84516.4", "0", "449"]], [(84516.4, 0.0, 449.0)]),  # with rpiFilter
    ([], []),
    (None, None),
    ([["1"]], ...),
    ([["1", "2", "3", "4"]], ...),
    ([["1", ""]], ...),
]


@pytest.mark.parametrize(("levels", "expected"), LEVELS)
def test_levels_of_a_book(levels, expected):
    data = {"s": "A-B", "O": 1, "C": "2", "a": levels}
    if expected is ...:
        with pytest.raises(RemoteProtocolError, match=r"undecodable push of 'obu.SPOT@5:A-B'"):
            payload("obu.SPOT", data, dp="5", t="snapshot")
    else:
        book = payload("obu.SPOT", data, dp="5", t="snapshot")
        assert book == pro.Book("A-B", 1, 2, asks=expected, kind="snapshot")


def test_a_bar_and_a_rate_have_the_time_of_their_push():
    bar = {"s": "A-B", "i": "1min", "O": 60, **dict.fromkeys("ochlva", "1")}
    for _ in range(2):
        assert payload("kline.SPOT", bar).time_ns == 1790114459840641662
        assert payload("funding-fee", {"s": "XBTUSDTM", "fr": "-0.1"}).time_ns == 1790114459840641662


# -- there and back ----------------------------------------------------------------------------------------------


STRUCTS = (*PAYLOADS, wsapi.OrderResult, wsapi.SyncResult, wsapi.CancelResult, wsapi.BatchResult, wsapi.RateLimit)


@st.composite
def structs(draw: Any) -> Any:
    kind = draw(st.sampled_from(STRUCTS))
    return draw(values(inspect.type_info(kind)))


@given(structs())
def test_every_struct_goes_to_json_and_back(struct):
    assert decode(type(struct), encode(struct)) == struct


# -- compressed frames -------------------------------------------------------------------------------------------


def deflated(data: bytes, level: int = 9) -> bytes:
    compressor = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)
    return compressor.compress(data) + compressor.flush()


TEXT = b'{"T":"mark-price","d":{"s":"XBTUSDTM","mp":"86201.79"}}'


@given(st.binary(max_size=300), st.integers(0, 9))
def test_what_was_deflated_is_inflated(data, level):
    assert inflate(deflated(data, level), limit=max(len(data), 1)) == data


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=20), max_size=5), st.integers(0, 9))
def test_a_deflated_object_never_looks_like_json(value, level):
    assert not is_json(deflated(encode(value), level))


@pytest.mark.parametrize(
    ("data", "limit", "what"),
    [
        (deflated(b"x" * 1001), 1000, "more than 1000 bytes"),
        (deflated(b"\x00" * 50_000_000), 1000, "more than 1000 bytes"),
        (deflated(TEXT)[:-1], 1000, "the end is missing"),
        (b"", 1000, "the end is missing"),
        (b"\xff\xfe", 1000, "neither JSON nor raw deflate"),
        (b"\x1f\x8b\x08\x00", 1000, "neither JSON nor raw deflate"),
    ],
)
def test_what_cannot_be_inflated(data, limit, what):
    with pytest.raises(RemoteProtocolError, match=what):
        inflate(data, limit)


@given(st.binary(max_size=100))
def test_any_bytes_are_inflated_or_refused(data):
    with contextlib.suppress(RemoteProtocolError):
        assert len(inflate(data, 50)) <= 50
