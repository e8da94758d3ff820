"""Connections are replaced before the exchange ends them: nothing is lost, nothing comes twice, nobody notices."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import kucoin_stream as ks
from kucoin_stream.protocol.events import Disconnected, Gap, News
from kucoin_stream.protocol.topic import Connection
from kucoin_stream.simulator import Simulator
from kucoin_stream.transport import rotation
from tests.conftest import SYMBOLS, until

Connect = Callable[..., ks.Client]


@pytest.fixture(autouse=True)
def _short_overlap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotation, "OVERLAP", 0.3)


def rotations(client: ks.Client) -> list[int]:
    return [row["rotations"] for row in client.statistics()["connections"]]


def rotate(client: ks.Client) -> None:
    """Replace all connections now, and wait until it is done."""
    before = rotations(client)
    client.engine.call(client.engine.pool.rotate)
    until(lambda: rotations(client) == [count + 1 for count in before], "all connections replaced", 20)


@pytest.fixture
def witness(connect: Connect) -> dict[str, list[int]]:
    """The trades' sequences that another client sees, whose connection stays."""
    seen: dict[str, list[int]] = {symbol: [] for symbol in SYMBOLS}
    connect().trades(*SYMBOLS).sink(lambda trade: seen[trade.symbol].append(trade.sequence))
    return seen


def same_as(witness: dict[str, list[int]], trades: list[Any]) -> bool:
    """Whether the trades are the witness's, once each and in order, but for those at either end."""
    return all(
        _within([trade.sequence for trade in trades if trade.symbol == symbol], seen)
        for symbol, seen in witness.items()
    )


def _within(part: list[int], whole: list[int]) -> bool:
    common = [sequence for sequence in part if sequence <= whole[-1]]
    at = whole.index(common[0]) if common else 0
    return common == whole[at : at + len(common)]


def test_every_trade_comes_once_and_in_order_over_the_seam(client: ks.Client, witness: dict[str, list[int]]):
    trades: list[Any] = []
    until(lambda: all(witness.values()), "the witness sees trades")
    client.trades(*SYMBOLS, news=True).sink(trades.append)
    for _ in range(3):
        seen = len(trades)
        rotate(client)
        until(lambda seen=seen: len(trades) > seen + 20, "trades went on")
    assert not [each for each in trades if isinstance(each, News)]
    assert same_as(witness, trades)
    assert client.engine.pool.reconnects == 0


@pytest.mark.parametrize("source", ["classic", "pro"])
def test_books_never_leave_the_state_of_being_right(client: ks.Client, source: str):
    book = client.book("BTC-USDT", source=source).wait()
    changes: list[Any] = []
    client.feed({"classic": "spot.level2", "pro": "pro_spot.level2"}[source], "BTC-USDT").sink(changes.append)
    states: set[str] = set()
    book.stream.sink(lambda _: states.add(book.status))
    until(lambda: len(changes) > 5, "changes came")
    for _ in range(3):
        seen = len(changes)
        rotate(client)
        until(lambda seen=seen: len(changes) > seen + 10, "changes went on")
    assert states == {book.status}
    assert not [each for each in changes if isinstance(each, (Gap, Disconnected))]


def test_what_is_subscribed_or_left_in_the_midst_of_it_is_right_afterwards(client: ks.Client):
    kept, left = client.ticker("BTC-USDT"), client.ticker("ETH-USDT")
    client.engine.call(client.engine.pool.rotate)
    added = client.ticker("SOL-USDT")
    left.stop()
    until(lambda: rotations(client) == [1], "replaced")
    before = kept.received, added.received, left.received
    until(lambda: kept.received > before[0] + 3 and added.received > before[1] + 3, "both go on")
    assert left.received == before[2]


def test_an_old_connection_that_dies_in_the_overlap_leaves_no_hole(client: ks.Client, witness: dict[str, list[int]]):
    trades: list[Any] = []
    until(lambda: all(witness.values()), "the witness sees trades")
    client.trades(*SYMBOLS, news=True).sink(trades.append)
    until(lambda: len(trades) > 3, "trades came")
    life = next(iter(client.engine.pool._lives.values()))
    old = life.connection
    client.engine.call(client.engine.pool.rotate)
    until(lambda: life._rotation is not None and life._rotation.ready, "both are served")
    client.engine.call(old._socket.abort)
    until(lambda: rotations(client) == [1], "replaced")
    seen = len(trades)
    until(lambda: len(trades) > seen + 5, "trades went on")
    assert not [each for each in trades if isinstance(each, News)]
    assert same_as(witness, trades)


def test_where_no_fresh_connection_is_to_be_had_the_old_one_goes_on(client: ks.Client, sim: Simulator):
    ticker = client.ticker("BTC-USDT")
    sim.faults.rest("/api/v1/bullet-p", status=503)
    client.engine.call(client.engine.pool.rotate)
    life = next(iter(client.engine.pool._lives.values()))
    until(lambda: life._rotating is None, "given up")
    seen = ticker.received
    until(lambda: ticker.received > seen + 3, "the old one goes on")
    sim.faults.clear()
    rotate(client)
    assert ticker.status == "live"


