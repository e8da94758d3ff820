"""Margin accounts in debt: interest, renewal, warning, liquidation, and what is told about them."""

import contextlib
import csv
import json
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sim_account import SECOND, T0, Bench

from kucoin_stream.protocol.signing import rest_headers, rest_message, sign
from kucoin_stream.simulator import Clock, GeneratedMarket, Simulator
from kucoin_stream.simulator.account import SIMULATED
from kucoin_stream.simulator.market import RestError
from kucoin_stream.simulator.marks import index, mark, reverse
from kucoin_stream.simulator.rest import Request, Rest
from kucoin_stream.simulator.trading.ledger import ISOLATED
from kucoin_stream.simulator.trading.loans import HOUR, TERM, hourly_rate
from kucoin_stream.simulator.trading.margin import LIQUIDATED
from kucoin_stream.simulator.trading.tickets import SpotTicket

CATALOGUE = Path(__file__).resolve().parents[3] / "shared" / "rest.tsv"
D = Decimal
CROSS, PAIR = "margin", f"{ISOLATED}BTC-USDT"
MARGIN = {"trade_type": "MARGIN_TRADE"}
ALONE = {"trade_type": "MARGIN_ISOLATED_TRADE"}


class Desk(Bench):
    """A bench with margin accounts, what is pushed about them, and REST."""

    def __init__(self, *topics, symbols=("BTC-USDT", "ETH-USDT")):
        super().__init__(*symbols)
        self.account.want(frozenset(topics))
        self.rest = Rest(self.market, self.account, SIMULATED, lambda *_: {})
        self.account.advance(T0)

    def pushed(self):
        """Subjects (or Pro's T) and data of what was pushed since the last call."""
        frames = [json.loads(push.text) for push in self.account.pushes()]
        return [(frame.get("subject", frame.get("T")), frame.get("data", frame.get("d"))) for frame in frames]

    def jump(self, time_ns):
        """Let time pass at once: the market's trades of it are skipped."""
        self.now = time_ns
        self.market.advance(self.now, frozenset())
        self.account.advance(self.now)

    def borrow(self, currency, amount, account=CROSS):
        return self.account.margin.loans.borrow(account, currency, D(amount), self.now)

    def leave(self, account, currency, amount):
        """Let an account have so much of a currency, and no more."""
        self.account.deposit(currency, D(amount) - self.have(account, currency).available, account, self.now)

    def ratio(self, account=CROSS):
        return self.account.margin.ratio(account, self.now)

    def ask(self, method, target, body=None, *, signed=True):
        text = "" if body is None else json.dumps(body)
        stamp = self.now // 1_000_000
        headers = rest_headers(
            key=SIMULATED.key, timestamp_ms=stamp, passphrase=sign(SIMULATED.passphrase, SIMULATED.secret),
            signature=sign(rest_message(stamp, method, target, text), SIMULATED.secret),
        )  # fmt: skip
        answer = self.rest.answer(Request(method, target, headers if signed else {}, text), self.now)
        return json.loads(answer.body)

    def data(self, method, target, body=None, *, signed=True):
        answer = self.ask(method, target, body, signed=signed)
        assert answer["code"] == "200000", answer
        return answer["data"]


@pytest.fixture
def desk():
    return Desk()


def endangered(*topics, account=CROSS, debt="USDT"):
    """A desk whose account owes so much that it is liquidated with the next look."""
    desk = Desk(*topics)
    if debt == "USDT":
        desk.leave(account, "USDT", 0)
        value = desk.have(account, "BTC").total * D(str(mark(desk.market.traded("BTC-USDT"), desk.now)))
        desk.borrow("USDT", value * D("0.98"), account)
    else:
        desk.leave(account, "BTC", 0)
        value = desk.have(account, "USDT").total / D(str(mark(desk.market.traded("BTC-USDT"), desk.now)))
        desk.borrow("BTC", (value * D("0.98")).quantize(D("1e-8")), account)
    desk.leave(account, debt, 0)  # it was lost elsewhere
    desk.pushed()
    return desk


# --- interest -----------------------------------------------------------------------------------------------------


