"""Bars made from trades, by time, count, volume or money; and what bars say.

Trades are of one symbol and have ``price``, ``size`` and a time; those of one moment count in the order of their rows,
those that lack one of the three count nowhere.
Bars have ``open high low close volume turnover``: volume in the unit of ``size``, turnover in the quote currency, of an
inverse contract (``multiplier`` below 0) in the base currency, in which it is settled.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from kucoin_stream import given
from kucoin_stream.analytics.columns import Floats, Ints, amounts, counted, floats, ratio, times, turnover, utc_ns
from kucoin_stream.analytics.intervals import Interval, all_starts, bar_starts, length_ns, skipped

_CLOSE = 1e-9  # of a bar: what sums of floats may be wrong by


def ohlcv(
    trades: pd.DataFrame, interval: Interval, *, multiplier: float | None = None, fill: bool = True
) -> pd.DataFrame:
    """Return klines: of each interval first, highest, lowest and last price, sum of size and of price * size.

    ``interval``: one of KuCoin's (``"1min"`` ... ``"1month"``) or any length of time (``"90s"``, ``"100ms"``); bars
    begin as :func:`~kucoin_stream.analytics.intervals.bar_starts` says. The index ``time`` is the begin (UTC). An
    interval without trades between two with some is flat, at the close before it and with no volume, as the exchange
    has it (protocol.md 4.8); ``fill=False`` leaves it out. The first bar holds only what is given, and the last one may
    not be over. No trades: no bars. Raises :class:`UsageError` for an unknown interval, and for more
    than 10,000,000 bars with those without trades.
    """
    length_ns(interval)
    trades = counted(trades)
    known = times(trades)
    starts = bar_starts(known, interval)
    first = _firsts(starts)
    columns = _bars(trades, first, multiplier)
    if not fill or len(first) < 2:
        return pd.DataFrame(columns, index=utc_ns(starts[first]).rename("time"))
    every = all_starts(int(known[0]), int(known[-1]), interval)
    return _filled(columns, starts[first], every)


def _filled(columns: dict[str, Floats], starts: Ints, every: Ints) -> pd.DataFrame:
    at = np.searchsorted(starts, every, side="right") - 1  # the bar of each interval, or the last one before it
    flat = starts[at] != every
    close = columns["close"][at]
    filled = {name: np.where(flat, close, columns[name][at]) for name in ("open", "high", "low", "close")}
    filled |= {name: np.where(flat, 0.0, columns[name][at]) for name in ("volume", "turnover")}
    return pd.DataFrame(filled, index=utc_ns(every).rename("time"))


def tick_bars(trades: pd.DataFrame, count: int, *, multiplier: float | None = None) -> pd.DataFrame:
    """Return a bar for each ``count`` trades; the last one may have fewer.

    The index ``time`` is that of the first trade, ``end`` that of the last, ``trades`` how many there are. Source, as
    of volume and dollar bars: Lopez de Prado, "Advances in Financial Machine Learning" (2018), 2.3.
    """
    count = given.whole("count", count)
    trades = counted(trades)
    return _grouped(trades, np.arange(len(trades)) // count, multiplier)


def volume_bars(trades: pd.DataFrame, volume: float, *, multiplier: float | None = None) -> pd.DataFrame:
    """Return a bar for each ``volume`` traded, in the unit of ``size``; columns as :func:`tick_bars`.

    A trade is in bar number floor(volume traded before it / ``volume``): it is not cut, so a bar may hold more than its
    volume, and the next one the less; a trade as large as several bars leaves some out. The last may not be full.
    """
    trades = counted(trades)
    return _grouped(trades, _numbers(floats(trades, "size"), volume, "volume"), multiplier)


def dollar_bars(trades: pd.DataFrame, funds: float, *, multiplier: float | None = None) -> pd.DataFrame:
    """Return a bar for each ``funds`` traded, in the quote currency; as :func:`volume_bars`."""
    trades = counted(trades)
    _, quote = amounts(floats(trades, "price"), floats(trades, "size"), multiplier)
    return _grouped(trades, _numbers(quote, funds, "funds"), multiplier)


def _numbers(values: Floats, size: float, name: str) -> Floats:
    size = given.above(name, size)
    numbers: Floats = np.floor((np.cumsum(values) - values) / size + _CLOSE)
    return numbers


def _grouped(trades: pd.DataFrame, groups: Floats | Ints, multiplier: float | None) -> pd.DataFrame:
    known, first = times(trades), _firsts(groups)
    bars = pd.DataFrame(_bars(trades, first, multiplier), index=utc_ns(known[first]).rename("time"))
    last = np.append(first[1:], len(known))[: len(first)]
    return bars.assign(trades=last - first, end=utc_ns(known[last - 1]))


def _firsts(groups: Floats | Ints) -> Ints:
    """Return where each run of equal values begins."""
    return np.flatnonzero(np.concatenate([[len(groups) > 0], groups[1:] != groups[:-1]])[: len(groups)])


def _bars(trades: pd.DataFrame, first: Ints, multiplier: float | None) -> dict[str, Floats]:
    """Add up the rows from each of ``first`` to the next."""
    prices, sizes = floats(trades, "price"), floats(trades, "size")
    if not len(first):
        return dict.fromkeys(("open", "high", "low", "close", "volume", "turnover"), np.empty(0))
    return {
        "open": prices[first],
        "high": np.maximum.reduceat(prices, first),
        "low": np.minimum.reduceat(prices, first),
        "close": prices[np.append(first[1:], len(prices)) - 1],
        "volume": np.add.reduceat(sizes, first),
        "turnover": np.add.reduceat(turnover(prices, sizes, multiplier), first),
    }


def bar_vwap(klines: pd.DataFrame, multiplier: float | None = None) -> pd.Series[float]:
    """Turnover / volume of each bar, in the quote currency; NaN where nothing was traded.

    ``multiplier``: of futures, whose volume is in lots: turnover / (volume * multiplier); of an inverse contract, where
    it is below 0: -volume * multiplier / turnover.
    """
    multiplier = given.multiplier(multiplier)
    paid, volume = floats(klines, "turnover"), floats(klines, "volume") * (1.0 if multiplier is None else multiplier)
    mean = ratio(paid, volume) if multiplier is None or multiplier > 0 else ratio(-volume, paid)
    return pd.Series(mean, index=klines.index, name="vwap", dtype="float64")


def bar_gaps(klines: pd.DataFrame, interval: Interval | None = None) -> pd.DataFrame:
    """Return where bars are missing: ``from`` (begin of the first missing), ``to`` (begin of the next there), ``bars``.

    ``interval``: that of the bars; by default the shortest step between two of them.
    """
    known = np.unique(times(klines))
    if len(known) < 2:
        begins, missing = known[:0], known[:0]
    else:
        begins, missing = skipped(known, interval)
    holes = np.flatnonzero(missing > 0)
    columns = {"from": utc_ns(begins[holes]), "to": utc_ns(known[holes + 1]), "bars": missing[holes]}
    return pd.DataFrame(columns).astype({"bars": "int64"})
