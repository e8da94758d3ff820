"""Colours for a terminal, put into a picture's text by the signs that stand there anyway.

A picture's text is complete without them: arrows, sides of a line, shapes. So this takes the text alone, and what is
taken out of its result again is the text. The colours are of the 256 that terminals have, readable on dark and light.
"""

from __future__ import annotations

import re
from collections.abc import Callable

UP, DOWN, AMBER, MUTED = "38;5;30", "38;5;166", "38;5;172", "2"
BOLD = "1"

_WORD = r"[\w+.,%/-]+"
_SIGNS = re.compile(
    rf"(?P<up>▲(?: ?{_WORD})?)|(?P<down>▼(?: ?{_WORD})?)|(?P<amber>⚠.*|\[(?:SIMULATED|REPLAYED)\])"
    r"|(?P<well>[●✓] (?:live|open|connected)?)|(?P<dot>● \w+)"
    r"|(?P<gain>(?<!\S)\+[\d.,]+ ?%)|(?P<loss>(?<!\S)[-−][\d.,]+ ?%)"
)
_OF_SIGN = {"up": UP, "down": DOWN, "amber": AMBER, "well": UP, "dot": AMBER, "gain": UP, "loss": DOWN}
_CANDLE = re.compile(r"(?P<up>█+)|(?P<down>▒+)|(?P<muted>[│]+)")
_OF_CANDLE = {"up": UP, "down": DOWN, "muted": MUTED}


def paint(words: str, code: str) -> str:
    """Return words in a colour."""
    return f"\x1b[{code}m{words}\x1b[0m" if words.strip() else words


def coloured(kind: str, text: str) -> str:
    """Return the text of a picture of that kind in colours."""
    first, *lines = text.split("\n")
    *lines, last = lines or [""]
    by_kind = _KINDS.get(kind, _signs)
    middle = [by_kind(line) for line in lines]
    return "\n".join([_title(first), *middle, *([paint(last, MUTED)] if "\n" in text else [])])


def _title(line: str) -> str:
    at = min(at for sign in ("[", "●", "  ") if (at := f"{line}  ".find(sign)) >= 0)
    return paint(line[:at], BOLD) + _signs(line[at:])


def _signs(line: str) -> str:
    return _SIGNS.sub(lambda found: paint(found[0], _OF_SIGN[str(found.lastgroup)]), line)


def _sides(line: str) -> str:
    """Colour what is left of the middle as bids and what is right of it as asks."""
    left, bar, right = line.partition("│")
    return f"{paint(left, UP)}{paint(bar, MUTED)}{paint(right, DOWN)}" if bar else _signs(line)


def _trade(line: str) -> str:
    """Colour a whole line by the arrow near its begin."""
    arrows = {"▲": UP, "▼": DOWN}
    code = next((arrows[sign] for sign in line[:30] if sign in arrows), None)
    return _signs(line) if code is None or ":" not in line[:12] else paint(line, code)


def _candles(line: str) -> str:
    return _CANDLE.sub(lambda found: paint(found[0], _OF_CANDLE[str(found.lastgroup)]), line)


_KINDS: dict[str, Callable[[str], str]] = {"ladder": _sides, "tape": _trade, "candles": _candles}
