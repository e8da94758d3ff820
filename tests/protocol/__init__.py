"""What the tests of the protocol share."""

from __future__ import annotations

from kucoin_stream.protocol.classic import ClassicProtocol
from kucoin_stream.protocol.events import Event, Unreadable


def receive(protocol: ClassicProtocol, data: bytes, now: float) -> Event | None:
    """Return what one message means; raise the error of one that cannot be read."""
    events = protocol.receive([data], now)
    if events and isinstance(events[0], Unreadable):
        raise events[0].error
    assert len(events) <= 1
    return events[0] if events else None
