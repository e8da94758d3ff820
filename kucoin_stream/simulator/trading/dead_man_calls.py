"""The REST calls of the dead man's cancel: a row each. Pure."""

from __future__ import annotations

import msgspec

from kucoin_stream.simulator.flow import SECOND
from kucoin_stream.simulator.market import Json
from kucoin_stream.simulator.rest_call import Call, Query
from kucoin_stream.simulator.trading.dead_man import Setting
from kucoin_stream.simulator.trading.deeds import SPOT_BAD
from kucoin_stream.simulator.trading.tickets import read


class LifeSign(msgspec.Struct, frozen=True):
    """What a client says: seconds, and names joined by commas."""

    timeout: int
    symbols: str | None = ""


def _set(query: Query) -> Json:
    sign = read(LifeSign, query.body, SPOT_BAD)
    symbols = tuple(name.strip() for name in (sign.symbols or "").split(",") if name.strip())
    dead_man = query.account.dead_man
    dead_man.live(sign.timeout, symbols, query.now_ns)
    return _times(dead_man.setting, query.now_ns)


def _get(query: Query) -> Json:
    setting = query.account.dead_man.setting
    if setting is None:
        return None
    return {"timeout": setting.timeout_s, "symbols": ",".join(setting.symbols), **_times(setting, query.now_ns)}


def _times(setting: Setting | None, now_ns: int) -> dict[str, int]:
    return {"currentTime": now_ns // SECOND, "triggerTime": 0 if setting is None else setting.ends_ns // SECOND}


DEAD_MAN_CALLS: tuple[Call, ...] = tuple(
    call._replace(signed=True)
    for call in (
        Call("POST", "/api/v1/hf/orders/dead-cancel-all", 2, _set),
        Call("GET", "/api/v1/hf/orders/dead-cancel-all/query", 2, _get),
    )
)
