"""200 symbols on two worker processes: one is killed in mid-stream, another joins."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

import kucoin_stream as ks
from kucoin_stream.frames.bookkeeper import RIGHT
from kucoin_stream.shards.shards import Shards
from tests.conftest import until
from tests.shards.many import exchange, symbols

distributed = pytest.importorskip("distributed")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(400),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning"),
]

COUNT, FEW = 200, 60


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with exchange(COUNT) as url:
        yield url


@pytest.fixture
def cluster() -> Iterator[Any]:
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0"
    ) as cluster:
        yield cluster


@pytest.fixture
def dask(cluster: Any) -> Iterator[Any]:
    with distributed.Client(cluster) as client:
        yield client


@pytest.fixture
def shards(url: str, dask: Any) -> Iterator[Shards]:
    with ks.Client(url) as client, client.shard(symbols(COUNT), dask, source="pro") as shards:
        yield shards.wait(120)


@pytest.fixture
def few(url: str, dask: Any) -> Iterator[Shards]:
    with ks.Client(url) as client, client.shard(symbols(FEW), dask, source="pro") as shards:
        yield shards.wait(120)


def right(shards: Shards) -> int:
    return int(shards.ps()["status"].isin(RIGHT).sum())


class Watch:
    """Looks at some books all the time: whether one is ever not right, and how many changes each sees."""

    def __init__(self, shards: Shards, chosen: list[str]) -> None:
        self.wrong: set[str] = set()
        self._chosen = chosen
        self._shards = shards
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Watch:
        self.begin = self._shards.ps()["updates"]
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self.grown = self._shards.ps()["updates"] - self.begin

    def _look(self) -> None:
        known = self._shards._hub.fleet.known
        while not self._over.wait(0.01):
            self.wrong |= {symbol for symbol in self._chosen if known[symbol].shown.status not in RIGHT}


def test_a_worker_is_killed_in_mid_stream(shards, dask):
    before = shards.ps()["worker"]
    assert before.value_counts().to_list() == [100, 100]
    victim, survivor = before.unique()
    lost, kept = (list(before.index[before == worker]) for worker in (victim, survivor))
    book = shards.book(lost[0]).wait()
    seen = set[str]()
    with Watch(shards, kept) as watch:
        os.kill(dask.run(os.getpid)[victim], signal.SIGKILL)
        killed = time.time()
        until(lambda: seen.add(book.status) or "resyncing: worker lost" in seen, "the loss is seen")
        assert book.mid != book.mid  # NaN: a stale book is not served as current
        until(lambda: right(shards) == COUNT, "all books are right again", timeout=120)
        took = time.time() - killed
    print(f"\n{len(lost)} books right again {took:.2f} s after SIGKILL")
    assert watch.wrong == set()  # the other worker's books never stopped
    assert (watch.grown[kept] > 0).mean() > 0.8  # two changes a second each
    gaps = shards.gaps()
    assert sorted(topic.rpartition(":")[2] for topic in gaps["topic"]) == sorted(lost)
    assert set(gaps["part"]) == {"book"}
    assert gaps["cause"].str.startswith(f"worker {victim} lost").all()
    assert gaps["to"].notna().all()
    assert (gaps["missed"] >= 0).all()
    assert (gaps["duration"] < took + 1).all()
    assert book.gaps()["healed_by"].to_list() == gaps["healed_by"][gaps["topic"] == book.topics[0]].to_list()
    assert gaps["healed_by"].str.startswith("worker tcp://").all()
    assert not gaps["healed_by"].str.contains(victim).any()
    # the nanny starts another worker in place of the one that was killed: it gets its share, and nothing is missed
    until(lambda: spread(shards) < 0.5 and not shards.ps()["to"].any(), "the load is even", timeout=120)
    assert len(shards.gaps()) == len(lost)
    assert victim not in set(shards.ps()["worker"])


def spread(shards: Shards) -> float:
    """Return how far the busiest and the idlest worker are apart, in parts of the mean number of symbols."""
    counts = shards.ps()["worker"].value_counts()
    return float((counts.max() - counts.min()) / counts.mean()) if len(counts) > 1 else 9.0


def test_a_worker_that_joins_gets_its_share(few, cluster):
    everything = few.symbols
    with Watch(few, everything) as watch:
        cluster.scale(3)
        until(lambda: few.ps()["worker"].nunique() == 3 and not few.ps()["to"].any(), "it has some", timeout=120)
    counts = few.ps()["worker"].value_counts()
    print(f"\nsymbols by worker: {counts.to_list()}")
    assert counts.min() >= 12
    assert watch.wrong == set()
    assert few.gaps().empty


def test_a_worker_that_does_not_answer_is_lost_until_it_does(few, dask):
    victim, survivor = few.ps()["worker"].unique()
    pid = dask.run(os.getpid)[victim]
    os.kill(pid, signal.SIGSTOP)
    try:
        until(lambda: set(few.ps()["worker"]) == {survivor} and right(few) == FEW, "all elsewhere", timeout=120)
        assert few.status().df.loc[victim, "state"] == "lost"
        assert few.gaps()["cause"].str.contains("no answer for 10 s").all()
    finally:
        os.kill(pid, signal.SIGCONT)
    until(lambda: spread(few) < 0.5 and not few.ps()["to"].any(), "it has its share again", timeout=120)
    assert few.status().df.loc[victim, "state"] == "up"
    assert len(few.gaps()) == FEW // 2
