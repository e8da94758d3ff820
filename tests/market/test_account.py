"""What a call lists and what the stream says, joined in any order: the same as the whole stream alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from kucoin_stream.market.account.balances import Balances, futures_balance, margin_balance, spot_balance
from kucoin_stream.market.account.fills import Fills, listed_fill, pushed_fill
from kucoin_stream.market.account.newest import Newest
from kucoin_stream.market.account.order import Order, listed, pushed, unseen
from kucoin_stream.market.account.orders import Orders
from kucoin_stream.market.account.positions import Positions
from kucoin_stream.protocol.messages import account, decode, futures_account, rest_account
from tests.protocol import payloads

START_MS = 1_730_000_000_000
MS = 1_000_000


def spot(kind: str, status: str, at: int, **fields: Any) -> account.Order:
    """An event of a limit order of 10, ``at`` milliseconds after the start."""
    said = {"orderId": "a1", "symbol": "BTC-USDT", "side": "buy", "orderType": "limit", "price": "9", "clientOid": "me"}
    said |= {"originSize": "10", "orderTime": START_MS, "type": kind, "status": status}
    said |= {"ts": (START_MS + at) * MS + 5}
    return decode(account.Order, msgspec.json.encode(said | fields))


def sizes(filled: float, cancelled: float = 0.0) -> dict[str, str]:
    return {"filledSize": str(filled), "canceledSize": str(cancelled), "remainSize": str(10 - filled - cancelled)}


def match(at: int, filled: int, size: int, **fields: Any) -> account.Order:
    trade = {"tradeId": f"t{at}", "matchPrice": "9", "matchSize": str(size), "liquidity": "maker"}
    return spot("match", "open", at, **(sizes(filled) | trade | fields))


RECEIVED = spot("received", "new", 0)
OPEN = spot("open", "open", 1, **sizes(0))
HALF = match(2, 5, 5)
WHOLE = match(3, 10, 5)
FILLED = spot("filled", "done", 3, **sizes(10))
CANCELLED = spot("canceled", "done", 4, **(sizes(5, 5) | {"remainSize": "0"}))


def told(*messages: account.Order, seed: Sequence[Order] = ()) -> Order:
    orders = Orders(10)
    for message in messages:
        orders.take(pushed(message))
    orders.seed("spot", seed)
    return orders.rows()[0]


def call(**fields: Any) -> Order:
    """What a call lists of the same order."""
    said = {"id": "a1", "symbol": "BTC-USDT", "side": "buy", "type": "limit", "price": "9", "size": "10"}
    said |= {"clientOid": "me", "active": True, "dealSize": "0", "remainSize": "10", "cancelledSize": "0"}
    said |= {"createdAt": START_MS, "lastUpdatedAt": START_MS + 1, "funds": "90", "cancelExist": False}
    return listed(decode(rest_account.SpotOrder, msgspec.json.encode(said | fields)))


@pytest.mark.parametrize(
    ("messages", "status", "filled", "remaining"),
    [
        ([RECEIVED], "new", 0, 10),
        ([RECEIVED, OPEN], "open", 0, 10),
        ([RECEIVED, OPEN, HALF], "partly filled", 5, 5),
        ([RECEIVED, OPEN, HALF, WHOLE, FILLED], "filled", 10, 0),
        ([RECEIVED, OPEN, HALF, CANCELLED], "cancelled", 5, 0),
        ([OPEN, FILLED, WHOLE, HALF], "filled", 10, 0),  # late matches
        ([HALF, OPEN, RECEIVED], "partly filled", 5, 5),
        ([HALF, HALF, HALF], "partly filled", 5, 5),
    ],
)
def test_an_order_is_what_was_said_last_by_the_exchange(messages, status, filled, remaining):
    order = told(*messages)
    assert (order.status, order.filled_size, order.remaining) == (status, filled, remaining)
    assert (order.market, order.symbol, order.size, order.price, order.client_oid) == ("spot", "BTC-USDT", 10, 9, "me")


@pytest.mark.parametrize(
    ("messages", "seed", "status", "filled"),
    [
        ([], call(), "open", 0),
        ([OPEN, HALF], call(), "partly filled", 5),  # the list is older
        ([OPEN], call(dealSize="5", remainSize="5", lastUpdatedAt=START_MS + 2), "partly filled", 5),  # and newer
        ([FILLED], call(), "filled", 10),  # finished before the list came
        ([HALF], call(active=False, dealSize="10", remainSize="0"), "filled", 10),
        ([HALF], call(active=False, dealSize="5", cancelExist=True, cancelledSize="5"), "cancelled", 5),
    ],
)
def test_a_list_that_is_older_never_undoes_an_event(messages, seed, status, filled):
    order = told(*messages, seed=[seed])
    assert (order.status, order.filled_size) == (status, filled)


def test_an_order_keeps_what_a_newer_message_does_not_say():
    late = spot("filled", "done", 9, **sizes(10), clientOid=None, price=None, orderType=None)
    order = told(OPEN, late)
    assert (order.client_oid, order.price, order.type) == ("me", 9, "limit")
    assert order.created_ns == START_MS * MS
    assert order.updated_ns == (START_MS + 9) * MS + 5


FUTURES = """{"symbol":"ETHUSDTM","orderType":"market",
 "side":"buy","canceledSize":"0","orderId":"4162","liquidity":"taker",
 "type":"match","orderTime":1772043995356345762,"size":"1","filledSize":"1","price":"0","matchPrice":"2068.55",
 "matchSize":"1","remainSize":"0","tradeId":"1815302608109","status":"match","ts":1772043995362000000}"""
STOP = """{"orderId":"vs93gpupfa48anof003u85mb",
 "orderPrice":"70000","orderType":"stop","side":"buy","size":"0.00007142",
 "stop":"loss","stopPrice":"71000","symbol":"BTC-USDT","type":"open","createdAt":1742305928064,
 "ts":1742305928091268493}"""


def test_a_futures_order_and_its_fill():
    message = decode(futures_account.Order, FUTURES.encode())
    order, (fill,) = pushed(message), pushed_fill(message)
    assert (order.market, order.status, order.price, order.size) == ("futures", "partly filled", None, 1)
    assert (order.created_ns, order.updated_ns) == (1772043995356345762, 1772043995362000000)
    assert (fill.market, fill.trade_id, fill.price, fill.size) == ("futures", "1815302608109", 2068.55, 1)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, "stop"),
        ({"type": "triggered", "triggerSuccess": True}, "triggered"),
        ({"type": "triggered", "triggerSuccess": False, "error": "Balance insufficient!"}, "failed"),
        ({"type": "cancel"}, "cancelled"),
    ],
)
@pytest.mark.parametrize("kind", [account.StopOrder, futures_account.StopOrder])
def test_a_stop_order_is_a_row_of_its_own(kind, fields, status):
    order = pushed(decode(kind, msgspec.json.encode(msgspec.json.decode(STOP) | fields)))
    assert (order.status, order.stop, order.stop_price, order.price) == (status, "loss", 71000, 70000)


def test_a_triggered_order_may_go_on_under_its_id():
    triggered = pushed(
        decode(account.StopOrder, msgspec.json.encode(msgspec.json.decode(STOP) | {"type": "triggered"}))
    )
    orders = Orders(5)
    orders.take(triggered)
    orders.restart("spot")
    assert orders.unexplained("spot", []) == []
    orders.take(structs.replace(pushed(OPEN), order_id=triggered.order_id))
    orders.take(triggered)
    assert [(order.status, order.stop_price) for order in orders.rows()] == [("open", 71000)]


@pytest.mark.parametrize(
    ("fields", "status", "remaining", "cancelled"),
    [
        ({}, "open", 3, None),
        ({"filledSize": 1}, "partly filled", 2, None),
        ({"isActive": False, "filledSize": 3}, "filled", 0, 0),
        ({"isActive": False, "filledSize": 0}, "cancelled", 0, 3),
        ({"isActive": False, "cancelExist": True, "filledSize": 1}, "cancelled", 0, 2),
        ({"stop": "up", "stopTriggered": False, "stopPrice": "7"}, "stop", 3, None),
        ({"stop": "up", "stopTriggered": True}, "open", 3, None),
        ({"stop": "", "price": "", "stopPrice": None}, "open", 3, None),
    ],
)
def test_a_listed_futures_order(fields, status, remaining, cancelled):
    said = {"id": "7", "symbol": "XBTUSDTM", "side": "sell", "type": "limit", "size": 3, "isActive": True}
    order = listed(decode(rest_account.FuturesOrder, msgspec.json.encode(said | {"unknown": 1} | fields)))
    assert (order.status, order.remaining, order.cancelled_size) == (status, remaining, cancelled)


@st.composite
def lives(draw: st.DrawFn) -> list[account.Order]:
    """The whole stream of one order of 10, in order."""
    known = [RECEIVED] if draw(st.booleans()) else []
    known += [OPEN] if draw(st.booleans()) or not known else []
    filled, at = 0, 1
    for size in draw(st.lists(st.integers(1, 4), max_size=4)):
        if filled + size <= 10:
            filled, at = filled + size, at + draw(st.integers(0, 2))
            known.append(structs.replace(match(at, filled, size), trade_id=f"t{filled}"))
    if filled == 10:
        known.append(spot("filled", "done", at, **sizes(10)))
    elif draw(st.booleans()):
        known.append(spot("canceled", "done", at + 1, **(sizes(filled, 10 - filled) | {"remainSize": "0"})))
    return known


def seen_by_a_call(last: account.Order) -> Order:
    """What a call lists after ``last``."""
    active = last.status != "done"
    filled, cancelled = last.filled_size or 0, last.canceled_size or 0
    return call(
        active=active, dealSize=str(filled), remainSize=str(10 - filled if active else 0),
        cancelledSize=str(cancelled), cancelExist=bool(cancelled), lastUpdatedAt=last.ts_ns // MS,
    )  # fmt: skip


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_any_order_of_arrival_with_repetitions_and_lists_ends_as_the_whole_stream(data):
    life = data.draw(lives())
    offered = [pushed(message) for message in life]
    alone = Orders(10)
    for order in offered:
        alone.take(order)
    listable = life[1:] if life[0] is RECEIVED else life  # a list calls open what the stream calls new
    listings = data.draw(st.lists(st.sampled_from(listable), max_size=3)) if listable else []
    seeds = [seen_by_a_call(message) for message in listings]
    again = data.draw(st.lists(st.sampled_from(offered), max_size=5))
    shuffled = data.draw(st.permutations([*offered, *again, *seeds]))
    mixed = Orders(10)
    for order in shuffled:
        mixed.seed("spot", [order]) if order in seeds else mixed.take(order)
    assert mixed.rows() == alone.rows()


# -- orders that finished unseen -----------------------------------------------------------------------------------


def test_after_a_restart_what_is_open_here_and_not_listed_is_unexplained():
    orders = Orders(10)
    for each in ("gone", "listed", "heard"):
        orders.take(structs.replace(pushed(OPEN), order_id=each))
    orders.take(structs.replace(pushed(FILLED), order_id="finished"))
    orders.take(structs.replace(pushed(OPEN), order_id="other", market="futures"))
    orders.restart("spot")
    orders.take(structs.replace(pushed(HALF), order_id="heard"))
    found = [structs.replace(call(), order_id="listed")]
    (gone,) = orders.unexplained("spot", found)
    assert gone.order_id == "gone"
    assert [order.status for order in orders.seed("spot", [unseen(gone)])] == ["done"]


def test_a_repetition_after_a_restart_explains_nothing():
    orders, balances, positions = Orders(10), Balances(), Positions()
    orders.take(pushed(OPEN))
    balances.take(balance("trade.hold", 5, 1))
    positions.take(position(3, 1))
    for table in (orders, balances):
        table.restart("spot")
    positions.restart()
    orders.take(pushed(OPEN))
    balances.take(balance("trade.hold", 5, 1))
    positions.take(position(3, 1))
    assert [order.order_id for order in orders.unexplained("spot", [])] == ["a1"]
    assert [row.total for row in balances.seed("spot", [held("trade", 7)])] == [7]
    assert [row.size for row in positions.seed([])] == [0]


def test_what_is_known_of_an_end_is_more_than_that_there_was_one():
    orders = Orders(10)
    orders.take(pushed(OPEN))
    orders.seed("spot", [unseen(pushed(OPEN))])
    orders.take(pushed(FILLED))
    orders.seed("spot", [unseen(pushed(OPEN))])
    assert [order.status for order in orders.rows()] == ["filled"]


def test_the_oldest_finished_orders_are_forgotten_and_the_open_ones_never():
    orders = Orders(2)
    orders.take(pushed(OPEN))
    late = structs.replace(pushed(HALF), order_id="0")
    for number in range(9):
        orders.take(structs.replace(pushed(FILLED), order_id=str(number), updated_ns=(START_MS + 10 + number) * MS))
    assert {order.order_id for order in orders.rows()} == {"a1", "7", "8"}
    assert len(orders) == 3
    assert orders.take(late) == []  # of an order that is forgotten
    assert len(orders) == 3


def test_a_list_does_not_bring_back_as_open_what_has_finished_and_is_forgotten_meanwhile():
    orders = Orders(1)
    orders.restart("spot")
    listed_open = [structs.replace(call(), order_id=each) for each in "abc"]
    for at, each in enumerate("ab"):
        orders.take(structs.replace(pushed(FILLED), order_id=each, updated_ns=(START_MS + 10 + at) * MS))
    assert [order.order_id for order in orders.seed("spot", listed_open)] == ["c"]
    assert [(order.order_id, order.status) for order in orders.rows()] == [("b", "filled"), ("c", "open")]


# -- fills ---------------------------------------------------------------------------------------------------------


def past(trade: str, at: int) -> rest_account.SpotFill:
    said = {"symbol": "BTC-USDT", "orderId": "a1", "tradeId": int(trade), "side": "buy", "price": "9", "size": "1"}
    said |= {"fee": "0.01", "feeCurrency": "USDT", "liquidity": "maker", "createdAt": START_MS + at}
    return decode(rest_account.SpotFill, msgspec.json.encode(said))


def present(trade: str, at: int) -> account.Order:
    return match(at, 1, 1, tradeId=trade)


@given(st.permutations([("call", number) for number in range(6)] + [("stream", number) for number in range(3, 9)] * 2))
def test_each_fill_is_there_once_whoever_tells_it_first(arrivals):
    fills = Fills(100)
    fresh = []
    for teller, number in arrivals:
        told_fills = (
            [listed_fill(past(str(number), number))] if teller == "call" else pushed_fill(present(str(number), number))
        )
        fresh += fills.take(told_fills)
    assert sorted(fill.trade_id for fill in fresh) == [str(number) for number in range(9)]
    rows = fills.rows()
    assert [fill.trade_id for fill in rows] == [str(number) for number in range(9)]
    assert [fill.fee for fill in rows] == [0.01] * 6 + [None] * 3
    assert [fill.time_ns % MS for fill in rows] == [0] * 3 + [5] * 6


def test_a_trade_between_two_orders_of_ours_is_two_fills():
    fills = Fills(10)
    fills.take(pushed_fill(present("1", 1)))
    fills.take(pushed_fill(structs.replace(present("1", 1), order_id="b2", side="sell")))
    assert [(fill.order_id, fill.side) for fill in fills.rows()] == [("a1", "buy"), ("b2", "sell")]


@given(st.permutations(range(12)), st.integers(1, 5))
def test_the_newest_fills_stay(order, maxlen):
    fills = Fills(maxlen)
    for number in [*order, *order]:
        fills.take(pushed_fill(present(f"{number:02}", number)))
    assert [fill.trade_id for fill in fills.rows()] == [f"{number:02}" for number in range(12)][-maxlen:]
    assert len(fills) == maxlen


def test_only_a_match_is_a_fill():
    assert [pushed_fill(message) for message in (RECEIVED, OPEN, FILLED, CANCELLED)] == [[]] * 4


# -- balances ------------------------------------------------------------------------------------------------------


def balance(event: str, total: float, at: int, currency: str = "USDT", number: str = "") -> account.Balance:
    said = {"accountId": "1", "currency": currency, "total": str(total), "available": str(total), "hold": "0"}
    said |= {"relationEvent": event, "relationEventId": number or f"{at}", "time": str(START_MS + at)}
    return decode(account.Balance, msgspec.json.encode(said))


def held(kind: str, total: float, currency: str = "USDT") -> Any:
    return spot_balance(rest_account.SpotAccount(currency, kind, total, total, 0.0))


def totals(balances: Balances) -> dict[tuple[str, str], float | None]:
    return {(row.account, row.currency): row.total for row in balances.rows()}


@pytest.mark.parametrize(
    ("event", "name"),
    [
        ("trade.hold", "trade"),
        ("trade_hf.setted", "trade"),
        ("main.deposit", "main"),
        ("margin.transfer", "margin"),
        ("isolated_BTC-USDT.hold", "isolated_BTC-USDT"),
        ("other", "other"),
    ],
)
def test_the_reason_of_a_change_names_the_account(event, name):
    balances = Balances()
    (row,) = balances.take(balance(event, 5, 1))
    assert (row.account, row.currency, row.total, row.updated_ns) == (name, "USDT", 5, (START_MS + 1) * MS)


def test_a_list_fills_what_the_stream_did_not_mention():
    balances = Balances()
    balances.restart("spot")
    balances.take(balance("trade.hold", 5, 1))
    changed = balances.seed("spot", [held("trade", 9), held("main", 3)])
    assert [(row.account, row.total) for row in changed] == [("main", 3)]
    assert totals(balances) == {("trade", "USDT"): 5, ("main", "USDT"): 3}


def test_after_a_restart_the_list_is_newer_than_what_was_said_before():
    balances = Balances()
    balances.seed("spot", [held("trade", 1), held("main", 1)])
    balances.take(balance("trade.hold", 5, 1))
    balances.restart("spot")
    balances.seed("spot", [held("trade", 7)])
    assert totals(balances) == {("trade", "USDT"): 7, ("main", "USDT"): 0}  # what is no longer listed is empty
    balances.take(balance("trade.hold", 8, 2))
    assert totals(balances)["trade", "USDT"] == 8


def test_a_restart_of_one_market_leaves_the_other():
    balances = Balances()
    wallet = futures_account.Wallet("USDT", wallet_balance=3.0, timestamp_ms=START_MS, version=1)
    balances.take(wallet)
    balances.restart("spot")
    listed_then = futures_balance(rest_account.FuturesAccount("USDT", margin_balance=1.0))
    assert balances.seed("futures", [listed_then]) == []
    assert totals(balances) == {("futures", "USDT"): 3}


def test_of_two_wallets_in_one_millisecond_the_higher_version_counts():
    balances = Balances()
    for version, total in ((8, 2.0), (7, 1.0), (8, 2.0)):
        balances.take(futures_account.Wallet("USDT", wallet_balance=total, timestamp_ms=START_MS, version=version))
    assert totals(balances) == {("futures", "USDT"): 2}


def test_margin_accounts_stand_beside_the_others():
    balances = Balances()
    asset = rest_account.MarginAccount("BTC", 2.0, 1.0, 1.0)
    balances.seed("spot", [margin_balance("margin", asset), margin_balance("isolated_BTC-USDT", asset)])
    assert totals(balances) == {("isolated_BTC-USDT", "BTC"): 2, ("margin", "BTC"): 2}


events = st.lists(
    st.tuples(st.sampled_from(["trade.hold", "main.other"]), st.integers(0, 9), st.integers(0, 2)),
    min_size=1, max_size=8,
)  # fmt: skip


@given(events, st.data())
@settings(max_examples=150, deadline=None)
def test_balances_end_as_the_whole_stream_wherever_the_list_comes(drawn, data):
    at, stream = 0, []
    for number, (event, total, step) in enumerate(drawn):
        at += step  # several changes in one millisecond are common
        stream.append(balance(event, total, at, number=str(number)))
    before = {"trade": 100.0, "main": 200.0}
    made = data.draw(st.integers(0, len(stream)))  # after which event the list was made ...
    comes = data.draw(st.integers(0, len(stream)))  # ... and when it is here
    state = before | {(each.relation_event or "").partition(".")[0]: each.total or 0.0 for each in stream[:made]}
    balances = Balances()
    for row in before:  # from before the restart, and no longer true
        balances.take(balance(f"{row}.other", 1, -9))
    balances.restart("spot")
    for number in range(len(stream) + 1):
        if number == comes:
            balances.seed("spot", [held(kind, total) for kind, total in state.items()])
        if number < len(stream):
            balances.take(stream[number])
            for again in data.draw(st.lists(st.sampled_from(stream[: number + 1]), max_size=2)):
                balances.take(again)
    said = before | {(each.relation_event or "").partition(".")[0]: each.total or 0.0 for each in stream}
    assert totals(balances) == {(kind, "USDT"): total for kind, total in said.items()}


# -- positions -----------------------------------------------------------------------------------------------------


def position(size: float, at: int, **fields: Any) -> futures_account.Position:
    known = {"symbol": "XBTUSDTM", "current_qty": size, "is_open": bool(size), "mark_price": 100.0, "leverage": 5.0}
    known |= {"current_timestamp_ms": START_MS + at, "change_reason": "positionChange", "position_side": "BOTH"}
    return futures_account.Position(**(known | fields))  # type: ignore[arg-type]


def marked(price: float, at: int, symbol: str = "XBTUSDTM") -> futures_account.Position:
    return futures_account.Position(
        symbol, change_reason="markPriceChange", mark_price=price, current_timestamp_ms=START_MS + at
    )


def test_a_moving_mark_price_changes_a_part():
    positions = Positions()
    positions.take(position(3, 1))
    (row,) = positions.take(marked(101, 2))
    assert (row.size, row.mark_price, row.leverage, row.updated_ns) == (3, 101, 5, (START_MS + 2) * MS)


def test_a_part_of_an_unknown_position_waits_for_the_whole():
    positions = Positions()
    assert positions.take(marked(101, 2)) == []
    (row,) = positions.seed([position(3, 1)])
    assert (row.size, row.mark_price) == (3, 101)


def test_two_fills_of_one_millisecond_both_change_a_position():
    positions = Positions()
    for lots in (2, 1, 0, 1):  # the last one repeats what is old
        positions.take(position(lots, at=1))
    assert positions.rows() == []


def test_a_closed_position_leaves_and_does_not_come_back():
    positions = Positions()
    positions.take(position(3, 1))
    (row,) = positions.take(position(0, 2))
    assert row.size == 0
    assert positions.take(position(3, 1)) == []
    assert positions.seed([position(3, 1)]) == []
    positions.take(marked(101, 3))
    assert positions.rows() == []


def test_after_a_restart_a_position_that_is_not_listed_is_closed():
    positions = Positions()
    positions.take(position(3, 1))
    positions.take(position(4, 1, symbol="ETHUSDTM"))
    positions.restart()
    changed = positions.seed([position(5, 9, symbol="ETHUSDTM")])
    assert {(row.symbol, row.size) for row in changed} == {("XBTUSDTM", 0), ("ETHUSDTM", 5)}
    assert [row.symbol for row in positions.rows()] == ["ETHUSDTM"]


def test_both_sides_of_hedge_mode_are_positions():
    positions = Positions()
    positions.take(position(3, 1, position_side="LONG"))
    positions.take(position(-2, 1, position_side="SHORT"))
    positions.take(marked(101, 2))
    assert [(row.position_side, row.size, row.mark_price) for row in positions.rows()] == [
        ("LONG", 3, 101),
        ("SHORT", -2, 101),
    ]


def test_a_settlement_and_a_risk_limit_are_noted_once():
    positions = Positions()
    positions.take(position(3, 1))
    settled = futures_account.PositionSettlement(
        START_MS, qty=3.0, funding_fee=-0.5, settle_currency="USDT", ts_ns=START_MS * MS + 1, symbol="XBTUSDTM"
    )
    (row,) = positions.take(settled)
    assert (row.funding_fee, row.funding_time_ns) == (-0.5, START_MS * MS)
    assert positions.take(settled) == []
    limit = futures_account.RiskLimit(success=True, risk_limit_level=2, symbol="XBTUSDTM")
    assert [row.risk_limit_level for row in positions.take(limit)] == [2]
    assert positions.take(limit) == []
    assert positions.take(futures_account.RiskLimit(success=False, msg="no", symbol="XBTUSDTM")) == []


def test_what_names_no_symbol_changes_nothing():
    positions = Positions()
    positions.take(position(3, 1))
    assert positions.take(marked(101, 2, symbol="")) == []


changes = st.lists(
    st.tuples(st.sampled_from(["full", "mark"]), st.integers(-3, 3), st.integers(1, 2)), min_size=1, max_size=8
)


@given(changes, st.data())
@settings(max_examples=150, deadline=None)
def test_positions_end_as_the_whole_stream_wherever_the_list_comes(drawn, data):
    at, stream, whole = 0, [], [position(1, 0)]
    for kind, number, step in drawn:
        at += step
        stream.append(position(number, at) if kind == "full" else marked(100.0 + number, at))
        full = structs.replace(stream[-1]) if kind == "full" else structs.replace(
            whole[-1], mark_price=100.0 + number, current_timestamp_ms=START_MS + at
        )  # fmt: skip
        whole.append(full)
    made = data.draw(st.integers(0, len(stream)))
    comes = data.draw(st.integers(0, len(stream)))
    positions = Positions()
    positions.take(position(2, -9))
    positions.restart()
    for number in range(len(stream) + 1):
        if number == comes:
            positions.seed([whole[made]] if whole[made].current_qty else [])
        if number < len(stream):
            positions.take(stream[number])
            for again in data.draw(st.lists(st.sampled_from(stream[: number + 1]), max_size=2)):
                positions.take(again)
    last = whole[-1]
    shown = [(row.size, row.mark_price) for row in positions.rows()]
    assert shown == ([(last.current_qty, last.mark_price)] if last.current_qty else [])


# -- what is shared ------------------------------------------------------------------------------------------------


def test_the_newest_of_one_stamp_is_the_last_that_is_no_repetition():
    newest: Newest[str] = Newest()
    taken = [
        newest.offer(value, stamp, value)
        for value, stamp in [("a", (1, 0)), ("b", (1, 0)), ("a", (1, 0)), ("c", (0, 9)), ("d", (1, 1)), ("e", None)]
    ]
    assert taken == [True, True, False, False, True, True]
    assert (newest.value, newest.stamp) == ("e", (1, 1))


FAMILIES = {
    "spot_orders_v2": account.Order,
    "spot_orders_v1": account.Order,
    "futures_orders": futures_account.Order,
    "spot_stop_orders": account.StopOrder,
    "futures_stop_orders": futures_account.StopOrder,
    "account_balance": account.Balance,
    "futures_position": futures_account.Position,
}


@pytest.mark.parametrize("data", payloads.cases(*FAMILIES))
def test_real_messages_make_rows(data, request):
    family = request.node.callspec.id.rpartition("-")[0]
    message = decode(FAMILIES[family], msgspec.json.encode(msgspec.json.decode(data)["data"]))
    match message:
        case account.Balance():
            assert Balances().take(message)[0].currency == message.currency
        case futures_account.Position():
            assert len(Positions().take(message)) == (message.current_qty is not None and bool(message.symbol))
        case _:
            assert pushed(message).order_id == message.order_id
            assert Orders(5).take(pushed(message)) == [pushed(message)]
