"""What is counted of branches, singly and together."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from kucoin_stream.streams.branch import Branch
from kucoin_stream.streams.origin import origin
from kucoin_stream.streams.stalls import watchdog


class Counters(Struct, frozen=True):
    """The counters of some branches."""

    received: int = 0  # messages handed on
    inbox: int = 0  # messages that wait
    peak: int = 0  # most that ever waited for one branch
    dropped: int = 0
    errors: int = 0
    busy: float = 0.0  # seconds for which users' functions had the thread
    load: float = 0.0  # the same of the last seconds, as a share of one core
    stalled: float = 0.0  # seconds for which one has not returned; 0 where it is less than one

    @property
    def cost_us(self) -> float:
        """Microseconds that a message takes; NaN without any."""
        return self.busy / self.received * 1e6 if self.received else float("nan")


def count(branches: Iterable[Branch], now: float) -> Counters:
    """Read the counters of ``branches``; ``now`` is of the monotonic clock."""
    all_of_them = list(branches)
    stalls = [now - stall.since for stall in watchdog.stalls if stall.branch in all_of_them]
    known = [(branch, made) for branch in all_of_them if (made := origin(branch)) is not None]
    return Counters(
        received=sum(branch.received for branch in all_of_them),
        inbox=sum(branch.waiting for branch in all_of_them),
        peak=max((branch.peak for branch in all_of_them), default=0),
        dropped=sum(branch.dropped for branch in all_of_them),
        errors=sum(branch.error_count for branch in all_of_them),
        busy=sum(branch.busy for branch in all_of_them),
        load=sum(made.rates(branch)[1] for branch, made in known),
        stalled=max(stalls, default=0.0),
    )
