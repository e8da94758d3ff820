"""REST against a server that says odd things, and sockets that lead elsewhere."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from aiohttp import web

import kucoin_stream as ks
from kucoin_stream import opening
from kucoin_stream.errors import ResponseError, UsageError
from tests.conftest import until

SYMBOL = {"symbol": "A-B", "name": "A-B", "baseCurrency": "A", "quoteCurrency": "B", "priceIncrement": "0.1"}
MINUTE = 1_700_000_040  # a full minute


CONTRACT = {"symbol": "ABUSDTM", "baseCurrency": "A", "quoteCurrency": "USDT", "tickSize": 0.1, "multiplier": 0.01}


class OddExchange:
    """A KuCoin of few words, spot and (below ``/futures``) futures; each answer can be replaced.

    Its bars of minutes end at ``now``.
    """

    def __init__(self) -> None:
        self.symbols: list[Any] = [SYMBOL]
        self.endpoint = ""
        self.now = MINUTE
        self.replies: list[str] = []
        self.welcomed = 0
        self.candle_calls: list[tuple[str, int, int]] = []  # market, and a window of Unix seconds
        self.sockets: list[web.WebSocketResponse] = []
        self.loop: asyncio.AbstractEventLoop | None = None
        self.upgrade: Callable[[web.Request], web.StreamResponse] | None = None

    async def rest(self, request: web.Request) -> web.StreamResponse:
        match request.path.removeprefix("/futures"):
            case "/api/v1/timestamp":
                return self.ok(self.now * 1000)
            case "/api/v1/symbols":
                return self.ok(self.symbols)
            case "/api/v1/bullet-public":
                endpoint = self.endpoint or f"ws://{request.host}/ws"
                return self.ok(
                    {
                        "token": "a-token-of-some-length",
                        "instanceServers": [{"endpoint": endpoint, "pingInterval": None}],
                    }
                )
            case "/api/v1/market/candles":
                start, end = int(request.query["startAt"]), int(request.query.get("endAt", 0))
                bars = self.minutes("spot", start, end, 1500)
                return self.ok([[str(at), "1", "2", "3", "0.5", "10", "20"] for at in bars])
            case "/api/v1/contracts/active":
                return self.ok([CONTRACT])
            case "/api/v1/kline/query":
                start, end = (int(request.query.get(name, 0)) // 1000 for name in ("from", "to"))
                bars = self.minutes("futures", start, end, 500)
                return self.ok([[at * 1000, 1, 3, 0.5, 2, 10, 20] for at in reversed(bars)])
            case "/ws":
                return self.upgrade(request) if self.upgrade else await self.socket(request)
        return web.json_response({"code": "404000", "msg": "Url Not Found"})  # as some say it: with HTTP 200

    def minutes(self, market: str, start: int, end: int, most: int) -> list[int]:
        """Return the begins of the bars of a window, newest first; of too many the newest."""
        self.candle_calls.append((market, start, end))
        last = min(end or self.now, self.now)
        return list(range(last // 60 * 60, start - 1, -60))[:most]

    async def socket(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets.append(socket)
        await socket.send_json({"id": "1", "type": "welcome"})
        self.welcomed += 1
        async for message in socket:
            command = message.json()
            if command["type"] in {"subscribe", "unsubscribe"}:
                await socket.send_json({"id": command["id"], "type": "ack"})
        return socket

    @staticmethod
    def ok(data: Any) -> web.Response:
        return web.json_response({"code": "200000", "data": data})


@contextmanager
def serve(exchange: OddExchange) -> Iterator[str]:
    """Serve on a thread of its own."""
    loop, ready, urls = asyncio.SelectorEventLoop(), threading.Event(), []
    exchange.loop = loop

    async def start() -> web.AppRunner:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", exchange.rest)
        runner = web.AppRunner(application, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        urls.append(f"http://127.0.0.1:{runner.addresses[0][1]}")
        ready.set()
        return runner

    def run() -> None:
        runner = loop.run_until_complete(start())
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    ready.wait(5)
    yield urls[0]
    loop.call_soon_threadsafe(loop.stop)
    thread.join()


@pytest.fixture
def odd() -> OddExchange:
    return OddExchange()


@pytest.fixture
def url(odd: OddExchange) -> Iterator[str]:
    with serve(odd) as url:
        yield url


@pytest.mark.parametrize(
    "row",
    [
        SYMBOL | {"symbol": "C-D", "name": None},
        {"symbol": 5},
        "text",
        None,
        SYMBOL | {"symbol": "C-D", "priceIncrement": ""},
    ],
)
def test_an_odd_row_of_the_symbol_list_is_left_out_and_counted(odd: OddExchange, url: str, row: Any) -> None:
    odd.symbols = [row, SYMBOL]
    with ks.Client(url) as client:
        assert client.symbols == ["A-B"]
        assert client.engine.rest.unread_rows == 1


def test_a_symbol_without_a_usable_step_still_has_a_book(odd: OddExchange, url: str) -> None:
    odd.symbols = [SYMBOL | {"priceIncrement": "NaN"}]
    with ks.Client(url) as client:
        assert client.book("A-B").price_decimals == 8


@pytest.mark.parametrize(
    "endpoint",
    [
        "ws://127.0.0.1:99999/",
        "ws://[bad",
        "ws://127.0.0.1:abc/",
        f"ws://{'a' * 70}.example/",
        "http://127.0.0.1/",
        "x",
    ],
)
def test_an_odd_endpoint_is_told_and_the_next_token_heals(odd: OddExchange, url: str, endpoint: str) -> None:
    odd.endpoint = endpoint
    with ks.Client(url, reconnect_delay=0.02) as client:
        client.engine.call(client.engine.pool.attach, ["/market/match:A-B"], _Reader())
        assert until(lambda: client.statistics()["connections"][0]["reason"])
        odd.endpoint = ""
        until(lambda: client.statistics()["connections"][0]["state"] == "open")


class _Reader:
    def __init__(self) -> None:
        self.pending: list[Any] = []

    def flush(self) -> None: ...
    def news(self, news: Any) -> None: ...


def test_a_redirect_of_the_socket_is_not_followed(odd: OddExchange, url: str) -> None:
    elsewhere = OddExchange()
    with serve(elsewhere) as other:
        to = other.replace("http", "ws")
        odd.upgrade = lambda request: web.Response(status=302, headers={"Location": f"{to}/ws?{request.query_string}"})
        with ks.Client(url, reconnect_delay=0.02) as client:
            client.engine.call(client.engine.pool.attach, ["/market/match:A-B"], _Reader())
            reason = until(lambda: client.statistics()["connections"][0]["reason"])
            assert "302" in reason
            assert elsewhere.welcomed == 0


def test_under_live_a_token_goes_to_no_foreign_host(
    odd: OddExchange, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(opening.REST_BASE, "global", url)
    odd.endpoint = "wss://evil.example.org/endpoint"
    with ks.Client("live", reconnect_delay=0.02) as client:
        client.engine.call(client.engine.pool.attach, ["/market/match:A-B"], _Reader())
        reason = until(lambda: client.statistics()["connections"][0]["reason"])
    assert "not KuCoin's: evil.example.org" in reason
    assert "no token was sent" in reason


@pytest.mark.parametrize(("symbol", "market", "pages"), [("A-B", "spot", 3), ("ABUSDTM", "futures", 9)])
def test_an_outage_longer_than_a_page_of_bars_is_filled_with_real_ones(
    odd: OddExchange, url: str, symbol: str, market: str, pages: int
) -> None:
    with ks.Client(url, reconnect_delay=0.02) as client:
        bars = client.klines(symbol, "1min", 100, 10_000).wait()
        assert len(bars) == 100
        known, odd.candle_calls = odd.candle_calls, []
        assert known == [(market, MINUTE - 99 * 60, 0)]
        odd.now += 4000 * 60
        for rest in (client.engine.rest, client.engine.futures_rest):
            rest.clock_offset += 4000 * 60
        for socket in odd.sockets:
            asyncio.run_coroutine_threadsafe(socket.close(), odd.loop)
        until(lambda: len(bars) == 4100 and bars.status == "live")
        frame = bars.df
        assert frame.drop_duplicates().values.tolist() == [[1, 3, 0.5, 2, 10, 20]]
        assert frame.index.to_series().diff().dropna().dt.total_seconds().eq(60).all()
        begins, ends = [call[1] for call in odd.candle_calls], [call[2] for call in odd.candle_calls]
        assert (len(begins), begins[-1], ends) == (pages, MINUTE, [0, *begins[:-1]])


def test_a_server_that_repeats_our_key_does_not_get_it_into_an_error(odd: OddExchange, url: str) -> None:
    async def refuse(request: web.Request) -> web.StreamResponse:
        return web.json_response({"code": "400003", "msg": f"no key {request.headers['KC-API-KEY']}\x1b[31m\nreally"})

    odd.rest = refuse  # type: ignore[method-assign]
    with serve(odd) as other, pytest.raises(ResponseError) as caught:
        ks.Client(other, key="my-own-key", secret="s", passphrase="p").open()
    assert "my-own-key" not in str(caught.value)
    assert caught.value.reason == "no key *** [31m really".replace("p", "p")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"ping_interval": "18"}, "ping_interval"),
        ({"ping_interval": -1}, "ping_interval"),
        ({"limits": None}, "limits"),
        ({"frame_bytes": "8"}, "frame_bytes"),
        ({"request_timeout": "x"}, "request_timeout"),
        ({"request_timeout": 0}, "request_timeout"),
        ({"region": []}, "no such region"),
        ({"websocket_url": "ws://[bad"}, "not a websocket's address"),
        ({"websocket_url": "https://x"}, "not a websocket's address"),
        ({"key": "a\nb", "secret": "s", "passphrase": "p"}, "odd characters: key"),
    ],
)
def test_a_wrong_option_is_refused_when_it_is_given(options: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        ks.Client("sim", **options)


def test_a_url_with_a_password_is_refused_before_anything_can_show_it() -> None:
    with pytest.raises(UsageError) as caught:
        ks.Client("https://me:hunter2@127.0.0.1")
    assert "hunter2" not in str(caught.value)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_the_child_of_a_fork_has_ended_clients_and_can_connect_anew(odd: OddExchange, url: str) -> None:
    with ks.Client(url) as client:
        book = client.book("A-B")
        pid = os.fork()
        if pid == 0:  # the child
            code = 1
            try:
                with ks.Client(url) as fresh:
                    code = 0 if book.status.startswith("stopped") and fresh.symbols == ["A-B"] else 2
            finally:
                os._exit(code)
        for _ in range(1000):
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                break
            time.sleep(0.01)
        else:
            os.kill(pid, 9)
        assert os.waitstatus_to_exitcode(status) == 0
        assert not book.status.startswith("stopped")
