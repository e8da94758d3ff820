"""What a client talks to, and whether KuCoin can be reached from here."""

from __future__ import annotations

import ipaddress
from typing import Literal
from urllib.parse import urlsplit

from msgspec import Struct

from kucoin_stream.errors import UsageError
from kucoin_stream.settings import OWN_DOMAINS, Region
from kucoin_stream.transport.venue import Venue, of_exchange, of_region

Mode = Literal["live", "sim", "replay", "url"]


class Target(Struct, frozen=True):
    """A place that speaks KuCoin. ``reason`` says why it was chosen, where that was not the user's word."""

    mode: Mode
    rest_url: str
    reason: str = ""
    futures_url: str = ""  # where it differs from rest_url

    def venue(self, region: Region) -> Venue:
        """Return where its connections are."""
        if self.mode == "live":
            return of_region(region, self.futures_url)
        return of_exchange(self.rest_url, self.futures_url)

    @property
    def badge(self) -> str:
        """The word that stands beside every price that is not live."""
        return {"sim": "SIMULATED", "replay": "REPLAYED"}.get(self.mode, "")

    def describe(self) -> str:
        """Return one line for people."""
        what = {
            "live": "KuCoin",
            "sim": "the built-in exchange (SIMULATED)",
            "replay": "a recording (REPLAYED)",
            "url": "an exchange given by URL",
        }[self.mode]
        return f"{what} at {self.rest_url}" + (f": {self.reason}" if self.reason else "")


def check_rest_url(url: str) -> str:
    """Return ``url`` without a trailing slash; raise :class:`UsageError` unless it is the base of a REST API."""
    scheme, host = scheme_and_host(url)
    if scheme not in {"http", "https"} or not host:
        raise UsageError(f"not a REST base: {url!r}; write it as 'https://api.kucoin.com' or 'http://127.0.0.1:8080'")
    parts = urlsplit(url)
    if parts.username or parts.password:
        raise UsageError("a URL must not hold a user name or password; pass key=, secret= and passphrase=")
    if parts.query or parts.fragment:
        raise UsageError("the base of a REST API has no query: what follows ? or # is not shown here, it may be a key")
    return url.rstrip("/")


def is_loopback(url: str) -> bool:
    """Whether ``url`` names this machine."""
    _, host = scheme_and_host(url)
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_own(url: str) -> bool:
    """Whether ``url`` is a host of KuCoin's own, over TLS."""
    scheme, host = scheme_and_host(url)
    return scheme in {"https", "wss"} and any(host == own or host.endswith(f".{own}") for own in OWN_DOMAINS)


def is_private(url: str) -> bool:
    """Whether nobody can read along: TLS, or this machine."""
    return scheme_and_host(url)[0] in {"https", "wss"} or is_loopback(url)


def scheme_and_host(url: str) -> tuple[str, str]:
    """Return both, or nothing of a text that is no URL, such as one with half a bracket or a port of letters.

    What one parser of URLs drops or takes for a slash, and another does not, is none either: all must see one host.
    """
    if not url.isascii() or not url.isprintable() or "\\" in url or " " in url:
        return "", ""
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises where it is no port
    except ValueError:
        return "", ""
    return parts.scheme, parts.hostname or ""
