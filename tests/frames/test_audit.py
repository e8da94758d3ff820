"""A book is compared with the exchange's; what was missed is a frame."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest

import kucoin_stream as ks
from kucoin_stream.errors import KucoinStreamError, UsageError
from kucoin_stream.simulator import Simulator
from tests.conftest import until

Connect = Callable[..., ks.Client]
COLUMNS = ["topic", "part", "from", "to", "missed", "duration", "cause", "healed_by"]


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
        audit = book.audit()
        assert audit.ok, audit.df
        assert audit.compared > 20
    assert book.audited == audit


def test_a_wrong_level_is_found_told_and_by_audit_every_mended(client: ks.Client, sim: Simulator) -> None:
    book = client.book("BTC-USDT").wait()
    sim.faults.hold()  # or the level may be set right by the market

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
    book.wait()
    assert book.audit().ok
    gap = book.gaps().iloc[0]
    assert gap["cause"].startswith("an audit: ")
    assert gap["healed_by"].startswith("snapshot ")


def test_a_book_that_is_pushed_whole_has_nothing_to_compare(client: ks.Client) -> None:
    book = client.book("BTC-USDT", source="spot.depth50").wait()
    with pytest.raises(UsageError, match="pushed whole"):
        book.audit()


def test_the_book_of_the_pro_channel_cannot_be_audited_without_a_key_and_says_so(connect: Connect) -> None:
    book = connect(key=False).book("BTC-USDT", source="pro").wait()
    with pytest.raises(KucoinStreamError, match="needs an API key"):
        book.audit()


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
    assert gap["missed"] == 3
    assert book.audit().ok
