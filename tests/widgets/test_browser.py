"""Live and static pictures in a real browser, narrow and wide, light and dark."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pandas as pd
import pytest

from kucoin_stream.widgets.book.depth import DepthPainter
from kucoin_stream.widgets.book.painter import BookPainter
from kucoin_stream.widgets.candles.painter import KlinesPainter
from kucoin_stream.widgets.lines.latency import LatencyPainter
from kucoin_stream.widgets.lines.painter import LinesPainter
from kucoin_stream.widgets.screen import Screen
from kucoin_stream.widgets.state.account import AccountPainter
from kucoin_stream.widgets.state.status import StatusPainter
from kucoin_stream.widgets.state.table import TablePainter
from kucoin_stream.widgets.trades.painter import TapePainter
from kucoin_stream.widgets.view import View
from kucoin_stream.widgets.wall.painter import WallPainter
from tests.widgets.fakes import (
    NOW,
    FakeBook,
    FakeKlines,
    FakeTable,
    FakeTape,
    FakeWall,
    a_book,
    a_client,
    a_trade,
    a_wall,
    candles,
    some_trades,
)
from tests.widgets.test_account_panel import FakeAccount, an_account
from tests.widgets.test_depth import book
from tests.widgets.test_ladder import FakeOrders, ladder
from tests.widgets.test_lines import FakeStatus, FakeTops, walk

pytestmark = pytest.mark.browser

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
THEMES = {
    "light": ("#ffffff", "rgba(0,0,0,.87)", "rgba(0,0,0,.54)"),
    "dark": ("#111111", "rgba(255,255,255,.87)", "rgba(255,255,255,.54)"),
}
MARKERS = pd.DataFrame(
    {
        "time": pd.to_datetime([NOW - 5000, NOW - 600], unit="s", utc=True),
        "price": [66_600.0, 66_700.0],
        "side": ["buy", "sell"],
    }
)
PICTURES = {
    "live": [
        BookPainter(a_book(badge="SIMULATED")),
        BookPainter(ladder(), depth=5, trades=FakeTape([a_trade(100.0)]), orders=FakeOrders()),
        DepthPainter(book(2000)),
        LinesPainter(FakeTops(walk())),
        LatencyPainter(FakeStatus()),
        KlinesPainter(FakeKlines(candles(), volume_unit="lots", title="XBTUSDTM 1min", badge="SIMULATED")),
        KlinesPainter(
            FakeKlines(candles(count=900)), overlays=("sma 20", "ema 50", "vwap", "bollinger 20 2"), markers=MARKERS
        ),
        TapePainter(FakeTape(some_trades(), badge="REPLAYED")),
        TapePainter(FakeTape(some_trades(count=200)), aggregate="1s", min_size=0.01),
        WallPainter(a_wall(badge="SIMULATED")),
        StatusPainter(a_client(mode="sim", reason="no answer from api.kucoin.com (tls)", badge="SIMULATED")),
        AccountPainter(an_account(badge="SIMULATED")),
        TablePainter(FakeTable()),
    ],
    "not live": [
        BookPainter(a_book(status="stale: no data for 12 s")),
        BookPainter(FakeBook(status="syncing: snapshot requested")),
        DepthPainter(book(40, status="stale: no data for 12 s"), within=5),
        LinesPainter(FakeTops(status="connecting")),
        KlinesPainter(FakeKlines(candles(count=30), status="resyncing")),
        TapePainter(FakeTape(some_trades(symbols=("BTC-USDT", "ETH-USDT")), status="stopped: " + "long " * 30)),
        WallPainter(FakeWall(status="syncing", expected=9)),
        StatusPainter(a_client(status="refused: wrong key", title="T" * 200)),
        AccountPainter(an_account(status="stale: no answer for 12 s")),
        AccountPainter(FakeAccount({}, status="refused: no key")),
        TablePainter(FakeTable(0, status="syncing"), count=3),
    ],
}


@pytest.fixture(scope="module")
def browser():
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no Chromium on the path")
    with api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield opened
        opened.close()


BOX = '<div style="display:flex;{}"><div></div><div style="align-self:stretch;flex-grow:1;flex-shrink:1">{}</div></div>'
"""As ipywidgets puts an HTML widget into an output."""
WIDER = """() => [...document.querySelectorAll("section")].map(section =>
    section.querySelector("[role=figure]").getBoundingClientRect().right - section.getBoundingClientRect().right)"""
SCROLLS = """() => [...document.querySelectorAll("section")].map(section => section.scrollWidth - section.clientWidth)
    .filter(px => px > 0)"""
SIDEWAYS = ("width", "min_width", "max_width", "margin")


def output(painter):
    """Return what an output has of a view: its picture in a box of its layout."""
    view = View(painter, screen=Screen(threaded=False))
    layout = {"margin": "2px"} | {name: value for name in SIDEWAYS if (value := getattr(view.layout, name)) is not None}
    style = ";".join(f"{name.replace('_', '-')}:{value}" for name, value in layout.items())
    view.close()
    return f"<section>{BOX.format(style, painter.html(painter.picture(NOW)))}</section>"


@pytest.mark.parametrize("state", PICTURES)
def test_a_live_picture_is_as_wide_as_its_output(browser, state):
    body = "".join(output(p) for p in PICTURES[state])
    page = browser.new_page(viewport={"width": 1920, "height": 800})
    page.set_content(f"<!doctype html><meta charset=utf-8>{body}")
    for width in (250, 284, 600, 980, 1600):
        page.evaluate("width => document.querySelectorAll('section').forEach(e => e.style.width = width)", f"{width}px")
        names = [type(p).__name__ for p in PICTURES[state]]
        wider = list(zip(names, page.evaluate(WIDER), strict=True))
        assert [(name, px) for name, px in wider if px > 0] == [], width
        assert page.evaluate(SCROLLS) == [], width
        least = page.evaluate("Math.min(...[...document.querySelectorAll('[role=figure]')].map(e => e.clientWidth))")
        assert least > min(width, 600) - 8  # none is narrower of its own will
    page.close()


OLD_NOTEBOOK = "section img, section svg {max-width: 100%; height: auto}"
"""What the style sheet of Notebook 6 says of drawings in an output."""


@pytest.mark.parametrize("kind", ["html", "static_html"])
def test_a_style_sheet_of_the_page_distorts_no_drawing(browser, kind):
    body = "".join(f"<section>{getattr(p, kind)(p.picture(NOW))}</section>" for p in PICTURES["live"])
    sizes = []
    for rules in ("", OLD_NOTEBOOK):
        page = browser.new_page(viewport={"width": 700, "height": 800})
        page.set_content(f"<!doctype html><meta charset=utf-8><style>{rules}</style>{body}")
        sizes.append(
            page.evaluate("""() => [...document.querySelectorAll("section svg, section img")].map(drawn => {
                const box = drawn.getBoundingClientRect()
                return [drawn.closest("section").innerText.slice(0, 30), box.width, box.height]
            })""")
        )
        page.close()
    assert len(sizes[0]) > 20
    assert [both for both in zip(*sizes, strict=True) if both[0] != both[1]] == []


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("kind", ["html", "static_html"])
@pytest.mark.parametrize("state", PICTURES)
def test_nothing_overflows_or_complains(browser, state, kind, theme):
    background, ink, muted = THEMES[theme]
    body = "".join(f"<p>{getattr(p, kind)(p.picture(NOW))}</p>".replace("p>", "section>") for p in PICTURES[state])
    page = browser.new_page(viewport={"width": 320, "height": 800})
    complaints, requests = [], []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.set_content(
        f"<!doctype html><meta charset=utf-8><style>:root{{--jp-ui-font-color1:{ink};--jp-ui-font-color2:{muted}}}"
        f"body{{margin:8px;background:{background};color:{ink}}}section{{margin-bottom:16px}}</style>{body}"
    )
    for width in (320, 1200):
        page.set_viewport_size({"width": width, "height": 800})
        if folder := os.environ.get("KUCOIN_STREAM_SCREENSHOTS"):  # to look at them
            page.screenshot(path=Path(folder) / f"{state.replace(' ', '-')}-{kind}-{theme}-{width}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        heights = page.evaluate(
            "[...document.querySelectorAll('section > div')].map(e => e.getBoundingClientRect().height)"
        )
        assert len(heights) == len(PICTURES[state])
        assert min(heights) > 100
    page.close()
    assert complaints == []
    assert [url for url in requests if not url.startswith(("data:", "about:"))] == []


JUPYTER = """body{margin:0;font-size:13px}
    .jp-RenderedHTMLCommon table{border-collapse:collapse;border-spacing:0;border:none;
    font-size:13px;table-layout:fixed;margin-left:auto;margin-bottom:1em;margin-right:auto}
    .jp-RenderedHTMLCommon td,.jp-RenderedHTMLCommon th,.jp-RenderedHTMLCommon tr{vertical-align:middle;padding:0.5em;
    line-height:normal;white-space:normal;max-width:none;border:none;text-align:right}"""
"""What a notebook's style sheet says of tables in an output."""

