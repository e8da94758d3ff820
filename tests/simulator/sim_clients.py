"""Plain clients of the exchange, and the rules of protocol.md 5.5 and 5.6, with nothing of the library."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import time
from decimal import Decimal

import aiohttp
import websockets


def sign(message, secret):
    return base64.b64encode(hmac.new(secret.encode(), message.encode(), hashlib.sha256).digest()).decode()


def now_ms(shift=0):
    return int(time.time() * 1000) + shift


def headers(account, method, path, *, shift_ms=0, body=""):
    stamp = str(now_ms(shift_ms))
    return {
        "KC-API-KEY": account.key,
        "KC-API-TIMESTAMP": stamp,
        "KC-API-SIGN": sign(f"{stamp}{method}{path}{body}", account.secret),
        "KC-API-PASSPHRASE": sign(account.passphrase, account.secret),
        "KC-API-KEY-VERSION": "3",
    }


async def rest(sim, path, method="GET", *, base=None, signed=False, given=None):
    """Call REST; return the status and the answer. What is signed begins at the base URL."""
    sent = given or (headers(sim.credentials, method, path) if signed else {})
    url = f"{base or sim.url}{path}"
    async with aiohttp.ClientSession() as session, session.request(method, url, headers=sent) as answer:
        return answer.status, json.loads(await answer.text())


async def data(sim, path, method="GET", **options):
    status, answer = await rest(sim, path, method, **options)
    assert (status, answer["code"]) == (200, "200000"), answer
    return answer["data"]


@contextlib.asynccontextmanager
async def classic(sim, base, *, private=False, connect_id="me"):
    kind = "private" if private else "public"
    bullet = await data(sim, f"/api/v1/bullet-{kind}", "POST", base=base, signed=private)
    server = bullet["instanceServers"][0]
    async with websockets.connect(f"{server['endpoint']}?token={bullet['token']}&connectId={connect_id}") as websocket:
        assert await receive(websocket) == {"id": connect_id, "type": "welcome"}
        yield websocket


@contextlib.asynccontextmanager
async def pro(url):
    async with websockets.connect(url) as websocket:
        frame = await websocket.recv()
        assert isinstance(frame, bytes)
        welcome = json.loads(frame)
        assert (welcome["message"], welcome["pingInterval"]) == ("welcome", 18000)
        yield websocket


async def receive(websocket, timeout=5):
    return json.loads(await asyncio.wait_for(websocket.recv(), timeout))


async def ask(websocket, **frame):
    """Send a frame and return the answer to it, passing over what is pushed."""
    await websocket.send(json.dumps(frame))
    return await until(websocket, lambda answer: "result" in answer or answer.get("type") in ("ack", "error", "pong"))


async def until(websocket, wanted):
    while not wanted(frame := await receive(websocket)):
        pass
    return frame


async def ended(websocket):
    with contextlib.suppress(websockets.ConnectionClosed):
        while True:
            await asyncio.wait_for(websocket.recv(), 5)
    return websocket.close_code, websocket.close_reason


def levels(pairs):
    return {Decimal(str(price)): Decimal(str(size)) for price, size in pairs}


class FuturesBook:
    """Protocol.md 5.5: drop what is known, then every message is the next; price 0 only advances."""

    def __init__(self, snapshot):
        self.last = snapshot["sequence"]
        self.asks, self.bids = levels(snapshot["asks"]), levels(snapshot["bids"])

    def apply(self, data):
        if data["sequence"] <= self.last:
            return
        assert data["sequence"] == self.last + 1
        self.last = data["sequence"]
        price, side, size = data["change"].split(",")
        if Decimal(price) == 0:
            return
        book = {"buy": self.bids, "sell": self.asks}[side]
        book[Decimal(price)] = Decimal(size)
        if size == "0":
            del book[Decimal(price)]


class ObuBook:
    """Protocol.md 5.6: a snapshot replaces, a delta that fits is applied in order."""

    def __init__(self, snapshot):
        self.last = int(snapshot.get("C", snapshot.get("sequence")))
        self.asks, self.bids = (
            levels(snapshot.get(short) or snapshot.get(long)) for short, long in (("a", "asks"), ("b", "bids"))
        )

    def apply(self, data):
        if data["C"] <= self.last:
            return
        assert data["O"] <= self.last + 1
        assert data["a"] or data["b"]
        self.last = data["C"]
        for book, changes in ((self.asks, data["a"]), (self.bids, data["b"])):
            for price, size in changes:
                book[Decimal(price)] = Decimal(size)
                if Decimal(size) == 0:
                    del book[Decimal(price)]


def best(book, descending, count=500):
    return dict(sorted(book.items(), reverse=descending)[:count])
