"""Who waits until something is there, and what was refused."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Iterable

from kucoin_stream.errors import KucoinStreamError, NotReadyError, RefusedError


class Waiters:
    """Those who wait for topics, or for connections. Lives on the loop thread."""

    def __init__(self) -> None:
        self._waiting: dict[Hashable, list[asyncio.Future[None]]] = {}
        self._refusals: dict[Hashable, RefusedError] = {}

    def __repr__(self) -> str:
        return f"<Waiters for {len(self._waiting)}, {len(self._refusals)} refused>"

    def __contains__(self, wanted: Hashable) -> bool:
        """Whether ``wanted`` was refused."""
        return wanted in self._refusals

    def settle(self, wanted: Hashable) -> None:
        """Note that ``wanted`` is there."""
        for waiter in self._waiting.pop(wanted, ()):
            if not waiter.done():
                waiter.set_result(None)

    def refuse(self, wanted: Hashable, error: RefusedError) -> None:
        """Note that ``wanted`` will not come."""
        self._refusals[wanted] = error
        for waiter in self._waiting.pop(wanted, ()):
            if not waiter.done():
                waiter.set_exception(error)

    def forget(self, wanted: Hashable) -> None:
        """Forget that ``wanted`` was refused: it is asked for anew, or wanted no more."""
        self._refusals.pop(wanted, None)

    def end(self, error: KucoinStreamError) -> None:
        """Tell all who wait that nothing will come."""
        for waiters in self._waiting.values():
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_exception(error)

    async def wait(
        self, wanted: Iterable[Hashable], there: Callable[[Hashable], bool], timeout: float, why: Callable[[], str]
    ) -> None:
        """Wait until all of ``wanted`` are there.

        Raises :class:`RefusedError` for the first one refused, :class:`NotReadyError` after ``timeout`` seconds.
        """
        waits: dict[Hashable, asyncio.Future[None]] = {}
        for each in wanted:
            if each in self._refusals:
                raise self._refusals[each]
            if not there(each):
                future = asyncio.get_running_loop().create_future()
                self._waiting.setdefault(each, []).append(future)
                waits[each] = future
        if not waits:
            return
        try:
            async with asyncio.timeout(timeout):
                await asyncio.gather(*waits.values())
        except TimeoutError:
            raise NotReadyError(f"not acknowledged within {timeout:g} s{why()}") from None
        finally:
            for each, future in waits.items():
                future.cancel()
                if left := [one for one in self._waiting.pop(each, ()) if one is not future and not one.done()]:
                    self._waiting[each] = left
