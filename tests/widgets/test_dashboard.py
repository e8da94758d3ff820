"""``ks.dashboard``: several pictures as one widget that owns what it shows; what each kind is made from."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import ipywidgets
import pytest

import kucoin_stream as ks
from kucoin_stream.bridges.mime import WIDGET_MIME
from kucoin_stream.errors import UnknownSymbolError, UsageError
from kucoin_stream.widgets.dashboard import KINDS, Dashboard
from kucoin_stream.widgets.kinds import PAINTERS
from kucoin_stream.widgets.screen import screen
from kucoin_stream.widgets.sources import SOURCES, Parts
from tests.conftest import until
from tests.widgets.fakes import open_widgets

ALONE = {"table"}  # what is in a table no symbol tells


@pytest.fixture
def dashboard(client: ks.Client) -> Iterator[Callable[..., Dashboard]]:
    yield client.dashboard
    for view in list(screen.views):
        view.stop()


def test_every_kind_of_picture_can_be_put_into_a_dashboard():
    assert {*PAINTERS} - {*SOURCES} <= ALONE
    assert {*KINDS} <= {*SOURCES} <= {*PAINTERS}


def test_it_shows_the_pictures_asked_for_of_each_symbol_in_order(dashboard):
    board = dashboard("BTC-USDT", "XBTUSDTM", kinds=("ladder", "candles", "status"), interval="5min")
    shown = [(view.kind, view.subject.title) for view in board.views]
    assert shown == [
        ("ladder", "BTC-USDT"), ("candles", "BTC-USDT 5min"), ("ladder", "XBTUSDTM"), ("candles", "XBTUSDTM 5min"),
        ("status", "connections"),
    ]  # fmt: skip
    assert board.children == board.views
    assert repr(board) == "<Dashboard BTC-USDT, XBTUSDTM | ladder, candles, status | live>"


@pytest.mark.parametrize("kind", sorted(SOURCES))
def test_each_kind_is_drawn_of_spot_and_of_futures(dashboard, kind):
    board = dashboard("BTC-USDT", "XBTUSDTM", kinds=kind)
    count = {"symbol": 2, "symbols": 2, "client": 1}[SOURCES[kind].span]
    assert [view.kind for view in board.views] == [kind] * count
    assert board.static_html().count("picture of ") == count
    assert board.text(60).count("updated") == count


def test_pictures_of_one_book_share_it(client):
    parts = Parts(client, ["BTC-USDT"], ["ladder", "depth", "lines"], "1min")
    assert len({id(part.subject) for part in parts}) == 1
    parts.stop()


def test_the_grid_has_one_column_where_there_is_no_room_for_two(dashboard):
    layout = dashboard("BTC-USDT", kinds="ladder").layout
    assert layout.grid_template_columns == "repeat(auto-fit, minmax(min(100%, 420px), 1fr))"
    assert (layout.width, layout.overflow) == ("100%", "hidden")


def test_stop_ends_all_that_it_made_and_nothing_else(client, dashboard):
    mine = client.book("BTC-USDT")
    before = len(open_widgets())
    board = dashboard("BTC-USDT", "ETH-USDT")
    assert {*client.ps()["kind"]} >= {"frame", "view", "feed"}
    board.stop()
    board.stop()
    rows = client.ps()
    assert rows[["kind", "name"]].values.tolist() == [["frame", "BTC-USDT"]]
    assert {view.subject.status for view in board.views} == {"stopped"}
    assert (board.closed, board.frozen, repr(board).endswith("| stopped>")) == (True, True, True)
    assert [view for view in screen.views if view is board or view in board.views] == []
    until(lambda: mine.status == "live")
    assert len(open_widgets()) == before


def test_after_stop_it_is_a_static_picture_of_its_parts(dashboard):
    board = dashboard("BTC-USDT", kinds=("ladder", "tape"))
    live = board._repr_mimebundle_()
    assert {*live} == {WIDGET_MIME, "text/html", "text/plain"}
    board.stop()
    static = board._static_bundle()
    assert {*static} == {"text/html", "text/plain"}
    assert static["text/html"].count("picture of ") == 2
    assert "BTC-USDT" in static["text/plain"]
    for forbidden in ("<style", "<script", "<svg", " id="):
        assert forbidden not in static["text/html"]


def test_a_picture_that_ends_by_itself_stays_in_its_place(dashboard):
    before = len(open_widgets())
    board = dashboard("BTC-USDT", kinds=("ladder", "tape"))
    board.views[0].subject.stop()
    still, tape = board.children
    assert tape is board.views[1]
    assert "picture of " in still.value
    assert "stopped" in still.value
    assert not board.closed
    board.stop()
    assert len(open_widgets()) == before


def test_options_reach_the_pictures(dashboard):
    board = dashboard("BTC-USDT", kinds=("ladder", "tape"), options={"tape": {"count": 3}})
    assert len(board.views[1].text().split("\n")) == 6
    assert board.views[1]._painter.count == 3


@pytest.mark.parametrize(
    ("symbols", "options", "error", "words"),
    [
        ([], {}, UsageError, "a dashboard is of one symbol at least"),
        (["BTC-USDX"], {}, UnknownSymbolError, "did you mean BTC-USDC|BTC-USDT"),
        (["BTC-USDT"], {"kinds": ()}, UsageError, "kinds= is empty; there are: ladder, candles"),
        ([["BTC-USDT", "ETH-USDT"]], {}, UsageError, "write each symbol as an argument of its own"),
        (["BTC-USDT"], {"kinds": 5}, UsageError, "kinds= are names of pictures"),
        (["BTC-USDT"], {"kinds": ["ladder", 5]}, UsageError, "kinds= are names of pictures"),
        (["BTC-USDT"], {"depth": 5}, UsageError, r'options=\{"ladder": \{"depth": 5\}\}'),
        (["BTC-USDT"], {"colour": "red"}, UsageError, "no picture of it has the option 'colour'"),
        (["BTC-USDT"], {"options": 5}, UsageError, "options= is by kind"),
        (["BTC-USDT"], {"options": {"ladder": 5}}, UsageError, "options= is by kind"),
        (["BTC-USDT"], {"kinds": "ladr"}, UsageError, "no picture 'ladr'; did you mean ladder"),
        (["BTC-USDT"], {"kinds": ["ladder", "zzz"]}, UsageError, "no picture 'zzz'; there are: "),
        (["BTC-USDT"], {"kinds": [None]}, UsageError, "kinds= are names of pictures"),
        (["BTC-USDT"], {"interval": "7min"}, UsageError, "no such interval '7min'"),
        (["BTC-USDT"], {"options": {"wall": {}}}, UsageError, "options= of 'wall', which is not among its kinds"),
        (["BTC-USDT"], {"options": {"ladder": {"dpth": 3}}}, UsageError, "did you mean depth"),
        (["BTC-USDT"], {"options": {"ladder": {"depth": 0}}}, UsageError, "depth"),
        (["BTC-USDT"], {"options": {"ladder": {"interactive": "no"}}}, UsageError, "write True or False"),
    ],
)
def test_a_mistake_is_told_and_leaves_nothing_behind(client, dashboard, symbols, options, error, words):
    with pytest.raises(error, match=words):
        dashboard(*symbols, **options)
    assert client.ps().empty
    assert not screen.views


def test_several_views_fit_into_any_box_as_well(client):
    book, bars = client.book("BTC-USDT"), client.klines("BTC-USDT", "1min")
    box = ipywidgets.HBox([book.widget(), bars.widget("candles")])
    assert [child.kind for child in box.children] == ["ladder", "candles"]
    book.stop()
    bars.stop()


class Displays:
    """Stands for IPython's display functions in a kernel."""

    def __init__(self, monkeypatch: Any) -> None:
        self.shown: list[dict[str, Any]] = []
        self.updated: list[tuple[str, dict[str, Any]]] = []
        import IPython
        import IPython.display

        kernel = type("Shell", (), {"kernel": None})()
        monkeypatch.setattr(IPython, "get_ipython", lambda: kernel)
        monkeypatch.setattr(IPython.display, "display", lambda data, **_: self.shown.append(data))
        monkeypatch.setattr(
            IPython.display, "update_display", lambda data, display_id, **_: self.updated.append((display_id, data))
        )


