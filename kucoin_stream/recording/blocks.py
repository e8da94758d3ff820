"""The blocks of a tape, and how they are found again in a damaged file.

A block is a skippable frame of zstd that holds a :class:`Block`, then one zstd frame of JSON lines. So a whole tape
is a zstd stream, and ``zstdcat day.kcs`` prints it. A block begins with 16 bytes that nothing else begins with, and
ends where its checksum says: what a kill left half-written is passed over up to the next block, and a writer that
comes later begins behind it.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import zstandard

_SKIPPABLE = 0x184D2A5B  # one of the 16 numbers that RFC 8878, 3.1.2 gives to frames that decoders pass over
_TAG = b"kcstape1"
_START = struct.Struct("<II8s")
_FIELDS = struct.Struct("<IIIIqq")
_CHECK = struct.Struct("<I")
HEAD = _START.size + _FIELDS.size + _CHECK.size  # bytes before the compressed lines
START = _START.pack(_SKIPPABLE, HEAD - 8, _TAG)
"""The first 16 bytes of every block."""

LARGEST = 2**26  # bytes of lines, compressed or not: more is damage; a writer closes a block at a sixteenth of that
_STRIDE = 2**20  # bytes searched at once

NOTES = 1  # flag: there are lines that are not messages
BOOKS = 2  # flag: there are books, from which a replay can begin


class Block(NamedTuple):
    """What is known of a block without its lines. Times are Unix ns; ``offset`` and ``size`` bytes in the file."""

    offset: int
    size: int  # of the compressed lines
    flags: int
    lines: int
    messages: int
    first_ns: int
    last_ns: int

    @property
    def end(self) -> int:
        """Where the next block begins."""
        return self.offset + HEAD + self.size


class Damage(NamedTuple):
    """Bytes that are no block: what a kill left half-written."""

    offset: int
    size: int


def pack(lines: bytes, *, count: int, messages: int, flags: int, span: tuple[int, int], level: int = 3) -> bytes:
    """Return a block of ``count`` JSON lines; ``span`` is the first and the last time in them."""
    data = zstandard.ZstdCompressor(level=level).compress(lines)
    fields = _FIELDS.pack(len(data), flags, count, messages, *span)
    return START + fields + _CHECK.pack(zlib.crc32(data, zlib.crc32(fields))) + data


def is_tape(path: Path) -> bool:
    """Whether there is a file that begins as a tape does, whatever its name; false where it cannot be read."""
    try:
        if not path.is_file():  # a pipe would wait
            return False
        with path.open("rb") as file:
            return file.read(len(START)) == START
    except OSError:
        return False


def unpack(file: BinaryIO, block: Block) -> bytes:
    """Return the JSON lines of a block; raises :class:`ValueError` where they are not what was written."""
    file.seek(block.offset)
    head, data = file.read(HEAD), file.read(block.size)
    fields, check = head[_START.size : -_CHECK.size], head[-_CHECK.size :]
    if len(data) < block.size or _CHECK.pack(zlib.crc32(data, zlib.crc32(fields))) != check:
        raise ValueError(f"the block at byte {block.offset} is damaged")
    try:
        if not 0 <= zstandard.frame_content_size(data) <= LARGEST:
            raise ValueError(f"the block at byte {block.offset} does not say its size, or is too large")
        return zstandard.ZstdDecompressor().decompress(data)
    except zstandard.ZstdError as exc:
        raise ValueError(f"the block at byte {block.offset} is damaged: {exc}") from None


def scan(file: BinaryIO, offset: int = 0) -> Iterator[Block | Damage]:
    """Yield what the file holds from ``offset`` on: blocks, and the damage between them and at the end.

    Only the last block is checked to its end, and those before damage: the one written when a kill came.
    """
    size = file.seek(0, 2)
    while offset < size:
        block = _block_at(file, offset, size)
        if block is not None and _followed(file, block, size):
            yield block
            offset = block.end
        else:
            found = _next_start(file, offset + 1, size)
            yield Damage(offset, found - offset)
            offset = found


def _block_at(file: BinaryIO, offset: int, end: int) -> Block | None:
    file.seek(offset)
    head = file.read(HEAD)
    if len(head) < HEAD or not head.startswith(START):
        return None
    size, flags, lines, messages, first_ns, last_ns = _FIELDS.unpack_from(head, _START.size)
    block = Block(offset, size, flags, lines, messages, first_ns, last_ns)
    right = size <= LARGEST and block.end <= end and 0 <= first_ns <= last_ns
    return block if right else None


def _followed(file: BinaryIO, block: Block, size: int) -> bool:
    """Whether a block is whole: another one begins behind it, or its checksum is right."""
    file.seek(block.end)
    if block.end < size and file.read(len(START)) == START:
        return True
    try:
        unpack(file, block)
    except ValueError:
        return False
    return True


def _next_start(file: BinaryIO, offset: int, size: int) -> int:
    """Return where the next block may begin, or the end of the file."""
    while offset < size:
        file.seek(offset)
        data = file.read(_STRIDE + len(START) - 1)
        if (at := data.find(START)) >= 0:
            return offset + at
        offset += _STRIDE
    return size
