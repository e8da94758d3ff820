"""What goes wrong in a soak: a table of faults, and the gaps that each must leave in the audit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple


class Missed(NamedTuple):
    """What the audit of gaps must have: a row of this ``topic`` that began between ``since`` and ``until``."""

    fault: str
    part: str
    topic: str
    least: int  # messages missed
    since: float  # Unix seconds
    until: float = float("inf")


class Fault(NamedTuple):
    """Something that goes wrong for ``lasts`` seconds. ``calls`` go to the exchange's control.

    ``{symbol}`` in them is one of those with a book, chosen at random. ``misses``: whose messages are surely missed.
    """

    name: str
    calls: Sequence[dict[str, Any]] = ()
    lasts: float = 1.0
    misses: str = ""  # "all": of every topic; "book": of the symbol's books; else of this topic
    least: int = 0
    ours: str = ""  # what else is done, on this side


def _call(fault: str, **fields: Any) -> dict[str, Any]:
    return {"fault": fault, **fields}


_KILL = _call("kill")
_GAP = _call("gap", symbol="{symbol}", n=1)
_BOOKS = ("/api/v3/market/orderbook", "/api/v1/market/orderbook", "/futures/api/v1/level2")

FAULTS = (
    Fault("kill", [_KILL], misses="all"),
    Fault("bye", [_call("bye")], misses="all"),
    Fault("half_open", [_call("half_open")], 8.0, "all"),
    Fault("garbage", [_call("garbage")], misses="?"),
    Fault("cross", [_call("cross", symbol="{symbol}")]),
    Fault("hold, release", [_call("hold")], 3.0),
    Fault("gap of 1", [_GAP], misses="book", least=1),
    Fault("gap of 5", [_call("gap", symbol="{symbol}", n=5)], misses="book", least=5),
    Fault("duplicate", [_call("duplicate", symbol="{symbol}", n=5)]),
    Fault("reorder", [_call("reorder", symbol="{symbol}", n=5)]),
    Fault("gap, old_snapshot", [_call("old_snapshot", symbol="{symbol}", n=2), _GAP], 3.0, "book", 1),
    Fault("gap, rest 503", [*(_call("rest", path_prefix=path, status=503, times=2) for path in _BOOKS), _GAP], 3.0,
          "book", 1),
    Fault("gap, slow_rest", [_call("slow_rest", value=1.0), _GAP], 4.0, "book", 1),
    Fault("gap, clock_offset", [_call("clock_offset", value=30.0), _GAP], 4.0, "book", 1),
    Fault("kill, rest 429", [_call("rest", path_prefix="/api/v1/bullet", status=429, times=2), _KILL], 2.0, "all"),
    Fault("silence of a book", [_call("silence", topic="/market/level2:BTC-USDT")], 2.0, "/market/level2:BTC-USDT", 1),
    Fault("silence of trades", [_call("silence", topic="/market/match")], 3.0),
    Fault("kill, refuse 500", [_call("refuse", topic="/market/level2", code=500, text="system error"), _KILL], 3.0,
          "all"),
    Fault("kill, deny", [_call("deny"), _KILL], 3.0, "all"),
    Fault("kill, no welcome", [_call("welcome", value=False), _KILL], 4.0, "all"),
    Fault("kill, late_welcome", [_call("late_welcome", value=1.0), _KILL], 4.0, "all"),
    Fault("kill, mute_acks", [_call("mute_acks", value=True), _KILL], 3.0, "all"),
    Fault("kill, late_acks", [_call("late_acks", value=1.0), _KILL], 4.0, "all"),
    Fault("mute_pongs", [_call("mute_pongs", value=True)], 8.0),
    Fault("slow_frames", [_call("slow_frames", value=0.002)], 2.0),
    Fault("rotate", ours="rotate", lasts=4.0),
    Fault("woke", ours="woke"),
    Fault("cell run again", ours="again"),
    Fault("refused feed", [_call("refuse", topic="/spotMarket/level2Depth5")], ours="refused"),
)  # fmt: skip
