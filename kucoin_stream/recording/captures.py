"""Makes a tape of a capture: other people's recordings, one JSON object a line (``.jsonl``, ``.jsonl.gz``).

A line has ``t`` (time of receipt, Unix seconds), ``kind`` (``ws`` or ``rest``), ``dir`` (``in`` or ``out``, of a
socket), ``url`` and ``message`` as it came. Which kind of connection a message came on is told by its topic.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Raw, Struct

from kucoin_stream.errors import UsageError
from kucoin_stream.protocol import topics
from kucoin_stream.protocol.catalogue import pro
from kucoin_stream.protocol.messages import encode
from kucoin_stream.protocol.topic import Connection
from kucoin_stream.recording import scrub
from kucoin_stream.recording.blocks import NOTES
from kucoin_stream.recording.builder import BLOCK_BYTES, Builder
from kucoin_stream.recording.lines import Answer, Begin, End, Event, data_lines

BLOCK_NS = 10**9  # of the capture: a block closes at least this often


class Taken(Struct):
    """A line of a capture."""

    t: float
    kind: Literal["ws", "rest"]
    message: Raw
    dir: str = "in"
    url: str = ""


class _Said(Struct):
    """Of a message, what tells where it belongs."""

    topic: str = ""
    subject: str | None = None
    type: str = ""
    channel: str = msgspec.field(name="T", default="")
    depth: str = msgspec.field(name="dp", default="")


def convert(capture: Path, path: Path) -> int:
    """Write a new tape ``path`` of a capture; return how many messages it holds.

    Raises :class:`UsageError` where ``path`` is there already or the capture cannot be read; :class:`OSError`.
    """
    if path.exists():
        raise UsageError(f"{path} is there already: choose another name")
    converter = _Converter()
    begun = path.with_name(f"{path.name}.part")
    try:
        with begun.open("wb") as file:
            for block in converter.blocks(_read(capture)):
                file.write(block)
        if not begun.stat().st_size:
            raise UsageError(f"{capture} holds nothing")
        begun.rename(path)
    except (msgspec.MsgspecError, UnicodeDecodeError, EOFError, gzip.BadGzipFile) as exc:
        raise UsageError(f"{capture} is no capture that can be read: {exc}") from None
    finally:
        begun.unlink(missing_ok=True)
    return converter.messages


def _read(path: Path) -> Iterator[Taken]:
    decode = msgspec.json.Decoder(Taken).decode
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
        for line in file:
            if line.strip():
                yield decode(line)


class _Converter:
    """Lines of a capture in, blocks of a tape out."""

    def __init__(self) -> None:
        self.messages = 0
        self._builder = Builder()
        self._known: set[str] = set()  # topics that the tape says are received

    def blocks(self, lines: Iterator[Taken]) -> Iterator[bytes]:
        t, begun = 0, False
        for line in lines:
            t = int(line.t * 1e9)
            if not begun:
                begun = True
                self._builder.add(encode(Begin(t, "a capture", "capture")), t, NOTES)
            elif t - self._builder.first_ns >= BLOCK_NS or self._builder.size >= BLOCK_BYTES:
                yield self._builder.take()
            self._take(t, line)
        if begun:
            self._builder.add(encode(End(t)), t, NOTES)
            if block := self._builder.take():
                yield block

    def _take(self, t: int, line: Taken) -> None:
        if line.kind == "rest":
            self._answer(t, line)
            return
        message = bytes(line.message)
        said = _said(message)
        if line.dir == "out":
            return  # what is received tells which topics there are
        key, topic = _place(said)
        if topic and topic not in self._known:
            self._known.add(topic)
            self._builder.add(encode(Event(t, _name(key), "subscribe", [topic])), t, NOTES)
        for each in data_lines(t, _name(key), [message]):
            self._builder.add(each, t, 0)
        self._builder.count(1)
        self.messages += 1

    def _answer(self, t: int, line: Taken) -> None:
        url = urlsplit(line.url)
        if "/bullet-" in url.path:
            return
        market: Literal["spot", "futures"] = "futures" if "futures" in url.netloc else "spot"
        call = scrub.address(f"GET {url.path}?{url.query}" if url.query else f"GET {url.path}")
        body = scrub.fields(bytes(line.message))
        self._builder.add(encode(Answer(t, market, call, 200, Raw(body))), t, NOTES)


def _said(message: bytes) -> _Said:
    try:
        return msgspec.json.decode(message, type=_Said)
    except msgspec.ValidationError:  # of no form known: kept as it is
        return _Said()


def _name(key: Connection) -> str:
    return f"{key.value}#1"


def _place(said: _Said) -> tuple[Connection, str]:
    """Return the kind of connection of a message, and its topic where the catalogue knows it."""
    try:
        if said.channel:
            return pro.row_of(said.channel, said.depth)[0].connection, ""
        if said.topic and said.type in ("message", ""):
            return topics.parse(said.topic)[0].connection, said.topic
    except KeyError:
        pass
    return Connection.SPOT_PUBLIC, ""
