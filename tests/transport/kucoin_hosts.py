"""KuCoin's own hosts on this machine: TLS under their names, behind a proxy, with the built-in exchange inside."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import aiohttp
from aiohttp import web

from kucoin_stream.simulator import Simulator
from tests.transport.proxies import proxy_to

_WITHIN = {  # where each host is on the exchange, by the beginning of its name
    "api-futures.": "/futures",
    "ws-api-spot.": "/endpoint",
    "ws-api-futures.": "/futures/endpoint",
    "x-push-spot.": "/pro/spot",
    "x-push-futures.": "/pro/futures",
    "wsapi-push.": "/pro/private",
}
_REQUEST = ("KC-API-KEY", "KC-API-SIGN", "KC-API-TIMESTAMP", "KC-API-PASSPHRASE", "KC-API-KEY-VERSION")


class Visit(NamedTuple):
    """One request that reached a host: ``site`` is the header that says which site's customer asks."""

    host: str
    path: str
    site: str
    websocket: bool


class Hosts:
    """All hosts in one server. ``visits`` are in order."""

    def __init__(self, simulator: Simulator) -> None:
        self.visits: list[Visit] = []
        self._simulator = simulator

    def hosts(self, *, websocket: bool) -> set[str]:
        """Return the hosts that were asked for by websocket, or else."""
        return {each.host for each in self.visits if each.websocket is websocket}

    async def serve(self, request: web.Request) -> web.StreamResponse:
        websocket = request.headers.get("Upgrade", "").lower() == "websocket"
        site = request.headers.get("X-SITE-TYPE", "")
        self.visits.append(Visit(request.host, request.path, site, websocket))
        prefix = next((path for name, path in _WITHIN.items() if request.host.startswith(name)), "")
        target = f"{self._simulator.url}{prefix}{request.raw_path.removeprefix('/') if websocket else request.raw_path}"
        if websocket and not prefix:
            target = f"{self._simulator.url}{request.raw_path}"
        async with aiohttp.ClientSession(auto_decompress=False) as session:
            if websocket:
                return await _join(session, target, request)
            headers = {name: request.headers[name] for name in _REQUEST if name in request.headers}
            async with session.request(request.method, target, headers=headers, data=await request.read()) as answer:
                body = await answer.read()
                if "bullet" in request.path and answer.status == 200:
                    body = _renamed(body, request.host)
                return web.Response(status=answer.status, body=body, content_type="application/json")


def _renamed(body: bytes, host: str) -> bytes:
    """Let a token's answer name a host of KuCoin's."""
    answer = json.loads(body)
    name = ("ws-api-futures." if host.startswith("api-futures.") else "ws-api-spot.") + host.partition(".")[2]
    for server in answer["data"].get("instanceServers", ()):
        server["endpoint"] = f"wss://{name}/"
    return json.dumps(answer).encode()


async def _join(session: aiohttp.ClientSession, target: str, request: web.Request) -> web.WebSocketResponse:
    outer = web.WebSocketResponse()
    await outer.prepare(request)
    async with session.ws_connect(target) as inner:

        async def copy(source: aiohttp.ClientWebSocketResponse | web.WebSocketResponse, sink: object) -> None:
            async for message in source:
                if message.type is aiohttp.WSMsgType.TEXT:
                    await sink.send_str(message.data)  # type: ignore[attr-defined]
                else:
                    await sink.send_bytes(message.data)  # type: ignore[attr-defined]

        back = asyncio.ensure_future(copy(inner, outer))
        await copy(outer, inner)
        back.cancel()
        await asyncio.gather(back, return_exceptions=True)
    return outer


@contextmanager
def kucoin_hosts(simulator: Simulator, context: ssl.SSLContext) -> Iterator[tuple[Hosts, str]]:
    """Run the hosts on a thread; yield them, and the proxy's URL under which their names lead here."""
    hosts = Hosts(simulator)
    ready: list[str] = []
    started = threading.Event()
    loop = asyncio.new_event_loop()
    done = asyncio.Event()

    async def run() -> None:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", hosts.serve)
        runner = web.AppRunner(application, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
        await site.start()
        async with proxy_to(runner.addresses[0][1]) as proxy:
            ready.append(f"http://127.0.0.1:{proxy.port}")
            started.set()
            await done.wait()
        await runner.cleanup()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),))
    thread.start()
    try:
        assert started.wait(10)
        yield hosts, ready[0]
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join()
        loop.close()
