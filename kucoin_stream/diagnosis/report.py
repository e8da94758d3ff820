"""What a diagnosis found: rows, as text for a bug report, as HTML, as a DataFrame."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from html import escape
from typing import TYPE_CHECKING, Literal

import msgspec
from msgspec import Struct

if TYPE_CHECKING:
    import pandas as pd

Result = Literal["ok", "warn", "bad"]

_WIDTH = 100  # letters of a detail in a line
_COLOURS = {
    "ok": "var(--jp-success-color1, #388e3c)",
    "warn": "var(--jp-warn-color1, #f57c00)",
    "bad": "var(--jp-error-color1, #d32f2f)",
}
_STYLE = "overflow-x:auto;white-space:pre;line-height:1.35;font-family:var(--jp-code-font-family, monospace)"


class Row(Struct, frozen=True):
    """One check: ``what`` was looked at, the ``result``, in ``detail``, and what to do ``next`` where it is not ok."""

    what: str
    result: Result
    detail: str = ""
    next: str = ""


class Report(Struct, frozen=True):
    """A diagnosis. Its repr is text made to be pasted into a bug report; it holds no key, token or password.

    ``target`` is what was looked at, ``time`` when, as ISO text in UTC.
    """

    target: str
    time: str
    rows: tuple[Row, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is bad; warnings are allowed."""
        return all(row.result != "bad" for row in self.rows)

    @property
    def df(self) -> pd.DataFrame:
        """The rows: ``what``, ``result``, ``detail``, ``next``."""
        import pandas as pd

        names = Row.__struct_fields__
        frame = pd.DataFrame([[getattr(row, name) for name in names] for row in self.rows], columns=list(names))
        frame.attrs |= {"title": f"doctor of {self.target}", "time": self.time}
        return frame

    def json(self) -> str:
        """Return all of it as JSON: ``ok``, ``target``, ``time``, ``rows``."""
        whole = {"ok": self.ok, **msgspec.structs.asdict(self)}
        return msgspec.json.format(msgspec.json.encode(whole)).decode()

    def __repr__(self) -> str:
        return "\n".join([self._head(), *(line for row in self._once() for line in self._lines(row))])

    __str__ = __repr__
    __rich_repr__ = None  # type: ignore[assignment]  # rich asks for it

    def _repr_html_(self) -> str:
        blocks = [escape(self._head())]
        for row in self._once():
            text = escape("\n".join(self._lines(row)).removeprefix(row.result))
            blocks.append(f'<span style="color:{_COLOURS[row.result]}">{row.result}</span>{text}')
        lines = "\n".join(blocks)
        return f'<pre style="{_STYLE}">{lines}</pre>'

    def _head(self) -> str:
        count = {result: sum(row.result == result for row in self.rows) for result in ("bad", "warn", "ok")}
        said = ", ".join(f"{number} {result}" for result, number in count.items() if number)
        return f"kucoin_stream doctor: {said or 'nothing was looked at'} | {self.target} | {self.time}"

    def _once(self) -> Iterator[Row]:
        """Yield the rows, and what to do next only where it is first said."""
        said = {""}
        for row in self.rows:
            yield row if row.next not in said else msgspec.structs.replace(row, next="")
            said.add(row.next)

    def _lines(self, row: Row) -> Iterable[str]:
        width = max(len(each.what) for each in self.rows)
        first, *rest = textwrap.wrap(row.detail, _WIDTH) or [""]
        yield f"{row.result:<5} {row.what:<{width}}  {first}".rstrip()
        indent = " " * (8 + width)
        yield from (indent + line for line in rest)
        if row.next:
            advice = _WIDTH + len(indent)
            yield from textwrap.wrap(row.next, advice, initial_indent=f"{indent}-> ", subsequent_indent=f"{indent}   ")
