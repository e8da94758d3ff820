"""From what a user asks of :meth:`Client.shard` to shards that run; each error says what to write instead."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec import structs

from kucoin_stream import given
from kucoin_stream.arguments import arguments
from kucoin_stream.checks import is_futures
from kucoin_stream.client import Client
from kucoin_stream.errors import UsageError
from kucoin_stream.frames.bookchoice import Source
from kucoin_stream.instruments import Instruments
from kucoin_stream.protocol import topics
from kucoin_stream.settings import Settings
from kucoin_stream.shards.collector import Collector
from kucoin_stream.shards.shards import Shards
from kucoin_stream.shards.shell import Make


def shard(client: Client, symbols: str | Iterable[str], dask: Any, source: Source | None, every: float) -> Shards:
    """Return shards of ``symbols``; see :meth:`Client.shard`."""
    _check_dask(dask)
    every = given.above("every", every, "seconds between two reports, such as 0.25")
    names = _names(symbols, client.instruments)
    return Shards(client, names, dask, _make(client, dask, source), every)


def _check_dask(dask: Any) -> None:
    try:
        from distributed import Client as DaskClient
    except ImportError as exc:
        raise UsageError("shards need Dask: pip install 'kucoin-stream[dask]'") from exc
    if not isinstance(dask, DaskClient):
        raise UsageError(f"dask_client={given.shown(dask)}: write a distributed.Client")
    if dask.asynchronous:
        raise UsageError(
            "an asynchronous Dask client cannot be waited for: write distributed.Client(address), "
            "which may be made and used in a thread: await asyncio.to_thread(...)"
        )
    if dask.status != "running":
        raise UsageError(f"the Dask client is {dask.status}")


def _names(symbols: str | Iterable[str], instruments: Instruments) -> list[str]:
    """Return symbols of either market, patterns replaced by what they stand for."""
    found: list[str] = []
    for each in [symbols] if isinstance(symbols, str) else symbols:
        row = topics.find("futures.level2" if is_futures(each) else "spot.level2")
        found += arguments(row, (each,), None, instruments)
    if not found:
        raise UsageError("symbols= is empty: write such as ['BTC-USDT', 'ETH-USDT'] or '*-USDT'")
    return list(dict.fromkeys(found))


def _make(client: Client, dask: Any, source: Source | None) -> Make:
    target, options = _place(client)

    def make(worker: str) -> Any:
        return dask.submit(Collector, target, options, source, actor=True, workers=[worker], pure=False)

    return make


def _place(client: Client) -> tuple[str, dict[str, Any]]:
    """Return target and options for a worker's client: what this one talks to, and nothing that could be a secret."""
    engine, target = client.engine, client.target
    if engine.deck is not None:
        raise UsageError("a tape is played in this process only; a capture (.jsonl) can be sharded, KuCoin, or a URL")
    addresses = engine.settings.addresses().values()
    if any("?" in address for address in addresses):
        raise UsageError("websocket_url= has a query, which may hold a token: it is not sent through Dask")
    usual = structs.asdict(Settings())
    options = {name: value for name, value in structs.asdict(engine.settings).items() if value != usual[name]}
    if target.futures_url:
        options["futures_url"] = target.futures_url
    return "live" if target.mode == "live" else target.rest_url, options
