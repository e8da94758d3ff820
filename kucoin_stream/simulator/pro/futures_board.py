"""The Pro channels that only contracts have: mark price and funding (protocol.md 6.5.5, 6.5.6). Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from kucoin_stream.simulator.flow import SECOND
from kucoin_stream.simulator.futures.board import plain
from kucoin_stream.simulator.futures.contracts import FUNDING_INTERVAL_MS, RATE_CAP
from kucoin_stream.simulator.futures.perpetual import FUNDING_INTERVAL, Perpetual
from kucoin_stream.simulator.instrument import MINUTE, Board
from kucoin_stream.simulator.market import Push
from kucoin_stream.simulator.pro.board import ProBoard, push
from kucoin_stream.simulator.pro.channels import FUNDING_ALL


class ContractBoard(ProBoard):
    """Shows one contract: what every instrument has, the mark price every second, the funding rate every minute."""

    def __init__(self, perpetual: Perpetual) -> None:
        super().__init__(perpetual.instrument, "FUTURES")
        self._perpetual = perpetual
        self._mark = f"mark-price:{perpetual.contract.symbol}"
        self._funding = f"funding-fee:{perpetual.contract.symbol}"
        self._known |= {self._mark, self._funding}

    def opening(self, topic: str, now_ns: int) -> Push | None:
        """Return what a new reader begins with."""
        if topic == self._funding:
            return push(topic, "funding-fee", now_ns, funding_fee(self._perpetual, now_ns))
        return super().opening(topic, now_ns)

    def tick(self, moment: int, out: list[Push]) -> None:
        """Push what comes every 100 ms, every second and every minute."""
        super().tick(moment, out)
        if moment % SECOND == 0:
            perpetual = self._perpetual
            if self._mark in self._wanted:
                data = {
                    "s": perpetual.contract.symbol,
                    "mp": plain(perpetual.mark),
                    "ip": plain(perpetual.index),
                    "oi": str(perpetual.open_interest),
                    "ts": moment // 1_000_000,
                }
                out.append(push(self._mark, "mark-price", moment, data))
            if self._funding in self._wanted and moment % MINUTE == SECOND:
                out.append(push(self._funding, "funding-fee", moment, funding_fee(perpetual, moment)))

    def turnover(self, volume: int, weighted: int) -> str:
        """Return a turnover in the settlement currency."""
        return plain(self._perpetual.contract.turnover(volume, self._instrument.number(weighted)))


class FundingBoard(Board):
    """Shows the funding rates of all contracts in one message."""

    def __init__(self, perpetuals: Sequence[Perpetual]) -> None:
        self._perpetuals = perpetuals

    def want(self, wanted: Collection[str]) -> bool:
        """Learn whether somebody reads it."""
        return FUNDING_ALL in wanted

    def opening(self, topic: str, now_ns: int) -> Push | None:
        """Return the present rates."""
        return self._rates(now_ns) if topic == FUNDING_ALL else None

    def tick(self, moment: int, out: list[Push]) -> None:
        """Push it a second after every minute."""
        if moment % MINUTE == SECOND:
            out.append(self._rates(moment))

    def _rates(self, moment: int) -> Push:
        return push(FUNDING_ALL, FUNDING_ALL, moment, [funding_fee(each, moment) for each in self._perpetuals])


def funding_fee(perpetual: Perpetual, now_ns: int) -> dict[str, Any]:
    """Return the rates of this interval and the last one, as text."""
    begin = now_ns // FUNDING_INTERVAL * FUNDING_INTERVAL
    return {
        "s": perpetual.contract.symbol,
        "fr": plain(perpetual.predicted_rate(now_ns)),
        "ft": begin // 1_000_000,
        "lfr": plain(perpetual.settled_rate(begin - 1)),
        "nt": begin // 1_000_000 + FUNDING_INTERVAL_MS,
        "gl": FUNDING_INTERVAL_MS,
        "fc": plain(RATE_CAP),
        "ff": plain(-RATE_CAP),
    }
