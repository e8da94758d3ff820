"""HTML shared by the pictures: escaping, numbers, the palette, the frame around a picture.

Everything is styled inline, but for the frame of interactive pictures, which is set once: a ``<style>`` element makes
the browser match the whole page again at each drawing, and JupyterLab removes it from untrusted notebooks. Live
pictures use Jupyter's colour variables and mix the two colours of the sides with the text's colour, so that they are
dark on light and light on dark.
"""

from __future__ import annotations

import re
import unicodedata
from base64 import b64encode
from html import escape as _escape
from time import gmtime, strftime

from msgspec import Struct

from kucoin_stream.widgets.drawing.picture import Caption

# Teal and vermillion: read as green and red, and told apart with any colour vision (they differ in blue and in
# lightness). Every use has a second sign: a position, an arrow or a word.
UP = "#0d9488"
DOWN = "#d9570a"
AMBER = "#e69f00"
SKY = "#56b4e9"
GREY = "#808890"

UP_TEXT = f"color:{UP};color:color-mix(in srgb,{UP} 80%,currentColor)"
DOWN_TEXT = f"color:{DOWN};color:color-mix(in srgb,{DOWN} 84%,currentColor)"
MUTED = "color:var(--jp-ui-font-color2,inherit)"
FONT = "var(--jp-ui-font-family,system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif)"
SAFE_FONT = "Helvetica,Arial,sans-serif"  # JupyterLab's sanitizer lets no variable pass in a font

TITLE_PX = 26
FACTS_PX = 20
FOOT_PX = 16

# Jupyter's style sheet fixes the layout of tables: where it is narrow, cells that do not wrap lie over each other.
STATIC_TABLE = "table-layout:auto;border-collapse:collapse;font-size:12px;width:100%;margin:0"
STATIC_CELL = "padding:0 4px;line-height:18px;border:none;white-space:nowrap;text-align:"


class Tone(Struct, frozen=True):
    """How a status looks; ``dims`` when the data under it is not to be traded on."""

    colour: str
    dims: bool


TONES = {
    "live": Tone(UP, False),
    "open": Tone(UP, False),
    "connected": Tone(UP, False),
    "partial": Tone(AMBER, False),
    "replaying": Tone(SKY, False),
    "replayed": Tone(SKY, False),
    "paused": Tone(SKY, False),
    "ended": Tone(SKY, False),
    "simulated": Tone(AMBER, False),
    "connecting": Tone(GREY, True),
    "syncing": Tone(GREY, True),
    "resyncing": Tone(AMBER, True),
    "stale": Tone(AMBER, True),
    "refused": Tone(DOWN, True),
    "stopped": Tone(GREY, True),
    "closed": Tone(GREY, True),
}
_UNKNOWN = Tone(AMBER, True)
_NARROW = re.compile("[\x20-\x7e\xa1-\u02ff\u2010-\u2027\u2030-\u205e\u2190-\u22ff\u2500-\u25fc]*")
_BADGES = {"REPLAYED": SKY}


def tone(word: str) -> Tone:
    """Return the look of a status word; an unknown one is a warning."""
    return TONES.get(word, _UNKNOWN)


def is_narrow(line: str) -> bool:
    """Return whether every character takes one cell: Latin, and the signs, boxes and blocks that we draw with."""
    return _NARROW.fullmatch(line) is not None


def clean(text: object, limit: int = 300) -> str:
    """Return foreign text on one line, without control, direction-changing or combining characters."""
    line = str(text)
    if len(line) > limit:
        line = line[: limit - 1] + "…"
    if is_narrow(line) and line.isprintable():
        return line
    return "".join(c if c.isprintable() else " " for c in line if not unicodedata.combining(c))


def escape(text: object) -> str:
    """Return foreign text safe inside an element or a quoted attribute."""
    return _escape(clean(text), quote=True)


def clock(at: float) -> str:
    """Return the UTC time of day of a Unix time as ``hh:mm:ss.mmm``."""
    return clock_ms(int(at * 1000))


def clock_ms(at: int) -> str:
    """Return the same of a Unix time in milliseconds."""
    ms = at % 86_400_000
    s = ms // 1000
    return f"{s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d}.{ms % 1000:03d}"


def moment(at: float) -> str:
    """Return a Unix time as ``yyyy-mm-dd hh:mm:ss UTC``."""
    return strftime("%Y-%m-%d %H:%M:%S UTC", gmtime(at))


def number(value: float | None, decimals: int) -> str:
    """Return ``value`` with thousands separators, or a dash where there is none."""
    return "–" if value is None else f"{value:,.{decimals}f}"


def size(width: str, height: int, place: str = "display:block") -> str:
    """Return the attributes of a live SVG of that size: in its style, which no style sheet of a page overrules."""
    return f'style="{place};width:{width};height:{height}px" aria-hidden="true"'


def image(svg: str, style: str, alt: str = "") -> str:
    """Return an SVG document as an ``<img>`` that carries its data, which JupyterLab lets pass."""
    data = b64encode(svg.encode()).decode()
    return f'<img alt="{escape(alt)}" style="{style}" src="data:image/svg+xml;base64,{data}">'


