"""The quickstart in a real JupyterLab: pictures that move, and what a saved notebook shows without a kernel."""

import shutil
from pathlib import Path

import gallery
import nbformat
import pytest
from gallery import KINDS
from lab import PATIENCE, TEXT_OF, Tab, opened

from tests.conftest import until as until_

playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright")

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]

QUICKSTART = Path(__file__).parents[2] / "examples" / "00_quickstart.ipynb"
LIVE = {"book": "spread", "klines": "1min", "trades": "bought", "status": "spotPublicV1"}
"""The cells with a picture, and a word that each shows."""
PICTURES = ".jp-Notebook .jupyter-widgets"
WIDGET_MIME = "application/vnd.jupyter.widget-view+json"


def until(condition, what):
    """Wait for what comes within a second, where nothing else runs."""
    return until_(condition, what, PATIENCE)


@pytest.fixture
def tab(lab, browser):
    with opened("lab", lab, browser) as tab:
        yield tab


def stopping_copy(path: Path) -> None:
    """Copy the quickstart, with one cell more that ends everything."""
    notebook = nbformat.read(QUICKSTART, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell("ks.stop()", id="end"))
    nbformat.write(notebook, path)


def shown(tab: Tab) -> dict[str, str]:
    return {name: tab.output(name).inner_html() for name in LIVE}


def received(saved: nbformat.NotebookNode, path: Path) -> None:
    """Write a notebook as it comes by mail: not trusted, as its signature is void, and no kernel starts by itself."""
    saved.metadata = {
        "kernelspec": {"name": "elsewhere", "display_name": "Elsewhere", "language": "elsewhere"},
        "language_info": {"name": "elsewhere"},
    }
    nbformat.write(saved, path)


def open_without_kernel(tab: Tab, notebook: str) -> None:
    tab.open(notebook, kernel=False)
    tab.page.locator(".jp-Dialog .jp-mod-reject").click()


def test_the_quickstart_moves_and_stands_still_when_it_is_stopped(lab, tab, save_as):
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
    tab.page.screenshot(path=save_as("live_1"))
    until(lambda: all(value != first[name] for name, value in shown(tab).items()), "every picture moves by itself")
    tab.page.screenshot(path=save_as("live_2"))

    tab.run("notebook:run-all-above", code - {"end"})  # again: each picture is replaced by its successor
    assert [cell["id"] for cell in tab.cells() if "error" in cell["outputs"]] == []
    playwright.expect(tab.page.locator(PICTURES)).to_have_count(len(LIVE))
    second = shown(tab)
    until(lambda: all(value != second[name] for name, value in shown(tab).items()), "every picture moves again")

    tab.run("notebook:run-all-below", {"end"})
    until(lambda: tab.page.locator(PICTURES).count() == 0, "static pictures replace live ones")
    tab.execute("docmanager:save")
    tab.page.screenshot(path=save_as("stopped"))
    saved = nbformat.read(lab.root / "quickstart.ipynb", as_version=4)
    assert "widgets" not in saved.metadata
    bundles = {each.id: each.outputs[0].data for each in saved.cells if each.id in LIVE}
    for name, word in LIVE.items():
        assert WIDGET_MIME not in bundles[name]
        assert word in bundles[name]["text/html"]
        assert "text/plain" in bundles[name]


def test_a_saved_notebook_shows_its_pictures_without_a_kernel(lab, tab, save_as):
    path = lab.root / "quickstart.ipynb"
    if not path.exists():
        pytest.skip("the notebook was not saved by the test before")
    lab.end_sessions()
    saved = nbformat.read(path, as_version=4)
    received(saved, lab.root / "received.ipynb")

    open_without_kernel(tab, "received.ipynb")
    for name, word in LIVE.items():
        playwright.expect(tab.output(name)).to_contain_text(word)
        assert "Error displaying widget" not in tab.output(name).inner_text()
    assert lab.ask("api/kernels") == []
    tab.page.screenshot(path=save_as("reopened"))
    shutil.copy(path, save_as("reopened").with_suffix(".ipynb"))


def test_every_kind_of_picture_is_in_a_saved_notebook(lab, tab, save_as):
    gallery.write(lab.root / "kinds.ipynb", *KINDS, end="ks.stop()")
    tab.show("kinds.ipynb")
    until(lambda: tab.page.locator(PICTURES).count() == 0, "static pictures replace live ones")
    tab.execute("docmanager:save")
    saved = nbformat.read(lab.root / "kinds.ipynb", as_version=4)
    bundles = {each.id: each.outputs[0].data for each in saved.cells if each.id in KINDS}
    assert {kind for kind, bundle in bundles.items() if WIDGET_MIME in bundle} == set()
    lab.end_sessions()
    received(saved, lab.root / "kinds_received.ipynb")

    open_without_kernel(tab, "kinds_received.ipynb")
    for kind, bundle in bundles.items():
        output = tab.output(kind)
        playwright.expect(output).to_contain_text("SIMULATED")
        words = tab.page.evaluate(TEXT_OF, bundle["text/html"])
        assert "".join(output.text_content().split()) == "".join(words.split()), kind
        sizes = output.locator("img").evaluate_all("images => images.map(each => each.naturalWidth)")
        assert all(sizes), f"{kind}: {sizes}"
    assert lab.ask("api/kernels") == []
    tab.page.screenshot(path=save_as("every_kind_reopened"))
