"""What each kind of picture costs, in the browser and in the kernel, in JupyterLab, Notebook 7 and Voila.

Measured for each kind by itself, while a thread of the kernel draws ten a second and nothing else is drawn:

* the CPU time of the page's main thread (DevTools' ``TaskDuration`` in thread ticks), as a share of the time;
* the CPU time of the thread that draws, a picture: taking it, rendering it, handing the message to Jupyter. With
  neighbours that empty its caches, a CPU takes several times as long for the same, so it is compared with what
  ipywidgets itself takes for an update of as much text, then and there;
* what the page's heap has grown by after a garbage collection, an update.

The best of a few windows counts: a neighbour on the machine makes each of them worse, and a leak is in all.
"""

from dataclasses import astuple, dataclass

import pytest
from gallery import KINDS

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(240)]

RATE = 10  # pictures a second
WINDOW = 1.5  # seconds
WINDOWS = 4  # at most
MAIN_THREAD = 0.10  # of the time
KERNEL = 250e-6  # seconds a picture, on a machine with nothing else to do
PLAIN = 5  # updates of an ipywidgets.HTML, on another one
HEAP = 1000  # bytes an update
UPDATES = 300  # for the heap


@dataclass
class Cost:
    main_thread: float  # of the time
    kernel: float  # seconds a picture
    plain: float  # updates of an ipywidgets.HTML in that

    def __or__(self, other: "Cost") -> "Cost":
        return Cost(*map(min, astuple(self), astuple(other)))

    @property
    def low(self) -> bool:
        return self.main_thread < MAIN_THREAD and (self.kernel < KERNEL or self.plain < PLAIN)


class DevTools:
    """Measures a page."""

    def __init__(self, page):
        self._session = page.context.new_cdp_session(page)
        self._session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def busy(self):
        """Return the seconds of CPU that the main thread has used."""
        metrics = self._session.send("Performance.getMetrics")["metrics"]
        return next(each["value"] for each in metrics if each["name"] == "TaskDuration")

    def heap(self):
        """Return the bytes in use after a garbage collection."""
        self._session.send("HeapProfiler.collectGarbage")
        return self._session.send("Runtime.getHeapUsage")["usedSize"]


def pump(front, kinds, seconds, rate):
    """Draw; return how many pictures, the CPU seconds of a typical one, and how long it took."""
    return front.kernel.do(
        f"with alone():\n    begin = time.monotonic(); drawn = pump({kinds}, {seconds}, {rate})",
        "(*drawn, time.monotonic() - begin)",
    )


def cost(front, devtools, kind):
    before = devtools.busy()
    _, kernel, took = pump(front, [kind], WINDOW, RATE)
    main_thread = (devtools.busy() - before) / took
    return Cost(main_thread, kernel, kernel / front.kernel.ask(f"plain({kind}.value, 6, {RATE})"))


def cheapest(front, devtools, kind):
    best = cost(front, devtools, kind)
    for _ in range(WINDOWS - 1):
        if best.low:
            break
        best |= cost(front, devtools, kind)
    return best


def test_a_picture_costs_little_in_the_browser_and_in_the_kernel(front):
    devtools = DevTools(front.page)
    pump(front, KINDS, 1, RATE)  # warm
    costs = {kind: cheapest(front, devtools, kind) for kind in KINDS}
    print(f"\n{front.name:<12} main thread    kernel  plain updates")
    for kind, each in costs.items():
        print(f"{kind:<12} {each.main_thread:>11.1%} {each.kernel * 1e6:>6.0f} us {each.plain:>14.1f}")
    assert [kind for kind, each in costs.items() if not each.low] == []


def test_the_page_does_not_grow_with_the_pictures(front):
    devtools = DevTools(front.page)
    pump(front, KINDS, 1, RATE)  # warm
    growth = []
    while len(growth) < WINDOWS and not (growth and growth[-1] < HEAP):
        before = devtools.heap()
        drawn, _, _ = pump(front, KINDS, UPDATES / len(KINDS) / RATE, RATE)
        growth.append((devtools.heap() - before) / drawn)
    print(f"\n{front.name}: the heap grew by {', '.join(f'{each:.0f}' for each in growth)} bytes a picture")
    assert drawn >= UPDATES
    assert growth[-1] < HEAP
