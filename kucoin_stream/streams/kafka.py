"""streamz's ``to_kafka`` behind our sources, without its traps.

streamz looks five times a second whether Kafka has taken a message, and a branch waits for that; it takes a message
that Kafka refused for delivered; after one that is too large it mistakes each answer for another one; it never ends.

The module is imported for what it does: it tells ``mended`` of this node.
"""

from __future__ import annotations

import asyncio
import weakref
from typing import Any

from streamz import sinks

from kucoin_stream.streams import mended
from kucoin_stream.streams.branch import unfinished

_LOOK = 0.01  # seconds between two looks at what Kafka has taken


class _ToKafka(sinks.to_kafka):  # type: ignore[misc]  # streamz is not typed
    def poll(self) -> Any:
        """Hear what Kafka says, as long as the node lives."""
        return _poll(weakref.ref(self))

    async def update(self, x: Any, who: Any = None, metadata: Any = None) -> None:  # noqa: ARG002
        loop = asyncio.get_running_loop()
        taken: asyncio.Future[None] = loop.create_future()

        def told(error: Any, message: Any) -> None:  # noqa: ARG001  Kafka's signature; in flush(), of any thread
            loop.call_soon_threadsafe(_settle, taken, error)

        while True:
            try:
                self.producer.produce(self.topic, x, callback=told)
            except BufferError:  # its queue is full
                await asyncio.sleep(_LOOK)
            else:
                break
        await taken
        for each in unfinished(self._emit(x)):
            await each


def _settle(taken: asyncio.Future[None], error: Any) -> None:
    from confluent_kafka import KafkaException

    if taken.done():
        return
    if error is None:
        taken.set_result(None)
    else:
        taken.set_exception(KafkaException(error))


async def _poll(ref: weakref.ref[Any]) -> None:
    while (node := ref()) is not None and not node.stopped:
        node.producer.poll(0)
        del node
        await asyncio.sleep(_LOOK)


def _become(node: Any) -> None:
    node.__class__ = _ToKafka


_ToKafka.__name__ = "to_kafka"  # as users know it
mended._MENDED[sinks.to_kafka] = _become
