"""Completion of ``%kucoin``: subcommands, symbols, intervals, options.

IPython 8.6 and later ask a matcher, which can keep Jedi's guesses out; IPython 7 asks a hook.
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


def register(shell: Any, commands: Mapping[str, Command]) -> None:
    """Complete ``commands`` in ``shell``."""
    unregister(shell)

    def at_cursor(text: str) -> tuple[str, list[str]]:
        call = _CALL.match(text)
        if call is None:
            return "", []
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
