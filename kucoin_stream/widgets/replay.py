"""The controls of a tape: play, pause, step, speed, a slider; all that is shown of the tape moves with it."""

from __future__ import annotations

import math
from collections.abc import Callable
from threading import Lock, get_ident
from typing import Any, Protocol

import ipywidgets

from kucoin_stream.widgets import screen as screens
from kucoin_stream.widgets.drawing.html import badge, clean, escape
from kucoin_stream.widgets.view import close_whole

_STEP = 0.1  # seconds between two positions of the slider
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

    Every control has a name for screen readers (its tooltip) and is reached by Tab; Space presses a button, arrows
    move the slider. The render thread keeps it where the tape is; the user's hand is told from that by ``_following``.
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
        self.play_button = _button("", "play or pause", self._clicked_play, "5em")
        self.step_button = _button("step", "one message on", lambda: self._subject.step(), "4em")
        self.start_button = _button("|<", "to the start of the tape", lambda: self._seek(0.0))
        self.end_button = _button(">|", "to the end of the tape", lambda: self._seek(math.inf))
        self.back_button = _button("<<", "back by the chosen time", lambda: self._leap(-1))
        self.forward_button = _button(">>", "on by the chosen time", lambda: self._leap(1))
        self.leap = _choice("by", _LEAPS, 10.0, "by how much << and >> go back or on")
        self.speed = _choice("speed", _SPEEDS, 0.0, "speed of the tape; of the recording where it is 1")
        self.slider = ipywidgets.FloatSlider(
            min=0.0,
            max=max(self._seconds(subject.end), _STEP),
            step=_STEP,
            description="place",
            readout=False,
            continuous_update=False,
            style={"description_width": "initial"},
            layout=ipywidgets.Layout(flex="1 1 12em", width="auto", min_width="8em"),
        )
        _tell(self.slider, "place on the tape, in seconds from its start")
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

    # -- the user ------------------------------------------------------------------------------------------------

    def _clicked(self, button: Any) -> None:
        self._try(button.action)

    def _clicked_play(self) -> None:
        if self._subject.playing:
            self._subject.pause()
        else:
            self._subject.play(self.speed.value or None)

    def _chosen_speed(self, change: Any) -> None:
        if self._subject.playing:
            self._try(lambda: self._subject.play(change["new"] or None))

    def _leap(self, sign: int) -> None:
        self._seek(self._seconds(self._subject.position) + sign * self.leap.value)

    def _seek(self, seconds: float) -> None:
        """Go to so many seconds from the start, or as near as the tape goes."""
        subject = self._subject
        if seconds <= 0.0:
            subject.seek(subject.start)
        elif seconds >= self._seconds(subject.end):
            subject.seek(subject.end)
        else:
            subject.seek(subject.start.timestamp() + seconds)

    def _moved(self, change: Any) -> None:
        if self._following != get_ident():
            self._try(lambda: self._seek(change["new"]))

    def _try(self, action: Any) -> None:
        try:
            action()
        except Exception as exc:  # noqa: BLE001  a click has no cell to raise in: it is shown
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

    def _state(self) -> tuple[Any, Any, bool]:
        subject = self._subject
        return subject.position, subject.end, subject.playing

    def refresh(self) -> None:
        """Show where the tape is."""
        self._drawn = position, end, playing = self._state()
        with self._drawing:
            self._following = get_ident()
            try:
                with self.slider.hold_sync():
                    self.slider.max = max(self._seconds(end), _STEP)
                    self.slider.value = min(self._seconds(position), self.slider.max)
            finally:
                self._following = 0
        self.play_button.description = "pause" if playing else "play"
        self.label.value = (
            f'<tt style="white-space:nowrap">{position:%Y-%m-%d %H:%M:%S}.{position.microsecond // 1000:03} UTC</tt> '
            f'<tt style="white-space:nowrap">of {end:%H:%M:%S}</tt> {badge("REPLAYED")}'
        )

    def show_problem(self, problem: Exception) -> None:
        """Show an error in place of the time."""
        self.label.value = escape(clean(f"{type(problem).__name__}: {problem}"))

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