OUTSIDE = """() => [...document.querySelectorAll("section")].map(section => [...section.querySelectorAll("td, th")]
    .filter(cell => {
        const range = document.createRange(), room = cell.getBoundingClientRect()
        range.selectNodeContents(cell)
        const ink = range.getBoundingClientRect()
        return cell.innerText.trim() && (ink.left < room.left - 1 || ink.right > room.right + 1)
    }).map(cell => cell.innerText))"""
SEEN = """() => [...document.querySelectorAll("section")].map(section => {
    const room = section.getBoundingClientRect()
    return [...section.querySelectorAll("th")].filter(cell => cell.getBoundingClientRect().right <= room.right + 1)
        .map(cell => cell.innerText.trim())
})"""
FIRST = {
    "BookPainter": ["size", "bid", "ask", "size"],
    "TapePainter": ["time UTC", "price", "size BTC"],
    "WallPainter": ["symbol", "price", "change"],
    "StatusPainter": ["connection", "state", "a second", "rtt ms"],
    "AccountPainter": ["currency", "account", "total", "symbol", "side", "price", "symbol", "side", "profit", "price"],
}
"""Columns of a static picture that are in sight in an output of 302 px (a page of 320 px), in this order."""


@pytest.mark.parametrize("state", PICTURES)
def test_the_cells_of_a_static_picture_stay_apart_where_it_is_narrow(browser, state):
    body = "".join(
        f'<section class="jp-RenderedHTMLCommon">{p.static_html(p.picture(NOW))}</section>' for p in PICTURES[state]
    )
    page = browser.new_page(viewport={"width": 900, "height": 800})
    page.set_content(f"<!doctype html><meta charset=utf-8><style>{JUPYTER}</style>{body}")
    names = [type(p).__name__ for p in PICTURES[state]]
    for width in (800, 420, 302):
        page.evaluate("width => document.querySelectorAll('section').forEach(e => e.style.width = width)", f"{width}px")
        outside = zip(names, page.evaluate(OUTSIDE), strict=True)  # the times under candles have no cells of their own
        assert [(name, cells) for name, cells in outside if cells and name != "KlinesPainter"] == [], width
    if state == "live":
        for name, seen in dict(reversed([*zip(names, page.evaluate(SEEN), strict=True)])).items():
            wanted = iter(seen)
            assert all(column in wanted for column in FIRST.get(name, [])), (name, seen)
    page.close()
