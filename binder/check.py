"""What Binder does with this repository, without Docker, step by step: ``make binder``.

The environment is a fresh one in ``build/binder``, of the Python that is there; Binder's is in ``runtime.txt``. Nothing
leaves this machine: a proxy that is not there stands in for the firewall.
"""

# ruff: noqa: S603, T201  it runs commands of its own, for people to read

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import psutil

from tests.jupyter.lab import CHROMIUM, FLAGS, START, TRACKER, Lab, NotebookTab, Tab, VoilaTab

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
BUILD = ROOT / "build" / "binder"
ENVIRONMENT = BUILD / "environment"
QUICKSTART, DASHBOARD = "00_quickstart.ipynb", "10_dashboard.ipynb"
REFUSES = "http://127.0.0.1:9"
MEMORY = 700  # MB that the server and one kernel may take, of the 2048 that there are
AT_ONCE = 2  # notebooks: there are two cores

RECIPE = ('-r "binder/requirements.txt"', "binder/postBuild", "binder/start")
"""What repo2docker's Dockerfile has where it understood the files."""

FALL_BACK = """
import kucoin_stream as ks
client = ks.connect()
assert ks.book("BTC-USDT").wait().badge == "SIMULATED"
assert client.target.mode == "sim"
print(client.target.reason)
"""
RUN = """
import sys
from pathlib import Path
from tests.jupyter.notebooks import LIMIT, run
done = run(*map(Path, sys.argv[1:]))
print(done.strangers, *done.errors())
sys.exit(bool(done.strangers or done.errors() or done.seconds > LIMIT))
"""


class Failed(Exception):  # noqa: N818  a step
    """A step did not do what it should; the message is what it printed."""


class Page(VoilaTab):
    """A page of Voila as ``binder/jupyter`` sets it up: with nothing of its own from elsewhere."""

    foreign: tuple[str, ...] = ()


@click.command()
@click.option("--only", default="", help="Notebooks whose name contains this.")
@click.option("--keep", is_flag=True, help="Take the environment of the last time.")
def main(only: str, keep: bool) -> None:
    """Do every step; the exit status is 1 where one failed."""
    python = (ROOT / "binder" / "runtime.txt").read_text().strip().replace("python-", "Python ")
    print(f"Binder gives {python}; this is Python {sys.version.split()[0]}\n\n| step | seconds | |\n|---|--:|---|")
    steps = {
        "repo2docker reads the files": recipe,
        "a fresh environment": lambda: "the last one" if keep else environment(),
        "postBuild": lambda: ran(ROOT / "binder" / "postBuild"),
        "connect() where nothing is reached": fall_back,
        "JupyterLab, Notebook 7, Voila": front_ends,
    }
    began = time.monotonic()
    passed = all(timed(name, step) for name, step in steps.items())
    notebooks = [path for path in sorted(EXAMPLES.glob("*.ipynb")) if only in path.name]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        passed &= all(list(threads.map(lambda path: timed(path.name, lambda: notebook(path)), notebooks)))
    print(f"| all | {time.monotonic() - began:.1f} | {'passed' if passed else 'FAILED'} |")
    sys.exit(not passed)


def timed(name: str, step: Callable[[], str]) -> bool:
    """Do a step and print a row of the table; return whether it passed."""
    began = time.monotonic()
    try:
        told, passed = step(), True
    except Failed as exc:
        told, passed = f"FAILED: {exc}", False
    print(f"| {name} | {time.monotonic() - began:.1f} | {' '.join(told.split())} |", flush=True)
    return passed


# -- steps: each returns what is to be said of it, and raises Failed -------------------------------------------------


def recipe() -> str:
    """Let repo2docker write its Dockerfile, which needs no Docker."""
    tool = BUILD / "repo2docker"
    if not tool.exists():
        ran(sys.executable, "-m", "venv", tool)
        ran(tool / "bin" / "python", "-m", "pip", "install", "--quiet", "jupyter-repo2docker")
    told = ran(tool / "bin" / "jupyter-repo2docker", "--no-build", "--debug", ".", whole=True)
    if absent := [each for each in RECIPE if each not in told]:
        raise Failed(f"the Dockerfile has no {' and no '.join(absent)}")
    return next(line for line in told.splitlines() if "environment for python" in line)


def environment() -> str:
    """Make the environment anew, as repo2docker's pip does."""
    shutil.rmtree(ENVIRONMENT, ignore_errors=True)
    ran(sys.executable, "-m", "venv", ENVIRONMENT)
    python = ENVIRONMENT / "bin" / "python"
    ran(python, "-m", "pip", "install", "--quiet", "--requirement", "binder/requirements.txt")
    size = sum(path.stat().st_size for path in ENVIRONMENT.rglob("*") if path.is_file())
    return f"{size / 1e6:.0f} MB"


def fall_back() -> str:
    """Connect as a visitor does; return the diagnosis."""
    return started("python", "-c", FALL_BACK, home=home("fall_back"))


