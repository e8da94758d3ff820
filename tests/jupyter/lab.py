"""A real Jupyter server on a free port, with homes of its own; JupyterLab, Notebook 7 and Voila in Chromium."""

import ast
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
LOCAL = {"127.0.0.1", "localhost"}
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]  # fmt: skip
_NEEDED = {"lab": "jupyterlab", "notebook": "notebook", "voila": "voila"}
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
TRACKER = "@jupyterlab/notebook-extension/tracker"
NOTIFICATION = "@jupyterlab/apputils-extension/notification"
START = 120.0  # seconds
PATIENCE = 60.0  # seconds for what takes one where nothing else runs
TEXT_OF = """html => {
    const parsed = document.createElement("div");
    parsed.innerHTML = html;
    return parsed.textContent;
}"""
"""What a script of a page makes of HTML, as text."""
HOLDS = """([element, html]) => {
    const parsed = document.createElement("div");
    parsed.innerHTML = html;
    return parsed.textContent === element.textContent;
}"""
"""Whether an element of a page has the words of some HTML."""


class Lab:
    """A running server: it serves JupyterLab, and Notebook 7 and Voila where they are installed."""

    def __init__(self, port: int, token: str, root: Path) -> None:
        self.port = port
        self.token = token
        self.root = root

    def url(self, address: str) -> str:
        """Return where a page of the server is; ``address`` has a question mark already."""
        return f"http://127.0.0.1:{self.port}/{address}&token={self.token}"

    def ask(self, path: str, method: str = "GET") -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/{path}", headers={"Authorization": f"token {self.token}"}, method=method
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"null")

    def set(self, plugin: str, **settings: Any) -> None:
        """Store settings of one of JupyterLab's plugins, for pages opened from now on."""
        path = self.root.parent / "settings" / f"{plugin}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(settings))

    def kernels(self) -> list[str]:
        return [each["id"] for each in self.ask("api/kernels")]

    def end_sessions(self) -> None:
        for each in self.ask("api/sessions"):
            self.ask(f"api/sessions/{each['id']}", "DELETE")


@contextmanager
def running_lab(home: Path) -> Iterator[Lab]:
    root = home / "notebooks"
    root.mkdir(parents=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    environment = os.environ | {
        "HOME": str(home),
        "IPYTHONDIR": str(home / "ipython"),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        "KUCOIN_STREAM_TARGET": "sim",
    }
    command = [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}", "--ServerApp.port_retries=0", f"--ServerApp.root_dir={root}",
        f"--IdentityProvider.token={token}", "--LabApp.expose_app_in_browser=True", "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate", "--LabApp.extension_manager=readonly",
        "--JupyterNotebookApp.expose_app_in_browser=True",
        "--ServerApp.disable_check_xsrf=True",  # beside Lab, Voila's page cannot end its kernel otherwise
    ]  # fmt: skip
    with (home / "lab.log").open("w") as log:
        process = subprocess.Popen(command, cwd=home, env=environment, stdout=log, stderr=subprocess.STDOUT)
        lab = Lab(port, token, root)
        lab.set(TRACKER, windowingMode="none")  # cells out of view stay in the page
        lab.set(NOTIFICATION, fetchNews="false", checkForUpdates=False)
        try:
            _wait_until_up(lab, process, home / "lab.log")
            yield lab
            lab.end_sessions()
        finally:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_up(lab: Lab, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START
    while True:
        try:
            lab.ask("api/status")
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()}") from None
            time.sleep(0.1)
        else:
            return


