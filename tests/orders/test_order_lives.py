"""Every life of an order, by the WS API and by REST, on each market: the live frames end where the exchange does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest

import kucoin_stream as ks
from kucoin_stream.errors import OrderRejected, ResponseError
from kucoin_stream.simulator import GeneratedMarket, Simulator
from kucoin_stream.simulator.clock import Clock
from tests.conftest import until

pytestmark = pytest.mark.slow

PLENTY = {"USDT": 10**9, "USD": 10**9}
SYMBOLS = {"spot": "BTC-USDT", "margin": "BTC-USDT", "futures": "XBTUSDTM"}
SMALL = {"spot": 0.001, "margin": 0.001, "futures": 2}
_CROSS = {"is_isolated": False, "auto_borrow": False, "auto_repay": False}
Expected = dict[str, str]
"""What becomes of each order, by its id."""


class Door:
    """A way to the exchange: what it does with orders of one market."""

    def __init__(self, client: ks.Client, market: str) -> None:
        self.client, self.market = client, market
        self.symbol, self.small = SYMBOLS[market], SMALL[market]
        self._names = count()

    def place(self, side: str = "buy", **order: Any) -> str:
        raise NotImplementedError

    def cancel(self, order_id: str) -> None:
        raise NotImplementedError

    def modify(self, order_id: str, **changes: Any) -> str:
        raise NotImplementedError

    def stop(self, price: float) -> str:
        """Place an order that waits for the price to fall."""
        raise NotImplementedError

    def ask(self) -> tuple[float, float]:
        """Return the best ask: price and size."""
        rest = self.client.rest
        group = rest.futures_market if self.market == "futures" else rest.spot_market
        best = group.get_part_order_book(symbol=self.symbol, size=20)["asks"].iloc[0]
        return float(best["price"]), float(best["size"])

    def last(self) -> float:
        rest = self.client.rest
        group = rest.futures_market if self.market == "futures" else rest.spot_market
        return float(group.get_ticker(self.symbol)["price"])

    @property
    def low(self) -> float:
        """A price at which an order waits."""
        return round(self.last() * 0.8)

    def size(self, number: float) -> Any:
        return int(number) if self.market == "futures" else f"{number:.8f}"


class WsApi(Door):
    def place(self, side: str = "buy", **order: Any) -> str:
        orders: Any = self.client.orders
        more = {"leverage": 3} if self.market == "futures" else {}
        placed = getattr(orders, f"{self.market}_order")(self.symbol, side, **more, **order)
        return str(placed.data.order_id)

    def cancel(self, order_id: str) -> None:
        named = {"symbol": self.symbol} if self.market != "futures" else {}
        getattr(self.client.orders, f"{self.market}_cancel")(**named, order_id=order_id)

    def modify(self, order_id: str, **changes: Any) -> str:
        return str(self.client.orders.spot_modify(self.symbol, order_id=order_id, **changes).data.new_order_id)

    def stop(self, price: float) -> str:
        return self.place(size=self.size(self.small), stop="down", stop_price=price, stop_price_type="TP")


class Rest(Door):
    @property
    def group(self) -> Any:
        return getattr(self.client.rest, f"{self.market}_order")

    def _full(self, order: dict[str, Any]) -> dict[str, Any]:
        kind = "limit" if "price" in order else "market"
        more = {"leverage": 3} if self.market == "futures" else {}
        return {"symbol": self.symbol, "type": kind, "client_oid": f"r{next(self._names)}", **more} | order

    def place(self, side: str = "buy", **order: Any) -> str:
        return str(self.group.add_order(**self._full({"side": side} | order))["order_id"])

    def cancel(self, order_id: str) -> None:
        if self.market == "futures":
            self.group.cancel_order_by_id(order_id)
        else:
            self.group.cancel_order_by_order_id(symbol=self.symbol, order_id=order_id)

    def modify(self, order_id: str, **changes: Any) -> str:
        return str(self.group.modify_order(symbol=self.symbol, order_id=order_id, **changes)["new_order_id"])

    def stop(self, price: float) -> str:
        waiting = self._full({"side": "buy", "size": self.size(self.small), "stop_price": price})
        if self.market == "futures":
            return str(self.group.add_order(**waiting, stop="down", stop_price_type="TP")["order_id"])
        if self.market == "margin":
            return str(self.group.add_margin_stop_order(**waiting, stop="loss", **_CROSS)["order_id"])
        return str(self.group.add_stop_order(**waiting)["order_id"])


# -- lives -------------------------------------------------------------------------------------------------------


def placed(door: Door, _: Simulator) -> Expected:
    return {door.place(price=door.low, size=door.size(door.small)): "open"}


def partly_filled(door: Door, _: Simulator) -> Expected:
    price, size = door.ask()
    return {door.place(price=price, size=door.size(size + door.small)): "partly filled"}


def filled(door: Door, _: Simulator) -> Expected:
    return {door.place(size=door.size(door.small)): "filled"}


def cancelled(door: Door, _: Simulator) -> Expected:
    order_id = door.place(price=door.low, size=door.size(door.small))
    door.cancel(order_id)
    return {order_id: "cancelled"}


def cancelled_after_a_part(door: Door, _: Simulator) -> Expected:
    price, size = door.ask()
    order_id = door.place(price=price, size=door.size(size + door.small))
    door.cancel(order_id)
    return {order_id: "cancelled"}


def modified(door: Door, _: Simulator) -> Expected:
    order_id = door.place(price=door.low, size=door.size(door.small))
    new = door.modify(order_id, new_price=door.low + 1, new_size=door.size(door.small * 2))
    return {order_id: "cancelled", new: "open"}


def rejected(door: Door, _: Simulator) -> Expected:
    with pytest.raises((OrderRejected, ResponseError)):
        door.place(price=door.low, size=door.size(door.small * 100_000))
    return {}


def stop_triggered(door: Door, sim: Simulator) -> Expected:
    order_id = door.stop(round(door.last() * 0.99999, 1))
    desk: Any = sim._account.futures if door.market == "futures" else sim._account.spot
    waiting = desk.stops.get(order_id)
    assert waiting.status == "NEW"
    for _ in range(400):  # the market may rise for a while
        if waiting.placed is not None:
            break
        sim.advance(5)
    assert waiting.placed is not None
    return {waiting.placed.id: "filled"}


def expired(door: Door, sim: Simulator) -> Expected:
    order_id = door.place(price=door.low, size=door.size(door.small), time_in_force="GTT", cancel_after=2)
    sim.advance(1)
    assert sim._account.spot.orders.get(order_id=order_id).active  # type: ignore[union-attr]
    sim.advance(2)
    return {order_id: "cancelled"}


EVERYWHERE = (placed, partly_filled, filled, cancelled, cancelled_after_a_part, rejected)
LIVES: list[Any] = [
    *((WsApi, market, life) for market in SYMBOLS for life in EVERYWHERE),
    *((Rest, market, life) for market in SYMBOLS for life in EVERYWHERE),
    *((door, "spot", modified) for door in (WsApi, Rest)),
    *((door, market, expired) for door in (WsApi, Rest) for market in ("spot", "margin")),  # futures has no GTT
    (WsApi, "futures", stop_triggered),  # those of spot and margin are placed by REST alone
    *((Rest, market, stop_triggered) for market in SYMBOLS),
]


# -- what the exchange knows, and what the frames say ------------------------------------------------------------


def known(sim: Simulator) -> dict[str, tuple[str, float, float]]:
    """Return the exchange's own orders: what became of each, its size, and what of it was filled."""
    found = {}
    for desk in (sim._account.spot, sim._account.futures):
        for order in [*desk.orders.active(), *desk.orders.done()]:
            lots = desk is sim._account.futures
            unit = 1.0 if lots else 10.0 ** -sim._account.spot.instrument(order.symbol).listing.size_scale
            state = "filled" if order.filled and not order.cancelled else "cancelled"
            if order.active:
                state = "partly filled" if order.filled else "open"
            found[order.id] = state, round(order.size * unit, 8), round(order.filled * unit, 8)
    return found


