"""The screen, with fake views and a clock that is moved by hand."""

from __future__ import annotations

import gc
import threading
import time

import pytest

from kucoin_stream.widgets.screen import Screen, pauses_when_idle


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class FakeView:
    def __init__(self, clock=None, costs=0.0):
        self.closed, self.visible, self.changed = False, True, True
        self.drawn, self.problems = 0, []
        self.problem = None
        self.clock, self.costs = clock, costs
        self.event = threading.Event()

    def refresh(self):
        if self.clock:
            self.clock.now += self.costs
        if self.problem:
            raise self.problem
        self.drawn += 1
        self.changed = False
        self.event.set()

    def show_problem(self, problem):
        self.problems.append(problem)
        self.changed = False


class SlowView(FakeView):
    def __init__(self, clock, costs, raises):
        super().__init__(clock, costs)
        self.problem = ValueError("no levels") if raises else None
        self.tries = 0

    def refresh(self):
        self.tries += 1
        super().refresh()


class PausableView(FakeView):
    paused_after = None

    def rest(self, seconds):
        self.paused_after = seconds

    def go_on(self):
        self.paused_after = None


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def screen(clock):
    return Screen(interval=0.1, idle_after=300, idle_interval=5, threaded=False, monotonic=clock)


def test_only_changed_views_are_drawn(screen, clock):
    still, moving = FakeView(), FakeView()
    screen.add(still)
    screen.add(moving)
    screen.tick(clock.now)
    moving.changed = True
    screen.tick(clock.now)
    assert (still.drawn, moving.drawn) == (1, 2)
    assert screen.statistics()["pictures"] == 3


def test_a_view_nobody_sees_costs_nothing(screen, clock):
    view = FakeView()
    view.visible = False
    screen.add(view)
    screen.tick(clock.now)
    assert view.drawn == 0
    view.visible = True  # shown again: what it missed is drawn
    screen.tick(clock.now)
    assert view.drawn == 1


def test_a_raising_view_does_not_stop_the_others(screen, clock, caplog):
    caplog.set_level("WARNING", "kucoin_stream")
    broken, well = FakeView(), FakeView()
    broken.problem = ValueError("no levels")
    screen.add(broken)
    screen.add(well)
    for _ in range(3):
        broken.changed = well.changed = True
        screen.tick(clock.now)
    assert well.drawn == 3
    assert screen.statistics()["errors"] == 3
    assert broken.problems == [broken.problem] * 3
    (record,) = caplog.records  # it is read below whichever cell runs then
    assert (record.levelname, record.exc_info) == ("WARNING", None)
    assert record.message.endswith("could not be drawn: ValueError: no levels")
    broken.problem, broken.changed = None, True
    screen.tick(clock.now)
    assert broken.drawn == 1


def test_each_error_is_logged_once_on_one_line_and_its_traceback_only_for_who_debugs(screen, clock, caplog):
    caplog.set_level("DEBUG", "kucoin_stream")
    view = FakeView()
    screen.add(view)
    for problem in (ValueError("one\ntwo"), KeyError("other"), None, ValueError("one\ntwo"), KeyError("other")):
        view.problem, view.changed = problem, True
        screen.tick(clock.now)
    lines = [record.message.partition("drawn: ")[2] for record in caplog.records if record.levelname == "WARNING"]
    assert lines == ["ValueError: one two", "KeyError: 'other'"]
    traced = [record.exc_info[1] for record in caplog.records if record.levelname == "DEBUG"]
    assert [str(each) for each in traced] == ["one\ntwo", "'other'"]


def test_a_view_that_cannot_even_say_so(screen, clock):
    broken, well = FakeView(), FakeView()
    broken.problem = ValueError("no levels")
    broken.show_problem = lambda problem: 1 / 0
    screen.add(broken)
    screen.add(well)
    screen.tick(clock.now)
    assert well.drawn == 1


