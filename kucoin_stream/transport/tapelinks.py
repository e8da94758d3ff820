"""The connections of a recording: which topics they carried, and what became of these, told to readers at its place."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from kucoin_stream.protocol.events import Disconnected, News, Restarted
from kucoin_stream.recording.lines import Begin, Event
from kucoin_stream.recording.reader import Tape


class Links:
    """Follows the notes of a tape; ``tell`` takes the news. Lives on the loop thread."""

    def __init__(self, tell: Callable[[News], None]) -> None:
        self._tell = tell
        self._carried: dict[str, set[str]] = {}  # topics by connection
        self._down: set[str] = set()  # topics that were lost

    def __repr__(self) -> str:
        return f"<Links {len(self._carried)} connections, {len(self._down)} topics down>"

    @property
    def whole(self) -> bool:
        """Whether no topic is down."""
        return not self._down

    def be_at(self, tape: Tape, time_ns: int) -> None:
        """Be as before a time (Unix ns): readers are told of everything anew."""
        self._down.clear()
        self._carried = {}
        for note in tape.notes:
            if note.t >= time_ns:
                return
            if isinstance(note, Begin):
                self._carried = {on: set(topics) for on, topics in note.topics.items()}
            elif isinstance(note, Event):
                self._carry(note)

    def begun(self, note: Begin) -> None:
        """Take the begin of a recording."""
        if any(self._carried.values()):
            self._lose({topic for each in self._carried.values() for topic in each}, "the recording was interrupted")
        self._carried = {on: set(each) for on, each in note.topics.items()}
        for each in note.topics.values():
            self._up(each)

    def happened(self, event: Event) -> None:
        """Take what happened to a connection."""
        self._carry(event)
        match event.event:
            case "subscribe":
                self._up(event.topics)
            case "unsubscribe":
                self._lose(event.topics, "not recorded from here on")
            case "reconnect" | "close":
                self._lose(self._carried.get(event.on, ()), event.reason)

    def _carry(self, event: Event) -> None:
        carried = self._carried.setdefault(event.on, set())
        if event.event == "subscribe":
            carried.update(event.topics)
        elif event.event == "unsubscribe":
            carried.difference_update(event.topics)

    def _lose(self, topics: Iterable[str], reason: str) -> None:
        for topic in sorted(topics):
            if topic not in self._down:
                self._down.add(topic)
                self._tell(Disconnected(topic, reason))

    def _up(self, topics: Iterable[str]) -> None:
        for topic in topics:
            if topic in self._down:
                self._down.discard(topic)
                self._tell(Restarted(topic))
