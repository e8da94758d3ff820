"""The subcommands of ``%kucoin``, a row each. What they return is what the Python call of the same name returns."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from functools import partial
from math import inf
from typing import Any

from IPython.core.error import UsageError

from kucoin_stream.jupyter.grammar import Command, Option

_DEFAULT_INTERVAL = "1min"


def front(name: str) -> Any:
    """Return a name of the front door; only now is it loaded."""
    import kucoin_stream

    return getattr(kucoin_stream, name)


def speed(text: str) -> float | str:
    """Return the speed of a tape: a number above 0, or ``"max"``. Raises :class:`ValueError`."""
    if text == "max":
        return text
    if not 0 < (number := float(text)) < inf:
        raise ValueError(text)
    return number


def _given(given: argparse.Namespace, *names: str) -> dict[str, Any]:
    """Return those options that were written, under the names that Python's calls have."""
    return {name: value for name in names if (value := getattr(given, name)) is not None}


def _connect(given: argparse.Namespace, _: Any) -> Any:
    from kucoin_stream.default import meant

    asked = meant(given.target)
    if given.region is not None and not (asked in ("auto", "live") or "://" in asked):
        raise UsageError(
            "%kucoin connect: --region is of KuCoin's hosts; for example: %kucoin connect live --region EU"
        )
    return front("connect")(given.target, **_given(given, "region", "speed"))


def _replay(given: argparse.Namespace, _: Any) -> Any:
    return front("connect")(given.tape, **_given(given, "speed")).replay.widget()


def _book(given: argparse.Namespace, _: Any) -> Any:
    return front("book")(given.symbol, **_given(given, "source"))


def _klines(given: argparse.Namespace, _: Any) -> Any:
    return front("klines")(given.symbol, given.interval, **_given(given, "history"))


def _feed(name: str) -> Any:
    return lambda given, _: front(name)(*given.symbol)


def _panel(kind: str, *options: str) -> Any:
    def run(given: argparse.Namespace, _: Any) -> Any:
        return front("dashboard")(*given.symbol, kinds=(kind,), options={kind: _given(given, *options)})

    return run


def _dashboard(given: argparse.Namespace, _: Any) -> Any:
    if given.interval is not None and "candles" not in (given.kinds or "candles"):
        raise UsageError(
            "%kucoin dashboard: --interval is of the candles, which are not among --kinds; "
            "for example: %kucoin dashboard BTC-USDT --kinds ladder,candles --interval 5min"
        )
    return front("dashboard")(*given.symbol, **_given(given, "kinds", "interval"))


def _record(given: argparse.Namespace, _: Any) -> Any:
    return front("record")(given.file, **_given(given, "private"))


def _stop(given: argparse.Namespace, shell: Any) -> None:
    if not given.name:
        front("stop")()
    for end in [_end_of(name, shell) for name in given.name]:  # a wrong name ends nothing
        end()


def _end_of(name: str, shell: Any) -> Callable[[], object]:
    stop = getattr(shell.user_ns.get(name), "stop", None)
    return stop if callable(stop) else partial(front("stop"), *_running(name))


def _running(name: str) -> list[Any]:
    """Return what ``ks.ps()`` lists under a number, name, topic or symbol; connect nothing for that."""
    module = sys.modules.get("kucoin_stream.default")
    if module is None or module.current() is None:
        raise UsageError(f"%kucoin stop: {name!r} is no variable with a live object, and nothing runs")
    from kucoin_stream.overview.processes import meant

    return meant(module.current().engine, int(name) if name.isdigit() else name)


_REGION = Option("region", "hosts of that region", "region")
_SPEED = Option(
    "speed",
    'of the tape: 1 as recorded, 10, ... or "max"',
    ("1", "10", "60", "max"),
    speed,
    'a number above 0, or "max"',
)
_INTERVAL = Option("interval", f"of the candles; {_DEFAULT_INTERVAL} without it", "interval")

COMMANDS = {
    "connect": Command(
        _connect,
        "connect to auto, live, sim, a URL or a tape; ends the connection before",
        "connect live --region EU",
        ("target",),
        "?",
        (_REGION, _SPEED),
    ),
    "book": Command(
        _book,
        "order book, kept from increments",
        "book BTC-USDT",
        ("symbol",),
        options=(Option("source", "classic, pro, or a feed", ("classic", "pro"), read=lambda text: text),),
    ),
    "klines": Command(
        _klines,
        "candles: history, then the live one",
        "klines BTC-USDT 1min --history 500",
        ("symbol", "interval"),
        options=(Option("history", "bars to begin with; 500 without it", "count", int, "a whole number"),),
    ),
    "trades": Command(_feed("trades"), "every trade, as a feed", "trades BTC-USDT ETH-USDT", ("symbol",), "+"),
    "ticker": Command(_feed("ticker"), "last trade, best bid and ask, as a feed", "ticker BTC-USDT", ("symbol",), "+"),
    "tape": Command(
        _panel("tape", "count"),
        "picture of the trades as they come",
        "tape BTC-USDT --count 20",
        ("symbol",),
        "+",
        (Option("count", "rows", "count", int, "a whole number"),),
    ),
    "depth": Command(
        _panel("depth", "within"),
        "picture of the sizes around the middle",
        "depth BTC-USDT --within 50",
        ("symbol",),
        "+",
        (Option("within", "basis points on either side of the middle", "count", float, "a number"),),
    ),
    "dashboard": Command(
        _dashboard,
        "several pictures of some symbols, and the connections",
        "dashboard BTC-USDT XBTUSDTM",
        ("symbol",),
        "+",
        (Option("kinds", "pictures, by commas: ladder,candles,tape", "kinds"), _INTERVAL),
    ),
    "status": Command(lambda *_: front("status")(), "how the connections fare", "status"),
    "ps": Command(lambda *_: front("ps")(), "what runs: feeds, frames, sinks, views, recordings", "ps"),
    "stop": Command(_stop, "end these variables or rows of ps; everything without a name", "stop book", ("name",), "*"),
    "record": Command(
        _record,
        "write all that is received to a tape, until its stop(); %%kucoin_record: of one cell",
        "record day.kcs",
        ("file",),
        options=(Option("private", "with the messages of the account"),),
    ),
    "replay": Command(
        _replay, "play a tape: returns its slider", "replay day.kcs --speed 10", ("tape",), options=(_SPEED,)
    ),
    "sim": Command(lambda *_: front("connect")("sim"), "connect to the built-in exchange", "sim"),
    "doctor": Command(
        lambda given, _: front("doctor")(given.target),
        "look at all that lies between here and the exchange",
        "doctor live",
        ("target",),
        "?",
    ),
}
