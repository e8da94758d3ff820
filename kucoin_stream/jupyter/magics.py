"""The ``%kucoin`` magic: a table of subcommands."""

from __future__ import annotations

import argparse
import inspect
import shlex
import sys
from typing import Any, NoReturn

from IPython.core.error import UsageError

from kucoin_stream.errors import KucoinStreamError
from kucoin_stream.jupyter import completion
from kucoin_stream.jupyter.completion import Command


def _front(name: str) -> Any:
    import kucoin_stream

    return getattr(kucoin_stream, name)


def _connect(given: argparse.Namespace, _: Any) -> Any:
    options = {} if given.region is None else {"region": given.region}
    return _front("connect")(given.target, **options)


def _stop(given: argparse.Namespace, shell: Any) -> None:
    if not given.name:
        _front("stop")()
    for name in given.name:
        stop = getattr(shell.user_ns.get(name), "stop", None)
        if stop is None:
            raise UsageError(f"{name} is not a live object")
        stop()


def _klines(given: argparse.Namespace, _: Any) -> Any:
    return _front("klines")(given.symbol, given.interval, history=given.history)


COMMANDS = {
    "connect": Command(_connect, ("target",), options=("--region",)),
    "book": Command(lambda given, _: _front("book")(given.symbol), ("symbol",)),
    "klines": Command(_klines, ("symbol", "interval"), options=("--history",)),
    "trades": Command(lambda given, _: _front("trades")(*given.symbol), ("symbol",), repeats=True),
    "ticker": Command(lambda given, _: _front("ticker")(*given.symbol), ("symbol",), repeats=True),
    "status": Command(lambda *_: _front("status")()),
    "stop": Command(_stop, ("name",), repeats=True),
}


class Magic:
    """The magic of one shell."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell

    def kucoin(self, line: str = "") -> Any:
        """KuCoin live: a live object as the value of the cell, or of an assignment.

        %kucoin connect [auto|live|sim|URL|FILE] [--region EU]    connect, and end the connection before
        %kucoin book BTC-USDT                                     order book
        %kucoin klines BTC-USDT 1min [--history 500]              candles: history, then the live one
        %kucoin trades BTC-USDT [ETH-USDT ...]                    every trade
        %kucoin ticker BTC-USDT [ETH-USDT ...]                    last trade, best bid and ask
        %kucoin status                                            the state of the connections
        %kucoin stop [NAME ...]                                   end these variables' objects, or everything

        `book = %kucoin book BTC-USDT` keeps the object in a variable. Tab completes commands, symbols and intervals.
        Keys are not accepted here, since IPython stores every line: see ks.connect.
        """
        try:
            words = shlex.split(line)
            if not words:
                sys.stdout.write(f"{inspect.getdoc(self.kucoin)}\n")
                return None
            given = _parser().parse_args(words)
            return COMMANDS[given.command].run(given, self._shell)
        except (KucoinStreamError, ValueError) as exc:  # ValueError: a quotation that does not end
            raise UsageError(f"%kucoin: {exc}") from exc


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{self.prog}: {message.removeprefix('argument command: ')}")


def _parser() -> _Parser:
    parser = _Parser("%kucoin", add_help=False)
    commands = parser.add_subparsers(dest="command", parser_class=_Parser)
    for name, command in COMMANDS.items():
        sub = commands.add_parser(name, add_help=False)
        for position in command.positions:
            several = "*" if name == "stop" else "+" if command.repeats else "?" if name == "connect" else None
            sub.add_argument(position, nargs=several)
        if "--history" in command.options:
            sub.add_argument("--history", type=int, default=500)
        if "--region" in command.options:
            sub.add_argument("--region")
    return parser


# --- one for each shell -----------------------------------------------------------------------------------------


def register(shell: Any) -> None:
    """Add ``%kucoin`` and its completion to ``shell``."""
    shell.register_magic_function(Magic(shell).kucoin, "line", "kucoin")
    completion.register(shell, COMMANDS)


def unregister(shell: Any) -> None:
    """Take both away; IPython has no call for it."""
    shell.magics_manager.magics["line"].pop("kucoin", None)
    completion.unregister(shell)
