"""The front door's functions: the same as the methods of :class:`Client`, on the default client."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, overload

import pandas as pd

from kucoin_stream.client import Client
from kucoin_stream.default import current, default_client
from kucoin_stream.frames.book import LiveBook
from kucoin_stream.frames.bookchoice import Source
from kucoin_stream.frames.books import LiveBooks
from kucoin_stream.frames.klines import LiveKlines
from kucoin_stream.frames.status import LiveStatus
from kucoin_stream.overview import processes
from kucoin_stream.protocol.events import News
from kucoin_stream.protocol.messages.unions import Increment, KlineUpdate, Ticker, Trade
from kucoin_stream.recordings import Recording
from kucoin_stream.recordings import Source as RecordSource
from kucoin_stream.rest.past import Since
from kucoin_stream.rest.times import Time
from kucoin_stream.sessions import MAXLEN, Session, length
from kucoin_stream.streams.feed import Feed
from kucoin_stream.streams.lifecycle import Events

if TYPE_CHECKING:
    from kucoin_stream.shards.shards import Shards
    from kucoin_stream.widgets.dashboard import Dashboard


def feed(topic: str, *arguments: str, **options: Any) -> Feed[Any]:
    return default_client().feed(topic, *arguments, **options)


@overload
def ticker(*symbols: str, news: Literal[True], stream_name: str | None = ...) -> Feed[Ticker | News]: ...
@overload
def ticker(*symbols: str, news: Literal[False] | None = ..., stream_name: str | None = ...) -> Feed[Ticker]: ...
def ticker(*symbols: str, **options: Any) -> Feed[Ticker] | Feed[Ticker | News]:
    return default_client().ticker(*symbols, **options)


@overload
def trades(*symbols: str, news: Literal[True], stream_name: str | None = ...) -> Feed[Trade | News]: ...
@overload
def trades(*symbols: str, news: Literal[False] | None = ..., stream_name: str | None = ...) -> Feed[Trade]: ...
def trades(*symbols: str, **options: Any) -> Feed[Trade] | Feed[Trade | News]:
    return default_client().trades(*symbols, **options)


@overload
def level2(symbol: str, *, news: Literal[False], stream_name: str | None = ...) -> Feed[Increment]: ...
@overload
def level2(
    symbol: str, *, news: Literal[True] | None = ..., stream_name: str | None = ...
) -> Feed[Increment | News]: ...
def level2(symbol: str, **options: Any) -> Feed[Increment] | Feed[Increment | News]:
    return default_client().level2(symbol, **options)


@overload
def kline_updates(
    symbol: str, interval: str, *, news: Literal[True], stream_name: str | None = ...
) -> Feed[KlineUpdate | News]: ...
@overload
def kline_updates(
    symbol: str, interval: str, *, news: Literal[False] | None = ..., stream_name: str | None = ...
) -> Feed[KlineUpdate]: ...
def kline_updates(symbol: str, interval: str, **options: Any) -> Feed[KlineUpdate] | Feed[KlineUpdate | News]:
    return default_client().kline_updates(symbol, interval, **options)


def book(symbol: str, *, source: Source | None = None, audit_every: float | None = None) -> LiveBook:
    return default_client().book(symbol, source=source, audit_every=audit_every)


def books(*symbols: str, source: Source | None = None) -> LiveBooks:
    return default_client().books(*symbols, source=source)


def shard(
    symbols: str | Iterable[str], dask_client: Any, *, source: Source | None = None, every: float = 0.25
) -> Shards:
    return default_client().shard(symbols, dask_client, source=source, every=every)


def klines(
    symbol: str, interval: str, history: int = 500, maxlen: int | None = None, *, start: Since | None = None
) -> LiveKlines:
    return default_client().klines(symbol, interval, history, maxlen, start=start)


def history(
    symbol: str, interval: str, start: Since, end: Time | None = None, *, fill: bool = True, cache: bool | None = None
) -> pd.DataFrame:
    return default_client().history(symbol, interval, start, end, fill=fill, cache=cache)


def dashboard(
    *symbols: str,
    kinds: Iterable[str] | None = None,
    interval: str = "1min",
    options: Mapping[str, Mapping[str, Any]] | None = None,
    **misplaced: Any,
) -> Dashboard:
    return default_client().dashboard(*symbols, kinds=kinds, interval=interval, options=options, **misplaced)


def record(path: str | os.PathLike[str], *sources: RecordSource, private: bool = False) -> Recording:
    return default_client().record(path, *sources, private=private)


def status() -> LiveStatus:
    return default_client().status()


for _each in (
    feed,
    ticker,
    trades,
    level2,
    kline_updates,
    book,
    books,
    klines,
    history,
    dashboard,
    record,
    status,
    shard,
):
    _each.__doc__ = getattr(Client, _each.__name__).__doc__


def ps() -> pd.DataFrame:
    client = current()
    return processes.table(client.engine if client is not None else None)


ps.__doc__ = Client.ps.__doc__


def session(
    *, minutes: float = 0.0, seconds: float = 0.0, maxlen: int = MAXLEN, client: Client | None = None
) -> Session:
    """Return what collects for a time: ``with ks.session(minutes=5) as s: s.trades("BTC-USDT")``, then ``s.frames``.

    :class:`Session` says how it ends. ``maxlen``: rows kept of each frame; ``client``: the default one, connected
    "auto" where there is none. Raises :class:`UsageError` where no time is given.
    """
    seconds = length(minutes, seconds)  # raises before anything is connected
    return Session(default_client() if client is None else client, seconds, maxlen)


def events(*names: str) -> Events:
    return default_client().events.only(*names)


events.__doc__ = Events.__doc__
