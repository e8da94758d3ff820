"""Faults of subscribing, and of the way in."""

from __future__ import annotations

from tests.faults.stage import Stage
from tests.faults.truth import LEVEL2, OTHER, SPOT, TRADES


def refused(stage: Stage) -> None:
    """One topic of a batch is refused: the others are served."""
    faults, shown = stage.sim.faults, stage.shown
    faults.refuse(LEVEL2[OTHER])
    faults.kill()
    stage.until(lambda: shown.books[OTHER].status.startswith("refused"), "refused")
    stage.until(lambda: all(status == "live" for name, status in shown.statuses().items() if name != OTHER))
    stage.over()
    faults.clear()
    stage.client.level2(OTHER)  # asked for anew


def busy(stage: Stage) -> None:
    """A topic is refused with what may pass: asked for again, after five seconds."""
    stage.sim.faults.refuse(LEVEL2[OTHER], 500, "system error")
    stage.sim.faults.kill()
    stage.until_marked(OTHER)
    stage.wait(0.5)
    stage.over()
    stage.sim.faults.clear()


def late_acks(stage: Stage) -> None:
    stage.sim.faults.late_acks = 0.8
    stage.sim.faults.kill()
    stage.until_lost()
    stage.over()
    stage.sim.faults.clear()


def mute_acks(stage: Stage) -> None:
    before = stage.sim.statistics()["commands"]["subscribe"]
    stage.sim.faults.mute_acks = True
    stage.sim.faults.kill()
    stage.until(lambda: stage.sim.statistics()["commands"]["subscribe"] > before + 6, "asked for again")
    stage.over()
    stage.sim.faults.clear()


def in_the_midst(stage: Stage) -> None:
    """Subscribe and unsubscribe while connections die."""
    client = stage.client
    feed = client.ticker(SPOT)
    for turn in range(8):
        if turn % 3 == 0:
            stage.sim.faults.kill()
        feed.stop()
        other = client.ticker(OTHER, SPOT)
        feed.start()
        other.stop()
        stage.wait(0.03)
    wanted = {*LEVEL2.values(), *TRADES.values(), *feed.topics}
    stage.until(lambda: stage.sim.subscriptions == wanted, "what is wanted is subscribed, and nothing else")
    feed.stop()
