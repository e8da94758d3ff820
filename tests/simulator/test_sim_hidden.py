"""Hidden and iceberg orders: what the book shows of them, and how they are filled."""

import json
from decimal import Decimal

import pytest
from sim_account import Bench

from kucoin_stream.simulator.market import RestError
from kucoin_stream.simulator.trading.deeds import modify_spot

SYMBOL = "BTC-USDT"
ORDERS = "/spotMarket/tradeOrdersV2"


@pytest.fixture
def bench():
    return Bench(SYMBOL)


def between(bench):
    """A price within the spread of a symbol, where nobody else is."""
    ask, bid = bench.best(SYMBOL, "asks")[0], bench.best(SYMBOL, "bids")[0]
    assert ask - bid > Decimal("0.2")
    return bid + Decimal("0.1")


def shown(bench, price, side="bids"):
    return next((size for level, size in bench.market.book(SYMBOL, None)[side] if Decimal(level) == price), None)


def matches(bench):
    return [each for each in bench.account.spot.orders.fills if each.maker]


def test_a_hidden_order_is_not_in_the_book_and_its_money_is_held(bench):
    before = bench.market.book(SYMBOL, None)
    order = bench.spot(price=str(between(bench)), size="0.01", hidden=True)
    assert bench.diary.orders == ["received", "open"]
    assert bench.market.book(SYMBOL, None) == before
    assert bench.have("trade", "USDT").hold == between(bench) * Decimal("0.01") * Decimal("1.001")
    bench.account.spot.end(order, bench.now)
    assert (bench.market.book(SYMBOL, None), bench.have("trade", "USDT").hold) == (before, 0)


def test_the_flow_fills_a_hidden_order_at_its_price_without_a_change_of_the_book_there(bench):
    price = between(bench)
    order = bench.spot(price=str(price), size="0.00005", hidden=True)
    assert shown(bench, price) is None
    bench.until(lambda: not order.active)
    assert bench.diary.orders[-1] == "filled"
    assert all(each.fill.price <= order.price for each in bench.account.spot.orders.fills)
    assert bench.have("trade", "USDT").hold == 0


def test_who_trades_with_a_hidden_order_is_not_told_of_it_before(bench):
    price = between(bench)
    hidden = bench.spot(price=str(price), size="0.01", hidden=True)
    bid, _ = bench.best(SYMBOL, "bids")
    sale = bench.spot(side="sell", type="market", size="0.004")
    assert (hidden.filled, sale.filled, sale.value) == (400_000, 400_000, price * Decimal("0.004"))
    assert bench.best(SYMBOL, "bids")[0] == bid
    assert bench.market.trades(SYMBOL)[-1]["side"] == "sell"


def test_what_is_shown_at_a_price_trades_before_what_is_hidden(bench):
    price = str(between(bench))
    hidden = bench.spot(price=price, size="0.01", hidden=True)
    seen = bench.spot(price=price, size="0.01")
    bench.spot(side="sell", type="market", size="0.01")
    assert (seen.active, hidden.filled) == (False, 0)


def test_an_iceberg_shows_its_tip_and_the_next_one_when_that_is_eaten(bench):
    price = between(bench)
    order = bench.spot(price=str(price), size="0.01", iceberg=True, visible_size="0.004")
    seen = []
    for _ in range(4):
        seen.append(shown(bench, price))
        bench.spot(side="sell", type="market", size="0.003")
    assert seen == ["0.004", "0.001", "0.002", "0.001"]
    assert not order.active


def test_a_large_taker_eats_an_iceberg_tip_by_tip(bench):
    price = between(bench)
    order = bench.spot(price=str(price), size="0.01", iceberg=True, visible_size="0.003")
    before = bench.market.book(SYMBOL, 1)["sequence"]
    bench.spot(side="sell", type="market", size="0.01")
    assert [each.fill.size for each in matches(bench)] == [300_000, 300_000, 300_000, 100_000]
    assert (order.active, shown(bench, price)) == (False, None)
    assert int(bench.market.book(SYMBOL, 1)["sequence"]) == int(before) + 4 + 3  # trades, and tips between them


def test_a_new_tip_stands_behind_the_others_of_its_price(bench):
    price = str(between(bench))
    ice = bench.spot(price=price, size="0.01", iceberg=True, visible_size="0.002")
    other = bench.spot(price=price, size="0.005")
    bench.spot(side="sell", type="market", size="0.004")
    assert (ice.filled, other.filled) == (200_000, 200_000)


def test_a_maker_that_was_not_seen_whole_reads_taker_and_pays_as_maker(bench):
    """Protocol.md 4.13: fees follow ``feeType``."""
    bench.account.want({ORDERS})
    bench.spot(price=str(between(bench)), size="0.01", hidden=True)
    bench.account.pushes()
    bench.spot(side="sell", type="market", size="0.004")
    rows = [json.loads(text)["data"] for _, text in bench.account.pushes()]
    maker = next(row for row in rows if row["type"] == "match" and row["side"] == "buy")
    assert (maker["liquidity"], maker["feeType"], maker["status"]) == ("taker", "makerFee", "open")


def test_a_partial_cancel_takes_of_what_is_not_shown_first(bench):
    price = between(bench)
    order = bench.spot(price=str(price), size="0.01", iceberg=True, visible_size="0.004")
    bench.account.spot.reduce(order, 500_000, bench.now)
    assert (order.left, shown(bench, price)) == (500_000, "0.004")
    bench.account.spot.reduce(order, 300_000, bench.now)
    assert (order.left, shown(bench, price)) == (200_000, "0.002")


def test_what_is_modified_stays_hidden(bench):
    order = bench.spot(price="70000", size="0.01", hidden=True)
    fields = {"symbol": SYMBOL, "orderId": order.id, "newPrice": "70001"}
    new = bench.account.spot.orders.get(order_id=modify_spot(bench.account, fields, bench.now)["newOrderId"])
    assert (new.hidden, new.shown, shown(bench, Decimal(70001))) == (True, 0, None)


@pytest.mark.parametrize("visible", [None, "", "0", "0.000000001", "much"])
def test_an_iceberg_says_how_much_it_shows(bench, visible):
    with pytest.raises(RestError, match="400100"):
        bench.spot(price="70000", size="0.01", iceberg=True, visible_size=visible)
    assert bench.diary.orders == []
