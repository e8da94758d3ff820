"""What happens to connections as a streamz source: the events of the Node client ``kucoin-api`` (``client.events``)."""

from __future__ import annotations

from kucoin_stream.errors import UsageError, hint
from kucoin_stream.protocol.lifecycle import KINDS, LifecycleEvent
from kucoin_stream.streams.inbox import Inbox
from kucoin_stream.streams.source import Inlet, LiveSource, Table
from kucoin_stream.transport.engine import Engine
from kucoin_stream.transport.watchers import Watchers

_BY_NAME = {kind.event: kind for kind in KINDS}


class _EventInlet(Inlet):
    """Watches connections while somebody listens. Lives on the loop thread."""

    def __init__(self, watchers: Watchers, kinds: frozenset[type[LifecycleEvent]]) -> None:
        super().__init__()
        self.kinds = kinds
        self._watchers = watchers

    def grow(self, reader: Inbox | Table) -> None:
        if not self.wanted:
            self._watchers.add(self)
        super().grow(reader)

    def prune(self, reader: Inbox | Table) -> None:
        super().prune(reader)
        self._leave()

    def flush(self) -> None:
        super().flush()
        self._leave()  # a branch may be found gone

    def _leave(self) -> None:
        if not self.wanted:
            self._watchers.remove(self)


class Events(LiveSource[LifecycleEvent]):
    """The lifecycle events of all connections, from now on, in order.

    Each is a struct of :mod:`kucoin_stream.protocol.lifecycle` with ``event`` (its name), ``key`` (the connection's),
    ``connection`` (its number) and ``time_ns``: ``client.events.only("reconnect", "reconnected").sink(print)``.
    Nothing is made of what nobody listens to; ``update`` comes with every push, so leave it out where it is not needed.
    """

    def __init__(self, engine: Engine, *names: str) -> None:
        kinds = frozenset(_BY_NAME[_known(name)] for name in names) or frozenset(KINDS)
        super().__init__(
            engine,
            title=", ".join(("events", *names)),
            limit=engine.settings.inbox_size,
            overflow="mark",
            news=False,
            inlet=_EventInlet(engine.pool.watchers, kinds),
        )

    def only(self, *names: str) -> Events:
        """Return a source of the events of these names; raises :class:`UsageError` where there is no such event."""
        return Events(self._engine, *names)

    def __repr__(self) -> str:
        return f"<Events | {self.received} events>"

    __str__ = __repr__


def _known(name: str) -> str:
    if name in _BY_NAME:
        return name
    raise UsageError(f"no such event {name!r}; {hint(name, _BY_NAME)}")
