"""Quotas, refusals, lost answers and secrets, against a server that answers as it is told."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import web

import kucoin_stream as ks
from kucoin_stream.errors import RemoteProtocolError, RequestError, ResponseError, UnreachableError, UsageError
from kucoin_stream.protocol.signing import rest_message, sign
from kucoin_stream.rest import progress
from kucoin_stream.rest.api import RestApi
from kucoin_stream.transport import caller
from kucoin_stream.transport.venue import of_region
from tests.transport.test_rest import OddExchange, serve

SECRET = "a-secret-of-the-test"


class Scripted(OddExchange):
    """Answers calls below ``/api/v3`` as told, one after the other, and the last one for ever; keeps what was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.script: list[tuple[int, Any, dict[str, str]]] = [(200, {"code": "200000", "data": {}}, {})]
        self.asked: list[tuple[str, str, str, dict[str, str]]] = []
        self.times: list[float] = []

    async def rest(self, request: web.Request) -> web.StreamResponse:
        if not request.path.startswith("/api/v3/"):
            return await super().rest(request)
        self.times.append(time.monotonic())
        self.asked.append((request.method, request.path_qs, await request.text(), dict(request.headers)))
        status, body, headers = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if status == 0:
            request.transport.close()
        return web.Response(
            status=status or 200, text=body if isinstance(body, str) else json.dumps(body), headers=headers
        )


@pytest.fixture
def exchange() -> Scripted:
    return Scripted()


@pytest.fixture
def rest(exchange: Scripted) -> Iterator[RestApi]:
    with serve(exchange) as url:
        client = ks.Client(url, key="k" * 24, secret=SECRET, passphrase="a-passphrase", reconnect_delay=0.02)
        exchange.script = [(200, {"code": "200000", "data": None}, {})]
        yield RestApi(client.open())
        client.close()


OK = (200, {"code": "200000", "data": {"good": 1}}, {})
TOO_MANY = {"code": "429000", "msg": "Too many requests in a short period of time, please retry later"}


def quota(left: int, reset_ms: int) -> dict[str, str]:
    return {"gw-ratelimit-limit": "2000", "gw-ratelimit-remaining": str(left), "gw-ratelimit-reset": str(reset_ms)}


# -- quota -------------------------------------------------------------------------------------------------------


def test_a_used_up_quota_is_waited_for(rest, exchange):
    exchange.script = [(200, OK[1], quota(0, 300)), OK]
    rest.get("/api/v3/a")
    rest.get("/api/v3/b")
    assert 0.25 < exchange.times[1] - exchange.times[0] < 3


@pytest.mark.parametrize("headers", [quota(0, 250), {}])
def test_a_refusal_for_too_many_calls_is_waited_out(rest, exchange, headers):
    exchange.script = [(429, TOO_MANY, headers), (429, TOO_MANY, headers), OK]
    assert rest.get("/api/v3/a") == {"good": 1}
    gaps = [later - sooner for sooner, later in zip(exchange.times, exchange.times[1:], strict=False)]
    assert len(gaps) == 2
    assert all(gap >= 0.2 for gap in gaps)


def test_waiting_ends(rest, exchange, monkeypatch):
    monkeypatch.setattr(caller, "PATIENCE", 0.2)
    exchange.script = [(429, TOO_MANY, quota(0, 60_000))]
    with pytest.raises(ResponseError, match=r"HTTP 429, code 429000: Too many .*wait, then ask less often"):
        rest.get("/api/v3/a")
    with pytest.raises(RequestError, match=r"GET /api/v3/b: the quota of spot is used up for (60|59) s; try then"):
        rest.get("/api/v3/b")
    assert len(exchange.asked) == 1


def test_pools_do_not_wait_for_each_other(rest, exchange, monkeypatch):
    monkeypatch.setattr(caller, "PATIENCE", 0.2)
    exchange.script = [(200, {"code": "200000", "data": []}, quota(0, 60_000))]
    assert rest.spot_market.get_all_currencies().empty  # of the public pool
    assert rest.deposit.get_deposit_address_v3("USDT").empty  # of the management's
    with pytest.raises(RequestError, match="the quota of Public is used up"):
        rest.spot_market.get_all_currencies()


def test_cloudflares_page_is_known(rest, exchange, monkeypatch):
    monkeypatch.setattr(caller, "PATIENCE", 0.2)
    exchange.script = [(429, "<html>error code: 1015</html>", {})]
    with pytest.raises(ResponseError, match="code 1015: this address is shut out for 30 s"):
        rest.get("/api/v3/a")


# -- answers that are none ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        ((200, {"code": "200004", "msg": "Too little"}, {}), ResponseError, "code 200004: Too little .the bal"),
        ((400, {"code": 999, "msg": None}, {}), ResponseError, "HTTP 400, code 999: no reason given"),
        ((403, "<html>", {}), ResponseError, "HTTP 403, code -: forbidden from here"),
        ((200, "<html>", {}), RemoteProtocolError, "not JSON"),
        ((0, "", {}), UnreachableError, "closed the connection before answering"),
    ],
)  # fmt: skip
def test_what_went_wrong_is_said_once_and_nothing_is_repeated(rest, exchange, answer, error, message):
    exchange.script = [answer]
    rest.arm("margin_debit", target="url")
    with pytest.raises(error, match=message):
        rest.margin_debit.borrow(currency="USDT", size="10", time_in_force="IOC")
    assert [asked[0] for asked in exchange.asked] == ["POST"]


