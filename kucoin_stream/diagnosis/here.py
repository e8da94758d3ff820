"""This machine: versions, the front end, proxies of the environment."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Collection, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version

from kucoin_stream import __version__
from kucoin_stream.diagnosis.report import Row
from kucoin_stream.settings import Settings
from kucoin_stream.transport import probe
from kucoin_stream.transport.socket import takes_picows

_PACKAGES = {
    "data": ("pandas", "numpy", "streamz", "msgspec"),
    "network": ("websockets", "picows", "aiohttp", "python-socks"),
    "widgets": ("ipywidgets", "jupyterlab_widgets", "widgetsnbextension", "anywidget"),
    "jupyter": ("ipykernel", "ipython", "jupyterlab", "notebook"),
    "nested loops": ("nest-asyncio", "nest-asyncio2", "uvloop"),
}
_MISSING = "-"
_BROKEN_KERNEL = "7.0."
_TRUST = ("SSL_CERT_FILE", "SSL_CERT_DIR")


def versions(settings: Settings) -> Iterator[Row]:
    """Yield what is installed, and what of it is known to break something."""
    yield Row("python", "ok", f"{platform.python_version()} {platform.python_implementation()}, {platform.platform()}")
    reader = "picows" if takes_picows(settings) else "websockets"
    yield Row("kucoin_stream", "ok", f"{__version__}, sockets read by {reader}")
    found = {name: _version(name) for names in _PACKAGES.values() for name in names}
    for group, names in _PACKAGES.items():
        yield Row(f"versions: {group}", "ok", ", ".join(f"{name} {found[name]}" for name in names))
    yield from _known_to_break(found)


def fallen_back(reason: str) -> Iterator[Row]:
    """Yield why "auto" took the built-in exchange, if it did: what follows is then looked at there."""
    if reason:
        yield Row("KuCoin", "warn", reason, 'the rest is of the built-in exchange; ks.doctor("live") looks at KuCoin')


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return _MISSING


def _known_to_break(found: Mapping[str, str]) -> Iterator[Row]:
    if found["ipykernel"].startswith(_BROKEN_KERNEL):
        yield Row(
            "ipykernel", "bad", f"{found['ipykernel']} breaks every widget call that comes from a thread",
            "pip install 'ipykernel!=7.0.*', then restart the kernel",
        )  # fmt: skip
    if found["jupyterlab"] != _MISSING and found["jupyterlab_widgets"] == _MISSING:
        yield Row("jupyterlab_widgets", "warn", "not installed beside jupyterlab", "pip install jupyterlab_widgets")
    if found["notebook"].startswith("6.") and found["widgetsnbextension"] == _MISSING:
        yield Row("widgetsnbextension", "warn", "not installed beside notebook 6", "pip install widgetsnbextension")


# -- the front end -----------------------------------------------------------------------------------------------


def front_end(shell: str, environment: Mapping[str, str], names: Collection[str]) -> str:
    """Return where this runs, as far as can be known.

    ``shell`` is the class of IPython's shell, or empty; ``names`` are modules and variables. A kernel is not told which
    page shows it: JupyterLab and Jupyter Notebook look the same from here.
    """
    if shell != "ZMQInteractiveShell" and "google.colab" not in names:
        return "IPython in a terminal" if shell else _plain(environment)
    kinds = {
        "Colab": "google.colab" in names or "COLAB_RELEASE_TAG" in environment,
        "Binder": "BINDER_SERVICE_HOST" in environment or "BINDER_REPO_URL" in environment,
        "JupyterHub": "JUPYTERHUB_USER" in environment,
        "VS Code": "__vsc_ipynb_file__" in names or "VSCODE_PID" in environment or "VSCODE_CWD" in environment,
        "JupyterLab or Notebook": "JPY_SESSION_NAME" in environment,
    }
    return (
        " on ".join(reversed([kind for kind, here in kinds.items() if here])) or "a Jupyter kernel of unknown front end"
    )


def _plain(environment: Mapping[str, str]) -> str:
    where = " in a terminal of VS Code" if environment.get("TERM_PROGRAM") == "vscode" else ""
    if hasattr(sys, "ps1") or sys.flags.interactive:
        return f"Python's prompt{where}"
    return f"a script{where}" if sys.stdout is None or not sys.stdout.isatty() else f"a terminal{where}"


def _seen() -> tuple[str, set[str]]:
    """Return the class of IPython's shell, empty where none runs, and the names of modules and its variables."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    variables = set() if shell is None else set(shell.user_ns)
    return "" if shell is None else type(shell).__name__, variables | set(sys.modules)


# -- proxies -----------------------------------------------------------------------------------------------------


def surroundings() -> Iterator[Row]:
    """Yield what stands around: the front end, proxies without their passwords, certificates of one's own."""
    shell, names = _seen()
    yield Row("front end", "ok", front_end(shell, os.environ, names))
    known = probe.proxies()
    told = ", ".join(f"{name}: {url}" for name, url in sorted(known.items()) if name != "no")
    spared = f"; not for {known['no']}" if known.get("no") else ""
    yield Row("proxies", "ok", (told or "none") + spared)
    if trusted := [name for name in _TRUST if os.environ.get(name)]:
        yield Row("certificates", "ok", f"trusted by {' and '.join(trusted)}")
