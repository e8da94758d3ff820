"""Every live frame has the same verbs and the right dtypes: all rows of the catalogue, books, bars, account, status."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kucoin_stream as ks
from kucoin_stream.analytics.columns import decimals
from kucoin_stream.errors import UnknownSymbolError, UsageError
from kucoin_stream.frames.base import LiveFrame
from kucoin_stream.frames.books import BookTop
from kucoin_stream.frames.columns import Rows, has_columns
from kucoin_stream.frames.gathered import Gatherer
from kucoin_stream.frames.schema import schema
from kucoin_stream.market.ring import Ring
from kucoin_stream.namespaces import Namespace
from kucoin_stream.protocol.decoding import decode as message
from kucoin_stream.protocol.messages import units
from kucoin_stream.protocol.messages.futures_account import Leverage
from kucoin_stream.protocol.messages.spot import Snapshot, SnapshotData
from kucoin_stream.protocol.topic import Connection
from kucoin_stream.protocol.topics import CATALOGUE, Topic
from kucoin_stream.simulator import Simulator
from kucoin_stream.streams.feed import brief
from kucoin_stream.widgets.wall.painter import WallPainter
from tests.conftest import until
from tests.protocol.payloads import cases, loads
from tests.test_namespaces import Asked

# -- the same verbs ----------------------------------------------------------------------------------------------


def verbs(frame: LiveFrame) -> None:
    """Use every verb of a frame that there is something in, or not."""
    df = frame.df
    assert isinstance(df, pd.DataFrame)
    assert {"feed", "status", "source", "badge", "note", "time"} == set(df.attrs)
    assert bool(frame)
    assert isinstance(len(frame), int)
    assert isinstance(frame.memory, int)
    assert frame.memory >= 0
    assert hasattr(frame.stream, "sink")
    view = frame.widget()
    assert frame.title in repr(frame)
    frame.stop()
    frame.stop()
    assert view.closed or view.frozen or frame._over
    assert frame.status.startswith("stopped")
    assert isinstance(frame.df, pd.DataFrame)


def arguments(row: Topic) -> tuple[list[str], str | None]:
    futures = row.connection in (Connection.FUTURES_PUBLIC, Connection.FUTURES_PRIVATE, Connection.FUTURES_PRO)
    interval = "1min" if "{interval}" in row.path else None
    if "{account}" in row.argument:
        return ["UNIFIED", "XBTUSDTM"] if "{symbol}" in row.argument else ["UNIFIED"], None
    if not row.list_limit and not row.argument:
        return [], None
    return ["XBTUSDTM" if futures else "BTC-USDT" if row.by_symbol else "USDS"], interval


@pytest.mark.parametrize("row", CATALOGUE, ids=lambda row: row.name)
def test_every_feed_gives_a_frame_with_the_dtypes_that_the_schema_tells(client: ks.Client, row: Topic) -> None:
    given, interval = arguments(row)
    feed = client.feed(row.name, *given, interval=interval)
    frame = feed.frame()
    said = {each.field.removeprefix("data."): each.dtype for each in schema(row.name).itertuples()}
    names = {column.path: column.name for column in frame._rows.columns}
    df = frame.df
    if has_columns(row.payload):
        assert {path: str(df[name].dtype) for path, name in names.items()}.items() <= said.items()
    verbs(frame)


@pytest.mark.parametrize(
    ("name", "messages", "expected"),
    [
        ("account.margin_mode", [{"XBTUSDTM": "CROSS", "ETHUSDTM": "ISOLATED"}, {"XBTUSDTM": "ISOLATED"}],
         [("XBTUSDTM", "CROSS"), ("ETHUSDTM", "ISOLATED"), ("XBTUSDTM", "ISOLATED")]),
        ("account.cross_leverage", [{"XBTUSDTM": Leverage(5.0)}, {"ETHUSDTM": Leverage(8.0)}],
         [("XBTUSDTM", 5.0), ("ETHUSDTM", 8.0)]),
    ],
)  # fmt: skip
def test_a_map_is_a_row_for_each_symbol(client: ks.Client, name: str, messages: Any, expected: Any) -> None:
    feed = client.feed(name)
    frame, latest = feed.frame(), feed.frame(latest="symbol")
    for each in (frame, latest):
        client.engine.call(each._table.take, messages)
    assert [*frame.df.itertuples(index=False, name=None)] == expected
    assert latest.df.iloc[:, 0].to_dict() == dict(expected)
    assert frame.df["symbol"].dtype == "category"


def snapshot(symbol: str, price: float) -> SnapshotData:
    return SnapshotData(symbol, 1_700_000_000_000, last_traded_price=price, buy=price - 1, sell=price + 1, vol=2.0)


@pytest.mark.parametrize(("name", "of"), [("spot.snapshot", "BTC-USDT"), ("spot.market_snapshot", "USDS")])
def test_a_snapshot_is_a_row_for_each_symbol_with_the_columns_of_what_is_inside(
    client: ks.Client, name: str, of: str
) -> None:
    feed = client.feed(name, of)
    feed.stop()  # nothing comes but what is given here
    frame, latest = feed.frame(), feed.frame(latest="symbol")
    old = Snapshot([snapshot("BTC-USDT", 1.0), snapshot("ETH-USDT", 2.0)], 7)  # servers of 2019 to 2022 (4.11)
    messages = [old, Snapshot(snapshot("BTC-USDT", 3.0), 8)]
    for each in (frame, latest):
        client.engine.call(each._table.take, messages)
    df = frame.rows()
    assert df[["symbol", "last_traded_price", "sequence"]].to_numpy().tolist() == [
        ["BTC-USDT", 1.0, 7], ["ETH-USDT", 2.0, 7], ["BTC-USDT", 3.0, 8],
    ]  # fmt: skip
    assert str(df["datetime"].iloc[0]) == "2023-11-14 22:13:20+00:00"
    assert latest.rows()["last_traded_price"].to_dict() == {"BTC-USDT": 3.0, "ETH-USDT": 2.0}
    assert Gatherer().frame(messages)["last_traded_price"].tolist() == [1.0, 2.0, 3.0]
    assert "wall" in latest.kinds
    tiles = WallPainter(latest, sort="symbol").picture(1_700_000_002.0).tiles
    assert [(each.symbol, each.price, each.age_s) for each in tiles] == [("BTC-USDT", 3.0, 2), ("ETH-USDT", 2.0, 2)]


def test_a_lagging_reader_of_snapshots_of_a_market_gets_the_latest_of_each_symbol() -> None:
    assert [each.symbol for each in (Snapshot(snapshot("BTC-USDT", 1.0)), Snapshot([snapshot("A-B", 1.0)]))] == [
        "BTC-USDT",
        None,
    ]


NUMBERS = {"float64", "int64", "Int64"}


@pytest.mark.parametrize("row", [row for row in CATALOGUE if has_columns(row.payload)], ids=lambda row: row.name)
def test_times_are_utc_sides_and_symbols_categorical_and_amounts_numbers(row: Topic) -> None:
    rows = Rows(row.payload)
    df = rows.frame(Ring(rows.codes, 1).arrays(None), rows.categories())
    said = schema(row.name)[["field", "unit"]].itertuples(index=False)
    unit = {field.removeprefix("data."): unit for field, unit in said}
    for column in rows.columns:
        kind = str(df[column.name].dtype)
        if column.name in ("symbol", "side", "interval"):
            assert kind == "category", column.path
        elif column.unit:
            assert kind == "datetime64[ns, UTC]", column.path
        elif unit[column.path] in units.UNITS:
            assert kind in NUMBERS, column.path


@pytest.mark.parametrize(
    "make",
    [
        lambda c: c.book("BTC-USDT"),
        lambda c: c.book("BTC-USDT").tops(),
        lambda c: c.books("BTC-USDT", "XBTUSDTM"),
        lambda c: c.klines("BTC-USDT", "1min", 20),
        lambda c: c.klines("XBTUSDTM", "1min", 20),
        lambda c: c.trades("BTC-USDT").frame(100),
        lambda c: c.ticker("*").frame(latest="symbol"),
        lambda c: c.futures.mark_price("XBTUSDTM").frame(),
        lambda c: c.account.orders(),
        lambda c: c.account.fills(),
        lambda c: c.account.balances(),
        lambda c: c.account.positions(),
        lambda c: c.status(),
    ],
    ids=["book", "tops", "books", "klines", "futures klines", "trades", "tickers", "mark price", "orders", "fills",
         "balances", "positions", "status"],
)  # fmt: skip
def test_every_frame_has_the_same_verbs(client: ks.Client, make: Callable[[ks.Client], Any]) -> None:
    frame = make(client).wait()
    assert len(frame.head(3)) <= 3
    assert len(frame.tail(3)) <= 3
    verbs(frame)


def test_memory_grows_with_the_rows_and_ends_with_maxlen(client: ks.Client) -> None:
    feed = client.trades("BTC-USDT")
    frame = feed.frame(maxlen=50)
    until(lambda: len(frame) > 2)
    few = frame.memory
    trade = frame.recent(1)[0]
    client.engine.call(frame._table.take, [trade] * 40)
    assert frame.memory > 2 * few
    client.engine.call(frame._table.take, [trade] * 10_000)
    assert frame.memory < 2 * 50 * 1000

    def told() -> list[int]:
        table = client.ps()
        memory: list[int] = table[table["kind"] == "frame"]["memory"].tolist()
        return memory

    until(lambda: told() == [frame.memory], "ps tells it; trades come meanwhile")


# -- exact -------------------------------------------------------------------------------------------------------


@given(st.integers(0, 10**15 - 1), st.integers(0, 20))
def test_decimals_are_those_of_the_text_up_to_fifteen_digits(digits: int, scale: int) -> None:
    text = str(Decimal(digits).scaleb(-scale))
    assert decimals([float(text)]) == [Decimal(text)]


def test_no_number_is_none() -> None:
    assert decimals([float("nan")]) == [None]


@pytest.mark.parametrize("data", cases("spot_match"))
def test_exact_prices_and_sizes_are_those_of_the_wire(data: bytes) -> None:
    push: Any = message(data, "spotPublicV1")
    rows = Rows(type(push.data))
    ring = Ring(rows.codes, 1)
    ring.append(rows.row(push.data))
    df = rows.frame(ring.arrays(None), rows.categories(), exact=True)
    wire = loads(data)["data"]
    assert (df["price"][0], df["size"][0]) == (Decimal(str(wire["price"])), Decimal(str(wire["size"])))


def test_an_exact_frame_has_decimals(client: ks.Client) -> None:
    frame = client.trades("BTC-USDT").frame(exact=True).wait()
    df = frame.df
    assert {type(each) for each in df["price"]} == {Decimal}
    assert df["time"].dtype == "datetime64[ns, UTC]"
    step = client.symbol("BTC-USDT").price_increment
    assert step is not None
    assert all(each % step == 0 for each in df["price"])
    assert frame.note == ""


def test_what_a_float_may_not_keep_is_counted(client: ks.Client) -> None:
    frame = client.trades("BTC-USDT").frame(exact=True).wait()
    trade = frame.recent(1)[0]
    client.engine.call(frame._table.take, [type(trade)(**{**trade_fields(trade), "price": 0.1 + 0.2})])
    assert frame.df.attrs["note"] == "1 numbers have more than 15 digits: the last ones may differ"


def trade_fields(trade: Any) -> dict[str, Any]:
    return {name: getattr(trade, name) for name in trade.__struct_fields__}


def test_the_levels_of_a_book_are_exact_where_one_asks(client: ks.Client) -> None:
    ladder = client.book("BTC-USDT").wait().df
    exact, info = ladder.kucoin.exact(), client.symbol("BTC-USDT")
    assert list(exact.columns) == list(ladder.columns)
    for name, step in (("bid", info.price_increment), ("ask_size", info.base_increment)):
        levels = exact[name].dropna()
        assert {type(each) for each in levels} == {Decimal}
        assert step is not None
        assert all(each % step == 0 for each in levels)
    assert exact.kucoin.mid == ladder.kucoin.mid
    assert exact.attrs == ladder.attrs


# -- patterns ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (("*-USDT",), ("BTC-USDT", "ETH-USDT", "SOL-USDT")),
        (("BTC-*",), ("BTC-USDT",)),
        (("???-USDT", "BTC-USDT"), ("BTC-USDT", "ETH-USDT", "SOL-USDT")),
        (("*USDTM",), ("XBTUSDTM", "ETHUSDTM")),
        (("XBT*",), ("XBTUSDTM",)),
        (("*",), ("BTC-USDT", "ETH-USDT", "SOL-USDT")),
    ],
)
def test_patterns_stand_for_symbols(client: ks.Client, pattern: tuple[str, ...], expected: tuple[str, ...]) -> None:
    found = client.trades(*pattern).arguments
    if "M" in expected[0]:
        assert set(expected) <= set(found)
    else:
        assert set(found) == set(expected)


def test_bars_take_patterns_too(client: ks.Client) -> None:
    assert set(client.kline_updates("*-USDT", "1min").arguments) == {
        "BTC-USDT_1min", "ETH-USDT_1min", "SOL-USDT_1min"
    }  # fmt: skip


@pytest.mark.parametrize("pattern", ["*-NOPE", "NOPE*", "btc-*"])
def test_a_pattern_like_nothing_says_where_the_symbols_are(client: ks.Client, pattern: str) -> None:
    with pytest.raises(UnknownSymbolError, match=r"symbols is like .*; client\.(symbols|contracts) lists them"):
        client.trades(pattern)


def test_a_pattern_for_too_many_says_how_many(client: ks.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kucoin_stream.arguments.COMMANDS", 2)
    assert len(client.trades("*-USDT").arguments) == 3  # a command takes 100
    with pytest.raises(UsageError, match=r"stands for 3 symbols; spot.klines takes at most 2"):
        client.kline_updates("*-USDT", "1min")


@pytest.mark.parametrize(
    ("families", "name", "row"),
    [
        (("spot", "futures"), "ticker", "spot.all_tickers"),
        (("pro_spot", "pro_futures"), "funding_rate", "pro_futures.all_funding_rates"),
    ],
)
def test_all_symbols_come_on_one_topic_where_there_is_one(families: tuple[str, ...], name: str, row: str) -> None:
    assert getattr(Namespace(Asked(), *families), name)("*") == (row, (), None, {})


def test_a_wide_frame_has_a_row_for_each_symbol(client: ks.Client) -> None:
    frame = client.ticker("*-USDT").frame(latest="symbol")
    until(lambda: len(frame) == 3)
    assert set(frame.df.index) == {"BTC-USDT", "ETH-USDT", "SOL-USDT"}


def test_a_title_has_room_for_few() -> None:
    assert brief([f"A{number}-USDT" for number in range(12)]) == "A0-USDT, A1-USDT, A2-USDT and 9 more"


# -- books -------------------------------------------------------------------------------------------------------


def test_books_as_one_frame(client: ks.Client) -> None:
    books = client.books("BTC-USDT", "ETH-*", "XBTUSDTM").wait()
    df = books.df
    assert {name: str(kind) for name, kind in df.dtypes.items()} == {
        "bid": "float64", "bid_size": "float64", "ask": "float64", "ask_size": "float64", "mid": "float64",
        "spread": "float64", "status": "category", "sequence": "Int64",
    }  # fmt: skip
    assert (df.index.name, list(df.index)) == ("symbol", ["BTC-USDT", "ETH-USDT", "XBTUSDTM"])
    assert (df["bid"] < df["ask"]).all()
    assert (df["mid"] - (df["bid"] + df["ask"]) / 2 == 0).all()
    assert set(df["status"]) == {"live"}
    seen: list[Any] = []
    books.stream.sink(seen.append)
    until(lambda: {each.symbol for each in seen} == set(df.index), "all three change")
    assert {type(each) for each in seen} == {BookTop}
    book = books["BTC-USDT"]
    assert (book.symbol, books.topics) == ("BTC-USDT", tuple(dict.fromkeys(books.topics)))


def test_a_book_that_is_lost_has_no_prices_and_the_frame_says_so(client: ks.Client, sim: Simulator) -> None:
    books = client.books("BTC-USDT", "XBTUSDTM").wait()
    seen: list[tuple[str, pd.DataFrame]] = []
    sim.faults.kill()

    def lost() -> bool:
        seen.append((books.status, books.df))
        return seen[-1][0] != "live"

    until(lost)
    assert ":" in seen[-1][0]
    wrong = [df for _, df in seen if set(df["status"].astype(str)) != {"live"}]
    for df in wrong:
        assert df["bid"][~df["status"].isin(["live", "partial"])].isna().all()
    until(lambda: books.status == "live", "they are back")


def test_stopping_books_leaves_that_of_another(client: ks.Client) -> None:
    other = client.book("BTC-USDT").wait()
    books = client.books("BTC-USDT", "ETH-USDT").wait()
    books.stop()
    assert (other.status, books["ETH-USDT"].status) == ("live", "stopped")


@pytest.mark.parametrize("symbols", [(), ("*-NOPE",), ("BTC-USDX",)])
def test_books_of_nothing(client: ks.Client, symbols: tuple[str, ...]) -> None:
    with pytest.raises(UsageError):
        client.books(*symbols)
