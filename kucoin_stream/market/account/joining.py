"""What two messages of the same thing say together, and when."""

from __future__ import annotations

from typing import TypeVar

from msgspec import Struct, structs

S = TypeVar("S", bound=Struct)


def completed(newer: S, older: S) -> S:
    """Return ``newer``, and of ``older`` what ``newer`` does not say."""
    said = {
        name: value
        for name in newer.__struct_fields__
        if getattr(newer, name) is None and (value := getattr(older, name)) is not None
    }
    return structs.replace(newer, **said)


def in_ns(time_ms: int | None) -> int | None:
    """Return a time that was told in ms, if it was told."""
    return None if time_ms is None else time_ms * 1_000_000
