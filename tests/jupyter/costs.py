"""What a picture costs, in the browser and in the kernel.

Measured for each kind by itself, while a thread of the kernel draws ten a second and nothing else is drawn:

* the CPU time of the page's main thread (DevTools' ``TaskDuration`` in thread ticks), as a share of the time, in a
  window of the size that people have, with nothing else in it: what else a page holds makes each update dearer;
* the CPU time of the thread that draws, a picture: taking it, rendering it, handing the message to Jupyter;
* what the page's heap has grown by after a garbage collection, an update.

With neighbours that empty its caches, a CPU takes several times as long for the same: 250 us where nothing else runs
are 1,000 elsewhere, and 9 % of the main thread are 15 %. So the measure that holds on any machine is the ratio to a
bare ``ipywidgets.HTML`` in the same page, which then and there is updated as often with as many bytes and as many
words, and no markup. Of the two limits, the absolute one and the ratio, one has to be kept. Seen on two cores with
nothing else to do: 5 to 11 % of the main thread and 0.6 to 1.8 bare widgets, of which one is cheap in Voila: up to 3.0
there; in the kernel 690 to 1,770 us, of which the message alone takes what a bare widget does, 280 to 390. With warm
caches, one after the other, 80 to 180 us for the wall, latency, account, table and tape, and 400 to 720 for the others,
which ask the loop thread; alone in a plain process 65 to 385 us each, without the message, ladder and depth
the dearest.

The best of a few windows counts: a neighbour on the machine makes each of them worse, and a leak is in all.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from typing import Any

from gallery import KINDS
from lab import Tab

RATE = 10  # pictures a second
USUAL = {"width": 1280, "height": 900}
WINDOW = 0.8  # seconds
WINDOWS = 4  # at most
MAIN_THREAD = 0.10  # of the time
KERNEL = 250e-6  # seconds a picture, on a machine with nothing else to do
PLAIN_MAIN_THREAD = 4  # bare widgets, on another one
PLAIN_KERNEL = 6  # also bare widgets
HEAP = 1000  # bytes an update
UPDATES = 300  # for the heap


@contextmanager
def usual_window(page: Any) -> Iterator[None]:
    """Make a page's window as large as people have it, for a while."""
    before = page.viewport_size
    page.set_viewport_size(USUAL)
    yield
    page.set_viewport_size(before)


@contextmanager
def only(front: Tab, name: str) -> Iterator[None]:
    """Hide all other outputs, for a while."""
    others = [front.output(each).element_handle() for each in (*KINDS, "bare") if each != name]
    display = "([others, display]) => others.forEach(each => { each.style.display = display; })"
    front.page.evaluate(display, [others, "none"])
    yield
    front.page.evaluate(display, [others, ""])


@dataclass
class Cost:
    """Shares of the main thread's time, and seconds of the kernel's CPU a picture; the ratios are to a bare widget."""

    main_thread: float
    main_thread_ratio: float
    kernel: float
    kernel_ratio: float

    def __or__(self, other: Cost) -> Cost:
        return Cost(*map(min, astuple(self), astuple(other)))

    @property
    def low(self) -> bool:
        return (self.main_thread < MAIN_THREAD or self.main_thread_ratio < PLAIN_MAIN_THREAD) and (
            self.kernel < KERNEL or self.kernel_ratio < PLAIN_KERNEL
        )

    def __str__(self) -> str:
        return (
            f"{self.main_thread:>11.1%} {self.main_thread_ratio:>5.1f}"
            f" {self.kernel * 1e6:>9.0f} us {self.kernel_ratio:>5.1f}"
        )


HEAD = "main thread ratio       kernel ratio"


class DevTools:
    """Measures a page."""

    def __init__(self, page: Any) -> None:
        self._session = page.context.new_cdp_session(page)
        self._session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def busy(self) -> float:
        """Return the seconds of CPU that the main thread has used."""
        metrics = self._session.send("Performance.getMetrics")["metrics"]
        return next(each["value"] for each in metrics if each["name"] == "TaskDuration")

    def heap(self) -> int:
        """Return the bytes in use after a garbage collection."""
        self._session.send("HeapProfiler.collectGarbage")
        return self._session.send("Runtime.getHeapUsage")["usedSize"]


def pump(front: Tab, kinds: list[str], seconds: float) -> tuple[int, float, float]:
    """Draw; return how many pictures, the CPU seconds of a typical one, and how long it took.

    Nothing else draws meanwhile.
    """
    drawn = front.kernel.do(
        f"begin = time.monotonic(); drawn = pump({kinds}, {seconds}, {RATE})", "(*drawn, time.monotonic() - begin)"
    )
    front.catch_up(kinds[-1])
    return drawn


def cheapest(front: Tab, devtools: DevTools, kind: str) -> Cost:
    """Return what a kind costs, after as many windows as it needs to be low."""
    best = _cost(front, devtools, kind)
    for _ in range(WINDOWS - 1):
        if best.low and best.main_thread < MAIN_THREAD:
            break
        best |= _cost(front, devtools, kind)
    return best


def _cost(front: Tab, devtools: DevTools, kind: str) -> Cost:
    main_thread, kernel = _window(front, devtools, kind)
    front.kernel.do(f"plain({kind!r})")
    plain_main_thread, plain_kernel = _window(front, devtools, "bare")
    return Cost(main_thread, main_thread / plain_main_thread, kernel, kernel / plain_kernel)


def _window(front: Tab, devtools: DevTools, kind: str) -> tuple[float, float]:
    with only(front, kind):
        before = devtools.busy()
        _, kernel, took = pump(front, [kind], WINDOW)
        return (devtools.busy() - before) / took, kernel


def growth(front: Tab, devtools: DevTools) -> list[float]:
    """Return the bytes that the heap grew by an update, in each window until one is small."""
    grown: list[float] = []
    while len(grown) < WINDOWS and not (grown and grown[-1] < HEAP):
        before, drawn = devtools.heap(), 0
        while drawn < UPDATES:
            drawn += pump(front, KINDS, UPDATES / len(KINDS) / RATE)[0]
        grown.append((devtools.heap() - before) / drawn)
    return grown
