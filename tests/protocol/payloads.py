"""The real messages beside the repository: one case each, or one skipped case where they are not there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

SHARED = Path(__file__).resolve().parents[3] / "shared"


def lines(family: str) -> list[Any]:
    """Return the messages of ``family`` as ``(name, bytes as they might have come)``."""
    file = SHARED / "payloads" / f"{family}.jsonl"
    if not file.is_file():
        return []

    class Line(msgspec.Struct):
        message: msgspec.Raw

    decoder = msgspec.json.Decoder(Line)
    return [
        (f"{family}-{number}", bytes(decoder.decode(line).message))
        for number, line in enumerate(file.read_bytes().splitlines())
    ]


def cases(*families: str) -> list[Any]:
    """Return pytest's parameters for every message of ``families``, with the message as it was found."""
    found = [pytest.param(data, id=name) for family in families for name, data in lines(family)]
    return found or [pytest.param(b"", marks=pytest.mark.skip(reason="no ../shared/payloads here"))]


def loads(data: bytes) -> Any:
    """Decode without this package."""
    return json.loads(data)
