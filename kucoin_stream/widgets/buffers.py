"""Pictures as binary buffers for the ES module: words, and columns of numbers. Pure.

A buffer is float64, little-endian: how many columns there are, the length of each, then their values. What is not
known is NaN. ``still`` changes seldom (closed candles) and is sent only then; ``moving`` comes with each picture.
``words`` change seldom too, ``told`` with most pictures: what the plain picture says in facts and to screen readers.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable, Iterable, Sequence
from math import nan
from typing import Any

import numpy as np
from msgspec import Struct

from kucoin_stream.widgets.book import depth as plain_depth
from kucoin_stream.widgets.book import ladder as plain_ladder
from kucoin_stream.widgets.book.depth import Area, DepthPicture
from kucoin_stream.widgets.book.ladder import OWN, ROW_PX, TRADED
from kucoin_stream.widgets.book.painter import BookPicture, Side
from kucoin_stream.widgets.candles import chart
from kucoin_stream.widgets.candles.curves import GLYPHS, LOOKS, marker_words, swatch
from kucoin_stream.widgets.candles.markers import Marker
from kucoin_stream.widgets.candles.painter import KlinesPicture
from kucoin_stream.widgets.drawing import html
from kucoin_stream.widgets.drawing.picture import Caption, Scale

_FLOAT = np.dtype("<f8")
_INKS = {"buy": "up", "sell": "down", "": "ink"}


class Packed(Struct, frozen=True):
    """One picture as the ES module takes it. ``words`` and ``told`` are JSON; what is text in them is HTML."""

    words: dict[str, Any]
    told: dict[str, Any]
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
        "legend": [],
        "label": html.clean(f"{caption.badge} {label or kind} {caption.title}, {caption.status}".strip()),
        "head": f'<span style="font-size:14px;font-weight:600;flex:0 1 auto;min-width:24px;{cut}">'
        f'{html.escape(caption.title)}</span><span style="flex:0 1 auto;min-width:24px;display:flex;overflow:hidden">'
        f"{html.badge(caption.badge)}</span>"
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

    Columns: facts (time, mid, the larger total), then price and size of bids and asks.
    """
    there = p.bids.prices or p.asks.prices
    words = said("ladder", p.caption, notice="" if there else f"waiting for the order book · {p.caption.status}") | {
        "height": height,
        "decimals": p.level_decimals,
        "scale": (scale := _scale(p.scale)),
        "cells": [*scale[:2], ""],  # under heads that tell the unit
        "heads": [_heads(p, "bid", "buying", "up"), _heads(p, "ask", "selling", "down")],
    }
    told = {
        "label": html.clean(plain_ladder.label_of(p)),
        "facts": _ladder_facts(p),
        "foot": html.escape(plain_ladder.foot_of(p)),
        "signs": [_signs(p, side) for side in (p.bids, p.asks)],
        "own": [[plain_ladder.own_column(p, side)] if p.own else [] for side in (p.bids, p.asks)],
    }
    largest = max((1e-300, *p.bids.totals[-1:], *p.asks.totals[-1:]))
    facts = _numbers((p.caption.at, p.mid, largest))
    return Packed(words, told, b"", pack([facts, p.bids.prices, p.bids.sizes, p.asks.prices, p.asks.sizes]))


def candles(p: KlinesPicture, height: int) -> Packed:
    """Pack bars: start (Unix s), open, high, low, close, volume, overlays.

    Closed bars are ``still``. ``moving``: facts (time), then the last bar.
    """
    unit = f" · volume in {html.escape(p.volume_unit)}" if p.volume_unit else ""
    words = said("candles", p.caption, notice=chart.waiting(p)) | {
        "height": height,
        "count": p.count,
        "held": max(p.held, len(p.close)),
        "least": 5 / p.count,  # of the whole: the closest look
        "daily": len(p.start_s) > 1 and p.start_s[1] - p.start_s[0] >= 86_400,
        "decimals": p.price_decimals,
        "scale": _scale(p.volume_scale),
        "foot": f"bars of {html.escape(p.interval)}{unit} · UTC",
        "lines": [[f"line{line.look}", _dash(line.look)] for line in p.lines],
        "legend": _legend(p),
        "marks": [_mark(each, p.price_decimals) for each in p.markers],
    }
    columns = (p.start_s, p.open, p.high, p.low, p.close, p.volume, *(_numbers(line.values) for line in p.lines))
    still = pack([column[:-1] for column in columns])
    told = {"label": html.clean(chart.label(p))}
    return Packed(words, told, still, pack([[p.caption.at], *(column[-1:] for column in columns)]))


