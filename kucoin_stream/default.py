"""The default client: what the front door's functions use."""

from __future__ import annotations

import hashlib
import logging
import os
import threading
from typing import Any

from kucoin_stream.client import Client
from kucoin_stream.protocol.signing import Hidden

VARIABLE = "KUCOIN_STREAM_TARGET"

log = logging.getLogger("kucoin_stream")

_default: Client | None = None
_default_asked: object = None
_lock = threading.RLock()


def meant(target: str | os.PathLike[str] | None) -> str:
    """Return what a target means: where there is none, that of the environment, else "auto"."""
    return os.environ.get(VARIABLE) or "auto" if target is None else os.fspath(target)


def connect(target: str | os.PathLike[str] | None = None, **options: Any) -> Client:
    """Connect the default client and return it; the same call again returns the same client.

    ``target`` and ``options`` as for :class:`Client`. Without a target, the environment variable
    ``KUCOIN_STREAM_TARGET`` decides, else "auto". A different call ends the client before, whose frames then say so.
    Each call disarms ``client.orders``.
    """
    global _default, _default_asked
    options = Hidden(options)  # a traceback with variables would show the key
    asked = meant(target)
    with _lock:
        call = hashlib.sha256(repr((asked, sorted(options.items()))).encode()).digest()  # holds no secret
        if (running := current()) is not None and call == _default_asked:
            running.disarm()
            return running
        client = Client(asked, **options).open()
        if _default is not None:
            _default.close(f"switched to {client.target.describe()}")
        _default, _default_asked = client, call
        if asked == "auto" and client.target.mode == "sim":
            log.warning("connected to %s", client.target.describe())
        return client


def default_client() -> Client:
    """Return the default client, connected "auto" where there is none yet."""
    with _lock:
        return current() or connect()


def current() -> Client | None:
    """Return the default client if there is one; connect nothing."""
    return None if _default is None or _default._ended else _default


def stop(*what: object) -> None:
    """End the default client; with arguments only what they name, as :meth:`Client.stop`."""
    with _lock:
        if what:
            default_client().stop(*what)
        elif _default is not None:
            _default.close("by ks.stop()")
