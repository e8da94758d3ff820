"""The way to each host: its addresses, a connection, TLS. Each host is looked at once, whoever needs it."""

from __future__ import annotations

import asyncio
from typing import Literal

from kucoin_stream.diagnosis.chart import Chart, Found, Section
from kucoin_stream.transport import probe
from kucoin_stream.transport.probe import Origin, Trust, Way, bare
from kucoin_stream.transport.target import is_private

TIMES = {"dns": 3.0, "tcp": 3.0, "tls": 3.0}
"""Seconds for each step."""

_SHOWN = 3  # addresses of a host
_CLOCK = ("expired", "not yet valid")


class Hosts:
    """The hosts of one diagnosis. Lives on one loop."""

    def __init__(self, chart: Chart) -> None:
        self._chart = chart
        self._trust = probe.trust()  # read once: it takes tens of milliseconds
        self._known: dict[Origin, asyncio.Task[bool]] = {}

    async def reached(self, url: str) -> bool:
        """Whether the host of ``url`` can be reached; the first to ask makes its rows."""
        origin = probe.origin_of(url)
        if origin not in self._known:
            self._known[origin] = asyncio.ensure_future(
                _reach(self._chart.host(), origin, self._trust, private=is_private(url))
            )
        return await self._known[origin]


async def _reach(section: Section, origin: Origin, trust: Trust, *, private: bool) -> bool:
    name = origin.host if origin.port in {80, 443} else f"{origin.host}:{origin.port}"
    if not origin.proxy and not await section.check(f"{name} DNS", TIMES["dns"], _named(origin)):
        return False
    way = await section.check(f"{name} TCP", TIMES["tcp"], _connected(origin))
    if way is None:
        return False
    try:
        if origin.encrypted:
            return bool(await section.check(f"{name} TLS", TIMES["tls"], _encrypted(way, trust)))
        if not private:
            section.note(
                f"{name} TLS", Found(None, "not encrypted", "warn", "no key of yours is sent there; use https")
            )
        return True
    finally:
        way.close()


async def _named(origin: Origin) -> Found[list[str]]:
    found = await probe.addresses(origin.host, origin.port)
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return Found(found, ", ".join(found[:_SHOWN]) + more)


async def _connected(origin: Origin) -> Found[Way]:
    through = f" through the proxy {bare(origin.proxy)}" if origin.proxy else ""
    return Found(await probe.connect(origin), f"connected{through}")


async def _encrypted(way: Way, trust: Trust) -> Found[Literal[True] | None]:
    seen = await way.encrypt(trust)
    told = [seen.version, f"issued by {seen.issuer}" if seen.issuer else "", f"until {seen.expires}"]
    detail = ", ".join(each for each in told if each and each != "until ")
    if not seen.fault:
        return Found(True, f"verified, {detail}")
    return Found(
        None, f"the certificate is not trusted: {seen.fault}; {detail}".rstrip("; "), "bad", _advice(seen.fault)
    )


def _advice(fault: str) -> str:
    if any(word in fault for word in _CLOCK):
        return "is this machine's clock right? Otherwise something on the way presents an old certificate"
    return (
        "something on the way (a company's proxy, a virus scanner, a login page) presents a certificate of its own: "
        "use another network, or have its authority trusted with SSL_CERT_FILE; never switch verification off"
    )