def depth(p: DepthPicture, height: int) -> Packed:
    """Pack the depth.

    Columns: facts (time, mid, left and right edge, end of bids and asks), then price and total of bids and asks.
    """
    there = p.bids.totals or p.asks.totals
    words = said("depth", p.caption, notice="" if there else f"waiting for the order book · {p.caption.status}") | {
        "height": height,
        "decimals": p.price_decimals,
        "scale": _scale(p.scale),
        "least": 0.02,
        "foot": html.escape(plain_depth.foot(p)),
    }
    inks = {"bids": "up", "asks": "down"}
    told = {
        "label": html.clean(plain_depth.label_of(p)),
        "facts": [[name, value, inks.get(name, "ink")] for name, value in plain_depth.said_of(p)],
    }
    facts = _numbers((p.caption.at, p.mid, p.low, p.high, p.bids.end, p.asks.end))
    return Packed(words, told, b"", pack([facts, *_area(p.bids), *_area(p.asks)]))


PACKERS: dict[str, Callable[[Any, int], Packed]] = {"ladder": ladder, "candles": candles, "depth": depth}
"""By kind: what turns its picture, and the height of its plot in px, into buffers."""


def height(painter: Any) -> int:
    """Return the height of a painter's plot, in px."""
    return int(getattr(painter, "height", 0)) or (painter.depth + 1) * ROW_PX


def _area(area: Area) -> tuple[Sequence[float], ...]:
    return area.prices, area.totals


def _scale(scale: Scale) -> list[Any]:
    return [scale.divisor, scale.decimals, scale.unit]


def _heads(p: BookPicture, price: str, own: str, ink: str) -> list[list[str]]:
    """Return name, ink and alignment of each column of one side, from the middle outwards."""
    unit = p.scale.unit and f" {p.scale.unit}"
    names = {price: ink, f"size{unit}": "ink"} | ({own: "ink"} if p.own else {}) | {f"total{unit}": "muted"}
    return [[name, ink, "left" if name == "ask" else "right"] for name, ink in names.items()]


def _signs(p: BookPicture, side: Side) -> list[str]:
    """Return what stands beside each price, on the side away from the middle."""
    signs = [plain_ladder.marks_of(p, side, i) for i in range(len(side.prices))]
    return [sign and (f"{sign} " if side is p.bids else f" {sign}") for sign in signs]


def _ladder_facts(p: BookPicture) -> list[list[str]]:
    """Return name, value and ink: mid, spread, the last trade, and the sums of the own orders."""
    d = p.price_decimals
    last = [["last", f"{TRADED[p.last.side]} {html.number(p.last.price, d)}", _INKS[p.last.side]]] if p.last else []
    return [
        ["mid", html.number(p.mid, d + 1), "ink"],
        ["spread", f"{html.number(p.spread, d)} {html.number(p.spread_bps, 2)} bps", "ink"],
        *last,
        *([f"{OWN} {word}", held, _INKS[side]] for side, word, held in plain_ladder.held_of(p)),
    ]


def _legend(p: KlinesPicture) -> list[list[Any]]:
    """Return name, ink and lines of each overlay, then what went wrong with functions."""
    lines: dict[int, list[Any]] = {}
    for i, line in enumerate(p.lines):
        lines.setdefault(line.look, [f"{swatch(line.look)} {html.escape(line.name)}", f"line{line.look}"]).append(i)
    problems = [[f'<span style="{html.DOWN_TEXT}">⚠ {html.escape(each)}</span>', "down"] for each in p.problems]
    return [*lines.values(), *problems]


def _mark(marker: Marker, decimals: int) -> list[Any]:
    """Return sign, words, ink, bar, price, and how far below it the sign is drawn, in px."""
    words, below = html.escape(marker_words(marker, decimals)), {"buy": 9, "sell": -9}.get(marker.side, 0)
    return [GLYPHS[marker.side], words, _INKS[marker.side], marker.bar, marker.price, below]


def _dash(look: int) -> list[float]:
    dash = LOOKS[look].dash
    return [] if dash == "none" else [float(part) for part in dash.split()]


def _numbers(values: Iterable[float | None]) -> list[float]:
    return [nan if value is None else float(value) for value in values]
