"""The interactive view: its buffers, its manners as a view, and its ES module in a real browser with a fake model."""

from __future__ import annotations

import os
import shutil
import sys
from itertools import pairwise
from pathlib import Path

import ipywidgets
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kucoin_stream.bridges.mime import WIDGET_MIME
from kucoin_stream.errors import UsageError
from kucoin_stream.widgets import buffers
from kucoin_stream.widgets.buffers import PACKERS, pack, unpack
from kucoin_stream.widgets.kinds import painter
from kucoin_stream.widgets.kinds import view as make
from kucoin_stream.widgets.screen import Screen
from tests.widgets import fakes
from tests.widgets.fakes import NOW, FakeTape, a_trade, candles, some_trades
from tests.widgets.test_ladder import FakeOrders

anywidget = pytest.importorskip("anywidget", reason="needs anywidget")

from kucoin_stream.widgets.interactive import MODULE, InteractiveView  # noqa: E402

ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync",
]  # fmt: skip
numbers = st.floats(allow_nan=True, allow_infinity=True)


class FakeBook(fakes.FakeBook):
    symbol = "BTC-USDT"


class FakeKlines(fakes.FakeKlines):
    symbol, multiplier = "BTC-USDT", None

    def bars(self, count):
        taken = super().bars(count)
        taken.turnover = taken.volume * taken.close
        return taken


def a_book(**caption):
    full = fakes.a_book()
    return FakeBook(full.bids, full.asks, full.sequence, **caption)


# -- buffers -----------------------------------------------------------------------------------------------------


@given(st.lists(st.lists(numbers, max_size=20), max_size=8))
def test_what_is_packed_comes_out_again(columns):
    assert repr(unpack(pack(columns))) == repr(columns)


def test_a_buffer_is_read_from_its_first_numbers():
    assert list(memoryview(pack([[1.5], [], [2, 3]])).cast("d")) == [3, 1, 0, 2, 1.5, 2, 3]


def test_a_book_becomes_columns():
    book = FakeBook([(99.0, 2.0), (98.0, 1.0)], [(101.0, 4.0)], 17)
    made = painter(book, ["ladder"], "ladder", depth=5)
    packed = buffers.ladder(made.picture(NOW), buffers.height(made))
    facts, *columns = unpack(packed.moving)
    assert facts == [NOW, 100.0, 4.0]
    assert columns == [[99.0, 98.0], [2.0, 1.0], [101.0], [4.0]]
    assert packed.still == b""
    assert packed.words["height"] == 6 * 18


def my_book(**caption):
    """A book with an own order on the second row of the bids, and one that is out of sight."""
    subject = FakeBook([(99.9, 2.0), (99.8, 1.0), (99.7, 3.0)], [(100.1, 4.0), (100.2, 5.0)], 17)
    mine = [("BTC-USDT", "buy", "open", 99.8, 0.00005, 1.0), ("BTC-USDT", "sell", "open", 120.0, 2.5, 2.5)]
    orders = FakeOrders(mine, **caption)
    trades = FakeTape([a_trade(price=100.1, side="buy")])
    return subject, {"depth": 5, "orders": orders, "trades": trades}


def test_own_orders_and_the_last_trade_are_told_in_words():
    subject, options = my_book(status="stale: gone")
    packed = buffers.ladder(painter(subject, ["ladder"], "ladder", **options).picture(NOW), 108)
    words, told = packed.words, packed.told
    assert told["facts"][2:] == [["last", "▲ 100.1", "up"], ["◆ buying", "5e-05", "up"], ["◆ selling", "2.500", "down"]]
    assert told["own"] == [[["", "5e-05", ""]], [["", ""]]]
    assert told["signs"] == [["", "◆ ", ""], [" ▲", ""]]
    heads = [[name for name, *_ in side] for side in words["heads"]]
    assert heads == [["bid", "size", "buying", "total"], ["ask", "size", "selling", "total"]]
    assert told["foot"] == "own orders stale: gone · sequence 17"
    for part in ("last trade buy 100.1", "own orders:"):
        assert part in told["label"]


def test_without_own_orders_there_is_no_column_of_them():
    packed = buffers.ladder(painter(a_book(), ["ladder"], "ladder").picture(NOW), 108)
    assert ([name for name, *_ in packed.words["heads"][0]], packed.told["own"]) == (["bid", "size", "total"], [[], []])


def test_the_step_of_a_grouped_ladder_is_told():
    made = painter(a_book(), ["ladder"], "ladder", grouping=10)
    assert buffers.ladder(made.picture(NOW), 108).told["foot"] == "steps of 10 · sequence 17482913377"