class Kernel:
    """A kernel of the server, spoken to beside its notebook: no cell of it runs, nothing is displayed."""

    def __init__(self, lab: Lab, kernel_id: str) -> None:
        from jupyter_client.blocking.client import BlockingKernelClient

        path = lab.root.parent / "runtime" / f"kernel-{kernel_id}.json"
        self.id = kernel_id
        self._client = BlockingKernelClient(connection_file=str(path))
        self._client.load_connection_file()
        self._client.start_channels()

    def do(self, source: str, value: str = "None", timeout: float = 120.0) -> Any:
        """Run ``source``, return the ``value`` of an expression; raise what they raise. ``timeout`` is in seconds."""
        reply = self._client.execute(
            source, silent=True, store_history=False, user_expressions={"value": value}, reply=True, timeout=timeout
        )["content"]
        answer = reply["user_expressions"]["value"] if reply["status"] == "ok" else reply
        if answer["status"] != "ok":
            raise AssertionError(f"{answer['ename']}: {answer['evalue']}\n" + "\n".join(answer["traceback"]))
        return ast.literal_eval(answer["data"]["text/plain"])

    def ask(self, value: str, timeout: float = 120.0) -> Any:
        """Return the value of an expression, which has plain types only."""
        return self.do("", value, timeout)

    def start(self, source: str) -> None:
        """Run ``source``; do not wait for it."""
        self._client.execute(source, silent=True, store_history=False)

    def close(self) -> None:
        self._client.stop_channels()


