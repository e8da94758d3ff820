"""How long a REST call must wait for its quota, from what KuCoin's headers said last (protocol.md 8.1). Pure."""

from __future__ import annotations

from collections.abc import Mapping

_REMAINING, _RESET = "gw-ratelimit-remaining", "gw-ratelimit-reset"
_SOON = 0.5  # seconds; an overload says nothing about when
BLOCKED = 30.0  # seconds that Cloudflare shuts an address out: code 1015


class Quota:
    """What is left of one pool. Times are seconds on the caller's clock."""

    def __init__(self) -> None:
        self._left = 0
        self._ends = float("-inf")  # what is left is not known then

    def wait(self, weight: int, now: float) -> float:
        """Return how many seconds a call of ``weight`` must wait; 0: go."""
        return 0.0 if now >= self._ends or weight <= self._left else self._ends - now

    def spend(self, weight: int) -> None:
        """Count a call that goes out: others may be on their way before its answer says what is left."""
        self._left -= weight

    def seen(self, headers: Mapping[str, str], now: float) -> None:
        """Take what the headers of an answer say."""
        left, reset = headers.get(_REMAINING, ""), headers.get(_RESET, "")
        if left.isdecimal() and reset.isdecimal():
            self._left, self._ends = int(left), now + int(reset) / 1000

    def refused(self, headers: Mapping[str, str], code: str, tried: int, now: float) -> float:
        """Return how many seconds to wait after a refusal for too many calls, the ``tried``-th in a row.

        With headers the window must end; without, the exchange is overloaded and takes a call again soon.
        """
        reset = headers.get(_RESET, "")
        if reset.isdecimal():
            self._left, self._ends = 0, now + int(reset) / 1000
            return int(reset) / 1000
        return BLOCKED if code == "1015" else _SOON * 2 ** (tried - 1)
