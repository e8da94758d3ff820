"""Numbers that users give: what is taken, and what is refused with the name of the argument."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given as examples
from hypothesis import strategies as st

from kucoin_stream import given
from kucoin_stream.errors import UsageError

NONE_AT_ALL = [None, "5", "", b"5", [], {}, object(), True, math.nan, pd.NaT, Decimal("NaN"), Decimal("sNaN"), 1j]


@pytest.mark.parametrize(
    ("function", "value", "expected"),
    [
        (lambda v: given.whole("n", v), np.int64(3), 3),
        (lambda v: given.whole("n", v, least=0), 0, 0),
        (given.levels, None, None),
        (given.levels, 10, 10),
        (lambda v: given.number("n", v), Decimal("0.1"), 0.1),
        (lambda v: given.above("n", v), np.float32(0.5), 0.5),
        (given.multiplier, None, None),
        (given.multiplier, -1, -1.0),
        (given.multiplier, Decimal("0.001"), 0.001),
        (given.patience, 0, 0.0),
        (given.patience, math.inf, 1e8),
    ],
)
def test_what_is_a_number_is_taken(function: Any, value: Any, expected: Any) -> None:
    assert function(value) == expected
    assert type(function(value)) is type(expected)


@pytest.mark.parametrize("value", [*NONE_AT_ALL, 1.0, 1.5, 0, -1, 10**30, math.inf])
def test_what_is_no_whole_number_is_refused(value: Any) -> None:
    with pytest.raises(UsageError, match=r"^maxlen=.*: a whole number from 1 to 1,000,000,000$"):
        given.whole("maxlen", value)


@pytest.mark.parametrize("value", [*NONE_AT_ALL, 0, -0.1, math.inf, -math.inf, 10**400])
def test_what_is_not_above_zero_is_refused(value: Any) -> None:
    with pytest.raises(UsageError, match=r"^tick=.*: a number above 0$"):
        given.above("tick", value)


@pytest.mark.parametrize("value", [*NONE_AT_ALL[1:], 0, math.inf])
def test_what_is_no_multiplier_says_where_there_is_one(value: Any) -> None:
    with pytest.raises(UsageError, match=r"^multiplier=.*client\.contract\(symbol\)\.multiplier"):
        given.multiplier(value)


@pytest.mark.parametrize("value", [*NONE_AT_ALL, -1])
def test_one_does_not_wait_for_what_is_no_time(value: Any) -> None:
    with pytest.raises(UsageError, match=r"^timeout=.*: a number of seconds"):
        given.patience(value)


@examples(st.one_of(st.integers(), st.floats(), st.text(), st.binary(), st.none(), st.decimals(), st.lists(st.none())))
def test_nothing_else_is_ever_raised_and_messages_are_short(value: Any) -> None:
    for function in (given.whole, given.number, given.above):
        try:
            function("n", value)
        except UsageError as exc:
            assert len(str(exc)) < 120  # noqa: PT017
