"""A network between client and exchange that can be made to fail: it stops, drops, delays, resets, half-closes."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Self


class Network:
    """Forwards one port to another of this machine. Safe from any thread; its connections live on a thread of its own.

    ``delay``: seconds that each piece takes on its way back; ``deaf``: nothing gets through, and nothing ends.
    """

    def __init__(self, target: int) -> None:
        self.delay = 0.0
        self.port = 0
        self._deaf = asyncio.Event()
        self._target = target
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="test-network", daemon=True)
        self._server: asyncio.Server | None = None
        self._pairs: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._cut_after: int | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        self._deaf.set()
        self._do(self._listen())
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    # -- what can be done to it ----------------------------------------------------------------------------------

    def vanish(self) -> None:
        """Refuse new connections and reset those that there are."""
        self._do(self._stop())
        self.reset()

    def come_back(self) -> None:
        """Be there again."""
        self._do(self._listen())

    def reset(self) -> None:
        """End every connection with RST, on both sides."""

        def reset() -> None:
            for pair in self._pairs:
                for writer in pair:
                    with suppress(OSError):
                        raw = writer.get_extra_info("socket")
                        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    writer.transport.abort()

        self._post(reset)

    def half_close(self) -> None:
        """Say towards the client that nothing more comes; take what it sends."""
        self._post(lambda: [there.write_eof() for there, _ in self._pairs if there.can_write_eof()])

    def swallow(self, *, on: bool) -> None:
        """Let nothing through any more, or again all that waits."""
        self._post(self._deaf.clear if on else self._deaf.set)

    def cut_frame(self) -> None:
        """End every connection in the midst of the next piece that the exchange sends."""
        self._cut_after = 7

    # -- its thread ----------------------------------------------------------------------------------------------

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def _post(self, work: Callable[[], object]) -> None:
        async def do() -> None:
            work()

        self._do(do())

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _end(self) -> None:
        await self._stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = self._loop.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._target)
        pair = (writer, back)
        self._pairs.add(pair)
        try:
            await asyncio.gather(self._copy(reader, back), self._copy(there, writer, slow=True))
        except OSError:
            pass
        finally:
            self._pairs.discard(pair)
            for each in pair:
                each.transport.abort()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, slow: bool = False) -> None:
        while data := await reader.read(2**16):
            await self._deaf.wait()
            if slow and self.delay:
                await asyncio.sleep(self.delay)
            if slow and self._cut_after is not None:
                writer.write(data[: self._cut_after])
                await writer.drain()
                self._cut_after = None
                raise ConnectionResetError
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            with suppress(OSError):
                writer.write_eof()
