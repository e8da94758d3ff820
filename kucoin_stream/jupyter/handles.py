"""What ``Out[n]``, ``_`` and ``_n`` hold instead of a live object: its name, and a way to it while it lives.

IPython keeps every displayed object for the whole session. A live object would thereby never end; a handle lets it go.
"""

from __future__ import annotations

import sys
import weakref
from typing import Any

from kucoin_stream.errors import StoppedError

# where the live kinds live; looked up only where loaded, because nothing of a kind exists before
_KINDS = {
    "kucoin_stream.frames.base": "LiveFrame",
    "kucoin_stream.streams.source": "LiveSource",
    "kucoin_stream.widgets.view": "Live",
    "kucoin_stream.widgets.dashboard": "Dashboard",
}


def is_live(value: object) -> bool:
    """Whether ``value`` is a live frame, a feed, a view or a dashboard."""
    kinds = tuple(getattr(sys.modules[home], name) for home, name in _KINDS.items() if home in sys.modules)
    return isinstance(value, kinds)


class Handle:
    """Stands for a live object: shows and answers like it as long as it lives. ``handle()`` is the object itself."""

    __slots__ = ("_handle_last", "_handle_ref")

    def __init__(self, live: object) -> None:
        self._handle_ref = weakref.ref(live)
        self._handle_last = repr(live)

    def __call__(self) -> Any:
        """Return the object; raise :class:`StoppedError` where nothing held it any more."""
        live = self._handle_ref()
        if live is None:
            raise StoppedError(
                f"{self._handle_last} is gone: only its output remained; keep such objects in a variable"
            )
        return live

    def __getattr__(self, name: str) -> Any:
        live = self._handle_ref()
        if live is None and name.startswith("_"):  # IPython and copy look for methods that need not be there
            raise AttributeError(name)
        return getattr(self() if live is None else live, name)

    def __dir__(self) -> list[str]:
        live = self._handle_ref()
        return [] if live is None else dir(live)

    def __repr__(self) -> str:
        live = self._handle_ref()
        return f"{self._handle_last} (gone)" if live is None else repr(live)
