"""Inside IPython: ``%load_ext kucoin_stream``, the ``%kucoin`` magic, and what a cell that runs again replaces."""

from __future__ import annotations

import sys
from typing import Any

__all__ = ["load_ipython_extension", "unload_ipython_extension", "watch"]


def load_ipython_extension(ipython: Any) -> None:
    """Add ``%kucoin`` with its completion, and watch the cells. IPython calls this on ``%load_ext``."""
    from kucoin_stream.jupyter import cells, magics

    magics.register(ipython)
    cells.register(ipython)


def unload_ipython_extension(ipython: Any) -> None:
    """Take ``%kucoin`` and the hooks away; what runs goes on. IPython calls this on ``%unload_ext``."""
    from kucoin_stream.jupyter import cells, magics

    magics.unregister(ipython)
    cells.unregister(ipython)


def watch(*, anew: bool = True) -> bool:
    """Watch the cells of the shell that runs here, without the magic; say whether there is one. Cheap, idempotent.

    ``anew``: also where the extension was unloaded.
    """
    module = sys.modules.get("IPython")
    ipython = module.get_ipython() if module is not None else None
    if ipython is None:
        return False
    from kucoin_stream.jupyter import cells

    if anew or not cells.unloaded(ipython):
        cells.register(ipython)
    return True
