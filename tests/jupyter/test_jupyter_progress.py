"""The bar of what takes long: gone at its end, and a line of plain text in its place."""

from typing import Any

import pytest
from tqdm.notebook import tqdm_notebook

import kucoin_stream as ks
from kucoin_stream.rest import progress

pytestmark = pytest.mark.usefixtures("client")


@pytest.fixture
def bars(monkeypatch) -> list[Any]:
    made: list[Any] = []

    class Bar(tqdm_notebook):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            made.append(self)

    monkeypatch.setattr("tqdm.auto.tqdm", Bar)
    monkeypatch.setattr(progress, "_DELAY", 0.0)
    return made


def line(cell) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what was displayed, and what stands there now."""
    shown, *updates = [each for each in cell.outputs if (each["transient"] or {}).get("display_id")]
    assert all(each["transient"] == shown["transient"] for each in updates)
    return shown["data"], updates[-1]["data"]


def test_a_session_leaves_a_line_where_its_bar_was(cell, bars):
    cell("import kucoin_stream as ks\nwith ks.session(seconds=0.5) as day:\n    trades = day.trades('BTC-USDT')")
    shown, left = line(cell)
    assert "application/vnd.jupyter.widget-view+json" in shown
    rows = len(cell["day"].frames["trades"])
    assert left.keys() == {"text/plain"}
    title, said = left["text/plain"].split(": ")
    assert (title, said.endswith(" rows")) == ("session of 0.5 s", True)  # right while it runs, and afterwards
    assert 0 <= rows - int(said.removesuffix(" rows")) < 50  # those of the last tenth of a second
    (bar,) = bars
    assert (bar.n, bar.container.comm) == (bar.total, None)


def test_what_is_broken_off_says_how_far_it_was(cell, bars):
    def read() -> None:
        with progress.Progress("BTC-USDT 1min") as bar:
            bar.show(1, 4, 1500)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read()
    assert line(cell)[1]["text/plain"] == "BTC-USDT 1min: 1,500 rows, broken off"
    assert bars[0].n == 1


def test_a_terminal_keeps_the_whole_bar(bars, monkeypatch, capsys):
    monkeypatch.undo()
    monkeypatch.setattr(progress, "_DELAY", 0.0)
    monkeypatch.setattr(progress, "watched", lambda: True)
    with progress.Progress("BTC-USDT 1min") as bar:
        bar.show(3, 4, 1500)
    assert "BTC-USDT 1min: 100%|" in capsys.readouterr().err.rpartition("\r")[2]


def test_a_short_one_shows_nothing(cell):
    with progress.Progress("BTC-USDT 1min") as bar:
        bar.show(1, 4, 1500)
    assert cell.outputs == []
    assert ks.ps().empty
