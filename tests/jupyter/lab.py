"""A real JupyterLab on a free port, with homes of its own, and Chromium looking at it."""

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
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
LOCAL = {"127.0.0.1", "localhost"}
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
TRACKER = "@jupyterlab/notebook-extension/tracker"
NOTIFICATION = "@jupyterlab/apputils-extension/notification"
START = 60.0  # seconds


class Lab:
    """A running server."""

    def __init__(self, port: int, token: str, root: Path) -> None:
        self.port = port
        self.token = token
        self.root = root

    def url(self, notebook: str) -> str:
        return f"http://127.0.0.1:{self.port}/lab/tree/{notebook}?reset&token={self.token}"

    def ask(self, path: str, method: str = "GET") -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/{path}", headers={"Authorization": f"token {self.token}"}, method=method
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read() or b"null")

    def set(self, plugin: str, **settings: Any) -> None:
        """Store settings of one of JupyterLab's plugins, for pages opened from now on."""
        path = self.root.parent / "settings" / f"{plugin}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(settings))

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


class Tab:
    """One notebook in one page."""

    def __init__(self, page: Any, lab: Lab) -> None:
        self.page = page
        self.lab = lab
        self.strangers: list[str] = []
        page.on("request", self._requested)
        page.on("websocket", self._requested)

    def _requested(self, request: Any) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.hostname not in LOCAL:
            self.strangers.append(request.url)

    def open(self, notebook: str, *, kernel: bool = True) -> None:
        """Open a notebook and wait for it, and for its kernel."""
        self.page.goto(self.lab.url(notebook))
        self.page.wait_for_function("() => window.jupyterapp?.shell?.currentWidget?.context?.isReady", timeout=60_000)
        if kernel:
            self.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.ready")

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

    def run(self, command: str, wanted: set[str], timeout: float = 90.0) -> None:
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
