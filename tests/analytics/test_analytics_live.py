"""Analytics of live frames, the history of a book, joins and sessions, on the built-in exchange."""

from __future__ import annotations

import math
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import kucoin_stream as ks
from kucoin_stream.errors import UsageError
from kucoin_stream.frames.bookkeeper import BookKeeper
from kucoin_stream.protocol.events import Disconnected
from kucoin_stream.simulator import GeneratedMarket, Simulator
from kucoin_stream.simulator.clock import Clock
from tests.conftest import until

Connect = Callable[..., ks.Client]


def test_a_live_book_gives_what_its_frame_gives(client: ks.Client) -> None:
    book = client.book("BTC-USDT").wait()

    def seen() -> tuple[Any, ...] | None:
        """Look at one sequence of a book that moves."""
        before, frame = book.sequence, book.df
        found = (book.microprice, book.spread_bps, book.sweep("buy", size=1.0), book.weighted(5), book.notional(5))
        tables = (book.depth([5.0, 50.0]), book.grouped(10.0))
        return (frame, found, tables) if book.sequence == before else None

    frame, found, tables = until(seen, "the book held still")
    of = frame.kucoin
    assert found == (of.microprice, of.spread_bps, of.sweep("buy", size=1.0), of.weighted(5), of.notional(5))
    pd.testing.assert_frame_equal(tables[0], of.depth([5.0, 50.0], whole=True))
    pd.testing.assert_frame_equal(tables[1], of.grouped(10.0))
    assert not book.sweep("sell", size=1e12).beyond


def test_a_partial_book_says_that_there_may_be_more(connect: Connect) -> None:
    book = connect(key=False).book("BTC-USDT", source="classic").wait()
    assert book.status == "partial"
    found = book.sweep("sell", size=1e12)
    assert (found.filled, found.beyond) == (False, True)
    assert not book.depth(9_999.0)["known"].any()


def test_a_contract_counts_in_base_coins_and_quote_currency(client: ks.Client) -> None:
    book = client.book("XBTUSDTM").wait()
    found = book.sweep("buy", size=3.0)
    assert found.size == 3.0
    assert found.funds == pytest.approx(3.0 * book.multiplier * found.average)


def test_a_book_that_is_not_right_has_no_numbers(client: ks.Client) -> None:
    book = client.book("BTC-USDT").wait()
    book.stop()
    assert math.isnan(book.microprice)
    assert math.isnan(book.spread_bps)
    assert book.sweep("buy", size=1.0).missing == 1.0
    assert book.grouped(1.0).empty


def test_the_history_of_a_book_has_a_row_for_each_change(client: ks.Client) -> None:
    book = client.book("BTC-USDT").wait()
    tops = book.tops()
    assert book.tops() is tops
    until(lambda: len(tops) > 50)
    frame = tops.df
    assert list(frame.columns) == ["time", "sequence", "bid", "bid_size", "ask", "ask_size"]
    assert str(frame["time"].dtype) == "datetime64[ns, UTC]"
    assert frame["time"].is_monotonic_increasing
    steps = np.diff(frame["sequence"].to_numpy("int64"))
    assert set(steps.tolist()) == {1}
    assert (frame.kucoin.spread > 0).all()
    assert (frame["bid"] <= frame.kucoin.microprice).all()
    assert len(tops.tail(3)) == 3


def test_where_a_book_is_lost_its_history_says_so(client: ks.Client) -> None:
    book = client.book("BTC-USDT").wait()
    tops = book.tops()
    until(lambda: len(tops) > 3)
    keeper: BookKeeper = book._keeper

    def lose() -> None:
        keeper.news(Disconnected(keeper.topic, "as a test"))
        keeper.inlet.flush()

    client.engine.call(lose)
    frame = tops.df
    lost = frame[frame["bid"].isna()]
    assert len(lost) == 1
    joined = ks.align([lost[["time"]], tops])
    assert joined["book_bid"].isna().all()


def test_live_trades_and_klines_have_the_same_verbs_as_their_frames(client: ks.Client) -> None:
    trades, klines = client.trades("BTC-USDT", "ETH-USDT").frame(), client.klines("BTC-USDT", "1min", 50).wait()
    until(lambda: trades.df["symbol"].nunique() == 2)
    assert set(trades.vwap().index) == {"BTC-USDT", "ETH-USDT"}
    assert trades.ohlcv("1s").index.names == ["symbol", "time"]
    assert -1 <= trades.trade_imbalance()["BTC-USDT"] <= 1
    frame = klines.df
    typical = frame["turnover"] / frame["volume"].where(frame["volume"] > 0)
    np.testing.assert_allclose(klines.vwap()[:-1], typical[:-1])
    assert klines.returns().iloc[1:-1].notna().all()
    assert klines.realised_volatility(annual=True) > klines.realised_volatility() > 0
    assert klines.missing_bars().empty


