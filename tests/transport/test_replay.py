"""A tape that is played gives what the live client had: the same books, bars and trades, every time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

import kucoin_stream as ks
from kucoin_stream.errors import RefusedError, ResponseError, StoppedError, UnknownSymbolError, UsageError
from kucoin_stream.protocol.events import Disconnected, Restarted
from kucoin_stream.protocol.messages import encode
from kucoin_stream.recording.blocks import NOTES, pack
from kucoin_stream.recording.lines import Answer, Begin, Data, Event, Raw
from kucoin_stream.recording.reader import Tape
from kucoin_stream.simulator import GeneratedMarket, Simulator
from kucoin_stream.simulator.clock import Clock
from kucoin_stream.transport import recorder
from tests.conftest import SYMBOLS, until

SYMBOL = "BTC-USDT"
SECOND = 10**9
BASE = 1_700_000_000  # Unix seconds at which made-up tapes begin
NEWS = (Disconnected, Restarted)


class Watched:
    """A book, its trades and its bars, and all trades that a user's graph got."""

    def __init__(self, client: ks.Client, source: Any = None) -> None:
        self.client = client
        self.book = client.book(SYMBOL, source=source)
        self.trades = client.trades(SYMBOL)
        self.table = self.trades.frame(10**6)
        self.bars = client.klines(SYMBOL, "1min", history=20)
        self.got: list[Any] = []
        self.trades.sink(self.got.append)

    def state(self) -> dict[str, Any]:
        """Return everything; on the loop thread."""
        sequence, levels = self.book._keeper.copy()
        rows, categories = self.table._table.copy(None)
        bars = self.bars._keeper.copy()
        columns = {"trades": rows, "bars": bars}
        return {
            "sequence": sequence,
            "updates": self.book.updates,
            "levels": [each.tolist() for each in levels],
            "categories": categories,
            **{(what, name): list(each) for what, of in columns.items() for name, each in of.items()},
        }

    def now(self) -> dict[str, Any]:
        state: dict[str, Any] = self.client.engine.call(self.state)
        return state


def recorded(watched: Watched, recording: Any) -> dict[str, Any]:
    """End a recording; return the live state at the very message that it ends with."""

    def both() -> dict[str, Any]:
        recording._recorder.leave()
        return watched.state()

    state: dict[str, Any] = watched.client.engine.call(both)
    recording.stop()
    return state


@contextmanager
def playing(path: Path, speed: Any = "max", **options: Any) -> Iterator[ks.Client]:
    with ks.Client(path, speed=speed, **options) as client:
        client.replay.pause()
        yield client


def played(path: Path, speed: Any = "max", source: Any = None) -> tuple[Watched, dict[str, Any]]:
    with playing(path, speed) as client:
        watched = Watched(client, source)
        client.replay.play()
        client.replay.wait(60)
        state = watched.now()
        until(lambda: len(watched.got) == len(watched.table), "the user's graph gets every trade")
        return watched, state


@pytest.fixture(scope="module")
def tapes(tmp_path_factory: Any) -> dict[bool, tuple[Path, dict[str, Any]]]:
    """Two tapes of two seconds, with a key and without, and the live state at their ends."""
    made = {}
    with Simulator(GeneratedMarket(SYMBOLS, seed=7, rate=20)) as sim:
        key = {name: getattr(sim.credentials, name) for name in ("key", "secret", "passphrase")}
        for signed in (True, False):
            path = tmp_path_factory.mktemp("tapes") / "day.kcs"
            with ks.Client(sim.url, **(key if signed else {})) as client, client.record(path) as recording:
                watched = Watched(client)
                watched.bars.wait()
                until(lambda watched=watched: len(watched.table) > 30 and watched.book.status == "live")
                time.sleep(1)  # of market
                made[signed] = (path, recorded(watched, recording))
    return made


# -- exactness ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("speed", ["max", 20.0])
def test_a_replay_ends_as_the_live_run_did(tapes, signed, speed):
    path, live = tapes[signed]
    watched, state = played(path, speed)
    assert state == live
    assert (watched.book.gap_count, watched.client.settings.region) == (0, "global")
    assert watched.book.source == ("spot.level2" if signed else "pro_spot.level2")


@pytest.mark.parametrize("signed", [True, False])
def test_two_replays_give_the_same_changes_one_by_one(tapes, signed):
    path, _ = tapes[signed]

    def changes() -> list[Any]:
        with playing(path) as client:
            book, found = client.book(SYMBOL), []
            book.stream.sink(found.append)
            client.replay.play()
            client.replay.wait(60)
            until(lambda: found and getattr(found[-1], "sequence", 0) == book.sequence)
            return found

    first = changes()
    assert len(first) > 50
    assert first == changes()


