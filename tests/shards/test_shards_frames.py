"""What a notebook has of its shards, on a Dask cluster of threads: the same live frames, the same audit."""

from __future__ import annotations

import asyncio
import pickle
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import kucoin_stream as ks
from kucoin_stream.errors import NotReadyError, RequestError, StoppedError, UnknownSymbolError, UsageError
from kucoin_stream.frames.status import LiveStatus
from kucoin_stream.market.book import Top
from kucoin_stream.shards.shards import Shards
from kucoin_stream.widgets.kinds import painter
from tests.conftest import SYMBOLS, until

distributed = pytest.importorskip("distributed")

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


@pytest.fixture(scope="module")
def dask() -> Iterator[Any]:
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=False, dashboard_address="127.0.0.1:0"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture
def shard(client: ks.Client, dask: Any) -> Iterator[Callable[..., Shards]]:
    made: list[Shards] = []

    def make(symbols: Any = SYMBOLS, **options: Any) -> Shards:
        made.append(client.shard(symbols, dask, **({"every": 0.05} | options)))
        return made[-1]

    yield make
    for shards in made:
        shards.stop()
    until(lambda: "kucoin-stream-shards" not in {each.name for each in threading.enumerate()}, "the shell ended")


@pytest.fixture
def shards(shard: Callable[..., Shards]) -> Shards:
    return shard().wait()


def test_a_book_is_a_live_frame(shards):
    book = shards.book("BTC-USDT").wait()
    assert (book.status, book.title, book.worker in shards.ps()["worker"].to_list()) == ("live", "BTC-USDT", True)
    frame = book.df
    assert list(frame.columns) == ["bid_size", "bid", "ask", "ask_size"]
    assert frame["bid"].is_monotonic_decreasing
    assert frame["bid"].iloc[0] < frame["ask"].iloc[0]
    assert frame.attrs["feed"] == "pro_spot.level2 BTC-USDT"
    assert list(book.bids.columns) == ["price", "size", "total"]
    assert len(book.head(3)) == 3
    assert book.spread > 0
    assert -1 <= book.imbalance(10) <= 1
    assert book.sweep("buy", size=0.01).filled
    assert repr(book).startswith("<ShardBook BTC-USDT")
    assert book.topics == ("obu.SPOT@increment@10ms:BTC-USDT",)


def test_a_picture_asks_once_and_then_is_told(shards, monkeypatch):
    book = shards.book("BTC-USDT").wait()
    asked = []
    monkeypatch.setattr(
        shards, "_ask", lambda *args, ask=shards._ask, **options: asked.append(args) or ask(*args, **options)
    )
    assert len(book.levels(5).bid_prices) == 5
    assert asked == [("BTC-USDT", "levels", 5)]
    until(lambda: book._told.reported is not None, "levels are reported")
    levels = book.levels(3)
    assert len(levels.bid_prices) == len(levels.ask_sizes) == 3
    assert levels.bid_prices[0] < levels.ask_prices[0]
    assert len(asked) == 1
    assert len(book.levels(50).bid_prices) == 50  # more than is told: asked for once more
    assert len(asked) == 2
    assert book.memory > 0


def test_the_ladder_is_drawn(shards):
    book = shards.book("BTC-USDT").wait()
    drawn = painter(book, book.kinds, "ladder", depth=5)
    picture = drawn.picture(0.0)
    assert (picture.caption.status, len(picture.bids.prices)) == ("live", 5)
    assert "BTC-USDT" in drawn.text(picture)
    view = book.widget("ladder")
    book.stop()
    assert (book.status, view.frozen) == ("stopped", True)
    with pytest.raises(StoppedError):
        book.wait(1)


def test_the_changes_are_a_stream_of_tops(shards):
    book, seen = shards.book("BTC-USDT").wait(), []
    book.stream.sink(seen.append)
    until(lambda: len(seen) > 3, "changes")
    assert all(isinstance(each, Top) for each in seen)
    sequences = [each.sequence for each in seen]
    assert sequences == sorted(set(sequences))


def test_an_async_reader_gets_the_changes_too(shards):
    async def read() -> list[Any]:
        book, found = await shards.book("ETH-USDT"), []
        async for top in book:
            found.append(top)
            if len(found) == 2:
                return found
        return found

    first, second = asyncio.run(read())
    assert first.sequence < second.sequence


def test_best_prices_of_all_books_are_one_frame(shards):
    tops, seen = shards.tops().wait(), []
    frame = tops.df
    assert list(frame.index) == SYMBOLS
    assert (frame["bid"] < frame["ask"]).all()
    assert frame["status"].to_list() == ["live"] * 3
    assert set(frame["worker"]) == set(shards.ps()["worker"])
    tops.stream.sink(seen.append)
    until(lambda: {each.symbol for each in seen} == set(SYMBOLS), "every book changed")
    wall = painter(tops, tops.kinds, "wall")
    assert "BTC-USDT" in wall.text(wall.picture(0.0))
    assert painter(tops, tops.kinds).picture(0.0).columns[0] == "symbol"


