"""The way to a host, one step at a time, for a diagnosis: its addresses, a connection, TLS; proxies of the environment.

Nothing is sent but what opens a connection: no request, no token.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
import urllib.request
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar
from urllib.parse import SplitResult, urlsplit

from kucoin_stream.errors import UnreachableError, printable
from kucoin_stream.transport.target import is_loopback

_EYEBALLS = 0.25  # seconds that one address is given before the next is tried too; what aiohttp does
_SECOND_LOOK = 1.5  # seconds for reading a certificate that is not trusted
_PORTS = {"https": 443, "wss": 443, "http": 80, "ws": 80}
_PROXIES = {  # by scheme: the variables that count, as aiohttp and websockets read them
    "https": ("https",),
    "http": ("http",),
    "wss": ("wss", "socks", "https"),
    "ws": ("ws", "socks", "https", "http"),
}

_SPELLING = {"socks5h": "socks5", "socks4a": "socks4"}  # the library always lets a proxy resolve names

Trust = ssl.SSLContext
"""What certificates are verified with."""

T = TypeVar("T")


class Origin(NamedTuple):
    """What is connected to. ``proxy`` is its URL, or empty where none stands between."""

    host: str
    port: int
    encrypted: bool
    proxy: str = ""

    def __repr__(self) -> str:
        return f"<Origin {self.host}:{self.port}{' by proxy' if self.proxy else ''}>"  # a proxy's URL holds a password


class Encryption(NamedTuple):
    """What TLS came to. ``fault`` says why the certificate is not trusted; empty where it is."""

    version: str
    issuer: str
    expires: str
    fault: str = ""


def origin_of(url: str) -> Origin:
    """Return where ``url`` leads, and through which proxy."""
    parts = urlsplit(url)
    port = parts.port or _PORTS[parts.scheme]
    return Origin(parts.hostname or "", port, parts.scheme in {"https", "wss"}, proxy_of(url))


def trust() -> Trust:
    """Return what this machine trusts, as the client does."""
    return ssl.create_default_context()


def proxies() -> dict[str, str]:
    """Return the proxies of the environment or the system by what they are for, without names and passwords."""
    return {name: bare(url) for name, url in urllib.request.getproxies().items()}


def proxy_of(url: str) -> str:
    """Return the URL of the proxy for ``url``; empty where there is none."""
    parts = urlsplit(url)
    if is_loopback(url) or urllib.request.proxy_bypass(parts.netloc):
        return ""
    known = urllib.request.getproxies()
    return next((known[name] for name in _PROXIES[parts.scheme] if name in known), "")


def bare(url: str) -> str:
    """Return a proxy's URL without what logs in."""
    scheme, mark, rest = url.rpartition("://")
    login, _, host = rest.rpartition("@")
    return f"{scheme}{mark}***@{host}" if login else url


def proxy_passwords() -> set[str]:
    """Return what no text may show of the proxies of the environment."""
    return {password for url in urllib.request.getproxies().values() if (password := _parts(url).password)}


