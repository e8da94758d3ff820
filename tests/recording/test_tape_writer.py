"""The writer thread: what it writes, what it leaves out, and what becomes of what it cannot write."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from kucoin_stream.errors import UsageError
from kucoin_stream.recording.lines import Answer, Data, End, Event, Hole, Raw
from kucoin_stream.recording.reader import Tape
from kucoin_stream.recording.scrub import Scrubber, address, fields
from kucoin_stream.recording.writer import Writer
from tests.conftest import until
from tests.recording.test_tape_blocks import ON, damage, lines, numbers, push

SECRET = "5f3c-secret/one"


@contextmanager
def writing(path: Path, **options: object) -> Iterator[Writer]:
    writer = Writer(path, Scrubber([SECRET]), **options)
    writer.start()
    yield writer
    writer.close()


def test_what_was_put_is_there_after_the_end_and_more_can_be_appended(tmp_path):
    path = tmp_path / "day.kcs"
    with writing(path) as writer:
        writer.put((1, ON, [push(1), push(2)]))
        writer.note(Event(2, ON, "close"))
    with writing(path) as writer:
        writer.put((3, ON, [push(3)]))
    assert numbers(path) == [1, 2, 3]
    assert [type(line) for line in lines(path)] == [Data, Event, End, Data, End]
    with Tape(path) as tape:
        assert (tape.messages, tape.ended) == (3, True)


def test_a_second_writer_is_refused_until_the_first_has_ended_and_even_where_that_was_killed(tmp_path):
    path = tmp_path / "day.kcs"
    with writing(path) as writer:
        with pytest.raises(UsageError, match="being recorded to already"):
            Writer(path, Scrubber([])).start()
        writer.put((1, ON, [push(1)]))
    holding = """
        import sys, time
        from pathlib import Path
        from kucoin_stream.recording.scrub import Scrubber
        from kucoin_stream.recording.writer import Writer
        Writer(Path(sys.argv[1]), Scrubber([])).start()
        print("begun", flush=True)
        time.sleep(60)
    """
    command = [sys.executable, "-c", textwrap.dedent(holding), str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"begun\n"
        with pytest.raises(UsageError, match="being recorded to already"):
            Writer(path, Scrubber([])).start()
        os.kill(other.pid, signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)
    with writing(path) as writer:
        writer.put((2, ON, [push(2)]))
    assert numbers(path) == [1, 2]


def test_a_block_closes_at_least_every_second(tmp_path):
    path = tmp_path / "day.kcs"
    with writing(path) as writer:
        begun = time.monotonic()
        writer.put((1, ON, [push(1)]))
        until(lambda: writer.messages == 1)
        assert time.monotonic() - begun < 1.5
        assert numbers(path) == [1]


def test_what_does_not_fit_the_queue_is_a_counted_hole(tmp_path, monkeypatch):
    path = tmp_path / "day.kcs"
    with writing(path, limit=3) as writer:
        writer.put((1, ON, [push(1), push(2)]))
        writer.put((2, ON, [push(3), push(4)]))  # does not fit
        writer.put((3, ON, [push(5), push(6)]))  # nor this
        assert writer.missed == 4
        until(lambda: writer._done == 2)
        writer.put((4, ON, [push(7)]))
    assert numbers(path) == [1, 2, 7]
    assert [(line.t, line.missed) for line in lines(path) if isinstance(line, Hole)] == [(4, 4)]


def test_a_hole_at_the_end_is_told_too(tmp_path):
    path = tmp_path / "day.kcs"
    with writing(path, limit=1) as writer:
        writer.put((1, ON, [push(1), push(2)]))
    with Tape(path) as tape:
        assert tape.missed == 2


def test_what_is_not_to_be_kept_is_left_out(tmp_path):
    path = tmp_path / "day.kcs"
    with writing(path, keep=lambda on, messages: messages[1:]) as writer:
        writer.put((1, ON, [push(1), push(2)]))
        writer.put((2, ON, [push(3)]))
    assert numbers(path) == [2]


def test_no_secret_reaches_the_file(tmp_path):
    path = tmp_path / "day.kcs"
    body = Raw(b'{"code":"200000","data":{"token":"2neAiu","apiKey": "64b0","price":"1"}}')
    with writing(path) as writer:
        writer.put((1, ON, [b'{"type":"message","topic":"x","data":"%b"}' % SECRET.encode()]))
        writer.put((2, ON, [b'{"type":"error","data":"5f3c-secret%2Fone"}']))
        writer.note(Answer(3, "spot", "GET /x?apikey=64b0&symbol=BTC-USDT&sign=ab", 200, body))
        writer.note(Answer(4, "spot", "GET /y", 500, text=f"<p>{SECRET}</p>"))
    text = b"\n".join(map(msgspec.json.encode, lines(path))).decode()
    assert all(secret not in text for secret in (SECRET, "secret%2Fone", "2neAiu", "64b0", "sign=ab"))
    assert "GET /x?apikey=***&symbol=BTC-USDT&sign=***" in text
    assert '"price":"1"' in text


@pytest.mark.parametrize(
    ("secret", "data", "clean"),
    [
        ("12345678", b'{"price":"0.12345678","sign":"12345678"}', b'{"price":"0.12345678","sign":"***"}'),
        ("1234", b'{"a":"1234"}', b'{"a":"1234"}'),  # too short to be one
        ("ab cd+ef", b"?p=ab%20cd%2Bef", b"?p=***"),
    ],
)
def test_secrets_are_found_in_every_form_and_prices_left_alone(secret, data, clean):
    assert Scrubber([secret])(data) == clean
    assert secret not in repr(Scrubber([secret]))


def test_fields_and_parameters_that_are_secrets_by_name():
    assert fields(b'{"Token": "a\\"b", "tokens":"c"}') == b'{"Token": "***", "tokens":"c"}'
    assert address("wss://x/endpoint?token=ab&connectId=1&a=2") == "wss://x/endpoint?token=***&connectId=***&a=2"


def test_a_file_that_is_something_else_is_left_alone(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("mine")
    with pytest.raises(UsageError, match="is no tape"):
        Writer(path, Scrubber()).start()
    assert path.read_text() == "mine"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_told_and_counted(tmp_path, monkeypatch):
    (tmp_path / "full.kcs").symlink_to("/dev/full")
    writer = Writer(tmp_path / "full.kcs", Scrubber())
    monkeypatch.setattr("kucoin_stream.recording.writer.START", b"\0" * 16)  # what /dev/full reads as
    writer.start()
    writer.put((1, ON, [push(1)]))
    with pytest.raises(OSError, match="No space left"):
        writer.close()
    assert (writer.messages, writer.missed) == (0, 1)


@pytest.mark.parametrize("turn", range(6))
def test_a_process_killed_at_any_moment_leaves_all_whole_blocks(tmp_path, turn):
    patience = random.Random(turn).uniform(0.0, 0.4)  # seconds after its first blocks
    path = tmp_path / "killed.kcs"
    program = """
        import sys, time
        from pathlib import Path
        from kucoin_stream.recording import writer
        from kucoin_stream.recording.scrub import Scrubber
        from tests.recording.test_tape_blocks import ON, push
        writer.PERIOD, writer.BLOCK_SECONDS = 0.005, 0.0
        tape = writer.Writer(Path(sys.argv[1]), Scrubber())
        tape.start()
        for number in range(10**9):
            tape.put((time.time_ns(), ON, [push(number)]))
            if not number % 50:
                print(tape.messages, flush=True)
                time.sleep(0.001)
    """
    command = [sys.executable, "-c", textwrap.dedent(program), str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as process:
        assert process.stdout is not None
        written = 0
        while written < 500:
            written = int(process.stdout.readline())
        time.sleep(patience)  # the moment is what is tested
        os.kill(process.pid, signal.SIGKILL)
        written = max([written, *(int(line) for line in process.stdout.read().split("\n")[:-1])])
    found = numbers(path)
    assert found == list(range(len(found)))
    assert len(found) >= written
    torn = damage(path)
    assert len(torn) <= 1
    with writing(path) as writer:  # who comes later goes on behind it
        writer.put((1, ON, [push(len(found))]))
    assert numbers(path) == list(range(len(found) + 1))
    assert damage(path) == torn