def test_the_workers_are_one_frame(shards):
    status = shards.status()
    until(lambda: status.df["messages"].notna().all(), "counters")
    frame = status.df
    assert frame["state"].to_list() == ["up", "up"]
    assert frame["symbols"].sum() == frame["right"].sum() == 3
    assert (frame["memory"] > 10_000_000).all()
    assert painter(status, status.kinds).picture(0.0).columns[:2] == ("worker", "state")


def test_statistics_are_the_sums(shards, client):
    until(lambda: shards.statistics()["messages"] > 0, "messages")
    told = shards.statistics()
    assert told.keys() >= LiveStatus(client.engine).statistics().keys() & {
        "target",
        "mode",
        "messages",
        "errors",
        "rate",
        "gaps",
    }
    assert told["topics"] == 3
    assert {each["worker"] for each in told["connections"]} == set(shards.ps()["worker"])
    latency = shards.latency()
    assert latency.index.to_list() == ["exchange", "parse", "report", "queue", "dispatch", "picture"]
    assert (latency["samples"].iloc[:3] > 0).all()
    assert latency.attrs["missing"] == []


def test_where_each_symbol_is_kept(shards):
    frame = shards.ps()
    assert frame.index.to_list() == shards.symbols == SYMBOLS
    assert frame["worker"].nunique() == 2
    until(lambda: (shards.ps()["rate"] > 0).all(), "rates", timeout=20)


def test_a_book_is_audited_by_its_worker(shard):
    book = shard(source="classic").book("BTC-USDT").wait()
    assert book.status == "partial"
    found = book.audit()
    assert found.ok, found.df
    assert (found.symbol, found.compared > 50) == ("BTC-USDT", True)
    book.audit_every(1)
    until(lambda: book.audited is not None, "an audit")
    assert book.audited.symbol == "BTC-USDT"
    book.audit_every(None)


def test_errors_of_a_worker_are_raised_here(shards):
    book = shards.book("BTC-USDT").wait()
    with pytest.raises(RequestError, match="needs an API key"):
        book.audit()


def test_nothing_was_missed(shards):
    frame = shards.gaps()
    assert frame.empty
    assert frame.columns.to_list()[-1] == "worker"
    assert shards.book("BTC-USDT").gap_count == 0


def test_the_end_of_the_client_is_the_end_of_the_shards(connect, dask):
    client = connect()
    shards = client.shard(SYMBOLS, dask)
    book = shards.book("BTC-USDT").wait()
    client.close()
    assert book.status == "stopped: closed"
    assert book.df.empty
    with pytest.raises(StoppedError, match="closed"):
        shards.book("BTC-USDT")


def test_what_a_worker_is_asked_after_its_book_has_moved(shards):
    with pytest.raises(NotReadyError, match="is not kept by this worker"):
        shards._shell.ask(shards._owner("BTC-USDT"), "levels", "SOL-BTC", None, timeout=5)


def test_no_secret_is_sent_through_dask(connect, dask, monkeypatch):
    sent: list[bytes] = []

    def submit(*args: Any, submit: Any = dask.submit, **options: Any) -> Any:
        sent.append(pickle.dumps((args, options)))
        return submit(*args, **options)

    monkeypatch.setattr(dask, "submit", submit)
    client = connect()
    with client.shard(["BTC-USDT"], dask) as shards:
        shards.wait()
        assert len(sent) == 2
        known = client._opening.given
        for part in (known.key, known.secret, known.passphrase):
            assert not any(part.encode() in each for each in sent)


@pytest.mark.parametrize(
    ("symbols", "options", "message"),
    [
        ([], {}, "symbols= is empty"),
        ("BTC-USD", {}, "BTC-USDT"),
        (["BTC-USDT", 7], {}, "a symbol is text"),
        (["BTC-USDT"], {"every": 0}, "every=0"),
    ],
)
def test_wrong_arguments(client, dask, symbols, options, message):
    with pytest.raises(UsageError, match=message):
        client.shard(symbols, dask, **options)


def test_what_is_no_dask_client(client):
    with pytest.raises(UsageError, match="write a distributed"):
        client.shard(SYMBOLS, "tcp://127.0.0.1:8786")


def test_an_asynchronous_dask_client_is_refused(client, dask):
    async def attempt() -> None:
        async with distributed.Client(dask.scheduler.address, asynchronous=True) as other:
            with pytest.raises(UsageError, match="asynchronous Dask client"):
                client.shard(SYMBOLS, other)

    asyncio.run(attempt())


def test_a_symbol_that_no_shard_keeps(shards):
    with pytest.raises(UnknownSymbolError, match="no shard keeps 'KCS-BTC'"):
        shards.book("KCS-BTC")


def test_patterns_stand_for_symbols(shard):
    assert shard("*-USDT").symbols == SYMBOLS