def test_only_the_last_candle_moves():
    bars = FakeKlines(candles(count=30))
    made = painter(bars, ["candles"], "candles", count=20, overlays=("sma 5",))
    first = buffers.candles(made.picture(NOW), 280)
    bars.rows[-1, 4] += 1
    second = buffers.candles(made.picture(NOW), 280)
    assert second.still == first.still
    assert second.words == first.words
    assert second.moving != first.moving
    still, (facts, *last) = unpack(second.still), unpack(second.moving)
    assert [len(column) for column in still] == [19] * 7  # bars and one line
    assert facts == [NOW]
    assert [column[0] for column in last[:6]] == bars.rows[-1].tolist()


def some_fills(rows, prices=(66_990.5, 67_001.0)):
    times = pd.to_datetime(rows[[12, 20], 0], unit="s", utc=True)
    return pd.DataFrame({"time": times, "price": prices, "side": ["buy", "sell"], "text": ["0.25", "<b>"]})


def test_markers_come_with_their_words():
    rows = candles(count=30)
    made = painter(FakeKlines(rows), ["candles"], "candles", count=20, markers=some_fills(rows))
    packed = buffers.candles(made.picture(NOW), 280)
    assert packed.words["marks"] == [
        ["▲", "buy 0.25 at 66,990.5", "up", 2, 66_990.5, 9],
        ["▼", "sell &lt;b&gt; at 67,001.0", "down", 10, 67_001.0, -9],
    ]


def test_depth_becomes_columns():
    made = painter(a_book(), ["depth"], "depth", levels=10)
    taken = made.picture(NOW)
    facts, *columns = unpack(buffers.depth(taken, 240).moving)
    assert facts == [NOW, taken.mid, taken.low, taken.high, taken.bids.end, taken.asks.end]
    assert columns == [list(column) for area in (taken.bids, taken.asks) for column in (area.prices, area.totals)]


def test_the_foot_of_the_depth_says_how_far_it_goes():
    packed = buffers.depth(painter(a_book(), ["depth"], "depth", within=50).picture(NOW), 240)
    assert packed.words["foot"] == "cumulative size, BTC · within 50 bps of the mid"


def test_an_overlay_is_named_once():
    made = painter(FakeKlines(candles()), ["candles"], "candles", overlays=("sma 20", "bollinger 20 2"))
    words = buffers.candles(made.picture(NOW), 280).words
    assert [each[1:] for each in words["legend"]] == [["line0", 0], ["line1", 1, 2, 3]]
    for (name, *_), expected in zip(words["legend"], ["sma 20", "bollinger 20 2"], strict=True):
        assert name.endswith(expected)
    assert [ink for ink, _ in words["lines"]] == ["line0", "line1", "line1", "line1"]


def test_what_an_overlay_raises_is_said():
    made = painter(FakeKlines(candles()), ["candles"], "candles", overlays=("sma 20", lambda df: 1 / 0))
    *_, (problem, ink) = buffers.candles(made.picture(NOW), 280).words["legend"]
    assert "⚠ &lt;lambda&gt;: ZeroDivisionError: division by zero" in problem
    assert ink == "down"


@pytest.mark.parametrize("kind", PACKERS)
def test_foreign_words_are_escaped_and_emptiness_is_said(kind):
    subject = FakeKlines() if kind == "candles" else FakeBook()
    subject.title, subject.status, subject.volume_unit = "<img src=x>", "syncing: <b>", "<i>"
    packed = PACKERS[kind](painter(subject, [kind], kind).picture(NOW), 200)
    said = " ".join(str(value) for name, value in (packed.words | packed.told).items() if name != "label")
    assert "&lt;img src=x&gt;" in said
    assert "waiting for" in packed.words["cover"]
    for tag in ("<img", "<b>", "<i>"):
        assert tag not in said


# -- the view ----------------------------------------------------------------------------------------------------


@pytest.fixture
def screen():
    return Screen(threaded=False)


@pytest.fixture
def subject():
    return a_book(badge="SIMULATED")


@pytest.fixture
def view(subject, screen):
    made = InteractiveView(painter(subject, ["ladder"], "ladder", depth=5), "ladder", screen=screen)
    yield made
    made.close()


@pytest.fixture
def shown(monkeypatch):
    """What was displayed and updated: bundles."""
    import IPython.display

    calls = []
    monkeypatch.setattr(IPython.display, "display", lambda bundle, **_: calls.append(bundle))
    monkeypatch.setattr(IPython.display, "update_display", lambda bundle, **_: calls.append(bundle))
    monkeypatch.setattr("kucoin_stream.widgets.view._in_kernel", lambda: True)
    return calls


def best_ask(view):
    return unpack(view.moving)[3][0]


def test_it_is_asked_for_by_an_option(subject):
    view = make(subject, ["ladder", "depth"], interactive=True, depth=5)
    assert isinstance(view, InteractiveView)
    assert repr(view) == "<InteractiveView ladder BTC-USDT | live>"
    assert isinstance(view, ipywidgets.DOMWidget)
    view.stop()


