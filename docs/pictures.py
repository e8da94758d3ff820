"""Makes the README's pictures from the real widgets, in a real JupyterLab on the built-in exchange.

    python docs/pictures.py          # writes docs/pictures/*; needs the extra ``test``, Pillow and Chromium

A still picture is the output of one cell; the moving one is the same output again and again, as an animated WebP.
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from PIL import Image
from playwright.sync_api import sync_playwright

HERE = Path(__file__).parent / "pictures"
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "jupyter"))

from lab import CHROMIUM, FLAGS, Tab, running_lab  # noqa: E402

KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
START = """import kucoin_stream as ks
client = ks.connect()
book = ks.book("BTC-USDT")
bars = ks.klines("BTC-USDT", "1min", history=300)
trades = ks.trades("BTC-USDT")
tickers = ks.ticker("*-USDT").frame(latest="symbol")
bars.wait(); book.wait(); trades.frame().wait(30);"""
MOVING = "dashboard"
CELLS = {
    MOVING: 'ks.dashboard("BTC-USDT", kinds=("ladder", "candles", "tape", "depth"), '
    'options={"ladder": {"depth": 12}, "candles": {"overlays": ("sma 20", "bollinger 20 2")}})',
    "wall": 'tickers.widget("wall")',
}
SETTLED_MS = 20_000  # until there is something on the tape, and a way behind the prices
FRAMES = 24
EVERY_MS = 250
SHARE = 0.75  # of its size, of the moving picture
WIDTH = 1180


def main() -> None:
    """Write every picture anew."""
    HERE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as home, running_lab(Path(home) / "lab") as lab, sync_playwright() as engine:
        cells = [nbformat.v4.new_code_cell(START, id="start")]
        cells += [nbformat.v4.new_code_cell(source, id=name) for name, source in CELLS.items()]
        nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=KERNEL), lab.root / "pictures.ipynb")
        browser = engine.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        tab = Tab(browser.new_page(viewport={"width": WIDTH + 500, "height": 2600}), lab)
        tab.show("pictures.ipynb")
        tab.page.wait_for_timeout(SETTLED_MS)
        for theme in ("light", "dark"):
            tab.set_theme(theme)
            tab.page.wait_for_timeout(1000)
            for name in CELLS:
                still(tab, name).save(HERE / f"{name}-{theme}.png", optimize=True)
        film = []
        for _ in range(FRAMES):
            whole = still(tab, MOVING)
            film.append(whole.resize((int(whole.width * SHARE), int(whole.height * SHARE)), Image.Resampling.LANCZOS))
            tab.page.wait_for_timeout(EVERY_MS)
        film[0].save(
            HERE / f"{MOVING}.webp",
            save_all=True,
            append_images=film[1:],
            duration=EVERY_MS,
            loop=0,
            quality=55,
            method=6,
        )
        browser.close()
    for each in sorted(HERE.iterdir()):
        print(f"{each.name}: {each.stat().st_size / 1000:.0f} kB")


def still(tab: Tab, cell_id: str) -> Any:
    """Return the output of a cell as an image."""
    output = tab.output(cell_id).locator(".jp-OutputArea-output").first
    return Image.open(io.BytesIO(output.screenshot())).convert("RGB")


if __name__ == "__main__":
    main()
