"""Blocks and lines of a tape: what goes in comes out, whatever a kill left of the file."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path
from shutil import which

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kucoin_stream.errors import UsageError
from kucoin_stream.recording.blocks import HEAD, NOTES, START, Block, Damage, pack, scan, unpack
from kucoin_stream.recording.lines import Book, Control, Data, End, Event, Line, Odd, data_lines, read
from kucoin_stream.recording.reader import Tape

ON = "spotPublicV1#1"


def push(number: int) -> bytes:
    return b'{"type":"message","topic":"/market/match:BTC-USDT","data":{"sequence":"%d"}}' % number


def block(number: int, t: int | None = None) -> bytes:
    t = number if t is None else t
    lines = b"\n".join(data_lines(t, ON, [push(number)])) + b"\n"
    return pack(lines, count=1, messages=1, flags=0, span=(t, t))


def numbers(path: Path) -> list[int]:
    data = [line for line in lines(path) if isinstance(line, Data)]
    return [int(msgspec.json.decode(each)["data"]["sequence"]) for line in data for each in line.messages]


def lines(path: Path, since: int | None = None) -> list[Line]:
    with Tape(path) as tape:
        return list(tape.lines(since))


def damage(path: Path) -> list[Damage]:
    with Tape(path) as tape:
        list(tape.lines())
        return tape.damage


# -- lines -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (push(1), Data),
        (b'{"topic":"/market/match:BTC-USDT","data":{}}', Data),  # of an old year: no type
        (b'{"T":"obu.SPOT","d":{}}', Data),
        (b' {"type":"message","topic":"x"}', Data),
        (b'{"id":"1","type":"ack"}', Control),
        (b'{"id":"1","result":true}', Control),
        (b'{"type":"error","code":404,"data":"topic /x is not found"}', Control),
        (b'{"type":"message",\n"topic":"x"}', Odd),  # two lines
        (b'{"type":"message"', Odd),
        (b"\x1f\x8b\x08", Odd),
        (b'{"type":"message","topic":"x","data":"\xff"}', Odd),
        (b"", Odd),
    ],
)
def test_every_message_finds_the_line_that_can_hold_it(message, kind):
    (line,) = read(b"\n".join(data_lines(5, ON, [message])))
    assert isinstance(line, kind)
    assert (line.t, line.on, [bytes(each) for each in line.messages]) == (5, ON, [message.strip()])


@given(st.lists(st.one_of(st.binary(max_size=40), st.integers(0, 9).map(push), st.just(b'{"type":"ack"}'))))
def test_the_messages_of_a_read_come_out_in_order(messages):
    lines = read(b"\n".join(data_lines(1, ON, messages)))
    assert [bytes(each).strip() for line in lines for each in line.messages] == [each.strip() for each in messages]


def test_books_and_events_come_out_as_they_went_in():
    written = [
        Event(1, ON, "subscribe", ["/market/match:BTC-USDT"]),
        End(2),
        Book(3, "t", "s", 7, [(1.5, 2)], []),
    ]
    assert read(b"\n".join(msgspec.json.encode(each) for each in written)) == written


# -- blocks ------------------------------------------------------------------------------------------------------


@given(st.binary(max_size=2000), st.integers(0, 3), st.integers(0, 2**31))
def test_a_block_comes_out_as_it_went_in(lines, flags, count):
    data = pack(lines, count=count, messages=count, flags=flags, span=(5, 2**62))
    (found,) = scan(io.BytesIO(data))
    assert found == Block(0, len(data) - HEAD, flags, count, count, 5, 2**62)
    assert unpack(io.BytesIO(data), found) == lines


@given(st.data())
def test_a_writer_killed_at_any_byte_loses_the_last_block_alone(tmp_path_factory, data):
    blocks = [block(number) for number in range(1, data.draw(st.integers(2, 5)) + 1)]
    whole = b"".join(blocks)
    kept = data.draw(st.integers(len(blocks[0]), len(whole)))
    path = tmp_path_factory.mktemp("tape") / "killed.kcs"
    path.write_bytes(whole[:kept])
    complete = sum(len(b"".join(blocks[:count])) <= kept for count in range(1, len(blocks) + 1))
    assert numbers(path) == list(range(1, complete + 1))
    torn = kept - len(b"".join(blocks[:complete]))
    assert damage(path) == ([Damage(kept - torn, torn)] if torn else [])
    with path.open("ab") as file:  # a writer that comes later
        file.write(block(99))
    assert numbers(path) == [*range(1, complete + 1), 99]
    assert [each.size for each in damage(path)] == ([torn] if torn else [])


@given(st.data())
def test_rubbish_in_the_midst_costs_the_blocks_that_it_touches(tmp_path_factory, data):
    blocks = [block(number) for number in range(1, 5)]
    whole = bytearray(b"".join(blocks))
    ends = [len(b"".join(blocks[:count])) for count in range(len(blocks) + 1)]
    at = data.draw(st.integers(ends[1], ends[3] - 1))
    whole[at] ^= data.draw(st.integers(1, 255))
    path = tmp_path_factory.mktemp("tape") / "damaged.kcs"
    path.write_bytes(whole)
    hit = next(number for number in (2, 3) if at < ends[number])
    assert numbers(path) == [number for number in (1, 2, 3, 4) if number != hit]


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_rubbish_is_told_and_passed_over(before, behind):
    file = io.BytesIO(before + START + before + block(1) + behind)
    found = list(scan(file))
    assert sum(isinstance(each, Block) and each.messages for each in found) == 1
    sizes = [each.end - each.offset if isinstance(each, Block) else each.size for each in found]
    assert sum(sizes) == len(file.getvalue())


@pytest.mark.skipif(not which("zstdcat"), reason="zstd's own tools are not here")
def test_zstd_itself_reads_a_tape(tmp_path):
    path = tmp_path / "two.kcs"
    path.write_bytes(block(1) + block(2))
    done = subprocess.run(["zstdcat", path], capture_output=True, check=True)
    assert [line.t for line in read(done.stdout)] == [1, 2]


# -- reading -----------------------------------------------------------------------------------------------------


def test_a_tape_is_read_while_it_is_written(tmp_path):
    path = tmp_path / "growing.kcs"
    path.write_bytes(block(1) + block(2)[:-3])
    with Tape(path) as tape:
        found = tape.lines()
        assert (next(found).t, len(tape.damage), tape.refresh()) == (1, 1, False)
        with path.open("ab") as file:
            file.write(block(2)[-3:] + block(3))
        assert (tape.refresh(), tape.damage) == (True, [])
        assert [line.t for line in found] == [2, 3]


@pytest.mark.parametrize(("since", "found"), [(0, [10, 20, 15, 40]), (15, [20, 15, 40]), (21, [40]), (41, [])])
def test_lines_since_a_time_even_where_a_clock_went_back(tmp_path, since, found):
    path = tmp_path / "clock.kcs"
    path.write_bytes(b"".join(block(number, t) for number, t in enumerate([10, 20, 15, 40])))
    assert [line.t for line in lines(path, since)] == found


def test_the_last_books_before_a_time_are_those_of_one_moment(tmp_path):
    books = [Book(t, "topic", symbol, t, [], []) for t in (10, 20) for symbol in ("A", "B")]
    data = b"\n".join(msgspec.json.encode(each) for each in books)
    path = tmp_path / "books.kcs"
    path.write_bytes(pack(data, count=4, messages=0, flags=2, span=(10, 20)))
    with Tape(path) as tape:
        assert [tape.books(until) for until in (9, 10, 19, 25)] == [[], books[:2], books[:2], books[2:]]


@pytest.mark.parametrize("content", [b"", b"not a tape", START, block(1)[:-1]])
def test_what_holds_no_block_is_no_tape(tmp_path, content):
    path = tmp_path / "none.kcs"
    path.write_bytes(content)
    with pytest.raises(UsageError, match="is no tape"):
        Tape(path)


def test_a_block_whose_lines_are_none_is_damage(tmp_path):
    path = tmp_path / "lines.kcs"
    path.write_bytes(pack(b'{"kind":"none"}\n', count=1, messages=0, flags=NOTES, span=(1, 1)) + block(2))
    assert numbers(path) == [2]
    assert [each.offset for each in damage(path)] == [0]
