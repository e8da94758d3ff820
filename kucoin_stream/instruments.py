"""What is traded: spot symbols and futures contracts, looked up with a hint where a name is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import TypeVar

from kucoin_stream.checks import is_futures, nearest
from kucoin_stream.errors import UnknownSymbolError, UsageError
from kucoin_stream.protocol.messages.contracts import ContractInfo
from kucoin_stream.protocol.messages.rest import SymbolInfo
from kucoin_stream.protocol.topic import FUTURES, Connection, Topic
from kucoin_stream.transport.engine import Engine

T = TypeVar("T")


class Instruments:
    """The symbols of one exchange. Futures contracts are loaded when first asked for. Safe from any thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __repr__(self) -> str:
        return f"<Instruments {len(self._engine.symbols)} spot, {len(self._engine.contracts) or 'unknown'} futures>"

    @property
    def contracts(self) -> dict[str, ContractInfo]:
        """All futures contracts by symbol. Raises :class:`UsageError` where the region has none."""
        engine = self._engine
        if not engine.contracts:
            engine.venue.check(Connection.FUTURES_PUBLIC)
            found = engine.call(engine.futures_rest.contracts, timeout=2 * engine.settings.request_timeout)
            engine.contracts = {info.symbol: info for info in found}  # in one step: other threads read it
        return engine.contracts

    def symbol(self, symbol: str) -> SymbolInfo:
        """Return what the exchange says of a spot symbol; raise :class:`UnknownSymbolError` with the nearest ones."""
        if is_futures(symbol):
            raise UnknownSymbolError(f"{symbol} is a futures symbol; client.futures has its feeds")
        return _look_up(symbol, self._engine.symbols, "symbol", "client.symbols")

    def contract(self, symbol: str) -> ContractInfo:
        """Return what the exchange says of a futures contract; raise :class:`UnknownSymbolError` with the nearest."""
        if isinstance(symbol, str) and symbol in self._engine.symbols:
            raise UnknownSymbolError(f"{symbol} is a spot symbol; client.spot has its feeds")
        return _look_up(symbol, self.contracts, "futures symbol", "client.contracts")

    def find(self, symbol: str) -> SymbolInfo | ContractInfo:
        """Return what the exchange says of a symbol: of spot, or by its form of futures (``XBTUSDTM``)."""
        return self.contract(symbol) if is_futures(symbol) else self.symbol(symbol)

    def matching(self, row: Topic, pattern: str) -> list[str]:
        """Return what of the market of ``row`` is like ``pattern``, with ``*`` and ``?``; spot without halted symbols.

        Raises :class:`UnknownSymbolError` where nothing is.
        """
        if row.connection in FUTURES:
            known = list(self.contracts)
        else:
            known = [symbol for symbol, info in self._engine.symbols.items() if info.enable_trading]
        if not (found := [symbol for symbol in known if fnmatchcase(symbol, pattern)]):
            where = "client.contracts" if row.connection in FUTURES else "client.symbols"
            raise UnknownSymbolError(f"none of {len(known)} symbols is like {pattern[:50]!r}; {where} lists them")
        return found

    def check(self, row: Topic, symbol: str) -> None:
        """Raise :class:`UnknownSymbolError` where a feed of ``row`` cannot have this symbol."""
        if row.connection in FUTURES:
            self.contract(symbol)
        elif row.name.startswith(("spot.", "pro_spot.")):
            self.symbol(symbol)


def _look_up(symbol: str, known: Mapping[str, T], what: str, where: str) -> T:
    if not isinstance(symbol, str):
        raise UsageError(f"a symbol is text such as 'BTC-USDT', not {type(symbol).__name__}")
    if symbol in known:
        return known[symbol]
    near = nearest(symbol, known)
    hint = f"; did you mean {' or '.join(near)}?" if near else f"; {where} lists them"
    raise UnknownSymbolError(f"no such {what} {symbol[:50]!r}{hint}")
