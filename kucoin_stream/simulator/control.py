"""Faults by name: from the command line as text, or over HTTP for who knows the secret of this run (loopback only).

A fault is a method or a value of :class:`Faults`: ``gap:BTC-USDT,3``, ``late_acks:2``, ``rest:/api/v1/bullet,503``;
``@10`` after it delays it by 10 s. Over HTTP it is an object: ``{"fault": "gap", "symbol": "BTC-USDT", "n": 3}``.
"""

from __future__ import annotations

import hmac
import inspect
import ipaddress
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, get_type_hints
from urllib.parse import urlsplit

import msgspec

from kucoin_stream.errors import UsageError
from kucoin_stream.simulator.faults import Faults

PATH = "/sim/control"
HEADER = "X-Simulator-Secret"
LONGEST = 1e7  # seconds that a fault may be put off
DEEDS = (
    "bye", "clear", "cross", "deny", "duplicate", "gap", "garbage", "half_open", "hold", "inject", "kill",
    "old_snapshot", "refuse", "release", "reorder", "rest", "silence",
)  # fmt: skip
RULES: Mapping[str, type] = {
    "welcome": bool, "mute_acks": bool, "mute_pongs": bool, "late_welcome": float, "late_acks": float,
    "slow_rest": float, "slow_frames": float, "clock_offset": float,
}  # fmt: skip
_ON = {name: kind is bool and name != "welcome" for name, kind in RULES.items()}


class Planned(NamedTuple):
    """A fault of the command line, ``after`` seconds."""

    name: str
    arguments: tuple[str, ...]
    after: float


def parse(text: str, listed: Callable[[str], bool] = lambda _: True) -> Planned:
    """Read ``NAME[:ARGUMENT,...][@SECONDS]``; raise :class:`UsageError` where it is no fault.

    ``listed`` tells which symbols there are.
    """
    fault, _, delay = text.rpartition("@") if "@" in text else (text, "", "0")
    name, colon, arguments = fault.partition(":")
    try:
        after = float(delay)
    except ValueError:
        after = -1.0
    if not 0.0 <= after <= LONGEST:
        raise UsageError(f"{text}: after @ comes a number of seconds, up to {LONGEST:,.0f}")
    given = tuple(arguments.split(",")) if colon else ()
    perform(Faults(listed=listed), name, given, {})
    return Planned(name, given, after)


def perform(faults: Faults, name: str, arguments: Sequence[Any], named: Mapping[str, Any]) -> None:
    """Let a fault happen; raise :class:`UsageError` where there is none of that name, or its arguments are wrong."""
    try:
        if name in RULES:
            given = [*arguments, *named.values()] or [_ON[name]]
            setattr(faults, name, msgspec.convert(given[0] if len(given) == 1 else given, RULES[name], strict=False))
        elif name in DEEDS:
            _call(getattr(faults, name), arguments, named)
        else:
            raise UsageError(f"there is no fault {name}; there are: {', '.join(sorted((*DEEDS, *RULES)))}")
    except (TypeError, msgspec.ValidationError) as exc:
        raise UsageError(f"{name}: {exc}") from None


def allowed(peer: str, headers: Mapping[str, str], secret: str) -> bool:
    """Whether a request comes from this machine, was meant for it, and knows the secret.

    A page of a browser can do none of it: it names itself in ``Origin``, its own name is in ``Host`` however it
    resolves, and it does not know the secret.
    """
    host = headers.get("Host", "")
    origin = headers.get("Origin", f"http://{host}")
    return (
        is_here(peer)
        and is_here(_name(host))
        and origin == f"http://{host}"
        and hmac.compare_digest(headers.get(HEADER, "").encode(errors="surrogateescape"), secret.encode())
    )


def invited(headers: Mapping[str, str], *, anywhere: bool) -> bool:
    """Whether a request is no page's of a browser: those say where they come from, and libraries only repeat the host.

    A page needs no leave to open a websocket, and the key of a simulated account is no secret. ``anywhere``: the
    exchange listens beyond this machine, and so goes by other names than this machine's.
    """
    host, origin = headers.get("Host", ""), headers.get("Origin")
    return origin is None or (origin == f"http://{host}" and (anywhere or is_here(_name(host))))


def _name(host: str) -> str:
    """Return the name in a header ``Host``, without the port; empty where there is none."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:  # such as [::1
        return ""


def _call(method: Any, arguments: Sequence[Any], named: Mapping[str, Any]) -> None:
    hints = get_type_hints(method)
    bound = inspect.signature(method).bind(*arguments, **named)
    method(**{name: _read(value, hints[name]) for name, value in bound.arguments.items()})


def _read(value: Any, kind: Any) -> Any:
    if kind == str | bytes and isinstance(value, str | bytes):
        return value
    return msgspec.convert(value, kind, strict=False)


def is_here(host: str) -> bool:
    """Whether a name or address is this machine's own."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