class CollectingView(FakeView):
    """Another view is collected, and so closes itself, while the screen looks whether this one is closed."""

    def __init__(self, screen):
        self.screen, self.other = screen, FakeView()
        super().__init__()

    @property
    def closed(self):
        self.screen.remove(self.other)
        return False

    @closed.setter
    def closed(self, value):
        pass


def test_a_view_that_is_collected_while_the_screen_is_busy_does_not_lock_it(screen, clock):
    view = CollectingView(screen)
    screen.add(view)
    screen.add(view.other)
    ticking = threading.Thread(target=screen.tick, args=(clock.now,), daemon=True)
    ticking.start()
    ticking.join(timeout=10)
    assert not ticking.is_alive()
    assert screen.shown() == [view]


def test_closed_and_forgotten_views_leave(screen, clock):
    closed, forgotten = FakeView(), FakeView()
    closed.closed = True
    screen.add(closed)
    screen.add(forgotten)
    del forgotten
    gc.collect()
    screen.tick(clock.now)
    assert closed.drawn == 0
    assert screen.statistics()["views"] == 0


def test_a_removed_view_is_not_drawn(screen, clock):
    view = FakeView()
    screen.add(view)
    screen.remove(view)
    screen.remove(view)
    screen.tick(clock.now)
    assert view.drawn == 0


@pytest.mark.parametrize(
    ("costs", "period"),
    [
        (0.0, 0.1),
        (0.04, 0.1),  # less than half of the period
        (0.2, 0.4),  # drawing takes half of the time at most
        (30.0, 60.0),
    ],
)
def test_dear_pictures_come_less_often(screen, clock, costs, period):
    view = FakeView(clock, costs)
    screen.add(view)
    wait = screen.tick(clock.now)
    assert screen.statistics()["period_s"] == pytest.approx(period)
    assert wait == pytest.approx(max(0, period - costs))
    clock.now += wait
    view.costs, view.changed = 0.0, True
    assert screen.tick(clock.now) == pytest.approx(0.1)
    assert view.drawn == 2


def run(screen, clock, views, seconds):
    """Let the screen run, every view always changed."""
    until = clock.now + seconds
    while clock.now < until:
        for view in views:
            view.changed = True
        clock.now += screen.tick(clock.now)


@pytest.mark.parametrize("raises", [False, True])
def test_a_slow_view_takes_a_tenth_of_the_time_of_the_others(screen, clock, raises):
    slow, quick = SlowView(clock, 0.3, raises), [FakeView(clock, 0.001) for _ in range(3)]
    views = [slow, *quick]
    for view in views:
        screen.add(view)
    run(screen, clock, views, 60)
    assert slow.tries == pytest.approx(20, abs=2)  # 0.3 s in 3 s
    assert min(view.drawn for view in quick) == max(view.drawn for view in quick)
    assert quick[0].drawn > 530  # of 600
    rows = {row["view"]: row for row in screen.statistics()["by_view"]}
    assert rows[repr(slow)]["period_s"] == pytest.approx(3)
    assert rows[repr(slow)]["errors"] == (slow.tries if raises else 0)
    assert rows[repr(quick[0])]["period_s"] == pytest.approx(0.1)
    assert rows[repr(quick[0])]["cost_s"] == pytest.approx(0.001)


def test_many_views_share_half_of_the_time(screen, clock):
    views = [FakeView(clock, 0.02) for _ in range(50)]
    for view in views:
        screen.add(view)
    run(screen, clock, views, 100)
    assert sum(view.drawn for view in views) * 0.02 == pytest.approx(50, rel=0.1)


def test_one_hiccup_is_forgiven(screen, clock):
    view = FakeView(clock, 0.001)
    screen.add(view)
    run(screen, clock, [view], 1)
    view.costs = 2.0
    screen.tick(clock.now)
    assert screen.statistics()["by_view"][0]["period_s"] == pytest.approx(0.1)


def test_a_new_view_does_not_wait_for_a_slow_one():
    screen = Screen(interval=0.001, idle_interval=60)
    slow, quick = FakeView(), FakeView()
    slow.refresh = lambda: (time.sleep(0.05), slow.event.set())
    screen.add(slow)
    assert slow.event.wait(5)
    screen.add(quick)
    assert quick.event.wait(5)
    screen.close()


