"""Envelopes: what is received, in pieces that travel, and the same feeds and frames made of them again."""

from __future__ import annotations

import asyncio
import gc
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kucoin_stream as ks
from kucoin_stream.envelopes import Envelope, Messages, envelopes, pack, restored, unpack, write
from kucoin_stream.errors import RemoteProtocolError, UsageError
from kucoin_stream.protocol.messages.spot import Trade
from kucoin_stream.recording.lines import Begin, Data, Hole
from kucoin_stream.recording.reader import Tape
from tests.conftest import until

int64 = st.integers(-(2**63), 2**63 - 1)
anything = st.builds(
    Envelope,
    run=int64,
    number=int64,
    mode=st.text(),
    on=st.text(),
    topic=st.text(),
    sequence=st.none() | int64,
    time_ns=st.none() | int64,
    received_ns=int64,
    raw=st.binary(),
)


def envelope(number: int, run: int = 1, raw: bytes = b"{}") -> Envelope:
    return Envelope(run, number, "sim", "spotPublicV1#1", "/market/match:BTC-USDT", number, None, 10**18 + number, raw)


@given(st.lists(anything, max_size=20))
def test_what_is_packed_is_unpacked(some: list[Envelope]) -> None:
    assert unpack(pack(some)) == some


@given(st.binary())
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(RemoteProtocolError, match="not envelopes"):
        unpack(data)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 30))))
def test_envelopes_are_restored_in_order_once_each_and_what_is_missing_is_counted(some: list[tuple[int, int]]) -> None:
    whole = list(restored(envelope(number, run) for run, number in some))
    given_back = [(each.run, each.number) for each in whole if isinstance(each, Envelope)]
    assert given_back == sorted(set(some))
    for run in {run for run, _ in some}:
        mine = {number for each, number in some if each == run}
        missing = max(mine) - min(mine) + 1 - len(mine)
        edges = [i for i, each in enumerate(whole) if isinstance(each, Envelope) and each.run == run]
        holes = [each.missed for each in whole[edges[0] : edges[-1]] if isinstance(each, Hole)]
        assert sum(holes) == missing


def test_a_hole_is_on_the_tape_where_it_was(tmp_path: Path) -> None:
    raw = [b'{"topic":"/market/match:BTC-USDT","type":"message","data":{"n":%d}}' % n for n in range(5)]
    path = tmp_path / "bus.kcs"
    assert write(path, [envelope(n, raw=raw[n]) for n in (4, 0, 1, 1)]) == 3
    with Tape(path) as tape:
        lines = [each for each in tape.lines() if isinstance(each, Data | Hole)]
        assert tape.missed == 2
    assert [each.missed if isinstance(each, Hole) else bytes(each.messages[0]) for each in lines] == [
        raw[0], raw[1], 2, raw[4],
    ]  # fmt: skip


def test_a_run_without_its_begin_gets_one_that_tells_its_topics(tmp_path: Path) -> None:
    path = tmp_path / "bus.kcs"
    write(path, [envelope(7), envelope(8)])
    with Tape(path) as tape:
        (begin,) = (note for note in tape.notes if isinstance(note, Begin))
    assert (begin.mode, begin.topics) == ("sim", {"spotPublicV1#1": ["/market/match:BTC-USDT"]})


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no envelopes"):
        write(tmp_path / "bus.kcs", [])
    assert not list(tmp_path.iterdir())
    write(tmp_path / "bus.kcs", [envelope(0)])
    with pytest.raises(UsageError, match="there already"):
        write(tmp_path / "bus.kcs", [envelope(0)])


def ladder(book: Any) -> tuple[int, pd.DataFrame, pd.DataFrame]:
    return book.sequence, book.bids, book.asks


def test_feeds_and_frames_are_made_again_and_are_as_the_live_ones(client: ks.Client, tmp_path: Path) -> None:
    book, trades = client.book("BTC-USDT").wait(), client.trades("BTC-USDT", "ETH-USDT")
    table = trades.frame()
    bus = envelopes(book, trades)
    sent = bus.sink_to_list()
    typed: list[Any] = []
    bus.map(Messages()).flatten().sink(typed.append)
    bus.start()
    until(lambda: len(table) > 20)
    bus.stop()
    until(lambda: sent[-1].on == "" and not next(iter(bus.upstreams[0].branches)).waiting)
    assert sum(branch.error_count for branch in bus.upstreams[0].branches) == 0
    assert [each.number for each in sent] == list(range(len(sent)))
    assert {each.topic for each in sent if each.on} == {*book.topics, *trades.topics}
    mine = [each for each in typed if isinstance(each, Trade)]
    assert [each.time_ns for each in sent if each.topic in trades.topics] == [each.time_ns for each in mine]
    (state,) = (each for each in sent[len(sent) // 2 :] if not each.on and each.topic in book.topics)
    path = tmp_path / "bus.kcs"
    shuffled = unpack(pack(sent[::-2])) + unpack(pack(sent[-2::-2])) + sent[:5]
    assert write(path, shuffled) == sum(bool(each.on) for each in sent)
    with ks.Client(path, speed="max") as again:
        rebuilt, copies = again.book("BTC-USDT"), again.trades("BTC-USDT", "ETH-USDT")
        rows = copies.frame()
        until(lambda: rebuilt.sequence == state.sequence)
        bids, asks = (frame[["price", "size"]].to_numpy().tolist() for frame in (rebuilt.bids, rebuilt.asks))
        live = _book(state)
        assert (bids, asks) == ([*map(list, live.bids)][: len(bids)], [*map(list, live.asks)][: len(asks)])
        assert (len(bids), len(asks)) == (len(live.bids), len(live.asks))
        until(lambda: len(rows) == len(mine))
        assert rows.df["trade_id"].tolist() == [each.trade_id for each in mine]


def _book(state: Envelope) -> Any:
    from kucoin_stream.recording.lines import read

    return read(state.raw)[0]


def test_a_client_makes_a_tape_or_envelopes_once(client: ks.Client, tmp_path: Path) -> None:
    trades = client.trades("BTC-USDT")
    first, second = envelopes(trades), envelopes(trades)
    first.start()
    with pytest.raises(UsageError, match="recorded already"):
        second.start()
    first.stop()
    second.start()
    second.stop()
    first.start()
    del first
    until(lambda: gc.collect() >= 0 and client.engine.wire.listener is None, "nobody holds it")
    with pytest.raises(UsageError, match="feeds and live frames"):
        envelopes()


def test_an_inbox_that_was_full_is_a_hole(connect: Any) -> None:
    client = connect(inbox_size=2)
    trades = client.trades("BTC-USDT", "ETH-USDT", "SOL-USDT")
    bus = envelopes(trades)
    release: list[bool] = []
    sent: list[Envelope] = []

    async def slow(each: Envelope) -> None:
        while not release:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        sent.append(each)

    bus.sink(slow)
    bus.start()
    until(lambda: bus.upstreams[0].dropped)
    release.append(True)
    until(lambda: any(b'"hole"' in each.raw for each in sent if not each.on))
    bus.stop()


def test_no_secret_is_in_an_envelope(client: ks.Client, sim: Any) -> None:
    orders, trades = client.account.orders(), client.trades("BTC-USDT")
    bus = envelopes(trades)
    sent = bus.sink_to_list()
    bus.start()
    until(lambda: any(each.on for each in sent))
    bus.stop()
    everything = b"".join(each.raw for each in sent)
    for secret in (sim.credentials.key, sim.credentials.secret, sim.credentials.passphrase):
        assert secret.encode() not in everything
    assert not any("private" in each.on for each in sent)
    orders.stop()
