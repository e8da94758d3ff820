"""Signatures of private calls (KuCoin API docs, "Authentication"; protocol.md 2.1). Pure."""

from __future__ import annotations

import base64
import hashlib
import hmac


def sign(message: str, secret: str) -> str:
    """Base64 of HMAC-SHA256 of ``message`` with the key ``secret``, both as UTF-8."""
    return base64.b64encode(hmac.digest(secret.encode(), message.encode(), hashlib.sha256)).decode()


def rest_message(timestamp_ms: int, method: str, path_with_query: str, body: str = "") -> str:
    """Return the text that a REST signature covers; ``body`` exactly as it is sent."""
    return f"{timestamp_ms}{method.upper()}{path_with_query}{body}"


def rest_headers(
    *,
    key: str,
    secret: str,
    passphrase: str,
    timestamp_ms: int,
    method: str,
    path_with_query: str,
    body: str = "",
) -> dict[str, str]:
    """Return the headers of a private REST call, for keys of version 2 and 3."""
    return {
        "KC-API-KEY": key,
        "KC-API-TIMESTAMP": str(timestamp_ms),
        "KC-API-SIGN": sign(rest_message(timestamp_ms, method, path_with_query, body), secret),
        "KC-API-PASSPHRASE": sign(passphrase, secret),
        "KC-API-KEY-VERSION": "2",
        "Content-Type": "application/json",
    }
