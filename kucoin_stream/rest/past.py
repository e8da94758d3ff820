"""What a client tells of the past: bars, trades and funding rates, as DataFrames."""

from __future__ import annotations

import datetime
import re
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd

from kucoin_stream.checks import check_interval, is_futures
from kucoin_stream.errors import UnknownSymbolError, UsageError
from kucoin_stream.frames.fetching import learn_clock
from kucoin_stream.protocol import endpoints, topics
from kucoin_stream.protocol.messages.contracts import ContractInfo
from kucoin_stream.protocol.messages.rest import SymbolInfo
from kucoin_stream.rest.cache import Cache, Shelf, utc_time
from kucoin_stream.rest.history import Fetch, asked, attributes, collect, filled
from kucoin_stream.rest.times import Time, timestamp
from kucoin_stream.transport.engine import Engine
from kucoin_stream.transport.target import is_loopback

if TYPE_CHECKING:
    from kucoin_stream.rest.api import RestApi  # 30 ms to import: with the first call

Since = Time | datetime.timedelta | np.timedelta64
"""A time, or how long before the end: ``pd.Timedelta("3h")``, or as text ``"3h"``."""

_LENGTH = re.compile(r"-?\d+(\.\d+)?\s*[A-Za-z]+")  # no time that pandas reads is like that

_LATEST = 9_000_000_000  # Unix s, of 2255: pandas ends in 2262, and ms are larger
_TRADES = ["time", "symbol", "side", "price", "size", "sequence"]


class Owner(Protocol):
    """Whose past it is: the client."""

    @property
    def engine(self) -> Engine:
        """The floor below."""

    @property
    def rest(self) -> RestApi:
        """Every REST call."""

    @property
    def contracts(self) -> list[str]:
        """All futures symbols."""

    def instrument(self, symbol: str) -> SymbolInfo | ContractInfo:
        """Return what the exchange says of a symbol."""

    def contract(self, symbol: str) -> ContractInfo:
        """Return what the exchange says of a futures contract."""


class Past(Owner):
    """The verbs of a client that tell of the past; each waits in the caller's thread. Safe from any thread."""

    @cached_property
    def cache(self) -> Cache:
        """The bars of this exchange that are kept on this machine: ``client.cache.info()``, ``.clear()``."""
        engine = self.engine
        return Cache(engine.target.mode, {"spot": engine.rest.base, "futures": engine.futures_rest.base})

    def history(
        self,
        symbol: str,
        interval: str,
        start: Since,
        end: Time | None = None,
        *,
        fill: bool = True,
        cache: bool | None = None,
    ) -> pd.DataFrame:
        """Return the bars of ``symbol`` that began at ``start`` or later and had ended by ``end``, now by default.

        Times are datetimes, ISO text or Unix seconds, UTC where they say nothing else; ``start`` may be a timedelta
        before the end, or its text: ``"3h"``. ``symbol``: of spot, of futures (``XBTUSDTM``), or an index of contracts
        (``.KXBTUSDT``). Index ``time`` is the begin of the bar, columns and units those of :class:`LiveKlines`, and
        ``filled``: the exchange leaves out bars in which nothing was traded; they are there flat, at the close before,
        and marked. With ``fill=False`` they are not. Weeks and months are not filled. ``df.attrs``: ``missing``, how
        many were filled, ``cached``, how many bars came from the cache. A bar that ended just now may lack its last
        trades.

        It takes a call for 1,500 bars of spot or 500 of futures, within the quotas, with a bar where it takes long.
        Bars that have ended are kept on this machine (:attr:`cache`) and only asked for once, also where Ctrl-C ends
        it half way; ``cache=False`` does without. Those of an exchange on this machine are kept with ``cache=True``
        only, those of the built-in one never. Raises :class:`UsageError`, :class:`UnknownSymbolError`, and as
        :class:`RestApi`. Sources: protocol.md 4.8, 8.2.6, 8.3.2.
        """
        engine, market = self.engine, _market(self, symbol)
        known = topics.FUTURES_INTERVALS if market == "futures" else topics.INTERVALS
        shelf = Shelf(market, symbol, check_interval(interval, known), known[interval])
        kept = self.cache if _is_cached(engine, market, cache) else None
        engine.call(learn_clock, engine.rest, timeout=2 * engine.settings.request_timeout)
        now = engine.rest.now()
        wanted = asked(shelf, _most(market), *between(start, end, now))
        found = collect(wanted, _fetch(self.rest, shelf), kept, now)
        bars = filled(found.bars, wanted) if fill else found.bars
        return _marked(engine, bars, f"{symbol} {interval}", found.cached)

    def trade_history(self, symbol: str) -> pd.DataFrame:
        """Return the last trades of ``symbol``, oldest first: 100, all that KuCoin tells of the past.

        For more, record: ``client.record("day.kcs", feed)``. Columns ``time`` (UTC), ``symbol``, ``side`` (of the
        taker), ``price``, ``size`` (base currency; of futures lots), ``sequence``. Raises :class:`UnknownSymbolError`,
        and as :class:`RestApi`. Sources: protocol.md 8.2.5, 8.3.
        """
        if isinstance(self.instrument(symbol), ContractInfo):
            trades = self.rest.futures_market.get_trade_history(symbol).rename(columns={"ts": "time"})
        else:
            trades = self.rest.spot_market.get_trade_history(symbol)
        trades["symbol"] = pd.Categorical([symbol] * len(trades), categories=[symbol])
        trades = trades[_TRADES].sort_values("sequence", ignore_index=True).astype({"size": "float64"})
        return _marked(self.engine, trades, f"{symbol} trades")

    def funding_history(self, symbol: str, start: Since, end: Time | None = None) -> pd.DataFrame:
        """Return the funding rates of a contract, settled from ``start`` to ``end`` (now by default), oldest first.

        Times as in :meth:`history`. Index ``time`` (UTC, of the settlement), columns ``symbol`` and ``funding_rate`` (a
        fraction of the position). Raises as :meth:`history`. Source: KuCoin API docs, "Get Public Funding History".
        """
        self.contract(symbol)
        begin, until = between(start, end, self.engine.rest.now())
        rates = self.rest.futures_funding.get_public_funding_history(symbol, begin, until)
        rates = rates.rename(columns={"timepoint": "time"})[["time", "symbol", "funding_rate"]]
        rates = rates.drop_duplicates("time").set_index("time").sort_index()
        return _marked(self.engine, rates, f"{symbol} funding")


