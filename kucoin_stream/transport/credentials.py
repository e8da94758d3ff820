"""Where API keys come from, and where they may go (design.md, law 9)."""

from __future__ import annotations

import logging
import os

from kucoin_stream.errors import UsageError
from kucoin_stream.protocol.signing import Hidden
from kucoin_stream.settings import Credentials
from kucoin_stream.transport.target import is_own, is_private

VARIABLES = ("KUCOIN_API_KEY", "KUCOIN_API_SECRET", "KUCOIN_API_PASSPHRASE")
KEYRING_SERVICE = "kucoin-stream"
_PARTS = ("key", "secret", "passphrase")

log = logging.getLogger("kucoin_stream")


def given(key: str | None, secret: str | None, passphrase: str | None) -> Credentials | None:
    """Return credentials passed as arguments; raise :class:`UsageError` where only a part of them is there."""
    parts = Hidden(key=key, secret=secret, passphrase=passphrase)
    del key, secret, passphrase  # a traceback with variables would show them
    missing = [name for name, value in parts.items() if not value]
    if len(missing) == len(parts):
        return None
    if missing:
        raise UsageError(f"an API key has three parts; missing: {', '.join(missing)}")
    if other := [name for name in parts if not isinstance(parts[name], str)]:
        raise UsageError(f"the parts of an API key are text; something else is: {', '.join(other)}")
    if odd := [name for name in parts if not parts[name].isprintable() or not parts[name].isascii()]:
        raise UsageError(f"not a part of an API key, for it holds odd characters: {', '.join(odd)}")
    return Credentials(**parts)


def allowed(credentials: Credentials | None, *urls: str) -> Credentials | None:
    """Return the credentials for all of ``urls``: those passed, else stored ones, for KuCoin's own hosts only.

    Raises :class:`UsageError` where they would travel readable by others.
    """
    if credentials is None:
        return stored() if all(map(is_own, urls)) else None
    for url in urls:
        if not is_private(url):
            raise UsageError(f"an API key goes over https or to this machine only, not to {url}")
    return credentials


def stored() -> Credentials | None:
    """Return the credentials of the environment, else of the system keyring, if there are any."""
    if any(os.environ.get(name) for name in VARIABLES):
        return given(*(os.environ.get(name) for name in VARIABLES))
    import keyring
    from keyring.errors import KeyringError

    try:
        return given(*(keyring.get_password(KEYRING_SERVICE, part) for part in _PARTS))
    except KeyringError as exc:  # no keyring on this machine, or a locked one
        log.info("no keyring: %s", type(exc).__name__)
        return None
