"""What feeds and live frames receive, as envelopes for a bus such as Kafka, and back again.

One process receives, through streamz's own nodes::

    bus = envelopes(trades, book)
    config = {"bootstrap.servers": "kafka:9092", "partitioner": "consistent", "enable.idempotence": True}
    out = bus.batch("200ms", to="list").map(pack).to_kafka("kucoin", config)
    bus.start()

(without keys, ``consistent`` puts all into one partition of Kafka's, which keeps the order; ``out.flush()`` at the
end). Any number of others read, ``unpack`` the envelopes, and have the messages themselves, or a tape of them, from
which come the same feeds and live frames, as right as the live ones::

    source = Stream.from_kafka(["kucoin"], {"bootstrap.servers": "kafka:9092", "group.id": "desk-2"})
    kept = source.map(unpack).flatten()
    kept.map(Messages()).flatten().sink(print)
    some = kept.sink_to_list()
    source.start()
    write(Path("bus.kcs"), some)
    client = ks.connect("bus.kcs", speed="max")

``from_kafka_batched`` gives lists of such messages: ``.flatten().map(unpack).flatten()``. Kafka takes messages of 1 MB
by default: with deep books of many symbols give ``batch`` a ``limit``.
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, cast

from streamz import Stream

from kucoin_stream.errors import UsageError
from kucoin_stream.frames.base import LiveFrame
from kucoin_stream.protocol.bookfeeds import span
from kucoin_stream.protocol.events import Gap, News, Unreadable
from kucoin_stream.protocol.messages import encode
from kucoin_stream.protocol.messages.envelope import Push
from kucoin_stream.protocol.topics import parse
from kucoin_stream.recording.envelopes import Envelope, pack, restored, unpack, write
from kucoin_stream.recording.lines import Answer, Book, Hole, Note
from kucoin_stream.recording.scrub import Scrubber
from kucoin_stream.recording.writer import Later, Read, clean
from kucoin_stream.recordings import Source, state_of, wanted_of
from kucoin_stream.streams import kafka  # noqa: F401  mends to_kafka
from kucoin_stream.streams.feed import Feed
from kucoin_stream.streams.moments import time_field, time_ns_of
from kucoin_stream.streams.source import Inlet, LiveSource
from kucoin_stream.streams.typed import Node
from kucoin_stream.transport.engine import Engine
from kucoin_stream.transport.machines import Machines
from kucoin_stream.transport.recorder import Recorder

__all__ = ["Envelope", "Envelopes", "Messages", "envelopes", "pack", "restored", "unpack", "write"]


def envelopes(*sources: Source) -> Envelopes:
    """Return what these feeds and live frames of one client receive, as a node of streamz that begins with ``start()``.

    First come the books as they are then, symbols and bars, as on a tape. Of a client either a tape is made or
    envelopes, once: else ``start()`` raises :class:`UsageError`, as this does where there is nothing of a client.
    """
    engines = {each._engine for each in sources if isinstance(each, Feed | LiveFrame)}
    if len(engines) != 1:
        raise UsageError("envelopes(): name feeds and live frames of one client, one at least")
    return Envelopes(engines.pop(), sources)


class Messages:
    """Makes typed messages of an envelope, as a feed has them: a list, empty for lines of a tape."""

    def __init__(self) -> None:
        self._machines = Machines()

    def __call__(self, envelope: Envelope) -> list[Any]:
        """Return them; raises :class:`RemoteProtocolError` where the message cannot be decoded."""
        if not envelope.on:
            return []
        found = []
        for event in self._machines.of(envelope.on).receive([envelope.raw], 0.0):
            if isinstance(event, Unreadable):
                raise event.error
            if isinstance(event, Push):
                found += event.data if isinstance(event.data, list) else [event.data]
        return found


class Envelopes(Stream, Node[Envelope]):  # type: ignore[misc]  # streamz is not typed
    """A node that hands on envelopes, from :meth:`start` until it is stopped, its client ends or nobody holds it."""

    def __init__(self, engine: Engine, sources: tuple[Source, ...]) -> None:
        self._engine = engine
        self._run = time.time_ns()
        self._number = 0
        self._wanted = wanted_of(sources)
        self._machines = Machines()
        self._scrubber = Scrubber(engine.rest.signer.parts if engine.rest.signer else ())
        reads: LiveSource[Any] = LiveSource(
            engine, title="envelopes", limit=engine.settings.inbox_size, overflow="mark", news=True
        )
        tap = _Tap(reads._inlet, self._scrubber)
        state = partial(state_of, engine, self._wanted, False)
        self._recorder = Recorder(engine, tap, wanted=self._wanted, state=state)  # type: ignore[arg-type]  # a tap is no file
        super().__init__(reads)
        weakref.finalize(self, _leave, engine, self._recorder)
        engine.on_end(self._ended)

    def start(self) -> None:
        """Begin, with what frames begin with: attach all nodes before. Raises as :func:`envelopes`."""
        self._engine.call(self._recorder.join)

    def stop(self) -> None:
        """Make no more envelopes, until :meth:`start`; what waits is still handed on."""
        if self._engine.running:
            self._engine.call(self._recorder.leave)

    def _ended(self, _: str) -> None:
        self.stop()

    def update(self, x: Any, who: Any = None, metadata: Any = None) -> list[Any]:  # noqa: ARG002  streamz's signature
        """Make envelopes of a read, or of a line."""
        waits: list[Any] = []
        for each in self._of_read(*x) if isinstance(x, tuple) else self._of_line(x):
            waits += self._emit(each)
        return waits

    def _of_read(self, t: int, on: str, batch: list[bytes]) -> Iterator[Envelope]:
        machine, wanted = self._machines.of(on), self._wanted()
        for message in batch:
            for event in machine.receive([message], 0.0):
                if isinstance(event, Push) and event.topic in wanted:
                    yield self._envelope(t, on, event.topic, message, *_place(event))
                elif isinstance(event, Unreadable) and event.error.topic in wanted:
                    yield self._envelope(t, on, event.error.topic, message)

    def _of_line(self, x: Note | Later | News) -> Iterator[Envelope]:
        if isinstance(x, Gap):
            x = Hole(time.time_ns(), x.missed or 0)
        elif isinstance(x, News):
            return
        line = x() if callable(x) else clean(x)
        topic = line.topic if isinstance(line, Book) else line.call if isinstance(line, Answer) else ""
        yield self._envelope(line.t, "", topic, encode(line), getattr(line, "sequence", None))

    def _envelope(
        self, t: int, on: str, topic: str, raw: bytes, sequence: int | None = None, time_ns: int | None = None
    ) -> Envelope:
        number, self._number = self._number, self._number + 1
        mode, clean = self._engine.target.mode, self._scrubber(raw)
        return Envelope(self._run, number, mode, on, topic, sequence, time_ns, t, clean)


class _Tap:
    """Takes the place of a tape's writer. Lives on the loop thread."""

    path = Path("a bus")

    def __init__(self, inlet: Inlet, scrubber: Scrubber) -> None:
        self._inlet = inlet
        self.hide = scrubber.learn

    def put(self, read: Read) -> None:
        """Take the messages of one socket read."""
        self.note(read)

    def note(self, line: Read | Note | Later) -> None:
        """Take a line that is no message."""
        self._inlet.pending.append(line)
        self._inlet.flush()


def _place(push: Push[Any]) -> tuple[int | None, int | None]:
    """Return the sequence and the time (Unix ns) that the exchange gives a push."""
    data = push.data[0] if isinstance(push.data, list) and push.data else push.data
    row = parse(push.topic, push.subject)[0]
    sequence = span(data)[1] if row.incremental else getattr(data, "sequence", None)
    told = time_field(cast("Any", type(data)))
    return sequence, None if told is None or getattr(data, told) is None else time_ns_of(data)


def _leave(engine: Engine, recorder: Recorder) -> None:
    if engine.running:
        engine.post(recorder.leave)
