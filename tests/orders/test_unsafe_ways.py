"""Each unsafe way to change something, by every door: it is refused, and nothing reaches the exchange."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

import kucoin_stream as ks
from kucoin_stream.errors import (
    NotArmedError,
    NotReadyError,
    OrderUncertain,
    ResponseError,
    StoppedError,
    UnreachableError,
    UsageError,
)
from kucoin_stream.orders import arming, desk, groups
from kucoin_stream.orders.cell import Cell
from kucoin_stream.protocol.endpoints.changes import DryRun
from kucoin_stream.protocol.topic import Connection
from kucoin_stream.simulator import Simulator
from tests.conftest import until

pytestmark = pytest.mark.slow

Connect = Callable[..., ks.Client]
Arm = Callable[..., None]
Send = Callable[[ks.Client], Any]

MINE = {"symbol": "BTC-USDT", "side": "buy", "type": "limit", "price": "10000", "size": "0.001"}  # 10 USDT
CONTRACT = {"symbol": "XBTUSDTM", "side": "buy", "type": "limit", "price": "10000", "size": 1, "leverage": 1}  # 10 USDT
PATHS = ("/api/v1/hf/orders", "/api/v3/hf/margin/order", "/api/v1/orders", "/api/v3/accounts/universal-transfer")


def arm_orders(client: ks.Client, target: str = "url", cap: Any = 100, **options: Any) -> None:
    client.orders.arm(target, cap, **options)  # type: ignore[arg-type]


def arms(group: str, cap: Any = 100) -> Arm:
    def arm(client: ks.Client, target: Any = "url", cap: Any = cap, **options: Any) -> None:
        client.rest.arm(group, target=target, cap=cap, **options)

    return arm


def transfer(client: ks.Client) -> Any:
    return client.rest.transfer.flex_transfer(
        client_oid="t1", currency="USDT", amount="1", type="INTERNAL", from_account_type="MAIN", to_account_type="TRADE"
    )


DOORS: dict[str, tuple[Arm, Send]] = {
    "ws spot": (arm_orders, lambda client: client.orders.spot_order("BTC-USDT", "buy", price="10000", size="0.001")),
    "ws futures": (
        arm_orders,
        lambda client: client.orders.futures_order("XBTUSDTM", "buy", price="10000", size=1, leverage=1),
    ),
    "rest spot": (arms("spot_order"), lambda client: client.rest.spot_order.add_order(**MINE)),
    "rest margin": (
        arms("margin_order"),
        lambda client: client.rest.margin_order.add_order(**MINE, client_oid="m1"),
    ),
    "rest futures": (
        arms("futures_order"),
        lambda client: client.rest.futures_order.add_order(**CONTRACT, client_oid="f1"),
    ),
    "path spot": (arms("spot_order"), lambda client: client.rest.post("/api/v1/hf/orders", MINE)),
    "path futures": (
        arms("futures_order"),
        lambda client: client.rest.post("/api/v1/orders", CONTRACT | {"clientOid": "f2"}, host="futures"),
    ),
    "path unknown": (arms("other"), lambda client: client.rest.post("/api/v1/orders", MINE | {"clientOid": "o1"})),
    "transfer": (arms("transfer", None), transfer),
}
EVERY = pytest.mark.parametrize(("arm", "send"), DOORS.values(), ids=DOORS)
_ORDERS = {name: door for name, door in DOORS.items() if name != "transfer"}
COUNTED = pytest.mark.parametrize(("arm", "send"), _ORDERS.values(), ids=_ORDERS)


class Cells:
    """The cell that is running, as the test says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now: Cell | None = None
        for module in (arming, desk, groups):
            monkeypatch.setattr(module, "running_cell", lambda: self.now)


@pytest.fixture
def cells(monkeypatch: pytest.MonkeyPatch) -> Cells:
    return Cells(monkeypatch)


def reached(sim: Simulator) -> int:
    """Return how many calls and operations that change something the exchange has seen."""
    return sum(count for call, count in sim.statistics()["requests"].items() if call.endswith(PATHS)) + len(
        {each for each in map(str, sim.statistics()["commands"]) if ".order" in each}
    )


@EVERY
def test_not_armed(client: ks.Client, sim: Simulator, arm: Arm, send: Send) -> None:
    for _ in range(2):
        with pytest.raises(NotArmedError, match=r"client\.(orders|rest)\.arm\("):
            send(client)
        arm(client)
        client.disarm()
    assert reached(sim) == 0


@EVERY
@pytest.mark.parametrize("target", ["live", "sim", "replay", "", None])
def test_another_target(client: ks.Client, sim: Simulator, arm: Arm, send: Send, target: Any) -> None:
    arm(client)
    with pytest.raises(UsageError, match="this client is connected to 'url'"):
        arm(client, target=target)
    with pytest.raises(NotArmedError):
        send(client)
    assert reached(sim) == 0