@pytest.mark.parametrize(
    ("kind", "subject", "told"),
    [
        (
            "tape",
            FakeTape(some_trades()),
            "the picture 'tape' has no interactive form; these have: ladder, candles, depth",
        )
    ],
)
def test_a_kind_without_an_interactive_form_is_refused(kind, subject, told):
    with pytest.raises(UsageError) as caught:
        make(subject, [kind], kind, interactive=True)
    assert str(caught.value) == told


def test_without_anywidget_the_way_to_it_is_told(subject, monkeypatch):
    monkeypatch.setitem(sys.modules, "anywidget", None)
    monkeypatch.delitem(sys.modules, "kucoin_stream.widgets.interactive")
    with pytest.raises(
        UsageError, match=r"interactive pictures need anywidget: pip install 'kucoin-stream\[anywidget\]'"
    ):
        make(subject, ["ladder"], interactive=True)


def test_a_changed_picture_is_one_message_with_its_numbers_as_a_buffer(view, subject, screen):
    if getattr(view.comm, "kernel", view) is None:
        pytest.skip("ipywidgets 7 sends nothing outside a kernel")
    sent = []
    view._send = lambda message, buffers=None: sent.append((message, buffers))
    subject.asks[0, 0] = 66_999.9
    subject.change()
    screen.tick(0)
    [(message, data)] = sent
    assert message["method"] == "update"
    assert message["buffer_paths"] == [["moving"]]
    assert unpack(bytes(data[0]))[3][0] == 66_999.9


def test_the_verbs_are_those_of_every_view(view, subject, screen, shown):
    view._ipython_display_()
    assert set(shown[0]) == {WIDGET_MIME, "text/html", "text/plain"}
    view.freeze()
    assert set(shown[1]) == {"text/html", "text/plain"}
    view.resume()
    assert WIDGET_MIME in shown[2]
    assert "picture of" in view.static_html()
    assert view.text().startswith("BTC-USDT")
    subject.fail(RuntimeError("<b>no levels"))
    screen.tick(0)
    assert "RuntimeError: &lt;b&gt;no levels" in view.words["cover"]
    subject.problem = None
    subject.change()
    screen.tick(0)
    assert view.words["cover"] == ""
    view.stop()
    assert view.closed
    assert screen.statistics()["views"] == 0


def test_a_subject_that_fails_at_once_still_gives_a_view(subject, screen):
    subject.fail(RuntimeError("no levels"))
    view = InteractiveView(painter(subject, ["ladder"], "ladder"), "ladder", screen=screen)
    assert "no levels" in view.words["cover"]
    assert view.moving == b""
    view.stop()


def hears(widget, **content):
    widget._handle_custom_msg(content, [])


def test_a_view_in_no_page_costs_nothing(view, subject, screen):
    before = view.moving
    hears(view, view="a", visible=True)
    hears(view, view="b", visible=True)
    assert view.visible
    hears(view, view="a", visible=False)
    assert view.visible  # in the other page
    hears(view, view="b", gone=True)
    subject.asks[0, 0] = 66_999.9
    subject.change()
    screen.tick(0)
    assert view.moving == before
    hears(view, view="a", visible=True)  # and back at once, with the present
    screen.tick(0)
    assert best_ask(view) == 66_999.9


def test_a_report_counts_as_somebody_looking_at_this_view_alone(subject):
    class Clock:
        now = 1000.0

        def __call__(self):
            return self.now

    clock = Clock()
    screen = Screen(threaded=False, monotonic=clock)
    view = InteractiveView(painter(subject, ["ladder"], "ladder"), "ladder", screen=screen)
    clock.now += 299
    hears(view, view="a", visible=True)
    clock.now += 200
    screen.tick(clock.now)
    assert [row["idle"] for row in screen.statistics()["by_view"]] == [False]
    hears(view, view="a", visible=False)
    clock.now += 200
    screen.tick(clock.now)
    assert [row["idle"] for row in screen.statistics()["by_view"]] == [True]
    view.stop()


def test_held_in_the_browser_nothing_is_sent(view, subject, screen):
    before = view.moving
    view.set_state({"held": True})
    subject.asks[0, 0] = 66_999.9
    subject.change()
    screen.tick(0)
    assert view.moving == before
    view.set_state({"held": False})
    screen.tick(0)
    assert best_ask(view) == 66_999.9


@pytest.mark.parametrize("content", [None, [], {}, {"view": 3}, {"visible": True}, "view"])
def test_messages_that_are_none_are_passed_over(view, content):
    view._handle_custom_msg(content, [])
    assert view.visible


# -- the module --------------------------------------------------------------------------------------------------


def test_the_module_is_small_and_asks_for_nothing():
    assert len(MODULE.encode()) < 20_000
    for word in ("import ", "import(", "fetch", "XMLHttpRequest", "WebSocket", "http:", "https:", "eval(", "<script"):
        assert word not in MODULE.replace("export default", "")


