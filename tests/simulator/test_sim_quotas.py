"""Quotas of REST calls and orders (protocol.md 8.1): what the exchange allows, and that our client keeps to it."""

import asyncio
import csv
import json
import re
import time
from pathlib import Path

import aiohttp
import pytest
import websockets
from click.testing import CliRunner
from sim_clients import headers, now_ms, receive, sign

import kucoin_stream as ks
from kucoin_stream.cli import main
from kucoin_stream.protocol.endpoints.pools import pool_of
from kucoin_stream.simulator import Clock, GeneratedMarket, Simulator, quotas
from kucoin_stream.simulator.quotas import POOLS, WEIGHTS, Pool, Quotas, Spent
from kucoin_stream.simulator.rest import FUTURES, tables
from kucoin_stream.simulator.trading.operations import OPERATIONS

pytestmark = pytest.mark.slow

TABLE = Path(__file__).resolve().parents[3] / "shared" / "rest.tsv"
TOO_MANY = "Too many requests in a short period of time, please retry later"


def test_a_window_begins_with_its_first_call_and_what_is_refused_costs_nothing():
    spent = Quotas(0.005)  # 10 of the public pool
    assert spent.spend("Public", 4, "here", 100.0) == Spent(True, 10, 6, 30_000)
    assert spent.spend("Public", 4, "here", 101.0) == Spent(True, 10, 2, 29_000)
    assert spent.spend("Public", 4, "here", 110.5) == Spent(False, 10, 2, 19_500)
    assert spent.spend("Public", 2, "here", 129.0) == Spent(True, 10, 0, 1_000)
    assert spent.spend("Public", 4, "here", 130.0) == Spent(True, 10, 6, 30_000)


def test_each_pool_and_each_client_has_its_own():
    spent = Quotas(0.001)
    assert spent.spend("Public", 2, "here", 0.0).remaining == 0
    assert spent.spend("Public", 2, "there", 0.0).granted
    assert spent.spend("Spot", 4, "here", 0.0) == Spent(True, 4, 0, 30_000)
    assert not spent.spend("Spot", 1, "here", 0.0).granted
    assert spent.spend("UTA", 1, "here", 0.0) == Spent(True, 1, 0, 3_000)


def test_a_call_that_weighs_more_than_all_of_it_is_granted_alone():
    spent = Quotas(0.001)
    assert spent.spend("Futures", 800, "me", 0.0) == Spent(True, 2, 0, 30_000)
    assert not spent.spend("Futures", 1, "me", 29.0).granted


def test_without_quotas_nothing_is_counted():
    assert Quotas(0.0).spend("Public", 10**6, "here", 0.0) is None


def test_the_exchanges_calls_count_against_the_pools_of_the_catalogue():
    if not TABLE.is_file():
        pytest.skip("the catalogue is not here")
    with TABLE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    known = {
        (row["host"], row["method"], re.sub(r"\{\w+\}", "*", row["path"])): row for row in rows if row["pool"] != "-"
    }
    wrong = {}
    for prefix, table in tables().items():
        for path, calls in table.items():
            host = "futures" if prefix else "spot"
            for method, call in calls.items():
                row = known.get((host, method, path.removeprefix(prefix)))
                if row is not None:
                    pool = pool_of(host, row["path"], signed=row["auth"] != "none")
                    if pool != row["pool"]:
                        wrong[host, method, call.path] = pool, row["pool"]
    assert wrong == {
        ("futures", "GET", "/api/v1/contracts/risk-limit/*"): ("Futures", "Public"),  # signed, but Public
    }


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_of_the_ws_api_weighs_as_its_call(operation):
    paths = {
        "spot.order": "/api/v1/hf/orders", "spot.sync_order": "/api/v1/hf/orders/sync",
        "spot.modify": "/api/v1/hf/orders/alter", "margin.order": "/api/v3/hf/margin/order",
        "futures.order": f"{FUTURES}/api/v1/orders", "futures.multi_order": f"{FUTURES}/api/v1/orders/multi",
    }  # fmt: skip
    if operation not in paths:
        assert Quotas().spend_order(operation, "me", 0.0).granted
        return
    path = paths[operation]
    assert WEIGHTS.get(operation, 1) == tables()[FUTURES if path.startswith(FUTURES) else ""][path]["POST"].weight


@pytest.mark.parametrize(
    ("options", "quota"), [([], 1.0), (["--rest-quota", "0"], 0.0), (["--rest-quota", "2.5"], 2.5)]
)
def test_the_command_line_scales_them(monkeypatch, options, quota):
    served = []
    monkeypatch.setattr(Simulator, "serve", lambda sim, plan: served.append((sim._options.rest_quota, plan)))
    CliRunner().invoke(main, ["sim", *options], catch_exceptions=False)
    assert served == [(quota, [])]


# -- over sockets --------------------------------------------------------------------------------------------------


async def asked(session, sim, path, method="GET", *, signed=False):
    sent = headers(sim.credentials, method, path) if signed else {}
    async with session.request(method, f"{sim.url}{path}", headers=sent) as answer:
        told = {name: answer.headers.get(f"gw-ratelimit-{name}") for name in ("limit", "remaining", "reset")}
        return answer.status, json.loads(await answer.text()), told


