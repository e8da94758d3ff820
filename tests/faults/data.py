"""Faults of what is pushed: missing, doubled, late, unreadable, too much of it."""

from __future__ import annotations

from tests.faults.stage import Stage
from tests.faults.truth import FUTURES, LEVEL2, OTHER, PRO, SPOT
from tests.transport.raw_server import TEXT, frame

SNAPSHOTS = ("/api/v3/market/orderbook", "/api/v1/level2", "/futures/api/v1/level2")


def gap(stage: Stage) -> None:
    stage.sim.faults.gap(SPOT, 3)
    stage.until_marked(SPOT)


def gap_of_futures(stage: Stage) -> None:
    stage.sim.faults.gap(FUTURES, 3)
    stage.until_marked(FUTURES)


def duplicate(stage: Stage) -> None:
    stage.sim.faults.duplicate(SPOT, 5)
    stage.wait(0.3)


def reorder(stage: Stage) -> None:
    stage.sim.faults.reorder(SPOT, 3)
    stage.until_marked(SPOT)
    stage.wait(0.2)


def old_snapshot(stage: Stage) -> None:
    path = "/api/v3/market/orderbook/level2"
    before = stage.sim.statistics()["requests"][path]
    stage.sim.faults.old_snapshot(SPOT, 2)
    stage.wait(0.2)
    stage.sim.faults.gap(SPOT, 2)
    stage.until(lambda: stage.sim.statistics()["requests"][path] >= before + 3, "asked until it is new enough")


def crossed(stage: Stage) -> None:
    stage.sim.faults.cross(SPOT)
    stage.wait(0.3)


def price_zero(stage: Stage) -> None:
    """Let nothing visible happen for a while, a hundred times a second."""
    flow = stage.sim.market.instrument(SPOT).flow
    before = flow.listing
    flow.listing = before._replace(fillers=1.0)
    stage.advance(10.0)
    stage.wait(0.3)
    flow.listing = before


def silence(stage: Stage) -> None:
    stage.sim.faults.silence(LEVEL2[SPOT])
    stage.wait(0.5)
    stage.over()
    stage.sim.faults.clear()
    stage.until_marked(SPOT)


def standstill(stage: Stage) -> None:
    stage.sim.faults.hold()
    stage.wait(1.0)
    stage.over()
    stage.sim.faults.release()


def burst(stage: Stage) -> None:
    """Twenty thousand messages at once, all of them real."""
    before = stage.truth.count()
    while stage.truth.count() < before + 20_000:
        stage.advance(5.0)


def pro_gap(stage: Stage) -> None:
    stage.sim.faults.gap(SPOT, 3)
    stage.until_marked(SPOT, PRO)


def pro_disorder(stage: Stage) -> None:
    stage.sim.faults.reorder(SPOT, 2)
    stage.sim.faults.duplicate(SPOT, 3)
    stage.until_marked(SPOT)
    stage.wait(0.5)


def slow_frames(stage: Stage) -> None:
    stage.sim.faults.slow_frames = 0.02
    stage.wait(0.7)
    stage.over()
    stage.sim.faults.clear()


def garbage(stage: Stage) -> None:
    stage.sim.faults.garbage()
    stage.wait(0.3)


def oversize(stage: Stage) -> None:
    stage.sim.faults.inject("x" * 300_000)
    stage.until_lost()


def bad_text(stage: Stage) -> None:
    write(stage, frame(b'{"type":"message","topic":"/market/match:\xff\xfe\xc3("}', TEXT))
    stage.until(lambda: stage.client.statistics()["errors"] + stage.client.statistics()["reconnects"], "noticed")


def broken_frame(stage: Stage) -> None:
    write(stage, b"\xff\xff\xff\xff")
    stage.until_lost()


def write(stage: Stage, data: bytes) -> None:
    """Write bytes to every socket of the exchange."""
    stage.sim._ask(lambda exchange: [client._transport.write(data) for client in list(exchange.clients)], None)


def storm(stage: Stage) -> None:
    faults = stage.sim.faults
    for turn in range(3):
        faults.gap(SPOT, 2)
        faults.duplicate(FUTURES, 2)
        faults.reorder(OTHER, 1)
        faults.garbage()
        faults.rest(SNAPSHOTS[0], 500, "500000", "not now", times=1)
        stage.wait(0.2)
        faults.late_acks = 0.1
        (faults.kill, faults.bye, faults.kill)[turn]()
        stage.wait(0.2)
    stage.over()
    faults.clear()
