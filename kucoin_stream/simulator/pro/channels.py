"""Which channels the Pro sockets have, and what a subscription asks for (protocol.md 6.2, 6.5, 6.6). Pure.

A subscription is named as ``T`` of its pushes and its arguments: ``ticker.SPOT:BTC-USDT``,
``kline.FUTURES:XBTUSDTM_1min``, ``obu.SPOT:BTC-USDT_increment@10ms``, ``mark-price:XBTUSDTM``.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import msgspec

from kucoin_stream.simulator.market import INTERVAL_NAMES

Host = Literal["spot", "futures", "private"]

DEPTHS = ("1", "5", "50", "increment", "increment@10ms")
TEN_MS = "increment@10ms"
FUNDING_ALL = "funding-fee-all-symbols"
INVALID = "invalid request data"
_HOST_TYPES: dict[Host, str] = {"spot": "SPOT", "futures": "FUTURES"}
_ACCOUNT_TYPES = ("UNIFIED", "FUNDING", "ISOLATED", "CROSS", "FUTURES", "SPOT", "TRADING")
_PRIVATE_TYPES = ("UNIFIED", "SPOT", "FUTURES", "ISOLATED", "CROSS")


class ProRefusal(NamedTuple):
    """Why a request is refused: ``text`` under the name that KuCoin uses for it."""

    text: str
    name: Literal["message", "reason"] = "reason"


class ProRequest(msgspec.Struct, frozen=True, rename="camel"):
    """A frame of a client. What a channel does not use is ignored."""

    id: str | int | None = None
    action: str = ""
    type: str = ""
    op: str = ""
    channel: str = ""
    trade_type: str = ""
    symbol: str = ""
    symbols: tuple[str, ...] = ()
    interval: str = ""
    depth: str = ""
    rpi_filter: int = 0
    account_type: str = ""
    key: str = msgspec.field(default="", name="kc-api-key")
    sign: str = msgspec.field(default="", name="kc-api-sign")
    timestamp_ms: str | int = msgspec.field(default="", name="kc-api-timestamp")
    passphrase: str = msgspec.field(default="", name="kc-api-passphrase")


class Channel(NamedTuple):
    """A row of the table. ``tagged``: whether ``T`` ends in the trade type."""

    name: str
    trade_types: tuple[str, ...]
    symbols: Literal["one", "some", "none"] = "one"
    tagged: bool = True
    private: bool = False


_BOTH = ("SPOT", "FUTURES")

CHANNELS: tuple[Channel, ...] = (
    Channel("ticker", _BOTH, "some"),
    Channel("trade", _BOTH),
    Channel("kline", _BOTH),
    Channel("obu", _BOTH),
    Channel("mark-price", ("FUTURES",), tagged=False),
    Channel("funding-fee", ("FUTURES",), "some", tagged=False),
    Channel(FUNDING_ALL, ("FUTURES",), "none", tagged=False),
    Channel("callAuctionInfo", ("SPOT",)),
    Channel("order", _PRIVATE_TYPES, private=True),
    Channel("orderAll", _PRIVATE_TYPES, "none", private=True),
    Channel("execution", _PRIVATE_TYPES, "none", private=True),
    Channel("execution.lite", _PRIVATE_TYPES, "none", private=True),
    Channel("balance", (), "none", private=True),
    Channel("position", _PRIVATE_TYPES, private=True),
    Channel("positionAll", _PRIVATE_TYPES, "none", private=True),
    Channel("lw", _PRIVATE_TYPES, "none", private=True),
    Channel("leverage", _PRIVATE_TYPES, "none", private=True),
)

_BY_NAME = {channel.name: channel for channel in CHANNELS}


def resolve(request: ProRequest, host: Host) -> tuple[str, ...] | ProRefusal:
    """Return what a request subscribes to, or why it is refused."""
    channel = _BY_NAME.get(request.channel)
    if channel is None or channel.private != (host == "private"):
        return ProRefusal(INVALID, "message")
    kind = request.account_type if channel.name == "balance" else request.trade_type
    if kind not in (channel.trade_types or _ACCOUNT_TYPES):
        return ProRefusal(INVALID, "message")
    spoken = channel.name[:1].upper() + channel.name[1:]
    if host != "private" and kind != _HOST_TYPES[host]:
        wrong = f'topic {spoken} type = "public_{kind.lower()}" not allowed in current environment'
        return ProRefusal(wrong)
    if request.symbols and channel.symbols != "some":
        return ProRefusal(f"symbols are not supported for topic {channel.name}")
    symbols = () if channel.symbols == "none" else request.symbols or (request.symbol,)
    if not all(symbols):
        return ProRefusal(f"missing `symbol` for topic: {spoken}")
    suffix = _suffix(request)
    if suffix is None:
        return ProRefusal(INVALID, "message")
    tag = f"{channel.name}.{kind}" if channel.tagged else channel.name
    return tuple(dict.fromkeys(f"{tag}:{symbol}{suffix}" for symbol in symbols)) or (tag,)


def _suffix(request: ProRequest) -> str | None:
    """What else tells subscriptions of a channel apart; ``None`` where it is wrong."""
    match request.channel:
        case "kline":
            return f"_{request.interval}" if request.interval in INTERVAL_NAMES else None
        case "obu":
            if request.depth not in DEPTHS or request.rpi_filter not in (0, 1):
                return None
            split = request.rpi_filter and request.trade_type == "FUTURES" and request.depth in ("5", "50")
            return f"_{request.depth}_rpi" if split else f"_{request.depth}"
        case _:
            return ""


def increments(symbol: str) -> tuple[str, ...]:
    """Return the incremental books of a symbol, on every kind of connection."""
    pro = tuple(f"obu.{kind}:{symbol}_{depth}" for kind in _BOTH for depth in DEPTHS[3:])
    return (f"/market/level2:{symbol}", f"/contractMarket/level2:{symbol}", *pro)
