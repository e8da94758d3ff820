"""Views: a painter's pictures as a live widget in a notebook.

:class:`Live` is what all views share: when they draw, what they display, freeze and pause. :class:`View` draws HTML;
the one in ``interactive.py`` sends numbers to an ES module instead.

What a saved notebook shows: JupyterLab prefers the widget's mime type and shows an error where its model is gone. So
every display has its own display id, and ``freeze`` replaces what it shows by the static picture alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from threading import Lock, RLock
from typing import Any
from uuid import uuid4

import ipywidgets

from kucoin_stream.bridges.mime import reference
from kucoin_stream.streams.origin import note
from kucoin_stream.widgets import screen as screens
from kucoin_stream.widgets.drawing.html import clean, escape
from kucoin_stream.widgets.drawing.picture import Caption, Painter


class Live:
    """A live picture, to be mixed into a widget. Make it in a cell; from then on the render thread draws it.

    ``painter`` says what is shown, ``kind`` is its name (``kinds.py``). ``screen`` draws it: the one of the process
    unless a test brings its own.
    ipywidgets itself keeps every widget alive until it is closed, so a view that is no longer wanted needs
    :meth:`stop`; one whose output was cleared is not drawn, and costs a comparison ten times a second.
    """

    # of the widget that it is mixed into
    comm: Any
    layout: Any
    model_id: str
    _view_count: int

    def __init__(
        self, painter: Painter[Any, Any], kind: str = "picture", *, screen: screens.Screen | None = None
    ) -> None:
        self._painter = painter
        self.kind = kind
        self.displays: list[str] = []  # display ids of the outputs that show it
        self.seen = False  # whether a front end ever showed it
        self.stays = True  # stopped in a box, it leaves a static picture there
        self._screen = screens.screen if screen is None else screen
        self._drawing = Lock()  # the render thread and a cell may both ask for a picture
        self._turn = RLock()  # and both change what is displayed
        self._picture: Any = None
        self._drawn: object = object()  # the subject's version in the last picture; at first unlike any
        self._problem = ""
        self._frozen = False
        self._ended = False
        self._paused: Paused | None = None
        widget: Any = super()
        widget.__init__(layout=ipywidgets.Layout(width="100%", min_width="0", margin="0"), _view_count=0)
        widget.observe(self._looked_at, "_view_count")
        try:
            self.refresh()
        except Exception as exc:  # noqa: BLE001 - the subject's failure is shown where its picture would be
            self.show_problem(exc)
        self._screen.add(self)
        note(self, "view")

    def refresh(self) -> None:
        """Draw now. The screen calls this; so may you. Raises what the subject raises."""
        with self._drawing:
            self._drawn = self._painter.version
            picture = self._painter.picture(time.time())
            self._show(picture)
            self._picture, self._problem = picture, ""

    def _show(self, picture: Any) -> None:
        """Render a picture and send it."""
        raise NotImplementedError

    def _show_problem(self, message: str) -> None:
        """Send an empty picture with a message."""
        raise NotImplementedError

    def _show_note(self, words: str) -> None:
        """Send the last picture once more, with a line about it."""
        raise NotImplementedError

    def _show_still(self) -> None:
        """Send the static picture, or what tells that the last one stands still."""
        self._show_note("stopped" if self._ended else "frozen")

    def freeze(self) -> None:
        """Replace every displayed output by its static last picture, and draw no more until :meth:`resume`."""
        with self._turn:
            if self._frozen:
                return
            self._frozen = True
            self._screen.remove(self)
            update_displays(self.displays, self._static_bundle())
            if self.seen:  # in a box too, whose output is not ours
                self._show_still()
            self._forget_pause()

    def resume(self) -> None:
        """Go on after :meth:`freeze`; a closed view stays closed."""
        with self._turn:
            if not self._frozen or self.closed:
                return
            self._frozen = False
            self._drawn = object()
            update_displays(self.displays, self._bundle())
            self._screen.add(self)

    def rest(self, seconds: float) -> None:
        """Show the static picture, why, and a button: nobody has looked for ``seconds``. The screen calls this."""
        with self._turn:
            if self._frozen or self._paused is not None:
                return
            words = paused_words(seconds)
            bundle = self._static_bundle()
            self._paused = Paused(words, bundle.get("text/html", ""), self._screen.touch)
            bundle |= {**reference(self._paused.model_id), "text/plain": f"{words}\n{bundle['text/plain']}"}
            bundle["text/html"] = self._paused.static
            update_displays(self.displays, bundle)
            self._show_note(f"{words}; run a cell to go on")  # for a view in a box, whose output is not ours

    def go_on(self) -> None:
        """End a pause: show the live picture again. The screen calls this, and then draws."""
        with self._turn:
            if self._paused is None or self._frozen:
                return
            self._drawn = object()
            update_displays(self.displays, self._bundle())
            self._forget_pause()

    def _forget_pause(self) -> None:
        paused, self._paused = self._paused, None  # at once: a cell and the render thread may both come here
        if paused is not None:
            paused.close_all()

    def stop(self) -> None:
        """Freeze, leave the screen, close the comm. May be called again.

        With the comm the front end takes the picture away; so in a box of the user's it is closed once nobody sees it.
        """
        stays = self.stays and self.seen and self.visible and not self.displays
        self._ended = True
        self.freeze()
        if not stays:
            self.close()

    def close(self) -> None:
        """Close the comm; the front end removes the live picture. :meth:`stop` leaves a static one behind."""
        self._ended = True
        if hasattr(self, "_screen"):
            self._screen.remove(self)
            self._forget_pause()
        widget: Any = super()
        widget.close()
        forget_display(self)
        for part in (self.layout, getattr(self, "style", None)):  # each has a comm, which would stay for the session
            if part is not None:
                part.close()

    @property
    def subject(self) -> Any:
        """The live object that is drawn."""
        return self._painter.subject

    @property
    def pace(self) -> screens.Pace | None:
        """How it is drawn, and what that costs."""
        return self._screen.pace(self)

    @property
    def received(self) -> int:
        """Pictures that the screen has drawn of it: what ``ks.ps()`` counts of a view."""
        pace = self.pace
        return 0 if pace is None else pace.pictures

    @property
    def frozen(self) -> bool:
        """Whether the picture stands still."""
        return self._frozen

    @property
    def closed(self) -> bool:
        """Whether it was stopped or closed; the screen then forgets the view."""
        return self._ended or self.comm is None or bool(getattr(self.comm, "_closed", False))

    @property
    def visible(self) -> bool:
        """False once it was shown and its last output was cleared. (A closed browser page is not noticed.)"""
        return not (self.seen and self._view_count == 0)

    @property
    def changed(self) -> bool:
        """Whether the subject has something new to draw."""
        return bool(self._painter.version != self._drawn)

    def show_problem(self, problem: Exception) -> None:
        """Show an error in place of the picture, once for each message."""
        message = clean(f"{type(problem).__name__}: {problem}")
        if message == self._problem:
            return
        self._problem = message
        with self._drawing:
            self._show_problem(message)

    def text(self, width: int = 80) -> str:
        """Return the present picture for a terminal; where there never was one, why."""
        picture = self._present()
        return self._problem if picture is None else self._painter.text(picture, width)

    def static_html(self) -> str:
        """Return the present picture as HTML that needs no kernel; where there never was one, why."""
        picture = self._present()
        return escape(self._problem) if picture is None else self._painter.static_html(picture)

    def __repr__(self) -> str:
        state = "closed" if self.closed else "frozen" if self._frozen else clean(self._caption().status)
        return f"<{type(self).__name__} {self.kind} {clean(self._caption().title)} | {state}>"

    def _ipython_display_(self, **_: Any) -> None:
        # Preferred by every IPython and ipywidgets over the bundle; only here can the display id be known.
        from IPython.display import display

        if self.closed:
            display(self._static_bundle(), raw=True)  # type: ignore[no-untyped-call]
            return
        display_id = uuid4().hex
        self.displays.append(display_id)
        display(self._repr_mimebundle_(), raw=True, display_id=display_id)  # type: ignore[no-untyped-call]

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return self._static_bundle() if self.closed or self._frozen else self._bundle()

    def _bundle(self) -> dict[str, Any]:
        return {**reference(self.model_id), **self._static_bundle()}

    def _static_bundle(self) -> dict[str, Any]:
        picture = self._present()
        if picture is None:
            return {"text/plain": f"{self!r} {self._problem}"}
        return {"text/html": self._painter.static_html(picture), "text/plain": self._painter.text(picture)}

    def _present(self) -> Any:
        """Take a picture now; where the subject no longer answers, return the last one."""
        with self._drawing:
            try:
                self._picture = self._painter.picture(time.time())
            except Exception as exc:  # noqa: BLE001 - a stopped subject still has its last picture
                self._problem = clean(f"{type(exc).__name__}: {exc}")
            return self._picture

    def _looked_at(self, change: Any) -> None:
        if change["new"]:
            self.seen = True
        elif self._ended:
            self.close()
        self._screen.touch()

    def _caption(self) -> Caption:
        try:
            return self._painter.caption(time.time())
        except Exception as exc:  # noqa: BLE001 - a broken subject still gets a frame for its error
            return Caption("?", f"stopped: {type(exc).__name__}", "", time.time())


class View(Live, ipywidgets.HTML):  # type: ignore[misc]  # ipywidgets is untyped
    """A live picture as HTML: no dependency but ipywidgets, no request to the outside."""

    def _show(self, picture: Any) -> None:
        self.value = self._painter.html(picture)

    def _show_problem(self, message: str) -> None:
        self.value = self._painter.problem(self._caption(), message)

    def _show_note(self, words: str) -> None:
        self.value = _note(words) + self.value

    def _show_still(self) -> None:
        self.value = self.static_html()


class Paused(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets is untyped
    """What stands for a paused view: why, a button to go on, and the static picture."""

    def __init__(self, words: str, picture: str, resume: Callable[[], None]) -> None:
        self.static = _note(words) + picture
        self.button = ipywidgets.Button(description="Resume", tooltip=f"{words}; go on with all pictures")
        self.button.on_click(lambda _: resume())
        super().__init__([self.button, ipywidgets.HTML(self.static)])

    def close_all(self) -> None:
        """Close it with all that it is made of."""
        for part in (*self.children, self):
            close_whole(part)


def forget_display(widget: Any) -> None:
    """Let a closed widget be displayed as its class does: ipywidgets 7 puts ``None`` in the method's place."""
    vars(widget).pop("_ipython_display_", None)


def close_whole(part: Any) -> None:
    """Close a widget with its layout and style: each has a comm, which would stay for the session."""
    for piece in (part, part.layout, getattr(part, "style", None)):
        if piece is not None:
            piece.close()


def update_displays(displays: Sequence[str], bundle: dict[str, Any]) -> None:
    """Replace what outputs show."""
    if not displays or not _in_kernel():
        return
    from IPython.display import update_display

    for display_id in displays:
        update_display(bundle, display_id=display_id, raw=True)  # type: ignore[no-untyped-call]


def paused_words(seconds: float) -> str:
    """Say that nobody has looked for ``seconds``."""
    minutes = max(1, round(seconds / 60))
    return f"paused: nobody has looked for {minutes} minute{'s' if minutes > 1 else ''}"


def _note(words: str) -> str:
    return f'<div style="padding:2px 4px;font-size:12px">{escape(words)}</div>'


def _in_kernel() -> bool:
    """Whether an output can be updated: a terminal would only print it again."""
    from IPython import get_ipython

    return hasattr(get_ipython(), "kernel")
