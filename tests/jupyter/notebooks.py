"""The example notebooks: what they need, and how they are run: in a real kernel that may talk to this machine only."""

import ast
import importlib.util
import re
import time
from dataclasses import dataclass
from pathlib import Path

import nbformat
from IPython.core.inputtransformer2 import TransformerManager
from nbclient import NotebookClient

EXAMPLES = Path(__file__).parents[2] / "examples"
NOTEBOOKS = sorted(EXAMPLES.glob("*.ipynb"))

LIMIT = 60.0  # seconds that a notebook may take

NEEDS = {
    "%matplotlib widget": "ipympl",
    ".to_hvplot(": "hvplot",
    ".to_parquet(": "pyarrow",
    ".to_plotly(": "plotly",
    ".to_polars(": "polars",
    "dask.dataframe": "pyarrow",
    "widget=True": "anywidget",
}
"""Libraries that a text in a cell needs without importing them."""

ALLOWED = {
    r"has not returned to its loop|went on after": "a plot may take a second on a busy machine: the watchdog tells",
}
"""Lines that standard error may have, as regular expressions, each with its reason."""

_GUARD = """
import socket
import sys

_own = ("localhost", socket.gethostname())


def _local(host):
    if isinstance(host, bytes):
        host = host.decode()
    return host in (None, "", "::", "::1", "0.0.0.0", *_own) or str(host).startswith("127.")


def _guard(event, args):
    match event:
        case "socket.connect" | "socket.sendto":
            # to connect a datagram socket sends nothing: it is how libraries learn the address of this machine
            asks = event == "socket.connect" and args[0].type == socket.SOCK_DGRAM
            host = args[1][0] if isinstance(args[1], tuple) else None
            stranger = not asks and not _local(host)
        case "socket.getaddrinfo" | "socket.gethostbyname":
            host = args[0]
            stranger = not _local(host) and not str(host).replace(".", "").isdigit()
        case _:
            return
    if stranger:
        with open({record!r}, "a") as record:
            print(event, host, file=record)
        raise PermissionError(f"{{event}} of {{host}}: examples stay on this machine")


sys.addaudithook(_guard)
"""


@dataclass(frozen=True)
class Run:
    """What came of a notebook: its cells with outputs, how long it took, and which other hosts it asked for."""

    notebook: nbformat.NotebookNode
    seconds: float
    strangers: str

    def errors(self) -> list[str]:
        """Return the lines that were written to standard error and are not allowed, with the cell's id."""
        return [
            f"{cell.id}: {line}"
            for cell in code_cells(self.notebook)
            for output in cell.outputs
            if output.output_type == "stream" and output.name == "stderr"
            for line in output.text.splitlines()
            if not any(re.search(known, line) for known in ALLOWED)
        ]


def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def code_cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def missing(notebook: nbformat.NotebookNode) -> list[str]:
    """Return the libraries that a notebook needs and that are not installed."""
    needed: set[str] = set()
    for cell in code_cells(notebook):
        needed |= {library for text, library in NEEDS.items() if text in cell.source}
        for node in ast.walk(ast.parse(TransformerManager().transform_cell(cell.source))):
            if isinstance(node, ast.Import):
                needed |= {each.name.partition(".")[0] for each in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                needed.add(node.module.partition(".")[0])
    return sorted(name for name in needed if importlib.util.find_spec(name) is None)


def run(path: Path, home: Path) -> Run:
    """Run a notebook in a kernel of its own, in ``home``, and with the guard in place; raises what a cell raises.

    The caller has set ``IPYTHONDIR`` to ``home``.
    """
    record = home / "strangers.txt"
    startup = home / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "guard.py").write_text(_GUARD.format(record=str(record)).replace("{{", "{").replace("}}", "}"))
    notebook = read(path)
    begin = time.monotonic()
    NotebookClient(notebook, timeout=int(LIMIT), resources={"metadata": {"path": str(home)}}).execute()
    seconds = time.monotonic() - begin
    return Run(notebook, seconds, record.read_text() if record.exists() else "")
