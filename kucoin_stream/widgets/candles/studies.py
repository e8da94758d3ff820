"""Studies: what is drawn over candles as lines, each with its formula and the bars it needs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from msgspec import Struct

from kucoin_stream.analytics.columns import Floats, Ints, ratio, times, utc_ns
from kucoin_stream.errors import UsageError
from kucoin_stream.widgets.drawing.html import clean

FUNCTION_BARS = 1000  # bars before the first shown that a function is given
COLUMNS = ("open", "high", "low", "close", "volume", "turnover")
_DAY_S = 86_400

Function: TypeAlias = Callable[[pd.DataFrame], "pd.Series[float]"]


class Known(Struct, frozen=True):
    """Columns of bars as numpy arrays of one length, oldest first; ``multiplier`` as in ``analytics.columns``."""

    start_s: Ints
    columns: Any  # one row for each of COLUMNS
    multiplier: float | None = None

    def __len__(self) -> int:
        return len(self.start_s)

    def __getitem__(self, bars: slice) -> Known:
        return Known(self.start_s[bars], self.columns[:, bars], self.multiplier)

    def column(self, name: str) -> Floats:
        """Return a column by its name."""
        values: Floats = self.columns[COLUMNS.index(name)]
        return values

    def frame(self) -> pd.DataFrame:
        """Return a DataFrame like that of live klines."""
        index = utc_ns(self.start_s.astype(np.int64) * 1_000_000_000).rename("time")
        return pd.DataFrame(self.columns.T.copy(), index=index, columns=list(COLUMNS))


class Study:
    """An overlay. ``lead`` bars before the first shown are needed for it."""

    each_time = False  # whether the values of closed bars may change

    def __init__(self, name: str, lead: int = 0) -> None:
        self.name = name
        self.lead = lead

    def curves(self, bars: Known) -> tuple[Any, ...]:
        """Return one array for each line, as long as the bars; NaN where there is nothing."""
        raise NotImplementedError

    def newest(self, bars: Known, before: Sequence[float]) -> tuple[float, ...]:  # noqa: ARG002  what some need
        """Return the values at the newest bar, those of the bar ``before`` it being known."""
        return tuple(float(curve[-1]) for curve in self.curves(bars[-self.lead - 1 :]))

    def label(self, bars: Known) -> str:  # noqa: ARG002  the label of some depends on the bars
        """Return what the legend says."""
        return self.name


class Sma(Study):
    """Simple moving average: the mean of the last ``n`` closes; nothing before there are so many.

    Source: Murphy, "Technical Analysis of the Financial Markets" (1999), chapter 9.
    """

    def __init__(self, n: int) -> None:
        super().__init__(f"sma {n}", n - 1)
        self.n = n

    def curves(self, bars: Known) -> tuple[Any, ...]:
        """Return the mean."""
        return (_led(_windows(bars.column("close"), self.n).mean(axis=1), len(bars)),)

    def newest(self, bars: Known, before: Sequence[float]) -> tuple[float, ...]:  # noqa: ARG002
        """Return the mean of the last closes."""
        closes = bars.column("close")[-self.n :].tolist()
        return (sum(closes) / self.n if len(closes) == self.n else float("nan"),)


class Bollinger(Study):
    """Bollinger bands: the mean of the last ``n`` closes, and that plus and minus ``k`` standard deviations.

    The deviation is that of the ``n`` closes themselves (divided by ``n``).
    Source: Bollinger, "Bollinger on Bollinger Bands" (2001), chapter 7.
    """

    def __init__(self, n: int, k: float) -> None:
        super().__init__(f"bollinger {n} {k:g}", n - 1)
        self.n, self.k = n, k

    def curves(self, bars: Known) -> tuple[Any, ...]:
        """Return mean, upper and lower band."""
        windows = _windows(bars.column("close"), self.n)
        mean, far = windows.mean(axis=1), self.k * windows.std(axis=1)
        return tuple(_led(curve, len(bars)) for curve in (mean, mean + far, mean - far))

    def newest(self, bars: Known, before: Sequence[float]) -> tuple[float, ...]:  # noqa: ARG002
        """Return mean and bands of the last closes."""
        closes = bars.column("close")[-self.n :].tolist()
        if len(closes) < self.n:
            return (float("nan"),) * 3
        mean = sum(closes) / self.n
        far = self.k * math.sqrt(sum([(close - mean) ** 2 for close in closes]) / self.n)
        return mean, mean + far, mean - far


class Ema(Study):
    """Exponential moving average: the one before + 2 / (n + 1) of what the close is away from it.

    It begins with the mean of ``n`` closes, 8 n bars before the first shown where there are so many: what that begin
    weighs is then below 1e-6. Source: Murphy (1999), chapter 9.
    """

    def __init__(self, n: int) -> None:
        super().__init__(f"ema {n}", 9 * n)
        self.n, self.part = n, 2 / (n + 1)

    def curves(self, bars: Known) -> tuple[Any, ...]:
        """Return the average."""
        closes = bars.column("close").tolist()
        if len(closes) < self.n:
            return (np.full(len(closes), np.nan),)
        value, part = sum(closes[: self.n]) / self.n, self.part
        values = [value]
        for close in closes[self.n :]:
            value += part * (close - value)
            values.append(value)
        return (_led(np.array(values), len(closes)),)

    def newest(self, bars: Known, before: Sequence[float]) -> tuple[float, ...]:
        """Go on from the value before."""
        if before and before[0] == before[0]:
            return (before[0] + self.part * (float(bars.column("close")[-1]) - before[0]),)
        return (float(self.curves(bars)[0][-1]),)


class Vwap(Study):
    """Volume-weighted average price since 00:00 UTC: turnover / volume of the bars from there, in the quote currency.

    Of contracts volume times multiplier; of inverse ones -volume times multiplier / turnover (protocol.md 0.4, 8.3.1).
    Where the bars begin later than the session, so does the average, and its label says since when.
    Source: Berkowitz, Logue, Noser, "The total cost of transactions on the NYSE", Journal of Finance 43 (1988).
    """

    def __init__(self, interval_seconds: int) -> None:
        super().__init__("vwap", -(-_DAY_S // interval_seconds) if interval_seconds < _DAY_S else 0)

    def curves(self, bars: Known) -> tuple[Any, ...]:
        """Return the average."""
        days = bars.start_s // _DAY_S
        first = np.searchsorted(days, days)
        return (self._mean(bars, lambda values: _since(values, first)),)

    def newest(self, bars: Known, before: Sequence[float]) -> tuple[float, ...]:  # noqa: ARG002
        """Sum up the bars of the session."""
        return (float(self._mean(bars[self._begin(bars) :], np.sum)),)

    @staticmethod
    def _mean(bars: Known, sums: Callable[[Floats], Any]) -> Any:
        turnover, volume, multiplier = sums(bars.column("turnover")), sums(bars.column("volume")), bars.multiplier
        if multiplier is not None and multiplier < 0:
            return ratio(-multiplier * volume, turnover)
        return ratio(turnover, volume if multiplier is None else volume * multiplier)

    def label(self, bars: Known) -> str:
        """Say since when, where that is not midnight."""
        begin = int(bars.start_s[self._begin(bars)]) if len(bars) else 0
        late = begin % _DAY_S
        return f"vwap since {late // 3600:02d}:{late // 60 % 60:02d}" if late else "vwap"

    @staticmethod
    def _begin(bars: Known) -> int:
        return int(np.searchsorted(bars.start_s, bars.start_s[-1] // _DAY_S * _DAY_S))


class Column(Study):
    """A price of each bar as a line."""

    def curves(self, bars: Known) -> tuple[Any, ...]:
        """Return the column."""
        return (bars.column(self.name),)


class Given(Study):
    """A Series by time, UTC: each bar has the value that is there for its begin."""

    def __init__(self, series: pd.Series[float]) -> None:
        super().__init__(clean(series.name or "series", 40))
        known = times(series.to_frame("value"))
        self._values = dict(zip((known // 1_000_000_000).tolist(), series.to_numpy("float64").tolist(), strict=True))

    def curves(self, bars: Known) -> tuple[Any, ...]:
        """Look up each bar."""
        nan = float("nan")
        return (np.array([self._values.get(start, nan) for start in bars.start_s.tolist()], dtype=float),)


class Made(Study):
    """What a function makes of the DataFrame of the bars: a Series of the same index."""

    each_time = True

    def __init__(self, function: Function) -> None:
        super().__init__(clean(getattr(function, "__name__", type(function).__name__), 40), FUNCTION_BARS)
        self._function = function

    def curves(self, bars: Known) -> tuple[Any, ...]:
        """Call the function. Raises what it raises, and :class:`UsageError` for what is no such Series."""
        frame = bars.frame()
        series = self._function(frame)
        if not isinstance(series, pd.Series) or not series.index.equals(frame.index):
            raise UsageError(f"returned {type(series).__name__}: a Series with the index of its DataFrame is wanted")
        return (series.to_numpy("float64", na_value=np.nan),)


def _windows(values: Floats, n: int) -> Any:
    """Return each ``n`` neighbours as a row."""
    return np.lib.stride_tricks.sliding_window_view(values, n) if len(values) >= n else np.empty((0, n))


def _led(values: Floats, length: int) -> Floats:
    """Return values with NaN before them."""
    return np.concatenate([np.full(length - len(values), np.nan), values])


def _since(values: Floats, first: Ints) -> Floats:
    """Return at each bar the sum from the bar at ``first`` to it."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    since: Floats = sums[1:] - sums[first]
    return since
