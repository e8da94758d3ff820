"""REST calls over one aiohttp session (protocol.md 2, 8)."""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from urllib.parse import urlencode

from msgspec import Raw, Struct

from kucoin_stream.errors import RemoteProtocolError, RequestError, ResponseError, UnreachableError, printable
from kucoin_stream.protocol import signing
from kucoin_stream.protocol.bookfeeds import Seed
from kucoin_stream.protocol.endpoints.endpoint import Host
from kucoin_stream.protocol.endpoints.pools import pool_of
from kucoin_stream.protocol.endpoints.quota import RESET, Quota
from kucoin_stream.protocol.messages import decode
from kucoin_stream.protocol.messages.contracts import ContractInfo
from kucoin_stream.protocol.messages.rest import BookAnswer, BookSnapshot, Bullet, ProBullet, Response, SymbolInfo
from kucoin_stream.settings import Settings
from kucoin_stream.transport.signer import Signer
from kucoin_stream.transport.target import is_loopback

if TYPE_CHECKING:  # 150 ms to import: only once something is asked
    from aiohttp import ClientResponse, ClientSession

T = TypeVar("T")

log = logging.getLogger("kucoin_stream")


class Answer(Struct, frozen=True):
    """An HTTP answer, whatever it says; names of headers are in small letters."""

    status: int
    headers: dict[str, str]
    body: bytes

    def __repr__(self) -> str:
        return f"<Answer {self.status}, {len(self.body)} bytes>"  # what is in it may be the account's, or repeat a key


class Listener(Protocol):
    """Hears the outcome of every call. Lives on the loop thread."""

    def __call__(self, call: str, status: int, body: bytes, error: str, *, signed: bool) -> None:
        """Take an answer to ``GET /path?query``; status 0 where none came, and ``error`` says why."""


_OK = "200000"
_BAD_TIMESTAMP = "400002"
_KEY_ERRORS = "40000"  # 400001 to 400007, protocol.md 9.3
_NOT_FOUND = "404000"
_CHUNK = 2**16
_TOO_MANY = 429  # HTTP status
_LOOK_AGAIN = 1.0  # seconds: other answers may tell better what is left
PATIENCE = 65.0  # seconds that a call waits for its quota in all: two windows, protocol.md 8.1


