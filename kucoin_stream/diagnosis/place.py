"""What is looked at: the exchange, its options, and whose key."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from kucoin_stream.checks import check_settings
from kucoin_stream.client import Client
from kucoin_stream.default import current, meant
from kucoin_stream.errors import UsageError
from kucoin_stream.opening import Opening
from kucoin_stream.protocol.signing import Hidden
from kucoin_stream.recording.blocks import is_tape
from kucoin_stream.settings import REST_BASE, Credentials, Settings
from kucoin_stream.transport import credentials as keys
from kucoin_stream.transport.engine import Engine
from kucoin_stream.transport.signer import Sign
from kucoin_stream.transport.target import Target, check_rest_url

_RECORDINGS = (".kcs", ".jsonl", ".jsonl.gz")
_PASSED = "passed as an argument"
_OURS = "of the built-in exchange"


class Place(NamedTuple):
    """Where to look. Its repr hides the key, which is ``given`` by whom ``source`` says.

    ``engine``: of the client that is connected there. ``simulator``: to be stopped afterwards, together with it.
    """

    target: Target
    settings: Settings
    given: Credentials | None = None
    source: str = _PASSED
    sign: Sign | None = None
    engine: Engine | None = None
    simulator: Any = None

    @property
    def plays(self) -> bool:
        """Whether it is a tape, which nothing needs to reach."""
        return self.target.mode == "replay" and "://" not in self.target.rest_url

    @property
    def post(self) -> Callable[[Callable[[], None]], object] | None:
        """What has the client's I/O loop call a function."""
        return None if self.engine is None else self.engine.post

    @property
    def urls(self) -> tuple[str, ...]:
        """The addresses that a key would go to."""
        given = (self.target.rest_url, self.target.futures_url, *self.settings.addresses().values())
        return tuple(filter(None, given))

    def symbol(self) -> str:
        """Return a spot symbol that there should be."""
        known = self.engine.symbols if self.engine is not None else {}
        return "BTC-USDT" if "BTC-USDT" in known or not known else next(iter(known))


def place(asked: str | None, *, sign: Sign | None = None, futures_url: str = "", **options: Any) -> Place:
    """Return what is meant by a target, or without one by the client that is connected, else KuCoin.

    Connects nothing, and starts the built-in exchange for ``"sim"`` alone. Raises :class:`UsageError`.
    """
    options = Hidden(options)  # a traceback with variables would show the key
    if asked is None and not (options or sign or futures_url) and (client := current()) is not None:
        return _of(client)
    given = keys.given(*(options.pop(part, None) for part in ("key", "secret", "passphrase")))
    settings = check_settings(options)
    futures_url = check_rest_url(futures_url) if futures_url else ""
    match meant(asked or None):
        case "auto" | "live":
            target = Target("live", REST_BASE[settings.region], futures_url=futures_url)
        case "sim":
            return _simulated(settings, given, sign)
        case url if "://" in url:
            target = Target("url", check_rest_url(url), futures_url=futures_url)
        case path if path.endswith(_RECORDINGS) or is_tape(Path(path)):
            target = Target("replay", path)
        case other:
            raise UsageError(f"no such target: {other!r}; it is 'live', 'sim' or a URL such as 'http://127.0.0.1:8080'")
    return Place(target, settings, given, sign=sign)


def _of(client: Client) -> Place:
    given, source = client._opening.given, _PASSED
    if given is None and client.simulator is not None:
        given, source = client.simulator.credentials, _OURS
    return Place(client.target, client.settings, given, source, client._opening.sign, client.engine)


def _simulated(settings: Settings, given: Credentials | None, sign: Sign | None) -> Place:
    engine, simulator = Opening("sim", settings).open()
    source = _PASSED if given else _OURS
    return Place(engine.target, settings, given or simulator.credentials, source, sign, engine, simulator)
