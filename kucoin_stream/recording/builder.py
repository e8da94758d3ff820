"""Collects lines until they make a block."""

from __future__ import annotations

from collections.abc import Callable

from kucoin_stream.recording.blocks import pack

BLOCK_BYTES = 4 * 2**20  # of lines: a block closes when it has so many


class Builder:
    """Lines in, a block out. ``clean`` takes out of them what must not be written."""

    def __init__(self, clean: Callable[[bytes], bytes] = bytes) -> None:
        self.size = 0  # bytes of lines
        self.first_ns = self.last_ns = 0
        self.messages = 0
        self._clean = clean
        self._lines: list[bytes] = []
        self._flags = 0

    def __repr__(self) -> str:
        return f"<Builder {len(self._lines)} lines, {self.size} bytes>"

    def add(self, line: bytes, t: int, flag: int) -> None:
        """Take a line of the time ``t`` (Unix ns); ``flag`` is what the block then says of itself."""
        if not self._lines:
            self.first_ns = self.last_ns = t
        self.first_ns, self.last_ns = min(self.first_ns, t), max(self.last_ns, t)
        self._lines.append(line)
        self.size += len(line)
        self._flags |= flag

    def count(self, messages: int) -> None:
        """Note that the lines hold so many messages more."""
        self.messages += messages

    def take(self) -> bytes:
        """Return the block, and begin the next; nothing where there are no lines."""
        lines, flags, messages = self._lines, self._flags, self.messages
        self._lines, self._flags, self.messages, self.size = [], 0, 0, 0
        if not lines:
            return b""
        data = self._clean(b"\n".join([*lines, b""]))
        return pack(data, count=len(lines), messages=messages, flags=flags, span=(self.first_ns, self.last_ns))
