"""Frames out of streams: batches, streamz's own DataFrame in one call, live frames of nodes."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from msgspec import Struct

import kucoin_stream as ks
from kucoin_stream.frames.columns import Rows, has_columns
from kucoin_stream.frames.gathered import Gatherer, TimeIndex, blank
from kucoin_stream.protocol.messages import spot
from kucoin_stream.protocol.topics import CATALOGUE
from kucoin_stream.streams.source import Inlet
from tests.conftest import until

T0 = 1_795_307_160 * 10**9  # ns
SYMBOLS = ["BTC-USDT", "ETH-USDT", "BTC-USDT", "SOL-USDT", "ETH-USDT", "BTC-USDT", "BTC-USDT", "SOL-USDT"]
SECONDS = [0.0, 0.2, 0.9, 1.0, 1.5, 1.4, 3.0, 3.1]  # one is out of order
TRADES = [
    spot.Trade(symbol, "buy" if n % 3 else "sell", 10.0 + n, 1.0 + n / 4, T0 + round(second * 1e9), str(n), n)
    for n, (symbol, second) in enumerate(zip(SYMBOLS, SECONDS, strict=True))
]
READS = [TRADES[:1], TRADES[1:4], TRADES[4:]]


def put(client: ks.Client, feed: Any, *messages: Any) -> None:
    client.engine.call(_receive, feed._inlet, messages)


def _receive(inlet: Inlet, messages: tuple[Any, ...]) -> None:
    inlet.pending.extend(messages)
    inlet.flush()


@pytest.fixture
def trades(connect: Callable[..., ks.Client]) -> Any:
    """A feed of trades on which only what a test puts there comes."""
    client = connect()
    feed = client.trades(*sorted(set(SYMBOLS)))
    client.engine.call(client.engine.pool.detach, feed.topics, feed._inlet)
    client.engine.call(feed._inlet.recent.messages.clear)
    feed.put = lambda *messages: put(client, feed, *messages)
    return feed


def all_trades() -> pd.DataFrame:
    """Return what plain pandas knows of all trades."""
    frame = Gatherer().frame(TRADES)
    frame.index = TimeIndex().of([each.time_ns for each in TRADES])
    return frame


# -- gathered ----------------------------------------------------------------------------------------------------


class Point(Struct):
    x: float
    n: int


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ([Point(1.0, 2), Point(3.0, 4)], {"x": [1.0, 3.0], "n": [2, 4]}),
        ([{"a": 1}, {"a": 2, "b": 3}], {"a": [1, 2], "b": [None, 3]}),
        ([(1, "x"), (2, "y")], {0: [1, 2], 1: ["x", "y"]}),
        ([1.5, 2.5], {"value": [1.5, 2.5]}),
        ([pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [2]})], {"a": [1, 2]}),
        ([Point(1.0, 2), {"x": 3.0, "n": 4}], {"x": [1.0, 3.0], "n": [2, 4]}),
    ],
)
def test_messages_of_any_kind_become_rows(messages: list[Any], expected: dict[Any, list[Any]]) -> None:
    frame = Gatherer().frame(messages).reset_index(drop=True)
    assert frame.astype(object).where(frame.notna(), None).to_dict("list") == expected


@pytest.mark.parametrize("row", [row for row in CATALOGUE if has_columns(row.payload)], ids=lambda row: row.name)
def test_an_example_has_the_columns_and_dtypes_of_the_live_frame(row: Any) -> None:
    example = blank(row.payload)
    assert len(example) == 2
    assert [(name, str(dtype)) for name, dtype in example.dtypes.items()] == [
        (column.name, column.dtype) for column in Rows(row.payload).columns
    ]


def test_the_index_never_goes_back() -> None:
    index = TimeIndex()
    assert [each.value - T0 for each in [*index.of([T0 + 5, T0 + 3]), *index.of([T0 + 4, T0 + 9])]] == [5, 5, 5, 9]


# -- batch -------------------------------------------------------------------------------------------------------


def test_a_batch_has_the_dtypes_of_the_live_frame(trades: Any) -> None:
    frames: list[pd.DataFrame] = []
    live = trades.frame()
    trades.batch("50ms").sink(frames.append)
    trades.put(*TRADES)
    until(lambda: frames)
    pd.testing.assert_frame_equal(frames[0], live.df)


def test_an_empty_batch_has_columns(trades: Any) -> None:
    frames: list[pd.DataFrame] = []
    trades.symbol("BTC-USDT").batch("20ms", empty=True).sink(frames.append)
    until(lambda: frames)
    assert (len(frames[0]), list(frames[0].columns)) == (0, [each.name for each in Rows(spot.Trade).columns])


class Broken(dict[Any, Any]):
    def __iter__(self) -> Any:
        raise ValueError("no keys")

    keys = items = __iter__  # type: ignore[assignment]


def test_messages_that_make_no_frame_cost_their_batch(trades: Any) -> None:
    frames: list[pd.DataFrame] = []
    trades.map(lambda each: each if each.sequence else Broken()).batch("20ms").sink(frames.append)
    trades.put(TRADES[0])
    until(lambda: trades.error_count == 1)
    trades.put(TRADES[1])
    until(lambda: [each["symbol"].tolist() for each in frames] == [["ETH-USDT"]])


# -- to_dataframe ------------------------------------------------------------------------------------------------


def by(frame: pd.DataFrame, key: Any) -> Any:
    return frame.groupby(key, observed=True)


# each: on streamz's frame, and on that of plain pandas with all rows
AGGREGATIONS: dict[str, tuple[Callable[[Any], Any], Callable[[pd.DataFrame], Any]]] = {
    "groupby sum": (lambda s: s.groupby("symbol")["size"].sum(), lambda d: by(d, "symbol")["size"].sum()),
    "groupby mean": (lambda s: s.groupby("symbol").price.mean(), lambda d: by(d, "symbol").price.mean()),
    "groupby count": (lambda s: s.groupby("side")["size"].count(), lambda d: by(d, "side")["size"].count()),
    "groupby var": (lambda s: s.groupby("symbol").price.var(), lambda d: by(d, "symbol").price.var()),
    "groupby std": (lambda s: s.groupby("symbol").price.std(), lambda d: by(d, "symbol").price.std()),
    "groupby two": (
        lambda s: s.groupby(["symbol", "side"])["size"].sum(),
        lambda d: by(d, ["symbol", "side"])["size"].sum(),
    ),
    "groupby a series": (
        lambda s: s.groupby(s["price"] // 4)["size"].sum(), lambda d: d.groupby(d["price"] // 4)["size"].sum()
    ),
    "turnover": (lambda s: (s["price"] * s["size"]).sum(), lambda d: (d["price"] * d["size"]).sum()),
    "mean": (lambda s: s.price.mean(), lambda d: d.price.mean()),
    "condition": (lambda s: s[s.side == "buy"]["size"].sum(), lambda d: d[d.side == "buy"]["size"].sum()),
    "query": (lambda s: s.query("price > 12")["size"].sum(), lambda d: d.query("price > 12")["size"].sum()),
    "value_counts": (lambda s: s["symbol"].value_counts(), lambda d: d["symbol"].value_counts()),
    "assign": (
        lambda s: s.assign(value=s["price"] * s["size"]).value.sum(), lambda d: (d["price"] * d["size"]).sum()
    ),
    "expanding": (lambda s: s.expanding().price.sum(), lambda d: d.price.sum()),
    "window of rows": (lambda s: s.window(n=3).price.mean(), lambda d: d.price[-3:].mean()),
    "std of a window": (lambda s: s.window(n=3).price.std(), lambda d: d.price[-3:].std()),
    "window of time": (lambda s: s.window(value="1s")["size"].sum(), lambda d: d["size"].rolling("1s").sum().iloc[-1]),
    "groupby in a window": (
        lambda s: s.window(n=4).groupby("symbol")["size"].sum(),
        lambda d: by(d[-4:], "symbol")["size"].sum(),
    ),
    "full window": (lambda s: s.window(n=3).apply(lambda d: d.price.max()), lambda d: d.price[-3:].max()),
}  # fmt: skip
ROLLING: dict[str, tuple[Callable[[Any], Any], Callable[[pd.DataFrame], Any]]] = {
    "time": (lambda s: s.rolling("1s").price.mean(), lambda d: d.price.rolling("1s").mean()),
    "rows": (lambda s: s.rolling(3).price.sum(), lambda d: d.price.rolling(3).sum()),
    "product": (lambda s: s["price"] * s["size"], lambda d: d["price"] * d["size"]),
    "cumsum": (lambda s: s["size"].cumsum(), lambda d: d["size"].cumsum()),
    "index": (lambda s: s.reset_index()["price"], lambda d: d["price"].reset_index(drop=True)),
}


@pytest.mark.parametrize(("ours", "plain"), AGGREGATIONS.values(), ids=AGGREGATIONS)
@pytest.mark.filterwarnings("ignore:The default of observed=False")  # pandas 2
@pytest.mark.filterwarnings("ignore:invalid value")  # the variance of one row
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_aggregations_are_those_of_pandas(trades: Any, ours: Callable[[Any], Any], plain: Callable[[Any], Any]) -> None:
    results: list[Any] = []
    count = 0

    def read(_: Any) -> None:
        nonlocal count
        count += 1

    sdf = trades.to_dataframe(every="10ms")
    ours(sdf).stream.sink(results.append)
    sdf.stream.sink(read)
    for n, messages in enumerate(READS):
        trades.put(*messages)
        until(lambda n=n: count == n + 1)
    assert trades.error_count == 0
    expected, got = plain(all_trades()), results[-1]
    if isinstance(expected, pd.Series):
        known = expected.dropna().to_dict()
        given = {key: value for key, value in got.dropna().items() if key in known or value}  # pandas 2: empty groups
        assert given == pytest.approx(known)
    else:
        assert got == pytest.approx(expected)


@pytest.mark.parametrize(("ours", "plain"), ROLLING.values(), ids=ROLLING)
def test_rows_are_those_of_pandas(trades: Any, ours: Callable[[Any], Any], plain: Callable[[Any], Any]) -> None:
    results: list[Any] = []
    ours(trades.to_dataframe(every="10ms")).stream.sink(results.append)
    for n, messages in enumerate(READS):
        trades.put(*messages)
        until(lambda n=n: len(results) == n + 1)
    expected = plain(all_trades())
    got = pd.concat(results, ignore_index=isinstance(expected.index, pd.RangeIndex))
    pd.testing.assert_series_equal(got, expected, check_names=False)


@pytest.mark.parametrize("feed", ["ticker", "trades", "level2", "kline_updates"])
def test_every_feed_of_rows_is_a_dataframe_in_one_call(client: ks.Client, feed: str) -> None:
    arguments = {"kline_updates": ("BTC-USDT", "1min")}.get(feed, ("BTC-USDT",))
    source = getattr(client, feed)(*arguments)
    sdf = source.to_dataframe(every="20ms")
    frames: list[pd.DataFrame] = []
    sdf.stream.sink(frames.append)
    until(lambda: frames)
    assert list(frames[0].dtypes.astype(str)) == list(sdf.dtypes.astype(str))
    assert isinstance(frames[0].index, pd.DatetimeIndex)
    assert str(frames[0].index.tz) == "UTC"


BEHIND: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "what keeps messages": (lambda feed: feed.filter(lambda _: True).symbol("BTC-USDT").buffer(3), None),
    "klines": (lambda feed: feed.to_klines("1min", closed=False, partial=True), None),
    "ohlc": (lambda feed: feed.resample("100ms", "ohlc"), None),
    "dicts, with a message as example": (lambda feed: feed.map(lambda t: {"price": t.price}), {"price": 1.0}),
    "dicts, with a frame": (lambda feed: feed.map(lambda t: {"price": t.price}), pd.DataFrame({"price": [1.0]})),
}


@pytest.mark.parametrize(("node", "example"), BEHIND.values(), ids=BEHIND)
def test_nodes_behind_a_feed_are_dataframes_too(trades: Any, node: Callable[[Any], Any], example: Any) -> None:
    sdf = node(trades).batch("10ms", index="time").to_dataframe(example=example)
    frames: list[pd.DataFrame] = []
    sdf.stream.sink(frames.append)
    trades.put(*TRADES)
    until(lambda: frames)
    assert list(frames[0].dtypes.astype(str)) == list(sdf.dtypes.astype(str))


def test_operations_on_one_dataframe_share_a_branch_and_end_together(trades: Any) -> None:
    sdf = trades.to_dataframe()
    sums = sdf["size"].sum().stream.sink_to_list()
    means = sdf.price.mean().stream.sink_to_list()
    assert len(list(trades.branches)) == 1
    trades.put(*TRADES)
    until(lambda: sums and means)
    from streamz.sinks import _global_sinks

    for sink in list(_global_sinks):
        sink.destroy()
    del sdf, sink
    until(lambda: gc.collect() >= 0 and not list(trades.branches))


def test_to_dataframe_of_what_is_no_feed_needs_an_example(client: ks.Client) -> None:
    stream = client.book("BTC-USDT").stream
    with pytest.raises(ks.errors.UsageError, match="example="):
        stream.to_dataframe()
    assert not list(stream.branches)


# -- sink_to_frame -----------------------------------------------------------------------------------------------


def test_a_node_as_a_live_frame(trades: Any) -> None:
    frame = trades.map(lambda t: {"symbol": t.symbol, "value": t.price * t.size}).sink_to_frame(maxlen=5)
    with pytest.raises(ks.errors.NotReadyError):
        frame.head(timeout=0.01)
    assert frame.df.empty
    trades.put(*TRADES)
    until(lambda: frame.received == len(TRADES))
    assert len(frame) == 5
    assert frame.df["value"].tolist() == [t.price * t.size for t in TRADES[-5:]]
    assert frame.head(2)["symbol"].tolist() == [t.symbol for t in TRADES[-5:-3]]
    assert frame.tail(1)["symbol"].tolist() == ["SOL-USDT"]
    assert frame.df.attrs["status"] == "live"
    assert frame.df.attrs["badge"] == trades.frame().df.attrs["badge"]
    frame.stop()
    assert frame.status == "stopped"
    until(lambda: gc.collect() >= 0 and not list(trades.branches))
    assert len(frame.df) == 5


def test_the_latest_of_each_symbol_as_a_live_frame(trades: Any) -> None:
    frame = trades.filter(lambda t: t.side == "buy").sink_to_frame(latest="symbol")
    trades.put(*TRADES)
    until(lambda: frame.received == 5)
    expected = {t.symbol: t.price for t in TRADES if t.side == "buy"}
    assert frame.df["price"].to_dict() == expected
    assert frame.df.index.name == "symbol"
    assert len(frame) == len(expected)


@pytest.mark.parametrize("latest", [None, "symbol"])
def test_the_frame_of_a_node_that_has_handed_on_nothing_is_empty(client: ks.Client, latest: str | None) -> None:
    frame = client.futures.funding_settlement().sink_to_frame(latest=latest)
    assert (len(frame), len(frame.df), frame.memory >= 0) == (0, 0, True)
    assert frame.df.index.name == latest


def test_a_node_of_a_frame_has_the_name_that_the_user_wrote(trades: Any) -> None:
    frame = trades.sink_to_frame()
    assert repr(frame._keep) == "<sink_to_frame>"


def test_frames_of_frames_have_the_newest_rows(trades: Any) -> None:
    frame = trades.batch("10ms").sink_to_frame(maxlen=3)
    for n, messages in enumerate(READS):
        trades.put(*messages)
        until(lambda n=n: frame.received == n + 1)
    assert frame.df["sequence"].tolist() == [5, 6, 7]
    assert frame.df["price"].dtype == np.float64


def test_structs_have_the_dtypes_of_the_feeds_frame(trades: Any) -> None:
    live, ours = trades.frame(), trades.sink_to_frame()
    trades.put(*TRADES)
    until(lambda: len(ours) == len(TRADES))
    pd.testing.assert_frame_equal(ours.df, live.df)


def test_a_frame_nobody_holds_ends_its_branch(trades: Any) -> None:
    frame = trades.map(id).sink_to_frame()
    assert len(list(trades.branches)) == 1
    del frame
    until(lambda: gc.collect() >= 0 and not list(trades.branches))
