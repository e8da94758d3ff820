"""The controls of a tape: play, pause, step, speed, a slider; all that is shown of the tape moves with it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from datetime import timedelta
from threading import Lock, get_ident
from typing import Any, Protocol

import ipywidgets

from kucoin_stream.errors import StoppedError
from kucoin_stream.widgets import screen as screens
from kucoin_stream.widgets.drawing.html import badge, clean, escape
from kucoin_stream.widgets.view import close_whole

# Positions of the slider in a second. They are whole numbers: a FloatSlider of ipywidgets 8 that is moved from here
# tells a value back that is a rounding off, as if a hand had moved it.
_POSITIONS = 10
_STILL = 0.3  # seconds without a move after which the hand has come to where it wants to be: a drag's end is not told
_SPEEDS: tuple[tuple[str, Any], ...] = (
    ("as set", 0.0), ("¼ ×", 0.25), ("1 ×", 1.0), ("5 ×", 5.0), ("10 ×", 10.0), ("60 ×", 60.0), ("max", "max"),
)  # fmt: skip
_LEAPS: tuple[tuple[str, float], ...] = (
    ("0.1 s", 0.1), ("1 s", 1.0), ("10 s", 10.0), ("1 min", 60.0), ("10 min", 600.0), ("1 h", 3600.0),
)  # fmt: skip


class ReplaySubject(Protocol):
    """What the slider asks of the controls of a tape: times are timestamps, ``seek`` takes Unix seconds too."""

    @property
    def start(self) -> Any:
        """The first time."""

    @property
    def end(self) -> Any:
        """The last time."""

    @property
    def position(self) -> Any:
        """The present time."""

    @property
    def playing(self) -> bool:
        """Whether it moves."""

    def play(self, speed: Any = None) -> None:
        """Go on; at ``speed`` where one is given."""

    def pause(self) -> None:
        """Stand still."""

    def step(self, n: int = 1) -> None:
        """Go on by some messages."""

    def seek(self, time: Any) -> None:
        """Go to a time."""


class ReplaySlider(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets is untyped
    """Make it in a cell. Moving it seeks: books, trades and bars are then those of one moment.

    Every control is reached by Tab; Space presses a button, arrows move the slider. Buttons and choices have names for
    screen readers; the slider's handle has none, since ipywidgets sets none on it, but the buttons reach
    every place too. The render thread keeps the slider where the tape is; the user's hand is told from that by
    ``_following``. It is the hand's from its first move until it has stood still for 0.3 seconds; then the tape goes
    there, and plays on if it played. At the end, play begins anew.
    The cell that made it, run again, closes it, as it does with a view in a box.
    """

    seen = False  # what cells ask of every view; its outputs are ipywidgets' own

    def __init__(self, subject: ReplaySubject, *, screen: screens.Screen | None = None) -> None:
        self.displays: list[str] = []
        self._subject = subject
        self._screen = screens.screen if screen is None else screen
        self._drawing = Lock()  # the render thread and a click may both move the slider
        self._following = 0  # the thread that moves it to where the tape is
        self._drawn: object = None
        self._moves = 0  # of the hand
        self._hand: int | None = None  # where it holds the slider
        self._stopped = ""
        self.play_button = _button("", "play or pause; at the end: play again", self._clicked_play, "5em")
        self.step_button = _button("step", "one message on", lambda: self._subject.step(), "4em")
        self.start_button = _button("|<", "to the start of the tape", lambda: self._seek(0.0))
        self.end_button = _button(">|", "to the end of the tape", lambda: self._seek(math.inf))
        self.back_button = _button("<<", "back by the chosen time", lambda: self._leap(-1))
        self.forward_button = _button(">>", "on by the chosen time", lambda: self._leap(1))
        self.leap = _choice("by", _LEAPS, 10.0, "by how much << and >> go back or on")
        self.speed = _choice("speed", _SPEEDS, 0.0, "speed of the tape; of the recording where it is 1")
        self.slider = ipywidgets.IntSlider(
            min=0,
            max=self._last(subject.end),
            description="place",
            readout=False,
            continuous_update=True,
            style={"description_width": "initial"},
            layout=ipywidgets.Layout(flex="1 1 12em", width="auto", min_width="8em"),
        )
        _tell(self.slider, "place on the tape, in tenths of a second from its start")
        self.label = ipywidgets.HTML(layout=ipywidgets.Layout(min_width="0"))
        for each in self._buttons():
            each.on_click(self._clicked)
        self.speed.observe(self._chosen_speed, "value")
        self.slider.observe(self._moved, "value")
        super().__init__(
            [_row(*self._buttons(), self.leap, self.speed), _row(self.slider, self.label)],
            layout=ipywidgets.Layout(width="100%", max_width="760px"),
        )
        self.refresh()
        self._screen.add(self)

    @property
    def controls(self) -> Any:
        """The controls of the tape themselves: ``play(speed)``, ``pause()``, ``seek(time)``, ``wait()``."""
        return self._subject

    def _buttons(self) -> tuple[Any, ...]:
        return (
            self.start_button, self.back_button, self.play_button, self.step_button, self.forward_button,
            self.end_button,
        )  # fmt: skip

    def _seconds(self, time: Any) -> float:
        return float((time - self._subject.start).total_seconds())

    def _last(self, end: Any) -> int:
        """Return the slider's position for the end; there is one beside the start even on an empty tape."""
        return max(1, math.ceil(self._seconds(end) * _POSITIONS))

    @property
    def _state_word(self) -> str:
        subject = self._subject
        if self._stopped or subject.playing:
            return self._stopped or "playing"
        return "ended" if subject.position >= subject.end else "paused"

    # -- the user ------------------------------------------------------------------------------------------------

    def _clicked(self, button: Any) -> None:
        self._arrived(self._moves)  # a button that is pressed right after a drag is meant for where that ended
        self._try(button.action)

    def _clicked_play(self) -> None:
        if self._subject.playing:
            self._subject.pause()
        else:
            self._play(self.speed.value or None)

    def _play(self, speed: Any) -> None:
        """Play; from the start where all was played and the tape has not grown since."""
        subject = self._subject
        end = subject.end if subject.position >= subject.end else None
        subject.play(speed)
        if subject.end == end:
            subject.seek(subject.start)
            subject.play()

    def _chosen_speed(self, change: Any) -> None:
        if self._subject.playing:
            self._try(lambda: self._subject.play(change["new"] or None))

    def _leap(self, sign: int) -> None:
        self._seek(self._seconds(self._subject.position) + sign * self.leap.value)

    def _seek(self, seconds: float) -> None:
        """Go to so many seconds from the start, or as near as the tape goes; a tape that plays then plays on."""
        subject = self._subject
        playing = subject.playing
        if seconds <= 0.0:
            subject.seek(subject.start)
        elif seconds >= self._seconds(subject.end):
            subject.seek(subject.end)
        else:
            subject.seek(subject.start.timestamp() + seconds)
        if playing:
            subject.play()

    def _moved(self, change: Any) -> None:
        """Go where the hand is once it stands still; at once where a program moves the slider outside of a loop."""
        if self._following == get_ident():
            return
        self._moves += 1
        self._hand = change["new"]
        self._screen.touch()
        try:
            asyncio.get_running_loop().call_later(_STILL, self._arrived, self._moves)
        except RuntimeError:
            self._arrived(self._moves)

    def _arrived(self, moves: int) -> None:
        hand = self._hand
        if hand is not None and moves == self._moves and not self._stopped and not self.closed:
            self._try(lambda: self._land(hand))

    def _land(self, hand: int) -> None:
        moves = self._moves
        try:
            self._seek(hand / _POSITIONS)
        finally:
            if moves == self._moves:
                self._hand = None

    def _try(self, action: Any) -> None:
        try:
            action()
        except StoppedError:
            self.end("stopped")
        except Exception as exc:  # noqa: BLE001  a click has no cell to raise in: it is shown
            self.refresh()
            self.show_problem(exc)
        else:
            self.refresh()

    # -- the render thread (Drawable) ----------------------------------------------------------------------------

    @property
    def closed(self) -> bool:
        """Whether the comm is closed; the screen then forgets the slider."""
        return self.comm is None or bool(getattr(self.comm, "_closed", False))

    @property
    def visible(self) -> bool:
        """Always: it is small."""
        return True

    @property
    def changed(self) -> bool:
        """Whether the tape is not where it was drawn."""
        return self._state() != self._drawn

    def _state(self) -> tuple[Any, Any, str, int | None]:
        subject = self._subject
        return subject.position, subject.end, self._state_word, self._hand

    def refresh(self) -> None:
        """Show where the tape is, and whether it moves; while the hand has the slider, where that is."""
        self._drawn = position, end, word, hand = self._state()
        with self._drawing:
            self._following = get_ident()
            try:
                with self.slider.hold_sync():
                    last = self.slider.max = self._last(end)
                    if hand is None:
                        self.slider.value = last if position >= end else round(self._seconds(position) * _POSITIONS)
            finally:
                self._following = 0
        self.play_button.description = "pause" if word == "playing" else "play"
        at = position if hand is None else min(end, self._subject.start + timedelta(seconds=hand / _POSITIONS))
        self.label.value = (
            f'<tt style="white-space:nowrap">{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03} UTC</tt> '
            f'<tt style="white-space:nowrap">of {end:%H:%M:%S}</tt> '
            f'<span style="display:inline-block;min-width:4em">{escape(word)}</span> {badge("REPLAYED")}'
        )

    def show_problem(self, problem: Exception) -> None:
        """Show an error in place of the time."""
        self.label.value = escape(clean(f"{type(problem).__name__}: {problem}"))

    def end(self, status: str) -> None:
        """Say for good why the tape was stopped, such as "stopped: by ks.stop()"; no control can be used any more."""
        if self._stopped or self.closed:
            return
        self._stopped = status
        for control in (*self._buttons(), self.leap, self.speed, self.slider):
            control.disabled = True
        self._hand = None
        self.refresh()
        self._screen.remove(self)

    def stop(self) -> None:
        """End it."""
        self.close()

    def close(self) -> None:
        """Close the comms of all parts and leave the screen."""
        if hasattr(self, "_screen"):
            self._screen.remove(self)
        for row in self.children:
            for part in (*row.children, row):
                close_whole(part)
        layout = self.layout
        super().close()
        layout.close()


def _button(text: str, words: str, action: Callable[[], None], width: str = "2.6em") -> Any:
    button = ipywidgets.Button(
        description=text, layout=ipywidgets.Layout(width=width, min_width="0", padding="0"), tooltip=words
    )
    button.action = action
    return button


def _choice(text: str, options: tuple[tuple[str, Any], ...], value: Any, words: str) -> Any:
    layout = ipywidgets.Layout(width="auto", min_width="0")
    style = {"description_width": "initial"}
    return _tell(ipywidgets.Dropdown(description=text, options=options, value=value, layout=layout, style=style), words)


def _tell(widget: Any, words: str) -> Any:
    """Say what a control is for to who points at it, or has the page read out; ipywidgets 7 has its own name for it."""
    setattr(widget, "tooltip" if widget.has_trait("tooltip") else "description_tooltip", words)
    return widget


def _row(*parts: Any) -> Any:
    layout = ipywidgets.Layout(display="flex", flex_flow="row wrap", align_items="center", width="100%")
    return ipywidgets.Box(parts, layout=layout)