def theme(ink, paper):
    inks = {"--jp-ui-font-color1": f"rgba({ink},.87)", "--jp-ui-font-color2": f"rgba({ink},.54)"}
    return inks | {"--jp-layout-color0": paper}


THEMES = {"light": theme("0,0,0", "#fff"), "dark": theme("255,255,255", "#111")}
SETUP = """async ({ module, state, theme }) => {
    for (const name in theme) document.documentElement.style.setProperty(name, theme[name]);
    document.body.style.background = "var(--jp-layout-color0)";
    const view = numbers => {  // with an offset that is no multiple of eight, as a message may have
        const bytes = new Uint8Array(numbers.length + 4);
        bytes.set(numbers, 4);
        return new DataView(bytes.buffer, 4);
    };
    const read = ({ still, moving, ...others }) => ({ ...others, still: view(still), moving: view(moving) });
    const values = read(state), heard = new Map(), sent = [], saved = [];
    const fire = name => (heard.get(name) || []).forEach(f => f());
    const model = {
        get: name => values[name],
        set: (name, value) => { values[name] = value; saved.push([name, value]); fire(`change:${name}`); },
        save_changes: () => saved.push("saved"),
        on: (name, f) => heard.set(name, [...(heard.get(name) || []), f]),
        off: (name, f) => heard.set(name, (heard.get(name) || []).filter(each => each !== f)),
        send: content => sent.push(content),
    };
    const url = URL.createObjectURL(new Blob([module], { type: "text/javascript" }));
    const el = document.createElement("div");
    document.body.append(el);
    const end = (await import(url)).default.render({ model, el });
    window.it = {
        el, end, sent, saved, model,
        listeners: () => [...heard.values()].flat().length,
        update: state => { for (const [k, v] of Object.entries(read(state))) { values[k] = v; fire(`change:${k}`); } },
        part: name => el.querySelector(`[data-part=${name}]`),
        drawn: () => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done))),
        pixels: () => { const c = el.querySelector("canvas"); return c.width ? c.toDataURL() : ""; },
    };
}"""


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


class Page:
    """One picture in one page, and what it complained of or asked for."""

    def __init__(self, browser, kind, *, subject=None, theme="light", width=760, options=None, **page):
        self.kind = kind
        self.subject = subject or (FakeKlines(candles()) if kind == "candles" else a_book(badge="SIMULATED"))
        self.painter = painter(self.subject, [kind], kind, **(options or {}))
        self.page = browser.new_page(viewport={"width": width, "height": 700}, **page)
        self.complaints = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on(
            "request", lambda request: self.complaints.append(request.url) if request.url[:5] != "blob:" else None
        )
        self.page.set_content("<!doctype html><meta charset=utf-8><body style='margin:8px'>")
        self.page.evaluate(SETUP, {"module": MODULE, "theme": THEMES[theme], "state": self.state() | {"held": False}})
        self.drawn()

    def state(self):
        from kucoin_stream.widgets.interactive import MAX_WIDTH_PX, frame

        packed = PACKERS[self.kind](self.painter.picture(NOW), buffers.height(self.painter))
        return {
            "frame": frame(MAX_WIDTH_PX.get(self.kind, 760)), "words": packed.words, "told": packed.told,
            "still": list(packed.still), "moving": list(packed.moving),
        }  # fmt: skip

    def ask(self, script):
        return self.page.evaluate(script)

    def drawn(self):
        self.ask("it.drawn()")

    def update(self):
        self.page.evaluate("state => it.update(state)", self.state())
        self.drawn()

    def part(self, name):
        return self.ask(f"it.part('{name}').textContent")

    @property
    def canvas(self):
        return self.page.locator("canvas").bounding_box()

    def hover(self, x, y):
        """Move the mouse to a place of the canvas, in shares of its size."""
        box = self.canvas
        self.page.mouse.move(box["x"] + 5, box["y"] + 5)
        self.page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        self.drawn()

    def press(self, *keys):
        self.page.locator("canvas").focus()
        for key in keys:
            self.page.keyboard.press(key)
        self.drawn()

    def shot(self, name):
        if folder := os.environ.get("KUCOIN_STREAM_SCREENSHOTS"):  # to look at them
            self.page.screenshot(path=Path(folder) / f"interactive-{name}.png")


@pytest.fixture
def open_page(browser):
    pages = []

    def open_page(kind, **options):
        pages.append(Page(browser, kind, **options))
        return pages[-1]

    yield open_page
    for page in pages:
        page.page.close()
        assert page.complaints == []


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("width", [320, 760, 1600])
@pytest.mark.parametrize("kind", PACKERS)
def test_it_fits_and_tells_values_under_the_mouse(open_page, kind, width, theme):
    options = {"candles": {"overlays": ("sma 20", "bollinger 20 2")}, "depth": {"within": 3}}.get(kind)
    page = open_page(kind, theme=theme, width=width, options=options)
    before = page.part("facts"), page.ask("it.pixels()")
    page.hover(0.3, 0.4)
    page.shot(f"{kind}-{theme}-{width}")
    assert page.part("facts") != before[0]
    assert page.ask("it.pixels()") != before[1]
    assert page.ask("document.documentElement.scrollWidth") <= width
    page.page.mouse.move(1, 1)
    page.drawn()
    assert (page.part("facts"), page.ask("it.pixels()")) == before


