"""What other people's clients send, and read of the answers: found by running them (tests/clients)."""

import asyncio
import json

import pytest
from sim_clients import data

from kucoin_stream.protocol.signing import sign
from kucoin_stream.simulator import GeneratedMarket, Simulator
from kucoin_stream.simulator.account import SIMULATED
from kucoin_stream.simulator.rest import Request, Rest
from kucoin_stream.simulator.trading.account import Account

T0 = 1_795_307_183_250_000_000  # ns
T0_MS = T0 // 1_000_000
MINUTE_S = 60


@pytest.fixture(scope="module")
def rest():
    market = GeneratedMarket(["BTC-USDT", "ETH-BTC"], seed=4)
    market.start(T0)
    return Rest(market, Account(market), SIMULATED, lambda *_: None)


def ask(rest, path):
    answer = rest.answer(Request("GET", path, {}), T0)
    return answer.status, json.loads(answer.body)


def got(rest, path):
    status, answer = ask(rest, path)
    assert (status, answer["code"]) == (200, "200000"), answer
    return answer["data"]


def one(rest, path):
    (row,) = got(rest, path)["list"]
    return row


def test_instruments_are_the_symbols_in_other_words(rest):
    row = one(rest, "/api/ua/v1/market/instrument?tradeType=SPOT&symbol=BTC-USDT")
    symbol = got(rest, "/api/v2/symbols/BTC-USDT")
    named = {
        "baseOrderStep": "baseIncrement", "quoteOrderStep": "quoteIncrement", "tickSize": "priceIncrement",
        "minBaseOrderSize": "baseMinSize", "minQuoteOrderSize": "quoteMinSize", "priceLimitRatio": "priceLimitRate",
    }  # fmt: skip
    assert {name: row[name] for name in named} == {name: symbol[old] for name, old in named.items()}
    assert (row["tradingStatus"], row["marginMode"]) == ("1", "1")


def test_instruments_are_the_contracts_in_other_words(rest):
    rows = {row["symbol"]: row for row in got(rest, "/api/ua/v1/market/instrument?tradeType=FUTURES")["list"]}
    straight, inverse = rows["XBTUSDTM"], rows["XBTUSDM"]
    shown = ("tickSize", "lotSize", "unitSize", "makerFeeRate", "takerFeeRate", "isInverse", "settlementCurrency")
    assert [straight[name] for name in shown] == ["0.1", "1", "0.001", "0.00020", "0.00060", False, "USDT"]
    assert [inverse[name] for name in shown] == ["0.1", "1", "1", "0.00020", "0.00060", True, "XBT"]


@pytest.mark.parametrize(
    ("kind", "symbol", "day", "names"),
    [
        ("SPOT", "BTC-USDT", "/api/v1/market/stats?symbol=BTC-USDT", ("last", "high", "low", "vol", "volValue")),
        ("FUTURES", "XBTUSDTM", "/futures/api/v1/contracts/XBTUSDTM",
         ("lastTradePrice", "highPrice", "lowPrice", "volumeOf24h", "turnoverOf24h")),
    ],
)  # fmt: skip
def test_a_ticker_is_the_statistics_and_the_top_of_the_book(rest, kind, symbol, day, names):
    whole = got(rest, f"/api/ua/v1/market/ticker?tradeType={kind}&symbol={symbol}")
    (row,), statistics = whole["list"], got(rest, day)
    shown = ("lastPrice", "high", "low", "baseVolume", "quoteVolume")
    assert [float(row[name]) for name in shown] == pytest.approx([float(statistics[name]) for name in names])
    assert float(row["open"]) + float(row["priceChange"]) == pytest.approx(float(row["lastPrice"]))
    assert float(row["bestBidPrice"]) < float(row["bestAskPrice"])
    assert (whole["tradeType"], whole["ts"]) == (kind, T0_MS)


