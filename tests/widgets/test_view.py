"""Views, without a kernel: the comm package's own dummy comm takes the messages."""

from __future__ import annotations

import subprocess
import sys
import threading

import ipywidgets
import pytest

from kucoin_stream.bridges.mime import WIDGET_MIME
from kucoin_stream.errors import UsageError
from kucoin_stream.widgets import view as views
from kucoin_stream.widgets.book.painter import BookPainter
from kucoin_stream.widgets.kinds import painter
from kucoin_stream.widgets.screen import Screen
from kucoin_stream.widgets.view import View
from tests.widgets.fakes import FakeBook, FakeKlines, a_book, a_client, candles, some_trades
from tests.widgets.fakes import FakeTape as Tape


@pytest.fixture
def screen():
    return Screen(threaded=False)


@pytest.fixture
def subject():
    return a_book(badge="SIMULATED")


@pytest.fixture
def view(subject, screen):
    made = View(BookPainter(subject, depth=5), screen=screen)
    yield made
    made.close()


@pytest.fixture
def shown(monkeypatch):
    """What was displayed and updated: ``(display_id, mime types)``."""
    import IPython.display

    calls = []

    def record(bundle, *, raw, display_id=None):
        assert raw
        calls.append((display_id, bundle))

    monkeypatch.setattr(IPython.display, "display", record)
    monkeypatch.setattr(IPython.display, "update_display", record)
    monkeypatch.setattr("kucoin_stream.widgets.view._in_kernel", lambda: True)
    return calls


def test_a_view_is_an_html_widget_with_a_picture_at_once(view):
    assert isinstance(view, ipywidgets.HTML)
    assert view._model_name == "HTMLModel"
    assert "67,122.6" in view.value
    assert "SIMULATED" in view.value


def test_a_tick_draws_what_has_changed(view, subject, screen):
    before = view.value
    screen.tick(0)
    assert view.value == before
    subject.asks[0, 0] = 66_999.9
    subject.change()
    screen.tick(0)
    assert "66,999.9" in view.value


def test_an_error_is_shown_once_and_leaves_again(view, subject, screen):
    subject.fail(RuntimeError("<b>no levels"))
    screen.tick(0)
    shown = view.value
    assert "RuntimeError: &lt;b&gt;no levels" in shown
    subject.change()
    screen.tick(0)
    assert view.value is shown
    subject.problem = None
    subject.change()
    screen.tick(0)
    assert "67,122.6" in view.value
    assert screen.statistics()["errors"] == 2


def test_a_subject_that_fails_at_once_still_gives_a_view(screen, subject):
    subject.fail(RuntimeError("no levels"))
    view = View(BookPainter(subject), screen=screen)
    assert "no levels" in view.value
    assert "no levels" in view._repr_mimebundle_()["text/plain"]
    assert view.text() == view.static_html() == "RuntimeError: no levels"
    view.stop()


def test_each_display_has_its_own_id_and_a_static_part(view, shown):
    view._ipython_display_()
    view._ipython_display_()
    (first, bundle), (second, _) = shown
    assert first != second
    assert set(bundle) == {WIDGET_MIME, "text/html", "text/plain"}
    assert bundle[WIDGET_MIME]["model_id"] == view.model_id
    assert "picture of" in bundle["text/html"]
    assert "SIMULATED" in bundle["text/plain"]


def test_freeze_replaces_every_output_by_the_static_picture(view, subject, screen, shown):
    view._ipython_display_()
    view._ipython_display_()
    ids = [display_id for display_id, _ in shown]
    shown.clear()
    subject.asks[0, 0] = 66_999.9
    view.freeze()
    view.freeze()
    assert [display_id for display_id, _ in shown] == ids
    assert all(set(bundle) == {"text/html", "text/plain"} for _, bundle in shown)
    assert "66,999.9" in shown[0][1]["text/html"]
    before = view.value
    subject.change()
    screen.tick(0)
    assert view.value == before
    assert "frozen" in repr(view)