def test_every_output_that_showed_it_becomes_static(dashboard, monkeypatch):
    displays = Displays(monkeypatch)
    board = dashboard("BTC-USDT", kinds="ladder")
    board._ipython_display_()
    board._ipython_display_()
    assert [WIDGET_MIME in each for each in displays.shown] == [True, True]
    board.stop()
    assert [(each, {*data}) for each, data in displays.updated] == [
        (each, {"text/html", "text/plain"}) for each in board.displays
    ]
    board._ipython_display_()
    assert WIDGET_MIME not in displays.shown[-1]


def test_frozen_it_stands_still_where_it_is_shown_and_goes_on_there(dashboard, monkeypatch):
    displays = Displays(monkeypatch)
    board = dashboard("BTC-USDT", kinds=("ladder", "tape"))
    board._ipython_display_()
    board.freeze()
    board.freeze()
    ((shown, static),) = displays.updated
    assert [*board.displays] == [shown]
    assert {*static} == {"text/html", "text/plain"}
    assert (board.frozen, board.closed, [view.frozen for view in board.views]) == (True, False, [True, True])
    board.rest(1500.0)
    board._ipython_display_()
    assert WIDGET_MIME not in displays.shown[-1]
    board.resume()
    board.resume()
    assert [WIDGET_MIME in data for _, data in displays.updated[1:]] == [True, True]
    assert (board.frozen, [view.frozen for view in board.views]) == (False, [False, False])
    board.stop()
    board.resume()
    assert board.frozen


