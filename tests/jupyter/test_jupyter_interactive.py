"""The interactive views and the pause of the plain ones, in a real JupyterLab."""

import contextlib
import os
from importlib.util import find_spec
from pathlib import Path

import nbformat
import pytest
from gallery import PYTHON
from lab import PATIENCE, Kernel, opened

from tests.conftest import until as until_

playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(find_spec("anywidget") is None, reason="needs anywidget"),
]

CELLS = {
    "connect": "import kucoin_stream as ks\nks.connect()\nbook = ks.book('BTC-USDT').wait()\n"
    "bars = ks.klines('BTC-USDT', '1min', history=300).wait()",
    "ladder": "ladder = book.widget(interactive=True)\nladder",
    "depth": "book.widget('depth', interactive=True)",
    "candles": "bars.widget(interactive=True)",
    "pause": """
from kucoin_stream.widgets.screen import screen
plain = book.widget()
go_on = plain.go_on
plain.go_on = lambda: (setattr(screen, "idle_after", 300.0), go_on())  # once is enough
screen.pauses, screen.idle_after = True, 3.0
plain""",
    "end": "ks.stop()",
}
PIXELS = "canvas => canvas.toDataURL()"


@pytest.fixture(scope="module")
def tab(lab, browser):
    cells = [nbformat.v4.new_code_cell(source.strip(), id=name) for name, source in CELLS.items()]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=PYTHON), lab.root / "interactive.ipynb")
    with opened("lab", lab, browser) as tab:
        tab.open("interactive.ipynb")
        with contextlib.closing(Kernel(lab, tab.kernel_id)) as tab.kernel:
            yield tab


def until(condition, what):
    """Wait for what comes within a second, where nothing else runs."""
    return until_(condition, what, PATIENCE)


def select(tab, name):
    tab.page.evaluate(
        "index => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = index; }", list(CELLS).index(name)
    )


def run(tab, name):
    select(tab, name)
    tab.run("notebook:run-cell", {name})


def canvas(tab, name):
    return tab.output(name).locator("canvas")


def part(tab, name, what):
    return tab.output(name).locator(f"[data-part={what}]").inner_text()


def moves(tab, name):
    before = canvas(tab, name).evaluate(PIXELS)
    until(lambda: canvas(tab, name).evaluate(PIXELS) != before, f"{name} moves by itself")


def shot(tab, name):
    if folder := os.environ.get("KUCOIN_STREAM_SCREENSHOTS"):  # to look at them
        tab.page.screenshot(path=Path(folder) / f"lab-interactive-{name}.png")


def test_every_interactive_kind_moves_in_jupyterlab(tab):
    for name in ("connect", "ladder", "depth", "candles"):
        run(tab, name)
    for name in ("ladder", "depth", "candles"):
        playwright.expect(canvas(tab, name)).to_be_visible()
        assert "SIMULATED" in part(tab, name, "head")
        moves(tab, name)
    canvas(tab, "candles").hover(position={"x": 300, "y": 100})
    shot(tab, "light")


def test_its_keys_are_not_those_of_jupyterlab(tab):
    before = [cell["id"] for cell in tab.cells()]
    canvas(tab, "candles").click(position={"x": 300, "y": 100})
    for key in ("+", "+", "ArrowLeft", "ArrowDown", "d", "d"):
        tab.page.keyboard.press(key)
    until(lambda: part(tab, "candles", "left").startswith("7"), "two steps of zoom show 76 bars or so")
    for key in ("0", "0"):  # twice: JupyterLab would restart the kernel
        tab.page.keyboard.press(key)
    until(lambda: part(tab, "candles", "left").startswith("120"), "all is shown again")
    assert [cell["id"] for cell in tab.cells()] == before
    assert tab.page.locator(".jp-Dialog").count() == 0


def test_the_kernel_hears_who_looks_and_who_holds_it_still(tab):
    heard = "(ladder.visible, ladder.held, sorted(ladder._lookers.values()))"
    until(lambda: tab.kernel.ask(heard) == (True, False, [True]), "somebody looks")
    tab.output("ladder").get_by_role("button", name="freeze").click()
    playwright.expect(tab.output("ladder").locator("[data-part=right]")).to_contain_text("held at")
    until(lambda: tab.kernel.ask(heard) == (False, True, [True]), "somebody holds it still")
    held = canvas(tab, "ladder").evaluate(PIXELS)
    moves(tab, "candles")
    assert canvas(tab, "ladder").evaluate(PIXELS) == held
    tab.output("ladder").get_by_role("button", name="resume").click()
    moves(tab, "ladder")


def test_it_follows_the_theme_of_jupyterlab(tab):
    ink = "element => getComputedStyle(element).color"
    figure = tab.output("ladder").locator("[data-part=figure]")
    before = figure.evaluate(ink)
    tab.output("ladder").get_by_role("button", name="freeze").click()  # nothing else draws it
    playwright.expect(tab.output("ladder").locator("[data-part=right]")).to_contain_text("held at")
    light = canvas(tab, "ladder").evaluate(PIXELS)
    tab.page.evaluate("jupyterapp.commands.execute('apputils:change-theme', { theme: 'JupyterLab Dark' })")
    until(lambda: figure.evaluate(ink) != before, "the words are light on dark")
    until(lambda: canvas(tab, "ladder").evaluate(PIXELS) != light, "so is the canvas")
    canvas(tab, "candles").hover(position={"x": 300, "y": 100})
    shot(tab, "dark")
    tab.output("ladder").get_by_role("button", name="resume").click()


def test_a_plain_picture_that_nobody_looks_at_pauses_until_resume_is_clicked(tab):
    run(tab, "pause")
    output = tab.output("pause")
    playwright.expect(output).to_contain_text("paused: nobody has looked for 1 minute")
    shot(tab, "paused")
    output.get_by_role("button", name="Resume").click()
    playwright.expect(output).not_to_contain_text("paused:")
    playwright.expect(output).to_contain_text("updated")


def test_what_is_stopped_stays_as_a_static_picture(tab):
    run(tab, "end")
    for name in ("ladder", "depth", "candles"):
        playwright.expect(tab.output(name)).to_contain_text("picture of")
        assert canvas(tab, name).count() == 0
