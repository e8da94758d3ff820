"""The dead man's cancel, by the virtual clock."""

import pytest
from sim_account import SECOND
from test_sim_account_rest import FAR, Desk

SET, GET = "/api/v1/hf/orders/dead-cancel-all", "/api/v1/hf/orders/dead-cancel-all/query"


@pytest.fixture
def desk():
    desk = Desk()
    for symbol, client in (("BTC-USDT", "a"), ("BTC-USDT", "b")):
        desk.data("POST", "/api/v1/hf/orders", FAR | {"symbol": symbol, "clientOid": client})
    return desk


def active(desk):
    return sorted(order.client_oid for order in desk.account.spot.orders.active())


def test_silence_cancels_when_the_time_is_over_and_not_before(desk):
    now = desk.now // SECOND
    assert desk.data("POST", SET, {"timeout": 5}) == {"currentTime": now, "triggerTime": now + 5}
    desk.move(4.9)
    assert active(desk) == ["a", "b"]
    desk.move(0.1)
    assert active(desk) == []
    assert desk.data("GET", GET) is None
    assert {order.cancel_reason for order in desk.account.spot.orders.done()} == {"DCP"}


def test_every_sign_of_life_begins_it_anew_and_minus_one_ends_it(desk):
    desk.data("POST", SET, {"timeout": 5, "symbols": "BTC-USDT"})
    desk.move(4)
    desk.data("POST", SET, {"timeout": 5, "symbols": "BTC-USDT"})
    desk.move(4)
    assert active(desk) == ["a", "b"]
    assert desk.data("GET", GET) == {
        "timeout": 5, "symbols": "BTC-USDT", "currentTime": desk.now // SECOND,
        "triggerTime": (desk.now + SECOND) // SECOND,
    }  # fmt: skip
    assert desk.data("POST", SET, {"timeout": -1})["triggerTime"] == 0
    desk.move(10)
    assert (active(desk), desk.data("GET", GET)) == (["a", "b"], None)


def test_only_the_symbols_named_and_only_spot_orders_are_cancelled(desk):
    desk.account.dead_man.live(5, (), desk.now)
    desk.data("POST", "/api/v3/hf/margin/order", FAR | {"clientOid": "m"})
    desk.data("POST", "/api/v1/stop-order", FAR | {"stop": "loss", "stopPrice": "70001", "clientOid": "s"})
    desk.move(5)
    assert (active(desk), len(desk.account.spot.stops)) == (["m"], 1)


@pytest.mark.parametrize(
    "wrong", [{}, {"timeout": 4}, {"timeout": 86_401}, {"timeout": "soon"}, {"timeout": 5, "symbols": "FOO-BAR"}]
)
def test_a_wrong_setting_is_refused_and_changes_nothing(desk, wrong):
    assert desk.code("POST", SET, wrong) in ("400100", "900001")
    assert desk.data("GET", GET) is None
