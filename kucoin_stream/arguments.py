"""The arguments of a feed, checked in the cell that gives them: symbols, markets, accounts, intervals."""

from __future__ import annotations

from kucoin_stream.checks import check_interval, is_futures, is_pattern, nearest, plain
from kucoin_stream.errors import UsageError
from kucoin_stream.instruments import Instruments
from kucoin_stream.protocol import topics
from kucoin_stream.protocol.topic import Topic

COMMANDS = 100
"""How many subscribe commands a pattern may lead to: what a connection allows in 10 s (protocol.md 3.6)."""

BOOKS = 1_000
"""How many books one frame may have: as many begin within seconds, and take some 30 MB (benchmarks, "Growth")."""

ACCOUNTS = ("UNIFIED", "SPOT", "FUTURES", "CROSS", "ISOLATED")
"""Kinds of account whose orders and positions the Pro connection tells (protocol.md 6.6)."""

BALANCES = (*ACCOUNTS, "FUNDING", "TRADING")
"""Kinds of account whose balances it tells."""


def arguments(row: Topic, given: tuple[str, ...], interval: str | None, instruments: Instruments) -> tuple[str, ...]:
    """Return the arguments of the topics of ``row``, one for each; raise :class:`UsageError` with what to write."""
    for each in given:
        _check_text(row, each)
    if not row.list_limit and not row.argument:
        if given:
            raise UsageError(f"{row.name} takes no argument")
        return ()
    if "{account}" in row.argument:
        return _accounts(row, given)
    known = topics.intervals(row)
    if known and interval is None and len(given) > 1 and given[-1] in known:  # by position
        *symbols, interval = given
        given = tuple(symbols)
    if not given:
        raise UsageError(f"{row.name} needs at least one {'symbol' if row.by_symbol else 'market'}")
    if interval is not None and not known:
        raise UsageError(f"{row.name} has no interval")
    given = tuple(dict.fromkeys(given))
    if row.by_symbol:
        given = _expanded(row, given, instruments)
    for each in given:
        if "," in each:
            raise UsageError(
                f"{each[:50]!r}: write each {'symbol' if row.by_symbol else 'market'} as an argument of its own"
            )
        if row.by_symbol:
            instruments.check(row, each)
        plain(each)
    return tuple(f"{each}_{check_interval(interval, known)}" for each in given) if known else given


def _expanded(row: Topic, given: tuple[str, ...], instruments: Instruments) -> tuple[str, ...]:
    """Return symbols with those that patterns stand for, ``BTC-*`` or ``*-USDT``, as far as one may ask for at once."""
    if not any(is_pattern(each) for each in given):
        return given
    found = [name for each in given for name in (instruments.matching(row, each) if is_pattern(each) else [each])]
    most = COMMANDS * row.list_limit
    if len(found) > most:
        raise UsageError(f"{', '.join(given)[:50]!r} stands for {len(found)} symbols; {row.name} takes at most {most}")
    return tuple(dict.fromkeys(found))


def several(symbols: tuple[str, ...], instruments: Instruments) -> tuple[str, ...]:
    """Return the symbols of several books, of either market, patterns replaced by what they stand for."""
    found: list[str] = []
    for each in symbols:
        row = topics.find("futures.level2" if is_futures(each) else "spot.level2")
        found += arguments(row, (each,), None, instruments)
    if not 0 < len(found) <= BOOKS:
        raise UsageError(f"{len(found)} books: write 1 to {BOOKS} symbols")
    return tuple(dict.fromkeys(found))


def _check_text(row: Topic, given: object) -> None:
    if isinstance(given, list | tuple | set):
        raise UsageError(f"{row.name}: write each symbol as an argument of its own, not a {type(given).__name__}")
    if not isinstance(given, str):
        raise UsageError(f"a symbol is text such as 'BTC-USDT', not {type(given).__name__}")


def _accounts(row: Topic, given: tuple[str, ...]) -> tuple[str, ...]:
    """Return accounts as Pro topics name them: kinds, or one kind and symbol: ``UNIFIED/XBTUSDTM``, or both apart."""
    known = BALANCES if row.stem == "balance" else ACCOUNTS
    if not given:
        raise UsageError(f"{row.name} needs a kind of account: {', '.join(known)}")
    if "{symbol}" not in row.argument:
        return tuple(_account(row, each, known) for each in dict.fromkeys(given))
    if len(given) == 1 and "/" in given[0]:
        given = tuple(given[0].split("/", 1))
    if len(given) != 2:
        raise UsageError(f"{row.name} needs a kind of account and a symbol, such as 'UNIFIED', 'XBTUSDTM'")
    return (f"{_account(row, given[0], known)}/{plain(given[1])}",)


def _account(row: Topic, kind: str, known: tuple[str, ...]) -> str:
    if kind.upper() in known:
        return kind.upper()
    near = nearest(kind, known)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise UsageError(f"{row.name}: no such kind of account {kind[:50]!r}; there are: {', '.join(known)}{hint}")