@pytest.mark.slow
def test_an_hour_of_market_replayed_at_full_speed_ends_as_it_did_live(tmp_path):
    path = tmp_path / "hour.kcs"
    market = GeneratedMarket([SYMBOL], seed=7, rate=2)
    with Simulator(market, clock=Clock(240.0)) as sim:
        key = {name: getattr(sim.credentials, name) for name in ("key", "secret", "passphrase")}
        with ks.Client(sim.url, **key) as client, client.record(path) as recording:
            watched = Watched(client)
            until(lambda: len(watched.bars) > 80, timeout=90)  # 20 of history and 60 minutes
            live = recorded(watched, recording)
    begun = time.perf_counter()
    watched, state = played(path)
    seconds = time.perf_counter() - begun
    assert state == live
    starts = live["bars", "start_s"]
    assert starts[-1] - starts[19] >= 3600  # seconds of market, live on both sides
    with Tape(path) as tape:
        print(f"{tape.messages} messages, {tape.size / tape.messages:.1f} bytes each, {tape.messages / seconds:.0f}/s")


def test_a_slow_reader_holds_a_tape_at_full_speed_and_misses_nothing(tapes):
    path, _ = tapes[True]
    with playing(path, inbox_size=50) as client:
        trades, got = client.trades(SYMBOL), []

        def slowly(trade: Any) -> None:
            time.sleep(0.002)
            got.append(trade)

        trades.sink(slowly)
        client.replay.play()
        client.replay.wait(60)
        until(lambda: len(got) == trades.received)
        assert trades.dropped == 0


# -- what it says of itself --------------------------------------------------------------------------------------


def test_a_tape_is_told_apart_from_a_market(tapes):
    path, _ = tapes[True]
    with playing(path) as client:
        book = client.book(SYMBOL)
        assert (client.target.mode, book.badge, "REPLAYED" in repr(book)) == ("replay", "REPLAYED", True)
        assert str(path) in client.target.describe()
        assert book.df.attrs["badge"] == "REPLAYED"
        assert "paused" in repr(client.replay)


def test_it_begins_by_itself_once_all_is_subscribed(tapes):
    path, live = tapes[True]
    with ks.Client(path, speed="max") as client:
        watched = Watched(client)
        until(lambda: client.replay.ended)
        assert watched.now() == live


def test_what_is_not_on_the_tape_is_refused_at_once(tapes, tmp_path):
    path, _ = tapes[True]
    with playing(path) as client:
        with pytest.raises(RefusedError, match="not on the tape: /market/match:ETH-USDT"):
            client.trades("ETH-USDT")
        with pytest.raises(UnknownSymbolError):
            client.trades("BTC-USD")
        with pytest.raises(ResponseError, match="no answer to this is on the tape"):
            client.engine.call(client.engine.rest.get, dict, "/api/v1/currencies")
    with pytest.raises(UsageError, match="no such tape"):
        ks.Client(tmp_path / "none.kcs").open()
    with pytest.raises(UsageError, match="speed=0"):
        ks.Client(path, speed=0).open()


def test_only_a_tape_can_be_wound(client):
    assert not hasattr(client, "replay")
    with pytest.raises(UsageError, match="only a tape can be wound"):
        _ = client.replay


def test_after_the_end_a_client_is_stopped(tapes):
    path, _ = tapes[True]
    with playing(path) as client:
        replay = client.replay
    with pytest.raises(StoppedError):
        replay.play()


# -- what happened on the way ------------------------------------------------------------------------------------


def test_a_lost_connection_is_lost_at_its_place_and_the_book_comes_back(sim, connect, tmp_path):
    path = tmp_path / "lost.kcs"
    client = connect()
    with client.record(path) as recording:
        watched = Watched(client)
        watched.book.wait()
        until(lambda: len(watched.table) > 5)
        sim.faults.kill()
        until(lambda: watched.book.status != "live", "the loss is noticed")
        until(lambda: watched.book.status == "live", "the book is back")
        before = len(watched.table)
        until(lambda: len(watched.table) > before)
        live = recorded(watched, recording)
    _, state = played(path)
    assert {name: state[name] for name in ("sequence", "levels")} == {
        name: live[name] for name in ("sequence", "levels")
    }
    with playing(path) as client:
        news: list[Any] = []
        client.trades(SYMBOL, news=True).sink(news.append)
        client.replay.play()
        client.replay.wait(60)
        until(
            lambda: (
                [type(each) for each in news if isinstance(each, Disconnected | Restarted)] == [Disconnected, Restarted]
            )
        )


def trade(t: int, number: int) -> bytes:
    return (
        b'{"type":"message","topic":"/market/match:BTC-USDT","subject":"trade.l3match","data":{"sequence":"%d",'
        b'"symbol":"BTC-USDT","side":"buy","size":"1","price":"2","time":"%d","tradeId":"%d"}}' % (number, t, number)
    )