@pytest.mark.usefixtures("_default")
@EVERY
def test_auto_can_never_be_armed(monkeypatch: pytest.MonkeyPatch, arm: Arm, send: Send) -> None:
    monkeypatch.setattr("kucoin_stream.opening.REST_BASE", {"global": "http://127.0.0.1:1"})
    client = ks.connect("auto")
    with pytest.raises(UsageError, match=r"chosen by itself: say ks.connect\('live'\) or ks.connect\('sim'\) first"):
        arm(client, target="sim")
    with pytest.raises(NotArmedError):
        send(client)


@COUNTED
def test_over_the_cap(client: ks.Client, sim: Simulator, arm: Arm, send: Send) -> None:
    arm(client, cap="9.99")
    with pytest.raises(NotArmedError, match=r"an order of 10.* USDT is over the cap: 9.99 USDT are left"):
        send(client)
    arm(client, cap={"BTC": 1000})
    with pytest.raises(NotArmedError, match=r"the cap names no USDT"):
        send(client)
    assert reached(sim) == 0


@EVERY
def test_a_cell_that_arms_or_is_run_again(
    client: ks.Client, sim: Simulator, cells: Cells, arm: Arm, send: Send
) -> None:
    arm(client, dry_run=True)
    cells.now = Cell("a", "1")
    arm(client, dry_run=True)
    with pytest.raises(NotArmedError, match="has just armed"):
        send(client)
    cells.now = Cell("b", "2")
    assert isinstance(send(client), DryRun)
    assert isinstance(send(client), DryRun)  # twice in one run
    cells.now = Cell("b", "3")
    with pytest.raises(NotArmedError, match=r"was run again; client\.(orders|rest)\.arm\("):
        send(client)
    assert reached(sim) == 0


@pytest.mark.usefixtures("_default")
@EVERY
def test_after_connecting_again(sim: Simulator, arm: Arm, send: Send) -> None:
    known = sim.credentials
    options: Any = {"key": known.key, "secret": known.secret, "passphrase": known.passphrase}
    client = ks.connect(sim.url, **options)
    arm(client)
    assert ks.connect(sim.url, **options) is client
    with pytest.raises(NotArmedError):
        send(client)
    arm(client)
    other = ks.connect(sim.url, **options, reconnect_delay=0.1)  # another client
    for each in (client, other):
        with pytest.raises((NotArmedError, StoppedError)):
            send(each)
    assert reached(sim) == 0


@EVERY
def test_after_the_end(connect: Connect, sim: Simulator, arm: Arm, send: Send) -> None:
    client = connect()
    arm(client)
    client.close()
    with pytest.raises((NotArmedError, StoppedError)):
        send(client)
    assert reached(sim) == 0


@pytest.mark.parametrize("reauthenticate", [True, False])
def test_after_the_session_for_orders_was_lost_only_where_that_was_asked_for(
    connect: Connect, sim: Simulator, reauthenticate: bool
) -> None:
    client = connect(reauthenticate=reauthenticate)
    client.orders.arm("url", 10**6)
    client.rest.arm("spot_order", target="url", cap=100)
    send = DOORS["ws spot"][1]
    send(client)
    number = client.orders._sessions[Connection.SPOT_ORDERS]
    sim.faults.kill()
    if reauthenticate:
        assert until(lambda: _unless_lost(client, send), timeout=30.0).succeeded
        return
    until(lambda: not client.engine.call(client.engine.pool.active, number))
    with pytest.raises(NotArmedError, match="was lost, which ended the arming"):
        send(client)
    with pytest.raises(NotArmedError, match="orders are off"):
        send(client)
    assert client.rest.armed == ()


def _unless_lost(client: ks.Client, send: Send) -> Any:
    try:
        return send(client)
    except (UnreachableError, OrderUncertain, NotReadyError):  # the loss was not noticed yet, or just now
        return None


def test_another_group_is_not_armed_with_it(client: ks.Client) -> None:
    client.rest.arm("margin_order", target="url", cap=100)
    client.orders.arm("url", 100)
    with pytest.raises(NotArmedError, match="spot_order is not armed"):
        client.rest.spot_order.add_order(**MINE)
    client.orders.disarm()
    assert client.rest.armed == ()


