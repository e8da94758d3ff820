"""The best levels of a book, and how they changed: what ``increment@10ms`` shows (protocol.md 5.6). Pure."""

from __future__ import annotations

from typing import NamedTuple

from kucoin_stream.simulator.flow import OrderFlow
from kucoin_stream.simulator.ladder import Side

Levels = list[tuple[int, int]]

WINDOW = 500  # levels a side


class Step(NamedTuple):
    """Changes of the sequences ``first`` to ``last``, both included; a size of 0 removes a level."""

    first: int
    last: int
    asks: Levels
    bids: Levels


class Window:
    """What a reader holds who has the snapshot and all steps since. A level outside the best 500 is not held."""

    def __init__(self, flow: OrderFlow) -> None:
        self._flow = flow
        self._held: dict[Side, dict[int, int]] = {side: self._best(side) for side in ("asks", "bids")}
        self.sequence = flow.sequence

    def __repr__(self) -> str:
        return f"<Window of {len(self._held['bids'])} bids, {len(self._held['asks'])} asks at {self.sequence}>"

    def levels(self, side: Side) -> Levels:
        """Return the levels held, best first."""
        return list(self._held[side].items())

    def step(self) -> Step | None:
        """Come up to the book; return what changed, or ``None`` where nothing to be seen did."""
        asks, bids = self._changes("asks"), self._changes("bids")
        if not (asks or bids):
            return None
        first, self.sequence = self.sequence + 1, self._flow.sequence
        return Step(first, self.sequence, asks, bids)

    def _changes(self, side: Side) -> Levels:
        held, best = self._held[side], self._best(side)
        changed = dict.fromkeys(held.keys() - best.keys(), 0) | dict(best.items() - held.items())
        self._held[side] = best
        return sorted(changed.items(), reverse=side == "bids")

    def _best(self, side: Side) -> dict[int, int]:
        return dict(self._flow.ladder.top(side, WINDOW))
