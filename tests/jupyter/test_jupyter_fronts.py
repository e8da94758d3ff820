"""Every kind of picture in JupyterLab, Notebook 7 and Voila, with the name server out of reach."""

import contextlib
import socket
from urllib.parse import urlsplit

import costs
import gallery
import psutil
import pytest
from gallery import CELLS, KINDS, QUIET
from lab import PATIENCE, TEXT_OF, THEMES, Kernel, opened

from kucoin_stream.widgets.kinds import PAINTERS
from tests.conftest import until as until_

in_a_browser = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]
LIVELY = "ladder"  # changes more often than it may be drawn
BUSY = {"JupyterLab": 20, "Notebook 7": 5, "Voila": 5}  # seconds
BUSY_CELL = """
end = time.monotonic() + {seconds}
while time.monotonic() < end:
    sum(number * number for number in range(10_000))
"""

OBSERVE = """outputs => {
    window.changes = {};
    window.observers = Object.entries(outputs).map(([kind, output]) => {
        let last = output.innerHTML;
        window.changes[kind] = 0;
        const observer = new MutationObserver(() => {
            if (output.innerHTML !== last) { last = output.innerHTML; window.changes[kind]++; }
        });
        observer.observe(output, {subtree: true, childList: true, characterData: true});
        return observer;
    });
}"""
SET_VISIBILITY = """state => {
    Object.defineProperty(document, "visibilityState", {value: state, configurable: true});
    Object.defineProperty(document, "hidden", {value: state === "hidden", configurable: true});
    document.dispatchEvent(new Event("visibilitychange"));
}"""

WIDER = """output => output.querySelector("[role=figure]").getBoundingClientRect().right
    - output.getBoundingClientRect().right"""


@contextlib.contextmanager
def observed(front, *kinds):
    """Count how often the output of each kind changes; yields what returns the counts."""
    outputs = {kind: front.output(kind).element_handle() for kind in kinds}
    front.page.evaluate(OBSERVE, outputs)
    yield lambda: front.page.evaluate("() => window.changes")
    front.page.evaluate("() => window.observers.forEach(each => each.disconnect())")


def until(condition, what):
    """Wait for what comes within a second, where nothing else runs."""
    return until_(condition, what, PATIENCE)


def shown(front):
    return {kind: front.picture(kind).text_content() for kind in KINDS}


@contextlib.contextmanager
def hidden(front):
    """Hide the page, and run nothing in it: what a browser does to a tab in the background, at its harshest."""
    devtools = front.page.context.new_cdp_session(front.page)
    front.page.evaluate(SET_VISIBILITY, "hidden")
    devtools.send("Debugger.enable")
    devtools.send("Debugger.pause")
    yield
    devtools.send("Debugger.disable")
    front.page.evaluate(SET_VISIBILITY, "visible")
    devtools.detach()


@contextlib.contextmanager
def still(front, *but):
    """Draw nothing for a while, but for these kinds."""
    front.kernel.do(f"nothing = alone(*{but}); nothing.__enter__()")
    try:
        yield
    finally:
        front.kernel.do("nothing.__exit__(None, None, None)")


def wait_for_the_present(front):
    """Wait until each picture in the page is the last one of the kernel, which draws nothing meanwhile."""
    drawn = front.kernel.ask(f"{{kind: view(kind).value for kind in {KINDS}}}")
    expected = {kind: front.page.evaluate(TEXT_OF, html) for kind, html in drawn.items()}
    until(lambda: shown(front) == expected, "the present is shown")


def test_every_kind_of_picture_has_a_cell_here():
    assert CELLS.keys() >= PAINTERS.keys()


@pytest.mark.browser
@pytest.mark.timeout(300)
def test_a_ladder_moves_by_itself(lab, browser):
    with opened("lab", lab, browser) as tab:
        gallery.write(lab.root / "ladder.ipynb", "ladder")
        tab.show("ladder.ipynb")
        tab.picture("ladder").wait_for()
        first = tab.picture("ladder").inner_html()
        until(lambda: tab.picture("ladder").inner_html() != first, "the ladder moves")