def test_book_trades_and_klines_are_joined_as_of_each_moment(client: ks.Client) -> None:
    book, trades = client.book("BTC-USDT").wait(), client.trades("BTC-USDT").frame()
    klines = client.klines("BTC-USDT", "1min", 10).wait()
    with pytest.raises(UsageError, match=r"call book.tops\(\)"):
        ks.align([book, trades])
    book.tops()
    until(lambda: len(book.tops()) > 50 and len(trades) > 5)
    joined = ks.align([trades, book, klines])
    assert len(joined) >= 5
    assert {"trades_price", "trades_side", "book_bid", "book_ask", "klines_close"} <= set(joined.columns)
    assert joined["klines_close"].notna().all()
    every = ks.align([book, trades], every="100ms", tolerance="10s")
    assert set(np.diff(every.index.asi8).tolist()) == {100_000_000}
    with pytest.raises(UsageError, match=r"\.frame\(\)"):
        ks.align([client.trades("BTC-USDT")])  # type: ignore[list-item]
    with pytest.raises(UsageError, match="only the latest row of each symbol"):
        ks.align([client.trades("BTC-USDT").frame(latest="symbol")])


def test_a_frame_of_a_tape_keeps_the_tapes_time(client: ks.Client, tmp_path: Path) -> None:
    with client.record(tmp_path / "short.kcs"):
        book = client.book("BTC-USDT").wait()
        tops = book.tops()
        until(lambda: len(tops) > 50)
        recorded = tops.df
    with ks.Client(str(tmp_path / "short.kcs"), speed="max") as player:
        again = player.book("BTC-USDT").tops()
        player.replay.wait(20)
        played = again.df
    both = recorded.merge(played, on="sequence", suffixes=("", "_again"))
    assert len(both) == len(recorded)
    assert (both["bid"] == both["bid_again"]).all()
    assert ((both["time"] - both["time_again"]).abs() < pd.Timedelta("1s")).all()


def test_klines_of_the_trades_received_are_the_live_klines() -> None:
    clock = Clock(0.0)
    with (
        Simulator(GeneratedMarket(["BTC-USDT"], seed=5), clock=clock) as exchange,
        ks.Client(exchange.url) as client,
    ):
        trades, klines = client.trades("BTC-USDT").frame(), client.klines("BTC-USDT", "1min", 5).wait()
        exchange.advance(240.0)
        until(lambda: len(trades) and klines.df.index[-1] >= trades.df["time"].iloc[-1].floor("min"))
        made = trades.ohlcv("1min").iloc[1:-1]  # the first began before, the last is not over
        assert len(made) >= 2
        theirs = klines.df.loc[made.index]
    prices = ["open", "high", "low", "close"]
    assert made[prices].to_numpy().tolist() == theirs[prices].to_numpy().tolist()
    np.testing.assert_allclose(made, theirs, rtol=1e-12)


# -- sessions ----------------------------------------------------------------------------------------------------


def test_a_session_collects_until_its_time_is_over_and_stops_what_it_opened(client: ks.Client) -> None:
    other = client.trades("ETH-USDT")
    with ks.session(seconds=1.5, client=client) as session:
        trades, book = session.trades("BTC-USDT"), session.book("BTC-USDT")
        klines = session.klines("BTC-USDT", "1min", history=5)
        session.ticker("BTC-USDT")
        kept = session.collect(other, "others")
        assert 0 < session.left <= 1.5
    assert session.ended
    frames = session.frames
    assert list(frames) == ["trades", "book", "klines", "ticker", "others"]
    assert all(len(frame) for frame in frames.values())
    assert {"price", "size"} <= set(frames["trades"].columns)
    assert frames["book"].kucoin.spread.dropna().gt(0).all()
    assert trades.status == book.status == klines.status == kept.status == "stopped"
    assert other.status == "live"
    assert "ended" in repr(session)
    with pytest.raises(UsageError, match="has ended"):
        session.trades("BTC-USDT")


def test_names_that_are_taken_get_a_number_or_are_refused(client: ks.Client) -> None:
    session = ks.session(minutes=1, client=client)
    with session:
        session.trades("BTC-USDT")
        session.trades("ETH-USDT")
        with pytest.raises(UsageError, match="'trades' already"):
            session.collect(client.trades("SOL-USDT"), "trades")
        with pytest.raises(UsageError, match="not str"):
            session.collect("BTC-USDT")  # type: ignore[arg-type]
        assert list(session.frames) == ["trades", "trades2"]
        session.stop()


@pytest.fixture
def _ctrl_c() -> Iterator[None]:
    """Workers of a parallel run ignore Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_ctrl_c")
def test_what_was_collected_before_ctrl_c_is_kept(client: ks.Client) -> None:
    with ks.session(minutes=5, client=client) as session:
        session.trades("BTC-USDT")
        until(lambda: len(session.frames["trades"]))
        threading.Timer(0.05, signal.pthread_kill, [threading.main_thread().ident, signal.SIGINT]).start()
    assert session.ended
    assert len(session.frames["trades"])


def test_an_exception_in_the_block_ends_it_and_is_raised(client: ks.Client) -> None:
    session = ks.session(minutes=5, client=client)

    def cell() -> None:
        with session:
            session.trades("BTC-USDT")
            until(lambda: len(session.frames["trades"]))
            _ = 1 / 0

    with pytest.raises(ZeroDivisionError):
        cell()
    assert session.ended
    assert len(session.frames["trades"])


def test_a_session_ends_early_where_nothing_is_received_any_more(connect: Connect) -> None:
    client = connect()
    with ks.session(minutes=5, client=client) as session:
        session.trades("BTC-USDT")
        until(lambda: len(session.frames["trades"]))
        client.close()
    assert len(session.frames["trades"])


@pytest.mark.parametrize("options", [{}, {"seconds": -1}, {"minutes": float("inf")}])
def test_a_session_has_a_length(client: ks.Client, options: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="above 0"):
        ks.session(client=client, **options)
