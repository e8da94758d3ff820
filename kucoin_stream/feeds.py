"""What a client subscribes to, by the names that spot and futures share."""

from __future__ import annotations

from typing import Any, Literal, overload

from kucoin_stream.namespaces import Namespace
from kucoin_stream.protocol.events import News
from kucoin_stream.protocol.messages.unions import Increment, KlineUpdate, Ticker, Trade
from kucoin_stream.streams.feed import Feed


class Feeds:
    """The verbs of a client that return feeds; with ``news=True`` the stream has :class:`News` among its messages."""

    _common: Namespace

    @overload
    def ticker(self, *symbols: str, news: Literal[True], stream_name: str | None = ...) -> Feed[Ticker | News]: ...
    @overload
    def ticker(
        self, *symbols: str, news: Literal[False] | None = ..., stream_name: str | None = ...
    ) -> Feed[Ticker]: ...
    def ticker(self, *symbols: str, **options: Any) -> Feed[Ticker] | Feed[Ticker | News]:
        """Best bid and ask, and of spot the last trade, at most one in 100 ms a symbol (protocol.md 4.1, 4.20).

        ``"*-USDT"`` stands for all these symbols; ``"*"``, all of spot, comes on one topic (4.2).
        """
        return self._common.ticker(*symbols, **options)

    @overload
    def trades(self, *symbols: str, news: Literal[True], stream_name: str | None = ...) -> Feed[Trade | News]: ...
    @overload
    def trades(
        self, *symbols: str, news: Literal[False] | None = ..., stream_name: str | None = ...
    ) -> Feed[Trade]: ...
    def trades(self, *symbols: str, **options: Any) -> Feed[Trade] | Feed[Trade | News]:
        """Every match (protocol.md 4.9, 4.25)."""
        return self._common.trades(*symbols, **options)

    @overload
    def level2(self, symbol: str, *, news: Literal[False], stream_name: str | None = ...) -> Feed[Increment]: ...
    @overload
    def level2(
        self, symbol: str, *, news: Literal[True] | None = ..., stream_name: str | None = ...
    ) -> Feed[Increment | News]: ...
    def level2(self, symbol: str, **options: Any) -> Feed[Increment] | Feed[Increment | News]:
        """The order book's increments as they come, with news where some are missing (protocol.md 4.5, 4.22, 5)."""
        return self._common.level2(symbol, **options)

    @overload
    def kline_updates(
        self, symbol: str, interval: str, *, news: Literal[True], stream_name: str | None = ...
    ) -> Feed[KlineUpdate | News]: ...
    @overload
    def kline_updates(
        self, symbol: str, interval: str, *, news: Literal[False] | None = ..., stream_name: str | None = ...
    ) -> Feed[KlineUpdate]: ...
    def kline_updates(self, symbol: str, interval: str, **options: Any) -> Feed[KlineUpdate] | Feed[KlineUpdate | News]:
        """The live bar after each change (protocol.md 4.8, 4.24)."""
        return self._common.klines(symbol, interval=interval, **options)