class Frames:
    """The live frames of the account."""

    def __init__(self, client: ks.Client) -> None:
        account = client.account
        self.orders = account.orders().wait()
        self.fills = [account.fills(symbols="BTC-USDT"), account.fills(symbols="XBTUSDTM")]
        self.balances = account.balances().wait()
        self.positions = account.positions().wait()

    def said_of_orders(self) -> dict[str, tuple[str, float, float]]:
        rows = self.orders.df.fillna({"filled_size": 0})
        rows = rows[~rows["type"].eq("stop")]
        return {
            str(row.Index): (str(row.status), round(row.size, 8), round(row.filled_size, 8))
            for row in rows.itertuples()
        }

    def said_of_fills(self) -> dict[str, float]:
        frames = [fills.df for fills in self.fills if len(fills)]
        sums = [frame.groupby("order_id", observed=True)["size"].sum() for frame in frames]
        return {str(order_id): round(size, 8) for each in sums for order_id, size in each.items()}

    def said_of_balances(self) -> dict[tuple[str, str], tuple[float, ...]]:
        return {key: _amounts(key[0], row["available"], row["hold"]) for key, row in self.balances.df.iterrows()}

    def said_of_positions(self) -> dict[str, float]:
        return {str(symbol): float(size) for symbol, size in self.positions.df["size"].items()}


