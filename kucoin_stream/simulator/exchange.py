"""The exchange on its loop: REST and websockets on one port, and the pump that moves the market on."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from aiohttp import web
from yarl import URL

from kucoin_stream.errors import UsageError
from kucoin_stream.protocol.messages import encode
from kucoin_stream.settings import Credentials
from kucoin_stream.simulator import control
from kucoin_stream.simulator.account import Tokens, Venue
from kucoin_stream.simulator.client import Client
from kucoin_stream.simulator.clock import STEP, Clock
from kucoin_stream.simulator.conversation import Close
from kucoin_stream.simulator.doors import Doors, Options, TurnedAway, Visit
from kucoin_stream.simulator.faults import Deed, Faults
from kucoin_stream.simulator.flow import SECOND
from kucoin_stream.simulator.instrument import Instrument
from kucoin_stream.simulator.market import Json, Market, Push
from kucoin_stream.simulator.quotas import Quotas
from kucoin_stream.simulator.readers import Readers
from kucoin_stream.simulator.rest import FUTURES, Answer, Request, Rest, failure
from kucoin_stream.simulator.trading.account import Account
from kucoin_stream.simulator.trading.operations import OPERATIONS

PULSE = 0.01  # seconds between two looks at the market
IDLE_PULSE = 0.05  # while nobody listens
CLOSE_TIMEOUT = 1.0  # seconds to wait for the other side's close frame
STOP_TIMEOUT = 0.5  # seconds that all clients together get to close when the exchange stops
FRAME_BYTES = 1 << 20  # largest frame accepted from a client
WILDCARDS = ("0.0.0.0", "::", "")  # noqa: S104 (hosts that name no address: clients are sent where they came)


class Exchange:
    """Serves one market. Lives on one loop; :meth:`run` moves the market on until it is cancelled."""

    def __init__(
        self,
        market: Market,
        credentials: Credentials,
        faults: Faults,
        options: Options,
        *,
        host: str,
        address: Callable[[], str],
        finished: Callable[[], None],
        account: Account,
        clock: Clock,
        secret: str,
    ) -> None:
        self.clients: set[Client] = set()
        self.account = account
        self._market = market
        self._faults = faults
        self._options = options
        self._clock = clock
        self._secret = secret
        self._stepped_ns = 0
        self._host = host
        self._address = address
        self._finished = finished
        self._tokens = Tokens(options.token_life)
        self._quotas = Quotas(options.rest_quota)
        self._rest = Rest(market, account, credentials, self._bullet, faults.old_book, self._quotas)
        self._doors = Doors(
            market, credentials, self._tokens, faults, options,
            sessions=lambda: len(self.clients), clock_ms=lambda: self._clock_ns() // 1_000_000, operate=self._operate,
            quotas=self._quotas,
        )  # fmt: skip
        self._readers = Readers(self._opening, faults)
        self._calls: Counter[str] = Counter()
        self._ended: Counter[str] = Counter()  # commands of sessions that are over
        self._shift_ns = int(options.clock_offset * SECOND)
        self._opened = 0
        self._sent = 0
        self._outstanding = 0
        self._answered = asyncio.Event()  # no REST call is being answered
        self._answered.set()

    def __repr__(self) -> str:
        return f"<Exchange {len(self.clients)} connections, {self._readers!r} | {self._market!r}>"

    @property
    def topics(self) -> set[str]:
        """The single-symbol topics subscribed, over all connections."""
        return self._readers.topics

    def now_ns(self) -> int:
        """Return the market's time."""
        return self._clock.now_ns() + self._shift_ns

    def _clock_ns(self) -> int:
        """The time by which clients are judged, and which they are told: near the wall clock's, however fast the
        market goes, so that they can sign.
        """
        return time.time_ns() + self._shift_ns + int(self._faults.clock_offset * SECOND)

    def application(self) -> web.Application:
        """Return the aiohttp application."""
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._handle)
        return application

    def futures_application(self) -> web.Application:
        """Return the application of a host of futures alone: what a client asks for there lies below ``/futures``."""
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._handle_futures)
        return application

    async def _handle_futures(self, request: web.Request) -> web.StreamResponse:
        target = URL(f"{FUTURES}{request.raw_path}", encoded=True)  # as sent: it was signed
        return await self._handle(request.clone(rel_url=target))

    def statistics(self) -> dict[str, Any]:
        """Return what happened since the start."""
        commands = sum((Counter(client.session.commands) for client in self.clients), Counter(self._ended))
        return {
            "connections": self._opened,
            "tokens": self._tokens.count,
            "messages": self._sent + sum(client.sent for client in self.clients),
            "commands": dict(commands),
            "requests": dict(self._calls),
        }

    async def run(self) -> None:
        """Move the market on and send what it pushes."""
        told = False
        while True:
            self.step()
            market = self._market
            if market.unpaced or self._clock.unpaced:
                await self._drained()
                await self._answered.wait()
                await asyncio.sleep(0)
                if self._clock.unpaced:
                    self._clock.move(STEP / SECOND)
                continue
            if market.finished and not told:
                await self._drained()
                self._finished()
                told = True
            await asyncio.sleep(PULSE if self._readers.wanted else IDLE_PULSE)

    def step(self) -> None:
        """Let the market and the account come up to now, and queue what they push."""
        wanted = self._readers.wanted
        self.account.want(wanted)
        for moment in self._clock.between(self._stepped_ns, self.now_ns()):
            self._stepped_ns = moment
            self._deliver(self._market.advance(moment, wanted))
            self.account.advance(moment)
            self._deliver(self.account.pushes())

    def move(self, seconds: float) -> None:
        """Let the market's time pass at once."""
        self._clock.move(seconds)
        self.step()

    def begin(self) -> None:
        """Let a capture begin."""
        self._market.begin(self.now_ns())

    def perform(self, deed: Deed) -> None:
        """Do a fault's deed."""
        self.step()
        match deed.name:
            case "hold":
                self._clock.hold()
            case "release":
                self._clock.release()
            case "cross" if (instrument := self._instrument(str(deed.data))) is not None:
                instrument.cross(self.now_ns())
            case "age" if (book := self._book(str(deed.data))) is not None:
                self._faults.keep_book(str(deed.data), book)
        for client in list(self.clients):
            match deed.name:
                case "half_open":
                    client.go_dead()
                case "kill":
                    client.abort()
                case "bye":
                    client.send(Close())
                case "inject":
                    client.send(deed.data)

    async def close(self) -> None:
        """Close every websocket; no longer than a moment each, and all at once."""
        clients = list(self.clients)
        closing = [asyncio.ensure_future(client.close(1001, "the simulator stops")) for client in clients]
        if closing:
            await asyncio.wait(closing, timeout=STOP_TIMEOUT)
        for client in clients:
            client.abort()
        await asyncio.gather(*closing, return_exceptions=True)

    def _deliver(self, pushes: Iterable[Push]) -> None:
        faults, readers = self._faults, self._readers
        for topic, text in pushes:
            for sent in faults.passed(topic, text):
                for client in readers.of(topic):
                    client.say(sent)

    def _instrument(self, symbol: str) -> Instrument | None:
        perpetual = self._market.futures.perpetuals.get(symbol)
        return self._market.traded(symbol) if perpetual is None else perpetual.instrument

    def _book(self, symbol: str) -> Json | None:
        if self._market.futures.has_symbol(symbol):
            return self._market.futures.book(symbol, None)
        return self._market.book(symbol, None) if self._market.has_symbol(symbol) else None

    def _operate(self, operation: str, arguments: Any) -> Any:
        """Perform an operation of the WS API on the account; raise :class:`RestError` where that fails."""
        self.step()
        return OPERATIONS[operation](self.account, arguments, self.now_ns())

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if not control.invited(request.headers, anywhere=not control.is_here(self._host)):
            return web.Response(status=403)
        websocket = request.headers.get("Upgrade", "").lower() == "websocket"
        try:
            return await (self._serve_websocket(request) if websocket else self._serve_call(request))
        except ConnectionError:  # the client has left
            return web.Response()

    async def _serve_call(self, request: web.Request) -> web.StreamResponse:
        self._outstanding += 1
        self._answered.clear()
        try:
            answer = await self._answer(request)
            response = web.Response(status=answer.status, body=answer.body, headers=answer.headers)
            response.content_type = "application/json" if answer.body[:1] == b"{" else "text/html"
            await response.prepare(request)
            await response.write_eof()
            return response
        finally:
            self._outstanding -= 1
            if not self._outstanding:
                self._answered.set()

    async def _answer(self, request: web.Request) -> Answer:
        path = request.raw_path.partition("?")[0]
        if path == control.PATH:
            return await self._control(request)
        self._calls[path] += 1
        if self._faults.slow_rest:
            await asyncio.sleep(self._faults.slow_rest)
        fault = self._faults.rest_fault(path)
        if fault is not None:
            if fault.body is not None:
                return Answer(fault.status, fault.body.encode())
            return failure(fault.status, fault.code, fault.reason)
        body = (await request.read()).decode(errors="replace")
        if self._market.live:
            self.step()
        seconds = asyncio.get_running_loop().time()
        asked = Request(request.method, request.raw_path, request.headers, body, request.remote or "", seconds)
        return self._rest.answer(asked, self.now_ns(), self._clock_ns())

    async def _control(self, request: web.Request) -> Answer:
        """Do what somebody on this machine who knows the secret asks for."""
        if not control.allowed(request.remote or "", request.headers, self._secret):
            return failure(403, "403000", "Only from this machine, without another Origin, with the secret")
        if request.method != "POST":
            return Answer(200, encode({"code": "200000", "data": self.statistics()}))
        try:
            fields = msgspec.json.decode(await request.read(), type=dict[str, Any])
            control.perform(self._faults, str(fields.pop("fault", "")), (), fields)
        except (msgspec.MsgspecError, UsageError) as exc:
            return failure(400, "400100", str(exc))
        return Answer(200, encode({"code": "200000", "data": None}))

    async def _serve_websocket(self, request: web.Request) -> web.StreamResponse:
        if not self._doors.knows(request.path):
            return web.Response(status=404)
        websocket = web.WebSocketResponse(
            timeout=CLOSE_TIMEOUT, compress=self._options.compress, max_msg_size=FRAME_BYTES
        )
        await websocket.prepare(request)
        now = asyncio.get_running_loop().time()
        session = self._doors.open(Visit(request.path, request.query, now, request.remote or ""))
        if isinstance(session, TurnedAway):
            if session.binary:
                await websocket.send_bytes(session.text.encode())
            else:
                await websocket.send_str(session.text)
            await websocket.close(code=1000, message=b"Bye")
            return websocket
        client = Client(
            websocket,
            request.transport,
            session,
            self._faults,
            subscribed=self._readers.subscribe,
            unsubscribed=self._readers.unsubscribe,
            time_us=lambda: self._market.time_ns(self.now_ns()) // 1000,
        )
        self.clients.add(client)
        self._opened += 1
        try:
            await client.serve()
        finally:
            self.clients.discard(client)
            self._ended.update(session.commands)
            self._sent += client.sent
        return websocket

    def _opening(self, topic: str) -> str | None:
        """Bring the market up to now; return what a new reader of a topic begins with."""
        self.step()
        opening = self._market.opening(topic, self.now_ns())
        return None if opening is None else opening.text

    def _bullet(self, venue: Venue, private: bool, host: str) -> dict[str, Any]:
        token = self._tokens.give(private=private, now=asyncio.get_running_loop().time(), venue=venue)
        if venue == "pro":
            return {"token": token}
        address = host if host and self._host in WILDCARDS else self._address()
        server = {
            "endpoint": f"ws://{address}{'/futures' if venue == 'futures' else ''}/endpoint",
            "encrypt": False,
            "protocol": "websocket",
            "pingInterval": self._options.ping_interval_ms,
            "pingTimeout": self._options.ping_timeout_ms,
        }
        return {"token": token, "instanceServers": [server]}

    async def _drained(self) -> None:
        for client in list(self.clients):
            await client.idle.wait()
