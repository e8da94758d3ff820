"""Signatures of private calls (KuCoin API docs, "Authentication"; protocol.md 2.1). Pure.

Three things are signed with the secret: a text that says what is asked for (the functions ``..._message`` make it), the
passphrase, and on the WS API the session text as received. What carries signatures here takes them ready made, so
that they may come from :func:`sign` or from a function of the user's, which may be a coroutine.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any


class Hidden(dict[str, Any]):
    """A dictionary that holds signatures: its repr, and so a traceback with variables, shows none of it."""

    def __repr__(self) -> str:
        return "<hidden>"


def sign(message: str, secret: str) -> str:
    """Base64 of HMAC-SHA256 of ``message`` with the key ``secret``, both as UTF-8."""
    return base64.b64encode(hmac.digest(secret.encode(), message.encode(), hashlib.sha256)).decode()


def rest_message(timestamp_ms: int, method: str, path_with_query: str, body: str = "") -> str:
    """Return the text that a REST signature covers; ``body`` exactly as it is sent."""
    return f"{timestamp_ms}{method.upper()}{path_with_query}{body}"


def rest_headers(*, key: str, timestamp_ms: int, signature: str, passphrase: str) -> dict[str, str]:
    """Return the headers of a private REST call, for keys of version 2 and 3; ``passphrase`` is the signed one.

    ``signature`` is that of the call's :func:`rest_message`.
    """
    headers = {
        "KC-API-KEY": key,
        "KC-API-TIMESTAMP": str(timestamp_ms),
        "KC-API-SIGN": signature,
        "KC-API-PASSPHRASE": passphrase,
        "KC-API-KEY-VERSION": "2",
        "Content-Type": "application/json",
    }
    return Hidden(headers)


def auth_message(timestamp_ms: int) -> str:
    """Return the text that the signature of an :func:`auth_frame` covers (6.4, 7.3)."""
    return rest_message(timestamp_ms, "POST", "/api/websocket/users/verify")


def auth_frame(*, key: str, timestamp_ms: int, signature: str, passphrase: str, request_id: str = "auth") -> bytes:
    """Return the frame that authenticates a Pro private connection, or a WS API connection of generation 2.

    ``passphrase`` is the signed one. The exchange takes the frame within 5 s of ``timestamp_ms``.
    """
    frame = {
        "id": request_id,
        "op": "auth",
        "kc-api-key": key,
        "kc-api-sign": signature,
        "kc-api-timestamp": str(timestamp_ms),
        "kc-api-passphrase": passphrase,
    }
    return json.dumps(frame, separators=(",", ":")).encode()


def query_message(key: str, timestamp_ms: int) -> str:
    """Return the text that the signature in a WS API address covers (7.1)."""
    return f"{key}{timestamp_ms}"


def query(*, key: str, timestamp_ms: int, signature: str, passphrase: str, nanoseconds: bool = False) -> dict[str, str]:
    """Return the parameters of a WS API address of generation 1, not yet escaped; ``passphrase`` is the signed one.

    ``nanoseconds`` asks for the times of answers in ns instead of ms.
    """
    parameters = {"apikey": key, "sign": signature, "passphrase": passphrase, "timestamp": str(timestamp_ms)}
    return parameters | ({"enable_ns": "true"} if nanoseconds else {})
