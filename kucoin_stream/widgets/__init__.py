"""Pictures of live objects: order book, candles, trade tape, connections.

A *painter* (``book.py``, ``klines.py``, ``trades.py``, ``status.py``) takes a picture of its subject, a frozen struct
of numbers, and renders it as live HTML, as static HTML for a saved notebook, or as text for a terminal. A *view*
(``view.py``, the only module that imports ipywidgets) shows a painter's pictures in a notebook; the *screen*
(``screen.py``) is the one thread that draws all of them. Importing this package imports none of these.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "View": "view",
    "BookView": "view",
    "KlinesView": "view",
    "TapeView": "view",
    "StatusView": "view",
    "TableView": "view",
    "BookPainter": "book",
    "KlinesPainter": "klines",
    "TapePainter": "trades",
    "StatusPainter": "status",
    "TablePainter": "table",
    "Screen": "screen",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)


def __dir__() -> list[str]:
    return sorted(_HOMES)
