"""Several pictures of some symbols side by side, as one ipywidget: what ``ks.dashboard(...)`` returns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from threading import RLock
from typing import Any
from uuid import uuid4

import ipywidgets

from kucoin_stream.bridges.mime import reference
from kucoin_stream.errors import UsageError, hint
from kucoin_stream.given import shown
from kucoin_stream.streams.origin import note
from kucoin_stream.widgets import screen as screens
from kucoin_stream.widgets.drawing.html import clean
from kucoin_stream.widgets.kinds import PAINTERS, known_options
from kucoin_stream.widgets.sources import Parts
from kucoin_stream.widgets.view import Paused, close_whole, forget_display, paused_words, update_displays

COLUMN_PX = 420  # at least; a narrower page has one column of its own width
KINDS = ("ladder", "candles", "tape", "depth", "status")


class Dashboard(ipywidgets.GridBox):  # type: ignore[misc]  # ipywidgets is untyped
    """A grid of views: one column on a telephone, three on a wide screen. Owns the live objects that it shows.

    :meth:`stop` ends these too; the static pictures remain where it was shown. The cell that showed it, run again,
    does the same.
    """

    kind = "dashboard"
    visible, changed, seen = True, False, False  # asked by the screen and the cells: its views draw themselves
    views: tuple[Any, ...] = ()

    def __init__(self, parts: Parts, symbols: Sequence[str], options: Mapping[str, Mapping[str, Any]]) -> None:
        self.symbols = tuple(symbols)
        self.displays: list[str] = []
        self._parts = parts
        self._stopped = self._frozen = False
        self._turn = RLock()  # cells and the render thread change what is displayed
        self._paused: Paused | None = None
        self._stills: dict[Any, ipywidgets.HTML] = {}  # in the places of views that have ended
        layout = ipywidgets.Layout(
            width="100%",
            grid_template_columns=f"repeat(auto-fit, minmax(min(100%, {COLUMN_PX}px), 1fr))",
            grid_gap="12px",
            align_items="flex-start",
            overflow="hidden",
        )
        self.views = tuple(part.subject.widget(part.kind, **options.get(part.kind, {})) for part in parts)
        super().__init__(list(self.views), layout=layout)
        for view in self.views:
            view.stays = False
            view.observe(self._part_closed, "comm")
        screens.screen.add(self)
        note(self, "view")

    @property
    def subject(self) -> Any:
        """The first live object: it tells ``ks.ps()`` which client is meant."""
        return self.views[0].subject

    @property
    def frozen(self) -> bool:
        """Whether its pictures stand still."""
        return self._frozen or self._stopped

    @property
    def closed(self) -> bool:
        """Whether the comm is closed."""
        return self.comm is None or bool(getattr(self.comm, "_closed", False))

    def freeze(self) -> None:
        """Replace every displayed output by the static pictures, and draw no more until :meth:`resume`."""
        with self._turn:
            if self.frozen:
                return
            self._frozen = True
            update_displays(self.displays, self._static_bundle())
            for view in self.views:
                view.freeze()
            self._forget_pause()

    def resume(self) -> None:
        """Go on after :meth:`freeze`; one that was stopped stays so."""
        with self._turn:
            if self._stopped or not self._frozen:
                return
            self._frozen = False
            for view in self.views:
                view.resume()
            update_displays(self.displays, self._repr_mimebundle_())

    def stop(self) -> None:
        """Replace every displayed output by the static pictures; end the views and all that they show."""
        with self._turn:
            if not self._stopped:
                update_displays(self.displays, self._static_bundle())
            self.close()

    def close(self) -> None:
        """End the views and all that they show; the front end removes them. :meth:`stop` leaves pictures behind."""
        with self._turn:
            if self._stopped:
                return
            self._stopped = True
            screens.screen.remove(self)
            self._forget_pause()
            for view in self.views:
                view.stop()
            for still in self._stills.values():
                close_whole(still)
            layout = self.layout
            super().close()
            forget_display(self)
            layout.close()
            self._parts.stop()

    def rest(self, seconds: float) -> None:
        """Show the static pictures and a button: nobody has looked for ``seconds``. The screen calls this."""
        with self._turn:
            if self._paused is None and not self.frozen:
                words = paused_words(seconds)
                self._paused = Paused(words, self.static_html(), screens.screen.touch)
                shown = {"text/html": self._paused.static, "text/plain": words}
                update_displays(self.displays, {**reference(self._paused.model_id), **shown})

    def go_on(self) -> None:
        """End a pause: show the live pictures again. The screen calls this."""
        with self._turn:
            if self._paused is not None and not self.frozen:
                update_displays(self.displays, self._repr_mimebundle_())
                self._forget_pause()

    def _part_closed(self, change: Any) -> None:
        """Put the static picture where a view ended by itself; stop once all have, as at the end of the client."""
        if self._stopped:
            return
        if all(view.closed for view in self.views):
            self.stop()
            return
        view = change["owner"]
        layout = ipywidgets.Layout(width="100%", min_width="0", margin="0")
        self._stills[view] = ipywidgets.HTML(view.static_html(), layout=layout)
        self.children = tuple(self._stills.get(view, view) for view in self.views)

    def _forget_pause(self) -> None:
        paused, self._paused = self._paused, None  # at once: a cell and the render thread may both come here
        if paused is not None:
            paused.close_all()

    def refresh(self) -> None:
        """Draw all views now."""
        for view in self.views:
            view.refresh()

    def show_problem(self, problem: Exception) -> None:
        """Nothing: each view shows its own."""

    def text(self, width: int = 80) -> str:
        """Return the present pictures for a terminal, one below the other."""
        return "\n\n".join(view.text(width) for view in self.views)

    def static_html(self) -> str:
        """Return the present pictures as HTML that needs no kernel, in as many columns as fit."""
        cells = "".join(
            f'<div style="display:inline-block;vertical-align:top;width:100%;max-width:{COLUMN_PX}px;'
            f'margin:0 12px 12px 0">{view.static_html()}</div>'
            for view in self.views
        )
        return f"<div>{cells}</div>"

    def __repr__(self) -> str:
        state = "stopped" if self._stopped else "closed" if self.closed else "frozen" if self._frozen else "live"
        kinds = ", ".join(dict.fromkeys(view.kind for view in self.views))
        return f"<Dashboard {clean(', '.join(self.symbols))} | {kinds} | {state}>"

    def _ipython_display_(self, **_: Any) -> None:
        from IPython.display import display

        if self.closed:
            display(self._static_bundle(), raw=True)  # type: ignore[no-untyped-call]
            return
        self.displays.append(display_id := uuid4().hex)
        display(self._repr_mimebundle_(), raw=True, display_id=display_id)  # type: ignore[no-untyped-call]

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        if self.closed or self._frozen:
            return self._static_bundle()
        return {**reference(self.model_id), **self._static_bundle()}

    def _static_bundle(self) -> dict[str, Any]:
        return {"text/html": self.static_html(), "text/plain": self.text()}


def dashboard(
    client: Any,
    symbols: Iterable[str],
    kinds: Iterable[str] | str | None,
    interval: str,
    options: Mapping[str, Mapping[str, Any]] | None,
    misplaced: Mapping[str, Any],
) -> Dashboard:
    """Make one: see :meth:`Client.dashboard`."""
    for option, value in misplaced.items():
        raise _misplaced(option, value)
    named = tuple(symbols)
    if not named:
        raise UsageError('a dashboard is of one symbol at least: ks.dashboard("BTC-USDT")')
    if not all(isinstance(each, str) for each in named):
        raise UsageError('write each symbol as an argument of its own: ks.dashboard("BTC-USDT", "ETH-USDT")')
    wanted, chosen = tuple(dict.fromkeys(named)), KINDS if kinds is None else _kinds(kinds)
    options = {} if options is None else options
    if not isinstance(options, Mapping) or not all(isinstance(each, Mapping) for each in options.values()):
        raise UsageError('options= is by kind, as options={"ladder": {"depth": 10}}')
    if foreign := options.keys() - {*chosen}:
        raise UsageError(f"options= of {min(foreign)!r}, which is not among its kinds; {hint(min(foreign), chosen)}")
    parts = Parts(client, wanted, chosen, interval)
    try:
        return Dashboard(parts, wanted, options)
    except BaseException:
        parts.stop()
        raise


def _misplaced(option: str, value: Any) -> UsageError:
    """Return the error of an option that is not told of which kind it is."""
    kinds = [kind for kind in PAINTERS if option in known_options(kind)]
    if not kinds:
        return UsageError(f"no picture of it has the option {option!r}; options= are by kind, as .widget() takes them")
    return UsageError(f'{option}= is of a kind: write options={{"{kinds[0]}": {{"{option}": {shown(value)}}}}}')


def _kinds(given: Iterable[str] | str) -> tuple[str, ...]:
    """Return kinds of pictures: one, several between commas as on the command line, or an iterable of them."""
    several = given.replace(",", " ").split() if isinstance(given, str) else given
    kinds = list(several) if isinstance(several, Iterable) else [several]
    if not all(isinstance(each, str) for each in kinds):
        raise UsageError('kinds= are names of pictures, as kinds=("ladder", "tape")')
    return tuple(dict.fromkeys(kinds))
