"""A bar for lists that take long."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

_DELAY = 1.0  # seconds before a bar is shown: most lists are there by then


class Progress:
    """A ``tqdm.auto`` bar that appears only where a list takes longer than a second."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._bar: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def show(self, done: float, total: float, rows: int) -> None:
        """Show how far it is; ``total`` is 0 where nobody knows."""
        if self._bar is None:
            from tqdm.auto import tqdm  # type: ignore[import-untyped]  # 40 ms to import

            self._bar = tqdm(desc=self._title, delay=_DELAY, bar_format=None if total else "{desc}: {postfix}")
        self._bar.total = total or None
        self._bar.n = done
        self._bar.set_postfix_str(f"{rows} rows", refresh=False)
        self._bar.update(0)
