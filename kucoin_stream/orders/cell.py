"""Which cell is running, so that running it again by accident sends nothing."""

from __future__ import annotations

import hashlib
import sys
from typing import NamedTuple


class Cell(NamedTuple):
    """One execution of a cell: which cell, and which run of it."""

    key: str
    run: str


def running_cell() -> Cell | None:
    """Return the cell that this code belongs to; ``None`` outside notebooks, where nothing is run twice.

    Callbacks of a graph belong to the cell that made it.
    """
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is None:
        return None
    parent = shell.get_parent() if hasattr(shell, "get_parent") else None
    if not parent:  # a terminal, or a shell without a kernel
        return _typed(shell)
    source = parent.get("content", {}).get("code", "")
    key = (parent.get("metadata") or {}).get("cellId") or hashlib.sha256(source.encode()).hexdigest()
    return Cell(str(key), str(parent.get("header", {}).get("msg_id", "")))


def _typed(shell: object) -> Cell:
    count = str(getattr(shell, "execution_count", ""))
    return Cell(count, count)