def between(start: Since, end: Time | None, now: float) -> tuple[pd.Timestamp, pd.Timestamp]:
    """Return both ends as UTC timestamps; the end is at most ``now`` (Unix s). Raises :class:`UsageError`."""
    latest = utc_time(int(now))
    until = latest if end is None else min(_time(end), latest)
    length = _length(start)
    begin = _time(start) if length is None else until - length
    if begin >= until:
        raise UsageError(f"start={start!r} is not before the end, {until:%Y-%m-%d %H:%M:%S} UTC")
    return begin, until


def _length(given: Any) -> pd.Timedelta | None:
    """Return a length of time; ``None`` where that is none."""
    text = isinstance(given, str) and _LENGTH.fullmatch(given.strip())
    if not text and not isinstance(given, datetime.timedelta | np.timedelta64):
        return None
    with suppress(ValueError):
        if not pd.isna(length := pd.Timedelta(given)):
            return length
    return None


def _time(given: Any) -> pd.Timestamp:
    """Return a time; a number is in Unix seconds."""
    if isinstance(given, (int, float)) and not isinstance(given, bool) and 0 <= given < _LATEST:
        return pd.Timestamp(given, unit="s", tz="UTC").as_unit("ns")
    return timestamp(given)


def _market(client: Owner, symbol: str) -> str:
    """Return whose bars those of ``symbol`` are; raises :class:`UnknownSymbolError`."""
    if not isinstance(symbol, str) or not symbol.startswith("."):
        client.instrument(symbol)
        return "futures" if is_futures(symbol) else "spot"
    if symbol not in {client.contract(each).index_symbol for each in client.contracts}:
        raise UnknownSymbolError(f"no such index {symbol[:50]!r}; client.contract('XBTUSDTM').index_symbol is one")
    return "futures"


def _most(market: str) -> int:
    return endpoints.endpoint(f"{market}_market", "get_klines").most or 1


def _fetch(rest: RestApi, shelf: Shelf) -> Fetch:
    """Return what fetches a page of bars."""
    calls: Any = rest  # whose types name each interval

    def spot(first: int, last: int) -> pd.DataFrame:
        bars: pd.DataFrame = calls.spot_market.get_klines(shelf.symbol, shelf.interval, start_at=first, end_at=last)
        return bars

    def futures(first: int, last: int) -> pd.DataFrame:
        window = {"from_": first * 1000, "to": last * 1000}
        bars: pd.DataFrame = calls.futures_market.get_klines(shelf.symbol, shelf.step // 60, **window)
        return bars

    return futures if shelf.market == "futures" else spot


def _is_cached(engine: Engine, market: str, wanted: bool | None) -> bool:
    if engine.target.mode in ("sim", "replay"):
        if wanted:
            raise UsageError("the built-in exchange has another past each time: nothing of it is kept")
        return False
    base = engine.futures_rest.base if market == "futures" else engine.rest.base
    return not is_loopback(base) if wanted is None else wanted


def _marked(engine: Engine, frame: pd.DataFrame, title: str, cached: int = 0) -> pd.DataFrame:
    target = engine.target
    frame.attrs.clear()
    frame.attrs.update(attributes(title, target.mode, target.badge, frame, cached))
    return frame
