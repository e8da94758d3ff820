"""What a tape is played to, as far as the deck must know of it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Protocol


class Audience(Protocol):
    """What follows a tape: the frames of a client. Lives on the loop thread."""

    def lag(self) -> int:
        """Return how many messages the slowest consumer is behind."""

    def remember(self) -> Any:
        """Return this moment; ``None`` where something is in the midst of a beginning."""

    def covers(self, moment: Any) -> bool:
        """Whether a moment tells of all that is kept now."""

    def recall(self, moment: Any) -> None:
        """Be as at a moment that covers what is kept."""

    def forget(self, since_ns: int | None) -> None:
        """Know nothing any more: the tape begins anew; at ``since_ns`` (Unix ns) where that is in its midst."""

    def begins_with(self, topics: Collection[str]) -> bool:
        """Whether whole books of ``topics`` are enough to begin with."""
