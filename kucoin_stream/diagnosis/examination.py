"""All that is looked at over the network, at the same time where one thing does not need another."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Iterable
from typing import Any

from kucoin_stream.diagnosis import keys, loops, services
from kucoin_stream.diagnosis.chart import Chart, Found
from kucoin_stream.diagnosis.hosts import Hosts
from kucoin_stream.diagnosis.place import Place
from kucoin_stream.diagnosis.sockets import Talk, hurried
from kucoin_stream.diagnosis.troubles import trouble
from kucoin_stream.protocol.topic import Connection as Key
from kucoin_stream.settings import Credentials
from kucoin_stream.transport.dial import Dialler
from kucoin_stream.transport.rest import Rest
from kucoin_stream.transport.signer import Signer

_REACHED = (Key.PRIVATE_PRO, Key.SPOT_ORDERS)
"""Sockets whose hosts are only looked for: both need a key."""

_LAST = 0.1  # seconds that picows takes to drop a handshake which was given up

_TOPICS = {
    Key.SPOT_PUBLIC: "/market/ticker:all",
    Key.FUTURES_PUBLIC: "/contract/announcement",
    Key.SPOT_PRO: "ticker.SPOT:{symbol}",
    Key.FUTURES_PRO: "funding-fee-all-symbols.FUTURES",
}
"""What is subscribed: without a symbol where there is such a topic, for another exchange may have others."""


async def examine(chart: Chart, place: Place) -> None:
    """Add everything about the loops, the key and the exchange."""
    outcomes = await asyncio.gather(
        loops.check(chart.here, place.post), _exchange(chart, place), return_exceptions=True
    )  # fmt: skip
    note(chart, outcomes)


async def _exchange(chart: Chart, place: Place) -> None:
    credentials = await keys.credentials(chart, place)
    if place.plays:
        chart.service().note("exchange", Found(None, "a recording: nothing needs to be reached"))
        return
    exam = _Exam(chart, place, credentials)
    try:
        note(chart, await asyncio.gather(*exam.parts(), return_exceptions=True))
    finally:
        await exam.close()


def note(chart: Chart, outcomes: Iterable[object]) -> None:
    """Add a row for each error among outcomes: a diagnosis goes on, whatever happens in a part of it."""
    for exc in outcomes:
        if isinstance(exc, Exception):
            told = trouble(exc)
            chart.service().note("doctor", Found(None, told.detail, "bad", told.next))


class _Exam:
    """The network's part. Lives on one loop."""

    def __init__(self, chart: Chart, place: Place, credentials: Credentials | None) -> None:
        signer = None if credentials is None else Signer(credentials, place.sign)
        settings, venue = hurried(place.settings), place.target.venue(place.settings.region)
        self._chart = chart
        self._place = place
        self._venue = venue
        self._hosts = Hosts(chart)
        self._spot = Rest(venue.rest_url, settings, signer)
        self._futures = Rest(venue.futures_url, settings, signer, "futures")
        any_host = place.target.mode != "live"
        dialler = Dialler(venue, self._spot, self._futures, settings, time.monotonic, any_host=any_host)
        for rest in (self._spot, self._futures):
            rest._open()  # imports aiohttp: that is no time that the exchange takes
        self._talk = Talk(dialler, settings, self._hosts, chart.secrets)

    def parts(self) -> list[Coroutine[Any, Any, object]]:
        """Return what can go on at the same time. Rows come in this order, whatever ends first."""
        parts: list[Coroutine[Any, Any, object]] = [self._rest("spot", self._spot, Key.SPOT_PUBLIC)]
        if self._venue.futures_url:
            parts.append(self._rest("futures", self._futures, Key.FUTURES_PUBLIC))
        parts += [
            self._talk.talk(self._chart.service(), name, key, self._topic(key))
            for name, key in (("Pro spot", Key.SPOT_PRO), ("Pro futures", Key.FUTURES_PRO))
            if self._venue.offers(key)
        ]
        parts += [self._hosts.reached(self._venue.sockets[key]) for key in _REACHED if self._venue.offers(key)]
        return parts

    def _topic(self, key: Key) -> str:
        return _TOPICS[key].format(symbol=self._place.symbol())

    async def close(self) -> None:
        """Close both sessions, and let what was given up be dropped."""
        await self._spot.close()
        await self._futures.close()
        await asyncio.sleep(_LAST)

    def _rest(self, name: str, rest: Rest, key: Key) -> Coroutine[Any, Any, None]:
        """Look at a REST base and, where it answers, at the socket that it has tokens for, and at the key."""
        calls, socket, signed = (self._chart.service() for _ in range(3))

        async def look() -> None:
            recorded = self._place.target.mode == "replay"
            if not await services.answers(calls, f"{name} REST", rest, self._hosts, recorded=recorded):
                return
            parts: list[Coroutine[Any, Any, None]] = [self._talk.talk(socket, name, key, self._topic(key))]
            if rest is self._spot and rest.signed:
                parts.append(services.key(signed, rest))
            note(self._chart, await asyncio.gather(*parts, return_exceptions=True))

        return look()
