"""Past bars of any span, and those kept on this machine; trades and funding rates of the past."""

from __future__ import annotations

import builtins
import datetime as dt
import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kucoin_stream as ks
from kucoin_stream.errors import ResponseError, UnknownSymbolError, UnreachableError, UsageError
from kucoin_stream.protocol.topics import FUTURES_INTERVALS, INTERVALS
from kucoin_stream.rest import cache as caches
from kucoin_stream.rest.cache import Cache, Shelf
from kucoin_stream.rest.history import SETTLED, UNEVEN, asked, collect, filled
from kucoin_stream.rest.past import between
from kucoin_stream.rest.spans import Span, holes, joined, periods
from kucoin_stream.simulator import Simulator
from tests.conftest import until

pytestmark = pytest.mark.slow

Connect = Callable[..., ks.Client]

pytest.importorskip("pyarrow")

# -- spans -------------------------------------------------------------------------------------------------------

SPANS = st.lists(st.builds(lambda begin, length: Span(begin, begin + length), st.integers(0, 50), st.integers(0, 20)))


def moments(spans: list[Span]) -> set[int]:
    return {moment for span in spans for moment in range(span.begin, span.end)}


@given(SPANS)
def test_joined_spans_are_the_same_time_and_do_not_meet(spans: list[Span]) -> None:
    found = joined(spans)
    assert moments(found) == moments(spans)
    assert all(one.end < other.begin for one, other in pairwise(found))


@given(SPANS, st.integers(0, 50), st.integers(1, 30))
def test_holes_are_what_is_not_there(there: list[Span], begin: int, length: int) -> None:
    wanted = Span(begin, begin + length)
    assert moments(holes(wanted, there)) == moments([wanted]) - moments(there)


@pytest.mark.parametrize(
    ("step", "begin", "end", "expected"),
    [
        (60, "2025-12-31 23:59", "2026-01-01 00:01", ["2025-12", "2026-01"]),
        (60, "2026-01-01", "2026-02-01", ["2026-01"]),
        (3600, "2026-11-30", "2026-12-02", ["2026-11", "2026-12"]),
        (86_400, "2024-05-05", "2026-01-01", ["2024", "2025"]),
    ],
)
def test_a_file_is_a_month_or_of_days_a_year(step: int, begin: str, end: str, expected: list[str]) -> None:
    found = list(periods(Span(seconds(begin), seconds(end)), step))
    assert [period.name for period in found] == expected
    assert all(one.span.end == other.span.begin for one, other in pairwise(found))


def seconds(text: str) -> int:
    return int(pd.Timestamp(text, tz="UTC").timestamp())


ROOT = Path(__file__).resolve().parents[1]

# -- an exchange that has what it has -----------------------------------------------------------------------------

BEGIN = seconds("2026-01-31 22:00")
SHELF = Shelf("spot", "BTC-USDT", "1min", 60)
ROWS = 50


class Exchange:
    """Has a bar for each minute from ``listed`` on, but for silent ones; tells ``ROWS`` of them in a call."""

    def __init__(self, silent: set[int] = frozenset(), listed: int = BEGIN - 10**6) -> None:  # type: ignore[assignment]
        self.silent = {BEGIN + 60 * number for number in silent}
        self.listed = listed
        self.asked: list[Span] = []
        self.fails_at = 10**9

    def fetch(self, first: int, last: int) -> pd.DataFrame:
        if len(self.asked) >= self.fails_at:
            raise KeyboardInterrupt
        self.asked.append(Span(first, last + 60))
        return self.bars(Span(first, last + 60))

    def bars(self, span: Span) -> pd.DataFrame:
        starts = [each for each in range(span.begin, span.end, 60) if each >= self.listed and each not in self.silent]
        index = pd.DatetimeIndex(np.array(starts, dtype="M8[s]").astype("M8[ns]"), tz="UTC", name="time")
        names = ("open", "high", "low", "close", "volume", "turnover")
        return pd.DataFrame({name: np.array(starts) / 60 % 1000 for name in names}, index=index)


def wanted(first: int, last: int) -> Any:
    """Return what asks for minutes ``first`` to ``last`` after the begin, the last not within."""
    begin, end = (caches.utc_time(BEGIN + 60 * number) for number in (first, last))
    return asked(SHELF, ROWS, begin, end)


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cache]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(caches, "_said", set())
    cache = new_cache()
    assert cache.folder.is_relative_to(tmp_path)
    yield cache
    assert not [file for file in tmp_path.rglob("*") if file.is_file() and file.suffix != ".parquet"]


