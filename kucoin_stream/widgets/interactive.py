"""The interactive view: the numbers of a picture as buffers, drawn in the browser by one ES module. Needs anywidget."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import anywidget
import traitlets

from kucoin_stream.widgets.buffers import PACKERS, Packed, height, said
from kucoin_stream.widgets.candles.curves import LOOKS
from kucoin_stream.widgets.drawing import html
from kucoin_stream.widgets.drawing.picture import Painter
from kucoin_stream.widgets.screen import Screen
from kucoin_stream.widgets.view import Live

_INKS = {
    "ink": "var(--jp-ui-font-color1,CanvasText)",
    "muted": "var(--jp-ui-font-color2,GrayText)",
    "paper": "var(--jp-layout-color0,Canvas)",
    "grey": html.GREY,
    "up": f"color-mix(in srgb,{html.UP} 80%,var(--jp-ui-font-color1,CanvasText))",
    "down": f"color-mix(in srgb,{html.DOWN} 84%,var(--jp-ui-font-color1,CanvasText))",
    **{f"line{i}": look.colour for i, look in enumerate(LOOKS)},
}
_BUTTON = (
    "flex:none;border:1px solid currentColor;border-radius:4px;background:none;color:inherit;font:inherit;"
    "font-size:11px;line-height:16px;padding:0 6px;cursor:pointer"
)
_OWN_KEYS = 'data-lm-suppress-shortcuts="true"'  # of what has the focus: else "d d" deletes the cell in JupyterLab
MAX_WIDTH_PX = {"candles": 960}  # the other kinds: 760
KEYS = "plus and minus zoom, arrows move, 0 shows all; shift and arrows read values; space freezes"


_READ = (  # a narrow picture shows all facts, over its plot, while the reader is at it
    "<style>[data-part=figure]:is(:hover,:focus-within)>[data-part=facts]{overflow:visible!important}"
    f"[data-part=facts]>span{{background:{_INKS['paper']};box-shadow:14px 0 {_INKS['paper']}}}</style>"
)
_LEGEND = (  # without room for all values the module leaves out those after the first of each overlay, then all
    "<style>[data-part=legend] i{font-style:normal}[data-less='1'] i+i,[data-less='2'] i{display:none}"
    "[data-less='2']>span{overflow:hidden;text-overflow:ellipsis;white-space:nowrap}</style>"
)


def frame(max_width: int) -> str:
    """Return the elements around the canvas. The module finds them by ``data-part``, the colours by ``data-ink``."""
    inks = "".join(f'<i data-ink="{name}" style="display:none;color:{colour}"></i>' for name, colour in _INKS.items())
    cut = "overflow:hidden;text-overflow:ellipsis;white-space:nowrap"
    row = "display:flex;align-items:center;gap:8px"
    return (
        '<div data-part="figure" role="figure" style="box-sizing:border-box;'
        f"width:100%;max-width:{max_width}px;min-width:0;padding:2px 4px;overflow:hidden;font:12px/18px {html.FONT};"
        f'font-variant-numeric:tabular-nums;color:{_INKS["ink"]}">{_READ}{_LEGEND}{inks}'
        f'<div style="{row};height:{html.TITLE_PX}px;white-space:nowrap">'
        f'<div data-part="head" style="{row};flex:1 1 auto;min-width:0;overflow:hidden"></div>'
        f'<button data-part="whole" {_OWN_KEYS} title="show all of it (0)" style="{_BUTTON}" hidden>whole</button>'
        f'<button data-part="hold" {_OWN_KEYS} title="hold still, or let move (space)" style="{_BUTTON}"></button>'
        f'</div><div data-part="facts" style="display:flex;flex-wrap:wrap;column-gap:14px;height:{html.FACTS_PX}px;'
        "position:relative;z-index:1;pointer-events:none;"
        f'overflow:hidden;{html.MUTED}"></div><div data-part="body" style="position:relative">'
        f'<canvas data-part="canvas" {_OWN_KEYS} tabindex="0" role="application" aria-label="{KEYS}" '
        'style="display:block;width:100%;height:100%;touch-action:pan-y;cursor:crosshair;outline-offset:-2px"></canvas>'
        '<div data-part="legend" style="position:absolute;left:4px;top:1px;max-width:calc(100% - 80px);max-height:32px;'
        "overflow:hidden;display:flex;flex-wrap:wrap;column-gap:12px;font-size:11px;line-height:16px;"
        f'background:color-mix(in srgb,{_INKS["paper"]} 75%,transparent);pointer-events:none;{html.MUTED}"></div>'
        f'<div data-part="cover" style="{row};position:absolute;inset:0;justify-content:center;pointer-events:none">'
        "</div></div>"
        f'<div style="display:flex;justify-content:space-between;gap:8px;height:{html.FOOT_PX}px;overflow:hidden;'
        f'font-size:10px;line-height:{html.FOOT_PX}px;white-space:nowrap;{html.MUTED}">'
        f'<span data-part="left" style="{cut}"></span><span data-part="right" style="flex:none"></span></div></div>'
    )


MODULE = files("kucoin_stream.widgets").joinpath("interactive.js").read_text(encoding="utf-8")


class InteractiveView(Live, anywidget.AnyWidget):  # type: ignore[misc]  # its base is untyped
    """A live picture with hover, zoom and a button that holds it still. Costs nothing while no page shows it.

    Each view in a page reports whether it is in sight: ``{"view": id, "visible": bool}``, or ``{"view": id, "gone":
    true}``. Every message that it is in sight counts as somebody looking.
    """

    _esm = MODULE
    frame = traitlets.Unicode().tag(sync=True)
    words = traitlets.Dict().tag(sync=True)
    told = traitlets.Dict().tag(sync=True)
    still = traitlets.Bytes().tag(sync=True)
    moving = traitlets.Bytes().tag(sync=True)
    held = traitlets.Bool(default_value=False).tag(sync=True)
    """Whether the reader holds the picture still; nothing is sent then."""

    def __init__(self, painter: Painter[Any, Any], kind: str, *, screen: Screen | None = None) -> None:
        self._pack = PACKERS[kind]
        self._lookers: dict[str, bool] = {}  # views in pages, and whether each is in sight
        self._reported = False
        super().__init__(painter, kind, screen=screen)
        self.on_msg(self._heard)
        self.observe(lambda _: self._screen.touch(), "held")

    @traitlets.default("frame")
    def _frame(self) -> str:
        return frame(MAX_WIDTH_PX.get(self.kind, 760))

    @property
    def visible(self) -> bool:
        """Whether it is in sight in some page, and not held there; yes, while no page has reported."""
        in_sight = any(self._lookers.values()) if self._reported else super().visible
        return in_sight and not self.held

    def _show(self, picture: Any) -> None:
        self._put(self._pack(picture, height(self._painter)))

    def _show_problem(self, message: str) -> None:
        words = said(self.kind, self._caption(), notice=message)
        with self.hold_sync():
            self.words = {"height": height(self._painter)} | self.words | words
            self.told = self.told | {"label": words["label"]}

    def _show_note(self, words: str) -> None:
        self.words = self.words | {"notice": words}

    def _put(self, packed: Packed) -> None:
        with self.hold_sync():  # one message for one picture
            self.words, self.told = packed.words, packed.told
            self.still, self.moving = packed.still, packed.moving

    def _heard(self, _: Any, content: Any, __: Any) -> None:
        view = content.get("view") if isinstance(content, dict) else None
        if not isinstance(view, str):
            return
        self._reported = True
        if content.get("gone"):
            self._lookers.pop(view, None)
            return
        self._lookers[view] = content.get("visible") is True
        if self._lookers[view]:
            self.seen = True
            self._screen.touch(self)
