"""What a client tells of itself: what runs, how its connections fare, what was missed, how long messages take."""

from __future__ import annotations

from typing import Any, Protocol

import pandas as pd

from kucoin_stream.frames.delays import delays
from kucoin_stream.frames.gaps import gaps_frame
from kucoin_stream.frames.status import LiveStatus
from kucoin_stream.overview import processes
from kucoin_stream.transport.engine import Engine


class Watched(Protocol):
    """Who tells of itself: the client."""

    @property
    def engine(self) -> Engine:
        """The floor below."""

    def close(self, reason: str = "closed") -> None:
        """End everything."""


class Overview(Watched):
    """The verbs of a client that tell what it does. Safe from any thread."""

    def ps(self) -> pd.DataFrame:
        """Return what runs, a row each: feeds, live frames, sinks, views, recordings. The index is for :meth:`stop`.

        ``cell`` made it, ``In [7]``; ``rate``: messages a second over the last seconds; ``inbox``: messages that wait
        for a user's graph, ``peak``: most that ever did, ``dropped``: lost to a full inbox; ``cost_us``: microseconds
        a message takes the graph, ``load``: its share of one core over the last seconds; ``stalled``: seconds for
        which it has not returned; ``memory``: bytes that a live frame takes. A sink has the counters of its branch,
        which begins at the feed. A view has ``received`` pictures, and ``cost_us`` is what one takes to draw.
        """
        return processes.table(self.engine)

    def stop(self, *what: object) -> None:
        """End only what is given: feeds, frames, sinks, views, recordings; or names, topics, symbols, rows of ``ps``.

        Names may have ``*`` and ``?``: ``client.stop("*BTC-USDT*", 7, book)``. Raises :class:`UsageError` where
        nothing that runs is meant. A symbol ends what has no other. Given nothing it ends everything, as :meth:`close`.
        """
        if not what:
            self.close("by client.stop()")
        for each in what:
            processes.stop(self.engine, each)

    def status(self) -> LiveStatus:
        """Return the state of the connections as a live frame."""
        return LiveStatus(self.engine)

    def gaps(self) -> pd.DataFrame:
        """Return what was missed: one row for each time when a topic, or a book, was not followed message by message.

        Columns: ``topic``, ``part`` (``topic`` or ``book``), ``from`` and ``to`` (UTC), ``missed``, ``duration`` [s],
        ``cause``, ``healed_by``. The last 10,000 are kept.
        """
        return gaps_frame(self.engine.call(self.engine.pool.gaps.rows))

    def latency(self) -> pd.DataFrame:
        """Return how long messages take, by stage: ``samples``, of the last 2,000 ``p50_ms``, ``p99_ms``, ``max_ms``.

        ``exchange``: from the time that a message bears to its arrival here, by the exchange's clock; ``parse``: until
        books, live frames and inboxes have it; ``queue``: how long it waits for the users' graphs; ``dispatch``: what
        these take for what came in one go; ``picture``: what drawing one takes, in this process. ``attrs``:
        ``clock_offset_ms``, by which the exchange's clock is ahead (by REST until a pong tells), known to
        ``clock_error_ms``; ``late_ms`` of the background thread, and ``kernel_busy`` where that is much.
        """
        return delays(self.engine)

    def statistics(self) -> dict[str, Any]:
        """Return counters: messages, errors, reconnects, REST calls, and one row per connection."""
        return LiveStatus(self.engine).statistics()
