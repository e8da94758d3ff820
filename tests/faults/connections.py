"""Faults of connections: they end, go dead, are turned away; and their replacement."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.faults.stage import Stage

TOKEN = "/api/v1/bullet"
HTML = "<html>not here, not now</html>"


def kill(stage: Stage) -> None:
    stage.sim.faults.kill()
    stage.until_marked()


def kill_while_subscribing(stage: Stage) -> None:
    stage.sim.faults.late_acks = 0.3
    for _ in range(4):
        stage.sim.faults.kill()
        stage.until(lambda: stage.sim.connections, "connected")
        stage.wait(0.1)
    stage.over()
    stage.sim.faults.clear()


def bye(stage: Stage) -> None:
    stage.sim.faults.bye()
    stage.until_marked()


def half_open(stage: Stage) -> None:
    stage.sim.faults.half_open()
    stage.until_lost(2)


def mute_pongs(stage: Stage) -> None:
    stage.sim.faults.hold()  # else what comes shows that the other side lives
    stage.sim.faults.mute_pongs = True
    stage.until_lost()
    stage.over()
    stage.sim.faults.mute_pongs = False
    stage.over()
    stage.sim.faults.release()


def no_welcome(stage: Stage) -> None:
    stage.sim.faults.welcome = False
    stage.sim.faults.kill()
    stage.until_marked()
    stage.wait(0.8)
    stage.over()
    stage.sim.faults.clear()


def late_welcome(stage: Stage) -> None:
    stage.sim.faults.late_welcome = 0.3
    stage.sim.faults.kill()
    stage.until_lost(2)
    stage.over()
    stage.sim.faults.clear()


def deny(code: int, text: str) -> Callable[[Stage], None]:
    def bring(stage: Stage) -> None:
        tokens = stage.sim.statistics()["tokens"]
        stage.sim.faults.deny(code, text)
        stage.sim.faults.kill()
        stage.until(lambda: stage.sim.statistics()["tokens"] > tokens + 4, "tried again")
        stage.over()
        stage.sim.faults.clear()

    return bring


def error_frame(code: int) -> Callable[[Stage], None]:
    def bring(stage: Stage) -> None:
        stage.sim.faults.inject(f'{{"id":"x","type":"error","code":{code},"data":"something is wrong"}}')
        stage.wait(0.3)

    return bring


def life_over(stage: Stage) -> None:
    stage.goes_on()
    stage.until_lost(2)


def token_over(stage: Stage) -> None:
    _token_life(stage, 0.0)
    tokens = stage.sim.statistics()["tokens"]
    stage.sim.faults.kill()
    stage.until(lambda: stage.sim.statistics()["tokens"] > tokens + 4, "tried again, each time with a fresh one")
    stage.over()
    _token_life(stage, 86_400.0)


def _token_life(stage: Stage, seconds: float) -> None:
    stage.sim._ask(lambda exchange: setattr(exchange._tokens, "_life", seconds), None)


def restart(stage: Stage) -> None:
    """End the exchange and begin it again at the same port."""
    port = int(stage.sim.url.rpartition(":")[2])
    stage.sim.stop()
    stage.until_marked()
    stage.wait(0.3)
    stage.sim._port = port
    stage.over()
    stage.sim.start()


def rotate(stage: Stage) -> None:
    """Replace the connections while three seconds' worth of messages come each time one looks."""
    _rotate(stage)
    stage.until(lambda: stage.advance(0.5) or rotations(stage) == {1}, "all replaced")


def rotate_dying(stage: Stage) -> None:
    """The old connections die while the fresh ones take over."""
    pool = stage.client.engine.pool
    _rotate(stage)
    stage.until(lambda: all(life._rotation and life._rotation.ready for life in pool._lives.values()), "both served")
    for life in list(pool._lives.values()):
        stage.client.engine.call(life.connection._socket.abort)
    stage.until(lambda: rotations(stage) == {1}, "all replaced")


def rotate_in_vain(stage: Stage) -> None:
    """No fresh connection is to be had: the old ones go on."""
    pool = stage.client.engine.pool
    stage.sim.faults.rest(TOKEN, 503, body=HTML)
    _rotate(stage)
    stage.until(lambda: all(life._rotating is None for life in pool._lives.values()), "given up")
    stage.over()
    stage.sim.faults.clear()


def _rotate(stage: Stage) -> None:
    stage.client.engine.call(stage.client.engine.pool.rotate)


def rotations(stage: Stage) -> set[int]:
    return {row["rotations"] for row in stage.client.statistics()["connections"]}


def sleep(stage: Stage) -> None:
    """The machine slept, and the other side went meanwhile."""
    stage.sim.faults.half_open()
    stage.client.engine.call(stage.client.engine.pool.woke, 600.0)
    stage.until_lost(2)


def stopped(stage: Stage) -> None:
    """The client's process stands still, and goes on."""
    stage.shown.stop()
    time.sleep(2.5)
    stage.over()
    stage.shown.go_on()


def stopped_and_cut(stage: Stage) -> None:
    stage.shown.stop()
    time.sleep(1.0)
    stage.sim.faults.kill()
    stage.over()
    stage.shown.go_on()
    stage.until_marked()


def hog(stage: Stage) -> None:
    """A cell computes for three seconds and holds the interpreter's lock."""
    stage.shown.hog(3.0)
