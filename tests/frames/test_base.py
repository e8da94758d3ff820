"""Times and blocks of numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from kucoin_stream.frames.base import NO_TIME, numbers, utc


@pytest.mark.parametrize(("unit", "one_second"), [("s", 1), ("ms", 1000), ("us", 10**6), ("ns", 10**9)])
def test_times_of_every_unit_are_utc_nanoseconds_and_what_is_none_is_nat(unit: str, one_second: int) -> None:
    values = [one_second, 0, -one_second, NO_TIME]
    if unit != "ns":
        values += [2**62, -(2**62)]
    index = utc(np.array(values), unit)
    assert index.dtype == "datetime64[ns, UTC]"
    expected = [pd.Timestamp("1970-01-01T00:00:01Z"), pd.Timestamp(0, tz="UTC"), pd.Timestamp("1969-12-31T23:59:59Z")]
    assert list(index[:3]) == expected
    assert index[3:].isna().all()


def test_numbers_keep_names_order_and_index() -> None:
    frame = numbers({"b": np.array([1.0, 2.0]), "a": np.array([3.0, np.nan])}, pd.Index(["x", "y"]))
    assert list(frame.columns) == ["b", "a"]
    assert frame.loc["y", "b"] == 2.0
    assert np.isnan(frame.loc["y", "a"])
    assert numbers({"b": np.empty(0)}).empty