@pytest.mark.browser
def test_all_lines_of_an_overlay_are_told_in_the_legend(open_page):
    page = open_page("candles", options={"overlays": "bollinger 20 2"})
    lines = page.painter.picture(NOW).lines
    shown = " / ".join(f"{line.values[-1]:,.1f}" for line in lines)
    assert page.part("legend").strip() == f"bollinger 20 2 {shown}"
    now = page.part("legend")
    page.hover(0.4, 0.4)
    assert page.part("legend") != now


def cut(page, part):
    """What of a part is not in sight."""
    return page.ask(f"""() => {{
        const box = it.part('{part}').getBoundingClientRect();
        return [...it.part('{part}').children].filter(each => {{
            const own = each.getBoundingClientRect();
            return own.bottom > box.bottom + 1 || own.right > box.right + 1;
        }}).map(each => each.textContent);
    }}""")


@pytest.mark.browser
def test_what_a_bar_is_can_be_read_beside_many_overlays(open_page):
    page = open_page("candles", options={"overlays": ("sma 20", "ema 50", "vwap", "bollinger 20 2")})
    page.hover(0.4, 0.4)
    assert cut(page, "facts") == cut(page, "legend") == []
    for name in ("close", "open", "high", "low", "volume"):
        assert f"{name} " in page.part("facts")
    assert page.ask("getComputedStyle(it.part('legend')).pointerEvents") == "none"


@pytest.mark.browser
def test_a_narrow_picture_shows_all_facts_while_it_is_read(open_page):
    page = open_page("candles", width=320)
    page.page.mouse.move(1, 600)
    overflow = "getComputedStyle(it.part('facts')).overflow"
    assert page.ask(overflow) == "hidden"
    page.hover(0.4, 0.4)
    assert page.ask(overflow) == "visible"
    assert page.ask("getComputedStyle(it.part('facts')).pointerEvents") == "none"


@pytest.mark.browser
def test_an_overlay_widens_the_prices_as_in_the_plain_picture(open_page):
    """Beside the candles, yet within half of their range: in sight."""
    rows = candles()
    for shift, widened in ((-0.3, True), (-30.0, False)):
        spread = rows[-120:, 2].max() - rows[-120:, 3].min()
        level = pd.Series(rows[-120:, 3].min() + shift * spread, index=pd.to_datetime(rows[:, 0], unit="s", utc=True))
        page = open_page("candles", subject=FakeKlines(rows), options={"overlays": (level,)})
        assert (ink_below(page) > 300) is widened


def ink_below(page):
    """Count the pixels in the colour of the first line."""
    return page.ask("""() => {
        const canvas = it.part('canvas'), all = [0, 0, canvas.width, canvas.height];
        const { data } = canvas.getContext('2d').getImageData(...all);
        const wanted = [0xe6, 0x9f, 0x00];
        let count = 0;
        for (let i = 0; i < data.length; i += 4) count += wanted.every((each, k) => Math.abs(data[i + k] - each) < 24);
        return count;
    }""")


@pytest.mark.browser
def test_a_marker_has_words_under_the_mouse(open_page):
    rows = candles(count=30)
    page = open_page("candles", subject=FakeKlines(rows), options={"count": 20, "markers": some_fills(rows)})
    span = page.canvas["width"]
    found = set()
    for at in range(2, 94, 2):
        page.hover(at / 100, 0.3)
        found |= {
            words for words in ("▲ buy 0.25 at 66,990.5", "▼ sell <b> at 67,001.0") if words in page.part("facts")
        }
    assert span > 600
    assert len(found) == 2


MANY = ("sma 20", "ema 50", "vwap", "bollinger 20 2")
LEGEND_LINES = "new Set([...it.part('legend').children].map(each => each.getBoundingClientRect().top)).size"