def write(path: Path, lines: list[Any], mode: str = "wb") -> None:
    data = b"".join(encode(line) + b"\n" for line in lines)
    messages = sum(len(line.messages) for line in lines if isinstance(line, Data))
    with path.open(mode) as file:
        file.write(pack(data, count=len(lines), messages=messages, flags=NOTES, span=(lines[0].t, lines[-1].t)))


ON = "spotPublicV1#1"
TOPIC = "/market/match:BTC-USDT"


def at(replay: Any) -> float:
    """Return where a made-up tape is, in seconds."""
    return float(replay.position.timestamp()) - BASE


def minute(begin: int, count: int) -> list[Any]:
    """Return lines with a trade each second."""
    t = (BASE + begin) * SECOND
    return [
        Begin(t, "made up", "test", topics={ON: [TOPIC]}),
        *(Data(t + at * SECOND, ON, [Raw(trade(t + at * SECOND, begin + at))]) for at in range(1, count + 1)),
    ]


def test_a_tape_of_two_recordings_tells_where_the_second_begins(tmp_path):
    path = tmp_path / "two.kcs"
    write(path, minute(1000, 2))
    write(path, minute(2000, 2), "ab")
    with playing(path) as client:
        got: list[Any] = []
        client.trades(SYMBOL, news=True).sink(got.append)
        client.replay.play()
        client.replay.wait()
        until(lambda: len(got) == 6)
        assert [getattr(each, "sequence", type(each)) for each in got] == [
            1001,
            1002,
            Disconnected,
            Restarted,
            2001,
            2002,
        ]


def test_steps_pauses_and_a_tape_that_grows(tmp_path):
    path = tmp_path / "steps.kcs"
    write(path, minute(1000, 5))
    with playing(path) as client:
        trades = client.trades(SYMBOL)
        client.replay.step()
        assert (trades.received, at(client.replay)) == (1, 1001)
        client.replay.step(2)
        assert (trades.received, client.replay.playing, client.replay.ended) == (3, False, False)
        client.replay.play("max")
        client.replay.wait()
        assert (trades.received, client.replay.ended) == (5, True)
        write(path, minute(2000, 1), "ab")
        client.replay.play()
        client.replay.wait()
        assert (trades.received, at(client.replay)) == (6, 2001)


def test_lines_that_make_no_sense_cost_themselves_alone(tmp_path):
    path = tmp_path / "nonsense.kcs"
    lines = minute(1000, 3)
    t = (BASE + 1002) * SECOND
    lines[2:2] = [
        Data(t, "nosuch#1", [Raw(b"{}")]),
        Data(t, ON, [Raw(b"[]"), Raw(b'{"type":"message","topic":"/market/match:BTC-USDT","data":{"price":[]}}')]),
        Event(t, ON, "subscribe", ["/no/such:topic"]),
        Event(t, ON, "whatever", ["/market/match:BTC-USDT"]),
        Answer(t, "spot", "GET", 200),
        Answer(t, "futures", "GET /x", 200, text="<html>"),
    ]
    write(path, lines)
    with playing(path) as client:
        trades = client.trades(SYMBOL)
        client.replay.play()
        client.replay.wait(10)
        assert (trades.received, client.replay.ended) == (3, True)
        assert client.statistics()["errors"] == 3


def test_waiting_ends_where_the_tape_stands_still(tmp_path):
    path = tmp_path / "still.kcs"
    write(path, minute(1000, 60))
    with playing(path, speed=1.0) as client:
        client.trades(SYMBOL)
        client.replay.wait(5)  # it stands already
        client.replay.play()
        assert client.replay.playing
        client.engine.post(client.engine.deck.pause)
        client.replay.wait(5)
        assert not client.replay.playing


def test_seeking_is_right_to_the_message_forth_and_back(tmp_path):
    path = tmp_path / "seek.kcs"
    write(path, minute(1000, 60))
    with playing(path) as client:
        frame = client.trades(SYMBOL).frame()
        for second, rows in [(30.5, 30), (10.5, 10), (10.2, 10), (59.0, 59), (0.0, 0), (60.0, 60)]:
            client.replay.seek(BASE + 1000 + second)
            assert (second, frame.df["sequence"].tolist()) == (second, list(range(1001, 1001 + rows)))
            assert at(client.replay) == pytest.approx(1000 + second)
        client.replay.seek("2023-11-14 22:30:05")
        assert len(frame) == 5
        with pytest.raises(UsageError, match="is not on the tape"):
            client.replay.seek(2000.0)
        with pytest.raises(UsageError, match="not a time"):
            client.replay.seek("yesterday or so")


