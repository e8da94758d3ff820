"""The newest of a row's messages, by the exchange's own time."""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")

Stamp = tuple[int, int]
"""A time and a sequence of the exchange: what is greater is newer."""

_NEVER: Stamp = (-(2**63), 0)


class Newest(Generic[T]):
    """One value, the newest offered.

    Two messages of the same stamp are in order of arrival, so that only the identities of that stamp need to be
    remembered: a repetition of anything older is old, and one of the same stamp is known by its identity.
    """

    __slots__ = ("_known", "stamp", "value")

    def __init__(self) -> None:
        self.value: T | None = None
        self.stamp = _NEVER
        self._known: set[object] = set()

    def offer(self, value: T, stamp: Stamp | None, identity: object) -> bool:
        """Take ``value`` unless it is old or known; return whether it was taken. One without a stamp is the newest."""
        if stamp is None:
            self.value = value
            return True
        if stamp < self.stamp or (stamp == self.stamp and identity in self._known):
            return False
        if stamp > self.stamp:
            self._known.clear()
        self._known.add(identity)
        self.value, self.stamp = value, stamp
        return True
