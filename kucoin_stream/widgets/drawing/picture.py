"""What every picture has in common: its subject, its caption, and the painter that turns one into the other."""

from __future__ import annotations

import math
from typing import Any, Generic, Protocol, TypeVar

from msgspec import Struct


class Subject(Protocol):
    """A live object that can be drawn. Its attributes are cheap and may be read from any thread."""

    @property
    def title(self) -> str:
        """What is shown: ``"BTC-USDT"``."""

    @property
    def version(self) -> object:
        """Changes (``!=``) whenever there is something new to draw."""

    @property
    def status(self) -> str:
        """One word, ``"live"`` when all is well, and perhaps ``": reason"``."""

    @property
    def badge(self) -> str:
        """``""``, ``"SIMULATED"`` or ``"REPLAYED"``."""


class Caption(Struct, frozen=True):
    """The words around a picture. ``at`` is the Unix time of the drawing, in seconds."""

    title: str
    status: str
    badge: str
    at: float

    @property
    def word(self) -> str:
        """The status without its reason."""
        return word_of(self.status)


def word_of(status: str) -> str:
    """Return a status without its reason."""
    return status.partition(":")[0].strip().lower()


class HasCaption(Protocol):
    """Every picture has a caption."""

    @property
    def caption(self) -> Caption:
        """Title, status, badge, time."""


P = TypeVar("P", bound=HasCaption)
S = TypeVar("S", bound=Subject)

NARROWEST = 36  # cells of a picture as text


class Painter(Generic[S, P]):
    """Takes pictures of a subject and renders them. No browser, no thread, no kernel is needed.

    One thread at a time: a painter may keep what it has rendered for the next picture.
    """

    def __init__(self, subject: S) -> None:
        self.subject = subject

    @property
    def version(self) -> object:
        """Changes (``!=``) whenever there is something new to draw."""
        return self.subject.version, self._standing

    @property
    def _standing(self) -> str:
        """What the subject's tape does while it does not move; nothing where it has none."""
        return str(getattr(self.subject, "_standing", ""))

    def caption(self, at: float) -> Caption:
        """Read title, status and badge of the subject; live on a tape that stands is ``paused`` or ``ended``."""
        subject = self.subject
        title = " · ".join(filter(None, (str(subject.title), getattr(subject, "note", ""))))
        status = str(subject.status)
        if word_of(status) == "live":
            status = self._standing or status
        return Caption(title, status, str(subject.badge), at)

    def picture(self, at: float) -> P:
        """Take one full-state picture; ``at`` is Unix time in seconds. May block for a few ms."""
        raise NotImplementedError

    def html(self, picture: P) -> str:
        """Render for a live widget: inline SVG, Jupyter's colour variables."""
        raise NotImplementedError

    def static_html(self, picture: P) -> str:
        """Render for a saved notebook: survives JupyterLab's sanitizer and needs no kernel."""
        raise NotImplementedError

    def text(self, picture: P, width: int = 80) -> str:
        """Render for a terminal: every line is ``width`` cells wide, the number of lines is constant."""
        raise NotImplementedError

    def narrowest(self, picture: P) -> int:  # noqa: ARG002  it is for others to look at
        """Return from how many cells on :meth:`text` shows what the picture is for."""
        return NARROWEST

    def problem(self, caption: Caption, message: str) -> str:
        """Render, as live HTML of the usual height, that the subject could not be drawn."""
        raise NotImplementedError


def finite(value: Any) -> float | None:
    """Return ``value`` as a finite float, or ``None``."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def digits(value: float) -> int:
    """Count the digits before the decimal point: 1 for 0.5 and for 9, 5 for 67123.4."""
    return max(1, math.floor(math.log10(value)) + 1) if value >= 1 else 1


_UNITS = ((1e7, 1.0, ""), (1e10, 1e3, "K"), (1e13, 1e6, "M"), (1e16, 1e9, "B"), (1e19, 1e12, "T"))


class Scale(Struct, frozen=True):
    """How the sizes of one picture are written: divided by ``divisor``, with ``decimals``, marked with ``unit``."""

    divisor: float
    unit: str
    decimals: int


def scale_for(largest: float, price: float, size_decimals: int, at_least: int = 0) -> Scale:
    """Choose one scale for a column of sizes, so that its decimal points stay in line.

    A step of the last digit is worth about one unit of the quote currency, and the largest size has at least four
    significant digits. ``at_least`` decimals are kept, so that a live column does not change its mind.
    """
    divisor, unit = next(((d, u) for limit, d, u in _UNITS if largest < limit), (0.0, ""))
    if not divisor:
        power = digits(largest) - 4
        divisor, unit = 10.0**power, f"e{power}"
    if divisor > 1:
        return Scale(divisor, unit, 2)
    whole = digits(largest)
    by_price = digits(price) if price >= 1 else 0
    decimals = min(size_decimals, max(by_price, 4 - whole, at_least), 9 - whole)
    return Scale(1.0, "", max(0, decimals))