def test_percent_is_a_ratio_on_spot_and_percent_on_futures(rest):
    for kind, symbol, whole in (("SPOT", "BTC-USDT", 1), ("FUTURES", "XBTUSDTM", 100)):
        row = one(rest, f"/api/ua/v1/market/ticker?tradeType={kind}&symbol={symbol}")
        ratio = float(row["priceChange"]) / float(row["open"])
        assert float(row["priceChangePercent"]) == pytest.approx(ratio * whole, abs=1e-4 * whole)


@pytest.mark.parametrize(
    ("kind", "symbol", "classic", "time"),
    [
        ("SPOT", "BTC-USDT", "/api/v1/market/histories?symbol=BTC-USDT", "time"),
        ("FUTURES", "XBTUSDTM", "/futures/api/v1/trade/history?symbol=XBTUSDTM", "ts"),
    ],
)
def test_trades_are_those_of_the_classic_call(rest, kind, symbol, classic, time):
    rows = got(rest, f"/api/ua/v1/market/trade?tradeType={kind}&symbol={symbol}")["list"]
    assert [(row["sequence"], row["tradeId"], row["price"], row["size"], row["side"], row["ts"]) for row in rows] == [
        (str(row["sequence"]), str(row["sequence"]), str(row["price"]), str(row["size"]), row["side"], row[time])
        for row in got(rest, classic)
    ]


def test_bars_of_contracts_have_the_columns_of_spots(rest):
    path = "/api/ua/v1/market/kline?tradeType=FUTURES&symbol=XBTUSDTM&interval=1min"
    rows = got(rest, f"{path}&startAt={T0_MS // 1000 - 5 * MINUTE_S}&endAt={T0_MS // 1000}")["list"]
    begin = T0_MS // 1000 // MINUTE_S * MINUTE_S
    assert [int(row[0]) for row in rows] == [begin - number * MINUTE_S for number in range(5)]
    bars = got(rest, f"/futures/api/v1/kline/query?symbol=XBTUSDTM&granularity=1&from={(begin - 240) * 1000}")
    assert [[float(each) for each in row[1:]] for row in reversed(rows)] == [
        pytest.approx([opened, closed, high, low, volume, turnover])
        for _, opened, high, low, closed, volume, turnover in bars
    ]


def test_bars_of_spot_are_those_of_the_classic_call(rest):
    query = f"symbol=BTC-USDT&startAt={T0_MS // 1000 - 10 * MINUTE_S}&endAt={T0_MS // 1000}"
    rows = got(rest, f"/api/ua/v1/market/kline?tradeType=SPOT&interval=1min&{query}")["list"]
    assert rows == got(rest, f"/api/v1/market/candles?type=1min&{query}")
    assert len(rows) == 10


def test_the_rate_of_funding_in_both_versions(rest):
    old, (new,) = (got(rest, f"/api/ua/v{version}/market/funding-rate?symbol=XBTUSDTM") for version in (1, 2))
    classic = got(rest, "/futures/api/v1/funding-rate/XBTUSDTM/current")
    assert (old["nextFundingRate"], old["fundingTime"]) == (classic["value"], classic["fundingTime"])
    assert new == old | {
        "nextFundingRate": f"{classic['value']:.6f}".rstrip("0"),
        "fundingRateCap": "0.003",
        "fundingRateFloor": "-0.003",
    }
    contracts = [row["symbol"] for row in got(rest, "/futures/api/v1/contracts/active")]
    assert [row["symbol"] for row in got(rest, "/api/ua/v2/market/funding-rate")] == contracts


def test_open_interest_of_all_contracts_or_of_those_named(rest):
    interest = {row["symbol"]: row["openInterest"] for row in got(rest, "/futures/api/v1/contracts/active")}
    rows = got(rest, "/api/ua/v1/market/open-interest")
    assert {row["symbol"]: row["openInterest"] for row in rows} == interest
    named = got(rest, "/api/ua/v1/market/open-interest?symbol=XBTUSDM,XBTUSDTM")
    assert {row["symbol"] for row in named} == {"XBTUSDM", "XBTUSDTM"}


