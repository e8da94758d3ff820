"""What is a time on a tape, and what is a number of steps."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from kucoin_stream.errors import UsageError
from kucoin_stream.replay import Replay, nanoseconds


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        (1.5, 1_500_000_000),
        (2, 2_000_000_000),
        ("2023-11-14 22:30:05", 1_700_001_005_000_000_000),
        (pd.Timestamp("2023-11-14 23:30:05+01:00"), 1_700_001_005_000_000_000),
    ],
)
def test_seconds_texts_and_timestamps_are_times(time: Any, expected: int) -> None:
    assert nanoseconds(time) == expected


@pytest.mark.parametrize("time", ["soon", None, pd.NaT, True, [1], float("nan"), float("inf"), 1e300, -1e10, "9999"])
def test_what_is_no_time_is_refused(time: Any) -> None:
    with pytest.raises(UsageError, match="not a time"):
        nanoseconds(time)


@pytest.mark.parametrize("count", [0, -1, 1.5, "3", None, True])
def test_what_is_no_number_of_steps_is_refused(count: Any) -> None:
    with pytest.raises(UsageError, match="one step at least"):
        Replay.step(object.__new__(Replay), count)