@pytest.mark.browser
@pytest.mark.parametrize(
    ("width", "overlays", "told"),
    [
        (320, ("sma 20", "ema 50"), [1, 1]),
        (320, ("sma 20", "bollinger 20 2"), [1, 1]),  # the middle of three
        (320, MANY, [0, 0, 0, 0]),  # names alone
        (760, MANY, [1, 1, 1, 3]),
    ],
)
@pytest.mark.parametrize("theme", THEMES)
def test_the_legend_takes_two_lines_and_leaves_out_what_matters_least(open_page, theme, width, overlays, told):
    page = open_page("candles", subject=FakeKlines(candles(count=2000)), theme=theme, width=width,
                     options={"overlays": overlays})  # fmt: skip
    page.shot(f"legend-{len(overlays)}-{theme}-{width}")
    assert page.ask(LEGEND_LINES) <= 2
    assert page.ask("it.part('legend').clientHeight") <= 32
    assert cut(page, "legend") == []
    shown = page.ask("[...it.part('legend').children].map(each => each.innerText.trim())")
    for name, words, count in zip(overlays, shown, told, strict=True):
        assert words.startswith(name)
        assert len(words.removeprefix(name).replace("/", " ").split()) == count, shown


@pytest.mark.browser
def test_a_legend_that_has_room_again_tells_all_values(open_page):
    page = open_page("candles", options={"overlays": MANY}, width=320)
    legend = "it.part('legend').innerText"
    narrow = page.ask(legend)
    page.page.set_viewport_size({"width": 760, "height": 700})
    page.page.wait_for_function(f"narrow => {legend} !== narrow", arg=narrow)
    assert page.ask(legend).count(" / ") == 2


@pytest.mark.browser
@pytest.mark.parametrize("shift", [-20.0, -9.0, 0.0, 6.0, 14.0])
@pytest.mark.parametrize("height", [120, 280])
def test_no_price_of_the_axis_stands_under_the_last_one(open_page, height, shift):
    rows = candles()
    rows[-1, 4] = round(rows[-1, 4], -1) + shift  # beside a round price, or at it
    rows[-1, 2], rows[-1, 3] = max(rows[-1, 1:5]), min(rows[-1, 1:5])
    page = open_page("candles", subject=FakeKlines(rows), options={"height": height})
    page.ask(WRITTEN)
    page.ask("it.model.set('words', { ...it.model.get('words') })")
    page.drawn()
    written = page.ask("written")
    tag = f"{rows[-1, 4]:,.1f}"
    prices = {words: y for words, left, _, y in written if left > page.canvas["width"] - 80 and "," in words}
    assert len(prices) > 1
    assert [words for words, y in prices.items() if words != tag and abs(y - prices[tag]) < 16] == []


@pytest.mark.browser
def test_the_foot_tells_how_many_of_the_bars_held_are_shown(open_page):
    page = open_page("candles")
    assert page.part("left") == "120 of 120 bars of 1min · UTC"
    page.ask("it.model.set('words', { ...it.model.get('words'), held: 1500 })")
    page.drawn()
    assert page.part("left") == "120 of 1,500 bars of 1min · UTC"


def bars_shown(page):
    return int(page.part("left").split()[0])


@pytest.mark.browser
def test_the_wheel_zooms_dragging_pans_and_all_comes_back(open_page):
    page = open_page("candles")
    assert bars_shown(page) == 120
    page.hover(0.5, 0.5)
    page.page.mouse.wheel(0, -200)
    page.page.wait_for_function("parseInt(it.part('left').textContent) < 90")
    zoomed, newest = bars_shown(page), page.part("facts")
    box = page.canvas
    page.page.mouse.down()
    page.page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + 60, steps=4)
    page.page.mouse.up()
    page.drawn()
    assert abs(bars_shown(page) - zoomed) <= 1
    assert page.part("facts") != newest
    page.page.get_by_role("button", name="whole").click()
    page.drawn()
    assert bars_shown(page) == 120
    assert not page.page.get_by_role("button", name="whole").is_visible()


@pytest.mark.browser
def test_a_wheel_that_scrolls_the_page_does_not_zoom_what_comes_under_it(open_page):
    page = open_page("candles")
    page.ask("document.body.style.cssText += ';padding:300px 0 2000px'")
    page.page.mouse.move(300, 100)  # above the picture, which scrolls to under the mouse
    for _ in range(4):
        page.page.mouse.wheel(0, 120)
        page.drawn()
    page.page.wait_for_function("scrollY >= 300")
    assert bars_shown(page) == 120


@pytest.mark.browser
def test_two_fingers_zoom(open_page):
    page = open_page("candles")
    page.ask("""() => {
        const canvas = it.part('canvas'), { left, top } = canvas.getBoundingClientRect();
        canvas.setPointerCapture = () => {};
        const touch = (name, pointerId, x) => canvas.dispatchEvent(new PointerEvent(name, {
            pointerId, pointerType: 'touch', clientX: left + x, clientY: top + 50, bubbles: true }));
        touch('pointerdown', 1, 300); touch('pointerdown', 2, 400);
        touch('pointermove', 2, 500); touch('pointermove', 1, 200);
        touch('pointerup', 1, 200); touch('pointerup', 2, 500);
    }""")
    page.drawn()
    assert bars_shown(page) == pytest.approx(40, abs=2)


