"""Winding a tape: wherever it is wound to, frames hold what a first replay to that time would have given them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import kucoin_stream as ks
from kucoin_stream.protocol.messages import encode
from kucoin_stream.recording import writer
from kucoin_stream.recording.blocks import NOTES, pack
from kucoin_stream.recording.captures import convert
from kucoin_stream.recording.lines import Begin, Data, Raw
from kucoin_stream.recording.reader import Tape
from kucoin_stream.simulator import GeneratedMarket, Simulator
from kucoin_stream.simulator.clock import Clock
from kucoin_stream.transport import replay, tapemarks
from tests.conftest import until
from tests.transport.test_replay import BASE, ON, SECOND, TOPIC, trade

SYMBOL = "BTC-USDT"


@pytest.fixture(autouse=True)
def _many_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tapemarks, "APART", 50)


@contextmanager
def playing(path: Path) -> Iterator[ks.Client]:
    with ks.Client(path, speed="max") as client:
        client.replay.pause()
        yield client


class Frames:
    """One frame of each kind, small enough for rows to fall out of them."""

    def __init__(self, client: ks.Client, symbol: str, source: str | None) -> None:
        self.client = client
        self.book = client.book(symbol, source=source)
        self.trades = client.trades(symbol).frame(20)
        self.tickers = client.ticker(symbol).frame(latest="symbol")
        self.changes = client.ticker(symbol).frame(10**6)
        self.bars = client.klines(symbol, "1min", history=20)

    def at(self, time_ns: int) -> list[Any]:
        """Seek; return everything."""
        self.client.replay.seek(time_ns / SECOND)
        frames = [self.book, self.trades, self.tickers, self.changes, self.bars]
        book = (self.book.status, self.book.sequence, self.book.gap_count, self.book.updates)
        return [*book, *(frame.note for frame in frames), *(frame.df for frame in frames)]


def assert_same(found: list[Any], expected: list[Any]) -> None:
    for mine, theirs in zip(found, expected, strict=True):
        if isinstance(mine, pd.DataFrame):
            pd.testing.assert_frame_equal(mine, theirs)
        else:
            assert mine == theirs


@pytest.fixture(scope="module")
def partial(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tape of books from the public best 100 levels: with nothing of their own to begin with in its midst."""
    path = tmp_path_factory.mktemp("partial") / "day.kcs"
    sim = Simulator(GeneratedMarket([SYMBOL], seed=7, rate=5), clock=Clock(20.0))
    with pytest.MonkeyPatch.context() as patch, sim:
        patch.setattr(writer, "PERIOD", 0.02)
        patch.setattr(writer, "BLOCK_SECONDS", 0.05)
        with ks.Client(sim.url) as client, client.record(path):
            frames = Frames(client, SYMBOL, "classic")
            frames.bars.wait(60)
            until(lambda: len(frames.bars) > 20 and len(frames.changes) > 200, timeout=60)
    return path


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory, spot_capture: Path) -> Path:
    path = tmp_path_factory.mktemp("imported") / "2021.kcs"
    convert(spot_capture, path)
    return path


@pytest.mark.parametrize(
    ("tape", "symbol", "status"), [("partial", SYMBOL, "partial"), ("imported", "BCHSV-USDT", "live")]
)
def test_wherever_a_tape_is_wound_to_all_is_as_after_a_first_replay(request, tape, symbol, status):
    path = request.getfixturevalue(tape)
    with Tape(path) as opened:
        first, last = opened.start_ns, opened.end_ns
        assert not [block for block in opened.blocks if block.flags & 2]
    chance = random.Random(5)
    times = [first + (last - first) * chance.randint(30, 100) // 100 for _ in range(12)]
    expected = {}
    for when in times:
        with playing(path) as client:
            expected[when] = Frames(client, symbol, "classic").at(when)
    assert status in {each[0] for each in expected.values()}
    with playing(path) as client:
        frames = Frames(client, symbol, "classic")
        client.replay.play()
        client.replay.wait(60)
        marks = client.engine.deck.marks
        assert len(marks) > 5
        for when in times:
            assert_same(frames.at(when), expected[when])
            past = client.replay.book(frames.book, when / SECOND)
            assert (past.status, past.sequence) == (frames.book.status, frames.book.sequence)
        assert len(marks) > 5  # they were used: none were dropped
        client.replay.play()
        client.replay.wait(60)


def minutes(path: Path, count: int) -> None:
    """Write a tape with a trade each second, a block each ten."""
    with path.open("wb") as file:
        for begin in range(0, count, 10):
            lines: list[Any] = [] if begin else [Begin(BASE * SECOND, "made up", "test", topics={ON: [TOPIC]})]
            for number in range(begin + 1, begin + 11):
                t = (BASE + number) * SECOND
                lines.append(Data(t, ON, [Raw(trade(t, number))]))
            data = b"".join(encode(line) + b"\n" for line in lines)
            file.write(pack(data, count=len(lines), messages=10, flags=NOTES, span=(lines[0].t, lines[-1].t)))


def test_there_is_a_bounded_number_of_marks_over_the_whole_tape(tmp_path, monkeypatch):
    monkeypatch.setattr(tapemarks, "APART", 10)
    minutes(tmp_path / "long.kcs", 3000)
    with playing(tmp_path / "long.kcs") as client:
        frame = client.trades(SYMBOL).frame(25)
        client.replay.play()
        client.replay.wait(60)
        marks = client.engine.deck.marks.all()
        assert tapemarks.MOST // 3 < len(marks) <= tapemarks.MOST
        blocks = [mark.block for mark in marks]
        assert max(after - before for before, after in zip([0, *blocks], [*blocks, 300], strict=True)) <= 16
        for second in (2999, 17, 1500, 3000, 1):
            before = client.engine.pool.messages
            client.replay.seek(BASE + second)
            assert client.engine.pool.messages - before <= 170  # of 3000
            assert frame.df["sequence"].tolist() == list(range(max(1, second - 24), second + 1))


def test_a_frame_made_later_is_filled_from_the_begin(tmp_path, monkeypatch):
    monkeypatch.setattr(tapemarks, "APART", 10)
    minutes(tmp_path / "later.kcs", 200)
    with playing(tmp_path / "later.kcs") as client:
        trades = client.trades(SYMBOL)
        client.replay.seek(BASE + 150)
        frame = trades.frame()
        client.replay.seek(BASE + 170)
        client.replay.seek(BASE + 160)
        assert frame.df["sequence"].tolist() == list(range(1, 161))
        assert frame.note == ""


def test_where_a_tape_begins_in_its_midst_the_frame_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(replay, "_FAR", 100)
    path = tmp_path / "far.kcs"
    with Simulator(GeneratedMarket([SYMBOL], seed=7, rate=20)) as sim:
        key = {name: getattr(sim.credentials, name) for name in ("key", "secret", "passphrase")}
        with ks.Client(sim.url, **key) as client, client.record(path):
            book, trades = client.book(SYMBOL).wait(), client.trades(SYMBOL)
            begin = book.sequence or 0
            until(lambda: (book.sequence or 0) > begin + 300 and trades.received > 20)
    with playing(path) as client:  # the recorder wrote the book at the end
        frame, book = client.trades(SYMBOL).frame(), client.book(SYMBOL)
        client.replay.seek(client.replay.end)
        assert (book.status, len(frame)) == ("live", 0)
        assert frame.note.startswith("the tape was wound: rows since 2")
        assert frame.df.attrs["note"] == frame.note
        client.replay.seek(client.replay.start)
        client.replay.play("max")
        client.replay.wait(60)
        assert len(frame) > 20
        assert frame.note == ""
