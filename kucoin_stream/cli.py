"""The command line: ``kucoin-stream`` and ``python -m kucoin_stream``."""

from __future__ import annotations

import asyncio
import io
import math
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from kucoin_stream import __version__
from kucoin_stream.diagnosis.verb import doctor
from kucoin_stream.errors import KucoinStreamError
from kucoin_stream.tapes import SECONDS, VERBS


@click.group()
@click.version_option(__version__, prog_name="kucoin-stream")
def main() -> None:
    """KuCoin live: order books, klines and trades. In a notebook: import kucoin_stream as ks."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal without Unicode gets question marks


@contextmanager
def _clean_errors() -> Iterator[None]:
    """Show our errors and the system's as one line, without a traceback."""
    try:
        yield
    except BrokenPipeError:  # such as `| head`: nobody reads on
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (KucoinStreamError, OSError) as exc:
        raise click.ClickException(str(exc)) from exc


@contextmanager
def _terminated() -> Iterator[None]:
    """End on SIGTERM and SIGHUP as on Ctrl-C, so that the terminal is left as it was."""
    signals = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = [(each, signal.signal(each, signal.default_int_handler)) for each in signals]
    try:
        yield
    finally:
        for each, handler in before:
            signal.signal(each, handler)


def _speed(_: click.Context, __: click.Parameter, value: str) -> Any:
    if value == "max":
        return "max"
    try:
        return float(value)
    except ValueError:
        raise click.BadParameter('a number such as 1 or 10, or "max"') from None


@main.command()
@click.argument("symbols", nargs=-1, required=True)
@click.option("--kinds", default="ladder,candles,tape", show_default=True, help="of pictures, by commas; also status")
@click.option("--interval", default="1min", show_default=True, help="of the candles")
@click.option("--target", default=None, help="auto, live, sim, a URL, or a capture's path")
@click.option("--seconds", type=SECONDS, default=None, help="how long; until q or Ctrl-C without it")
@click.option("--depth", default=10, show_default=True, help="levels of the book and trades shown")
def watch(
    symbols: tuple[str, ...], kinds: str, interval: str, target: str | None, seconds: float | None, depth: int
) -> None:
    """Show SYMBOLS live in the terminal, spot or futures: book, candles, trades; q ends it.

    In colours, unless NO_COLOR is set; a pipe, a file or a dumb terminal gets plain text every 5 s.
    """
    from kucoin_stream.default import connect, stop
    from kucoin_stream.watch import Watch

    with _clean_errors(), _terminated():
        client = connect(target)
        click.echo(client.target.describe(), err=True)
        try:
            Watch(client, symbols, interval, depth, kinds.split(",")).run(seconds)
        except KeyboardInterrupt:
            pass
        finally:
            stop()


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="other machines can reach it only if told so")
@click.option("--port", default=8080, type=click.IntRange(0, 65535), show_default=True, help="0 takes a free one")
@click.option(
    "--futures-port", default=None, type=click.IntRange(0, 65535), help="a host of their own for futures' REST calls"
)
@click.option("--seed", default=0, show_default=True, help="of the generated market")
@click.option("--rate", default=1.0, show_default=True, help="how lively the generated market is")
@click.option("--symbols", default=None, help="of the generated market, joined by commas; a dozen without it")
@click.option("--capture", type=click.Path(path_type=Path), default=None, help="serve this capture instead")
@click.option("--speed", default="1", show_default=True, callback=_speed, help='of time; "max" for no pauses')
@click.option("--start", type=click.DateTime(), default=None, help="of the generated market, in UTC; now without it")
@click.option("--fault", "faults", multiple=True, help="gap:BTC-USDT,3 or late_acks:2@10 (after 10 s); see the README")
@click.option("--auction", "auctions", multiple=True, type=(str, float), help="SYMBOL SECONDS: it opens with one")
@click.option("--connections-per-minute", default=30, type=click.IntRange(0), show_default=True, help="0 for no limit")
@click.option("--rest-quota", default=1.0, type=click.FloatRange(0), show_default=True, help="of KuCoin's; 0 for none")
@click.option(
    "--flood", is_flag=True, help="only a load for benchmarks: messages made beforehand, as fast as one reads"
)
def sim(
    host: str,
    port: int,
    futures_port: int | None,
    seed: int,
    rate: float,
    symbols: str | None,
    capture: Path | None,
    speed: Any,
    start: datetime | None,
    faults: tuple[str, ...],
    auctions: tuple[tuple[str, float], ...],
    connections_per_minute: int,
    rest_quota: float,
    flood: bool,
) -> None:
    """Run the built-in exchange until Ctrl-C: REST and websocket on one port."""
    from kucoin_stream.simulator import CaptureMarket, Clock, GeneratedMarket, Simulator
    from kucoin_stream.simulator.control import parse

    with _clean_errors():
        if flood:
            from kucoin_stream.simulator.flood.server import serve

            asyncio.run(serve(host, port))
            return
        if capture is not None:
            market: Any = CaptureMarket(capture, speed=speed)
            clock = Clock()
        else:
            names = None if symbols is None else [name.strip().upper() for name in symbols.split(",") if name.strip()]
            market = GeneratedMarket(names, seed=seed, rate=rate, auctions=dict(auctions))
            start_ns = None if start is None else int(start.replace(tzinfo=UTC).timestamp()) * 1_000_000_000
            clock = Clock(math.inf if speed == "max" else speed, start_ns)
        plan = [parse(fault, market.lists) for fault in faults]
        options: dict[str, Any] = {
            "connections_per_minute": connections_per_minute, "rest_quota": rest_quota, "futures_port": futures_port,
        }  # fmt: skip
        Simulator(market, host, port, clock=clock, **options).serve(plan)


@main.command()
@click.argument("capture", type=click.Path(path_type=Path))
@click.option("--speed", default="max", show_default=True, callback=_speed, help='1, 10, ... or "max"')
@click.option("--key/--no-key", default=True, help="full books with a key, partial ones without")
def verify(capture: Path, speed: Any, key: bool) -> None:
    """Serve CAPTURE over real sockets and compare the live books with a plain reference."""
    from kucoin_stream.verify import table
    from kucoin_stream.verify import verify as check

    with _clean_errors():
        results = check(capture, speed=speed, with_key=key)
    click.echo(table(results))
    if not all(result.right for result in results):
        click.echo("WRONG: see the columns gaps, equal and wrong", err=True)
        sys.exit(1)


for _verb in (*VERBS, doctor):
    if _verb.callback is not None:
        _verb.callback = _clean_errors()(_verb.callback)
    main.add_command(_verb)
