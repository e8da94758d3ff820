"""Pictures of a tape say what it does: they are live as long as it is played, and no longer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import kucoin_stream as ks
from kucoin_stream.simulator import GeneratedMarket, Simulator
from kucoin_stream.widgets.drawing.html import tone
from kucoin_stream.widgets.kinds import PAINTERS, painter
from kucoin_stream.widgets.replay import ReplaySlider
from kucoin_stream.widgets.screen import Screen
from kucoin_stream.widgets.sources import Parts
from kucoin_stream.widgets.view import View
from tests.conftest import until
from tests.widgets.fakes import NOW

SYMBOL = "BTC-USDT"
KINDS = ("ladder", "candles", "tape", "wall", "depth", "lines", "status")
SLOWLY = 1e-5  # a speed at which a tape moves, but no line comes


def shown(client: ks.Client) -> dict[str, Any]:
    """Return a painter of each kind."""
    return {
        part.kind: painter(part.subject, part.subject.kinds, part.kind)
        for part in Parts(client, [SYMBOL], KINDS, "1min")
    }


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second of a book, its trades, bars and ticker, all of them right in its midst."""
    path = tmp_path_factory.mktemp("pictures") / "second.kcs"
    with (
        Simulator(GeneratedMarket([SYMBOL], seed=7, rate=20)) as sim,
        ks.Client(sim.url) as client,
        client.record(path),
    ):
        drawn = shown(client)
        until(lambda: {each.subject.status for each in drawn.values()} == {"live"})
        book = drawn["ladder"].subject
        begin = book.updates
        until(lambda: book.updates > begin + 50)
    return path


@pytest.fixture
def client(path: Path) -> Iterator[ks.Client]:
    with ks.Client(path, speed="max") as client:
        client.replay.pause()
        yield client


def wind_on(client: ks.Client, drawn: dict[str, Any]) -> None:
    """Go on until all is right."""
    until(lambda: client.replay.step() or {each.subject.status for each in drawn.values()} == {"live"})


def words(drawn: dict[str, Any]) -> set[str]:
    return {each.caption(NOW).status for each in drawn.values()}


def test_the_status_of_a_picture_tells_whether_its_tape_moves(client: ks.Client) -> None:
    drawn = shown(client)
    wind_on(client, drawn)
    assert words(drawn) == {"paused"}
    client.replay.play(SLOWLY)
    assert words(drawn) == {"live"}
    client.replay.pause()
    assert words(drawn) == {"paused"}
    client.replay.play("max")
    client.replay.wait(10)
    assert words(drawn) == {"ended"}
    assert {each.subject.status for each in drawn.values()} == {"live"}  # of the data: that is another thing
    client.close()
    assert {word.partition(":")[0] for word in words(drawn)} == {"stopped"}


def test_what_is_not_right_is_told_rather_than_that_the_tape_stands(client: ks.Client) -> None:
    assert client.book(SYMBOL).widget().text().split("\n")[0].split("● ")[1].split()[0] == "syncing"


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "status"])  # that one is drawn every second
def test_a_picture_is_drawn_anew_when_its_tape_pauses_and_goes_on(client: ks.Client, kind: str) -> None:
    drawn, screen = shown(client), Screen(threaded=False)
    wind_on(client, drawn)
    view = View(drawn[kind], kind, screen=screen)
    client.replay.play(SLOWLY)
    for word, change in (("live", client.replay.pause), ("paused", lambda: client.replay.play(SLOWLY)), ("live", None)):
        assert view.changed
        view.refresh()
        assert not view.changed
        assert f"● {word}" in view.text().split("\n")[0]
        if change is not None:
            change()
    view.stop()


@pytest.mark.parametrize("interactive", [False, True])
def test_a_picture_of_a_tape_that_stands_is_neither_dimmed_nor_covered(client: ks.Client, *, interactive: bool) -> None:
    drawn = shown(client)
    wind_on(client, drawn)
    for kind in ("ladder", "candles"):
        view = drawn[kind].subject.widget(kind, interactive=interactive)
        html = str(view.words) if interactive else view.value
        assert "paused" in html
        assert "opacity:.4" not in html
        assert "background:" + tone("paused").colour not in html
    assert {tone(word).dims for word in ("paused", "ended")} == {False}


def test_pictures_and_controls_say_the_same(client: ks.Client) -> None:
    drawn = shown(client)
    wind_on(client, drawn)
    slider = ReplaySlider(client.replay, screen=Screen(threaded=False))
    for act in (lambda: None, lambda: client.replay.seek(client.replay.end)):
        act()
        slider.refresh()
        (word,) = words(drawn)
        assert f">{word}</span>" in slider.label.value
        assert f"| {word} |" in repr(client.replay)
    slider.close()


def test_every_picture_of_a_symbol_is_here() -> None:
    assert {*PAINTERS} - {*KINDS} == {"latency", "table", "account"}
