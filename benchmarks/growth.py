"""How cost grows: ``python -m benchmarks.growth`` prints one table, and on paper what all of KuCoin needs.

Every exchange and every client is a process of its own; those that are compared live at the same time and are flooded
in turn, round by round, so that the machine's moods meet all alike. A figure is the median of the rounds, CPU that of
the whole client process (user and system, all threads), a ratio the median of the rounds' ratios. See README.md.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from benchmarks import growth_parts as parts
from benchmarks.__main__ import progress
from benchmarks.growth_law import Law, arithmetic
from benchmarks.growth_run import Row
from benchmarks.table import _markdown, _text

ROUNDS = 4
HEAD = ("what", "against", "figures", "unit", "a piece more", "at none", "R2", "remark")
PARTS = ("symbols", "levels", "rows", "pace", "connections", "widgets", "notebooks", "feeds", "books")


def measure(rounds: int, only: Sequence[str]) -> tuple[list[Row], dict[str, float]]:
    """Return the rows of the table, and what they say a message, a book, a level and a row cost."""
    law: dict[str, float] = {}
    measured: dict[str, Callable[[], list[Row]]] = {
        "symbols": partial(parts.symbols, rounds, law),
        "levels": partial(parts.levels, rounds, law),
        "rows": partial(parts.rows, law),
        "pace": partial(parts.pace, rounds, law),
        "connections": partial(parts.connections, rounds),
        "widgets": partial(parts.widgets, rounds),
        "notebooks": partial(parts.notebooks, rounds),
        "feeds": partial(parts.start, "ticker", "start of a feed"),
    }
    found: list[Row] = []
    with ThreadPoolExecutor(1) as aside:  # two minutes of waiting for the limit on commands, and little work
        books = aside.submit(parts.start, "level2", "start of books") if "books" in only else None
        for name, part in measured.items():
            if name in only:
                found += part()
                progress()
        return [*found, *(books.result() if books else [])], law


def draw(rows: Sequence[Row], *, markdown: bool) -> str:
    """Return the table."""
    return (_markdown if markdown else _text)(HEAD, [_cells(row) for row in rows])


def _cells(row: Row) -> Sequence[str]:
    figures = "; ".join(f"{at:,.0f}: {_number(value)}" for at, value in row.points)
    fitted = ("", "", "")
    if row.line is not None:
        fitted = (f"{row.line.slope:.3g}", f"{row.line.intercept:.3g}", f"{row.line.r2:.3f}")
    return row.name, row.against, figures, row.unit, *fitted, row.remark


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="interleaved rounds (default: %(default)s)")
    told = f"some of {' '.join(PARTS)}; levels go by symbols"
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, metavar="PART", help=told)
    parser.add_argument("--markdown", action="store_true", help="the table as Markdown")
    options = parser.parse_args()
    began = time.monotonic()
    rows, law = measure(options.rounds, options.only)
    print(draw(rows, markdown=options.markdown))
    if law.keys() == set(Law._fields):
        print(f"\n{arithmetic(Law(**law))}")
    print(f"\n{options.rounds} rounds; {time.monotonic() - began:.0f} s in all")


if __name__ == "__main__":
    main()