@pytest.mark.parametrize("signed", [True, False])
def test_a_book_sought_or_asked_for_is_that_of_its_time(tmp_path, monkeypatch, signed):
    """Books are written often here, so that most seeks begin in the midst of the tape."""
    monkeypatch.setattr(recorder, "CHECKPOINT", 0.2)
    path = tmp_path / "books.kcs"
    with Simulator(GeneratedMarket(SYMBOLS, seed=7, rate=20)) as sim:
        key = {name: getattr(sim.credentials, name) for name in ("key", "secret", "passphrase")}
        with ks.Client(sim.url, **(key if signed else {})) as client, client.record(path):
            book = client.book(SYMBOL).wait()
            begin = book.sequence
            until(lambda: (book.sequence or 0) > (begin or 0) + 300)
    with Tape(path) as tape:
        first, last = tape.start_ns, tape.end_ns
        assert len([block for block in tape.blocks if block.flags & 2]) >= 1
    times = [first + (last - first) * part // 100 for part in (90, 60, 95, 70)]
    with playing(path) as client:  # straight through, without any winding
        book, straight = client.book(SYMBOL), {}
        for when in sorted(times):
            client.engine.call(client.engine.deck._until, when, -1, timeout=None)
            straight[when] = (book.sequence, book.df.fillna(-1).to_numpy().tolist())
    assert all(sequence for sequence, _ in straight.values())
    with playing(path) as client:
        book = client.book(SYMBOL)
        for when in times:
            client.replay.seek(when / SECOND)
            until(lambda: book.status == "live")
            past = client.replay.book(book, when / SECOND)
            assert (when, past.sequence, past.df.fillna(-1).to_numpy().tolist()) == (when, *straight[when])
            assert (when, book.sequence, book.df.fillna(-1).to_numpy().tolist()) == (when, *straight[when])


def test_bars_sought_are_those_of_their_time_without_a_hole(tmp_path, monkeypatch):
    monkeypatch.setattr(recorder, "CHECKPOINT", 0.2)
    path = tmp_path / "bars.kcs"
    with Simulator(GeneratedMarket([SYMBOL], seed=7), clock=Clock(120.0)) as sim, ks.Client(sim.url) as client:
        bars = client.klines(SYMBOL, "1min", history=20).wait()
        with client.record(path):  # begun in the midst: the history is what the client knows
            until(lambda: len(bars) > 25)
    with Tape(path) as tape:
        first, last = tape.start_ns, tape.end_ns
    times = [first + (last - first) * part // 100 for part in (50, 75, 99)]
    straight = {}
    with playing(path) as client:
        bars = client.klines(SYMBOL, "1min", history=20)
        for when in times:
            client.replay.seek(when / SECOND)
            straight[when] = bars.df
    assert [len(frame) > 20 for frame in straight.values()] == [True] * 3
    with playing(path) as client:
        bars = client.klines(SYMBOL, "1min", history=20)
        for when in reversed(times):
            client.replay.seek(when / SECOND)
            assert (bars.status, bars.df.equals(straight[when])) == ("live", True)


@pytest.mark.parametrize(
    ("call", "finds"),
    [
        ("/api/v1/x?symbol=A&startAt=5", "A"),  # asked at another time
        ("/api/v1/x?startAt=5&symbol=A", "A"),
        ("/api/v1/x?symbol=B", None),
        ("/api/v1/y?symbol=A", None),
    ],
)
def test_calls_find_the_answer_to_the_same_question(tmp_path, call, finds):
    path = tmp_path / "rest.kcs"
    body = Raw(msgspec.json.encode({"code": "200000", "data": "A"}))
    lines = minute(1000, 2)
    lines.insert(2, Answer((BASE + 1001) * SECOND, "spot", "GET /api/v1/x?symbol=A&startAt=1", 200, body))
    lines.append(Event((BASE + 1003) * SECOND, ON, "close"))
    write(path, lines)
    with playing(path) as client:
        client.replay.seek(BASE + 1002.5)
        engine = client.engine
        if finds is None:
            with pytest.raises(ResponseError):
                engine.call(engine.rest.get, str, call)
        else:
            assert engine.call(engine.rest.get, str, call) == finds


def test_a_call_waits_for_its_answer_to_come(tmp_path):
    path = tmp_path / "wait.kcs"
    body = Raw(msgspec.json.encode({"code": "200000", "data": "A"}))
    lines = minute(1000, 5)
    lines.insert(4, Answer((BASE + 1003) * SECOND + 1, "spot", "GET /api/v1/x", 200, body))
    write(path, lines)
    with playing(path) as client:
        found: list[Any] = []
        trades, engine = client.trades(SYMBOL), client.engine

        async def ask() -> None:
            found.append((await engine.rest.get(str, "/api/v1/x"), trades.received))

        engine.post(lambda: setattr(engine, "asking", engine.deck._loop.create_task(ask())))
        client.replay.step(2)
        assert found == []
        client.replay.play("max")
        client.replay.wait()
        assert found == [("A", 3)]
