"""Who hears what happens to connections."""

from __future__ import annotations

import time
from typing import Any, Protocol

from kucoin_stream.protocol.lifecycle import LifecycleEvent
from kucoin_stream.protocol.topic import Connection

Kind = type[LifecycleEvent]


class Watcher(Protocol):
    """Hears of some kinds of events. All calls come on the loop thread."""

    kinds: frozenset[Kind]
    """Which kinds it wants."""

    pending: list[Any]
    """Where events are put."""

    def flush(self) -> None:
        """Work off what is pending."""


class Watchers:
    """Tells watchers of events; an event that nobody wants is not made. Lives on the loop thread."""

    def __init__(self) -> None:
        self._watchers: list[Watcher] = []
        self._wanted: frozenset[Kind] = frozenset()

    def __repr__(self) -> str:
        return f"<Watchers {len(self._watchers)}>"

    def add(self, watcher: Watcher) -> None:
        """Tell ``watcher`` from now on."""
        self._set([*self._watchers, watcher])

    def remove(self, watcher: Watcher) -> None:
        """Tell ``watcher`` no more."""
        self._set([each for each in self._watchers if each is not watcher])

    def _set(self, watchers: list[Watcher]) -> None:
        self._watchers = watchers
        self._wanted = frozenset().union(*(each.kinds for each in watchers))

    def want(self, kind: Kind) -> bool:
        """Whether anybody wants this kind of event."""
        return kind in self._wanted

    def tell(self, kind: Kind, key: Connection, number: int, *details: Any) -> None:
        """Tell of an event that happened just now."""
        if kind not in self._wanted:
            return
        event = kind(key, number, time.time_ns(), *details)
        for watcher in self._watchers:
            if kind in watcher.kinds:
                watcher.pending.append(event)
                watcher.flush()
