"""Law 10: a cell can be run again."""

import gc
import weakref

import pytest
from streamz import sinks

import kucoin_stream as ks
import kucoin_stream.jupyter as jupyter
from kucoin_stream.bridges.mime import WIDGET_MIME
from kucoin_stream.jupyter.handles import Handle
from kucoin_stream.widgets.screen import screen

pytestmark = pytest.mark.usefixtures("client")

PROLOGUE = "import kucoin_stream as ks"


@pytest.fixture(autouse=True)
def prologue(cell):
    cell(PROLOGUE)


def static(output):
    return WIDGET_MIME not in output["data"] and "text/html" in output["data"]


# --- sinks ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cell_id", ["a1", None])
def test_a_cell_run_fifty_times_leaves_one_sink(cell, cell_id):
    cell("seen = []\ntrades = ks.trades('BTC-USDT')")
    for _ in range(50):
        cell("trades.map(str).sink(seen.append);", cell_id)
    assert len(sinks._global_sinks) == 1
    assert len(list(cell["trades"].branches)) == 1


def test_an_execution_keeps_all_its_own_sinks(cell):
    cell("trades = ks.trades('BTC-USDT')")
    for _ in range(2):
        cell("for n in range(3):\n    trades.sink(print, n)", "a1")
    assert len(sinks._global_sinks) == 3


def test_the_sinks_of_other_cells_stay(cell):
    cell("trades = ks.trades('BTC-USDT')")
    cell("one = trades.sink(len)", "a1")
    cell("two = trades.sink(str)", "a2")
    cell("two = trades.sink(str)", "a2")
    assert {cell["one"], cell["two"]} == set(sinks._global_sinks)


def test_a_cell_with_an_id_may_change_its_source(cell):
    cell("trades = ks.trades('BTC-USDT')")
    cell("sink = trades.sink(len)", "a1")
    cell("sink = trades.sink(str)", "a1")
    assert set(sinks._global_sinks) == {cell["sink"]}
    cell("pass", "a1")
    assert not sinks._global_sinks


def test_a_cell_that_fails_still_owns_what_it_made(cell):
    cell("trades = ks.trades('BTC-USDT')")
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            cell("trades.sink(len)\n1 / 0", "a1")
    assert len(sinks._global_sinks) == 1


def test_a_sink_that_the_user_destroyed_is_no_trouble(cell):
    cell("trades = ks.trades('BTC-USDT')\nsink = trades.sink(len)", "a1")
    cell("sink.destroy()")
    cell("trades = ks.trades('BTC-USDT')\nsink = trades.sink(len)", "a1")
    assert set(sinks._global_sinks) == {cell["sink"]}


# --- views ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cell_id", ["a1", None])
def test_a_cell_run_again_leaves_one_view(cell, cell_id):
    for _ in range(5):
        cell("book = ks.book('BTC-USDT')\nbook", cell_id)
    assert len(screen.views) == 1


def test_without_an_id_the_output_may_still_be_there_and_turns_static(cell):
    for _ in range(2):
        cell("book = ks.book('BTC-USDT')\nbook")
    first, second, update = cell.outputs
    assert WIDGET_MIME in first["data"]
    assert WIDGET_MIME in second["data"]
    assert static(update)
    assert update["transient"] == first["transient"]


def test_replaced_objects_are_freed_and_unsubscribed(cell, client):
    engine, topic = client.engine, "/market/match:XRP-USDT"
    cell("ks.trades('XRP-USDT')", "a1")
    assert engine.call(engine.pool.active, topic)
    cell("ks.trades('ETH-USDT')", "a1")
    assert not engine.call(engine.pool.active, topic)


def test_a_live_frame_in_a_variable_stays_live_and_can_be_shown_again(cell):
    cell("book = ks.book('BTC-USDT')")
    cell("book", "a1")
    cell("None", "a1")
    assert not screen.views
    assert not cell["book"].status.startswith("stopped")
    cell("book", "a2")
    assert WIDGET_MIME in cell.outputs[-1]["data"]
    assert len(screen.views) == 1


def test_a_picture_that_another_cell_shows_goes_on(cell):
    cell("book = ks.book('BTC-USDT')")
    cell("book", "a1")
    cell("book", "a2")
    cell("None", "a1")
    (view,) = screen.views
    assert not view.frozen


def test_cells_that_freeze_and_resume_may_be_run_again(cell):
    cell("ladder = ks.book('BTC-USDT').widget()")
    cell("ladder", "a1")
    (shown,) = cell["ladder"].displays
    for _ in range(3):
        cell("ladder.freeze()", "a2")
        assert static(cell.outputs[-1])
        cell("ladder.resume()", "a3")
        cell("ladder.resume()", "a3")
        assert cell["ladder"].displays == [shown]


def test_a_view_that_is_shown_while_it_is_frozen_goes_on_there(cell):
    cell("ladder = ks.book('BTC-USDT').widget()\nladder.freeze()")
    cell("ladder")
    assert static(cell.outputs[-1])
    cell("ladder.resume()")
    assert WIDGET_MIME in cell.outputs[-1]["data"]
    assert cell.outputs[-1]["transient"] == cell.outputs[-2]["transient"]


def test_running_again_keeps_the_picture_of_a_frame_made_elsewhere(cell):
    cell("book = ks.book('BTC-USDT')")
    for _ in range(3):
        cell("book", "a1")
    (view,) = screen.views
    assert not view.frozen
    assert len(view.displays) == 1


def test_views_in_a_box_end_when_their_box_is_gone(cell):
    cell("import ipywidgets\nbook = ks.book('BTC-USDT')")
    for _ in range(3):
        cell("ipywidgets.HBox([book.widget(), book.widget()]);", "a1")
    assert len(screen.views) == 2


