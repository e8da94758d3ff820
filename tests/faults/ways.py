"""Faults of the network."""

from __future__ import annotations

import socket
from typing import Any
from unittest import mock

from tests.faults.stage import Stage
from tests.faults.truth import OTHER, SPOT


def network_gone(stage: Stage) -> None:
    stage.net.vanish()
    stage.until_marked()
    stage.wait(0.7)
    stage.over()
    stage.net.come_back()


def one_gone(stage: Stage) -> None:
    stage.net.vanish()
    stage.until_marked(SPOT, OTHER)
    stage.wait(0.5)
    stage.over()
    stage.net.come_back()


def swallowed(stage: Stage) -> None:
    stage.net.swallow(on=True)
    stage.until_marked(SPOT, OTHER)
    stage.over()
    stage.net.swallow(on=False)


def hiccup(stage: Stage) -> None:
    """Nothing gets through for a moment, and then all of it does."""
    stage.net.swallow(on=True)
    stage.wait(0.3)
    stage.over()
    stage.net.swallow(on=False)


def reset(stage: Stage) -> None:
    stage.net.reset()
    stage.until_marked(SPOT, OTHER)


def delayed(stage: Stage) -> None:
    stage.net.delay = 0.2
    stage.wait(1.0)
    stage.over()
    stage.net.delay = 0.0


def half_closed(stage: Stage) -> None:
    stage.net.half_close()
    stage.until_marked(SPOT, OTHER)


def cut_frame(stage: Stage) -> None:
    stage.net.cut_frame()
    stage.until_marked(SPOT, OTHER)


def no_names(stage: Stage) -> None:
    """Names are not resolved for a while."""
    resolve = socket.getaddrinfo

    def fail(host: Any, *arguments: Any, **options: Any) -> Any:
        if host in ("localhost", b"localhost"):
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return resolve(host, *arguments, **options)

    with mock.patch.object(socket, "getaddrinfo", fail):
        stage.sim.faults.kill()
        stage.until_marked()
        stage.wait(0.6)


def by_name(stage: Stage) -> dict[str, str]:
    base = stage.sim.url.replace("127.0.0.1", "localhost").replace("http", "ws", 1)
    return {"spotPublicV1": f"{base}/endpoint", "futuresPublicV1": f"{base}/futures/endpoint"}
