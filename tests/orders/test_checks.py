"""Orders checked before they are sent: tables of what the exchange would not take, and what an order comes to."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from kucoin_stream.errors import UsageError
from kucoin_stream.orders import checks
from kucoin_stream.protocol.messages.contracts import ContractInfo
from kucoin_stream.protocol.messages.orders import FuturesOrder, MarginOrder, SpotOrder
from kucoin_stream.protocol.messages.rest import SymbolInfo

D = Decimal
SPOT = SymbolInfo(
    "BTC-USDT", base_currency="BTC", quote_currency="USDT", base_min_size=D("0.00001"), base_max_size=D("10000"),
    min_funds=D("0.1"), quote_max_size=D("99999"), base_increment=D("0.00000001"), quote_increment=D("0.000001"),
    price_increment=D("0.1"),
)  # fmt: skip
LINEAR = ContractInfo("XBTUSDTM", quote_currency="USDT", tick_size=D("0.1"), lot_size=D(1), multiplier=0.001)
INVERSE = ContractInfo(
    "XBTUSDM", quote_currency="USD", tick_size=D("0.1"), lot_size=D(1), multiplier=-1.0, is_inverse=True
)


@pytest.mark.parametrize(
    ("order", "says"),
    [
        ({"price": "1"}, "a limit order needs size="),
        ({"type": "limit", "size": 1}, "a limit order needs price="),
        ({"price": 1, "size": 1, "funds": 2}, "a limit order has no funds="),
        ({}, "exactly one of size= and funds="),
        ({"size": 1, "funds": 1}, "exactly one of size= and funds="),
        ({"type": "market", "price": 1, "size": 1}, "no price="),
        ({"price": "100.05", "size": 1}, "price=100.05 is no multiple of 0.1; the nearest are 100.0"),
        ({"price": "100", "size": "0.000000015"}, "size=0.000000015 is no multiple of 0.00000001"),
        ({"price": "100", "size": "0.000001"}, "is too small: 0.00001 BTC at least"),
        ({"size": "10001"}, "size=10001 is too large: 10000 BTC at most"),
        ({"funds": "0.01"}, "funds=0.01 is too small: 0.1 USDT at least"),
        ({"price": "0.1", "size": "0.5"}, "an order of 0.05 USDT is too small: BTC-USDT takes 0.1 at least"),
        ({"price": 1, "size": 1, "iceberg": True}, "an iceberg needs visible_size="),
        ({"price": 1, "size": 1, "iceberg": True, "visible_size": 2}, "visible_size=2 is more than size=1"),
    ],
)
def test_a_spot_order_that_the_exchange_would_not_take(order: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError) as caught:
        checks.spot(SPOT, checks.fields(SpotOrder, order))
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("order", "says"),
    [
        ({"price": 1}, "exactly one of size= (lots), qty= (base currency) and value_qty="),
        ({"size": 1, "qty": 1}, "exactly one of"),
        ({"type": "limit", "size": 1}, "a limit order needs price="),
        ({"size": "1.5"}, "size=1.5 is no multiple of 1; the nearest are 1.0 or 2.0"),
        ({"size": 1, "price": "100.01"}, "is no multiple of 0.1"),
        ({"size": 1, "stop": "up"}, "both stop= and stop_price="),
        ({"size": 1, "close_order": True}, "leave out the size"),
        ({"type": "market", "size": 1, "price": 1}, "a market order has no price="),
        ({"qty": "0.0015"}, "qty=0.0015 is no multiple of 0.001; the nearest are 0.0010 or 0.0020"),
        ({"value_qty": 49, "price": 50_000}, "value_qty=49 is too small: 50.000 USDT, a lot, at least"),
    ],
)
def test_an_order_of_a_contract_that_the_exchange_would_not_take(order: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError) as caught:
        checks.futures(LINEAR, checks.fields(FuturesOrder, order))
    assert says in str(caught.value)


def test_the_value_of_an_inverse_contract_is_whole_lots() -> None:
    with pytest.raises(UsageError, match=r"value_qty=1.5 is no multiple of 1"):
        checks.futures(INVERSE, {"value_qty": D("1.5")})


@pytest.mark.parametrize(
    ("info", "order", "says"),
    [
        (SPOT, {"order_type": "LIMIT", "price": D("1.05"), "size": D(1)}, "price=1.05 is no multiple of 0.1"),
        (SPOT, {"order_type": "LIMIT", "size": D(1)}, "a limit order needs price="),
        (SPOT, {"order_type": "MARKET", "size": D(1), "price": D(1)}, "no price="),
        (SPOT, {"order_type": "MARKET", "size": D("0.01"), "size_unit": "QUOTECCY"}, "funds=0.01 is too small"),
        (SPOT, {"order_type": "LIMIT", "price": D(100), "size": D("0.000001")}, "0.00001 BTC at least"),
        (LINEAR, {"order_type": "LIMIT", "price": D(1), "size": D("1.5")}, "size=1.5 is no multiple of 1"),
        (LINEAR, {"order_type": "MARKET", "size": D("0.0015"), "size_unit": "BASECCY"}, "qty=0.0015 is no multiple"),
    ],
)
def test_an_order_of_a_unified_account_is_checked_as_the_others(info: Any, order: Any, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        checks.unified(info, order)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"prize": 1}, "an order has no 'prize'; did you mean price?"),
        ({"is_isolated": True}, "an order has no 'is_isolated'"),
        ({"price": "nan"}, "a number above 0"),
        ({"price": "-1"}, "a number above 0"),
        ({"price": 0}, "a number above 0"),
        ({"price": "1e"}, "is no number"),
        ({"price": True}, "a number, or a number as text"),
        ({"price": [1]}, "a number, or a number as text"),
        ({"time_in_force": "FOREVER"}, "time_in_force='FOREVER': invalid enum value"),
        ({"client_oid": "a b"}, "client_oid='a b'"),
        ({"client_oid": "x" * 41}, "client_oid='xxx"),
        ({"post_only": "yes"}, "post_only='yes': expected `bool`"),
        ({"cancel_after": 0}, "cancel_after=0"),
    ],
)
def test_a_field_that_is_none(given: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError) as caught:
        checks.fields(SpotOrder, given)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("order", "sent"),
    [
        ({"price": "50000.10", "size": 0.001}, {"type": "limit", "price": "50000.10", "size": "0.001"}),
        ({"price": 5e4, "size": D("1E-3")}, {"type": "limit", "price": "50000.0", "size": "0.001"}),
        ({"funds": 10, "client_oid": "a_1"}, {"type": "market", "funds": "10", "clientOid": "a_1"}),
        ({"size": "0.1", "stp": None}, {"type": "market", "size": "0.1"}),
    ],
)
def test_numbers_go_out_as_they_were_written_and_names_as_kucoin_has_them(order: Any, sent: Any) -> None:
    assert checks.camel(checks.spot(SPOT, checks.fields(SpotOrder, order))) == sent


def test_margin_has_fields_of_its_own() -> None:
    given = {"size": 1, "is_isolated": True, "auto_borrow": False}
    assert checks.camel(checks.fields(MarginOrder, given)) == {"size": "1", "isIsolated": True, "autoBorrow": False}


@pytest.mark.parametrize(
    ("info", "order", "price", "worth"),
    [
        (SPOT, {"size": D("0.5")}, D(100), ("USDT", D(50))),
        (SPOT, {"funds": D(20)}, D(1), ("USDT", D(20))),
        (LINEAR, {"size": D(3)}, D(50_000), ("USDT", D(150))),
        (LINEAR, {"qty": D("0.1")}, D(50_000), ("USDT", D(5000))),
        (LINEAR, {"value_qty": D(70)}, D(1), ("USDT", D(70))),
        (LINEAR, {"close_order": True}, D(1), ("USDT", D(0))),
        (INVERSE, {"size": D(40)}, D(50_000), ("USD", D(40))),
    ],
)
def test_what_an_order_comes_to(info: Any, order: Any, price: Decimal, worth: Any) -> None:
    assert checks.worth(info, order, price) == worth
