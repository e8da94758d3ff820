"""Which kind of order book a user gets (protocol.md 5: what each needs, and how far it reaches)."""

from __future__ import annotations

import logging
from typing import Literal, NamedTuple

from kucoin_stream.errors import UsageError
from kucoin_stream.frames.bookkeeper import describe
from kucoin_stream.given import shown
from kucoin_stream.protocol import topics
from kucoin_stream.protocol.bookfeeds import FEEDS, BookFeed, Market
from kucoin_stream.transport.engine import Engine

Source = Literal["classic", "pro"] | str
"""Where a book comes from: a generation, or one feed of :data:`FEEDS`, such as ``"pro_spot.book50"``."""

log = logging.getLogger("kucoin_stream")


class Choice(NamedTuple):
    """The feed of a book, the one that takes its place where it cannot be had, and what to say of it."""

    feed: BookFeed
    instead: BookFeed | None = None
    note: str = ""


def choose(engine: Engine, symbol: str, market: Market, source: Source | None = None) -> Choice:
    """Return the book of ``source``; without one, the best that there is with or without a key.

    Raises :class:`UsageError` where there is no such source, or the region does not have it.
    """
    usual = {"classic": FEEDS[f"{market}.level2"], "pro": FEEDS[f"pro_{market}.level2"]}
    known = usual | {name: feed for name, feed in FEEDS.items() if feed.market == market}
    if source is None and market == "spot" and not engine.signed:
        return _without_key(engine, symbol, usual["pro"], usual["classic"])
    feed = known.get("classic" if source is None else source) if isinstance(source, str | None) else None
    if feed is None:
        others = ", ".join(name for name in known if name not in usual)
        raise UsageError(f"source={shown(source)}: write 'classic' or 'pro', or one of {others}")
    engine.venue.check(topics.find(feed.topic).connection)
    if feed.snapshots == "rest" and feed.seed(signed=engine.signed) is None:
        raise UsageError(
            f"a book of {feed.topic} begins with a signed call: it needs an API key; source='pro' does not"
        )
    return Choice(feed, note="" if source in usual or source is None else feed.topic)


def _without_key(engine: Engine, symbol: str, pro: BookFeed, classic: BookFeed) -> Choice:
    lack = engine.venue.lack(topics.find(pro.topic).connection)
    if not lack:
        return Choice(pro, classic, f"{describe(pro)}, without an API key")
    note = f"{describe(classic)}, for Pro is not to be had: {lack}"
    log.warning("book of %s: %s", symbol, note)
    return Choice(classic, None, note)
