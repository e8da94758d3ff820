"""The command line's verbs for tapes: record, info, replay, import, export."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from kucoin_stream.errors import UsageError

SECONDS = click.FloatRange(0, min_open=True)
_PATH = click.Path(path_type=Path)
_KINDS = ("book", "trades", "ticker", "klines")
_LOOK = 0.1  # seconds between two looks at whether to end


@click.command()
@click.argument("path", type=_PATH)
@click.argument("symbols", nargs=-1, required=True)
@click.option("--feeds", default="book,trades,ticker,klines", show_default=True, help="which of these, by commas")
@click.option("--interval", default="1min", show_default=True, help="of the candles")
@click.option("--target", default=None, help="auto, live, sim, a URL, or a capture's path")
@click.option("--seconds", type=SECONDS, default=None, help="how long; until Ctrl-C without it")
def record(
    path: Path, symbols: tuple[str, ...], feeds: str, interval: str, target: str | None, seconds: float | None
) -> None:
    """Record SYMBOLS to the tape PATH (day.kcs); a tape that is there already is continued."""
    from kucoin_stream.default import connect, stop

    kinds = feeds.split(",")
    if unknown := set(kinds) - set(_KINDS):
        raise UsageError(f"no such feed: {', '.join(sorted(unknown))}; there are: {', '.join(_KINDS)}")
    client = connect(target)
    click.echo(client.target.describe(), err=True)
    try:
        _check(client, symbols, interval if "klines" in kinds else None)
        with client.record(path) as recording:
            kept: list[Any] = [_reader(client, kind, symbol, interval) for symbol in symbols for kind in kinds]
            _wait(seconds)
        click.echo(f"{recording!r} {len(kept)} feeds", err=True)
    finally:
        stop()


def _check(client: Any, symbols: tuple[str, ...], interval: str | None) -> None:
    """Raise what would be raised later, before there is a tape."""
    from kucoin_stream.frames.klines import extent

    for symbol in symbols:
        info = client.instrument(symbol)
        if interval is not None:
            extent(info, interval, 1, None, None, client.engine.rest.now())


def _reader(client: Any, kind: str, symbol: str, interval: str) -> Any:
    return client.klines(symbol, interval) if kind == "klines" else getattr(client, kind)(symbol)


def _wait(seconds: float | None) -> None:
    end = None if seconds is None else time.monotonic() + seconds
    try:
        while end is None or time.monotonic() < end:
            time.sleep(_LOOK)
    except KeyboardInterrupt:
        return


@click.command()
@click.argument("path", type=_PATH)
@click.option("--count", is_flag=True, help="messages by connection too: reads the whole tape")
def info(path: Path, count: bool) -> None:
    """Say what is on the tape PATH."""
    from kucoin_stream.recording.info import describe
    from kucoin_stream.recording.reader import Tape

    with Tape(path) as tape:
        click.echo(describe(tape, count=count))


@click.command()
@click.argument("path", type=_PATH)
@click.argument("symbol", required=False)
@click.option("--speed", default="1", show_default=True, help='1, 10, ... or "max"')
@click.option("--interval", default="1min", show_default=True, help="of the candles")
@click.option("--seconds", type=SECONDS, default=None, help="how long; until Ctrl-C without it")
@click.option("--depth", default=10, show_default=True, help="levels of the book and trades shown")
def replay(path: Path, symbol: str | None, speed: str, interval: str, seconds: float | None, depth: int) -> None:
    """Show SYMBOL as it was, from the tape PATH, in the terminal: book, candles, trades."""
    from kucoin_stream.default import connect, stop
    from kucoin_stream.watch import Watch

    client = connect(path, speed=_speed(speed))
    click.echo(client.target.describe(), err=True)
    try:
        Watch(client, symbol or _first_symbol(path), interval, depth).run(seconds)
    except KeyboardInterrupt:
        pass
    finally:
        stop()


def _speed(text: str) -> Any:
    from kucoin_stream.transport.replay import factor

    try:
        speed: Any = "max" if text == "max" else float(text)
    except ValueError:
        speed = text
    factor(speed)
    return speed


def _first_symbol(path: Path) -> str:
    from kucoin_stream.recording.reader import Tape

    with Tape(path) as tape:
        symbols = sorted(topic.partition(":")[2].partition("_")[0] for topic in tape.topics)
    if not any(symbols):
        raise UsageError(f"{path} holds no symbol")
    return next(filter(None, symbols))


@click.command("import")
@click.argument("capture", type=_PATH)
@click.argument("path", type=_PATH)
def import_(capture: Path, path: Path) -> None:
    """Make the tape PATH of a CAPTURE (.jsonl, .jsonl.gz): one JSON object a line, with t, kind, dir, url, message."""
    from kucoin_stream.recording.captures import convert

    click.echo(f"{convert(capture, path):,} messages")


@click.command()
@click.argument("path", type=_PATH)
@click.argument("folder", type=_PATH)
@click.option("--hours", is_flag=True, help="cut dates into hours too")
def export(path: Path, folder: Path, hours: bool) -> None:
    """Write the tape PATH as Parquet below FOLDER, partitioned by feed, symbol and date."""
    from kucoin_stream.export import export as write

    done = write(path, folder, hours=hours)
    click.echo(f"{done.rows:,} rows, {done.left_out:,} messages left out")


VERBS = (record, info, replay, import_, export)
