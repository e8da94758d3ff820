"""The slider of a tape: the hand moves the tape, the tape moves the slider, and all frames move together."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pandas as pd
import pytest

import kucoin_stream as ks
from kucoin_stream.protocol.messages import encode
from kucoin_stream.recording.blocks import NOTES, pack
from kucoin_stream.recording.lines import Begin, Data, Raw
from kucoin_stream.widgets.replay import ReplaySlider
from kucoin_stream.widgets.screen import Screen
from tests.conftest import until
from tests.widgets.fakes import open_widgets

SECOND = 10**9
BASE = 1_700_000_000 * SECOND
ON = "spotPublicV1#1"
TRADES, TICKER = "/market/match:BTC-USDT", "/market/ticker:BTC-USDT"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A minute with a trade and a ticker each second, of the same number."""
    lines: list[Any] = [Begin(BASE, "made up", "test", topics={ON: [TRADES, TICKER]})]
    for at in range(1, 61):
        trade = {
            "sequence": str(at),
            "symbol": "BTC-USDT",
            "side": "buy",
            "size": "1",
            "price": str(at),
            "tradeId": "1",
        }
        pushes = {TRADES: {**trade, "time": str(BASE + at * SECOND)}, TICKER: {"sequence": str(at), "price": str(at)}}
        messages = [Raw(encode({"type": "message", "topic": topic, "data": data})) for topic, data in pushes.items()]
        lines.append(Data(BASE + at * SECOND, ON, messages))
    data = b"".join(encode(line) + b"\n" for line in lines)
    path = tmp_path / "minute.kcs"
    path.write_bytes(pack(data, count=61, messages=120, flags=NOTES, span=(BASE, BASE + 60 * SECOND)))
    return path


@pytest.fixture
def client(path: Path) -> Iterator[ks.Client]:
    with ks.Client(path, speed="max") as client:
        client.replay.pause()
        yield client


def test_the_hand_moves_all_frames_to_one_moment(client: ks.Client) -> None:
    trades, tickers = client.trades("BTC-USDT").frame(), client.ticker("BTC-USDT").frame(latest="symbol")
    slider = ReplaySlider(client.replay, screen=Screen(threaded=False))
    assert (slider.slider.min, slider.slider.max, slider.play_button.description) == (0, 600, "play")
    for at in (30.4, 12.0, 55.9):
        slider.slider.value = round(10 * at)
        assert trades.df["sequence"].tolist() == list(range(1, int(at) + 1))
        assert tickers.df["price"].tolist() == [int(at)]
        assert slider.slider.value == round(10 * at)
    assert "2023-11-14 22:14:15.900 UTC</tt>" in slider.label.value
    slider.close()


def test_the_hand_moves_the_tape_while_the_render_thread_moves_the_slider(client: ks.Client) -> None:
    slider = ReplaySlider(client.replay, screen=Screen(threaded=False))
    client.replay.step(4)
    hand = Thread(target=lambda: setattr(slider.slider, "value", 304))

    def at_the_same_moment(_: Any) -> None:
        slider.slider.unobserve(at_the_same_moment, "value")
        hand.start()
        until(lambda: slider.controls.position == slider.controls.start + pd.Timedelta("30.4s"))

    slider.slider.observe(at_the_same_moment, "value")
    slider.refresh()
    hand.join()
    slider.close()


def test_the_tape_moves_the_slider_and_does_not_seek(client: ks.Client) -> None:
    trades = client.trades("BTC-USDT")
    screen = Screen(threaded=False)
    slider = ReplaySlider(client.replay, screen=screen)
    slider.step_button.click()
    assert (trades.received, slider.slider.value) == (1, 10)
    client.replay.step(4)
    assert slider.changed
    screen.tick(0.0)
    assert (trades.received, slider.slider.value, slider.changed) == (5, 50, False)
    slider.play_button.click()
    client.replay.wait(10)
    screen.tick(1.0)
    assert (trades.received, slider.slider.value, slider.play_button.description) == (60, 600, "play")
    slider.close()


def place(slider: ReplaySlider) -> float:
    return float((slider.controls.position - slider.controls.start).total_seconds())


