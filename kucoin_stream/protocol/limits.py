"""What KuCoin allows a client on each kind of connection (protocol.md 3.6, 6.3)."""

from __future__ import annotations

import sys

from kucoin_stream.protocol import pro, wsapi
from kucoin_stream.protocol.topic import Connection
from kucoin_stream.settings import Limits

_FUTURES = Limits(topics_per_connection=sys.maxsize)

_LIMITS = {
    Connection.FUTURES_PUBLIC: _FUTURES,
    Connection.FUTURES_PRIVATE: _FUTURES,
    Connection.SPOT_PRO: pro.PUBLIC_LIMITS,
    Connection.FUTURES_PRO: pro.PUBLIC_LIMITS,
    Connection.PRIVATE_PRO: pro.PRIVATE_LIMITS,
    Connection.SPOT_ORDERS: wsapi.LIMITS,
    Connection.FUTURES_ORDERS: wsapi.LIMITS,
}


_UNSET = Limits()


def limits_of(key: Connection, given: Limits = _UNSET) -> Limits:
    """Return the limits of a kind of connection: those that a user has set, else KuCoin's."""
    return _LIMITS.get(key, given) if given == _UNSET else given
