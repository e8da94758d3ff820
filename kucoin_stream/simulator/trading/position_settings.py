"""What an account may choose about positions: margin mode, leverage, margin, risk limit (protocol.md 4.33). Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from kucoin_stream.simulator.market import RestError
from kucoin_stream.simulator.trading.amounts import Number, decimal
from kucoin_stream.simulator.trading.positions import Position

if TYPE_CHECKING:
    from kucoin_stream.simulator.trading.futures import FuturesDesk

MOST_LEVERAGE = 125
DEFAULT_LEVERAGE = Decimal(3)
RISK_LEVEL = 1  # the only one, as the contracts' rows have it


class PositionSettings:
    """Changes positions without a trade. What is refused raises :class:`RestError` and has changed nothing."""

    def __init__(self, desk: FuturesDesk) -> None:
        self._desk = desk
        self._leverages: dict[str, Decimal] = {}  # of cross margin

    def __repr__(self) -> str:
        return f"<PositionSettings of {self._desk!r}>"

    def cross_leverage(self, symbol: str) -> Decimal:
        """Return the leverage of cross margin."""
        return self._leverages.get(symbol, DEFAULT_LEVERAGE)

    def set_margin_mode(self, symbol: str, mode: str, time_ns: int) -> None:
        """Choose between ISOLATED and CROSS; not while there is a position or an order."""
        position = self._desk.position(symbol)
        if mode not in ("ISOLATED", "CROSS"):
            raise refused("marginMode is ISOLATED or CROSS.")
        if mode == position.margin_mode:
            return
        if position.lots or any(self._desk.orders.active(symbol)):
            raise RestError(200, "330005", "Close positions and cancel orders before you switch the margin mode.")
        position.margin_mode = mode
        for each in self._desk.news:
            each.margin_mode(symbol, mode, time_ns)

    def set_leverage(self, symbol: str, leverage: Number, time_ns: int) -> None:
        """Choose the leverage of cross margin."""
        position, value = self._desk.position(symbol), leverage_of(leverage)
        self._leverages[symbol] = value
        if position.cross:
            position.leverage = value
        for each in self._desk.news:
            each.leverage(symbol, f"{value:f}", time_ns)

    def add_margin(self, symbol: str, amount: Decimal, time_ns: int) -> Position:
        """Add margin to an isolated position or, where it is below 0, take away what was added."""
        position = self._desk.position(symbol)
        if not position.lots or position.cross:
            raise RestError(200, "300009", "There is no isolated position.")
        if amount > self._desk.wallet(position.settle).available or amount < -self.spare(position):
            raise RestError(200, "200005", "Balance insufficient.")
        position.added += amount
        self._desk.report_position(position, "marginChange", time_ns)
        self._desk.report_wallet(position.settle, time_ns)
        return position

    def spare(self, position: Position) -> Decimal:
        """Return what may be taken away of a position's margin: what was added, but not what it needs."""
        most = position.margin + position.profit - position.maintenance
        return max(Decimal(0), min(position.added, most))

    def set_auto_deposit(self, symbol: str, on: bool, time_ns: int) -> None:
        """Choose whether a position takes margin from the wallet before it is liquidated."""
        position = self._desk.position(symbol)
        if position.cross:
            raise RestError(200, "300009", "There is no isolated position.")
        position.auto_deposit = on
        self._desk.report_position(position, "autoAppendMarginStatusChange", time_ns)

    def set_risk_level(self, symbol: str, level: int, time_ns: int) -> None:
        """Choose a level of the risk limit, of which there is one; readers are told how that ended."""
        position = self._desk.position(symbol)
        if level != RISK_LEVEL:
            raise RestError(200, "100005", f"The contract has no risk limit of level {level}, only {RISK_LEVEL}.")
        for each in self._desk.news:
            each.risk_limit(position, level, time_ns)


def leverage_of(given: Number) -> Decimal:
    """Return a leverage; raise :class:`RestError` where it is not one."""
    value = decimal(given, "leverage", refused)
    if not 0 < value <= MOST_LEVERAGE:
        raise RestError(200, "300016", f"The leverage must be above 0 and not above {MOST_LEVERAGE}.")
    return value


def refused(reason: str) -> RestError:
    """Return the error of what cannot be read, or makes no sense (protocol.md 9.3)."""
    return RestError(400, "100001", reason)
