"""Which node of a user's graph is at work in a stack, and which line of the user's."""

from __future__ import annotations

from collections.abc import Sequence
from types import FrameType, TracebackType

from msgspec import Struct
from streamz import Stream

_HERE = __file__.rpartition("culprit")[0]


class Culprit(Struct, frozen=True):
    """A node, and the line that it has come to; ``depth``: how many frames are above the line."""

    node: Stream | None
    line: str
    depth: int


def of_thread(frame: FrameType | None) -> Culprit:
    """Return the node that a thread is in. ``frame`` is its innermost one."""
    frames: list[tuple[FrameType, int]] = []
    while frame is not None:
        frames.append((frame, frame.f_lineno))
        frame = frame.f_back
    return _find(frames[::-1])


def of_traceback(traceback: TracebackType | None) -> Culprit:
    """Return the node that an exception comes from."""
    frames: list[tuple[FrameType, int]] = []
    while traceback is not None:
        frames.append((traceback.tb_frame, traceback.tb_lineno))
        traceback = traceback.tb_next
    return _find(frames)


def _find(frames: Sequence[tuple[FrameType, int]]) -> Culprit:
    """Find the innermost node; the frame below its own is that of the user's function, if there is one."""
    for at in range(len(frames) - 1, -1, -1):
        node = frames[at][0].f_locals.get("self")
        if isinstance(node, Stream):
            below = min(at + 1, len(frames) - 1)
            frame, number = frames[below]
            return Culprit(node, f"{frame.f_code.co_name}, {frame.f_code.co_filename}:{number}", below)
    ours = (frame.f_code.co_filename.startswith(_HERE) for frame, _ in frames)
    return Culprit(None, "", next((at for at, own in enumerate(ours) if not own), 0))
