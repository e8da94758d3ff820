"""Which quota a REST call counts against (protocol.md 8.1), known from its path alone. Pure."""

from __future__ import annotations

from kucoin_stream.protocol.endpoints.endpoint import Host

PUBLIC = "Public"
"""The pool that counts by address; all others count by user."""

_MANAGEMENT = (
    "/api/v1/accounts", "/api/v2/accounts/", "/api/v3/accounts/", "/api/v2/user-info", "/api/v1/user/api-key",
    "/api/v1/withdrawals", "/api/v3/withdrawals", "/api/v1/deposit", "/api/v2/deposit-addresses",
    "/api/v3/deposit-address", "/api/v1/hist-", "/api/v1/sub", "/api/v2/sub", "/api/v1/transfer-",
    "/api/v3/transfer-out",
)  # fmt: skip
_UNSIGNED = ("/api/v1/margin/config",)  # by user all the same


def pool_of(host: Host, path: str, *, signed: bool) -> str:
    """Return the pool of a call of the spot or futures host; ``path`` is without its query."""
    if path.startswith("/api/ua/"):
        return "UTA"
    if path.startswith(_MANAGEMENT):
        return "Management"
    if not (signed or path in _UNSIGNED):
        return PUBLIC
    return "Futures" if host == "futures" else "Spot"
