"""Wrong values: each verb of frames and analytics refuses them with the name of the argument, and nothing else."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import kucoin_stream as ks
from kucoin_stream.errors import UnknownSymbolError, UsageError
from kucoin_stream.simulator import GeneratedMarket, Simulator
from tests.conftest import SYMBOLS, until

BTC = SYMBOLS[0]


@pytest.fixture(scope="module")
def it() -> Iterator[SimpleNamespace]:
    """One of each, as a notebook has them."""
    with Simulator(GeneratedMarket(SYMBOLS, seed=7, rate=20)) as exchange:
        key = exchange.credentials
        with ks.Client(exchange.url, key=key.key, secret=key.secret, passphrase=key.passphrase) as client:
            book, feed = client.book(BTC).wait(), client.trades("*-USDT")
            until(lambda: feed.received > 20)
            frame = feed.frame().df
            yield SimpleNamespace(
                client=client, book=book, feed=feed, tape=feed.frame(), bars=client.klines(BTC, "1min", 20).wait(),
                books=client.books(*SYMBOLS[:2]), tops=book.tops(), ladder=book.df.kucoin, several=frame.kucoin,
                trades=frame[frame["symbol"] == BTC].kucoin, session=ks.session(seconds=1, client=client),
            )  # fmt: skip


NO_COUNT = [None, "5", 1.5, 0, -1, math.nan, True, []]
NO_ROWS = [None, "5", 1.5, -1, math.nan, True, []]
NO_LEVELS = ["5", 1.5, 0, -1, math.nan, True, []]
NO_AMOUNT = ["5", 0, -1, math.nan, math.inf, True, [], None]
NO_MULTIPLIER = ["5", 0, math.nan, math.inf, True, []]
NO_SECONDS = [None, "5", -1, math.nan, True, []]
NO_LENGTH = ["5", "x", "", 0, -1, 1.5, math.nan, [], "-5s", True]
NO_NAME = ["nope", 5, math.nan, [], "time_ns", "price"]
NO_WINDOW = ["5", "x", "", 0, -1, 1.5, math.nan, [], True]
NO_TIME = ["x", [], math.nan, True, pd.NaT]

VERBS: dict[str, tuple[Callable[[Any, Any], Any], list[Any]]] = {
    "maxlen of a frame": (lambda it, v: it.feed.frame(v), NO_COUNT),
    "latest": (lambda it, v: it.feed.frame(latest=v), NO_NAME),
    "maxlen of best prices": (lambda it, v: it.book.tops(v), NO_COUNT),
    "maxlen of sink_to_frame": (lambda it, v: it.feed.sink_to_frame(v), NO_COUNT),
    "latest of sink_to_frame": (lambda it, v: it.feed.sink_to_frame(latest=v), [5, [], math.nan]),
    "history": (lambda it, v: it.client.klines(BTC, "1min", v), NO_COUNT),
    "maxlen of klines": (lambda it, v: it.client.klines(BTC, "1min", 20, v), [*NO_COUNT[1:], 19]),
    "source of a book": (lambda it, v: it.client.book(BTC, source=v), ["", "nope", 5, [], 0]),
    "head": (lambda it, v: it.tape.head(v), NO_ROWS),
    "tail": (lambda it, v: it.tape.tail(v), NO_ROWS),
    "tail of another frame": (lambda it, v: it.bars.tail(v), NO_ROWS),
    "timeout of head": (lambda it, v: it.tape.head(timeout=v), NO_SECONDS),
    "timeout of wait": (lambda it, v: it.book.wait(v), NO_SECONDS),
    "timeout of audit": (lambda it, v: it.book.audit(v), NO_SECONDS),
    "audit_every": (lambda it, v: it.book.audit_every(v), ["5", 0.5, math.nan, math.inf, True, []]),
    "levels": (lambda it, v: it.book.levels(v), NO_LEVELS),
    "imbalance": (lambda it, v: it.book.imbalance(v), NO_LEVELS),
    "imbalance of a ladder": (lambda it, v: it.ladder.imbalance(v), NO_LEVELS),
    "weighted": (lambda it, v: it.book.weighted(v), NO_LEVELS),
    "weighted of a ladder": (lambda it, v: it.ladder.weighted(v), NO_LEVELS),
    "notional": (lambda it, v: it.book.notional(v), NO_LEVELS),
    "depth": (lambda it, v: it.book.depth(v), [None, "x", "5", -1, math.nan, math.inf, True, [5, "x"], [5, -1]]),
    "grouped": (lambda it, v: it.book.grouped(v), NO_AMOUNT),
    "side of sweep": (lambda it, v: it.book.sweep(v, size=1.0), [None, "BUY", 5, []]),
    "size of sweep": (lambda it, v: it.book.sweep("buy", size=v), NO_AMOUNT),
    "funds of sweep": (lambda it, v: it.ladder.sweep("buy", funds=v), NO_AMOUNT),
    "multiplier of sweep": (lambda it, v: it.ladder.sweep("buy", size=1.0, multiplier=v), NO_MULTIPLIER),
    "multiplier of vwap": (lambda it, v: it.trades.vwap(multiplier=v), NO_MULTIPLIER),
    "multiplier of bars' vwap": (lambda it, v: it.bars.vwap(multiplier=v), NO_MULTIPLIER),
    "multiplier of ohlcv": (lambda it, v: it.trades.ohlcv("1s", multiplier=v), NO_MULTIPLIER),
    "window of vwap": (lambda it, v: it.trades.vwap(v), NO_WINDOW),
    "window by symbol": (lambda it, v: it.several.vwap(v), NO_WINDOW),
    "window of trade_imbalance": (lambda it, v: it.trades.trade_imbalance(v), NO_WINDOW),
    "interval of ohlcv": (lambda it, v: it.trades.ohlcv(v), [None, *NO_LENGTH]),
    "every of realised_volatility": (lambda it, v: it.trades.realised_volatility(v), [*NO_LENGTH, "1ns"]),
    "interval of missing_bars": (lambda it, v: it.bars.missing_bars(v), NO_LENGTH),
    "kind of returns": (lambda it, v: it.trades.returns(v), [None, "nope", 5, []]),
    "count of tick_bars": (lambda it, v: it.trades.tick_bars(v), NO_COUNT),
    "volume of volume_bars": (lambda it, v: it.trades.volume_bars(v), NO_AMOUNT),
    "funds of dollar_bars": (lambda it, v: it.trades.dollar_bars(v), NO_AMOUNT),
    "sources of align": (lambda it, v: ks.align(v), [None, 5, "x", [5], [None]]),
    "every of align": (lambda it, v: ks.align([it.tape], every=v), NO_LENGTH),
    "tolerance of align": (lambda it, v: ks.align([it.tape], tolerance=v), NO_LENGTH),
    "start of align": (lambda it, v: ks.align([it.tape], start=v), NO_TIME),
    "end of align": (lambda it, v: ks.align([it.tape], every="1s", end=v), NO_TIME),
    "minutes": (lambda it, v: ks.session(minutes=v, client=it.client), NO_AMOUNT),
    "seconds": (lambda it, v: ks.session(seconds=v, client=it.client), NO_AMOUNT),
    "maxlen of a session": (lambda it, v: ks.session(seconds=1, maxlen=v, client=it.client), NO_COUNT),
    "client of a session": (lambda it, v: ks.session(seconds=1, client=v), ["sim", 5, []]),
    "name in a session": (lambda it, v: it.session.collect(it.tape, v), [5, "", [], math.nan]),
    "what a session collects": (lambda it, v: it.session.collect(v), [None, "BTC-USDT", 5]),
    "feed of schema": (lambda it, v: ks.schema(v), ["nope", 5, []]),
    "into": (lambda it, v: it.book.to_plotly(into=v), ["x", 5, []]),
    "path": (lambda it, v: it.several.to_parquet(v), [None, "", 5, b"x"]),
}


@pytest.mark.parametrize("verb", VERBS)
def test_a_wrong_value_is_refused_with_what_to_write(it: SimpleNamespace, verb: str) -> None:
    if verb == "into":
        pytest.importorskip("plotly")
    use, values = VERBS[verb]
    for value in values:
        with pytest.raises(UsageError) as caught:
            use(it, value)
        assert len(str(caught.value)) > 15, value


@pytest.mark.parametrize("symbol", ["XX", None, 0, [], "btc-usdt"])
def test_a_book_that_is_not_among_the_books_is_named_with_those_that_are(it: SimpleNamespace, symbol: Any) -> None:
    assert symbol not in it.books
    with pytest.raises(UnknownSymbolError, match=r"there are: BTC-USDT, ETH-USDT$"):
        it.books[symbol]


def test_books_are_read_like_a_mapping(it: SimpleNamespace) -> None:
    assert list(it.books) == ["BTC-USDT", "ETH-USDT"]
    assert BTC in it.books


def test_latest_tells_the_columns_as_a_user_sees_them(it: SimpleNamespace) -> None:
    with pytest.raises(UsageError) as caught:
        it.feed.frame(latest="nope")
    names = str(caught.value).rpartition(": ")[2].split(", ")
    assert {"symbol", "side", "trade_id"} <= set(names) <= set(it.tape.df.columns)


def test_numpys_numbers_are_numbers(it: SimpleNamespace) -> None:
    assert len(it.tape.tail(np.int64(2))) == 2
    assert len(it.trades.tick_bars(np.int32(5))) == -(-len(it.trades.df) // 5)
    assert it.book.depth(np.array([5.0, 10.0])).index.tolist() == [5.0, 10.0]
    assert it.book.sweep("buy", size=np.float64(0.1)).size == 0.1


def test_no_levels_are_all_levels(it: SimpleNamespace) -> None:
    ladder = it.ladder
    assert ladder.imbalance(None) == ladder.imbalance(10_000)
    assert ladder.weighted(None) == ladder.weighted(10_000)


def test_a_frame_that_was_refused_does_not_stand_in_the_way_of_the_end(client: ks.Client) -> None:
    feed = client.trades(BTC)
    with pytest.raises(UsageError) as caught:  # as IPython does it keeps the frame, by the traceback
        feed.frame(latest="nope")
    client.close()
    assert feed.status == "stopped: closed"
    assert caught.tb is not None
