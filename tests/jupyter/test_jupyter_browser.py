"""The quickstart in a real JupyterLab: pictures that move, and what a saved notebook shows without a kernel."""

import os
import shutil
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
    pytest.mark.skipif(
        find_spec("jupyterlab") is None, reason="needs JupyterLab"
    ),  # seconds to import: only looked for
]

QUICKSTART = Path(__file__).parents[2] / "examples" / "00_quickstart.ipynb"
LIVE = {"book": "spread", "klines": "1min", "trades": "bought", "status": "spotPublicV1"}
"""The cells with a picture, and a word that each shows."""
PICTURES = ".jp-Notebook .jupyter-widgets"
WIDGET_MIME = "application/vnd.jupyter.widget-view+json"


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with running_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def tab(lab, browser):
    page = browser.new_page(viewport={"width": 1280, "height": 4500})
    tab = Tab(page, lab)
    yield tab
    page.close()
    assert tab.strangers == []  # nothing was asked of the outside


def stopping_copy(path: Path) -> None:
    """Copy the quickstart, with one cell more that ends everything."""
    notebook = nbformat.read(QUICKSTART, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell("ks.stop()", id="end"))
    nbformat.write(notebook, path)


def shown(tab: Tab) -> dict[str, str]:
    return {name: tab.output(name).inner_html() for name in LIVE}


def screenshots(otherwise: Path) -> Path:
    folder = Path(os.environ.get("KUCOIN_STREAM_SCREENSHOTS", otherwise))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def wait_for(condition, what: str, timeout: float = 20.0) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def test_the_quickstart_moves_and_stands_still_when_it_is_stopped(lab, tab, tmp_path):
    stopping_copy(lab.root / "quickstart.ipynb")
    tab.open("quickstart.ipynb")
    tab.select_last()
    code = {cell["id"] for cell in tab.cells() if cell["type"] == "code"}

    tab.run("notebook:run-all-above", code - {"end"})
    assert [cell["id"] for cell in tab.cells() if "error" in cell["outputs"]] == []
    for name, word in LIVE.items():
        playwright.expect(tab.output(name)).to_contain_text(word)
        playwright.expect(tab.output(name)).to_contain_text("SIMULATED")
        playwright.expect(
            tab.output(name).get_by_role("figure").or_(tab.output(name).get_by_role("img")).first
        ).to_be_visible()
    playwright.expect(tab.output("book")).to_contain_text("live")
    playwright.expect(tab.output("klines").locator("svg").first).to_be_visible()

    first = shown(tab)
    tab.page.screenshot(path=screenshots(tmp_path) / "live_1.png")
    wait_for(lambda: all(value != first[name] for name, value in shown(tab).items()), "every picture moves by itself")
    tab.page.screenshot(path=screenshots(tmp_path) / "live_2.png")

    tab.run("notebook:run-all-above", code - {"end"})  # again: each picture is replaced by its successor
    assert [cell["id"] for cell in tab.cells() if "error" in cell["outputs"]] == []
    playwright.expect(tab.page.locator(PICTURES)).to_have_count(len(LIVE))
    second = shown(tab)
    wait_for(lambda: all(value != second[name] for name, value in shown(tab).items()), "every picture moves again")

    tab.run("notebook:run-all-below", {"end"})
    wait_for(lambda: tab.page.locator(PICTURES).count() == 0, "static pictures replace live ones")
    tab.execute("docmanager:save")
    tab.page.screenshot(path=screenshots(tmp_path) / "stopped.png")
    saved = nbformat.read(lab.root / "quickstart.ipynb", as_version=4)
    assert "widgets" not in saved.metadata
    bundles = {each.id: each.outputs[0].data for each in saved.cells if each.id in LIVE}
    for name, word in LIVE.items():
        assert WIDGET_MIME not in bundles[name]
        assert word in bundles[name]["text/html"]
        assert "text/plain" in bundles[name]


def test_a_saved_notebook_shows_its_pictures_without_a_kernel(lab, tab, tmp_path):
    path = lab.root / "quickstart.ipynb"
    if not path.exists():
        pytest.skip("the notebook was not saved by the test before")
    lab.end_sessions()
    saved = nbformat.read(path, as_version=4)
    # the signature is void now, and no kernel starts by itself
    saved.metadata = {
        "kernelspec": {"name": "elsewhere", "display_name": "Elsewhere", "language": "elsewhere"},
        "language_info": {"name": "elsewhere"},
    }
    nbformat.write(saved, lab.root / "received.ipynb")

    tab.open("received.ipynb", kernel=False)
    tab.page.locator(".jp-Dialog .jp-mod-reject").click()  # no kernel
    for name, word in LIVE.items():
        playwright.expect(tab.output(name)).to_contain_text(word)
        assert "Error displaying widget" not in tab.output(name).inner_text()
    assert lab.ask("api/kernels") == []
    tab.page.screenshot(path=screenshots(tmp_path) / "reopened.png")
    shutil.copy(path, screenshots(tmp_path))
