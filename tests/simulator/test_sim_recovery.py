"""Whatever goes wrong on the way: after quiet, what the client shows is what the exchange has."""

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import kucoin_stream as ks
from kucoin_stream.simulator import Clock, GeneratedMarket, RestError, Simulator

SYMBOL = "ETH-USDT"
SECOND = 1_000_000_000
KLINES_NS = 8 * SECOND // 10  # of a second: klines come then, and nothing is left to be pushed
PATIENCE = 20.0  # seconds

COUNTED = st.tuples(st.sampled_from(["gap", "duplicate", "reorder", "old_snapshot"]), st.integers(1, 4))
PLAIN = st.tuples(st.sampled_from(["kill", "bye", "garbage", "cross"]), st.none())
REST = st.tuples(
    st.just("rest"),
    st.sampled_from([("/api/v3/market/orderbook", 503), ("/api/v1/bullet", 429), ("/api/v1/accounts", 500)]),
)
RULE = st.tuples(st.sampled_from(["late_acks", "late_welcome", "slow_rest", "slow_frames"]), st.just(0.05))
ORDER = st.tuples(st.just("order"), st.sampled_from(["buy", "sell"]))
FAULTS = st.lists(st.one_of(COUNTED, PLAIN, REST, RULE, ORDER), min_size=1, max_size=8)


def do(sim, what, argument):
    faults = sim.faults
    match what:
        case "gap" | "duplicate" | "reorder" | "old_snapshot":
            getattr(faults, what)(SYMBOL, argument)
        case "cross":
            faults.cross(SYMBOL)
        case "rest":
            faults.rest(*argument, "500000", "Internal Server Error", times=2)
        case "order":
            try:
                sim.account.place(SYMBOL, argument, size="0.01")
            except RestError as refused:
                pytest.fail(str(refused))
        case "kill" | "bye" | "garbage":
            getattr(faults, what)()
        case rule:
            setattr(faults, rule, argument)


def numbers(levels):
    return [(float(price), float(size)) for price, size in levels]


def told(book, klines, balances):
    """What the client shows."""
    sides = {
        side: list(zip(frame["price"], frame["size"], strict=True))
        for side, frame in (("asks", book.asks), ("bids", book.bids))
    }
    bars = klines.df.tail(3)
    rows = bars[["open", "close", "high", "low", "volume", "turnover"]].to_numpy().tolist()
    money = balances.df.loc["trade"]
    held = {name: (row["available"], row["hold"]) for name, row in money.iterrows()}
    return book.sequence, sides, [[time_.timestamp(), *row] for time_, row in zip(bars.index, rows, strict=True)], held


def true(sim, bars):
    """What the exchange has."""
    book = sim.market.book(SYMBOL, None)
    sides = {side: numbers(book[side]) for side in ("asks", "bids")}
    first, last = int(bars[0][0]), int(bars[-1][0])
    rows = [[float(value) for value in row] for row in sim.market.candles(SYMBOL, "1min", first, last + 1)[::-1]]
    held = {name: (float(each.available), float(each.hold)) for name, each in sim.account.balances()["trade"].items()}
    return int(book["sequence"]), sides, rows, held


def is_quiet(book, klines, balances):
    return {book.status, klines.status, balances.status} == {"live"}


def same(sim, frames):
    if not is_quiet(*frames):
        return False
    shown = told(*frames)
    return shown == true(sim, shown[2])


@pytest.mark.slow
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 1000), faults=FAULTS)
def test_after_quiet_the_client_shows_what_the_exchange_has(seed, faults):
    with Simulator(GeneratedMarket([SYMBOL], seed=seed, rate=5.0), clock=Clock(0.0)) as sim:
        known = sim.credentials
        with ks.Client(
            sim.url, key=known.key, secret=known.secret, passphrase=known.passphrase, reconnect_delay=0.02
        ) as client:
            frames = client.book(SYMBOL), client.klines(SYMBOL, "1min", history=5), client.account.balances("spot")
            wait(sim, lambda: is_quiet(*frames), "all is live at first")
            for what, argument in faults:
                do(sim, what, argument)
                sim.advance(0.3)
                time.sleep(0.02)  # the client has its own clock, and needs some of it
            sim.faults.clear()
            for _ in range(20):
                sim.advance(0.2)  # what was lost is missed when more comes
                time.sleep(0.01)
            wait(sim, lambda: is_quiet(*frames), "all is live again")
            sim.advance((KLINES_NS - sim._clock.now_ns() % SECOND) % SECOND / SECOND + 1.0)
            until(lambda: same(sim, frames), f"equality after {faults}")


def wait(sim, condition, what):
    """Wait, while the market goes on."""

    def moved():
        sim.advance(0.1)
        return condition()

    until(moved, what, pause=0.02)


def until(condition, what, pause=0.01):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(pause)
