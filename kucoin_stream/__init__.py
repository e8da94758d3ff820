"""KuCoin live in a notebook: order books, klines and trades as pandas frames and streamz sources.

    import kucoin_stream as ks

    ks.connect()                                         # KuCoin if it can be reached, else the built-in exchange
    book = ks.book("BTC-USDT")                           # a live order book
    bars = ks.klines("BTC-USDT", "1min", history=500)    # history, then the live bar
    trades = ks.trades("BTC-USDT", "ETH-USDT")           # a streamz source

Importing starts no thread, opens no socket and patches nothing; each name below loads what it needs on first use.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kucoin_stream import errors
    from kucoin_stream.client import Client
    from kucoin_stream.default import connect, stop
    from kucoin_stream.diagnosis.doctor import doctor
    from kucoin_stream.frames.aligned import align
    from kucoin_stream.frames.schema import schema
    from kucoin_stream.front import (
        book,
        books,
        dashboard,
        events,
        feed,
        history,
        kline_updates,
        klines,
        level2,
        ps,
        record,
        session,
        shard,
        status,
        ticker,
        trades,
    )
    from kucoin_stream.jupyter import load_ipython_extension, unload_ipython_extension
    from kucoin_stream.protocol.decoding import decode
    from kucoin_stream.running import run
    from kucoin_stream.settings import Settings

__version__ = "0.1.0"

_HOMES = {
    "Client": "client",
    "Settings": "settings",
    "align": "frames.aligned",
    "book": "front",
    "books": "front",
    "connect": "default",
    "dashboard": "front",
    "decode": "protocol.decoding",
    "doctor": "diagnosis.doctor",
    "errors": "",
    "events": "front",
    "feed": "front",
    "history": "front",
    "kline_updates": "front",
    "klines": "front",
    "level2": "front",
    "load_ipython_extension": "jupyter",
    "ps": "front",
    "record": "front",
    "run": "running",
    "schema": "frames.schema",
    "session": "front",
    "shard": "front",
    "status": "front",
    "stop": "default",
    "ticker": "front",
    "trades": "front",
    "unload_ipython_extension": "jupyter",
}

__all__ = [  # noqa: RUF022  front door first
    "connect",
    "book",
    "books",
    "klines",
    "history",
    "trades",
    "ticker",
    "level2",
    "kline_updates",
    "feed",
    "events",
    "dashboard",
    "record",
    "session",
    "shard",
    "align",
    "schema",
    "decode",
    "status",
    "ps",
    "doctor",
    "run",
    "stop",
    "Client",
    "Settings",
    "errors",
    "load_ipython_extension",
    "unload_ipython_extension",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if not home:
        return import_module(f"{__name__}.{name}")
    if home in ("client", "default", "front") and "IPython" in sys.modules:
        import_module(f"{__name__}.jupyter").watch(anew=False)  # so that a cell that runs again replaces what it left
    value = globals()[name] = getattr(import_module(f"{__name__}.{home}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*__all__, "__version__"})


if "pandas" in sys.modules:  # or whatever makes frames does it: ``df.kucoin``
    import_module(f"{__name__}.analytics.accessor")