def test_by_itself_it_happens_before_the_exchange_ends_the_connection(connect: Connect):
    client = connect(rotate_after=1.0)
    trades: list[Any] = []
    client.trades("BTC-USDT", news=True).sink(trades.append)
    until(lambda: rotations(client)[0] >= 2, "replaced twice", 20)
    assert not [each for each in trades if isinstance(each, News)]


def test_orders_under_way_are_answered_whichever_connection_has_them(client: ks.Client):
    engine = client.engine
    number = engine.call(engine.hold, Connection.SPOT_ORDERS)
    engine.call(engine.pool.settled, [number], 5.0, timeout=6.0)

    async def orders() -> list[Any]:
        answers = []
        for at in range(60):
            if at % 20 == 0:
                engine.pool.rotate()
            wanted = {
                "clientOid": secrets.token_hex(8),
                "symbol": "BTC-USDT",
                "side": "buy",
                "type": "limit",
                "price": "1",
                "size": "0.001",
            }
            answers.append(asyncio.ensure_future(engine.pool.request(number, "spot.order", wanted)))
            await asyncio.sleep(0.01)
        return await asyncio.gather(*answers)

    assert [answer.code for answer in engine.call(orders, timeout=20.0)] == [200000] * 60
    assert rotations(client) == [3]


# -- what an examiner found --------------------------------------------------------------------------------------


def life_of(client: ks.Client) -> Any:
    return next(iter(client.engine.pool._lives.values()))


def test_a_fresh_connection_that_dies_in_the_overlap_harms_nothing(client: ks.Client):
    trades: list[Any] = []
    client.trades(*SYMBOLS, news=True).sink(trades.append)
    life = life_of(client)
    client.engine.call(client.engine.pool.rotate)
    until(lambda: life._rotation is not None and life._rotation.ready, "both are served")
    client.engine.call(life._rotation.fresh._socket.abort)
    until(lambda: life._rotating is None, "given up")
    seen = len(trades)
    until(lambda: len(trades) > seen + 20, "the old one goes on")
    assert not [each for each in trades if isinstance(each, News)]
    assert client.engine.pool.reconnects == 0
    rotate(client)


def test_a_fresh_connection_that_dies_while_topics_go_over_is_told_at_once(client: ks.Client):
    book = client.book("BTC-USDT").wait()
    news: list[Any] = []
    client.trades(*SYMBOLS, news=True).sink(lambda each: news.append(each) if isinstance(each, News) else None)
    life = life_of(client)
    client.engine.call(client.engine.pool.rotate)
    until(lambda: life._rotation is not None and life._rotation.ready, "both are served")
    rotation = life._rotation
    rotation._seam._go_over = lambda topic: []  # they never get there
    until(lambda: rotation.cut, "topics go over")
    client.engine.call(rotation.fresh._socket.abort)
    until(lambda: client.engine.pool.reconnects == 1, "reconnected")
    until(lambda: len(news) >= 2 * len(SYMBOLS), "told")
    assert book.wait().audit().ok
    assert not client.gaps().query("part == 'topic'")["to"].isna().any()


def test_a_topic_that_is_refused_on_the_fresh_connection_stays_with_the_old_one(client: ks.Client, sim: Simulator):
    trades: list[Any] = []
    feed = client.trades(*SYMBOLS, news=True)
    feed.sink(trades.append)
    sim.faults.refuse(feed.topics[0])
    client.engine.call(client.engine.pool.rotate)
    life = life_of(client)
    until(lambda: life._rotating is None, "given up")
    seen = len(trades)
    until(lambda: len(trades) > seen + 20, "the old one goes on")
    assert feed.status == "live"
    assert not [each for each in trades if isinstance(each, News)]
    assert rotations(client) == [0]


def test_after_an_attempt_that_was_cut_short_it_is_tried_again(client: ks.Client, sim: Simulator):
    ticker = client.ticker("BTC-USDT")
    client.engine.call(client.engine.pool.rotate)
    sim.faults.kill()
    until(lambda: client.engine.pool.reconnects == 1 and ticker.status == "live", "reconnected")
    until(lambda: life_of(client)._rotating is None, "the attempt is over")
    rotate(client)


def test_a_recording_over_the_seam_plays_each_trade_once(client: ks.Client, tmp_path: Path):
    live = client.trades(*SYMBOLS).frame(maxlen=100_000)
    with client.record(tmp_path / "seam.kcs"):
        for _ in range(2):
            seen = len(live.df)
            rotate(client)
            until(lambda seen=seen: len(live.df) > seen + 10, "trades went on")
    kept = set(live.df["sequence"])
    with ks.Client(str(tmp_path / "seam.kcs"), speed="max") as played:
        again = played.trades(*SYMBOLS).frame(maxlen=100_000)
        played.replay.play()
        until(lambda: played.replay.ended, "played")
        sequences = again.df.groupby("symbol", observed=True)["sequence"]
        assert sequences.apply(lambda each: each.is_unique and each.is_monotonic_increasing).all()
        assert len(set(again.df["sequence"]) & kept) > 15
