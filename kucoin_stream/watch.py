"""A symbol in a terminal: book, candles and trades, drawn by the same painters as in a notebook."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable
from typing import Any, TextIO, cast

from kucoin_stream.client import Client
from kucoin_stream.widgets.book import BookPainter
from kucoin_stream.widgets.klines import KlinesPainter
from kucoin_stream.widgets.picture import Painter
from kucoin_stream.widgets.trades import TapePainter

HOME, CLEAR_LINE, CLEAR_REST, HIDE, SHOW = "\x1b[H", "\x1b[K", "\x1b[J", "\x1b[?25l", "\x1b[?25h"
_PERIOD = 0.2  # seconds between two drawings on a terminal
_PLAIN_PERIOD = 5.0  # seconds between two drawings where the output is a file or a pipe


class Watch:
    """Draws until told to stop. ``out`` is a terminal, or a file that gets whole pictures one below the other."""

    def __init__(self, client: Client, symbol: str, interval: str = "1min", depth: int = 10) -> None:
        self._book = client.book(symbol)
        self._klines = client.klines(symbol, interval, history=120)
        self._trades = client.trades(symbol)
        tape = self._trades.frame(maxlen=1000)
        painters = (
            BookPainter(cast(Any, self._book), depth),
            KlinesPainter(cast(Any, self._klines)),
            TapePainter(tape, depth),
        )
        self._painters = cast(tuple[Painter[Any, Any], ...], painters)

    def text(self, width: int) -> str:
        """Return one picture of everything."""
        now = time.time()
        return "\n\n".join(painter.text(painter.picture(now), width) for painter in self._painters)

    def run(self, seconds: float | None, out: TextIO = sys.stdout, sleep: Callable[[float], None] = time.sleep) -> None:
        """Draw for ``seconds``, or until interrupted."""
        end = None if seconds is None else time.monotonic() + seconds
        terminal = out.isatty()
        period = _PERIOD if terminal else _PLAIN_PERIOD
        if terminal:
            out.write(HIDE + "\x1b[2J")
        try:
            while end is None or time.monotonic() < end:
                left = period if end is None else min(period, max(0.0, end - time.monotonic()))
                if terminal:
                    self._draw(out)
                sleep(left)
                if not terminal:
                    out.write(self.text(80) + "\n\n")
                    out.flush()
        finally:
            if terminal:
                out.write(SHOW + "\n")
            self.stop()

    def _draw(self, out: TextIO) -> None:
        columns, lines = shutil.get_terminal_size()
        rows = self.text(min(columns, 120) - 1).split("\n")[: lines - 1]
        out.write(HOME + "".join(f"{row}{CLEAR_LINE}\n" for row in rows) + CLEAR_REST)
        out.flush()

    def stop(self) -> None:
        """Leave the feeds."""
        self._book.stop()
        self._klines.stop()
        self._trades.stop()
