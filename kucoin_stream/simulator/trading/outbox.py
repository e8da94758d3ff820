"""What private readers are to be sent, in order. Pure."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from kucoin_stream.protocol.messages import encode
from kucoin_stream.simulator.market import Push
from kucoin_stream.simulator.pro.session import spaced
from kucoin_stream.simulator.trading.ids import USER_ID


class Outbox:
    """Takes pushes for the topics that somebody reads; the rest is not even written."""

    def __init__(self) -> None:
        self.wanted: Collection[str] = frozenset()
        self._pushes: list[Push] = []

    def __repr__(self) -> str:
        return f"<Outbox {len(self._pushes)} pushes>"

    def take(self) -> list[Push]:
        """Return what is to be sent, and forget it."""
        if not self._pushes:
            return self._pushes
        pushes, self._pushes = self._pushes, []
        return pushes

    def classic(self, topic: str, subject: str, data: Any, *, number: int = 0) -> None:
        """Send a classic push; ``number`` becomes its ``id``, where it has one (protocol.md 3.7)."""
        if topic in self.wanted:
            frame = {"topic": topic, "type": "message", "subject": subject}
            named = {"id": f"{number:024x}"} if number else {}
            extra = {**named, "userId": USER_ID, "channelType": "private"}
            self._pushes.append(Push(topic, encode({**frame, **extra, "data": data}).decode()))

    def pro(self, tag: str, symbol: str, time_ns: int, data: Any) -> None:
        """Send a push of the Pro private socket; without a symbol, where the channel has none (protocol.md 6.6)."""
        topic = f"{tag}:{symbol}" if symbol else tag
        if topic in self.wanted:
            self._pushes.append(Push(topic, spaced({"T": tag, "P": time_ns, "d": data})))

    def wants(self, *topics: str) -> bool:
        """Whether any of these topics is read."""
        return any(topic in self.wanted for topic in topics)