def test_pages_without_what_they_go_by_are_an_error(rest, exchange):
    exchange.script = [(200, {"code": "200000", "data": {"totalPage": "many", "items": [{"id": "1"}]}}, {})]
    with pytest.raises(RemoteProtocolError, match="get_margin_stop_orders_list: rows without what pages go by"):
        rest.margin_order.get_margin_stop_orders_list()


# -- what is sent ------------------------------------------------------------------------------------------------


def test_the_signature_covers_what_is_sent(rest, exchange):
    rest.arm("other", target="url")
    rest.post("/api/v3/a", {"remark": "ä b", "price": 0.1})
    rest.delete("/api/v3/b", {"name": "ä b,c"}, body=["x"])
    rest.get("/api/v3/c", {"since": 5, "all": True})
    for method, target, body, headers in exchange.asked:
        message = rest_message(int(headers["KC-API-TIMESTAMP"]), method, target, body)
        assert headers["KC-API-SIGN"] == sign(message, SECRET)
        assert headers["Content-Type"] == "application/json"
    assert [asked[1:3] for asked in exchange.asked] == [
        ("/api/v3/a", '{"remark":"ä b","price":0.1}'),
        ("/api/v3/b?name=%C3%A4+b,c", '["x"]'),
        ("/api/v3/c?since=5&all=true", ""),
    ]


def test_public_calls_are_not_signed(rest, exchange):
    exchange.script = [(200, {"code": "200000", "data": []}, {})]
    rest.spot_market.get_all_currencies()
    assert not any(name.startswith("KC-API") for name in exchange.asked[0][3])


def test_a_clock_that_is_off_is_set_once(rest, exchange):
    exchange.script = [(401, {"code": "400002", "msg": "Invalid KC-API-TIMESTAMP"}, {})]
    with pytest.raises(ResponseError, match=r"400002.*this machine's clock"):
        rest.get("/api/v3/a")
    assert len(exchange.asked) == 2
    assert int(exchange.asked[1][3]["KC-API-TIMESTAMP"]) // 1000 == pytest.approx(exchange.now, abs=5)


def test_no_secret_is_in_an_error(rest, exchange):
    exchange.script = [(400, {"code": "400005", "msg": f"bad {SECRET} and a-passphrase"}, {})]
    with pytest.raises(ResponseError) as caught:
        rest.get("/api/v3/a")
    assert SECRET not in str(caught.value)
    assert "a-passphrase" not in str(caught.value)


def test_the_background_thread_stays_free_while_a_call_waits(rest, exchange):
    """A call that waits for its quota does so in its caller's thread."""
    exchange.script = [(200, OK[1], quota(0, 400)), OK]
    rest.get("/api/v3/a")
    engine = rest._client.engine

    async def both() -> float:
        waiting = asyncio.ensure_future(rest._caller.perform(caller.Call("spot", "GET", "/api/v3/b"), lambda: True))
        began = time.monotonic()
        await asyncio.sleep(0)
        answered = time.monotonic() - began
        await waiting
        return answered

    assert engine.call(both) < 0.2


def test_a_call_that_was_interrupted_while_it_waited_is_not_sent(rest, exchange):
    rest.get("/api/v3/a")
    with pytest.raises(RequestError, match="GET /api/v3/b: interrupted, and not sent"):
        rest._client.engine.call(rest._caller.perform, caller.Call("spot", "GET", "/api/v3/b"), lambda: False)
    assert len(exchange.asked) == 1


@pytest.mark.parametrize(
    ("delay", "watched", "shown"), [(0, True, True), (0, False, False), (60, True, False)],
    ids=["long", "in a log", "short"],
)  # fmt: skip
def test_a_long_list_shows_how_far_it_is_to_who_looks(rest, exchange, monkeypatch, capsys, delay, watched, shown):
    monkeypatch.setattr(progress, "_DELAY", delay)
    monkeypatch.setattr(progress, "watched", lambda: watched)
    pages = [{"items": [{"id": str(number)}], "totalPage": 3} for number in range(3)]
    exchange.script = [(200, {"code": "200000", "data": page}, {}) for page in pages]
    orders = rest.margin_order.get_margin_stop_orders_list()
    assert orders["id"].tolist() == ["0", "1", "2"]
    assert ("margin_order.get_margin_stop_orders_list: 100%" in capsys.readouterr().err) is shown


def test_tests_run_where_nobody_looks():
    assert not progress.watched()


def test_calls_from_the_background_thread_are_refused(rest):
    with pytest.raises(Exception, match="would wait for itself"):
        rest._client.engine.call(rest.get, "/api/v3/a")


def test_a_region_without_futures_says_so(rest, monkeypatch):
    monkeypatch.setattr(rest._client.engine, "venue", of_region("EU"))
    with pytest.raises(UsageError, match="KuCoin EU offers classic spot and margin only"):
        rest.futures_market.get_all_symbols()


def test_a_recording_answers_no_calls(rest, monkeypatch):
    monkeypatch.setattr(rest._client.engine, "deck", object())
    with pytest.raises(UsageError, match="a recording answers no calls of your own"):
        rest.spot_market.get_market_list()
    monkeypatch.undo()
