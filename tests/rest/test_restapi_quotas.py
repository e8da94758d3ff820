"""Many calls at once keep within their quotas, against a server that counts as KuCoin does (protocol.md 8.1)."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

import kucoin_stream as ks
from kucoin_stream.protocol.endpoints.quota import Quota
from kucoin_stream.rest.api import RestApi
from tests.transport.test_rest import OddExchange, serve

WINDOW = 0.5  # seconds
POOLS = {
    "/api/v3/currencies": "Public",
    "/api/v3/deposit-addresses": "Management",
    "/api/v3/hf/margin/orders/active": "Spot",
}
TOO_MANY = {"code": "429000", "msg": "Too many requests in a short period of time, please retry later"}


class Counting(OddExchange):
    """Counts calls by pool in windows that begin with a call; refuses what is over ``limit``, or in an overload."""

    def __init__(self) -> None:
        super().__init__()
        self.limit = 20
        self.overloaded = 0  # calls that are refused without headers
        self.served: Counter[str] = Counter()
        self.refused: list[float] = []
        self.windows: dict[str, tuple[float, int]] = {}  # by pool: when it ends, how many were counted

    async def rest(self, request: web.Request) -> web.StreamResponse:
        if (pool := POOLS.get(request.path)) is None:
            return await super().rest(request)
        now = time.monotonic()
        if self.overloaded:
            self.overloaded -= 1
            self.refused.append(now)
            return web.Response(status=429, text=json.dumps(TOO_MANY))
        ends, count = self.windows.get(pool, (0.0, 0))
        if now >= ends:
            ends, count = now + WINDOW, 0
        count += 1
        self.windows[pool] = ends, count
        headers = {"gw-ratelimit-limit": str(self.limit), "gw-ratelimit-remaining": str(max(self.limit - count, 0)),
                   "gw-ratelimit-reset": str(max(round((ends - now) * 1000), 1))}  # fmt: skip
        if count > self.limit:
            self.refused.append(now)
            return web.Response(status=429, text=json.dumps(TOO_MANY), headers=headers)
        self.served[pool] += 1
        return web.Response(text=json.dumps({"code": "200000", "data": []}), headers=headers)


@pytest.fixture
def exchange() -> Counting:
    return Counting()


@pytest.fixture
def rest(exchange: Counting) -> Iterator[RestApi]:
    with serve(exchange) as url, ks.Client(url, key="k" * 24, secret="a-secret", passphrase="a-phrase") as client:
        yield client.rest


def calls_of(rest: RestApi) -> list[Callable[[], Any]]:
    return [
        rest.spot_market.get_all_currencies,
        lambda: rest.deposit.get_deposit_address_v3("USDT"),
        lambda: rest.margin_order.get_open_orders("BTC-USDT", "MARGIN_TRADE"),
    ]


def at_once(calls: list[Callable[[], Any]]) -> None:
    with ThreadPoolExecutor(len(calls)) as threads:
        for asked in [threads.submit(call) for call in calls]:
            asked.result(30)


def test_many_threads_and_pools_wait_for_their_windows(rest: RestApi, exchange: Counting) -> None:
    at_once(calls_of(rest) * 50)
    assert exchange.served == dict.fromkeys(POOLS.values(), 50)
    assert len(exchange.refused) <= 3  # of what a window's end and a call on its way may differ


def test_a_quota_that_others_used_up_is_found_out_by_one_call(rest: RestApi, exchange: Counting) -> None:
    exchange.windows["Management"] = (time.monotonic() + 2 * WINDOW, exchange.limit)
    at_once([lambda: rest.deposit.get_deposit_address_v3("USDT")] * 15)
    assert exchange.served == {"Management": 15}
    assert len(exchange.refused) == 1


def test_an_overload_is_asked_less_and_less_by_one_call_at_a_time(rest: RestApi, exchange: Counting) -> None:
    exchange.overloaded = 3
    at_once([lambda: rest.deposit.get_deposit_address_v3("USDT")] * 15)
    assert exchange.served == {"Management": 15}
    gaps = [later - sooner for sooner, later in zip(exchange.refused, exchange.refused[1:], strict=False)]
    assert len(gaps) == 2
    assert gaps[0] >= 0.5
    assert gaps[1] >= 1.0


def test_without_headers_nothing_is_waited_for() -> None:
    quota = Quota()
    quota.spend(1)
    assert quota.wait(1, 0.0) > 0  # what the first answer says
    quota.done(1)
    quota.seen({}, 0.1)
    quota.spend(500)
    assert quota.wait(500, 0.2) == 0


@given(st.permutations(range(8)))
def test_answers_in_any_order_leave_the_same(order: list[int]) -> None:
    quota = Quota()
    for _ in order:
        quota.spend(1)
    for number in order:
        quota.done(1)
        quota.seen({"gw-ratelimit-remaining": str(11 - number), "gw-ratelimit-reset": "5000"}, 0.1)
    assert (quota.wait(4, 0.2), quota.wait(5, 0.2) > 0) == (0, True)


def test_a_call_heavier_than_a_window_goes_alone() -> None:
    quota = Quota()
    quota.seen({"gw-ratelimit-limit": "200", "gw-ratelimit-remaining": "0", "gw-ratelimit-reset": "1000"}, 0.0)
    assert quota.wait(800, 0.5) == pytest.approx(0.5)
    assert quota.wait(800, 1.0) == 0


def test_an_address_that_is_shut_out_waits_in_all_pools() -> None:
    quota = Quota()
    quota.hold(30.0)
    assert quota.wait(1, 10.0) == 20.0
    assert quota.wait(1, 30.0) == 0
