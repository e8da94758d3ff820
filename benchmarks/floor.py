"""The floor: ``python -m benchmarks.floor URL LIBRARY WORK COUNT RATE`` prints what the least costs with a library."""

from __future__ import annotations

import asyncio
import gc
import json
import sys

from benchmarks.process import Flood
from benchmarks.wire import LIBRARIES
from benchmarks.works import KINDS, make


async def run(url: str, library: str, work: str, count: int, rate: float) -> dict[str, float]:
    flood = Flood(url, KINDS[work], count, rate)
    handle, check = make(work, flood)
    flood.ask("bytes")  # so that the messages are made
    gc.collect()
    result: dict[str, float] = await LIBRARIES[library](flood, handle)
    check()
    return result


if __name__ == "__main__":
    print(json.dumps(asyncio.run(run(*sys.argv[1:4], int(sys.argv[4]), float(sys.argv[5])))))