def _parts(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:  # half a bracket
        return urlsplit("")


async def aside(function: Callable[..., T], *args: Any) -> T:
    """Return ``function(*args)`` of a daemon thread: where it hangs, it is left behind and nothing waits for it."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(result: Any, error: Exception | None) -> None:
        if not done.done():
            done.set_result(result) if error is None else done.set_exception(error)

    def work() -> None:
        result, error = None, None
        try:
            result = function(*args)
        except Exception as exc:  # noqa: BLE001  it is raised again where it is awaited
            error = exc
        try:
            loop.call_soon_threadsafe(settle, result, error)
        except RuntimeError:  # the loop has ended meanwhile
            return

    threading.Thread(target=work, name="kucoin-stream-aside", daemon=True).start()
    return await done


async def addresses(host: str, port: int) -> list[str]:
    """Return the addresses of a host; raises :class:`UnreachableError`."""
    try:
        found = await aside(lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    except (OSError, UnicodeError) as exc:
        why = getattr(exc, "strerror", None) or "not a host's name"
        raise UnreachableError("dns", f"no address for {host}: {why}") from None
    return list(dict.fromkeys(str(each[4][0]) for each in found))


class Way:
    """A connection on the way to a host. Lives on the loop it was opened on; close it."""

    def __init__(self, origin: Origin, writer: asyncio.StreamWriter) -> None:
        self._origin = origin
        self._writer = writer

    async def encrypt(self, trust: Trust) -> Encryption:
        """Do the TLS handshake; say what is wrong with the certificate where it is not trusted.

        Raises :class:`UnreachableError` where there is no TLS at all.
        """
        try:
            return _told(await self._shake(trust))
        except ssl.SSLCertVerificationError as exc:
            fault = printable(exc.verify_message)
        except OSError as exc:
            reason = getattr(exc, "reason", None) or type(exc).__name__
            raise UnreachableError("tls", f"no encrypted connection to {self._origin.host}: {reason}") from None
        try:
            async with asyncio.timeout(_SECOND_LOOK):
                return (await _shown(self._origin))._replace(fault=fault)
        except (OSError, UnreachableError):  # it does not come twice
            return Encryption("", "", "", fault)

    async def _shake(self, context: ssl.SSLContext) -> ssl.SSLObject:
        await self._writer.start_tls(context, server_hostname=self._origin.host)
        shaken: ssl.SSLObject = self._writer.get_extra_info("ssl_object")
        return shaken

    def close(self) -> None:
        """Drop the connection."""
        self._writer.transport.abort()


async def connect(origin: Origin) -> Way:
    """Connect to a host, through its proxy if it has one. Raises :class:`UnreachableError`."""
    try:
        if origin.proxy:
            stream = await asyncio.open_connection(sock=await _tunnel(origin))
        else:
            stream = await asyncio.open_connection(origin.host, origin.port, happy_eyeballs_delay=_EYEBALLS)
    except OSError as exc:
        reason = "it refuses" if isinstance(exc, ConnectionRefusedError) else (exc.strerror or type(exc).__name__)
        raise UnreachableError("tcp", f"{origin.host}:{origin.port} does not accept connections: {reason}") from None
    return Way(origin, stream[1])


async def _tunnel(origin: Origin) -> socket.socket:
    from python_socks import ProxyError
    from python_socks.async_.asyncio import Proxy

    where = bare(origin.proxy)
    try:
        scheme, mark, rest = origin.proxy.partition("://")
        return await Proxy.from_url(_SPELLING.get(scheme, scheme) + mark + rest).connect(origin.host, origin.port)
    except ProxyError as exc:
        code = f" ({exc.error_code})" if exc.error_code else ""
        raise UnreachableError("proxy", f"the proxy {where} does not connect to {origin.host}{code}") from None
    except (OSError, ValueError) as exc:  # its own text may hold the password
        raise UnreachableError("proxy", f"the proxy {where} cannot be used: {type(exc).__name__}") from None


async def _shown(origin: Origin) -> Encryption:
    """Return what a certificate that is not trusted says of itself.

    Python tells the parts of trusted ones only. So this one is fetched, and trusted for one more handshake.
    """
    blind = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    blind.check_hostname, blind.verify_mode = False, ssl.CERT_NONE
    seen = await _handshake(origin, blind)
    certificate = seen.getpeercert(binary_form=True) or b""
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname = False
    trusting.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    trusting.load_verify_locations(cadata=certificate)
    try:
        return _told(await _handshake(origin, trusting))
    except ssl.SSLError:  # such as one that has expired
        return Encryption(seen.version() or "", "", "")


async def _handshake(origin: Origin, context: ssl.SSLContext) -> ssl.SSLObject:
    way = await connect(origin)
    try:
        return await way._shake(context)
    finally:
        way.close()


def _told(shaken: ssl.SSLObject) -> Encryption:
    certificate: dict[str, Any] = shaken.getpeercert() or {}
    issuer = {name: text for parts in certificate.get("issuer", ()) for name, text in parts}
    names = (issuer.get("organizationName"), issuer.get("commonName"))
    told = ", ".join(printable(name, 80) for name in names if name)
    return Encryption(shaken.version() or "", told, str(certificate.get("notAfter", "")))
