"""Whatever goes wrong on the way: after quiet, what the client shows is what the exchange has."""

import os
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sim_recovery import FAULTS, FUTURES, QUIET_NS, SECOND, SPOT, Shown, Trouble, clients, differences, until

from kucoin_stream.protocol import booksync
from kucoin_stream.simulator import Clock, GeneratedMarket, Simulator
from kucoin_stream.transport import pool

pytestmark = pytest.mark.slow

EXAMPLES = int(os.environ.get("RECOVERY_EXAMPLES", "5"))


@pytest.fixture(scope="module", autouse=True)
def _in_haste():
    """Shorten what no option of the client shortens: how long it waits for what may come by itself."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(booksync, "PUSH_WAIT", 2.0)
        patch.setattr(booksync, "PUSH_WAIT_LONGEST", 4.0)
        patch.setattr(pool, "_ASK_AGAIN", 0.5)
        yield


@pytest.mark.slow
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
@given(seed=st.integers(0, 1000), faults=st.lists(FAULTS, min_size=1, max_size=10))
def test_after_quiet_the_client_shows_what_the_exchange_has(seed, faults):
    begun = time.monotonic()
    recover(seed, faults)
    if os.environ.get("RECOVERY_EXAMPLES"):
        print(f"{time.monotonic() - begun:5.1f} s  {len(faults)} faults")


def recover(seed, faults):
    market = GeneratedMarket([SPOT], seed=seed, rate=5.0)
    with Simulator(market, clock=Clock(0.0), rest_quota=0) as sim:
        signed, public = clients(sim)
        trouble = Trouble(sim)
        with signed, public:
            shown = Shown(signed, public)
            wait(trouble, shown, "all is live at first")
            for symbol in (SPOT, FUTURES):  # KuCoin lists finished orders and fills of spot for known symbols only
                trouble.place(symbol, "buy", size="0.01" if symbol == SPOT else 2)
            until(lambda: len(shown["fills"].df) < 2, "the first fills are told")
            for fault in faults:
                trouble.do(*fault)
                trouble.move(0.3)
            sim.faults.clear()
            for _ in range(20):
                trouble.move(0.2)  # what was lost is missed when more comes
            wait(trouble, shown, f"all is live again after {faults}")
            sim.advance((QUIET_NS - sim._clock.now_ns() % SECOND) % SECOND / SECOND + 1.0)
            until(lambda: differences(shown, sim, trouble.orders), f"equality after {faults}")


def wait(trouble, shown, what):
    """Wait until all is right, while the market goes on."""

    def troubles():
        trouble.move(0.1)
        return shown.troubles()

    until(troubles, what)
