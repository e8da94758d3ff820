"""What a client must find out by itself: streams that say nothing, and refusals that pass."""

import pytest
from sim_recovery import FUTURES, HASTE, SPOT, Trouble, until

import kucoin_stream as ks
from kucoin_stream.simulator import Clock, GeneratedMarket, Simulator


@pytest.fixture
def sim():
    with Simulator(GeneratedMarket([SPOT], seed=5, rate=5.0), clock=Clock(0.0), rest_quota=0) as sim:
        yield sim


def client_of(sim):
    known = sim.credentials
    return ks.Client(sim.url, key=known.key, secret=known.secret, passphrase=known.passphrase, **HASTE)


def true_bars(sim, symbol, first_s, last_s):
    """Begin and close of bars, oldest first."""
    if symbol == SPOT:
        rows = sim.market.candles(symbol, "1min", first_s, last_s + 1)[::-1]
        return [(int(row[0]), float(row[2])) for row in rows]
    rows = sim.market.futures.candles(symbol, "1min", first_s * 1000, last_s * 1000 + 1)
    return [(row[0] // 1000, float(row[4])) for row in rows]


@pytest.mark.parametrize(("symbol", "topic"), [(SPOT, "/market/candles"), (FUTURES, "/contractMarket/limitCandle")])
def test_bars_that_a_silent_stream_left_out_are_fetched(sim, symbol, topic):
    with client_of(sim) as client:
        bars, trouble = client.klines(symbol, "1min", history=5).wait(), Trouble(sim)
        sim.faults.silence(topic)
        trouble.move(200.0)
        sim.faults.clear()

        def wrong():
            trouble.move(1.0)
            shown = [(int(start.timestamp()), row["close"]) for start, row in bars.df.iterrows()][:-1]
            expected = true_bars(sim, symbol, shown[0][0], shown[-1][0])
            return bars.status != "live" or len(shown) < 8 or (shown != expected and (shown, expected))

        until(wrong, "all bars are there, and right")


@pytest.mark.parametrize("path", ["/api/v1/bullet-private", "/futures/api/v1/bullet-private"])
def test_a_clock_that_was_found_wrong_again_is_no_reason_to_give_up(sim, path):
    with client_of(sim) as client:
        balances, trouble = client.account.balances().wait(), Trouble(sim)
        sim.faults.rest(path, 401, "400002", "Invalid KC-API-TIMESTAMP", times=4)  # a network that is too slow
        sim.faults.kill()

        def wrong():
            trouble.move(0.1)
            return balances.status != "live" and balances.status

        trouble.move(0.5)
        until(wrong, "live again")
