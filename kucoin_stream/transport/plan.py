"""Wanted topics against actual ones. Pure: facts in, actions out.

Theory of operation. Each wanted topic has a home, one of few connections; a connection may also be held for its own
sake, as that for orders, which has no topics. :meth:`Plan.want`, :meth:`unwant`, :meth:`hold` and :meth:`release`
change what is wanted; ``opened``, ``lost``, ``denied``, ``acknowledged``, ``rejected`` and ``unanswered`` report what
happened. All return what to do now. After a loss every topic of the connection is subscribed again, and
:class:`Restored` comes once all of them are active or refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from enum import Enum

from msgspec import Struct

from kucoin_stream.protocol import topics as catalogue
from kucoin_stream.protocol.limits import limits_of
from kucoin_stream.protocol.topics import Connection
from kucoin_stream.settings import Limits

Batch = tuple[str, ...]
"""Single-argument wire topics of one row, for one command."""


class Open(Struct, frozen=True):
    """Open the connection (again)."""

    connection: int
    key: Connection


class Close(Struct, frozen=True):
    """Nothing is wanted of the connection any more."""

    connection: int


class Subscribe(Struct, frozen=True):
    """Subscribe ``batch`` in one command."""

    connection: int
    batch: Batch


class Unsubscribe(Struct, frozen=True):
    """Unsubscribe ``batch`` in one command."""

    connection: int
    batch: Batch


class Active(Struct, frozen=True):
    """The exchange has acknowledged the topic."""

    topic: str


class Refuse(Struct, frozen=True):
    """The exchange will not serve the topic."""

    topic: str
    code: int
    reason: str


class Restored(Struct, frozen=True):
    """Every topic of a connection that was lost is active again, or refused."""

    connection: int


Action = Open | Close | Subscribe | Unsubscribe | Active | Refuse | Restored


class TopicState(Enum):
    """How far a wanted topic has come."""

    WAITING = "waiting"
    ACTIVE = "active"
    REFUSED = "refused"


class Link:
    """What the plan knows of one connection."""

    def __init__(self, key: Connection) -> None:
        self.key = key
        self.open = False
        self.held = False
        self.restoring = False
        self.topics: dict[str, TopicState] = {}
        self.asked: Counter[str] = Counter()  # how many commands for a topic have no answer yet

    def answered(self, batch: Batch) -> list[str]:
        """Note an answer; return the topics that wait for no other one.

        A topic given up and wanted again has two commands under way, and only the later one's answer counts.
        """
        self.asked -= Counter(batch)
        return [topic for topic in batch if self.topics.get(topic) is TopicState.WAITING and not self.asked[topic]]


class Plan:
    """See the module's theory of operation."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._links: dict[int, Link] = {}
        self._homes: dict[str, int] = {}
        self._next = 1

    def __repr__(self) -> str:
        return f"<Plan {len(self._links)} connections | {len(self._homes)} topics>"

    def state(self, topic: str) -> TopicState | None:
        """Return how far ``topic`` has come; ``None`` where it is not wanted."""
        home = self._homes.get(topic)
        return None if home is None else self._links[home].topics[topic]

    def home(self, topic: str) -> int | None:
        """Return the connection that ``topic`` is wanted of; ``None`` where it is not wanted."""
        return self._homes.get(topic)

    def topics(self, connection: int) -> list[str]:
        """Return the topics whose home is ``connection``."""
        link = self._links.get(connection)
        return list(link.topics) if link else []

    def served(self, connection: int) -> list[str] | None:
        """Return the topics that the exchange serves on ``connection``; ``None`` while one of them is on its way."""
        topics = self._links[connection].topics if connection in self._links else {}
        if TopicState.WAITING in topics.values():
            return None
        return [topic for topic, state in topics.items() if state is TopicState.ACTIVE]

    def unsettled(self, connection: int) -> list[str]:
        """Return the topics that were asked for on ``connection``, while it is open, and have no answer yet."""
        link = self._links.get(connection)
        if link is None or not link.open:
            return []
        return [topic for topic, state in link.topics.items() if state is TopicState.WAITING and link.asked[topic]]

    def restoring(self, connection: int) -> bool:
        """Whether topics of ``connection`` are still to come back after a loss."""
        link = self._links.get(connection)
        return link is not None and link.restoring

    # -- what is wanted ------------------------------------------------------------------------------------------

    def want(self, wanted: Iterable[str]) -> list[Action]:
        """Want topics, beside those wanted already."""
        actions: list[Action] = []
        fresh: dict[int, list[str]] = {}
        for topic in dict.fromkeys(wanted):
            home = self._homes.get(topic)
            if home is not None and self._links[home].topics[topic] is not TopicState.REFUSED:
                continue
            if home is None:
                home = self._home(catalogue.parse(topic)[0].connection, actions)
                self._homes[topic] = home
            self._links[home].topics[topic] = TopicState.WAITING
            fresh.setdefault(home, []).append(topic)
        for home, added in fresh.items():
            if self._links[home].open:
                actions += self._subscribe(home, self._batches(added))
        return actions

    def unwant(self, unwanted: Iterable[str]) -> list[Action]:
        """Want topics no more."""
        gone: dict[int, list[str]] = {}
        for topic in unwanted:
            home = self._homes.pop(topic, None)
            if home is not None:
                state = self._links[home].topics.pop(topic)
                gone.setdefault(home, [])
                if state is not TopicState.REFUSED:
                    gone[home].append(topic)
        actions: list[Action] = []
        for home, removed in gone.items():
            link = self._links[home]
            if not link.topics and not link.held:
                del self._links[home]
                actions.append(Close(home))
            else:
                if link.open:
                    actions += [Unsubscribe(home, batch) for batch in self._batches(removed)]
                actions += self._restored(home)
        return actions

    def renew(self, wanted: Iterable[str]) -> list[Action]:
        """Leave topics that are served and want them again."""
        actions: list[Action] = []
        for topic in wanted:
            home = self._homes.get(topic)
            if home is None or self._links[home].topics[topic] is not TopicState.ACTIVE:
                continue  # on its way already
            self._links[home].topics[topic] = TopicState.WAITING
            actions += [Unsubscribe(home, (topic,)), *self._subscribe(home, [(topic,)])]
        return actions

    def hold(self, key: Connection) -> tuple[int, list[Action]]:
        """Want a connection of this kind for its own sake; return its number too."""
        actions: list[Action] = []
        number = self._home(key, actions)
        self._links[number].held = True
        return number, actions

    def release(self, connection: int) -> list[Action]:
        """Hold a connection no more."""
        link = self._links.get(connection)
        if link is None:
            return []
        link.held = False
        if link.topics:
            return []
        del self._links[connection]
        return [Close(connection)]

    def _home(self, key: Connection, actions: list[Action]) -> int:
        most = limits_of(key, self._limits).topics_per_connection
        for number, link in self._links.items():
            if link.key is key and len(link.topics) < most:
                return number
        number, self._next = self._next, self._next + 1
        self._links[number] = Link(key)
        actions.append(Open(number, key))
        return number

    def _batches(self, wanted: Sequence[str]) -> list[Batch]:
        """Group topics into commands: one row each, within the limits."""
        by_row: dict[str, list[str]] = {}
        for topic in wanted:
            by_row.setdefault(catalogue.parse(topic)[0].name, []).append(topic)
        batches: list[Batch] = []
        for name, group in by_row.items():
            row = catalogue.find(name)
            size = max(1, min(row.list_limit, limits_of(row.connection, self._limits).topics_per_command))
            batches += _parts(group, size)
        return batches

    # -- what happened -------------------------------------------------------------------------------------------

    def opened(self, connection: int) -> list[Action]:
        """The connection is usable: subscribe all its topics."""
        link = self._links.get(connection)
        if link is None:
            return [Close(connection)]
        link.open = True
        waiting = [topic for topic, state in link.topics.items() if state is TopicState.WAITING]
        return [*self._subscribe(connection, self._batches(waiting)), *self._restored(connection)]

    def lost(self, connection: int) -> list[Action]:
        """The connection ended: open it again, if anything is wanted of it."""
        link = self._links.get(connection)
        if link is None:
            return []
        link.restoring = link.restoring or link.open
        link.open = False
        link.asked.clear()
        for topic, state in link.topics.items():
            if state is TopicState.ACTIVE:
                link.topics[topic] = TopicState.WAITING
        return [Open(connection, link.key)]

    def denied(self, connection: int, code: int, reason: str) -> list[Action]:
        """The exchange does not let us in, and asking again would not mend it: give the connection up."""
        link = self._links.pop(connection, None)
        if link is None:
            return []
        for topic in link.topics:
            del self._homes[topic]
        return [*(Refuse(topic, code, reason) for topic in link.topics), Close(connection)]

    def acknowledged(self, connection: int, batch: Batch) -> list[Action]:
        """The exchange serves the topics of ``batch``."""
        link = self._links.get(connection)
        if link is None or not link.open:
            return []
        served = link.answered(batch)
        link.topics.update(dict.fromkeys(served, TopicState.ACTIVE))
        return [*(Active(topic) for topic in served), *self._restored(connection)]

    def rejected(self, connection: int, batch: Batch, code: int, reason: str) -> list[Action]:
        """The exchange refused ``batch``: ask for parts of it, so that one topic cannot sink the others.

        For tenths, not for each topic: a hundred commands would be more than the exchange takes in one go.
        """
        link = self._links.get(connection)
        if link is None:
            return []
        wanted = link.answered(batch)
        if len(batch) > 1:
            return self._subscribe(connection, _parts(wanted, -(-len(batch) // 10))) if link.open else []
        link.topics.update(dict.fromkeys(wanted, TopicState.REFUSED))
        return [*(Refuse(topic, code, reason) for topic in wanted), *self._restored(connection)]

    def unanswered(self, connection: int, batch: Batch) -> list[Action]:
        """No answer came for ``batch``: ask again."""
        link = self._links.get(connection)
        if link is None or not link.open:
            return []
        wanted = tuple(link.answered(batch))
        return self._subscribe(connection, [wanted]) if wanted else []

    def _subscribe(self, connection: int, batches: Sequence[Batch]) -> list[Action]:
        for batch in batches:
            self._links[connection].asked.update(batch)
        return [Subscribe(connection, batch) for batch in batches]

    def _restored(self, connection: int) -> list[Action]:
        link = self._links[connection]
        if not (link.restoring and link.open) or TopicState.WAITING in link.topics.values():
            return []
        link.restoring = False
        return [Restored(connection)]


def _parts(topics: Sequence[str], size: int) -> list[Batch]:
    return [tuple(topics[at : at + size]) for at in range(0, len(topics), size)]