def fact(name: str, value: str, style: str = "") -> str:
    """Return a named value for the line under the title; ``value`` is HTML."""
    return f'<span><span style="{MUTED}">{name}</span> <span style="{style}">{value}</span></span>'


def badge(text: str) -> str:
    """Return the badge as a pill, or nothing."""
    if not text:
        return ""
    colour = _BADGES.get(text, AMBER)
    return (
        f'<span style="flex:none;background-color:{colour};color:#000000;font-size:10px;font-weight:700;'
        f'letter-spacing:0.5px;line-height:16px;padding:0 6px;border-radius:8px">{escape(text)}</span>'
    )


def frame(
    caption: Caption,
    *,
    label: str,
    facts: str,
    body: str,
    height: int | None,
    foot: str = "",
    notice: str = "",
    max_width: int = 760,
    dims: bool = True,
) -> str:
    """Put title, facts, notice and footer around the live ``body``, which is ``height`` px high, or has its own height.

    It asks for no width of its own: what it holds cannot make the output wider than the page.

    ``label`` is read out by screen readers. ``facts``, ``body`` and ``foot`` are HTML; ``label`` and ``notice`` text.
    """
    look = tone(caption.word)
    dimmed = dims and look.dims
    if dimmed and not notice:
        notice = caption.status
    cover = (
        '<div style="position:absolute;left:0;right:0;top:0;bottom:0;display:flex;align-items:center;'
        'justify-content:center"><span style="max-width:88%;overflow:hidden;max-height:54px;padding:5px 14px;'
        f"border-radius:5px;background:{look.colour if look.dims else GREY};color:#000;font-weight:600;"
        f'text-align:center;overflow-wrap:anywhere">{escape(notice)}</span></div>'
        if notice
        else ""
    )
    status = escape(caption.status)
    return (
        f'<div role="figure" aria-label="{escape(label)}" style="box-sizing:border-box;width:0;'
        f"min-width:min(100%,{max_width}px);padding:2px 4px;overflow:hidden;font:12px/18px {FONT};"
        "font-variant-numeric:tabular-nums;"
        'color:var(--jp-ui-font-color1,inherit)">'
        f'<div style="display:flex;align-items:center;gap:8px;height:{TITLE_PX}px;white-space:nowrap">'
        '<span style="font-size:14px;font-weight:600;overflow:hidden;text-overflow:ellipsis;flex:none;max-width:52%">'
        f"{escape(caption.title)}</span>{badge(caption.badge)}"
        f'<span title="{status}" style="margin-left:auto;flex:0 1 auto;min-width:52px;text-align:right;overflow:hidden;'
        f'text-overflow:ellipsis;font-size:11px"><span style="color:{look.colour}">●</span> {status}</span></div>'
        f'<div style="display:flex;flex-wrap:wrap;column-gap:14px;height:{FACTS_PX}px;overflow:hidden">{facts}</div>'
        f'<div style="position:relative;height:{"auto" if height is None else f"{height}px"};overflow:hidden">'
        f'<div style="height:100%{";opacity:.4" if notice else ""}">{body}</div>{cover}</div>'
        f'<div style="display:flex;justify-content:space-between;gap:8px;height:{FOOT_PX}px;overflow:hidden;'
        f'font-size:10px;line-height:{FOOT_PX}px;white-space:nowrap;{MUTED}">'
        f'<span style="overflow:hidden;text-overflow:ellipsis">{foot}</span>'
        f'<span style="flex:none">updated {clock(caption.at)} UTC</span></div></div>'
    )


def static_frame(
    caption: Caption,
    *,
    facts: str,
    body: str,
    foot: str = "",
    notice: str = "",
    max_width: int = 760,
    dims: bool = True,
) -> str:
    """Put the same around a static ``body``: table and inline styles only, marked with its time.

    A ``body`` that is wider than the page scrolls sideways.
    """
    look = tone(caption.word)
    if look.dims and dims and not notice and caption.word != "stopped":  # a static picture is of something stopped
        notice = caption.status
    banner = (
        f'<div style="padding:2px 8px;font-weight:700;background-color:{look.colour if look.dims else GREY};'
        f'color:#000000">{escape(notice)}</div>'
        if notice
        else ""
    )
    return (
        f'<div style="max-width:{max_width}px;font-family:{SAFE_FONT};font-size:12px;line-height:18px;'
        'overflow-wrap:anywhere">'
        '<div style="padding:2px 4px"><span style="font-size:14px;font-weight:700">'
        f"{escape(caption.title)}</span> &nbsp;{badge(caption.badge)} &nbsp;"
        f'<span style="font-size:11px"><span style="color:{look.colour}">●</span> {escape(caption.status)} '
        f"at {clock(caption.at)[:8]} UTC</span></div>"
        f'<div style="padding:0 4px">{facts}</div>{banner}<div style="overflow-x:auto">{body}</div>'
        f'<div style="padding:2px 4px;font-size:10px;color:{GREY}">picture of {moment(caption.at)}'
        f"{' · ' + foot if foot else ''}</div></div>"
    )


def static_fact(name: str, value: str) -> str:
    """Return a named value for a static picture; ``value`` is HTML."""
    return f'<span style="color:{GREY}">{name}</span> {value} &nbsp; '