@pytest.mark.browser
def test_it_can_be_used_by_keyboard_alone(open_page):
    page = open_page("candles")
    page.press("+", "+")
    close, fewer = page.part("facts"), bars_shown(page)
    assert fewer == pytest.approx(120 * 0.8**2, abs=1)
    page.press("ArrowLeft")
    assert abs(bars_shown(page) - fewer) <= 1
    page.press("Shift+ArrowRight")
    assert page.part("facts") != close  # a crosshair on an older bar
    page.press("Escape", "-", "-", "-")
    assert (bars_shown(page), page.part("facts")) == (120, close)
    page.press("+", "0")
    assert bars_shown(page) == 120
    page.press(" ")
    assert page.ask("it.saved") == [["held", True], "saved"]


@pytest.mark.browser
def test_the_ladder_tells_what_stands_up_to_a_row(open_page):
    page = open_page("ladder", subject=FakeBook([(99.0, 2.0), (98.0, 1.0)], [(101.0, 4.0)], 17), options={"depth": 5})
    assert page.part("facts") == "mid 100.00 spread 2.0 200.00 bps"
    box = page.canvas
    page.page.mouse.move(box["x"] + 20, box["y"] + 2.5 * 18)
    page.drawn()
    assert page.part("facts") == "bids to 98.0 total 3.000 from mid 200.00 bps"
    page.press("ArrowUp")
    assert page.part("facts") == "bids to 99.0 total 2.000 from mid 100.00 bps"


@pytest.mark.browser
def test_the_ladder_tells_own_orders_and_the_last_trade(open_page):
    subject, options = my_book()
    page = open_page("ladder", subject=subject, options=options)
    assert page.part("facts") == (
        "mid 100.00 spread 0.2 20.00 bps last ▲ 100.1 ◆ buying 5e-05 ◆ selling 2.500"
    )  # fmt: skip
    assert page.part("left") == "sequence 17"
    box = page.canvas
    page.page.mouse.move(box["x"] + 20, box["y"] + 2.5 * 18)
    page.drawn()
    assert page.part("facts").startswith("◆ buying 5e-05 bids to 99.8 total 3.000")
    label = page.page.get_by_role("figure").get_attribute("aria-label")
    assert "last trade buy 100.1" in label
    assert "own orders:" in label
    page.shot("ladder-own")


WRITTEN = """() => {
    window.written = [];
    const { fillText } = CanvasRenderingContext2D.prototype;
    CanvasRenderingContext2D.prototype.fillText = function (words, x, y) {
        const { width } = this.measureText(words), left = this.textAlign === 'right' ? x - width : x;
        written.push([words, left, left + width, y]);
        fillText.call(this, words, x, y);
    };
}"""


@pytest.mark.browser
@pytest.mark.parametrize(
    ("width", "columns"), [(196, ["bid"]), (230, ["bid"]), (320, ["bid", "size"]), (760, ["bid", "size", "total"])]
)
def test_columns_of_the_ladder_that_have_no_room_are_left_out(open_page, width, columns):
    page = open_page("ladder", width=width + 16)
    page.ask(WRITTEN)
    page.ask("it.model.set('words', { ...it.model.get('words') })")
    page.drawn()
    written = page.ask("written")
    y = written[0][3]
    assert {words for words, _, _, at in written if at == y} >= set(columns)
    assert ("total" in {words for words, *_ in written}) is ("total" in columns)
    assert ("size" in {words for words, *_ in written}) is ("size" in columns)
    for row in {at for *_, at in written}:
        texts = sorted({(left, right) for _, left, right, at in written if at == row})
        assert texts[0][0] >= 0
        assert texts[-1][1] <= page.canvas["width"]
        assert all(after[0] - before[1] >= 2 for before, after in pairwise(texts))


@pytest.mark.browser
def test_no_button_covers_the_status_of_a_narrow_picture(open_page):
    page = open_page("ladder", width=196 + 16)
    assert (
        page.ask("""() => {
        const status = [...it.part('head').querySelectorAll('span')].find(each => each.textContent === '●');
        return it.part('hold').getBoundingClientRect().left - status.getBoundingClientRect().right;
    }""")
        >= 0
    )


@pytest.mark.browser
def test_depth_tells_what_stands_up_to_a_price(open_page):
    page = open_page("depth", subject=FakeBook([(99.0, 2.0), (98.0, 1.0)], [(101.0, 4.0)], 17), options={"levels": 5})
    assert "imbalance -0.14" in page.part("facts")
    page.hover(0.4, 0.2)
    assert page.part("facts").startswith("bids to 99.")
    assert "total 0.000" in page.part("facts")  # between the best bid and the mid
    page.hover(0.02, 0.2)
    assert "total 2.000" in page.part("facts")


