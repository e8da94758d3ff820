"""Wanted topics against actual ones: tables, and an exchange that answers as it likes."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from kucoin_stream.protocol import topics as catalogue
from kucoin_stream.protocol.topics import Connection
from kucoin_stream.settings import Limits
from kucoin_stream.transport.plan import (
    Action,
    Active,
    Close,
    Open,
    Plan,
    Refuse,
    Restored,
    Subscribe,
    TopicState,
    Unsubscribe,
)

SPOT = Connection.SPOT_PUBLIC
A, B, C = (f"/market/match:{base}-USDT" for base in "ABC")
TICKER = "/market/ticker:A-USDT"
BARS = "/market/candles:A-USDT_1min"


def opened(*wanted: str, limits: Limits | None = None) -> Plan:
    """Return a plan whose first connection is open and has asked for ``wanted``."""
    plan = Plan(limits)
    assert plan.want(wanted) == [Open(1, SPOT)]
    plan.opened(1)
    return plan


def active(*wanted: str) -> Plan:
    """Return a plan in which ``wanted`` are all active."""
    plan = opened(*wanted)
    assert plan.acknowledged(1, wanted) == [Active(topic) for topic in wanted]
    return plan


# -- want and unwant ---------------------------------------------------------------------------------------------


def test_the_way_of_one_subscription():
    plan = Plan()
    assert plan.want([A]) == [Open(1, SPOT)]
    assert plan.state(A) is TopicState.WAITING
    assert plan.opened(1) == [Subscribe(1, (A,))]
    assert plan.acknowledged(1, (A,)) == [Active(A)]
    assert plan.state(A) is TopicState.ACTIVE
    assert plan.unwant([A]) == [Close(1)]
    assert plan.state(A) is None


@pytest.mark.parametrize(
    ("plan", "wanted", "actions"),
    [
        pytest.param(Plan(), [], [], id="nothing"),
        pytest.param(active(A), [A], [], id="what is active"),
        pytest.param(opened(A), [A], [], id="what is asked for already"),
        pytest.param(active(A), [B, B], [Subscribe(1, (B,))], id="twice in one breath"),
        pytest.param(active(A), [B, A, C], [Subscribe(1, (B, C))], id="only what is new"),
        pytest.param(
            active(A), [B, TICKER, C], [Subscribe(1, (B, C)), Subscribe(1, (TICKER,))], id="one command for each row"
        ),
        pytest.param(
            active(A),
            [BARS, "/market/candles:B-USDT_1min"],
            [Subscribe(1, (BARS,)), Subscribe(1, ("/market/candles:B-USDT_1min",))],
            id="bars take no lists",
        ),
        pytest.param(active(A), ["/market/ticker:all"], [Subscribe(1, ("/market/ticker:all",))], id="no argument"),
    ],
)
def test_want(plan, wanted, actions):
    assert plan.want(wanted) == actions


def test_what_is_wanted_while_connecting_is_asked_for_after_it():
    plan = Plan()
    assert plan.want([A]) == [Open(1, SPOT)]
    assert plan.want([B, C]) == []
    assert plan.unwant([B]) == []
    assert plan.opened(1) == [Subscribe(1, (A, C))]


@pytest.mark.parametrize(
    ("unwanted", "actions"),
    [
        ([], []),
        ([A], [Unsubscribe(1, (A,))]),
        ([A, A, C], [Unsubscribe(1, (A, C))]),
        (["/market/match:X-USDT"], []),
        ([A, B, C], [Close(1)]),
    ],
)
def test_unwant(unwanted, actions):
    assert active(A, B, C).unwant(unwanted) == actions


def test_a_refused_topic_needs_no_unsubscribe():
    plan = opened(A, B)
    plan.rejected(1, (A,), 404, "gone")
    assert plan.unwant([A]) == []


def test_an_unwanted_connection_is_not_used_again():
    plan = opened(A)
    plan.unwant([A])
    assert plan.opened(1) == [Close(1)]
    assert plan.lost(1) == []
    assert plan.acknowledged(1, (A,)) == []
    assert plan.rejected(1, (A,), 404, "gone") == []
    assert plan.unanswered(1, (A,)) == []
    assert plan.want([A]) == [Open(2, SPOT)]


# -- limits ------------------------------------------------------------------------------------------------------


def test_a_command_holds_a_hundred_topics_and_a_connection_three_hundred():
    wanted = [f"/market/match:{number}-USDT" for number in range(650)]
    plan = Plan()
    assert plan.want(wanted) == [Open(1, SPOT), Open(2, SPOT), Open(3, SPOT)]
    assert [len(plan.topics(number)) for number in (1, 2, 3)] == [300, 300, 50]
    assert [len(each.batch) for number in (1, 2, 3) for each in plan.opened(number)] == [100] * 6 + [50]
    unsubscribes = plan.unwant(wanted[:250])
    assert unsubscribes == [
        Unsubscribe(1, tuple(wanted[:100])),
        Unsubscribe(1, tuple(wanted[100:200])),
        Unsubscribe(1, tuple(wanted[200:250])),
    ]
    assert plan.want(["/market/match:NEW-USDT"]) == [Subscribe(1, ("/market/match:NEW-USDT",))]  # there is room again


def test_the_smaller_limit_of_row_and_settings_counts():
    plan = opened(A, limits=Limits(topics_per_command=2))
    topics = [f"/market/match:{number}-USDT" for number in range(5)]
    assert [len(each.batch) for each in plan.want(topics)] == [2, 2, 1]


# -- answers -----------------------------------------------------------------------------------------------------


def test_a_refused_batch_is_asked_for_one_by_one():
    plan = opened(A, B, C)
    assert plan.rejected(1, (A, B, C), 404, "B is not found") == [Subscribe(1, (each,)) for each in (A, B, C)]
    assert plan.acknowledged(1, (A,)) == [Active(A)]
    assert plan.rejected(1, (B,), 404, "B is not found") == [Refuse(B, 404, "B is not found")]
    assert plan.acknowledged(1, (C,)) == [Active(C)]
    assert [plan.state(each) for each in (A, B, C)] == [TopicState.ACTIVE, TopicState.REFUSED, TopicState.ACTIVE]


def test_a_refused_topic_can_be_wanted_again():
    plan = active(A)
    plan.want([B])
    plan.rejected(1, (B,), 404, "not yet")
    assert plan.want([B]) == [Subscribe(1, (B,))]
    assert plan.acknowledged(1, (B,)) == [Active(B)]


def test_what_is_no_longer_wanted_is_not_asked_for_again():
    plan = opened(A, B)
    plan.unwant([B])
    assert plan.rejected(1, (A, B), 404, "B is not found") == [Subscribe(1, (A,))]
    assert plan.unanswered(1, (A,)) == [Subscribe(1, (A,))]
    assert plan.unwant([A]) == [Close(1)]


@pytest.mark.parametrize("answer", ["acknowledged", "unanswered"])
def test_an_answer_for_nothing_means_nothing(answer):
    assert getattr(active(A), answer)(1, ()) == []


def test_an_unanswered_command_is_repeated():
    plan = opened(A, B)
    assert plan.unanswered(1, (A, B)) == [Subscribe(1, (A, B))]
    assert plan.unanswered(1, (A, B)) == [Subscribe(1, (A, B))]
    assert plan.acknowledged(1, (A, B)) == [Active(A), Active(B)]
    assert plan.unanswered(1, (A, B)) == []


# -- stop and start again, before the answers ----------------------------------------------------------------------


def again() -> Plan:
    """Return a plan in which B was asked for, given up and asked for again; no answer came yet."""
    plan = active(A)
    assert plan.want([B]) == [Subscribe(1, (B,))]
    assert plan.unwant([B]) == [Unsubscribe(1, (B,))]
    assert plan.want([B]) == [Subscribe(1, (B,))]
    return plan


def test_the_answer_to_a_command_that_was_taken_back_does_not_count():
    plan = again()
    assert plan.acknowledged(1, (B,)) == []
    assert plan.state(B) is TopicState.WAITING
    assert plan.unanswered(1, (B,)) == [Subscribe(1, (B,))]
    assert plan.acknowledged(1, (B,)) == [Active(B)]


def test_a_refusal_of_a_command_that_was_taken_back_does_not_count():
    plan = again()
    assert plan.rejected(1, (B,), 400, "busy") == []
    assert plan.acknowledged(1, (B,)) == [Active(B)]


def test_a_loss_makes_all_answers_void():
    plan = again()
    plan.lost(1)
    assert plan.opened(1) == [Subscribe(1, (A, B))]
    assert plan.acknowledged(1, (A, B)) == [Active(A), Active(B), Restored(1)]


# -- loss and restoration ----------------------------------------------------------------------------------------


def test_after_a_loss_everything_is_asked_for_again_and_restored_comes_once():
    plan = active(A, B)
    assert plan.lost(1) == [Open(1, SPOT)]
    assert plan.state(A) is TopicState.WAITING
    assert plan.opened(1) == [Subscribe(1, (A, B))]
    assert plan.acknowledged(1, (A, B)) == [Active(A), Active(B), Restored(1)]
    assert plan.want([C]) == [Subscribe(1, (C,))]
    assert plan.acknowledged(1, (C,)) == [Active(C)]


def test_the_first_opening_restores_nothing():
    plan = Plan()
    plan.want([A])
    assert plan.lost(1) == [Open(1, SPOT)]
    assert plan.opened(1) == [Subscribe(1, (A,))]
    assert plan.acknowledged(1, (A,)) == [Active(A)]


@pytest.mark.parametrize(
    ("last", "actions"),
    [
        (lambda plan: plan.rejected(1, (B,), 404, "gone"), [Refuse(B, 404, "gone"), Restored(1)]),
        (lambda plan: plan.unwant([B]), [Unsubscribe(1, (B,)), Restored(1)]),
    ],
    ids=["refused", "not wanted any more"],
)
def test_the_last_topic_of_a_restoration_may_fall_away(last, actions):
    plan = active(A, B)
    plan.lost(1)
    plan.opened(1)
    assert plan.acknowledged(1, (A,)) == [Active(A)]
    assert last(plan) == actions


def test_lost_again_while_restoring():
    plan = active(A, B)
    for _ in range(3):
        assert plan.lost(1) == [Open(1, SPOT)]
        assert plan.opened(1) == [Subscribe(1, (A, B))]
    assert plan.lost(1) == [Open(1, SPOT)]
    assert plan.lost(1) == [Open(1, SPOT)]  # the attempt failed
    plan.opened(1)
    assert plan.acknowledged(1, (A, B))[-1] == Restored(1)


def test_a_refused_topic_is_not_asked_for_after_a_loss():
    plan = active(A)
    plan.want([B])
    plan.rejected(1, (B,), 404, "gone")
    plan.lost(1)
    assert plan.opened(1) == [Subscribe(1, (A,))]


def test_a_connection_with_refused_topics_only_is_restored_by_opening():
    plan = opened(A)
    plan.rejected(1, (A,), 404, "gone")
    plan.lost(1)
    assert plan.opened(1) == [Restored(1)]


def test_one_connection_is_lost_and_the_other_does_not_notice():
    plan = Plan(Limits(topics_per_connection=1))
    assert plan.want([A, B]) == [Open(1, SPOT), Open(2, SPOT)]
    for number, topic in ((1, A), (2, B)):
        plan.opened(number)
        plan.acknowledged(number, (topic,))
    plan.lost(1)
    assert (plan.state(A), plan.state(B)) == (TopicState.WAITING, TopicState.ACTIVE)


# -- connections held for their own sake -------------------------------------------------------------------------


def test_a_connection_held_is_opened_again_after_a_loss_until_it_is_released():
    plan = Plan()
    number, actions = plan.hold(Connection.SPOT_ORDERS)
    assert actions == [Open(number, Connection.SPOT_ORDERS)]
    assert plan.hold(Connection.SPOT_ORDERS) == (number, [])
    assert plan.opened(number) == []
    assert plan.lost(number) == [Open(number, Connection.SPOT_ORDERS)]
    assert plan.opened(number) == [Restored(number)]
    assert plan.release(number) == [Close(number)]
    assert plan.release(number) == []


def test_a_connection_held_outlives_its_last_topic_and_the_other_way_round():
    plan = active(A)
    number, actions = plan.hold(SPOT)
    assert (number, actions) == (1, [])
    assert plan.unwant([A]) == [Unsubscribe(1, (A,))]
    plan.want([A])
    assert plan.release(1) == []
    assert plan.unwant([A]) == [Close(1)]


def test_where_the_exchange_does_not_let_us_in_all_topics_are_refused_and_it_is_not_tried_again():
    plan = Plan()
    plan.want([A, B])
    assert plan.denied(1, 400003, "no key") == [
        Refuse(A, 400003, "no key"), Refuse(B, 400003, "no key"), Close(1),
    ]  # fmt: skip
    assert plan.state(A) is None
    assert plan.lost(1) == []
    assert plan.denied(1, 400003, "no key") == []
    assert plan.want([A]) == [Open(2, SPOT)]


@pytest.mark.parametrize(
    ("topic", "topics"),
    [("/market/match:{}-USDT", 300), ("/contractMarket/execution:{}USDTM", 2000), ("trade.SPOT:{}-USDT", 600)],
)
def test_each_kind_of_connection_has_its_own_limit_of_topics(topic, topics):
    opens = [each for each in Plan().want([topic.format(n) for n in range(2 * topics)]) if isinstance(each, Open)]
    assert len(opens) == (1 if "contract" in topic else 2)


# -- an exchange that answers as it likes ------------------------------------------------------------------------

UNIVERSE = [
    *(f"/market/match:{number}-USDT" for number in range(7)),
    *(f"/market/ticker:{number}-USDT" for number in range(3)),
    *(f"/market/candles:{number}-USDT_1min" for number in range(3)),
    "/market/ticker:all",
]
FORBIDDEN = {"/market/match:6-USDT", "/market/candles:2-USDT_1min"}
LIMITS = Limits(topics_per_command=3, topics_per_connection=6)
SOME = st.lists(st.sampled_from(UNIVERSE), max_size=6)


class Wire:
    """One socket: what it serves, and the commands that have arrived but have no answer yet."""

    def __init__(self) -> None:
        self.served: set[str] = set()
        self.open_commands: list[tuple[str, tuple[str, ...]]] = []


class Exchange(RuleBasedStateMachine):
    """Commands arrive in order; answers come in any order, or not at all."""

    @initialize()
    def begin(self):
        self.plan = Plan(LIMITS)
        self.wanted: set[str] = set()
        self.refused: set[str] = set()
        self.connecting: set[int] = set()
        self.wires: dict[int, Wire] = {}
        self.owed: set[int] = set()  # connections that owe a Restored
        self.restored = 0

    def perform(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case Open(connection=number):
                    assert number not in self.wires
                    self.connecting.add(number)
                case Close(connection=number):
                    self.connecting.discard(number)
                    self.wires.pop(number, None)
                    self.owed.discard(number)
                case Subscribe(connection=number, batch=batch):
                    self.check(batch)
                    self.wires[number].open_commands.append(self.answer(self.wires[number], batch))
                case Unsubscribe(connection=number, batch=batch):
                    self.check(batch)
                    self.wires[number].served.difference_update(batch)
                case Active(topic=topic):
                    self.refused.discard(topic)
                    assert self.plan.state(topic) is TopicState.ACTIVE
                case Refuse(topic=topic):
                    assert topic in FORBIDDEN
                    self.refused.add(topic)
                case Restored(connection=number):
                    assert number in self.owed
                    self.owed.discard(number)
                    assert TopicState.WAITING not in {self.plan.state(each) for each in self.plan.topics(number)}

    def check(self, batch: tuple[str, ...]) -> None:
        assert 1 <= len(batch) <= LIMITS.topics_per_command
        rows = {catalogue.parse(topic)[0] for topic in batch}
        assert len(rows) == 1
        assert len(batch) <= max(1, rows.pop().list_limit)
        assert len(set(batch)) == len(batch)

    def answer(self, wire: Wire, batch: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
        """Do what a command says, unless the exchange is in a mood, and return the answer it will have."""
        if FORBIDDEN.intersection(batch):
            return "rejected", batch
        if self.mood == "ignores":
            return "unanswered", batch
        wire.served.update(batch)
        return "acknowledged", batch

    mood = "serves"

    @rule(mood=st.sampled_from(["serves", "ignores"]))
    def change_of_mood(self, mood):
        self.mood = mood

    @rule(topics=SOME)
    def want(self, topics):
        self.wanted |= set(topics)
        self.refused -= set(topics)
        self.perform(self.plan.want(topics))

    @rule(topics=SOME)
    def unwant(self, topics):
        self.wanted -= set(topics)
        self.refused -= set(topics)
        self.perform(self.plan.unwant(topics))

    @precondition(lambda self: self.wanted)
    @rule(data=st.data())
    def run_a_cell_again(self, data):
        topics = data.draw(st.lists(st.sampled_from(sorted(self.wanted)), min_size=1, max_size=3))
        self.unwant(topics)
        self.want(topics)

    @precondition(lambda self: self.connecting)
    @rule(data=st.data(), well=st.booleans())
    def attempt_ends(self, data, well):
        number = data.draw(st.sampled_from(sorted(self.connecting)))
        self.connecting.discard(number)
        if well:
            self.wires[number] = Wire()
            self.perform(self.plan.opened(number))
        else:
            self.perform(self.plan.lost(number))

    @precondition(lambda self: self.wires)
    @rule(data=st.data())
    def lose(self, data):
        number = data.draw(st.sampled_from(sorted(self.wires)))
        del self.wires[number]
        self.owed.add(number)
        self.perform(self.plan.lost(number))

    @precondition(lambda self: any(wire.open_commands for wire in self.wires.values()))
    @rule(data=st.data())
    def answer_comes(self, data):
        number = data.draw(st.sampled_from(sorted(n for n, wire in self.wires.items() if wire.open_commands)))
        commands = self.wires[number].open_commands
        self.deliver(number, commands.pop(data.draw(st.integers(0, len(commands) - 1))))

    def deliver(self, number: int, command: tuple[str, tuple[str, ...]]) -> None:
        kind, batch = command
        if kind == "rejected":
            self.perform(self.plan.rejected(number, batch, 404, "topic does not exist"))
        else:
            self.perform(getattr(self.plan, kind)(number, batch))

    @invariant()
    def limits_are_kept(self):
        if hasattr(self, "plan"):
            numbers = self.connecting | set(self.wires)
            assert all(0 < len(self.plan.topics(number)) <= LIMITS.topics_per_connection for number in numbers)

    @invariant()
    def the_plan_knows_what_is_wanted(self):
        if hasattr(self, "plan"):
            assert {topic for topic in UNIVERSE if self.plan.state(topic) is not None} == self.wanted

    def teardown(self):
        """Once things are quiet, what is served is what is wanted."""
        if not hasattr(self, "plan"):
            return
        self.mood = "serves"
        for _ in range(200):
            for number in sorted(self.connecting):
                self.connecting.discard(number)
                self.wires[number] = Wire()
                self.perform(self.plan.opened(number))
            waiting = [number for number, wire in self.wires.items() if wire.open_commands]
            if not waiting and not self.connecting:
                break
            for number in waiting:
                self.deliver(number, self.wires[number].open_commands.pop(0))
        else:
            pytest.fail("it never becomes quiet")
        served = [topic for wire in self.wires.values() for topic in wire.served]
        assert sorted(served) == sorted(self.wanted - FORBIDDEN)
        assert {topic for topic in self.wanted if self.plan.state(topic) is TopicState.ACTIVE} == set(served)
        assert self.refused == self.wanted & FORBIDDEN
        assert self.owed == set()


Exchange.TestCase.settings = settings(max_examples=60, stateful_step_count=40)
TestExchange = Exchange.TestCase
