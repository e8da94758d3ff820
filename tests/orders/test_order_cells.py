"""Orders in a real kernel: a cell that arms sends nothing, and one that is run again sends nothing again."""

from __future__ import annotations

from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat")
NotebookClient = pytest.importorskip("nbclient").NotebookClient

CONNECT = "import kucoin_stream as ks\nclient = ks.connect('sim')\norders = client.orders"
ARM = "orders.arm('sim', cap=100)"
BUY = "orders.spot_order('BTC-USDT', 'buy', funds=10).succeeded"
TELL = "try:\n    print({})\nexcept ks.errors.NotArmedError as exc:\n    print(exc)"


def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *sources: str) -> list[str]:
    """Return what each cell prints; expressions are printed, refusals too."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    code = [source if source == CONNECT else TELL.format(source) for source in sources]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(each) for each in code])
    done = NotebookClient(book, timeout=60).execute()
    return ["".join(output.get("text", "") for output in cell.outputs).strip() for cell in done.cells]


def test_cells_run_again_or_out_of_order_send_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    again = f"{BUY}, 1"
    said = told(tmp_path, monkeypatch, CONNECT, BUY, f"({ARM}, {BUY})", ARM, BUY, BUY, again, ARM, BUY)
    how = "client.orders.arm(target='sim', cap=...) allows"
    off = f"orders are off; {how} them"
    assert said[1:] == [
        off,
        "this cell has just armed orders: send them from another one",
        "None",
        "True",
        f"this cell has sent orders already and was run again; {how} it once more",
        "True 1",
        "None",
        "True",
    ]
