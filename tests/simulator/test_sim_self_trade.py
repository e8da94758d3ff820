"""Self-trade rules: an order of the account meets another one of it (protocol.md 7.6)."""

from decimal import Decimal

import pytest
from sim_account import Bench

SYMBOL = "ETH-BTC"


@pytest.fixture
def bench():
    bench = Bench(SYMBOL)
    flow = bench.market.instrument(SYMBOL).flow
    price, size = flow.ladder.level("asks", 0)[0] - 1, 0
    if flow.ladder.best("bids") == price:  # room for an order that is the best alone
        size = flow.ladder.size("bids", price)
        bench.spot(
            symbol=SYMBOL, side="sell", price=bench.market.instrument(SYMBOL).price(price), size=f"{size / 1e7:.7f}"
        )
    bench.own = bench.spot(symbol=SYMBOL, side="sell", price=bench.market.instrument(SYMBOL).price(price), size="0.5")
    assert bench.own.resting
    return bench


def new(bench, size, rule, **fields):
    price = bench.market.instrument(SYMBOL).price(bench.own.price)
    return bench.spot(symbol=SYMBOL, side="buy", **({"price": price, "size": size, "stp": rule} | fields))


@pytest.mark.parametrize(
    ("rule", "size", "own", "mine"),
    [
        ("", "0.2", (2_000_000, 0, True), (2_000_000, 0, False)),  # they trade
        ("CN", "0.2", (0, 0, True), (0, 2_000_000, False)),
        ("CO", "0.2", (0, 5_000_000, False), (0, 0, True)),  # and the new one rests
        ("CB", "0.2", (0, 5_000_000, False), (0, 2_000_000, False)),
        ("DC", "0.2", (0, 2_000_000, True), (0, 2_000_000, False)),  # the smaller one ends
        ("DC", "0.5", (0, 5_000_000, False), (0, 5_000_000, False)),
        ("DC", "0.7", (0, 5_000_000, False), (0, 5_000_000, True)),
    ],
)
def test_what_the_rule_does_to_both(bench, rule, size, own, mine):
    order = new(bench, size, rule)
    assert (bench.own.filled, bench.own.cancelled, bench.own.active) == own
    assert (order.filled, order.cancelled, order.active) == mine


def test_a_market_order_takes_of_others_what_it_cannot_have_of_its_own(bench):
    before = bench.have("trade", "ETH").total
    order = new(bench, "0.5", "CO", type="market", price=None)
    assert (bench.own.active, order.filled, order.cancel_reason) == (False, 5_000_000, "")
    assert bench.have("trade", "ETH").total == before + Decimal("0.5")
    assert bench.have("trade", "ETH").hold == 0


@pytest.mark.parametrize("rule", ["CN", "CO", "CB", "DC"])
def test_no_money_stays_held(bench, rule):
    new(bench, "0.7", rule)
    for order in list(bench.account.spot.orders.active()):
        bench.account.spot.end(order, bench.now)
    assert [bench.have("trade", currency).hold for currency in ("ETH", "BTC")] == [0, 0]
