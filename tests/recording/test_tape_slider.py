"""The slider of a tape: the hand moves the tape, the tape moves the slider, and all frames move together."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pandas as pd
import pytest
from ipywidgets.widgets.widget import _instances

import kucoin_stream as ks
from kucoin_stream.protocol.messages import encode
from kucoin_stream.recording.blocks import NOTES, pack
from kucoin_stream.recording.lines import Begin, Data, Raw
from kucoin_stream.widgets.replay import ReplaySlider
from kucoin_stream.widgets.screen import Screen
from tests.conftest import until

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
    assert (slider.slider.min, slider.slider.max, slider.play_button.description) == (0, 60, "play")
    for at in (30.4, 12.0, 55.9):
        slider.slider.value = at
        assert trades.df["sequence"].tolist() == list(range(1, int(at) + 1))
        assert tickers.df["price"].tolist() == [int(at)]
        assert slider.slider.value == pytest.approx(at, abs=0.11)
    assert "2023-11-14 22:14:15.900 UTC</tt>" in slider.label.value
    slider.close()


def test_the_hand_moves_the_tape_while_the_render_thread_moves_the_slider(client: ks.Client) -> None:
    slider = ReplaySlider(client.replay, screen=Screen(threaded=False))
    client.replay.step(4)
    hand = Thread(target=lambda: setattr(slider.slider, "value", 30.4))

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
    assert (trades.received, slider.slider.value) == (1, 1.0)
    client.replay.step(4)
    assert slider.changed
    screen.tick(0.0)
    assert (trades.received, slider.slider.value, slider.changed) == (5, 5.0, False)
    slider.play_button.click()
    client.replay.wait(10)
    screen.tick(1.0)
    assert (trades.received, slider.slider.value, slider.play_button.description) == (60, 60.0, "play")
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
    assert (place(slider), len(trades), slider.slider.value) == (10.0, 10, 10.0)
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
    """Controls that note how they were asked to play."""

    start, end, position = (pd.Timestamp(at, unit="s", tz="UTC") for at in (0, 60, 20))
    playing = False

    def __init__(self) -> None:
        self.speeds: list[Any] = []

    def play(self, speed: Any = None) -> None:
        self.playing = True
        self.speeds.append(speed)

    def pause(self) -> None:
        self.playing = False

    def step(self, n: int = 1) -> None:
        raise AssertionError

    def seek(self, time: Any) -> None:
        raise AssertionError


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
    before = {*_instances}
    slider = ReplaySlider(Played(), screen=Screen(threaded=False))
    controls = [part for row in slider.children for part in row.children if part is not slider.label]
    assert len(controls) == 9
    assert all(control.tooltip for control in controls)
    assert [each.description for each in slider._buttons()] == ["|<", "<<", "play", "step", ">>", ">|"]
    slider.stop()
    assert {*_instances} == before


def test_what_goes_wrong_is_shown(client: ks.Client) -> None:
    slider = client.replay.widget()
    client.close()
    slider.step_button.click()
    assert "StoppedError" in slider.label.value
    slider.close()
