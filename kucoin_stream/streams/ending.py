"""What becomes of users' graphs when a client ends: streamz itself would keep them, and so the client, for ever."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial

from streamz import Stream

from kucoin_stream.streams.mended import branch_of
from kucoin_stream.streams.source import LiveSource
from kucoin_stream.transport.engine import Engine


def end_graphs(engine: Engine) -> None:
    """Destroy the sinks to which nothing leads any more but sources of clients that have ended.

    What waits for a sink in its branch is handed on before that, as far as a second is enough.
    """
    module = sys.modules.get("streamz.sinks")
    for sink in list(module._global_sinks) if module is not None else ():
        ends = set(_sources(sink))
        if any(_of(end) is engine for end in ends) and all(_ended(end) for end in ends):
            branch, destroy = branch_of(sink), partial(_once, [sink.destroy])
            sink.destroy = destroy  # its user may do so at the same time, or later
            if branch is None:
                destroy()
            else:
                branch.last(destroy)


def _once(left: list[Callable[[], None]]) -> None:
    """Do what is left, in whichever thread comes first."""
    try:
        do = left.pop()
    except IndexError:
        return
    do()


def _sources(node: Stream) -> Iterator[Stream]:
    """Yield the nodes in which the ways to ``node`` begin."""
    seen, waiting = {node}, [node]
    while waiting:
        at = waiting.pop()
        above = [each for each in at.upstreams if each is not None]
        if not above:
            yield at
        waiting += [each for each in above if each not in seen]
        seen.update(above)


def _of(node: Stream) -> Engine | None:
    return node._engine if isinstance(node, LiveSource) else None


def _ended(node: Stream) -> bool:
    engine = _of(node)
    return engine is not None and bool(engine.ended)
