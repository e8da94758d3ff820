"""A fresh IPython in this process, and the built-in exchange as default client."""

import atexit
import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
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
