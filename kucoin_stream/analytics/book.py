"""What a book says: mid, microprice, spread, depth, the price of sweeping a size, ticks joined.

Prices are in the quote currency, sizes in the base currency, of futures in lots of ``multiplier`` base coins each. An
empty side makes NaN of what needs it.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from msgspec import Struct

from kucoin_stream import given
from kucoin_stream.analytics.columns import LADDER, Floats, amounts, floats, has, ratio
from kucoin_stream.errors import UsageError
from kucoin_stream.market.book import Levels

_NAN = float("nan")
_BPS = 1e4  # basis points in 1
_CLOSE = 1e-9  # of a tick or of an order: what floats may be wrong by


class Sides(NamedTuple):
    """A number for each side of a book."""

    bid: float
    ask: float


class Sweep(Struct, frozen=True):
    """What a market order would get of a book, from the best level on; without fees.

    ``size``: filled, in the book's unit; ``funds``: paid or received, in the quote currency; ``average`` and ``worst``
    price, NaN where nothing was filled; ``slippage_bps``: 10,000 (average - mid) / mid of a buy, its negative of a
    sell: what is above 0 is lost against the mid. ``levels``: how many were touched. ``filled``: whether the book held
    enough; if not, ``missing`` of what was asked (size or funds) is left. ``beyond``: not filled, and there may be more
    beyond the levels that are known.
    """

    side: str
    size: float
    funds: float
    average: float
    worst: float
    slippage_bps: float
    levels: int
    filled: bool
    missing: float
    beyond: bool


def ladder(frame: pd.DataFrame) -> Levels:
    """Return the levels of a ``book.df``, or of one side (``book.bids``: prices fall; ``book.asks``)."""
    if has(frame, ("price", "size", "total")):
        prices, sizes, none = floats(frame, "price"), floats(frame, "size"), np.empty(0)
        falling = len(prices) > 1 and prices[0] > prices[-1]
        return Levels(None, prices, sizes, none, none) if falling else Levels(None, none, none, prices, sizes)
    bid_sizes, bids, asks, ask_sizes = (floats(frame, name) for name in LADDER)
    there, offered = ~np.isnan(bids), ~np.isnan(asks)
    return Levels(None, bids[there], bid_sizes[there], asks[offered], ask_sizes[offered])


def mid(bid: Any, ask: Any) -> Any:
    """(bid + ask) / 2, in the quote currency."""
    return (bid + ask) / 2


def microprice(bid: Any, bid_size: Any, ask: Any, ask_size: Any) -> Any:
    """(bid * ask size + ask * bid size) / (bid size + ask size): the mid weighted by the other side's size.

    In the quote currency. Source: the weighted mid of Stoikov, "The micro-price: a high-frequency estimator of future
    prices", Quantitative Finance 18 (2018), of whose estimator it is the first approximation.
    """
    return ratio(bid * ask_size + ask * bid_size, bid_size + ask_size)


def spread_bps(bid: Any, ask: Any) -> Any:
    """10,000 (ask - bid) / mid: basis points."""
    return ratio(_BPS * (ask - bid), mid(bid, ask))


def best(book: Levels) -> tuple[float, float, float, float]:
    """Return best bid, its size, best ask, its size; NaN of an empty side."""
    columns = (book.bid_prices, book.bid_sizes, book.ask_prices, book.ask_sizes)
    bid, bid_size, ask, ask_size = (float(column[0]) if len(column) else _NAN for column in columns)
    return bid, bid_size, ask, ask_size


def middle(book: Levels) -> float:
    """Return the mid of a book."""
    bid, _, ask, _ = best(book)
    return (bid + ask) / 2


def notional(book: Levels, levels: int | None = None, multiplier: float | None = None) -> Sides:
    """Sum of price * size over the best ``levels`` of each side, all by default: in the quote currency."""
    cut = slice(given.levels(levels))
    return Sides(
        float(amounts(book.bid_prices[cut], book.bid_sizes[cut], multiplier)[1].sum()),
        float(amounts(book.ask_prices[cut], book.ask_sizes[cut], multiplier)[1].sum()),
    )


def weighted(book: Levels, levels: int | None = 10) -> Sides:
    """Sum of price * size / sum of size over the best ``levels`` of each side: the mean price of what stands there.

    ``None``: over all. In the quote currency; NaN of an empty side.
    """
    cut = slice(given.levels(levels))
    return Sides(
        ratio((book.bid_prices[cut] * book.bid_sizes[cut]).sum(), book.bid_sizes[cut].sum()),
        ratio((book.ask_prices[cut] * book.ask_sizes[cut]).sum(), book.ask_sizes[cut].sum()),
    )


def depth(
    book: Levels, bps: float | Iterable[float], multiplier: float | None = None, *, whole: bool = True
) -> pd.DataFrame:
    """What stands within ``bps`` basis points of the mid, both ends included; a row for each of ``bps``.

    Columns ``bid_base``, ``bid_quote``, ``ask_base``, ``ask_quote``: sums in base and quote currency over bids at mid *
    (1 - bps / 10,000) and above, and asks at mid * (1 + bps / 10,000) and below. ``known``: whether the known levels
    reach that far on both sides; where not, the sums are what there is at least. ``whole``: the book has no levels
    beyond those given. Without a mid all is NaN. Raises :class:`UsageError` for ``bps`` below 0.
    """
    asked = _distances(bps)
    centre = middle(book)
    lowest, highest = centre * (1 - asked / _BPS), centre * (1 + asked / _BPS)
    bids = np.searchsorted(-book.bid_prices, -lowest, side="right")
    asks = np.searchsorted(book.ask_prices, highest, side="right")
    columns = {}
    for name, prices, sizes, counts in (
        ("bid", book.bid_prices, book.bid_sizes, bids),
        ("ask", book.ask_prices, book.ask_sizes, asks),
    ):
        base, quote = amounts(prices, sizes, multiplier)
        columns[f"{name}_base"] = _sums(base, counts, centre)
        columns[f"{name}_quote"] = _sums(quote, counts, centre)
    known = (bids < len(book.bid_prices)) & (asks < len(book.ask_prices)) | whole
    return pd.DataFrame(columns, index=pd.Index(asked, name="bps")).assign(known=known & (centre == centre))


def _distances(bps: Any) -> Floats:
    hint = "basis points, one number from 0 on or several: 10 or [5, 10, 50]"
    several = list(bps) if isinstance(bps, Iterable) and not isinstance(bps, str | bytes) else [bps]
    asked = np.array([given.number("bps", each, hint) for each in several], dtype=np.float64)
    if np.any(asked < 0):
        raise UsageError(f"bps={given.shown(bps)}: {hint}")
    return asked


def _sums(values: Floats, counts: Any, centre: float) -> Floats:
    sums: Floats = np.concatenate([[0.0], np.cumsum(values)])[counts]
    return np.where(centre == centre, sums, np.nan)


def sweep(
    book: Levels,
    side: Literal["buy", "sell"],
    size: float | None = None,
    funds: float | None = None,
    multiplier: float | None = None,
    *,
    whole: bool = True,
) -> Sweep:
    """Return what a market order of ``size`` (the book's unit) or ``funds`` (quote currency) would get.

    ``whole``: the book has no levels beyond those given. Raises :class:`UsageError` for another side, and where not
    one of size and funds is given, above 0.
    """
    if not isinstance(side, str) or side not in ("buy", "sell"):
        raise UsageError(f"side={given.shown(side)}: write 'buy' or 'sell'")
    if (size is None) == (funds is None):
        raise UsageError(f"size={given.shown(size)}, funds={given.shown(funds)}: write one of them, above 0")
    wanted = given.above("size", size) if funds is None else given.above("funds", funds)
    prices, sizes = (book.ask_prices, book.ask_sizes) if side == "buy" else (book.bid_prices, book.bid_sizes)
    base, quote = amounts(prices, sizes, multiplier)
    held = sizes if funds is None else quote
    before = np.cumsum(held) - held
    share = np.divide(np.clip(wanted - before, 0.0, held), held, out=np.zeros_like(held), where=held > 0)
    touched = np.flatnonzero((held > 0) & (before < wanted * (1 - _CLOSE)))  # not for the last bits of a sum
    average = ratio((quote * share).sum(), (base * share).sum())
    missing = wanted - float(held.sum())
    filled = missing <= _CLOSE * wanted
    done = wanted if filled else float(held.sum())  # as it was asked for: sums of shares are off by some bits
    return Sweep(
        side=side,
        size=done if funds is None else float((sizes * share).sum()),
        funds=float((quote * share).sum()) if funds is None else done,
        average=average,
        worst=float(prices[touched[-1]]) if len(touched) else _NAN,
        slippage_bps=ratio(_BPS * (average - middle(book)), middle(book)) * (1 if side == "buy" else -1),
        levels=len(touched),
        filled=filled,
        missing=0.0 if filled else missing,
        beyond=not filled and not whole,
    )


def grouped(book: Levels, tick: float) -> pd.DataFrame:
    """Return the ladder with prices joined to multiples of ``tick``: bids down, asks up, sizes added.

    Columns as ``book.df``. Raises :class:`UsageError` for a tick that is not above 0.
    """
    tick = given.above("tick", tick)
    bids, bid_sizes = joined(book.bid_prices, book.bid_sizes, tick, np.floor)
    asks, ask_sizes = joined(book.ask_prices, book.ask_sizes, tick, np.ceil)
    return pd.DataFrame({name: pd.Series(column) for name, column in zip(
        LADDER, (bid_sizes, bids, asks, ask_sizes), strict=True)}, dtype="float64")  # fmt: skip


def joined(prices: Floats, sizes: Floats, tick: float, towards: Any) -> tuple[Floats, Floats]:
    """Return one side with its prices joined to multiples of ``tick``; ``towards`` is ``np.floor`` or ``np.ceil``."""
    if not len(prices):
        return prices, sizes
    ticks = prices / tick
    nearest = np.rint(ticks)
    groups = np.where(np.abs(ticks - nearest) < _CLOSE * np.maximum(1.0, nearest), nearest, towards(ticks))
    first = np.flatnonzero(np.concatenate([[True], groups[1:] != groups[:-1]]))
    decimals = max(0, -int(Decimal(str(tick)).normalize().as_tuple().exponent))
    return np.round(groups[first] * tick, decimals), np.add.reduceat(sizes, first)
