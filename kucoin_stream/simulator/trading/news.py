"""What happens on the account, told to whoever shows it: the classic and the Pro sockets. Pure."""

from __future__ import annotations

from typing import Literal

from kucoin_stream.simulator.trading.ledger import Moved
from kucoin_stream.simulator.trading.orders import FuturesOrder, OrderFill, SpotOrder, Stop
from kucoin_stream.simulator.trading.positions import Position
from kucoin_stream.simulator.trading.tickets import FuturesTicket, SpotTicket

OrderEvent = Literal["received", "open", "match", "filled", "canceled", "update"]
StopEvent = Literal["open", "triggered", "cancel"]
Reason = Literal["positionChange", "marginChange", "liquidation", "markPriceChange", "autoAppendMarginStatusChange"]


class News:
    """Is told of events when they have happened. Does nothing of itself. Times are ns since 1970."""

    def balance(self, moved: Moved) -> None:
        """A balance has changed."""

    def spot_order(self, order: SpotOrder, event: OrderEvent, time_ns: int, fill: OrderFill[SpotOrder] | None) -> None:
        """An order of spot or margin has changed; ``fill`` where that is a match."""

    def spot_stop(self, stop: Stop[SpotTicket], event: StopEvent, time_ns: int, error: str = "") -> None:
        """A stop order of spot has changed; ``error`` where its trigger failed."""

    def futures_order(
        self, order: FuturesOrder, event: OrderEvent, time_ns: int, fill: OrderFill[FuturesOrder] | None
    ) -> None:
        """An order of a contract has changed."""

    def futures_stop(self, stop: Stop[FuturesTicket], event: StopEvent, time_ns: int, error: str = "") -> None:
        """A stop order of a contract has changed."""

    def wallet(self, currency: str, time_ns: int) -> None:
        """The money of one settlement currency has changed."""

    def position(self, position: Position, reason: Reason, time_ns: int) -> None:
        """A position has changed, or its mark price."""

    def funding(self, position: Position, rate: float, fee: float, time_ns: int) -> None:
        """A funding fee was settled on a position."""

    def margin_mode(self, symbol: str, mode: str, time_ns: int) -> None:
        """A contract's margin mode was changed."""

    def leverage(self, symbol: str, leverage: str, time_ns: int) -> None:
        """A contract's cross leverage was changed."""

    def risk_limit(self, position: Position, level: int, time_ns: int) -> None:
        """The level of a position's risk limit was changed."""

    def debt(self, time_ns: int) -> None:
        """Four seconds have passed, and the cross margin account owes something."""
