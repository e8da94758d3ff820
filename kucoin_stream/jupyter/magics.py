"""The magics of one shell: ``%kucoin`` with its subcommands, and ``%%kucoin_record``."""

from __future__ import annotations

import ast
import inspect
import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType
from typing import Any

from IPython.core.error import UsageError

from kucoin_stream.errors import KucoinStreamError
from kucoin_stream.jupyter import completion, grammar
from kucoin_stream.jupyter.commands import COMMANDS, front

LINE, CELL = "%kucoin", "%%kucoin_record"
_HELP = ("help", "--help", "-h")
_ABOUT = f"""KuCoin live: a live object as the value of the cell, or of an assignment.

{grammar.overview(LINE, COMMANDS)}
{CELL} day.kcs {"":28} record what arrives while the cell runs

`book = %kucoin book BTC-USDT` keeps the object in a variable. `%kucoin help book` explains a command.
Tab completes commands, symbols, intervals, options, files and what runs.
Keys are not accepted here, since IPython stores every line: see ks.connect.
"""
_ABOUT_CELL = f"""Record what arrives while the cell's body runs, and say what is then on the tape.

{CELL} [FILE]      without a FILE, one named after the time

A tape that is there already is continued. Replay it with `%kucoin replay FILE`. The cell cannot await at its top
level: `with ks.record(FILE):` in an ordinary cell can.
"""


class Magic:
    """The magics of one shell."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell

    def kucoin(self, line: str = "") -> Any:  # noqa: D102  _ABOUT says it
        with _one_line(LINE):
            words = shlex.split(line)
            asked = [word for word in words if word not in _HELP]
            if not asked:
                return _say(_ABOUT)
            if len(asked) < len(words):
                return _say(grammar.explain(LINE, asked[0], grammar.find(LINE, COMMANDS, asked[0])))
            command, given = grammar.read(LINE, COMMANDS, words)
            return command.run(given, self._shell)

    def kucoin_record(self, line: str = "", cell: str = "") -> Any:  # noqa: D102  _ABOUT_CELL says it
        with _one_line(CELL):
            words = shlex.split(line)
            if {*words} & {*_HELP}:
                return _say(_ABOUT_CELL)
            grammar.refuse_keys(CELL, words)
            if len(words) > 1 or (words and words[0].startswith("-")):
                raise UsageError(f"{CELL}: one FILE at most, such as day.kcs")
            path = Path(words[0] if words else time.strftime("kucoin-%Y%m%d-%H%M%S.kcs", time.gmtime()))
            body, last = self._compiled(cell, path)
            recording = front("record")(path)
        try:
            self._shell.ex(body)
            return None if last is None else self._shell.ev(last)
        finally:
            with _one_line(CELL):
                recording.stop()
                _say(f"{_on_tape(path)}\n\nreplay it: %kucoin replay {shlex.quote(str(path))}")

    def _compiled(self, cell: str, path: Path) -> tuple[CodeType, CodeType | None]:
        """Return the code of a cell's body, and that of a last expression whose value is wanted.

        Raises :class:`SyntaxError`; :class:`UsageError` where it awaits: IPython's magics are no coroutines.
        """
        source = self._shell.transform_cell(cell)
        name = self._shell.compile.cache(source)
        body = ast.parse(source, name).body
        last = body.pop() if body and isinstance(body[-1], ast.Expr) and not cell.rstrip().endswith(";") else None
        compiler = self._shell.compile  # with what the user's cells have imported from __future__
        with compiler.extra_flags(ast.PyCF_ALLOW_TOP_LEVEL_AWAIT):
            code = compiler(ast.Module(body, []), name, "exec")
            value = None if last is None else compiler(ast.Expression(last.value), name, "eval")
        if (code.co_flags | (value.co_flags if value else 0)) & inspect.CO_COROUTINE:
            raise UsageError(
                f"{CELL}: a cell that awaits cannot be recorded so; "
                f"write `with ks.record({str(path)!r}):` around it instead"
            )
        return code, value


Magic.kucoin.__doc__, Magic.kucoin_record.__doc__ = _ABOUT, _ABOUT_CELL


@contextmanager
def _one_line(magic: str) -> Iterator[None]:
    """Show our errors and the system's as one line, without a traceback."""
    try:
        yield
    except (KucoinStreamError, ValueError, OSError) as exc:  # ValueError: such as a quotation that does not end
        said: object = exc
        if isinstance(exc, OSError) and exc.filename and exc.strerror:
            said = f"{exc.filename}: {exc.strerror.lower()}"
        raise UsageError(f"{magic}: {said}") from exc


def _say(text: str) -> None:
    sys.stdout.write(f"{text.rstrip()}\n")


def _on_tape(path: Path) -> str:
    from kucoin_stream.recording.info import describe
    from kucoin_stream.recording.reader import Tape

    with Tape(path) as tape:
        return describe(tape)


# --- one for each shell -----------------------------------------------------------------------------------------


def register(shell: Any) -> None:
    """Add the magics and their completion to ``shell``."""
    magic = Magic(shell)
    shell.register_magic_function(magic.kucoin, "line", "kucoin")
    shell.register_magic_function(magic.kucoin_record, "cell", "kucoin_record")
    completion.register(shell, COMMANDS)


def unregister(shell: Any) -> None:
    """Take them away; IPython has no call for it."""
    shell.magics_manager.magics["line"].pop("kucoin", None)
    shell.magics_manager.magics["cell"].pop("kucoin_record", None)
    completion.unregister(shell)
