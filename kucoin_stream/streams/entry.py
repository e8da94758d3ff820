"""``Stream.from_kucoin("spot.trades", "BTC-USDT")``: the entry point under which streamz knows our feeds."""

from __future__ import annotations

from typing import Any

from streamz import Stream

from kucoin_stream.streams.feed import Feed


class from_kucoin(Stream):  # type: ignore[misc]  # noqa: N801  the name of the method on Stream
    """Make a feed of the default client: ``topic`` is a row of the catalogue, ``arguments`` its symbols.

    Connects "auto" where there is no client yet. Raises as :meth:`Client.feed`.
    """

    def __new__(cls, topic: str, *arguments: str, **options: Any) -> Feed[Any]:
        """Return the feed itself."""
        from kucoin_stream.default import default_client

        return default_client().feed(topic, *arguments, **options)
