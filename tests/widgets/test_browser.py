"""The four live pictures and the four static ones in a real browser, narrow and wide, light and dark."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from kucoin_stream.widgets.book import BookPainter
from kucoin_stream.widgets.klines import KlinesPainter
from kucoin_stream.widgets.status import StatusPainter
from kucoin_stream.widgets.trades import TapePainter
from tests.widgets.fakes import NOW, FakeBook, FakeKlines, FakeTape, a_book, a_client, candles, some_trades

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
PICTURES = {
    "live": [
        BookPainter(a_book(badge="SIMULATED")),
        KlinesPainter(FakeKlines(candles(), volume_unit="lots", title="XBTUSDTM 1min", badge="SIMULATED")),
        TapePainter(FakeTape(some_trades(), badge="REPLAYED")),
        StatusPainter(a_client(mode="sim", reason="no answer from api.kucoin.com (tls)", badge="SIMULATED")),
    ],
    "not live": [
        BookPainter(a_book(status="stale: no data for 12 s")),
        BookPainter(FakeBook(status="syncing: snapshot requested")),
        KlinesPainter(FakeKlines(candles(count=30), status="resyncing")),
        TapePainter(FakeTape(some_trades(symbols=("BTC-USDT", "ETH-USDT")), status="stopped: " + "long " * 30)),
        StatusPainter(a_client(status="refused: wrong key", title="T" * 200)),
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
