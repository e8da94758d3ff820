"""The interactive views and the pause of the plain ones, in a real JupyterLab."""

import os
import time
from importlib.util import find_spec
from pathlib import Path

import nbformat
import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright")

from lab import CHROMIUM, FLAGS, Tab, running_lab  # noqa: E402

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.timeout(240),
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium"),
    pytest.mark.skipif(find_spec("jupyterlab") is None, reason="needs JupyterLab"),
    pytest.mark.skipif(find_spec("anywidget") is None, reason="needs anywidget"),
]

CELLS = {
    "connect": "import kucoin_stream as ks\nks.connect()\nbook = ks.book('BTC-USDT').wait()\n"
    "bars = ks.klines('BTC-USDT', '1min', history=300).wait()",
    "ladder": "ladder = book.widget(interactive=True)\nladder",
    "depth": "book.widget('depth', interactive=True)",
    "candles": "bars.widget(interactive=True)",
    "told": "print(ladder.visible, ladder.held, sorted(ladder._lookers.values()))",
    "pause": "from kucoin_stream.widgets.screen import screen\n"
    "screen.pauses, screen.idle_after = True, 3.0\nbook.widget()",
    "end": "screen.idle_after = 300.0\nks.stop()",
}
PIXELS = "canvas => canvas.toDataURL()"


@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    with running_lab(tmp_path_factory.mktemp("lab")) as lab, playwright.sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 2600})
        tab = Tab(page, lab)
        cells = [nbformat.v4.new_code_cell(source, id=name) for name, source in CELLS.items()]
        python = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=python), lab.root / "interactive.ipynb")
        tab.open("interactive.ipynb")
        yield tab
        browser.close()
    assert tab.strangers == []  # nothing was asked of the outside


def wait_for(condition, what: str, timeout: float = 20.0) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


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
    wait_for(lambda: canvas(tab, name).evaluate(PIXELS) != before, f"{name} moves by itself")


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
    wait_for(lambda: part(tab, "candles", "left").startswith("7"), "two steps of zoom show 76 bars or so")
    for key in ("0", "0"):  # twice: JupyterLab would restart the kernel
        tab.page.keyboard.press(key)
    wait_for(lambda: part(tab, "candles", "left").startswith("120"), "all is shown again")
    assert [cell["id"] for cell in tab.cells()] == before
    assert tab.page.locator(".jp-Dialog").count() == 0


def test_the_kernel_hears_who_looks_and_who_holds_it_still(tab):
    run(tab, "told")
    assert tab.output("told").inner_text().strip() == "True False [True]"
    tab.output("ladder").get_by_role("button", name="freeze").click()
    playwright.expect(tab.output("ladder").locator("[data-part=right]")).to_contain_text("held at")
    run(tab, "told")
    assert tab.output("told").inner_text().strip() == "False True [True]"
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
    wait_for(lambda: figure.evaluate(ink) != before, "the words are light on dark")
    wait_for(lambda: canvas(tab, "ladder").evaluate(PIXELS) != light, "so is the canvas")
    canvas(tab, "candles").hover(position={"x": 300, "y": 100})
    shot(tab, "dark")
    tab.output("ladder").get_by_role("button", name="resume").click()


def test_a_plain_picture_that_nobody_looks_at_pauses_until_resume_is_clicked(tab):
    run(tab, "pause")
    output = tab.output("pause")
    playwright.expect(output).to_contain_text("paused: nobody has looked for 1 minute", timeout=20_000)
    shot(tab, "paused")
    output.get_by_role("button", name="Resume").click()
    playwright.expect(output).not_to_contain_text("paused:", timeout=10_000)
    playwright.expect(output).to_contain_text("updated")


def test_what_is_stopped_stays_as_a_static_picture(tab):
    run(tab, "end")
    for name in ("ladder", "depth", "candles"):
        playwright.expect(tab.output(name)).to_contain_text("picture of", timeout=20_000)
        assert canvas(tab, name).count() == 0
