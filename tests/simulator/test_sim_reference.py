"""What clients ask before they trade, and lists that stay empty: every row answers as it is read."""

import asyncio
from decimal import Decimal
from itertools import pairwise

import pytest
from sim_clients import data

from kucoin_stream.simulator import GeneratedMarket, Simulator
from kucoin_stream.simulator.trading.reference_calls import FUTURES_REFERENCE_CALLS, REFERENCE_CALLS

PLACES = {"/api/v1/mark-price/*/current": "BTC-USDT", "/api/v1/contracts/risk-limit/*": "XBTUSDTM"}
QUERIES = {
    "/api/v1/trade-fees": "?symbols=BTC-USDT,NO-SUCH",
    "/api/v1/contract/funding-rates": "?symbol=XBTUSDTM&from=0",
    "/api/v1/margin/maxWithdrawMargin": "?symbol=XBTUSDTM",
    "/api/v2/getMaxOpenSize": "?symbol=XBTUSDTM",
}


@pytest.fixture(scope="module")
def sim():
    with Simulator(GeneratedMarket(["BTC-USDT", "ETH-USDT"], seed=2)) as sim:
        yield sim


def asked(sim, call, base, query=None):
    path = call.path.replace("*", PLACES.get(call.path, ""))
    query = QUERIES.get(call.path, "") if query is None else query
    return asyncio.run(data(sim, f"{path}{query}", base=base, signed=call.signed))


@pytest.mark.parametrize("call", REFERENCE_CALLS, ids=lambda call: call.path)
def test_spot_answers(sim, call):
    answer = asked(sim, call, sim.url)
    assert answer is None or isinstance(answer, dict | list | str)


@pytest.mark.parametrize(
    "call", [call for call in FUTURES_REFERENCE_CALLS if call.method == "GET"], ids=lambda call: call.path
)
def test_futures_answer(sim, call):
    query = "?symbol=XBTUSDTM" if call.path == "/api/v1/trade-fees" else None
    assert isinstance(asked(sim, call, sim.futures_url, query), dict | list | str)


def get(sim, path, base=None, *, signed=True):
    return asyncio.run(data(sim, path, base=base or sim.url, signed=signed))


def test_ccxt_learns_that_the_account_is_a_classic_one(sim):
    assert get(sim, "/api/ua/v1/account/mode") == {"selfAccountMode": "CLASSIC"}


def test_fees_are_of_symbols_that_exist(sim):
    fees = get(sim, "/api/v1/trade-fees?symbols=BTC-USDT,NO-SUCH")
    assert fees == [{"symbol": "BTC-USDT", "takerFeeRate": "0.001", "makerFeeRate": "0.001"}]


def test_funding_rates_are_those_that_were_settled(sim):
    rates = get(sim, "/api/v1/contract/funding-rates?symbol=XBTUSDTM&from=0", sim.futures_url, signed=False)
    times = [row["timepoint"] for row in rates]
    assert len(times) == 100
    assert {before - after for before, after in pairwise(times)} == {28_800_000}
    perpetual = sim.market.futures.perpetuals["XBTUSDTM"]
    assert rates[0]["fundingRate"] == perpetual.settled_rate((times[0] - 1) * 1_000_000)


def test_the_high_frequency_account_has_a_name_of_its_own_too(sim):
    rows = get(sim, "/api/v1/accounts?type=trade_hf")
    assert {row["currency"]: row["type"] for row in rows}["BTC"] == "trade_hf"
    balances = {row["currency"]: row["balance"] for row in get(sim, "/api/v1/accounts?type=trade")}
    assert {row["currency"]: row["balance"] for row in rows} == balances


def test_the_ledger_tells_what_came_and_went(sim):
    before = Decimal(get(sim, "/api/v1/accounts?type=trade&currency=ETH")[0]["balance"])
    sim.account.place("ETH-USDT", "buy", size="0.01")
    rows = get(sim, "/api/v1/accounts/ledgers?currency=ETH")["items"]
    assert (rows[0]["amount"], rows[0]["direction"], rows[0]["bizType"]) == ("0.01", "in", "TRADE_EXCHANGE")
    assert Decimal(rows[0]["balance"]) == before + Decimal("0.01")
    fast = get(sim, "/api/v1/hf/accounts/ledgers?currency=ETH")
    assert fast == [row | {"createdAt": str(row["createdAt"])} for row in rows]  # text there; rest.md, time


def test_every_symbol_has_a_mark_price(sim):
    rows = get(sim, "/api/v3/mark-price/all-symbols", signed=False)
    assert {row["symbol"] for row in rows} == {"BTC-USDT", "ETH-USDT"}
    assert all(row["value"] > 0 for row in rows)
