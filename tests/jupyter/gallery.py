"""The notebook of the browser tests: a cell for each kind of picture, and what its kernel is asked."""

from pathlib import Path

from kucoin_stream.widgets.kinds import PAINTERS

START = """
import kucoin_stream as ks
client = ks.connect()
book = ks.book("BTC-USDT").wait()
bars = ks.klines("BTC-USDT", "1min").wait()
trades = ks.trades("BTC-USDT", "ETH-USDT").frame()
tickers = ks.ticker("*-USDT").frame(latest="symbol").wait()
"""
CELLS = {
    "ladder": 'book.widget("ladder")',
    "candles": 'bars.widget("candles")',
    "tape": 'trades.widget("tape")',
    "table": 'tickers.widget("table")',
    "depth": 'book.widget("depth")',
    "lines": 'book.widget("lines")',
    "latency": 'ks.status().widget("latency")',
    "wall": 'tickers.widget("wall")',
    "status": 'ks.status().widget("status")',
    "account": 'client.account.widget("account")',
}
"""How a cell makes each kind of picture. The view has the kind's name in the kernel, the cell has it as its id."""
KINDS = [kind for kind in CELLS if kind in PAINTERS]
QUIET = {"account"}
"""Nobody trades, so nothing changes there."""

BARE = """
import ipywidgets
bare = ipywidgets.HTML()
bare
"""
"""What the pictures are compared with."""

BROKEN = """
from kucoin_stream.widgets.kinds import painter
from kucoin_stream.widgets.view import View

class Broken(type(painter(book, book.kinds))):
    def picture(self, at):
        raise ValueError("broken on purpose")

broken = View(Broken(book))
broken
"""

GAUGES = """
import collections, concurrent.futures, contextlib, gc, os, re, time
import comm
from kucoin_stream.widgets.screen import screen

def view(kind):
    return globals()[kind]

@contextlib.contextmanager
def alone(*kinds):
    "Let no picture be drawn by itself, but for these."
    views = set(screen.views) - {view(kind) for kind in kinds}
    for each in views:
        screen.remove(each)
    try:
        yield
    finally:
        for each in views:
            screen.add(each)

def pump(kinds, seconds, rate):
    "Draw `rate` pictures a second of each kind, from a thread; return how many, and the CPU seconds of each."
    costs = []
    def draw():
        due = time.monotonic()
        end = due + seconds
        while due < end:
            for kind in kinds:
                begin = time.thread_time()
                view(kind).refresh()
                costs.append(time.thread_time() - begin)
            due += 1 / rate
            time.sleep(max(0.0, due - time.monotonic()))
    with concurrent.futures.ThreadPoolExecutor(1) as thread:
        thread.submit(draw).result()
    return len(costs), sorted(costs)[len(costs) // 2]

def plain(kind):
    "Make each update of the bare widget as long as a picture, and its words as many, with no markup."
    words = re.sub("<[^>]*>", " ", view(kind).value)
    padding = "." * (len(view(kind).value) - len(words))
    bare.refresh = lambda: setattr(bare, "value", f"<pre>{time.monotonic_ns()} {words}</pre><!--{padding}-->")

def beats(kind, seconds):
    "Return how often a thread that waits between two pictures wakes up, the pictures drawn meanwhile, and the time."
    begin, before, woken = time.monotonic(), sent[kind], 0
    while time.monotonic() < begin + seconds:
        time.sleep(screen.interval)
        woken += 1
    return woken, sent[kind] - before, time.monotonic() - begin

sent = collections.Counter()

def count(kinds):
    "Count the pictures that are sent to the browser."
    for kind in kinds:
        view(kind).observe(lambda change, kind=kind: sent.update([kind]), "value")

def counts():
    gc.collect()
    return {"views": len(screen.views), "comms": len(comm.get_comm_manager().comms)}
"""
"""What the tests run in the kernel beside the notebook."""

PYTHON = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}


def write(path: Path, *kinds: str, **more: str) -> None:
    """Write a notebook with the cells of ``kinds``, and ``more`` cells by their ids."""
    import nbformat  # seconds: its schemas bring a grammar

    sources = {"start": START, **{kind: f"{kind} = {CELLS[kind]}\n{kind}" for kind in kinds}, **more}
    cells = [nbformat.v4.new_code_cell(source.strip(), id=name) for name, source in sources.items()]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=PYTHON), path)
