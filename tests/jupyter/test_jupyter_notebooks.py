"""The example notebooks: clean in the repository, and they run."""

import time
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parents[2] / "examples").glob("*.ipynb"))


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.name)
def notebook(request):
    return nbformat.read(request.param, as_version=4)


def test_there_is_a_quickstart():
    assert "00_quickstart.ipynb" in {path.name for path in NOTEBOOKS}


def test_it_is_stored_without_outputs_and_state(notebook):
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert "widgets" not in notebook.metadata
    for each in notebook.cells:
        if each.cell_type == "code":
            assert not each.outputs
            assert each.execution_count is None


def test_it_runs_in_a_minute(notebook, monkeypatch, tmp_path):
    monkeypatch.setenv("KUCOIN_STREAM_TARGET", "sim")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    begin = time.monotonic()
    NotebookClient(notebook, timeout=60, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert time.monotonic() - begin < 60


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
