"""The event loops: of the kernel, of our connections, of streamz. Each is asked whether it still turns."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from typing import Any

from kucoin_stream.diagnosis.chart import Found, Section
from kucoin_stream.diagnosis.report import Row

_ANSWER = 1.0  # seconds that a loop is given to turn once
_BLOCKED = "something holds it: a callback of yours that does not return, or a debugger"


def running_here() -> Iterator[Row]:
    """Yield which loop runs in the calling thread, and whether loops may be nested."""
    try:
        loop = type(asyncio.get_running_loop())
    except RuntimeError:
        told = "none runs in this thread"
    else:
        told = f"{loop.__module__}.{loop.__qualname__}"
    nested = "patched by nest-asyncio" if hasattr(asyncio, "_nest_patched") else "not patched"
    policy = type(getattr(asyncio.events, "_event_loop_policy", None)).__module__  # asking for it is deprecated
    uvloop = ", uvloop's policy" if policy.startswith("uvloop") else ""
    yield Row("event loop", "ok", f"{told}; asyncio {nested}{uvloop}")


async def check(section: Section, post: Callable[[Callable[[], None]], object] | None) -> None:
    """Add whether the loops of the client and of streamz turn. ``post`` has the client's call a function."""
    if post is None:
        section.note("I/O loop", Found(None, "no client is connected"))
    else:
        await section.check("I/O loop", 2 * _ANSWER, _turns(post))
    if (loop := _streamz_loop()) is None:
        section.note("streamz's loop", Found(None, "not started yet"))
    else:
        await section.check("streamz's loop", 2 * _ANSWER, _turns(loop.add_callback))


def _streamz_loop() -> Any:
    """Return streamz's own loop; ``None`` where it was not needed yet. Asking streamz for it would start it."""
    loops = getattr(sys.modules.get("streamz.core"), "_io_loops", None)
    return loops[-1] if loops else None


async def _turns(post: Callable[[Callable[[], None]], object]) -> Found[object]:
    here = asyncio.get_running_loop()
    turned = asyncio.Event()

    def answer() -> None:
        if not here.is_closed():
            here.call_soon_threadsafe(turned.set)

    post(answer)
    try:
        async with asyncio.timeout(_ANSWER):
            await turned.wait()
    except TimeoutError:
        return Found(None, f"does not turn: no answer within {_ANSWER:g} s", "bad", _BLOCKED)
    return Found(True, "turns")
