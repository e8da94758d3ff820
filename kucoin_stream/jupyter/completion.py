"""Completion of ``%kucoin``: subcommands, symbols, intervals, options; and of what a client has by name.

IPython 8.6 and later ask a matcher, which can keep Jedi's guesses out; IPython 7 asks a hook. Without Jedi, IPython
looks behind no property: ``client.rest.spot_market.`` and ``client.orders.`` are walked here. So are the symbols and
intervals in quotes: ``ks.book("BTC-``.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from IPython.core import completer
from msgspec import Struct

from kucoin_stream.errors import KucoinStreamError
from kucoin_stream.jupyter.handles import is_live
from kucoin_stream.protocol.topics import INTERVALS
from kucoin_stream.settings import REST_BASE

_CALL = re.compile(r"(?:.*%|\s*)kucoin\s(?P<rest>.*)")  # also without %, and behind "book = "
_CHAIN = re.compile(r".*?(?P<root>[^\W\d]\w*)\.(?P<path>(?:\w+\.)+)(?P<word>\w*)")
_QUOTED = re.compile(
    r".*\.(?P<call>\w+)\((?P<before>(?:\s*(?:\w+\s*=\s*)?[\"'][\w-]*[\"']\s*,)*)\s*(?:\w+\s*=\s*)?[\"'](?P<word>[\w-]*)"
)
_OF_SYMBOLS = {"book", "books", "history", "kline_updates", "klines", "level2", "ticker", "trades"}
_WITH_INTERVAL = {"history", "kline_updates", "klines"}
_WALKED = {"account", "futures", "margin", "orders", "pro", "rest", "spot"}
_MATCHER = "kucoin_stream"
_TARGETS = ("auto", "live", "sim")


class Command(Struct, frozen=True):
    """One subcommand: what it runs, what its positions mean (the last may repeat), its options."""

    run: Callable[..., Any]
    positions: tuple[str, ...] = ()
    repeats: bool = False
    options: tuple[str, ...] = ()


def candidates(commands: Mapping[str, Command], before: list[str], word: str, names: dict[str, Any]) -> list[str]:
    """Return the completions of ``word``, whatever its case, behind the words ``before``."""
    if not before:
        return _matching(commands, word)
    command = commands.get(before[0])
    if command is None:
        return []
    if word.startswith("-"):
        return _matching(command.options, word)
    if before[-1] == "--region":
        return _matching(REST_BASE, word)
    given = [each for each in before[1:] if not each.startswith("-")]
    at = min(len(given), len(command.positions) - 1) if command.repeats else len(given)
    if at >= len(command.positions):
        return _matching(command.options, word)
    known = _known(command.positions[at], names)
    return _matching([each for each in known if each not in given], word)


def _matching(known: Iterable[str], word: str) -> list[str]:
    low = word.lower()
    return [each for each in known if each.lower().startswith(low)]


def _known(kind: str, names: dict[str, Any]) -> Iterable[str]:
    match kind:
        case "symbol":
            return _symbols()
        case "interval":
            return INTERVALS
        case "target":
            return _TARGETS
        case _:
            return [name for name, value in names.items() if not name.startswith("_") and is_live(value)]


def _symbols() -> list[str]:
    """Return the symbols of the default client as it is: completing connects nothing."""
    module = sys.modules.get("kucoin_stream.default")
    client = module.current() if module is not None else None
    try:
        return list(client.symbols) if client is not None else []
    except KucoinStreamError:
        return []


def members(text: str, names: dict[str, Any]) -> tuple[str, list[str]]:
    """Return the word at the end of ``client.rest.spot_market.get_k``, and what it may become."""
    chain = _CHAIN.fullmatch(text)
    found = names.get(chain["root"]) if chain is not None else None
    module = sys.modules.get("kucoin_stream.client")
    if chain is None or module is None or not isinstance(found, module.Client):
        return "", []
    first, *path = chain["path"].rstrip(".").split(".")
    if first not in _WALKED:
        return "", []
    try:
        for name in (first, *path):
            if callable(found) or name not in dir(found):
                return "", []
            found = getattr(found, name)
    except KucoinStreamError:
        return "", []
    known = [] if callable(found) else [each for each in dir(found) if not each.startswith("_")]
    return chain["word"], [each for each in known if each.startswith(chain["word"])]


def quoted(text: str) -> tuple[str, list[str]]:
    """Return the word at the end of ``ks.klines("BTC-USDT", "1m``, and what it may become: a symbol or an interval."""
    call = _QUOTED.fullmatch(text)
    if call is None or call["call"] not in _OF_SYMBOLS:
        return "", []
    given = call["before"].count(",")
    known = INTERVALS if given and call["call"] in _WITH_INTERVAL else _symbols()
    return call["word"], _matching(known, call["word"])


def register(shell: Any, commands: Mapping[str, Command]) -> None:
    """Complete ``commands`` in ``shell``."""
    unregister(shell)

    def at_cursor(text: str) -> tuple[str, list[str]]:
        call = _CALL.match(text)
        if call is None:
            line = text.rpartition("\n")[2]
            word, found = members(line, shell.user_ns)
            return (word, found) if found else quoted(line)
        *before, word = re.split(r"\s+", call["rest"].lstrip())
        return word, candidates(commands, before, word, shell.user_ns)

    def match(context: Any) -> dict[str, Any]:
        word, found = at_cursor(context.text_until_cursor)
        completions = [completer.SimpleCompletion(text=each, type="kucoin") for each in found]
        return {"completions": completions, "matched_fragment": word, "ordered": True, "suppress": bool(found)}

    def hook(_: Any, event: Any) -> list[str]:
        return at_cursor(event.text_until_cursor)[1]

    if hasattr(completer, "context_matcher"):
        shell.Completer.custom_matchers.append(completer.context_matcher(identifier=_MATCHER)(match))
    else:
        shell.set_hook("complete_command", hook, re_key=_CALL.pattern)


def unregister(shell: Any) -> None:
    """Complete them no longer; IPython has no call for it."""
    if hasattr(completer, "context_matcher"):
        matchers = shell.Completer.custom_matchers
        matchers[:] = [each for each in matchers if getattr(each, "matcher_identifier", "") != _MATCHER]
    elif (hooks := shell.strdispatchers.get("complete_command")) is not None:
        hooks.regexs.pop(re.compile(_CALL.pattern), None)
