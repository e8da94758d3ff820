"""A hostile server in a real JupyterLab: no script of its runs, no element of its is made, nothing is fetched."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import nbformat
import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright")

sys.path += [str(Path(__file__).parents[1] / "jupyter"), str(Path(__file__).parent)]
from hostile import OBEYED  # noqa: E402
from lab import CHROMIUM, FLAGS, Lab, Tab, running_lab  # noqa: E402

from kucoin_stream.simulator.account import SIMULATED  # noqa: E402

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium"),
    pytest.mark.skipif(find_spec("jupyterlab") is None, reason="needs JupyterLab"),
]

SECRETS = (SIMULATED.key, SIMULATED.secret, SIMULATED.passphrase)
PATIENCE_MS = 60_000  # for what takes a second where nothing else runs
HERE = str(Path(__file__).parent)
WATCH = "window.pwned = []; window.pwn = n => window.pwned.push(n);"
"""What the words of :mod:`hostile` call."""

MADE = """() => [...document.querySelectorAll('.jp-OutputArea *')].filter(each =>
    [...each.attributes].some(a => a.name.startsWith('on') || /^\\\\s*javascript:/i.test(a.value))
    || ['SCRIPT', 'IFRAME', 'LINK', 'OBJECT', 'EMBED'].includes(each.tagName)
    || (each.tagName === 'IMG' && !each.src.startsWith('data:image/svg+xml;base64,'))
).map(each => each.outerHTML.slice(0, 200))"""
"""Elements in outputs that no picture of ours has."""

CELLS = {
    "start": f"""
import sys; sys.path.insert(0, {HERE!r})
import hostile
from hostile import HANDLERS, REMOTE, TEXT
import kucoin_stream as ks
from IPython.display import display
sim = hostile.exchange()
sim.faults.refuse("obu:SPOT/ETH-USDT", 404, TEXT)
sim.faults.refuse("/market/match:ETH-USDT", 404, TEXT + REMOTE)
client = ks.connect(sim.url, **hostile.key_of(sim), reconnect_delay=0.05)
""",
    "book": "book = client.book('BTC-USDT').wait(); book.title = TEXT + REMOTE; book",
    "klines": "bars = client.klines('BTC-USDT', '1min', history=30).wait(); bars.title = HANDLERS; bars",
    "trades": """
feed = client.trades('BTC-USDT')
tape = feed.frame()
for at, text in enumerate((TEXT, REMOTE, HANDLERS)):
    sim.faults.inject(hostile.trade(text, 10**15 + at))
while not (tape.df['symbol'] == TEXT).any(): pass
tape.title = REMOTE
display(tape, tape.df, feed)
""",
    "account": """
balances, orders = client.account.balances(), client.account.orders()
for text in (TEXT, REMOTE, HANDLERS):
    sim.faults.inject(hostile.balance(text))
    sim.faults.inject(hostile.order(text))
while TEXT not in str(list(balances.df.index)) + balances.df.to_csv() and balances.received < 3: pass
display(balances, orders, balances.df, orders.df)
""",
    "ticker": "client.ticker('BTC-USDT').frame()",
    "status": """
sim.faults.inject(hostile.notice(TEXT)); sim.faults.inject(hostile.notice(REMOTE))
sim.faults.rest('/api/v1/bullet-private', 403, '1', TEXT + REMOTE)
sim.faults.kill()
while 'img' not in str(client.statistics()['connections']): pass
state = client.status()
display(state, state.df, client.statistics(), client.ps(), repr(client))
""",
    "refused": "client.trades('ETH-USDT')",
    "rest": "sim.faults.rest('/api/v1/status', 500, TEXT, TEXT + REMOTE); client.rest.spot_market.get_service_status()",
    "rows": """
import json
row = {'currency': TEXT, TEXT: REMOTE, 'chains': [{TEXT: HANDLERS}]}
sim.faults.rest('/api/v3/currencies', 200, body=json.dumps({'code': '200000', 'data': [row]}))
found = client.rest.spot_market.get_all_currencies()
display(found)
""",
    "raises": """
import warnings, logging
logging.getLogger('kucoin_stream').warning('%s', TEXT)
warnings.warn(TEXT + REMOTE)
print(TEXT, file=sys.stderr); print(REMOTE)
feed.map(lambda t: {}[t.symbol]).sink(print)
sim.faults.inject(hostile.trade(TEXT, 10**15 + 9))
raise ks.errors.RequestError(TEXT + REMOTE)
""",
    "slider": """
from kucoin_stream.widgets.replay import ReplaySlider
import pandas as pd
class Subject:
    start = position = pd.Timestamp('2026-01-01', tz='UTC'); end = start + pd.Timedelta('1min'); playing = False
slider = ReplaySlider(Subject()); slider.show_problem(RuntimeError(TEXT + REMOTE)); slider
""",
    "doctor": "ks.doctor(sim.url, **hostile.key_of(sim))",
}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with running_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def tab(lab: Lab, browser: Any) -> Iterator[Tab]:
    page = browser.new_page(viewport={"width": 1280, "height": 6000})
    page.set_default_timeout(PATIENCE_MS)
    page.add_init_script(WATCH)
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.type), dialog.accept()))
    tab = Tab(page, lab)
    yield tab
    page.close()
    assert (set(dialogs) - {"beforeunload"}, tab.strangers) == (set(), [])


def harmless(tab: Tab) -> None:
    """Check that nothing of the server's words became more than words."""
    tab.page.wait_for_timeout(500)  # what is loaded, typeset or raised later
    assert tab.page.evaluate("window.pwned") == []
    assert tab.page.evaluate(MADE) == []


def saved(lab: Lab) -> Any:
    return nbformat.read(lab.root / "hostile.ipynb", as_version=4)


def test_no_word_of_a_server_becomes_more_than_a_word(lab: Lab, tab: Tab) -> None:
    cells = [nbformat.v4.new_code_cell(source.strip(), id=name) for name, source in CELLS.items()]
    for cell in cells[1:]:
        cell.metadata["tags"] = ["raises-exception"]
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=metadata), lab.root / "hostile.ipynb")
    tab.open("hostile.ipynb")
    tab.page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")
    playwright.expect(tab.output("doctor")).to_contain_text("kucoin_stream doctor", timeout=3 * PATIENCE_MS)
    harmless(tab)
    assert {cell["id"] for cell in tab.cells() if "error" in cell["outputs"]} == {"refused", "rest", "raises"}
    for name in ("book", "trades", "account", "status", "refused", "rest", "rows", "raises", "slider"):
        assert "src=x onerror=pwn(1)" in tab.output(name).inner_text(), name  # it is all there to be read
    tab.execute("docmanager:save")

    notebook = saved(lab)
    text = (lab.root / "hostile.ipynb").read_text()
    assert [part for part in SECRETS if part in text] == []
    told = [each for cell in notebook.cells for each in cell.outputs if each.output_type == "error"]
    assert not any(letter in each.evalue for each in told for letter in OBEYED)

    lab.end_sessions()
    notebook.metadata = {  # the signature is void now, and no kernel starts by itself
        "kernelspec": {"name": "elsewhere", "display_name": "Elsewhere", "language": "elsewhere"},
        "language_info": {"name": "elsewhere"},
    }
    nbformat.write(notebook, lab.root / "received.ipynb")
    tab.open("received.ipynb", kernel=False)
    tab.page.locator(".jp-Dialog .jp-mod-reject").click()
    tab.page.locator(".jp-OutputArea-output").first.wait_for()
    harmless(tab)
