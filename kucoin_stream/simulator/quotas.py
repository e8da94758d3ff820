"""What calls may weigh in a window of time, by pool (protocol.md 8.1). Pure: time is passed in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from kucoin_stream.protocol.endpoints.pools import PUBLIC


class Pool(NamedTuple):
    """What a pool allows: ``weight`` in ``window`` seconds."""

    weight: int
    window: float = 30.0


POOLS: Mapping[str, Pool] = {
    PUBLIC: Pool(2000),
    "Spot": Pool(4000),
    "Futures": Pool(2000),
    "Management": Pool(2000),
    "UTA": Pool(200, 3.0),
}
"""Those of VIP 0. Public counts by address, the others by user."""


WEIGHTS: Mapping[str, int] = {
    "margin.order": 2, "margin.cancel": 2, "futures.order": 2, "futures.multi_order": 20, "futures.multi_cancel": 20,
}  # fmt: skip
"""Of the WS API's operations, as of the same calls by REST; the others weigh 1 (protocol.md 7.5)."""
_FAMILIES = {"futures": "Futures", "uta": "UTA"}


class Spent(NamedTuple):
    """How a quota stands after a call, which was ``granted`` or not."""

    granted: bool
    limit: int
    remaining: int
    reset_ms: int  # until the window ends

    @property
    def headers(self) -> dict[str, str]:
        """KuCoin's headers about it."""
        names = {"limit": self.limit, "remaining": self.remaining, "reset": self.reset_ms}
        return {f"gw-ratelimit-{name}": str(value) for name, value in names.items()}


class _Window(NamedTuple):
    ends: float
    spent: int


class Quotas:
    """What is left of each pool for each client. ``scale`` multiplies KuCoin's quotas; 0: there are none."""

    def __init__(self, scale: float = 1.0) -> None:
        self._scale = scale
        self._windows: dict[tuple[str, str], _Window] = {}

    def __repr__(self) -> str:
        return f"<Quotas {self._scale:g} of KuCoin's, {len(self._windows)} windows>"

    def spend(self, pool: str, weight: int, who: str, now: float) -> Spent | None:
        """Count a call of ``who`` at ``now`` seconds, where it is granted; ``None`` where there are no quotas.

        A window begins with its first call, which is granted however much it weighs; what is refused costs nothing.
        """
        if not self._scale:
            return None
        limit, length = max(1, round(POOLS[pool].weight * self._scale)), POOLS[pool].window
        window = self._windows.get((pool, who))
        if window is None or now >= window.ends:
            self._forget(now)
            window = _Window(now + length, 0)
        granted = not window.spent or window.spent + weight <= limit
        if granted:
            window = window._replace(spent=window.spent + weight)
        self._windows[pool, who] = window
        return Spent(granted, limit, max(0, limit - window.spent), max(1, round((window.ends - now) * 1000)))

    def spend_order(self, operation: str, who: str, now: float) -> Spent | None:
        """Count an operation of the WS API, from the pool of the same calls by REST."""
        pool = _FAMILIES.get(operation.partition(".")[0], "Spot")
        return self.spend(pool, WEIGHTS.get(operation, 1), who, now)

    def _forget(self, now: float) -> None:
        self._windows = {key: window for key, window in self._windows.items() if now < window.ends}
