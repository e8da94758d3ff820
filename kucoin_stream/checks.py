"""What users pass, checked in the cell that passes it: each error says what to write instead."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection
from typing import Any
from urllib.parse import urlsplit

import msgspec

from kucoin_stream.errors import UsageError, hint
from kucoin_stream.protocol.topics import INTERVALS, Connection
from kucoin_stream.settings import REST_BASE, Limits, Settings
from kucoin_stream.transport.socket import takes_picows
from kucoin_stream.transport.target import scheme_and_host

_ELSEWHERE = {  # by the names of the Node client ``kucoin-api``, whose times are milliseconds
    "apiKey": "key",
    "apiSecret": "secret",
    "apiPassphrase": "passphrase",
    "apiRegion": "region",
    "recvWindow": "receive_window (seconds)",
    "pingInterval": "ping_interval (seconds)",
    "pongTimeout": "pong_timeout (seconds)",
    "reconnectTimeout": "reconnect_delay (seconds)",
    "reauthWSAPIOnReconnect": "reauthenticate",
    "wsUrl": "websocket_url",
    "customSignMessageFn": "sign",
}
_BESIDE = {"key", "secret", "passphrase", "sign", "futures_url", "speed"}  # of a client, but no settings


def check_settings(options: dict[str, Any]) -> Settings:
    """Return ``options`` as settings."""
    names = {field.name for field in msgspec.structs.fields(Settings)}
    for name in options:
        if name not in names:
            raise UsageError(f"no such option {name!r}; {_instead(name, names)}")
    region = options.get("region", "global")
    if not isinstance(region, str) or region not in REST_BASE:
        raise UsageError(f"no such region {region!r}; there are: {', '.join(REST_BASE)}")
    try:
        settings = msgspec.convert({**options, "limits": Limits()} | options, Settings, from_attributes=True)
    except msgspec.ValidationError as exc:
        raise UsageError(f"an option is wrong: {exc}") from None
    for key, url in settings.addresses().items():
        if key != "*" and key not in list(Connection):
            raise UsageError(f"no such connection {key!r}; there are: {', '.join(Connection)}")
        if scheme_and_host(url)[0] not in {"ws", "wss"}:
            raise UsageError(f"not a websocket's address: {url!r}; write it as 'wss://ws-api-spot.kucoin.com'")
        if "@" in urlsplit(url).netloc:
            raise UsageError("a websocket's address must not hold a user name or password")
    takes_picows(settings)  # raises where it is asked for and not installed
    return settings


def _instead(name: str, names: set[str]) -> str:
    """Return the end of a sentence on an option that there is not."""
    elsewhere = _ELSEWHERE.get(name)
    return f"did you mean {elsewhere}?" if elsewhere else hint(name, sorted(names | _BESIDE))


def check_interval(interval: str | None, known: Collection[str] = INTERVALS) -> str:
    """Return ``interval`` if it is one; raise :class:`UsageError` with those there are."""
    if isinstance(interval, str) and interval in known:
        return interval
    if interval is None:
        raise UsageError(f"klines need interval=; there are: {', '.join(known)}")
    near = nearest(str(interval), known)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise UsageError(f"no such interval {str(interval)[:50]!r}; there are: {', '.join(known)}{hint}")


_FUTURES = re.compile(r"[A-Z0-9]+M(?:[FGHJKMNQUVXZ][0-9]{2})?")


def is_futures(symbol: object) -> bool:
    """Whether a symbol has the form of a futures contract: ``XBTUSDTM``, ``XBTMZ26`` (protocol.md 0.4).

    A pattern has it where it has letters and no ``-``: ``*USDTM``; ``*`` alone has not.
    """
    if is_pattern(symbol):
        return "-" not in str(symbol) and any(letter.isalnum() for letter in str(symbol))
    return isinstance(symbol, str) and _FUTURES.fullmatch(symbol) is not None


def is_pattern(symbol: object) -> bool:
    """Whether a text stands for several symbols: ``*-USDT``, ``BTC-*``, ``???USDTM``."""
    return isinstance(symbol, str) and ("*" in symbol or "?" in symbol)


def nearest(word: str, known: Any) -> list[str]:
    """Return up to three of ``known`` that ``word`` may have meant: the same but for case and separators first."""
    bare = {_bare(each): each for each in known}
    if _bare(word) in bare:
        return [bare[_bare(word)]]
    if begin := [each for name, each in bare.items() if _bare(word) and name.startswith(_bare(word))]:
        return begin[:3]
    return [bare[each] for each in difflib.get_close_matches(_bare(word), bare, 3, 0.7)]


def _bare(word: str) -> str:
    return "".join(letter for letter in word.upper() if letter.isalnum())


def plain(argument: str) -> str:
    """Return ``argument`` if it can stand in a topic."""
    if not isinstance(argument, str) or not argument.strip() or any(c in argument for c in ",:\n\r\t"):
        raise UsageError(f"not an argument of a topic: {argument!r}")
    return argument
