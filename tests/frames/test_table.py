"""The tables behind a feed's frame: a row per message, or the latest by a key."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kucoin_stream as ks
from kucoin_stream.errors import UsageError
from kucoin_stream.frames.columns import Rows
from kucoin_stream.frames.table import LatestTable, RowTable
from kucoin_stream.protocol.messages.spot import Ticker
from kucoin_stream.widgets.state.table import TablePainter
from tests.conftest import until

TICKERS = st.builds(
    Ticker,
    sequence=st.integers(0, 10**15),
    time_ms=st.none() | st.integers(0, 2**41),
    price=st.none() | st.floats(0, 1e9),
    symbol=st.sampled_from(["A-USDT", "B-USDT", "C-USDT", "D-USDT"]),
)
READS = st.lists(st.lists(TICKERS, max_size=6), max_size=8)


def frame(rows: Rows, copied: Any) -> pd.DataFrame:
    return rows.frame(*copied)


@given(READS)
def test_the_latest_by_symbol_is_what_a_frame_of_all_messages_says(reads: list[list[Ticker]]) -> None:
    every, rows = Rows(Ticker), Rows(Ticker)
    log, latest = RowTable(every, 1000), LatestTable(rows, "symbol")
    for read in reads:
        log.take(read)
        latest.take(read)
        expected = frame(every, log.copy(None)).astype({"symbol": object})
        order = expected["symbol"].drop_duplicates()
        expected = expected.groupby("symbol", sort=False).tail(1).set_index("symbol").loc[order]
        got = frame(rows, latest.copy(None)).astype({"symbol": object}).set_index("symbol")
        pd.testing.assert_frame_equal(got, expected, check_dtype=bool(len(got)))
    assert len(latest) == len({each.symbol for read in reads for each in read})
    assert latest.written == sum(map(len, reads))


def test_a_row_changes_in_place() -> None:
    rows = Rows(Ticker)
    table = LatestTable(rows, "symbol")
    table.take([Ticker(1, symbol="A-USDT", price=1.0), Ticker(1, symbol="B-USDT", price=2.0)])
    before = frame(rows, table.copy(None))
    table.take([Ticker(2, symbol="A-USDT", price=3.0)])
    assert before["price"].tolist() == [1.0, 2.0]
    assert frame(rows, table.copy(None))["price"].tolist() == [3.0, 2.0]
    assert frame(rows, table.copy(1))["symbol"].tolist() == ["B-USDT"]


def test_a_live_frame_of_the_latest(client: ks.Client) -> None:
    latest = client.ticker("BTC-USDT", "ETH-USDT", "SOL-USDT").frame(latest="symbol")
    until(lambda: len(latest) == 3)
    frame = latest.df
    assert set(frame.index) == {"BTC-USDT", "ETH-USDT", "SOL-USDT"}
    assert frame.index.name == "symbol"
    assert "symbol" not in frame
    assert frame.loc["BTC-USDT", "best_bid"] < frame.loc["BTC-USDT", "best_ask"]
    sequence = frame.loc["BTC-USDT", "sequence"]
    until(lambda: latest.df.loc["BTC-USDT", "sequence"] > sequence)
    assert len(latest) == 3
    painter = TablePainter(latest)
    assert "BTC-USDT" in painter.text(painter.picture(0.0))


def test_a_column_that_is_none_is_told_in_the_cell(client: ks.Client) -> None:
    told = r"latest='smybol': spot.ticker can have a row for each of: symbol$"
    with pytest.raises(UsageError, match=told):
        client.ticker("BTC-USDT").frame(latest="smybol")
