"""The example notebooks: clean in the repository, alike at their begin and end, and they run."""

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.jupyter.notebooks import EXAMPLES, LIMIT, NOTEBOOKS, code_cells, missing, read, run

QUICK = {"00_quickstart"}

PROLOGUE = "import kucoin_stream as ks\n\nclient = ks.connect()"


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request):
    return read(request.param)


@pytest.fixture(scope="module")
def seconds(request):
    """How long each notebook took; a table of it is printed at the end."""
    taken: dict[str, float] = {}
    yield taken
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        print("", *(f"{name:<32} {each:5.1f} s" for name, each in sorted(taken.items())), sep="\n")


# -- as they are stored ------------------------------------------------------------------------------------------


def test_the_quickstart_has_the_cells_that_others_name():
    ids = {cell.id for cell in read(EXAMPLES / "00_quickstart.ipynb").cells}
    assert ids >= {"connect", "book", "klines", "trades", "status"}


def test_the_readme_lists_each_of_them():
    told = re.findall(r"\]\((\w+\.ipynb)\)", (EXAMPLES / "README.md").read_text())
    assert told == [path.name for path in NOTEBOOKS]


def test_it_is_stored_without_outputs_and_state(notebook):
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert notebook.metadata.keys() == {"kernelspec", "language_info"}
    for cell in notebook.cells:
        assert not cell.metadata
        if cell.cell_type == "code":
            assert not cell.outputs
            assert cell.execution_count is None


def test_it_begins_as_all_do_and_says_how_to_stop(notebook):
    assert notebook.cells[0].source.startswith("# ")
    assert code_cells(notebook)[0].id == "connect"
    assert code_cells(notebook)[0].source == PROLOGUE
    assert any("ks.stop()" in cell.source for cell in notebook.cells[-3:])


def test_its_cells_have_names_and_are_short(notebook):
    for cell in notebook.cells:
        assert re.fullmatch(r"[a-z][a-z0-9-]{2,20}", cell.id)
        if cell.cell_type == "code":
            lines = cell.source.splitlines()
            assert len(lines) <= 32
            assert max(map(len, lines)) <= 100


def test_what_it_links_to_is_there(notebook):
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    links = [link for link in re.findall(r"\]\(([^)]+)\)", text) if "://" not in link]
    assert [link for link in links if not (EXAMPLES / link).exists()] == []


# -- as they run -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [pytest.param(each, id=each.stem, marks=() if each.stem in QUICK else pytest.mark.slow) for each in NOTEBOOKS],
)
def test_it_runs_in_a_minute_on_this_machine_alone(path: Path, monkeypatch, tmp_path, seconds):
    if absent := missing(read(path)):
        pytest.skip(f"it needs {', '.join(absent)}: pip install 'kucoin-stream[examples]'")
    monkeypatch.setenv("KUCOIN_STREAM_TARGET", "sim")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    done = run(path, tmp_path)
    seconds[path.stem] = done.seconds
    assert done.strangers == ""
    assert done.errors() == []
    assert done.seconds < LIMIT


def test_the_guard_sees_who_asks_for_another_host(monkeypatch, tmp_path):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    asks = "import contextlib, socket\nwith contextlib.suppress(PermissionError):\n    socket.create_connection({})"
    cells = [nbformat.v4.new_code_cell(asks.format(address)) for address in (("kucoin.invalid", 80), ("1.1.1.1", 80))]
    path = tmp_path / "asks.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    assert run(path, tmp_path).strangers == "socket.getaddrinfo kucoin.invalid\nsocket.connect 1.1.1.1\n"


def test_cells_of_a_real_kernel_are_watched_also_where_they_await(monkeypatch, tmp_path):
    monkeypatch.setenv("KUCOIN_STREAM_TARGET", "sim")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    sink = "import asyncio\nawait asyncio.sleep(0)\ntrades.sink(len);"
    sources = [
        "%load_ext kucoin_stream\nimport kucoin_stream as ks\nks.connect()\ntrades = ks.trades('BTC-USDT')",
        *[sink] * 3,
        "from streamz.sinks import _global_sinks\nprint(len(_global_sinks))",
        "ks.status()",
        "print(type(_).__name__)",
    ]
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    done = NotebookClient(nbformat.v4.new_notebook(cells=cells), timeout=60).execute()
    assert [each.outputs[0].text for each in (done.cells[4], done.cells[6])] == ["1\n", "Handle\n"]