def test_the_end_of_the_client_makes_it_static(client, dashboard, monkeypatch):
    displays = Displays(monkeypatch)
    board = dashboard("BTC-USDT", kinds=("ladder", "status"))
    board._ipython_display_()
    client.close()
    assert (board.frozen, board.closed, all(view.closed for view in board.views)) == (True, True, True)
    ((_, static),) = displays.updated
    assert WIDGET_MIME not in static
    assert static["text/html"].count("picture of ") == 2


def test_where_nobody_looks_it_pauses_with_a_button_and_goes_on(dashboard, monkeypatch):
    displays = Displays(monkeypatch)
    board = dashboard("BTC-USDT", kinds="ladder")
    board._ipython_display_()
    board.rest(1500.0)
    board.rest(1500.0)
    (_, paused), *more = displays.updated
    assert more == []
    assert paused["text/plain"] == "paused: nobody has looked for 25 minutes"
    assert "paused: nobody has looked" in paused["text/html"]
    board.go_on()
    assert displays.updated[-1][1][WIDGET_MIME]["model_id"] == board.model_id
    board.stop()


def test_a_cell_that_runs_again_replaces_its_dashboard(sim, tmp_path, monkeypatch):
    from IPython.core.displaypub import CapturingDisplayPublisher
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    config = Config()
    config.HistoryManager.enabled = False
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance(config=config, display_pub_class=CapturingDisplayPublisher)
    shell.kernel = None
    try:
        shell.extension_manager.load_extension("kucoin_stream")
        shell.run_cell(f"import kucoin_stream as ks; ks.connect({sim.url!r})").raise_error()
        for _ in range(5):
            shell.run_cell("ks.dashboard('BTC-USDT', kinds=('ladder', 'tape'))", cell_id="one").raise_error()
            until(lambda: sum(isinstance(view, Dashboard) for view in screen.views) == 1)
        kinds = ks.ps()["kind"].value_counts().to_dict()
        assert kinds == {"frame": 2, "feed": 1, "view": 3}
    finally:
        shell.extension_manager.unload_extension("kucoin_stream")
        ks.stop()
        for view in list(screen.views):
            view.stop()
        InteractiveShell.clear_instance()


def test_the_module_of_sources_brings_no_ipywidgets():
    import subprocess

    code = "import sys, kucoin_stream.widgets.sources; print('ipywidgets' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "False"