def new_cache(mode: str = "live", base: str = "https://api.kucoin.com") -> Cache:
    return Cache(mode, {"spot": base, "futures": "https://api-futures.kucoin.com"})


LATER = BEGIN + 10**7  # Unix s: everything has settled


@given(
    st.sets(st.integers(0, 400)),
    st.lists(st.tuples(st.integers(0, 400), st.integers(1, 200)), min_size=1, max_size=4),
)
def test_whatever_was_asked_for_before_all_bars_come_in_order_and_none_is_fetched_twice(
    silent: set[int], spans: list[tuple[int, int]]
) -> None:
    exchange = Exchange(silent)
    store = Remembering()
    for first, length in spans:
        want = wanted(first, first + length)
        found = collect(want, exchange.fetch, store, LATER)
        pd.testing.assert_frame_equal(found.bars, exchange.bars(want.span), check_freq=False)
    told = [moments_of(span) for span in exchange.asked if len(exchange.bars(span))]
    assert sum(map(len, told)) == len(set().union(*told))


def moments_of(span: Span) -> set[int]:
    return set(range(span.begin, span.end, 60))


class Remembering(Cache):
    """A cache in memory."""

    def __init__(self) -> None:
        self._files: dict[str, caches.Kept] = {}

    def load(self, shelf: Shelf, period: Any) -> caches.Kept:
        return self._files.get(period.name, caches.Kept(caches.no_bars(), []))

    def keep(self, shelf: Shelf, period: Any, fresh: caches.Kept) -> None:
        known = self.load(shelf, period)
        bars = pd.concat([each for each in (known.bars, fresh.bars) if len(each)] or [caches.no_bars()])
        inside = joined(span.within(period.span) for span in fresh.covered)
        begin, end = (caches.utc_time(each) for each in period.span)
        bars = bars[(bars.index >= begin) & (bars.index < end)]
        bars = bars[~bars.index.duplicated()].sort_index()
        self._files[period.name] = caches.Kept(bars, joined([*known.covered, *inside]))


def test_what_is_on_the_disk_is_not_fetched_again_over_the_turn_of_a_month(kept: Cache) -> None:
    exchange = Exchange({3, 130, 131})
    first = collect(wanted(0, 200), exchange.fetch, kept, LATER)
    asked_first = list(exchange.asked)
    again = collect(wanted(-20, 230), exchange.fetch, new_cache(), LATER)
    assert (first.cached, again.cached) == (0, 197)
    assert moments_of(Span(BEGIN, BEGIN + 12_000)) == set().union(*map(moments_of, asked_first))
    assert exchange.asked[len(asked_first) :] == [
        Span(BEGIN + 12_000, BEGIN + 13_800),
        Span(BEGIN - 1200, BEGIN),
    ]
    pd.testing.assert_frame_equal(again.bars, exchange.bars(wanted(-20, 230).span), check_freq=False)
    files = sorted(file.relative_to(kept.folder).as_posix() for file in kept.folder.rglob("*.parquet"))
    assert files == [f"live-api.kucoin.com/spot/BTC-USDT/1min/2026-0{month}.parquet" for month in (1, 2)]


def test_an_answer_without_any_bar_is_asked_for_again(kept: Cache) -> None:
    exchange = Exchange(set(range(20)))
    for _ in range(2):
        assert collect(wanted(0, 20), exchange.fetch, kept, LATER).bars.empty
    exchange.silent.clear()  # it was out of order, and is well again
    assert len(collect(wanted(0, 20), exchange.fetch, kept, LATER).bars) == 20


def test_bars_that_may_still_change_are_not_kept(kept: Cache) -> None:
    exchange = Exchange()
    now = BEGIN + 60 * 10 + 5  # the bar before this one ended 5 s ago
    assert SETTLED == 60
    collect(wanted(0, 10), exchange.fetch, kept, now)
    exchange.asked.clear()
    found = collect(wanted(0, 10), exchange.fetch, kept, now)
    assert (found.cached, exchange.asked) == (9, [Span(BEGIN + 540, BEGIN + 600)])


def test_ctrl_c_keeps_whole_pages_and_nothing_half(kept: Cache) -> None:
    exchange = Exchange()
    exchange.fails_at = 2
    with pytest.raises(KeyboardInterrupt):
        collect(wanted(0, 200), exchange.fetch, kept, LATER)
    exchange.fails_at = 100
    found = collect(wanted(0, 200), exchange.fetch, kept, LATER)
    assert found.cached == 2 * ROWS
    pd.testing.assert_frame_equal(found.bars, exchange.bars(wanted(0, 200).span), check_freq=False)


