"""Symbols in a terminal: the same pictures as in a notebook, as text in colours, side by side where there is room."""

from __future__ import annotations

import os
import select
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

from kucoin_stream.client import Client
from kucoin_stream.widgets.ansi import coloured
from kucoin_stream.widgets.drawing.picture import Painter
from kucoin_stream.widgets.kinds import painter
from kucoin_stream.widgets.sources import Parts

KINDS = ("ladder", "candles", "tape")
ENTER = "\x1b[?1049h\x1b[?25l\x1b[2J"  # another screen, so that leaving gives back what was there
LEAVE = "\x1b[0m\x1b[?25h\x1b[?1049l"
HOME, CLEAR, CLEAR_LINE, CLEAR_REST = "\x1b[H", "\x1b[2J", "\x1b[K", "\x1b[J"
COLUMN = 72  # cells; where two fit side by side they do
WIDEST = 110  # cells of one picture
_GAP = "   "
_PERIOD = 0.2  # seconds between two drawings on a terminal
_PLAIN_PERIOD = 5.0  # seconds between two drawings where the output is a file or a pipe
_PLAIN_WIDTH = 80

Wait = Callable[[float], bool]
"""Waits so many seconds; returns whether to end."""


class Watch:
    """Draws until told to stop. ``out`` is a terminal, or a file that gets whole pictures one below the other.

    ``depth``: levels of the book and trades shown; ``kinds``: of pictures. Raises as :meth:`Client.dashboard`.
    """

    def __init__(
        self,
        client: Client,
        symbols: str | Sequence[str],
        interval: str = "1min",
        depth: int = 10,
        kinds: Sequence[str] = KINDS,
    ) -> None:
        wanted = (symbols,) if isinstance(symbols, str) else tuple(dict.fromkeys(symbols))
        self._parts = Parts(client, wanted, kinds, interval)
        options: dict[str, dict[str, Any]] = {"ladder": {"depth": depth}, "tape": {"count": depth}}
        self._size = (0, 0)
        try:
            self._painters: list[tuple[str, Painter[Any, Any]]] = [
                (each.kind, painter(each.subject, each.subject.kinds, each.kind, **options.get(each.kind, {})))
                for each in self._parts
            ]
        except BaseException:
            self.stop()
            raise

    def text(self, width: int, colours: bool = False) -> str:
        """Return one picture of everything, ``width`` cells wide: in columns where there is room for them."""
        return self._laid_out(self._pictures(), width, colours)

    def _pictures(self) -> list[Any]:
        now = time.time()
        return [drawn.picture(now) for _, drawn in self._painters]

    def _laid_out(self, pictures: list[Any], width: int, colours: bool) -> str:
        many = max(1, min((width + len(_GAP)) // (COLUMN + len(_GAP)), len(pictures)))
        each = min(WIDEST, (width - (many - 1) * len(_GAP)) // many)
        columns: list[list[str]] = [[] for _ in range(many)]
        for (kind, drawn), picture in zip(self._painters, pictures, strict=True):
            text = drawn.text(picture, each)
            column = min(columns, key=len)
            column += [*([" " * each] if column else []), *(coloured(kind, text) if colours else text).split("\n")]
        tallest = max(map(len, columns))
        filled = [column + [" " * each] * (tallest - len(column)) for column in columns]
        return "\n".join(_GAP.join(row) for row in zip(*filled, strict=True))

    def run(self, seconds: float | None, out: TextIO | None = None, wait: Wait | None = None) -> None:
        """Draw for ``seconds``, or until ``q`` is pressed or it is interrupted; the terminal is then as before."""
        out = sys.stdout if out is None else out
        end = None if seconds is None else time.monotonic() + seconds
        try:
            if out.isatty() and os.environ.get("TERM") != "dumb":  # a dumb one has no cursor to move
                with _screen(out), _keys() as pressed:
                    self._loop(end, _PERIOD, wait or pressed, lambda: self._draw(out), lambda: None)
            else:
                self._loop(end, _PLAIN_PERIOD, wait or _sleep, lambda: None, lambda: self._print(out))
        finally:
            self.stop()

    def _loop(
        self, end: float | None, period: float, wait: Wait, before: Callable[[], None], after: Callable[[], None]
    ) -> None:
        ended = False
        while not ended and (end is None or time.monotonic() < end):
            before()
            ended = wait(period if end is None else min(period, max(0.0, end - time.monotonic())))
            after()

    def _draw(self, out: TextIO) -> None:
        size = columns, lines = _size(out)
        clear = "" if size == self._size else CLEAR
        self._size = size
        rows = self._fitting(columns - 1, lines - 1)  # the last cell of a line, and of the screen, would scroll
        out.write(clear + HOME + f"{CLEAR_LINE}\n".join(rows) + CLEAR_REST)
        out.flush()

    def _fitting(self, columns: int, lines: int) -> list[str]:
        """Return the rows for so many cells and lines, or one that says why there are none."""
        pictures = self._pictures()
        if columns < max(drawn.narrowest(each) for (_, drawn), each in zip(self._painters, pictures, strict=True)):
            return ["too narrow: widen the window"[: max(1, columns)]]
        if lines < 2:
            return ["too low: enlarge the window"[:columns]]
        rows = self._laid_out(pictures, columns, not os.environ.get("NO_COLOR")).split("\n")
        if len(rows) > lines:
            hidden = len(rows) - (lines - 1)
            rows = [*rows[: lines - 1], f"… {hidden} more lines: enlarge the window, or choose --kinds"[:columns]]
        return rows

    def _print(self, out: TextIO) -> None:
        out.write(self.text(_PLAIN_WIDTH) + "\n\n")
        out.flush()

    def stop(self) -> None:
        """Leave the feeds."""
        self._parts.stop()


def _size(out: TextIO) -> tuple[int, int]:
    """Return columns and lines of the terminal that ``out`` is."""
    try:
        return tuple(os.get_terminal_size(out.fileno()))  # type: ignore[return-value]  # a named tuple of two
    except (OSError, ValueError):
        return tuple(shutil.get_terminal_size())  # type: ignore[return-value]


def _sleep(seconds: float) -> bool:
    time.sleep(seconds)
    return False


@contextmanager
def _screen(out: TextIO) -> Iterator[None]:
    out.write(ENTER)
    try:
        yield
    finally:
        out.write(LEAVE)
        out.flush()


@contextmanager
def _keys() -> Iterator[Wait]:
    """Yield what waits for ``q``, where there is a keyboard: keys then come one by one and are not shown."""
    try:
        import termios
        import tty
    except ImportError:  # Windows: Ctrl-C ends it
        yield _sleep
        return
    if not sys.stdin.isatty():
        yield _sleep
        return
    keyboard = sys.stdin.fileno()
    before = termios.tcgetattr(keyboard)
    try:
        tty.setcbreak(keyboard, termios.TCSADRAIN)  # a key that was pressed meanwhile is not lost
        yield lambda seconds: _pressed(keyboard, seconds)
    finally:
        termios.tcsetattr(keyboard, termios.TCSADRAIN, before)


def _pressed(keyboard: int, seconds: float) -> bool:
    """Wait for a key; return whether it ends the watch: ``q``, Escape alone, or the end of the input."""
    ready, _, _ = select.select([keyboard], [], [], seconds)
    if not ready:
        return False
    keys = os.read(keyboard, 64)
    return not keys or keys in (b"\x1b", b"\x04") or keys[:1] in b"qQ"