@pytest.mark.parametrize(
    ("group", "cap", "says"),
    [
        ("spot_order", None, r"spot_order has orders: say .*client.rest.arm\('spot_order', target='url', cap=...\)"),
        ("transfer", 100, "transfer has no orders for a cap= to count"),
        ("spot_order", 0, "cap=0: an amount above 0"),
    ],
)
def test_a_cap_is_for_orders(client: ks.Client, group: str, cap: Any, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        client.rest.arm(group, target="url", cap=cap)
    assert client.rest.armed == ()


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (MINE | {"funds": "1"}, "one size to be counted by, not size and funds"),
        ({"symbol": "BTC-USDT", "side": "buy", "type": "market"}, "one size to be counted by, not none"),
        ({"side": "buy", "size": "1"}, "no such symbol ''"),
        (MINE | {"symbol": "FOO-BAR"}, "no such symbol 'FOO-BAR'"),
        (MINE | {"size": "-1"}, "a number above 0"),
        (MINE | {"type": "market"}, "a market order has no price="),
        (MINE | {"price": "10000.05"}, "price=10000.05 is no multiple of 0.1"),
        (MINE | {"size": "0.000000001"}, "size=0.000000001 is no multiple of"),
        ({"orderList": [MINE | {"size": "0.000009"}]}, "is too small: 0.00001 BTC at least"),
        (MINE | {"iceberg": True}, "an iceberg needs visible_size="),
        (MINE | {"iceberg": True, "visibleSize": "1"}, "visible_size=1 is more than size=0.001"),
        (CONTRACT | {"price": "10000.05"}, "price=10000.05 is no multiple of 0.1"),
        (CONTRACT | {"size": "1.5"}, "size=1.5 is no multiple of 1"),
        ({"symbol": "BTC-USDT", "orderId": "x", "newPrice": "1"}, "needs the new price and the new size"),
    ],
)
def test_what_cannot_be_counted_is_not_sent(client: ks.Client, sim: Simulator, body: Any, says: str) -> None:
    client.rest.arm("spot_order", target="url", cap=100)
    with pytest.raises(UsageError, match=says):
        client.rest.post("/api/v1/hf/orders", body)
    assert reached(sim) == 0


@pytest.mark.parametrize(
    "body",
    [
        MINE | {"side": "sell", "price": "1", "size": "1"},  # would be filled at the best bid
        {name: each for name, each in MINE.items() if name != "price"} | {"type": "market", "size": "1"},
        {"symbol": "BTC-USDT", "orderId": "x", "newPrice": "1", "newSize": "1"},
        {"orderList": [MINE | {"size": "0.006"}, MINE | {"size": "0.006"}]},
        [{"deep": [MINE | {"size": "1"}]}],
    ],
)
def test_what_is_worth_more_than_it_says_is_over_the_cap_too(client: ks.Client, sim: Simulator, body: Any) -> None:
    client.rest.arm("spot_order", target="url", cap=100)
    with pytest.raises(NotArmedError, match="is over the cap: 100 USDT are left"):
        client.rest.post("/api/v1/hf/orders/multi", body)
    client.orders.arm("url", 100)
    with pytest.raises(NotArmedError, match="is over the cap: 100 USDT are left"):
        client.orders.spot_order("BTC-USDT", "sell", price="1", size="1")
    assert reached(sim) == 0


def test_a_rejected_order_is_given_back_to_the_cap_and_one_in_doubt_is_not(client: ks.Client, sim: Simulator) -> None:
    left = client.orders.groups._armings["spot_order"].left
    client.rest.arm("spot_order", target="url", cap=10**9)
    with pytest.raises(ResponseError, match="200004"):
        client.rest.spot_order.add_order(**MINE | {"size": "5000"})
    left = client.orders.groups._armings["spot_order"].left
    assert left == {"USDT": Decimal(10**9)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client.rest, "send", _lost)
        with pytest.raises(OrderUncertain, match=r"may have reached the exchange: .*; look for clientOid=mine in"):
            client.rest.spot_order.add_order(**MINE, client_oid="mine")
    assert left == {"USDT": Decimal(10**9 - 10)}


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_failure_of_the_exchange_leaves_an_order_in_doubt(client: ks.Client, sim: Simulator, status: int) -> None:
    client.rest.arm("spot_order", target="url", cap=100)
    sim.faults.rest("/api/v1/hf/orders", status, "500000", "x", times=1)
    with pytest.raises(OrderUncertain, match=rf"HTTP {status}, code 500000; look for clientOid=[0-9a-f]{{32}} in"):
        client.rest.spot_order.add_order(**MINE)
    sim.faults.rest("/api/v1/hf/orders/multi", status, "500000", "x", times=1)
    with pytest.raises(OrderUncertain, match=r"look for clientOid=[0-9a-f]{32}, clientOid=b in"):
        client.rest.spot_order.batch_add_orders(order_list=[MINE, MINE | {"client_oid": "b"}])
    assert client.orders.groups._armings["spot_order"].left == {"USDT": Decimal(70)}


def _lost(_: object) -> Any:
    raise UnreachableError("http", "closed the connection before answering")


def test_a_dry_run_says_what_would_be_sent(client: ks.Client, sim: Simulator) -> None:
    client.rest.arm("spot_order", target="url", cap=100, dry_run=True)
    would = client.rest.spot_order.add_order(**MINE, client_oid="mine")
    assert would == DryRun("spot_order.add_order", MINE | {"clientOid": "mine"}, Decimal(10), "USDT")
    assert isinstance(client.rest.spot_order.cancel_all_orders(), DryRun)
    assert client.rest.post("/api/v1/hf/orders", MINE).args == MINE
    assert client.orders.groups._armings["spot_order"].left == {"USDT": Decimal(80)}
    assert reached(sim) == 0


def test_cancels_may_be_run_again(client: ks.Client, cells: Cells) -> None:
    client.rest.arm("spot_order", target="url", cap=100)
    for run in "12":
        cells.now = Cell("b", run)
        assert client.rest.spot_order.cancel_all_orders_by_symbol("BTC-USDT") == "success"
