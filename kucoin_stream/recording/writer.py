"""The writer thread of a tape: from a bounded queue to blocks in a file.

``put`` and ``note`` cost the I/O thread one append to a deque, and never wait. The thread looks ten times a second: it
turns what is there into lines, takes secrets out, compresses (zstd works without the interpreter's lock) and writes a
block in one system call, at least once a second. A kill so costs the last second at most.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from kucoin_stream.errors import UsageError
from kucoin_stream.protocol.messages import encode
from kucoin_stream.recording import scrub
from kucoin_stream.recording.blocks import BOOKS, NOTES, START
from kucoin_stream.recording.builder import BLOCK_BYTES, Builder
from kucoin_stream.recording.lines import Answer, Book, End, Hole, Note, data_lines
from kucoin_stream.recording.lock import lock

QUEUE = 500_000  # messages that may wait for the writer
PERIOD = 0.1  # seconds between two looks at the queue
BLOCK_SECONDS = 1.0  # a block closes at least this often

log = logging.getLogger("kucoin_stream")

Read = tuple[int, str, list[bytes]]
"""Of one socket read: Unix ns, the connection's name, the messages."""

Keep = Callable[[str, list[bytes]], list[bytes]]

Later = Callable[[], Book | Answer]
"""What makes a line of copies, on the writer's thread."""


class Writer:
    """Writes one tape. ``put`` and ``note`` belong to one thread; the rest is safe from any.

    ``keep`` leaves out of a read what is not to be on the tape; it runs on the writer's thread.
    """

    def __init__(self, path: Path, scrubber: scrub.Scrubber, *, keep: Keep | None = None, limit: int = QUEUE) -> None:
        self.path = path
        self.missed = 0  # messages, over all holes
        self.messages = 0  # written
        self.size = 0  # bytes written
        self.error: OSError | None = None  # why nothing is written any more
        self._scrubber = scrubber
        self._keep = keep
        self._limit = limit
        self._queue: deque[Read | Note | Later] = deque()  # one thread appends, the writer pops
        self._taken = 0  # messages appended
        self._done = 0  # messages popped
        self._hole = 0  # messages missed since the last one taken
        self._builder = Builder(scrubber)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kucoin-stream-tape", daemon=True)

    def __repr__(self) -> str:
        return f"<Writer {self.path.name} | {self.messages} messages, {self.size} bytes, {self.missed} missed>"

    def start(self) -> None:
        """Open the file, to append where it is a tape already, and start the thread.

        Raises :class:`OSError`; :class:`UsageError` where there is no such folder, the file is something else, or
        another writer has it.
        """
        if not self.path.parent.is_dir():
            raise UsageError(f"{self.path}: there is no folder {self.path.parent}")
        self._file = self.path.open("ab", buffering=0)
        if not lock(self._file.fileno()):
            self._file.close()
            raise UsageError(f"{self.path} is being recorded to already: stop that recording, or choose another name")
        with self.path.open("rb") as file:
            begin = file.read(len(START))
        if not START.startswith(begin):
            self._file.close()
            raise UsageError(f"{self.path} is there already, and is no tape: choose another name")
        self._thread.start()

    def close(self) -> None:
        """Write what waits, and end the thread. Raises the :class:`OSError` that kept something from being written."""
        self._ending.set()
        self._thread.join()
        if self.error is not None:
            raise self.error

    # -- the I/O thread ------------------------------------------------------------------------------------------

    def put(self, read: Read) -> None:
        """Take the messages of one socket read; where too many wait, they are counted as missed."""
        count = len(read[2])
        if self._taken - self._done + count > self._limit:
            self._hole += count
            self.missed += count
            return
        if self._hole:
            self._queue.append(Hole(read[0], self._hole))
            self._hole = 0
        self._taken += count
        self._queue.append(read)

    def note(self, line: Note | Later) -> None:
        """Take a line that is no message."""
        self._queue.append(line)

    def hide(self, secrets: tuple[str, ...]) -> None:
        """Keep these off the tape from now on."""
        self._scrubber.learn(secrets)

    # -- the writer thread ---------------------------------------------------------------------------------------

    def _run(self) -> None:
        due = time.monotonic() + BLOCK_SECONDS
        while not self._ending.wait(PERIOD):
            self._drain()
            if time.monotonic() >= due:
                self._write()
                due = time.monotonic() + BLOCK_SECONDS
        self._drain()
        now = time.time_ns()
        if self._hole:
            self._builder.add(encode(Hole(now, self._hole)), now, NOTES)
        self._builder.add(encode(End(now)), now, NOTES)
        self._write()
        self._file.close()

    def _drain(self) -> None:
        queue = self._queue
        while queue:
            item = queue.popleft()
            if isinstance(item, tuple):
                self._add_read(*item)
            elif callable(item):
                line = item()
                self._builder.add(encode(line), line.t, BOOKS if isinstance(line, Book) else NOTES)
            else:
                self._builder.add(encode(clean(item)), item.t, NOTES)
            if self._builder.size >= BLOCK_BYTES:
                self._write()

    def _add_read(self, t: int, on: str, messages: list[bytes]) -> None:
        self._done += len(messages)
        if self._keep is not None:
            messages = self._keep(on, messages)
        for line in data_lines(t, on, messages):
            self._builder.add(line, t, 0)
        self._builder.count(len(messages))

    def _write(self) -> None:
        """Close the block, if there is anything in it. What cannot be written is counted as missed, and told once."""
        count = self._builder.messages
        block = self._builder.take()
        try:
            if self.error is not None:
                raise self.error
            _write_all(self._file, block)
        except OSError as exc:
            if self.error is None:
                log.warning("the tape %s is not written any more: %s", self.path.name, exc)
            self.error = exc
            self.missed += count
        else:
            self.messages += count
            self.size += len(block)


def _write_all(file: Any, data: bytes) -> None:
    view = memoryview(data)
    while view:  # a full disk may take a part
        view = view[file.write(view) :]


def clean(line: Note) -> Note:
    """Return a line of the tape without secrets."""
    if isinstance(line, Answer):
        return msgspec.structs.replace(
            line,
            call=scrub.address(line.call),
            body=msgspec.Raw(scrub.fields(bytes(line.body))),
            text=scrub.fields(line.text.encode()).decode(),
        )
    return line