class TestEveryKind:
    pytestmark = in_a_browser

    def test_it_is_drawn_and_says_that_it_is_simulated(self, front):
        for kind in KINDS:
            assert front.picture(kind).is_visible(), kind
            assert "SIMULATED" in front.picture(kind).inner_text(), kind
            assert front.picture(kind).get_attribute("aria-label"), kind
            assert front.output(kind).bounding_box()["height"] > 100, kind
            assert front.output(kind).evaluate(WIDER) <= 0, kind

    def test_the_page_shows_every_picture_that_the_kernel_draws(self, front):
        with still(front):
            wait_for_the_present(front)
            front.kernel.do("sent.clear()")
            with observed(front, *KINDS) as changes:
                front.kernel.do("nothing.__exit__(None, None, None)")
                moving = [kind for kind in KINDS if kind not in QUIET]
                until(lambda: min(changes()[kind] for kind in moving) >= 2, "each moves by itself")
                front.kernel.do("nothing = alone(); nothing.__enter__()")
                wait_for_the_present(front)
                sent, seen = front.kernel.ask("dict(sent)"), changes()
        for kind in KINDS:
            assert seen[kind] == pytest.approx(sent.get(kind, 0), rel=0.1, abs=1), kind

    @pytest.mark.parametrize("rate", [10, 2])
    def test_a_lively_one_comes_as_often_as_asked(self, front, rate):
        front.kernel.do(f"screen.interval = 1 / {rate}")
        with still(front, LIVELY), observed(front, LIVELY) as changes:

            def comes_as_often():
                before = changes()[LIVELY]
                woken, drawn, seconds = front.kernel.ask(f"beats({LIVELY!r}, 2)")
                assert drawn <= 1.2 * rate * seconds + 1
                return changes()[LIVELY] - before >= 0.6 * woken  # of what a thread can do on this machine now

            until(comes_as_often, f"{rate} pictures a second")
        front.kernel.do("screen.interval = 0.1")

    def test_it_shows_the_present_after_its_page_was_hidden(self, front):
        with hidden(front):
            drawn = front.kernel.ask("screen.statistics()['pictures']")
            until(lambda: front.kernel.ask("screen.statistics()['pictures']") > drawn + 50, "the kernel goes on")
        with still(front):
            wait_for_the_present(front)
        with observed(front, LIVELY) as changes:
            until(lambda: changes()[LIVELY] >= 3, "it moves again")

    def test_a_busy_cell_stops_no_picture(self, front):
        seconds = BUSY[front.name]
        with observed(front, *KINDS) as changes:
            front.kernel.start(BUSY_CELL.format(seconds=seconds))
            seen = []
            for _ in range(4):
                front.page.wait_for_timeout(1000 * seconds / 5)
                seen.append(changes()[LIVELY])
        assert front.kernel.ask("time.monotonic() >= end")
        assert all(later > earlier for earlier, later in zip([0, *seen], seen, strict=False)), seen

    def test_one_that_cannot_be_drawn_says_so_and_stops_no_other(self, front):
        assert "ValueError: broken on purpose" in front.picture("broken").inner_text()
        errors = front.kernel.ask("screen.statistics()['errors']")
        with observed(front, LIVELY) as changes:
            until(lambda: changes()[LIVELY] >= 10, "the others go on")
        assert front.kernel.ask("screen.statistics()['errors']") > errors
        assert "ValueError: broken on purpose" in front.picture("broken").inner_text()

    def test_a_picture_costs_little_in_the_browser_and_in_the_kernel(self, front):
        devtools = costs.DevTools(front.page)
        with still(front), costs.usual_window(front.page):
            costs.pump(front, KINDS, 1)  # warm
            found = {kind: costs.cheapest(front, devtools, kind) for kind in KINDS}
        print(f"\n{front.name:<12} {costs.HEAD}")
        for kind, each in found.items():
            print(f"{kind:<12} {each}")
        assert [kind for kind, each in found.items() if not each.low] == []

    def test_the_page_does_not_grow_with_the_pictures(self, front):
        devtools = costs.DevTools(front.page)
        with still(front):
            costs.pump(front, KINDS, 1)  # warm
            grown = costs.growth(front, devtools)
        print(f"\n{front.name}: the heap grew by {', '.join(f'{each:.0f}' for each in grown)} bytes a picture")
        assert grown[-1] < costs.HEAP

    def test_a_cell_run_fifty_times_leaves_one_view(self, front):
        if not front.reruns:
            pytest.skip("Voila runs a cell once")
        front.rerun(LIVELY, 1)
        widgets = front.page.locator(".jupyter-widgets")
        views, before = widgets.count(), front.kernel.ask("counts()")
        front.rerun(LIVELY, 50)
        until(lambda: front.output(LIVELY).locator(".jupyter-widgets").count() == 1, "one view is left in its output")
        until(lambda: widgets.count() == views, "nor is there another elsewhere")
        assert front.kernel.ask("counts()") == before
        with observed(front, LIVELY) as changes:
            until(lambda: changes()[LIVELY] >= 3, "the one that is left moves")

    def test_it_looks_right_in_both_themes(self, front, save_as):
        for theme in THEMES:
            front.set_theme(theme)
            for kind in KINDS:
                front.picture(kind).wait_for()
            front.page.screenshot(path=save_as(f"{front.name}-{theme}"))

    def test_with_its_kernel_everything_ends(self, front):
        kernel_id = front.kernel_id  # Voila has another one for each theme
        with contextlib.closing(Kernel(front.lab, kernel_id)) as kernel:
            pid, url = kernel.do("import os", "(os.getpid(), client.simulator.url)")
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
        parts = urlsplit(url)
        socket.create_connection((parts.hostname, parts.port)).close()
        front.end_kernel()
        until(lambda: kernel_id not in front.lab.kernels(), "the server has no kernel")
        until(lambda: not any(each.is_running() for each in family), "the kernel's processes end")
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((parts.hostname, parts.port))
