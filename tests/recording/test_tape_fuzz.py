"""Damaged and hostile tapes: told or passed over; never a crash, a hang, or memory without bound."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import kucoin_stream as ks
from kucoin_stream.errors import KucoinStreamError, UsageError
from kucoin_stream.protocol.messages import encode
from kucoin_stream.recording import reader
from kucoin_stream.recording.blocks import LARGEST, NOTES, START, Block, pack, scan, unpack
from kucoin_stream.recording.info import describe
from kucoin_stream.recording.lines import Answer, Begin, Book, Data, Event, Raw
from kucoin_stream.recording.reader import Tape
from tests.recording.test_tape_blocks import block, damage, numbers
from tests.transport.test_replay import BASE, ON, SECOND, TOPIC, trade

SYMBOL = "BTC-USDT"
BOOK = "/market/level2:BTC-USDT"


def made() -> list[bytes]:
    """Return the blocks of a small tape with a line of every kind that a replay performs."""
    blocks = []
    for number in range(1, 6):
        t = (BASE + number) * SECOND
        lines: list[Any] = [
            Begin(t, "made up", "test", topics={ON: [TOPIC, BOOK]})
            if number == 1
            else Event(t, ON, "subscribe", [TOPIC]),
            Data(t + 1, ON, [Raw(trade(t, number))]),
            Answer(t + 2, "spot", "GET /api/v1/x", 200, Raw(b'{"code":"200000","data":[]}')),
            Book(t + 3, BOOK, SYMBOL, number, [(1.0, 1.0)], [(2.0, 1.0)]),
        ]
        blocks.append(packed(b"".join(encode(line) + b"\n" for line in lines), (t, t + 3)))
    return blocks


def packed(lines: bytes, span: tuple[int, int], flags: int = 3) -> bytes:
    return pack(lines, count=lines.count(b"\n"), messages=1, flags=flags, span=span)


BLOCKS = made()
WHOLE = b"".join(BLOCKS)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A tape some bytes of which were flipped, cut out, cut off, doubled, or replaced by rubbish."""
    data = bytearray(WHOLE)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(data) - 1)))
        end = min(len(data), at + draw(st.integers(1, 400)))
        match draw(st.sampled_from(["flip", "cut", "truncate", "double", "rubbish"])):
            case "flip" if data:
                data[at] ^= draw(st.integers(1, 255))
            case "cut":
                del data[at:end]
            case "truncate":
                del data[at:]
            case "double":
                data[at:at] = data[at:end]
            case _:
                data[at:at] = draw(st.binary(max_size=60))
    return bytes(data)


@st.composite
def hostile(draw: st.DrawFn) -> bytes:
    """A tape whose checksums are right and whose lines are not."""
    at = draw(st.integers(0, len(BLOCKS) - 1))
    (found,) = (each for each in scan(io.BytesIO(BLOCKS[at])) if isinstance(each, Block))
    lines = bytearray(unpack(io.BytesIO(BLOCKS[at]), found))
    for _ in range(draw(st.integers(1, 3))):
        begin = draw(st.integers(0, len(lines) - 1))
        lines[begin : begin + draw(st.integers(0, 12))] = draw(
            st.one_of(
                st.binary(max_size=8),
                st.sampled_from(
                    [b"0", b"-1", b"1e999", b"9" * 40, b"null", b'"', b"{}", b"[]", b"\n", b"\x00", b"[" * 500]
                ),
            )
        )
    mine = packed(bytes(lines), (found.first_ns, draw(st.integers(found.first_ns, 2**63 - 1))))
    return b"".join([*BLOCKS[:at], mine, *BLOCKS[at + 1 :]])


