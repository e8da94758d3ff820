"""Whatever goes wrong: it is survived, what is shown is right or marked, what is lost is told, and all ends well."""

from __future__ import annotations

import pytest

from tests.faults.matrix import MATRIX
from tests.faults.stage import Row, play
from tests.faults.truth import Losses, losses

CASES = [pytest.param(row, id=row.name, marks=[pytest.mark.slow] if row.slow else []) for row in MATRIX]


@pytest.mark.parametrize("transport", ["websockets", "picows"])
@pytest.mark.parametrize("row", CASES)
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
