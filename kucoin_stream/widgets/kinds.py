"""The kinds of pictures, a row each: the name that ``.widget(kind)`` takes, and the painter behind it."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from kucoin_stream.errors import UsageError, hint
from kucoin_stream.given import shown
from kucoin_stream.widgets.drawing.picture import Painter

PAINTERS = {
    "ladder": ("book.painter", "BookPainter"),
    "depth": ("book.depth", "DepthPainter"),
    "lines": ("lines.painter", "LinesPainter"),
    "latency": ("lines.latency", "LatencyPainter"),
    "candles": ("candles.painter", "KlinesPainter"),
    "tape": ("trades.painter", "TapePainter"),
    "wall": ("wall.painter", "WallPainter"),
    "table": ("state.table", "TablePainter"),
    "status": ("state.status", "StatusPainter"),
    "account": ("state.account", "AccountPainter"),
}
"""Module of this package, and class, by kind."""


def painter(subject: Any, kinds: Sequence[str], kind: str = "", /, **options: Any) -> Painter[Any, Any]:
    """Return the painter of one of the ``kinds`` that a subject has, by default the first, with its ``options``."""
    kind = kind or kinds[0]
    _among(kind, kinds, f"{subject.title} has no picture")
    for option in options:
        _among(option, known_options(kind), f"the picture {kind!r} has no option")
    drawn: Painter[Any, Any] = _class(kind)(subject, **options)
    return drawn


def known_options(kind: str) -> list[str]:
    """Return what a kind of picture may be given."""
    return list(inspect.signature(_class(kind)).parameters)[1:]


def _class(kind: str) -> Any:
    module, name = PAINTERS[kind]
    return getattr(import_module(f"kucoin_stream.widgets.{module}"), name)


def view(subject: Any, kinds: Sequence[str], kind: str = "", /, *, interactive: bool = False, **options: Any) -> Any:
    """Return a live view of a subject: see :func:`painter`. An ``interactive`` one has hover, zoom and pan."""
    from kucoin_stream.widgets.view import View

    if not isinstance(interactive, bool):
        raise UsageError(f"interactive={shown(interactive)}: write True or False")
    drawn = painter(subject, kinds, kind, **options)
    return (_interactive(kind or kinds[0]) if interactive else View)(drawn, kind or kinds[0])


def _interactive(kind: str) -> Any:
    from kucoin_stream.widgets.buffers import PACKERS

    if kind not in PACKERS:
        raise UsageError(f"the picture {kind!r} has no interactive form; these have: {', '.join(PACKERS)}")
    try:
        from kucoin_stream.widgets.interactive import InteractiveView
    except ImportError as exc:
        raise UsageError("interactive pictures need anywidget: pip install 'kucoin-stream[anywidget]'") from exc
    return InteractiveView


def _among(name: str, known: Sequence[str], problem: str) -> None:
    if name not in known:
        raise UsageError(f"{problem} {name!r}; {hint(name, known)}")