class Rest:
    """The REST side of one exchange. Lives on the loop thread; the session opens with the first call."""

    def __init__(self, base: str, settings: Settings, signer: Signer | None = None, host: Host = "spot") -> None:
        self.base = base
        self.quotas: dict[str, Quota] = {}  # by pool; hosts share theirs
        self.signer = signer
        self.clock_offset = 0.0  # seconds that the exchange's clock is ahead of ours
        self.calls = 0
        self.failures = 0
        self.unread_rows = 0
        self.listener: Listener | None = None
        self._signed_offset = 0.0
        self._settings = settings
        self._host: Host = host
        self._session: ClientSession | None = None

    def __repr__(self) -> str:
        return f"<Rest {self.base}{' signed' if self.signer else ''}>"

    @property
    def signed(self) -> bool:
        """Whether calls can be signed."""
        return self.signer is not None

    async def close(self) -> None:
        """Close the session."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    # -- calls by name -----------------------------------------------------------------------------------------

    async def server_time(self) -> float:
        """Return the exchange's clock in Unix seconds, and remember how far ours is off."""
        before = time.time()
        answer = await self.get(int, "/api/v1/timestamp")
        self.clock_offset = answer / 1000 - (before + time.time()) / 2
        return answer / 1000

    def now(self) -> float:
        """Return the exchange's clock as last seen, in Unix seconds."""
        return time.time() + self.clock_offset

    async def symbols(self) -> list[SymbolInfo]:
        """Return all spot symbols, from the older list where an exchange has no newer one."""
        try:
            return await self.rows(SymbolInfo, "/api/v2/symbols")
        except ResponseError as exc:
            if exc.status != 404 and exc.code != _NOT_FOUND:
                raise
        return await self.rows(SymbolInfo, "/api/v1/symbols")

    async def bullet(self) -> Bullet:
        """Return a fresh token for a public connection."""
        return await self.post(Bullet, "/api/v1/bullet-public")

    async def private_bullet(self) -> Bullet:
        """Return a fresh token for a private connection."""
        return await self.post(Bullet, "/api/v1/bullet-private", signed=True)

    async def pro_bullet(self) -> ProBullet:
        """Return a fresh token for the private Pro connection."""
        return await self.post(ProBullet, "/api/v2/bullet-private", signed=True)

    async def check_key(self) -> None:
        """Make one signed call; raises :class:`ResponseError` where the key is not accepted."""
        try:
            await self.post(dict, "/api/v1/bullet-private", signed=True)
        except ResponseError as exc:
            if exc.code.startswith(_KEY_ERRORS):
                raise  # anything else says nothing about the key; its first use will

    async def contracts(self) -> list[ContractInfo]:
        """Return all futures contracts."""
        return await self.rows(ContractInfo, "/api/v1/contracts/active")

    async def book(self, seed: Seed, symbol: str) -> BookSnapshot:
        """Return the book that ``seed`` names."""
        answer: BookAnswer = await self.get(seed.answer, seed.path, seed.query(symbol), signed=seed.signed)
        return answer.snapshot()

    # -- calls by path -----------------------------------------------------------------------------------------

    async def get(self, kind: type[T], path: str, query: Mapping[str, str] | None = None, *, signed: bool = False) -> T:
        """GET ``path`` and return its ``data`` as ``kind``.

        Raises :class:`UnreachableError`, :class:`ResponseError` or :class:`RemoteProtocolError`.
        """
        return await self._call(kind, "GET", f"{path}?{urlencode(query)}" if query else path, signed)

    async def rows(self, kind: type[T], path: str, query: Mapping[str, str] | None = None) -> list[T]:
        """GET a list; a row that cannot be read is left out and counted. Raises where none can be read."""
        rows = await self.get(list[Raw], path, query)
        read: list[T] = []
        unread = 0
        for row in rows:
            try:
                read.append(decode(kind, row))
            except RemoteProtocolError as exc:
                unread += 1
                last = exc
        if unread:
            self.unread_rows += unread
            if not read:
                raise RemoteProtocolError(f"GET {path}: {last}")
            log.warning("GET %s: %d of %d rows left out; the last one: %s", path, unread, len(rows), last)
        return read

    async def post(self, kind: type[T], path: str, *, signed: bool = False) -> T:
        """POST to ``path`` without a body and return its ``data`` as ``kind``; raises as :meth:`get`."""
        return await self._call(kind, "POST", path, signed)

    async def _call(self, kind: type[T], method: str, path: str, signed: bool) -> T:
        self.calls += 1
        try:
            return await self._within_quota(kind, method, path, signed)
        except (RequestError, RemoteProtocolError):
            self.failures += 1
            raise

    async def _within_quota(self, kind: type[T], method: str, path: str, signed: bool) -> T:
        """Make a call once its quota allows it; one refused for its quota was not performed, and is made again."""
        quota, synchronised = self._quota(path, signed), False
        deadline = time.monotonic() + PATIENCE
        while True:
            while 0 < (wait := quota.wait(1, time.monotonic())) < deadline - time.monotonic():  # noqa: ASYNC110
                await asyncio.sleep(min(wait, _LOOK_AGAIN))
            try:
                return await self._request(kind, method, path, signed)
            except ResponseError as exc:
                now = time.monotonic()
                if exc.status == _TOO_MANY and 0 < quota.wait(1, now) < deadline - now:
                    continue
                if synchronised or not signed or exc.code != _BAD_TIMESTAMP:
                    raise
            synchronised = True
            await self.synchronise()  # our clock is off

    def _quota(self, path: str, signed: bool) -> Quota:
        pool = pool_of(self._host, path.partition("?")[0], signed=signed)
        return self.quotas.setdefault(pool, Quota())

    async def _request(self, kind: type[T], method: str, path: str, signed: bool) -> T:
        call = f"{method} {path.partition('?')[0]}"
        headers = await self._signed(call, method, path) if signed else {}
        try:
            answer = await self.send(call, method, path, headers)
        except UnreachableError as exc:
            if self.listener is not None:
                self.listener(f"{method} {path}", 0, b"", str(exc), signed=signed)
            raise
        self._heard(self._quota(path, signed), answer)
        if self.listener is not None:
            self.listener(f"{method} {path}", answer.status, answer.body, "", signed=signed)
        return _data(kind, call, answer.status, answer.body, self.signer.masked if self.signer else str)

    def _heard(self, quota: Quota, answer: Answer) -> None:
        if answer.status != _TOO_MANY:
            quota.seen(answer.headers, time.monotonic())
        elif RESET in answer.headers:  # else it is an overload: who asked decides what then
            quota.refused(answer.headers, "", 1, time.monotonic())

    async def send(
        self, call: str, method: str, target: str, headers: dict[str, str], body: str = ""
    ) -> Answer:  # fmt: skip
        """Make one HTTP call as it is: ``target`` is path and query, escaped; ``call`` is its name in errors.

        Raises :class:`UnreachableError`, and :class:`RemoteProtocolError` for an answer that is too long.
        """
        from aiohttp import ClientError, ClientTimeout
        from yarl import URL

        try:
            async with self._open().request(
                method, URL(self.base + target, encoded=True),  # what was signed is what is sent
                data=body.encode() or None, headers=signing.Hidden({**self._headers(), **headers}),
                timeout=ClientTimeout(total=self._settings.request_timeout), allow_redirects=False,
            ) as answer:  # fmt: skip
                read = await self._body(call, answer)
                return Answer(answer.status, {name.lower(): text for name, text in answer.headers.items()}, read)
        except (ClientError, TimeoutError, OSError) as exc:
            raise unreachable(call, self.base, exc) from None  # aiohttp's own text may repeat headers

    async def _body(self, call: str, answer: ClientResponse) -> bytes:
        body = bytearray()
        async for chunk in answer.content.iter_chunked(_CHUNK):
            body += chunk
            if len(body) > self._settings.response_bytes:
                raise RemoteProtocolError(f"{call}: an answer of more than {self._settings.response_bytes} bytes")
        return bytes(body)

    def _open(self) -> ClientSession:
        if self._session is None:
            from aiohttp import ClientSession, TCPConnector

            trust = ssl.create_default_context()  # of now: aiohttp's own is that of its import
            self._session = ClientSession(connector=TCPConnector(ssl=trust), trust_env=not is_loopback(self.base))
        return self._session

    def _headers(self) -> dict[str, str]:
        return {"X-SITE-TYPE": "australia"} if self._settings.region == "AU" else {}

    # -- signatures --------------------------------------------------------------------------------------------

    async def synchronise(self) -> None:
        """From here on, sign with the exchange's clock as it is now."""
        await self.server_time()
        self._signed_offset = self.clock_offset

    async def prove(self, what: str, text: Callable[[int], str]) -> dict[str, Any]:
        """Sign ``text``, a function of the time in ms; return the arguments that :mod:`signing`'s carriers take.

        Raises :class:`RequestError` where there is no key, or signing took longer than ``receive_window``.
        """
        signer = self.signer_for(what)
        began = time.time()
        timestamp_ms = int((began + self._signed_offset) * 1000)
        signature, passphrase = await signer(text(timestamp_ms)), await signer.passphrase()
        if time.time() - began > self._settings.receive_window:
            raise RequestError(f"{what}: signing took longer than receive_window={self._settings.receive_window:g} s")
        return signing.Hidden(key=signer.key, timestamp_ms=timestamp_ms, signature=signature, passphrase=passphrase)

    def signer_for(self, what: str) -> Signer:
        """Return what signs here; raises :class:`RequestError` where there is no key."""
        if self.signer is None:
            raise RequestError(f"{what} needs an API key; pass key=, secret=, passphrase=")
        return self.signer

    async def _signed(self, call: str, method: str, path: str) -> dict[str, str]:
        proof = await self.prove(call, lambda time_ms: signing.rest_message(time_ms, method, path))
        return signing.rest_headers(**proof)


