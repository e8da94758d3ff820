"""Columns of the latest rows, against a deque of rows."""

from __future__ import annotations

from collections import deque

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kucoin_stream.market.ring import Ring

COLUMNS = {"at": "q", "price": "d", "side": "i", "id": "O"}
DTYPES = {"at": np.dtype("int64"), "price": np.dtype("float64"), "side": np.dtype("int32"), "id": np.dtype("O")}

ROWS = st.tuples(
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.integers(-(2**31), 2**31 - 1),
    st.one_of(st.none(), st.text(max_size=3), st.lists(st.integers(), max_size=2)),
)
STEPS = st.one_of(
    st.tuples(st.just("append"), ROWS),
    st.tuples(st.just("replace_last"), ROWS),
    st.tuples(st.just("clear"), st.none()),
)


def rows(ring: Ring, count: int | None = None) -> list[tuple[object, ...]]:
    return list(zip(*(column.tolist() for column in ring.arrays(count).values()), strict=True))


@given(st.integers(1, 6), st.lists(STEPS, max_size=40))
@settings(max_examples=100)
def test_a_ring_is_a_deque(maxlen, steps):
    ring, model, written = Ring(COLUMNS, maxlen), deque(maxlen=maxlen), 0
    for step, row in steps:
        if step == "append":
            ring.append(row)
            model.append(row)
            written += 1
        elif step == "replace_last" and model:
            ring.replace(-1, row)
            model[-1] = row
        elif step == "clear":
            assert [tuple(row) for row in ring.cut(0)] == [tuple(row) for row in model]
            model.clear()
        assert rows(ring) == list(model)
        assert (len(ring), ring.written) == (len(model), written)
        if model:
            assert ring.last() == model[-1]
    for count in range(maxlen + 2):
        assert rows(ring, count) == list(model)[max(0, len(model) - count) :]
    assert {name: column.dtype for name, column in ring.arrays().items()} == DTYPES


def test_copies_do_not_change_and_can_be_written():
    ring = Ring({"price": "d"}, 3)
    ring.append([1.0])
    copied = ring.arrays()["price"]
    ring.append([2.0])
    ring.replace(-1, [3.0])
    copied[0] = 9.0
    assert ring.arrays()["price"].tolist() == [1.0, 3.0]
    assert copied.tolist() == [9.0]


def test_no_row_no_last():
    with pytest.raises(IndexError):
        Ring(COLUMNS, 3).last()


@pytest.mark.parametrize(
    ("row", "error"),
    [
        ((2**63, 1.0, 1, "b"), OverflowError),
        ((1, "x", 1, "b"), TypeError),
        ((1, None, 1, "b"), TypeError),
        ((1, 1.0, 2**31, "b"), OverflowError),
        ((1, 1.0), ValueError),
    ],
)
def test_a_row_that_does_not_fit_leaves_no_trace(row, error):
    ring = Ring(COLUMNS, 3)
    ring.append((1, 1.0, 1, "a"))
    with pytest.raises(error):
        ring.append(row)
    ring.append((3, 3.0, 3, "c"))
    assert rows(ring) == [(1, 1.0, 1, "a"), (3, 3.0, 3, "c")]
    assert ring.written == 2


def test_rows_can_be_cut_and_counted_by_the_first_column():
    ring = Ring({"at": "q", "price": "d"}, 4)
    for at in range(7):
        ring.append((at, at * 1.5))
    assert [ring.below(value) for value in (0, 3, 4, 6, 9)] == [0, 0, 1, 3, 4]
    assert ring.cut(2) == [(5, 7.5), (6, 9.0)]
    assert ring.arrays()["at"].tolist() == [3, 4]
