"""Recordings of a live client: what gets onto the tape, what does not, and what it costs."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import kucoin_stream as ks
from kucoin_stream.errors import UsageError
from kucoin_stream.export import export
from kucoin_stream.recording.captures import convert
from kucoin_stream.recording.info import describe
from kucoin_stream.recording.lines import Answer, Begin, Book, Control, Data, Event
from kucoin_stream.recording.reader import Tape
from kucoin_stream.simulator import Simulator
from tests.conftest import until
from tests.test_cli import refused, run

MATCHES, BOOK = "/market/match:BTC-USDT", "/market/level2:BTC-USDT"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "day.kcs"


def lines(path: Path) -> list[Any]:
    with Tape(path) as tape:
        return list(tape.lines())


def topics(path: Path) -> set[str]:
    found = [message for line in lines(path) if isinstance(line, Data) for message in line.messages]
    return {json.loads(bytes(message))["topic"] for message in found}


def test_everything_received_is_on_the_tape_with_what_frames_began_with(client: ks.Client, path: Path) -> None:
    with client.record(path) as recording:
        assert "recording" in repr(recording)
        book, trades = client.book("BTC-USDT").wait(), client.trades("BTC-USDT")
        client.klines("BTC-USDT", "1min").wait()
        until(lambda: trades.received > 5)
    assert recording.messages > 5
    assert recording.missed == 0
    assert recording.size == path.stat().st_size
    assert {MATCHES, BOOK} <= topics(path)
    with Tape(path) as tape:
        assert {MATCHES, BOOK, "/market/candles:BTC-USDT_1min"} == tape.topics
        calls = [answer.call.partition("?")[0] for answer in tape.answers()]
        assert {"GET /api/v2/symbols", "GET /api/v3/market/orderbook/level2", "GET /api/v1/market/candles"} <= {*calls}
        assert not [call for call in calls if "bullet" in call]
    events = [(line.event, line.topics) for line in lines(path) if isinstance(line, Event)]
    assert events[0] == ("open", [])
    assert ("subscribe", [MATCHES]) in events
    assert [line.symbol for line in lines(path) if isinstance(line, Book)] == ["BTC-USDT"]  # as it was at the end
    assert any(isinstance(line, Control) for line in lines(path))
    assert book.status == "live"


def test_only_what_was_chosen_is_on_the_tape(client: ks.Client, path: Path) -> None:
    trades, ticker = client.trades("BTC-USDT", "ETH-USDT"), client.ticker("BTC-USDT")
    book = client.book("SOL-USDT").wait()
    with client.record(path, trades.frame(), book, "/market/ticker:ETH-USDT"):
        before = ticker.received
        until(lambda: trades.received > 10 and ticker.received > before + 3)
    chosen = {MATCHES, "/market/match:ETH-USDT", "/market/level2:SOL-USDT"}
    assert topics(path) <= chosen
    assert MATCHES in topics(path)
    with Tape(path) as tape:
        assert tape.topics == chosen
    begin = next(line for line in lines(path) if isinstance(line, Begin))
    assert begin.only == sorted([*chosen, "/market/ticker:ETH-USDT"])


def test_a_recording_begun_in_the_midst_begins_with_the_books_as_they_are(client: ks.Client, path: Path) -> None:
    book = client.book("BTC-USDT").wait()
    with client.record(path):
        sequence = book.sequence or 0
        until(lambda: (book.sequence or 0) > sequence + 20)
    with ks.Client(path, speed="max") as replayed:
        replayed.replay.pause()
        again = replayed.book("BTC-USDT")
        replayed.replay.play()
        replayed.replay.wait(30)
        assert again.status == "live"
        assert (again.sequence or 0) > sequence
        assert again.gap_count == 0


@pytest.mark.parametrize("private", [True, False])
def test_no_secret_is_on_a_tape_and_no_account_unless_it_is_wanted(
    sim: Simulator, client: ks.Client, path: Path, private: bool
) -> None:
    with client.record(path, private=private):
        balances = client.account.balances().wait()
        until(lambda: balances.status == "live")
    with Tape(path) as tape:
        text = "".join(map(repr, tape.notes)) + "".join(str(bytes(answer.body)) for answer in tape.answers())
        accounts = [answer.call for answer in tape.answers() if "account" in answer.call]
    known = sim.credentials
    assert not [secret for secret in (known.key, known.secret, known.passphrase, "token") if secret in text]
    assert bool(accounts) is private
    assert any("Private" in line.on for line in lines(path) if isinstance(line, Event)) is private


def test_one_recording_at_a_time_and_it_ends_with_its_client(sim: Simulator, path: Path, tmp_path: Path) -> None:
    with ks.Client(sim.url) as client:
        client.record(path)  # nobody holds it
        client.trades("BTC-USDT")
        with pytest.raises(UsageError, match="being recorded already"):
            client.record(tmp_path / "other.kcs")
        with pytest.raises(UsageError, match="can be recorded, not int"):
            client.record(tmp_path / "other.kcs", 5)  # type: ignore[arg-type]
        with pytest.raises(UsageError, match="no such topic"):
            client.record(tmp_path / "other.kcs", "trades")
    with Tape(path) as tape:
        assert tape.ended


@pytest.mark.parametrize("name", ["day.txt", "day", "day.jsonl", "day.kcs"])
def test_a_tape_of_any_name_is_played_by_what_is_in_it(client: ks.Client, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with client.record(path):
        trades = client.trades("BTC-USDT")
        until(lambda: trades.received)
    with ks.Client(path, speed="max") as replayed:
        assert replayed.target.rest_url == str(path)


def test_a_refused_recording_leaves_the_disk_as_it_was(client: ks.Client, path: Path, tmp_path: Path) -> None:
    before = tmp_path / "before.kcs"
    with client.record(before):
        pass
    content = before.read_bytes()
    with client.record(path):
        for refused_path in (tmp_path / "other.kcs", before):
            with pytest.raises(UsageError, match="being recorded already"):
                client.record(refused_path)
    assert {each.name for each in tmp_path.iterdir()} == {"before.kcs", path.name}
    assert before.read_bytes() == content


def test_a_recording_whose_file_cannot_be_made_leaves_nothing_in_the_way(client: ks.Client, tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("buy milk")
    for wrong, says in ((notes, "is no tape"), (tmp_path / "no" / "day.kcs", "there is no folder")):
        with pytest.raises(UsageError, match=says):
            client.record(wrong)
    assert notes.read_text() == "buy milk"
    assert client.engine.wire.listener is None
    assert client.ps().empty


def test_nothing_is_left_in_the_way_after_a_recording(client: ks.Client, path: Path) -> None:
    with client.record(path):
        pass
    engine = client.engine
    assert engine.wire.listener is engine.rest.listener is engine.futures_rest.listener is None
    assert not engine.pool.watchers._watchers
    with client.record(path):
        pass
    with Tape(path) as tape:
        assert (tape.sessions, tape.ended) == (2, True)


def test_the_front_door_records_the_default_client(sim: Simulator, path: Path) -> None:
    ks.connect(sim.url)
    with ks.record(path) as recording:
        trades = ks.trades("BTC-USDT")
        until(lambda: trades.received)
    assert recording.messages


# -- in words, and in other forms --------------------------------------------------------------------------------


def test_info_says_what_is_on_a_tape_and_what_is_wrong_with_it(spot_capture: Path, path: Path) -> None:
    assert convert(spot_capture, path) == 3385
    with path.open("ab") as file:
        file.write(b"torn")
    with Tape(path) as tape:
        text = describe(tape, count=True)
    for words in (
        "1 recording of capture at a capture",
        "from     2021-04-25 19:18:45.093+00:00",
        "(0:00:3",
        "messages 3,385",
        "7 answers",
        "ended in order, 4 bytes of torn blocks passed over",
        "/market/level2:BCHSV-USDT",
        "on spotPublicV1#1",
    ):
        assert words in text


def test_info_speaks_of_a_message_only_where_there_is_one(client: ks.Client, path: Path) -> None:
    with client.record(path):
        pass
    with Tape(path) as tape:
        size = next(line for line in describe(tape).splitlines() if line.startswith("size"))
        assert size == f"size     {tape.size:,} bytes"


@pytest.mark.parametrize(
    "content", [b"", b"not json\n", b'{"t":1,"kind":"ws"}\n', b'{"t":"x","kind":"ws","message":1}']
)
def test_what_is_no_capture_is_told(tmp_path: Path, path: Path, content: bytes) -> None:
    capture = tmp_path / "capture.jsonl"
    capture.write_bytes(content)
    with pytest.raises(UsageError, match=r"is no capture that can be read|holds nothing"):
        convert(capture, path)
    assert not path.exists()


def test_secrets_of_a_capture_stay_there(tmp_path: Path, path: Path) -> None:
    capture = tmp_path / "capture.jsonl"
    told = [
        {"t": 1, "kind": "rest", "url": "https://api.kucoin.com/api/v1/bullet-public", "message": {"data": "bullet1"}},
        {"t": 2, "kind": "rest", "url": "https://x/api/v1/y?sign=signed1", "message": {"data": {"token": "token1"}}},
        {"t": 3, "kind": "ws", "dir": "in", "url": "wss://x?token=token2", "message": {"type": "welcome", "id": "1"}},
        {"t": 4, "kind": "ws", "dir": "out", "url": "wss://x?token=token2", "message": {"type": "subscribe"}},
    ]
    capture.write_text("\n".join(map(json.dumps, told)))
    assert convert(capture, path) == 1
    with pytest.raises(UsageError, match="is there already"):
        convert(capture, path)
    (answer,) = [line for line in lines(path) if isinstance(line, Answer)]
    assert (answer.call, bytes(answer.body)) == ("GET /api/v1/y?sign=***", b'{"data": {"token": "***"}}')


def test_parquet_holds_every_message_by_feed_symbol_and_date(spot_capture: Path, path: Path, tmp_path: Path) -> None:
    import pyarrow.dataset as parquet

    convert(spot_capture, path)
    folder = tmp_path / "parquet"
    done = export(path, folder)
    assert (done.rows, done.left_out) == (3371, 0)
    assert (folder / "feed=spot.level2" / "symbol=BCHSV-USDT" / "date=2021-04-25").is_dir()

    def feed(name: str) -> Any:
        return parquet.dataset(folder / f"feed={name}", partitioning="hive").to_table()

    assert {name: feed(f"spot.{name}").num_rows for name in ("level2", "ticker", "trades", "klines")} == {
        "level2": 2859, "ticker": 505, "trades": 5, "klines": 2,
    }  # fmt: skip
    first = feed("spot.trades").sort_by("received").slice(0, 1).to_pylist()[0]
    assert (first["symbol"], first["date"], first["received"].isoformat()[:19]) == (
        "BCHSV-USDT", "2021-04-25", "2021-04-25T19:18:56",
    )  # fmt: skip
    changes = feed("spot.level2").column("changes").slice(0, 1).to_pylist()[0]
    assert {*changes} == {"asks", "bids"}
    with pytest.raises(UsageError, match="is not empty"):
        export(path, folder)


def test_without_pyarrow_it_says_what_to_install(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UsageError, match=r"pip install 'kucoin-stream\[parquet\]'"):
        export(path, tmp_path / "parquet")


# -- the command line --------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_tape_goes_the_whole_way_on_the_command_line(tmp_path: Path) -> None:
    path = str(tmp_path / "day.kcs")
    done = run("record", path, "BTC-USDT", "--target", "sim", "--seconds", "1.5")
    assert done.returncode == 0, done.stderr
    done = run("info", path)
    assert done.returncode == 0, done.stderr
    assert "ended in order" in done.stdout
    assert MATCHES in done.stdout
    done = run("replay", path, "--speed", "10", "--seconds", "1.5", "--depth", "3")
    assert done.returncode == 0, done.stderr
    assert "BTC-USDT [REPLAYED]" in done.stdout
    assert "spread" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["info", "nosuch.kcs"], "No such file"),
        (["info", __file__], "is no tape"),
        (["replay", "nosuch.kcs"], "no such tape"),
        (["replay", "nosuch.kcs", "--speed", "fast"], "speed='fast'"),
        (["record", __file__, "BTC-USDT", "--target", "sim"], "is no tape: choose another name"),
        (["record", "x.kcs", "BTC-USDT", "--feeds", "boks"], "no such feed: boks"),
        (["record", "x.kcs", "BTC-USDT", "--seconds", "-1"], "not in the range x>0"),
        (["import", "nosuch.jsonl", "x.kcs"], "No such file"),
        (["export", "nosuch.kcs", "."], "is not empty"),
    ],
)
def test_mistakes_are_one_line_without_a_traceback(
    arguments: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes.txt").touch()
    assert says in refused(*arguments)


def test_dates_are_cut_into_hours(client: ks.Client, path: Path, tmp_path: Path) -> None:
    with client.record(path):
        trades = client.trades("BTC-USDT")
        until(lambda: trades.received > 5)
    done = export(path, tmp_path / "out", hours=True)
    files = list((tmp_path / "out").rglob("*.parquet"))
    assert {each.parent.name.partition("=")[0] for each in files} == {"hour"}
    assert done.rows == sum(len(pd.read_parquet(each)) for each in files)
