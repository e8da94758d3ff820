"""What is left behind: nothing after ``stop``, at exit, after an exception; and nothing by the hundred."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import kucoin_stream as ks
from kucoin_stream.simulator import GeneratedMarket, Simulator
from kucoin_stream.transport.engine import Engine
from tests.conftest import until
from tests.security.hostile import key_of

pytestmark = pytest.mark.slow

EXIT = 3.0  # seconds from the last line of a script to its end

NEVER_CLOSED = """
c = ks.Client(URL, **KEY).open()
b, o, t = c.book("BTC-USDT").wait(), c.account.orders(), c.trades("BTC-USDT")
w, f, r = b.widget(), t.frame(), c.record(TAPE)
t.sink(lambda x: None)
done()
"""
TWO = "a, b = ks.Client(URL).open(), ks.connect('sim'); x, y = a.trades('BTC-USDT'), b.trades('BTC-USDT'); done()"
RAISES = "c = ks.connect(URL); b = ks.book('BTC-USDT').wait(); done(); 1 / 0"
EXITS = "c = ks.connect(URL); t = ks.trades('BTC-USDT'); done(); sys.exit(3)"
STUCK = """
c, go = ks.connect(URL), threading.Event()
t = ks.trades("BTC-USDT")
t.sink(lambda x: (go.set(), time.sleep(60)))
go.wait(10)
threading.Thread(target=lambda: ks.Client(URL, sign=lambda m, s: time.sleep(60), **KEY).open(), daemon=True).start()
done()
"""
ENDS = {NEVER_CLOSED: (0, ""), TWO: (0, ""), STUCK: (0, ""), EXITS: (3, ""), RAISES: (1, "ZeroDivisionError")}
"""Scripts, their exit codes, and what the last line of their standard error begins with."""


def test_every_way_out_of_a_script_is_quick_clean_and_quiet(sim: Simulator, tmp_path: Path) -> None:
    head = (
        "import sys, threading, time\nimport kucoin_stream as ks\n"
        f"URL, KEY, TAPE = {sim.url!r}, {key_of(sim)!r}, {str(tmp_path / 't.kcs')!r}\n"
        "done = lambda: print(time.time(), flush=True)\n"
    )

    def ended(script: str) -> tuple[int, str, bool]:
        command = [sys.executable, "-W", "error::ResourceWarning", "-c", head + script]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        last = (done.stderr.strip().splitlines() or [""])[-1]
        return done.returncode, last.partition(":")[0], time.time() - float(done.stdout or 0) < EXIT

    with ThreadPoolExecutor() as threads:
        found = dict(zip(ENDS, threads.map(ended, ENDS), strict=True))
    assert found == {script: (*end, True) for script, end in ENDS.items()}


def test_many_clients_one_after_the_other_leave_nothing() -> None:
    here = pytest.importorskip("psutil").Process()
    with Simulator(GeneratedMarket(["BTC-USDT"], rate=3), connections_per_minute=0, rest_quota=0) as sim:

        def cycle(count: int) -> tuple[int, int, set[str], int]:
            for _ in range(count):
                with ks.Client(sim.url) as client:
                    client.trades("BTC-USDT").frame()
                    client.ticker("BTC-USDT").map(str).sink(len)
            until(lambda: sim.connections == 0)
            gc.collect()
            engines = sum(isinstance(each, Engine) for each in gc.get_objects())
            return here.num_fds(), here.memory_info().rss, {each.name for each in threading.enumerate()}, engines

        cycle(10)
        before, after = cycle(5), cycle(10)
    assert after[0] == before[0]
    assert after[1] - before[1] < 3 * 2**20
    assert after[2:] == before[2:]


@pytest.mark.parametrize("failure", [ZeroDivisionError, KeyboardInterrupt])
def test_an_exception_in_the_middle_leaves_no_thread_and_no_socket(
    sim: Simulator, failure: type[BaseException]
) -> None:
    def ours() -> int:
        return sum(each.name.startswith("kucoin-stream") for each in threading.enumerate())

    begun = ours()
    kept: list[Any] = []

    def fail() -> None:
        with ks.Client(sim.url, **key_of(sim)) as client:
            kept.extend([client.book("BTC-USDT").wait(), client.account.orders(), client.trades("BTC-USDT")])
            raise failure

    with pytest.raises(failure):
        fail()
    assert {each.status for each in kept} == {"stopped: closed"}
    until(lambda: ours() == begun)
    until(lambda: sim.connections == 0)
