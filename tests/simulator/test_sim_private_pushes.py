"""Pushes as the account writes them, without sockets; the house's own messages read them."""

import json
from decimal import Decimal

import msgspec
import pytest
from sim_account import T0, Bench

from kucoin_stream.protocol.messages import account, futures_account, pro_account
from kucoin_stream.protocol.messages.mending import decode_payload
from kucoin_stream.simulator.capture import CaptureMarket
from kucoin_stream.simulator.futures.perpetual import FUNDING_INTERVAL
from kucoin_stream.simulator.market import RestError
from kucoin_stream.simulator.trading.account import DEBT_PERIOD, Account
from kucoin_stream.simulator.trading.tickets import FuturesTicket, SpotTicket


class Reader(Bench):
    """A bench whose account is read on some topics."""

    def __init__(self, *topics):
        super().__init__("BTC-USDT")
        self.account.want(frozenset(topics))

    def read(self, kind):
        """Return what was pushed since the last call: topic, subject and the message."""
        frames = [(push.topic, json.loads(push.text)) for push in self.account.pushes()]
        return [
            (topic, frame.get("subject"), decode_payload(kind, json.dumps(frame.get("data", frame.get("d"))).encode()))
            for topic, frame in frames
        ]


def test_nothing_is_written_that_nobody_reads():
    bench = Reader("/market/match:BTC-USDT")
    bench.spot(type="market", funds="100")
    bench.futures(type="market", size=1)
    bench.move(2)
    assert bench.account.pushes() == []


def test_the_debt_of_a_margin_account_comes_every_four_seconds_until_it_is_paid():
    bench = Reader("/margin/position")
    bench.account.spot.borrow("margin", "USDT", Decimal(100), bench.now)
    ((_, subject, debt),) = bench.read(account.DebtRatio)
    assert (subject, debt.debt_list["USDT"]) == ("debt.ratio", 100)
    bench.move(3 * DEBT_PERIOD / 10**9)
    assert len(bench.read(account.DebtRatio)) == 3
    bench.account.spot.repay("margin", "USDT", Decimal(1000), bench.now)
    assert [debt.debt_ratio for *_, debt in bench.read(account.DebtRatio)] == [0]
    bench.move(20)
    assert bench.read(account.DebtRatio) == []


