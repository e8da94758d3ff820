"""A session that promised to cancel its orders leaves none in the market, or says which."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import kucoin_stream as ks
from kucoin_stream.errors import OrderUncertain
from kucoin_stream.orders.desk import Orders
from kucoin_stream.orders.placed import Placed, PlacedOrders
from kucoin_stream.simulator import Simulator
from tests.conftest import until

Connect = Callable[..., ks.Client]
PLENTY = {"USDT": 10**9, "USD": 10**9}
LOT: dict[str, Any] = {"symbol": "XBTUSDTM", "side": "buy", "price": "60000", "size": 1, "leverage": 3}


def spot(orders: Orders, client_oid: str = "mine") -> Any:
    return orders.spot_order("BTC-USDT", "buy", price="50000", size="0.001", client_oid=client_oid).data.order_id


def modified(orders: Orders) -> None:
    orders.spot_modify("BTC-USDT", new_price="50001", order_id=spot(orders))


def armed_again(orders: Orders) -> None:
    spot(orders)
    orders.arm("url", 10)


def armed_dry(orders: Orders) -> None:
    spot(orders)
    orders.arm("url", 10, dry_run=True, cancel_on_stop=True)


def disarmed(orders: Orders) -> None:
    spot(orders)
    orders.disarm()


def several(orders: Orders) -> None:
    orders.futures_orders([LOT | {"client_oid": "a"}, LOT])


def margin(orders: Orders) -> None:
    orders.margin_order("BTC-USDT", "buy", price="50000", size="0.001", auto_borrow=True)


def waiting(watcher: ks.Client) -> set[str]:
    df = watcher.account.orders().wait().df
    return set(df.index[df["status"] == "open"])


@pytest.mark.parametrize("lost", [False, True])
@pytest.mark.parametrize("place", [spot, modified, armed_again, armed_dry, disarmed, several, margin])
def test_what_was_placed_under_the_promise_is_cancelled_also_when_the_socket_is_lost(
    connect: Connect, sim: Simulator, place: Callable[[Orders], Any], lost: bool
) -> None:
    client, watcher = connect(), connect()
    live = watcher.account.orders().wait()
    client.orders.arm("url", PLENTY, cancel_on_stop=True)
    place(client.orders)
    until(lambda: waiting(watcher))
    if lost:
        sim.faults.kill()
    client.close()
    until(lambda: live.status == "live" and not waiting(watcher))


def test_an_order_that_was_changed_for_somebody_else_is_ours_from_then_on(connect: Connect, sim: Simulator) -> None:
    client, watcher = connect(), connect()
    elsewhere = sim.account.place("BTC-USDT", "buy", price="10000", size="0.001")
    client.orders.arm("url", PLENTY, cancel_on_stop=True)
    client.orders.spot_modify("BTC-USDT", new_price="10001", new_size="0.001", order_id=elsewhere)
    client.close()
    until(lambda: not waiting(watcher))


def test_orders_of_unified_accounts(connect: Connect) -> None:
    client, watcher = connect(order_api=2), connect()
    client.orders.arm("url", PLENTY, cancel_on_stop=True)
    client.orders.uta_order("BTC-USDT", "buy", price="10000", size="0.001", client_oid="a")
    client.orders.uta_order("XBTUSDTM", "buy", price="10000", size=1)
    client.orders.uta_amend("BTC-USDT", new_size="0.002", client_oid="a")
    until(lambda: len(waiting(watcher)) == 2)
    client.close()
    until(lambda: not waiting(watcher))


def test_an_order_in_doubt_is_cancelled_by_the_name_that_we_gave_it(connect: Connect, sim: Simulator) -> None:
    client, watcher = connect(ack_timeout=0.3), connect()
    client.orders.arm("url", PLENTY, cancel_on_stop=True)
    sim.faults.mute_acks = True
    with pytest.raises(OrderUncertain, match="clientOid=mine"):
        spot(client.orders)
    sim.faults.clear()
    until(lambda: waiting(watcher))
    client.close()
    until(lambda: not waiting(watcher))


def test_what_could_not_be_cancelled_is_told_by_its_ids(connect: Connect, sim: Simulator) -> None:
    client = connect()
    client.orders.arm("url", PLENTY, cancel_on_stop=True)
    order_id = spot(client.orders)
    sim.faults.rest(f"/api/v1/hf/orders/{order_id}", 503, "503000", "busy", times=1)
    sim.faults.kill()
    with pytest.warns(RuntimeWarning, match=f"1 of 1 orders may still be in the market: BTC-USDT orderId={order_id}"):
        client.close()
    assert client._ended == "closed"


def test_a_cancelled_order_is_not_cancelled_again(client: ks.Client) -> None:
    client.orders.arm("url", PLENTY, cancel_on_stop=True)
    client.orders.spot_cancel("BTC-USDT", order_id=spot(client.orders))
    assert len(client.orders._placed) == 0
    spot(client.orders, "other")
    client.orders.spot_cancel("BTC-USDT", client_oid="other")
    assert len(client.orders._placed) == 0


def test_an_order_that_was_not_taken_leaves_the_one_before_it_promised() -> None:
    placed, first = PlacedOrders(), Placed("spot", "BTC-USDT", "a")
    placed.sent([first], promise=True)
    placed.answered(first, "1")
    placed.taken_back(placed.sent([first], promise=True))
    assert [order.order_id for order in placed.promised()] == ["1"]


def test_to_stop_a_client_without_naming_anything_ends_it(connect: Connect) -> None:
    client = connect()
    client.stop()
    assert "by client.stop()" in repr(client)
