"""What REST says: an answer, the clock, and whether the key is accepted (protocol.md 2.1, 8, 9.3)."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Literal

from kucoin_stream.diagnosis.chart import Found, Section
from kucoin_stream.diagnosis.hosts import Hosts
from kucoin_stream.errors import ResponseError, printable
from kucoin_stream.transport.rest import Rest

TIMEOUT = 3.0  # seconds for one answer
_SKEW_WARN = 1.0  # seconds
_SKEW_BAD = 5.0  # seconds that the exchange allows a signature; protocol.md 2.1
_KEY_ERRORS = "4000"  # 400001 to 400007
_TOO_MANY = 429  # HTTP status
_TURN = 0.1  # seconds that an error takes from the answer to its caller, and more
_KEY = "/api/v1/user/api-key"


async def answers(section: Section, name: str, rest: Rest, hosts: Hosts, *, recorded: bool) -> bool:
    """Whether REST answers at all; adds what its clock says. A ``recorded`` exchange lives in another time."""
    if not await hosts.reached(rest.base):
        return False
    if not await section.check(f"{name} HTTP", TIMEOUT, _answer(rest)):
        return False
    await section.check(f"{name} clock", TIMEOUT, _clock(rest, recorded=recorded), timed=False)
    return True


async def _answer(rest: Rest) -> Found[Literal[True]]:
    refused = asyncio.Event()

    def listener(call: str, status: int, body: bytes, error: str, *, signed: bool) -> None:  # noqa: ARG001
        if status == _TOO_MANY:
            refused.set()

    rest.listener = listener
    asked, refusal = asyncio.ensure_future(rest.server_time()), asyncio.ensure_future(refused.wait())
    try:
        await asyncio.wait({asked, refusal}, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait({asked}, timeout=_TURN)
        if not asked.done():  # it waits for its quota, and would be made again
            raise ResponseError("GET /api/v1/timestamp", _TOO_MANY, "429000", "too many requests")
        await asked
    finally:
        rest.listener = None
        asked.cancel()
        refusal.cancel()
    return Found(True, "answers")


async def _clock(rest: Rest, *, recorded: bool) -> Found[Literal[True]]:
    began = time.monotonic()
    await rest.server_time()  # once more: over a connection that is there already
    bound = (time.monotonic() - began) / 2
    offset = rest.clock_offset
    if recorded:
        return Found(True, "that of the recording")
    detail = (
        f"this machine's is {abs(offset) * 1000:.0f} ms {'behind' if offset > 0 else 'ahead'}, +-{bound * 1000:.0f} ms"
    )
    certain = abs(offset) - bound
    if certain > _SKEW_BAD:
        return Found(True, detail, "bad", "set this machine's clock (NTP): signatures of more than 5 s fail")
    if certain > _SKEW_WARN:
        return Found(True, detail, "warn", "set this machine's clock (NTP): latencies are wrong by as much")
    return Found(True, detail)


async def key(section: Section, rest: Rest) -> None:
    """Add whether the key is accepted, and what it may do."""
    await section.check("API key", 2 * TIMEOUT, _accepted(rest), timed=False)


async def _accepted(rest: Rest) -> Found[Literal[True]]:
    try:
        told = await rest.get(dict[str, Any], _KEY, signed=True)
    except ResponseError as exc:
        if exc.status in {403, 451} or exc.code.startswith(_KEY_ERRORS):
            raise
        await rest.check_key()  # another exchange may not have that call
        return Found(True, "accepted; what it may do is not told")
    may = printable(told.get("permission") or "nothing that is told", 100)
    listed = "only from the addresses on its list" if told.get("ipWhitelist") else "from any address"
    site = f", site {printable(told['siteType'], 20)}" if told.get("siteType") else ""
    return Found(True, f"accepted; it may: {may}; {listed}{site}")