def _data(kind: type[T], call: str, status: int, body: bytes, masked: Callable[[str], str]) -> T:
    try:
        response = decode(Response, body)
    except RemoteProtocolError:
        if status == 200:
            raise RemoteProtocolError(f"{call}: the answer is not JSON of the form {{code, data}}") from None
        reasons = {403: "forbidden from here", 429: "too many requests", 451: "not offered in your region"}
        raise ResponseError(call, status, "", reasons.get(status, "an answer that is not JSON")) from None
    if status != 200 or str(response.code) != _OK:
        reason = printable(masked(response.msg or "no reason given"))
        raise ResponseError(call, status, printable(response.code, 20), reason)
    try:
        return decode(kind, response.data)
    except RemoteProtocolError as exc:
        raise RemoteProtocolError(f"{call}: {exc}") from None


def unreachable(call: str, base: str, exc: BaseException) -> UnreachableError:
    """Return the error that says at which stage a host did not answer."""
    import aiohttp

    match exc:
        case aiohttp.ClientConnectorDNSError():
            return UnreachableError("dns", f"{call}: no address for {base} (DNS)")
        case aiohttp.ClientConnectorCertificateError() | ssl.SSLCertVerificationError():
            text = str(exc)
            clock = " (is this machine's clock right?)" if "expired" in text or "not yet valid" in text else ""
            return UnreachableError("tls", f"{call}: the certificate of {base} does not verify (TLS){clock}")
        case aiohttp.ClientSSLError() | ssl.SSLError():
            return UnreachableError("tls", f"{call}: no encrypted connection to {base} (TLS)")
        case aiohttp.ClientProxyConnectionError():
            return UnreachableError("tcp", f"{call}: the proxy for {base} does not accept connections (TCP)")
        case aiohttp.ClientConnectorError():
            return UnreachableError("tcp", f"{call}: {base} does not accept connections (TCP)")
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientPayloadError():
            return UnreachableError("http", f"{call}: {base} closed the connection before answering")
        case TimeoutError() | asyncio.TimeoutError():
            return UnreachableError("tcp", f"{call}: no answer from {base} in time")
    return UnreachableError("http", f"{call}: {base} did not answer ({type(exc).__name__})")
