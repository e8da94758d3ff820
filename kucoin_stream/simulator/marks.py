"""Index and mark price of margin (protocol.md 4.12): what other exchanges would say, made from the last trades. Pure.

Theory of operation. Every trade stands for trades elsewhere, at a price a little off, by as much as follows from its
number. The index is the mean of those over some seconds; the mark price is the mean of the last few indices, so that
one trade, or one user's order, moves it little. Both depend on trades alone: nobody has to look for them to go on.
"""

from __future__ import annotations

from kucoin_stream.simulator.flow import SECOND, Fill
from kucoin_stream.simulator.instrument import Instrument

WINDOW = 10 * SECOND  # ns of trades in an index
INDICES = 5  # seconds, and indices, in a mark price
_DEVIATION = 2e-4  # the most that another exchange's price is off, as a share of it
_EXTRA = 2  # decimals beyond those of a price
_SPREAD = 2_654_435_761  # 2**32 by the golden ratio: neighbouring numbers come out far apart


def index(instrument: Instrument, time_ns: int) -> float:
    """Return the index price at the last whole second."""
    return _rounded(instrument, _index(instrument, time_ns // SECOND * SECOND))


def mark(instrument: Instrument, time_ns: int) -> float:
    """Return the mark price at the last whole second."""
    second = time_ns // SECOND * SECOND
    return _rounded(instrument, sum(_index(instrument, second - ago * SECOND) for ago in range(INDICES)) / INDICES)


def reverse(price: float) -> float:
    """Return what one unit of the quote currency costs in the base currency."""
    return float(f"{1 / price:.12g}")


def _index(instrument: Instrument, second: int) -> float:
    """The mean of what the last trades up to then stand for, in ticks."""
    found: list[float] = []
    begin = 0
    for fill in reversed(instrument.trades):
        if fill.time_ns > second:
            continue
        begin = begin or fill.time_ns - WINDOW
        if fill.time_ns <= begin:
            break
        found.append(_elsewhere(fill))
    if not found:  # none yet, or more than are kept since
        found.append(_elsewhere(instrument.trades[0] if instrument.trades else instrument.flow.last))
    return sum(found) / len(found)


def _elsewhere(fill: Fill) -> float:
    share = fill.number * _SPREAD % 2**32 / 2**31 - 1  # from -1 to 1
    return fill.price * (1 + _DEVIATION * share)


def _rounded(instrument: Instrument, ticks: float) -> float:
    return instrument.number(ticks, instrument.listing.price_scale + _EXTRA)
