"""Faults around what belongs to the key."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Any

from kucoin_stream.errors import KucoinStreamError, OrderUncertain
from tests.faults.stage import Stage
from tests.faults.truth import FUTURES, SPOT

BIG = 10**9  # USDT that orders may come to


def orders_meanwhile(stage: Stage) -> None:
    """The private connection is cut with open orders, and they go on meanwhile."""
    account, low = stage.sim.account, _low(stage)
    kept, cancelled, changed = (account.place(SPOT, "buy", price=low, size="0.01") for _ in range(3))
    orders = stage.client.account.orders().wait()
    stage.until(lambda: {kept, cancelled, changed} <= set(orders.df.index), "the orders are there")
    stage.sim.faults.welcome = False
    stage.sim.faults.kill()
    stage.until(lambda: orders.status != "live", "marked")
    account.cancel(cancelled)
    account.place(FUTURES, "buy", size=2, leverage=5)
    filled = account.place(SPOT, "buy", size="0.01")
    added = account.place(SPOT, "buy", price=low, size="0.01")
    stage.over()
    stage.sim.faults.clear()
    expected = {kept: "open", changed: "open", added: "open", cancelled: "canceled", filled: "filled"}
    held = ("open", "partly filled", "received")

    def same() -> bool:
        rows = orders.df["status"]
        return orders.status == "live" and all(
            (rows.get(order) in held) == (status == "open") for order, status in expected.items()
        )

    stage.until(same, "the orders are as at the exchange")
    balances = stage.client.account.balances().wait()

    def paid() -> bool:
        true = account.balances()["trade"]["USDT"]
        mine = balances.df.loc[("trade", "USDT")]
        return (mine["available"], mine["hold"]) == (float(true.available), float(true.hold))

    stage.until(paid, "the money is as at the exchange")
    positions, fills = stage.client.account.positions().wait(), stage.client.account.fills().wait()

    def traded() -> bool:
        lots = account._trade(lambda owner, _: owner.futures.positions[FUTURES].lots)
        mine = fills.df[fills.df["order_id"] == filled]
        return positions.df["size"].get(FUTURES) == lots and abs(mine["size"].sum() - 0.01) < 1e-9

    stage.until(traded, "position and fills are as at the exchange")
    account.cancel_all(SPOT)


def bars(stage: Stage) -> None:
    """Bars go on over a cut, and over calls in vain for those that were missed."""
    live = stage.client.klines(SPOT, "1min", history=5).wait()
    stage.sim.faults.rest("/api/v1/market/candles", 500, "500000", "not now", times=2)
    stage.sim.faults.kill()
    stage.until(lambda: live.status != "live" or len(stage.client.gaps()), "marked")

    def same() -> bool:
        mine = live.df.tail(3)[["open", "close", "high", "low", "volume"]]
        first, last = (int(mine.index[at].timestamp()) for at in (0, -1))
        true = stage.sim._ask(lambda _: stage.sim.market.candles(SPOT, "1min", first, last + 1)[::-1], [])
        return live.status == "live" and mine.to_numpy().tolist() == [
            [float(each) for each in row[1:6]] for row in true
        ]

    stage.until(same, "the bars are as at the exchange")


def order_lost(stage: Stage) -> None:
    """The connection for orders is cut between request and answer: the order may be there, and that is said."""
    orders, client = stage.client.account.orders().wait(), stage.client
    client.orders.arm("url", cap=BIG)
    low, said = _low(stage), []

    def place() -> None:
        try:
            client.orders.spot_order(SPOT, "buy", price=low, size="0.01")
        except OrderUncertain as exc:
            said.append(exc)

    placed = client.orders.spot_order(SPOT, "buy", price=low, size="0.01").data.order_id
    stage.sim.faults.mute_acks = True
    thread = threading.Thread(target=place)
    thread.start()
    stage.until(lambda: len(_open(orders)) == 2, "the exchange has the order")
    stage.sim.faults.kill()
    thread.join(10)
    assert said, "nothing was said of an order that may be there"
    stage.over()
    stage.sim.faults.clear()
    stage.until(lambda: orders.status == "live" and len(_open(orders)) == 2, "both orders are shown")

    def cancelled() -> bool:
        with suppress(KucoinStreamError):
            client.orders.spot_cancel(SPOT, order_id=placed)
            return True
        return False

    stage.until(cancelled, "the connection for orders is back")
    stage.until(lambda: len(_open(orders)) == 1, "one was cancelled")
    stage.sim.account.cancel_all(SPOT)


def _open(orders: Any) -> list[str]:
    rows = orders.df["status"]
    return list(rows[rows.isin(("open", "partly filled", "received"))].index)


def _low(stage: Stage) -> str:
    return f"{float(stage.sim.market.book(SPOT, 1)['bids'][0][0]) * 0.8:.2f}"
