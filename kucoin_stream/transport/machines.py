"""Machines that only read: for messages that were recorded."""

from __future__ import annotations

from kucoin_stream.errors import UsageError, printable
from kucoin_stream.protocol.classic import ClassicProtocol
from kucoin_stream.protocol.pro import ProProtocol
from kucoin_stream.protocol.topic import Connection
from kucoin_stream.settings import Limits

LIMITS = Limits(10**6, 10**6, 10**6, connections_per_minute=10**6)
"""A tape has no limits."""

_PRO = frozenset({Connection.SPOT_PRO, Connection.FUTURES_PRO, Connection.PRIVATE_PRO})
_NEVER = 1e9  # seconds


def is_pro(key: Connection) -> bool:
    """Whether a kind of connection speaks Pro."""
    return key in _PRO


def machine_of(key: Connection, now: float = 0.0) -> ClassicProtocol | ProProtocol:
    """Return a machine that asks for no heartbeat. ``now``: seconds on the clock that it will be given."""
    kind = ProProtocol if is_pro(key) else ClassicProtocol
    return kind(now=now, limits=LIMITS, ping_interval=_NEVER, pong_timeout=_NEVER)


class Machines:
    """One machine for each recorded connection."""

    def __init__(self) -> None:
        self._machines: dict[str, ClassicProtocol | ProProtocol] = {}

    def __repr__(self) -> str:
        return f"<Machines of {', '.join(self._machines)}>"

    def of(self, on: str) -> ClassicProtocol | ProProtocol:
        """Return the machine of a connection by its name on a tape: ``spotPublicV1#2``."""
        machine = self._machines.get(on)
        if machine is None:
            machine = self._machines[on] = machine_of(key_of(on))
        return machine


def key_of(on: str) -> Connection:
    """Return the kind of a connection by its name on a tape; raises :class:`UsageError` where there is none such."""
    try:
        return Connection(on.partition("#")[0])
    except ValueError:
        raise UsageError(f"the tape names a connection of an unknown kind: {printable(on, 50)!r}") from None
