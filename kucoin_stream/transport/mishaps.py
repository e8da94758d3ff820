"""Errors that cost a message and nothing else: all are counted, each kind is logged once."""

from __future__ import annotations

import logging

from kucoin_stream.errors import printable

_TOLD = 100  # different errors that are logged

log = logging.getLogger("kucoin_stream")


class Mishaps:
    """Counts errors. Lives on the loop thread; ``count`` and ``last`` may be read from any."""

    def __init__(self) -> None:
        self.count = 0
        self.last = ""
        self._told: set[str] = set()

    def note(self, error: Exception) -> None:
        """Count an error; log it where it is new."""
        self.count += 1
        self.last = text = printable(f"{type(error).__name__}: {error}")
        if text not in self._told and len(self._told) < _TOLD:
            self._told.add(text)
            log.warning("a message was lost to an error: %s", text)
