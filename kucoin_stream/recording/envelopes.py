"""What a tape holds, in pieces that can travel: envelopes, which any bus carries and a tape is made of again.

A bus may bring an envelope twice, late or not at all: each has a number, by which :func:`restored` puts them in order,
leaves out the second one and says where some are missing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec
import zstandard
from msgspec import Struct

from kucoin_stream.errors import RemoteProtocolError, UsageError
from kucoin_stream.protocol.messages import encode
from kucoin_stream.recording.blocks import BOOKS, LARGEST, NOTES
from kucoin_stream.recording.builder import BLOCK_BYTES, Builder
from kucoin_stream.recording.lines import Begin, End, Hole, data_lines

BLOCK_NS = 10**9  # a block closes at least this often


class Envelope(Struct, frozen=True, array_like=True):
    """A message as it was received, or with an empty ``on`` another line of a tape: a book, an answer of REST.

    Of a message, ``sequence`` and ``time_ns`` (Unix) are the exchange's, where it tells them; of a change of a book the
    last sequence. On the wire it is a msgpack array of these fields in this order.
    """

    run: int  # when the envelopes it belongs to began, Unix ns
    number: int  # in that run, from 0 on, without a hole
    mode: str  # of the target: "live", "sim", ...
    on: str  # the connection: spotPublicV1#2
    topic: str  # as on the wire; of REST the call
    sequence: int | None
    time_ns: int | None
    received_ns: int  # Unix, this machine's clock
    raw: bytes


_BOOK = b'{"kind":"book"'
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(list[Envelope])


def pack(envelopes: Sequence[Envelope]) -> bytes:
    """Return envelopes as bytes: a zstd frame of a msgpack array."""
    return zstandard.ZstdCompressor().compress(_ENCODER.encode(list(envelopes)))


def unpack(data: bytes) -> list[Envelope]:
    """Return what :func:`pack` took; raises :class:`RemoteProtocolError` where ``data`` is something else."""
    try:
        if not 0 <= zstandard.frame_content_size(data) <= LARGEST:
            raise RemoteProtocolError("not envelopes: the size is not said, or too large")
        return _DECODER.decode(zstandard.ZstdDecompressor().decompress(data))
    except (zstandard.ZstdError, msgspec.MsgspecError, UnicodeDecodeError) as exc:
        raise RemoteProtocolError(f"not envelopes: {exc}") from None


def restored(envelopes: Iterable[Envelope]) -> Iterator[Envelope | Hole]:
    """Yield each envelope once, in order; where numbers of a run are missing, a :class:`Hole` says how many."""
    run, due = None, 0
    for each in sorted(envelopes, key=lambda each: (each.run, each.number)):
        if each.run != run:
            run, due = each.run, each.number
        if each.number > due:
            yield Hole(each.received_ns, each.number - due)
        if each.number >= due:
            due = each.number + 1
            yield each


def write(path: Path, envelopes: Iterable[Envelope]) -> int:
    """Write a new tape of envelopes, restored; return how many messages it holds.

    A tape is all that is needed for the same feeds, live frames, replays and Parquet as where they came from. A run
    whose begin is missing has its feeds from its first message on, and its books from where one is on the bus.
    Raises :class:`UsageError` where ``path`` is there already or there is no envelope; :class:`OSError`.
    """
    items = list(restored(envelopes))
    if not items:
        raise UsageError("there are no envelopes")
    builder, messages = Builder(), 0
    with _new(path) as file:
        for item in _begun(items):
            t, flag, lines = _lines(item)
            if builder.size >= BLOCK_BYTES or (builder.size and t - builder.first_ns >= BLOCK_NS):
                file.write(builder.take())
            for line in lines:
                builder.add(line, t, flag)
            counted = isinstance(item, Envelope) and bool(item.on)
            builder.count(counted)
            messages += counted
        end = _lines(items[-1])[0]
        builder.add(encode(End(end)), end, NOTES)
        file.write(builder.take())
    return messages


@contextmanager
def _new(path: Path) -> Iterator[BinaryIO]:
    """Open a new file, which is there under its name once it is whole."""
    if path.exists():
        raise UsageError(f"{path} is there already: choose another name")
    begun = path.with_name(f"{path.name}.part")
    try:
        with begun.open("wb") as file:
            yield file
        begun.rename(path)
    finally:
        begun.unlink(missing_ok=True)


def _begun(items: Sequence[Envelope | Hole]) -> Iterator[Envelope | Hole | Begin]:
    """Yield items; before a run whose begin is missing, one that says what is received in it."""
    run = None
    for item in items:
        if isinstance(item, Envelope) and item.run != run:
            run = item.run
            if item.number:
                yield Begin(item.received_ns, "a bus", item.mode, topics=_topics(items, run))
        yield item


def _topics(items: Sequence[Envelope | Hole], run: int) -> dict[str, list[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for item in items:
        if isinstance(item, Envelope) and item.run == run and item.on and item.topic:
            found[item.on].add(item.topic)
    return {on: sorted(topics) for on, topics in found.items()}


def _lines(item: Envelope | Hole | Begin) -> tuple[int, int, list[bytes]]:
    """Return the time, the flag and the lines on a tape."""
    if not isinstance(item, Envelope):
        return item.t, NOTES, [encode(item)]
    if item.on:
        return item.received_ns, 0, data_lines(item.received_ns, item.on, [item.raw])
    return item.received_ns, BOOKS if item.raw.startswith(_BOOK) else NOTES, [item.raw]
