"""Pictures as binary buffers for the ES module: words that seldom change, and columns of numbers. Pure.

A buffer is float64, little-endian: how many columns there are, the length of each, then their values. What is not
known is NaN. ``still`` changes seldom (closed candles) and is sent only then; ``moving`` comes with each picture.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable, Iterable, Sequence
from math import nan
from typing import Any

import numpy as np
from msgspec import Struct

from kucoin_stream.widgets.book.depth import Area, DepthPicture, foot
from kucoin_stream.widgets.book.ladder import ROW_PX
from kucoin_stream.widgets.book.painter import BookPicture, Side
from kucoin_stream.widgets.candles import chart
from kucoin_stream.widgets.candles.curves import LOOKS
from kucoin_stream.widgets.candles.painter import KlinesPicture
from kucoin_stream.widgets.drawing import html
from kucoin_stream.widgets.drawing.picture import Caption, Scale

_FLOAT = np.dtype("<f8")


class Packed(Struct, frozen=True):
    """One picture as the ES module takes it. ``words`` is JSON; what is text in it is HTML."""

    words: dict[str, Any]
    still: bytes
    moving: bytes


def pack(columns: Sequence[Sequence[float]]) -> bytes:
    """Return columns of numbers as one buffer."""
    values = array("d", (len(columns), *map(len, columns)))  # for tuples many times cheaper than numpy
    for column in columns:
        values.extend(column)
    if sys.byteorder == "big":
        values.byteswap()
    return values.tobytes()


def unpack(buffer: bytes) -> list[list[float]]:
    """Return the columns of a buffer: the inverse of :func:`pack`, which the ES module has as well."""
    values = np.frombuffer(buffer, _FLOAT)
    count = int(values[0])
    ends = 1 + count + np.cumsum(values[1 : 1 + count], dtype=int)
    return [part.tolist() for part in np.split(values[1 + count :], (ends - 1 - count)[:-1])] if count else []


def said(kind: str, caption: Caption, label: str = "", notice: str = "") -> dict[str, Any]:
    """Return the words around any picture; what is not live is dimmed under its reason."""
    look = html.tone(caption.word)
    status, notice = html.escape(caption.status), notice or (caption.status if look.dims else "")
    cut = "overflow:hidden;text-overflow:ellipsis"
    return {
        "kind": kind,
        "label": html.clean(f"{caption.badge} {label or kind} {caption.title}, {caption.status}".strip()),
        "head": f'<span style="font-size:14px;font-weight:600;flex:0 1 auto;min-width:60px;{cut}">'
        f"{html.escape(caption.title)}</span>{html.badge(caption.badge)}"
        f'<span title="{status}" style="margin-left:auto;flex:0 1 auto;min-width:16px;text-align:right;font-size:11px;'
        f'{cut}"><span style="color:{look.colour}">●</span> {status}</span>',
        "cover": f'<span style="max-width:88%;overflow:hidden;max-height:54px;padding:5px 14px;border-radius:5px;'
        f"background:{look.colour if look.dims else html.GREY};color:#000;font-weight:600;text-align:center;"
        f'overflow-wrap:anywhere">{html.escape(notice)}</span>'
        if notice
        else "",
    }


def ladder(p: BookPicture, height: int) -> Packed:
    """Pack a book.

    Columns: facts (time, mid, spread, bps, sequence, rows of the last trade), then price, size and own orders of bids
    and asks.
    """
    there = p.bids.prices or p.asks.prices
    words = said("ladder", p.caption, "order book", "" if there else f"waiting for the order book · {p.caption.status}")
    words |= {"height": height, "decimals": p.level_decimals, "exact": p.price_decimals, "scale": _scale(p.scale)}
    facts = _numbers((p.caption.at, p.mid, p.spread, p.spread_bps, p.sequence, p.bids.last, p.asks.last))
    return Packed(words, b"", pack([facts, *_side(p.bids), *_side(p.asks)]))


def candles(p: KlinesPicture, height: int) -> Packed:
    """Pack bars: start (Unix s), open, high, low, close, volume, overlays.

    Closed bars are ``still``, with the markers after them: bar, price, 1 to buy, -1 to sell. ``moving``: facts (time),
    then the last bar.
    """
    unit = f" · volume in {html.escape(p.volume_unit)}" if p.volume_unit else ""
    words = said("candles", p.caption, notice=chart.waiting(p)) | {
        "height": height,
        "count": p.count,
        "decimals": p.price_decimals,
        "scale": _scale(p.volume_scale),
        "foot": f"bars of {html.escape(p.interval)}{unit} · UTC",
        "lines": [[name, f"line{line.look}", _dash(line.look)] for name, line in zip(_names(p), p.lines, strict=True)],
    }
    columns = (p.start_s, p.open, p.high, p.low, p.close, p.volume, *(_numbers(line.values) for line in p.lines))
    sides = {"buy": 1.0, "sell": -1.0}
    marks = np.array([(m.bar, m.price, sides.get(m.side, 0.0)) for m in p.markers], _FLOAT).reshape(-1, 3).T.tolist()
    still = pack([*(column[:-1] for column in columns), *marks])
    return Packed(words, still, pack([[p.caption.at], *(column[-1:] for column in columns)]))


def depth(p: DepthPicture, height: int) -> Packed:
    """Pack the depth.

    Columns: facts (time, mid, left and right edge, end of bids and asks, imbalance), price, total a side.
    """
    there = p.bids.totals or p.asks.totals
    words = said("depth", p.caption, notice="" if there else f"waiting for the order book · {p.caption.status}") | {
        "height": height,
        "decimals": p.price_decimals,
        "scale": _scale(p.scale),
        "foot": html.escape(foot(p)),
    }
    imbalance = None if p.imbalance is None else round(p.imbalance, 2) + 0.0  # no -0.00
    facts = _numbers((p.caption.at, p.mid, p.low, p.high, p.bids.end, p.asks.end, imbalance))
    return Packed(words, b"", pack([facts, *_area(p.bids), *_area(p.asks)]))


PACKERS: dict[str, Callable[[Any, int], Packed]] = {"ladder": ladder, "candles": candles, "depth": depth}
"""By kind: what turns its picture, and the height of its plot in px, into buffers."""


def height(painter: Any) -> int:
    """Return the height of a painter's plot, in px."""
    return int(getattr(painter, "height", 0)) or (painter.depth + 1) * ROW_PX


def _side(side: Side) -> tuple[Sequence[float], ...]:
    return side.prices, side.sizes, side.own


def _area(area: Area) -> tuple[Sequence[float], ...]:
    return area.prices, area.totals


def _scale(scale: Scale) -> list[Any]:
    return [scale.divisor, scale.decimals, scale.unit]


def _names(p: KlinesPicture) -> list[str]:
    """Name the first line of each overlay; the value of another comes after a stroke."""
    looks = [line.look for line in p.lines]
    return ["/" if line.look in looks[:i] else html.escape(line.name) for i, line in enumerate(p.lines)]


def _dash(look: int) -> list[float]:
    dash = LOOKS[look].dash
    return [] if dash == "none" else [float(part) for part in dash.split()]


def _numbers(values: Iterable[float | None]) -> list[float]:
    return [nan if value is None else float(value) for value in values]
