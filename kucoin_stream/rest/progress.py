"""A bar for lists that take long."""

from __future__ import annotations

import sys
import time
from typing import Any, Self

from kucoin_stream.bridges.mime import reference

_DELAY = 1.0  # seconds before a bar is shown: most lists are there by then
_SHARE = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}"  # of a span or of pages, not of rows
_COUNT = "{desc}: {elapsed}{postfix}"


class Progress:
    """A ``tqdm.auto`` bar that appears only where a list takes longer than a second and someone may be looking.

    In a notebook a line of text takes its place at the end: a saved widget would be an error when opened again.
    """

    def __init__(self, title: str) -> None:
        self._title = title
        self._due = time.monotonic() + _DELAY
        self._rows = 0
        self._bar: Any = None
        self._shown: Any = None  # of a notebook: what the bar is displayed in

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *exc: object) -> None:
        bar = self._bar
        if bar is None:
            return
        if kind is None and bar.total:
            bar.n = bar.total
        if self._shown is not None:
            broken = "" if kind is None else ", broken off"
            self._shown.update({"text/plain": f"{self._title}: {self._rows:,} rows{broken}"}, raw=True)
        bar.close()
        if hasattr(bar, "container"):
            for each in (*bar.container.children, bar.container):
                each.close()

    def show(self, done: float, total: float, rows: int) -> None:
        """Show how far it is; ``total`` is 0 where nobody knows."""
        self._rows = rows
        if time.monotonic() < self._due or not watched():
            return
        if self._bar is None:
            self._bar, self._shown = _shown(desc=self._title, bar_format=_SHARE if total else _COUNT)
        self._bar.total = total or None
        self._bar.n = done
        self._bar.set_postfix_str(f"{rows} rows")


def _shown(**options: Any) -> tuple[Any, Any]:
    """Return a bar, and what it is displayed in: nothing of ours in a terminal."""
    from tqdm.auto import tqdm  # type: ignore[import-untyped]  # 40 ms to import
    from tqdm.notebook import tqdm_notebook  # type: ignore[import-untyped]

    if not issubclass(tqdm, tqdm_notebook):
        return tqdm(**options), None
    from IPython.display import display

    bar = tqdm(**options, display=False)
    # a widget of ipywidgets 7 takes no display id itself
    bundle = {**reference(bar.container.model_id), "text/plain": options["desc"]}
    return bar, display(bundle, raw=True, display_id=True)  # type: ignore[no-untyped-call]


def watched() -> bool:
    """Whether this is a notebook or a terminal: in a log a bar is noise."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return hasattr(shell, "kernel") or (sys.stderr is not None and sys.stderr.isatty())
