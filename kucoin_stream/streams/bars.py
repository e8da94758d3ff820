"""Klines from trades, as the exchange makes them: ``trades.to_klines("1min")``."""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter, itemgetter
from typing import Any

from streamz import Stream

from kucoin_stream.errors import UsageError
from kucoin_stream.protocol.events import News
from kucoin_stream.protocol.messages.spot import Candle, KlineUpdate
from kucoin_stream.protocol.topics import INTERVALS
from kucoin_stream.streams.moments import time_ns_of
from kucoin_stream.streams.periods import Period, Periods, intervals
from kucoin_stream.streams.timed import Timed

MOST_FLAT = 1500  # bars without a trade in a row; as many as one REST answer has (protocol.md 8.2.6)
_UNFILLED = ("1week", "1month")  # as in the frames of klines: where they begin is not documented


class _Bar:
    __slots__ = ("close", "high", "low", "open", "time_ns", "turnover", "volume")

    def __init__(self, price: float) -> None:
        self.open = self.close = self.high = self.low = price
        self.volume = self.turnover = 0.0

    def trade(self, price: float, size: float, time_ns: int) -> None:
        self.close = price
        self.high = max(self.high, price)
        self.low = min(self.low, price)
        self.volume += size
        self.turnover += price * size
        self.time_ns = time_ns


class to_klines(Timed):  # noqa: N801  the name of the method on Stream
    """Make klines of trades: a :class:`KlineUpdate` for each bar that is closed; for each trade with ``closed=False``.

    ``volume`` is the sum of sizes, ``turnover`` that of price times size times ``multiplier`` (of a futures contract),
    ``time_ns`` the time of the last trade. A bar is closed by the next trade of its symbol, or by one of another
    symbol a second after its end. As on the exchange a bar without trades is a flat one at the close before it, made
    when the next trade comes (``fill``; not for weeks and months, whose begin is not documented).

    The bar in which a symbol's first trade falls, or the first one after a gap that the feed tells of
    (``news=True``), may lack some: it is left out unless ``partial``. A trade that comes for a closed bar is left out
    and counted in ``late``. Raises :class:`UsageError` for an interval that KuCoin has not (protocol.md 4.8).
    """

    def __init__(
        self,
        upstream: Stream,
        interval: str = "1min",
        *,
        closed: bool = True,
        fill: bool = True,
        partial: bool = False,
        multiplier: float = 1.0,
        **kwargs: Any,
    ) -> None:
        if interval not in INTERVALS:
            raise UsageError(f"interval={interval!r}; there are: {', '.join(INTERVALS)}")
        self.interval = interval
        self._every_trade = not closed
        self._partial = partial
        self._multiplier = multiplier
        self._step = INTERVALS[interval] if fill and interval not in _UNFILLED else 0  # seconds
        self._periods: Periods[_Bar] = Periods(intervals(interval))
        self._last: dict[str, Candle] = {}  # by symbol, the last bar that was closed
        super().__init__(upstream, **kwargs)

    @property
    def late(self) -> int:
        """Trades that came too late for their bar."""
        return self._periods.late

    def update(self, x: Any, who: Any = None, metadata: Any = None) -> Any:  # noqa: ARG002  streamz's signature
        """Count a trade in; hand on the bars that it closes."""
        if isinstance(x, News):
            self._tell(x)
            return self.pending
        symbol, price, size = _read(x)
        time_ns = time_ns_of(x)
        for over in self._periods.ends(time_ns):
            self._close(over)
        period, ended = self._periods.of(symbol, time_ns)
        if ended is not None:
            self._close(ended)
        if period is not None:
            if period.content is None:
                period.content = _Bar(price)
                self._fill(period)
            period.content.trade(price, size, time_ns)
            if self._every_trade:
                self._give(period)
        return self.pending

    def _tell(self, news: News) -> None:
        if not self._partial:
            for symbol in [each for each in self._periods.symbols if each in news.topic]:
                self._periods.forget(symbol)
                self._last.pop(symbol, None)
        self.hand_on(news)

    def _close(self, period: Period[_Bar]) -> None:
        if not self._every_trade:
            self._give(period)
        if self._step:
            self._last[period.symbol] = self._candle(period)

    def _give(self, period: Period[_Bar]) -> None:
        if period.content is not None and (self._partial or not period.first):
            self._update(period.symbol, self._candle(period), period.content.time_ns)

    def _fill(self, period: Period[_Bar]) -> None:
        """Hand on the bars without a trade before a new one."""
        last = self._last.get(period.symbol)
        if last is None:
            return
        for candle in _flat(last, period.start_ns // 10**9, self._step):
            self._update(period.symbol, candle, (candle.start_s + self._step) * 10**9)

    def _candle(self, period: Period[_Bar]) -> Candle:
        bar = period.content
        assert bar is not None  # noqa: S101  a period begins with a trade
        turnover = bar.turnover * self._multiplier
        return Candle(period.start_ns // 10**9, bar.open, bar.close, bar.high, bar.low, bar.volume, turnover)

    def _update(self, symbol: str, candle: Candle, time_ns: int) -> None:
        self.hand_on(KlineUpdate(symbol, candle, time_ns, self.interval))


_of_dict, _of_object = itemgetter("symbol", "price", "size"), attrgetter("symbol", "price", "size")


def _read(trade: Any) -> tuple[str, float, float]:
    """Return symbol, price and size of a trade, or of a dict with these."""
    try:
        return _of_dict(trade) if isinstance(trade, dict) else _of_object(trade)
    except (AttributeError, KeyError):
        kind = type(trade).__name__
        raise UsageError(
            f"to_klines() takes trades, with symbol, price, size and a time, not {kind}: "
            "put it before what makes something else of them"
        ) from None


def _flat(last: Candle, until_s: int, step: int) -> Iterator[Candle]:
    price = last.close
    for start in range(max(last.start_s, until_s - (MOST_FLAT + 1) * step) + step, until_s, step):
        yield Candle(start, price, price, price, price, 0.0, 0.0)
