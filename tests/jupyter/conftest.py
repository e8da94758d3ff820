"""A fresh IPython in this process, and the built-in exchange as default client."""

import atexit
import contextlib
import os
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import gallery
import pytest
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from lab import CHROMIUM, FLAGS, FRONTS, PATIENCE, Kernel, Lab, Tab, opened, running_lab
from streamz import sinks
from traitlets.config import Config

import kucoin_stream as ks
from kucoin_stream.widgets.screen import screen


class Cell:
    """Runs cells of one shell; raises what they raise."""

    def __init__(self, shell: Any) -> None:
        self.shell = shell

    def __call__(self, source: str, cell_id: str | None = None) -> Any:
        result = self.shell.run_cell(source, store_history=True, cell_id=cell_id)
        result.raise_error()
        return result.result

    def __getitem__(self, name: str) -> Any:
        return self.shell.user_ns[name]

    @property
    def outputs(self) -> list[dict[str, Any]]:
        return self.shell.display_pub.outputs


@pytest.fixture
def shell(tmp_path, monkeypatch) -> Iterator[Any]:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance(config=config, display_pub_class=CapturingDisplayPublisher)
    shell.kernel = None  # outputs can be updated, as in a kernel
    shell.extension_manager.load_extension("kucoin_stream")
    yield shell
    with contextlib.suppress(KeyError):
        shell.extension_manager.unload_extension("kucoin_stream")
    for each in list(sinks._global_sinks):
        each.destroy()
    for view in list(screen.views):
        view.stop()
    shell.user_ns.clear()
    InteractiveShell.clear_instance()
    atexit.unregister(shell.atexit_operations)  # a garbage collection for each shell, half a second for some


@pytest.fixture
def cell(shell) -> Cell:
    return Cell(shell)


@pytest.fixture(scope="module", autouse=True)
def _stop_at_the_end() -> Iterator[None]:
    yield
    ks.stop()


@pytest.fixture
def client() -> ks.Client:
    return ks.connect("sim")  # the same one, unless a test stopped it


# -- front ends in a browser -----------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def lab(tmp_path_factory) -> Iterator[Lab]:
    if find_spec("jupyterlab") is None:  # seconds to import: only looked for
        pytest.skip("needs JupyterLab")
    with running_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@pytest.fixture(scope="module")  # while it is there, Playwright's loop runs in this thread
def browser() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api", reason="needs Playwright")
    if CHROMIUM is None:
        pytest.skip("needs Chromium")
    api.expect.set_options(timeout=1000 * PATIENCE)
    with api.sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module", params=FRONTS)
def front(request, browser, lab) -> Iterator[Tab]:
    """A front end that shows each kind of picture, and one that cannot be drawn; ``kernel`` speaks to its kernel."""
    with opened(request.param, lab, browser) as tab:
        gallery.write(lab.root / "gallery.ipynb", *gallery.KINDS, broken=gallery.BROKEN, bare=gallery.BARE)
        tab.show("gallery.ipynb")
        for kind in gallery.KINDS:
            tab.picture(kind).wait_for()
        with contextlib.closing(Kernel(lab, tab.kernel_id)) as tab.kernel:
            tab.kernel.do(gallery.GAUGES)
            tab.kernel.do(f"count({gallery.KINDS})")
            yield tab


@pytest.fixture(scope="session")
def save_as(tmp_path_factory) -> Callable[[str], Path]:
    """Return where a screenshot goes: to ``KUCOIN_STREAM_SCREENSHOTS`` for somebody to look at, or away."""
    folder = Path(os.environ.get("KUCOIN_STREAM_SCREENSHOTS", tmp_path_factory.mktemp("screenshots")))
    folder.mkdir(parents=True, exist_ok=True)
    return lambda name: folder / f"{name}.png"
