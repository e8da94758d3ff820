"""What an error means for those who have it, and what they can do: the words of a report."""

from __future__ import annotations

import re
import traceback
from typing import NamedTuple

from kucoin_stream.errors import (
    KucoinStreamError,
    NotReadyError,
    RefusedError,
    RemoteProtocolError,
    ResponseError,
    UnreachableError,
    UsageError,
    printable,
)
from kucoin_stream.protocol.endpoints.codes import meaning

ELSEWHERE = "try another network, or work with the built-in exchange: ks.connect('sim')"
BLOCKED = (
    "KuCoin does not serve this address: its country, or that of a VPN or cloud it comes from. If your account is of "
    f"KuCoin EU or Australia, say region='EU' or 'AU'; otherwise {ELSEWHERE}"
)
_BY_STAGE = {
    "dns": f"is this machine online, and does it look up names? Behind a proxy, set HTTPS_PROXY; otherwise {ELSEWHERE}",
    "tcp": f"a firewall on the way, or nothing runs there. Behind a proxy, set HTTPS_PROXY; otherwise {ELSEWHERE}",
    "tls": "something on the way does not let encrypted connections pass: a login page, a proxy, a firewall",
    "http": "the connection came, the answer did not: a proxy or firewall on the way, or an overload; try again",
    "proxy": "look at HTTPS_PROXY and NO_PROXY; the client goes the same way",
    "websocket": "where REST works, something on the way keeps websockets out: a proxy, a firewall, a virus scanner",
}
_BLOCKED = frozenset({403, 451})
_REGION = frozenset({"40010", "400301", "400302", "400303", "400304", "400500"})  # protocol.md 9.3, 9.4
_ADDRESS = "400006"  # its text holds the address of this machine, which is no matter of a bug report


class Trouble(NamedTuple):
    """An error as ``detail``, and what to do ``next``."""

    detail: str
    next: str


def trouble(exc: Exception) -> Trouble:
    """Return what an error says, in words that hold no address with a token."""
    match exc:
        case ResponseError():
            return _answered(exc)
        case UnreachableError(stage="websocket") if re.search(r"\b(403|451)\b", str(exc)):
            return Trouble(str(exc), BLOCKED)
        case UnreachableError():
            return Trouble(str(exc), _BY_STAGE.get(exc.stage, ELSEWHERE))
        case RefusedError():
            return Trouble(str(exc), meaning("spot", str(exc.code)) or "the exchange refused: see the text")
        case RemoteProtocolError():
            return Trouble(printable(exc), "is this KuCoin? A login page or proxy may have answered in its place")
        case NotReadyError() | TimeoutError():
            return Trouble("no answer in time", f"nothing comes back: a firewall, or an overload; {ELSEWHERE}")
        case UsageError() | KucoinStreamError():
            return Trouble(printable(exc), "see the text")
        case _:
            return Trouble(f"the check itself failed: {_place(exc)}", "an error of kucoin_stream: please report it")


def _answered(exc: ResponseError) -> Trouble:
    detail = f"HTTP {exc.status}, code {exc.code}" if exc.code == _ADDRESS else printable(exc)
    known = meaning("spot", exc.code)
    if exc.code in _REGION or (exc.status in _BLOCKED and not known):
        return Trouble(detail, BLOCKED)
    if known:
        return Trouble(detail, known)
    if exc.status == 429:
        return Trouble(detail, meaning("spot", "429000"))
    if exc.status >= 500:
        return Trouble(detail, "the exchange itself is in trouble: try again later")
    return Trouble(detail, "see the text")


def _place(exc: Exception) -> str:
    """Return an unexpected error by kind and line: its text may hold anything."""
    frames = traceback.extract_tb(exc.__traceback__)
    where = f" in {frames[-1].name}, line {frames[-1].lineno}" if frames else ""
    return f"{type(exc).__name__}{where}"
