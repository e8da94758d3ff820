"""A bar for lists that take long."""

from __future__ import annotations

import sys
import time
from typing import Any, Self

_DELAY = 1.0  # seconds before a bar is shown: most lists are there by then
_SHARE = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}"  # of a span or of pages, not of rows
_COUNT = "{desc}: {elapsed}{postfix}"


class Progress:
    """A ``tqdm.auto`` bar that appears only where a list takes longer than a second and someone may be looking."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._due = time.monotonic() + _DELAY
        self._bar: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def show(self, done: float, total: float, rows: int) -> None:
        """Show how far it is; ``total`` is 0 where nobody knows."""
        if time.monotonic() < self._due or not watched():
            return
        if self._bar is None:
            from tqdm.auto import tqdm  # type: ignore[import-untyped]  # 40 ms to import

            self._bar = tqdm(desc=self._title, bar_format=_SHARE if total else _COUNT)
        self._bar.total = total or None
        self._bar.n = done
        self._bar.set_postfix_str(f"{rows} rows")


def watched() -> bool:
    """Whether this is a notebook or a terminal: in a log a bar is noise."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return hasattr(shell, "kernel") or (sys.stderr is not None and sys.stderr.isatty())