def test_resume_brings_the_live_picture_back(view, subject, screen, shown):
    view._ipython_display_()
    view.freeze()
    shown.clear()
    view.resume()
    view.resume()
    assert [WIDGET_MIME in bundle for _, bundle in shown] == [True]
    subject.asks[0, 0] = 66_999.9
    screen.tick(0)
    assert "66,999.9" in view.value


def test_stop_freezes_leaves_and_closes_and_may_be_repeated(view, screen, shown):
    view._ipython_display_()
    view.stop()
    view.stop()
    view.resume()
    assert len(shown) == 2
    assert view.closed
    assert screen.statistics()["views"] == 0
    shown.clear()
    view._ipython_display_()  # a closed view in Out[] is displayed once more
    assert set(shown[0][1]) == {"text/html", "text/plain"}


def test_a_stopped_subject_leaves_its_last_picture(view, subject, shown):
    view._ipython_display_()
    subject.fail(RuntimeError("stopped"))
    view.stop()
    assert "67,122.6" in shown[-1][1]["text/html"]


def test_a_view_in_a_box_is_static_while_it_is_frozen(view, screen):
    view._view_count = 1  # a front end shows the box
    view.freeze()
    assert "picture of" in view.value
    view.resume()
    screen.tick(0)
    assert "picture of" not in view.value


def test_what_was_stopped_in_a_box_stays_there_as_long_as_somebody_sees_it(view, screen):
    view._view_count = 1
    view.stop()
    view.stop()
    assert "picture of" in view.value
    assert view.comm is not None  # its end would take the picture away
    assert (view.closed, view.visible) == (True, True)
    assert screen.statistics()["views"] == 0
    view.resume()
    assert "picture of" in view.value
    view._view_count = 0  # the output was cleared
    assert view.comm is None


def test_a_view_in_a_box_freezes_without_displays(view, screen, shown):
    box = ipywidgets.HBox([view])
    view.freeze()
    assert shown == []
    assert screen.statistics()["views"] == 0
    box.close()


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def idle(clock, subject):
    """A view that nobody looks at any more, on a screen that pauses."""
    screen = Screen(threaded=False, monotonic=clock, pauses=True)
    view = View(BookPainter(subject, depth=5), screen=screen)

    def idle():
        clock.now += 420
        subject.asks[0, 0] = 66_999.9
        subject.change()
        screen.tick(clock.now)
        return view

    idle.view, idle.screen = view, screen
    yield idle
    view.close()


def test_a_picture_that_nobody_looks_at_gives_way_to_a_static_one_with_a_button(idle, clock, shown):
    idle.view._ipython_display_()
    shown.clear()
    view = idle()
    [(_, bundle)] = shown
    assert "paused: nobody has looked for 7 minutes" in bundle["text/html"]
    assert "picture of" in bundle["text/html"]
    assert "66,999.9" in bundle["text/plain"]
    assert bundle[WIDGET_MIME]["model_id"] != view.model_id
    drawn = view.value
    idle()
    assert view.value == drawn
    assert len(shown) == 1
    shown.clear()
    view._paused.button.click()
    idle.screen.tick(clock.now)
    assert shown[0][1][WIDGET_MIME]["model_id"] == view.model_id
    assert "paused" not in view.value
    assert "66,999.9" in view.value


def test_a_cell_executed_ends_every_pause(idle, clock, shown):
    idle.view._ipython_display_()
    view = idle()
    paused = view._paused
    shown.clear()
    idle.screen.touch()  # what the cells of a notebook do
    idle.screen.tick(clock.now)
    assert shown[0][1][WIDGET_MIME]["model_id"] == view.model_id
    assert paused.button.comm is None  # closed
    assert idle.screen.statistics()["by_view"][0]["paused"] is False


def test_a_paused_view_in_a_box_says_so_itself(idle, clock, shown):
    view = idle()
    assert shown == []
    assert "paused: nobody has looked for 7 minutes; run a cell to go on" in view.value
    assert "67,123.7" in view.value  # the last picture is still there
    idle.screen.touch()
    idle.screen.tick(clock.now)
    assert "paused" not in view.value