def test_a_debt_costs_interest_by_the_hour(desk):
    desk.borrow("USDT", 1000)
    desk.borrow("BTC", 1, PAIR)
    first = (desk.now // HOUR + 1) * HOUR
    desk.jump(first - SECOND)
    assert desk.have(CROSS, "USDT").liability == 1000
    desk.jump(first + 2 * HOUR)
    loans, owed = desk.account.margin.loans, D(1000)
    for _ in range(3):
        owed += (owed * hourly_rate("USDT")).quantize(D("1e-8"), "ROUND_UP")
    assert desk.have(CROSS, "USDT").liability == owed
    assert loans.interest(CROSS, "USDT") == owed - 1000
    assert loans.interest(PAIR, "BTC") == D("0.00000902")  # 0.000003 an hour, on what is owed then, rounded up
    assert [record.time_ns for record in loans.charged if record.account == CROSS] == [
        first, first + HOUR, first + 2 * HOUR,
    ]  # fmt: skip


def test_what_is_repaid_pays_the_interest_first(desk):
    desk.borrow("USDT", 1000)
    desk.jump((desk.now // HOUR + 1) * HOUR)
    loans = desk.account.margin.loans
    interest = loans.interest(CROSS, "USDT")
    part = loans.repay(CROSS, "USDT", D(100), desk.now)
    assert (part.size, part.interest, loans.interest(CROSS, "USDT")) == (100, interest, 0)
    rest = loans.repay(CROSS, "USDT", D(10_000), desk.now)
    assert (rest.size, rest.interest) == (900 + interest, 0)
    assert (desk.have(CROSS, "USDT").liability, list(loans.debts())) == (0, [])


def test_an_order_that_borrows_and_one_that_repays_are_noted(desk):
    desk.leave(CROSS, "USDT", 0)
    desk.spot(type="market", funds="500", auto_borrow=True, **MARGIN)
    size = f"{desk.have(CROSS, 'BTC').available - D('0.5'):.8f}"
    desk.spot(side="sell", type="market", size=size, auto_repay=True, **MARGIN)
    loans = desk.account.margin.loans
    assert [(record.currency, record.size) for record in loans.borrowed] == [("USDT", D("500.5"))]
    assert sum(record.size for record in loans.repaid) == D("500.5") - desk.have(CROSS, "USDT").liability


def test_rest_tells_what_was_borrowed_repaid_and_charged(desk):
    borrowed = desk.data("POST", "/api/v3/margin/borrow", {"currency": "USDT", "size": 50, "timeInForce": "FOK"})
    alone = {"currency": "BTC", "size": 0.01, "timeInForce": "IOC", "isIsolated": True, "symbol": "BTC-USDT"}
    desk.data("POST", "/api/v3/margin/borrow", alone)
    desk.jump((desk.now // HOUR + 1) * HOUR)
    repaid = desk.data("POST", "/api/v3/margin/repay", {"currency": "USDT", "size": "20"})
    (row,) = desk.data("GET", "/api/v3/margin/borrow?currency=USDT")["items"]
    assert row == {
        "orderNo": borrowed["orderNo"], "symbol": "", "currency": "USDT", "size": "50", "actualSize": "50",
        "status": "SUCCESS", "createdTime": T0 // 10**6,
    }  # fmt: skip
    (row,) = desk.data("GET", f"/api/v3/margin/repay?currency=USDT&orderNo={repaid['orderNo']}")["items"]
    assert (row["size"], row["principal"], row["interest"]) == ("20", "19.999375", "0.000625")
    (row,) = desk.data("GET", "/api/v3/margin/interest?currency=USDT")["items"]
    assert row == {
        "currency": "USDT", "dayRatio": "0.0003", "interestAmount": "0.000625", "createdTime": desk.now // 10**6,
    }  # fmt: skip
    page = desk.data("GET", "/api/v3/margin/interest?isIsolated=true&symbol=BTC-USDT&startTime=1&endTime=9")
    assert (page["totalNum"], page["items"], page["timestamp"]) == (0, [], desk.now // 10**6)
    assert desk.data("GET", "/api/v3/margin/borrow?isIsolated=true")["items"][0]["symbol"] == "BTC-USDT"
    (asset,) = [row for row in desk.data("GET", "/api/v3/margin/accounts")["accounts"] if row["currency"] == "USDT"]
    assert (asset["liability"], asset["liabilityPrincipal"], asset["liabilityInterest"]) == ("30.000625",) * 2 + ("0",)


def test_the_rates_are_those_that_are_charged(desk):
    (row,) = desk.data("GET", "/api/v3/margin/borrowRate?currency=USDT")["items"]
    assert row == {"currency": "USDT", "hourlyBorrowRate": "0.0000125", "annualizedBorrowRate": "0.1095"}


@pytest.mark.parametrize(
    ("account", "body", "leverage"),
    [(CROSS, {}, 5), (PAIR, {"isIsolated": True, "symbol": "BTC-USDT"}, 10)],
)
def test_no_more_is_lent_than_the_leverage_allows(desk, account, body, leverage):
    own = desk.account.margin.worth(account, "USDT", desk.now)
    order = {"currency": "USDT", "size": 900_000, **body}
    assert desk.ask("POST", "/api/v3/margin/borrow", order | {"timeInForce": "FOK"})["code"] == "130203"
    lent = desk.data("POST", "/api/v3/margin/borrow", order | {"timeInForce": "IOC"})
    assert D(lent["actualSize"]) == own.assets * (leverage - 1)
    assert desk.ask("POST", "/api/v3/margin/borrow", order | {"timeInForce": "IOC"})["code"] == "130203"
    with pytest.raises(RestError, match="200004"):
        desk.account.spot.borrow(account, "USDT", D(1), desk.now)


def test_a_loan_is_renewed_at_the_end_of_its_term():
    desk = Desk("/margin/position", "/margin/isolatedPosition:BTC-USDT")
    desk.borrow("USDT", 1000)
    desk.borrow("USDT", 500, PAIR)
    desk.jump(desk.now + TERM - HOUR)
    loans, interest = desk.account.margin.loans, desk.account.margin.loans.interest(CROSS, "USDT")
    assert interest > 0
    desk.pushed()
    desk.now += HOUR - SECOND
    desk.move(2)
    told = desk.pushed()
    assert [data["type"] for subject, data in told if subject == "position.status"] == [
        "FROZEN_RENEW", "UNFROZEN_RENEW",
    ]  # fmt: skip
    assert [data["status"] for subject, data in told if subject == "positionChange"][-2:] == ["IN_AUTO_RENEW", "DEBT"]
    assert loans.interest(CROSS, "USDT") == 0
    assert loans.borrowed[-2].size == desk.have(CROSS, "USDT").liability > 1000 + interest
    desk.move(2)
    assert "position.status" not in [subject for subject, _ in desk.pushed()]


# --- the limit ----------------------------------------------------------------------------------------------------


def test_an_account_at_the_limit_is_warned_and_liquidated_in_a_plausible_order():
    desk = endangered("/margin/position", "/spotMarket/tradeOrdersV2", "lw.CROSS", "balance.CROSS")
    resting = desk.spot(side="sell", price="99999", size="0.1", **MARGIN)
    desk.pushed()
    desk.move(1)
    told = desk.pushed()
    steps = [data.get("type") if subject in ("position.status", "orderChange") else data["eT"]
             for subject, data in told if subject in ("position.status", "orderChange", "lw.CROSS")]  # fmt: skip
    assert steps[:4] == ["FORCE_LIQUIDATION", "FROZEN_FL", "canceled", "received"]
    assert set(steps[4:-2]) == {"match"}
    assert steps[-2:] == ["filled", "UNFROZEN_FL"]
    assert (resting.active, resting.cancel_reason) == (False, "LIQUIDATION")
    holdings = {name: desk.have(CROSS, name) for name in ("BTC", "USDT")}
    assert (holdings["USDT"].liability, holdings["BTC"].total) == (0, 0)
    assert holdings["USDT"].available > 0
    assert told[-1][0] == "position.status"
    ratios = [data["debtRatio"] for subject, data in told if subject == "debt.ratio"]
    assert ratios[0] >= LIQUIDATED
    assert ratios[-1] == 0
    assert any(subject == "balance.CROSS" and data["l"] == "0" for subject, data in told)


def test_what_was_borrowed_is_bought_back():
    desk = endangered(debt="BTC")
    desk.move(3)
    assert desk.have(CROSS, "BTC").liability == 0
    assert [record.currency for record in desk.account.margin.loans.repaid] == ["BTC"]
    assert desk.account.spot.orders.fills[-1].order.side == "buy"


def test_a_liquidation_takes_as_long_as_the_book_needs():
    desk = Desk("/margin/position", symbols=("BTC-USDT", "KCS-BTC"))
    desk.leave(CROSS, "USDT", 0)
    desk.leave(CROSS, "BTC", 0)
    desk.account.deposit("KCS", D(200_000), CROSS, desk.now)  # more than the thin book takes at once
    desk.borrow("USDT", desk.account.margin.worth(CROSS, "USDT", desk.now).assets * D("0.98"))
    desk.leave(CROSS, "USDT", 0)
    desk.pushed()
    desk.move(1)
    assert desk.account.keeper.frozen == {CROSS}
    order = {"symbol": "BTC-USDT", "side": "buy", "type": "market", "funds": "10", "clientOid": "x"}
    assert desk.ask("POST", "/api/v3/hf/margin/order", order)["code"] == "130202"
    assert desk.ask("POST", "/api/v3/margin/borrow", {"currency": "USDT", "size": 1})["code"] == "130203"
    assert desk.data("GET", "/api/v1/accounts/transferable?currency=KCS&type=MARGIN")["transferable"] == "0"
    assert desk.data("POST", "/api/v1/hf/orders", order)["clientOid"] == "x"  # spot goes on
    owed = desk.have(CROSS, "USDT").liability
    desk.move(5)
    assert desk.have(CROSS, "USDT").liability < owed
    desk.leave(CROSS, "USDT", owed)
    desk.data("POST", "/api/v3/margin/repay", {"currency": "USDT", "size": str(owed)})
    desk.pushed()
    desk.move(1)
    assert [data.get("type") for _, data in desk.pushed()] == ["UNFROZEN_FL"]
    assert desk.have(CROSS, "KCS").available > 0


def test_stop_orders_of_a_liquidated_account_go_and_others_stay():
    desk = endangered()
    tickets = [SpotTicket(symbol="BTC-USDT", side="buy", price="9", size="1", stop="loss", stop_price="9", **kind)
               for kind in (MARGIN, ALONE, {}, MARGIN | {"is_isolated": True})]  # fmt: skip
    stops = [desk.account.spot.stop(ticket, desk.now) for ticket in tickets]
    desk.move(1)
    assert [stop.id in desk.account.spot.stops for stop in stops] == [False, True, True, True]


def test_an_isolated_account_is_liquidated_alone():
    desk = endangered("/margin/isolatedPosition:BTC-USDT", "/margin/position", "lw.ISOLATED", account=PAIR)
    cross = {name: desk.have(CROSS, name) for name in ("BTC", "USDT")}
    desk.move(1)
    told = desk.pushed()
    states = [(data["status"], data["statusBizType"]) for subject, data in told if subject == "positionChange"]
    assert set(states[:-1]) == {("IN_LIQUIDATION", "FORCE_LIQUIDATION")}
    assert states[-1] == ("CLEAR", "FORCE_LIQUIDATION")
    assert [data["eT"] for subject, data in told if subject == "lw.ISOLATED"] == ["FORCE_LIQUIDATION"]
    assert {name: desk.have(CROSS, name) for name in ("BTC", "USDT")} == cross
    assert not [subject for subject, _ in told if subject in ("debt.ratio", "position.status")]


def test_an_account_that_cannot_pay_is_in_liability_until_somebody_pays():
    desk = endangered("/margin/position")
    desk.leave(CROSS, "BTC", "0.1")
    desk.move(3)
    told = [data["type"] for subject, data in desk.pushed() if subject == "position.status"]
    assert told == ["FROZEN_FL", "UNFROZEN_FL", "LIABILITY"]
    owed = desk.have(CROSS, "USDT").liability
    assert owed > 0
    assert desk.data("GET", "/api/v3/margin/accounts")["status"] == "BANKRUPTCY"
    desk.move(3)
    assert [data for subject, data in desk.pushed() if subject == "position.status"] == []
    desk.account.transfer("USDT", owed, "trade", CROSS, desk.now)
    desk.account.margin.loans.repay(CROSS, "USDT", owed, desk.now)
    desk.move(1)
    told = [data["type"] for subject, data in desk.pushed() if subject == "position.status"]
    assert told == ["UNLIABILITY"]


def test_a_warning_comes_once_before_the_limit():
    desk = Desk("lw.CROSS", "lw.UNIFIED")
    desk.leave(CROSS, "USDT", 0)
    worth = desk.account.margin.worth(CROSS, "USDT", desk.now)
    desk.borrow("USDT", worth.assets * D("0.96"))
    desk.leave(CROSS, "USDT", 0)
    desk.move(3)
    told = desk.pushed()
    assert [(tag, data["eT"]) for tag, data in told] == [("lw.UNIFIED", "MARGIN_CALL"), ("lw.CROSS", "MARGIN_CALL")]
    data = told[0][1]
    assert D(data["a"]) == D(data["e"]) - D(data["l"])
    assert D("0.95") < D(data["r"]) < LIQUIDATED


def test_an_account_in_debt_keeps_what_its_leverage_needs(desk):
    desk.borrow("USDT", 100_000)
    quota = desk.data("GET", "/api/v1/accounts/transferable?currency=USDT&type=MARGIN")
    assert D(quota["transferable"]) < D(quota["available"]) == 120_000
    with pytest.raises(RestError, match="200004"):
        desk.account.transfer("USDT", D(quota["available"]), CROSS, "main", desk.now)
    desk.account.transfer("USDT", D(quota["transferable"]), CROSS, "main", desk.now)
    assert desk.ratio() <= D("0.8")


STEPS = st.one_of(
    st.tuples(st.just("borrow"), st.sampled_from([CROSS, PAIR]), st.sampled_from(["BTC", "USDT"]), st.integers(1, 99)),
    st.tuples(st.just("lose"), st.sampled_from([CROSS, PAIR]), st.sampled_from(["BTC", "USDT"]), st.integers(1, 100)),
    st.tuples(st.just("trade"), st.sampled_from([CROSS, PAIR]), st.sampled_from(["buy", "sell"]), st.integers(1, 90)),
    st.tuples(st.just("repay"), st.sampled_from([CROSS, PAIR]), st.sampled_from(["BTC", "USDT"]), st.integers(1, 99)),
    st.tuples(st.just("wait"), st.just(CROSS), st.just(""), st.integers(1, 40)),
)


RUIN = [("borrow", CROSS, "BTC", 80), ("lose", CROSS, "BTC", 100), ("wait", CROSS, "", 1)]
RESCUE = [
    ("borrow", PAIR, "USDT", 99),
    ("trade", PAIR, "buy", 90),
    ("lose", PAIR, "USDT", 100),
    ("wait", CROSS, "", 30),
]


@settings(max_examples=15, deadline=None)
@given(st.lists(STEPS, max_size=20))
@example([*RUIN, ("trade", CROSS, "buy", 9), *RESCUE])
def test_no_coin_is_made_or_lost_by_borrowing_interest_and_liquidation(steps):
    desk = Desk(symbols=("BTC-USDT",))
    net = {(account, name): desk.have(account, name).total for account in (CROSS, PAIR) for name in ("BTC", "USDT")}
    for kind, account, which, share in steps:
        match kind:
            case "borrow":
                allowed = desk.account.margin.allowance(account, which, desk.now)
                if amount := (allowed * share / 100).quantize(D("1e-8")):
                    desk.borrow(which, amount, account)
            case "lose":
                amount = (desk.have(account, which).available * share / 100).quantize(D("1e-8"))
                desk.account.deposit(which, -amount, account, desk.now)
                net[account, which] -= amount
            case "trade":
                give = "USDT" if which == "buy" else "BTC"
                have = desk.have(account, give).available * share / 100
                amount = {"funds": f"{have:.6f}"} if which == "buy" else {"size": f"{have:.8f}"}
                with contextlib.suppress(RestError):  # too little
                    desk.spot(side=which, type="market", **amount, **(MARGIN if account == CROSS else ALONE))
            case "repay":
                owed = desk.have(account, which).liability
                desk.account.margin.loans.repay(account, which, owed * share / 100, desk.now)
            case "wait":
                desk.jump(desk.now + share * HOUR)
                desk.move(1)
    for fill in desk.account.spot.orders.fills:
        sign = 1 if fill.order.side == "buy" else -1
        net[fill.order.account, "BTC"] += sign * D(fill.fill.size).scaleb(-8)
        net[fill.order.account, "USDT"] -= sign * fill.value + fill.fee
    loans = desk.account.margin.loans
    for record in loans.charged:
        net[record.account, record.currency] -= record.size
    for (account, name), expected in net.items():
        held = desk.have(account, name)
        assert held.total - held.liability == expected
        assert 0 <= loans.interest(account, name) <= held.liability
        lent, paid = (
            sum(each.size - each.interest for each in records if (each.account, each.currency) == (account, name))
            for records in (loans.borrowed, loans.repaid)
        )
        assert lent - paid == held.liability - loans.interest(account, name)


# --- index and mark price -----------------------------------------------------------------------------------------


def indicators(seed, seconds=40, wanted=("index", "markPrice")):
    market = GeneratedMarket(["BTC-USDT", "KCS-BTC"], seed=seed)
    market.start(T0)
    topics = frozenset(f"/indicator/{kind}:{pair}" for kind in wanted for pair in ("BTC-USDT", "USDT-BTC", "KCS-BTC"))
    texts, last = [], []
    for now in range(T0, T0 + seconds * SECOND, SECOND // 10):
        texts += [push.text for push in market.advance(now, topics)]
        last.append(market.instrument("BTC-USDT").number(market.instrument("BTC-USDT").flow.last.price))
    return market, [json.loads(text) for text in texts], last


def of(frames, topic):
    return [frame["data"]["value"] for frame in frames if frame["topic"] == f"/indicator/{topic}"]


def test_index_and_mark_follow_the_price_and_have_values_of_their_own():
    market, frames, last = indicators(3)
    values, marks = of(frames, "index:BTC-USDT"), of(frames, "markPrice:BTC-USDT")
    assert len(values) == len(marks) == 40
    assert len(set(values)) > 20
    assert not set(values) & set(last)
    middle = sum(last) / len(last)
    assert all(abs(value / middle - 1) < 0.005 for value in (*values, *marks))
    moves = [sum(abs(after - before) for before, after in pairwise(each)) for each in (values, marks)]
    assert moves[1] < moves[0]  # the mark price is the calmer one
    assert of(frames, "markPrice:USDT-BTC") == [reverse(value) for value in marks]
    assert of(frames, "index:KCS-BTC")[-1] == pytest.approx(0.00013468, rel=0.01)
    instrument = market.instrument("BTC-USDT")
    moment = market._now_ns // SECOND * SECOND
    assert (index(instrument, moment + 5), mark(instrument, moment + 5)) == (values[-1], marks[-1])


def test_index_and_mark_are_the_same_with_the_same_seed_whoever_reads_them():
    _, frames, _ = indicators(4)
    assert frames == indicators(4)[1]
    assert of(indicators(4, wanted=("markPrice",))[1], "markPrice:BTC-USDT") == of(frames, "markPrice:BTC-USDT")
    assert of(indicators(5)[1], "index:BTC-USDT") != of(frames, "index:BTC-USDT")


def test_one_order_moves_the_last_price_but_hardly_the_mark_price(desk):
    desk.move(12)
    instrument = desk.market.traded("BTC-USDT")
    before = mark(instrument, desk.now)
    desk.spot(type="market", size="2", side="sell")
    desk.move(1)
    last = float(instrument.price(min(fill.price for fill in instrument.trades)))
    assert abs(mark(instrument, desk.now) / before - 1) < abs(last / before - 1)


def test_rest_says_what_the_topic_says(desk):
    instrument = desk.market.traded("BTC-USDT")
    row = desk.data("GET", "/api/v1/mark-price/BTC-USDT/current", signed=False)
    assert row["value"] == mark(instrument, desk.now)
    assert row in desk.data("GET", "/api/v3/mark-price/all-symbols", signed=False)


# --- what anybody may ask -----------------------------------------------------------------------------------------


def test_margin_symbols_need_no_signature(desk):
    cross = desk.data("GET", "/api/v3/margin/symbols?symbol=BTC-USDT", signed=False)
    assert [row["symbol"] for row in cross["items"]] == ["BTC-USDT"]
    assert {row["symbol"] for row in desk.data("GET", "/api/v1/isolated/symbols", signed=False)} == {
        "BTC-USDT", "ETH-USDT",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("query", "balance"),
    [
        ("currency=USDT&type=MAIN", "10000"),
        ("currency=BTC&type=TRADE", "2"),
        ("currency=USDT&type=MARGIN", "20000"),
        ("currency=BTC&type=MARGIN_V2", "0.5"),
        ("currency=BTC&type=ISOLATED&tag=BTC-USDT", "0.1"),
        ("currency=BTC&type=ISOLATED_V2", "0.1"),
        ("currency=SHIB&type=MAIN", "0"),
    ],
)
def test_what_may_be_transferred_is_what_the_account_has(desk, query, balance):
    row = desk.data("GET", f"/api/v1/accounts/transferable?{query}")
    assert (row["balance"], row["available"], row["holds"], row["transferable"]) == (balance, balance, "0", balance)
    assert desk.ask("GET", "/api/v1/accounts/transferable?currency=BTC&type=NONE")["code"] == "400100"


def test_risk_limits_are_there(desk):
    (row,) = desk.data("GET", "/api/v3/margin/currencies?isIsolated=false&currency=BTC")
    assert (row["currency"], row["borrowMaxAmount"], row["borrowEnabled"]) == ("BTC", "1000000", True)
    (row,) = desk.data("GET", "/api/v3/margin/currencies?isIsolated=true&symbol=BTC-USDT")
    assert (row["symbol"], row["baseMaxBorrowAmount"], row["quoteBorrowEnabled"]) == ("BTC-USDT", "1000000", True)


ROWS = [
    ("/api/v3/margin/borrow", "?currency=USDT"),
    ("/api/v3/margin/repay", "?currency=USDT"),
    ("/api/v3/margin/interest", "?currency=USDT"),
    ("/api/v3/margin/borrowRate", ""),
    ("/api/v3/margin/accounts", ""),
    ("/api/v3/isolated/accounts", ""),
    ("/api/v3/margin/symbols", ""),
    ("/api/v1/isolated/symbols", ""),
    ("/api/v1/margin/config", ""),
    ("/api/v1/accounts/transferable", "?currency=USDT&type=MARGIN"),
    ("/api/v3/mark-price/all-symbols", ""),
    ("/api/v1/mark-price/{symbol}/current", "BTC-USDT"),
]
TYPES = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "object": dict}


@pytest.mark.parametrize(("path", "query"), ROWS)
def test_rows_have_the_fields_and_types_of_the_catalogue(desk, path, query):
    if not CATALOGUE.is_file():
        pytest.skip("the catalogue of REST is not here")
    with CATALOGUE.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        row = next(row for row in rows if (row["host"], row["method"], row["path"]) == ("spot", "GET", path))
    desk.borrow("USDT", 100)
    desk.jump((desk.now // HOUR + 1) * HOUR)
    desk.account.margin.loans.repay(CROSS, "USDT", D(10), desk.now)
    target = path.replace("{symbol}", query) if "{symbol}" in path else path + query
    answer = desk.data("GET", target, signed=row["auth"] != "none")
    found = answer[row["rows_key"]] if row["rows_key"] else answer
    (first, *_) = found if isinstance(found, list) else [found]
    for name, kind in json.loads(row["response"])["item_fields"].items():
        if "newer" not in kind and "." not in name and kind.split()[0] in TYPES:
            assert isinstance(first[name], TYPES[kind.split()[0]]), name


def test_interest_follows_the_virtual_clock():
    with Simulator(GeneratedMarket(["BTC-USDT"]), clock=Clock(0.0, T0)) as sim:
        owed = sim._trade(lambda account, now_ns: account.margin.loans.borrow(CROSS, "USDT", D(1000), now_ns)).size
        sim.advance(3)
        assert sim.account.balances()[CROSS]["USDT"].liability == owed
        sim._trade(lambda account, now_ns: account.advance((now_ns // HOUR + 1) * HOUR))
        assert sim.account.balances()[CROSS]["USDT"].liability == owed + D("0.0125")
