"""How long a REST call must wait for its quota, from what KuCoin's headers said last (protocol.md 8.1). Pure."""

from __future__ import annotations

from collections.abc import Mapping

RESET = "gw-ratelimit-reset"  # ms until the window ends
_LIMIT, _REMAINING = "gw-ratelimit-limit", "gw-ratelimit-remaining"
_WINDOW = 30.0  # seconds, until headers say another
_SAME = 1.0  # seconds: windows that end closer together are one
_SOON, _LATE = 0.5, 16.0  # seconds; an overload says nothing about when
BLOCKED = 30.0  # seconds that Cloudflare shuts an address out: code 1015


class Quota:
    """What is left of one pool. Times are seconds on the caller's clock.

    Each call is counted when it goes out, by :meth:`spend`, and when its answer is there, by :meth:`done`: others may
    be on their way meanwhile, of which the answer does not speak. Where nothing is known, one call goes first.
    """

    def __init__(self) -> None:
        self.pending = 0  # weight of the calls on their way
        self._known = False  # an answer came that was not refused
        self._limit: int | None = None
        self._remaining = 0  # after those that were answered
        self._ends = float("-inf")  # what remains is not known then
        self._held = float("-inf")  # nothing goes before
        self._refusals = 0  # in a row

    def wait(self, weight: int, now: float) -> float:
        """Return how many seconds a call of ``weight`` must wait; 0: go. With calls :attr:`pending`, ask again soon."""
        if now < self._held:
            return self._held - now
        if now >= self._ends and self._limit is not None:
            self._remaining, self._ends = self._limit, now + _WINDOW
        if now >= self._ends:
            return _SOON if self.pending and not self._known else 0.0
        alone = not self.pending and self._remaining == self._limit  # heavier than all there ever is
        return 0.0 if weight <= self._remaining - self.pending or alone else self._ends - now

    def spend(self, weight: int) -> None:
        """Count a call that goes out."""
        self.pending += weight

    def done(self, weight: int) -> None:
        """Count a call no more as on its way: its answer came, or none will."""
        self.pending -= weight

    def seen(self, headers: Mapping[str, str], now: float) -> None:
        """Take what the headers of an answer say; of answers in one window, in whatever order, the least counts."""
        left, reset, limit = (headers.get(name, "") for name in (_REMAINING, RESET, _LIMIT))
        self._known, self._refusals = True, 0
        self._limit = int(limit) if limit.isdecimal() else self._limit
        if left.isdecimal() and reset.isdecimal():
            ends = now + int(reset) / 1000
            same = abs(ends - self._ends) < _SAME
            self._remaining = min(int(left), self._remaining) if same else int(left)
            self._ends = ends

    def refused(self, headers: Mapping[str, str], code: str, tried: int, now: float) -> float:
        """Return how many seconds to wait after a refusal for too many calls, the ``tried``-th in a row of one call.

        With headers the window must end; without, the exchange is overloaded and takes a call again soon. Until then
        nothing goes out, and then one call first.
        """
        reset = headers.get(RESET, "")
        if reset.isdecimal():
            self._remaining, self._ends = 0, now + int(reset) / 1000
            return int(reset) / 1000
        self._known = False
        if now >= self._held:  # others may have been on their way
            self._refusals = max(tried, self._refusals + 1)
            self._held = now + (BLOCKED if code == "1015" else min(_SOON * 2 ** (self._refusals - 1), _LATE))
        return self._held - now

    def hold(self, until: float) -> None:
        """Let nothing out before: the address is shut out, by whichever pool."""
        self._held = max(self._held, until)
