"""What a cell leaves behind, and what running it again replaces.

Theory of operation: before a cell runs, what sinks and displays there are is noted, and the sinks of its previous
execution are destroyed. After it, what is new belongs to this execution. A view that the previous execution displayed
and that no cell displays now is stopped, which leaves its last picture where it was; one that a cell made and put into
a box is stopped once its output is gone. Live frames are never touched: the variables that hold them decide.

A cell is known by its id, where the front end sends one, else by its source.
"""

from __future__ import annotations

import gc
import hashlib
import sys
import weakref
from dataclasses import dataclass, field
from typing import Any

from kucoin_stream.jupyter.handles import Handle, is_live
from kucoin_stream.streams import origin


@dataclass
class Execution:
    """One execution of a cell: what there was before, then what it left. Everything is held weakly."""

    key: str
    known: bool  # by an id: the output of its previous execution is certainly gone
    sinks_before: weakref.WeakSet[Any]
    displays_before: weakref.WeakKeyDictionary[Any, list[str]]
    previous: Execution | None = None
    sinks: weakref.WeakSet[Any] = field(default_factory=weakref.WeakSet)
    shown: weakref.WeakKeyDictionary[Any, list[str]] = field(default_factory=weakref.WeakKeyDictionary)
    made: weakref.WeakSet[Any] = field(default_factory=weakref.WeakSet)


class Cells:
    """Watches the cells of one shell. Lives in the thread that executes them."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._done: dict[str, Execution] = {}
        self._running: dict[int, Execution] = {}
        self._fading: weakref.WeakSet[Any] = weakref.WeakSet()
        self._first: Execution | None = self._begin(None)  # for the cell that is running while we register
        origin.cell.set(self._label())
        self._update_user_ns = shell.displayhook.update_user_ns
        shell.displayhook.update_user_ns = self._keep_handle
        shell.events.register("pre_run_cell", self.pre_run_cell)
        shell.events.register("post_run_cell", self.post_run_cell)

    def close(self) -> None:
        """Watch no longer; everything goes on."""
        self._shell.events.unregister("pre_run_cell", self.pre_run_cell)
        self._shell.events.unregister("post_run_cell", self.post_run_cell)
        self._shell.displayhook.update_user_ns = self._update_user_ns

    def pre_run_cell(self, info: Any) -> None:
        """Tell the screen that someone is there; destroy the sinks of the previous execution."""
        self._first = None
        _touch()
        origin.cell.set(self._label())
        self._running[id(info)] = execution = self._begin(info)
        if execution.previous is not None:
            for sink in execution.previous.sinks & _sinks():
                sink.destroy()

    def post_run_cell(self, result: Any) -> None:
        """Note what the cell left; stop the views it no longer shows."""
        info = result.info
        origin.cell.set("")
        execution = self._running.pop(id(info), None)
        if execution is None:
            if self._first is None:
                return
            execution, self._first = self._first, None
            execution.key, execution.known = _key(info)
        self._end(execution)
        stopped = self._replace(execution) if execution.previous is not None else False
        if self._sweep() or stopped:
            gc.collect()  # a view and its frame refer to each other: now is the time to unsubscribe

    def _label(self) -> str:
        return f"In [{self._shell.displayhook.prompt_count}]"

    def _begin(self, info: Any) -> Execution:
        key, known = _key(info)
        displays = weakref.WeakKeyDictionary({view: list(view.displays) for view in _views()})
        return Execution(key, known, _sinks(), displays, self._done.get(key))

    def _end(self, execution: Execution) -> None:
        """Note what is new; only an execution that left something is remembered."""
        execution.sinks = _sinks() - execution.sinks_before
        for view in _views():
            before = execution.displays_before.get(view)
            if displays := [each for each in view.displays if each not in (before or ())]:
                execution.shown[view] = displays
            elif before is None:
                execution.made.add(view)
        if execution.sinks or execution.shown or execution.made:
            self._done[execution.key] = execution
        else:
            self._done.pop(execution.key, None)

    def _replace(self, execution: Execution) -> bool:
        """Stop what the previous execution displayed and no cell displays now; say whether there was such a view."""
        previous, execution.previous = execution.previous, None
        assert previous is not None  # noqa: S101  asked by the caller
        stopped = False
        for view, displays in list(previous.shown.items()):
            if execution.known:
                view.displays[:] = [each for each in view.displays if each not in displays]
            if not any(view in each.shown for each in self._done.values()):
                stopped = True
                view.stop()
        self._fading.update(view for view in previous.made if not view.closed)
        return stopped

    def _sweep(self) -> bool:
        """Stop replaced views that were in a box, once nobody sees the box; say whether there were any."""
        gone = [view for view in self._fading if not view.displays and not (view.seen and view.visible)]
        for view in gone:
            self._fading.discard(view)
            view.stop()
        return bool(gone)

    def _keep_handle(self, result: Any) -> None:
        self._update_user_ns(Handle(result) if is_live(result) else result)


def _key(info: Any) -> tuple[str, bool]:
    cell_id = getattr(info, "cell_id", None)
    if cell_id:
        return f"id {cell_id}", True
    source = str(getattr(info, "raw_cell", None) or "")
    return f"source {hashlib.sha256(source.encode()).hexdigest()}", False


def _sinks() -> weakref.WeakSet[Any]:
    module = sys.modules.get("streamz.sinks")
    return weakref.WeakSet(module._global_sinks.copy() if module is not None else ())


def _views() -> set[Any]:
    """Return what is drawn, and what is frozen."""
    module: Any = sys.modules.get("kucoin_stream.widgets.screen")
    drawn = module.screen.shown() if module is not None else []
    return {*drawn, *(view for view, known in origin.living() if known.kind == "view" and not view.closed)}


def _touch() -> None:
    module = sys.modules.get("kucoin_stream.widgets.screen")
    if module is not None:
        module.screen.touch()


# --- one for each shell -----------------------------------------------------------------------------------------

_watched: weakref.WeakKeyDictionary[Any, Cells | None] = weakref.WeakKeyDictionary()  # None: no longer


def register(shell: Any) -> Cells:
    """Watch the cells of ``shell``; the same call again returns the same watcher."""
    cells = _watched.get(shell)
    if cells is None:
        cells = _watched[shell] = Cells(shell)
    return cells


def unregister(shell: Any) -> None:
    """Watch them no longer."""
    cells = _watched.get(shell)
    if cells is not None:
        cells.close()
        _watched[shell] = None


def unloaded(shell: Any) -> bool:
    """Return whether they were watched, and are no longer."""
    return shell in _watched and _watched[shell] is None
