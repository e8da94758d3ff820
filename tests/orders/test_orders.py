"""Order entry over real sockets: each operation, each life of an order, and what may go wrong on the way."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import kucoin_stream as ks
from kucoin_stream.errors import (
    LocalProtocolError,
    NotArmedError,
    OrderRejected,
    OrderUncertain,
    UnreachableError,
    UsageError,
)
from kucoin_stream.orders import desk
from kucoin_stream.orders.cell import Cell
from kucoin_stream.orders.desk import Orders
from kucoin_stream.protocol.endpoints.changes import DryRun
from kucoin_stream.protocol.events import Answered
from kucoin_stream.protocol.topic import Connection
from kucoin_stream.simulator import Simulator
from tests.conftest import until

Connect = Callable[..., ks.Client]
PLENTY = {"USDT": 10**9, "USD": 10**9}


@pytest.fixture
def orders(client: ks.Client) -> Orders:
    client.orders.arm("url", PLENTY)
    return client.orders


@pytest.fixture
def low(client: ks.Client) -> str:
    """A price far below the market, at which an order waits."""
    return f"{round(client.book('BTC-USDT').wait().best_bid * 0.8)}"


def test_a_spot_order_waits_is_modified_and_cancelled(client: ks.Client, orders: Orders, low: str) -> None:
    live = client.account.orders().wait()
    placed = orders.spot_order("BTC-USDT", "buy", price=low, size="0.001", client_oid="mine")
    assert (placed.op, placed.data.client_oid) == ("spot.order", "mine")
    assert placed.in_time_ns <= placed.out_time_ns
    assert placed.rate_limit.limit
    until(lambda: dict(live.df["status"]) == {placed.data.order_id: "open"})
    changed = orders.spot_modify("BTC-USDT", order_id=placed.data.order_id, new_price=low, new_size="0.002")
    new = changed.data.new_order_id
    until(lambda: dict(live.df["status"]) == {placed.data.order_id: "cancelled", new: "open"})
    assert live.df.loc[new, "size"] == 0.002
    orders.spot_cancel("BTC-USDT", order_id=new)
    until(lambda: set(live.df["status"]) == {"cancelled"})


def test_a_market_order_is_filled_and_the_synchronous_answer_says_so(client: ks.Client, orders: Orders) -> None:
    live = client.account.orders().wait()
    done = orders.spot_order("BTC-USDT", "buy", size="0.001", sync=True)
    assert (done.data.status, done.data.deal_size) == ("done", 0.001)
    fills = client.account.fills(symbols="BTC-USDT").wait()
    until(lambda: fills.df["size"].sum() == pytest.approx(0.001))
    until(lambda: dict(live.df["status"]) == {done.data.order_id: "filled"})


def test_a_waiting_order_is_cancelled_by_its_own_name_and_told_what_was_left(orders: Orders, low: str) -> None:
    orders.spot_order("BTC-USDT", "buy", price=low, size="0.001", client_oid="mine")
    gone = orders.spot_cancel("BTC-USDT", client_oid="mine", sync=True)
    assert (gone.data.canceled_size, gone.data.deal_size) == (0.001, 0.0)


@pytest.mark.parametrize(
    ("change", "price", "size", "spent"),
    [
        ({"new_price": "49000"}, 49000.0, 0.001, 49),
        ({"new_size": "0.003"}, 50000.0, 0.003, 150),
        ({"new_price": "49000", "new_size": "0.003"}, 49000.0, 0.003, 147),
    ],
)
@pytest.mark.parametrize("by", ["order_id", "client_oid"])
def test_one_new_value_is_enough_and_a_purchase_counts_at_its_limit(
    client: ks.Client, orders: Orders, change: dict[str, str], price: float, size: float, spent: int, by: str
) -> None:
    live = client.account.orders().wait()
    placed = orders.spot_order("BTC-USDT", "BUY", price="50000", size="0.001", client_oid="mine")  # type: ignore[arg-type]
    left = orders.arming.left["USDT"]
    names = {"order_id": placed.data.order_id, "client_oid": "mine"}
    new = orders.spot_modify("BTC-USDT", **change, **{by: names[by]}).data.new_order_id  # type: ignore[arg-type]
    assert left - orders.arming.left["USDT"] == spent
    until(lambda: new in live.df.index)
    assert tuple(live.df.loc[new, ["price", "size"]]) == (price, size)


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda it: it.spot_modify("BTC-USDT", new_price=1, order_id="x"), "this order was not placed here"),
        (lambda it: it.spot_modify("BTC-USDT", order_id="x"), "new_price=, new_size= or both"),
        (lambda it: it.futures_orders([1]), "a list of dicts"),
        (lambda it: it.futures_orders({"symbol": "XBTUSDTM"}), "a list of dicts"),
        (lambda it: it.futures_orders("XBTUSDTM"), "a list of dicts"),
        (lambda it: it.futures_orders(5), "a list of dicts"),
        (lambda it: it.futures_cancels("670fd33bf9406e0007ab3945"), "order_ids='670fd.*': a list, also of one"),
        (lambda it: it.futures_cancels([1]), "each is the text of an order id"),
        (lambda it: it.futures_cancels(client_oids=["ab"]), "each is a pair of symbol and client_oid"),
        (lambda it: it.arm("url", None), "cap=None: say what the orders may come to"),
    ],
)
def test_what_is_no_order_is_refused_with_the_next_step(orders: Orders, ask: Callable[[Any], Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        ask(orders)


def test_margin(client: ks.Client, orders: Orders, low: str) -> None:
    placed = orders.margin_order("BTC-USDT", "buy", price=low, size="0.001", auto_borrow=True)
    assert placed.op == "margin.order"
    orders.margin_cancel("BTC-USDT", order_id=placed.data.order_id)


def test_a_futures_order_opens_and_closes_a_position(client: ks.Client, orders: Orders) -> None:
    positions = client.account.positions().wait()
    orders.futures_order("XBTUSDTM", "buy", size=2, leverage=3)
    until(lambda: len(positions.df) == 1)
    assert positions.df.loc["XBTUSDTM", "size"] == 2
    orders.futures_order("XBTUSDTM", "sell", close_order=True)
    until(lambda: positions.df.empty)


def test_the_close_of_a_position_is_not_sent_again_by_a_cell_that_is_run_again(
    orders: Orders, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = iter([Cell("a", "1"), Cell("b", "2"), Cell("b", "3")])
    monkeypatch.setattr(desk, "running_cell", lambda: next(runs))
    orders.futures_order("XBTUSDTM", "buy", size=1, leverage=1)
    orders.futures_order("XBTUSDTM", "sell", close_order=True)
    with pytest.raises(NotArmedError, match="was run again"):
        orders.futures_order("XBTUSDTM", "sell", close_order=True)


def test_an_order_whose_session_is_gone_was_certainly_not_sent(
    client: ks.Client, orders: Orders, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = dict(orders.arming.left)
    monkeypatch.setattr(orders, "_session", lambda key: 99)  # lost between the two calls
    with pytest.raises(UnreachableError, match="nothing was sent"):
        orders.spot_order("BTC-USDT", "buy", funds=10)
    assert orders.arming.left == left


def test_an_order_on_a_session_that_has_just_closed_was_certainly_not_sent(
    client: ks.Client, orders: Orders, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def closed(*_: Any) -> None:
        raise LocalProtocolError("spot.order on a connection that is closed")

    left = dict(orders.arming.left)
    monkeypatch.setattr(client.engine.pool, "request", closed)
    with pytest.raises(UnreachableError, match="nothing was sent"):
        orders.spot_order("BTC-USDT", "buy", funds=10)
    assert orders.arming.left == left


def test_futures_in_batches(orders: Orders) -> None:
    batch = [
        {"symbol": "XBTUSDTM", "side": "buy", "price": "10000", "size": 1, "leverage": 1, "client_oid": n} for n in "ab"
    ]
    placed = orders.futures_orders(batch)
    assert [each.client_oid for each in placed.data] == ["a", "b"]
    gone = orders.futures_cancels([each.order_id for each in placed.data])
    assert len(gone.data) == 2
    one = orders.futures_order("XBTUSDTM", "buy", price="10000", size=1, leverage=1)
    assert orders.futures_cancel(order_id=one.data.order_id).data.cancelled_order_ids == [one.data.order_id]


def test_the_unified_account(connect: Connect) -> None:
    orders = connect(order_api=2).orders
    orders.arm("url", PLENTY)
    placed = orders.uta_order("BTC-USDT", "buy", price="10000", size="0.001")
    assert placed.data.trade_type == "SPOT"
    orders.uta_amend("BTC-USDT", order_id=placed.data.order_id, new_price="10001", new_size="0.001")
    with pytest.raises(UsageError, match="generation 1"):
        orders.spot_order("BTC-USDT", "buy", funds=10)


def test_an_operation_of_the_other_generation_says_how_to_get_it(orders: Orders) -> None:
    with pytest.raises(UsageError, match="order_api=2"):
        orders.uta_order("BTC-USDT", "buy", price="10000", size="0.001")


def test_what_the_exchange_rejects_is_told_with_its_code_and_given_back_to_the_cap(
    client: ks.Client, orders: Orders
) -> None:
    orders.arm("url", 10**9)
    with pytest.raises(OrderRejected) as caught:
        orders.spot_order("BTC-USDT", "buy", price="10000", size="5000")
    assert (caught.value.op, caught.value.code) == ("spot.order", 200004)
    assert orders.arming.left["USDT"] == 10**9
    assert len(client.account.orders().wait()) == 0


def test_a_dry_run_checks_everything_and_sends_nothing(client: ks.Client, sim: Simulator, low: str) -> None:
    orders = client.orders
    orders.arm("url", 100, dry_run=True)
    would = orders.spot_order("BTC-USDT", "buy", price=low, size="0.001", client_oid="mine")
    assert isinstance(would, DryRun)
    assert (would.op, would.args["price"], would.currency) == ("spot.order", low, "USDT")
    with pytest.raises(NotArmedError, match="over the cap"):
        orders.spot_order("BTC-USDT", "buy", price=low, size="1")
    assert Connection.SPOT_ORDERS.value not in str(client.statistics()["connections"])


def test_two_hundred_at_once_are_matched_by_their_ids(client: ks.Client, orders: Orders, low: str) -> None:
    names = [f"n{number}" for number in range(200)]

    def place(name: str) -> tuple[str, str]:
        return name, orders.spot_order("BTC-USDT", "buy", price=low, size="0.00001", client_oid=name).data.client_oid

    with ThreadPoolExecutor(50) as threads:
        assert all(mine == theirs for mine, theirs in threads.map(place, names))
    live = client.account.orders().wait()
    until(lambda: set(live.df["client_oid"]) == set(names))


def test_the_socket_dropped_between_request_and_answer_says_that_it_may_have_been_done(
    client: ks.Client, orders: Orders, sim: Simulator, low: str
) -> None:
    orders.spot_order("BTC-USDT", "buy", price=low, size="0.001")
    left, live = orders.arming.left["USDT"], client.account.orders().wait()
    sim.faults.mute_acks = True
    with ThreadPoolExecutor(1) as thread:
        asked = thread.submit(orders.spot_order, "BTC-USDT", "buy", price=low, size="0.001", client_oid="lost")
        until(lambda: len(live) == 2)
        sim.faults.kill()
        with pytest.raises(OrderUncertain, match=r"may have reached the exchange.*clientOid=lost"):
            asked.result(10)
    assert orders.arming.left["USDT"] < left  # what may be in the market counts
    sim.faults.clear()
    until(lambda: live.status == "live")
    assert "lost" in set(live.df["client_oid"])
    assert orders.spot_order("BTC-USDT", "buy", price=low, size="0.001").succeeded  # on the session opened again


def test_what_this_session_placed_is_cancelled_at_its_end_where_asked_for(connect: Connect, sim: Simulator) -> None:
    client, watcher = connect(), connect()
    client.orders.arm("url", PLENTY, cancel_on_stop=True)
    elsewhere = sim.account.place("BTC-USDT", "buy", price="10000", size="0.001")
    spot = client.orders.spot_order("BTC-USDT", "buy", price="10000", size="0.001").data.order_id
    futures = client.orders.futures_order("XBTUSDTM", "buy", price="10000", size=1, leverage=1).data.order_id
    live = watcher.account.orders().wait()
    client.close()
    until(lambda: dict(live.df["status"]) == {elsewhere: "open", spot: "cancelled", futures: "cancelled"})


@pytest.mark.usefixtures("_default")
def test_connecting_again_disarms_even_to_the_same_target(sim: Simulator) -> None:
    known = sim.credentials
    options: Any = {"key": known.key, "secret": known.secret, "passphrase": known.passphrase}
    client = ks.connect(sim.url, **options)
    client.orders.arm("url", 100)
    assert ks.connect(sim.url, **options) is client
    with pytest.raises(NotArmedError, match="orders are off"):
        client.orders.spot_order("BTC-USDT", "buy", funds=10)


@pytest.mark.usefixtures("_default")
def test_auto_can_never_be_armed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kucoin_stream.opening.REST_BASE", {"global": "http://127.0.0.1:1"})
    client = ks.connect("auto")
    assert client.target.mode == "sim"
    with pytest.raises(UsageError, match="the target was chosen by itself"):
        client.orders.arm("sim", 100)


@pytest.mark.parametrize("code", [500000, 504000])
def test_a_gateway_that_fails_leaves_the_order_in_doubt(
    client: ks.Client, orders: Orders, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    async def failed(*_: Any) -> Answered:
        return Answered("1", "spot.order", code, message="gateway timeout")

    orders.arm("url", 100, cancel_on_stop=True)
    with monkeypatch.context() as patch:
        patch.setattr(client.engine.pool, "request", failed)
        with pytest.raises(OrderUncertain, match=f"{code} gateway timeout; look for clientOid=mine"):
            orders.spot_order("BTC-USDT", "buy", price="10000", size="0.001", client_oid="mine")
    assert orders.arming.left == {"USDT": 90}
    assert len(orders._placed) == 1


def test_without_a_key_nothing_is_sent(connect: Connect) -> None:
    orders = connect(key=False).orders
    orders.arm("url", 100)
    with pytest.raises(ks.errors.KucoinStreamError, match="needs an API key"):
        orders.spot_order("BTC-USDT", "buy", funds=10)
    assert orders.arming.left == {"USDT": 100}
