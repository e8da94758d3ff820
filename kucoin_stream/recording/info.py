"""What is on a tape, in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from kucoin_stream.errors import printable
from kucoin_stream.recording.lines import Begin
from kucoin_stream.recording.reader import Tape

_WIDE = 200  # characters of a name


def describe(tape: Tape, *, count: bool = False) -> str:
    """Return some lines for people; with ``count``, messages by connection too, which reads everything."""
    seconds = (tape.end_ns - tape.start_ns) / 1e9
    rows = [
        ("tape", f"{tape.path.name}: {_many(tape.sessions, 'recording')} of {_targets(tape)}"),
        ("from", _time(tape.start_ns)),
        ("to", f"{_time(tape.end_ns)} ({timedelta(seconds=round(seconds))})"),
        ("messages", f"{tape.messages:,}{_rate(tape.messages, seconds)}"),
        ("size", f"{tape.size:,} bytes{_each(tape)}"),
        ("REST", _many(len(tape.answers()), "answer")),
        ("state", ", ".join(_state(tape))),
        ("topics", str(len(tape.topics))),
    ]
    rows += [("", printable(topic, _WIDE)) for topic in sorted(tape.topics)]
    if count:
        rows += [("received", f"{many:,} on {printable(on, _WIDE)}") for on, many in sorted(tape.counts().items())]
    return "\n".join(f"{name:9}{text}" for name, text in rows)


def _targets(tape: Tape) -> str:
    targets = {f"{note.mode} at {note.target}" for note in tape.notes if isinstance(note, Begin)}
    return printable(", ".join(sorted(targets)), _WIDE) or "nothing"


def _state(tape: Tape) -> list[str]:
    said = ["ended in order" if tape.ended else "still written, or its writer was killed"]
    if tape.missed:
        said.append(f"{_many(tape.missed, 'message')} missed by the writer")
    if torn := sum(each.size for each in tape.damage):
        said.append(f"{torn:,} bytes of torn blocks passed over")
    return said


def _many(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _each(tape: Tape) -> str:
    return f", {tape.size / tape.messages:,.1f} a message" if tape.messages else ""


def _rate(messages: int, seconds: float) -> str:
    return f", {messages / seconds:,.1f} a second" if seconds > 0 else ""


def _time(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns / 1e9, UTC).isoformat(sep=" ", timespec="milliseconds")