def _amounts(account: str, available: Any, hold: Any) -> tuple[float, ...]:
    """Return what can be compared: of futures, KuCoin's hold is that of withdrawals, not of margin."""
    return (
        (round(float(available), 6),) if account == "futures" else (round(float(available), 6), round(float(hold), 6))
    )


@pytest.fixture(scope="module")
def quiet() -> GeneratedMarket:
    return GeneratedMarket(["BTC-USDT"], seed=7, rate=5)


@pytest.fixture
def still(quiet: GeneratedMarket) -> Iterator[Simulator]:
    """An exchange whose time passes only when told."""
    with Simulator(quiet, clock=Clock(0.0)) as sim:
        yield sim


def armed(sim: Simulator, **options: Any) -> ks.Client:
    known = sim.credentials
    client = ks.Client(sim.url, key=known.key, secret=known.secret, passphrase=known.passphrase, **options).open()
    client.orders.arm("url", PLENTY)
    for group in ("spot_order", "margin_order", "futures_order"):
        client.rest.arm(group, target="url", cap=PLENTY)
    return client


@pytest.mark.parametrize(
    ("door", "market", "life"), LIVES, ids=[f"{life.__name__}-{market}-{door.__name__}" for door, market, life in LIVES]
)
def test_a_life_of_an_order(
    still: Simulator, door: type[Door], market: str, life: Callable[[Door, Simulator], Expected]
) -> None:
    with armed(still) as client:
        frames = Frames(client)
        expected = life(door(client, market), still)
        exchange = known(still)
        assert {order_id: exchange[order_id][0] for order_id in exchange} == expected
        until(lambda: frames.said_of_orders() == exchange, f"orders are {exchange}")
        fills = {order_id: filled for order_id, (_, _, filled) in exchange.items() if filled}
        until(lambda: frames.said_of_fills() == fills, "fills")
        held = {
            (account.replace("/", "_"), currency): _amounts(account, each.available, each.hold)
            for account, holdings in still.account.balances().items()
            for currency, each in holdings.items()
        }
        until(lambda: frames.said_of_balances() == held, "balances")
        sizes = {each.symbol: float(each.lots) for each in still._account.futures.positions.values() if each.lots}
        until(lambda: frames.said_of_positions() == sizes, "positions")


# -- operations: each of protocol.md 7.6 by both ways, from one state to one state ---------------------------------

MINE: dict[str, Any] = {"price": "10000", "size": "0.001"}
CONTRACT: dict[str, Any] = {"symbol": "XBTUSDTM", "side": "buy", "price": "10000", "size": 1, "leverage": 1}


def both(client: ks.Client) -> tuple[Any, Any, Any]:
    return client.orders, client.rest.spot_order, client.rest.futures_order


def rest_order(name: str, **more: Any) -> dict[str, Any]:
    return {"symbol": "BTC-USDT", "side": "buy", "type": "limit", "client_oid": name, **MINE, **more}


def sync_ws(client: ks.Client) -> None:
    orders, _, _ = both(client)
    placed = orders.spot_order("BTC-USDT", "buy", **MINE, client_oid="a", sync=True).data
    assert (placed.status, placed.remain_size) == ("open", 0.001)
    gone = orders.spot_cancel("BTC-USDT", client_oid="a", sync=True).data
    assert (gone.status, gone.canceled_size) == ("done", 0.001)


def sync_rest(client: ks.Client) -> None:
    _, rest, _ = both(client)
    placed = rest.add_order_sync(**rest_order("a"))
    assert (placed["status"], placed["remain_size"]) == ("open", 0.001)
    gone = rest.cancel_order_by_client_oid_sync(client_oid="a", symbol="BTC-USDT")
    assert (gone["status"], gone["canceled_size"]) == ("done", 0.001)


def by_client_oid_ws(client: ks.Client) -> None:
    orders, _, _ = both(client)
    orders.spot_order("BTC-USDT", "buy", **MINE, client_oid="a")
    assert orders.spot_cancel("BTC-USDT", client_oid="a").data.client_oid == "a"


def by_client_oid_rest(client: ks.Client) -> None:
    _, rest, _ = both(client)
    rest.add_order(**rest_order("a"))
    assert rest.cancel_order_by_client_oid(client_oid="a", symbol="BTC-USDT")["client_oid"] == "a"


