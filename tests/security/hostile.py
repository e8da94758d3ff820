"""A KuCoin that means harm: what it says is made to be run, rendered or obeyed. Kernels import it too."""

from __future__ import annotations

import json
import time
from typing import Any

from kucoin_stream.simulator import GeneratedMarket, Simulator

TEXT = (
    "\"'></span></pre><img src=x onerror=pwn(1)><svg onload=pwn(2)><script>pwn(3)</script>"
    "$\\href{javascript:pwn(4)}{m}$[md](javascript:pwn(5))\x1b[31m\x1b]0;t\x07\x00\u202e"
)
"""Words for every place: HTML, an attribute, Markdown, mathematics, a terminal, the direction of writing."""

REMOTE = "<img src=http://evil.invalid/i><link rel=stylesheet href=http://evil.invalid/c><iframe src=//evil.invalid>"
HANDLERS = 'x" onload="pwn(6)" onfocus="pwn(7)" autofocus tabindex="0" style="position:fixed;inset:0'
OBEYED = "\x1b\x07\x00\x9b\u202e\u2066"
"""What a terminal, or a text renderer, acts on. None of it may come out."""


def push(topic: str, subject: str, data: Any, **fields: Any) -> str:
    """Return a push of a classic connection."""
    return json.dumps({"type": "message", "topic": topic, "subject": subject, "data": data, **fields})


def trade(text: str, sequence: int) -> str:
    """Return a trade of BTC-USDT that has ``text`` wherever one can be."""
    data = {
        "makerOrderId": text, "takerOrderId": text, "tradeId": text, "side": text, "type": text, "symbol": text,
        "price": "1.5", "size": "2", "sequence": str(sequence), "time": str(time.time_ns()),
    }  # fmt: skip
    return push("/market/match:BTC-USDT", "trade.l3match", data)


def balance(text: str) -> str:
    """Return a change of the balance of a currency called ``text``."""
    data = {
        "accountId": text, "available": "9", "availableChange": "9", "currency": text, "hold": "0", "holdChange": "0",
        "relationEvent": text, "relationEventId": text, "total": "9", "time": str(time.time_ns() // 1_000_000),
        "relationContext": {"symbol": text, "tradeId": text, "orderId": text},
    }  # fmt: skip
    return push("/account/balance", "account.balance", data, channelType="private", userId=text)


def order(text: str) -> str:
    """Return an order of BTC-USDT that has ``text`` wherever one can be."""
    now = time.time_ns()
    data = {
        "canceledSize": "0", "clientOid": text, "filledSize": "0", "orderId": text, "orderTime": now // 1_000_000,
        "orderType": "limit", "originSize": "1", "price": "1", "remainSize": "1", "side": "buy", "size": "1",
        "status": "open", "symbol": text, "ts": now, "type": "open", "feeType": text, "liquidity": text,
    }  # fmt: skip
    return push("/spotMarket/tradeOrdersV2", "orderChange", data, channelType="private", userId=text)


def notice(text: str) -> str:
    """Return an error of a connection that answers nothing."""
    return json.dumps({"id": "", "type": "error", "code": 404, "data": text})


def exchange() -> Simulator:
    """Start a quiet market, which says nothing but harm beside a book and a candle."""
    return Simulator(GeneratedMarket(["BTC-USDT", "ETH-USDT"], seed=11, rate=2)).start()


def key_of(simulator: Simulator) -> dict[str, str]:
    """Return the key as arguments of a client."""
    known = simulator.credentials
    return {"key": known.key, "secret": known.secret, "passphrase": known.passphrase}
