"""``python -m tests.faults``: plays the fault matrix over real sockets and prints it as a table in Markdown."""

from __future__ import annotations

import sys
import time

import click

from tests.faults.matrix import MATRIX
from tests.faults.stage import Result, play

TRANSPORTS = ("websockets", "picows")
HEAD = "| fault | transport | survived | recovered in | missed | told | final state |\n|---|---|---|--:|--:|--:|---|"


@click.command()
@click.option("--only", default="", help="Rows whose name contains this.")
@click.option("--transport", "transports", multiple=True, type=click.Choice(TRANSPORTS), default=TRANSPORTS)
def main(only: str, transports: tuple[str, ...]) -> None:
    """Play the fault matrix; the exit status is 1 where a row is not green."""
    began = time.monotonic()
    rows = [row for row in MATRIX if only in row.name]
    results = []
    print(HEAD)
    for row in rows:
        for transport in transports:
            results.append(play(row, transport))
            print(line(results[-1]), flush=True)
    red = [result for result in results if result.wrong]
    print(
        f"\n{len(rows)} faults, {len(results)} runs in {time.monotonic() - began:.0f} s, {len(red)} not green;"
        f" {sum(each.missed for each in results)} messages missed, {sum(each.told for each in results)} told"
    )
    sys.exit(bool(red))


def line(result: Result) -> str:
    """Return one row of the table."""
    seconds = "never" if result.seconds is None else f"{result.seconds:.2f} s"
    survived = "yes" if result.survived else "NO"
    cells = (result.fault, result.transport, survived, seconds, result.missed, result.told, result.final)
    return f"| {' | '.join(str(cell).replace('|', '/') for cell in cells)} |"


if __name__ == "__main__":
    main()
