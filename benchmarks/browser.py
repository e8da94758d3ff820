"""From the server's send to the page, and what a picture costs: ``python -m benchmarks.browser URL RATE``.

A real JupyterLab, kernel and Chromium; a notebook keeps ten books and shows one. The notebook's cell output is observed
in the page: when the text ``sequence N`` changes, how long ago did the server send N? The kernel's CPU is read from
``/proc`` while the ladder is in view and while it is not, in one flood. Prints ``{"skipped": reason}`` where the parts
are missing.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.process import Flood, ask
from kucoin_stream.simulator.flood.market import Exchange

SYMBOL = "BTC-USDT"
WARM, PHASE = 2.0, 12.0  # seconds before a measurement, and of it: 120 pictures
TICKS = os.sysconf("SC_CLK_TCK")

KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}

OPEN = """\
import os
import kucoin_stream as ks
client = ks.Client({url!r}, key="key", secret="secret", passphrase="passphrase").open()
books = {{symbol: client.book(symbol) for symbol in {symbols!r}}}
for book in books.values():
    book.wait()
print("pid", os.getpid())
"""
SHOW = f'view = books["{SYMBOL}"].widget()\nview'
HIDE = "view.stop()"

OBSERVE = r"""() => {
    window.seen = [];
    let last = "";
    const look = () => {
        const now = performance.now();
        const found = document.querySelector(".jp-Notebook .jupyter-widgets")?.textContent.match(/sequence (\d+)/);
        if (found && found[1] !== last) { last = found[1]; window.seen.push([Number(last), now]); }
    };
    new MutationObserver(look).observe(document.querySelector(".jp-Notebook"),
        {subtree: true, childList: true, characterData: true});
}"""


def missing() -> str:
    """Return why there is nothing to measure, if so."""
    try:
        import jupyterlab  # noqa: F401
        import nbformat  # noqa: F401
        from playwright import sync_api  # noqa: F401
    except ImportError as exc:
        return f"{exc.name} is not installed"
    from tests.jupyter.lab import CHROMIUM

    if CHROMIUM is None:
        return "there is no Chromium"
    return "" if Path("/proc/self/stat").exists() else "there is no /proc"


def offset_us(page: Any) -> float:
    """Return what to add to the page's ``performance.now()`` for monotonic microseconds: of the quickest of 50 asks."""
    best = (float("inf"), 0.0)
    for _ in range(50):
        before = time.monotonic_ns()
        there = page.evaluate("() => performance.now()") * 1000
        after = time.monotonic_ns()
        best = min(best, (after - before, (before + after) / 2000 - there))
    return best[1]


def cpu_s(pid: int) -> float:
    """Return the CPU seconds of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def sent_us(url: str, count: int) -> dict[int, int]:
    """Return when the server sent each sequence of the symbol."""
    messages = Exchange().run("level2", count)[0]
    times = ask(url, "/flood/sent")
    pushes = ((json.loads(message)["data"], at) for message, at in zip(messages, times, strict=False))
    return {data["sequenceEnd"]: at for data, at in pushes if data["symbol"] == SYMBOL}


class Meter:
    """Measures the kernel's CPU a second, by phases."""

    def __init__(self, page: Any, pid: int) -> None:
        self._page, self._pid = page, pid

    def phase(self, seconds: float) -> float:
        """Return CPU seconds a second."""
        self._page.wait_for_timeout(WARM * 1000)
        began, cpu = time.monotonic(), cpu_s(self._pid)
        self._page.wait_for_timeout(seconds * 1000)
        return (cpu_s(self._pid) - cpu) / (time.monotonic() - began)


def run(url: str, rate: float) -> dict[str, Any]:
    import nbformat
    from playwright.sync_api import sync_playwright

    from tests.jupyter.lab import CHROMIUM, FLAGS, Tab, running_lab

    count = int(rate * (3 * (PHASE + WARM) + 10))
    flood = Flood(url, "level2", count, rate, one_by_one=True)
    sources = {"open": OPEN.format(url=url, symbols=flood.symbols), "show": SHOW, "hide": HIDE}
    cells = [nbformat.v4.new_code_cell(source, id=name) for name, source in sources.items()]
    flood.ask("bytes")  # so that the messages are made
    with tempfile.TemporaryDirectory() as home, running_lab(Path(home) / "lab") as lab, sync_playwright() as engine:
        nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=KERNEL), lab.root / "bench.ipynb")
        browser = engine.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 1400})
        tab = Tab(page, lab)
        tab.open("bench.ipynb")
        tab.run("notebook:run-cell-and-select-next", {"open"})
        pid = int(tab.output("open").inner_text().split()[-1])
        meter = Meter(page, pid)
        flood.go()
        before = meter.phase(PHASE / 2)
        page.evaluate(OBSERVE)
        tab.run("notebook:run-cell-and-select-next", {"show"})
        shift = offset_us(page)
        page.evaluate("() => { window.seen = []; }")
        with_view = meter.phase(PHASE)
        seen = page.evaluate("() => window.seen")
        tab.run("notebook:run-cell", {"hide"})
        after = meter.phase(PHASE / 2)
        browser.close()
    return _figures(seen, shift, sent_us(url, count)) | _cost(with_view, (before + after) / 2)


def _figures(seen: list[list[float]], shift: float, sent: dict[int, int]) -> dict[str, float]:
    ages = [at * 1000 + shift - sent[int(sequence)] for sequence, at in seen]
    assert len(ages) >= 100, f"only {len(ages)} pictures"
    assert min(ages) > 0, "the clocks differ"
    spaces = np.diff([at for _, at in seen])
    p50, p99 = np.percentile(ages, [50, 99])
    rate = 1000 / float(np.mean(spaces))
    return {"pictures": len(ages), "pictures_per_second": rate, "p50_us": float(p50), "p99_us": float(p99)}


def _cost(with_view: float, without: float) -> dict[str, float]:
    return {"cpu_with": with_view, "cpu_without": without, "widget_cpu": with_view - without}


def main(url: str, rate: float) -> None:
    reason = missing()
    print(json.dumps({"skipped": reason} if reason else run(url, rate)))


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
