"""The screen, with fake views and a clock that is moved by hand."""

from __future__ import annotations

import gc
import threading
import time

import pytest

from kucoin_stream.widgets.screen import Screen


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
    assert len(caplog.records) == 1  # one log line per episode
    broken.problem, broken.changed = None, True
    screen.tick(clock.now)
    assert broken.drawn == 1


def test_a_view_that_cannot_even_say_so(screen, clock):
    broken, well = FakeView(), FakeView()
    broken.problem = ValueError("no levels")
    broken.show_problem = lambda problem: 1 / 0
    screen.add(broken)
    screen.add(well)
    screen.tick(clock.now)
    assert well.drawn == 1


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
        (30.0, 5.0),  # but a picture comes at least every 5 s
    ],
)
def test_dear_pictures_slow_the_screen_down(screen, clock, costs, period):
    view = FakeView(clock, costs)
    screen.add(view)
    wait = screen.tick(clock.now)
    assert screen.statistics()["period_s"] == pytest.approx(period)
    assert wait == pytest.approx(max(0, period - costs))
    view.costs, view.changed = 0.0, True
    assert screen.tick(clock.now) == pytest.approx(0.1)


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


def test_touch_wakes_an_idle_thread():
    screen = Screen(interval=0.001, idle_after=-1, idle_interval=60)
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