def test_a_funding_fee_is_told_on_both_topics_of_a_position():
    topics = ("/contract/position:XBTUSDTM", "/contract/positionAll")
    bench = Reader()
    bench.futures(type="market", size=5)
    end = (bench.now // FUNDING_INTERVAL + 1) * FUNDING_INTERVAL
    bench.now = end - 10**9
    bench.move(0.1)
    bench.account.want(frozenset(topics))
    bench.account.pushes()
    bench.move(1)
    frames = [json.loads(push.text) for push in bench.account.pushes()]
    fees = [frame for frame in frames if frame["subject"] == "position.settlement"]
    assert [frame["topic"] for frame in fees] == list(topics)
    fee = msgspec.convert(fees[0]["data"], futures_account.PositionSettlement, strict=False)
    assert (fee.symbol, fee.qty, fee.settle_currency, fee.ts_ns) == ("XBTUSDTM", 5, "USDT", end)
    assert (fee.funding_fee < 0) == (fee.funding_rate > 0)


def test_a_new_mark_price_tells_a_part_of_a_position_only():
    bench = Reader("/contract/positionAll")
    bench.futures(type="market", size=5)
    (_, _, whole), *_ = bench.read(futures_account.Position)
    bench.move(2)
    (_, subject, part), *_ = bench.read(futures_account.Position)
    assert (subject, whole.current_qty, part.current_qty, part.settle_currency) == ("position.change", 5, None, "USDT")
    assert whole.realised_pnl == -whole.current_comm


def test_cross_positions_lack_what_is_for_isolated_ones():
    bench = Reader("/contract/positionAll")
    bench.futures(type="market", size=5, margin_mode="CROSS")
    (push,) = bench.account.pushes()
    data = json.loads(push.text)["data"]
    assert (data["crossMode"], data["marginMode"]) == (True, "CROSS")
    assert not {"autoDeposit", "riskLimit", "realLeverage", "posCross", "posLoss", "maintMargin"} & data.keys()


def test_futures_stop_orders_are_told():
    bench = Reader("/contractMarket/advancedOrders", "orderAll.FUTURES")
    ticket = FuturesTicket(symbol="XBTUSDTM", side="buy", type="market", size=1, stop="down", stop_price="1000")
    stop = bench.account.futures.stop(ticket, bench.now)
    bench.account.futures.drop(stop, bench.now)
    bench.account.futures.stop(msgspec.structs.replace(ticket, size=10**7, stop="up"), bench.now)
    frames = [json.loads(push.text) for push in bench.account.pushes()]
    told = [msgspec.convert(each["data"], futures_account.StopOrder, strict=False) for each in frames if "data" in each]
    assert [(each.type, each.trigger_success) for each in told] == [
        ("open", None), ("cancel", None), ("open", None), ("triggered", False),
    ]  # fmt: skip
    assert told[-1].error.startswith("Order quantity is too high")
    orders = [msgspec.convert(each["d"], pro_account.Order, strict=False) for each in frames if "d" in each]
    assert [(order.event, order.status) for order in orders[:2]] == [("OPEN", 0), ("CANCEL", 5)]
    assert (orders[0].trigger_direction, orders[0].trigger_price, orders[0].trigger_type) == ("DOWN", 1000, "TP")


def test_a_triggered_stop_is_told_before_its_order():
    bench = Reader("orderAll.SPOT")
    bench.account.spot.stop(
        SpotTicket(symbol="BTC-USDT", side="sell", type="market", size="0.00001", stop="entry", stop_price="1"),
        bench.now,
    )
    assert [order.event for *_, order in bench.read(pro_account.Order)] == ["OPEN", "TRIGGER", "OPEN", "FILL"]


def test_a_leverage_is_told_on_pro_and_a_liquidation_warned_of():
    bench = Reader("leverage.UNIFIED", "lw.FUTURES")
    bench.account.futures.settings.set_leverage("XBTUSDTM", 7, bench.now)
    ((topic, _, leverage),) = bench.read(pro_account.Leverage)
    assert (topic, leverage.symbol, leverage.leverage) == ("leverage.UNIFIED", "XBTUSDTM", 7)
    bench.futures(type="market", size=5, leverage=125)
    bench.account.futures.position("XBTUSDTM").leverage = Decimal(200)
    bench.move(1)
    warnings = [each for *_, each in bench.read(pro_account.LiquidationWarning)]
    assert {each.event for each in warnings} <= {"MARGIN_CALL", "FORCE_LIQUIDATION"}
    assert warnings


@pytest.mark.parametrize(
    ("name", "channels"),
    [("main", ["balance.FUNDING"]), ("trade", ["balance.UNIFIED", "balance.SPOT"]), ("margin", ["balance.CROSS"]),
     ("isolated/BTC-USDT", ["balance.ISOLATED"]), ("futures", ["balance.FUTURES"])],
)  # fmt: skip
def test_every_account_type_has_its_pro_balance(name, channels):
    bench = Reader(*(f"balance.{kind}" for kind in ("FUNDING", "UNIFIED", "SPOT", "CROSS", "ISOLATED", "FUTURES")))
    bench.account.deposit("USDT", Decimal("1.5"), name, bench.now)
    told = bench.read(pro_account.Balance)
    assert [topic for topic, *_ in told] == channels
    balance = told[0][2]
    assert (balance.currency, balance.balance) == ("USDT", balance.available + balance.hold)
    assert balance.updated_ns // 10**6 == T0 // 10**6


def test_on_a_recording_there_is_money_and_no_trade(tmp_path):
    path = tmp_path / "capture.jsonl"
    push = {"type": "message", "topic": "/market/match:BTC-USDT", "subject": "trade.l3match", "data": {}}
    path.write_text(json.dumps({"t": 1000, "kind": "ws", "dir": "in", "message": push}))
    market = CaptureMarket(path)
    market.start(T0)
    owner = Account(market)
    owner.advance(T0)
    assert owner.balances()["trade"]["USDT"].available == 100_000
    with pytest.raises(RestError, match="200001"):
        owner.spot.place(SpotTicket(symbol="BTC-USDT", side="buy", type="market", funds="1"), T0)
    with pytest.raises(RestError, match="100003"):
        owner.futures.place(FuturesTicket(symbol="XBTUSDTM", side="buy", type="market", size=1), T0)
    assert owner.margin.cross_accounts("USDT", T0)["totalAssetOfQuoteCurrency"] == "20000"
