"""Every private connection over real sockets: with the right key, with wrong parts of it, a wrong clock, an old token.

The exchange is the built-in one; what it says of a wrong key is KuCoin's (protocol.md 9.3, 9.4).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import kucoin_stream as ks
from kucoin_stream.errors import NotReadyError, RefusedError, ResponseError, StoppedError
from kucoin_stream.protocol import signing
from kucoin_stream.protocol.topic import Connection
from kucoin_stream.settings import Credentials
from kucoin_stream.simulator import GeneratedMarket, Simulator
from kucoin_stream.transport.signer import Signer
from tests.conftest import until

Connect = Callable[..., ks.Client]

WAYS = [
    pytest.param(Connection.SPOT_PRIVATE, {}, id="classic spot"),
    pytest.param(Connection.FUTURES_PRIVATE, {}, id="classic futures"),
    pytest.param(Connection.PRIVATE_PRO, {"pro_login": "token"}, id="Pro by token"),
    pytest.param(Connection.PRIVATE_PRO, {"pro_login": "frame"}, id="Pro by frame"),
    pytest.param(Connection.SPOT_ORDERS, {"order_api": 1}, id="WS API 1, spot"),
    pytest.param(Connection.FUTURES_ORDERS, {"order_api": 1}, id="WS API 1, futures"),
    pytest.param(Connection.SPOT_ORDERS, {"order_api": 2}, id="WS API 2"),
]


def enter(client: ks.Client, key: Connection, timeout: float = 5.0) -> int:
    """Open a connection for its own sake; raise what stands in the way."""
    engine = client.engine
    number: int = engine.call(engine.hold, key)
    engine.call(engine.pool.settled, [number], timeout, timeout=timeout + 1)
    return number


def use(client: ks.Client, credentials: Credentials, sign: Any = None) -> None:
    """Go on with another key, as where one is revoked while a client runs."""
    for rest in (client.engine.rest, client.engine.futures_rest):
        rest.signer = Signer(credentials, sign)


def changed(known: Credentials, **parts: str) -> Credentials:
    return Credentials(**{"key": known.key, "secret": known.secret, "passphrase": known.passphrase} | parts)


@pytest.mark.parametrize(("key", "options"), WAYS)
def test_the_right_key_opens_and_a_lost_connection_authenticates_again(
    connect: Connect, sim: Simulator, key: Connection, options: dict[str, Any]
) -> None:
    client = connect(**options)
    events: list[Any] = []
    client.events.only("open", "authenticated", "reconnect", "reconnected", "close").sink(events.append)
    enter(client, key)
    sim.faults.kill()
    until(lambda: events and events[-1].event == "reconnected")
    assert [each.event for each in events] == [
        "open", "authenticated", "reconnect", "open", "authenticated", "reconnected",
    ]  # fmt: skip
    assert {each.key for each in events} == {key}


@pytest.mark.parametrize(("key", "options"), WAYS)
@pytest.mark.parametrize("part", ["key", "secret", "passphrase"])
def test_a_wrong_part_of_the_key_is_refused_in_the_cell_and_not_tried_again(
    connect: Connect, sim: Simulator, key: Connection, options: dict[str, Any], part: str
) -> None:
    client = connect(**options)
    events: list[Any] = []
    client.events.only("exception", "response", "close", "reconnect").sink(events.append)
    wrong = changed(sim.credentials, **{part: "c0ffee" * 4})
    use(client, wrong)
    with pytest.raises(RefusedError) as caught:
        enter(client, key)
    # a wrong secret signs the passphrase wrongly too, which the exchange notices first
    assert (
        caught.value.code in {"key": (400003, 401), "secret": (400004, 400005, 401), "passphrase": (400004, 401)}[part]
    )
    until(lambda: len(events) == 3)
    assert [each.event for each in events] == ["exception", "response", "close"]
    assert (events[1].request, events[1].success) == ("authenticate", False)
    said = str(events)
    for secret in (wrong.key, wrong.secret, wrong.passphrase, sim.credentials.secret):
        assert secret not in said
    assert client.statistics()["connections"] == []


@pytest.mark.parametrize(("key", "options"), WAYS)
def test_a_wrong_signature_is_refused(
    connect: Connect, sim: Simulator, key: Connection, options: dict[str, Any]
) -> None:
    def sign(message: str, secret: str) -> str:  # the passphrase rightly
        return signing.sign(message if message == sim.credentials.passphrase else message + " ", secret)

    client = connect(**options)
    use(client, sim.credentials, sign)
    with pytest.raises(RefusedError) as caught:
        enter(client, key)
    assert caught.value.code in {400005, 401}


@pytest.mark.parametrize("order_api", [1])
def test_a_wrong_signature_of_the_session_text_is_refused(connect: Connect, sim: Simulator, order_api: int) -> None:
    def sign(message: str, secret: str) -> str:
        return signing.sign(message + " " if "sessionId" in message else message, secret)

    client = connect(order_api=order_api)
    use(client, sim.credentials, sign)
    with pytest.raises(RefusedError) as caught:
        enter(client, Connection.SPOT_ORDERS)
    assert caught.value.code == 400011


@pytest.fixture(params=[10.0, -10.0], ids=["ahead", "behind"])
def other_time(request: pytest.FixtureRequest, market: GeneratedMarket) -> Iterator[Simulator]:
    """An exchange whose clock is off by ten seconds, seen from here: ours is, seen from there."""
    with Simulator(market, clock_offset=request.param) as simulator:
        yield simulator


@pytest.mark.parametrize(("key", "options"), WAYS)
def test_a_clock_that_is_ten_seconds_off_does_not_matter(
    other_time: Simulator, key: Connection, options: dict[str, Any]
) -> None:
    known = other_time.credentials
    with ks.Client(
        other_time.url, key=known.key, secret=known.secret, passphrase=known.passphrase, **options
    ) as client:
        enter(client, key)
        assert client.statistics()["connections"][0]["state"] == "open"


@pytest.mark.parametrize(("key", "options"), WAYS[:3])
def test_a_token_that_is_over_is_told_and_a_fresh_one_is_tried(
    market: GeneratedMarket, key: Connection, options: dict[str, Any]
) -> None:
    with Simulator(market, token_life=0.0) as simulator:
        known = simulator.credentials
        parts = {"key": known.key, "secret": known.secret, "passphrase": known.passphrase}
        with ks.Client(simulator.url, **parts, reconnect_delay=0.02, **options) as client:
            events: list[Any] = []
            client.events.only("exception", "response").sink(events.append)
            with pytest.raises(NotReadyError, match="401 token is expired"):
                enter(client, key, timeout=0.5)
            until(lambda: len(events) > 2)
            assert {(type(each.error), each.error.code) for each in events} == {(RefusedError, 401)}
            assert simulator.statistics()["tokens"] > 2


def test_a_key_that_does_not_fit_is_told_when_connecting(sim: Simulator) -> None:
    wrong = changed(sim.credentials, passphrase="not this one")
    with pytest.raises(ResponseError, match="400004") as caught:
        ks.Client(sim.url, key=wrong.key, secret=wrong.secret, passphrase=wrong.passphrase).open()
    assert "not this one" not in str(caught.value)


async def _sign_later(message: str, secret: str) -> str:
    return signing.sign(message, secret)


@pytest.mark.parametrize(("key", "options"), WAYS)
def test_a_coroutine_of_the_users_signs_for_every_connection(
    connect: Connect, key: Connection, options: dict[str, Any]
) -> None:
    client = connect(sign=_sign_later, **options)
    enter(client, key)


def test_a_private_feed_is_refused_when_the_key_is_and_can_be_asked_for_anew(connect: Connect, sim: Simulator) -> None:
    client = connect()
    use(client, changed(sim.credentials, key="c0ffee" * 4))
    with pytest.raises(RefusedError, match="400003"):
        client.feed("account.orders")
    use(client, sim.credentials)
    assert client.feed("account.orders").status == "live"


def test_a_session_that_is_not_to_authenticate_again_stays_closed(connect: Connect, sim: Simulator) -> None:
    client = connect(reauthenticate=False)
    number = enter(client, Connection.SPOT_ORDERS)
    sim.faults.kill()
    until(lambda: client.statistics()["connections"] == [])
    pool = client.engine.pool
    with pytest.raises(StoppedError, match="not open"):
        client.engine.call(pool.request, number, "spot.cancel", {"symbol": "BTC-USDT", "orderId": "1"})
    enter(client, Connection.SPOT_ORDERS)  # asked for again, it opens


@pytest.mark.parametrize(("key", "options"), WAYS[4:])
def test_an_operation_is_answered_by_its_id(connect: Connect, key: Connection, options: dict[str, Any]) -> None:
    client = connect(**options)
    number = enter(client, key)
    op = "uta.cancel" if options["order_api"] == 2 else "spot.cancel"
    answer = client.engine.call(client.engine.pool.request, number, op, {"symbol": "BTC-USDT", "orderId": "none"})
    assert (answer.op, answer.succeeded) == (op, False)
    assert answer.code
    assert answer.in_time_ns <= answer.out_time_ns


def test_an_answer_that_never_comes_says_that_it_may_have_been_done(connect: Connect, sim: Simulator) -> None:
    client = connect(ack_timeout=0.1)
    number = enter(client, Connection.SPOT_ORDERS)
    sim.faults.mute_acks = True
    with pytest.raises(NotReadyError, match="may have been done"):
        client.engine.call(client.engine.pool.request, number, "spot.cancel", {"symbol": "BTC-USDT", "orderId": "1"})
