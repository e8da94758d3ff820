"""Whatever goes wrong: it is survived, what is shown is right or marked, what is lost is told, and all ends well."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.faults.matrix import MATRIX
from tests.faults.stage import Row, play
from tests.faults.truth import Losses, losses

pytestmark = pytest.mark.slow

TRANSPORTS = ("websockets", "picows")


def cases() -> Iterator[Any]:
    """Yield every row on every transport; in haste, each on one of them."""
    for number, row in enumerate(MATRIX):
        for transport in TRANSPORTS:
            hasty = transport == TRANSPORTS[number % 2] and not row.slow
            yield pytest.param(row, transport, id=f"{row.name}-{transport}", marks=[] if hasty else [pytest.mark.slow])


@pytest.mark.parametrize(("row", "transport"), list(cases()))
def test_whatever_goes_wrong_what_is_shown_is_right_or_marked(row: Row, transport: str) -> None:
    if transport == "picows":
        pytest.importorskip("picows")
    result = play(row, transport)
    assert result.survived, result.wrong
    assert not result.wrong
    assert result.missed == result.told


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ([1, 2, 3, 4], Losses(0, 0, 0)),
        ([2, 3], Losses(0, 0, 0)),  # before and after it, nobody read
        ([1, 4], Losses(2, 0, 0)),
        ([1, None, 4], Losses(2, 2, 0)),
        ([1, 3, 4, None], Losses(1, 0, 0)),
        ([1, 2, 2, 3, 4], Losses(0, 0, 1)),
        ([1, 3, 2, 4], Losses(0, 0, 0)),
    ],
)
def test_what_a_reader_did_not_get_is_counted(seen: list[int | None], expected: Losses) -> None:
    assert losses([1, 2, 3, 4], seen) == expected
