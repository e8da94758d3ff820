"""Who reads which topic. Lives on the exchange's loop.

Most readers get what is pushed from now on. The incremental Pro book begins with a snapshot, half a second after
the subscription; funding rates come once a minute, so that a new reader is told the present one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from kucoin_stream.simulator.client import Client
from kucoin_stream.simulator.faults import Faults
from kucoin_stream.simulator.pro.channels import TEN_MS

SNAPSHOT_DELAY = 0.5  # seconds; protocol.md 5.6, 10.2
_AT_ONCE = ("/contract/instrument:", "funding-fee")


class Readers:
    """Subscriptions of all connections. ``opening`` makes what a new reader of a topic is sent first."""

    def __init__(self, opening: Callable[[str], str | None], faults: Faults) -> None:
        self._opening = opening
        self._faults = faults
        self._readers: dict[str, dict[Client, None]] = {}
        self._waiting: dict[tuple[Client, str], asyncio.TimerHandle] = {}
        self._topics: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        return f"<Readers of {len(self._readers)} topics, {len(self._waiting)} waiting>"

    @property
    def topics(self) -> set[str]:
        """The single-symbol topics subscribed, over all connections."""
        return {*self._readers, *(topic for _, topic in self._waiting)}

    @property
    def wanted(self) -> frozenset[str]:
        """The topics that are to be pushed; the same object until they change."""
        return self._topics

    def of(self, topic: str) -> Iterable[Client]:
        """Return who reads a topic."""
        return self._readers.get(topic, ())

    def subscribe(self, client: Client, topics: Iterable[str]) -> None:
        """Let a client read topics, each after what it begins with."""
        loop = asyncio.get_running_loop()
        for topic in topics:
            delay = _delay(topic)
            if delay is None:
                self._readers.setdefault(topic, {})[client] = None
            else:
                self._waiting[client, topic] = loop.call_later(delay, self._begin, client, topic)
        self._topics = frozenset(self._readers)

    def unsubscribe(self, client: Client, topics: Iterable[str]) -> None:
        """Let a client no longer read topics."""
        for topic in topics:
            timer = self._waiting.pop((client, topic), None)
            if timer is not None:
                timer.cancel()
            readers = self._readers.get(topic, {})
            readers.pop(client, None)
            if not readers:
                self._readers.pop(topic, None)
        self._topics = frozenset(self._readers)

    def _begin(self, client: Client, topic: str) -> None:
        del self._waiting[client, topic]
        text = self._opening(topic)
        if text is not None and not self._faults.silenced(topic):
            client.say(text)
        self._readers.setdefault(topic, {})[client] = None
        self._topics = frozenset(self._readers)


def _delay(topic: str) -> float | None:
    """Seconds from a subscription to what it begins with; ``None`` where it begins with nothing."""
    if topic.endswith(TEN_MS):
        return SNAPSHOT_DELAY
    return 0.0 if topic.startswith(_AT_ONCE) else None
