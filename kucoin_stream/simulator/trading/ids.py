"""Names for orders, of the form that KuCoin gives them; they grow, and are the same in every run. Pure."""

from __future__ import annotations

from kucoin_stream.simulator.flow import SECOND

USER_ID = "64f99aced178640001306e6e"
_FUTURES = 300_000_000_000_000_000  # 18 digits


class Ids:
    """Counts what was named."""

    def __init__(self) -> None:
        self._count = 0

    def spot(self, now_ns: int) -> str:
        """Return 24 hexadecimal digits that begin with the time."""
        self._count += 1
        return f"{now_ns // SECOND:08x}{self._count:016x}"

    def futures(self) -> str:
        """Return 18 decimal digits."""
        self._count += 1
        return str(_FUTURES + self._count * 8192)

    def stop(self) -> str:
        """Return 24 characters that are not hexadecimal, as stop orders of spot have."""
        self._count += 1
        return f"vs8hoo{self._count:018x}"