def test_over_the_quota_calls_are_refused_with_429_and_when_it_ends():
    async def scenario(sim):
        async with aiohttp.ClientSession() as session:
            for left in (5, 2):
                status, _, told = await asked(session, sim, "/api/v1/status")
                assert (status, told["limit"], told["remaining"]) == (200, "8", str(left))
            status, answer, told = await asked(session, sim, "/api/v1/status")
            assert (status, answer) == (429, {"code": "429000", "msg": TOO_MANY})
            assert (told["limit"], told["remaining"]) == ("8", "2")
            assert 0 < int(told["reset"]) <= 30_000
            status, answer, told = await asked(session, sim, "/api/v1/market/orderbook/level1?symbol=FOO-BAR")
            assert (status, answer["code"], told["remaining"]) == (400, "900001", "0")  # a mistake counts too
            status, _, told = await asked(session, sim, "/api/v1/accounts", signed=True)
            assert (status, told["limit"], told["remaining"]) == (200, "8", "3")
            status, _, told = await asked(session, sim, "/api/v1/accounts")
            assert (status, told["limit"]) == (400, None)  # nobody's

    with Simulator(GeneratedMarket(["BTC-USDT"]), rest_quota=0.004) as sim:
        asyncio.run(scenario(sim))


def test_quotas_can_be_switched_off():
    async def scenario(sim):
        async with aiohttp.ClientSession() as session:
            for _ in range(200):
                status, _, told = await asked(session, sim, "/api/v1/market/allTickers")
                assert (status, told["limit"]) == (200, None)

    with Simulator(GeneratedMarket(["BTC-USDT"]), rest_quota=0) as sim:
        asyncio.run(scenario(sim))


def test_orders_of_the_ws_api_share_the_quota_of_rest():
    async def scenario(sim):
        key, stamp = sim.credentials, str(now_ms())
        query = {"apikey": key.key, "sign": sign(key.key + stamp, key.secret), "timestamp": stamp}
        query["passphrase"] = sign(key.passphrase, key.secret)
        url = str(aiohttp.client.URL(sim.wsapi_url).with_query(query))
        async with aiohttp.ClientSession() as session, websockets.connect(url) as websocket:
            await websocket.send(sign(await websocket.recv(), key.secret))
            assert (await receive(websocket))["data"] == "welcome"
            await asked(session, sim, "/api/v1/hf/fills?symbol=BTC-USDT", signed=True)  # weighs 2
            args = {"symbol": "BTC-USDT", "side": "buy", "type": "market", "funds": "10"}
            answers = []
            for n in range(4):
                await websocket.send(json.dumps({"id": f"o{n}", "op": "spot.order", "args": args}))
                answers.append(await receive(websocket))
            assert [answer["code"] for answer in answers] == ["200000", "200000", "429000", "429000"]
            assert [answer["userRateLimit"]["remaining"] for answer in answers] == [1, 0, 0, 0]
            assert {answer["userRateLimit"]["limit"] for answer in answers} == {4}
            assert answers[2]["msg"] == TOO_MANY
            assert (await asked(session, sim, "/api/v1/hf/fills?symbol=BTC-USDT", signed=True))[0] == 429

    with Simulator(GeneratedMarket(["BTC-USDT"]), rest_quota=0.001) as sim:
        asyncio.run(scenario(sim))


# -- our client ----------------------------------------------------------------------------------------------------


@pytest.fixture
def short(monkeypatch):
    """Windows of a second instead of 30."""
    short = {name: Pool(pool.weight, 1.0) for name, pool in POOLS.items()}
    monkeypatch.setattr(quotas, "POOLS", short)


def calls_of(sim):
    """How many calls each path was asked."""
    return sim.statistics()["requests"]


@pytest.mark.usefixtures("short")
def test_the_clients_own_calls_wait_and_are_not_refused():
    with Simulator(GeneratedMarket(["BTC-USDT"]), rest_quota=0.01) as sim, ks.Client(sim.url) as client:  # 20 a second
        begun = time.monotonic()
        for _ in range(20):
            assert client.rest.spot_market.get_service_status()["status"] == "open"  # weighs 3
        assert time.monotonic() - begun > 1.5
        assert calls_of(sim)["/api/v1/status"] == 20


@pytest.mark.usefixtures("short")
def test_histories_snapshots_and_tokens_wait_and_nothing_is_lost():
    market = GeneratedMarket(["BTC-USDT", "ETH-USDT", "SOL-USDT"], seed=1, rate=3.0)
    with Simulator(market, rest_quota=0.01) as sim:
        known = sim.credentials
        with ks.Client(sim.url, key=known.key, secret=known.secret, passphrase=known.passphrase) as client:
            symbols = ["BTC-USDT", "ETH-USDT", "SOL-USDT"]
            bars = [client.klines(symbol, "1min", history=6000) for symbol in symbols]  # 5 calls each, of weight 3
            books = [client.book(symbol) for symbol in symbols]
            for frame in (*bars, *books):
                frame.wait(20)
            sim.faults.kill()
            until(lambda: all(frame.status == "live" for frame in (*bars, *books)), 20)
            assert all(len(frame.df) >= 6000 for frame in bars)
            calls = calls_of(sim)
            assert calls["/api/v1/market/candles"] <= 60  # 30, and some at once before the first refusal
            assert client.statistics()["rest_failures"] == 0


def until(condition, seconds):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_clock_that_is_told_what_to_do_has_nothing_to_do_with_quotas():
    async def scenario(sim):
        async with aiohttp.ClientSession() as session:
            await asked(session, sim, "/api/v1/status")
            sim.advance(60.0)
            sim.faults.clock_offset = 60.0
            assert (await asked(session, sim, "/api/v1/status"))[0] == 429

    with Simulator(GeneratedMarket(["BTC-USDT"]), clock=Clock(0.0), rest_quota=0.002) as sim:
        asyncio.run(scenario(sim))