def margin_ws(client: ks.Client) -> None:
    orders, _, _ = both(client)
    orders.margin_order("BTC-USDT", "buy", **MINE, client_oid="a", auto_borrow=True)
    assert orders.margin_cancel("BTC-USDT", client_oid="a").data.client_oid == "a"


def margin_rest(client: ks.Client) -> None:
    rest = client.rest.margin_order
    rest.add_order(**rest_order("a", auto_borrow=True))
    assert rest.cancel_order_by_client_oid(client_oid="a", symbol="BTC-USDT")["client_oid"] == "a"


def futures_ws(client: ks.Client) -> None:
    orders, _, _ = both(client)
    orders.futures_order("XBTUSDTM", "buy", price="10000", size=1, leverage=1, client_oid="a")
    assert orders.futures_cancel(symbol="XBTUSDTM", client_oid="a").data.client_oid == "a"


def futures_rest(client: ks.Client) -> None:
    _, _, rest = both(client)
    rest.add_order(**CONTRACT, type="limit", client_oid="a")
    assert rest.cancel_order_by_client_oid(symbol="XBTUSDTM", client_oid="a")["client_oid"] == "a"


def several_ws(client: ks.Client) -> None:
    orders, _, _ = both(client)
    placed = orders.futures_orders([CONTRACT | {"client_oid": name} for name in "ab"]).data
    assert [(each.client_oid, each.code) for each in placed] == [("a", 200000), ("b", 200000)]
    assert len(orders.futures_cancels([each.order_id for each in placed]).data) == 2


def several_rest(client: ks.Client) -> None:
    _, _, rest = both(client)
    placed = rest.batch_add_orders([CONTRACT | {"type": "limit", "client_oid": name} for name in "ab"])
    assert placed["client_oid"].tolist() == ["a", "b"]
    assert len(rest.batch_cancel_orders(order_ids_list=placed["order_id"].tolist())) == 2


def several_of_spot_rest(client: ks.Client) -> None:
    """No operation of the WS API does this."""
    _, rest, _ = both(client)
    assert rest.batch_add_orders([rest_order(name) for name in "ab"])["success"].tolist() == [True, True]
    assert rest.batch_add_orders_sync([rest_order(name) for name in "cd"])["status"].tolist() == ["open", "open"]
    assert rest.cancel_all_orders_by_symbol("BTC-USDT") == "success"


def closed_ws(client: ks.Client) -> None:
    orders, _, _ = both(client)
    orders.futures_order("XBTUSDTM", "buy", size=2, leverage=3)
    orders.futures_order("XBTUSDTM", "sell", close_order=True)


def closed_rest(client: ks.Client) -> None:
    _, _, rest = both(client)
    rest.add_order("XBTUSDTM", side="buy", type="market", client_oid="a", size=2, leverage=3)
    rest.add_order("XBTUSDTM", side="sell", type="market", client_oid="b", close_order=True)


@pytest.mark.parametrize(
    "operation",
    [sync_ws, sync_rest, by_client_oid_ws, by_client_oid_rest, margin_ws, margin_rest, futures_ws, futures_rest,
     several_ws, several_rest, several_of_spot_rest, closed_ws, closed_rest],
)  # fmt: skip
def test_an_operation(still: Simulator, operation: Callable[[ks.Client], None]) -> None:
    with armed(still) as client:
        frames = Frames(client)
        operation(client)
        exchange = known(still)
        assert {state for state, _, _ in exchange.values()} <= {"cancelled", "filled"}
        until(lambda: frames.said_of_orders() == exchange, f"orders are {exchange}")
        assert frames.said_of_positions() == {}


def test_operations_of_the_unified_account(still: Simulator) -> None:
    with armed(still, order_api=2) as client:
        frames, orders = Frames(client), client.orders
        spot = orders.uta_order("BTC-USDT", "buy", price="10000", size="0.001").data
        contract = orders.uta_order("XBTUSDTM", "buy", price="10000", size=1).data
        assert (spot.trade_type, contract.trade_type) == ("SPOT", "FUTURES")
        changed = orders.uta_amend("BTC-USDT", order_id=spot.order_id, new_price="10001", new_size="0.002").data
        orders.uta_cancel("BTC-USDT", order_id=changed.new_order_id or changed.order_id)
        orders.uta_cancel("XBTUSDTM", client_oid=contract.client_oid)
        exchange = known(still)
        assert {state for state, _, _ in exchange.values()} == {"cancelled"}
        until(lambda: frames.said_of_orders() == exchange, f"orders are {exchange}")
