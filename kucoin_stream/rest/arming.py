"""The guard before calls that change something: each group is armed by name, for the target that is meant."""

from __future__ import annotations

import difflib
from collections.abc import Collection

from kucoin_stream.errors import NotArmedError, UsageError


class Arming:
    """Which groups may change something. It belongs to one client and ends with it. Safe from any thread."""

    def __init__(self, groups: Collection[str]) -> None:
        self._groups = groups
        self._armed: dict[str, str] = {}  # the mode that each was armed for

    def __repr__(self) -> str:
        return f"<armed: {', '.join(self._armed) or 'nothing'}>"

    @property
    def armed(self) -> tuple[str, ...]:
        """The groups that are armed."""
        return tuple(self._armed)

    def arm(self, group: str, target: str, mode: str) -> None:
        """Let ``group`` change something at ``target``; raise :class:`UsageError` where ``mode`` is another."""
        self._check(group)
        if target != mode:
            raise UsageError(f"target={target!r}, but this client talks to {mode!r}: nothing is armed")
        self._armed[group] = mode

    def disarm(self, group: str) -> None:
        """Take it back."""
        self._check(group)
        self._armed.pop(group, None)

    def require(self, group: str, mode: str, call: str) -> None:
        """Raise :class:`NotArmedError` unless ``group`` was armed for ``mode``."""
        if self._armed.get(group) != mode:
            step = f"client.rest.arm({group!r}, target={mode!r})"
            raise NotArmedError(f"{call} changes something and {group} is not armed; if that is meant: {step}")

    def _check(self, group: str) -> None:
        if group not in self._groups:
            near = difflib.get_close_matches(str(group), self._groups, 1)
            hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(self._groups)}"
            raise UsageError(f"no group {group!r} that changes something; {hint}")
