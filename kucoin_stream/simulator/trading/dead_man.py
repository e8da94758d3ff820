"""The dead man's cancel: without a sign of life in time, spot orders are cancelled (DCP in rest.md). Pure."""

from __future__ import annotations

from typing import NamedTuple

from kucoin_stream.simulator.flow import SECOND
from kucoin_stream.simulator.market import RestError
from kucoin_stream.simulator.trading.spot import SpotDesk

OFF = -1  # the timeout that ends it
_SHORTEST, _LONGEST = 5, 86_400  # s
_MOST_SYMBOLS = 50


class Setting(NamedTuple):
    """What was asked for. ``symbols``: none means all."""

    timeout_s: int
    symbols: tuple[str, ...]
    ends_ns: int


class DeadMan:
    """Waits for the next sign of life, and cancels where none comes. Off from the start, and after it has acted."""

    def __init__(self, desk: SpotDesk) -> None:
        self._desk = desk
        self.setting: Setting | None = None

    def __repr__(self) -> str:
        return f"<DeadMan {'off' if self.setting is None else self.setting.timeout_s}>"

    def live(self, timeout_s: int, symbols: tuple[str, ...], now_ns: int) -> None:
        """Take a sign of life, good for so many seconds from now; :data:`OFF` ends the watch."""
        if timeout_s != OFF and not _SHORTEST <= timeout_s <= _LONGEST:
            raise _refused(f"timeout: {OFF}, or {_SHORTEST} to {_LONGEST} s")
        if len(symbols) > _MOST_SYMBOLS:
            raise _refused(f"symbols: at most {_MOST_SYMBOLS}")
        for symbol in symbols:
            self._desk.instrument(symbol)
        self.setting = None if timeout_s == OFF else Setting(timeout_s, symbols, now_ns + timeout_s * SECOND)

    def look(self, now_ns: int) -> None:
        """Cancel what is to be cancelled, if the time is over. Stop orders and margin's are left alone."""
        if self.setting is None or now_ns < self.setting.ends_ns:
            return
        setting, self.setting = self.setting, None
        for order in self._desk.orders.active():
            if order.trade_type == "TRADE" and (not setting.symbols or order.symbol in setting.symbols):
                self._desk.end(order, setting.ends_ns, "DCP")


def _refused(reason: str) -> RestError:
    return RestError(400, "400100", reason)