def test_the_rate_falls_without_a_cell_executed(screen, clock):
    screen.add(FakeView())
    clock.now += 299
    assert screen.tick(clock.now) == pytest.approx(0.1)
    clock.now += 2
    assert screen.tick(clock.now) == pytest.approx(5)
    assert screen.statistics()["idle"]
    screen.touch()
    assert screen.tick(clock.now) == pytest.approx(0.1)
    assert not screen.statistics()["idle"]


def test_one_view_in_sight_leaves_the_others_idle(screen, clock):
    seen, unseen = FakeView(), FakeView()
    screen.add(seen)
    screen.add(unseen)
    clock.now += 200
    screen.touch(seen)
    clock.now += 150
    run(screen, clock, [seen, unseen], 10)
    assert (seen.drawn, unseen.drawn) == (pytest.approx(100, abs=2), pytest.approx(2, abs=1))


def test_an_idle_screen_that_pauses_draws_nothing_until_it_is_touched(screen, clock):
    screen.pauses = True
    view, slider = PausableView(), FakeView()  # the slider cannot be paused
    screen.add(view)
    screen.add(slider)
    screen.tick(clock.now)
    clock.now += 301
    run(screen, clock, [view, slider], 60)
    assert view.paused_after == pytest.approx(301)
    assert (view.drawn, slider.drawn) == (1, pytest.approx(13, abs=1))
    assert [row["paused"] for row in screen.statistics()["by_view"] if row["view"] == repr(view)] == [True]
    screen.touch()
    screen.tick(clock.now)
    assert view.paused_after is None
    assert view.drawn == 2


@pytest.mark.parametrize(
    ("environment", "pauses"),
    [
        ({}, False),
        ({"BINDER_SERVICE_HOST": "10.0.0.1"}, True),
        ({"BINDER_LAUNCH_HOST": "https://mybinder.org/"}, True),
        ({"KUCOIN_STREAM_IDLE": "pause"}, True),
        ({"BINDER_LAUNCH_HOST": "https://mybinder.org/", "KUCOIN_STREAM_IDLE": "slow"}, False),
    ],
)
def test_it_pauses_on_binder_and_where_it_is_told_to(environment, pauses):
    assert pauses_when_idle(environment) is pauses


def render_threads():
    return [t for t in threading.enumerate() if t.name == "kucoin-stream-render"]


def gone(screen):
    deadline = time.monotonic() + 5
    while screen._thread is not None and time.monotonic() < deadline:
        time.sleep(0.001)
    return screen._thread is None


def test_the_thread_comes_with_the_first_view_and_goes_with_the_last():
    screen = Screen(interval=0.001)
    assert screen._thread is None
    one, two = FakeView(), FakeView()
    screen.add(one)
    screen.add(two)
    assert one.event.wait(5)
    assert two.event.wait(5)
    assert screen._thread.daemon
    screen.remove(one)
    screen.remove(two)
    assert gone(screen)
    again = FakeView()
    screen.add(again)
    assert again.event.wait(5)
    screen.close()
    assert screen._thread is None


def test_a_busy_cell_does_not_stop_pictures():
    screen = Screen(interval=0.01)
    view = FakeView()
    screen.add(view)
    deadline = time.monotonic() + 20
    while view.drawn < 10 and time.monotonic() < deadline:  # this thread computes, and never waits
        view.changed = True
    screen.close()
    assert view.drawn >= 10


def test_touch_wakes_an_idle_thread():
    screen = Screen(interval=0.001, idle_after=0.02, idle_interval=60)
    view = FakeView()
    screen.add(view)
    assert view.event.wait(5)
    deadline = time.monotonic() + 5
    while not screen.statistics()["idle"] and time.monotonic() < deadline:
        time.sleep(0.001)
    view.event.clear()
    view.changed = True
    screen.touch()
    assert view.event.wait(5)
    screen.close()
    assert screen._thread is None
