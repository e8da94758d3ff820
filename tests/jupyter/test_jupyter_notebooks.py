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
