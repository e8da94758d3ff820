"""A book is compared with the exchange's; what was missed is a frame."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

import kucoin_stream as ks
from kucoin_stream.errors import NotReadyError, RequestError, StoppedError, UsageError
from kucoin_stream.frames import auditor as auditors
from kucoin_stream.frames import bookkeeper
from kucoin_stream.frames.audit import Audit, compare
from kucoin_stream.market.book import OrderBook
from kucoin_stream.protocol.booksync import Pushed
from kucoin_stream.protocol.messages.rest import BookSnapshot
from kucoin_stream.protocol.messages.spot import BookDelta, Changes, Level
from kucoin_stream.simulator import Simulator
from tests.conftest import until

Connect = Callable[..., ks.Client]
COLUMNS = ["topic", "part", "from", "to", "missed", "duration", "cause", "healed_by"]


def audited(book: ks.LiveBook) -> Audit:
    """Return an audit of a book that may be beginning anew while it is asked for."""

    def tried() -> Audit | None:
        try:
            return book.wait().audit()
        except NotReadyError:
            return None

    return until(tried, "an audit", timeout=30)


@pytest.mark.parametrize(
    ("key", "symbol", "source"),
    [
        (True, "BTC-USDT", "classic"),
        (False, "BTC-USDT", "classic"),
        (True, "BTC-USDT", "pro"),
        (True, "BTC-USDT", "pro_spot.level2_realtime"),
        (False, "XBTUSDTM", "classic"),
        (True, "XBTUSDTM", "pro"),
    ],
)
def test_a_right_book_equals_the_exchanges(connect: Connect, key: bool, symbol: str, source: str) -> None:
    book = connect(key=key).book(symbol, source=source).wait()
    for _ in range(3):
        audit = audited(book)
        assert audit.ok, audit.df
        assert audit.compared > 20
    assert book.audited == audit


BIDS: list[Level] = [(100.0, 1.0)]
ASKS: list[Level] = [(101.0, 1.0)]


class TenMs:
    """A book of aggregated steps whose exchange gives a first snapshot from the middle of a step."""

    symbol, restarts = "BTC-USDT", 0

    def __init__(self, *snapshots: BookSnapshot) -> None:
        self.taps: list[list[Pushed]] = []
        self.whole = self.started(BookSnapshot(1, BIDS, ASKS))
        self._snapshots = list(snapshots)

    async def fetch(self) -> BookSnapshot:
        snapshot = self._snapshots.pop(0)
        changes, begin = Changes(bids=[(99.0, 5.0, 0)]), (self.whole.sequence or 0) + 1
        step = BookDelta("BTC-USDT", changes, begin, snapshot.sequence + 1)
        self.whole.apply([step])
        for tap in self.taps:
            tap.append(step)
        return snapshot

    def started(self, snapshot: BookSnapshot) -> OrderBook:
        book = OrderBook()
        book.restart(snapshot, complete=True)
        return book

    def window(self) -> int | None:
        return None


def test_what_came_and_went_within_one_step_is_not_called_wrong() -> None:
    torn = BookSnapshot(5, BIDS, [(100.5, 7.0), *ASKS])  # an ask that is gone again at the end of the step
    audit = asyncio.run(compare(TenMs(torn, BookSnapshot(9, BIDS, ASKS))))
    assert audit.ok, audit.df


def test_what_is_wrong_in_the_middle_of_every_step_is_called_wrong() -> None:
    torn = [BookSnapshot(sequence, BIDS, [(100.5, 7.0), *ASKS]) for sequence in range(5, 50, 4)]
    audit = asyncio.run(compare(TenMs(*torn)))
    assert [(each.price, each.size, each.exchange_size) for each in audit.wrong] == [(100.5, 0.0, 7.0)]


def test_a_wrong_level_is_found_told_and_by_audit_every_mended(client: ks.Client, sim: Simulator) -> None:
    book = client.book("BTC-USDT").wait()
    sim.faults.hold()  # or the level may be set right by the market
    assert audited(book).ok  # by now what was on its way has come

    def spoil() -> tuple[float, float]:
        side = book._keeper._book.bids
        side.sizes[0] += 1.0
        return side.keys[0], side.sizes[0]

    price, size = client.engine.call(spoil)
    found = book.audit()
    assert [(each.side, each.price, each.size) for each in found.wrong] == [("bid", price, size)]
    assert found.df["exchange_size"].item() == pytest.approx(size - 1)
    assert "1 of" in repr(found)
    book.audit_every(1.0)
    until(lambda: book.gap_count == 1, "the audit found it")
    assert audited(book).ok
    gap = book.gaps().iloc[0]
    assert gap["cause"].startswith("an audit: ")
    assert gap["healed_by"].startswith("snapshot ")


def test_audits_at_the_same_time_do_not_disturb_each_other(client: ks.Client) -> None:
    book = client.book("BTC-USDT").wait()
    keeper = book._keeper

    async def several() -> list[Audit]:
        return await asyncio.gather(*(keeper.auditor.now() for _ in range(3)))

    assert all(each.ok for each in client.engine.call(several, timeout=30))
    assert keeper.taps == []


def test_a_book_that_is_pushed_whole_has_nothing_to_compare(client: ks.Client) -> None:
    book = client.book("BTC-USDT", source="spot.depth50").wait()
    for ask in (book.audit, lambda: book.audit_every(1)):
        with pytest.raises(UsageError, match="pushed whole"):
            ask()


def test_the_book_of_the_pro_channel_cannot_be_audited_without_a_key_and_says_so(connect: Connect) -> None:
    book = connect(key=False).book("BTC-USDT").wait()
    assert book.source == "pro_spot.level2"
    for ask in (book.audit, lambda: book.audit_every(1)):
        with pytest.raises(RequestError, match="needs an API key"):
            ask()


@pytest.mark.parametrize("seconds", ["5", 0, 0.5, -1, True, float("inf"), float("nan"), [1]])
def test_a_time_that_is_none_is_told_in_the_cell(client: ks.Client, seconds: Any) -> None:
    with pytest.raises(UsageError, match="a number of seconds, at least 1, or None"):
        client.book("BTC-USDT").audit_every(seconds)


def test_a_stopped_book_says_at_once_that_it_is(client: ks.Client) -> None:
    book = client.book("BTC-USDT").wait()
    book.stop()
    for ask in (book.audit, lambda: book.audit_every(1)):
        with pytest.raises(StoppedError, match="the book of BTC-USDT: stopped"):
            ask()
    book.audit_every(None)


def period(book: ks.LiveBook) -> float | None:
    """Return the seconds between two audits, as the loop thread has them."""
    auditor = book._keeper.auditor
    assert (auditor._task is None) is (auditor._period is None)
    return book._engine.call(lambda: auditor._period)


def test_the_shortest_time_that_a_frame_of_the_book_wants_holds_as_long_as_that_frame_lives(client: ks.Client) -> None:
    often, seldom, never = (client.book("BTC-USDT") for _ in range(3))
    seldom.audit_every(60)
    often.audit_every(5)
    seldom.audit_every(30)
    assert period(never) == 5
    often.stop()
    assert period(never) == 30
    often = client.book("BTC-USDT")
    often.audit_every(10)
    assert period(never) == 10
    del often  # and is collected
    assert period(never) == 30
    seldom.audit_every(None)
    assert period(never) is None


def test_nothing_is_audited_once_the_last_frame_is_stopped(client: ks.Client) -> None:
    book = client.book("BTC-USDT")
    book.audit_every(5)
    auditor = book._keeper.auditor
    [task] = client.engine.call(lambda: [auditor._task])
    book.stop()
    until(task.cancelled, "its end")
    client.engine.call(auditor.every, "somebody", 5)
    assert period(book) is None


@pytest.mark.parametrize("error", [RequestError("no answer"), ZeroDivisionError("no number")], ids=repr)
def test_audits_that_fail_are_told_once_and_do_not_end_the_rest(
    client: ks.Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    asked = []

    async def fails(keeper: bookkeeper.BookKeeper) -> Audit:
        asked.append(keeper)
        if len(asked) <= 3:
            raise error
        return Audit(keeper.symbol, 7, 1)

    monkeypatch.setattr(auditors, "compare", fails)
    book = client.book("BTC-USDT").wait()
    with caplog.at_level(logging.WARNING, "kucoin_stream"):
        client.engine.call(book._keeper.auditor.every, "somebody in a hurry", 0.01)
        failed = until(lambda: book.audited, "a first one")
        assert not failed.ok
        assert repr(failed) == f"<Audit BTC-USDT | failed: {type(error).__name__}: {error}>"
        until(lambda: book.audited == Audit("BTC-USDT", 7, 1), "one that succeeds")
    assert [each.message for each in caplog.records].count(
        f"book of BTC-USDT: it cannot be audited: {type(error).__name__}: {error}"
    ) == 1


def test_a_book_that_goes_over_to_another_kind_shows_its_gaps_of_before(
    connect: Connect, sim: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = connect(key=False).book("BTC-USDT").wait()
    monkeypatch.setattr(bookkeeper, "PATIENCE", 0.2)
    sim.faults.refuse("obu.SPOT")
    sim.faults.kill()
    until(lambda: book.source == "spot.level2" and book.status == "partial", "the other kind")
    gaps = book.gaps()
    assert gaps["topic"].tolist() == ["obu.SPOT@increment@10ms:BTC-USDT", "/market/level2:BTC-USDT"]
    assert gaps["healed_by"].iloc[0] == "went over to spot.level2"
    assert gaps["cause"].iloc[1] == "went over to spot.level2"
    assert gaps["healed_by"].iloc[1].startswith("snapshot ")
    assert not gaps["to"].isna().any()


def test_the_patience_with_a_book_begins_with_its_loss(connect: Connect, sim: Simulator) -> None:
    book = connect(key=False).book("BTC-USDT").wait()
    keeper = book._keeper
    until(lambda: keeper._waiting is None, "no more patience is needed")
    sim.faults.refuse("obu.SPOT", 509)  # which passes
    sim.faults.kill()
    waiting = until(lambda: keeper._waiting, "patience")
    assert waiting.when() - keeper._loop.time() > bookkeeper.PATIENCE - 5.0


def test_only_topics_that_somebody_reads_have_gaps(client: ks.Client, sim: Simulator) -> None:
    trades = client.trades("BTC-USDT")
    for topic in ("/market/match:" + 100_000 * "A", "/market/match:ETH-USDT", "/market/match:BTC-USDT"):
        sim.faults.inject(f'{{"type":"message","topic":"{topic}","subject":"trade.l3match","data":{{"x":1}}}}')
    until(lambda: not client.gaps().empty, "a gap of the last one")
    assert client.statistics()["errors"] == 3
    assert client.gaps()["topic"].tolist() == list(trades.topics) == ["/market/match:BTC-USDT"]


def test_a_lost_connection_is_a_gap_of_each_topic_and_of_the_book(client: ks.Client, sim: Simulator) -> None:
    book, trades = client.book("BTC-USDT").wait(), client.trades("ETH-USDT")
    assert client.gaps().empty
    assert list(client.gaps().columns) == COLUMNS
    sim.faults.kill()
    until(lambda: len(client.gaps()) == 3 and not client.gaps()["to"].isna().any(), "three gaps, all healed")
    gaps = client.gaps().set_index(["part", "topic"]).sort_index()
    assert list(gaps.index) == [
        ("book", "/market/level2:BTC-USDT"),
        ("topic", "/market/level2:BTC-USDT"),
        ("topic", "/market/match:ETH-USDT"),
    ]
    assert (gaps["duration"] > 0).all()
    assert (gaps["to"] <= pd.Timestamp.now("UTC")).all()
    assert gaps.loc["topic", "healed_by"].tolist() == ["subscribed again"] * 2
    assert gaps.loc["topic", "missed"].isna().all()
    assert gaps.loc["book", "missed"].iloc[0] >= 0
    assert len(book.gaps()) == 1
    assert trades.status == "live"


def test_missing_changes_are_counted(client: ks.Client, sim: Simulator) -> None:
    book = client.book("BTC-USDT").wait()
    sim.faults.gap("BTC-USDT", 3)
    until(lambda: len(book.gaps()) == 1 and not book.gaps()["to"].isna().any(), "found and healed")
    gap = book.gaps().iloc[0]
    assert gap["missed"] >= 3  # a message may have several changes
    assert audited(book).ok