def test_long_before_a_listing_few_calls_find_nothing() -> None:
    exchange = Exchange(listed=BEGIN)
    found = collect(wanted(-100_000, 10), exchange.fetch, None, LATER)
    assert (len(found.bars), len(exchange.asked) < 15) == (10, True)


@pytest.mark.parametrize("damage", [b"", b"PAR1", b"x" * 1000], ids=["empty", "a beginning", "rubbish"])
def test_a_damaged_file_is_told_and_fetched_again(kept: Cache, damage: bytes, caplog: pytest.LogCaptureFixture) -> None:
    exchange = Exchange()
    collect(wanted(0, 20), exchange.fetch, kept, LATER)
    file = next(kept.folder.rglob("*.parquet"))
    file.write_bytes(damage)
    with caplog.at_level(logging.WARNING, "kucoin_stream"):
        found = collect(wanted(0, 20), exchange.fetch, kept, LATER)
    assert (found.cached, len(found.bars), len(exchange.asked)) == (0, 20, 2)
    assert f"{file} cannot be read and is fetched again" in caplog.text
    assert collect(wanted(0, 20), exchange.fetch, kept, LATER).cached == 20


def test_a_file_cut_short_anywhere_is_never_read_as_something_else(kept: Cache) -> None:
    exchange = Exchange()
    collect(wanted(0, 100), exchange.fetch, kept, LATER)
    file = next(kept.folder.rglob("*.parquet"))
    whole = file.read_bytes()
    for length in range(0, len(whole), 97):
        file.write_bytes(whole[:length])
        found = collect(wanted(0, 100), exchange.fetch, kept, LATER)
        pd.testing.assert_frame_equal(found.bars, exchange.bars(wanted(0, 100).span), check_freq=False)


