"""How a subcommand of ``%kucoin`` is written: its positions and options, as rows; read, explained, completed from them.

Messages name options, never their values: a line may hold what somebody took for the place of a key.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from IPython.core.error import UsageError
from msgspec import Struct

from kucoin_stream.errors import hint

_SECRET = re.compile(r"-+(api|kucoin)?[-_]?(key|secret|passphrase|pass|password|token)s?", re.IGNORECASE)
_OPTION = re.compile(r"--|-[^\W\d]")  # with one hyphen too, where it was meant as one; not a number below 0
_NO_KEYS = (
    "keys are not accepted here: IPython stores every line. Set KUCOIN_API_KEY, KUCOIN_API_SECRET and "
    "KUCOIN_API_PASSPHRASE, or keep them in the system keyring (service kucoin-stream), or pass "
    "ks.connect(key=getpass(), ...). If this line had a real key, delete that key at KuCoin: the line is stored"
)


class Option(Struct, frozen=True):
    """``--name VALUE``, or a mere ``--name`` where ``of`` is empty.

    ``of``: what the value is, for completion (``"symbol"``, ``"file"``) or the choices themselves; ``read`` turns its
    text into what is passed on, and raises :class:`ValueError`; ``takes`` says what it can read.
    """

    name: str
    help: str
    of: str | tuple[str, ...] = ""
    read: Callable[[str], Any] = str
    takes: str = ""


class Command(Struct, frozen=True):
    """One subcommand: what it runs, what its positions mean, how often the last may come (``+``, ``*``, ``?``)."""

    run: Callable[..., Any]
    help: str
    example: str
    positions: tuple[str, ...] = ()
    last: str = ""
    options: tuple[Option, ...] = ()

    @property
    def repeats(self) -> bool:
        """Whether the last position takes several words."""
        return self.last in ("+", "*")

    def option(self, name: str) -> Option | None:
        """Return the option that is written ``--name``."""
        return next((each for each in self.options if f"--{each.name}" == name), None)


def read(magic: str, commands: Mapping[str, Command], words: list[str]) -> tuple[Command, argparse.Namespace]:
    """Return the command that ``words`` name, and its arguments. Raises :class:`UsageError` with one line."""
    refuse_keys(magic, words)
    name, *rest = words
    command = find(magic, commands, name)
    parser = _Parser(magic, name, command)
    given = parser.parse_intermixed_args(_known(f"{magic} {name}", command, rest))
    parser.place(given)
    return command, given


def find(magic: str, commands: Mapping[str, Command], name: str) -> Command:
    """Return the command of that name. Raises :class:`UsageError` with the nearest one."""
    if name not in commands:
        known = [*commands, "help"]
        raise UsageError(f"{magic}: no command {name!r}; {hint(name.lower(), known)}")
    return commands[name]


def refuse_keys(magic: str, words: list[str]) -> None:
    """Raise :class:`UsageError` where an option is the place of a secret."""
    if any(_SECRET.fullmatch(word.partition("=")[0]) for word in words):
        raise UsageError(f"{magic}: {_NO_KEYS}")


def explain(magic: str, name: str, command: Command) -> str:
    """Return the help of one command."""
    positions = [each.upper() for each in command.positions]
    if command.last and positions:
        positions[-1] = {"+": "{0} [{0} ...]", "*": "[{0} ...]", "?": "[{0}]"}[command.last].format(positions[-1])
    words = [magic, name, *positions, *(f"[{_written(each)}]" for each in command.options)]
    rows = [f"  {_written(each):22} {each.help}" for each in command.options]
    return "\n".join([" ".join(words), "", f"  {command.help}", *([""] if rows else []), *rows]) + (
        f"\n\n  for example: {magic} {command.example}"
    )


def overview(magic: str, commands: Mapping[str, Command]) -> str:
    """Return a line for each command."""
    return "\n".join(f"{magic} {each.example:44} {each.help}" for each in commands.values())


def _written(option: Option) -> str:
    if not option.of:
        return f"--{option.name}"
    return f"--{option.name} {'|'.join(option.of) if isinstance(option.of, tuple) else option.of.upper()}"


def _known(prog: str, command: Command, words: list[str]) -> list[str]:
    """Return the words; raises :class:`UsageError` where an option is none of the command's, or written wrongly."""
    seen: set[str] = set()
    for word in filter(_OPTION.match, words):
        name, sign, _ = word.partition("=")
        option = command.option(name)
        if option is None:
            raise UsageError(f"{prog}: no option {name}; {hint(name, [f'--{each.name}' for each in command.options])}")
        if name in seen:
            raise UsageError(f"{prog}: {name} is there twice")
        if sign and not option.of:
            raise UsageError(f"{prog}: {name} takes no value")
        seen.add(name)
    return words


class _Parser(argparse.ArgumentParser):
    """Reads the options; the other words are :meth:`place`'s."""

    def __init__(self, magic: str, name: str, command: Command) -> None:
        super().__init__(f"{magic} {name}", add_help=False, allow_abbrev=False)
        self._name = name
        self._command = command
        self._example = f"{magic} {command.example}"
        self.add_argument("words", nargs="*")
        for option in command.options:
            if not option.of:
                self.add_argument(f"--{option.name}", action="store_true", default=None)
            else:
                choices = option.of if isinstance(option.of, tuple) and option.read is str else None
                self.add_argument(f"--{option.name}", type=_reader(option), choices=choices)

    def place(self, given: argparse.Namespace) -> None:
        """Give the words their names; raise :class:`UsageError` where there are too few or too many."""
        words, positions = given.words, self._command.positions
        needed = len(positions) - (self._command.last in ("*", "?"))
        if len(words) < needed:
            self.error(f"{positions[len(words)].upper()} is missing")
        if len(words) > len(positions) and not self._command.repeats:
            self.error(f"more words than `{' '.join([self._name, *map(str.upper, positions)])}`")
        for at, name in enumerate(positions):
            last = at == len(positions) - 1
            value = words[at:] if last and self._command.repeats else words[at] if at < len(words) else None
            setattr(given, name, value)

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{self.prog}: {message.removeprefix('argument ')}; for example: {self._example}")


def _reader(option: Option) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        try:
            return option.read(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"this is not {option.takes}") from None

    return read
