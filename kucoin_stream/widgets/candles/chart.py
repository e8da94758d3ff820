"""The words around candles: facts, axes, times, as HTML for a live picture and for a static one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kucoin_stream.widgets.candles.curves import LOOKS, legend
from kucoin_stream.widgets.drawing import html

if TYPE_CHECKING:
    from kucoin_stream.widgets.candles.painter import KlinesPicture


def waiting(p: KlinesPicture) -> str:
    """Say what is waited for where there are no candles yet."""
    return "" if p.close else f"waiting for candles · {p.caption.status}"


def shown(p: KlinesPicture) -> str:
    """Return the footer: how many bars, of how many there are, and what their volume is counted in."""
    unit = f" · volume in {html.escape(p.volume_unit)}" if p.volume_unit else ""
    of = f" of {p.held:,}" if p.held > len(p.close) else ""
    return f"{len(p.close)}{of} bars of {html.escape(p.interval)}{unit} · UTC"


def last(p: KlinesPicture) -> str:
    """Return the last close."""
    return html.number(p.close[-1] if p.close else None, p.price_decimals)


def percent(p: KlinesPicture) -> str:
    """Return the change of the last bar, in per cent."""
    return "–" if p.change is None else f"{p.change * 100:+.2f} %"


def volume(p: KlinesPicture) -> str:
    """Return the volume of the last bar."""
    scale = p.volume_scale
    return html.number(p.volume[-1] / scale.divisor if p.volume else None, scale.decimals) + scale.unit


def label(p: KlinesPicture) -> str:
    """Return what a screen reader says."""
    said = [f"close {last(p)}, {percent(p)}", *(f"{name} {value}" for _, name, value in legend(p))]
    return f"{p.caption.badge} candles {p.caption.title}: {', '.join([*said, p.caption.status])}".strip()


def facts(p: KlinesPicture, up: str, down: str) -> str:
    """Return the values of the last bar, live."""
    return "".join(html.fact(name, value) for name, value in _facts(p, up, down))


def static_facts(p: KlinesPicture, up: str, down: str) -> str:
    """Return the values of the last bar, and the legend of the overlays."""
    close, *others = _facts(p, up, down)
    lines = [
        (f'<span style="color:{LOOKS[look].colour}">■</span> {html.escape(name)}', value)
        for look, name, value in legend(p)
    ]
    problems = [("⚠", html.escape(each)) for each in p.problems]
    return "".join(html.static_fact(name, value) for name, value in (close, *lines, *others, *problems))


def _facts(p: KlinesPicture, up: str, down: str) -> list[tuple[str, str]]:
    if not p.close:
        return [("close", "–")]
    style = up if p.close[-1] >= p.open[-1] else down
    columns = (("open", p.open), ("high", p.high), ("low", p.low))
    return [
        ("close", f'<b>{last(p)}</b> <span style="{style}">{percent(p)}</span>'),
        ("volume", volume(p)),
        *[(name, html.number(column[-1], p.price_decimals)) for name, column in columns],
    ]


def axis_px(p: KlinesPicture) -> int:
    """Return the width of the price axis."""
    return max(44, max((len(mark.label) for mark in (*p.prices, p.last) if mark), default=6) * 7 + 10)


def axis_html(p: KlinesPicture) -> str:
    """Return the labels of the price axis, live."""
    place = "position:absolute;top:{:.2f}%;margin-top:-8px;font-size:11px;line-height:16px;".format
    made = "".join(
        [f'<span style="{place(m.percent)}left:5px;{html.MUTED}">{m.label}</span>' for m in p.prices],
    )
    if p.last:
        colour = html.UP if p.close[-1] >= p.open[-1] else html.DOWN
        look = f"left:1px;padding:0 4px;border-radius:2px;background:{colour};color:#fff;font-weight:600"
        made += f'<span style="{place(p.last.percent)}{look}">{p.last.label}</span>'
    return made


def axis_svg(p: KlinesPicture, width: int, height: int) -> str:
    """Return the price axis as an SVG document."""
    made = [
        f'<text x="5" y="{m.percent / 100 * height + 4:.1f}" fill="{html.GREY}">{html.escape(m.label)}</text>'
        for m in p.prices
    ]
    if p.last:
        y = p.last.percent / 100 * height
        colour = html.UP if p.close[-1] >= p.open[-1] else html.DOWN
        made.append(
            f'<rect x="1" y="{y - 8:.1f}" width="{width - 2}" height="16" rx="2" fill="{colour}"/>'
            f'<text x="5" y="{y + 4:.1f}" fill="#fff" font-weight="700">{p.last.label}</text>'
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="{html.SAFE_FONT}" '
        f'font-size="11">{"".join(made)}</svg>'
    )


def times_html(p: KlinesPicture) -> str:
    """Return the labels of the time axis, live."""
    look = "transform:translateX(-50%);white-space:nowrap"
    return "".join(
        [f'<span style="position:absolute;left:{m.percent:.2f}%;{look}">{m.label}</span>' for m in p.times],
    )


def times_table(p: KlinesPicture) -> str:
    """Return the labels of the time axis as a table."""
    cell = f"padding:0;border:none;text-align:left;font-size:10px;white-space:nowrap;color:{html.GREY}"
    edges = [*[m.percent for m in p.times], 100.0]
    made = f'<td style="{cell};width:{edges[0]:.1f}%">&nbsp;</td>'
    for mark, end in zip(p.times, edges[1:], strict=True):
        made += f'<td style="{cell};width:{end - mark.percent:.1f}%">{mark.label}</td>'
    return f'<table style="width:100%;border-collapse:collapse;table-layout:fixed;margin:0"><tr>{made}</tr></table>'