def front_ends() -> str:
    """Show a notebook in each front end, and measure; the pages may ask this machine only."""
    if CHROMIUM is None:
        return "skipped: no Chromium"
    from playwright.sync_api import sync_playwright

    with server(home("server")) as (lab, process), sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        taken = [
            shown(Tab, browser, lab, process, QUICKSTART, "book"),
            shown(NotebookTab, browser, lab, process, QUICKSTART, "book"),
            shown(Page, browser, lab, process, DASHBOARD, "dashboard"),
        ]
        browser.close()
    if max(taken) > MEMORY:
        raise Failed(f"{max(taken):.0f} MB of memory, more than {MEMORY}")
    return f"{', '.join(f'{each:.0f}' for each in taken)} MB of memory, server and kernel"


def notebook(path: Path) -> str:
    """Run an example in the environment; return what it says that it should not."""
    return started("python", "-c", RUN, path, home(path.stem), home=home(path.stem), KUCOIN_STREAM_TARGET="sim")


# -- their tools ---------------------------------------------------------------------------------------------------


def ran(*command: str | Path, whole: bool = False, env: dict[str, str] | None = None) -> str:
    """Run a command at the root of the repository; return its output, with ``whole`` that of standard error too."""
    done = subprocess.run(
        command, cwd=ROOT, env=env or surroundings(), capture_output=True, text=True, timeout=1800, check=False
    )
    if done.returncode:
        raise Failed((done.stdout + done.stderr)[-2000:])
    return done.stdout + (done.stderr if whole else "")


def started(*command: str | Path, home: Path, **variables: str) -> str:
    """Run a command as Binder runs its servers: through ``start``, and with nothing in reach but this machine."""
    return ran(ROOT / "binder" / "start", *command, env=confined(home) | variables)


def surroundings() -> dict[str, str]:
    """Return the variables of the image."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("KUCOIN_", "JUPYTER", "PYTHON"))}
    return own | {"PATH": f"{ENVIRONMENT / 'bin'}{os.pathsep}{own['PATH']}", "VIRTUAL_ENV": str(ENVIRONMENT)}


def confined(home: Path) -> dict[str, str]:
    """Return the variables of a running image."""
    proxies = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), REFUSES)
    return surroundings() | proxies | {
        "BINDER_SERVICE_HOST": "127.0.0.1",
        "HOME": str(home),
        "IPYTHONDIR": str(home),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "no_proxy": "127.0.0.1,localhost",
        "NO_PROXY": "127.0.0.1,localhost",
    }  # fmt: skip


def home(name: str) -> Path:
    """Return an empty folder for a step."""
    folder = BUILD / "homes" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


@contextmanager
def server(folder: Path) -> Iterator[tuple[Lab, psutil.Process]]:
    """Serve the examples as Binder does."""
    root = shutil.copytree(EXAMPLES, folder / "examples")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    lab = Lab(port, secrets.token_hex(16), root)
    lab.set(TRACKER, windowingMode="none")  # cells out of view stay in the page
    command = [
        ROOT / "binder" / "start", "jupyter", "lab", "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}", "--ServerApp.port_retries=0", f"--ServerApp.root_dir={root}",
        f"--IdentityProvider.token={lab.token}", "--LabApp.expose_app_in_browser=True",
        "--JupyterNotebookApp.expose_app_in_browser=True", "--ServerApp.disable_check_xsrf=True",
    ]  # fmt: skip
    env = confined(folder) | {"KUCOIN_STREAM_TARGET": "sim"}
    with (folder / "server.log").open("w") as log:
        process = psutil.Popen(command, cwd=folder, env=env, stdout=log, stderr=subprocess.STDOUT)
        try:
            _wait_until_up(lab, folder / "server.log")
            yield lab, process
        finally:
            process.terminate()
            process.wait(timeout=30)


def _wait_until_up(lab: Lab, log: Path) -> None:
    deadline = time.monotonic() + START
    while True:
        try:
            lab.ask("api/status")
        except OSError:
            if time.monotonic() > deadline:
                raise Failed(f"the server did not start: {log.read_text()[-2000:]}") from None
            time.sleep(0.1)
        else:
            return


def shown(kind: type[Tab], browser: Any, lab: Lab, process: psutil.Process, notebook: str, cell: str) -> float:
    """Show a notebook until there is a picture in ``cell``; return the MB that the server and its kernel take."""
    context = browser.new_context(viewport={"width": 1280, "height": 5000})
    tab = kind(context.new_page(), lab)
    tab.show(notebook)
    tab.picture(cell).first.wait_for()
    taken = sum(each.memory_info().rss for each in (process, *process.children(recursive=True))) / 1e6
    context.close()
    lab.end_sessions()
    for kernel in lab.kernels():  # Voila's are of no session
        lab.ask(f"api/kernels/{kernel}", "DELETE")
    if tab.strangers:
        raise Failed(f"{tab.name} asked for {', '.join(tab.strangers)}")
    return taken


if __name__ == "__main__":
    main()
