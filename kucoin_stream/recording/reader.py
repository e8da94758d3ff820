"""Reads a tape, while it is written too: where its blocks are, what is on it, its lines from a time on."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Self

from msgspec.structs import replace

from kucoin_stream.errors import RemoteProtocolError, UsageError
from kucoin_stream.protocol.bookfeeds import FEEDS
from kucoin_stream.recording.blocks import BOOKS, NOTES, Block, Damage, scan, unpack
from kucoin_stream.recording.lines import Answer, Begin, Book, Data, End, Event, Hole, Line, Note, Odd, read

SIGNED = frozenset(seed.path for feed in FEEDS.values() for seed in feed.seeds if seed.signed)
"""Books that only an API key gets."""

NOTED_LARGEST = 2**30  # bytes of REST answers, which are kept in memory


class Tape:
    """A tape that is read. Making one reads the heads of its blocks and the blocks with notes, no messages.

    Raises :class:`OSError`, and :class:`UsageError` where the file is no tape. Belongs to one thread.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.blocks: list[Block] = []
        self.damage: list[Damage] = []  # the last one may be a block that is being written
        self.notes: list[Note] = []
        self._file: BinaryIO = path.open("rb")
        self._latest: list[int] = []  # of each block, the last time in it and those before
        self._counted: list[int] = [0]  # messages before each block, and at the end
        self._noted = 0  # bytes of REST answers
        try:
            self._begin()
        except BaseException:
            self._file.close()
            raise

    def _begin(self) -> None:
        if not self.refresh():
            raise UsageError(f"{self.path} is no tape, or nothing on it can be read")

    def __repr__(self) -> str:
        return f"<Tape {self.path.name} | {self.messages} messages>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def refresh(self) -> bool:
        """Look for blocks written since; return whether there are any."""
        known, offset = len(self.blocks), self.blocks[-1].end if self.blocks else 0
        self.damage = [each for each in self.damage if each.offset < offset]
        for each in scan(self._file, offset):
            if isinstance(each, Damage):
                self.damage.append(each)
                continue
            self.blocks.append(each)
            self._counted.append(self._counted[-1] + each.messages)
            self._latest.append(max(each.last_ns, self._latest[-1] if self._latest else each.last_ns))
            if each.flags & NOTES:
                self._take_notes(each)
        return len(self.blocks) > known

    def _take_notes(self, block: Block) -> None:
        for line in self._lines(block):
            if isinstance(line, Note):
                self._noted += len(bytes(line.body)) + len(line.text) if isinstance(line, Answer) else 0
                self.notes.append(_alone(line))
        if self._noted > NOTED_LARGEST:
            raise UsageError(f"{self.path} holds more than {NOTED_LARGEST:,} bytes of REST answers")

    # -- what is on it -------------------------------------------------------------------------------------------

    @property
    def messages(self) -> int:
        """How many messages it holds."""
        return self._counted[-1]

    @property
    def start_ns(self) -> int:
        """The first time on it, Unix ns."""
        return self.blocks[0].first_ns

    @property
    def end_ns(self) -> int:
        """The last time on it, Unix ns."""
        return self._latest[-1]

    @property
    def size(self) -> int:
        """Bytes of the file as it was last seen."""
        return max(each.end if isinstance(each, Block) else each.offset + each.size for each in self._parts())

    def _parts(self) -> list[Block | Damage]:
        return [*self.blocks, *self.damage]

    @property
    def missed(self) -> int:
        """How many messages the writer could not keep up with."""
        return sum(note.missed for note in self.notes if isinstance(note, Hole))

    @property
    def signed(self) -> bool:
        """Whether it was recorded with an API key: then its books are seeded with signed answers."""
        begun_so = any(note.signed for note in self.notes if isinstance(note, Begin))
        return begun_so or any(answer.path in SIGNED for answer in self.answers())

    @property
    def topics(self) -> set[str]:
        """The topics that were received."""
        received: set[str] = set()
        for note in self.notes:
            if isinstance(note, Begin):
                received.update(*note.topics.values())
            elif isinstance(note, Event) and note.event == "subscribe":
                received.update(note.topics)
        return received

    @property
    def sessions(self) -> int:
        """How many recordings are on it, one after the other."""
        return sum(isinstance(note, Begin) for note in self.notes)

    @property
    def ended(self) -> bool:
        """Whether the last recording was ended in order."""
        last = [note for note in self.notes if isinstance(note, Begin | End)]
        return bool(last) and isinstance(last[-1], End)

    def answers(self) -> list[Answer]:
        """Return the REST answers, in order."""
        return [note for note in self.notes if isinstance(note, Answer)]

    # -- its lines -----------------------------------------------------------------------------------------------

    def lines(self, since_ns: int | None = None) -> Iterator[Line]:
        """Yield the lines in order; with ``since_ns``, those of that time (Unix ns) or later.

        A block that cannot be read becomes damage, and is passed over.
        """
        for _, lines in self.blocks_from(0 if since_ns is None else self.block_of(since_ns)):
            for line in lines:
                if since_ns is None or line.t >= since_ns:
                    yield line

    def blocks_from(self, number: int) -> Iterator[tuple[int, list[Line]]]:
        """Yield the lines of blocks, each with its number: from ``number``, counted from 0, on. It may grow meanwhile.

        A block that cannot be read becomes damage, and has no lines.
        """
        while number < len(self.blocks):
            yield number, self._lines(self.blocks[number])
            number += 1

    def block_of(self, time_ns: int) -> int:
        """Return the number of the first block that has anything of ``time_ns`` (Unix ns) or later."""
        return bisect_left(self._latest, time_ns)

    def messages_before(self, number: int) -> int:
        """Return how many messages there are before a block."""
        return self._counted[number]

    def books(self, until_ns: int) -> list[Book]:
        """Return the books of the last moment, at ``until_ns`` (Unix ns) or before, for which books were written."""
        for block in reversed([each for each in self.blocks if each.flags & BOOKS and each.first_ns <= until_ns]):
            books = [line for line in self._lines(block) if isinstance(line, Book) and line.t <= until_ns]
            if books:
                return [book for book in books if book.t == books[-1].t]
        return []

    def messages_between(self, begin_ns: int, end_ns: int) -> int:
        """Return how many messages there are between two times (Unix ns), to a block."""
        return sum(block.messages for block in self.blocks if block.last_ns > begin_ns and block.first_ns <= end_ns)

    def has_books(self, since_ns: int) -> bool:
        """Whether books were written at ``since_ns`` (Unix ns) or later."""
        return any(block.flags & BOOKS and block.last_ns >= since_ns for block in self.blocks)

    def counts(self) -> Counter[str]:
        """Return how many messages came on each connection. Reads everything."""
        found: Counter[str] = Counter()
        for line in self.lines():
            if isinstance(line, Data | Odd):
                found[line.on] += len(line.messages)
        return found

    def _lines(self, block: Block) -> list[Line]:
        try:
            return read(unpack(self._file, block))
        except (ValueError, RemoteProtocolError):
            damage = Damage(block.offset, block.end - block.offset)
            if damage not in self.damage:
                self.damage.append(damage)
            return []


def _alone(note: Note) -> Note:
    """Return a note that does not keep the whole block in memory."""
    return replace(note, body=note.body.copy()) if isinstance(note, Answer) else note
