"""Replaces a connection before the exchange ends it (protocol.md 3.6): the fresh one is served before the old one goes.

Theory of operation. The fresh connection opens and subscribes what the old one has, by a plan of its own. While both
are served, a :class:`Seam` lets each message through once. After :data:`OVERLAP` seconds the topics go over, each when
the fresh connection has caught up. The owner then puts the fresh connection in the old one's place, and nothing that
reads notices. Until the first topic goes over (:attr:`Rotation.cut`) an attempt that fails does no harm; from then on
the end of the fresh connection is the end of both, and told as such.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

from kucoin_stream.errors import NotReadyError, RefusedError, RemoteProtocolError, UnreachableError
from kucoin_stream.protocol.events import OrderEvent
from kucoin_stream.protocol.messages.envelope import Push
from kucoin_stream.protocol.seam import Item, Seam
from kucoin_stream.settings import Settings
from kucoin_stream.transport.connection import Command, Connection, Owner
from kucoin_stream.transport.plan import Action, Plan, Subscribe, TopicState, Unsubscribe

OVERLAP = 2.0  # seconds for which both connections are served, at least
PATIENCE = 60.0  # seconds until a topic goes over in any case; a Pro snapshot was seen to take 6.2 (protocol.md 5.6)
_ROUNDS = 5  # times that topics are waited for which were subscribed in the overlap
_JOINING = 60.0  # seconds within which the fresh connection must have all topics
_LOOK = 0.05  # seconds

Wanted = Callable[[], Sequence[str] | None]
"""The topics of a connection; ``None`` while a command for one of them waits for its answer."""


class Rotation:
    """One replacement, and the owner of the fresh connection until it takes over. Lives on the loop thread."""

    def __init__(
        self, old: Connection, make: Callable[[Owner], Connection], wanted: Wanted, owner: Owner, settings: Settings
    ) -> None:
        self.ready = False  # the fresh connection has had all topics
        self.cut = False  # topics go over: the old connection alone is no longer whole
        self.fresh = make(self)
        self._old = old
        self._wanted = wanted
        self._owner = owner
        self._plan = Plan(settings.limits)
        self._number, _ = self._plan.hold(old.key)
        self._seam: Seam[bytes] = Seam()
        self._joined: float | None = None
        self._refusal: RefusedError | None = None
        self._over = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def __repr__(self) -> str:
        return f"<Rotation of connection {self._old.number} | {self._seam}>"

    @property
    def overlap(self) -> float:
        """Seconds for which both connections have been served."""
        return 0.0 if self._joined is None else self._loop.time() - self._joined

    @property
    def unproven(self) -> list[str]:
        """The topics over whose seam it cannot be shown that nothing was lost or came twice."""
        return self._seam.unproven

    async def run(self) -> None:
        """Open the fresh connection and bring it to where it can take over, with nothing awaited between the two.

        Raises :class:`KucoinStreamError` where it cannot be opened, does not get all topics, or ends.
        """
        self.fresh.gate = self._fresh_push
        await self.fresh.open()
        going, ending = asyncio.ensure_future(self._go_over()), asyncio.ensure_future(self.fresh.ended())
        try:
            await asyncio.wait({going, ending}, return_when=asyncio.FIRST_COMPLETED)
            if not going.done():
                raise UnreachableError("websocket", f"the fresh connection has ended: {ending.result()}")
            going.result()
            await self._follow()  # what was subscribed in the last moment
        finally:
            going.cancel()
            ending.cancel()

    async def _go_over(self) -> None:
        self._perform(self._plan.opened(self._number))
        self._old.gate = self._old_push
        for _ in range(_ROUNDS):
            if not await self._follow():
                break
            self._seam.joined()
            self._joined = self._joined or self._loop.time()
            self.ready = True
            await asyncio.sleep(OVERLAP)
        self.ready = self.cut = True
        self._pass_on(self._seam.cut())
        with suppress(TimeoutError):
            await asyncio.wait_for(self._over.wait(), PATIENCE)

    def take_over(self) -> None:
        """Let the fresh connection speak, and the old one no more."""
        self._pass_on(self._seam.force())
        self._old.gate = _deaf
        self.fresh.gate = None
        self.fresh.owner = self._owner

    def give_up(self) -> None:
        """Leave everything to the old connection."""
        self._old.gate = None
        self.fresh.gate = _deaf

    async def _follow(self) -> bool:
        """Have on the fresh connection what the old one has; return whether something had to be added.

        Raises :class:`RefusedError` where it is refused a topic, for now or for good: the old one goes on with it.
        """
        added, deadline = False, self._loop.time() + _JOINING
        while (wanted := self._wanted()) is None or not self._has(wanted):
            if wanted is not None:
                have = self._plan.topics(self._number)
                self._perform(self._plan.unwant([topic for topic in have if topic not in wanted]))
                fresh = [topic for topic in wanted if topic not in have]
                added = added or bool(fresh)
                self._perform(self._plan.want(fresh))
            if self._refusal is not None:
                raise self._refusal
            if self._loop.time() > deadline:
                raise NotReadyError(f"not all topics were acknowledged on a fresh connection within {_JOINING:g} s")
            await asyncio.sleep(_LOOK)
        return added

    def _has(self, wanted: Sequence[str]) -> bool:
        plan = self._plan
        return set(wanted) == set(plan.topics(self._number)) and not any(
            plan.state(topic) is TopicState.WAITING for topic in wanted
        )

    # -- messages ------------------------------------------------------------------------------------------------

    def _old_push(self, message: bytes, push: Push[Any]) -> None:
        self._pass_on(self._seam.old(Item(push, message)))

    def _fresh_push(self, message: bytes, push: Push[Any]) -> None:
        self._pass_on(self._seam.fresh(Item(push, message)))

    def _pass_on(self, items: Sequence[Item[bytes]]) -> None:
        if items:
            self._old.hear([item.more for item in items])
            self._owner.received(self._old, [item.push for item in items])
        if self._seam.done:
            self._over.set()

    # -- what the fresh connection tells (Owner) -----------------------------------------------------------------

    def _perform(self, actions: Iterable[Action]) -> None:
        for action in actions:
            match action:
                case Subscribe(batch=batch):
                    self.fresh.command(Command("subscribe", batch))
                case Unsubscribe(batch=batch):
                    self.fresh.command(Command("unsubscribe", batch))
                case _:
                    pass  # the readers are served all the time

    def received(self, source: Connection, events: Sequence[OrderEvent]) -> None:
        """Pass on what comes."""
        self._owner.received(source, events)

    def authenticated(self, source: Connection) -> None:
        """Pass it on."""
        self._owner.authenticated(source)

    def acknowledged(self, source: Connection, command: Command) -> None:  # noqa: ARG002
        """Note that the fresh connection has topics."""
        if command.kind == "subscribe":
            self._perform(self._plan.acknowledged(self._number, command.batch))

    def rejected(self, source: Connection, command: Command, code: int, reason: str) -> None:  # noqa: ARG002
        """Note that it is refused some."""
        if command.kind == "subscribe":
            self._refusal = RefusedError(", ".join(command.batch)[:100], code, reason)

    def unanswered(self, source: Connection, command: Command) -> None:  # noqa: ARG002
        """Ask again."""
        if command.kind == "subscribe":
            self._perform(self._plan.unanswered(self._number, command.batch))

    def spoiled(self, source: Connection, error: RemoteProtocolError) -> None:
        """Pass it on."""
        self._owner.spoiled(source, error)

    def failed(self, error: Exception) -> None:
        """Pass it on."""
        self._owner.failed(error)


def _deaf(message: bytes, push: Push[Any]) -> None:
    """Take a push that another connection has brought, or will bring."""
