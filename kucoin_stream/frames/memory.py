"""What the frames of a client hold, remembered while a tape is played, so that it can be wound back."""

from __future__ import annotations

from collections.abc import Collection, MutableMapping
from typing import Any
from weakref import WeakKeyDictionary

from msgspec import Struct

from kucoin_stream.frames.account.keeper import AccountKeeper
from kucoin_stream.frames.bookkeeper import BookKeeper
from kucoin_stream.frames.kept import Kept
from kucoin_stream.streams.source import Inlet, Table
from kucoin_stream.transport.engine import Engine


class Moment(Struct, frozen=True):
    """All of it at one moment: states of keepers with their topics, by key, and of tables."""

    kept: dict[object, tuple[tuple[str, ...], Any]]
    tables: MutableMapping[Table, Any]


class Memory:
    """Remembers and recalls moments of an engine's frames, as :class:`Audience` of a tape. Lives on the loop thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __repr__(self) -> str:
        return f"<Memory of {self._engine!r}>"

    def lag(self) -> int:
        """Return how many messages the slowest branch is behind."""
        return max((inlet.lag for inlet in self._inlets()), default=0)

    def remember(self) -> Moment | None:
        """Return this moment; ``None`` where something is in the midst of a beginning."""
        kept = {}
        for key, keeper in self._kept().items():
            state = keeper.remember()
            if state is None:
                return None
            kept[key] = keeper.topics, state
        return Moment(kept, WeakKeyDictionary({table: table.remember() for table in self._tables()}))

    def covers(self, moment: Moment) -> bool:
        """Whether a moment tells of all that is kept now."""
        known = {key: topics for key, (topics, _) in moment.kept.items()}
        return all(known.get(key) == keeper.topics for key, keeper in self._kept().items()) and all(
            table in moment.tables for table in self._tables()
        )

    def recall(self, moment: Moment) -> None:
        """Be as at a moment that covers what is kept."""
        for key, keeper in self._kept().items():
            keeper.recall(moment.kept[key][1])
        for table in self._tables():
            table.recall(moment.tables[table])

    def forget(self, since_ns: int | None) -> None:
        """Know nothing any more: the tape begins anew; at ``since_ns`` (Unix ns) where that is in its midst."""
        for keeper in self._kept().values():
            keeper.forget()
        for table in self._tables():
            table.forget(since_ns)

    def begins_with(self, topics: Collection[str]) -> bool:
        """Whether whole books of ``topics`` are enough to begin with: accounts are only right from their begin on."""
        kept = self._kept().values()
        return all(each.topic in topics for each in kept if isinstance(each, BookKeeper)) and not any(
            isinstance(each, AccountKeeper) for each in kept
        )

    def _kept(self) -> dict[object, Kept]:
        return {key: each for key, each in self._engine.shared.items() if isinstance(each, Kept)}

    def _inlets(self) -> list[Inlet]:
        readers = self._engine.pool.routes.subscribers
        return [*(each for each in readers if isinstance(each, Inlet)), *(each.inlet for each in self._kept().values())]

    def _tables(self) -> list[Table]:
        return [table for inlet in self._inlets() for table in inlet.tables]
