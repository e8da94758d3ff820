"""The feeds by family, under plain names: ``client.futures.trades("XBTUSDTM")``, ``client.pro.ticker("BTC-USDT")``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from kucoin_stream.checks import is_futures
from kucoin_stream.errors import UsageError, hint
from kucoin_stream.protocol.topics import TOPICS, Topic
from kucoin_stream.streams.feed import Feed

_WHOLE = {"spot.ticker": "spot.all_tickers", "pro_futures.funding_rate": "pro_futures.all_funding_rates"}
"""Rows of which another has all symbols on one topic."""


class Feeder(Protocol):
    """What makes feeds: the client."""

    def feed(self, topic: str, *arguments: str, interval: str | None = None, **options: Any) -> Feed[Any]:
        """Return a feed of a row of the catalogue."""


class Namespace:
    """The rows of the catalogue of one family. Completion lists them; each is a function that returns a feed.

    Where spot and futures both have a row of that name, the form of the symbols says which is meant.
    """

    def __init__(self, client: Feeder, *families: str) -> None:
        self._client = client
        self._families = families

    def __repr__(self) -> str:
        return f"<{' and '.join(self._families)}: {', '.join(dir(self))}>"

    def __dir__(self) -> list[str]:
        return sorted({name.partition(".")[2] for name in TOPICS if name.partition(".")[0] in self._families})

    def __getattr__(self, name: str) -> Callable[..., Feed[Any]]:
        if name.startswith("_"):  # no feed: Python asks for these, of copies even before they have families
            raise AttributeError(name)
        rows = [row for family in self._families if (row := TOPICS.get(f"{family}.{name}"))]
        if not rows:
            raise AttributeError(f"no such feed {name!r}; {hint(name, dir(self))}")

        def feed(*symbols: str, interval: str | None = None, **options: Any) -> Feed[Any]:
            row = _meant(rows, symbols)
            if symbols == ("*",) and row.name in _WHOLE:
                return self._client.feed(_WHOLE[row.name], interval=interval, **options)
            return self._client.feed(row.name, *symbols, interval=interval, **options)

        feed.__name__ = feed.__qualname__ = name
        feed.__doc__ = "\n\n".join(
            f"Return a feed of ``{row.name}`` (protocol.md {row.section}): {row.doc}" for row in rows
        )
        return feed


def _meant(rows: list[Topic], symbols: tuple[str, ...]) -> Topic:
    if len(rows) == 1:
        return rows[0]
    kinds = {is_futures(symbol) for symbol in symbols}
    if len(kinds) > 1:
        raise UsageError("spot and futures symbols travel on different connections: make a feed of each")
    return rows[True in kinds]
