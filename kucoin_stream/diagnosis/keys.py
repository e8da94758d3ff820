"""Where the API key comes from, and whether it is whole. Its parts are never shown."""

from __future__ import annotations

import os

from kucoin_stream.diagnosis.chart import Chart, Found
from kucoin_stream.diagnosis.place import Place
from kucoin_stream.settings import Credentials
from kucoin_stream.transport import credentials as keys
from kucoin_stream.transport.probe import aside, proxy_passwords
from kucoin_stream.transport.target import is_own

_TIMEOUT = 2.0  # seconds: a keyring may ask somebody for a password
_NONE = "none: public data only"


async def credentials(chart: Chart, place: Place) -> Credentials | None:
    """Return the key that a client would use there; add where it is from. Its parts become secrets of the chart."""
    stored = {name: text for name in keys.VARIABLES if (text := os.environ.get(name))}
    chart.secrets.update(stored.values(), proxy_passwords())
    if place.given is not None:
        chart.secrets.update((place.given.key, place.given.secret, place.given.passphrase))
    found = await chart.here.check("credentials", _TIMEOUT, _found(place, bool(stored)), timed=False)
    if found is not None:
        chart.secrets.update((found.key, found.secret, found.passphrase))
    return found


async def _found(place: Place, in_environment: bool) -> Found[Credentials | None]:
    if place.given is not None:
        return Found(keys.allowed(place.given, *place.urls), f"{place.source}, complete")
    if not all(map(is_own, place.urls)):
        unused = "; those of the environment go to KuCoin's own hosts only" if in_environment else ""
        return Found(None, _NONE + unused)
    source = "environment" if in_environment else "keyring"
    found = await aside(keys.stored)
    return Found(found, f"of the {source}, complete" if found else _NONE)
