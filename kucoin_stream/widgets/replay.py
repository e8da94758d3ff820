"""The slider of a tape: where it is, play, pause, step; all that is shown of the tape moves with it."""

from __future__ import annotations

from typing import Any, Protocol

import ipywidgets

from kucoin_stream.widgets import screen as screens
from kucoin_stream.widgets.html import clean, escape

_STEP = 0.1  # seconds between two positions of the slider


class ReplaySubject(Protocol):
    """What the slider asks of the controls of a tape: times are timestamps, ``seek`` takes Unix seconds."""

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

    def play(self) -> None:
        """Go on."""

    def pause(self) -> None:
        """Stand still."""

    def step(self, n: int = 1) -> None:
        """Go on by some messages."""

    def seek(self, time: float) -> None:
        """Go to a time."""


class ReplaySlider(ipywidgets.HBox):  # type: ignore[misc]  # ipywidgets is untyped
    """Make it in a cell. Moving it seeks: books, trades and bars are then those of one moment.

    The render thread keeps it where the tape is; the user's hand is told from that by ``_following``.
    The cell that made it, run again, closes it, as it does with a view in a box.
    """

    seen = False  # what cells ask of every view; its outputs are ipywidgets' own

    def __init__(self, subject: ReplaySubject, *, screen: screens.Screen | None = None) -> None:
        self.displays: list[str] = []
        self._subject = subject
        self._screen = screens.screen if screen is None else screen
        self._following = False
        self._drawn: object = None
        self.play_button = ipywidgets.Button(layout=ipywidgets.Layout(width="5em"))
        self.step_button = ipywidgets.Button(description="step", layout=ipywidgets.Layout(width="4em"))
        self.slider = ipywidgets.FloatSlider(
            min=0.0,
            max=max(self._seconds(subject.end), _STEP),
            step=_STEP,
            readout=False,
            continuous_update=False,
            layout=ipywidgets.Layout(flex="1 1 auto"),
        )
        self.label = ipywidgets.HTML()
        self.play_button.on_click(self._clicked_play)
        self.step_button.on_click(self._clicked_step)
        self.slider.observe(self._moved, "value")
        super().__init__([self.play_button, self.step_button, self.slider, self.label])
        self.refresh()
        self._screen.add(self)

    def _seconds(self, time: Any) -> float:
        return float((time - self._subject.start).total_seconds())

    # -- the user ------------------------------------------------------------------------------------------------

    def _clicked_play(self, _: Any) -> None:
        self._try(self._subject.pause if self._subject.playing else self._subject.play)

    def _clicked_step(self, _: Any) -> None:
        self._try(self._subject.step)

    def _moved(self, change: Any) -> None:
        if not self._following:
            self._try(lambda: self._subject.seek(self._subject.start.timestamp() + change["new"]))

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

    def _state(self) -> object:
        subject = self._subject
        return subject.position, subject.end, subject.playing

    def refresh(self) -> None:
        """Show where the tape is."""
        self._drawn = self._state()
        position, end, playing = self._subject.position, self._subject.end, self._subject.playing
        self._following = True
        try:
            with self.slider.hold_sync():
                self.slider.max = max(self._seconds(end), _STEP)
                self.slider.value = min(self._seconds(position), self.slider.max)
        finally:
            self._following = False
        self.play_button.description = "pause" if playing else "play"
        self.label.value = f"<tt>{position:%Y-%m-%d %H:%M:%S}.{position.microsecond // 1000:03} UTC</tt> REPLAYED"

    def show_problem(self, problem: Exception) -> None:
        """Show an error in place of the time."""
        self.label.value = escape(clean(f"{type(problem).__name__}: {problem}"))

    def stop(self) -> None:
        """End it."""
        self.close()

    def close(self) -> None:
        """Close the comm and leave the screen."""
        if hasattr(self, "_screen"):
            self._screen.remove(self)
        super().close()
