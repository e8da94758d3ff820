"""Which book a user gets: the best one without a key, another where that cannot be had, and that it says so."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import kucoin_stream as ks
from kucoin_stream import opening
from kucoin_stream.errors import UsageError
from kucoin_stream.frames import bookkeeper as books
from kucoin_stream.settings import Limits
from kucoin_stream.simulator import CaptureMarket, Simulator
from tests.conftest import until

Connect = Callable[..., ks.Client]


def test_with_a_key_a_book_is_classic_and_whole(client: ks.Client) -> None:
    book = client.book("BTC-USDT").wait()
    assert (book.source, book.status, book.note) == ("spot.level2", "live", "")


def test_without_a_key_it_is_pro_and_says_so(connect: Connect) -> None:
    book = connect(key=False).book("BTC-USDT").wait()
    assert (book.source, book.status) == ("pro_spot.level2", "live")
    assert book.note == "Pro: the best 500 levels, without an API key"
    assert book.note in repr(book)
    assert book.df.attrs["note"] == book.note


@pytest.mark.parametrize(("source", "feed", "status"), [("pro", "pro_spot", "live"), ("classic", "spot", "partial")])
def test_a_source_can_be_forced(connect: Connect, source: str, feed: str, status: str) -> None:
    book = connect(key=False).book("BTC-USDT", source=source).wait()
    assert (book.source, book.status) == (f"{feed}.level2", status)


@pytest.mark.parametrize(
    ("symbol", "source", "key", "levels"),
    [
        ("BTC-USDT", "spot.depth5", False, 5), ("BTC-USDT", "spot.depth50", False, 50),
        ("BTC-USDT", "pro_spot.book1", False, 1), ("BTC-USDT", "pro_spot.book5", False, 5),
        ("BTC-USDT", "pro_spot.book50", False, 50), ("BTC-USDT", "pro_spot.level2_realtime", True, None),
        ("XBTUSDTM", "futures.depth5", False, 5), ("XBTUSDTM", "pro_futures.book50", False, 50),
        ("XBTUSDTM", "pro_futures.level2_realtime", False, None), ("XBTUSDTM", "pro", False, 500),
    ],
)  # fmt: skip
def test_each_kind_of_book_can_be_asked_for(
    connect: Connect, symbol: str, source: str, key: bool, levels: int | None
) -> None:
    book = connect(key=key).book(symbol, source=source).wait()
    known = book.levels()
    assert book.source == {"pro": "pro_futures.level2"}.get(source, source)
    assert 0 < len(known.bid_prices) <= (levels or 10_000)
    assert book.best_bid < book.best_ask
    assert book.status in {"live", "partial"}


@pytest.mark.parametrize(
    ("symbol", "source", "says"),
    [
        ("BTC-USDT", "both", "write 'classic' or 'pro', or one of spot.level2"),
        ("BTC-USDT", "futures.depth5", "or one of spot.level2"),
        ("BTC-USDT", "pro_spot.level2_realtime", "it needs an API key; source='pro' does not"),
    ],
)
def test_a_source_that_is_none_is_told_in_the_cell(connect: Connect, symbol: str, source: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        connect(key=False).book(symbol, source=source)
    assert says in str(caught.value)


def test_futures_need_no_key_to_be_whole(connect: Connect) -> None:
    book = connect(key=False).book("XBTUSDTM").wait()
    assert (book.source, book.status, book.note) == ("futures.level2", "live", "")


def test_where_the_region_has_no_pro_it_is_classic_and_says_so(
    sim: Simulator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(opening.REST_BASE, "EU", sim.url)
    with ks.Client("live", region="EU") as client:
        book = client.book("BTC-USDT").wait()
        assert (book.source, book.status) == ("spot.level2", "partial")
        assert "Pro is not to be had: KuCoin EU offers classic spot and margin only" in book.note
        assert book.note in caplog.text
        with pytest.raises(UsageError, match="KuCoin EU offers classic"):
            client.book("BTC-USDT", source="pro")


def test_where_pro_cannot_be_reached_it_goes_over_to_classic_at_once(connect: Connect) -> None:
    client = connect(key=False, websocket_url={"spotPublicProV2": "ws://127.0.0.1:1"})
    book = client.book("BTC-USDT").wait()
    assert (book.source, book.status) == ("spot.level2", "partial")
    assert book.note.startswith(
        "classic: the best 100 levels, for Pro: the best 500 levels is not to be had: no websock"
    )
    assert [each["name"] for each in client.statistics()["connections"]] == ["spotPublicV1 #2"]


def test_where_pro_refuses_the_symbol_it_goes_over_to_classic(connect: Connect, sim: Simulator) -> None:
    sim.faults.refuse("obu.SPOT:BTC-USDT_increment@10ms", 400, "no such book")
    book = connect(key=False).book("BTC-USDT").wait()
    assert (book.source, book.status) == ("spot.level2", "partial")
    assert "no such book" in book.note


def test_where_pro_acknowledges_and_stays_silent_it_goes_over_to_classic(
    spot_capture: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(books, "PATIENCE", 0.3)
    with Simulator(CaptureMarket(spot_capture, speed=10)) as simulator, ks.Client(simulator.url) as client:
        book = client.book("BCHSV-USDT").wait()
        assert (book.source, book.status) == ("spot.level2", "partial")


def test_after_a_loss_pro_gets_some_patience_and_then_classic_takes_its_place(
    connect: Connect, sim: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(books, "PATIENCE", 2.0)  # of which the exchange takes half a second to send its snapshot
    book = connect(key=False).book("BTC-USDT").wait()
    sim.faults.kill()
    until(lambda: not book.status.startswith("live"))
    until(lambda: book.status == "live")
    assert book.source == "pro_spot.level2"
    sim.faults.refuse("obu.SPOT")
    sim.faults.kill()
    until(lambda: book.status == "partial")
    assert book.source == "spot.level2"


def test_a_book_that_is_stopped_leaves_nothing_behind_whichever_it_was(connect: Connect) -> None:
    client = connect(key=False, websocket_url={"spotPublicProV2": "ws://127.0.0.1:1"})
    book = client.book("BTC-USDT").wait()
    book.stop()
    until(lambda: client.statistics()["connections"] == [])


def test_one_of_many_books_whose_turn_has_not_come_waits_for_it(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(books, "PATIENCE", 1.0)  # of which the exchange takes half a second to send its snapshot
    client = connect(key=False, limits=Limits(commands_per_window=1, window=0.7))
    several = client.books("BTC-USDT", "ETH-USDT", "SOL-USDT").wait()
    assert {book.source for book in several.books.values()} == {"pro_spot.level2"}