def test_a_view_that_ends_takes_its_layout_and_style_along(cell):
    import comm

    cell("book = ks.book('BTC-USDT')")
    before = set(comm.get_comm_manager().comms)
    for _ in range(3):
        cell("ks.book('ETH-USDT')", "a1")
    (view,) = screen.views
    view.stop()
    assert set(comm.get_comm_manager().comms) <= before


# --- which cell -------------------------------------------------------------------------------------------------


def test_what_a_cell_makes_knows_the_cell(cell, client):
    cell("trades = ks.trades('BTC-USDT')")
    cell("trades.map(str).sink(len);", "a1")
    first = client.ps().set_index("kind")["cell"]
    cell("trades.map(str).sink(len);", "a1")
    second = client.ps().set_index("kind")["cell"]
    assert (first["feed"], first["sink"]) == ("In [2]", "In [3]")
    assert (second["feed"], second["sink"]) == ("In [2]", "In [4]")
    client.trades("ETH-USDT").sink(str)
    assert client.ps().query("kind == 'sink'")["cell"].iloc[-1] == ""


def test_branches_without_a_sink_end_with_the_variable_that_holds_them(cell):
    for _ in range(5):
        cell("trades = ks.trades('BTC-USDT')\nwindows = trades.timed_window(0.05)\nwindows.map(len).sink(len);", "a1")
    assert len(sinks._global_sinks) == 1
    assert len(list(cell["trades"].branches)) == 1


def test_ps_and_stop_take_handles(cell, client):
    cell("ks.trades('BTC-USDT')", "a1")
    assert isinstance(cell["_"], Handle)
    cell("ks.stop(_)")
    assert "feed" not in set(client.ps()["kind"])


# --- Out and _ --------------------------------------------------------------------------------------------------


def test_out_holds_a_handle(cell):
    cell("ks.book('BTC-USDT')", "a1")
    out = cell["Out"][max(cell["Out"])]
    assert isinstance(out, Handle)
    assert cell["_"] is out
    assert "LiveBook BTC-USDT" in repr(out)
    assert out().symbol == out.symbol == "BTC-USDT"


@pytest.mark.parametrize("made", ["book.widget()", "book.widget(interactive=True)", "ks.dashboard('BTC-USDT')"])
def test_out_holds_a_handle_of_every_kind_of_view(cell, made):
    cell("book = ks.book('BTC-USDT')")
    cell(made, "a1")
    assert isinstance(cell["_"], Handle)


def test_a_handle_lets_its_object_go(cell):
    cell("ks.trades('BTC-USDT')", "a1")
    handle = cell["_"]
    live = weakref.ref(handle())
    cell("None", "a1")
    cell("None")
    gc.collect()
    assert live() is None
    assert repr(handle).endswith("(gone)")
    with pytest.raises(Exception, match="keep such objects in a variable"):
        handle.df  # noqa: B018


def test_underscore_works_as_ever(cell):
    cell("1 + 1")
    cell("status = ks.status()\nstatus")
    assert cell("__ + 1") == 3
    assert cell("_") == 3
    cell("status")
    assert cell("_.df is not None") is True
    cell("status")
    cell("_")
    assert WIDGET_MIME in cell.outputs[-1]["data"]


# --- the hooks themselves ---------------------------------------------------------------------------------------


def test_a_cell_tells_the_screen_that_someone_is_there(cell, monkeypatch):
    touched = []
    monkeypatch.setattr(screen, "touch", lambda: touched.append(1))
    cell("pass")
    assert touched


def test_a_cell_that_loads_the_extension_is_watched_itself(cell, shell):
    shell.extension_manager.unload_extension("kucoin_stream")
    for _ in range(3):
        cell("%load_ext kucoin_stream\nks.trades('BTC-USDT').sink(len);", "a1")
    assert len(sinks._global_sinks) == 1


def test_unloading_ends_the_watch(cell, shell, monkeypatch):
    monkeypatch.delitem(vars(ks), "status", raising=False)  # a name that is used for the first time
    shell.extension_manager.unload_extension("kucoin_stream")
    for _ in range(2):
        cell("ks.trades('BTC-USDT').sink(len);", "a1")
    assert len(sinks._global_sinks) == 2
    assert cell("ks.status()") is cell["_"]


def test_watching_without_the_magic(cell, shell):
    shell.extension_manager.unload_extension("kucoin_stream")
    cell("import kucoin_stream.jupyter as jupyter\nassert jupyter.watch() and jupyter.watch()")
    for _ in range(2):
        cell("ks.trades('BTC-USDT').sink(len);", "a1")
    assert len(sinks._global_sinks) == 1
    assert shell.find_line_magic("kucoin") is None


def test_outside_of_ipython_there_is_nothing_to_watch(monkeypatch):
    import IPython

    monkeypatch.setattr(IPython, "get_ipython", lambda: None)
    assert not jupyter.watch()


SLIDER = """
import pandas as pd
from kucoin_stream.widgets.replay import ReplaySlider
class Subject:
    start = position = pd.Timestamp("2026-01-01", tz="UTC")
    end, playing = start + pd.Timedelta("1min"), False
slider = ReplaySlider(Subject())
slider
"""


def test_a_slider_is_replaced_by_its_cell_run_again_and_no_trouble_to_others(cell, capsys):
    cell(SLIDER, "slider")
    first = cell["slider"]
    cell("1", "other")
    assert not first.closed
    cell(SLIDER, "slider")
    assert (first.closed, cell["slider"].closed) == (True, False)
    cell["slider"].stop()
    assert "Error" not in capsys.readouterr().out