def test_many_writers_and_readers_at_once_never_see_half_a_file(kept: Cache, caplog: pytest.LogCaptureFixture) -> None:
    exchange, wrong = Exchange({5, 77}), []

    def work(first: int) -> None:
        for _ in range(10):
            want = wanted(first, first + 60)
            found = collect(want, exchange.fetch, new_cache(), LATER)
            if not found.bars.index.equals(exchange.bars(want.span).index):
                wrong.append(first)

    threads = [threading.Thread(target=work, args=(first,)) for first in (0, 30, 60, 90)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (wrong, caplog.text) == ([], "")


_WORKER = """
import sys
from kucoin_stream.rest.history import collect
from tests.test_history import LATER, Exchange, new_cache, wanted
exchange = Exchange({5, 77})
for turn in range(15):
    first = int(sys.argv[1]) + turn % 3
    want = wanted(first, first + 60)
    found = collect(want, exchange.fetch, new_cache(), LATER)
    assert found.bars.index.equals(exchange.bars(want.span).index), turn
print("whole")
"""


def test_two_processes_share_a_cache(kept: Cache) -> None:
    command = [sys.executable, "-c", _WORKER]
    others = [
        subprocess.Popen([*command, first], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)
        for first in ("0", "40", "0")
    ]
    assert [other.communicate(timeout=60) for other in others] == [("whole\n", "")] * 3
    exchange, want = Exchange({5, 77}), wanted(0, 100)
    found = collect(want, exchange.fetch, kept, LATER)
    pd.testing.assert_frame_equal(found.bars, exchange.bars(want.span), check_freq=False)
    assert found.cached > 0


@pytest.mark.parametrize("missing", ["pyarrow.parquet", "platformdirs"])
def test_without_what_it_needs_nothing_is_kept_which_is_said_once(
    kept: Cache, missing: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    genuine = builtins.__import__

    def absent(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == missing:
            raise ImportError(name)
        return genuine(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", absent)
    exchange = Exchange()
    for _ in range(2):
        assert len(collect(wanted(0, 20), exchange.fetch, kept, LATER).bars) == 20
    assert (len(exchange.asked), caplog.text.count("pip install 'kucoin-stream[parquet]'")) == (2, 1)
    assert (len(kept.info()), kept.clear(), repr(kept)) == (0, 0, "<Cache: pip install 'kucoin-stream[parquet]'>")


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of another kind")
def test_a_disk_that_takes_nothing_is_said_once(kept: Cache, caplog: pytest.LogCaptureFixture) -> None:
    kept.folder.parent.mkdir(parents=True)
    kept.folder.touch()  # where a folder should be
    exchange = Exchange()
    try:
        for _ in range(2):
            assert len(collect(wanted(0, 20), exchange.fetch, kept, LATER).bars) == 20
        assert caplog.text.count("cannot be kept") == 1
    finally:
        kept.folder.unlink()


def test_exchanges_do_not_share(kept: Cache) -> None:
    exchange = Exchange()
    collect(wanted(0, 20), exchange.fetch, kept, LATER)
    for other in (new_cache("url"), new_cache(base="http://127.0.0.1:8080")):
        assert collect(wanted(0, 20), exchange.fetch, other, LATER).cached == 0
    assert len({each.name for each in kept.folder.iterdir()}) == 3


def test_what_is_kept_is_listed_and_cleared(kept: Cache) -> None:
    exchange = Exchange()
    collect(wanted(0, 200), exchange.fetch, kept, LATER)
    row = kept.info().iloc[0]
    assert tuple(row.iloc[:4]) == ("spot", "BTC-USDT", "1min", 200)
    assert (row["first"], row["files"]) == (caches.utc_time(BEGIN), 2)
    assert kept.clear("ETH-USDT") == 0
    assert kept.clear() == row["bytes"]
    assert kept.info().empty
    assert collect(wanted(0, 20), exchange.fetch, kept, LATER).cached == 0


@pytest.mark.parametrize("symbol", ["..", "a/b", "BTC-USDT/../..", "", ".", "C:"])
def test_no_name_leads_out_of_the_folder(kept: Cache, symbol: str) -> None:
    assert kept._file(Shelf("spot", symbol, "1min", 60), next(periods(Span(0, 60), 60))) is None


# -- bars in which nothing was traded -----------------------------------------------------------------------------


@given(st.sets(st.integers(0, 40)), st.integers(2, 40))
def test_a_flat_bar_stands_where_the_exchange_has_none(silent: set[int], length: int) -> None:
    want = wanted(0, length)
    bars = Exchange(silent).bars(want.span)
    whole = filled(bars, want)
    if bars.empty:
        assert whole.empty
        return
    starts = list(range(int(bars.index[0].timestamp()), want.span.end, 60))
    assert [int(time.timestamp()) for time in whole.index] == starts
    real = whole[~whole["filled"]]
    pd.testing.assert_frame_equal(real.drop(columns="filled"), bars, check_freq=False)
    flat = whole[whole["filled"]]
    assert set(whole.dtypes[:6]) == {np.dtype("float64")}
    assert (flat[["volume", "turnover"]] == 0).all(axis=None)
    assert (flat[["open", "high", "low"]].to_numpy() == flat[["close"]].to_numpy()).all()
    assert (whole["close"] == bars["close"].reindex(whole.index).ffill()).all()


# -- times -------------------------------------------------------------------------------------------------------

NOW = seconds("2026-11-22 12:00")


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("2026-11-01", None, ("2026-11-01", "2026-11-22 12:00")),
        ("2026-11-01", "2026-11-02", ("2026-11-01", "2026-11-02")),
        ("2026-11-01T01:00+01:00", "2030-01-01", ("2026-11-01", "2026-11-22 12:00")),
        (dt.timedelta(hours=2), "2026-11-02", ("2026-11-01 22:00", "2026-11-02")),
        (pd.Timedelta("1D"), None, ("2026-11-21 12:00", "2026-11-22 12:00")),
        ("3h", None, ("2026-11-22 09:00", "2026-11-22 12:00")),
        ("90 min", "2026-11-02", ("2026-11-01 22:30", "2026-11-02")),
        (np.timedelta64(7, "D"), None, ("2026-11-15 12:00", "2026-11-22 12:00")),
        ("2026-11", None, ("2026-11-01", "2026-11-22 12:00")),
        (dt.date(2026, 11, 1), pd.Timestamp("2026-11-02 03:00"), ("2026-11-01", "2026-11-02 03:00")),
        (seconds("2026-11-01"), None, ("2026-11-01", "2026-11-22 12:00")),
    ],
)
def test_ends_of_a_span(start: Any, end: Any, expected: tuple[str, str]) -> None:
    assert between(start, end, NOW) == tuple(pd.Timestamp(each, tz="UTC") for each in expected)


@pytest.mark.parametrize(
    "start",
    [
        "2027-01-01",
        "yesterday or so",
        None,
        True,
        1_790_000_000_000,
        dt.timedelta(0),
        "-3h",
        "0h",
        "0001-01-01",
        pd.NaT,
    ],
)
def test_what_is_no_begin(start: Any) -> None:
    with pytest.raises(UsageError):
        between(start, None, NOW)


# -- the built-in exchange ----------------------------------------------------------------------------------------

MARKETS = [("BTC-USDT", each) for each in INTERVALS] + [("XBTUSDTM", each) for each in FUTURES_INTERVALS]


@pytest.mark.parametrize(("symbol", "interval"), MARKETS)
def test_bars_of_every_interval_are_those_that_klines_show(client: ks.Client, symbol: str, interval: str) -> None:
    live = client.klines(symbol, interval, 20).wait().df
    past = client.history(symbol, interval, live.index[0])
    shown = live.loc[: past.index[-1]]
    assert len(shown) in (len(live) - 1, len(live))  # a bar may have ended meanwhile
    pd.testing.assert_frame_equal(past.drop(columns="filled").iloc[:-1], shown.iloc[:-1], check_freq=False)
    assert (past.index[-1], past.attrs["missing"]) == (shown.index[-1], 0)
    assert {str(each) for each in past.dtypes} == {"float64", "bool"}
    assert str(past.index.dtype) == "datetime64[ns, UTC]"


@pytest.mark.parametrize(("symbol", "interval"), MARKETS)
def test_history_and_live_bars_join_without_a_seam(client: ks.Client, symbol: str, interval: str) -> None:
    whole = client.klines(symbol, interval, 12).wait()
    seam = whole.df.index[6]
    past = client.history(symbol, interval, whole.df.index[0], seam)
    live = client.klines(symbol, interval, start=seam).wait()
    until(lambda: live.received and whole.received, "an update of the bar under way")
    assert past.index[-1] < seam == live.df.index[0]
    joined_up = pd.concat([past.drop(columns="filled"), live.df])
    columns, ended = list(past.columns[:-1]), slice(None, 10)  # of twelve; the last may change, or end, meanwhile
    pd.testing.assert_frame_equal(joined_up[columns].iloc[ended], whole.df[columns].iloc[ended], check_freq=False)
    if interval not in UNEVEN:
        assert set(np.diff(joined_up.index.as_unit("s").asi8)) == {INTERVALS[interval]}


@pytest.mark.parametrize("symbol", ["BTC-USDT", "XBTUSDTM"])
def test_a_long_span_is_whole(client: ks.Client, symbol: str) -> None:
    bars = client.history(symbol, "1min", dt.timedelta(minutes=3500))
    assert len(bars) in (3499, 3500)
    assert (bars.index.to_series().diff().dropna() == pd.Timedelta("1min")).all()
    assert set(bars.attrs) == {"feed", "source", "badge", "time", "missing", "cached"}


def test_an_exchange_on_this_machine_is_kept_only_where_asked_for(
    kept: Cache, connect: Connect, sim: Simulator
) -> None:
    client = connect()
    for cache, cached in [(None, 0), (False, 0), (True, 0), (True, 99), (None, 0)]:
        found = client.history("BTC-USDT", "1hour", "2026-06-01", "2026-06-05 04:00", cache=cache)
        assert (len(found), found.attrs["cached"] in (cached, cached + 1)) == (100, True)
    assert client.cache.info()["symbol"].tolist() == ["BTC-USDT"]
    assert client.cache.clear() > 0


@pytest.mark.usefixtures("_default")
def test_nothing_of_the_built_in_exchange_is_kept(kept: Cache) -> None:
    client = ks.connect("sim")
    assert client.history("BTC-USDT", "1hour", dt.timedelta(days=1)).attrs["badge"] == "SIMULATED"
    assert ks.history("BTC-USDT", "1hour", dt.timedelta(days=1)).attrs["source"] == "sim"
    with pytest.raises(UsageError, match="another past each time"):
        client.history("BTC-USDT", "1hour", dt.timedelta(days=1), cache=True)
    assert client.cache.info().empty


@pytest.mark.parametrize(
    ("ask", "error", "words"),
    [
        (lambda c: c.history("BTC-USDX", "1min", "2026-01-01"), UnknownSymbolError, "did you mean BTC-USDT"),
        (lambda c: c.history(".NOPE", "1min", "2026-01-01"), UnknownSymbolError, "no such index"),
        (lambda c: c.history("BTC-USDT", "7min", "2026-01-01"), UsageError, "no such interval"),
        (lambda c: c.history("XBTUSDTM", "6hour", "2026-01-01"), UsageError, "no such interval"),
        (lambda c: c.history("BTC-USDT", "1min", "2126-01-01"), UsageError, "not before the end"),
        (lambda c: c.history(7, "1min", "2026-01-01"), UsageError, "a symbol is text"),
        (lambda c: c.trade_history("BTC-USDX"), UnknownSymbolError, "did you mean"),
        (lambda c: c.funding_history("BTC-USDT", "2026-01-01"), UnknownSymbolError, "a spot symbol"),
        (lambda c: c.klines("BTC-USDT", "1min", start="2026-01-01"), UsageError, "at most 10000"),
        (lambda c: c.klines("BTC-USDT", "1min", start="2126-01-01"), UsageError, "not before the end"),
    ],
)
def test_what_cannot_be_asked_for(client: ks.Client, ask: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        ask(client)


def test_a_call_that_fails_is_raised(client: ks.Client, sim: Simulator) -> None:
    sim.faults.rest("/api/v1/market/candles", 500, "500000", "Internal Server Error", times=1)
    with pytest.raises((ResponseError, UnreachableError)):
        client.history("BTC-USDT", "1hour", dt.timedelta(days=1), cache=False)


@pytest.mark.parametrize("symbol", ["BTC-USDT", "XBTUSDTM"])
def test_the_last_trades_in_order(client: ks.Client, symbol: str) -> None:
    trades = client.trade_history(symbol)
    kinds = {name: str(kind) for name, kind in trades.dtypes.items()}
    assert kinds == {
        "time": "datetime64[ns, UTC]", "symbol": "category", "side": "category", "price": "float64",
        "size": "float64", "sequence": "int64",
    }  # fmt: skip
    assert 0 < len(trades) <= 100
    assert trades["sequence"].is_monotonic_increasing
    assert trades["sequence"].is_unique
    assert trades["time"].is_monotonic_increasing


def test_funding_rates_in_order(client: ks.Client) -> None:
    rates = client.funding_history("XBTUSDTM", dt.timedelta(days=30))
    assert len(rates) in (90, 91)
    assert (rates.index.to_series().diff().dropna() == pd.Timedelta("8h")).all()
    assert (str(rates["funding_rate"].dtype), rates.index.name) == ("float64", "time")


@pytest.mark.parametrize(
    ("symbol", "interval", "back", "longest"),
    [("BTC-USDT", "1hour", "3D", "1h"), ("XBTUSDTM", "1day", "200D", "1D"), ("BTC-USDT", "1month", "200D", "31D")],
)
def test_live_bars_since_a_time(client: ks.Client, symbol: str, interval: str, back: str, longest: str) -> None:
    start = pd.Timestamp.now("UTC") - pd.Timedelta(back)
    frame = client.klines(symbol, interval, start=start).wait().df
    assert pd.Timedelta(0) <= frame.index[0] - start <= pd.Timedelta(longest)


@pytest.mark.parametrize(
    ("symbol", "interval"),
    [(symbol, interval) for symbol in ("BTC-USDT", "XBTUSDTM") for interval in ("1min", "1day", "1week", "1month")],
)
def test_bars_after_an_outage_are_those_of_the_history(
    client: ks.Client, sim: Simulator, symbol: str, interval: str
) -> None:
    bars = client.klines(symbol, interval, 10).wait()
    sim.faults.kill()
    until(lambda: bars.status != "live", "the loss is noticed")
    until(lambda: bars.status == "live", "the bars are back")
    live = bars.df
    past = client.history(symbol, interval, live.index[0], fill=False)
    assert live.index.is_unique
    pd.testing.assert_frame_equal(live.loc[past.index].iloc[:-1], past.iloc[:-1], check_freq=False)
    assert len(live) - len(past) in (0, 1)  # the live one


def test_an_index_is_asked_for_as_a_contract_is(client: ks.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def get_klines(symbol: str, granularity: int, *, from_: int, to: int) -> pd.DataFrame:
        asked.append((symbol, granularity, to - from_))
        return Exchange().bars(Span(from_ // 1000, to // 1000 + 60))

    monkeypatch.setattr(client.rest, "futures_market", SimpleNamespace(get_klines=get_klines))
    index = client.contract("XBTUSDTM").index_symbol
    assert len(client.history(index, "1min", "2026-06-01", "2026-06-01 10:00")) == 600
    assert asked == [(index, 1, 99 * 60_000), (index, 1, 499 * 60_000)][::-1]
