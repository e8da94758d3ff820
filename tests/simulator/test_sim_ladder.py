import pytest
from hypothesis import given
from hypothesis import strategies as st

from kucoin_stream.simulator.ladder import Ladder, text, units


@pytest.mark.parametrize(
    ("value", "scale", "written"),
    [
        (807259, 1, "80725.9"),
        (807250, 1, "80725"),
        (8527, 9, "0.000008527"),
        (100, 4, "0.01"),
        (1200, 0, "1200"),
        (0, 8, "0"),
        (-15, 1, "-1.5"),
    ],
)
def test_numbers_are_written_plainly_and_without_trailing_zeros(value, scale, written):
    assert text(value, scale) == written
    assert units(written, scale) == value


def test_decimals_that_would_be_lost_are_an_error():
    with pytest.raises(ValueError, match="more than 1 decimals"):
        units("0.15", 1)


@given(st.lists(st.tuples(st.sampled_from(["asks", "bids"]), st.integers(1, 40), st.integers(0, 5))))
def test_a_ladder_agrees_with_two_dicts(changes):
    ladder, plain = Ladder(1, 1), {"asks": {}, "bids": {}}
    for side, price, size in changes:
        ladder.set(side, price, size)
        plain[side][price] = size
        if not size:
            del plain[side][price]
    for side, worst_last in (("asks", False), ("bids", True)):
        expected = sorted(plain[side].items(), reverse=worst_last)
        assert ladder.top(side) == expected
        assert ladder.top(side, 3) == expected[:3]
        assert ladder.count(side) == len(expected)
        assert ladder.best(side) == (expected[0][0] if expected else None)
        assert all(ladder.size(side, price) == size for price, size in expected)


def test_a_ladder_knows_when_it_is_crossed():
    ladder = Ladder(0, 0)
    ladder.set("bids", 10, 1)
    assert not ladder.crossed()
    ladder.set("asks", 11, 1)
    assert not ladder.crossed()
    ladder.set("asks", 10, 1)
    assert ladder.crossed()