def test_buttons_go_back_and_on_by_a_time_and_to_both_ends(client: ks.Client) -> None:
    trades = client.trades("BTC-USDT").frame()
    slider = ReplaySlider(client.replay, screen=Screen(threaded=False))
    slider.leap.value = 10.0
    slider.forward_button.click()
    slider.forward_button.click()
    assert (place(slider), len(trades)) == (20.0, 20)
    slider.back_button.click()
    assert (place(slider), len(trades), slider.slider.value) == (10.0, 10, 100)
    slider.leap.value = 3600.0
    slider.forward_button.click()
    assert (place(slider), len(trades)) == (60.0, 60)
    slider.back_button.click()
    assert (slider.controls.position, len(trades)) == (slider.controls.start, 0)
    slider.end_button.click()
    assert (place(slider), len(trades)) == (60.0, 60)
    slider.start_button.click()
    assert (place(slider), len(trades), slider.controls.playing) == (0.0, 0, False)
    slider.close()


class Played:
    """Controls that note what they were asked, and go where they are sent to."""

    def __init__(self, position: float = 20.0, end: float = 60.0) -> None:
        self.start, self.position, self.end = (pd.Timestamp(at, unit="s", tz="UTC") for at in (0.0, position, end))
        self.playing = False
        self.speeds: list[Any] = []
        self.sought: list[float] = []
        self.wound = asyncio.Event()

    def play(self, speed: Any = None) -> None:
        self.playing = self.position < self.end
        self.speeds.append(speed)

    def pause(self) -> None:
        self.playing = False

    def step(self, n: int = 1) -> None:
        raise AssertionError

    def seek(self, time: Any) -> None:
        self.playing = False
        self.position = time if isinstance(time, pd.Timestamp) else pd.Timestamp(time, unit="s", tz="UTC")
        self.sought.append(float((self.position - self.start).total_seconds()))
        self.wound.set()


class Busy(Played):
    """A tape that cannot be wound just now."""

    def seek(self, time: Any) -> None:
        raise RuntimeError("not now")


def drag(slider: ReplaySlider, tape: Played, *places: int, screen: Screen) -> list[int]:
    """Move the handle as a browser tells of it, while the tape plays on; return where it was after each picture."""

    async def hand() -> None:
        for at in places:
            slider.slider.value = at
            tape.position += pd.Timedelta("1s")
            screen.tick(float(at))
            after.append(slider.slider.value)
        await tape.wound.wait()

    after: list[int] = []
    asyncio.run(asyncio.wait_for(hand(), 10))
    return after


def test_a_drag_is_not_undone_by_the_tape_that_plays_and_ends_where_the_hand_lets_go() -> None:
    tape, screen = Played(), Screen(threaded=False)
    slider = ReplaySlider(tape, screen=screen)
    slider.play_button.click()
    assert drag(slider, tape, 120, 240, 360, screen=screen) == [120, 240, 360]
    assert (tape.sought, tape.playing, slider.slider.value) == ([36.0], True, 360)
    tape.position += pd.Timedelta("2s")
    screen.tick(1000.0)
    assert slider.slider.value == 380  # follows again
    slider.close()


def test_the_time_is_that_under_the_hand_during_a_drag() -> None:
    async def hand() -> None:
        slider.slider.value = 452
        slider.refresh()

    slider = ReplaySlider(Played(), screen=Screen(threaded=False))
    asyncio.run(hand())
    assert "00:00:45.200 UTC" in slider.label.value
    slider.close()


def test_a_button_pressed_right_after_a_drag_is_meant_for_where_that_ended() -> None:
    async def hand() -> None:
        slider.slider.value = 400
        slider.forward_button.click()

    tape = Played()
    slider = ReplaySlider(tape, screen=Screen(threaded=False))
    asyncio.run(hand())
    assert tape.sought == [40.0, 50.0]
    slider.close()


def test_a_drag_that_ends_after_the_slider_was_closed_is_nothing() -> None:
    async def hand() -> None:
        slider.slider.value = 400
        slider.close()
        slider._arrived(1)

    tape = Played()
    slider = ReplaySlider(tape, screen=Screen(threaded=False))
    asyncio.run(hand())
    assert tape.sought == []


@pytest.mark.parametrize("playing", [True, False])
@pytest.mark.parametrize(
    ("move", "place"),
    [
        (lambda slider: slider.start_button.click(), 0.0),
        (lambda slider: slider.back_button.click(), 10.0),
        (lambda slider: slider.forward_button.click(), 30.0),
        (lambda slider: setattr(slider.slider, "value", 455), 45.5),
    ],
    ids=["|<", "<<", ">>", "slider"],
)
def test_a_tape_moved_by_hand_plays_on_if_it_played(move: Any, place: float, *, playing: bool) -> None:
    tape = Played()
    slider = ReplaySlider(tape, screen=Screen(threaded=False))
    tape.playing = playing
    move(slider)
    assert (tape.sought, tape.playing) == ([place], playing)
    slider.close()