def test_chains_have_their_newer_names(rest):
    (old,), (new,) = (
        got(rest, "/api/v3/currencies/BTC")["chains"],
        got(rest, "/api/ua/v1/market/currency?currency=BTC")["list"],
    )
    assert (new["minWithdrawSize"], new["minWithdrawFee"]) == (old["withdrawalMinSize"], old["withdrawalMinFee"])
    assert [row["currency"] for row in got(rest, "/api/ua/v1/asset/currencies")] == [
        row["currency"] for row in got(rest, "/api/v3/currencies")
    ]


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("server/status?tradeType=MOON", "400100"),
        ("server/status", "400100"),
        ("market/instrument", "400100"),
        ("market/ticker?tradeType=CROSS", "400100"),
        ("market/ticker?tradeType=SPOT&symbol=NO-SUCH", "900001"),
        ("market/ticker?tradeType=FUTURES&symbol=BTC-USDT", "100003"),
        ("market/trade?tradeType=SPOT", "400100"),
        ("market/kline?tradeType=SPOT&symbol=BTC-USDT&interval=7min", "400100"),
        ("market/kline?tradeType=FUTURES&symbol=NOPE&interval=1min", "100003"),
        ("market/currency?currency=NOPE", "900003"),
        ("market/funding-rate?symbol=BTC-USDT", "100003"),
        ("market/funding-rate-history?symbol=NOPE", "100003"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_sentence(rest, path, code):
    status, answer = ask(rest, f"/api/ua/v1/{path}")
    assert (status, answer["code"], bool(answer["msg"])) == (400, code, True)


@pytest.mark.parametrize("symbol", ["BTC-USDT", "ETH-BTC"])
def test_the_call_about_all_symbols_has_what_live_answers_have(rest, symbol):
    row = next(row for row in got(rest, "/api/v1/market/allTickers")["ticker"] if row["symbol"] == symbol)
    assert float(row["open"]) + float(row["changePrice"]) == pytest.approx(float(row["last"]))
    assert (row["priceChange"], row["priceChangePercent"]) == (row["changePrice"], row["changeRate"])
    assert float(row["lastSize"]) == float(got(rest, f"/api/v1/market/orderbook/level1?symbol={symbol}")["size"])


def test_contracts_have_all_that_captured_ones_have(rest, payloads):
    captured = next(row for row in payloads("rest_futures_contracts")[0]["data"] if row["symbol"] == "XBTUSDTM")
    row = got(rest, "/futures/api/v1/contracts/XBTUSDTM")
    assert set(row) >= set(captured)
    constant = ("displaySymbol", "fundingRateCap", "period", "marketStage", "orderPriceRange", "adjustK", "assetClass")
    assert {name: row[name] for name in constant} == {name: captured[name] for name in constant}
    assert row["nextFundingRateDateTime"] == T0_MS + row["nextFundingRateTime"]


def test_the_abandoned_call_about_the_cross_account_has_the_rows_of_the_current_one():
    with Simulator(GeneratedMarket(["BTC-USDT"], seed=1)) as sim:
        paths = "/api/v1/margin/account", "/api/v3/margin/accounts"
        old, new = (asyncio.run(data(sim, path, signed=True)) for path in paths)
    assert old["debtRatio"] == new["debtRatio"]
    names = ("currency", "total", "available", "hold", "liability", "maxBorrowSize")
    old_names = ("currency", "totalBalance", "availableBalance", "holdBalance", "liability", "maxBorrowSize")
    rows = [tuple(row[name] for name in names) for row in new["accounts"]]
    assert [tuple(row[name] for name in old_names) for row in old["accounts"]] == rows
    assert "USDT" in [row[0] for row in rows]


async def on_its_own_host(sim):
    base = sim.futures_url
    whole = await data(sim, "/api/v1/ticker?symbol=XBTUSDTM", base=base)
    orders = await data(sim, "/api/v1/orders?symbol=XBTUSDTM&status=active", base=base, signed=True)
    bullet = await data(sim, "/api/v1/bullet-public", "POST", base=base)
    return whole["symbol"], orders["items"], bullet["instanceServers"][0]["endpoint"]


def test_futures_have_a_host_of_their_own_for_clients_that_drop_the_path_of_a_url():
    """kucoin-futures-python joins with ``urljoin``, so that nothing of ``/futures`` is left."""
    with Simulator(GeneratedMarket(["BTC-USDT"], seed=1), futures_port=0) as sim:
        host = sim.url.removeprefix("http")
        assert sim.futures_url.count("/") == 2
        assert sim.futures_url != sim.url
        assert asyncio.run(on_its_own_host(sim)) == ("XBTUSDTM", [], f"ws{host}/futures/endpoint")
    with Simulator(GeneratedMarket(["BTC-USDT"], seed=1)) as sim:
        assert sim.futures_url == f"{sim.url}/futures"
        assert asyncio.run(on_its_own_host(sim))[0] == "XBTUSDTM"


def signed(method, target):
    """Headers as clients make them that put ``target`` into the signature."""
    return {
        "KC-API-KEY": SIMULATED.key,
        "KC-API-SIGN": sign(f"{T0_MS}{method}{target}", SIMULATED.secret),
        "KC-API-TIMESTAMP": str(T0_MS),
        "KC-API-PASSPHRASE": sign(SIMULATED.passphrase, SIMULATED.secret),
        "KC-API-KEY-VERSION": "2",
    }


@pytest.mark.parametrize(
    ("wire", "covered"),
    [
        ("/api/v1/accounts?", "/api/v1/accounts"),  # kucoin-node-sdk
        ("/api/v1/accounts?", "/api/v1/accounts?"),
        ("/api/v1/trade-fees?symbols=BTC-USDT%2CETH-BTC", "/api/v1/trade-fees?symbols=BTC-USDT,ETH-BTC"),
        ("/api/v1/trade-fees?symbols=BTC-USDT%2CETH-BTC", "/api/v1/trade-fees?symbols=BTC-USDT%2CETH-BTC"),
    ],
)
def test_a_signature_covers_the_path_in_each_way_that_clients_write_it(rest, wire, covered):
    answer = rest.answer(Request("GET", wire, signed("GET", covered)), T0)
    assert (answer.status, json.loads(answer.body)["code"]) == (200, "200000")


def test_a_signature_of_another_query_is_refused(rest):
    answer = rest.answer(Request("GET", "/api/v1/accounts?type=main", signed("GET", "/api/v1/accounts")), T0)
    assert (answer.status, json.loads(answer.body)["code"]) == (401, "400005")


@pytest.mark.parametrize(
    ("agent", "encrypt"),
    [
        ("python-kucoin", None),  # these hand it on to websockets as ``ssl``
        ("kucoin-python-sdk/1.0.26", None),
        ("kucoin-futures-python-sdk/1.0.14", None),
        ("KuCoin-BOT/HuangJacky", None),  # kucoin-python-aio
        ("Kucoin-Universal-Python-SDK/1.3.2", False),
        ("python-requests/2.32", False),
        ("", False),
    ],
)
@pytest.mark.parametrize("prefix", ["", "/futures"])
def test_what_a_token_says_of_encryption_is_what_the_client_can_take(agent, encrypt, prefix):
    server = {"endpoint": "ws://127.0.0.1/endpoint", "encrypt": False, "pingInterval": 18_000}
    market = GeneratedMarket(["BTC-USDT"], seed=4)
    market.start(T0)
    token = {"token": "t", "instanceServers": [server]}
    rest = Rest(market, Account(market), SIMULATED, lambda *_: token)
    request = Request("POST", f"{prefix}/api/v1/bullet-public", {"User-Agent": agent} if agent else {})
    told = json.loads(rest.answer(request, T0).body)["data"]
    assert told == {"token": "t", "instanceServers": [server | {"encrypt": encrypt}]}
