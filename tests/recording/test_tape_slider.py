"""The slider of a tape: the hand moves the tape, the tape moves the slider, and all frames move together."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import kucoin_stream as ks
from kucoin_stream.protocol.messages import encode
from kucoin_stream.recording.blocks import NOTES, pack
from kucoin_stream.recording.lines import Begin, Data, Raw
from kucoin_stream.widgets.replay import ReplaySlider
from kucoin_stream.widgets.screen import Screen

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
    assert "2023-11-14 22:14:15.900 UTC</tt> REPLAYED" in slider.label.value
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


def test_what_goes_wrong_is_shown(client: ks.Client) -> None:
    slider = client.replay.widget()
    client.close()
    slider.step_button.click()
    assert "StoppedError" in slider.label.value
    slider.close()
