"""Faults of REST, and of the clock by which calls are signed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import kucoin_stream as ks
from kucoin_stream.errors import KucoinStreamError
from tests.faults.stage import Stage

TOKEN = "/api/v1/bullet"
SNAPSHOTS = ("/api/v3/market/orderbook", "/api/v1/level2", "/futures/api/v1/level2")
HTML = "<html>not here, not now</html>"
STATUSES = {401: "400001", 429: "429000", 451: "", 500: "500000", 503: ""}


def rest(status: int) -> Callable[[Stage], None]:
    """The token and the snapshots are answered with an error."""

    def bring(stage: Stage) -> None:
        failures = stage.client.statistics()["rest_failures"]
        for path in SNAPSHOTS:
            stage.sim.faults.rest(
                path, status, STATUSES[status], "not now", times=2, body=None if STATUSES[status] else HTML
            )
        stage.sim.faults.rest(
            TOKEN, status, STATUSES[status], "not now", times=4, body=None if STATUSES[status] else HTML
        )
        stage.sim.faults.kill()
        stage.until(lambda: stage.client.statistics()["rest_failures"] >= failures + 6, "asked in vain")
        stage.over()
        stage.sim.faults.clear()

    return bring


def symbols(stage: Stage) -> None:
    """A client that cannot get the list of symbols does not open, says so, and the next one does."""
    for status, code in STATUSES.items():
        stage.sim.faults.rest("/api/v2/symbols", status, code, "not now", body=None if code else HTML)
        with suppress(KucoinStreamError):
            ks.Client(stage.url, **stage.options()).open().close()
            raise AssertionError(f"opened, in spite of {status}")
        stage.sim.faults.clear()
        ks.Client(stage.url, **stage.options()).open().close()


def slow_rest(stage: Stage) -> None:
    stage.sim.faults.slow_rest = 2.2
    stage.sim.faults.kill()
    stage.until_marked()
    stage.wait(0.5)
    stage.over()
    stage.sim.faults.slow_rest = 0.2
    stage.until_lost(2)


def clock(seconds: float) -> Callable[[Stage], None]:
    """The exchange's clock is off, and stays so: what is signed is signed by its time."""

    def bring(stage: Stage) -> None:
        feed = stage.client.feed("account.orders")
        stage.sim.faults.clock_offset = seconds
        stage.sim.faults.kill()
        stage.until_lost(3)
        assert feed.status == "live"

    return bring