@given(st.one_of(damaged(), hostile(), st.binary(max_size=200)))
@settings(max_examples=300, deadline=None)
def test_reading_tells_what_is_wrong_or_passes_it_over(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("fuzz") / "fuzz.kcs"
    path.write_bytes(data)
    try:
        tape = Tape(path)
    except UsageError:
        assert not any(isinstance(each, Block) for each in scan(io.BytesIO(data)))
        return
    with tape:
        known = sum(1 for _ in tape.lines())
        assert known <= 4 * data.count(START) + 1000
        assert describe(tape, count=True).startswith("tape")
        tape.books(2**63 - 1)
        held = sum(each.end - each.offset for each in tape.blocks) + sum(
            each.size for each in tape.damage if not any(each.offset == block.offset for block in tape.blocks)
        )
        assert held == len(data)  # every byte is a block, or told


@given(st.one_of(damaged(), hostile()))
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_playing_ends_whatever_is_on_the_tape(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("fuzz") / "fuzz.kcs"
    path.write_bytes(data)
    try:
        client = ks.Client(path, speed="max").open()
    except UsageError:
        return
    with client:
        client.replay.pause()
        frames = []
        for make in (client.trades, client.book):
            try:
                frames.append(make(SYMBOL))
            except KucoinStreamError:  # no longer on the tape
                continue
        client.replay.play()
        client.replay.wait(20)
        assert client.replay.ended
        client.replay.seek(client.replay.start)
        assert all("REPLAYED" in repr(frame) for frame in frames)


# -- lengths that are lies ---------------------------------------------------------------------------------------

FIELDS = struct.Struct("<IIIIqq")


def forged(data: bytes, size: int | None = None, span: tuple[int, int] = (1, 1), flags: int = NOTES) -> bytes:
    """Return a block with a right checksum and the fields of a forger."""
    fields = FIELDS.pack(len(data) if size is None else size, flags, 2**32 - 1, 2**32 - 1, *span)
    return START + fields + struct.pack("<I", zlib.crc32(data, zlib.crc32(fields))) + data


def bomb(size: int, *, told: bool = True) -> bytes:
    """Return very little that becomes ``size`` bytes."""
    compressor = zstandard.ZstdCompressor(write_content_size=told).compressobj(size=size if told else -1)
    chunk = b" " * 2**20
    return b"".join(compressor.compress(chunk) for _ in range(size // len(chunk))) + compressor.flush()


@pytest.mark.parametrize(
    "hurt",
    [
        forged(bomb(2 * LARGEST)),
        forged(bomb(2 * LARGEST, told=False)),
        forged(zstandard.compress(b"{}")[:-3]),
        forged(b""),
        forged(b"\x28\xb5\x2f\xfd" + b"\xff" * 40),
        forged(zstandard.compress(b"["*10**6)),
        forged(zstandard.compress(b'{"kind":"end","t":%d}' % 10**30)),
        forged(zstandard.compress(b'{"kind":"end","t":-1}')),
    ],
    ids=["bomb", "bomb of unknown size", "torn", "nothing", "rubbish", "nested", "time too late", "time too early"],
)  # fmt: skip
def test_a_block_that_lies_costs_itself_and_little_memory(tmp_path, hurt):
    path = tmp_path / "lies.kcs"
    path.write_bytes(block(1) + hurt + block(2))
    tracemalloc.start()
    try:
        assert numbers(path) == [1, 2]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sum(each.size for each in damage(path)) == len(hurt)
    assert peak < LARGEST / 8


@pytest.mark.parametrize("lie", [{"size": 2**32 - 1}, {"size": 2**25}, {"span": (-(2**63), 0)}, {"span": (2, 1)}])
def test_lengths_and_times_that_cannot_be_are_damage(tmp_path, lie):
    path = tmp_path / "lies.kcs"
    path.write_bytes(block(1) + forged(zstandard.compress(b"{}"), **lie) + block(2))
    assert numbers(path) == [1, 2]
    assert [each.offset for each in damage(path)] == [len(block(1))]


def test_a_tape_of_more_answers_than_memory_should_hold_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(reader, "NOTED_LARGEST", 10**6)
    path = tmp_path / "answers.kcs"
    answer = encode(Answer(5, "spot", "GET /x", 200, Raw(b'"' + b" " * 10**5 + b'"'))) + b"\n"
    path.write_bytes(b"".join(packed(answer, (5, 5), NOTES) for _ in range(11)))
    with pytest.raises(UsageError, match="more than 1,000,000 bytes of REST answers"):
        Tape(path)


def test_names_on_a_tape_cannot_play_with_the_terminal(tmp_path):
    path = tmp_path / "names.kcs"
    lines = encode(Begin(5, "\x1b[2Jgone", "x", topics={"\x1b]0;": ["\x1b[31mred"]})) + b"\n"
    path.write_bytes(packed(lines, (5, 5), NOTES))
    with Tape(Path(path)) as tape:
        assert "\x1b" not in describe(tape, count=True)
