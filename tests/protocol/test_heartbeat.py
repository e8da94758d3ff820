"""The five rules of protocol.md 3.2 as timed tables. Seconds; the pong timeout is 10 throughout."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kucoin_stream.protocol.heartbeat import Beat, Heartbeat

NOTHING, PING, DEAD = Beat.NOTHING, Beat.PING, Beat.DEAD
TIMEOUT = 10.0

Step = tuple[float, str | Beat]
"""``(time, what happens)``, or ``(time, what a tick then asks for)``."""


def play(interval: float, steps: list[Step]) -> None:
    """Go through ``steps``; each ping asked for is sent at once."""
    heart = Heartbeat(interval, TIMEOUT, 0.0)
    for now, step in steps:
        if not isinstance(step, Beat):
            {"sent": heart.sent, "data": heart.received, "pong": heart.ponged}[step](now)
            continue
        assert heart.tick(now) is step, f"at {now} s"
        if step is PING:
            heart.pinged(now)


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param([(17.9, NOTHING), (18, PING)], id="a ping every interval"),
        pytest.param([(18, PING), (18.1, "pong"), (35.9, NOTHING), (36, PING)], id="from ping to ping"),
        pytest.param([(10, "sent"), (18, NOTHING), (27.9, NOTHING), (28, PING)], id="any outgoing message restarts"),
        pytest.param([(10, "data"), (18, PING)], id="an incoming message does not"),
        pytest.param([(18, PING), (18.1, "pong"), (20, "sent"), (37.9, NOTHING), (38, PING)], id="also after a pong"),
    ],
)
def test_rule_1_ping_timer(steps):
    play(18, steps)


@pytest.mark.parametrize("interval", [10.0, 14.0, 18.0])
@pytest.mark.parametrize(
    ("after_ping", "what"),
    [
        ([(9.9, NOTHING), (10, PING), (19.9, NOTHING), (20, DEAD)], "silence after both"),
        ([(10, PING), (10.2, "pong"), (15, NOTHING)], "the second is answered"),
        ([(10, PING), (15, "data"), (19.9, NOTHING)], "no pong, but data after the second"),
        ([(5, "data"), (10, PING), (20, DEAD)], "data before the second ping proves nothing"),
        ([(9.9, "pong"), (9.95, NOTHING)], "answered in time"),
    ],
)
def test_rules_2_and_3_a_missed_pong_is_answered_by_a_second_ping_at_once(interval, after_ping, what):
    play(interval, [(interval, PING), *((interval + after, step) for after, step in after_ping)])


def test_the_second_ping_is_given_anew_after_a_recovery():
    play(18, [(18, PING), (28, PING), (29, "pong"), (46, PING), (56, PING), (66, DEAD)])


def test_after_two_missed_pongs_with_data_the_next_ping_keeps_its_time():
    play(18, [(18, PING), (28, PING), (33, "data"), (38, NOTHING), (45.9, NOTHING), (46, PING), (56, PING)])


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param([(20, PING), (29.9, NOTHING), (30, DEAD)], id="the first missed pong means dead"),
        pytest.param([(20, PING), (25, "data"), (30, NOTHING), (40, PING), (50, DEAD)], id="unless data arrives"),
        pytest.param([(20, PING), (20, "data"), (30, DEAD)], id="data up to the ping does not count"),
    ],
)
def test_rule_4_a_longer_interval_than_recommended(steps):
    play(20, steps)


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param([(5, PING), (10, PING), (15, PING), (16, NOTHING), (20, PING)], id="no pong is watched"),
        pytest.param([(5, PING), (10, PING), (15, PING), (20, PING), (24.9, NOTHING), (25, DEAD)], id="but silence is"),
        pytest.param([(5, PING), (5.1, "pong"), (30, PING), (30.1, DEAD)], id="since the last arrival"),
    ],
)
def test_rule_5_an_interval_below_the_timeout(steps):
    play(5, steps)


def test_half_open_socket_is_noticed_even_where_commands_keep_pings_away():
    commands = [(at, "sent") for at in range(10, 61, 10)]
    play(18, [*commands, (63.9, NOTHING), (64, DEAD)])  # 3 intervals and a timeout


@pytest.mark.parametrize("interval", [5.0, 10.0, 14.0, 18.0, 20.0, 60.0])
def test_data_without_pongs_is_alive(interval):
    heart = Heartbeat(interval, TIMEOUT, 0.0)
    pings = []
    for now in range(1, 600):
        heart.received(now)
        beat = heart.tick(now + 0.5)
        assert beat is not DEAD
        if beat is PING:
            heart.pinged(now + 0.5)
            pings.append(now)
    assert max(later - earlier for earlier, later in itertools.pairwise(pings)) <= interval + 1


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([(18.0, "ping"), (18.25, "pong")], [0.25]),
        ([(18.0, "ping"), (18.25, "pong"), (19.0, "pong")], [0.25, None]),  # one that nobody asked for
        ([(1.0, "pong")], [None]),
    ],
)
def test_round_trip(steps, expected):
    heart = Heartbeat(18, TIMEOUT, 0.0)
    seen = [heart.pinged(now) if what == "ping" else heart.ponged(now) for now, what in steps]
    assert [each for each, (_, what) in zip(seen, steps, strict=True) if what == "pong"] == expected


@given(
    interval=st.floats(1, 120),
    events=st.lists(st.tuples(st.floats(0.01, 30), st.sampled_from(["sent", "data", "pong"])), max_size=30),
)
def test_ticks_come_when_announced_and_silence_ends(interval, events):
    heart = Heartbeat(interval, TIMEOUT, 0.0)
    now = last_sent = last_arrival = 0.0

    def run_until(end: float) -> bool:
        nonlocal last_sent
        while (due := heart.next_tick()) <= end:
            beat = heart.tick(due)
            if beat is DEAD:
                return False
            if beat is PING:
                heart.pinged(due)
                last_sent = due
            assert due - last_sent <= interval + 1e-6
            assert heart.next_tick() > due, "no busy waiting"
        assert heart.tick(end) is NOTHING or end >= heart.next_tick()
        return True

    for wait, what in events:
        now += wait
        if not run_until(now):
            return
        {"sent": heart.sent, "data": heart.received, "pong": heart.ponged}[what](now)
        last_sent = now if what == "sent" else last_sent
        last_arrival = now if what != "sent" else last_arrival
    assert not run_until(last_arrival + 3 * interval + TIMEOUT + 1e-6)


@pytest.mark.parametrize("interval", [1.0, 15.0, 18.0, 30.0])
def test_in_doubt_it_asks_at_once_and_five_seconds_of_silence_mean_dead(interval: float) -> None:
    heart = Heartbeat(interval, TIMEOUT, 0.0)
    heart.doubted(0.5)
    assert heart.next_tick() == 0.5
    assert heart.tick(0.5) is PING
    heart.pinged(0.5)
    assert heart.tick(5.4) in {NOTHING, PING}
    assert heart.tick(5.5) is DEAD


def test_in_doubt_any_message_shows_that_it_lives() -> None:
    heart = Heartbeat(18.0, TIMEOUT, 0.0)
    heart.doubted(0.5)
    heart.pinged(0.5)
    heart.received(5.0)
    assert heart.tick(5.5) is NOTHING
    assert heart.tick(10.4) is NOTHING
