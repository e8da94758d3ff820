"""In a real kernel, with the cell ids that JupyterLab sends and without: cells that run again, and interrupts."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any

import nbformat
import pytest
from jupyter_client.manager import start_new_kernel
from nbclient import NotebookClient

pytestmark = pytest.mark.slow

COUNTS = """
import gc, threading
gc.collect()
from streamz import sinks
from kucoin_stream.widgets.screen import screen
import comm
client = ks.connect('sim')
def counts():
    return dict(
        sinks=len(sinks._global_sinks), views=len(screen.views), comms=len(comm.get_comm_manager().comms),
        topics=client.statistics()["topics"], readers=client.statistics()["feeds"],
        threads=sorted(each.name for each in threading.enumerate() if each.name.startswith("kucoin-stream")),
        kinds=sorted(client.ps()["kind"]), cells=sorted(set(client.ps()["cell"])),
    )
"""
PROLOGUE = "import kucoin_stream as ks, time, os\nks.connect('sim');"


class Kernel:
    """A kernel, spoken to as JupyterLab does."""

    def __init__(self, manager: Any, client: Any) -> None:
        self.manager = manager
        self.client = client
        self.said: list[dict[str, Any]] = []

    def start(self, source: str, cell_id: str | None = None) -> str:
        """Send a cell; return the id of the request."""
        content = {
            "code": source, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False,
            "stop_on_error": False,
        }  # fmt: skip
        message = self.client.session.msg("execute_request", content)
        if cell_id is not None:
            message["metadata"]["cellId"] = cell_id
        self.client.shell_channel.send(message)
        return str(message["header"]["msg_id"])

    def finish(self, request: str, timeout: float = 60.0) -> dict[str, Any]:
        """Wait for the end of a cell; return the reply."""
        reply = self._reply(request, timeout)
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            message = self.client.get_iopub_msg(timeout=timeout)
            self.said.append(message)
            ended = message["msg_type"] == "status" and message["content"]["execution_state"] == "idle"
            if ended and message["parent_header"].get("msg_id") == request:
                return reply
        raise TimeoutError(request)

    def _reply(self, request: str, timeout: float) -> dict[str, Any]:
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            reply = self.client.get_shell_msg(timeout=timeout)
            if reply["parent_header"].get("msg_id") == request:
                return reply["content"]
        raise TimeoutError(request)

    def run(self, source: str, cell_id: str | None = None) -> Any:
        """Run a cell; return what it printed as a value, raise what it raised."""
        request = self.start(source, cell_id)
        reply = self.finish(request)
        assert reply["status"] == "ok", "\n".join(reply["traceback"])
        printed = "".join(
            each["content"]["text"]
            for each in self.said
            if each["msg_type"] == "stream"
            and each["content"]["name"] == "stdout"
            and each["parent_header"].get("msg_id") == request
        )
        return eval(printed) if printed else None

    def errors_of(self, request: str) -> str:
        """Return what was written to the standard error of a cell so far."""
        return "".join(
            each["content"]["text"]
            for each in self.said
            if each["msg_type"] == "stream"
            and each["content"]["name"] == "stderr"
            and each["parent_header"].get("msg_id") == request
        )


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    home = str(tmp_path_factory.mktemp("ipython"))
    environment = {**os.environ, "IPYTHONDIR": home}
    manager, client = start_new_kernel(kernel_name="python3", env=environment)
    try:
        yield Kernel(manager, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


@pytest.fixture(autouse=True)
def _fresh(request: pytest.FixtureRequest) -> Iterator[None]:
    if "kernel" not in request.fixturenames:
        yield
        return
    kernel = request.getfixturevalue("kernel")
    kernel.run(PROLOGUE)
    kernel.run("book = ks.book('BTC-USDT').wait()")
    kernel.run(COUNTS)
    yield
    kernel.run("ks.stop()\nfor each in list(sinks._global_sinks): each.destroy()")


CELL = """
trades = ks.trades('BTC-USDT', 'ETH-USDT')
windows = trades.timed_window(0.05)
windows.map(len).sink(id)
trades.buffer(10).rate_limit(0.01).sink(id)
trades.sink(id, thread=True)
depth = ks.book('ETH-USDT')
depth
"""


def test_a_cell_run_fifty_times_leaves_one_of_each(kernel: Kernel) -> None:
    kernel.run(CELL, "cell-a")
    once = kernel.run("gc.collect(); print(counts())")
    for _ in range(49):
        kernel.run(CELL, "cell-a")
    kernel.run("time.sleep(0.3)")
    again = kernel.run("gc.collect(); print(counts())")
    assert {**once, "threads": len(once["threads"])} | {"cells": 0} == {**again, "threads": len(again["threads"])} | {
        "cells": 0
    }
    assert (again["sinks"], again["views"], again["topics"]) == (3, 1, 4)
    assert len(again["threads"]) == 4  # io, render, watch, and the sink's own
    assert len(again["cells"]) == 2  # the book of the prologue, and the last execution


NBCLIENT = CELL.replace("depth = ks.book('ETH-USDT')\ndepth\n", "ks.book('ETH-USDT')\n")


def test_so_it_does_in_nbclient_which_sends_no_ids(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    prologue = f"{PROLOGUE}\nbook = ks.book('BTC-USDT').wait()\n{COUNTS}"
    sources = [prologue, *[NBCLIENT] * 50, "time.sleep(0.3); gc.collect(); print(counts())"]
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    done = NotebookClient(nbformat.v4.new_notebook(cells=cells), timeout=60).execute()
    counted = eval(done.cells[-1].outputs[0].text)
    assert (counted["sinks"], counted["views"], counted["topics"]) == (3, 1, 4)
    assert len(counted["threads"]) == 4


# -- what a cell is told -----------------------------------------------------------------------------------------


def test_a_stall_and_a_traceback_appear_in_the_cell_that_made_them(kernel: Kernel) -> None:
    kernel.run("import threading\ngate = threading.Event()\nfeed = ks.level2('BTC-USDT')")
    guilty = kernel.start("def hold(message):\n    gate.wait(20); 1 / 0\nfeed.buffer(3).sink(hold);", "guilty")
    number = kernel.finish(guilty)["execution_count"]
    _until_told(kernel, guilty, "has not returned")
    assert f"<sink: hold> of spot.level2 BTC-USDT, made by In [{number}] has not returned" in kernel.errors_of(guilty)
    row = kernel.run(
        "row = client.ps().query('kind == \"sink\"').iloc[0]; print([str(row['cell']), float(row['stalled'])])"
    )
    assert (row[0], row[1] > 1) == (f"In [{number}]", True)
    kernel.run("gate.set()")
    _until_told(kernel, guilty, "went on after")
    _until_told(kernel, guilty, "ZeroDivisionError")


def _until_told(kernel: Kernel, request: str, what: str) -> None:
    deadline = time.monotonic() + 20
    while what not in kernel.errors_of(request):
        assert time.monotonic() < deadline, kernel.errors_of(request)
        kernel.run("pass")
        time.sleep(0.05)


# -- interrupts --------------------------------------------------------------------------------------------------

WAITS: dict[str, tuple[str, str]] = {
    "a cell of the user's": ("", "time.sleep(60)"),
    "a busy cell": ("", "while True: pass"),
    "frame.wait()": ("silent = ks.feed('spot.call_auction', 'BTC-USDT').frame()", "silent.wait(60)"),
    "ks.book()": (
        "client.simulator.faults.mute_acks = True",
        "while True: ks.book('SOL-USDT').stop()",
    ),
    "client.engine.call": ("", "client.engine.call(__import__('asyncio').sleep, 60, timeout=60)"),
    "ks.run()": ("import asyncio", "ks.run(asyncio.sleep(60))"),
    "ks.run() of a loop over a feed": (
        "silent = ks.feed('spot.call_auction', 'BTC-USDT')\nasync def read():\n    async for _ in silent: pass",
        "ks.run(read())",
    ),
}


@pytest.mark.parametrize(("before", "waiting"), WAITS.values(), ids=WAITS)
def test_an_interrupt_ends_the_cell_and_nothing_else(kernel: Kernel, before: str, waiting: str) -> None:
    kernel.run("seen = []\nfeed = ks.level2('BTC-USDT')\nfeed.sink(seen.append);")
    kernel.run("while not seen: time.sleep(0.01)")
    if before:
        kernel.run(before)
    request = kernel.start(f"print('running', flush=True)\n{waiting}")
    _until_said(kernel, request, "running")
    time.sleep(0.3)  # into the wait
    kernel.manager.interrupt_kernel()
    reply = kernel.finish(request)
    assert (reply["status"], reply["ename"]) == ("error", "KeyboardInterrupt")
    kernel.run("client.simulator.faults.clear()")
    begun = kernel.run("print([len(seen), book.updates])")
    end = kernel.run(
        f"end = time.time() + 20\n"
        f"while time.time() < end and (len(seen) < {begun[0]} + 3 or book.updates < {begun[1]} + 3): time.sleep(0.01)\n"
        "print([len(seen), book.updates, book.status, feed.status, client.statistics()['reconnects'], "
        "ks.book('ETH-USDT').wait().status])"
    )
    assert end[0] > begun[0]
    assert end[1] > begun[1]
    assert end[2:] == ["live", "live", 0, "live"]


def _until_said(kernel: Kernel, request: str, what: str) -> None:
    while True:
        message = kernel.client.get_iopub_msg(timeout=20)
        kernel.said.append(message)
        if message["parent_header"].get("msg_id") == request and message["msg_type"] == "stream":
            assert what in message["content"]["text"]
            return


# -- coroutines --------------------------------------------------------------------------------------------------

COROUTINES = """
import asyncio, ipywidgets

async def first(feed):
    async for message in feed:
        return message.symbol

async def ask():
    async with ks.Client('sim') as client:
        return (await client.book('BTC-USDT')).mid > 0

level2 = ks.level2('BTC-USDT')
seen = []
asyncio.get_running_loop().call_soon(lambda: None)  # due in the turn of this cell
seen.append(ks.run(first(level2)))
seen.append(ks.run(ask()))
button = ipywidgets.Button()
button.on_click(lambda _: seen.append(ks.run(first(level2))))
button.click()
print(seen)
"""


def test_plain_cells_and_callbacks_wait_for_coroutines_and_await_works_as_before(kernel: Kernel) -> None:
    assert kernel.run(COROUTINES) == ["BTC-USDT", True, "BTC-USDT"]
    assert kernel.run("print([await first(level2), ks.run(first(level2))])") == ["BTC-USDT", "BTC-USDT"]
    assert kernel.run("print([book.status, level2.status])") == ["live", "live"]