@pytest.mark.browser
def test_held_still_in_the_browser_until_it_is_let_go(open_page):
    page = open_page("ladder")
    page.page.get_by_role("button", name="freeze").click()
    page.drawn()
    before = page.ask("it.pixels()")
    page.subject.asks[:, 1] *= 3
    page.update()
    assert page.ask("it.pixels()") == before
    assert page.part("right").startswith("held at")
    page.page.get_by_role("button", name="resume").click()
    page.update()
    assert page.ask("it.pixels()") != before


@pytest.mark.browser
def test_a_past_that_is_looked_at_stays_while_new_bars_come(open_page):
    page = open_page("candles")
    page.press("+", "+", "+", "ArrowLeft", "ArrowLeft", "ArrowLeft")
    page.hover(0.3, 0.3)
    old = page.part("facts")
    last = page.subject.rows[-1].copy()
    for _ in range(3):
        last[0] += 60
        page.subject.rows = np.vstack([page.subject.rows, last])
        page.update()
    assert page.part("facts") == old


@pytest.mark.browser
def test_it_reports_whether_it_is_in_sight(open_page):
    page = open_page("ladder")
    page.page.wait_for_function("it.sent.length === 1")
    assert page.ask("it.sent[0].visible") is True
    page.ask("document.body.style.paddingTop = '3000px'")
    page.page.wait_for_function("it.sent.length === 2 && it.sent[1].visible === false")
    page.ask("document.body.style.paddingTop = ''")
    page.page.wait_for_function("it.sent.at(-1).visible === true")
    page.ask("""() => {
        Object.defineProperty(document, 'hidden', { value: true, configurable: true });
        document.dispatchEvent(new Event('visibilitychange'));
    }""")
    page.page.wait_for_function("it.sent.at(-1).visible === false")
    assert page.ask("new Set(it.sent.map(each => each.view)).size") == 1


@pytest.mark.browser
def test_it_follows_the_theme_though_nothing_moves(open_page):
    page = open_page("depth")
    before = page.ask("it.pixels()")
    page.page.evaluate(
        "theme => Object.entries(theme).forEach(([k, v]) => document.documentElement.style.setProperty(k, v))",
        THEMES["dark"],
    )
    page.drawn()
    assert page.ask("it.pixels()") != before


@pytest.mark.browser
def test_it_is_sharp_on_a_dense_screen_and_takes_the_room_it_has(open_page):
    page = open_page("candles", device_scale_factor=2)
    assert page.ask("it.part('canvas').width") == 2 * page.canvas["width"]
    page.page.set_viewport_size({"width": 400, "height": 700})
    page.page.wait_for_function("it.part('canvas').width === 2 * it.part('canvas').clientWidth")
    assert page.canvas["width"] < 400


@pytest.mark.browser
def test_with_little_motion_it_is_drawn_less_often(open_page):
    page = open_page("ladder", reduced_motion="reduce")
    page.subject.asks[:, 1] *= 3
    before = page.ask("it.pixels()")
    page.update()
    assert page.ask("it.pixels()") == before
    page.page.wait_for_function("before => it.pixels() !== before", arg=before)


@pytest.mark.browser
def test_it_says_what_it_shows(open_page):
    page = open_page("ladder")
    figure = page.page.get_by_role("figure")
    assert figure.get_attribute("aria-label") == (
        "SIMULATED order book BTC-USDT: best bid 67,122.6, best ask 67,123.7, live"
    )  # fmt: skip
    assert page.page.get_by_role("application").get_attribute("tabindex") == "0"


@pytest.mark.browser
@pytest.mark.parametrize("kind", PACKERS)
def test_a_subject_without_data_is_said_to_be(open_page, kind):
    empty = FakeKlines(status="syncing") if kind == "candles" else FakeBook(status="syncing")
    page = open_page(kind, subject=empty)
    assert "waiting for" in page.part("cover")
    page.hover(0.3, 0.5)
    page.press("+", "ArrowLeft", "0")
    page.shot(f"empty-{kind}")


@pytest.mark.browser
def test_nothing_is_left_when_it_is_taken_away(open_page):
    page = open_page("ladder")
    page.ask("""() => {
        window.errors = [];
        window.addEventListener('error', event => errors.push(event.message));
        const { requestAnimationFrame } = window;
        window.frames_asked = 0;
        window.requestAnimationFrame = f => { frames_asked++; return requestAnimationFrame(f); };
        it.end();
    }""")
    assert page.ask("it.listeners()") == 0
    assert page.ask("it.el.childElementCount") == 0
    assert page.ask("it.sent.at(-1).gone") is True
    before = page.ask("[it.sent.length, frames_asked]")
    page.page.set_viewport_size({"width": 400, "height": 500})
    page.ask("""() => {
        document.body.className = 'other';
        document.dispatchEvent(new Event('visibilitychange'));
        window.dispatchEvent(new Event('pagehide'));
        return new Promise(done => setTimeout(done, 50));
    }""")
    assert page.ask("[it.sent.length, frames_asked]") == before
    assert page.ask("errors") == []