def test_play_at_the_end_begins_anew_but_goes_on_where_the_tape_has_grown() -> None:
    class Growing(Played):
        def play(self, speed: Any = None) -> None:
            self.end += pd.Timedelta("5s")
            super().play(speed)

    for tape, sought in ((Played(60.0), [0.0]), (Growing(60.0), [])):
        slider = ReplaySlider(tape, screen=Screen(threaded=False))
        slider.speed.value = 5.0
        slider.play_button.click()
        assert (tape.sought, tape.playing, tape.speeds[0]) == (sought, True, 5.0)
        slider.close()


def test_play_at_the_end_of_a_real_tape_plays_it_again(client: ks.Client) -> None:
    trades = client.trades("BTC-USDT")
    slider = ReplaySlider(client.replay, screen=Screen(threaded=False))
    for click in (slider.play_button.click, slider.play_button.click, slider.end_button.click):
        before = trades.received
        click()
        client.replay.wait(10)
        slider.refresh()
        assert "ended" in slider.label.value
    assert trades.received == before == 120
    slider.play_button.click()
    client.replay.wait(10)
    assert trades.received == 180
    slider.close()


def test_it_says_in_words_whether_the_tape_moves() -> None:
    tape, screen = Played(), Screen(threaded=False)
    slider = ReplaySlider(tape, screen=screen)
    said = ["paused" in slider.label.value]
    slider.play_button.click()
    said.append("playing" in slider.label.value)
    tape.playing, tape.position = False, tape.end
    screen.tick(1.0)
    said.append("ended" in slider.label.value)
    assert said == [True, True, True]
    slider.close()


def test_a_speed_is_used_from_its_choice_on_and_at_the_next_play() -> None:
    tape = Played()
    slider = ReplaySlider(tape, screen=Screen(threaded=False))
    slider.play_button.click()
    slider.speed.value = 10.0
    slider.play_button.click()
    slider.speed.value = "max"
    slider.play_button.click()
    assert tape.speeds == [None, 10.0, "max"]
    slider.close()


def test_every_control_has_a_name_and_nothing_is_left_of_it() -> None:
    before = open_widgets()
    slider = ReplaySlider(Played(), screen=Screen(threaded=False))
    controls = [part for row in slider.children for part in row.children if part is not slider.label]
    assert len(controls) == 9
    tooltips = ("tooltip", "description_tooltip")  # the second of ipywidgets 7
    assert all(any(getattr(control, name, None) for name in tooltips) for control in controls)
    assert [each.description for each in slider._buttons()] == ["|<", "<<", "play", "step", ">>", ">|"]
    slider.stop()
    assert open_widgets() == before


def test_what_goes_wrong_is_shown_and_the_slider_is_back_where_the_tape_is() -> None:
    screen = Screen(threaded=False)
    slider = ReplaySlider(Busy(), screen=screen)
    slider.slider.value = 400
    screen.tick(1.0)
    assert (slider.label.value, slider.slider.value) == ("RuntimeError: not now", 200)
    slider.close()


def controls_of(slider: ReplaySlider) -> list[Any]:
    return [*slider._buttons(), slider.leap, slider.speed, slider.slider]


def test_a_click_after_the_end_of_its_client_says_that_it_was_stopped(client: ks.Client) -> None:
    slider = client.replay.widget()
    client.close()
    slider.step_button.click()
    assert "stopped" in slider.label.value
    assert all(control.disabled for control in controls_of(slider))
    slider.close()


def test_the_end_of_the_client_is_the_end_of_its_controls(client: ks.Client) -> None:
    slider = client.replay.widget()
    client.close("for a test")
    assert slider.play_button.disabled
    assert "stopped: for a test" in slider.label.value
    slider.close()


def test_what_is_stopped_says_why_and_cannot_be_used() -> None:
    screen = Screen(threaded=False)
    slider = ReplaySlider(Played(), screen=screen)
    assert not any(control.disabled for control in controls_of(slider))
    slider.end("stopped: by ks.stop()")
    assert "00:00:20.000 UTC</tt>" in slider.label.value
    assert "stopped: by ks.stop()" in slider.label.value
    assert all(control.disabled for control in controls_of(slider))
    assert screen.shown() == []
    slider.close()