def test_a_paused_view_can_be_frozen_and_stopped(idle, shown):
    idle.view._ipython_display_()
    view = idle()
    paused = view._paused
    view.freeze()
    assert set(shown[-1][1]) == {"text/html", "text/plain"}
    assert "paused" not in shown[-1][1]["text/html"]
    assert paused.comm is None
    view.stop()
    assert view.closed


def test_one_that_is_frozen_as_it_is_about_to_pause_shows_the_static_picture(idle, shown):
    view, about_to, go_on = idle.view, threading.Event(), threading.Event()
    genuine = view._painter.static_html

    def slowly(picture):
        if threading.current_thread() is pausing:
            about_to.set()
            go_on.wait(20)
        return genuine(picture)

    view._ipython_display_()
    view._painter.static_html = slowly
    pausing, freezing = threading.Thread(target=view.rest, args=(420.0,)), threading.Thread(target=view.freeze)
    pausing.start()
    assert about_to.wait(20)
    freezing.start()
    freezing.join(0.1)  # it may have its turn, or wait for it
    go_on.set()
    pausing.join(20)
    freezing.join(20)
    assert set(shown[-1][1]) == {"text/html", "text/plain"}
    assert "paused" not in shown[-1][1]["text/html"]


def test_a_cleared_output_is_not_drawn(view, subject, screen):
    assert view.visible  # not displayed yet: perhaps it will be, in a box
    view.set_state({"_view_count": 1})
    assert view.visible
    view.set_state({"_view_count": 0})
    assert not view.visible
    subject.change()
    screen.tick(0)
    assert view.changed
    view.set_state({"_view_count": 1})
    screen.tick(0)
    assert not view.changed


def test_a_comm_closed_elsewhere_ends_the_drawing(view, screen):
    view.comm.close()
    assert view.closed
    screen.tick(0)
    assert screen.statistics()["views"] == 0


def test_all_views_can_be_made(screen):
    made = [
        View(painter(subject, [kind], kind, **options), kind, screen=screen)
        for kind, subject, options in [
            ("candles", FakeKlines(candles(), title="BTC-USDT 1min"), {"count": 60, "height": 200}),
            ("tape", Tape(some_trades()), {"count": 8}),
            ("status", a_client(), {"count": 3}),
            ("ladder", FakeBook(), {}),
        ]
    ]
    assert [repr(view) for view in made] == [
        "<View candles BTC-USDT 1min | live>",
        "<View tape BTC-USDT | live>",
        "<View status client | live>",
        "<View ladder BTC-USDT | live>",
    ]
    for view in made:
        assert "picture of" in view.static_html()
        assert len(view.text(100).split("\n")[0]) == 100
        view.stop()


@pytest.mark.parametrize(
    ("kind", "options", "told"),
    [
        ("lader", {}, "BTC-USDT has no picture 'lader'; did you mean ladder?"),
        ("pie", {}, "BTC-USDT has no picture 'pie'; there are: ladder"),
        ("ladder", {"dept": 3}, "the picture 'ladder' has no option 'dept'; did you mean depth?"),
        ("ladder", {"depth": 0}, "depth=0: a whole number from 1 to 100"),
    ],
)
def test_a_picture_that_there_is_not_is_refused_with_those_that_there_are(subject, kind, options, told):
    with pytest.raises(UsageError) as caught:
        painter(subject, ["ladder"], kind, **options)
    assert str(caught.value) == told


def test_views_use_the_screen_of_the_process(subject):
    view = View(BookPainter(subject))
    assert view in views.screens.screen.views
    view.stop()
    views.screens.screen.close()
    assert views.screens.screen._thread is None


def test_a_plain_script_ends_by_itself():
    """The render thread is a daemon and leaves at exit; no kernel, no display is needed."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from tests.widgets.fakes import a_book\n"
        "from kucoin_stream.widgets.kinds import view as make\n"
        "view = make(a_book(), ['ladder']); view._painter.subject.change()\n"
        "print(repr(view)); print(view.text())\n"
    )
    from pathlib import Path

    done = subprocess.run(
        [sys.executable, "-W", "error", "-W", "ignore::DeprecationWarning", "-c", code, str(Path(__file__).parents[2])],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stderr == ""
    assert done.stdout.startswith("<View ladder BTC-USDT | live>\nBTC-USDT")
