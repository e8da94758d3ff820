"""What a capture holds: its lines, its pushes, and the books that it recorded."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec

from kucoin_stream.simulator.ladder import Ladder, Side, units
from kucoin_stream.simulator.market import Json

SIDES: tuple[Side, Side] = ("asks", "bids")
_SCALE = 18  # decimals kept exactly


class Line(msgspec.Struct, frozen=True):
    """A line of a capture: ``t`` is the time of receipt in seconds."""

    t: float
    kind: Literal["ws", "rest"]
    message: msgspec.Raw
    dir: str = "in"
    url: str = ""


class Recorded(NamedTuple):
    """A push and when it was received, in ns."""

    time_ns: int
    topic: str
    text: str


class RecordedBook:
    """The book of one symbol: the recorded snapshot, then the ladder that it and the increments make."""

    def __init__(self, snapshot: dict[str, Any]) -> None:
        self.snapshot = snapshot
        self.ladder = Ladder(_SCALE, _SCALE)
        self.recorded_sequence = self.sequence = int(snapshot["sequence"])
        for side in SIDES:
            for price, size in snapshot.get(side) or []:
                self.ladder.set(side, units(price, _SCALE), units(size, _SCALE))

    def apply(self, data: dict[str, Any]) -> None:
        """Apply the data of a level-2 message; what the snapshot contains already is passed over."""
        last = self.sequence
        for side in SIDES:
            for price, size, sequence in data["changes"].get(side) or []:
                ticks = units(price, _SCALE)
                if ticks and int(sequence) > last:
                    self.ladder.set(side, ticks, units(size, _SCALE))
        self.sequence = max(last, int(data["sequenceEnd"]))

    def answer(self, depth: int | None, time_ms: int) -> Json:
        """Return the book as REST shows it, where the stream is."""
        if self.sequence == self.recorded_sequence:
            sides = {side: (self.snapshot.get(side) or [])[:depth] for side in SIDES}
            return self.snapshot | sides
        levels = {side: self.ladder.written(self.ladder.top(side, depth)) for side in SIDES}
        return {"time": time_ms, "sequence": str(self.sequence), **levels}


def read_lines(path: Path) -> Iterator[Line]:
    """Read a capture line by line, compressed or not."""
    read = msgspec.json.Decoder(Line)
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
        for data in file:
            if data.strip():
                yield read.decode(data)