class Tab:
    """One notebook in one page of JupyterLab."""

    name = "JupyterLab"
    address = "lab/tree/{}?reset"
    reruns = True  # a cell may be run again
    kernel: Kernel  # given by who opens it
    foreign: tuple[str, ...] = ()  # what the front end itself asks of the outside, by the beginning of its address

    def __init__(self, page: Any, lab: Lab) -> None:
        self.page = page
        self.lab = lab
        self.strangers: list[str] = []
        page.on("request", self._requested)
        page.on("websocket", self._requested)

    def _requested(self, request: Any) -> None:
        parts = urlsplit(request.url)
        outside = parts.scheme in ("http", "https", "ws", "wss") and parts.hostname not in LOCAL
        if outside and not request.url.startswith(self.foreign or ("\0",)):
            self.strangers.append(request.url)

    def open(self, notebook: str, *, kernel: bool = True) -> None:
        """Open a notebook and wait for it, and for its kernel."""
        self.page.goto(self.lab.url(self.address.format(notebook)))
        self.page.wait_for_function("() => window.jupyterapp?.shell?.currentWidget?.context?.isReady", timeout=120_000)
        if kernel:
            self.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.ready")

    def show(self, notebook: str) -> None:
        """Open a notebook and run all its cells."""
        self.open(notebook)
        self.run("notebook:run-all-cells", {cell["id"] for cell in self.cells() if cell["type"] == "code"})

    @property
    def kernel_id(self) -> str:
        return str(self.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.id"))

    def catch_up(self, name: str) -> None:
        """Wait until the output of a cell has what its widget of that name, which nobody draws, has in the kernel."""
        html = self.kernel.ask(f"view({name!r}).value")
        content = self.output(name).locator(".jupyter-widgets .widget-html-content").element_handle()
        self.page.wait_for_function(HOLDS, arg=[content, html], polling=100)  # ms: it costs, too

    def set_theme(self, theme: str) -> None:
        """Show what is open in one of ``THEMES``."""
        self.page.evaluate(
            "theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", THEMES[theme]
        )
        self.page.wait_for_selector(f"body[data-jp-theme-name='{THEMES[theme]}']", state="attached")

    def end_kernel(self) -> None:
        """Close the notebook's kernel, as its user does."""
        self.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")

    def execute(self, command: str) -> None:
        """Run a command of JupyterLab and wait for it."""
        self.page.evaluate("command => window.jupyterapp.commands.execute(command)", command)

    def cells(self) -> list[dict[str, Any]]:
        """Return the model's cells, so far as a test asks for them."""
        return self.page.evaluate(
            """() => window.jupyterapp.shell.currentWidget.content.model.sharedModel.cells.map(cell => ({
                id: cell.id, type: cell.cell_type, count: cell.execution_count,
                outputs: (cell.outputs || []).map(each => each.output_type)}))"""
        )

    def run(self, command: str, wanted: set[str], timeout: float = 180.0) -> None:
        """Execute a command that runs cells; wait until those ``wanted`` have run. ``timeout`` is in seconds."""
        before = {cell["id"]: cell["count"] for cell in self.cells()}
        self.execute(command)
        deadline = time.monotonic() + timeout
        while missing := wanted - {
            cell["id"] for cell in self.cells() if (cell["count"] or 0) > (before[cell["id"]] or 0)
        }:
            if raised := [cell["id"] for cell in self.cells() if "error" in cell["outputs"]]:
                told = self.output(raised[0]).inner_text()
                raise AssertionError(f"cells that raised: {raised}\n{told}")  # those after it do not run
            if time.monotonic() > deadline:
                raise TimeoutError(f"not run in {timeout:g} s: {sorted(missing)}")
            self.page.wait_for_timeout(200)

    def rerun(self, cell_id: str, times: int) -> None:
        """Run one cell again, so many times."""
        self.page.evaluate(
            """async ([index, times]) => {
                const notebook = window.jupyterapp.shell.currentWidget.content;
                for (let n = 0; n < times; n++) {
                    notebook.activeCellIndex = index;
                    await window.jupyterapp.commands.execute("notebook:run-cell");
                }
            }""",
            [[cell["id"] for cell in self.cells()].index(cell_id), times],
        )

    def select_last(self) -> None:
        """Make the last cell the active one."""
        self.page.evaluate(
            """() => {
                const notebook = window.jupyterapp.shell.currentWidget.content;
                notebook.activeCellIndex = notebook.widgets.length - 1;
            }"""
        )

    def output(self, cell_id: str) -> Any:
        """Return the output area of a cell."""
        index = [cell["id"] for cell in self.cells()].index(cell_id)
        return self.page.locator(f'.jp-Cell[data-windowed-list-index="{index}"] .jp-Cell-outputArea')

    def picture(self, cell_id: str) -> Any:
        """Return the live picture in the output of a cell."""
        return self.output(cell_id).locator(".jupyter-widgets").get_by_role("figure")


class NotebookTab(Tab):
    """One notebook in one page of Notebook 7."""

    name = "Notebook 7"
    address = "notebooks/{}?reset"


class VoilaTab(Tab):
    """One notebook in one page of Voila, which runs its cells once, as the page is made."""

    name = "Voila"
    address = "voila/render/{}?theme=light"
    reruns = False
    foreign = (
        "https://cdn.jsdelivr.net/npm/@fortawesome/fontawesome-free@",  # two style sheets, in its template
        "https://cdnjs.cloudflare.com/ajax/libs/mathjax/",
    )

    def show(self, notebook: str) -> None:
        self._notebook, self._theme = notebook, ""
        self.set_theme("light")

    @property
    def kernel_id(self) -> str:
        return str(json.loads(self.page.locator("#jupyter-config-data").inner_text())["kernelId"])

    def set_theme(self, theme: str) -> None:
        """Make the page again in one of ``THEMES``, unless it is in that already: with a new kernel."""
        if theme == self._theme:
            return
        self._theme = theme
        address = f"voila/render/{self._notebook}?theme={theme}"
        self.page.goto(self.lab.url(address), timeout=180_000)

    def end_kernel(self) -> None:
        self.page.goto("about:blank")

    def output(self, cell_id: str) -> Any:
        return self.page.locator(f'[id="cell-id={cell_id}"] .jp-OutputArea')


FRONTS = {"lab": Tab, "notebook": NotebookTab, "voila": VoilaTab}


@contextmanager
def opened(name: str, lab: Lab, browser: Any) -> Iterator[Tab]:
    """A front end's page; at the end, it has asked nothing of the outside."""
    if find_spec(_NEEDED[name]) is None:
        pytest.skip(f"needs {_NEEDED[name]}")
    context = browser.new_context(viewport={"width": 1280, "height": 5000})
    context.set_default_timeout(1000 * PATIENCE)
    tab = FRONTS[name](context.new_page(), lab)
    try:
        yield tab
    finally:
        context.close()
        lab.end_sessions()
    assert tab.strangers == []
