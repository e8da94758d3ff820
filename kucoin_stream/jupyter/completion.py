"""Completion of ``%kucoin``: commands, symbols, intervals, options, files; and of what a client has by name.

IPython 8.6 and later ask a matcher, which can keep Jedi's guesses out; IPython 7 asks a hook. Without Jedi, IPython
looks behind no property: ``client.rest.spot_market.`` and ``client.orders.`` are walked here. So are the symbols and
intervals in quotes: ``ks.book("BTC-``.
"""

from __future__ import annotations

import re
import sys
import weakref
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from IPython.core import completer

from kucoin_stream.errors import KucoinStreamError
from kucoin_stream.jupyter.grammar import Command
from kucoin_stream.jupyter.handles import is_live
from kucoin_stream.protocol.topic import Connection
from kucoin_stream.protocol.topics import INTERVALS, TOPICS
from kucoin_stream.settings import REST_BASE

_CALL = re.compile(r"(?:.*(?P<sign>%)|\s*)kucoin\s(?P<rest>.*)")  # also without %, and behind "book = "
_RECORD = re.compile(r"%%kucoin_record\s+(?P<word>\S*)")
_CHAIN = re.compile(r".*?(?P<root>[^\W\d]\w*)\.(?P<path>(?:\w+\.)+)(?P<word>\w*)")
_QUOTED = re.compile(
    r".*\.(?P<call>\w+)\((?P<before>(?:\s*(?:\w+\s*=\s*)?[\"'][\w-]*[\"']\s*,)*)\s*(?:\w+\s*=\s*)?[\"'](?P<word>[\w-]*)"
)
_OF_SYMBOLS = {name.partition(".")[2] for name, row in TOPICS.items() if not row.private} | {
    "book", "books", "contract", "dashboard", "funding_history", "futures_order", "history", "instrument",
    "kline_updates", "margin_cancel", "margin_order", "spot_cancel", "spot_modify", "spot_order", "symbol",
    "trade_history", "uta_amend", "uta_cancel", "uta_order",
}  # fmt: skip
_WITH_INTERVAL = {"history", "kline_updates", "klines"}
_WALKED = {"account", "futures", "margin", "orders", "pro", "rest", "spot"}
_MATCHER = "kucoin_stream"
_TARGETS = ("auto", "live", "sim")
_PATIENCE = 1.0  # seconds that an exchange has to tell its contracts
_asked: weakref.WeakSet[Any] = weakref.WeakSet()
"""The engines whose exchange was asked for contracts here."""
_TAPES = (".kcs", ".jsonl", ".gz")


def candidates(commands: Mapping[str, Command], before: list[str], word: str, names: dict[str, Any]) -> list[str]:
    """Return the completions of ``word``, whatever its case, behind the words ``before``."""
    if not before:
        return _matching([*commands, "help"], word) if word else list(commands)
    if before == ["help"]:
        return _matching(commands, word)
    command = commands.get(before[0])
    if command is None:
        return []
    options = [f"--{each.name}" for each in command.options if f"--{each.name}" not in before]
    name, sign, begun = word.partition("=")
    if sign and (option := command.option(name)) is not None and option.of:
        return [f"{name}={each}" for each in _values(option.of, begun, names)]
    if word.startswith("-"):
        return _matching([*options, "--help"], word)
    if (option := command.option(before[-1])) is not None and option.of:
        return _values(option.of, word, names)
    given = _positions(command, before[1:])
    at = min(len(given), len(command.positions) - 1) if command.repeats else len(given)
    if at >= len(command.positions):
        return _matching(options, word)
    return [each for each in _values(command.positions[at], word, names) if each not in given]


def _positions(command: Command, words: list[str]) -> list[str]:
    """Return the words that are neither options nor their values."""
    takes = [bool((option := command.option(word)) and option.of) for word in ["", *words]]
    return [word for word, value in zip(words, takes, strict=False) if not value and not word.startswith("-")]


def _values(of: str | tuple[str, ...], word: str, names: dict[str, Any]) -> list[str]:
    if of == "kinds":
        *chosen, last = word.split(",")
        return [",".join([*chosen, each]) for each in _matching([k for k in _kinds() if k not in chosen], last)]
    return _matching(of if isinstance(of, tuple) else _known(of, word, names), word)


def _matching(known: Iterable[str], word: str) -> list[str]:
    low = word.lower()
    return [each for each in known if each.lower().startswith(low)]


def _known(kind: str, word: str, names: dict[str, Any]) -> Iterable[str]:
    match kind:
        case "symbol":
            return _symbols()
        case "interval":
            return INTERVALS
        case "region":
            return REST_BASE
        case "target":
            return [*_TARGETS, *(_files(word) if word else ())]
        case "tape" | "file":
            return _files(word)
        case "name":
            return [name for name, value in names.items() if not name.startswith("_") and _ends(value)]
        case _:
            return ()


def _ends(value: Any) -> bool:
    """Whether ``%kucoin stop`` ends it: live objects, recordings, dashboards, sliders; not a client."""
    ours = type(value).__module__.startswith("kucoin_stream.") and callable(getattr(type(value), "stop", None))
    return is_live(value) or (ours and not hasattr(type(value), "open"))


def _files(word: str) -> list[str]:
    """Return the tapes and folders that begin with ``word``."""
    folder, _, name = word.rpartition("/")
    try:
        found = sorted(Path(folder + "/" if word.startswith("/") and not folder else folder or ".").iterdir())
        return [
            f"{word[: len(word) - len(name)]}{each.name}{'/' if each.is_dir() else ''}"
            for each in found
            if each.name.startswith(name) and not each.name.startswith(".") and (each.is_dir() or each.suffix in _TAPES)
        ]
    except OSError:
        return []


def _kinds() -> Iterable[str]:
    from kucoin_stream.widgets.sources import SOURCES

    return SOURCES


def _symbols() -> list[str]:
    """Return the symbols and contracts of the default client: completing connects nothing."""
    module = sys.modules.get("kucoin_stream.default")
    client = module.current() if module is not None else None
    try:
        return [*client.symbols, *_contracts(client.engine)] if client is not None else []
    except KucoinStreamError:
        return []


def _contracts(engine: Any) -> Iterable[str]:
    """Return the contracts of an exchange, which is asked once if nobody did before; a tape is asked for nothing."""
    if not engine.contracts and engine not in _asked and engine.deck is None and engine.may_wait:
        _asked.add(engine)
        with suppress(KucoinStreamError):  # such as a region without futures
            engine.venue.check(Connection.FUTURES_PUBLIC)
            found = engine.call(engine.futures_rest.contracts, timeout=_PATIENCE)
            engine.contracts = {info.symbol: info for info in found}
    return cast(Iterable[str], engine.contracts)


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
        if (record := _RECORD.fullmatch(text)) is not None:
            return record["word"], _files(record["word"]) or [record["word"]]
        call = _CALL.match(text)
        if call is None:
            line = text.rpartition("\n")[2]
            word, found = members(line, shell.user_ns)
            return (word, found) if found else quoted(line)
        *before, word = re.split(r"\s+", call["rest"].lstrip())
        found = candidates(commands, before, word, shell.user_ns)
        # Only a completion keeps Python's words out (has_any_completions of IPython): the word itself, where we know
        # no other. Without % it may be a variable of that name.
        return word, found or ([word] if call["sign"] else [])

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
