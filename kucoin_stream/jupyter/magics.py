"""The ``%kucoin`` magic and its completion."""

from __future__ import annotations

import argparse
import inspect
import re
import shlex
import sys
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NoReturn

from IPython.core import completer
from IPython.core.error import UsageError
from msgspec import Struct

from kucoin_stream.errors import KucoinStreamError
from kucoin_stream.protocol.topics import INTERVALS
from kucoin_stream.settings import REST_BASE

_CALL = re.compile(r"(?:.*%|\s*)kucoin\s(?P<rest>.*)")  # also without %, and behind "book = "
_MATCHER = "kucoin_stream"
_TARGETS = ("auto", "live", "sim")


class Command(Struct, frozen=True):
    """One subcommand: what it runs, what its positions mean (the last may repeat), its options."""

    run: Callable[[argparse.Namespace, Any], Any]
    positions: tuple[str, ...] = ()
    repeats: bool = False
    options: tuple[str, ...] = ()


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

    def complete(self, _: Any, event: Any) -> list[str]:
        """Return what may stand at the cursor: the ``complete_command`` hook of IPython 7."""
        return self._at_cursor(event.text_until_cursor)[1]

    def match(self, context: Any) -> dict[str, Any]:
        """Return the same as a matcher of IPython 8.6 and later, which keeps Jedi's guesses out."""
        word, found = self._at_cursor(context.text_until_cursor)
        completions = [completer.SimpleCompletion(text=each, type="kucoin") for each in found]
        return {"completions": completions, "matched_fragment": word, "ordered": True, "suppress": bool(found)}

    def _at_cursor(self, text: str) -> tuple[str, list[str]]:
        call = _CALL.match(text)
        if call is None:
            return "", []
        *before, word = re.split(r"\s+", call["rest"].lstrip())
        return word, candidates(before, word, self._shell.user_ns)


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


# --- completion -------------------------------------------------------------------------------------------------


def candidates(before: list[str], word: str, names: dict[str, Any]) -> list[str]:
    """Return the completions of ``word`` behind the words ``before``, whatever their case."""
    if not before:
        return _matching(COMMANDS, word)
    command = COMMANDS.get(before[0])
    if command is None:
        return []
    if word.startswith("-"):
        return _matching(command.options, word)
    if before[-1] == "--region":
        return _matching(REST_BASE, word)
    given = [each for each in before[1:] if not each.startswith("-")]
    at = len(given)
    if command.repeats:
        at = min(at, len(command.positions) - 1)
    if at >= len(command.positions):
        return _matching(command.options, word)
    known = _known(command.positions[at], names)
    return _matching([each for each in known if each not in given], word)


def _known(kind: str, names: dict[str, Any]) -> Iterable[str]:
    match kind:
        case "symbol":
            return _symbols()
        case "interval":
            return INTERVALS
        case "target":
            return _TARGETS
        case _:
            return _live_names(names)


def _matching(known: Iterable[str], word: str) -> list[str]:
    low = word.lower()
    return [each for each in known if each.lower().startswith(low)]


def _symbols() -> list[str]:
    """The symbols of the default client as it is: completing connects nothing."""
    module = sys.modules.get("kucoin_stream.client")
    client = module._default if module is not None else None
    try:
        return list(client.symbols) if client is not None else []
    except KucoinStreamError:
        return []


def _live_names(names: dict[str, Any]) -> list[str]:
    from kucoin_stream.jupyter.handles import is_live

    return [name for name, value in names.items() if not name.startswith("_") and is_live(value)]


# --- one for each shell -----------------------------------------------------------------------------------------


def register(shell: Any) -> None:
    """Add ``%kucoin`` and its completion to ``shell``."""
    unregister(shell)
    magic = Magic(shell)
    shell.register_magic_function(magic.kucoin, "line", "kucoin")
    if hasattr(completer, "context_matcher"):
        matcher = completer.context_matcher(identifier=_MATCHER)(partial(magic.match))
        shell.Completer.custom_matchers.append(matcher)
    else:
        shell.set_hook("complete_command", magic.complete, re_key=_CALL.pattern)


def unregister(shell: Any) -> None:
    """Take both away; IPython has no call for either."""
    shell.magics_manager.magics["line"].pop("kucoin", None)
    if hasattr(completer, "context_matcher"):
        matchers = shell.Completer.custom_matchers
        matchers[:] = [each for each in matchers if getattr(each, "matcher_identifier", "") != _MATCHER]
    elif (hooks := shell.strdispatchers.get("complete_command")) is not None:
        hooks.regexs.pop(re.compile(_CALL.pattern), None)
